//! CREATE STATISTICS, and the target of ALTER STATISTICS.
//! <https://www.postgresql.org/docs/current/sql-createstatistics.html>

use sqlparser::tokenizer::Token as SqlToken;

use super::super::cursor::{Cursor, Parsed};
use super::super::statement::{AlterObject, Node, ObjectKind, ObjectRef};

/// Behind `CREATE STATISTICS`.
pub(crate) fn create(c: &mut Cursor<'_>) -> Parsed<Node> {
    let if_not_exists = c.if_not_exists();
    let unnamed = c.at_word("ON") || c.at_token(&SqlToken::LParen);
    let name = if unnamed { None } else { Some(c.name()?) };
    let kinds = c.optional_columns()?;
    c.expect("ON")?;
    let keys = c.list(|c| c.expr(&["FROM"]))?;
    c.expect("FROM")?;
    Ok(Node::CreateStatistics {
        if_not_exists,
        name,
        kinds,
        keys,
        table: Some(c.name()?),
    })
}

/// `ALTER STATISTICS [IF EXISTS] s SET STATISTICS n`, behind `ALTER STATISTICS`.
pub(crate) fn set_target(c: &mut Cursor<'_>) -> Parsed<Node> {
    let if_exists = c.if_exists();
    let name = c.name()?;
    c.expect_all(&["SET", "STATISTICS"])?;
    if !c.eat("DEFAULT") {
        c.number()?;
    }
    Ok(Node::AlterObject {
        object: ObjectRef {
            kind: ObjectKind::Statistics,
            span: name.span(),
            name,
            arguments: None,
            table: None,
        },
        if_exists,
        action: AlterObject::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::node;
    use super::*;

    #[test]
    fn names_and_kinds_may_be_missing() {
        let Node::CreateStatistics { name, kinds, keys, .. } =
            node("create statistics if not exists s.st (ndistinct, dependencies) on a, lower(b), (c || d) from t")
        else {
            panic!()
        };
        assert!(name.is_some());
        assert_eq!((kinds.len(), keys.len()), (2, 3));
        assert!(matches!(
            node("create statistics on a, b from t"),
            Node::CreateStatistics { name: None, .. }
        ));
        assert!(matches!(
            node("alter statistics st set statistics -1"),
            Node::AlterObject { .. }
        ));
    }
}
