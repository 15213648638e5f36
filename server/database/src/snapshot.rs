//! A database's schema as a text that people read and compare: the same schema is the same text.
//!
//! Written by `pg_dump`, with a section on what hangs on the platform's tables; without a usable `pg_dump` printed from
//! the catalog, and then it says so. It holds no rows, so it is never a backup.

mod backup;
mod clean;
mod client;
mod libpq;
mod source;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

pub(crate) use backup::{back_up, sweep};
pub(crate) use clean::PLATFORM_OWNERS;
pub use client::{Client, ClientError};
pub use libpq::Libpq;
pub(crate) use source::{Entry, entries_of};

use crate::canonical::{OBJECTS, PARTS};
use crate::connection::{Connection, ServerError, literal};

const CROSS_SCHEMA: &str = include_str!("queries/cross_schema.sql");
const PRINT: &str = include_str!("queries/print.sql");
/// Above what hangs on the platform's tables.
pub(crate) const BESIDE: &str = "--\n-- On the platform's tables and beside them\n--\n";
/// How a snapshot begins that no `pg_dump` made.
pub(crate) const PRINTED: &str = "--\n-- Printed from the catalog by dblsp, not by pg_dump";
/// Waiting for a table that somebody has locked, in milliseconds.
const LOCK_WAIT: &str = "--lock-wait-timeout=10000";

/// What the tools on this side keep in the database.
const TOOLS: [&str; 3] = ["_dblsp", "dblsp", "supabase_migrations"];
/// Schemas that Supabase manages: those that `supabase db dump` of the CLI 3.1.0 leaves out.
pub(crate) const PLATFORM: [&str; 25] = [
    "_analytics",
    "_realtime",
    "_supavisor",
    "auth",
    "cron",
    "dbdev",
    "etl",
    "extensions",
    "graphql",
    "graphql_public",
    "net",
    "pgbouncer",
    "pgmq",
    "pgsodium",
    "pgsodium_masks",
    "pgtle",
    "realtime",
    "repack",
    "storage",
    "supabase_functions",
    "tiger",
    "tiger_data",
    "topology",
    "vault",
    "timescaledb_information",
];

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// `pg_dump` ended with an error.
    #[error("`pg_dump` failed: {0}")]
    Failed(String),
    /// It could not be started.
    #[error("`pg_dump` could not be run: {0}")]
    NotRun(io::Error),
    /// The server refused a query.
    #[error("the catalog could not be read: {0}")]
    Server(#[from] ServerError),
    /// The file could not be written, and is not there.
    #[error("`{}` was not written: {error}", .path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl SnapshotError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Failed(_) => "see what it says; a role that may read every table of the schema is needed",
            Self::NotRun(_) => "see that it is a program of this machine, or run `dblsp tools install`",
            Self::Server(_) => "see that the role may read the system catalogs",
            Self::Unwritable { .. } => "free some space, or see that the folder is writable; nothing was applied",
        }
    }
}

/// Who printed a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Printer {
    /// `pg_dump`, in this version.
    PgDump(String),
    /// dblsp itself, from the catalog, because of this.
    Catalog(ClientError),
}

/// A snapshot's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// SQL.
    pub text: String,
    /// Whose.
    pub printer: Printer,
}

impl Snapshot {
    /// Writes it whole or not at all: aside, to the disk, then under its name.
    pub fn write(&self, path: &Path) -> Result<(), SnapshotError> {
        write_whole(path, self.text.as_bytes()).map_err(|error| SnapshotError::Unwritable {
            path: path.to_path_buf(),
            error,
        })
    }
}

/// Takes a snapshot. `libpq` leads to the same database as `connection`.
pub async fn take(
    connection: &mut Connection,
    libpq: &Libpq,
    client: &Result<Client, ClientError>,
) -> Result<Snapshot, SnapshotError> {
    let on_supabase = is_supabase(connection).await?;
    let (mut text, printer) = match client {
        Ok(client) => {
            let dump = dump(client, libpq, on_supabase).await?;
            (
                clean::clean(&dump, on_supabase),
                Printer::PgDump(client.version.clone()),
            )
        }
        Err(error) => (
            print(connection, on_supabase, error).await?,
            Printer::Catalog(error.clone()),
        ),
    };
    if on_supabase {
        text.push_str(&cross_schema(connection).await?);
    }
    Ok(Snapshot { text, printer })
}

/// Whether Supabase set this database up.
pub async fn is_supabase(connection: &mut Connection) -> Result<bool, ServerError> {
    let query = "SELECT to_regrole('supabase_admin') IS NOT NULL AND to_regnamespace('auth') IS NOT NULL";
    Ok(connection.value(query).await?.as_deref() == Some("t"))
}

/// Names of the schemas that are not the project's.
pub(crate) fn excluded(on_supabase: bool) -> Vec<&'static str> {
    let platform = PLATFORM.iter().filter(|_| on_supabase);
    TOOLS.iter().chain(platform).copied().collect()
}

