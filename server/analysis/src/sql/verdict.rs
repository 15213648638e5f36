//! Whether a statement is a syntax error, and at which byte. The only file that names `squawk_syntax`.
//!
//! `squawk_syntax` decides *whether*: it accepts every valid statement that we know of. *Where* is PostgreSQL's answer:
//! its parser stops at the first token with which no statement can begin any more. So we look for the shortest
//! beginning of the statement that has an error before its own end; its last token is the one.

use sqlparser::tokenizer::Token as SqlToken;
use squawk_syntax::SourceFile;

use super::cursor::{body_of, is_word};
use super::shape::Shape;
use super::split::Piece;
use super::tokens::{Token, Tokens, tokenize};
use crate::text::Span;

/// Something that knows PostgreSQL's grammar.
pub trait Verdict {
    /// The first syntax error of one statement, given without its semicolon; `None` where there is none, or no verdict.
    fn syntax_error(&self, statement: &str) -> Option<SyntaxError>;
}

/// The syntax errors of a file, in text order: at most one per statement, and text that no statement took.
pub(crate) fn syntax_errors(text: &str, read: &Tokens, pieces: &[Piece]) -> Vec<SyntaxError> {
    let judged = pieces.iter().filter(|piece| !piece.meta && piece.placeholder.is_none());
    let mut errors: Vec<SyntaxError> = judged
        .filter_map(|piece| {
            let is_near = |span: Span| span.start <= piece.span.end && piece.span.start <= span.end;
            let is_all_tokens = !read.errors.iter().any(|error| is_near(error.span))
                && !read.metas.iter().any(|command| is_near(command.span));
            let shape = Shape::of(text, &read.tokens[piece.tokens.clone()]).filter(|_| is_all_tokens);
            if shape.is_some_and(Shape::is_valid) {
                return None;
            }
            let error = Grammar.syntax_error(piece.span.slice(text));
            if let (None, Some(shape)) = (&error, shape) {
                shape.keep_valid();
            }
            error.map(|error| SyntaxError {
                span: error.span.shift(piece.span.start),
                ..error
            })
        })
        .collect();
    let unread = read.errors.iter().filter(|lexical| {
        !errors
            .iter()
            .any(|known| known.span.end >= lexical.span.start && known.span.start <= lexical.span.start)
    });
    let unread: Vec<SyntaxError> = unread.filter_map(|lexical| unreadable(text, lexical.span)).collect();
    errors.extend(unread);
    errors.sort_by_key(|error| error.span);
    errors
}

/// Where PostgreSQL would stop reading a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The offending token, relative to the statement's text; empty at its end where the statement ends too early.
    pub span: Span,
    /// PostgreSQL's own words.
    pub message: String,
}

/// The verdict of the built-in grammar.
#[derive(Clone, Copy, Debug, Default)]
pub struct Grammar;

/// Beyond these there is no verdict: the parser's stack and its time are finite.
const MAX_BYTES: usize = 1 << 20;
const MAX_DEPTH: usize = 150;
const MAX_CHAIN: usize = 2_000;

/// Up to this length the offending token is searched for; beyond, the parser's own position must do.
const MAX_SEARCHED_BYTES: usize = 20_000;

impl Verdict for Grammar {
    fn syntax_error(&self, statement: &str) -> Option<SyntaxError> {
        let read = tokenize(statement);
        if !read.placeholders.is_empty() || !read.metas.is_empty() {
            return None;
        }
        if let Some(error) = read.errors.first() {
            return before_unreadable(statement, &read.tokens, error.span)
                .or_else(|| unreadable(statement, error.span));
        }
        let tokens = read.tokens;
        if tokens.is_empty() || statement.len() > MAX_BYTES || too_deep(&tokens) {
            return None;
        }
        let statement = &without_bodies(statement, &tokens);
        let faults = faults(statement, &tokens);
        let first = faults.iter().map(|fault| fault.start).min();
        let found = first.map(|first| {
            if statement.len() > MAX_SEARCHED_BYTES {
                tokens.partition_point(|token| token.span.end <= first)
            } else {
                offending_token(statement, &tokens, &faults, tokens.len() + 1)
            }
        });
        let found = found.filter(|at| !is_valid_all_the_same(statement, &tokens, *at));
        let at = found.into_iter().chain(overlooked(&tokens)).min()?;
        Some(error_at(statement, &tokens, at))
    }
}

