//! `dblsp link`: chooses the environment that is meant where none is named, and tries its connection.

use database::journal;
use serde_json::{Value, json};

use crate::args::Format;
use crate::failure::{Exit, Failure};
use crate::linked;
use crate::terminal;

/// Options of `dblsp link`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Environment of dblsp.toml [default: the one that is meant now]
    pub(crate) name: Option<String>,
    /// How to print results
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let mut project = linked::open()?;
    let target = linked::target(&project, options.name.as_deref())?;
    let mut found = json!({ "environment": target.name, "target": target.to_string(), "protected": target.protected });
    if let Some(address) = target.address() {
        found["tls"] = address.tls.name().into();
        if let Some(note) = address.note {
            terminal::say(&format!("note: {note}"));
        }
        let seen: Value = linked::wait(async |_| {
            let mut connection = linked::connect(address, "link").await?;
            let version = connection
                .value("SHOW server_version")
                .await
                .map_err(|error| linked::refused(&error))?;
            let has_journal = journal::is_installed(&mut connection)
                .await
                .map_err(|error| linked::refused(&error))?;
            let creates = "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')";
            let creates = connection
                .value(creates)
                .await
                .map_err(|error| linked::refused(&error))?;
            connection.close().await;
            Ok(json!({ "server": version, "journal": has_journal, "may_create": creates.as_deref() == Some("t") }))
        })?;
        for (key, value) in seen.as_object().into_iter().flatten() {
            found[key] = value.clone();
        }
    }
    project.remember(&target.name).map_err(|error| {
        Failure::usage(
            format!("`.dblsp` cannot be written: {error}"),
            "see that the folder is writable",
        )
    })?;
    if options.format == Format::Json {
        linked::print_json(found)?;
        return Ok(Exit::Clean);
    }
    let mut out = format!("linked to {target}\n");
    if let Some(server) = found["server"].as_str() {
        out.push_str(&format!(
            "PostgreSQL {server}, TLS {}\n",
            found["tls"].as_str().unwrap_or_default()
        ));
        if found["may_create"] == false {
            out.push_str("this role may not create schemas in the database, so it cannot apply migrations\n");
        }
    }
    terminal::print(&out)?;
    Ok(Exit::Clean)
}
