//! Files that changed on disk: told by editors that watch, looked for in those that cannot.

use std::sync::Arc;

use tower_lsp::ls_types::{DidChangeWatchedFilesParams, FileChangeType};

use crate::from_proto;
use crate::state::Shared;
use crate::workspace;

/// An editor that cannot watch may send an empty list when it gets the focus: everything is looked at then.
pub(crate) fn changed(shared: &Arc<Shared>, params: &DidChangeWatchedFilesParams) {
    if params.changes.is_empty() {
        look_again(shared);
    }
    for change in &params.changes {
        let Some(path) = from_proto::path(&change.uri) else {
            continue;
        };
        let mut state = shared.state();
        let is_open = state.buffers.contains_key(&path);
        // What is open counts, not what is on disk.
        if !(is_open && change.typ == FileChangeType::CHANGED && !workspace::is_settings(&path)) {
            state.relist(&path);
        }
    }
    shared.wake.notify_one();
}

/// Looks whether files on disk changed, in the background.
pub(crate) fn look_again(shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    tokio::task::spawn_blocking(move || {
        shared.look_again();
        shared.wake.notify_one();
    });
}
