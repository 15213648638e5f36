//! Columns, constraints, triggers and policies.

use super::Undoing;
use super::casts::{cast, casts_by_itself, narrows};
use super::known::{position, suggestion};
use crate::schema::catalog::Catalog;
use crate::schema::change::{Change, ColumnChange, Key, TableChange};
use crate::schema::inverse::identity::Fate;
use crate::schema::inverse::print::{self, quote_ident};
use crate::schema::inverse::recreate::Pieces;
use crate::schema::inverse::words::{in_parentheses, roles, trigger_mode};
use crate::schema::inverse::{Fidelity, Piece};
use crate::schema::objects::{Column, Constraint, ConstraintKind, Id, Policy, Trigger};

impl Undoing<'_, '_> {
    pub(crate) fn alter_column(
        &self,
        catalog: &Catalog,
        table: &Id,
        new: &Column,
        what: ColumnChange,
        out: &mut Pieces,
    ) {
        let Some(old) = catalog.table(table).and_then(|found| found.column(&new.name)) else {
            return;
        };
        if self.goes_with_parent(table, old.inherited) || what == ColumnChange::Inheritance {
            return;
        }
        let recreate = self.recreate(catalog);
        let (on, name) = (print::id(&self.last(table)), quote_ident(&old.name));
        let column = format!("alter table {on} alter column {name}");
        match what {
            ColumnChange::NotNull => {
                if old.not_null != new.not_null {
                    let verb = if old.not_null { "set" } else { "drop" };
                    out.say(format!("{column} {verb} not null;"));
                }
            }
            ColumnChange::Default => match &old.default_text {
                Some(_) => {
                    let text = recreate.default_text(table, old);
                    out.push(recreate.carried(format!("{column} set default {text};")));
                }
                None => out.say(format!("{column} drop default;")),
            },
            ColumnChange::Type => {
                if old.ty == new.ty {
                    return;
                }
                let has_default = old.default.is_some() && old.generated.is_none();
                if has_default {
                    out.say(format!("{column} drop default;"));
                }
                let ty = print::ty(&old.ty);
                let way = if casts_by_itself(&new.ty, &old.ty) {
                    Some(String::new())
                } else {
                    cast(&new.ty, &old.ty).map(|way| format!(" using {name}{way}::{ty}"))
                };
                let Some(using) = way else {
                    let why = format!("say how the values of {on}.{name} become {ty} again: there is no cast");
                    let mut piece = Piece::lossless(format!("{column} type {ty} using {name};"));
                    piece = suggestion(&why, &[piece]);
                    return out.push(piece);
                };
                let collate = old
                    .collation
                    .as_ref()
                    .map_or_else(String::new, |name| format!(" collate {name}"));
                let mut piece = Piece::lossless(format!("{column} type {ty}{collate}{using};"));
                if narrows(&old.ty, &new.ty) {
                    let what = format!("{on} ({name})");
                    piece.fidelity = Fidelity::NeedsArchive(what);
                }
                out.push(piece);
                if has_default {
                    let text = recreate.default_text(table, old);
                    out.push(recreate.carried(format!("{column} set default {text};")));
                }
            }
            ColumnChange::Identity => match (old.identity, new.identity) {
                (None, _) => out.say(format!("{column} drop identity;")),
                (Some(always), None) => {
                    let identity = recreate.identity(table, &old.name, always);
                    out.say(format!("{column} add {identity};"));
                    out.push(position(&format!(
                        "the position of the sequence of {on}.{name} is gone"
                    )));
                }
                (Some(always), Some(_)) => {
                    let how = if always { "always" } else { "by default" };
                    out.say(format!("{column} set generated {how};"));
                }
            },
            ColumnChange::Generated => match (&old.generated, &new.generated) {
                (Some(before), Some(_)) => {
                    let text = in_parentheses(&before.text);
                    out.push(recreate.carried(format!("{column} set expression as {text};")));
                }
                (Some(before), None) => {
                    let mut piece = recreate.carried(format!(
                        "alter table {on} drop column {name};\nalter table {on} add column {name} {} generated always as {} stored;",
                        print::ty(&old.ty),
                        in_parentheses(&before.text)
                    ));
                    let what = format!(
                        "make {on}.{name} generated again: only a new column can be, so drop it with what hangs on it"
                    );
                    piece.fidelity = Fidelity::Impossible(what);
                    out.push(piece);
                }
                _ => {}
            },
            ColumnChange::Inheritance => {}
        }
    }

