//! A database as a migration finds it, on the server that its project keeps, and the server put in order afterwards.

use std::path::Path;

use analysis::history::History;
use tokio_util::sync::CancellationToken;

use super::prefix::{Prefixes, Unfit};
use super::watch::Watch;
use super::{Keys, Progress, ProveError, WORK};
use crate::capture::Capture;
use crate::discover::Binaries;
use crate::plan::{self, File};
use crate::shadow::{Database, Options};
use crate::warm::Lease;

/// The sole use of a project's kept server, with what it knows of the history.
pub(crate) struct Site<'a> {
    pub(crate) lease: Lease,
    pub(super) files: Vec<File>,
    prefixes: Prefixes<'a>,
}

/// Who hears how it goes on.
pub(crate) type Tell<'a> = &'a (dyn Fn(Progress<'_>) + Send + Sync);

impl<'a> Site<'a> {
    /// Waits for the server to be free, and starts it where it does not run.
    pub(crate) async fn open(
        (options, binaries): (&Options, Binaries),
        workspace: &Path,
        history: &History,
        keys: &'a Keys,
        cancel: &CancellationToken,
    ) -> Result<Self, ProveError> {
        let lease = Lease::take(options.folder.clone(), binaries, workspace, cancel).await?;
        let everything = plan::Options {
            only: None,
            release: true,
            segments: true,
        };
        let plan = plan::plan(history, &[], &[], &everything).expect("nothing was asked for by name");
        Ok(Self {
            lease,
            files: plan.files,
            prefixes: Prefixes::new(history.base, keys),
        })
    }

    /// Makes the database that a migration finds; what belongs to the server as a whole at that moment.
    pub(crate) async fn make(
        &mut self,
        number: usize,
        watch: &Watch<'_>,
        tell: Tell<'_>,
    ) -> Result<Result<String, Unfit>, ProveError> {
        let Self { lease, files, prefixes } = self;
        let made = prefixes.make(lease, files, number, watch, tell).await?;
        match made {
            Ok(()) => Ok(Ok(self.lease.belongings().await?)),
            Err(unfit) => Ok(Err(unfit)),
        }
    }

    /// The same without any copy of the history beside it, where something in a copy holds on to a role. The server is to
    /// be thrown away afterwards.
    pub(crate) async fn make_alone(
        &mut self,
        number: usize,
        watch: &Watch<'_>,
        tell: Tell<'_>,
    ) -> Result<Result<(), Unfit>, ProveError> {
        self.lease.renew().await?;
        let Self { lease, files, prefixes } = self;
        prefixes.make_alone(lease, files, number, watch, tell).await
    }

    /// The catalogs of the database that a migration finds, where somebody has read them in the same way.
    pub(super) async fn catalog(&mut self, number: usize, reader: &str) -> Result<Option<Capture>, ProveError> {
        Ok(self.prefixes.catalog(&mut self.lease, number, reader).await?)
    }

    /// Keeps the catalogs that were read of it, for the next proof of the same migration.
    pub(super) async fn keep_catalog(&mut self, number: usize, read: (&str, &Capture)) -> Result<(), ProveError> {
        Ok(self.prefixes.keep_catalog(&mut self.lease, number, read).await?)
    }

    /// Deletes the database, and what its history left on the server beside what was there before.
    pub(crate) async fn clear(&mut self, known: &str) -> Result<(), ProveError> {
        Ok(self.lease.clear(WORK, known).await?)
    }

    /// Throws the server away and starts another.
    pub(crate) async fn renew(&mut self) -> Result<(), ProveError> {
        Ok(self.lease.renew().await?)
    }

    /// The database.
    pub(crate) fn database(&self) -> Database {
        Database::on(self.lease.folder(), WORK)
    }
}
