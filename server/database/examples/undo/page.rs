//! The part of `docs/accuracy.md` about rollbacks.

use std::fmt::Write as _;

use crate::Report;
use crate::tally::{Outcomes, Tally, Verdict};

const HEAD: &str = "\
Written by `cargo run -p dblsp-database --example undo -- --manifest FILE --write docs/accuracy.md`.

Every migration of these projects that PostgreSQL 15 takes is applied, its generated rollback runs on a copy of the
database, and the rollback that the project's authors wrote runs on another copy. *Proven* means that the catalogs say of
the schema what they said before, and that nothing is left to a person: a rollback with a `TODO` counts as a failure.
`pg_dump` is asked before and after as a second judge; *wrong* counts what the catalogs call restored and `pg_dump` does
not. A column that comes back is the last of its table, which neither judge counts. Migrations that change rows only, or
nothing, stand apart, and so do those that the server refuses. The schema alone is judged here: rows come back from the
archive that `dblsp apply` makes.

What the figures do not say: the generator was corrected against these very migrations, so expect less of others. Each
file is judged by itself, which is hard on projects that cut one migration into numbered files (ory/kratos): there the
file of a number need not undo the file of the same number. Empty files count as rollbacks that undo nothing.

| Project | Commit | Migrations | Proven | | TODO | Different | Refused | Wrong | By hand | Rows only | Not applied |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
";

/// All outcomes in one.
pub(crate) fn together(reports: &[Report]) -> Tally {
    let mut all = Tally::default();
    for report in reports {
        all.no_schema += report.tally.no_schema;
        all.refused += report.tally.refused;
        all.outcomes
            .extend(report.tally.outcomes.iter().map(|outcome| Outcomes {
                path: outcome.path.clone(),
                ours: outcome.ours.clone(),
                theirs: outcome.theirs.clone(),
            }));
    }
    all
}

pub(crate) fn markdown(reports: &[Report]) -> String {
    let mut out = HEAD.to_owned();
    for report in reports {
        out.push_str(&row(&report.corpus.name, &report.corpus.short_commit(), &report.tally));
    }
    let all = together(reports);
    out.push_str(&row("**all**", "", &all));
    let by_hand = all.theirs();
    let _ = writeln!(
        out,
        "\nOf the {} rollbacks written by hand {} are refused and {} leave something different.\n",
        by_hand.all,
        by_hand.refused,
        by_hand.different + by_hand.only_in_dump + by_hand.todo
    );
    out.push_str("What is not proven, and why:\n\n");
    for report in reports {
        for outcome in &report.tally.outcomes {
            if let Some(why) = why(&outcome.ours) {
                let _ = writeln!(out, "- {} `{}`: {why}", report.corpus.name, outcome.path);
            }
        }
    }
    out
}

fn row(name: &str, commit: &str, tally: &Tally) -> String {
    let (ours, theirs) = (tally.ours(), tally.theirs());
    format!(
        "| {name} | {commit} | {} | {} | {:.1} % | {} | {} | {} | {} | {:.1} % of {} | {} | {} |\n",
        ours.all,
        ours.restored,
        ours.percent(),
        ours.todo,
        ours.different,
        ours.refused,
        ours.only_in_dump,
        theirs.percent(),
        theirs.all,
        tally.no_schema,
        tally.refused,
    )
}

/// In one line, why it is not proven.
fn why(verdict: &Verdict) -> Option<String> {
    let first = |text: &str| {
        let line = text.lines().next().unwrap_or_default();
        line.split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .chars()
            .take(160)
            .collect::<String>()
    };
    match verdict {
        Verdict::Restored(_) => None,
        Verdict::Todo(what) => Some(format!("left to a person: {}", first(what))),
        Verdict::Different(what) => Some(format!("different: `{}`", first(what).replace('`', "'"))),
        Verdict::OnlyInDump(what) => Some(format!("wrong: `{}`", first(what).replace('`', "'"))),
        Verdict::Refused(what) => Some(format!("refused: {}", first(what))),
    }
}
