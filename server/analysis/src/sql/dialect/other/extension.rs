//! Extensions.

use super::object;
use super::parts::value;
use crate::sql::cursor::{Cursor, Parsed, Unreadable};
use crate::sql::statement::{AlterExtension, Node};

/// `CREATE EXTENSION [IF NOT EXISTS] name [WITH] [SCHEMA s] [VERSION v] [CASCADE]`, after `EXTENSION`
pub(super) fn create(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let if_not_exists = cursor.if_not_exists();
    let name = cursor.ident()?;
    let (mut schema, mut version, mut cascade) = (None, None, false);
    cursor.eat("WITH");
    while !cursor.at_end() {
        match cursor
            .eat_any(&["SCHEMA", "VERSION", "FROM", "CASCADE"])
            .ok_or(Unreadable)?
        {
            "SCHEMA" => schema = Some(cursor.ident()?),
            "VERSION" => version = Some(value(cursor)?),
            "FROM" => drop(value(cursor)?),
            _ => cascade = true,
        }
    }
    Ok(Node::CreateExtension {
        if_not_exists,
        name,
        schema,
        version,
        cascade,
    })
}

/// `ALTER EXTENSION name UPDATE [TO v]|SET SCHEMA s|ADD object|DROP object`, after `EXTENSION`
pub(super) fn alter(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let name = cursor.ident()?;
    let action = if cursor.eat("UPDATE") {
        AlterExtension::Update(cursor.eat("TO").then(|| value(cursor)).transpose()?)
    } else if cursor.eat_all(&["SET", "SCHEMA"]) {
        AlterExtension::SetSchema(cursor.ident()?)
    } else if cursor.eat("ADD") {
        AlterExtension::Add(Some(object::object(cursor)?))
    } else {
        cursor.expect("DROP")?;
        AlterExtension::Drop(Some(object::object(cursor)?))
    };
    Ok(Node::AlterExtension { name, action })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{node, unreadable};
    use super::*;
    use crate::sql::name::Ident;

    #[test]
    fn with_is_optional_and_options_come_in_any_order() {
        for (sql, expected, pinned) in [
            (
                "CREATE EXTENSION IF NOT EXISTS \"uuid-ossp\" WITH SCHEMA extensions",
                Some("extensions"),
                None,
            ),
            (
                "CREATE EXTENSION pg_trgm SCHEMA extensions VERSION '1.5' CASCADE",
                Some("extensions"),
                Some("1.5"),
            ),
            ("create extension a with cascade version \"2\"", None, Some("2")),
            ("create extension a", None, None),
        ] {
            let Node::CreateExtension { schema, version, .. } = node(sql) else {
                panic!("{sql}");
            };
            assert_eq!(
                (schema.as_ref().map(Ident::as_str), version.as_deref()),
                (expected, pinned),
                "{sql}"
            );
        }
        unreadable("create extension a create extension b");
    }

    #[test]
    fn an_extension_is_altered() {
        for sql in [
            "ALTER EXTENSION pg_trgm UPDATE TO '1.6'",
            "alter extension e update",
            "ALTER EXTENSION pg_trgm SET SCHEMA extensions",
            "alter extension e add function f(int, a text)",
            "alter extension e drop operator class c using gin",
        ] {
            assert!(matches!(node(sql), Node::AlterExtension { .. }), "{sql}");
        }
    }
}
