//! What ALTER COLUMN … TYPE does to a table: nothing, new indexes, or a new heap; and what it does to the values.
//!
//! Follows `ATColumnChangeRequiresRewrite` and the support functions of the length casts (`varchar_support`,
//! `numeric_support`, `varbit_support`, `TemporalSimplify`, `interval_support`); measured on PostgreSQL 14 to 18.

use super::catalog::Catalog;
use super::facts::is_binary_coercible;
use super::objects::{Type, TypeKind};
use super::resolve::types::builtin_type;
use crate::sql::name::Ident;
use crate::sql::statement::{Expr, ExprNode};

/// What happens to the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeChange {
    /// Only the catalog changes.
    None,
    /// The heap stays; indexes over the column are built again, since the new type sorts by another operator class.
    IndexRebuild,
    /// Heap and indexes are written again.
    Rewrite,
    /// As [`TypeChange::Rewrite`], unless the session's time zone is UTC.
    RewriteUnlessUtc,
    /// A type of which nothing is known is involved.
    Unknown,
}

/// What happens to values that the new type cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Narrowing {
    /// The statement fails: 22001, 22003.
    Fails,
    /// They are rounded, without a word.
    Rounds,
    /// They are rounded, and those that are too large make the statement fail.
    RoundsOrFails,
    /// They are cut off, without a word: an explicit cast to a string of limited length.
    Cuts,
    /// A part of them is dropped, without a word: the time of day of a timestamp.
    Drops,
}

/// What changing a column to `to` does; `using` is the expression of the USING clause.
pub fn type_change(
    column: &Ident,
    from: &Type,
    to: &Type,
    using: Option<&Expr>,
    catalog: &Catalog,
    utc: bool,
) -> TypeChange {
    let Some(chain) = conversions(column, from, to, using) else {
        return TypeChange::Rewrite;
    };
    let mut found = TypeChange::None;
    for pair in chain.windows(2) {
        if let [from, to] = pair {
            found = worse(found, conversion(from, to, catalog, utc));
        }
    }
    found
}

/// What changing a column to `to` does to values that do not fit; `None` where all fit, where a USING expression other
/// than a cast decides, or where nothing is known of the types.
pub fn narrowing(column: &Ident, from: &Type, to: &Type, using: Option<&Expr>, catalog: &Catalog) -> Option<Narrowing> {
    let chain = conversions(column, from, to, using)?;
    let explicit = using.is_some_and(|using| matches!(using.node, ExprNode::Cast { .. }));
    let [from, .., to] = chain.as_slice() else { return None };
    let (from, to) = (base(from, catalog)?, base(to, catalog)?);
    narrows(&from, &to, explicit)
}

/// The types that a value passes through, first and last included; `None` where USING is more than casts of the column.
fn conversions(column: &Ident, from: &Type, to: &Type, using: Option<&Expr>) -> Option<Vec<Type>> {
    let mut chain = vec![to.clone()];
    let mut at = using;
    while let Some(expr) = at {
        match &expr.node {
            ExprNode::Cast { expr: inner, ty } => {
                let same = ty.name.last().value == to.id.name && ty.modifiers == to.modifiers;
                chain.push(if same { to.clone() } else { builtin_type(ty)? });
                at = Some(inner);
            }
            ExprNode::Column(name) if name.last().value == column.value => at = None,
            _ => return None,
        }
    }
    chain.push(from.clone());
    chain.reverse();
    Some(chain)
}

fn worse(one: TypeChange, other: TypeChange) -> TypeChange {
    use TypeChange as T;
    [T::Rewrite, T::Unknown, T::RewriteUnlessUtc, T::IndexRebuild]
        .into_iter()
        .find(|worst| one == *worst || other == *worst)
        .unwrap_or(T::None)
}

fn conversion(from: &Type, to: &Type, catalog: &Catalog, utc: bool) -> TypeChange {
    if from == to {
        return TypeChange::None;
    }
    let Some(mut source) = base(from, catalog) else {
        return TypeChange::Unknown;
    };
    if source.id != from.id {
        // A column of a domain does not know the length that its base type has.
        source = source.bare();
    }
    if let Some(TypeKind::Domain(domain)) = catalog.types.get(&to.id).map(|ty| &ty.kind).filter(|_| !to.array) {
        // CoerceToDomain: every value is checked while the heap is written anew.
        let inner = conversion(from, &domain.base, catalog, utc);
        return if domain.constrained() {
            TypeChange::Rewrite
        } else {
            inner
        };
    }
    if !is_known(to, catalog) {
        return TypeChange::Unknown;
    }
    builtin_conversion(&source, to, utc)
}

