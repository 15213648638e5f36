//! Corrects the record of what is applied, and nothing else in the database.

use std::time::Duration;

use analysis::history::History;

use crate::address::Address;
use crate::connection::{Connection, ServerError};
use crate::environment::Target;
use crate::history;
use crate::journal::{self, NewRun, State, Update, Verb};
use crate::lock::{Lock, LockError};
use crate::plan;

/// What the record shall say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The migration is there, as its file is now.
    Applied,
    /// The migration is not there.
    Reverted,
}

/// Why the record was not changed.
#[derive(Debug, thiserror::Error)]
pub enum MarkError {
    /// Only a file can say what was applied.
    #[error("no migration has version {0}")]
    NoSuchFile(String),
    /// There is nothing to take back.
    #[error("{0} is not recorded as applied")]
    NotApplied(String),
    /// No session, or another dblsp is at work.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The server refused.
    #[error(transparent)]
    Server(#[from] ServerError),
}

impl MarkError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoSuchFile(_) | Self::NotApplied(_) => "`dblsp status` lists versions",
            Self::Lock(LockError::Connect(error)) => error.hint(),
            Self::Lock(_) => "wait until it is done",
            Self::Server(_) => "the role must own the schemas `dblsp` and `supabase_migrations`",
        }
    }
}

/// Records a migration as applied or as not applied; one transaction with the journal.
pub async fn mark(
    files: &History,
    target: &Target,
    address: &Address,
    version: &str,
    what: What,
    who: &str,
) -> Result<(), MarkError> {
    let all = plan::Options {
        only: None,
        release: true,
        segments: true,
    };
    let plan = plan::plan(files, &[], &[], &all).expect("without a choice of file there is always a plan");
    let file = plan.files.iter().find(|file| file.version == version);
    if file.is_none() && what == What::Applied {
        return Err(MarkError::NoSuchFile(version.to_owned()));
    }
    let lock = Lock::acquire(address, "dblsp mark", Duration::from_secs(10), &()).await?;
    let mut connection = Connection::connect(address, "dblsp mark")
        .await
        .map_err(LockError::from)?;
    let rows = history::read(&mut connection).await?;
    let row = rows.iter().find(|row| row.version == version);
    let runs = journal::runs(&mut connection).await?;
    if what == What::Reverted && row.is_none() && plan::interrupted(&runs, version).is_none() {
        return Err(MarkError::NotApplied(version.to_owned()));
    }
    journal::install(&mut connection).await?;
    let change = match (what, file) {
        (What::Applied, Some(file)) => history::upsert(&file.version, &file.name, &file.recorded()),
        _ => history::delete(version),
    };
    let new = NewRun {
        version,
        file: file.map_or(version, |file| &file.file),
        verb: Verb::Mark,
        environment: &target.name,
        who,
        checksum: file.map_or("", |file| &file.checksum),
        confirmations: &[],
    };
    connection
        .execute("BEGIN; SET LOCAL search_path = ''; SET LOCAL lock_timeout = '10s'")
        .await?;
    let done = async {
        let run = journal::start(&mut connection, &new).await?;
        let note = match what {
            What::Applied => "marked as applied",
            What::Reverted => "marked as reverted",
        };
        let update = Update {
            state: Some(State::Finished),
            note: Some(note),
            ..Update::default()
        };
        connection.execute(&journal::update(run, &update)).await?;
        connection.execute(&change).await?;
        connection.execute("COMMIT").await
    }
    .await;
    if done.is_err() {
        // Where the session is gone, the server rolls back by itself.
        drop(connection.execute("ROLLBACK").await);
    }
    connection.close().await;
    lock.release().await;
    Ok(done?)
}
