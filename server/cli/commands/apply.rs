//! `dblsp apply`: applies pending migrations.

use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use analysis::text::LineIndex;
use database::Target;
use database::apply::{self, ApplyError, Limits, Report, Request, StatementError};
use database::environment::EnvironmentError;
use database::journal::Confirmation;
use database::link::Linked;
use database::watch::{Watch, Watched};
use database::{person, plan, rollback};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::args::{EnvironmentOptions, Format};
use crate::failure::{Exit, Failure};
use crate::linked;
use crate::render::steps::Steps;
use crate::terminal;

/// Options of `dblsp apply`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) environment: EnvironmentOptions,
    /// Apply this migration alone; refused while an earlier one is pending
    #[arg(long, value_name = "FILE")]
    pub(crate) only: Option<PathBuf>,
    /// Do not ask; on a protected environment every confirmation is wanted all the same
    #[arg(long)]
    pub(crate) yes: bool,
    /// Say that something is done which the environment wants confirmed; repeat for each
    #[arg(long, value_name = "TEXT")]
    pub(crate) confirm: Vec<String>,
    /// Apply on a throw-away PostgreSQL only
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Also apply migrations on hold
    #[arg(long)]
    pub(crate) release: bool,
    /// Apply a file that commits by itself part by part
    #[arg(long)]
    pub(crate) segments: bool,
    /// Apply what is not proven: to a protected environment, or with a rollback that leaves something else than was there
    #[arg(long)]
    pub(crate) accept_unproven: bool,
    /// Apply what destroys rows that cannot be kept for a rollback
    #[arg(long)]
    pub(crate) accept_data_loss: bool,
    /// Undo a migration whose version's smoke test fails afterwards, or that `--watch` finds to do harm
    #[arg(long)]
    pub(crate) rollback_on_failure: bool,
    /// Watch the database afterwards for this long (`5m`, `90s`): do more transactions fail, do statements take longer?
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "dry_run")]
    pub(crate) watch: Option<Duration>,
    /// Seconds to wait for a lock on a table, each time; 0 is for ever
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub(crate) lock_timeout: u64,
    /// Seconds that a statement may take; 0 is for ever
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub(crate) statement_timeout: u64,
    /// How often to try a transaction that did not get its locks
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) attempts: u32,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let project = linked::open()?;
    let target = linked::target(&project, options.environment.environment.as_deref())?;
    let only = options
        .only
        .as_ref()
        .map(|path| project.disk.show(&project.disk.absolute(path)));
    let who = database::person::who();
    let is_rehearsal = options.dry_run || target.address().is_none();
    let confirmations = if is_rehearsal {
        Vec::new()
    } else {
        confirmed(&target, options, &who)?
    };
    let required = target
        .requires
        .iter()
        .map(|name| (name.clone(), required(&project, name)));
    let request = Request {
        required: if is_rehearsal { Vec::new() } else { required.collect() },
        history: &project.history,
        settings: &project.settings,
        places: (!is_rehearsal).then(|| project.places()),
        options: plan::Options {
            only,
            release: options.release,
            segments: options.segments,
        },
        dry_run: options.dry_run,
        workspace: Some(project.opened.root.folder.clone()),
        accept_unproven: options.accept_unproven,
        accept_data_loss: options.accept_data_loss,
        who,
        confirmations,
        limits: Limits {
            lock_timeout: Duration::from_secs(options.lock_timeout),
            statement_timeout: Duration::from_secs(options.statement_timeout),
            attempts: options.attempts.max(1),
            ..Limits::default()
        },
        cancel: CancellationToken::new(),
        now: SystemTime::now(),
        target: &target,
    };
    let format = options.environment.format;
    let steps = Steps::new(format);
    let watched_for = options.watch.filter(|_| !is_rehearsal);
    let (done, watched) = linked::wait(async |cancel| {
        let request = Request {
            cancel: cancel.clone(),
            ..request
        };
        let watch = begin_to_watch(&target, watched_for).await?;
        let done = apply::apply(&request, &steps).await;
        let may_have_written = done.as_ref().map_or_else(|error| error.statement().is_some(), |_| true);
        if may_have_written && !is_rehearsal {
            project.look_again(&target).await;
        }
        let applied = done.as_ref().is_ok_and(|report| !report.migrations.is_empty());
        let watched = match watch.zip(watched_for).filter(|_| applied && !cancel.is_cancelled()) {
            Some((watch, time)) => Some(look_on(watch, time, &cancel).await?),
            None => None,
        };
        Ok((done, watched))
    })?;
    match done {
        Ok(report) => {
            if format == Format::Json {
                let mut value = serde_json::to_value(&report)?;
                if let Some(watched) = &watched {
                    value["watched"] = serde_json::to_value(watched)?;
                }
                linked::print_json(value)?;
            } else if report.migrations.is_empty() {
                terminal::print("nothing to apply\n")?;
            }
            let failed = report
                .migrations
                .iter()
                .rev()
                .find(|applied| applied.smoke_test == Some(false));
            match failed {
                None => after_watching(&project, &target, options, &report, watched.as_ref()),
                Some(applied) if options.rollback_on_failure => {
                    let which = rollback::Which::Only(applied.version.clone());
                    undo(&project, &target, which, "the smoke test fails")
                }
                Some(applied) => Err(Failure {
                    exit: Exit::Findings,
                    message: format!("the smoke test fails after {}", applied.file),
                    hint: format!(
                        "`dblsp rollback {} --environment {}` undoes it",
                        applied.version, target.name
                    ),
                }
                .into()),
            }
        }
        Err(error) => {
            if format == Format::Json {
                linked::print_json(json!({ "target": target.to_string(), "error": failure(&error, &project) }))?;
            }
            if let Some(statement) = error.statement() {
                terminal::say(&excerpt(statement, &project));
            }
            let exit = match error {
                ApplyError::Preflight(_) => Exit::Findings,
                ApplyError::Plan(_) => Exit::Usage,
                _ => Exit::Database,
            };
            Err(Failure {
                exit,
                message: error.to_string(),
                hint: error.hint(),
            }
            .into())
        }
    }
}

