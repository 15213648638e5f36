//! The projects in memory. An edit changes one text in one history; only new or missing files and settings make the
//! disk be walked again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use analysis::Document;
use analysis::history::Migration;
use project::discover::{SETTINGS, Sign, root_of};
use project::files::Disk;
use project::known::BASELINE;
use project::sizes::FILE as SIZES;
use project::{ProjectError, Request, Selection, squawk};
use ropey::Rope;
use tower_lsp::ls_types::Uri;

use crate::members::Members;
use crate::recompute;
use crate::snapshot::{Snapshot, View};
use crate::stamps::Stamps;
use crate::state::Shared;

/// A folder whose projects are kept in memory: what `dblsp check` would judge in it.
#[derive(Debug)]
pub(crate) struct Area {
    /// Where projects are looked for; paths are shown relative to it.
    pub(crate) folder: PathBuf,
    /// Why it is here.
    pub(crate) reason: Reason,
    /// Revision at which it last changed.
    touched: AtomicU64,
    /// Revision at which files last came or went.
    relisted: AtomicU64,
    members: Mutex<Arc<Members>>,
    held: Mutex<Held>,
}

/// Why an area is kept in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The editor has the folder open.
    Folder,
    /// The editor has a file of its project open, and no folder around it.
    File,
}

/// What is known of an area, and up to which revision.
#[derive(Debug, Default)]
struct Held {
    seen: u64,
    snapshot: Option<Arc<Snapshot>>,
    /// The last text of each settings file that could be read.
    settings: BTreeMap<PathBuf, Arc<str>>,
    /// The disk as it was when it was last walked.
    stamps: Stamps,
}

/// What changed since an area was last looked at.
struct Changes {
    revision: u64,
    /// Set where the disk must be walked: every open text.
    overlay: Option<BTreeMap<PathBuf, Option<Arc<str>>>>,
    edited: Vec<(PathBuf, Rope)>,
    closed: Vec<PathBuf>,
    open: BTreeMap<PathBuf, (Uri, i32)>,
}

impl Area {
    /// An area that nothing is known of yet.
    pub(crate) fn new(folder: PathBuf, reason: Reason, revision: u64) -> Self {
        Self {
            folder,
            reason,
            touched: AtomicU64::new(revision),
            relisted: AtomicU64::new(revision),
            members: Mutex::default(),
            held: Mutex::default(),
        }
    }

    /// Whether a file belongs to one of its histories, as far as is known.
    pub(crate) fn has(&self, path: &Path) -> bool {
        self.members().has(path)
    }

