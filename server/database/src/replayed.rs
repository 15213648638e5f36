//! A throw-away database that holds a history.

use analysis::history::{Base, History, Migration};

use crate::connection::{Connection, ServerError};
use crate::rehearse::{self, File, Outcome};
use crate::shadow::{Database, Options, Shadow, ShadowError, Template};

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum ReplayedError {
    /// No server.
    #[error(transparent)]
    Shadow(#[from] ShadowError),
    /// A migration does not apply.
    #[error("`{path}` does not apply to a throw-away PostgreSQL: {reason}")]
    Migration {
        /// Its path.
        path: String,
        /// What the server says.
        reason: String,
    },
    /// The server is gone.
    #[error(transparent)]
    Server(#[from] ServerError),
}

impl ReplayedError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Shadow(error) => error.hint(),
            Self::Migration { .. } => "mend the migration, or name an environment with a server: `--environment NAME`",
            Self::Server(_) => "try again",
        }
    }
}

/// A throw-away server with a history in one of its databases.
#[derive(Debug)]
pub struct Replayed {
    // The server goes with this.
    shadow: Shadow,
    database: Database,
    template: Template,
}

impl Replayed {
    /// Starts a server, of this major version where there is a choice, and applies the migrations that are wanted.
    pub async fn new(
        major: Option<u32>,
        history: &History,
        wanted: impl Fn(&Migration) -> bool,
    ) -> Result<Self, ReplayedError> {
        let options = Options {
            major,
            ..Options::default()
        };
        let shadow = Shadow::start(options).await?;
        let template = match history.base {
            Base::Empty => Template::Plain,
            Base::Supabase => Template::Supabase,
        };
        let database = shadow.database("replayed", template).await?;
        let mut session = database.connect().await?;
        for migration in history.migrations.iter().filter(|migration| wanted(migration)) {
            let document = project::on_deep_stacks(|| analysis::read(migration));
            let statements = document.file.statements.iter();
            let file = File {
                path: migration.path.clone(),
                statements: statements.map(|s| s.span.slice(&migration.text).to_owned()).collect(),
                transactional: true,
            };
            let reason = match rehearse::apply_file(&mut session, &file).await? {
                Outcome::Applied => continue,
                Outcome::Failed(failure) => failure.error.to_string(),
                Outcome::NotSql { .. } => "it holds what only psql understands".to_owned(),
            };
            return Err(ReplayedError::Migration {
                path: migration.path.clone(),
                reason,
            });
        }
        session.close().await;
        Ok(Self {
            shadow,
            database,
            template,
        })
    }

    /// Where the history is.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The version as `postgres --version` prints it.
    pub fn version(&self) -> &str {
        self.shadow.version()
    }

    /// 15 of 15.18.
    pub fn major(&self) -> u32 {
        self.shadow.major()
    }

    /// A database with what was there before the first migration.
    pub async fn base(&self) -> Result<Connection, ReplayedError> {
        let database = self.shadow.database("base", self.template).await?;
        Ok(database.connect().await?)
    }
}
