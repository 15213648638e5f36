//! The `.env` files of a project: where addresses and passwords are looked for that the environment does not have.
//!
//! The files and their order are those of the Supabase CLI. Values are kept as secrets: nothing here prints one.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use crate::address::Secret;

/// Variables that `.env` files set.
#[derive(Debug, Default)]
pub(crate) struct Dotenv {
    values: BTreeMap<String, Secret>,
    /// Files with lines that cannot be read.
    broken: Vec<PathBuf>,
}

impl Dotenv {
    /// Reads the files of these folders; what the first one sets, counts. `stage`: what `SUPABASE_ENV` says.
    pub(crate) fn read<'f>(folders: impl IntoIterator<Item = &'f Path>, stage: Option<&str>) -> Self {
        let stage = stage.filter(|stage| is_plain(stage)).unwrap_or("development");
        let names = [
            format!(".env.{stage}.local"),
            ".env.local".to_owned(),
            format!(".env.{stage}"),
            ".env".to_owned(),
        ];
        let mut found = Self::default();
        for folder in folders {
            for name in &names {
                found.add(&folder.join(name));
            }
        }
        found
    }

    fn add(&mut self, path: &Path) {
        let Ok(file) = File::open(path) else { return };
        let mut is_broken = false;
        for pair in dotenvy::from_read_iter(BufReader::new(file)) {
            // The error would quote the line.
            let Ok((name, value)) = pair else {
                is_broken = true;
                continue;
            };
            self.values.entry(name).or_insert_with(|| Secret::new(value));
        }
        if is_broken {
            self.broken.push(path.to_path_buf());
        }
    }

    /// The value of a variable.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.values.get(name).map(|value| value.expose().to_owned())
    }

    /// Files with lines that cannot be read.
    pub(crate) fn broken(&self) -> &[PathBuf] {
        &self.broken
    }
}

/// Whether it can be a part of a file's name, and of nothing else.
fn is_plain(stage: &str) -> bool {
    !stage.is_empty()
        && stage
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)], stage: Option<&str>) -> (tempfile::TempDir, Dotenv) {
        let root = tempfile::tempdir().expect("a folder");
        let inner = root.path().join("supabase");
        std::fs::create_dir(&inner).expect("created");
        for (path, text) in files {
            std::fs::write(root.path().join(path), text).expect("written");
        }
        let found = Dotenv::read([inner.as_path(), root.path()], stage);
        (root, found)
    }

    #[test]
    fn the_order_is_that_of_the_supabase_cli() {
        let files = [
            (".env", "A=root\nB=root\nC=root\nD=root"),
            ("supabase/.env", "A=inner\nB=inner\nC=inner"),
            ("supabase/.env.development", "A=stage\nB=stage"),
            ("supabase/.env.local", "A=local"),
            ("supabase/.env.production", "A=production"),
        ];
        let values = |found: &Dotenv| ["A", "B", "C", "D"].map(|name| found.get(name).unwrap_or_default());
        let (_root, found) = read(&files, None);
        assert_eq!(values(&found), ["local", "stage", "inner", "root"]);
        let (_root, found) = read(&files, Some("../elsewhere"));
        assert_eq!(values(&found), ["local", "stage", "inner", "root"]);
        let (_root, found) = read(&files, Some("production"));
        assert_eq!(values(&found), ["local", "inner", "inner", "root"]);
    }

    #[test]
    fn addresses_are_read_as_they_are_written() {
        let address = "postgres://me:p@ss#w%2F@db.example.com:5432/app?sslmode=require";
        for line in [
            format!("URL={address}"),
            format!("export URL='{address}'"),
            format!("# staging\nURL=\"{address}\" # ours\n"),
        ] {
            let (_root, found) = read(&[(".env", &line)], None);
            assert_eq!(found.get("URL").as_deref(), Some(address), "{line}");
        }
    }

    #[test]
    fn a_broken_line_spoils_no_other_and_is_not_shown() {
        let (_root, found) = read(&[(".env", "A=1\nsecret words here\nB=2\n")], None);
        assert_eq!(
            (found.get("A").as_deref(), found.get("B").as_deref()),
            (Some("1"), Some("2"))
        );
        assert_eq!(found.broken().len(), 1);
        assert!(!format!("{found:?}").contains("secret"));
    }
}
