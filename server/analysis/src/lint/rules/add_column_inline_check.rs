use crate::lint::prelude::*;
use crate::lint::twins::inline::{self, Inline};

rule! {
    /// A check that comes with a new column is checked on every row while reads and writes wait.
    ///
    /// ## When
    /// `ALTER TABLE … ADD COLUMN … CHECK (…)` on a table that other sessions may be using. Where the same statement
    /// rewrites the table anyway, another rule says so, and this one is silent. Silent, too, about a table that the file
    /// has truncated before and nothing has filled since.
    ///
    /// ## Why
    /// PostgreSQL reads the whole table under an ACCESS EXCLUSIVE lock, although the new column holds the same value in
    /// every row. A check written with the column cannot be `NOT VALID`; one that is added by itself can.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_age.sql
    /// alter table users add column age int check (age >= 0);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_age.sql
    /// alter table users add column age int;
    /// alter table users add constraint users_age_check check (age >= 0) not valid;
    /// -- 3_age.sql
    /// alter table users validate constraint users_age_check;
    /// ```
    ///
    /// ## Fix
    /// Adds the check by itself, `NOT VALID`. What remains is to validate it in a later migration.
    ///
    /// ## References
    /// - [ALTER TABLE, ADD table_constraint NOT VALID](https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-TABLE-CONSTRAINT)
    "add-column-inline-check",
    category: Category::ConstraintValidation,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    inline::check(cx, report, Inline::Check);
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn every_row_is_read() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, there int);
-- 2_second.sql
alter table users add a int check (a > 0), add b int;
--                          ^^^^^^^^^^^^^ warning: adding `users.a` with a check reads every row of `users`: reads and writes of it wait under an ACCESS EXCLUSIVE lock
alter table users add c int default 1 constraint positive check (c > 0);
--                                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: adding `users.c` with a check
alter table users add if not exists there int check (there > 0);
alter table users add d bigserial check (d > 0);
create table posts (id int);
alter table posts add a int check (a > 0);
",
        );
    }

    #[test]
    fn the_fix_adds_it_by_itself() {
        Case::new(&RULE).fixed(
            "alter table users add age int not null default 1 check (age >= 0);",
            "alter table users add age int not null default 1;\nalter table users add constraint users_age_check check (age >= 0) not valid;",
        );
    }
}
