use crate::lint::prelude::*;
use crate::sql::statement::{Statement, Transaction};

rule! {
    /// Row level security that is committed before its policies hides all rows meanwhile.
    ///
    /// ## When
    /// `ALTER TABLE … ENABLE ROW LEVEL SECURITY` on a table that other sessions may be using and that has no policy, where
    /// the policies come in a later transaction: in a later migration, or behind it in a file whose statements commit one
    /// by one. A table that never gets a policy is meant for its owner alone, and the rule is silent.
    ///
    /// ## Why
    /// Without a policy nobody but the owner sees or writes a row. From this commit to that of the policies, and for good
    /// if those fail, programs find an empty table.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_notes.sql
    /// create table notes (id bigint primary key, owner text);
    /// -- 2_close.sql
    /// alter table notes enable row level security;
    /// -- 3_policies.sql
    /// create policy own on notes using (owner = current_user);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_notes.sql
    /// create table notes (id bigint primary key, owner text);
    /// -- 2_close.sql
    /// create policy own on notes using (owner = current_user);
    /// alter table notes enable row level security;
    /// ```
    ///
    /// ## References
    /// - [Row security policies](https://www.postgresql.org/docs/current/ddl-rowsecurity.html)
    "row-security-before-policies",
    category: Category::BreakingClient,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Some((alter, busy)) = cx.busy_alter() else { return };
    let action = alter
        .actions
        .iter()
        .find(|action| matches!(action.kind, AlterActionKind::RowSecurity(true)));
    let Some(action) = action else { return };
    let is_open = !busy.table.row_security && busy.table.policies.is_empty() && busy.is_certain();
    if !is_open || cx.before().taints.policies.is_some() || cx.last().taints.policies.is_some() {
        return;
    }
    let Some(last) = cx.last().table(busy.id) else { return };
    let later = last.policies.iter().map(|policy| policy.created).min();
    let Some(later) = later else { return };
    let rest = &cx.document().file.statements[cx.step().number + 1..];
    let committed = |statement: &Statement| matches!(statement.node, Node::Transaction(Transaction::Commit));
    let creates = |statement: &Statement| {
        matches!(&statement.node, Node::CreatePolicy(create) if create.table.last().value == busy.id.name)
            || matches!(
                statement.node,
                Node::Do { .. } | Node::Templated { .. } | Node::Unknown { .. }
            )
    };
    let same = rest.iter().take_while(|statement| !committed(statement)).any(creates);
    if cx.step().transaction.shared && same {
        return;
    }
    let table = busy.shown();
    let message = format!("`{table}` looks empty to everybody but its owner until its policies are committed later");
    report
        .add(action.span, message)
        .help("Create the policies first, or in the same transaction.")
        .related(later, "the first policy comes here");
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    const SQL: &str = "
-- 1_first.sql
create table a (id int);
create table b (id int);
create table c (id int);
create policy p on c using (true);
create table d (id int);
-- 2_second.sql
alter table a enable row level security;
create policy p on a using (true);
alter table b enable row level security;
--            ^^^^^^^^^^^^^^^^^^^^^^^^^ warning: `b` looks empty to everybody but its owner until its policies are committed later
alter table c enable row level security;
alter table d enable row level security;
create table e (id int);
alter table e enable row level security;
-- 3_third.sql
create policy p on b using (true);
create policy p on e using (true);
";

    #[test]
    fn policies_belong_into_the_same_transaction() {
        Case::new(&RULE).fires(SQL);
    }

    #[test]
    fn statements_that_commit_one_by_one_leave_a_gap() {
        Case::new(&RULE).runner(Runner::Psql).fires(
            "
-- 1_first.sql
create table a (id int);
-- 2_second.sql
alter table a enable row level security;
--            ^^^^^^^^^^^^^^^^^^^^^^^^^ warning: `a` looks empty to everybody
create policy p on a using (true);
",
        );
    }
}
