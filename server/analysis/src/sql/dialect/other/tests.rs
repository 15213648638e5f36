//! What the tests of this folder share, and every statement that a rewrite of it must still read.

use crate::sql::parse;
use crate::sql::statement::Node;

pub(super) use crate::sql::dialect::testing::node;

/// Asserts that nobody reads `sql`.
pub(super) fn unreadable(sql: &str) {
    let node = node(sql);
    assert!(matches!(node, Node::Unknown { .. }), "{sql}: {node:?}");
}

#[test]
fn every_statement_of_the_list_is_read() {
    let read = |sql: &&str| {
        let file = parse(sql);
        file.statements.len() == 1 && !matches!(file.statements[0].node, Node::Unknown { .. })
    };
    let all = include_str!("statements.sql").lines();
    let unread: Vec<&str> = all.filter(|sql| !read(sql)).collect();
    assert!(unread.is_empty(), "{unread:#?}");
}

#[test]
fn a_statement_cut_short_never_panics() {
    for sql in include_str!("statements.sql").lines() {
        for (at, _) in sql.match_indices(' ') {
            parse(&sql[..at]);
            parse(&format!("{} x", &sql[..at]));
            parse(&sql[at..]);
        }
    }
}
