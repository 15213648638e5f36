//! Whether the catalog holds what a key names, and since when.

use super::catalog::Catalog;
use super::change::Key;
use super::objects::{Certainty, Meta, Origin, Relation, RelationKind};

/// Where an object comes from, and how sure that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct History {
    pub(crate) created: Origin,
    /// Equal to `created` where nothing is known to have changed it.
    pub(crate) changed: Origin,
    pub(crate) certainty: Certainty,
}

impl History {
    fn of(meta: &Meta) -> Self {
        Self {
            created: meta.created,
            changed: meta.changed,
            certainty: meta.certainty,
        }
    }

    fn part(created: Origin, certainty: Certainty) -> Self {
        Self {
            created,
            changed: created,
            certainty,
        }
    }
}

/// The object of that key; `None` where the catalog does not hold it.
pub(crate) fn history(catalog: &Catalog, key: &Key) -> Option<History> {
    let relation = |id| catalog.relations.get(id).map(|relation| &**relation);
    Some(match key {
        Key::Schema(name) => History::of(&catalog.schemas.get(name)?.meta),
        Key::Relation(id) => History::of(&relation(id)?.meta),
        Key::Column(id, name) => {
            let relation = relation(id)?;
            match &relation.kind {
                RelationKind::Table(table) => match table.column(name) {
                    Some(column) => History::part(column.created, column.certainty),
                    None if table.columns_known => return None,
                    None => History::part(Origin::BASE, Certainty::Assumed),
                },
                RelationKind::View(view) => {
                    let known = view.columns.as_ref()?;
                    known.contains(name).then_some(())?;
                    History::of(&relation.meta)
                }
                _ => return None,
            }
        }
        Key::Constraint(id, name) => match relation(id).and_then(Relation::table) {
            Some(table) => {
                let constraint = table.constraint(name)?;
                History::part(constraint.created, constraint.certainty)
            }
            None => History::of(&catalog.types.get(id)?.meta),
        },
        Key::Trigger(id, name) => {
            let trigger = relation(id)?.triggers().iter().find(|trigger| trigger.name == *name)?;
            History::part(trigger.created, trigger.certainty)
        }
        Key::Policy(id, name) => {
            let table = relation(id)?.table()?;
            let policy = table.policies.iter().find(|policy| policy.name == *name)?;
            History::part(policy.created, policy.certainty)
        }
        Key::Rule(id, name) => {
            let relation = relation(id)?;
            let rules = match &relation.kind {
                RelationKind::Table(table) => &table.rules,
                RelationKind::View(view) => &view.rules,
                _ => return None,
            };
            rules.contains(name).then_some(())?;
            History::of(&relation.meta)
        }
        Key::Routine(signature) => History::of(&catalog.routines.get(signature)?.meta),
        Key::Type(id) => match catalog.types.get(id) {
            Some(ty) => History::of(&ty.meta),
            None => History::of(&relation(id)?.meta),
        },
        Key::Extension(name) => History::of(&catalog.extensions.get(name)?.meta),
        Key::Role(name) => History::of(&catalog.roles.get(name)?.meta),
        Key::Publication(name) => History::of(&catalog.publications.get(name)?.meta),
        Key::Other(kind, name) => History::of(catalog.others.get(&(*kind, name.clone()))?),
    })
}
