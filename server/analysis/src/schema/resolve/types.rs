//! Types: names to [`Type`], and the statements about enums, composites, domains and ranges.

use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};

use super::Resolver;
use crate::schema::change::{Change, Key, Object};
use crate::schema::names::{Unique, choose};
use crate::schema::objects::{
    Certainty, Domain, DomainCheck, EnumLabel, Id, Relation, RelationKind, Type, TypeKind, TypeObject,
};
use crate::schema::step::ProblemKind;
use crate::sql::name::Name;
use crate::sql::print::literal;
use crate::sql::statement::{
    AlterDomain, AlterDomainAction, AlterType, AlterTypeAction, ColumnConstraintKind, CreateDomain, CreateType,
    CreateTypeKind, ObjectKind, TypeName,
};

/// `pg_catalog`'s types by the name that `format_type` prints. <https://www.postgresql.org/docs/current/datatype.html>
const BUILTIN: &[&str] = &[
    "\"char\"",
    "aclitem",
    "any",
    "anyarray",
    "anycompatible",
    "anycompatiblearray",
    "anyelement",
    "anyenum",
    "anymultirange",
    "anynonarray",
    "anyrange",
    "bigint",
    "bit",
    "bit varying",
    "boolean",
    "box",
    "bytea",
    "char",
    "character",
    "character varying",
    "cid",
    "cidr",
    "circle",
    "cstring",
    "date",
    "datemultirange",
    "daterange",
    "double precision",
    "event_trigger",
    "fdw_handler",
    "gtsvector",
    "index_am_handler",
    "inet",
    "int4multirange",
    "int4range",
    "int8multirange",
    "int8range",
    "integer",
    "internal",
    "interval",
    "json",
    "jsonb",
    "jsonpath",
    "language_handler",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "money",
    "name",
    "numeric",
    "nummultirange",
    "numrange",
    "oid",
    "oidvector",
    "path",
    "pg_lsn",
    "pg_node_tree",
    "pg_snapshot",
    "point",
    "polygon",
    "real",
    "record",
    "refcursor",
    "regclass",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
    "smallint",
    "table_am_handler",
    "text",
    "tid",
    "time with time zone",
    "time without time zone",
    "timestamp with time zone",
    "timestamp without time zone",
    "trigger",
    "tsm_handler",
    "tsmultirange",
    "tsquery",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
    "tsvector",
    "txid_snapshot",
    "unknown",
    "uuid",
    "void",
    "xid",
    "xid8",
    "xml",
    "int2vector",
];

/// The built-in type that a name means wherever it stands; `None` for the types of a history.
pub(crate) fn builtin_type(ty: &TypeName) -> Option<Type> {
    let last = match ty.name.last().value.as_str() {
        "timestamp" => "timestamp without time zone",
        "time" => "time without time zone",
        "bpchar" => "character",
        // Written without quotes it is `character`.
        "char" => "\"char\"",
        other => other,
    };
    let system = ty.name.qualifier().is_some_and(|schema| schema.value == "pg_catalog");
    if !system && (ty.name.parts.len() > 1 || !BUILTIN.contains(&last)) {
        return None;
    }
    // `character` without a length is `character(1)`; the quoted "char" has none.
    let mut modifiers = ty.modifiers.clone();
    let written_bpchar = ty.name.last().value == "bpchar";
    if matches!(last, "character" | "bit") && modifiers.is_empty() && !written_bpchar {
        modifiers.push("1".into());
    }
    if last == "numeric" && modifiers.len() == 1 {
        modifiers.push("0".into());
    }
    Some(Type {
        id: Id::new("pg_catalog", last),
        modifiers,
        array: ty.dimensions > 0,
        fields: ty.fields.clone(),
    })
}

