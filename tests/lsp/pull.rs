//! Findings for editors that ask for them.

use ls_types::request::{DocumentDiagnosticRequest, WorkspaceDiagnosticRequest};
use ls_types::{
    Diagnostic, DocumentDiagnosticParams, DocumentDiagnosticReport, DocumentDiagnosticReportResult, PreviousResultId,
    TextDocumentIdentifier, WorkspaceDiagnosticParams, WorkspaceDiagnosticReportResult,
    WorkspaceDocumentDiagnosticReport,
};
use serde_json::json;

use crate::client::{Editor, Folder, Start, codes};

const FIRST: &str = "supabase/migrations/1_a.sql";
const SECOND: &str = "supabase/migrations/2_b.sql";

fn project() -> Folder {
    Folder::new(&[
        (FIRST, "create table größe (id bigint primary key);\n"),
        (SECOND, "/* 😀 */ alter table größe drop column id;\n"),
    ])
}

fn pulling(folder: &Folder) -> Editor {
    let mut start = Start::in_folder(folder.path());
    start.capabilities["textDocument"]["diagnostic"] = json!({});
    start.capabilities["workspace"]["diagnostics"] = json!({ "refreshSupport": true });
    start.open()
}

/// The findings of a file and their number; `None` where they are as before.
fn pull(editor: &mut Editor, path: &str, previous: Option<&str>) -> Option<(String, Vec<Diagnostic>)> {
    let params = DocumentDiagnosticParams {
        text_document: TextDocumentIdentifier::new(editor.uri(path)),
        identifier: None,
        previous_result_id: previous.map(str::to_owned),
        work_done_progress_params: ls_types::WorkDoneProgressParams::default(),
        partial_result_params: ls_types::PartialResultParams::default(),
    };
    let answer = editor.ask::<DocumentDiagnosticRequest>(params).expect("an answer");
    match answer {
        DocumentDiagnosticReportResult::Report(DocumentDiagnosticReport::Full(full)) => {
            let full = full.full_document_diagnostic_report;
            Some((full.result_id.expect("a number"), full.items))
        }
        DocumentDiagnosticReportResult::Report(DocumentDiagnosticReport::Unchanged(unchanged)) => {
            let id = unchanged.unchanged_document_diagnostic_report.result_id;
            assert_eq!(Some(id.as_str()), previous);
            None
        }
        DocumentDiagnosticReportResult::Partial(_) => panic!("nobody asked for parts"),
    }
}

/// All files' reports: path, number, findings if they changed.
fn pull_all(editor: &mut Editor, previous: &[(String, String)]) -> Vec<(String, String, Option<Vec<Diagnostic>>)> {
    let previous_result_ids = previous.iter().map(|(path, value)| PreviousResultId {
        uri: editor.uri(path),
        value: value.clone(),
    });
    let params = WorkspaceDiagnosticParams {
        identifier: None,
        previous_result_ids: previous_result_ids.collect(),
        work_done_progress_params: ls_types::WorkDoneProgressParams::default(),
        partial_result_params: ls_types::PartialResultParams::default(),
    };
    let answer = editor.ask::<WorkspaceDiagnosticRequest>(params).expect("an answer");
    let WorkspaceDiagnosticReportResult::Report(report) = answer else {
        panic!("nobody asked for parts");
    };
    let name = |uri: &ls_types::Uri| {
        let path = uri.to_file_path().expect("a file");
        let mut parts: Vec<_> = path.components().rev().take(3).collect();
        parts.reverse();
        parts.iter().collect::<std::path::PathBuf>().display().to_string()
    };
    let items = report.items.into_iter().map(|item| match item {
        WorkspaceDocumentDiagnosticReport::Full(full) => {
            let report = full.full_document_diagnostic_report;
            (name(&full.uri), report.result_id.expect("a number"), Some(report.items))
        }
        WorkspaceDocumentDiagnosticReport::Unchanged(unchanged) => {
            let id = unchanged.unchanged_document_diagnostic_report.result_id;
            (name(&unchanged.uri), id, None)
        }
    });
    items.collect()
}

fn refreshes(editor: &Editor) -> usize {
    let asked = editor.requests.iter();
    asked
        .filter(|(method, _)| method == "workspace/diagnostic/refresh")
        .count()
}

#[test]
fn an_editor_that_asks_is_answered_about_its_newest_text_and_not_told_as_well() {
    let folder = project();
    let mut editor = pulling(&folder);
    assert!(editor.offered.capabilities.diagnostic_provider.is_some());
    editor.open(SECOND, "/* 😀 */ alter table größe drop column id;\n");
    let (id, found) = pull(&mut editor, SECOND, None).expect("findings");
    assert!(codes(&found).contains(&"drop-column"), "{found:#?}");
    assert!(pull(&mut editor, SECOND, Some(&id)).is_none(), "nothing changed");
    editor.replace(SECOND, "/* 😀 */ selec 1;\n");
    let (_, found) = pull(&mut editor, SECOND, Some(&id)).expect("other findings");
    assert!(codes(&found).contains(&"syntax-error"), "{found:#?}");
    assert!(editor.diagnostics.is_empty(), "{:#?}", editor.diagnostics);
}

#[test]
fn an_edit_that_changes_other_files_asks_the_editor_to_ask_again() {
    let folder = project();
    let mut editor = pulling(&folder);
    editor.open_from_disk(FIRST);
    editor.open_from_disk(SECOND);
    let (id, found) = pull(&mut editor, SECOND, None).expect("findings");
    assert!(!codes(&found).contains(&"unknown-object"));
    editor.wait("the first check", |editor| (refreshes(editor) > 0).then_some(()));
    let before = refreshes(&editor);
    editor.replace(FIRST, "create table other (id bigint primary key);\n");
    editor.wait("a refresh", |editor| (refreshes(editor) > before).then_some(()));
    let (_, found) = pull(&mut editor, SECOND, Some(&id)).expect("other findings");
    assert!(codes(&found).contains(&"unknown-object"), "{found:#?}");
}

#[test]
fn files_that_are_not_open_are_reported_with_the_others_and_cleared_when_they_go() {
    let folder = project();
    folder.write("dblsp.toml", "[rules]\nno-such-rule = \"off\"\n");
    let mut editor = pulling(&folder);
    editor.open(FIRST, "create table größe (id bigint primary key);\nselec 1;\n");
    let all = pull_all(&mut editor, &[]);
    let paths: Vec<&str> = all.iter().map(|(path, ..)| path.as_str()).collect();
    assert!(paths.contains(&FIRST) && paths.contains(&SECOND), "{paths:?}");
    let settings = all
        .iter()
        .find(|(path, ..)| path.ends_with("dblsp.toml"))
        .expect("the settings are wrong");
    assert!(settings.2.as_ref().is_some_and(|found| found.len() == 1));
    let second: Vec<(String, String)> = all
        .iter()
        .filter(|(path, ..)| path == SECOND)
        .map(|(path, id, _)| (path.clone(), id.clone()))
        .collect();
    let again = pull_all(&mut editor, &second);
    let unchanged = again.iter().find(|(path, ..)| path == SECOND).expect("it is reported");
    assert!(unchanged.2.is_none(), "{unchanged:?}");
    folder.remove(SECOND);
    editor.save(FIRST);
    editor.wait("the news that it is gone", |editor| {
        let gone = pull_all(editor, &second);
        let gone = gone.iter().find(|(path, ..)| path == SECOND).expect("it is reported");
        gone.2.as_ref().is_some_and(Vec::is_empty).then_some(())
    });
}
