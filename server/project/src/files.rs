//! Reading files and folders, with what is not on disk (an editor's buffers, git's index) laid over it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use rayon::prelude::*;

use crate::ProjectError;

/// The disk, and what is to be read instead of it: `None` hides a file.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// By absolute path.
    pub overlay: BTreeMap<PathBuf, Option<Arc<str>>>,
    /// Folder that paths for people are relative to.
    pub base: PathBuf,
}

/// A file's text.
#[derive(Clone, Debug)]
pub struct Text {
    /// Every invalid byte replaced by `?`, so that byte offsets are those of the file.
    pub text: Arc<str>,
    /// Offset of the first byte that is not UTF-8.
    pub invalid: Option<usize>,
}

/// What lies directly in a folder, by name.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Files.
    pub files: BTreeSet<String>,
    /// Folders.
    pub folders: BTreeSet<String>,
}

impl Disk {
    /// The disk as it is, with paths shown relative to `base`.
    pub fn new(base: &Path) -> Self {
        Self {
            overlay: BTreeMap::new(),
            base: clean(base),
        }
    }

    /// A path as people shall see it: relative to the base, with `/`.
    pub fn show(&self, path: &Path) -> String {
        relative(&self.base, path)
    }

    /// The absolute path of one that [`Disk::show`] made, or that a user typed.
    pub fn absolute(&self, path: impl AsRef<Path>) -> PathBuf {
        clean(&self.base.join(path))
    }

    /// Whether there is a file at `path`.
    pub fn is_file(&self, path: &Path) -> bool {
        match self.overlay.get(path) {
            Some(text) => text.is_some(),
            None => path.is_file(),
        }
    }

    /// Whether there is a folder at `path`.
    pub fn is_folder(&self, path: &Path) -> bool {
        path.is_dir() || self.laid_over(path).any(|(file, text)| file != path && text.is_some())
    }

    /// What lies directly in `folder`; nothing where it cannot be read.
    pub fn list(&self, folder: &Path) -> Listing {
        let mut listing = Listing::default();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else {
                continue;
            };
            // A link counts as what it points to.
            let is_folder = kind.is_dir() || (kind.is_symlink() && entry.path().is_dir());
            if is_folder {
                listing.folders.insert(name);
            } else {
                listing.files.insert(name);
            }
        }
        for (path, text) in self.laid_over(folder) {
            let mut below = path.strip_prefix(folder).into_iter().flat_map(Path::components);
            let Some(Component::Normal(first)) = below.next() else {
                continue;
            };
            let Some(first) = first.to_str() else { continue };
            match (below.next().is_some(), text) {
                (true, Some(_)) => _ = listing.folders.insert(first.to_owned()),
                (true, None) => {}
                (false, Some(_)) => _ = listing.files.insert(first.to_owned()),
                (false, None) => _ = listing.files.remove(first),
            }
        }
        listing
    }

    /// Whether what lies in `folder` can be listed.
    pub fn check_listable(&self, folder: &Path) -> Result<(), ProjectError> {
        match fs::read_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ProjectError::Unreadable {
                path: self.show(folder),
                reason: reason(&error),
            }),
            _ => Ok(()),
        }
    }

    /// Reads one file.
    pub fn read(&self, path: &Path) -> Result<Text, ProjectError> {
        let bytes = match self.overlay.get(path) {
            Some(Some(text)) => {
                return Ok(Text {
                    text: Arc::clone(text),
                    invalid: None,
                });
            }
            Some(None) => Err(io::Error::from(io::ErrorKind::NotFound)),
            None => fs::read(path),
        };
        bytes.map(decode).map_err(|error| ProjectError::Unreadable {
            path: self.show(path),
            reason: reason(&error),
        })
    }

    /// Reads files in parallel; the answers are in the order of `paths`.
    pub fn read_all(&self, paths: &[PathBuf]) -> Vec<Result<Text, ProjectError>> {
        crate::on_deep_stacks(|| paths.par_iter().map(|path| self.read(path)).collect())
    }

    fn laid_over(&self, folder: &Path) -> impl Iterator<Item = (&PathBuf, &Option<Arc<str>>)> {
        self.overlay
            .range(folder.to_path_buf()..)
            .take_while(move |(path, _)| path.starts_with(folder))
    }
}

/// Text of bytes, each invalid byte replaced by `?`.
pub fn decode(bytes: Vec<u8>) -> Text {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => {
            return Text {
                text: text.into(),
                invalid: None,
            };
        }
        Err(error) => error.into_bytes(),
    };
    let mut text = String::with_capacity(bytes.len());
    let mut invalid = None;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            invalid.get_or_insert(text.len());
            text.extend(chunk.invalid().iter().map(|_| '?'));
        }
    }
    Text {
        text: text.into(),
        invalid,
    }
}

/// What the operating system says, as part of a sentence.
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::IsADirectory => "is a folder".into(),
        io::ErrorKind::NotADirectory => "is not a folder".into(),
        _ => error.to_string().to_lowercase(),
    }
}

/// The path without `.` and `..`, without asking the disk (a link stays a link).
pub fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => _ = out.pop(),
            part => out.push(part),
        }
    }
    out
}

/// `path` as seen from `base`, with `/`; `.` for the base itself.
pub fn relative(base: &Path, path: &Path) -> String {
    let shared = base
        .components()
        .zip(path.components())
        .take_while(|(a, b)| a == b)
        .count();
    if shared < 2 && base.components().count() > 1 {
        // Nothing in common but the root: the absolute path is the shorter one to read.
        return slashes(path);
    }
    let up = base.components().count() - shared;
    let mut out: PathBuf = std::iter::repeat_n("..", up).collect();
    out.extend(path.components().skip(shared));
    if out.as_os_str().is_empty() {
        return ".".into();
    }
    slashes(&out)
}

fn slashes(path: &Path) -> String {
    let text = path.to_string_lossy();
    if std::path::MAIN_SEPARATOR == '/' {
        text.into_owned()
    } else {
        text.replace(std::path::MAIN_SEPARATOR, "/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_invalid_byte_becomes_one_question_mark() {
        let text = decode(b"-- caf\xe9\nselect '\xff\xfe';".to_vec());
        assert_eq!(&*text.text, "-- caf?\nselect '??';");
        assert_eq!(text.invalid, Some(6));
    }

    #[test]
    fn paths_are_seen_from_the_base() {
        let seen = |path: &str| relative(Path::new("/home/me/app"), Path::new(path));
        assert_eq!(seen("/home/me/app/db/1.sql"), "db/1.sql");
        assert_eq!(seen("/home/me/other/1.sql"), "../other/1.sql");
        assert_eq!(seen("/home/me/app"), ".");
        assert_eq!(seen("/srv/1.sql"), "/srv/1.sql");
    }

    #[test]
    fn the_overlay_adds_and_hides_files() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("1.sql"), "select 1").expect("written");
        let mut disk = Disk::new(folder.path());
        disk.overlay.insert(folder.path().join("1.sql"), None);
        disk.overlay
            .insert(folder.path().join("x/2.sql"), Some("select 2".into()));
        let listing = disk.list(folder.path());
        assert!(listing.files.is_empty());
        assert_eq!(listing.folders.iter().collect::<Vec<_>>(), ["x"]);
        assert!(disk.is_folder(&folder.path().join("x")));
        assert!(!disk.is_folder(&folder.path().join("x/2.sql")));
        assert_eq!(
            &*disk.read(&folder.path().join("x/2.sql")).expect("read").text,
            "select 2"
        );
    }
}
