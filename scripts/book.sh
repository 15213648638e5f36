#!/bin/bash
# Make a book of docs/, in target/book: scripts/book.sh
#
# MDBOOK names mdbook where it is not on the PATH. A link that leads out of docs/ becomes one to the repository.
set -euo pipefail
cd "$(dirname "$0")/.."
book=target/book
rm -rf "$book"
mkdir -p "$book"
cp -r docs "$book/src"
cp docs/book.toml "$book/book.toml"
python3 - "$book/src" << 'EOF'
import pathlib, re, sys

source = pathlib.Path(sys.argv[1])
tree = "https://github.com/dblsp/dblsp/blob/main/"


def outward(page):
    def link(found):
        target, anchor = found[1], found[2] or ""
        parts = list(page.relative_to(source).parent.parts)
        for part in pathlib.PurePosixPath(target).parts:
            if part != "..":
                parts.append(part)
            elif not parts or parts == ["out"]:
                parts = ["out"]
            else:
                parts.pop()
        if parts[:1] != ["out"]:
            return found[0]
        return f"]({tree}{'/'.join(parts[1:])}{anchor})"

    return link


for page in source.rglob("*.md"):
    text = re.sub(r"\]\((\.\./[^)#\s]*)(#[^)\s]*)?\)", outward(page), page.read_text())
    # mdbook makes an index of such a page, and leaves the links to it as they are.
    text = re.sub(r"\]\((?!https?:)([^)#\s]*)README\.md", r"](\1index.md", text)
    page.write_text(text if page.name != "SUMMARY.md" else page.read_text())
EOF
"${MDBOOK:-mdbook}" build "$book"
echo "$book/html/index.html"
