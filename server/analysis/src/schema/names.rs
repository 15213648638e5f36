//! The names that PostgreSQL chooses where a statement gives none.
//!
//! After `ChooseIndexName`, `ChooseRelationName` and `ChooseConstraintName` of PostgreSQL; tested against the server.

use smol_str::{SmolStr, format_smolstr};

use super::catalog::Catalog;
use crate::sql::name::MAX_IDENTIFIER_BYTES;
use crate::sql::statement::{Expr, ExprNode, QueryBody, SelectItem};

/// `name1_name2_label`, with the longer of the two names shortened until it fits in 63 bytes.
pub(crate) fn make_object_name(name1: &str, name2: Option<&str>, label: &str) -> SmolStr {
    let overhead = 1 + label.len() + usize::from(name2.is_some());
    let available = MAX_IDENTIFIER_BYTES - overhead.min(MAX_IDENTIFIER_BYTES);
    let (mut first, mut second) = (name1.len(), name2.map_or(0, str::len));
    while first + second > available {
        if first > second { first -= 1 } else { second -= 1 }
    }
    let first = floor(name1, first);
    if let Some(name2) = name2 {
        format_smolstr!("{first}_{}_{label}", floor(name2, second))
    } else {
        format_smolstr!("{first}_{label}")
    }
}

fn floor(name: &str, mut length: usize) -> &str {
    while !name.is_char_boundary(length) {
        length -= 1;
    }
    &name[..length]
}

/// What kinds of name a generated one must differ from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unique {
    /// Relations of the schema.
    Relation,
    /// Relations and constraints of the schema: indexes of constraints.
    IndexConstraint,
    /// Constraints of the schema.
    Constraint,
}

/// A name like [`make_object_name`]'s that is free in `schema`; `taken` holds names promised but not yet made.
pub(crate) fn choose(
    catalog: &Catalog,
    schema: &str,
    (name1, name2, label): (&str, Option<&str>, &str),
    unique: Unique,
    taken: &[SmolStr],
) -> SmolStr {
    let mut pass = 0;
    let mut numbered = label.to_owned();
    loop {
        let name = make_object_name(name1, name2, &numbered);
        if !taken.contains(&name) && is_free(catalog, schema, &name, unique) {
            return name;
        }
        pass += 1;
        numbered = format!("{label}{pass}");
    }
}

fn is_free(catalog: &Catalog, schema: &str, name: &str, unique: Unique) -> bool {
    let relation = || catalog.relations.contains_key(&super::objects::Id::new(schema, name));
    let constraint = || catalog.has_constraint(schema, name);
    match unique {
        Unique::Relation => !relation(),
        Unique::IndexConstraint => !relation() && !constraint(),
        Unique::Constraint => !constraint(),
    }
}

/// Column names joined with `_`, cut as `ChooseIndexNameAddition` cuts them.
pub(crate) fn join_columns<'a>(columns: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = String::new();
    for column in columns {
        if !out.is_empty() {
            out.push('_');
        }
        out.push_str(column);
        if out.len() > MAX_IDENTIFIER_BYTES {
            break;
        }
    }
    out
}

/// The names of an index's columns, as `ChooseIndexColumnNames` makes them unique.
pub(crate) fn index_column_names(keys: &[Option<SmolStr>]) -> Vec<SmolStr> {
    let mut names: Vec<SmolStr> = Vec::with_capacity(keys.len());
    for key in keys {
        let original = key.clone().unwrap_or_else(|| "expr".into());
        let mut name = original.clone();
        let mut number = 1;
        while names.contains(&name) {
            let digits = number.to_string();
            let room = (MAX_IDENTIFIER_BYTES - digits.len()).min(original.len());
            name = format_smolstr!("{}{digits}", floor(&original, room));
            number += 1;
        }
        names.push(name);
    }
    names
}

/// The name of an output column or index expression: `FigureColname`. `None`: `?column?` or `expr`.
pub(crate) fn figure_column_name(expr: &Expr) -> Option<SmolStr> {
    figure(expr).1
}

/// Strength (2: a name, 1: a type or CASE) and name.
fn figure(expr: &Expr) -> (u8, Option<SmolStr>) {
    let named = |name: &str| (2, Some(SmolStr::new(name)));
    match &expr.node {
        ExprNode::Column(name) => named(&name.last().value),
        ExprNode::Access { expr, field, .. } => match field {
            Some(field) => named(&field.value),
            None => figure(expr),
        },
        ExprNode::Call { name, .. } => named(&name.last().value),
        ExprNode::Operator { name, .. } if name.eq_ignore_ascii_case("nullif") => named("nullif"),
        ExprNode::Cast { expr, ty } => match figure(expr) {
            (strength @ 2.., name) => (strength, name),
            _ => (1, Some(internal_type_name(&ty.name.last().value).into())),
        },
        ExprNode::Subquery { exists: true, .. } => named("exists"),
        ExprNode::Subquery { query, .. } => match &query.body {
            QueryBody::Select(select) => match select.items.first() {
                Some(SelectItem::Expr { alias: Some(alias), .. }) => named(&alias.value),
                Some(SelectItem::Expr { expr, .. }) => figure(expr),
                _ => (0, None),
            },
            _ => (0, None),
        },
        ExprNode::Case(parts) => match parts.last().map(figure) {
            Some((strength @ 2.., name)) => (strength, name),
            _ => (1, Some("case".into())),
        },
        ExprNode::Array(_) => named("array"),
        ExprNode::Row(_) => named("row"),
        ExprNode::Bool(_) => (1, Some("bool".into())),
        _ => (0, None),
    }
}

/// `integer` is `int4` where a column is named after its type.
fn internal_type_name(name: &str) -> &str {
    match name {
        "integer" => "int4",
        "bigint" => "int8",
        "smallint" => "int2",
        "boolean" => "bool",
        "double precision" => "float8",
        "real" => "float4",
        "character varying" => "varchar",
        "character" => "bpchar",
        "timestamp with time zone" => "timestamptz",
        "timestamp without time zone" | "timestamp" => "timestamp",
        "time with time zone" => "timetz",
        "time without time zone" => "time",
        "bit varying" => "varbit",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_shortened_from_the_longer_side() {
        let name = make_object_name(&"t".repeat(60), Some("column"), "fkey");
        assert_eq!(name, format!("{}_column_fkey", "t".repeat(51)));
        assert_eq!(make_object_name("t", None, "pkey"), "t_pkey");
    }

    #[test]
    fn repeated_index_columns_are_numbered() {
        let keys = [Some("lower".into()), Some("lower".into()), None];
        assert_eq!(index_column_names(&keys), ["lower", "lower1", "expr"]);
    }
}
