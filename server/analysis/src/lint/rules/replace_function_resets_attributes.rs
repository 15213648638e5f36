use crate::lint::prelude::*;
use crate::schema::change::Object;
use crate::schema::objects::Routine;
use crate::sql::statement::Volatility;

rule! {
    /// Replacing a function resets what the new definition does not say again.
    ///
    /// ## When
    /// `CREATE OR REPLACE FUNCTION` or `PROCEDURE` of one that is there, where the old one was `SECURITY DEFINER`, had a
    /// `SET search_path` or other setting, or was `STABLE` or `IMMUTABLE`, and the new one does not say so. Lost rights and
    /// settings are a warning, a lost volatility an info. Silent where a later statement sets it again, where the new
    /// definition says `SECURITY INVOKER`, `VOLATILE` or another setting of that name, and about functions that the
    /// history does not know for certain. Owner and privileges stay in any case.
    ///
    /// ## Why
    /// PostgreSQL keeps the owner and the privileges and takes everything else from the new definition, defaults included,
    /// without a word. A `SECURITY DEFINER` function that loses it fails for its callers; one that loses its `search_path`
    /// can be made to run others' code; one that is no longer `STABLE` is called for every row.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_total.sql
    /// create function total() returns int language sql stable security definer set search_path = '' as $$ select 1 $$;
    /// -- 2_total.sql
    /// create or replace function total() returns int language sql stable as $$ select 2 $$;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_total.sql
    /// create function total() returns int language sql stable security definer set search_path = '' as $$ select 1 $$;
    /// -- 2_total.sql
    /// create or replace function total() returns int language sql stable security definer set search_path = ''
    /// as $$ select 2 $$;
    /// ```
    ///
    /// ## Fix
    /// Says again, before the body, what the old definition had.
    ///
    /// ## References
    /// - [CREATE FUNCTION](https://www.postgresql.org/docs/current/sql-createfunction.html)
    "replace-function-resets-attributes",
    category: Category::Security,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::CreateFunction(create) = &cx.step().statement.node else {
        return;
    };
    let replaced = cx.step().changes.iter().find_map(|change| match change {
        Change::Alter(Object::Routine(signature, new)) => Some((signature, new)),
        _ => None,
    });
    let Some((signature, new)) = replaced else { return };
    let Some(old) = cx.before().routines.get(signature) else {
        return;
    };
    let known = cx.before().since(old.meta.certainty, old.meta.changed).is_certain();
    if !known || old.meta.created == crate::schema::objects::Origin::BASE {
        return;
    }
    // A later statement may have set it again, or have replaced or dropped the function.
    let last = cx.last().routines.get(signature);
    let again = |has: &dyn Fn(&Routine) -> bool| last.is_none_or(|last| has(last));
    let mut lost: Vec<String> = Vec::new();
    let mut grave = false;
    if old.security_definer && !new.security_definer && create.options.security_definer.is_none() {
        let has = |routine: &Routine| routine.security_definer;
        if !again(&has) {
            lost.push("security definer".to_owned());
            grave = true;
        }
    }
    for (name, value) in &old.settings {
        if !new.settings.contains_key(name) && !again(&|routine| routine.settings.contains_key(name)) {
            lost.push(format!(
                "set {name} = {}",
                if value.is_empty() || *value == "\"\"" {
                    "''"
                } else {
                    value
                }
            ));
            // For a caller's own rights the path matters less, but what it found it no longer finds.
            grave |= name == "search_path" || old.security_definer;
        }
    }
    let quicker = old.volatility != Volatility::Volatile && new.volatility == Volatility::Volatile;
    if quicker && create.options.volatility.is_none() && !again(&|routine| routine.volatility != Volatility::Volatile) {
        lost.push(match old.volatility {
            Volatility::Immutable => "immutable".to_owned(),
            _ => "stable".to_owned(),
        });
    }
    if lost.is_empty() {
        return;
    }
    let shown_lost: Vec<String> = lost.iter().map(|lost| format!("`{lost}`")).collect();
    let message = format!(
        "replacing `{}` takes away {}",
        shown(&signature.id),
        shown_lost.join(", ")
    );
    let finding = report.add(create.name.span(), message);
    finding
        .help("Say it again in the new definition, or say the opposite where it is meant.")
        .related(old.meta.changed, "the old definition");
    if !grave {
        finding.level(Level::Info);
    }
    let body = match &create.body {
        Some(crate::sql::statement::FunctionBody::Source(body)) => Some(body.span),
        _ => None,
    };
    if let Some(at) = body
        .filter(|_| cx.is_editable())
        .and_then(|body| as_keyword(cx.text(), body))
    {
        let text = format!("{} ", cx.cased(&lost.join(" ")));
        finding.fix(
            FixKind::Review,
            "Say again what the old definition had",
            vec![insert(at, text)],
        );
    }
}

/// Byte offset of the `AS` before the body.
fn as_keyword(text: &str, body: Span) -> Option<u32> {
    let before = text.get(..body.start as usize)?.trim_end();
    let at = before.len().checked_sub(2)?;
    let is_as = before.get(at..)?.eq_ignore_ascii_case("as");
    is_as.then(|| u32::try_from(at).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn what_is_not_said_again_is_lost() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create function a() returns int language sql security definer set search_path = '' as $$ select 1 $$;
create function b() returns int language sql stable as $$ select 1 $$;
create function c() returns int language sql immutable security definer set search_path = public as $$ select 1 $$;
create function d() returns int language sql stable security definer as $$ select 1 $$;
create function e() returns int language sql as $$ select 1 $$;
-- 2_second.sql
create or replace function a() returns int language sql as $$ select 2 $$;
--                         ^ warning: replacing `a` takes away `security definer`, `set search_path = ''`
create or replace function public.b() returns int language sql as $$ select 2 $$;
--                         ^^^^^^^^ info: replacing `b` takes away `stable`
create or replace function c() returns int language sql immutable security definer as $$ select 2 $$;
--                         ^ warning: replacing `c` takes away `set search_path = public`
create or replace function d() returns int language sql volatile security invoker as $$ select 2 $$;
create or replace function e() returns int language sql as $$ select 2 $$;
create or replace function e(int) returns int language sql as $$ select 2 $$;
",
        );
    }

    #[test]
    fn setting_it_again_afterwards_will_do() {
        Case::new(&RULE).silent(
            "
-- 1_first.sql
create function a() returns int language sql security definer set search_path = '' as $$ select 1 $$;
create function b() returns int language sql stable as $$ select 1 $$;
-- 2_second.sql
create or replace function a() returns int language sql as $$ select 2 $$;
alter function a() security definer set search_path = '';
create or replace function b() returns int language sql as $$ select 2 $$;
-- 3_third.sql
drop function b();
",
        );
    }

    #[test]
    fn the_fix_says_it_again() {
        Case::new(&RULE).fixed(
            "
-- 1_a.sql
create function a() returns int language sql stable security definer set search_path = '' as $$ select 1 $$;
-- 2_a.sql
create or replace function a() returns int language sql as $$ select 2 $$;
",
            "
-- 1_a.sql
create function a() returns int language sql stable security definer set search_path = '' as $$ select 1 $$;
-- 2_a.sql
create or replace function a() returns int language sql security definer set search_path = '' stable as $$ select 2 $$;
",
        );
    }
}
