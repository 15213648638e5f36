//! From two catalogs to a diagram.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::{Column, Diagram, Key, Mark, Note, Table};
use crate::schema::catalog::Catalog;
use crate::schema::objects::{self, Constraint, ConstraintKind, Id, Origin};

/// One table in both catalogs.
struct Pair<'a> {
    before: Option<(&'a Id, &'a objects::Table)>,
    after: Option<(&'a Id, &'a objects::Table)>,
    changed: bool,
}

impl Pair<'_> {
    fn id(&self) -> &Id {
        self.after
            .or(self.before)
            .map(|(id, _)| id)
            .expect("a pair has at least one side")
    }

    fn mark(&self) -> Mark {
        match (self.before, self.after) {
            (None, _) => Mark::Added,
            (_, None) => Mark::Dropped,
            _ if self.changed => Mark::Changed,
            _ => Mark::Same,
        }
    }
}

pub(super) fn between(before: &Catalog, after: &Catalog, base: &Catalog) -> Diagram {
    let pairs = pairs(before, after);
    let is_own = |pair: &Pair<'_>| pair.mark() != Mark::Same || base.table(pair.id()).is_none();
    let mut shown: BTreeSet<Id> = pairs
        .iter()
        .filter(|pair| is_own(pair))
        .map(|pair| pair.id().clone())
        .collect();
    let own = shown.clone();
    for pair in pairs.iter().filter(|pair| own.contains(pair.id())) {
        let tables = pair.before.iter().chain(&pair.after);
        shown.extend(
            tables
                .flat_map(|(_, table)| foreign(table))
                .map(|(_, key)| key.table.clone()),
        );
    }
    let tables: Vec<Table> = pairs
        .iter()
        .filter(|pair| shown.contains(pair.id()))
        .map(|pair| table(pair, before, after, !own.contains(pair.id())))
        .collect();
    let keys = keys(&pairs, &tables);
    Diagram {
        tables,
        keys,
        is_difference: true,
    }
}

fn is_drawn(table: &objects::Table) -> bool {
    table.partition_of.is_none()
}

/// The tables of both, by name. One that kept its origin under another name was renamed.
fn pairs<'a>(before: &'a Catalog, after: &'a Catalog) -> Vec<Pair<'a>> {
    let tables = |catalog: &'a Catalog| catalog.tables().filter(|(_, _, table)| is_drawn(table));
    let gone: BTreeMap<Origin, (&Id, &objects::Table)> = tables(before)
        .filter(|(id, relation, _)| after.table(id).is_none() && relation.meta.created != Origin::BASE)
        .map(|(id, relation, table)| (relation.meta.created, (id, table)))
        .collect();
    let mut renamed = BTreeSet::new();
    let mut found: Vec<Pair<'a>> = Vec::new();
    for (id, relation, table) in tables(after) {
        let same = before.relations.get_key_value(id);
        let old = match same {
            Some((id, relation)) => relation.table().map(|table| (&**id, table)),
            None => gone.get(&relation.meta.created).copied(),
        };
        renamed.extend(old.filter(|(old, _)| *old != id).map(|(old, _)| old));
        let indexes = |catalog: &'a Catalog, id| catalog.indexes_of(id).collect::<Vec<_>>();
        let is_other = old.is_some_and(|(old, table_before)| {
            old != id || table_before != table || indexes(before, old) != indexes(after, id)
        });
        found.push(Pair {
            before: old,
            after: Some((id, table)),
            changed: is_other,
        });
    }
    let dropped = tables(before).filter(|(id, _, _)| after.table(id).is_none() && !renamed.contains(id));
    found.extend(dropped.map(|(id, _, table)| Pair {
        before: Some((id, table)),
        after: None,
        changed: true,
    }));
    found.sort_by(|a, b| a.id().cmp(b.id()));
    found
}

fn foreign(table: &objects::Table) -> impl Iterator<Item = (&Constraint, &objects::ForeignKey)> {
    table
        .constraints
        .iter()
        .filter_map(|constraint| match &constraint.kind {
            ConstraintKind::Foreign(key) => Some((&**constraint, key)),
            _ => None,
        })
}

fn table(pair: &Pair<'_>, before: &Catalog, after: &Catalog, is_outside: bool) -> Table {
    let was = pair
        .before
        .map(|(id, _)| id)
        .filter(|id| pair.after.is_some() && *id != pair.id());
    let notes = match (pair.before, pair.after) {
        (Some(old), Some(new)) if pair.changed => notes(old, new, before, after),
        _ => Vec::new(),
    };
    Table {
        id: pair.id().clone(),
        was: was.cloned(),
        mark: pair.mark(),
        is_outside,
        columns: columns(pair, before, after),
        notes,
    }
}

