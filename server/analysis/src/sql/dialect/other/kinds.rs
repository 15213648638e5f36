//! Types and domains.

use sqlparser::tokenizer::Token as SqlToken;

use super::alter::common_action;
use super::parts::options;
use crate::sql::cursor::{Cursor, Parsed, Unreadable};
use crate::sql::dialect::column;
use crate::sql::dialect::types::type_name;
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{
    AlterDomain, AlterDomainAction, AlterType, AlterTypeAction, CreateDomain, CreateType, CreateTypeKind, Label, Node,
    TypeName,
};

/// `CREATE TYPE …`, after `TYPE`
pub(super) fn create_type(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let name = cursor.name()?;
    let kind = if cursor.eat_all(&["AS", "ENUM"]) {
        CreateTypeKind::Enum(cursor.paren_list(label)?)
    } else if cursor.eat_all(&["AS", "RANGE"]) {
        range(cursor)?
    } else if cursor.eat("AS") {
        CreateTypeKind::Composite(cursor.paren_list(attribute)?)
    } else if cursor.at_end() {
        CreateTypeKind::Shell
    } else {
        options(cursor)?;
        CreateTypeKind::Base
    };
    Ok(Node::CreateType(Box::new(CreateType { name, kind })))
}

fn label(cursor: &mut Cursor<'_>) -> Parsed<Label> {
    let (value, span) = cursor.string()?;
    Ok(Label { value, span })
}

/// `name type [COLLATE collation]`
fn attribute(cursor: &mut Cursor<'_>) -> Parsed<(Ident, TypeName)> {
    let name = cursor.ident()?;
    let ty = type_name(cursor)?;
    collation(cursor)?;
    Ok((name, ty))
}

fn collation(cursor: &mut Cursor<'_>) -> Parsed<Option<Name>> {
    if cursor.eat("COLLATE") {
        cursor.name().map(Some)
    } else {
        Ok(None)
    }
}

/// `(SUBTYPE = type, MULTIRANGE_TYPE_NAME = name, …)`
fn range(cursor: &mut Cursor<'_>) -> Parsed<CreateTypeKind> {
    let (mut subtype, mut multirange) = (None, None);
    cursor.paren_list(|cursor| {
        let setting = cursor.ident()?;
        cursor.expect_token(&SqlToken::Eq)?;
        match setting.as_str() {
            "subtype" => subtype = Some(type_name(cursor)?),
            "multirange_type_name" => multirange = Some(cursor.name()?),
            _ => drop(cursor.until(&[])),
        }
        Ok(())
    })?;
    Ok(CreateTypeKind::Range { subtype, multirange })
}

/// `ALTER TYPE …`, after `TYPE`
pub(super) fn alter_type(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let name = cursor.name()?;
    let actions = cursor.list(type_action)?;
    Ok(Node::AlterType(Box::new(AlterType { name, actions })))
}

fn type_action(cursor: &mut Cursor<'_>) -> Parsed<AlterTypeAction> {
    if cursor.eat_all(&["ADD", "VALUE"]) {
        return add_value(cursor);
    }
    if cursor.eat_all(&["RENAME", "VALUE"]) {
        let from = label(cursor)?;
        cursor.expect("TO")?;
        return Ok(AlterTypeAction::RenameValue {
            from,
            to: label(cursor)?,
        });
    }
    if cursor.eat_all(&["ADD", "ATTRIBUTE"]) {
        let (name, ty) = attribute(cursor)?;
        let cascade = cursor.cascade().is_some();
        return Ok(AlterTypeAction::AddAttribute { name, ty, cascade });
    }
    if cursor.eat_all(&["DROP", "ATTRIBUTE"]) {
        return Ok(AlterTypeAction::DropAttribute {
            if_exists: cursor.if_exists(),
            name: cursor.ident()?,
            cascade: cursor.cascade().is_some(),
        });
    }
    if cursor.eat_all(&["ALTER", "ATTRIBUTE"]) {
        return alter_attribute(cursor);
    }
    let action = common_action(cursor)?;
    cursor.cascade();
    Ok(AlterTypeAction::Object(action))
}

