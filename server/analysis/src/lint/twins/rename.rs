//! Names that programs ask for and that go.

use crate::lint::context::Busy;
use crate::lint::prelude::*;
use crate::sql::statement::{AlterObject, ObjectKind, Statement};

/// Reports that a name is gone for everybody who still asks for it.
pub(crate) fn report(report: &mut Report, place: Span, from: &str, to: &str, help: &str) {
    let message = format!("renaming `{from}` to `{to}` breaks programs and functions that ask for the old name");
    report.add(place, message).help(help);
}

/// The name under which programs know a table that the file itself has given its present name, and the number of the
/// statement that did.
pub(crate) fn old_name<'a>(cx: &Cx<'a>, busy: Busy<'_>) -> Option<(&'a str, usize)> {
    if cx.catalog_before(cx.file).relations.contains_key(busy.id) {
        return None;
    }
    let earlier = &cx.document().file.statements[..cx.step().number];
    earlier.iter().enumerate().find_map(|(number, statement)| {
        let Node::AlterTable(alter) = &statement.node else {
            return None;
        };
        let is_it = |kind: &AlterActionKind| matches!(kind, AlterActionKind::RenameTo(to) if to.value == busy.id.name);
        let renames = alter.actions.iter().any(|action| is_it(&action.kind));
        renames.then(|| (alter.name.last().value.as_str(), number))
    })
}

/// Whether one of the statements gives the name to something new.
pub(crate) fn is_taken_over(statements: &[Statement], name: &str) -> bool {
    statements.iter().any(|statement| names_anew(statement, name))
}

/// Whether the statement gives the name to something new.
fn names_anew(statement: &Statement, name: &str) -> bool {
    match &statement.node {
        Node::CreateView(create) => create.name.last().value == name,
        Node::CreateTable(create) => create.name.last().value == name,
        Node::CreateTableAs(create) => create.name.last().value == name,
        Node::AlterTable(alter) => alter
            .actions
            .iter()
            .any(|action| matches!(&action.kind, AlterActionKind::RenameTo(to) if to.value == name)),
        Node::AlterObject { object, action, .. } => {
            matches!(object.kind, ObjectKind::View | ObjectKind::MaterializedView)
                && matches!(action, AlterObject::Rename(to) if to.value == name)
        }
        _ => false,
    }
}
