//! The SQL inside of `DO` blocks and of functions in SQL and PL/pgSQL, with the conditions under which it runs.
//!
//! PL/pgSQL is walked, not parsed: <https://www.postgresql.org/docs/current/plpgsql-structure.html>. What is no SQL is
//! passed over; what cannot be walked is said to be unreadable. Every token keeps its place in the file.

use smol_str::SmolStr;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token as SqlToken, Word};

use super::cursor::{Cursor, body_of, is_word};
use super::split::split;
use super::statement::{Body, Expr, Node, Statement};
use super::tokens::{Token, Tokens, tokenize};
use super::{dialect, lower, unknown};
use crate::text::Span;

/// One SQL statement of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyStatement {
    /// The statement; its spans lie in the file.
    pub statement: Statement,
    /// The control structures around it, outermost first; empty: it runs whenever the body does.
    pub conditions: Vec<Condition>,
}

/// Why a statement may run never, or more than once. The spans lie in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// In a branch of IF: from `IF` or `ELSIF` to the end of its condition, or `ELSE`.
    If(Span),
    /// In a loop: its head, without `LOOP` where it has one.
    Loop(Span),
    /// In a branch of CASE: from `WHEN` to the end of its condition, or `ELSE`.
    Case(Span),
    /// In a block with exception handlers, where a failure is caught, or in one of them: the `EXCEPTION` keyword.
    Exception(Span),
    /// Run by EXECUTE: the constant text.
    Dynamic(Span),
}

/// What a body holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BodySql {
    /// In text order.
    pub statements: Vec<BodyStatement>,
    /// The text expressions of EXECUTE that are not constant: what they run is unknown.
    pub dynamic: Vec<Span>,
    /// Whether all of the body was understood; `false` also for languages other than SQL and PL/pgSQL.
    pub readable: bool,
}

/// Blocks, branches and loops in each other, beyond which a body is unreadable.
const MAX_DEPTH: usize = 20;

/// Reads a function's body, or that of a DO block. Linear in its length; never fails.
pub fn statements(text: &str, language: &str, body: &Body) -> BodySql {
    let (tokens, whole) = placed(text, body.code(text), body.inner);
    let mut walker = Walker {
        text,
        stack: Vec::new(),
        out: BodySql {
            readable: whole,
            ..BodySql::default()
        },
    };
    if language.eq_ignore_ascii_case("plpgsql") {
        walker.function(Cursor::new(text, &tokens));
    } else if language.eq_ignore_ascii_case("sql") {
        walker.sql(tokens);
    } else {
        walker.out.readable = false;
    }
    walker.out
}

/// Reads a part of a file as one expression; `None` where there is nothing in it, or no SQL.
pub fn expression(text: &str, part: Span) -> Option<Expr> {
    let (tokens, whole) = placed(text, part.slice(text), part);
    (whole && !tokens.is_empty()).then(|| lower::expr(text, &tokens))
}

/// The tokens of `code` with their places in the file, where it is written at `place`; whether there were only tokens.
pub(super) fn placed(text: &str, code: &str, place: Span) -> (Vec<Token>, bool) {
    let read = tokenize(code);
    let whole = read.errors.is_empty() && read.placeholders.is_empty();
    let mut tokens = read.tokens;
    let raw = place.slice(text);
    if raw == code {
        for token in &mut tokens {
            token.span = token.span.shift(place.start);
        }
        return (tokens, whole);
    }
    let offsets = offsets(raw, code);
    for token in &mut tokens {
        token.span = match &offsets {
            Some(offsets) => Span {
                start: place.start + offsets[token.span.start as usize],
                end: place.start + offsets[token.span.end as usize],
            },
            None => place,
        };
    }
    (tokens, whole)
}

/// For every byte of `code`, and its end, where `raw` says it: quotes are doubled there, once or more. `None` where the
/// two differ in anything else.
fn offsets(raw: &str, code: &str) -> Option<Vec<u32>> {
    let mut offsets = Vec::with_capacity(code.len() + 1);
    let quotes = |text: &str| text.matches('\'').count();
    let width = (quotes(raw) / quotes(code).max(1)).max(1);
    let raw = raw.as_bytes();
    let mut at = 0;
    for byte in code.bytes() {
        offsets.push(u32::try_from(at).ok()?);
        if raw.get(at) != Some(&byte) {
            return None;
        }
        at += if byte == b'\'' { width } else { 1 };
    }
    offsets.push(u32::try_from(at).ok()?);
    (at == raw.len()).then_some(offsets)
}

