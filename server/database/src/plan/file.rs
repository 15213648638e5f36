//! One file, cut into what commits together.

use analysis::history::Migration;
use analysis::sql::body;
use analysis::sql::lexeme::{LexemeKind, lexemes_in};
use analysis::sql::statement::{
    AlterActionKind, AlterTypeAction, Node, ObjectKind, PassedOver, Statement as Parsed, Transaction as Control,
};
use analysis::text::Span;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Known, Options};
use crate::history::name_of;
use crate::rehearse::refuses_a_transaction;
use crate::rollback::Script;

/// A file that is to be applied.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct File {
    /// Its place in the history.
    #[serde(skip)]
    pub number: usize,
    /// Version.
    pub version: String,
    /// File name.
    pub file: String,
    /// Path as people shall see it.
    pub path: String,
    /// What the history calls it.
    pub name: String,
    /// SHA-256 of the text, hexadecimal.
    pub checksum: String,
    /// What commits together, in order.
    pub steps: Vec<Step>,
    /// What keeps it from being applied.
    pub refusals: Vec<Refusal>,
    /// The text of the whole file.
    #[serde(skip)]
    pub text: std::sync::Arc<str>,
    /// What the history records, as places in the text.
    #[serde(skip)]
    recorded: Vec<Span>,
    /// Statements that change the session's settings for the steps that follow, with the number of their step.
    #[serde(skip)]
    session: Vec<(usize, Span)>,
}

/// What commits together.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Statements in one transaction.
    Transaction {
        /// In order.
        statements: Vec<Statement>,
    },
    /// A statement that PostgreSQL refuses to run in a transaction.
    Alone {
        /// The statement.
        statement: Statement,
        /// How to see whether it took effect.
        resume: Resume,
    },
}

impl Step {
    /// Its statements.
    pub fn statements(&self) -> &[Statement] {
        match self {
            Self::Transaction { statements } => statements,
            Self::Alone { statement, .. } => std::slice::from_ref(statement),
        }
    }
}

/// A statement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// Where it stands in the file, without the semicolon.
    #[serde(serialize_with = "span")]
    pub span: Span,
    /// The data lines of a `COPY … FROM stdin`, with the `\.` that ends them.
    #[serde(serialize_with = "optional_span", skip_serializing_if = "Option::is_none")]
    pub data: Option<Span>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn span<S: serde::Serializer>(span: &Span, serializer: S) -> Result<S::Ok, S::Error> {
    [span.start, span.end].serialize(serializer)
}

#[allow(clippy::ref_option, reason = "the form that serde asks for")]
fn optional_span<S: serde::Serializer>(span: &Option<Span>, serializer: S) -> Result<S::Ok, S::Error> {
    span.map(|span| [span.start, span.end]).serialize(serializer)
}

/// How to see, after an interruption, whether a statement without a transaction took effect. Names are as written, so
/// that they mean to `to_regclass` what they meant to the statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "resume", rename_all = "snake_case")]
pub enum Resume {
    /// CREATE INDEX CONCURRENTLY: a valid index is there; an invalid one is dropped first.
    CreateIndex {
        /// The table.
        table: String,
    },
    /// DROP INDEX CONCURRENTLY: the index is gone.
    DropIndex {
        /// The index.
        index: String,
    },
    /// REINDEX CONCURRENTLY: run it again, after dropping the invalid copies that it left.
    Reindex,
    /// DETACH PARTITION CONCURRENTLY: no partition any more, or pending and to be finalized.
    Detach {
        /// The partitioned table.
        table: String,
        /// The partition.
        partition: String,
    },
    /// VACUUM, ALTER SYSTEM, CLUSTER, DISCARD …: run it again.
    Again,
    /// Nobody can tell.
    Unknown,
}

/// What keeps a file from being applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Where.
    #[serde(serialize_with = "span")]
    pub span: Span,
    /// Why.
    pub why: Why,
}

/// Why a file is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// A psql meta-command.
    Psql,
    /// A placeholder of a template engine.
    Templated,
    /// No SQL at all.
    Unreadable,
    /// A COMMIT of its own, and nobody asked for segments.
    OwnCommit,
    /// A ROLLBACK, which would undo what the history then records.
    OwnRollback,
    /// PREPARE TRANSACTION and its relatives.
    TwoPhase,
    /// `COPY … TO stdout`, which prints rows.
    CopyOut,
}

