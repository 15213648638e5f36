#!/bin/bash
# Look at the pages that dblsp makes in a browser: tests/pages/run.sh
#
# The trace of a migration, the picture of the reference project's schema and of what a migration changes in it, in light
# and dark; Mermaid's text as Mermaid draws it. Table names are read from the document, boxes must not overlap, and
# nothing may be asked for from elsewhere. Screenshots stay in target/pages; UPDATE=1 takes those that docs/ shows.
# Without a browser it is skipped, and said to be; with CI=true that fails.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
out=$root/target/pages
change=supabase/migrations/20251201090000_v0_8_2_change.sql

unavailable() {
    if [ "${CI:-}" = true ]; then
        echo "$1 is not available" >&2
        exit 1
    fi
    echo "SKIPPED: $1 is not available" >&2
    exit 0
}

chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || unavailable Chromium
node=$(tests/install.sh node) && mermaid=$(tests/install.sh mermaid) || unavailable "Node or Mermaid"
(
    export PATH=$node/bin:$PATH
    cd editors/vscode
    [ node_modules/.package-lock.json -nt package-lock.json ] \
        || npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
)

if [ -n "${DBLSP:-}" ]; then
    bin=$(dirname "$(realpath "$DBLSP")")
else
    cargo build --bin dblsp --locked
    bin=$root/target/debug
fi

rm -rf "$out"
mkdir -p "$out"
project=$(mktemp -d)
trap 'rm -rf "$project"' EXIT
cp -r supabase dblsp.toml "$project"
cd "$project"

# The schema as it is, and what the prepared migration will change.
"$bin/dblsp" graph > "$out/schema.svg"
"$bin/dblsp" graph --format mermaid > "$out/schema.mmd"
cp "$root/tests/pages/$(basename "$change")" supabase/migrations
cp "$root/tests/pages/dblsp.baseline.json" .
"$bin/dblsp" graph "$change" > "$out/change.svg"
"$bin/dblsp" graph "$change" --format mermaid > "$out/change.mmd"
"$bin/dblsp" trace "$change" --format html > "$out/trace.html"
"$bin/dblsp" trace "$change" --format json > "$out/trace.json"
COLUMNS=110 "$bin/dblsp" trace "$change" > "$out/trace.txt"
cd "$root"

MERMAID=$mermaid CHROMIUM=$chromium PAGES=$out "$node/bin/node" tests/pages/pages.mjs
if [ -n "${UPDATE:-}" ]; then
    mkdir -p docs/images
    cp "$out/trace-light-top.png" docs/images/trace.png
    cp "$out/change-light.png" docs/images/graph.png
fi
