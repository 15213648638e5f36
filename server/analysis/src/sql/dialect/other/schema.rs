//! CREATE SCHEMA, with the objects that it may create inside.

use super::parts::role;
use crate::sql::cursor::{Cursor, Parsed, Unreadable, is_word};
use crate::sql::statement::{CreateSchema, Node, Statement};
use crate::sql::statements_in;
use crate::sql::tokens::Token;

/// `CREATE SCHEMA [IF NOT EXISTS] [name] [AUTHORIZATION role] [element …]`, after `SCHEMA`
pub(super) fn create(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let if_not_exists = cursor.if_not_exists();
    let name = if cursor.at_word("AUTHORIZATION") {
        None
    } else {
        Some(cursor.ident()?)
    };
    let authorization = cursor.eat("AUTHORIZATION").then(|| role(cursor)).transpose()?;
    if name.is_none() && authorization.is_none() {
        return Err(Unreadable);
    }
    Ok(Node::CreateSchema(Box::new(CreateSchema {
        name,
        if_not_exists,
        authorization,
        elements: elements(cursor)?,
    })))
}

/// The statements that follow one another without semicolons.
fn elements(cursor: &mut Cursor<'_>) -> Parsed<Vec<Statement>> {
    let tokens = cursor.rest();
    cursor.skip_rest();
    let mut starts: Vec<usize> = (0..tokens.len()).filter(|at| starts_element(tokens, *at)).collect();
    if starts.first().is_some_and(|first| *first > 0) || (starts.is_empty() && !tokens.is_empty()) {
        return Err(Unreadable);
    }
    starts.push(tokens.len());
    let elements = starts
        .windows(2)
        .flat_map(|pair| statements_in(cursor.nested(&tokens[pair[0]..pair[1]])));
    Ok(elements.collect())
}

/// `CREATE …` or `GRANT …`, but neither `GRANT CREATE` nor `WITH GRANT OPTION`.
fn starts_element(tokens: &[Token], at: usize) -> bool {
    let previous = at.checked_sub(1).map(|before| &tokens[before]);
    let is_grant = is_word(&tokens[at], "GRANT") && !previous.is_some_and(|token| is_word(token, "WITH"));
    let creates = [
        "TABLE",
        "VIEW",
        "INDEX",
        "UNIQUE",
        "SEQUENCE",
        "TRIGGER",
        "TEMP",
        "TEMPORARY",
        "UNLOGGED",
        "OR",
    ];
    let is_create = is_word(&tokens[at], "CREATE")
        && tokens
            .get(at + 1)
            .is_some_and(|next| creates.iter().any(|word| is_word(next, word)));
    is_grant || is_create
}

#[cfg(test)]
mod tests {
    use super::super::tests::{node, unreadable};
    use super::*;
    use crate::sql::name::Ident;

    #[test]
    fn a_schema_may_be_named_after_its_owner_and_hold_objects() {
        for (sql, name, owner, elements) in [
            ("CREATE SCHEMA IF NOT EXISTS s AUTHORIZATION bob", Some("s"), true, 0),
            ("create schema authorization current_user", None, true, 0),
            (
                "CREATE SCHEMA s CREATE TABLE t (a int) CREATE INDEX ON t (a) GRANT CREATE, USAGE ON SCHEMA s TO a WITH GRANT OPTION",
                Some("s"),
                false,
                3,
            ),
        ] {
            let Node::CreateSchema(schema) = node(sql) else {
                panic!("{sql}");
            };
            assert_eq!(schema.name.as_ref().map(Ident::as_str), name, "{sql}");
            assert_eq!(
                (schema.authorization.is_some(), schema.elements.len()),
                (owner, elements),
                "{sql}"
            );
        }
        unreadable("create schema s drop table t");
    }
}
