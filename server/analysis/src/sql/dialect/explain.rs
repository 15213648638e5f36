//! EXPLAIN and PREPARE: statements around another one.

use sqlparser::tokenizer::Token as SqlToken;

use super::super::cursor::{Cursor, Parsed, Unreadable};
use super::super::statement::{Node, Statement};
use super::super::statements_in;
use super::types::type_name;

/// Behind `EXPLAIN`.
pub(crate) fn explain(c: &mut Cursor<'_>) -> Parsed<Node> {
    let analyze = if c.at_token(&SqlToken::LParen) && !holds_query(c) {
        let options = c.paren_list(|c| {
            let name = c.ident()?.value;
            let value = c.until(&[]);
            let off = ["false", "off", "0"].contains(&c.source(value).to_ascii_lowercase().as_str());
            Ok(name == "analyze" && !off)
        })?;
        options.contains(&true)
    } else {
        let analyze = c.eat_any(&["ANALYZE", "ANALYSE"]).is_some();
        c.eat("VERBOSE");
        analyze
    };
    Ok(Node::Explain {
        analyze,
        statement: Box::new(inner(c)?),
    })
}

/// Whether the parenthesis that is next holds a query and no options.
fn holds_query(c: &Cursor<'_>) -> bool {
    let mut ahead = *c;
    while ahead.eat_token(&SqlToken::LParen) {}
    ahead.at_any(&["SELECT", "WITH", "VALUES", "TABLE"])
}

/// Behind `PREPARE`.
pub(crate) fn prepare(c: &mut Cursor<'_>) -> Parsed<Node> {
    let name = c.ident()?;
    if c.at_token(&SqlToken::LParen) {
        c.paren_list(type_name)?;
    }
    c.expect("AS")?;
    Ok(Node::Prepare {
        name,
        statement: Box::new(inner(c)?),
    })
}

fn inner(c: &mut Cursor<'_>) -> Parsed<Statement> {
    let statement = statements_in(*c).pop();
    c.skip_rest();
    statement.ok_or(Unreadable)
}

#[cfg(test)]
mod tests {
    use super::super::testing::node;
    use super::*;

    #[test]
    fn only_analyze_runs_the_statement() {
        let cases = [
            ("explain select 1", false),
            ("explain analyze verbose select 1", true),
            ("explain (analyze, buffers) select 1", true),
            ("explain (analyze off, format json) select 1", false),
            ("explain ((select 1) union (select 2))", false),
        ];
        for (sql, expected) in cases {
            let Node::Explain { analyze, statement } = node(sql) else {
                panic!("{sql}")
            };
            assert_eq!(analyze, expected, "{sql}");
            assert!(!matches!(statement.node, Node::Unknown { .. }), "{sql}");
        }
    }

    #[test]
    fn prepared_statements_and_towers_of_explain() {
        assert!(matches!(
            node("prepare p (int, text) as select $1"),
            Node::Prepare { .. }
        ));
        assert!(matches!(
            node(&("explain ".repeat(5_000) + "select 1")),
            Node::Explain { .. }
        ));
    }
}
