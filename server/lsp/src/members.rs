//! Which files belong to the projects of an area.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use analysis::history::History;
use project::files::Disk;

/// The files of histories, by absolute path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members(BTreeMap<PathBuf, Member>);

/// A file's place in the histories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// Number of the history.
    pub(crate) history: usize,
    /// As the history names it.
    pub(crate) path: String,
    /// Number of the migration; `None` for a rollback, a test or a seed.
    pub(crate) migration: Option<usize>,
}

impl Members {
    /// Of histories whose paths `disk` showed.
    pub(crate) fn of<'h>(disk: &Disk, histories: impl IntoIterator<Item = &'h History>) -> Self {
        let mut members = BTreeMap::new();
        for (number, history) in histories.into_iter().enumerate() {
            let migrations = history.migrations.iter().enumerate();
            let migrations = migrations.map(|(at, migration)| (&migration.path, Some(at)));
            let companions = history.companions.iter().map(|companion| (&companion.path, None));
            for (path, migration) in migrations.chain(companions) {
                let member = Member {
                    history: number,
                    path: path.clone(),
                    migration,
                };
                members.entry(disk.absolute(path)).or_insert(member);
            }
        }
        Self(members)
    }

    /// Where `path` belongs.
    pub(crate) fn get(&self, path: &Path) -> Option<&Member> {
        self.0.get(path)
    }

    /// Whether it belongs to a history.
    pub(crate) fn has(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    /// How many files there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// All files.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }
}
