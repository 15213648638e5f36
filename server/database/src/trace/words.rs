//! A trace in words, the same for people at a terminal and for the page.

use analysis::schema::cost::{Cost, LockMode};
use analysis::schema::objects::{Id, quote};
use analysis::text::{LineColumn, LineIndex};

use super::{Failure, Outcome, Report, Row};

/// A relation's name as one would write it.
pub fn name(id: &Id) -> String {
    if id.schema == "public" {
        quote(&id.name)
    } else {
        format!("{}.{}", quote(&id.schema), quote(&id.name))
    }
}

/// What a statement does to rows, in words: `rewrites orders`.
pub fn works(cost: &Cost) -> Vec<String> {
    let kinds = [
        ("rewrites", &cost.rewrites),
        ("reads all rows of", &cost.scans),
        ("builds an index on", &cost.builds),
        ("may rewrite or read", &cost.unsure),
    ];
    let each = kinds
        .into_iter()
        .flat_map(|(verb, ids)| ids.iter().map(move |id| format!("{verb} {}", name(id))));
    each.collect()
}

/// What is shown of a statement: what was measured, or else what was predicted.
pub fn shown(report: &Report, row: &Row) -> Cost {
    if report.server.is_some() {
        row.statement.measured.cost()
    } else {
        row.prediction.cost.clone()
    }
}

/// The locks that others notice, the strongest first.
pub fn noticed(cost: &Cost) -> Vec<(&Id, LockMode)> {
    let locks = cost.locks.iter().map(|(id, mode)| (id, *mode));
    let mut locks: Vec<_> = locks.filter(|(_, mode)| *mode > LockMode::RowExclusive).collect();
    locks.sort_by_key(|(_, mode)| std::cmp::Reverse(*mode));
    locks
}

/// What went wrong, and where in the file.
pub fn failed(report: &Report, row: &Row) -> Option<(String, LineColumn)> {
    let Outcome::Failed(failure) = &row.statement.outcome else {
        return None;
    };
    let Failure {
        error, byte, is_late, ..
    } = failure;
    let at = byte.unwrap_or(row.statement.span.start);
    let place = LineIndex::new(&report.text).line_column(&report.text, at);
    let mut message = error.to_string();
    if *is_late {
        message.push_str("; it ran for too long and was stopped");
    }
    if failure.at_commit {
        message.push_str("; at the COMMIT");
    }
    Some((message, place))
}
