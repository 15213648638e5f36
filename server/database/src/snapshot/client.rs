//! Finds a `pg_dump` that can read a server: not older than it.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::discover;

/// A `pg_dump`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Where it is.
    pub program: PathBuf,
    /// 15 of 15.18.
    pub major: u32,
    /// As `pg_dump --version` prints it.
    pub version: String,
}

/// Why there is no usable `pg_dump`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// None on this machine.
    #[error("`pg_dump` was not found")]
    Missing,
    /// All are older than the server, and refuse it.
    #[error("`pg_dump` is {newest}, and the server is {server}: it reads no server newer than itself")]
    TooOld {
        /// The newest major version there is here.
        newest: u32,
        /// The server's.
        server: u32,
    },
}

impl ClientError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        "run `dblsp tools install`, or install PostgreSQL's client package of the server's version"
    }
}

impl Client {
    /// The client nearest to the server's version that can read it. `DBLSP_PG_CLIENT` names the only folder to look in;
    /// otherwise `tools` (what `dblsp tools install` fetched) and all places where PostgreSQL is usually found.
    pub fn discover(server_major: u32, tools: &[PathBuf]) -> Result<Self, ClientError> {
        let named = env::var_os("DBLSP_PG_CLIENT").filter(|value| !value.is_empty());
        let folders = match named {
            Some(folder) => vec![PathBuf::from(folder)],
            None => named_folders(env::var_os("DBLSP_PG_BIN"))
                .chain(tools.iter().cloned())
                .chain(discover::candidates())
                .collect(),
        };
        Self::choose(&folders, server_major)
    }

    /// The client in these folders that is nearest to the server's version and can read it.
    pub fn choose(folders: &[PathBuf], server_major: u32) -> Result<Self, ClientError> {
        let mut found: Vec<Self> = folders.iter().filter_map(|folder| Self::inspect(folder)).collect();
        let newest = found.iter().map(|client| client.major).max();
        found.retain(|client| client.major >= server_major);
        // A script in front of several versions may choose another one than it says: Debian's does.
        found.sort_by_cached_key(|client| (client.major, is_script(&client.program)));
        match (found.into_iter().next(), newest) {
            (Some(client), _) => Ok(client),
            (None, None) => Err(ClientError::Missing),
            (None, Some(newest)) => Err(ClientError::TooOld {
                newest,
                server: server_major,
            }),
        }
    }

    fn inspect(folder: &Path) -> Option<Self> {
        let program = folder.join("pg_dump");
        let version = discover::first_line(&program, "--version")?;
        let major = discover::major_of(&version)?;
        Some(Self {
            program,
            major,
            version,
        })
    }

    /// Whether `\restrict` can be given a key of our own, so that two dumps of one schema are the same text.
    pub(crate) fn knows_restrict_key(&self) -> bool {
        let output = Command::new(&self.program)
            .arg("--help")
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output();
        output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("--restrict-key"))
    }
}

fn named_folders(value: Option<OsString>) -> impl Iterator<Item = PathBuf> {
    value.filter(|value| !value.is_empty()).map(PathBuf::from).into_iter()
}

fn is_script(program: &Path) -> bool {
    let mut start = [0; 2];
    let read = File::open(program).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && &start == b"#!"
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A folder per version, with a `pg_dump` that says so.
    fn clients(versions: &[&str]) -> (tempfile::TempDir, Vec<PathBuf>) {
        let root = tempfile::tempdir().expect("a temporary folder");
        let folders = versions.iter().map(|version| {
            let folder = root.path().join(version);
            fs::create_dir(&folder).expect("created");
            let program = folder.join("pg_dump");
            fs::write(&program, format!("#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}'\n")).expect("written");
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
            folder
        });
        let folders = folders.collect();
        (root, folders)
    }

    fn chosen(versions: &[&str], server: u32) -> Result<u32, ClientError> {
        let (_root, folders) = clients(versions);
        Client::choose(&folders, server).map(|client| client.major)
    }

    #[test]
    fn the_nearest_version_that_is_not_older_is_chosen() {
        assert_eq!(chosen(&["18.1", "15.3", "16.2", "14.1"], 15), Ok(15));
        assert_eq!(chosen(&["18.1", "16.2"], 15), Ok(16));
        assert_eq!(
            chosen(&["15.3"], 17),
            Err(ClientError::TooOld { newest: 15, server: 17 })
        );
        assert_eq!(chosen(&[], 17), Err(ClientError::Missing));
    }
}
