//! What PostgreSQL's own catalogs say about its functions and casts, per major version.
//!
//! The tables under `facts/` are dumps of `pg_proc` and `pg_cast` of PostgreSQL 14 to 18. Knows no rule.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use smol_str::SmolStr;

use super::catalog::Catalog;
use super::objects::{Id, Routine};
use super::session::Session;
use crate::sql::name::Name;
use crate::sql::statement::{Expr, ExprNode, Volatility};

/// The majors that the columns of `volatility.tsv` stand for.
const FIRST_MAJOR: u16 = 14;
const LAST_MAJOR: u16 = 18;

/// Per line a function of `pg_catalog` and a letter per major: `i`, `s`, `v` as in `pg_proc.provolatile`, `-` where it
/// does not exist; in capitals, the most volatile one of overloads that differ.
static VOLATILITY: LazyLock<HashMap<&str, &[u8]>> = LazyLock::new(|| {
    let lines = include_str!("facts/volatility.tsv").lines();
    lines
        .filter_map(|line| line.split_once('\t'))
        .map(|(name, letters)| (name, letters.as_bytes()))
        .collect()
});

/// Pairs of types whose values are stored alike: `pg_cast.castmethod = 'b'`, the same in 14 to 18.
static BINARY_CASTS: LazyLock<HashSet<(&str, &str)>> = LazyLock::new(|| {
    let lines = include_str!("facts/binary_casts.tsv").lines();
    lines.filter_map(|line| line.split_once('\t')).collect()
});

/// Functions of extensions that column defaults call: by name, whatever their schema.
const EXTENSION_FUNCTIONS: &[(&str, Volatility)] = &[
    ("cuid", Volatility::Volatile),
    ("gen_random_bytes", Volatility::Volatile),
    ("gen_salt", Volatility::Volatile),
    ("uuid_generate_v1", Volatility::Volatile),
    ("uuid_generate_v1mc", Volatility::Volatile),
    ("uuid_generate_v3", Volatility::Immutable),
    ("uuid_generate_v4", Volatility::Volatile),
    ("uuid_generate_v5", Volatility::Immutable),
    ("uuid_generate_v7", Volatility::Volatile),
    ("uuid_nil", Volatility::Immutable),
];

/// Calls that the grammar has its own words for and `pg_proc` does not: they read the session or the transaction.
const STABLE_KEYWORDS: &[&str] = &[
    "current_catalog",
    "current_date",
    "current_role",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "session_user",
    "system_user",
    "user",
];

/// Forms that are as volatile as their arguments.
const TRANSPARENT_KEYWORDS: &[&str] = &["coalesce", "greatest", "least", "nullif", "row", "trim", "xmlelement"];

/// Whether values of the one built-in type are stored like values of the other.
pub fn is_binary_coercible(from: &str, to: &str) -> bool {
    from == to || BINARY_CASTS.contains(&(from, to))
}

/// The functions of `pg_catalog` that people call and whose name begins so: those that types, operators and indexes are
/// made of are left out.
pub fn builtin_functions(prefix: &str, postgres: u16) -> impl Iterator<Item = &'static str> {
    const INNER: &[&str] = &[
        "in",
        "out",
        "recv",
        "send",
        "sel",
        "joinsel",
        "hash",
        "support",
        "larger",
        "smaller",
        "accum",
        "combine",
        "serialize",
        "deserialize",
        "transfn",
        "finalfn",
        "typmodin",
        "typmodout",
        "cmp",
        "sortsupport",
        "equalimage",
    ];
    let column = usize::from(postgres.clamp(FIRST_MAJOR, LAST_MAJOR) - FIRST_MAJOR);
    let lines = include_str!("facts/volatility.tsv").lines();
    lines
        .filter(move |line| line.starts_with(prefix))
        .filter_map(move |line| {
            let (name, letters) = line.split_once('\t')?;
            let is_there = letters.as_bytes().get(column).is_some_and(|letter| *letter != b'-');
            let plain = name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            let inner = INNER.iter().any(|end| {
                name.strip_suffix(end)
                    .is_some_and(|rest| !rest.is_empty() && (rest.ends_with('_') || end.len() > 3))
            });
            (is_there && plain && !inner && !name.starts_with('_')).then_some(name)
        })
}

