//! Applies migrations to a database: the document's db-migrate, made safe.
//!
//! Killed at any moment, the history and the journal say what is there, and the next apply goes on from that.

mod after;
mod carry;
mod rehearsal;
mod session;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use analysis::history::{History, Migration};
use analysis::settings::Settings;
use analysis::text::Span;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::address::Address;
use crate::capture::Capture;
use crate::connection::{ConnectError, Connection, ServerError};
use crate::environment::{EnvironmentError, Place, Target};
use crate::event::{Event, Moment, Tell};
use crate::failpoint::reached;
use crate::history::{self, Row};
use crate::journal::{self, Confirmation, NewRun, Run, State, Update, Verb};
use crate::lock::{Holder, LockError};
use crate::plan::{self, File, Plan, PlanError, Statement, Step};
use crate::preflight::{self, Checklist};
use crate::shadow::ShadowError;
use crate::snapshot::{self, Client, Libpq, SnapshotError};

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
    /// Where the files beside them lie; `None`: write none.
    pub places: Option<Places>,
    /// Which, and how.
    pub options: plan::Options,
    /// On a throw-away server only.
    pub dry_run: bool,
    /// Also on a protected target what is not proven.
    pub accept_unproven: bool,
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
    /// What somebody should look at.
    pub alerts: Vec<String>,
}

/// A statement that the server refused. Nothing of its transaction is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatementError {
    /// File name.
    pub file: String,
    /// Path as people shall see it.
    pub path: String,
    /// The statement in the file.
    #[serde(skip)]
    pub span: Span,
    /// The byte in the file that the server points at; the statement's first where it points at none.
    pub offset: u32,
    /// What the server said.
    #[serde(flatten)]
    pub error: ServerError,
    /// Whether steps before it have stayed, because the file is not one transaction.
    pub partial: bool,
}

impl StatementError {
    fn new(file: &File, statement: Statement, error: ServerError) -> Self {
        let inside = error
            .byte_offset
            .and_then(|offset| u32::try_from(offset).ok())
            .unwrap_or_default();
        let is_first = file
            .steps
            .first()
            .is_some_and(|step| step.statements().contains(&statement));
        Self {
            file: file.file.clone(),
            path: file.path.clone(),
            span: statement.span,
            offset: (statement.span.start + inside).min(statement.span.end.max(statement.span.start)),
            partial: !is_first && !file.is_atomic(),
            error,
        }
    }
}

/// Why a migration was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// No session.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Another dblsp is at work.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A statement of our own was refused.
    #[error("the server refused what dblsp itself needs: {0}")]
    Server(#[from] ServerError),
    /// The options make no sense with these files.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Something on the checklist is not as it should be. Nothing was written.
    #[error("{}", .0.failures().map(|item| format!("{}: {}", item.name, item.verdict)).collect::<Vec<_>>().join("; "))]
    Preflight(Checklist),
    /// No snapshot, so nothing was applied.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// No throw-away server.
    #[error(transparent)]
    Shadow(#[from] ShadowError),
    /// A statement failed.
    #[error("{}: {}", .0.file, .0.error)]
    Statement(StatementError),
    /// A lock was not to be had.
    #[error("{}: no lock after {attempts} attempts; {}", .error.file, holder.as_ref().map_or_else(|| "nobody was seen holding it".to_owned(), |holder| format!("{holder} holds it")))]
    Locked {
        /// How many.
        attempts: u32,
        /// Who has it.
        holder: Option<Holder>,
        /// The statement that waited.
        error: StatementError,
    },
    /// Somebody cancelled. What was not committed is not there.
    #[error("{file}: cancelled; what was not committed is rolled back")]
    Cancelled {
        /// File name.
        file: String,
    },
    /// The connection went away before a COMMIT was sent, or the server says that it did not arrive.
    #[error("{file}: the connection was lost ({error}); what was not committed is rolled back")]
    Lost {
        /// File name.
        file: String,
        /// How.
        error: ServerError,
    },
    /// The session that held the lock went away.
    #[error("{file}: the session that keeps other appliers out was lost; rolled back")]
    LockLost {
        /// File name.
        file: String,
    },
    /// The connection went away at COMMIT, and nobody could be asked.
    #[error("{file}: the connection was lost at COMMIT, and the server cannot be asked whether it arrived: {error}")]
    Unknown {
        /// File name.
        file: String,
        /// How.
        error: String,
    },
    /// An earlier apply ended inside a statement that leaves no trace to go by.
    #[error(
        "{file}: an earlier apply ended inside a statement that runs outside of a transaction, and nothing tells whether it took effect: {statement}"
    )]
    Undecided {
        /// File name.
        file: String,
        /// The statement.
        statement: String,
    },
    /// The file is not the one whose first steps are there.
    #[error("{file}: {done} of its steps are in the database, and the file was changed since")]
    Changed {
        /// File name.
        file: String,
        /// How many.
        done: u32,
    },
}

