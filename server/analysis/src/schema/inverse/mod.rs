//! What undoes a migration: for every step its inverse, from the catalog before it, last step first.
//!
//! What the migration made and dropped again needs nothing. What it made is dropped, and everything that it then did to
//! it with it. What cannot be undone, or what replay is not sure of, becomes a loud `-- TODO` with the reason.

mod identity;
mod print;
mod privileges;
mod recreate;
mod rows;
mod swap;
mod undo;
mod words;

use std::collections::BTreeSet;

use smol_str::SmolStr;

use self::identity::Identities;
use self::undo::Undoing;
use super::catalog::{Catalog, Taints};
use super::objects::Origin;
use super::session::Session;
use super::timeline::{Moment, Timeline};
use crate::Document;
use crate::history::History;
use crate::settings::Settings;
use crate::sql::lexeme::{LexemeKind, lexemes};
use crate::sql::print::quote_ident;
use crate::sql::statement::{Node, Transaction};
use crate::text::Span;

/// What undoes one migration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rollback {
    /// In the order in which it runs: the last statement of the migration first.
    pub undone: Vec<Undone>,
}

/// What undoes one statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undone {
    /// The statement in the migration.
    pub statement: Span,
    /// In the order in which they run.
    pub pieces: Vec<Piece>,
}

/// A statement of a rollback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// With its semicolon; empty where nothing can be written.
    pub sql: String,
    /// The `search_path` that its names need, if any of them is written without its schema.
    pub search_path: Option<Vec<SmolStr>>,
    /// What it brings back.
    pub fidelity: Fidelity,
}

/// What a statement of a rollback brings back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fidelity {
    /// Everything.
    Lossless,
    /// The schema. The rows of this table (and these columns), or what the text says, must come from somewhere else.
    NeedsArchive(String),
    /// Nothing, or nobody can tell: what a person has to do.
    Impossible(String),
}

impl Piece {
    pub(crate) fn lossless(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            search_path: None,
            fidelity: Fidelity::Lossless,
        }
    }

    pub(crate) fn impossible(what: &str) -> Self {
        Self {
            sql: String::new(),
            search_path: None,
            fidelity: Fidelity::Impossible(what.to_owned()),
        }
    }
}

impl Rollback {
    /// Whether something is left to a person.
    pub fn has_todo(&self) -> bool {
        let mut pieces = self.undone.iter().flat_map(|undone| &undone.pieces);
        pieces.any(|piece| matches!(piece.fidelity, Fidelity::Impossible(_)))
    }

    /// The file: what it undoes, then the statements. `name` and `text` are the migration's.
    pub fn to_sql(&self, name: &str, text: &str) -> String {
        let mut out = format!("-- Rollback of {name}\n");
        if self.undone.is_empty() {
            out.push_str("-- The migration changes nothing that a rollback could bring back.\n");
            return out;
        }
        let mut path: Option<&[SmolStr]> = None;
        for undone in &self.undone {
            out.push_str(&format!("\n-- Undoes: {}\n", first_words(undone.statement.slice(text))));
            for piece in &undone.pieces {
                if let Some(wanted) = &piece.search_path
                    && path != Some(wanted)
                {
                    out.push_str(&set_search_path(wanted));
                    path = Some(wanted);
                }
                piece.write(&mut out);
            }
        }
        out
    }
}

impl Piece {
    fn write(&self, out: &mut String) {
        match &self.fidelity {
            Fidelity::Lossless => {}
            Fidelity::NeedsArchive(what) if what.contains(" is gone") => {
                out.push_str(&format!("-- TODO: {what}\n"));
            }
            Fidelity::NeedsArchive(what) => {
                if self.sql.is_empty() {
                    out.push_str(&format!("-- dblsp: restore {what}\n"));
                    return;
                }
                out.push_str(&format!("{}\n-- dblsp: restore {what}\n", self.sql));
                return;
            }
            Fidelity::Impossible(what) => {
                out.push_str(&format!("-- TODO: {what}\n"));
                for line in self.sql.lines() {
                    out.push_str(&format!("--   {line}\n"));
                }
                return;
            }
        }
        if !self.sql.is_empty() {
            out.push_str(&self.sql);
            out.push('\n');
        }
    }
}

