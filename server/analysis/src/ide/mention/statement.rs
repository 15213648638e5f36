//! Every kind of statement and the names that it holds.

use super::query::Names;
use super::{Access, Scope, Walker};
use crate::schema::change::Key;
use crate::schema::objects::{Id, Type};
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{
    AlterDomainAction, AlterExtension, AlterFunctionAction, AlterObject, AlterPublication, AlterRole, AlterTypeAction,
    CreateFunction, CreateTrigger, CreateTypeKind, CreateView, FunctionBody, Node, ObjectKind, PublicationTable,
    Returns, RoleOption, SequenceOption, Statement,
};
use crate::text::Span;

impl Walker<'_> {
    pub(super) fn statement(&mut self, statement: &Statement, scope: &Scope) {
        match &statement.node {
            Node::CreateTable(create) => self.create_table(create),
            Node::CreateTableAs(create) => {
                let names = if create.columns.is_empty() {
                    Names::Kept
                } else {
                    Names::Unused
                };
                self.query(&create.query, scope, names);
                let id = self.relation(&create.name, Access::Declare);
                self.columns(id.as_ref(), &create.columns, Access::Declare);
            }
            Node::AlterTable(alter) => self.alter_table(alter),
            Node::CreateIndex(create) => self.create_index(create),
            Node::CreateView(create) => self.create_view(create),
            Node::CreateFunction(create) => self.create_function(create, statement.span),
            Node::AlterFunction(alter) => {
                let first = self.out.len();
                self.object_ref(&alter.object, Access::Write);
                if let AlterFunctionAction::Options(options) = &alter.action {
                    for set in &options.set {
                        self.search_path(&set.name, set.span);
                    }
                }
                if let AlterFunctionAction::Object(action) = &alter.action {
                    let this = self.routine_since(first);
                    self.alter_object(this.as_ref(), action);
                }
            }
            Node::CreateAggregate {
                name,
                arguments,
                state,
                final_function,
                ..
            } => {
                self.declare_routine(name, statement.span);
                arguments.iter().chain(state).for_each(|ty| self.ty(ty));
                if let Some(function) = final_function {
                    self.called(function, 1, Access::Read);
                }
            }
            Node::CreateTrigger(create) => self.create_trigger(create),
            Node::CreateEventTrigger { name, function, .. } => {
                let key = Key::Other(ObjectKind::EventTrigger, name.value.to_string());
                self.object(name.span, key, Access::Declare);
                self.called(function, 0, Access::Read);
            }
            Node::AlterEventTrigger { name, action } => {
                let key = Key::Other(ObjectKind::EventTrigger, name.value.to_string());
                self.object(name.span, key.clone(), Access::Write);
                self.alter_object(Some(&key), action);
            }
            Node::CreatePolicy(create) => {
                let table = self.relation(&create.table, Access::Write);
                if let Some(id) = &table {
                    self.on_table(ObjectKind::Policy, id, &create.name, Access::Declare);
                }
                self.roles(&create.roles);
                let scope = Scope::of(table.as_ref());
                self.exprs(create.using.iter().chain(&create.check).map(|expr| &**expr), &scope);
            }
            Node::AlterPolicy(alter) => {
                let table = self.relation(&alter.table, Access::Write);
                if let Some(id) = &table {
                    self.on_table(ObjectKind::Policy, id, &alter.name, Access::Write);
                    if let Some(to) = &alter.rename {
                        self.on_table(ObjectKind::Policy, id, to, Access::Declare);
                    }
                }
                self.roles(alter.roles.as_deref().unwrap_or_default());
                let scope = Scope::of(table.as_ref());
                self.exprs(alter.using.iter().chain(&alter.check).map(|expr| &**expr), &scope);
            }
            Node::CreateRule {
                name, table, actions, ..
            } => {
                let id = self.relation(table, Access::Write);
                if let Some(id) = &id {
                    self.on_table(ObjectKind::Rule, id, name, Access::Declare);
                }
                let mut scope = Scope::default();
                scope.add("new", id.as_ref(), Span::default());
                scope.add("old", id.as_ref(), Span::default());
                for action in actions {
                    self.statement(action, &scope);
                }
            }
            Node::CreateType(create) => {
                self.type_named(&create.name, Access::Declare);
                match &create.kind {
                    CreateTypeKind::Composite(attributes) => attributes.iter().for_each(|(_, ty)| self.ty(ty)),
                    CreateTypeKind::Range { subtype, .. } => subtype.iter().for_each(|ty| self.ty(ty)),
                    CreateTypeKind::Enum(_) | CreateTypeKind::Base | CreateTypeKind::Shell => {}
                }
            }
            Node::AlterType(alter) => {
                let id = self.type_named(&alter.name, Access::Write);
                for action in &alter.actions {
                    match action {
                        AlterTypeAction::AddAttribute { ty, .. } | AlterTypeAction::AlterAttribute { ty, .. } => {
                            self.ty(ty);
                        }
                        AlterTypeAction::Object(action) => self.alter_type(id.as_ref(), action),
                        _ => {}
                    }
                }
            }
            Node::CreateDomain(create) => {
                let id = self.type_named(&create.name, Access::Declare);
                self.ty(&create.base);
                for constraint in &create.constraints {
                    self.column_constraint(constraint, id.as_ref(), &Scope::default());
                }
            }
            Node::AlterDomain(alter) => {
                let id = self.type_named(&alter.name, Access::Write);
                self.alter_domain(id.as_ref(), &alter.action);
            }
            Node::CreateSequence(create) => {
                self.relation(&create.name, Access::Declare);
                self.sequence_options(&create.options);
            }
            Node::AlterSequence(alter) => {
                self.relation(&alter.name, Access::Write);
                self.sequence_options(&alter.options);
            }
            Node::CreateSchema(create) => {
                if let Some(name) = &create.name {
                    self.schema(name, Access::Declare);
                }
                if let Some(role) = &create.authorization {
                    self.role(role);
                }
                for element in &create.elements {
                    self.statement(element, scope);
                }
            }
            Node::CreateExtension { name, schema, .. } => {
                self.object(name.span, Key::Extension(name.value.clone()), Access::Declare);
                if let Some(schema) = schema {
                    self.schema(schema, Access::Read);
                }
            }
            Node::AlterExtension { name, action } => {
                self.object(name.span, Key::Extension(name.value.clone()), Access::Write);
                match action {
                    AlterExtension::SetSchema(schema) => self.schema(schema, Access::Read),
                    AlterExtension::Add(Some(object)) | AlterExtension::Drop(Some(object)) => {
                        self.object_ref(object, Access::Write);
                    }
                    _ => {}
                }
            }
            Node::CreateRole { name, options } => {
                self.role_named(name, Access::Declare);
                self.role_options(options);
            }
            Node::AlterRole { name, action } => {
                if let crate::sql::statement::RoleName::Named(ident) = name {
                    self.role_named(ident, Access::Write);
                }
                match action {
                    AlterRole::Options(options) => self.role_options(options),
                    AlterRole::Rename(to) => self.role_named(to, Access::Declare),
                    AlterRole::Owner(role) => self.role(role),
                    AlterRole::Set(set) => self.search_path(&set.name, set.span),
                    _ => {}
                }
            }
            Node::CreatePublication(create) => {
                let key = Key::Publication(create.name.value.clone());
                self.object(create.name.span, key, Access::Declare);
                self.published(&create.tables, &create.schemas);
            }
            Node::AlterPublication { name, action } => {
                let key = Key::Publication(name.value.clone());
                self.object(name.span, key.clone(), Access::Write);
                match action {
                    AlterPublication::Add { tables, schemas } | AlterPublication::SetObjects { tables, schemas } => {
                        self.published(tables, schemas);
                    }
                    AlterPublication::DropObjects { tables, schemas } => {
                        for table in tables {
                            self.relation(table, Access::Read);
                        }
                        schemas.iter().for_each(|schema| self.schema(schema, Access::Read));
                    }
                    AlterPublication::SetOptions(_) => {}
                    AlterPublication::Object(action) => self.alter_object(Some(&key), action),
                }
            }
            Node::CreateStatistics { name, keys, table, .. } => {
                let id = table.as_ref().and_then(|table| self.relation(table, Access::Read));
                self.exprs(keys, &Scope::of(id.as_ref()));
                if let Some(name) = name {
                    self.qualifier(name);
                    let schema = name.qualifier().map(|schema| schema.value.clone());
                    let schema = schema.or_else(|| id.map(|id| id.schema));
                    let full = Id {
                        schema: schema.unwrap_or_default(),
                        name: name.last().value.clone(),
                    };
                    let key = Key::Other(ObjectKind::Statistics, full.to_string());
                    self.object(name.last().span, key, Access::Declare);
                }
            }
            Node::CreateCast {
                source,
                target,
                function,
            } => {
                self.ty(source);
                self.ty(target);
                if let Some((name, arguments)) = function {
                    self.called(name, arguments.len(), Access::Read);
                }
            }
            Node::AlterObject { object, action, .. } => {
                let first = self.out.len();
                self.object_ref(object, Access::Write);
                let this = self.named_at(first, object.name.last());
                self.alter_object(this.as_ref(), action);
            }
            Node::Drop(drop) => {
                for object in &drop.objects {
                    self.object_ref(object, Access::Write);
                }
            }
            Node::DropOwned { roles, .. } => self.roles(roles),
            Node::ReassignOwned { from, to } => {
                self.roles(from);
                self.role(to);
            }
            Node::Truncate { tables, .. } | Node::Lock { tables, .. } => {
                for table in tables {
                    self.relation(&table.name, Access::Write);
                }
            }
            Node::Comment { object, .. } | Node::SecurityLabel { object } => {
                self.object_ref(object, Access::Write);
            }
            Node::Grant(grant) => {
                let only = self.grant_target(&grant.target);
                for privilege in &grant.privileges {
                    self.columns(only.as_ref(), &privilege.columns, Access::Write);
                }
                self.roles(&grant.grantees);
            }
            Node::GrantRole(grant) => {
                for role in &grant.roles {
                    self.role_named(role, Access::Read);
                }
                self.roles(&grant.grantees);
            }
            Node::AlterDefaultPrivileges(alter) => {
                self.roles(&alter.roles);
                alter
                    .schemas
                    .iter()
                    .for_each(|schema| self.schema(schema, Access::Read));
                self.roles(&alter.grantees);
            }
            Node::Call { function } => self.expr(function, scope),
            Node::Query(query) => {
                // Only a variable of PL/pgSQL can name the columns of a statement's own query.
                let names = if self.late && starts_query(statement.span.slice(self.text)) {
                    Names::Kept
                } else {
                    Names::Unused
                };
                self.query(query, scope, names);
            }
            Node::Insert(insert) => {
                self.insert(insert, scope, Names::Unused);
            }
            Node::Update(update) => {
                self.update(update, scope, Names::Unused);
            }
            Node::Delete(delete) => {
                self.delete(delete, scope, Names::Unused);
            }
            Node::Merge(merge) => self.merge(merge, scope),
            Node::Copy(copy) => {
                let access = if copy.from { Access::Write } else { Access::Read };
                if let Some(table) = &copy.table {
                    let id = self.relation(table, access);
                    self.columns(id.as_ref(), &copy.columns, access);
                }
                if let Some(query) = &copy.query {
                    self.query(query, scope, Names::Unused);
                }
            }
            Node::RefreshMaterializedView { name, .. } => {
                self.relation(name, Access::Write);
            }
            Node::Reindex { kind, name, .. } => {
                if let (ObjectKind::Index | ObjectKind::Table, Some(name)) = (kind, name) {
                    self.relation(name, Access::Read);
                } else if let (ObjectKind::Schema, Some(name)) = (kind, name) {
                    self.schema(name.last(), Access::Read);
                }
            }
            Node::Cluster { table, index } => {
                let id = table.as_ref().and_then(|table| self.relation(table, Access::Write));
                if let (Some(id), Some(index)) = (id, index) {
                    self.object(index.span, Key::Relation(id.sibling(&index.value)), Access::Read);
                }
            }
            Node::Vacuum { tables, .. } | Node::Analyze { tables } => {
                for table in tables {
                    self.relation(table, Access::Read);
                }
            }
            Node::Explain { statement, .. } | Node::Prepare { statement, .. } => self.statement(statement, scope),
            Node::Unknown { names, .. } => self.unreadable(names),
            Node::Set(set) => self.search_path(set.name.as_str(), set.span),
            Node::Reset { .. }
            | Node::SetConstraints { .. }
            | Node::SetTransaction { .. }
            | Node::Transaction(_)
            | Node::AlterSystem
            | Node::CreateDatabase { .. }
            | Node::DropDatabase { .. }
            | Node::AlterDatabase { .. }
            | Node::CreateTablespace { .. }
            | Node::CreateSubscription { .. }
            | Node::CreateOther { .. }
            | Node::Do { .. }
            | Node::Passed(_)
            | Node::Meta { .. }
            | Node::Templated { .. } => {}
        }
    }

    /// Of a statement that nothing could read, the relations that it names.
    fn unreadable(&mut self, names: &[Name]) {
        for name in names {
            if let Some(id) = self.find(|lookup| lookup.relation(name)) {
                self.qualifier(name);
                self.object(name.last().span, Key::Relation(id), Access::Read);
            }
        }
    }

    // ---- views, functions, triggers ------------------------------------------------------------------------------

    fn create_view(&mut self, create: &CreateView) {
        let names = if create.columns.is_empty() {
            Names::Kept
        } else {
            Names::Unused
        };
        self.query(&create.query, &Scope::default(), names);
        let id = self.relation(&create.name, Access::Declare);
        self.columns(id.as_ref(), &create.columns, Access::Declare);
    }

    fn create_function(&mut self, create: &CreateFunction, whole: Span) {
        let mut scope = Scope::default();
        let signature = self.declare_routine(&create.name, whole);
        for set in &create.options.set {
            self.search_path(&set.name, set.span);
        }
        if let Some(Key::Routine(signature)) = &signature {
            scope.routine = Some(signature.clone());
        }
        self.params(&create.params, &mut scope);
        match &create.returns {
            Some(Returns::Type(ty)) => self.ty(ty),
            Some(Returns::Table(columns)) => {
                for (name, ty) in columns {
                    self.ty(ty);
                    scope.parameters.push((name.value.clone(), name.span));
                    let symbol = super::Symbol::Local(super::Local::Parameter, name.span);
                    self.push(name.span, symbol, Access::Declare);
                }
            }
            None => {}
        }
        let language = create.options.language.as_ref().map_or("sql", |l| l.value.as_str());
        match &create.body {
            Some(FunctionBody::Source(body)) => {
                if let Some(Key::Routine(signature)) = &signature {
                    self.add_trigger_rows(&signature.id, &mut scope);
                }
                let path = create.options.set.iter().rfind(|set| set.name == "search_path");
                let path = path.and_then(|set| set.values.clone());
                self.function_body(language, body, &scope, path.as_deref());
            }
            Some(FunctionBody::Return(expr)) => self.expr(expr, &scope),
            Some(FunctionBody::Atomic(statements)) => {
                for statement in statements {
                    self.statement(statement, &scope);
                }
            }
            _ => {}
        }
    }

    /// Makes NEW and OLD rows of the tables whose triggers run a function.
    fn add_trigger_rows(&self, function: &Id, scope: &mut Scope) {
        let mut tables = Vec::new();
        for lookup in [&self.last, &self.after] {
            for (id, _, table) in lookup.catalog().tables() {
                let runs = table.triggers.iter().any(|trigger| trigger.function == *function);
                if runs && !tables.contains(id) {
                    tables.push(id.clone());
                }
            }
        }
        for id in &tables {
            scope.add("new", Some(id), Span::default());
            scope.add("old", Some(id), Span::default());
        }
    }

    fn create_trigger(&mut self, create: &CreateTrigger) {
        let id = self.relation(&create.table, Access::Write);
        if let Some(id) = &id {
            self.on_table(ObjectKind::Trigger, id, &create.name, Access::Declare);
        }
        self.columns(id.as_ref(), &create.update_of, Access::Read);
        if let Some(from) = &create.from {
            self.relation(from, Access::Read);
        }
        let mut scope = Scope::default();
        scope.add("new", id.as_ref(), Span::default());
        scope.add("old", id.as_ref(), Span::default());
        self.exprs(create.when.iter(), &scope);
        self.called(&create.function, 0, Access::Read);
    }

    /// The routine that a statement makes: of the overloads, the one that it changed last.
    fn declare_routine(&mut self, name: &Name, whole: Span) -> Option<Key> {
        let overloads = self.after.overloads(name);
        let made = overloads.iter().find(|(_, routine)| routine.meta.changed.span == whole);
        let signature = made.or(overloads.last()).map(|(signature, _)| (*signature).clone())?;
        self.qualifier(name);
        let key = Key::Routine(signature);
        self.object(name.last().span, key.clone(), Access::Declare);
        Some(key)
    }

    /// The routine among the mentions from number `first` on.
    fn routine_since(&self, first: usize) -> Option<Key> {
        let mut keys = self.out.get(first..).unwrap_or_default().iter();
        keys.find_map(|mention| match &mention.symbol {
            super::Symbol::Object(key @ Key::Routine(_)) => Some(key.clone()),
            _ => None,
        })
    }

    /// What the name stands for, among the mentions from number `first` on.
    fn named_at(&self, first: usize, name: &Ident) -> Option<Key> {
        let mut mentions = self.out.get(first..).unwrap_or_default().iter();
        let mention = mentions.find(|mention| mention.span == name.span)?;
        match &mention.symbol {
            super::Symbol::Object(key) => Some(key.clone()),
            _ => None,
        }
    }

    // ---- types -----------------------------------------------------------------------------------------------------

    pub(super) fn type_named(&mut self, name: &Name, access: Access) -> Option<Id> {
        let ty = crate::sql::statement::TypeName {
            name: name.clone(),
            modifiers: Vec::new(),
            dimensions: 0,
            setof: false,
            percent_type: false,
            fields: None,
            span: name.span(),
        };
        let found = if access == Access::Declare {
            self.after.ty(&ty)
        } else {
            self.find(|lookup| lookup.ty(&ty))
        };
        let Type { id, .. } = found?;
        self.qualifier(name);
        self.object(name.last().span, Key::Type(id.clone()), access);
        Some(id)
    }

    fn alter_type(&mut self, id: Option<&Id>, action: &AlterObject) {
        let key = id.map(|id| Key::Type(id.clone()));
        self.alter_object(key.as_ref(), action);
    }

    fn alter_domain(&mut self, id: Option<&Id>, action: &AlterDomainAction) {
        let on = |this: &mut Self, name: &Ident, access| {
            if let Some(id) = id {
                this.on_table(ObjectKind::Constraint, id, name, access);
            }
        };
        match action {
            AlterDomainAction::SetDefault(default) => self.exprs(default.as_deref(), &Scope::default()),
            AlterDomainAction::SetNotNull(_) => {}
            AlterDomainAction::AddConstraint { name, check, .. } => {
                if let Some(name) = name {
                    on(self, name, Access::Declare);
                }
                self.exprs(check.as_deref(), &Scope::default());
            }
            AlterDomainAction::DropConstraint { name, .. } | AlterDomainAction::ValidateConstraint(name) => {
                on(self, name, Access::Write);
            }
            AlterDomainAction::RenameConstraint { from, to } => {
                on(self, from, Access::Write);
                on(self, to, Access::Declare);
            }
            AlterDomainAction::Object(action) => self.alter_type(id, action),
        }
    }

    // ---- the rest --------------------------------------------------------------------------------------------------

    pub(super) fn sequence_options(&mut self, options: &[SequenceOption]) {
        for option in options {
            match option {
                SequenceOption::As(ty) => self.ty(ty),
                SequenceOption::OwnedBy(Some(name)) => {
                    if let Some((table, column)) = name.split_last() {
                        let id = self.relation(&table, Access::Read);
                        self.column(id.as_ref(), &column, Access::Read);
                    }
                }
                _ => {}
            }
        }
    }

    fn role_options(&mut self, options: &[RoleOption]) {
        for option in options {
            self.roles(&option.roles);
        }
    }

    fn published(&mut self, tables: &[PublicationTable], schemas: &[Ident]) {
        for table in tables {
            let id = self.relation(&table.name, Access::Read);
            self.columns(id.as_ref(), &table.columns, Access::Read);
            self.exprs(table.filter.iter(), &Scope::of(id.as_ref()));
        }
        schemas.iter().for_each(|schema| self.schema(schema, Access::Read));
    }
}

/// Whether a statement of a body is written as a query, and not as an assignment or PERFORM.
fn starts_query(text: &str) -> bool {
    let word: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
    ["select", "with", "table", "values"]
        .iter()
        .any(|start| word.eq_ignore_ascii_case(start))
}
