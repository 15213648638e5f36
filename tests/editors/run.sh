#!/bin/bash
# Drive real editors with the server and the plug-ins of this tree: tests/editors/run.sh [neovim|vscode|emacs]…
#
# Editors come from tests/install.sh and from Debian. One that is not to be had is skipped, and said to be; with
# CI=true that fails. Screenshots and logs stay in target/editors; UPDATE=1 takes those that the README of the extension
# shows. JUDGE_TIME=1 also fails if the first squiggle takes more than ten seconds; that needs a quiet machine.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
out=$root/target/editors
mkdir -p "$out"

# PostgreSQL for what the editors apply and roll back; without it that part is skipped, and said to be.
superuser=supabase_admin
if [ -n "${DBLSP_PG_BIN:-}" ] || ls /usr/lib/postgresql/*/bin/postgres > /dev/null 2>&1; then
    . tests/server.sh
fi

# Projects lie outside of the tree, where no .gitignore of ours hides them.
projects=$(mktemp -d)
trap 'rm -rf "$projects"; [ -z "${port:-}" ] || stop_server' EXIT

# The reference project, with two more migrations that have something to find.
make_project() {
    local folder=$1
    mkdir -p "$folder"
    cp -r supabase dblsp.toml "$folder"
    cp tests/editors/migrations/*.sql "$folder/supabase/migrations"
}

unavailable() {
    if [ "${CI:-}" = true ]; then
        echo "$1 is not available" >&2
        exit 1
    fi
    echo "SKIPPED: $1 is not available" >&2
}

# A database behind the environment `staging` of a project, with the baseline applied: make_database NAME PROJECT
make_database() {
    local name=$1 project=$2 migrations=supabase/migrations
    if [ -z "${port:-}" ]; then
        unavailable PostgreSQL
        return 0
    fi
    supabase_database "$name"
    # Where an editor that was not started from a shell finds it.
    echo "STAGING_DATABASE_URL='postgres://postgres@/$name?host=$folder/server&port=$port'" > "$project/.env"
    (
        cd "$project"
        # What dblsp rehearses on its own server takes a while and is tested elsewhere.
        sed -i '/^requires = \["local"\]/d' dblsp.toml
        "$programs/dblsp" link staging
        for file in $migrations/*_v0_7_0_*.sql; do
            "$programs/dblsp" apply --only "$file" --yes
        done
    ) > "$out/$name.log" 2>&1 || { cat "$out/$name.log"; exit 1; }
    export DATABASE_URL="postgres://postgres@127.0.0.1:$port/$name" PSQL=$bin/psql
}

neovim() {
    local nvim
    nvim=$(tests/install.sh neovim) || { unavailable Neovim; return 0; }
    make_project "$projects/neovim"
    make_database neovim "$projects/neovim"
    # A copy, as :helptags writes beside the help file.
    cp -r editors/neovim "$out/neovim/plugin"
    (
        cd "$projects/neovim"
        XDG_STATE_HOME=$out/neovim/state PLUGIN=$out/neovim/plugin PATH=$programs:$PATH \
            "$nvim" --clean --headless -l "$root/tests/editors/neovim.lua" 2> "$out/neovim/messages"
    )
}

emacs() {
    if ! type -P emacs > /dev/null || ! command emacs --batch --eval "(require 'eglot)" 2> /dev/null; then
        unavailable "Emacs with Eglot"
        return 0
    fi
    make_project "$projects/emacs"
    (
        cd "$projects/emacs"
        CONFIG=$root/editors/emacs PATH=$programs:$PATH \
            command emacs --batch --load "$root/tests/editors/emacs.el" 2> "$out/emacs/messages"
    )
}

# The platform's name in VS Code's words.
platform() {
    case $(uname -sm) in
        "Linux x86_64") echo linux-x64 ;;
        "Linux aarch64") echo linux-arm64 ;;
        "Darwin arm64") echo darwin-arm64 ;;
        "Darwin x86_64") echo darwin-x64 ;;
        *) return 1 ;;
    esac
}

vscode() {
    local node server chromium target
    chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) \
        || { unavailable Chromium; return 0; }
    node=$(tests/install.sh node) && server=$(tests/install.sh vscode) && target=$(platform) \
        || { unavailable "VS Code's server"; return 0; }
    (
        export PATH=$node/bin:$PATH
        cd editors/vscode
        [ node_modules/.package-lock.json -nt package-lock.json ] \
            || npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
        # Debug information is most of the program, and unpacking it is not what is measured.
        strip -o "$out/vscode/dblsp" "$programs/dblsp" 2> /dev/null || cp "$programs/dblsp" "$out/vscode/dblsp"
        ./package.sh "$target" "$out/vscode/dblsp" > "$out/vscode/package.log" 2>&1 \
            || { cat "$out/vscode/package.log"; exit 1; }
    )
    make_project "$projects/vscode/app"
    make_database vscode "$projects/vscode/app"
    SERVER=$server VSIX=editors/vscode/dblsp-$target.vsix CHROMIUM=$chromium PROJECT=$projects/vscode/app \
        PROFILES=$projects/vscode SCREENSHOTS=$out/vscode \
        "$node/bin/node" tests/editors/vscode.mjs
    if [ -n "${UPDATE:-}" ]; then
        cp "$out"/vscode/{workbench,hover,fix}.png editors/vscode/images
    fi
}

if [ -n "${DBLSP:-}" ]; then
    programs=$(dirname "$DBLSP")
else
    cargo build --bin dblsp --locked
    programs=$root/target/debug
fi

[ $# -gt 0 ] || set -- neovim emacs vscode
for editor in "$@"; do
    rm -rf "${out:?}/$editor"
    mkdir -p "$out/$editor"
    "$editor"
done