/// What a column looks like in one of the catalogs.
fn column(id: &Id, table: &objects::Table, column: &objects::Column, catalog: &Catalog, mark: Mark) -> Column {
    let is_over = |constraint: &Constraint| constraint.columns.contains(&column.name);
    let constraints = || table.constraints.iter().map(|own| &**own).filter(|own| is_over(own));
    let is_alone = |constraint: &Constraint| {
        matches!(constraint.kind, ConstraintKind::Unique | ConstraintKind::Primary) && constraint.columns.len() == 1
    };
    let unique_index = catalog.indexes_of(id).any(|(_, index)| {
        let keys: Vec<_> = index.keys.iter().filter_map(|key| key.column.as_ref()).collect();
        index.unique && index.predicate.is_none() && index.keys.len() == 1 && keys == [&column.name]
    });
    Column {
        name: column.name.clone(),
        ty: column.ty.to_string(),
        nullable: !column.not_null,
        primary: constraints().any(|constraint| constraint.kind == ConstraintKind::Primary),
        unique: unique_index || constraints().any(is_alone),
        foreign: constraints().any(|constraint| matches!(constraint.kind, ConstraintKind::Foreign(_))),
        mark,
        was: None,
    }
}

/// All columns of both sides: those that stay in the new order, those that are gone behind the one they followed.
fn columns(pair: &Pair<'_>, before: &Catalog, after: &Catalog) -> Vec<Column> {
    let Some((id, new)) = pair.after else {
        let (id, old) = pair.before.expect("a pair has at least one side");
        return old
            .columns
            .iter()
            .map(|own| column(id, old, own, before, Mark::Dropped))
            .collect();
    };
    let Some((old_id, old)) = pair.before else {
        return new
            .columns
            .iter()
            .map(|own| column(id, new, own, after, Mark::Added))
            .collect();
    };
    let mut shown: Vec<Column> = Vec::new();
    let mut used: BTreeSet<&SmolStr> = BTreeSet::new();
    for own in &new.columns {
        let mut now = column(id, new, own, after, Mark::Added);
        if let Some(same) = old.column(&own.name).or_else(|| renamed(own, old, new)) {
            used.insert(&same.name);
            let then = column(old_id, old, same, before, Mark::Same);
            now.was = difference(&then, &now, same, own);
            now.mark = if now.was.is_some() { Mark::Changed } else { Mark::Same };
        }
        shown.push(now);
    }
    for (at, gone) in old
        .columns
        .iter()
        .enumerate()
        .filter(|(_, own)| !used.contains(&own.name))
    {
        let follows = old.columns[..at].iter().rev().find_map(|earlier| {
            let is = |column: &Column| column.name == earlier.name;
            shown.iter().position(is)
        });
        let place = follows.map_or(0, |place| place + 1);
        shown.insert(place, column(old_id, old, gone, before, Mark::Dropped));
    }
    shown
}

/// The column that stood at the same place, of the same origin and type, and has no namesake any more.
fn renamed<'a>(own: &objects::Column, old: &'a objects::Table, new: &objects::Table) -> Option<&'a objects::Column> {
    let is_it =
        |then: &&objects::Column| then.created == own.created && then.ty == own.ty && new.column(&then.name).is_none();
    let candidates: Vec<_> = old.columns.iter().map(|own| &**own).filter(is_it).collect();
    let place = new.columns.iter().position(|column| column.name == own.name);
    let same_place = place
        .and_then(|place| old.columns.get(place))
        .map(|own| &**own)
        .filter(is_it);
    same_place.or(match candidates.as_slice() {
        [only] => Some(*only),
        _ => None,
    })
}

/// How a column was, if it is other now.
fn difference(then: &Column, now: &Column, old: &objects::Column, new: &objects::Column) -> Option<String> {
    let mut was = Vec::new();
    if then.name != now.name {
        was.push(then.name.to_string());
    }
    if then.ty != now.ty {
        was.push(then.ty.clone());
    }
    if then.nullable != now.nullable {
        was.push(if then.nullable { "null" } else { "not null" }.to_owned());
    }
    if old.default_text != new.default_text {
        was.push(
            old.default_text
                .as_ref()
                .map_or("no default".to_owned(), |text| format!("default {text}")),
        );
    }
    if then.primary != now.primary {
        was.push(if then.primary { "primary key" } else { "no primary key" }.to_owned());
    }
    (!was.is_empty()).then(|| was.join(", "))
}

