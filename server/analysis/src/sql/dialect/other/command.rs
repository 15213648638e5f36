//! TRUNCATE, LOCK, COPY, DO, CALL.

use smol_str::SmolStr;
use sqlparser::tokenizer::Token as SqlToken;

use super::parts::{inner_statement, options, relation, word};
use crate::sql::cursor::{Cursor, Parsed, Unreadable};
use crate::sql::lower;
use crate::sql::name::Ident;
use crate::sql::statement::{CopyData, Node};

/// `TRUNCATE [TABLE] table, … [RESTART|CONTINUE IDENTITY] [CASCADE]`
pub(super) fn truncate(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    cursor.eat("TABLE");
    let tables = cursor.list(relation)?;
    let restart_identity = cursor.eat_all(&["RESTART", "IDENTITY"]);
    cursor.eat_all(&["CONTINUE", "IDENTITY"]);
    Ok(Node::Truncate {
        tables,
        restart_identity,
        cascade: cursor.cascade().is_some(),
    })
}

/// `LOCK [TABLE] table, … [IN mode MODE] [NOWAIT]`
pub(super) fn lock(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    cursor.eat("TABLE");
    let tables = cursor.list(relation)?;
    let mode = if cursor.eat("IN") {
        lock_mode(cursor)?
    } else {
        "ACCESS EXCLUSIVE".into()
    };
    Ok(Node::Lock {
        tables,
        mode,
        nowait: cursor.eat("NOWAIT"),
    })
}

fn lock_mode(cursor: &mut Cursor<'_>) -> Parsed<SmolStr> {
    let mut words = Vec::new();
    while !cursor.eat("MODE") {
        words.push(word(cursor)?);
    }
    Ok(words.join(" ").into())
}

/// `COPY table [(column, …)] FROM|TO endpoint …`, `COPY (query) TO endpoint …`
pub(super) fn copy(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    cursor.eat("BINARY");
    let mut copy = CopyData {
        table: None,
        columns: Vec::new(),
        query: None,
        from: false,
        endpoint: SmolStr::default(),
        data: None,
    };
    if cursor.at_token(&SqlToken::LParen) {
        let statement = inner_statement(&mut cursor.parens()?)?;
        if let Node::Query(query) = statement.node {
            copy.query = Some(*query);
        }
    } else {
        copy.table = Some(cursor.name()?);
        copy.columns = cursor.optional_columns()?;
    }
    copy.from = cursor.eat_any(&["FROM", "TO"]).ok_or(Unreadable)? == "FROM";
    copy.endpoint = endpoint(cursor)?;
    copy_options(cursor)?;
    Ok(Node::Copy(Box::new(copy)))
}

fn endpoint(cursor: &mut Cursor<'_>) -> Parsed<SmolStr> {
    let word = cursor.eat_any(&["STDIN", "STDOUT", "PROGRAM"]).unwrap_or("FILE");
    if matches!(word, "PROGRAM" | "FILE") {
        cursor.string()?;
    }
    Ok(word.into())
}

/// `[WITH] (option, …)`, or the options of before 9.0 without parentheses; then `WHERE condition`.
fn copy_options(cursor: &mut Cursor<'_>) -> Parsed<()> {
    cursor.eat("USING");
    cursor.eat("WITH");
    if cursor.at_token(&SqlToken::LParen) {
        options(cursor)?;
    }
    while let Some(option) = cursor.eat_any(&[
        "BINARY",
        "FREEZE",
        "DELIMITERS",
        "DELIMITER",
        "NULL",
        "CSV",
        "HEADER",
        "QUOTE",
        "ESCAPE",
        "FORCE",
        "ENCODING",
    ]) {
        match option {
            "BINARY" | "FREEZE" | "CSV" | "HEADER" => {}
            "FORCE" => force(cursor)?,
            _ => {
                cursor.eat("AS");
                cursor.string()?;
            }
        }
    }
    if cursor.eat("WHERE") {
        cursor.expr(&[])?;
    }
    Ok(())
}