impl Why {
    /// What is wrong.
    pub fn message(self) -> &'static str {
        match self {
            Self::Psql => "only psql understands this",
            Self::Templated => "a placeholder stands where SQL should",
            Self::Unreadable => "this is no SQL",
            Self::OwnCommit => "the file commits by itself, so it cannot be applied as a whole or not at all",
            Self::OwnRollback => "the file rolls back, but the history would record all of it",
            Self::TwoPhase => "a prepared transaction outlives the file",
            Self::CopyOut => "COPY … TO stdout prints rows; a migration has nobody to print to",
        }
    }

    /// What to do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Self::OwnCommit => "delete BEGIN and COMMIT, or add `--segments` to apply and journal each part by itself",
            Self::Templated => "write the SQL that the template engine would make",
            _ => "delete it",
        }
    }
}

impl File {
    /// Cuts a migration into steps.
    pub(super) fn read(migration: &Migration, known: &Known, options: &Options) -> Self {
        let document = analysis::read(migration);
        let parsed = &document.file.statements;
        let mut cutter = Cutter {
            text: &migration.text,
            parsed,
            steps: Vec::new(),
            open: Vec::new(),
            refusals: Vec::new(),
            session: Vec::new(),
        };
        cutter.cut(options.segments);
        cutter.refusals.extend(document.file.errors.iter().map(|error| Refusal {
            span: error.span,
            why: Why::Unreadable,
        }));
        Self {
            number: known.number,
            version: known.version.clone(),
            file: known.file.clone(),
            path: known.path.clone(),
            name: name_of(&known.file, &known.version).to_owned(),
            checksum: checksum(&migration.text),
            steps: cutter.steps,
            refusals: cutter.refusals,
            recorded: recorded(parsed, migration),
            session: cutter.session,
            text: migration.text.clone(),
        }
    }

    /// Cuts a script that is no migration: the one that undoes `version`.
    pub(crate) fn of_script(script: &Script<'_>, version: &str) -> Self {
        let migration = script.as_migration();
        let known = Known {
            number: 0,
            version: version.to_owned(),
            file: migration.file_name().to_owned(),
            path: migration.path.clone(),
            standing: super::Standing::Pending,
        };
        Self::read(&migration, &known, &Options::default())
    }

    /// What the history records: every statement with the comments before it, without its semicolon.
    pub fn recorded(&self) -> Vec<&str> {
        self.recorded.iter().map(|span| span.slice(&self.text)).collect()
    }

    /// The statements before a step that its session must have run.
    pub fn session_before(&self, step: usize) -> impl Iterator<Item = &str> {
        let before = self.session.iter().take_while(move |(at, _)| *at < step);
        before.map(|(_, span)| span.slice(&self.text))
    }

    /// How many statements it has.
    pub fn statements(&self) -> usize {
        self.steps.iter().map(|step| step.statements().len()).sum()
    }

    /// Whether all of it commits together.
    pub fn is_atomic(&self) -> bool {
        matches!(self.steps.as_slice(), [] | [Step::Transaction { .. }])
    }
}

/// SHA-256 in hexadecimal.
pub fn checksum(text: &str) -> String {
    let mut out = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        out.push_str(&format!("{byte:02x}"));
    }
    out
}

fn recorded(parsed: &[Parsed], migration: &Migration) -> Vec<Span> {
    let text = &migration.text;
    let mut start = migration.forward.start as usize;
    let mut out = Vec::with_capacity(parsed.len());
    for statement in parsed {
        let end = match &statement.node {
            Node::Copy(copy) => copy.data.map_or(statement.span.end, |data| data.end),
            _ => statement.span.end,
        } as usize;
        let between = &text[start.min(end)..end];
        let begin = end
            - between
                .trim_start_matches(|c: char| c.is_whitespace() || c == ';' || c == '\u{feff}')
                .len();
        out.push(Span::new(begin, end));
        start = end;
    }
    out
}

struct Cutter<'a> {
    text: &'a str,
    parsed: &'a [Parsed],
    steps: Vec<Step>,
    /// Statements of the transaction that is being gathered.
    open: Vec<Statement>,
    refusals: Vec<Refusal>,
    session: Vec<(usize, Span)>,
}

