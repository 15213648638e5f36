//! `CREATE EXTENSION` where the extension may not be installed, and where the role may not install it.
//!
//! On Supabase `postgres` is no superuser and creates extensions all the same. So does the migrating role here: the
//! statement is replaced by a call of `_dblsp.create_extension`, which installs the real extension where the server has
//! it, else a stub: its types, functions and tables by name and signature, so that the history goes on.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use crate::connection::literal;
use crate::text::{leading_words, skip_comments};

/// What stands in for an extension that the server does not have.
pub(crate) struct Stub {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) requires: &'static [&'static str],
    pub(crate) script: &'static str,
}

macro_rules! stubs {
    ($($name:literal $version:literal $requires:expr;)*) => {
        /// All stubs. An extension that is not here and not installed is an error, as on a real server.
        pub(crate) const STUBS: &[Stub] = &[$(Stub {
            name: $name,
            version: $version,
            requires: &$requires,
            script: include_str!(concat!("extensions/", $name, ".sql")),
        }),*];
    };
}

stubs! {
    "hypopg" "1.4.1" [];
    "http" "1.6" [];
    "index_advisor" "0.2.0" ["hypopg"];
    "pg_cron" "1.6" [];
    "pg_graphql" "1.5.9" [];
    "pg_jsonschema" "0.3.3" [];
    "pg_net" "0.14.0" [];
    "pg_tle" "1.4.0" [];
    "pgcrypto" "1.3" [];
    "pgjwt" "0.2.0" ["pgcrypto"];
    "pgmq" "1.4.4" [];
    "pgsodium" "3.1.9" [];
    "supabase_vault" "0.3.1" [];
    "uuid-ossp" "1.1" [];
    "vector" "0.8.0" [];
}

/// Whether there is a stub of this name.
pub fn is_stubbed(name: &str) -> bool {
    STUBS.iter().any(|stub| stub.name == name)
}

static CREATE: LazyLock<Regex> = LazyLock::new(|| {
    let name = r#"("(?:[^"]|"")+"|[\w-]+)"#;
    Regex::new(&format!(
        r"(?is)^create\s+extension\s+(if\s+not\s+exists\s+)?{name}(?:\s+with\b)?(?:\s+(?:schema\s+{name}|version\s+(?:'[^']*'|\S+)))*(\s+cascade)?\s*;?\s*$"
    ))
    .expect("the pattern is valid")
});

static UNKNOWN_INDEX_OPTIONS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?is)\busing\s+(?:hnsw|ivfflat)\b.*?(\bwith\s*\([^)]*\))").expect("the pattern is valid")
});

/// What to send instead of a statement. Byte offsets in the result are those of the statement, unless it is a
/// `CREATE EXTENSION`, whose errors have none.
pub fn rewrite(statement: &str) -> Cow<'_, str> {
    match leading_words::<3>(statement).each_ref().map(String::as_str) {
        ["create", "extension", _] => create_extension(statement).map_or(Cow::Borrowed(statement), Cow::Owned),
        ["create", "index", _] | ["create", "unique", "index"] => without_index_options(statement),
        _ => Cow::Borrowed(statement),
    }
}

fn create_extension(statement: &str) -> Option<String> {
    let captures = CREATE.captures(skip_comments(statement))?;
    let name = folded(captures.get(2)?.as_str());
    let schema = captures
        .get(3)
        .map_or("NULL".to_owned(), |schema| literal(&folded(schema.as_str())));
    Some(format!(
        "SELECT _dblsp.create_extension({}, {}, {schema}, pg_catalog.current_schema(), {})",
        literal(&name),
        captures.get(1).is_some(),
        captures.get(4).is_some()
    ))
}

/// An identifier's name: unquoted ones in lower case.
fn folded(identifier: &str) -> String {
    match identifier.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => identifier.to_ascii_lowercase(),
    }
}

/// The stub's index methods are hash indexes, which refuse `m`, `ef_construction` and `lists`.
fn without_index_options(statement: &str) -> Cow<'_, str> {
    let Some(options) = UNKNOWN_INDEX_OPTIONS
        .captures(statement)
        .and_then(|captures| captures.get(1))
    else {
        return Cow::Borrowed(statement);
    };
    let mut rewritten = statement.to_owned();
    rewritten.replace_range(options.range(), &" ".repeat(options.len()));
    Cow::Owned(rewritten)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn create_extension_becomes_a_call() {
        let call = rewrite("-- we need it\nCREATE EXTENSION IF NOT EXISTS \"uuid-ossp\" WITH SCHEMA extensions;");
        assert_eq!(
            call,
            "SELECT _dblsp.create_extension('uuid-ossp', true, 'extensions', pg_catalog.current_schema(), false)"
        );
        assert!(rewrite("create extension Vector").contains("('vector', false, NULL,"));
        assert!(
            rewrite("create extension a with version '1.0' schema b cascade")
                .contains("('a', false, 'b', pg_catalog.current_schema(), true)")
        );
    }

    #[test]
    fn options_of_stubbed_index_methods_become_spaces() {
        let sql = "create index on t using hnsw (e vector_l2_ops) with (m = 16) where x";
        let sent = rewrite(sql);
        assert_eq!(sent.len(), sql.len());
        assert!(!sent.contains("with") && sent.ends_with(" where x"));
    }

    #[test]
    fn other_statements_are_sent_as_they_are() {
        assert!(matches!(rewrite("create table extension ()"), Cow::Borrowed(_)));
    }
}
