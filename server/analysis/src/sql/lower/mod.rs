//! Tokens to expressions, queries and data-modifying statements.
//!
//! A query is cut into its clauses here, by keywords at the outermost level; every expression is read by sqlparser and
//! its AST lowered to ours. So one construct that sqlparser lacks costs one expression and never the statement, every
//! span comes from tokens, and nothing recurses deeper than [`Reader`] allows. Only `expr` sees sqlparser's AST.

mod dml;
mod expr;
mod feed;
mod from;
mod opaque;
mod query;

use sqlparser::tokenizer::Token as SqlToken;

use super::cursor::{Cursor, is_word};
use super::statement::{Expr, Node, Query};
use super::tokens::Token;
use crate::text::Span;

/// Reads an expression from exactly these tokens (at least one); never fails.
pub(crate) fn expr(text: &str, tokens: &[Token]) -> Expr {
    Reader::new(text, tokens).expr(tokens)
}

/// Reads a query from exactly these tokens (at least one); never fails.
pub(crate) fn query(text: &str, tokens: &[Token]) -> Query {
    Reader::new(text, tokens).query(tokens)
}

/// Reads SELECT, VALUES, TABLE, INSERT, UPDATE, DELETE or MERGE, with or without WITH, from exactly these tokens;
/// never fails.
pub(crate) fn dml(text: &str, tokens: &[Token]) -> Node {
    Reader::new(text, tokens).dml(tokens)
}

/// Queries, parentheses and expressions in each other, beyond which the rest is opaque. A debug build needs about
/// 20 kB of stack per level.
const MAX_NESTING: usize = 48;

/// With more parentheses in each other than this, only the outermost levels are read: every level reads its tokens anew.
const MAX_PARENTHESES: usize = 100;
const LEVELS_OF_THE_ABSURD: usize = 3;

/// The text, and how much deeper the reader may go.
#[derive(Clone, Copy)]
struct Reader<'a> {
    text: &'a str,
    levels: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, tokens: &[Token]) -> Self {
        let levels = if depth(tokens) > MAX_PARENTHESES {
            LEVELS_OF_THE_ABSURD
        } else {
            MAX_NESTING
        };
        Self { text, levels }
    }

    fn deeper(self) -> Option<Self> {
        let levels = self.levels.checked_sub(1)?;
        Some(Self { levels, ..self })
    }

    fn cursor(self, tokens: &'a [Token]) -> Cursor<'a> {
        Cursor::new(self.text, tokens)
    }

    /// Expressions between commas.
    fn exprs(self, tokens: &'a [Token]) -> Vec<Expr> {
        commas(tokens).into_iter().map(|piece| self.expr(piece)).collect()
    }
}

/// Collects without room for more: a tree is many short lists, and is kept as long as its file.
fn exact<T>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = items.into_iter().collect();
    all.shrink_to_fit();
    all
}

/// How many parentheses are in each other at most.
fn depth(tokens: &[Token]) -> usize {
    let (mut depth, mut most) = (0_usize, 0);
    for token in tokens {
        match token.token {
            SqlToken::LParen | SqlToken::LBracket => depth += 1,
            SqlToken::RParen | SqlToken::RBracket => depth = depth.saturating_sub(1),
            _ => {}
        }
        most = most.max(depth);
    }
    most
}

/// First byte to last byte of `tokens`.
fn span_of(tokens: &[Token]) -> Span {
    tokens
        .first()
        .zip(tokens.last())
        .map(|(first, last)| first.span.cover(last.span))
        .unwrap_or_default()
}

/// The tokens outside of all parentheses, brackets and `CASE … END`, with their indices; of each of those only the
/// opening and closing token.
fn top_level(tokens: &[Token]) -> impl Iterator<Item = (usize, &Token)> {
    let mut depth = 0_usize;
    tokens.iter().enumerate().filter(move |(at, token)| {
        let before = depth;
        match &token.token {
            SqlToken::LParen | SqlToken::LBracket => depth += 1,
            SqlToken::RParen | SqlToken::RBracket => depth = depth.saturating_sub(1),
            SqlToken::Word(_) if is_label(tokens, *at) => {}
            SqlToken::Word(_) if is_word(token, "CASE") => depth += 1,
            SqlToken::Word(_) if is_word(token, "END") => depth = depth.saturating_sub(1),
            _ => {}
        }
        before.min(depth) == 0
    })
}

