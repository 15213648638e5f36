//! GRANT, REVOKE and ALTER DEFAULT PRIVILEGES.

use super::object;
use super::parts::{role, roles, word};
use super::signature::optional_params;
use crate::sql::cursor::{Cursor, Parsed, Unreadable};
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{
    AlterDefaultPrivileges, Grant, GrantRole, GrantTarget, Node, ObjectKind, ObjectRef, Privilege, RoleName,
};
use sqlparser::tokenizer::Token as SqlToken;

/// `GRANT privilege, … ON object, … TO role, …`, `GRANT role, … TO role, …`
pub(super) fn grant(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let Ok(privileges) = privileges_on(cursor) else {
        return grant_role(cursor);
    };
    let target = target(cursor)?;
    cursor.expect("TO")?;
    let grantees = grantees(cursor)?;
    let grant_option = cursor.eat_all(&["WITH", "GRANT", "OPTION"]);
    granted_by(cursor)?;
    Ok(Node::Grant(Box::new(Grant {
        revoke: false,
        grant_option,
        privileges,
        target,
        grantees,
        cascade: false,
    })))
}

/// `REVOKE [GRANT OPTION FOR] privilege, … ON object, … FROM role, …`, `REVOKE role, … FROM role, …`
pub(super) fn revoke(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let grant_option = cursor.eat_all(&["GRANT", "OPTION", "FOR"]);
    let Ok(privileges) = privileges_on(cursor) else {
        return if grant_option {
            Err(Unreadable)
        } else {
            revoke_role(cursor)
        };
    };
    let target = target(cursor)?;
    cursor.expect("FROM")?;
    let grantees = grantees(cursor)?;
    granted_by(cursor)?;
    Ok(Node::Grant(Box::new(Grant {
        revoke: true,
        grant_option,
        privileges,
        target,
        grantees,
        cascade: cursor.cascade().is_some(),
    })))
}

/// `privilege, … ON`; where no `ON` follows, the cursor stays and these were roles.
fn privileges_on(cursor: &mut Cursor<'_>) -> Parsed<Vec<Privilege>> {
    let mut ahead = *cursor;
    let privileges = privileges(&mut ahead)?;
    ahead.expect("ON")?;
    *cursor = ahead;
    Ok(privileges)
}

/// `ALL [PRIVILEGES]` is empty; with columns it is a privilege of that name.
fn privileges(cursor: &mut Cursor<'_>) -> Parsed<Vec<Privilege>> {
    let mut ahead = *cursor;
    if ahead.eat("ALL") {
        ahead.eat("PRIVILEGES");
        *cursor = ahead;
        let columns = cursor.optional_columns()?;
        let name = "ALL".into();
        return Ok(if columns.is_empty() {
            Vec::new()
        } else {
            vec![Privilege { name, columns }]
        });
    }
    cursor.list(privilege)
}

fn privilege(cursor: &mut Cursor<'_>) -> Parsed<Privilege> {
    let name = if cursor.eat_all(&["ALTER", "SYSTEM"]) {
        "ALTER SYSTEM".into()
    } else {
        word(cursor)?
    };
    let columns = cursor.optional_columns()?;
    Ok(Privilege { name, columns })
}

/// What stands between `ON` and `TO`.
fn target(cursor: &mut Cursor<'_>) -> Parsed<GrantTarget> {
    if let Some(kind) = all_in_schema(cursor) {
        let schemas = cursor.idents()?;
        return Ok(GrantTarget::AllInSchema { kind, schemas });
    }
    let kind = target_kind(cursor);
    let objects = cursor.list(|cursor| target_object(cursor, kind))?;
    Ok(GrantTarget::Objects(objects))
}

/// `ALL kind IN SCHEMA`
fn all_in_schema(cursor: &mut Cursor<'_>) -> Option<ObjectKind> {
    let kinds = [
        ("TABLES", ObjectKind::Table),
        ("SEQUENCES", ObjectKind::Sequence),
        ("FUNCTIONS", ObjectKind::Function),
        ("PROCEDURES", ObjectKind::Procedure),
        ("ROUTINES", ObjectKind::Routine),
    ];
    let found = kinds
        .iter()
        .find(|(word, _)| cursor.eat_all(&["ALL", word, "IN", "SCHEMA"]));
    found.map(|(_, kind)| *kind)
}

