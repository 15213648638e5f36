//! What each statement of a migration really does to the tables that others use, measured on a throw-away PostgreSQL:
//! the locks that it takes, the tables that it writes anew, reads from end to end, or builds indexes on.
//!
//! Locks, heap files and scans are read from the server's catalogs around every statement, the rest from its own log.
//! The tables are empty, so what is measured is what happens and not for how long.

mod alone;
mod compare;
mod log;
mod look;
mod page;
mod report;
mod run;
mod subject;
pub mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use analysis::schema::cost::LockMode;
use analysis::schema::objects::Id;
use analysis::text::Span;
use tokio_util::sync::CancellationToken;

pub use compare::{Aspect, Disagreement, Prediction, disagreements, predict};
pub use page::page;
pub use report::{Hold, Queue, Report, Row};
pub use subject::{ReportError, ending_with, report};

use crate::connection::ServerError;
use crate::plan::{File, Why};
use crate::shadow::Database;

/// How long a statement may take on empty tables.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// One statement, the wait for its locks included.
    pub statement: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            statement: Duration::from_mins(1),
        }
    }
}

/// Why there is no trace.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file holds something that no server can run.
    #[error("{}", .why.message())]
    Refused {
        /// Where.
        span: Span,
        /// Why.
        why: Why,
    },
    /// The server is gone, or refuses what only looks.
    #[error("the throw-away server: {0}")]
    Server(#[from] ServerError),
    /// The server's log cannot be read.
    #[error("the throw-away server's log cannot be read: {0}")]
    Log(#[from] io::Error),
    /// There is nothing to trace.
    #[error("the file holds no statement")]
    Empty,
    /// Somebody stopped it.
    #[error("stopped")]
    Cancelled,
}

impl TraceError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Refused { why, .. } => why.hint(),
            Self::Server(_) => "try again, or another server with DBLSP_PG_BIN",
            Self::Log(_) => "see that the temporary folder is writable and not full",
            Self::Empty => "write one",
            Self::Cancelled => "nothing but the throw-away server was touched",
        }
    }
}

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// `server_version_num`: 150018 of 15.18.
    pub server: u32,
    /// In the order of the file.
    pub statements: Vec<Statement>,
}

impl Trace {
    /// The statement that ended it, with what went wrong.
    pub fn failure(&self) -> Option<(&Statement, &Failure)> {
        self.statements.iter().find_map(|statement| match &statement.outcome {
            Outcome::Failed(failure) => Some((statement, failure)),
            _ => None,
        })
    }
}

/// What a statement did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Where it stands in the file, without the semicolon.
    pub span: Span,
    /// Number of the transaction that it runs in, from 0.
    pub transaction: usize,
    /// Whether it commits by itself, because PostgreSQL refuses it in a transaction.
    pub is_alone: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took on empty tables.
    pub duration: Duration,
    /// What it did to relations that were there before its transaction.
    pub measured: Measured,
}

/// How a statement ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It ran.
    Ran,
    /// The server refused it.
    Failed(Failure),
    /// One before it failed.
    NotReached,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What the server said.
    pub error: ServerError,
    /// Byte in the file, where the server names a place.
    pub byte: Option<u32>,
    /// Whether it was stopped because it took too long.
    pub is_late: bool,
    /// Whether the statement ran and the COMMIT behind it failed.
    pub at_commit: bool,
}

/// What a statement did to relations that were there before its transaction, by the names that they had before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measured {
    /// The strongest new lock on each table, view, materialized view and sequence, where none as strong was held.
    pub locks: BTreeMap<Id, LockMode>,
    /// The same of indexes.
    pub index_locks: BTreeMap<Id, LockMode>,
    /// What the transaction had locked before.
    pub held: BTreeMap<Id, LockMode>,
    /// Tables and materialized views with a new heap.
    pub rewrites: BTreeSet<Id>,
    /// Tables of which all rows were read to check something.
    pub scans: BTreeSet<Id>,
    /// Tables that a query read, from end to end or by an index: with many rows it may be either.
    pub queried: BTreeSet<Id>,
    /// Tables with the indexes that were built on them.
    pub builds: BTreeMap<Id, BTreeSet<String>>,
    /// What the server said of scans that it could spare itself.
    pub spared: Vec<String>,
}

/// Runs a file on a throw-away database that holds what comes before it. The server must be one that writes down what
/// its statements do: [`crate::shadow::Log::Debug`]. What is predicted tells where to look closely.
pub async fn trace(
    database: &Database,
    file: &File,
    predictions: &BTreeMap<Span, Prediction>,
    limits: Limits,
    cancel: &CancellationToken,
) -> Result<Trace, TraceError> {
    if let Some(refusal) = file.refusals.first() {
        return Err(TraceError::Refused {
            span: refusal.span,
            why: refusal.why,
        });
    }
    run::Tracer::open(database, predictions, limits, cancel)
        .await?
        .run(file)
        .await
}
