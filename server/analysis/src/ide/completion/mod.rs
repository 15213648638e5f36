//! What may be written at the cursor: what the history holds at this point, and the words of the language.
//!
//! Works on words and not on statements: what is being written can rarely be read yet.

mod code;
mod context;
mod keywords;
mod names;
mod offer;
mod scope;
pub mod signature;
mod snippets;

#[cfg(test)]
mod tests;

use code::Code;
use context::context;
use offer::Offer;

use super::{Place, View};
use crate::schema::lookup::Lookup;
use crate::text::Span;

/// Something that may be written at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What is shown, and what the word at the cursor is compared with.
    pub label: String,
    /// What it is.
    pub kind: ItemKind,
    /// Type, signature, …; may be empty.
    pub detail: String,
    /// The object's comment.
    pub documentation: Option<String>,
    /// What is written.
    pub insert: String,
    /// Whether `insert` has `${1:placeholders}`.
    pub snippet: bool,
    /// What it takes the place of: the word at the cursor.
    pub replace: Span,
    /// Orders the items.
    pub sort: String,
}

/// What an [`Item`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ItemKind {
    /// A word of the language.
    Keyword,
    /// A recipe.
    Snippet,
    /// A schema.
    Schema,
    /// A table.
    Table,
    /// A view.
    View,
    /// A sequence.
    Sequence,
    /// An index.
    Index,
    /// A column.
    Column,
    /// A type.
    Type,
    /// An enum.
    Enum,
    /// A function or procedure.
    Function,
    /// A role.
    Role,
    /// A policy.
    Policy,
    /// A constraint.
    Constraint,
    /// A trigger.
    Trigger,
    /// An extension.
    Extension,
    /// A publication.
    Publication,
    /// An alias, a common table expression, a parameter or variable.
    Variable,
}

/// More items than this help nobody; the closest ones are kept, and a longer word may bring others.
pub const MOST_ITEMS: usize = 500;

/// What may be written at the cursor, the likeliest first. Empty in comments and in string constants.
pub fn completion(view: View<'_>, place: Place) -> Vec<Item> {
    let Some(code) = Code::at(view, place) else {
        return Vec::new();
    };
    let Some((catalog, session)) =
        view.timeline
            .at(place.file, code.start, view.history, view.documents, view.settings)
    else {
        return Vec::new();
    };
    let lookup = Lookup::new(&catalog, &session, view.settings.postgres, code.text);
    let last = Lookup::new(view.timeline.last(), &session, view.settings.postgres, code.text);
    let routine = scope::routine(&code, &lookup, &last).unwrap_or_default();
    let context = context(&code.frames(), &code.words(), code.body.is_some());
    let mut offer = Offer {
        code: &code,
        lookup: &lookup,
        path: lookup.path(),
        routine: &routine,
        postgres: view.settings.postgres,
        lower: writes_lower(&code),
        items: Vec::new(),
    };
    offer.all(&context);
    let mut items = offer.items;
    items.sort_by(|a, b| (&a.sort, &a.insert).cmp(&(&b.sort, &b.insert)));
    items.dedup_by(|a, b| a.label == b.label && a.kind == b.kind);
    items.truncate(MOST_ITEMS);
    items
}

/// Whether keywords are written in lower case here: as the word at the cursor, else as the first one before it.
fn writes_lower(code: &Code<'_>) -> bool {
    let first = |text: &str| text.chars().find(char::is_ascii_alphabetic);
    let before = code.lexemes.first().map(|lexeme| lexeme.span.slice(code.text));
    let letter = first(&code.prefix)
        .or_else(|| first(before.unwrap_or_default()))
        .or_else(|| first(code.text.trim_start_matches("--")));
    letter.is_none_or(|letter| letter.is_ascii_lowercase())
}
