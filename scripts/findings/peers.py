#!/usr/bin/env python3
"""Compare what other linters find with what dblsp finds, and ask a server about the rest:
scripts/findings/peers.py MANIFEST --squawk PROGRAM --pgls PROGRAM --eugene PROGRAM [--write]

Of each of their rules about locks, rewrites, losses and what breaks, every finding is looked for among dblsp's at the same
statement. Where dblsp is silent, the statement is run on a throw-away PostgreSQL, and what it does there says who is right.
With --write, the table goes to docs/accuracy/peers.md. Wants the same as `sample.py`.
"""

import argparse
import collections
import json
import re
import subprocess
import tempfile
from pathlib import Path

from observe import Session, last, last_quoted, split, tables_of
from sample import KEPT, ROOT, projects, statement_of
from server import Server, sent
from peers_page import page
from theirs import LONG, RULES

PAGE = ROOT / "docs/accuracy/peers.md"

WEAK = ("RowShareLock", "RowExclusiveLock")


def named_tables(statement):
    """Every name that stands where a statement names a relation."""
    pattern = r'(?:\bon|\btable(?:\s+if\s+exists)?(?:\s+only)?|\binto|\bupdate|\bfrom|\breferences)\s+((?:"[^"]+"|[\w$]+)(?:\.(?:"[^"]+"|[\w$]+))?)'
    return re.findall(pattern, statement, re.IGNORECASE)


def run(command, folder):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def of_squawk(program, folder, files):
    for finding in json.loads(run([program, "--reporter", "json", *files], folder) or "[]"):
        # Lines are counted from zero here.
        yield finding["file"], finding["line"] + 1, finding["column"], finding["rule_name"]


def of_pgls(program, folder, files):
    with tempfile.TemporaryDirectory() as settings:
        text = '{"linter": {"enabled": true, "rules": {"safety": {"all": true}}}}'
        (Path(settings) / "postgres-language-server.jsonc").write_text(text)
        options = ["--disable-db", "--reporter=json", "--max-diagnostics=none", "--config-path", settings]
        for parent in sorted({str(Path(file).parent) for file in files}):
            for finding in json.loads(run([program, "check", *options, parent], folder))["diagnostics"]:
                start = finding["location"]["start"]
                path = str(Path(finding["location"]["path"]))
                yield path, start["line"], start["column"] - 1, finding["category"].rsplit("/", 1)[-1]


def of_eugene(program, folder, files):
    for file in files:
        try:
            statements = json.loads(run([program, "lint", "-f", "json", "-a", file], folder))["statements"]
        except (json.JSONDecodeError, KeyError):
            continue
        for statement in statements:
            for rule in statement["triggered_rules"]:
                yield file, statement["line_number"], 0, rule["id"]


READERS = {"squawk": of_squawk, "pgls": of_pgls, "eugene": of_eugene}


def theirs(project, files, programs):
    """What the others found: (tool, rule) by file and number of the statement."""
    found = collections.defaultdict(set)
    for tool, program in programs.items():
        for path, line, column, rule in said(tool, program, project, files):
            number = number_at(project.folder / path, line, column)
            if number is not None:
                found[path, number].add((tool, rule))
    return found


def said(tool, program, project, files):
    """What a tool says of a project; kept, since it does not change from run to run."""
    kept = KEPT / "peers" / f"{tool}-{project.name.replace('/', '+')}-{project.commit[:12]}.json"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(list(READERS[tool](program, project.folder, files))))
    return json.loads(kept.read_text())


def number_at(path, line, column):
    text = path.read_text(errors="replace")
    lines = text.splitlines(keepends=True)
    if line > len(lines):
        return None
    offset = sum(map(len, lines[: line - 1])) + min(column, len(lines[line - 1]))
    for number, (start, stop) in enumerate(split(text)):
        if offset < stop:
            return number
    return None


def ours(project):
    found = collections.defaultdict(set)
    for finding in project.findings():
        text = (project.folder / finding["path"]).read_text(errors="replace")
        number, *_ = statement_of(text, finding["start"]["byte"])
        found[finding["path"], number].add(finding["rule"])
    return found


def agrees(rule, own):
    """Whether dblsp says the same of the statement in its own words."""
    _, names = RULES[rule]
    return bool(names & own)