/// A control structure that is open.
enum Open {
    /// `first` is the number of the first statement in it.
    Block {
        handler: Option<Span>,
        first: usize,
    },
    If(Span),
    Loop(Span),
    Case(Option<Span>),
}

struct Walker<'t> {
    text: &'t str,
    stack: Vec<Open>,
    out: BodySql,
}

impl Walker<'_> {
    fn sql(&mut self, tokens: Vec<Token>) {
        let tokens = Tokens {
            tokens,
            ..Tokens::default()
        };
        for piece in split(&tokens) {
            self.statement(&tokens.tokens[piece.tokens]);
        }
    }

    fn function(&mut self, mut c: Cursor<'_>) {
        while c.eat_token(&SqlToken::Sharp) {
            // #variable_conflict use_column
            c.next();
            c.next();
        }
        let mut begun = false;
        while !c.at_end() && self.out.readable {
            begun |= c.at_word("BEGIN");
            self.step(&mut c);
        }
        self.out.readable &= begun && self.stack.is_empty();
    }

    fn conditions(&self) -> Vec<Condition> {
        let condition = |open: &Open| match open {
            Open::Block { handler, .. } => handler.map(Condition::Exception),
            Open::If(span) => Some(Condition::If(*span)),
            Open::Loop(span) => Some(Condition::Loop(*span)),
            Open::Case(span) => span.map(Condition::Case),
        };
        self.stack.iter().filter_map(condition).collect()
    }

    fn open(&mut self, open: Open) {
        self.stack.push(open);
        self.out.readable &= self.stack.len() <= MAX_DEPTH;
    }

    /// One statement of PL/pgSQL, or the beginning, middle or end of a compound one.
    fn step(&mut self, c: &mut Cursor<'_>) {
        let start = c.span();
        if c.eat_token(&SqlToken::SemiColon) {
            return;
        }
        if c.eat_token(&SqlToken::ShiftLeft) {
            // <<label>>
            c.next();
            c.eat_token(&SqlToken::ShiftRight);
        } else if c.eat("DECLARE") {
            while !c.at_end() && !c.at_word("BEGIN") {
                to_semicolon(c);
            }
        } else if c.eat("BEGIN") {
            let first = self.out.statements.len();
            self.open(Open::Block { handler: None, first });
        } else if self.in_block() && c.eat("EXCEPTION") {
            let around = self.conditions().len();
            if let Some(Open::Block { handler, first }) = self.stack.last_mut() {
                *handler = Some(start);
                // What stands before the handlers was read before anybody knew of them.
                for inner in &mut self.out.statements[*first..] {
                    inner.conditions.insert(around, Condition::Exception(start));
                }
            }
        } else if c.eat("END") {
            to_semicolon(c);
            self.out.readable &= self.stack.pop().is_some();
        } else if c.eat("IF") {
            let condition = to_word(c, "THEN");
            self.open(Open::If(start.cover(condition)));
        } else if c.at_any(&["ELSIF", "ELSEIF", "ELSE", "WHEN"]) {
            self.branch(c);
        } else if c.eat("CASE") {
            let mut ahead = *c;
            while !ahead.at_end() && !ahead.at_word("WHEN") {
                ahead.next();
            }
            *c = ahead;
            self.open(Open::Case(None));
        } else if c.at_any(&["LOOP", "WHILE", "FOR", "FOREACH"]) {
            self.begin_loop(c);
        } else {
            self.simple(to_semicolon(c));
        }
    }

    fn in_block(&self) -> bool {
        matches!(self.stack.last(), Some(Open::Block { handler: None, .. }))
    }

    /// `ELSIF … THEN`, `ELSE`, `WHEN … THEN` of CASE and of exception handlers.
    fn branch(&mut self, c: &mut Cursor<'_>) {
        let start = c.span();
        let is_else = c.at_word("ELSE");
        c.next();
        let condition = if is_else { start } else { to_word(c, "THEN") };
        match self.stack.last_mut() {
            Some(Open::If(span)) => *span = start.cover(condition),
            Some(Open::Case(span)) => *span = Some(start.cover(condition)),
            Some(Open::Block { handler: Some(_), .. }) => {}
            _ => self.out.readable = false,
        }
    }

    /// `[WHILE condition | FOR target IN query | FOREACH target IN ARRAY array] LOOP`
    fn begin_loop(&mut self, c: &mut Cursor<'_>) {
        let start = c.span();
        let is_for = c.at_word("FOR");
        if c.eat("LOOP") {
            return self.open(Open::Loop(start));
        }
        c.next();
        let before = *c;
        let head = to_word(c, "LOOP");
        if is_for {
            let tokens = c.since(&before);
            let tokens = without_last(tokens, "LOOP");
            let source = tokens.iter().position(|token| is_word(token, "IN"));
            let source = source.map_or(&[][..], |at| &tokens[at + 1..]);
            match source.first() {
                Some(first) if is_word(first, "EXECUTE") => self.execute(&source[1..]),
                Some(first) if starts_sql(first) => self.statement(source),
                _ => {}
            }
        }
        self.open(Open::Loop(start.cover(head)));
    }

    /// A statement that ends at the next semicolon.
    fn simple(&mut self, tokens: &[Token]) {
        let mut c = Cursor::new(self.text, tokens);
        if c.eat("PERFORM") {
            self.expression(tokens, c.rest());
        } else if c.eat("EXECUTE") || c.eat_all(&["RETURN", "QUERY", "EXECUTE"]) {
            self.execute(c.rest());
        } else if c.eat_all(&["RETURN", "QUERY"]) {
            self.statement(c.rest());
        } else if c.eat("RETURN") {
            c.eat("NEXT");
            self.subquery(c.rest());
        } else if c.eat("OPEN") {
            let rest = c.rest();
            let query = rest
                .iter()
                .position(|token| is_word(token, "FOR") || is_word(token, "IS"));
            match query.map(|at| &rest[at + 1..]) {
                Some([first, rest @ ..]) if is_word(first, "EXECUTE") => self.execute(rest),
                Some(query) if !query.is_empty() => self.statement(query),
                _ => {}
            }
        } else if c.at_any(&[
            "ASSERT", "CLOSE", "CONTINUE", "EXIT", "FETCH", "GET", "MOVE", "NULL", "RAISE",
        ]) {
            // They touch no object.
        } else if let Some(value) = assigned(tokens) {
            self.subquery(value);
        } else {
            self.statement_within(tokens, &without_into(tokens));
        }
    }

    /// Keeps an expression only if it reads a table.
    fn subquery(&mut self, tokens: &[Token]) {
        if tokens.iter().any(|token| is_word(token, "SELECT")) {
            self.expression(tokens, tokens);
        }
    }

    /// `SELECT expression`, where the first word is another, or none.
    fn expression(&mut self, whole: &[Token], expression: &[Token]) {
        if !whole.is_empty() {
            let statement = selected(self.text, whole, expression);
            self.push(statement);
        }
    }

    fn statement(&mut self, tokens: &[Token]) {
        self.statement_within(tokens, tokens);
    }

    /// Reads `tokens`, which are those of `whole` without what is no SQL.
    fn statement_within(&mut self, whole: &[Token], tokens: &[Token]) {
        let Some((first, last)) = whole.first().zip(whole.last()) else {
            return;
        };
        let cursor = Cursor::new(self.text, tokens);
        self.push(Statement {
            span: first.span.cover(last.span),
            node: dialect::statement(cursor).unwrap_or_else(|_| unknown(cursor)),
        });
    }

    fn push(&mut self, statement: Statement) {
        let conditions = self.conditions();
        self.out.statements.push(BodyStatement { statement, conditions });
    }

    /// `EXECUTE text [INTO …] [USING …]`
    fn execute(&mut self, tokens: &[Token]) {
        let end = tokens
            .iter()
            .position(|token| is_word(token, "INTO") || is_word(token, "USING"))
            .unwrap_or(tokens.len());
        let tokens = &tokens[..end];
        let Some((first, last)) = tokens.first().zip(tokens.last()) else {
            return;
        };
        let span = first.span.cover(last.span);
        let constant = match tokens {
            [one] => body_of(one, self.text).map(|body| (body.code(self.text).to_owned(), body.inner)),
            _ => self.constant(tokens).map(|code| (code, span)),
        };
        let Some((code, place)) = constant else {
            return self.out.dynamic.push(span);
        };
        let (tokens, whole) = placed(self.text, &code, place);
        if !whole {
            return self.out.dynamic.push(span);
        }
        let before = self.out.statements.len();
        self.sql(tokens);
        for added in &mut self.out.statements[before..] {
            added.conditions.push(Condition::Dynamic(span));
        }
    }

    /// The value of constants joined by `||`, or of `format` with constants.
    fn constant(&self, tokens: &[Token]) -> Option<String> {
        let mut c = Cursor::new(self.text, tokens);
        if c.eat("format") {
            let mut arguments = c.paren_list(|c| Ok(c.string()?.0)).ok()?;
            c.finish().ok()?;
            if arguments.is_empty() {
                return None;
            }
            let template = arguments.remove(0);
            return formatted(&template, &arguments);
        }
        let mut code = c.string().ok()?.0.to_string();
        while c.eat_token(&SqlToken::StringConcat) {
            code.push_str(&c.string().ok()?.0);
        }
        c.finish().ok()?;
        Some(code)
    }
}

