//! The code around the cursor as words, also of statements that nothing can read yet.

use super::super::View;
use crate::ide::Place;
use crate::sql::lexeme::{Lexeme, LexemeKind, lexemes, lexemes_in};
use crate::sql::name::{Ident, Name};
use crate::text::Span;

/// The statement that is being written, and the word in it.
pub(super) struct Code<'t> {
    pub(super) text: &'t str,
    /// The whole statement around the cursor, without comments.
    pub(super) lexemes: Vec<Lexeme>,
    /// How many of them stand before the word at the cursor and what qualifies it.
    pub(super) cut: usize,
    /// The names before the periods: `a.b.` of `a.b.c`.
    pub(super) qualifier: Vec<Ident>,
    /// The word at the cursor, empty where there is none.
    pub(super) word: Span,
    /// The part of it before the cursor.
    pub(super) prefix: String,
    /// The first byte of the statement in the file; of the statement around it in a body.
    pub(super) start: u32,
    /// The body around the cursor, if there is one.
    pub(super) body: Option<Around>,
}

/// What stands around a body.
pub(super) struct Around {
    /// The statement that the body belongs to, without comments.
    pub(super) outer: Vec<Lexeme>,
    /// The code between the delimiters, as lexemes.
    pub(super) inner: Vec<Lexeme>,
}

impl<'t> Code<'t> {
    /// `None` in comments and string constants.
    pub(super) fn at(view: View<'t>, place: Place) -> Option<Self> {
        let text = view.text(place.file);
        let offset = place.offset;
        if !text.is_char_boundary(offset as usize) {
            return None;
        }
        let all = lexemes(text);
        let errors = view.documents.get(place.file).map(|document| &document.file.errors);
        // Behind a quote that is never closed stands a body that is being written, a name, or a string.
        let open = errors
            .into_iter()
            .flatten()
            .find(|error| error.span.start < offset && offset <= error.span.end);
        if let Some(error) = open {
            let rest = error.span.slice(text);
            let tag = rest.strip_prefix('$').and_then(|rest| rest.split_once('$'));
            let (tag, _) = tag?;
            let inner = Span {
                start: error.span.start + u32::try_from(tag.len()).ok()? + 2,
                end: error.span.end,
            };
            return Self::in_body(text, &all, inner, error.span.start, offset);
        }
        let around = all
            .iter()
            .find(|lexeme| lexeme.span.start < offset && offset < lexeme.span.end);
        match around.map(|lexeme| lexeme.kind) {
            Some(LexemeKind::Comment | LexemeKind::String | LexemeKind::Meta | LexemeKind::Number) => return None,
            Some(LexemeKind::DollarString) => {
                let span = around?.span;
                let tag = span.slice(text)[1..].find('$')? + 2;
                let inner = Span::new(span.start as usize + tag, span.end as usize - tag);
                if offset < inner.start || inner.end < offset {
                    return None;
                }
                return Self::in_body(text, &all, inner, span.start, offset);
            }
            _ => {}
        }
        let line_comment = |lexeme: &&Lexeme| {
            lexeme.kind == LexemeKind::Comment && lexeme.span.end == offset && lexeme.span.slice(text).starts_with("--")
        };
        if all.iter().any(|lexeme| line_comment(&lexeme)) {
            return None;
        }
        Some(Self::split(text, &all, offset, None))
    }

    fn in_body(text: &'t str, all: &[Lexeme], inner: Span, start: u32, offset: u32) -> Option<Self> {
        let inside = lexemes_in(text, inner);
        let hidden = |lexeme: &Lexeme| {
            matches!(
                lexeme.kind,
                LexemeKind::Comment | LexemeKind::String | LexemeKind::DollarString
            ) && lexeme.span.start < offset
                && (offset < lexeme.span.end
                    || (offset == lexeme.span.end && lexeme.span.slice(text).starts_with("--")))
        };
        if inside.iter().any(hidden) {
            return None;
        }
        let outer = statement_around(all, start);
        let begin = outer.first().map_or(start, |first| first.span.start);
        let mut code = Self::split(text, &inside, offset, Some(begin));
        code.body = Some(Around { outer, inner: inside });
        Some(code)
    }

