use crate::lint::prelude::*;
use crate::schema::objects::{ConstraintKind, Relation, TableKind};
use crate::sql::statement::Persistence;

rule! {
    /// Rows of a table without a primary key cannot be told apart.
    ///
    /// ## When
    /// After the last migration, a table has neither a primary key nor a unique constraint over columns that are not null.
    /// Temporary, unlogged and foreign tables are exempt, as are partitions, whose parent decides.
    ///
    /// ## Why
    /// A row that is there twice can be neither updated nor deleted alone. Published for logical replication, the table
    /// refuses every UPDATE and DELETE with 55000; many programs and Supabase's Realtime need a key, too.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_events.sql
    /// create table events (at timestamptz, what text);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_events.sql
    /// create table events (id bigint generated always as identity primary key, at timestamptz, what text);
    /// ```
    ///
    /// ## References
    /// - [Primary keys](https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-CONSTRAINTS-PRIMARY-KEYS)
    /// - [Replica identity](https://www.postgresql.org/docs/current/logical-replication-publication.html#LOGICAL-REPLICATION-PUBLICATION-REPLICA-IDENTITY)
    "table-without-primary-key",
    category: Category::Style,
    level: Level::Hint,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Relation(check),
}

fn check(cx: &Cx<'_>, id: &Id, relation: &Relation, report: &mut Report) {
    let last = cx.last();
    let Some(table) = relation.table() else {
        return;
    };
    let is_kept = table.persistence == Persistence::Permanent && table.kind != TableKind::Foreign;
    let certain = last.since(relation.meta.certainty, relation.meta.changed).is_certain();
    if !is_kept || !certain || table.partition_of.is_some() || !table.columns_known || table.columns.is_empty() {
        return;
    }
    let is_key = |kind: &ConstraintKind, columns: &[smol_str::SmolStr]| match kind {
        ConstraintKind::Primary => true,
        ConstraintKind::Unique => columns
            .iter()
            .all(|name| table.column(name).is_some_and(|column| column.not_null)),
        _ => false,
    };
    let by_constraint = table
        .constraints
        .iter()
        .any(|constraint| is_key(&constraint.kind, &constraint.columns));
    let by_index = last.indexes_of(id).any(|(_, index)| {
        let columns: Option<Vec<_>> = index.keys.iter().map(|key| key.column.clone()).collect();
        let plain = index.unique && index.predicate.is_none();
        plain && columns.is_some_and(|columns| is_key(&ConstraintKind::Unique, &columns))
    });
    let Some(number) = cx
        .judged_file(relation.meta.created)
        .filter(|_| !by_constraint && !by_index)
    else {
        return;
    };
    let Some(Node::CreateTable(create)) = cx.statement_at(number, relation.meta.created).map(|made| &made.node) else {
        return;
    };
    report
        .add(
            create.name.span(),
            format!("rows of `{}` cannot be told apart: it has no primary key", shown(id)),
        )
        .in_migration(number)
        .help("Give it a primary key.");
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn a_table_needs_a_key() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table a (id int, b int);
--           ^ hint: rows of `a` cannot be told apart: it has no primary key
create table b (id int primary key);
create table c (id int not null unique);
create table d (id int unique);
--           ^ hint: rows of `d`
create table e (id int);
create table f (id int not null);
create unique index on f (id);
create unlogged table g (id int);
create temp table h (id int);
create table i (id int);
create table j (id int not null) partition by range (id);
--           ^ hint: rows of `j`
create table j1 partition of j default;
-- 2_second.sql
alter table e add primary key (id);
drop table i;
",
        );
    }
}
