//! sqlparser's AST to ours: expressions and queries. The only file that sees sqlparser's AST.

use super::statement::{Expr, ExprNode};
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
