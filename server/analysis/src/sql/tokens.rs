//! Text to tokens with byte spans. The only place that runs sqlparser's tokenizer.
//!
//! What no SQL tokenizer can read is masked first: psql meta-commands, the data lines of `COPY … FROM stdin`, and the
//! placeholders of template engines. The masked text has the same length, so every byte offset stays true.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Location, Token as SqlToken, TokenWithSpan, Tokenizer, Whitespace};

use crate::text::Span;

/// A token that is neither white space nor a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) token: SqlToken,
    pub(crate) span: Span,
}

/// A comment, delimiters included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comment {
    /// From `--` to the last byte before the line end, or from `/*` to `*/`.
    pub span: Span,
}

/// A psql meta-command: the rest of its line belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MetaCommand {
    /// From the backslash to the line end.
    pub(crate) span: Span,
}

/// Text that is no SQL at all: an unterminated quote or comment, a NUL byte, a character that starts no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LexError {
    /// The offending bytes.
    pub span: Span,
    /// What is wrong with them, for people.
    pub message: &'static str,
}

/// One file's tokens and what was masked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens {
    pub(crate) tokens: Vec<Token>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) placeholders: Vec<Span>,
    pub(crate) metas: Vec<MetaCommand>,
    pub(crate) copy_data: Vec<Span>,
    pub(crate) errors: Vec<LexError>,
}

/// After this many lexing errors the rest of a file is one error: it is not SQL.
const MAX_LEX_ERRORS: usize = 50;

/// Reads `text`; linear in its length, never fails.
pub(crate) fn tokenize(text: &str) -> Tokens {
    let mut out = Tokens::default();
    let masked = Masker::new(text, &mut out).run();
    let masked = String::from_utf8(masked).unwrap_or_else(|_| text.to_owned());
    let mut at = 0;
    while at < masked.len() {
        let Some(error) = tokenize_from(&masked, at, &mut out) else {
            break;
        };
        // The tokenizer knows these only as beginnings of longer operators.
        let operator = ["|>", "|&"]
            .into_iter()
            .find(|word| masked[error.at..].starts_with(word));
        if let Some(operator) = operator {
            let end = error.at + operator.len();
            out.tokens.push(Token {
                token: SqlToken::CustomBinaryOperator(operator.to_owned()),
                span: Span::new(error.at, end),
            });
            at = end;
            continue;
        }
        let stop = masked.len();
        if error.unterminated || out.errors.len() >= MAX_LEX_ERRORS {
            out.errors.push(LexError {
                span: Span::new(error.at, stop),
                message: error.message,
            });
            break;
        }
        let width = masked[error.at..].chars().next().map_or(1, char::len_utf8);
        out.errors.push(LexError {
            span: Span::new(error.at, error.at + width),
            message: error.message,
        });
        at = error.at + width;
    }
    super::unicode::join(&mut out.tokens);
    out
}

struct Stop {
    at: usize,
    unterminated: bool,
    message: &'static str,
}

fn tokenize_from(masked: &str, base: usize, out: &mut Tokens) -> Option<Stop> {
    let rest = &masked[base..];
    let mut buffer: Vec<TokenWithSpan> = Vec::with_capacity(rest.len() / 4);
    let dialect = PostgreSqlDialect {};
    let result = Tokenizer::new(&dialect, rest)
        .with_unescape(false)
        .tokenize_with_location_into_buf(&mut buffer);
    let mut walker = Walker::new(rest);
    for token in buffer {
        let start = walker.seek(token.span.start);
        let end = walker.seek(token.span.end);
        let span = Span::new(base + start, base + end);
        match token.token {
            SqlToken::EOF => {}
            SqlToken::Whitespace(Whitespace::SingleLineComment { .. }) => {
                let length = span.slice(masked).trim_end_matches(['\n', '\r']).len();
                out.comments.push(Comment {
                    span: Span::new(base + start, base + start + length),
                });
            }
            SqlToken::Whitespace(Whitespace::MultiLineComment(_)) => out.comments.push(Comment { span }),
            SqlToken::Whitespace(_) => {}
            token => out.tokens.push(Token { token, span }),
        }
    }
    let error = result.err()?;
    // The tokenizer reports where it stood, which for quotes is the opening quote and for comments the end.
    let reached = out
        .tokens
        .last()
        .map_or(base, |token| (token.span.end as usize).max(base));
    let at = rest_start(masked, reached.max(base + walker.byte));
    let unterminated = error.message.contains("ntermin") || error.message.contains("Unexpected EOF");
    let message = match masked[at..].chars().next() {
        _ if !unterminated => "this character starts no SQL token",
        Some('"') => "this quoted identifier is never closed",
        Some('$') => "this dollar-quoted string is never closed",
        Some('/') => "this comment is never closed",
        _ => "this quoted string is never closed",
    };
    Some(Stop {
        at,
        unterminated,
        message,
    })
}