impl Cutter<'_> {
    fn cut(&mut self, segments: bool) {
        let wrapped = self.is_wrapped();
        for (at, parsed) in self.parsed.iter().enumerate() {
            match &parsed.node {
                Node::Meta { .. } => self.refuse(parsed.span, Why::Psql),
                Node::Templated { placeholder } => self.refuse(*placeholder, Why::Templated),
                Node::Transaction(control) => self.control(*control, parsed.span, segments || wrapped),
                node => self.statement(at, node, parsed.span, segments),
            }
        }
        self.commit();
    }

    /// Whether BEGIN and COMMIT stand around the whole file, as they do for psql: what we do anyway.
    fn is_wrapped(&self) -> bool {
        let is = |statement: Option<&Parsed>, control: Control| {
            statement.is_some_and(|statement| statement.node == Node::Transaction(control))
        };
        let inner = |statement: &&Parsed| {
            matches!(
                &statement.node,
                Node::Transaction(Control::Begin | Control::Commit | Control::Rollback)
            )
        };
        is(self.parsed.first(), Control::Begin)
            && is(self.parsed.last(), Control::Commit)
            && self.parsed.iter().filter(inner).count() == 2
            && !self.chains(self.parsed.last().map_or_else(Span::default, |last| last.span))
    }

    /// `COMMIT AND CHAIN`
    fn chains(&self, span: Span) -> bool {
        lexemes_in(self.text, span)
            .iter()
            .any(|lexeme| lexeme.is(self.text, "chain"))
    }

    fn refuse(&mut self, span: Span, why: Why) {
        self.refusals.push(Refusal { span, why });
    }

    fn control(&mut self, control: Control, span: Span, allowed: bool) {
        match control {
            Control::Savepoint | Control::ReleaseSavepoint | Control::RollbackToSavepoint => {
                self.open.push(Statement { span, data: None });
            }
            Control::Begin | Control::Commit if allowed => self.commit(),
            Control::Begin | Control::Commit => self.refuse(span, Why::OwnCommit),
            Control::Rollback => self.refuse(span, Why::OwnRollback),
            Control::PrepareTransaction | Control::CommitPrepared | Control::RollbackPrepared => {
                self.refuse(span, Why::TwoPhase);
            }
        }
    }

    fn statement(&mut self, at: usize, node: &Node, span: Span, segments: bool) {
        let mut statement = Statement { span, data: None };
        if let Node::Copy(copy) = node {
            if copy.endpoint == "STDOUT" {
                self.refuse(span, Why::CopyOut);
            }
            // Without a line of data there is still a COPY that waits for some.
            statement.data = copy
                .data
                .or_else(|| (copy.endpoint == "STDIN").then(|| Span::new(span.end as usize, span.end as usize)));
        }
        if commits_inside(node, self.text) {
            if !segments {
                self.refuse(span, Why::OwnCommit);
            }
            return self.alone(statement, Resume::Unknown);
        }
        if let Some(resume) = alone(node, span.slice(self.text), self.text) {
            return self.alone(statement, resume);
        }
        if changes_session(node, span.slice(self.text)) {
            self.session.push((self.steps.len(), span));
        }
        self.open.push(statement);
        if self.adds_a_value_that_is_used(at) {
            self.commit();
        }
    }

    fn alone(&mut self, statement: Statement, resume: Resume) {
        self.commit();
        self.steps.push(Step::Alone { statement, resume });
    }

    fn commit(&mut self) {
        if !self.open.is_empty() {
            let statements = std::mem::take(&mut self.open);
            self.steps.push(Step::Transaction { statements });
        }
    }

    /// A new value of an enum may be used only after the transaction that adds it, unless that one created the type:
    /// <https://www.postgresql.org/docs/current/sql-altertype.html>
    fn adds_a_value_that_is_used(&self, at: usize) -> bool {
        let Node::AlterType(alter) = &self.parsed[at].node else {
            return false;
        };
        let added = alter.actions.iter().filter_map(|action| match action {
            AlterTypeAction::AddValue { value, .. } => Some(value.value.replace('\'', "''")),
            _ => None,
        });
        let added: Vec<String> = added.collect();
        let is_open = |before: &&Parsed| self.open.iter().any(|open| open.span == before.span);
        let is_new = self.parsed[..at]
            .iter()
            .filter(is_open)
            .any(|before| match &before.node {
                Node::CreateType(create) => create.name.last() == alter.name.last(),
                _ => false,
            });
        !is_new
            && self.parsed[at + 1..].iter().any(|later| {
                lexemes_in(self.text, later.span).iter().any(|lexeme| {
                    let text = lexeme.span.slice(self.text);
                    let is_text = matches!(lexeme.kind, LexemeKind::String | LexemeKind::DollarString);
                    is_text && added.iter().any(|value| text.contains(value.as_str()))
                })
            })
    }
}

