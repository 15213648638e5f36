//! CREATE.

use super::super::code::{Word, ends};
use super::super::keywords as kw;
use super::rows::{expression, query};
use super::{Context, Want};

pub(super) fn create(words: &[Word<'_>]) -> Context {
    use Want as W;
    let Some(first) = words.first() else {
        return Context::of(&[], kw::CREATE);
    };
    if first.is("OR") {
        return match words.len() {
            1 => Context::of(&[], &["REPLACE"]),
            2 => Context::of(&[], &["FUNCTION", "PROCEDURE", "VIEW", "TRIGGER", "AGGREGATE"]),
            _ => create(&words[2..]),
        };
    }
    if first.any(&[
        "TEMPORARY",
        "TEMP",
        "UNLOGGED",
        "UNIQUE",
        "CONSTRAINT",
        "MATERIALIZED",
        "RECURSIVE",
        "FOREIGN",
    ]) {
        return match words.len() {
            1 => Context::of(&[], &["TABLE", "INDEX", "TRIGGER", "VIEW", "SEQUENCE"]),
            _ => create(&words[1..]),
        };
    }
    let last = words.last().expect("there is a first");
    match first.text.to_ascii_uppercase().as_str() {
        "POLICY" => create_policy(&words[1..]),
        "TRIGGER" => create_trigger(&words[1..]),
        "INDEX" => create_index(&words[1..]),
        "FUNCTION" | "PROCEDURE" => create_function(&words[1..]),
        "TABLE" => match last.text.to_ascii_uppercase().as_str() {
            "TABLE" => Context::of(&[W::Schema], &["IF NOT EXISTS"]),
            "EXISTS" => Context::of(&[W::Schema], &[]),
            "OF" if ends(words, &["PARTITION", "OF"]) => Context::of(&[W::Table], &[]),
            "OF" => Context::of(&[W::Type], &[]),
            "AS" => Context::of(&[], &["SELECT", "WITH", "VALUES"]),
            "()" => Context::of(
                &[],
                &[
                    "PARTITION BY RANGE",
                    "PARTITION BY LIST",
                    "PARTITION BY HASH",
                    "INHERITS",
                    "WITH",
                ],
            ),
            _ if words.iter().any(|word| word.any(&["SELECT", "FROM"])) => query(words),
            _ => Context::of(&[], &["AS", "PARTITION OF"]),
        },
        "VIEW" => {
            if let Some(at) = words.iter().position(|word| word.is("AS")) {
                return match &words[at + 1..] {
                    [] => Context::of(&[], &["SELECT", "WITH", "VALUES"]),
                    inner => query(inner),
                };
            }
            match words.len() {
                1 => Context::of(&[W::Schema], &["IF NOT EXISTS"]),
                _ => Context::of(&[], &["AS", "WITH (security_invoker = true) AS"]),
            }
        }
        "TYPE" => match words.len() {
            1 => Context::of(&[W::Schema], &[]),
            2 => Context::of(&[], &["AS ENUM", "AS"]),
            _ => Context::of(&[], &["ENUM", "RANGE"]),
        },
        "DOMAIN" => match words.len() {
            1 => Context::of(&[W::Schema], &[]),
            2 => Context::of(&[W::Type], &["AS"]),
            _ if last.is("AS") => Context::of(&[W::Type], &[]),
            _ => Context::of(&[], &["NOT NULL", "CHECK", "DEFAULT", "CONSTRAINT"]),
        },
        "EXTENSION" => match last.text.to_ascii_uppercase().as_str() {
            "EXTENSION" => Context::of(&[W::NewExtension], &["IF NOT EXISTS"]),
            "EXISTS" => Context::of(&[W::NewExtension], &[]),
            "SCHEMA" => Context::of(&[W::Schema], &[]),
            _ => Context::of(&[], &["WITH SCHEMA", "SCHEMA", "CASCADE", "VERSION"]),
        },
        "SCHEMA" => match last.text.to_ascii_uppercase().as_str() {
            "SCHEMA" => Context::of(&[], &["IF NOT EXISTS", "AUTHORIZATION"]),
            "AUTHORIZATION" => Context::of(&[W::Role], &[]),
            _ => Context::of(&[], &["AUTHORIZATION"]),
        },
        "SEQUENCE" => match words.len() {
            1 => Context::of(&[W::Schema], &["IF NOT EXISTS"]),
            _ => Context::of(&[], kw::SEQUENCE),
        },
        "ROLE" | "USER" => match words.len() {
            1 => Context::default(),
            _ => Context::of(&[], kw::ROLE_OPTIONS),
        },
        "PUBLICATION" => match last.text.to_ascii_uppercase().as_str() {
            "TABLE" | "," => Context::of(&[W::Table], &[]),
            _ => Context::of(&[], &["FOR TABLE", "FOR ALL TABLES", "FOR TABLES IN SCHEMA"]),
        },
        _ => Context::default(),
    }
}

fn create_policy(words: &[Word<'_>]) -> Context {
    use Want as W;
    let Some(last) = words.last() else {
        return Context::default();
    };
    let has = |word: &str| words.iter().any(|other| other.is(word));
    if words.len() == 1 {
        return Context::of(&[], &["ON"]);
    }
    match last.text.to_ascii_uppercase().as_str() {
        "ON" => Context::of(&[W::Table], &[]),
        "AS" => Context::of(&[], &["PERMISSIVE", "RESTRICTIVE"]),
        "FOR" => Context::of(&[], &["ALL", "SELECT", "INSERT", "UPDATE", "DELETE"]),
        "TO" => Context::of(&[W::Role], &["PUBLIC", "CURRENT_USER"]),
        "," if has("TO") => Context::of(&[W::Role], &["PUBLIC"]),
        "WITH" => Context::of(&[], &["CHECK"]),
        _ => {
            let clauses = ["AS", "FOR", "TO", "USING", "WITH CHECK"];
            let open = clauses
                .iter()
                .filter(|clause| !has(clause.split(' ').next().unwrap_or(clause)))
                .copied();
            Context::of(&[], &open.collect::<Vec<_>>())
        }
    }
}

fn create_trigger(words: &[Word<'_>]) -> Context {
    use Want as W;
    let Some(last) = words.last() else {
        return Context::default();
    };
    let has = |word: &str| words.iter().any(|other| other.is(word));
    if words.len() == 1 {
        return Context::of(&[], &["BEFORE", "AFTER", "INSTEAD OF"]);
    }
    match last.text.to_ascii_uppercase().as_str() {
        "BEFORE" | "AFTER" | "OR" => Context::of(&[], &["INSERT", "UPDATE", "DELETE", "TRUNCATE", "UPDATE OF"]),
        "OF" if ends(words, &["INSTEAD", "OF"]) => Context::of(&[], &["INSERT", "UPDATE", "DELETE"]),
        "OF" => Context::of(&[W::Column], &[]),
        "ON" => Context::of(&[W::Relation], &[]),
        "FUNCTION" | "PROCEDURE" => Context::of(&[W::TriggerFunction], &[]),
        "EACH" => Context::of(&[], &["ROW", "STATEMENT"]),
        "FOR" => Context::of(&[], &["EACH ROW", "EACH STATEMENT"]),
        "EXECUTE" => Context::of(&[], &["FUNCTION"]),
        "," => Context::of(&[W::Column], &[]),
        _ if !has("ON") => Context::of(&[], &["OR", "OF", "ON"]),
        _ => Context::of(&[], &["FOR EACH ROW", "FOR EACH STATEMENT", "WHEN", "EXECUTE FUNCTION"]),
    }
}

fn create_index(words: &[Word<'_>]) -> Context {
    use Want as W;
    let Some(last) = words.last() else {
        return Context::of(&[], &["CONCURRENTLY", "IF NOT EXISTS", "ON"]);
    };
    match last.text.to_ascii_uppercase().as_str() {
        "CONCURRENTLY" => Context::of(&[], &["IF NOT EXISTS", "ON"]),
        "ON" | "ONLY" => Context::of(&[W::Table], &["ONLY"]),
        "USING" => Context::of(&[], &["btree", "hash", "gin", "gist", "spgist", "brin"]),
        "WHERE" => expression(&[]),
        "()" => Context::of(&[], &["WHERE", "INCLUDE", "WITH", "NULLS NOT DISTINCT"]),
        _ if words.iter().any(|word| word.is("WHERE")) => expression(words),
        _ if words.iter().any(|word| word.is("ON")) => Context::of(&[], &["USING"]),
        _ => Context::of(&[], &["ON"]),
    }
}

fn create_function(words: &[Word<'_>]) -> Context {
    use Want as W;
    let Some(last) = words.last() else {
        return Context::of(&[W::Schema], &[]);
    };
    match last.text.to_ascii_uppercase().as_str() {
        "RETURNS" | "SETOF" => Context::of(&[W::Type], &["SETOF", "TABLE", "trigger", "void"]),
        "LANGUAGE" => Context::of(&[], &["plpgsql", "sql"]),
        "SECURITY" => Context::of(&[], &["DEFINER", "INVOKER"]),
        "SET" => Context::of(&[], &["search_path = ''"]),
        _ if words.len() == 1 => Context::default(),
        _ => Context::of(&[], kw::FUNCTION),
    }
}
