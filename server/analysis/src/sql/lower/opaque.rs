//! What tokens name, for expressions and queries that no parser here reads.

use sqlparser::tokenizer::Token as SqlToken;

use super::super::cursor::{Cursor, is_word};
use super::super::name::Name;
use super::super::statement::{Expr, ExprNode, Query, QueryBody};
use super::super::tokens::Token;
use super::{Reader, span_of};

/// Key words that name neither a column nor a function.
/// <https://www.postgresql.org/docs/current/sql-keywords-appendix.html>
const RESERVED: &[&str] = &[
    "all",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "at",
    "between",
    "both",
    "by",
    "case",
    "cast",
    "collate",
    "cross",
    "default",
    "delete",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "escape",
    "except",
    "exists",
    "false",
    "fetch",
    "filter",
    "for",
    "from",
    "full",
    "group",
    "having",
    "ilike",
    "in",
    "inner",
    "insert",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "materialized",
    "merge",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "over",
    "overlaps",
    "partition",
    "recursive",
    "returning",
    "right",
    "row",
    "rows",
    "select",
    "set",
    "similar",
    "some",
    "symmetric",
    "table",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unknown",
    "update",
    "using",
    "values",
    "variadic",
    "when",
    "where",
    "window",
    "with",
    "within",
];

/// The names in some tokens by what they stand for.
#[derive(Default)]
struct Mentions {
    columns: Vec<Name>,
    calls: Vec<Name>,
    relations: Vec<Name>,
}

impl<'a> Reader<'a> {
    /// The expression as the names in its tokens.
    pub(super) fn opaque_expr(self, tokens: &'a [Token]) -> Expr {
        let found = mentions(self.cursor(tokens));
        Expr {
            span: span_of(tokens),
            node: ExprNode::Opaque {
                columns: found.columns,
                calls: found.calls,
            },
        }
    }

    /// The query as the names in its tokens.
    pub(super) fn opaque_query(self, tokens: &'a [Token]) -> Query {
        Query {
            span: span_of(tokens),
            ctes: Vec::new(),
            body: self.opaque_body(tokens),
            tail: Vec::new(),
            limit: None,
            row_locks: None,
        }
    }

    /// The body of a query as the names in its tokens.
    pub(super) fn opaque_body(self, tokens: &'a [Token]) -> QueryBody {
        let found = mentions(self.cursor(tokens));
        QueryBody::Opaque {
            relations: found.relations,
            calls: found.calls,
        }
    }
}

fn mentions(mut cursor: Cursor<'_>) -> Mentions {
    let mut found = Mentions::default();
    let mut names_relation = false;
    let mut is_type = false;
    while let Some(token) = cursor.peek() {
        if !matches!(token.token, SqlToken::Word(_)) || is_reserved(token) {
            names_relation = introduces_relation(token) || (names_relation && is_word(token, "ONLY"));
            is_type = token.token == SqlToken::DoubleColon;
            cursor.next();
            continue;
        }
        let Ok(name) = cursor.name() else {
            cursor.next();
            continue;
        };
        if is_type {
            // A cast's type is neither.
        } else if cursor.at_token(&SqlToken::LParen) && !names_relation {
            found.calls.push(name);
        } else if names_relation {
            found.relations.push(name);
        } else {
            found.columns.push(name);
        }
        names_relation = false;
        is_type = false;
    }
    found
}

fn is_reserved(token: &Token) -> bool {
    match &token.token {
        SqlToken::Word(word) if word.quote_style.is_none() => RESERVED
            .iter()
            .any(|reserved| word.value.eq_ignore_ascii_case(reserved)),
        _ => false,
    }
}

fn introduces_relation(token: &Token) -> bool {
    ["FROM", "JOIN", "INTO", "USING", "UPDATE", "TABLE"]
        .iter()
        .any(|word| is_word(token, word))
}
