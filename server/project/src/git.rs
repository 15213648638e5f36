//! Which files git says have changed, and what its index holds. Calls the `git` program; knows no migration.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::ProjectError;
use crate::files::{clean, decode};

/// Files by absolute path that differ from something, and what is to be read instead of the disk.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Added or modified.
    pub files: BTreeSet<PathBuf>,
    /// What differs from the disk; `None` where the file is not there.
    pub overlay: BTreeMap<PathBuf, Option<Arc<str>>>,
}

/// Where the parts of a repository are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// The working tree.
    pub top: PathBuf,
    /// git's own files; of the main working tree, where there are several.
    pub git: PathBuf,
    /// Hooks.
    pub hooks: PathBuf,
}

/// The repository around a folder; `None` outside of one, and where git is not installed.
pub fn repository(folder: &Path) -> Option<Repository> {
    let top = top(folder).ok()?;
    let path = |arguments: &[&str]| -> Option<PathBuf> {
        let said = run(&top, arguments).ok()?;
        Some(clean(&top.join(String::from_utf8(said).ok()?.trim_end_matches('\n'))))
    };
    Some(Repository {
        git: path(&["rev-parse", "--git-common-dir"])?,
        hooks: path(&["rev-parse", "--git-path", "hooks"])?,
        top,
    })
}

/// What is staged: the index against `HEAD`, with the index laid over the disk for every SQL file and setting.
pub fn staged(folder: &Path) -> Result<Changes, ProjectError> {
    let top = top(folder)?;
    let base = if run(&top, &["rev-parse", "--verify", "--quiet", "HEAD"]).is_ok() {
        "HEAD"
    } else {
        EMPTY_TREE
    };
    let files = names(
        &top,
        &["diff", "--cached", "--name-only", "-z", "--diff-filter=ACMRT", base],
    )?;
    let mut overlay = BTreeMap::new();
    for path in names(
        &top,
        &[
            "ls-files",
            "--others",
            "--exclude-standard",
            "-z",
            "--",
            "*.sql",
            "*.toml",
        ],
    )? {
        overlay.insert(path, None);
    }
    let unstaged = names(
        &top,
        &["diff", "--name-only", "-z", "--no-renames", "--", "*.sql", "*.toml"],
    )?;
    overlay.extend(index_texts(&top, unstaged)?);
    Ok(Changes { files, overlay })
}

/// What the working tree changes against `HEAD`, untracked files included.
pub fn changed(folder: &Path) -> Result<Changes, ProjectError> {
    let top = top(folder)?;
    let base = if run(&top, &["rev-parse", "--verify", "--quiet", "HEAD"]).is_ok() {
        "HEAD"
    } else {
        EMPTY_TREE
    };
    against(&top, &[base])
}

/// What the working tree changes since it left `revision`, untracked files included.
pub fn since(folder: &Path, revision: &str) -> Result<Changes, ProjectError> {
    let top = top(folder)?;
    let commit = format!("{revision}^{{commit}}");
    if revision.starts_with('-') || run(&top, &["rev-parse", "--verify", "--quiet", &commit]).is_err() {
        return Err(ProjectError::Git {
            message: format!("`{revision}` is no commit here"),
            hint: "name a commit, tag or branch; in CI, fetch enough history (`fetch-depth: 0`)".into(),
        });
    }
    // A shallow clone may not hold the merge base; then the revision itself has to do.
    let base = run(&top, &["merge-base", revision, "HEAD"]).map_or_else(
        |_| revision.to_owned(),
        |bytes| String::from_utf8_lossy(&bytes).trim().to_owned(),
    );
    against(&top, &[&base])
}

/// The empty tree's name, which every repository knows.
const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

fn against(top: &Path, base: &[&str]) -> Result<Changes, ProjectError> {
    let diff = [&["diff", "--name-only", "-z", "--diff-filter=ACMRT"], base].concat();
    let mut files = names(top, &diff)?;
    files.extend(names(top, &["ls-files", "--others", "--exclude-standard", "-z"])?);
    Ok(Changes {
        files,
        overlay: BTreeMap::new(),
    })
}

