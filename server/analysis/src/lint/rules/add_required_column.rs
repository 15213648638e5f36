use crate::lint::context::remove;
use crate::lint::prelude::*;
use crate::schema::objects::{TableKind, TypeKind};
use crate::sql::statement::{ColumnConstraint, ColumnConstraintKind, ColumnDef};

rule! {
    /// Adding a required column without a default fails as soon as the table has a row.
    ///
    /// ## When
    /// `ALTER TABLE … ADD COLUMN … NOT NULL` (or `PRIMARY KEY`) without `DEFAULT`, on a table that other sessions may be
    /// using. Columns that fill themselves are exempt: `serial`, identity, generated, a domain with a default. So is a
    /// table that the file has emptied before, with `TRUNCATE` or a `DELETE` without `WHERE`, and nothing has filled since.
    ///
    /// ## Why
    /// The rows that are there have no value for the new column, so PostgreSQL refuses it with `23502: column "…" of
    /// relation "…" contains null values`. It passes on an empty test database and fails in production.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_email.sql
    /// alter table users add column email text not null;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_email.sql
    /// alter table users add column email text;
    /// alter table users add column active boolean not null default true;
    /// ```
    ///
    /// ## Fix
    /// Takes `NOT NULL` away. What remains: fill the old rows, then require the column as
    /// [set-not-null](set-not-null.md) shows; or give it a constant default, which costs nothing.
    ///
    /// ## References
    /// - [ALTER TABLE](https://www.postgresql.org/docs/current/sql-altertable.html)
    "add-required-column",
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
    let Some(busy) = cx.busy_target() else { return };
    if busy.table.kind == TableKind::Foreign || cx.is_emptied(busy.id) {
        return;
    }
    for action in &alter.actions {
        let AlterActionKind::AddColumn { column, .. } = &action.kind else {
            continue;
        };
        let Some(required) = requirement(column) else { continue };
        if cx.had_column(busy.id, &column.name.value) || fills_itself(cx, column, busy.id) {
            continue;
        }
        let table = busy.shown();
        let message = format!(
            "adding `{table}.{}` fails as soon as `{table}` has a row: it is required and has no default",
            column.name
        );
        let finding = report.add(required.span, message);
        finding.help("Give it a default, or add it without `not null`, fill the rows, and require it then.");
        if cx.is_editable() && matches!(required.kind, ColumnConstraintKind::NotNull) {
            let edits = vec![remove(cx.text(), required.span)];
            finding.fix(FixKind::Review, "Add the column without `not null`", edits);
        }
    }
}

fn requirement(column: &ColumnDef) -> Option<&ColumnConstraint> {
    column.constraints.iter().find(|constraint| {
        matches!(
            constraint.kind,
            ColumnConstraintKind::NotNull | ColumnConstraintKind::PrimaryKey
        )
    })
}

/// Whether PostgreSQL has a value for old rows, or may have one: a type that nothing is known of may be a domain.
fn fills_itself(cx: &Cx<'_>, column: &ColumnDef, table: &Id) -> bool {
    let written = column.constraints.iter().any(|constraint| {
        matches!(
            constraint.kind,
            ColumnConstraintKind::Default(_)
                | ColumnConstraintKind::Generated { .. }
                | ColumnConstraintKind::Identity { .. }
        )
    });
    let Some(added) = cx
        .after()
        .table(table)
        .and_then(|table| table.column(&column.name.value))
    else {
        return written;
    };
    let ty = &added.ty;
    let by_type = match cx.after().types.get(&ty.id).map(|object| &object.kind) {
        _ if ty.array => false,
        Some(TypeKind::Domain(domain)) => domain.default.is_some(),
        Some(_) => false,
        None => ty.id.schema != "pg_catalog",
    };
    written || by_type || added.default.is_some()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn a_required_column_needs_a_value_for_old_rows() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint);
create domain score as int default 0;
create domain plain as int;
-- 2_second.sql
alter table users add column a text not null, add column b text not null default '';
--                                  ^^^^^^^^ warning: adding `users.a` fails as soon as `users` has a row: it is required and has no default
alter table users add column c plain not null;
--                                   ^^^^^^^^ warning: adding `users.c` fails
alter table users add column d uuid primary key;
--                                  ^^^^^^^^^^^ warning: adding `users.d` fails
alter table users add column e bigserial not null, add column f score not null;
alter table users add column g bigint not null generated always as identity;
alter table users add column h bigint not null generated always as (id * 2) stored;
alter table users add column i text, add column j unknown_type not null;
alter table users add column if not exists id bigint not null;
",
        );
    }

    #[test]
    fn a_table_without_rows_is_exempt() {
        Case::new(&RULE).silent(
            "
-- 1_first.sql
create table users (id bigint);
create table posts (id bigint);
-- 2_second.sql
create table fresh (id bigint);
alter table fresh add column a text not null;
truncate users, posts;
alter table users add column a text not null;
alter table posts add column a text not null;
-- 3_third.sql
delete from users;
alter table users add column b text not null;
",
        );
    }

    #[test]
    fn a_table_that_is_filled_again_is_not_empty() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint);
-- 2_second.sql
truncate users;
insert into users values (1);
alter table users add column a text not null;
--                                  ^^^^^^^^ warning: adding `users.a` fails
delete from users where id = 1;
alter table users add column b text not null;
--                                  ^^^^^^^^ warning: adding `users.b` fails
",
        );
    }

    #[test]
    fn the_fix_takes_the_requirement_away() {
        Case::new(&RULE).fixed(
            "alter table users add column email text not null check (email <> '');",
            "alter table users add column email text check (email <> '');",
        );
    }
}
