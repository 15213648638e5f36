use crate::lint::prelude::*;
use crate::schema::change::Write;
use crate::sql::statement::Update;

rule! {
    /// `UPDATE` without `WHERE` writes every row again and locks it until the commit.
    ///
    /// ## When
    /// `UPDATE` without `WHERE` and without `FROM`, of a table that other sessions may be using. A table that was made in
    /// the same transaction is exempt, as are temporary tables, and assignments to columns that were: filling a new column
    /// is [backfill-under-lock](backfill-under-lock.md)'s business.
    ///
    /// ## Why
    /// Every row is written a second time, with an entry in every index: the table may double in size. Each row stays
    /// locked until the commit, so that writes to it wait. The old values are gone, which is most often meant for some rows
    /// only.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, plan text);
    /// -- 2_plan.sql
    /// update users set plan = 'free';
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, plan text);
    /// -- 2_plan.sql
    /// update users set plan = 'free' where plan is null;
    /// ```
    ///
    /// ## References
    /// - [UPDATE](https://www.postgresql.org/docs/current/sql-update.html)
    /// - [Routine vacuuming](https://www.postgresql.org/docs/current/routine-vacuuming.html)
    "update-without-where",
    category: Category::DataLoss,
    level: Level::Info,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::Update(update) = &cx.step().statement.node else {
        return;
    };
    if update.filter.is_some() || !update.from.is_empty() {
        return;
    }
    let written = cx.step().changes.iter().find_map(|change| match change {
        Change::Write {
            table,
            what: Write::Update,
        } => Some(table),
        _ => None,
    });
    let Some(busy) = written.and_then(|id| cx.busy(id)) else {
        return;
    };
    if fills_new_columns(cx, update, busy.id) {
        return;
    }
    report
        .add(
            update.table.name.span(),
            format!(
                "updating `{}` without `where` replaces the values of all rows and locks them until the commit",
                busy.shown()
            ),
        )
        .help("Write a condition, and update large tables in batches.");
}

/// Whether every column that is set was added in the same file.
fn fills_new_columns(cx: &Cx<'_>, update: &Update, table: &Id) -> bool {
    let Some(known) = cx.before().table(table) else {
        return false;
    };
    let here = u32::try_from(cx.file).unwrap_or(u32::MAX);
    let is_new = |name: &str| {
        let column = known.column(name);
        column.is_some_and(|column| column.created.file == here)
    };
    !update.assignments.is_empty() && update.assignments.iter().all(|set| is_new(&set.column.value))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    #[test]
    fn all_rows_are_written_again() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table a (id int, b int);
-- 2_second.sql
update a set b = 1;
--     ^ info: updating `a` without `where` replaces the values of all rows
update a set b = 1 where id > 0;
update a set b = c.id from c where c.id = a.id;
alter table a add column fresh int;
update a set fresh = b;
create table c (id int);
update c set id = 1;
",
        );
    }

    #[test]
    fn filling_a_new_column_is_exempt_and_writing_an_old_one_is_not() {
        Case::new(&RULE).runner(Runner::Psql).fires(
            "
-- 1_first.sql
create table a (id int, b int);
-- 2_second.sql
begin;
alter table a add column fresh int;
update a set fresh = b;
commit;
update a set b = 0;
--     ^ info: updating `a` without `where`
",
        );
    }
}
