//! Code actions, the commands behind them, and the list of migrations.

use std::collections::BTreeMap;

use ls_types::request::{CodeActionRequest, CodeActionResolveRequest, ExecuteCommand, HoverRequest};
use ls_types::{
    CodeAction, CodeActionContext, CodeActionKind, CodeActionOrCommand, CodeActionParams, Diagnostic,
    DocumentChangeOperation, DocumentChanges, ExecuteCommandParams, HoverContents, HoverParams, NumberOrString, OneOf,
    Position, Range, ResourceOp, TextDocumentIdentifier, TextDocumentPositionParams, TextEdit,
};
use serde_json::{Value, json};

use crate::client::{Editor, Folder, Start, codes};

const FIRST: &str = "supabase/migrations/20250101000000_v0_1_0_baseline.sql";
const SECOND: &str = "supabase/migrations/20250102000000_v0_1_0_break.sql";

fn project() -> Folder {
    Folder::new(&[
        ("dblsp.toml", "[rules]\nsmoke-test-missing = \"off\"\n"),
        (
            FIRST,
            "create table kunden (id bigint primary key, name text);\nalter table kunden enable row level security;\n",
        ),
        ("supabase/rollback/20250101000000_rollback.sql", "drop table kunden;\n"),
        (SECOND, "select 1;\n"),
    ])
}

/// The actions at a range that an editor would offer, given what is published.
pub(crate) fn actions(
    editor: &mut Editor,
    path: &str,
    range: Range,
    only: Option<Vec<CodeActionKind>>,
) -> Vec<CodeAction> {
    let uri = editor.uri(path);
    let published = editor
        .diagnostics
        .get(uri.as_str())
        .map(|published| published.diagnostics.clone());
    let answer = editor.ask::<CodeActionRequest>(CodeActionParams {
        text_document: TextDocumentIdentifier::new(uri),
        range,
        context: CodeActionContext {
            diagnostics: published.unwrap_or_default(),
            only,
            trigger_kind: None,
        },
        work_done_progress_params: ls_types::WorkDoneProgressParams::default(),
        partial_result_params: ls_types::PartialResultParams::default(),
    });
    let actions = answer.expect("an answer").unwrap_or_default();
    actions
        .into_iter()
        .map(|action| match action {
            CodeActionOrCommand::CodeAction(action) => action,
            CodeActionOrCommand::Command(command) => panic!("a bare command: {command:?}"),
        })
        .collect()
}

fn everywhere() -> Range {
    Range::new(Position::new(0, 0), Position::new(1000, 0))
}

#[track_caller]
pub(crate) fn titled<'a>(actions: &'a [CodeAction], title: &str) -> &'a CodeAction {
    let found = actions.iter().find(|action| action.title.contains(title));
    let titles: Vec<&str> = actions.iter().map(|action| action.title.as_str()).collect();
    found.unwrap_or_else(|| panic!("no action `{title}` among {titles:#?}"))
}

/// The text after the edits of an action, which are about one file; columns count characters.
fn edited(text: &str, action: &CodeAction, version: i32) -> String {
    let edit = action.edit.as_ref().expect("an edit");
    let Some(DocumentChanges::Edits(files)) = &edit.document_changes else {
        panic!("edits with versions: {edit:?}");
    };
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].text_document.version, Some(version));
    let offset = |at: Position| {
        let mut lines = text.split_inclusive('\n');
        let before: usize = lines.by_ref().take(at.line as usize).map(str::len).sum();
        let line = lines.next().unwrap_or_default();
        let within: usize = line.chars().take(at.character as usize).map(char::len_utf8).sum();
        before + within
    };
    let mut edits: Vec<&TextEdit> = files[0]
        .edits
        .iter()
        .map(|edit| match edit {
            OneOf::Left(edit) => edit,
            OneOf::Right(_) => panic!("no annotations were asked for"),
        })
        .collect();
    edits.sort_by_key(|edit| std::cmp::Reverse((edit.range.start.line, edit.range.start.character)));
    let mut out = text.to_owned();
    for edit in edits {
        out.replace_range(offset(edit.range.start)..offset(edit.range.end), &edit.new_text);
    }
    out
}

