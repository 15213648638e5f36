//! All catalogs of a history in order: the fold itself.
//!
//! Keeps the catalog before every file; the steps of one file are replayed again when somebody wants to see them, so
//! that memory grows with the schema and not with the number of statements.

use std::collections::BTreeSet;

use smol_str::SmolStr;

mod place;
mod run;

use super::catalog::Catalog;
use super::change::{Change, Taint};
use super::objects::{Certainty, Origin};
use super::resolve::Resolver;
use super::session::Session;
use super::step::{Problem, ProblemKind, Step, Transaction};
use super::transaction::{Event, Transactions};
use crate::Document;
use crate::history::{History, Migration};
use crate::settings::{Runner, Settings};
use crate::sql::body::{self, Condition};
use crate::sql::statement::{Body, Node, ObjectKind, Statement};
use crate::text::Span;

/// The catalog and session before a file.
#[derive(Clone, Debug)]
pub struct Boundary {
    /// What is there before the file.
    pub catalog: Catalog,
    session: Session,
    next_transaction: u32,
}

/// A replayed history.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// Before every file, and one after the last.
    boundaries: Vec<Boundary>,
}

/// What one sees of a step: the catalog before and after it, and the session it runs in.
pub struct Moment<'a> {
    /// The step.
    pub step: &'a Step<'a>,
    /// The catalog before it.
    pub before: &'a Catalog,
    /// The catalog after it.
    pub after: &'a Catalog,
    /// The session's settings before it.
    pub session: &'a Session,
}

impl Timeline {
    /// Replays every file in order.
    ///
    /// A history that says it is whole and yet changes tables that none of its files creates was begun on a database
    /// that was there already; it is replayed once more as one that starts midway.
    pub fn replay(history: &History, documents: &[Document], settings: &Settings) -> Self {
        let mut missing = BTreeSet::new();
        let timeline = Self::fold(history, documents, settings, history.complete, &mut missing);
        if starts_midway(&missing) {
            Self::fold(history, documents, settings, false, &mut missing)
        } else {
            timeline
        }
    }

    fn fold(
        history: &History,
        documents: &[Document],
        settings: &Settings,
        complete: bool,
        missing: &mut BTreeSet<(bool, SmolStr)>,
    ) -> Self {
        let mut boundaries = Vec::with_capacity(documents.len() + 1);
        let mut boundary = start(history, settings);
        boundary.catalog.complete = complete;
        for (number, (migration, document)) in history.migrations.iter().zip(documents).enumerate() {
            boundaries.push(boundary.clone());
            boundary = replay_file(
                boundary,
                number,
                migration,
                document,
                history,
                settings,
                &mut |moment| {
                    let found = moment.step.problems.iter().filter_map(missing_table);
                    missing.extend(found.map(|name| (has_made_nothing(moment.before), name)));
                },
            );
        }
        boundaries.push(boundary);
        Self { boundaries }
    }

    /// Whether the history builds the database from nothing, or from its base.
    pub fn is_complete(&self) -> bool {
        self.last().complete
    }

    /// The catalog before file `number`; the last one for a number past the end.
    pub fn before(&self, number: usize) -> &Catalog {
        let last = self.boundaries.last().expect("a timeline has at least one boundary");
        &self.boundaries.get(number).unwrap_or(last).catalog
    }

    /// The catalog after the last file.
    pub fn last(&self) -> &Catalog {
        self.before(usize::MAX)
    }

