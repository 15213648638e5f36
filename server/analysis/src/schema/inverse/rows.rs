//! Rows that a migration writes, and the statement that takes them out again.

use smol_str::SmolStr;

use super::print::{self, is_constant, names};
use crate::schema::catalog::Catalog;
use crate::schema::objects::{ConstraintKind, Id};
use crate::sql::statement::{Expr, Insert, QueryBody};

/// The DELETE that takes exactly the rows out that an INSERT writes: it says every key as a constant, and it fails where
/// one is there already.
pub(super) fn deleted(text: &str, catalog: &Catalog, table: &Id, insert: &Insert) -> Option<String> {
    if insert.on_conflict.is_some() || !insert.ctes.is_empty() {
        return None;
    }
    let found = catalog.table(table)?;
    let QueryBody::Values(rows) = &insert.source.as_ref()?.body else {
        return None;
    };
    let columns: Vec<SmolStr> = if insert.columns.is_empty() {
        found.columns.iter().map(|column| column.name.clone()).collect()
    } else {
        insert.columns.iter().map(|column| column.value.clone()).collect()
    };
    let mut keys = found.constraints.iter().filter(|constraint| {
        matches!(constraint.kind, ConstraintKind::Primary | ConstraintKind::Unique) && !constraint.columns.is_empty()
    });
    keys.find_map(|key| {
        let places: Option<Vec<usize>> = key
            .columns
            .iter()
            .map(|column| columns.iter().position(|own| own == column))
            .collect();
        let places = places?;
        let constant = |expr: &&Expr| is_constant(expr) && !matches!(expr.node, crate::sql::statement::ExprNode::Null);
        let values: Option<Vec<Vec<&str>>> = rows
            .iter()
            .map(|row| {
                let each = places
                    .iter()
                    .map(|at| row.get(*at).filter(constant).map(|expr| expr.span.slice(text)));
                each.collect()
            })
            .collect();
        let sql = statement(table, &key.columns, &values?);
        // A trigger of Supabase's forbids it otherwise.
        let guarded = table.schema == "storage" && matches!(table.name.as_str(), "buckets" | "objects");
        let before = "select set_config('storage.allow_delete_query', 'true', true);\n";
        Some(if guarded { format!("{before}{sql}") } else { sql })
    })
}

fn statement(table: &Id, columns: &[SmolStr], rows: &[Vec<&str>]) -> String {
    let key = names(columns);
    let name = print::id(table);
    match (columns, rows) {
        ([_], [row]) => format!("delete from {name} where {key} = {};", row[0]),
        ([_], rows) => {
            let values: Vec<&str> = rows.iter().map(|row| row[0]).collect();
            format!("delete from {name} where {key} in ({});", values.join(", "))
        }
        (_, rows) => {
            let values: Vec<String> = rows.iter().map(|row| format!("({})", row.join(", "))).collect();
            format!("delete from {name} where ({key}) in ({});", values.join(", "))
        }
    }
}
