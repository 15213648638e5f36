//! Documents that the editor opens, changes, saves and closes. Nothing here awaits: messages take effect in the order
//! in which they come.

use std::sync::Arc;

use ropey::Rope;
use tower_lsp::ls_types::{
    DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams, DidSaveTextDocumentParams,
    MessageType,
};

use crate::document::{Buffer, OutOfOrder};
use crate::from_proto;
use crate::handlers::files;
use crate::state::Shared;
use crate::workspace;

pub(crate) fn open(shared: &Arc<Shared>, params: DidOpenTextDocumentParams) {
    let document = params.text_document;
    let Some(path) = from_proto::path(&document.uri) else {
        return;
    };
    {
        let mut state = shared.state();
        if state.owner(&path).is_some() {
            state.touch(&path);
        } else if workspace::is_sql(&path) {
            state.relist(&path);
            state.unplaced.insert(path.clone());
        } else if workspace::is_settings(&path) {
            state.relist(&path);
        }
        let buffer = Buffer {
            uri: document.uri,
            version: document.version,
            text: Rope::from_str(&document.text),
            changed: state.revision,
        };
        state.closed.remove(&path);
        state.buffers.insert(path, buffer);
    }
    if !shared.session().watches {
        files::look_again(shared);
    }
    shared.wake.notify_one();
}

pub(crate) fn change(shared: &Arc<Shared>, params: DidChangeTextDocumentParams) {
    let document = params.text_document;
    let Some(path) = from_proto::path(&document.uri) else {
        return;
    };
    let encoding = shared.session().encoding;
    let told = {
        let mut state = shared.state();
        let applied = match state.buffers.get_mut(&path) {
            None => Err("it is not open"),
            Some(buffer) => buffer
                .apply(document.version, &params.content_changes, encoding)
                .map_err(|OutOfOrder| "its version is not newer; it counts as closed until it is opened again"),
        };
        if applied.is_err() {
            state.close(&path);
        } else if workspace::is_settings(&path) {
            state.relist(&path);
        } else {
            state.touch(&path);
        }
        let revision = state.revision;
        if let Some(buffer) = state.buffers.get_mut(&path) {
            buffer.changed = revision;
        }
        applied.map_err(|reason| {
            let (uri, version) = (document.uri.as_str(), document.version);
            format!("a change of {uri} to version {version} was left out: {reason}")
        })
    };
    if let Err(message) = told {
        let client = shared.client.clone();
        tokio::spawn(async move { client.log_message(MessageType::WARNING, message).await });
    }
    shared.wake.notify_one();
}

pub(crate) fn save(shared: &Arc<Shared>, params: &DidSaveTextDocumentParams) {
    let Some(path) = from_proto::path(&params.text_document.uri) else {
        return;
    };
    if !shared.session().watches {
        files::look_again(shared);
    } else if workspace::is_settings(&path) {
        shared.state().relist(&path);
    }
    shared.wake.notify_one();
}

pub(crate) fn close(shared: &Shared, params: &DidCloseTextDocumentParams) {
    if let Some(path) = from_proto::path(&params.text_document.uri) {
        shared.state().close(&path);
        shared.wake.notify_one();
    }
}
