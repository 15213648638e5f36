//! Undoes migrations, and never commits what it cannot prove: afterwards the objects that the migration touched must be
//! what they were before it, and all others what they are now. Somebody who changes another object in between only makes
//! it refuse: that is rare, and trying again costs little.

#![allow(
    clippy::result_large_err,
    reason = "an error ends the rollback; there is one, and its parts are shown"
)]

mod error;
mod script;
mod verify;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use analysis::history::{CompanionKind, History, Migration};
use analysis::settings::Settings;
use serde::Serialize;
use serde_json::Value;

use crate::address::Address;
use crate::archive::{self, Losses, Purpose};
use crate::capture::{Capture, Difference, Name, compare};
use crate::connection::{Connection, ServerError};
use crate::event::{Event, Moment, Tell};
use crate::failpoint::reached;
use crate::history::{self, Row};
use crate::journal::{self, Confirmation, NewRun, Run, State, Update, Verb};
use crate::lock::Lock;
use crate::plan::{File, Step, checksum};
use crate::text::copy_data;
use crate::written_up;

pub use error::RollbackError;
use script::Found;
pub use script::{Script, script_of};
use verify::{among, expected};

/// What is to be undone, where, and who wants it.
pub struct Request<'a> {
    /// Where.
    pub address: &'a Address,
    /// What the settings call it.
    pub environment: &'a str,
    /// The files.
    pub history: &'a History,
    /// How to replay them.
    pub settings: &'a Settings,
    /// Which.
    pub which: Which,
    /// Also what destroys rows that cannot be kept.
    pub accept_data_loss: bool,
    /// Also a migration whose catalogs before and after nobody kept: what it touched is then not compared.
    pub accept_unverified: bool,
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

/// Which migrations are undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// One.
    Only(String),
    /// All after this one, newest first.
    To(String),
    /// This one and all after it, newest first.
    ToBefore(String),
}

/// What was done.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Migration by migration, newest first.
    pub migrations: Vec<Undone>,
}

/// A migration that is not in the database any more.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Undone {
    /// Version.
    pub version: String,
    /// Its file.
    pub file: String,
    /// The script.
    pub script: String,
    /// How long it took.
    pub milliseconds: u64,
    /// Rows that came back.
    pub rows_put_back: u64,
    /// Archives of what the script itself destroyed.
    pub archives: Vec<i64>,
    /// Tables whose columns stand in another order than before.
    pub reordered: Vec<String>,
    /// What changed elsewhere meanwhile.
    #[serde(serialize_with = "differences")]
    pub elsewhere: Vec<Difference>,
    /// Why nothing was compared before the commit, or at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unverified: Option<&'static str>,
}

fn differences<S: serde::Serializer>(list: &[Difference], serializer: S) -> Result<S::Ok, S::Error> {
    list.iter()
        .map(Difference::to_json)
        .collect::<Vec<Value>>()
        .serialize(serializer)
}

/// Undoes what is asked for, newest first, a transaction each. Stops at the first that cannot be undone; what was
/// undone before it stays so, and `done` says what.
pub async fn rollback(request: &Request<'_>, done: &mut Report, tell: &dyn Tell) -> Result<(), RollbackError> {
    let application = format!("dblsp rollback ({})", request.who);
    let lock = Lock::acquire(request.address, &application, request.patience, tell).await?;
    let connection = Connection::connect(request.address, &application).await?;
    let mut work = Work {
        request,
        connection,
        tell,
        application,
    };
    let result = work.run(done).await;
    work.connection.close().await;
    lock.release().await;
    result
}

struct Work<'a> {
    request: &'a Request<'a>,
    connection: Connection,
    tell: &'a dyn Tell,
    application: String,
}

/// One migration, with all that is known before anything is touched.
struct Job<'a> {
    migration: &'a Migration,
    script: File,
    applied: Option<Run>,
    /// What it touched, and the two moments.
    kept: Option<(BTreeSet<Name>, Capture)>,
    losses: Losses,
}

impl<'a> Work<'a> {
    async fn run(&mut self, done: &mut Report) -> Result<(), RollbackError> {
        journal::install(&mut self.connection).await?;
        let rows = history::read(&mut self.connection).await?;
        let versions = self.versions(&rows)?;
        // All that can be refused is refused before the first is touched.
        for version in &versions {
            Found::new(self.request.history, version)?;
        }
        for version in versions {
            let job = self.prepare(&version).await?;
            done.migrations.push(self.undo(&job).await?);
        }
        Ok(())
    }

