//! What a constraint proves about a column, as far as SET NOT NULL looks.

use super::objects::{Constraint, ConstraintKind, Table};
use crate::sql::statement::{AlterActionKind, AlterTable, Expr, ExprNode};

/// The constraint of the table that says the column is never NULL: a CHECK, or PostgreSQL 18's NOT NULL; a validated one before one that is not.
/// Constraints that the same ALTER TABLE drops prove nothing: PostgreSQL drops them before it looks (measured).
pub fn not_null_proof<'a>(table: &'a Table, column: &str, alter: &AlterTable) -> Option<&'a Constraint> {
    let says_so = |constraint: &&Constraint| match &constraint.kind {
        ConstraintKind::Check(expr) => excludes_null(expr, column),
        ConstraintKind::NotNull => constraint.columns.iter().any(|own| own == column),
        _ => false,
    };
    let stays = |constraint: &&Constraint| !drops(alter, &constraint.name);
    let mut found: Vec<&Constraint> = table
        .constraints
        .iter()
        .map(|constraint| &**constraint)
        .filter(says_so)
        .filter(stays)
        .collect();
    found.sort_by_key(|constraint| !constraint.validated);
    found.first().copied()
}

/// Whether the statement drops the constraint of that name.
pub fn drops(alter: &AlterTable, constraint: &str) -> bool {
    alter
        .actions
        .iter()
        .any(|action| matches!(&action.kind, AlterActionKind::DropConstraint { name, .. } if name.value == constraint))
}

/// Whether the condition says `column is not null`: alone, as part of a conjunction, or on both sides of OR.
/// `ConstraintImpliedByRelConstraint`, measured: comparisons do not count, since NULL passes a CHECK.
pub fn excludes_null(expr: &Expr, column: &str) -> bool {
    let is_column = |expr: &Expr| matches!(&expr.node, ExprNode::Column(name) if name.last().value == column);
    match &expr.node {
        ExprNode::IsNull { expr, not: true } => is_column(expr),
        ExprNode::Not(inner) => matches!(&inner.node, ExprNode::IsNull { expr, not: false } if is_column(expr)),
        ExprNode::And(left, right) => excludes_null(left, column) || excludes_null(right, column),
        ExprNode::Or(left, right) => excludes_null(left, column) && excludes_null(right, column),
        _ => false,
    }
}
