//! What PostgreSQL refuses because something else depends on what the statement is about.

use smol_str::SmolStr;

use crate::lint::prelude::*;
use crate::schema::canonical::describe;
use crate::schema::catalog::Catalog;
use crate::schema::change::Key;
use crate::schema::objects::Origin;
use crate::schema::presence;
use crate::sql::lexeme::{LexemeKind, lexemes};

/// Those of the objects that are certainly there, with the statements that made them.
pub(crate) fn certain<'k>(cx: &Cx<'_>, needs: &'k [Key]) -> Vec<(&'k Key, Origin)> {
    let known = needs.iter().filter_map(|key| {
        let found = presence::history(cx.before(), key)?;
        let is_certain = cx.before().since(found.certainty, found.changed).is_certain();
        is_certain.then_some((key, found.created))
    });
    known.collect()
}

/// The publications whose column list or condition for the table names the column.
pub(crate) fn publications(catalog: &Catalog, table: &Id, column: &str) -> Vec<Key> {
    let names_it = |part: &SmolStr| {
        lexemes(part).iter().any(|lexeme| match lexeme.kind {
            LexemeKind::Quoted => lexeme.span.slice(part).trim_matches('"') == column,
            LexemeKind::Word | LexemeKind::Keyword => lexeme.span.slice(part).to_lowercase() == column,
            _ => false,
        })
    };
    let naming = catalog
        .publications
        .iter()
        .filter(|(_, publication)| publication.parts.get(table).is_some_and(names_it));
    naming.map(|(name, _)| Key::Publication(name.clone())).collect()
}

/// The columns of other tables that hold whole rows of this one.
pub(crate) fn row_holders(catalog: &Catalog, table: &Id) -> Vec<Key> {
    let holders = catalog.tables_of_type(table).flat_map(|(other, found)| {
        let columns = found.columns.iter().filter(|column| column.ty.id == *table);
        columns.map(|column| Key::Column(other.clone(), column.name.clone()))
    });
    holders.collect()
}

/// Reports that the objects keep PostgreSQL from doing it. `what`: what they do to what, to follow their names, like
/// `depends on column a.b, so PostgreSQL refuses to drop it`. `help`: what to do about them, given their names.
pub(crate) fn report(
    cx: &Cx<'_>,
    report: &mut Report,
    place: Span,
    needs: &[Key],
    what: &str,
    help: impl Fn(&str) -> String,
) {
    let known = certain(cx, needs);
    let Some((first, created)) = known.first() else {
        return;
    };
    let more = match known.len() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let names = known.iter().take(5).map(|(key, _)| format!("`{}`", describe(key)));
    let names: Vec<String> = names.collect();
    report
        .add(place, format!("`{}`{more} {what}", describe(first)))
        .help(help(&names.join(", ")))
        .related(*created, "made here");
}
