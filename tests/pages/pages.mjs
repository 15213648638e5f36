// Looks at the pages in $PAGES as a reader would: tests/pages/run.sh
import fs from "node:fs";
import os from "node:os";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const { chromium } = createRequire(new URL("../../editors/vscode/package.json", import.meta.url))("playwright-core");
const { CHROMIUM, MERMAID, PAGES } = process.env;

let failed = 0;
function check(what, passed, got) {
  console.log(`${passed ? "ok  " : "FAIL"}  ${what}${passed || got === undefined ? "" : `; got ${JSON.stringify(got)}`}`);
  failed += passed ? 0 : 1;
}

const read = (name) => fs.readFileSync(path.join(PAGES, name), "utf8");
const sorted = (names) => [...names].sort();

const profile = fs.mkdtempSync(path.join(os.tmpdir(), "pages-"));
const browser = await chromium.launchPersistentContext(profile, {
  viewport: { width: 1180, height: 900 },
  executablePath: CHROMIUM,
  headless: true,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND",
  ],
});

/** Opens a page of ours in both colour schemes; notes what it asks for and what it complains about. */
async function look(name, judge) {
  const page = await browser.newPage();
  const asked = [];
  const complaints = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  const address = pathToFileURL(path.join(PAGES, name)).href;
  const papers = [];
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.goto(address);
    papers.push(await page.evaluate(paper));
    const size = await page.evaluate(extent);
    await page.setViewportSize({ width: Math.max(1180, size.width), height: Math.min(Math.max(600, size.height), 5000) });
    const picture = path.join(PAGES, `${name.replace(/\.\w+$/, "")}-${colorScheme}`);
    await page.screenshot({ path: `${picture}.png` });
    await page.screenshot({ path: `${picture}-top.png`, clip: { x: 0, y: 0, width: 1180, height: 640 } });
  }
  check(`${name} needs nothing else`, asked.every((url) => url === address), asked);
  check(`${name} has no complaints`, complaints.length === 0, complaints);
  check(`${name} is light in light and dark in dark`, papers[0] > 200 && papers[1] < 60, papers);
  await judge(page);
  await page.close();
}

/** How bright the background is. */
function paper() {
  const element = document.querySelector("rect.paper");
  const style = element ? getComputedStyle(element).fill : getComputedStyle(document.body).backgroundColor;
  const numbers = style.match(/\d+/g).map(Number);
  return (numbers[0] + numbers[1] + numbers[2]) / 3;
}

function extent() {
  const element = document.documentElement;
  const box = element.getBoundingClientRect();
  const width = Number(element.getAttribute("width")) || box.width;
  return { width: Math.ceil(width), height: Math.ceil(Math.max(box.height, element.scrollHeight)) };
}

/** Of each table its name and the box around it, and whether a text sticks out of it. */
const tables = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll("g.table[data-table]")].map((table) => {
      const { left, top, right, bottom } = table.querySelector(".box").getBoundingClientRect();
      const sticksOut = [...table.querySelectorAll("text")].filter((text) => {
        const inner = text.getBoundingClientRect();
        return inner.left < left || inner.right > right || inner.top < top || inner.bottom > bottom;
      });
      const texts = [...table.querySelectorAll(".name, .type")].map((text) => text.getBoundingClientRect());
      const meets = texts.some((one, at) =>
        texts.slice(at + 1).some((other) => one.left < other.right && other.left < one.right && one.top + 4 < other.bottom && other.top + 4 < one.bottom));
      return {
        name: table.dataset.table,
        box: { left, top, right, bottom },
        sticksOut: sticksOut.map((text) => text.textContent),
        meets,
        class: table.getAttribute("class"),
        text: table.textContent,
      };
    }),
  );

function overlaps(boxes) {
  return boxes.flatMap((one, at) =>
    boxes.slice(at + 1)
      .filter((other) => one.box.left < other.box.right && other.box.left < one.box.right
        && one.box.top < other.box.bottom && other.box.top < one.box.bottom)
      .map((other) => [one.name, other.name]));
}

function judgeBoxes(name, found) {
  check(`${name}: no box overlaps another`, overlaps(found).length === 0, overlaps(found));
  check(`${name}: no text sticks out of its box`, found.every((table) => table.sticksOut.length === 0), found.filter((table) => table.sticksOut.length > 0));
  check(`${name}: no text runs into another`, found.every((table) => !table.meets), found.filter((table) => table.meets).map((table) => table.name));
}

const baseline = fs.readFileSync(new URL("../../supabase/migrations/20251026211500_v0_7_0_baseline.sql", import.meta.url), "utf8");
const created = [...baseline.matchAll(/^create table public\.(\w+)/gm)].map((match) => match[1]);