/// Whether a statement's effect is one on the session, and outlives its transaction.
fn changes_session(node: &Node, sql: &str) -> bool {
    match node {
        Node::Set(set) => !set.local,
        Node::Reset { .. } => true,
        // `SELECT pg_catalog.set_config('search_path', '', false)`, as pg_dump writes it.
        Node::Query(_) => sql.contains("set_config"),
        _ => false,
    }
}

/// A DO block that ends its transaction cannot run in ours.
fn commits_inside(node: &Node, text: &str) -> bool {
    let Node::Do { language, body } = node else {
        return false;
    };
    let inside = body::statements(text, language.as_str(), body);
    inside.statements.iter().any(|inner| {
        matches!(
            inner.statement.node,
            Node::Transaction(Control::Commit | Control::Rollback)
        )
    })
}

/// How to resume a statement that PostgreSQL refuses to run in a transaction; `None` where it does not refuse.
fn alone(node: &Node, sql: &str, text: &str) -> Option<Resume> {
    let written = |span: Span| span.slice(text).to_owned();
    match node {
        Node::CreateIndex(create) if create.concurrently => {
            let table = written(create.table.span());
            Some(Resume::CreateIndex { table })
        }
        Node::Drop(drop) if drop.concurrently => match drop.objects.as_slice() {
            [index] => Some(Resume::DropIndex {
                index: written(index.name.span()),
            }),
            _ => Some(Resume::Unknown),
        },
        Node::Reindex { concurrently: true, .. } => Some(Resume::Reindex),
        Node::Reindex {
            kind: ObjectKind::Database | ObjectKind::Schema | ObjectKind::System,
            ..
        } => Some(Resume::Again),
        Node::AlterTable(alter) => alter.actions.iter().find_map(|action| match &action.kind {
            AlterActionKind::DetachPartition {
                partition,
                concurrently: true,
                ..
            } => Some(Resume::Detach {
                table: written(alter.name.span()),
                partition: written(partition.span()),
            }),
            _ => None,
        }),
        Node::Vacuum { .. } | Node::AlterSystem | Node::Cluster { table: None, .. } => Some(Resume::Again),
        Node::Passed(PassedOver::Discard) if sql.to_ascii_lowercase().contains("all") => Some(Resume::Again),
        Node::CreateDatabase { .. } | Node::DropDatabase { .. } | Node::CreateTablespace { .. } => {
            Some(Resume::Unknown)
        }
        Node::CreateSubscription { connects: true, .. } => Some(Resume::Unknown),
        Node::Unknown { .. } | Node::CreateOther { .. } | Node::AlterDatabase { .. } if refuses_a_transaction(sql) => {
            Some(Resume::Unknown)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use analysis::history::History;

    use super::super::{Plan, plan};
    use super::*;

    fn planned(text: &str, options: &Options) -> Plan {
        let history = History {
            migrations: vec![Migration::new("1_a.sql", text)],
            complete: true,
            ..History::default()
        };
        plan(&history, &[], &[], options).expect("a plan")
    }

    fn read(text: &str) -> File {
        planned(text, &Options::default()).files.remove(0)
    }

    /// The steps, one a line: `[a; b]` commits together, `a` stands alone.
    fn steps(file: &File) -> Vec<String> {
        let shown = |statement: &Statement| statement.span.slice(&file.text).to_owned();
        let step = |step: &Step| match step {
            Step::Transaction { statements } => {
                format!("[{}]", statements.iter().map(shown).collect::<Vec<_>>().join("; "))
            }
            Step::Alone { statement, .. } => shown(statement),
        };
        file.steps.iter().map(step).collect()
    }

    #[test]
    fn a_file_is_one_transaction() {
        let file = read("create table t (a int);\nlock table t;\nsavepoint s; insert into t values (1);");
        assert_eq!(
            steps(&file),
            ["[create table t (a int); lock table t; savepoint s; insert into t values (1)]"]
        );
        assert!(file.is_atomic() && file.refusals.is_empty());
    }

    #[test]
    fn what_cannot_run_in_a_transaction_stands_alone() {
        let file = read(
            "select 1; create index concurrently i on s.t (a); select 2; discard all; vacuum t;
             drop index concurrently i; alter table p detach partition q concurrently; reindex index concurrently i;
             do $$ begin perform 1; end $$; refresh materialized view concurrently m",
        );
        assert_eq!(
            steps(&file),
            [
                "[select 1]",
                "create index concurrently i on s.t (a)",
                "[select 2]",
                "discard all",
                "vacuum t",
                "drop index concurrently i",
                "alter table p detach partition q concurrently",
                "reindex index concurrently i",
                "[do $$ begin perform 1; end $$; refresh materialized view concurrently m]",
            ]
        );
        let resumes: Vec<&Resume> = file
            .steps
            .iter()
            .filter_map(|step| match step {
                Step::Alone { resume, .. } => Some(resume),
                Step::Transaction { .. } => None,
            })
            .collect();
        let index = Resume::CreateIndex { table: "s.t".into() };
        assert_eq!(resumes[0], &index);
        assert_eq!(
            resumes[4],
            &Resume::Detach {
                table: "p".into(),
                partition: "q".into()
            }
        );
        assert!(!file.is_atomic());
    }

    #[test]
    fn settings_hold_for_the_steps_that_follow() {
        let file =
            read("set search_path = a; set local x.y = 1; vacuum t; select set_config('b', 'c', false); vacuum u;");
        let before = |step| file.session_before(step).collect::<Vec<_>>();
        assert_eq!(before(0), Vec::<&str>::new());
        assert_eq!(before(1), ["set search_path = a"]);
        assert_eq!(before(3), ["set search_path = a", "select set_config('b', 'c', false)"]);
    }

    #[test]
    fn a_value_that_is_used_later_is_committed_first() {
        let used = read("alter type mood add value 'ok'; insert into t values ('ok');");
        assert_eq!(
            steps(&used),
            ["[alter type mood add value 'ok']", "[insert into t values ('ok')]"]
        );
        let unused = read("alter type mood add value 'ok'; select 1;");
        assert_eq!(steps(&unused), ["[alter type mood add value 'ok'; select 1]"]);
        let new = read("create type mood as enum ('a'); alter type mood add value 'ok'; select 'ok'::mood;");
        assert!(new.is_atomic());
        let old = read("create type mood as enum ('a'); vacuum; alter type mood add value 'ok'; select 'ok'::mood;");
        assert_eq!(old.steps.len(), 4);
    }

    #[test]
    fn copy_data_belongs_to_its_statement_and_to_the_record() {
        let file = read("create table t (a int);\ncopy t from stdin;\n1\n2\n\\.\nselect 1;\n");
        let Step::Transaction { statements } = &file.steps[0] else {
            panic!("one transaction")
        };
        assert_eq!(statements[1].data.map(|data| data.slice(&file.text)), Some("1\n2\n\\."));
        assert_eq!(
            file.recorded(),
            ["create table t (a int)", "copy t from stdin;\n1\n2\n\\.", "select 1"]
        );
    }

    #[test]
    fn a_file_that_commits_by_itself_is_refused_unless_in_segments() {
        let whys = |file: &File| file.refusals.iter().map(|refusal| refusal.why).collect::<Vec<_>>();
        let text = "create table a (); commit; begin; create table b ();";
        assert_eq!(whys(&read(text)), [Why::OwnCommit, Why::OwnCommit]);
        let options = Options {
            segments: true,
            ..Options::default()
        };
        let file = planned(text, &options).files.remove(0);
        assert_eq!(steps(&file), ["[create table a ()]", "[create table b ()]"]);
        assert!(file.refusals.is_empty());
        assert_eq!(
            whys(&planned("select 1; rollback;", &options).files[0]),
            [Why::OwnRollback]
        );
        assert_eq!(whys(&read("do $$ begin commit; end $$")), [Why::OwnCommit]);
    }

    #[test]
    fn begin_and_commit_around_the_whole_file_change_nothing() {
        let file = read("-- a\nbegin;\ncreate table a ();\ncommit;");
        assert_eq!(
            (steps(&file), file.refusals.len()),
            (vec!["[create table a ()]".to_owned()], 0)
        );
        assert_eq!(file.recorded(), ["-- a\nbegin", "create table a ()", "commit"]);
        assert_eq!(read("begin; create table a (); commit and chain;").refusals.len(), 2);
    }

    #[test]
    fn what_is_no_sql_is_refused_with_its_place() {
        for (text, why, at) in [
            ("select 1;\n\\set x 1\n", Why::Psql, "\\set x 1"),
            ("select {{ x }};", Why::Templated, "{{ x }}"),
            ("copy t to stdout;", Why::CopyOut, "copy t to stdout"),
            ("prepare transaction 'x';", Why::TwoPhase, "prepare transaction 'x'"),
        ] {
            let file = read(text);
            let refusal = &file.refusals[0];
            assert_eq!((refusal.why, refusal.span.slice(text)), (why, at));
        }
        assert!(
            read("select 'a")
                .refusals
                .iter()
                .any(|refusal| refusal.why == Why::Unreadable)
        );
    }
}
