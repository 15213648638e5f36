//! `initialize`, `initialized`, `shutdown`.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use tower_lsp::ls_types::{
    DidChangeWatchedFilesRegistrationOptions, FileSystemWatcher, GlobPattern, InitializeParams, InitializeResult,
    MessageType, Registration, ServerInfo,
};

use crate::capabilities::Session;
use crate::checker;
use crate::handlers::folders;
use crate::panics::Panic;
use crate::state::Shared;

pub(crate) fn initialize(shared: &Shared, params: InitializeParams) -> InitializeResult {
    let session = Session::of(params);
    folders::add(shared, &session.folders);
    shared.agree(session);
    InitializeResult {
        capabilities: shared.session().server(),
        server_info: Some(ServerInfo {
            name: "dblsp".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        }),
        ..InitializeResult::default()
    }
}

pub(crate) fn initialized(shared: &Arc<Shared>) {
    tokio::spawn(checker::run(Arc::clone(shared)));
    tokio::spawn(tell_panics(Arc::clone(shared)));
    if shared.session().watches {
        tokio::spawn(watch(Arc::clone(shared)));
    }
    shared.wake.notify_one();
}

pub(crate) fn shutdown(shared: &Shared) {
    shared.is_shut_down.store(true, Ordering::Relaxed);
    shared.jobs.cancel_all();
}

/// What is watched: everything that [`project::load`] reads.
const WATCHED: [&str; 8] = [
    "**/*.sql",
    "**/dblsp.toml",
    "**/dblsp.findings.json",
    "**/.squawk.toml",
    "**/dblsp.baseline.json",
    "**/.dblsp/seen.json",
    "**/supabase/config.toml",
    "**/Cargo.toml",
];

async fn watch(shared: Arc<Shared>) {
    let watchers = WATCHED.map(|glob| FileSystemWatcher {
        glob_pattern: GlobPattern::String(glob.to_owned()),
        kind: None,
    });
    let options = DidChangeWatchedFilesRegistrationOptions {
        watchers: watchers.to_vec(),
    };
    let registration = Registration {
        id: "dblsp/watch".to_owned(),
        method: "workspace/didChangeWatchedFiles".to_owned(),
        register_options: Some(serde_json::to_value(options).expect("the options are JSON")),
    };
    if let Err(error) = shared.client.register_capability(vec![registration]).await {
        let message = format!("files are not watched: {error}");
        shared.client.log_message(MessageType::WARNING, message).await;
    }
}

/// Logs every panic once, and tells the user once that there are any.
async fn tell_panics(shared: Arc<Shared>) {
    let panics = shared.panics.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(mut panics) = panics else { return };
    let mut known = BTreeSet::new();
    while let Some(panic) = panics.recv().await {
        let Panic { doing, place } = &panic;
        let version = env!("CARGO_PKG_VERSION");
        let message = format!("this is a bug in dblsp {version}: {doing} stopped at {place}");
        if known.is_empty() {
            let issues = concat!(env!("CARGO_PKG_REPOSITORY"), "/issues");
            let shown = format!("{message}. Everything else goes on. Please report it at {issues}");
            shared.client.show_message(MessageType::ERROR, shown).await;
        }
        if known.insert(panic.clone()) {
            shared.client.log_message(MessageType::ERROR, message).await;
        }
    }
}
