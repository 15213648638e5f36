use crate::lint::prelude::*;
use crate::lint::twins::index_behind::{self, Behind};

rule! {
    /// Adding a unique constraint stops reads and writes of the table until its index is built.
    ///
    /// ## When
    /// `ALTER TABLE … ADD [CONSTRAINT …] UNIQUE (…)` on a table that other sessions may be using. `UNIQUE USING INDEX` is
    /// exempt, since the index is there; so is a constraint whose name is taken, which fails before anything is built.
    /// Silent, too, about a table that the file has truncated before and nothing has filled since.
    ///
    /// ## Why
    /// PostgreSQL reads the whole table and builds the index under an ACCESS EXCLUSIVE lock: not even reads go on. It
    /// fails with 23505 if there are duplicates, after all that time. An index that is built `CONCURRENTLY` lets reads and
    /// writes go on, and becomes the constraint's index at once.
    ///
    /// ## Bad
    /// ```sql runner=psql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, email text);
    /// -- 2_email.sql
    /// alter table users add constraint users_email_key unique (email);
    /// ```
    ///
    /// ## Good
    /// ```sql runner=psql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, email text);
    /// -- 2_email.sql
    /// create unique index concurrently users_email_key on users (email);
    /// alter table users add constraint users_email_key unique using index users_email_key;
    /// ```
    ///
    /// ## Fix
    /// Where every statement commits on its own: builds the index concurrently and makes it the constraint's. Elsewhere
    /// the index belongs into a migration of its own that runs in no transaction.
    ///
    /// ## References
    /// - [ALTER TABLE, ADD table_constraint_using_index](https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-TABLE-CONSTRAINT-USING-INDEX)
    "add-unique-constraint",
    category: Category::Lock,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    index_behind::check(cx, report, Behind::Unique);
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
create table users (id bigint primary key, a int, b int, constraint taken unique (a));
create unique index i on users (b);
-- 2_second.sql
alter table users add unique (a, b), add constraint k unique (b);
--                    ^^^^^^^^^^^^^ warning: adding a unique constraint builds an index: reads and writes of `users` wait under
--                                       ^^^^^^^^^^^^^^^^^^^^^^^ warning: adding `k` builds an index
alter table users add constraint u unique using index i;
create table posts (id int);
alter table posts add unique (id);
-- 3_third.sql
do $$ begin
  alter table users add constraint taken unique (a);
exception when duplicate_table then null; end $$;
",
        );
    }

    #[test]
    fn the_fix_builds_the_index_first() {
        Case::new(&RULE).runner(Runner::Psql).fixed(
            "ALTER TABLE app.users ADD UNIQUE (\"Mail\", b);",
            "CREATE UNIQUE INDEX CONCURRENTLY \"users_Mail_b_key\" ON app.users (\"Mail\", b);\nALTER TABLE app.users ADD CONSTRAINT \"users_Mail_b_key\" UNIQUE USING INDEX \"users_Mail_b_key\";",
        );
    }
}