/// Volatility of a built-in function; `None` where there is none of that name, or overloads differ and one is volatile.
/// Of overloads of which none is volatile, the most volatile one.
pub fn builtin_volatility(name: &str, postgres: u16) -> Option<Volatility> {
    let column = usize::from(postgres.clamp(FIRST_MAJOR, LAST_MAJOR) - FIRST_MAJOR);
    match VOLATILITY.get(name)?.get(column)? {
        b'i' => Some(Volatility::Immutable),
        b's' | b'S' => Some(Volatility::Stable),
        b'v' => Some(Volatility::Volatile),
        _ => None,
    }
}

/// Volatility of a whole expression, as PostgreSQL's planner would find it; `None` where that cannot be told.
///
/// A function written in SQL and declared volatile may be inlined, and the expression is then what its body is: unsure.
pub fn volatility(expr: &Expr, catalog: &Catalog, session: &Session, postgres: u16) -> Option<Volatility> {
    let mut found = Some(match &expr.node {
        ExprNode::Call { name, arguments, .. } => match call(name, arguments.len(), catalog, session, postgres) {
            Some(own) => own,
            None => return volatile_part(expr, catalog, session, postgres),
        },
        ExprNode::Subquery { .. } | ExprNode::InSubquery { .. } => return None,
        ExprNode::Opaque { calls, .. } => {
            let volatile = calls
                .iter()
                .any(|name| call(name, 0, catalog, session, postgres) == Some(Volatility::Volatile));
            return volatile.then_some(Volatility::Volatile);
        }
        _ => Volatility::Immutable,
    });
    for child in expr.children() {
        match (found, volatility(child, catalog, session, postgres)) {
            (_, Some(Volatility::Volatile)) => return Some(Volatility::Volatile),
            (Some(Volatility::Volatile), _) => return Some(Volatility::Volatile),
            (Some(own), Some(inner)) => found = Some(worse(own, inner)),
            (None, _) | (_, None) => found = None,
        }
    }
    found
}

/// Of a call that nothing is known about: volatile if an argument is, else unknown.
fn volatile_part(expr: &Expr, catalog: &Catalog, session: &Session, postgres: u16) -> Option<Volatility> {
    let volatile = expr
        .children()
        .into_iter()
        .any(|child| volatility(child, catalog, session, postgres) == Some(Volatility::Volatile));
    volatile.then_some(Volatility::Volatile)
}

fn worse(one: Volatility, other: Volatility) -> Volatility {
    match (one, other) {
        (Volatility::Volatile, _) | (_, Volatility::Volatile) => Volatility::Volatile,
        (Volatility::Stable, _) | (_, Volatility::Stable) => Volatility::Stable,
        _ => Volatility::Immutable,
    }
}

fn call(name: &Name, arguments: usize, catalog: &Catalog, session: &Session, postgres: u16) -> Option<Volatility> {
    let last = name.last().value.as_str();
    let schema = name.qualifier().map(|schema| schema.value.as_str());
    if schema.is_none() && STABLE_KEYWORDS.contains(&last) {
        return Some(Volatility::Stable);
    }
    if schema.is_none() && TRANSPARENT_KEYWORDS.contains(&last) {
        return Some(Volatility::Immutable);
    }
    if schema.is_none_or(|schema| schema == "pg_catalog") && VOLATILITY.contains_key(last) {
        return builtin_volatility(last, postgres);
    }
    let path: Vec<SmolStr> = match schema {
        Some(schema) => vec![schema.into()],
        None => session.search_path.clone(),
    };
    for schema in path {
        let id = Id::new(&schema, last);
        let overloads: Vec<&Routine> = catalog.overloads(&id).map(|(_, routine)| &**routine).collect();
        if !overloads.is_empty() {
            return overloads_volatility(&overloads, arguments);
        }
    }
    let known = EXTENSION_FUNCTIONS.iter().find(|(known, _)| *known == last);
    known.map(|(_, volatility)| *volatility)
}