/// The few places where the parser complains and PostgreSQL 14 to 18 do not.
fn is_valid_all_the_same(statement: &str, tokens: &[Token], at: usize) -> bool {
    let Some(token) = tokens.get(at) else {
        return false;
    };
    let begins = |words: &[&str]| words.iter().zip(tokens).all(|(word, token)| is_word(token, word));
    let ends = |words: &[&str]| {
        let first = (at + 1).checked_sub(words.len());
        first.is_some_and(|first| {
            words
                .iter()
                .zip(&tokens[first..])
                .all(|(word, token)| is_word(token, word))
        })
    };
    ends(&["MAPPING", "FOR", "USER"])
        || begins(&["SET", "ROLE"]) && ends(&["TO", "DEFAULT"])
        || begins(&["ALTER", "STATISTICS", "IF", "EXISTS"]) && at <= 3
        || token.span.slice(statement) == "|>"
}

/// The error in front of bytes that are no token: PostgreSQL reads one token after the other, so it stops there first.
fn before_unreadable(statement: &str, tokens: &[Token], unreadable: Span) -> Option<SyntaxError> {
    let readable = tokens.partition_point(|token| token.span.end <= unreadable.start);
    let tokens = &tokens[..readable];
    let end = tokens.last()?.span.end as usize;
    let overlooked = overlooked(tokens).filter(|at| *at < tokens.len());
    if end > MAX_SEARCHED_BYTES || too_deep(tokens) {
        return overlooked.map(|at| error_at(statement, tokens, at));
    }
    let beginning = &without_bodies(&statement[..end], tokens);
    let faults = faults(beginning, tokens);
    let found = (!can_go_on(beginning, tokens, &faults)).then(|| offending_token(beginning, tokens, &faults, readable));
    let at = found.into_iter().chain(overlooked).min()?;
    Some(error_at(statement, tokens, at))
}

/// The words that may begin a statement, up to PostgreSQL 19.
const BEGINNINGS: &[&str] = &[
    "ABORT",
    "ALTER",
    "ANALYSE",
    "ANALYZE",
    "BEGIN",
    "CALL",
    "CHECKPOINT",
    "CLOSE",
    "CLUSTER",
    "COMMENT",
    "COMMIT",
    "COPY",
    "CREATE",
    "DEALLOCATE",
    "DECLARE",
    "DELETE",
    "DISCARD",
    "DO",
    "DROP",
    "END",
    "EXECUTE",
    "EXPLAIN",
    "FETCH",
    "GRANT",
    "IMPORT",
    "INSERT",
    "LISTEN",
    "LOAD",
    "LOCK",
    "MERGE",
    "MOVE",
    "NOTIFY",
    "PREPARE",
    "REASSIGN",
    "REFRESH",
    "REINDEX",
    "RELEASE",
    "REPACK",
    "RESET",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SECURITY",
    "SELECT",
    "SET",
    "SHOW",
    "START",
    "TABLE",
    "TRUNCATE",
    "UNLISTEN",
    "UPDATE",
    "VACUUM",
    "VALUES",
    "WAIT",
    "WITH",
];

/// What may follow `IS` and `IS NOT`.
const PREDICATES: &[&str] = &[
    "NULL",
    "TRUE",
    "FALSE",
    "UNKNOWN",
    "DISTINCT",
    "DOCUMENT",
    "NORMALIZED",
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "JSON",
    "LABELED",
    "SOURCE",
    "DESTINATION",
    "SAME",
    "ALL",
];

