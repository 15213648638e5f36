//! Runs the statements and looks around each of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use analysis::schema::objects::Id;
use analysis::text::Span;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::alone::Gates;
use super::log::Records;
use super::look::{Between, Look, Oid, look, tables_of_key};
use super::{Failure, Limits, Measured, Outcome, Prediction, Statement, Trace, TraceError};
use crate::connection::{Connection, ServerError};
use crate::extensions::rewrite;
use crate::plan::{self, File, Step};
use crate::shadow::Database;
use crate::text::copy_data;

/// A statement that was told to stop and goes on for so long has its session ended.
const GRACE: Duration = Duration::from_secs(5);
/// How often the locks of a statement that runs by itself are looked at.
const PULSE: Duration = Duration::from_millis(2);

/// Three sessions: one works, one looks on, one stands in the way where that shows more.
pub(super) struct Tracer<'a> {
    session: Connection,
    harness: Connection,
    database: &'a Database,
    records: Records,
    predictions: &'a BTreeMap<Span, Prediction>,
    limits: Limits,
    cancel: &'a CancellationToken,
    statements: Vec<Statement>,
}

/// How a statement ended that was watched.
struct Watched {
    result: Result<(), ServerError>,
    duration: Duration,
    is_late: bool,
}

impl<'a> Tracer<'a> {
    pub(super) async fn open(
        database: &'a Database,
        predictions: &'a BTreeMap<Span, Prediction>,
        limits: Limits,
        cancel: &'a CancellationToken,
    ) -> Result<Self, TraceError> {
        let session = database.connect().await?;
        let records = Records::open(database.folder(), session.server_major());
        Ok(Self {
            harness: database.harness().await?,
            session,
            database,
            records,
            predictions,
            limits,
            cancel,
            statements: Vec::new(),
        })
    }

    pub(super) async fn run(mut self, file: &File) -> Result<Trace, TraceError> {
        for (number, step) in file.steps.iter().enumerate() {
            let goes_on = match step {
                Step::Transaction { statements } => self.transaction(file, number, statements).await?,
                Step::Alone { statement, .. } => self.alone(file, number, statement).await?,
            };
            if !goes_on {
                break;
            }
        }
        let done = self.statements.len();
        self.statements
            .extend(super::report::unmeasured(file).into_iter().skip(done));
        let server = self.session.server_version();
        self.session.close().await;
        self.harness.close().await;
        Ok(Trace {
            server,
            statements: self.statements,
        })
    }

    /// Whether all of it ran.
    async fn transaction(
        &mut self,
        file: &File,
        number: usize,
        statements: &[plan::Statement],
    ) -> Result<bool, TraceError> {
        self.session.execute("BEGIN").await?;
        let process = self.session.backend();
        let mut before = look(&mut self.session, process).await?;
        let old: BTreeSet<Oid> = before.relations.keys().copied().collect();
        self.records.messages(&mut self.session).await?;
        for statement in statements {
            let watched = self.watched(file, statement, None).await?;
            let mut traced = traced(statement, number, &watched);
            if let Err(error) = watched.result {
                // A session that had to be ended has nothing to roll back.
                if !error.is_connection_lost() {
                    self.session.execute("ROLLBACK").await?;
                }
                traced.outcome = Outcome::Failed(failure(statement, file, error, watched.is_late));
                self.statements.push(traced);
                return Ok(false);
            }
            let after = look(&mut self.session, process).await?;
            traced.measured = self.between(&before, &after, &old).await?;
            self.statements.push(traced);
            before = after;
        }
        self.commit(statements, file).await
    }

    /// Constraints that are deferred are checked now.
    async fn commit(&mut self, statements: &[plan::Statement], file: &File) -> Result<bool, TraceError> {
        let Err(error) = self.session.execute("COMMIT").await else {
            return Ok(true);
        };
        if error.is_connection_lost() {
            return Err(error.into());
        }
        if let Some((statement, traced)) = statements.last().zip(self.statements.last_mut()) {
            let failure = failure(statement, file, error, false);
            traced.outcome = Outcome::Failed(Failure {
                at_commit: true,
                byte: None,
                ..failure
            });
        }
        Ok(false)
    }

    async fn alone(&mut self, file: &File, number: usize, statement: &plan::Statement) -> Result<bool, TraceError> {
        let process = self.session.backend();
        self.records.messages(&mut self.session).await?;
        let before = look(&mut self.harness, process).await?;
        let old: BTreeSet<Oid> = before.relations.keys().copied().collect();
        let mut gates = Gates::close(self.database, &before, &self.expected(statement)).await?;
        let watched = self.watched(file, statement, Some(&mut gates)).await?;
        let locks = gates.open().await;
        let mut traced = traced(statement, number, &watched);
        traced.is_alone = true;
        if let Err(error) = watched.result {
            traced.outcome = Outcome::Failed(failure(statement, file, error, watched.is_late));
            self.statements.push(traced);
            return Ok(false);
        }
        let mut after = look(&mut self.harness, process).await?;
        after.locks = locks;
        traced.measured = self.between(&before, &after, &old).await?;
        self.statements.push(traced);
        Ok(true)
    }