await look("schema.svg", async (page) => {
  const found = await tables(page);
  check("the schema has 30 tables and those of Supabase that they refer to", JSON.stringify(sorted(found.map((table) => table.name)))
    === JSON.stringify(sorted([...created, "auth.users"])), found.map((table) => table.name));
  judgeBoxes("schema.svg", found);
  const references = await page.evaluate(() => [...document.querySelectorAll("g.reference")].map((line) => `${line.dataset.from} ${line.dataset.to}`));
  const written = (baseline.match(/\breferences\s+(public|auth)\./g) ?? []).length;
  check(`there is a line for each of ${written} foreign keys`, references.length === written, references.length);
  check("profiles leads to auth.users", references.includes("profiles auth.users"));
});

await look("change.svg", async (page) => {
  const found = await tables(page);
  judgeBoxes("change.svg", found);
  const marked = (word) => sorted(found.filter((table) => table.class.split(" ").includes(word)).map((table) => table.name));
  check("what is new is marked", JSON.stringify(marked("added")) === '["mind_notes"]', marked("added"));
  check("what is gone is marked", JSON.stringify(marked("dropped")) === '["session_messages"]', marked("dropped"));
  const changed = ["contents", "fragments", "minds", "profiles", "sources", "tags"];
  check("what changed is marked", marked("changed").length > 0 && marked("changed").every((name) => changed.includes(name)), marked("changed"));
  const contents = found.find((table) => table.name === "contents");
  check("a new column and a new index stand in their table", /\+.*audience_id/.test(contents.text) && contents.text.includes("index contents_audience_id_idx"), contents.text);
  const colour = await page.evaluate(() => {
    const stroke = (table) => getComputedStyle(document.querySelector(`[data-table="${table}"] .box`)).stroke;
    return [stroke("mind_notes"), stroke("session_messages"), stroke("contents"), stroke("languages")];
  });
  check("new, gone, changed and the rest have four colours", new Set(colour).size === 4, colour);
});

await look("trace.html", async (page) => {
  const rows = await page.evaluate(() => [...document.querySelectorAll("#time-line g.table")].map((row) => row.dataset.table));
  for (const name of ["fragments", "minds", "sources", "contents", "profiles", "session_messages"]) {
    check(`the time line has ${name}`, rows.includes(name), rows);
  }
  check("a table that the migration makes is none that others wait for", !rows.includes("mind_notes"));
  const statements = await page.evaluate(() => document.querySelectorAll("article").length);
  const trace = JSON.parse(read("trace.json"));
  check("every statement has its place", statements === trace.statements.length, statements);
  check("prediction and measurement agree", trace.agreed === trace.ran && trace.ran === trace.statements.length, trace.statements.filter((one) => one.disagreements.length > 0 || one.error));
  const leads = await page.evaluate(() => [...document.querySelectorAll("a[href^='#']")].every((link) => document.querySelector(link.getAttribute("href"))));
  check("every number leads to its statement", leads);
  const bars = await page.evaluate(() => [...document.querySelectorAll("#time-line rect")].map((bar) => ({
    inside: bar.getBoundingClientRect().right <= document.querySelector("#time-line").getBoundingClientRect().right,
    title: bar.querySelector("title").textContent,
  })));
  check("every bar is inside and says what it is", bars.length > 5 && bars.every((bar) => bar.inside && bar.title.includes(" on ")), bars);
  const text = await page.evaluate(() => document.body.innerText);
  check("the rewrite of fragments is estimated in minutes", /reads 8\.2 million rows \(5\.0 GB\), writes 6\.5 GB: about \d+ minutes/.test(text));
  const wide = await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
  check("the page is no wider than the window", wide);
});

// What Mermaid makes of the text, with a library that is no part of dblsp.
const page = await browser.newPage();
await page.goto("about:blank");
await page.addScriptTag({ path: MERMAID });
for (const name of ["schema", "change"]) {
  const drawn = await page.evaluate(async ([id, text]) => {
    window.mermaid.initialize({ startOnLoad: false, securityLevel: "strict" });
    try {
      const { svg } = await window.mermaid.render(id, text);
      document.body.innerHTML = svg;
      return { text: document.body.textContent };
    } catch (error) {
      return { error: String(error) };
    }
  }, [name, read(`${name}.mmd`)]);
  check(`Mermaid draws ${name}.mmd`, drawn.error === undefined && drawn.text.includes("profiles"), drawn.error);
  check(`Mermaid writes every table of ${name}.mmd`, created.every((table) => drawn.text?.includes(table)), created.filter((table) => !drawn.text?.includes(table)));
  await page.screenshot({ path: path.join(PAGES, `${name}-mermaid.png`) });
}

await browser.close();
fs.rmSync(profile, { recursive: true, force: true });
process.exit(failed > 0 ? 1 : 0);
