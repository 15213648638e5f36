use smol_str::SmolStr;

use crate::lint::prelude::*;
use crate::schema::lookup::Lookup;
use crate::schema::objects::{Routine, Signature};
use crate::sql::body;
use crate::sql::statement::Body;

rule! {
    /// A function still names the column that is dropped, and fails when it is called.
    ///
    /// ## When
    /// `DROP COLUMN` of a column that a function of the history reads: its body is a string in SQL or PL/pgSQL, and a
    /// query in it takes the column from the table, as far as that can be read. Silent where a later statement drops or
    /// replaces the function. `BEGIN ATOMIC` bodies are tracked by PostgreSQL, which refuses the drop.
    ///
    /// ## Why
    /// PostgreSQL does not look into bodies that are strings. The migration passes, and the next call fails with 42703,
    /// `column does not exist`; a trigger function takes every write of its table with it.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, name text, nick text);
    /// create function nick_of(bigint) returns text language sql as $$ select u.nick from users u where u.id = $1 $$;
    /// -- 2_drop.sql
    /// alter table users drop column nick;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, name text, nick text);
    /// create function nick_of(bigint) returns text language sql as $$ select u.nick from users u where u.id = $1 $$;
    /// -- 2_drop.sql
    /// create or replace function nick_of(bigint) returns text language sql as
    /// $$ select u.name from users u where u.id = $1 $$;
    /// alter table users drop column nick;
    /// ```
    ///
    /// ## References
    /// - [Dependency tracking](https://www.postgresql.org/docs/current/ddl-depend.html)
    "drop-column-in-routine",
    category: Category::BreakingClient,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::AlterTable(alter) = &cx.step().statement.node else {
        return;
    };
    let Some((table, relation)) = cx.target() else { return };
    for action in &alter.actions {
        let AlterActionKind::DropColumn { column, .. } = &action.kind else {
            continue;
        };
        if relation
            .table()
            .is_none_or(|known| known.column(&column.value).is_none())
        {
            continue;
        }
        let reader = cx.before().routines.iter().find(|(signature, routine)| {
            let stays = cx
                .last()
                .routines
                .get(*signature)
                .is_some_and(|last| last.body == routine.body);
            stays && reads(cx, routine, table, &column.value)
        });
        let Some((signature, routine)) = reader else { continue };
        let message = format!(
            "`{}` still reads `{}.{column}` and fails when it is called",
            words(signature),
            shown(table)
        );
        report
            .add(column.span, message)
            .help("Replace the function first.")
            .related(routine.meta.changed, "the function");
    }
}

fn words(signature: &Signature) -> String {
    shown(&signature.id).to_string()
}

/// Whether a query in the body takes the column from the table.
fn reads(cx: &Cx<'_>, routine: &Routine, table: &Id, column: &SmolStr) -> bool {
    let Some(text) = routine.body.as_deref() else {
        return false;
    };
    // Most bodies hold neither word, and need not be read.
    if !text.contains(column.as_str()) || !text.contains(table.name.as_str()) {
        return false;
    }
    let whole = Span::new(0, text.len());
    let code = Body {
        span: whole,
        inner: whole,
        unescaped: None,
    };
    let found = body::statements(text, &routine.language, &code);
    let mut lookup = Lookup::new(cx.before(), cx.session(), cx.settings.postgres, text);
    if let Some(path) = routine.settings.get("search_path") {
        let schemas: Vec<SmolStr> = path
            .split(',')
            .map(|part| part.trim().trim_matches('"').into())
            .collect();
        lookup.set_search_path(&schemas);
    }
    let key = (table.clone(), column.clone());
    found
        .statements
        .iter()
        .any(|inner| lookup.dependencies(&inner.statement).columns.contains(&key))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn a_body_that_reads_the_column_fails_later() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, a int, b int, c int, d int, e int, f int);
create table orders (id bigint primary key, e int);
create function fa() returns int language plpgsql as $$ begin return (select max(a) from users); end $$;
create function fb() returns bigint language sql as $$ select u.b from users u $$;
create function fc() returns bigint language sql as $$ select c from users $$;
create function fe() returns bigint language sql as $$ select o.e from orders o, users $$;
create function ff() returns bigint language sql begin atomic select f from users; end;
-- 2_second.sql
alter table users drop column a, drop column d, drop column e;
--                            ^ warning: `fa` still reads `users.a` and fails when it is called
alter table users drop b;
--                     ^ warning: `fb` still reads `users.b`
alter table users drop column c;
-- 3_third.sql
drop function fc();
",
        );
    }
}
