use crate::lint::prelude::*;
use crate::schema::change::ColumnChange;
use crate::schema::objects::{TableKind, Type};
use crate::schema::rewrite::{Narrowing, narrowing};

rule! {
    /// Changing a column to a narrower type fails on the values that do not fit, or rounds them.
    ///
    /// ## When
    /// `ALTER COLUMN … TYPE` on a table that other sessions may be using, where the old type is known from the history and
    /// holds more than the new one: `bigint` to `integer`, text to a limited or shorter `varchar`, fewer digits of a
    /// `numeric`, fractions to integers, fewer digits of a second, a timestamp to a `date`. A `USING` expression that is
    /// more than a cast is taken to know what it does. Silent, too, about a table that the file has emptied before, with
    /// `TRUNCATE` or a `DELETE` without `WHERE`, and nothing has filled since.
    ///
    /// ## Why
    /// A number that is too large or a string that is too long makes the migration fail with 22003 or 22001, in
    /// production only. Fractions of numbers and of seconds are rounded without a word, and an explicit cast to
    /// `varchar(n)` cuts strings without a word; no rollback script brings back what was lost.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, seen timestamptz);
    /// -- 2_seen.sql
    /// alter table users alter column seen type timestamptz(0);
    /// ```
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, name text);
    /// -- 2_name.sql
    /// alter table users alter column name type varchar(40);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, name text);
    /// -- 2_name.sql
    /// alter table users add constraint name_length check (length(name) <= 40) not valid;
    /// ```
    ///
    /// ## References
    /// - [ALTER TABLE](https://www.postgresql.org/docs/current/sql-altertable.html)
    /// - [Character types](https://www.postgresql.org/docs/current/datatype-character.html)
    "narrowing-type-change",
    category: Category::DataLoss,
    level: Level::Warning,
    fix: FixKind::None,
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
        let AlterActionKind::AlterType { column, ty, using, .. } = &action.kind else {
            continue;
        };
        let known = busy.table.column(&column.value);
        let (Some(known), Some(new)) = (known, new_type(cx, busy.id, &column.value)) else {
            continue;
        };
        let Some(found) = narrowing(column, &known.ty, new, using.as_ref(), cx.before()) else {
            continue;
        };
        let effect = match found {
            Narrowing::Fails => "fails if a value does not fit",
            Narrowing::Rounds => "rounds its values without a word",
            Narrowing::RoundsOrFails => "rounds its values without a word, and fails if one does not fit",
            Narrowing::Cuts => "cuts longer values without a word",
            Narrowing::Drops => "drops a part of its values without a word",
        };
        let message = format!(
            "changing `{}.{column}` from `{}` to `{new}` {effect}",
            busy.shown(),
            known.ty
        );
        let finding = report.add(ty.span, message);
        finding.help(match found {
            Narrowing::Fails => "Look for values that do not fit before, and say with USING what becomes of them.",
            _ => "Keep a copy of the values, or leave the type and limit new values with a CHECK constraint.",
        });
        finding.related(known.created, "the column was made here");
    }
}

/// The type that the statement gives the column, resolved.
fn new_type<'a>(cx: &Cx<'a>, of: &Id, name: &str) -> Option<&'a Type> {
    cx.step().changes.iter().find_map(|change| match change {
        Change::AlterColumn {
            table,
            column,
            what: ColumnChange::Type,
        } if table == of && column.name == name => Some(&column.ty),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn a_narrower_type_loses_or_fails() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint, a text, b numeric(10, 2), c timestamptz, d varchar(50), e timestamp);
-- 2_second.sql
alter table users alter id type int, alter d type varchar(80);
--                              ^^^ warning: changing `users.id` from `bigint` to `integer` fails if a value does not fit
alter table users alter a type varchar(10) using a::varchar(10);
--                             ^^^^^^^^^^^ warning: changing `users.a` from `text` to `character varying(10)` cuts longer values without a word
alter table users alter b type numeric(9, 1);
--                             ^^^^^^^^^^^^^ warning: changing `users.b` from `numeric(10,2)` to `numeric(9,1)` rounds its values without a word
alter table users alter b type int;
--                             ^^^ warning: changing `users.b` from `numeric(9,1)` to `integer` rounds its values without a word, and fails if one does not fit
alter table users alter e type date;
--                             ^^^^ warning: changing `users.e` from `timestamp without time zone` to `date` drops a part
alter table users alter d type varchar(5) using left(d, 5);
",
        );
    }

    #[test]
    fn wider_types_unknown_types_and_new_tables_are_exempt() {
        Case::new(&RULE).silent(
            "
-- 1_first.sql
create table users (id int, a varchar(10), c citext);
-- 2_second.sql
alter table users alter id type bigint, alter a type text, alter c type varchar(5);
create table posts (id bigint);
alter table posts alter id type int;
alter table unknown alter c type varchar(5);
",
        );
    }
}
