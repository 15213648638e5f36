use smol_str::SmolStr;

use crate::lint::prelude::*;
use crate::lint::twins::needed;
use crate::schema::change::Key;
use crate::schema::lookup::Lookup;

rule! {
    /// PostgreSQL refuses to change the type of a column that a view, policy or trigger names.
    ///
    /// ## When
    /// `ALTER COLUMN … TYPE` of a column that a view, a policy, a publication, the column list of a trigger, or a generated
    /// column names, as the history knows it; and of any column of a table of which another one holds whole rows, in a
    /// column of its row type. What an earlier statement dropped no longer counts. Silent about what nobody can be sure of.
    ///
    /// ## Why
    /// The statement fails with 0A000, `cannot alter type of a column used by a view or rule`, and the migration with it;
    /// even where the type stays the same.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, email varchar(40));
    /// create view emails as select email from users;
    /// -- 2_text.sql
    /// alter table users alter column email type text;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, email varchar(40));
    /// create view emails as select email from users;
    /// -- 2_text.sql
    /// drop view emails;
    /// alter table users alter column email type text;
    /// create view emails as select email from users;
    /// ```
    ///
    /// ## References
    /// - [ALTER TABLE](https://www.postgresql.org/docs/current/sql-altertable.html)
    "type-change-blocked",
    category: Category::Coupling,
    level: Level::Error,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::AlterTable(alter) = &cx.step().statement.node else {
        return;
    };
    let Some((id, _)) = cx.target() else { return };
    let columns = alter.actions.iter().filter_map(|action| match &action.kind {
        AlterActionKind::AlterType { column, .. } => Some((action.span, column)),
        _ => None,
    });
    let columns: Vec<_> = columns.collect();
    if columns.is_empty() || !cx.step().conditions.is_empty() {
        return;
    }
    if let Some((first, _)) = columns.first() {
        held_as_rows(cx, report, *first, id);
    }
    let lookup = Lookup::new(cx.before(), cx.session(), cx.settings.postgres, cx.text());
    for (span, column) in columns {
        let mut needs: Vec<Key> = needing(&lookup, id, &column.value);
        needs.extend(needed::publications(cx.before(), id, &column.value));
        let what = format!(
            "names `{}.{column}`, so PostgreSQL refuses to change its type",
            shown(id)
        );
        needed::report(cx, report, span, &needs, &what, |names| {
            format!("Drop {names} before and create it again behind, with its privileges.")
        });
    }
}

/// Rows of the table in columns of others keep their types.
fn held_as_rows(cx: &Cx<'_>, report: &mut Report, place: Span, id: &Id) {
    let holders = needed::row_holders(cx.before(), id);
    let what = format!(
        "holds rows of `{}`, so PostgreSQL refuses to change the types in them",
        shown(id)
    );
    needed::report(cx, report, place, &holders, &what, |names| {
        format!("Drop {names} before, or give it another type.")
    });
}

/// What forbids dropping the column, without the foreign keys of other tables, which are made anew.
fn needing(lookup: &Lookup<'_>, table: &Id, column: &SmolStr) -> Vec<Key> {
    let mut found = lookup.column_dependents(table, column);
    found.retain(|key| !matches!(key, Key::Constraint(..)));
    found
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn a_column_that_is_named_keeps_its_type() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id int primary key, a int, b int, c int, d int generated always as (c + 1) stored, e int);
create view v as select a from users;
create policy p on users using (b > 0);
create table orders (user_id int references users);
create function g() returns int language plpgsql as 'begin return (select e from users); end';
-- 2_second.sql
alter table users alter a type bigint, alter e type bigint;
--                ^^^^^^^^^^^^^^^^^^^ error: `public.v` names `users.a`, so PostgreSQL refuses to change its type
alter table users alter b type bigint;
--                ^^^^^^^^^^^^^^^^^^^ error: `policy p on public.users` names `users.b`
alter table users alter c type bigint;
--                ^^^^^^^^^^^^^^^^^^^ error: `column public.users.d` names `users.c`
alter table users alter id type bigint;
drop policy p on users;
alter table users alter b type bigint;
",
        );
    }

    #[test]
    fn whole_rows_in_another_table_keep_the_types() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table points (x int, label varchar(5));
create table lines (id bigint primary key, first points);
create table moved (a int, b int);
create publication p for table moved (a);
-- 2_second.sql
alter table points alter x type bigint;
--                 ^^^^^^^^^^^^^^^^^^^ error: `column public.lines.first` holds rows of `points`, so PostgreSQL refuses to change the types in them
alter table points alter label type varchar(9);
--                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: `column public.lines.first` holds rows of `points`
alter table moved alter a type bigint, alter b type bigint;
--                ^^^^^^^^^^^^^^^^^^^ error: `publication p` names `moved.a`, so PostgreSQL refuses to change its type
",
        );
    }
}
