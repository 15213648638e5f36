#!/bin/bash
# Run every test: scripts/test.sh
#
# On a bare Debian with Rust this also installs what the tests need: PostgreSQL's server, a C++ compiler for the fuzz
# targets, Chromium and Emacs for the tests of the editors, pg_prove, and cargo-nextest. FUZZ_SECONDS=0 leaves the
# fuzzing out.
set -euo pipefail
cd "$(dirname "$0")/.."

step() {
    echo
    echo "==> $*"
}

has_postgres() {
    [ -n "${DBLSP_PG_BIN:-}" ] || command -v initdb > /dev/null || ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1
}

has_commands() {
    command -v c++ > /dev/null && command -v git > /dev/null && command -v pg_prove > /dev/null \
        && command -v chromium > /dev/null && command -v emacs > /dev/null && python3 -c 'import ensurepip' 2> /dev/null
}

install_packages() {
    local as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    local server=postgresql-15 packages=(g++ git chromium emacs-nox python3-venv libtap-parser-sourcehandler-pgtap-perl)
    "${as_root[@]}" apt-get update
    apt-cache show "$server" > /dev/null 2>&1 || server=postgresql
    # A part of Emacs since 29.
    ! apt-cache show elpa-eglot > /dev/null 2>&1 || packages+=(elpa-eglot)
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        "$server" "${packages[@]}"
}

if ! has_postgres || ! has_commands; then
    if ! command -v apt-get > /dev/null; then
        echo "install PostgreSQL 15's server, a C++ compiler, git, Chromium, Emacs and Python, then run this again" >&2
        exit 1
    fi
    step "Installing PostgreSQL, a C++ compiler, git, Chromium, Emacs and Python"
    install_packages
fi
if ! cargo nextest --version > /dev/null 2>&1; then
    step "Installing cargo-nextest"
    CARGO_TARGET_DIR=target/tools cargo install cargo-nextest --locked
fi
for component in rustfmt clippy; do
    cargo "${component#rust}" --version > /dev/null 2>&1 || rustup component add "$component"
done

step "Format"
cargo fmt --all --check

step "Lints"
cargo clippy --workspace --all-targets --locked -- -D warnings

# A test that needs a server fails here instead of skipping itself.
export CI=true
# Every other major version that is supported; 17 is also newer than Debian's client programs.
for major in 14 16 17 18; do
    folder=$(tests/install.sh "postgres-$major")
    export "DBLSP_PG_$major=$folder"
done

step "Tests"
cargo nextest run --workspace --locked --no-fail-fast

step "Examples in the documentation"
cargo test --workspace --doc --locked --quiet

step "Without what meets a database"
cargo clippy --package dblsp --no-default-features --bins --locked -- -D warnings

step "Channels"
tests/channels/run.sh

step "Editors"
tests/editors/run.sh

step "Pages"
tests/pages/run.sh

step "Deployment workflow"
tests/deployment/run.sh

step "Supabase CLI"
tests/supabase/run.sh

if cargo deny --version > /dev/null 2>&1; then
    step "Licences and advisories"
    cargo deny check
fi

if [ "${FUZZ_SECONDS:-60}" -gt 0 ]; then
    step "Fuzzing for ${FUZZ_SECONDS:-60} seconds"
    scripts/fuzz.sh "${FUZZ_SECONDS:-60}"
fi

step "Everything passed"
