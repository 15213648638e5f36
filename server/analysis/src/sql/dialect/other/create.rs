//! CREATE: by kind, and the kinds whose inside dblsp does not model.

use super::alter::operator_class_items;
use super::parts::{Clause, Follows, clauses, operator, options, role, with_parameters};
use super::signature::params;
use super::{aggregate, extension, function, kinds, object, publication, schema};
use crate::sql::cursor::{Cursor, Parsed, Unreadable};
use crate::sql::dialect::types::type_name;
use crate::sql::name::Name;
use crate::sql::statement::{Node, ObjectKind};

/// `CREATE …`
pub(super) fn create(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let mut ahead = *cursor;
    let or_replace = ahead.eat_all(&["OR", "REPLACE"]);
    if ahead.at_any(&["FUNCTION", "PROCEDURE"]) {
        return function::create(cursor);
    }
    if ahead.at_word("AGGREGATE") {
        return aggregate::create(cursor);
    }
    if ahead.at_any(&["GROUP", "ROLE", "USER"]) && !ahead.at_words(&["USER", "MAPPING"]) {
        return super::role::create(cursor);
    }
    ahead.eat_any(&["DEFAULT", "TRUSTED"]);
    *cursor = ahead;
    let kind = object::kind(cursor)?;
    match kind {
        ObjectKind::Database => super::role::create_database(cursor),
        ObjectKind::Domain => kinds::create_domain(cursor),
        ObjectKind::Extension => extension::create(cursor),
        ObjectKind::Publication => publication::create(cursor),
        ObjectKind::Schema => schema::create(cursor),
        ObjectKind::Subscription => publication::create_subscription(cursor),
        ObjectKind::Tablespace => create_tablespace(cursor),
        ObjectKind::Type => kinds::create_type(cursor),
        ObjectKind::Cast => create_cast(cursor),
        kind => create_other(cursor, kind, or_replace),
    }
}

fn create_other(cursor: &mut Cursor<'_>, kind: ObjectKind, or_replace: bool) -> Parsed<Node> {
    let if_not_exists = cursor.if_not_exists();
    let name = match kind {
        ObjectKind::Operator => Some(operator(cursor)?),
        ObjectKind::UserMapping => Some(user_mapping(cursor)?),
        ObjectKind::Transform => Some(transform(cursor)?),
        ObjectKind::AccessMethod
        | ObjectKind::Collation
        | ObjectKind::Conversion
        | ObjectKind::ForeignDataWrapper
        | ObjectKind::ForeignServer
        | ObjectKind::OperatorClass
        | ObjectKind::OperatorFamily
        | ObjectKind::TextSearchConfiguration
        | ObjectKind::TextSearchDictionary
        | ObjectKind::TextSearchParser
        | ObjectKind::TextSearchTemplate => Some(cursor.name()?),
        ObjectKind::Language => Some(Name::bare(super::command::language_name(cursor)?)),
        _ => return Err(Unreadable),
    };
    inside(cursor, kind)?;
    Ok(Node::CreateOther {
        kind,
        or_replace,
        if_not_exists,
        name,
    })
}

/// What stands behind the name. Read, so that a forgotten semicolon is noticed, and not kept.
fn inside(cursor: &mut Cursor<'_>, kind: ObjectKind) -> Parsed<()> {
    const LANGUAGE: &[Clause] = &[
        (&["HANDLER"], Follows::Name),
        (&["INLINE"], Follows::Name),
        (&["NO", "VALIDATOR"], Follows::Nothing),
        (&["VALIDATOR"], Follows::Name),
    ];
    const FOREIGN: &[Clause] = &[
        (&["TYPE"], Follows::Value),
        (&["VERSION"], Follows::Value),
        (&["FOREIGN", "DATA", "WRAPPER"], Follows::Name),
        (&["NO", "HANDLER"], Follows::Nothing),
        (&["HANDLER"], Follows::Name),
        (&["NO", "VALIDATOR"], Follows::Nothing),
        (&["VALIDATOR"], Follows::Name),
        (&["OPTIONS"], Follows::Parens),
    ];
    const CONVERSION: &[Clause] = &[
        (&["FOR"], Follows::Value),
        (&["TO"], Follows::Value),
        (&["FROM"], Follows::Name),
    ];
    const ACCESS_METHOD: &[Clause] = &[
        (&["TYPE", "INDEX"], Follows::Nothing),
        (&["TYPE", "TABLE"], Follows::Nothing),
        (&["HANDLER"], Follows::Name),
    ];
    match kind {
        ObjectKind::Language => clauses(cursor, LANGUAGE),
        ObjectKind::ForeignDataWrapper | ObjectKind::ForeignServer | ObjectKind::UserMapping => {
            clauses(cursor, FOREIGN)
        }
        ObjectKind::Conversion => clauses(cursor, CONVERSION),
        ObjectKind::AccessMethod => clauses(cursor, ACCESS_METHOD),
        ObjectKind::OperatorClass => operator_class(cursor),
        ObjectKind::OperatorFamily => clauses(cursor, &[(&["USING"], Follows::Name)]),
        ObjectKind::Collation if cursor.eat("FROM") => cursor.name().map(drop),
        ObjectKind::Transform => Ok(()),
        _ => options(cursor).map(drop),
    }
}