    /// Its files, as far as they are known.
    pub(crate) fn members(&self) -> Arc<Members> {
        Arc::clone(&self.members.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Revision at which it last changed.
    pub(crate) fn touched(&self) -> u64 {
        self.touched.load(Ordering::SeqCst)
    }

    /// Notes a change.
    pub(crate) fn touch(&self, revision: u64) {
        self.touched.fetch_max(revision, Ordering::SeqCst);
    }

    /// Notes that files came or went.
    pub(crate) fn relist(&self, revision: u64) {
        self.relisted.fetch_max(revision, Ordering::SeqCst);
        self.touch(revision);
    }
}

impl Shared {
    /// The area whose history has the file, if any does; the first question about a file may walk the disk.
    pub(crate) fn area_of(&self, path: &Path) -> Option<Arc<Area>> {
        let (owner, is_unplaced) = {
            let state = self.state();
            (state.owner(path).cloned(), state.unplaced.contains(path))
        };
        if owner.is_none() && is_unplaced {
            self.place(path);
            return self.state().owner(path).cloned();
        }
        owner
    }

    /// Finds the projects of files that were opened and belong to none that is known.
    pub(crate) fn place_all(&self) {
        let unplaced: Vec<PathBuf> = self.state().unplaced.iter().cloned().collect();
        for path in unplaced {
            self.place(&path);
        }
    }

    fn place(&self, path: &Path) {
        let (around, disk) = {
            let state = self.state();
            let around = state.areas.values().filter(|area| path.starts_with(&area.folder));
            let around: Vec<Arc<Area>> = around.cloned().collect();
            let mut disk = Disk::new(path);
            // Only whether they are there matters to the search for a root.
            disk.overlay = state
                .buffers
                .keys()
                .map(|path| (path.clone(), Some("".into())))
                .collect();
            (around, disk)
        };
        for area in around {
            self.analyse(&area);
        }
        if self.state().owner(path).is_none() {
            let root = root_of(&disk, path);
            if matches!(root.sign, Sign::Settings | Sign::Supabase | Sign::Migrations) {
                let area = self.area_at(root.folder);
                self.analyse(&area);
            }
        }
        self.state().unplaced.remove(path);
    }

    /// The area that has the project in `folder`; a new one where none has.
    fn area_at(&self, folder: PathBuf) -> Arc<Area> {
        let mut state = self.state();
        let key = state.owners.get(&folder).unwrap_or(&folder).clone();
        if let Some(area) = state.areas.get(&key) {
            return Arc::clone(area);
        }
        state.revision += 1;
        let area = Arc::new(Area::new(folder.clone(), Reason::File, state.revision));
        state.areas.insert(folder, Arc::clone(&area));
        area
    }

    /// Brings an area up to date. Not to be called on a thread of the pool of [`project::on_deep_stacks`]: it holds a
    /// lock while that pool works.
    pub(crate) fn analyse(&self, area: &Area) -> Arc<Snapshot> {
        self.analyse_seen(area).0
    }

    /// The same, with the revision that it is up to date with.
    pub(crate) fn analyse_seen(&self, area: &Area) -> (Arc<Snapshot>, u64) {
        let (snapshot, revision) = self.read_seen(area);
        snapshot.views.iter().for_each(|view| view.replay(&self.guard));
        (snapshot, revision)
    }

    /// The same, but that histories whose files changed are not replayed yet.
    pub(crate) fn read_seen(&self, area: &Area) -> (Arc<Snapshot>, u64) {
        let mut held = area.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(snapshot) = &held.snapshot
            && area.touched() <= held.seen
        {
            return (Arc::clone(snapshot), held.seen);
        }
        let changes = self.changes(area, &held);
        held.seen = changes.revision;
        let snapshot = match &held.snapshot {
            Some(before) if changes.overlay.is_none() => self.patched(before, changes),
            _ => None,
        };
        let mut snapshot = snapshot.unwrap_or_else(|| self.listed(area, &mut held));
        self.proofs.give(&mut snapshot);
        *area.members.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&snapshot.members);
        let snapshot = Arc::new(snapshot);
        held.snapshot = Some(Arc::clone(&snapshot));
        (snapshot, held.seen)
    }

    fn changes(&self, area: &Area, held: &Held) -> Changes {
        let (mut changes, is_listed) = {
            let state = self.state();
            let is_listed = held.snapshot.is_some() && area.relisted.load(Ordering::SeqCst) <= held.seen;
            let new = |changed: u64| !is_listed || changed > held.seen;
            let buffers = state.buffers.iter();
            let edited = buffers.filter(|(path, buffer)| new(buffer.changed) && (!is_listed || area.has(path)));
            let closed = state.closed.iter().filter(|(path, at)| new(**at) && area.has(path));
            let open = state.buffers.iter();
            let changes = Changes {
                revision: state.revision,
                overlay: None,
                edited: edited
                    .map(|(path, buffer)| (path.clone(), buffer.text.clone()))
                    .collect(),
                closed: closed.map(|(path, _)| path.clone()).collect(),
                open: open
                    .map(|(path, buffer)| (path.clone(), (buffer.uri.clone(), buffer.version)))
                    .collect(),
            };
            (changes, is_listed)
        };
        if !is_listed {
            let overlay = changes.edited.drain(..);
            changes.overlay = Some(overlay.map(|(path, text)| (path, Some(flat(&text)))).collect());
        }
        changes
    }

    /// The snapshot with new texts of some files; `None` where a closed file is not on disk.
    fn patched(&self, before: &Snapshot, changes: Changes) -> Option<Snapshot> {
        let mut texts: Vec<(PathBuf, Arc<str>)> = Vec::new();
        texts.extend(changes.edited.iter().map(|(path, text)| (path.clone(), flat(text))));
        for path in changes.closed {
            let text = before.disk.read(&path).ok()?.text;
            texts.push((path, text));
        }
        texts.retain(|(path, text)| before.text(path).as_ref() != Some(text));
        let mut views = before.views.clone();
        let mut changed = BTreeSet::new();
        for (path, text) in &texts {
            let member = before.members.get(path)?;
            let view = &mut views[member.history];
            project::edit::set_text(Arc::make_mut(&mut view.history), &member.path, Arc::clone(text));
            changed.insert(member.history);
            if let Some(number) = member.migration {
                Arc::make_mut(&mut view.documents)[number] = Document::default();
            }
        }
        let mut next = Snapshot {
            disk: before.disk.clone(),
            members: Arc::clone(&before.members),
            problems: Arc::clone(&before.problems),
            open: Arc::new(changes.open),
            judged: Mutex::new(before.known_findings().filter(|_| changed.is_empty())),
            alone: Mutex::default(),
            judging: Mutex::default(),
            kept: Arc::clone(&before.kept),
            views: Vec::new(),
        };
        let numbers = texts.iter().filter_map(|(path, _)| {
            let member = before.members.get(path)?;
            Some((member.history, member.migration?))
        });
        for (history, number) in numbers.collect::<BTreeSet<_>>() {
            let view = &mut views[history];
            let migration = &view.history.migrations[number];
            let read = recompute::read([migration], self.read, &next, &self.guard);
            Arc::make_mut(&mut view.documents)[number] = read.into_iter().next().unwrap_or_default();
        }
        for history in changed {
            views[history] = views[history].clone().after(&before.views[history]);
        }
        next.views = views;
        Some(next)
    }

    /// The area read from disk, with what is open laid over it; files whose text is the same are not read again.
    fn listed(&self, area: &Area, held: &mut Held) -> Snapshot {
        let changes = self.changes(area, &Held::default());
        held.seen = changes.revision;
        let mut disk = Disk::new(&area.folder);
        disk.overlay = changes.overlay.unwrap_or_default();
        let (mut projects, problems, disk) = load(disk, &held.settings);
        held.settings = settings_of(&disk, &projects);
        self.claim(area, &mut projects);
        let roots: Vec<PathBuf> = projects.iter().map(|project| project.root.folder.clone()).collect();
        let known = held.snapshot.take();
        let known = known.as_deref();
        let mut views = Vec::new();
        for project in projects {
            let settings = Arc::new(project.settings);
            for history in project.histories {
                let root = project.root.folder.clone();
                let settings = Arc::clone(&settings);
                views.push(View::new(root, Arc::new(history), Arc::default(), settings));
            }
        }
        let shown = Disk::new(&area.folder);
        let members = Members::of(&shown, views.iter().map(|view| &*view.history));
        let migrations = views.iter().flat_map(|view| &view.history.migrations);
        let expected = migrations.flat_map(|it| it.rollback_path.iter().chain(&it.smoke_test_path));
        let expected: Vec<PathBuf> = expected.map(|path| shown.absolute(path)).collect();
        held.stamps = Stamps::take(&members, &expected, &roots);
        let mut next = Snapshot {
            members: Arc::new(members),
            disk: shown,
            problems: Arc::new(problems),
            open: Arc::new(changes.open),
            judged: Mutex::default(),
            alone: Mutex::default(),
            judging: Mutex::default(),
            kept: known.map(|known| Arc::clone(&known.kept)).unwrap_or_default(),
            views: Vec::new(),
        };
        for (number, view) in views.iter_mut().enumerate() {
            let new = known
                .is_none()
                .then(|| recompute::read_and_replay(view, self.read, &next, &self.guard));
            if let Some((documents, timeline)) = new.flatten() {
                view.documents = Arc::new(documents);
                *view = view.clone().replayed(timeline);
                continue;
            }
            view.documents = Arc::new(self.documents(&next, view, known));
            let before = known.and_then(|known| known.views.get(number));
            let before = before.filter(|before| before.root == view.root);
            if let Some(before) = before {
                *view = view.clone().after(before);
            }
        }
        let is_same = |(old, new): (&View, &View)| old.history == new.history && old.settings == new.settings;
        if let Some(known) = known
            && known.views.len() == views.len()
            && known.views.iter().zip(&views).all(is_same)
        {
            next.judged = Mutex::new(known.known_findings());
        }
        next.views = views;
        next
    }

    /// Has every area read anew from disk.
    pub(crate) fn relist_all(&self) {
        let mut state = self.state();
        state.revision += 1;
        let revision = state.revision;
        state.areas.values().for_each(|area| area.relist(revision));
    }

    /// Notes which areas changed on disk; for editors that cannot watch. What is open counts as it is in the editor.
    pub(crate) fn look_again(&self) {
        let (areas, open): (Vec<Arc<Area>>, BTreeSet<PathBuf>) = {
            let state = self.state();
            (
                state.areas.values().cloned().collect(),
                state.buffers.keys().cloned().collect(),
            )
        };
        for area in areas {
            let held = area.held.lock().unwrap_or_else(PoisonError::into_inner);
            let changed = held.snapshot.is_some() && held.stamps.differ(&open);
            drop(held);
            if changed {
                let mut state = self.state();
                state.revision += 1;
                area.relist(state.revision);
            }
        }
    }

    /// Keeps the projects that no other area has.
    fn claim(&self, area: &Area, projects: &mut Vec<project::Project>) {
        let mut state = self.state();
        projects.retain(|project| {
            let owner = state.owners.get(&project.root.folder);
            owner.is_none_or(|owner| *owner == area.folder || !state.areas.contains_key(owner))
        });
        state.owners.retain(|_, owner| *owner != area.folder);
        for project in projects {
            state.owners.insert(project.root.folder.clone(), area.folder.clone());
        }
    }

    fn documents(&self, next: &Snapshot, view: &View, known: Option<&Snapshot>) -> Vec<Document> {
        let known: BTreeMap<&str, (&Migration, &Document)> = known
            .into_iter()
            .flat_map(|known| &known.views)
            .flat_map(|view| view.history.migrations.iter().zip(view.documents.iter()))
            .map(|(migration, document)| (&*migration.path, (migration, document)))
            .collect();
        let reuse = |migration: &Migration| {
            let (before, document) = known.get(&*migration.path)?;
            let is_same = before.text == migration.text
                && before.forward == migration.forward
                && before.judged == migration.judged;
            is_same.then(|| (*document).clone())
        };
        let migrations = &view.history.migrations;
        let reused: Vec<Option<Document>> = migrations.iter().map(reuse).collect();
        let new = migrations.iter().zip(&reused).filter(|(_, reused)| reused.is_none());
        let new: Vec<&Migration> = new.map(|(migration, _)| migration).collect();
        let mut read = recompute::read(new, self.read, next, &self.guard).into_iter();
        let all = reused.into_iter();
        all.map(|reused| reused.or_else(|| read.next()).unwrap_or_default())
            .collect()
    }
}

fn flat(text: &Rope) -> Arc<str> {
    String::from(text).into()
}

/// Loads the projects of the disk's base, and says what is wrong. Where settings cannot be read, the last that could be
/// are laid over them, if any; the disk that was read comes back.
fn load(disk: Disk, good: &BTreeMap<PathBuf, Arc<str>>) -> (Vec<project::Project>, Vec<ProjectError>, Disk) {
    let mut loaded = load_from(&disk);
    // No migrations is no problem of a folder that somebody merely looks at.
    loaded
        .problems
        .retain(|problem| !matches!(problem, ProjectError::NoMigrations { .. }));
    let is_broken = |path: &Path| {
        let mut places = loaded.problems.iter().filter_map(ProjectError::place);
        let is_loaded = loaded
            .projects
            .iter()
            .any(|project| path.parent() == Some(&project.root.folder));
        !is_loaded && places.any(|(shown, _)| disk.absolute(shown) == path)
    };
    let broken: Vec<_> = good.iter().filter(|(path, _)| is_broken(path)).collect();
    if broken.is_empty() {
        return (loaded.projects, loaded.problems, disk);
    }
    let mut with_good = disk.clone();
    for (path, text) in broken {
        with_good.overlay.insert(path.clone(), Some(Arc::clone(text)));
    }
    let projects = load_from(&with_good).projects;
    (projects, loaded.problems, with_good)
}

fn load_from(disk: &Disk) -> project::Loaded {
    project::load(&Request {
        disk: disk.clone(),
        folder: disk.base.clone(),
        paths: Vec::new(),
        selection: Selection::All,
        settings: None,
    })
}

/// The texts of the projects' settings.
fn settings_of(disk: &Disk, projects: &[project::Project]) -> BTreeMap<PathBuf, Arc<str>> {
    let files = projects.iter().map(|project| project.root.folder.join(SETTINGS));
    let files = files.filter(|file| disk.is_file(file));
    files
        .filter_map(|file| {
            let text = disk.read(&file).ok()?.text;
            Some((file, text))
        })
        .collect()
}

/// Whether a file changes what its project is, and not only what is in it.
pub(crate) fn is_settings(path: &Path) -> bool {
    let names = [
        SETTINGS,
        BASELINE,
        SIZES,
        squawk::SETTINGS,
        "supabase/config.toml",
        "Cargo.toml",
    ];
    names.iter().any(|name| path.ends_with(name))
}

/// Whether a file may be part of a history.
pub(crate) fn is_sql(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(project::layout::is_sql)
}
