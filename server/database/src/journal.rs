//! What dblsp did to a database, kept in the database: schema `dblsp`.
//!
//! Only verbs that write create it. Nobody but its owner may read it: it can hold rows that row security protects.

use serde::Serialize;
use serde_json::Value;

use crate::capture::Capture;
use crate::connection::{Connection, ServerError, literal};
use crate::event::Moment;
use crate::history;

const CREATE: &str = "\
CREATE SCHEMA IF NOT EXISTS dblsp;
COMMENT ON SCHEMA dblsp IS 'What dblsp did to this database, and the rows that a rollback needs';
CREATE TABLE IF NOT EXISTS dblsp.run (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version text NOT NULL,
    file text NOT NULL,
    verb text NOT NULL CHECK (verb IN ('apply', 'rollback', 'restore', 'mark')),
    environment text NOT NULL,
    who text NOT NULL,
    checksum text NOT NULL,
    state text NOT NULL CHECK (state IN ('started', 'applied', 'finished', 'failed', 'rolled_back')),
    step integer NOT NULL DEFAULT 0,
    resume jsonb,
    started timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    finished timestamptz,
    duration_ms bigint,
    snapshot_before text,
    snapshot_after text,
    confirmations jsonb NOT NULL DEFAULT '[]',
    metrics jsonb NOT NULL DEFAULT '{}',
    note text
);
CREATE INDEX IF NOT EXISTS run_version ON dblsp.run (version, id);
CREATE TABLE IF NOT EXISTS dblsp.catalog (
    run_id bigint NOT NULL REFERENCES dblsp.run ON DELETE CASCADE,
    moment text NOT NULL CHECK (moment IN ('before', 'after')),
    server_major integer NOT NULL,
    rows jsonb NOT NULL,
    PRIMARY KEY (run_id, moment)
);
CREATE TABLE IF NOT EXISTS dblsp.archive (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id bigint NOT NULL REFERENCES dblsp.run,
    version text NOT NULL,
    relation text NOT NULL,
    reason text NOT NULL,
    row_count bigint NOT NULL,
    kept_in text NOT NULL,
    created timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX IF NOT EXISTS archive_run ON dblsp.archive (run_id);";

/// Default privileges may have granted more than nothing.
const REVOKE: &str = "\
DO $do$
DECLARE grantee text;
BEGIN
    FOR grantee IN SELECT 'PUBLIC' UNION ALL SELECT pg_catalog.quote_ident(rolname) FROM pg_catalog.pg_roles
        WHERE rolname IN ('anon', 'authenticated')
    LOOP
        EXECUTE 'REVOKE ALL ON SCHEMA dblsp FROM ' || grantee;
        EXECUTE 'REVOKE ALL ON ALL TABLES IN SCHEMA dblsp FROM ' || grantee;
        EXECUTE 'REVOKE ALL ON ALL SEQUENCES IN SCHEMA dblsp FROM ' || grantee;
    END LOOP;
END
$do$";

/// Creates the journal, and the Supabase CLI's history, where they are not. In a transaction of its own; safe to
/// repeat, also by two at once.
pub async fn install(connection: &mut Connection) -> Result<(), ServerError> {
    if is_complete(connection).await? {
        return Ok(());
    }
    let sql = format!(
        "BEGIN;
         SET LOCAL client_min_messages = warning; SET LOCAL lock_timeout = '10s'; SET LOCAL search_path = '';
         SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('dblsp journal', 0));
         {}\n{CREATE}\n{REVOKE};
         COMMIT",
        history::CREATE
    );
    let done = connection.execute(&sql).await;
    if done.is_err() {
        // Nothing to roll back where the connection is gone.
        drop(connection.execute("ROLLBACK").await);
    }
    done
}

async fn is_complete(connection: &mut Connection) -> Result<bool, ServerError> {
    let sql = "SELECT pg_catalog.to_regclass('dblsp.archive') IS NOT NULL AND 3 = (
        SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute
        WHERE attrelid = pg_catalog.to_regclass('supabase_migrations.schema_migrations')
          AND attname IN ('version', 'statements', 'name'))";
    Ok(connection.value(sql).await?.as_deref() == Some("t"))
}

/// Whether there is a journal.
pub async fn is_installed(connection: &mut Connection) -> Result<bool, ServerError> {
    let answer = connection
        .value("SELECT pg_catalog.to_regclass('dblsp.archive') IS NOT NULL")
        .await?;
    Ok(answer.as_deref() == Some("t"))
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// A migration was applied.
    Apply,
    /// A migration was undone.
    Rollback,
    /// A snapshot was restored.
    Restore,
    /// Only the record was changed.
    Mark,
}

