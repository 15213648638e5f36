//! Keeps rows that a statement destroys and a rollback would need: in schema `dblsp`, in the same transaction.

mod losses;
mod put_back;

use serde::Serialize;
use serde_json::{Value, json};

pub use losses::{Loss, Losses, Lost, NotArchivable, losses, of_statement};
pub use put_back::{put_back, put_back_columns};

use crate::connection::{Connection, ServerError, identifier, literal};

/// Why rows could not be kept or put back.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ArchiveError {
    /// Row security hides rows from us, so that the copy would be incomplete.
    #[error("row security hides rows of `{0}` from this role, so they cannot be kept")]
    Hidden(String),
    /// Values of columns are put back by key.
    #[error("`{0}` has no primary key, so what changes in its rows cannot be put back")]
    NoKey(String),
    /// The script did not make the table again.
    #[error("rows of `{0}` are kept, and the table is not there to take them back")]
    NoTable(String),
    /// The server refused.
    #[error("rows of `{relation}`: {error}")]
    Refused {
        /// Table.
        relation: String,
        /// What it says.
        error: ServerError,
    },
    /// The server refused something else.
    #[error(transparent)]
    Server(#[from] ServerError),
}

impl ArchiveError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Hidden(_) => "connect as the table's owner or a role with BYPASSRLS",
            Self::NoKey(_) => "export the rows yourself and add `--accept-data-loss`",
            Self::NoTable(_) => "create it in the rollback script",
            Self::Refused { .. } | Self::Server(_) => {
                "see what the server says; `dblsp archive export` writes kept rows to a file"
            }
        }
    }

    /// Whether the connection is gone.
    pub fn is_connection_lost(&self) -> bool {
        matches!(self, Self::Server(error) | Self::Refused { error, .. } if error.is_connection_lost())
    }
}

/// Rows that are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Number.
    pub id: i64,
    /// The run that destroyed them.
    pub run: i64,
    /// The migration's version.
    pub version: String,
    /// The table that they are from.
    pub relation: String,
    /// Of what they are what is left.
    pub reason: String,
    /// How many.
    pub rows: i64,
    /// The table that holds them.
    pub kept_in: String,
    /// When, as the server writes it in UTC.
    pub created: String,
    /// Bytes on disk.
    pub bytes: i64,
}

/// What rows are kept for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A rollback will put them back: each must be found again by its key.
    PutBack,
    /// Somebody may want them.
    Export,
}

/// Copies what `loss` destroys. Call it in the transaction of the statement, before it. `None` where there is no such
/// table, or no row in it.
pub async fn keep(
    connection: &mut Connection,
    run: i64,
    version: &str,
    loss: &Loss,
    purpose: Purpose,
) -> Result<Option<i64>, ArchiveError> {
    let relation = format!("{}.{}", loss.schema, loss.table);
    let quoted = format!("{}.{}", identifier(&loss.schema), identifier(&loss.table));
    let exists = format!("SELECT pg_catalog.to_regclass({}) IS NOT NULL", literal(&quoted));
    if connection.value(&exists).await?.as_deref() != Some("t") {
        return Ok(None);
    }
    let lock = if loss.what == Lost::Rows {
        "SHARE ROW EXCLUSIVE"
    } else {
        "ACCESS EXCLUSIVE"
    };
    connection
        .execute(&format!("LOCK TABLE {quoted} IN {lock} MODE"))
        .await?;
    let hidden = format!("SELECT pg_catalog.row_security_active({}::regclass)", literal(&quoted));
    if connection.value(&hidden).await?.as_deref() == Some("t") {
        return Err(ArchiveError::Hidden(relation));
    }
    let any = format!("SELECT EXISTS (SELECT FROM {quoted})");
    if connection.value(&any).await?.as_deref() != Some("t") {
        return Ok(None);
    }
    let key = key_columns(connection, &quoted).await?;
    if loss.what != Lost::Table && key.is_empty() && purpose == Purpose::PutBack {
        return Err(ArchiveError::NoKey(relation));
    }
    let mut columns = as_kept(connection, &quoted).await?;
    if let (Lost::Columns(lost), false) = (&loss.what, key.is_empty()) {
        columns.retain(|(name, _)| key.contains(name) || lost.contains(name));
        // The key first.
        columns.sort_by_key(|(name, _)| key.iter().position(|own| own == name).unwrap_or(key.len()));
    }
    let columns: Vec<String> = columns.into_iter().map(|(_, sql)| sql).collect();
    let columns = columns.join(", ");
    let (reason, what) = match &loss.what {
        Lost::Table => ("table".to_owned(), json!({"lost": "table"})),
        Lost::Rows => ("rows".to_owned(), json!({"lost": "rows"})),
        Lost::Columns(columns) => (
            format!("columns {}", columns.join(", ")),
            json!({"lost": "columns", "columns": columns, "key": key}),
        ),
    };
    let about = json!({"schema": loss.schema, "table": loss.table, "what": what});
    let insert = format!(
        "INSERT INTO dblsp.archive (run_id, version, relation, reason, row_count, kept_in) \
         VALUES ({run}, {}, {}, {}, 0, '') RETURNING id",
        literal(version),
        literal(&relation),
        literal(&reason)
    );
    let id: i64 = connection
        .value(&insert)
        .await?
        .and_then(|id| id.parse().ok())
        .unwrap_or_default();
    let place = format!("dblsp.archive_{id}");
    // Only the parent's own rows, unless its partitions hold them.
    let source = if is_partitioned(connection, &quoted).await? {
        quoted
    } else {
        format!("ONLY {quoted}")
    };
    connection
        .execute(&format!(
            "CREATE TABLE {place} AS SELECT {columns} FROM {source};
             COMMENT ON TABLE {place} IS {};
             UPDATE dblsp.archive SET kept_in = {}, row_count = (SELECT pg_catalog.count(*) FROM {place}) WHERE id = {id};
             {}",
            literal(&about.to_string()),
            literal(&place),
            revoke(&place)
        ))
        .await?;
    Ok(Some(id))
}

