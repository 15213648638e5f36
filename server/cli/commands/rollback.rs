//! `dblsp rollback`: undoes migrations.

use std::path::PathBuf;
use std::time::Duration;

use database::Target;
use database::event::Moment;
use database::journal::Confirmation;
use database::link::Linked;
use database::person;
use database::rollback::{self, Report, Request, RollbackError, Undone, Which};
use serde_json::{Value, json};

use crate::args::{EnvironmentOptions, Format};
use crate::commands::restore;
use crate::failure::{Exit, Failure};
use crate::render::steps::Steps;
use crate::{linked, terminal};

/// Options of `dblsp rollback`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A rollback commits only if the objects that the migration changed are what they were before it."
)]
pub(crate) struct Options {
    /// Timestamp of the migration to undo
    #[arg(value_name = "TIMESTAMP", required_unless_present_any = ["to", "to_before"], conflicts_with_all = ["to", "to_before"])]
    pub(crate) version: Option<String>,
    /// Undo all migrations after this one, newest first
    #[arg(long, value_name = "TIMESTAMP", conflicts_with = "to_before")]
    pub(crate) to: Option<String>,
    /// Undo this migration and all after it, newest first
    #[arg(long, value_name = "TIMESTAMP")]
    pub(crate) to_before: Option<String>,
    #[command(flatten)]
    pub(crate) environment: EnvironmentOptions,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// Say that something is done which the environment wants confirmed; repeat for each
    #[arg(long, value_name = "TEXT")]
    pub(crate) confirm: Vec<String>,
    /// Also run a script that destroys rows which cannot be kept
    #[arg(long)]
    pub(crate) accept_data_loss: bool,
    /// Also undo a migration of which nobody kept what it changed
    #[arg(long)]
    pub(crate) accept_unverified: bool,
    /// Seconds to wait for a lock on a table
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub(crate) lock_timeout: u64,
    /// Run no scripts: restore the snapshot of that moment as `dblsp restore` does, and destroy all rows
    #[arg(long, conflicts_with_all = ["version", "accept_data_loss", "accept_unverified"])]
    pub(crate) restore: bool,
    /// Do not ask for the name of the database whose rows are destroyed: this is it
    #[arg(long, value_name = "NAME", requires = "restore")]
    pub(crate) yes_destroy: Option<String>,
    /// Where the full dump goes [default: a new file in `.dblsp/backups`]
    #[arg(long, value_name = "FILE", requires = "restore")]
    pub(crate) backup: Option<PathBuf>,
    /// Restore also what is not the same as when the snapshot was taken
    #[arg(long, requires = "restore")]
    pub(crate) accept_differences: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let project = linked::open()?;
    let target = linked::target(&project, options.environment.environment.as_deref())?;
    let address = linked::server(&target)?;
    let which = match (&options.version, &options.to, &options.to_before) {
        (_, Some(to), _) => Which::To(to.clone()),
        (_, _, Some(to)) => Which::ToBefore(to.clone()),
        (version, ..) => Which::Only(version.clone().unwrap_or_default()),
    };
    if options.restore {
        confirmed(&target, &options.confirm)?;
        return restore_snapshot(&project, &target, &which, options);
    }
    terminal::say(&format!("target: {target}"));
    let question = match &which {
        Which::Only(version) => format!("Undo {version} on {target}?"),
        Which::To(version) => format!("Undo everything after {version} on {target}?"),
        Which::ToBefore(version) => format!("Undo {version} and everything after it on {target}?"),
    };
    linked::agreed(&question, options.yes)?;
    confirmed(&target, &options.confirm)?;
    let who = person::who();
    let confirmation = |text: &String| Confirmation {
        text: text.clone(),
        who: who.clone(),
        at: person::now(),
    };
    let request = Request {
        address,
        environment: &target.name,
        history: &project.history,
        settings: &project.settings,
        which,
        accept_data_loss: options.accept_data_loss,
        accept_unverified: options.accept_unverified,
        page: project.places().page,
        confirmations: options.confirm.iter().map(confirmation).collect(),
        who: who.clone(),
        patience: Duration::from_secs(30),
        lock_timeout: Duration::from_secs(options.lock_timeout),
    };
    let format = options.environment.format;
    let steps = Steps::new(format);
    let mut report = Report::default();
    let done = linked::wait(async |_| {
        let done = rollback::rollback(&request, &mut report, &steps).await;
        if !report.migrations.is_empty() {
            project.look_again(&target).await;
        }
        Ok(done)
    })?;
    match format {
        Format::Json => {
            let mut value = json!({ "target": target.to_string(), "migrations": report.migrations });
            if let Err(error) = &done {
                value["error"] = failed(error);
            }
            linked::print_json(value)?;
        }
        Format::Text => terminal::print(&text(&report))?,
    }
    match done {
        Ok(()) => Ok(Exit::Clean),
        Err(error) => Err(Failure {
            exit: exit(&error),
            message: address.redact(&error.to_string()),
            hint: error.hint(),
        }
        .into()),
    }
}

