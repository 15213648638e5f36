//! Pages that the server makes of a migration: kept in `.dblsp`, which git ignores, and shown by the editor or a browser.

use std::path::Path;
use std::sync::Arc;

use project::local;
use tower_lsp::ls_types::{MessageType, ShowDocumentParams, Uri};

use crate::state::Shared;

/// A page.
pub(crate) struct Page {
    /// What it is of: `Trace of 20250101000000_users.sql`.
    pub(crate) title: String,
    /// Its file's name.
    pub(crate) name: String,
    /// All of it.
    pub(crate) text: String,
}

impl Page {
    /// A page about a file, named after it: a later one of the same kind takes its place.
    pub(crate) fn about(path: &str, kind: &str, ending: &str, text: String) -> Self {
        let file = path.rsplit('/').next().unwrap_or(path);
        let stem = file.strip_suffix(".sql").unwrap_or(file);
        Self {
            title: format!("{kind} of {file}"),
            name: format!("{}-{stem}.{ending}", kind.to_lowercase()),
            text,
        }
    }
}

/// Writes a page of the project in `root` and has it shown; what to tell the user.
pub(crate) async fn present(shared: &Arc<Shared>, root: &Path, page: Page) -> (MessageType, String) {
    let Page { title, name, text } = page;
    let (folder, file) = (root.to_path_buf(), name.clone());
    let writing = tokio::task::spawn_blocking(move || local::write(&folder, &file, &text));
    if let Err(error) = writing.await.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
        let words = format!("`{}/{name}` cannot be written: {error}", local::FOLDER);
        return (MessageType::ERROR, words);
    }
    if let Some(uri) = Uri::from_file_path(local::path(root, &name)) {
        show(shared, uri).await;
    }
    (MessageType::INFO, format!("{title} is in `{}/{name}`.", local::FOLDER))
}

/// In a browser: an editor would show the source.
async fn show(shared: &Shared, uri: Uri) {
    let show = ShowDocumentParams {
        uri,
        external: Some(true),
        take_focus: Some(true),
        selection: None,
    };
    if shared.session().show_document {
        drop(shared.client.show_document(show).await);
    }
}