/// Skips white space, so that an error points at the first byte that could not be read.
fn rest_start(masked: &str, from: usize) -> usize {
    let rest = masked.get(from..).unwrap_or_default();
    let skipped = rest.len() - rest.trim_start().len();
    (from + skipped)
        .min(masked.len().saturating_sub(1))
        .max(from.min(masked.len().saturating_sub(1)))
}

/// Turns sqlparser's 1-based line and character column into byte offsets, in one pass over the text. Lines of ASCII, which
/// is nearly all of them, need no walk: there a column is a byte.
struct Walker<'t> {
    text: &'t str,
    byte: usize,
    line: u64,
    column: u64,
    /// Where the line ends, behind its line feed, and whether it is all ASCII.
    line_end: usize,
    is_ascii: bool,
}

impl<'t> Walker<'t> {
    fn new(text: &'t str) -> Self {
        let mut walker = Self {
            text,
            byte: 0,
            line: 1,
            column: 1,
            line_end: 0,
            is_ascii: true,
        };
        walker.measure_line();
        walker
    }

    fn seek(&mut self, to: Location) -> usize {
        while self.line < to.line && self.line_end < self.text.len() {
            self.byte = self.line_end;
            self.line += 1;
            self.column = 1;
            self.measure_line();
        }
        if self.line < to.line {
            self.byte = self.text.len();
        } else if self.line == to.line && self.column < to.column {
            self.advance(usize::try_from(to.column - self.column).unwrap_or(usize::MAX));
            self.column = to.column;
        }
        self.byte
    }

    fn advance(&mut self, characters: usize) {
        let rest = &self.text[self.byte..self.line_end];
        let bytes = if self.is_ascii {
            characters.min(rest.len())
        } else {
            rest.char_indices().nth(characters).map_or(rest.len(), |(at, _)| at)
        };
        self.byte += bytes;
    }

    fn measure_line(&mut self) {
        let rest = &self.text[self.byte..];
        let length = rest.find('\n').map_or(rest.len(), |at| at + 1);
        self.line_end = self.byte + length;
        self.is_ascii = rest[..length].is_ascii();
    }
}

/// Finds what must be masked, tracking quotes and comments just enough to know what is code.
struct Masker<'t, 'o> {
    text: &'t str,
    bytes: &'t [u8],
    masked: Vec<u8>,
    at: usize,
    brackets: usize,
    statement: StatementWords,
    out: &'o mut Tokens,
}

/// What the current statement has said so far: is it `COPY … FROM stdin`?
#[derive(Default)]
struct StatementWords {
    first_is_copy: Option<bool>,
    last_was_from: bool,
    from_stdin: bool,
}

