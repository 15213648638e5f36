//! Applies migrations to a database: the document's db-migrate, made safe.
//!
//! Killed at any moment, the history and the journal say what is there, and the next apply goes on from that.

mod after;
mod carry;
mod error;
mod judged;
mod rehearsal;
mod session;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use analysis::history::{History, Migration};
use analysis::settings::Settings;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::address::Address;
use crate::archive::Losses;
use crate::capture::Capture;
use crate::connection::{Connection, ServerError};
use crate::environment::{EnvironmentError, Place, Target};
use crate::event::{Event, Moment, Tell};
use crate::failpoint::reached;
use crate::history::{self, Row};
use crate::journal::{self, Confirmation, NewRun, Run, State, Update, Verb};
use crate::plan::{self, File, Step};
use crate::preflight::{self, Checklist};
use crate::snapshot::{self, Client, Libpq, SnapshotError};

pub use error::{ApplyError, StatementError};
pub(crate) use judged::Judged;
use session::Session;

/// What is to be applied, where, and who wants it.
pub struct Request<'a> {
    /// Where.
    pub target: &'a Target,
    /// What the target requires, each as far as it could be found.
    pub required: Vec<(String, Result<Target, EnvironmentError>)>,
    /// The files.
    pub history: &'a History,
    /// How to judge them.
    pub settings: &'a Settings,
    /// The project's folder: it keeps a throw-away server on which rollbacks are proven. `None`: nothing is proven.
    pub workspace: Option<PathBuf>,
    /// Where the files beside them lie; `None`: write none.
    pub places: Option<Places>,
    /// Which, and how.
    pub options: plan::Options,
    /// On a throw-away server only.
    pub dry_run: bool,
    /// Also what is not proven, or proven to leave something else than was there.
    pub accept_unproven: bool,
    /// Also what destroys rows that cannot be kept.
    pub accept_data_loss: bool,
    /// Who wants it, for people.
    pub who: String,
    /// What was confirmed.
    pub confirmations: Vec<Confirmation>,
    /// How long to wait.
    pub limits: Limits,
    /// Ends it in good order.
    pub cancel: CancellationToken,
    /// The time, for the window.
    pub now: SystemTime,
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For another applier to be done.
    pub patience: Duration,
    /// For a lock on a table, each time; zero is for ever.
    pub lock_timeout: Duration,
    /// For one statement; zero is for ever.
    pub statement_timeout: Duration,
    /// How often to try a transaction that did not get its locks.
    pub attempts: u32,
    /// Before the second attempt; doubled before every further one.
    pub pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(5),
            statement_timeout: Duration::ZERO,
            attempts: 5,
            pause: Duration::from_secs(1),
        }
    }
}

/// Folders beside the migrations. Absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The folder that paths are shown relative to: `supabase`.
    pub above: PathBuf,
    /// Snapshots.
    pub schemas: PathBuf,
    /// Rollback scripts.
    pub rollback: PathBuf,
    /// Smoke and integration tests.
    pub tests: PathBuf,
    /// `MIGRATIONS.md`, where the project keeps one.
    pub page: Option<PathBuf>,
}

impl Places {
    /// A path as the document writes it: `schemas/v0.7.0_20251026211500.sql`.
    pub fn show(&self, path: &Path) -> String {
        let shown = path.strip_prefix(&self.above).unwrap_or(path);
        shown.to_string_lossy().replace('\\', "/")
    }

    /// Where a migration's snapshot goes.
    pub fn snapshot(&self, migration: &Migration, moment: Moment) -> PathBuf {
        let after = if moment == Moment::After { "_after" } else { "" };
        let version = &migration.version;
        self.schemas.join(match migration.release() {
            Some(release) => format!("v{release}_{version}{after}.sql"),
            None => format!("{version}{after}.sql"),
        })
    }
}

/// What was done.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Environment and address.
    pub target: String,
    /// Whether it was on a throw-away server.
    pub rehearsed: bool,
    /// What was looked at beforehand.
    pub preflight: Checklist,
    /// Migration by migration.
    pub migrations: Vec<Applied>,
}

/// A migration that is in the database now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// Version.
    pub version: String,
    /// File name.
    pub file: String,
    /// How many statements it has.
    pub statements: usize,
    /// Whether only what an interrupted apply had left was done.
    pub resumed: bool,
    /// How long its statements took.
    pub milliseconds: u64,
    /// Path of the snapshot before.
    pub snapshot_before: Option<String>,
    /// Path of the snapshot after.
    pub snapshot_after: Option<String>,
    /// Path of the script that undoes it.
    pub rollback: Option<String>,
    /// How its version's smoke test ended; `None` where there is none, or its version is not all there yet.
    pub smoke_test: Option<bool>,
    /// What somebody should look at.
    pub alerts: Vec<String>,
}

