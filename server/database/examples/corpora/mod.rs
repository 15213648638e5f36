//! Public histories to measure on, and the page that the figures go to: what the measures share.
#![allow(dead_code, reason = "each measure uses its own part of this module")]

use std::path::{Path, PathBuf};

use analysis::history::{History, Migration};
use project::files::Disk;
use project::{Request, Selection, load};

/// A history to measure.
pub(crate) struct Corpus {
    pub(crate) name: String,
    pub(crate) commit: String,
    /// What the manifest says of it: `pairs` has rollbacks written by hand, `regress` are PostgreSQL's own test files.
    pub(crate) class: String,
    pub(crate) folder: PathBuf,
}

/// Extensions that the project's documentation says to create before the first migration.
const REQUIRED: &[(&str, &str)] = &[
    ("chirpstack/chirpstack", "CREATE EXTENSION pg_trgm;"),
    (
        "brocaar/chirpstack-application-server",
        "CREATE EXTENSION pg_trgm; CREATE EXTENSION hstore;",
    ),
];

/// The parts of `docs/accuracy.md` that other programs write than the one that measures replay.
const SECTIONS: &[&str] = &[
    "Findings",
    "Adoption",
    "Traces",
    "Speed",
    "Rollbacks",
    "Rollbacks of random migrations",
];

impl Corpus {
    /// `NAME=COMMIT=FOLDER`
    pub(crate) fn written(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.splitn(3, '=').collect();
        let [name, commit, folder] = parts[..] else {
            return Err(format!("{text}: expected NAME=COMMIT=FOLDER"));
        };
        Ok(Self {
            name: name.into(),
            commit: commit.into(),
            class: String::new(),
            folder: folder.into(),
        })
    }

    /// Statements to parse, no history.
    pub(crate) fn is_regress(&self) -> bool {
        self.class == "regress"
    }

    /// The first digits of its commit.
    pub(crate) fn short_commit(&self) -> String {
        self.commit.chars().take(12).collect()
    }

    /// The longest history in its folder, with what its manual asks for in front.
    pub(crate) fn history(&self) -> Option<History> {
        let folder = std::fs::canonicalize(&self.folder).ok()?;
        let request = Request {
            disk: Disk::new(&folder),
            paths: vec![folder.clone()],
            folder,
            selection: Selection::All,
            settings: None,
        };
        let found = load(&request);
        let histories = found.projects.into_iter().flat_map(|project| project.histories);
        let mut history = histories.max_by_key(|history| history.migrations.len())?;
        if let Some((_, sql)) = REQUIRED.iter().find(|(name, _)| *name == self.name) {
            history.migrations.insert(0, Migration::new("extensions.sql", sql));
        }
        Some(history)
    }
}

/// Lines of project, commit, class and folder, with tabs between them, under a heading.
pub(crate) fn manifest(path: &Path) -> Result<Vec<Corpus>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let lines = text.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    let corpora = lines.filter_map(|fields| match fields[..] {
        [name, commit, class, folder] => Some(Corpus {
            name: name.into(),
            commit: commit.into(),
            class: class.into(),
            folder: folder.into(),
        }),
        _ => None,
    });
    Ok(corpora.collect())
}

/// How many of a hundred.
#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(crate) fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        return 100.0;
    }
    part as f64 * 100.0 / whole as f64
}

/// A part of the page with its heading; empty where there is none.
pub(crate) fn section<'p>(page: &'p str, title: &str) -> &'p str {
    let Some(start) = page.find(&format!("\n## {title}\n")) else {
        return "";
    };
    let length = page[start + 1..]
        .find("\n## ")
        .map_or(page.len() - start, |next| next + 1);
    &page[start..start + length]
}

/// The parts of the page that others wrote.
pub(crate) fn kept_sections(page: &str) -> String {
    SECTIONS.iter().map(|title| section(page, title)).collect()
}

/// The page with one part written anew; a new one goes before what is wrong with replay.
pub(crate) fn with_section(page: &str, title: &str, text: &str) -> String {
    let text = format!("\n## {title}\n\n{}\n", text.trim());
    let old = section(page, title);
    if !old.is_empty() {
        return page.replacen(old, &text, 1);
    }
    match page.find("\n## Wrong\n") {
        Some(at) => format!("{}{text}{}", &page[..at], &page[at..]),
        None => format!("{page}{text}"),
    }
}
