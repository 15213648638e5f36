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

impl Boundary {
    /// See [`Catalog::snapshot`].
    fn snapshot(&mut self) -> Self {
        Self {
            catalog: self.catalog.snapshot(),
            session: self.session.clone(),
            next_transaction: self.next_transaction,
        }
    }
}

/// A replayed history.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// Before every file, and one after the last.
    boundaries: Vec<Boundary>,
    /// Of each file, the tables that it needs and nothing creates, and whether nothing at all was there yet.
    missing: Vec<BTreeSet<(bool, SmolStr)>>,
    /// Whether it was replayed as a history that starts midway although it says it is whole.
    midway: bool,
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
        Self::replay_as_read(history, settings, &mut |number| &documents[number])
    }

    /// Replays every file in order, asking for each document when its turn comes: others may still be read meanwhile.
    pub fn replay_as_read<'d>(
        history: &History,
        settings: &Settings,
        document: &mut dyn FnMut(usize) -> &'d Document,
    ) -> Self {
        let timeline = Self::begin(history, settings, history.complete).fold(history, settings, document);
        if !timeline.starts_midway() {
            return timeline;
        }
        let mut timeline = Self::begin(history, settings, false).fold(history, settings, document);
        timeline.midway = true;
        timeline
    }

    /// Replays from file `first` on; the history before it, and the settings, are those of this timeline.
    #[must_use]
    pub fn update(&self, first: usize, history: &History, documents: &[Document], settings: &Settings) -> Self {
        // Whether a history starts midway is seen from its beginning.
        if self.midway {
            return Self::replay(history, documents, settings);
        }
        let kept = first.min(self.missing.len());
        let timeline = Self {
            boundaries: self.boundaries[..=kept].to_vec(),
            missing: self.missing[..kept].to_vec(),
            midway: false,
        };
        let timeline = timeline.fold(history, settings, &mut |number| &documents[number]);
        if timeline.starts_midway() {
            return Self::replay(history, documents, settings);
        }
        timeline
    }

    fn begin(history: &History, settings: &Settings, complete: bool) -> Self {
        let mut catalog = Catalog::base(history.base, settings.postgres);
        catalog.complete = complete;
        let first = Boundary {
            catalog,
            session: Session::new(history.base),
            next_transaction: 0,
        };
        Self {
            boundaries: vec![first],
            missing: Vec::new(),
            midway: false,
        }
    }

    /// Replays the files behind the last boundary.
    fn fold<'d>(
        mut self,
        history: &History,
        settings: &Settings,
        document: &mut dyn FnMut(usize) -> &'d Document,
    ) -> Self {
        let mut boundary = self.boundaries.pop().expect("a timeline has at least one boundary");
        let first = self.boundaries.len();
        for (number, migration) in history.migrations.iter().enumerate().skip(first) {
            let document = document(number);
            self.boundaries.push(boundary.snapshot());
            let mut replayer = Replayer::new(boundary, number, migration, document, history, settings);
            replayer.quiet = true;
            boundary = replayer.replay(document, &mut |_| {});
            self.missing.push(replayer.missing);
        }
        for earlier in &mut self.boundaries {
            earlier.catalog.share_kinship(&boundary.catalog);
        }
        self.boundaries.push(boundary);
        self
    }

    /// Whether tables are missing in the way they are when the first files of a history were never written: one is
    /// needed before anything is made, or there are several.
    fn starts_midway(&self) -> bool {
        let missing = || self.missing.iter().flatten();
        let tables: BTreeSet<&SmolStr> = missing().map(|(_, name)| name).collect();
        missing().any(|(first, _)| *first) || tables.len() >= MISSING_TABLES_OF_A_LATER_START
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
            let boundary = boundary.clone();
            Replayer::new(boundary, number, migration, document, history, settings).replay(document, visit);
        }
    }
}

/// From so many tables on that nothing creates, they are taken to come from before the history and not from mistakes.
const MISSING_TABLES_OF_A_LATER_START: usize = 3;

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
    /// Nobody looks at the steps: the catalog changes in place, which is a good deal faster.
    quiet: bool,
    /// Tables that nothing creates, and whether nothing at all was there yet; only in quiet.
    missing: BTreeSet<(bool, SmolStr)>,
    has_made_nothing: bool,
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

impl<'a> Replayer<'a> {
    fn new(
        before: Boundary,
        number: usize,
        migration: &'a Migration,
        document: &Document,
        history: &History,
        settings: &Settings,
    ) -> Self {
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
        let mut catalog = before.catalog;
        Self {
            has_made_nothing: has_made_nothing(&catalog),
            saved: vec![(SmolStr::default(), catalog.snapshot(), session.clone())],
            outside: None,
            catalog,
            session,
            text,
            file: u32::try_from(number).unwrap_or(u32::MAX - 1),
            postgres: settings.postgres,
            transactions,
            quiet: false,
            missing: BTreeSet::new(),
        }
    }

