//! Looks for findings after edits have paused, and tells the editor: the edited file first, then the others.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use analysis::history::History;
use rayon::prelude::*;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tower_lsp::ls_types::{Diagnostic, Uri};

use crate::handlers::migrations::{self, MigrationsChanged};
use crate::judge::{self, Found, Judged};
use crate::position::Positions;
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
            let told = told.entry(area.folder.clone()).or_default();
            // Otherwise something changed meanwhile.
            if area.touched() > told.revision && !check(&shared, &area, told).await {
                shared.wake.notify_one();
            }
        }
    }
}

/// What the editor knows of an area.
#[derive(Clone, Debug, Default)]
struct Told {
    /// The revision up to which it knows the findings.
    revision: u64,
    /// Stands for what `dblsp/migrations` answered then.
    listing: u64,
    /// The findings; `None` where it may know some of a later revision.
    whole: Option<Arc<Whole>>,
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
    /// Revision that it is about.
    revision: u64,
    /// What may be new to the editor.
    files: Vec<File>,
    /// `None` for a part of what the area has; else what is in neither this nor `files` is cleared.
    whole: Option<Arc<Whole>>,
}

/// All findings of an area, with the texts that they are places in.
#[derive(Debug)]
struct Whole {
    judged: Arc<Judged>,
    /// Not the snapshot itself: its catalogs would be held until the next one is told.
    histories: Vec<Arc<History>>,
    open: Arc<BTreeMap<PathBuf, (Uri, i32)>>,
    /// Stands for what `dblsp/migrations` answers.
    listing: u64,
}

impl Whole {
    /// The files of which `before` tells nothing else: neither findings nor texts that they point to have changed.
    fn same_as<'w>(&'w self, before: &'w Self) -> impl Fn(&Path, &Found) -> bool + use<'w> {
        let texts = |whole: &'w Self| {
            let migrations = whole.histories.iter().flat_map(|history| &history.migrations);
            migrations.map(|it| (&*it.path, &it.text))
        };
        let is_aligned = texts(before)
            .map(|(path, _)| path)
            .eq(texts(self).map(|(path, _)| path));
        let changed = texts(before)
            .zip(texts(self))
            .filter(|((_, old), (_, new))| !Arc::ptr_eq(old, new));
        let changed: BTreeSet<&str> = changed.map(|((path, _), _)| path).collect();
        move |path, found| {
            let is_open = |whole: &Self| whole.open.contains_key(path);
            let is_known = before
                .judged
                .by_file
                .get(path)
                .is_some_and(|known| Arc::ptr_eq(known, found));
            is_aligned
                && is_known
                && !is_open(before)
                && !is_open(self)
                && !found.iter().any(|found| {
                    changed.contains(&*found.path) || found.related.iter().any(|it| changed.contains(&*it.path))
                })
        }
    }
}

/// A file with its findings.
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) uri: Uri,
    pub(crate) version: Option<i32>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Judges an area and publishes what is new; whether nothing changed meanwhile.
