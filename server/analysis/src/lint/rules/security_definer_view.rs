use crate::lint::context::UNTRUSTED_ROLES;
use crate::lint::prelude::*;
use crate::lint::twins::policy::is_true;
use crate::schema::catalog::Catalog;
use crate::schema::objects::{Policy, Relation, Table, TableKind, View};
use crate::sql::statement::PolicyCommand;

rule! {
    /// A view reads with its owner's rights, past the row security of the tables under it.
    ///
    /// ## When
    /// After the last migration, a view in an exposed schema is not `security_invoker`, an untrusted role may select from
    /// it, and it reads at least one table. Only on PostgreSQL 15 and newer, where the option exists, and only in Supabase
    /// projects, where there is an API. Materialized views have no such option and are not meant. Silent where the view
    /// reads tables alone and each of the roles that may read it sees all their rows anyway: it may read the tables, their
    /// row security is on, and a policy `using (true)` holds for it.
    ///
    /// ## Why
    /// Without `security_invoker`, PostgreSQL checks the tables' row security as the view's owner, who is exempt from it.
    /// Whoever may read the view reads every row. `CREATE OR REPLACE VIEW` without the option takes it away again.
    ///
    /// ## Bad
    /// ```sql supabase
    /// -- 1_notes.sql
    /// create table notes (id bigint primary key, owner uuid, body text);
    /// alter table notes enable row level security;
    /// create view recent_notes as select id, body from notes;
    /// ```
    ///
    /// ## Good
    /// ```sql supabase
    /// -- 1_notes.sql
    /// create table notes (id bigint primary key, owner uuid, body text);
    /// alter table notes enable row level security;
    /// create view recent_notes with (security_invoker = true) as select id, body from notes;
    /// ```
    ///
    /// ## Fix
    /// Adds `security_invoker = true` to the view's options. Roles that only had rights on the view then need rights on the
    /// tables, too.
    ///
    /// ## References
    /// - [CREATE VIEW](https://www.postgresql.org/docs/current/sql-createview.html)
    /// - [Row security policies](https://www.postgresql.org/docs/current/ddl-rowsecurity.html)
    "security-definer-view",
    category: Category::Security,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Relation(check),
}

fn check(cx: &Cx<'_>, id: &Id, relation: &Relation, report: &mut Report) {
    if cx.settings.postgres < 15 || cx.base() != crate::history::Base::Supabase {
        return;
    }
    let last = cx.last();
    let Some(view) = relation.view().filter(|view| !view.materialized) else {
        return;
    };
    let Some(number) = cx.judged_file(relation.meta.changed) else {
        return;
    };
    let readers = UNTRUSTED_ROLES
        .iter()
        .copied()
        .filter(|role| may_select(relation, role));
    let readers: Vec<&str> = readers.collect();
    let reads = view.dependencies.relations.iter().any(|id| last.table(id).is_some());
    let certain = last.since(relation.meta.certainty, relation.meta.changed).is_certain();
    if !cx.is_exposed(id) || readers.is_empty() || !reads || view.security_invoker() || !certain {
        return;
    }
    if tables_show_all(last, view, &readers) {
        return;
    }
    let statement = cx.statement_at(number, relation.meta.changed);
    let name = shown(id);
    let message = format!("`{name}` reads with its owner's rights, past the row level security of its tables");
    let Some(Node::CreateView(create)) = statement.map(|statement| &statement.node) else {
        report
            .add(relation.meta.changed.span, message)
            .in_migration(number)
            .help(format!("Run `alter view {name} set (security_invoker = true)`."));
        return;
    };
    let written = create.options.iter().find(|option| option.name == "security_invoker");
    let edit = match (written, create.options.last()) {
        (Some(option), _) => replace(option.span, "security_invoker = true"),
        (None, Some(last)) => insert(last.span.end, ", security_invoker = true"),
        (None, None) => insert(create.options_span.start, " with (security_invoker = true)"),
    };
    report
        .add(create.name.span(), message)
        .in_migration(number)
        .help(format!("Create `{name}` with (security_invoker = true)."))
        .fix(
            FixKind::Review,
            format!("Read `{name}` with the caller's rights"),
            vec![edit],
        );
}

fn may_select(relation: &Relation, role: &str) -> bool {
    let privileges = relation.meta.acl.get(role);
    privileges.is_some_and(|privileges| privileges.contains_key("SELECT"))
}

/// Whether all that the view reads are tables whose policies let each of these roles see every row anyway.
fn tables_show_all(last: &Catalog, view: &View, roles: &[&str]) -> bool {
    let shows_all = |id: &Id| {
        let relation = last.relations.get(id);
        let found = relation.and_then(|relation| Some((relation, relation.table()?)));
        let found = found.filter(|(_, table)| table.kind != TableKind::Foreign);
        found.is_some_and(|(relation, table)| roles.iter().all(|role| shows_all(last, relation, table, role)))
    };
    !view.dependencies.incomplete && view.dependencies.relations.iter().all(shows_all)
}

