"""The page that compares what other linters find with what dblsp finds."""

import collections

from page import indented, shortened, shown
from theirs import LEFT_OUT, REMARKS, RULES

COLUMNS = {
    "agrees": "dblsp too",
    "refused": "refused",
    "new": "new",
    "nothing": "nothing",
    "held": "held",
    "short": "short",
    "gone": "gone",
    "other": "other",
    "work": "work",
}

INTRO = """# Beside other linters

Written by `scripts/findings/peers.py MANIFEST --squawk … --pgls … --eugene … --write`, on the Supabase projects that
[Accuracy](../accuracy.md) lists.

{tools}

looked at the same migrations: squawk with the rules that it has on by itself, the Postgres Language Server with all of its
rules that read files, eugene with its lint. Their rules about locks, rewrites, losses and what breaks programs are below.
Left out are those about taste, settings or re-running: {left_out}.

*dblsp too* counts the findings at whose statement dblsp says the same in its own words, at whatever level. Every other
statement was run on a throw-away PostgreSQL, behind all that comes before it, and stands in the column of what it did
there:

| Column | What the server did |
| --- | --- |
| refused | It refused the statement: nothing is locked, lost or broken by it. |
| new | All that the statement locks was made in the same transaction, or by the first migration of all: nobody else uses it. |
| nothing | Nothing that was there before was locked against writes, read, changed or dropped. |
| held | An earlier statement of the transaction holds such a lock already; nothing is read, built or rewritten. |
| short | A lock against writes or more is taken for a moment; nothing is read, built or rewritten under it. |
| gone | Something that was there before was dropped or renamed. |
| other | It has work to do there, and dblsp says so for another reason than theirs. |
| work | A table that was there before was read, built upon or written anew. |

| Rule | About | Findings | {columns} |
| --- | --- | ---: | {lines} |
"""


def page(lines, versions):
    """The whole page."""
    counts = collections.Counter((line["rule"], line["why"]) for line in lines)
    text = INTRO.format(
        tools=" · ".join(versions),
        left_out=LEFT_OUT,
        columns=" | ".join(COLUMNS.values()),
        lines=" | ".join("---:" for _ in COLUMNS),
    )
    for rule, (about, _) in RULES.items():
        row = [counts[rule, why] for why in COLUMNS]
        if sum(row):
            cells = " | ".join(str(count or "") for count in row)
            text += f"| {rule[0]} `{rule[1]}` | {about} | {sum(row)} | {cells} |\n"
    total = [sum(counts[rule, why] for rule in RULES) for why in COLUMNS]
    text += f"| **all** | | {sum(total)} | {' | '.join(map(str, total))} |\n"
    return text + remarks(lines)


def remarks(lines):
    """Why dblsp says nothing, rule by rule, with a statement for each."""
    text = "\n## Where dblsp says nothing\n"
    by_rule = collections.defaultdict(lambda: collections.defaultdict(list))
    for line in lines:
        if line["why"] != "agrees":
            by_rule[line["rule"]][line["why"]].append(line)
    for rule in RULES:
        if rule not in by_rule:
            continue
        text += f"\n### {rule[0]} {rule[1]}\n"
        for why in COLUMNS:
            found = by_rule[rule].get(why)
            if found:
                text += f"\n{len(found)} × *{COLUMNS[why]}*: {remark(rule, why)}\n" + sample(found)
    return text


def remark(rule, why):
    return REMARKS.get((*rule, why)) or REMARKS.get((rule[1], why)) or REMARKS[why]


def sample(found):
    """The first of them in the order of their places."""
    line = min(found, key=lambda line: (len(line["look"].get("statement", "")) > 400, line["project"], line["path"]))
    look = dict(line["look"])
    statement = look.pop("statement", "")
    place = f"{line['project']} `{line['path']}`"
    return f"\n- {place}\n\n  ```sql\n{indented(shortened(statement, 5, 100))[1:]}\n  ```\n\n  Server: {shown(look)}\n"