async fn check(shared: &Arc<Shared>, area: &Arc<Area>, told: &mut Told) -> bool {
    let job = shared.jobs.start(shared, "Checking migrations");
    let (sender, mut batches) = unbounded_channel();
    let work = {
        let (shared, area, cancelled) = (Arc::clone(shared), Arc::clone(area), job.cancelled());
        let known = told.clone();
        move || judge_area(&shared, &area, &known, &sender, &|| cancelled.is_cancelled())
    };
    let judging = tokio::task::spawn_blocking(work);
    let mut is_done = false;
    while let Some(batch) = batches.recv().await {
        let (whole, revision) = (batch.whole.clone(), batch.revision);
        let known = whole.as_ref().and(told.whole.take());
        let is_published = publish(shared, area, batch).await;
        let Some(whole) = whole.filter(|_| is_published) else {
            continue;
        };
        is_done = true;
        let (is_first, listing) = (known.is_none() && told.revision == 0, whole.listing);
        let is_relisted = listing != told.listing;
        *told = Told {
            revision,
            listing,
            whole: Some(whole),
        };
        if is_relisted {
            shared.client.send_notification::<MigrationsChanged>(()).await;
        }
        refresh(shared, is_first || is_relisted);
    }
    match judging.await {
        // Cancelled by the user: what is shown stays until the next edit.
        Ok(revision) if job.cancelled().is_cancelled() => told.revision = revision,
        Ok(_) => return is_done,
        // The panic was told where it was caught; trying the same again would only repeat it.
        Err(_) => told.revision = area.touched(),
    }
    true
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

/// Whether the next edit follows at once: looking at everything would only make it wait for its own findings. To be
/// called on a thread that may block.
fn is_typing(shared: &Shared) -> bool {
    let next = tokio::time::timeout(BREATH, shared.wake.notified());
    let is_typing = Handle::current().block_on(next).is_ok();
    if is_typing {
        shared.wake.notify_one();
    }
    is_typing
}

/// How long nothing must have changed before all files are looked at, where an editor wants no pause.
const BREATH: Duration = Duration::from_millis(10);

/// Sends the edited files' findings, then all. The revision that was looked at.
fn judge_area(
    shared: &Shared,
    area: &Area,
    told: &Told,
    batches: &UnboundedSender<Batch>,
    is_cancelled: &(dyn Fn() -> bool + Sync),
) -> u64 {
    let (snapshot, revision) = shared.read_seen(area);
    let is_stale = || is_cancelled() || area.touched() > revision;
    if snapshot.known_findings().is_none() {
        let edited: Vec<PathBuf> = {
            let state = shared.state();
            let new = state
                .buffers
                .iter()
                .filter(|(_, buffer)| buffer.changed > told.revision);
            new.map(|(path, _)| path.clone())
                .filter(|path| area.has(path))
                .collect()
        };
        // Twice: what can be said at once, and what is right when all is replayed.
        for look in [judge::at_once, judge::one] {
            let mut files = Vec::new();
            for path in &edited {
                if is_stale() {
                    return revision;
                }
                if let Some(found) = look(&snapshot, path, &shared.guard) {
                    files.extend(file(shared, &snapshot, path.clone(), &found));
                }
            }
            let batch = Batch {
                revision,
                files,
                whole: None,
            };
            drop(batches.send(batch));
        }
        if is_typing(shared) {
            return revision;
        }
    }
    let Some(judged) = judge::all(&snapshot, &shared.guard, &is_stale) else {
        return revision;
    };
    let whole = Arc::new(Whole {
        listing: migrations::id(&snapshot, &judged),
        judged,
        histories: snapshot.views.iter().map(|view| Arc::clone(&view.history)).collect(),
        open: Arc::clone(&snapshot.open),
    });
    let mut files = BTreeMap::new();
    let is_known = told.whole.as_ref().map(|before| whole.same_as(before));
    let new = whole.judged.by_file.iter();
    let new = new.filter(|(path, found)| !is_known.as_ref().is_some_and(|is_known| is_known(path, found)));
    add_files(shared, &snapshot, &whole.judged, new.map(|(path, _)| path), &mut files);
    let batch = Batch {
        revision,
        files: files.into_values().collect(),
        whole: Some(Arc::clone(&whole)),
    };
    drop(batches.send(batch));
    revision
}

/// Every file with findings, and every open one.
pub(crate) fn files(shared: &Shared, snapshot: &Snapshot, judged: &Judged) -> BTreeMap<PathBuf, File> {
    let mut files = BTreeMap::new();
    add_files(shared, snapshot, judged, judged.by_file.keys(), &mut files);
    files
}

/// Adds some files, every open one, those that a server said something of, and those with problems.
fn add_files<'p>(
    shared: &Shared,
    snapshot: &'p Snapshot,
    judged: &Judged,
    some: impl Iterator<Item = &'p PathBuf>,
    files: &mut BTreeMap<PathBuf, File>,
) {
    // An open file without findings is told, too: the editor may still show what was there before.
    let open = snapshot.open.keys().filter(|path| snapshot.members.has(path));
    let refused = shared.databases.files();
    let refused = refused.iter().filter(|path| snapshot.members.has(path));
    let mut wanted: BTreeSet<&PathBuf> = refused.collect();
    some.chain(open).for_each(|path| _ = wanted.insert(path));
    let make = |path: &&PathBuf| {
        let file = file(shared, snapshot, (*path).clone(), judged.of(path))?;
        Some((file.path.clone(), file))
    };
    files.extend(project::on_deep_stacks(|| {
        wanted.par_iter().filter_map(make).collect::<Vec<_>>()
    }));
    add_problems(shared, snapshot, files);
}

/// A file with these findings; `None` where it has no address.
pub(crate) fn file(
    shared: &Shared,
    snapshot: &Snapshot,
    path: PathBuf,
    found: &[analysis::lint::diagnostic::Diagnostic],
) -> Option<File> {
    let mut diagnostics = to_proto::diagnostics(snapshot, &path, found, shared.session());
    if shared.databases.has_refused(&path) {
        let text = snapshot.text(&path).unwrap_or_default();
        let positions = Positions::new(&text, shared.session().encoding);
        diagnostics.extend(shared.databases.diagnostic(&path, &text, &positions));
    }
    Some(File {
        uri: snapshot.uri(&path)?,
        version: snapshot.version(&path),
        diagnostics,
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
        if let Some(whole) = &batch.whole
            && is_news(shared, area, &batch, whole)
        {
            ask_to_pull(shared);
        }
        return area.touched() <= batch.revision;
    }
    let mut there = BTreeSet::new();
    for file in batch.files {
        if area.touched() > batch.revision {
            return false;
        }
        there.insert(file.path.clone());
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
    if let Some(whole) = batch.whole
        && area.touched() <= batch.revision
    {
        let is_gone = |path: &Path| !there.contains(path) && !whole.judged.by_file.contains_key(path);
        clear(shared, &area.folder, is_gone).await;
    }
    area.touched() <= batch.revision
}

/// Whether an editor that asks for findings has others than these, or has those of files that have none now.
fn is_news(shared: &Shared, area: &Area, batch: &Batch, whole: &Whole) -> bool {
    let known = |path: &Path| shared.published.get(path).map(|known| known.id);
    let none = id(&Vec::<Diagnostic>::new());
    let mut files = batch.files.iter();
    let has_news = files.any(|file| known(&file.path).unwrap_or(none) != id(&file.diagnostics));
    let there: BTreeSet<&Path> = batch.files.iter().map(|file| &*file.path).collect();
    let is_there = |path: &Path| there.contains(path) || whole.judged.by_file.contains_key(path);
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
