//! The findings of a snapshot, by file: the same as `dblsp check` prints.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use analysis::lint::change::Change;
use analysis::lint::diagnostic::Diagnostic;
use analysis::lint::{Linter, Look};
use analysis::text::Span;
use rayon::prelude::*;

use crate::panics::Guard;
use crate::snapshot::{Snapshot, View};

/// Findings by absolute path, each file's in the order of `dblsp check`.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    pub(crate) by_file: BTreeMap<PathBuf, Found>,
    /// What they were made of, by number of the history.
    parts: Vec<Parts>,
}

/// The findings of one file; the same `Arc` as before an edit that did not change them.
pub(crate) type Found = Arc<Vec<Diagnostic>>;

/// What the findings of a history were made of, to be used again after an edit.
#[derive(Debug, Default)]
struct Parts {
    /// What the rules about each migration found.
    looks: Vec<Arc<Look>>,
    /// What the rules about the whole project found, by path as the history shows it.
    whole: BTreeMap<String, Vec<Diagnostic>>,
    /// All that is shown of a file, by the same path.
    finished: BTreeMap<String, Found>,
}

/// Histories that were judged, and their findings.
#[derive(Clone, Debug)]
pub(crate) struct Basis {
    views: Vec<View>,
    judged: Arc<Judged>,
}

impl Basis {
    /// The history of that number, if it is of the same project.
    fn of(&self, number: usize, view: &View) -> Option<(&View, &Parts)> {
        let known = self.views.get(number)?;
        let parts = self.judged.parts.get(number)?;
        (known.root == view.root).then_some((known, parts))
    }
}

/// What was last judged in an area, for the findings after the next edit.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// All of it.
    whole: Mutex<Option<Basis>>,
    /// Files that were judged when an edit made the rest useless, by number of the history.
    begun: Mutex<BTreeMap<usize, Arc<Begun>>>,
}

#[derive(Debug)]
struct Begun {
    view: View,
    looks: Vec<Option<Arc<Look>>>,
}

