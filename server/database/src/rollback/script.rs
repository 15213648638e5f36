//! The script that undoes a migration.

use analysis::history::{CompanionKind, History, Migration};
use analysis::schema::timeline::Timeline;
use analysis::settings::Settings;

use crate::archive::{self, Losses};
use crate::plan::File;

/// The text of a migration's rollback script, if it has one.
pub fn script_of<'h>(history: &'h History, migration: &Migration) -> Option<&'h str> {
    let path = migration.rollback_path.as_deref()?;
    let script = history
        .companions
        .iter()
        .find(|companion| companion.kind == CompanionKind::Rollback && companion.path == path)?;
    Some(&script.text)
}

/// What the script destroys, seen from what the history leaves up to its migration.
pub(super) fn losses(history: &History, settings: &Settings, migration: &Migration, script: &File) -> Losses {
    let last = history
        .migrations
        .iter()
        .position(|other| other.version == migration.version);
    let mut played = History {
        migrations: history.migrations[..=last.unwrap_or_default()].to_vec(),
        companions: Vec::new(),
        ..history.clone()
    };
    played.migrations.push(Migration::new(&script.path, &script.text));
    project::on_deep_stacks(|| {
        let documents: Vec<_> = played.migrations.iter().map(analysis::read).collect();
        let timeline = Timeline::replay(&played, &documents, settings);
        archive::losses(&timeline, documents.len() - 1, &played, &documents, settings)
    })
}
