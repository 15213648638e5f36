//! What the tests of this folder share.
#![allow(dead_code, reason = "each test binary uses its own part of this module")]

use database::shadow::Log;
use database::{Options, Shadow, ShadowError};

/// A server, or `None` where this machine has no PostgreSQL. In CI that is a failure.
pub(crate) async fn shadow() -> Option<Shadow> {
    started(Shadow::start(options()).await)
}

fn started(outcome: Result<Shadow, ShadowError>) -> Option<Shadow> {
    match outcome {
        Ok(shadow) => Some(shadow),
        Err(ShadowError::NotInstalled) if std::env::var("CI").as_deref() != Ok("true") => {
            skip();
            None
        }
        Err(error) => panic!("{error}\nhint: {}", error.hint()),
    }
}

/// A server of the programs in the folder that an environment variable names; `None`, said aloud, where none is named.
pub(crate) async fn newer_shadow(variable: &str) -> Option<Shadow> {
    let Some(folder) = std::env::var_os(variable) else {
        not_named(variable);
        return None;
    };
    let options = Options {
        binaries: Some(folder.into()),
        ..options()
    };
    Some(Shadow::start(options).await.expect("the server starts"))
}

/// A server that writes down what its statements do: the default one, or the one that a variable names.
pub(crate) async fn traced_shadow(variable: Option<&str>) -> Option<Shadow> {
    let binaries = variable.map(std::env::var_os);
    if let (Some(variable), Some(None)) = (variable, &binaries) {
        not_named(variable);
        return None;
    }
    let options = Options {
        binaries: binaries.flatten().map(Into::into),
        log: Log::Debug,
        ..options()
    };
    started(Shadow::start(options).await)
}

#[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
fn not_named(variable: &str) {
    eprintln!("SKIPPED: {variable} names no server");
}

fn options() -> Options {
    Options {
        folder: std::env::var_os("DBLSP_TEST_ROOT").map(Into::into),
        ..Options::default()
    }
}

#[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
pub(crate) fn skip() {
    eprintln!("SKIPPED: no PostgreSQL on this machine; set DBLSP_PG_BIN");
}

/// A file system of a few kilobytes, gone when dropped.
pub(crate) struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// `None`, said aloud, where this user may not mount; the tests of the binary limit file sizes instead.
    pub(crate) fn new(bytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"])
            .arg(folder.path())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self { folder });
        }
        no_mount();
        None
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        self.folder.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(std::process::Command::new("umount").arg(self.folder.path()).status());
    }
}

#[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
fn no_mount() {
    eprintln!("SKIPPED: this user may not mount a file system");
}
