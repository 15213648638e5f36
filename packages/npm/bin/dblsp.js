#!/usr/bin/env node
// Starts the program of this platform's package, and ends as it ends.
"use strict";

const { spawn } = require("node:child_process");
const { constants } = require("node:os");

const platform = `${process.platform}-${process.arch}`;

function program() {
    if (process.env.DBLSP_BINARY) {
        return process.env.DBLSP_BINARY;
    }
    const suffix = process.platform === "win32" ? ".exe" : "";
    try {
        return require.resolve(`@dblsp/${platform}/bin/dblsp${suffix}`);
    } catch {
        console.error(`error: the package @dblsp/${platform} is not installed`);
        console.error(
            "hint: install without `--omit=optional`; for a platform that has no package, build dblsp from source and " +
                "name the program in DBLSP_BINARY",
        );
        process.exit(2);
    }
}

const child = spawn(program(), process.argv.slice(2), { stdio: "inherit" });
// The terminal sends Ctrl-C to both; the program decides what to do, and an editor may end only the one that it knows.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => signal === "SIGINT" || child.kill(signal));
}
child.on("error", (error) => {
    console.error(`error: dblsp cannot be started: ${error.message}`);
    console.error("hint: install the package anew");
    process.exit(2);
});
child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
