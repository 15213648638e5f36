//! Looks for findings after edits have paused, and tells the editor: the edited file first, then the others.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tower_lsp::ls_types::{Diagnostic, Uri};

use crate::handlers::migrations::{self, MigrationsChanged};
use crate::judge::{self, Judged};
use crate::snapshot::Snapshot;
use crate::state::{Published, Shared};
use crate::to_proto;
use crate::workspace::{Area, Reason};

/// Runs until the server ends.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut told: BTreeMap<PathBuf, Told> = BTreeMap::new();
    let mut is_first = true;
    loop {
        shared.wake.notified().await;
        if !is_first {
            pause(&shared).await;
        }
        is_first = false;
        let placing = Arc::clone(&shared);
        // A panic in there would be told by the default hook, and the next round tries again.
        drop(tokio::task::spawn_blocking(move || placing.place_all()).await);
        forget_areas(&shared, &mut told).await;
        let areas: Vec<Arc<Area>> = shared.state().areas.values().cloned().collect();
        for area in areas {
            let known = told.get(&area.folder).copied().unwrap_or_default();
            if area.touched() <= known.revision {
                continue;
            }
            match check(&shared, &area, known).await {
                Some(now) => _ = told.insert(area.folder.clone(), now),
                // Something changed meanwhile.
                None => shared.wake.notify_one(),
            }
        }
    }
}

/// What the editor knows of an area.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    /// The revision up to which it knows the findings.
    revision: u64,
    /// Stands for what `dblsp/migrations` answered then.
    listing: u64,
}

/// Waits until no edit came for a while.
async fn pause(shared: &Shared) {
    let quiet = shared.session().options.debounce();
    if quiet > Duration::ZERO {
        while tokio::time::timeout(quiet, shared.wake.notified()).await.is_ok() {}
    }
}

/// Drops areas that only a file brought in, once no file of theirs is open.
async fn forget_areas(shared: &Arc<Shared>, told: &mut BTreeMap<PathBuf, Told>) {
    let gone: Vec<PathBuf> = {
        let mut state = shared.state();
        let is_open = |area: &Area| state.buffers.keys().any(|path| area.has(path));
        let idle = state
            .areas
            .values()
            .filter(|area| area.reason == Reason::File && !is_open(area));
        let idle: Vec<PathBuf> = idle.map(|area| area.folder.clone()).collect();
        for folder in &idle {
            state.drop_area(folder);
        }
        told.keys()
            .filter(|folder| !state.areas.contains_key(*folder))
            .cloned()
            .collect()
    };
    for folder in gone {
        told.remove(&folder);
        clear(shared, &folder, |_| true).await;
    }
}

/// Files with findings, as the editor shall show them.
struct Batch {
    /// Whether it is all that the area has; what is not in it is cleared.
    is_whole: bool,
    /// Stands for what `dblsp/migrations` answers; of no meaning unless it is whole.
    listing: u64,
    /// Revision that it is about.
    revision: u64,
    files: Vec<File>,
}

/// A file with its findings.
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) uri: Uri,
    pub(crate) version: Option<i32>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Judges an area and publishes what is new. What was told; `None` where something changed meanwhile.
async fn check(shared: &Arc<Shared>, area: &Arc<Area>, known: Told) -> Option<Told> {
    let job = shared.jobs.start(shared, "Checking migrations");
    let (sender, mut batches) = unbounded_channel();
    let work = {
        let (shared, area, cancelled) = (Arc::clone(shared), Arc::clone(area), job.cancelled());
        move || judge_area(&shared, &area, known.revision, &sender, &|| cancelled.is_cancelled())
    };
    let judging = tokio::task::spawn_blocking(work);
    let mut told = None;
    while let Some(batch) = batches.recv().await {
        let (is_whole, listing, revision) = (batch.is_whole, batch.listing, batch.revision);
        if publish(shared, area, batch).await && is_whole {
            told = Some(Told { revision, listing });
            if listing != known.listing {
                shared.client.send_notification::<MigrationsChanged>(()).await;
            }
            refresh(shared, known.revision == 0 || listing != known.listing);
        }
    }
    match judging.await {
        // Cancelled by the user: what is shown stays until the next edit.
        Ok(Some(revision)) if job.cancelled().is_cancelled() => Some(Told { revision, ..known }),
        Ok(_) => told,
        // The panic was told where it was caught; trying the same again would only repeat it.
        Err(_) => Some(Told {
            revision: area.touched(),
            ..known
        }),
    }
}

