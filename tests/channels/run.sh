#!/bin/bash
# Use what is handed out as its users do: tests/channels/run.sh [formats|book|container|manual|action|npm|wheel|hooks|rust]…
#
# Tools come from tests/install.sh. One that is not to be had is skipped, and said to be; with CI=true that fails. All
# but `rust`, the hook that Cargo builds for minutes, are run unless some are named. Logs stay in target/channels.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
out=$root/target/channels
mkdir -p "$out"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Hooks set these for a repository that is not meant here.
unset GIT_DIR GIT_INDEX_FILE
export GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@example.com GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@example.com

unavailable() {
    if [ "${CI:-}" = true ]; then
        echo "$1 is not available" >&2
        exit 1
    fi
    echo "SKIPPED: $1 is not available" >&2
}

fail() {
    echo "$*" >&2
    exit 1
}

# A repository with one committed migration that nothing is to be said about, and one that is not committed: make FOLDER
make_project() {
    mkdir -p "$1/supabase/migrations"
    printf '%s\n' 'create table public.notes (id bigint primary key, body text);' \
        'alter table public.notes enable row level security;' \
        'create policy own on public.notes for select to authenticated using (id = 1);' \
        > "$1/supabase/migrations/20240101000000_notes.sql"
    git -C "$1" init --quiet
    git -C "$1" add .
    git -C "$1" commit --quiet --message x
    printf '%s\n' "set lock_timeout = '5s';" 'alter table public.notes drop column body;' \
        > "$1/supabase/migrations/20240102000000_drop.sql"
    git -C "$1" add .
}

# The validator accepts what we write, and refuses the same with a mistake in it.
formats() {
    local tools schemas
    { tools=$(tests/install.sh python-tools) && schemas=$(tests/install.sh report-schemas); } || {
        unavailable "a validator of SARIF and JUnit"
        return 0
    }
    make_project "$scratch/formats"
    (
        cd "$scratch/formats"
        dblsp check --format sarif > "$out/findings.sarif" || [ $? = 1 ]
        dblsp check --format junit > "$out/findings.xml" || [ $? = 1 ]
        dblsp check --format sarif supabase/migrations/20240101000000_notes.sql > "$out/none.sarif"
        dblsp check --format junit supabase/migrations/20240101000000_notes.sql > "$out/none.xml"
    )
    grep -q drop-column "$out/findings.sarif" && grep -q drop-column "$out/findings.xml" || fail "nothing was found"
    sed 's/"level": "warning"/"level": "loud"/' "$out/findings.sarif" > "$out/wrong.sarif"
    sed 's/<failure /<fault /; s/<\/failure>/<\/fault>/' "$out/findings.xml" > "$out/wrong.xml"
    local sarif=("$tools/check-jsonschema" --regex-variant nonunicode --schemafile "$schemas/sarif-2.1.0.json")
    local junit=("$tools/xmlschema-validate" --schema "$schemas/junit-10.xsd")
    "${sarif[@]}" "$out/findings.sarif" "$out/none.sarif"
    "${junit[@]}" "$out/findings.xml" "$out/none.xml"
    ! "${sarif[@]}" "$out/wrong.sarif" > "$out/messages" 2>&1 || fail "a wrong SARIF file was accepted"
    ! "${junit[@]}" "$out/wrong.xml" > "$out/messages" 2>&1 || fail "a wrong JUnit file was accepted"
}

book() {
    local tools
    tools=$(tests/install.sh python-tools) || { unavailable mdbook; return 0; }
    MDBOOK=$tools/mdbook scripts/book.sh > "$out/book" 2>&1 || { cat "$out/book" >&2; return 1; }
    ! grep -E 'WARN|ERROR' "$out/book" || fail "mdbook is not content"
    "$tools/python" tests/channels/links.py target/book/html
}

container() {
    local tools
    tools=$(tests/install.sh python-tools) || { unavailable hadolint; return 0; }
    "$tools/hadolint" Containerfile
}

