//! The words of statements: options, settings, kinds of objects.

use crate::schema::inverse::print::{self, literal, quote_ident};
use crate::schema::objects::{Id, Sequence};
use crate::sql::lexeme::{LexemeKind, lexemes};
use crate::sql::statement::{ObjectKind, TriggerMode, Volatility};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// The value of `SET name TO …`, from what `pg_proc.proconfig` would hold.
pub(crate) fn setting_value(name: &str, value: &str) -> String {
    match name {
        "search_path" if value.is_empty() || value == "\"\"" => "''".into(),
        "search_path" => value.to_owned(),
        _ => literal(value),
    }
}

pub(crate) fn volatility_word(volatility: Volatility) -> &'static str {
    match volatility {
        Volatility::Immutable => "immutable",
        Volatility::Stable => "stable",
        Volatility::Volatile => "volatile",
    }
}

pub(crate) fn security_words(definer: bool) -> &'static str {
    if definer {
        "security definer"
    } else {
        "security invoker"
    }
}

pub(crate) fn is_switch(attribute: &str) -> bool {
    matches!(
        attribute,
        "SUPERUSER" | "CREATEDB" | "CREATEROLE" | "INHERIT" | "LOGIN" | "REPLICATION" | "BYPASSRLS"
    )
}

pub(crate) fn sequence_options(sequence: &Sequence) -> String {
    let mut sql = String::new();
    if sequence.increment != "1" {
        sql.push_str(&format!(" increment by {}", sequence.increment));
    }
    for (name, value) in &sequence.options {
        sql.push_str(&format!(" {name} {value}"));
    }
    if sequence.cycle {
        sql.push_str(" cycle");
    }
    sql
}

pub(crate) fn trigger_mode(table: &Id, name: &str, mode: TriggerMode) -> String {
    let verb = match mode {
        TriggerMode::Disable => "disable",
        TriggerMode::Enable => "enable",
        TriggerMode::EnableReplica => "enable replica",
        TriggerMode::EnableAlways => "enable always",
    };
    format!("alter table {} {verb} trigger {};", print::id(table), quote_ident(name))
}

/// What ALTER TABLE kept by its words, set or as it is where nothing was set.
pub(crate) fn setting(table: &Id, name: &str, value: Option<&SmolStr>) -> String {
    let on = format!("alter table {}", print::id(table));
    if let Some(rule) = name.strip_prefix("rule ") {
        return format!("{on} {} rule {rule};", value.map_or("enable", SmolStr::as_str));
    }
    if let Some((head, option)) = name.split_once(" set (") {
        return match value {
            Some(value) => format!("{on} {head} set ({option} = {value});"),
            None => format!("{on} {head} reset ({option});"),
        };
    }
    match (name, value) {
        ("cluster on", None) => format!("{on} set without cluster;"),
        ("replica identity", None) => format!("{on} replica identity default;"),
        ("set tablespace", None) => format!("{on} set tablespace pg_default;"),
        ("set access method", None) => format!("{on} set access method heap;"),
        (name, None) if name.ends_with("statistics") => format!("{on} {name} -1;"),
        (name, None) => format!("{on} {name} default;"),
        (name, Some(value)) => format!("{on} {name} {value};"),
    }
}

/// `with (name = value, …)`, or nothing.
pub(crate) fn with_options(options: &BTreeMap<SmolStr, SmolStr>) -> String {
    if options.is_empty() {
        return String::new();
    }
    format!(" with ({})", option_list(options))
}

pub(crate) fn option_list<'o>(options: impl IntoIterator<Item = (&'o SmolStr, &'o SmolStr)>) -> String {
    let each = options.into_iter().map(|(name, value)| {
        let plain = value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_'));
        match value.as_str() {
            "" => name.to_string(),
            value if plain => format!("{name} = {value}"),
            value => format!("{name} = {}", literal(value)),
        }
    });
    each.collect::<Vec<_>>().join(", ")
}

pub(crate) fn roles(roles: &[SmolStr]) -> String {
    let all: Vec<String> = roles.iter().map(|role| print::role(role)).collect();
    all.join(", ")
}

/// An expression in one pair of parentheses.
pub(crate) fn in_parentheses(text: &str) -> String {
    let text = text.trim();
    let all = lexemes(text);
    let mut depth = 0;
    let whole = all.first().is_some_and(|first| first.kind == LexemeKind::Open)
        && all.iter().enumerate().all(|(at, lexeme)| {
            match lexeme.kind {
                LexemeKind::Open => depth += 1,
                LexemeKind::Close => depth -= 1,
                _ => {}
            }
            depth > 0 || at + 1 == all.len()
        });
    if whole { text.to_owned() } else { format!("({text})") }
}

/// Whether a word after `::` is a type of PostgreSQL's own.
pub(crate) fn is_plain_type(name: &str) -> bool {
    const PLAIN: &[&str] = &[
        "bool",
        "boolean",
        "bytea",
        "char",
        "character",
        "cidr",
        "date",
        "decimal",
        "double",
        "float",
        "float4",
        "float8",
        "inet",
        "int",
        "int2",
        "int4",
        "int8",
        "integer",
        "interval",
        "json",
        "jsonb",
        "jsonpath",
        "name",
        "numeric",
        "oid",
        "real",
        "regclass",
        "regconfig",
        "regproc",
        "regprocedure",
        "regtype",
        "smallint",
        "bigint",
        "text",
        "time",
        "timestamp",
        "timestamptz",
        "timetz",
        "tsquery",
        "tsvector",
        "uuid",
        "varchar",
        "xml",
        "bit",
        "varbit",
        "money",
        "point",
    ];
    PLAIN.contains(&name)
}

/// What PostgreSQL calls a kind of object that dblsp does not look into.
pub(crate) fn other_noun(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::AccessMethod => "access method",
        ObjectKind::Cast => "cast",
        ObjectKind::Collation => "collation",
        ObjectKind::Conversion => "conversion",
        ObjectKind::EventTrigger => "event trigger",
        ObjectKind::ForeignDataWrapper => "foreign data wrapper",
        ObjectKind::ForeignServer => "server",
        ObjectKind::Language => "language",
        ObjectKind::Operator => "operator",
        ObjectKind::OperatorClass => "operator class",
        ObjectKind::OperatorFamily => "operator family",
        ObjectKind::Statistics => "statistics",
        ObjectKind::Subscription => "subscription",
        ObjectKind::TextSearchConfiguration => "text search configuration",
        ObjectKind::TextSearchDictionary => "text search dictionary",
        ObjectKind::TextSearchParser => "text search parser",
        ObjectKind::TextSearchTemplate => "text search template",
        _ => "object",
    }
}

/// The name of such an object, as DROP writes it.
pub(crate) fn other_name(kind: ObjectKind, name: &str) -> String {
    match kind {
        ObjectKind::Cast => match name.split_once(" AS ") {
            Some((source, target)) => format!("({source} as {target})"),
            None => name.to_owned(),
        },
        ObjectKind::EventTrigger
        | ObjectKind::ForeignServer
        | ObjectKind::ForeignDataWrapper
        | ObjectKind::AccessMethod
        | ObjectKind::Language => quote_ident(name.rsplit('.').next().unwrap_or(name)),
        _ => match name.split_once('.') {
            Some((schema, name)) => format!("{}.{}", quote_ident(schema), quote_ident(name)),
            None => quote_ident(name),
        },
    }
}