/// `5m`, `90s`, `1h`
fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let factor = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => 0,
    };
    let seconds = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    let seconds = seconds.filter(|seconds| *seconds > 0);
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| "write a number and `s`, `m` or `h`, like `5m`".to_owned())
}

/// Counts what was before, if somebody wants to watch.
async fn begin_to_watch(target: &Target, time: Option<Duration>) -> Result<Option<Watch>, Failure> {
    let (Some(_), Some(address)) = (time, target.address()) else {
        return Ok(None);
    };
    let watch = Watch::begin(address).await;
    watch.map(Some).map_err(|error| Failure::database(&error, error.hint()))
}

/// Watches after the deployment, and tells what was seen.
async fn look_on(watch: Watch, time: Duration, cancel: &CancellationToken) -> Result<Watched, Failure> {
    terminal::say(&format!(
        "watching for {} s; Ctrl-C ends that, and changes nothing",
        time.as_secs()
    ));
    let watched = watch
        .watch(time, cancel)
        .await
        .map_err(|error| Failure::database(&error, error.hint()))?;
    terminal::say(&watched.words());
    for alarm in &watched.alarms {
        terminal::say(&format!("alert: {alarm}"));
    }
    Ok(watched)
}

/// Offers the rollback where watching found what the design document wants one for.
fn after_watching(
    project: &Linked,
    target: &Target,
    options: &Options,
    report: &Report,
    watched: Option<&Watched>,
) -> anyhow::Result<Exit> {
    let alarm = watched.and_then(|watched| watched.alarms.first());
    let (Some(alarm), Some(first)) = (alarm, report.migrations.first()) else {
        return Ok(Exit::Clean);
    };
    let names: Vec<&str> = report.migrations.iter().map(|applied| applied.file.as_str()).collect();
    let asks = io::stdin().is_terminal() && io::stderr().is_terminal();
    let wants = || asks && asked(&format!("Undo {} on {target}?", names.join(", ")));
    if options.rollback_on_failure || wants() {
        let which = rollback::Which::ToBefore(first.version.clone());
        return undo(project, target, which, alarm);
    }
    let (version, name) = (&first.version, &target.name);
    Err(Failure {
        exit: Exit::Findings,
        message: format!("since the deployment, {alarm}"),
        hint: format!("`dblsp rollback --to-before {version} --environment {name}` undoes it"),
    }
    .into())
}

