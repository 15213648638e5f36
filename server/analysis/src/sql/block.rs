//! A PL/pgSQL body as a tree of blocks, branches and loops: for replaying a `DO` block as the server would run it.
//!
//! Walked like [`super::body`], which see; what cannot be walked gives no tree.

use smol_str::SmolStr;
use sqlparser::tokenizer::Token as SqlToken;

use super::body::{Condition, assigned, end_of_targets, into_of, placed, to_semicolon, to_word, without_into};
use super::cursor::{Cursor, ident_of, is_word};
use super::split::split;
use super::statement::{Body, Expr, ExprNode, Query, Statement};
use super::tokens::{Token, Tokens};
use super::{dialect, lower, unknown};
use crate::text::Span;

/// `[DECLARE …] BEGIN … [EXCEPTION WHEN … THEN …] END`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Variables with their first values.
    pub variables: Vec<(SmolStr, Option<Expr>)>,
    /// What runs.
    pub body: Vec<Piece>,
    /// What runs where that fails: the handlers' bodies.
    pub handlers: Vec<Vec<Piece>>,
    /// The word EXCEPTION.
    pub handler: Option<Span>,
}

/// A branch of IF or CASE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Where it stands.
    pub condition: Condition,
    /// What must be true; `None` for ELSE.
    pub test: Option<Expr>,
    /// What runs then.
    pub body: Vec<Piece>,
}

/// What a loop runs over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// FOREACH … IN ARRAY
    Array(Expr),
    /// FOR … IN query
    Query(Box<Query>),
    /// A range, a condition, a cursor, dynamic SQL, nothing.
    Other,
}

/// A statement of PL/pgSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A block inside.
    Block(Block),
    /// IF; also CASE, where no test can be told.
    If(Vec<Branch>),
    /// Any loop.
    Loop {
        /// Its head.
        condition: Condition,
        /// The variables that it sets.
        targets: Vec<SmolStr>,
        /// What it runs over.
        source: Source,
        /// What it repeats.
        body: Vec<Piece>,
    },
    /// SQL, with the variables behind INTO.
    Sql {
        /// The statement, without INTO.
        statement: Statement,
        /// The variables that it sets.
        targets: Vec<SmolStr>,
    },
    /// EXECUTE of an expression.
    Execute {
        /// What gives the text.
        text: Expr,
        /// Variables behind INTO.
        targets: Vec<SmolStr>,
    },
    /// `variable := value`
    Assign {
        /// What is set.
        target: SmolStr,
        /// To what.
        value: Expr,
    },
    /// RAISE EXCEPTION: the block fails.
    Fail,
    /// RETURN, EXIT, CONTINUE.
    Leave {
        /// What ends.
        what: Leave,
        /// `EXIT WHEN …`
        when: Option<Expr>,
    },
}

/// What a RETURN, EXIT or CONTINUE ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// The whole body.
    Body,
    /// The innermost loop.
    Loop,
    /// This round of it.
    Round,
}

/// Deeper bodies are not walked.
const MAX_DEPTH: usize = 20;

/// The tree of a body; `None` where it cannot be walked.
pub fn read(text: &str, body: &Body) -> Option<Block> {
    let (tokens, whole) = placed(text, body.code(text), body.inner);
    if !whole {
        return None;
    }
    let mut c = Cursor::new(text, &tokens);
    while c.eat_token(&SqlToken::Sharp) {
        c.next();
        c.next();
    }
    let mut reader = Reader { text, depth: 0 };
    let block = reader.block(&mut c)?;
    c.at_end().then_some(block)
}

/// Reads SQL that a body puts together when it runs.
pub fn dynamic(code: &str) -> Option<Vec<Statement>> {
    let file = super::parse(code);
    file.errors.is_empty().then_some(file.statements)
}

/// The same statements as they are shown: every span is `place`, where the text is put together.
pub fn shown(text: &str, code: &str, place: Span) -> Vec<Statement> {
    let read = super::tokens::tokenize(code);
    let mut tokens = read.tokens;
    tokens.iter_mut().for_each(|token| token.span = place);
    let tokens = Tokens {
        tokens,
        ..Tokens::default()
    };
    let pieces = split(&tokens);
    let statement = |piece: &super::split::Piece| {
        let cursor = Cursor::new(text, &tokens.tokens[piece.tokens.clone()]);
        Statement {
            span: place,
            node: dialect::statement(cursor).unwrap_or_else(|_| unknown(cursor)),
        }
    };
    pieces.iter().map(statement).collect()
}

struct Reader<'t> {
    text: &'t str,
    depth: usize,
}

