use crate::lint::prelude::*;

rule! {
    /// A migration drops a whole database, or all that a role owns.
    ///
    /// ## When
    /// `DROP DATABASE` and `DROP OWNED BY`.
    ///
    /// ## Why
    /// Everything in the database goes, or every object that the role owns in it, with all rows. No migration needs it;
    /// most often the wrong database is connected.
    ///
    /// ## Bad
    /// ```sql runner=psql
    /// drop owned by old_app;
    /// ```
    ///
    /// ## Good
    /// ```sql runner=psql
    /// reassign owned by old_app to app;
    /// ```
    ///
    /// ## References
    /// - [DROP OWNED](https://www.postgresql.org/docs/current/sql-drop-owned.html)
    /// - [DROP DATABASE](https://www.postgresql.org/docs/current/sql-dropdatabase.html)
    "drop-database",
    category: Category::DataLoss,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let span = cx.step().statement.span;
    match &cx.step().statement.node {
        Node::DropDatabase { name, .. } => {
            report
                .add(span, format!("dropping database `{name}` destroys everything in it"))
                .help("Drop databases by hand.");
        }
        // Nobody owns anything yet, or the role is emptied before it goes: REASSIGN OWNED came before.
        Node::DropOwned { .. } if !is_reassigned(cx) => {
            report
                .add(
                    span,
                    "everything that the role owns goes, with all rows, and so do its privileges",
                )
                .help("Give it to another role before, with `reassign owned by … to …`.");
        }
        _ => {}
    }
}

fn is_reassigned(cx: &Cx<'_>) -> bool {
    let before = &cx.document().file.statements[..cx.step().number];
    before
        .iter()
        .any(|other| matches!(other.node, Node::ReassignOwned { .. }))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn everything_goes() {
        Case::new(&RULE).fires(
            "
  drop database if exists old;
--^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: dropping database `old` destroys everything in it
  drop owned by app;
--^^^^^^^^^^^^^^^^^ warning: everything that the role owns goes
",
        );
        Case::new(&RULE).silent("reassign owned by app to other; drop owned by app; drop role app;");
    }
}