fn set_search_path(path: &[SmolStr]) -> String {
    let each: Vec<String> = path
        .iter()
        .map(|schema| {
            if schema.is_empty() {
                "''".into()
            } else {
                quote_ident(schema)
            }
        })
        .collect();
    if each.is_empty() {
        return "set search_path to '';\n".into();
    }
    format!("set search_path to {};\n", each.join(", "))
}

/// The first words of a statement, on one line and without comments: what stands behind `-- Undoes:`.
fn first_words(statement: &str) -> String {
    let mut words = String::new();
    let mut end = 0;
    let mut count = 0;
    for lexeme in lexemes(statement) {
        if lexeme.kind == LexemeKind::Comment {
            continue;
        }
        let start = lexeme.span.start as usize;
        if !words.is_empty() && start > end {
            words.push(' ');
            count += 1;
        }
        end = lexeme.span.end as usize;
        let piece = lexeme.span.slice(statement);
        for c in piece.chars() {
            words.push(if c.is_whitespace() { ' ' } else { c });
            count += 1;
            if count >= 99 {
                words.push('…');
                return words;
            }
        }
    }
    words
}

/// What undoes file `number` of a history.
pub fn inverse(
    timeline: &Timeline,
    number: usize,
    history: &History,
    documents: &[Document],
    settings: &Settings,
) -> Rollback {
    let visit_all = |visit: &mut dyn FnMut(&Moment<'_>)| {
        timeline.steps(number, history, documents, settings, visit);
    };
    let text: &str = history.migrations.get(number).map_or("", |migration| &migration.text);
    // What a ROLLBACK in the file undid is undone.
    let mut rolled_back = RolledBack::default();
    visit_all(&mut |moment| rolled_back.follow(moment, text));
    let mut identities = Identities::new();
    visit_all(&mut |moment| {
        if !rolled_back.holds(moment) {
            identities.follow(moment);
        }
    });
    identities.finish();
    let role = Session::new(history.base).role;
    let mut undone: Vec<Undone> = Vec::new();
    let mut taints: Option<Taints> = None;
    visit_all(&mut |moment| {
        if let Some(taint) = opaque(taints.as_ref(), moment.before) {
            undone.push(Undone {
                statement: outermost(documents, number, taint.span),
                pieces: vec![Piece::impossible(
                    "undo what this did; nobody can tell it from the text",
                )],
            });
        }
        taints = Some(moment.after.taints.clone());
        if rolled_back.holds(moment) {
            return;
        }
        let mut undoing = Undoing {
            moment,
            identities: &mut identities,
            role: &role,
            postgres: settings.postgres,
            last: timeline.before(number + 1),
            text,
        };
        let pieces = undoing.step();
        if pieces.is_empty() {
            return;
        }
        match undone.last_mut() {
            // The steps of a DO block belong to one statement.
            Some(last) if last.statement == moment.step.outer.span => {
                last.pieces.splice(0..0, pieces);
            }
            _ => undone.push(Undone {
                statement: moment.step.outer.span,
                pieces,
            }),
        }
    });
    if let Some(taint) = opaque(taints.as_ref(), timeline.before(number + 1)) {
        undone.push(Undone {
            statement: outermost(documents, number, taint.span),
            pieces: vec![Piece::impossible(
                "undo what this did; nobody can tell it from the text",
            )],
        });
    }
    undone.reverse();
    let mut rollback = Rollback { undone };
    rollback.tidy();
    rollback
}

/// What a file itself rolls back: whole transactions, and what comes after a savepoint.
#[derive(Default)]
struct RolledBack {
    transactions: BTreeSet<u32>,
    /// By their number in the file.
    statements: BTreeSet<usize>,
    /// Savepoints that are set, and the statements that set them.
    savepoints: Vec<(SmolStr, usize)>,
}

