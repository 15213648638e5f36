//! One session on a server. Statements go out as they are written (simple protocol): nothing is prepared or rewritten.

use std::path::Path;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgErrorPosition, PgRow};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _, ValueRef as _};

use crate::text::byte_of_position;

/// What the server said when a statement failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({sqlstate})")]
pub struct ServerError {
    /// Five characters; `08006` where the connection itself was lost.
    pub sqlstate: String,
    /// The primary message.
    pub message: String,
    /// The detail line.
    pub detail: Option<Box<str>>,
    /// The hint line.
    pub hint: Option<Box<str>>,
    /// The call stack, for errors inside functions.
    pub context: Option<Box<str>>,
    /// Where in the text that was sent, in bytes. Absent for constraint violations and errors inside functions.
    pub byte_offset: Option<usize>,
}

impl ServerError {
    /// Whether the connection is gone, so that nothing more can be said about the statement.
    pub fn is_connection_lost(&self) -> bool {
        self.sqlstate.starts_with("08")
    }

    fn lost(message: String) -> Self {
        Self {
            sqlstate: "08006".into(),
            message,
            detail: None,
            hint: None,
            context: None,
            byte_offset: None,
        }
    }

    fn from_sqlx(error: &sqlx::Error, sql: &str) -> Self {
        let Some(server) = error
            .as_database_error()
            .and_then(|e| e.try_downcast_ref::<PgDatabaseError>())
        else {
            return Self::lost(error.to_string());
        };
        let byte_offset = match server.position() {
            Some(PgErrorPosition::Original(position)) => Some(byte_of_position(sql, position)),
            _ => None,
        };
        Self {
            sqlstate: server.code().to_owned(),
            message: server.message().to_owned(),
            detail: server.detail().map(Into::into),
            hint: server.hint().map(Into::into),
            context: server.r#where().map(Into::into),
            byte_offset,
        }
    }
}

/// A session.
#[derive(Debug)]
pub struct Connection {
    inner: PgConnection,
}

impl Connection {
    /// Connects through the unix socket in `folder`.
    pub(crate) async fn open(
        folder: &Path,
        database: &str,
        role: &str,
        settings: &[(&str, &str)],
    ) -> Result<Self, ServerError> {
        let options = PgConnectOptions::new_without_pgpass()
            .socket(folder)
            .port(crate::cluster::PORT)
            .username(role)
            .database(database)
            .statement_cache_capacity(0)
            .options(settings.iter().copied());
        let inner = PgConnection::connect_with(&options)
            .await
            .map_err(|error| ServerError::from_sqlx(&error, ""))?;
        Ok(Self { inner })
    }

    /// Runs text that may hold several statements. Never send `COPY … FROM stdin`: the session would hang.
    pub async fn execute(&mut self, sql: &str) -> Result<(), ServerError> {
        self.inner
            .execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned())))
            .await
            .map(drop)
            .map_err(|error| ServerError::from_sqlx(&error, sql))
    }

    /// Runs a query and hands back every value in the server's text form.
    pub async fn rows(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, ServerError> {
        let rows = self
            .inner
            .fetch_all(sqlx::raw_sql(AssertSqlSafe(sql.to_owned())))
            .await
            .map_err(|error| ServerError::from_sqlx(&error, sql))?;
        rows.iter().map(text_values).collect()
    }

    /// The first column of the first row.
    pub async fn value(&mut self, sql: &str) -> Result<Option<String>, ServerError> {
        let rows = self.rows(sql).await?;
        Ok(rows.into_iter().next().and_then(|row| row.into_iter().next().flatten()))
    }

    /// Says good-bye to the server, so that the session has ended when this returns.
    pub async fn close(self) {
        // A session that is already gone is closed too.
        drop(self.inner.close().await);
    }
}

fn text_values(row: &PgRow) -> Result<Vec<Option<String>>, ServerError> {
    (0..row.len())
        .map(|index| {
            let value = row
                .try_get_raw(index)
                .map_err(|error| ServerError::lost(error.to_string()))?;
            if value.is_null() {
                return Ok(None);
            }
            value
                .as_str()
                .map(|text| Some(text.to_owned()))
                .map_err(|error| ServerError::lost(error.to_string()))
        })
        .collect()
}

/// A string literal.
pub(crate) fn literal(text: &str) -> String {
    let escaped = text.replace('\'', "''");
    if escaped.contains('\\') {
        format!(" E'{}'", escaped.replace('\\', "\\\\"))
    } else {
        format!("'{escaped}'")
    }
}

/// An identifier, always quoted.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
