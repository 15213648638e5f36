//! `MIGRATIONS.md`, kept up by every verb that changes what is applied.

use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use analysis::history::Migration;
use project::page::{self, Entry, Event};

use crate::history;
use crate::snapshot::write_whole;

/// What is known of any migration: its name, where something happened to it, and when.
pub(crate) fn entry(migration: &Migration, environment: &str, event: Event, now: SystemTime) -> Entry {
    let file = migration.file_name();
    let description = history::name_of(file, &migration.version);
    // `v0_7_0_baseline` without its version.
    let words = match migration.release() {
        Some(_) => description.splitn(4, '_').nth(3).unwrap_or(description),
        None => description,
    };
    let mut title = words.replace('_', " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let stamp = project::name::timestamp(since.as_secs());
    let part = |from: usize, to: usize| stamp.get(from..to).unwrap_or_default();
    Entry {
        file: file.to_owned(),
        release: migration.release().map(|release| release.to_string()),
        title,
        environment: environment.to_owned(),
        event,
        date: format!(
            "{}-{}-{} {}:{}:{}",
            part(0, 4),
            part(4, 6),
            part(6, 8),
            part(8, 10),
            part(10, 12),
            part(12, 14)
        ),
        ..Entry::default()
    }
}

/// Writes the page with the entry, whole or not at all.
pub(crate) fn write(path: &Path, entry: &Entry) -> io::Result<()> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => page::EMPTY.to_owned(),
        Err(error) => return Err(error),
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    write_whole(path, page::update(&text, entry).as_bytes())
}
