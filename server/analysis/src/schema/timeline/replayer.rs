//! Carries the statements of one file out, one after the other, over transactions and the bodies of DO blocks.

use std::collections::BTreeSet;

use smol_str::SmolStr;

mod run;

use super::{Boundary, Moment};
use crate::Document;
use crate::history::{History, Migration};
use crate::schema::catalog::Catalog;
use crate::schema::change::{Change, Taint};
use crate::schema::objects::{Certainty, Origin};
use crate::schema::resolve::Resolver;
use crate::schema::session::Session;
use crate::schema::step::{Problem, ProblemKind, Step, Transaction};
use crate::schema::transaction::{Event, Transactions};
use crate::settings::{Runner, Settings};
use crate::sql::body::{self, Condition};
use crate::sql::statement::{Body, Node, ObjectKind, Statement};
use crate::text::Span;

/// Carries out the statements of one file.
pub(super) struct Replayer<'a> {
    pub(super) catalog: Catalog,
    /// What ROLLBACK brings back, and after it what each savepoint does, with its name.
    saved: Vec<(SmolStr, Catalog, Session)>,
    /// The session without what SET LOCAL set.
    outside: Option<Session>,
    pub(super) session: Session,
    text: &'a str,
    file: u32,
    postgres: u16,
    transactions: Transactions,
    /// Nobody looks at the steps: the catalog changes in place, which is a good deal faster.
    pub(super) quiet: bool,
    /// Tables that nothing creates, and whether nothing at all was there yet; only in quiet.
    pub(super) missing: BTreeSet<(bool, SmolStr)>,
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
    pub(super) fn new(
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
    pub(super) fn replay(&mut self, document: &Document, visit: &mut dyn FnMut(&Moment<'_>)) -> Boundary {
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
    pub(super) fn statement(&mut self, number: usize, statement: &Statement, visit: &mut dyn FnMut(&Moment<'_>)) {
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
            written: crate::text::Span::default(),
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
            certainty: frame.certainty,
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
    let words: Vec<&str> = source.split_whitespace().collect();
    let upper = words.join(" ").to_ascii_uppercase();
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
    } else if is_about_tables(&upper, &schema) {
        Some(Taint::Tables)
    } else if has(&schema) || !has(&rows) {
        Some(Taint::Everything)
    } else {
        None
    }
}

/// Whether all that such a text says of the schema is said of tables and indexes that keep their names.
fn is_about_tables(upper: &str, schema: &[&str]) -> bool {
    const PHRASES: &[&str] = &[
        "ALTER TABLE ",
        "CREATE INDEX ",
        "CREATE UNIQUE INDEX ",
        "DROP INDEX ",
        "ADD COLUMN ",
        "ALTER COLUMN ",
        "DROP COLUMN ",
        "DROP CONSTRAINT ",
        "DROP DEFAULT",
        "DROP NOT NULL",
    ];
    let begins = |text: &str| PHRASES[..4].iter().any(|phrase| text.contains(phrase));
    let moves = ["CASCADE", "RENAME ", "SET SCHEMA", "OWNER TO", "PARTITION"];
    let rest = PHRASES
        .iter()
        .fold(upper.to_owned(), |text, phrase| text.replace(phrase, ""));
    begins(upper) && !schema.iter().chain(&moves).any(|word| rest.contains(word))
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
