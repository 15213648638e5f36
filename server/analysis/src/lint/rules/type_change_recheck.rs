use crate::lint::prelude::*;
use crate::schema::objects::ConstraintKind;
use crate::schema::rewrite::{TypeChange, type_change};

rule! {
    /// Changing a column's type checks every row again, although no value is written anew.
    ///
    /// ## When
    /// `ALTER COLUMN … TYPE` on a table that other sessions may be using, where PostgreSQL keeps the stored values (as from
    /// `varchar(10)` to `text`, or to the same type), but a validated CHECK constraint is about the column. A constraint
    /// that is `NOT VALID`, or that the same statement drops, is exempt. Types that need a rewrite are
    /// [change-column-type-rewrite](change-column-type-rewrite.md)'s business. Silent, too, about a table that the file has
    /// truncated before and nothing has filled since.
    ///
    /// ## Why
    /// PostgreSQL makes the constraint anew for the new type and validates it: it reads the whole table under an ACCESS
    /// EXCLUSIVE lock.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, name varchar(40) constraint named check (name <> ''));
    /// -- 2_text.sql
    /// alter table users alter column name type text;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, name varchar(40) constraint named check (name <> ''));
    /// -- 2_text.sql
    /// alter table users drop constraint named;
    /// alter table users alter column name type text;
    /// alter table users add constraint named check (name <> '') not valid;
    /// -- 3_text.sql
    /// alter table users validate constraint named;
    /// ```
    ///
    /// ## References
    /// - [ALTER TABLE, notes](https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES)
    "type-change-recheck",
    category: Category::ConstraintValidation,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Some((alter, busy)) = cx.filled_alter() else { return };
    if !cx.cost().scans.contains(busy.id) {
        return;
    }
    for action in &alter.actions {
        let AlterActionKind::AlterType { column, using, .. } = &action.kind else {
            continue;
        };
        let new = cx.after().table(busy.id).and_then(|table| table.column(&column.value));
        let Some((old, new)) = busy.table.column(&column.value).zip(new) else {
            continue;
        };
        let change = type_change(column, &old.ty, &new.ty, using.as_ref(), cx.before(), cx.session().utc);
        if !matches!(change, TypeChange::None | TypeChange::IndexRebuild) {
            continue;
        }
        let checked = busy.table.constraints.iter().find(|constraint| {
            matches!(constraint.kind, ConstraintKind::Check(_))
                && constraint.validated
                && constraint.columns.contains(&column.value)
                && !crate::schema::proof::drops(alter, &constraint.name)
        });
        let Some(checked) = checked else { continue };
        let message = format!(
            "changing the type of `{column}` checks `{}` on every row of `{}` again: reads and writes wait under an \
             ACCESS EXCLUSIVE lock",
            checked.name,
            busy.shown()
        );
        report
            .add(action.span, message)
            .help("Drop the constraint before, add it again as `not valid`, and validate it in a later migration.")
            .related(checked.created, "the constraint was made here");
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn a_valid_check_is_checked_again() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (
  a varchar(10) check (a <> ''), b varchar(10) check (b <> ''), c varchar(10), d varchar(10), e int check (e > 0)
);
alter table users add constraint later check (d <> '') not valid;
-- 2_second.sql
alter table users alter a type text;
--                ^^^^^^^^^^^^^^^^^ warning: changing the type of `a` checks `users_a_check` on every row of `users` again
alter table users drop constraint users_b_check, alter b type text;
alter table users alter c type text, alter d type text;
alter table users alter e type bigint;
create table posts (a varchar(10) check (a <> ''));
alter table posts alter a type text;
",
        );
    }
}