impl Resolver<'_> {
    /// The type that a name means here. A name that nothing defines is taken to be in the creation schema.
    pub(crate) fn resolve_type(&mut self, ty: &TypeName) -> Type {
        let array = ty.dimensions > 0;
        if ty.percent_type
            && let Some(found) = self.percent_type(&ty.name)
        {
            return found;
        }
        if ty.name.last().value == "_text" {
            return Type {
                array: true,
                ..Type::builtin("text")
            };
        }
        if let Some(found) = builtin_type(ty) {
            return found;
        }
        Type {
            id: self.user_type(&ty.name),
            modifiers: ty.modifiers.clone(),
            array,
            fields: ty.fields.clone(),
        }
    }

    /// The same where nothing may be assumed.
    pub(crate) fn known_type(&self, ty: &TypeName) -> Option<Type> {
        if ty.percent_type {
            return self.percent_type(&ty.name);
        }
        builtin_type(ty).or_else(|| {
            let id = self.known_user_type(&ty.name)?;
            Some(Type {
                id,
                modifiers: ty.modifiers.clone(),
                array: ty.dimensions > 0,
                fields: ty.fields.clone(),
            })
        })
    }

    fn percent_type(&self, name: &Name) -> Option<Type> {
        let (table, column) = name.split_last()?;
        let id = self.find_relation(&table)?;
        self.catalog
            .table(&id)?
            .column(&column.value)
            .map(|column| column.ty.clone())
    }

    fn known_user_type(&self, name: &Name) -> Option<Id> {
        let known = |id: &&Id| {
            self.catalog.types.contains_key(*id)
                || self
                    .catalog
                    .relations
                    .get(*id)
                    .is_some_and(|r| !matches!(r.kind, RelationKind::Index(_)))
        };
        self.candidates(name).iter().find(known).cloned()
    }

    fn user_type(&mut self, name: &Name) -> Id {
        self.known_user_type(name).unwrap_or_else(|| self.new_id(name))
    }

    fn new_type(&mut self, name: &Name, kind: ObjectKind) -> Option<Id> {
        let id = self.new_id(name);
        let taken = self
            .catalog
            .types
            .get(&id)
            .map(|ty| (ty.meta.certainty, ty.meta.created));
        let taken = taken.or_else(|| {
            self.catalog
                .relations
                .get(&id)
                .map(|r| (r.meta.certainty, r.meta.created))
        });
        match taken {
            Some((Certainty::Assumed, _)) | None => Some(id),
            Some((_, created)) => {
                self.exists(kind, name, created);
                None
            }
        }
    }

    fn put_type(&mut self, id: Id, kind: TypeKind) {
        let mut meta = self.meta('T', Some(&id.schema));
        meta.definition = Some(self.statement_as_written());
        self.emit(Change::Create(Object::Type(id, Arc::new(TypeObject { meta, kind }))));
    }

    pub(crate) fn create_type(&mut self, create: &CreateType) {
        let Some(id) = self.new_type(&create.name, ObjectKind::Type) else {
            return;
        };
        let kind = match &create.kind {
            CreateTypeKind::Enum(labels) => {
                let label = |value: &SmolStr| EnumLabel {
                    value: value.clone(),
                    created: self.origin,
                };
                TypeKind::Enum(labels.iter().map(|written| label(&written.value)).collect())
            }
            CreateTypeKind::Composite(attributes) => {
                let attributes: Vec<(SmolStr, Type)> = attributes
                    .iter()
                    .map(|(name, ty)| (name.value.clone(), self.resolve_type(ty)))
                    .collect();
                let meta = self.meta('T', Some(&id.schema));
                let relation = Relation {
                    meta,
                    kind: RelationKind::Composite,
                };
                self.emit(Change::Create(Object::Relation(id.clone(), Arc::new(relation))));
                TypeKind::Composite(attributes)
            }
            CreateTypeKind::Range { subtype, .. } => {
                TypeKind::Range(subtype.as_ref().map(|subtype| self.resolve_type(subtype)))
            }
            CreateTypeKind::Base | CreateTypeKind::Shell => TypeKind::Base,
        };
        self.put_type(id, kind);
    }

    pub(crate) fn create_domain(&mut self, create: &CreateDomain) {
        let Some(id) = self.new_type(&create.name, ObjectKind::Domain) else {
            return;
        };
        let base = self.resolve_type(&create.base);
        let mut domain = Domain {
            base,
            not_null: false,
            default: None,
            default_text: None,
            collation: create.collation.as_ref().map(|name| self.source(name.span())),
            checks: Vec::new(),
        };
        for constraint in &create.constraints {
            match &constraint.kind {
                ColumnConstraintKind::NotNull => domain.not_null = true,
                ColumnConstraintKind::Null => domain.not_null = false,
                ColumnConstraintKind::Default(expr) => {
                    domain.default = Some(Arc::clone(expr));
                    domain.default_text = Some(self.source(expr.span));
                }
                ColumnConstraintKind::Check { expr, .. } => {
                    let taken: Vec<SmolStr> = domain.checks.iter().map(|check| check.name.clone()).collect();
                    let name = constraint.name.as_ref().map(|name| name.value.clone());
                    let name = name.unwrap_or_else(|| self.domain_check_name(&id, &taken));
                    let text = self.source(expr.span);
                    let expr = Arc::clone(expr);
                    let validated = true;
                    domain.checks.push(DomainCheck {
                        name,
                        expr,
                        text,
                        validated,
                    });
                }
                _ => {}
            }
        }
        self.put_type(id, TypeKind::Domain(domain));
    }

    fn domain_check_name(&self, domain: &Id, taken: &[SmolStr]) -> SmolStr {
        choose(
            &self.catalog,
            &domain.schema,
            (&domain.name, None, "check"),
            Unique::Constraint,
            taken,
        )
    }

    /// The type of that name, or a report that there is none.
    pub(crate) fn type_named(&mut self, name: &Name, kind: ObjectKind) -> Option<Id> {
        let found = self
            .candidates(name)
            .into_iter()
            .find(|id| self.catalog.types.contains_key(id));
        if found.is_none() {
            self.missing(kind, name.span(), &format_smolstr!("{name}"));
        }
        found
    }

    /// Replaces a type's inside.
    fn edit_type(&mut self, id: &Id, change: impl FnOnce(&mut TypeKind)) {
        let Some(mut ty) = self.catalog.types.get(id).cloned() else {
            return;
        };
        change(&mut Arc::make_mut(&mut ty).kind);
        Arc::make_mut(&mut ty).meta.changed = self.origin;
        self.emit(Change::Alter(Object::Type(id.clone(), ty)));
    }

    pub(crate) fn alter_type(&mut self, alter: &AlterType) {
        let Some(id) = self.type_named(&alter.name, ObjectKind::Type) else {
            return;
        };
        for action in &alter.actions {
            self.alter_type_action(&id, &alter.name, action);
        }
    }

    fn alter_type_action(&mut self, id: &Id, name: &Name, action: &AlterTypeAction) {
        match action {
            AlterTypeAction::AddValue {
                if_not_exists,
                value,
                before,
                after,
            } => {
                let Some(TypeKind::Enum(labels)) = self.catalog.types.get(id).map(|ty| &ty.kind) else {
                    return;
                };
                if let Some(old) = labels.iter().find(|label| label.value == value.value) {
                    let created = old.created;
                    if !if_not_exists {
                        let name = value.value.clone();
                        self.problem(
                            value.span,
                            ProblemKind::Exists {
                                kind: ObjectKind::Type,
                                name,
                                created,
                            },
                        );
                    }
                    return;
                }
                let place = |label: &SmolStr| labels.iter().position(|old| old.value == *label);
                let at = before.as_ref().and_then(|before| place(&before.value));
                let at = at.or_else(|| after.as_ref().and_then(|after| place(&after.value)).map(|at| at + 1));
                let at = at.unwrap_or(labels.len());
                let label = EnumLabel {
                    value: value.value.clone(),
                    created: self.origin,
                };
                self.edit_type(id, |kind| {
                    if let TypeKind::Enum(labels) = kind {
                        labels.insert(at, label);
                    }
                });
            }
            AlterTypeAction::RenameValue { from, to } => {
                self.edit_type(id, |kind| {
                    if let TypeKind::Enum(labels) = kind {
                        labels
                            .iter_mut()
                            .filter(|old| old.value == from.value)
                            .for_each(|old| old.value = to.value.clone());
                    }
                });
                self.rename_label_in_defaults(id, &from.value, &to.value);
            }
            AlterTypeAction::AddAttribute { name, ty, .. } => {
                let ty = self.resolve_type(ty);
                self.edit_type(id, |kind| {
                    if let TypeKind::Composite(attributes) = kind {
                        attributes.push((name.value.clone(), ty));
                    }
                });
            }
            AlterTypeAction::DropAttribute { name, .. } => self.edit_type(id, |kind| {
                if let TypeKind::Composite(attributes) = kind {
                    attributes.retain(|(old, _)| *old != name.value);
                }
            }),
            AlterTypeAction::AlterAttribute { name, ty, .. } => {
                let ty = self.resolve_type(ty);
                self.edit_type(id, |kind| {
                    if let TypeKind::Composite(attributes) = kind {
                        attributes
                            .iter_mut()
                            .filter(|(old, _)| *old == name.value)
                            .for_each(|(_, old)| *old = ty.clone());
                    }
                });
            }
            AlterTypeAction::Object(crate::sql::statement::AlterObject::RenameColumn { from, to }) => {
                self.edit_type(id, |kind| {
                    if let TypeKind::Composite(attributes) = kind {
                        attributes
                            .iter_mut()
                            .filter(|(old, _)| *old == from.value)
                            .for_each(|(old, _)| *old = to.value.clone());
                    }
                });
            }
            AlterTypeAction::Object(action) => {
                let composite = self.catalog.relations.contains_key(id);
                self.alter_named(Key::Type(id.clone()), action);
                if composite {
                    self.alter_named(Key::Relation(id.clone()), action);
                }
            }
        }
        let _ = name;
    }

    /// PostgreSQL keeps a label's number in a default, not its name.
    fn rename_label_in_defaults(&mut self, id: &Id, from: &SmolStr, to: &SmolStr) {
        let (from, to) = (literal(from), literal(to));
        let users: Vec<Id> = self
            .catalog
            .tables_of_type(id)
            .map(|(table, _)| table.clone())
            .collect();
        for table in users {
            self.catalog.touch_table(&table, |table| {
                for column in table.columns.iter_mut().filter(|column| column.ty.id == *id) {
                    if let Some(text) = column.default_text.as_ref().filter(|text| text.contains(&from)) {
                        column.default_text = Some(text.replace(&from, &to).into());
                    }
                }
            });
        }
    }

    pub(crate) fn alter_domain(&mut self, alter: &AlterDomain) {
        let Some(id) = self.type_named(&alter.name, ObjectKind::Domain) else {
            return;
        };
        let domain = |kind: &mut TypeKind, change: &dyn Fn(&mut Domain)| {
            if let TypeKind::Domain(domain) = kind {
                change(domain);
            }
        };
        match &alter.action {
            AlterDomainAction::SetDefault(default) => {
                let text = default.as_ref().map(|default| self.source(default.span));
                self.edit_type(&id, |kind| {
                    domain(kind, &|domain| {
                        domain.default.clone_from(default);
                        domain.default_text.clone_from(&text);
                    });
                });
            }
            AlterDomainAction::SetNotNull(on) => self.edit_type(&id, |kind| domain(kind, &|d| d.not_null = *on)),
            AlterDomainAction::AddConstraint {
                name,
                check: Some(check),
                not_valid,
            } => {
                let taken: Vec<SmolStr> = match self.catalog.types.get(&id).map(|ty| &ty.kind) {
                    Some(TypeKind::Domain(domain)) => domain.checks.iter().map(|check| check.name.clone()).collect(),
                    _ => Vec::new(),
                };
                let name = name.as_ref().map(|name| name.value.clone());
                let name = name.unwrap_or_else(|| self.domain_check_name(&id, &taken));
                let check = DomainCheck {
                    name,
                    text: self.source(check.span),
                    expr: Arc::clone(check),
                    validated: !not_valid,
                };
                self.edit_type(&id, |kind| {
                    domain(kind, &|d| d.checks.push(check.clone()));
                });
            }
            AlterDomainAction::AddConstraint { check: None, .. } => {
                self.edit_type(&id, |kind| domain(kind, &|d| d.not_null = true));
            }
            AlterDomainAction::DropConstraint { name, .. } => {
                self.edit_type(&id, |kind| {
                    domain(kind, &|d| d.checks.retain(|old| old.name != name.value));
                });
            }
            AlterDomainAction::RenameConstraint { from, to } => self.edit_type(&id, |kind| {
                domain(kind, &|d| {
                    d.checks
                        .iter_mut()
                        .filter(|old| old.name == from.value)
                        .for_each(|old| old.name = to.value.clone());
                });
            }),
            AlterDomainAction::ValidateConstraint(name) => self.edit_type(&id, |kind| {
                domain(kind, &|d| {
                    d.checks
                        .iter_mut()
                        .filter(|old| old.name == name.value)
                        .for_each(|old| old.validated = true);
                });
            }),
            AlterDomainAction::Object(action) => self.alter_named(Key::Type(id), action),
        }
    }
}
