//! Statements that a server refused, shown in their files.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use analysis::text::Span;
use tower_lsp::ls_types as proto;

use crate::position::Positions;
use crate::to_proto;

/// What was seen since the server started. Nothing here outlives it.
#[derive(Debug, Default)]
pub(crate) struct Databases {
    /// By file.
    refused: Mutex<BTreeMap<PathBuf, Refused>>,
}

/// A statement that a server refused.
#[derive(Clone, Debug)]
struct Refused {
    /// Stands for the text that it is in: an edit makes it void.
    text: u64,
    span: Span,
    code: String,
    message: String,
}

impl Databases {
    /// Notes that a server refused a statement of a file.
    pub(crate) fn refused(&self, path: &Path, text: &str, span: Span, code: String, message: String) {
        let refused = Refused {
            text: hash(text),
            span,
            code,
            message,
        };
        locked(&self.refused).insert(path.to_path_buf(), refused);
    }

    /// Forgets what a server said of a file.
    pub(crate) fn accepted(&self, path: &Path) {
        locked(&self.refused).remove(path);
    }

    /// What a server said of this very text.
    pub(crate) fn diagnostic(&self, path: &Path, text: &str, positions: &Positions<'_>) -> Option<proto::Diagnostic> {
        let refused = locked(&self.refused).get(path)?.clone();
        (refused.text == hash(text)).then(|| proto::Diagnostic {
            range: to_proto::range(positions, refused.span),
            severity: Some(proto::DiagnosticSeverity::ERROR),
            code: Some(proto::NumberOrString::String(refused.code)),
            source: Some("PostgreSQL".to_owned()),
            message: refused.message,
            ..proto::Diagnostic::default()
        })
    }

    /// The files that a server said something of.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        locked(&self.refused).keys().cloned().collect()
    }

    /// Whether a server said something of a file.
    pub(crate) fn has_refused(&self, path: &Path) -> bool {
        locked(&self.refused).contains_key(path)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Encoding;

    #[test]
    fn an_edit_voids_what_a_server_said() {
        let databases = Databases::default();
        let (path, text) = (Path::new("/1_a.sql"), "select 1;\nselect x;");
        databases.refused(
            path,
            text,
            Span::new(17, 18),
            "42703".into(),
            "column \"x\" does not exist".into(),
        );
        let told = |text: &str| databases.diagnostic(path, text, &Positions::new(text, Encoding::default()));
        let found = told(text).expect("it stands");
        assert_eq!((found.range.start.line, found.range.start.character), (1, 7));
        assert!(told("select 1;\nselect y;").is_none());
        databases.accepted(path);
        assert!(told(text).is_none());
    }
}
