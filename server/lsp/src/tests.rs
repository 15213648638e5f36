//! What needs a core that fails or dawdles: the server in this process, with another way to read migrations.

use std::path::PathBuf;
use std::time::Duration;

use analysis::Document;
use analysis::history::Migration;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::server::serve_reading;
use crate::state::Reader;

/// An editor at the other end of two pipes.
struct Editor {
    input: DuplexStream,
    output: DuplexStream,
    server: tokio::task::JoinHandle<bool>,
    folder: TempDir,
    seen: Vec<Value>,
}

const PATH: &str = "supabase/migrations/1_a.sql";

impl Editor {
    async fn start(read: Reader) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir_all(folder.path().join("supabase/migrations")).expect("created");
        std::fs::write(folder.path().join(PATH), "select 1;\n").expect("written");
        let (input, its_input) = tokio::io::duplex(1 << 16);
        let (its_output, output) = tokio::io::duplex(1 << 16);
        let server = tokio::spawn(serve_reading(its_input, its_output, read));
        let mut editor = Self {
            input,
            output,
            server,
            folder,
            seen: Vec::new(),
        };
        let root = format!("file://{}", editor.folder.path().display());
        let params = json!({
            "capabilities": { "window": { "workDoneProgress": true } },
            "initializationOptions": { "debounce": 0 },
            "workspaceFolders": [{ "uri": root, "name": "folder" }]
        });
        editor
            .send(json!({ "id": 1, "method": "initialize", "params": params }))
            .await;
        editor.find(|message| message["id"] == 1).await;
        editor.send(json!({ "method": "initialized", "params": {} })).await;
        editor
    }

    fn uri(&self) -> String {
        let path: PathBuf = self.folder.path().join(PATH);
        format!("file://{}", path.display())
    }

    async fn send(&mut self, mut message: Value) {
        message["jsonrpc"] = json!("2.0");
        let text = message.to_string();
        let frame = format!("Content-Length: {}\r\n\r\n{text}", text.len());
        self.input.write_all(frame.as_bytes()).await.expect("the server reads");
    }

    async fn open(&mut self, text: &str) {
        let document = json!({ "uri": self.uri(), "languageId": "sql", "version": 1, "text": text });
        self.send(json!({ "method": "textDocument/didOpen", "params": { "textDocument": document } }))
            .await;
    }

    async fn replace(&mut self, version: i32, text: &str) {
        let params = json!({
            "textDocument": { "uri": self.uri(), "version": version }, "contentChanges": [{ "text": text }] });
        self.send(json!({ "method": "textDocument/didChange", "params": params }))
            .await;
    }

    async fn hover(&mut self, id: i32) {
        let params = json!({ "textDocument": { "uri": self.uri() }, "position": { "line": 0, "character": 0 } });
        self.send(json!({ "id": id, "method": "textDocument/hover", "params": params }))
            .await;
    }

    /// The first message from now on that is wanted; requests are answered with `null`.
    async fn find(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let searching = async {
            loop {
                let message = self.read().await;
                if let (Some(id), Some(_)) = (message.get("id"), message.get("method")) {
                    let id = id.clone();
                    self.send(json!({ "id": id, "result": null })).await;
                }
                self.seen.push(message.clone());
                if wanted(&message) {
                    return message;
                }
            }
        };
        tokio::time::timeout(Duration::from_mins(1), searching)
            .await
            .expect("it comes")
    }

    async fn read(&mut self) -> Value {
        let mut header = Vec::new();
        while !header.ends_with(b"\r\n\r\n") {
            header.push(self.output.read_u8().await.expect("the server writes"));
        }
        let header = String::from_utf8(header).expect("headers are ASCII");
        let length = header.trim().rsplit(' ').next().and_then(|length| length.parse().ok());
        let mut body = vec![0; length.expect("a length")];
        self.output.read_exact(&mut body).await.expect("the server writes");
        serde_json::from_slice(&body).expect("a message is JSON")
    }

    /// Waits for what is published about a version: the codes.
    async fn published(&mut self, version: i32) -> Vec<String> {
        let uri = self.uri();
        let message = self
            .find(|message| {
                let params = &message["params"];
                message["method"] == "textDocument/publishDiagnostics"
                    && params["uri"] == *uri
                    && params["version"] == version
            })
            .await;
        let found = message["params"]["diagnostics"].as_array().expect("a list").clone();
        let codes = found
            .iter()
            .map(|found| found["code"].as_str().unwrap_or_default().to_owned());
        codes.collect()
    }
}