/// Undoes what does harm. Ends as a finding: the migration is not there.
fn undo(project: &Linked, target: &Target, which: rollback::Which, why: &str) -> anyhow::Result<Exit> {
    let project = Linked::open(&project.disk.base)?;
    let request = rollback::Request {
        address: linked::server(target)?,
        environment: &target.name,
        history: &project.history,
        settings: &project.settings,
        which,
        accept_data_loss: false,
        accept_unverified: false,
        page: project.places().page,
        who: person::who(),
        confirmations: Vec::new(),
        patience: Duration::from_secs(30),
        lock_timeout: Duration::from_secs(5),
    };
    let mut report = rollback::Report::default();
    let done = linked::wait(async |_| {
        let done = rollback::rollback(&request, &mut report, &()).await;
        project.look_again(target).await;
        Ok(done)
    })?;
    done.map_err(|error| Failure::database(format!("{why}, and the rollback fails: {error}"), error.hint()))?;
    let undone: Vec<&str> = report.migrations.iter().map(|undone| undone.version.as_str()).collect();
    terminal::say(&format!("{why}; {} is undone", undone.join(", ")));
    Ok(Exit::Findings)
}

fn required(project: &Linked, name: &str) -> Result<Target, EnvironmentError> {
    project.target(Some(name), &linked::lookup)
}

/// What the environment wants confirmed, from the arguments or from whoever sits at the terminal.
fn confirmed(target: &Target, options: &Options, who: &str) -> Result<Vec<Confirmation>, Failure> {
    let asks = io::stdin().is_terminal() && io::stderr().is_terminal();
    if target.protected && !options.yes && !asks {
        return Err(Failure::usage(
            format!("{target} is protected"),
            "add `--yes`, and `--confirm \"TEXT\"` for each thing that the environment wants confirmed",
        ));
    }
    if target.protected && !options.yes && !asked(&format!("Apply to {target}?")) {
        return Err(Failure::usage("not confirmed", "nothing was written"));
    }
    let mut given = options.confirm.clone();
    for text in &target.confirm {
        if !given.contains(text) && asks && asked(&format!("{text}?")) {
            given.push(text.clone());
        }
    }
    let confirmation = |text: String| Confirmation {
        text,
        who: who.to_owned(),
        at: database::person::now(),
    };
    Ok(given.into_iter().map(confirmation).collect())
}

/// Asks a question. Anything but yes is no.
fn asked(question: &str) -> bool {
    terminal::say(&format!("{question} [y/N]"));
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

/// The failing statement in its file, with a mark under what the server points at.
fn excerpt(error: &StatementError, project: &Linked) -> String {
    let found = project
        .history
        .migrations
        .iter()
        .find(|migration| migration.path == error.path);
    let Some(migration) = found else {
        return String::new();
    };
    let lines = LineIndex::new(&migration.text);
    let place = lines.line_column(&migration.text, error.offset);
    let line = lines.line_text(&migration.text, lines.line(error.offset));
    let number = place.line.to_string();
    let margin = " ".repeat(number.len());
    let before = line
        .chars()
        .take(usize::try_from(place.column.saturating_sub(1)).unwrap_or_default());
    let blanks: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    let mut out = format!(
        "{margin}--> {}:{}:{}\n{margin} |\n{number} | {line}\n{margin} | {blanks}^ {}",
        error.path, place.line, place.column, error.error.message
    );
    for (word, text) in [("detail", &error.error.detail), ("where", &error.error.context)] {
        if let Some(text) = text {
            out.push_str(&format!(
                "\n{margin} = {word}: {}",
                text.replace('\n', &format!("\n{margin}   "))
            ));
        }
    }
    out
}

/// A failure for programs.
fn failure(error: &ApplyError, project: &Linked) -> Value {
    let mut out = json!({ "message": error.to_string(), "hint": error.hint() });
    if let Some(statement) = error.statement() {
        out["statement"] = serde_json::to_value(statement).unwrap_or_default();
        let found = project
            .history
            .migrations
            .iter()
            .find(|migration| migration.path == statement.path);
        if let Some(migration) = found {
            let place = LineIndex::new(&migration.text).line_column(&migration.text, statement.offset);
            out["statement"]["line"] = place.line.into();
            out["statement"]["column"] = place.column.into();
        }
    }
    if let ApplyError::Preflight(checklist) = error {
        out["preflight"] = serde_json::to_value(checklist).unwrap_or_default();
    }
    if let ApplyError::Locked {
        holder: Some(holder), ..
    } = error
    {
        out["holder"] = serde_json::to_value(holder).unwrap_or_default();
    }
    out
}