    /// Replays the file; what is there after it.
    fn replay(&mut self, document: &Document, visit: &mut dyn FnMut(&Moment<'_>)) -> Boundary {
        for (at, statement) in document.file.statements.iter().enumerate() {
            self.statement(at, statement, visit);
        }
        if self.transactions.left_open() {
            // Nobody commits it: the server rolls it back when the connection ends.
            self.bring_back(0);
        }
        Boundary {
            catalog: std::mem::take(&mut self.catalog),
            session: self.outside.take().unwrap_or_else(|| self.session.clone()),
            next_transaction: self.transactions.next_id(),
        }
    }
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
                self.bring_back(0);
                self.leave_local();
                self.save();
            }
            Event::Savepoint => {
                let saved = (last_word(words), self.catalog.snapshot(), self.session.clone());
                self.saved.push(saved);
            }
            Event::RollbackToSavepoint => {
                let place = self.savepoint(words).unwrap_or(self.saved.len() - 1);
                self.saved.truncate(place + 1);
                self.bring_back(place);
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
            // Outside of transactions there is nothing to bring back, and BEGIN saves on its own.
            if self.transactions.is_open() {
                self.save();
            }
        }
    }

    /// From here on, ROLLBACK brings back what is now.
    fn save(&mut self) {
        self.saved = vec![(SmolStr::default(), self.catalog.snapshot(), self.session.clone())];
    }

    /// Goes back to what was saved at a place.
    fn bring_back(&mut self, place: usize) {
        let (_, catalog, session) = &self.saved[place];
        self.catalog.restore(catalog);
        self.session = session.clone();
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
                self.catalog.carry_out(Change::Taint(taint), origin);
            }
        }
        if !found.readable {
            self.catalog.carry_out(Change::Taint(Taint::Everything), origin);
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
        self.has_made_nothing = self.has_made_nothing && has_made_nothing(&self.catalog);
        let before = (!self.quiet).then(|| (self.catalog.clone(), self.session.clone()));
        let mut resolver = Resolver {
            catalog: std::mem::take(&mut self.catalog),
            session: self.session.clone(),
            text: executed.map_or(self.text, |(_, text)| text),
            origin,
            certainty: frame.certainty,
            guarded: frame.guarded,
            failed: false,
            postgres: self.postgres,
            quiet: self.quiet,
            changes: Vec::new(),
            problems: Vec::new(),
            target: None,
        };
        resolver.statement(executed.map_or(statement, |(statement, _)| statement));
        let Resolver {
            failed,
            catalog,
            session,
            changes,
            problems,
            target,
            ..
        } = resolver;
        (self.catalog, self.session) = (catalog, session);
        let Some((before, session)) = before else {
            let tables = problems.iter().filter_map(missing_table);
            self.missing.extend(tables.map(|name| (self.has_made_nothing, name)));
            return failed;
        };
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
            before: &before,
            after: &self.catalog,
            session: &session,
        });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::objects::Id;

    fn history(texts: &[&str]) -> History {
        let migrations = texts.iter().enumerate();
        History {
            migrations: migrations
                .map(|(number, text)| Migration::new(&format!("{number}.sql"), text))
                .collect(),
            complete: true,
            ..History::default()
        }
    }

    fn documents(history: &History) -> Vec<Document> {
        history.migrations.iter().map(crate::read).collect()
    }

    fn replayed(texts: &[&str]) -> Timeline {
        let history = history(texts);
        Timeline::replay(&history, &documents(&history), &Settings::default())
    }

    /// Replays `before`, updates it to `after` from the first file that differs, and compares that with a full replay.
    #[track_caller]
    fn updates(before: &[&str], after: &[&str]) {
        let first = before.iter().zip(after).take_while(|(one, other)| one == other).count();
        let next = history(after);
        let documents = documents(&next);
        let updated = replayed(before).update(first, &next, &documents, &Settings::default());
        let whole = replayed(after);
        assert_eq!(updated.boundaries.len(), whole.boundaries.len());
        for number in 0..=after.len() {
            assert_eq!(updated.before(number), whole.before(number), "before file {number}");
            let named = |timeline: &Timeline| -> Vec<Id> {
                let catalog = timeline.before(number);
                let a = Id::new("public", "a");
                catalog.users(&a).map(|(id, _)| id.clone()).collect()
            };
            assert_eq!(named(&updated), named(&whole), "before file {number}");
        }
    }

    #[test]
    fn an_update_equals_a_replay() {
        let (a, b) = (
            "create table a (id int primary key);",
            "create table b (a int references a);",
        );
        let drops = "drop table b; create view c as select * from a;";
        updates(&[a, b, drops], &[a, b, drops, "create table d ();"]);
        updates(&[a, b, drops], &[a, "create table b (a int);", drops]);
        updates(&[a, b, drops], &["create table a (id bigint primary key);", b, drops]);
        updates(&[a, b, drops], &[a, b]);
        updates(
            &[a, b],
            &[a, "begin; create table b (a int references a); rollback;", drops],
        );
        updates(&[], &[a, b]);
    }

    #[test]
    fn an_update_that_shows_a_later_start_replays_all() {
        let a = "create table a (id int);";
        updates(&[a], &["alter table x add y int;", a]);
        updates(&["alter table x add y int;", a], &[a, a]);
    }
}
