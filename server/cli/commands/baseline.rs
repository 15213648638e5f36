//! `dblsp baseline`: writes down how large a database's tables are.

use std::fs;
use std::path::PathBuf;

use database::baseline;
use project::write::{Write, WriteKind, write_all};
use serde_json::json;

use crate::args::{EnvironmentOptions, Format};
use crate::failure::Exit;
use crate::{linked, terminal};

/// Options of `dblsp baseline`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Commit the file: it holds names, row counts and sizes, and no rows. Findings and editors show them from then on."
)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) environment: EnvironmentOptions,
    /// File to write
    #[arg(long, value_name = "FILE", default_value = project::sizes::FILE)]
    pub(crate) output: PathBuf,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let project = linked::open()?;
    let target = linked::target(&project, options.environment.environment.as_deref())?;
    let address = linked::server(&target)?;
    let measured = linked::wait(async |_| {
        let mut connection = linked::connect(address, "baseline").await?;
        let measured = baseline::measure(&mut connection, &target.name).await;
        drop(project.note(&mut connection, &target).await);
        connection.close().await;
        Ok(measured.map_err(|error| linked::refused(&error))?)
    })?;
    let path = project.opened.root.folder.join(&options.output);
    let text = format!("{}\n", serde_json::to_string_pretty(&measured)?);
    let write = match fs::read_to_string(&path) {
        Ok(from) => Write {
            path: path.clone(),
            text,
            kind: WriteKind::Change {
                from,
                what: "sizes".into(),
            },
        },
        Err(_) => Write::create(path.clone(), text),
    };
    write_all(&project.disk, &[write])?;
    let shown = project.disk.show(&path);
    match options.environment.format {
        Format::Json => linked::print_json(json!({
            "target": target.to_string(), "file": shown, "tables": measured.tables.len()
        }))?,
        Format::Text => terminal::print(&format!("{shown}: {} tables of {target}\n", measured.tables.len()))?,
    }
    Ok(Exit::Clean)
}
