//! An expression's tokens as sqlparser is given them.
//!
//! Types and subqueries are read by our own parsers and handed over as one word each, and what sqlparser lacks is
//! rewritten to what it has. The "line" of every token is its index plus one, so whatever carries an identifier's or a
//! literal's location leads back to a token and its bytes.

use std::collections::BTreeMap;

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Span as SqlSpan, Token as SqlToken, TokenWithSpan, Word};

use super::super::cursor::{Cursor, is_word};
use super::super::dialect::types::type_name;
use super::super::statement::TypeName;
use super::super::tokens::Token;
use super::{Reader, is_query};
use crate::text::Span;

/// Parentheses and brackets in each other that sqlparser is asked to read.
const MAX_DEPTH: usize = 45;

/// Operators in one chain, counted through parentheses: sqlparser's AST nests once per operator, and dropping it
/// recurses.
const MAX_CHAIN: usize = 400;

/// What stands behind a placeholder word.
pub(super) enum Part {
    /// The tokens of the query, without parentheses.
    Query {
        /// `EXISTS`, `ARRAY` or `(`.
        open: usize,
        /// The opening parenthesis.
        paren: usize,
        /// The closing parenthesis.
        close: usize,
    },
    /// A type, already read.
    Type(TypeName),
    /// What stands behind COLLATE: sqlparser has no COLLATE behind a cast, so it becomes a cast itself.
    Collation(Span),
}

/// The tokens for sqlparser and what was replaced in them.
pub(super) struct Feed {
    pub(super) tokens: Vec<TokenWithSpan>,
    /// By index of the token that the placeholder stands at.
    pub(super) parts: BTreeMap<usize, Part>,
}

/// For every opening parenthesis or bracket its closing one and the other way round, and around every token the
/// innermost opening one.
pub(super) struct Groups {
    partner: Vec<Option<usize>>,
    parent: Vec<Option<usize>>,
}

impl Groups {
    pub(super) fn new(tokens: &[Token]) -> Self {
        let mut partner = vec![None; tokens.len()];
        let mut parent = vec![None; tokens.len()];
        let mut open: Vec<usize> = Vec::new();
        for (at, token) in tokens.iter().enumerate() {
            match token.token {
                SqlToken::LParen | SqlToken::LBracket => {
                    parent[at] = open.last().copied();
                    open.push(at);
                }
                SqlToken::RParen | SqlToken::RBracket => {
                    if let Some(start) = open.pop() {
                        partner[start] = Some(at);
                        partner[at] = Some(start);
                    }
                    parent[at] = open.last().copied();
                }
                _ => parent[at] = open.last().copied(),
            }
        }
        Self { partner, parent }
    }

    pub(super) fn partner(&self, at: usize) -> Option<usize> {
        self.partner.get(at).copied().flatten()
    }

    pub(super) fn parent(&self, at: usize) -> Option<usize> {
        self.parent.get(at).copied().flatten()
    }
}

impl Feed {
    /// `None` where the tokens are nested or chained too deeply for sqlparser.
    pub(super) fn new(reader: Reader<'_>, tokens: &[Token], groups: &Groups) -> Option<Self> {
        let mut feeder = Feeder {
            reader,
            tokens,
            groups,
            at: 0,
            casts: Vec::new(),
            chains: vec![0],
            chain: 0,
            out: Feed {
                tokens: Vec::with_capacity(tokens.len()),
                parts: BTreeMap::new(),
            },
        };
        while feeder.at < tokens.len() {
            feeder.step()?;
        }
        Some(feeder.out)
    }
}

struct Feeder<'a> {
    reader: Reader<'a>,
    tokens: &'a [Token],
    groups: &'a Groups,
    at: usize,
    /// The opening parentheses of `CAST (…)`.
    casts: Vec<usize>,
    /// Operators since the last comma, for every open parenthesis; `chain` is their sum.
    chains: Vec<usize>,
    chain: usize,
    out: Feed,
}