    /// Replays file `number` once more and shows every step.
    pub fn steps(
        &self,
        number: usize,
        history: &History,
        documents: &[Document],
        settings: &Settings,
        visit: &mut dyn FnMut(&Moment<'_>),
    ) {
        let parts = self
            .boundaries
            .get(number)
            .zip(history.migrations.get(number))
            .zip(documents.get(number));
        if let Some(((boundary, migration), document)) = parts {
            replay_file(boundary.clone(), number, migration, document, history, settings, visit);
        }
    }
}

/// From so many tables on that nothing creates, they are taken to come from before the history and not from mistakes.
const MISSING_TABLES_OF_A_LATER_START: usize = 3;

/// Whether tables are missing in the way they are when the first files of a history were never written: one is needed
/// before anything is made, or there are several.
fn starts_midway(missing: &BTreeSet<(bool, SmolStr)>) -> bool {
    let tables: BTreeSet<&SmolStr> = missing.iter().map(|(_, name)| name).collect();
    missing.iter().any(|(first, _)| *first) || tables.len() >= MISSING_TABLES_OF_A_LATER_START
}

fn has_made_nothing(catalog: &Catalog) -> bool {
    catalog
        .tables()
        .all(|(_, relation, _)| relation.meta.created == Origin::BASE)
}

fn missing_table(problem: &Problem) -> Option<SmolStr> {
    match &problem.kind {
        ProblemKind::Missing {
            kind: ObjectKind::Table,
            name,
        } => Some(name.clone()),
        _ => None,
    }
}

fn start(history: &History, settings: &Settings) -> Boundary {
    let catalog = Catalog::base(history.base, settings.postgres);
    Boundary {
        catalog,
        session: Session::new(history.base),
        next_transaction: 0,
    }
}

#[allow(clippy::too_many_arguments, reason = "private; the fold's state and its constants")]
fn replay_file(
    before: Boundary,
    number: usize,
    migration: &Migration,
    document: &Document,
    history: &History,
    settings: &Settings,
    visit: &mut dyn FnMut(&Moment<'_>),
) -> Boundary {
    let text = &*migration.text;
    let first_line = text.lines().next().unwrap_or_default();
    let transactions = Transactions::new(&document.file, first_line, settings.runner, before.next_transaction);
    // Measured: the Supabase CLI sends RESET ALL before every file; the other runners open a connection per run.
    // RESET ALL leaves the role as it is.
    let session = if settings.runner == Runner::Supabase {
        Session {
            role: before.session.role.clone(),
            ..Session::new(history.base)
        }
    } else {
        before.session
    };
    let mut replayer = Replayer {
        saved: vec![(SmolStr::default(), before.catalog.clone(), session.clone())],
        outside: None,
        catalog: before.catalog,
        session,
        text,
        file: u32::try_from(number).unwrap_or(u32::MAX - 1),
        postgres: settings.postgres,
        transactions,
    };
    for (at, statement) in document.file.statements.iter().enumerate() {
        replayer.statement(at, statement, visit);
    }
    if replayer.transactions.left_open() {
        // Nobody commits it: the server rolls it back when the connection ends.
        let (_, catalog, session) = replayer.saved.remove(0);
        replayer.catalog = catalog;
        replayer.session = session;
    }
    if let Some(outside) = replayer.outside {
        replayer.session = outside;
    }
    let next_transaction = replayer.transactions.next_id();
    Boundary {
        catalog: replayer.catalog,
        session: replayer.session,
        next_transaction,
    }
}

struct Replayer<'a> {
    catalog: Catalog,
    /// What ROLLBACK brings back, and after it what each savepoint does, with its name.
    saved: Vec<(SmolStr, Catalog, Session)>,
    /// The session without what SET LOCAL set.
    outside: Option<Session>,
    session: Session,
    text: &'a str,
    file: u32,
    postgres: u16,
    transactions: Transactions,
}

/// Under which circumstances a statement runs.
#[derive(Clone, Debug)]
struct Frame<'a> {
    outer: &'a Statement,
    /// The call in the file, where the statement is in the body of a function that it calls.
    call: Option<&'a Statement>,
    number: usize,
    conditions: Vec<Condition>,
    certainty: Certainty,
    guarded: bool,
    transaction: Transaction,
    /// How many bodies it is in.
    depth: usize,
}