impl Kept {
    /// The last findings of all files.
    fn whole(&self) -> Option<Basis> {
        self.whole.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes the findings of all files.
    pub(crate) fn settle(&self, views: &[View], judged: &Arc<Judged>) {
        let basis = Basis {
            views: views.to_vec(),
            judged: Arc::clone(judged),
        };
        *self.whole.lock().unwrap_or_else(PoisonError::into_inner) = Some(basis);
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn begun(&self, number: usize, view: &View) -> Option<Arc<Begun>> {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.get(&number).filter(|begun| begun.view.root == view.root).cloned()
    }

    fn begin(&self, number: usize, view: &View, looks: Vec<Option<Arc<Look>>>) {
        let view = view.clone();
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.insert(number, Arc::new(Begun { view, looks }));
    }
}

/// The findings of a file that somebody could not wait for all to be judged for.
#[derive(Clone, Debug)]
pub(crate) struct Alone {
    found: Found,
    /// Of a migration.
    look: Option<Arc<Look>>,
}

impl Judged {
    /// A file's findings.
    pub(crate) fn of(&self, path: &Path) -> &[Diagnostic] {
        self.by_file.get(path).map(|found| &***found).unwrap_or_default()
    }

    fn add(&mut self, path: PathBuf, found: &Found) {
        match self.by_file.entry(path) {
            Entry::Vacant(entry) => _ = entry.insert(Arc::clone(found)),
            Entry::Occupied(mut entry) => Arc::make_mut(entry.get_mut()).extend(found.iter().cloned()),
        }
    }
}

/// Every finding; `None` if `is_stale` says meanwhile that nobody wants them any more. Not to be called on a thread of
/// the pool of [`project::on_deep_stacks`]: it holds a lock while that pool works.
pub(crate) fn all(snapshot: &Snapshot, guard: &Guard, is_stale: &(dyn Fn() -> bool + Sync)) -> Option<Arc<Judged>> {
    let _alone = snapshot.judging.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(judged) = snapshot.known_findings() {
        return Some(judged);
    }
    let basis = snapshot.kept.whole();
    let mut judged = Judged::default();
    for (number, view) in snapshot.views.iter().enumerate() {
        view.replay(guard);
        let before = basis.as_ref().and_then(|basis| basis.of(number, view));
        let parts = history(snapshot, number, before, guard, is_stale)?;
        for (shown, found) in &parts.finished {
            judged.add(snapshot.path(shown), found);
        }
        judged.parts.push(parts);
    }
    let judged = Arc::new(judged);
    snapshot.settle(&judged);
    Some(judged)
}

fn history(
    snapshot: &Snapshot,
    number: usize,
    before: Option<(&View, &Parts)>,
    guard: &Guard,
    is_stale: &(dyn Fn() -> bool + Sync),
) -> Option<Parts> {
    let view = &snapshot.views[number];
    let Some(linter) = linter(view) else {
        return Some(Parts::default());
    };
    let known = before.and_then(|(known, parts)| Some((self::linter(known)?, parts)));
    let change = known
        .as_ref()
        .map(|(known, parts)| (Change::new(known, &linter), *parts));
    let begun = snapshot.kept.begun(number, view);
    let begun = begun
        .as_ref()
        .and_then(|begun| Some((self::linter(&begun.view)?, &begun.looks)));
    let change_since = begun
        .as_ref()
        .map(|(begun, looks)| (Change::new(begun, &linter), *looks));
    let alone = snapshot.looks(number);
    let kept = |number: usize| {
        let of_whole = change.as_ref().and_then(|(change, parts)| {
            let look = parts.looks.get(number)?;
            change.keeps(number, look).then(|| Arc::clone(look))
        });
        let of_begun = || {
            let (change, looks) = change_since.as_ref()?;
            let look = looks.get(number)?.as_ref()?;
            change.keeps(number, look).then(|| Arc::clone(look))
        };
        of_whole.or_else(of_begun).or_else(|| alone.get(&number).cloned())
    };
    project::on_deep_stacks(|| {
        let look = |number: usize| {
            let look = || {
                let mut new = look(snapshot, view, &linter, number, guard);
                let before = change.as_ref().and_then(|(_, parts)| parts.looks.get(number));
                if let Some(before) = before.filter(|before| before.findings == new.findings) {
                    new.findings = Arc::clone(&before.findings);
                }
                Arc::new(new)
            };
            kept(number).or_else(|| (!is_stale()).then(look))
        };
        let doing = || "judging a project as a whole".to_owned();
        let (looks, whole): (Vec<Option<Arc<Look>>>, _) = rayon::join(
            || (0..view.documents.len()).into_par_iter().map(look).collect(),
            || {
                guard
                    .run(doing, || linter.project_unless(is_stale))
                    .unwrap_or_else(|| Some(Vec::new()))
            },
        );
        let whole = whole.filter(|_| looks.iter().all(Option::is_some));
        let Some(found) = whole else {
            snapshot.kept.begin(number, view, looks);
            return None;
        };
        let mut parts = Parts {
            looks: looks.into_iter().flatten().collect(),
            ..Parts::default()
        };
        for found in found {
            parts.whole.entry(found.path.clone()).or_default().push(found);
        }
        finish(&linter, view, change.as_ref(), &mut parts, guard);
        Some(parts)
    })
}

/// Puts together what is shown of each file.
fn finish(linter: &Linter<'_>, view: &View, change: Option<&(Change<'_>, &Parts)>, parts: &mut Parts, guard: &Guard) {
    let migrations = &view.history.migrations;
    let mut is_migration = BTreeSet::new();
    for (number, (migration, look)) in migrations.iter().zip(&parts.looks).enumerate() {
        let path = &migration.path;
        let whole = parts.whole.get(path);
        is_migration.insert(path);
        let is_same = |(change, known): &&(Change<'_>, &Parts)| {
            let before = known.looks.get(number);
            before.is_some_and(|before| Arc::ptr_eq(&before.findings, &look.findings))
                && known.whole.get(path) == whole
                && change.is_same_file(number)
        };
        let found = if let Some((_, known)) = change.filter(is_same) {
            known.finished.get(path).cloned()
        } else {
            let found = look.findings.iter().chain(whole.into_iter().flatten()).cloned();
            Some(Arc::new(finish_file(linter, Some(number), found.collect(), guard)))
        };
        if let Some(found) = found.filter(|found| !found.is_empty()) {
            parts.finished.insert(path.clone(), found);
        }
    }
    for (path, whole) in parts.whole.iter().filter(|(path, _)| !is_migration.contains(path)) {
        let same = change.filter(|(_, known)| known.whole.get(path) == Some(whole));
        let found = same.and_then(|(_, known)| known.finished.get(path).cloned());
        let found = found.unwrap_or_else(|| Arc::new(finish_file(linter, None, whole.clone(), guard)));
        parts.finished.insert(path.clone(), found);
    }
}

/// The findings of one file, without looking at the others; looked for once. Not to be called on a thread of the pool
/// of [`project::on_deep_stacks`] before the file's history is replayed.
pub(crate) fn one(snapshot: &Snapshot, path: &Path, guard: &Guard) -> Option<Found> {
    if let Some(judged) = snapshot.known_findings() {
        return Some(judged.by_file.get(path).cloned().unwrap_or_default());
    }
    let alone = || snapshot.alone.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = alone().get(path) {
        return Some(Arc::clone(&known.found));
    }
    let (view, member) = snapshot.find(path)?;
    view.replay(guard);
    let linter = linter(view)?;
    let (found, look) = project::on_deep_stacks(|| {
        let (found, look) = if let Some(number) = member.migration {
            let look = look(snapshot, view, &linter, number, guard);
            let mut found = look.findings.to_vec();
            found.extend(whole(guard, || linter.project_in(number)));
            (found, Some(Arc::new(look)))
        } else {
            let mut found = whole(guard, || linter.project());
            found.retain(|found| found.path == member.path);
            (found, None)
        };
        (finish_file(&linter, member.migration, found, guard), look)
    });
    let found = Arc::new(found);
    let known = Alone {
        found: Arc::clone(&found),
        look,
    };
    alone().insert(path.to_path_buf(), known);
    Some(found)
}

impl Snapshot {
    /// What is known of files of a history that somebody could not wait for, by number.
    fn looks(&self, history: usize) -> BTreeMap<usize, Arc<Look>> {
        let alone = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
        let looks = alone.iter().filter_map(|(path, known)| {
            let member = self.members.get(path).filter(|member| member.history == history)?;
            Some((member.migration?, Arc::clone(known.look.as_ref()?)))
        });
        looks.collect()
    }
}

/// Files that are replayed in no time: with so few behind an edit, its findings wait for all.
const FEW: usize = 16;

/// What can be said about an edited file before the many files behind it are replayed. Its own rules look at it anew;
/// what depends on later files is taken to be as before the edit, which [`one`] then confirms or corrects. `None` where
/// nothing is to be gained.
pub(crate) fn at_once(snapshot: &Snapshot, path: &Path, guard: &Guard) -> Option<Found> {
    let (view, member) = snapshot.find(path)?;
    let number = member.migration?;
    let known = view.known()?;
    let (history, basis) = (&*view.history, snapshot.kept.whole()?);
    let is_first = known.changed(view).is_some_and(|changed| changed.start == number);
    if !is_first || history.migrations.len() - number <= FEW {
        return None;
    }
    let (judged, parts) = basis.of(member.history, view)?;
    let before = judged.history.migrations.get(number)?;
    let migration = &history.migrations[number];
    let shift = Shift::new(&before.text, &migration.text);
    let whole = parts.whole.get(&member.path).filter(|_| before.path == migration.path);
    let whole = whole.into_iter().flatten();
    let shifted = whole.filter_map(|found| shift.finding(found));
    let linter = Linter::replayed(history, &view.documents, &view.settings, Arc::clone(&known.timeline));
    let found = project::on_deep_stacks(|| {
        let mut found = Arc::unwrap_or_clone(look(snapshot, view, &linter, number, guard).findings);
        found.extend(shifted);
        finish_file(&linter, Some(number), found, guard)
    });
    Some(Arc::new(found))
}

/// Where a place of a text is after an edit of it.
struct Shift {
    /// Bytes before and after the edit.
    same: [usize; 2],
    /// Bytes of the old and of the new text.
    length: [usize; 2],
}

impl Shift {
    fn new(old: &str, new: &str) -> Self {
        let (old, new) = (old.as_bytes(), new.as_bytes());
        let same = |pair: &(&u8, &u8)| pair.0 == pair.1;
        let before = old.iter().zip(new).take_while(same).count();
        let (old_rest, new_rest) = (&old[before..], &new[before..]);
        let after = old_rest
            .iter()
            .rev()
            .zip(new_rest.iter().rev())
            .take_while(same)
            .count();
        Self {
            same: [before, after],
            length: [old.len(), new.len()],
        }
    }

