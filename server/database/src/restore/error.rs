//! Why nothing was restored.

use crate::capture::Difference;
use crate::connection::{ConnectError, ServerError};
use crate::lock::LockError;
use crate::snapshot::{ClientError, SnapshotError};

/// Why nothing was restored. Unless it says otherwise, nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It cannot be restored from.
    #[error("`{path}` cannot be restored: {why}")]
    Unfit {
        /// The file.
        path: String,
        /// Why.
        why: &'static str,
    },
    /// Its name does not say which migrations it holds.
    #[error("the name of `{0}` does not say which migrations it holds")]
    NoVersion(String),
    /// It holds a migration of which there is no file to record.
    #[error("`{path}` holds `{version}`, which the history has not, and there is no file to record it from")]
    NoFile {
        /// The snapshot.
        path: String,
        /// The migration.
        version: String,
    },
    /// The settings do not allow it.
    #[error("{0} is protected, and the settings do not allow to restore it")]
    Protected(String),
    /// What was typed is not the database's name.
    #[error("`{typed}` is not the name of the database that would be destroyed, `{name}`")]
    WrongName {
        /// What somebody typed.
        typed: String,
        /// What it is called.
        name: String,
    },
    /// Nothing to take the full dump with.
    #[error("there is nothing to take a full dump with, and nothing is restored without one: {0}")]
    NoClient(#[from] ClientError),
    /// The full dump failed.
    #[error("the full dump failed, and nothing is restored without one: {0}")]
    Backup(SnapshotError),
    /// No session.
    #[error(transparent)]
    Connect(Box<ConnectError>),
    /// Somebody else is at work.
    #[error(transparent)]
    Lock(Box<LockError>),
    /// Somebody made a table while the dump was taken, and it would be lost.
    #[error("`{0}` was made while the full dump was being taken, so it is not in it")]
    Meanwhile(String),
    /// A statement failed.
    #[error("{error}, at `{statement}`")]
    Statement {
        /// The beginning of it.
        statement: String,
        /// What the server says.
        error: ServerError,
    },
    /// What the snapshot makes is not what there was.
    #[error("`{path}` does not make what was there when it was taken:\n{}", listed(.differences))]
    Differs {
        /// The snapshot.
        path: String,
        /// From what there was to what there would be.
        differences: Vec<Difference>,
    },
    /// The connection was lost at COMMIT, and the server cannot be asked what became of it.
    #[error("the connection was lost at COMMIT, and whether the snapshot was restored is not known")]
    CommitUnknown,
    /// The server refused something.
    #[error(transparent)]
    Server(#[from] ServerError),
}

impl RestoreError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unfit { .. } => "name a file of the snapshots' folder".into(),
            Self::NoVersion(_) => "say which is the newest, with `--last TIMESTAMP`".into(),
            Self::NoFile { .. } => "put the migration's file back, or name another snapshot".into(),
            Self::Protected(_) => {
                "add `restore = true` to the environment in dblsp.toml if that is what you want".into()
            }
            Self::WrongName { name, .. } => format!("add `--yes-destroy {name}` if that is what you want"),
            Self::NoClient(error) => error.hint().into(),
            Self::Backup(error) => error.hint().into(),
            Self::Connect(error) => error.hint().into(),
            Self::Lock(_) => "wait until it is done, or end that session".into(),
            Self::Meanwhile(_) => "nothing was changed; keep others out and try again".into(),
            Self::Statement { error, .. } if error.is_lock_timeout() => {
                "nothing was changed; end the sessions that hold locks, or wait longer with `--lock-timeout`".into()
            }
            Self::Statement { .. } => "nothing was changed; the full dump is where it was announced".into(),
            Self::Differs { .. } => {
                "nothing was changed; add `--accept-differences` to have it as the snapshot makes it".into()
            }
            Self::CommitUnknown => "run the same command again: it looks first".into(),
            Self::Server(_) => "nothing was changed".into(),
        }
    }
}

fn listed(differences: &[Difference]) -> String {
    let lines: Vec<String> = differences.iter().map(|difference| format!("  {difference}")).collect();
    lines.join("\n")
}

impl From<ConnectError> for RestoreError {
    fn from(error: ConnectError) -> Self {
        Self::Connect(Box::new(error))
    }
}

impl From<LockError> for RestoreError {
    fn from(error: LockError) -> Self {
        Self::Lock(Box::new(error))
    }
}