impl Verb {
    fn name(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Rollback => "rollback",
            Self::Restore => "restore",
            Self::Mark => "mark",
        }
    }

    fn from_name(name: &str) -> Self {
        [Self::Rollback, Self::Restore, Self::Mark]
            .into_iter()
            .find(|verb| verb.name() == name)
            .unwrap_or(Self::Apply)
    }
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Begun. If the lock is free, it was interrupted.
    Started,
    /// In the database; what follows (snapshot, comparison, tests) was not done.
    Applied,
    /// Done, all of it.
    Finished,
    /// Refused by the server or ended by somebody; `note` says why.
    Failed,
    /// A later rollback undid it.
    RolledBack,
}

impl State {
    /// As the table has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Applied => "applied",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::RolledBack => "rolled_back",
        }
    }

    fn from_name(name: &str) -> Self {
        [Self::Started, Self::Applied, Self::Finished, Self::RolledBack]
            .into_iter()
            .find(|state| state.name() == name)
            .unwrap_or(Self::Failed)
    }
}

/// A run that is about to begin.
#[derive(Debug, Clone)]
pub struct NewRun<'a> {
    /// The migration's version.
    pub version: &'a str,
    /// Its file name.
    pub file: &'a str,
    /// What is done.
    pub verb: Verb,
    /// Where: the environment's name.
    pub environment: &'a str,
    /// Who does it, for people.
    pub who: &'a str,
    /// SHA-256 of the file, hexadecimal.
    pub checksum: &'a str,
    /// What was confirmed, by whom, when.
    pub confirmations: &'a [Confirmation],
}

/// What a person confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confirmation {
    /// What was asked.
    pub text: String,
    /// Who said yes.
    pub who: String,
    /// When, as RFC 3339 in UTC.
    pub at: String,
}

/// A run, as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Its number.
    pub id: i64,
    /// The migration's version.
    pub version: String,
    /// Its file name.
    pub file: String,
    /// What was done.
    pub verb: Verb,
    /// Where: the environment's name.
    pub environment: String,
    /// Who did it.
    pub who: String,
    /// SHA-256 of the file, hexadecimal.
    pub checksum: String,
    /// How far it is.
    pub state: State,
    /// Steps of a file without a transaction around it that are done.
    pub step: u32,
    /// What the step that was begun needs to be recognised by.
    pub resume: Value,
    /// When it began, as the server writes it in UTC.
    pub started: String,
    /// When it was done.
    pub finished: Option<String>,
    /// How long its statements took.
    pub duration_ms: Option<i64>,
    /// Path of the snapshot before.
    pub snapshot_before: Option<String>,
    /// Path of the snapshot after.
    pub snapshot_after: Option<String>,
    /// What was confirmed.
    pub confirmations: Value,
    /// What was measured.
    pub metrics: Value,
    /// Why it failed, or what else there is to say.
    pub note: Option<String>,
}

/// Begins a run, at once and for all to see.
pub async fn start(connection: &mut Connection, run: &NewRun<'_>) -> Result<i64, ServerError> {
    let confirmations = serde_json::to_string(run.confirmations).expect("texts are JSON");
    let sql = format!(
        "INSERT INTO dblsp.run (version, file, verb, environment, who, checksum, state, confirmations)
         VALUES ({}, {}, {}, {}, {}, {}, 'started', {}) RETURNING id",
        literal(run.version),
        literal(run.file),
        literal(run.verb.name()),
        literal(run.environment),
        literal(run.who),
        literal(run.checksum),
        literal(&confirmations),
    );
    let id = connection.value(&sql).await?;
    Ok(id.and_then(|id| id.parse().ok()).unwrap_or_default())
}

/// A change to a run; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Update<'a> {
    /// How far.
    pub state: Option<State>,
    /// Steps that are done.
    pub step: Option<u32>,
    /// What the next step is recognised by.
    pub resume: Option<Value>,
    /// How long the statements took.
    pub duration_ms: Option<u64>,
    /// Path of the snapshot before.
    pub snapshot_before: Option<&'a str>,
    /// Path of the snapshot after.
    pub snapshot_after: Option<&'a str>,
    /// What was measured; added to what is there.
    pub metrics: Option<Value>,
    /// Why it failed.
    pub note: Option<&'a str>,
}

