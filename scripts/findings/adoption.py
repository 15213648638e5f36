#!/usr/bin/env python3
"""Take dblsp up in public projects, and see what it says then: scripts/findings/adoption.py MANIFEST [--write]

In a copy of each Supabase project of the manifest (see `sample.py`): `dblsp check` without settings, `dblsp init`, `check`
again, and once more with one new migration that rewrites a table. With --write, the table goes into docs/accuracy.md.
Wants `dblsp` on the PATH or in DBLSP.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from sample import ROOT, projects, write_section

NEXT = "20990101000000_v99_0_0_next.sql"
UNSAFE = "set local lock_timeout = '2s';\nalter table {} add column added_by_a_test uuid default gen_random_uuid();\n"
EXPECTED = ["add-column-volatile-default"]


def dblsp(folder, *arguments):
    program = os.environ.get("DBLSP", "dblsp")
    return subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, check=False)


def check(folder):
    """Exit code, and rule and message of each finding."""
    run = dblsp(folder, "check", "--format", "json")
    if run.returncode not in (0, 1):
        raise SystemExit(f"{folder}: {run.stderr}")
    report = json.loads(run.stdout)
    return run.returncode, report["diagnostics"], report["summary"]["known"]


def conventions():
    pages = (ROOT / "docs/rules").glob("*.md")
    return {page.stem for page in pages if "part of the migration convention" in page.read_text()}


def migrations(folder):
    """The folder with the most files."""
    found = {}
    for path in folder.rglob("*.sql"):
        if path.parent.name == "migrations":
            found.setdefault(path.parent, []).append(path)
    return max(found.values(), key=len)


def tables(files):
    """Tables, those that were made last first, without those that a text behind them drops or renames."""
    text = "\n".join(path.read_text(errors="replace") for path in sorted(files))
    made = r'^create\s+table\s+(?:if\s+not\s+exists\s+)?((?:"?\w+"?\.)?"?\w+"?)\s*\('
    for found in reversed(list(re.finditer(made, text, re.IGNORECASE | re.MULTILINE))):
        name = found[1].split(".")[-1].strip('"')
        rest = text[found.end() :]
        gone = rf'drop\s+table[^;]*\b{name}\b|alter\s+table[^;]*\b{name}"?\s+rename\s+to'
        if not re.search(gone, rest, re.IGNORECASE):
            yield found[1] if "." in found[1] else f"public.{found[1]}"


def measure(project, convention):
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "project"
        shutil.copytree(project.folder, folder, ignore=shutil.ignore_patterns(".git"))
        git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com"]
        for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
            subprocess.run([*git, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        files = migrations(folder)
        root = files[0].parents[2] if files[0].parents[1].name == "supabase" else files[0].parents[1]
        _, before, _ = check(root)
        ordered = [finding for finding in before if finding["rule"] in convention]
        init = dblsp(root, "init")
        after, left, known = check(root)
        for table in tables(files):
            (files[0].parent / NEXT).write_text(UNSAFE.format(table))
            _, found, _ = check(root)
            # Somewhere else it may be made under a condition, or in another schema.
            if not any(finding["rule"] == "unknown-object" for finding in found):
                break
        for finding in found:
            create(root, finding)
        _, found, _ = check(root)
        return {
            "name": project.name,
            "before": len(before),
            "convention": len(ordered),
            "init": init.returncode,
            "exit": after,
            "left": len(left),
            "known": known,
            "new": sorted(finding["rule"] for finding in found),
        }


def create(root, finding):
    """Writes the companion that the convention asks for, so that only the migration itself is left to speak about."""
    if finding["rule"] in ("rollback-missing", "smoke-test-missing"):
        path = root / re.search(r"`([^`]+\.sql)`", finding["message"])[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("select 1;\n")


HEAD = """
Written by `scripts/findings/adoption.py MANIFEST --write`: each project as it is, then after `dblsp init`, then with one new
migration that adds a column with a volatile default to the table that was made last, with its rollback and smoke test.
*Convention* are findings about names, rollbacks, tests and coupling, which nobody wants to hear of before `dblsp init`.
The one finding too many is in a file whose name has no version that the Supabase CLI knows (`005b_…`): it comes last.

| Project | Findings | Convention | `init` | `check` after it | Known | New migration |
| --- | ---: | ---: | ---: | ---: | ---: | --- |
"""


def row(one):
    said = "exactly its own: " + ", ".join(one["new"]) if one["new"] == EXPECTED else "**" + ", ".join(one["new"]) + "**"
    exit_code = f"exit {one['exit']}, {one['left']} findings"
    return f"| {one['name']} | {one['before']} | {one['convention']} | exit {one['init']} | {exit_code} | {one['known']} | {said} |\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest")
    parser.add_argument("--write", action="store_true", help="write the table")
    arguments = parser.parse_args()
    convention = conventions()
    rows = [row(measure(project, convention)) for project in projects(arguments.manifest)]
    print("".join(rows), end="")
    if arguments.write:
        write_section("Adoption", HEAD + "".join(rows))


if __name__ == "__main__":
    main()
