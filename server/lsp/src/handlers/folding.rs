//! What can be folded away, and what surrounds a place.

use std::sync::Arc;

use analysis::ide::folding::{Fold, FoldKind, folding};
use analysis::ide::selection::selection;
use tower_lsp::ls_types::{
    FoldingRange, FoldingRangeKind, FoldingRangeParams, Position, SelectionRange, SelectionRangeParams,
};

use crate::asked::Asked;
use crate::state::Shared;

pub(crate) async fn ranges(shared: &Arc<Shared>, params: FoldingRangeParams) -> Option<Vec<FoldingRange>> {
    shared
        .about(&params.text_document.uri, "folding", |asked| {
            let found = folding(asked.ide, asked.file).into_iter();
            let range = |fold: Fold| {
                let range = asked.range(fold.span);
                FoldingRange {
                    start_line: range.start.line,
                    start_character: Some(range.start.character),
                    end_line: range.end.line,
                    end_character: Some(range.end.character),
                    kind: (fold.kind == FoldKind::Comment).then_some(FoldingRangeKind::Comment),
                    collapsed_text: None,
                }
            };
            Some(found.map(range).collect())
        })
        .await
}

pub(crate) async fn selections(shared: &Arc<Shared>, params: SelectionRangeParams) -> Option<Vec<SelectionRange>> {
    shared
        .about(&params.text_document.uri, "growing a selection", move |asked| {
            let positions = params.positions.iter();
            // One per position, in order: the protocol pairs them by number.
            Some(positions.map(|position| around(asked, *position)).collect())
        })
        .await
}

fn around(asked: &Asked<'_>, position: Position) -> SelectionRange {
    let spans = selection(asked.ide, asked.place(position));
    let outermost_first = spans.into_iter().rev();
    let nested = outermost_first.fold(None, |parent, span| {
        Some(SelectionRange {
            range: asked.range(span),
            parent: parent.map(Box::new),
        })
    });
    nested.unwrap_or(SelectionRange {
        range: tower_lsp::ls_types::Range::new(position, position),
        parent: None,
    })
}