impl<'t, 'o> Masker<'t, 'o> {
    fn new(text: &'t str, out: &'o mut Tokens) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            masked: text.as_bytes().to_vec(),
            at: 0,
            brackets: 0,
            statement: StatementWords::default(),
            out,
        }
    }

    fn run(mut self) -> Vec<u8> {
        if self.text.starts_with('\u{feff}') {
            self.mask(Span::new(0, '\u{feff}'.len_utf8()), b' ');
            self.at = '\u{feff}'.len_utf8();
        }
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'\'' => self.quoted(b'\'', false),
                b'"' => self.quoted(b'"', false),
                b'-' if self.next_is(b"--") => self.skip_line(),
                b'/' if self.next_is(b"/*") => self.block_comment(),
                b'$' => self.dollar(),
                b'{' | b'<' => self.template(byte),
                b':' => self.variable(),
                b'\\' => self.meta(),
                b';' => self.semicolon(),
                b'[' => self.step(1, |m| m.brackets += 1),
                b']' => self.step(1, |m| m.brackets = m.brackets.saturating_sub(1)),
                0 => self.nul(),
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => self.word(),
                b'0'..=b'9' => self.number(),
                _ => self.at += 1,
            }
        }
        self.masked
    }

    fn step(&mut self, bytes: usize, change: impl FnOnce(&mut Self)) {
        change(self);
        self.at += bytes;
    }

    fn next_is(&self, what: &[u8]) -> bool {
        self.bytes[self.at..].starts_with(what)
    }

    /// Overwrites `span` with `with`, keeping line ends.
    fn mask(&mut self, span: Span, with: u8) {
        for byte in &mut self.masked[span.start as usize..span.end as usize] {
            if *byte != b'\n' && *byte != b'\r' {
                *byte = with;
            }
        }
    }

    fn quoted(&mut self, quote: u8, backslashes: bool) {
        self.at += 1;
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += match byte {
                b'\\' if backslashes => 2,
                _ if byte == quote && self.bytes.get(self.at + 1) == Some(&quote) => 2,
                _ if byte == quote => {
                    self.at += 1;
                    return;
                }
                _ => 1,
            };
        }
        self.at = self.bytes.len();
    }

    fn skip_line(&mut self) {
        self.at = self.line_end(self.at);
    }

    fn line_end(&self, from: usize) -> usize {
        self.bytes[from..]
            .iter()
            .position(|b| *b == b'\n')
            .map_or(self.bytes.len(), |n| from + n)
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while self.at < self.bytes.len() {
            if self.next_is(b"/*") {
                depth += 1;
                self.at += 2;
            } else if self.next_is(b"*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return;
                }
            } else {
                self.at += 1;
            }
        }
    }

    fn dollar(&mut self) {
        if self.next_is(b"${") {
            let Some(end) = self.text[self.at..].find('}') else {
                self.at += 1;
                return;
            };
            return self.placeholder(self.at + end + 1);
        }
        let tag_length = self.bytes[self.at + 1..]
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || **b == b'_' || **b >= 0x80)
            .count();
        let open_end = self.at + 1 + tag_length;
        let digit_first = self.bytes.get(self.at + 1).is_some_and(u8::is_ascii_digit);
        if digit_first || self.bytes.get(open_end) != Some(&b'$') {
            self.at += 1;
            return;
        }
        let delimiter = &self.text[self.at..=open_end];
        self.at = match self.text[open_end + 1..].find(delimiter) {
            Some(found) => open_end + 1 + found + delimiter.len(),
            None => self.bytes.len(),
        };
    }

    fn template(&mut self, byte: u8) {
        let close = match byte {
            b'{' if self.next_is(b"{{") => "}}",
            b'{' if self.next_is(b"{%") => "%}",
            b'<' if self.next_is(b"<%") => "%>",
            _ => return self.at += 1,
        };
        match self.text[self.at..].find(close) {
            Some(found) => self.placeholder(self.at + found + close.len()),
            None => self.at += 1,
        }
    }

    /// psql's `:name`, `:'name'`, `:"name"`; not `::type`, `:=`, nor the colon of an array slice.
    fn variable(&mut self) {
        let next = self.bytes.get(self.at + 1).copied().unwrap_or_default();
        if matches!(next, b':' | b'=') {
            self.at += 2;
            return;
        }
        let before = self
            .at
            .checked_sub(1)
            .and_then(|at| self.bytes.get(at))
            .copied()
            .unwrap_or(b' ');
        let start = self.at;
        match next {
            _ if self.brackets > 0 || before == b':' => self.at += 1,
            b'\'' | b'"' => {
                self.at += 1;
                self.quoted(next, false);
                self.placeholder_from(start, self.at);
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                let length = self.bytes[start + 1..]
                    .iter()
                    .take_while(|b| b.is_ascii_alphanumeric() || **b == b'_')
                    .count();
                self.placeholder_from(start, start + 1 + length);
            }
            _ => self.at += 1,
        }
    }

    fn placeholder(&mut self, end: usize) {
        self.placeholder_from(self.at, end);
    }

    fn placeholder_from(&mut self, start: usize, end: usize) {
        let span = Span::new(start, end);
        // Braces, quotes and dollars inside would confuse the tokenizer; a word of the same length does not.
        self.mask(span, b'x');
        self.out.placeholders.push(span);
        self.at = end;
    }

    fn meta(&mut self) {
        // psql's `\\;` parts statements like a semicolon, and only sends them together.
        if self.next_is(b"\\;") {
            self.masked[self.at] = b' ';
            self.at += 1;
            return;
        }
        let end = self.line_end(self.at);
        let span = Span::new(self.at, end);
        self.mask(span, b' ');
        self.out.metas.push(MetaCommand { span });
        self.at = end;
    }

    fn nul(&mut self) {
        let span = Span::new(self.at, self.at + 1);
        self.mask(span, b' ');
        self.out.errors.push(LexError {
            span,
            message: "a NUL byte cannot stand in SQL",
        });
        self.at += 1;
    }

    fn word(&mut self) {
        let length = self.bytes[self.at..]
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(**b, b'_' | b'$') || **b >= 0x80)
            .count();
        let word = &self.bytes[self.at..self.at + length];
        self.statement.word(word);
        self.at += length;
        let escapes = word.eq_ignore_ascii_case(b"e");
        if escapes && self.bytes.get(self.at) == Some(&b'\'') {
            self.quoted(b'\'', true);
        }
    }

    fn number(&mut self) {
        self.at += self.bytes[self.at..]
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || **b == b'_')
            .count();
    }

    fn semicolon(&mut self) {
        self.at += 1;
        let words = std::mem::take(&mut self.statement);
        if words.first_is_copy == Some(true) && words.from_stdin {
            self.copy_data();
        }
    }

    /// The lines after `COPY … FROM stdin;` up to `\.`; without a `\.` there is no data here.
    fn copy_data(&mut self) {
        let start = self.line_end(self.at) + 1;
        let mut line = start;
        while line < self.bytes.len() {
            let end = self.line_end(line);
            if self.text[line..end].trim_end() == "\\." {
                let span = Span::new(start, end);
                self.mask(span, b' ');
                self.out.copy_data.push(span);
                self.at = end;
                return;
            }
            line = end + 1;
        }
    }
}

