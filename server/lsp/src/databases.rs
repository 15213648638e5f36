//! What the editor knows of databases: what is applied where, as last seen, and statements that a server refused.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use analysis::text::Span;
use tower_lsp::ls_types as proto;

use crate::position::Positions;
use crate::to_proto;

/// By environment, the versions that it has.
type Applied = BTreeMap<String, BTreeSet<String>>;

/// What was seen since the server started. Nothing here outlives it.
#[derive(Debug, Default)]
pub(crate) struct Databases {
    /// By the folder of the migrations' project.
    applied: Mutex<BTreeMap<PathBuf, Applied>>,
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
    /// Notes which versions an environment has.
    pub(crate) fn saw(&self, root: &Path, environment: &str, versions: impl IntoIterator<Item = String>) {
        let mut applied = locked(&self.applied);
        let known = applied.entry(root.to_path_buf()).or_default();
        known.insert(environment.to_owned(), versions.into_iter().collect());
    }

    /// The environments that have a version, as far as anybody has looked.
    pub(crate) fn applied(&self, root: &Path, version: &str) -> Vec<String> {
        let applied = locked(&self.applied);
        let known = applied.get(root).into_iter().flatten();
        let have = known.filter(|(_, versions)| versions.contains(version));
        have.map(|(environment, _)| environment.clone()).collect()
    }

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
    fn what_was_seen_is_known_by_project_and_environment() {
        let databases = Databases::default();
        let (one, other) = (Path::new("/one"), Path::new("/other"));
        databases.saw(one, "staging", ["1".to_owned(), "2".to_owned()]);
        databases.saw(one, "local", ["1".to_owned()]);
        databases.saw(other, "staging", ["3".to_owned()]);
        assert_eq!(databases.applied(one, "1"), ["local", "staging"]);
        assert_eq!(databases.applied(one, "2"), ["staging"]);
        databases.saw(one, "staging", []);
        assert_eq!(databases.applied(one, "1"), ["local"]);
        assert_eq!(databases.applied(other, "3"), ["staging"]);
    }

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
