//! Runs a migration and its rollback as `apply` and `rollback` do, on a database that nobody else has.

use std::time::Duration;

use analysis::proof::Verdict;
use analysis::text::Span;

use super::{ProveError, Refused};
use crate::archive::{self, ArchiveError, Losses, Purpose};
use crate::capture::Readers;
use crate::connection::{Connection, ServerError};
use crate::extensions::rewrite;
use crate::history;
use crate::journal::{self, NewRun, Verb};
use crate::plan::{File, Statement, Step};
use crate::rollback::wants_rows;
use crate::warm::Lease;

/// Sessions on one database: of the role that migrations run as, and of the superuser, who only looks.
pub(super) struct Bench {
    pub(super) worker: Worker,
    pub(super) readers: Readers,
}

/// The session that migrations run in.
pub(super) struct Worker {
    session: Connection,
}

/// Why it did not come to its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// A statement was refused.
    Statement {
        part: Part,
        statement: Statement,
        text: std::sync::Arc<str>,
        error: ServerError,
    },
    /// Rows could not be kept or put back.
    Archive {
        part: Part,
        statement: Option<Statement>,
        error: ArchiveError,
    },
    /// A statement of our own was refused.
    Server(ServerError),
}

/// What was being run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Migration,
    Rollback,
    Again,
}

impl From<ServerError> for Stop {
    fn from(error: ServerError) -> Self {
        Self::Server(error)
    }
}

impl Bench {
    pub(super) async fn open(lease: &Lease, database: &str, limit: Duration) -> Result<Self, ProveError> {
        let (worker, one, other) = tokio::try_join!(
            Worker::open(lease, database, limit),
            lease.harness(database),
            lease.harness(database)
        )?;
        let readers = Readers::new([one, other]);
        Ok(Self { worker, readers })
    }

    pub(super) async fn close(self) {
        self.worker.close().await;
        self.readers.close().await;
    }

    /// Applies a migration for the first time, while the server plans what it will be asked afterwards.
    pub(super) async fn apply_first(&mut self, file: &File, losses: &Losses) -> Result<i64, Stop> {
        let (run, planned) = tokio::join!(self.worker.apply(file, losses), self.readers.plan());
        planned?;
        run
    }
}

impl Worker {
    pub(super) async fn open(lease: &Lease, database: &str, limit: Duration) -> Result<Self, ServerError> {
        let session = lease.migrator(database, limit).await?;
        Ok(Self { session })
    }

    /// The server's process.
    pub(super) fn backend(&self) -> i32 {
        self.session.backend()
    }

    pub(super) async fn close(self) {
        self.session.close().await;
    }

    /// Applies a migration, and keeps the rows that it destroys; the run that they are kept under.
    pub(super) async fn apply(&mut self, file: &File, losses: &Losses) -> Result<i64, Stop> {
        let run = journal::start(
            &mut self.session,
            &NewRun {
                version: &file.version,
                file: &file.file,
                verb: Verb::Apply,
                environment: "proof",
                who: "dblsp",
                checksum: &file.checksum,
                confirmations: &[],
            },
        )
        .await?;
        for (at, step) in file.steps.iter().enumerate() {
            self.reset().await?;
            for setting in file.session_before(at) {
                self.send(Part::Migration, file, Statement::default(), setting).await?;
            }
            let wrapped = matches!(step, Step::Transaction { .. });
            if wrapped {
                self.session.execute("BEGIN").await?;
            }
            for statement in step.statements() {
                for loss in archive::of_statement(losses, statement.span) {
                    archive::keep(&mut self.session, run, &file.version, loss, Purpose::PutBack)
                        .await
                        .map_err(|error| Stop::archive(Part::Migration, Some(*statement), error))?;
                }
                self.statement(Part::Migration, file, *statement).await?;
            }
            if wrapped {
                self.commit(Part::Migration, file, step).await?;
            }
        }
        self.reset().await?;
        self.session
            .execute(&history::upsert(&file.version, &file.name, &[]))
            .await?;
        Ok(run)
    }

