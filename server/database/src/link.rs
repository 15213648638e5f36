//! A project and the databases that belong to it: what every verb that meets a database begins with.

use std::io;
use std::path::{Path, PathBuf};

use analysis::history::{Base, History};
use analysis::settings::Settings;
use project::discover::root_of;
use project::files::Disk;
use project::supabase::Supabase;
use project::{CompanionFolder, Opened, ProjectError, Selection, local};

use crate::apply::Places;
use crate::connection::{Connection, ServerError};
use crate::dotenv::Dotenv;
use crate::drift::Drift;
use crate::environment::{EnvironmentError, Known, Target};
use crate::seen;

/// File with the name of the environment that `dblsp link` chose.
const LINK: &str = "link";

/// A project, its migrations and its environments.
#[derive(Debug)]
pub struct Linked {
    /// The disk, with paths shown relative to where the user is.
    pub disk: Disk,
    /// Settings and folders.
    pub opened: Opened,
    /// How to judge the migrations.
    pub settings: Settings,
    /// Whether it keeps the migration convention.
    pub convention: bool,
    /// The migrations.
    pub history: History,
    /// The folder that they are in.
    pub migrations: PathBuf,
    linked: Option<String>,
    dotenv: Dotenv,
}

impl Linked {
    /// Opens the project around a folder. A problem anywhere is an error: what is applied must be what was meant.
    pub fn open(folder: &Path) -> Result<Self, ProjectError> {
        let disk = Disk::new(folder);
        let loaded = project::load(&project::Request {
            disk: disk.clone(),
            folder: disk.base.clone(),
            paths: Vec::new(),
            selection: Selection::All,
            settings: None,
        });
        if let Some(problem) = loaded.problems.into_iter().next() {
            return Err(problem);
        }
        let no_migrations = || ProjectError::NoMigrations {
            path: disk.show(folder),
        };
        let project = loaded.projects.into_iter().next().ok_or_else(no_migrations)?;
        let root = root_of(&disk, &project.root.folder);
        let opened = project::open(&disk, root, None, &mut Vec::new())?;
        let history = project.histories.into_iter().find(|history| history.complete);
        let history = history.ok_or_else(no_migrations)?;
        let migrations = opened.folders.first().cloned().ok_or_else(no_migrations)?;
        Ok(Self::with(disk, opened, project.settings, history, migrations))
    }

    /// Opens a project that has a folder for migrations, and perhaps none in it yet.
    pub fn open_to_begin(folder: &Path) -> Result<Self, ProjectError> {
        match Self::open(folder) {
            Err(ProjectError::NoMigrations { path }) => {
                let disk = Disk::new(folder);
                let opened = project::open(&disk, root_of(&disk, &disk.base), None, &mut Vec::new())?;
                let migrations = opened.folders.first().cloned();
                let migrations = migrations.ok_or(ProjectError::NoMigrations { path })?;
                let history = History {
                    complete: true,
                    base: if opened.supabase.is_some() {
                        Base::Supabase
                    } else {
                        Base::Empty
                    },
                    ..History::default()
                };
                let settings = opened.settings(&disk);
                Ok(Self::with(disk, opened, settings, history, migrations))
            }
            other => other,
        }
    }

    fn with(disk: Disk, opened: Opened, settings: Settings, history: History, migrations: PathBuf) -> Self {
        let link = local::read(&opened.root.folder, LINK);
        let supabase = opened.supabase.as_ref().map(Supabase::folder);
        let folders = supabase.into_iter().chain([opened.root.folder.as_path()]);
        let stage = std::env::var("SUPABASE_ENV").ok();
        let dotenv = Dotenv::read(folders, stage.as_deref());
        Self {
            convention: opened.keeps_convention(&disk),
            linked: link.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()),
            settings,
            migrations,
            history,
            opened,
            disk,
            dotenv,
        }
    }

    /// The environment of that name, or the one that is meant where there is none.
    pub fn target(
        &self,
        name: Option<&str>,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Target, EnvironmentError> {
        self.known(lookup, |known| known.target(name))
    }

    /// Every environment there is.
    pub fn environments(&self) -> Vec<String> {
        self.known(&|_| None, |known: &Known<'_>| Known::names(known))
    }

    /// The project's `.env` files that have lines which cannot be read, as people shall see them.
    pub fn broken_dotenv(&self) -> Vec<String> {
        self.dotenv.broken().iter().map(|path| self.disk.show(path)).collect()
    }

    fn known<T>(&self, lookup: &dyn Fn(&str) -> Option<String>, ask: impl FnOnce(&Known<'_>) -> T) -> T {
        let supabase = self.opened.supabase.as_ref();
        // What the environment says counts before what a file says.
        let own = |name: &str| {
            lookup(name)
                .filter(|value| !value.is_empty())
                .or_else(|| self.dotenv.get(name))
        };
        ask(&Known {
            environments: &self.opened.config.environments,
            supabase: supabase.and_then(|supabase| supabase.config.parent()),
            local_port: supabase.map_or(54322, |supabase| supabase.port),
            linked: self.linked.as_deref(),
            own: &own,
            lookup,
        })
    }

    /// The environment that `dblsp link` chose.
    pub fn linked(&self) -> Option<&str> {
        self.linked.as_deref()
    }

    /// Remembers an environment as the one that is meant where none is named.
    pub fn remember(&mut self, name: &str) -> io::Result<()> {
        local::write(&self.opened.root.folder, LINK, &format!("{name}\n"))?;
        self.linked = Some(name.to_owned());
        Ok(())
    }

    /// Keeps which migrations a database has, for when there is no connection.
    pub async fn note(&self, connection: &mut Connection, target: &Target) -> Result<(), ServerError> {
        seen::note(connection, &self.opened.root.folder, &target.name, &self.history).await
    }

    /// The same after a verb that closed its own session. What cannot be seen is not remembered, and that is all.
    pub async fn look_again(&self, target: &Target) {
        let Some(address) = target.address() else { return };
        if let Ok(mut connection) = Connection::connect(address, "dblsp status").await {
            drop(self.note(&mut connection, target).await);
            connection.close().await;
        }
    }

    /// Keeps how a database differs from what its migrations make.
    pub async fn note_drift(&self, connection: &mut Connection, target: &Target, drift: &Drift) {
        if self.note(connection, target).await.is_ok() {
            seen::note_drift(&self.opened.root.folder, &target.name, &self.history, drift);
        }
    }

    /// The folders beside the migrations.
    pub fn places(&self) -> Places {
        let of = |kind| self.opened.companion_folder(&self.migrations, kind);
        let above = self.migrations.parent().unwrap_or(&self.migrations).to_path_buf();
        Places {
            schemas: of(CompanionFolder::Schemas),
            rollback: of(CompanionFolder::Rollback),
            tests: of(CompanionFolder::Tests),
            page: self.convention.then(|| above.join("docs/MIGRATIONS.md")),
            above,
        }
    }
}
