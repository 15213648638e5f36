//! Which objects a migration makes, what they are called at its end, and whether they are still there.

use std::collections::{BTreeMap, BTreeSet};

use crate::schema::change::{Change, Key};
use crate::schema::objects::{Id, Signature};
use crate::schema::timeline::Moment;

/// An object that the migration made.
#[derive(Clone, Debug)]
struct Made {
    /// Its key at the end of the migration; `None` where it was dropped again.
    last: Option<Key>,
    /// How many were made before it.
    order: usize,
    /// Whether its renames are undone one by one: it took the name of something old, or is part of something old.
    by_steps: bool,
}

/// The objects that a migration makes.
#[derive(Debug)]
pub(super) struct Identities {
    made: Vec<Made>,
    /// While following, and again while undoing: what key stands for which of `made`.
    now: BTreeMap<Key, usize>,
    /// How many have been made while undoing.
    next: usize,
    /// The names that something old had and gave up.
    vacated: BTreeSet<Key>,
}

/// What became of an object that the migration made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was there before the migration.
    Old,
    /// The migration made it, as the number says, and it is there at the end.
    New(usize),
    /// The migration made it and dropped it again.
    Dropped,
}

impl Identities {
    pub(super) fn new() -> Self {
        Self {
            made: Vec::new(),
            now: BTreeMap::new(),
            next: 0,
            vacated: BTreeSet::new(),
        }
    }

    /// Takes note of what a step makes, renames and drops.
    pub(super) fn follow(&mut self, moment: &Moment<'_>) {
        for change in &moment.step.changes {
            if let Some(key) = created(change, moment) {
                let order = self.made.len();
                self.made.push(Made {
                    last: Some(key.clone()),
                    order,
                    by_steps: part_of(&key).is_some(),
                });
                self.now.insert(key, order);
            }
            if let Some(key) = dropped(change) {
                match self.now.remove(&key) {
                    Some(number) => self.made[number].last = None,
                    None => {
                        self.vacated.insert(key.clone());
                    }
                }
                if let Key::Relation(id) = &key {
                    self.forget_parts(id);
                }
            }
            if let Change::Rename { from, .. } = change
                && !self.now.contains_key(from)
            {
                self.vacated.insert(from.clone());
            }
            self.rename(change);
        }
    }

    /// What was part of a table is nowhere any more; it went with the table.
    fn forget_parts(&mut self, table: &Id) {
        let parts: Vec<Key> = self
            .now
            .keys()
            .filter(|key| part_of(key) == Some(table))
            .cloned()
            .collect();
        for part in parts {
            self.now.remove(&part);
        }
    }

    fn rename(&mut self, change: &Change) {
        let Change::Rename { from, to } = change else { return };
        let moved: Vec<(Key, Key)> = self
            .now
            .keys()
            .filter_map(|key| renamed(key, from, to).map(|new| (key.clone(), new)))
            .collect();
        for (old, new) in moved {
            if let Some(number) = self.now.remove(&old) {
                self.now.insert(new.clone(), number);
                if self.made[number].last.is_some() {
                    self.made[number].last = Some(new);
                }
            }
        }
    }

    /// What is called what at the end of the migration, of all that was made after another.
    pub(super) fn names_made_after(&self, order: usize) -> impl Iterator<Item = &str> {
        let later = self.made.iter().filter(move |made| made.order > order);
        later.filter_map(|made| match made.last.as_ref()? {
            Key::Relation(id) | Key::Type(id) => Some(id.name.as_str()),
            Key::Routine(signature) => Some(signature.id.name.as_str()),
            _ => None,
        })
    }

    /// Whether the renames of an object that the migration made are undone one by one.
    pub(super) fn undoes_renames(&self, key: &Key) -> bool {
        self.now.get(key).is_some_and(|number| self.made[*number].by_steps)
    }

    /// Begins again at the first step.
    pub(super) fn finish(&mut self) {
        for made in &mut self.made {
            made.by_steps |= made.last.as_ref().is_some_and(|last| self.vacated.contains(last));
        }
        self.now.clear();
        self.next = 0;
    }

    /// Goes on behind a change; to be called for each in order.
    pub(super) fn pass(&mut self, change: &Change, moment: &Moment<'_>) {
        if let Some(key) = created(change, moment) {
            self.now.insert(key, self.next);
            self.next += 1;
        }
        if let Some(key) = dropped(change) {
            self.now.remove(&key);
            if let Key::Relation(id) = &key {
                self.forget_parts(id);
            }
        }
        if let Change::Rename { from, to } = change {
            let moved: Vec<(Key, Key)> = self
                .now
                .keys()
                .filter_map(|key| renamed(key, from, to).map(|new| (key.clone(), new)))
                .collect();
            for (old, new) in moved {
                if let Some(number) = self.now.remove(&old) {
                    self.now.insert(new, number);
                }
            }
        }
    }

