//! Files that the server writes itself, and then shows: what editors make of a `CreateFile` differs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use analysis::history::Migration;
use project::write::{Write, write_all};
use serde::Deserialize;
use serde_json::{Value, json};
use tower_lsp::ls_types::{MessageType, ShowDocumentParams, Uri};

use crate::from_proto;
use crate::state::{Question, Shared};

/// Arguments of `dblsp.newMigration`; all may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NewMigration {
    /// A file or folder of the project.
    uri: Option<Uri>,
    /// What the migration does.
    name: Option<String>,
    /// The release that it belongs to.
    version: Option<String>,
}

/// Writes the migration that comes after all others, and its rollback.
pub(crate) async fn migration(shared: &Arc<Shared>, options: NewMigration) -> Option<Value> {
    let path = options.uri.as_ref().and_then(from_proto::path);
    let folder = match path {
        Some(path) if path.is_dir() => path,
        Some(path) => path.parent().unwrap_or(&path).to_path_buf(),
        None => shared.state().areas.keys().next()?.clone(),
    };
    let name = options.name.unwrap_or_else(|| "new migration".to_owned());
    let working = Arc::clone(shared);
    let writing = tokio::task::spawn_blocking(move || {
        let disk = working.disk(&folder);
        let now = project::name::timestamp_now();
        let writes = project::new::plan(&disk, &folder, &name, options.version.as_deref(), &now);
        match writes {
            Ok(writes) => write(&working, &folder, &writes),
            Err(error) => {
                working.say(MessageType::ERROR, format!("{error}; {}", error.hint()));
                None
            }
        }
    });
    written(shared, writing.await.ok()??)
}

/// Writes the file that undoes a migration.
pub(crate) async fn rollback(shared: &Arc<Shared>, uri: Uri) -> Option<Value> {
    companion(shared, uri, "rollback-missing", |migration| {
        (migration.rollback_path.clone(), migration.has_rollback)
    })
    .await
}

/// Writes the smoke test of a migration's release.
pub(crate) async fn smoke_test(shared: &Arc<Shared>, uri: Uri) -> Option<Value> {
    companion(shared, uri, "smoke-test-missing", |migration| {
        (migration.smoke_test_path.clone(), migration.has_smoke_test)
    })
    .await
}

/// Shows a file.
pub(crate) fn open(shared: &Arc<Shared>, uri: Uri) -> Option<Value> {
    let shared = Arc::clone(shared);
    tokio::spawn(async move { show(&shared, uri).await });
    None
}

async fn companion(
    shared: &Arc<Shared>,
    uri: Uri,
    rule: &'static str,
    expected: fn(&Migration) -> (Option<String>, bool),
) -> Option<Value> {
    let planned = shared
        .ask(&uri, "writing a file", move |question| {
            Some(plan(question, rule, expected))
        })
        .await
        .unwrap_or_else(|| Err("This file is no migration of a project.".to_owned()));
    let (folder, (path, text)) = match planned {
        Ok(planned) => planned,
        Err(message) => {
            shared.say(MessageType::WARNING, message);
            return None;
        }
    };
    let working = Arc::clone(shared);
    let writing = tokio::task::spawn_blocking(move || {
        let path = working.disk(&folder).absolute(&path);
        write(&working, &folder, &[Write::create(path, text)])
    });
    written(shared, writing.await.ok()??)
}

/// The folder of the project, and path and text of the file.
fn plan(
    question: &Question<'_>,
    rule: &str,
    expected: fn(&Migration) -> (Option<String>, bool),
) -> Result<(PathBuf, (String, String)), String> {
    let found = question.snapshot.find(question.path);
    let found = found.and_then(|(view, member)| Some((view, member.migration?)));
    let Some((view, number)) = found else {
        return Err("This file is no migration of a project.".to_owned());
    };
    let (path, is_there) = expected(&view.history.migrations[number]);
    let Some(path) = path else {
        return Err("This project's layout has no such file for this migration.".to_owned());
    };
    if is_there {
        return Err(format!("`{path}` exists already."));
    }
    let timeline = view.timeline();
    let text = timeline.and_then(|timeline| {
        project::scaffold::companion(
            &view.history,
            &view.documents,
            &view.settings,
            timeline,
            (number, rule, &path),
        )
    });
    let text = text.ok_or_else(|| format!("There is nothing to be written into `{path}`."))?;
    Ok((question.snapshot.disk.base.clone(), (path, text)))
}

/// Writes files; the first of them.
fn write(shared: &Shared, folder: &Path, writes: &[Write]) -> Option<Vec<PathBuf>> {
    if let Err(error) = write_all(&shared.disk(folder), writes) {
        shared.say(MessageType::ERROR, format!("{error}; {}", error.hint()));
        return None;
    }
    let mut state = shared.state();
    for write in writes {
        state.relist(&write.path);
    }
    Some(writes.iter().map(|write| write.path.clone()).collect())
}

/// Tells the checker about new files, shows the first, and answers with all.
fn written(shared: &Arc<Shared>, paths: Vec<PathBuf>) -> Option<Value> {
    shared.wake.notify_one();
    let uris: Vec<Uri> = paths.iter().filter_map(Uri::from_file_path).collect();
    open(shared, uris.first()?.clone());
    Some(json!({ "created": uris }))
}

async fn show(shared: &Shared, uri: Uri) {
    let path = from_proto::path(&uri).map(|path| path.display().to_string());
    let show = ShowDocumentParams {
        uri,
        external: Some(false),
        take_focus: Some(true),
        selection: None,
    };
    let can_show = shared.session().show_document;
    let is_shown = can_show && shared.client.show_document(show).await.unwrap_or_default();
    if let (false, Some(path)) = (is_shown, path) {
        shared.client.show_message(MessageType::INFO, path).await;
    }
}
