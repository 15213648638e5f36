//! Tokens to statements: where each one begins and ends.

use std::ops::Range;

use sqlparser::tokenizer::Token as SqlToken;

use super::cursor::is_word;
use super::tokens::{Token, Tokens};
use crate::text::Span;

/// One statement's tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Indices into [`Tokens::tokens`], without the semicolon; empty for a meta-command.
    pub(crate) tokens: Range<usize>,
    /// First byte of the first token to last byte of the last.
    pub(crate) span: Span,
    /// Whether a semicolon ended it.
    pub(crate) terminated: bool,
    /// The data lines of a `COPY … FROM stdin`.
    pub(crate) data: Option<Span>,
    /// The first placeholder of a template engine inside.
    pub(crate) placeholder: Option<Span>,
    /// Whether this is a psql meta-command and not SQL.
    pub(crate) meta: bool,
}

/// Splits at semicolons outside of `BEGIN ATOMIC` bodies and of the parenthesised action lists of CREATE RULE.
///
/// A semicolon inside any other parenthesis is a mistake wherever it stands; splitting there keeps it local.
pub(crate) fn split(tokens: &Tokens) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut reading = Reading::default();
    for (at, token) in tokens.tokens.iter().enumerate() {
        if token.token == SqlToken::SemiColon && !reading.holds_semicolons() {
            push(&mut pieces, tokens, start..at, true);
            start = at + 1;
            reading = Reading::default();
        } else {
            reading.read(&tokens.tokens[start..=at]);
        }
    }
    push(&mut pieces, tokens, start..tokens.tokens.len(), false);
    add_metas(&mut pieces, tokens);
    pieces
}

/// Whether the statement being read may hold semicolons: a rule's actions, a `BEGIN ATOMIC` body.
#[derive(Default)]
struct Reading {
    rule: bool,
    routine: bool,
    parens: usize,
    atomic: usize,
}

impl Reading {
    fn holds_semicolons(&self) -> bool {
        self.atomic > 0 || (self.rule && self.parens > 0)
    }

    fn read(&mut self, statement: &[Token]) {
        let Some((last, before)) = statement.split_last() else {
            return;
        };
        match &last.token {
            SqlToken::LParen => self.parens += 1,
            SqlToken::RParen => self.parens = self.parens.saturating_sub(1),
            SqlToken::Word(_) => self.word(last, before),
            _ => {}
        }
    }

    fn word(&mut self, word: &Token, before: &[Token]) {
        let head = before.len() <= 3 && before.first().is_some_and(|first| is_word(first, "CREATE"));
        if head && is_word(word, "RULE") {
            self.rule = true;
        } else if head && (is_word(word, "FUNCTION") || is_word(word, "PROCEDURE")) {
            self.routine = true;
        } else if self.routine && self.atomic == 0 && is_word(word, "ATOMIC") {
            self.atomic = usize::from(before.last().is_some_and(|token| is_word(token, "BEGIN")));
        } else if self.atomic > 0 && is_word(word, "CASE") {
            self.atomic += 1;
        } else if self.atomic > 0 && is_word(word, "END") {
            self.atomic -= 1;
        }
    }
}

fn push(pieces: &mut Vec<Piece>, tokens: &Tokens, range: Range<usize>, terminated: bool) {
    let Some((first, last)) = tokens.tokens[range.clone()]
        .first()
        .zip(tokens.tokens[range.clone()].last())
    else {
        return;
    };
    let span = first.span.cover(last.span);
    let following = tokens
        .tokens
        .get(range.end + 1)
        .map_or(u32::MAX, |next| next.span.start);
    let data = tokens.copy_data.partition_point(|data| data.start < span.end);
    let data = tokens
        .copy_data
        .get(data)
        .copied()
        .filter(|data| terminated && data.start < following);
    let placeholder = tokens
        .placeholders
        .partition_point(|placeholder| placeholder.start < span.start);
    let placeholder = tokens
        .placeholders
        .get(placeholder)
        .copied()
        .filter(|placeholder| placeholder.start < span.end);
    let data = data.filter(|_| is_word(first, "COPY"));
    pieces.push(Piece {
        tokens: range,
        span,
        terminated,
        data,
        placeholder,
        meta: false,
    });
}

/// Puts meta-commands between the statements; one inside a statement (`\gset`) belongs to it.
fn add_metas(pieces: &mut Vec<Piece>, tokens: &Tokens) {
    if tokens.metas.is_empty() {
        return;
    }
    let inside = |meta: &Span| {
        let at = pieces.partition_point(|piece| piece.span.end <= meta.start);
        pieces.get(at).is_some_and(|piece| piece.span.start < meta.start)
    };
    let metas: Vec<Span> = tokens
        .metas
        .iter()
        .map(|meta| meta.span)
        .filter(|meta| !inside(meta))
        .collect();
    pieces.extend(metas.into_iter().map(|span| Piece {
        tokens: 0..0,
        span,
        terminated: true,
        data: None,
        placeholder: None,
        meta: true,
    }));
    pieces.sort_by_key(|piece| piece.span.start);
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokenize;
    use super::*;

    fn statements(text: &str) -> Vec<&str> {
        split(&tokenize(text))
            .iter()
            .map(|piece| piece.span.slice(text))
            .collect()
    }

    #[test]
    fn semicolons_in_bodies_and_rules_do_not_split() {
        let function = "create function f() returns int begin atomic select case when true then 1 end; select 2; end";
        assert_eq!(statements(&format!("{function}; select 1")), [function, "select 1"]);
        let rule = "create or replace rule r as on insert to t do also (insert into u values (1); delete from v)";
        assert_eq!(statements(&format!("{rule}; select 1")), [rule, "select 1"]);
    }

    #[test]
    fn an_unbalanced_parenthesis_ruins_one_statement_only() {
        assert_eq!(
            statements("create table t (a int; select 1;;"),
            ["create table t (a int", "select 1"]
        );
    }

    #[test]
    fn copy_data_belongs_to_its_copy() {
        let text = "copy t from stdin;\n1\n\\.\n\\echo x\nselect 1";
        let pieces = split(&tokenize(text));
        assert_eq!(pieces.len(), 3);
        assert_eq!(pieces[0].data.map(|data| data.slice(text)), Some("1\n\\."));
        assert!(pieces[1].meta);
    }
}
