//! What a statement costs beyond its changes: what leaves no trace in the catalog.

use std::collections::BTreeSet;

use super::{LockMode, Pricing, mode_of_index, referenced};
use crate::schema::change::Write;
use crate::schema::lookup::Lookup;
use crate::schema::objects::{Id, Relation};
use crate::sql::name::Name;
use crate::sql::statement::{
    AlterActionKind as Action, AlterDomainAction, AlterTable, Node, ObjectKind, RelationRef, TableConstraintKind,
};

impl Pricing<'_> {
    /// What changes nothing that the catalog holds.
    pub(super) fn statement(&mut self, node: &Node) {
        let lookup = Lookup::new(self.moment.before, self.moment.session, self.postgres, "");
        let named = |name: &Name| lookup.relation(name);
        let tables = |all: &[RelationRef]| all.iter().filter_map(|table| named(&table.name)).collect::<Vec<_>>();
        match node {
            Node::Query(query) => self.query(query, self.moment.step.statement, &lookup),
            // Also where the index is there already.
            Node::CreateIndex(create) => {
                if let Some(id) = named(&create.table) {
                    self.lock(&id, mode_of_index(create.concurrently));
                }
            }
            Node::Insert(insert) => self.insert(insert, &lookup),
            Node::AlterTable(alter) => {
                if let Some(id) = named(&alter.name) {
                    self.actions(&id, alter);
                }
            }
            Node::Truncate {
                tables: all,
                cascade: true,
                ..
            } => self.truncate_users(tables(all)),
            Node::AlterSequence(alter) => {
                if let Some(id) = named(&alter.name) {
                    self.lock(&id, LockMode::ShareRowExclusive);
                }
            }
            Node::AlterDomain(alter) => {
                let is_checked = match &alter.action {
                    AlterDomainAction::AddConstraint { not_valid, .. } => !not_valid,
                    AlterDomainAction::SetNotNull(not_null) => *not_null,
                    AlterDomainAction::ValidateConstraint(_) => true,
                    _ => false,
                };
                let catalog = self.moment.before;
                let domains = lookup.ids(&alter.name).into_iter();
                let domain = domains.filter(|id| catalog.types.contains_key(id)).find(|_| is_checked);
                for (table, _) in domain.iter().flat_map(|id| catalog.tables_of_type(id)) {
                    self.lock(table, LockMode::Share);
                    self.scan(table);
                }
            }
            Node::Lock { tables: all, mode, .. } => {
                if let Some(mode) = LockMode::of(mode) {
                    tables(all).iter().for_each(|id| self.lock(id, mode));
                }
            }
            Node::Analyze { tables } if tables.is_empty() => {
                let role = &self.moment.session.role;
                let own = self.moment.before.relations().filter(|(id, relation)| {
                    let is_partitioned = relation.table().is_some_and(|table| table.partition_key.is_some());
                    relation.meta.owner == *role && (is_partitioned || self.has_rows(id))
                });
                let own: Vec<Id> = own.map(|(id, _)| id.clone()).collect();
                own.iter().for_each(|id| self.lock(id, LockMode::ShareUpdateExclusive));
            }
            Node::Analyze { tables } => {
                for id in tables.iter().filter_map(named) {
                    self.lock(&id, LockMode::ShareUpdateExclusive);
                }
            }
            Node::Vacuum { full, tables, .. } => {
                for id in tables.iter().filter_map(named) {
                    if *full {
                        self.alone(&id);
                        self.rewrite(&id);
                    } else {
                        self.lock(&id, LockMode::ShareUpdateExclusive);
                    }
                }
            }
            Node::Cluster { table: Some(name), .. } => {
                if let Some(id) = named(name) {
                    self.alone(&id);
                    self.rewrite(&id);
                }
            }
            Node::Reindex {
                kind,
                name: Some(name),
                concurrently,
            } => {
                let found = named(name);
                let table = match kind {
                    ObjectKind::Index => found.and_then(|id| self.before().index(&id).map(|index| index.table.clone())),
                    ObjectKind::Table => found,
                    _ => None,
                };
                if let Some(id) = table {
                    self.lock(&id, mode_of_index(*concurrently));
                    self.build(&id);
                }
            }
            Node::RefreshMaterializedView { concurrently, name, .. } => {
                if let Some(id) = named(name) {
                    if *concurrently {
                        self.lock(&id, LockMode::Exclusive);
                        self.scan(&id);
                    } else {
                        self.alone(&id);
                        self.rewrite(&id);
                    }
                }
            }
            _ => {}
        }
    }

    /// Actions of ALTER TABLE that change no catalog of ours.
    fn actions(&mut self, id: &Id, alter: &AlterTable) {
        for action in &alter.actions {
            let mode = match &action.kind {
                Action::SetStatistics { .. }
                | Action::SetColumnOptions { .. }
                | Action::ClusterOn(_)
                | Action::SetWithoutCluster => LockMode::ShareUpdateExclusive,
                Action::Trigger { .. } => LockMode::ShareRowExclusive,
                // What these take depends on what they are about; the changes say so.
                Action::SetOptions(_)
                | Action::ResetOptions(_)
                | Action::ValidateConstraint { .. }
                | Action::AttachPartition { .. }
                | Action::DetachPartition { .. } => continue,
                Action::AddConstraint(constraint)
                    if matches!(constraint.kind, TableConstraintKind::ForeignKey { .. }) =>
                {
                    LockMode::ShareRowExclusive
                }
                _ => LockMode::AccessExclusive,
            };
            self.lock(id, mode);
            if let Action::SetIdentity { column, .. } | Action::DropIdentity { column, .. } = &action.kind {
                let mode = match action.kind {
                    Action::DropIdentity { .. } => LockMode::AccessExclusive,
                    _ => LockMode::ShareRowExclusive,
                };
                for sequence in self.sequences_of(id, &column.value) {
                    self.lock(&sequence, mode);
                }
            }
            if let Action::SetAccessMethod(_) = action.kind {
                self.cost.unsure.insert(id.clone());
            }
        }
    }

    /// TRUNCATE … CASCADE: the tables that refer to these, and those that refer to them.
    fn truncate_users(&mut self, mut tables: Vec<Id>) {
        let catalog = self.moment.before;
        let mut seen: BTreeSet<Id> = tables.iter().cloned().collect();
        while let Some(table) = tables.pop() {
            self.write(&table, Write::Truncate);
            let refers = |user: &Relation| {
                let constraints = user.table().map(|table| table.constraints.as_slice());
                constraints
                    .unwrap_or_default()
                    .iter()
                    .filter_map(|key| referenced(key))
                    .any(|id| *id == table)
            };
            for (user, _) in catalog.users(&table).filter(|(_, user)| refers(user)) {
                if seen.insert(user.clone()) {
                    tables.push(user.clone());
                }
            }
        }
    }

    pub(super) fn sequences_of(&self, table: &Id, column: &str) -> Vec<Id> {
        let catalog = self.before();
        let is_of_column = |id: &Id| {
            let sequence = catalog.relations.get(id).and_then(|relation| relation.sequence());
            let owner = sequence.and_then(|sequence| sequence.owned_by.as_ref());
            owner.is_some_and(|(_, owner)| owner == column)
        };
        catalog.owned_sequences(table).filter(is_of_column).collect()
    }
}
