//! `dblsp adopt`: writes the migration that makes what a live database has.

use database::adopt::{self, AdoptError, Baseline};
use database::link::Linked;
use database::{Address, Target, mark};
use project::write::write_all;
use project::{name, new};
use serde_json::json;

use crate::args::{EnvironmentOptions, Format};
use crate::failure::{Exit, Failure};
use crate::progress::Progress;
use crate::{linked, terminal};

/// Options of `dblsp adopt`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The migration is run on a throw-away PostgreSQL and compared with the database, down to the bodies of \
                  functions. It holds no rows, and nothing is run on the database itself."
)]
pub(crate) struct Options {
    /// What the migration is called
    #[arg(long, default_value = "baseline")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) environment: EnvironmentOptions,
    /// Print the migration, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Also record it as applied, so that it is never run where everything is already
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) mark_applied: bool,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// Write it although what it makes is not quite what the database has
    #[arg(long)]
    pub(crate) accept_differences: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let folder = std::env::current_dir()?;
    let project = Linked::open_to_begin(&folder)?;
    let target = linked::target(&project, options.environment.environment.as_deref())?;
    let address = linked::server(&target)?;
    terminal::say(&format!("target: {target}"));
    if let Some(first) = project.history.migrations.first() {
        return Err(Failure::usage(
            format!("the project has migrations already, `{}` first", first.path),
            "a baseline comes before all others: `dblsp drift` shows what they do not make",
        )
        .into());
    }
    let mut writes = new::plan(&project.disk, &folder, &options.name, None, &name::timestamp_now())?;
    // What undoes all that there is, is better not drafted.
    writes.truncate(1);
    let Some(write) = writes.first_mut() else {
        return Ok(Exit::Clean);
    };
    let shown = project.disk.show(&write.path);
    let progress = Progress::start("Running what is there on a throw-away PostgreSQL");
    let found = linked::wait(async |_| {
        let mut connection = linked::connect(address, "adopt").await?;
        let tools = database::tools::folders();
        let found = adopt::baseline(&mut connection, address, &project.history, &shown, &tools).await;
        connection.close().await;
        Ok(found)
    })?;
    drop(progress);
    let baseline = found.map_err(|error| failure(&error, address))?;
    if let Some(why) = &baseline.unverified {
        terminal::say(&format!("note: not compared in full: {why}"));
    }
    let is_alike = baseline.differences.is_empty();
    let is_written = !options.dry_run && (is_alike || options.accept_differences);
    if options.mark_applied && is_written {
        let question = format!("Record {shown} as applied on {target}?");
        linked::agreed(&question, options.yes)?;
    }
    if is_written {
        write.text.clone_from(&baseline.text);
        write_all(&project.disk, &writes)?;
    }
    let is_marked = options.mark_applied && is_written;
    if is_marked {
        mark_applied(&folder, &target, address, &shown)?;
    }
    tell(options, &target, &shown, &baseline, (is_written, is_marked))?;
    Ok(if is_alike { Exit::Clean } else { Exit::Findings })
}

fn tell(
    options: &Options,
    target: &Target,
    shown: &str,
    baseline: &Baseline,
    (is_written, is_marked): (bool, bool),
) -> anyhow::Result<()> {
    if options.environment.format == Format::Json {
        let differences = baseline.differences.iter();
        let differences: Vec<_> = differences.map(database::capture::Difference::to_json).collect();
        return linked::print_json(json!({
            "target": target.to_string(), "migration": shown, "statements": baseline.statements, "written": is_written,
            "marked": is_marked, "differences": differences, "unverified": baseline.unverified,
            "text": options.dry_run.then_some(&baseline.text)
        }));
    }
    for difference in &baseline.differences {
        terminal::say(&format!("not as in the database: {difference}"));
    }
    if options.dry_run {
        return terminal::print(&baseline.text);
    }
    if !is_written {
        terminal::say("nothing was written; add `--accept-differences` to mend it by hand");
        return Ok(());
    }
    let mut out = format!("created {shown}: {} statements\n", baseline.statements);
    let version = shown.rsplit('/').next().unwrap_or_default();
    let version: String = version.chars().take_while(char::is_ascii_digit).collect();
    out.push_str(&if is_marked {
        format!("recorded as applied on {target}; nothing else was changed there\n")
    } else {
        format!("run `dblsp mark applied {version}` where all of it is there already\n")
    });
    terminal::print(&out)
}

/// The file is the project's now, so the project is read again.
fn mark_applied(folder: &std::path::Path, target: &Target, address: &Address, shown: &str) -> anyhow::Result<()> {
    let project = Linked::open(folder)?;
    let mut migrations = project.history.migrations.iter();
    let version = migrations.find(|migration| migration.path == shown);
    let version = version.map(|migration| migration.version.clone()).unwrap_or_default();
    let who = database::person::who();
    linked::wait(async |_| {
        let marked = mark::mark(&project.history, target, address, &version, mark::What::Applied, &who).await;
        marked.map_err(|error| Failure::database(&error, error.hint()))?;
        project.look_again(target).await;
        Ok(())
    })
}

fn failure(error: &AdoptError, address: &Address) -> Failure {
    let message = address.redact(&error.to_string());
    match error {
        AdoptError::Begun(_) => Failure::usage(message, error.hint()),
        _ => Failure::database(message, error.hint()),
    }
}
