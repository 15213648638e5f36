//! One step's inverse: its changes, last first, each from the catalog before it.

mod alter;
mod calls;
mod casts;
mod known;
mod objects;
mod parts;
mod table;
mod unchanged;

use self::known::{acl, comment, owner, suggestion};
use crate::schema::catalog::Catalog;
use crate::schema::change::{Change, Key, Object, TableChange, Taint};
use crate::schema::inverse::identity::{self, Fate, Identities, part_of};
use crate::schema::inverse::print::{self, quote_ident};
use crate::schema::inverse::recreate::{Pieces, Recreate};
use crate::schema::inverse::{Piece, privileges};
use crate::schema::objects::{Certainty, Column, ConstraintKind, Id, RelationKind};
use crate::schema::timeline::Moment;
use smol_str::SmolStr;

/// Undoes one step.
pub(super) struct Undoing<'u, 'm> {
    pub(super) moment: &'u Moment<'m>,
    pub(super) identities: &'u mut Identities,
    pub(super) role: &'u SmolStr,
    pub(super) postgres: u16,
    /// The catalog after the migration.
    pub(super) last: &'u Catalog,
    /// The migration.
    pub(super) text: &'u str,
}

impl Undoing<'_, '_> {
    /// The statements that undo the step, in the order in which they run.
    pub(crate) fn step(&mut self) -> Vec<Piece> {
        let step = self.moment.step;
        let mut catalog = self.moment.before.clone();
        let mut all = Vec::new();
        let mut first = Vec::new();
        for change in &step.changes {
            let mut pieces = Pieces::default();
            self.change(&catalog, change, &mut pieces, &mut first);
            self.identities.pass(change, self.moment);
            catalog.apply(change, step.origin);
            all.push(pieces);
        }
        let mut pieces = Pieces::merged(all.into_iter().rev());
        if step.changes.is_empty() {
            pieces = Pieces::default();
            self.unchanged(&mut pieces);
        }
        let mut ordered = first;
        ordered.extend(pieces.ordered());
        let mut seen = ordered;
        seen.dedup();
        if step.certainty.is_certain() || seen.is_empty() {
            return seen;
        }
        vec![suggestion(
            "undo this if it ran: it stands under a condition that nobody can tell from here",
            &seen,
        )]
    }

    pub(crate) fn recreate<'c>(&'c self, catalog: &'c Catalog) -> Recreate<'c> {
        Recreate {
            catalog,
            role: self.role,
            search_path: &self.moment.session.search_path,
            postgres: self.postgres,
        }
    }

    /// Whether a part of what the migration makes must be undone all the same: it needs something that the migration
    /// makes later and the rollback drops earlier.
    pub(crate) fn needs_later(&self, order: usize, change: &Change) -> bool {
        let later = |key: Key| matches!(self.identities.fate(&key), Fate::New(other) if other > order);
        let relation = |id: &Id| later(Key::Relation(id.clone()));
        match change {
            Change::AddConstraint { constraint, .. } => {
                matches!(&constraint.kind, ConstraintKind::Foreign(key) if relation(&key.table))
            }
            Change::PutPolicy { policy, .. } => {
                let needs = &policy.dependencies;
                needs.relations.iter().any(relation) || needs.functions.iter().any(|id| self.later_function(id, order))
            }
            Change::PutTrigger { trigger, .. } => self.later_function(&trigger.function, order),
            Change::AddColumn { column, .. } => {
                later(Key::Type(column.ty.id.clone())) || self.default_needs(column, order)
            }
            Change::AlterColumn { column, .. } => {
                later(Key::Type(column.ty.id.clone())) || self.default_needs(column, order)
            }
            _ => false,
        }
    }

    pub(crate) fn default_needs(&self, column: &Column, order: usize) -> bool {
        let words = [
            column.default_text.as_deref(),
            column.generated.as_ref().map(|g| g.text.as_str()),
        ];
        words
            .into_iter()
            .flatten()
            .any(|text| self.identities.names_made_after(order).any(|name| text.contains(name)))
    }

