//! A trace for people, for programs and for a browser.

pub(crate) mod html;
pub(crate) mod json;
mod page;
pub(crate) mod text;

use analysis::schema::cost::{Cost, LockMode};
use analysis::schema::objects::{Id, quote};
use database::trace::{Failure, Outcome, Report, Row};

/// A relation's name as one would write it.
pub(crate) fn name(id: &Id) -> String {
    if id.schema == "public" {
        quote(&id.name)
    } else {
        format!("{}.{}", quote(&id.schema), quote(&id.name))
    }
}

/// What a statement does to rows, in words: `rewrites orders`.
fn works(cost: &Cost) -> Vec<String> {
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
fn shown(report: &Report, row: &Row) -> Cost {
    if report.server.is_some() {
        row.statement.measured.cost()
    } else {
        row.prediction.cost.clone()
    }
}

/// The locks that others notice, the strongest first.
fn noticed(cost: &Cost) -> Vec<(&Id, LockMode)> {
    let locks = cost.locks.iter().map(|(id, mode)| (id, *mode));
    let mut locks: Vec<_> = locks.filter(|(_, mode)| *mode > LockMode::RowExclusive).collect();
    locks.sort_by_key(|(_, mode)| std::cmp::Reverse(*mode));
    locks
}

/// What went wrong, and where in the file.
fn failed(report: &Report, row: &Row) -> Option<(String, analysis::text::LineColumn)> {
    let Outcome::Failed(failure) = &row.statement.outcome else {
        return None;
    };
    let Failure {
        error, byte, is_late, ..
    } = failure;
    let at = byte.unwrap_or(row.statement.span.start);
    let place = analysis::text::LineIndex::new(&report.text).line_column(&report.text, at);
    let mut message = error.to_string();
    if *is_late {
        message.push_str("; it ran for too long and was stopped");
    }
    if failure.at_commit {
        message.push_str("; at the COMMIT");
    }
    Some((message, place))
}
