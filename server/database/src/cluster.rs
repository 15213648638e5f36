//! Server processes and their folders. Everything here blocks; `shadow` and `warm` call it off the async threads.

mod kept;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::discover::Binaries;
use crate::shadow::{Log, ShadowError};

pub(crate) use kept::Hold;
pub use kept::Warm;

/// The port is only part of the socket's name: nothing listens on the network.
pub(crate) const PORT: u16 = 5432;
/// `sockaddr_un` has 108 bytes on Linux and 104 on macOS, a NUL included.
const LONGEST_SOCKET_PATH: usize = 103;
const SOCKET_NAME: &str = "/.s.PGSQL.5432";
/// What a folder's name looks like below the root, to reserve its length.
const LONGEST_NAME: &str = "/w-XXXXXXXX-18";
/// Linux keeps this folder in memory.
const MEMORY: &str = "/dev/shm";
/// After this a template that is not asked for any more goes.
const TEMPLATE_LIFE: Duration = Duration::from_hours(14 * 24);
const OWNER_LOCK: &str = "owner.lock";

/// `initdb -N` and these: a crash may cost everything, and nothing may wait for the disk.
const SETTINGS: [&str; 19] = [
    "listen_addresses=",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    // Publications warn below `logical`.
    "wal_level=logical",
    "max_wal_senders=4",
    "max_wal_size=128MB",
    "shared_buffers=64MB",
    "max_connections=48",
    // One transaction that creates 3,000 tables runs out of the default.
    "max_locks_per_transaction=2048",
    "autovacuum=off",
    "jit=off",
    "temp_file_limit=2GB",
    "timezone=UTC",
    "log_timezone=UTC",
    "lc_messages=C",
    "log_min_messages=fatal",
    "log_min_error_statement=panic",
    "unix_socket_permissions=0700",
];

/// First part of the name of the file that a server's records go to, in its folder.
pub(crate) const RECORDS: &str = "records";
/// `log_min_messages` of who wants to know what statements do.
pub(crate) const TALKATIVE: &str = "debug1";
/// The first major version that writes its log as JSON; older ones write CSV.
pub(crate) const JSON_LOG: u32 = 15;

/// Has a server write its log as records that a program reads. How much it tells is another setting.
fn record_settings(binaries: &Binaries, folder: &Path) -> Vec<String> {
    let form = if binaries.major < JSON_LOG { "csvlog" } else { "jsonlog" };
    vec![
        "logging_collector=on".to_owned(),
        format!("log_destination={form}"),
        format!("log_directory={}", folder.display()),
        // `.log` gives way to `.json` or `.csv`.
        format!("log_filename={RECORDS}.log"),
        "log_rotation_age=0".to_owned(),
        "log_rotation_size=0".to_owned(),
    ]
}

/// The user that the server runs as. PostgreSQL refuses to run as root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunAs {
    uid: u32,
    /// Present where we are root and become somebody else.
    other: Option<u32>,
}

impl RunAs {
    fn find() -> Result<Self, ShadowError> {
        // A file that we create tells who we are, without a system call that Rust calls unsafe.
        let uid = tempfile::tempfile().and_then(|file| file.metadata())?.uid();
        if uid != 0 {
            return Ok(Self { uid, other: None });
        }
        let passwd = fs::read_to_string("/etc/passwd")?;
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| ids_of(&passwd, name))
            .map(|(uid, gid)| Self { uid, other: Some(gid) })
            .ok_or(ShadowError::NoUnprivilegedUser)
    }

    fn default_folders(self) -> (PathBuf, PathBuf) {
        let name = format!("dblsp-{}", self.uid);
        let temporary = std::env::temp_dir().join(&name);
        let clusters = if has_room(Path::new(MEMORY)) {
            Path::new(MEMORY).join(&name)
        } else if fits_a_socket(&temporary) {
            temporary.clone()
        } else {
            Path::new("/tmp").join(&name)
        };
        (temporary, clusters)
    }

    /// Creates the folder, or sees that it is one nobody else can write to.
    fn take_over(self, folder: &Path) -> Result<(), ShadowError> {
        match fs::DirBuilder::new().mode(0o700).create(folder) {
            Ok(()) => self.give(folder)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
        // Somebody else's folder under our name would let him swap the server's files.
        let metadata = fs::symlink_metadata(folder)?;
        let private = metadata.permissions().mode() & 0o022 == 0;
        if metadata.is_dir() && metadata.uid() == self.uid && private {
            Ok(())
        } else {
            Err(ShadowError::ForeignFolder(folder.to_path_buf()))
        }
    }

    fn give(self, path: &Path) -> io::Result<()> {
        self.other.map_or(Ok(()), |gid| chown(path, Some(self.uid), Some(gid)))
    }
}

