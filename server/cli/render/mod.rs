//! Findings for people and for programs. The only place that knows lines and columns.

pub(crate) mod github;
pub(crate) mod gitlab;
pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod markdown;
pub(crate) mod sarif;
#[cfg(feature = "database")]
pub(crate) mod steps;
pub(crate) mod text;
#[cfg(feature = "database")]
pub(crate) mod trace;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use analysis::history::History;
use analysis::lint::diagnostic::{Diagnostic, Level};
use analysis::lint::fingerprint;
use analysis::text::LineIndex;
use project::files::Disk;

/// Findings of all histories, and the texts that they are about.
pub(crate) struct Results {
    /// History by history, each in the order of `analysis::check`.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Judged migrations.
    pub(crate) migrations: usize,
    /// Judged files beside migrations.
    pub(crate) companions: usize,
    /// Rollbacks of judged migrations that are proven as they are, and those of which something is known.
    pub(crate) proven: (usize, usize),
    /// Findings of the baseline, which are left out.
    pub(crate) known: usize,
    judged: BTreeSet<String>,
    sources: BTreeMap<String, Source>,
    disk: Disk,
}

/// A file's text and where its lines start.
#[derive(Clone)]
pub(crate) struct Source {
    /// The text.
    pub(crate) text: Arc<str>,
    lines: Option<Arc<LineIndex>>,
}

impl Results {
    /// Nothing yet.
    pub(crate) fn new(disk: &Disk) -> Self {
        Self {
            diagnostics: Vec::new(),
            migrations: 0,
            companions: 0,
            proven: (0, 0),
            known: 0,
            judged: BTreeSet::new(),
            sources: BTreeMap::new(),
            disk: disk.clone(),
        }
    }

    /// Adds what was found in a history.
    pub(crate) fn add(&mut self, history: &History, found: Vec<Diagnostic>) {
        let migrations = history
            .migrations
            .iter()
            .map(|file| (&file.path, &file.text, file.judged));
        let companions = history
            .companions
            .iter()
            .map(|file| (&file.path, &file.text, file.judged));
        self.migrations += migrations.clone().filter(|(.., judged)| *judged).count();
        self.companions += companions.clone().filter(|(.., judged)| *judged).count();
        for (path, text, judged) in migrations.chain(companions) {
            if judged {
                self.judged.insert(path.clone());
            }
            let text = Arc::clone(text);
            self.sources.insert(path.clone(), Source { text, lines: None });
        }
        let known = history
            .migrations
            .iter()
            .filter(|file| file.judged && file.has_rollback);
        let known = known.filter_map(|file| history.proofs.get(&file.path));
        for proof in known {
            self.proven.0 += usize::from(proof.is_current && proof.verdict.is_proven());
            self.proven.1 += 1;
        }
        self.diagnostics.extend(found);
    }

    /// The findings, to be shown. None are left.
    pub(crate) fn take(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.diagnostics)
    }

    /// What the findings are recognised by, in their order.
    pub(crate) fn fingerprints(&mut self) -> Vec<String> {
        let diagnostics = std::mem::take(&mut self.diagnostics);
        let found = fingerprint::fingerprints(&diagnostics, |found| {
            let (text, _) = self.source(&found.path);
            fingerprint::words(found, &text).to_owned()
        });
        self.diagnostics = diagnostics;
        found
    }

    /// Paths of the judged files.
    pub(crate) fn judged(&self) -> impl Iterator<Item = &str> {
        self.judged.iter().map(String::as_str)
    }

    /// Judged files.
    pub(crate) fn files(&self) -> usize {
        self.migrations + self.companions
    }

    /// How many findings are of a level.
    pub(crate) fn count(&self, level: Level) -> usize {
        self.diagnostics.iter().filter(|found| found.level == level).count()
    }

    /// The text of a file and its lines; empty where it is neither read nor readable.
    pub(crate) fn source(&mut self, path: &str) -> (Arc<str>, Arc<LineIndex>) {
        let disk = &self.disk;
        let source = self.sources.entry(path.to_owned()).or_insert_with(|| Source {
            text: disk
                .read(&disk.absolute(path))
                .map(|read| read.text)
                .unwrap_or_default(),
            lines: None,
        });
        let text = Arc::clone(&source.text);
        let lines = source.lines.get_or_insert_with(|| Arc::new(LineIndex::new(&text)));
        (text, Arc::clone(lines))
    }
}

/// Rows of words in columns, two spaces apart; the first row is the heading.
#[cfg(feature = "database")]
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width + 2 - cell.chars().count()));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// `1 error`, `2 errors`
pub(crate) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