    /// Runs the script that undoes a migration, and puts the rows back that it destroyed.
    pub(super) async fn roll_back(&mut self, script: &File, run: i64, is_ours: bool) -> Result<(), Stop> {
        let last = script.steps.len().saturating_sub(1);
        // Other tools run their scripts in a session as it comes.
        let path = if is_ours { "SET LOCAL search_path = ''" } else { "" };
        let alone = if is_ours { "SET search_path = ''" } else { "" };
        self.reset().await?;
        for (at, step) in script.steps.iter().enumerate() {
            let wrapped = matches!(step, Step::Transaction { .. });
            self.session
                .execute(&if wrapped {
                    format!("BEGIN; {path}")
                } else {
                    alone.to_owned()
                })
                .await?;
            for statement in step.statements() {
                if wants_rows(&script.text, statement.span.start) {
                    archive::put_back_columns(&mut self.session, run)
                        .await
                        .map_err(|error| Stop::archive(Part::Rollback, Some(*statement), error))?;
                }
                self.statement(Part::Rollback, script, *statement).await?;
            }
            if wrapped && at == last {
                self.put_back(script, run).await?;
            }
            if wrapped {
                self.commit(Part::Rollback, script, step).await?;
            }
        }
        if !matches!(script.steps.last(), Some(Step::Transaction { .. })) {
            self.session.execute("BEGIN").await?;
            self.put_back(script, run).await?;
            self.session.execute("COMMIT").await?;
        }
        self.reset().await
    }

    async fn put_back(&mut self, script: &File, run: i64) -> Result<(), Stop> {
        self.session.execute("RESET ROLE; SET LOCAL search_path = ''").await?;
        archive::put_back(&mut self.session, run)
            .await
            .map_err(|error| Stop::archive(Part::Rollback, None, error))?;
        self.session.execute(&history::delete(&script.version)).await?;
        Ok(())
    }

    async fn statement(&mut self, part: Part, file: &File, statement: Statement) -> Result<(), Stop> {
        let sql = statement.span.slice(&file.text);
        let Some(data) = statement.data else {
            return self.send(part, file, statement, sql).await;
        };
        let lines = data.slice(&file.text).trim_end_matches(['\r', '\n']);
        let lines = lines.strip_suffix("\\.").unwrap_or(lines);
        let done = self.session.copy_in(sql, lines).await;
        done.map(drop)
            .map_err(|error| Stop::statement(part, file, statement, error))
    }

    async fn send(&mut self, part: Part, file: &File, statement: Statement, sql: &str) -> Result<(), Stop> {
        let done = self.session.execute(&rewrite(sql)).await;
        self.session.take_notices();
        done.map_err(|error| Stop::statement(part, file, statement, error))
    }

    async fn commit(&mut self, part: Part, file: &File, step: &Step) -> Result<(), Stop> {
        let last = step.statements().last().copied().unwrap_or_default();
        let done = self.session.execute("COMMIT").await;
        done.map_err(|error| Stop::statement(part, file, last, error))
    }

    async fn reset(&mut self) -> Result<(), Stop> {
        Ok(self
            .session
            .execute("ROLLBACK; RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL")
            .await?)
    }
}

impl Stop {
    fn statement(part: Part, file: &File, statement: Statement, error: ServerError) -> Self {
        Self::Statement {
            part,
            statement,
            text: file.text.clone(),
            error,
        }
    }

    fn archive(part: Part, statement: Option<Statement>, error: ArchiveError) -> Self {
        Self::Archive { part, statement, error }
    }

    /// The same, said of the second time that the migration was applied.
    pub(super) fn again(mut self) -> Self {
        match &mut self {
            Self::Statement { part, .. } | Self::Archive { part, .. } => *part = Part::Again,
            Self::Server(_) => {}
        }
        self
    }