impl Replayer<'_> {
    fn statement(&mut self, number: usize, statement: &Statement, visit: &mut dyn FnMut(&Moment<'_>)) {
        let words = statement.span.slice(self.text);
        let (transaction, event) = self.transactions.statement(&statement.node, words);
        match event {
            Event::None => {}
            Event::Begin => self.save(),
            Event::Commit => {
                self.leave_local();
                self.save();
            }
            Event::Rollback => {
                let (_, catalog, session) = self.saved.swap_remove(0);
                (self.catalog, self.session) = (catalog, session);
                self.leave_local();
                self.save();
            }
            Event::Savepoint => self
                .saved
                .push((last_word(words), self.catalog.clone(), self.session.clone())),
            Event::RollbackToSavepoint => {
                let place = self.savepoint(words).unwrap_or(self.saved.len() - 1);
                self.saved.truncate(place + 1);
                let (_, catalog, session) = self.saved[place].clone();
                (self.catalog, self.session) = (catalog, session);
            }
            Event::ReleaseSavepoint => {
                if let Some(place) = self.savepoint(words) {
                    self.saved.truncate(place);
                }
            }
        }
        if let Node::Set(set) = &statement.node
            && set.local
            && self.outside.is_none()
        {
            self.outside = Some(self.session.clone());
        }
        let frame = Frame {
            outer: statement,
            call: None,
            number,
            conditions: Vec::new(),
            certainty: Certainty::Certain,
            guarded: false,
            transaction,
            depth: 0,
        };
        match &statement.node {
            Node::Do { language, body } => {
                self.step(statement, None, &frame, visit);
                self.body(&language.value, body, &frame, visit);
            }
            Node::Explain {
                analyze: true,
                statement: inner,
            } => {
                self.step(inner, None, &frame, visit);
            }
            _ => {
                self.step(statement, None, &frame, visit);
                self.calls(statement, &frame, &run::Variables::new(), visit);
            }
        }
        if event == Event::Commit && !transaction.shared {
            self.leave_local();
            self.save();
        }
    }

    /// From here on, ROLLBACK brings back what is now.
    fn save(&mut self) {
        self.saved = vec![(SmolStr::default(), self.catalog.clone(), self.session.clone())];
    }

    /// What SET LOCAL set ends with the transaction.
    fn leave_local(&mut self) {
        if let Some(outside) = self.outside.take() {
            self.session = outside;
        }
    }

    /// Where the savepoint that a statement names is kept.
    fn savepoint(&self, words: &str) -> Option<usize> {
        let name = last_word(words);
        self.saved
            .iter()
            .skip(1)
            .rposition(|(saved, _, _)| *saved == name)
            .map(|at| at + 1)
    }

    /// The statements of a DO block, each under its control structures.
    fn body(&mut self, language: &str, body: &Body, frame: &Frame<'_>, visit: &mut dyn FnMut(&Moment<'_>)) {
        let origin = self.origin(body.span, frame.transaction);
        let walks = language.eq_ignore_ascii_case("plpgsql");
        let frame = &Frame {
            depth: frame.depth + 1,
            ..frame.clone()
        };
        if walks && self.run(body, frame, origin, visit) {
            return;
        }
        let found = body::statements(self.text, language, body);
        for inner in &found.statements {
            let (certainty, guarded) = self.circumstances(&inner.conditions, origin);
            let frame = Frame {
                conditions: inner.conditions.clone(),
                certainty,
                guarded,
                ..frame.clone()
            };
            self.step(&inner.statement, None, &frame, visit);
        }
        for dynamic in &found.dynamic {
            if let Some(taint) = dynamic_taint(dynamic.slice(self.text)) {
                self.catalog.apply(&Change::Taint(taint), origin);
            }
        }
        if !found.readable {
            self.catalog.apply(&Change::Taint(Taint::Everything), origin);
        }
    }

    /// Certainty of what is made under these conditions, and whether failure is expected.
    ///
    /// A test whether something exists, around its creation or removal, comes out as the catalog says; so does an
    /// exception handler. Any other condition may hold or not.
    fn circumstances(&self, conditions: &[Condition], origin: Origin) -> (Certainty, bool) {
        let mut certainty = Certainty::Certain;
        for condition in conditions {
            let decided = match condition {
                Condition::If(span) => is_existence_test(span.slice(self.text)),
                Condition::Exception(_) | Condition::Dynamic(_) => true,
                Condition::Loop(_) | Condition::Case(_) => false,
            };
            if !decided {
                certainty = Certainty::Maybe(origin);
            }
        }
        let guarded = conditions
            .iter()
            .any(|condition| !matches!(condition, Condition::Dynamic(_)));
        (certainty, guarded)
    }

    fn origin(&self, span: Span, transaction: Transaction) -> Origin {
        Origin {
            file: self.file,
            span,
            transaction: transaction.id,
        }
    }

    /// Carries out a statement, or, where EXECUTE put it together, the statement of that text; whether PostgreSQL
    /// would refuse it, as far as the catalog tells.
    fn step(
        &mut self,
        statement: &Statement,
        executed: Option<(&Statement, &str)>,
        frame: &Frame<'_>,
        visit: &mut dyn FnMut(&Moment<'_>),
    ) -> bool {
        let origin = self.origin(statement.span, frame.transaction);
        let session = self.session.clone();
        let mut resolver = Resolver {
            catalog: self.catalog.clone(),
            session: std::mem::replace(&mut self.session, session.clone()),
            text: executed.map_or(self.text, |(_, text)| text),
            origin,
            certainty: frame.certainty,
            guarded: frame.guarded,
            failed: false,
            postgres: self.postgres,
            changes: Vec::new(),
            problems: Vec::new(),
            target: None,
        };
        resolver.statement(executed.map_or(statement, |(statement, _)| statement));
        let Resolver {
            failed,
            catalog: after,
            session: next,
            changes,
            problems,
            target,
            ..
        } = resolver;
        let step = Step {
            statement,
            outer: frame.outer,
            number: frame.number,
            origin,
            changes,
            problems,
            conditions: frame.conditions.clone(),
            transaction: frame.transaction,
            target,
        };
        visit(&Moment {
            step: &step,
            before: &self.catalog,
            after: &after,
            session: &session,
        });
        self.catalog = after;
        self.session = next;
        failed
    }
}

