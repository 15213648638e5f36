//! What each word is, for colouring.

use std::sync::Arc;

use analysis::ide::tokens::{self, Modifiers, TokenKind};
use analysis::text::Span;
use tower_lsp::ls_types::{
    SemanticToken, SemanticTokenModifier, SemanticTokenType, SemanticTokens, SemanticTokensLegend,
    SemanticTokensParams, SemanticTokensRangeParams, SemanticTokensRangeResult, SemanticTokensResult,
};

use crate::asked::Asked;
use crate::from_proto;
use crate::state::Shared;

/// Numbers of kinds and modifiers, by their place. The standard names, because themes know only those.
pub(crate) fn legend() -> SemanticTokensLegend {
    SemanticTokensLegend {
        token_types: vec![
            SemanticTokenType::KEYWORD,
            SemanticTokenType::STRING,
            SemanticTokenType::NUMBER,
            SemanticTokenType::OPERATOR,
            SemanticTokenType::COMMENT,
            SemanticTokenType::NAMESPACE,
            SemanticTokenType::CLASS,
            SemanticTokenType::PROPERTY,
            SemanticTokenType::TYPE,
            SemanticTokenType::ENUM,
            SemanticTokenType::FUNCTION,
            SemanticTokenType::PARAMETER,
            SemanticTokenType::INTERFACE,
            SemanticTokenType::DECORATOR,
            SemanticTokenType::EVENT,
            SemanticTokenType::MACRO,
            SemanticTokenType::VARIABLE,
        ],
        token_modifiers: vec![
            SemanticTokenModifier::DECLARATION,
            SemanticTokenModifier::MODIFICATION,
            SemanticTokenModifier::DEPRECATED,
            SemanticTokenModifier::DEFAULT_LIBRARY,
        ],
    }
}

/// The number of a kind in the legend.
fn number(kind: TokenKind) -> u32 {
    match kind {
        TokenKind::Keyword => 0,
        TokenKind::String => 1,
        TokenKind::Number => 2,
        TokenKind::Operator => 3,
        TokenKind::Comment => 4,
        TokenKind::Schema => 5,
        TokenKind::Table => 6,
        TokenKind::Column => 7,
        TokenKind::Type => 8,
        TokenKind::Enum => 9,
        TokenKind::Function => 10,
        TokenKind::Parameter => 11,
        TokenKind::Role => 12,
        TokenKind::Policy => 13,
        TokenKind::Trigger => 14,
        TokenKind::Constraint => 15,
        TokenKind::Name => 16,
    }
}

fn bits(modifiers: Modifiers) -> u32 {
    let all = [
        modifiers.declaration,
        modifiers.modification,
        modifiers.dropped,
        modifiers.base,
    ];
    let set = all.into_iter().enumerate().filter(|(_, is_set)| *is_set);
    set.map(|(at, _)| 1 << at).sum()
}

pub(crate) async fn full(shared: &Arc<Shared>, params: SemanticTokensParams) -> Option<SemanticTokensResult> {
    shared
        .about(&params.text_document.uri, "colouring", |asked| {
            Some(SemanticTokensResult::Tokens(encode(asked, None)))
        })
        .await
}

pub(crate) async fn range(
    shared: &Arc<Shared>,
    params: SemanticTokensRangeParams,
) -> Option<SemanticTokensRangeResult> {
    shared
        .about(&params.text_document.uri, "colouring", move |asked| {
            let (start, end) = (params.range.start, params.range.end);
            let wanted = asked
                .positions
                .span(from_proto::position(start), from_proto::position(end));
            Some(SemanticTokensRangeResult::Tokens(encode(asked, Some(wanted))))
        })
        .await
}

/// The tokens that reach into `wanted`, each relative to the one before.
fn encode(asked: &Asked<'_>, wanted: Option<Span>) -> SemanticTokens {
    let text = asked.ide.text(asked.file);
    let mut data = Vec::new();
    let (mut line, mut character) = (0, 0);
    for token in tokens::tokens(asked.ide, asked.file) {
        let is_wanted = |wanted: Span| token.span.start < wanted.end && wanted.start < token.span.end;
        if !wanted.is_none_or(is_wanted) {
            continue;
        }
        // Few editors take tokens that span lines.
        for part in lines(text, token.span) {
            let range = asked.range(part);
            let start = range.start;
            data.push(SemanticToken {
                delta_line: start.line - line,
                delta_start: start.character - if start.line == line { character } else { 0 },
                length: range.end.character - start.character,
                token_type: number(token.kind),
                token_modifiers_bitset: bits(token.modifiers),
            });
            (line, character) = (start.line, start.character);
        }
    }
    SemanticTokens { result_id: None, data }
}

/// The parts of a span line by line, without line ends; empty lines are left out.
fn lines(text: &str, span: Span) -> impl Iterator<Item = Span> {
    let mut at = span.start as usize;
    let lines = span.slice(text).split(['\n', '\r']).map(move |line| {
        let part = Span::new(at, at + line.len());
        at += line.len() + 1;
        part
    });
    lines.filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_split_at_any_line_end() {
        let text = "'ä\r\nb\n\nc'";
        let parts: Vec<&str> = lines(text, Span::new(0, text.len()))
            .map(|part| part.slice(text))
            .collect();
        assert_eq!(parts, ["'ä", "b", "c'"]);
    }

    #[test]
    fn every_kind_has_a_name_in_the_legend() {
        let last = number(TokenKind::Name) as usize;
        assert_eq!(legend().token_types.len(), last + 1);
        let all = Modifiers {
            declaration: true,
            modification: true,
            dropped: true,
            base: true,
        };
        assert_eq!(bits(all), (1 << legend().token_modifiers.len()) - 1);
    }
}
