use crate::history::Base;
use crate::lint::prelude::*;
use crate::sql::name::Name;
use crate::sql::statement::Statement;

rule! {
    /// Supabase owns the schemas `auth`, `storage` and `realtime`, and refuses to change them.
    ///
    /// ## When
    /// In a Supabase project: `CREATE`, `ALTER` or `DROP` of a table, view, function, type, sequence or index in one of the
    /// schemas `auth`, `storage` and `realtime`. What the role of migrations may do there is exempt: policies, triggers,
    /// privileges, foreign keys to them, and rows. So is what is guarded, by `IF EXISTS` or in a `DO` block, which may
    /// handle the failure.
    ///
    /// ## Why
    /// Migrations run as `postgres`, which owns nothing there and, on projects of 2025 and later, is no member of the roles
    /// that do. The statement fails with 42501, `must be owner of table objects` or `permission denied for schema auth`, and
    /// the migration with it. It may have worked on an older project: then the history no longer builds that database. Row
    /// level security is on already for the tables there, so that no `ENABLE ROW LEVEL SECURITY` is missed.
    ///
    /// ## Bad
    /// ```sql supabase
    /// create table auth.profiles (id uuid primary key);
    /// ```
    ///
    /// ## Good
    /// ```sql supabase
    /// create schema private;
    /// create table private.profiles (id uuid primary key);
    /// create policy own on storage.objects for select to authenticated using (owner_id = (select auth.uid()::text));
    /// ```
    ///
    /// ## References
    /// - [What may be done in these schemas](https://supabase.com/changelog/34270-restricting-access-on-auth-storage-and-realtime-schemas-on-april-21-2025)
    /// - [Privileges](https://www.postgresql.org/docs/current/ddl-priv.html)
    "managed-schema-ddl",
    category: Category::Coupling,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

/// Schemas that the role of migrations neither owns nor may create anything in.
const MANAGED: &[&str] = &["auth", "realtime", "storage"];

fn check(cx: &Cx<'_>, report: &mut Report) {
    if cx.base() != Base::Supabase || !cx.is_editable() {
        return;
    }
    for name in changed(cx.step().statement) {
        let Some(schema) = name
            .qualifier()
            .filter(|schema| MANAGED.contains(&schema.value.as_str()))
        else {
            continue;
        };
        report
            .add(
                name.span(),
                format!("schema `{schema}` belongs to Supabase: PostgreSQL refuses to change `{name}` with 42501"),
            )
            .help(format!(
                "Make it in a schema of your own; in `{schema}` only policies, triggers and rows are yours."
            ));
    }
}

/// The names of what the statement makes, alters or drops, as far as that takes the owner of it or of its schema.
fn changed(statement: &Statement) -> Vec<&Name> {
    match &statement.node {
        Node::CreateTable(create) => vec![&create.name],
        Node::CreateTableAs(create) => vec![&create.name],
        Node::CreateView(create) => vec![&create.name],
        Node::CreateFunction(create) => vec![&create.name],
        Node::CreateType(create) => vec![&create.name],
        Node::CreateDomain(create) => vec![&create.name],
        Node::CreateSequence(create) => vec![&create.name],
        Node::CreateIndex(create) => vec![&create.table],
        Node::AlterTable(alter) if !alter.if_exists => vec![&alter.name],
        Node::Drop(drop) if !drop.if_exists => {
            let objects = drop.objects.iter().filter(|object| object.table.is_none());
            objects.map(|object| &object.name).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn what_supabase_owns_is_not_changed() {
        Case::new(&RULE).supabase().fires(
            "
-- 1_first.sql
create function auth.is_admin() returns boolean language sql as 'select true';
--              ^^^^^^^^^^^^^ warning: schema `auth` belongs to Supabase: PostgreSQL refuses to change `auth.is_admin` with 42501
alter table storage.objects enable row level security;
--          ^^^^^^^^^^^^^^^ warning: schema `storage` belongs to Supabase
create index on auth.users (email);
--              ^^^^^^^^^^ warning: schema `auth` belongs to Supabase
drop table public.a, auth.sessions;
--                   ^^^^^^^^^^^^^ warning: schema `auth` belongs to Supabase
create view realtime.v as select 1;
--          ^^^^^^^^^^ warning: schema `realtime` belongs to Supabase
",
        );
    }

    #[test]
    fn policies_triggers_rows_privileges_guards_and_other_projects_are_exempt() {
        Case::new(&RULE).supabase().silent(
            "
-- 1_first.sql
create policy own on storage.objects using (true);
drop policy own on storage.objects;
create function welcome() returns trigger language plpgsql as 'begin return new; end';
create trigger welcome after insert on auth.users for each row execute function welcome();
drop trigger welcome on auth.users;
insert into storage.buckets (id, name) values ('a', 'a');
grant usage on schema auth to authenticated;
drop function if exists auth.is_admin();
alter table if exists auth.gone add column a int;
create index on extensions.a (b);
do $$ begin
  alter table storage.objects enable row level security;
exception when insufficient_privilege then null; end $$;
create table authors (id bigint primary key);
",
        );
        Case::new(&RULE).silent("create table auth.users (id int);");
    }
}
