use crate::lint::prelude::*;

rule! {
    /// A column that may be NULL from now on breaks programs that rely on a value.
    ///
    /// ## When
    /// `ALTER COLUMN … DROP NOT NULL` of a column that is not null, of a table that other sessions may be using. Silent
    /// where the column is dropped by the end of the file, or is not null again.
    ///
    /// ## Why
    /// Programs that read the column were never given NULL: generated types say so, comparisons with it come out as
    /// unknown, and rows disappear from `NOT IN` and from joins.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, email text not null);
    /// -- 2_optional.sql
    /// alter table users alter column email drop not null;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, email text not null);
    /// -- 2_optional.sql
    /// alter table users alter column email set default '';
    /// ```
    ///
    /// ## References
    /// - [ALTER TABLE](https://www.postgresql.org/docs/current/sql-altertable.html)
    "drop-not-null",
    category: Category::BreakingClient,
    level: Level::Info,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Some((alter, busy)) = cx.busy_alter() else { return };
    for action in &alter.actions {
        let AlterActionKind::DropNotNull { column } = &action.kind else {
            continue;
        };
        let Some(known) = busy.table.column(&column.value) else {
            continue;
        };
        // A column of the primary key keeps it: 42P16.
        let is_key = busy
            .table
            .primary_key()
            .is_some_and(|key| key.columns.contains(&column.value));
        if !known.not_null || is_key || cx.is_unseen(known.created) {
            continue;
        }
        let then = cx.catalog_before(cx.file + 1).table(busy.id);
        let then = then.and_then(|table| table.column(&column.value));
        if then.is_none_or(|then| then.not_null) {
            continue;
        }
        report
            .add(
                action.span,
                format!(
                    "programs that read `{}.{column}` may find NULL from now on",
                    busy.shown()
                ),
            )
            .help("Make sure that every program that reads the column can deal with NULL, and deploy that first.");
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn programs_may_find_null() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, a int not null, b int, c int not null, d int not null);
-- 2_second.sql
alter table users alter a drop not null, alter b drop not null;
--                ^^^^^^^^^^^^^^^^^^^^^ info: programs that read `users.a` may find NULL from now on
alter table users alter c drop not null;
alter table users drop column c;
alter table users alter d drop not null;
alter table users alter d set not null;
create table posts (id int not null);
alter table posts alter id drop not null;
",
        );
    }
}
