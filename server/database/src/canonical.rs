//! Reads a database's catalogs as flat, comparable rows: one per object, privilege, comment and membership.
//!
//! Only what users made: not PostgreSQL's own schemas, not what belongs to an extension. Identities are bare names joined
//! by dots; types are spelled as `format_type` does with an empty search path.

use std::collections::BTreeSet;

use crate::connection::{Connection, ServerError};

/// What replay computes from text, so that the two can be compared.
pub use analysis::schema::canonical::Row;

/// Roles and memberships that were there before the history. They belong to the cluster, so they are nobody's work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    identities: BTreeSet<(String, String)>,
}

impl Known {
    /// Takes note of the cluster's roles as they are now.
    pub async fn read(connection: &mut Connection) -> Result<Self, ServerError> {
        let rows = with_settings(connection, SERVER).await?;
        let identities = rows
            .into_iter()
            .filter(is_of_cluster)
            .map(|row| (row.class, row.identity))
            .collect();
        Ok(Self { identities })
    }

    fn has(&self, row: &Row) -> bool {
        is_of_cluster(row) && self.identities.contains(&(row.class.clone(), row.identity.clone()))
    }
}

fn is_of_cluster(row: &Row) -> bool {
    matches!(row.class.as_str(), "role" | "membership")
}

pub(crate) const OBJECTS: &str = include_str!("queries/objects.sql");
pub(crate) const PARTS: &str = include_str!("queries/parts.sql");
const ROWS: [&str; 5] = [
    include_str!("queries/relations.sql"),
    include_str!("queries/comments.sql"),
    include_str!("queries/types.sql"),
    include_str!("queries/privileges.sql"),
    SERVER,
];
const SERVER: &str = include_str!("queries/server.sql");

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// With an empty search path every type outside `pg_catalog` is printed with its schema. Planning is what the query spends;
/// compiling it would only add to it.
const SETTINGS: &str = "SET LOCAL search_path = ''; SET LOCAL jit = off";

/// Everything that users made, sorted. Reads one moment of the database. The session must not be in a transaction.
pub async fn read(connection: &mut Connection, known: &Known) -> Result<Vec<Row>, ServerError> {
    let mut rows = with_settings(connection, &query(&[OBJECTS, PARTS], &[])).await?;
    rows.retain(|row| !known.has(row));
    rows.sort_by(|a, b| (&a.class, &a.identity).cmp(&(&b.class, &b.identity)));
    Ok(rows)
}

/// What reads all rows, and `more`: one query, so that the server finds out once which objects there are.
pub(crate) fn query(objects: &[&str], more: &[&str]) -> String {
    let rows = [&ROWS[..], more].concat();
    format!("{}{}", objects.concat(), rows.join("\nUNION ALL\n"))
}

/// Reads rows in a transaction of its own, so that nothing of it stays in the session.
pub(crate) async fn with_settings(connection: &mut Connection, query: &str) -> Result<Vec<Row>, ServerError> {
    connection.execute(BEGIN).await?;
    let done = in_transaction(connection, query).await;
    end(connection, done).await
}

/// Has the server plan such a query.
pub(crate) async fn plan(connection: &mut Connection, query: &str) -> Result<(), ServerError> {
    connection.execute(BEGIN).await?;
    connection.execute(SETTINGS).await?;
    let done = connection.plan(query).await;
    end(connection, done).await
}

async fn end<T>(connection: &mut Connection, done: Result<T, ServerError>) -> Result<T, ServerError> {
    let how = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
    connection.execute(how).await?;
    done
}

/// Reads rows in the transaction that is open, and leaves it with an empty search path.
pub(crate) async fn in_transaction(connection: &mut Connection, query: &str) -> Result<Vec<Row>, ServerError> {
    connection.execute(SETTINGS).await?;
    let rows = connection.rows_again(query).await?;
    Ok(rows.into_iter().map(row).collect())
}

fn row(columns: Vec<Option<String>>) -> Row {
    let mut columns = columns.into_iter().map(Option::unwrap_or_default);
    let mut next = || columns.next().unwrap_or_default();
    let (class, identity, facets) = (next(), next(), next());
    let facets = serde_json::from_str(&facets).expect("the queries build JSON objects");
    Row {
        class,
        identity,
        facets,
    }
}
