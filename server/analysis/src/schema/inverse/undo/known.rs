//! What was there before, and pieces that say that nobody knows.

use crate::schema::catalog::Catalog;
use crate::schema::change::Key;
use crate::schema::inverse::{Fidelity, Piece};
use crate::schema::objects::RelationKind;
use smol_str::SmolStr;

/// A comment that a sequence starts over: a person may set it, and the next value may be taken.
pub(crate) fn position(what: &str) -> Piece {
    let mut piece = Piece::lossless(format!("-- {what}; what uses it starts over"));
    piece.fidelity = Fidelity::Lossless;
    piece
}

/// A comment that a sequence stays where it is.
pub(crate) fn position_moved() -> Piece {
    Piece::lossless("-- the sequence stays where this put it: going back could give a number twice")
}

/// Statements that a person has to decide about.
pub(crate) fn suggestion(why: &str, pieces: &[Piece]) -> Piece {
    let lines: Vec<&str> = pieces
        .iter()
        .map(|piece| piece.sql.as_str())
        .filter(|sql| !sql.is_empty())
        .collect();
    let mut piece = Piece::impossible(why);
    piece.sql = lines.join("\n");
    piece
}

pub(crate) fn acl<'c>(catalog: &'c Catalog, object: &Key) -> Option<&'c crate::schema::objects::Acl> {
    match object {
        Key::Schema(name) => catalog.schemas.get(name).map(|found| &found.meta.acl),
        Key::Relation(id) => catalog.relations.get(id).map(|found| &found.meta.acl),
        Key::Column(id, name) => match &catalog.relations.get(id)?.kind {
            RelationKind::View(view) => view.column_acls.get(name),
            _ => catalog.table(id)?.column(name).map(|column| &column.acl),
        },
        Key::Routine(signature) => catalog.routines.get(signature).map(|found| &found.meta.acl),
        Key::Type(id) => catalog.types.get(id).map(|found| &found.meta.acl),
        _ => None,
    }
}

pub(crate) fn owner(catalog: &Catalog, object: &Key) -> Option<SmolStr> {
    let meta = match object {
        Key::Schema(name) => &catalog.schemas.get(name)?.meta,
        Key::Relation(id) => &catalog.relations.get(id)?.meta,
        Key::Routine(signature) => &catalog.routines.get(signature)?.meta,
        Key::Type(id) => &catalog.types.get(id)?.meta,
        Key::Publication(name) => &catalog.publications.get(name)?.meta,
        Key::Extension(name) => &catalog.extensions.get(name)?.meta,
        Key::Other(kind, name) => catalog.others.get(&(*kind, name.clone()))?,
        _ => return None,
    };
    Some(meta.owner.clone())
}

pub(crate) fn comment(catalog: &Catalog, object: &Key) -> Option<SmolStr> {
    let by_name = |key: String| catalog.comments.get(&key).cloned();
    match object {
        Key::Schema(name) => catalog.schemas.get(name)?.meta.comment.clone(),
        Key::Relation(id) => catalog.relations.get(id)?.meta.comment.clone(),
        Key::Routine(signature) => catalog.routines.get(signature)?.meta.comment.clone(),
        Key::Type(id) => catalog.types.get(id)?.meta.comment.clone(),
        Key::Extension(name) => catalog.extensions.get(name)?.meta.comment.clone(),
        Key::Role(name) => catalog.roles.get(name)?.meta.comment.clone(),
        Key::Publication(name) => catalog.publications.get(name)?.meta.comment.clone(),
        Key::Other(kind, name) => catalog.others.get(&(*kind, name.clone()))?.comment.clone(),
        Key::Column(id, name) => match catalog.table(id) {
            Some(table) => table.column(name)?.comment.clone(),
            None => by_name(format!("column:{id}.{name}")),
        },
        Key::Constraint(id, name) => match catalog.table(id) {
            Some(table) => table.constraint(name)?.comment.clone(),
            None => by_name(format!("constraint:{id}.{name}")),
        },
        Key::Trigger(id, name) => {
            let relation = catalog.relations.get(id)?;
            relation
                .triggers()
                .iter()
                .find(|own| own.name == *name)?
                .comment
                .clone()
        }
        Key::Policy(id, name) => {
            let table = catalog.table(id)?;
            table.policies.iter().find(|own| own.name == *name)?.comment.clone()
        }
        Key::Rule(id, name) => by_name(format!("rule:{id}.{name}")),
    }
}
