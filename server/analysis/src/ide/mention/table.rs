//! Tables: their columns, constraints and indexes, and every action of ALTER TABLE.

use super::{Access, Scope, Walker};
use crate::schema::change::Key;
use crate::schema::objects::Id;
use crate::sql::name::Ident;
use crate::sql::statement::{
    AlterAction, AlterActionKind, AlterTable, ColumnConstraint, ColumnConstraintKind, ColumnDef, CreateIndex,
    CreateTable, IndexKey, ObjectKind, References, TableConstraint, TableConstraintKind, TriggerTarget,
};

impl Walker<'_> {
    pub(super) fn create_table(&mut self, create: &CreateTable) {
        let id = self.relation(&create.name, Access::Declare);
        let scope = Scope::of(id.as_ref());
        for column in &create.columns {
            self.column_def(column, id.as_ref(), &scope);
        }
        for constraint in &create.constraints {
            self.table_constraint(constraint, id.as_ref(), &scope);
        }
        for like in &create.likes {
            self.relation(&like.table, Access::Read);
        }
        for parent in create
            .inherits
            .iter()
            .chain(create.partition_of.iter().map(|(name, _)| name))
        {
            self.relation(parent, Access::Read);
        }
        if let Some(of) = &create.of_type {
            self.type_named(of, Access::Read);
        }
        if let Some(partition) = &create.partition_by {
            self.exprs(partition.keys.iter().map(|key| &**key), &scope);
        }
    }

    fn column_def(&mut self, column: &ColumnDef, table: Option<&Id>, scope: &Scope) {
        self.column(table, &column.name, Access::Declare);
        column.ty.iter().for_each(|ty| self.ty(ty));
        for constraint in &column.constraints {
            self.column_constraint(constraint, table, scope);
        }
    }

    pub(super) fn column_constraint(&mut self, constraint: &ColumnConstraint, table: Option<&Id>, scope: &Scope) {
        self.constraint_name(constraint.name.as_ref(), table);
        match &constraint.kind {
            ColumnConstraintKind::Check { expr, .. }
            | ColumnConstraintKind::Default(expr)
            | ColumnConstraintKind::Generated { expr, .. } => self.expr(expr, scope),
            ColumnConstraintKind::Identity { options, .. } => self.sequence_options(options),
            ColumnConstraintKind::References(references) => self.references(references),
            ColumnConstraintKind::NotNull
            | ColumnConstraintKind::Null
            | ColumnConstraintKind::Unique { .. }
            | ColumnConstraintKind::PrimaryKey => {}
        }
    }

    fn constraint_name(&mut self, name: Option<&Ident>, table: Option<&Id>) {
        if let (Some(name), Some(table)) = (name, table) {
            self.on_table(ObjectKind::Constraint, table, name, Access::Declare);
        }
    }

    fn references(&mut self, references: &References) {
        let id = self.relation(&references.table, Access::Read);
        self.columns(id.as_ref(), &references.columns, Access::Read);
    }

    fn table_constraint(&mut self, constraint: &TableConstraint, table: Option<&Id>, scope: &Scope) {
        self.constraint_name(constraint.name.as_ref(), table);
        match &constraint.kind {
            TableConstraintKind::Check(expr) => self.expr(expr, scope),
            TableConstraintKind::Unique { columns, include, .. }
            | TableConstraintKind::PrimaryKey { columns, include } => {
                self.columns(table, columns, Access::Read);
                self.columns(table, include, Access::Read);
            }
            TableConstraintKind::UsingIndex { index, .. } => {
                if let Some(table) = table {
                    self.object(index.span, Key::Relation(table.sibling(&index.value)), Access::Read);
                }
            }
            TableConstraintKind::Exclude {
                elements, predicate, ..
            } => {
                self.index_keys(elements, scope);
                self.exprs(predicate.as_deref(), scope);
            }
            TableConstraintKind::ForeignKey { columns, references } => {
                self.columns(table, columns, Access::Read);
                self.references(references);
            }
            TableConstraintKind::NotNull(column) => self.column(table, column, Access::Read),
        }
    }

    fn index_keys(&mut self, keys: &[IndexKey], scope: &Scope) {
        for key in keys {
            self.expr(&key.expr, scope);
        }
    }

    pub(super) fn create_index(&mut self, create: &CreateIndex) {
        let table = self.relation(&create.table, Access::Write);
        if let (Some(name), Some(table)) = (&create.name, &table) {
            // An index lives in its table's schema, wherever the search path leads.
            self.qualifier(name);
            let key = Key::Relation(table.sibling(&name.last().value));
            self.object(name.last().span, key, Access::Declare);
        }
        let scope = Scope::of(table.as_ref());
        self.index_keys(&create.keys, &scope);
        self.columns(table.as_ref(), &create.include, Access::Read);
        self.exprs(create.predicate.as_deref(), &scope);
    }

    pub(super) fn alter_table(&mut self, alter: &AlterTable) {
        let id = self.relation(&alter.name, Access::Write);
        for action in &alter.actions {
            self.alter_action(action, id.as_ref());
        }
    }

    fn alter_action(&mut self, action: &AlterAction, id: Option<&Id>) {
        use AlterActionKind as A;
        let scope = Scope::of(id);
        let relation = |name: &Ident| id.map(|id| Key::Relation(id.sibling(&name.value)));
        match &action.kind {
            A::AddColumn { column, .. } => self.column_def(column, id, &scope),
            A::DropColumn { column, .. }
            | A::DropDefault { column }
            | A::SetNotNull { column }
            | A::DropNotNull { column }
            | A::DropExpression { column, .. }
            | A::DropIdentity { column, .. }
            | A::SetColumnOptions { column }
            | A::SetStorage { column, .. }
            | A::SetCompression { column, .. } => self.column(id, column, Access::Write),
            A::AlterType { column, ty, using, .. } => {
                self.column(id, column, Access::Write);
                self.ty(ty);
                self.exprs(using.iter(), &scope);
            }
            A::SetDefault { column, default: expr } | A::SetExpression { column, expr } => {
                self.column(id, column, Access::Write);
                self.expr(expr, &scope);
            }
            A::AddIdentity { column, options, .. } | A::SetIdentity { column, options, .. } => {
                self.column(id, column, Access::Write);
                self.sequence_options(options);
            }
            A::AddConstraint(constraint) => self.table_constraint(constraint, id, &scope),
            A::AlterConstraint { name, .. } | A::ValidateConstraint { name } | A::DropConstraint { name, .. } => {
                if let Some(id) = id {
                    self.on_table(ObjectKind::Constraint, id, name, Access::Write);
                }
            }
            A::RenameTo(to) => {
                if let Some(key) = relation(to) {
                    self.object(to.span, key, Access::Declare);
                }
            }
            A::RenameColumn { from, to } => {
                self.column(id, from, Access::Write);
                self.column(id, to, Access::Declare);
            }
            A::RenameConstraint { from, to } => {
                if let Some(id) = id {
                    self.on_table(ObjectKind::Constraint, id, from, Access::Write);
                    self.on_table(ObjectKind::Constraint, id, to, Access::Declare);
                }
            }
            A::SetSchema(schema) => self.schema(schema, Access::Read),
            A::OwnerTo(role) => self.role(role),
            A::Trigger {
                name: TriggerTarget::Named(name),
                ..
            } => {
                if let Some(id) = id {
                    self.on_table(ObjectKind::Trigger, id, name, Access::Write);
                }
            }
            A::Rule { name, .. } => {
                if let Some(id) = id {
                    self.on_table(ObjectKind::Rule, id, name, Access::Write);
                }
            }
            A::ClusterOn(index) | A::ReplicaIdentity { index: Some(index), .. } => {
                if let Some(key) = relation(index) {
                    self.object(index.span, key, Access::Read);
                }
            }
            A::Inherit(name) | A::NoInherit(name) => {
                self.relation(name, Access::Read);
            }
            A::Of(name) => {
                self.type_named(name, Access::Read);
            }
            A::AttachPartition { partition, .. } | A::DetachPartition { partition, .. } => {
                self.relation(partition, Access::Write);
            }
            _ => {}
        }
    }
}
