//! Looks on while a migration runs: nothing may take for ever, fill the disk, or go on after somebody cancelled.

use std::future::Future;
use std::time::Instant;

use tokio::time::{Duration, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{Limits, ProveError};
use crate::connection::literal;
use crate::warm::Lease;

const LOOK: Duration = Duration::from_millis(250);
/// How long a session that was ended may take to say so.
const GRACE: Duration = Duration::from_secs(10);

/// What is allowed, and who may cancel.
pub(crate) struct Watch<'a> {
    limits: Limits,
    cancel: &'a CancellationToken,
}

/// How the work ended.
pub(super) enum Ended<T> {
    /// By itself.
    Done(T),
    /// It was stopped, because of this.
    TooMuch(String),
}

impl<'a> Watch<'a> {
    pub(crate) fn new(limits: Limits, cancel: &'a CancellationToken) -> Self {
        Self { limits, cancel }
    }

    /// For one statement.
    pub(super) fn statement(&self) -> Duration {
        self.limits.statement
    }

    /// Lets `work` run, which uses the session `backend` on `database`.
    pub(super) async fn over<T>(
        &self,
        lease: &mut Lease,
        database: &str,
        backend: i32,
        work: impl Future<Output = T>,
    ) -> Result<Ended<T>, ProveError> {
        let begin = Instant::now();
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.reset();
        tokio::pin!(work);
        let reason = loop {
            tokio::select! {
                biased;
                done = &mut work => return Ok(Ended::Done(done)),
                () = self.cancel.cancelled() => break None,
                _ = ticks.tick() => {
                    lease.touch();
                    let found = self.too_much(lease, database, begin).await?;
                    if found.is_some() {
                        break found;
                    }
                }
            }
        };
        let end = format!("SELECT pg_terminate_backend({backend})");
        lease.maintenance.execute(&end).await?;
        // Whatever it says now, it did not come to its end.
        drop(tokio::time::timeout(GRACE, work).await);
        reason.map(Ended::TooMuch).ok_or(ProveError::Cancelled)
    }

    async fn too_much(&self, lease: &mut Lease, database: &str, begin: Instant) -> Result<Option<String>, ProveError> {
        if begin.elapsed() > self.limits.total {
            let seconds = self.limits.total.as_secs();
            return Ok(Some(format!("stopped after {seconds} seconds")));
        }
        let size = format!(
            "SELECT pg_database_size(oid) FROM pg_database WHERE datname = {}",
            literal(database)
        );
        let size = lease.maintenance.value(&size).await?;
        let size: u64 = size.and_then(|size| size.parse().ok()).unwrap_or_default();
        let megabytes = self.limits.disk >> 20;
        Ok((size > self.limits.disk).then(|| format!("stopped because it filled {megabytes} MB")))
    }
}
