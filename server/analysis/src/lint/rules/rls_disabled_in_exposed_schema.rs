use crate::lint::context::{UNTRUSTED_ROLES, with_semicolon};
use crate::lint::prelude::*;
use crate::schema::catalog::Catalog;
use crate::schema::objects::{Acl, Origin, Relation, TableKind, quote};
use crate::sql::statement::{ObjectKind, Persistence};

rule! {
    /// A table without row security in an exposed schema can be read and written by anyone.
    ///
    /// ## When
    /// After the last migration, a table in an exposed schema has row level security off, and an untrusted role (`anon`,
    /// `authenticated`, PUBLIC) holds a privilege on it. A later file that enables row security, or that takes the
    /// privileges away, clears it, and so does an event trigger whose function enables it for every new table. Where they
    /// can only read it, it is an info. Partitions are reached through their parent as well as by their own name, so each
    /// needs row security of its own.
    ///
    /// Only projects on Supabase have such roles and an API; elsewhere the rule is silent.
    ///
    /// ## Why
    /// Supabase serves every table of an exposed schema over HTTP, and its default privileges give `anon` and
    /// `authenticated` all rights on new tables in `public`. Row security is the only thing that stands between the
    /// internet and the rows.
    ///
    /// ## Bad
    /// ```sql supabase
    /// -- 1_notes.sql
    /// create table public.notes (id bigint primary key, body text);
    /// ```
    ///
    /// ## Good
    /// ```sql supabase
    /// -- 1_notes.sql
    /// create table public.notes (id bigint primary key, body text);
    /// alter table public.notes enable row level security;
    /// ```
    ///
    /// ## Fix
    /// Adds `alter table … enable row level security` after the statement that creates the table. Without a policy nobody
    /// but the owner and `service_role` sees a row, so policies remain to be written.
    ///
    /// ## References
    /// - [Row security policies](https://www.postgresql.org/docs/current/ddl-rowsecurity.html)
    /// - [Securing your API](https://supabase.com/docs/guides/api/securing-your-api)
    "rls-disabled-in-exposed-schema",
    category: Category::Security,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Relation(check),
}

fn check(cx: &Cx<'_>, id: &Id, relation: &Relation, report: &mut Report) {
    if cx.base() != crate::history::Base::Supabase {
        return;
    }
    let last = cx.last();
    let Some(table) = relation.table() else { return };
    let ours = table.persistence != Persistence::Temporary && table.kind != TableKind::Foreign;
    if !cx.is_exposed(id) || !ours || table.row_security {
        return;
    }
    let Some(number) = cx.judged_file(relation.meta.created) else {
        return;
    };
    // A loop over all tables may have enabled it; nobody can tell, so nothing is said.
    if last.taints.policies.is_some_and(|taint| taint > relation.meta.changed)
        || !last.since(relation.meta.certainty, relation.meta.changed).is_certain()
    {
        return;
    }
    if is_enabled_by_event(last) {
        return;
    }
    let reached: Vec<&str> = UNTRUSTED_ROLES
        .iter()
        .copied()
        .filter(|role| relation.meta.acl.contains_key(*role))
        .collect();
    if reached.is_empty() {
        return;
    }
    let name = shown(id);
    let what = reach(&relation.meta.acl, &reached);
    let message = format!("{what} `{name}` through the API: row level security is off");
    let created = relation.meta.created;
    let text = cx.text_of(number);
    let enable = format!("\nalter table {} enable row level security;", quoted(id));
    let after = with_semicolon(text, created.span).end;
    let finding = report.add(name_in(cx, number, created), message);
    if !what.contains("write") {
        finding.level(Level::Info);
    }
    finding
        .in_migration(number)
        .help(format!(
            "Enable row level security on `{name}` and write policies, or revoke the rights of {}.",
            reached.join(" and ")
        ))
        .fix(
            FixKind::Review,
            format!("Enable row level security on `{name}`"),
            vec![insert(after, enable)],
        );
}

