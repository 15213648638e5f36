#!/usr/bin/env python3
"""Whether every link inside of a book leads to a page and a heading that are there: links.py FOLDER"""

import pathlib
import sys
import urllib.parse
from html.parser import HTMLParser


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.links, self.names = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.names.add(attributes.get("id"))
        if tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])


book = pathlib.Path(sys.argv[1]).resolve()
# All pages on one have links that count from where they were.
files = [file for file in book.rglob("*.html") if file.name not in ("print.html", "404.html", "toc.html")]
pages = {file: Page(file.read_text()) for file in files}
broken = []
for file, page in pages.items():
    for link in page.links:
        target = urllib.parse.urlsplit(link)
        if target.scheme or target.netloc or target.path.endswith("print.html"):
            continue
        aim = (file.parent / urllib.parse.unquote(target.path)).resolve() if target.path else file
        if aim.is_dir():
            aim = aim / "index.html"
        is_there = aim in pages if aim.suffix == ".html" else aim.exists()
        has_name = not target.fragment or aim not in pages or target.fragment in pages[aim].names
        if not (is_there and has_name):
            broken.append(f"{file.relative_to(book)}: {link}")
print("\n".join(broken) or f"{len(pages)} pages, and every link leads somewhere")
sys.exit(bool(broken) or len(pages) < 50)
