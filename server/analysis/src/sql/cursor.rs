//! A cursor over one statement's tokens: the primitives that the dialect parser is written with.
//!
//! Knows tokens, keywords, identifiers and balanced parentheses; knows no statement.

use smol_str::SmolStr;
use sqlparser::tokenizer::Token as SqlToken;

use super::name::{Ident, Name};
use super::statement::{Body, Expr};
use super::tokens::Token;
use crate::text::Span;

/// The statement, or a part of it, is nothing that this parser reads. No message: the verdict decides what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// What a parse function returns.
pub(crate) type Parsed<T> = Result<T, Unreadable>;

/// Where an expression ends, besides a comma, a closing parenthesis and the end of the tokens.
pub(crate) type Stops = &'static [&'static str];

/// Whether `token` is the unquoted word `keyword`, in any case.
pub(crate) fn is_word(token: &Token, keyword: &str) -> bool {
    matches!(&token.token, SqlToken::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(keyword))
}

/// A position in a slice of tokens. Copying it is how one looks ahead.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    /// The whole file, for literal text.
    pub(crate) text: &'a str,
    tokens: &'a [Token],
    at: usize,
    /// How many statements stand around this one: `EXPLAIN`, rules, schema elements.
    depth: u8,
}

/// Statements inside statements beyond this depth are unreadable; nobody writes them by hand.
const MAX_STATEMENT_DEPTH: u8 = 50;

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str, tokens: &'a [Token]) -> Self {
        Self {
            text,
            tokens,
            at: 0,
            depth: 0,
        }
    }

    /// A cursor over the tokens of a statement inside this one.
    pub(crate) fn nested(&self, tokens: &'a [Token]) -> Self {
        Self {
            text: self.text,
            tokens,
            at: 0,
            depth: self.depth.saturating_add(1),
        }
    }

    /// Whether statements are nested deeper than anything but an attack on the stack.
    pub(crate) fn too_deep(&self) -> bool {
        self.depth > MAX_STATEMENT_DEPTH
    }

    // ---- looking -----------------------------------------------------------------------------------------------

    pub(crate) fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    pub(crate) fn peek_nth(&self, n: usize) -> Option<&'a Token> {
        self.tokens.get(self.at + n)
    }

    pub(crate) fn at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    pub(crate) fn at_word(&self, keyword: &str) -> bool {
        self.peek().is_some_and(|token| is_word(token, keyword))
    }

    pub(crate) fn at_any(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.at_word(keyword))
    }

    /// Whether the next tokens are these words in order.
    pub(crate) fn at_words(&self, keywords: &[&str]) -> bool {
        keywords
            .iter()
            .enumerate()
            .all(|(n, keyword)| self.peek_nth(n).is_some_and(|token| is_word(token, keyword)))
    }

    pub(crate) fn at_token(&self, token: &SqlToken) -> bool {
        self.peek().is_some_and(|next| next.token == *token)
    }

    /// The next token's span; an empty span after the last token at the end.
    pub(crate) fn span(&self) -> Span {
        self.peek().map_or_else(|| self.end_span(), |token| token.span)
    }

    /// An empty span after the token before the cursor.
    pub(crate) fn end_span(&self) -> Span {
        let end = self
            .at
            .checked_sub(1)
            .and_then(|at| self.tokens.get(at))
            .map_or(0, |token| token.span.end);
        Span { start: end, end }
    }

    /// From `start`'s first byte to the end of the token before the cursor.
    pub(crate) fn span_from(&self, start: Span) -> Span {
        Span {
            start: start.start,
            end: self.end_span().end.max(start.start),
        }
    }

    /// The tokens between `start`, an earlier copy of this cursor, and the cursor.
    pub(crate) fn since(&self, start: &Self) -> &'a [Token] {
        self.tokens.get(start.at..self.at).unwrap_or_default()
    }

    /// The source text of `tokens`, which follow each other.
    pub(crate) fn source(&self, tokens: &[Token]) -> &'a str {
        tokens
            .first()
            .zip(tokens.last())
            .map_or("", |(first, last)| first.span.cover(last.span).slice(self.text))
    }

    /// The tokens from the cursor on.
    pub(crate) fn rest(&self) -> &'a [Token] {
        &self.tokens[self.at.min(self.tokens.len())..]
    }

    // ---- moving ------------------------------------------------------------------------------------------------

    pub(crate) fn next(&mut self) -> Option<&'a Token> {
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        Some(token)
    }

    /// Consumes the word if it is next.
    pub(crate) fn eat(&mut self, keyword: &str) -> bool {
        let found = self.at_word(keyword);
        self.at += usize::from(found);
        found
    }

    /// Consumes all the words if they are next in this order, else none.
    pub(crate) fn eat_all(&mut self, keywords: &[&str]) -> bool {
        let found = self.at_words(keywords);
        self.at += if found { keywords.len() } else { 0 };
        found
    }

    /// Consumes one of the words and says which.
    pub(crate) fn eat_any(&mut self, keywords: &[&'static str]) -> Option<&'static str> {
        keywords.iter().copied().find(|keyword| self.eat(keyword))
    }

    pub(crate) fn expect(&mut self, keyword: &str) -> Parsed<()> {
        if self.eat(keyword) { Ok(()) } else { Err(Unreadable) }
    }

    pub(crate) fn expect_all(&mut self, keywords: &[&str]) -> Parsed<()> {
        if self.eat_all(keywords) {
            Ok(())
        } else {
            Err(Unreadable)
        }
    }

    pub(crate) fn eat_token(&mut self, token: &SqlToken) -> bool {
        let found = self.at_token(token);
        self.at += usize::from(found);
        found
    }

    pub(crate) fn expect_token(&mut self, token: &SqlToken) -> Parsed<()> {
        if self.eat_token(token) { Ok(()) } else { Err(Unreadable) }
    }

    pub(crate) fn comma(&mut self) -> bool {
        self.eat_token(&SqlToken::Comma)
    }

    /// `Ok` only when every token was read.
    pub(crate) fn finish(&self) -> Parsed<()> {
        if self.at_end() { Ok(()) } else { Err(Unreadable) }
    }

    /// Moves behind the last token.
    pub(crate) fn skip_rest(&mut self) {
        self.at = self.tokens.len();
    }

    // ---- lists and parentheses -----------------------------------------------------------------------------------

    /// `item, item, …`: at least one.
    pub(crate) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.comma() {
            items.push(item(self)?);
        }
        items.shrink_to_fit();
        Ok(items)
    }

    /// `(item, item, …)`, possibly empty.
    pub(crate) fn paren_list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut inside = self.parens()?;
        if inside.at_end() {
            return Ok(Vec::new());
        }
        let items = inside.list(&mut item)?;
        inside.finish()?;
        Ok(items)
    }

    /// Consumes a balanced `( … )` and returns a cursor over what is inside.
    pub(crate) fn parens(&mut self) -> Parsed<Cursor<'a>> {
        if !self.at_token(&SqlToken::LParen) {
            return Err(Unreadable);
        }
        let open = self.at;
        let mut depth = 0_usize;
        for (offset, token) in self.rest().iter().enumerate() {
            match token.token {
                SqlToken::LParen => depth += 1,
                SqlToken::RParen => {
                    depth -= 1;
                    if depth == 0 {
                        let close = open + offset;
                        self.at = close + 1;
                        return Ok(Cursor {
                            text: self.text,
                            tokens: &self.tokens[..close],
                            at: open + 1,
                            depth: self.depth,
                        });
                    }
                }
                _ => {}
            }
        }
        Err(Unreadable)
    }

    /// Consumes tokens up to a comma or closing parenthesis at depth 0, one of `stops` at depth 0 (never as the first
    /// token, nor behind a period), or the end. `CASE … END` and brackets count as parentheses. Returns the consumed
    /// tokens.
    pub(crate) fn until(&mut self, stops: Stops) -> &'a [Token] {
        let start = self.at;
        let mut depth = 0_usize;
        let mut cases = 0_usize;
        while let Some(token) = self.peek() {
            match &token.token {
                SqlToken::LParen | SqlToken::LBracket => depth += 1,
                SqlToken::RParen | SqlToken::RBracket if depth == 0 => break,
                SqlToken::RParen | SqlToken::RBracket => depth -= 1,
                SqlToken::Comma if depth == 0 => break,
                SqlToken::Word(_) if depth > 0 || self.behind_period(start) => {}
                SqlToken::Word(_) if is_word(token, "CASE") => cases += 1,
                SqlToken::Word(_) if is_word(token, "END") && cases > 0 => cases -= 1,
                SqlToken::Word(_) if cases > 0 || self.at == start => {}
                SqlToken::Word(_) if stops.iter().any(|stop| is_word(token, stop)) => break,
                _ => {}
            }
            self.at += 1;
        }
        &self.tokens[start..self.at]
    }

    fn behind_period(&self, start: usize) -> bool {
        self.at > start && self.tokens[self.at - 1].token == SqlToken::Period
    }

    // ---- identifiers, names, literals ----------------------------------------------------------------------------

    /// Any word or quoted identifier, keywords included: what may be a name is the server's business, not ours.
    pub(crate) fn ident(&mut self) -> Parsed<Ident> {
        let token = self.peek().ok_or(Unreadable)?;
        let ident = ident_of(token).ok_or(Unreadable)?;
        self.at += 1;
        Ok(ident)
    }

    /// `a.b.c`
    pub(crate) fn name(&mut self) -> Parsed<Name> {
        let mut parts = vec![self.ident()?];
        while self.eat_token(&SqlToken::Period) {
            // Names are many and short: room for more parts would be most of what a file takes.
            parts.reserve_exact(1);
            parts.push(self.ident()?);
        }
        Ok(Name { parts })
    }

    pub(crate) fn names(&mut self) -> Parsed<Vec<Name>> {
        self.list(Self::name)
    }

    pub(crate) fn idents(&mut self) -> Parsed<Vec<Ident>> {
        self.list(Self::ident)
    }

    /// `(a, b)` if a parenthesis is next, else nothing.
    pub(crate) fn optional_columns(&mut self) -> Parsed<Vec<Ident>> {
        if self.at_token(&SqlToken::LParen) {
            self.paren_list(Self::ident)
        } else {
            Ok(Vec::new())
        }
    }

    pub(crate) fn if_exists(&mut self) -> bool {
        self.eat_all(&["IF", "EXISTS"])
    }

    pub(crate) fn if_not_exists(&mut self) -> bool {
        self.eat_all(&["IF", "NOT", "EXISTS"])
    }

    /// `CASCADE` or `RESTRICT` or nothing; the span of `CASCADE` if written.
    pub(crate) fn cascade(&mut self) -> Option<Span> {
        let span = self.span();
        if self.eat("CASCADE") {
            return Some(span);
        }
        self.eat("RESTRICT");
        None
    }

    /// A string constant: its value with escapes resolved, and its span. Constants on several lines are joined.
    pub(crate) fn string(&mut self) -> Parsed<(SmolStr, Span)> {
        let body = self.code()?;
        Ok((body.code(self.text).into(), body.span))
    }

    /// A string constant that may hold code: see [`Body`].
    pub(crate) fn code(&mut self) -> Parsed<Body> {
        let token = self.peek().ok_or(Unreadable)?;
        let mut body = body_of(token, self.text).ok_or(Unreadable)?;
        self.at += 1;
        // 'a'
        // 'b'   is one constant: https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-STRINGS
        while let Some(token) = self
            .peek()
            .filter(|token| matches!(token.token, SqlToken::SingleQuotedString(_)))
        {
            let Some(next) = body_of(token, self.text) else { break };
            let joined = format!("{}{}", body.code(self.text), next.code(self.text));
            body = Body {
                span: body.span.cover(next.span),
                inner: body.inner.cover(next.inner),
                unescaped: Some(joined),
            };
            self.at += 1;
        }
        Ok(body)
    }

    /// A number, with its sign if written.
    pub(crate) fn number(&mut self) -> Parsed<SmolStr> {
        let mut ahead = *self;
        let negative = ahead.eat_token(&SqlToken::Minus);
        if !negative {
            ahead.eat_token(&SqlToken::Plus);
        }
        let token = ahead.next().ok_or(Unreadable)?;
        let SqlToken::Number(..) = token.token else {
            return Err(Unreadable);
        };
        *self = ahead;
        let digits = token.span.slice(self.text);
        Ok(if negative {
            format!("-{digits}").into()
        } else {
            digits.into()
        })
    }

    /// An expression that ends at a comma, a closing parenthesis, one of `stops` or the end of the tokens.
    pub(crate) fn expr(&mut self, stops: Stops) -> Parsed<Expr> {
        let tokens = self.until(stops);
        if tokens.is_empty() {
            Err(Unreadable)
        } else {
            Ok(super::lower::expr(self.text, tokens))
        }
    }

    /// `(expression)`: the expression inside, with the span of what stands between the parentheses.
    pub(crate) fn paren_expr(&mut self) -> Parsed<Expr> {
        let inside = self.parens()?;
        if inside.at_end() {
            Err(Unreadable)
        } else {
            Ok(super::lower::expr(self.text, inside.rest()))
        }
    }
}

