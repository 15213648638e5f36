use crate::lint::context::whole_statement;
use crate::lint::prelude::*;
use crate::settings::Runner;
use crate::sql::statement::Transaction;

rule! {
    /// `BEGIN` inside of an open transaction does nothing, and its `COMMIT` ends the outer one.
    ///
    /// ## When
    /// `BEGIN` or `START TRANSACTION` where a transaction is open: the runner's own (`psql -1`, sqlx and most tools open
    /// one around the file), or that of an earlier `BEGIN`. Silent under runners that send a file as it is (`psql -f`,
    /// Prisma, and the Supabase CLI as soon as a file controls transactions itself), and about the first `BEGIN` of a file
    /// where neither `dblsp.toml` nor the project shows who applies it: its author expects that nobody else opens a
    /// transaction.
    ///
    /// ## Why
    /// PostgreSQL has no transactions in each other. It only warns: `there is already a transaction in progress`. But the
    /// `COMMIT` that belongs to this `BEGIN` then ends the runner's transaction, and what follows it commits on its own.
    ///
    /// ## Bad
    /// ```sql
    /// begin;
    /// create table users (id bigint primary key);
    /// commit;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// create table users (id bigint primary key);
    /// ```
    /// ```sql runner=psql
    /// begin;
    /// create table users (id bigint primary key);
    /// commit;
    /// ```
    ///
    /// ## Fix
    /// Removes the `BEGIN` and the `COMMIT` that belongs to it. Look whether something was to be committed early on purpose.
    ///
    /// ## References
    /// - [BEGIN](https://www.postgresql.org/docs/current/sql-begin.html)
    "nested-begin",
    category: Category::Transaction,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let step = cx.step();
    // A BEGIN that opens a transaction is in it; one without effect is in the one that the file did not open.
    if step.statement.node != Node::Transaction(Transaction::Begin) || step.transaction.explicit {
        return;
    }
    // Nobody said who applies the files: their own `BEGIN` says that nothing else opens a transaction.
    if cx.settings.runner_is_assumed && step.number == first_begin(cx) && !is_of_a_tool_that_begins(cx) {
        return;
    }
    // These files are sent as one simple query, where BEGIN makes the implicit transaction an explicit one.
    let is_of_prisma = cx.migration().path.ends_with("/migration.sql");
    if is_of_prisma || (cx.settings.runner == Runner::Sqlx && cx.text().starts_with("-- no-transaction")) {
        return;
    }
    let statements = &cx.document().file.statements;
    let controls = |node: &Node| match node {
        Node::Transaction(control @ (Transaction::Begin | Transaction::Commit | Transaction::Rollback)) => {
            Some(*control)
        }
        _ => None,
    };
    let earlier = statements[..step.number]
        .iter()
        .any(|other| controls(&other.node) == Some(Transaction::Begin));
    let message = if earlier {
        "`BEGIN` does nothing here: a transaction is open already"
    } else {
        "`BEGIN` does nothing here: the runner has opened a transaction around the file"
    };
    let finding = report.add(step.statement.span, message);
    finding.help("Remove it, and the `COMMIT` that belongs to it.");
    let mut later = statements[step.number + 1..].iter();
    let next = later.find(|other| controls(&other.node).is_some());
    let mut edits = vec![replace(whole_statement(cx.text(), step.statement.span), "")];
    match next.map(|next| (next, controls(&next.node))) {
        Some((commit, Some(Transaction::Commit))) => {
            edits.push(replace(whole_statement(cx.text(), commit.span), ""));
        }
        Some((_, Some(Transaction::Rollback))) => return,
        _ => {}
    }
    finding.fix(FixKind::Review, "Remove `BEGIN` and its `COMMIT`", edits);
}

/// The number of the file's first `BEGIN`.
fn first_begin(cx: &Cx<'_>) -> usize {
    let mut statements = cx.document().file.statements.iter();
    let found = statements.position(|other| other.node == Node::Transaction(Transaction::Begin));
    found.unwrap_or_default()
}

/// Diesel's `up.sql` and Flyway's `V1__users.sql` are applied in a transaction of the tool.
fn is_of_a_tool_that_begins(cx: &Cx<'_>) -> bool {
    let name = cx.migration().file_name();
    name == "up.sql" || (name.starts_with('V') && name.contains("__"))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    #[test]
    fn a_comment_behind_what_is_removed_stays_in_its_place() {
        Case::new(&RULE).fixed(
            "  begin; -- why\nselect 1;\ncommit; /* done */ select 2;\n",
            "-- why\nselect 1;\n/* done */ select 2;\n",
        );
    }

    #[test]
    fn files_that_nobody_is_known_to_apply_may_begin_themselves() {
        let assumed = |name: &str, sql: &str| {
            let case = Case::new(&RULE).with(|settings| settings.runner_is_assumed = true);
            let history = case.history(&format!("-- {name}\n{sql}"));
            case.findings(&history).len()
        };
        assert_eq!(assumed("1_users.sql", "begin;\nselect 1;\ncommit;\n"), 0);
        assert_eq!(assumed("1_users.sql", "begin;\nbegin;\nselect 1;\ncommit;\n"), 1);
        assert_eq!(assumed("V1__users.sql", "begin;\nselect 1;\ncommit;\n"), 1);
    }

    #[test]
    fn begin_in_the_runners_transaction_does_nothing() {
        for runner in [Runner::PsqlSingle, Runner::Sqlx] {
            Case::new(&RULE).runner(runner).fires(
                "
  start transaction;
--^^^^^^^^^^^^^^^^^ warning: `BEGIN` does nothing here: the runner has opened
create table users (id int);
commit;
",
            );
        }
    }

    #[test]
    fn begin_in_ones_own_transaction_does_nothing() {
        Case::new(&RULE).runner(Runner::Psql).fires(
            "
begin;
  begin;
--^^^^^ warning: `BEGIN` does nothing here: a transaction is open already
commit;
",
        );
    }

    #[test]
    fn runners_that_send_the_file_as_it_is_are_exempt() {
        let sql = "begin;\ncreate table users (id int);\ncommit;\nbegin;\nselect 1;\ncommit;";
        Case::new(&RULE).runner(Runner::Psql).silent(sql);
        Case::new(&RULE).supabase().silent(sql);
        Case::new(&RULE)
            .runner(Runner::Sqlx)
            .silent(&format!("-- no-transaction\n{sql}"));
    }

    #[test]
    fn begin_after_the_runners_transaction_has_ended_is_real() {
        Case::new(&RULE).silent("create table a (b int);\ncommit;\nbegin;\nselect 1;\ncommit;");
    }

    #[test]
    fn the_fix_removes_the_pair() {
        Case::new(&RULE).fixed(
            "begin;\ncreate table users (id int);\n  commit ;\nselect 1;\n",
            "create table users (id int);\nselect 1;\n",
        );
    }
}
