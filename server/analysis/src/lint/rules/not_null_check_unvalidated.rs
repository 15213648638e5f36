use crate::lint::prelude::*;
use crate::schema::objects::TableKind;
use crate::schema::proof::not_null_proof;

rule! {
    /// Setting a column not null reads all rows while the check that proves it is not validated.
    ///
    /// ## When
    /// `ALTER COLUMN … SET NOT NULL` on a table that other sessions may be using, where a CHECK constraint says `column is
    /// not null` but was added `NOT VALID` and has not been validated since. Silent, too, about a table that the file has
    /// truncated before and nothing has filled since.
    ///
    /// ## Why
    /// PostgreSQL believes only a validated constraint. It reads every row under an ACCESS EXCLUSIVE lock, and nobody
    /// reads or writes the table until it is done: what the constraint was meant to avoid.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, email text);
    /// -- 2_email.sql
    /// alter table users add constraint email_there check (email is not null) not valid;
    /// -- 3_email.sql
    /// alter table users alter column email set not null;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, email text);
    /// -- 2_email.sql
    /// alter table users add constraint email_there check (email is not null) not valid;
    /// -- 3_email.sql
    /// alter table users validate constraint email_there;
    /// alter table users alter column email set not null;
    /// ```
    ///
    /// ## Fix
    /// Validates the constraint before: under a SHARE UPDATE EXCLUSIVE lock, beside which reads and writes go on. If the
    /// same transaction has taken a stronger lock on the table by then, move the validation to a migration of its own.
    ///
    /// ## References
    /// - [ALTER TABLE, SET NOT NULL](https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-SET-DROP-NOT-NULL)
    "not-null-check-unvalidated",
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
        let AlterActionKind::SetNotNull { column } = &action.kind else {
            continue;
        };
        if busy.table.column(&column.value).is_some_and(|known| known.not_null) {
            continue;
        }
        let Some(proof) = not_null_proof(busy.table, &column.value, alter).filter(|proof| !proof.validated) else {
            continue;
        };
        let (table, constraint) = (busy.shown(), &proof.name);
        let message = format!(
            "setting `{table}.{column}` not null reads all of `{table}`, since `{constraint}` is not validated: reads and \
             writes of it wait under an ACCESS EXCLUSIVE lock"
        );
        let finding = report.add(action.span, message);
        finding
            .help(format!("Validate `{constraint}` before."))
            .related(proof.created, "the constraint was added here, `not valid`");
        if cx.is_editable() {
            let validate = format!(
                "{} {} {} {};\n",
                cx.cased("alter table"),
                cx.source(alter.name.span()),
                cx.cased("validate constraint"),
                crate::schema::objects::quote(constraint)
            );
            let edits = vec![insert(cx.step().statement.span.start, validate)];
            finding.fix(FixKind::Review, format!("Validate `{constraint}` before"), edits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn a_constraint_that_is_not_validated_proves_nothing() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, a int, b int, c int);
alter table users add constraint a_there check (a is not null and a > 0) not valid;
alter table users add constraint b_there check (b is not null) not valid;
-- 2_second.sql
alter table users validate constraint b_there;
alter table users alter a set not null, alter b set not null, alter c set not null, alter id set not null;
--                ^^^^^^^^^^^^^^^^^^^^ warning: setting `users.a` not null reads all of `users`, since `a_there` is not validated: reads and writes of it wait under an ACCESS EXCLUSIVE lock
",
        );
    }

    #[test]
    fn a_new_table_is_exempt() {
        Case::new(&RULE).silent(
            "
-- 1_first.sql
create table users (id bigint primary key);
-- 2_second.sql
create table posts (a int);
alter table posts add constraint a_there check (a is not null) not valid;
alter table posts alter a set not null;
",
        );
    }

    #[test]
    fn so_does_a_not_null_constraint_of_postgres_18() {
        Case::new(&RULE).postgres(18).fires(
            "
-- 1_first.sql
create table users (a int, b int);
alter table users add constraint a_there not null a not valid, add not null b not valid;
-- 2_second.sql
alter table users validate constraint users_b_not_null;
alter table users alter a set not null, alter b set not null;
--                ^^^^^^^^^^^^^^^^^^^^ warning: setting `users.a` not null reads all of `users`, since `a_there` is not
",
        );
    }

    #[test]
    fn the_fix_validates_before() {
        Case::new(&RULE).fixed(
            "
-- 1_first.sql
create table users (a int);
alter table users add constraint a_there check (a is not null) not valid;
-- 2_second.sql
alter table users alter a set not null;
",
            "
-- 1_first.sql
-- 2_second.sql
alter table users validate constraint a_there;
alter table users alter a set not null;
",
        );
    }
}