/// The words that say what is granted on. A table may be called like one of them: then no name follows.
fn target_kind(cursor: &mut Cursor<'_>) -> ObjectKind {
    if cursor.eat("PARAMETER") {
        return ObjectKind::Parameter;
    }
    let mut ahead = *cursor;
    let grantable = [
        ObjectKind::Database,
        ObjectKind::Domain,
        ObjectKind::ForeignDataWrapper,
        ObjectKind::ForeignServer,
        ObjectKind::Function,
        ObjectKind::Language,
        ObjectKind::LargeObject,
        ObjectKind::Procedure,
        ObjectKind::Routine,
        ObjectKind::Schema,
        ObjectKind::Sequence,
        ObjectKind::Table,
        ObjectKind::Tablespace,
        ObjectKind::Type,
    ];
    let follows = |ahead: &Cursor<'_>| {
        ahead
            .peek()
            .is_some_and(|token| matches!(token.token, SqlToken::Word(_) | SqlToken::Number(..)))
            && !ahead.at_any(&["TO", "FROM"])
    };
    match object::kind(&mut ahead) {
        Ok(kind) if grantable.contains(&kind) && follows(&ahead) => {
            *cursor = ahead;
            kind
        }
        _ => ObjectKind::Table,
    }
}

fn target_object(cursor: &mut Cursor<'_>, kind: ObjectKind) -> Parsed<ObjectRef> {
    let start = cursor.span();
    let name = match kind {
        ObjectKind::LargeObject => object::large_object(cursor)?,
        ObjectKind::Language => Name::bare(super::command::language_name(cursor)?),
        _ => cursor.name()?,
    };
    let is_routine = matches!(kind, ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine);
    let arguments = if is_routine { optional_params(cursor)? } else { None };
    Ok(ObjectRef {
        kind,
        name,
        arguments,
        table: None,
        span: cursor.span_from(start),
    })
}

/// `[GROUP] role, …`
fn grantees(cursor: &mut Cursor<'_>) -> Parsed<Vec<RoleName>> {
    cursor.list(|cursor| {
        let is_group = cursor.at_word("GROUP")
            && cursor
                .peek_nth(1)
                .is_some_and(|token| matches!(token.token, SqlToken::Word(_)));
        if is_group && !cursor.at_words(&["GROUP", "WITH"]) {
            cursor.next();
        }
        role(cursor)
    })
}

fn granted_by(cursor: &mut Cursor<'_>) -> Parsed<()> {
    if cursor.eat_all(&["GRANTED", "BY"]) {
        role(cursor)?;
    }
    Ok(())
}

/// `GRANT role, … TO role, … [WITH ADMIN|INHERIT|SET OPTION|TRUE|FALSE, …]`
fn grant_role(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let roles = cursor.idents()?;
    cursor.expect("TO")?;
    let grantees = grantees(cursor)?;
    let mut admin_option = false;
    if cursor.eat("WITH") {
        cursor.list(|cursor| {
            let option = cursor.eat_any(&["ADMIN", "INHERIT", "SET"]).ok_or(Unreadable)?;
            let value = cursor.eat_any(&["OPTION", "TRUE", "FALSE"]).ok_or(Unreadable)?;
            admin_option |= option == "ADMIN" && value != "FALSE";
            Ok(())
        })?;
    }
    granted_by(cursor)?;
    Ok(role_node(false, roles, grantees, admin_option))
}

/// `REVOKE [ADMIN|INHERIT|SET OPTION FOR] role, … FROM role, …`: with `OPTION FOR` the membership itself stays.
fn revoke_role(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let options = ["ADMIN", "INHERIT", "SET"];
    let only_option = options.iter().any(|option| cursor.eat_all(&[option, "OPTION", "FOR"]));
    let roles = cursor.idents()?;
    cursor.expect("FROM")?;
    let grantees = grantees(cursor)?;
    granted_by(cursor)?;
    cursor.cascade();
    Ok(role_node(true, roles, grantees, only_option))
}

