#!/bin/bash
# Make what is given away, in target/packages:
#   scripts/package.sh wheel            a Python wheel with all of dblsp, by maturin
#   scripts/package.sh npm TARGET PROGRAM   npm's two packages, as in `npm linux-x64 target/dist/dblsp`
#   scripts/package.sh manual PROGRAM   pages of the manual and completion scripts, where packages of systems want them
set -euo pipefail
cd "$(dirname "$0")/.."
packages=target/packages

wheel() {
    "${MATURIN:-maturin}" build --profile dist --locked --features database,lsp --out "$packages"
}

npm() {
    node packages/npm/pack.mjs "$packages" "$1" "$2"
}

manual() {
    local program=$1 command
    mkdir -p "$packages"/share/{man/man1,bash-completion/completions,zsh/site-functions,fish/vendor_completions.d}
    "$program" man > "$packages/share/man/man1/dblsp.1"
    for command in $("$program" man | sed -n 's/^dblsp\\-\(.*\)(1)$/\1/p'); do
        [ "$command" = help ] || "$program" man "$command" > "$packages/share/man/man1/dblsp-$command.1"
    done
    "$program" completions bash > "$packages/share/bash-completion/completions/dblsp"
    "$program" completions zsh > "$packages/share/zsh/site-functions/_dblsp"
    "$program" completions fish > "$packages/share/fish/vendor_completions.d/dblsp.fish"
}

case ${1:-}:$# in
    wheel:1) wheel ;;
    npm:3) npm "$2" "$3" ;;
    manual:2) manual "$2" ;;
    *)
        sed -n '2,5s/^# //p' "$0" >&2
        exit 2
        ;;
esac
