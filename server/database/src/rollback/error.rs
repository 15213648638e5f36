//! Why a rollback did not happen.

use crate::archive::{ArchiveError, NotArchivable};
use crate::capture::{Difference, Name};
use crate::connection::{ConnectError, ServerError};
use crate::lock::LockError;
use crate::plan::Refusal;

/// Why nothing was undone, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum RollbackError {
    /// No session.
    #[error(transparent)]
    Connect(Box<ConnectError>),
    /// Somebody else is at work.
    #[error(transparent)]
    Lock(Box<LockError>),
    /// No migration of that version.
    #[error("there is no migration `{0}`")]
    Unknown(String),
    /// It is not there.
    #[error("`{0}` is not applied")]
    NotApplied(String),
    /// There is no script.
    #[error("`{file}` has no rollback script: `{}` is missing", path.as_deref().unwrap_or("a file for it"))]
    NoScript {
        /// The migration.
        file: String,
        /// Where it would be.
        path: Option<String>,
    },
    /// The script cannot be run as it is.
    #[error("`{script}`: {}", .refusals.first().map_or("it cannot be run", |refusal| refusal.why.message()))]
    Refused {
        /// The script.
        script: String,
        /// What is in the way.
        refusals: Vec<Refusal>,
    },
    /// Later migrations changed the same objects.
    #[error("`{version}` is not the latest, and `{later}` changed the same objects: {}", names(.shared))]
    NotLatest {
        /// The migration.
        version: String,
        /// One that came later.
        later: String,
        /// What both changed.
        shared: Vec<Name>,
    },
    /// Nobody kept what there was.
    #[error("what `{version}` changed was not kept{}, so its rollback cannot be checked", .why)]
    NotKept {
        /// The migration.
        version: String,
        /// Whose, or why.
        why: String,
    },
    /// Something else changed what the migration made.
    #[error("something else changed what `{version}` made:\n{}", listed(.differences))]
    Changed {
        /// The migration.
        version: String,
        /// From what the migration left to what is there.
        differences: Vec<Difference>,
    },
    /// The script destroys rows that cannot be kept.
    #[error("`{script}` destroys rows that cannot be kept: {}", .reasons.iter().map(|not| not.reason.as_str()).collect::<Vec<_>>().join("; "))]
    DataLoss {
        /// The script.
        script: String,
        /// Why.
        reasons: Vec<NotArchivable>,
    },
    /// Rows could not be kept or put back.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A statement of the script failed.
    #[error("`{script}` line {line}: {error}")]
    Statement {
        /// The script.
        script: String,
        /// From 1.
        line: usize,
        /// What the server says.
        error: ServerError,
    },
    /// Afterwards the database was not what it was before the migration, so all was taken back.
    #[error("after `{script}` the database is not what it was before `{version}`:\n{}", listed(.differences))]
    Differs {
        /// The script.
        script: String,
        /// The migration.
        version: String,
        /// From what there was before the migration to what the script leaves.
        differences: Vec<Difference>,
    },
    /// The connection was lost at COMMIT, and the server cannot be asked what became of it.
    #[error("the connection was lost at COMMIT, and whether `{0}` was undone is not known")]
    CommitUnknown(String),
    /// The server refused something.
    #[error(transparent)]
    Server(#[from] ServerError),
}

impl RollbackError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Connect(error) => error.hint().into(),
            Self::Lock(_) => "wait until it is done, or end that session".into(),
            Self::Unknown(_) | Self::NotApplied(_) => "`dblsp status` lists what is applied".into(),
            Self::NoScript { .. } => "write it; `dblsp scaffold rollback` drafts one".into(),
            Self::Refused { refusals, .. } => refusals.first().map_or("mend it", |refusal| refusal.why.hint()).into(),
            Self::NotLatest { later, .. } => format!("undo `{later}` first, or use `--to-before`"),
            Self::NotKept { .. } => {
                "add `--accept-unverified` to run the script without comparing what it leaves".into()
            }
            Self::Changed { .. } => "put those objects back to what the migration left, then try again".into(),
            Self::DataLoss { .. } => "export the rows, then add `--accept-data-loss`".into(),
            Self::Archive(error) => error.hint().into(),
            Self::Statement { .. } => "nothing was changed; mend the script".into(),
            Self::Differs { .. } => "nothing was changed; mend the script so that it undoes all of it".into(),
            Self::CommitUnknown(_) => "run the same command again: it looks first".into(),
            Self::Server(_) => "nothing was changed".into(),
        }
    }
}

fn names(names: &[Name]) -> String {
    let names: Vec<String> = names
        .iter()
        .map(|(class, identity)| format!("{class} {identity}"))
        .collect();
    names.join(", ")
}

fn listed(differences: &[Difference]) -> String {
    let lines: Vec<String> = differences.iter().map(|difference| format!("  {difference}")).collect();
    lines.join("\n")
}

impl From<ConnectError> for RollbackError {
    fn from(error: ConnectError) -> Self {
        Self::Connect(Box::new(error))
    }
}

impl From<LockError> for RollbackError {
    fn from(error: LockError) -> Self {
        Self::Lock(Box::new(error))
    }
}