/// The type under any domains; `None` where nothing is known of it.
fn base(ty: &Type, catalog: &Catalog) -> Option<Type> {
    let mut ty = ty.clone();
    for _ in 0..32 {
        match catalog.types.get(&ty.id).map(|object| &object.kind) {
            Some(TypeKind::Domain(domain)) if !ty.array => ty = domain.base.clone(),
            _ => break,
        }
    }
    is_known(&ty, catalog).then_some(ty)
}

/// Whether values of the type are stored in a way of their own, and no cast that dblsp does not know of can be free.
fn is_known(ty: &Type, catalog: &Catalog) -> bool {
    ty.id.schema == "pg_catalog"
        || catalog
            .types
            .get(&ty.id)
            .is_some_and(|object| !matches!(object.kind, TypeKind::Base) && object.meta.extension.is_none())
}

fn builtin_conversion(from: &Type, to: &Type, utc: bool) -> TypeChange {
    if from.array || to.array {
        return array_conversion(from, to, utc);
    }
    if from.id.schema != "pg_catalog" || to.id.schema != "pg_catalog" {
        return if from.id == to.id {
            TypeChange::None
        } else {
            TypeChange::Rewrite
        };
    }
    let (old, new) = (from.id.name.as_str(), to.id.name.as_str());
    let unlimited = Type {
        modifiers: Vec::new(),
        fields: None,
        ..to.clone()
    };
    let zoned = is_timestamp(old) && is_timestamp(new) && old != new;
    if !zoned && !is_binary_coercible(old, new) {
        return TypeChange::Rewrite;
    }
    // The cast forgets the old length; only a change within one type can compare the two.
    let known = if old == new { from } else { &unlimited };
    if !keeps_length(known, to) {
        return TypeChange::Rewrite;
    }
    if zoned && !utc {
        TypeChange::RewriteUnlessUtc
    } else if operator_class(old) == operator_class(new) {
        TypeChange::None
    } else {
        TypeChange::IndexRebuild
    }
}

fn array_conversion(from: &Type, to: &Type, utc: bool) -> TypeChange {
    if from.array != to.array {
        return TypeChange::Rewrite;
    }
    let element = |ty: &Type| Type {
        array: false,
        ..ty.clone()
    };
    match builtin_conversion(&element(from), &element(to), utc) {
        TypeChange::Rewrite => TypeChange::Rewrite,
        // Whether PostgreSQL sees that every element stays as it is was not measured.
        _ => TypeChange::Unknown,
    }
}

fn is_timestamp(name: &str) -> bool {
    name.starts_with("timestamp")
}

/// Default b-tree operator class, where several types share one.
fn operator_class(ty: &str) -> &str {
    match ty {
        "character varying" => "text",
        "cidr" => "inet",
        _ if ty.starts_with("reg") => "oid",
        other => other,
    }
}

/// Whether the length cast of `to` leaves every value of `from`'s length as it is, and PostgreSQL knows.
fn keeps_length(from: &Type, to: &Type) -> bool {
    let (old, new) = (numbers(from), numbers(to));
    match to.id.name.as_str() {
        "character varying" | "bit varying" => match (old.first(), new.first()) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(old), Some(new)) => new >= old,
        },
        "numeric" => match (old.as_slice(), new.as_slice()) {
            (_, []) => true,
            ([precision, scale, ..], [wider, same, ..]) => scale == same && wider >= precision,
            _ => false,
        },
        "interval" => {
            let whole = |fields: Option<&str>| fields.is_none_or(|fields| fields.ends_with("second"));
            let fields = whole(to.fields.as_deref()) || from.fields == to.fields;
            let has_seconds = whole(from.fields.as_deref());
            fields && (!has_seconds || seconds(&new) >= seconds(&old))
        }
        name if is_timestamp(name) || name.starts_with("time with") => seconds(&new) >= seconds(&old),
        // `character` and `bit` have no such knowledge: any length is applied to every value.
        "character" | "bit" => to.modifiers.is_empty() || (from.id == to.id && from.modifiers == to.modifiers),
        _ => true,
    }
}

fn numbers(ty: &Type) -> Vec<i64> {
    ty.modifiers
        .iter()
        .map_while(|modifier| modifier.trim().parse().ok())
        .collect()
}

/// Fractional digits of seconds: six where none are written.
fn seconds(modifiers: &[i64]) -> i64 {
    modifiers.first().copied().unwrap_or(6).min(6)
}

