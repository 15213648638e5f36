use super::concurrently_in_transaction::{owner, runs_in_one};
use crate::lint::prelude::*;
use crate::settings::Runner;
use crate::sql::statement::{ObjectKind, PassedOver};

rule! {
    /// PostgreSQL refuses this statement inside a transaction.
    ///
    /// ## When
    /// `VACUUM`, `CREATE` or `DROP DATABASE`, `CREATE TABLESPACE`, `ALTER SYSTEM`, `CLUSTER` of all tables, `REINDEX` of a
    /// schema, database or the system catalogs, `CREATE SUBSCRIPTION` that connects, or `DISCARD ALL`, in a transaction:
    /// the runner's own around the file, or one that the file opens with `BEGIN`. Runners that send every statement by
    /// itself are exempt, and so is the Supabase CLI for those that it takes out of the file's transaction (`VACUUM`,
    /// `ALTER SYSTEM`, `CLUSTER`). `CREATE SUBSCRIPTION … WITH (connect = false)` may run anywhere. What runs
    /// `CONCURRENTLY` is [concurrently-in-transaction](concurrently-in-transaction.md)'s business.
    ///
    /// ## Why
    /// What these statements do cannot be rolled back, or commits in between. PostgreSQL refuses them with 25001,
    /// `cannot run inside a transaction block`, and the whole migration fails.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_tidy.sql
    /// vacuum users;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_tidy.sql
    /// analyze users;
    /// ```
    ///
    /// ## References
    /// - [VACUUM](https://www.postgresql.org/docs/current/sql-vacuum.html)
    "transaction-forbidden",
    category: Category::Transaction,
    level: Level::Error,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Some(what) = forbidden(cx) else { return };
    if !cx.is_editable() || !runs_in_one(cx) {
        return;
    }
    report
        .add(head(cx), format!("`{what}` fails: it cannot run in {}", owner(cx)))
        .help(help(cx));
}

fn forbidden(cx: &Cx<'_>) -> Option<&'static str> {
    Some(match &cx.step().statement.node {
        Node::Vacuum { .. } => "vacuum",
        Node::CreateDatabase { .. } => "create database",
        Node::DropDatabase { .. } => "drop database",
        Node::CreateTablespace { .. } => "create tablespace",
        Node::AlterSystem => "alter system",
        Node::Cluster { table: None, .. } => "cluster",
        Node::Reindex {
            kind: ObjectKind::Schema | ObjectKind::Database | ObjectKind::System,
            concurrently: false,
            ..
        } => "reindex",
        Node::CreateSubscription { connects: true, .. } => "create subscription",
        Node::Passed(PassedOver::Discard) => {
            let all = cx.source(cx.step().statement.span).split_whitespace().last()?;
            all.eq_ignore_ascii_case("all").then_some("discard all")?
        }
        _ => return None,
    })
}

/// The statement's words up to the first name, or all of a short one: where to point at.
pub(super) fn head(cx: &Cx<'_>) -> Span {
    let statement = cx.step().statement;
    let end = match &statement.node {
        Node::CreateIndex(create) if create.concurrently => create.concurrently_span.end,
        Node::Drop(drop) => {
            let first = drop
                .objects
                .first()
                .map_or(statement.span.end, |object| object.span.start);
            let head = Span {
                end: first,
                ..statement.span
            };
            let words = cx.source(head).to_ascii_lowercase();
            let keyword = words
                .find("concurrently")
                .map_or(words.trim_end().len(), |at| at + "concurrently".len());
            statement.span.start + u32::try_from(keyword).unwrap_or(0)
        }
        Node::Reindex { .. } => {
            let words = cx.source(statement.span).to_ascii_lowercase();
            match words.find("concurrently") {
                Some(at) => statement.span.start + u32::try_from(at + "concurrently".len()).unwrap_or(0),
                None => statement.span.end,
            }
        }
        _ => statement.span.end,
    };
    Span {
        start: statement.span.start,
        end,
    }
}

/// Where such a statement has to go.
pub(super) fn help(cx: &Cx<'_>) -> &'static str {
    if !cx.is_editable() {
        return "Write it as a statement of its own, in a migration that does not run in a transaction.";
    }
    if cx.step().transaction.explicit {
        return "Move it out of the transaction that the file opens.";
    }
    match cx.settings.runner {
        Runner::Sqlx => "Move it to a migration of its own whose first line is `-- no-transaction`.",
        _ => "Move it to a migration of its own that the runner does not put into a transaction.",
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    #[test]
    fn a_transaction_forbids_it() {
        Case::new(&RULE).fires(
            "
  vacuum full users;
--^^^^^^^^^^^^^^^^^ error: `vacuum` fails: it cannot run in the transaction around the file
  create database other;
--^^^^^^^^^^^^^^^^^^^^^ error: `create database` fails
  alter system set work_mem = '1MB';
--^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: `alter system` fails
  reindex schema public;
--^^^^^^^^^^^^^^^^^^^^^ error: `reindex` fails
  cluster;
--^^^^^^^ error: `cluster` fails
  discard all;
--^^^^^^^^^^^ error: `discard all` fails
  create subscription s connection 'host=x' publication p;
--^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: `create subscription` fails
create subscription t connection 'host=x' publication p with (connect = false);
reindex table users;
cluster users using users_pkey;
discard plans;
analyze users;
",
        );
    }

    #[test]
    fn runners_that_keep_out_of_the_way_are_exempt() {
        Case::new(&RULE)
            .runner(Runner::Psql)
            .silent("vacuum users; drop database other;");
        Case::new(&RULE)
            .runner(Runner::Supabase)
            .silent("create table t (); vacuum t;");
        Case::new(&RULE).runner(Runner::Supabase).fires(
            "
create table t ();
  create database other;
--^^^^^^^^^^^^^^^^^^^^^ error: `create database` fails
",
        );
    }
}
