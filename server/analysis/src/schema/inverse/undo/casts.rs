//! Casts between types, and how types are stored.

use crate::schema::objects::Type;

/// Whether a column of the first type becomes one of the second without USING.
/// <https://www.postgresql.org/docs/current/sql-altertable.html>: there must be an assignment cast.
pub(crate) fn casts_by_itself(from: &Type, to: &Type) -> bool {
    const FAMILIES: &[&[&str]] = &[
        &["smallint", "integer", "bigint", "numeric", "real", "double precision"],
        &["character varying", "text", "character", "name", "\"char\""],
        &["date", "timestamp without time zone", "timestamp with time zone"],
        &["time without time zone", "time with time zone", "interval"],
        &["json", "jsonb"],
        &["inet", "cidr"],
        &["bit", "bit varying"],
    ];
    if from.array != to.array {
        return false;
    }
    if from.id == to.id {
        return true;
    }
    let system = |ty: &Type| ty.id.schema == "pg_catalog";
    let text = |ty: &Type| is_textual(ty) && !ty.array;
    if text(to) {
        return true;
    }
    let in_one = |family: &&&[&str]| family.contains(&from.id.name.as_str()) && family.contains(&to.id.name.as_str());
    system(from) && system(to) && FAMILIES.iter().any(|family| in_one(&family))
}

pub(crate) fn is_textual(ty: &Type) -> bool {
    ty.id.schema == "pg_catalog" && matches!(ty.id.name.as_str(), "text" | "character varying" | "character")
}

/// What stands between a column and `::type` so that its values are cast; `None` where there is no cast.
pub(crate) fn cast(from: &Type, to: &Type) -> Option<&'static str> {
    const NUMBERS: &[&str] = &["smallint", "integer", "bigint", "numeric", "real", "double precision"];
    const TIMES: &[&str] = &["date", "timestamp without time zone", "timestamp with time zone"];
    let name = |ty: &Type| ty.id.name.clone();
    let system = |ty: &Type| ty.id.schema == "pg_catalog";
    let plain_text = |ty: &Type| is_textual(ty) && !ty.array;
    if plain_text(from) || plain_text(to) || from.id == to.id && from.array == to.array {
        return Some("");
    }
    if from.array != to.array {
        return None;
    }
    if !system(from) || !system(to) {
        return Some(if from.array { "::text[]" } else { "::text" });
    }
    let (from, to) = (name(from), name(to));
    let number = |name: &str| NUMBERS.contains(&name);
    let castable = (number(&from) && number(&to))
        || (TIMES.contains(&from.as_str()) && TIMES.contains(&to.as_str()))
        || (from == "boolean" && to == "integer")
        || (from == "integer" && to == "boolean")
        || (from.starts_with("json") && (number(&to) || to == "boolean" || to.starts_with("json")))
        || is_textual(&Type::builtin(&from))
        || is_textual(&Type::builtin(&to));
    castable.then_some("")
}

/// Whether values of the first type may not fit into the second.
pub(crate) fn narrows(from: &Type, to: &Type) -> bool {
    const WIDTHS: &[&str] = &["smallint", "integer", "bigint"];
    let width = |ty: &Type| WIDTHS.iter().position(|name| *name == ty.id.name);
    match (width(from), width(to)) {
        (Some(from), Some(to)) => to < from,
        _ if is_textual(from) && is_textual(to) => !to.modifiers.is_empty() && from.modifiers != to.modifiers,
        _ => false,
    }
}

/// `pg_type.typstorage` of the built-in types.
pub(crate) fn storage_of(ty: &Type) -> &'static str {
    if ty.array {
        return "extended";
    }
    match ty.id.name.as_str() {
        "smallint"
        | "integer"
        | "bigint"
        | "boolean"
        | "real"
        | "double precision"
        | "date"
        | "uuid"
        | "oid"
        | "name"
        | "timestamp without time zone"
        | "timestamp with time zone"
        | "interval"
        | "\"char\"" => "plain",
        "numeric" | "inet" | "cidr" => "main",
        _ => "extended",
    }
}
