//! The statements of PostgreSQL, by their leading keywords: one file per family, each read to its last token.

mod column;
mod index;
mod parts;
mod sequence;
mod table;
mod types;

use super::cursor::{Cursor, Parsed, Unreadable};
use super::statement::Node;

/// Reads one statement; `Err` where no parser here reads all of it.
pub(crate) fn statement(cursor: Cursor<'_>) -> Parsed<Node> {
    if cursor.too_deep() {
        return Err(Unreadable);
    }
    let mut c = cursor;
    let node = if c.eat("CREATE") {
        create(&mut c)?
    } else if c.eat_all(&["ALTER", "SEQUENCE"]) {
        sequence::alter(&mut c)?
    } else {
        return Err(Unreadable);
    };
    c.finish()?;
    Ok(node)
}

/// Behind `CREATE`.
fn create(c: &mut Cursor<'_>) -> Parsed<Node> {
    if c.eat_all(&["UNIQUE", "INDEX"]) {
        return index::create(c, true);
    }
    if c.eat("INDEX") {
        return index::create(c, false);
    }
    if c.eat_all(&["FOREIGN", "TABLE"]) {
        return table::create_foreign(c);
    }
    let persistence = parts::persistence(c);
    if c.eat("TABLE") {
        return table::create(c, persistence);
    }
    if c.eat("SEQUENCE") {
        return sequence::create(c, persistence);
    }
    Err(Unreadable)
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