/// `FORCE QUOTE|NULL|NOT NULL column, …|*`
fn force(cursor: &mut Cursor<'_>) -> Parsed<()> {
    cursor.eat("NOT");
    cursor.eat_any(&["QUOTE", "NULL"]).ok_or(Unreadable)?;
    if !cursor.eat_token(&SqlToken::Mul) {
        cursor.idents()?;
    }
    Ok(())
}

/// `DO [LANGUAGE language] 'code'`, in any order
pub(super) fn run(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let mut language = None;
    let mut body = None;
    while !cursor.at_end() {
        if cursor.eat("LANGUAGE") {
            language = Some(language_name(cursor)?);
        } else if body.is_none() {
            body = Some(cursor.code()?);
        } else {
            return Err(Unreadable);
        }
    }
    Ok(Node::Do {
        language: language.unwrap_or_else(|| Ident::generated("plpgsql")),
        body: body.ok_or(Unreadable)?,
    })
}

/// A language's name, which may also be a string constant.
pub(super) fn language_name(cursor: &mut Cursor<'_>) -> Parsed<Ident> {
    if let Ok(ident) = cursor.ident() {
        return Ok(ident);
    }
    let (name, span) = cursor.string()?;
    Ok(Ident::unquoted(&name, span))
}

/// `CALL procedure(…)`
pub(super) fn call(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let tokens = cursor.rest();
    cursor.name()?;
    cursor.parens()?;
    Ok(Node::Call {
        function: Box::new(lower::expr(cursor.text, tokens)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{node, unreadable};
    use super::*;

    #[test]
    fn do_reads_its_language_before_or_after_the_code() {
        for (sql, expected, code) in [
            ("DO $$ BEGIN END $$", "plpgsql", " BEGIN END "),
            ("do language plv8 'x''y'", "plv8", "x'y"),
            ("do $a$b$a$ language 'SQL'", "sql", "b"),
        ] {
            let Node::Do { language, body } = node(sql) else {
                panic!("{sql}");
            };
            assert_eq!((language.as_str(), body.code(sql)), (expected, code), "{sql}");
        }
        unreadable("do language sql");
    }

    #[test]
    fn truncate_and_lock_list_their_tables() {
        assert!(matches!(
            node("TRUNCATE TABLE t, ONLY u * RESTART IDENTITY CASCADE"),
            Node::Truncate { tables, restart_identity: true, cascade: true } if tables.len() == 2 && tables[1].only
        ));
        assert!(matches!(
            node("lock s.t"),
            Node::Lock { mode, nowait: false, .. } if mode == "ACCESS EXCLUSIVE"
        ));
        assert!(matches!(
            node("LOCK TABLE t, only (u) IN SHARE row exclusive MODE NOWAIT"),
            Node::Lock { mode, nowait: true, tables } if mode == "SHARE ROW EXCLUSIVE" && tables.len() == 2
        ));
    }

    #[test]
    fn copy_knows_its_direction_and_endpoint() {
        for (sql, from, endpoint) in [
            ("COPY t (a, b) FROM stdin", true, "STDIN"),
            (
                "COPY t FROM stdin WITH (FORMAT csv, HEADER true, NULL '', FORCE_NULL (a, b)) WHERE a > 1",
                true,
                "STDIN",
            ),
            (
                "copy (select 1) to stdout with csv header delimiter as ',' force quote a, b",
                false,
                "STDOUT",
            ),
            ("copy binary t to program 'x' using delimiters '|'", false, "PROGRAM"),
            ("copy t to '/x'", false, "FILE"),
        ] {
            let Node::Copy(copy) = node(sql) else {
                panic!("{sql}");
            };
            assert_eq!((copy.from, copy.endpoint.as_str()), (from, endpoint), "{sql}");
        }
    }

    #[test]
    fn a_call_keeps_its_expression() {
        assert!(matches!(node("CALL s.p(1, x => 2)"), Node::Call { .. }));
        unreadable("call p");
    }
}
