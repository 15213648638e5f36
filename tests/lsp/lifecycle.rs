//! How the server starts and ends, and what it does with messages that no editor should send.

use std::time::{Duration, Instant};

use ls_types::notification::Exit;
use ls_types::request::{Initialize, Shutdown};
use ls_types::{InitializeParams, PositionEncodingKind};
use serde_json::{Value, json};

use crate::client::{Editor, Folder, Start};

#[test]
fn the_first_encoding_that_both_know_is_agreed_on() {
    let folder = Folder::new(&[]);
    for encoding in ["utf-8", "utf-16", "utf-32"] {
        let editor = Start::in_folder(folder.path()).counting(encoding).open();
        let agreed = editor.offered.capabilities.position_encoding.clone();
        assert_eq!(agreed, Some(PositionEncodingKind::new(encoding)));
    }
}

#[test]
fn shutdown_and_exit_end_with_success() {
    let editor = Editor::of(&Folder::new(&[]));
    assert_eq!(editor.leave().code(), Some(0));
}

#[test]
fn exit_alone_ends_at_once_and_tells_that_it_was_not_asked_for() {
    let mut editor = Editor::of(&Folder::new(&[]));
    let started = Instant::now();
    editor.tell::<Exit>(());
    assert_eq!(editor.ended().code(), Some(1));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn an_editor_that_vanishes_ends_the_server() {
    let mut editor = Editor::of(&Folder::new(&[]));
    editor.vanish();
    assert_eq!(editor.ended().code(), Some(1));
}

#[test]
fn nothing_is_answered_before_initialize_and_after_shutdown() {
    let folder = Folder::new(&[]);
    let mut editor = Editor::spawn(folder.path());
    assert_eq!(editor.ask::<Shutdown>(()).expect_err("refused")["code"], json!(-32002));
    editor
        .ask::<Initialize>(InitializeParams::default())
        .expect("the server starts");
    editor.ask::<Shutdown>(()).expect("shut down");
    let id = editor.begin("textDocument/hover", hover(&editor));
    assert_eq!(editor.answer(id).expect_err("refused")["code"], json!(-32600));
    editor.tell::<Exit>(());
    assert_eq!(editor.ended().code(), Some(0));
}

fn hover(editor: &Editor) -> Value {
    json!({ "textDocument": { "uri": editor.uri("1.sql") }, "position": { "line": 0, "character": 0 } })
}

#[test]
fn nonsense_is_survived() {
    let folder = Folder::new(&[("supabase/migrations/1_a.sql", "create table a (id int primary key);\n")]);
    let mut editor = Editor::of(&folder);
    editor.write(b"Content-Length: 8\r\n\r\n{\"x\": }}");
    editor.write(b"Content-Length: 2\r\n\r\n[]");
    editor.write(b"Nonsense: 1\r\nContent-Length: 4\r\n\r\nnull");
    editor.wait("three warnings", |editor| {
        let warned = editor
            .notifications
            .iter()
            .filter(|(method, _)| method == "window/logMessage");
        (warned.count() == 3).then_some(())
    });
    let id = editor.begin("dblsp/noSuchMethod", Value::Null);
    assert_eq!(editor.answer(id).expect_err("refused")["code"], json!(-32601));
    let id = editor.begin("textDocument/hover", json!({ "position": 1 }));
    assert_eq!(editor.answer(id).expect_err("refused")["code"], json!(-32602));
    let body = json!({ "jsonrpc": "2.0", "method": "dblsp/noSuchNotification" }).to_string();
    editor.write(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    // A change to a file that was never opened, and to one that is no file.
    for uri in ["file:///nowhere/1.sql", "untitled:Untitled-1"] {
        let change = json!({
            "jsonrpc": "2.0",
            "method": "textDocument/didChange",
            "params": {
                "textDocument": { "uri": uri, "version": 2 },
                "contentChanges": [{ "range": {
                    "start": { "line": 9, "character": 9 }, "end": { "line": 1, "character": 0 } }, "text": "x" }]
            }
        });
        let body = change.to_string();
        editor.write(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }
    editor.open("supabase/migrations/1_a.sql", "selec 1;");
    editor.expect("supabase/migrations/1_a.sql", |found| !found.is_empty());
    assert_eq!(editor.leave().code(), Some(0));
}

#[test]
fn deeply_nested_sql_is_read_and_let_go_again() {
    let folder = Folder::new(&[("supabase/migrations/1_a.sql", "select 1;\n")]);
    let mut editor = Editor::of(&folder);
    let path = "supabase/migrations/1_a.sql";
    let nested = |depth: usize| {
        let (open, close) = ("(".repeat(depth), ")".repeat(depth));
        format!(
            "select {open}1{close};\nselect {}1;\ndo $$ begin {} end $$;\n",
            "1 + ".repeat(depth),
            "begin ".repeat(depth)
        )
    };
    editor.open(path, &nested(10));
    for depth in [1_000, 20_000, 50] {
        let version = editor.replace(path, &nested(depth));
        editor.expect_version(path, version);
        let id = editor.begin("textDocument/hover", hover(&editor));
        editor.answer(id).expect("an answer");
    }
    let version = editor.replace(path, "selec 1;\n");
    editor.expect_version(path, version);
    editor.expect(path, |found| !found.is_empty());
    assert_eq!(editor.leave().code(), Some(0));
}
