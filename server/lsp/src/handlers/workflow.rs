//! Commands that work on a database, as jobs: the handler starts one and answers at once.
//!
//! Nothing connects before the user trusts the workspace, and nothing is written before he said yes to a question that
//! names the database.

mod drift;
mod restore;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use analysis::history::{Migration, Release};
use database::apply::{self, ApplyError, Limits, Report};
use database::environment::EnvironmentError;
use database::event::{Event, Moment, Tell};
use database::link::Linked;
use database::{Address, Connection, Target, history, journal, plan, rollback, smoke, snapshot};
use project::discover::SETTINGS;
use tower_lsp::ls_types::{MessageActionItem, MessageType, Uri};

use crate::from_proto;
use crate::handlers::migrations::MigrationsChanged;
use crate::jobs::{self, Doing, Job};
use crate::state::Shared;

/// Why a command did not do what was asked, or what it did; for people.
struct Told {
    level: MessageType,
    words: String,
}

impl Told {
    fn error(message: impl std::fmt::Display, hint: impl std::fmt::Display) -> Self {
        Self {
            level: MessageType::ERROR,
            words: format!("{message}: {hint}"),
        }
    }

    fn warning(words: impl Into<String>) -> Self {
        Self {
            level: MessageType::WARNING,
            words: words.into(),
        }
    }

    fn info(words: impl Into<String>) -> Self {
        Self {
            level: MessageType::INFO,
            words: words.into(),
        }
    }
}

/// What the user thought better of.
fn stopped() -> Told {
    Told::info("Nothing was done.")
}

/// Starts the job of a command; what comes of it is told by a message.
pub(crate) fn run(shared: &Arc<Shared>, command: &'static str, uri: Option<Uri>, environment: Option<String>) {
    jobs::begin(shared, |shared| async move {
        let done = carry_out(&shared, command, uri.as_ref(), environment.as_deref()).await;
        let Told { level, words } = done.unwrap_or_else(|told| told);
        (level, words)
    });
}

async fn carry_out(
    shared: &Arc<Shared>,
    command: &'static str,
    uri: Option<&Uri>,
    environment: Option<&str>,
) -> Result<Told, Told> {
    if !shared.session().options.trusted {
        return Err(Told::warning(
            "dblsp connects to no database here, because this workspace is not trusted. It says which databases there \
             are, and what is run on them: trust it only if you know where it comes from.",
        ));
    }
    let work = Work::open(shared, uri, environment).await?;
    let job = shared
        .jobs
        .start(shared, format!("{} ({})", title(command), work.target.name));
    let done = match command {
        "dblsp.apply" => work.apply(&job, true).await,
        "dblsp.applyAll" => work.apply(&job, false).await,
        "dblsp.status" => work.status().await,
        "dblsp.snapshot" => work.snapshot().await,
        "dblsp.test" => work.test().await,
        "dblsp.rollback" => work.rollback(&job).await,
        "dblsp.restore" => work.restore(&job).await,
        "dblsp.drift" => work.drift().await,
        other => Err(Told::warning(format!("There is no command `{other}`."))),
    };
    drop(job);
    work.seen(shared).await;
    done
}

fn title(command: &str) -> &'static str {
    let known = crate::commands::WORKFLOW.iter().find(|(name, _)| *name == command);
    known.map_or("Working on the database", |(_, title)| title)
}

/// A project, the database that is meant, and the migration that was asked about.
struct Work {
    shared: Arc<Shared>,
    linked: Linked,
    target: Target,
    /// The file, if the command is about one.
    path: Option<PathBuf>,
}

