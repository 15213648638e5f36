use crate::lint::prelude::*;
use crate::schema::change::Write;

rule! {
    /// `DELETE` without `WHERE` destroys all rows of the table.
    ///
    /// ## When
    /// `DELETE FROM` without `WHERE` and without `USING`, of a table that other sessions may be using. A table that was
    /// made in the same transaction is exempt, as are temporary tables, and one that the file drops later, which
    /// [drop-table](drop-table.md) speaks of.
    ///
    /// ## Why
    /// All rows are gone, one by one: each is locked, written to the log, and cleaned up later. Most often a condition was
    /// forgotten; a table that is to be emptied is emptied faster by `TRUNCATE`.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_sessions.sql
    /// create table sessions (id bigint primary key, ended boolean);
    /// -- 2_tidy.sql
    /// delete from sessions;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_sessions.sql
    /// create table sessions (id bigint primary key, ended boolean);
    /// -- 2_tidy.sql
    /// delete from sessions where ended;
    /// ```
    ///
    /// ## References
    /// - [DELETE](https://www.postgresql.org/docs/current/sql-delete.html)
    "delete-without-where",
    category: Category::DataLoss,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::Delete(delete) = &cx.step().statement.node else {
        return;
    };
    if delete.filter.is_some() || !delete.using.is_empty() {
        return;
    }
    let written = cx.step().changes.iter().find_map(|change| match change {
        Change::Write {
            table,
            what: Write::Delete,
        } => Some(table),
        _ => None,
    });
    let busy = written.and_then(|id| cx.busy(id));
    let Some(busy) = busy.filter(|busy| !cx.is_dropped_later(busy.id)) else {
        return;
    };
    report
        .add(
            delete.table.name.span(),
            format!("deleting from `{}` without `where` destroys all its rows", busy.shown()),
        )
        .help("Write a condition, or keep a copy of the rows.");
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn all_rows_go() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table a (id int);
create table b (id int);
-- 2_second.sql
delete from only a;
--               ^ warning: deleting from `a` without `where` destroys all its rows
delete from a where id > 0;
delete from a using b where a.id = b.id;
create table c (id int);
delete from c;
create temp table scratch (id int);
delete from scratch;
-- 3_third.sql
delete from a;
--          ^ warning: deleting from `a`
delete from b;
drop table b;
alter table a rename to d;
",
        );
    }
}
