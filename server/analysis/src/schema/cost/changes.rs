//! What each change of the catalog costs.

use smol_str::SmolStr;

use super::{LockMode, Pricing, mode_of_index, referenced};
use crate::schema::change::{Change, ColumnChange, Key, Object, TableChange, Write};
use crate::schema::facts::volatility;
use crate::schema::objects::{
    Column, Constraint, ConstraintKind, Domain, Id, Index, Relation, RelationKind, Shared, Table, TypeKind,
};
use crate::schema::proof::not_null_proof;
use crate::schema::resolve::table::serial_type;
use crate::schema::rewrite::{TypeChange, type_change};
use crate::sql::name::Ident;
use crate::sql::statement::{
    AlterAction, AlterActionKind as Action, AlterTable, ColumnConstraint, ColumnConstraintKind, ColumnDef, Node,
    ObjectKind, Persistence, TableConstraintKind, Volatility,
};

impl Pricing<'_> {
    pub(super) fn change(&mut self, change: &Change) {
        match change {
            Change::Create(Object::Relation(_, relation)) => self.create(relation),
            Change::Alter(Object::Relation(id, relation)) => match &relation.kind {
                RelationKind::Sequence(_) => self.lock(id, LockMode::ShareRowExclusive),
                _ => self.alone(id),
            },
            Change::Alter(Object::Publication(name, new)) => {
                let old = self.before().publications.get(name);
                let old = old.map(|old| old.tables.clone()).unwrap_or_default();
                for table in old.symmetric_difference(&new.tables) {
                    self.lock(table, LockMode::ShareUpdateExclusive);
                }
            }
            Change::Create(Object::Publication(_, new)) => {
                for table in &new.tables {
                    self.lock(table, LockMode::ShareUpdateExclusive);
                }
            }
            Change::Drop(key) => self.drop(key),
            Change::Rename { from, .. } => match from {
                Key::Relation(id) | Key::Column(id, _) => self.alone(id),
                Key::Constraint(id, _) | Key::Trigger(id, _) | Key::Policy(id, _) | Key::Rule(id, _) => self.alone(id),
                _ => {}
            },
            Change::AddColumn { table, column } => self.add_column(table, column),
            Change::DropColumn { table, column } => {
                self.alone(table);
                let keys = self
                    .before()
                    .table(table)
                    .into_iter()
                    .flat_map(|table| &table.constraints);
                let keys = keys.filter(|constraint| constraint.columns.contains(column));
                let referenced: Vec<Id> = keys.filter_map(|key| referenced(key)).cloned().collect();
                referenced.iter().for_each(|id| self.alone(id));
            }
            Change::AlterColumn { table, column, what } => self.alter_column(table, column, *what),
            Change::AddConstraint { table, constraint } => self.add_constraint(table, constraint),
            Change::AlterConstraint { table, constraint } => {
                let old = self
                    .before()
                    .table(table)
                    .and_then(|table| table.constraint(&constraint.name));
                if constraint.validated && old.is_some_and(|old| !old.validated) {
                    self.lock(table, LockMode::ShareUpdateExclusive);
                    self.scan(table);
                    if let Some(other) = referenced(constraint) {
                        self.lock(other, LockMode::RowShare);
                    }
                } else if self.validates(&constraint.name) {
                    self.lock(table, LockMode::ShareUpdateExclusive);
                } else {
                    self.alone(table);
                    // The triggers of both tables come or go with ENFORCED.
                    if let Some(other) = referenced(constraint).filter(|_| self.enforces()) {
                        self.alone(other);
                    }
                }
            }
            Change::PutTrigger { table, .. } => self.lock(table, LockMode::ShareRowExclusive),
            Change::PutPolicy { table, .. } | Change::PutRule { table, .. } => self.alone(table),
            Change::Table { table, what } => self.table(table, what),
            Change::Comment {
                object: Key::Relation(id) | Key::Column(id, _),
                ..
            } => self.lock(id, LockMode::ShareUpdateExclusive),
            Change::Owner {
                object: Key::Relation(id),
                ..
            } => self.alone(id),
            Change::Statistics { table, .. } => self.lock(table, LockMode::ShareUpdateExclusive),
            Change::Write { table, what } => self.write(table, *what),
            _ => {}
        }
    }

    /// Whether the statement validates the constraint; nothing is read where it is valid already.
    fn validates(&self, constraint: &str) -> bool {
        self.alter
            .into_iter()
            .flat_map(|alter| &alter.actions)
            .any(|action| matches!(&action.kind, Action::ValidateConstraint { name } if name.value == constraint))
    }

    /// Whether the statement says ENFORCED or NOT ENFORCED.
    fn enforces(&self) -> bool {
        let is = |kind: &Action| matches!(kind, Action::AlterConstraint { enforced: Some(_), .. });
        self.alter
            .into_iter()
            .flat_map(|alter| &alter.actions)
            .any(|action| is(&action.kind))
    }

    fn create(&mut self, relation: &Relation) {
        match &relation.kind {
            RelationKind::Index(index) => {
                self.build(&index.table);
                // Indexes of constraints come with the constraint's lock.
                if index.constraint.is_none() {
                    let concurrently =
                        matches!(&self.moment.step.statement.node, Node::CreateIndex(create) if create.concurrently);
                    self.lock(&index.table, mode_of_index(concurrently));
                }
            }
            RelationKind::Table(table) => {
                for other in table.constraints.iter().filter_map(|key| referenced(key)) {
                    self.lock(other, LockMode::ShareRowExclusive);
                }
                for parent in &table.inherits {
                    self.lock(parent, LockMode::ShareUpdateExclusive);
                }
            }
            _ => {}
        }
    }

    /// The default partition is locked too, and searched for rows of a new one.
    fn default_partition(&mut self, parent: &Id, but: &Id, searched: bool) {
        let catalog = self.moment.before;
        let is_default = |id: &&Id| catalog.table(id).is_some_and(|table| table.default_partition);
        for id in catalog.children(parent).filter(is_default).filter(|id| *id != but) {
            self.alone(id);
            if searched {
                self.scan(id);
            }
        }
    }

    fn drop(&mut self, key: &Key) {
        match key {
            Key::Relation(id) => {
                let catalog = self.moment.before;
                let Some(relation) = catalog.relations.get(id) else {
                    return;
                };
                self.alone(id);
                match &relation.kind {
                    RelationKind::Index(index) => {
                        let concurrently =
                            matches!(&self.moment.step.statement.node, Node::Drop(drop) if drop.concurrently);
                        self.lock(
                            &index.table,
                            if concurrently {
                                LockMode::ShareUpdateExclusive
                            } else {
                                LockMode::AccessExclusive
                            },
                        );
                    }
                    RelationKind::Table(table) => {
                        for other in table.constraints.iter().filter_map(|key| referenced(key)) {
                            self.alone(other);
                        }
                        if let Some(parent) = &table.partition_of {
                            self.alone(parent);
                            self.default_partition(parent, id, false);
                        }
                    }
                    _ => {}
                }
            }
            Key::Constraint(table, name) => {
                self.alone(table);
                let old = self.before().table(table).and_then(|table| table.constraint(name));
                if let Some(other) = old.and_then(referenced).cloned() {
                    self.alone(&other);
                }
            }
            Key::Other(ObjectKind::Statistics, name) => {
                if let Some((table, _)) = self.before().statistics.get(name).cloned() {
                    self.lock(&table, LockMode::ShareUpdateExclusive);
                }
            }
            Key::Column(table, _) | Key::Trigger(table, _) | Key::Policy(table, _) | Key::Rule(table, _) => {
                self.alone(table);
            }
            _ => {}
        }
    }

    fn add_column(&mut self, table: &Id, column: &Column) {
        self.alone(table);
        let catalog = self.moment.after;
        let domain = match catalog.types.get(&column.ty.id).map(|ty| &ty.kind) {
            Some(TypeKind::Domain(domain)) if !column.ty.array => Some(domain),
            _ => None,
        };
        // A column without a default of its own has its domain's.
        let default = column.default.as_deref().or_else(|| domain?.default.as_deref());
        let default = default.filter(|_| column.generated.is_none());
        let volatility = default.map(|default| volatility(default, catalog, self.moment.session, self.postgres));
        let is_stored = column.generated.as_ref().is_some_and(|generated| generated.stored);
        let is_checked = domain.is_some_and(Domain::constrained);
        if volatility == Some(Some(Volatility::Volatile)) || is_stored || column.identity.is_some() || is_checked {
            self.rewrite(table);
        } else if volatility == Some(None) {
            self.cost.unsure.insert(table.clone());
        }
    }

    fn alter_column(&mut self, table: &Id, column: &Column, what: ColumnChange) {
        self.alone(table);
        let Some(old) = self
            .before()
            .table(table)
            .and_then(|table| table.column(&column.name))
            .cloned()
        else {
            return;
        };
        match what {
            ColumnChange::Type => self.alter_type(table, &old, column),
            ColumnChange::NotNull if column.not_null && !old.not_null => {
                let is_proven = self
                    .before()
                    .table(table)
                    .zip(self.alter)
                    .is_some_and(|(table, alter)| is_proven(table, &column.name, alter));
                if !is_proven {
                    self.scan(table);
                }
            }
            ColumnChange::Generated if column.generated.as_ref().is_some_and(|generated| generated.stored) => {
                self.rewrite(table);
            }
            _ => {}
        }
    }

    fn alter_type(&mut self, table: &Id, old: &Column, new: &Column) {
        let actions = self.alter.into_iter().flat_map(|alter| &alter.actions);
        let using = actions.filter_map(|action| match &action.kind {
            Action::AlterType { column, using, .. } if column.value == new.name => Some(using.as_ref()),
            _ => None,
        });
        let using = using.flatten().next();
        let name = Ident::generated(&new.name);
        let utc = self.moment.session.utc;
        match type_change(&name, &old.ty, &new.ty, using, self.moment.before, utc) {
            TypeChange::None if old.collation == new.collation => self.check_again(table, &new.name),
            TypeChange::None | TypeChange::IndexRebuild => {
                let has = |index: &Index| {
                    index
                        .keys
                        .iter()
                        .any(|key| key.column.as_ref().is_none_or(|column| *column == new.name))
                };
                if self.before().indexes_of(table).any(|(_, index)| has(index)) {
                    self.build(table);
                }
                self.check_again(table, &new.name);
            }
            TypeChange::Rewrite => self.rewrite(table),
            TypeChange::RewriteUnlessUtc | TypeChange::Unknown => {
                self.cost.unsure.insert(table.clone());
            }
        }
        // A key on the column is made anew, on both sides.
        let keys = self
            .before()
            .table(table)
            .into_iter()
            .flat_map(|table| &table.constraints);
        let keys = keys.filter(|constraint| constraint.columns.contains(&new.name));
        let referenced: Vec<Id> = keys.filter_map(|key| referenced(key)).cloned().collect();
        referenced.iter().for_each(|id| self.alone(id));
    }

    /// Checks of a column are made anew with its type, and validated again.
    fn check_again(&mut self, table: &Id, column: &str) {
        let constraints = self.before().table(table).map(|table| table.constraints.as_slice());
        let is_checked = constraints.unwrap_or_default().iter().any(|constraint| {
            matches!(constraint.kind, ConstraintKind::Check(_))
                && constraint.validated
                && constraint.columns.iter().any(|name| name == column)
        });
        if is_checked {
            self.scan(table);
        }
    }

    fn add_constraint(&mut self, table: &Id, constraint: &Constraint) {
        match &constraint.kind {
            ConstraintKind::Foreign(key) => {
                self.lock(table, LockMode::ShareRowExclusive);
                self.lock(&key.table, LockMode::ShareRowExclusive);
                if constraint.validated && !self.alter.is_some_and(|alter| is_null_everywhere(alter, constraint)) {
                    self.scan(table);
                }
            }
            ConstraintKind::Check(_) | ConstraintKind::NotNull => {
                self.alone(table);
                if constraint.validated {
                    self.scan(table);
                }
            }
            ConstraintKind::Primary => {
                self.alone(table);
                let before = self.before().table(table);
                let nullable = constraint.columns.iter().any(|name| {
                    let column = before.and_then(|table| table.column(name));
                    let is_proven = before
                        .zip(self.alter)
                        .is_some_and(|(table, alter)| is_proven(table, name, alter));
                    column.is_some_and(|column| !column.not_null) && !is_proven
                });
                if nullable {
                    self.scan(table);
                }
            }
            ConstraintKind::Unique | ConstraintKind::Exclude => self.alone(table),
        }
    }

    fn table(&mut self, table: &Id, what: &TableChange) {
        match what {
            TableChange::Attach { partition, .. } => {
                if self.before().index(table).is_some() {
                    return;
                }
                if !self.before().relations.contains_key(partition) {
                    // CREATE TABLE … PARTITION OF
                    self.alone(table);
                    self.default_partition(table, partition, true);
                    return;
                }
                self.lock(table, LockMode::ShareUpdateExclusive);
                self.alone(partition);
                // A check that implies the bounds spares the scan; whether one does is not worked out.
                let is_checked = |table: &Table| {
                    let checks = |constraint: &Shared<Constraint>| matches!(constraint.kind, ConstraintKind::Check(_));
                    table.constraints.iter().any(checks)
                };
                if self.before().table(partition).is_some_and(is_checked) {
                    self.cost.unsure.insert(partition.clone());
                } else {
                    self.scan(partition);
                }
                self.default_partition(table, partition, true);
            }
            TableChange::Detach { partition } => {
                let concurrently = self.alter.into_iter().flat_map(|alter| &alter.actions).any(|action| {
                    matches!(
                        action.kind,
                        Action::DetachPartition { concurrently, finalize, .. } if concurrently || finalize
                    )
                });
                if concurrently {
                    self.lock(table, LockMode::ShareUpdateExclusive);
                    self.alone(partition);
                } else {
                    self.alone(table);
                    self.alone(partition);
                    self.default_partition(table, partition, false);
                }
            }
            TableChange::Inherit(parent) => {
                self.alone(table);
                self.lock(parent, LockMode::ShareUpdateExclusive);
            }
            TableChange::Logged(logged) => {
                self.alone(table);
                let old = self.before().table(table).map(|table| table.persistence);
                let wanted = if *logged {
                    Persistence::Permanent
                } else {
                    Persistence::Unlogged
                };
                if old.is_some_and(|old| old != wanted) {
                    self.rewrite(table);
                }
            }
            TableChange::SetOptions(options) => {
                let names: Vec<&str> = options.iter().map(|(name, _)| name.as_str()).collect();
                self.options(table, &names);
            }
            TableChange::ResetOptions(options) => {
                let names: Vec<&str> = options.iter().map(SmolStr::as_str).collect();
                self.options(table, &names);
            }
            // What these lock depends on the action; the statement says so.
            TableChange::Setting { .. } => {}
            _ => self.alone(table),
        }
    }

    fn options(&mut self, id: &Id, names: &[&str]) {
        let is_view = self.before().table(id).is_none();
        if is_view || names.contains(&"user_catalog_table") {
            self.alone(id);
        } else {
            self.lock(id, LockMode::ShareUpdateExclusive);
        }
    }

    pub(super) fn write(&mut self, table: &Id, what: Write) {
        match what {
            Write::Truncate => {
                self.alone(table);
                self.rewrite(table);
            }
            Write::Insert => self.lock(table, LockMode::RowExclusive),
            Write::Update | Write::Delete => {
                self.lock(table, LockMode::RowExclusive);
                if self.has_rows(table) {
                    self.cost.writes.insert(table.clone());
                }
            }
        }
    }
}

