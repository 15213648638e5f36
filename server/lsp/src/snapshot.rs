//! What is known at one moment: texts, catalogs and settings that belong together. Never changes once it is made.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use analysis::Document;
use analysis::history::History;
use analysis::schema::timeline::Timeline;
use analysis::settings::Settings;
use project::ProjectError;
use project::files::Disk;
use tower_lsp::ls_types::Uri;

use crate::judge::{Alone, Judged, Kept};
use crate::members::{Member, Members};
use crate::panics::Guard;
use crate::recompute::{Known, Replay};

/// One history, read and replayed.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// The folder of its project.
    pub(crate) root: PathBuf,
    /// Its files.
    pub(crate) history: Arc<History>,
    /// One per migration.
    pub(crate) documents: Arc<Vec<Document>>,
    /// Of its project.
    pub(crate) settings: Arc<Settings>,
    replay: Arc<Replay>,
}

impl View {
    /// A history that is to be replayed.
    pub(crate) fn new(
        root: PathBuf,
        history: Arc<History>,
        documents: Arc<Vec<Document>>,
        settings: Arc<Settings>,
    ) -> Self {
        Self {
            root,
            history,
            documents,
            settings,
            replay: Arc::default(),
        }
    }

    /// The same, replayed already.
    pub(crate) fn replayed(self, timeline: Timeline) -> Self {
        Self {
            replay: Arc::new(Replay::done(timeline)),
            ..self
        }
    }

    /// The same, to be replayed anew: as far as it is like `before`, that is kept.
    pub(crate) fn after(self, before: &Self) -> Self {
        Self {
            replay: Arc::new(Replay::after(before.known_or_replayed())),
            ..self
        }
    }

    /// Replays it, unless somebody has. Not to be called on a thread of the pool of [`project::on_deep_stacks`] before
    /// that: others wait while that pool works.
    pub(crate) fn replay(&self, guard: &Guard) {
        self.replay.run(self, guard);
    }

    /// Its catalogs; `None` before they are replayed, and after a panic.
    pub(crate) fn timeline(&self) -> Option<&Arc<Timeline>> {
        self.replay.timeline()
    }

    /// What is known from before an edit; `None` once this history itself is replayed.
    pub(crate) fn known(&self) -> Option<Known> {
        self.replay.known()
    }

    fn known_or_replayed(&self) -> Option<Known> {
        let Some(timeline) = self.timeline() else {
            return self.known();
        };
        Some(Known {
            history: Arc::clone(&self.history),
            settings: Arc::clone(&self.settings),
            timeline: Arc::clone(timeline),
        })
    }
}

/// All histories of an area at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// Makes paths absolute that histories show; reads nothing that is open.
    pub(crate) disk: Disk,
    /// In the order in which `dblsp check` judges them.
    pub(crate) views: Vec<View>,
    /// Which file is in which.
    pub(crate) members: Arc<Members>,
    /// What is wrong with the projects themselves.
    pub(crate) problems: Arc<Vec<ProjectError>>,
    /// Files that the editor holds: how it writes their address, and the version of their text.
    pub(crate) open: Arc<BTreeMap<PathBuf, (Uri, i32)>>,
    /// The findings, once somebody has looked for them; locked for a moment only.
    pub(crate) judged: Mutex<Option<Arc<Judged>>>,
    /// Findings of single files, for who cannot wait for all.
    pub(crate) alone: Mutex<BTreeMap<PathBuf, Alone>>,
    /// Locked by whoever looks for them.
    pub(crate) judging: Mutex<()>,
    /// What was last judged in the area; shared by all its snapshots.
    pub(crate) kept: Arc<Kept>,
}

impl Snapshot {
    /// The view that a file belongs to, and its place there.
    pub(crate) fn find(&self, path: &Path) -> Option<(&View, &Member)> {
        let member = self.members.get(path)?;
        Some((self.views.get(member.history)?, member))
    }

    /// The file that a history shows as `shown`.
    pub(crate) fn path(&self, shown: &str) -> PathBuf {
        self.disk.absolute(shown)
    }

    /// A file's text: the history's, or for other files (`supabase/config.toml`) the disk's.
    pub(crate) fn text(&self, path: &Path) -> Option<Arc<str>> {
        let Some((view, member)) = self.find(path) else {
            return Some(self.disk.read(path).ok()?.text);
        };
        let text = match member.migration {
            Some(number) => &view.history.migrations[number].text,
            None => &view.history.companions.iter().find(|it| it.path == member.path)?.text,
        };
        Some(Arc::clone(text))
    }

    /// A file's address, as the editor writes it where it holds the file.
    pub(crate) fn uri(&self, path: &Path) -> Option<Uri> {
        match self.open.get(path) {
            Some((uri, _)) => Some(uri.clone()),
            None => Uri::from_file_path(path),
        }
    }

    /// The editor's version of a file's text, where it holds the file.
    pub(crate) fn version(&self, path: &Path) -> Option<i32> {
        self.open.get(path).map(|(_, version)| *version)
    }

    /// The file and its version, for logs.
    pub(crate) fn describe(&self, shown: &str) -> String {
        match self.version(&self.path(shown)) {
            Some(version) => format!("{shown} (version {version})"),
            None => format!("{shown} (as on disk)"),
        }
    }

    /// The findings, if somebody has looked for them.
    pub(crate) fn known_findings(&self) -> Option<Arc<Judged>> {
        self.judged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes the findings.
    pub(crate) fn settle(&self, judged: &Arc<Judged>) {
        *self.judged.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(judged));
        self.kept.settle(&self.views, judged);
    }
}