    pub(crate) fn later_function(&self, id: &Id, order: usize) -> bool {
        self.moment.before.overloads(id).any(|(signature, _)| {
            matches!(self.identities.fate(&Key::Routine(signature.clone())), Fate::New(other) if other > order)
        })
    }

    /// Whether a change needs no undoing, because what it is about goes anyway or is gone again.
    pub(crate) fn is_covered(&self, catalog: &Catalog, change: &Change) -> bool {
        let itself = match change {
            Change::Create(Object::Relation(_, relation)) => {
                let fate = self.identities.fate_of_next();
                if fate == Fate::Dropped {
                    return true;
                }
                return match &relation.kind {
                    RelationKind::Index(index) => {
                        self.identities.fate(&Key::Relation(index.table.clone())) != Fate::Old
                    }
                    _ => false,
                };
            }
            Change::Create(_) => return self.identities.fate_of_next() == Fate::Dropped,
            Change::AddColumn { table, .. } | Change::AddConstraint { table, .. } => {
                if self.identities.fate_of_next() == Fate::Dropped {
                    return true;
                }
                Key::Relation(table.clone())
            }
            Change::PutTrigger { table, trigger } => {
                self.put_key(Key::Trigger(table.clone(), trigger.name.clone()), change)
            }
            Change::PutPolicy { table, policy } => {
                self.put_key(Key::Policy(table.clone(), policy.name.clone()), change)
            }
            Change::PutRule { table, rule } => self.put_key(Key::Rule(table.clone(), rule.clone()), change),
            Change::Alter(object) => object.key(),
            Change::Drop(key) => key.clone(),
            Change::Rename { from, .. } => from.clone(),
            Change::DropColumn { table, column } => Key::Column(table.clone(), column.clone()),
            Change::AlterColumn { table, column, .. } => Key::Column(table.clone(), column.name.clone()),
            Change::AlterConstraint { table, constraint } => Key::Constraint(table.clone(), constraint.name.clone()),
            Change::Table {
                table,
                what: TableChange::Attach { partition, .. } | TableChange::Detach { partition },
            } => {
                if self.identities.fate(&Key::Relation(partition.clone())) != Fate::Old {
                    return true;
                }
                Key::Relation(table.clone())
            }
            Change::Table { table, .. } | Change::Write { table, .. } => Key::Relation(table.clone()),
            Change::Grant { object, .. }
            | Change::Revoke { object, .. }
            | Change::Comment { object, .. }
            | Change::Owner { object, .. } => object.clone(),
            Change::DefaultAcl { .. } | Change::Statistics { .. } | Change::Taint(_) => return false,
        };
        if itself == Key::Relation(Id::default()) {
            return true;
        }
        let index_of = match &itself {
            Key::Relation(id) => catalog.index(id).map(|index| Key::Relation(index.table.clone())),
            _ => None,
        };
        let whole = part_of(&itself).map(|table| Key::Relation(table.clone()));
        for key in [Some(itself), whole, index_of].into_iter().flatten() {
            match self.identities.fate(&key) {
                Fate::Old => {}
                Fate::Dropped => return true,
                Fate::New(_) if matches!(change, Change::Rename { .. }) => {
                    return !self.identities.undoes_renames(&key);
                }
                Fate::New(order) => return !self.needs_later(order, change),
            }
        }
        false
    }

    /// The key of what is put, as [`Undoing::is_covered`] asks for it.
    pub(crate) fn put_key(&self, key: Key, change: &Change) -> Key {
        let is_new = identity::created(change, self.moment).is_some();
        if is_new {
            if self.identities.fate_of_next() == Fate::Dropped {
                return Key::Relation(Id::default());
            }
            return part_of(&key).map_or(key.clone(), |table| Key::Relation(table.clone()));
        }
        key
    }

