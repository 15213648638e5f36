//! Servers that outlive the process that started them: one per workspace and version, so that the next question finds it
//! warm. A shell watches each and ends it once nobody has used it for a while. Everything here blocks.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use super::{PORT, RECORDS, Root, SETTINGS, record_settings, still_served};
use crate::discover::Binaries;
use crate::shadow::ShadowError;

/// What the folders' names begin with.
const PREFIX: &str = "w-";
/// Touched at every use.
const USED: &str = "used";
/// Written last: a folder without it was not finished.
const READY: &str = "ready";
/// Who runs it: a path of a workspace, and a version, a line each.
const ABOUT: &str = "about";
/// After this without a use a server goes. The watching shell has the same number.
const IDLE: Duration = Duration::from_mins(15);

/// `$1` is the folder, `$2` the workspace, without which nobody needs the server unless it is out of our sight, the rest the server's command. A runaway may take four gigabytes of memory and no more; where the
/// system knows no such limit, there is none. Only the shell that the folder names deletes it: another may have put
/// another server there.
const KEEPER: &str = r#"
folder=$1; workspace=$2; shift 2
[ -d "$workspace" ] || workspace=/
echo $$ > "$folder/keeper"
ulimit -v 4194304 2>/dev/null
"$@" > "$folder/log" 2>&1 &
server=$!
(
  while sleep 5 && [ -d "$workspace" ] && [ -n "$(find "$folder/used" -mmin -15 2>/dev/null)" ]; do :; done
  kill -QUIT $server
) > /dev/null 2>&1 &
watcher=$!
wait $server
kill $watcher 2>/dev/null
if [ "$(cat "$folder/keeper" 2>/dev/null)" = $$ ]; then rm -rf "$folder"; fi
"#;

/// Settings beside those of every throw-away server: whoever asked may be gone before the answer.
const MORE: [&str; 1] = ["client_connection_check_interval=2s"];

/// The sole use of a kept server's folder, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) folder: PathBuf,
    _lock: File,
}

impl Hold {
    /// Notes a use.
    pub(crate) fn touch(&self) -> io::Result<()> {
        File::create(self.folder.join(USED)).map(drop)
    }

    /// Whether a finished server runs here.
    pub(crate) fn is_ready(&self) -> bool {
        self.folder.join(READY).exists() && still_served(&self.folder.join("data"))
    }

    /// Says that all is in place.
    pub(crate) fn finish(&self, workspace: &Path, version: &str) -> io::Result<()> {
        fs::write(self.folder.join(ABOUT), format!("{}\n{version}\n", workspace.display()))?;
        File::create(self.folder.join(READY)).map(drop)
    }

    /// What a server said that did not start.
    pub(crate) fn last_words(&self) -> Option<String> {
        let is_gone = self.folder.join("log").exists() && !still_served(&self.folder.join("data"));
        if !is_gone {
            return None;
        }
        // Its records begin once it has a process that writes them.
        let files = ["log".to_owned(), format!("{RECORDS}.json"), format!("{RECORDS}.csv")];
        let texts = files
            .iter()
            .map(|name| fs::read_to_string(self.folder.join(name)).unwrap_or_default());
        let log = texts.collect::<String>();
        (!log.trim().is_empty()).then(|| log.trim().to_owned())
    }
}

/// A server that is kept.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Warm {
    /// The project that it is for.
    pub workspace: PathBuf,
    /// The version as `postgres --version` prints it.
    pub version: String,
    /// Where its data and its socket are.
    pub folder: PathBuf,
    /// Its process.
    pub process: u32,
    /// How long nobody has used it.
    pub idle_seconds: u64,
    /// Bytes that it takes up.
    pub bytes: u64,
}

impl Root {
    /// The sole use of the folder of that name; `None` while somebody else has it.
    pub(crate) fn hold(&self, name: &str) -> Result<Option<Hold>, ShadowError> {
        let lock = File::create(self.clusters.join(format!("{PREFIX}{name}.lock")))?;
        if lock.try_lock().is_err() {
            return Ok(None);
        }
        let folder = self.clusters.join(format!("{PREFIX}{name}"));
        Ok(Some(Hold { folder, _lock: lock }))
    }

    /// Puts a copy of the template where the server will be, in place of whatever is there.
    pub(crate) fn prepare_kept(&self, binaries: &Binaries, hold: &Hold, template: &Path) -> Result<(), ShadowError> {
        self.remove_kept(binaries, &hold.folder)?;
        fs::create_dir(&hold.folder)?;
        self.run_as.give(&hold.folder)?;
        hold.touch()?;
        self.copy(template, &hold.folder)
    }