/// Tells the editor to ask anew for what an edit of one file changes in others.
fn refresh(shared: &Arc<Shared>, lenses: bool) {
    let session = shared.session();
    let is_alone = shared.state().buffers.len() < 2;
    let client = shared.client.clone();
    let (tokens, hints) = (
        session.refreshes_tokens && !is_alone,
        session.refreshes_hints && !is_alone,
    );
    let lenses = session.refreshes_lenses && lenses;
    tokio::spawn(async move {
        // Editors that refuse after all keep what they have until the next edit.
        if lenses {
            drop(client.code_lens_refresh().await);
        }
        if tokens {
            drop(client.semantic_tokens_refresh().await);
        }
        if hints {
            drop(client.inlay_hint_refresh().await);
        }
    });
}

/// Sends the edited files' findings, then all. The revision that was looked at.
fn judge_area(
    shared: &Shared,
    area: &Area,
    known: u64,
    batches: &UnboundedSender<Batch>,
    is_cancelled: &(dyn Fn() -> bool + Sync),
) -> Option<u64> {
    let (snapshot, revision) = shared.analyse_seen(area);
    let is_stale = || is_cancelled() || area.touched() > revision;
    if snapshot.known_findings().is_none() {
        let edited: Vec<PathBuf> = {
            let state = shared.state();
            let new = state.buffers.iter().filter(|(_, buffer)| buffer.changed > known);
            new.map(|(path, _)| path.clone())
                .filter(|path| area.has(path))
                .collect()
        };
        let mut files = Vec::new();
        for path in edited {
            if is_stale() {
                return Some(revision);
            }
            let found = judge::one(&snapshot, &path, &shared.guard)?;
            files.extend(file(shared, &snapshot, path, &found));
        }
        let batch = Batch {
            is_whole: false,
            listing: 0,
            revision,
            files,
        };
        drop(batches.send(batch));
    }
    let Some(judged) = judge::all(&snapshot, &shared.guard, &is_stale) else {
        return Some(revision);
    };
    let files = files(shared, &snapshot, &judged);
    let batch = Batch {
        is_whole: true,
        listing: id(&migrations::list(&snapshot, &judged)),
        revision,
        files: files.into_values().collect(),
    };
    drop(batches.send(batch));
    Some(revision)
}

/// Every file with findings, and every open one.
pub(crate) fn files(shared: &Shared, snapshot: &Snapshot, judged: &Judged) -> BTreeMap<PathBuf, File> {
    let mut files: BTreeMap<PathBuf, File> = BTreeMap::new();
    // An open file without findings is told, too: the editor may still show what was there before.
    let open = snapshot.open.keys().filter(|path| snapshot.members.has(path));
    for path in judged.by_file.keys().chain(open) {
        if let Some(file) = file(shared, snapshot, path.clone(), judged.of(path)) {
            files.insert(path.clone(), file);
        }
    }
    add_problems(shared, snapshot, &mut files);
    files
}

/// A file with these findings; `None` where it has no address.
pub(crate) fn file(
    shared: &Shared,
    snapshot: &Snapshot,
    path: PathBuf,
    found: &[analysis::lint::diagnostic::Diagnostic],
) -> Option<File> {
    Some(File {
        uri: snapshot.uri(&path)?,
        version: snapshot.version(&path),
        diagnostics: to_proto::diagnostics(snapshot, &path, found, shared.session()),
        path,
    })
}

