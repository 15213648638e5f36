//! The two sessions of an applier: one works, the other holds the lock and looks on.

use std::time::{Duration, Instant};

use tokio::time::{Interval, MissedTickBehavior, interval_at, sleep};
use tokio_util::sync::CancellationToken;

use super::Limits;
use crate::address::Address;
use crate::connection::{ConnectError, Connection, ServerError};
use crate::event::{Event, Tell};
use crate::extensions::rewrite;
use crate::lock::{Holder, Lock, LockError, blockers, holders};
use crate::plan::File;

/// How often to look who is in the way.
const LOOK: Duration = Duration::from_millis(400);
/// How long to knock at a server that has gone away in the middle of a COMMIT.
const RETURN: Duration = Duration::from_mins(1);

/// The sessions.
pub(super) struct Session<'a> {
    pub(super) work: Connection,
    pub(super) lock: Lock,
    pub(super) address: &'a Address,
    pub(super) application: String,
    pub(super) limits: Limits,
    pub(super) cancel: CancellationToken,
    pub(super) tell: &'a dyn Tell,
    /// On a throw-away server extensions are created on the migrations' behalf.
    pub(super) is_shadow: bool,
}

/// A statement that failed, and who was in its way.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: ServerError,
    pub(super) holder: Option<Holder>,
}

impl<'a> Session<'a> {
    pub(super) async fn open(
        address: &'a Address,
        who: &str,
        limits: Limits,
        cancel: CancellationToken,
        tell: &'a dyn Tell,
        is_shadow: bool,
    ) -> Result<Self, LockError> {
        let application = format!("{WORK}{})", shown(who));
        let mut lock = Lock::acquire(address, &format!("dblsp lock ({})", shown(who)), limits.patience, tell).await?;
        outlive(&mut lock, limits.patience, tell).await?;
        let work = Connection::connect(address, &application).await?;
        Ok(Self {
            work,
            lock,
            address,
            application,
            limits,
            cancel,
            tell,
            is_shadow,
        })
    }

    pub(super) async fn close(self) {
        self.work.close().await;
        self.lock.release().await;
    }

    /// Puts the session back to what it was when it began.
    pub(super) async fn reset(&mut self) -> Result<(), ServerError> {
        self.work
            .execute("RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; SET idle_in_transaction_session_timeout = 0")
            .await
    }

    /// Puts the session into the state that a step of the file finds, with limits on waiting; `Duration::ZERO` is none.
    pub(super) async fn prepare(
        &mut self,
        file: &File,
        step: usize,
        lock: Duration,
        statement: Duration,
    ) -> Result<(), ServerError> {
        self.reset().await?;
        let limits = format!(
            "SET lock_timeout = {}; SET statement_timeout = {}",
            lock.as_millis(),
            statement.as_millis()
        );
        self.work.execute(&limits).await?;
        for setting in file.session_before(step) {
            self.work.execute(setting).await?;
        }
        Ok(())
    }

    /// Runs a statement. Looks meanwhile who is in its way, and stops it where somebody cancels.
    pub(super) async fn run(&mut self, sql: &str, data: Option<&str>) -> Result<(), Failed> {
        let rewritten;
        let sql = if self.is_shadow {
            rewritten = rewrite(sql);
            &*rewritten
        } else {
            sql
        };
        let backend = self.work.backend();
        let mut ticks = self.ticks();
        let mut holder: Option<Holder> = None;
        let mut is_cancelled = false;
        let done = {
            let (work, lock) = (&mut self.work, &mut self.lock);
            let running = async {
                match data {
                    Some(data) => work.copy_in(sql, data).await.map(drop),
                    None => work.execute(sql).await,
                }
            };
            tokio::pin!(running);
            loop {
                tokio::select! {
                    biased;
                    done = &mut running => break done,
                    () = self.cancel.cancelled(), if !is_cancelled => {
                        is_cancelled = true;
                        // Where the looking session is gone too, the statement runs to its end.
                        drop(lock.connection().execute(&format!("SELECT pg_catalog.pg_cancel_backend({backend})")).await);
                    }
                    _ = ticks.tick() => {
                        let found = blockers(lock.connection(), backend).await.unwrap_or_default();
                        if let Some(found) = found.into_iter().next() {
                            if holder.as_ref().is_none_or(|known| known.pid != found.pid) {
                                self.tell.tell(Event::Waiting { holder: Some(found.clone()) });
                            }
                            holder = Some(found);
                        }
                    }
                }
            }
        };
        for notice in self.work.take_notices() {
            self.tell.tell(Event::Notice { notice });
        }
        done.map_err(|error| Failed { error, holder })
    }

    /// First after a second, or soon enough to look before the lock's time-out.
    fn ticks(&self) -> Interval {
        let limit = self.limits.lock_timeout;
        let first = if limit.is_zero() {
            Duration::from_secs(1)
        } else {
            Duration::from_secs(1).min(limit / 2)
        };
        let mut ticks = interval_at(tokio::time::Instant::now() + first, LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    }

    /// Ends the open transaction, whatever state it is in.
    pub(super) async fn rollback(&mut self) {
        // Where the session is gone, the server rolls back by itself.
        drop(self.work.execute("ROLLBACK").await);
    }

    /// Replaces both sessions after the connection was lost. The lock may have gone to somebody else meanwhile.
    pub(super) async fn reconnect(&mut self) -> Result<(), LockError> {
        let begin = Instant::now();
        loop {
            match Connection::connect(self.address, &self.application).await {
                Ok(work) => {
                    self.work = work;
                    break;
                }
                Err(error) if begin.elapsed() > RETURN || self.cancel.is_cancelled() => return Err(error.into()),
                Err(ConnectError::Login { address, reason }) => {
                    return Err(ConnectError::Login { address, reason }.into());
                }
                Err(_) => sleep(Duration::from_millis(500)).await,
            }
        }
        if !self.lock.is_held().await {
            self.lock = Lock::acquire(self.address, &self.application, self.limits.patience, self.tell).await?;
        }
        Ok(())
    }
}

/// How the sessions that work call themselves in `pg_stat_activity`.
const WORK: &str = "dblsp apply (";

/// The server keeps 63 bytes of a name.
fn shown(who: &str) -> String {
    who.chars()
        .filter(|c| c.is_ascii_graphic() || *c == ' ')
        .take(40)
        .collect()
}

/// Waits for the session of an applier that was killed: the server goes on with its last statement, which may be a
/// COMMIT, until it has an answer that nobody takes. We hold the lock, so whoever else works is such a one.
async fn outlive(lock: &mut Lock, patience: Duration, tell: &dyn Tell) -> Result<(), ServerError> {
    let begin = Instant::now();
    let mut told = false;
    loop {
        let pids = format!(
            "SELECT pid FROM pg_catalog.pg_stat_activity WHERE datname = pg_catalog.current_database()
             AND pg_catalog.starts_with(application_name, '{WORK}')"
        );
        let Some(holder) = holders(lock.connection(), &pids).await?.into_iter().next() else {
            return Ok(());
        };
        if begin.elapsed() >= patience {
            // Cut off from its applier for good. Its transaction is rolled back.
            let end = format!("SELECT pg_catalog.pg_terminate_backend({})", holder.pid);
            lock.connection().execute(&end).await?;
        } else if !told && begin.elapsed() > Duration::from_secs(1) {
            told = true;
            tell.tell(Event::Waiting { holder: Some(holder) });
        }
        sleep(Duration::from_millis(20)).await;
    }
}
