//! ALTER: the actions that every kind of object shares, and the kinds that have no richer statement.

use sqlparser::tokenizer::Token as SqlToken;

use super::parts::{Follows, clauses, parameters, role};
use super::{extension, function, grant, kinds, object, publication, session};
use crate::sql::cursor::{Cursor, Parsed, Unreadable};
use crate::sql::statement::{AlterObject, Node, ObjectKind};

/// `ALTER …`
pub(super) fn alter(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    if cursor.eat_all(&["DEFAULT", "PRIVILEGES"]) {
        return grant::default_privileges(cursor);
    }
    if cursor.eat("SYSTEM") {
        return session::alter_system(cursor);
    }
    if cursor.eat("DATABASE") {
        return super::role::alter_database(cursor);
    }
    if cursor.eat("DOMAIN") {
        return kinds::alter_domain(cursor);
    }
    if cursor.eat("EXTENSION") {
        return extension::alter(cursor);
    }
    if cursor.eat("PUBLICATION") {
        return publication::alter(cursor);
    }
    if cursor.eat("TYPE") {
        return kinds::alter_type(cursor);
    }
    if cursor.at_any(&["AGGREGATE", "FUNCTION", "PROCEDURE", "ROUTINE"]) {
        return function::alter(cursor);
    }
    if cursor.at_any(&["GROUP", "ROLE", "USER"]) && !cursor.at_words(&["USER", "MAPPING"]) {
        return super::role::alter(cursor);
    }
    alter_other(cursor)
}

fn alter_other(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let kind = object::kind(cursor)?;
    let if_exists = cursor.if_exists();
    let object = object::named(cursor, kind)?;
    let mut ahead = *cursor;
    let action = if let Ok(action) = common_action(&mut ahead) {
        *cursor = ahead;
        action
    } else {
        particular_action(cursor, kind)?;
        AlterObject::Other
    };
    Ok(Node::AlterObject {
        object,
        if_exists,
        action,
    })
}

/// RENAME, OWNER TO, SET SCHEMA, … : what most kinds of object share.
pub(super) fn common_action(cursor: &mut Cursor<'_>) -> Parsed<AlterObject> {
    if cursor.eat_all(&["RENAME", "TO"]) {
        return Ok(AlterObject::Rename(cursor.ident()?));
    }
    if cursor.eat_all(&["RENAME", "ATTRIBUTE"]) || cursor.eat_all(&["RENAME", "COLUMN"]) {
        let from = cursor.ident()?;
        cursor.expect("TO")?;
        let to = cursor.ident()?;
        return Ok(AlterObject::RenameColumn { from, to });
    }
    if cursor.eat_all(&["OWNER", "TO"]) {
        return Ok(AlterObject::Owner(role(cursor)?));
    }
    if cursor.eat_all(&["SET", "SCHEMA"]) {
        return Ok(AlterObject::SetSchema(cursor.ident()?));
    }
    let no = cursor.eat_all(&["NO", "DEPENDS"]);
    if no || cursor.eat("DEPENDS") {
        cursor.expect_all(&["ON", "EXTENSION"])?;
        let extension = cursor.ident()?;
        return Ok(AlterObject::DependsOnExtension { extension, no });
    }
    options_action(cursor)
}

/// `SET (name = value, …)`, `RESET (name, …)`
fn options_action(cursor: &mut Cursor<'_>) -> Parsed<AlterObject> {
    let is_list = cursor.peek_nth(1).is_some_and(|token| token.token == SqlToken::LParen);
    if is_list && cursor.eat("SET") {
        return Ok(AlterObject::SetOptions(parameters(cursor)?));
    }
    if is_list && cursor.eat("RESET") {
        return Ok(AlterObject::ResetOptions(cursor.paren_list(Cursor::ident)?));
    }
    Err(Unreadable)
}

/// What only this kind of object knows, and no catalog of dblsp does.
fn particular_action(cursor: &mut Cursor<'_>, kind: ObjectKind) -> Parsed<()> {
    if cursor.at_end() {
        return Err(Unreadable);
    }
    match kind {
        ObjectKind::Collation => cursor.expect_all(&["REFRESH", "VERSION"]),
        ObjectKind::ForeignServer | ObjectKind::ForeignDataWrapper | ObjectKind::UserMapping => clauses(
            cursor,
            &[
                (&["VERSION"], Follows::Value),
                (&["NO", "HANDLER"], Follows::Nothing),
                (&["HANDLER"], Follows::Name),
                (&["NO", "VALIDATOR"], Follows::Nothing),
                (&["VALIDATOR"], Follows::Name),
                (&["OPTIONS"], Follows::Parens),
            ],
        ),
        ObjectKind::OperatorFamily => {
            cursor.eat_any(&["ADD", "DROP"]).ok_or(Unreadable)?;
            operator_class_items(cursor)
        }
        ObjectKind::TextSearchDictionary => cursor.parens().map(drop),
        ObjectKind::TextSearchConfiguration => mapping(cursor),
        ObjectKind::Subscription => subscription(cursor),
        ObjectKind::Statistics => {
            cursor.expect_all(&["SET", "STATISTICS"])?;
            if cursor.eat("DEFAULT") {
                Ok(())
            } else {
                cursor.number().map(drop)
            }
        }
        _ => Err(Unreadable),
    }
}

