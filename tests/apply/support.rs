//! A project, a database behind it, and the binary.

#[path = "../support/postgres.rs"]
mod postgres;

use std::fs;
use std::process::{Command, Output, Stdio};

use database::{Connection, Database, Options, Shadow, ShadowError, Template};
use tempfile::TempDir;

pub(crate) use postgres::skip;

/// A server, or `None` where this machine has no PostgreSQL. In CI that is a failure.
pub(crate) async fn shadow() -> Option<Shadow> {
    match Shadow::start(Options::default()).await {
        Ok(shadow) => Some(shadow),
        Err(ShadowError::NotInstalled) if std::env::var("CI").as_deref() != Ok("true") => {
            skip();
            None
        }
        Err(error) => panic!("{error}\nhint: {}", error.hint()),
    }
}

/// A project with an environment `staging`, and the database behind it.
pub(crate) struct Project {
    pub(crate) folder: TempDir,
    pub(crate) url: String,
    pub(crate) database: Database,
    pub(crate) empty: TempDir,
}

impl Project {
    pub(crate) async fn new(shadow: &Shadow, name: &str, files: &[(&str, &str)]) -> Self {
        let database = shadow.database(name, Template::Plain).await.expect("a database");
        let project = Self {
            folder: tempfile::tempdir().expect("a folder"),
            url: format!(
                "postgres://postgres@/{name}?host={}&port=5432",
                shadow.folder().display()
            ),
            empty: tempfile::tempdir().expect("a folder"),
            database,
        };
        project.write("dblsp.toml", "[environments.staging]\nurl = \"env(STAGING)\"\n");
        fs::create_dir_all(project.folder.path().join("supabase/migrations")).expect("created");
        for (file, text) in files {
            project.write(&format!("supabase/migrations/{file}"), text);
        }
        project
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().expect("inside the folder")).expect("created");
        fs::write(path, text).expect("written");
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dblsp"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("STAGING", &self.url)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("USER", "tester")
            .env_remove("PGPASSWORD")
            .env_remove("PGSSLMODE")
            // Snapshots are printed by dblsp itself, which is faster than starting pg_dump for each.
            .env("DBLSP_PG_CLIENT", self.empty.path())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary starts")
    }

    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}{said}");
        String::from_utf8(output.stdout).expect("output is UTF-8")
    }

    pub(crate) async fn session(&self) -> Connection {
        Connection::connect(&self.database.address(), "test")
            .await
            .expect("a session")
    }
}

pub(crate) async fn value(session: &mut Connection, sql: &str) -> String {
    session.value(sql).await.expect("an answer").unwrap_or_default()
}

pub(crate) fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