fn add_value(cursor: &mut Cursor<'_>) -> Parsed<AlterTypeAction> {
    let if_not_exists = cursor.if_not_exists();
    let value = label(cursor)?;
    let before = cursor.eat("BEFORE").then(|| label(cursor)).transpose()?;
    let after = cursor.eat("AFTER").then(|| label(cursor)).transpose()?;
    Ok(AlterTypeAction::AddValue {
        if_not_exists,
        value,
        before,
        after,
    })
}

fn alter_attribute(cursor: &mut Cursor<'_>) -> Parsed<AlterTypeAction> {
    let name = cursor.ident()?;
    cursor.eat_all(&["SET", "DATA"]);
    cursor.expect("TYPE")?;
    let ty = type_name(cursor)?;
    collation(cursor)?;
    let cascade = cursor.cascade().is_some();
    Ok(AlterTypeAction::AlterAttribute { name, ty, cascade })
}

/// `CREATE DOMAIN name [AS] type …`, after `DOMAIN`
pub(super) fn create_domain(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let name = cursor.name()?;
    cursor.eat("AS");
    let base = type_name(cursor)?;
    let (collation, constraints) = column::constraints(cursor)?;
    Ok(Node::CreateDomain(Box::new(CreateDomain {
        name,
        base,
        collation,
        constraints,
    })))
}

/// `ALTER DOMAIN …`, after `DOMAIN`
pub(super) fn alter_domain(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let name = cursor.name()?;
    let action = domain_action(cursor)?;
    Ok(Node::AlterDomain(Box::new(AlterDomain { name, action })))
}

fn domain_action(cursor: &mut Cursor<'_>) -> Parsed<AlterDomainAction> {
    if cursor.eat_all(&["SET", "DEFAULT"]) {
        return Ok(AlterDomainAction::SetDefault(Some(cursor.expr(&[])?.into())));
    }
    if cursor.eat_all(&["DROP", "DEFAULT"]) {
        return Ok(AlterDomainAction::SetDefault(None));
    }
    if cursor.eat_all(&["SET", "NOT", "NULL"]) {
        return Ok(AlterDomainAction::SetNotNull(true));
    }
    if cursor.eat_all(&["DROP", "NOT", "NULL"]) {
        return Ok(AlterDomainAction::SetNotNull(false));
    }
    if cursor.eat("ADD") {
        return add_domain_constraint(cursor);
    }
    if cursor.eat_all(&["DROP", "CONSTRAINT"]) {
        return Ok(AlterDomainAction::DropConstraint {
            if_exists: cursor.if_exists(),
            name: cursor.ident()?,
            cascade: cursor.cascade().is_some(),
        });
    }
    if cursor.eat_all(&["RENAME", "CONSTRAINT"]) {
        let from = cursor.ident()?;
        cursor.expect("TO")?;
        let to = cursor.ident()?;
        return Ok(AlterDomainAction::RenameConstraint { from, to });
    }
    if cursor.eat_all(&["VALIDATE", "CONSTRAINT"]) {
        return Ok(AlterDomainAction::ValidateConstraint(cursor.ident()?));
    }
    common_action(cursor).map(AlterDomainAction::Object)
}