/// Whether a constraint that was validated spares SET NOT NULL its scan.
fn is_proven(table: &Table, column: &str, alter: &AlterTable) -> bool {
    not_null_proof(table, column, alter).is_some_and(|proof| proof.validated)
}

/// Whether a foreign key is written with a new column that is NULL in every row, so that nothing is looked up.
fn is_null_everywhere(alter: &AlterTable, key: &Constraint) -> bool {
    let is_of = |columns: &[Ident]| {
        columns
            .iter()
            .map(Ident::as_str)
            .eq(key.columns.iter().map(SmolStr::as_str))
    };
    let is_apart = |action: &AlterAction| match &action.kind {
        Action::AddConstraint(constraint) => {
            matches!(&constraint.kind, TableConstraintKind::ForeignKey { columns, .. } if is_of(columns))
        }
        _ => false,
    };
    let comes_empty = |action: &AlterAction| match &action.kind {
        Action::AddColumn { column, .. } => is_of(std::slice::from_ref(&column.name)) && !is_filled(column),
        _ => false,
    };
    alter.actions.iter().any(comes_empty) && !alter.actions.iter().any(is_apart)
}

/// Whether PostgreSQL looks up the keys of a new column: where a default is written, `DEFAULT NULL` too, which is none to
/// the catalog. `transformAlterTableStmt`, and seen on a server.
pub(crate) fn is_filled(column: &ColumnDef) -> bool {
    let fills = |constraint: &ColumnConstraint| {
        let kind = &constraint.kind;
        matches!(
            kind,
            ColumnConstraintKind::Default(_) | ColumnConstraintKind::Generated { .. }
        )
    };
    let ty = column.ty.as_ref();
    column.constraints.iter().any(fills) || ty.is_some_and(|ty| serial_type(&ty.name).is_some())
}
