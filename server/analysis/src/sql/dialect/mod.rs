//! Every statement, by its leading keywords: one file per family of statements, each read to its last token.

mod alter_table;
mod column;
mod explain;
mod index;
mod other;
mod parts;
mod policy;
mod rule;
mod sequence;
mod statistics;
mod table;
mod trigger;
pub(crate) mod types;
mod view;

#[cfg(test)]
mod tests;

use sqlparser::tokenizer::Token as SqlToken;

use super::cursor::{Cursor, Parsed, Unreadable};
use super::lower;
use super::statement::{Node, ObjectKind, Persistence};

/// Reads one statement; `Err` where no parser here reads all of it.
pub(crate) fn statement(cursor: Cursor<'_>) -> Parsed<Node> {
    if cursor.too_deep() {
        return Err(Unreadable);
    }
    let mut c = cursor;
    let node = if is_dml(&c) {
        return Ok(lower::dml(c.text, c.rest()));
    } else if c.eat("CREATE") {
        create(&mut c)?
    } else if c.eat("ALTER") {
        alter(&mut c)?
    } else if c.eat("EXPLAIN") {
        Some(explain::explain(&mut c)?)
    } else if c.at_word("PREPARE") && !c.at_words(&["PREPARE", "TRANSACTION"]) {
        c.next();
        Some(explain::prepare(&mut c)?)
    } else {
        None
    };
    let Some(node) = node else {
        return other::statement(cursor);
    };
    c.finish()?;
    Ok(node)
}

fn is_dml(c: &Cursor<'_>) -> bool {
    c.at_any(&[
        "SELECT", "WITH", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE", "MERGE",
    ]) || c.at_token(&SqlToken::LParen)
}

/// Behind `CREATE`; `None` for the kinds of [`other`].
fn create(c: &mut Cursor<'_>) -> Parsed<Option<Node>> {
    let or_replace = c.eat_all(&["OR", "REPLACE"]);
    let node = if c.eat("TRIGGER") {
        trigger::create(c, or_replace, false)
    } else if c.eat_all(&["CONSTRAINT", "TRIGGER"]) {
        trigger::create(c, or_replace, true)
    } else if c.eat_all(&["EVENT", "TRIGGER"]) {
        trigger::create_event(c)
    } else if c.eat("RULE") {
        rule::create(c, or_replace)
    } else if c.eat_all(&["UNIQUE", "INDEX"]) {
        index::create(c, true)
    } else if c.eat("INDEX") {
        index::create(c, false)
    } else if c.eat("POLICY") {
        policy::create(c)
    } else if c.eat("STATISTICS") {
        statistics::create(c)
    } else if c.eat_all(&["FOREIGN", "TABLE"]) {
        table::create_foreign(c)
    } else {
        return create_relation(c, or_replace).transpose();
    };
    node.map(Some)
}

/// The kinds that may be temporary or unlogged.
fn create_relation(c: &mut Cursor<'_>, or_replace: bool) -> Option<Parsed<Node>> {
    let persistence = parts::persistence(c);
    if c.eat("TABLE") {
        return Some(table::create(c, persistence));
    }
    if c.eat("SEQUENCE") {
        return Some(sequence::create(c, persistence));
    }
    if c.eat_all(&["MATERIALIZED", "VIEW"]) {
        return Some(view::create_materialized(c));
    }
    let recursive = c.eat("RECURSIVE");
    c.eat("VIEW").then(|| {
        let prefix = view::Prefix {
            or_replace,
            temporary: persistence == Persistence::Temporary,
            recursive,
        };
        view::create(c, prefix)
    })
}

/// Behind `ALTER`; `None` for the kinds of [`other`].
fn alter(c: &mut Cursor<'_>) -> Parsed<Option<Node>> {
    let kind = if c.eat("TABLE") {
        ObjectKind::Table
    } else if c.eat_all(&["FOREIGN", "TABLE"]) {
        ObjectKind::ForeignTable
    } else if c.eat("VIEW") {
        ObjectKind::View
    } else if c.eat_all(&["MATERIALIZED", "VIEW"]) {
        ObjectKind::MaterializedView
    } else if c.eat("INDEX") {
        ObjectKind::Index
    } else if c.eat("SEQUENCE") {
        let options = *c;
        match sequence::alter(c).and_then(|node| c.finish().map(|()| node)) {
            Ok(node) => return Ok(Some(node)),
            Err(_) => *c = options,
        }
        ObjectKind::Sequence
    } else if c.eat("POLICY") {
        return policy::alter(c).map(Some);
    } else if c.eat_all(&["EVENT", "TRIGGER"]) {
        return trigger::alter_event(c).map(Some);
    } else if c.eat("STATISTICS") {
        return Ok(statistics::set_target(c).ok());
    } else {
        return Ok(None);
    };
    alter_table::alter(c, kind).map(Some)
}

#[cfg(test)]
mod testing {
    use super::super::parse;
    use super::Node;

    /// The one statement of `sql`.
    pub(super) fn node(sql: &str) -> Node {
        let mut file = parse(sql);
        assert_eq!(file.statements.len(), 1, "{sql}");
        file.statements.remove(0).node
    }
}
