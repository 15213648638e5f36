use crate::lint::prelude::*;

rule! {
    /// Dropping the default of a required column at once breaks programs that do not know it yet.
    ///
    /// ## When
    /// `ALTER COLUMN … DROP DEFAULT` of a NOT NULL column that the same file added with a default, to a table that other
    /// sessions may be using. Silent where a trigger of the table may fill the column, and where the column has a default
    /// again at the end of the file.
    ///
    /// ## Why
    /// The default was there to fill the old rows. Programs of the old version do not write the column: from the commit on
    /// their inserts fail with 23502, until the last of them is gone.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_plan.sql
    /// alter table users add column plan text not null default 'free';
    /// alter table users alter column plan drop default;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_plan.sql
    /// alter table users add column plan text not null default 'free';
    /// -- 3_plan.sql
    /// alter table users alter column plan drop default;
    /// ```
    ///
    /// ## References
    /// - [ALTER TABLE](https://www.postgresql.org/docs/current/sql-altertable.html)
    "default-dropped-at-once",
    category: Category::BreakingClient,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Some((alter, busy)) = cx.busy_alter() else { return };
    let here = u32::try_from(cx.file).unwrap_or(u32::MAX);
    for action in &alter.actions {
        let AlterActionKind::DropDefault { column } = &action.kind else {
            continue;
        };
        let Some(known) = busy.table.column(&column.value) else {
            continue;
        };
        let is_new = known.created.file == here && known.certainty.is_certain();
        let fills = busy
            .table
            .triggers
            .iter()
            .any(|trigger| trigger.timing == "BEFORE" && trigger.row);
        if !is_new || !known.not_null || known.default.is_none() || fills {
            continue;
        }
        let then = cx.catalog_before(cx.file + 1).table(busy.id);
        let then = then.and_then(|table| table.column(&column.value));
        if then.is_none_or(|then| then.default.is_some() || !then.not_null) {
            continue;
        }
        let message = format!(
            "inserts of programs that do not know `{}.{column}` yet fail: it is required and loses its default",
            busy.shown()
        );
        report
            .add(action.span, message)
            .help("Drop the default in a later migration, when every program writes the column.")
            .related(known.created, "the column was added here");
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn old_programs_do_not_write_the_column() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, old int not null default 1);
-- 2_second.sql
alter table users add column a int not null default 1, add column b int default 1, add column c int not null default 1;
alter table users alter a drop default, alter b drop default;
--                ^^^^^^^^^^^^^^^^^^^^ warning: inserts of programs that do not know `users.a` yet fail
alter table users alter c drop default;
alter table users alter c set default 2;
alter table users alter old drop default;
create table posts (id int, a int not null default 1);
alter table posts alter a drop default;
-- 3_third.sql
alter table users alter c drop default;
",
        );
    }
}