/// Applies what is pending.
pub async fn apply(request: &Request<'_>, tell: &dyn Tell) -> Result<Report, ApplyError> {
    tell.tell(Event::Target {
        target: request.target.to_string(),
    });
    match &request.target.place {
        Place::Server(address) if !request.dry_run => Applier::run(request, address, tell).await,
        place => rehearsal::run(request, place, tell).await,
    }
}

/// Whether what is pending can be applied on a throw-away server.
pub(crate) async fn rehearsed(request: &Request<'_>, target: &Target) -> Result<(), ApplyError> {
    rehearsal::run(request, &target.place, &()).await.map(drop)
}

/// What a database holds that a plan goes by.
pub(crate) async fn look(connection: &mut Connection) -> Result<(Vec<Row>, Vec<Run>), ServerError> {
    Ok((history::read(connection).await?, journal::runs(connection).await?))
}

struct Applier<'a> {
    request: &'a Request<'a>,
    session: Session<'a>,
    tell: &'a dyn Tell,
    client: Result<Client, snapshot::ClientError>,
    libpq: Libpq,
}

impl<'a> Applier<'a> {
    async fn run(request: &'a Request<'a>, address: &'a Address, tell: &'a dyn Tell) -> Result<Report, ApplyError> {
        if let Some(note) = address.note {
            tell.tell(Event::Note { text: note.to_owned() });
        }
        let session = Session::open(
            address,
            &request.who,
            request.limits,
            request.cancel.clone(),
            tell,
            false,
        )
        .await?;
        reached("locked");
        let client = Client::discover(session.work.server_major(), &[]);
        let mut applier = Self {
            request,
            session,
            tell,
            client,
            libpq: Libpq::new(address).map_err(SnapshotError::NotRun)?,
        };
        let done = applier.work().await;
        applier.session.close().await;
        done
    }

    async fn work(&mut self) -> Result<Report, ApplyError> {
        let (rows, runs) = look(&mut self.session.work).await?;
        let plan = plan::plan(self.request.history, &rows, &runs, &self.request.options)?;
        let mut report = Report {
            target: self.request.target.to_string(),
            rehearsed: false,
            preflight: Checklist::default(),
            migrations: Vec::new(),
        };
        report
            .migrations
            .extend(self.finish_what_was_applied(&rows, &runs).await?);
        if plan.files.is_empty() && plan.before.is_empty() {
            return Ok(report);
        }
        let judged = Judged::new(self.request.history, self.request.settings, &plan);
        report.preflight = preflight::check(self.request, &plan, &judged, &mut self.session.work, &self.client).await?;
        self.tell.tell(Event::Preflight {
            checklist: report.preflight.clone(),
        });
        if report.preflight.failures().next().is_some() {
            return Err(ApplyError::Preflight(report.preflight));
        }
        journal::install(&mut self.session.work).await?;
        reached("installed");
        for file in &plan.files {
            let applied = self.file(file, &runs, &judged).await?;
            report.migrations.push(applied);
        }
        Ok(report)
    }

    async fn file(&mut self, file: &File, runs: &[Run], judged: &Judged) -> Result<Applied, ApplyError> {
        self.tell.tell(Event::Migration {
            file: file.file.clone(),
        });
        let (run, first) = match self.resume(file, runs).await? {
            Some(found) => found,
            None => (self.start(file).await?, 0),
        };
        reached("started");
        let migration = &self.request.history.migrations[file.number];
        let mut applied = Applied {
            version: file.version.clone(),
            file: file.file.clone(),
            statements: file.statements(),
            resumed: first > 0,
            ..Applied::default()
        };
        if first == 0 {
            applied.snapshot_before = self.snapshot(migration, run, Moment::Before).await?.1;
        }
        reached("snapshot");
        self.tell.tell(Event::Applying {
            file: file.file.clone(),
        });
        let none = Losses::default();
        let losses = judged
            .losses
            .get(&file.number)
            .filter(|_| !self.request.accept_data_loss)
            .unwrap_or(&none);
        let done = self.session.carry_out(file, losses, run, first).await;
        let elapsed = match done {
            Ok(elapsed) => elapsed,
            Err(error) => {
                self.note_failure(run, &error).await;
                return Err(error);
            }
        };
        applied.milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        self.tell.tell(Event::Applied {
            milliseconds: applied.milliseconds,
        });
        self.after(migration, run, Some((file.number, judged)), &mut applied)
            .await?;
        Ok(applied)
    }

