//! Which migrations a database has: the table that the Supabase CLI keeps, so that `supabase migration list` and
//! `supabase db push` agree with dblsp. Its form and use were measured on the CLI 2.122 and 3.1.

use std::collections::BTreeMap;

use analysis::sql::lexeme::plain_tokens;
use serde::Serialize;

use crate::connection::{Connection, ServerError, literal};

/// A migration that the database has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The digits that its file's name begins with.
    pub version: String,
    /// The rest of the name, without `.sql`.
    pub name: Option<String>,
    /// What was run, without the semicolons between. Tools other than the CLI leave it out.
    pub statements: Option<Vec<String>>,
}

/// How a file stands to what was run under its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Match {
    /// The same tokens.
    Same,
    /// Other tokens: the file was edited after it was applied.
    Edited,
    /// The database does not say what was run.
    Unknown,
}

/// As the CLI creates them, in the CLI's order of columns.
pub(crate) const CREATE: &str = "\
CREATE SCHEMA IF NOT EXISTS supabase_migrations;
CREATE TABLE IF NOT EXISTS supabase_migrations.schema_migrations (version text NOT NULL PRIMARY KEY);
ALTER TABLE supabase_migrations.schema_migrations ADD COLUMN IF NOT EXISTS statements text[];
ALTER TABLE supabase_migrations.schema_migrations ADD COLUMN IF NOT EXISTS name text;";

/// The rows, through JSON, because the first CLI's table has only the version.
const ROWS: &str = "(SELECT pg_catalog.to_jsonb(m) AS row FROM supabase_migrations.schema_migrations m) r";

/// Every migration that the database has, by version. None where it has no such table.
pub async fn read(connection: &mut Connection) -> Result<Vec<Row>, ServerError> {
    read_where(connection, "true").await
}

/// Those of them that have one of these versions.
pub(crate) async fn read_some(connection: &mut Connection, versions: &[&str]) -> Result<Vec<Row>, ServerError> {
    if versions.is_empty() {
        return Ok(Vec::new());
    }
    read_where(connection, &format!("row ->> 'version' = ANY ({})", array(versions))).await
}

async fn read_where(connection: &mut Connection, condition: &str) -> Result<Vec<Row>, ServerError> {
    let sql = format!(
        "SELECT row ->> 'version', row ->> 'name', row ->> 'statements' FROM {ROWS} WHERE {condition} ORDER BY 1"
    );
    let row = |columns: Vec<Option<String>>| {
        let mut columns = columns.into_iter();
        let mut next = || columns.next().flatten();
        Row {
            version: next().unwrap_or_default(),
            name: next(),
            statements: next().and_then(|json| serde_json::from_str(&json).ok()),
        }
    };
    let mut rows: Vec<Row> = ask(connection, &sql).await?.into_iter().map(row).collect();
    // The server's collation may order otherwise.
    rows.sort_by(|a, b| a.version.cmp(&b.version));
    Ok(rows)
}

/// What stands for the statements that were recorded, by version; `None` where none were.
pub(crate) async fn digests(connection: &mut Connection) -> Result<BTreeMap<String, Option<String>>, ServerError> {
    let digest = "pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(row ->> 'statements', 'UTF8')), 'hex')";
    let sql = format!("SELECT row ->> 'version', {digest} FROM {ROWS}");
    let pair = |columns: Vec<Option<String>>| {
        let mut columns = columns.into_iter();
        (columns.next().flatten().unwrap_or_default(), columns.next().flatten())
    };
    Ok(ask(connection, &sql).await?.into_iter().map(pair).collect())
}

async fn ask(connection: &mut Connection, sql: &str) -> Result<Vec<Vec<Option<String>>>, ServerError> {
    match connection.rows(sql).await {
        // 42P01 and 3F000: no such table, no such schema.
        Err(error) if matches!(error.sqlstate.as_str(), "42P01" | "3F000") => Ok(Vec::new()),
        other => other,
    }
}

/// The statement that records a migration. Fails with 23505 where it is recorded already.
pub fn insert(version: &str, name: &str, statements: &[&str]) -> String {
    format!(
        "INSERT INTO supabase_migrations.schema_migrations (version, name, statements) VALUES ({}, {}, {})",
        literal(version),
        literal(name),
        array(statements)
    )
}

