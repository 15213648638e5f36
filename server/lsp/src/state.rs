//! What all handlers share: the open documents and the areas, under one plain mutex, so that one look at them is
//! consistent. No lock here is held across an `.await`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use analysis::Document;
use analysis::history::Migration;
use dashmap::DashMap;
use project::files::Disk;
use ropey::Rope;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tower_lsp::Client;
use tower_lsp::ls_types::{MessageType, Uri};

use crate::capabilities::Session;
use crate::databases::Databases;
use crate::document::Buffer;
use crate::from_proto;
use crate::jobs::Jobs;
use crate::panics::{Guard, Panic};
use crate::proofs::Proofs;
use crate::snapshot::Snapshot;
use crate::workspace::Area;

/// Reads one migration; [`analysis::parse`], or what a test wants read instead.
pub(crate) type Reader = fn(&Migration) -> Document;

/// What was last published about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    /// Folder of the area that it belongs to.
    pub(crate) area: PathBuf,
    /// Address that it was published under.
    pub(crate) uri: Uri,
    /// Version of the text, where the editor held it.
    pub(crate) version: Option<i32>,
    /// Stands for the diagnostics.
    pub(crate) id: u64,
}

/// Everything that lives as long as the server.
pub(crate) struct Shared {
    /// The editor.
    pub(crate) client: Client,
    /// Reads migrations.
    pub(crate) read: Reader,
    /// Catches panics of analysis.
    pub(crate) guard: Guard,
    /// What was caught, until somebody tells it.
    pub(crate) panics: Mutex<Option<UnboundedReceiver<Panic>>>,
    /// Wakes the checker.
    pub(crate) wake: Notify,
    /// What the editor shows now, by path.
    pub(crate) published: DashMap<PathBuf, Published>,
    /// What takes long.
    pub(crate) jobs: Jobs,
    /// What was seen of databases.
    pub(crate) databases: Databases,
    /// What is known of rollbacks.
    pub(crate) proofs: Proofs,
    /// Whether `shutdown` was asked for.
    pub(crate) is_shut_down: AtomicBool,
    session: OnceLock<Session>,
    state: Mutex<State>,
}

/// What changes with every message.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Goes up with every change.
    pub(crate) revision: u64,
    /// Open files.
    pub(crate) buffers: BTreeMap<PathBuf, Buffer>,
    /// Files that were closed, with the revision.
    pub(crate) closed: BTreeMap<PathBuf, u64>,
    /// Open files of which nobody has asked yet which project they belong to.
    pub(crate) unplaced: BTreeSet<PathBuf>,
    /// Folders whose projects are kept in memory.
    pub(crate) areas: BTreeMap<PathBuf, Arc<Area>>,
    /// Which area a project belongs to; one project is judged once.
    pub(crate) owners: BTreeMap<PathBuf, PathBuf>,
}

impl Shared {
    /// Before `initialize`.
    pub(crate) fn new(client: Client, read: Reader) -> Self {
        let (sender, panics) = unbounded_channel();
        Self {
            client,
            read,
            guard: Guard::new(sender),
            panics: Mutex::new(Some(panics)),
            wake: Notify::new(),
            published: DashMap::new(),
            jobs: Jobs::default(),
            databases: Databases::default(),
            proofs: Proofs::default(),
            is_shut_down: AtomicBool::new(false),
            session: OnceLock::new(),
            state: Mutex::default(),
        }
    }

    /// What was agreed on at `initialize`; the defaults before.
    pub(crate) fn session(&self) -> &Session {
        self.session.get_or_init(Session::default)
    }

    /// Sets what was agreed on; only the first time counts.
    pub(crate) fn agree(&self, session: Session) {
        drop(self.session.set(session));
    }

    /// The state, for as short as possible.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the user something, without waiting for it.
    pub(crate) fn say(&self, level: MessageType, message: String) {
        let client = self.client.clone();
        tokio::spawn(async move { client.show_message(level, message).await });
    }

