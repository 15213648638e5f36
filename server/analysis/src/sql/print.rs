//! SQL as a person would have written it: names with their schema, quotes only where the server needs them, keywords in
//! lower case.

use std::collections::BTreeMap;

use smol_str::SmolStr;

pub use super::keyword::quote_ident;
use super::lexeme::{LexemeKind, lexemes};
use super::name::Ident;
use super::statement::Expr;
use crate::text::Span;

/// A string constant, whatever `standard_conforming_strings` is.
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// Names, comma-separated.
pub fn names<'a>(names: impl IntoIterator<Item = &'a SmolStr>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| quote_ident(name)).collect();
    names.join(", ")
}

/// A role in a TO or FROM list.
pub fn role(name: &str) -> String {
    if name == "public" {
        "public".into()
    } else {
        quote_ident(name)
    }
}

/// `text` with the parts at these spans replaced, which must not overlap.
pub fn replaced(text: &str, mut parts: Vec<(Span, String)>) -> String {
    parts.sort_by_key(|(span, _)| *span);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (span, new) in parts {
        let (start, end) = (span.start as usize, span.end as usize);
        if start < at || end > text.len() {
            continue;
        }
        out.push_str(&text[at..start]);
        out.push_str(&new);
        at = end;
    }
    out.push_str(&text[at..]);
    out
}

/// The name that a lexeme writes, folded as the server does.
pub fn folded(text: &str, kind: LexemeKind, span: Span) -> Option<SmolStr> {
    let word = span.slice(text);
    match kind {
        LexemeKind::Keyword | LexemeKind::Word => Some(Ident::unquoted(word, span).value),
        LexemeKind::Quoted => {
            let inner = word.strip_prefix('"')?.strip_suffix('"')?;
            Some(Ident::quoted(inner, span).value)
        }
        _ => None,
    }
}

/// `text` with every name in it replaced that has a new one. Constants stay as they are.
pub fn renamed(text: &str, new_names: &BTreeMap<SmolStr, SmolStr>) -> String {
    renamed_where(text, new_names, |_, _| true)
}

/// The same of those names of which `is_meant` says so: it is given what stands before the dot, and the name.
pub fn renamed_where(
    text: &str,
    new_names: &BTreeMap<SmolStr, SmolStr>,
    is_meant: impl Fn(Option<&SmolStr>, &SmolStr) -> bool,
) -> String {
    if new_names.is_empty() {
        return text.to_owned();
    }
    let all = lexemes(text);
    let name = |at: usize| all.get(at).and_then(|lexeme| folded(text, lexeme.kind, lexeme.span));
    let parts = all.iter().enumerate().filter_map(|(at, lexeme)| {
        let old = name(at)?;
        let new = new_names.get(&old)?;
        let is_part = at > 1 && all[at - 1].kind == LexemeKind::Period;
        let qualifier = if is_part { name(at - 2) } else { None };
        is_meant(qualifier.as_ref(), &old).then(|| (lexeme.span, quote_ident(new)))
    });
    replaced(text, parts.collect())
}

/// An expression that a constant is: a number, a string, `true`, `null`, a cast or a sign of one.
pub fn is_constant(expr: &Expr) -> bool {
    use super::statement::ExprNode as E;
    match &expr.node {
        E::Null | E::Bool(_) | E::Number(_) | E::String(_) => true,
        E::Cast { expr, .. } => is_constant(expr),
        E::Operator { name, operands } => {
            matches!(name.as_str(), "-" | "+") && matches!(operands.as_slice(), [one] if is_constant(one))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_survive_every_quoting_rule() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\b"), "E'a\\\\b'");
    }

    #[test]
    fn only_names_are_renamed() {
        let new = BTreeMap::from([("a".into(), "Total".into())]);
        assert_eq!(
            renamed("A > 0 and b = 'a' and \"a\" < 2", &new),
            "\"Total\" > 0 and b = 'a' and \"Total\" < 2"
        );
    }

    #[test]
    fn public_is_no_name() {
        assert_eq!(role("public"), "public");
        assert_eq!(role("user"), "\"user\"");
    }
}
