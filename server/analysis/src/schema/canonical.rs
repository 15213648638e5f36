//! A catalog as flat rows, one per object, to compare with what a server says of itself.
//!
//! The classes, identities and facets are those of `database::canonical`, which reads the same rows from `pg_catalog`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::catalog::Catalog;
use super::change::Key;
use super::objects::{
    Acl, Certainty, Constraint, ConstraintKind, Id, Index, Meta, Origin, Relation, RelationKind, Routine, RoutineKind,
    Signature, Table, TableKind, Trigger, Type, TypeKind, View,
};
use crate::sql::statement::{ObjectKind, Persistence, PolicyCommand, ReferentialAction, TriggerMode, Volatility};

/// One object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// `table`, `column`, `constraint`, …
    pub class: String,
    /// Its name, dotted and unquoted.
    pub identity: String,
    /// What is true of it, by facet.
    pub facets: BTreeMap<String, Value>,
}

/// A row as replay sees it.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// The object.
    pub row: Row,
    /// How sure replay is.
    pub certainty: Certainty,
}

/// Every object that the history made (and what it changed of the base catalog), in order of class and identity.
pub fn rows(catalog: &Catalog, base: &Catalog) -> Vec<Replayed> {
    let mut out = Rows {
        catalog,
        base,
        rows: Vec::new(),
    };
    out.schemas();
    for (id, relation) in catalog.relations() {
        out.relation(id, relation);
    }
    out.routines();
    out.types();
    out.rest();
    out.rows
        .sort_by(|a, b| (&a.row.class, &a.row.identity).cmp(&(&b.row.class, &b.row.identity)));
    out.rows
}

struct Rows<'a> {
    catalog: &'a Catalog,
    base: &'a Catalog,
    rows: Vec<Replayed>,
}

