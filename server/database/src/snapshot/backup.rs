//! A full dump, rows and all: what is taken before something that cannot be undone.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::{Client, LOCK_WAIT, Libpq, SnapshotError, output};

/// What a dump that is not whole yet is called.
const PARTIAL: &str = "partial";

/// Dumps the database that `libpq` leads to, in the format of `pg_restore`. The file is there whole or not at all, and
/// nobody but this user may read it. `left_out` are relations that the role may not read, quoted.
pub(crate) async fn back_up(
    client: &Client,
    libpq: &Libpq,
    path: &Path,
    left_out: &[String],
) -> Result<(), SnapshotError> {
    let unwritable = |error| SnapshotError::Unwritable {
        path: path.to_path_buf(),
        error,
    };
    let aside = prepare(path).map_err(unwritable)?;
    let mut command = Command::new(&client.program);
    command.args(["--format=custom", "--no-password", "--encoding=UTF8", LOCK_WAIT]);
    command.arg("--file").arg(&aside);
    command.args(left_out.iter().map(|relation| format!("--exclude-table={relation}")));
    if let Err(error) = output(&mut command, libpq).await {
        // Half a dump is of no use to anybody.
        drop(fs::remove_file(&aside));
        return Err(error);
    }
    read_back(client, libpq, &aside).await?;
    keep(&aside, path).map_err(unwritable)
}

/// Removes dumps of an environment that were killed before they were whole.
pub(crate) fn sweep(folder: &Path, environment: &str) {
    let is_left_over = |name: &str| {
        let stamp = name
            .strip_prefix(environment)
            .and_then(|rest| rest.strip_prefix('_'))
            .and_then(|rest| rest.strip_suffix(".dump.partial"));
        stamp.is_some_and(|stamp| stamp.len() == 14 && stamp.bytes().all(|byte| byte.is_ascii_digit()))
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if is_left_over(&entry.file_name().to_string_lossy()) {
            // Space is all that it costs.
            drop(fs::remove_file(entry.path()));
        }
    }
}

/// Makes the file that the dump goes to first.
fn prepare(path: &Path) -> io::Result<PathBuf> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{PARTIAL}"));
    let aside = PathBuf::from(aside);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    if path.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(&aside)?;
    Ok(aside)
}

/// A dump that `pg_restore` cannot read is none.
async fn read_back(client: &Client, libpq: &Libpq, dump: &Path) -> Result<(), SnapshotError> {
    let program = client.program.with_file_name("pg_restore");
    if !program.exists() {
        return Ok(());
    }
    let mut command = Command::new(program);
    command.arg("--list").arg(dump);
    output(&mut command, libpq).await.map(drop)
}

fn keep(aside: &Path, path: &Path) -> io::Result<()> {
    File::open(aside)?.sync_all()?;
    fs::rename(aside, path)?;
    // The new name is in the folder's own data.
    #[cfg(unix)]
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_killed_dump_of_the_same_environment_left_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let names = [
            "live_20260101000000.dump",
            "live_20260101000000.dump.partial",
            "live_two_20260101000000.dump.partial",
            "live_x.dump.partial",
        ];
        for name in names {
            fs::write(folder.path().join(name), "").expect("written");
        }
        sweep(folder.path(), "live");
        let left = names.map(|name| folder.path().join(name).exists());
        assert_eq!(left, [true, false, true, true]);
    }
}