/// The first error of the few kinds that the parser accepts and PostgreSQL does not.
fn overlooked(tokens: &[Token]) -> Option<usize> {
    let first = tokens.first()?;
    let is_any = |token: &Token, words: &[&str]| words.iter().any(|word| is_word(token, word));
    if first.token != SqlToken::LParen && !is_any(first, BEGINNINGS) {
        return Some(0);
    }
    if tokens.len() == 2 && is_word(first, "DROP") {
        return Some(2);
    }
    if tokens.iter().any(|token| is_any(token, &["GRAPH", "GRAPH_TABLE"])) {
        return None;
    }
    // `COMMENT ON … IS 'text'` aside, a predicate follows.
    (1..tokens.len()).find_map(|at| {
        let label = tokens[at - 1].token == SqlToken::Period || is_word(&tokens[at - 1], "AS");
        if label || !is_word(&tokens[at], "IS") {
            return None;
        }
        let negated = tokens.get(at + 1).is_some_and(|next| is_word(next, "NOT"));
        let predicate = at + 1 + usize::from(negated);
        let is_bad = |token: &Token| matches!(token.token, SqlToken::Word(_)) && !is_any(token, PREDICATES);
        tokens.get(predicate).is_some_and(is_bad).then_some(predicate)
    })
}

fn error_at(statement: &str, tokens: &[Token], at: usize) -> SyntaxError {
    let Some(token) = tokens.get(at) else {
        return SyntaxError {
            span: Span::new(statement.len(), statement.len()),
            message: "syntax error at end of input".to_owned(),
        };
    };
    let number = at.checked_sub(1).map(|before| &tokens[before]);
    let number = number.filter(|before| matches!(before.token, SqlToken::Number(..)));
    if let Some(number) = number.filter(|number| number.span.end == token.span.start) {
        let span = number.span.cover(token.span);
        return SyntaxError {
            span,
            message: format!(
                "trailing junk after numeric literal at or near \"{}\"",
                span.slice(statement)
            ),
        };
    }
    SyntaxError {
        span: token.span,
        message: format!("syntax error at or near \"{}\"", token.span.slice(statement)),
    }
}

/// Bytes that are no token; of several lines the message shows the first.
fn unreadable(statement: &str, span: Span) -> Option<SyntaxError> {
    let rest = statement.get(span.start as usize..)?;
    let what = match rest.chars().next()? {
        '"' => "unterminated quoted identifier",
        '$' if span.len() > 1 => "unterminated dollar-quoted string",
        '/' if rest.starts_with("/*") => "unterminated /* comment",
        '\'' | 'e' | 'E' | 'u' | 'U' | 'n' | 'N' if span.len() > 1 || rest == "'" => "unterminated quoted string",
        _ => "syntax error",
    };
    let near = span.slice(statement).lines().next().unwrap_or_default();
    Some(SyntaxError {
        span,
        message: format!("{what} at or near \"{near}\""),
    })
}

/// One of the parser's complaints.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Fault {
    start: u32,
    end: u32,
}

impl Fault {
    /// The parser itself complains at a point; rules that it checks on the finished tree have a range.
    fn is_point(self) -> bool {
        self.start == self.end
    }
}