/// `OPERATOR n op …, FUNCTION n f(…), STORAGE type, …`
pub(super) fn operator_class_items(cursor: &mut Cursor<'_>) -> Parsed<()> {
    cursor.list(|cursor| {
        cursor
            .eat_any(&["OPERATOR", "FUNCTION", "PROCEDURE", "STORAGE"])
            .ok_or(Unreadable)?;
        cursor.until(&["CREATE", "ALTER", "DROP"]);
        Ok(())
    })?;
    Ok(())
}

/// `ADD|ALTER|DROP MAPPING …` of a text search configuration
fn mapping(cursor: &mut Cursor<'_>) -> Parsed<()> {
    if cursor.eat_all(&["DROP", "MAPPING"]) {
        cursor.if_exists();
        cursor.expect("FOR")?;
        return cursor.idents().map(drop);
    }
    cursor.eat_any(&["ADD", "ALTER"]).ok_or(Unreadable)?;
    cursor.expect("MAPPING")?;
    if cursor.eat("FOR") {
        cursor.idents()?;
    }
    if cursor.eat("REPLACE") {
        cursor.name()?;
    }
    cursor.expect("WITH")?;
    cursor.names().map(drop)
}

fn subscription(cursor: &mut Cursor<'_>) -> Parsed<()> {
    if cursor.eat("CONNECTION") {
        return cursor.string().map(drop);
    }
    if cursor.eat_any(&["ENABLE", "DISABLE"]).is_some() {
        return Ok(());
    }
    if cursor.eat("SKIP") {
        return cursor.parens().map(drop);
    }
    let refreshes = cursor.eat("REFRESH");
    if !refreshes {
        cursor.eat_any(&["SET", "ADD", "DROP"]).ok_or(Unreadable)?;
    }
    cursor.expect("PUBLICATION")?;
    if !refreshes {
        cursor.idents()?;
    }
    super::parts::with_parameters(cursor).map(drop)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{node, unreadable};
    use super::*;

    #[test]
    fn every_kind_takes_its_actions() {
        for (sql, kind) in [
            ("ALTER SCHEMA s RENAME TO s2", ObjectKind::Schema),
            ("alter collation c refresh version", ObjectKind::Collation),
            ("alter collation s.c owner to bob", ObjectKind::Collation),
            ("alter conversion c set schema s", ObjectKind::Conversion),
            ("alter procedural language l rename to m", ObjectKind::Language),
            ("alter large object 5 owner to bob", ObjectKind::LargeObject),
            ("alter operator s.@ (none, int) owner to bob", ObjectKind::Operator),
            (
                "alter operator === (a, b) set (restrict = none, join = f)",
                ObjectKind::Operator,
            ),
            (
                "alter operator class c using btree rename to d",
                ObjectKind::OperatorClass,
            ),
            (
                "alter operator family f using btree add operator 1 < (a, b), function 1 (a, b) g(a, b)",
                ObjectKind::OperatorFamily,
            ),
            (
                "alter operator family f using btree set schema s",
                ObjectKind::OperatorFamily,
            ),
            (
                "alter server s version '2' options (set host 'x', drop port)",
                ObjectKind::ForeignServer,
            ),
            (
                "alter foreign data wrapper w no handler validator v",
                ObjectKind::ForeignDataWrapper,
            ),
            (
                "alter user mapping for user server s options (set password 'x')",
                ObjectKind::UserMapping,
            ),
            (
                "alter tablespace t set (random_page_cost = 1.1)",
                ObjectKind::Tablespace,
            ),
            (
                "alter text search configuration c alter mapping for hword, word with unaccent, simple",
                ObjectKind::TextSearchConfiguration,
            ),
            (
                "alter text search configuration c alter mapping replace a with b",
                ObjectKind::TextSearchConfiguration,
            ),
            (
                "alter text search configuration c drop mapping if exists for hword",
                ObjectKind::TextSearchConfiguration,
            ),
            (
                "alter text search dictionary d (stopwords = x, language)",
                ObjectKind::TextSearchDictionary,
            ),
            (
                "alter subscription s refresh publication with (copy_data = false)",
                ObjectKind::Subscription,
            ),
            ("alter subscription s set publication a, b", ObjectKind::Subscription),
            ("alter subscription s disable", ObjectKind::Subscription),
            ("alter subscription s set (slot_name = none)", ObjectKind::Subscription),
        ] {
            assert!(
                matches!(node(sql), Node::AlterObject { object, .. } if object.kind == kind),
                "{sql}"
            );
        }
        unreadable("alter schema s");
        unreadable("alter schema s set unlogged");
        unreadable("alter collation c rename to d alter table t add a int");
    }

    #[test]
    fn alter_system_is_known() {
        assert_eq!(node("ALTER SYSTEM SET wal_level = 'logical'"), Node::AlterSystem);
        assert_eq!(node("alter system reset all"), Node::AlterSystem);
    }
}
