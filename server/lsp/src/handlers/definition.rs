//! Where what a name stands for was made, and where its type was.

use std::sync::Arc;

use analysis::ide::{self, definition};
use tower_lsp::ls_types::{GotoDefinitionParams, GotoDefinitionResponse};

use crate::state::Shared;

type Find = fn(ide::View<'_>, ide::Place) -> Option<ide::Location>;

pub(crate) async fn definition(shared: &Arc<Shared>, params: GotoDefinitionParams) -> Option<GotoDefinitionResponse> {
    find(shared, params, definition::definition).await
}

pub(crate) async fn type_definition(
    shared: &Arc<Shared>,
    params: GotoDefinitionParams,
) -> Option<GotoDefinitionResponse> {
    find(shared, params, definition::type_definition).await
}

async fn find(shared: &Arc<Shared>, params: GotoDefinitionParams, find: Find) -> Option<GotoDefinitionResponse> {
    let at = params.text_document_position_params;
    shared
        .about(&at.text_document.uri, "looking for a definition", move |asked| {
            let found = find(asked.ide, asked.place(at.position))?;
            Some(GotoDefinitionResponse::Scalar(asked.locations().get(found)?))
        })
        .await
}
