#!/usr/bin/env python3
"""Draw findings from public projects and put each before a server: scripts/findings/sample.py MANIFEST [--write]

The manifest has lines of project, commit, class and folder with tabs between them, under a heading; projects of class
`supabase` count. 200 findings of warnings and errors are drawn, as many of each rule as there are or as fit, always the
same ones; what is judged already stays drawn as long as it is found. What a server did is kept in target/findings/; `verdicts.json` holds what a reader of statement, message and
server output made of each. With --write, the table goes to docs/accuracy/findings.md.

Wants `psycopg` and `pglast`, `dblsp` on the PATH or in DBLSP, and server programs in DBLSP_PG_15 and DBLSP_PG_17.
"""

import argparse
import collections
import json
import os
import random
import re
import subprocess
from pathlib import Path

from observe import Session, split
from server import Server, sent

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "target/findings"
PAGE = ROOT / "docs/accuracy/findings.md"
ACCURACY = ROOT / "docs/accuracy.md"
VERDICTS = Path(__file__).with_name("verdicts.json")
SEED = 6
SIZE = 200
# Rules that speak of what the history leaves behind.
ABOUT_THE_END = ("function-search-path", "rls-disabled-in-exposed-schema", "security-definer-view")
# Projects that are written for a newer PostgreSQL than 15.
MAJORS = {"oasisbaklawa2006/oasis-supabase-core": 17}


class Project:
    """A project of the manifest."""

    def __init__(self, line):
        self.name, self.commit, self.kind, folder = line.rstrip("\n").split("\t")
        self.folder = Path(folder)
        self.major = MAJORS.get(self.name, 15)

    def findings(self):
        """What `dblsp check` says without any settings."""
        dblsp = os.environ.get("DBLSP", "dblsp")
        run = subprocess.run([dblsp, "check", "--format", "json"], cwd=self.folder, capture_output=True, check=False)
        if run.returncode not in (0, 1):
            raise SystemExit(f"{self.name}: {run.stderr.decode()}")
        found = json.loads(run.stdout)["diagnostics"]
        for finding in found:
            finding["project"] = self.name
        return found


def projects(manifest):
    lines = Path(manifest).read_text().splitlines()[1:]
    return [project for project in map(Project, lines) if project.kind == "supabase"]


def key(finding):
    return f"{finding['project']} {finding['path']}:{finding['start']['line']}:{finding['start']['column']} {finding['rule']}"


def draw(findings, judged):
    """As many of every rule, where there are so many, in random order with a fixed seed; first those judged already."""
    by_rule = collections.defaultdict(list)
    for finding in sorted(findings, key=key):
        by_rule[finding["rule"]].append(finding)
    chance = random.Random(SEED)
    for rule in sorted(by_rule):
        chance.shuffle(by_rule[rule])
        by_rule[rule].sort(key=lambda finding: key(finding) not in judged)
    drawn = []
    turn = 0
    while len(drawn) < min(SIZE, len(findings)):
        for rule in sorted(by_rule):
            if turn < len(by_rule[rule]) and len(drawn) < SIZE:
                drawn.append(by_rule[rule][turn])
        turn += 1
    return drawn


def statement_of(text, byte):
    """Number, start and stop of the statement at a byte."""
    at = len(text.encode()[:byte].decode(errors="ignore"))
    pieces = split(text)
    for number, (start, stop) in enumerate(pieces):
        if at < stop:
            return number, start, stop
    return len(pieces) - 1, *pieces[-1]


def excerpt(text, start, stop, finding):
    """The statement; of a long one what is underlined, with its first and last line."""
    statement = text[start:stop]
    if len(statement.splitlines()) < 14:
        return statement
    lines = text.splitlines()
    above = text.count("\n", 0, start)
    lead = next(line for line in lines[above:] if line.strip() and not line.lstrip().startswith("--"))
    first, last = finding["start"]["line"] - 1, finding["end"]["line"]
    return "\n".join([lead, "…", *lines[max(first - 1, above + 1) : last], "…", statement.splitlines()[-1]])


def observe(project, findings):
    """Replays the project's histories, and watches the statements of the findings."""
    wanted = collections.defaultdict(dict)
    for finding in findings:
        path = project.folder / finding["path"]
        number, start, stop = statement_of(path.read_text(), finding["start"]["byte"])
        wanted[path].setdefault(number, []).append(finding)
        finding["statement"] = excerpt(path.read_text(), start, stop, finding)
    with Server(project.major) as server:
        for turn, folder in enumerate(sorted({path.parent for path in wanted})):
            replay(Session(server, f"project{turn}", sent), folder, wanted)


def replay(session, folder, wanted):
    refused = 0
    ended = {}
    for path in sorted(folder.glob("*.sql")):
        text = path.read_text(errors="replace")
        if path not in wanted:
            if session.whole(text):
                refused += 1
                session.by_statement(text)
            continue
        seen, failures = session.by_statement(text, wanted[path])
        for number, findings in wanted[path].items():
            for finding in findings:
                finding["seen"] = dict(seen.get(number, {}))
                if finding["rule"] == "duplicate-version":
                    finding["seen"] = session.record(re.match(r"\d+", path.name)[0])
                finding["seen"]["refused_before"] = refused
                ended[key(finding)] = finding
        refused += failures > 0
    catalog = session.catalog()
    for view, tables in session.read_by_views().items():
        if f"view {view}" in catalog:
            catalog[f"view {view}"] += f", reads {tables}"
    for finding in ended.values():
        if finding["rule"] not in ABOUT_THE_END:
            continue
        finding["seen"]["end"] = about(finding, catalog)


def about(finding, catalog):
    """What the catalog says in the end of what the finding names."""
    names = [word.strip("`") for word in finding["message"].split() if word.startswith("`")]
    names = {name.split("(")[0].split(".")[-1].strip('`",') for name in names}
    kinds = ("table", "view", "function", "policy")
    found = [(name.split(" ", 1), said) for name, said in catalog.items()]
    return [
        f"{kind} {name}: {said}"
        for (kind, name), said in found
        if kind in kinds and re.split(r"[.(]", name.split("(")[0])[-1].strip('"').split(" on ")[-1] in names
    ]


def write_section(title, text):
    """A section of docs/accuracy.md, before what is wrong with replay."""
    page = re.sub(rf"\n## {title}\n.*?(?=\n## )", "", ACCURACY.read_text(), flags=re.DOTALL)
    before, wrong, rest = page.partition("\n## Wrong\n")
    ACCURACY.write_text(f"{before}\n## {title}\n\n{text.strip()}\n{wrong}{rest}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest")
    parser.add_argument("--write", action="store_true", help="write the page")
    arguments = parser.parse_args()

    listed = projects(arguments.manifest)
    found = [finding for project in listed for finding in project.findings()]
    grave = [finding for finding in found if finding["level"] in ("warning", "error")]
    verdicts = json.loads(VERDICTS.read_text())
    drawn = draw(grave, verdicts)
    for project in listed:
        own = [finding for finding in drawn if finding["project"] == project.name]
        if own:
            observe(project, own)
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / "sample.json").write_text(json.dumps({"drawn": drawn, "all": len(grave)}, indent=1, ensure_ascii=False))
    if arguments.write:
        from page import page, summary

        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page(listed, grave, drawn, verdicts, key))
        write_section("Findings", summary(grave, drawn, [verdicts.get(key(finding)) for finding in drawn]))


if __name__ == "__main__":
    main()
