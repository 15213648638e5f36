//! What restoring would destroy, seen before anything is touched.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::clear::Scope;
use super::source::Source;
use crate::connection::{Connection, ServerError, identifier};
use crate::snapshot::Entry;

/// Up to this size rows are counted one by one.
const COUNTED: u64 = 64 << 20;

/// What restoring would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Prospect {
    /// Tables whose rows go.
    pub tables: Vec<Table>,
    /// What lies in other schemas and goes too: triggers, policies, members of publications.
    pub elsewhere: Vec<String>,
    /// Objects that the snapshot has not: they do not come back.
    pub gone: Vec<String>,
    /// Objects that come back in another form.
    pub changed: Vec<String>,
    /// Objects that are not there now.
    pub back: Vec<String>,
    /// Migrations that are not applied any more afterwards.
    pub undone: Vec<String>,
    /// Migrations that are applied again afterwards.
    pub redone: Vec<String>,
}

/// A table whose rows go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// With its schema.
    pub name: String,
    /// How many rows; `None` where nobody knows.
    pub rows: Option<u64>,
    /// Whether they were counted, and not estimated.
    pub counted: bool,
    /// Bytes on disk.
    pub bytes: u64,
}

impl Prospect {
    /// All rows that go, as far as it is known.
    pub fn rows(&self) -> u64 {
        self.tables.iter().filter_map(|table| table.rows).sum()
    }
}

/// The tables that go, with their rows.
pub(super) async fn tables(connection: &mut Connection, scope: &Scope) -> Result<Vec<Table>, ServerError> {
    let mut out = Vec::new();
    for row in connection.rows(&scope.query(super::clear::TABLES)).await? {
        let mut values = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || values.next().unwrap_or_default();
        let (schema, name) = (next(), next());
        let estimate: Option<u64> = next().parse().ok();
        let bytes: u64 = next().parse().unwrap_or_default();
        let counted = if bytes <= COUNTED {
            count(connection, &schema, &name).await?
        } else {
            None
        };
        out.push(Table {
            name: format!("{schema}.{name}"),
            rows: counted.or(estimate),
            counted: counted.is_some(),
            bytes,
        });
    }
    Ok(out)
}

/// `None` where somebody has the table locked, or row security would hide rows from us.
async fn count(connection: &mut Connection, schema: &str, name: &str) -> Result<Option<u64>, ServerError> {
    let sql = format!(
        "SELECT pg_catalog.count(*) FROM ONLY {}.{}",
        identifier(schema),
        identifier(name)
    );
    connection
        .execute(
            "BEGIN READ ONLY; SET LOCAL lock_timeout = '1s'; SET LOCAL row_security = off; SET LOCAL search_path = ''",
        )
        .await?;
    let counted = connection.value(&sql).await;
    connection.execute("ROLLBACK").await?;
    match counted {
        Err(error) if error.is_connection_lost() => Err(error),
        other => Ok(other.ok().flatten().and_then(|count| count.parse().ok())),
    }
}

/// What lies in other schemas and goes too.
pub(super) async fn elsewhere(connection: &mut Connection, scope: &Scope) -> Result<Vec<String>, ServerError> {
    let rows = connection.rows(&scope.query(super::clear::ELSEWHERE)).await?;
    Ok(rows.into_iter().flatten().flatten().collect())
}

/// How the snapshot differs from one of now, object by object: gone, changed, back.
pub(super) fn compare(source: &Source, live: &[Entry<'_>]) -> (Vec<String>, Vec<String>, Vec<String>) {
    let wanted = source.entries();
    let (wanted, live) = (objects(&wanted), objects(live));
    let names: BTreeSet<&String> = wanted.keys().chain(live.keys()).collect();
    let (mut gone, mut changed, mut back) = (Vec::new(), Vec::new(), Vec::new());
    for name in names {
        match (live.get(name), wanted.get(name)) {
            (Some(_), None) => gone.push(name.clone()),
            (None, Some(_)) => back.push(name.clone()),
            (Some(one), Some(other)) if one != other => changed.push(name.clone()),
            _ => {}
        }
    }
    (gone, changed, back)
}

/// Texts by names for people. Several entries may share one: a table and what belongs to it.
fn objects<'t>(entries: &[Entry<'t>]) -> BTreeMap<String, BTreeSet<&'t str>> {
    let mut out: BTreeMap<String, BTreeSet<&'t str>> = BTreeMap::new();
    for entry in entries {
        let place = if entry.schema == "-" {
            String::new()
        } else {
            format!("{}.", entry.schema)
        };
        let kind = match entry.kind {
            "FK CONSTRAINT" | "CHECK CONSTRAINT" => "constraint".to_owned(),
            "ACL" => "privileges".to_owned(),
            "DEFAULT" => "default of".to_owned(),
            kind => kind.to_ascii_lowercase(),
        };
        let name = format!("{kind} {place}{}", entry.name);
        out.entry(name).or_default().insert(entry.text);
    }
    out
}
