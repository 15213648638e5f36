//! The statements of PostgreSQL, by their leading keywords.

use super::cursor::{Cursor, Parsed, Unreadable};
use super::statement::Node;

/// Reads one statement; `Err` where no parser here reads all of it.
pub(crate) fn statement(_cursor: Cursor<'_>) -> Parsed<Node> {
    Err(Unreadable)
}
