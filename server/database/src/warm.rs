//! The throw-away server that a project keeps between questions, and who may use it at the moment: one process at a time,
//! because roles belong to the whole server.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::cluster::{Hold, Root};
use crate::connection::{Connection, ServerError, identifier, literal};
use crate::discover::Binaries;
use crate::plan::checksum;
use crate::shadow::{self, MAINTENANCE, MIGRATOR, Options, PATIENCE, SUPERUSER, ShadowError, Template, blocking};

pub use crate::cluster::Warm;

/// How long to wait for another process to be done with the server.
const TURN: Duration = Duration::from_mins(2);

/// The sole use of a project's throw-away server. It goes on running when this is dropped.
#[derive(Debug)]
pub struct Lease {
    pub(crate) maintenance: Connection,
    hold: Hold,
    root: Root,
    binaries: Binaries,
    workspace: PathBuf,
}

impl Lease {
    /// Waits for the server to be free, and starts it where it does not run.
    pub(crate) async fn take(
        folder: Option<PathBuf>,
        binaries: Binaries,
        workspace: &Path,
        cancel: &CancellationToken,
    ) -> Result<Self, ShadowError> {
        let root = blocking(move || Root::open(folder)).await?;
        let workspace = workspace.canonicalize().unwrap_or_else(|_| workspace.to_path_buf());
        let hold = turn(&root, &name(&workspace, &binaries), cancel).await?;
        let found = if hold.is_ready() {
            connect(&hold).await.ok()
        } else {
            None
        };
        let maintenance = match found {
            Some(maintenance) => maintenance,
            None => start(&root, &binaries, &hold, &workspace).await?,
        };
        hold.touch()?;
        Ok(Self {
            maintenance,
            hold,
            root,
            binaries,
            workspace,
        })
    }

    /// 15 of 15.18.
    pub fn major(&self) -> u32 {
        self.binaries.major
    }

    /// The folder with data and socket.
    pub fn folder(&self) -> &Path {
        &self.hold.folder
    }

    /// Throws everything away and starts anew: for what a history did to the server as a whole.
    pub(crate) async fn renew(&mut self) -> Result<(), ShadowError> {
        self.maintenance = start(&self.root, &self.binaries, &self.hold, &self.workspace).await?;
        Ok(())
    }

    /// Notes that somebody still uses it.
    pub(crate) fn touch(&self) {
        // A server that ends for want of a mark is started again.
        drop(self.hold.touch());
    }

    /// A database with what there is before the first migration.
    pub(crate) async fn create(&mut self, name: &str, template: Template) -> Result<(), ServerError> {
        self.create_from(template.database(), name).await?;
        if template == Template::Plain {
            return Ok(());
        }
        let path = format!(
            "ALTER DATABASE {} SET search_path TO \"$user\", public, extensions",
            identifier(name)
        );
        self.maintenance.execute(&path).await
    }

    /// Copies a database, with its settings and privileges, which PostgreSQL leaves behind.
    pub(crate) async fn copy(&mut self, from: &str, to: &str) -> Result<(), ServerError> {
        self.create_from(from, to).await?;
        let (from, to) = (literal(from), literal(to));
        self.maintenance
            .execute(&format!(
                "SET allow_system_table_mods = on;
                 INSERT INTO pg_db_role_setting
                 SELECT (SELECT oid FROM pg_database WHERE datname = {to}), setrole, setconfig
                 FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = {from});
                 UPDATE pg_database SET datacl = (SELECT datacl FROM pg_database WHERE datname = {from})
                 WHERE datname = {to};
                 SET allow_system_table_mods = off"
            ))
            .await
    }

    async fn create_from(&mut self, from: &str, to: &str) -> Result<(), ServerError> {
        self.drop(to).await?;
        let (from, to) = (identifier(from), identifier(to));
        let sql = format!("CREATE DATABASE {to} OWNER {MIGRATOR} TEMPLATE {from}");
        self.maintenance.execute(&sql).await
    }

    /// Deletes a database, if it is there, also one that somebody is connected to.
    pub(crate) async fn drop(&mut self, name: &str) -> Result<(), ServerError> {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(name));
        self.maintenance.execute(&sql).await
    }

    /// A session as the role that migrations run as.
    pub(crate) async fn migrator(&self, database: &str, limit: Duration) -> Result<Connection, ServerError> {
        let limit = limit.as_millis().to_string();
        Connection::open(self.folder(), database, MIGRATOR, &[("statement_timeout", &limit)]).await
    }

    /// A session as the superuser, for looking.
    pub(crate) async fn harness(&self, database: &str) -> Result<Connection, ServerError> {
        Connection::open(self.folder(), database, SUPERUSER, &[]).await
    }

    /// What belongs to the server as a whole and no database's end takes along: roles with their settings, and databases
    /// that a history made.
    pub(crate) async fn belongings(&mut self) -> Result<String, ServerError> {
        belongings(&mut self.maintenance).await
    }

    /// The same as it was when the server began.
    pub(crate) async fn first_belongings(&mut self) -> Result<String, ServerError> {
        let first = self.maintenance.value("SELECT belongings FROM _dblsp.first").await?;
        Ok(first.unwrap_or_default())
    }

    /// Deletes a database, and what its history left on the server beside `known`. Where that is not all, the server is
    /// thrown away.
    pub(crate) async fn clear(&mut self, database: &str, known: &str) -> Result<(), ShadowError> {
        self.drop(database).await?;
        let left = self.belongings().await?;
        if left == known {
            return Ok(());
        }
        for line in left.lines().filter(|line| !known.lines().any(|known| known == *line)) {
            // What something depends on stays, and the server goes.
            drop(match line.split_once(' ') {
                Some(("database", name)) => self.drop(name).await,
                Some(("role", rest)) => self.drop_role(rest, known).await,
                _ => Ok(()),
            });
        }
        if self.belongings().await? == known {
            return Ok(());
        }
        self.renew().await
    }

    /// Deletes the role of a line, `name|attributes`, unless it is a known one that was altered.
    async fn drop_role(&mut self, line: &str, known: &str) -> Result<(), ServerError> {
        let Some((name, _)) = line.split_once('|') else {
            return Ok(());
        };
        if known.lines().any(|line| line.starts_with(&format!("role {name}|"))) {
            return Ok(());
        }
        let sql = format!("DROP ROLE {}", identifier(name));
        self.maintenance.execute(&sql).await
    }
}

