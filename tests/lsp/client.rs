//! An editor, as far as the protocol goes: the real binary at the other end of two pipes, and typed messages.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use ls_types::notification::{
    DidChangeTextDocument, DidCloseTextDocument, DidOpenTextDocument, DidSaveTextDocument, Exit, Initialized,
    Notification, PublishDiagnostics,
};
use ls_types::request::{Initialize, Request, Shutdown};
use ls_types::{
    ClientCapabilities, Diagnostic, DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    DidSaveTextDocumentParams, InitializeParams, InitializeResult, InitializedParams, NumberOrString, Position,
    PublishDiagnosticsParams, Range, TextDocumentContentChangeEvent, TextDocumentIdentifier, TextDocumentItem, Uri,
    VersionedTextDocumentIdentifier, WorkspaceFolder,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than anything takes, on a slow machine as well.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// Files on disk that an editor looks at.
pub(crate) struct Folder {
    folder: TempDir,
}

impl Folder {
    /// A repository of `files`.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        std::fs::create_dir(folder.path().join(".git")).expect("created");
        for (path, text) in files {
            folder.write(path, text);
        }
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let file = self.path().join(path);
        std::fs::create_dir_all(file.parent().expect("inside the folder")).expect("created");
        std::fs::write(file, text).expect("written");
    }

    pub(crate) fn remove(&self, path: &str) {
        std::fs::remove_file(self.path().join(path)).expect("removed");
    }

    /// The findings that `dblsp check` prints, in the form of [`shown`], by path.
    pub(crate) fn checked(&self) -> BTreeMap<String, Vec<String>> {
        checked(self.path())
    }
}

/// The findings that `dblsp check` prints in `folder`, in the form of [`shown`], by path.
pub(crate) fn checked(folder: &Path) -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO_BIN_EXE_dblsp"))
        .args(["check", "--format", "json"])
        .current_dir(folder)
        .output()
        .expect("the binary starts");
    let printed: Value = serde_json::from_slice(&output.stdout).expect("standard output is JSON");
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for diagnostic in printed["diagnostics"].as_array().expect("a list") {
        let text = |key: &str| diagnostic[key].as_str().unwrap_or_default().to_owned();
        let place = |end: &str| {
            let number = |key: &str| diagnostic[end][key].as_u64().expect("a number") - 1;
            format!("{}:{}", number("line"), number("column"))
        };
        let (start, end) = (place("start"), place("end"));
        let mut line = format!("{start}-{end} {} {}: {}", text("level"), text("rule"), text("message"));
        if let Some(help) = diagnostic["help"].as_str() {
            line.extend([" | ", help]);
        }
        line.extend([" ", &text("url")]);
        found.entry(text("path")).or_default().push(line);
    }
    found
}

/// A diagnostic on one line; characters are counted in UTF-32, as `dblsp check` counts columns.
pub(crate) fn shown(diagnostic: &Diagnostic) -> String {
    let place = |at: Position| format!("{}:{}", at.line, at.character);
    let level = match diagnostic.severity {
        Some(ls_types::DiagnosticSeverity::ERROR) => "error",
        Some(ls_types::DiagnosticSeverity::WARNING) => "warning",
        Some(ls_types::DiagnosticSeverity::INFORMATION) => "info",
        _ => "hint",
    };
    let code = match &diagnostic.code {
        Some(NumberOrString::String(code)) => code,
        _ => "",
    };
    let (start, end) = (place(diagnostic.range.start), place(diagnostic.range.end));
    let message = diagnostic.message.replace('\n', " | ");
    let page = diagnostic.code_description.as_ref();
    let page = page.map(|page| format!(" {}", page.href.as_str())).unwrap_or_default();
    format!("{start}-{end} {level} {code}: {message}{page}")
}

/// An editor with a running server.
pub(crate) struct Editor {
    server: Child,
    input: Option<ChildStdin>,
    output: Receiver<Value>,
    next: i32,
    /// What came and was not asked for yet.
    pub(crate) notifications: VecDeque<(String, Value)>,
    answers: BTreeMap<i32, Value>,
    /// Requests of the server.
    pub(crate) requests: Vec<(String, Value)>,
    /// What the user answers to the next requests of a method; `null` once there is no more.
    pub(crate) replies: BTreeMap<&'static str, VecDeque<Value>>,
    /// What an editor would show now.
    pub(crate) diagnostics: BTreeMap<String, PublishDiagnosticsParams>,
    versions: BTreeMap<String, i32>,
    /// What the server answered to `initialize`.
    pub(crate) offered: InitializeResult,
    root: PathBuf,
}

