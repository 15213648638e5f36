//! How COMMENT ON, SECURITY LABEL, DROP, ALTER and ALTER EXTENSION name an object.

use smol_str::SmolStr;
use sqlparser::tokenizer::Token as SqlToken;

use super::parts::{operator, role};
use super::signature::{aggregate_params, optional_params};
use crate::sql::cursor::{Cursor, Parsed, Unreadable};
use crate::sql::dialect::types::type_name;
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{Node, ObjectKind, ObjectRef, Param, ParamMode, TypeName};
use crate::text::Span;

/// The words of every kind; where one begins with another's words, the longer one stands first.
const KINDS: &[(&[&str], ObjectKind)] = &[
    (&["ACCESS", "METHOD"], ObjectKind::AccessMethod),
    (&["AGGREGATE"], ObjectKind::Aggregate),
    (&["CAST"], ObjectKind::Cast),
    (&["COLLATION"], ObjectKind::Collation),
    (&["COLUMN"], ObjectKind::Column),
    (&["CONSTRAINT"], ObjectKind::Constraint),
    (&["CONVERSION"], ObjectKind::Conversion),
    (&["DATABASE"], ObjectKind::Database),
    (&["DOMAIN"], ObjectKind::Domain),
    (&["EVENT", "TRIGGER"], ObjectKind::EventTrigger),
    (&["EXTENSION"], ObjectKind::Extension),
    (&["FOREIGN", "DATA", "WRAPPER"], ObjectKind::ForeignDataWrapper),
    (&["FOREIGN", "SERVER"], ObjectKind::ForeignServer),
    (&["FOREIGN", "TABLE"], ObjectKind::ForeignTable),
    (&["FUNCTION"], ObjectKind::Function),
    (&["INDEX"], ObjectKind::Index),
    (&["PROCEDURAL", "LANGUAGE"], ObjectKind::Language),
    (&["LANGUAGE"], ObjectKind::Language),
    (&["LARGE", "OBJECT"], ObjectKind::LargeObject),
    (&["MATERIALIZED", "VIEW"], ObjectKind::MaterializedView),
    (&["OPERATOR", "CLASS"], ObjectKind::OperatorClass),
    (&["OPERATOR", "FAMILY"], ObjectKind::OperatorFamily),
    (&["OPERATOR"], ObjectKind::Operator),
    (&["POLICY"], ObjectKind::Policy),
    (&["PROCEDURE"], ObjectKind::Procedure),
    (&["PUBLICATION"], ObjectKind::Publication),
    (&["ROLE"], ObjectKind::Role),
    (&["GROUP"], ObjectKind::Role),
    (&["USER", "MAPPING"], ObjectKind::UserMapping),
    (&["USER"], ObjectKind::Role),
    (&["ROUTINE"], ObjectKind::Routine),
    (&["RULE"], ObjectKind::Rule),
    (&["SCHEMA"], ObjectKind::Schema),
    (&["SEQUENCE"], ObjectKind::Sequence),
    (&["SERVER"], ObjectKind::ForeignServer),
    (&["STATISTICS"], ObjectKind::Statistics),
    (&["SUBSCRIPTION"], ObjectKind::Subscription),
    (&["TABLESPACE"], ObjectKind::Tablespace),
    (&["TABLE"], ObjectKind::Table),
    (
        &["TEXT", "SEARCH", "CONFIGURATION"],
        ObjectKind::TextSearchConfiguration,
    ),
    (&["TEXT", "SEARCH", "DICTIONARY"], ObjectKind::TextSearchDictionary),
    (&["TEXT", "SEARCH", "PARSER"], ObjectKind::TextSearchParser),
    (&["TEXT", "SEARCH", "TEMPLATE"], ObjectKind::TextSearchTemplate),
    (&["TRANSFORM"], ObjectKind::Transform),
    (&["TRIGGER"], ObjectKind::Trigger),
    (&["TYPE"], ObjectKind::Type),
    (&["VIEW"], ObjectKind::View),
];

/// The words that say which kind of object follows.
pub(super) fn kind(cursor: &mut Cursor<'_>) -> Parsed<ObjectKind> {
    let (_, kind) = KINDS
        .iter()
        .find(|(words, _)| cursor.eat_all(words))
        .ok_or(Unreadable)?;
    Ok(*kind)
}

/// `kind object`
pub(super) fn object(cursor: &mut Cursor<'_>) -> Parsed<ObjectRef> {
    let kind = kind(cursor)?;
    named(cursor, kind)
}

