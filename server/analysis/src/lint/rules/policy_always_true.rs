use crate::lint::context::UNTRUSTED_ROLES;
use crate::lint::prelude::*;
use crate::lint::twins::policy::is_true;
use crate::schema::objects::Relation;
use crate::sql::statement::PolicyCommand;

rule! {
    /// A policy that is always true lets every user of the API write all rows.
    ///
    /// ## When
    /// After the last migration, a permissive policy for `INSERT`, `UPDATE`, `DELETE` or `ALL` whose condition is `true`
    /// holds for PUBLIC, `anon` or `authenticated`, on a table in an exposed schema of a Supabase project. Policies for
    /// `SELECT` are exempt: rows that everybody may read are common. So are policies for `service_role` and other roles of
    /// one's own. For `INSERT` alone it is an info.
    ///
    /// ## Why
    /// Row level security is on, and the policy takes it back: whoever has the public API key can change or delete
    /// every row.
    ///
    /// ## Bad
    /// ```sql supabase
    /// -- 1_notes.sql
    /// create table notes (id bigint primary key, owner uuid);
    /// alter table notes enable row level security;
    /// create policy everything on notes for all to authenticated using (true) with check (true);
    /// ```
    ///
    /// ## Good
    /// ```sql supabase
    /// -- 1_notes.sql
    /// create table notes (id bigint primary key, owner uuid);
    /// alter table notes enable row level security;
    /// create policy own on notes for all to authenticated
    ///   using (owner = (select auth.uid())) with check (owner = (select auth.uid()));
    /// ```
    ///
    /// ## References
    /// - [Row level security](https://supabase.com/docs/guides/database/postgres/row-level-security)
    /// - [Row security policies](https://www.postgresql.org/docs/current/ddl-rowsecurity.html)
    "policy-always-true",
    category: Category::Security,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Relation(check),
}

fn check(cx: &Cx<'_>, id: &Id, relation: &Relation, report: &mut Report) {
    if cx.base() != crate::history::Base::Supabase {
        return;
    }
    for found in cx.policies_of(id, relation) {
        let policy = found.policy;
        let reached: Vec<&str> = UNTRUSTED_ROLES
            .iter()
            .copied()
            .filter(|role| policy.roles.iter().any(|own| own == role))
            .collect();
        // Without row level security, or without a privilege, the policy decides nothing.
        let privileges = match policy.command {
            PolicyCommand::Select => continue,
            PolicyCommand::Insert => &["INSERT"][..],
            PolicyCommand::Update => &["UPDATE"],
            PolicyCommand::Delete => &["DELETE"],
            PolicyCommand::All => &["INSERT", "UPDATE", "DELETE"],
        };
        let may = |role: &str| {
            let held = found.relation.meta.acl.get(role);
            held.is_some_and(|held| privileges.iter().any(|privilege| held.contains_key(*privilege)))
        };
        let is_open = cx.is_exposed(found.id) && found.table.row_security && policy.permissive;
        if !is_open || reached.is_empty() || !UNTRUSTED_ROLES.iter().any(|role| may(role)) {
            continue;
        }
        let what = match policy.command {
            PolicyCommand::Insert if is_true(policy.check.as_deref()) => "insert any row into",
            PolicyCommand::Update if is_true(policy.using.as_deref()) => "update every row of",
            PolicyCommand::Delete if is_true(policy.using.as_deref()) => "delete every row of",
            PolicyCommand::All if is_true(policy.using.as_deref()) => "change and delete every row of",
            PolicyCommand::All if is_true(policy.check.as_deref()) => "insert any row into",
            _ => continue,
        };
        let who = match reached.as_slice() {
            ["authenticated"] => "every user who has signed in",
            _ => "everybody",
        };
        let message = format!(
            "{who} can {what} `{}` through the API: the policy is always true",
            shown(found.id)
        );
        let written = found.create.using.as_ref().or(found.create.check.as_ref());
        let span = written.map_or(found.create.name.span, |expr| expr.span);
        let finding = report.add(span, message);
        finding
            .in_migration(found.number)
            .help("Compare a column with `(select auth.uid())`, or name the role that is meant after `to`.");
        if policy.command == PolicyCommand::Insert {
            finding.level(Level::Info);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn writing_is_not_for_everybody() {
        Case::new(&RULE).supabase().fires(
            "
-- 1_first.sql
create table a (id bigint primary key, owner uuid);
alter table a enable row level security;
create policy p1 on a using (true);
--                           ^^^^ warning: everybody can change and delete every row of `a` through the API
create policy p2 on a for update to authenticated using (true);
--                                                       ^^^^ warning: every user who has signed in can update every row of `a`
create policy p3 on a for insert to anon with check (true);
--                                                   ^^^^ info: everybody can insert any row into `a`
create policy p4 on a for select using (true);
create policy p5 on a for all to service_role using (true);
create policy p6 on a for delete using (owner = auth.uid());
create policy p7 on a as restrictive for all using (true);
create policy p8 on a for delete using (true);
create schema private;
create table private.b (id int);
alter table private.b enable row level security;
create policy p on private.b using (true);
-- 2_second.sql
drop policy p8 on a;
",
        );
    }

    #[test]
    fn a_project_without_an_api_is_silent() {
        Case::new(&RULE).silent(
            "
-- 1_first.sql
create table a (id int);
alter table a enable row level security;
create policy p on a using (true);
",
        );
    }
}
