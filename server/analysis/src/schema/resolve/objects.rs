//! Schemas, sequences, extensions, roles, publications, policies, rules, comments, and ALTER of what has no own file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};

use super::Resolver;
use crate::schema::change::{Change, Key, Object};
use crate::schema::names::{join_columns, make_object_name};
use crate::schema::objects::{Extension, Id, Policy, Publication, Relation, RelationKind, Role, Schema, Sequence};
use crate::schema::step::ProblemKind;
use crate::sql::keyword::quote_ident;
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{
    AlterExtension, AlterObject, AlterPolicy, AlterPublication, AlterRole, AlterSequence, CreatePolicy,
    CreatePublication, CreateSchema, CreateSequence, Expr, ObjectKind, ObjectRef, Parameter, PublicationTable,
    RoleName, RoleOption, SequenceOption,
};

impl Resolver<'_> {
    // ---- schemas -------------------------------------------------------------------------------------------------

    pub(crate) fn create_schema(&mut self, create: &CreateSchema) {
        let named = create.name.as_ref().map(|name| name.value.clone());
        let owner = create.authorization.as_ref().map(|role| self.role(role));
        let Some(name) = named.or_else(|| owner.clone()) else {
            return;
        };
        if let Some(old) = self.catalog.schemas.get(&name)
            && old.meta.certainty != crate::schema::objects::Certainty::Assumed
        {
            let created = old.meta.created;
            if let Some(written) = create.name.as_ref().filter(|_| !create.if_not_exists) {
                self.exists(ObjectKind::Schema, &Name::bare(written.clone()), created);
            }
            return;
        }
        let mut meta = self.meta('n', None);
        if let Some(owner) = owner {
            meta.owner = owner;
        }
        self.emit(Change::Create(Object::Schema(name.clone(), Arc::new(Schema { meta }))));
        let outside = std::mem::replace(&mut self.session.search_path, vec![name]);
        create.elements.iter().for_each(|element| self.statement(element));
        self.session.search_path = outside;
    }

    // ---- sequences -----------------------------------------------------------------------------------------------

    pub(crate) fn create_sequence(&mut self, create: &CreateSequence) {
        let temporary = create.persistence == crate::sql::statement::Persistence::Temporary;
        let id = if temporary {
            Self::temporary_id(&create.name)
        } else {
            self.new_id(&create.name)
        };
        if !self.may_create(&id, &create.name, create.if_not_exists) {
            return;
        }
        let sequence = Sequence {
            ty: "bigint".into(),
            increment: "1".into(),
            options: BTreeMap::new(),
            cycle: false,
            owned_by: None,
            identity: false,
        };
        let meta = self.meta('S', Some(&id.schema));
        let relation = Relation {
            meta,
            kind: RelationKind::Sequence(sequence),
        };
        self.emit(Change::Create(Object::Relation(id.clone(), Arc::new(relation))));
        self.change_sequence(&id, &create.options);
    }

    pub(crate) fn alter_sequence(&mut self, alter: &AlterSequence) {
        if let Some(id) = self.find_relation(&alter.name) {
            self.target = Some(id.clone());
            self.change_sequence(&id, &alter.options);
        } else if !alter.if_exists {
            self.missing(
                ObjectKind::Sequence,
                alter.name.span(),
                &format_smolstr!("{}", alter.name),
            );
        }
    }

    pub(crate) fn change_sequence(&mut self, id: &Id, options: &[SequenceOption]) {
        let Some(relation) = self.catalog.relations.get(id).cloned() else {
            return;
        };
        let mut changed = (*relation).clone();
        let RelationKind::Sequence(sequence) = &mut changed.kind else {
            return;
        };
        for option in options {
            match option {
                SequenceOption::As(ty) => sequence.ty = self.resolve_type(ty).to_string().into(),
                SequenceOption::Increment(by) => sequence.increment = by.clone(),
                SequenceOption::Cycle(on) => sequence.cycle = *on,
                SequenceOption::OwnedBy(None) => sequence.owned_by = None,
                SequenceOption::OwnedBy(Some(column)) => {
                    let owner = column
                        .split_last()
                        .and_then(|(table, column)| self.relation(&table).map(|table| (table, column.value)));
                    sequence.owned_by = owner.or_else(|| sequence.owned_by.take());
                }
                option => sequence_option(&mut sequence.options, option),
            }
        }
        if changed != *relation {
            self.emit(Change::Alter(Object::Relation(id.clone(), Arc::new(changed))));
        }
    }

    // ---- extensions ----------------------------------------------------------------------------------------------

    pub(crate) fn create_extension(&mut self, name: &Ident, schema: Option<&Ident>, if_not_exists: bool) {
        if let Some(old) = self.catalog.extensions.get(&name.value) {
            let created = old.meta.created;
            if !if_not_exists {
                self.exists(ObjectKind::Extension, &Name::bare(name.clone()), created);
            }
            return;
        }
        // Some control files name their schema. https://www.postgresql.org/docs/current/extend-extensions.html
        let own: Option<&str> = match name.value.as_str() {
            "pg_cron" | "plpgsql" => Some("pg_catalog"),
            "pgmq" => Some("pgmq"),
            "pgsodium" => Some("pgsodium"),
            "supabase_vault" => Some("vault"),
            "pg_graphql" => Some("graphql"),
            _ => None,
        };
        let schema = schema
            .map(|schema| schema.value.clone())
            .or_else(|| own.map(SmolStr::new));
        let schema = schema.unwrap_or_else(|| self.creation_schema());
        let mut meta = self.meta('-', None);
        meta.comment = None;
        let extension = Extension {
            meta,
            schema: schema.clone(),
        };
        self.emit(Change::Create(Object::Extension(
            name.value.clone(),
            Arc::new(extension),
        )));
    }

    pub(crate) fn alter_extension(&mut self, name: &Ident, action: &AlterExtension) {
        if let AlterExtension::SetSchema(schema) = action
            && let Some(old) = self.catalog.extensions.get(&name.value)
        {
            let extension = Extension {
                schema: schema.value.clone(),
                ..(**old).clone()
            };
            self.emit(Change::Alter(Object::Extension(
                name.value.clone(),
                Arc::new(extension),
            )));
        }
    }

    // ---- roles ---------------------------------------------------------------------------------------------------

    pub(crate) fn create_role(&mut self, name: &Ident, options: &[RoleOption]) {
        if let Some(old) = self.catalog.roles.get(&name.value) {
            let created = old.meta.created;
            return self.exists(ObjectKind::Role, &Name::bare(name.clone()), created);
        }
        let mut role = Role {
            meta: self.meta('-', None),
            attributes: BTreeSet::new(),
            member_of: BTreeSet::new(),
        };
        role.attributes.insert("INHERIT".into());
        self.role_options(&mut role, options);
        self.emit(Change::Create(Object::Role(name.value.clone(), Arc::new(role))));
        let members = options
            .iter()
            .filter(|option| matches!(option.name.as_str(), "ROLE" | "USER" | "ADMIN"));
        for member in members.flat_map(|option| &option.roles) {
            let member = self.role(member);
            self.join_role(&member, &name.value);
        }
    }

    /// Makes a role a member of another; roles of the cluster that no migration made are assumed.
    pub(crate) fn join_role(&mut self, member: &SmolStr, group: &SmolStr) {
        let mut role = self.member(member);
        if role.member_of.insert(group.clone()) {
            self.emit(Change::Alter(Object::Role(member.clone(), Arc::new(role))));
        }
    }

    /// The role of that name, assumed where no migration made it.
    pub(crate) fn member(&self, name: &SmolStr) -> Role {
        let known = self.catalog.roles.get(name).map(|role| (**role).clone());
        known.unwrap_or_else(|| {
            let mut meta = crate::schema::objects::Meta::new(crate::schema::objects::Origin::BASE, "");
            meta.certainty = crate::schema::objects::Certainty::Assumed;
            Role {
                meta,
                attributes: BTreeSet::new(),
                member_of: BTreeSet::new(),
            }
        })
    }

    fn role_options(&self, role: &mut Role, options: &[RoleOption]) {
        for option in options {
            match option.name.as_str() {
                "IN ROLE" | "IN GROUP" => role.member_of.extend(option.roles.iter().map(|group| self.role(group))),
                name => {
                    if let Some(off) = name.strip_prefix("NO").filter(|_| name != "NONE") {
                        role.attributes.remove(off);
                    } else if option.roles.is_empty() {
                        role.attributes.insert(option.name.clone());
                    }
                }
            }
        }
    }

    pub(crate) fn alter_role(&mut self, name: &RoleName, action: &AlterRole) {
        let name = self.role(name);
        match action {
            AlterRole::Options(options) => {
                let Some(mut role) = self.catalog.roles.get(&name).map(|role| (**role).clone()) else {
                    return;
                };
                self.role_options(&mut role, options);
                self.emit(Change::Alter(Object::Role(name, Arc::new(role))));
            }
            AlterRole::Rename(to) => {
                self.emit(Change::Rename {
                    from: Key::Role(name),
                    to: Key::Role(to.value.clone()),
                });
            }
            _ => {}
        }
    }

    // ---- publications --------------------------------------------------------------------------------------------

    pub(crate) fn create_publication(&mut self, create: &CreatePublication) {
        if let Some(old) = self.catalog.publications.get(&create.name.value) {
            let created = old.meta.created;
            return self.exists(ObjectKind::Publication, &Name::bare(create.name.clone()), created);
        }
        let mut publication = Publication {
            meta: self.meta('-', None),
            all_tables: create.all_tables,
            schemas: create.schemas.iter().map(|schema| schema.value.clone()).collect(),
            tables: self.published(&create.tables),
            parts: self.published_parts(&create.tables),
            operations: ["delete", "insert", "truncate", "update"]
                .into_iter()
                .map(SmolStr::new)
                .collect(),
        };
        publication_options(&mut publication, &create.options);
        self.emit(Change::Create(Object::Publication(
            create.name.value.clone(),
            Arc::new(publication),
        )));
    }

    /// What of the tables is published, where not all of it is.
    fn published_parts(&mut self, tables: &[PublicationTable]) -> BTreeMap<Id, SmolStr> {
        let mut parts = BTreeMap::new();
        for table in tables
            .iter()
            .filter(|table| !table.columns.is_empty() || table.filter.is_some())
        {
            let Some(id) = self.find_relation(&table.name) else {
                continue;
            };
            let mut text = String::new();
            if !table.columns.is_empty() {
                let names: Vec<String> = table.columns.iter().map(|column| quote_ident(&column.value)).collect();
                text = format!(" ({})", names.join(", "));
            }
            if let Some(filter) = &table.filter {
                text.push_str(&format!(" where ({})", self.source(filter.span)));
            }
            parts.insert(id, text.into());
        }
        parts
    }

    fn published(&mut self, tables: &[PublicationTable]) -> BTreeSet<Id> {
        tables.iter().filter_map(|table| self.relation(&table.name)).collect()
    }

    pub(crate) fn alter_publication(&mut self, name: &Ident, action: &AlterPublication) {
        let Some(old) = self.catalog.publications.get(&name.value).cloned() else {
            return self.missing(ObjectKind::Publication, name.span, &name.value);
        };
        let mut publication = (*old).clone();
        let schema_names = |schemas: &[Ident]| schemas.iter().map(|schema| schema.value.clone()).collect::<Vec<_>>();
        match action {
            AlterPublication::Add { tables, schemas } => {
                for table in tables {
                    let Some(id) = self.relation(&table.name) else { continue };
                    if !publication.tables.insert(id.clone()) {
                        let (name, created) = (format_smolstr!("{id} in {name}"), publication.meta.changed);
                        let kind = ProblemKind::Exists {
                            kind: ObjectKind::Publication,
                            name,
                            created,
                        };
                        self.problem(table.name.span(), kind);
                    }
                }
                publication.parts.extend(self.published_parts(tables));
                publication.schemas.extend(schema_names(schemas));
            }
            AlterPublication::SetObjects { tables, schemas } => {
                publication.tables = self.published(tables);
                publication.parts = self.published_parts(tables);
                publication.schemas = schema_names(schemas).into_iter().collect();
            }
            AlterPublication::DropObjects { tables, schemas } => {
                for table in tables {
                    if let Some(id) = self.find_relation(table) {
                        publication.tables.remove(&id);
                        publication.parts.remove(&id);
                    }
                }
                for schema in schemas {
                    publication.schemas.remove(&schema.value);
                }
            }
            AlterPublication::SetOptions(options) => publication_options(&mut publication, options),
            AlterPublication::Object(action) => return self.alter_named(Key::Publication(name.value.clone()), action),
        }
        self.emit(Change::Alter(Object::Publication(
            name.value.clone(),
            Arc::new(publication),
        )));
    }

    // ---- policies and rules --------------------------------------------------------------------------------------

    pub(crate) fn create_policy(&mut self, create: &CreatePolicy) {
        let Some(table) = self.relation(&create.table) else {
            return;
        };
        self.target = Some(table.clone());
        let old = self
            .catalog
            .table(&table)
            .and_then(|t| t.policies.iter().find(|old| old.name == create.name.value));
        if let Some(old) = old {
            let (name, created) = (create.name.value.clone(), old.created);
            return self.problem(
                create.name.span,
                ProblemKind::Exists {
                    kind: ObjectKind::Policy,
                    name,
                    created,
                },
            );
        }
        let mut policy = Policy {
            name: create.name.value.clone(),
            permissive: create.permissive,
            command: create.command,
            roles: self.policy_roles(&create.roles),
            using: create.using.clone(),
            check: create.check.clone(),
            using_text: create.using.as_ref().map(|expr| self.source(expr.span)),
            check_text: create.check.as_ref().map(|expr| self.source(expr.span)),
            certainty: self.certainty,
            created: self.origin,
            comment: None,
            dependencies: crate::schema::objects::Dependencies::default(),
        };
        self.policy_dependencies(&table, &mut policy);
        self.emit(Change::PutPolicy {
            table,
            policy: Box::new(policy),
        });
    }

    fn policy_roles(&self, roles: &[RoleName]) -> Vec<SmolStr> {
        let mut names: Vec<SmolStr> = roles.iter().map(|role| self.role(role)).collect();
        if names.is_empty() || names.iter().any(|name| name == "public") {
            names = vec!["public".into()];
        }
        names.sort();
        names.dedup();
        names
    }

    fn policy_dependencies(&self, table: &Id, policy: &mut Policy) {
        policy.dependencies = crate::schema::objects::Dependencies::default();
        for expr in policy.using.iter().chain(&policy.check) {
            policy.dependencies.extend(self.expr_dependencies(expr, Some(table)));
        }
        policy.dependencies.relations.remove(table);
    }

    pub(crate) fn alter_policy(&mut self, alter: &AlterPolicy) {
        let Some(table) = self.relation(&alter.table) else {
            return;
        };
        self.target = Some(table.clone());
        let found = self
            .catalog
            .table(&table)
            .and_then(|t| t.policies.iter().find(|old| old.name == alter.name.value));
        let Some(mut policy) = found.cloned() else {
            return self.missing(ObjectKind::Policy, alter.name.span, &alter.name.value);
        };
        if let Some(to) = &alter.rename {
            let from = Key::Policy(table.clone(), alter.name.value.clone());
            return self.emit(Change::Rename {
                from,
                to: Key::Policy(table, to.value.clone()),
            });
        }
        if let Some(roles) = &alter.roles {
            policy.roles = self.policy_roles(roles);
        }
        if let Some(using) = &alter.using {
            policy.using = Some(Arc::clone(using));
            policy.using_text = Some(self.source(using.span));
        }
        if let Some(check) = &alter.check {
            policy.check = Some(Arc::clone(check));
            policy.check_text = Some(self.source(check.span));
        }
        self.policy_dependencies(&table, &mut policy);
        self.emit(Change::PutPolicy {
            table,
            policy: Box::new(Policy::clone(&policy)),
        });
    }

    pub(crate) fn create_rule(&mut self, name: &Ident, table: &Name) {
        if let Some(table) = self.relation(table) {
            let key = (table.clone(), name.value.clone());
            let definition = self.statement_as_written();
            self.catalog.rule_definitions.insert(key, definition);
            self.emit(Change::PutRule {
                table,
                rule: name.value.clone(),
            });
        }
    }

    pub(crate) fn create_statistics(&mut self, name: Option<&Name>, keys: &[Expr], table: &Name, if_not_exists: bool) {
        let Some(table) = self.relation(table) else { return };
        self.target = Some(table.clone());
        let (id, span) = if let Some(name) = name {
            (self.new_id(name), name.span())
        } else {
            let span = keys.first().map(|key| key.span).unwrap_or_default();
            (self.statistics_name(&table, keys), span)
        };
        let key = (ObjectKind::Statistics, id.to_string());
        if if_not_exists && self.catalog.others.contains_key(&key) {
            return;
        }
        let all = keys.iter().flat_map(super::depend::columns_of);
        self.create_other(ObjectKind::Statistics, &key.1, span);
        self.emit(Change::Statistics {
            name: key.1,
            table,
            columns: all.collect(),
        });
    }

    /// The name that PostgreSQL 16 and newer choose: `t_a_b_stat`.
    fn statistics_name(&self, table: &Id, keys: &[Expr]) -> Id {
        let names = keys
            .iter()
            .map(|key| super::index::plain_column(key).unwrap_or_else(|| "expr".into()));
        let names: Vec<SmolStr> = names.collect();
        let joined = join_columns(names.iter().map(SmolStr::as_str));
        let mut number = 0;
        loop {
            let label = if number == 0 {
                "stat".to_owned()
            } else {
                format!("stat{number}")
            };
            let id = table.sibling(&make_object_name(&table.name, Some(&joined), &label));
            let key = (ObjectKind::Statistics, id.to_string());
            if !self.catalog.others.contains_key(&key) {
                return id;
            }
            number += 1;
        }
    }

    // ---- any object ------------------------------------------------------------------------------------------------

    pub(crate) fn alter_object(&mut self, object: &ObjectRef, action: &AlterObject, if_exists: bool) {
        match self.drop_key(object) {
            Some(key @ (Key::Trigger(..) | Key::Policy(..) | Key::Rule(..))) => self.alter_on_table(key, action),
            Some(Key::Relation(id)) => match action {
                AlterObject::Rename(to) => {
                    self.rename_relation(&id, &id.sibling(&to.value), to);
                }
                _ => self.alter_named(Key::Relation(id), action),
            },
            Some(key) => self.alter_named(key, action),
            None if if_exists => {}
            None => {
                let known = matches!(
                    object.kind,
                    ObjectKind::Table
                        | ObjectKind::View
                        | ObjectKind::Sequence
                        | ObjectKind::Type
                        | ObjectKind::Function
                        | ObjectKind::Schema
                        | ObjectKind::MaterializedView
                        | ObjectKind::Index
                );
                if known && !self.in_managed_schema(&object.name) {
                    self.missing(object.kind, object.name.span(), &format_smolstr!("{}", object.name));
                }
            }
        }
    }

    pub(crate) fn comment_on(&mut self, object: &ObjectRef, text: Option<&SmolStr>) {
        let key = match object.kind {
            ObjectKind::Column => object.name.split_last().and_then(|(table, column)| {
                let id = self.relation(&table)?;
                let known = self.relation_columns(&id);
                if known.is_some_and(|columns| !columns.contains(&column.value)) {
                    self.missing(ObjectKind::Column, column.span, &format_smolstr!("{id}.{column}"));
                }
                Some(Key::Column(id, column.value))
            }),
            ObjectKind::DomainConstraint => object.table.as_ref().and_then(|domain| {
                let id = self.type_named(domain, ObjectKind::Domain)?;
                Some(Key::Constraint(id, object.name.last().value.clone()))
            }),
            ObjectKind::Constraint => object.table.as_ref().and_then(|table| {
                let id = self.relation(table)?;
                Some(Key::Constraint(id, object.name.last().value.clone()))
            }),
            _ => self.drop_key(object),
        };
        if let Some(object) = key {
            self.emit(Change::Comment {
                object,
                text: text.cloned(),
            });
        } else {
            let relation = matches!(
                object.kind,
                ObjectKind::Table | ObjectKind::View | ObjectKind::MaterializedView
            );
            if relation {
                self.relation_of_kind(&object.name, object.kind);
            }
        }
    }
}

/// Takes note of an option that is kept as written.
pub(crate) fn sequence_option(options: &mut BTreeMap<SmolStr, SmolStr>, option: &SequenceOption) {
    let (name, value) = match option {
        SequenceOption::Start(value) => ("start with", Some(value)),
        SequenceOption::MinValue(value) => ("minvalue", value.as_ref()),
        SequenceOption::MaxValue(value) => ("maxvalue", value.as_ref()),
        SequenceOption::Cache(value) => ("cache", Some(value)),
        _ => return,
    };
    match value {
        Some(value) => options.insert(name.into(), value.clone()),
        None => options.remove(name),
    };
}

fn publication_options(publication: &mut Publication, options: &[Parameter]) {
    for option in options.iter().filter(|option| option.name == "publish") {
        let list = option.value.as_deref().unwrap_or_default();
        publication.operations = list
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| part.to_ascii_lowercase().into())
            .collect();
    }
}