impl Feeder<'_> {
    fn push(&mut self, token: SqlToken, at: usize) {
        let line = at as u64 + 1;
        self.out.tokens.push(TokenWithSpan {
            token,
            span: SqlSpan {
                start: Location { line, column: 1 },
                end: Location { line, column: 2 },
            },
        });
    }

    fn step(&mut self) -> Option<()> {
        let at = self.at;
        let token = &self.tokens[at];
        self.guard(token)?;
        self.at += 1;
        match &token.token {
            SqlToken::LParen if !self.follows_function(at) && self.subquery(at, at) => {}
            SqlToken::DoubleColon => {
                self.push(SqlToken::DoubleColon, at);
                self.ty();
            }
            SqlToken::SingleQuotedString(_) | SqlToken::EscapedStringLiteral(_) => {
                self.push(token.token.clone(), at);
                self.skip_continuations();
            }
            // `f(a := 1)` is the old spelling of `f(a => 1)`.
            SqlToken::Assignment => self.push(SqlToken::RArrow, at),
            SqlToken::Word(_) => self.word(token, at),
            _ => {
                if token.token == SqlToken::RParen {
                    self.casts.pop_if(|open| self.groups.partner(*open) == Some(at));
                }
                self.push(token.token.clone(), at);
            }
        }
        Some(())
    }

    fn guard(&mut self, token: &Token) -> Option<()> {
        match &token.token {
            SqlToken::LParen | SqlToken::LBracket => self.chains.push(0),
            SqlToken::RParen | SqlToken::RBracket if self.chains.len() > 1 => {
                self.chain -= self.chains.pop().unwrap_or_default();
            }
            SqlToken::Comma => {
                let here = self.chains.last_mut()?;
                self.chain -= *here;
                *here = 0;
            }
            _ if is_operator(token) => {
                self.chain += 1;
                *self.chains.last_mut()? += 1;
            }
            _ => {}
        }
        (self.chains.len() <= MAX_DEPTH && self.chain <= MAX_CHAIN).then_some(())
    }

    /// String constants on several lines are one.
    fn skip_continuations(&mut self) {
        while matches!(
            self.tokens.get(self.at).map(|next| &next.token),
            Some(SqlToken::SingleQuotedString(_))
        ) {
            self.at += 1;
        }
    }

    /// Whether the parenthesis at `at` holds arguments: `f((SELECT 1))` calls `f` with a subquery.
    fn follows_function(&self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1) else { return false };
        let token = &self.tokens[before];
        match &token.token {
            SqlToken::Word(word) if word.quote_style.is_none() => {
                let keyword = NO_TYPES.iter().any(|word| is_word(token, word));
                !keyword || super::is_label(self.tokens, before)
            }
            SqlToken::Word(_) => true,
            _ => false,
        }
    }

    /// Replaces `( query )`, or `EXISTS`/`ARRAY` `( query )` that starts at `open`, by one word.
    fn subquery(&mut self, open: usize, paren: usize) -> bool {
        let Some(close) = self.groups.partner(paren) else {
            return false;
        };
        if !is_query(self.reader.text, &self.tokens[paren + 1..close]) {
            return false;
        }
        let keeps_parens = open == paren
            && open.checked_sub(1).is_some_and(|before| {
                let before = &self.tokens[before];
                ["IN", "ANY", "SOME", "ALL"].iter().any(|word| is_word(before, word))
            });
        if keeps_parens {
            self.push(SqlToken::LParen, paren);
            self.push(placeholder(), paren);
            self.push(SqlToken::RParen, close);
        } else {
            self.push(placeholder(), open);
        }
        self.out.parts.insert(open, Part::Query { open, paren, close });
        if open == paren {
            // The guard has seen the opening parenthesis and will not see the closing one.
            self.chain -= self.chains.pop().unwrap_or_default();
        }
        self.at = close + 1;
        true
    }

    /// Reads a type at the cursor and hands over one word for it.
    fn ty(&mut self) {
        let mut cursor = Cursor::new(self.reader.text, &self.tokens[self.at..]);
        let Ok(ty) = type_name(&mut cursor) else { return };
        let at = self.at;
        self.at = self.tokens.len() - cursor.rest().len();
        self.out.parts.insert(at, Part::Type(ty));
        self.push(placeholder(), at);
    }

    fn word(&mut self, token: &Token, at: usize) {
        if super::is_label(self.tokens, at) || !self.rewrite(token, at) {
            self.push(token.token.clone(), at);
        }
    }

    /// Hands over something else than the word, or nothing, where sqlparser would not read it; else returns `false`.
    fn rewrite(&mut self, token: &Token, at: usize) -> bool {
        let next = self.tokens.get(at + 1).map(|next| &next.token);
        let before = at.checked_sub(1).map(|before| &self.tokens[before]);
        let next_is_paren = next == Some(&SqlToken::LParen);
        let is = |word| is_word(token, word);
        if is("CAST") && next_is_paren {
            self.casts.push(at + 1);
            return false;
        }
        if is("AS")
            && self
                .casts
                .last()
                .is_some_and(|open| self.groups.parent(at) == Some(*open))
        {
            self.push(token.token.clone(), at);
            self.ty();
            return true;
        }
        if is("ISNULL") {
            self.push(keyword("IS", Keyword::IS), at);
            self.push(keyword("NULL", Keyword::NULL), at);
            return true;
        }
        let between = before.is_some_and(|before| is_word(before, "BETWEEN"));
        let starts_argument = before.is_some_and(|before| matches!(before.token, SqlToken::LParen | SqlToken::Comma));
        ((is("EXISTS") || is("ARRAY")) && next_is_paren && self.subquery(at, at + 1))
            || ((is("SYMMETRIC") || is("ASYMMETRIC")) && between)
            || (is("VARIADIC") && starts_argument)
            || (is("COLLATE") && self.collation(at))
            || (is("FROM") && self.is_from_of_trim(at))
            || self.typed_constant(at)
    }

    /// Makes `COLLATE name` a cast to a placeholder.
    fn collation(&mut self, at: usize) -> bool {
        let mut cursor = Cursor::new(self.reader.text, &self.tokens[at + 1..]);
        let Ok(name) = cursor.name() else { return false };
        self.at = self.tokens.len() - cursor.rest().len();
        self.push(SqlToken::DoubleColon, at);
        self.push(placeholder(), at);
        self.out.parts.insert(at, Part::Collation(name.span()));
        true
    }

    /// `trim(BOTH FROM x)` and `trim(FROM x)`: sqlparser wants characters before FROM.
    fn is_from_of_trim(&self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1) else { return false };
        let side = ["BOTH", "LEADING", "TRAILING"]
            .iter()
            .any(|word| is_word(&self.tokens[before], word));
        let open = if side { before.checked_sub(1) } else { Some(before) };
        let Some(open) = open.filter(|open| self.tokens[*open].token == SqlToken::LParen) else {
            return false;
        };
        open.checked_sub(1)
            .is_some_and(|name| is_word(&self.tokens[name], "TRIM"))
    }

    /// `type 'constant'` becomes `'constant'::type`.
    fn typed_constant(&mut self, at: usize) -> bool {
        let token = &self.tokens[at];
        let next_is_string = self.tokens.get(at + 1).is_some_and(is_string);
        let long = LONG_TYPES.iter().any(|word| is_word(token, word));
        if !(long || (next_is_string && !NO_TYPES.iter().any(|word| is_word(token, word)))) {
            return false;
        }
        let mut cursor = Cursor::new(self.reader.text, &self.tokens[at..]);
        let Ok(mut ty) = type_name(&mut cursor) else {
            return false;
        };
        if !cursor.peek().is_some_and(is_string) {
            return false;
        }
        self.at = self.tokens.len() - cursor.rest().len();
        let string = self.at;
        self.push(self.tokens[string].token.clone(), string);
        self.at += 1;
        self.skip_continuations();
        let fields = interval_fields(self.reader.text, &self.tokens[self.at..]);
        if is_word(token, "INTERVAL") && fields > 0 {
            let words = &self.tokens[self.at..self.at + fields];
            ty.fields = Some(super::span_of(words).slice(self.reader.text).to_lowercase().into());
            self.at += fields;
        }
        self.push(SqlToken::DoubleColon, at);
        self.push(placeholder(), at);
        self.out.parts.insert(at, Part::Type(ty));
        true
    }
}