    #[allow(clippy::too_many_lines, reason = "one arm for every kind of change")]
    pub(crate) fn change(&mut self, catalog: &Catalog, change: &Change, out: &mut Pieces, first: &mut Vec<Piece>) {
        if self.is_covered(catalog, change) {
            return;
        }
        if let Some(doubt) = self.doubt(catalog, change) {
            let mut sure = Pieces::default();
            self.certain(catalog, change, &mut sure, first);
            let mut pieces = sure.ordered();
            if matches!(change, Change::Create(_) | Change::AddColumn { .. }) || pieces.is_empty() {
                return out.push(suggestion(&doubt, &pieces));
            }
            // It runs; whoever reads it says whether it is all.
            pieces.insert(0, Piece::impossible(&doubt));
            return pieces.into_iter().for_each(|piece| out.push(piece));
        }
        self.certain(catalog, change, out, first);
    }

    /// Why nobody can be sure what was there before.
    pub(crate) fn doubt(&self, catalog: &Catalog, change: &Change) -> Option<String> {
        let guarded = || self.text_of_step().to_ascii_lowercase().contains("if not exists");
        match change {
            Change::Create(object) => {
                let may_have_been_there = match object {
                    Object::Relation(_, relation) if matches!(relation.kind, RelationKind::Index(_)) => {
                        catalog.may_hold_more()
                    }
                    _ => catalog.may_hold_more_beyond_tables(),
                };
                if guarded() && may_have_been_there {
                    return Some("undo this, if it was not there before the migration".into());
                }
                let certainty = match object {
                    Object::Relation(_, relation) => relation.meta.certainty,
                    Object::Routine(_, routine) => routine.meta.certainty,
                    Object::Type(_, ty) => ty.meta.certainty,
                    _ => Certainty::Certain,
                };
                (!certainty.is_certain()).then(|| "undo this if it ran: nobody can tell from here".into())
            }
            Change::AddColumn { table, .. } => {
                let known = catalog.table(table).is_none_or(|found| found.columns_known);
                (guarded() && !known).then(|| "undo this, if the column was not there before the migration".into())
            }
            Change::Drop(key) => self.unsure_of(catalog, key),
            Change::DropColumn { table, .. } => self.unsure_of(catalog, &Key::Relation(table.clone())),
            Change::Alter(object) => self.unsure_of(catalog, &object.key()),
            _ => None,
        }
    }

    pub(crate) fn unsure_of(&self, catalog: &Catalog, key: &Key) -> Option<String> {
        let certainty = match key {
            Key::Relation(id) => match catalog.relations.get(id)? {
                found if matches!(found.kind, RelationKind::Table(_) | RelationKind::Index(_)) => {
                    catalog.certainty(id)?
                }
                found => catalog.since_beyond_tables(found.meta.certainty, found.meta.changed),
            },
            Key::Routine(signature) => {
                let meta = &catalog.routines.get(signature)?.meta;
                let own = catalog.since_beyond_tables(meta.certainty, meta.changed);
                match catalog.taints.routines {
                    Some(taint) if own.is_certain() && meta.changed < taint => Certainty::Maybe(taint),
                    _ => own,
                }
            }
            Key::Type(id) => {
                let meta = &catalog.types.get(id)?.meta;
                catalog.since_beyond_tables(meta.certainty, meta.changed)
            }
            Key::Policy(table, name) => {
                let policy = catalog
                    .table(table)?
                    .policies
                    .iter()
                    .find(|policy| policy.name == *name)?;
                match catalog.taints.policies {
                    Some(taint) if policy.certainty.is_certain() && policy.created < taint => Certainty::Maybe(taint),
                    _ => policy.certainty,
                }
            }
            _ => return None,
        };
        match certainty {
            Certainty::Certain => None,
            Certainty::Maybe(_) => {
                Some("check this: an earlier statement that nobody can follow may have changed it".into())
            }
            Certainty::Assumed => Some("check this: no migration says how it was made".into()),
        }
    }

