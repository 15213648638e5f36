//! One applier at a time: an advisory lock, held by a session that does nothing else.
//!
//! It is polled for. A session that waited inside `pg_advisory_lock()` would hold a snapshot, and the holder's CREATE
//! INDEX CONCURRENTLY waits for all snapshots: a deadlock. It is on a session of its own, because `DISCARD ALL` in a
//! migration releases what its session holds.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::address::Address;
use crate::connection::{ConnectError, Connection, ServerError};
use crate::event::{Event, Tell};

const KEY: &str = "pg_catalog.hashtextextended('dblsp:' || pg_catalog.current_database(), 0)";
const POLL: Duration = Duration::from_millis(200);

/// A session that holds something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// The server's process.
    pub pid: i32,
    /// Its role.
    pub user: String,
    /// What it calls itself.
    pub application: String,
    /// Where it comes from; `local` through a unix socket.
    pub client: String,
    /// `active`, `idle in transaction`, …
    pub state: String,
    /// Seconds since its transaction began; since the session did, outside of one.
    pub seconds: u64,
    /// What it runs or ran last, cut.
    pub query: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            pid,
            user,
            application,
            client,
            state,
            seconds,
            ..
        } = self;
        write!(f, "session {pid} ({user}")?;
        if !application.is_empty() {
            write!(f, ", {application}")?;
        }
        write!(f, ", from {client}, {state} for {seconds} s")?;
        if !self.query.is_empty() {
            write!(f, ", `{}`", self.query)?;
        }
        f.write_str(")")
    }
}

/// Why the lock is not ours.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error("another dblsp is at work on this database: {}", .0.as_ref().map_or_else(|| "it does not say who".to_owned(), ToString::to_string))]
    Held(Option<Holder>),
    /// No session.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The session failed.
    #[error(transparent)]
    Server(#[from] ServerError),
}

/// The lock, held until dropped.
#[derive(Debug)]
pub struct Lock {
    connection: Connection,
}

impl Lock {
    /// Takes the lock, or gives up after `patience`. Says once whom it waits for. `application` is what the session that
    /// works calls itself, one of `dblsp apply (…)`, `dblsp rollback (…)`, `dblsp restore (…)`.
    pub async fn acquire(
        address: &Address,
        application: &str,
        patience: Duration,
        tell: &dyn Tell,
    ) -> Result<Self, LockError> {
        let mut connection = Connection::connect(address, &format!("lock of {application}")).await?;
        // The session is idle for as long as the migrations run.
        connection
            .execute("SET idle_session_timeout = 0; SET statement_timeout = 0")
            .await?;
        let begin = Instant::now();
        let mut told = false;
        loop {
            let taken = connection
                .value(&format!("SELECT pg_catalog.pg_try_advisory_lock({KEY})"))
                .await?;
            if taken.as_deref() == Some("t") {
                outlive(&mut connection, patience, tell).await?;
                return Ok(Self { connection });
            }
            let holder = holder(&mut connection).await?;
            if begin.elapsed() >= patience {
                return Err(LockError::Held(holder));
            }
            if !told {
                told = true;
                tell.tell(Event::Waiting { holder });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Whether it is still held: a lost session loses it.
    pub async fn is_held(&mut self) -> bool {
        self.connection.is_alive().await
    }

    /// The session that holds it. It may look at the database while another session works.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Gives it back.
    pub async fn release(self) {
        self.connection.close().await;
    }
}

/// Waits for the session of a verb that was killed: the server goes on with its last statement, which may be a COMMIT,
/// until it has an answer that nobody takes. We hold the lock, so whoever else works is such a one.
async fn outlive(connection: &mut Connection, patience: Duration, tell: &dyn Tell) -> Result<(), ServerError> {
    let begin = Instant::now();
    let mut told = false;
    let pids = "SELECT pid FROM pg_catalog.pg_stat_activity WHERE datname = pg_catalog.current_database()
         AND application_name ~ '^dblsp (apply|rollback|restore) [(]'";
    loop {
        let Some(holder) = holders(connection, pids).await?.into_iter().next() else {
            return Ok(());
        };
        if begin.elapsed() >= patience {
            // Cut off from its verb for good. Its transaction is rolled back.
            let end = format!("SELECT pg_catalog.pg_terminate_backend({})", holder.pid);
            connection.execute(&end).await?;
        } else if !told && begin.elapsed() > Duration::from_secs(1) {
            told = true;
            tell.tell(Event::Waiting { holder: Some(holder) });
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Who holds the lock.
async fn holder(connection: &mut Connection) -> Result<Option<Holder>, ServerError> {
    let sql = format!(
        "SELECT l.pid FROM pg_catalog.pg_locks l, (SELECT {KEY} AS key) k
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
           AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
           AND (l.classid::bigint << 32) | l.objid::bigint = k.key"
    );
    let mut found = holders(connection, &sql).await?;
    Ok(if found.is_empty() { None } else { Some(found.remove(0)) })
}

/// Who keeps the session `backend` waiting.
pub async fn blockers(connection: &mut Connection, backend: i32) -> Result<Vec<Holder>, ServerError> {
    holders(
        connection,
        &format!("SELECT unnest(pg_catalog.pg_blocking_pids({backend}))"),
    )
    .await
}

/// Sessions by their processes. What another role's session does is hidden from ours unless it may see it.
async fn holders(connection: &mut Connection, pids: &str) -> Result<Vec<Holder>, ServerError> {
    let sql = format!(
        "SELECT pid, coalesce(usename, ''), coalesce(application_name, ''),
                CASE WHEN client_addr IS NULL THEN 'local' ELSE pg_catalog.host(client_addr) END,
                coalesce(state, 'hidden'),
                pg_catalog.floor(extract(epoch FROM
                    pg_catalog.clock_timestamp() - coalesce(xact_start, backend_start)))::bigint,
                CASE WHEN application_name LIKE '%dblsp %' THEN '' ELSE coalesce(
                    pg_catalog.left(pg_catalog.regexp_replace(query, '\\s+', ' ', 'g'), 80), '') END
         FROM pg_catalog.pg_stat_activity WHERE pid IN ({pids}) ORDER BY pid"
    );
    let rows = connection.rows(&sql).await?;
    let holder = |row: Vec<Option<String>>| {
        let mut values = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || values.next().unwrap_or_default();
        Holder {
            pid: next().parse().unwrap_or_default(),
            user: next(),
            application: next(),
            client: next(),
            state: next(),
            seconds: next().parse().unwrap_or_default(),
            query: next(),
        }
    };
    Ok(rows.into_iter().map(holder).collect())
}