/// Whether a word stands where any keyword is a plain name: after a period or `AS`.
fn is_label(tokens: &[Token], at: usize) -> bool {
    at.checked_sub(1)
        .and_then(|before| tokens.get(before))
        .is_some_and(|before| before.token == SqlToken::Period || is_word(before, "AS"))
}

/// The pieces between top-level commas; empty ones are left out.
fn commas(tokens: &[Token]) -> Vec<&[Token]> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for (at, token) in top_level(tokens) {
        if token.token == SqlToken::Comma {
            pieces.push(&tokens[start..at]);
            start = at + 1;
        }
    }
    pieces.push(&tokens[start..]);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// Whether the words stand at `at`, none of them as a plain name.
fn words_at(tokens: &[Token], at: usize, words: &[&str]) -> bool {
    words
        .iter()
        .enumerate()
        .all(|(n, word)| tokens.get(at + n).is_some_and(|token| is_word(token, word)))
        && !is_label(tokens, at)
}

/// `FROM` that starts no clause: `IS [NOT] DISTINCT FROM` and `ROWS FROM (…)`.
fn is_inner_from(tokens: &[Token], at: usize) -> bool {
    let word_before = |n: usize, word| at.checked_sub(n).is_some_and(|before| is_word(&tokens[before], word));
    let opens = tokens.get(at + 1).is_some_and(|next| next.token == SqlToken::LParen);
    (opens && word_before(1, "ROWS") && !is_label(tokens, at - 1))
        || (word_before(1, "DISTINCT") && (word_before(2, "IS") || word_before(2, "NOT")))
}

/// Cuts `tokens` at clause keywords that come at most once and in this order. The first piece is what stands before
/// them all; piece `n + 1` is what follows keyword `n`, `None` where that is not written.
fn clauses<'a, const N: usize>(tokens: &'a [Token], keywords: [&[&str]; N]) -> (&'a [Token], [Option<&'a [Token]>; N]) {
    let mut starts: Vec<(usize, usize)> = Vec::new();
    let mut next = 0;
    for (at, token) in top_level(tokens) {
        if next >= N || !matches!(token.token, SqlToken::Word(_)) {
            continue;
        }
        let found = (next..N).find(|n| words_at(tokens, at, keywords[*n]));
        let Some(found) = found.filter(|_| !is_inner_from(tokens, at)) else {
            continue;
        };
        starts.push((found, at));
        next = found + 1;
    }
    let head = starts.first().map_or(tokens.len(), |(_, at)| *at);
    let mut pieces = [None; N];
    for (n, (which, at)) in starts.iter().enumerate() {
        let end = starts.get(n + 1).map_or(tokens.len(), |(_, next)| *next);
        pieces[*which] = Some(&tokens[at + keywords[*which].len()..end]);
    }
    (&tokens[..head], pieces)
}

/// What stands between the parentheses, if the tokens are one parenthesised group and nothing else.
fn inside_parens<'a>(text: &'a str, tokens: &'a [Token]) -> Option<&'a [Token]> {
    let mut cursor = Cursor::new(text, tokens);
    let inside = cursor.parens().ok()?;
    cursor.at_end().then(|| inside.rest())
}

/// Whether the tokens between a pair of parentheses are a query and not an expression.
fn is_query(text: &str, tokens: &[Token]) -> bool {
    let opened = tokens
        .iter()
        .take_while(|token| token.token == SqlToken::LParen)
        .count();
    if !starts_query(&tokens[opened..]) {
        return false;
    }
    if opened == 0 {
        return true;
    }
    // `((SELECT 1) UNION SELECT 2)` is a query, `((SELECT 1) + 1)` an expression.
    let mut cursor = Cursor::new(text, tokens);
    let Ok(inside) = cursor.parens() else { return false };
    let goes_on = cursor.at_end()
        || cursor.at_any(&[
            "UNION",
            "INTERSECT",
            "EXCEPT",
            "ORDER",
            "LIMIT",
            "OFFSET",
            "FETCH",
            "FOR",
        ]);
    goes_on && opened < MAX_NESTING && is_query(text, inside.rest())
}