impl StatementWords {
    fn word(&mut self, word: &[u8]) {
        if self.first_is_copy.is_none() {
            self.first_is_copy = Some(word.eq_ignore_ascii_case(b"copy"));
        }
        self.from_stdin |= self.last_was_from && word.eq_ignore_ascii_case(b"stdin");
        self.last_was_from = word.eq_ignore_ascii_case(b"from");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        tokenize(text)
            .tokens
            .iter()
            .map(|token| token.span.slice(text))
            .collect()
    }

    #[test]
    fn spans_are_bytes_also_after_non_ascii_text() {
        assert_eq!(
            words("select 'é😀', \"ü\" -- ñ\n, x"),
            ["select", "'é😀'", ",", "\"ü\"", ",", "x"]
        );
        assert_eq!(words("\u{feff}select 1"), ["select", "1"]);
        assert_eq!(words("a\r\nb"), ["a", "b"]);
    }

    #[test]
    fn dollar_quotes_and_nested_comments_are_one_token() {
        assert_eq!(words("do $é$ ; ' $$ $é$;"), ["do", "$é$ ; ' $$ $é$", ";"]);
        assert_eq!(words("a /* /* ; */ ' */ b"), ["a", "b"]);
        assert_eq!(words("select e'\\'', 1"), ["select", "e'\\''", ",", "1"]);
    }

    #[test]
    fn meta_commands_copy_data_and_placeholders_are_masked() {
        let text =
            "\\echo don't\nselect :'x', a[1:n], y::text;\ncopy t from stdin;\n1\tit's\n\\.\nselect {{ a \"b\" }};";
        let tokens = tokenize(text);
        assert_eq!(tokens.metas.len(), 1);
        assert_eq!(tokens.copy_data.len(), 1);
        assert_eq!(tokens.copy_data[0].slice(text), "1\tit's\n\\.");
        let placeholders: Vec<_> = tokens.placeholders.iter().map(|span| span.slice(text)).collect();
        assert_eq!(placeholders, [":'x'", "{{ a \"b\" }}"]);
        assert!(tokens.errors.is_empty(), "{:?}", tokens.errors);
    }

    #[test]
    fn operators_that_begin_longer_ones_are_tokens() {
        let tokens = tokenize("select a |> b, c |& d");
        assert!(tokens.errors.is_empty());
        assert_eq!(
            words("select a |> b, c |& d"),
            ["select", "a", "|>", "b", ",", "c", "|&", "d"]
        );
    }

    #[test]
    fn an_escaped_semicolon_parts_statements() {
        let tokens = tokenize("select 1\\; select 2;");
        assert!(tokens.metas.is_empty());
        assert_eq!(words("select 1\\; select 2;"), ["select", "1", ";", "select", "2", ";"]);
    }

    #[test]
    fn an_unterminated_quote_keeps_what_stands_before_it() {
        let tokens = tokenize("select 1; select 'é");
        assert_eq!(tokens.tokens.len(), 4);
        assert_eq!(tokens.errors[0].span, Span::new(17, 20));
        let tokens = tokenize("select 1; select $a$ x");
        assert_eq!(tokens.errors[0].span.start, 17);
        let tokens = tokenize("select 1; /* x");
        assert_eq!(tokens.errors[0].span.start, 10);
    }
}