    pub(crate) fn add_constraint(&self, table: &Id, constraint: &Constraint, out: &mut Pieces) {
        let attached = self.moment.step.changes.iter().any(|change| {
            matches!(change, Change::Table { what: TableChange::Attach { partition, .. }, .. } if partition == table)
        });
        let by_index = matches!(
            constraint.kind,
            ConstraintKind::Primary | ConstraintKind::Unique | ConstraintKind::Exclude
        );
        // With its index it is dropped where the index is undone.
        if constraint.inherited && (!attached || by_index) {
            return;
        }
        // With its column it goes by itself.
        let is_new = self.identities.fate(&Key::Relation(table.clone())) != Fate::Old;
        if !is_new
            && constraint
                .columns
                .iter()
                .any(|column| self.is_new_in_step(table, column))
        {
            return;
        }
        let (table, name) = (print::id(&self.last(table)), quote_ident(&constraint.name));
        out.say(format!("alter table {table} drop constraint {name};"));
    }

    pub(crate) fn alter_constraint(&self, catalog: &Catalog, table: &Id, new: &Constraint, out: &mut Pieces) {
        let Some(old) = catalog.table(table).and_then(|found| found.constraint(&new.name)) else {
            return;
        };
        if old.inherited && self.moment.step.target.as_ref() != Some(table) {
            return;
        }
        let (on, name) = (print::id(table), quote_ident(&old.name));
        if old.validated != new.validated {
            out.say(format!("alter table {on} drop constraint {name};"));
            let key = Key::Constraint(table.clone(), old.name.clone());
            return self.recreate(catalog).object(&key, out);
        }
        let how = match (old.deferrable, old.deferred) {
            (false, _) => "not deferrable",
            (true, false) => "deferrable initially immediate",
            (true, true) => "deferrable initially deferred",
        };
        out.say(format!("alter table {on} alter constraint {name} {how};"));
    }

    pub(crate) fn put_trigger(&self, catalog: &Catalog, table: &Id, new: &Trigger, out: &mut Pieces) {
        let recreate = self.recreate(catalog);
        let relation = catalog.relations.get(table);
        // What came with the parent goes with it.
        let after = self.moment.after.table(table);
        let parent = after.and_then(|found| found.partition_of.as_ref());
        let cloned = parent
            .and_then(|parent| self.moment.after.table(parent))
            .is_some_and(|parent| parent.triggers.iter().any(|own| own.row && own.name == new.name));
        if cloned && self.moment.step.target.as_ref() != Some(table) {
            return;
        }
        let old = relation.and_then(|relation| relation.triggers().iter().find(|old| old.name == new.name));
        let on = self.last(table);
        let drop = format!("drop trigger {} on {};", quote_ident(&new.name), print::id(&on));
        let Some(old) = old else { return out.say(drop) };
        if old.definition == new.definition {
            if old.mode != new.mode {
                out.say(trigger_mode(table, &old.name, old.mode));
            }
            return;
        }
        if old.constraint || new.constraint {
            out.say(drop);
            return out.now.extend(recreate.trigger(table, old, "create"));
        }
        out.now.extend(recreate.trigger(table, old, "create or replace"));
    }

    pub(crate) fn put_policy(&self, catalog: &Catalog, table: &Id, new: &Policy, out: &mut Pieces) {
        let recreate = self.recreate(catalog);
        let old = catalog
            .table(table)
            .and_then(|found| found.policies.iter().find(|old| old.name == new.name));
        let (name, on) = (quote_ident(&new.name), print::id(&self.last(table)));
        let Some(old) = old else {
            return out.say(format!("drop policy {name} on {on};"));
        };
        let adds = (old.using.is_none() && new.using.is_some()) || (old.check.is_none() && new.check.is_some());
        if adds {
            // ALTER POLICY cannot take an expression away.
            out.say(format!("drop policy {name} on {on};"));
            return out.now.extend(recreate.policy(table, old));
        }
        let to = if old.roles == new.roles {
            String::new()
        } else {
            format!(" to {}", roles(&old.roles))
        };
        let expressions = recreate.policy_expressions(table, old);
        out.push(recreate.carried(format!("alter policy {name} on {on}{to}{expressions};")));
    }
}
