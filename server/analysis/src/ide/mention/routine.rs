//! Function bodies: declared variables, and the expressions of PL/pgSQL that are no statements.

use std::collections::BTreeSet;

use smol_str::SmolStr;

use super::{Access, Local, Scope, Symbol, Walker};
use crate::schema::lookup::Lookup;
use crate::sql::block::{self, Block, Piece, Source};
use crate::sql::body;
use crate::sql::lexeme::{Lexeme, LexemeKind, lexemes_in};
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{Body, TypeName};
use crate::text::Span;

impl Walker<'_> {
    /// The body of a function: PostgreSQL looks its names up when it runs.
    pub(super) fn function_body(&mut self, language: &str, body: &Body, scope: &Scope, path: Option<&[SmolStr]>) {
        let outside = path.map(|path| {
            let old: Vec<Vec<SmolStr>> = [&mut self.before, &mut self.after, &mut self.last]
                .into_iter()
                .map(|lookup| lookup.set_search_path(path))
                .collect();
            old
        });
        self.late = true;
        self.body(language, body, scope, &BTreeSet::new());
        self.late = false;
        if let Some(outside) = outside {
            let lookups: [&mut Lookup<'_>; 3] = [&mut self.before, &mut self.after, &mut self.last];
            for (lookup, path) in lookups.into_iter().zip(outside) {
                lookup.restore_search_path(path);
            }
        }
    }

    /// The statements of a body and what else it names.
    pub(super) fn body(&mut self, language: &str, body: &Body, scope: &Scope, seen: &BTreeSet<Span>) {
        let found = body::statements(self.text, language, body);
        let mut scope = scope.clone();
        if language.eq_ignore_ascii_case("plpgsql") {
            self.declarations(body, &mut scope);
        }
        for inner in &found.statements {
            if !seen.contains(&inner.statement.span) {
                self.statement(&inner.statement, &scope);
            }
        }
        if language.eq_ignore_ascii_case("plpgsql") {
            self.expressions(body, &scope);
        }
    }

    /// `DECLARE name [CONSTANT] type …;` of every block, with their types.
    pub(super) fn declarations(&mut self, body: &Body, scope: &mut Scope) {
        if body.unescaped.is_some() {
            return;
        }
        let lexemes: Vec<Lexeme> = lexemes_in(self.text, body.inner)
            .into_iter()
            .filter(|lexeme| lexeme.kind != LexemeKind::Comment)
            .collect();
        let mut rest = &lexemes[..];
        while let Some(at) = rest.iter().position(|lexeme| lexeme.is(self.text, "DECLARE")) {
            rest = &rest[at + 1..];
            let end = rest
                .iter()
                .position(|lexeme| lexeme.is(self.text, "BEGIN"))
                .unwrap_or(rest.len());
            let (inside, after) = rest.split_at(end);
            for declaration in inside.split(|lexeme| lexeme.kind == LexemeKind::Semicolon) {
                self.declaration(declaration, scope);
            }
            rest = after;
        }
    }

    fn declaration(&mut self, lexemes: &[Lexeme], scope: &mut Scope) {
        let [first, rest @ ..] = lexemes else { return };
        if !first.is_name() {
            return;
        }
        let name = ident(self.text, first.span, 0);
        self.push(name.span, Symbol::Local(Local::Parameter, name.span), Access::Declare);
        scope.parameters.push((name.value, name.span));
        let rest = match rest {
            [constant, rest @ ..] if constant.is(self.text, "CONSTANT") => rest,
            rest => rest,
        };
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(part) = rest.get(at).filter(|lexeme| lexeme.is_name()) {
            parts.push(ident(self.text, part.span, 0));
            if rest.get(at + 1).is_none_or(|next| next.kind != LexemeKind::Period) {
                break;
            }
            at += 2;
        }
        let Some(last) = parts.last() else { return };
        if last.value == "cursor" || last.value == "alias" {
            return;
        }
        let attribute = rest
            .get(at + 1)
            .filter(|percent| percent.span.slice(self.text) == "%")
            .and_then(|_| rest.get(at + 2));
        let name = Name { parts };
        if attribute.is_some_and(|word| word.is(self.text, "ROWTYPE")) {
            self.relation(&name, Access::Read);
            return;
        }
        let span = name.span();
        self.ty(&TypeName {
            name,
            modifiers: Vec::new(),
            dimensions: 0,
            setof: false,
            percent_type: attribute.is_some_and(|word| word.is(self.text, "TYPE")),
            fields: None,
            span,
        });
    }

    /// Tests, assigned values and `NEW.column`.
    pub(super) fn expressions(&mut self, body: &Body, scope: &Scope) {
        if body.unescaped.is_some() {
            return;
        }
        let first = self.out.len();
        let known: BTreeSet<Span> = self.out.iter().map(|mention| mention.span).collect();
        if let Some(read) = block::read(self.text, body) {
            self.block(&read, scope);
        }
        self.returned(body, scope);
        self.row_columns(body, scope);
        self.variables(body, scope);
        let mut at = first;
        while at < self.out.len() {
            if known.contains(&self.out[at].span) {
                self.out.remove(at);
            } else {
                at += 1;
            }
        }
    }

    fn block(&mut self, block: &Block, scope: &Scope) {
        self.exprs(block.variables.iter().filter_map(|(_, value)| value.as_ref()), scope);
        self.pieces(&block.body, scope);
        for handler in &block.handlers {
            self.pieces(handler, scope);
        }
    }

    fn pieces(&mut self, pieces: &[Piece], scope: &Scope) {
        for piece in pieces {
            match piece {
                Piece::Block(block) => self.block(block, scope),
                Piece::If(branches) => {
                    for branch in branches {
                        self.exprs(branch.test.iter(), scope);
                        self.pieces(&branch.body, scope);
                    }
                }
                Piece::Loop { source, body, .. } => {
                    if let Source::Array(array) = source {
                        self.expr(array, scope);
                    }
                    self.pieces(body, scope);
                }
                Piece::Execute { text: expr, .. } | Piece::Assign { value: expr, .. } => self.expr(expr, scope),
                Piece::Leave { when, .. } => self.exprs(when.iter(), scope),
                Piece::Sql { .. } | Piece::Fail => {}
            }
        }
    }

    /// `RETURN expression`
    fn returned(&mut self, body: &Body, scope: &Scope) {
        let lexemes = lexemes_in(self.text, body.inner);
        for (at, lexeme) in lexemes.iter().enumerate() {
            let starts = lexeme.is(self.text, "RETURN")
                && !lexemes
                    .get(at + 1)
                    .is_some_and(|next| next.is(self.text, "QUERY") || next.is(self.text, "NEXT"));
            if !starts {
                continue;
            }
            let end = lexemes[at..]
                .iter()
                .position(|lexeme| lexeme.kind == LexemeKind::Semicolon);
            let part = Span {
                start: lexeme.span.end,
                end: end.map_or(body.inner.end, |end| lexemes[at + end].span.start),
            };
            if let Some(expr) = body::expression(self.text, part) {
                self.expr(&expr, scope);
            }
        }
    }

    /// Variables where no expression names them: they are assigned to, filled by INTO, shown by RAISE.
    fn variables(&mut self, body: &Body, scope: &Scope) {
        let known: BTreeSet<Span> = self.out.iter().map(|mention| mention.span).collect();
        let lexemes: Vec<Lexeme> = lexemes_in(self.text, body.inner)
            .into_iter()
            .filter(|lexeme| lexeme.kind != LexemeKind::Comment)
            .collect();
        for (at, lexeme) in lexemes.iter().enumerate() {
            if !lexeme.is_name() || known.contains(&lexeme.span) {
                continue;
            }
            let before = at.checked_sub(1).and_then(|before| lexemes.get(before));
            let after = lexemes.get(at + 1).map_or("", |after| after.span.slice(self.text));
            let starts = before.is_none_or(|before| {
                let words = ["BEGIN", "THEN", "ELSE", "LOOP"];
                before.kind == LexemeKind::Semicolon || words.iter().any(|word| before.is(self.text, word))
            });
            // `f(name => value)`, and its older form, name a parameter of another function.
            let is_argument = after == "=>" || (after == ":=" && !starts);
            let is_part = before.is_some_and(|before| before.kind == LexemeKind::Period);
            if is_argument || is_part {
                continue;
            }
            let name = ident(self.text, lexeme.span, 0);
            if let Some((_, declared)) = scope.parameters.iter().rev().find(|(known, _)| *known == name.value) {
                let access = if after == ":=" || after == "=" && starts {
                    Access::Write
                } else {
                    Access::Read
                };
                self.push(name.span, Symbol::Local(Local::Parameter, *declared), access);
            }
        }
    }

    /// `NEW.column` and `OLD.column`, wherever they stand.
    fn row_columns(&mut self, body: &Body, scope: &Scope) {
        let known: BTreeSet<Span> = self.out.iter().map(|mention| mention.span).collect();
        let lexemes = lexemes_in(self.text, body.inner);
        for window in lexemes.windows(3) {
            let [row, period, column] = window else { continue };
            let is_row = row.is(self.text, "NEW") || row.is(self.text, "OLD");
            if is_row && period.kind == LexemeKind::Period && column.is_name() && !known.contains(&column.span) {
                let parts = vec![ident(self.text, row.span, 0), ident(self.text, column.span, 0)];
                self.column_reference(&Name { parts }, scope);
            }
        }
    }
}

/// The identifier that a lexeme of `text` is, which stands at `offset` in the file.
pub(super) fn ident(text: &str, span: Span, offset: u32) -> Ident {
    let written = span.slice(text);
    let place = span.shift(offset);
    match written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => Ident::quoted(inner, place),
        None => Ident::unquoted(written, place),
    }
}
