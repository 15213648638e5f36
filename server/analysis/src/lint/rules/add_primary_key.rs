use crate::lint::prelude::*;
use crate::lint::twins::index_behind::{self, Behind};

rule! {
    /// Adding a primary key stops reads and writes of the table until its index is built.
    ///
    /// ## When
    /// `ALTER TABLE … ADD [CONSTRAINT …] PRIMARY KEY (…)` on a table that other sessions may be using. `PRIMARY KEY USING
    /// INDEX` is exempt, since the index is there; whether its columns are not null is
    /// [pk-using-index-nullable](pk-using-index-nullable.md)'s business. Silent, too, about a table that the file has
    /// truncated before and nothing has filled since.
    ///
    /// ## Why
    /// PostgreSQL reads the whole table, looks for NULLs and builds the index, all under an ACCESS EXCLUSIVE lock: not even
    /// reads go on. An index that is built `CONCURRENTLY` lets them, and becomes the key's index at once if the columns
    /// are not null already.
    ///
    /// ## Bad
    /// ```sql runner=psql
    /// -- 1_users.sql
    /// create table users (id bigint not null);
    /// -- 2_key.sql
    /// alter table users add constraint users_pkey primary key (id);
    /// ```
    ///
    /// ## Good
    /// ```sql runner=psql
    /// -- 1_users.sql
    /// create table users (id bigint not null);
    /// -- 2_key.sql
    /// create unique index concurrently users_pkey on users (id);
    /// alter table users add constraint users_pkey primary key using index users_pkey;
    /// ```
    ///
    /// ## Fix
    /// Where every statement commits on its own and the columns are not null: builds the index concurrently and makes it
    /// the key's. Elsewhere the index belongs into a migration of its own that runs in no transaction.
    ///
    /// ## References
    /// - [ALTER TABLE, ADD table_constraint_using_index](https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-TABLE-CONSTRAINT-USING-INDEX)
    "add-primary-key",
    category: Category::Lock,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    index_behind::check(cx, report, Behind::PrimaryKey);
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    #[test]
    fn the_index_is_built_under_the_strongest_lock() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint, there bigint not null);
create table done (id bigint primary key);
create unique index i on users (there);
-- 2_second.sql
alter table users add primary key (id);
--                    ^^^^^^^^^^^^^^^^ warning: adding a primary key builds an index: reads and writes of `users` wait
alter table users drop constraint users_pkey, add primary key using index i;
alter table done drop constraint done_pkey, add primary key (id);
--                                              ^^^^^^^^^^^^^^^^ warning: adding a primary key builds an index: reads and writes of `done`
alter table done add primary key (id);
create table posts (id int);
alter table posts add primary key (id);
",
        );
    }

    #[test]
    fn the_fix_builds_the_index_first() {
        Case::new(&RULE).runner(Runner::Psql).fixed(
            "
-- 1_a.sql
create table users (id bigint not null);
-- 2_b.sql
alter table users add primary key (id);
",
            "
-- 1_a.sql
create table users (id bigint not null);
-- 2_b.sql
create unique index concurrently users_pkey on users (id);
alter table users add constraint users_pkey primary key using index users_pkey;
",
        );
    }
}
