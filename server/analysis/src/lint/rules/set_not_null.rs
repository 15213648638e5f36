use crate::lint::prelude::*;
use crate::schema::objects::{ConstraintKind, Table, TableKind, quote};
use crate::schema::proof::{drops, excludes_null, not_null_proof};
use crate::sql::name::Ident;
use crate::sql::statement::AlterTable;

rule! {
    /// Setting a column not null reads the whole table while nobody else can.
    ///
    /// ## When
    /// `ALTER COLUMN … SET NOT NULL` on a table that other sessions may be using. Exempt is a column that is not null
    /// already, and one for which a validated CHECK constraint says `column is not null`, alone or joined by `AND` to other
    /// conditions: PostgreSQL then knows without looking. A constraint that the same `ALTER TABLE` drops does not count: it
    /// is gone before PostgreSQL looks. One that is not validated is
    /// [not-null-check-unvalidated](not-null-check-unvalidated.md)'s business. Silent, too, about a table that the file has
    /// truncated before and nothing has filled since.
    ///
    /// ## Why
    /// PostgreSQL reads every row to see that none is NULL, and holds an ACCESS EXCLUSIVE lock all the while: nobody
    /// reads or writes the table until it is done. Validating a CHECK constraint reads as much, but under a SHARE UPDATE
    /// EXCLUSIVE lock, beside which reads and writes go on.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, email text);
    /// -- 2_email.sql
    /// alter table users alter column email set not null;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, email text);
    /// -- 2_email.sql
    /// alter table users add constraint users_email_not_null check (email is not null) not valid;
    /// -- 3_email.sql
    /// alter table users validate constraint users_email_not_null;
    /// -- 4_email.sql
    /// alter table users alter column email set not null;
    /// alter table users drop constraint users_email_not_null;
    /// ```
    ///
    /// ## Fix
    /// Adds the condition as a constraint that is not validated (from PostgreSQL 18 on, a `NOT NULL` constraint). What
    /// remains, each in a later migration: validate it; then, before PostgreSQL 18, `SET NOT NULL`, which no longer looks,
    /// and drop the constraint. Where every statement commits on its own, the fix writes all of it.
    ///
    /// ## References
    /// - [ALTER TABLE, SET NOT NULL](https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-SET-DROP-NOT-NULL)
    "set-not-null",
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
        let known = busy.table.column(&column.value);
        let is_there = known.is_some() || !busy.table.columns_known || is_added(alter, column);
        let already = known.is_some_and(|known| known.not_null);
        if !is_there || already || not_null_proof(busy.table, &column.value, alter).is_some() {
            continue;
        }
        let table = busy.shown();
        let message = format!(
            "setting `{table}.{column}` not null reads all of `{table}`: reads and writes of it wait under an ACCESS \
             EXCLUSIVE lock"
        );
        let finding = report.add(action.span, message);
        if let Some(dropped) = dropped_proof(busy.table, &column.value, alter) {
            finding.help(format!(
                "Drop `{dropped}` in a statement after this one; here it is gone before PostgreSQL looks."
            ));
            continue;
        }
        finding.help(format!(
            "Add a constraint that says so as `not valid`, validate it in a later migration, and set `{column}` not null \
             after that."
        ));
        if cx.is_editable() {
            let constraint = quote(&format!("{}_{}_not_null", busy.id.name, column.value));
            let name = cx.source(column.span);
            let edits = recipe(cx, alter, action.span, name, &constraint);
            finding.fix(FixKind::Review, "Add a constraint that is validated later", edits);
        }
    }
}

/// The validated constraint that would have proved it, had the statement not dropped it.
fn dropped_proof<'a>(table: &'a Table, column: &str, alter: &AlterTable) -> Option<&'a str> {
    let dropped = table.constraints.iter().find(|constraint| {
        let proves = matches!(&constraint.kind, ConstraintKind::Check(expr) if excludes_null(expr, column));
        proves && constraint.validated && drops(alter, &constraint.name)
    });
    dropped.map(|constraint| constraint.name.as_str())
}

fn is_added(alter: &AlterTable, wanted: &Ident) -> bool {
    alter.actions.iter().any(|action| match &action.kind {
        AlterActionKind::AddColumn { column, .. } => column.name == *wanted,
        _ => false,
    })
}