    /// The disk, with what is open laid over it; paths are shown relative to `base`.
    pub(crate) fn disk(&self, base: &Path) -> Disk {
        let texts: Vec<(PathBuf, Rope)> = {
            let state = self.state();
            let buffers = state.buffers.iter();
            buffers
                .map(|(path, buffer)| (path.clone(), buffer.text.clone()))
                .collect()
        };
        let mut disk = Disk::new(base);
        let texts = texts.into_iter();
        disk.overlay = texts
            .map(|(path, text)| (path, Some(String::from(text).into())))
            .collect();
        disk
    }

    /// A file's text, as the editor holds it, else as it is on disk.
    pub(crate) fn text_of(&self, path: &Path) -> Option<Arc<str>> {
        let open = self.state().buffers.get(path).map(|buffer| buffer.text.clone());
        match open {
            Some(text) => Some(String::from(text).into()),
            None => Some(Disk::new(path).read(path).ok()?.text),
        }
    }

    /// Answers a question about an open file from its newest text; `None` where the file is in no project. The work is
    /// done on a thread that deeply nested SQL does not overflow, and a panic in it is told and gives `None`.
    pub(crate) async fn ask<R: Send + 'static>(
        self: &Arc<Self>,
        uri: &Uri,
        doing: &'static str,
        answer: impl FnOnce(&Question<'_>) -> Option<R> + Send + 'static,
    ) -> Option<R> {
        let path = from_proto::path(uri)?;
        let shared = Arc::clone(self);
        let work = move || {
            let area = shared.area_of(&path)?;
            let snapshot = shared.analyse(&area);
            let question = Question {
                shared: &shared,
                snapshot: &snapshot,
                path: &path,
            };
            let told = || format!("{doing} in {}", snapshot.describe(&snapshot.disk.show(&path)));
            project::on_deep_stacks(|| shared.guard.run(told, || answer(&question)))?
        };
        tokio::task::spawn_blocking(work).await.ok()?
    }
}

/// What an answer may look at.
pub(crate) struct Question<'a> {
    /// The server.
    pub(crate) shared: &'a Shared,
    /// The newest state.
    pub(crate) snapshot: &'a Snapshot,
    /// The file that is asked about.
    pub(crate) path: &'a Path,
}

impl State {
    /// The area whose history has the file.
    pub(crate) fn owner(&self, path: &Path) -> Option<&Arc<Area>> {
        self.areas.values().find(|area| area.has(path))
    }

    /// Notes that the text of a file changed, here or on disk.
    pub(crate) fn touch(&mut self, path: &Path) {
        self.revision += 1;
        match self.owner(path) {
            Some(area) => area.touch(self.revision),
            // It may become a member once its area is listed again.
            None => self.around(path).for_each(|area| area.touch(self.revision)),
        }
    }

    /// Notes that files came or went, or that settings changed, around a path.
    pub(crate) fn relist(&mut self, path: &Path) {
        self.revision += 1;
        let owned = self.areas.values().filter(|area| area.has(path));
        owned
            .chain(self.around(path))
            .for_each(|area| area.relist(self.revision));
    }

    /// Notes that a file is no longer open: what is on disk counts.
    pub(crate) fn close(&mut self, path: &Path) {
        if self.buffers.remove(path).is_none() {
            return;
        }
        self.unplaced.remove(path);
        if crate::workspace::is_settings(path) {
            self.relist(path);
        } else {
            self.touch(path);
        }
        self.closed.insert(path.to_path_buf(), self.revision);
    }

    /// Forgets an area. Its projects are free for others, and its open files look for a project anew.
    pub(crate) fn drop_area(&mut self, folder: &Path) {
        let Some(area) = self.areas.remove(folder) else { return };
        self.owners.retain(|_, owner| owner != folder);
        let open = self.buffers.keys().filter(|path| area.has(path));
        self.unplaced.extend(open.cloned().collect::<Vec<_>>());
        self.relist(folder);
    }

    /// Areas that a path lies in.
    fn around<'s>(&'s self, path: &'s Path) -> impl Iterator<Item = &'s Arc<Area>> {
        self.areas.values().filter(move |area| path.starts_with(&area.folder))
    }
}

impl Shared {
    /// Whether the editor said that it is about to leave.
    pub(crate) fn is_shut_down(&self) -> bool {
        self.is_shut_down.load(Ordering::Relaxed)
    }
}
