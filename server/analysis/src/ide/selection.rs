//! What surrounds the cursor, from the word to the file, for growing a selection.

use super::folding::code_of;
use super::{Place, View, touches};
use crate::sql::body;
use crate::sql::lexeme::{Lexeme, LexemeKind, lexemes_in};
use crate::text::Span;

/// Words that begin a clause of a statement.
const CLAUSES: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP",
    "HAVING",
    "WINDOW",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "FETCH",
    "FOR",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "VALUES",
    "SET",
    "RETURNING",
    "ON",
    "USING",
    "JOIN",
    "LEFT",
    "RIGHT",
    "FULL",
    "INNER",
    "CROSS",
    "ADD",
    "DROP",
    "ALTER",
    "RENAME",
    "TO",
    "WITH",
    "AS",
    "CHECK",
    "REFERENCES",
    "DEFAULT",
    "LANGUAGE",
    "RETURNS",
    "EXECUTE",
    "BEFORE",
    "AFTER",
    "THEN",
    "ELSE",
    "WHEN",
    "AND",
    "OR",
];

/// The spans around the cursor, the innermost first, each larger than the one before: word, name, item of a list,
/// clause, parentheses, statement, body, file.
pub fn selection(view: View<'_>, place: Place) -> Vec<Span> {
    let text = view.text(place.file);
    let mut spans = Vec::new();
    if let Some(statement) = view.statement(place) {
        if let Some((language, body)) = code_of(statement).filter(|(_, body)| touches(body.inner, place.offset)) {
            let found = body::statements(text, language, body);
            let inner = found
                .statements
                .iter()
                .map(|inner| inner.statement.span)
                .filter(|span| touches(*span, place.offset))
                .min_by_key(|span| span.len());
            if body.unescaped.is_none() {
                around(
                    text,
                    &lexemes_in(text, inner.unwrap_or(body.inner)),
                    place.offset,
                    &mut spans,
                );
            }
            spans.extend(inner);
            spans.push(trimmed(text, body.inner));
            spans.push(body.inner);
            spans.push(body.span);
        }
        around(text, &lexemes_in(text, statement.span), place.offset, &mut spans);
        spans.push(statement.span);
    }
    spans.push(Span::new(0, text.len()));
    spans.sort_by_key(|span| span.len());
    let mut out: Vec<Span> = Vec::new();
    for span in spans {
        let grows = out.last().is_none_or(|last| span.contains(*last) && span != *last);
        if grows && touches(span, place.offset) && !span.is_empty() {
            out.push(span);
        }
    }
    out
}

/// Without the white space at both ends.
fn trimmed(text: &str, span: Span) -> Span {
    let inner = span.slice(text);
    let start = inner.len() - inner.trim_start().len();
    Span::new(
        span.start as usize + start,
        span.start as usize + start + inner.trim().len(),
    )
}

/// The token at the cursor and what surrounds it between these lexemes.
fn around(text: &str, lexemes: &[Lexeme], offset: u32, out: &mut Vec<Span>) {
    let at = lexemes.iter().position(|lexeme| touches(lexeme.span, offset));
    let Some(mut at) = at else { return };
    // Between two tokens that touch, the word is meant.
    if !lexemes[at].is_name() && lexemes.get(at + 1).is_some_and(|next| next.span.start == offset) {
        at += 1;
    }
    out.push(lexemes[at].span);
    out.push(name_at(lexemes, at));
    let (mut low, mut high) = (at, at);
    loop {
        let (first, last) = list(lexemes, low, high);
        push_parts(text, &lexemes[first..=last], low - first, high - first, out);
        let (Some(open), true) = (first.checked_sub(1), last + 1 < lexemes.len()) else {
            return;
        };
        out.push(lexemes[open].span.cover(lexemes[last + 1].span));
        if let Some(name) = open.checked_sub(1).filter(|before| lexemes[*before].is_name()) {
            out.push(name_at(lexemes, name).cover(lexemes[last + 1].span));
        }
        (low, high) = (open, last + 1);
    }
}

/// `a.b.c` around one of its parts.
fn name_at(lexemes: &[Lexeme], at: usize) -> Span {
    let is_period = |at: usize| lexemes.get(at).is_some_and(|lexeme| lexeme.kind == LexemeKind::Period);
    let (mut first, mut last) = (at, at);
    while first >= 2 && is_period(first - 1) && lexemes[first - 2].is_name() {
        first -= 2;
    }
    while is_period(last + 1) && lexemes.get(last + 2).is_some_and(Lexeme::is_name) {
        last += 2;
    }
    lexemes[first].span.cover(lexemes[last].span)
}

