use crate::lint::prelude::*;
use crate::schema::objects::{Routine, RoutineKind, Signature};
use crate::sql::lookups::looks_names_up;

rule! {
    /// A function without a fixed `search_path` runs with whatever its caller has set.
    ///
    /// ## When
    /// After the last migration, a function or procedure of the history has no `SET search_path`. `BEGIN ATOMIC` and
    /// `RETURN` bodies are resolved when they are created and are exempt, as are functions in C and `internal`, and bodies
    /// that look nothing up: every table and function has its schema, and there are no types and no operators, which are
    /// looked up like those. In a `SECURITY DEFINER` function it is a warning; elsewhere, where only the caller's own
    /// rights are at stake, a hint.
    ///
    /// ## Why
    /// Unqualified names in a body are looked up when it runs. A caller who puts a schema of their own in front makes a
    /// `SECURITY DEFINER` function run their objects with its owner's rights; and any function breaks where its schema is
    /// not on the path, as in a restore.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_f.sql
    /// create function total() returns bigint language sql security definer as $$ select sum(amount) from orders $$;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_f.sql
    /// create function total() returns bigint language sql security definer set search_path = ''
    /// as $$ select sum(amount) from public.orders $$;
    /// ```
    ///
    /// ## Fix
    /// Adds `set search_path = ''` before the body. Names in the body must then be written with their schema.
    ///
    /// ## References
    /// - [Writing SECURITY DEFINER functions safely](https://www.postgresql.org/docs/current/sql-createfunction.html#SQL-CREATEFUNCTION-SECURITY)
    /// - [Function search path mutable](https://supabase.com/docs/guides/database/database-linter?lint=0011_function_search_path_mutable)
    "function-search-path",
    category: Category::Security,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Routine(check),
}

fn check(cx: &Cx<'_>, signature: &Signature, routine: &Routine, report: &mut Report) {
    let last = cx.last();
    let kinds = matches!(
        routine.kind,
        RoutineKind::Function | RoutineKind::Procedure | RoutineKind::Window
    );
    let compiled = matches!(routine.language.as_str(), "c" | "internal");
    let certain = last.since(routine.meta.certainty, routine.meta.changed).is_certain();
    if !kinds || compiled || !certain || routine.settings.contains_key("search_path") {
        return;
    }
    let Some(number) = cx.judged_file(routine.meta.changed) else {
        return;
    };
    let statement = cx.statement_at(number, routine.meta.changed);
    let Some(Node::CreateFunction(create)) = statement.map(|statement| &statement.node) else {
        return;
    };
    let Some(crate::sql::statement::FunctionBody::Source(body)) = &create.body else {
        return;
    };
    let text = cx.text_of(number);
    let is_known = matches!(routine.language.as_str(), "sql" | "plpgsql");
    if is_known && !looks_names_up(body.code(text)) {
        return;
    }
    let name = shown(&signature.id);
    let message = format!("`{name}` looks names up in whatever `search_path` its caller has set");
    let edits = body_keyword(text, body.span)
        .map(|at| vec![insert(at, "set search_path = '' ")])
        .unwrap_or_default();
    let finding = report.add(create.name.span(), message);
    finding
        .in_migration(number)
        .help("Set search_path = '' and write names in the body with their schema.");
    if !routine.security_definer {
        finding.level(Level::Hint);
    }
    if !edits.is_empty() {
        finding.fix(FixKind::Review, format!("Fix the search_path of `{name}`"), edits);
    }
}

/// Byte offset of the `AS` before the body.
fn body_keyword(text: &str, body: Span) -> Option<u32> {
    let before = text.get(..body.start as usize)?.trim_end();
    let at = before.len().checked_sub(2)?;
    before
        .get(at..)?
        .eq_ignore_ascii_case("as")
        .then(|| u32::try_from(at).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn a_definer_is_a_warning_and_an_invoker_a_hint() {
        Case::new(&RULE).fires(
            "
-- 1_f.sql
create function f() returns int language sql security definer as $$ select now() $$;
--              ^ warning: `f` looks names up in whatever `search_path`
create function app.g() returns int language plpgsql as $$ begin return f(); end $$;
--              ^^^^^ hint: `app.g` looks names up
create function h() returns int language sql security definer set search_path to public as $$ select now() $$;
create function i() returns int language sql return 1;
create function j() returns int language sql begin atomic select 1; end;
create function k(int) returns int language c as 'lib', 'k';
",
        );
    }

    #[test]
    fn a_body_that_names_every_schema_looks_nothing_up() {
        Case::new(&RULE).fires(
            "
-- 1_f.sql
create schema app;
create table app.members (id int, role text);
create function app.join() returns trigger language plpgsql security definer as $$
begin
  insert into app.members (id, role) values (new.id, 'maintainer');
  return new;
end $$;
create function app.leave() returns trigger language plpgsql security definer as $$
--              ^^^^^^^^^ warning: `app.leave` looks names up
begin
  delete from app.members where id = old.id;
  return old;
end $$;
create function app.other() returns int language plpython3u security definer as $$ return 1 $$;
--              ^^^^^^^^^ warning: `app.other` looks
",
        );
    }

    #[test]
    fn setting_it_later_or_replacing_the_function_clears_it() {
        Case::new(&RULE).silent(
            "
-- 1_f.sql
create function f(a int) returns int language sql security definer as $$ select now() $$;
create function g() returns int language sql security definer as $$ select now() $$;
create function h() returns int language sql security definer as $$ select now() $$;
-- 2_f.sql
alter function f(int) set search_path = '';
create or replace function g() returns int language sql security definer set search_path = '' as $$ select now() $$;
drop function h();
",
        );
    }

    #[test]
    fn the_setting_goes_before_the_body() {
        Case::new(&RULE).fixed(
            "
-- 1_f.sql
create function f() returns int language sql security definer as $$ select now() $$;
",
            "
-- 1_f.sql
create function f() returns int language sql security definer set search_path = '' as $$ select now() $$;
",
        );
    }
}