/// `[DEFAULT] FOR TYPE type USING method [FAMILY family] AS item, …`
fn operator_class(cursor: &mut Cursor<'_>) -> Parsed<()> {
    cursor.eat("DEFAULT");
    cursor.expect_all(&["FOR", "TYPE"])?;
    type_name(cursor)?;
    clauses(cursor, &[(&["USING"], Follows::Name), (&["FAMILY"], Follows::Name)])?;
    cursor.expect("AS")?;
    operator_class_items(cursor)
}

/// `FOR user SERVER server`: named after the server.
fn user_mapping(cursor: &mut Cursor<'_>) -> Parsed<Name> {
    cursor.expect("FOR")?;
    object::user(cursor)?;
    cursor.expect("SERVER")?;
    cursor.name()
}

/// `FOR type LANGUAGE language (…)`: named after the language.
fn transform(cursor: &mut Cursor<'_>) -> Parsed<Name> {
    cursor.expect("FOR")?;
    type_name(cursor)?;
    cursor.expect("LANGUAGE")?;
    let language = cursor.name()?;
    cursor.parens()?;
    Ok(language)
}

/// `CREATE TABLESPACE name [OWNER role] LOCATION 'directory' [WITH (…)]`
fn create_tablespace(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let name = cursor.ident()?;
    if cursor.eat("OWNER") {
        role(cursor)?;
    }
    cursor.expect("LOCATION")?;
    cursor.string()?;
    with_parameters(cursor)?;
    Ok(Node::CreateTablespace { name })
}

/// `CREATE CAST (source AS target) WITH FUNCTION f(…)|WITHOUT FUNCTION|WITH INOUT [AS ASSIGNMENT|IMPLICIT]`
fn create_cast(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let (source, target) = object::cast_types(cursor)?;
    let function = if cursor.eat_all(&["WITH", "FUNCTION"]) {
        let name = cursor.name()?;
        let is_listed = cursor.at_token(&sqlparser::tokenizer::Token::LParen);
        let params = if is_listed { params(cursor)? } else { Vec::new() };
        Some((name, params.into_iter().map(|param| param.ty).collect()))
    } else if cursor.eat_all(&["WITHOUT", "FUNCTION"]) || cursor.eat_all(&["WITH", "INOUT"]) {
        None
    } else {
        return Err(Unreadable);
    };
    if cursor.eat("AS") {
        cursor.eat_any(&["ASSIGNMENT", "IMPLICIT"]).ok_or(Unreadable)?;
    }
    Ok(Node::CreateCast {
        source,
        target,
        function,
    })
}

