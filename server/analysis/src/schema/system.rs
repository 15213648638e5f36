//! PostgreSQL's own catalogs and the information schema as `DO` blocks ask them, filled from a [`Catalog`].
//!
//! Columns that nobody asks for are left out: asking for them is an unknown.

use smol_str::{SmolStr, format_smolstr};

use super::catalog::Catalog;
use super::evaluate::Value;
use super::objects::{ConstraintKind, Id, RelationKind, Table, TableKind, TypeKind, quote};
use crate::sql::name::Name;
use crate::sql::statement::PolicyCommand;

type Row = Vec<(SmolStr, Value)>;

fn row<const N: usize>(fields: [(&str, Value); N]) -> Row {
    fields.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn object(id: &Id) -> Value {
    Value::Object(id.clone())
}

fn bare(name: &str) -> Value {
    Value::Object(Id::new("", name))
}

fn yes(truth: bool) -> Value {
    text(if truth { "YES" } else { "NO" })
}

/// The rows of a system catalog or view; `None` for what is none.
pub(crate) fn rows(catalog: &Catalog, name: &Name) -> Option<Vec<Row>> {
    let information = match name.qualifier() {
        Some(schema) if schema.value == "information_schema" => true,
        Some(schema) if schema.value == "pg_catalog" => false,
        Some(_) => return None,
        None => false,
    };
    Some(match (information, name.last().value.as_str()) {
        (true, "tables") => tables(catalog, true),
        (true, "views") => views(catalog, "table_schema", "table_name", false),
        (true, "columns") => columns(catalog),
        (true, "table_constraints") => constraints(catalog),
        (true, "schemata") => schemata(catalog),
        (true, "routines") => routines(catalog),
        (true, "triggers") => triggers(catalog),
        (false, "pg_tables") => tables(catalog, false),
        (false, "pg_views") => views(catalog, "schemaname", "viewname", false),
        (false, "pg_matviews") => views(catalog, "schemaname", "matviewname", true),
        (false, "pg_namespace") => schemata(catalog),
        (false, "pg_class") => classes(catalog),
        (false, "pg_attribute") => columns(catalog),
        (false, "pg_type") => types(catalog),
        (false, "pg_enum") => labels(catalog),
        (false, "pg_constraint") => constraints(catalog),
        (false, "pg_indexes") => indexes(catalog),
        (false, "pg_policies" | "pg_policy") => policies(catalog),
        (false, "pg_trigger") => triggers(catalog),
        (false, "pg_proc") => routines(catalog),
        (false, "pg_extension") => catalog
            .extensions
            .iter()
            .map(|(name, extension)| {
                let namespace = bare(&extension.schema);
                row([
                    ("oid", bare(name)),
                    ("extname", text(name)),
                    ("extnamespace", namespace),
                ])
            })
            .collect(),
        (false, "pg_depend") => members(catalog),
        (false, "pg_roles" | "pg_authid" | "pg_user") => roles(catalog),
        (false, "pg_publication") => {
            let publication = |name: &SmolStr| row([("oid", bare(name)), ("pubname", text(name))]);
            catalog.publications.keys().map(publication).collect()
        }
        (false, "pg_publication_tables" | "pg_publication_rel") => published(catalog),
        _ => return None,
    })
}

fn schemata(catalog: &Catalog) -> Vec<Row> {
    let schema = |name: &SmolStr| {
        row([
            ("oid", bare(name)),
            ("nspname", text(name)),
            ("schema_name", text(name)),
        ])
    };
    catalog.schemas.keys().map(schema).collect()
}

fn roles(catalog: &Catalog) -> Vec<Row> {
    let role = |name: &SmolStr| row([("oid", bare(name)), ("rolname", text(name)), ("usename", text(name))]);
    catalog.roles.keys().map(role).collect()
}

fn tables(catalog: &Catalog, views_too: bool) -> Vec<Row> {
    let found = catalog.relations().filter_map(|(id, relation)| {
        let (kind, security) = match &relation.kind {
            RelationKind::Table(table) => ("BASE TABLE", table.row_security),
            RelationKind::View(view) if views_too && !view.materialized => ("VIEW", false),
            _ => return None,
        };
        Some(row([
            ("schemaname", text(&id.schema)),
            ("tablename", text(&id.name)),
            ("tableowner", text(&relation.meta.owner)),
            ("rowsecurity", Value::Bool(security)),
            ("table_schema", text(&id.schema)),
            ("table_name", text(&id.name)),
            ("table_type", text(kind)),
        ]))
    });
    found.collect()
}

fn views(catalog: &Catalog, schema: &str, name: &str, materialized: bool) -> Vec<Row> {
    let found = catalog.relations().filter(|(_, relation)| {
        let view = relation.view();
        view.is_some_and(|view| view.materialized == materialized)
    });
    found
        .map(|(id, _)| row([(schema, text(&id.schema)), (name, text(&id.name))]))
        .collect()
}

fn classes(catalog: &Catalog) -> Vec<Row> {
    let found = catalog.relations().map(|(id, relation)| {
        let (kind, security) = match &relation.kind {
            RelationKind::Table(table) => {
                let kind = match table.kind {
                    TableKind::Ordinary => "r",
                    TableKind::Partitioned => "p",
                    TableKind::Foreign => "f",
                };
                (kind, table.row_security)
            }
            RelationKind::View(view) => (if view.materialized { "m" } else { "v" }, false),
            RelationKind::Sequence(_) => ("S", false),
            RelationKind::Index(_) => ("i", false),
            RelationKind::Composite => ("c", false),
        };
        row([
            ("oid", object(id)),
            ("relname", text(&id.name)),
            ("relnamespace", bare(&id.schema)),
            ("relkind", text(kind)),
            ("relrowsecurity", Value::Bool(security)),
        ])
    });
    found.collect()
}

fn columns(catalog: &Catalog) -> Vec<Row> {
    let mut rows = Vec::new();
    for (id, relation) in catalog.relations() {
        match &relation.kind {
            RelationKind::Table(table) => {
                for (at, column) in table.columns.iter().enumerate() {
                    let enumerated = column.ty.id.schema != "pg_catalog";
                    let data_type = match (column.ty.array, enumerated) {
                        (true, _) => "ARRAY".into(),
                        (false, true) => "USER-DEFINED".into(),
                        (false, false) => column.ty.id.name.clone(),
                    };
                    let default = match &column.default_text {
                        None => Value::Null,
                        Some(_) => Value::Unknown,
                    };
                    let udt = if enumerated {
                        text(&column.ty.id.name)
                    } else {
                        Value::Unknown
                    };
                    rows.push(row([
                        ("table_schema", text(&id.schema)),
                        ("table_name", text(&id.name)),
                        ("column_name", text(&column.name)),
                        ("data_type", text(&data_type)),
                        ("udt_name", udt),
                        ("is_nullable", yes(!column.not_null)),
                        ("column_default", default),
                        ("is_identity", yes(column.identity.is_some())),
                        ("attrelid", object(id)),
                        ("attname", text(&column.name)),
                        ("attnum", i64::try_from(at + 1).map_or(Value::Unknown, Value::Number)),
                        ("attnotnull", Value::Bool(column.not_null)),
                        ("attisdropped", Value::Bool(false)),
                    ]));
                }
            }
            RelationKind::View(view) => {
                for column in view.columns.iter().flatten() {
                    rows.push(row([
                        ("table_schema", text(&id.schema)),
                        ("table_name", text(&id.name)),
                        ("column_name", text(column)),
                        ("attrelid", object(id)),
                        ("attname", text(column)),
                        ("attisdropped", Value::Bool(false)),
                    ]));
                }
            }
            _ => {}
        }
    }
    rows
}

fn types(catalog: &Catalog) -> Vec<Row> {
    let found = catalog.types.iter().map(|(id, ty)| {
        let kind = match &ty.kind {
            TypeKind::Enum(_) => "e",
            TypeKind::Composite(_) => "c",
            TypeKind::Domain(_) => "d",
            TypeKind::Range(_) => "r",
            TypeKind::Base => "b",
        };
        row([
            ("oid", object(id)),
            ("typname", text(&id.name)),
            ("typnamespace", bare(&id.schema)),
            ("typtype", text(kind)),
        ])
    });
    let rows = catalog.tables().map(|(id, _, _)| {
        row([
            ("oid", object(id)),
            ("typname", text(&id.name)),
            ("typnamespace", bare(&id.schema)),
            ("typtype", text("c")),
        ])
    });
    found.chain(rows).collect()
}

fn labels(catalog: &Catalog) -> Vec<Row> {
    let mut rows = Vec::new();
    for (id, ty) in &catalog.types {
        if let TypeKind::Enum(labels) = &ty.kind {
            let label = |value: &SmolStr| row([("enumtypid", object(id)), ("enumlabel", text(value))]);
            rows.extend(labels.iter().map(|found| label(&found.value)));
        }
    }
    rows
}

fn constraints(catalog: &Catalog) -> Vec<Row> {
    let mut rows = Vec::new();
    for (id, _, table) in catalog.tables() {
        for constraint in &table.constraints {
            let (short, long) = match &constraint.kind {
                ConstraintKind::Primary => ("p", "PRIMARY KEY"),
                ConstraintKind::Unique => ("u", "UNIQUE"),
                ConstraintKind::Check(_) => ("c", "CHECK"),
                ConstraintKind::Exclude => ("x", "EXCLUDE"),
                ConstraintKind::Foreign(_) => ("f", "FOREIGN KEY"),
                ConstraintKind::NotNull => ("n", "CHECK"),
            };
            let target = match &constraint.kind {
                ConstraintKind::Foreign(key) => object(&key.table),
                _ => Value::Null,
            };
            rows.push(row([
                (
                    "oid",
                    object(&id.sibling(&format_smolstr!("{}.{}", id.name, constraint.name))),
                ),
                ("conname", text(&constraint.name)),
                ("conrelid", object(id)),
                ("confrelid", target),
                ("connamespace", bare(&id.schema)),
                ("contype", text(short)),
                ("convalidated", Value::Bool(constraint.validated)),
                ("constraint_name", text(&constraint.name)),
                ("constraint_schema", text(&id.schema)),
                ("table_schema", text(&id.schema)),
                ("table_name", text(&id.name)),
                ("constraint_type", text(long)),
            ]));
        }
    }
    rows
}

fn indexes(catalog: &Catalog) -> Vec<Row> {
    let found = catalog.relations().filter_map(|(id, relation)| {
        let index = relation.index()?;
        Some(row([
            ("schemaname", text(&id.schema)),
            ("tablename", text(&index.table.name)),
            ("indexname", text(&id.name)),
        ]))
    });
    found.collect()
}

fn policies(catalog: &Catalog) -> Vec<Row> {
    let mut rows = Vec::new();
    for (id, _, table) in catalog.tables() {
        for policy in &table.policies {
            let (long, short) = match policy.command {
                PolicyCommand::All => ("ALL", "*"),
                PolicyCommand::Select => ("SELECT", "r"),
                PolicyCommand::Insert => ("INSERT", "a"),
                PolicyCommand::Update => ("UPDATE", "w"),
                PolicyCommand::Delete => ("DELETE", "d"),
            };
            rows.push(row([
                ("schemaname", text(&id.schema)),
                ("tablename", text(&id.name)),
                ("policyname", text(&policy.name)),
                ("cmd", text(long)),
                ("polname", text(&policy.name)),
                ("polrelid", object(id)),
                ("polcmd", text(short)),
            ]));
        }
    }
    rows
}

fn triggers(catalog: &Catalog) -> Vec<Row> {
    let mut rows = Vec::new();
    for (id, relation) in catalog.relations() {
        for trigger in relation.triggers() {
            rows.push(row([
                ("tgname", text(&trigger.name)),
                ("tgrelid", object(id)),
                ("tgisinternal", Value::Bool(false)),
                ("tgfoid", object(&trigger.function)),
                ("trigger_name", text(&trigger.name)),
                ("trigger_schema", text(&id.schema)),
                ("event_object_schema", text(&id.schema)),
                ("event_object_table", text(&id.name)),
            ]));
        }
    }
    rows
}

fn routines(catalog: &Catalog) -> Vec<Row> {
    let found = catalog.routines.iter().map(|(signature, routine)| {
        let arguments: Vec<String> = signature.arguments.iter().map(ToString::to_string).collect();
        row([
            // With its arguments: what `oid::regprocedure` prints.
            (
                "oid",
                object(
                    &signature
                        .id
                        .sibling(&format!("{}({})", quote(&signature.id.name), arguments.join(", "))),
                ),
            ),
            ("proname", text(&signature.id.name)),
            ("pronamespace", bare(&signature.id.schema)),
            ("prosecdef", Value::Bool(routine.security_definer)),
            ("routine_schema", text(&signature.id.schema)),
            ("routine_name", text(&signature.id.name)),
            ("specific_schema", text(&signature.id.schema)),
        ])
    });
    found.collect()
}

/// What belongs to an extension. Any other dependency is there too, as a row that says only that much.
fn members(catalog: &Catalog) -> Vec<Row> {
    let member = |id: &Id, extension: &str| {
        row([
            ("objid", object(id)),
            ("refobjid", bare(extension)),
            ("deptype", text("e")),
        ])
    };
    let types = catalog
        .types
        .iter()
        .filter_map(|(id, ty)| Some(member(id, ty.meta.extension.as_ref()?)));
    let other = row([
        ("objid", Value::Unknown),
        ("refobjid", object(&Id::new("pg_catalog", ""))),
        ("deptype", Value::Unknown),
    ]);
    types.chain([other]).collect()
}

fn published(catalog: &Catalog) -> Vec<Row> {
    let mut rows = Vec::new();
    let all = |publication: &super::objects::Publication, id: &Id, _: &Table| {
        publication.all_tables || publication.schemas.contains(&id.schema) || publication.tables.contains(id)
    };
    for (name, publication) in &catalog.publications {
        for (id, _, table) in catalog.tables() {
            if all(publication, id, table) {
                rows.push(row([
                    ("pubname", text(name)),
                    ("schemaname", text(&id.schema)),
                    ("tablename", text(&id.name)),
                    ("prpubid", bare(name)),
                    ("prrelid", object(id)),
                ]));
            }
        }
    }
    rows
}