    pub(crate) fn text_of_step(&self) -> &str {
        self.moment.step.statement.span.slice(self.text)
    }

    pub(crate) fn certain(&mut self, catalog: &Catalog, change: &Change, out: &mut Pieces, first: &mut Vec<Piece>) {
        match change {
            Change::Create(object) => self.create(catalog, object, out),
            Change::Alter(object) => self.alter(catalog, object, out),
            Change::Drop(key) => self.drop(catalog, key, out),
            Change::Rename { from, to } => self.rename(catalog, from, to, out),
            Change::AddColumn { table, column } => {
                if !self.goes_with_parent(table, column.inherited) {
                    let name = quote_ident(&column.name);
                    out.say(format!(
                        "alter table {} drop column {name};",
                        print::id(&self.last(table))
                    ));
                }
            }
            Change::DropColumn { table, column } => {
                let inherited = catalog
                    .table(table)
                    .and_then(|found| found.column(column))
                    .is_some_and(|c| c.inherited);
                if !self.goes_with_parent(table, inherited) {
                    let key = Key::Column(table.clone(), column.clone());
                    let whole = self.with_parts(catalog, &key);
                    self.recreate(&whole).object(&key, out);
                }
            }
            Change::AlterColumn { table, column, what } => self.alter_column(catalog, table, column, *what, out),
            Change::AddConstraint { table, constraint } => self.add_constraint(table, constraint, out),
            Change::AlterConstraint { table, constraint } => self.alter_constraint(catalog, table, constraint, out),
            Change::PutTrigger { table, trigger } => self.put_trigger(catalog, table, trigger, out),
            Change::PutPolicy { table, policy } => self.put_policy(catalog, table, policy, out),
            Change::PutRule { table, rule } => {
                let known = match catalog.relations.get(table).map(|relation| &relation.kind) {
                    Some(RelationKind::Table(found)) => found.rules.contains(rule),
                    Some(RelationKind::View(found)) => found.rules.contains(rule),
                    _ => false,
                };
                out.say(format!(
                    "drop rule {} on {};",
                    quote_ident(rule),
                    print::id(&self.last(table))
                ));
                if known {
                    let pieces = self.recreate(catalog).rule(table, rule);
                    out.now.extend(pieces);
                }
            }
            Change::Table { table, what } => self.table(catalog, table, what, out, first),
            Change::Grant {
                object,
                grantee,
                privileges: granted,
            } => {
                let none = crate::schema::objects::Acl::default();
                let of_view = matches!(object, Key::Column(id, _) if catalog.relations.get(id).is_some_and(|it| it.view().is_some()));
                let Some(before) = acl(catalog, object).or(of_view.then_some(&none)) else {
                    return;
                };
                let mut after = before.clone();
                let held = after.entry(grantee.clone()).or_default();
                for (name, grantable) in granted {
                    *held.entry(name.clone()).or_default() |= grantable;
                }
                out.now
                    .extend(privileges::between(&self.recreate(catalog), object, &after, before));
                self.columns_again(catalog, object, &after, before, out);
            }
            Change::Revoke { object, .. } => {
                let Some(before) = acl(catalog, object) else { return };
                let mut next = catalog.clone();
                next.apply(change, self.moment.step.origin);
                let none = crate::schema::objects::Acl::default();
                let after = acl(&next, object).unwrap_or(&none);
                out.now
                    .extend(privileges::between(&self.recreate(catalog), object, after, before));
                if let Key::Relation(id) = object
                    && let (Some(old), Some(new)) = (catalog.table(id), next.table(id))
                {
                    for (old, new) in old.columns.iter().zip(&new.columns) {
                        let key = Key::Column(id.clone(), old.name.clone());
                        out.now
                            .extend(privileges::between(&self.recreate(catalog), &key, &new.acl, &old.acl));
                    }
                }
                if let Key::Relation(id) = object
                    && let Some(old) = catalog.relations.get(id).and_then(|found| found.view())
                    && let Some(new) = next.relations.get(id).and_then(|found| found.view())
                {
                    for (column, before) in &old.column_acls {
                        let key = Key::Column(id.clone(), column.clone());
                        let after = new.column_acls.get(column).unwrap_or(&none);
                        out.now
                            .extend(privileges::between(&self.recreate(catalog), &key, after, before));
                    }
                }
            }
            Change::DefaultAcl { key, acl } => {
                let before = catalog.default_acls.get(key);
                out.now.extend(privileges::defaults_between(
                    key,
                    acl.as_ref(),
                    before,
                    self.role,
                    self.postgres,
                ));
            }
            Change::Comment { object, .. } => {
                let text = comment(catalog, object);
                let sql = self.recreate(catalog).comment(object, text.as_ref());
                out.say(sql);
            }
            Change::Owner { object, .. } => {
                let follows = matches!(object, Key::Relation(id)
                    if catalog.relations.get(id).and_then(|found| found.sequence()).is_some_and(|s| s.owned_by.is_some()));
                let Some(owner) = owner(catalog, object).filter(|_| !follows) else {
                    return;
                };
                let named = self.recreate(catalog).named(object);
                if owner.is_empty() {
                    out.push(Piece::impossible(&format!(
                        "give {named} back to its owner: no migration says who that was"
                    )));
                } else {
                    out.say(format!("alter {named} owner to {};", quote_ident(&owner)));
                }
                let grants = acl(catalog, object);
                if let Some(before) = grants {
                    let mut after = before.clone();
                    if let Change::Owner { owner, .. } = change {
                        after.remove(owner);
                    }
                    out.now
                        .extend(privileges::between(&self.recreate(catalog), object, &after, before));
                }
                if let (Key::Relation(id), Change::Owner { owner, .. }) = (object, change) {
                    for column in catalog.table(id).into_iter().flat_map(|table| &table.columns) {
                        let mut after = column.acl.clone();
                        // What the new owner was granted became its own, and became the old owner's on the way back.
                        if let Some(own) = after.remove(owner) {
                            after.insert(self.role.clone(), own);
                        }
                        let key = Key::Column(id.clone(), column.name.clone());
                        out.now
                            .extend(privileges::between(&self.recreate(catalog), &key, &after, &column.acl));
                    }
                }
            }
            Change::Statistics { .. } => {}
            Change::Write { table, what } => self.write(catalog, table, *what, out),
            Change::Taint(Taint::Privileges) => out.push(Piece::impossible("give back the privileges of before")),
            Change::Taint(_) => out.push(Piece::impossible(
                "undo this by hand: nobody can tell from the text what it did",
            )),
        }
    }

    /// The name at the end of the migration.
    pub(crate) fn last(&self, table: &Id) -> Id {
        match self.identities.fate(&Key::Relation(table.clone())) {
            Fate::New(_) => match self.identities.last_key(&Key::Relation(table.clone())) {
                Key::Relation(id) => id,
                _ => table.clone(),
            },
            _ => table.clone(),
        }
    }

    /// What is undone on the parent reaches the children by itself.
    pub(crate) fn goes_with_parent(&self, table: &Id, inherited: bool) -> bool {
        inherited && self.moment.step.target.as_ref() != Some(table)
    }

    pub(crate) fn is_new_in_step(&self, table: &Id, column: &str) -> bool {
        self.moment.step.changes.iter().any(|change| match change {
            Change::AddColumn {
                table: on,
                column: added,
            } => on == table && added.name == column,
            Change::Create(Object::Relation(id, _)) => id == table,
            _ => false,
        })
    }
}

impl Pieces {
    pub(crate) fn merged(all: impl Iterator<Item = Pieces>) -> Pieces {
        let mut merged = Pieces::default();
        for pieces in all {
            merged.absorb(pieces);
        }
        merged
    }
}
