//! `dblsp restore`: puts the schema of a snapshot in the place of what is there, for emergencies.

use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use database::journal::Confirmation;
use database::link::Linked;
use database::person;
use database::restore::{self, Prospect, Report, Request, RestoreError, Source};
use database::{Address, Target};
use serde_json::json;

use crate::args::{EnvironmentOptions, Format};
use crate::commands::rollback;
use crate::failure::{Exit, Failure};
use crate::render::steps::Steps;
use crate::{linked, terminal};

/// Options of `dblsp restore`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A snapshot holds no rows. All rows of the project's schemas are destroyed, after a full dump of the \
                  database into `.dblsp/backups`; `pg_restore --data-only` brings back from it what still fits. Undoing \
                  migrations with `dblsp rollback` keeps rows."
)]
pub(crate) struct Options {
    /// Snapshot to restore, a file of the snapshots' folder
    pub(crate) snapshot: PathBuf,
    /// Newest migration that the snapshot holds, where its name does not say
    #[arg(long, value_name = "TIMESTAMP")]
    pub(crate) last: Option<String>,
    #[command(flatten)]
    pub(crate) environment: EnvironmentOptions,
    #[command(flatten)]
    pub(crate) consent: Consent,
    /// Say that something is done which the environment wants confirmed; repeat for each
    #[arg(long, value_name = "TEXT")]
    pub(crate) confirm: Vec<String>,
    /// Seconds to wait for a lock on a table
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub(crate) lock_timeout: u64,
}

/// What it takes to destroy a database's rows.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Consent {
    /// Show what would be destroyed, and destroy nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask for the name of the database whose rows are destroyed: this is it
    #[arg(long, value_name = "NAME")]
    pub(crate) yes_destroy: Option<String>,
    /// Where the full dump goes [default: a new file in `.dblsp/backups`]
    #[arg(long, value_name = "FILE")]
    pub(crate) backup: Option<PathBuf>,
    /// Restore also what is not the same as when the snapshot was taken
    #[arg(long)]
    pub(crate) accept_differences: bool,
}

/// A restore that somebody asked for in one way or another.
pub(crate) struct Asked<'a> {
    pub(crate) snapshot: &'a Path,
    pub(crate) last: Option<&'a str>,
    pub(crate) consent: &'a Consent,
    pub(crate) confirm: &'a [String],
    pub(crate) lock_timeout: u64,
    pub(crate) format: Format,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let project = linked::open()?;
    let target = linked::target(&project, options.environment.environment.as_deref())?;
    let asked = Asked {
        snapshot: &project.disk.absolute(&options.snapshot),
        last: options.last.as_deref(),
        consent: &options.consent,
        confirm: &options.confirm,
        lock_timeout: options.lock_timeout,
        format: options.environment.format,
    };
    if !options.consent.dry_run {
        rollback::confirmed(&target, &options.confirm)?;
    }
    carry_out(&project, &target, &asked)
}

/// Shows what goes, has the database's name typed, and restores.
pub(crate) fn carry_out(project: &Linked, target: &Target, asked: &Asked<'_>) -> anyhow::Result<Exit> {
    let address = linked::server(target)?;
    let shown = project.disk.show(asked.snapshot);
    let text = project.disk.read(asked.snapshot)?;
    if text.invalid.is_some() {
        return Err(Failure::usage(
            format!("`{shown}` is not UTF-8"),
            "name a file of the snapshots' folder",
        )
        .into());
    }
    let source = Source::read(&shown, text.text.to_string()).map_err(|error| failure(&error, address))?;
    let root = &project.opened.root.folder;
    let backup = match &asked.consent.backup {
        Some(path) => project.disk.absolute(path),
        None => restore::backup_path(root, &target.name, SystemTime::now())?,
    };
    terminal::say(&format!("target: {target}"));
    if target.protected && !target.restore && !asked.consent.dry_run {
        return Err(failure(&RestoreError::Protected(target.to_string()), address).into());
    }
    let who = person::who();
    let confirmation = |text: &String| Confirmation {
        text: text.clone(),
        who: who.clone(),
        at: person::now(),
    };
    let mut request = Request {
        target,
        address,
        source: &source,
        history: &project.history,
        last: asked.last.map(str::to_owned),
        typed: String::new(),
        backup,
        tools: database::tools::folders(),
        accept_differences: asked.consent.accept_differences,
        confirmations: asked.confirm.iter().map(confirmation).collect(),
        who: who.clone(),
        page: project.places().page,
        patience: Duration::from_secs(30),
        lock_timeout: Duration::from_secs(asked.lock_timeout),
    };
    let found = linked::wait(async |_| Ok(restore::look(&request).await))?;
    let prospect = found.map_err(|error| failure(&error, address))?;
    if asked.consent.dry_run {
        match asked.format {
            Format::Json => linked::print_json(json!({
                "target": target.to_string(), "snapshot": shown, "database": address.database, "destroys": prospect
            }))?,
            Format::Text => terminal::print(&destroyed(&prospect, target))?,
        }
        return Ok(Exit::Clean);
    }
    terminal::say(destroyed(&prospect, target).trim_end());
    request.typed = typed(asked.consent.yes_destroy.as_deref(), address)?;
    let steps = Steps::new(asked.format);
    let done = linked::wait(async |_| {
        let done = restore::restore(&request, &steps).await;
        project.look_again(target).await;
        Ok(done)
    })?;
    let report = done.map_err(|error| failure(&error, address))?;
    match asked.format {
        Format::Json => {
            let mut value = serde_json::to_value(&report)?;
            value["destroyed"] = serde_json::to_value(&prospect)?;
            linked::print_json(value)?;
        }
        Format::Text => terminal::print(&told(&report))?,
    }
    Ok(if report.differences.is_empty() {
        Exit::Clean
    } else {
        Exit::Findings
    })
}

