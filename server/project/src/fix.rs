//! `dblsp fix`: applies the fixes of findings until none is left to apply. Plans only; see [`crate::write`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use analysis::history::{History, Migration};
use analysis::lint::diagnostic::{Diagnostic, FixKind, NewFiles};
use analysis::lint::fixing::{Together, Willing, together};

use crate::files::Disk;
use crate::layout::{is_older, sections};
use crate::write::{Write, WriteKind};
use crate::{Project, config};

/// What fixing a project comes to.
#[derive(Clone, Debug, Default)]
pub struct Fixes {
    /// Files to be written.
    pub writes: Vec<Write>,
    /// The fixes behind them, in the order in which they were applied.
    pub applied: Vec<Applied>,
    /// Findings whose fix needs a look first.
    pub unwilling: usize,
    /// Findings with a fix, in files that are left as they are.
    pub locked: BTreeMap<String, usize>,
    /// Files that a fix would have broken: they are left as they are, and the fix is a bug.
    pub broken: BTreeSet<String>,
}

/// A fix that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Path of the file, as people see it.
    pub path: String,
    /// The rule that found what it mends.
    pub rule: &'static str,
    /// What it does.
    pub title: String,
    /// Whether it needed a look.
    pub kind: FixKind,
}

/// Fixes of fixes end some day; a fix that brings itself back would not.
const ROUNDS: usize = 50;

/// Plans the fixes of a project. `is_locked`: whether a migration is applied somewhere, as far as anybody knows, and has
/// to stay as it is. What `since` exempts always is.
pub fn fix(disk: &Disk, project: &Project, willing: Willing, is_locked: &dyn Fn(&str) -> bool) -> Fixes {
    let since = project.config.since.as_ref().map(config::Version::digits);
    let mut fixes = Fixes::default();
    for history in &project.histories {
        let is_exempt = |migration: &Migration| {
            since
                .as_deref()
                .is_some_and(|since| is_older(&migration.version, since))
        };
        let locked: BTreeSet<&str> = history
            .migrations
            .iter()
            .filter(|migration| is_exempt(migration) || is_locked(&migration.path))
            .map(|migration| migration.path.as_str())
            .collect();
        let mut fixer = Fixer {
            project,
            willing,
            locked,
            history: history.clone(),
            created: BTreeMap::new(),
            out: Fixes::default(),
        };
        for _ in 0..ROUNDS {
            if !fixer.round() {
                break;
            }
        }
        fixes.add(disk, history, fixer);
    }
    fixes
}

impl Fixes {
    /// Adds those of another project.
    pub fn append(&mut self, other: Self) {
        self.writes.extend(other.writes);
        self.applied.extend(other.applied);
        self.unwilling += other.unwilling;
        self.locked.extend(other.locked);
        self.broken.extend(other.broken);
    }

    fn add(&mut self, disk: &Disk, before: &History, fixer: Fixer<'_>) {
        self.writes.extend(changes(disk, before, &fixer.history));
        let created = fixer.created.into_iter();
        self.writes
            .extend(created.map(|(path, text)| Write::create(disk.absolute(path), text)));
        self.append(fixer.out);
    }
}

/// A history on its way.
struct Fixer<'a> {
    project: &'a Project,
    willing: Willing,
    locked: BTreeSet<&'a str>,
    history: History,
    created: BTreeMap<String, String>,
    out: Fixes,
}

impl Fixer<'_> {
    /// Applies what can be applied at once; whether there was something.
    fn round(&mut self) -> bool {
        let mut by_path = BTreeMap::<String, Vec<Diagnostic>>::new();
        for finding in judge(&self.history, self.project) {
            if !finding.fixes.is_empty() {
                by_path.entry(finding.path.clone()).or_default().push(finding);
            }
        }
        self.out.unwilling = 0;
        self.out.locked.clear();
        let mut has_changed = false;
        for (path, findings) in by_path {
            let chosen = together(&findings, self.willing);
            if self.locked.contains(path.as_str()) {
                let count = chosen.fixes.len();
                self.out.locked.extend((count > 0).then(|| (path.clone(), count)));
                continue;
            }
            self.out.unwilling += chosen.unwilling;
            if !self.out.broken.contains(&path) {
                has_changed |= self.apply(&path, &chosen);
            }
        }
        has_changed
    }

    fn apply(&mut self, path: &str, chosen: &Together<'_>) -> bool {
        let Some(migration) = self.history.migrations.iter_mut().find(|own| own.path == path) else {
            return false;
        };
        let before = migration.clone();
        let text = chosen.apply(&migration.text);
        if *text != *migration.text {
            migration.forward = sections(&text).forward;
            migration.text = text.into();
            if errors(migration) > errors(&before) {
                *migration = before;
                self.out.broken.insert(path.to_owned());
                return false;
            }
        }
        let mut has_changed = migration.text != before.text;
        for file in chosen.creates() {
            let is_new = !self.created.contains_key(&file.path);
            has_changed |= is_new;
            if is_new {
                let text = file.text.clone().unwrap_or_default();
                self.created.insert(file.path.clone(), text);
            }
        }
        note_created(&mut self.history, &self.created);
        if has_changed {
            self.out
                .applied
                .extend(chosen.fixes.iter().map(|(finding, fix)| Applied {
                    path: path.to_owned(),
                    rule: finding.rule,
                    title: fix.title.clone(),
                    kind: fix.kind,
                }));
        }
        has_changed
    }
}

