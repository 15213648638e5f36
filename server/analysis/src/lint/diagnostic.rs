//! A finding: what a rule says about a place in a file, and how to mend it.

use std::fmt;

use crate::text::Span;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Style that a reviewer may like to know.
    Hint,
    /// Worth knowing; nothing breaks.
    Info,
    /// Blocks, rewrites, breaks clients, or opens access.
    Warning,
    /// PostgreSQL will refuse it, data is lost without a way back, or the project forbids it.
    Error,
}

impl Level {
    /// All levels, mildest first.
    pub const ALL: [Level; 4] = [Level::Hint, Level::Info, Level::Warning, Level::Error];

    /// The level's name as settings, flags and JSON spell it.
    pub fn name(self) -> &'static str {
        match self {
            Level::Hint => "hint",
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }

    /// The level of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The rule's name.
    pub rule: &'static str,
    /// How bad it is, after settings.
    pub level: Level,
    /// What happens to the user's database: lower case, names in backticks, no full stop.
    pub message: String,
    /// One imperative sentence.
    pub help: Option<String>,
    /// Path of the file, as in the history.
    pub path: String,
    /// Byte range in that file.
    pub span: Span,
    /// Other places that explain it.
    pub related: Vec<Related>,
    /// Ways to mend it, best first.
    pub fixes: Vec<Fix>,
}

/// Another place that explains a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// Path of the file.
    pub path: String,
    /// Byte range in that file.
    pub span: Span,
    /// What is to be seen there.
    pub message: String,
}

/// Whether a fix may be applied without a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FixKind {
    /// The rule has no fix.
    None,
    /// Same meaning, only safer.
    Safe,
    /// Changes what happens; a person must look.
    Review,
}

impl FixKind {
    /// The kind's name in JSON and on rule pages.
    pub fn name(self) -> &'static str {
        match self {
            FixKind::None => "none",
            FixKind::Safe => "safe",
            FixKind::Review => "review",
        }
    }
}

/// A way to mend a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// Imperative, capitalised.
    pub title: String,
    /// Whether it needs a look.
    pub kind: FixKind,
    /// Replacements in the finding's file, in text order, not overlapping.
    pub edits: Vec<Edit>,
    /// Files to create.
    pub creates: Vec<NewFile>,
}

/// Replaces `span` (empty: inserts before it) by `text`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Byte range in the finding's file.
    pub span: Span,
    /// The new text.
    pub text: String,
}

/// A file that a fix creates; never overwrites one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Path, as in the history.
    pub path: String,
    /// Its text; `None` where only its place was asked for.
    pub text: Option<String>,
}

/// Whether the files that fixes create come with their text, which may take longer to write than all findings to find.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewFiles {
    /// Only where they would be.
    #[default]
    Named,
    /// With all that would be in them.
    Written,
}

/// Applies edits to `text`; edits that overlap an earlier one are left out.
pub fn apply_edits(text: &str, edits: &[Edit]) -> String {
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    sorted.sort_by_key(|edit| edit.span);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in sorted {
        if edit.span.start < at {
            continue;
        }
        out.push_str(
            Span {
                start: at,
                end: edit.span.start,
            }
            .slice(text),
        );
        out.push_str(&edit.text);
        at = edit.span.end;
    }
    out.push_str(text.get(at as usize..).unwrap_or_default());
    out
}
