"""The page with the sample: what was found, what the server did, and what a reader made of both."""

import collections
import re

INTRO = """# Findings before a server

Written by `scripts/findings/sample.py MANIFEST --write`.

{total} findings of warnings and errors are what `dblsp check` says, without any settings, about the {projects} Supabase
projects that [Accuracy](../accuracy.md) lists. {drawn} of them were drawn with a fixed seed, as many of every rule as there
are or as fit. For each, the project's history was replayed up to the statement on a throw-away PostgreSQL {majors} that
holds what a new Supabase project holds, and the statement was run there, in the transaction of its file, with two made-up
rows in the table that it names where its constraints let any in.

*Server* is what was seen then: the strongest lock that the statement newly took on each relation that was there before
(readers' left out), heaps written anew, what the server itself says that it does (`verifying table`, `building index`,
`validating foreign key`), errors, what was dropped, and what the catalog says differently; "in the end" is what the
catalog says after the last migration. Histories that begin in the middle lack tables; *stand-ins* are those made for the
statement. Who mended rules after earlier draws judged by what the server
must show (a table that is verified, an index that is built, an error, an object that is gone), and called 198 true. Then
somebody who had seen neither the rules nor that reading judged every row anew, with the files around it and a server to
try things on; that verdict stands here. Rules were mended again since: what they no longer find is gone, and rows that
were drawn in its place were judged in the same way, by somebody who had not seen the rules.

A finding is *false* where the server does not do what the message says, or where what it says is of no consequence in a
project that is in use. *Moot* is what is true of the statement and cannot matter where it stands.

| Rule | Findings | Drawn | True | Moot | False |
| --- | ---: | ---: | ---: | ---: | ---: |
"""


SUMMARY = """
`dblsp check` without settings says {total} warnings and errors about the ten Supabase projects. {drawn} of them, as many of
every rule as there are or as fit, were put before a server one by one: [Findings before a server](accuracy/findings.md)
shows each statement with what the server did, and what a reader made of it. {true} are true, {moot} moot, {false} false
({share:.1f} % of those judged){unjudged}.

Draws before this one had nine false findings of `nested-begin` (nobody was known to apply the files), five of
`syntax-error` (consequences of an apostrophe within a text), one of `drop-table` (a temporary table, made right behind),
and seven moot ones of `drop-index-non-concurrent` (the transaction had locked the table before): 7 % false. The rules were
mended and the draw was made again, with the same seed, on the same projects, and judged by somebody with fresh eyes: 178
true, 17 moot, 5 false. Nine findings of `duplicate-version` were called false for their message alone, which said that a
file is applied twice; it is mended, and they count as true.

Of those moot and false ones, 12 and 3 are no longer found: rewrites of tables that the same file has emptied, views that
show what the policies of their tables show to the same roles anyway, an index dropped right before its column, a column
renamed right after its table, `COMMIT` before nothing but comments, copies of two and three rows, and a function that
looks no name up. What was drawn before stays drawn as long as it is found; other findings took the place of what is gone.
What is false still: two in a file whose table an earlier file has renamed, in a history that lacks its beginning. Moot
still: tables that are empty for reasons that no statement of the file shows, a condition of a view that happens to be
that of the policy, an `UPDATE` whose condition no row can meet, and a column that nobody can have filled. The projects are
those on which the rules were mended, so expect less of others.

[Beside other linters](accuracy/peers.md) compares what squawk, the Postgres Language Server and eugene find in the same
migrations with what dblsp finds there, and asks the server about every difference.
"""


def summary(grave, drawn, verdicts):
    """What docs/accuracy.md says."""
    counts = collections.Counter(verdict["verdict"] for verdict in verdicts if verdict)
    judged = counts.total()
    return SUMMARY.format(
        total=len(grave),
        drawn=len(drawn),
        true=counts["true"],
        moot=counts["moot"],
        false=counts["false"],
        share=100 * counts["false"] / max(judged, 1),
        unjudged=f"; {len(drawn) - judged} are not judged yet" if judged < len(drawn) else "",
    )


def page(projects, grave, drawn, verdicts, key):
    """The whole page."""
    majors = " and ".join(str(major) for major in sorted({project.major for project in projects}))
    text = INTRO.format(total=len(grave), projects=len(projects), drawn=len(drawn), majors=majors)
    text += table(grave, drawn, verdicts, key)
    commits = {project.name: project.commit for project in projects}
    for rule in sorted({finding["rule"] for finding in drawn}):
        text += f"\n## {rule}\n"
        own = sorted((finding for finding in drawn if finding["rule"] == rule), key=key)
        for number, finding in enumerate(own, 1):
            text += row(number, finding, verdicts.get(key(finding)), commits)
    return text