    fn split(text: &'t str, all: &[Lexeme], offset: u32, outer: Option<u32>) -> Self {
        let mut plain: Vec<Lexeme> = all
            .iter()
            .filter(|lexeme| !matches!(lexeme.kind, LexemeKind::Comment | LexemeKind::Meta))
            .copied()
            .collect();
        // The word that the cursor is in, or at the end of.
        let at_word = plain
            .iter()
            .position(|lexeme| lexeme.is_name() && lexeme.span.start < offset && offset <= lexeme.span.end);
        let mut cut = at_word.unwrap_or_else(|| plain.partition_point(|lexeme| lexeme.span.end <= offset));
        let word = at_word.map_or(
            Span {
                start: offset,
                end: offset,
            },
            |at| plain[at].span,
        );
        let prefix = Span {
            start: word.start,
            end: offset,
        };
        if word.is_empty() && cut > 0 && plain[cut - 1].kind == LexemeKind::Period {
            // Else the next keyword would be taken for the name behind the period.
            plain.insert(
                cut,
                Lexeme {
                    kind: LexemeKind::Word,
                    span: word,
                },
            );
        }
        let mut qualifier = Vec::new();
        while cut >= 2 && plain[cut - 1].kind == LexemeKind::Period && plain[cut - 2].is_name() {
            qualifier.insert(0, ident(text, plain[cut - 2].span));
            cut -= 2;
        }
        let starts = |lexeme: &Lexeme| {
            lexeme.kind == LexemeKind::Semicolon
                || (outer.is_some()
                    && ["BEGIN", "THEN", "ELSE", "LOOP", "DECLARE", "EXCEPTION"]
                        .iter()
                        .any(|word| lexeme.is(text, word)))
        };
        let first = plain[..cut].iter().rposition(starts).map_or(0, |at| at + 1);
        let after = plain[cut..]
            .iter()
            .position(|lexeme| lexeme.kind == LexemeKind::Semicolon)
            .map_or(plain.len(), |at| cut + at);
        let lexemes: Vec<Lexeme> = plain[first..after].to_vec();
        let start = lexemes.first().map_or(offset, |lexeme| lexeme.span.start).min(offset);
        Self {
            text,
            cut: cut - first,
            lexemes,
            qualifier,
            word,
            prefix: prefix.slice(text).trim_start_matches('"').to_owned(),
            start: outer.unwrap_or(start),
            body: None,
        }
    }

    /// The words before the cursor, in the parentheses that are open there: the innermost last.
    pub(super) fn frames(&self) -> Vec<Vec<Word<'t>>> {
        frames(self.text, &self.lexemes[..self.cut])
    }

    /// All words of the statement.
    pub(super) fn words(&self) -> Vec<Word<'t>> {
        words(self.text, &self.lexemes)
    }
}

/// The lexemes of the statement that holds a byte, without comments.
fn statement_around(all: &[Lexeme], at: u32) -> Vec<Lexeme> {
    let before = all.partition_point(|lexeme| lexeme.span.start < at);
    let is_end = |lexeme: &Lexeme| lexeme.kind == LexemeKind::Semicolon;
    let first = all[..before].iter().rposition(is_end).map_or(0, |at| at + 1);
    let end = all[before..]
        .iter()
        .position(is_end)
        .map_or(all.len(), |end| before + end);
    all[first..end]
        .iter()
        .filter(|lexeme| !matches!(lexeme.kind, LexemeKind::Comment | LexemeKind::Meta))
        .copied()
        .collect()
}

/// A word, a name with its qualifiers, a group in parentheses, or any other token.
#[derive(Clone, Debug)]
pub(super) struct Word<'t> {
    /// As written; `()` for a group.
    pub(super) text: &'t str,
    /// The parts, where it may be a name.
    pub(super) name: Option<Name>,
    pub(super) span: Span,
}

impl Word<'_> {
    /// Whether it is this word, unquoted and unqualified.
    pub(super) fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }

    pub(super) fn any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }
}

fn words<'t>(text: &'t str, lexemes: &[Lexeme]) -> Vec<Word<'t>> {
    let mut out: Vec<Word<'t>> = Vec::new();
    let mut at = 0;
    while let Some(lexeme) = lexemes.get(at) {
        let mut span = lexeme.span;
        let mut name = None;
        if lexeme.is_name() {
            let mut parts = vec![ident(text, lexeme.span)];
            while lexemes.get(at + 1).is_some_and(|next| next.kind == LexemeKind::Period)
                && let Some(part) = lexemes.get(at + 2).filter(|part| part.is_name())
            {
                parts.push(ident(text, part.span));
                span = span.cover(part.span);
                at += 2;
            }
            name = Some(Name { parts });
        }
        out.push(Word {
            text: span.slice(text),
            name,
            span,
        });
        at += 1;
    }
    out
}

fn frames<'t>(text: &'t str, lexemes: &[Lexeme]) -> Vec<Vec<Word<'t>>> {
    let mut frames: Vec<Vec<Word<'t>>> = vec![Vec::new()];
    for word in words(text, lexemes) {
        match word.text {
            "(" => frames.push(Vec::new()),
            ")" if frames.len() > 1 => {
                frames.pop();
                let group = Word {
                    text: "()",
                    name: None,
                    span: word.span,
                };
                frames.last_mut().expect("the first frame stays").push(group);
            }
            _ => frames.last_mut().expect("the first frame stays").push(word),
        }
    }
    frames
}

/// The identifier that a lexeme is.
pub(super) fn ident(text: &str, span: Span) -> Ident {
    let written = span.slice(text);
    match written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => Ident::quoted(inner, span),
        None => Ident::unquoted(written, span),
    }
}

/// Whether the last words are these.
pub(super) fn ends(words: &[Word<'_>], with: &[&str]) -> bool {
    words.len() >= with.len()
        && words[words.len() - with.len()..]
            .iter()
            .zip(with)
            .all(|(word, with)| word.is(with))
}

/// Whether the first words are these.
pub(super) fn begins(words: &[Word<'_>], with: &[&str]) -> bool {
    words.len() >= with.len() && words.iter().zip(with).all(|(word, with)| word.is(with))
}
