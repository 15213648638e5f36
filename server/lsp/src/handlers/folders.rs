//! The folders that the editor has open.

use std::path::PathBuf;
use std::sync::Arc;

use tower_lsp::ls_types::DidChangeWorkspaceFoldersParams;

use crate::from_proto;
use crate::state::Shared;
use crate::workspace::{Area, Reason};

pub(crate) fn changed(shared: &Shared, params: DidChangeWorkspaceFoldersParams) {
    let paths = |folders: Vec<tower_lsp::ls_types::WorkspaceFolder>| -> Vec<PathBuf> {
        folders
            .iter()
            .filter_map(|folder| from_proto::path(&folder.uri))
            .collect()
    };
    for folder in paths(params.event.removed) {
        shared.state().drop_area(&folder);
    }
    add(shared, &paths(params.event.added));
    shared.wake.notify_one();
}

/// Keeps the projects of folders in memory from now on.
pub(crate) fn add(shared: &Shared, folders: &[PathBuf]) {
    let mut state = shared.state();
    for folder in folders {
        state.revision += 1;
        let area = Arc::new(Area::new(folder.clone(), Reason::Folder, state.revision));
        state.areas.insert(folder.clone(), area);
    }
}
