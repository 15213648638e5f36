//! Labels cannot be taken out of an enum: a new type takes its place, and everything that uses it is moved over.

use std::collections::BTreeSet;

use smol_str::{SmolStr, format_smolstr};

use super::Piece;
use super::print::{self, literal, quote_ident};
use super::recreate::{Pieces, Recreate};
use crate::schema::catalog::Catalog;
use crate::schema::change::Key;
use crate::schema::objects::{ConstraintKind, EnumLabel, Id, TypeKind};
use crate::schema::resolve::columns_of;

/// The views that read a relation, directly or through others, those that are read first.
pub(super) fn views_over(catalog: &Catalog, id: &Id) -> Vec<Id> {
    let mut found: Vec<Id> = Vec::new();
    collect(catalog, id, &|_| true, &mut found);
    found
}

fn collect(catalog: &Catalog, id: &Id, wanted: &dyn Fn(&crate::schema::objects::View) -> bool, found: &mut Vec<Id>) {
    for (user, relation) in catalog.users(id) {
        let Some(view) = relation.view() else { continue };
        if !view.dependencies.relations.contains(id) || !wanted(view) {
            continue;
        }
        // One that is found again is read by what was found before: it moves behind.
        found.retain(|known| known != user);
        found.push(user.clone());
        collect(catalog, user, &|_| true, found);
    }
}

/// What else uses one of these views: policies that read it, routines that take or return its rows.
pub(super) fn users_of_views(catalog: &Catalog, id: &Id, views: &[Id]) -> Vec<Key> {
    let mut found = Vec::new();
    for view in std::iter::once(id).chain(views) {
        for (user, relation) in catalog.users(view) {
            let policies = relation.table().map(|table| &table.policies);
            let reading = policies
                .into_iter()
                .flatten()
                .filter(|policy| policy.dependencies.relations.contains(view));
            found.extend(reading.map(|policy| Key::Policy(user.clone(), policy.name.clone())));
        }
        for (signature, routine) in catalog.routines_with_type(view) {
            let rows = signature.arguments.iter().any(|ty| ty.id == *view)
                || routine.return_type.as_ref().is_some_and(|ty| ty.id == *view);
            if rows {
                found.push(Key::Routine(signature.clone()));
            }
        }
        let atomic = catalog
            .routines
            .iter()
            .filter(|(_, routine)| routine.dependencies.relations.contains(view));
        found.extend(atomic.map(|(signature, _)| Key::Routine(signature.clone())));
    }
    found.dedup();
    found
}

/// What takes an enum from the labels `after` back to `before`.
pub(super) fn enum_labels(
    recreate: &Recreate<'_>,
    id: &Id,
    before: &[EnumLabel],
    after: &[EnumLabel],
    out: &mut Pieces,
) {
    let catalog = recreate.catalog;
    let columns: Vec<(Id, SmolStr)> = catalog
        .tables_of_type(id)
        .flat_map(|(table, found)| {
            let own = found
                .columns
                .iter()
                .filter(|column| column.ty.id == *id && !column.inherited);
            own.map(|column| (table.clone(), column.name.clone()))
                .collect::<Vec<_>>()
        })
        .collect();
    let nested = catalog.types_with_type(id).any(|(other, ty)| match &ty.kind {
        TypeKind::Domain(domain) => domain.base.id == *id,
        TypeKind::Composite(attributes) => other != id && attributes.iter().any(|(_, ty)| ty.id == *id),
        _ => false,
    });
    if nested {
        let gone = gone(before, after);
        let what = format!("take {gone} out of enum {id}: a domain or composite type is made of it");
        return out.push(Piece::impossible(&what));
    }
    let mut users = Users::default();
    users.find(catalog, id, &columns);
    let mut back = Pieces::default();
    for key in &users.keys {
        out.say(match key {
            Key::Constraint(table, name) => {
                format!(
                    "alter table {} drop constraint {};",
                    print::id(table),
                    quote_ident(name)
                )
            }
            _ => format!("drop {};", recreate.named(key)),
        });
    }
    let (name, old) = (print::id(id), id.sibling(&format_smolstr!("{}_old", id.name)));
    out.say(format!("alter type {name} rename to {};", quote_ident(&old.name)));
    let labels: Vec<String> = before.iter().map(|label| literal(&label.value)).collect();
    out.say(format!("create type {name} as enum ({});", labels.join(", ")));
    for (table, column) in &columns {
        let Some(found) = catalog.table(table).and_then(|found| found.column(column)) else {
            continue;
        };
        let alter = format!("alter table {} alter column {}", print::id(table), quote_ident(column));
        let has_default = found.default.is_some() && found.generated.is_none();
        if has_default {
            out.say(format!("{alter} drop default;"));
        }
        let (ty, plain) = (print::ty(&found.ty), if found.ty.array { "text[]" } else { "text" });
        out.say(format!(
            "{alter} type {ty} using {}::{plain}::{ty};",
            quote_ident(column)
        ));
        if has_default {
            out.push(recreate.carried(format!("{alter} set default {};", recreate.default_text(table, found))));
        }
    }
    if let Some(ty) = catalog.types.get(id) {
        recreate.dress(&Key::Type(id.clone()), &ty.meta, 'T', Some(&id.schema), out);
    }
    // The old type goes when nothing uses it any more; functions are made again for the new one.
    out.say(format!("drop type {};", print::id(&old)));
    for key in users.keys.iter().rev() {
        recreate.object(key, &mut back);
    }
    out.now.extend(back.ordered());
}