/// What is wrong with settings, shown in the settings.
pub(crate) fn add_problems(shared: &Shared, snapshot: &Snapshot, files: &mut BTreeMap<PathBuf, File>) {
    for problem in &*snapshot.problems {
        let Some((shown, _)) = problem.place() else { continue };
        let path = snapshot.path(shown);
        let text = shared.text_of(&path).unwrap_or_default();
        let diagnostic = to_proto::problem(problem, &text, shared.session());
        if !files.contains_key(&path)
            && let Some(new) = file(shared, snapshot, path.clone(), &[])
        {
            files.insert(path.clone(), new);
        }
        if let Some(file) = files.get_mut(&path) {
            file.diagnostics.push(diagnostic);
        }
    }
}

/// Publishes what differs from what the editor shows, or tells it to ask; whether nothing changed meanwhile.
async fn publish(shared: &Arc<Shared>, area: &Area, batch: Batch) -> bool {
    if shared.session().pulls {
        if batch.is_whole && is_news(shared, area, &batch) {
            ask_to_pull(shared);
        }
        return area.touched() <= batch.revision;
    }
    let mut whole: Vec<PathBuf> = Vec::new();
    for file in batch.files {
        if area.touched() > batch.revision {
            return false;
        }
        if batch.is_whole {
            whole.push(file.path.clone());
        }
        let published = Published {
            area: area.folder.clone(),
            uri: file.uri.clone(),
            version: file.version,
            id: id(&file.diagnostics),
        };
        let is_known = shared
            .published
            .get(&file.path)
            .is_some_and(|before| *before == published);
        if !is_known {
            shared.published.insert(file.path, published);
            let diagnostics = file.diagnostics;
            shared
                .client
                .publish_diagnostics(file.uri, diagnostics, file.version)
                .await;
        }
    }
    if batch.is_whole && area.touched() <= batch.revision {
        clear(shared, &area.folder, |path| !whole.iter().any(|kept| kept == path)).await;
    }
    area.touched() <= batch.revision
}

/// Whether an editor that asks for findings has others than these, or has those of files that have none now.
fn is_news(shared: &Shared, area: &Area, batch: &Batch) -> bool {
    let known = |path: &Path| shared.published.get(path).map(|known| known.id);
    let none = id(&Vec::<Diagnostic>::new());
    let mut files = batch.files.iter();
    let has_news = files.any(|file| known(&file.path).unwrap_or(none) != id(&file.diagnostics));
    let is_there = |path: &Path| batch.files.iter().any(|file| file.path == path);
    let mut published = shared.published.iter();
    has_news || published.any(|known| known.area == area.folder && known.id != none && !is_there(known.key()))
}

fn ask_to_pull(shared: &Arc<Shared>) {
    let client = shared.client.clone();
    // The answer is awaited apart: the editor may first ask for what it is told to ask for.
    tokio::spawn(async move { client.workspace_diagnostic_refresh().await });
}

impl Shared {
    /// Notes what an editor that asks for findings was answered.
    pub(crate) fn note(&self, area: &Area, file: &File, revision: u64) {
        if self.session().pulls && area.touched() <= revision {
            let published = Published {
                area: area.folder.clone(),
                uri: file.uri.clone(),
                version: file.version,
                id: id(&file.diagnostics),
            };
            self.published.insert(file.path.clone(), published);
        }
    }
}

/// Takes back what was published about an area's files.
async fn clear(shared: &Arc<Shared>, area: &Path, is_gone: impl Fn(&Path) -> bool) {
    let stale = shared.published.iter();
    let stale = stale.filter(|published| published.area == *area && is_gone(published.key()));
    let mut stale: Vec<(PathBuf, Uri)> = stale
        .map(|published| (published.key().clone(), published.uri.clone()))
        .collect();
    stale.sort();
    let pulls = shared.session().pulls;
    if pulls && !stale.is_empty() {
        ask_to_pull(shared);
    }
    for (path, uri) in stale {
        shared.published.remove(&path);
        if pulls {
            continue;
        }
        shared.client.publish_diagnostics(uri, Vec::new(), None).await;
    }
}

/// Stands for a value: equal where that is.
pub(crate) fn id(value: &impl Serialize) -> u64 {
    let mut hasher = DefaultHasher::new();
    let text = serde_json::to_string(value).expect("what is sent is JSON");
    text.hash(&mut hasher);
    hasher.finish()
}