/// Makes sure that all is confirmed that a protected environment wants confirmed.
pub(crate) fn confirmed(target: &Target, given: &[String]) -> Result<(), Failure> {
    let missing = target.confirm.iter().filter(|text| !given.contains(text));
    let wanted: Vec<String> = missing.map(|text| format!("--confirm \"{text}\"")).collect();
    if !target.protected || wanted.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(
        format!("{target} wants more confirmed"),
        format!("add {}", wanted.join(" ")),
    ))
}

/// The document's other strategy: the snapshot from before instead of the scripts.
fn restore_snapshot(project: &Linked, target: &Target, which: &Which, options: &Options) -> anyhow::Result<Exit> {
    let (Which::Only(version) | Which::To(version) | Which::ToBefore(version)) = which;
    let moment = match which {
        Which::To(_) => Moment::After,
        _ => Moment::Before,
    };
    let mut migrations = project.history.migrations.iter();
    let migration = migrations
        .find(|migration| migration.version == *version)
        .ok_or_else(|| {
            Failure::usage(
                format!("there is no migration `{version}`"),
                "`dblsp status` lists what is applied",
            )
        })?;
    let snapshot = project.places().snapshot(migration, moment);
    if !snapshot.is_file() {
        return Err(Failure::usage(
            format!("there is no snapshot `{}`", project.disk.show(&snapshot)),
            "leave `--restore` out to run the rollback scripts, or name another with `dblsp restore SNAPSHOT`",
        )
        .into());
    }
    let consent = restore::Consent {
        dry_run: false,
        yes_destroy: options.yes_destroy.clone(),
        backup: options.backup.clone(),
        accept_differences: options.accept_differences,
    };
    let asked = restore::Asked {
        snapshot: &snapshot,
        last: None,
        consent: &consent,
        confirm: &options.confirm,
        lock_timeout: options.lock_timeout,
        format: options.environment.format,
    };
    restore::carry_out(project, target, &asked)
}

fn exit(error: &RollbackError) -> Exit {
    match error {
        RollbackError::Unknown(_) | RollbackError::NotApplied(_) => Exit::Usage,
        RollbackError::Connect(_)
        | RollbackError::Lock(_)
        | RollbackError::Server(_)
        | RollbackError::CommitUnknown(_) => Exit::Database,
        _ => Exit::Findings,
    }
}

fn failed(error: &RollbackError) -> Value {
    let mut value = json!({ "message": error.to_string(), "hint": error.hint() });
    if let RollbackError::Changed { differences, .. } | RollbackError::Differs { differences, .. } = error {
        value["differences"] = differences.iter().map(database::capture::Difference::to_json).collect();
    }
    value
}

fn text(report: &Report) -> String {
    report.migrations.iter().map(line).collect()
}

fn line(undone: &Undone) -> String {
    let mut out = format!("{} is undone", undone.file);
    if undone.rows_put_back > 0 {
        out.push_str(&format!("; {} rows are back", undone.rows_put_back));
    }
    if !undone.archives.is_empty() {
        let ids: Vec<String> = undone.archives.iter().map(ToString::to_string).collect();
        out.push_str(&format!(
            "; what the script destroyed is kept in archive {}",
            ids.join(", ")
        ));
    }
    for table in &undone.reordered {
        out.push_str(&format!("\n  restored, columns reordered: {table}"));
    }
    if let Some(why) = undone.unverified {
        out.push_str(&format!("\n  not verified before the commit: {why}"));
    }
    out.push('\n');
    out
}
