//! Constraints that are written with a new column, and validated on the spot.

use crate::lint::context::{Busy, remove};
use crate::lint::diagnostic::Edit;
use crate::lint::prelude::*;
use crate::schema::cost::is_filled;
use crate::schema::objects::quote;
use crate::sql::statement::{AlterTable, ColumnConstraint, ColumnConstraintKind, ColumnDef};

/// Which constraints.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inline {
    /// `CHECK (…)`
    Check,
    /// `REFERENCES …`
    ForeignKey,
}

/// Reports the constraints of new columns that read the table, unless it is written anew anyway.
pub(crate) fn check(cx: &Cx<'_>, report: &mut Report, which: Inline) {
    let Some((alter, _)) = cx.filled_alter() else { return };
    for (column, busy) in cx.added_columns() {
        let is_read = which == Inline::Check || is_filled(column) && cx.cost().scans.contains(busy.id);
        if cx.cost().rewrites.contains(busy.id) {
            return;
        }
        if !is_read {
            continue;
        }
        for constraint in &column.constraints {
            let Some(message) = message(column, constraint, busy, which) else {
                continue;
            };
            let what = match which {
                Inline::Check => "check",
                Inline::ForeignKey => "foreign key",
            };
            let finding = report.add(constraint.span, message);
            finding.help(format!(
                "Add the {what} by itself as `not valid`, and validate it in a later migration."
            ));
            if cx.is_editable() {
                let title = format!("Add the {what} by itself, `not valid`");
                finding.fix(FixKind::Review, title, by_itself(cx, alter, column, constraint, busy));
            }
        }
    }
}

fn message(column: &ColumnDef, constraint: &ColumnConstraint, busy: Busy<'_>, which: Inline) -> Option<String> {
    let table = busy.shown();
    match (&constraint.kind, which) {
        (ColumnConstraintKind::Check { .. }, Inline::Check) => Some(format!(
            "adding `{table}.{}` with a check reads every row of `{table}`: reads and writes of it wait under an ACCESS \
             EXCLUSIVE lock",
            column.name
        )),
        (ColumnConstraintKind::References(references), Inline::ForeignKey) => Some(format!(
            "adding `{table}.{}` looks every row of `{table}` up in `{}`: reads and writes of `{table}` wait, and writes \
             of `{}`",
            column.name, references.table, references.table
        )),
        _ => None,
    }
}

/// Takes the constraint out of the column, and adds it under the name that PostgreSQL would have given it.
fn by_itself(
    cx: &Cx<'_>,
    alter: &AlterTable,
    column: &ColumnDef,
    constraint: &ColumnConstraint,
    busy: Busy<'_>,
) -> Vec<Edit> {
    let named = |suffix: &str| match &constraint.name {
        Some(name) => cx.source(name.span).to_owned(),
        None => quote(&format!("{}_{}_{suffix}", busy.id.name, column.name)),
    };
    let words = match &constraint.kind {
        ColumnConstraintKind::References(references) => format!(
            "{} {} {} ({}) {}",
            cx.cased("constraint"),
            named("fkey"),
            cx.cased("foreign key"),
            cx.source(column.name.span),
            cx.source(references.span)
        ),
        _ if constraint.name.is_some() => cx.source(constraint.span).to_owned(),
        _ => {
            let (keyword, name) = (cx.cased("constraint"), named("check"));
            format!("{keyword} {name} {}", cx.source(constraint.span))
        }
    };
    let rest = format!(
        "{} {} {} {words} {}",
        cx.cased(";\nalter table"),
        cx.source(alter.name.span()),
        cx.cased("add"),
        cx.cased("not valid")
    );
    vec![
        remove(cx.text(), constraint.span),
        insert(cx.step().statement.span.end, rest),
    ]
}