impl Work {
    async fn open(shared: &Arc<Shared>, uri: Option<&Uri>, environment: Option<&str>) -> Result<Self, Told> {
        let path = uri.and_then(from_proto::path);
        let folder = match &path {
            Some(path) if path.is_dir() => path.clone(),
            Some(path) => path.parent().unwrap_or(path).to_path_buf(),
            None => {
                let first = shared.state().areas.keys().next().cloned();
                first.ok_or_else(|| Told::warning("Open a migration first: there is no project."))?
            }
        };
        let opening = tokio::task::spawn_blocking(move || Linked::open(&folder));
        let linked = opening
            .await
            .map_err(|error| Told::error("the project cannot be read", error))?;
        let linked = linked.map_err(|error| Told::error(&error, error.hint()))?;
        let target = match environment {
            Some(name) => linked.target(Some(name), &lookup),
            None => match linked.target(None, &lookup) {
                Err(EnvironmentError::Ambiguous(names)) => {
                    let chosen = choose(shared, "Which database?", &names).await.ok_or_else(stopped)?;
                    linked.target(Some(&chosen), &lookup)
                }
                other => other,
            },
        };
        let target = target.map_err(|error| Told::error(&error, error.hint()))?;
        Ok(Self {
            shared: Arc::clone(shared),
            linked,
            target,
            path,
        })
    }

    /// What is run is what is on disk, so that must be what the user sees.
    fn is_saved(&self) -> Result<(), Told> {
        let places = self.linked.places();
        let folders = [&self.linked.migrations, &places.rollback, &places.tests];
        let state = self.shared.state();
        let own = state
            .buffers
            .iter()
            .filter(|(path, _)| folders.iter().any(|folder| path.starts_with(folder)));
        for (path, buffer) in own {
            let saved = std::fs::read_to_string(path).unwrap_or_default();
            if buffer.text != saved.as_str() {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                return Err(Told::warning(format!(
                    "`{name}` has changes that are not saved: save it first."
                )));
            }
        }
        Ok(())
    }

    fn migration(&self) -> Result<&Migration, Told> {
        let path = self
            .path
            .as_ref()
            .ok_or_else(|| Told::warning("Open the migration first."))?;
        let shown = self.linked.disk.show(path);
        let migrations = &self.linked.history.migrations;
        let own = |it: &&Migration| it.path == shown || it.rollback_path.as_ref() == Some(&shown);
        let found = migrations.iter().find(own);
        found.ok_or_else(|| Told::warning(format!("`{shown}` is no migration of this project.")))
    }

    /// The versions of the product that the file belongs to.
    fn release(&self) -> Result<Release, Told> {
        let path = self
            .path
            .as_ref()
            .ok_or_else(|| Told::warning("Open a migration or a test first."))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let of_test = name.split('_').next().and_then(Release::parse);
        let release = of_test.or_else(|| self.migration().ok().and_then(Migration::release));
        release.ok_or_else(|| Told::warning(format!("`{name}` belongs to no version.")))
    }

    fn address(&self) -> Result<&Address, Told> {
        let keeps_nothing = || {
            format!(
                "{} keeps no database: choose an environment with a server.",
                self.target
            )
        };
        self.target.address().ok_or_else(|| Told::warning(keeps_nothing()))
    }

    async fn connect(&self, verb: &str) -> Result<Connection, Told> {
        let address = self.address()?;
        let connected = Connection::connect(address, &format!("dblsp {verb}")).await;
        connected.map_err(|error| Told::error(&error, error.hint()))
    }

    /// Asks whether to write to the database, and whatever else its environment wants confirmed.
    async fn confirm(&self, what: &str, yes: &str) -> Result<Vec<journal::Confirmation>, Told> {
        let question = format!("{what} on {}?", self.target);
        let answer = choose(&self.shared, &question, &[yes.to_owned(), "Cancel".to_owned()]).await;
        if answer.as_deref() != Some(yes) {
            return Err(stopped());
        }
        self.confirmations().await
    }

    /// Asks for what else the environment wants confirmed.
    async fn confirmations(&self) -> Result<Vec<journal::Confirmation>, Told> {
        let who = database::person::who();
        let mut confirmations = Vec::new();
        for text in &self.target.confirm {
            let question = format!("{}: {text}?", self.target.name);
            let answer = choose(&self.shared, &question, &["Yes".to_owned(), "No".to_owned()]).await;
            if answer.as_deref() != Some("Yes") {
                return Err(stopped());
            }
            confirmations.push(journal::Confirmation {
                text: text.clone(),
                who: who.clone(),
                at: database::person::now(),
            });
        }
        Ok(confirmations)
    }