/// The identifier that a word token stands for.
pub(crate) fn ident_of(token: &Token) -> Option<Ident> {
    match &token.token {
        SqlToken::Word(word) if word.quote_style.is_none() => Some(Ident::unquoted(&word.value, token.span)),
        SqlToken::Word(word) => Some(Ident::quoted(&word.value, token.span)),
        _ => None,
    }
}

/// The string constant that a token stands for.
///
/// The token's own text counts, not the file's: inside of a quoted function body every quote is written twice.
pub(crate) fn body_of(token: &Token, text: &str) -> Option<Body> {
    let (written, prefix, suffix) = match &token.token {
        SqlToken::DollarQuotedString(quoted) => {
            let tag = quoted.tag.as_ref().map_or(0, String::len) + 2;
            (&quoted.value, tag, tag)
        }
        SqlToken::SingleQuotedString(written) => (written, 1, 1),
        SqlToken::EscapedStringLiteral(written) | SqlToken::NationalStringLiteral(written) => (written, 2, 1),
        SqlToken::UnicodeStringLiteral(written) => (written, 3, 1),
        _ => return None,
    };
    let mut inner = inside(token.span, prefix, suffix);
    if inner.slice(text) != written {
        let quotes = |text: &str| text.matches('\'').count();
        let doubled = quotes(token.span.slice(text)) / (quotes(written) + 2);
        inner = inside(token.span, prefix - 1 + doubled.max(1), doubled.max(1));
    }
    let unescaped = match &token.token {
        SqlToken::DollarQuotedString(_) => None,
        SqlToken::EscapedStringLiteral(_) => Some(unescape(written)),
        _ if written.contains("''") => Some(written.replace("''", "'")),
        _ => None,
    };
    let unescaped = unescaped.or_else(|| (inner.slice(text) != written).then(|| written.clone()));
    Some(Body {
        span: token.span,
        inner,
        unescaped,
    })
}

