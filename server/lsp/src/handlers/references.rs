//! Where an object is named, in the whole history and in one file.

use std::sync::Arc;

use analysis::ide::references::{self, Access};
use tower_lsp::ls_types::{
    DocumentHighlight, DocumentHighlightKind, DocumentHighlightParams, Location, ReferenceParams,
};

use crate::state::Shared;

pub(crate) async fn references(shared: &Arc<Shared>, params: ReferenceParams) -> Option<Vec<Location>> {
    let at = params.text_document_position;
    let with_declaration = params.context.include_declaration;
    shared
        .about(&at.text_document.uri, "looking for references", move |asked| {
            let found = references::references(asked.ide, asked.place(at.position));
            let mut locations = asked.locations();
            let wanted = found
                .into_iter()
                .filter(|found| with_declaration || found.access != Access::Declare);
            Some(wanted.filter_map(|found| locations.get(found.location)).collect())
        })
        .await
}

pub(crate) async fn highlights(
    shared: &Arc<Shared>,
    params: DocumentHighlightParams,
) -> Option<Vec<DocumentHighlight>> {
    let at = params.text_document_position_params;
    shared
        .about(&at.text_document.uri, "highlighting", move |asked| {
            let found = references::highlights(asked.ide, asked.place(at.position));
            let highlight = |found: references::Highlight| DocumentHighlight {
                range: asked.range(found.span),
                kind: Some(match found.access {
                    Access::Read => DocumentHighlightKind::READ,
                    Access::Write | Access::Declare => DocumentHighlightKind::WRITE,
                }),
            };
            Some(found.into_iter().map(highlight).collect())
        })
        .await
}
