//! Carries out the steps of one file. Whatever happens in between, the history and the journal say what is there.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::sleep;

use super::session::{Failed, Session};
use super::{ApplyError, StatementError};
use crate::archive::{self, ArchiveError, Losses, Purpose};
use crate::connection::{Connection, ServerError, literal};
use crate::event::Event;
use crate::failpoint::reached;
use crate::history;
use crate::journal::{self, State, Update};
use crate::lock::Holder;
use crate::plan::{File, Resume, Statement, Step};
use crate::text::copy_data;

/// Errors after which the same statements may well succeed: 55P03 lock not available, 40P01 deadlock, 40001
/// serialization failure.
const TRY_AGAIN: [&str; 3] = ["55P03", "40P01", "40001"];
/// How long the server may take to notice that a connection is gone.
const NOTICE: Duration = Duration::from_mins(1);

impl Session<'_> {
    /// Runs the steps from `first` on, as run number `run`. Returns how long they took.
    pub(super) async fn carry_out(
        &mut self,
        file: &File,
        losses: &Losses,
        run: i64,
        first: usize,
    ) -> Result<Duration, ApplyError> {
        let begin = Instant::now();
        let whole = Whole {
            file,
            losses,
            run,
            begin,
        };
        let mut sent = file.steps[..first].iter().map(|step| step.statements().len()).sum();
        for (at, step) in file.steps.iter().enumerate().skip(first) {
            let is_last = at + 1 == file.steps.len();
            match step {
                Step::Transaction { statements } => {
                    self.transaction(whole, at, statements, sent, is_last).await?;
                }
                Step::Alone { statement, resume } => self.alone(file, run, at, *statement, resume, sent).await?,
            }
            sent += step.statements().len();
        }
        // Nothing is left that could take the history's row along.
        if !matches!(file.steps.last(), Some(Step::Transaction { .. })) || first == file.steps.len() {
            self.transaction(whole, file.steps.len(), &[], sent, true).await?;
        }
        reached("committed");
        Ok(begin.elapsed())
    }

    /// Runs statements in a transaction; tries again where a lock was not to be had.
    async fn transaction(
        &mut self,
        whole: Whole<'_>,
        at: usize,
        statements: &[Statement],
        sent: usize,
        is_last: bool,
    ) -> Result<(), ApplyError> {
        let file = whole.file;
        let mut attempt = 1;
        loop {
            let done = self.attempt(whole, at, statements, sent, is_last).await;
            let (error, holder) = match done {
                Ok(()) => return Ok(()),
                Err(Attempt::Failed(error)) => return Err(error),
                Err(Attempt::Again { error, holder }) => (error, holder),
            };
            if self.cancel.is_cancelled() {
                return Err(ApplyError::Cancelled {
                    file: file.file.clone(),
                });
            }
            if attempt >= self.limits.attempts {
                return Err(if error.error.is_lock_timeout() {
                    ApplyError::Locked {
                        attempts: attempt,
                        holder,
                        error,
                    }
                } else {
                    ApplyError::Statement(error)
                });
            }
            attempt += 1;
            let pause = self.limits.pause * 2_u32.saturating_pow(attempt - 2);
            self.tell.tell(Event::Retry {
                attempt,
                milliseconds: u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                holder,
            });
            tokio::select! {
                () = sleep(pause) => {}
                () = self.cancel.cancelled() => return Err(ApplyError::Cancelled { file: file.file.clone() }),
            }
        }
    }

    async fn attempt(
        &mut self,
        whole: Whole<'_>,
        at: usize,
        statements: &[Statement],
        sent: usize,
        is_last: bool,
    ) -> Result<(), Attempt> {
        let Whole {
            file,
            losses,
            run,
            begin,
        } = whole;
        let started = Instant::now();
        let limits = self.limits;
        let prepared = self
            .prepare(file, at, limits.lock_timeout, limits.statement_timeout)
            .await;
        let prepared = match prepared {
            Ok(()) => self.work.execute("BEGIN").await,
            failed => failed,
        };
        prepared.map_err(|error| Attempt::Failed(lost_or(file, error)))?;
        reached("begun");
        let of = file.statements();
        for (number, statement) in statements.iter().enumerate() {
            self.tell.tell(Event::Statement {
                index: sent + number + 1,
                of,
            });
            for loss in archive::of_statement(losses, statement.span) {
                let keeping =
                    async |work: &mut Connection| archive::keep(work, run, &file.version, loss, Purpose::PutBack).await;
                let (kept, holder) = self.watch(keeping).await;
                match kept {
                    Ok(_) => {}
                    Err(ArchiveError::Server(error) | ArchiveError::Refused { error, .. }) => {
                        return Err(self.gave_up(file, *statement, Failed { error, holder }).await);
                    }
                    Err(error) => {
                        self.rollback().await;
                        return Err(Attempt::Failed(ApplyError::Archive {
                            file: file.file.clone(),
                            error,
                        }));
                    }
                }
            }
            reached("kept");
            let data = statement.data.map(|data| copy_data(data.slice(&file.text)));
            if let Err(failed) = self.run(statement.span.slice(&file.text), data).await {
                return Err(self.gave_up(file, *statement, failed).await);
            }
            reached("statement");
        }
        let recorded = self.record(file, run, at, is_last, started, begin).await;
        let transaction = match recorded {
            Ok(transaction) => transaction,
            Err(error) => {
                let failed = Failed { error, holder: None };
                return Err(self.gave_up(file, end_of(file), failed).await);
            }
        };
        reached("recorded");
        if !self.lock.is_held().await {
            self.rollback().await;
            return Err(Attempt::Failed(ApplyError::LockLost {
                file: file.file.clone(),
            }));
        }
        if self.cancel.is_cancelled() {
            self.rollback().await;
            return Err(Attempt::Failed(ApplyError::Cancelled {
                file: file.file.clone(),
            }));
        }
        reached("commit");
        match self.work.execute("COMMIT").await {
            Ok(()) => Ok(()),
            Err(error) if error.is_connection_lost() => self.find_out(file, run, at, &transaction, error).await,
            Err(error) => {
                let failed = Failed { error, holder: None };
                Err(self.gave_up(file, end_of(file), failed).await)
            }
        }
    }

    /// Writes journal and, at the end, history, in the transaction that they tell of. Returns that transaction's number.
    async fn record(
        &mut self,
        file: &File,
        run: i64,
        at: usize,
        is_last: bool,
        started: Instant,
        begin: Instant,
    ) -> Result<String, ServerError> {
        let step = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let elapsed = if is_last { begin.elapsed() } else { started.elapsed() };
        let update = Update {
            state: is_last.then_some(State::Applied),
            step: Some(step),
            duration_ms: is_last.then(|| u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)),
            ..Update::default()
        };
        let row = if is_last {
            history::insert(&file.version, &file.name, &file.recorded()) + ";\n"
        } else {
            String::new()
        };
        // The migration may have become somebody else, or look elsewhere for names.
        let sql = format!(
            "RESET SESSION AUTHORIZATION; RESET ROLE; SET LOCAL search_path = '';\n{row}{};
             SELECT pg_catalog.pg_current_xact_id()::text",
            journal::update(run, &update)
        );
        let rows = self.work.rows(&sql).await?;
        Ok(rows
            .into_iter()
            .next_back()
            .and_then(|row| row.into_iter().next().flatten())
            .unwrap_or_default())
    }

    /// Rolls back, and says what became of the file.
    async fn gave_up(&mut self, file: &File, statement: Statement, failed: Failed) -> Attempt {
        let Failed { error, holder } = failed;
        if error.is_connection_lost() {
            // The COMMIT was not sent, so nothing of this transaction can be there.
            return Attempt::Failed(ApplyError::Lost {
                file: file.file.clone(),
                error,
            });
        }
        self.rollback().await;
        if error.is_cancelled() && self.cancel.is_cancelled() {
            return Attempt::Failed(ApplyError::Cancelled {
                file: file.file.clone(),
            });
        }
        let again = TRY_AGAIN.contains(&error.sqlstate.as_str());
        let error = StatementError::new(file, statement, error);
        if again {
            Attempt::Again { error, holder }
        } else {
            Attempt::Failed(ApplyError::Statement(error))
        }
    }

    /// The connection went away while the COMMIT was on its way: the server knows whether it arrived.
    async fn find_out(
        &mut self,
        file: &File,
        run: i64,
        at: usize,
        transaction: &str,
        lost: ServerError,
    ) -> Result<(), Attempt> {
        self.tell.tell(Event::Note {
            text: format!(
                "the connection was lost at COMMIT ({}); asking the server what became of it",
                lost.message
            ),
        });
        let unknown = |error: String| {
            Attempt::Failed(ApplyError::Unknown {
                file: file.file.clone(),
                error,
            })
        };
        self.reconnect().await.map_err(|error| unknown(error.to_string()))?;
        let begin = Instant::now();
        loop {
            let status = self
                .work
                .value(&format!(
                    "SELECT pg_catalog.pg_xact_status({}::xid8)",
                    literal(transaction)
                ))
                .await
                .map_err(|error| unknown(error.to_string()))?;
            match status.as_deref() {
                Some("committed") => return Ok(()),
                Some("in progress") if begin.elapsed() < NOTICE => sleep(Duration::from_millis(100)).await,
                Some("aborted") => {
                    return Err(Attempt::Failed(ApplyError::Lost {
                        file: file.file.clone(),
                        error: lost,
                    }));
                }
                // Too old to be known, or still not ended: what it wrote decides.
                _ => {
                    let sql = format!("SELECT step > {at} FROM dblsp.run WHERE id = {run}");
                    let there = self
                        .work
                        .value(&sql)
                        .await
                        .map_err(|error| unknown(error.to_string()))?;
                    return if there.as_deref() == Some("t") {
                        Ok(())
                    } else {
                        Err(unknown(lost.message))
                    };
                }
            }
        }
    }

    /// Runs a statement that refuses to run in a transaction.
    async fn alone(
        &mut self,
        file: &File,
        run: i64,
        at: usize,
        statement: Statement,
        resume: &Resume,
        sent: usize,
    ) -> Result<(), ApplyError> {
        let fail = |error| lost_or(file, error);
        self.prepare(file, at, Duration::ZERO, Duration::ZERO)
            .await
            .map_err(fail)?;
        let mark = self.mark(resume).await.map_err(fail)?;
        self.reset().await.map_err(fail)?;
        let update = Update {
            resume: Some(json!({ "step": at, "indexes": mark })),
            ..Update::default()
        };
        self.work.execute(&journal::update(run, &update)).await.map_err(fail)?;
        self.prepare(file, at, Duration::ZERO, Duration::ZERO)
            .await
            .map_err(fail)?;
        reached("alone");
        self.tell.tell(Event::Statement {
            index: sent + 1,
            of: file.statements(),
        });
        let done = self.run(statement.span.slice(&file.text), None).await;
        reached("alone-done");
        if let Err(Failed { error, .. }) = done {
            if error.is_connection_lost() {
                return Err(ApplyError::Lost {
                    file: file.file.clone(),
                    error,
                });
            }
            let is_cancelled = error.is_cancelled() && self.cancel.is_cancelled();
            // An index that was not finished is of no use, and in the way of the next attempt.
            drop(self.clean(resume, &json!(mark)).await);
            drop(self.reset().await);
            let note = Update {
                step: u32::try_from(at).ok(),
                ..Update::default()
            };
            drop(self.work.execute(&journal::update(run, &note)).await);
            return Err(if is_cancelled {
                ApplyError::Cancelled {
                    file: file.file.clone(),
                }
            } else {
                ApplyError::Statement(StatementError::new(file, statement, error))
            });
        }
        self.step_done(run, at).await.map_err(fail)
    }

    pub(super) async fn step_done(&mut self, run: i64, at: usize) -> Result<(), ServerError> {
        self.reset().await?;
        let update = Update {
            step: u32::try_from(at + 1).ok(),
            ..Update::default()
        };
        self.work.execute(&journal::update(run, &update)).await?;
        reached("alone-journalled");
        Ok(())
    }

    /// Whether the statement that was begun when the last applier died took effect, by the catalog. Where it did in
    /// part, what is left of it is removed. `None`: nobody can tell.
    pub(super) async fn took_effect(&mut self, resume: &Resume, mark: &Value) -> Result<Option<bool>, ServerError> {
        let yes = |answer: Option<String>| Some(answer.as_deref() == Some("t"));
        match resume {
            Resume::CreateIndex { .. } => {
                let found = self.indexes(resume, mark).await?;
                self.clean(resume, mark).await?;
                Ok(Some(found.iter().any(|(_, valid)| *valid)))
            }
            Resume::DropIndex { index } => {
                let sql = format!("SELECT pg_catalog.to_regclass({}) IS NULL", literal(index));
                Ok(yes(self.work.value(&sql).await?))
            }
            Resume::Detach { table, partition } => {
                let of = format!(
                    "FROM pg_catalog.pg_inherits WHERE inhrelid = pg_catalog.to_regclass({}) AND inhparent = pg_catalog.to_regclass({})",
                    literal(partition),
                    literal(table)
                );
                let pending = self.work.value(&format!("SELECT inhdetachpending {of}")).await?;
                if pending.as_deref() == Some("t") {
                    let sql = format!("ALTER TABLE {table} DETACH PARTITION {partition} FINALIZE");
                    self.work.execute(&sql).await?;
                    return Ok(Some(true));
                }
                Ok(Some(pending.is_none()))
            }
            Resume::Reindex => {
                self.clean(resume, mark).await?;
                Ok(Some(false))
            }
            Resume::Again => Ok(Some(false)),
            Resume::Unknown => Ok(None),
        }
    }

    /// What is there before the statement, to recognise what it made.
    async fn mark(&mut self, resume: &Resume) -> Result<Vec<i64>, ServerError> {
        let sql = match resume {
            Resume::CreateIndex { table } => format!(
                "SELECT indexrelid::bigint FROM pg_catalog.pg_index WHERE indrelid = pg_catalog.to_regclass({})",
                literal(table)
            ),
            Resume::Reindex => "SELECT indexrelid::bigint FROM pg_catalog.pg_index WHERE NOT indisvalid".to_owned(),
            _ => return Ok(Vec::new()),
        };
        let rows = self.work.rows(&sql).await?;
        Ok(rows
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|oid| oid.parse().ok())
            .collect())
    }

    /// The indexes that the statement made, quoted, and whether each is valid.
    async fn indexes(&mut self, resume: &Resume, mark: &Value) -> Result<Vec<(String, bool)>, ServerError> {
        let known: Vec<i64> = mark
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_i64)
            .collect();
        let known = known.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let made = match resume {
            Resume::CreateIndex { table } => format!(
                "i.indrelid = pg_catalog.to_regclass({}) AND i.indexrelid <> ALL ('{{{known}}}'::oid[])",
                literal(table)
            ),
            // What REINDEX CONCURRENTLY leaves behind: <https://www.postgresql.org/docs/current/sql-reindex.html>
            Resume::Reindex => format!(
                "NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$' AND i.indexrelid <> ALL ('{{{known}}}'::oid[])"
            ),
            _ => return Ok(Vec::new()),
        };
        let sql = format!(
            "SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), i.indisvalid
             FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE {made}"
        );
        let rows = self.work.rows(&sql).await?;
        let index = |row: Vec<Option<String>>| {
            let mut values = row.into_iter().map(Option::unwrap_or_default);
            (values.next().unwrap_or_default(), values.next().as_deref() == Some("t"))
        };
        Ok(rows.into_iter().map(index).collect())
    }

    /// Drops the invalid indexes that the statement left.
    async fn clean(&mut self, resume: &Resume, mark: &Value) -> Result<(), ServerError> {
        for (index, is_valid) in self.indexes(resume, mark).await? {
            if !is_valid {
                self.work.execute(&format!("DROP INDEX CONCURRENTLY {index}")).await?;
            }
        }
        Ok(())
    }
}

/// The file that is carried out.
#[derive(Clone, Copy)]
struct Whole<'a> {
    file: &'a File,
    losses: &'a Losses,
    run: i64,
    begin: Instant,
}

/// How an attempt ended that did not succeed. Nothing of it is in the database.
enum Attempt {
    Failed(ApplyError),
    Again {
        error: StatementError,
        holder: Option<Holder>,
    },
}

fn lost_or(file: &File, error: ServerError) -> ApplyError {
    if error.is_connection_lost() {
        ApplyError::Lost {
            file: file.file.clone(),
            error,
        }
    } else {
        ApplyError::Statement(StatementError::new(file, end_of(file), error))
    }
}

/// Where to point to when the COMMIT fails: a deferred constraint does not say which statement broke it.
fn end_of(file: &File) -> Statement {
    let last = file.steps.last().and_then(|step| step.statements().last().copied());
    last.unwrap_or_default()
}
