//! Text to statements: tokens, splitting, parsing. The only module that names sqlparser.
//!
//! It cannot fail: what it cannot read is [`statement::Node::Unknown`], and the statements around it are still read.
//! It knows no catalog: names are what was written.

pub mod block;
pub mod body;
pub mod keyword;
pub mod lexeme;
pub(crate) mod lookups;
pub mod name;
pub mod print;
pub mod statement;
pub mod tokens;
pub mod verdict;

pub(crate) mod cursor;
mod dialect;
pub(crate) mod lower;
mod shape;
mod split;
mod unicode;

use smol_str::SmolStr;

use cursor::{Cursor, ident_of};
use name::MAX_IDENTIFIER_BYTES;
use split::{Piece, split};
use statement::{Node, Statement};
use tokens::{Comment, LexError, Token, Tokens, tokenize};
use verdict::SyntaxError;

/// A file, read.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// In text order, psql meta-commands included.
    pub statements: Vec<Statement>,
    /// In text order.
    pub comments: Vec<Comment>,
    /// Bytes that are no SQL at all.
    pub errors: Vec<LexError>,
    /// Whether a word outside of string constants is longer than a name can be.
    pub has_long_names: bool,
}

/// Reads a file or a function body. Linear in the length of `text`; never fails.
pub fn parse(text: &str) -> File {
    let tokens = tokenize(text);
    let pieces = split(&tokens);
    file(text, tokens, &pieces)
}

/// Reads a file like [`parse`], and says what PostgreSQL would not read in it; the errors in text order.
pub fn parse_and_judge(text: &str) -> (File, Vec<SyntaxError>) {
    let tokens = tokenize(text);
    let pieces = split(&tokens);
    let errors = verdict::syntax_errors(text, &tokens, &pieces);
    (file(text, tokens, &pieces), errors)
}

/// What PostgreSQL would not read in a file; in text order.
pub fn syntax_errors(text: &str) -> Vec<SyntaxError> {
    let tokens = tokenize(text);
    let pieces = split(&tokens);
    verdict::syntax_errors(text, &tokens, &pieces)
}

fn file(text: &str, tokens: Tokens, pieces: &[Piece]) -> File {
    let statements = pieces.iter().map(|piece| statement(text, &tokens, piece)).collect();
    let is_long = |token: &Token| token.span.len() > MAX_IDENTIFIER_BYTES && ident_of(token).is_some();
    File {
        statements,
        has_long_names: tokens.tokens.iter().any(is_long),
        comments: tokens.comments,
        errors: tokens.errors,
    }
}

fn statement(text: &str, tokens: &Tokens, piece: &Piece) -> Statement {
    let node = if piece.meta {
        meta(piece.span.slice(text))
    } else if let Some(placeholder) = piece.placeholder {
        Node::Templated { placeholder }
    } else {
        let cursor = Cursor::new(text, &tokens.tokens[piece.tokens.clone()]);
        let mut node = dialect::statement(cursor).unwrap_or_else(|_| unknown(cursor));
        if let Node::Copy(copy) = &mut node {
            copy.data = piece.data;
        }
        node
    };
    Statement { span: piece.span, node }
}

fn meta(line: &str) -> Node {
    let line = line.trim_start_matches('\\').trim_end();
    let (command, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    Node::Meta {
        command: command.into(),
        argument: argument.trim().into(),
    }
}

/// The first words of a statement that nothing could read, and every name in it that it may touch.
fn unknown(cursor: Cursor<'_>) -> Node {
    let words = cursor.rest().iter().take(3).map_while(ident_of);
    let keywords: Vec<String> = words.map(|word| word.value.to_uppercase()).collect();
    let mut names = Vec::new();
    let mut ahead = cursor;
    while !ahead.at_end() {
        match ahead.name() {
            Ok(name) => names.push(name),
            Err(_) => {
                ahead.next();
            }
        }
    }
    Node::Unknown {
        keywords: SmolStr::new(keywords.join(" ")),
        names,
    }
}

/// Reads the statements between the tokens of a larger one: `BEGIN ATOMIC` bodies, rule actions, schema elements.
pub(crate) fn statements_in(cursor: Cursor<'_>) -> Vec<Statement> {
    let tokens = cursor.rest();
    let mut statements = Vec::new();
    for slice in tokens.split(|token| token.token == sqlparser::tokenizer::Token::SemiColon) {
        let Some((first, last)) = slice.first().zip(slice.last()) else {
            continue;
        };
        let inner = cursor.nested(slice);
        let node = dialect::statement(inner).unwrap_or_else(|_| unknown(inner));
        statements.push(Statement {
            span: first.span.cover(last.span),
            node,
        });
    }
    statements
}