    /// The tables that a statement is expected to lock.
    fn expected(&self, statement: &plan::Statement) -> Vec<Id> {
        let prediction = self.predictions.get(&statement.span);
        prediction
            .into_iter()
            .flat_map(|prediction| prediction.cost.locks.keys().cloned())
            .collect()
    }

    async fn between(&mut self, before: &Look, after: &Look, old: &BTreeSet<Oid>) -> Result<Measured, TraceError> {
        let messages = self.records.messages(&mut self.session).await?;
        let mut keyed = BTreeSet::new();
        for message in &messages {
            let name = message.strip_prefix("validating foreign key constraint \"");
            if let Some(name) = name.and_then(|name| name.strip_suffix('"')) {
                let tables = tables_of_key(&mut self.session, name).await?;
                let is_locked = |oid: &Oid| after.locks.iter().any(|(locked, _)| locked == oid);
                keyed.extend(tables.into_iter().filter(is_locked));
            }
        }
        let between = Between {
            before,
            after,
            old,
            messages: &messages,
            keyed: &keyed,
        };
        Ok(between.measured())
    }

    /// Runs a statement, and stops it when somebody says so or when it takes too long.
    async fn watched(
        &mut self,
        file: &File,
        statement: &plan::Statement,
        mut gates: Option<&mut Gates>,
    ) -> Result<Watched, TraceError> {
        let process = self.session.backend();
        let sql = rewrite(statement.span.slice(&file.text));
        let data = statement.data.map(|data| copy_data(data.slice(&file.text)));
        let begin = Instant::now();
        let (harness, session) = (&mut self.harness, &mut self.session);
        let running = async {
            match data {
                Some(data) => session.copy_in(&sql, data).await.map(drop),
                None => session.execute(&sql).await,
            }
        };
        tokio::pin!(running);
        let mut stops: Option<Instant> = None;
        let mut is_ended = false;
        let result = loop {
            let late = match stops {
                None => self.limits.statement.saturating_sub(begin.elapsed()),
                Some(since) if !is_ended => GRACE.saturating_sub(since.elapsed()),
                Some(_) => Duration::MAX,
            };
            tokio::select! {
                biased;
                result = &mut running => break result,
                () = self.cancel.cancelled(), if stops.is_none() => {
                    stop(harness, "pg_cancel_backend", process).await?;
                    stops = Some(Instant::now());
                }
                () = sleep(late) => {
                    let how = if stops.is_some() { "pg_terminate_backend" } else { "pg_cancel_backend" };
                    stop(harness, how, process).await?;
                    is_ended = stops.is_some();
                    stops.get_or_insert_with(Instant::now);
                }
                () = sleep(PULSE), if gates.is_some() => {
                    if let Some(gates) = &mut gates {
                        gates.look(harness, process).await?;
                    }
                }
            }
        };
        let moved = gates.and_then(|gates| gates.moved());
        if self.cancel.is_cancelled() {
            return Err(TraceError::Cancelled);
        }
        if let Err(error) = &result
            && error.is_connection_lost()
            && !is_ended
        {
            return Err(error.clone().into());
        }
        Ok(Watched {
            result,
            duration: moved.unwrap_or(begin).elapsed(),
            is_late: stops.is_some(),
        })
    }
}

/// Tells a process to stop.
async fn stop(harness: &mut Connection, how: &str, process: i32) -> Result<(), ServerError> {
    harness.execute(&format!("SELECT pg_catalog.{how}({process})")).await
}

fn traced(statement: &plan::Statement, transaction: usize, watched: &Watched) -> Statement {
    Statement {
        span: statement.span,
        transaction,
        is_alone: false,
        outcome: Outcome::Ran,
        duration: watched.duration,
        measured: Measured::default(),
    }
}

/// The place of an error is one in the statement; `rewrite` moves none.
fn failure(statement: &plan::Statement, file: &File, error: ServerError, is_late: bool) -> Failure {
    let length = statement.span.slice(&file.text).len();
    let byte = error.byte_offset.filter(|offset| *offset <= length);
    Failure {
        byte: byte
            .and_then(|offset| u32::try_from(offset).ok())
            .map(|offset| statement.span.start + offset),
        error,
        is_late,
        at_commit: false,
    }
}
