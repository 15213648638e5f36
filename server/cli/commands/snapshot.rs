//! `dblsp snapshot`: writes a database's schema as a text.
#![allow(
    clippy::single_match_else,
    reason = "with a database or without: both ways read alike"
)]

use std::path::PathBuf;

use database::snapshot::{self, Client, Libpq, Printer, Snapshot};
use serde_json::json;

use crate::args::{EnvironmentOptions, Format};
use crate::failure::{Exit, Failure};
use crate::{linked, terminal};

/// Options of `dblsp snapshot`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) environment: EnvironmentOptions,
    /// File to write [default: in the snapshots' folder, named for the newest applied migration]
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let project = linked::open()?;
    let target = linked::target(&project, options.environment.environment.as_deref())?;
    let address = linked::server(&target)?;
    let (taken, newest) = linked::wait(async |_| {
        let mut connection = linked::connect(address, "snapshot").await?;
        let rows = database::history::read(&mut connection).await;
        let newest = rows.map_err(|error| linked::refused(&error))?.pop();
        let taken = take(&mut connection, address).await?;
        connection.close().await;
        Ok((taken, newest))
    })?;
    let places = project.places();
    let path = match &options.output {
        Some(path) => project.disk.absolute(path),
        None => {
            let version = newest.map(|row| row.version).unwrap_or_default();
            let migration = project
                .history
                .migrations
                .iter()
                .find(|migration| migration.version == version);
            let migration = migration.ok_or_else(|| {
                Failure::usage(
                    "no migration of this project is applied",
                    "name a file with `--output FILE`",
                )
            })?;
            places.snapshot(migration, database::event::Moment::After)
        }
    };
    taken
        .write(&path)
        .map_err(|error| Failure::database(&error, error.hint()))?;
    let shown = project.disk.show(&path);
    let printer = match &taken.printer {
        Printer::PgDump(version) => version.clone(),
        Printer::Catalog(error) => {
            terminal::say(&format!(
                "note: {error}; printed from the catalog\nhint: {}",
                error.hint()
            ));
            "dblsp".to_owned()
        }
    };
    match options.environment.format {
        Format::Json => linked::print_json(json!({
            "target": target.to_string(), "snapshot": shown, "printer": printer
        }))?,
        Format::Text => terminal::print(&format!("{shown}\n"))?,
    }
    Ok(Exit::Clean)
}

/// A snapshot of what a session sees.
pub(crate) async fn take(
    connection: &mut database::Connection,
    address: &database::Address,
) -> Result<Snapshot, Failure> {
    let libpq = Libpq::new(address).map_err(|error| Failure::database(error, "see that the disk is not full"))?;
    let client = Client::discover(connection.server_major(), &database::tools::folders());
    let taken = snapshot::take(connection, &libpq, &client).await;
    taken.map_err(|error| Failure::database(address.redact(&error.to_string()), error.hint()))
}
