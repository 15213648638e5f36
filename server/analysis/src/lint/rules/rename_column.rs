use crate::lint::prelude::*;
use crate::lint::twins::rename;

rule! {
    /// Renaming a column breaks every program that still asks for it by its old name.
    ///
    /// ## When
    /// `ALTER TABLE … RENAME COLUMN` of a table that other sessions may be using. A column that was added in the same
    /// transaction is exempt.
    ///
    /// ## Why
    /// Views, indexes and constraints follow the column. Programs do not, nor do functions whose bodies are strings: from
    /// the commit on they fail with 42703 until new versions are deployed, and old versions fail during any rolling
    /// deployment.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, mail text);
    /// -- 2_rename.sql
    /// alter table users rename column mail to email;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, mail text);
    /// -- 2_email.sql
    /// alter table users add column email text;
    /// ```
    /// To rename the column of a busy table: add one of the new name, keep both equal with a trigger, fill old rows in
    /// batches, move all programs over, and drop the old one last.
    ///
    /// ## References
    /// - [ALTER TABLE](https://www.postgresql.org/docs/current/sql-altertable.html)
    "rename-column",
    category: Category::BreakingClient,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Some((alter, busy)) = cx.busy_alter() else { return };
    for action in &alter.actions {
        let AlterActionKind::RenameColumn { from, to } = &action.kind else {
            continue;
        };
        let known = busy.table.column(&from.value);
        if known.is_some_and(|known| cx.is_unseen(known.created)) || (known.is_none() && busy.table.columns_known) {
            continue;
        }
        let from = format!("{}.{from}", busy.shown());
        let help = "Add a column of the new name, write both, move the programs, and drop the old one then.";
        rename::report(report, action.span, &from, to.as_str(), help);
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn programs_ask_for_the_old_name() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id int, mail text);
create view v as select id from users;
-- 2_second.sql
alter table users rename mail to email;
--                ^^^^^^^^^^^^^^^^^^^^ warning: renaming `users.mail` to `email` breaks programs
alter table users add column a int;
alter table users rename column a to b;
alter view v rename column id to number;
create table posts (a int);
alter table posts rename a to b;
",
        );
    }
}