fn ids_of(passwd: &str, name: &str) -> Option<(u32, u32)> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// Where template data and running clusters of one user are.
#[derive(Debug, Clone)]
pub(crate) struct Root {
    templates: PathBuf,
    clusters: PathBuf,
    run_as: RunAs,
}

impl Root {
    /// Everything in `folder`, if there is one. Otherwise templates go to the system's temporary folder, and clusters
    /// into memory where there is enough of it: a cluster is a thousand small files that live for seconds.
    pub(crate) fn open(folder: Option<PathBuf>) -> Result<Self, ShadowError> {
        let run_as = RunAs::find()?;
        let (templates, clusters) = folder.map_or_else(|| run_as.default_folders(), |folder| (folder.clone(), folder));
        if !fits_a_socket(&clusters) {
            return Err(ShadowError::PathTooLong(clusters));
        }
        run_as.take_over(&templates)?;
        run_as.take_over(&clusters)?;
        Ok(Self {
            templates,
            clusters,
            run_as,
        })
    }

    /// Waits until no other process creates or sweeps. Held until dropped.
    pub(crate) fn lock(&self) -> Result<File, ShadowError> {
        let file = File::create(self.templates.join("lock"))?;
        file.lock()?;
        Ok(file)
    }

    pub(crate) fn template(&self, key: &str) -> PathBuf {
        self.templates.join(format!("template-{key}"))
    }

