//! Text to lexemes: what an editor colours, folds and completes from. Unlike statements, they are there while one types.

use sha2::{Digest, Sha256};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::Token as SqlToken;

use super::tokens::tokenize;
use crate::text::Span;

/// A token or a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lexeme {
    /// What it is.
    pub kind: LexemeKind,
    /// First to last byte, delimiters included.
    pub span: Span,
}

/// What a [`Lexeme`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexemeKind {
    /// A word of the language that is written without quotes; it may still be used as a name.
    Keyword,
    /// A name.
    Word,
    /// A name in double quotes.
    Quoted,
    /// A string constant in single quotes, of any prefix.
    String,
    /// A string constant in dollar quotes.
    DollarString,
    /// A number.
    Number,
    /// `$1`, or a placeholder of a template engine.
    Parameter,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `[`
    OpenBracket,
    /// `]`
    CloseBracket,
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// `.`
    Period,
    /// Anything else.
    Operator,
    /// A comment of either kind.
    Comment,
    /// A psql meta-command with its line.
    Meta,
}

impl Lexeme {
    /// Whether it is this word, unquoted, in any case.
    pub fn is(&self, text: &str, word: &str) -> bool {
        matches!(self.kind, LexemeKind::Keyword | LexemeKind::Word) && self.span.slice(text).eq_ignore_ascii_case(word)
    }

    /// Whether it can be a name: a word, quoted or not.
    pub fn is_name(&self) -> bool {
        matches!(self.kind, LexemeKind::Keyword | LexemeKind::Word | LexemeKind::Quoted)
    }
}

/// The lexemes of a file, in text order. Linear in its length; never fails.
pub fn lexemes(text: &str) -> Vec<Lexeme> {
    let read = tokenize(text);
    let mut out: Vec<Lexeme> = read
        .tokens
        .iter()
        .map(|token| Lexeme {
            kind: kind(&token.token),
            span: token.span,
        })
        .collect();
    let all = |kind: LexemeKind, span: Span| Lexeme { kind, span };
    out.extend(
        read.comments
            .iter()
            .map(|comment| all(LexemeKind::Comment, comment.span)),
    );
    out.extend(read.metas.iter().map(|meta| all(LexemeKind::Meta, meta.span)));
    let masked = read.placeholders.iter().map(|span| all(LexemeKind::Parameter, *span));
    let masked: Vec<Lexeme> = masked.collect();
    if !masked.is_empty() {
        // What was put in a placeholder's place is no lexeme of the text.
        out.retain(|lexeme| !masked.iter().any(|masked| masked.span.contains(lexeme.span)));
        out.extend(masked);
    }
    out.sort_by_key(|lexeme| lexeme.span);
    out
}

/// The lexemes of a part of a file, with their places in the file.
pub fn lexemes_in(text: &str, part: Span) -> Vec<Lexeme> {
    let mut out = lexemes(part.slice(text));
    for lexeme in &mut out {
        lexeme.span = lexeme.span.shift(part.start);
    }
    out
}

/// The tokens of a text, without comments and semicolons, and words in lower case: two texts that have the same ones say
/// the same to a server.
pub fn plain_tokens(text: &str) -> Vec<String> {
    let counts = |lexeme: &Lexeme| !matches!(lexeme.kind, LexemeKind::Comment | LexemeKind::Semicolon);
    let plain = |lexeme: Lexeme| match lexeme.kind {
        LexemeKind::Keyword | LexemeKind::Word => lexeme.span.slice(text).to_lowercase(),
        _ => lexeme.span.slice(text).to_owned(),
    };
    lexemes(text).into_iter().filter(counts).map(plain).collect()
}

/// What stands for the [`plain_tokens`] of a text: 32 hexadecimal digits.
pub fn token_digest(text: &str) -> String {
    let mut hasher = Sha256::new();
    for token in plain_tokens(text) {
        hasher.update(token.as_bytes());
        // PostgreSQL takes no text with a NUL, so no two lists of tokens are one text.
        hasher.update([0]);
    }
    shortened(hasher)
}

/// What stands for a text, byte for byte: 32 hexadecimal digits.
pub fn text_digest(text: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(text.as_bytes());
    shortened(hasher)
}

fn shortened(hasher: Sha256) -> String {
    let digest = hasher.finalize();
    let half: [u8; 16] = digest[..16].try_into().expect("SHA-256 has 32 bytes");
    format!("{:032x}", u128::from_be_bytes(half))
}

fn kind(token: &SqlToken) -> LexemeKind {
    match token {
        SqlToken::Word(word) if word.quote_style.is_some() => LexemeKind::Quoted,
        SqlToken::Word(word) if word.keyword != Keyword::NoKeyword => LexemeKind::Keyword,
        SqlToken::Word(_) => LexemeKind::Word,
        SqlToken::Number(..) => LexemeKind::Number,
        SqlToken::DollarQuotedString(_) => LexemeKind::DollarString,
        SqlToken::SingleQuotedString(_)
        | SqlToken::EscapedStringLiteral(_)
        | SqlToken::NationalStringLiteral(_)
        | SqlToken::UnicodeStringLiteral(_)
        | SqlToken::SingleQuotedByteStringLiteral(_)
        | SqlToken::HexStringLiteral(_) => LexemeKind::String,
        SqlToken::Placeholder(_) => LexemeKind::Parameter,
        SqlToken::LParen => LexemeKind::Open,
        SqlToken::RParen => LexemeKind::Close,
        SqlToken::LBracket => LexemeKind::OpenBracket,
        SqlToken::RBracket => LexemeKind::CloseBracket,
        SqlToken::Comma => LexemeKind::Comma,
        SqlToken::SemiColon => LexemeKind::Semicolon,
        SqlToken::Period => LexemeKind::Period,
        _ => LexemeKind::Operator,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lexemes_keep_their_places() {
        let text = "/* é */ select \"É\".a, $1, $$x$$ from t; -- end";
        let found: Vec<(LexemeKind, &str)> = lexemes(text)
            .iter()
            .map(|lexeme| (lexeme.kind, lexeme.span.slice(text)))
            .collect();
        assert_eq!(found[0], (LexemeKind::Comment, "/* é */"));
        assert_eq!(found[1], (LexemeKind::Keyword, "select"));
        assert_eq!(found[2], (LexemeKind::Quoted, "\"É\""));
        assert_eq!(found[3], (LexemeKind::Period, "."));
        assert!(found.contains(&(LexemeKind::Parameter, "$1")));
        assert!(found.contains(&(LexemeKind::DollarString, "$$x$$")));
        assert_eq!(found.last(), Some(&(LexemeKind::Comment, "-- end")));
    }

    #[test]
    fn digests_are_of_tokens_or_of_bytes() {
        let (one, other) = ("select 1; -- one", "SELECT\n1");
        assert_eq!(token_digest(one), token_digest(other));
        assert_ne!(token_digest("select 1 1"), token_digest("select 11"));
        assert_ne!(text_digest(one), text_digest(other));
        assert_eq!(text_digest("").len(), 32);
    }

    #[test]
    fn a_placeholder_is_one_lexeme() {
        let text = "select {{ name }} from t";
        let found = lexemes(text);
        let placeholder = found.iter().find(|lexeme| lexeme.kind == LexemeKind::Parameter);
        assert_eq!(placeholder.map(|lexeme| lexeme.span.slice(text)), Some("{{ name }}"));
    }
}