fn role_node(revoke: bool, roles: Vec<Ident>, grantees: Vec<RoleName>, admin_option: bool) -> Node {
    Node::GrantRole(Box::new(GrantRole {
        revoke,
        roles,
        grantees,
        admin_option,
    }))
}

/// `ALTER DEFAULT PRIVILEGES [FOR ROLE role, …] [IN SCHEMA schema, …] GRANT …|REVOKE …`, after `PRIVILEGES`
pub(super) fn default_privileges(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let (mut owners, mut schemas) = (Vec::new(), Vec::new());
    loop {
        if cursor.eat_all(&["FOR", "ROLE"]) || cursor.eat_all(&["FOR", "USER"]) {
            owners = roles(cursor)?;
        } else if cursor.eat_all(&["IN", "SCHEMA"]) {
            schemas = cursor.idents()?;
        } else {
            break;
        }
    }
    let revoke = cursor.eat_any(&["GRANT", "REVOKE"]).ok_or(Unreadable)? == "REVOKE";
    let option_for = revoke && cursor.eat_all(&["GRANT", "OPTION", "FOR"]);
    let privileges = privileges_on(cursor)?;
    let kind = default_kind(cursor)?;
    cursor.expect(if revoke { "FROM" } else { "TO" })?;
    let grantees = grantees(cursor)?;
    let with_option = !revoke && cursor.eat_all(&["WITH", "GRANT", "OPTION"]);
    if revoke {
        cursor.cascade();
    }
    Ok(Node::AlterDefaultPrivileges(Box::new(AlterDefaultPrivileges {
        roles: owners,
        schemas,
        revoke,
        grant_option: option_for || with_option,
        privileges,
        kind,
        grantees,
    })))
}

