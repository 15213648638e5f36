use crate::history::Base;
use crate::lint::prelude::*;
use crate::schema::objects::Relation;

rule! {
    /// A policy without `TO` holds for every role, and so for visitors who never sign in.
    ///
    /// ## When
    /// After the last migration, a permissive policy in an exposed schema of a Supabase project was written without `TO`.
    /// `TO public` says it on purpose and is exempt; so are restrictive policies, which should hold for all.
    ///
    /// ## Why
    /// Without `TO` a policy is one of PUBLIC, and so of `anon`. PostgreSQL evaluates it for every row that a visitor's
    /// query reads, only to find that `auth.uid()` is NULL; and a condition that forgets to ask for a user lets visitors
    /// in.
    ///
    /// ## Bad
    /// ```sql supabase
    /// -- 1_notes.sql
    /// create table notes (id bigint primary key, owner uuid);
    /// alter table notes enable row level security;
    /// create policy own on notes for select using (owner = (select auth.uid()));
    /// ```
    ///
    /// ## Good
    /// ```sql supabase
    /// -- 1_notes.sql
    /// create table notes (id bigint primary key, owner uuid);
    /// alter table notes enable row level security;
    /// create policy own on notes for select to authenticated using (owner = (select auth.uid()));
    /// ```
    ///
    /// ## Fix
    /// Adds `TO authenticated`. Where visitors are meant too, write `TO public`.
    ///
    /// ## References
    /// - [Row level security](https://supabase.com/docs/guides/database/postgres/row-level-security#specify-roles-in-your-policies)
    /// - [CREATE POLICY](https://www.postgresql.org/docs/current/sql-createpolicy.html)
    "policy-for-public",
    category: Category::Security,
    level: Level::Hint,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Relation(check),
}

fn check(cx: &Cx<'_>, id: &Id, relation: &Relation, report: &mut Report) {
    if cx.base() != Base::Supabase {
        return;
    }
    for found in cx.policies_of(id, relation) {
        let is_public = found.create.roles.is_empty() && found.policy.roles.iter().any(|role| role == "public");
        if !is_public || !found.policy.permissive || !cx.is_exposed(found.id) {
            continue;
        }
        let message = format!(
            "`{}` holds for every role, also for visitors who have not signed in",
            found.create.name
        );
        let finding = report.add(found.create.name.span, message);
        finding
            .in_migration(found.number)
            .help("Name the roles that are meant: `to authenticated`, or `to public` for everybody.");
        let text = cx.text_of(found.number);
        let using = found.create.using.as_ref().map(|expr| (expr.span, "using"));
        let check = found.create.check.as_ref().map(|expr| (expr.span, "with check"));
        let place = [using, check].into_iter().flatten().min_by_key(|(span, _)| span.start);
        let Some(at) = place.and_then(|(span, keyword)| keyword_before(text, span, keyword)) else {
            continue;
        };
        let upper = found.policy.created.span.slice(text).starts_with("CREATE");
        let to = if upper { "TO" } else { "to" };
        finding.fix(
            FixKind::Review,
            "Let it hold for users who have signed in",
            vec![insert(at, format!("{to} authenticated "))],
        );
    }
}

/// Where the keyword stands whose parenthesis holds the expression.
fn keyword_before(text: &str, expr: Span, keyword: &str) -> Option<u32> {
    let before = text
        .get(..expr.start as usize)?
        .trim_end_matches(['(', ' ', '\n', '\r', '\t']);
    let at = before.len().checked_sub(keyword.len())?;
    let found = before.get(at..)?.eq_ignore_ascii_case(keyword);
    found.then(|| u32::try_from(at).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn a_policy_without_roles_is_for_all() {
        Case::new(&RULE).supabase().fires(
            "
-- 1_first.sql
create table a (id int);
create policy p1 on a using (id > 0);
--            ^^ hint: `p1` holds for every role
create policy p2 on a to public using (id > 0);
create policy p3 on a to authenticated using (id > 0);
create policy p4 on a as restrictive using (id > 0);
create policy p5 on a using (id > 0);
-- 2_second.sql
alter policy p5 on a to authenticated;
",
        );
        Case::new(&RULE).silent("-- 1_a.sql\ncreate table a (id int);\ncreate policy p on a using (id > 0);");
    }

    #[test]
    fn the_fix_names_a_role() {
        Case::new(&RULE).supabase().fixed(
            "
-- 1_a.sql
create table a (id int);
create policy p on a for insert with check (id > 0);
",
            "
-- 1_a.sql
create table a (id int);
create policy p on a for insert to authenticated with check (id > 0);
",
        );
    }
}
