//! What an editor shows at the pointer.

use std::sync::Arc;

use analysis::ide;
use analysis::lint::rule_named;
use analysis::text::Span;
use tower_lsp::ls_types::{Hover, HoverContents, HoverParams, MarkupContent, MarkupKind};

use crate::asked;
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
            let offset = positions.offset(position);
            let parts = [object(question, offset), findings(question, offset)];
            let parts: Vec<(Span, String)> = parts.into_iter().flatten().collect();
            let (span, _) = parts.first()?;
            let pages: Vec<&str> = parts.iter().map(|(_, page)| page.as_str()).collect();
            Some(Hover {
                contents: HoverContents::Markup(MarkupContent {
                    kind: MarkupKind::Markdown,
                    value: pages.join(RULER),
                }),
                range: Some(to_proto::range(&positions, *span)),
            })
        })
        .await
}

/// Between texts about different things.
const RULER: &str = "\n\n---\n\n";

/// What the name or statement there stands for.
fn object(question: &Question<'_>, offset: u32) -> Option<(Span, String)> {
    let (view, member) = question.snapshot.find(question.path)?;
    let file = member.migration?;
    let found = ide::hover::hover(asked::of(view)?, ide::Place { file, offset })?;
    Some((found.span, found.markdown))
}

/// The pages of the rules that have found something there.
fn findings(question: &Question<'_>, offset: u32) -> Option<(Span, String)> {
    let found = judge::one(question.snapshot, question.path, &question.shared.guard)?;
    let here: Vec<_> = found
        .iter()
        .filter(|found| found.span.start <= offset && offset <= found.span.end)
        .collect();
    let narrowest = here.iter().min_by_key(|found| found.span.len())?;
    let mut pages: Vec<String> = Vec::new();
    let mut told: Vec<&str> = Vec::new();
    for found in &here {
        if told.contains(&found.rule) {
            continue;
        }
        told.push(found.rule);
        let Some(rule) = rule_named(found.rule) else { continue };
        let (name, url, page) = (rule.name, rule.url(), to_proto::page(rule));
        pages.push(format!("**[{name}]({url})**\n\n{page}"));
    }
    Some((narrowest.span, pages.join(RULER)))
}
