//! CREATE and DROP.

use super::Undoing;
use super::known::position;
use crate::schema::catalog::Catalog;
use crate::schema::change::{Change, Key, Object, TableChange};
use crate::schema::inverse::Piece;
use crate::schema::inverse::print::{self, quote_ident};
use crate::schema::inverse::recreate::Pieces;
use crate::schema::inverse::words::other_noun;
use crate::schema::objects::{Id, RelationKind, RoutineKind, TypeKind};
use crate::sql::statement::{Node, ObjectKind};

impl Undoing<'_, '_> {
    pub(crate) fn create(&mut self, catalog: &Catalog, object: &Object, out: &mut Pieces) {
        let key = self.identities.last_key_of_next(&object.key());
        match object {
            Object::Relation(_, relation) => {
                let Key::Relation(id) = &key else { return };
                if id.schema == "pg_temp" {
                    return;
                }
                match &relation.kind {
                    RelationKind::Sequence(sequence) if sequence.owned_by.is_some() => {}
                    RelationKind::Composite => {}
                    RelationKind::Index(index) => self.create_index(catalog, id, index, out),
                    _ => out.say(format!("drop {} {};", relation.noun(), print::id(id))),
                }
            }
            Object::Routine(_, routine) => {
                let Key::Routine(signature) = &key else { return };
                let noun = match routine.kind {
                    RoutineKind::Procedure => "procedure",
                    RoutineKind::Aggregate => "aggregate",
                    RoutineKind::Function | RoutineKind::Window => "function",
                };
                out.say(format!("drop {noun} {};", print::signature(signature)));
            }
            Object::Type(_, ty) => {
                let Key::Type(id) = &key else { return };
                let noun = if matches!(ty.kind, TypeKind::Domain(_)) {
                    "domain"
                } else {
                    "type"
                };
                out.say(format!("drop {noun} {};", print::id(id)));
            }
            Object::Schema(..) | Object::Extension(..) | Object::Publication(..) => {
                out.say(format!("drop {};", self.recreate(catalog).named(&key)));
            }
            Object::Role(name, _) => out.say(format!("drop role {};", quote_ident(name))),
            Object::Other(kind, name, _) => {
                if other_noun(*kind) == "object" || matches!(kind, ObjectKind::Operator | ObjectKind::OperatorClass) {
                    out.push(Piece::impossible(&format!("drop {name}")));
                } else {
                    out.say(format!("drop {};", self.recreate(catalog).named(&key)));
                }
            }
        }
    }

    pub(crate) fn create_index(
        &self,
        catalog: &Catalog,
        id: &Id,
        index: &crate::schema::objects::Index,
        out: &mut Pieces,
    ) {
        let attached = self.moment.step.changes.iter().any(|change| {
            matches!(change, Change::Table { what: TableChange::Attach { partition, .. }, .. } if *partition == index.table)
        });
        if index.partition_of.is_some() {
            // DETACH leaves the indexes that ATTACH made.
            if attached && catalog.relations.contains_key(&index.table) {
                match &index.constraint {
                    Some(name) => out.say(format!(
                        "alter table {} drop constraint {};",
                        print::id(&index.table),
                        quote_ident(name)
                    )),
                    None => out.say(format!("drop index {};", print::id(id))),
                }
            }
            return;
        }
        if index.constraint.is_some() || self.last.index(id).is_some_and(|last| last.constraint.is_some()) {
            return;
        }
        let concurrently = matches!(&self.moment.step.statement.node, Node::CreateIndex(create) if create.concurrently);
        let how = if concurrently { "concurrently " } else { "" };
        out.say(format!("drop index {how}{};", print::id(id)));
    }

    pub(crate) fn drop(&self, catalog: &Catalog, key: &Key, out: &mut Pieces) {
        let whole = self.with_parts(catalog, key);
        let catalog = &whole;
        let recreate = self.recreate(catalog);
        match key {
            Key::Relation(id) => {
                if id.schema == "pg_temp" {
                    return;
                }
                let Some(relation) = catalog.relations.get(id) else {
                    return;
                };
                match &relation.kind {
                    RelationKind::Index(index) => {
                        if index.constraint.is_some() || index.partition_of.is_some() {
                            return;
                        }
                        let mut own = Pieces::default();
                        recreate.object(key, &mut own);
                        let concurrently =
                            matches!(&self.moment.step.statement.node, Node::Drop(drop) if drop.concurrently);
                        for mut piece in own.ordered() {
                            if concurrently && piece.sql.starts_with("create ") {
                                piece.sql = piece.sql.replacen("index ", "index concurrently ", 1);
                            }
                            out.push(piece);
                        }
                    }
                    RelationKind::Sequence(sequence) => {
                        let column = sequence.owned_by.as_ref().and_then(|(table, column)| {
                            self.moment.after.table(table).and_then(|found| found.column(column))
                        });
                        let on_its_own = sequence.owned_by.is_none() || (column.is_some() && !sequence.identity);
                        if on_its_own {
                            recreate.object(key, out);
                            let what = format!("the position of sequence {} is gone", print::id(id));
                            out.push(position(&what));
                        }
                    }
                    _ => recreate.object(key, out),
                }
            }
            Key::Constraint(table, name) => {
                let Some(constraint) = catalog.table(table).and_then(|found| found.constraint(name)) else {
                    return;
                };
                let whole = self.moment.after.table(table).is_some();
                if (constraint.inherited && self.moment.step.target.as_ref() != Some(table)) || !whole {
                    // What is undone on the parent reaches the children; a table that is made again brings its own.
                    if whole || constraint.inherited {
                        return;
                    }
                }
                recreate.object(key, out);
            }
            Key::Trigger(table, name) => {
                let found = catalog.table(table);
                let trigger = found.and_then(|found| found.triggers.iter().find(|trigger| trigger.name == *name));
                if found
                    .zip(trigger)
                    .is_some_and(|(found, trigger)| recreate.is_cloned(found, trigger))
                {
                    return;
                }
                // A parent's trigger that is dropped first is not there any more.
                let parent = found.and_then(|found| found.partition_of.as_ref());
                let with_parent = parent.is_some_and(|parent| {
                    self.moment.step.changes.iter().any(
                        |change| matches!(change, Change::Drop(Key::Trigger(on, of)) if on == parent && of == name),
                    )
                });
                if !with_parent {
                    recreate.object(key, out);
                }
            }
            Key::Type(id) => {
                // The row type of a table.
                let of_relation = catalog
                    .relations
                    .get(id)
                    .is_some_and(|relation| !matches!(relation.kind, RelationKind::Composite));
                if !of_relation {
                    recreate.object(key, out);
                }
            }
            _ => recreate.object(key, out),
        }
    }

    /// The catalog with what the same statement dropped before an object although it is a part of it.
    pub(crate) fn with_parts(&self, catalog: &Catalog, key: &Key) -> Catalog {
        let mut whole = catalog.clone();
        let before = self.moment.before;
        let parts: Vec<Id> = match key {
            Key::Relation(table) | Key::Column(table, _) => before.owned_sequences(table).collect(),
            Key::Constraint(table, name) => vec![table.sibling(name)],
            _ => Vec::new(),
        };
        for id in parts {
            if let Some(relation) = before.relations.get(&id).filter(|_| !whole.relations.contains_key(&id)) {
                whole.insert_relation(id, relation.clone());
            }
        }
        if let Key::Type(id) = key {
            let of = format!(":{id}.");
            let own = before.comments.iter().filter(|(name, _)| name.contains(&of));
            own.for_each(|(name, text)| drop(whole.comments.insert(name.clone(), text.clone())));
        }
        whole
    }
}
