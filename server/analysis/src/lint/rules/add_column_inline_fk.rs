use crate::lint::prelude::*;
use crate::lint::twins::inline::{self, Inline};

rule! {
    /// A foreign key that comes with a new, filled column looks every row up while others wait.
    ///
    /// ## When
    /// `ALTER TABLE … ADD COLUMN … DEFAULT e REFERENCES …` on a table that other sessions may be using. Without a default
    /// every row is NULL and nothing is looked up: the locks are gone at once, and the rule is silent. `DEFAULT NULL` is a
    /// default to PostgreSQL. The rule is silent, too, where the same statement rewrites the table anyway, which another
    /// rule says. Silent, too, about a table that the file has truncated before and nothing has filled since.
    ///
    /// ## Why
    /// PostgreSQL looks up the value of every row in the referenced table. All the while it holds an ACCESS EXCLUSIVE lock
    /// on the table and a SHARE ROW EXCLUSIVE lock on the referenced one: reads of the first wait, and writes of both.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table plans (id bigint primary key);
    /// create table users (id bigint primary key);
    /// -- 2_plan.sql
    /// alter table users add column plan_id bigint default 1 references plans;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table plans (id bigint primary key);
    /// create table users (id bigint primary key);
    /// -- 2_plan.sql
    /// alter table users add column plan_id bigint default 1;
    /// alter table users add constraint users_plan_id_fkey foreign key (plan_id) references plans not valid;
    /// -- 3_plan.sql
    /// alter table users validate constraint users_plan_id_fkey;
    /// ```
    ///
    /// ## Fix
    /// Adds the foreign key by itself, `NOT VALID`. What remains is to validate it in a later migration.
    ///
    /// ## References
    /// - [ALTER TABLE, ADD table_constraint NOT VALID](https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-TABLE-CONSTRAINT)
    "add-column-inline-fk",
    category: Category::ConstraintValidation,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    inline::check(cx, report, Inline::ForeignKey);
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn a_filled_column_is_looked_up_and_an_empty_one_is_not() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table plans (id bigint primary key);
create table users (id bigint primary key);
-- 2_second.sql
alter table users add a bigint not null default 1 references plans (id) on delete cascade;
--                                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: adding `users.a` looks every row of `users` up in `plans`
alter table users add b bigint references plans;
alter table users add c bigint default null references plans;
--                                          ^^^^^^^^^^^^^^^^ warning: adding `users.c` looks every row of `users` up in `plans`
create table posts (id int);
alter table posts add a bigint default 1 references plans;
",
        );
    }

    #[test]
    fn the_fix_adds_it_by_itself() {
        Case::new(&RULE).fixed(
            "
-- 1_a.sql
create table plans (id bigint primary key);
create table users (id bigint primary key);
-- 2_b.sql
ALTER TABLE users ADD plan int DEFAULT 1 REFERENCES plans ON DELETE CASCADE;
",
            "
-- 1_a.sql
create table plans (id bigint primary key);
create table users (id bigint primary key);
-- 2_b.sql
ALTER TABLE users ADD plan int DEFAULT 1;
ALTER TABLE users ADD CONSTRAINT users_plan_fkey FOREIGN KEY (plan) REFERENCES plans ON DELETE CASCADE NOT VALID;
",
        );
    }
}