/// `SELECT expression` in the place of `whole`, which has at least one token.
pub(super) fn selected(text: &str, whole: &[Token], expression: &[Token]) -> Statement {
    let start = whole.first().map_or(Span::default(), |first| first.span);
    let span = whole.last().map_or(start, |last| start.cover(last.span));
    let mut tokens = vec![Token {
        token: SqlToken::Word(Word {
            value: "SELECT".to_owned(),
            quote_style: None,
            keyword: Keyword::SELECT,
        }),
        span: start,
    }];
    tokens.extend_from_slice(expression);
    let mut query = lower::query(text, &tokens);
    query.span = span;
    Statement {
        span,
        node: Node::Query(Box::new(query)),
    }
}

/// What `format` makes of constants; `None` for forms that need more than `%I`, `%L`, `%s` and `%%`.
fn formatted(template: &str, arguments: &[SmolStr]) -> Option<String> {
    let mut out = String::with_capacity(template.len());
    let mut arguments = arguments.iter();
    let mut chars = template.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match chars.next()? {
            '%' => out.push('%'),
            's' => out.push_str(arguments.next()?),
            'I' => {
                out.push('"');
                out.push_str(&arguments.next()?.replace('"', "\"\""));
                out.push('"');
            }
            'L' => {
                out.push('\'');
                out.push_str(&arguments.next()?.replace('\'', "''"));
                out.push('\'');
            }
            _ => return None,
        }
    }
    Some(out)
}