/// The lexemes between the parentheses around `low..=high`, or all.
fn list(lexemes: &[Lexeme], low: usize, high: usize) -> (usize, usize) {
    let mut depth = 0_usize;
    let mut first = 0;
    for at in (0..low).rev() {
        match lexemes[at].kind {
            LexemeKind::Close => depth += 1,
            LexemeKind::Open if depth == 0 => {
                first = at + 1;
                break;
            }
            LexemeKind::Open => depth -= 1,
            _ => {}
        }
    }
    depth = 0;
    let mut last = lexemes.len() - 1;
    for (at, lexeme) in lexemes.iter().enumerate().skip(high + 1) {
        match lexeme.kind {
            LexemeKind::Open => depth += 1,
            LexemeKind::Close if depth == 0 => {
                last = at - 1;
                break;
            }
            LexemeKind::Close => depth -= 1,
            _ => {}
        }
    }
    (first.min(low), last.max(high))
}

/// The item and the clause of a list that hold `low..=high`, and the list.
fn push_parts(text: &str, list: &[Lexeme], low: usize, high: usize, out: &mut Vec<Span>) {
    let mut depth = 0_usize;
    let (mut item, mut clause) = (0, 0);
    let (mut item_end, mut clause_end) = (list.len(), list.len());
    for (at, lexeme) in list.iter().enumerate() {
        let outside = at < low || at > high;
        match lexeme.kind {
            LexemeKind::Open | LexemeKind::OpenBracket => depth += 1,
            LexemeKind::Close | LexemeKind::CloseBracket => depth = depth.saturating_sub(1),
            LexemeKind::Comma | LexemeKind::Semicolon if depth == 0 && outside => {
                if at < low {
                    item = at + 1;
                } else {
                    item_end = item_end.min(at);
                }
                if lexeme.kind == LexemeKind::Semicolon {
                    if at < low {
                        clause = at + 1;
                    } else {
                        clause_end = clause_end.min(at);
                    }
                }
            }
            LexemeKind::Keyword if depth == 0 && CLAUSES.iter().any(|word| lexeme.is(text, word)) => {
                if at <= low {
                    clause = at;
                    item = item.max(at + usize::from(at < low));
                } else if at > high {
                    clause_end = clause_end.min(at);
                    item_end = item_end.min(at);
                }
            }
            _ => {}
        }
    }
    for (first, end) in [(item, item_end), (clause, clause_end), (0, list.len())] {
        if first < end {
            out.push(list[first].span.cover(list[end - 1].span));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ide::testing::Case;

    fn grown(sql: &str) -> Vec<String> {
        let case = Case::new(sql);
        let spans = selection(case.view(), case.cursor());
        let text = case.text(0);
        spans
            .iter()
            .map(|span| span.slice(text).trim_end().to_owned())
            .collect()
    }

    #[test]
    fn from_the_word_to_the_file() {
        assert_eq!(
            grown("select 1;\nselect lower(u.é$0mail), 2 from t where true;"),
            [
                "émail",
                "u.émail",
                "(u.émail)",
                "lower(u.émail)",
                "select lower(u.émail), 2",
                "select lower(u.émail), 2 from t where true",
                "select 1;\nselect lower(u.émail), 2 from t where true;",
            ]
        );
    }

    #[test]
    fn through_a_body() {
        assert_eq!(
            grown("do $$ begin update t set a$0 = 1; end $$;"),
            [
                "a",
                "a = 1",
                "set a = 1",
                "update t set a = 1",
                "begin update t set a = 1; end",
                "begin update t set a = 1; end",
                "$$ begin update t set a = 1; end $$",
                "do $$ begin update t set a = 1; end $$",
                "do $$ begin update t set a = 1; end $$;",
            ]
            .map(str::to_owned)
            .into_iter()
            .enumerate()
            .map(|(at, text)| if at == 5 { format!(" {text}") } else { text })
            .collect::<Vec<_>>()
        );
    }

    #[test]
    fn an_item_of_a_list() {
        let spans = grown("create table t (a int, b text not n$0ull);");
        assert_eq!(
            spans[..4],
            [
                "null",
                "b text not null",
                "a int, b text not null",
                "(a int, b text not null)"
            ]
        );
    }
}