    async fn apply(&self, job: &Job, only_this: bool) -> Result<Told, Told> {
        self.is_saved()?;
        let mut options = plan::Options::default();
        let what = if only_this {
            let migration = self.migration()?;
            options.only = Some(migration.path.clone());
            format!("Apply {}", migration.file_name())
        } else {
            let waiting = self.waiting(&options).await?;
            match waiting.as_slice() {
                [] => return Ok(Told::info(format!("Everything is applied on {}.", self.target))),
                [only] => format!("Apply {only}"),
                several => format!("Apply {} migrations ({})", several.len(), several.join(", ")),
            }
        };
        let confirmations = self.confirm(&what, "Apply").await?;
        let request = apply::Request {
            target: &self.target,
            required: self.required(),
            history: &self.linked.history,
            settings: &self.linked.settings,
            places: Some(self.linked.places()),
            options,
            dry_run: false,
            workspace: Some(self.linked.opened.root.folder.clone()),
            accept_unproven: false,
            accept_data_loss: false,
            who: database::person::who(),
            confirmations,
            limits: Limits::default(),
            cancel: job.cancelled(),
            now: SystemTime::now(),
        };
        match apply::apply(&request, &Shown(job.doing())).await {
            Ok(report) => Ok(self.applied(&report)),
            Err(error) => Err(self.not_applied(&error)),
        }
    }

    /// The environments that this one wants a migration to have been applied on first.
    fn required(&self) -> Vec<(String, Result<Target, EnvironmentError>)> {
        let names = self.target.requires.iter();
        names
            .map(|name| (name.clone(), self.linked.target(Some(name), &lookup)))
            .collect()
    }

    /// File names of what is pending.
    async fn waiting(&self, options: &plan::Options) -> Result<Vec<String>, Told> {
        let mut connection = self.connect("plan").await?;
        let refused = |error| Told::error(error, "see that the role may read the history");
        let rows = history::read(&mut connection).await.map_err(refused)?;
        let runs = journal::runs(&mut connection).await.map_err(refused)?;
        connection.close().await;
        let plan = plan::plan(&self.linked.history, &rows, &runs, options);
        let plan = plan.map_err(|error| Told::error(&error, error.hint()))?;
        Ok(plan.files.iter().map(|file| file.file.clone()).collect())
    }

    fn applied(&self, report: &Report) -> Told {
        for migration in &self.linked.history.migrations {
            self.shared
                .databases
                .accepted(&self.linked.disk.absolute(&migration.path));
        }
        let names: Vec<&str> = report.migrations.iter().map(|applied| applied.file.as_str()).collect();
        let alerts: Vec<&str> = report
            .migrations
            .iter()
            .flat_map(|it| &it.alerts)
            .map(String::as_str)
            .collect();
        if names.is_empty() {
            return Told::info(format!("It is applied on {} already.", self.target));
        }
        let milliseconds: u64 = report.migrations.iter().map(|applied| applied.milliseconds).sum();
        let words = format!("Applied {} on {} in {milliseconds} ms.", names.join(", "), self.target);
        if alerts.is_empty() {
            Told::info(words)
        } else {
            Told::warning(format!("{words} Look at this: {}", alerts.join("; ")))
        }
    }

    /// Shows the statement that failed in its file.
    fn not_applied(&self, error: &ApplyError) -> Told {
        if let Some(statement) = error.statement() {
            let path = self.linked.disk.absolute(&statement.path);
            let text = self.shared.text_of(&path).unwrap_or_default();
            let server = &statement.error;
            let more = [&server.detail, &server.hint].into_iter().flatten();
            let message = more.fold(server.message.clone(), |message, more| format!("{message}\n{more}"));
            let span = at(&text, statement.offset, statement.span);
            self.shared
                .databases
                .refused(&path, &text, span, server.sqlstate.clone(), message);
            self.shared.state().touch(&path);
            self.shared.wake.notify_one();
        }
        Told::error(error, error.hint())
    }