/// The tokens up to the next semicolon, which is consumed too.
pub(super) fn to_semicolon<'a>(c: &mut Cursor<'a>) -> &'a [Token] {
    let start = *c;
    while !c.at_end() && !c.at_token(&SqlToken::SemiColon) {
        c.next();
    }
    let tokens = c.since(&start);
    c.next();
    tokens
}

/// Consumes everything to the word, and the word; `CASE … END` inside of the condition is part of it. Returns the span
/// of what stands before the word.
pub(super) fn to_word(c: &mut Cursor<'_>, word: &str) -> Span {
    let mut span = c.end_span();
    let mut cases = 0_usize;
    while let Some(token) = c.next() {
        if cases == 0 && is_word(token, word) {
            break;
        }
        if is_word(token, "CASE") {
            cases += 1;
        } else if is_word(token, "END") {
            cases = cases.saturating_sub(1);
        }
        span = span.cover(token.span);
    }
    span
}

fn without_last<'a>(tokens: &'a [Token], word: &str) -> &'a [Token] {
    match tokens.split_last() {
        Some((last, before)) if is_word(last, word) => before,
        _ => tokens,
    }
}

fn starts_sql(token: &Token) -> bool {
    token.token == SqlToken::LParen
        || [
            "SELECT", "WITH", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE", "MERGE", "EXPLAIN", "SHOW",
        ]
        .iter()
        .any(|word| is_word(token, word))
}