/// `[CONSTRAINT name] CHECK (expression) [NOT VALID]`, `[CONSTRAINT name] NOT NULL`
fn add_domain_constraint(cursor: &mut Cursor<'_>) -> Parsed<AlterDomainAction> {
    let name = cursor.eat("CONSTRAINT").then(|| cursor.ident()).transpose()?;
    let check = if cursor.eat("CHECK") {
        Some(cursor.paren_expr()?)
    } else if cursor.eat_all(&["NOT", "NULL"]) {
        None
    } else {
        return Err(Unreadable);
    };
    let not_valid = cursor.eat_all(&["NOT", "VALID"]);
    Ok(AlterDomainAction::AddConstraint {
        name,
        check: check.map(Into::into),
        not_valid,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{node, unreadable};
    use super::*;
    use crate::sql::statement::{AlterObject, ColumnConstraintKind};

    fn kind(sql: &str) -> CreateTypeKind {
        match node(sql) {
            Node::CreateType(create) => create.kind,
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[test]
    fn every_kind_of_type_is_read() {
        assert!(
            matches!(kind("CREATE TYPE e AS ENUM ('a', 'b''c')"), CreateTypeKind::Enum(labels) if labels[1].value == "b'c")
        );
        assert!(matches!(kind("create type e as enum ()"), CreateTypeKind::Enum(labels) if labels.is_empty()));
        assert!(
            matches!(kind("CREATE TYPE c AS (a int, b text COLLATE \"C\")"), CreateTypeKind::Composite(all) if all.len() == 2)
        );
        assert!(matches!(
            kind("create type r as range (subtype = double precision, subtype_diff = float8mi, multirange_type_name = s.m)"),
            CreateTypeKind::Range { subtype: Some(ty), multirange: Some(_) } if ty.name.last().value == "double precision"
        ));
        assert_eq!(
            kind("create type s.b (input = f, output = g, passedbyvalue)"),
            CreateTypeKind::Base
        );
        assert_eq!(kind("create type sh"), CreateTypeKind::Shell);
    }

    #[test]
    fn a_type_takes_several_actions() {
        let actions = |sql: &str| match node(sql) {
            Node::AlterType(alter) => alter.actions,
            other => panic!("{sql}: {other:?}"),
        };
        assert_eq!(
            actions("alter type c add attribute d int cascade, drop attribute if exists a, alter attribute b set data type text collate \"C\"").len(),
            3
        );
        assert!(matches!(
            &actions("ALTER TYPE e ADD VALUE IF NOT EXISTS 'c' BEFORE 'a'")[..],
            [AlterTypeAction::AddValue {
                if_not_exists: true,
                before: Some(_),
                after: None,
                ..
            }]
        ));
        assert!(matches!(
            &actions("alter type e rename value 'a' to 'z'")[..],
            [AlterTypeAction::RenameValue { .. }]
        ));
        for sql in [
            "alter type e rename to f",
            "alter type e owner to bob",
            "alter type e set schema s",
            "alter type c rename attribute a to b cascade",
            "alter type b set (receive = f, storage = extended)",
        ] {
            assert!(matches!(&actions(sql)[..], [AlterTypeAction::Object(_)]), "{sql}");
        }
    }

    #[test]
    fn a_domain_keeps_default_and_not_null_apart() {
        let sql = "CREATE DOMAIN d AS text COLLATE \"C\" DEFAULT 'x' NOT NULL CONSTRAINT ck CHECK (VALUE ~ '^x')";
        let Node::CreateDomain(domain) = node(sql) else {
            panic!("{sql}");
        };
        assert!(domain.collation.is_some());
        assert_eq!(domain.constraints.len(), 3);
        assert!(matches!(domain.constraints[1].kind, ColumnConstraintKind::NotNull));
    }

    #[test]
    fn a_domain_is_altered() {
        for sql in [
            "ALTER DOMAIN d ADD CONSTRAINT ck CHECK (VALUE <> '') NOT VALID",
            "alter domain d add not null",
            "alter domain d validate constraint ck",
            "alter domain d drop not null",
            "alter domain d set default 1 + 1",
            "alter domain d drop default",
            "alter domain d drop constraint if exists ck cascade",
            "alter domain d rename constraint a to b",
        ] {
            assert!(
                matches!(node(sql), Node::AlterDomain(alter) if !matches!(alter.action, AlterDomainAction::Object(_))),
                "{sql}"
            );
        }
        assert!(matches!(
            node("alter domain d rename to e"),
            Node::AlterDomain(alter) if matches!(alter.action, AlterDomainAction::Object(AlterObject::Rename(_)))
        ));
        unreadable("alter domain d add foreign key (a) references b");
    }
}