impl ApplyError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Connect(error) => error.hint().into(),
            Self::Lock(LockError::Connect(error)) => error.hint().into(),
            Self::Lock(_) => "wait until it is done; a session that hangs is ended with `pg_terminate_backend`".into(),
            Self::Server(_) => "the role needs CREATE on the database, and must own the schemas `dblsp` and `supabase_migrations`".into(),
            Self::Plan(error) => error.hint().into(),
            Self::Preflight(_) => "mend what failed; nothing was written".into(),
            Self::Snapshot(error) => error.hint().into(),
            Self::Shadow(error) => error.hint().into(),
            Self::Statement(error) if error.partial => {
                "the steps before it are in the database and in the journal; mend the statement's cause, not the file, and apply again".into()
            }
            Self::Statement(error) => error.error.hint.as_ref().map_or_else(
                || "nothing of the file is in the database; mend it and apply again".to_owned(),
                |hint| format!("{hint} (nothing of the file is in the database)"),
            ),
            Self::Locked { .. } => "end that session or wait for it, and apply again".into(),
            Self::Cancelled { .. } | Self::LockLost { .. } => "apply again".into(),
            Self::Lost { .. } => "see that the server runs, and apply again".into(),
            Self::Unknown { .. } => "apply again once the server answers: its history tells whether the migration is there".into(),
            Self::Undecided { .. } => {
                "look for yourself; then `dblsp mark applied VERSION` if all of the file is there, or undo what is there and `dblsp mark reverted VERSION`".into()
            }
            Self::Changed { .. } => {
                "bring the file back to what was applied, or finish by hand and `dblsp mark applied VERSION`".into()
            }
        }
    }

    /// The statement of a file that it is about.
    pub fn statement(&self) -> Option<&StatementError> {
        match self {
            Self::Statement(error) | Self::Locked { error, .. } => Some(error),
            _ => None,
        }
    }
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
        report.preflight = self.preflight(&plan).await?;
        self.tell.tell(Event::Preflight {
            checklist: report.preflight.clone(),
        });
        if report.preflight.failures().next().is_some() {
            return Err(ApplyError::Preflight(report.preflight));
        }
        journal::install(&mut self.session.work).await?;
        reached("installed");
        for file in &plan.files {
            let applied = self.file(file, &runs).await?;
            report.migrations.push(applied);
        }
        Ok(report)
    }

    async fn preflight(&mut self, plan: &Plan) -> Result<Checklist, ApplyError> {
        preflight::check(self.request, plan, &mut self.session.work, &self.client).await
    }

    async fn file(&mut self, file: &File, runs: &[Run]) -> Result<Applied, ApplyError> {
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
            applied.snapshot_before = self.snapshot(migration, run, Moment::Before).await?;
        }
        reached("snapshot");
        self.tell.tell(Event::Applying {
            file: file.file.clone(),
        });
        let done = self.session.carry_out(file, run, first).await;
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
        self.after(migration, run, &mut applied).await?;
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

    /// Writes a snapshot beside the migrations, and keeps the catalog in the journal.
    async fn snapshot(
        &mut self,
        migration: &Migration,
        run: i64,
        moment: Moment,
    ) -> Result<Option<String>, ApplyError> {
        let work = &mut self.session.work;
        work.execute("SET statement_timeout = 0").await?;
        let capture = Capture::read(work).await?;
        journal::save_catalog(work, run, moment, &capture).await?;
        let Some(places) = &self.request.places else {
            return Ok(None);
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
        Ok(Some(shown))
    }
}
