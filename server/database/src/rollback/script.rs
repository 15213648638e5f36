//! The script that undoes a migration.

use analysis::history::{Companion, CompanionKind, History, Migration};
use analysis::schema::timeline::Timeline;
use analysis::settings::Settings;
use analysis::text::Span;
use project::layout::sections;

use super::error::RollbackError;
use crate::archive::{self, Losses};
use crate::plan::File;

/// The script that undoes a migration: a file of its own, or a part of the migration's.
#[derive(Debug, Clone, Copy)]
pub struct Script<'h> {
    /// Path of the file as people shall see it.
    pub path: &'h str,
    /// The whole file.
    pub text: &'h str,
    /// The part of it that undoes the migration.
    pub part: Span,
}

/// A migration's rollback script, if it has one. A file of its own counts before a section.
pub fn script_of<'h>(history: &'h History, migration: &'h Migration) -> Option<Script<'h>> {
    let is_own = |companion: &&Companion| {
        companion.kind == CompanionKind::Rollback && Some(&companion.path) == migration.rollback_path.as_ref()
    };
    if let Some(file) = history.companions.iter().find(is_own) {
        return Some(Script {
            path: &file.path,
            text: &file.text,
            part: Span::new(0, file.text.len()),
        });
    }
    Some(Script {
        path: &migration.path,
        text: &migration.text,
        part: sections(&migration.text).down?,
    })
}

impl Script<'_> {
    /// As a file that is applied.
    pub(crate) fn as_migration(&self) -> Migration {
        Migration {
            forward: self.part,
            ..Migration::new(self.path, self.text)
        }
    }
}

/// A migration and what undoes it, as it is written and as it is run.
pub(super) struct Found<'h> {
    pub(super) migration: &'h Migration,
    pub(super) script: Script<'h>,
    pub(super) file: File,
}

impl<'h> Found<'h> {
    pub(super) fn new(history: &'h History, version: &str) -> Result<Self, RollbackError> {
        let mut migrations = history.migrations.iter();
        let migration = migrations
            .find(|migration| migration.version == version)
            .ok_or_else(|| RollbackError::Unknown(version.to_owned()))?;
        let script = script_of(history, migration).ok_or_else(|| RollbackError::NoScript {
            file: migration.file_name().to_owned(),
            path: migration.rollback_path.clone(),
        })?;
        let file = File::of_script(&script, version);
        if !file.refusals.is_empty() {
            return Err(RollbackError::Refused {
                script: file.path,
                refusals: file.refusals,
            });
        }
        Ok(Self {
            migration,
            script,
            file,
        })
    }
}

/// What the script destroys, seen from what the history leaves up to its migration.
pub(super) fn losses(history: &History, settings: &Settings, migration: &Migration, script: &Script<'_>) -> Losses {
    let last = history
        .migrations
        .iter()
        .position(|other| other.version == migration.version);
    let mut played = History {
        migrations: history.migrations[..=last.unwrap_or_default()].to_vec(),
        companions: Vec::new(),
        ..history.clone()
    };
    played.migrations.push(script.as_migration());
    project::on_deep_stacks(|| {
        let documents: Vec<_> = played.migrations.iter().map(analysis::read).collect();
        let timeline = Timeline::replay(&played, &documents, settings);
        archive::losses(&timeline, documents.len() - 1, &played, &documents, settings)
    })
}
