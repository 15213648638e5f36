use crate::lint::prelude::*;
use crate::schema::change::Key;
use crate::schema::objects::{ConstraintKind, Table, TableKind};
use crate::sql::statement::{DropObjects, ObjectKind, ObjectRef};

rule! {
    /// Dropping a table destroys its rows, and locks every table that it references.
    ///
    /// ## When
    /// `DROP TABLE` of a table that other sessions may be using. A table that was made in the same transaction is exempt,
    /// as are temporary and foreign tables, a name that the same file gives to a temporary table, and the first migration
    /// of a whole history. A warning rather than an error: dropping a table is seldom an accident, and a rollback script
    /// may make its structure again, though not its rows.
    ///
    /// ## Why
    /// The rows are gone at commit, and no script brings them back that has no copy of them: `dblsp apply` keeps one first,
    /// other tools do not. PostgreSQL takes an ACCESS EXCLUSIVE lock on the table, on every table that its foreign keys
    /// reference and, for a partition, on the partitioned table: reads and writes of all of them wait until the transaction
    /// ends. Programs that still use the table fail with 42P01 from that moment on. So first deploy what no longer uses it,
    /// and drop it in a later migration.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_shop.sql
    /// create table users (id bigint primary key);
    /// create table orders (id bigint primary key, user_id bigint references users);
    /// -- 2_drop.sql
    /// drop table orders;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_shop.sql
    /// create table users (id bigint primary key);
    /// create table orders (id bigint primary key, user_id bigint references users);
    /// -- 2_keep.sql
    /// comment on table orders is 'unused since release 12; to be dropped';
    /// ```
    ///
    /// ## References
    /// - [DROP TABLE](https://www.postgresql.org/docs/current/sql-droptable.html)
    "drop-table",
    category: Category::DataLoss,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::Drop(drop) = &cx.step().statement.node else {
        return;
    };
    for object in drop.objects.iter().filter(|object| object.kind == ObjectKind::Table) {
        match dropped(cx, object) {
            Some(id) => check_known(cx, report, drop, object, id),
            None if is_unknown(cx, object) && !is_made_temporary(cx, object) => {
                let message = format!("dropping `{}` destroys its rows", object.name);
                report
                    .add(object.name.span(), message)
                    .help("Stop using the table, deploy, and only then drop it; keep a copy of the rows.");
            }
            None => {}
        }
    }
}

fn check_known(cx: &Cx<'_>, report: &mut Report, drop: &DropObjects, object: &ObjectRef, id: &Id) {
    let Some(relation) = cx.relation(id) else { return };
    let Some(table) = relation.table().filter(|table| table.kind != TableKind::Foreign) else {
        return;
    };
    if table.persistence == crate::sql::statement::Persistence::Temporary || cx.is_unseen(relation.meta.created) {
        return;
    }
    let others = also_locked(cx, drop, id, table);
    let waits = if others.is_empty() {
        String::new()
    } else {
        format!(
            "; reads and writes of {} wait under an ACCESS EXCLUSIVE lock",
            others.join(", ")
        )
    };
    let message = format!("dropping `{}` destroys its rows{waits}", shown(id));
    let finding = report.add(object.name.span(), message);
    finding.help(if table.constraints.iter().any(|constraint| is_foreign(constraint)) && !others.is_empty() {
        "Stop using the table, deploy, and only then drop it; keep a copy, and drop its foreign keys one at a time before."
    } else {
        "Stop using the table, deploy, and only then drop it; keep a copy of the rows."
    });
    finding.related(relation.meta.created, "the table was made here");
}

/// The table that this name drops, as the catalog knows it.
fn dropped<'a>(cx: &Cx<'a>, object: &ObjectRef) -> Option<&'a Id> {
    cx.step().changes.iter().find_map(|change| match change {
        Change::Drop(Key::Relation(id)) => {
            let named = id.name == object.name.last().value
                && object.name.qualifier().is_none_or(|schema| schema.value == id.schema);
            named.then_some(id)
        }
        _ => None,
    })
}

/// Whether the history cannot tell if the table is there; what is certainly not there is no loss.
fn is_unknown(cx: &Cx<'_>, object: &ObjectRef) -> bool {
    let same_name = |id: &Id| id.name == object.name.last().value;
    !cx.is_complete() && !cx.before().relations().map(|(id, _)| id).any(same_name)
}