fn narrows(from: &Type, to: &Type, explicit: bool) -> Option<Narrowing> {
    let built_in = |ty: &Type| ty.id.schema == "pg_catalog" && !ty.array;
    if !built_in(from) || !built_in(to) {
        return None;
    }
    let (old, new) = (from.id.name.as_str(), to.id.name.as_str());
    let (old_numbers, new_numbers) = (numbers(from), numbers(to));
    if let (Some(old), Some(new)) = (integer_digits(old), integer_digits(new)) {
        return (new < old).then_some(Narrowing::Fails);
    }
    if let Some(digits) = integer_digits(new) {
        return match (old, old_numbers.as_slice()) {
            ("numeric", [precision, 0]) => (*precision >= digits).then_some(Narrowing::Fails),
            ("numeric" | "real" | "double precision", _) => Some(Narrowing::RoundsOrFails),
            _ => None,
        };
    }
    match (old, new) {
        ("numeric", "numeric") => narrower_numeric(&old_numbers, &new_numbers),
        ("double precision", "real") => Some(Narrowing::RoundsOrFails),
        ("real" | "double precision", "numeric") if !new_numbers.is_empty() => Some(Narrowing::RoundsOrFails),
        (_, "date") if is_timestamp(old) => Some(Narrowing::Drops),
        (_, "time without time zone") if is_timestamp(old) => Some(Narrowing::Drops),
        ("bit varying", "bit varying") => shorter(&old_numbers, &new_numbers, explicit),
        ("text" | "character varying" | "character", "character varying" | "character") => {
            shorter(&old_numbers, &new_numbers, explicit)
        }
        _ if keeps_seconds(old, new) => (seconds(&new_numbers) < seconds(&old_numbers)).then_some(Narrowing::Rounds),
        _ => None,
    }
}

/// Whether both are kinds of time with fractional seconds.
fn keeps_seconds(old: &str, new: &str) -> bool {
    (is_timestamp(old) && is_timestamp(new))
        || (old.starts_with("time with") && new.starts_with("time with"))
        || (old == "interval" && new == "interval")
}

/// Decimal digits that an integer type needs at most.
fn integer_digits(name: &str) -> Option<i64> {
    match name {
        "smallint" => Some(5),
        "integer" => Some(10),
        "bigint" => Some(19),
        _ => None,
    }
}

fn shorter(old: &[i64], new: &[i64], explicit: bool) -> Option<Narrowing> {
    let limit = new.first()?;
    let fits = old.first().is_some_and(|old| old <= limit);
    match (fits, explicit) {
        (true, _) => None,
        (false, true) => Some(Narrowing::Cuts),
        (false, false) => Some(Narrowing::Fails),
    }
}

