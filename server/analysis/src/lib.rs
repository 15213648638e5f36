//! What a migration history does, computed from text alone.
//!
//! Pure: no I/O, no async, no clock, no environment, and no failure. Odd SQL is a value.
//! Inside, a module imports only from its left: `text ← sql ← schema ← lint`, and `schema ← ide`.

pub mod history;
pub mod ide;
pub mod lint;
pub mod schema;
pub mod settings;
pub mod sql;
pub mod text;

use std::sync::Arc;

use history::{History, Migration};
use lint::Linter;
use lint::diagnostic::Diagnostic;
use settings::Settings;
use sql::verdict::SyntaxError;
use text::Span;

/// One migration, read. Shared: a clone costs nothing.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// The forward part's statements, with spans in the whole file.
    pub file: Arc<sql::File>,
    /// What PostgreSQL would not read, with spans in the whole file; only looked for in judged files.
    pub syntax_errors: Arc<[SyntaxError]>,
}

/// Reads one migration. Independent of every other file, so callers may read files in parallel; they should do so on
/// threads with a large stack (64 MiB).
pub fn read(migration: &Migration) -> Document {
    let text = &*migration.text;
    let whole = migration.forward.start == 0 && migration.forward.len() >= text.len();
    let blanked;
    let forward = if whole {
        text
    } else {
        blanked = blank_outside(text, migration.forward);
        &blanked
    };
    let (file, syntax_errors) = if migration.judged {
        sql::parse_and_judge(forward)
    } else {
        (sql::parse(forward), Vec::new())
    };
    Document {
        file: Arc::new(file),
        syntax_errors: syntax_errors.into(),
    }
}

/// Judges a history: replays `documents` (one per migration, in the same order) and runs every rule that the settings
/// leave on. Sorted by file (in order of application), position and rule.
pub fn check(history: &History, documents: &[Document], settings: &Settings) -> Vec<Diagnostic> {
    let linter = Linter::new(history, documents, settings);
    let mut findings: Vec<Diagnostic> = (0..documents.len()).flat_map(|number| linter.file(number)).collect();
    findings.extend(linter.project());
    linter.finish(findings)
}

/// The text with everything outside `keep` turned into blanks; offsets and line ends stay.
fn blank_outside(text: &str, keep: Span) -> String {
    let blank = |part: &str| {
        part.bytes()
            .map(|b| if b == b'\n' || b == b'\r' { b as char } else { ' ' })
            .collect::<String>()
    };
    let before = Span {
        start: 0,
        end: keep.start,
    }
    .slice(text);
    let after = Span::new(keep.end as usize, text.len()).slice(text);
    blank(before) + keep.slice(text) + &blank(after)
}