fn default_kind(cursor: &mut Cursor<'_>) -> Parsed<ObjectKind> {
    Ok(match word(cursor)?.as_str() {
        "TABLES" => ObjectKind::Table,
        "SEQUENCES" => ObjectKind::Sequence,
        "FUNCTIONS" | "ROUTINES" => ObjectKind::Function,
        "TYPES" => ObjectKind::Type,
        "SCHEMAS" => ObjectKind::Schema,
        "LARGE" => {
            cursor.expect("OBJECTS")?;
            ObjectKind::LargeObject
        }
        _ => return Err(Unreadable),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{node, unreadable};
    use super::*;

    fn granted(sql: &str) -> Grant {
        match node(sql) {
            Node::Grant(grant) => *grant,
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[test]
    fn targets_of_every_kind_are_named() {
        for (sql, kind, names) in [
            (
                "GRANT SELECT, INSERT (a, b) ON t, s.u TO bob, PUBLIC WITH GRANT OPTION",
                ObjectKind::Table,
                "t s.u",
            ),
            ("grant all on table t to group g", ObjectKind::Table, "t"),
            ("grant select on type to g", ObjectKind::Table, "type"),
            (
                "GRANT EXECUTE ON FUNCTION f(a int, \"b\" \"text\"), s.g TO anon",
                ObjectKind::Function,
                "f s.g",
            ),
            ("GRANT USAGE ON SCHEMA s TO anon", ObjectKind::Schema, "s"),
            ("GRANT USAGE ON SEQUENCE s.q TO anon", ObjectKind::Sequence, "s.q"),
            ("GRANT USAGE ON TYPE e TO anon", ObjectKind::Type, "e"),
            ("GRANT CREATE ON DATABASE db TO bob", ObjectKind::Database, "db"),
            ("GRANT ALL ON LARGE OBJECT 1, 2 TO bob", ObjectKind::LargeObject, "1 2"),
            ("GRANT USAGE ON FOREIGN SERVER s TO bob", ObjectKind::ForeignServer, "s"),
            (
                "grant usage on foreign data wrapper w to bob granted by current_user",
                ObjectKind::ForeignDataWrapper,
                "w",
            ),
            (
                "GRANT SET, ALTER SYSTEM ON PARAMETER work_mem, a.b TO bob",
                ObjectKind::Parameter,
                "work_mem a.b",
            ),
            (
                "grant usage on language plpgsql to bob",
                ObjectKind::Language,
                "plpgsql",
            ),
            (
                "REVOKE EXECUTE ON FUNCTION f(int) FROM PUBLIC, anon CASCADE",
                ObjectKind::Function,
                "f",
            ),
            ("REVOKE GRANT OPTION FOR SELECT ON t FROM bob", ObjectKind::Table, "t"),
        ] {
            let GrantTarget::Objects(objects) = granted(sql).target else {
                panic!("{sql}");
            };
            let found: Vec<String> = objects.iter().map(|object| object.name.to_string()).collect();
            assert_eq!((objects[0].kind, found.join(" ").as_str()), (kind, names), "{sql}");
        }
    }

    #[test]
    fn privileges_options_and_grantees_are_kept() {
        let grant =
            granted("GRANT SELECT, INSERT (a, b) ON t TO bob, PUBLIC, \"public\", current_role WITH GRANT OPTION");
        assert!(grant.grant_option && !grant.revoke);
        assert_eq!(grant.privileges[1].columns.len(), 2);
        assert_eq!(
            grant
                .grantees
                .iter()
                .filter(|role| matches!(role, RoleName::Public(_)))
                .count(),
            2
        );
        let revoke = granted("REVOKE GRANT OPTION FOR ALL PRIVILEGES ON t FROM a CASCADE");
        assert!(revoke.revoke && revoke.grant_option && revoke.cascade && revoke.privileges.is_empty());
        assert_eq!(granted("grant all (a) on t to b").privileges[0].name, "ALL");
        let GrantTarget::Objects(objects) = granted("grant execute on function f(), g to x").target else {
            panic!("no objects");
        };
        assert_eq!(objects[0].arguments.as_ref().map(Vec::len), Some(0));
        assert_eq!(objects[1].arguments, None);
        assert!(matches!(
            granted("GRANT ALL PRIVILEGES ON ALL ROUTINES IN SCHEMA public, s TO anon").target,
            GrantTarget::AllInSchema { kind: ObjectKind::Routine, schemas } if schemas.len() == 2
        ));
        unreadable("grant select on t to bob grant select on u to bob");
    }

    #[test]
    fn roles_are_granted_to_roles() {
        for (sql, revoke, admin) in [
            ("GRANT admin TO bob", false, false),
            (
                "GRANT admin, \"Other\" TO bob, current_user WITH ADMIN OPTION GRANTED BY x",
                false,
                true,
            ),
            ("GRANT admin TO bob WITH INHERIT FALSE, SET TRUE", false, false),
            ("grant \"select\" to bob with admin true", false, true),
            ("REVOKE admin FROM bob CASCADE", true, false),
            ("revoke admin option for a, b from c", true, true),
        ] {
            assert!(
                matches!(node(sql), Node::GrantRole(grant) if grant.revoke == revoke && grant.admin_option == admin),
                "{sql}"
            );
        }
    }

    #[test]
    fn default_privileges_name_owner_schema_and_kind() {
        for (sql, kind, owners, schemas, revoke) in [
            (
                "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon",
                ObjectKind::Table,
                0,
                1,
                false,
            ),
            (
                "ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA a, b REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
                ObjectKind::Function,
                1,
                2,
                true,
            ),
            (
                "alter default privileges in schema s for user a, b grant usage on types to c with grant option",
                ObjectKind::Type,
                2,
                1,
                false,
            ),
            (
                "alter default privileges revoke grant option for all on routines from x cascade",
                ObjectKind::Function,
                0,
                0,
                true,
            ),
            (
                "alter default privileges grant select on large objects to x",
                ObjectKind::LargeObject,
                0,
                0,
                false,
            ),
        ] {
            let Node::AlterDefaultPrivileges(alter) = node(sql) else {
                panic!("{sql}");
            };
            assert_eq!(
                (alter.kind, alter.roles.len(), alter.schemas.len(), alter.revoke),
                (kind, owners, schemas, revoke),
                "{sql}"
            );
        }
    }
}
