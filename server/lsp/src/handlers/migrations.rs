//! `dblsp/migrations`: all migrations, for a tree beside the editor.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use analysis::history::Migration;
use analysis::lint::diagnostic::{Diagnostic, Level};
use serde::Serialize;
use tower_lsp::ls_types::Uri;
use tower_lsp::ls_types::notification::Notification;

use crate::judge::{self, Judged};
use crate::snapshot::{Snapshot, View};
use crate::state::Shared;

/// `dblsp/migrationsChanged`: what `dblsp/migrations` answers is different now.
#[derive(Debug)]
pub(crate) enum MigrationsChanged {}

impl Notification for MigrationsChanged {
    type Params = ();
    const METHOD: &'static str = "dblsp/migrationsChanged";
}

/// One history.
#[derive(Debug, Serialize)]
pub(crate) struct Listed {
    /// What people call it: the name of its project's folder.
    name: String,
    /// Address of that folder.
    root: String,
    migrations: Vec<Entry>,
}

/// One migration.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    uri: String,
    version: String,
    /// The file's name without version and ending.
    name: String,
    /// Whether its rollback is there; `null` where the layout has none.
    rollback: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rollback_uri: Option<String>,
    /// Whether its smoke test is there; `null` where the layout has none.
    smoke_test: Option<bool>,
    held: bool,
    /// Environments that it is applied on, as far as anybody has looked.
    applied: Vec<String>,
    findings: BTreeMap<&'static str, usize>,
}

/// Every history, with its findings.
pub(crate) async fn migrations(shared: &Arc<Shared>) -> Vec<Listed> {
    let shared = Arc::clone(shared);
    let listing = tokio::task::spawn_blocking(move || {
        shared.place_all();
        let areas: Vec<_> = shared.state().areas.values().cloned().collect();
        let of_area = |area| {
            let snapshot = shared.analyse(area);
            let judged = judge::all(&snapshot, &shared.guard, &|| false).unwrap_or_default();
            list(&snapshot, &judged)
        };
        areas.iter().flat_map(|area| of_area(area)).collect()
    });
    listing.await.unwrap_or_default()
}

/// The histories of an area.
pub(crate) fn list(snapshot: &Snapshot, judged: &Judged) -> Vec<Listed> {
    let of_view = |view: &View| {
        let migrations = view.history.migrations.iter();
        let name = view.root.file_name().unwrap_or_default();
        Some(Listed {
            name: name.to_string_lossy().into_owned(),
            root: address(&view.root)?,
            migrations: migrations.filter_map(|it| entry(snapshot, view, judged, it)).collect(),
        })
    };
    snapshot.views.iter().filter_map(of_view).collect()
}

/// Stands for what [`list`] gives: differs where that does.
pub(crate) fn id(snapshot: &Snapshot, judged: &Judged) -> u64 {
    let mut hasher = DefaultHasher::new();
    for view in &snapshot.views {
        view.root.hash(&mut hasher);
        for migration in &view.history.migrations {
            let findings = counts(judged.of(&snapshot.path(&migration.path)));
            let files = (&migration.rollback_path, migration.has_rollback);
            let tests = (&migration.smoke_test_path, migration.has_smoke_test);
            let seen = (migration.is_held(), applied(view, migration));
            (&migration.path, files, tests, seen, findings).hash(&mut hasher);
        }
    }
    hasher.finish()
}

fn entry(snapshot: &Snapshot, view: &View, judged: &Judged, migration: &Migration) -> Option<Entry> {
    let path = snapshot.path(&migration.path);
    let rollback = migration.rollback_path.as_ref().map(|path| snapshot.path(path));
    let is_kept = rollback.is_some() || migration.has_rollback;
    let rollback_uri = rollback.filter(|_| migration.has_rollback);
    Some(Entry {
        uri: snapshot.uri(&path)?.as_str().to_owned(),
        version: migration.version.clone(),
        name: name(migration),
        rollback: is_kept.then_some(migration.has_rollback),
        rollback_uri: rollback_uri.and_then(|path| address(&path)),
        smoke_test: migration.smoke_test_path.as_ref().map(|_| migration.has_smoke_test),
        held: migration.is_held(),
        applied: applied(view, migration),
        findings: count(judged.of(&path)),
    })
}

/// The environments that have it, as far as anybody has looked.
fn applied(view: &View, migration: &Migration) -> Vec<String> {
    let had = view.history.databases.with(&migration.version);
    had.map(|environment| environment.name.clone()).collect()
}

fn address(path: &Path) -> Option<String> {
    Some(Uri::from_file_path(path)?.as_str().to_owned())
}

fn count(found: &[Diagnostic]) -> BTreeMap<&'static str, usize> {
    Level::ALL.map(Level::name).into_iter().zip(counts(found)).collect()
}

/// How many findings there are of each level.
fn counts(found: &[Diagnostic]) -> [usize; Level::ALL.len()] {
    Level::ALL.map(|level| found.iter().filter(|found| found.level == level).count())
}

/// `20251026211500_v0_7_0_baseline.sql` is `v0_7_0_baseline`; `2024_add/up.sql` is `add`.
fn name(migration: &Migration) -> String {
    let mut parts = migration.path.rsplit('/');
    let file = parts.next().unwrap_or_default();
    let shown = match file {
        "up.sql" | "migration.sql" => parts.next().unwrap_or(file),
        _ => file.strip_suffix(".sql").unwrap_or(file),
    };
    let rest = shown.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '_'));
    if rest.is_empty() { shown } else { rest }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_follows_the_version() {
        let name = |path: &str| name(&Migration::new(path, ""));
        assert_eq!(
            name("supabase/migrations/20251026211500_v0_7_0_baseline.sql"),
            "v0_7_0_baseline"
        );
        assert_eq!(name("migrations/2023-01-31-120000_add_x/up.sql"), "add_x");
        assert_eq!(name("0001.sql"), "0001");
    }
}
