use crate::lint::prelude::*;
use crate::lint::twins::rename;

rule! {
    /// Renaming a table breaks every program that still asks for it by its old name.
    ///
    /// ## When
    /// `ALTER TABLE … RENAME TO` of a table that other sessions may be using. Exempt where a later statement of the file
    /// gives the old name to something else, such as a view over the new one, or another table in a swap; and where the
    /// file gave the table its present name itself, which nobody can be asking for yet.
    ///
    /// ## Why
    /// Views and foreign keys follow the table. Programs do not, nor do functions whose bodies are strings: from the commit
    /// on they fail with 42P01 until new versions are deployed, and old versions fail during any rolling deployment.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_rename.sql
    /// alter table users rename to accounts;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_rename.sql
    /// alter table users rename to accounts;
    /// create view users as select * from accounts;
    /// ```
    ///
    /// ## References
    /// - [ALTER TABLE](https://www.postgresql.org/docs/current/sql-altertable.html)
    "rename-table",
    category: Category::BreakingClient,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Some((alter, busy)) = cx.busy_alter() else { return };
    for action in &alter.actions {
        let AlterActionKind::RenameTo(to) = &action.kind else {
            continue;
        };
        let rest = &cx.document().file.statements[cx.step().number + 1..];
        if rename::is_taken_over(rest, &busy.id.name) || rename::old_name(cx, busy).is_some() {
            continue;
        }
        let help = "Create a view of the old name in the same migration, and drop it when nobody uses it.";
        rename::report(report, action.span, &busy.shown(), to.as_str(), help);
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
create table users (id int);
create table old (id int);
create table b (id int);
create index i on users (id);
-- 2_second.sql
alter table users rename to accounts;
--                ^^^^^^^^^^^^^^^^^^ warning: renaming `users` to `accounts` breaks programs
alter table old rename to older;
create view old as select * from older;
create table b_new (id int);
alter table b rename to b_old;
alter table b_new rename to b;
alter index i rename to j;
alter table accounts rename to people;
",
        );
    }
}