impl Rows<'_> {
    fn push(&mut self, class: &str, identity: String, certainty: Certainty, facets: Value) {
        let facets = match facets {
            Value::Object(map) => map.into_iter().collect(),
            _ => BTreeMap::new(),
        };
        self.rows.push(Replayed {
            row: Row {
                class: class.into(),
                identity,
                facets,
            },
            certainty,
        });
    }

    fn sure(&self, meta: &Meta) -> Certainty {
        self.catalog.since(meta.certainty, meta.changed)
    }

    fn comment(&mut self, class: &str, identity: &str, certainty: Certainty, text: Option<&smol_str::SmolStr>) {
        if let Some(text) = text {
            self.push(
                "comment",
                format!("{class}:{identity}"),
                certainty,
                json!({ "text": text.as_str() }),
            );
        }
    }

    fn acl(&mut self, class: &str, identity: &str, owner: &str, acl: &Acl, certainty: Certainty) {
        let certainty = match self.catalog.taints.privileges {
            Some(taint) => certainty.and(Certainty::Maybe(taint)),
            None => certainty,
        };
        for (grantee, privileges) in acl.iter().filter(|(grantee, _)| *grantee != owner) {
            let mut names: Vec<String> = privileges
                .iter()
                .map(|(name, grantable)| format!("{name}{}", if *grantable { "*" } else { "" }))
                .collect();
            names.sort();
            self.push(
                "grant",
                format!("{class}:{identity}:{grantee}"),
                certainty,
                json!({ "privileges": names }),
            );
        }
    }

    fn schemas(&mut self) {
        for (name, schema) in &self.catalog.schemas {
            if self.base.schemas.get(name) == Some(schema) {
                continue;
            }
            let certainty = self.sure(&schema.meta);
            if !self.base.schemas.contains_key(name) {
                self.push("schema", name.to_string(), certainty, json!({}));
            }
            self.acl("schema", name, &schema.meta.owner, &schema.meta.acl, certainty);
            self.comment("schema", name, certainty, schema.meta.comment.as_ref());
        }
    }

    fn relation(&mut self, id: &Id, relation: &Relation) {
        let unchanged = self.base.relations.get(id).is_some_and(|old| **old == *relation);
        if unchanged || id.schema == "pg_temp" {
            return;
        }
        let certainty = self.sure(&relation.meta);
        let identity = id.to_string();
        let class = match &relation.kind {
            RelationKind::Table(table) => {
                if !self.base.relations.contains_key(id) {
                    self.table(&identity, table, certainty);
                }
                self.table_parts(id, table, certainty);
                "table"
            }
            RelationKind::View(view) => {
                let class = if view.materialized { "materialized_view" } else { "view" };
                let sure = if view.columns.is_some() {
                    certainty
                } else {
                    certainty.and(Certainty::Maybe(Origin::BASE))
                };
                self.push(class, identity.clone(), sure, view_facets(view));
                for trigger in &view.triggers {
                    self.trigger(id, trigger);
                }
                for (column, acl) in &view.column_acls {
                    self.acl(
                        "column",
                        &format!("{id}.{column}"),
                        &relation.meta.owner,
                        acl,
                        certainty,
                    );
                }
                class
            }
            RelationKind::Sequence(sequence) => {
                let owned_by = sequence
                    .owned_by
                    .as_ref()
                    .map(|(table, column)| format!("{table}.{column}"));
                let facets = json!({ "type": sequence.ty.as_str(), "increment": number(&sequence.increment), "owned_by": owned_by });
                self.push("sequence", identity.clone(), certainty, facets);
                "sequence"
            }
            RelationKind::Index(index) => {
                let table = self.catalog.certainty(&index.table).unwrap_or(certainty);
                let sure = if table.is_certain() { certainty } else { table };
                self.push("index", identity.clone(), sure, index_facets(index));
                self.comment("index", &identity, certainty, relation.meta.comment.as_ref());
                return;
            }
            RelationKind::Composite => return,
        };
        self.acl(class, &identity, &relation.meta.owner, &relation.meta.acl, certainty);
        self.comment(class, &identity, certainty, relation.meta.comment.as_ref());
    }

    fn table(&mut self, identity: &str, table: &Table, certainty: Certainty) {
        let inherits: Vec<String> = table.inherits.iter().map(Id::to_string).collect();
        let facets = json!({
            "persistence": if table.persistence == Persistence::Unlogged { "u" } else { "p" },
            "kind": match table.kind { TableKind::Ordinary => "r", TableKind::Partitioned => "p", TableKind::Foreign => "f" },
            "rls": table.row_security,
            "force_rls": table.force_row_security,
            "partition_strategy": table.partition_key.as_ref().map(|key| match key.strategy.as_str() {
                "range" => "r",
                "list" => "l",
                _ => "h",
            }),
            "partition_of": table.partition_of.as_ref().map(Id::to_string),
            "inherits": inherits,
        });
        let certainty = match self.catalog.taints.policies {
            Some(taint) => certainty.and(Certainty::Maybe(taint)),
            None => certainty,
        };
        self.push("table", identity.to_owned(), certainty, facets);
    }

    fn table_parts(&mut self, id: &Id, table: &Table, certainty: Certainty) {
        let old = self.base.relations.get(id).and_then(|relation| relation.table());
        for (at, column) in table.columns.iter().enumerate() {
            if old.is_some_and(|old| old.columns.contains(column)) {
                continue;
            }
            let identity = format!("{id}.{}", column.name);
            let sure = certainty.and(column.certainty);
            let facets = json!({
                "type": shown(&column.ty),
                "position": at + 1,
                "not_null": column.not_null,
                "has_default": column.default.is_some() && column.generated.is_none(),
                "identity": match column.identity { None => "", Some(true) => "a", Some(false) => "d" },
                "generated": match &column.generated { None => "", Some(g) if g.stored => "s", Some(_) => "v" },
            });
            self.push("column", identity.clone(), sure, facets);
            self.comment("column", &identity, sure, column.comment.as_ref());
            self.acl("column", &identity, "", &column.acl, sure);
        }
        for constraint in &table.constraints {
            if old.is_some_and(|old| old.constraints.contains(constraint)) {
                continue;
            }
            let sure = certainty.and(constraint.certainty);
            let identity = format!("{id}.{}", constraint.name);
            let keys = self
                .catalog
                .index(&id.sibling(&constraint.name))
                .map(|index| &index.keys);
            let keys = keys.filter(|_| matches!(constraint.kind, ConstraintKind::Exclude));
            let columns = match keys {
                // Expressions have no name.
                Some(keys) => json!(keys.iter().map(|key| key.column.as_deref()).collect::<Vec<_>>()),
                None => json!(constraint.columns.iter().map(ToString::to_string).collect::<Vec<_>>()),
            };
            self.push(
                "constraint",
                identity.clone(),
                sure,
                constraint_facets(constraint, &columns),
            );
            self.comment("constraint", &identity, sure, constraint.comment.as_ref());
        }
        for trigger in table
            .triggers
            .iter()
            .filter(|trigger| old.is_none_or(|old| !old.triggers.contains(trigger)))
        {
            self.trigger(id, trigger);
        }
        for policy in table
            .policies
            .iter()
            .filter(|policy| old.is_none_or(|old| !old.policies.contains(policy)))
        {
            let command = match policy.command {
                PolicyCommand::All => "ALL",
                PolicyCommand::Select => "SELECT",
                PolicyCommand::Insert => "INSERT",
                PolicyCommand::Update => "UPDATE",
                PolicyCommand::Delete => "DELETE",
            };
            let roles: Vec<&str> = policy.roles.iter().map(smol_str::SmolStr::as_str).collect();
            let sure = match self.catalog.taints.policies.filter(|taint| policy.created < *taint) {
                Some(taint) => policy.certainty.and(Certainty::Maybe(taint)),
                None => policy.certainty,
            };
            let facets = json!({
                "command": command,
                "permissive": policy.permissive,
                "roles": roles,
                "using": policy.using.is_some(),
                "check": policy.check.is_some(),
            });
            let identity = format!("{id}.{}", policy.name);
            self.push("policy", identity.clone(), sure, facets);
            self.comment("policy", &identity, sure, policy.comment.as_ref());
        }
        for rule in &table.rules {
            self.push("rule", format!("{id}.{rule}"), certainty, json!({}));
        }
    }

    fn trigger(&mut self, id: &Id, trigger: &Trigger) {
        let mut events: Vec<&str> = trigger.events.iter().map(smol_str::SmolStr::as_str).collect();
        events.sort_by_key(|event| {
            ["INSERT", "DELETE", "UPDATE", "TRUNCATE"]
                .iter()
                .position(|known| known == event)
        });
        let facets = json!({
            "function": trigger.function.to_string(),
            "timing": trigger.timing.as_str(),
            "events": events,
            "row": trigger.row,
            "enabled": match trigger.mode {
                TriggerMode::Enable => "O",
                TriggerMode::Disable => "D",
                TriggerMode::EnableReplica => "R",
                TriggerMode::EnableAlways => "A",
            },
            "constraint": trigger.constraint,
        });
        let sure = match self.catalog.taints.routines.filter(|taint| trigger.created < *taint) {
            Some(taint) => trigger.certainty.and(Certainty::Maybe(taint)),
            None => trigger.certainty,
        };
        let identity = format!("{id}.{}", trigger.name);
        self.push("trigger", identity.clone(), sure, facets);
        self.comment("trigger", &identity, sure, trigger.comment.as_ref());
    }

    fn routines(&mut self) {
        for (signature, routine) in &self.catalog.routines {
            if self.base.routines.get(signature) == Some(routine) {
                continue;
            }
            let identity = signature.to_string();
            let mut certainty = self.sure(&routine.meta);
            if let Some(taint) = self
                .catalog
                .taints
                .routines
                .filter(|taint| routine.meta.changed < *taint)
            {
                certainty = certainty.and(Certainty::Maybe(taint));
            }
            self.push(
                "function",
                identity.clone(),
                certainty,
                routine_facets(signature, routine),
            );
            self.acl("function", &identity, &routine.meta.owner, &routine.meta.acl, certainty);
            self.comment("function", &identity, certainty, routine.meta.comment.as_ref());
        }
    }

    fn types(&mut self) {
        for (id, ty) in &self.catalog.types {
            if self.base.types.get(id) == Some(ty) || ty.meta.extension.is_some() {
                continue;
            }
            let (identity, certainty) = (id.to_string(), self.sure(&ty.meta));
            let (class, facets) = match &ty.kind {
                TypeKind::Enum(labels) => {
                    let labels: Vec<&str> = labels.iter().map(|label| label.value.as_str()).collect();
                    ("enum", json!({ "labels": labels }))
                }
                TypeKind::Composite(attributes) => {
                    let attributes: Vec<[String; 2]> = attributes
                        .iter()
                        .map(|(name, ty)| [name.to_string(), shown(ty)])
                        .collect();
                    ("composite", json!({ "attributes": attributes }))
                }
                TypeKind::Domain(domain) => {
                    let mut names: Vec<&str> = domain.checks.iter().map(|check| check.name.as_str()).collect();
                    names.sort_unstable();
                    let facets = json!({
                        "base": shown(&domain.base),
                        "not_null": domain.not_null,
                        "has_default": domain.default.is_some(),
                        "constraints": names,
                    });
                    ("domain", facets)
                }
                TypeKind::Range(subtype) => ("range", json!({ "subtype": subtype.as_ref().map(ToString::to_string) })),
                TypeKind::Base => continue,
            };
            self.push(class, identity.clone(), certainty, facets);
            self.acl(class, &identity, &ty.meta.owner, &ty.meta.acl, certainty);
            self.comment(class, &identity, certainty, ty.meta.comment.as_ref());
        }
    }

    fn rest(&mut self) {
        for (name, extension) in &self.catalog.extensions {
            if !self.base.extensions.contains_key(name) {
                let certainty = self.sure(&extension.meta);
                self.push(
                    "extension",
                    name.to_string(),
                    certainty,
                    json!({ "schema": extension.schema.as_str() }),
                );
                self.comment("extension", name, certainty, extension.meta.comment.as_ref());
            }
        }
        for (name, role) in &self.catalog.roles {
            let old = self.base.roles.get(name);
            let has = |attribute: &str| role.attributes.contains(attribute);
            if old.is_none() && role.meta.certainty != Certainty::Assumed {
                self.comment("role", name, role.meta.certainty, role.meta.comment.as_ref());
                let facets = json!({
                    "login": has("LOGIN"), "bypassrls": has("BYPASSRLS"), "superuser": has("SUPERUSER"),
                    "inherit": has("INHERIT"), "createdb": has("CREATEDB"), "createrole": has("CREATEROLE"),
                });
                self.push("role", name.to_string(), role.meta.certainty, facets);
            }
            for group in role
                .member_of
                .iter()
                .filter(|group| old.is_none_or(|old| !old.member_of.contains(*group)))
            {
                self.push("membership", format!("{group}.{name}"), role.meta.certainty, json!({}));
            }
        }
        for (name, publication) in &self.catalog.publications {
            let certainty = self.sure(&publication.meta);
            let old = self.base.publications.get(name);
            if old.is_none() {
                let operations: Vec<&str> = publication.operations.iter().map(smol_str::SmolStr::as_str).collect();
                let facets = json!({ "all_tables": publication.all_tables, "operations": operations });
                self.push("publication", name.to_string(), certainty, facets);
                self.comment("publication", name, certainty, publication.meta.comment.as_ref());
            }
            for table in publication
                .tables
                .iter()
                .filter(|table| old.is_none_or(|old| !old.tables.contains(*table)))
            {
                self.push("publication_table", format!("{name}.{table}"), certainty, json!({}));
            }
        }
        for (key, acl) in &self.catalog.default_acls {
            if self.base.default_acls.get(key) == Some(acl) {
                continue;
            }
            let schema = key.schema.as_deref().unwrap_or_default();
            for (grantee, privileges) in acl.iter() {
                let mut names: Vec<String> = privileges
                    .iter()
                    .map(|(name, grantable)| format!("{name}{}", if *grantable { "*" } else { "" }))
                    .collect();
                names.sort();
                let identity = format!("{}.{schema}.{}.{grantee}", key.role, key.kind);
                self.push(
                    "default_privilege",
                    identity,
                    Certainty::Certain,
                    json!({ "privileges": names }),
                );
            }
        }
        for ((kind, name), meta) in &self.catalog.others {
            let class = match kind {
                ObjectKind::EventTrigger => "event_trigger",
                ObjectKind::Statistics => "statistics",
                ObjectKind::Cast => "cast",
                _ => continue,
            };
            let facets = match self.catalog.statistics.get(name) {
                Some((table, _)) if class == "statistics" => json!({ "table": table.to_string() }),
                _ => json!({}),
            };
            self.push(class, name.clone(), meta.certainty, facets);
            self.comment(class, name, meta.certainty, meta.comment.as_ref());
        }
        for (key, text) in &self.catalog.comments {
            if self.base.comments.get(key) != Some(text) {
                let facets = json!({ "text": text.as_str() });
                self.push("comment", key.clone(), Certainty::Certain, facets);
            }
        }
    }
}

