// Packs what npm installs: node packages/npm/pack.mjs FOLDER [TARGET PROGRAM]
//
// The package that people name, and with TARGET (as in linux-x64) the one that holds PROGRAM, which was built for it.
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, "../..");
const main = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
const licences = ["LICENSE-APACHE", "LICENSE-MIT"];

const [folder, target, program] = process.argv.slice(2);
if (!folder || (target && !program)) {
    console.error("usage: node packages/npm/pack.mjs FOLDER [TARGET PROGRAM]");
    process.exit(2);
}
if (target && !main.optionalDependencies[`@dblsp/${target}`]) {
    console.error(`there is no package for ${target}: ${Object.keys(main.optionalDependencies).join(", ")}`);
    process.exit(2);
}
mkdirSync(folder, { recursive: true });
pack((staged) => {
    for (const part of ["package.json", "README.md", "bin"]) {
        cpSync(join(here, part), join(staged, part), { recursive: true });
    }
});
if (target) {
    pack((staged) => stagePlatform(staged, target, program));
}

function pack(stage) {
    const staged = mkdtempSync(join(tmpdir(), "dblsp-npm-"));
    try {
        stage(staged);
        for (const licence of licences) {
            cpSync(join(root, licence), join(staged, licence));
        }
        const destination = ["--pack-destination", resolve(folder)];
        execFileSync("npm", ["pack", "--silent", ...destination], { cwd: staged, stdio: "inherit" });
    } finally {
        rmSync(staged, { recursive: true });
    }
}

function stagePlatform(staged, target, program) {
    const [os, cpu] = target.split("-");
    const binary = `bin/dblsp${os === "win32" ? ".exe" : ""}`;
    const { version, license, repository } = main;
    const manifest = {
        name: `@dblsp/${target}`,
        version,
        description: `The program of dblsp for ${target}`,
        license,
        repository,
        files: ["bin", ...licences],
        os: [os],
        cpu: [cpu],
        ...(os === "linux" && { libc: ["glibc"] }),
        preferUnplugged: true,
    };
    writeFileSync(join(staged, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
    writeFileSync(join(staged, "README.md"), `# ${manifest.name}\n\n${manifest.description}. Install \`dblsp\`.\n`);
    mkdirSync(join(staged, "bin"));
    cpSync(program, join(staged, binary));
    chmodSync(join(staged, binary), 0o755);
}