/// Whether the role sees every row of the table: it may read it, a policy is always true, and none restricts that. A table
/// without row security is not meant: it shows all by mistake, and the view would go on to.
fn shows_all(last: &Catalog, relation: &Relation, table: &Table, role: &str) -> bool {
    let is_for_role = |own: &str| own == role || own == "public";
    let applies = |policy: &&Policy| {
        let is_read = matches!(policy.command, PolicyCommand::Select | PolicyCommand::All);
        is_read && policy.roles.iter().any(|own| is_for_role(own))
    };
    let is_sure = |policy: &Policy| {
        let is_untouched = last.taints.policies.is_none_or(|taint| taint < policy.created);
        is_untouched && last.since(policy.certainty, policy.created).is_certain()
    };
    let policies: Vec<&Policy> = table.policies.iter().map(|policy| &**policy).filter(applies).collect();
    let is_open = |policy: &&Policy| policy.permissive && is_true(policy.using.as_deref()) && is_sure(policy);
    let may_read = relation
        .meta
        .acl
        .keys()
        .any(|own| is_for_role(own) && may_select(relation, own));
    may_read && table.row_security && policies.iter().all(|policy| policy.permissive) && policies.iter().any(is_open)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    const TABLE: &str = "-- 1_a.sql\ncreate table notes (id bigint primary key, body text);\n";

    #[test]
    fn a_view_over_a_table_reads_everything() {
        Case::new(&RULE).supabase().fires(&format!(
            "{TABLE}create view public.recent as select * from notes;
--          ^^^^^^^^^^^^^ warning: `recent` reads with its owner's rights
create view invoked with (security_invoker = on) as select * from notes;
create view constants as select 1 as one;
create materialized view counted as select count(*) from notes;
"
        ));
    }

    #[test]
    fn a_view_that_shows_what_its_table_shows_is_exempt() {
        let open = |policies: &str| {
            format!(
                "{TABLE}alter table notes enable row level security;\n{policies}
create view public.recent as select * from notes;
"
            )
        };
        let fires = |policies: &str| {
            let sql = open(policies) + "--          ^^^^^^^^^^^^^ warning: `recent` reads\n";
            Case::new(&RULE).supabase().fires(&sql);
        };
        for policies in [
            "create policy all_see on notes for select using (true);",
            "create policy all_see on notes for all to anon, authenticated using (true);",
            "create policy a on notes for select to anon using (true);
create policy b on notes for select to authenticated using (true);
create policy c on notes for select to authenticated using (body = 'a');",
            "create policy a on notes for select to authenticated using (true); revoke select on notes from anon;
alter default privileges in schema public revoke select on tables from anon;",
        ] {
            Case::new(&RULE).supabase().silent(&open(policies));
        }
        for policies in [
            "create policy a on notes for select to authenticated using (true);",
            "create policy a on notes for select using (body <> '');",
            "create policy a on notes for update using (true);",
            "create policy a on notes for select using (true);
create policy b on notes as restrictive for select to anon using (body <> '');",
            "create policy a on notes for select using (true); revoke select on notes from anon;",
            "create policy a on notes for select using (true); alter table notes disable row level security;",
        ] {
            fires(policies);
        }
        Case::new(&RULE).supabase().fires(&format!(
            "{}create table others (id int);
create view both as select notes.id from notes, others;
--          ^^^^ warning: `both` reads
",
            open("create policy a on notes for select using (true);")
        ));
    }

    #[test]
    fn replacing_a_view_takes_the_option_away() {
        Case::new(&RULE).supabase().fires(&format!(
            "{TABLE}create view recent with (security_invoker = true) as select id from notes;
-- 2_b.sql
create or replace view recent as select id, body from notes;
--                     ^^^^^^ warning: `recent` reads
"
        ));
    }

    #[test]
    fn setting_the_option_later_clears_it() {
        let later = "-- 2_b.sql\nalter view recent set (security_invoker = true);\n";
        Case::new(&RULE)
            .supabase()
            .silent(&format!("{TABLE}create view recent as select id from notes;\n{later}"));
    }

    #[test]
    fn before_postgres_15_there_is_no_such_option() {
        let sql = format!("{TABLE}create view recent as select id from notes;\n");
        Case::new(&RULE).supabase().postgres(14).silent(&sql);
    }

    #[test]
    fn options_that_are_there_are_kept() {
        Case::new(&RULE).supabase().fixed(
            &format!("{TABLE}create view recent with (security_barrier) as select id from notes;\n"),
            &format!(
                "{TABLE}create view recent with (security_barrier, security_invoker = true) as select id from notes;\n"
            ),
        );
    }
}
