//! What stands beside each statement: whom it locks, and what it reads and writes from end to end.

use std::sync::Arc;

use analysis::ide::hints::{Hint, hints};
use analysis::text::Span;
use tower_lsp::ls_types::{InlayHint, InlayHintLabel, InlayHintParams, InlayHintTooltip, MarkupContent, MarkupKind};

use crate::from_proto;
use crate::state::Shared;

pub(crate) async fn all(shared: &Arc<Shared>, params: InlayHintParams) -> Option<Vec<InlayHint>> {
    shared
        .about(&params.text_document.uri, "hinting", move |asked| {
            let (start, end) = (params.range.start, params.range.end);
            let wanted = asked
                .positions
                .span(from_proto::position(start), from_proto::position(end));
            let hint = |hint: Hint| InlayHint {
                position: asked
                    .range(Span {
                        start: hint.offset,
                        end: hint.offset,
                    })
                    .start,
                label: InlayHintLabel::String(hint.label),
                kind: None,
                text_edits: None,
                tooltip: Some(InlayHintTooltip::MarkupContent(MarkupContent {
                    kind: MarkupKind::Markdown,
                    value: hint.tooltip,
                })),
                padding_left: Some(true),
                padding_right: None,
                data: None,
            };
            Some(hints(asked.ide, asked.file, wanted).into_iter().map(hint).collect())
        })
        .await
}
