use crate::lint::prelude::*;
use crate::schema::objects::Relation;
use crate::sql::statement::{ExprNode, PolicyCommand};

rule! {
    /// A policy without `WITH CHECK` tests new rows with its `USING` condition, unseen.
    ///
    /// ## When
    /// After the last migration, a policy for `UPDATE` or `ALL` has a `USING` condition and no `WITH CHECK`. `USING (true)`
    /// is exempt: there is nothing that a reader could miss.
    ///
    /// ## Why
    /// PostgreSQL takes the `USING` condition for both: which rows one may change, and what they may become. That is often
    /// meant, and as often not thought of. Written down, the next reader need not know the rule, and a change of one
    /// condition does not change the other.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_notes.sql
    /// create table notes (id bigint primary key, owner text);
    /// alter table notes enable row level security;
    /// create policy own on notes for update using (owner = current_user);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_notes.sql
    /// create table notes (id bigint primary key, owner text);
    /// alter table notes enable row level security;
    /// create policy own on notes for update using (owner = current_user) with check (owner = current_user);
    /// ```
    ///
    /// ## Fix
    /// Writes the same condition as `WITH CHECK`. The policy stays the same.
    ///
    /// ## References
    /// - [CREATE POLICY](https://www.postgresql.org/docs/current/sql-createpolicy.html)
    "policy-check-unwritten",
    category: Category::Style,
    level: Level::Hint,
    fix: FixKind::Safe,
    since: "0.1.0",
    check: Check::Relation(check),
}

fn check(cx: &Cx<'_>, id: &Id, relation: &Relation, report: &mut Report) {
    for found in cx.policies_of(id, relation) {
        let policy = found.policy;
        let writes = matches!(policy.command, PolicyCommand::Update | PolicyCommand::All);
        let Some(using) = found.create.using.as_ref().filter(|_| writes && policy.check.is_none()) else {
            continue;
        };
        let is_same = policy.using.as_deref().is_some_and(|last| last.span == using.span);
        if !is_same || matches!(using.node, ExprNode::Bool(true)) {
            continue;
        }
        let text = cx.text_of(found.number);
        let message = format!(
            "`{}` says which rows may be changed, and the same condition tests what they become",
            found.create.name
        );
        // In the case of the words around it.
        let upper = found.policy.created.span.slice(text).starts_with("CREATE");
        let keywords = if upper { "WITH CHECK" } else { "with check" };
        let check = format!(" {keywords} ({})", using.span.slice(text));
        report
            .add(found.create.name.span, message)
            .in_migration(found.number)
            .help("Write the condition for new rows as `with check`.")
            .fix(
                FixKind::Safe,
                "Write the condition as `with check` too",
                vec![insert(found.policy.created.span.end, check)],
            );
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn using_stands_for_both() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table a (id int);
create policy p1 on a using (id > 0);
--            ^^ hint: `p1` says which rows may be changed, and the same condition tests what they become
create policy p2 on a for update using (id > 0);
--            ^^ hint: `p2` says
create policy p3 on a for update using (id > 0) with check (id > 1);
create policy p4 on a for delete using (id > 0);
create policy p5 on a for select using (id > 0);
create policy p6 on a using (true);
create policy p7 on a using (id > 0);
create policy p8 on a for update using (id > 0);
-- 2_second.sql
alter policy p7 on a with check (id > 1);
drop policy p8 on a;
",
        );
    }

    #[test]
    fn the_fix_says_the_same() {
        Case::new(&RULE).fixed(
            "
-- 1_a.sql
create table a (id int);
CREATE POLICY p ON a FOR UPDATE USING ((id > 0) AND (id < 9));
",
            "
-- 1_a.sql
create table a (id int);
CREATE POLICY p ON a FOR UPDATE USING ((id > 0) AND (id < 9)) WITH CHECK ((id > 0) AND (id < 9));
",
        );
    }
}
