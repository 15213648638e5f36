//! CREATE RULE.
//! <https://www.postgresql.org/docs/current/sql-createrule.html>

use sqlparser::tokenizer::Token as SqlToken;

use super::super::cursor::{Cursor, Parsed, Unreadable};
use super::super::statement::Node;
use super::super::statements_in;

/// Behind `CREATE [OR REPLACE] RULE`.
pub(crate) fn create(c: &mut Cursor<'_>, or_replace: bool) -> Parsed<Node> {
    let name = c.ident()?;
    c.expect_all(&["AS", "ON"])?;
    let event = c.eat_any(&["SELECT", "INSERT", "UPDATE", "DELETE"]).ok_or(Unreadable)?;
    c.expect("TO")?;
    let table = c.name()?;
    if c.eat("WHERE") {
        c.expr(&["DO"])?;
    }
    c.expect("DO")?;
    let instead = c.eat("INSTEAD");
    if !instead {
        c.eat("ALSO");
    }
    let actions = if c.eat("NOTHING") {
        Vec::new()
    } else if c.at_token(&SqlToken::LParen) {
        statements_in(c.parens()?)
    } else {
        let action = *c;
        c.skip_rest();
        statements_in(action)
    };
    Ok(Node::CreateRule {
        or_replace,
        name,
        table,
        event: event.into(),
        instead,
        actions,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::node;
    use super::*;

    #[test]
    fn one_action_many_actions_or_none() {
        let cases = [
            ("create rule r as on delete to t do instead nothing", 0),
            (
                "create or replace rule r as on insert to s.t where new.a is null do also insert into u values (1)",
                1,
            ),
            (
                "create rule r as on update to t do (insert into u values (1); delete from v)",
                2,
            ),
        ];
        for (sql, count) in cases {
            let Node::CreateRule { actions, .. } = node(sql) else {
                panic!("{sql}")
            };
            assert_eq!(actions.len(), count, "{sql}");
        }
    }

    #[test]
    fn rules_in_rules_in_rules_end() {
        let sql = "create rule r as on select to t do ".repeat(5_000) + "nothing";
        assert!(matches!(node(&sql), Node::CreateRule { .. }));
    }
}
