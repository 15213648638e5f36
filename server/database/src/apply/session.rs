//! The two sessions of an applier: one works, the other holds the lock and looks on.

use std::time::{Duration, Instant};

use tokio::time::{Interval, MissedTickBehavior, interval_at, sleep};
use tokio_util::sync::CancellationToken;

use super::Limits;
use crate::address::Address;
use crate::connection::{ConnectError, Connection, ServerError};
use crate::event::{Event, Tell};
use crate::extensions::rewrite;
use crate::lock::{Holder, Lock, LockError, blockers};
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
        let application = application(who);
        let lock = Lock::acquire(address, &application, limits.patience, tell).await?;
        let work = Connection::connect(address, &application).await?;
        let mut session = Self {
            work,
            lock,
            address,
            application,
            limits,
            cancel,
            tell,
            is_shadow,
        };
        session.reset().await?;
        Ok(session)
    }

    pub(super) async fn close(self) {
        self.work.close().await;
        self.lock.release().await;
    }

    /// Puts the session back to what it was when it began.
    pub(super) async fn reset(&mut self) -> Result<(), ServerError> {
        // What is reported as committed must survive the server's next crash, whatever its default is.
        self.work
            .execute(
                "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; SET idle_in_transaction_session_timeout = 0;
                 SELECT pg_catalog.set_config('synchronous_commit', 'on', false)
                 WHERE pg_catalog.current_setting('synchronous_commit') = 'off'",
            )
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

    /// Runs a statement.
    pub(super) async fn run(&mut self, sql: &str, data: Option<&str>) -> Result<(), Failed> {
        let rewritten;
        let sql = if self.is_shadow {
            rewritten = rewrite(sql);
            &*rewritten
        } else {
            sql
        };
        let running = async |work: &mut Connection| match data {
            Some(data) => work.copy_in(sql, data).await.map(drop),
            None => work.execute(sql).await,
        };
        let (done, holder) = self.watch(running).await;
        for notice in self.work.take_notices() {
            self.tell.tell(Event::Notice { notice });
        }
        done.map_err(|error| Failed { error, holder })
    }

    /// Works, looks meanwhile who is in the way, and stops the work where somebody cancels.
    pub(super) async fn watch<T>(&mut self, work: impl AsyncFnOnce(&mut Connection) -> T) -> (T, Option<Holder>) {
        let backend = self.work.backend();
        let mut ticks = self.ticks();
        let mut holder: Option<Holder> = None;
        let mut is_cancelled = false;
        let lock = &mut self.lock;
        let running = work(&mut self.work);
        tokio::pin!(running);
        loop {
            tokio::select! {
                biased;
                done = &mut running => return (done, holder),
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

/// What others see in `pg_stat_activity`; the server keeps 63 bytes.
fn application(who: &str) -> String {
    let plain: String = who
        .chars()
        .filter(|c| c.is_ascii_graphic() || *c == ' ')
        .take(36)
        .collect();
    format!("dblsp apply ({plain})")
}
