use crate::lint::context::with_semicolon;
use crate::lint::prelude::*;
use crate::settings::Runner;
use crate::sql::statement::Transaction;

rule! {
    /// Nothing commits the transaction that the file begins, so PostgreSQL rolls it back.
    ///
    /// ## When
    /// `BEGIN` without a `COMMIT` or `ROLLBACK` behind it, under a runner that sends none itself: `psql -f` and the Supabase
    /// CLI. Other runners end the file with a `COMMIT` of their own.
    ///
    /// ## Why
    /// At the end of the connection the server rolls the open transaction back. Measured with the Supabase CLI: it says
    /// `Finished supabase db push` and exits with 0, while this file, every later one and their rows in the history
    /// table are gone. `COMMIT; BEGIN;`, meant to leave the CLI's transaction for one statement, ends exactly so.
    ///
    /// ## Bad
    /// ```sql supabase
    /// commit;
    /// create index concurrently users_name on users (name);
    /// begin;
    /// alter table users add column age int;
    /// ```
    ///
    /// ## Good
    /// ```sql supabase
    /// create index concurrently users_name on users (name);
    /// alter table users add column age int;
    /// ```
    ///
    /// ## Fix
    /// Adds `commit;` at the end. Often it is better to remove the `BEGIN`.
    ///
    /// ## References
    /// - [COMMIT](https://www.postgresql.org/docs/current/sql-commit.html)
    "uncommitted-transaction",
    category: Category::Transaction,
    level: Level::Error,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Migration(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    if matches!(cx.settings.runner, Runner::PsqlSingle | Runner::Sqlx) {
        return;
    }
    let statements = &cx.document().file.statements;
    let mut open = None;
    for statement in statements {
        match &statement.node {
            Node::Transaction(Transaction::Begin) => open = open.or(Some(statement.span)),
            Node::Transaction(Transaction::Commit | Transaction::Rollback | Transaction::PrepareTransaction) => {
                open = None;
            }
            _ => {}
        }
    }
    let Some((begin, last)) = open.zip(statements.last()) else {
        return;
    };
    let message = if cx.settings.runner == Runner::Supabase {
        "nothing commits this transaction: the Supabase CLI reports success, but this file and all later ones are rolled \
         back and not recorded"
    } else {
        "nothing commits this transaction: it is rolled back at the end of the connection"
    };
    let after = with_semicolon(cx.text(), last.span).end;
    let line = if cx.text()[..after as usize].ends_with(';') {
        "\ncommit;"
    } else {
        ";\ncommit;"
    };
    report
        .add(begin, message)
        .help("End the file with `commit;`, or remove the `BEGIN`.")
        .fix(FixKind::Review, "Add `commit;` at the end", vec![insert(after, line)]);
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    #[test]
    fn an_open_transaction_is_rolled_back() {
        Case::new(&RULE).runner(Runner::Psql).fires(
            "
begin;
select 1;
commit;
  begin;
--^^^^^ error: nothing commits this transaction: it is rolled back
create table users (id int);
",
        );
        Case::new(&RULE).supabase().fires(
            "
commit;
  begin;
--^^^^^ error: nothing commits this transaction: the Supabase CLI reports success
",
        );
    }

    #[test]
    fn runners_that_commit_and_ends_of_any_kind_are_fine() {
        Case::new(&RULE).silent("begin;\nselect 1;");
        Case::new(&RULE).runner(Runner::Sqlx).silent("begin;\nselect 1;");
        Case::new(&RULE)
            .runner(Runner::Psql)
            .silent("begin;\nselect 1;\nend;\nbegin;\nrollback;");
    }

    #[test]
    fn the_fix_commits_at_the_end() {
        let fixed = |before: &str, after: &str| Case::new(&RULE).runner(Runner::Psql).fixed(before, after);
        fixed("begin;\nselect 1;\n-- done\n", "begin;\nselect 1;\ncommit;\n-- done\n");
        fixed("begin;\nselect 1", "begin;\nselect 1;\ncommit;\n");
    }
}
