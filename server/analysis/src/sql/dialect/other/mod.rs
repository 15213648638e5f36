//! Functions, types, roles, grants, comments and everything else that is no relation.

use super::super::cursor::{Cursor, Parsed, Unreadable};
use super::super::statement::Node;

/// Reads one statement of these kinds.
pub(crate) fn statement(_cursor: Cursor<'_>) -> Parsed<Node> {
    Err(Unreadable)
}
