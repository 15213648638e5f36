use crate::lint::prelude::*;
use crate::schema::objects::TableKind;

rule! {
    /// An index of a partitioned table cannot be built concurrently.
    ///
    /// ## When
    /// `CREATE INDEX CONCURRENTLY` on a partitioned table, as the history knows it.
    ///
    /// ## Why
    /// PostgreSQL refuses it with 0A000. What does the same: create the index `ON ONLY` the table, which builds nothing,
    /// build one concurrently on each partition, and attach those.
    ///
    /// ## Bad
    /// ```sql runner=psql
    /// -- 1_events.sql
    /// create table events (at date not null) partition by range (at);
    /// -- 2_index.sql
    /// create index concurrently events_at_idx on events (at);
    /// ```
    ///
    /// ## Good
    /// ```sql runner=psql
    /// -- 1_events.sql
    /// create table events (at date not null) partition by range (at);
    /// create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');
    /// -- 2_index.sql
    /// create index events_at_idx on only events (at);
    /// create index concurrently events_2025_at_idx on events_2025 (at);
    /// alter index events_at_idx attach partition events_2025_at_idx;
    /// ```
    ///
    /// ## References
    /// - [CREATE INDEX](https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY)
    "concurrently-partitioned",
    category: Category::Lock,
    level: Level::Error,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::CreateIndex(create) = &cx.step().statement.node else {
        return;
    };
    let Some((id, relation)) = cx.target().filter(|_| create.concurrently) else {
        return;
    };
    if relation
        .table()
        .is_none_or(|table| table.kind != TableKind::Partitioned)
    {
        return;
    }
    let certain = cx
        .before()
        .since(relation.meta.certainty, relation.meta.changed)
        .is_certain();
    report
        .add(
            create.concurrently_span,
            format!("the index cannot be built concurrently: `{}` is partitioned", shown(id)),
        )
        .help("Create it `on only` the table, build one concurrently on each partition, and attach those.")
        .unless_certain(certain);
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    #[test]
    fn a_partitioned_table_has_no_index_of_its_own() {
        Case::new(&RULE).runner(Runner::Psql).fires(
            "
-- 1_first.sql
create table a (at int) partition by range (at);
create table a1 partition of a for values from (0) to (10);
-- 2_second.sql
create index concurrently i on a (at);
--           ^^^^^^^^^^^^ error: the index cannot be built concurrently: `a` is partitioned
create index concurrently j on a1 (at);
create index k on only a (at);
",
        );
    }
}
