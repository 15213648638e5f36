use crate::lint::prelude::*;
use crate::sql::statement::ObjectKind;

rule! {
    /// Rebuilding an index stops writes to its table, and reads that would use it.
    ///
    /// ## When
    /// `REINDEX { INDEX | TABLE }` without `CONCURRENTLY`, where other sessions may be using the table. `REINDEX` of a
    /// schema or database cannot run in a transaction and is [transaction-forbidden](transaction-forbidden.md)'s business
    /// there. Silent, too, about a table that the file has truncated before and nothing has filled since.
    ///
    /// ## Why
    /// PostgreSQL holds a SHARE lock on the table, so that every write waits, and an ACCESS EXCLUSIVE lock on the index,
    /// for which every query that plans with it waits too. `CONCURRENTLY` builds a new index beside the old one; it cannot
    /// run inside a transaction.
    ///
    /// ## Bad
    /// ```sql runner=psql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_reindex.sql
    /// reindex table users;
    /// ```
    ///
    /// ## Good
    /// ```sql runner=psql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_reindex.sql
    /// reindex table concurrently users;
    /// ```
    ///
    /// ## Fix
    /// Inserts `CONCURRENTLY` where that can run: where statements commit on their own, under the Supabase CLI, which takes
    /// it out of the file's transaction, and in a file of sqlx that holds nothing else, which gets the line `--
    /// no-transaction`. Elsewhere the statement belongs into a migration of its own that runs in no transaction.
    ///
    /// ## References
    /// - [REINDEX](https://www.postgresql.org/docs/current/sql-reindex.html)
    "reindex-non-concurrent",
    category: Category::Lock,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::Reindex {
        kind: ObjectKind::Index | ObjectKind::Table,
        name: Some(name),
        concurrently: false,
    } = &cx.step().statement.node
    else {
        return;
    };
    let Some(busy) = cx
        .cost()
        .builds
        .iter()
        .chain(cx.cost().locks.keys())
        .find_map(|id| cx.busy(id))
        .filter(|busy| !cx.is_truncated(busy.id))
    else {
        return;
    };
    let message = format!(
        "reindexing makes writes to `{}` wait under a SHARE lock, and reads that would use the index",
        busy.shown()
    );
    let finding = report.add(name.span(), message);
    finding.help(format!("Reindex `concurrently`{}.", cx.apart()));
    let edit = insert(name.span().start, format!("{} ", cx.cased("concurrently")));
    if let Some(edits) = cx.concurrently(edit) {
        finding.fix(FixKind::Review, "Reindex concurrently", edits);
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    #[test]
    fn writes_wait_unless_it_is_concurrent() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key);
-- 2_second.sql
reindex table users;
--            ^^^^^ warning: reindexing makes writes to `users` wait under a SHARE lock
reindex index users_pkey;
--            ^^^^^^^^^^ warning: reindexing makes writes to `users` wait
reindex table concurrently users;
create table posts (id int primary key);
reindex table posts;
",
        );
    }

    #[test]
    fn the_fix_inserts_concurrently() {
        let before = "
-- 1_first.sql
create table users (id bigint primary key);
-- 2_second.sql
REINDEX (VERBOSE) TABLE users;
";
        Case::new(&RULE)
            .runner(Runner::Psql)
            .fixed(before, &before.replace("TABLE users;", "TABLE CONCURRENTLY users;"));
    }
}
