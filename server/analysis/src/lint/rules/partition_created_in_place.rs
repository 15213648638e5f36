use crate::lint::prelude::*;
use crate::sql::statement::PartitionBound;

rule! {
    /// Creating a partition in place locks the whole partitioned table against reads and writes.
    ///
    /// ## When
    /// `CREATE TABLE … PARTITION OF` a table that other sessions may be using. Where that has a default partition, which is
    /// read as a whole, it is a warning, else an info.
    ///
    /// ## Why
    /// PostgreSQL takes an ACCESS EXCLUSIVE lock on the partitioned table: the statement waits for every query that runs
    /// on it, and all later ones queue behind. With a default partition it also looks there for rows that belong into the
    /// new one. A table that is created by itself and attached then needs a SHARE UPDATE EXCLUSIVE lock only, beside which
    /// reads and writes go on.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_events.sql
    /// create table events (at date not null) partition by range (at);
    /// -- 2_next.sql
    /// create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_events.sql
    /// create table events (at date not null) partition by range (at);
    /// -- 2_next.sql
    /// create table events_2025 (like events including all);
    /// alter table events attach partition events_2025 for values from ('2025-01-01') to ('2026-01-01');
    /// ```
    ///
    /// ## References
    /// - [Partition maintenance](https://www.postgresql.org/docs/current/ddl-partitioning.html#DDL-PARTITIONING-DECLARATIVE-MAINTENANCE)
    "partition-created-in-place",
    category: Category::Lock,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::CreateTable(create) = &cx.step().statement.node else {
        return;
    };
    let Some((parent, bound)) = &create.partition_of else {
        return;
    };
    let locked = cx.cost().locks.iter().filter(|(_, mode)| mode.blocks_reads());
    let busy: Vec<_> = locked.filter_map(|(id, _)| cx.busy(id)).collect();
    let Some(whole) = busy.iter().find(|busy| busy.id.name == parent.last().value) else {
        return;
    };
    let rest = cx.cost().scans.iter().find_map(|id| cx.busy(id));
    let message = match &rest {
        Some(rest) => format!(
            "creating the partition reads every row of `{}`: reads and writes of `{}` wait under an ACCESS EXCLUSIVE lock",
            rest.shown(),
            whole.shown()
        ),
        None => format!(
            "creating the partition makes reads and writes of `{}` wait under an ACCESS EXCLUSIVE lock",
            whole.shown()
        ),
    };
    let finding = report.add(create.name.span(), message);
    finding.help("Create it with `like … including all`, and attach it then.");
    if rest.is_none() || matches!(bound, PartitionBound::Default) {
        finding.level(Level::Info);
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn the_parent_is_locked() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table a (at int not null) partition by range (at);
create table b (at int not null) partition by range (at);
create table b_rest partition of b default;
-- 2_second.sql
create table a1 partition of a for values from (0) to (10);
--           ^^ info: creating the partition makes reads and writes of `a` wait under an ACCESS EXCLUSIVE lock
create table b1 partition of b for values from (0) to (10);
--           ^^ warning: creating the partition reads every row of `b_rest`: reads and writes of `b` wait
create table c (at int not null) partition by range (at);
create table c1 partition of c for values from (0) to (10);
",
        );
    }
}