    async fn start(&mut self, file: &File) -> Result<i64, ServerError> {
        let new = NewRun {
            version: &file.version,
            file: &file.file,
            verb: Verb::Apply,
            environment: &self.request.target.name,
            who: &self.request.who,
            checksum: &file.checksum,
            confirmations: &self.request.confirmations,
        };
        journal::start(&mut self.session.work, &new).await
    }

    /// The run that an earlier apply began and did not end, and the step to go on with.
    async fn resume(&mut self, file: &File, runs: &[Run]) -> Result<Option<(i64, usize)>, ApplyError> {
        let Some(run) = plan::interrupted(runs, &file.version) else {
            return Ok(None);
        };
        let work = &mut self.session.work;
        if run.step == 0 && run.resume.is_null() {
            if run.state == State::Started {
                let update = Update {
                    state: Some(State::Failed),
                    note: Some("interrupted; nothing of it was in the database"),
                    ..Update::default()
                };
                work.execute(&journal::update(run.id, &update)).await?;
            }
            return Ok(None);
        }
        if run.checksum != file.checksum {
            return Err(ApplyError::Changed {
                file: file.file.clone(),
                done: run.step,
            });
        }
        let mut first = usize::try_from(run.step).unwrap_or_default();
        if let (false, Some(Step::Alone { statement, resume })) = (run.resume.is_null(), file.steps.get(first)) {
            self.session
                .prepare(file, first, Duration::ZERO, Duration::ZERO)
                .await?;
            match self.session.took_effect(resume, &run.resume["indexes"]).await? {
                Some(true) => {
                    self.session.step_done(run.id, first).await?;
                    first += 1;
                }
                Some(false) => {}
                None => {
                    return Err(ApplyError::Undecided {
                        file: file.file.clone(),
                        statement: statement.span.slice(&file.text).to_owned(),
                    });
                }
            }
        }
        self.session.reset().await?;
        let update = Update {
            state: Some(State::Started),
            ..Update::default()
        };
        self.session.work.execute(&journal::update(run.id, &update)).await?;
        self.tell.tell(Event::Note {
            text: format!(
                "an earlier apply was interrupted; going on at step {} of {}",
                first + 1,
                file.steps.len().max(1)
            ),
        });
        Ok(Some((run.id, first)))
    }

    /// Leaves in the journal why a run ended, as far as the server can still be told.
    async fn note_failure(&mut self, run: i64, error: &ApplyError) {
        // What became of it is not known; the next apply finds out.
        if matches!(error, ApplyError::Unknown { .. } | ApplyError::Lost { .. }) {
            return;
        }
        let note = self.session.address.redact(&error.to_string());
        let update = Update {
            state: Some(State::Failed),
            note: Some(&note),
            ..Update::default()
        };
        if self.session.reset().await.is_ok() {
            drop(self.session.work.execute(&journal::update(run, &update)).await);
        }
    }

    /// The migrations of a version that are in the database make it whole: none that is not on hold is left.
    async fn is_whole(&mut self, migration: &Migration) -> Result<bool, ServerError> {
        let rows = history::read(&mut self.session.work).await?;
        let is_there = |version: &str| rows.iter().any(|row| row.version == version);
        let of_version = |other: &&Migration| other.release() == migration.release() && !other.is_held();
        Ok(self
            .request
            .history
            .migrations
            .iter()
            .filter(of_version)
            .all(|other| is_there(&other.version)))
    }

    /// Writes a snapshot beside the migrations, and keeps the catalog in the journal.
    async fn snapshot(
        &mut self,
        migration: &Migration,
        run: i64,
        moment: Moment,
    ) -> Result<(Capture, Option<String>), ApplyError> {
        let work = &mut self.session.work;
        work.execute("SET statement_timeout = 0").await?;
        let capture = Capture::read(work).await?;
        journal::save_catalog(work, run, moment, &capture).await?;
        let Some(places) = &self.request.places else {
            return Ok((capture, None));
        };
        let taken = snapshot::take(work, &self.libpq, &self.client).await?;
        let path = places.snapshot(migration, moment);
        taken.write(&path)?;
        let shown = places.show(&path);
        let (before, after) = match moment {
            Moment::Before => (Some(shown.as_str()), None),
            Moment::After => (None, Some(shown.as_str())),
        };
        let update = Update {
            snapshot_before: before,
            snapshot_after: after,
            ..Update::default()
        };
        work.execute(&journal::update(run, &update)).await?;
        self.tell.tell(Event::Snapshot {
            path: shown.clone(),
            moment,
        });
        Ok((capture, Some(shown)))
    }
}