/// What an editor says about itself at first.
pub(crate) struct Start {
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) capabilities: Value,
    pub(crate) options: Value,
    /// Environment variables of the server.
    pub(crate) variables: Vec<(String, String)>,
}

impl Start {
    /// An editor that counts characters, can be told everything about a finding, and does not wait before it checks.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self {
            folders: vec![folder.to_path_buf()],
            capabilities: json!({
                "general": { "positionEncodings": ["utf-32"] },
                "textDocument": {
                    "publishDiagnostics": {
                        "relatedInformation": true,
                        "tagSupport": { "valueSet": [1, 2] },
                        "codeDescriptionSupport": true,
                        "dataSupport": true,
                        "versionSupport": true
                    }
                },
                "workspace": { "workspaceEdit": { "documentChanges": true, "resourceOperations": ["create", "rename"] } },
                "window": { "workDoneProgress": true, "showDocument": { "support": true } }
            }),
            options: json!({ "debounce": 0 }),
            variables: Vec::new(),
        }
    }

    /// Counts characters in the units of `encoding`.
    pub(crate) fn counting(mut self, encoding: &str) -> Self {
        self.capabilities["general"]["positionEncodings"] = json!([encoding]);
        self
    }

    /// Starts the server.
    pub(crate) fn open(self) -> Editor {
        Editor::start(self)
    }
}

impl Editor {
    /// An editor that has `folder` open.
    pub(crate) fn of(folder: &Folder) -> Self {
        Start::in_folder(folder.path()).open()
    }

    fn start(start: Start) -> Self {
        let root = start.folders.first().cloned().unwrap_or_default();
        let mut editor = Self::spawn_with(&root, &start.variables);
        let folders = start.folders.iter().map(|folder| WorkspaceFolder {
            uri: Uri::from_file_path(folder).expect("an absolute path"),
            name: "folder".to_owned(),
        });
        let capabilities: ClientCapabilities = serde_json::from_value(start.capabilities).expect("capabilities");
        let params = InitializeParams {
            capabilities,
            initialization_options: Some(start.options),
            workspace_folders: Some(folders.collect()),
            ..InitializeParams::default()
        };
        editor.offered = editor.ask::<Initialize>(params).expect("the server starts");
        editor.tell::<Initialized>(InitializedParams {});
        editor
    }

    /// The server's process, before anything is said.
    pub(crate) fn spawn(root: &Path) -> Self {
        Self::spawn_with(root, &[])
    }