    pub(super) fn error(&self) -> Option<&ServerError> {
        match self {
            Self::Statement { error, .. } | Self::Server(error) => Some(error),
            Self::Archive { error, .. } => match error {
                ArchiveError::Refused { error, .. } | ArchiveError::Server(error) => Some(error),
                _ => None,
            },
        }
    }

    /// Whether it was stopped for taking too long.
    pub(super) fn is_timeout(&self) -> bool {
        self.error().is_some_and(ServerError::is_cancelled)
    }

    /// The verdict, and why.
    pub(super) fn meaning(&self, migration: &str, script: &str) -> (Verdict, String) {
        let (Self::Statement { part, .. } | Self::Archive { part, .. }) = self else {
            return (Verdict::Unverifiable, "the throw-away server failed".into());
        };
        let place = match part {
            Part::Migration => format!("`{migration}` fails"),
            Part::Rollback => format!("`{script}` fails"),
            Part::Again => format!("`{migration}` cannot be applied again after its rollback"),
        };
        if let Self::Archive { error, .. } = self
            && !matches!(error, ArchiveError::Server(_) | ArchiveError::Refused { .. })
        {
            return (Verdict::Incomplete, error.to_string());
        }
        let Some(error) = self.error() else {
            return (Verdict::Fails, place);
        };
        match beyond_the_server(error) {
            Some(why) => (Verdict::Unverifiable, why),
            None => (Verdict::Fails, format!("{place}: {error}")),
        }
    }

    /// The statement that was refused.
    pub(super) fn refused(&self) -> Option<Refused> {
        let error = self.error()?;
        let (part, statement, text) = match self {
            Self::Statement {
                part, statement, text, ..
            } => (*part, *statement, Some(text)),
            Self::Archive { part, statement, .. } => (*part, statement.unwrap_or_default(), None),
            Self::Server(_) => return None,
        };
        let span = match (text, error.byte_offset) {
            (Some(text), Some(offset)) => word(text, statement.span, offset),
            _ => statement.span,
        };
        let detail = error
            .detail
            .as_deref()
            .map(|detail| format!("\n{detail}"))
            .unwrap_or_default();
        Some(Refused {
            in_rollback: part == Part::Rollback,
            span: [span.start, span.end],
            sqlstate: error.sqlstate.clone(),
            message: format!("{}{detail}", error.message),
            hint: error.hint.as_deref().map(str::to_owned),
        })
    }
}

/// What this server cannot do and another one may: its answer says nothing about the migration.
pub(super) fn beyond_the_server(error: &ServerError) -> Option<String> {
    let message = &error.message;
    if error.sqlstate == "0A000"
        && let Some(name) = message
            .strip_prefix("extension \"")
            .and_then(|rest| rest.split('"').next())
    {
        return Some(format!("needs {name}"));
    }
    if error.is_cancelled() {
        return Some("a statement took longer than a throw-away server waits".into());
    }
    let is_disk = matches!(error.sqlstate.as_str(), "53100" | "53200" | "53400");
    if is_disk {
        return Some(format!("it takes more than a throw-away server has: {message}"));
    }
    let is_file = [
        "pg_execute_server_program",
        "pg_read_server_files",
        "pg_write_server_files",
    ]
    .iter()
    .any(|role| message.contains(role));
    let is_right = error.sqlstate == "42501" && !message.contains("row-level security");
    (is_file || is_right).then(|| format!("needs rights that the throw-away server gives nobody: {message}"))
}

/// The word at a byte of a statement.
fn word(text: &str, statement: Span, offset: usize) -> Span {
    let start = statement.start as usize + offset;
    let end = statement.end as usize;
    if start >= end || !text.is_char_boundary(start) {
        return statement;
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '"';
    let rest = &text[start..end];
    let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
    let first = rest.chars().next().map_or(1, char::len_utf8);
    Span::new(start, start + length.max(first))
}