/// The statement that records a migration, whether it is recorded already or not.
pub fn upsert(version: &str, name: &str, statements: &[&str]) -> String {
    insert(version, name, statements)
        + " ON CONFLICT (version) DO UPDATE SET name = EXCLUDED.name, statements = EXCLUDED.statements"
}

/// The statement that takes a migration out of the record.
pub fn delete(version: &str) -> String {
    format!(
        "DELETE FROM supabase_migrations.schema_migrations WHERE version = {}",
        literal(version)
    )
}

fn array(texts: &[&str]) -> String {
    let mut out = String::with_capacity(texts.iter().map(|text| text.len() + 8).sum::<usize>() + 16);
    out.push_str("ARRAY[");
    for (at, text) in texts.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(&literal(text));
    }
    out.push_str("]::text[]");
    out
}

/// The name that the record keeps of a file: `20251026211500_v0_7_0_baseline.sql` is `v0_7_0_baseline`.
pub fn name_of<'f>(file: &'f str, version: &str) -> &'f str {
    let stem = file.strip_suffix(".sql").unwrap_or(file);
    stem.strip_prefix(version)
        .unwrap_or(stem)
        .trim_start_matches(['_', '-', '.'])
}

/// How the text of a migration stands to what was recorded: by tokens, so that comments and layout do not count.
pub fn compare(text: &str, recorded: Option<&[String]>) -> Match {
    let Some(statements) = recorded else {
        return Match::Unknown;
    };
    if is_written_out(text, statements) || plain_tokens(text) == plain_tokens(&joined(statements)) {
        Match::Same
    } else {
        Match::Edited
    }
}

/// The statements as one text.
pub(crate) fn joined(statements: &[String]) -> String {
    statements.join("\n;\n")
}

/// Whether the statements stand in the text one after the other: the common case, found without reading any SQL.
fn is_written_out(text: &str, statements: &[String]) -> bool {
    let between = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_whitespace() || c == ';').len();
    let mut rest = text.trim_start_matches('\u{feff}');
    for statement in statements {
        rest = &rest[between(rest)..];
        let Some(after) = rest.strip_prefix(statement.trim()) else {
            return false;
        };
        rest = after;
    }
    between(rest) == rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(statements: &[&str]) -> Vec<String> {
        statements.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn layout_comments_and_semicolons_do_not_count() {
        let text = "\u{feff}-- a\ncreate table t (id int);\n\n/* b */ create index on t (id);\n";
        for same in [
            recorded(&["-- a\ncreate table t (id int)", "/* b */ create index on t (id)"]),
            recorded(&["CREATE TABLE t\n(id  INT)", "create index on t (id)"]),
            recorded(&["create table t (id int); create index on t (id);"]),
        ] {
            assert_eq!(compare(text, Some(&same)), Match::Same, "{same:?}");
        }
    }

    #[test]
    fn another_token_is_an_edit() {
        let text = "create table t (id int); select 'A';";
        for edited in [
            recorded(&["create table t (id bigint)", "select 'A'"]),
            recorded(&["create table t (id int)"]),
            recorded(&["create table t (id int)", "select 'a'"]),
            recorded(&[]),
        ] {
            assert_eq!(compare(text, Some(&edited)), Match::Edited, "{edited:?}");
        }
        assert_eq!(compare(text, None), Match::Unknown);
        assert_eq!(compare("-- nothing yet\n", Some(&[])), Match::Same);
    }

    #[test]
    fn the_record_is_written_as_the_supabase_cli_writes_it() {
        assert_eq!(
            insert("1", "o'x", &["select 'a'", "select E'\\n'"]),
            "INSERT INTO supabase_migrations.schema_migrations (version, name, statements) \
             VALUES ('1', 'o''x', ARRAY['select ''a''', E'select E''\\\\n''']::text[])"
        );
        assert_eq!(
            name_of("20251026211500_v0_7_0_baseline.sql", "20251026211500"),
            "v0_7_0_baseline"
        );
        assert_eq!(name_of("20251026211500_.sql", "20251026211500"), "");
    }
}