/// Types whose names have several words or modifiers, so that the constant does not follow the first word.
const LONG_TYPES: &[&str] = &[
    "BIT",
    "CHAR",
    "CHARACTER",
    "DECIMAL",
    "DOUBLE",
    "INTERVAL",
    "NUMERIC",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMPTZ",
    "VARCHAR",
];

/// Words that stand before a string constant and are no type.
const NO_TYPES: &[&str] = &[
    "ALL",
    "AND",
    "ANY",
    "ARRAY",
    "AS",
    "ASYMMETRIC",
    "BETWEEN",
    "BOTH",
    "BY",
    "CASE",
    "COLLATE",
    "DEFAULT",
    "DISTINCT",
    "ELSE",
    "ESCAPE",
    "FOR",
    "FROM",
    "HAVING",
    "ILIKE",
    "IN",
    "IS",
    "LEADING",
    "LIKE",
    "LIMIT",
    "NOT",
    "OFFSET",
    "ON",
    "OR",
    "OVERLAPS",
    "PLACING",
    "RETURNING",
    "SELECT",
    "SIMILAR",
    "SOME",
    "SYMMETRIC",
    "THEN",
    "TO",
    "TRAILING",
    "UESCAPE",
    "USING",
    "VARIADIC",
    "WHEN",
    "WHERE",
    "ZONE",
    "VALUE",
    "PASSING",
    "SEPARATOR",
    "END",
    "NULL",
    "TRUE",
    "FALSE",
];

