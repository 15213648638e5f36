//! `dblsp rollback`: undoes migrations.

use std::time::Duration;

use database::journal::Confirmation;
use database::person;
use database::rollback::{self, Report, Request, RollbackError, Undone, Which};
use serde_json::{Value, json};

use crate::args::{EnvironmentOptions, Format};
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
    terminal::say(&format!("target: {target}"));
    let question = match &which {
        Which::Only(version) => format!("Undo {version} on {target}?"),
        Which::To(version) => format!("Undo everything after {version} on {target}?"),
        Which::ToBefore(version) => format!("Undo {version} and everything after it on {target}?"),
    };
    linked::agreed(&question, options.yes)?;
    let missing: Vec<&String> = target
        .confirm
        .iter()
        .filter(|text| !options.confirm.contains(text))
        .collect();
    if target.protected && !missing.is_empty() {
        let wanted: Vec<String> = missing.iter().map(|text| format!("--confirm \"{text}\"")).collect();
        return Err(Failure::usage(
            format!("{target} wants more confirmed"),
            format!("add {}", wanted.join(" ")),
        )
        .into());
    }
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
