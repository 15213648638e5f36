use crate::history::Base;
use crate::lint::context::UNTRUSTED_ROLES;
use crate::lint::prelude::*;
use crate::schema::objects::Relation;

rule! {
    /// A table of the API with row level security and no policy shows nobody a row.
    ///
    /// ## When
    /// After the last migration, a table in an exposed schema of a Supabase project has row level security on and no
    /// policy, while `anon`, `authenticated` or PUBLIC hold a privilege on it. A table that only `service_role` uses is
    /// right so: take the privileges away, or allow it.
    ///
    /// ## Why
    /// The API answers with empty lists instead of an error, and refuses every insert, which takes long to find.
    ///
    /// ## Bad
    /// ```sql supabase
    /// -- 1_notes.sql
    /// create table notes (id bigint primary key);
    /// alter table notes enable row level security;
    /// ```
    ///
    /// ## Good
    /// ```sql supabase
    /// -- 1_notes.sql
    /// create table notes (id bigint primary key);
    /// alter table notes enable row level security;
    /// create policy everybody_reads on notes for select to anon, authenticated using (true);
    /// ```
    /// ```sql supabase
    /// -- 1_jobs.sql
    /// create table jobs (id bigint primary key);
    /// alter table jobs enable row level security;
    /// revoke all on jobs from anon, authenticated;
    /// ```
    ///
    /// ## References
    /// - [Row level security](https://supabase.com/docs/guides/database/postgres/row-level-security)
    "row-security-without-policy",
    category: Category::Security,
    level: Level::Hint,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Relation(check),
}

fn check(cx: &Cx<'_>, id: &Id, relation: &Relation, report: &mut Report) {
    let last = cx.last();
    if cx.base() != Base::Supabase || last.taints.policies.is_some() {
        return;
    }
    let Some(table) = relation.table() else {
        return;
    };
    let acl = &relation.meta.acl;
    let is_served = cx.is_exposed(id) && UNTRUSTED_ROLES.iter().any(|role| acl.contains_key(*role));
    let certain = last.since(relation.meta.certainty, relation.meta.changed).is_certain();
    // Partitions are asked through their parent.
    if !is_served || !table.row_security || !table.policies.is_empty() || !certain || table.partition_of.is_some() {
        return;
    }
    let Some(number) = cx.judged_file(relation.meta.created) else {
        return;
    };
    let Some(Node::CreateTable(create)) = cx.statement_at(number, relation.meta.created).map(|made| &made.node) else {
        return;
    };
    let message = format!(
        "`{}` shows nobody a row: row level security is on and there is no policy",
        shown(id)
    );
    report
        .add(create.name.span(), message)
        .in_migration(number)
        .help("Write policies, or revoke the rights of anon and authenticated where only service_role uses it.");
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn without_a_policy_there_are_no_rows() {
        Case::new(&RULE).supabase().fires(
            "
-- 1_first.sql
create table a (id int);
--           ^ hint: `a` shows nobody a row
alter table a enable row level security;
create table b (id int);
alter table b enable row level security;
create table c (id int);
create table d (id int);
alter table d enable row level security;
revoke all on d from anon, authenticated;
-- 2_second.sql
create policy p on b using (true);
",
        );
        Case::new(&RULE).silent("-- 1_a.sql\ncreate table a (id int);\nalter table a enable row level security;");
    }
}
