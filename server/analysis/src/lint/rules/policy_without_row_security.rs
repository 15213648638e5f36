use crate::history::Base;
use crate::lint::context::UNTRUSTED_ROLES;
use crate::lint::prelude::*;
use crate::schema::objects::{Origin, Relation};

rule! {
    /// A policy does nothing while row level security is off.
    ///
    /// ## When
    /// After the last migration, a table has policies but row level security is not enabled on it. Where that leaves a
    /// table open to an API, [rls-disabled-in-exposed-schema](rls-disabled-in-exposed-schema.md) says so, and this rule is
    /// silent.
    ///
    /// ## Why
    /// PostgreSQL keeps the policies and asks none of them: every role sees and changes all rows that its privileges
    /// reach, and whoever reads the migration believes otherwise.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_notes.sql
    /// create table notes (id bigint primary key, owner text);
    /// create policy own on notes using (owner = current_user);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_notes.sql
    /// create table notes (id bigint primary key, owner text);
    /// create policy own on notes using (owner = current_user);
    /// alter table notes enable row level security;
    /// ```
    ///
    /// ## Fix
    /// Enables row level security behind the policy.
    ///
    /// ## References
    /// - [Row security policies](https://www.postgresql.org/docs/current/ddl-rowsecurity.html)
    "policy-without-row-security",
    category: Category::Security,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Relation(check),
}

fn check(cx: &Cx<'_>, id: &Id, relation: &Relation, report: &mut Report) {
    let last = cx.last();
    for found in cx.policies_of(id, relation) {
        let certain = last
            .since(found.relation.meta.certainty, found.relation.meta.changed)
            .is_certain();
        if found.table.row_security || !certain || last.taints.policies.is_some() || !found.table.columns_known {
            continue;
        }
        let acl = &found.relation.meta.acl;
        let is_served = cx.base() == Base::Supabase && cx.is_exposed(found.id);
        if is_served && UNTRUSTED_ROLES.iter().any(|role| acl.contains_key(*role)) {
            continue;
        }
        // Whether a table that came with the database has it on is not for the migrations to say.
        // The first policy stands for the others of its table.
        let first = found.table.policies.iter().map(|policy| policy.created).min();
        if found.relation.meta.created == Origin::BASE || first != Some(found.policy.created) {
            continue;
        }
        let name = shown(found.id);
        let message = format!(
            "`{}` does nothing: row level security is off on `{name}`",
            found.create.name
        );
        let text = cx.text_of(found.number);
        let statement = crate::lint::context::with_semicolon(text, found.policy.created.span);
        let enable = format!(
            "\nalter table {} enable row level security;",
            found.create.table.span().slice(text)
        );
        report
            .add(found.create.name.span, message)
            .in_migration(found.number)
            .help("Enable row level security on the table.")
            .fix(
                FixKind::Review,
                format!("Enable row level security on `{name}`"),
                vec![insert(statement.end, enable)],
            );
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn nobody_asks_the_policy() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table a (id int);
create policy p on a using (id > 0);
--            ^ warning: `p` does nothing: row level security is off on `a`
create policy q on a using (id > 1);
create table b (id int);
create policy p on b using (id > 0);
create table c (id int);
create policy p on c using (id > 0);
-- 2_second.sql
alter table b enable row level security;
drop table c;
",
        );
    }

    #[test]
    fn a_loop_that_may_have_enabled_it_silences_it() {
        Case::new(&RULE).silent(
            "
-- 1_first.sql
create table a (id int);
create policy p on a using (id > 0);
do $$ declare t text; begin
  foreach t in array current_schemas(false) loop execute format('alter table %I.a enable row level security', t); end loop;
end $$;
",
        );
    }
}
