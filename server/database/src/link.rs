//! A project and the databases that belong to it: what every verb that meets a database begins with.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use analysis::history::History;
use analysis::settings::Settings;
use project::discover::root_of;
use project::files::Disk;
use project::{CompanionFolder, Opened, ProjectError, Selection};

use crate::apply::Places;
use crate::environment::{EnvironmentError, Known, Target};

/// Folder of what dblsp remembers on this machine; ignored by git.
const FOLDER: &str = ".dblsp";
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
        let link = fs::read_to_string(project.root.folder.join(FOLDER).join(LINK));
        Ok(Self {
            settings: project.settings,
            convention: project.convention,
            linked: link
                .ok()
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty()),
            migrations,
            history,
            opened,
            disk,
        })
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

    fn known<T>(&self, lookup: &dyn Fn(&str) -> Option<String>, ask: impl FnOnce(&Known<'_>) -> T) -> T {
        let supabase = self.opened.supabase.as_ref();
        ask(&Known {
            environments: &self.opened.config.environments,
            supabase: supabase.and_then(|supabase| supabase.config.parent()),
            local_port: supabase.map_or(54322, |supabase| supabase.port),
            linked: self.linked.as_deref(),
            lookup,
        })
    }

    /// The environment that `dblsp link` chose.
    pub fn linked(&self) -> Option<&str> {
        self.linked.as_deref()
    }

    /// Remembers an environment as the one that is meant where none is named.
    pub fn remember(&mut self, name: &str) -> io::Result<()> {
        let folder = self.opened.root.folder.join(FOLDER);
        fs::create_dir_all(&folder)?;
        // What one person chose on one machine is nobody else's choice.
        fs::write(folder.join(".gitignore"), "*\n")?;
        fs::write(folder.join(LINK), format!("{name}\n"))?;
        self.linked = Some(name.to_owned());
        Ok(())
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
