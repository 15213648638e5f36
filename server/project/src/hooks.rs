//! Where a project's commits are checked: an entry for pre-commit where the project uses it, else a hook of git.

use std::path::{Path, PathBuf};

use crate::files::Disk;
use crate::git;
use crate::write::{Write, WriteKind};

/// pre-commit's settings.
const PRE_COMMIT: &str = ".pre-commit-config.yaml";
/// What the hook runs.
const COMMAND: &str = "dblsp check --staged";

/// What `dblsp init` does about commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hook {
    /// A file is to be written.
    Write(Write),
    /// The file has it already.
    Kept(PathBuf),
    /// The file is somebody's own, in a way that we do not change.
    ByHand {
        /// The file.
        path: PathBuf,
        /// What to add to it.
        what: String,
    },
    /// Nothing: it is no repository, or its hooks are not the project's.
    Nothing,
}

/// Plans the hook of the project in `root`.
pub fn plan(disk: &Disk, root: &Path) -> Hook {
    let Some(repository) = git::repository(root) else {
        return Hook::Nothing;
    };
    let pre_commit = repository.top.join(PRE_COMMIT);
    if disk.is_file(&pre_commit) {
        return of_pre_commit(disk, pre_commit);
    }
    if !repository.hooks.starts_with(&repository.top) && !repository.hooks.starts_with(&repository.git) {
        return Hook::Nothing;
    }
    of_git(disk, repository.hooks.join("pre-commit"))
}

fn of_pre_commit(disk: &Disk, path: PathBuf) -> Hook {
    let Ok(text) = disk.read(&path).map(|read| read.text.to_string()) else {
        return Hook::Nothing;
    };
    if text.contains("dblsp") {
        return Hook::Kept(path);
    }
    match with_entry(&text) {
        Some(changed) => Hook::Write(Write {
            path,
            text: changed,
            kind: WriteKind::Change {
                from: text,
                what: format!("runs `{COMMAND}` before every commit"),
            },
        }),
        None => Hook::ByHand {
            path,
            what: entry("").trim_end().to_owned(),
        },
    }
}

/// pre-commit's settings with an entry more at the end of `repos`; `None` where that list is not written as a block.
fn with_entry(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let repos = lines.iter().position(|line| line.trim_end() == "repos:")?;
    let is_item = |line: &&&str| line.trim_start().starts_with("- ");
    let first = lines[repos + 1..].iter().find(is_item)?;
    let indent = &first[..first.len() - first.trim_start().len()];
    // The list ends where the next key of the outermost level begins.
    let is_inside = |line: &&str| line.trim().is_empty() || line.starts_with([' ', '\t', '-', '#']);
    let length = lines[repos + 1..].iter().take_while(|line| is_inside(line)).count();
    let mut end = repos + 1 + length;
    // Comments and blank lines before it are the next key's.
    while end > repos + 1 && (lines[end - 1].trim().is_empty() || lines[end - 1].starts_with('#')) {
        end -= 1;
    }
    let mut out = lines[..end].concat();
    if !out.ends_with('\n') {
        out.push('\n');
    }
    Some(out + &entry(indent) + &lines[end..].concat())
}

fn entry(indent: &str) -> String {
    let (repository, version) = (env!("CARGO_PKG_REPOSITORY"), env!("CARGO_PKG_VERSION"));
    format!("{indent}- repo: {repository}\n{indent}  rev: v{version}\n{indent}  hooks:\n{indent}    - id: dblsp\n")
}

fn of_git(disk: &Disk, path: PathBuf) -> Hook {
    if !disk.is_file(&path) {
        return Hook::Write(Write::create(path, SCRIPT));
    }
    let has_it = disk.read(&path).is_ok_and(|read| read.text.contains("dblsp"));
    if has_it {
        return Hook::Kept(path);
    }
    Hook::ByHand {
        path,
        what: COMMAND.to_owned(),
    }
}

const SCRIPT: &str = "#!/bin/sh
# Judges the migrations that are about to be committed. `git commit --no-verify` goes without.
if ! command -v dblsp > /dev/null; then
    echo \"dblsp is not installed, so migrations cannot be checked\" >&2
    exit 1
fi
exec dblsp check --staged
";

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = "- repo: https://github.com/dblsp/dblsp\n  rev: v0.1.0\n  hooks:\n    - id: dblsp\n";

    fn indented(by: &str) -> String {
        let lines: Vec<String> = ENTRY.lines().map(|line| format!("{by}{line}")).collect();
        lines.join("\n") + "\n"
    }

    #[test]
    fn an_entry_is_added_in_the_way_that_the_others_are_written() {
        let own = "repos:\n  - repo: local\n    hooks:\n      - id: x\n";
        assert_eq!(with_entry(own), Some(format!("{own}{}", indented("  "))));
        let flat = "# ours\nrepos:\n- repo: local\n  hooks: []";
        assert_eq!(with_entry(flat), Some(format!("{flat}\n{}", indented(""))));
        let (list, rest) = ("repos:\n- repo: local\n", "\n# of the rest\nfail_fast: true\n");
        assert_eq!(
            with_entry(&format!("{list}{rest}")),
            Some(format!("{list}{ENTRY}{rest}"))
        );
    }

    #[test]
    fn a_list_of_another_kind_is_left_to_its_owner() {
        for text in ["repos: []\n", "fail_fast: true\n", "repos:\n", ""] {
            assert_eq!(with_entry(text), None, "{text}");
        }
    }

    fn repository() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let status = std::process::Command::new("git")
            .args(["init", "--quiet"])
            .current_dir(folder.path())
            .env_remove("GIT_DIR")
            .status();
        assert!(status.expect("git starts").success());
        folder
    }

    fn planned(folder: &tempfile::TempDir) -> Hook {
        plan(&Disk::new(folder.path()), folder.path())
    }

    #[test]
    fn a_repository_without_pre_commit_gets_a_hook_of_git() {
        let folder = repository();
        let Hook::Write(write) = planned(&folder) else {
            panic!("nothing is there yet");
        };
        assert!(write.path.ends_with(".git/hooks/pre-commit"), "{:?}", write.path);
        crate::write::write_all(&Disk::new(folder.path()), std::slice::from_ref(&write)).expect("written");
        assert_eq!(planned(&folder), Hook::Kept(write.path));
    }

    #[test]
    fn what_somebody_wrote_is_not_changed() {
        let folder = repository();
        let hook = folder.path().join(".git/hooks/pre-commit");
        std::fs::create_dir_all(hook.parent().expect("in a folder")).expect("created");
        std::fs::write(&hook, "#!/bin/sh\nmake lint\n").expect("written");
        assert!(matches!(planned(&folder), Hook::ByHand { what, .. } if what == COMMAND));
        std::fs::write(folder.path().join(PRE_COMMIT), "repos: []\n").expect("written");
        assert!(matches!(planned(&folder), Hook::ByHand { what, .. } if what == ENTRY.trim_end()));
    }

    #[test]
    fn what_is_no_repository_gets_none() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(planned(&folder), Hook::Nothing);
    }
}
