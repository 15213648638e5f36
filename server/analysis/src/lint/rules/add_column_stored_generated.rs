use crate::lint::prelude::*;
use crate::sql::statement::ColumnConstraintKind;

rule! {
    /// Adding a stored generated column rewrites the whole table while reads and writes wait.
    ///
    /// ## When
    /// `ALTER TABLE … ADD COLUMN … GENERATED ALWAYS AS (…) STORED` on a table that other sessions may be using. Virtual
    /// ones (PostgreSQL 18) are computed when they are read and are exempt. Silent, too, about a table that the file has
    /// emptied before, with `TRUNCATE` or a `DELETE` without `WHERE`, and nothing has filled since.
    ///
    /// ## Why
    /// PostgreSQL computes the value for every row that is there, and so writes the table and all its indexes anew under
    /// an ACCESS EXCLUSIVE lock. Every read and write waits until it is done.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, name text);
    /// -- 2_search.sql
    /// alter table users add column search text generated always as (lower(name)) stored;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, name text);
    /// -- 2_search.sql
    /// alter table users add column search text;
    /// create function fill_search() returns trigger language plpgsql set search_path = '' as
    /// $$ begin new.search := lower(new.name); return new; end $$;
    /// create trigger fill_search before insert or update on users for each row execute function fill_search();
    /// ```
    /// ```sql postgres=18
    /// -- 1_users.sql
    /// create table users (id bigint primary key, name text);
    /// -- 2_search.sql
    /// alter table users add column search text generated always as (lower(name)) virtual;
    /// ```
    ///
    /// ## References
    /// - [Generated columns](https://www.postgresql.org/docs/current/ddl-generated-columns.html)
    /// - [ALTER TABLE, notes on rewrites](https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES)
    "add-column-stored-generated",
    category: Category::Rewrite,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    for (column, busy) in cx.columns_added_to_rows() {
        let stored = column
            .constraints
            .iter()
            .find(|constraint| matches!(constraint.kind, ColumnConstraintKind::Generated { stored: true, .. }));
        let Some(stored) = stored else { continue };
        let table = busy.shown();
        let message = format!(
            "adding `{table}.{}` rewrites `{table}` to compute its values: reads and writes of it wait under an ACCESS \
             EXCLUSIVE lock",
            column.name
        );
        report.add(stored.span, message).help(if cx.settings.postgres >= 18 {
            "Make it `virtual`, or add a plain column, fill it by a trigger, and fill old rows in batches."
        } else {
            "Add a plain column, fill it by a trigger, and fill old rows in batches."
        });
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn a_stored_one_rewrites_and_a_virtual_one_does_not() {
        let sql = "
-- 1_first.sql
create table users (id bigint primary key, name text);
-- 2_second.sql
alter table users add a text generated always as (upper(name)) stored;
--                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: adding `users.a` rewrites `users` to compute its values
alter table users add b text generated always as (upper(name)) virtual;
alter table users add c text generated always as (upper(name));
create table posts (name text);
alter table posts add a text generated always as (upper(name)) stored;
";
        Case::new(&RULE).postgres(18).fires(sql);
    }
}