fn is_string(token: &Token) -> bool {
    matches!(
        token.token,
        SqlToken::SingleQuotedString(_)
            | SqlToken::EscapedStringLiteral(_)
            | SqlToken::DollarQuotedString(_)
            | SqlToken::UnicodeStringLiteral(_)
    )
}

/// How many tokens of `YEAR`, `DAY TO SECOND(3)`, … stand here.
fn interval_fields(text: &str, tokens: &[Token]) -> usize {
    const FIELDS: &[&str] = &["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"];
    let mut cursor = Cursor::new(text, tokens);
    if cursor.eat_any(FIELDS).is_none() {
        return 0;
    }
    if cursor.at_token(&SqlToken::LParen) {
        let _ = cursor.parens();
    }
    let mut ahead = cursor;
    if ahead.eat("TO") && ahead.eat_any(FIELDS).is_some() {
        if ahead.at_token(&SqlToken::LParen) {
            let _ = ahead.parens();
        }
        cursor = ahead;
    }
    tokens.len() - cursor.rest().len()
}

fn is_operator(token: &Token) -> bool {
    match &token.token {
        SqlToken::Word(word) => {
            word.quote_style.is_none()
                && matches!(
                    word.keyword,
                    Keyword::AND
                        | Keyword::OR
                        | Keyword::NOT
                        | Keyword::IS
                        | Keyword::IN
                        | Keyword::LIKE
                        | Keyword::ILIKE
                        | Keyword::SIMILAR
                        | Keyword::BETWEEN
                        | Keyword::COLLATE
                        | Keyword::AT
                        | Keyword::OPERATOR
                        | Keyword::OVERLAPS
                        | Keyword::NOTNULL
                        | Keyword::CASE
                )
        }
        SqlToken::Number(..) | SqlToken::Period | SqlToken::Placeholder(_) | SqlToken::Colon => false,
        SqlToken::LParen | SqlToken::RParen | SqlToken::LBracket | SqlToken::RBracket | SqlToken::Comma => false,
        _ => !is_string(token),
    }
}

fn placeholder() -> SqlToken {
    keyword("dblsp_part", Keyword::NoKeyword)
}

fn keyword(value: &str, keyword: Keyword) -> SqlToken {
    SqlToken::Word(Word {
        value: value.to_owned(),
        quote_style: None,
        keyword,
    })
}
