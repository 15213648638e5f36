//! Roles and databases. Passwords are read and never kept.

use smol_str::SmolStr;
use sqlparser::tokenizer::Token as SqlToken;

use super::parts::{role, roles, value, word};
use super::session;
use crate::sql::cursor::{Cursor, Parsed, Unreadable};
use crate::sql::name::Ident;
use crate::sql::statement::{AlterRole, GrantRole, Node, RoleName, RoleOption};

/// `CREATE ROLE|USER|GROUP name [WITH] option …`, after `CREATE`
pub(super) fn create(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let kind = word(cursor)?;
    let name = cursor.ident()?;
    let mut options = options(cursor)?;
    let says_login = options.iter().any(|option| option.name.ends_with("LOGIN"));
    if kind == "USER" && !says_login {
        options.push(plain_option("LOGIN"));
    }
    Ok(Node::CreateRole { name, options })
}

fn plain_option(name: &str) -> RoleOption {
    RoleOption {
        name: name.into(),
        roles: Vec::new(),
    }
}

fn options(cursor: &mut Cursor<'_>) -> Parsed<Vec<RoleOption>> {
    cursor.eat("WITH");
    let mut options = Vec::new();
    while !cursor.at_end() {
        options.push(option(cursor)?);
    }
    Ok(options)
}

fn option(cursor: &mut Cursor<'_>) -> Parsed<RoleOption> {
    let name = word(cursor)?;
    let (name, members): (&str, _) = match name.as_str() {
        "SUPERUSER" | "NOSUPERUSER" | "CREATEDB" | "NOCREATEDB" | "CREATEROLE" | "NOCREATEROLE" | "INHERIT"
        | "NOINHERIT" | "LOGIN" | "NOLOGIN" | "REPLICATION" | "NOREPLICATION" | "BYPASSRLS" | "NOBYPASSRLS"
        | "CREATEUSER" | "NOCREATEUSER" => (name.as_str(), Vec::new()),
        "CONNECTION" => {
            cursor.expect("LIMIT")?;
            cursor.number()?;
            ("CONNECTION LIMIT", Vec::new())
        }
        "ENCRYPTED" | "UNENCRYPTED" => {
            cursor.expect("PASSWORD")?;
            cursor.string()?;
            ("PASSWORD", Vec::new())
        }
        "PASSWORD" => {
            if !cursor.eat("NULL") {
                cursor.string()?;
            }
            ("PASSWORD", Vec::new())
        }
        "VALID" => {
            cursor.expect("UNTIL")?;
            cursor.string()?;
            ("VALID UNTIL", Vec::new())
        }
        "SYSID" => {
            cursor.number()?;
            ("SYSID", Vec::new())
        }
        "IN" => {
            cursor.eat_any(&["ROLE", "GROUP"]).ok_or(Unreadable)?;
            ("IN ROLE", roles(cursor)?)
        }
        "ROLE" | "USER" => ("ROLE", roles(cursor)?),
        "ADMIN" => ("ADMIN", roles(cursor)?),
        _ => return Err(Unreadable),
    };
    Ok(RoleOption {
        name: name.into(),
        roles: members,
    })
}

/// `ALTER ROLE|USER|GROUP …`, after `ALTER`
pub(super) fn alter(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let kind = word(cursor)?;
    let name = role(cursor)?;
    if kind == "GROUP" && cursor.at_any(&["ADD", "DROP"]) {
        return alter_group(cursor, name);
    }
    if cursor.eat_all(&["IN", "DATABASE"]) {
        cursor.ident()?;
        return set_or_reset(cursor)?
            .map(|action| Node::AlterRole { name, action })
            .ok_or(Unreadable);
    }
    let action = if cursor.eat_all(&["RENAME", "TO"]) {
        AlterRole::Rename(cursor.ident()?)
    } else if let Some(action) = set_or_reset(cursor)? {
        action
    } else {
        AlterRole::Options(options(cursor)?)
    };
    Ok(Node::AlterRole { name, action })
}

/// `ALTER GROUP g ADD|DROP USER member, …` grants and revokes `g`.
fn alter_group(cursor: &mut Cursor<'_>, group: RoleName) -> Parsed<Node> {
    let revoke = cursor.eat("DROP") || !cursor.eat("ADD");
    cursor.expect("USER")?;
    let grantees = roles(cursor)?;
    let RoleName::Named(group) = group else {
        return Err(Unreadable);
    };
    Ok(Node::GrantRole(Box::new(GrantRole {
        revoke,
        roles: vec![group],
        grantees,
        admin_option: false,
    })))
}

/// `SET variable …`, `RESET variable`; `None` where neither is next.
fn set_or_reset(cursor: &mut Cursor<'_>) -> Parsed<Option<AlterRole>> {
    let start = cursor.span();
    if cursor.eat("SET") {
        return Ok(Some(AlterRole::Set(session::variable(cursor, start)?)));
    }
    if cursor.eat("RESET") {
        return Ok(Some(AlterRole::Reset(session::reset(cursor)?)));
    }
    Ok(None)
}