    async fn rollback(&self, job: &Job) -> Result<Told, Told> {
        self.is_saved()?;
        let migration = self.migration()?;
        let what = format!("Roll {} back", migration.file_name());
        let confirmations = self.confirm(&what, "Roll back").await?;
        let address = self.address()?;
        let request = rollback::Request {
            address,
            environment: &self.target.name,
            history: &self.linked.history,
            settings: &self.linked.settings,
            which: rollback::Which::Only(migration.version.clone()),
            accept_data_loss: false,
            accept_unverified: false,
            page: self.linked.places().page,
            who: database::person::who(),
            confirmations,
            patience: Limits::default().patience,
            lock_timeout: Limits::default().lock_timeout,
        };
        let mut report = rollback::Report::default();
        let done = rollback::rollback(&request, &mut report, &Shown(job.doing())).await;
        if let Err(error) = done {
            return Err(Told::error(&error, error.hint()));
        }
        let Some(undone) = report.migrations.first() else {
            return Ok(Told::info(format!("{} was not there.", migration.file_name())));
        };
        let mut words = format!("Rolled {} back on {}", undone.file, self.target);
        if undone.rows_put_back > 0 {
            words.push_str(&format!("; {} rows are back", undone.rows_put_back));
        }
        if !undone.reordered.is_empty() {
            words.push_str(&format!(
                "; columns stand in another order in {}",
                undone.reordered.join(", ")
            ));
        }
        let is_proven = undone.unverified.is_none() && undone.elsewhere.is_empty();
        words.push_str(if is_proven { "; the schema is what it was." } else { "." });
        match undone.unverified {
            Some(why) => Ok(Told::warning(format!("{words} It was not compared: {why}"))),
            None if is_proven => Ok(Told::info(words)),
            None => {
                let elsewhere: Vec<String> = undone.elsewhere.iter().map(ToString::to_string).collect();
                Ok(Told::warning(format!(
                    "{words} Meanwhile something else changed: {}",
                    elsewhere.join("; ")
                )))
            }
        }
    }

    async fn status(&self) -> Result<Told, Told> {
        let mut connection = self.connect("status").await?;
        let refused = |error| Told::error(error, "see that the role may read the history");
        let rows = history::read(&mut connection).await.map_err(refused)?;
        let runs = journal::runs(&mut connection).await.map_err(refused)?;
        connection.close().await;
        let (known, missing) = plan::standings(&self.linked.history, &rows, &runs);
        let mut counts: Vec<(&str, usize)> = Vec::new();
        for known in &known {
            let name = known.standing.name();
            match counts.iter_mut().find(|(counted, _)| *counted == name) {
                Some((_, count)) => *count += 1,
                None => counts.push((name, 1)),
            }
        }
        if !missing.is_empty() {
            counts.push(("without a file", missing.len()));
        }
        let counts: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
        let counts = if counts.is_empty() {
            "no migrations".to_owned()
        } else {
            counts.join(", ")
        };
        Ok(Told::info(format!("{}: {counts}.", self.target)))
    }

    async fn snapshot(&self) -> Result<Told, Told> {
        let migration = self.migration()?;
        let places = self.linked.places();
        let path = places.snapshot(migration, Moment::Before);
        let address = self.address()?;
        let mut connection = self.connect("snapshot").await?;
        let client = snapshot::Client::discover(connection.server_major(), &[]);
        let not_taken = |error: snapshot::SnapshotError| Told::error(&error, error.hint());
        let libpq = snapshot::Libpq::new(address).map_err(|error| not_taken(snapshot::SnapshotError::NotRun(error)))?;
        let taken = snapshot::take(&mut connection, &libpq, &client)
            .await
            .map_err(not_taken)?;
        connection.close().await;
        let shown = places.show(&path);
        if path.exists() {
            let question = format!("`{shown}` is there already. Write {} over it?", self.target);
            let answer = choose(&self.shared, &question, &["Overwrite".to_owned(), "Cancel".to_owned()]).await;
            if answer.as_deref() != Some("Overwrite") {
                return Err(stopped());
            }
        }
        taken.write(&path).map_err(not_taken)?;
        Ok(Told::info(format!("The schema of {} is in `{shown}`.", self.target)))
    }

