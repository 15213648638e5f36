//! `dblsp shadow`: the throw-away servers that projects keep.

use clap::Subcommand;
use database::warm::{self, Warm};
use database::{Options as Server, ShadowError};
use project::discover::root_of;
use project::files::Disk;
use serde_json::json;

use crate::args::Format;
use crate::failure::{Exit, Failure};
use crate::render::{counted, table};
use crate::{linked, terminal};

/// Options of `dblsp shadow`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) action: Action,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Show the servers that run
    Status {
        /// How to print results
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Stop this project's servers, and delete what they hold
    Stop {
        /// Those of all projects
        #[arg(long)]
        all: bool,
        /// How to print results
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    match &options.action {
        Action::Status { format } => {
            let found = warm::list(None).map_err(|error| failed(&error))?;
            match format {
                Format::Json => linked::print_json(json!({ "servers": found }))?,
                Format::Text => terminal::print(&status(&found))?,
            }
        }
        Action::Stop { all, format } => {
            let folder = std::env::current_dir()?;
            let root = root_of(&Disk::new(&folder), &folder).folder;
            let stopped = warm::stop(&Server::default(), (!all).then_some(&*root)).map_err(|error| failed(&error))?;
            match format {
                Format::Json => linked::print_json(json!({ "stopped": stopped }))?,
                Format::Text if stopped.is_empty() => terminal::print("no throw-away server runs\n")?,
                Format::Text => terminal::print(&format!("stopped {}\n", counted(stopped.len(), "throw-away server")))?,
            }
        }
    }
    Ok(Exit::Clean)
}

fn failed(error: &ShadowError) -> Failure {
    Failure::database(error, error.hint())
}

fn status(found: &[Warm]) -> String {
    if found.is_empty() {
        return "no throw-away server runs\n".to_owned();
    }
    let heading = ["project", "server", "process", "idle", "size"]
        .map(str::to_owned)
        .to_vec();
    let rows = found.iter().map(|warm| {
        vec![
            warm.workspace.display().to_string(),
            version(&warm.version).to_owned(),
            warm.process.to_string(),
            format!("{} s", warm.idle_seconds),
            format!("{} MB", warm.bytes >> 20),
        ]
    });
    table(&std::iter::once(heading).chain(rows).collect::<Vec<_>>())
}

/// `PostgreSQL 15.18` of `postgres (PostgreSQL) 15.18 (Debian …)`.
fn version(full: &str) -> &str {
    full.split(") ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .unwrap_or(full)
}
