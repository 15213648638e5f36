use crate::lint::prelude::*;
use crate::schema::catalog::new;
use crate::schema::objects::{Meta, Origin, RelationKind, quote};

rule! {
    /// The version has no smoke test, so nothing tells whether it arrived whole.
    ///
    /// ## When
    /// The convention is on and `<tests>/v<version>_smoke_test.sql` does not exist. There is one finding per version, at the
    /// last of its migrations that is not on hold. A version of seeds needs a test, too: of its rows.
    ///
    /// ## Why
    /// A migration that ran without an error may still have left something out: a policy in another schema, a function
    /// that an `if not exists` kept in its old form. The smoke test runs after every `dblsp apply` and decides whether the
    /// rollback is offered.
    ///
    /// ## Bad
    /// ```sql alone
    /// -- 20251026211500_v0_7_0_users.sql
    /// create table users (id bigint primary key);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 20251026211500_v0_7_0_users.sql
    /// create table users (id bigint primary key);
    /// -- tests/v0.7.0_smoke_test.sql
    /// begin;
    /// select '1..1';
    /// select case when to_regclass('public.users') is not null then 'ok 1' else 'not ok 1' end;
    /// rollback;
    /// ```
    ///
    /// ## Fix
    /// Creates the test, as TAP that runs with and without pgTAP: one line for each table, view, function, type, trigger
    /// and policy that the version's migrations create. Rows and behaviour remain to be written.
    ///
    /// ## References
    /// - [Supabase: testing your database](https://supabase.com/docs/guides/database/testing)
    "smoke-test-missing",
    category: Category::Convention,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    convention: true,
    check: Check::Migration(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let migration = cx.migration();
    let Some(path) = migration.smoke_test_path.as_ref().filter(|_| !migration.has_smoke_test) else {
        return;
    };
    let files: Vec<usize> = cx
        .names()
        .filter(|other| other.smoke_test_path() == Some(path))
        .map(|other| other.number)
        .collect();
    let last = files.iter().rev().find(|number| !cx.is_held(**number)).or(files.last());
    if last != Some(&cx.file) {
        return;
    }
    let version = migration
        .release()
        .map(|release| release.to_string())
        .unwrap_or_default();
    report
        .add(
            cx.first_line(),
            format!("nothing tests version {version}: `{path}` does not exist"),
        )
        .help("Write a smoke test of what the version promises.")
        .fix_with_file(
            FixKind::Review,
            "Create the smoke test",
            cx.new_file(path, || skeleton(cx, &version, &files)),
        );
}

/// A TAP test of everything that these files leave behind.
fn skeleton(cx: &Cx<'_>, version: &str, files: &[usize]) -> String {
    let checks = checks(cx, files);
    let mut out = format!("-- Smoke test of {version}: everything that it creates is there\nbegin;\n\n");
    let plan = checks.len().max(1).to_string();
    out.extend(["select '1..", &plan, "';\n"]);
    for (at, (what, condition)) in checks.iter().enumerate() {
        let what = literal(&format!(" {} - {what}", at + 1));
        out.extend([
            "select case when ",
            condition,
            " then 'ok' else 'not ok' end || ",
            &what,
            ";\n",
        ]);
    }
    if checks.is_empty() {
        out.push_str("select 'not ok 1 - say what the version promises';\n");
    }
    out.push_str("\n-- TODO: count the rows of seeds, read and write as a user, call the functions.\n\nrollback;\n");
    out
}

/// What the files create that is still there after the last of them: a name, and the condition that it exists.
fn checks(cx: &Cx<'_>, files: &[usize]) -> Vec<(String, String)> {
    let last = files.last().copied().unwrap_or(cx.file);
    let first = files.first().copied().unwrap_or(cx.file);
    // What they created differs from what was there before them.
    let (before, catalog) = (cx.catalog_before(first), cx.catalog_before(last + 1));
    let ours = |created: Origin| files.contains(&(created.file as usize));
    let is_ours = |meta: &Meta| ours(meta.created);
    let mut out = Vec::new();
    for (id, relation) in new(&before.relations, &catalog.relations) {
        let name = || format!("{}.{}", quote(&id.schema), quote(&id.name));
        if is_ours(&relation.meta) && matches!(relation.kind, RelationKind::Table(_) | RelationKind::View(_)) {
            let name = name();
            let there = format!("to_regclass({}) is not null", literal(&name));
            out.push((format!("{} {name}", relation.noun()), there));
        }
        let Some(table) = relation.table() else { continue };
        for trigger in table.triggers.iter().filter(|trigger| ours(trigger.created)) {
            let name = name();
            let there = format!(
                "exists (select from pg_trigger where tgrelid = to_regclass({}) and tgname = {})",
                literal(&name),
                literal(&trigger.name)
            );
            out.push((format!("trigger {} on {name}", trigger.name), there));
        }
        for policy in table.policies.iter().filter(|policy| ours(policy.created)) {
            let name = name();
            let there = format!(
                "exists (select from pg_policy where polrelid = to_regclass({}) and polname = {})",
                literal(&name),
                literal(&policy.name)
            );
            out.push((format!("policy {} on {name}", policy.name), there));
        }
    }
    let routines = new(&before.routines, &catalog.routines);
    for (signature, _) in routines.filter(|(_, routine)| is_ours(&routine.meta)) {
        let arguments: Vec<String> = signature.arguments.iter().map(ToString::to_string).collect();
        let name = format!(
            "{}.{}({})",
            quote(&signature.id.schema),
            quote(&signature.id.name),
            arguments.join(", ")
        );
        let there = format!("to_regprocedure({}) is not null", literal(&name));
        out.push((format!("function {name}"), there));
    }
    let types = new(&before.types, &catalog.types);
    for (id, _) in types.filter(|(_, ty)| is_ours(&ty.meta)) {
        let name = format!("{}.{}", quote(&id.schema), quote(&id.name));
        out.push((
            format!("type {name}"),
            format!("to_regtype({}) is not null", literal(&name)),
        ));
    }
    out
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn the_last_migration_of_a_version_tells() {
        Case::new(&RULE).fires(
            "
-- 20250101000000_v0_7_0_a.sql
select 1;
-- 20250102000000_v0_7_0_seed.sql
select 1;
-- @ warning: nothing tests version 0.7.0: `tests/v0.7.0_smoke_test.sql` does not exist
-- 20250103000000_v0_7_0_c.sql
-- dblsp: hold (later)
select 1;
-- 20250104000000_v0_8_0_d.sql
-- dblsp: hold (later)
-- @ warning: nothing tests version 0.8.0
select 1;
-- 20250105000000_v0_8_1_e.sql
select 1;
-- tests/v0.8.1_smoke_test.sql
select 1;
",
        );
    }

    #[test]
    fn names_without_a_version_promise_nothing() {
        Case::new(&RULE).silent("-- 20250101000000_a.sql\nselect 1;");
    }

    #[test]
    fn the_test_asks_for_everything_that_is_left() {
        let case = Case::new(&RULE);
        let history = case.history(
            "
-- 20250101000000_v0_7_0_a.sql
create table users (id bigint primary key, name text);
create table draft (id int);
create type mood as enum ('it''s');
create function f(a int) returns trigger language plpgsql as $$ begin return new; end $$;
create trigger t before insert on users for each row execute function f();
-- 20250102000000_v0_7_0_b.sql
drop table draft;
create policy \"user's own\" on users using (true);
",
        );
        let found = case.findings(&history);
        let text = found[0].fixes[0].creates[0].text.as_deref();
        let text = text.expect("the text is asked for");
        assert!(text.contains("select '1..5';"), "{text}");
        assert!(
            text.contains("then 'ok' else 'not ok' end || ' 1 - table public.users';"),
            "{text}"
        );
        assert!(text.contains("polname = 'user''s own'"), "{text}");
        assert!(text.contains("to_regprocedure('public.f(integer)')"), "{text}");
        assert!(!text.contains("draft"), "{text}");
    }
}
