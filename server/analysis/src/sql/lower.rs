//! sqlparser's AST to ours: expressions and queries. The only file that sees sqlparser's AST.

use super::statement::{Expr, ExprNode, Node, Query, QueryBody};
use super::tokens::Token;

/// Reads an expression from exactly these tokens (at least one); never fails.
pub(crate) fn expr(_text: &str, tokens: &[Token]) -> Expr {
    let span = tokens.first().map(|token| token.span).unwrap_or_default();
    Expr {
        span,
        node: ExprNode::Opaque {
            columns: Vec::new(),
            calls: Vec::new(),
        },
    }
}

/// Reads a query from exactly these tokens (at least one); never fails.
pub(crate) fn query(_text: &str, tokens: &[Token]) -> Query {
    let span = tokens
        .first()
        .zip(tokens.last())
        .map(|(first, last)| first.span.cover(last.span))
        .unwrap_or_default();
    Query {
        span,
        ctes: Vec::new(),
        body: QueryBody::Opaque {
            relations: Vec::new(),
            calls: Vec::new(),
        },
        tail: Vec::new(),
    }
}

/// Reads SELECT, INSERT, UPDATE, DELETE or MERGE from exactly these tokens; never fails.
pub(crate) fn dml(text: &str, tokens: &[Token]) -> Node {
    Node::Query(Box::new(query(text, tokens)))
}