impl Reader<'_> {
    /// From DECLARE or BEGIN to behind END.
    fn block(&mut self, c: &mut Cursor<'_>) -> Option<Block> {
        let mut block = Block::default();
        label(c);
        if c.eat("DECLARE") {
            while !c.at_end() && !c.at_word("BEGIN") {
                block.variables.extend(self.variable(to_semicolon(c)));
            }
        }
        if !c.eat("BEGIN") {
            return None;
        }
        block.body = self.pieces(c, &["EXCEPTION", "END"])?;
        let start = c.span();
        if c.eat("EXCEPTION") {
            block.handler = Some(start);
            while c.eat("WHEN") {
                to_word(c, "THEN");
                block.handlers.push(self.pieces(c, &["WHEN", "END"])?);
            }
        }
        self.end(c)?;
        Some(block)
    }

    fn end(&mut self, c: &mut Cursor<'_>) -> Option<()> {
        if !c.eat("END") {
            return None;
        }
        to_semicolon(c);
        Some(())
    }

    /// `name [CONSTANT] type [{ := | = | DEFAULT } expression]`
    fn variable(&self, tokens: &[Token]) -> Option<(SmolStr, Option<Expr>)> {
        let name = ident_of(tokens.first()?)?.value;
        let start = tokens
            .iter()
            .position(|token| matches!(token.token, SqlToken::Assignment | SqlToken::Eq) || is_word(token, "DEFAULT"));
        let value = start.map(|at| &tokens[at + 1..]).filter(|value| !value.is_empty());
        Some((name, value.map(|value| lower::expr(self.text, value))))
    }

    /// Everything up to one of `stops`, which is left.
    fn pieces(&mut self, c: &mut Cursor<'_>, stops: &[&str]) -> Option<Vec<Piece>> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let mut pieces = Vec::new();
        while !c.at_any(stops) {
            if c.at_end() {
                return None;
            }
            if !c.eat_token(&SqlToken::SemiColon) {
                pieces.extend(self.piece(c)?);
            }
        }
        self.depth -= 1;
        Some(pieces)
    }

    /// One statement; the inner `None`: one that touches nothing.
    #[allow(clippy::option_option, reason = "not walked, or nothing to do")]
    fn piece(&mut self, c: &mut Cursor<'_>) -> Option<Option<Piece>> {
        label(c);
        Some(if c.at_any(&["DECLARE", "BEGIN"]) {
            Some(Piece::Block(self.block(c)?))
        } else if c.at_word("IF") {
            Some(Piece::If(self.branches(c)?))
        } else if c.at_word("CASE") {
            Some(Piece::If(self.cases(c)?))
        } else if c.at_any(&["LOOP", "WHILE", "FOR", "FOREACH"]) {
            Some(self.begin_loop(c)?)
        } else {
            self.simple(to_semicolon(c))
        })
    }

    fn branches(&mut self, c: &mut Cursor<'_>) -> Option<Vec<Branch>> {
        let mut branches = Vec::new();
        loop {
            let start = c.span();
            if c.eat("ELSE") {
                branches.push(Branch {
                    condition: Condition::If(start),
                    test: None,
                    body: self.pieces(c, &["END"])?,
                });
            } else if c.eat("IF") || c.eat("ELSIF") || c.eat("ELSEIF") {
                let before = *c;
                let span = to_word(c, "THEN");
                let tokens = c.since(&before);
                let tokens = &tokens[..tokens.len().checked_sub(1)?];
                branches.push(Branch {
                    condition: Condition::If(start.cover(span)),
                    test: Some(lower::expr(self.text, tokens)),
                    body: self.pieces(c, &["ELSIF", "ELSEIF", "ELSE", "END"])?,
                });
            } else {
                self.end(c)?;
                return Some(branches);
            }
        }
    }

    fn cases(&mut self, c: &mut Cursor<'_>) -> Option<Vec<Branch>> {
        while !c.at_end() && !c.at_word("WHEN") {
            c.next();
        }
        let mut branches = Vec::new();
        loop {
            let start = c.span();
            if c.eat("ELSE") {
                branches.push(Branch {
                    condition: Condition::Case(start),
                    test: None,
                    body: self.pieces(c, &["END"])?,
                });
            } else if c.eat("WHEN") {
                let span = start.cover(to_word(c, "THEN"));
                branches.push(Branch {
                    condition: Condition::Case(span),
                    test: Some(unread(span)),
                    body: self.pieces(c, &["WHEN", "ELSE", "END"])?,
                });
            } else {
                self.end(c)?;
                return Some(branches);
            }
        }
    }

    fn begin_loop(&mut self, c: &mut Cursor<'_>) -> Option<Piece> {
        let start = c.span();
        let (mut targets, mut source, mut head) = (Vec::new(), Source::Other, start);
        if !c.eat("LOOP") {
            let each = c.at_word("FOREACH");
            let over = c.at_word("FOR");
            c.next();
            let before = *c;
            head = start.cover(to_word(c, "LOOP"));
            let tokens = c.since(&before);
            let tokens = &tokens[..tokens.len().checked_sub(1)?];
            if let Some(at) = tokens
                .iter()
                .position(|token| is_word(token, "IN"))
                .filter(|_| each || over)
            {
                targets = tokens[..at]
                    .iter()
                    .filter_map(ident_of)
                    .map(|ident| ident.value)
                    .collect();
                source = self.source(&tokens[at + 1..], each);
            }
        }
        let body = self.pieces(c, &["END"])?;
        self.end(c)?;
        Some(Piece::Loop {
            condition: Condition::Loop(head),
            targets,
            source,
            body,
        })
    }

    fn source(&self, tokens: &[Token], each: bool) -> Source {
        match tokens {
            [array, value @ ..] if each && is_word(array, "ARRAY") && !value.is_empty() => {
                Source::Array(lower::expr(self.text, value))
            }
            [first, ..]
                if !each && (is_word(first, "SELECT") || is_word(first, "WITH") || is_word(first, "VALUES")) =>
            {
                Source::Query(Box::new(lower::query(self.text, tokens)))
            }
            [first, inner @ .., last]
                if !each
                    && first.token == SqlToken::LParen
                    && last.token == SqlToken::RParen
                    && inner
                        .first()
                        .is_some_and(|token| is_word(token, "SELECT") || is_word(token, "VALUES")) =>
            {
                Source::Query(Box::new(lower::query(self.text, inner)))
            }
            _ => Source::Other,
        }
    }

    fn simple(&self, tokens: &[Token]) -> Option<Piece> {
        let mut c = Cursor::new(self.text, tokens);
        if c.at_end() {
            return None;
        }
        if c.eat("PERFORM") {
            return Some(Piece::Sql {
                statement: super::body::selected(self.text, tokens, c.rest()),
                targets: Vec::new(),
            });
        }
        if c.eat("EXECUTE") {
            return self.execute(c.rest());
        }
        if c.eat("RAISE") {
            // The level is EXCEPTION unless another is written.
            let other = c.at_any(&["DEBUG", "LOG", "INFO", "NOTICE", "WARNING"]);
            return (!other).then_some(Piece::Fail);
        }
        if let Some(word) = c.eat_any(&["RETURN", "EXIT", "CONTINUE"]) {
            let what = match word {
                "RETURN" => Leave::Body,
                "EXIT" => Leave::Loop,
                _ => Leave::Round,
            };
            let rest = c.rest();
            let when = rest.iter().position(|token| is_word(token, "WHEN"));
            let when = when.map(|at| lower::expr(self.text, &rest[at + 1..]));
            return Some(Piece::Leave { what, when });
        }
        if c.eat("GET") {
            // GET [CURRENT | STACKED] DIAGNOSTICS variable = item
            c.eat_any(&["CURRENT", "STACKED"]);
            c.eat("DIAGNOSTICS");
            let target = c.ident().ok()?.value;
            return Some(Piece::Assign {
                target,
                value: unread(tokens.first()?.span),
            });
        }
        if c.at_any(&["ASSERT", "CLOSE", "FETCH", "MOVE", "NULL", "OPEN"]) {
            return None;
        }
        if let Some(value) = assigned(tokens).filter(|value| !value.is_empty()) {
            return Some(Piece::Assign {
                target: ident_of(tokens.first()?)?.value,
                value: lower::expr(self.text, value),
            });
        }
        let (first, last) = tokens.first().zip(tokens.last())?;
        let without = without_into(tokens);
        let cursor = Cursor::new(self.text, &without);
        Some(Piece::Sql {
            statement: Statement {
                span: first.span.cover(last.span),
                node: dialect::statement(cursor).unwrap_or_else(|_| unknown(cursor)),
            },
            targets: into_of(tokens).map_or_else(Vec::new, |at| targets(tokens, at)),
        })
    }

    fn execute(&self, tokens: &[Token]) -> Option<Piece> {
        let stop = |token: &Token| is_word(token, "INTO") || is_word(token, "USING");
        let end = tokens.iter().position(stop).unwrap_or(tokens.len());
        let into = tokens.iter().position(|token| is_word(token, "INTO"));
        if end == 0 {
            return None;
        }
        Some(Piece::Execute {
            text: lower::expr(self.text, &tokens[..end]),
            targets: into.map_or_else(Vec::new, |at| targets(tokens, at)),
        })
    }
}

/// An expression of which nobody can tell the value.
fn unread(span: Span) -> Expr {
    Expr {
        span,
        node: ExprNode::Opaque {
            columns: Vec::new(),
            calls: Vec::new(),
        },
    }
}

/// The variables behind INTO at `into`.
fn targets(tokens: &[Token], into: usize) -> Vec<SmolStr> {
    let end = end_of_targets(tokens, into + 1);
    let names = tokens[into + 1..end].split(|token| token.token == SqlToken::Comma);
    let first = |name: &[Token]| Some(ident_of(name.iter().find(|token| !is_word(token, "STRICT"))?)?.value);
    names.filter_map(first).collect()
}

fn label(c: &mut Cursor<'_>) {
    while c.eat_token(&SqlToken::ShiftLeft) {
        c.next();
        c.eat_token(&SqlToken::ShiftRight);
    }
}
