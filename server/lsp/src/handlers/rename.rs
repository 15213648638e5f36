//! Another name for an object, in every place of its history.

use std::collections::BTreeMap;
use std::sync::Arc;

use analysis::history::Migration;
use analysis::ide::Place;
use analysis::ide::rename::{self, Companion, Refusal};
use analysis::text::Span;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::ls_types::{PrepareRenameResponse, RenameParams, TextDocumentPositionParams, WorkspaceEdit};

use crate::asked::Asked;
use crate::state::Shared;
use crate::to_proto::Edits;

/// The protocol's code for a request that was understood and cannot be carried out.
const REQUEST_FAILED: i64 = -32803;

/// Whether a migration is applied somewhere, as far as anybody has looked.
fn applied<'a>(asked: &'a Asked<'_>) -> impl Fn(usize) -> bool + 'a {
    move |number| {
        let migration = asked.ide.migration(number);
        migration.is_some_and(|it| asked.ide.history.databases.with(&it.version).next().is_some())
    }
}

pub(crate) async fn prepare(
    shared: &Arc<Shared>,
    params: TextDocumentPositionParams,
) -> Result<Option<PrepareRenameResponse>> {
    let answer = shared
        .about(&params.text_document.uri, "preparing to rename", move |asked| {
            let found = rename::prepare(asked.ide, asked.place(params.position), &applied(asked));
            Some(found.map(|found| PrepareRenameResponse::RangeWithPlaceholder {
                range: asked.range(found.span),
                placeholder: found.name,
            }))
        })
        .await;
    answer.transpose().map_err(refused)
}

pub(crate) async fn rename(shared: &Arc<Shared>, params: RenameParams) -> Result<Option<WorkspaceEdit>> {
    let at = params.text_document_position;
    let answer = shared
        .about(&at.text_document.uri, "renaming", move |asked| {
            let (name, place) = (stored(&params.new_name), asked.place(at.position));
            let edits = rename::rename(asked.ide, place, &name, &applied(asked));
            Some(edits.map(|edits| {
                let beside = in_companions(asked, place, &name);
                workspace_edit(asked, edits, beside)
            }))
        })
        .await;
    answer.transpose().map_err(refused)
}

/// What people type may be quoted, as SQL writes it.
fn stored(typed: &str) -> String {
    let inner = typed.strip_prefix('"').and_then(|typed| typed.strip_suffix('"'));
    inner.map_or_else(|| typed.to_owned(), |inner| inner.replace("\"\"", "\""))
}

/// Edits of rollbacks, tests and seeds, by the path that the history shows: they name the object, too.
fn in_companions(asked: &Asked<'_>, place: Place, name: &str) -> Vec<(String, Vec<(Span, String)>)> {
    let history = asked.ide.history;
    let mut out = Vec::new();
    let mut add = |path: &str, companion: Companion<'_>| {
        let edits = rename::rename_in_companion(asked.ide, place, name, companion);
        if !edits.is_empty() {
            out.push((path.to_owned(), edits));
        }
    };
    for (after, migration) in history.migrations.iter().enumerate() {
        // A section of the same file undoes it.
        let (text, forward) = (&*migration.text, migration.forward);
        let around = [
            Span::new(0, forward.start as usize),
            Span::new(forward.end as usize, text.len()),
        ];
        for part in around
            .into_iter()
            .filter(|part| migration.has_rollback && !part.is_empty())
        {
            add(&migration.path, Companion { after, text, part });
        }
    }
    let last = history.migrations.len().saturating_sub(1);
    for companion in &history.companions {
        let undoes = |migration: &Migration| migration.rollback_path.as_ref() == Some(&companion.path);
        let tests = |migration: &Migration| migration.smoke_test_path.as_ref() == Some(&companion.path);
        let undone = history.migrations.iter().position(undoes);
        let after = undone
            .or_else(|| history.migrations.iter().rposition(tests))
            .unwrap_or(last);
        let text = &*companion.text;
        let part = Span::new(0, text.len());
        add(&companion.path, Companion { after, text, part });
    }
    out
}

fn workspace_edit(
    asked: &Asked<'_>,
    edits: Vec<analysis::ide::Edit>,
    beside: Vec<(String, Vec<(Span, String)>)>,
) -> WorkspaceEdit {
    // Sections of one file are one file's edits.
    let mut by_path: BTreeMap<String, Vec<(Span, String)>> = BTreeMap::new();
    for edit in edits {
        if let Some(migration) = asked.ide.migration(edit.location.file) {
            let own = by_path.entry(migration.path.clone()).or_default();
            own.push((edit.location.span, edit.text));
        }
    }
    for (path, edits) in beside {
        by_path.entry(path).or_default().extend(edits);
    }
    let snapshot = asked.question.snapshot;
    let mut writer = Edits::new(snapshot, asked.question.shared.session());
    for (path, edits) in by_path {
        writer.add(&snapshot.path(&path), edits);
    }
    writer.finish()
}

fn refused(refusal: Refusal) -> Error {
    Error {
        code: ErrorCode::ServerError(REQUEST_FAILED),
        message: refusal.0.into(),
        data: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_name_is_stored_without_its_quotes() {
        assert_eq!(stored("Größe"), "Größe");
        assert_eq!(stored("\"a \"\"b\"\"\""), "a \"b\"");
    }
}
