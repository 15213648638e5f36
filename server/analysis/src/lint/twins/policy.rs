//! Conditions of policies.

use crate::sql::statement::{Expr, ExprNode};

/// Whether a condition lets every row through.
pub(crate) fn is_true(expr: Option<&Expr>) -> bool {
    expr.is_some_and(|expr| matches!(expr.node, ExprNode::Bool(true)))
}
