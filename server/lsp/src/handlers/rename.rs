//! Another name for an object, in every place of its history.

use std::collections::BTreeMap;
use std::sync::Arc;

use analysis::ide::rename::{self, Refusal};
use analysis::text::Span;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::ls_types::{PrepareRenameResponse, RenameParams, TextDocumentPositionParams, WorkspaceEdit};

use crate::asked::Asked;
use crate::state::Shared;
use crate::to_proto::Edits;

/// The protocol's code for a request that was understood and cannot be carried out.
const REQUEST_FAILED: i64 = -32803;

/// No database is linked, so nothing is known to be applied.
const APPLIED: &dyn Fn(usize) -> bool = &|_| false;

pub(crate) async fn prepare(
    shared: &Arc<Shared>,
    params: TextDocumentPositionParams,
) -> Result<Option<PrepareRenameResponse>> {
    let answer = shared
        .about(&params.text_document.uri, "preparing to rename", move |asked| {
            let found = rename::prepare(asked.ide, asked.place(params.position), APPLIED);
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
            let name = stored(&params.new_name);
            let edits = rename::rename(asked.ide, asked.place(at.position), &name, APPLIED);
            Some(edits.map(|edits| workspace_edit(asked, edits)))
        })
        .await;
    answer.transpose().map_err(refused)
}

/// What people type may be quoted, as SQL writes it.
fn stored(typed: &str) -> String {
    let inner = typed.strip_prefix('"').and_then(|typed| typed.strip_suffix('"'));
    inner.map_or_else(|| typed.to_owned(), |inner| inner.replace("\"\"", "\""))
}

fn workspace_edit(asked: &Asked<'_>, edits: Vec<analysis::ide::Edit>) -> WorkspaceEdit {
    let mut by_file: BTreeMap<usize, Vec<(Span, String)>> = BTreeMap::new();
    for edit in edits {
        let location = edit.location;
        by_file
            .entry(location.file)
            .or_default()
            .push((location.span, edit.text));
    }
    let snapshot = asked.question.snapshot;
    let mut writer = Edits::new(snapshot, asked.question.shared.session());
    for (file, edits) in by_file {
        if let Some(migration) = asked.ide.migration(file) {
            writer.add(&snapshot.path(&migration.path), edits);
        }
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
