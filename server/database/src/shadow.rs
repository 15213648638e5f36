//! A throw-away PostgreSQL: a private cluster on a unix socket, and a fresh database per use.

use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::address::{Address, Host, RootCertificate, Tls};
use crate::cluster::{Claim, Root, Server};
use crate::connection::{Connection, ServerError, identifier};
use crate::discover::{self, Binaries};
use crate::prelude;

/// The role that set the cluster up, and as whom the harness works. On Supabase it has the same name.
pub(crate) const SUPERUSER: &str = "supabase_admin";
/// The role that migrations run as: an owner without superuser rights, as on Supabase.
pub(crate) const MIGRATOR: &str = "postgres";
/// Where the harness asks for databases.
pub(crate) const MAINTENANCE: &str = "postgres";
/// No migration may keep a throw-away server busy for longer. Survives RESET ALL.
const STATEMENT_LIMIT: &str = "120s";
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Goes into the template's key: a change here makes old templates useless.
const LAYOUT: u32 = 3;

/// Why there is no throw-away server.
#[derive(Debug, thiserror::Error)]
pub enum ShadowError {
    /// No programs of PostgreSQL on this machine.
    #[error("no PostgreSQL server programs were found")]
    NotInstalled,
    /// Root, and neither of the users to become exists.
    #[error("PostgreSQL does not run as root, and there is no user `postgres` or `nobody`")]
    NoUnprivilegedUser,
    /// A unix socket's path has at most 103 bytes.
    #[error("`{}` is too deep for a unix socket", .0.display())]
    PathTooLong(PathBuf),
    /// The folder is somebody else's, or others may write to it.
    #[error("`{}` belongs to another user or is writable by others", .0.display())]
    ForeignFolder(PathBuf),
    /// `initdb` or `cp` failed.
    #[error("{program} failed: {message}")]
    Program {
        /// Which.
        program: &'static str,
        /// What it wrote to standard error.
        message: String,
    },
    /// The server ended while it was starting, or did not answer in time.
    #[error("the throw-away server did not start: {0}")]
    DidNotStart(String),
    /// The harness's own statement failed.
    #[error("the throw-away server refused: {0}")]
    Server(#[from] ServerError),
    /// Another process works on this project's server.
    #[error("another dblsp is using this project's throw-away server")]
    Busy,
    /// Somebody cancelled.
    #[error("cancelled")]
    Cancelled,
    /// Files.
    #[error("the throw-away server's files: {0}")]
    Io(#[from] io::Error),
}

impl ShadowError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotInstalled => {
                "install PostgreSQL's server package, or set DBLSP_PG_BIN to the folder that has `postgres` and `initdb`"
            }
            Self::NoUnprivilegedUser => "run dblsp as a user other than root",
            Self::PathTooLong(_) => "set TMPDIR to a short path",
            Self::ForeignFolder(_) => "delete the folder, or set TMPDIR to one of your own",
            Self::Program { .. } | Self::DidNotStart(_) => {
                "try another server with DBLSP_PG_BIN, and see that the disk is not full"
            }
            Self::Busy => "wait until it is done, or run `dblsp shadow stop`",
            Self::Cancelled => "start again",
            Self::Server(_) => "this is a bug in dblsp: please report it with the message",
            Self::Io(_) => "see that the temporary folder is writable and not full",
        }
    }
}

/// What a server is wanted for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Prefer this major version; the newest there is otherwise.
    pub major: Option<u32>,
    /// Use the programs in this folder and no other.
    pub binaries: Option<PathBuf>,
    /// Keep clusters and templates here instead of in the system's temporary folder.
    pub folder: Option<PathBuf>,
    /// What the server writes down.
    pub log: Log,
}

/// What a throw-away server writes down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Log {
    /// Why it ends.
    #[default]
    Fatal,
    /// What its statements do: `DEBUG1` and up, as records that a program reads.
    Debug,
}

impl Options {
    /// The programs that are meant.
    pub(crate) fn find(&self) -> Result<Binaries, ShadowError> {
        let found = match &self.binaries {
            Some(folder) => discover::inspect(folder),
            None => discover::discover(self.major),
        };
        found.ok_or(ShadowError::NotInstalled)
    }
}