    /// Moves a stopped cluster's data to `template`: there whole, or not there. Call it under the lock.
    pub(crate) fn keep(&self, cluster: &Path, template: &Path) -> Result<(), ShadowError> {
        let unfinished = self.templates.join("unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        fs::create_dir(&unfinished)?;
        self.run_as.give(&unfinished)?;
        self.copy(cluster, &unfinished)?;
        fs::rename(&unfinished, template)?;
        fs::remove_dir_all(cluster.join("data"))?;
        Ok(())
    }

    /// A folder of our own, marked as ours for as long as we live. Call it under the lock.
    pub(crate) fn claim(&self) -> Result<Claim, ShadowError> {
        let folder = tempfile::Builder::new()
            .prefix("c-")
            .rand_bytes(6)
            .tempdir_in(&self.clusters)?
            .keep();
        self.run_as.give(&folder)?;
        let lock = File::create(folder.join(OWNER_LOCK))?;
        lock.lock()?;
        Ok(Claim { folder, _lock: lock })
    }

    /// Stops and deletes what processes left behind that were killed. Call it under the lock.
    pub(crate) fn sweep(&self, binaries: &Binaries) -> Result<(), ShadowError> {
        for entry in fs::read_dir(&self.clusters)?.flatten() {
            let folder = entry.path();
            if !entry.file_name().to_string_lossy().starts_with("c-") {
                continue;
            }
            // The lock ends with its process. A folder without one was abandoned before it was marked.
            let alive = File::open(folder.join(OWNER_LOCK)).is_ok_and(|file| file.try_lock().is_err());
            if alive {
                continue;
            }
            if still_served(&folder.join("data")) {
                let mut stop = self.command(binaries, "pg_ctl", &folder);
                stop.args(["stop", "-m", "immediate", "-t", "10", "-D"])
                    .arg(folder.join("data"));
                // A server that has ended in between cannot be stopped: nothing to report.
                drop(stop.output());
            }
            fs::remove_dir_all(&folder)?;
        }
        self.sweep_kept(binaries)
    }

    /// Deletes templates that another version of dblsp or PostgreSQL made. Call it under the lock.
    pub(crate) fn sweep_templates(&self, current: &Path) -> Result<(), ShadowError> {
        for entry in fs::read_dir(&self.templates)?.flatten() {
            let old = entry
                .metadata()?
                .modified()?
                .elapsed()
                .is_ok_and(|age| age > TEMPLATE_LIFE);
            let template = entry.file_name().to_string_lossy().starts_with("template-");
            if template && old && entry.path() != current {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    /// One of PostgreSQL's programs, as the right user and with an environment that changes nothing.
    fn command(&self, binaries: &Binaries, program: &str, folder: &Path) -> Command {
        let mut command = Command::new(binaries.folder.join(program));
        self.prepare(&mut command, folder);
        command
    }

    fn prepare(&self, command: &mut Command, folder: &Path) {
        let libraries = std::env::var_os("LD_LIBRARY_PATH");
        command
            .current_dir(folder)
            .env_clear()
            .env("LC_ALL", "C")
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null());
        command.envs(libraries.map(|value| ("LD_LIBRARY_PATH", value)));
        if let Some(gid) = self.run_as.other {
            command.gid(gid).uid(self.run_as.uid);
        }
    }

    pub(crate) fn initialise(&self, binaries: &Binaries, folder: &Path, superuser: &str) -> Result<(), ShadowError> {
        let mut command = self.command(binaries, "initdb", folder);
        command
            .arg("-D")
            .arg(folder.join("data"))
            .args(["-U", superuser])
            .args([
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-locale",
                "--no-sync",
                "--no-instructions",
                "--wal-segsize=1",
            ]);
        succeed("initdb", &mut command)
    }

    pub(crate) fn copy(&self, template: &Path, folder: &Path) -> Result<(), ShadowError> {
        let mut command = Command::new("cp");
        self.prepare(&mut command, folder);
        command.arg("-a").arg(template.join("data")).arg(folder.join("data"));
        succeed("cp", &mut command)
    }

    pub(crate) fn start(&self, binaries: &Binaries, folder: &Path, log: Log) -> Result<Server, ShadowError> {
        let log_path = folder.join("log");
        let output = File::create(&log_path)?;
        let mut command = self.command(binaries, "postgres", folder);
        command
            .arg("-D")
            .arg(folder.join("data"))
            .arg("-k")
            .arg(folder)
            .arg("-p")
            .arg(PORT.to_string());
        command.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
        if log == Log::Debug {
            let records = record_settings(binaries, folder);
            command.args(records.iter().flat_map(|setting| ["-c", setting]));
            command.args(["-c", &format!("log_min_messages={TALKATIVE}")]);
        }
        let child = command.stdout(output.try_clone()?).stderr(output).spawn()?;
        Ok(Server {
            child,
            root: self.clone(),
            binaries: binaries.clone(),
            folder: folder.to_path_buf(),
            log_path,
        })
    }
}

/// Whether `df` promises two gigabytes. A container's /dev/shm has 64 megabytes, too few for anything.
fn has_room(folder: &Path) -> bool {
    let output = Command::new("df")
        .arg("-Pk")
        .arg(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let text = output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    let available = text
        .lines()
        .nth(1)
        .and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok());
    available.is_some_and(|kilobytes| kilobytes > 2 * 1024 * 1024)
}

/// Whether a server runs on this data. The number in the pid file may by now be another process's, even another
/// PostgreSQL's, so its command line must name the folder.
fn still_served(data: &Path) -> bool {
    let file = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    let Some(process) = file.lines().next().filter(|line| line.parse::<u32>().is_ok()) else {
        return false;
    };
    let command_line = fs::read(format!("/proc/{process}/cmdline")).or_else(|_| {
        let output = Command::new("ps")
            .args(["-o", "args=", "-p", process])
            .stdin(Stdio::null())
            .output();
        output.map(|output| output.stdout)
    });
    let command_line = command_line.unwrap_or_default();
    String::from_utf8_lossy(&command_line).contains(&*data.to_string_lossy())
}

fn fits_a_socket(folder: &Path) -> bool {
    folder.as_os_str().len() + LONGEST_NAME.len() + SOCKET_NAME.len() <= LONGEST_SOCKET_PATH
}

fn succeed(program: &'static str, command: &mut Command) -> Result<(), ShadowError> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(ShadowError::Program { program, message })
}

/// A cluster's folder, ours while this lives and deleted with it.
#[derive(Debug)]
pub(crate) struct Claim {
    folder: PathBuf,
    _lock: File,
}

impl Claim {
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // What cannot be deleted now is swept at the next start.
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// A running server, stopped when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    root: Root,
    binaries: Binaries,
    folder: PathBuf,
    log_path: PathBuf,
}

impl Server {
    /// The server's last words, once it has ended by itself.
    pub(crate) fn last_words(&mut self) -> Result<Option<String>, ShadowError> {
        if self.child.try_wait()?.is_none() {
            return Ok(None);
        }
        let log = fs::read_to_string(&self.log_path).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(5).collect();
        Ok(Some(tail.into_iter().rev().collect::<Vec<_>>().join("\n")))
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Stops in good order, so that the data can be copied.
    pub(crate) fn shut_down(&mut self) -> bool {
        self.signal("INT");
        self.wait(Duration::from_secs(30))
    }

    fn signal(&self, name: &str) {
        let mut command = self.root.command(&self.binaries, "pg_ctl", &self.folder);
        // Fails only where the server has ended in between.
        drop(command.args(["kill", name]).arg(self.child.id().to_string()).output());
    }

    fn wait(&mut self, limit: Duration) -> bool {
        let start = Instant::now();
        while start.elapsed() < limit {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        self.signal("QUIT");
        if !self.wait(Duration::from_secs(5)) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_read_from_the_password_file() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65533:nobody:/:/bin/false\n";
        assert_eq!(ids_of(passwd, "nobody"), Some((65534, 65533)));
        assert_eq!(ids_of(passwd, "postgres"), None);
    }

    #[test]
    fn a_deep_folder_has_no_room_for_a_socket() {
        assert!(fits_a_socket(Path::new("/tmp/dblsp-1000")));
        assert!(!fits_a_socket(Path::new(&format!("/{}", "a".repeat(90)))));
    }
}
