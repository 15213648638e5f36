use crate::lint::context::Busy;
use crate::lint::prelude::*;
use crate::lint::twins::rename;

rule! {
    /// Renaming a column breaks every program that still asks for it by its old name.
    ///
    /// ## When
    /// `ALTER TABLE … RENAME COLUMN` of a table that other sessions may be using. A column that was added in the same
    /// transaction is exempt. So is a table that the file has renamed before, with nothing in its place: under the new
    /// name nobody asks for the column yet ([rename-table](rename-table.md) speaks of the old one); and one that the file
    /// drops.
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
    if is_unknown_by_name(cx, busy) || cx.is_dropped_later(busy.id) {
        return;
    }
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

/// Whether the file has renamed the table, with no view or the like to stand for it: nobody asks for columns under its
/// new name, and whoever asks under the old one fails already.
fn is_unknown_by_name(cx: &Cx<'_>, busy: Busy<'_>) -> bool {
    rename::old_name(cx, busy).is_some_and(|(name, renamed)| {
        let behind = &cx.document().file.statements[renamed + 1..];
        !rename::is_taken_over(behind, name)
    })
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

    #[test]
    fn nobody_asks_for_a_table_under_the_name_that_it_just_got() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id int, mail text);
create table posts (id int, a text);
create table new_posts (id int, a text);
create table teams (id int, a text);
create table old (id int, a text);
-- 2_second.sql
alter table users rename to people;
alter table people rename mail to email;
alter table posts rename to old_posts;
alter table new_posts rename to posts;
alter table posts rename a to b;
--                ^^^^^^^^^^^^^ warning: renaming `posts.a` to `b`
alter table teams rename to groups;
alter table groups rename a to b;
--                 ^^^^^^^^^^^^^ warning: renaming `groups.a` to `b`
create view teams as select * from groups;
alter table old rename a to b;
drop table old;
-- 3_third.sql
alter table people rename email to address;
--                 ^^^^^^^^^^^^^^^^^^^^^^^ warning: renaming `people.email` to `address`
",
        );
    }
}
