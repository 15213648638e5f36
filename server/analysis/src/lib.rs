//! What a migration history does, computed from text alone.
//!
//! Pure: no I/O, no async, no clock, no environment, and no failure. Odd SQL is a value.
//! Inside, a module imports only from its left: `text ← sql ← schema ← lint`.

pub mod history;
pub mod lint;
pub mod schema;
pub mod settings;
pub mod sql;
pub mod text;

use history::{History, Migration};
use lint::diagnostic::Diagnostic;
use settings::Settings;

/// One migration, read.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// The forward part's statements, with spans in the whole file.
    pub file: sql::File,
}

/// Reads one migration. Independent of every other file, so callers may read files in parallel.
pub fn read(migration: &Migration) -> Document {
    Document {
        file: sql::parse(&migration.text),
    }
}

/// Judges a history: replays `documents` (one per migration, in the same order) and runs every rule that the settings
/// leave on. Sorted by file (in order of application), position and rule.
pub fn check(_history: &History, _documents: &[Document], _settings: &Settings) -> Vec<Diagnostic> {
    Vec::new()
}
