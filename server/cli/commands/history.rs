//! `dblsp history`: what dblsp did to a database.

use database::journal::{self, Run};
use serde_json::json;

use crate::args::{EnvironmentOptions, Format};
use crate::failure::Exit;
use crate::linked;
use crate::render::table;
use crate::terminal;

/// Options of `dblsp history`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) environment: EnvironmentOptions,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let project = linked::open()?;
    let target = linked::target(&project, options.environment.environment.as_deref())?;
    let address = linked::server(&target)?;
    let runs = linked::wait(async |_| {
        let mut connection = linked::connect(address, "history").await?;
        let runs = journal::runs(&mut connection)
            .await
            .map_err(|error| linked::refused(&error))?;
        connection.close().await;
        Ok(runs)
    })?;
    match options.environment.format {
        Format::Json => linked::print_json(json!({ "target": target.to_string(), "runs": runs }))?,
        Format::Text if runs.is_empty() => terminal::print("nothing was done by dblsp\n")?,
        Format::Text => terminal::print(&text(&runs))?,
    }
    Ok(Exit::Clean)
}

fn text(runs: &[Run]) -> String {
    let head = ["started", "verb", "file", "state", "milliseconds", "who", "note"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for run in runs {
        let verb = serde_json::to_value(run.verb)
            .ok()
            .and_then(|verb| verb.as_str().map(str::to_owned));
        rows.push(vec![
            run.started.clone(),
            verb.unwrap_or_default(),
            run.file.clone(),
            run.state.name().replace('_', " "),
            run.duration_ms
                .map_or_else(|| "-".to_owned(), |duration| duration.to_string()),
            run.who.clone(),
            run.note.clone().unwrap_or_default().replace('\n', " "),
        ]);
    }
    table(&rows)
}
