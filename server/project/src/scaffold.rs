//! `dblsp scaffold`: the files that go with a migration, written from what it does. Plans only; see [`crate::write`].

use std::path::PathBuf;
use std::sync::Arc;

use analysis::Document;
use analysis::history::{History, Release};
use analysis::lint::diagnostic::NewFiles;
use analysis::lint::{Linter, RULES, rule_named};
use analysis::schema::inverse::inverse;
use analysis::schema::timeline::Timeline;
use analysis::settings::{Known, Settings};

use crate::files::Disk;
use crate::write::{Write, WriteKind};
use crate::{Project, ProjectError};

/// A file as it would be written now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scaffold {
    /// Absolute.
    pub path: PathBuf,
    /// All of it.
    pub text: String,
    /// What is there.
    pub existing: Option<String>,
}

impl Scaffold {
    /// Whether what is there differs from what would be written.
    pub fn differs(&self) -> bool {
        self.existing.as_ref().is_some_and(|existing| *existing != self.text)
    }

    /// How many things are left to a person.
    pub fn todos(&self) -> usize {
        let lines = self.text.lines();
        lines.filter(|line| line.trim_start().starts_with("-- TODO")).count()
    }

    /// The write; over what is there, if there is something.
    pub fn write(&self) -> Write {
        let kind = match &self.existing {
            None => WriteKind::Create,
            Some(existing) => WriteKind::Change {
                from: existing.clone(),
                what: "written anew from the migrations".into(),
            },
        };
        Write {
            path: self.path.clone(),
            text: self.text.clone(),
            kind,
        }
    }
}

/// The file that undoes a migration, which is named as people see it.
pub fn rollback(disk: &Disk, projects: &[Project], path: &str) -> Result<Scaffold, ProjectError> {
    let found = projects.iter().find_map(|project| {
        project.histories.iter().find_map(|history| {
            let number = history.migrations.iter().position(|migration| migration.path == path)?;
            Some((project, history, number))
        })
    });
    let Some((project, history, number)) = found else {
        return Err(ProjectError::NothingToScaffold {
            message: format!("`{path}` is no migration of a project"),
            hint: "name a file in a migration folder".into(),
        });
    };
    let migration = &history.migrations[number];
    let Some(shown) = &migration.rollback_path else {
        return Err(ProjectError::NothingToScaffold {
            message: format!("this layout has no place for a rollback of `{path}`"),
            hint: "run `dblsp init`, or write it where your migration tool looks for it".into(),
        });
    };
    if migration.undoes_itself() {
        return Err(ProjectError::NothingToScaffold {
            message: format!("`{path}` undoes itself"),
            hint: "edit the section of the file that does".into(),
        });
    }
    let (documents, timeline) = crate::replay(history, &project.settings);
    let rollback = crate::on_deep_stacks(|| inverse(&timeline, number, history, &documents, &project.settings));
    let text = rollback.to_sql(migration.file_name(), &migration.text);
    beside(disk, shown, text)
}

/// The smoke test of a release.
pub fn smoke_test(disk: &Disk, projects: &[Project], release: Release) -> Result<Scaffold, ProjectError> {
    let found = projects.iter().find_map(|project| {
        project.histories.iter().find_map(|history| {
            let mut migrations = history.migrations.iter();
            let number = migrations.position(|migration| migration.release() == Some(release))?;
            Some((project, history, number))
        })
    });
    let Some((project, history, number)) = found else {
        return Err(ProjectError::NothingToScaffold {
            message: format!("no migration belongs to version {release}"),
            hint: "name a version that a file is named after, like `v0.7.0` of `…_v0_7_0_users.sql`".into(),
        });
    };
    let path = history.migrations[number].smoke_test_path.clone();
    let (documents, timeline) = crate::replay(history, &project.settings);
    let timeline = Arc::new(timeline);
    let file = path.as_deref().and_then(|path| {
        let rule = "smoke-test-missing";
        let asked = (number, rule, path);
        let text = crate::on_deep_stacks(|| companion(history, &documents, &project.settings, &timeline, asked));
        Some((path, text?))
    });
    let Some((path, text)) = file else {
        return Err(ProjectError::NothingToScaffold {
            message: format!("this project has no place for the smoke test of version {release}"),
            hint: "run `dblsp init`".into(),
        });
    };
    beside(disk, path, text)
}

fn beside(disk: &Disk, shown: &str, text: String) -> Result<Scaffold, ProjectError> {
    let path = disk.absolute(shown);
    let existing = if disk.is_file(&path) {
        Some(disk.read(&path)?.text.to_string())
    } else {
        None
    };
    Ok(Scaffold { path, text, existing })
}

/// The text that the fix of a rule would write at a path for a migration, whether or not the settings leave the rule on and the
/// file is there already.
pub fn companion(
    history: &History,
    documents: &[Document],
    settings: &Settings,
    timeline: &Arc<Timeline>,
    (number, rule, path): (usize, &str, &str),
) -> Option<String> {
    let rule = rule_named(rule)?;
    let mut settings = settings.clone();
    settings.levels = RULES
        .iter()
        .map(|other| (other.name.to_owned(), (other.name == rule.name).then_some(rule.level)))
        .collect();
    settings.levels_in.clear();
    settings.known = Known::default();
    let mut history = history.clone();
    for migration in &mut history.migrations {
        migration.convention = true;
        migration.judged = true;
        migration.has_rollback &= migration.rollback_path.as_deref() != Some(path);
        migration.has_smoke_test &= migration.smoke_test_path.as_deref() != Some(path);
    }
    let linter = Linter::replayed(&history, documents, &settings, Arc::clone(timeline)).with_files(NewFiles::Written);
    // The smoke test of a release is asked for in the release's last migration.
    let numbers = std::iter::once(number).chain(number + 1..history.migrations.len());
    let fixes = numbers
        .flat_map(|number| linter.file(number))
        .flat_map(|found| found.fixes);
    let mut files = fixes.flat_map(|fix| fix.creates);
    files.find(|file| file.path == path)?.text
}