pub(crate) fn execute(editor: &mut Editor, command: &str, arguments: Vec<Value>) -> Result<Option<Value>, Value> {
    editor.ask::<ExecuteCommand>(ExecuteCommandParams {
        command: command.to_owned(),
        arguments,
        ..ExecuteCommandParams::default()
    })
}

/// Carries out the command of an action.
pub(crate) fn run(editor: &mut Editor, action: &CodeAction) -> Option<Value> {
    let command = action.command.clone().expect("a command");
    let arguments = command.arguments.unwrap_or_default();
    execute(editor, &command.command, arguments).expect("the command runs")
}

fn shown_documents(editor: &Editor) -> Vec<String> {
    let asked = editor
        .requests
        .iter()
        .filter(|(method, _)| method == "window/showDocument");
    asked
        .map(|(_, params)| params["uri"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[track_caller]
#[test]
fn a_fix_of_an_unsaved_text_mends_what_it_is_about() {
    let folder = project();
    let mut editor = Editor::of(&folder);
    editor.open(SECOND, "");
    let text = "/* größe 😀 */ create index \"größe\" on kunden (name);\n";
    let version = editor.replace(SECOND, text);
    editor.expect_version(SECOND, version);
    editor.expect(SECOND, |found| codes(found).contains(&"create-index-non-concurrent"));
    let actions = actions(&mut editor, SECOND, everywhere(), None);
    let fix = titled(&actions, "oncurrently");
    assert_eq!(fix.kind, Some(CodeActionKind::QUICKFIX));
    let about = fix.diagnostics.as_ref().expect("it says what it mends");
    assert_eq!(codes(about), ["create-index-non-concurrent"]);
    let mended = edited(text, fix, version);
    assert!(
        mended.contains("/* größe 😀 */ create index concurrently \"größe\""),
        "{mended}"
    );
    let version = editor.replace(SECOND, &mended);
    editor.expect_version(SECOND, version);
    editor.expect(SECOND, |found| !codes(found).contains(&"create-index-non-concurrent"));
}

#[test]
fn a_finding_is_allowed_on_its_line_or_in_the_file() {
    let folder = project();
    let mut editor = Editor::of(&folder);
    let text = "-- ä\nalter table kunden\n  drop column name;\n";
    editor.open(SECOND, text);
    editor.expect(SECOND, |found| codes(found).contains(&"drop-column"));
    let at = Position::new(2, 5);
    let actions = actions(&mut editor, SECOND, Range::new(at, at), None);
    for (title, wanted) in [
        (
            "Allow `drop-column` here",
            "-- ä\n-- dblsp: allow drop-column (say why)\nalter table",
        ),
        (
            "Allow `drop-column` in this file",
            "-- ä\n-- dblsp: allow-file drop-column (say why)\nalter table",
        ),
    ] {
        let mended = edited(text, titled(&actions, title), 1);
        assert!(mended.starts_with(wanted), "{mended}");
        folder.write(SECOND, &mended);
        let left = folder.checked().remove(SECOND).unwrap_or_default();
        assert!(!left.iter().any(|line| line.contains("allow")), "{left:#?}");
        assert!(!left.iter().any(|line| line.contains("drop-column")), "{left:#?}");
    }
}

#[test]
fn the_documentation_of_a_rule_opens_where_the_editor_can_show_it() {
    let folder = project();
    let mut editor = Editor::of(&folder);
    editor.open(SECOND, "alter table kunden drop column name;\n");
    editor.expect(SECOND, |found| codes(found).contains(&"drop-column"));
    let actions = actions(&mut editor, SECOND, everywhere(), None);
    run(&mut editor, titled(&actions, "documentation of `drop-column`"));
    editor.wait("a page", |editor| {
        let shown = shown_documents(editor);
        shown.iter().any(|uri| uri.ends_with("/drop-column.md")).then_some(())
    });
}

#[test]
fn editors_that_resolve_every_action_get_it_back() {
    let mut editor = Editor::of(&project());
    let action = CodeAction {
        title: "Somebody else's".into(),
        data: Some(json!({ "x": 1 })),
        ..CodeAction::default()
    };
    let answer = editor
        .ask::<CodeActionResolveRequest>(action.clone())
        .expect("an answer");
    assert_eq!(answer, action);
}

#[test]
fn the_rollback_of_an_unsaved_text_is_written_and_shown() {
    let folder = project();
    let mut editor = Editor::of(&folder);
    editor.open(SECOND, "create table größen (id bigint primary key);\n");
    editor.expect(SECOND, |found| codes(found).contains(&"rollback-missing"));
    let at = Position::new(0, 0);
    let offered = actions(&mut editor, SECOND, Range::new(at, at), None);
    run(&mut editor, titled(&offered, "Create the rollback file"));
    editor.expect(SECOND, |found| !codes(found).contains(&"rollback-missing"));
    let path = folder.path().join("supabase/rollback/20250102000000_rollback.sql");
    let written = std::fs::read_to_string(path).expect("it was written");
    assert!(
        written.contains("drop table") && written.contains("größen"),
        "{written}"
    );
    editor.wait("the file", |editor| {
        let shown = shown_documents(editor);
        shown
            .iter()
            .any(|uri| uri.ends_with("20250102000000_rollback.sql"))
            .then_some(())
    });
    let uri = json!(editor.uri(SECOND));
    execute(&mut editor, "dblsp.createRollback", vec![uri]).expect("the command runs");
    editor.message("exists already");
}

#[test]
fn the_smoke_test_is_written_also_where_nobody_asks_for_it() {
    let folder = project();
    let mut editor = Editor::of(&folder);
    editor.open_from_disk(FIRST);
    editor.expect_version(FIRST, 1);
    let offered = actions(&mut editor, FIRST, everywhere(), None);
    let done = run(&mut editor, titled(&offered, "Create the smoke test")).expect("an answer");
    let path = folder.path().join("supabase/tests/v0.1.0_smoke_test.sql");
    assert!(
        done["created"][0]
            .as_str()
            .is_some_and(|uri| uri.ends_with("v0.1.0_smoke_test.sql"))
    );
    let written = std::fs::read_to_string(path).expect("it was written");
    assert!(written.contains("kunden"), "{written}");
}

#[test]
fn the_next_migration_comes_after_unsaved_ones() {
    let folder = project();
    let mut editor = Editor::of(&folder);
    editor.open("supabase/migrations/29991231235959_v0_2_0_later.sql", "select 1;\n");
    let uri = json!(editor.uri(SECOND));
    let arguments = vec![json!({ "uri": uri, "name": "Share Größen" })];
    let done = execute(&mut editor, "dblsp.newMigration", arguments).expect("the command runs");
    let created = done.expect("an answer")["created"].as_array().expect("a list").clone();
    let names: Vec<&str> = created
        .iter()
        .filter_map(Value::as_str)
        .filter_map(|uri| uri.rsplit('/').next())
        .collect();
    assert_eq!(
        names,
        ["30000101000000_v0_2_0_share_gr_en.sql", "30000101000000_rollback.sql"]
    );
    editor.wait("the file", |editor| {
        shown_documents(editor)
            .iter()
            .any(|uri| uri.ends_with("share_gr_en.sql"))
            .then_some(())
    });
    editor.expect("supabase/rollback/30000101000000_rollback.sql", |found| {
        !found.is_empty()
    });
    let arguments = vec![json!({ "uri": uri, "name": "x", "version": "0.1.0" })];
    execute(&mut editor, "dblsp.newMigration", arguments).expect("the command runs");
    editor.message("version 0.1.0 is older than 0.2.0");
}

#[test]
fn a_badly_named_file_is_renamed() {
    let folder = project();
    folder.write("supabase/migrations/20250103000000_add.sql", "select 1;\n");
    let mut editor = Editor::of(&folder);
    let path = "supabase/migrations/20250103000000_add.sql";
    editor.open_from_disk(path);
    editor.expect(path, |found| codes(found).contains(&"migration-name-invalid"));
    let offered = actions(&mut editor, path, everywhere(), None);
    let rename = titled(&offered, "Rename the file to `20250103000000_v0_1_0_add.sql`");
    let Some(DocumentChanges::Operations(operations)) =
        rename.edit.as_ref().and_then(|edit| edit.document_changes.clone())
    else {
        panic!("a rename: {rename:?}");
    };
    let [DocumentChangeOperation::Op(ResourceOp::Rename(rename))] = operations.as_slice() else {
        panic!("one rename: {operations:?}");
    };
    assert_eq!(rename.old_uri, editor.uri(path));
    assert_eq!(
        rename.new_uri,
        editor.uri("supabase/migrations/20250103000000_v0_1_0_add.sql")
    );
}

#[test]
fn commands_on_a_database_are_offered_to_who_looks_for_them() {
    let folder = project();
    let mut editor = Editor::of(&folder);
    editor.open_from_disk(SECOND);
    editor.expect_version(SECOND, 1);
    let offered = actions(&mut editor, SECOND, everywhere(), None);
    assert!(offered.iter().all(|action| !action.title.contains("Apply this")));
    let source = Some(vec![CodeActionKind::SOURCE]);
    let offered = actions(&mut editor, SECOND, everywhere(), source);
    run(&mut editor, titled(&offered, "Apply this migration"));
    // What they do is tested with a real server.
    editor.message("not trusted");
    let offered = editor
        .offered
        .capabilities
        .execute_command_provider
        .clone()
        .expect("commands");
    assert!(offered.commands.contains(&"dblsp.applyAll".to_owned()));
}

#[test]
fn rules_are_explained_and_wrong_commands_refused() {
    let mut editor = Editor::of(&project());
    let page = execute(&mut editor, "dblsp.explain", vec![json!("drop-column")]).expect("the command runs");
    let page = page.expect("a text");
    assert!(
        page.as_str()
            .is_some_and(|page| page.starts_with("# drop-column\n") && page.contains("## Why"))
    );
    let error = execute(&mut editor, "dblsp.explain", vec![json!("drop-colum")]).expect_err("refused");
    assert!(
        error["message"]
            .as_str()
            .is_some_and(|text| text.contains("did you mean `drop-column`")),
        "{error}"
    );
    for (command, arguments) in [("dblsp.nothing", Vec::new()), ("dblsp.createRollback", vec![json!(1)])] {
        let error = execute(&mut editor, command, arguments).expect_err("refused");
        assert_eq!(error["code"], json!(-32602), "{error}");
    }
    let cancelled = execute(&mut editor, "dblsp.cancel", Vec::new()).expect("the command runs");
    assert!(cancelled.is_some_and(|count| count.is_u64()));
}

#[test]
fn everything_is_checked_anew_on_demand() {
    let folder = project();
    let mut editor = Editor::of(&folder);
    editor.expect(SECOND, |found| codes(found) == ["rollback-missing"]);
    folder.write(SECOND, "selec 1;\n");
    let said = execute(&mut editor, "dblsp.check", Vec::new()).expect("the command runs");
    assert_eq!(said, Some(json!("3 files checked: 1 error, 1 warning")));
    editor.expect(SECOND, |found| codes(found).contains(&"syntax-error"));
}

#[test]
fn hovering_a_finding_shows_the_rule() {
    let folder = project();
    let mut editor = Editor::of(&folder);
    editor.open(SECOND, "/* ä😀 */ selec 1;\n");
    let position = Position::new(0, 12);
    let params = HoverParams {
        text_document_position_params: TextDocumentPositionParams {
            text_document: TextDocumentIdentifier::new(editor.uri(SECOND)),
            position,
        },
        work_done_progress_params: ls_types::WorkDoneProgressParams::default(),
    };
    let hover = editor
        .ask::<HoverRequest>(params)
        .expect("an answer")
        .expect("a finding is there");
    let HoverContents::Markup(text) = hover.contents else {
        panic!("Markdown was expected");
    };
    assert!(
        text.value.contains("syntax-error") && text.value.contains("## Why"),
        "{}",
        text.value
    );
    let range = hover.range.expect("a range");
    assert_eq!((range.start, range.end), (Position::new(0, 9), Position::new(0, 14)));
}

#[test]
fn migrations_are_listed_with_what_they_lack() {
    let folder = project();
    let mut editor = Editor::of(&folder);
    editor.open(
        "supabase/migrations/20250103000000_v0_2_0_größe.sql",
        "-- dblsp: hold (später)\nselec 1;\n",
    );
    let id = editor.begin("dblsp/migrations", json!({}));
    let listed = editor.answer(id).expect("an answer");
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    let project = &listed[0];
    let name = folder
        .path()
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    assert_eq!(project["name"], json!(name));
    let migrations = project["migrations"].as_array().expect("a list");
    assert_eq!(migrations.len(), 3);
    assert_eq!(migrations[0]["uri"], json!(editor.uri(FIRST)));
    assert_eq!(migrations[0]["version"], "20250101000000");
    assert_eq!(migrations[0]["name"], "v0_1_0_baseline");
    assert_eq!(migrations[0]["rollback"], json!(true));
    let rollback = editor.uri("supabase/rollback/20250101000000_rollback.sql");
    assert_eq!(migrations[0]["rollbackUri"], json!(rollback));
    assert_eq!(migrations[1]["rollback"], json!(false));
    assert_eq!(migrations[1].get("rollbackUri"), None);
    assert_eq!(migrations[1]["smokeTest"], json!(false));
    assert_eq!(
        migrations[1]["findings"],
        json!({ "error": 0, "hint": 0, "info": 0, "warning": 1 })
    );
    assert_eq!(migrations[2]["held"], json!(true));
    assert!(
        migrations[2]["findings"]["error"]
            .as_u64()
            .is_some_and(|count| count > 0)
    );
    editor.wait("the news", |editor| {
        let mut news = editor.notifications.iter();
        news.any(|(method, _)| method == "dblsp/migrationsChanged")
            .then_some(())
    });
}

/// What an editor that knows nothing of versions and renames gets.
#[test]
fn a_modest_editor_gets_plain_changes() {
    let folder = project();
    let mut start = Start::in_folder(folder.path());
    start.capabilities = json!({ "general": { "positionEncodings": ["utf-32"] } });
    let mut editor = start.open();
    editor.open(SECOND, "create index \"größe\" on kunden (name);\n");
    let found = editor.expect(SECOND, |found| codes(found).contains(&"create-index-non-concurrent"));
    let plain = |found: &Diagnostic| {
        found.code_description.is_none()
            && found.data.is_none()
            && found.tags.is_none()
            && found.related_information.is_none()
    };
    assert!(found.iter().all(plain), "{found:#?}");
    let offered = actions(&mut editor, SECOND, everywhere(), Some(vec![CodeActionKind::QUICKFIX]));
    let fix = titled(&offered, "oncurrently");
    let changes: BTreeMap<String, usize> = fix
        .edit
        .as_ref()
        .and_then(|edit| edit.changes.as_ref())
        .map(|changes| {
            changes
                .iter()
                .map(|(uri, edits)| (uri.as_str().to_owned(), edits.len()))
                .collect()
        })
        .unwrap_or_default();
    assert!(changes.contains_key(editor.uri(SECOND).as_str()), "{fix:?}");
    assert!(
        offered
            .iter()
            .all(|action| action.kind == Some(CodeActionKind::QUICKFIX))
    );
    assert!(
        found
            .iter()
            .all(|found| matches!(found.code, Some(NumberOrString::String(_))))
    );
}
