//! What dblsp remembers on this machine: the folder `.dblsp` beside the settings, ignored by git.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::files::Disk;

/// The folder's name.
pub const FOLDER: &str = ".dblsp";

/// Where something is remembered of the project in `root`.
pub fn path(root: &Path, name: &str) -> PathBuf {
    root.join(FOLDER).join(name)
}

/// What was remembered; `None` where nothing can be read.
pub fn read(root: &Path, name: &str) -> Option<String> {
    let text = Disk::new(root).read(&path(root, name)).ok()?.text;
    Some(text.to_string())
}

/// The folder itself, made where it is not yet, and ignored by git.
pub fn folder(root: &Path) -> io::Result<PathBuf> {
    let folder = root.join(FOLDER);
    fs::create_dir_all(&folder)?;
    // What one person did on one machine is nobody else's business.
    fs::write(folder.join(".gitignore"), "*\n")?;
    Ok(folder)
}

/// Remembers something, whole or not at all.
pub fn write(root: &Path, name: &str, text: &str) -> io::Result<()> {
    let folder = folder(root)?;
    let aside = folder.join(format!("{name}.{}", std::process::id()));
    fs::write(&aside, text)?;
    fs::rename(&aside, folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_leaves_alone_what_is_remembered() {
        let root = tempfile::tempdir().expect("a folder");
        assert_eq!(read(root.path(), "link"), None);
        write(root.path(), "link", "staging\n").expect("written");
        write(root.path(), "link", "local\n").expect("written again");
        assert_eq!(read(root.path(), "link").as_deref(), Some("local\n"));
        let files = Disk::new(root.path()).list(&root.path().join(FOLDER)).files;
        assert_eq!(Vec::from_iter(files), [".gitignore", "link"]);
        let ignored = fs::read_to_string(path(root.path(), ".gitignore"));
        assert_eq!(ignored.expect("it is there"), "*\n");
    }
}
