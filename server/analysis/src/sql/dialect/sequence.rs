//! CREATE and ALTER SEQUENCE, and the sequence options of identity columns.
//! <https://www.postgresql.org/docs/current/sql-createsequence.html>

use sqlparser::tokenizer::Token as SqlToken;

use super::super::cursor::{Cursor, Parsed, Unreadable};
use super::super::statement::{AlterSequence, CreateSequence, Node, Persistence, SequenceOption};
use super::types::type_name;

/// Behind `CREATE [TEMP | UNLOGGED] SEQUENCE`.
pub(crate) fn create(c: &mut Cursor<'_>, persistence: Persistence) -> Parsed<Node> {
    let if_not_exists = c.if_not_exists();
    Ok(Node::CreateSequence(Box::new(CreateSequence {
        name: c.name()?,
        if_not_exists,
        persistence,
        options: options(c)?,
    })))
}

/// Behind `ALTER SEQUENCE`, where options follow the name.
pub(crate) fn alter(c: &mut Cursor<'_>) -> Parsed<Node> {
    let if_exists = c.if_exists();
    let name = c.name()?;
    let options = options(c)?;
    if options.is_empty() {
        return Err(Unreadable);
    }
    Ok(Node::AlterSequence(Box::new(AlterSequence {
        name,
        if_exists,
        options,
    })))
}

/// Sequence options in any order, up to the first word that is none.
pub(crate) fn options(c: &mut Cursor<'_>) -> Parsed<Vec<SequenceOption>> {
    let mut options = Vec::new();
    while let Some(option) = option(c)? {
        options.push(option);
    }
    Ok(options)
}

/// `(options)` of an identity column, if a parenthesis is next.
pub(crate) fn paren_options(c: &mut Cursor<'_>) -> Parsed<Vec<SequenceOption>> {
    if !c.at_token(&SqlToken::LParen) {
        return Ok(Vec::new());
    }
    let mut inside = c.parens()?;
    let options = options(&mut inside)?;
    inside.finish()?;
    Ok(options)
}

/// One option; `None` where the next word starts none.
pub(crate) fn option(c: &mut Cursor<'_>) -> Parsed<Option<SequenceOption>> {
    let option = if c.eat("AS") {
        SequenceOption::As(type_name(c)?)
    } else if c.eat("INCREMENT") {
        c.eat("BY");
        SequenceOption::Increment(c.number()?)
    } else if c.eat("MINVALUE") {
        SequenceOption::MinValue(Some(c.number()?))
    } else if c.eat("MAXVALUE") {
        SequenceOption::MaxValue(Some(c.number()?))
    } else if c.eat_all(&["NO", "MINVALUE"]) {
        SequenceOption::MinValue(None)
    } else if c.eat_all(&["NO", "MAXVALUE"]) {
        SequenceOption::MaxValue(None)
    } else if c.eat_all(&["NO", "CYCLE"]) {
        SequenceOption::Cycle(false)
    } else if c.eat("CYCLE") {
        SequenceOption::Cycle(true)
    } else if c.eat("START") {
        c.eat("WITH");
        SequenceOption::Start(c.number()?)
    } else if c.eat("RESTART") {
        let with = c.eat("WITH");
        match c.number() {
            Ok(number) => SequenceOption::Restart(Some(number)),
            Err(_) if !with => SequenceOption::Restart(None),
            Err(error) => return Err(error),
        }
    } else if c.eat("CACHE") {
        SequenceOption::Cache(c.number()?)
    } else if c.eat_all(&["OWNED", "BY", "NONE"]) {
        SequenceOption::OwnedBy(None)
    } else if c.eat_all(&["OWNED", "BY"]) {
        SequenceOption::OwnedBy(Some(c.name()?))
    } else if c.eat_all(&["SEQUENCE", "NAME"]) {
        SequenceOption::Name(c.name()?)
    } else if c.eat("LOGGED") || c.eat_all(&["SET", "LOGGED"]) {
        SequenceOption::Logged(true)
    } else if c.eat("UNLOGGED") || c.eat_all(&["SET", "UNLOGGED"]) {
        SequenceOption::Logged(false)
    } else {
        return Ok(None);
    };
    Ok(Some(option))
}

#[cfg(test)]
mod tests {
    use super::super::testing::node;
    use super::*;

    #[test]
    fn options_come_in_any_order() {
        let sql = "create sequence if not exists s start with 1 increment by -1 no minvalue maxvalue 9 cache 1 as bigint owned by public.t.id no cycle";
        let Node::CreateSequence(create) = node(sql) else {
            panic!("{sql}")
        };
        assert_eq!(create.options[0], SequenceOption::Start("1".into()));
        assert_eq!(create.options[1], SequenceOption::Increment("-1".into()));
        assert_eq!(create.options.len(), 8);
    }

    #[test]
    fn alter_sequence_restarts_and_changes_owner() {
        let Node::AlterSequence(alter) = node("alter sequence if exists s restart owned by none") else {
            panic!()
        };
        assert_eq!(
            alter.options,
            [SequenceOption::Restart(None), SequenceOption::OwnedBy(None)]
        );
        assert!(matches!(
            node("create sequence s start 5 frobnicate"),
            Node::Unknown { .. }
        ));
    }
}