fn gone(before: &[EnumLabel], after: &[EnumLabel]) -> String {
    let known: BTreeSet<&SmolStr> = before.iter().map(|label| &label.value).collect();
    let gone = after.iter().filter(|label| !known.contains(&label.value));
    gone.map(|label| literal(&label.value)).collect::<Vec<_>>().join(", ")
}

/// What must be out of the way while columns change their type, what needs others first.
#[derive(Default)]
struct Users {
    keys: Vec<Key>,
}

impl Users {
    fn find(&mut self, catalog: &Catalog, id: &Id, columns: &[(Id, SmolStr)]) {
        let set: BTreeSet<(Id, SmolStr)> = columns.iter().cloned().collect();
        let tables: BTreeSet<&Id> = columns.iter().map(|(table, _)| table).collect();
        let mut views: Vec<Id> = Vec::new();
        for table in &tables {
            let reads = |view: &crate::schema::objects::View| {
                view.dependencies.incomplete
                    || view.dependencies.types.contains(id)
                    || view.dependencies.columns.iter().any(|column| set.contains(column))
                    || !view.dependencies.columns.iter().any(|(of, _)| of == *table)
            };
            collect(catalog, table, &reads, &mut views);
        }
        self.keys.extend(views.into_iter().rev().map(Key::Relation));
        for (other, _, table) in catalog.tables() {
            let own = |text: &str, name: &str| text.contains(name);
            for policy in &table.policies {
                let by_column = policy.dependencies.columns.iter().any(|column| set.contains(column));
                let by_type = policy.dependencies.types.contains(id);
                let texts = policy.using_text.iter().chain(&policy.check_text);
                let by_text = tables.contains(other)
                    && texts
                        .into_iter()
                        .any(|text| columns.iter().any(|(of, column)| of == other && own(text, column)));
                if by_column || by_type || by_text {
                    self.keys.push(Key::Policy(other.clone(), policy.name.clone()));
                }
            }
            let mine: BTreeSet<&SmolStr> = columns
                .iter()
                .filter(|(of, _)| of == other)
                .map(|(_, column)| column)
                .collect();
            if mine.is_empty() {
                continue;
            }
            for trigger in &table.triggers {
                let when = trigger
                    .dependencies
                    .columns
                    .iter()
                    .any(|(_, column)| mine.contains(column));
                if when || trigger.update_of.iter().any(|column| mine.contains(column)) {
                    self.keys.push(Key::Trigger(other.clone(), trigger.name.clone()));
                }
            }
            for constraint in &table.constraints {
                let check = matches!(constraint.kind, ConstraintKind::Check(_));
                if check && !constraint.inherited && constraint.columns.iter().any(|column| mine.contains(column)) {
                    self.keys.push(Key::Constraint(other.clone(), constraint.name.clone()));
                }
            }
            for (index, found) in catalog.indexes_of(other) {
                let in_keys = found
                    .keys
                    .iter()
                    .filter(|key| key.column.is_none())
                    .map(|key| &key.expr);
                let mut exprs = in_keys.chain(&found.predicate);
                let uses = exprs.any(|expr| columns_of(expr).iter().any(|column| mine.contains(column)));
                if uses && found.constraint.is_none() && found.partition_of.is_none() {
                    self.keys.push(Key::Relation(index));
                }
            }
        }
        for (signature, routine) in catalog.routines_with_type(id) {
            let uses = signature.arguments.iter().any(|ty| ty.id == *id)
                || routine.return_type.as_ref().is_some_and(|ty| ty.id == *id);
            if uses {
                self.keys.push(Key::Routine(signature.clone()));
            }
        }
    }
}