/// Every server that projects keep.
pub fn list(folder: Option<PathBuf>) -> Result<Vec<Warm>, ShadowError> {
    Ok(Root::open(folder)?.kept())
}

/// Stops the servers that a project keeps, or all, and says which they were.
pub fn stop(options: &Options, workspace: Option<&Path>) -> Result<Vec<Warm>, ShadowError> {
    let root = Root::open(options.folder.clone())?;
    if root.kept().is_empty() {
        return Ok(Vec::new());
    }
    let workspace = workspace.map(|path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf()));
    root.stop_kept(&options.find()?, |warm| {
        workspace.as_ref().is_none_or(|workspace| warm.workspace == *workspace)
    })
}

/// Short, because a socket's path has to be: the workspace and everything that goes into the template.
fn name(workspace: &Path, binaries: &Binaries) -> String {
    let all = format!("{}\n{}", workspace.display(), shadow::key(binaries));
    let start = &checksum(&all)[..8];
    format!("{start}-{}", binaries.major)
}

async fn turn(root: &Root, name: &str, cancel: &CancellationToken) -> Result<Hold, ShadowError> {
    let begin = Instant::now();
    loop {
        if let Some(hold) = root.hold(name)? {
            return Ok(hold);
        }
        if begin.elapsed() > TURN {
            return Err(ShadowError::Busy);
        }
        tokio::select! {
            () = cancel.cancelled() => return Err(ShadowError::Cancelled),
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    }
}

async fn belongings(maintenance: &mut Connection) -> Result<String, ServerError> {
    let rows = maintenance.rows(include_str!("queries/cluster.sql")).await?;
    let words: Vec<String> = rows.into_iter().flatten().flatten().collect();
    Ok(words.join("\n"))
}

/// Makes the books of the copies that are kept.
async fn open_books(maintenance: &mut Connection) -> Result<(), ServerError> {
    maintenance
        .execute(
            "CREATE TABLE _dblsp.prefix (name text PRIMARY KEY, belongings text NOT NULL, used timestamptz NOT NULL,
             reader text, catalog text)",
        )
        .await?;
    let first = belongings(maintenance).await?;
    maintenance
        .execute(&format!(
            "CREATE TABLE _dblsp.first AS SELECT {} AS belongings",
            literal(&first)
        ))
        .await
}

async fn connect(hold: &Hold) -> Result<Connection, ServerError> {
    Connection::open(&hold.folder, MAINTENANCE, SUPERUSER, &[]).await
}

async fn start(root: &Root, binaries: &Binaries, hold: &Hold, workspace: &Path) -> Result<Connection, ShadowError> {
    let (_lock, _claim, template) = shadow::template(root, binaries).await?;
    root.prepare_kept(binaries, hold, &template)?;
    root.start_kept(binaries, hold, workspace)?;
    let begin = Instant::now();
    loop {
        match connect(hold).await {
            Ok(mut maintenance) => {
                open_books(&mut maintenance).await?;
                hold.finish(workspace, &binaries.version)?;
                return Ok(maintenance);
            }
            Err(error) if begin.elapsed() > PATIENCE => return Err(ShadowError::DidNotStart(error.to_string())),
            Err(_) => {}
        }
        if let Some(words) = hold.last_words().filter(|_| begin.elapsed() > Duration::from_secs(1)) {
            return Err(ShadowError::DidNotStart(words));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
