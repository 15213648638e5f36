use crate::lint::prelude::*;
use crate::lint::twins::routine;
use crate::schema::objects::{Routine, Signature, Table, Trigger};
use crate::sql::lexeme::{Lexeme, LexemeKind, lexemes};

rule! {
    /// A function still names the column that is dropped, and fails when it is called.
    ///
    /// ## When
    /// `DROP COLUMN` of a column that a function of the history uses: its body is a string in SQL or PL/pgSQL, and a
    /// statement in it reads or writes the column of the table, or it is the function of a row trigger on the table and
    /// takes `NEW.column` or `OLD.column`. Silent where a later statement drops or replaces the function or drops the
    /// trigger, where a trigger function asks first which table it runs for, and about text that is put together for
    /// `EXECUTE`. `BEGIN ATOMIC` bodies are tracked by PostgreSQL, which refuses the drop.
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
    let Some((id, relation)) = cx.target() else { return };
    let Some(table) = relation.table() else { return };
    for action in &alter.actions {
        let AlterActionKind::DropColumn { column, .. } = &action.kind else {
            continue;
        };
        if table.column(&column.value).is_none() {
            continue;
        }
        let key = (id.clone(), column.value.clone());
        let words = [column.value.as_str(), id.name.as_str()];
        let reader = routine::user(cx, &words, &|needs| needs.columns.contains(&key));
        let Some((signature, found)) = reader.or_else(|| of_trigger(cx, id, table, &column.value)) else {
            continue;
        };
        let message = format!(
            "`{}` still uses `{}.{column}` and fails when it is called",
            shown(&signature.id),
            shown(id)
        );
        report
            .add(column.span, message)
            .help("Replace the function first.")
            .related(found.meta.changed, "the function");
    }
}

/// A trigger's function that takes the column from the row: `NEW.column` or `OLD.column`.
fn of_trigger<'a>(cx: &Cx<'a>, id: &Id, table: &Table, column: &str) -> Option<(&'a Signature, &'a Routine)> {
    let stays = |trigger: &&Trigger| {
        let last = cx.last().table(id);
        trigger.row && last.is_some_and(|last| last.triggers.iter().any(|own| own.name == trigger.name))
    };
    table
        .triggers
        .iter()
        .map(|trigger| &**trigger)
        .filter(stays)
        .find_map(|trigger| {
            let signature = Signature {
                id: trigger.function.clone(),
                arguments: Vec::new(),
            };
            let (signature, found) = cx.before().routines.get_key_value(&signature)?;
            let body = found.body.as_deref()?;
            (takes(body, column) && routine::stays(cx, signature, found)).then_some((signature, &**found))
        })
}

/// Whether the code takes the column from the row, and does not look first which table the row is of.
fn takes(body: &str, column: &str) -> bool {
    let lexemes = lexemes(body);
    let is_guarded = |lexeme: &Lexeme| {
        [
            "tg_table_name",
            "tg_relname",
            "tg_relid",
            "tg_argv",
            "to_jsonb",
            "exception",
        ]
        .iter()
        .any(|word| lexeme.is(body, word))
    };
    let is_taken = |three: &[Lexeme]| {
        let [row, period, name] = three else { return false };
        let is_row = row.is(body, "new") || row.is(body, "old");
        is_row && period.kind == LexemeKind::Period && is_named(name, body, column)
    };
    !lexemes.iter().any(is_guarded) && lexemes.windows(3).any(is_taken)
}

fn is_named(name: &Lexeme, body: &str, column: &str) -> bool {
    match name.kind {
        LexemeKind::Quoted => name.span.slice(body).trim_matches('"') == column,
        _ => name.span.slice(body).to_lowercase() == column,
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn a_body_that_writes_the_column_and_a_trigger_that_takes_it_fail_later() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, a int, b int, c int, d int, e int);
create table orders (id bigint primary key, d int);
create function fa() returns void language sql as $$ insert into users (id, a) values (1, 2) $$;
create function fb() returns void language plpgsql as $$ begin update users set b = 2 where id = 1; end $$;
create function fc() returns trigger language plpgsql as $$ begin NEW.c := OLD.c + 1; return new; end $$;
create function fd() returns trigger language plpgsql as
$$ begin if tg_table_name = 'orders' then new.d := 1; end if; return new; end $$;
create function fe() returns trigger language plpgsql as $$ begin new.e := 1; return new; end $$;
create trigger tc before update on users for each row execute function fc();
create trigger td before insert on users for each row execute function fd();
create trigger te before insert on users for each row execute function fe();
-- 2_second.sql
alter table users drop column a;
--                            ^ warning: `fa` still uses `users.a` and fails when it is called
alter table users drop column b;
--                            ^ warning: `fb` still uses `users.b`
alter table users drop column c;
--                            ^ warning: `fc` still uses `users.c`
alter table users drop column d;
drop trigger te on users;
alter table users drop column e;
",
        );
    }

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
--                            ^ warning: `fa` still uses `users.a` and fails when it is called
alter table users drop b;
--                     ^ warning: `fb` still uses `users.b`
alter table users drop column c;
-- 3_third.sql
drop function fc();
",
        );
    }
}
