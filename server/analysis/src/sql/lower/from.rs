//! What stands behind FROM: relations, functions, subqueries and their joins.
//! <https://www.postgresql.org/docs/current/sql-select.html#SQL-FROM>

use sqlparser::tokenizer::Token as SqlToken;

use super::super::cursor::{Cursor, Parsed, Unreadable, ident_of, is_word};
use super::super::name::Ident;
use super::super::statement::{Expr, FromItem};
use super::super::tokens::Token;
use super::{Reader, commas, is_query, top_level};

/// Words that follow a relation and are no alias.
const NO_ALIAS: &[&str] = &[
    "CROSS",
    "FULL",
    "INNER",
    "JOIN",
    "LEFT",
    "NATURAL",
    "ON",
    "RIGHT",
    "SET",
    "TABLESAMPLE",
    "USING",
    "WHERE",
    "WITH",
    "DEFAULT",
    "VALUES",
    "SELECT",
    "RETURNING",
];

/// A join's condition ends where the next join begins.
const JOIN_WORDS: &[&str] = &["CROSS", "FULL", "INNER", "JOIN", "LEFT", "NATURAL", "RIGHT"];

type Alias = (Option<Ident>, Vec<Ident>);

impl<'a> Reader<'a> {
    /// The items between the commas behind FROM or USING; what cannot be read is left out.
    pub(super) fn from(self, tokens: &'a [Token]) -> Vec<FromItem> {
        let Some(reader) = self.deeper() else {
            return Vec::new();
        };
        let pieces = commas(tokens).into_iter();
        super::exact(pieces.filter_map(|piece| reader.joined(&mut reader.cursor(piece)).ok()))
    }

    /// One item and everything joined to it.
    pub(super) fn joined(self, cursor: &mut Cursor<'a>) -> Parsed<FromItem> {
        let mut left = self.factor(cursor)?;
        let mut joins = 0;
        while let Some((natural, cross)) = join_words(cursor) {
            joins += 1;
            let Ok(mut right) = self.factor(cursor) else {
                return Ok(left);
            };
            let unconditional = natural || cross;
            if !unconditional && !cursor.at_any(&["ON", "USING"]) {
                // `a JOIN b JOIN c ON … ON …`: the inner join comes first.
                right = self.join_onto(right, cursor);
            }
            left = self.join(left, right, natural, unconditional, cursor);
            if joins > 300 {
                break;
            }
        }
        Ok(left)
    }

    fn join_onto(self, left: FromItem, cursor: &mut Cursor<'a>) -> FromItem {
        let before = *cursor;
        let Some(reader) = self.deeper() else { return left };
        let Some((natural, cross)) = join_words(cursor) else {
            return left;
        };
        let Ok(mut right) = reader.factor(cursor) else {
            *cursor = before;
            return left;
        };
        let unconditional = natural || cross;
        if !unconditional && !cursor.at_any(&["ON", "USING"]) {
            right = reader.join_onto(right, cursor);
        }
        reader.join(left, right, natural, unconditional, cursor)
    }

    /// Reads the condition of a join.
    fn join(
        self,
        left: FromItem,
        right: FromItem,
        natural: bool,
        unconditional: bool,
        cursor: &mut Cursor<'a>,
    ) -> FromItem {
        let (mut using, mut on) = (Vec::new(), None);
        if !unconditional && cursor.eat("ON") {
            on = self.condition(cursor);
        } else if !unconditional && cursor.eat("USING") {
            using = cursor.optional_columns().unwrap_or_default();
            if cursor.eat("AS") {
                let _ = cursor.ident();
            }
        }
        FromItem::Join {
            left: Box::new(left),
            right: Box::new(right),
            using,
            natural,
            on,
        }
    }

    fn condition(self, cursor: &mut Cursor<'a>) -> Option<Expr> {
        let rest = cursor.rest();
        let is_end = |at: usize, token: &Token| {
            if at == 0 || super::is_label(rest, at) {
                return false;
            }
            // `left(…)` and `right(…)` are functions too.
            let call = (is_word(token, "LEFT") || is_word(token, "RIGHT"))
                && rest.get(at + 1).is_some_and(|next| next.token == SqlToken::LParen);
            let join = JOIN_WORDS.iter().any(|word| is_word(token, word)) && !call;
            join || is_word(token, "ON") || is_word(token, "USING")
        };
        let end = top_level(rest)
            .find(|(at, token)| is_end(*at, token))
            .map_or(rest.len(), |(at, _)| at);
        for _ in 0..end {
            cursor.next();
        }
        let tokens = &rest[..end];
        (!tokens.is_empty()).then(|| self.expr(tokens))
    }

