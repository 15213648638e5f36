use crate::lint::context::Busy;
use crate::lint::prelude::*;
use crate::schema::objects::TableKind;
use crate::settings::Runner;
use crate::sql::statement::CreateIndex;

rule! {
    /// Creating an index stops all writes to the table until it is built.
    ///
    /// ## When
    /// `CREATE [UNIQUE] INDEX` without `CONCURRENTLY` on a table that other sessions may be using. `ON ONLY` a partitioned
    /// table is exempt, since nothing is built; so is an index whose name is taken. Silent, too, about a table that the
    /// file has truncated before and nothing has filled since.
    ///
    /// ## Why
    /// PostgreSQL holds a SHARE lock on the table while it reads every row and builds the index: reads go on, and every
    /// INSERT, UPDATE and DELETE waits. Where the transaction has altered the table before, it holds an ACCESS EXCLUSIVE
    /// lock on it already, and then reads wait, too. `CONCURRENTLY` takes longer but lets writes go on. It cannot run
    /// inside a transaction, and leaves an invalid index behind when it fails, which has to be dropped by hand. After a
    /// `DELETE` without `WHERE` in the same transaction it takes as long as before: the dead rows are indexed, too.
    ///
    /// ## Bad
    /// ```sql runner=psql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, email text);
    /// -- 2_email.sql
    /// create index users_email_idx on users (email);
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
    /// ## Fix
    /// Inserts `CONCURRENTLY` where that can run: where statements commit on their own, under the Supabase CLI, which takes
    /// it out of the file's transaction, and in a file of sqlx that holds nothing else, which gets the line `--
    /// no-transaction`. Elsewhere the statement belongs into a migration of its own that runs in no transaction. A
    /// partitioned table's index cannot be built so: create it `ON ONLY` the table, build one concurrently on each
    /// partition, and attach those.
    ///
    /// ## References
    /// - [Building indexes concurrently](https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY)
    "create-index-non-concurrent",
    category: Category::Lock,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::CreateIndex(create) = &cx.step().statement.node else {
        return;
    };
    let Some(busy) = cx.filled_target() else { return };
    let partitioned = busy.table.kind == TableKind::Partitioned;
    if create.concurrently || (create.only && partitioned) || is_there(cx, create, busy) {
        return;
    }
    let table = busy.shown();
    let what = match &create.name {
        Some(name) => format!("`{name}`"),
        None => "an index".to_owned(),
    };
    let place = if partitioned {
        format!("`{table}` and its partitions")
    } else {
        format!("`{table}`")
    };
    let held = cx.work().held.get(busy.id).filter(|(mode, _)| mode.blocks_reads());
    let message = match held {
        Some((mode, _)) => format!(
            "creating {what} stops reads and writes of {place}: they wait until it is built, since the transaction holds \
             {mode} on it"
        ),
        None => format!("creating {what} stops writes to {place}: they wait under a SHARE lock until it is built"),
    };
    // From CREATE to INDEX.
    let keywords = Span {
        start: cx.step().statement.span.start,
        end: create.concurrently_span.start,
    };
    let finding = report.add(keywords, message);
    if let Some((_, origin)) = held {
        finding.related(*origin, "the lock is taken here");
    }
    if partitioned {
        finding.help("Create it `on only` the table, build one concurrently on each partition, and attach those.");
        return;
    }
    finding.help(recipe(cx));
    let edit = insert(create.concurrently_span.start, format!(" {}", cx.cased("concurrently")));
    if let Some(edits) = cx.concurrently(edit) {
        finding.fix(FixKind::Review, "Create it concurrently", edits);
    }
}

/// Whether the statement finds its index there and builds none: with IF NOT EXISTS, or because it fails.
fn is_there(cx: &Cx<'_>, create: &CreateIndex, busy: Busy<'_>) -> bool {
    create.name.as_ref().is_some_and(|name| {
        let id = busy.id.sibling(&name.last().value);
        cx.before()
            .certainty(&id)
            .is_some_and(crate::schema::objects::Certainty::is_certain)
    })
}

fn recipe(cx: &Cx<'_>) -> &'static str {
    if cx.commits_alone() {
        return "Create it `concurrently`.";
    }
    if cx.step().transaction.explicit {
        return "Create it `concurrently`, outside of the transaction that the file opens.";
    }
    match cx.settings.runner {
        Runner::Supabase => {
            "Create it `concurrently`, alone in its migration: the Supabase CLI runs it outside of the file's transaction."
        }
        Runner::Sqlx => "Create it `concurrently`, alone in a migration whose first line is `-- no-transaction`.",
        Runner::Psql | Runner::PsqlSingle => {
            "Create it `concurrently`, alone in a migration that does not run in a transaction."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    #[test]
    fn a_lock_that_is_held_already_keeps_readers_out_too() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, email text);
-- 2_second.sql
alter table users add column name text;
create index on users (email);
-- @ warning: creating an index stops reads and writes of `users`: they wait until it is built, since the transaction holds ACCESS EXCLUSIVE on it
-- 3_third.sql
create index on users (name);
-- @ warning: creating an index stops writes to `users`: they wait under a SHARE lock
",
        );
    }

    #[test]
    fn writes_wait_unless_it_is_concurrent() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, a int, b int);
create index there on users (a);
create table parts (id bigint, a int) partition by range (id);
-- 2_second.sql
  create index users_a on users (a);
--^^^^^^^^^^^^ warning: creating `users_a` stops writes to `users`: they wait under a SHARE lock until it is built
  CREATE UNIQUE INDEX ON users (b);
--^^^^^^^^^^^^^^^^^^^ warning: creating an index stops writes to `users`
  create index on parts (a);
--^^^^^^^^^^^^ warning: creating an index stops writes to `parts` and its partitions
  create index concurrently c on users (a);
  create index if not exists there on users (a);
  create index on only parts (a);
",
        );
    }

    #[test]
    fn new_tables_temporary_ones_and_materialized_views_are_exempt() {
        Case::new(&RULE).silent(
            "
-- 1_first.sql
create table users (id bigint primary key, a int);
create index on users (a);
create materialized view v as select a from users;
-- 2_second.sql
create table posts (id bigint primary key, a int);
create index on posts (a);
create temp table scratch (a int);
create index on scratch (a);
create index on v (a);
",
        );
    }

    #[test]
    fn the_fix_is_offered_where_the_file_can_hold_it() {
        let sql = "create index i on users (a);";
        let fixes = |runner, sql: &str| {
            let case = Case::new(&RULE).runner(runner);
            let found = case.findings(&case.history(sql));
            found.iter().map(|finding| finding.fixes.len()).sum::<usize>()
        };
        assert_eq!(fixes(Runner::PsqlSingle, sql), 0);
        assert_eq!(fixes(Runner::Supabase, sql), 1);
        assert_eq!(fixes(Runner::Psql, "begin;\ncreate index i on users (a);\ncommit;"), 0);
        assert_eq!(fixes(Runner::Sqlx, "create index i on users (a);\nselect 1;"), 0);
        Case::new(&RULE)
            .runner(Runner::Sqlx)
            .fixed(sql, "-- no-transaction\ncreate index concurrently i on users (a);");
    }

    #[test]
    fn the_fix_inserts_concurrently() {
        Case::new(&RULE).runner(Runner::Psql).fixed(
            "CREATE INDEX IF NOT EXISTS i ON users (a);",
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON users (a);",
        );
        Case::new(&RULE).runner(Runner::Psql).fixed(
            "create unique index on users (a);",
            "create unique index concurrently on users (a);",
        );
    }
}