impl RolledBack {
    fn follow(&mut self, moment: &Moment<'_>, text: &str) {
        let step = moment.step;
        let Node::Transaction(what) = &step.statement.node else {
            return;
        };
        let name = || last_name(step.statement.span.slice(text));
        match what {
            Transaction::Rollback => {
                self.transactions.insert(step.transaction.id);
                self.savepoints.clear();
            }
            Transaction::Savepoint => self.savepoints.push((name(), step.number)),
            Transaction::ReleaseSavepoint | Transaction::RollbackToSavepoint => {
                let named = name();
                let Some(place) = self.savepoints.iter().rposition(|(known, _)| *known == named) else {
                    return;
                };
                let back = *what == Transaction::RollbackToSavepoint;
                if back {
                    self.statements.extend(self.savepoints[place].1..step.number);
                }
                // The savepoint itself outlives a return to it.
                self.savepoints.truncate(place + usize::from(back));
            }
            _ => self.savepoints.clear(),
        }
    }

    fn holds(&self, moment: &Moment<'_>) -> bool {
        self.transactions.contains(&moment.step.transaction.id) || self.statements.contains(&moment.step.number)
    }
}

/// The name that a statement ends with, as PostgreSQL folds it.
fn last_name(statement: &str) -> SmolStr {
    let all = lexemes(statement);
    let mut names = all
        .iter()
        .rev()
        .filter_map(|lexeme| print::folded(statement, lexeme.kind, lexeme.span));
    names.next().unwrap_or_default()
}

impl Rollback {
    /// One statement of a kind is enough: what several steps say of the same thing is said once.
    fn tidy(&mut self) {
        for undone in &mut self.undone {
            undone.pieces.dedup();
        }
        self.undone.retain(|undone| !undone.pieces.is_empty());
        self.put_stars_last();
    }

    /// `*` stands for the columns that are there when a view is made: one that is made again waits until the tables are
    /// as they were, unless something else waits for it.
    fn put_stars_last(&mut self) {
        let mut last = Vec::new();
        let mut at = 0;
        while at < self.undone.len() {
            let name = self.undone[at].view_with_star();
            let is_named = |name: &str| {
                let mut later = self.undone[at + 1..].iter().flat_map(|undone| &undone.pieces);
                later.any(|piece| piece.sql.contains(name))
            };
            match name {
                Some(name) if !is_named(&name) => last.push(self.undone.remove(at)),
                _ => at += 1,
            }
        }
        self.undone.extend(last);
    }
}

impl Undone {
    /// The name of the view that this makes first, if its query has a `*`.
    fn view_with_star(&self) -> Option<String> {
        let sql = &self.pieces.first()?.sql;
        let rest = sql
            .strip_prefix("create view ")
            .or_else(|| sql.strip_prefix("create materialized view "))?;
        let name = rest.split([' ', '(']).next()?.rsplit('.').next()?;
        sql.contains('*').then(|| name.trim_matches('"').to_owned())
    }
}

/// The statement of the file that holds a span.
fn outermost(documents: &[Document], number: usize, span: Span) -> Span {
    let statements = documents.get(number).map(|document| &document.file.statements);
    let holding = statements
        .into_iter()
        .flatten()
        .find(|statement| statement.span.contains(span));
    holding.map_or(span, |statement| statement.span)
}

/// What has become uncertain between two steps: dynamic SQL that nobody can read is no step.
fn opaque(known: Option<&Taints>, now: &Catalog) -> Option<Origin> {
    let known = known?;
    let now = &now.taints;
    [
        (known.everything, now.everything),
        (known.policies, now.policies),
        (known.privileges, now.privileges),
        (known.routines, now.routines),
    ]
    .into_iter()
    .find_map(|(old, new)| new.filter(|_| old != new))
}