/// An object of this kind, behind the words that say so.
pub(super) fn named(cursor: &mut Cursor<'_>, kind: ObjectKind) -> Parsed<ObjectRef> {
    let start = cursor.span();
    let mut object = ObjectRef {
        kind,
        name: Name { parts: Vec::new() },
        arguments: None,
        table: None,
        span: start,
    };
    match kind {
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine => {
            object.name = cursor.name()?;
            object.arguments = optional_params(cursor)?;
        }
        ObjectKind::Aggregate => {
            object.name = cursor.name()?;
            object.arguments = Some(aggregate_params(cursor)?);
        }
        ObjectKind::Operator => {
            object.name = operator(cursor)?;
            object.arguments = Some(operands(cursor)?);
        }
        ObjectKind::OperatorClass | ObjectKind::OperatorFamily => {
            object.name = cursor.name()?;
            cursor.expect("USING")?;
            cursor.ident()?;
        }
        ObjectKind::Policy | ObjectKind::Trigger | ObjectKind::Rule | ObjectKind::Constraint => {
            object.name = Name::bare(cursor.ident()?);
            cursor.expect("ON")?;
            if kind == ObjectKind::Constraint && at_domain(cursor) && cursor.eat("DOMAIN") {
                object.kind = ObjectKind::DomainConstraint;
            }
            object.table = Some(cursor.name()?);
        }
        ObjectKind::Cast => cast(cursor, &mut object)?,
        ObjectKind::Transform => {
            cursor.expect("FOR")?;
            let ty = type_name(cursor)?;
            cursor.expect("LANGUAGE")?;
            object.name = Name::bare(cursor.ident()?);
            object.arguments = Some(vec![unnamed(ty)]);
        }
        ObjectKind::UserMapping => {
            cursor.expect("FOR")?;
            user(cursor)?;
            cursor.expect("SERVER")?;
            object.name = Name::bare(cursor.ident()?);
        }
        ObjectKind::LargeObject => object.name = large_object(cursor)?,
        ObjectKind::Language => object.name = Name::bare(super::command::language_name(cursor)?),
        _ => object.name = cursor.name()?,
    }
    object.span = cursor.span_from(start);
    Ok(object)
}

/// `ON DOMAIN d`, not a table that is called `domain`.
fn at_domain(cursor: &Cursor<'_>) -> bool {
    let follows = cursor.peek_nth(1);
    let is_name = |token: &SqlToken| matches!(token, SqlToken::Word(_));
    follows.is_some_and(|token| is_name(&token.token) && !crate::sql::cursor::is_word(token, "IS"))
}

fn unnamed(ty: TypeName) -> Param {
    Param {
        mode: ParamMode::In,
        name: None,
        ty,
        default: None,
    }
}

/// `(left, right)`, where `NONE` stands for an operand that a prefix operator does not have.
fn operands(cursor: &mut Cursor<'_>) -> Parsed<Vec<Param>> {
    let operands = cursor.paren_list(|cursor| {
        if cursor.eat("NONE") {
            Ok(None)
        } else {
            type_name(cursor).map(Some)
        }
    })?;
    Ok(operands.into_iter().flatten().map(unnamed).collect())
}

/// `(source AS target)`: named after its source.
fn cast(cursor: &mut Cursor<'_>, object: &mut ObjectRef) -> Parsed<()> {
    let (source, target) = cast_types(cursor)?;
    object.name = source.name.clone();
    object.arguments = Some(vec![unnamed(source), unnamed(target)]);
    Ok(())
}

pub(super) fn cast_types(cursor: &mut Cursor<'_>) -> Parsed<(TypeName, TypeName)> {
    let mut inside = cursor.parens()?;
    let source = type_name(&mut inside)?;
    inside.expect("AS")?;
    let target = type_name(&mut inside)?;
    inside.finish()?;
    Ok((source, target))
}

/// The role of a user mapping: also `USER`, which means the current one.
pub(super) fn user(cursor: &mut Cursor<'_>) -> Parsed<()> {
    if cursor.eat("USER") {
        return Ok(());
    }
    role(cursor).map(drop)
}

/// A large object has a number for a name.
pub(super) fn large_object(cursor: &mut Cursor<'_>) -> Parsed<Name> {
    let start = cursor.span();
    let number = cursor.number()?;
    Ok(number_name(&number, cursor.span_from(start)))
}

fn number_name(number: &str, span: Span) -> Name {
    Name::bare(Ident {
        value: number.into(),
        span,
    })
}

/// `COMMENT ON kind object IS 'text'|NULL`
pub(super) fn comment(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    cursor.expect("ON")?;
    let object = object(cursor)?;
    let text = is_text(cursor)?;
    Ok(Node::Comment { object, text })
}

/// `SECURITY LABEL [FOR provider] ON kind object IS 'label'|NULL`
pub(super) fn security_label(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    cursor.expect("LABEL")?;
    if cursor.eat("FOR") {
        super::parts::value(cursor)?;
    }
    cursor.expect("ON")?;
    let object = object(cursor)?;
    is_text(cursor)?;
    Ok(Node::SecurityLabel { object })
}