def table(grave, drawn, verdicts, key):
    population = collections.Counter(finding["rule"] for finding in grave)
    text = ""
    sums = collections.Counter()
    for rule in sorted(population):
        own = [finding for finding in drawn if finding["rule"] == rule]
        judged = collections.Counter(verdicts[key(finding)]["verdict"] for finding in own if key(finding) in verdicts)
        sums.update(judged)
        counts = f"{judged['true']} | {judged['moot']} | {judged['false']}"
        text += f"| [{rule}](../rules/{rule}.md) | {population[rule]} | {len(own)} | {counts} |\n"
    text += f"| **all** | {len(grave)} | {len(drawn)} | {sums['true']} | {sums['moot']} | {sums['false']} |\n"
    unjudged = len(drawn) - sum(sums.values())
    if unjudged:
        text += f"\n{unjudged} are not judged yet.\n"
    return text


def row(number, finding, verdict, commits):
    place = f"{finding['project']} `{finding['path']}`:{finding['start']['line']}"
    judged = f"**{verdict['verdict']}**: {verdict['reason']}" if verdict else "not judged"
    return (
        f"\n{number}. {place} ({commits[finding['project']][:12]})\n\n"
        f"   ```sql\n{indented(shortened(finding['statement']))}\n   ```\n\n"
        f"   - Finding: {finding['message']}\n"
        f"   - Server: {shown(finding['seen'])}\n"
        f"   - Verdict: {judged}\n"
    )


def shortened(statement, lines=8, width=110):
    """The statement without comments and without its middle."""
    bare = re.sub(r"--[^\n]*|/\*.*?\*/", "", statement, flags=re.DOTALL)
    kept = [line.rstrip() for line in bare.strip().splitlines() if line.strip()]
    if len(kept) > lines:
        kept = [*kept[: lines - 2], "…", kept[-1]]
    return [line if len(line) <= width else line[: width - 1] + "…" for line in kept]


def indented(lines):
    return "\n".join("   " + line for line in lines)


def shown(seen):
    """What was seen, in a line."""
    said = []
    if error := seen.get("error"):
        said.append("error " + " ".join(error[:2]))
    if error := seen.get("with_rows"):
        said.append(f"with made-up rows: error {error[0]} {error[1]}")
    if seen.get("tag"):
        said.append(f"`{seen['tag']}`")
    rows = {name: count for name, count in seen.get("rows", {}).items() if count}
    if rows and not seen.get("with_rows"):
        said.append("rows before: " + ", ".join(f"{name} {count}" for name, count in rows.items()))
    said += [f"{lock(mode)} on {name}" for name, mode in sorted(seen.get("locks", {}).items())][:6]
    held = {name: mode for name, mode in seen.get("held", {}).items() if strong(mode)}
    if held:
        said.append("held before, from this transaction: " + ", ".join(f"{lock(m)} on {n}" for n, m in sorted(held.items())[:5]))
    said += [f"{name} written anew" for name in seen.get("rewritten", [])]
    said += [f"“{line}”" for line in dict.fromkeys(seen.get("said", []))][:6]
    said += [f"dropped {line}" for line in seen.get("dropped", [])][:8]
    said += [clean(line) for line in seen.get("changed", [])][:4]
    said += ["new: " + clean(line) for line in seen.get("added", [])][:4]
    if seen.get("ended"):
        said.append("the file's transaction ends here")
    if seen.get("new_tables"):
        said.append("made in this file: " + ", ".join(sorted(seen["new_tables"])[:6]))
    said += ["in the end " + clean(line) for line in seen.get("end", [])][:3]
    if seen.get("stand_ins"):
        said.append("stand-ins: " + ", ".join(sorted({made.split(" (")[0].split(" CHECK")[0] for made in seen["stand_ins"]}))[:160])
    return "; ".join(said) or "nothing to see"


def strong(mode):
    return mode not in ("RowShareLock", "RowExclusiveLock")


def lock(mode):
    """ACCESS EXCLUSIVE of AccessExclusiveLock."""
    return re.sub(r"(?<!^)([A-Z])", r" \1", mode.removesuffix("Lock")).upper()


def clean(line):
    line = re.sub(r"\s+", " ", line)
    return line if len(line) < 180 else line[:179] + "…"