/// What a fresh database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Template {
    /// What `CREATE DATABASE` gives.
    Plain,
    /// What a new Supabase project has: roles, schemas, auth, storage, realtime, vault.
    Supabase,
}

impl Template {
    pub(crate) fn database(self) -> &'static str {
        match self {
            Self::Plain => "template1",
            Self::Supabase => "template_supabase",
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::Supabase => "supabase",
        })
    }
}

/// A running throw-away server. Stopped and deleted when dropped.
#[derive(Debug)]
pub struct Shadow {
    maintenance: Mutex<Connection>,
    // Dropped in this order: the server stops before its folder goes.
    server: Server,
    claim: Claim,
    binaries: Binaries,
}

impl Shadow {
    /// Starts a server: in about a second the first time, in a fraction of one later.
    pub async fn start(options: Options) -> Result<Self, ShadowError> {
        let log = options.log;
        let (root, binaries) = blocking(move || {
            let found = options.find()?;
            Ok((Root::open(options.folder)?, found))
        })
        .await?;
        let claim = claim_with_data(&root, &binaries).await?;
        let (server, maintenance) = start_server(&root, &binaries, claim.folder(), log).await?;
        Ok(Self {
            maintenance: Mutex::new(maintenance),
            server,
            claim,
            binaries,
        })
    }

    /// 15 of 15.18.
    pub fn major(&self) -> u32 {
        self.binaries.major
    }

    /// The version as `postgres --version` prints it.
    pub fn version(&self) -> &str {
        &self.binaries.version
    }

    /// The folder with data and socket.
    pub fn folder(&self) -> &Path {
        self.claim.folder()
    }

    /// A fresh database. The name must be new.
    pub async fn database(&self, name: &str, template: Template) -> Result<Database, ShadowError> {
        let quoted = identifier(name);
        let mut maintenance = self.maintenance.lock().await;
        maintenance
            .execute(&format!(
                "CREATE DATABASE {quoted} OWNER {MIGRATOR} TEMPLATE {}",
                template.database()
            ))
            .await?;
        if template == Template::Supabase {
            let path = format!("ALTER DATABASE {quoted} SET search_path TO \"$user\", public, extensions");
            maintenance.execute(&path).await?;
        }
        Ok(Database {
            name: name.to_owned(),
            socket: self.claim.folder().to_path_buf(),
        })
    }

    /// Deletes a database, also one that somebody is connected to, and the roles that its history created.
    pub async fn discard(&self, database: Database) -> Result<(), ShadowError> {
        let mut maintenance = self.maintenance.lock().await;
        maintenance
            .execute(&format!("DROP DATABASE {} WITH (FORCE)", identifier(&database.name)))
            .await?;
        let created = maintenance.rows(include_str!("queries/created_roles.sql")).await?;
        for role in created.into_iter().flatten().flatten() {
            // A role that another database's history still uses stays until that one goes.
            drop(maintenance.execute(&format!("DROP ROLE {}", identifier(&role))).await);
        }
        Ok(())
    }

    /// The server's process id.
    pub fn process(&self) -> u32 {
        self.server.process()
    }
}

/// A database on a throw-away server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    name: String,
    socket: PathBuf,
}

