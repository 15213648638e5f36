//! `dblsp drift`: how a database differs from what its migrations make.

use database::drift;
use serde_json::json;

use crate::args::{EnvironmentOptions, Format};
use crate::failure::{Exit, Failure};
use crate::progress::Progress;
use crate::{linked, terminal};

/// Options of `dblsp drift`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) environment: EnvironmentOptions,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let project = linked::open()?;
    let target = linked::target(&project, options.environment.environment.as_deref())?;
    let address = linked::server(&target)?;
    let progress = Progress::start("Applying the migrations to a throw-away PostgreSQL");
    let found = linked::wait(async |_| {
        let mut connection = linked::connect(address, "drift").await?;
        let found = drift::drift(&mut connection, &project.history).await;
        if let Ok(found) = &found {
            project.note_drift(&mut connection, &target, found).await;
        }
        connection.close().await;
        Ok(found.map_err(|error| Failure::database(&error, error.hint()))?)
    })?;
    drop(progress);
    if let Some(coarse) = &found.coarse {
        terminal::say(&format!("note: {coarse}"));
    }
    let differences = &found.differences;
    match options.environment.format {
        Format::Json => {
            let list: Vec<_> = differences.iter().map(database::capture::Difference::to_json).collect();
            linked::print_json(json!({
                "target": target.to_string(), "migrations": found.versions, "coarse": found.coarse, "differences": list
            }))?;
        }
        Format::Text if differences.is_empty() => {
            terminal::print(&format!(
                "{target} is what its {} migrations make\n",
                found.versions.len()
            ))?;
        }
        Format::Text => {
            let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
            terminal::print(&format!("{}\n", lines.join("\n")))?;
        }
    }
    Ok(if differences.is_empty() {
        Exit::Clean
    } else {
        Exit::Findings
    })
}
