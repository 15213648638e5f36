use crate::lint::prelude::*;
use crate::settings::Runner;
use crate::sql::statement::ObjectKind;

rule! {
    /// What runs `CONCURRENTLY` fails inside a transaction.
    ///
    /// ## When
    /// `CREATE INDEX`, `DROP INDEX`, `REINDEX` or `DETACH PARTITION` with `CONCURRENTLY` in a transaction: the runner's own
    /// around the file, one that the file opens with `BEGIN`, or a `DO` block. Files that ask for no transaction in their
    /// first comment (`-- migrate:up transaction:false`, `-- +goose NO TRANSACTION`, `-- atlas:txmode none`) or name
    /// (`.autocommit.`) are exempt. `REFRESH MATERIALIZED VIEW CONCURRENTLY` may run in a transaction and is exempt. So are
    /// runners that send every statement by itself, and the Supabase CLI, which takes these statements out of the file's
    /// transaction.
    ///
    /// ## Why
    /// Such a statement commits in between, to see what others have written meanwhile. PostgreSQL refuses it inside of a
    /// transaction with 25001, and the whole migration fails. It belongs into a migration of its own that the runner
    /// applies without a transaction.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, email text);
    /// -- 2_email.sql
    /// create index concurrently users_email_idx on users (email);
    /// ```
    ///
    /// ## Good
    /// ```sql runner=psql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, email text);
    /// -- 2_email.sql
    /// create index concurrently users_email_idx on users (email);
    /// ```
    ///
    /// ## References
    /// - [Building indexes concurrently](https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY)
    "concurrently-in-transaction",
    category: Category::Transaction,
    level: Level::Error,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let statement = &cx.step().statement;
    let what = match &statement.node {
        Node::CreateIndex(create) if create.concurrently => "create index concurrently",
        Node::Drop(drop) if drop.concurrently && drop.objects.iter().all(|object| object.kind == ObjectKind::Index) => {
            "drop index concurrently"
        }
        Node::Reindex { concurrently: true, .. } => "reindex concurrently",
        Node::AlterTable(alter) => {
            let detaches = |kind: &AlterActionKind| matches!(kind, AlterActionKind::DetachPartition { concurrently, .. } if *concurrently);
            if !alter.actions.iter().any(|action| detaches(&action.kind)) {
                return;
            }
            "detach partition concurrently"
        }
        _ => return,
    };
    if cx.is_editable() && !runs_in_one(cx) {
        return;
    }
    let message = if cx.is_editable() {
        format!("`{what}` fails: it cannot run in {}", owner(cx))
    } else {
        format!("`{what}` fails: it cannot run in a function or `DO` block, which is in a transaction")
    };
    report
        .add(super::transaction_forbidden::head(cx), message)
        .help(super::transaction_forbidden::help(cx));
}

/// Whether the statement is in a transaction that PostgreSQL sees as one.
pub(super) fn runs_in_one(cx: &Cx<'_>) -> bool {
    let step = cx.step();
    if !step.transaction.shared {
        return false;
    }
    // A file of one statement, sent as one query, is no transaction block.
    let alone = cx.document().file.statements.len() == 1;
    let is_sent_as_it_is = cx.settings.runner == Runner::Sqlx && cx.text().starts_with("-- no-transaction")
        || cx.migration().path.ends_with("/migration.sql");
    step.transaction.explicit || !(alone && is_sent_as_it_is || asks_for_none(cx))
}

/// How the files of dbmate, goose, Atlas and pop ask for no transaction.
const NO_TRANSACTION: &[&str] = &["transaction:false", "+goose no transaction", "atlas:txmode none"];

fn asks_for_none(cx: &Cx<'_>) -> bool {
    let head = cx
        .text()
        .lines()
        .take_while(|line| line.trim().is_empty() || line.starts_with("--"));
    let mut head = head.map(str::to_ascii_lowercase);
    cx.migration().path.contains(".autocommit.")
        || head.any(|line| NO_TRANSACTION.iter().any(|asks| line.contains(asks)))
}

/// Whose transaction it is.
pub(super) fn owner(cx: &Cx<'_>) -> &'static str {
    if cx.step().transaction.explicit {
        "the transaction that the file opens"
    } else {
        "the transaction around the file"
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    const SQL: &str = "
create index concurrently i on users (a);
drop index concurrently if exists j;
reindex index concurrently k;
alter table parts detach partition p concurrently;
";

    #[test]
    fn a_transaction_forbids_it() {
        for runner in [Runner::PsqlSingle, Runner::Sqlx] {
            Case::new(&RULE).runner(runner).fires(
                "
  create index concurrently i on users (a);
--^^^^^^^^^^^^^^^^^^^^^^^^^ error: `create index concurrently` fails: it cannot run in the transaction around the file
  DROP INDEX CONCURRENTLY j;
--^^^^^^^^^^^^^^^^^^^^^^^ error: `drop index concurrently` fails
  reindex index concurrently k;
--^^^^^^^^^^^^^^^^^^^^^^^^^^ error: `reindex concurrently` fails
  alter table parts detach partition p concurrently;
--^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: `detach partition concurrently` fails
refresh materialized view concurrently v;
create index on users (a);
",
            );
        }
        for runner in [Runner::Psql, Runner::Supabase] {
            Case::new(&RULE).runner(runner).fires(
                "
begin;
  create index concurrently i on users (a);
--^^^^^^^^^^^^^^^^^^^^^^^^^ error: `create index concurrently` fails: it cannot run in the transaction that the file opens
commit;
",
            );
        }
    }

    #[test]
    fn a_do_block_is_in_a_transaction() {
        Case::new(&RULE).runner(Runner::Psql).fires(
            "
do $$ begin
  create index concurrently i on users (a);
--^^^^^^^^^^^^^^^^^^^^^^^^^ error: `create index concurrently` fails: it cannot run in a function or `DO` block
end $$;
",
        );
    }

    #[test]
    fn runners_that_keep_out_of_the_way_are_exempt() {
        Case::new(&RULE).runner(Runner::Psql).silent(SQL);
        Case::new(&RULE)
            .runner(Runner::Supabase)
            .silent(&SQL.replace("alter table parts detach partition p concurrently;", ""));
        for head in [
            "-- migrate:up transaction:false",
            "-- +goose NO TRANSACTION",
            "-- atlas:txmode none",
            "-- 1_i.autocommit.up.sql",
        ] {
            Case::new(&RULE).silent(&format!("{head}\ncreate index concurrently i on users (a);\n"));
        }
        Case::new(&RULE)
            .runner(Runner::Sqlx)
            .silent("-- no-transaction\ncreate index concurrently i on users (a);");
    }
}