/// The name at the end of a statement about savepoints.
fn last_word(words: &str) -> SmolStr {
    let word = words.trim_end().rsplit(char::is_whitespace).next().unwrap_or_default();
    match word.strip_prefix('"').and_then(|word| word.strip_suffix('"')) {
        Some(quoted) => quoted.into(),
        None => word.to_lowercase().into(),
    }
}

/// Whether a condition asks if an object exists.
fn is_existence_test(condition: &str) -> bool {
    let lower = condition.to_ascii_lowercase();
    let asks = lower.contains("exists")
        || lower.contains("is null")
        || lower.contains("is not null")
        || lower.contains("found");
    let catalogs = [
        "pg_",
        "information_schema",
        "to_regclass",
        "to_regtype",
        "to_regproc",
        "cron.job",
        "storage.buckets",
    ];
    asks && catalogs.iter().any(|name| lower.contains(name))
}

/// What dynamic SQL may change, by the words of its constant parts.
fn dynamic_taint(source: &str) -> Option<Taint> {
    let upper = source.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| upper.contains(word));
    let schema = [
        "CREATE ",
        "ALTER ",
        "DROP ",
        "GRANT ",
        "REVOKE ",
        "COMMENT ON",
        "RENAME ",
    ];
    let rows = [
        "INSERT ",
        "UPDATE ",
        "DELETE ",
        "SELECT ",
        "TRUNCATE ",
        "ANALYZE",
        "VACUUM",
        "REFRESH ",
        "SETVAL",
        "NOTIFY",
    ];
    if has(&["POLICY", "ROW LEVEL SECURITY"]) {
        Some(Taint::Policies)
    } else if has(&["GRANT ", "REVOKE "]) {
        Some(Taint::Privileges)
    } else if has(&[
        "CREATE TRIGGER",
        "DROP TRIGGER",
        "CREATE OR REPLACE TRIGGER",
        "FUNCTION",
    ]) {
        Some(Taint::Routines)
    } else if has(&schema) || !has(&rows) {
        Some(Taint::Everything)
    } else {
        None
    }
}
