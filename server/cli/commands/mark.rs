//! `dblsp mark`: corrects the record of what is applied, and nothing else.

use clap::ValueEnum;
use database::lock::LockError;
use database::mark::{self, MarkError};
use serde_json::json;

use crate::args::{EnvironmentOptions, Format};
use crate::failure::{Exit, Failure};
use crate::linked;
use crate::terminal;

/// Options of `dblsp mark`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// What the record shall say
    #[arg(value_enum)]
    pub(crate) what: What,
    /// The migration's timestamp
    pub(crate) version: String,
    #[command(flatten)]
    pub(crate) environment: EnvironmentOptions,
    /// Do not ask on a protected environment
    #[arg(long)]
    pub(crate) yes: bool,
}

/// What the record shall say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// The migration is there, as its file is now
    Applied,
    /// The migration is not there
    Reverted,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let project = linked::open()?;
    let target = linked::target(&project, options.environment.environment.as_deref())?;
    let address = linked::server(&target)?;
    if target.protected && !options.yes {
        return Err(Failure::usage(format!("{target} is protected"), "add `--yes`").into());
    }
    terminal::say(&format!("target: {target}"));
    let what = match options.what {
        What::Applied => mark::What::Applied,
        What::Reverted => mark::What::Reverted,
    };
    let who = database::person::who();
    linked::wait(async |_| {
        mark::mark(&project.history, &target, address, &options.version, what, &who)
            .await
            .map_err(|error| failure(&error))?;
        project.look_again(&target).await;
        Ok(())
    })?;
    let done = match options.what {
        What::Applied => "applied",
        What::Reverted => "reverted",
    };
    match options.environment.format {
        Format::Json => {
            linked::print_json(json!({ "target": target.to_string(), "migration": options.version, "marked": done }))?;
        }
        Format::Text => terminal::print(&format!(
            "{} is marked as {done}; nothing else was changed\n",
            options.version
        ))?,
    }
    Ok(Exit::Clean)
}

fn failure(error: &MarkError) -> Failure {
    let hint = error.hint();
    match error {
        MarkError::NoSuchFile(_) | MarkError::NotApplied(_) => Failure::usage(error, hint),
        MarkError::Lock(LockError::Connect(error)) => linked::not_connected(error),
        _ => Failure::database(error, hint),
    }
}