    fn factor(self, cursor: &mut Cursor<'a>) -> Parsed<FromItem> {
        let lateral = cursor.eat("LATERAL");
        if cursor.at_token(&SqlToken::LParen) {
            let inside = cursor.parens()?;
            if is_query(self.text, inside.rest()) {
                let (alias, columns) = Self::alias(cursor);
                return Ok(FromItem::Subquery {
                    query: Box::new(self.query(inside.rest())),
                    alias,
                    columns,
                    lateral,
                });
            }
            let reader = self.deeper().ok_or(Unreadable)?;
            let item = reader.joined(&mut reader.cursor(inside.rest()))?;
            Self::alias(cursor);
            return Ok(item);
        }
        if cursor.eat_all(&["ROWS", "FROM"]) {
            let inside = cursor.parens()?;
            let calls = commas(inside.rest()).into_iter().map(|call| self.call(call)).collect();
            return Ok(self.function(calls, cursor));
        }
        let only = cursor.at_word("ONLY")
            && cursor
                .peek_nth(1)
                .is_some_and(|next| matches!(next.token, SqlToken::Word(_) | SqlToken::LParen))
            && cursor.eat("ONLY");
        if only && cursor.at_token(&SqlToken::LParen) {
            let name = cursor.parens()?.name()?;
            let (alias, columns) = Self::alias(cursor);
            return Ok(FromItem::Relation {
                name,
                only,
                alias,
                columns,
            });
        }
        let start = *cursor;
        let name = cursor.name()?;
        if cursor.at_token(&SqlToken::LParen) {
            cursor.parens()?;
            let call = self.expr(cursor.since(&start));
            return Ok(self.function(vec![call], cursor));
        }
        if is_niladic(&name) {
            let call = self.expr(cursor.since(&start));
            return Ok(self.function(vec![call], cursor));
        }
        cursor.eat_token(&SqlToken::Mul);
        let (alias, columns) = Self::alias(cursor);
        if cursor.eat("TABLESAMPLE") {
            let _ = cursor.name();
            let _ = cursor.parens();
            if cursor.eat("REPEATABLE") {
                let _ = cursor.parens();
            }
        }
        Ok(FromItem::Relation {
            name,
            only,
            alias,
            columns,
        })
    }

    /// A call inside ROWS FROM, whose column definitions are cut off.
    fn call(self, tokens: &'a [Token]) -> Expr {
        let end = top_level(tokens)
            .find(|(_, token)| is_word(token, "AS"))
            .map_or(tokens.len(), |(at, _)| at);
        self.expr(&tokens[..end])
    }

    fn function(self, calls: Vec<Expr>, cursor: &mut Cursor<'a>) -> FromItem {
        let ordinality = cursor.eat_all(&["WITH", "ORDINALITY"]);
        let (alias, columns) = Self::alias(cursor);
        FromItem::Function {
            calls,
            alias,
            columns,
            ordinality,
        }
    }

    /// `[AS] alias [(column [type], …)]`, or `AS (column type, …)` of functions.
    fn alias(cursor: &mut Cursor<'a>) -> Alias {
        let written = cursor.eat("AS");
        let alias = if cursor.at_token(&SqlToken::LParen) || (!written && cursor.at_any(NO_ALIAS)) {
            None
        } else {
            cursor.ident().ok()
        };
        let mut columns = Vec::new();
        if (written || alias.is_some())
            && cursor.at_token(&SqlToken::LParen)
            && let Ok(inside) = cursor.parens()
        {
            let first = |column: &[Token]| column.first().and_then(ident_of);
            columns = commas(inside.rest()).into_iter().filter_map(first).collect();
        }
        (alias, columns)
    }
}

/// Consumes the words that begin a join and says whether it is NATURAL and whether it is CROSS.
fn join_words(cursor: &mut Cursor<'_>) -> Option<(bool, bool)> {
    let mut ahead = *cursor;
    let natural = ahead.eat("NATURAL");
    let cross = ahead.eat("CROSS");
    if ahead.eat_any(&["INNER", "LEFT", "RIGHT", "FULL"]).is_some() {
        ahead.eat("OUTER");
    }
    ahead.eat("JOIN").then(|| {
        *cursor = ahead;
        (natural, cross)
    })
}

/// `FROM current_date` calls a function, although it has no parentheses.
fn is_niladic(name: &super::super::name::Name) -> bool {
    [
        "current_date",
        "current_user",
        "current_timestamp",
        "session_user",
        "current_role",
    ]
    .iter()
    .any(|word| name.is(word))
}