/// A type as `format_type` prints it for a column: `bpchar` without a length is not `character`, which has one.
fn shown(ty: &Type) -> String {
    if ty.id.schema == "pg_catalog" && ty.id.name == "character" && ty.modifiers.is_empty() {
        return if ty.array { "bpchar[]" } else { "bpchar" }.into();
    }
    ty.to_string()
}

/// A number as JSON's, where it fits.
fn number(text: &str) -> Value {
    text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number))
}

fn view_facets(view: &View) -> Value {
    let columns: Option<Vec<&str>> = view
        .columns
        .as_ref()
        .map(|columns| columns.iter().map(smol_str::SmolStr::as_str).collect());
    json!({ "columns": columns, "security_invoker": view.security_invoker() })
}

fn index_facets(index: &Index) -> Value {
    let keys: Vec<Option<&str>> = index.keys.iter().map(|key| key.column.as_deref()).collect();
    let include: Vec<&str> = index.include.iter().map(smol_str::SmolStr::as_str).collect();
    json!({
        "table": index.table.to_string(),
        "unique": index.unique,
        "primary": index.primary,
        "method": index.method.as_str(),
        "keys": keys,
        "include": include,
        "partial": index.predicate.is_some(),
        "valid": index.valid,
    })
}

fn constraint_facets(constraint: &Constraint, columns: &Value) -> Value {
    let names = |columns: &[smol_str::SmolStr]| columns.iter().map(ToString::to_string).collect::<Vec<_>>();
    let kind = match &constraint.kind {
        ConstraintKind::Primary => "p",
        ConstraintKind::Unique => "u",
        ConstraintKind::Check(_) => "c",
        ConstraintKind::Exclude => "x",
        ConstraintKind::Foreign(_) => "f",
        ConstraintKind::NotNull => "n",
    };
    let foreign = match &constraint.kind {
        ConstraintKind::Foreign(key) => Some(key),
        _ => None,
    };
    json!({
        "kind": kind,
        "columns": columns,
        "references": foreign.map(|key| key.table.to_string()),
        "referenced_columns": foreign.map(|key| names(&key.columns)).unwrap_or_default(),
        "on_delete": foreign.map(|key| action(key.on_delete)),
        "on_update": foreign.map(|key| action(key.on_update)),
        "deferrable": constraint.deferrable,
        "deferred": constraint.deferred,
        "validated": constraint.validated,
    })
}

