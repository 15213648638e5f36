//! What a statement looks like to a grammar: its tokens, with every plain name and constant replaced.
//!
//! PostgreSQL's grammar sees kinds of tokens, not their text: two statements of one shape are both valid or both not.
//! Histories repeat few shapes, so a verdict about one is kept for the others.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{LazyLock, RwLock};

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::Token as SqlToken;

use super::tokens::Token;

/// Shapes kept before they are all forgotten: a few megabytes.
const MAX_SHAPES: usize = 200_000;

/// Words that PostgreSQL 14 to 19 or the built-in grammar know and sqlparser does not, sorted.
/// Source: `pg_get_keywords()` of each version, and the four storage modes.
const KEYWORDS: &[&str] = &[
    "also",
    "analyse",
    "assertion",
    "assignment",
    "attribute",
    "breadth",
    "checkpoint",
    "comments",
    "conditional",
    "constraints",
    "content",
    "conversion",
    "delimiters",
    "depth",
    "destination",
    "document",
    "edge",
    "expression",
    "finalize",
    "graph",
    "graph_table",
    "greatest",
    "handler",
    "implicit",
    "indent",
    "indexes",
    "inline",
    "isnull",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_value",
    "keep",
    "label",
    "lsn",
    "mapping",
    "merge_action",
    "move",
    "node",
    "oids",
    "others",
    "overriding",
    "prepared",
    "procedural",
    "procedures",
    "properties",
    "property",
    "publication",
    "quotes",
    "reassign",
    "recheck",
    "relationship",
    "repack",
    "routine",
    "routines",
    "split",
    "standalone",
    "strip",
    "subscription",
    "sysid",
    "transform",
    "trusted",
    "types",
    "unconditional",
    "unencrypted",
    "validator",
    "vertex",
    "wait",
    "whitespace",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
];

static VALID: LazyLock<RwLock<HashSet<u64>>> = LazyLock::new(RwLock::default);

/// A statement's shape, as a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape(u64);

impl Shape {
    /// The shape of the statement of these tokens; `None` where the text of a constant may decide.
    pub(crate) fn of(text: &str, tokens: &[Token]) -> Option<Self> {
        let mut hasher = DefaultHasher::new();
        let mut end = None;
        for (at, token) in tokens.iter().enumerate() {
            let word = token.span.slice(text);
            if end.is_some_and(|end| end < token.span.start) {
                hasher.write_u8(b' ');
            }
            let before = end.replace(token.span.end);
            match &token.token {
                // `0o7` and `1x` are one token to PostgreSQL, or an error.
                SqlToken::Number(..) | SqlToken::Word(_) if is_joint_number(tokens, at) => word.hash(&mut hasher),
                SqlToken::Word(name) if name.quote_style == Some('"') && is_plain(&name.value) => {
                    hasher.write(b"\"x\"");
                }
                SqlToken::Word(name) if name.quote_style.is_none() => {
                    if name.keyword == Keyword::NoKeyword && !is_keyword(word) {
                        hasher.write_u8(b'x');
                    } else if word.eq_ignore_ascii_case("uescape") {
                        return None;
                    } else {
                        word.bytes().for_each(|byte| hasher.write_u8(byte.to_ascii_lowercase()));
                    }
                }
                SqlToken::Number(..) if word.bytes().all(|byte| byte.is_ascii_digit()) => hasher.write_u8(b'1'),
                SqlToken::SingleQuotedString(_) => {
                    // Two constants make one when a line end parts them.
                    let between = before.map_or("", |before| &text[before as usize..token.span.start as usize]);
                    between.contains(['\n', '\r']).hash(&mut hasher);
                    between.contains("/*").hash(&mut hasher);
                    hasher.write(b"'x'");
                }
                SqlToken::DollarQuotedString(_) => hasher.write(b"$$x$$"),
                _ => word.hash(&mut hasher),
            }
        }
        Some(Self(hasher.finish()))
    }

    /// Whether a statement of this shape was found to be valid.
    pub(crate) fn is_valid(self) -> bool {
        VALID.read().is_ok_and(|valid| valid.contains(&self.0))
    }

    /// Remembers that a statement of this shape is valid.
    pub(crate) fn keep_valid(self) {
        if let Ok(mut valid) = VALID.write() {
            if valid.len() >= MAX_SHAPES {
                valid.clear();
            }
            valid.insert(self.0);
        }
    }
}

/// Whether no space parts a number and a word at this token.
fn is_joint_number(tokens: &[Token], at: usize) -> bool {
    let is_joint = |number: usize| {
        let pair = tokens.get(number).zip(tokens.get(number + 1));
        pair.is_some_and(|(number, word)| {
            matches!(number.token, SqlToken::Number(..))
                && matches!(word.token, SqlToken::Word(_))
                && number.span.end == word.span.start
        })
    };
    is_joint(at) || at.checked_sub(1).is_some_and(is_joint)
}

/// Not empty, and without a quote.
fn is_plain(inner: &str) -> bool {
    !inner.is_empty() && !inner.contains('"')
}

fn is_keyword(word: &str) -> bool {
    let mut lower = [0; LONGEST];
    let Some(lower) = lower.get_mut(..word.len()) else {
        return false;
    };
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    KEYWORDS
        .binary_search_by(|keyword| keyword.as_bytes().cmp(lower))
        .is_ok()
}

/// Bytes in the longest of [`KEYWORDS`].
const LONGEST: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::tokens::tokenize;

    fn shape(text: &str) -> Option<Shape> {
        Shape::of(text, &tokenize(text).tokens)
    }

    #[test]
    fn names_and_constants_do_not_matter() {
        for (one, other) in [
            ("create table a (b int)", "CREATE  TABLE\n orders (amount INT)"),
            ("select 'a', 1, \"B\"", "select 'it', 42, \"Ö\""),
            ("create function f() as $$a$$", "create function f() as $x$b$x$"),
            ("select a -- b\n from t", "select a /* c */ from t"),
        ] {
            assert!(shape(one).is_some());
            assert_eq!(shape(one), shape(other), "{one}");
        }
    }

    #[test]
    fn what_may_decide_matters() {
        for (one, other) in [
            ("select a b", "select a as"),
            ("select 1 a", "select 1a"),
            ("select 1o", "select 1x"),
            ("select a.b", "select a . b"),
            ("select < =", "select <="),
            ("select 'a'\n'b'", "select 'a' 'b'"),
            ("select 'a' /*\n*/ 'b'", "select 'a'\n'b'"),
            ("select e'\\1'", "select e'\\n'"),
            ("select \"\"", "select \"a\""),
            ("select 1", "select 1.5e"),
            (
                "alter table t alter a set storage plain",
                "alter table t alter a set storage plan",
            ),
            ("select a isnull", "select a b"),
        ] {
            assert_ne!(shape(one), shape(other), "{one}");
        }
        assert_eq!(shape("select U&'!0041' uescape '!'"), None);
    }

    #[test]
    fn the_extra_keywords_are_sorted_and_fit() {
        assert!(KEYWORDS.is_sorted());
        assert!(KEYWORDS.iter().all(|keyword| keyword.len() <= LONGEST));
    }
}