/// The statement that changes a run, for the transaction in which the change becomes true.
pub fn update(id: i64, update: &Update<'_>) -> String {
    let mut set: Vec<String> = Vec::new();
    if let Some(state) = update.state {
        set.push(format!("state = {}", literal(state.name())));
        if matches!(state, State::Finished | State::Failed | State::RolledBack) {
            set.push("finished = pg_catalog.clock_timestamp()".into());
        }
    }
    if let Some(step) = update.step {
        set.push(format!("step = {step}, resume = NULL"));
    }
    if let Some(resume) = &update.resume {
        set.push(format!("resume = {}", literal(&resume.to_string())));
    }
    if let Some(duration) = update.duration_ms {
        set.push(format!("duration_ms = coalesce(duration_ms, 0) + {duration}"));
    }
    for (column, value) in [
        ("snapshot_before", update.snapshot_before),
        ("snapshot_after", update.snapshot_after),
        ("note", update.note),
    ] {
        if let Some(value) = value {
            set.push(format!("{column} = {}", literal(value)));
        }
    }
    if let Some(metrics) = &update.metrics {
        set.push(format!(
            "metrics = metrics OPERATOR(pg_catalog.||) {}::jsonb",
            literal(&metrics.to_string())
        ));
    }
    if set.is_empty() {
        set.push("id = DEFAULT".into());
    }
    format!("UPDATE dblsp.run SET {} WHERE id = {id}", set.join(", "))
}

/// Every run, oldest first. None where there is no journal.
pub async fn runs(connection: &mut Connection) -> Result<Vec<Run>, ServerError> {
    if !is_installed(connection).await? {
        return Ok(Vec::new());
    }
    let time =
        |column: &str| format!("pg_catalog.to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')");
    let sql = format!(
        "SELECT id, version, file, verb, environment, who, checksum, state, step, resume, {}, {}, duration_ms,
                snapshot_before, snapshot_after, confirmations, metrics, note
         FROM dblsp.run ORDER BY id",
        time("started"),
        time("finished")
    );
    let rows = connection.rows(&sql).await?;
    Ok(rows.into_iter().map(run).collect())
}

fn run(columns: Vec<Option<String>>) -> Run {
    let mut columns = columns.into_iter();
    let mut next = || columns.next().flatten();
    let parsed = |text: Option<String>| {
        text.and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or(Value::Null)
    };
    Run {
        id: next().and_then(|id| id.parse().ok()).unwrap_or_default(),
        version: next().unwrap_or_default(),
        file: next().unwrap_or_default(),
        verb: Verb::from_name(&next().unwrap_or_default()),
        environment: next().unwrap_or_default(),
        who: next().unwrap_or_default(),
        checksum: next().unwrap_or_default(),
        state: State::from_name(&next().unwrap_or_default()),
        step: next().and_then(|step| step.parse().ok()).unwrap_or_default(),
        resume: parsed(next()),
        started: next().unwrap_or_default(),
        finished: next(),
        duration_ms: next().and_then(|duration| duration.parse().ok()),
        snapshot_before: next(),
        snapshot_after: next(),
        confirmations: parsed(next()),
        metrics: parsed(next()),
        note: next(),
    }
}

/// Keeps what was in the database at a moment.
pub async fn save_catalog(
    connection: &mut Connection,
    run: i64,
    moment: Moment,
    capture: &Capture,
) -> Result<(), ServerError> {
    let sql = format!(
        "INSERT INTO dblsp.catalog (run_id, moment, server_major, rows) VALUES ({run}, {}, {}, {})
         ON CONFLICT (run_id, moment) DO UPDATE SET server_major = EXCLUDED.server_major, rows = EXCLUDED.rows",
        literal(moment.name()),
        capture.server_major,
        literal(&capture.to_json()["rows"].to_string())
    );
    connection.execute(&sql).await
}

/// What was kept of a moment.
pub async fn catalog(connection: &mut Connection, run: i64, moment: Moment) -> Result<Option<Capture>, ServerError> {
    let sql = format!(
        "SELECT pg_catalog.jsonb_build_object('server_major', server_major, 'rows', rows)
         FROM dblsp.catalog WHERE run_id = {run} AND moment = {}",
        literal(moment.name())
    );
    let found = connection.value(&sql).await?;
    let value = found.and_then(|json| serde_json::from_str::<Value>(&json).ok());
    Ok(value.as_ref().and_then(Capture::from_json))
}
