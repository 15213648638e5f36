//! What an editor shows at the pointer.

use std::sync::Arc;

use analysis::lint::rule_named;
use tower_lsp::ls_types::{Hover, HoverContents, HoverParams, MarkupContent, MarkupKind};

use crate::from_proto;
use crate::judge;
use crate::position::Positions;
use crate::state::{Question, Shared};
use crate::to_proto;

pub(crate) async fn hover(shared: &Arc<Shared>, params: HoverParams) -> Option<Hover> {
    let place = params.text_document_position_params;
    let position = from_proto::position(place.position);
    shared
        .ask(&place.text_document.uri, "hovering", move |question| {
            let text = question.snapshot.text(question.path)?;
            let positions = Positions::new(&text, question.shared.session().encoding);
            findings(question, &positions, positions.offset(position))
        })
        .await
}

/// The pages of the rules that have found something there.
fn findings(question: &Question<'_>, positions: &Positions<'_>, offset: u32) -> Option<Hover> {
    let found = judge::one(question.snapshot, question.path, &question.shared.guard)?;
    let here: Vec<_> = found
        .iter()
        .filter(|found| found.span.start <= offset && offset <= found.span.end)
        .collect();
    let narrowest = here.iter().min_by_key(|found| found.span.len())?;
    let mut pages = String::new();
    let mut told: Vec<&str> = Vec::new();
    for found in &here {
        if told.contains(&found.rule) {
            continue;
        }
        told.push(found.rule);
        let Some(rule) = rule_named(found.rule) else { continue };
        if !pages.is_empty() {
            pages.push_str("\n\n---\n\n");
        }
        pages.push_str(&format!(
            "**[{}]({})**\n\n{}",
            rule.name,
            rule.url(),
            to_proto::page(rule)
        ));
    }
    Some(Hover {
        contents: HoverContents::Markup(MarkupContent {
            kind: MarkupKind::Markdown,
            value: pages,
        }),
        range: Some(to_proto::range(positions, narrowest.span)),
    })
}
