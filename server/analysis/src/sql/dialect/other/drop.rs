//! DROP of everything, DROP OWNED and REASSIGN OWNED.

use super::object;
use super::parts::{role, roles};
use super::role::drop_database;
use crate::sql::cursor::{Cursor, Parsed, Unreadable};
use crate::sql::statement::{DropObjects, Node, ObjectKind};

/// `DROP …`
pub(super) fn drop(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    if cursor.eat_all(&["OWNED", "BY"]) {
        return Ok(Node::DropOwned {
            roles: roles(cursor)?,
            cascade: cursor.cascade().is_some(),
        });
    }
    let kind = object::kind(cursor)?;
    if matches!(
        kind,
        ObjectKind::Column | ObjectKind::Constraint | ObjectKind::LargeObject
    ) {
        return Err(Unreadable);
    }
    if kind == ObjectKind::Database {
        return drop_database(cursor);
    }
    let concurrently = kind == ObjectKind::Index && cursor.eat("CONCURRENTLY");
    let if_exists = cursor.if_exists();
    let objects = cursor.list(|cursor| object::named(cursor, kind))?;
    let cascade = cursor.cascade();
    Ok(Node::Drop(Box::new(DropObjects {
        if_exists,
        concurrently,
        objects,
        cascade: cascade.is_some(),
        cascade_span: cascade.unwrap_or_default(),
    })))
}

/// `REASSIGN OWNED BY role, … TO role`
pub(super) fn reassign(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    cursor.expect_all(&["OWNED", "BY"])?;
    let from = roles(cursor)?;
    cursor.expect("TO")?;
    let to = role(cursor)?;
    Ok(Node::ReassignOwned { from, to })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{node, unreadable};
    use super::*;

    #[test]
    fn drop_lists_its_objects() {
        for (sql, kind, count) in [
            ("DROP INDEX CONCURRENTLY IF EXISTS idx, s.idx2", ObjectKind::Index, 2),
            (
                "DROP FUNCTION IF EXISTS f(int, text), g, h() CASCADE",
                ObjectKind::Function,
                3,
            ),
            ("drop table t, \"U\" restrict", ObjectKind::Table, 2),
            ("DROP AGGREGATE a(*), b(int)", ObjectKind::Aggregate, 2),
            ("drop policy if exists \"p q\" on s.t", ObjectKind::Policy, 1),
            ("DROP TRIGGER IF EXISTS trg ON t CASCADE", ObjectKind::Trigger, 1),
            ("drop rule r on t", ObjectKind::Rule, 1),
            ("drop cast if exists (text as int)", ObjectKind::Cast, 1),
            ("drop operator @@ (int, int), ~ (none, bit)", ObjectKind::Operator, 2),
            (
                "drop operator class if exists c using gin",
                ObjectKind::OperatorClass,
                1,
            ),
            (
                "drop operator family f using gin cascade",
                ObjectKind::OperatorFamily,
                1,
            ),
            (
                "drop user mapping if exists for current_user server s",
                ObjectKind::UserMapping,
                1,
            ),
            ("drop text search dictionary d, e", ObjectKind::TextSearchDictionary, 2),
            ("drop user a, b", ObjectKind::Role, 2),
            ("drop foreign data wrapper w cascade", ObjectKind::ForeignDataWrapper, 1),
            ("drop server if exists s", ObjectKind::ForeignServer, 1),
            ("drop transform if exists for t language l", ObjectKind::Transform, 1),
            ("drop event trigger e", ObjectKind::EventTrigger, 1),
        ] {
            let Node::Drop(drop) = node(sql) else {
                panic!("{sql}");
            };
            assert_eq!((drop.objects[0].kind, drop.objects.len()), (kind, count), "{sql}");
            assert_eq!(
                drop.cascade_span.slice(sql).eq_ignore_ascii_case("cascade"),
                drop.cascade,
                "{sql}"
            );
            assert_eq!(drop.concurrently, sql.contains("CONCURRENTLY"), "{sql}");
            assert_eq!(drop.if_exists, sql.to_lowercase().contains("if exists"), "{sql}");
        }
        unreadable("drop table t drop table u");
        unreadable("drop column c");
    }

    #[test]
    fn what_a_role_owns_is_dropped_or_reassigned() {
        assert!(
            matches!(node("DROP OWNED BY a, current_user CASCADE"), Node::DropOwned { cascade: true, roles } if roles.len() == 2)
        );
        assert!(
            matches!(node("REASSIGN OWNED BY a, b TO session_user"), Node::ReassignOwned { from, .. } if from.len() == 2)
        );
    }
}