/// What the history says of files beside the migrations, now that they are there.
fn note_created(history: &mut History, created: &BTreeMap<String, String>) {
    let is_there = |path: &Option<String>| path.as_ref().is_some_and(|path| created.contains_key(path));
    for migration in &mut history.migrations {
        migration.has_rollback |= is_there(&migration.rollback_path);
        migration.has_smoke_test |= is_there(&migration.smoke_test_path);
    }
}

fn judge(history: &History, project: &Project) -> Vec<Diagnostic> {
    let (documents, timeline) = crate::replay(history, &project.settings);
    crate::check(
        history,
        &documents,
        &project.settings,
        &Arc::new(timeline),
        NewFiles::Written,
    )
}

/// How much of a file PostgreSQL would not read.
fn errors(migration: &Migration) -> usize {
    crate::on_deep_stacks(|| analysis::read(migration).syntax_errors(migration).len())
}

fn changes<'a>(disk: &'a Disk, before: &'a History, after: &'a History) -> impl Iterator<Item = Write> + use<'a> {
    let pairs = before.migrations.iter().zip(&after.migrations);
    pairs.filter(|(old, new)| old.text != new.text).map(|(old, new)| Write {
        path: disk.absolute(&old.path),
        text: new.text.to_string(),
        kind: WriteKind::Change {
            from: old.text.to_string(),
            what: "fixed".into(),
        },
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use analysis::lint::fixing::Willing;

    use super::{Fixes, fix};
    use crate::files::Disk;
    use crate::load::{Request, Selection, load};
    use crate::write::write_all;

    const FIRST: &str = "create table users (id bigint primary key);\ncreate materialized view counts as select count(*) as n from users;\ncreate unique index counts_n on counts (n);\n";
    const REFRESH: &str = "refresh materialized view counts;\n";

    fn planned(folder: &Path, willing: Willing, locked: &[&str]) -> Fixes {
        let disk = Disk::new(folder);
        let loaded = load(&Request {
            folder: folder.to_path_buf(),
            paths: Vec::new(),
            selection: Selection::All,
            settings: None,
            disk: disk.clone(),
        });
        let fixes = fix(&disk, &loaded.projects[0], willing, &|path| locked.contains(&path));
        write_all(&disk, &fixes.writes).expect("written");
        fixes
    }

    fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("created");
            std::fs::write(path, text).expect("written");
        }
        folder
    }

    fn read(folder: &tempfile::TempDir, name: &str) -> String {
        std::fs::read_to_string(folder.path().join(name)).expect("it is there")
    }

    #[test]
    fn safe_fixes_are_applied_and_others_counted() {
        let second =
            "-- why\r\nrefresh materialized view counts; -- now\r\nalter table users add column n int not null;\r\n";
        let folder = project(&[("migrations/1_a.sql", FIRST), ("migrations/2_b.sql", second)]);
        let fixes = planned(folder.path(), Willing::Safe, &[]);
        assert_eq!(fixes.applied.len(), 1, "{fixes:?}");
        assert!(fixes.unwilling > 0, "{fixes:?}");
        let fixed = second.replace("view counts", "view concurrently counts");
        assert_eq!(read(&folder, "migrations/2_b.sql"), fixed);
        let again = planned(folder.path(), Willing::Safe, &[]);
        assert!(again.writes.is_empty() && again.applied.is_empty(), "{again:?}");
        let review = planned(folder.path(), Willing::Review, &[]);
        assert!(!review.applied.is_empty());
        assert!(!read(&folder, "migrations/2_b.sql").contains("not null;"));
        let done = planned(folder.path(), Willing::Review, &[]);
        assert!(done.writes.is_empty(), "{done:?}");
    }

    #[test]
    fn what_is_locked_or_older_than_since_stays() {
        let files = [
            ("dblsp.toml", "since = \"3\"\n"),
            ("migrations/1_a.sql", FIRST),
            ("migrations/2_b.sql", REFRESH),
            ("migrations/3_c.sql", REFRESH),
            ("migrations/4_d.sql", REFRESH),
        ];
        let folder = project(&files);
        let fixes = planned(folder.path(), Willing::Safe, &["migrations/4_d.sql"]);
        assert_eq!(fixes.writes.len(), 1, "{fixes:?}");
        assert_eq!(fixes.writes[0].path, folder.path().join("migrations/3_c.sql"));
        let locked: Vec<&String> = fixes.locked.keys().collect();
        assert_eq!(locked, ["migrations/2_b.sql", "migrations/4_d.sql"]);
    }

    #[test]
    fn files_that_are_missing_are_created_once() {
        let folder = project(&[
            ("supabase/config.toml", ""),
            ("dblsp.toml", ""),
            (
                "supabase/migrations/20240101000000_v0_1_0_a.sql",
                "create table public.a (id bigint primary key);\nalter table public.a enable row level security;\n",
            ),
        ]);
        let fixes = planned(folder.path(), Willing::Review, &[]);
        assert!(
            read(&folder, "supabase/rollback/20240101000000_rollback.sql").contains("drop table"),
            "{fixes:?}"
        );
        let again = planned(folder.path(), Willing::Review, &[]);
        assert!(again.writes.is_empty(), "{again:?}");
    }
}