    /// What becomes of an object that has this key now.
    pub(super) fn fate(&self, key: &Key) -> Fate {
        match self.now.get(key).map(|number| &self.made[*number]) {
            None => Fate::Old,
            Some(Made { last: None, .. }) => Fate::Dropped,
            Some(made) => Fate::New(made.order),
        }
    }

    /// What becomes of the object that the next creation makes.
    pub(super) fn fate_of_next(&self) -> Fate {
        match self.made.get(self.next) {
            None => Fate::Old,
            Some(Made { last: None, .. }) => Fate::Dropped,
            Some(made) => Fate::New(made.order),
        }
    }

    /// The key at the end of the migration of what has this key now.
    pub(super) fn last_key(&self, key: &Key) -> Key {
        let made = self.now.get(key).map(|number| &self.made[*number]);
        let last = made.filter(|made| !made.by_steps).and_then(|made| made.last.clone());
        last.unwrap_or_else(|| key.clone())
    }

    /// The key at the end of the migration of what the next creation makes.
    pub(super) fn last_key_of_next(&self, key: &Key) -> Key {
        let made = self.made.get(self.next).filter(|made| !made.by_steps);
        let last = made.and_then(|made| made.last.clone());
        last.unwrap_or_else(|| key.clone())
    }
}

/// What a change makes.
pub(super) fn created(change: &Change, moment: &Moment<'_>) -> Option<Key> {
    match change {
        Change::Create(object) => Some(object.key()),
        Change::AddColumn { table, column } => Some(Key::Column(table.clone(), column.name.clone())),
        Change::AddConstraint { table, constraint } => Some(Key::Constraint(table.clone(), constraint.name.clone())),
        Change::PutTrigger { table, trigger } => {
            let relation = moment.before.relations.get(table);
            let known = relation.is_some_and(|relation| relation.triggers().iter().any(|old| old.name == trigger.name));
            (!known).then(|| Key::Trigger(table.clone(), trigger.name.clone()))
        }
        Change::PutPolicy { table, policy } => {
            let table_before = moment.before.table(table);
            let known = table_before.is_some_and(|found| found.policies.iter().any(|old| old.name == policy.name));
            (!known).then(|| Key::Policy(table.clone(), policy.name.clone()))
        }
        Change::PutRule { table, rule } => {
            let known = match moment.before.relations.get(table).map(|relation| &relation.kind) {
                Some(crate::schema::objects::RelationKind::Table(found)) => found.rules.contains(rule),
                Some(crate::schema::objects::RelationKind::View(found)) => found.rules.contains(rule),
                _ => false,
            };
            (!known).then(|| Key::Rule(table.clone(), rule.clone()))
        }
        _ => None,
    }
}

fn dropped(change: &Change) -> Option<Key> {
    match change {
        Change::Drop(key) => Some(key.clone()),
        Change::DropColumn { table, column } => Some(Key::Column(table.clone(), column.clone())),
        _ => None,
    }
}

/// The relation that an object is a part of.
pub(super) fn part_of(key: &Key) -> Option<&Id> {
    match key {
        Key::Column(table, _)
        | Key::Constraint(table, _)
        | Key::Trigger(table, _)
        | Key::Policy(table, _)
        | Key::Rule(table, _) => Some(table),
        _ => None,
    }
}

/// The new key of what a RENAME reaches.
fn renamed(key: &Key, from: &Key, to: &Key) -> Option<Key> {
    if key == from {
        return Some(to.clone());
    }
    let move_id = |id: &Id| -> Option<Id> {
        match (from, to) {
            (Key::Relation(from), Key::Relation(to)) if id == from => Some(to.clone()),
            (Key::Schema(from), Key::Schema(to)) if id.schema == *from => Some(Id::new(to, &id.name)),
            _ => None,
        }
    };
    match key {
        Key::Column(table, name) => move_id(table).map(|table| Key::Column(table, name.clone())),
        Key::Constraint(table, name) => move_id(table).map(|table| Key::Constraint(table, name.clone())),
        Key::Trigger(table, name) => move_id(table).map(|table| Key::Trigger(table, name.clone())),
        Key::Policy(table, name) => move_id(table).map(|table| Key::Policy(table, name.clone())),
        Key::Rule(table, name) => move_id(table).map(|table| Key::Rule(table, name.clone())),
        Key::Relation(id) if matches!(from, Key::Schema(_)) => move_id(id).map(Key::Relation),
        Key::Type(id) if matches!(from, Key::Schema(_)) => move_id(id).map(Key::Type),
        Key::Routine(signature) if matches!(from, Key::Schema(_)) => move_id(&signature.id).map(|id| {
            Key::Routine(Signature {
                id,
                arguments: signature.arguments.clone(),
            })
        }),
        _ => None,
    }
}
