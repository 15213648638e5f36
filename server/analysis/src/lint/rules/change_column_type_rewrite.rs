use crate::lint::prelude::*;
use crate::schema::change::ColumnChange;
use crate::schema::objects::{TableKind, Type};
use crate::schema::rewrite::{TypeChange, type_change};

rule! {
    /// Changing a column's type may write the whole table again.
    ///
    /// ## When
    /// `ALTER COLUMN … TYPE` on a table that other sessions may be using, where the old type is known from the history and
    /// PostgreSQL cannot keep the stored values as they are. It keeps them, and the rule is silent, for `varchar(n)` to a
    /// longer `varchar` or `text` and `text` to `varchar` without a length, `numeric(p, s)` to more digits before the
    /// point, `varbit(n)` to longer, more digits of a second in times and intervals, `cidr` to `inet`, a domain without
    /// constraints to its base type and back, and `timestamp` to `timestamptz` or back in a session whose time zone is UTC.
    /// Everything else is written again: `integer` to `bigint`, anything with `char(n)`, any shorter or newly limited type,
    /// another scale, `json` to `jsonb`, an enum to `text`, and any `USING` that is more than a cast. Silent, too, about a
    /// table that the file has emptied before, with `TRUNCATE` or a `DELETE` without `WHERE`, and nothing has filled since.
    ///
    /// ## Why
    /// PostgreSQL writes the table and all its indexes again, and holds an ACCESS EXCLUSIVE lock all the while: nobody
    /// reads or writes the table until it is done. Some changes keep the rows but build the column's indexes again, under
    /// the same lock.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, visits int);
    /// -- 2_visits.sql
    /// alter table users alter column visits type bigint;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, visits int, name varchar(50));
    /// -- 2_visits.sql
    /// alter table users alter column name type varchar(100);
    /// alter table users add column visits_new bigint;
    /// ```
    /// To change the type of a busy table's column: add a column of the new type, keep it equal with a trigger, fill old
    /// rows in batches, and swap the names.
    ///
    /// ## References
    /// - [ALTER TABLE, notes](https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES)
    "change-column-type-rewrite",
    category: Category::Rewrite,
    level: Level::Warning,
    fix: FixKind::None,
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
        let AlterActionKind::AlterType { column, ty, using, .. } = &action.kind else {
            continue;
        };
        let known = busy.table.column(&column.value);
        let (Some(known), Some(new)) = (known, new_type(cx, busy.id, &column.value)) else {
            continue;
        };
        let utc = cx.session().utc;
        let change = type_change(column, &known.ty, new, using.as_ref(), cx.before(), utc);
        let table = busy.shown();
        let waits = "reads and writes of it wait under an ACCESS EXCLUSIVE lock";
        let (old, new) = (spoken(&known.ty), spoken(new));
        let from_to = if old == new {
            format!("giving `{table}.{column}` new values")
        } else {
            format!("changing `{table}.{column}` from `{old}` to `{new}`")
        };
        let message = match change {
            TypeChange::None | TypeChange::Unknown => continue,
            TypeChange::Rewrite | TypeChange::RewriteUnlessUtc if cx.is_emptied(busy.id) => continue,
            TypeChange::Rewrite => format!("{from_to} rewrites `{table}` and its indexes: {waits}"),
            TypeChange::RewriteUnlessUtc => {
                format!("{from_to} rewrites `{table}` unless the session's time zone is UTC: {waits}")
            }
            TypeChange::IndexRebuild => match indexes_over(cx, busy.id, &column.value).as_slice() {
                [] => continue,
                indexes => format!("{from_to} builds {} again: {waits}", indexes.join(", ")),
            },
        };
        let place = match using {
            Some(using) if old == new => using.span,
            _ => ty.span,
        };
        let finding = report.add(place, message);
        finding.help(if change == TypeChange::RewriteUnlessUtc {
            "Set the time zone to UTC for this transaction, if the stored times are meant so: `set local timezone = 'UTC'`."
        } else {
            "Add a column of the new type, keep it equal with a trigger, fill it in batches, and swap the names."
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

/// The type's name as one would write it: without `public.`
fn spoken(ty: &Type) -> String {
    let name = ty.to_string();
    name.strip_prefix("public.").map(str::to_owned).unwrap_or(name)
}

fn indexes_over(cx: &Cx<'_>, table: &Id, column: &str) -> Vec<String> {
    let over = cx
        .before()
        .indexes_of(table)
        .filter(|(_, index)| index.keys.iter().any(|key| key.column.as_deref() == Some(column)));
    over.map(|(id, _)| format!("`{}`", id.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn the_old_type_decides() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create type mood as enum ('sad');
create table users (id int, a varchar(50), b mood, c text, d numeric(10, 2), n cidr unique, o int, p int);
create index on users (o);
-- 2_second.sql
alter table users alter id type bigint, alter a type varchar(100), alter d type numeric(12, 2);
--                              ^^^^^^ warning: changing `users.id` from `integer` to `bigint` rewrites `users` and its indexes: reads and writes of it wait under an ACCESS EXCLUSIVE lock
alter table users alter a type varchar(20);
--                             ^^^^^^^^^^^ warning: changing `users.a` from `character varying(100)` to `character varying(20)` rewrites
alter table users alter b type text;
--                             ^^^^ warning: changing `users.b` from `mood` to `text` rewrites
alter table users alter c type text using lower(c);
--                                        ^^^^^^^^ warning: giving `users.c` new values rewrites
alter table users alter c type varchar, alter n type inet, alter id type bigint using id::bigint;
alter table users alter o type oid, alter p type oid;
--                             ^^^ warning: changing `users.o` from `integer` to `oid` builds `users_o_idx` again
",
        );
    }

    #[test]
    fn times_depend_on_the_session() {
        let sql = "
-- 1_first.sql
create table users (at timestamp);
-- 2_second.sql
alter table users alter at type timestamptz;
--                              ^^^^^^^^^^^ warning: changing `users.at` from `timestamp without time zone` to `timestamp with time zone` rewrites `users` unless the session's time zone is UTC
";
        Case::new(&RULE).fires(sql);
        Case::new(&RULE).supabase().silent(sql);
        Case::new(&RULE).silent(&sql.replace("alter table", "set timezone = 'UTC'; alter table"));
    }

    #[test]
    fn unknown_types_and_new_tables_are_exempt() {
        Case::new(&RULE).silent(
            "
-- 1_first.sql
create table users (id int, c citext);
alter table users alter id type bigint;
-- 2_second.sql
create table posts (id int);
alter table posts alter id type bigint;
create temp table scratch (id int);
alter table scratch alter id type bigint;
alter table users alter c type text;
alter table unknown alter c type text;
",
        );
    }
}
