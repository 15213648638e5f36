//! DROP: what goes, and with CASCADE what goes along.

use std::collections::BTreeSet;
use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};

use super::Resolver;
use crate::schema::change::{Change, ColumnChange, Key, Object};
use crate::schema::objects::{
    ConstraintKind, Dependencies, Id, Publication, RelationKind, Shared, Signature, Type, TypeKind,
};
use crate::schema::step::ProblemKind;
use crate::sql::lexeme::lexemes;
use crate::sql::name::{Ident, Name};
use crate::sql::print::folded;
use crate::sql::statement::{DropObjects, ObjectKind, ObjectRef};
use crate::text::Span;

impl Resolver<'_> {
    pub(crate) fn drop_objects(&mut self, drop: &DropObjects) {
        let mut keys = Vec::new();
        for object in &drop.objects {
            match self.drop_key(object) {
                Some(key) => keys.push((key, object)),
                None if !drop.if_exists => self.not_there(object),
                None => {}
            }
        }
        let all: BTreeSet<Key> = keys.iter().map(|(key, _)| key.clone()).collect();
        for (key, object) in keys {
            self.drop_with_dependents(key, object, drop.cascade, &all);
        }
    }

    fn not_there(&mut self, object: &ObjectRef) {
        let elsewhere = self.in_managed_schema(&object.name)
            || object.table.as_ref().is_some_and(|table| {
                self.in_managed_schema(table)
                    || self
                        .find_relation(table)
                        .is_none_or(|id| self.catalog.table(&id).is_some_and(|table| !table.columns_known))
            });
        if !elsewhere && !matches!(object.kind, ObjectKind::Extension | ObjectKind::Role | ObjectKind::Cast) {
            self.missing(object.kind, object.name.span(), &format_smolstr!("{}", object.name));
        }
    }

    /// The key of an object that a DROP names, if the catalog holds it.
    pub(crate) fn drop_key(&mut self, object: &ObjectRef) -> Option<Key> {
        let bare = object.name.last().value.clone();
        let on_table = |this: &Self| object.table.as_ref().and_then(|table| this.find_relation(table));
        match object.kind {
            ObjectKind::Table
            | ObjectKind::ForeignTable
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Sequence
            | ObjectKind::Index => self.find_relation(&object.name).map(Key::Relation),
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine | ObjectKind::Aggregate => {
                self.find_routine(object).map(Key::Routine)
            }
            ObjectKind::Type | ObjectKind::Domain => {
                let found = self.candidates(&object.name);
                found
                    .into_iter()
                    .find(|id| self.catalog.types.contains_key(id))
                    .map(Key::Type)
            }
            ObjectKind::Schema => self.catalog.schemas.contains_key(&bare).then_some(Key::Schema(bare)),
            ObjectKind::Extension => self
                .catalog
                .extensions
                .contains_key(&bare)
                .then_some(Key::Extension(bare)),
            ObjectKind::Role => self.catalog.roles.contains_key(&bare).then_some(Key::Role(bare)),
            ObjectKind::Publication => self
                .catalog
                .publications
                .contains_key(&bare)
                .then_some(Key::Publication(bare)),
            ObjectKind::Trigger => {
                let table = on_table(self)?;
                let relation = self.catalog.relations.get(&table)?;
                let found = relation.triggers().iter().any(|trigger| trigger.name == bare);
                found.then_some(Key::Trigger(table, bare))
            }
            ObjectKind::Policy => {
                let table = on_table(self)?;
                let found = self
                    .catalog
                    .table(&table)?
                    .policies
                    .iter()
                    .any(|policy| policy.name == bare);
                found.then_some(Key::Policy(table, bare))
            }
            ObjectKind::Rule => {
                let table = on_table(self)?;
                let found = match &self.catalog.relations.get(&table)?.kind {
                    RelationKind::Table(found) => found.rules.contains(&bare),
                    RelationKind::View(view) => view.rules.contains(&bare),
                    _ => false,
                };
                found.then_some(Key::Rule(table, bare))
            }
            kind => {
                let qualified = self.candidates(&object.name).into_iter().map(|id| id.to_string());
                let mut names = qualified.chain(std::iter::once(bare.to_string()));
                let found = names.find(|name| self.catalog.others.contains_key(&(kind, name.clone())))?;
                Some(Key::Other(kind, found))
            }
        }
    }

    fn drop_with_dependents(&mut self, key: Key, object: &ObjectRef, cascade: bool, listed: &BTreeSet<Key>) {
        if !cascade {
            let defaults = self.defaults_using(&key).into_iter();
            let by: Vec<Key> = self
                .dependents(&key)
                .into_iter()
                .chain(defaults.map(|(table, column)| Key::Column(table, column)))
                .filter(|key| !self.goes_along(key, listed))
                .collect();
            if !by.is_empty() {
                let name = format_smolstr!("{}", object.name);
                let kind = object.kind;
                self.problem(object.name.span(), ProblemKind::Needed { kind, name, by });
                if self.guarded {
                    return;
                }
            }
            return self.drop_key_now(key);
        }
        self.cascade(key);
    }

    /// Whether a dependent is dropped by the same statement anyway.
    fn goes_along(&self, dependent: &Key, listed: &BTreeSet<Key>) -> bool {
        match dependent {
            Key::Constraint(table, _) | Key::Trigger(table, _) | Key::Policy(table, _) | Key::Column(table, _) => {
                listed.contains(&Key::Relation(table.clone()))
            }
            key => listed.contains(key),
        }
    }

    /// Drops an object and everything that needs it, the needing ones first.
    fn cascade(&mut self, key: Key) {
        let mut order = vec![key];
        let mut at = 0;
        while let Some(next) = order.get(at).cloned() {
            for dependent in self.dependents(&next) {
                if !order.contains(&dependent) {
                    order.push(dependent);
                }
            }
            at += 1;
            if order.len() > 100_000 {
                break;
            }
        }
        for key in order.into_iter().rev() {
            // A default goes without its column.
            for (table, column) in self.defaults_using(&key) {
                self.drop_default(&table, &column);
            }
            self.drop_key_now(key);
        }
    }

    /// Columns whose default needs a sequence or function.
    fn defaults_using(&self, key: &Key) -> Vec<(Id, SmolStr)> {
        let needs = |dependencies: &Dependencies| match key {
            Key::Relation(id) => dependencies.relations.contains(id),
            Key::Routine(signature) => dependencies.functions.contains(&signature.id),
            _ => false,
        };
        let relevant = match key {
            Key::Relation(id) => self
                .catalog
                .relations
                .get(id)
                .is_some_and(|relation| relation.sequence().is_some()),
            Key::Routine(signature) => self.catalog.overloads(&signature.id).nth(1).is_none(),
            _ => false,
        };
        let name = match key {
            Key::Relation(id) => &id.name,
            Key::Routine(signature) => &signature.id.name,
            _ => return Vec::new(),
        };
        if !relevant {
            return Vec::new();
        }
        let mut found = Vec::new();
        let candidates = self.catalog.tables_with_default(name).into_iter();
        for (id, table) in candidates.filter_map(|id| self.catalog.table(id).map(|table| (id, table))) {
            for column in &table.columns {
                let default = column.default.as_ref().filter(|_| column.generated.is_none());
                if default.is_some_and(|default| needs(&self.expr_dependencies(default, None))) {
                    found.push((id.clone(), column.name.clone()));
                }
            }
        }
        found
    }

    fn drop_default(&mut self, table: &Id, column: &SmolStr) {
        let Some(mut column) = self
            .catalog
            .table(table)
            .and_then(|table| table.column(column))
            .cloned()
        else {
            return;
        };
        column.default = None;
        column.default_text = None;
        self.emit(Change::AlterColumn {
            table: table.clone(),
            column: Box::new(column),
            what: ColumnChange::Default,
        });
    }

    fn drop_attribute(&mut self, id: &Id, attribute: &SmolStr) {
        let Some(mut ty) = self.catalog.types.get(id).cloned() else {
            return;
        };
        let edited = Arc::make_mut(&mut ty);
        edited.meta.changed = self.origin;
        if let TypeKind::Composite(attributes) = &mut edited.kind {
            attributes.retain(|(name, _)| name != attribute);
        }
        self.emit(Change::Alter(Object::Type(id.clone(), ty)));
    }

    fn drop_key_now(&mut self, key: Key) {
        match &key {
            Key::Relation(id) => {
                let owned: Vec<Id> = self.catalog.owned_sequences(id).collect();
                let partitions = self.partitions(id);
                let children: Vec<Id> = self.index_partitions_of(id);
                for partition in partitions {
                    self.drop_key_now(Key::Relation(partition));
                }
                for sequence in owned.into_iter().chain(children) {
                    self.emit(Change::Drop(Key::Relation(sequence)));
                }
                let about = self.catalog.statistics.iter().filter(|(_, (on, _))| on == id);
                let statistics: Vec<String> = about.map(|(name, _)| name.clone()).collect();
                for name in statistics {
                    self.emit(Change::Drop(Key::Other(ObjectKind::Statistics, name)));
                }
                if self.catalog.types.contains_key(id) {
                    self.emit(Change::Drop(Key::Type(id.clone())));
                }
            }
            Key::Constraint(table, name) => {
                let index = table.sibling(name);
                if self
                    .catalog
                    .index(&index)
                    .is_some_and(|index| index.constraint.as_ref() == Some(name))
                {
                    self.emit(Change::Drop(Key::Relation(index)));
                }
            }
            Key::Column(id, column) if self.catalog.types.contains_key(id) => return self.drop_attribute(id, column),
            Key::Column(table, column) => return self.drop_one_column(table, column, Span::default(), true),
            Key::Trigger(table, name) => {
                for partition in self.partitions(table) {
                    self.drop_key_now(Key::Trigger(partition, name.clone()));
                }
            }
            Key::Type(id)
                if self
                    .catalog
                    .relations
                    .get(id)
                    .is_some_and(|r| matches!(r.kind, RelationKind::Composite)) =>
            {
                self.emit(Change::Drop(Key::Relation(id.clone())));
            }
            _ => {}
        }
        self.emit(Change::Drop(key));
    }

    fn index_partitions_of(&self, id: &Id) -> Vec<Id> {
        if self.catalog.index(id).is_none() {
            return Vec::new();
        }
        let of = |(_, relation): &(&Id, &std::sync::Arc<crate::schema::objects::Relation>)| {
            relation
                .index()
                .is_some_and(|index| index.partition_of.as_ref() == Some(id))
        };
        self.catalog.relations().filter(of).map(|(id, _)| id.clone()).collect()
    }

    /// What needs an object, directly: without CASCADE these forbid the DROP.
    pub(crate) fn dependents(&self, key: &Key) -> Vec<Key> {
        match key {
            Key::Relation(id) => self.relation_dependents(id),
            Key::Routine(signature) => self.routine_dependents(signature),
            Key::Type(id) => self.type_dependents(id),
            Key::Schema(name) => self.schema_contents(name),
            Key::Extension(name) => self.extension_contents(name),
            Key::Constraint(table, name) => self.constraint_dependents(table, name),
            _ => Vec::new(),
        }
    }

    fn relation_dependents(&self, id: &Id) -> Vec<Key> {
        let mut found = Vec::new();
        for (other, relation) in self.catalog.users(id) {
            match &relation.kind {
                RelationKind::View(view) if view.dependencies.relations.contains(id) => {
                    found.push(Key::Relation(other.clone()));
                }
                RelationKind::Table(table) if other != id => {
                    let names = |c: &&Shared<crate::schema::objects::Constraint>| matches!(&c.kind, ConstraintKind::Foreign(key) if key.table == *id);
                    let keys = table.constraints.iter().filter(names);
                    found.extend(keys.map(|c| Key::Constraint(other.clone(), c.name.clone())));
                    let policies = table.policies.iter().filter(|p| p.dependencies.relations.contains(id));
                    found.extend(policies.map(|p| Key::Policy(other.clone(), p.name.clone())));
                    if table.inherits.contains(id) {
                        found.push(Key::Relation(other.clone()));
                    }
                }
                _ => {}
            }
        }
        found.extend(self.type_users(id));
        found.extend(self.routines_using(|dependencies| dependencies.relations.contains(id)));
        found
    }

    fn routine_dependents(&self, signature: &Signature) -> Vec<Key> {
        let id = &signature.id;
        // Expressions name functions without argument types; an overload that stays may be the one meant.
        let overloaded = self.catalog.overloads(id).nth(1).is_some();
        let mut found = Vec::new();
        for (other, relation) in self.catalog.relations() {
            let triggers = relation.triggers();
            let calls = triggers
                .iter()
                .filter(|trigger| trigger.function == *id && signature.arguments.is_empty());
            found.extend(calls.map(|trigger| Key::Trigger(other.clone(), trigger.name.clone())));
            if overloaded {
                continue;
            }
            let needs = |dependencies: &Dependencies| dependencies.functions.contains(id);
            match &relation.kind {
                RelationKind::View(view) if needs(&view.dependencies) => found.push(Key::Relation(other.clone())),
                RelationKind::Table(table) => {
                    let policies = table.policies.iter().filter(|policy| needs(&policy.dependencies));
                    found.extend(policies.map(|policy| Key::Policy(other.clone(), policy.name.clone())));
                    let generated = table.columns.iter().filter(|column| {
                        let generated = column.generated.as_ref();
                        generated.is_some_and(|generated| needs(&self.expr_dependencies(&generated.expr, None)))
                    });
                    found.extend(generated.map(|column| Key::Column(other.clone(), column.name.clone())));
                    for constraint in &table.constraints {
                        if let ConstraintKind::Check(expr) = &constraint.kind
                            && needs(&self.expr_dependencies(expr, None))
                        {
                            found.push(Key::Constraint(other.clone(), constraint.name.clone()));
                        }
                    }
                }
                RelationKind::Index(index) => {
                    let uses = index
                        .keys
                        .iter()
                        .any(|key| key.column.is_none() && needs(&self.expr_dependencies(&key.expr, None)));
                    if uses {
                        found.push(Key::Relation(other.clone()));
                    }
                }
                _ => {}
            }
        }
        found.extend(self.routines_using(|dependencies| !overloaded && dependencies.functions.contains(id)));
        found
    }

    fn routines_using(&self, needs: impl Fn(&Dependencies) -> bool) -> Vec<Key> {
        let users = self
            .catalog
            .routines
            .iter()
            .filter(|(_, routine)| needs(&routine.dependencies));
        users.map(|(signature, _)| Key::Routine(signature.clone())).collect()
    }

    fn type_dependents(&self, id: &Id) -> Vec<Key> {
        let mut found = self.type_users(id);
        let range = self.catalog.types.get(id);
        if range.is_some_and(|ty| matches!(ty.kind, TypeKind::Range(_))) {
            found.extend(self.type_users(&crate::schema::apply::multirange(id)));
        }
        let typed = self
            .catalog
            .tables()
            .filter(|(_, _, table)| table.of_type.as_ref() == Some(id));
        found.extend(typed.map(|(table, ..)| Key::Relation(table.clone())));
        found
    }

    /// Columns and routines of a type, or of a relation's row type.
    fn type_users(&self, id: &Id) -> Vec<Key> {
        let uses = |ty: &Type| ty.id == *id;
        let mut found = Vec::new();
        for (other, table) in self.catalog.tables_of_type(id) {
            let columns = table.columns.iter().filter(|column| uses(&column.ty));
            found.extend(columns.map(|column| Key::Column(other.clone(), column.name.clone())));
        }
        for (signature, routine) in self.catalog.routines_with_type(id) {
            if signature.arguments.iter().any(uses) || routine.return_type.as_ref().is_some_and(uses) {
                found.push(Key::Routine(signature.clone()));
            }
        }
        for (other, ty) in self.catalog.types_with_type(id) {
            match &ty.kind {
                TypeKind::Domain(domain) if uses(&domain.base) => found.push(Key::Type(other.clone())),
                TypeKind::Composite(attributes) => {
                    let users = attributes.iter().filter(|(_, ty)| uses(ty));
                    found.extend(users.map(|(name, _)| Key::Column(other.clone(), name.clone())));
                }
                _ => {}
            }
        }
        found
    }

    fn schema_contents(&self, name: &SmolStr) -> Vec<Key> {
        let indexes_apart =
            |relation: &crate::schema::objects::Relation| !matches!(relation.kind, RelationKind::Index(_));
        let relations = self
            .catalog
            .relations_in(name)
            .filter(|(_, relation)| indexes_apart(relation));
        let mut found: Vec<Key> = relations.map(|(id, _)| Key::Relation(id.clone())).collect();
        let types = self.catalog.types.keys().filter(|id| id.schema == *name);
        found.extend(types.map(|id| Key::Type(id.clone())));
        let routines = self
            .catalog
            .routines
            .keys()
            .filter(|signature| signature.id.schema == *name);
        found.extend(routines.map(|signature| Key::Routine(signature.clone())));
        let extensions = self
            .catalog
            .extensions
            .iter()
            .filter(|(_, extension)| extension.schema == *name);
        found.extend(extensions.map(|(name, _)| Key::Extension(name.clone())));
        found
    }

    fn extension_contents(&self, name: &SmolStr) -> Vec<Key> {
        let of = |meta: &crate::schema::objects::Meta| meta.extension.as_ref() == Some(name);
        let types: Vec<&Id> = self
            .catalog
            .types
            .iter()
            .filter(|(_, ty)| of(&ty.meta))
            .map(|(id, _)| id)
            .collect();
        types.into_iter().flat_map(|id| self.type_users(id)).collect()
    }

    /// Foreign keys that rest on a primary key or unique constraint.
    fn constraint_dependents(&self, table: &Id, name: &SmolStr) -> Vec<Key> {
        let Some(constraint) = self.catalog.table(table).and_then(|t| t.constraint(name)) else {
            return Vec::new();
        };
        if !matches!(constraint.kind, ConstraintKind::Primary | ConstraintKind::Unique) {
            return Vec::new();
        }
        let columns: BTreeSet<&SmolStr> = constraint.columns.iter().collect();
        let mut found = Vec::new();
        for (other, _, candidate) in self.catalog.tables() {
            for foreign in &candidate.constraints {
                if let ConstraintKind::Foreign(key) = &foreign.kind
                    && key.table == *table
                    && key.columns.iter().collect::<BTreeSet<_>>() == columns
                {
                    found.push(Key::Constraint(other.clone(), foreign.name.clone()));
                }
            }
        }
        found
    }

    /// DROP COLUMN: indexes, keys, multi-column checks and owned sequences over it go without a word.
    pub(crate) fn drop_one_column(&mut self, table: &Id, column: &SmolStr, span: Span, cascade: bool) {
        let dependents = self.column_dependents(table, column);
        if !dependents.is_empty() {
            if cascade {
                dependents.into_iter().for_each(|key| self.cascade(key));
            } else {
                let name = format_smolstr!("{table}.{column}");
                self.problem(
                    span,
                    ProblemKind::Needed {
                        kind: ObjectKind::Column,
                        name,
                        by: dependents,
                    },
                );
            }
        }
        for key in self.silent_dependents(table, column) {
            self.drop_key_now(key);
        }
        if cascade {
            self.leave_publications(table, column);
        }
        self.emit(Change::DropColumn {
            table: table.clone(),
            column: column.clone(),
        });
    }

    /// A table is no longer published where a column list or row filter names a column that CASCADE drops.
    fn leave_publications(&mut self, table: &Id, column: &SmolStr) {
        let names = |text: &SmolStr| {
            let all = lexemes(text).into_iter();
            let mut words = all.filter_map(|lexeme| folded(text, lexeme.kind, lexeme.span));
            words.any(|name| name == *column)
        };
        let all = self.catalog.publications.iter();
        let naming = all.filter(|(_, publication)| publication.parts.get(table).is_some_and(names));
        let naming: Vec<(SmolStr, Arc<Publication>)> =
            naming.map(|(name, found)| (name.clone(), Arc::clone(found))).collect();
        for (name, mut publication) in naming {
            let changed = Arc::make_mut(&mut publication);
            changed.tables.remove(table);
            changed.parts.remove(table);
            self.emit(Change::Alter(Object::Publication(name, publication)));
        }
    }

    /// What forbids dropping a column without CASCADE: views, policies, foreign keys elsewhere, generated columns.
    pub(crate) fn column_dependents(&self, table: &Id, column: &SmolStr) -> Vec<Key> {
        let key = (table.clone(), column.clone());
        let mut found = Vec::new();
        let own = self
            .catalog
            .relations
            .get_key_value(table)
            .map(|(id, relation)| (&**id, &**relation));
        for (other, relation) in self
            .catalog
            .users(table)
            .filter(|(other, _)| *other != table)
            .chain(own)
        {
            match &relation.kind {
                RelationKind::View(view) if view.dependencies.columns.contains(&key) => {
                    found.push(Key::Relation(other.clone()));
                }
                RelationKind::Table(candidate) => {
                    let policies = candidate
                        .policies
                        .iter()
                        .filter(|policy| policy.dependencies.columns.contains(&key));
                    found.extend(policies.map(|policy| Key::Policy(other.clone(), policy.name.clone())));
                    let triggers = candidate
                        .triggers
                        .iter()
                        .filter(|t| other == table && t.update_of.contains(column));
                    found.extend(triggers.map(|trigger| Key::Trigger(other.clone(), trigger.name.clone())));
                    let keys = candidate.constraints.iter().filter(|c| {
                        matches!(&c.kind, ConstraintKind::Foreign(key) if key.table == *table && key.columns.contains(column))
                            && other != table
                    });
                    found.extend(keys.map(|c| Key::Constraint(other.clone(), c.name.clone())));
                }
                _ => {}
            }
        }
        if let Some(own) = self.catalog.table(table) {
            let generated = own.columns.iter().filter(|other| {
                let expr = other.generated.as_ref();
                expr.is_some_and(|generated| super::depend::columns_of(&generated.expr).contains(column))
            });
            found.extend(generated.map(|other| Key::Column(table.clone(), other.name.clone())));
        }
        found.extend(self.routines_using(|dependencies| dependencies.columns.contains(&key)));
        found
    }

    /// What DROP COLUMN takes along without CASCADE and without a word (measured, row 18).
    pub(crate) fn silent_dependents(&self, table: &Id, column: &SmolStr) -> Vec<Key> {
        let Some(found) = self.catalog.table(table) else {
            return Vec::new();
        };
        let uses =
            |c: &&Shared<crate::schema::objects::Constraint>| c.columns.contains(column) || c.include.contains(column);
        let constraints = found.constraints.iter().filter(uses);
        let mut keys: Vec<Key> = constraints
            .map(|c| Key::Constraint(table.clone(), c.name.clone()))
            .collect();
        for (id, index) in self.catalog.indexes_of(table) {
            let in_expr = |expr: &crate::sql::statement::Expr| super::depend::columns_of(expr).contains(column);
            let used = index
                .keys
                .iter()
                .any(|key| key.column.as_ref() == Some(column) || in_expr(&key.expr))
                || index.include.contains(column)
                || index.predicate.as_ref().is_some_and(|predicate| in_expr(predicate));
            if used && index.constraint.is_none() {
                keys.push(Key::Relation(id));
            }
        }
        let sequences = self.catalog.owned_sequences(table).filter(|id| {
            let sequence = self.catalog.relations.get(id).and_then(|relation| relation.sequence());
            sequence.is_some_and(|s| s.owned_by.as_ref().is_some_and(|(_, owner)| owner == column))
        });
        keys.extend(sequences.map(Key::Relation));
        let statistics = self.catalog.statistics.iter();
        let about = statistics.filter(|(_, (on, columns))| on == table && columns.contains(column));
        keys.extend(about.map(|(name, _)| Key::Other(ObjectKind::Statistics, name.clone())));
        keys
    }

    pub(crate) fn drop_constraint(&mut self, table: &Id, name: &Ident, if_exists: bool, cascade: bool) {
        let Some(found) = self.catalog.table(table) else { return };
        let known = found.columns_known;
        if found.constraint(&name.value).is_none() {
            if known && !if_exists {
                self.missing(ObjectKind::Constraint, name.span, &format_smolstr!("{name} on {table}"));
            }
            return;
        }
        let key = Key::Constraint(table.clone(), name.value.clone());
        let reference = ObjectRef {
            kind: ObjectKind::Constraint,
            name: Name::bare(name.clone()),
            arguments: None,
            table: None,
            span: name.span,
        };
        self.drop_with_dependents(key, &reference, cascade, &BTreeSet::new());
        for child in self.descendants(table) {
            let inherited = self
                .catalog
                .table(&child)
                .and_then(|t| t.constraint(&name.value))
                .is_some_and(|c| c.inherited);
            if inherited {
                self.drop_key_now(Key::Constraint(child, name.value.clone()));
            }
        }
    }
}
