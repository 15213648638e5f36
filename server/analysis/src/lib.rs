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
use sql::verdict::{Grammar, SyntaxError, Verdict};
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
    let file = if whole {
        sql::parse(text)
    } else {
        sql::parse(&blank_outside(text, migration.forward))
    };
    let syntax_errors = if migration.judged {
        syntax_errors(text, &file)
    } else {
        Vec::new()
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

fn syntax_errors(text: &str, file: &sql::File) -> Vec<SyntaxError> {
    let mut errors = Vec::new();
    for statement in &file.statements {
        if matches!(
            statement.node,
            sql::statement::Node::Meta { .. } | sql::statement::Node::Templated { .. }
        ) {
            continue;
        }
        if let Some(error) = Grammar.syntax_error(statement.span.slice(text)) {
            errors.push(SyntaxError {
                span: error.span.shift(statement.span.start),
                ..error
            });
        }
    }
    let unread = file.errors.iter().filter(|lexical| {
        !errors
            .iter()
            .any(|known| known.span.end >= lexical.span.start && known.span.start <= lexical.span.start)
    });
    let unread: Vec<SyntaxError> = unread
        .filter_map(|lexical| sql::verdict::unreadable(text, lexical.span))
        .collect();
    errors.extend(unread);
    errors.sort_by_key(|error| error.span);
    errors
}
