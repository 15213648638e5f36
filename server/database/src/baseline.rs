//! How large a live database is, table by table: a file that is committed, so that findings can say what they cost
//! without a connection.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::connection::{Connection, ServerError};

/// Sizes of a database at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// Version of this form: 1.
    pub version: u32,
    /// The environment that was measured.
    pub environment: String,
    /// 15 of 15.18.
    pub server_major: u32,
    /// When, as the server writes it in UTC.
    pub measured: String,
    /// By dotted name, in order.
    pub tables: BTreeMap<String, Table>,
}

/// Sizes of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Rows, as the server estimates them; absent where it never counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Bytes of the table with its TOAST, without its indexes.
    pub bytes: u64,
    /// Bytes of its indexes.
    pub index_bytes: u64,
}

/// Measures every table that is not PostgreSQL's own.
pub async fn measure(connection: &mut Connection, environment: &str) -> Result<Baseline, ServerError> {
    let query = "SELECT n.nspname || '.' || c.relname, c.reltuples::bigint,
            pg_catalog.pg_table_size(c.oid), pg_catalog.pg_indexes_size(c.oid)
        FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_'
            AND n.nspname NOT IN ('information_schema', 'dblsp', '_dblsp', 'supabase_migrations')";
    let mut tables = BTreeMap::new();
    for row in connection.rows(query).await? {
        let mut values = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || values.next().unwrap_or_default();
        let name = next();
        let table = Table {
            rows: next().parse().ok(),
            bytes: next().parse().unwrap_or_default(),
            index_bytes: next().parse().unwrap_or_default(),
        };
        tables.insert(name, table);
    }
    let now = "SELECT pg_catalog.to_char(pg_catalog.now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";
    Ok(Baseline {
        version: 1,
        environment: environment.to_owned(),
        server_major: connection.server_major(),
        measured: connection.value(now).await?.unwrap_or_default(),
        tables,
    })
}