impl Database {
    /// One that somebody else made on the server with this socket.
    pub(crate) fn on(socket: &Path, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            socket: socket.to_path_buf(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A session as the role that migrations run as: `postgres`, an owner without superuser rights.
    pub async fn connect(&self) -> Result<Connection, ServerError> {
        Connection::open(
            &self.socket,
            &self.name,
            MIGRATOR,
            &[("statement_timeout", STATEMENT_LIMIT)],
        )
        .await
    }

    /// The folder of the server's socket and log.
    pub(crate) fn folder(&self) -> &Path {
        &self.socket
    }

    /// Where it is, for the role that migrations run as.
    pub fn address(&self) -> Address {
        Address {
            host: Host::Socket(self.socket.clone()),
            port: crate::cluster::PORT,
            user: MIGRATOR.to_owned(),
            database: self.name.clone(),
            password: None,
            tls: Tls::Disable,
            root: RootCertificate::Public,
            note: None,
        }
    }

    /// A session as the harness's superuser, for looking.
    pub async fn harness(&self) -> Result<Connection, ServerError> {
        Connection::open(&self.socket, &self.name, SUPERUSER, &[]).await
    }
}

/// Sweeps, makes sure of the template, and copies it: under one lock, so that two processes never build the same.
async fn claim_with_data(root: &Root, binaries: &Binaries) -> Result<Claim, ShadowError> {
    let (_lock, claim, template) = template(root, binaries).await?;
    let (a_root, into) = (root.clone(), claim.folder().to_path_buf());
    blocking(move || a_root.copy(&template, &into)).await?;
    Ok(claim)
}

/// Sweeps, and makes sure of the template. It is there for as long as the lock is held.
pub(crate) async fn template(root: &Root, binaries: &Binaries) -> Result<(File, Claim, PathBuf), ShadowError> {
    let template = root.template(&key(binaries));
    let (a_root, some_binaries, current) = (root.clone(), binaries.clone(), template.clone());
    let (lock, claim) = blocking(move || {
        let lock = a_root.lock()?;
        a_root.sweep(&some_binaries)?;
        a_root.sweep_templates(&current)?;
        let claim = a_root.claim()?;
        Ok((lock, claim))
    })
    .await?;
    if !template.exists() {
        build_template(root, binaries, &claim, &template).await?;
    }
    Ok((lock, claim, template))
}

/// Sets a cluster up in the claimed folder and moves its data to `template`: there whole, or not there.
async fn build_template(root: &Root, binaries: &Binaries, claim: &Claim, template: &Path) -> Result<(), ShadowError> {
    let (a_root, some_binaries, folder) = (root.clone(), binaries.clone(), claim.folder().to_path_buf());
    blocking(move || a_root.initialise(&some_binaries, &folder, SUPERUSER)).await?;
    let (mut server, mut maintenance) = start_server(root, binaries, claim.folder(), Log::Fatal).await?;
    maintenance.execute(prelude::ROLES).await?;
    maintenance.execute(include_str!("queries/forbid.sql")).await?;
    let supabase = Template::Supabase.database();
    maintenance
        .execute(&format!("CREATE DATABASE {supabase} OWNER {MIGRATOR}"))
        .await?;
    for template in [Template::Plain, Template::Supabase] {
        let mut connection = Connection::open(claim.folder(), template.database(), SUPERUSER, &[]).await?;
        prelude::install(&mut connection, template).await?;
        connection.close().await;
    }
    // A start copies the whole cluster: every database less is three hundred files less.
    maintenance
        .execute("UPDATE pg_database SET datistemplate = false WHERE datname = 'template0'")
        .await?;
    maintenance.execute("DROP DATABASE template0").await?;
    maintenance.close().await;
    let (a_root, built, target) = (root.clone(), claim.folder().to_path_buf(), template.to_path_buf());
    blocking(move || {
        if !server.shut_down() {
            return Err(ShadowError::DidNotStart(
                "it did not stop after the template was made".into(),
            ));
        }
        a_root.keep(&built, &target)
    })
    .await
}

async fn start_server(
    root: &Root,
    binaries: &Binaries,
    folder: &Path,
    log: Log,
) -> Result<(Server, Connection), ShadowError> {
    let (a_root, some_binaries, a_folder) = (root.clone(), binaries.clone(), folder.to_path_buf());
    let mut server = blocking(move || a_root.start(&some_binaries, &a_folder, log)).await?;
    let begin = Instant::now();
    loop {
        match Connection::open(folder, MAINTENANCE, SUPERUSER, &[]).await {
            Ok(connection) => return Ok((server, connection)),
            Err(error) if begin.elapsed() > PATIENCE => return Err(ShadowError::DidNotStart(error.to_string())),
            Err(_) => {}
        }
        if let Some(words) = server.last_words()? {
            return Err(ShadowError::DidNotStart(words));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Names the template after everything that goes into it.
pub(crate) fn key(binaries: &Binaries) -> String {
    // Only a cache's name: a compiler whose hasher differs builds the template once more.
    let mut hasher = DefaultHasher::new();
    (LAYOUT, &binaries.version, &binaries.folder).hash(&mut hasher);
    prelude::hash(&mut hasher);
    format!("{}-{:016x}", binaries.major, hasher.finish())
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ShadowError> + Send + 'static,
) -> Result<T, ShadowError> {
    spawn_blocking(work)
        .await
        .map_err(|error| ShadowError::Io(io::Error::other(error)))?
}
