//! What can be folded away: statements, bodies, parentheses and comments of more than one line.

use super::View;
use crate::sql::body;
use crate::sql::lexeme::{Lexeme, LexemeKind, lexemes, lexemes_in};
use crate::sql::statement::{Body, FunctionBody, Node, Statement};
use crate::text::Span;

/// A range that can be folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fold {
    /// From the first byte that stays visible on its line to the last that is hidden.
    pub span: Span,
    /// What is in it.
    pub kind: FoldKind,
}

/// What a [`Fold`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FoldKind {
    /// A statement, a body or a pair of parentheses.
    Code,
    /// A block comment, or line comments on lines that follow each other.
    Comment,
}

/// Everything that spans more than one line, in text order, the outer ones first.
pub fn folding(view: View<'_>, file: usize) -> Vec<Fold> {
    let text = view.text(file);
    let mut out = Vec::new();
    let all = lexemes(text);
    comments(text, &all, &mut out);
    parentheses(&all, &mut out);
    for statement in view.statements(file) {
        out.push(code(statement.span));
        if let Some((language, body)) = code_of(statement) {
            out.push(code(body.span));
            let found = body::statements(text, language, body);
            out.extend(found.statements.iter().map(|inner| code(inner.statement.span)));
            if body.unescaped.is_none() {
                let inside = lexemes_in(text, body.inner);
                comments(text, &inside, &mut out);
                parentheses(&inside, &mut out);
            }
        }
    }
    out.retain(|fold| fold.span.slice(text).contains('\n'));
    out.sort_by_key(|fold| (fold.span.start, std::cmp::Reverse(fold.span.end), fold.kind));
    out.dedup_by_key(|fold| fold.span);
    out
}

fn code(span: Span) -> Fold {
    Fold {
        span,
        kind: FoldKind::Code,
    }
}

/// The code that a statement holds in a string, with its language.
pub(super) fn code_of(statement: &Statement) -> Option<(&str, &Body)> {
    match &statement.node {
        Node::Do { language, body } => Some((language.as_str(), body)),
        Node::CreateFunction(create) => match &create.body {
            Some(FunctionBody::Source(body)) => {
                let language = create.options.language.as_ref();
                Some((language.map_or("sql", |language| language.as_str()), body))
            }
            _ => None,
        },
        _ => None,
    }
}

fn parentheses(lexemes: &[Lexeme], out: &mut Vec<Fold>) {
    let mut open = Vec::new();
    for lexeme in lexemes {
        match lexeme.kind {
            LexemeKind::Open => open.push(lexeme.span),
            LexemeKind::Close => out.extend(open.pop().map(|start: Span| code(start.cover(lexeme.span)))),
            LexemeKind::Semicolon => open.clear(),
            _ => {}
        }
    }
}

/// Block comments, and line comments with nothing but one line end between them.
fn comments(text: &str, lexemes: &[Lexeme], out: &mut Vec<Fold>) {
    let mut block: Option<Span> = None;
    let comments = lexemes.iter().filter(|lexeme| lexeme.kind == LexemeKind::Comment);
    for comment in comments {
        let between = block.map(|block| {
            Span {
                start: block.end,
                end: comment.span.start,
            }
            .slice(text)
        });
        let follows = between.is_some_and(|between| between.trim().is_empty() && between.matches('\n').count() == 1);
        block = Some(match block {
            Some(before) if follows => before.cover(comment.span),
            before => {
                out.extend(before.map(comment_fold));
                comment.span
            }
        });
    }
    out.extend(block.map(comment_fold));
}

fn comment_fold(span: Span) -> Fold {
    Fold {
        span,
        kind: FoldKind::Comment,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ide::testing::Case;

    #[test]
    fn statements_bodies_parentheses_and_comments_fold() {
        let case = Case::new(
            "-- one
-- two

-- three
create table t (
  a int,
  é text check (
    é <> ''
  )
);
create function f() returns int language plpgsql as $$
begin
  return (
    select 1
  );
end $$;
select 1;",
        );
        let text = case.text(0);
        let line = |at: u32| text[..at as usize].matches('\n').count() + 1;
        let found: Vec<(FoldKind, usize, usize)> = folding(case.view(), 0)
            .iter()
            .map(|fold| (fold.kind, line(fold.span.start), line(fold.span.end)))
            .collect();
        let expected = [
            (FoldKind::Comment, 1, 2),
            (FoldKind::Code, 5, 10),
            (FoldKind::Code, 5, 10),
            (FoldKind::Code, 7, 9),
            (FoldKind::Code, 11, 16),
            (FoldKind::Code, 11, 16),
            (FoldKind::Code, 13, 15),
        ];
        assert_eq!(found, expected);
    }
}