fn recipe(
    cx: &Cx<'_>,
    alter: &AlterTable,
    action: Span,
    column: &str,
    constraint: &str,
) -> Vec<crate::lint::diagnostic::Edit> {
    let named = cx.settings.postgres >= 18;
    let add = if named {
        format!(
            "{} {constraint} {} {column} {}",
            cx.cased("add constraint"),
            cx.cased("not null"),
            cx.cased("not valid")
        )
    } else {
        let (add, check, not_valid) = (cx.cased("add constraint"), cx.cased("check"), cx.cased("not valid"));
        format!(
            "{add} {constraint} {check} ({column} {}) {not_valid}",
            cx.cased("is not null")
        )
    };
    let mut edits = vec![replace(action, add)];
    if cx.commits_alone() && alter.actions.len() == 1 {
        let table = format!("{} {}", cx.cased(";\nalter table"), cx.source(alter.name.span()));
        let mut rest = format!("{table} {} {constraint}", cx.cased("validate constraint"));
        if !named {
            rest += &format!(
                "{table} {} {column} {}{table} {} {constraint}",
                cx.cased("alter column"),
                cx.cased("set not null"),
                cx.cased("drop constraint")
            );
        }
        edits.push(insert(cx.step().statement.span.end, rest));
    }
    edits
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    #[test]
    fn the_table_is_read_unless_a_validated_check_says_so() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, a int, b int, c int check (c is not null), d int, e int, f int);
alter table users add constraint positive check (d is not null and d > 0), add constraint e check (e > 0);
alter table users add constraint later check (f is not null) not valid;
-- 2_second.sql
alter table users alter column a set not null, alter b type bigint;
--                ^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: setting `users.a` not null reads all of `users`: reads and writes of it wait under an ACCESS EXCLUSIVE lock
alter table users alter e set not null;
--                ^^^^^^^^^^^^^^^^^^^^ warning: setting `users.e` not null reads
alter table users alter column id set not null, alter c set not null, alter d set not null;
alter table users validate constraint later;
alter table users alter f set not null;
alter table users drop constraint later;
-- 3_third.sql
alter table users alter column a set not null;
alter table users add column g int, alter column g set not null;
--                                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: setting `users.g` not null reads
",
        );
    }

    #[test]
    fn a_check_that_the_same_statement_drops_is_gone_before_postgres_looks() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (a int constraint a_there check (a is not null));
-- 2_second.sql
alter table users alter a set not null, drop constraint a_there;
--                ^^^^^^^^^^^^^^^^^^^^ warning: setting `users.a` not null reads all of `users`
",
        );
    }

    #[test]
    fn a_column_of_an_unknown_table_may_hold_null() {
        Case::new(&RULE).fires(
            "
alter table auth.users alter column email set not null;
--                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: setting `auth.users.email` not null reads
",
        );
    }

    #[test]
    fn a_new_table_is_exempt() {
        Case::new(&RULE).silent(
            "
-- 1_first.sql
create table users (id bigint, a int);
alter table users alter a set not null;
-- 2_second.sql
create table posts (id bigint, a int);
alter table posts alter a set not null;
create temp table scratch (a int);
alter table scratch alter a set not null;
alter table users alter missing set not null;
",
        );
    }

    #[test]
    fn postgres_18_validates_the_constraint_itself() {
        Case::new(&RULE).postgres(18).silent(
            "
-- 1_first.sql
create table users (id bigint, a int);
-- 2_second.sql
alter table users add constraint a_there not null a not valid;
-- 3_third.sql
alter table users validate constraint a_there;
-- 4_fourth.sql
alter table users alter a set not null;
",
        );
    }

    #[test]
    fn the_fix_depends_on_version_and_runner() {
        let before = "alter table users alter column email set not null;";
        Case::new(&RULE).fixed(
            before,
            "alter table users add constraint users_email_not_null check (email is not null) not valid;",
        );
        Case::new(&RULE).postgres(18).fixed(
            before,
            "alter table users add constraint users_email_not_null not null email not valid;",
        );
        Case::new(&RULE).runner(Runner::Psql).fixed(
            "ALTER TABLE users ALTER COLUMN email SET NOT NULL;",
            "ALTER TABLE users ADD CONSTRAINT users_email_not_null CHECK (email IS NOT NULL) NOT VALID;
ALTER TABLE users VALIDATE CONSTRAINT users_email_not_null;
ALTER TABLE users ALTER COLUMN email SET NOT NULL;
ALTER TABLE users DROP CONSTRAINT users_email_not_null;",
        );
    }
}
