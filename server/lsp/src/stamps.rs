//! Whether the disk changed, for editors that cannot watch it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use project::discover::SETTINGS;
use project::files::Disk;
use project::known::BASELINE;
use project::sizes::FILE as SIZES;
use project::squawk;

use crate::members::Members;

/// What a walk over the disk saw, without the texts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stamps {
    /// Time of the last change and length; `None` where there is no file.
    files: BTreeMap<PathBuf, Option<(SystemTime, u64)>>,
    /// Names in the folders of histories.
    folders: BTreeMap<PathBuf, BTreeSet<String>>,
}

impl Stamps {
    /// Of the files of histories, their folders, those of files that are `expected`, and the settings in `roots`.
    pub(crate) fn take(members: &Members, expected: &[PathBuf], roots: &[PathBuf]) -> Self {
        let settings = [
            "supabase/config.toml",
            SETTINGS,
            BASELINE,
            SIZES,
            squawk::SETTINGS,
            "Cargo.toml",
            ".dblsp/seen.json",
        ];
        let settings = roots
            .iter()
            .flat_map(|root| settings.iter().map(|name| root.join(name)));
        let files = settings.chain(members.paths().map(Path::to_path_buf));
        // `migrations/2024_add/up.sql`: what is new is a folder beside the file's.
        let around = |path: &'_ Path| {
            let is_alone = ["up.sql", "migration.sql"].iter().any(|name| path.ends_with(name));
            let parent = path.parent()?;
            if is_alone { parent.parent() } else { Some(parent) }.map(Path::to_path_buf)
        };
        let folders: BTreeSet<PathBuf> = members
            .paths()
            .chain(expected.iter().map(PathBuf::as_path))
            .filter_map(around)
            .collect();
        Self {
            files: files.map(|path| (path.clone(), stamp(&path))).collect(),
            folders: folders
                .into_iter()
                .map(|folder| (folder.clone(), names(&folder)))
                .collect(),
        }
    }

    /// Whether anything is different now; files in `open` are left out.
    pub(crate) fn differ(&self, open: &BTreeSet<PathBuf>) -> bool {
        let closed = self.files.iter().filter(|(path, _)| !open.contains(*path));
        closed.into_iter().any(|(path, before)| stamp(path) != *before)
            || self.folders.iter().any(|(folder, before)| names(folder) != *before)
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let data = fs::metadata(path).ok()?;
    Some((data.modified().ok()?, data.len()))
}

fn names(folder: &Path) -> BTreeSet<String> {
    let listing = Disk::new(folder).list(folder);
    let files = listing.files.into_iter();
    let files = files.filter(|name| project::layout::is_sql(name));
    files.chain(listing.folders).collect()
}