/// Who can do what, in words.
fn reach(acl: &Acl, reached: &[&str]) -> &'static str {
    let mut privileges = reached
        .iter()
        .filter_map(|role| acl.get(*role))
        .flat_map(|held| held.keys());
    let writes = privileges.any(|privilege| matches!(privilege.as_str(), "INSERT" | "UPDATE" | "DELETE" | "TRUNCATE"));
    let is_signed_in = reached.iter().all(|role| *role == "authenticated");
    match (is_signed_in, writes) {
        (false, true) => "anyone can read and write",
        (false, false) => "anyone can read",
        (true, true) => "every user who has signed in can read and write",
        (true, false) => "every user who has signed in can read",
    }
}

/// Whether there is an event trigger, and a function for one that speaks of row level security.
fn is_enabled_by_event(last: &Catalog) -> bool {
    let mut others = last.others.keys();
    let has_trigger = others.any(|(kind, _)| *kind == ObjectKind::EventTrigger);
    let enables = |body: &str| body.to_lowercase().contains("row level security");
    let mut routines = last.routines.values();
    has_trigger
        && routines.any(|routine| {
            routine.returns.as_deref() == Some("event_trigger") && routine.body.as_deref().is_some_and(enables)
        })
}

fn quoted(id: &Id) -> String {
    format!("{}.{}", quote(&id.schema), quote(&id.name))
}

/// The table's name in the statement that made it; the whole statement where it is made indirectly.
fn name_in(cx: &Cx<'_>, number: usize, made: Origin) -> Span {
    match cx.statement_at(number, made).map(|statement| &statement.node) {
        Some(Node::CreateTable(create)) => create.name.span(),
        Some(Node::CreateTableAs(create)) => create.name.span(),
        _ => made.span,
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn a_table_in_public_without_row_security_is_open() {
        Case::new(&RULE).supabase().fires(
            "
-- 1_a.sql
create table notes (
--           ^^^^^ warning: anyone can read and write `notes` through the API
  id bigint primary key
);
create schema private;
create table private.secrets (id bigint primary key);
create table todos (id bigint primary key);
alter table todos enable row level security;
",
        );
    }

    #[test]
    fn a_later_file_may_enable_it_or_take_the_rights_away() {
        Case::new(&RULE).supabase().silent(
            "
-- 1_a.sql
create table notes (id bigint primary key);
create table jobs (id bigint primary key);
-- 2_b.sql
alter table notes enable row level security;
revoke all on jobs from anon, authenticated;
",
        );
    }

    #[test]
    fn a_dropped_or_temporary_table_and_a_project_without_an_api_are_silent() {
        Case::new(&RULE).supabase().silent(
            "
-- 1_a.sql
create table notes (id bigint primary key);
create temp table scratch (id bigint);
-- 2_b.sql
drop table notes;
",
        );
        Case::new(&RULE).silent(
            "
-- 1_a.sql
create table notes (id bigint primary key);
",
        );
    }

    #[test]
    fn who_holds_which_privilege_is_said() {
        Case::new(&RULE).supabase().fires(
            "
-- 1_a.sql
create table roles (id bigint primary key);
--           ^^^^^ info: every user who has signed in can read `roles` through the API
revoke all on roles from public, anon, authenticated;
grant select on roles to authenticated;
create table jobs (id bigint primary key);
--           ^^^^ warning: every user who has signed in can read and write `jobs` through the API
revoke all on jobs from public, anon;
",
        );
    }

    #[test]
    fn an_event_trigger_may_enable_it() {
        Case::new(&RULE).supabase().silent(
            "
-- 1_a.sql
create function protect() returns event_trigger language plpgsql as $$
begin
  execute 'alter table public.x ENABLE ROW LEVEL SECURITY';
end $$;
create event trigger protect on ddl_command_end execute function protect();
create table notes (id bigint primary key);
",
        );
    }

    #[test]
    fn a_loop_that_may_have_enabled_it_silences_it() {
        Case::new(&RULE).supabase().silent(
            "
-- 1_a.sql
create table notes (id bigint primary key);
-- 2_b.sql
do $$
declare t record;
begin
  for t in select tablename from pg_tables where schemaname = 'public' loop
    execute format('alter table public.%I enable row level security', t.tablename);
  end loop;
end $$;
",
        );
    }
}
