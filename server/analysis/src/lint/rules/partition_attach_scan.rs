use crate::lint::prelude::*;
use crate::schema::objects::TableKind;
use crate::sql::statement::PartitionBound;

rule! {
    /// Attaching a partition reads all its rows, and those of the default partition.
    ///
    /// ## When
    /// `ALTER TABLE … ATTACH PARTITION` of a table that other sessions may be using and that has no CHECK constraint, or to
    /// a table with a default partition. A table of the same transaction is exempt, unless there is a default partition; so
    /// is one with a CHECK: whether that implies the bounds, so that nothing is read, is not worked out. Attaching the
    /// default partition itself reads it too. Silent, too, about a table that the file has truncated before and nothing has
    /// filled since.
    ///
    /// ## Why
    /// PostgreSQL makes sure that every row fits the bounds, under an ACCESS EXCLUSIVE lock on the new partition, and that
    /// no row of the default partition belongs into it, under one on that. A validated CHECK that says the same spares the
    /// scan; for the default partition it has to exclude the new bounds.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_events.sql
    /// create table events (at date not null) partition by range (at);
    /// create table events_2024 (at date not null);
    /// -- 2_attach.sql
    /// alter table events attach partition events_2024 for values from ('2024-01-01') to ('2025-01-01');
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_events.sql
    /// create table events (at date not null) partition by range (at);
    /// create table events_2024 (at date not null);
    /// -- 2_check.sql
    /// alter table events_2024 add constraint bounds check (at >= '2024-01-01' and at < '2025-01-01') not valid;
    /// -- 3_check.sql
    /// alter table events_2024 validate constraint bounds;
    /// -- 4_attach.sql
    /// alter table events attach partition events_2024 for values from ('2024-01-01') to ('2025-01-01');
    /// ```
    ///
    /// ## References
    /// - [ALTER TABLE, ATTACH PARTITION](https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-ATTACH-PARTITION)
    "partition-attach-scan",
    category: Category::ConstraintValidation,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::AlterTable(alter) = &cx.step().statement.node else {
        return;
    };
    for action in &alter.actions {
        let AlterActionKind::AttachPartition { partition, bound } = &action.kind else {
            continue;
        };
        let read = cx.cost().scans.iter().filter(|id| !cx.is_truncated(id));
        let read = read.filter_map(|id| cx.busy(id));
        let read: Vec<_> = read.filter(|busy| busy.table.kind == TableKind::Ordinary).collect();
        let Some(first) = read.first() else { continue };
        let names: Vec<String> = read.iter().map(|busy| format!("`{}`", busy.shown())).collect();
        let message = format!(
            "attaching `{partition}` reads every row of {}: reads and writes wait under an ACCESS EXCLUSIVE lock",
            names.join(" and ")
        );
        let is_own = first.id.name == partition.last().value;
        report.add(action.span, message).help(match bound {
            PartitionBound::Default => "Attach it while it is empty.",
            PartitionBound::Values(_) if is_own => {
                "Give it a CHECK that says the same as the bounds, `not valid` first, and validate that before."
            }
            PartitionBound::Values(_) => {
                "Give the default partition a CHECK that excludes the bounds, `not valid` first, and validate that before."
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn rows_are_checked_against_the_bounds() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table a (at int not null) partition by range (at);
create table a1 (at int not null);
create table a2 (at int not null check (at >= 10 and at < 20));
create table b (at int not null) partition by range (at);
create table b_rest partition of b default;
-- 2_second.sql
alter table a attach partition a1 for values from (0) to (10);
--            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: attaching `a1` reads every row of `a1`: reads and writes wait
alter table a attach partition a2 for values from (10) to (20);
create table a3 (at int not null);
alter table a attach partition a3 for values from (20) to (30);
create table b1 (at int not null);
alter table b attach partition b1 for values from (0) to (10);
--            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: attaching `b1` reads every row of `b_rest`
",
        );
    }
}