    fn spawn_with(root: &Path, variables: &[(String, String)]) -> Self {
        let mut server = Command::new(env!("CARGO_BIN_EXE_dblsp"))
            .args(["lsp", "--stdio"])
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the binary starts");
        let (sender, output) = channel();
        let mut pipe = BufReader::new(server.stdout.take().expect("stdout is piped"));
        std::thread::spawn(move || {
            while let Some(message) = read(&mut pipe) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        Self {
            input: server.stdin.take(),
            server,
            output,
            next: 0,
            notifications: VecDeque::new(),
            answers: BTreeMap::new(),
            requests: Vec::new(),
            replies: BTreeMap::new(),
            diagnostics: BTreeMap::new(),
            versions: BTreeMap::new(),
            offered: InitializeResult::default(),
            root: root.to_path_buf(),
        }
    }

    /// The address of a file of the folder.
    pub(crate) fn uri(&self, path: &str) -> Uri {
        Uri::from_file_path(self.root.join(path)).expect("an absolute path")
    }

    /// Writes bytes as they are.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("the pipe is open");
        input
            .write_all(bytes)
            .and_then(|()| input.flush())
            .expect("the server reads");
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        self.write(format!("Content-Length: {}\r\n\r\n{text}", text.len()).as_bytes());
    }

    /// Sends a notification.
    pub(crate) fn tell<N: Notification>(&mut self, params: N::Params) {
        self.send(&json!({ "jsonrpc": "2.0", "method": N::METHOD, "params": params }));
    }

    /// Sends a request without waiting; its number.
    pub(crate) fn begin(&mut self, method: &str, params: Value) -> i32 {
        self.next += 1;
        let mut message = json!({ "jsonrpc": "2.0", "id": self.next, "method": method });
        if !params.is_null() {
            message["params"] = params;
        }
        self.send(&message);
        self.next
    }

    /// Waits for an answer: its result, or its error.
    pub(crate) fn answer(&mut self, id: i32) -> Result<Value, Value> {
        self.wait("an answer", |editor| {
            editor.answers.remove(&id).map(|answer| match answer.get("error") {
                Some(error) => Err(error.clone()),
                None => Ok(answer["result"].clone()),
            })
        })
    }

    /// Sends a request and waits for its answer.
    pub(crate) fn ask<R: Request>(&mut self, params: R::Params) -> Result<R::Result, Value> {
        let params = serde_json::to_value(params).expect("parameters are JSON");
        let id = self.begin(R::METHOD, params);
        let result = self.answer(id)?;
        Ok(serde_json::from_value(result).expect("the result is what the protocol says"))
    }

    /// Has the user choose an action of the next question.
    pub(crate) fn will_choose(&mut self, title: &str) {
        self.will_answer("window/showMessageRequest", json!({ "title": title }));
    }

    /// Has the user answer the next request of that name so.
    pub(crate) fn will_answer(&mut self, method: &'static str, answer: Value) {
        self.replies.entry(method).or_default().push_back(answer);
    }

    /// Waits for a message to the user that holds `part`.
    #[track_caller]
    pub(crate) fn message(&mut self, part: &str) -> String {
        self.wait_or(
            |editor| format!("a message with `{part}`; there are {:?}", editor.notifications),
            |editor| {
                let mut messages = editor
                    .notifications
                    .iter()
                    .filter(|(method, _)| method == "window/showMessage");
                let found = messages.find_map(|(_, params)| params["message"].as_str().filter(|it| it.contains(part)));
                found.map(str::to_owned)
            },
        )
    }

    /// Opens a file with a text that need not be the disk's.
    pub(crate) fn open(&mut self, path: &str, text: &str) {
        let uri = self.uri(path);
        self.versions.insert(path.to_owned(), 1);
        let text_document = TextDocumentItem::new(uri, "sql".to_owned(), 1, text.to_owned());
        self.tell::<DidOpenTextDocument>(DidOpenTextDocumentParams { text_document });
    }

    /// Opens a file as it is on disk.
    pub(crate) fn open_from_disk(&mut self, path: &str) -> String {
        let text = std::fs::read_to_string(self.root.join(path)).expect("the file is there");
        self.open(path, &text);
        text
    }

    /// Changes an open file; the version that it has then.
    pub(crate) fn change(&mut self, path: &str, changes: Vec<TextDocumentContentChangeEvent>) -> i32 {
        let version = self.versions.get_mut(path).expect("the file is open");
        *version += 1;
        let version = *version;
        let text_document = VersionedTextDocumentIdentifier::new(self.uri(path), version);
        self.tell::<DidChangeTextDocument>(DidChangeTextDocumentParams {
            text_document,
            content_changes: changes,
        });
        version
    }

    /// Replaces an open file's text.
    pub(crate) fn replace(&mut self, path: &str, text: &str) -> i32 {
        self.change(path, vec![whole(text)])
    }

    pub(crate) fn save(&mut self, path: &str) {
        let text_document = TextDocumentIdentifier::new(self.uri(path));
        self.tell::<DidSaveTextDocument>(DidSaveTextDocumentParams {
            text_document,
            text: None,
        });
    }

    pub(crate) fn close(&mut self, path: &str) {
        self.versions.remove(path);
        let text_document = TextDocumentIdentifier::new(self.uri(path));
        self.tell::<DidCloseTextDocument>(DidCloseTextDocumentParams { text_document });
    }

    /// Waits until what is published about a file is `wanted`; fails with what came instead.
    #[track_caller]
    pub(crate) fn expect(&mut self, path: &str, wanted: impl Fn(&[Diagnostic]) -> bool) -> Vec<Diagnostic> {
        let uri = self.uri(path);
        self.wait_or(
            |editor| {
                format!(
                    "findings in {path}; there are {:#?}",
                    editor.diagnostics.get(uri.as_str())
                )
            },
            |editor| {
                let published = editor.diagnostics.get(uri.as_str())?;
                wanted(&published.diagnostics).then(|| published.diagnostics.clone())
            },
        )
    }

    /// Waits until findings about version `version` of a file are published.
    #[track_caller]
    pub(crate) fn expect_version(&mut self, path: &str, version: i32) -> Vec<Diagnostic> {
        let uri = self.uri(path);
        self.wait(&format!("findings in version {version} of {path}"), |editor| {
            let published = editor.diagnostics.get(uri.as_str())?;
            (published.version == Some(version)).then(|| published.diagnostics.clone())
        })
    }

    /// What is published now, by path in the folder, files without findings left out, in the form of [`shown`].
    pub(crate) fn published(&self) -> BTreeMap<String, Vec<String>> {
        let files = self
            .diagnostics
            .values()
            .filter(|published| !published.diagnostics.is_empty());
        files
            .map(|published| {
                let path = published.uri.to_file_path().expect("a file");
                let path = path.strip_prefix(&self.root).unwrap_or(&path).display().to_string();
                (path, published.diagnostics.iter().map(shown).collect())
            })
            .collect()
    }

    /// Waits until `found` finds something in what came.
    #[track_caller]
    pub(crate) fn wait<T>(&mut self, what: &str, found: impl FnMut(&mut Self) -> Option<T>) -> T {
        self.wait_or(|_| what.to_owned(), found)
    }

    #[track_caller]
    fn wait_or<T>(&mut self, what: impl Fn(&Self) -> String, mut found: impl FnMut(&mut Self) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(it) = found(self) {
                return it;
            }
            let left = PATIENCE.saturating_sub(started.elapsed());
            match self.output.recv_timeout(left) {
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Timeout) => panic!("waited too long for {}", what(self)),
                Err(RecvTimeoutError::Disconnected) => panic!("the server ended before {}", what(self)),
            }
        }
    }

    fn take(&mut self, message: Value) {
        let method = message["method"].as_str().map(str::to_owned);
        match (method, message.get("id")) {
            (Some(method), Some(id)) => {
                let result = match method.as_str() {
                    "window/showDocument" => json!({ "success": true }),
                    "workspace/applyEdit" => json!({ "applied": true }),
                    other => {
                        let replies = self.replies.get_mut(other);
                        replies.and_then(VecDeque::pop_front).unwrap_or_default()
                    }
                };
                self.send(&json!({ "jsonrpc": "2.0", "id": id, "result": result }));
                self.requests.push((method, message["params"].clone()));
            }
            (Some(method), None) => {
                if method == PublishDiagnostics::METHOD {
                    let params: PublishDiagnosticsParams =
                        serde_json::from_value(message["params"].clone()).expect("diagnostics");
                    self.diagnostics.insert(params.uri.as_str().to_owned(), params);
                }
                self.notifications.push_back((method, message["params"].clone()));
            }
            (None, _) => {
                let id = message["id"].as_i64().and_then(|id| i32::try_from(id).ok());
                self.answers.insert(id.unwrap_or(-1), message);
            }
        }
    }

    /// Ends the server as the protocol asks; how it ended.
    pub(crate) fn leave(mut self) -> ExitStatus {
        let answer = self.ask::<Shutdown>(());
        assert_eq!(answer, Ok(()));
        self.tell::<Exit>(());
        self.ended()
    }

    /// Waits for the process to end, with its standard input still open.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.server.try_wait().expect("the process can be asked") {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "the server does not end");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Closes the pipe, as an editor that crashed does.
    pub(crate) fn vanish(&mut self) {
        self.input = None;
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// A change that replaces everything.
pub(crate) fn whole(text: &str) -> TextDocumentContentChangeEvent {
    TextDocumentContentChangeEvent {
        range: None,
        range_length: None,
        text: text.to_owned(),
    }
}

/// A change that replaces what is between two places.
pub(crate) fn part(start: (u32, u32), end: (u32, u32), text: &str) -> TextDocumentContentChangeEvent {
    TextDocumentContentChangeEvent {
        range: Some(Range::new(Position::new(start.0, start.1), Position::new(end.0, end.1))),
        range_length: None,
        text: text.to_owned(),
    }
}

/// The codes of diagnostics, in order.
pub(crate) fn codes(diagnostics: &[Diagnostic]) -> Vec<&str> {
    let code = |diagnostic| match diagnostic {
        &Diagnostic {
            code: Some(NumberOrString::String(ref code)),
            ..
        } => code.as_str(),
        _ => "",
    };
    diagnostics.iter().map(code).collect()
}

fn read(pipe: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if pipe.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim() {
            "" => break,
            header => {
                if let Some(value) = header.strip_prefix("Content-Length:") {
                    length = value.trim().parse().ok()?;
                }
            }
        }
    }
    let mut body = vec![0; length];
    pipe.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}
