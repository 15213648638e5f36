use std::collections::BTreeSet;

use crate::lint::prelude::*;
use crate::schema::canonical::describe;
use crate::schema::catalog::Catalog;
use crate::schema::change::Key;
use crate::schema::objects::RelationKind;
use crate::schema::presence;
use crate::sql::statement::ObjectKind;

rule! {
    /// `CASCADE` drops more than the statement names.
    ///
    /// ## When
    /// `DROP …`, `DROP COLUMN` or `DROP CONSTRAINT` with `CASCADE`, where the history knows what goes along: views, foreign
    /// keys, policies, triggers, functions, and the columns of a dropped type. What is there again at the end of the file,
    /// or after the last migration, is not counted, unless rows went with it; nor is what was made in the same transaction.
    /// Dropping a schema is [drop-schema](drop-schema.md)'s business.
    ///
    /// ## Why
    /// PostgreSQL drops all that depends on the object, and what depends on that, and only mentions it in a notice that
    /// nobody reads. Columns go with their values, policies with the protection they gave.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create type mood as enum ('sad', 'ok');
    /// create table users (id bigint primary key, mood mood);
    /// -- 2_drop.sql
    /// drop type mood cascade;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create type mood as enum ('sad', 'ok');
    /// create table users (id bigint primary key, mood mood);
    /// -- 2_drop.sql
    /// alter table users alter column mood type text;
    /// drop type mood;
    /// ```
    ///
    /// ## References
    /// - [Dependency tracking](https://www.postgresql.org/docs/current/ddl-depend.html)
    "drop-cascade",
    category: Category::DataLoss,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let is_cascade = match &cx.step().statement.node {
        Node::Drop(drop) => drop.cascade && drop.objects.iter().all(|object| object.kind != ObjectKind::Schema),
        Node::AlterTable(_) => true,
        _ => false,
    };
    let Some(span) = cascade_span(cx).filter(|_| is_cascade) else {
        return;
    };
    let gone: BTreeSet<Key> = cx
        .step()
        .changes
        .iter()
        .filter_map(|change| match change {
            Change::Drop(key) => Some(key.clone()),
            Change::DropColumn { table, column } => Some(Key::Column(table.clone(), column.clone())),
            _ => None,
        })
        .collect();
    let lost: Vec<&Key> = gone.iter().filter(|key| is_lost(cx, key, &gone)).collect();
    let Some(first) = lost.first() else { return };
    let what: Vec<String> = lost
        .iter()
        .take(4)
        .map(|key| format!("`{}`", words(cx.before(), key)))
        .collect();
    let more = match lost.len().saturating_sub(4) {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    let finding = report.add(span, format!("`cascade` also drops {}{more}", what.join(", ")));
    finding.help("Drop each of them by name before, or keep what is needed, and leave `cascade` out.");
    if let Some(made) = presence::history(cx.before(), first) {
        finding.related(made.created, "made here");
    }
}

/// Whether it was there before, is not named, does not belong to something that goes, and is not made again.
fn is_lost(cx: &Cx<'_>, key: &Key, gone: &BTreeSet<Key>) -> bool {
    let before = cx.before();
    let Some(found) = presence::history(before, key) else {
        return false;
    };
    if cx.is_unseen(found.created) || !before.since(found.certainty, found.changed).is_certain() {
        return false;
    }
    let owner = match key {
        Key::Relation(id) => match before.relations.get(id).map(|relation| &relation.kind) {
            Some(RelationKind::Index(index)) => Some(&index.table),
            Some(RelationKind::Sequence(sequence)) => sequence.owned_by.as_ref().map(|(table, _)| table),
            _ => None,
        },
        Key::Column(table, _)
        | Key::Constraint(table, _)
        | Key::Trigger(table, _)
        | Key::Policy(table, _)
        | Key::Rule(table, _) => Some(table),
        Key::Routine(_) | Key::Type(_) => None,
        // Statistics and the like are of no weight.
        _ => return false,
    };
    // Indexes and sequences of a column go with it in any case.
    let is_part = matches!(key, Key::Relation(id) if before.relations.get(id).is_some_and(|relation| {
        matches!(relation.kind, RelationKind::Index(_) | RelationKind::Sequence(_) | RelationKind::Composite)
    }));
    let along = owner.is_some_and(|owner| gone.contains(&Key::Relation(owner.clone())));
    let holds_rows = matches!(key, Key::Column(..)) || matches!(key, Key::Relation(id) if before.table(id).is_some());
    let after_file = cx.catalog_before(cx.file + 1);
    let again = !holds_rows
        && [after_file, cx.last()]
            .into_iter()
            .any(|then| presence::history(then, key).is_some());
    !is_named(cx, key) && !is_part && !along && !again
}

/// Whether the statement itself names it.
fn is_named(cx: &Cx<'_>, key: &Key) -> bool {
    match &cx.step().statement.node {
        Node::Drop(drop) => drop.objects.iter().any(|object| {
            let name = object.name.last().value.as_str();
            match (key, object.kind) {
                (Key::Policy(_, own), ObjectKind::Policy)
                | (Key::Trigger(_, own), ObjectKind::Trigger)
                | (Key::Rule(_, own), ObjectKind::Rule) => own == name,
                (Key::Relation(id), _) => id.name == name && relation_kind(object.kind),
                (Key::Type(id), ObjectKind::Type | ObjectKind::Domain) => id.name == name,
                (
                    Key::Routine(signature),
                    ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine | ObjectKind::Aggregate,
                ) => signature.id.name == name,
                _ => false,
            }
        }),
        Node::AlterTable(alter) => alter.actions.iter().any(|action| match (&action.kind, key) {
            (AlterActionKind::DropColumn { column, .. }, Key::Column(_, own)) => column.value == *own,
            (AlterActionKind::DropConstraint { name, .. }, Key::Constraint(_, own)) => name.value == *own,
            _ => false,
        }),
        _ => false,
    }
}

fn relation_kind(kind: ObjectKind) -> bool {
    matches!(
        kind,
        ObjectKind::Table
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::ForeignTable
            | ObjectKind::Sequence
            | ObjectKind::Index
            | ObjectKind::Type
    )
}

fn words(catalog: &Catalog, key: &Key) -> String {
    match key {
        Key::Relation(id) => {
            let noun = catalog.relations.get(id).map_or("relation", |relation| relation.noun());
            format!("{noun} {}", shown(id))
        }
        other => describe(other).replace(" public.", " "),
    }
}

/// The `CASCADE` keyword.
fn cascade_span(cx: &Cx<'_>) -> Option<Span> {
    if let Node::Drop(drop) = &cx.step().statement.node {
        return Some(drop.cascade_span);
    }
    let Node::AlterTable(alter) = &cx.step().statement.node else {
        return None;
    };
    let action = alter.actions.iter().find(|action| {
        matches!(
            action.kind,
            AlterActionKind::DropColumn { cascade: true, .. } | AlterActionKind::DropConstraint { cascade: true, .. }
        )
    })?;
    Some(Span {
        start: action.span.end.saturating_sub(7),
        end: action.span.end,
    })
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn what_goes_along_is_listed() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create type mood as enum ('ok');
create table users (id bigint primary key, a int, mood mood);
create index on users (a);
create table orders (id bigint primary key, user_id bigint constraint of_user references users);
create view v as select id from users;
create view w as select id from v;
create function f() returns boolean language sql as 'select true';
create policy p on orders using (f());
create function alone() returns int language sql as 'select 1';
-- 2_second.sql
drop type mood cascade;
--             ^^^^^^^ warning: `cascade` also drops `column users.mood`
drop function alone() cascade;
alter table users drop column a cascade;
drop function f() cascade;
--                ^^^^^^^ warning: `cascade` also drops `policy p on orders`
-- 3_third.sql
alter table users drop constraint users_pkey cascade;
--                                           ^^^^^^^ warning: `cascade` also drops `constraint of_user on orders`
-- 4_fourth.sql
drop table users cascade;
--               ^^^^^^^ warning: `cascade` also drops `view v`, `view w`
",
        );
    }

    #[test]
    fn what_is_made_again_or_new_is_not_lost() {
        Case::new(&RULE).silent(
            "
-- 1_first.sql
create table users (id bigint primary key, a int);
create view v as select id from users;
create view w as select id from v;
-- 2_second.sql
drop view v cascade;
create view v as select id, a from users;
create view w as select id from v;
create table posts (id bigint primary key);
create view x as select id from posts;
drop table posts cascade;
drop table if exists missing cascade;
",
        );
    }
}
