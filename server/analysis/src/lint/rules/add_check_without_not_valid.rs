use crate::lint::prelude::*;
use crate::schema::objects::TableKind;
use crate::sql::statement::{AlterTable, TableConstraint, TableConstraintKind};

rule! {
    /// Adding a CHECK constraint reads the whole table while nobody else can.
    ///
    /// ## When
    /// `ALTER TABLE … ADD [CONSTRAINT …] CHECK (…)` without `NOT VALID` on a table that other sessions may be using. `NOT
    /// ENFORCED` (PostgreSQL 18) is exempt: nothing is read. So is a constraint whose name is taken: PostgreSQL refuses it
    /// before it reads. Silent, too, about a table that the file has truncated before and nothing has filled since.
    ///
    /// ## Why
    /// PostgreSQL checks every row that is there, and holds an ACCESS EXCLUSIVE lock all the while: nobody reads or
    /// writes the table until it is done. With `NOT VALID` only new and changed rows are checked, and the lock is gone
    /// at once; `VALIDATE CONSTRAINT` then reads the old ones under a SHARE UPDATE EXCLUSIVE lock, beside which reads and
    /// writes go on.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, age int);
    /// -- 2_age.sql
    /// alter table users add constraint users_age_positive check (age > 0);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, age int);
    /// -- 2_age.sql
    /// alter table users add constraint users_age_positive check (age > 0) not valid;
    /// -- 3_age.sql
    /// alter table users validate constraint users_age_positive;
    /// ```
    ///
    /// ## Fix
    /// Appends `NOT VALID`. What remains is to validate the constraint in a later migration; where every statement
    /// commits on its own, the fix writes that too.
    ///
    /// ## References
    /// - [ALTER TABLE, ADD table_constraint NOT VALID](https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-TABLE-CONSTRAINT)
    "add-check-without-not-valid",
    category: Category::ConstraintValidation,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::AlterTable(alter) = &cx.step().statement.node else {
        return;
    };
    let Some(busy) = cx.filled_target() else { return };
    if busy.table.kind == TableKind::Foreign {
        return;
    }
    for action in &alter.actions {
        let AlterActionKind::AddConstraint(constraint) = &action.kind else {
            continue;
        };
        let is_check = matches!(constraint.kind, TableConstraintKind::Check(_));
        if !is_check || constraint.not_valid || constraint.not_enforced || cx.had_constraint(busy.id, constraint, alter)
        {
            continue;
        }
        let table = busy.shown();
        let what = match &constraint.name {
            Some(name) => format!("`{name}`"),
            None => "a CHECK constraint".to_owned(),
        };
        let message = format!(
            "adding {what} checks every row of `{table}`: reads and writes of it wait under an ACCESS EXCLUSIVE lock"
        );
        let finding = report.add(constraint.span, message);
        finding.help("Add it `not valid`, and validate it in a later migration.");
        if cx.is_editable() {
            finding.fix(FixKind::Review, "Add it `not valid`", not_valid(cx, alter, constraint));
        }
    }
}

fn not_valid(cx: &Cx<'_>, alter: &AlterTable, constraint: &TableConstraint) -> Vec<crate::lint::diagnostic::Edit> {
    let mut edits = vec![insert(constraint.span.end, format!(" {}", cx.cased("not valid")))];
    if let Some(name) = constraint.name.as_ref().filter(|_| cx.commits_alone()) {
        let validate = format!(
            "{} {} {} {}",
            cx.cased(";\nalter table"),
            cx.source(alter.name.span()),
            cx.cased("validate constraint"),
            cx.source(name.span)
        );
        edits.push(insert(cx.step().statement.span.end, validate));
    }
    edits
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    #[test]
    fn every_row_is_checked_unless_it_says_not_valid() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, age int);
-- 2_second.sql
alter table users add constraint grown check (age > 0), add constraint later check (age < 200) not valid;
--                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: adding `grown` checks every row of `users`: reads and writes of it wait under an ACCESS EXCLUSIVE lock
alter table users add check (age is not null);
--                    ^^^^^^^^^^^^^^^^^^^^^^^ warning: adding a CHECK constraint checks every row
alter table users add constraint one unique (id);
",
        );
    }

    #[test]
    fn a_constraint_that_nobody_enforces_reads_nothing() {
        let sql = "alter table users add constraint grown check (age > 0) not enforced;";
        Case::new(&RULE).postgres(18).silent(sql);
    }

    #[test]
    fn new_and_temporary_tables_are_exempt() {
        Case::new(&RULE).silent(
            "
-- 1_first.sql
create table users (id bigint primary key, age int);
alter table users add check (age > 0);
-- 2_second.sql
create table posts (id bigint primary key, age int);
alter table posts add check (age > 0);
create temp table scratch (age int);
alter table scratch add check (age > 0);
",
        );
    }

    #[test]
    fn a_constraint_that_is_there_is_not_added() {
        let sql = "
-- 1_first.sql
create table users (id bigint primary key, age int);
alter table users add constraint grown check (age > 0);
-- 2_second.sql
do $$ begin
  alter table users add constraint grown check (age > 0);
exception when duplicate_object then null; end $$;
";
        Case::new(&RULE).silent(sql);
        let replaced = "
-- 3_third.sql
alter table users drop constraint grown, add constraint grown check (age > 1);
--                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: adding `grown` checks every row
";
        Case::new(&RULE).fires(&format!("{sql}{replaced}"));
    }

    #[test]
    fn the_fix_appends_not_valid() {
        Case::new(&RULE).fixed(
            "alter table users add constraint grown check (age > 0) no inherit;",
            "alter table users add constraint grown check (age > 0) no inherit not valid;",
        );
        Case::new(&RULE).runner(Runner::Psql).fixed(
            "ALTER TABLE users ADD CONSTRAINT grown CHECK (age > 0);",
            "ALTER TABLE users ADD CONSTRAINT grown CHECK (age > 0) NOT VALID;\nALTER TABLE users VALIDATE CONSTRAINT grown;",
        );
    }
}