/// Of the overloads that accept so many arguments, if they agree.
fn overloads_volatility(overloads: &[&Routine], arguments: usize) -> Option<Volatility> {
    let accepts = |routine: &&&Routine| {
        let all = routine.argument_names.len();
        arguments <= all && arguments + routine.defaults >= all
    };
    let fitting: Vec<&&Routine> = overloads.iter().filter(accepts).collect();
    let candidates = if fitting.is_empty() {
        overloads.iter().collect()
    } else {
        fitting
    };
    let mut found = None;
    for routine in candidates {
        let inlines = routine.language == "sql" && routine.volatility == Volatility::Volatile;
        if inlines || found.is_some_and(|found| found != routine.volatility) {
            return None;
        }
        found = Some(routine.volatility);
    }
    found
}

/// The types that an extension is known to bring.
pub(crate) fn extension_types(extension: &str) -> &'static [&'static str] {
    match extension {
        "vector" => &["vector", "halfvec", "sparsevec"],
        "citext" => &["citext"],
        "hstore" => &["hstore"],
        "ltree" => &["ltree", "lquery", "ltxtquery"],
        "cube" => &["cube"],
        "seg" => &["seg"],
        "isn" => &["ean13", "isbn", "isbn13", "ismn", "ismn13", "issn", "issn13", "upc"],
        "postgis" => &["geometry", "geography", "box2d", "box3d", "geometry_dump"],
        "intarray" => &["query_int"],
        "pg_trgm" => &["gtrgm"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Base, History, Migration};
    use crate::schema::timeline::Timeline;
    use crate::settings::Settings;
    use crate::sql::statement::{Node, QueryBody, SelectItem};

    /// Volatility of `select …` after a history of one file.
    fn of(functions: &str, expr: &str, postgres: u16) -> Option<Volatility> {
        let history = History {
            migrations: vec![Migration::new("1.sql", functions)],
            complete: true,
            ..History::default()
        };
        let documents = vec![crate::read(&history.migrations[0])];
        let timeline = Timeline::replay(&history, &documents, &Settings::default());
        let query = crate::sql::parse(&format!("select {expr}"));
        let Node::Query(query) = &query.statements[0].node else {
            panic!("a query")
        };
        let QueryBody::Select(select) = &query.body else {
            panic!("a SELECT")
        };
        let SelectItem::Expr { expr, .. } = &select.items[0] else {
            panic!("an expression")
        };
        volatility(expr, timeline.last(), &Session::new(Base::Empty), postgres)
    }

    #[test]
    fn the_whole_expression_counts() {
        use Volatility::{Immutable, Stable, Volatile};
        for (expr, wanted) in [
            ("1", Immutable),
            ("'{}'::jsonb", Immutable),
            ("now() at time zone 'utc'", Stable),
            ("current_timestamp", Stable),
            ("current_user", Stable),
            ("coalesce(now(), 'x')", Stable),
            ("random()::text", Volatile),
            ("clock_timestamp()", Volatile),
            ("extensions.uuid_generate_v4()", Volatile),
            ("pg_catalog.gen_random_uuid()", Volatile),
            ("'a' || substr(md5(random()::text), 1, 5)", Volatile),
            ("nextval('s'::regclass)", Volatile),
            ("now() + interval '1 day' * random()", Volatile),
        ] {
            assert_eq!(of("", expr, 15), Some(wanted), "{expr}");
        }
        assert_eq!(of("", "unknown_function()", 15), None);
        assert_eq!(of("", "unknown_function(random())", 15), Some(Volatile));
        assert_eq!(of("", "uuidv7()", 17), None, "there is no such function yet");
        assert_eq!(of("", "uuidv7()", 18), Some(Volatile));
    }

    #[test]
    fn functions_of_the_history_are_what_they_are_declared() {
        let functions = "
create function p() returns int language plpgsql as 'begin return 1; end';
create function st() returns int language plpgsql stable as 'begin return 1; end';
create function q() returns int language sql as 'select 1';
create function o(a int) returns int language plpgsql stable as 'begin return 1; end';
create function o(a int, b int) returns int language plpgsql as 'begin return 1; end';
";
        assert_eq!(of(functions, "p()", 15), Some(Volatility::Volatile));
        assert_eq!(of(functions, "public.st()", 15), Some(Volatility::Stable));
        assert_eq!(of(functions, "q()", 15), None, "it may be inlined");
        assert_eq!(of(functions, "o(1)", 15), Some(Volatility::Stable));
        assert_eq!(of(functions, "o(1, 2)", 15), Some(Volatility::Volatile));
    }
}
