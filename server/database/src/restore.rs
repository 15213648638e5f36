//! Restores a snapshot: for emergencies, since a snapshot holds no rows. What is in the project's schemas is destroyed and
//! made anew as the snapshot has it, in one transaction, after a full dump of everything that is there.
//!
//! Writers are kept out from before the dump until the end, so that no row is lost that the dump has not. Killed at any
//! moment, all of it happened or nothing; the journal says which, and the same command goes on from that.

#![allow(
    clippy::result_large_err,
    reason = "an error ends the restore; there is one, and its parts are shown"
)]

mod clear;
mod error;
mod prospect;
mod record;
mod source;
mod work;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use analysis::history::History;
use project::local;
use serde::Serialize;

use crate::address::Address;
use crate::environment::Target;
use crate::event::Tell;
use crate::journal::Confirmation;
use crate::lock::Lock;
use crate::snapshot;

pub use error::RestoreError;
pub use prospect::{Prospect, Table};
pub use source::Source;

use work::Work;

/// Where full dumps go, in the project's own folder that git ignores.
const BACKUPS: &str = "backups";

/// What is to be restored, where, and who wants it.
pub struct Request<'a> {
    /// Where.
    pub target: &'a Target,
    /// Its address.
    pub address: &'a Address,
    /// What is restored.
    pub source: &'a Source,
    /// The files.
    pub history: &'a History,
    /// The newest migration that the snapshot holds, where its name does not say.
    pub last: Option<String>,
    /// What somebody typed as the name of the database that is destroyed.
    pub typed: String,
    /// Where the full dump goes. Must not be there.
    pub backup: PathBuf,
    /// Folders to look for PostgreSQL's programs in, beside the usual ones.
    pub tools: Vec<PathBuf>,
    /// Also where the outcome is not what there was when the snapshot was taken.
    pub accept_differences: bool,
    /// Who wants it, for people.
    pub who: String,
    /// What was confirmed.
    pub confirmations: Vec<Confirmation>,
    /// `MIGRATIONS.md`, where the project keeps one.
    pub page: Option<PathBuf>,
    /// How long to wait for another verb to be done.
    pub patience: Duration,
    /// How long to wait for a lock on a table.
    pub lock_timeout: Duration,
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Environment and address.
    pub target: String,
    /// The snapshot.
    pub snapshot: String,
    /// The full dump of what there was.
    pub backup: String,
    /// Relations of the platform that are not in the full dump, because the role may not read them.
    pub not_in_backup: Vec<String>,
    /// Whether an earlier restore had been interrupted after all was there, so that only its end was left to do.
    pub resumed: bool,
    /// Migrations that are not applied any more.
    pub undone: Vec<String>,
    /// Migrations that are applied again.
    pub redone: Vec<String>,
    /// Columns of kept rows whose values do not fit their types any more; they are text now.
    pub became_text: Vec<String>,
    /// Why nothing was compared before the commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unverified: Option<String>,
    /// In what a snapshot of now differs from the one that was restored.
    pub differences: Vec<String>,
    /// How long the database was being changed.
    pub milliseconds: u64,
}

/// Where the full dump of an environment's database goes.
pub fn backup_path(root: &Path, environment: &str, now: SystemTime) -> io::Result<PathBuf> {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' || c == '_' {
            c
        } else {
            '_'
        }
    };
    let environment: String = environment.chars().map(plain).collect();
    let folder = local::folder(root)?.join(BACKUPS);
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let named = |since: u64| folder.join(format!("{environment}_{}.dump", project::name::timestamp(since)));
    let mut since = since;
    while named(since).exists() {
        since += 1;
    }
    Ok(named(since))
}

/// What restoring would destroy. Looks, and touches nothing.
pub async fn look(request: &Request<'_>) -> Result<Prospect, RestoreError> {
    let mut work = Work::open(request, "dblsp restore", &()).await?;
    let found = work.look().await;
    work.connection.close().await;
    found
}

/// Restores the snapshot.
pub async fn restore(request: &Request<'_>, tell: &dyn Tell) -> Result<Report, RestoreError> {
    if request.typed != request.address.database {
        return Err(RestoreError::WrongName {
            typed: request.typed.clone(),
            name: request.address.database.clone(),
        });
    }
    if request.target.protected && !request.target.restore {
        return Err(RestoreError::Protected(request.target.to_string()));
    }
    let application = format!("dblsp restore ({})", request.who);
    let lock = Lock::acquire(request.address, &application, request.patience, tell).await?;
    let mut work = Work::open(request, &application, tell).await?;
    let done = work.run().await;
    work.connection.close().await;
    lock.release().await;
    done
}

impl From<io::Error> for snapshot::SnapshotError {
    fn from(error: io::Error) -> Self {
        Self::NotRun(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_dump_is_written_over_another() {
        let root = tempfile::tempdir().expect("a folder");
        let now = UNIX_EPOCH + Duration::from_hours(490_000);
        let first = backup_path(root.path(), "live/../x y", now).expect("a path");
        let name = first.file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(name.starts_with("live____x_y_2025"), "{name}");
        assert_eq!(first.extension(), Some("dump".as_ref()));
        std::fs::create_dir_all(first.parent().expect("a folder")).expect("created");
        std::fs::write(&first, "").expect("written");
        assert_ne!(backup_path(root.path(), "live/../x y", now).expect("a path"), first);
    }
}
