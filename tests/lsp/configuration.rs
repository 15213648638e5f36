//! `dblsp.toml` and folders that come, change and go.

use ls_types::notification::{DidChangeWatchedFiles, DidChangeWorkspaceFolders};
use ls_types::{
    Diagnostic, DidChangeWatchedFilesParams, DidChangeWorkspaceFoldersParams, FileChangeType, FileEvent, Uri,
    WorkspaceFolder, WorkspaceFoldersChangeEvent,
};
use serde_json::json;

use crate::client::{Editor, Folder, Start, codes};

const MIGRATION: &str = "supabase/migrations/1_a.sql";

fn project() -> Folder {
    Folder::new(&[
        ("dblsp.toml", "[rules]\nmigration-name-invalid = \"off\"\n"),
        (
            MIGRATION,
            "create table a (id bigint primary key);\ncreate table b (id int primary key, a bigint references a);\n",
        ),
    ])
}

fn fk(found: &[Diagnostic]) -> bool {
    codes(found).contains(&"fk-without-index")
}

fn event(editor: &Editor, path: &str, typ: FileChangeType) -> DidChangeWatchedFilesParams {
    let uri = editor.uri(path);
    DidChangeWatchedFilesParams {
        changes: vec![FileEvent { uri, typ }],
    }
}

#[test]
fn an_editor_that_can_watch_is_asked_to_and_its_events_are_heeded() {
    let folder = project();
    let mut start = Start::in_folder(folder.path());
    start.capabilities["workspace"]["didChangeWatchedFiles"] = json!({ "dynamicRegistration": true });
    let mut editor = start.open();
    let asked = editor.wait("a registration", |editor| {
        let asked = editor
            .requests
            .iter()
            .find(|(method, _)| method == "client/registerCapability");
        asked.map(|(_, params)| params.to_string())
    });
    for glob in ["**/*.sql", "**/dblsp.toml", "**/supabase/config.toml"] {
        assert!(asked.contains(glob), "{asked}");
    }
    editor.expect(MIGRATION, fk);
    folder.write("dblsp.toml", "[rules]\nfk-without-index = \"off\"\n");
    let changed = event(&editor, "dblsp.toml", FileChangeType::CHANGED);
    editor.tell::<DidChangeWatchedFiles>(changed);
    editor.expect(MIGRATION, |found| !fk(found));
    folder.write("supabase/migrations/2_b.sql", "selec 1;");
    let created = event(&editor, "supabase/migrations/2_b.sql", FileChangeType::CREATED);
    editor.tell::<DidChangeWatchedFiles>(created);
    editor.expect("supabase/migrations/2_b.sql", |found| !found.is_empty());
    folder.remove("supabase/migrations/2_b.sql");
    let deleted = event(&editor, "supabase/migrations/2_b.sql", FileChangeType::DELETED);
    editor.tell::<DidChangeWatchedFiles>(deleted);
    editor.expect("supabase/migrations/2_b.sql", <[Diagnostic]>::is_empty);
}

/// What `dblsp check` would not tell, the editor does not show.
#[test]
fn what_a_baseline_holds_and_squawk_was_told_to_leave_out_is_not_shown() {
    let folder = project();
    let mut editor = Editor::of(&folder);
    editor.expect(MIGRATION, fk);
    let check = std::process::Command::new(env!("CARGO_BIN_EXE_dblsp"))
        .args(["check", "--write-baseline"])
        .current_dir(folder.path())
        .output()
        .expect("the binary starts");
    assert!(check.status.success());
    let written = event(&editor, "dblsp.findings.json", FileChangeType::CREATED);
    editor.tell::<DidChangeWatchedFiles>(written);
    editor.expect(MIGRATION, |found| !fk(found));
    folder.write("supabase/migrations/2_b.sql", "alter table b drop column a;\n");
    let created = event(&editor, "supabase/migrations/2_b.sql", FileChangeType::CREATED);
    editor.tell::<DidChangeWatchedFiles>(created);
    let drops = |found: &[Diagnostic]| codes(found).contains(&"drop-column");
    editor.expect("supabase/migrations/2_b.sql", drops);
    folder.write(".squawk.toml", "excluded_rules = [\"ban-drop-column\"]\n");
    let told = event(&editor, ".squawk.toml", FileChangeType::CREATED);
    editor.tell::<DidChangeWatchedFiles>(told);
    editor.expect("supabase/migrations/2_b.sql", |found| !drops(found));
}