/// Whether the file makes a temporary table of that name: dropping it before, if it exists, is what scripts do that may be
/// run twice in a session.
fn is_made_temporary(cx: &Cx<'_>, object: &ObjectRef) -> bool {
    let name = &object.name.last().value;
    let text = cx.text().to_ascii_lowercase();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        if !matches!(word, "temp" | "temporary") || words.next() != Some("table") {
            continue;
        }
        let mut rest = words.clone();
        let named = rest.next().filter(|word| *word != "if").or_else(|| rest.nth(2));
        let bare = named.and_then(|named| named.split('(').next());
        if bare.is_some_and(|bare| bare.trim_matches('"') == name.as_str()) {
            return true;
        }
    }
    false
}

fn is_foreign(constraint: &crate::schema::objects::Constraint) -> bool {
    matches!(constraint.kind, ConstraintKind::Foreign(_))
}

/// The other tables, still there afterwards and in use, that the drop locks.
fn also_locked(cx: &Cx<'_>, drop: &DropObjects, id: &Id, table: &Table) -> Vec<String> {
    let referenced = table
        .constraints
        .iter()
        .filter_map(|constraint| match &constraint.kind {
            ConstraintKind::Foreign(key) => Some(&key.table),
            _ => None,
        });
    let before = cx.before();
    let referencing = before.tables().filter_map(|(other, _, table)| {
        let points_here = table
            .constraints
            .iter()
            .any(|constraint| matches!(&constraint.kind, ConstraintKind::Foreign(key) if key.table == *id));
        (drop.cascade && points_here).then_some(other)
    });
    let mut all: Vec<&Id> = referenced.chain(&table.partition_of).chain(referencing).collect();
    all.sort();
    all.dedup();
    all.retain(|other| *other != id && cx.after().relations.contains_key(*other));
    let in_use = |other: &&Id| {
        before
            .relations
            .get(*other)
            .is_some_and(|relation| !cx.is_unseen(relation.meta.created))
    };
    all.into_iter()
        .filter(in_use)
        .map(|other| format!("`{}`", shown(other)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn rows_are_lost_and_referenced_tables_wait() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key);
create table orders (id bigint primary key, user_id bigint references users);
create table items (id bigint primary key, order_id bigint references orders);
create table alone (id bigint);
create table parts (id bigint) partition by range (id);
create table part1 partition of parts for values from (1) to (9);
-- 2_second.sql
drop table if exists alone, missing;
--                   ^^^^^ warning: dropping `alone` destroys its rows
drop table items, public.orders;
--         ^^^^^ warning: dropping `items` destroys its rows
--                ^^^^^^^^^^^^^ warning: dropping `orders` destroys its rows; reads and writes of `users` wait under an ACCESS EXCLUSIVE lock
drop table part1;
--         ^^^^^ warning: dropping `part1` destroys its rows; reads and writes of `parts` wait
-- 3_third.sql
create table more (id bigint references users);
-- 4_fourth.sql
drop table users cascade;
--         ^^^^^ warning: dropping `users` destroys its rows; reads and writes of `more` wait
",
        );
    }

    #[test]
    fn a_table_that_nobody_saw_created_is_taken_to_have_rows() {
        Case::new(&RULE).fires(
            "
drop table if exists app.users;
--                   ^^^^^^^^^ warning: dropping `app.users` destroys its rows
",
        );
    }

    #[test]
    fn what_is_dropped_to_be_made_temporary_is_no_loss() {
        Case::new(&RULE).fires(
            "
drop table if exists kept;
create temp table kept as select 1 as id;
do $$ begin
  drop table if exists _keeper;
  create temporary table if not exists _keeper (id bigint);
end $$;
drop table if exists users;
--                   ^^^^^ warning: dropping `users` destroys its rows
create table users (id bigint);
",
        );
    }

    #[test]
    fn new_temporary_foreign_and_missing_tables_are_exempt() {
        Case::new(&RULE).silent(
            "
-- 1_first.sql
create table users (id bigint primary key);
create foreign table elsewhere (id bigint) server s;
-- 2_second.sql
create table posts (id bigint primary key);
drop table posts;
create temp table scratch (a int);
drop table scratch;
drop table if exists missing;
drop foreign table elsewhere;
drop table if exists posts;
",
        );
    }
}