/// The name of the database that goes: as an argument, or typed at the terminal.
fn typed(given: Option<&str>, address: &Address) -> Result<String, Failure> {
    if let Some(name) = given {
        return Ok(name.to_owned());
    }
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Failure::usage(
            "nobody typed the name of the database, so nothing was done",
            format!("add `--yes-destroy {}` if that is what you want", address.database),
        ));
    }
    terminal::say(&format!(
        "Type the name of the database to destroy all this ({}):",
        address.database
    ));
    let mut answer = String::new();
    // What cannot be read is no name.
    drop(io::stdin().lock().read_line(&mut answer));
    Ok(answer.trim_end_matches(['\n', '\r']).to_owned())
}

fn failure(error: &RestoreError, address: &Address) -> Failure {
    let exit = match error {
        RestoreError::Unfit { .. }
        | RestoreError::NoVersion(_)
        | RestoreError::NoFile { .. }
        | RestoreError::Protected(_)
        | RestoreError::WrongName { .. } => Exit::Usage,
        RestoreError::Differs { .. } => Exit::Findings,
        _ => Exit::Database,
    };
    Failure {
        exit,
        message: address.redact(&error.to_string()),
        hint: error.hint(),
    }
}

/// What goes, for people to read before they type a name.
fn destroyed(prospect: &Prospect, target: &Target) -> String {
    let mut lines = Vec::new();
    let mut line = |words: String| lines.push(format!("  {words}\n"));
    for table in &prospect.tables {
        let rows = match (table.rows, table.counted) {
            (None, _) => "nobody knows how many rows".to_owned(),
            (Some(rows), true) => format!("{rows} rows"),
            (Some(rows), false) => format!("about {rows} rows"),
        };
        line(format!("{rows} of {}, {} kB", table.name, table.bytes.div_ceil(1024)));
    }
    for name in &prospect.elsewhere {
        line(format!("{name}, unless the snapshot has it"));
    }
    for name in &prospect.gone {
        line(format!("{name}, which the snapshot has not"));
    }
    for name in &prospect.changed {
        line(format!("{name} as it is now"));
    }
    for version in &prospect.undone {
        line(format!("migration {version}: not applied any more"));
    }
    for version in &prospect.redone {
        line(format!("migration {version}: applied again"));
    }
    if lines.is_empty() {
        lines.push("  nothing\n".to_owned());
    }
    format!("restoring destroys on {target}:\n{}", lines.concat())
}

fn told(report: &Report) -> String {
    let mut out = format!("{} is restored on {}\n", report.snapshot, report.target);
    let mut line = |words: String| out.push_str(&format!("  {words}\n"));
    line(format!("what there was is in {}", report.backup));
    if !report.not_in_backup.is_empty() {
        line(format!(
            "but for these of the platform, which this role may not read: {}",
            report.not_in_backup.join(", ")
        ));
    }
    for version in &report.undone {
        line(format!("{version} is not applied any more"));
    }
    for version in &report.redone {
        line(format!("{version} is applied again"));
    }
    for column in &report.became_text {
        line(format!(
            "the kept rows' column {column} is text now: its values do not fit its type any more"
        ));
    }
    if let Some(why) = &report.unverified {
        line(format!("not verified before the commit: {why}"));
    }
    line("to bring rows back that still fit: pg_restore --data-only --disable-triggers --table=NAME".to_owned());
    out
}
