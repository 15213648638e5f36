//! ALTER, and the actions of ALTER TABLE.

use super::super::code::{Word, ends};
use super::super::keywords as kw;
use super::definition::{constraint_of_column, table_constraint};
use super::{Context, Want};

pub(super) fn alter(words: &[Word<'_>]) -> Context {
    use Want as W;
    let Some(first) = words.first() else {
        return Context::of(&[], kw::ALTER);
    };
    let kind = first.text.to_ascii_uppercase();
    let skipped = words[1..]
        .iter()
        .take_while(|word| word.any(&["IF", "EXISTS", "ONLY", "VIEW", "TABLE"]))
        .count();
    let rest = &words[1 + skipped..];
    let name_keywords: &[&'static str] = if skipped == 0 { &["IF EXISTS"] } else { &[] };
    match (kind.as_str(), rest) {
        ("TABLE" | "FOREIGN", []) => Context::of(&[W::Table], &["IF EXISTS", "ONLY"]),
        ("TABLE" | "FOREIGN", [_, actions @ ..]) => alter_table(actions),
        ("VIEW" | "MATERIALIZED", []) => Context::of(&[W::View], name_keywords),
        ("INDEX", []) => Context::of(&[W::Index], name_keywords),
        ("SEQUENCE", []) => Context::of(&[W::Sequence], name_keywords),
        ("SEQUENCE", [_]) => Context::of(&[], kw::SEQUENCE),
        ("TYPE" | "DOMAIN", []) => Context::of(&[W::Type], &[]),
        ("TYPE", [_]) => Context::of(&[], kw::ALTER_TYPE),
        ("DOMAIN", [_]) => Context::of(&[], kw::ALTER_DOMAIN),
        ("FUNCTION" | "PROCEDURE" | "ROUTINE", []) => Context::of(&[W::Function], &[]),
        ("FUNCTION" | "PROCEDURE" | "ROUTINE", [.., last]) if last.text == "()" => Context::of(&[], kw::ALTER_FUNCTION),
        ("SCHEMA", []) => Context::of(&[W::Schema], &[]),
        ("ROLE" | "USER", []) => Context::of(&[W::Role], &[]),
        ("ROLE" | "USER", [_]) => Context::of(&[], kw::ROLE_OPTIONS),
        ("EXTENSION", []) => Context::of(&[W::Extension], &[]),
        ("EXTENSION", [_]) => Context::of(&[], &["UPDATE", "SET SCHEMA"]),
        ("PUBLICATION", []) => Context::of(&[W::Publication], &[]),
        ("PUBLICATION", [_]) => Context::of(&[], &["ADD TABLE", "DROP TABLE", "SET TABLE"]),
        ("POLICY" | "TRIGGER", []) => Context::of(&[if kind == "POLICY" { W::Policy } else { W::Trigger }], &[]),
        ("POLICY" | "TRIGGER", [_]) => Context::of(&[], &["ON"]),
        ("POLICY" | "TRIGGER", [_, _]) => Context::of(&[W::Table], &[]),
        ("POLICY", [_, _, _]) => Context::of(&[], &["TO", "USING", "WITH CHECK", "RENAME TO"]),
        ("TRIGGER", [_, _, _]) => Context::of(&[], &["RENAME TO"]),
        ("DEFAULT", _) => match words.last() {
            Some(last) if last.any(&["ROLE", "TO", "FROM", "USER"]) => Context::of(&[W::Role], &["PUBLIC"]),
            Some(last) if last.is("SCHEMA") => Context::of(&[W::Schema], &[]),
            Some(last) if last.any(&["GRANT", "REVOKE"]) => Context::of(&[], kw::PRIVILEGES),
            Some(last) if last.is("ON") => Context::of(&[], &["TABLES", "SEQUENCES", "FUNCTIONS", "TYPES", "SCHEMAS"]),
            Some(last) if last.is("DEFAULT") => Context::of(&[], &["PRIVILEGES"]),
            _ => Context::of(&[], &["FOR ROLE", "IN SCHEMA", "GRANT", "REVOKE", "ON", "TO", "FROM"]),
        },
        (_, [.., last]) if last.is("TO") && words.iter().any(|word| word.is("OWNER")) => Context::of(&[W::Role], &[]),
        (_, [.., set, schema]) if set.is("SET") && schema.is("SCHEMA") => Context::of(&[W::Schema], &[]),
        ("VIEW" | "MATERIALIZED" | "INDEX", [_]) => Context::of(
            &[],
            &[
                "RENAME TO",
                "OWNER TO",
                "SET SCHEMA",
                "RENAME COLUMN",
                "SET",
                "ALTER COLUMN",
            ],
        ),
        ("SCHEMA", [_]) => Context::of(&[], &["RENAME TO", "OWNER TO"]),
        (_, [.., last]) if last.is("TO") && ends(words, &["ROLE", "TO"]) => Context::of(&[W::Role], &[]),
        ("POLICY", [.., last]) if last.any(&["TO", ","]) => Context::of(&[W::Role], &["PUBLIC"]),
        _ => Context::default(),
    }
}

/// Behind `ALTER TABLE name`.
fn alter_table(words: &[Word<'_>]) -> Context {
    use Want as W;
    let action = words.rsplit(|word| word.text == ",").next().unwrap_or_default();
    let Some((first, rest)) = action.split_first() else {
        return Context::of(&[], kw::ALTER_TABLE);
    };
    let rest: Vec<Word<'_>> = rest
        .iter()
        .filter(|word| !word.any(&["IF", "NOT", "EXISTS"]) || rest.len() > 6)
        .cloned()
        .collect();
    let if_exists: &[&'static str] = &["IF EXISTS"];
    match first.text.to_ascii_uppercase().as_str() {
        "ADD" => match rest.as_slice() {
            [] => Context::of(&[], kw::ADD),
            [word] if word.is("COLUMN") => Context::of(&[], &["IF NOT EXISTS"]),
            [word, column @ ..] if word.is("COLUMN") => column_definition_behind_name(action, column),
            [word, ..] if word.any(&["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE"]) => {
                table_constraint(&action[1..])
            }
            column => column_definition_behind_name(action, column),
        },
        "DROP" => match rest.as_slice() {
            [] => Context::of(&[W::Column], &["COLUMN", "CONSTRAINT", "IF EXISTS"]),
            [word] if word.is("COLUMN") => Context::of(&[W::Column], if_exists),
            [word] if word.is("CONSTRAINT") => Context::of(&[W::Constraint], if_exists),
            _ => Context::of(&[], &["CASCADE", "RESTRICT"]),
        },
        "ALTER" => match rest.as_slice() {
            [] => Context::of(&[W::Column], &["COLUMN", "CONSTRAINT"]),
            [word] if word.is("COLUMN") => Context::of(&[W::Column], &[]),
            [word] if word.is("CONSTRAINT") => Context::of(&[W::Constraint], &[]),
            [word, ..] if word.is("CONSTRAINT") => Context::of(&[], &["DEFERRABLE", "NOT DEFERRABLE"]),
            [word, _, more @ ..] if word.is("COLUMN") => alter_column(more, action),
            [_, more @ ..] => alter_column(more, action),
        },
        "RENAME" => match rest.as_slice() {
            [] => Context::of(&[W::Column], &["TO", "COLUMN", "CONSTRAINT"]),
            [word] if word.is("COLUMN") => Context::of(&[W::Column], &[]),
            [word] if word.is("CONSTRAINT") => Context::of(&[W::Constraint], &[]),
            [.., last] if !last.is("TO") => Context::of(&[], &["TO"]),
            _ => Context::default(),
        },
        "VALIDATE" => match rest.as_slice() {
            [] => Context::of(&[], &["CONSTRAINT"]),
            _ => Context::of(&[W::Constraint], &[]),
        },
        "ENABLE" | "DISABLE" => match rest.as_slice() {
            [] => Context::of(
                &[],
                &[
                    "ROW LEVEL SECURITY",
                    "TRIGGER",
                    "RULE",
                    "ALWAYS TRIGGER",
                    "REPLICA TRIGGER",
                ],
            ),
            [.., last] if last.is("TRIGGER") => Context::of(&[W::Trigger], &["ALL", "USER"]),
            _ => Context::default(),
        },
        "FORCE" | "NO" => Context::of(&[], &["ROW LEVEL SECURITY", "FORCE ROW LEVEL SECURITY", "INHERIT"]),
        "OWNER" => match rest.as_slice() {
            [] => Context::of(&[], &["TO"]),
            _ => Context::of(&[W::Role], &["CURRENT_USER"]),
        },
        "SET" => match rest.as_slice() {
            [] => Context::of(&[], &["SCHEMA", "LOGGED", "UNLOGGED", "TABLESPACE", "WITHOUT CLUSTER"]),
            [.., last] if last.is("SCHEMA") => Context::of(&[W::Schema], &[]),
            _ => Context::default(),
        },
        "ATTACH" | "DETACH" => match rest.as_slice() {
            [] => Context::of(&[], &["PARTITION"]),
            [_] => Context::of(&[W::Table], &[]),
            _ => Context::of(
                &[],
                &[
                    "FOR VALUES FROM",
                    "FOR VALUES IN",
                    "DEFAULT",
                    "CONCURRENTLY",
                    "FINALIZE",
                ],
            ),
        },
        "INHERIT" => Context::of(&[W::Table], &[]),
        "CLUSTER" | "REPLICA" => match rest.last() {
            Some(last) if last.any(&["ON", "INDEX"]) => Context::of(&[W::Index], &[]),
            Some(last) if last.is("IDENTITY") => Context::of(&[], &["USING INDEX", "FULL", "DEFAULT", "NOTHING"]),
            _ => Context::of(&[], &["ON", "IDENTITY"]),
        },
        _ => Context::default(),
    }
}

/// `action`: with IF NOT EXISTS and NOT NULL; `column`: from the column's name on, without.
fn column_definition_behind_name(action: &[Word<'_>], column: &[Word<'_>]) -> Context {
    match column {
        [] => Context::default(),
        [_] => Context::of(&[Want::Type], &[]),
        [name, ..] => {
            let at = action
                .iter()
                .position(|word| word.span == name.span)
                .unwrap_or_default();
            constraint_of_column(&action[at + 1..])
        }
    }
}

/// Behind `ALTER [COLUMN] name`.
fn alter_column(words: &[Word<'_>], action: &[Word<'_>]) -> Context {
    use Want as W;
    match words {
        [] => Context::of(&[], kw::ALTER_COLUMN),
        [.., last] if last.is("TYPE") => Context::of(&[W::Type], &[]),
        [.., last] if last.any(&["USING", "DEFAULT"]) => Context::of(&[W::Expression], kw::DEFAULTS),
        [word] if word.is("SET") => match action.last() {
            Some(last) if last.is("NOT") => Context::of(&[], &["NULL"]),
            _ => Context::of(
                &[],
                &[
                    "NOT NULL",
                    "DEFAULT",
                    "DATA TYPE",
                    "STORAGE",
                    "STATISTICS",
                    "COMPRESSION",
                ],
            ),
        },
        [word] if word.is("DROP") => Context::of(&[], &["NOT NULL", "DEFAULT", "IDENTITY", "EXPRESSION"]),
        [word, .., _] if word.any(&["TYPE"]) => Context::of(&[], &["USING"]),
        [_, .., last] if last.is("DATA") => Context::of(&[], &["TYPE"]),
        _ => Context::of(&[], &["USING"]),
    }
}