    async fn test(&self) -> Result<Told, Told> {
        self.is_saved()?;
        let release = self.release()?;
        let tests = smoke::of_version(&self.linked.history, release);
        if tests.is_empty() {
            return Err(Told::warning(format!(
                "There is no test of v{release}: create its smoke test first."
            )));
        }
        let question = format!("Run the tests of v{release}, and roll back what they do,");
        self.confirm(&question, "Run").await?;
        let mut connection = self.connect("test").await?;
        let texts: Vec<(&str, &str)> = tests.iter().map(|test| (&*test.path, &*test.text)).collect();
        let report = smoke::run(&mut connection, &texts).await;
        let report = report.map_err(|error| Told::error(error, "see that the server runs"))?;
        connection.close().await;
        for (file, test) in report.files.iter().zip(&tests) {
            self.show_test(file, &test.text);
        }
        self.shared.wake.notify_one();
        let failed: Vec<String> = report
            .files
            .iter()
            .flat_map(|file| file.failures.iter().map(|failure| failure.message.clone()))
            .collect();
        if report.passed() {
            let count: usize = report.files.iter().map(|file| file.assertions.len()).sum();
            Ok(Told::info(format!(
                "The tests of v{release} pass on {} ({count} assertions).",
                self.target
            )))
        } else {
            Err(Told::error(
                format!("{} of v{release} failed on {}", failed.len(), self.target),
                failed.join("; "),
            ))
        }
    }

    /// Shows the first failure of a test in its file.
    fn show_test(&self, file: &smoke::FileReport, text: &str) {
        let path = self.linked.disk.absolute(&file.path);
        match file.failures.first() {
            None => self.shared.databases.accepted(&path),
            Some(failure) => {
                let lines = analysis::text::LineIndex::new(text);
                let line = failure.line.unwrap_or(1).saturating_sub(1);
                let start = lines.start(line.min(lines.len().saturating_sub(1)));
                let end = start as usize + lines.line_text(text, line).len();
                let span = analysis::text::Span::new(start as usize, end);
                let databases = &self.shared.databases;
                databases.refused(&path, text, span, "test".to_owned(), failure.message.clone());
            }
        }
        self.shared.state().touch(&path);
    }

    /// Looks at what is applied now, and has the editor show it.
    async fn seen(&self, shared: &Arc<Shared>) {
        self.linked.look_again(&self.target).await;
        shared.state().relist(&self.linked.opened.root.folder.join(SETTINGS));
        shared.wake.notify_one();
        shared.client.send_notification::<MigrationsChanged>(()).await;
        if shared.session().refreshes_lenses {
            drop(shared.client.code_lens_refresh().await);
        }
        if shared.session().pulls {
            drop(shared.client.workspace_diagnostic_refresh().await);
        }
    }
}

/// From where the server points to the end of that line, or the whole statement.
fn at(text: &str, offset: u32, statement: analysis::text::Span) -> analysis::text::Span {
    if offset <= statement.start {
        return statement;
    }
    let rest = text.get(offset as usize..statement.end as usize).unwrap_or_default();
    let word = rest
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(rest.len());
    analysis::text::Span::new(
        offset as usize,
        offset as usize + word.max(rest.chars().next().map_or(0, char::len_utf8)),
    )
}

/// An environment variable.
fn lookup(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Lets the user choose; `None` where he dismisses the question.
async fn choose(shared: &Shared, question: &str, choices: &[String]) -> Option<String> {
    let actions = choices.iter().map(|title| MessageActionItem {
        title: title.clone(),
        properties: std::collections::HashMap::default(),
    });
    let asked = shared
        .client
        .show_message_request(MessageType::INFO, question, Some(actions.collect()));
    Some(asked.await.ok()??.title)
}

/// Shows what happens as a job's progress.
struct Shown(Doing);

impl Tell for Shown {
    fn tell(&self, event: Event) {
        let words = match event {
            Event::Migration { file } | Event::Applying { file } => file,
            Event::Statement { index, of } => format!("statement {index} of {of}"),
            Event::Waiting { holder: Some(holder) } => format!("waiting for {holder}"),
            Event::Retry {
                attempt,
                holder: Some(holder),
                ..
            } => format!("attempt {attempt}: waiting for {holder}"),
            Event::Snapshot { path, .. } => format!("snapshot {path}"),
            Event::Backup { path } => format!("dumped to {path}"),
            Event::Verifying => "verifying".to_owned(),
            _ => return,
        };
        self.0.set(words);
    }
}