/// `IMPORT FOREIGN SCHEMA remote [LIMIT TO|EXCEPT (…)] FROM SERVER server INTO schema [OPTIONS (…)]`
///
/// It creates foreign tables that no text names, so its name is the schema that receives them.
pub(super) fn import_foreign_schema(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    cursor.expect_all(&["FOREIGN", "SCHEMA"])?;
    cursor.ident()?;
    if cursor.eat_all(&["LIMIT", "TO"]) || cursor.eat("EXCEPT") {
        cursor.parens()?;
    }
    cursor.expect_all(&["FROM", "SERVER"])?;
    cursor.ident()?;
    cursor.expect("INTO")?;
    let schema = cursor.ident()?;
    clauses(cursor, &[(&["OPTIONS"], Follows::Parens)])?;
    Ok(Node::CreateOther {
        kind: ObjectKind::ForeignTable,
        or_replace: false,
        if_not_exists: false,
        name: Some(Name::bare(schema)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{node, unreadable};
    use super::*;

    #[test]
    fn kinds_without_a_model_keep_their_name() {
        for (sql, kind, expected) in [
            (
                "CREATE OPERATOR === (leftarg = a, rightarg = b, function = f, commutator = ===)",
                ObjectKind::Operator,
                "===",
            ),
            (
                "create operator s.@-@ (procedure = s.f, rightarg = int)",
                ObjectKind::Operator,
                "s.@-@",
            ),
            (
                "CREATE OPERATOR CLASS oc DEFAULT FOR TYPE t USING btree FAMILY f AS OPERATOR 1 <, FUNCTION 1 f(t, t), STORAGE int",
                ObjectKind::OperatorClass,
                "oc",
            ),
            ("create operator family f using gin", ObjectKind::OperatorFamily, "f"),
            (
                "CREATE COLLATION IF NOT EXISTS ci (provider = icu, locale = 'und', deterministic = false)",
                ObjectKind::Collation,
                "ci",
            ),
            ("create collation c from \"C\"", ObjectKind::Collation, "c"),
            (
                "create default conversion c for 'UTF8' to 'LATIN1' from f",
                ObjectKind::Conversion,
                "c",
            ),
            (
                "CREATE TEXT SEARCH CONFIGURATION s.c (COPY = pg_catalog.simple)",
                ObjectKind::TextSearchConfiguration,
                "s.c",
            ),
            (
                "create text search dictionary d (template = snowball, language = 'x')",
                ObjectKind::TextSearchDictionary,
                "d",
            ),
            (
                "CREATE FOREIGN DATA WRAPPER w HANDLER h NO VALIDATOR OPTIONS (a 'b')",
                ObjectKind::ForeignDataWrapper,
                "w",
            ),
            ("create foreign data wrapper w", ObjectKind::ForeignDataWrapper, "w"),
            (
                "CREATE SERVER IF NOT EXISTS s TYPE 'a' VERSION 'b' FOREIGN DATA WRAPPER w OPTIONS (host 'x')",
                ObjectKind::ForeignServer,
                "s",
            ),
            (
                "CREATE USER MAPPING IF NOT EXISTS FOR bob SERVER s OPTIONS (user 'x')",
                ObjectKind::UserMapping,
                "s",
            ),
            (
                "create or replace trusted procedural language l handler h inline i validator v",
                ObjectKind::Language,
                "l",
            ),
            (
                "create access method m type index handler h",
                ObjectKind::AccessMethod,
                "m",
            ),
            (
                "create transform for hstore language plpython (from sql with function f(internal), to sql with function g(internal))",
                ObjectKind::Transform,
                "plpython",
            ),
            (
                "IMPORT FOREIGN SCHEMA a LIMIT TO (t, u) FROM SERVER s INTO b OPTIONS (x 'y')",
                ObjectKind::ForeignTable,
                "b",
            ),
        ] {
            assert!(
                matches!(node(sql), Node::CreateOther { kind: found, name: Some(name), .. }
                    if found == kind && name.to_string() == expected),
                "{sql}"
            );
        }
        unreadable("create server s foreign data wrapper w create table t (a int)");
        unreadable("create collation c from d drop table t");
    }

    #[test]
    fn casts_and_tablespaces_are_read() {
        assert!(matches!(
            node("CREATE CAST (a AS b) WITH FUNCTION s.f(a, int) AS ASSIGNMENT"),
            Node::CreateCast { function: Some((_, arguments)), .. } if arguments.len() == 2
        ));
        assert!(matches!(
            node("create cast (character varying as s.e) with inout as implicit"),
            Node::CreateCast { function: None, .. }
        ));
        assert!(matches!(
            node("create tablespace t owner bob location '/x' with (seq_page_cost = 1)"),
            Node::CreateTablespace { .. }
        ));
    }
}