    /// `None` where the edit reaches into the span.
    fn span(&self, span: Span) -> Option<Span> {
        let ([before, after], [old, new]) = (self.same, self.length);
        let (start, end) = (span.start as usize, span.end as usize);
        if end <= before {
            Some(span)
        } else if start >= old - after {
            Some(Span::new(start + new - old, end + new - old))
        } else {
            None
        }
    }

    fn finding(&self, found: &Diagnostic) -> Option<Diagnostic> {
        let mut found = found.clone();
        found.span = self.span(found.span)?;
        for related in found.related.iter_mut().filter(|related| related.path == found.path) {
            related.span = self.span(related.span)?;
        }
        for edit in found.fixes.iter_mut().flat_map(|fix| &mut fix.edits) {
            edit.span = self.span(edit.span)?;
        }
        Some(found)
    }
}

fn linter(view: &View) -> Option<Linter<'_>> {
    let timeline = Arc::clone(view.timeline()?);
    Some(Linter::replayed(
        &view.history,
        &view.documents,
        &view.settings,
        timeline,
    ))
}

fn look(snapshot: &Snapshot, view: &View, linter: &Linter<'_>, number: usize, guard: &Guard) -> Look {
    let doing = || format!("judging {}", snapshot.describe(&view.history.migrations[number].path));
    guard.run(doing, || linter.look(number)).unwrap_or_default()
}

fn whole(guard: &Guard, look: impl FnOnce() -> Vec<Diagnostic>) -> Vec<Diagnostic> {
    let doing = || "judging a project as a whole".to_owned();
    guard.run(doing, look).unwrap_or_default()
}

fn finish_file(linter: &Linter<'_>, number: Option<usize>, found: Vec<Diagnostic>, guard: &Guard) -> Vec<Diagnostic> {
    let doing = || "heeding what is allowed".to_owned();
    guard
        .run(doing, || linter.finish_file(number, found))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
