use crate::lint::prelude::*;
use crate::settings::Runner;

rule! {
    /// Detaching a partition locks the whole partitioned table against reads and writes.
    ///
    /// ## When
    /// `ALTER TABLE … DETACH PARTITION` without `CONCURRENTLY`, of a table that other sessions may be using.
    ///
    /// ## Why
    /// PostgreSQL takes an ACCESS EXCLUSIVE lock on the partitioned table: the statement waits for every query that runs
    /// on it, and all later ones queue behind. `CONCURRENTLY` lets them go on. It cannot run inside a transaction, nor
    /// where there is a default partition.
    ///
    /// ## Bad
    /// ```sql runner=psql
    /// -- 1_events.sql
    /// create table events (at date not null) partition by range (at);
    /// create table events_2020 partition of events for values from ('2020-01-01') to ('2021-01-01');
    /// -- 2_old.sql
    /// alter table events detach partition events_2020;
    /// ```
    ///
    /// ## Good
    /// ```sql runner=psql
    /// -- 1_events.sql
    /// create table events (at date not null) partition by range (at);
    /// create table events_2020 partition of events for values from ('2020-01-01') to ('2021-01-01');
    /// -- 2_old.sql
    /// alter table events detach partition events_2020 concurrently;
    /// ```
    ///
    /// ## Fix
    /// Appends `CONCURRENTLY` where that can run: where statements commit on their own, and in a file of sqlx that holds
    /// nothing else, which gets the line `-- no-transaction`. Elsewhere the statement belongs into a migration of its own
    /// that runs in no transaction.
    ///
    /// ## References
    /// - [ALTER TABLE, DETACH PARTITION](https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DETACH-PARTITION)
    "partition-detach-blocking",
    category: Category::Lock,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Some((alter, busy)) = cx.busy_alter() else { return };
    for action in &alter.actions {
        let AlterActionKind::DetachPartition {
            partition,
            concurrently: false,
            finalize: false,
        } = &action.kind
        else {
            continue;
        };
        let message = format!(
            "detaching `{partition}` makes reads and writes of `{}` wait under an ACCESS EXCLUSIVE lock",
            busy.shown()
        );
        let is_default = |id: &Id| cx.before().table(id).is_some_and(|table| table.default_partition);
        let has_default = cx.before().children(busy.id).any(is_default);
        let finding = report.add(action.span, message);
        if has_default {
            finding.help("Set a lock_timeout: with a default partition it cannot be detached concurrently.");
            continue;
        }
        finding.help(format!("Detach it `concurrently`{}.", cx.apart()));
        let edit = insert(action.span.end, format!(" {}", cx.cased("concurrently")));
        // Unlike others, the Supabase CLI does not take this statement out of the file's transaction.
        let is_alone = cx.commits_alone() || cx.settings.runner == Runner::Sqlx;
        if let Some(edits) = cx.concurrently(edit).filter(|_| is_alone) {
            finding.fix(FixKind::Review, "Detach it concurrently", edits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    #[test]
    fn the_parent_is_locked() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table a (at int not null) partition by range (at);
create table a1 partition of a for values from (0) to (10);
create table a2 partition of a for values from (10) to (20);
-- 2_second.sql
alter table a detach partition a1;
--            ^^^^^^^^^^^^^^^^^^^ warning: detaching `a1` makes reads and writes of `a` wait under an ACCESS EXCLUSIVE lock
alter table a detach partition a2 concurrently;
create table b (at int not null) partition by range (at);
create table b1 partition of b for values from (0) to (10);
alter table b detach partition b1;
",
        );
    }

    #[test]
    fn a_default_partition_forbids_concurrently() {
        let case = Case::new(&RULE);
        let history = case.history(
            "
-- 1_first.sql
create table a (at int not null) partition by range (at);
create table a1 partition of a for values from (0) to (10);
create table rest partition of a default;
-- 2_second.sql
alter table a detach partition a1;
",
        );
        let found = case.findings(&history);
        assert!(found.len() == 1 && found[0].fixes.is_empty(), "{found:?}");
    }

    #[test]
    fn the_fix_is_offered_where_it_can_run() {
        let before = "
-- 1_first.sql
create table a (at int not null) partition by range (at);
create table a1 partition of a for values from (0) to (10);
-- 2_second.sql
ALTER TABLE a DETACH PARTITION a1;
";
        let after = before.replace("PARTITION a1;", "PARTITION a1 CONCURRENTLY;");
        Case::new(&RULE).runner(Runner::Psql).fixed(before, &after);
        for runner in [Runner::PsqlSingle, Runner::Supabase] {
            let case = Case::new(&RULE).runner(runner);
            let found = case.findings(&case.history(before));
            assert!(found.len() == 1 && found[0].fixes.is_empty(), "{found:?}");
        }
    }
}