manual() {
    scripts/package.sh manual "$bin/dblsp"
    local pages=target/packages/share/man/man1 page
    [ -f "$pages/dblsp-check.1" ] || fail "there is no page about dblsp check"
    for page in "$pages"/*.1; do
        grep -q '^\.SH NAME' "$page" || fail "$page is no page of the manual"
        if command -v groff > /dev/null; then
            [ -z "$(groff -man -ww -z "$page" 2>&1)" ] || fail "groff is not content with $page"
        fi
    done
    bash -n target/packages/share/bash-completion/completions/dblsp
}

# The steps of action.yml, in order, as the runner would run them.
action() {
    local tools
    tools=$(tests/install.sh python-tools) || { unavailable "a reader of YAML"; return 0; }
    "$tools/check-jsonschema" --builtin-schema vendor.github-actions action.yml
    make_project "$scratch/action"
    "$tools/python" tests/channels/action.py "$scratch/action" > "$out/action" || { cat "$out/action" >&2; return 1; }
}

npm() {
    local node
    node=$(tests/install.sh node) || { unavailable Node; return 0; }
    local platform=linux-x64
    [ "$(uname -m)" = x86_64 ] || platform=linux-arm64
    make_project "$scratch/npm"
    (
        export PATH=$node/bin:$PATH
        DBLSP_BINARY= node packages/npm/pack.mjs "$scratch/packed" "$platform" "$bin/dblsp" > "$out/npm"
        cd "$scratch/npm"
        echo '{ "private": true }' > package.json
        # Without the platform's package it says what is missing.
        command npm install --silent --no-audit --no-fund --omit=optional "$scratch"/packed/dblsp-[0-9]*.tgz
        ! node_modules/.bin/dblsp --version 2> "$out/messages" || fail "there is no program to run"
        grep -q "@dblsp/$platform is not installed" "$out/messages"
        command npm install --silent --no-audit --no-fund "$scratch"/packed/*.tgz
        [ "$(node_modules/.bin/dblsp --version)" = "$("$bin/dblsp" --version)" ]
        local status=0
        node_modules/.bin/dblsp check > "$out/npm" || status=$?
        [ "$status" = 1 ] && grep -q drop-column "$out/npm"
    )
}

# Built as the tests are, and not optimised: only what is in the wheel is of interest.
as_the_tests_are() {
    export MATURIN_PEP517_ARGS="--profile dev" CARGO_TARGET_DIR=$root/target
}

wheel() {
    local tools
    tools=$(tests/install.sh python-tools) || { unavailable maturin; return 0; }
    rm -rf "$out/wheels"
    "$tools/maturin" build --profile dev --locked --out "$out/wheels" > "$out/wheel" 2>&1 \
        || { cat "$out/wheel" >&2; return 1; }
    python3 -m venv "$scratch/wheel"
    "$scratch/wheel/bin/pip" install --quiet --disable-pip-version-check --no-index "$out"/wheels/dblsp-*.whl
    local dblsp=$scratch/wheel/bin/dblsp status=0
    make_project "$scratch/judged"
    [ "$("$dblsp" --version)" = "$("$bin/dblsp" --version)" ]
    (cd "$scratch/judged" && "$dblsp" check) > "$out/wheel" || status=$?
    [ "$status" = 1 ] && grep -q drop-column "$out/wheel"
    # The wheel judges files, and holds nothing that meets a database.
    status=0
    "$dblsp" apply 2> "$out/messages" || status=$?
    [ "$status" = 2 ] && grep -q 'built without `apply`' "$out/messages"
    # The word alone is in rules about the runner of that name; the driver's crates are in the full program.
    grep -q --binary-files=text 'sqlx_postgres' "$bin/dblsp" || fail "the full program shows no driver to look for"
    ! grep -q --binary-files=text 'sqlx_postgres' "$dblsp" || fail "the wheel holds a driver"
}

# A hook refuses the staged migration, and says nothing about the one before: hook ID
hook() {
    local tools project=$scratch/$1 status=0
    tools=$(tests/install.sh python-tools) || { unavailable pre-commit; return 0; }
    make_project "$project"
    (
        cd "$project"
        PRE_COMMIT_HOME=$scratch/pre-commit "$tools/pre-commit" try-repo --color never "$scratch/hooks" "$1" --verbose
    ) > "$out/$1" 2>&1 || status=$?
    if [ "$status" != 1 ] || ! grep -q 'drop-column' "$out/$1"; then
        cat "$out/$1" >&2
        fail "$1 ended with $status"
    fi
    (
        cd "$project"
        PRE_COMMIT_HOME=$scratch/pre-commit "$tools/pre-commit" try-repo --color never "$scratch/hooks" "$1" --verbose \
            --files supabase/migrations/20240101000000_notes.sql
    ) > "$out/$1" 2>&1 || { cat "$out/$1" >&2; fail "$1 refuses what is right"; }
    grep -q '1 migration checked: no findings' "$out/$1"
}

# What pre-commit clones: this tree, committed.
hook_repository() {
    [ ! -d "$scratch/hooks" ] || return 0
    mkdir "$scratch/hooks"
    git ls-files --cached --others --exclude-standard -z | tar --create --null --files-from=- \
        | tar --extract --directory "$scratch/hooks"
    git -C "$scratch/hooks" init --quiet
    git -C "$scratch/hooks" add .
    git -C "$scratch/hooks" commit --quiet --message x
}

hooks() {
    hook_repository
    hook dblsp-system
    (as_the_tests_are && hook dblsp)
}

# As Cargo builds for a user, but for the optimiser.
rust() {
    hook_repository
    (
        export CARGO_PROFILE_RELEASE_OPT_LEVEL=${OPT_LEVEL:-0} CARGO_PROFILE_RELEASE_DEBUG=0
        export CARGO_TARGET_DIR=${RUST_TARGET:-$root/target/hook}
        hook dblsp-rust
    )
}

if [ -z "${DBLSP:-}" ]; then
    cargo build --bin dblsp --locked
    DBLSP=$root/target/debug/dblsp
fi
# A copy: the wheel, which has less, is built where that one stands.
bin=$scratch/bin
mkdir "$bin"
cp "$DBLSP" "$bin/dblsp"
DBLSP=$bin/dblsp
export PATH=$bin:$PATH

[ $# -gt 0 ] || set -- formats book container manual action npm wheel hooks
for channel in "$@"; do
    echo "==> $channel"
    "$channel"
done
