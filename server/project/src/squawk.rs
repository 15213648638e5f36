//! `.squawk.toml`: what a project that used squawk has excluded stays excluded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use analysis::lint::diagnostic::Level;
use analysis::lint::peers;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Deserialize;

use crate::ProjectError;
use crate::files::Disk;

/// Name of squawk's settings.
pub const SETTINGS: &str = ".squawk.toml";

/// What those settings say, as far as it is heeded here.
#[derive(Clone, Debug, Default)]
pub struct Squawk {
    /// Rules of ours that judge what is excluded there.
    off: Vec<&'static str>,
    /// Files that are not judged.
    excluded: GlobSet,
    /// The folder that they are relative to.
    folder: PathBuf,
    /// Major version of PostgreSQL.
    pub postgres: Option<u16>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Written {
    excluded_rules: Vec<String>,
    excluded_paths: Vec<String>,
    pg_version: Option<String>,
}

/// Reads the settings in `folder`; nothing where there are none.
pub fn read(disk: &Disk, folder: &Path) -> Result<Option<Squawk>, ProjectError> {
    let file = folder.join(SETTINGS);
    if !disk.is_file(&file) {
        return Ok(None);
    }
    let text = disk.read(&file)?.text;
    let written: Written = toml::from_str(&text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let line = text[..offset.min(text.len())].matches('\n').count() + 1;
        ProjectError::BadSettings {
            at: format!("{}:{line}", disk.show(&file)),
            message: error.message().trim().replace('\n', ", "),
        }
    })?;
    let rules = written.excluded_rules.iter();
    Ok(Some(Squawk {
        off: rules.flat_map(|name| peers::of_squawk(name)).copied().collect(),
        excluded: globs(&written.excluded_paths),
        folder: folder.to_path_buf(),
        postgres: written.pg_version.as_deref().and_then(major),
    }))
}

impl Squawk {
    /// Turns off what is excluded there, except where our own settings speak of it.
    pub fn turn_off(&self, levels: &mut BTreeMap<String, Option<Level>>) {
        for rule in &self.off {
            levels.entry((*rule).to_owned()).or_insert(None);
        }
    }

    /// Whether a file is excluded there. It is read all the same: later files build on it.
    pub fn excludes(&self, path: &Path) -> bool {
        path.strip_prefix(&self.folder)
            .is_ok_and(|inside| self.excluded.is_match(inside))
    }
}

fn major(version: &str) -> Option<u16> {
    version.split('.').next()?.trim().parse().ok()
}

/// As squawk reads them: `*` goes over slashes.
fn globs(patterns: &[String]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
        if let Ok(glob) = GlobBuilder::new(pattern).literal_separator(false).build() {
            set.add(glob);
        }
    }
    set.build().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Option<Squawk>, ProjectError> {
        let mut disk = Disk::new(Path::new("/project"));
        disk.overlay.insert("/project/.squawk.toml".into(), Some(text.into()));
        read(&disk, Path::new("/project"))
    }

    #[test]
    fn exclusions_are_taken_over_under_our_names() {
        let text = "pg_version = \"13.4\"\nassume_in_transaction = true\n\
                    excluded_rules = [\"ban-drop-column\", \"renaming-table\", \"prefer-robust-stmts\"]\n\
                    excluded_paths = [\"migrations/0001*\", \"./old.sql\"]\n[upload_to_github]\n";
        let squawk = of(text).expect("readable").expect("there");
        let mut levels = BTreeMap::from([("rename-table".to_owned(), Some(Level::Error))]);
        squawk.turn_off(&mut levels);
        let wanted = [
            ("drop-column".to_owned(), None),
            ("rename-table".to_owned(), Some(Level::Error)),
        ];
        assert_eq!(levels, BTreeMap::from(wanted));
        assert_eq!(squawk.postgres, Some(13));
        for (path, is_excluded) in [
            ("/project/migrations/0001_a.sql", true),
            ("/project/migrations/0001/up.sql", true),
            ("/project/old.sql", true),
            ("/project/migrations/0002.sql", false),
            ("/elsewhere/old.sql", false),
        ] {
            assert_eq!(squawk.excludes(Path::new(path)), is_excluded, "{path}");
        }
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_line() {
        let error = of("pg_version = \"13\"\nexcluded_rules = 1\n").expect_err("a number is no list");
        assert!(error.to_string().starts_with(".squawk.toml:2: "), "{error}");
        let disk = Disk::new(Path::new("/project"));
        assert!(read(&disk, Path::new("/project")).expect("no file").is_none());
    }
}