async fn dump(client: &Client, libpq: &Libpq, on_supabase: bool) -> Result<String, SnapshotError> {
    let mut command = Command::new(&client.program);
    command.args(["--schema-only", "--no-password", "--encoding=UTF8", LOCK_WAIT]);
    command.args(
        excluded(on_supabase)
            .iter()
            .map(|schema| format!("--exclude-schema={schema}")),
    );
    if client.knows_restrict_key() {
        command.arg("--restrict-key=dblsp");
    }
    run(&mut command, libpq).await
}

/// Runs one of libpq's programs against the database that `libpq` leads to, and hands back what it prints.
pub(crate) async fn run(command: &mut Command, libpq: &Libpq) -> Result<String, SnapshotError> {
    String::from_utf8(output(command, libpq).await?).map_err(|error| SnapshotError::Failed(error.to_string()))
}

async fn output(command: &mut Command, libpq: &Libpq) -> Result<Vec<u8>, SnapshotError> {
    // A service file or PGOPTIONS of the user's own could lead elsewhere.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    let output = command
        .envs(libpq.variables().iter().map(|(name, value)| (name, value)))
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(SnapshotError::NotRun)?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let words = if words.is_empty() {
            output.status.to_string()
        } else {
            words
        };
        return Err(SnapshotError::Failed(words));
    }
    Ok(output.stdout)
}

async fn cross_schema(connection: &mut Connection) -> Result<String, ServerError> {
    let mut statements = in_order(connection, &cross_schema_query()).await?;
    statements.extend(buckets(connection).await?);
    statements.extend(jobs(connection).await?);
    let mut text = format!("\n{BESIDE}");
    for statement in statements {
        text.push('\n');
        text.push_str(&statement);
        text.push('\n');
    }
    Ok(text)
}

/// What hangs on the platform's tables: each row ends with what takes it away and what makes it.
pub(crate) fn cross_schema_query() -> String {
    let platform: Vec<String> = PLATFORM.iter().map(|schema| literal(schema)).collect();
    CROSS_SCHEMA.replace("@platform@", &platform.join(", "))
}

/// Storage buckets: rows that are configuration.
async fn buckets(connection: &mut Connection) -> Result<Vec<String>, ServerError> {
    if !may_read(connection, "storage.buckets").await? {
        return Ok(Vec::new());
    }
    let query = "SELECT format('INSERT INTO storage.buckets (id, name, public) VALUES (%L, %L, %L) ON CONFLICT DO NOTHING;', \
                 id, name, public) FROM storage.buckets ORDER BY id";
    Ok(connection.rows(query).await?.into_iter().flatten().flatten().collect())
}

/// Jobs of `pg_cron`.
async fn jobs(connection: &mut Connection) -> Result<Vec<String>, ServerError> {
    if !may_read(connection, "cron.job").await? {
        return Ok(Vec::new());
    }
    let query = "SELECT format('SELECT cron.schedule(%L, %L, %L);', jobname, schedule, command) \
                 FROM cron.job WHERE jobname IS NOT NULL ORDER BY jobname";
    Ok(connection.rows(query).await?.into_iter().flatten().flatten().collect())
}

async fn may_read(connection: &mut Connection, table: &str) -> Result<bool, ServerError> {
    let query = format!(
        "SELECT coalesce(has_table_privilege(to_regclass({0}), 'SELECT') \
         AND has_schema_privilege(split_part({0}, '.', 1), 'USAGE'), false)",
        literal(table)
    );
    // Where the schema itself is missing the second question is an error.
    let exists = format!("SELECT to_regclass({}) IS NOT NULL", literal(table));
    Ok(connection.value(&exists).await?.as_deref() == Some("t")
        && connection.value(&query).await?.as_deref() == Some("t"))
}

async fn print(connection: &mut Connection, on_supabase: bool, why: &ClientError) -> Result<String, ServerError> {
    let schemas: Vec<String> = excluded(on_supabase).iter().map(|schema| literal(schema)).collect();
    let objects = OBJECTS.replacen("'_dblsp'", &schemas.join(", "), 1);
    let statements = in_order(connection, &format!("{objects}{PARTS}{PRINT}")).await?;
    let mut text = format!(
        "{PRINTED}: {why}.\n\
         -- For reading and comparing. What dblsp does not print is missing without notice.\n--\n\n\
         SELECT pg_catalog.set_config('search_path', '', false);\nSET check_function_bodies = false;\n"
    );
    for statement in statements {
        text.push('\n');
        text.push_str(&statement);
        text.push('\n');
    }
    Ok(text)
}

/// The last column of a query, of one moment and with every name written in full.
async fn in_order(connection: &mut Connection, query: &str) -> Result<Vec<String>, ServerError> {
    connection
        .execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = ''; SET LOCAL jit = off")
        .await?;
    let rows = connection.rows(query).await;
    connection.execute("ROLLBACK").await?;
    Ok(rows?
        .into_iter()
        .filter_map(|row| row.into_iter().next_back().flatten())
        .collect())
}

/// Writes a file whole or not at all, and is sure of it only when the disk is.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut aside = tempfile::Builder::new().prefix(".dblsp-").tempfile_in(folder)?;
    aside.write_all(bytes)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        aside.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    aside.as_file().sync_all()?;
    aside.persist(path).map_err(|error| error.error)?;
    // The new name is in the folder's own data.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}
