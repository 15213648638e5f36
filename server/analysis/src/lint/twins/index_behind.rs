//! Constraints that PostgreSQL keeps with an index, which it builds while everybody waits.

use crate::lint::context::Busy;
use crate::lint::prelude::*;
use crate::schema::objects::TableKind;
use crate::schema::proof;
use crate::sql::name::Ident;
use crate::sql::statement::{AlterTable, TableConstraint, TableConstraintKind};

/// Which constraints.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behind {
    /// `PRIMARY KEY (…)`
    PrimaryKey,
    /// `UNIQUE (…)`
    Unique,
    /// `EXCLUDE …`
    Exclusion,
}

/// Reports constraints that are added to a table in use and bring an index of their own.
pub(crate) fn check(cx: &Cx<'_>, report: &mut Report, which: Behind) {
    let Some((alter, busy)) = cx.filled_alter() else { return };
    for action in &alter.actions {
        let AlterActionKind::AddConstraint(constraint) = &action.kind else {
            continue;
        };
        if !is_of(constraint, which)
            || busy.table.kind == TableKind::Foreign
            || is_refused(cx, alter, constraint, busy, which)
        {
            continue;
        }
        let what = match (&constraint.name, which) {
            (_, Behind::PrimaryKey) => "a primary key".to_owned(),
            (Some(name), _) => format!("`{name}`"),
            (None, Behind::Unique) => "a unique constraint".to_owned(),
            (None, Behind::Exclusion) => "an exclusion constraint".to_owned(),
        };
        let message = format!(
            "adding {what} builds an index: reads and writes of `{}` wait under an ACCESS EXCLUSIVE lock until it is done",
            busy.shown()
        );
        let finding = report.add(constraint.span, message);
        if which == Behind::Exclusion {
            finding.help(
                "Add it while the table is small or nobody uses it, or move the rows to a new table that has it.",
            );
        } else if busy.table.kind == TableKind::Partitioned {
            finding.help("Create a unique index on each partition `concurrently` before: PostgreSQL takes those then.");
        } else {
            index_first(cx, finding, alter, constraint, busy);
        }
    }
}

fn is_of(constraint: &TableConstraint, which: Behind) -> bool {
    match &constraint.kind {
        TableConstraintKind::PrimaryKey { .. } => which == Behind::PrimaryKey,
        TableConstraintKind::Unique { .. } => which == Behind::Unique,
        TableConstraintKind::Exclude { .. } => which == Behind::Exclusion,
        _ => false,
    }
}

/// Whether PostgreSQL refuses it before anything is read: the name is taken, or there is a primary key already.
fn is_refused(cx: &Cx<'_>, alter: &AlterTable, constraint: &TableConstraint, busy: Busy<'_>, which: Behind) -> bool {
    if which != Behind::PrimaryKey {
        return cx.had_constraint(busy.id, constraint, alter);
    }
    let old = busy.table.primary_key();
    old.is_some_and(|old| old.certainty.is_certain() && !proof::drops(alter, &old.name))
}

/// Says how to have the index first, and does it where the file can hold it.
fn index_first(
    cx: &Cx<'_>,
    finding: &mut crate::lint::context::Finding,
    alter: &AlterTable,
    constraint: &TableConstraint,
    busy: Busy<'_>,
) {
    let (columns, what): (&[Ident], _) = match &constraint.kind {
        TableConstraintKind::PrimaryKey { columns, .. } => (columns, "key"),
        _ => (&[], "constraint"),
    };
    let is_not_null = columns.iter().all(|column| {
        let known = busy.table.column(&column.value);
        known.is_some_and(|known| known.not_null && known.certainty.is_certain())
    });
    let create = if is_not_null {
        "Create"
    } else {
        "Make its columns not null, create"
    };
    finding.help(format!(
        "{create} a unique index `concurrently`{}, and add the {what} `using index`.",
        cx.apart()
    ));
    if is_not_null
        && cx.commits_alone()
        && let Some(edits) = cx.index_first(alter, constraint, busy.id)
    {
        finding.fix(FixKind::Review, "Build its index concurrently first", edits);
    }
}