fn inside(span: Span, prefix: usize, suffix: usize) -> Span {
    Span::new(span.start as usize + prefix, (span.end as usize).saturating_sub(suffix))
}

/// Resolves the escapes of `E'…'`.
/// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-STRINGS-ESCAPE>
fn unescape(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut chars = code.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                chars.next_if_eq(&'\'');
                out.push('\'');
            }
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some('b') => out.push('\u{8}'),
                Some('f') => out.push('\u{c}'),
                Some(kind @ ('u' | 'U' | 'x')) => out.extend(hex(&mut chars, kind)),
                Some(first @ '0'..='7') => out.extend(octal(&mut chars, first)),
                Some(other) => out.push(other),
                None => {}
            },
            other => out.push(other),
        }
    }
    out
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn hex(chars: &mut Chars<'_>, kind: char) -> Option<char> {
    let most = match kind {
        'u' => 4,
        'U' => 8,
        _ => 2,
    };
    let mut value = 0;
    for _ in 0..most {
        let Some(digit) = chars.next_if(char::is_ascii_hexdigit) else {
            break;
        };
        value = value * 16 + digit.to_digit(16)?;
    }
    char::from_u32(value)
}

fn octal(chars: &mut Chars<'_>, first: char) -> Option<char> {
    let mut value = first.to_digit(8)?;
    for _ in 0..2 {
        let Some(digit) = chars.next_if(|c| c.is_digit(8)) else {
            break;
        };
        value = value * 8 + digit.to_digit(8)?;
    }
    char::from_u32(value)
}