/// The value of `variable := value`, `record.field := value`, `array[i] = value`.
pub(super) fn assigned(tokens: &[Token]) -> Option<&[Token]> {
    let mut brackets = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.token {
            SqlToken::LBracket => brackets += 1,
            SqlToken::RBracket => brackets = brackets.saturating_sub(1),
            _ if brackets > 0 => {}
            SqlToken::Assignment | SqlToken::Eq if at > 0 => return Some(&tokens[at + 1..]),
            SqlToken::Word(_) | SqlToken::Placeholder(_) if at == 0 => {}
            SqlToken::Word(_) if tokens[at - 1].token == SqlToken::Period => {}
            SqlToken::Period => {}
            _ => return None,
        }
    }
    None
}

/// Where a query's `INTO [STRICT] variables` begins, which PL/pgSQL allows almost anywhere.
pub(super) fn into_of(tokens: &[Token]) -> Option<usize> {
    let queries = ["SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "VALUES"];
    let is_query = tokens
        .first()
        .is_some_and(|first| queries.iter().any(|word| is_word(first, word)));
    let mut depth = 0_usize;
    tokens
        .iter()
        .enumerate()
        .position(|(at, token)| {
            match token.token {
                SqlToken::LParen => depth += 1,
                SqlToken::RParen => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0
                && at > 0
                && is_word(token, "INTO")
                && !is_word(&tokens[at - 1], "INSERT")
                && !is_word(&tokens[at - 1], "MERGE")
        })
        .filter(|_| is_query)
}

/// The statement without `INTO [STRICT] variables`.
pub(super) fn without_into(tokens: &[Token]) -> Vec<Token> {
    let Some(into) = into_of(tokens) else {
        return tokens.to_vec();
    };
    let end = end_of_targets(tokens, into + 1);
    [&tokens[..into], &tokens[end..]].concat()
}

/// Behind `[STRICT] variable, record.field, …`
pub(super) fn end_of_targets(tokens: &[Token], start: usize) -> usize {
    let is = |at: usize, token: SqlToken| tokens.get(at).is_some_and(|next| next.token == token);
    let word = |at: usize| matches!(tokens.get(at).map(|next| &next.token), Some(SqlToken::Word(_)));
    let mut at = start;
    if tokens.get(at).is_some_and(|token| is_word(token, "STRICT")) && word(at + 1) {
        at += 1;
    }
    loop {
        at += 1;
        while is(at, SqlToken::Period) {
            at += 2;
        }
        if is(at, SqlToken::LBracket) {
            while at < tokens.len() && !is(at, SqlToken::RBracket) {
                at += 1;
            }
            at += 1;
        }
        if !is(at, SqlToken::Comma) {
            return at.min(tokens.len());
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    /// The statements of the one DO block in `text`, each with the first word of its conditions.
    fn read(text: &str) -> (Vec<(String, String)>, BodySql) {
        let file = parse(text);
        let Node::Do { body, .. } = &file.statements[0].node else {
            panic!("{:?}", file.statements)
        };
        let read = statements(text, "plpgsql", body);
        let shown = read.statements.iter().map(|inner| {
            let conditions = inner.conditions.iter().map(|condition| {
                let (Condition::If(span)
                | Condition::Loop(span)
                | Condition::Case(span)
                | Condition::Exception(span)
                | Condition::Dynamic(span)) = condition;
                span.slice(text)
            });
            let conditions: Vec<&str> = conditions.collect();
            (inner.statement.span.slice(text).to_owned(), conditions.join(" / "))
        });
        (shown.collect(), read.clone())
    }

    #[track_caller]
    fn holds(code: &str, expected: &[(&str, &str)]) {
        let text = format!("do $$ {code} $$");
        let (statements, read) = read(&text);
        let statements: Vec<(&str, &str)> = statements.iter().map(|(a, b)| (&**a, &**b)).collect();
        assert_eq!(statements, expected, "{code}");
        assert!(read.readable, "{code}");
        assert!(
            read.statements
                .iter()
                .all(|inner| !matches!(inner.statement.node, Node::Unknown { .. })),
            "{read:?}"
        );
    }

    #[test]
    fn branches_loops_and_handlers_are_conditions() {
        holds(
            "#variable_conflict use_column
             <<outer>> declare x int := 1; begin
               create table a (i int);
               if not exists (select 1) then drop table b; elsif case when x then y end then drop table c;
               else drop table d; end if;
               begin drop table e; exception when others or sqlstate 'x' then drop table f; end;
               while x < 3 loop drop table g; end loop;
               for i in 1..3 loop drop table h; end loop;
               case x when 1 then drop table i; else drop table j; end case;
               truncate k;
             end outer;",
            &[
                ("create table a (i int)", ""),
                ("drop table b", "if not exists (select 1)"),
                ("drop table c", "elsif case when x then y end"),
                ("drop table d", "else"),
                ("drop table e", "exception"),
                ("drop table f", "exception"),
                ("drop table g", "while x < 3"),
                ("drop table h", "for i in 1..3"),
                ("drop table i", "when 1"),
                ("drop table j", "else"),
                ("truncate k", ""),
            ],
        );
    }

    #[test]
    fn queries_in_statements_of_plpgsql() {
        holds(
            "declare r record; begin
               perform f(1) from t;
               select a, b into strict x, r.y from u where c;
               insert into v values (1) returning i into r.i;
               x := 1; r.y := (select 1); z[1] = 2;
               for r in select * from w loop null; end loop;
               return query select 2;
               return (select 3);
               raise notice 'a;b %', x; get diagnostics n = row_count; assert true;
               open c for select 4;
               call p();
             end",
            &[
                ("perform f(1) from t", ""),
                ("select a, b into strict x, r.y from u where c", ""),
                ("insert into v values (1) returning i into r.i", ""),
                ("(select 1)", ""),
                ("select * from w", ""),
                ("select 2", ""),
                ("(select 3)", ""),
                ("select 4", ""),
                ("call p()", ""),
            ],
        );
        let text = "do $$ begin select a into x from u; end $$";
        let (_, body) = read(text);
        assert!(matches!(&body.statements[0].statement.node,
            Node::Query(query) if matches!(&query.body,
                super::super::statement::QueryBody::Select(select) if select.into.is_none() && select.from.len() == 1)));
    }

    #[test]
    fn constant_text_is_read_and_other_text_is_dynamic() {
        let text = "do $$ begin execute 'drop table a'; execute format('drop table %I', 'B'); \
                    execute 'drop ' || 'table c' using 1; execute 'drop table ' || quote_ident(x); \
                    execute format('drop table %I', x) into y; end $$";
        let (statements, body) = read(text);
        assert_eq!(statements[0], ("drop table a".to_owned(), "'drop table a'".to_owned()));
        assert_eq!(statements.len(), 3);
        let names: Vec<String> = body
            .statements
            .iter()
            .map(|inner| match &inner.statement.node {
                Node::Drop(drop) => drop.objects[0].name.to_string(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(names, ["a", "B", "c"]);
        let dynamic: Vec<&str> = body.dynamic.iter().map(|span| span.slice(text)).collect();
        assert_eq!(
            dynamic,
            ["'drop table ' || quote_ident(x)", "format('drop table %I', x)"]
        );
    }

    #[test]
    fn quoted_bodies_keep_their_places() {
        let text = "do 'begin comment on table a is ''it''''s''; execute ''drop table b''; end'";
        let (statements, body) = read(text);
        assert_eq!(statements[0].0, "comment on table a is ''it''''s''");
        assert_eq!(statements[1].0, "drop table b");
        let Node::Comment { object, text: comment } = &body.statements[0].statement.node else {
            panic!("{body:?}")
        };
        assert_eq!(object.name.span().slice(text), "a");
        assert_eq!(comment.as_deref(), Some("it's"));
    }

    #[test]
    fn other_languages_and_broken_bodies_are_unreadable() {
        let text = "do $$ begin if x then drop table a; end $$";
        let (statements, body) = read(text);
        assert_eq!(statements.len(), 1);
        assert!(!body.readable);
        let (_, body) = read(&format!("do $$ {} {} $$", "begin ".repeat(30), "end; ".repeat(30)));
        assert!(!body.readable);
        let text = "do language plv8 $$ x $$";
        let file = parse(text);
        let Node::Do { body, .. } = &file.statements[0].node else {
            panic!()
        };
        assert!(!super::statements(text, "plv8", body).readable);
        let read = super::statements(text, "sql", body);
        assert!(read.readable && read.statements.len() == 1);
    }
}
