//! `dblsp archive`: the rows that migrations and rollbacks destroyed.

use std::path::PathBuf;

use clap::Subcommand;
use database::archive::{self, Kept};
use serde_json::{Value, json};

use crate::args::{EnvironmentOptions, Format};
use crate::failure::{Exit, Failure};
use crate::render::table;
use crate::{linked, terminal};

/// Options of `dblsp archive`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) action: Action,
}

/// What to do with them.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// List what is kept
    List {
        #[command(flatten)]
        environment: EnvironmentOptions,
    },
    /// Write kept rows to a file, a JSON object per row
    Export {
        /// Number of the archive [default: all]
        id: Option<i64>,
        /// File to write; it must be new
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        environment: EnvironmentOptions,
    },
    /// Destroy kept rows for good; their migrations can then not be undone without loss
    Purge {
        /// Numbers of the archives
        #[arg(required = true)]
        ids: Vec<i64>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        environment: EnvironmentOptions,
    },
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    match &options.action {
        Action::List { environment } => list(environment),
        Action::Export {
            id,
            output,
            environment,
        } => export(*id, output, environment),
        Action::Purge { ids, yes, environment } => purge(ids, *yes, environment),
    }
}

fn list(environment: &EnvironmentOptions) -> anyhow::Result<Exit> {
    let project = linked::open()?;
    let target = linked::target(&project, environment.environment.as_deref())?;
    let address = linked::server(&target)?;
    let kept = linked::wait(async |_| {
        let mut connection = linked::connect(address, "archive").await?;
        let kept = archive::list(&mut connection)
            .await
            .map_err(|error| linked::refused(&error))?;
        connection.close().await;
        Ok(kept)
    })?;
    match environment.format {
        Format::Json => linked::print_json(json!({ "target": target.to_string(), "archives": kept }))?,
        Format::Text if kept.is_empty() => terminal::print("nothing is kept\n")?,
        Format::Text => {
            let head = ["archive", "migration", "table", "what", "rows", "bytes", "since"];
            let mut rows = vec![head.map(str::to_owned).to_vec()];
            rows.extend(kept.iter().map(|kept| {
                let number = |value: i64| value.to_string();
                vec![
                    number(kept.id),
                    kept.version.clone(),
                    kept.relation.clone(),
                    kept.reason.clone(),
                    number(kept.rows),
                    number(kept.bytes),
                    kept.created.clone(),
                ]
            }));
            terminal::print(&table(&rows))?;
        }
    }
    Ok(Exit::Clean)
}

fn export(id: Option<i64>, output: &PathBuf, environment: &EnvironmentOptions) -> anyhow::Result<Exit> {
    let project = linked::open()?;
    let target = linked::target(&project, environment.environment.as_deref())?;
    let address = linked::server(&target)?;
    let lines = linked::wait(async |_| {
        let mut connection = linked::connect(address, "archive").await?;
        let kept = archive::list(&mut connection)
            .await
            .map_err(|error| linked::refused(&error))?;
        let chosen: Vec<Kept> = kept
            .into_iter()
            .filter(|kept| id.is_none_or(|id| kept.id == id))
            .collect();
        if chosen.is_empty() {
            return Err(Failure::usage("there is no such archive", "`dblsp archive list` lists them").into());
        }
        let mut lines = Vec::new();
        for kept in &chosen {
            let rows = archive::export(&mut connection, kept)
                .await
                .map_err(|error| linked::refused(&error))?;
            for row in rows {
                let row: Value = serde_json::from_str(&row)?;
                lines.push(json!({ "archive": kept.id, "table": kept.relation, "row": row }).to_string());
            }
        }
        connection.close().await;
        Ok(lines)
    })?;
    let path = project.disk.absolute(output);
    let mut text = lines.join("\n");
    text.push('\n');
    project::write::write_all(&project.disk, &[project::write::Write::create(path.clone(), text)])?;
    let shown = project.disk.show(&path);
    match environment.format {
        Format::Json => {
            linked::print_json(json!({ "target": target.to_string(), "file": shown, "rows": lines.len() }))?;
        }
        Format::Text => terminal::print(&format!("{shown}: {} rows\n", lines.len()))?,
    }
    Ok(Exit::Clean)
}

fn purge(ids: &[i64], yes: bool, environment: &EnvironmentOptions) -> anyhow::Result<Exit> {
    let project = linked::open()?;
    let target = linked::target(&project, environment.environment.as_deref())?;
    let address = linked::server(&target)?;
    terminal::say(&format!("target: {target}"));
    linked::agreed(&format!("Destroy these rows on {target} for good?"), yes)?;
    linked::wait(async |_| {
        let mut connection = linked::connect(address, "archive").await?;
        let kept = archive::list(&mut connection)
            .await
            .map_err(|error| linked::refused(&error))?;
        if let Some(missing) = ids.iter().find(|id| !kept.iter().any(|kept| kept.id == **id)) {
            let message = format!("there is no archive {missing}");
            return Err(Failure::usage(message, "`dblsp archive list` lists them; nothing was destroyed").into());
        }
        archive::purge(&mut connection, ids)
            .await
            .map_err(|error| linked::refused(&error))?;
        connection.close().await;
        Ok(())
    })?;
    match environment.format {
        Format::Json => linked::print_json(json!({ "target": target.to_string(), "purged": ids }))?,
        Format::Text => terminal::print(&format!("{} archives are gone\n", ids.len()))?,
    }
    Ok(Exit::Clean)
}
