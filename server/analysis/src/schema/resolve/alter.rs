//! ALTER TABLE and its like. The actions run in PostgreSQL's passes, not in text order.

use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};

use super::Resolver;
use super::table::serial_type;
use crate::schema::change::{Change, ColumnChange, Key, Object, TableChange};
use crate::schema::objects::{Column, Constraint, ConstraintKind, Generated, Id, RelationKind, TypeKind};
use crate::schema::step::ProblemKind;
use crate::sql::keyword::quote_ident;
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{
    AlterAction, AlterActionKind, AlterObject, AlterTable, ColumnDef, ObjectKind, PartitionBound, SequenceOption,
    TableConstraint, TableConstraintKind, TriggerTarget,
};

/// The pass of `ATPrepCmd` in which an action runs: drops, type changes, old constraints, columns, … in this order.
/// After `AlterTablePass` of src/backend/commands/tablecmds.c; tested against the server.
fn pass(action: &AlterActionKind) -> u8 {
    use AlterActionKind as A;
    match action {
        A::DropColumn { .. }
        | A::DropConstraint { .. }
        | A::DropNotNull { .. }
        | A::DropExpression { .. }
        | A::DropDefault { .. }
        | A::DropIdentity { .. } => 0,
        A::AlterType { .. } => 1,
        A::AddColumn { .. } => 3,
        A::SetExpression { .. } => 4,
        A::SetDefault { .. } | A::SetStatistics { .. } | A::SetNotNull { .. } => 5,
        A::AddConstraint(constraint) => match constraint.kind {
            TableConstraintKind::UsingIndex { .. } => 7,
            TableConstraintKind::Check(_) | TableConstraintKind::NotNull(_) => 5,
            TableConstraintKind::ForeignKey { .. } => 8,
            _ => 7,
        },
        A::AddIdentity { .. } | A::SetIdentity { .. } => 6,
        _ => 9,
    }
}

