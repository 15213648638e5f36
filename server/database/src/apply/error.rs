//! Why a migration was not applied, and what is there all the same.

use analysis::text::Span;
use serde::Serialize;

use crate::archive::ArchiveError;
use crate::connection::{ConnectError, ServerError};
use crate::lock::{Holder, LockError};
use crate::plan::{File, PlanError, Statement};
use crate::preflight::Checklist;
use crate::shadow::ShadowError;
use crate::snapshot::SnapshotError;

/// A statement that the server refused. Nothing of its transaction is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatementError {
    /// File name.
    pub file: String,
    /// Path as people shall see it.
    pub path: String,
    /// The statement in the file.
    #[serde(skip)]
    pub span: Span,
    /// The byte in the file that the server points at; the statement's first where it points at none.
    pub offset: u32,
    /// What the server said.
    #[serde(flatten)]
    pub error: ServerError,
    /// Whether steps before it have stayed, because the file is not one transaction.
    pub partial: bool,
}

impl StatementError {
    pub(super) fn new(file: &File, statement: Statement, error: ServerError) -> Self {
        let inside = error
            .byte_offset
            .and_then(|offset| u32::try_from(offset).ok())
            .unwrap_or_default();
        let is_first = file
            .steps
            .first()
            .is_some_and(|step| step.statements().contains(&statement));
        Self {
            file: file.file.clone(),
            path: file.path.clone(),
            span: statement.span,
            offset: (statement.span.start + inside).min(statement.span.end.max(statement.span.start)),
            partial: !is_first && !file.is_atomic(),
            error,
        }
    }
}

/// Why a migration was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// No session.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Another dblsp is at work.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A statement of our own was refused.
    #[error("a statement of dblsp itself failed: {0}")]
    Server(#[from] ServerError),
    /// The options make no sense with these files.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Something on the checklist is not as it should be. Nothing was written.
    #[error("{}", .0.failures().map(|item| format!("{}: {}", item.name, item.verdict)).collect::<Vec<_>>().join("; "))]
    Preflight(Checklist),
    /// No snapshot, so nothing was applied.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// No throw-away server.
    #[error(transparent)]
    Shadow(#[from] ShadowError),
    /// Rows that a statement destroys cannot be kept.
    #[error("{file}: {error}")]
    Archive {
        /// File name.
        file: String,
        /// Why.
        error: ArchiveError,
    },
    /// A statement failed.
    #[error("{}: {}", .0.file, .0.error)]
    Statement(StatementError),
    /// A lock was not to be had.
    #[error("{}: no lock after {attempts} attempts; {}", .error.file, holder.as_ref().map_or_else(|| "nobody was seen holding it".to_owned(), |holder| format!("{holder} holds it")))]
    Locked {
        /// How many.
        attempts: u32,
        /// Who has it.
        holder: Option<Holder>,
        /// The statement that waited.
        error: StatementError,
    },
    /// Somebody cancelled. What was not committed is not there.
    #[error("{file}: cancelled; what was not committed is rolled back")]
    Cancelled {
        /// File name.
        file: String,
    },
    /// The connection went away before a COMMIT was sent, or the server says that it did not arrive.
    #[error("{file}: the connection was lost ({error}); what was not committed is rolled back")]
    Lost {
        /// File name.
        file: String,
        /// How.
        error: ServerError,
    },
    /// The session that held the lock went away.
    #[error("{file}: the session that keeps other appliers out was lost; rolled back")]
    LockLost {
        /// File name.
        file: String,
    },
    /// The connection went away at COMMIT, and nobody could be asked.
    #[error("{file}: the connection was lost at COMMIT, and the server cannot be asked whether it arrived: {error}")]
    Unknown {
        /// File name.
        file: String,
        /// How.
        error: String,
    },
    /// An earlier apply ended inside a statement that leaves no trace to go by.
    #[error(
        "{file}: an earlier apply ended inside a statement that runs outside of a transaction, and nothing tells whether it took effect: {statement}"
    )]
    Undecided {
        /// File name.
        file: String,
        /// The statement.
        statement: String,
    },
    /// The file is not the one whose first steps are there.
    #[error("{file}: {done} of its steps are in the database, and the file was changed since")]
    Changed {
        /// File name.
        file: String,
        /// How many.
        done: u32,
    },
}

impl ApplyError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Connect(error) => error.hint().into(),
            Self::Lock(LockError::Connect(error)) => error.hint().into(),
            Self::Lock(_) => "wait until it is done; a session that hangs is ended with `pg_terminate_backend`".into(),
            Self::Server(_) => "the role needs CREATE on the database, and must own the schemas `dblsp` and `supabase_migrations`".into(),
            Self::Plan(error) => error.hint().into(),
            Self::Preflight(_) => "mend what failed; nothing was written".into(),
            Self::Snapshot(error) => error.hint().into(),
            Self::Shadow(error) => error.hint().into(),
            Self::Archive { error, .. } => error.hint().into(),
            Self::Statement(error) if error.partial => {
                "the steps before it are in the database and in the journal; mend the statement's cause, not the file, and apply again".into()
            }
            Self::Statement(error) => error.error.hint.as_ref().map_or_else(
                || "nothing of the file is in the database; mend it and apply again".to_owned(),
                |hint| format!("{hint} (nothing of the file is in the database)"),
            ),
            Self::Locked { .. } => "end that session or wait for it, and apply again".into(),
            Self::Cancelled { .. } | Self::LockLost { .. } => "apply again".into(),
            Self::Lost { .. } => "see that the server runs, and apply again".into(),
            Self::Unknown { .. } => "apply again once the server answers: its history tells whether the migration is there".into(),
            Self::Undecided { .. } => {
                "look for yourself; then `dblsp mark applied VERSION` if all of the file is there, or undo what is there and `dblsp mark reverted VERSION`".into()
            }
            Self::Changed { .. } => {
                "bring the file back to what was applied, or finish by hand and `dblsp mark applied VERSION`".into()
            }
        }
    }

    /// The statement of a file that it is about.
    pub fn statement(&self) -> Option<&StatementError> {
        match self {
            Self::Statement(error) | Self::Locked { error, .. } => Some(error),
            _ => None,
        }
    }
}