def silent(project, found, own):
    """What the server does with each statement that they speak about and dblsp does not."""
    asked = collections.defaultdict(set)
    for (path, number), rules in found.items():
        if any(rule in RULES and not agrees(rule, own[path, number]) for rule in rules):
            asked[project.folder / path].add(number)
    seen = {}
    with Server(project.major) as server:
        for turn, folder in enumerate(sorted({path.parent for path in asked})):
            session = Session(server, f"project{turn}", sent)
            for at, path in enumerate(sorted(folder.glob("*.sql"))):
                text = path.read_text(errors="replace")
                if path not in asked:
                    if session.whole(text):
                        session.by_statement(text)
                    continue
                looks, _ = session.by_statement(text, asked[path], rows=False)
                for number, look in looks.items():
                    start, stop = split(text)[number]
                    look["first"] = at == 0 and not look.get("stand_ins")
                    look["statement"] = text[start:stop]
                    seen[str(path.relative_to(project.folder)), number] = look
    return seen


def reason(look, text, own):
    """The column of what the server did with a statement of that file, about which dblsp says `own`."""
    if look.get("error"):
        return "refused"
    if look.get("first") or is_made_by(text, look):
        return "new"
    new = {name.split(".")[-1] for name in look.get("new_tables", [])}
    target = [last(table) for table in tables_of(look["statement"])][:1]
    if any((last_quoted(line) or "".join(target)) not in new for line in look.get("work_on_old", [])):
        return "other" if own & LONG else "work"
    if look.get("old_gone"):
        return "gone"
    strong = {name: mode for name, mode in look.get("locks_of_old", {}).items() if mode not in WEAK}
    if strong:
        return "short"
    named = {name.split(".")[-1].strip('"') for name in named_tables(look["statement"])}
    if named & {name.split(".")[-1] for name in look.get("new_tables", [])}:
        return "new"
    held = {name.split(".")[-1] for name, mode in look.get("held", {}).items() if mode not in WEAK}
    return "held" if named & held else "nothing"


def is_made_by(text, look):
    """Whether the file itself makes the table that a stand-in stands for, with a statement that failed here."""
    made = [re.match(r"CREATE TABLE (\S+)", sql) for sql in look.get("stand_ins", [])]
    names = [found[1].split(".")[-1].strip('"') for found in made if found]
    pattern = r'create\s+table\s+(?:if\s+not\s+exists\s+)?(?:"?\w+"?\.)?"?{}"?\s*\('
    return any(re.search(pattern.format(re.escape(name)), text, re.IGNORECASE) for name in names)


def compare(project, programs):
    """One line for each finding of theirs that matters: rule, whether dblsp agrees, and what the server did otherwise."""
    own = ours(project)
    files = sorted(str(path.relative_to(project.folder)) for path in project.folder.rglob("*.sql") if is_migration(path))
    found = theirs(project, files, programs)
    seen = silent(project, found, own)
    for (path, number), rules in sorted(found.items()):
        for rule in sorted(rules & RULES.keys()):
            line = {"project": project.name, "path": path, "number": number, "rule": rule}
            line["ours"] = sorted(own[path, number])
            if agrees(rule, own[path, number]):
                line["why"] = "agrees"
            else:
                look = seen.get((path, number), {"statement": ""})
                text = (project.folder / path).read_text(errors="replace")
                line["why"], line["look"] = reason(look, text, own[path, number]), look
            yield line


def version(tool, program):
    return f"{tool} {run([program, '--version'], '.').split()[-1]}"


def is_migration(path):
    return path.parent.name == "migrations"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest")
    for tool in READERS:
        parser.add_argument(f"--{tool}", help=f"the program of {tool}")
    parser.add_argument("--write", action="store_true", help="write the page")
    arguments = parser.parse_args()
    programs = {tool: getattr(arguments, tool) for tool in READERS if getattr(arguments, tool)}
    lines = []
    for project in projects(arguments.manifest):
        own = list(compare(project, programs))
        lines += own
        print(f"{project.name}: {len(own)} findings", flush=True)
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / "peers.json").write_text(json.dumps(lines, indent=1, ensure_ascii=False))
    if arguments.write:
        PAGE.write_text(page(lines, [version(tool, program) for tool, program in programs.items()]))


if __name__ == "__main__":
    main()