/// How each column is read. Values of types that somebody made are kept as text: the column must neither keep its type
/// from being dropped, nor go with it.
async fn as_kept(connection: &mut Connection, quoted: &str) -> Result<Vec<(String, String)>, ServerError> {
    let query = format!(
        "SELECT a.attname, t.typnamespace <> 'pg_catalog'::regnamespace
         FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
         WHERE a.attrelid = {}::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
        literal(quoted)
    );
    let column = |row: Vec<Option<String>>| {
        let mut values = row.into_iter().map(Option::unwrap_or_default);
        let (name, is_made) = (values.next().unwrap_or_default(), values.next().unwrap_or_default());
        let mut sql = identifier(&name);
        if is_made == "t" {
            sql = format!("{sql}::pg_catalog.text AS {sql}");
        }
        (name, sql)
    };
    Ok(connection.rows(&query).await?.into_iter().map(column).collect())
}

/// Default privileges may have granted more than nothing.
fn revoke(place: &str) -> String {
    format!(
        "DO $do$ DECLARE grantee text; BEGIN
             FOR grantee IN SELECT 'PUBLIC' UNION ALL SELECT pg_catalog.quote_ident(rolname) FROM pg_catalog.pg_roles
                 WHERE rolname IN ('anon', 'authenticated')
             LOOP EXECUTE 'REVOKE ALL ON {place} FROM ' || grantee; END LOOP;
         END $do$"
    )
}

async fn is_partitioned(connection: &mut Connection, quoted: &str) -> Result<bool, ServerError> {
    let query = format!(
        "SELECT relkind = 'p' FROM pg_catalog.pg_class WHERE oid = {}::regclass",
        literal(quoted)
    );
    Ok(connection.value(&query).await?.as_deref() == Some("t"))
}

/// Columns of the primary key, in order.
pub(crate) async fn key_columns(connection: &mut Connection, quoted: &str) -> Result<Vec<String>, ServerError> {
    let query = format!(
        "SELECT a.attname FROM pg_catalog.pg_index i
         CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::smallint[]) WITH ORDINALITY k (attnum, place)
         JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
         WHERE i.indrelid = {}::regclass AND i.indisprimary ORDER BY k.place",
        literal(quoted)
    );
    Ok(connection.rows(&query).await?.into_iter().flatten().flatten().collect())
}

/// Bytes that the tables of these losses take up: the most that keeping them can cost.
pub async fn size(connection: &mut Connection, losses: &[Loss]) -> Result<u64, ServerError> {
    let mut total = 0;
    for loss in losses {
        let quoted = format!("{}.{}", identifier(&loss.schema), identifier(&loss.table));
        let query = format!(
            "SELECT coalesce(pg_catalog.pg_table_size(pg_catalog.to_regclass({})), 0)",
            literal(&quoted)
        );
        total += connection
            .value(&query)
            .await?
            .and_then(|bytes| bytes.parse::<u64>().ok())
            .unwrap_or_default();
    }
    Ok(total)
}

/// Everything that is kept, oldest first. None where there is no journal.
pub async fn list(connection: &mut Connection) -> Result<Vec<Kept>, ServerError> {
    if !crate::journal::is_installed(connection).await? {
        return Ok(Vec::new());
    }
    let query = "SELECT id, run_id, version, relation, reason, row_count, kept_in,
            pg_catalog.to_char(created AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),
            coalesce(pg_catalog.pg_total_relation_size(pg_catalog.to_regclass(kept_in)), 0)
        FROM dblsp.archive ORDER BY id";
    let kept = |row: Vec<Option<String>>| {
        let mut values = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || values.next().unwrap_or_default();
        let number = |text: String| text.parse().unwrap_or_default();
        Kept {
            id: number(next()),
            run: number(next()),
            version: next(),
            relation: next(),
            reason: next(),
            rows: number(next()),
            kept_in: next(),
            created: next(),
            bytes: number(next()),
        }
    };
    Ok(connection.rows(query).await?.into_iter().map(kept).collect())
}

/// The rows of one archive, a JSON object each.
pub async fn export(connection: &mut Connection, kept: &Kept) -> Result<Vec<String>, ServerError> {
    let query = format!("SELECT pg_catalog.to_jsonb(t) FROM dblsp.archive_{} t", kept.id);
    Ok(connection.rows(&query).await?.into_iter().flatten().flatten().collect())
}

/// Destroys archives for good.
pub async fn purge(connection: &mut Connection, ids: &[i64]) -> Result<(), ServerError> {
    for id in ids {
        connection
            .execute(&format!(
                "BEGIN; DROP TABLE IF EXISTS dblsp.archive_{id}; DELETE FROM dblsp.archive WHERE id = {id}; COMMIT"
            ))
            .await?;
    }
    Ok(())
}

/// What an archive says about itself.
pub(crate) async fn about(connection: &mut Connection, id: i64) -> Result<Value, ServerError> {
    let query = format!("SELECT pg_catalog.obj_description('dblsp.archive_{id}'::regclass, 'pg_class')");
    let text = connection.value(&query).await?.unwrap_or_default();
    Ok(serde_json::from_str(&text).unwrap_or_default())
}