fn is_text(cursor: &mut Cursor<'_>) -> Parsed<Option<SmolStr>> {
    cursor.expect("IS")?;
    if cursor.eat("NULL") {
        return Ok(None);
    }
    Ok(Some(cursor.string()?.0))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{node, unreadable};
    use super::*;

    fn commented(object: &str) -> ObjectRef {
        match node(&format!("COMMENT ON {object} IS 'x'")) {
            Node::Comment { object, .. } => object,
            other => panic!("{object}: {other:?}"),
        }
    }

    #[test]
    fn every_kind_of_object_can_be_named() {
        for (sql, kind, name) in [
            ("ACCESS METHOD heap", ObjectKind::AccessMethod, "heap"),
            ("AGGREGATE s.a(int, text)", ObjectKind::Aggregate, "s.a"),
            ("CAST (text AS int4)", ObjectKind::Cast, "text"),
            ("COLUMN s.t.c", ObjectKind::Column, "s.t.c"),
            ("CONSTRAINT c ON s.t", ObjectKind::Constraint, "c"),
            ("CONSTRAINT c ON DOMAIN d", ObjectKind::DomainConstraint, "c"),
            ("CONSTRAINT c ON domain", ObjectKind::Constraint, "c"),
            ("EVENT TRIGGER e", ObjectKind::EventTrigger, "e"),
            ("FOREIGN DATA WRAPPER w", ObjectKind::ForeignDataWrapper, "w"),
            ("FOREIGN TABLE t", ObjectKind::ForeignTable, "t"),
            ("FUNCTION f(a int, OUT b text)", ObjectKind::Function, "f"),
            ("FUNCTION f", ObjectKind::Function, "f"),
            ("LARGE OBJECT 346344", ObjectKind::LargeObject, "346344"),
            ("MATERIALIZED VIEW s.v", ObjectKind::MaterializedView, "s.v"),
            ("OPERATOR s.=== (int, none)", ObjectKind::Operator, "s.==="),
            ("OPERATOR -(NONE, int)", ObjectKind::Operator, "-"),
            ("OPERATOR ~~*(text, text)", ObjectKind::Operator, "~~*"),
            ("OPERATOR CLASS c USING btree", ObjectKind::OperatorClass, "c"),
            ("POLICY \"My p\" ON s.t", ObjectKind::Policy, "My p"),
            ("PROCEDURAL LANGUAGE plv8", ObjectKind::Language, "plv8"),
            ("ROLE r", ObjectKind::Role, "r"),
            ("RULE r ON t", ObjectKind::Rule, "r"),
            ("SERVER s", ObjectKind::ForeignServer, "s"),
            ("TABLE t", ObjectKind::Table, "t"),
            ("TABLESPACE t", ObjectKind::Tablespace, "t"),
            ("TEXT SEARCH CONFIGURATION c", ObjectKind::TextSearchConfiguration, "c"),
            ("TRANSFORM FOR hstore LANGUAGE plperl", ObjectKind::Transform, "plperl"),
            ("TRIGGER t ON s.u", ObjectKind::Trigger, "t"),
            ("TYPE s.e", ObjectKind::Type, "s.e"),
        ] {
            let object = commented(sql);
            assert_eq!((object.kind, object.name.to_string()), (kind, name.to_owned()), "{sql}");
        }
    }

    #[test]
    fn a_comment_is_text_or_nothing() {
        assert!(matches!(
            node("COMMENT ON TABLE t IS NULL"),
            Node::Comment { text: None, .. }
        ));
        let text = |sql: &str| match node(sql) {
            Node::Comment { text, .. } => text.unwrap_or_default(),
            other => panic!("{other:?}"),
        };
        assert_eq!(text("comment on table t is E'a\\'b' "), "a'b");
        assert_eq!(text("comment on table t is 'a'\n'b'"), "ab");
        assert_eq!(text("comment on table t is $$it's$$"), "it's");
        unreadable("comment on table t is 'a' comment on table u is 'b'");
        unreadable("comment on table t is a");
    }

    #[test]
    fn security_labels_name_their_object() {
        assert!(matches!(
            node("SECURITY LABEL FOR anon ON COLUMN t.a IS 'MASKED WITH VALUE NULL'"),
            Node::SecurityLabel { object } if object.kind == ObjectKind::Column
        ));
        assert!(matches!(
            node("security label on role r is null"),
            Node::SecurityLabel { .. }
        ));
    }

    #[test]
    fn an_object_spans_its_arguments_and_its_table() {
        let sql = "comment on trigger t on s.u is null";
        let Node::Comment { object, .. } = node(sql) else {
            panic!("{sql}");
        };
        assert_eq!(object.span.slice(sql), "t on s.u");
    }
}
