//! The outline of a file, and objects of all histories by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use analysis::ide::symbols::{self, FileSymbol, SymbolKind};
use tower_lsp::ls_types::{
    self as proto, DocumentSymbol, DocumentSymbolParams, DocumentSymbolResponse, OneOf, WorkspaceSymbol,
    WorkspaceSymbolParams, WorkspaceSymbolResponse,
};

use crate::asked::{self, Asked, Locations};
use crate::snapshot::{Snapshot, View};
use crate::state::Shared;

pub(crate) async fn document(shared: &Arc<Shared>, params: DocumentSymbolParams) -> Option<DocumentSymbolResponse> {
    shared
        .about(&params.text_document.uri, "outlining", |asked| {
            let found = symbols::symbols(asked.ide, asked.file);
            let nested = found.into_iter().map(|symbol| outline(asked, symbol));
            Some(DocumentSymbolResponse::Nested(nested.collect()))
        })
        .await
}

fn outline(asked: &Asked<'_>, symbol: FileSymbol) -> DocumentSymbol {
    let children = symbol.children.into_iter().map(|child| outline(asked, child));
    let children: Vec<DocumentSymbol> = children.collect();
    #[expect(deprecated, reason = "the type has no other constructor")]
    DocumentSymbol {
        name: symbol.name,
        detail: Some(symbol.detail).filter(|detail| !detail.is_empty()),
        kind: kind(symbol.kind),
        tags: None,
        deprecated: None,
        range: asked.range(symbol.span),
        selection_range: asked.range(symbol.name_span),
        children: Some(children).filter(|children| !children.is_empty()),
    }
}

pub(crate) async fn workspace(shared: &Arc<Shared>, params: WorkspaceSymbolParams) -> Option<WorkspaceSymbolResponse> {
    let shared = Arc::clone(shared);
    let looking = tokio::task::spawn_blocking(move || {
        shared.place_all();
        let areas: Vec<_> = shared.state().areas.values().cloned().collect();
        let mut found = Vec::new();
        for area in areas {
            let snapshot = shared.analyse(&area);
            let told = || "looking for symbols".to_owned();
            let symbols = project::on_deep_stacks(|| {
                let all = || -> Vec<WorkspaceSymbol> {
                    let views = snapshot.views.iter();
                    views
                        .flat_map(|view| of_view(&shared, &snapshot, view, &params.query))
                        .collect()
                };
                shared.guard.run(told, all)
            });
            found.extend(symbols.unwrap_or_default());
        }
        WorkspaceSymbolResponse::Nested(found)
    });
    looking.await.ok()
}

fn of_view(shared: &Shared, snapshot: &Snapshot, view: &View, query: &str) -> Vec<WorkspaceSymbol> {
    let Some(ide) = asked::of(view) else { return Vec::new() };
    let mut locations = Locations {
        snapshot,
        ide,
        encoding: shared.session().encoding,
        known: BTreeMap::new(),
    };
    let found = symbols::workspace_symbols(ide, query).into_iter();
    let symbol = |found: symbols::WorkspaceSymbol| {
        Some(WorkspaceSymbol {
            name: found.name,
            kind: kind(found.kind),
            tags: None,
            container_name: Some(found.container).filter(|container| !container.is_empty()),
            location: OneOf::Left(locations.get(found.location)?),
            data: None,
        })
    };
    found.filter_map(symbol).collect()
}

/// The protocol knows no databases; each kind is its own, so that editors show different signs.
fn kind(kind: SymbolKind) -> proto::SymbolKind {
    match kind {
        SymbolKind::Schema => proto::SymbolKind::NAMESPACE,
        SymbolKind::Table => proto::SymbolKind::CLASS,
        SymbolKind::View => proto::SymbolKind::INTERFACE,
        SymbolKind::Column => proto::SymbolKind::FIELD,
        SymbolKind::Constraint => proto::SymbolKind::PROPERTY,
        SymbolKind::Index => proto::SymbolKind::KEY,
        SymbolKind::Sequence => proto::SymbolKind::NUMBER,
        SymbolKind::Function => proto::SymbolKind::FUNCTION,
        SymbolKind::Trigger => proto::SymbolKind::EVENT,
        SymbolKind::Policy | SymbolKind::Rule => proto::SymbolKind::OPERATOR,
        SymbolKind::Enum => proto::SymbolKind::ENUM,
        SymbolKind::Type => proto::SymbolKind::STRUCT,
        SymbolKind::Extension => proto::SymbolKind::PACKAGE,
        SymbolKind::Role => proto::SymbolKind::CONSTANT,
        SymbolKind::Publication => proto::SymbolKind::MODULE,
        SymbolKind::Statement => proto::SymbolKind::NULL,
        SymbolKind::Other => proto::SymbolKind::OBJECT,
    }
}
