//! What a migration history does, computed from text alone.
//!
//! Pure: no I/O, no async, no clock, no environment, and no failure. Odd SQL is a value.
//! Inside, a module imports only from its left: `text ← sql ← schema ← lint`, and `schema ← ide`, `schema ← diagram`.
#![cfg_attr(
    not(feature = "ide"),
    allow(dead_code, reason = "some of what the schema can tell only editors ask for")
)]

pub mod databases;
pub mod diagram;
pub mod history;
#[cfg(any(feature = "ide", test))]
pub mod ide;
pub mod lint;
pub mod proof;
pub mod schema;
pub mod settings;
pub mod sql;
pub mod text;

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use history::{History, Migration};
use lint::Linter;
use lint::diagnostic::{Diagnostic, NewFiles};
use settings::Settings;
use sql::verdict::SyntaxError;
use text::Span;

/// One migration, read. Shared: a clone costs nothing.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// The forward part's statements, with spans in the whole file.
    pub file: Arc<sql::File>,
    syntax_errors: Arc<OnceLock<Box<[SyntaxError]>>>,
    lock_timeout: LockTimeout,
}

/// Whether a migration has to do with `lock_timeout`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LockTimeout {
    /// It does not name it.
    #[default]
    Unnamed,
    /// It names it.
    Named,
    /// It sets it for a role or a database.
    Standing,
}

impl LockTimeout {
    fn of(migration: &Migration, file: &sql::File) -> Self {
        let text = &*migration.text;
        let mut statements = file.statements.iter();
        if !text.contains("lock_timeout") && !text.contains("LOCK_TIMEOUT") {
            Self::Unnamed
        } else if statements.any(|one| is_standing(one.span.slice(text))) {
            Self::Standing
        } else {
            Self::Named
        }
    }
}

/// `ALTER ROLE … SET lock_timeout = …`, and the same for a database.
fn is_standing(statement: &str) -> bool {
    let words = statement.to_ascii_lowercase();
    let mut first = words.split_whitespace();
    first.next() == Some("alter")
        && matches!(first.next(), Some("role" | "user" | "database"))
        && words.contains("lock_timeout")
}

impl Document {
    /// Whether the migration has to do with `lock_timeout`.
    pub(crate) fn lock_timeout(&self) -> LockTimeout {
        self.lock_timeout
    }

    /// What PostgreSQL would not read, with spans in the whole file. Looked for when somebody asks, unless reading did.
    /// `migration`: what this was read from.
    pub fn syntax_errors(&self, migration: &Migration) -> &[SyntaxError] {
        self.syntax_errors
            .get_or_init(|| sql::syntax_errors(&forward(migration)).into())
    }

    /// Whether this is the very same reading, and not only of the same text.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.file, &other.file) && Arc::ptr_eq(&self.syntax_errors, &other.syntax_errors)
    }
}

/// Reads one migration, and looks for syntax errors where it is judged. Independent of every other file, so callers may
/// read files in parallel; they should do so on threads with a large stack (64 MiB).
pub fn read(migration: &Migration) -> Document {
    if !migration.judged {
        return parse(migration);
    }
    let (file, errors) = sql::parse_and_judge(&forward(migration));
    Document {
        lock_timeout: LockTimeout::of(migration, &file),
        file: Arc::new(file),
        syntax_errors: Arc::new(OnceLock::from(errors.into_boxed_slice())),
    }
}

/// Reads one migration like [`read`], and leaves syntax errors for later: looking for them takes most of the time.
pub fn parse(migration: &Migration) -> Document {
    let file = sql::parse(&forward(migration));
    Document {
        lock_timeout: LockTimeout::of(migration, &file),
        file: Arc::new(file),
        syntax_errors: Arc::default(),
    }
}

/// The text of the forward part, where it stands in the file.
fn forward(migration: &Migration) -> Cow<'_, str> {
    let text = &*migration.text;
    let whole = migration.forward.start == 0 && migration.forward.len() >= text.len();
    if whole {
        text.into()
    } else {
        blank_outside(text, migration.forward).into()
    }
}

/// Judges a history: replays `documents` (one per migration, in the same order) and runs every rule that the settings
/// leave on. Sorted by file (in order of application), position and rule. Files that fixes create come with their text.
pub fn check(history: &History, documents: &[Document], settings: &Settings) -> Vec<Diagnostic> {
    let linter = Linter::new(history, documents, settings).with_files(NewFiles::Written);
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