fn action(action: ReferentialAction) -> &'static str {
    match action {
        ReferentialAction::Unspecified | ReferentialAction::NoAction => "a",
        ReferentialAction::Restrict => "r",
        ReferentialAction::Cascade => "c",
        ReferentialAction::SetNull => "n",
        ReferentialAction::SetDefault => "d",
    }
}

fn routine_facets(_signature: &Signature, routine: &Routine) -> Value {
    json!({
        "kind": match routine.kind {
            RoutineKind::Function => "f",
            RoutineKind::Procedure => "p",
            RoutineKind::Aggregate => "a",
            RoutineKind::Window => "w",
        },
        "returns": routine.returns.as_deref(),
        "language": routine.language.as_str(),
        "volatility": match routine.volatility {
            Volatility::Immutable => "i",
            Volatility::Stable => "s",
            Volatility::Volatile => "v",
        },
        "security_definer": routine.security_definer,
        "strict": routine.strict,
        "search_path": routine.settings.get("search_path").map(smol_str::SmolStr::as_str),
    })
}

/// The key under which a row's object stands in the catalog, for explanations.
pub fn describe(key: &Key) -> String {
    match key {
        Key::Schema(name) => format!("schema {name}"),
        Key::Relation(id) => id.to_string(),
        Key::Column(table, name) => format!("column {table}.{name}"),
        Key::Constraint(table, name) => format!("constraint {name} on {table}"),
        Key::Trigger(table, name) => format!("trigger {name} on {table}"),
        Key::Policy(table, name) => format!("policy {name} on {table}"),
        Key::Rule(table, name) => format!("rule {name} on {table}"),
        Key::Routine(signature) => format!("function {signature}"),
        Key::Type(id) => format!("type {id}"),
        Key::Extension(name) => format!("extension {name}"),
        Key::Role(name) => format!("role {name}"),
        Key::Publication(name) => format!("publication {name}"),
        Key::Other(_, name) => name.clone(),
    }
}