/// The statement with blank function bodies: the server reads those only if it is set to, and they may nest deeply.
fn without_bodies(statement: &str, tokens: &[Token]) -> String {
    let mut bytes = statement.as_bytes().to_vec();
    for (at, token) in tokens.iter().enumerate() {
        let is_body = match token.token {
            SqlToken::DollarQuotedString(_) => true,
            SqlToken::SingleQuotedString(_) | SqlToken::EscapedStringLiteral(_) => at
                .checked_sub(1)
                .is_some_and(|before| is_word(&tokens[before], "AS") || is_word(&tokens[before], "DO")),
            _ => false,
        };
        let inner = body_of(token, statement).filter(|_| is_body).map(|body| body.inner);
        if let Some(inner) = inner {
            bytes[inner.start as usize..inner.end as usize].fill(b' ');
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| statement.to_owned())
}

/// What the parser complains about, except inside of string constants.
fn faults(text: &str, tokens: &[Token]) -> Vec<Fault> {
    let parsed = SourceFile::parse(text);
    let fault = |error: squawk_syntax::syntax_error::SyntaxError| Fault {
        start: error.range().start().into(),
        end: error.range().end().into(),
    };
    let in_string = |fault: &Fault| {
        let at = tokens.partition_point(|token| token.span.end <= fault.start);
        tokens.get(at).is_some_and(|token| {
            token.span.start < fault.start
                && matches!(
                    token.token,
                    SqlToken::DollarQuotedString(_)
                        | SqlToken::SingleQuotedString(_)
                        | SqlToken::EscapedStringLiteral(_)
                )
        })
    };
    parsed
        .errors()
        .into_iter()
        .map(fault)
        .filter(|fault| !in_string(fault))
        .collect()
}

/// The index of the first token that ends a beginning with no continuation; the number of tokens at premature ends.
/// It is known that `bad` tokens are too many; one more than there are stands for the end.
fn offending_token(text: &str, tokens: &[Token], whole: &[Fault], mut bad: usize) -> usize {
    // Invariant: the beginning of `good` tokens can go on, that of `bad` tokens cannot.
    let mut good = 0;
    while bad - good > 1 {
        let middle = good.midpoint(bad);
        if can_go_on(text, &tokens[..middle], whole) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    bad - 1
}

/// What may follow the beginning of a statement. The parser looks ahead before it decides what it reads, and then
/// complains about an earlier token than the missing one; with one of these behind it, it does not.
const CONTINUATIONS: &[&str] = &[
    "",
    " x",
    " 1",
    " (x)",
    " table x",
    " view x",
    " select 1",
    " (select 1)",
    " as x",
    " x x",
    "(x int)",
    " = 1",
    " on x",
    " to x",
];

/// Whether a beginning of a statement is also that of a valid one.
fn can_go_on(text: &str, tokens: &[Token], whole: &[Fault]) -> bool {
    let end = tokens.last().map_or(0, |token| token.span.end);
    let beginning = &text[..end as usize];
    CONTINUATIONS.iter().any(|continuation| {
        let faults = faults(&format!("{beginning}{continuation}"), tokens);
        !faults.iter().any(|fault| {
            if fault.is_point() {
                fault.start < end
            } else {
                // A rule that the unfinished statement breaks may be kept by the finished one.
                fault.end <= end && whole.contains(fault)
            }
        })
    })
}

/// Whether the parser might exhaust its stack.
fn too_deep(tokens: &[Token]) -> bool {
    let mut chains = vec![0_usize];
    for token in tokens {
        match &token.token {
            SqlToken::LParen | SqlToken::LBracket => chains.push(0),
            SqlToken::RParen | SqlToken::RBracket if chains.len() > 1 => {
                chains.pop();
            }
            SqlToken::Comma => *chains.last_mut().expect("never empty") = 0,
            SqlToken::Word(_) if ["CASE", "NOT", "SELECT"].iter().any(|word| is_word(token, word)) => {
                // Each may nest without a parenthesis, several stack frames deep.
                *chains.last_mut().expect("never empty") += MAX_CHAIN / MAX_DEPTH;
            }
            _ => *chains.last_mut().expect("never empty") += 1,
        }
        if chains.len() > MAX_DEPTH || chains.last().is_some_and(|chain| *chain > MAX_CHAIN) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What PostgreSQL 15 says; `^` marks the byte before the offending token.
    #[track_caller]
    fn fails(marked: &str, near: &str) {
        let at = marked.find('^').expect("a mark");
        let text = marked.replacen('^', "", 1);
        let error = Grammar.syntax_error(&text).unwrap_or_else(|| panic!("{text} is valid"));
        assert_eq!(error.span.start as usize, at, "{text}: {error:?}");
        let message = if near.is_empty() {
            "syntax error at end of input".to_owned()
        } else {
            format!("syntax error at or near \"{near}\"")
        };
        assert_eq!(error.message, message, "{text}");
    }

    #[test]
    fn the_offending_token_is_where_postgresql_stops() {
        fails("^selec 1", "selec");
        fails("create table t (a int,^)", ")");
        fails("create table t (a int ^b text)", "b");
        fails("create table t (a int)^)", ")");
        fails("select 1 ^2", "2");
        fails("select 'é' frm ^t x", "t");
        fails("select a, ^from t", "from");
        fails("select * from t where ^order by a", "order");
        fails("drop schema ^1 exists x cascade", "1");
        fails("create ^if not exists x", "if");
        fails("drop materialized ^materialized view v", "materialized");
        fails("alter table t add column c ^, drop d", ",");
        fails("update t set a = ^, b = 1", ",");
        fails("insert into t (a, b) values (1, ^)", ")");
        fails("update t set a = 1 where b is ^nul", "nul");
        fails("^from t select a", "from");
        fails("grant select ^t to u", "t");
        fails("create index on t ^a", "a");
    }

    #[test]
    fn premature_ends_are_at_the_end() {
        fails("drop^", "");
        fails("drop table^", "");
        fails("drop type^", "");
        fails("select (1^", "");
        fails("update t set a =^", "");
        fails("create table t (a int,^", "");
        fails("create function f() returns int as $$ select 1 $$ language^", "");
    }

    #[test]
    fn junk_behind_a_number_begins_with_the_number() {
        let error = Grammar.syntax_error("select 1, 12abc").expect("an error");
        assert_eq!(error.span, Span::new(10, 15));
        assert_eq!(
            error.message,
            "trailing junk after numeric literal at or near \"12abc\""
        );
    }

    #[test]
    fn what_only_the_parser_dislikes_is_valid() {
        for valid in [
            "alter user mapping for user server s options (a 'b')",
            "set role to default",
            "alter statistics if exists s set statistics 0",
            "create operator |> (procedure = int8gt, leftarg = bigint, rightarg = bigint)",
            "drop operator |> (bigint, bigint)",
        ] {
            assert_eq!(Grammar.syntax_error(valid), None, "{valid}");
        }
    }

    #[test]
    fn bodies_are_not_judged() {
        for valid in [
            "create function f() returns int language sql as $$ selec 1 $$",
            "do $$ begin if; end $$",
            "do 'begin it''s; end'",
            "create function f() returns trigger language plpgsql as 'begin retur new; end'",
        ] {
            assert_eq!(Grammar.syntax_error(valid), None, "{valid}");
        }
    }

    #[test]
    fn quotes_without_an_end_are_errors_of_their_own() {
        fails("^Scrum lean, 'open", "Scrum");
        fails("select 1 ^2, 'open", "2");
        let error = Grammar.syntax_error("select 'open").expect("an error");
        assert_eq!(error.span.start, 7);
        assert_eq!(error.message, "unterminated quoted string at or near \"'open\"");
        let error = Grammar
            .syntax_error("insert into t values (1, 'open")
            .expect("an error");
        assert_eq!(error.span.start, 25);
    }

    #[test]
    fn what_might_exhaust_the_stack_gets_no_verdict() {
        for (before, repeated, after) in [
            ("select ", "(", "1"),
            ("select 1", " + 1", " +"),
            ("select ", "not ", ""),
            ("select ", "- ", ""),
            ("select 1", " union select 1", " x y"),
            ("select ", "case when ", ""),
            ("select a", "[1", ""),
            ("select a", ".a", "."),
        ] {
            for times in [100, 1_000, 10_000, 100_000] {
                let text = format!("{before}{}{after}", repeated.repeat(times));
                let _ = Grammar.syntax_error(&text);
            }
        }
    }
}