impl Resolver<'_> {
    pub(crate) fn alter_table(&mut self, alter: &AlterTable) {
        let found = self.find_relation(&alter.name);
        let id = match (found, alter.if_exists) {
            (Some(id), _) => id,
            (None, true) if !self.catalog.may_hold_more() => return,
            (None, _) => match self.relation_of_kind(&alter.name, alter.kind) {
                Some(id) => id,
                None => return,
            },
        };
        self.target = Some(id.clone());
        let mut actions: Vec<&AlterAction> = alter.actions.iter().collect();
        actions.sort_by_key(|action| pass(&action.kind));
        let mut target = id;
        for action in actions {
            target = self.alter_action(&target, action, alter.only);
        }
    }

    /// One action; the table's name afterwards.
    fn alter_action(&mut self, id: &Id, action: &AlterAction, only: bool) -> Id {
        use AlterActionKind as A;
        match &action.kind {
            A::AddColumn { if_not_exists, column } => self.add_column(id, column, *if_not_exists, only),
            A::DropColumn {
                if_exists,
                column,
                cascade,
            } => self.drop_column(id, column, *if_exists, *cascade, only),
            A::AlterType {
                column, ty, collation, ..
            } => {
                let serial = serial_type(&ty.name);
                let ty = match serial {
                    Some(ty) => crate::schema::objects::Type::builtin(ty),
                    None => self.resolve_type(ty),
                };
                // Without COLLATE the column gets the type's own collation.
                let collation = collation.as_ref().map(|name| self.source(name.span()));
                self.change_column(id, column, ColumnChange::Type, only, |column| {
                    column.ty = ty.clone();
                    column.collation.clone_from(&collation);
                });
            }
            A::SetDefault { column, default } => {
                let mut changed = self.find_column(id, column);
                if let Some(changed) = &mut changed {
                    self.set_default(changed, default);
                }
                let value = changed
                    .map(|column| (column.default, column.default_text))
                    .unwrap_or_default();
                self.change_column(id, column, ColumnChange::Default, only, |column| {
                    (column.default, column.default_text) = value.clone();
                });
            }
            A::DropDefault { column } => self.change_column(id, column, ColumnChange::Default, only, |column| {
                column.default = None;
                column.default_text = None;
            }),
            A::SetNotNull { column } => {
                self.change_column(id, column, ColumnChange::NotNull, only, |c| c.not_null = true);
            }
            A::DropNotNull { column } => {
                self.change_column(id, column, ColumnChange::NotNull, only, |c| c.not_null = false);
            }
            A::SetExpression { column, expr } => {
                let generated = Generated {
                    stored: true,
                    text: self.source(expr.span),
                    expr: Arc::clone(expr),
                };
                self.change_column(id, column, ColumnChange::Generated, only, |c| {
                    c.generated = Some(generated.clone());
                });
            }
            A::DropExpression { column, .. } => {
                self.change_column(id, column, ColumnChange::Generated, only, |column| {
                    column.generated = None;
                });
            }
            A::AddIdentity {
                column,
                always,
                options,
            } => {
                let ty = self
                    .catalog
                    .table(id)
                    .and_then(|t| t.column(&column.value))
                    .map(|c| c.ty.id.name.clone());
                let ty = ty.unwrap_or_else(|| "bigint".into());
                self.sequence_for(id, &column.value, &ty, true, options);
                self.change_column(id, column, ColumnChange::Identity, true, |c| c.identity = Some(*always));
            }
            A::SetIdentity {
                column,
                always,
                options,
            } => {
                if let Some(always) = always {
                    self.change_column(id, column, ColumnChange::Identity, true, |c| c.identity = Some(*always));
                }
                self.identity_sequence(id, &column.value, options);
            }
            A::DropIdentity { column, .. } => {
                let owned = self.identity_sequences(id, &column.value);
                self.change_column(id, column, ColumnChange::Identity, true, |column| {
                    column.identity = None;
                });
                owned
                    .into_iter()
                    .for_each(|sequence| self.emit(Change::Drop(Key::Relation(sequence))));
            }
            A::AddConstraint(constraint) => self.add_constraint(id, constraint),
            A::AlterConstraint {
                name,
                deferrable,
                initially_deferred,
                ..
            } => {
                self.edit_constraint(id, name, |constraint| {
                    constraint.deferred = initially_deferred.unwrap_or(false);
                    constraint.deferrable = deferrable.unwrap_or(false) || constraint.deferred;
                });
            }
            A::ValidateConstraint { name } => {
                self.edit_constraint(id, name, |constraint| constraint.validated = true);
                let validated = self.catalog.table(id).and_then(|table| table.constraint(&name.value));
                let required = validated.filter(|constraint| matches!(constraint.kind, ConstraintKind::NotNull));
                if let Some(column) = required.and_then(|constraint| constraint.columns.first()).cloned() {
                    self.make_not_null(id, &column);
                }
            }
            A::DropConstraint {
                if_exists,
                name,
                cascade,
            } => self.drop_constraint(id, name, *if_exists, *cascade),
            A::RenameTo(to) => return self.rename_relation(id, &id.sibling(&to.value), to),
            A::SetSchema(schema) => {
                self.assume_schema(schema);
                return self.rename_relation(id, &Id::new(&schema.value, &id.name), schema);
            }
            A::RenameColumn { from, to } => self.rename_column(id, from, to),
            A::RenameConstraint { from, to } => self.rename_constraint(id, from, to),
            A::OwnerTo(role) => self.change_owner(id, self.role(role)),
            A::RowSecurity(on) => self.table_change(id, TableChange::RowSecurity(*on)),
            A::ForceRowSecurity(on) => self.table_change(id, TableChange::ForceRowSecurity(*on)),
            A::Trigger { mode, name } => {
                let name = match name {
                    TriggerTarget::Named(name) => Some(name.value.clone()),
                    TriggerTarget::All | TriggerTarget::User => None,
                };
                self.trigger_mode(id, name.as_deref(), *mode);
            }
            A::SetLogged(on) => self.table_change(id, TableChange::Logged(*on)),
            A::SetOptions(options) => {
                let set = options
                    .iter()
                    .map(|o| (o.name.clone(), o.value.clone().unwrap_or_default()))
                    .collect();
                self.table_change(id, TableChange::SetOptions(set));
            }
            A::ResetOptions(names) => {
                let names = names.iter().map(|name| name.value.clone()).collect();
                self.table_change(id, TableChange::ResetOptions(names));
            }
            A::Inherit(parent) => {
                if let Some(parent) = self.relation(parent) {
                    self.table_change(id, TableChange::Inherit(parent));
                }
            }
            A::NoInherit(parent) => {
                if let Some(parent) = self.relation(parent) {
                    self.table_change(id, TableChange::NoInherit(parent));
                }
            }
            A::Of(name) => {
                let ty = self.type_named(name, ObjectKind::Type);
                self.table_change(id, TableChange::OfType(ty));
            }
            A::NotOf => self.table_change(id, TableChange::OfType(None)),
            A::AttachPartition { partition, bound } => self.attach_action(id, partition, bound),
            A::DetachPartition { partition, .. } => {
                if let Some(partition) = self.relation(partition) {
                    self.detach(id, partition);
                }
            }
            A::SetTablespace(_) | A::SetAccessMethod(_) => {
                self.table_change(id, TableChange::Storage);
                self.setting(id, action);
            }
            A::Unknown => {
                let key = Key::Relation(id.clone());
                self.emit(Change::Taint(crate::schema::change::Taint::Objects(vec![key])));
            }
            A::Rule { .. }
            | A::SetStatistics { .. }
            | A::SetColumnOptions { .. }
            | A::SetStorage { .. }
            | A::SetCompression { .. }
            | A::ClusterOn(_)
            | A::SetWithoutCluster
            | A::SetWithoutOids
            | A::ReplicaIdentity { .. }
            | A::ForeignOptions => self.setting(id, action),
        }
        id.clone()
    }

    /// What is kept by the words that set it. <https://www.postgresql.org/docs/current/sql-altertable.html>
    fn setting(&mut self, id: &Id, action: &AlterAction) {
        use AlterActionKind as A;
        let last_word = || {
            let words = action.span.slice(self.text);
            words.split_whitespace().next_back().map(SmolStr::new)
        };
        let (name, value) = match &action.kind {
            A::SetStatistics { column } => {
                let value = last_word().filter(|value| value != "-1" && !value.eq_ignore_ascii_case("default"));
                (
                    format_smolstr!("alter column {} set statistics", quote_ident(column)),
                    value,
                )
            }
            A::SetStorage { column, storage } => {
                let value = (!storage.eq_ignore_ascii_case("default")).then(|| storage.to_ascii_lowercase().into());
                (
                    format_smolstr!("alter column {} set storage", quote_ident(&column.value)),
                    value,
                )
            }
            A::SetCompression { column, method } => {
                let value = (!method.eq_ignore_ascii_case("default")).then(|| method.to_ascii_lowercase().into());
                (
                    format_smolstr!("alter column {} set compression", quote_ident(&column.value)),
                    value,
                )
            }
            A::ClusterOn(index) => ("cluster on".into(), Some(quote_ident(&index.value).into())),
            A::SetWithoutCluster => ("cluster on".into(), None),
            A::ReplicaIdentity { index, mode } => {
                let value = match (index, mode.to_ascii_lowercase().as_str()) {
                    (Some(index), _) => Some(format_smolstr!("using index {}", quote_ident(&index.value))),
                    (None, "default") => None,
                    (None, mode) => Some(mode.into()),
                };
                ("replica identity".into(), value)
            }
            A::SetTablespace(name) => ("set tablespace".into(), Some(quote_ident(&name.value).into())),
            A::SetAccessMethod(name) => {
                let value = name.as_ref().map(|name| quote_ident(&name.value).into());
                ("set access method".into(), value)
            }
            A::Rule { mode, name } => {
                use crate::sql::statement::TriggerMode;
                let value = match mode {
                    TriggerMode::Enable => None,
                    TriggerMode::Disable => Some("disable".into()),
                    TriggerMode::EnableReplica => Some("enable replica".into()),
                    TriggerMode::EnableAlways => Some("enable always".into()),
                };
                (format_smolstr!("rule {}", quote_ident(&name.value)), value)
            }
            A::SetColumnOptions { column } => return self.column_options(id, &column.value, action),
            _ => return,
        };
        self.table_change(id, TableChange::Setting { name, value });
    }

    /// `SET (n_distinct = 5)` and `RESET (n_distinct)` of a column.
    fn column_options(&mut self, id: &Id, column: &str, action: &AlterAction) {
        let text = self.source(action.span);
        let Some((head, list)) = text.rsplit_once('(') else {
            return;
        };
        let reset = head.trim_end().to_ascii_lowercase().ends_with("reset");
        let list = list.trim_end().trim_end_matches(')');
        for option in list.split(',') {
            let (option, value) = option
                .split_once('=')
                .map_or((option, None), |(o, v)| (o, Some(v.trim())));
            let name = format_smolstr!(
                "alter column {} set ({}",
                quote_ident(column),
                option.trim().to_lowercase()
            );
            let value = value.filter(|_| !reset).map(SmolStr::new);
            self.table_change(id, TableChange::Setting { name, value });
        }
    }

    fn table_change(&mut self, id: &Id, what: TableChange) {
        self.emit(Change::Table {
            table: id.clone(),
            what,
        });
    }

    fn attach_action(&mut self, id: &Id, partition: &Name, bound: &PartitionBound) {
        let Some(partition) = self.relation(partition) else {
            return;
        };
        if self.catalog.index(id).is_some() {
            let what = TableChange::Attach {
                partition,
                bound: None,
                default: false,
            };
            return self.table_change(id, what);
        }
        self.attach(id, &partition, bound);
    }

    fn detach(&mut self, id: &Id, partition: Id) {
        self.table_change(id, TableChange::Detach { partition });
    }

    fn change_owner(&mut self, id: &Id, owner: SmolStr) {
        let owned: Vec<Id> = self.catalog.owned_sequences(id).collect();
        self.emit(Change::Owner {
            object: Key::Relation(id.clone()),
            owner: owner.clone(),
        });
        for sequence in owned {
            self.emit(Change::Owner {
                object: Key::Relation(sequence),
                owner: owner.clone(),
            });
        }
    }

    // ---- columns ---------------------------------------------------------------------------------------------------

    fn add_column(&mut self, id: &Id, def: &ColumnDef, if_not_exists: bool, only: bool) {
        let existing = self.catalog.table(id).and_then(|table| table.column(&def.name.value));
        if let Some(old) = existing {
            let created = old.created;
            if !if_not_exists {
                let name = format_smolstr!("{id}.{}", def.name);
                self.problem(
                    def.name.span,
                    ProblemKind::Exists {
                        kind: ObjectKind::Column,
                        name,
                        created,
                    },
                );
            }
            return;
        }
        let mut drafts = Vec::new();
        let column = self.column(id, def, &mut drafts);
        self.emit(Change::AddColumn {
            table: id.clone(),
            column: Box::new(column.clone()),
        });
        self.add_drafts(id, drafts, false);
        if !only {
            self.add_to_children(id, &column);
        }
    }

    fn add_to_children(&mut self, id: &Id, column: &Column) {
        for child in self.children(id, false) {
            let own = self
                .catalog
                .table(&child)
                .and_then(|table| table.column(&column.name))
                .cloned();
            if let Some(mut own) = own {
                own.inherited = true;
                let what = ColumnChange::Inheritance;
                self.emit(Change::AlterColumn {
                    table: child.clone(),
                    column: Box::new(own),
                    what,
                });
            } else {
                let mut inherited = column.clone();
                inherited.inherited = true;
                self.emit(Change::AddColumn {
                    table: child.clone(),
                    column: Box::new(inherited),
                });
                self.add_to_children(&child, column);
            }
        }
    }

    /// The column, or a report that there is none; an unknown table's columns are taken on trust.
    pub(crate) fn find_column(&mut self, id: &Id, name: &Ident) -> Option<Column> {
        let table = self.catalog.table(id)?;
        let (found, known) = (table.column(&name.value).cloned(), table.columns_known);
        if found.is_none() && known {
            self.missing(ObjectKind::Column, name.span, &format_smolstr!("{id}.{name}"));
        }
        found
    }

    fn change_column(&mut self, id: &Id, name: &Ident, what: ColumnChange, only: bool, change: impl Fn(&mut Column)) {
        let Some(mut column) = self.find_column(id, name) else {
            return;
        };
        change(&mut column);
        self.emit(Change::AlterColumn {
            table: id.clone(),
            column: Box::new(column),
            what,
        });
        if only {
            return;
        }
        for child in self.descendants(id) {
            if let Some(mut column) = self
                .catalog
                .table(&child)
                .and_then(|table| table.column(&name.value))
                .cloned()
            {
                change(&mut column);
                self.emit(Change::AlterColumn {
                    table: child,
                    column: Box::new(column),
                    what,
                });
            }
        }
    }

    /// Children, their children, … without repetition.
    pub(crate) fn descendants(&self, id: &Id) -> Vec<Id> {
        let mut found = self.children(id, false);
        let mut at = 0;
        while let Some(next) = found.get(at).cloned() {
            for child in self.children(&next, false) {
                if !found.contains(&child) {
                    found.push(child);
                }
            }
            at += 1;
        }
        found
    }

    fn drop_column(&mut self, id: &Id, name: &Ident, if_exists: bool, cascade: bool, only: bool) {
        let Some(table) = self.catalog.table(id) else { return };
        if table.column(&name.value).is_none() {
            if table.columns_known && !if_exists {
                self.missing(ObjectKind::Column, name.span, &format_smolstr!("{id}.{name}"));
            }
            return;
        }
        self.drop_one_column(id, &name.value, name.span, cascade);
        if !only {
            for child in self.descendants(id) {
                let inherited = self
                    .catalog
                    .table(&child)
                    .and_then(|t| t.column(&name.value))
                    .is_some_and(|c| c.inherited);
                if inherited {
                    self.drop_one_column(&child, &name.value, name.span, cascade);
                }
            }
        }
    }

    fn rename_column(&mut self, id: &Id, from: &Ident, to: &Ident) {
        let known = self.relation_columns(id);
        if let Some(columns) = known {
            if !columns.contains(&from.value) {
                return self.missing(ObjectKind::Column, from.span, &format_smolstr!("{id}.{from}"));
            }
            if columns.contains(&to.value) {
                let created = self
                    .catalog
                    .table(id)
                    .and_then(|t| t.column(&to.value))
                    .map_or(self.origin, |c| c.created);
                let name = format_smolstr!("{id}.{to}");
                return self.problem(
                    to.span,
                    ProblemKind::Exists {
                        kind: ObjectKind::Column,
                        name,
                        created,
                    },
                );
            }
        }
        for table in std::iter::once(id.clone()).chain(self.descendants(id)) {
            let (from, to) = (
                Key::Column(table.clone(), from.value.clone()),
                Key::Column(table, to.value.clone()),
            );
            self.emit(Change::Rename { from, to });
        }
    }

    // ---- identity --------------------------------------------------------------------------------------------------

    fn identity_sequences(&self, id: &Id, column: &SmolStr) -> Vec<Id> {
        let owned = self.catalog.owned_sequences(id);
        let of_column = |sequence: &Id| {
            let found = self
                .catalog
                .relations
                .get(sequence)
                .and_then(|relation| relation.sequence());
            found.is_some_and(|s| s.identity && s.owned_by.as_ref().is_some_and(|(_, owner)| owner == column))
        };
        owned.filter(of_column).collect()
    }

    fn identity_sequence(&mut self, id: &Id, column: &SmolStr, options: &[SequenceOption]) {
        for sequence in self.identity_sequences(id, column) {
            self.change_sequence(&sequence, options);
        }
    }

    // ---- constraints -----------------------------------------------------------------------------------------------

    fn add_constraint(&mut self, id: &Id, constraint: &TableConstraint) {
        match &constraint.kind {
            TableConstraintKind::UsingIndex { index, primary } => {
                self.constraint_using_index(id, constraint, index, *primary);
            }
            TableConstraintKind::NotNull(column) if constraint.not_valid => {
                self.not_null_later(id, constraint, column);
            }
            TableConstraintKind::NotNull(column) => {
                self.change_column(id, column, ColumnChange::NotNull, false, |column| {
                    column.not_null = true;
                });
            }
            _ => {
                let Some(draft) = self.draft(id, constraint) else {
                    return;
                };
                if let TableConstraintKind::PrimaryKey { columns, .. } = &constraint.kind {
                    for column in columns {
                        self.make_not_null(id, &column.value);
                    }
                }
                self.add_drafts(id, vec![draft], false);
            }
        }
    }

    /// `NOT NULL column NOT VALID` (PostgreSQL 18): the column is taken as not null once the constraint is validated.
    fn not_null_later(&mut self, id: &Id, constraint: &TableConstraint, column: &Ident) {
        let name = if let Some(name) = &constraint.name {
            name.value.clone()
        } else {
            format_smolstr!("{}_{column}_not_null", id.name)
        };
        let constraint = Constraint {
            name,
            generated_name: constraint.name.is_none(),
            kind: ConstraintKind::NotNull,
            columns: vec![column.value.clone()],
            include: Vec::new(),
            deferrable: false,
            deferred: false,
            validated: false,
            no_inherit: constraint.no_inherit,
            inherited: false,
            certainty: self.certainty,
            created: self.origin,
            comment: None,
            text: self.definition(constraint.name.as_ref(), constraint.span),
        };
        self.emit(Change::AddConstraint {
            table: id.clone(),
            constraint: Box::new(constraint),
        });
    }

    fn make_not_null(&mut self, id: &Id, column: &SmolStr) {
        let found = self.catalog.table(id).and_then(|table| table.column(column)).cloned();
        if let Some(mut column) = found.filter(|column| !column.not_null) {
            column.not_null = true;
            let what = ColumnChange::NotNull;
            self.emit(Change::AlterColumn {
                table: id.clone(),
                column: Box::new(column),
                what,
            });
        }
    }

    fn constraint_using_index(&mut self, id: &Id, constraint: &TableConstraint, index: &Ident, primary: bool) {
        let old = id.sibling(&index.value);
        let Some(found) = self.catalog.index(&old).cloned() else {
            return self.missing(ObjectKind::Index, index.span, &index.value);
        };
        let name = constraint
            .name
            .as_ref()
            .map_or_else(|| index.value.clone(), |name| name.value.clone());
        let new = id.sibling(&name);
        if new != old {
            self.emit(Change::Rename {
                from: Key::Relation(old),
                to: Key::Relation(new.clone()),
            });
        }
        let columns: Vec<SmolStr> = found.keys.iter().filter_map(|key| key.column.clone()).collect();
        if primary {
            columns.iter().for_each(|column| self.make_not_null(id, column));
        }
        let mut made = found;
        made.primary = primary;
        made.constraint = Some(name.clone());
        if let Some(relation) = self.catalog.relations.get(&new) {
            let mut relation = (**relation).clone();
            let include = made.include.clone();
            relation.kind = RelationKind::Index(made);
            self.emit(Change::Alter(Object::Relation(new, Arc::new(relation))));
            let constraint = Constraint {
                name,
                generated_name: constraint.name.is_none(),
                kind: if primary {
                    ConstraintKind::Primary
                } else {
                    ConstraintKind::Unique
                },
                columns,
                include,
                deferrable: constraint.deferrable == Some(true) || constraint.initially_deferred == Some(true),
                deferred: constraint.initially_deferred == Some(true),
                validated: true,
                no_inherit: false,
                inherited: false,
                certainty: self.certainty,
                created: self.origin,
                comment: None,
                text: self.definition(constraint.name.as_ref(), constraint.span),
            };
            self.emit(Change::AddConstraint {
                table: id.clone(),
                constraint: Box::new(constraint),
            });
        }
    }

    /// Changes a constraint here and, where it is inherited, below.
    fn edit_constraint(&mut self, id: &Id, name: &Ident, change: impl Fn(&mut Constraint)) {
        let Some(table) = self.catalog.table(id) else { return };
        let known = table.columns_known;
        let Some(mut constraint) = table.constraint(&name.value).cloned() else {
            if known {
                self.missing(ObjectKind::Constraint, name.span, &format_smolstr!("{name} on {id}"));
            }
            return;
        };
        change(&mut constraint);
        self.emit(Change::AlterConstraint {
            table: id.clone(),
            constraint: Box::new(constraint),
        });
        for child in self.descendants(id) {
            let own = self
                .catalog
                .table(&child)
                .and_then(|table| table.constraint(&name.value))
                .cloned();
            if let Some(mut own) = own.filter(|own| own.inherited) {
                change(&mut own);
                self.emit(Change::AlterConstraint {
                    table: child,
                    constraint: Box::new(own),
                });
            }
        }
    }

    fn rename_constraint(&mut self, id: &Id, from: &Ident, to: &Ident) {
        let Some(table) = self.catalog.table(id) else { return };
        let indexed = table.indexes.contains(&from.value);
        if table.constraint(&from.value).is_none() {
            if table.columns_known {
                self.missing(ObjectKind::Constraint, from.span, &format_smolstr!("{from} on {id}"));
            }
            return;
        }
        if indexed {
            // The index and its constraint share one name.
            let (from, to) = (
                Key::Relation(id.sibling(&from.value)),
                Key::Relation(id.sibling(&to.value)),
            );
            return self.emit(Change::Rename { from, to });
        }
        for table in std::iter::once(id.clone()).chain(self.descendants(id)) {
            if self
                .catalog
                .table(&table)
                .is_some_and(|t| t.constraint(&from.value).is_some())
            {
                let (from, to) = (
                    Key::Constraint(table.clone(), from.value.clone()),
                    Key::Constraint(table, to.value.clone()),
                );
                self.emit(Change::Rename { from, to });
            }
        }
    }

    // ---- relations as a whole ----------------------------------------------------------------------------------------

    pub(crate) fn rename_relation(&mut self, from: &Id, to: &Id, at: &Ident) -> Id {
        if let Some(old) = self.catalog.relations.get(to) {
            let created = old.meta.created;
            let name = format_smolstr!("{to}");
            self.problem(
                at.span,
                ProblemKind::Exists {
                    kind: ObjectKind::Table,
                    name,
                    created,
                },
            );
            return from.clone();
        }
        let composite = self
            .catalog
            .types
            .get(from)
            .is_some_and(|ty| matches!(ty.kind, TypeKind::Composite(_)));
        if composite {
            self.emit(Change::Rename {
                from: Key::Type(from.clone()),
                to: Key::Type(to.clone()),
            });
        }
        self.emit(Change::Rename {
            from: Key::Relation(from.clone()),
            to: Key::Relation(to.clone()),
        });
        to.clone()
    }

    /// RENAME TO, SET SCHEMA, OWNER TO of an object that has a key.
    pub(crate) fn alter_named(&mut self, key: Key, action: &AlterObject) {
        let moved = |key: &Key, change: &dyn Fn(&Id) -> Id| match key {
            Key::Relation(id) => Some(Key::Relation(change(id))),
            Key::Type(id) => Some(Key::Type(change(id))),
            Key::Routine(signature) => {
                let mut signature = signature.clone();
                signature.id = change(&signature.id);
                Some(Key::Routine(signature))
            }
            _ => None,
        };
        match action {
            AlterObject::Rename(to) => {
                let renamed = moved(&key, &|id| id.sibling(&to.value)).or_else(|| match &key {
                    Key::Schema(_) => Some(Key::Schema(to.value.clone())),
                    Key::Role(_) => Some(Key::Role(to.value.clone())),
                    Key::Publication(_) => Some(Key::Publication(to.value.clone())),
                    Key::Other(kind, old) => {
                        let schema = old.rsplit_once('.').map(|(schema, _)| schema);
                        Some(Key::Other(*kind, dotted(schema, &to.value)))
                    }
                    _ => None,
                });
                if let Some(renamed) = renamed {
                    self.emit(Change::Rename { from: key, to: renamed });
                }
            }
            AlterObject::SetSchema(schema) => {
                self.assume_schema(schema);
                let renamed = moved(&key, &|id| Id::new(&schema.value, &id.name)).or_else(|| match &key {
                    Key::Other(kind, old) => {
                        let bare = old.rsplit('.').next().unwrap_or(old);
                        Some(Key::Other(*kind, dotted(Some(&schema.value), bare)))
                    }
                    _ => None,
                });
                if let Some(renamed) = renamed {
                    self.emit(Change::Rename { from: key, to: renamed });
                }
            }
            AlterObject::Owner(role) => {
                let owner = self.role(role);
                self.emit(Change::Owner { object: key, owner });
            }
            AlterObject::AttachPartition(partition) => {
                if let Key::Relation(id) = key {
                    self.attach_action(&id, partition, &PartitionBound::Default);
                }
            }
            AlterObject::SetOptions(options) => {
                if let Key::Relation(id) = key {
                    let set = options
                        .iter()
                        .map(|o| (o.name.clone(), o.value.clone().unwrap_or_default()))
                        .collect();
                    self.table_change(&id, TableChange::SetOptions(set));
                }
            }
            _ => {}
        }
    }
}

/// The name of an object that is known by its name alone.
fn dotted(schema: Option<&str>, name: &str) -> String {
    schema.map_or_else(|| name.to_owned(), |schema| format!("{schema}.{name}"))
}