#[test]
fn for_an_editor_that_cannot_watch_the_disk_is_looked_at_on_save_open_and_focus() {
    let folder = project();
    let mut editor = Editor::of(&folder);
    editor.expect(MIGRATION, fk);
    assert!(
        editor
            .requests
            .iter()
            .all(|(method, _)| method != "client/registerCapability")
    );
    editor.open_from_disk(MIGRATION);
    editor.expect_version(MIGRATION, 1);
    folder.write("dblsp.toml", "[rules]\nfk-without-index = \"off\"\n");
    editor.save(MIGRATION);
    editor.expect(MIGRATION, |found| !fk(found));
    folder.write("dblsp.toml", "[rules]\nfk-without-index = \"error\"\n");
    editor.open("elsewhere.sql", "");
    editor.expect(MIGRATION, fk);
    folder.write("supabase/migrations/2_b.sql", "create index on b (a);\n");
    editor.tell::<DidChangeWatchedFiles>(DidChangeWatchedFilesParams { changes: Vec::new() });
    editor.expect(MIGRATION, |found| !fk(found));
}

#[test]
fn broken_settings_are_shown_in_place_and_the_last_good_ones_stay() {
    let folder = project();
    folder.write("dblsp.toml", "[rules]\nfk-without-index = \"error\"\n");
    let mut editor = Editor::of(&folder);
    let is_error = |found: &[Diagnostic]| {
        let mut found = found
            .iter()
            .filter(|found| codes(std::slice::from_ref(found)) == ["fk-without-index"]);
        found.any(|found| found.severity == Some(ls_types::DiagnosticSeverity::ERROR))
    };
    editor.expect(MIGRATION, is_error);
    folder.write("dblsp.toml", "postgres = 15\n\n[rules]\nfk-without-index = = \"off\"\n");
    editor.tell::<DidChangeWatchedFiles>(DidChangeWatchedFilesParams { changes: Vec::new() });
    let found = editor.expect("dblsp.toml", |found| !found.is_empty());
    assert_eq!(found[0].range.start.line, 3, "{found:#?}");
    editor.open_from_disk(MIGRATION);
    let found = editor.expect_version(MIGRATION, 1);
    assert!(is_error(&found), "{found:#?}");
    // An unsaved text of the settings counts, too.
    editor.open("dblsp.toml", "[rules]\nfk-without-index = \"off\"\n");
    editor.expect("dblsp.toml", <[Diagnostic]>::is_empty);
    editor.expect(MIGRATION, |found| !fk(found));
    editor.replace("dblsp.toml", "[rules]\nno-such-rule = \"off\"\n");
    let found = editor.expect("dblsp.toml", |found| !found.is_empty());
    assert!(
        found[0].message.contains("no rule is called `no-such-rule`"),
        "{found:#?}"
    );
    assert_eq!(found[0].range.start.line, 1);
}

#[test]
fn settings_that_were_never_good_are_shown_alone() {
    let folder = project();
    folder.write("dblsp.toml", "version = 99\n");
    let mut editor = Editor::of(&folder);
    let found = editor.expect("dblsp.toml", |found| !found.is_empty());
    assert!(found[0].message.contains("version 99"), "{found:#?}");
    assert_eq!(editor.published().len(), 1, "{:#?}", editor.published());
}

#[test]
fn folders_come_and_go() {
    let (first, second) = (project(), project());
    let mut editor = Editor::of(&first);
    let path = |folder: &Folder| folder.path().join(MIGRATION).display().to_string();
    editor.expect(&path(&first), fk);
    let folder = |folder: &Folder| WorkspaceFolder {
        uri: Uri::from_file_path(folder.path()).expect("an absolute path"),
        name: "folder".into(),
    };
    let change = |added, removed| DidChangeWorkspaceFoldersParams {
        event: WorkspaceFoldersChangeEvent { added, removed },
    };
    editor.tell::<DidChangeWorkspaceFolders>(change(vec![folder(&second)], Vec::new()));
    editor.expect(&path(&second), fk);
    editor.tell::<DidChangeWorkspaceFolders>(change(Vec::new(), vec![folder(&first)]));
    editor.expect(&path(&first), <[Diagnostic]>::is_empty);
    let still = editor.expect(&path(&second), |_| true);
    assert!(fk(&still));
}
