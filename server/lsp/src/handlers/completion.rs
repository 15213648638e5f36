//! What may be written at the cursor.

use std::sync::Arc;

use analysis::ide::completion::{Item, ItemKind, completion, signature};
use analysis::text::Span;
use tower_lsp::ls_types::{
    CompletionItem, CompletionItemKind, CompletionParams, CompletionResponse, CompletionTextEdit, Documentation,
    InsertTextFormat, MarkupContent, MarkupKind, ParameterInformation, ParameterLabel, SignatureHelp,
    SignatureHelpParams, SignatureInformation, TextEdit,
};

use crate::asked::Asked;
use crate::state::Shared;

pub(crate) async fn items(shared: &Arc<Shared>, params: CompletionParams) -> Option<CompletionResponse> {
    let at = params.text_document_position;
    shared
        .about(&at.text_document.uri, "completing", move |asked| {
            let found = completion(asked.ide, asked.place(at.position));
            let can_expand = asked.question.shared.session().snippets;
            let wanted = found.into_iter().filter(|item| can_expand || !item.snippet);
            Some(CompletionResponse::Array(
                wanted.map(|found| item(asked, found)).collect(),
            ))
        })
        .await
}

fn item(asked: &Asked<'_>, item: Item) -> CompletionItem {
    CompletionItem {
        kind: Some(kind(item.kind)),
        detail: Some(item.detail).filter(|detail| !detail.is_empty()),
        documentation: item.documentation.map(markdown),
        sort_text: Some(item.sort),
        // Editors compare it with the text that is replaced, which may be quoted or qualified.
        filter_text: Some(item.label.clone()),
        insert_text_format: item.snippet.then_some(InsertTextFormat::SNIPPET),
        text_edit: Some(CompletionTextEdit::Edit(TextEdit {
            range: asked.range(item.replace),
            new_text: item.insert,
        })),
        label: item.label,
        ..CompletionItem::default()
    }
}

fn markdown(value: String) -> Documentation {
    let kind = MarkupKind::Markdown;
    Documentation::MarkupContent(MarkupContent { kind, value })
}

fn kind(kind: ItemKind) -> CompletionItemKind {
    match kind {
        ItemKind::Keyword => CompletionItemKind::KEYWORD,
        ItemKind::Snippet => CompletionItemKind::SNIPPET,
        ItemKind::Schema => CompletionItemKind::MODULE,
        ItemKind::Table => CompletionItemKind::CLASS,
        ItemKind::View => CompletionItemKind::INTERFACE,
        ItemKind::Sequence | ItemKind::Index => CompletionItemKind::REFERENCE,
        ItemKind::Column => CompletionItemKind::FIELD,
        ItemKind::Type => CompletionItemKind::STRUCT,
        ItemKind::Enum => CompletionItemKind::ENUM,
        ItemKind::Function => CompletionItemKind::FUNCTION,
        ItemKind::Role => CompletionItemKind::CONSTANT,
        ItemKind::Policy | ItemKind::Constraint => CompletionItemKind::PROPERTY,
        ItemKind::Trigger => CompletionItemKind::EVENT,
        ItemKind::Extension | ItemKind::Publication => CompletionItemKind::UNIT,
        ItemKind::Variable => CompletionItemKind::VARIABLE,
    }
}

pub(crate) async fn signatures(shared: &Arc<Shared>, params: SignatureHelpParams) -> Option<SignatureHelp> {
    let at = params.text_document_position_params;
    shared
        .about(&at.text_document.uri, "showing parameters", move |asked| {
            let found = signature::signature(asked.ide, asked.place(at.position))?;
            let count = |number: usize| u32::try_from(number).ok();
            let signatures = found.signatures.into_iter().map(|signature| {
                let label = |span: &Span| parameter(&signature.label, *span);
                SignatureInformation {
                    parameters: Some(signature.parameters.iter().map(label).collect()),
                    documentation: signature.documentation.map(markdown),
                    active_parameter: None,
                    label: signature.label,
                }
            });
            Some(SignatureHelp {
                signatures: signatures.collect(),
                active_signature: count(found.active),
                active_parameter: count(found.argument),
            })
        })
        .await
}

/// Where a parameter stands in its label; the protocol counts UTF-16 here, whatever was agreed on for positions.
fn parameter(label: &str, span: Span) -> ParameterInformation {
    let units = |offset: u32| {
        let before = label.get(..offset as usize).unwrap_or(label);
        u32::try_from(before.encode_utf16().count()).unwrap_or(u32::MAX)
    };
    ParameterInformation {
        label: ParameterLabel::LabelOffsets([units(span.start), units(span.end)]),
        documentation: None,
    }
}