fn narrower_numeric(old: &[i64], new: &[i64]) -> Option<Narrowing> {
    let [new_precision, new_scale] = new else { return None };
    let [old_precision, old_scale] = old else {
        return Some(Narrowing::RoundsOrFails);
    };
    let rounds = new_scale < old_scale;
    let fails = new_precision - new_scale < old_precision - old_scale;
    match (rounds, fails) {
        (true, true) => Some(Narrowing::RoundsOrFails),
        (true, false) => Some(Narrowing::Rounds),
        (false, true) => Some(Narrowing::Fails),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{History, Migration};
    use crate::lint::testing::history;
    use crate::schema::timeline::Timeline;
    use crate::settings::Settings;
    use crate::sql::statement::{AlterActionKind, Node};

    const TYPES: &str = "
create domain plain as text;
create domain checked as text check (value <> '');
create domain short as varchar(10);
create type mood as enum ('sad', 'ok');
";

    /// What `alter column c type …` does to a column of type `from`; a `using` may follow `to`.
    fn change(from: &str, to: &str, utc: bool) -> (TypeChange, Option<Narrowing>) {
        let table = format!("{TYPES} create table t (c {from});");
        let alter = format!("alter table t alter column c type {to};");
        let project = History {
            migrations: vec![Migration::new("1.sql", &table), Migration::new("2.sql", &alter)],
            ..history("", crate::history::Base::Empty, false)
        };
        let documents: Vec<_> = project.migrations.iter().map(crate::read).collect();
        let timeline = Timeline::replay(&project, &documents, &Settings::default());
        let column = |catalog: &Catalog| {
            let table = catalog.tables().next().expect("the table is there").2;
            table.columns.first().expect("it has a column").ty.clone()
        };
        let (before, after) = (column(timeline.before(1)), column(timeline.last()));
        let Node::AlterTable(alter) = &documents[1].file.statements[0].node else {
            panic!("ALTER TABLE")
        };
        let AlterActionKind::AlterType { column, using, .. } = &alter.actions[0].kind else {
            panic!("ALTER COLUMN TYPE")
        };
        let catalog = timeline.last();
        (
            type_change(column, &before, &after, using.as_ref(), catalog, utc),
            narrowing(column, &before, &after, using.as_ref(), catalog),
        )
    }

    #[test]
    fn changes_of_the_catalog_alone() {
        for (from, to) in [
            ("varchar(10)", "varchar(20)"),
            ("varchar(10)", "varchar"),
            ("varchar(10)", "text"),
            ("varchar", "text"),
            ("text", "varchar"),
            ("text", "text using c"),
            ("int", "int using c"),
            ("numeric(10, 2)", "numeric(12, 2)"),
            ("numeric(10, 2)", "numeric"),
            ("varbit(8)", "varbit(16)"),
            ("varbit(8)", "varbit"),
            ("timestamp(3)", "timestamp(6)"),
            ("timestamp(3)", "timestamp"),
            ("timestamptz", "timestamptz(6)"),
            ("time(3)", "time(6)"),
            ("interval", "interval day to second"),
            ("cidr", "inet"),
            ("xml", "text using c"),
            ("text", "plain"),
            ("plain", "text"),
            ("varchar(10)", "short"),
            ("short", "varchar"),
            ("interval year to month", "interval(3)"),
            ("oid", "regclass"),
            ("jsonb", "jsonb using c::jsonb"),
            ("varchar(10)", "varchar(20) using c::varchar(20)"),
        ] {
            let found = change(from, to, false).0;
            let wanted = if from == "xml" {
                TypeChange::IndexRebuild
            } else {
                TypeChange::None
            };
            assert_eq!(found, wanted, "{from} to {to}");
        }
    }

    #[test]
    fn changes_that_write_the_table_again() {
        for (from, to) in [
            ("varchar(20)", "varchar(10)"),
            ("varchar", "varchar(50)"),
            ("text", "varchar(50)"),
            ("char(10)", "char(20)"),
            ("char(10)", "text"),
            ("char(10)", "varchar(10)"),
            ("varchar(10)", "char(10)"),
            ("int", "bigint"),
            ("bigint", "int"),
            ("int", "bigint using c::bigint"),
            ("int", "int using c + 1"),
            ("text", "text using lower(c)"),
            ("numeric(10, 2)", "numeric(12, 4)"),
            ("numeric", "numeric(12, 2)"),
            ("numeric(10, 2)", "numeric(8, 2)"),
            ("timestamp", "timestamp(3)"),
            ("interval", "interval(3)"),
            ("json", "jsonb"),
            ("jsonb", "text"),
            ("bit(8)", "varbit(8)"),
            ("mood", "text"),
            ("text", "mood using c::mood"),
            ("uuid", "text"),
            ("date", "timestamp"),
            ("text", "checked"),
            ("short", "varchar(20)"),
            ("int[]", "bigint[]"),
            ("text", "int using c::text::int"),
        ] {
            assert_eq!(change(from, to, false).0, TypeChange::Rewrite, "{from} to {to}");
        }
    }

    #[test]
    fn changes_between_kinds_of_timestamp_depend_on_the_session() {
        assert_eq!(
            change("timestamp", "timestamptz", false).0,
            TypeChange::RewriteUnlessUtc
        );
        assert_eq!(change("timestamp", "timestamptz", true).0, TypeChange::IndexRebuild);
        assert_eq!(
            change("timestamp", "timestamptz using c at time zone 'UTC'", true).0,
            TypeChange::Rewrite
        );
    }

    #[test]
    fn types_of_which_nothing_is_known() {
        assert_eq!(change("citext", "text", false).0, TypeChange::Unknown);
        assert_eq!(change("text", "extensions.citext", false).0, TypeChange::Unknown);
        assert_eq!(change("int", "oid", false).0, TypeChange::IndexRebuild);
    }

    #[test]
    fn values_that_do_not_fit() {
        use Narrowing::{Cuts, Drops, Fails, Rounds, RoundsOrFails};
        for (from, to, wanted) in [
            ("bigint", "int", Some(Fails)),
            ("int", "bigint", None),
            ("int", "smallint using c::smallint", Some(Fails)),
            ("varchar(20)", "varchar(10)", Some(Fails)),
            ("varchar(20)", "varchar(10) using c::varchar(10)", Some(Cuts)),
            ("varchar(20)", "varchar(10) using left(c, 10)", None),
            ("varchar(10)", "varchar(20)", None),
            ("varchar(10)", "char(20)", None),
            ("text", "varchar(50)", Some(Fails)),
            ("text", "varchar", None),
            ("timestamp", "timestamp(3)", Some(Rounds)),
            ("timestamptz", "date", Some(Drops)),
            ("numeric(10, 2)", "numeric(12, 2)", None),
            ("numeric(10, 2)", "numeric(10, 4)", Some(Fails)),
            ("numeric(10, 2)", "numeric(9, 1)", Some(Rounds)),
            ("numeric(10, 2)", "numeric(4, 0)", Some(RoundsOrFails)),
            ("numeric", "numeric(10, 2)", Some(RoundsOrFails)),
            ("numeric", "int", Some(RoundsOrFails)),
            ("numeric(8, 0)", "int", None),
            ("short", "varchar(5)", Some(Fails)),
            ("int", "text", None),
        ] {
            assert_eq!(change(from, to, false).1, wanted, "{from} to {to}");
        }
    }
}
