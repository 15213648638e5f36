//! What many statements share: roles, relations, option lists, the value of a SET.

use smol_str::SmolStr;
use sqlparser::tokenizer::Token as SqlToken;

use crate::sql::cursor::{Cursor, Parsed, Unreadable, body_of};
pub(super) use crate::sql::dialect::parts::{parameters, role, with_parameters};
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{Parameter, RelationRef, RoleName, Statement};
use crate::sql::statements_in;
use crate::sql::tokens::Token;

/// An unquoted word, in capitals.
pub(super) fn word(cursor: &mut Cursor<'_>) -> Parsed<SmolStr> {
    match &cursor.peek().ok_or(Unreadable)?.token {
        SqlToken::Word(word) if word.quote_style.is_none() => {
            cursor.next();
            Ok(word.value.to_uppercase().into())
        }
        _ => Err(Unreadable),
    }
}

pub(super) fn roles(cursor: &mut Cursor<'_>) -> Parsed<Vec<RoleName>> {
    cursor.list(role)
}

/// `[ONLY] name [*]`, `ONLY (name)`
pub(super) fn relation(cursor: &mut Cursor<'_>) -> Parsed<RelationRef> {
    let only = cursor.eat("ONLY");
    let name = if only && cursor.at_token(&SqlToken::LParen) {
        let mut inside = cursor.parens()?;
        let name = inside.name()?;
        inside.finish()?;
        name
    } else {
        cursor.name()?
    };
    cursor.eat_token(&SqlToken::Mul);
    Ok(RelationRef {
        name,
        only,
        alias: None,
    })
}

/// A constant or a word, without quotes.
pub(super) fn value(cursor: &mut Cursor<'_>) -> Parsed<SmolStr> {
    if let Ok(number) = cursor.number() {
        return Ok(number);
    }
    if let Ok((string, _)) = cursor.string() {
        return Ok(string);
    }
    Ok(cursor.ident()?.value)
}

/// `(name value, name = value, name, …)`: the lists of VACUUM, COPY, EXPLAIN and their like.
pub(super) fn options(cursor: &mut Cursor<'_>) -> Parsed<Vec<Parameter>> {
    cursor.paren_list(|cursor| {
        let start = cursor.span();
        let name = cursor.name()?;
        cursor.eat_token(&SqlToken::Eq);
        let tokens = cursor.until(&[]);
        Ok(Parameter {
            name: name.to_string().into(),
            value: source(cursor.text, tokens),
            span: cursor.span_from(start),
        })
    })
}

/// The text of the tokens; a lone string constant without its quotes.
fn source(text: &str, tokens: &[Token]) -> Option<SmolStr> {
    let (first, last) = tokens.first().zip(tokens.last())?;
    if let ([_], Some(body)) = (tokens, body_of(first, text)) {
        return Some(body.code(text).into());
    }
    Some(first.span.cover(last.span).slice(text).into())
}

/// Whether an option of a list is switched on: named without a value, or with a true one.
pub(super) fn is_on(options: &[Parameter], name: &str) -> bool {
    let off = |value: &SmolStr| ["false", "off", "0"].iter().any(|no| value.eq_ignore_ascii_case(no));
    options
        .iter()
        .rfind(|option| option.name == name)
        .is_some_and(|option| !option.value.as_ref().is_some_and(off))
}

/// What follows a keyword of a [`clauses`] list.
#[derive(Clone, Copy)]
pub(super) enum Follows {
    Nothing,
    Name,
    /// A constant or a word.
    Value,
    Parens,
}

/// Keywords, and what follows them.
pub(super) type Clause = (&'static [&'static str], Follows);

/// Reads clauses in any order, for statements whose inside dblsp does not model.
pub(super) fn clauses(cursor: &mut Cursor<'_>, known: &[Clause]) -> Parsed<()> {
    while let Some((_, follows)) = known.iter().find(|(words, _)| cursor.eat_all(words)) {
        match follows {
            Follows::Nothing => {}
            Follows::Name => drop(cursor.name()?),
            Follows::Value => drop(value(cursor)?),
            Follows::Parens => drop(cursor.parens()?),
        }
    }
    Ok(())
}

/// The one statement that fills the rest of the tokens.
pub(super) fn inner_statement(cursor: &mut Cursor<'_>) -> Parsed<Statement> {
    let mut statements = statements_in(*cursor);
    cursor.skip_rest();
    match (statements.pop(), statements.is_empty()) {
        (Some(statement), true) => Ok(statement),
        _ => Err(Unreadable),
    }
}

/// An operator's name: `===`, `schema.===`.
pub(super) fn operator(cursor: &mut Cursor<'_>) -> Parsed<Name> {
    let mut parts = Vec::new();
    while let Ok(schema) = cursor.ident() {
        cursor.expect_token(&SqlToken::Period)?;
        parts.push(schema);
    }
    let start = cursor.span();
    while cursor.peek().is_some_and(|token| is_operator(&token.token)) {
        cursor.next();
    }
    let span = cursor.span_from(start);
    if span.is_empty() {
        return Err(Unreadable);
    }
    let mut symbol = Ident::generated(span.slice(cursor.text));
    symbol.span = span;
    parts.push(symbol);
    Ok(Name { parts })
}

fn is_operator(token: &SqlToken) -> bool {
    !matches!(
        token,
        SqlToken::Word(_)
            | SqlToken::LParen
            | SqlToken::RParen
            | SqlToken::Comma
            | SqlToken::Period
            | SqlToken::Number(..)
            | SqlToken::SingleQuotedString(_)
            | SqlToken::SemiColon
    )
}