/// `ALTER DATABASE name …`, after `DATABASE`
pub(super) fn alter_database(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let name = cursor.ident()?;
    let action = if cursor.eat_all(&["RENAME", "TO"]) {
        AlterRole::Rename(cursor.ident()?)
    } else if cursor.eat_all(&["OWNER", "TO"]) {
        AlterRole::Owner(role(cursor)?)
    } else if cursor.eat_all(&["SET", "TABLESPACE"]) {
        cursor.ident()?;
        AlterRole::Other
    } else if let Some(action) = set_or_reset(cursor)? {
        action
    } else {
        if !cursor.eat_all(&["REFRESH", "COLLATION", "VERSION"]) {
            database_options(cursor)?;
        }
        AlterRole::Other
    };
    Ok(Node::AlterDatabase { name, action })
}

/// `CREATE DATABASE name [WITH] option …`, after `DATABASE`
pub(super) fn create_database(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let name = cursor.ident()?;
    database_options(cursor)?;
    Ok(Node::CreateDatabase { name })
}

/// `[WITH] name [=] value …`
fn database_options(cursor: &mut Cursor<'_>) -> Parsed<()> {
    cursor.eat("WITH");
    while !cursor.at_end() {
        database_option_name(cursor)?;
        cursor.eat_token(&SqlToken::Eq);
        value(cursor)?;
    }
    Ok(())
}

fn database_option_name(cursor: &mut Cursor<'_>) -> Parsed<()> {
    if cursor.eat_all(&["CONNECTION", "LIMIT"]) {
        return Ok(());
    }
    let name: SmolStr = word(cursor)?;
    let known = [
        "OWNER",
        "TEMPLATE",
        "ENCODING",
        "STRATEGY",
        "LOCALE",
        "LC_COLLATE",
        "LC_CTYPE",
        "BUILTIN_LOCALE",
        "ICU_LOCALE",
        "ICU_RULES",
        "LOCALE_PROVIDER",
        "COLLATION_VERSION",
        "TABLESPACE",
        "ALLOW_CONNECTIONS",
        "IS_TEMPLATE",
        "OID",
    ];
    if known.contains(&name.as_str()) {
        Ok(())
    } else {
        Err(Unreadable)
    }
}

/// `DROP DATABASE [IF EXISTS] name [[WITH] (FORCE)]`, after `DATABASE`
pub(super) fn drop_database(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let if_exists = cursor.if_exists();
    let name: Ident = cursor.ident()?;
    cursor.eat("WITH");
    if cursor.at_token(&SqlToken::LParen) {
        cursor.parens()?;
    }
    Ok(Node::DropDatabase { if_exists, name })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{node, unreadable};
    use super::*;

    fn option_names(sql: &str) -> Vec<String> {
        let (Node::CreateRole { options, .. }
        | Node::AlterRole {
            action: AlterRole::Options(options),
            ..
        }) = node(sql)
        else {
            panic!("{sql}");
        };
        options.iter().map(|option| option.name.to_string()).collect()
    }

    #[test]
    fn options_are_kept_without_passwords() {
        assert_eq!(
            option_names(
                "CREATE ROLE r WITH LOGIN PASSWORD 'secret' NOINHERIT BYPASSRLS CONNECTION LIMIT -1 IN ROLE a, b"
            ),
            [
                "LOGIN",
                "PASSWORD",
                "NOINHERIT",
                "BYPASSRLS",
                "CONNECTION LIMIT",
                "IN ROLE"
            ]
        );
        assert!(!format!("{:?}", node("create user u encrypted password 'secret'")).contains("secret"));
        assert_eq!(option_names("create user u valid until 'x'"), ["VALID UNTIL", "LOGIN"]);
        assert_eq!(option_names("create user u nologin"), ["NOLOGIN"]);
        assert_eq!(
            option_names("alter user u with createdb password null"),
            ["CREATEDB", "PASSWORD"]
        );
        unreadable("create role r create table t ()");
    }

    #[test]
    fn settings_and_names_of_roles_and_databases_change() {
        assert!(matches!(
            node("ALTER ROLE r IN DATABASE d SET search_path = ''"),
            Node::AlterRole {
                action: AlterRole::Set(_),
                ..
            }
        ));
        assert!(matches!(
            node("alter role all reset all"),
            Node::AlterRole {
                action: AlterRole::Reset(_),
                ..
            }
        ));
        assert!(matches!(
            node("alter role current_user rename to x"),
            Node::AlterRole {
                name: RoleName::CurrentUser(_),
                action: AlterRole::Rename(_)
            }
        ));
        assert!(matches!(
            node("ALTER DATABASE d SET x.y TO 'z'"),
            Node::AlterDatabase { action: AlterRole::Set(set), .. } if set.name == "x.y"
        ));
        for sql in [
            "alter database d owner to r",
            "alter database d set tablespace t",
            "alter database d with connection limit 5 is_template = true",
            "alter database d refresh collation version",
        ] {
            assert!(matches!(node(sql), Node::AlterDatabase { .. }), "{sql}");
        }
        assert!(matches!(
            node("create database d with owner = o template template0 encoding 'UTF8'"),
            Node::CreateDatabase { .. }
        ));
        assert!(matches!(
            node("drop database if exists d with (force)"),
            Node::DropDatabase { if_exists: true, .. }
        ));
    }

    #[test]
    fn adding_to_a_group_is_a_grant() {
        assert!(matches!(node("alter group g add user a, b"), Node::GrantRole(grant) if !grant.revoke));
        assert!(matches!(node("alter group g drop user a"), Node::GrantRole(grant) if grant.revoke));
    }
}