/// The index's texts of `paths`; `None` for those that it does not hold.
fn index_texts(top: &Path, paths: BTreeSet<PathBuf>) -> Result<BTreeMap<PathBuf, Option<Arc<str>>>, ProjectError> {
    if paths.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut child = git(top)
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| missing(&error))?;
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let asked: Vec<PathBuf> = paths.into_iter().collect();
    let mut questions = Vec::new();
    for path in &asked {
        let inside = path.strip_prefix(top).unwrap_or(path);
        questions.extend(format!(":0:{}\n", inside.to_string_lossy()).into_bytes());
    }
    // Written from a thread of its own: git answers before it has read all questions.
    let writer = std::thread::spawn(move || stdin.write_all(&questions));
    let output = child.wait_with_output().map_err(|error| missing(&error))?;
    drop(writer.join());
    let mut rest = output.stdout.as_slice();
    let mut texts = BTreeMap::new();
    for path in asked {
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            break;
        };
        let header = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[end + 1..];
        let size: Option<usize> = header.rsplit(' ').next().and_then(|size| size.parse().ok());
        let text = size.filter(|size| *size < rest.len()).map(|size| {
            let text = decode(rest[..size].to_vec()).text;
            rest = &rest[size + 1..];
            text
        });
        texts.insert(path, text);
    }
    Ok(texts)
}

fn top(folder: &Path) -> Result<PathBuf, ProjectError> {
    let bytes = run(folder, &["rev-parse", "--show-toplevel"])?;
    let top = PathBuf::from(String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']));
    // git resolves links; paths typed by people do not. Keep the folder as it was typed.
    let real = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    let depth = real.strip_prefix(&top).map_or(0, |below| below.components().count());
    Ok(folder.ancestors().nth(depth).map_or(top, Path::to_path_buf))
}

fn names(top: &Path, arguments: &[&str]) -> Result<BTreeSet<PathBuf>, ProjectError> {
    let bytes = run(top, arguments)?;
    let names = bytes.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| top.join(&*String::from_utf8_lossy(name))).collect())
}

fn run(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>, ProjectError> {
    let output = git(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| missing(&error))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = said.lines().next().unwrap_or("failed without a word");
    let message = line.trim_start_matches("fatal: ").to_owned();
    Err(ProjectError::Git {
        hint: if message.contains("not a git repository") {
            "run it inside a repository, or name the files instead".into()
        } else {
            format!("try it by hand: `git {}`", arguments.join(" "))
        },
        message,
    })
}

fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    // A hook sets GIT_DIR and GIT_INDEX_FILE for the repository that runs it: those stay.
    git.current_dir(folder)
        .env("LC_ALL", "C")
        .env("GIT_OPTIONAL_LOCKS", "0");
    git
}

fn missing(error: &std::io::Error) -> ProjectError {
    ProjectError::Git {
        message: format!("cannot be run: {}", crate::files::reason(error)),
        hint: "install git, or name the files instead".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository with `1.sql` committed.
    fn repository() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        put(&folder, "1.sql", "select 1;");
        for arguments in [
            &["init", "--quiet"][..],
            &["add", "."],
            &[
                "-c",
                "user.name=x",
                "-c",
                "user.email=x@example.com",
                "commit",
                "--quiet",
                "--message",
                "x",
            ],
        ] {
            run(folder.path(), arguments).expect("git works");
        }
        folder
    }

    fn put(folder: &tempfile::TempDir, name: &str, text: &str) {
        std::fs::write(folder.path().join(name), text).expect("written");
    }

    #[test]
    fn the_index_is_laid_over_what_is_not_staged() {
        let folder = repository();
        put(&folder, "1.sql", "select 'staged';");
        put(&folder, "2.sql", "select 'staged, then removed';");
        run(folder.path(), &["add", "."]).expect("git works");
        put(&folder, "1.sql", "select 'not staged';");
        std::fs::remove_file(folder.path().join("2.sql")).expect("removed");
        put(&folder, "3.sql", "select 'untracked';");
        let staged = staged(folder.path()).expect("a repository");
        let at = |name: &str| folder.path().join(name);
        assert_eq!(staged.files, BTreeSet::from([at("1.sql"), at("2.sql")]));
        let texts: Vec<Option<&str>> = staged.overlay.values().map(Option::as_deref).collect();
        assert_eq!(
            texts,
            [Some("select 'staged';"), Some("select 'staged, then removed';"), None]
        );
    }

    #[test]
    fn a_repository_without_commits_has_changes_too() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        run(folder.path(), &["init", "--quiet"]).expect("git works");
        put(&folder, "1.sql", "select 1;");
        let file = BTreeSet::from([folder.path().join("1.sql")]);
        assert_eq!(changed(folder.path()).expect("a repository").files, file);
        run(folder.path(), &["add", "."]).expect("git works");
        assert_eq!(staged(folder.path()).expect("a repository").files, file);
    }

    #[test]
    fn since_counts_from_where_the_branches_parted() {
        let folder = repository();
        run(folder.path(), &["branch", "base"]).expect("git works");
        put(&folder, "2.sql", "select 2;");
        let files = since(folder.path(), "base").expect("a revision").files;
        assert_eq!(files, BTreeSet::from([folder.path().join("2.sql")]));
        assert!(since(folder.path(), "gone").is_err());
        assert!(since(folder.path(), "--output=x").is_err());
    }
}
