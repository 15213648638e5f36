//! Writing what a command has planned. Never overwrites a file that the plan did not read.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::ProjectError;
use crate::files::{Disk, reason};

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Absolute.
    pub path: PathBuf,
    /// All of it.
    pub text: String,
    /// Whether it is new.
    pub kind: WriteKind,
}

/// What is written over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteKind {
    /// Nothing: writing fails where there is a file.
    Create,
    /// A file whose text was this when the change was planned.
    Change {
        /// The text that the change was made from.
        from: String,
        /// What changes, in words.
        what: String,
    },
}

impl Write {
    /// A new file.
    pub fn create(path: PathBuf, text: impl Into<String>) -> Self {
        Self {
            path,
            text: text.into(),
            kind: WriteKind::Create,
        }
    }
}

/// Carries out a plan, in order; stops at the first file that cannot be written.
pub fn write_all(disk: &Disk, writes: &[Write]) -> Result<(), ProjectError> {
    for write in writes {
        let failed = |reason: String| ProjectError::Unwritable {
            path: disk.show(&write.path),
            reason,
        };
        write_one(write).map_err(|error| failed(reason(&error)))?;
    }
    Ok(())
}

fn write_one(write: &Write) -> std::io::Result<()> {
    if let Some(folder) = write.path.parent() {
        fs::create_dir_all(folder)?;
    }
    match &write.kind {
        WriteKind::Create => {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            // A script: it shall be run.
            if write.text.starts_with("#!") {
                make_executable(&mut options);
            }
            options.open(&write.path)?.write_all(write.text.as_bytes())
        }
        WriteKind::Change { from, .. } => {
            if fs::read_to_string(&write.path)? != *from {
                return Err(std::io::Error::other("it changed meanwhile"));
            }
            replace(&write.path, &write.text)
        }
    }
}

#[cfg(unix)]
fn make_executable(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o755);
}

#[cfg(not(unix))]
fn make_executable(_: &mut OpenOptions) {}

/// Whole or not at all: written aside, then renamed.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let aside = path.with_extension("dblsp-new");
    fs::write(&aside, text)?;
    fs::set_permissions(&aside, fs::metadata(path)?.permissions())?;
    fs::rename(&aside, path)
}