/// Everything but columns and foreign keys that is other.
fn notes(old: (&Id, &objects::Table), new: (&Id, &objects::Table), before: &Catalog, after: &Catalog) -> Vec<Note> {
    let mut notes = Vec::new();
    let indexes = |(id, _): (&Id, &objects::Table), catalog: &Catalog| -> BTreeMap<String, String> {
        let own = catalog.indexes_of(id).filter(|(_, index)| index.constraint.is_none());
        own.map(|(id, index)| (format!("index {}", id.name), format!("{index:?}")))
            .collect()
    };
    compare(&indexes(old, before), &indexes(new, after), &mut notes);
    let parts = |(_, table): (&Id, &objects::Table)| -> BTreeMap<String, String> {
        let constraints = table
            .constraints
            .iter()
            .filter(|own| !matches!(own.kind, ConstraintKind::Foreign(_)));
        let constraints = constraints.map(|own| {
            (
                format!("constraint {}", own.name),
                format!("{}{}", own.text, own.validated),
            )
        });
        let policies = table
            .policies
            .iter()
            .map(|own| (format!("policy {}", own.name), format!("{own:?}")));
        let triggers = table
            .triggers
            .iter()
            .map(|own| (format!("trigger {}", own.name), format!("{own:?}")));
        let rules = table.rules.iter().map(|own| (format!("rule {own}"), String::new()));
        let security = [
            ("row level security", table.row_security),
            ("forced row level security", table.force_row_security),
        ];
        let security = security.into_iter().filter(|(_, is_on)| *is_on);
        let security = security.map(|(name, _)| (name.to_owned(), String::new()));
        constraints
            .chain(policies)
            .chain(triggers)
            .chain(rules)
            .chain(security)
            .collect()
    };
    compare(&parts(old), &parts(new), &mut notes);
    notes.sort();
    notes
}

fn compare(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>, notes: &mut Vec<Note>) {
    let all: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for text in all {
        let mark = match (before.get(text), after.get(text)) {
            (None, _) => Mark::Added,
            (_, None) => Mark::Dropped,
            (Some(then), Some(now)) if then != now => Mark::Changed,
            _ => continue,
        };
        notes.push(Note {
            mark,
            text: text.clone(),
        });
    }
}

fn keys(pairs: &[Pair<'_>], tables: &[Table]) -> Vec<Key> {
    let places: BTreeMap<&Id, usize> = tables.iter().enumerate().map(|(at, table)| (&table.id, at)).collect();
    // Where a table is found under its old name.
    let renamed = tables
        .iter()
        .enumerate()
        .filter_map(|(at, table)| Some((table.was.as_ref()?, at)));
    let renamed: BTreeMap<&Id, usize> = renamed.collect();
    let mut found = Vec::new();
    for pair in pairs {
        let Some(&from) = places.get(pair.id()) else { continue };
        let sides = [pair.before, pair.after].map(|side| {
            let keys = side.into_iter().flat_map(|(_, table)| foreign(table));
            keys.map(|(constraint, key)| (&constraint.name, (constraint, key)))
                .collect::<BTreeMap<_, _>>()
        });
        let names: BTreeSet<&SmolStr> = sides.iter().flat_map(BTreeMap::keys).copied().collect();
        for name in names {
            let mark = match (sides[0].get(name), sides[1].get(name)) {
                (None, _) => Mark::Added,
                (_, None) => Mark::Dropped,
                (Some((then, _)), Some((now, _))) if then.text != now.text || then.validated != now.validated => {
                    Mark::Changed
                }
                _ => Mark::Same,
            };
            let Some((constraint, key)) = sides[1].get(name).or(sides[0].get(name)) else {
                continue;
            };
            let Some(&to) = places.get(&key.table).or_else(|| renamed.get(&key.table)) else {
                continue;
            };
            found.push(Key {
                name: constraint.name.clone(),
                from,
                from_columns: columns_of(&tables[from], &constraint.columns),
                to,
                to_columns: referred(&tables[to], &key.columns),
                mark,
            });
        }
    }
    found
}

fn columns_of(table: &Table, names: &[SmolStr]) -> Vec<usize> {
    let place = |name: &SmolStr| table.columns.iter().position(|column| column.name == *name);
    names.iter().filter_map(place).collect()
}

/// The columns that a key names, or the primary key.
fn referred(table: &Table, names: &[SmolStr]) -> Vec<usize> {
    if !names.is_empty() {
        return columns_of(table, names);
    }
    let primary = table.columns.iter().enumerate().filter(|(_, column)| column.primary);
    primary.map(|(at, _)| at).collect()
}