fn is(message: &Value, method: &str, text: &str) -> bool {
    message["method"] == method && message["params"].to_string().contains(text)
}

fn panics_on_boom(migration: &Migration) -> Document {
    assert!(!migration.text.contains("boom"), "a secret of {}", migration.text);
    analysis::read(migration)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_told_once_and_survived() {
    let mut editor = Editor::start(panics_on_boom).await;
    editor.open("selec 1;\n").await;
    assert!(editor.published(1).await.contains(&"syntax-error".to_owned()));
    editor.replace(2, "select 'boom';\n").await;
    let shown = editor.find(|message| is(message, "window/showMessage", "bug")).await;
    let text = shown["params"]["message"].as_str().expect("a text").to_owned();
    assert!(text.contains(&format!("{PATH} (version 2)")), "{text}");
    assert!(text.contains("tests.rs:") && !text.contains("secret"), "{text}");
    editor.published(2).await;
    editor.replace(3, "selec 'boom';\n").await;
    editor.published(3).await;
    editor.hover(7).await;
    let answer = editor.find(|message| message["id"] == 7).await;
    assert_eq!(answer.get("error"), None, "{answer}");
    editor.replace(4, "selec 1;\n").await;
    assert!(editor.published(4).await.contains(&"syntax-error".to_owned()));
    let told = editor
        .seen
        .iter()
        .filter(|message| is(message, "window/showMessage", "bug"));
    assert_eq!(told.count(), 1);
    let logged = editor
        .seen
        .iter()
        .filter(|message| is(message, "window/logMessage", "(version 3)"));
    assert_eq!(logged.count(), 1);
}

fn dawdles_on_slow(migration: &Migration) -> Document {
    if migration.text.contains("slow") {
        std::thread::sleep(Duration::from_secs(3));
    }
    analysis::read(migration)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_longer_than_a_second_is_shown_and_can_be_cancelled() {
    let mut editor = Editor::start(dawdles_on_slow).await;
    editor.open("select 1;\n").await;
    editor.published(1).await;
    editor.replace(2, "selec 'slow';\n").await;
    let created = editor
        .find(|message| is(message, "window/workDoneProgress/create", "dblsp/"))
        .await;
    let token = created["params"]["token"].clone();
    let begun = editor.find(|message| is(message, "$/progress", "begin")).await;
    assert_eq!(begun["params"]["token"], token);
    assert_eq!(begun["params"]["value"]["cancellable"], true);
    let report = editor.find(|message| is(message, "$/progress", "report")).await;
    let doing = report["params"]["value"]["message"]
        .as_str()
        .expect("a text")
        .to_owned();
    assert_eq!(doing, format!("reading {PATH} (version 2)"));
    let cancel = json!({ "token": token });
    editor
        .send(json!({ "method": "window/workDoneProgress/cancel", "params": cancel }))
        .await;
    editor.find(|message| is(message, "$/progress", "\"end\"")).await;
    editor.replace(3, "selec 1;\n").await;
    editor.published(3).await;
    let mut published = editor
        .seen
        .iter()
        .filter(|message| is(message, "textDocument/publishDiagnostics", "1_a.sql"));
    assert!(
        published.all(|message| message["params"]["version"] != 2),
        "it was cancelled"
    );
    let begun = editor
        .seen
        .iter()
        .filter(|message| is(message, "$/progress", "begin"))
        .count();
    let ended = editor
        .seen
        .iter()
        .filter(|message| is(message, "$/progress", "\"end\""))
        .count();
    assert_eq!((begun, ended), (1, 1), "quick work is not shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_request_is_answered_at_once_and_exit_waits_for_nothing() {
    let mut editor = Editor::start(dawdles_on_slow).await;
    editor.open("select 'slow';\n").await;
    editor.hover(7).await;
    editor
        .send(json!({ "method": "$/cancelRequest", "params": { "id": 7 } }))
        .await;
    let started = std::time::Instant::now();
    let answer = editor.find(|message| message["id"] == 7).await;
    assert_eq!(answer["error"]["code"], -32800, "{answer}");
    editor.hover(8).await;
    editor.send(json!({ "method": "exit" })).await;
    let was_shut_down = (&mut editor.server).await.expect("the server ends");
    assert!(!was_shut_down);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}