fn starts_query(tokens: &[Token]) -> bool {
    let Some(first) = tokens.first() else { return false };
    let values = is_word(first, "VALUES") && tokens.get(1).is_some_and(|next| next.token == SqlToken::LParen);
    let table = is_word(first, "TABLE") && matches!(tokens.get(1).map(|next| &next.token), Some(SqlToken::Word(_)));
    is_word(first, "SELECT") || is_word(first, "WITH") || values || table
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::statement::{ExprNode, QueryBody};
    use super::super::tokens::tokenize;
    use super::*;

    /// Reads `text` as an expression, a query and a statement, on a test's small stack.
    fn survives(text: &str) {
        let tokens = tokenize(text).tokens;
        drop(expr(text, &tokens));
        drop(query(text, &tokens));
        drop(dml(text, &tokens));
    }

    #[test]
    fn depth_and_length_are_bounded() {
        for (before, repeated, between, closing) in [
            ("select ", "(", "1", ")"),
            ("select ", "(", "select 1", ")"),
            ("select ", "(select ", "1", ")"),
            ("select * from ", "(", "t", ")"),
            ("select * from ", "(select * from ", "t", ") x"),
            ("select * from t", " join t", "", ""),
            ("select * from t", " join t", "", " on x"),
            ("select * from t", ", t", "", ""),
            ("select 1", " union select 1", "", ""),
            ("select 1", " + 1", "", ""),
            ("select 1", " || 1", "", ""),
            ("select * from t where a", " and a", "", ""),
            ("select * from t where a is document", " and a", "", ""),
            ("select * from t where a is document", " or a and b is document", "", ""),
            ("select ", "not ", "a", ""),
            ("select ", "- ", "1", ""),
            ("select ", "f(", "1", ")"),
            ("select ", "a[", "1", "]"),
            ("select a", "[1]", "", ""),
            ("select a", "::int", "", ""),
            ("select a", " collate c", "", ""),
            ("select (a)", ".b", "", ""),
            ("select ", "array[", "1", "]"),
            ("select ", "case when ", "a", " then 1 end"),
            ("select a in ", "(1, a in ", "(1)", ")"),
            ("", "with a as (", "select 1", ") select 1"),
            ("", "insert into t with a as (", "select 1", ") select 1"),
            ("select 1 group by ", "grouping sets (", "a", ")"),
            ("select ", "exists (select 1 where ", "true", ")"),
            ("select ", "cast(", "1", " as int)"),
            ("(", "((", "", ""),
        ] {
            for times in [30, 49, 100, 5_000] {
                survives(&format!(
                    "{before}{}{between}{}",
                    repeated.repeat(times),
                    closing.repeat(times)
                ));
            }
        }
    }

    #[test]
    fn chains_of_a_hundred_thousand_operators_are_opaque() {
        for operator in ["+", "and", "||"] {
            let text = format!("f(a){}", format!(" {operator} b").repeat(100_000));
            let read = expr(&text, &tokenize(&text).tokens);
            assert!(matches!(read.node, ExprNode::Opaque { calls, .. } if calls.len() == 1));
        }
    }

    #[test]
    fn nested_expressions_of_real_depth_are_read() {
        let text = format!("{}a{}", "coalesce((".repeat(20), "), 1)".repeat(20));
        assert!(matches!(
            expr(&text, &tokenize(&text).tokens).node,
            ExprNode::Call { .. }
        ));
        let text = format!("a{}", " and a".repeat(300));
        assert!(matches!(expr(&text, &tokenize(&text).tokens).node, ExprNode::And(..)));
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test may look at the clock")]
    fn long_lists_are_read() {
        let started = Instant::now();
        let rows = vec!["(1, 'a', now(), null, -2.5)"; 20_000].join(", ");
        let text = format!("values {rows}");
        let QueryBody::Values(read) = query(&text, &tokenize(&text).tokens).body else {
            panic!("no rows")
        };
        assert_eq!(read.len(), 20_000);
        let text = format!("a in ({})", vec!["1 + 1"; 20_000].join(", "));
        let read = expr(&text, &tokenize(&text).tokens);
        assert!(matches!(read.node, ExprNode::Operator { operands, .. } if operands.len() == 20_001));
        assert!(started.elapsed() < Duration::from_secs(20), "even without optimisation");
    }
}
