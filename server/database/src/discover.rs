//! Finds PostgreSQL's programs on this machine.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::tools;

/// A folder that has `initdb`, `pg_ctl` and `postgres`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// The folder.
    pub folder: PathBuf,
    /// 15 of 15.18.
    pub major: u32,
    /// The version as `postgres --version` prints it.
    pub version: String,
}

const PROGRAMS: [&str; 3] = ["initdb", "pg_ctl", "postgres"];

/// Folders of which each child may hold one version: the part before and the part after the version.
const FAMILIES: [(&str, &str, &str); 5] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// The best programs there are: `DBLSP_PG_BIN` whatever its version, else of the wanted major version, else the newest
/// that the system has, else what `dblsp tools install` fetched.
pub fn discover(wanted: Option<u32>) -> Option<Binaries> {
    if let Some(named) = env::var_os("DBLSP_PG_BIN").filter(|value| !value.is_empty()) {
        return inspect(Path::new(&named));
    }
    let fetched: Vec<PathBuf> = tools::folders().into_iter().filter(|it| is_reachable(it)).collect();
    let (configured, answers) = std::thread::scope(|scope| {
        let configured = scope.spawn(configured);
        let answers = answers(ordered(None).iter().chain(&fetched));
        (configured.join().ok().flatten(), answers)
    });
    let own = ordered(configured).into_iter().map(|folder| (true, folder));
    let folders = own.chain(fetched.into_iter().map(|folder| (false, folder)));
    let mut found: Vec<(bool, Binaries)> = folders
        .filter_map(|(is_own, folder)| {
            let folder = own_folder(&folder)?;
            let binaries = match answers.get(&folder) {
                Some(answer) => answer.clone(),
                None => asked(folder),
            };
            Some((is_own, binaries?))
        })
        .collect();
    // Stable: of two with the same version the one that was looked at first wins.
    found
        .sort_by_key(|(is_own, binaries)| std::cmp::Reverse((Some(binaries.major) == wanted, *is_own, binaries.major)));
    found.into_iter().next().map(|(_, binaries)| binaries)
}

/// Whether the user that the server runs as gets there: root becomes somebody else, who does not see root's home.
fn is_reachable(folder: &Path) -> bool {
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let is_open = |folder: &Path| fs::metadata(folder).is_ok_and(|found| found.mode() & 0o001 != 0);
    !is_root || folder.ancestors().all(is_open)
}

/// What is in a folder, if it is one of PostgreSQL's.
pub fn inspect(folder: &Path) -> Option<Binaries> {
    asked(own_folder(folder)?)
}

/// What is in each of the folders that is one of PostgreSQL's, by the folder's own name. All are asked at the same time:
/// every question is a process.
fn answers<'a>(folders: impl Iterator<Item = &'a PathBuf>) -> BTreeMap<PathBuf, Option<Binaries>> {
    let folders: BTreeSet<PathBuf> = folders.filter_map(|folder| own_folder(folder)).collect();
    std::thread::scope(|scope| {
        let ask = |folder: PathBuf| (folder.clone(), scope.spawn(|| asked(folder)));
        let asked: Vec<_> = folders.into_iter().map(ask).collect();
        let answers = asked.into_iter();
        answers
            .map(|(folder, answer)| (folder, answer.join().ok().flatten()))
            .collect()
    })
}

/// The folder that has all programs, under the name that other users can reach: a link on the PATH leads there.
fn own_folder(folder: &Path) -> Option<PathBuf> {
    let folder = folder.join("postgres").canonicalize().ok()?.parent()?.to_path_buf();
    let is_complete = PROGRAMS.iter().all(|program| folder.join(program).is_file());
    is_complete.then_some(folder)
}

fn asked(folder: PathBuf) -> Option<Binaries> {
    let version = first_line(&folder.join("postgres"), "--version")?;
    let major = major_of(&version)?;
    Some(Binaries { folder, major, version })
}

/// Folders of this machine that may have PostgreSQL's programs, the likeliest first.
pub(crate) fn candidates() -> Vec<PathBuf> {
    ordered(configured())
}

fn configured() -> Option<PathBuf> {
    first_line(Path::new("pg_config"), "--bindir").map(PathBuf::from)
}

fn ordered(configured: Option<PathBuf>) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = env::var_os("PATH").iter().flat_map(env::split_paths).collect();
    folders.extend(configured);
    for (parent, prefix, below) in FAMILIES {
        let children = std::fs::read_dir(parent).into_iter().flatten().flatten();
        let names: BTreeSet<_> = children.map(|entry| entry.file_name()).collect();
        let matching = names.iter().filter(|name| name.to_string_lossy().starts_with(prefix));
        folders.extend(matching.map(|name| Path::new(parent).join(name).join(below)));
    }
    let mut seen = BTreeSet::new();
    folders.retain(|folder| seen.insert(folder.clone()));
    folders
}

pub(crate) fn first_line(program: &Path, argument: &str) -> Option<String> {
    let output = Command::new(program)
        .arg(argument)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(str::to_owned)
}

/// `postgres (PostgreSQL) 15.18 (Debian …)`, `… 18beta1`
pub(crate) fn major_of(version: &str) -> Option<u32> {
    let number = version.split(") ").nth(1)?;
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_releases_and_betas() {
        assert_eq!(
            major_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(major_of("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major_of("mysqld 8"), None);
    }
}
