//! The findings of a snapshot, by file: the same as `dblsp check` prints.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use analysis::lint::Linter;
use analysis::lint::diagnostic::Diagnostic;
use rayon::prelude::*;

use crate::panics::Guard;
use crate::snapshot::{Snapshot, View};

/// Findings by absolute path, each file's in the order of `dblsp check`.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    pub(crate) by_file: BTreeMap<PathBuf, Vec<Diagnostic>>,
}

impl Judged {
    /// A file's findings.
    pub(crate) fn of(&self, path: &Path) -> &[Diagnostic] {
        self.by_file.get(path).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Every finding; `None` if `is_stale` says meanwhile that nobody wants them any more. Not to be called on a thread of
/// the pool of [`project::on_deep_stacks`]: it holds a lock while that pool works.
pub(crate) fn all(snapshot: &Snapshot, guard: &Guard, is_stale: &(dyn Fn() -> bool + Sync)) -> Option<Arc<Judged>> {
    let _alone = snapshot.judging.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(judged) = snapshot.known_findings() {
        return Some(judged);
    }
    let mut judged = Judged::default();
    for view in &snapshot.views {
        for found in history(snapshot, view, guard, is_stale)? {
            let path = snapshot.path(&found.path);
            judged.by_file.entry(path).or_default().push(found);
        }
    }
    let judged = Arc::new(judged);
    *snapshot.judged.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&judged));
    Some(judged)
}

fn history(
    snapshot: &Snapshot,
    view: &View,
    guard: &Guard,
    is_stale: &(dyn Fn() -> bool + Sync),
) -> Option<Vec<Diagnostic>> {
    let Some(linter) = linter(view) else {
        return Some(Vec::new());
    };
    project::on_deep_stacks(|| {
        let by_file: Option<Vec<Vec<Diagnostic>>> = (0..view.documents.len())
            .into_par_iter()
            .map(|number| (!is_stale()).then(|| file(snapshot, view, &linter, number, guard)))
            .collect();
        let mut found: Vec<Diagnostic> = by_file?.into_iter().flatten().collect();
        found.extend(whole(&linter, guard));
        (!is_stale()).then(|| finish(&linter, found, guard))
    })
}

/// The findings of one file, without looking at the others; looked for once.
pub(crate) fn one(snapshot: &Snapshot, path: &Path, guard: &Guard) -> Option<Arc<Vec<Diagnostic>>> {
    if let Some(judged) = snapshot.known_findings() {
        return Some(Arc::new(judged.of(path).to_vec()));
    }
    let alone = || snapshot.alone.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = alone().get(path) {
        return Some(Arc::clone(found));
    }
    let found = Arc::new(look(snapshot, path, guard)?);
    alone().insert(path.to_path_buf(), Arc::clone(&found));
    Some(found)
}

fn look(snapshot: &Snapshot, path: &Path, guard: &Guard) -> Option<Vec<Diagnostic>> {
    let (view, member) = snapshot.find(path)?;
    let linter = linter(view)?;
    project::on_deep_stacks(|| {
        let mut found = Vec::new();
        if let Some(number) = member.migration {
            found = file(snapshot, view, &linter, number, guard);
        }
        found.extend(whole(&linter, guard));
        found.retain(|found| found.path == member.path);
        let mut found = finish(&linter, found, guard);
        found.retain(|found| found.path == member.path);
        Some(found)
    })
}

fn linter(view: &View) -> Option<Linter<'_>> {
    let timeline = view.timeline.clone()?;
    Some(Linter::replayed(
        &view.history,
        &view.documents,
        &view.settings,
        timeline,
    ))
}

fn file(snapshot: &Snapshot, view: &View, linter: &Linter<'_>, number: usize, guard: &Guard) -> Vec<Diagnostic> {
    let doing = || format!("judging {}", snapshot.describe(&view.history.migrations[number].path));
    guard.run(doing, || linter.file(number)).unwrap_or_default()
}

fn whole(linter: &Linter<'_>, guard: &Guard) -> Vec<Diagnostic> {
    let doing = || "judging a project as a whole".to_owned();
    guard.run(doing, || linter.project()).unwrap_or_default()
}

fn finish(linter: &Linter<'_>, found: Vec<Diagnostic>, guard: &Guard) -> Vec<Diagnostic> {
    let doing = || "heeding what is allowed".to_owned();
    guard.run(doing, || linter.finish(found)).unwrap_or_default()
}
