#!/bin/bash
# Package the extension with a program: editors/vscode/package.sh TARGET PROGRAM, as in package.sh linux-x64 target/release/dblsp
#
# TARGET is one of VS Code's platforms; PROGRAM was built for it. With neither, the package uses the program on the PATH.
set -euo pipefail
program=${2:+$(realpath "$2")}
cd "$(dirname "$0")"

trap 'rm -rf server' EXIT
arguments=(--no-dependencies --out "dblsp${1:+-$1}.vsix")
if [ -n "$program" ]; then
    mkdir -p server
    cp "$program" server/
    arguments+=(--target "$1")
fi
npx --no-install vsce package "${arguments[@]}"