    /// The applied versions that are meant, newest first.
    fn versions(&self, rows: &[Row]) -> Result<Vec<String>, RollbackError> {
        let applied: Vec<&str> = rows.iter().map(|row| row.version.as_str()).collect();
        let (Which::Only(asked) | Which::To(asked) | Which::ToBefore(asked)) = &self.request.which;
        let is_known = self
            .request
            .history
            .migrations
            .iter()
            .any(|migration| migration.version == *asked);
        if !applied.contains(&asked.as_str()) {
            return Err(if is_known {
                RollbackError::NotApplied(asked.clone())
            } else {
                RollbackError::Unknown(asked.clone())
            });
        }
        let is_meant = |version: &&&str| match &self.request.which {
            Which::Only(only) => **version == only.as_str(),
            Which::To(to) => **version > to.as_str(),
            Which::ToBefore(to) => **version >= to.as_str(),
        };
        let mut versions: Vec<String> = applied
            .iter()
            .filter(is_meant)
            .map(|version| (*version).to_owned())
            .collect();
        versions.sort();
        versions.reverse();
        Ok(versions)
    }

    async fn prepare(&mut self, version: &str) -> Result<Job<'a>, RollbackError> {
        let Found {
            migration,
            script: found,
            file: script,
        } = Found::new(self.request.history, version)?;
        let runs = journal::runs(&mut self.connection).await?;
        let rows = history::read(&mut self.connection).await?;
        let applied = last_apply(&runs, version).cloned();
        let kept = self.kept(version, &rows, &runs, applied.as_ref()).await?;
        let losses = script::losses(self.request.history, self.request.settings, migration, &found);
        if !losses.not_archivable.is_empty() && !self.request.accept_data_loss {
            return Err(RollbackError::DataLoss {
                script: script.path,
                reasons: losses.not_archivable,
            });
        }
        Ok(Job {
            migration,
            script,
            applied,
            kept,
            losses,
        })
    }

    /// What the migration touched and what that was before it, seen to be untouched since.
    async fn kept(
        &mut self,
        version: &str,
        rows: &[Row],
        runs: &[Run],
        applied: Option<&Run>,
    ) -> Result<Option<(BTreeSet<Name>, Capture)>, RollbackError> {
        let not_kept = |why: &str| RollbackError::NotKept {
            version: version.to_owned(),
            why: why.to_owned(),
        };
        let Some((before, after)) = self.moments(applied).await? else {
            return if self.request.accept_unverified {
                Ok(None)
            } else {
                Err(not_kept(""))
            };
        };
        if before.server_major != self.connection.server_major() {
            return if self.request.accept_unverified {
                Ok(None)
            } else {
                Err(not_kept(" by this major version of the server"))
            };
        }
        let touched: BTreeSet<Name> = compare(&before, &after).iter().map(Difference::name).collect();
        for later in rows.iter().filter(|row| row.version.as_str() > version) {
            let run = last_apply(runs, &later.version);
            let Some((before, after)) = self.moments(run).await? else {
                return Err(not_kept(&format!(", nor what `{}` changed after it", later.version)));
            };
            let theirs: BTreeSet<Name> = compare(&before, &after).iter().map(Difference::name).collect();
            let shared: Vec<Name> = touched.intersection(&theirs).cloned().collect();
            if !shared.is_empty() {
                return Err(RollbackError::NotLatest {
                    version: version.to_owned(),
                    later: later.version.clone(),
                    shared,
                });
            }
        }
        let live = Capture::read(&mut self.connection).await?;
        let differences = among(compare(&after, &live), &touched);
        if !differences.is_empty() {
            return Err(RollbackError::Changed {
                version: version.to_owned(),
                differences,
            });
        }
        Ok(Some((touched, before)))
    }

    async fn moments(&mut self, run: Option<&Run>) -> Result<Option<(Capture, Capture)>, ServerError> {
        let Some(run) = run else { return Ok(None) };
        let before = journal::catalog(&mut self.connection, run.id, Moment::Before).await?;
        let after = journal::catalog(&mut self.connection, run.id, Moment::After).await?;
        Ok(before.zip(after))
    }

    async fn undo(&mut self, job: &Job<'_>) -> Result<Undone, RollbackError> {
        let version = job.migration.version.clone();
        self.tell.tell(Event::Rollback {
            path: job.script.path.clone(),
            scaffolded: false,
        });
        let run = journal::start(
            &mut self.connection,
            &NewRun {
                version: &version,
                file: job.migration.file_name(),
                verb: Verb::Rollback,
                environment: self.request.environment,
                who: &self.request.who,
                checksum: &checksum(&job.script.text),
                confirmations: &self.request.confirmations,
            },
        )
        .await?;
        reached("rollback-started");
        let begin = Instant::now();
        let mut undone = Undone {
            version,
            file: job.migration.file_name().to_owned(),
            script: job.script.path.clone(),
            ..Undone::default()
        };
        match self.carry_out(job, run, &mut undone).await {
            Ok(()) => {}
            Err(error) => {
                // Where the connection is gone, the server has rolled back by itself.
                drop(self.connection.execute("ROLLBACK").await);
                let note = error.to_string();
                let failed = journal::update(
                    run,
                    &Update {
                        state: Some(State::Failed),
                        note: Some(&note),
                        ..Update::default()
                    },
                );
                drop(self.connection.execute(&failed).await);
                return Err(error);
            }
        }
        undone.milliseconds = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.tell.tell(Event::Undone {
            milliseconds: undone.milliseconds,
        });
        if let Some(path) = &self.request.page {
            let event = project::page::Event::RolledBack;
            let entry = written_up::entry(job.migration, self.request.environment, event, SystemTime::now());
            // The migration is gone whether that succeeds or not.
            if let Err(error) = written_up::write(path, &entry) {
                let text = format!("`{}` was not written: {error}", path.display());
                self.tell.tell(Event::Alert { text });
            }
        }
        let finished = journal::update(
            run,
            &Update {
                state: Some(State::Finished),
                duration_ms: Some(undone.milliseconds),
                ..Update::default()
            },
        );
        self.connection.execute(&finished).await?;
        reached("rollback-finished");
        Ok(undone)
    }

    async fn carry_out(&mut self, job: &Job<'_>, run: i64, undone: &mut Undone) -> Result<(), RollbackError> {
        let live = Capture::read(&mut self.connection).await?;
        let is_atomic = job.script.is_atomic();
        let last = job.script.steps.len().saturating_sub(1);
        let empty = Step::Transaction { statements: Vec::new() };
        let steps: Vec<&Step> = if job.script.steps.is_empty() {
            vec![&empty]
        } else {
            job.script.steps.iter().collect()
        };
        for (at, step) in steps.into_iter().enumerate() {
            match step {
                Step::Transaction { .. } => {
                    self.begin().await?;
                    self.statements(job, run, step, undone).await?;
                    if at == last {
                        self.end(job, run, undone).await?;
                        if is_atomic {
                            self.verify(job, &live, undone).await?;
                        }
                    }
                    self.commit(job, at == last).await?;
                }
                Step::Alone { .. } => {
                    self.connection.execute("SET search_path = ''").await?;
                    self.statements(job, run, step, undone).await?;
                    if at == last {
                        self.begin().await?;
                        self.end(job, run, undone).await?;
                        self.commit(job, true).await?;
                    }
                }
            }
        }
        reached("rollback-committed");
        self.look_again(job, &live, is_atomic, undone).await
    }

    async fn begin(&mut self) -> Result<(), ServerError> {
        let limit = self.request.lock_timeout.as_millis();
        self.connection
            .execute(&format!(
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL search_path = ''; SET LOCAL lock_timeout = {limit}; \
                 SET LOCAL statement_timeout = 0"
            ))
            .await
    }

    /// Runs the statements of a step, each after keeping the rows that it destroys.
    async fn statements(
        &mut self,
        job: &Job<'_>,
        run: i64,
        step: &Step,
        undone: &mut Undone,
    ) -> Result<(), RollbackError> {
        let text = &job.script.text;
        for statement in step.statements() {
            for loss in archive::of_statement(&job.losses, statement.span) {
                let version = &job.migration.version;
                let kept = archive::keep(&mut self.connection, run, version, loss, Purpose::Export).await?;
                undone.archives.extend(kept);
            }
            reached("rollback-kept");
            if let Some(applied) = job.applied.as_ref().filter(|_| wants_rows(text, statement.span.start)) {
                archive::put_back_columns(&mut self.connection, applied.id).await?;
            }
            let sql = statement.span.slice(text);
            let result = match statement.data {
                Some(data) => self
                    .connection
                    .copy_in(sql, copy_data(data.slice(text)))
                    .await
                    .map(drop),
                None => self.connection.execute(sql).await,
            };
            result.map_err(|error| {
                let at = statement.span.start as usize + error.byte_offset.unwrap_or_default();
                RollbackError::Statement {
                    script: job.script.path.clone(),
                    line: text[..at.min(text.len())].matches('\n').count() + 1,
                    error,
                }
            })?;
        }
        reached("rollback-script");
        Ok(())
    }

    /// Puts rows back and takes the migration out of the record.
    async fn end(&mut self, job: &Job<'_>, run: i64, undone: &mut Undone) -> Result<(), RollbackError> {
        // The script may have changed it.
        self.connection
            .execute("RESET ROLE; SET LOCAL search_path = ''")
            .await?;
        if let Some(applied) = &job.applied {
            undone.rows_put_back = archive::put_back(&mut self.connection, applied.id).await?;
            reached("rollback-put-back");
            let update = Update {
                state: Some(State::RolledBack),
                ..Update::default()
            };
            self.connection.execute(&journal::update(applied.id, &update)).await?;
        }
        self.connection
            .execute(&history::delete(&job.migration.version))
            .await?;
        let update = Update {
            state: Some(State::Applied),
            ..Update::default()
        };
        self.connection.execute(&journal::update(run, &update)).await?;
        reached("rollback-recorded");
        Ok(())
    }

    async fn verify(&mut self, job: &Job<'_>, live: &Capture, undone: &mut Undone) -> Result<(), RollbackError> {
        self.tell.tell(Event::Verifying);
        let Some((touched, before)) = &job.kept else {
            undone.unverified = Some("what the migration changed was not kept");
            return Ok(());
        };
        let wanted = expected(live, touched, before);
        let now = Capture::read_in_transaction(&mut self.connection).await?;
        let (order, found): (Vec<Difference>, Vec<Difference>) =
            compare(&wanted, &now).into_iter().partition(Difference::is_only_order);
        if !found.is_empty() {
            return Err(RollbackError::Differs {
                script: job.script.path.clone(),
                version: job.migration.version.clone(),
                differences: found,
            });
        }
        undone.reordered = order.into_iter().map(|difference| difference.identity).collect();
        reached("rollback-verified");
        Ok(())
    }

    async fn commit(&mut self, job: &Job<'_>, is_last: bool) -> Result<(), RollbackError> {
        match self.connection.execute("COMMIT").await {
            Err(error) if error.is_connection_lost() && is_last => self.find_out(&job.migration.version).await,
            other => Ok(other?),
        }
    }

    /// The history row, which goes in the same transaction, tells whether that committed.
    async fn find_out(&mut self, version: &str) -> Result<(), RollbackError> {
        let unknown = || RollbackError::CommitUnknown(version.to_owned());
        for _ in 0..30 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let Ok(connection) = Connection::connect(self.request.address, &self.application).await else {
                continue;
            };
            self.connection = connection;
            let rows = history::read(&mut self.connection).await.map_err(|_| unknown())?;
            return if rows.iter().any(|row| row.version == version) {
                Err(unknown())
            } else {
                Ok(())
            };
        }
        Err(unknown())
    }

    /// What is different elsewhere is somebody else's work; people should know.
    async fn look_again(
        &mut self,
        job: &Job<'_>,
        live: &Capture,
        is_atomic: bool,
        undone: &mut Undone,
    ) -> Result<(), RollbackError> {
        let Some((touched, before)) = &job.kept else {
            undone.unverified = Some("what the migration changed was not kept");
            return Ok(());
        };
        let now = Capture::read(&mut self.connection).await?;
        let found = compare(&expected(live, touched, before), &now);
        undone.elsewhere = found
            .into_iter()
            .filter(|difference| !difference.is_only_order())
            .collect();
        if !is_atomic {
            undone.unverified = Some("the script has steps that cannot run in a transaction: compared afterwards only");
        }
        for difference in &undone.elsewhere {
            self.tell.tell(Event::Alert {
                text: format!("not as before `{}`: {difference}", job.migration.version),
            });
        }
        Ok(())
    }
}

/// Whether the comment above a statement says that rows must be back before it: `-- dblsp: restore t (c)`.
pub(crate) fn wants_rows(text: &str, statement: u32) -> bool {
    let above = text.get(..statement as usize).unwrap_or_default().lines().rev();
    let comments = above
        .map(str::trim)
        .take_while(|line| line.is_empty() || line.starts_with("--"));
    comments.into_iter().any(|line| line.starts_with("-- dblsp: restore "))
}

fn last_apply<'r>(runs: &'r [Run], version: &str) -> Option<&'r Run> {
    let is_it = |run: &&Run| {
        run.version == version && run.verb == Verb::Apply && matches!(run.state, State::Applied | State::Finished)
    };
    runs.iter().rev().find(is_it)
}

/// Paths of the scripts that a project keeps.
pub fn scripts(history: &History) -> impl Iterator<Item = &str> {
    let scripts = history
        .companions
        .iter()
        .filter(|companion| companion.kind == CompanionKind::Rollback);
    scripts.map(|companion| companion.path.as_str())
}
