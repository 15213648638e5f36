//! Findings for editors that ask for them, instead of being told.
//!
//! As in rust-analyzer, an editor that can pull is not pushed to, so that nothing is reported twice. It must also be able
//! to be told to pull again: an edit changes findings of other files, and without that they would stay as they were.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tower_lsp::ls_types::{
    Diagnostic, DocumentDiagnosticParams, DocumentDiagnosticReport, DocumentDiagnosticReportResult,
    FullDocumentDiagnosticReport, RelatedFullDocumentDiagnosticReport, RelatedUnchangedDocumentDiagnosticReport,
    UnchangedDocumentDiagnosticReport, Uri, WorkspaceDiagnosticParams, WorkspaceDiagnosticReport,
    WorkspaceDiagnosticReportResult, WorkspaceDocumentDiagnosticReport, WorkspaceFullDocumentDiagnosticReport,
    WorkspaceUnchangedDocumentDiagnosticReport,
};

use crate::checker::{self, File};
use crate::from_proto;
use crate::judge;
use crate::state::Shared;

/// The findings of one file.
pub(crate) async fn document(shared: &Arc<Shared>, params: DocumentDiagnosticParams) -> DocumentDiagnosticReportResult {
    let working = Arc::clone(shared);
    let path = from_proto::path(&params.text_document.uri);
    let looking = tokio::task::spawn_blocking(move || of_file(&working, &path?));
    let file = looking.await.ok().flatten();
    let items = file.map(|file| file.diagnostics).unwrap_or_default();
    let id = checker::id(&items).to_string();
    let report = if params.previous_result_id.as_ref() == Some(&id) {
        DocumentDiagnosticReport::Unchanged(RelatedUnchangedDocumentDiagnosticReport {
            related_documents: None,
            unchanged_document_diagnostic_report: UnchangedDocumentDiagnosticReport { result_id: id },
        })
    } else {
        DocumentDiagnosticReport::Full(RelatedFullDocumentDiagnosticReport {
            related_documents: None,
            full_document_diagnostic_report: FullDocumentDiagnosticReport {
                result_id: Some(id),
                items,
            },
        })
    };
    DocumentDiagnosticReportResult::Report(report)
}

fn of_file(shared: &Shared, path: &Path) -> Option<File> {
    let area = shared.area_of(path).or_else(|| {
        let state = shared.state();
        // Settings belong to no history.
        state
            .areas
            .values()
            .find(|area| path.starts_with(&area.folder))
            .cloned()
    })?;
    let (snapshot, revision) = shared.analyse_seen(&area);
    let found = judge::one(&snapshot, path, &shared.guard).unwrap_or_default();
    let mut files = BTreeMap::new();
    files.extend(checker::file(shared, &snapshot, path.to_path_buf(), &found).map(|file| (file.path.clone(), file)));
    checker::add_problems(shared, &snapshot, &mut files);
    let file = files.remove(path)?;
    shared.note(&area, &file, revision);
    Some(file)
}

/// The findings of all files.
pub(crate) async fn workspace(
    shared: &Arc<Shared>,
    params: WorkspaceDiagnosticParams,
) -> WorkspaceDiagnosticReportResult {
    let job = shared.jobs.start(shared, "Checking migrations");
    let (working, cancelled) = (Arc::clone(shared), job.cancelled());
    let looking = tokio::task::spawn_blocking(move || of_all(&working, &|| cancelled.is_cancelled()));
    let mut files = looking.await.unwrap_or_default();
    drop(job);
    let previous = params.previous_result_ids.into_iter();
    let previous: BTreeMap<PathBuf, (Uri, String)> = previous
        .filter_map(|before| Some((from_proto::path(&before.uri)?, (before.uri, before.value))))
        .collect();
    for (path, (uri, _)) in &previous {
        // What had findings and has none, or is gone.
        files.entry(path.clone()).or_insert_with(|| File {
            path: path.clone(),
            uri: uri.clone(),
            version: None,
            diagnostics: Vec::new(),
        });
    }
    let items = files.into_values().map(|file| {
        let before = previous.get(&file.path).map(|(_, id)| id);
        report(file, before)
    });
    WorkspaceDiagnosticReportResult::Report(WorkspaceDiagnosticReport { items: items.collect() })
}

fn of_all(shared: &Shared, is_cancelled: &(dyn Fn() -> bool + Sync)) -> BTreeMap<PathBuf, File> {
    shared.place_all();
    let areas: Vec<_> = shared.state().areas.values().cloned().collect();
    let mut files = BTreeMap::new();
    for area in areas {
        let (snapshot, revision) = shared.analyse_seen(&area);
        let Some(judged) = judge::all(&snapshot, &shared.guard, is_cancelled) else {
            continue;
        };
        let of_area = checker::files(shared, &snapshot, &judged);
        of_area.values().for_each(|file| shared.note(&area, file, revision));
        files.extend(of_area);
    }
    files
}

fn report(file: File, before: Option<&String>) -> WorkspaceDocumentDiagnosticReport {
    let id = checker::id(&file.diagnostics).to_string();
    let version = file.version.map(i64::from);
    if before == Some(&id) {
        let unchanged = UnchangedDocumentDiagnosticReport { result_id: id };
        return WorkspaceDocumentDiagnosticReport::Unchanged(WorkspaceUnchangedDocumentDiagnosticReport {
            uri: file.uri,
            version,
            unchanged_document_diagnostic_report: unchanged,
        });
    }
    let items: Vec<Diagnostic> = file.diagnostics;
    WorkspaceDocumentDiagnosticReport::Full(WorkspaceFullDocumentDiagnosticReport {
        uri: file.uri,
        version,
        full_document_diagnostic_report: FullDocumentDiagnosticReport {
            result_id: Some(id),
            items,
        },
    })
}