    /// Starts the server, which then outlives us.
    pub(crate) fn start_kept(&self, binaries: &Binaries, hold: &Hold, workspace: &Path) -> Result<(), ShadowError> {
        let folder = &hold.folder;
        let mut command = Command::new("/bin/sh");
        self.prepare(&mut command, folder);
        command
            .arg("-c")
            .arg(KEEPER)
            .arg("dblsp-keeper")
            .arg(folder)
            .arg(workspace);
        command.arg(binaries.folder.join("postgres"));
        command.arg("-D").arg(folder.join("data")).arg("-k").arg(folder);
        command.arg("-p").arg(PORT.to_string());
        command.args(SETTINGS.iter().chain(&MORE).flat_map(|setting| ["-c", setting]));
        let records = record_settings(binaries, folder);
        command.args(records.iter().flat_map(|setting| ["-c", setting]));
        // Ctrl-C at the terminal is not meant for it.
        command.process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        // An editor's server lives long: a shell that has ended must not stay in the list of processes.
        std::thread::spawn(move || child.wait());
        Ok(())
    }

    /// Stops a server and deletes its folder. Call it while holding it.
    pub(crate) fn remove_kept(&self, binaries: &Binaries, folder: &Path) -> Result<(), ShadowError> {
        if still_served(&folder.join("data")) {
            let mut stop = self.command(binaries, "pg_ctl", folder);
            stop.args(["stop", "-m", "immediate", "-t", "10", "-D"])
                .arg(folder.join("data"));
            // A server that has ended in between cannot be stopped: nothing to report.
            drop(stop.output());
        }
        // Its shell deletes the folder too, so that parts of it may vanish under our hands.
        for _ in 0..50 {
            match fs::remove_dir_all(folder) {
                Ok(()) => return Ok(()),
                Err(_) if !folder.exists() => return Ok(()),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        Ok(fs::remove_dir_all(folder)?)
    }

    /// Every server that is kept.
    pub(crate) fn kept(&self) -> Vec<Warm> {
        let folders = self.kept_folders().into_iter();
        folders.filter_map(|folder| about(&folder)).collect()
    }

    fn kept_folders(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.clusters).into_iter().flatten().flatten();
        let mut folders: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(|path| name_of(path).is_some() && path.is_dir())
            .collect();
        folders.sort();
        folders
    }

    /// Stops the kept servers that are meant, and says which. One that somebody uses at this moment is waited for.
    pub(crate) fn stop_kept(
        &self,
        binaries: &Binaries,
        is_meant: impl Fn(&Warm) -> bool,
    ) -> Result<Vec<Warm>, ShadowError> {
        let mut stopped = Vec::new();
        for warm in self.kept().into_iter().filter(is_meant) {
            let Some(name) = name_of(&warm.folder) else { continue };
            let hold = (0..500).find_map(|_| {
                let hold = self.hold(name).ok().flatten();
                if hold.is_none() {
                    std::thread::sleep(Duration::from_millis(20));
                }
                hold
            });
            let hold = hold.ok_or(ShadowError::Busy)?;
            self.remove_kept(binaries, &hold.folder)?;
            stopped.push(warm);
        }
        Ok(stopped)
    }

    /// Deletes what shells left behind that were killed. Call it under the lock.
    pub(super) fn sweep_kept(&self, binaries: &Binaries) -> Result<(), ShadowError> {
        for folder in self.kept_folders() {
            let idle = idle(&folder);
            let is_dead = !still_served(&folder.join("data")) && idle > Duration::from_mins(1);
            if !is_dead && idle <= IDLE {
                continue;
            }
            let name = name_of(&folder).unwrap_or_default();
            if let Some(hold) = self.hold(name)? {
                self.remove_kept(binaries, &hold.folder)?;
            }
        }
        self.sweep_locks();
        Ok(())
    }

    /// Deletes marks of servers that are long gone.
    fn sweep_locks(&self) {
        let is_old = |path: &Path| {
            let modified = fs::metadata(path).and_then(|file| file.modified());
            modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > super::TEMPLATE_LIFE))
        };
        for entry in fs::read_dir(&self.clusters).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_lock = path.extension().is_some_and(|extension| extension == "lock");
            if is_lock && name_of(&path).is_some() && is_old(&path) {
                drop(fs::remove_file(path));
            }
        }
    }
}

fn name_of(folder: &Path) -> Option<&str> {
    folder.file_name()?.to_str()?.strip_prefix(PREFIX)
}

fn idle(folder: &Path) -> Duration {
    let used = fs::metadata(folder.join(USED)).and_then(|file| file.modified());
    // Without a mark it was never finished; by the time anybody looks twice it is old enough.
    used.map_or(IDLE * 2, |used| {
        SystemTime::now().duration_since(used).unwrap_or_default()
    })
}

fn about(folder: &Path) -> Option<Warm> {
    let about = fs::read_to_string(folder.join(ABOUT)).ok()?;
    let mut lines = about.lines();
    let pid = fs::read_to_string(folder.join("data/postmaster.pid")).ok()?;
    Some(Warm {
        workspace: lines.next()?.into(),
        version: lines.next()?.to_owned(),
        process: pid.lines().next()?.trim().parse().ok()?,
        folder: folder.to_path_buf(),
        idle_seconds: idle(folder).as_secs(),
        bytes: bytes(folder),
    })
}

fn bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
