//! One session on a server. Statements go out as they are written (simple protocol): nothing is prepared or rewritten.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgErrorPosition, PgRow, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _, ValueRef as _};
use tracing::instrument::WithSubscriber as _;

use crate::address::{Address, Host, RootCertificate, Tls};
use crate::notice::{Notice, Notices};
use crate::text::byte_of_position;

/// A server that does not answer within this is not there.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);

/// What the server said when a statement failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
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
    #[serde(skip)]
    pub byte_offset: Option<usize>,
}

impl ServerError {
    /// Whether the connection is gone, so that nothing more can be said about the statement. 57P01 to 57P03: the
    /// server ends the session or itself.
    pub fn is_connection_lost(&self) -> bool {
        self.sqlstate.starts_with("08") || matches!(self.sqlstate.as_str(), "57P01" | "57P02" | "57P03")
    }

    /// Whether a lock was not to be had in time (`lock_timeout`, or NOWAIT).
    pub fn is_lock_timeout(&self) -> bool {
        self.sqlstate == "55P03"
    }

    /// Whether a role cannot go because of an object in another database.
    pub(crate) fn is_held_by_another_database(&self) -> bool {
        let detail = self.detail.as_deref().unwrap_or_default();
        self.sqlstate == "2BP01" && detail.contains("in database")
    }

    /// Whether somebody cancelled the statement, or `statement_timeout` did.
    pub fn is_cancelled(&self) -> bool {
        self.sqlstate == "57014"
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

/// Why there is no session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The name leads nowhere.
    #[error("the host of {address} is unknown: {reason}")]
    UnknownHost {
        /// Where to.
        address: String,
        /// What the system says.
        reason: String,
    },
    /// Nobody listens there, or not for us.
    #[error("no server answers at {address}: {reason}")]
    Unreachable {
        /// Where to.
        address: String,
        /// What the system says.
        reason: String,
    },
    /// Encryption was asked for, and there is none.
    #[error("the server at {0} does not speak TLS")]
    NoTls(String),
    /// The server showed a certificate that proves nothing.
    #[error("the certificate of {address} is not accepted: {reason}")]
    Certificate {
        /// Where to.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Wrong password, or the server does not let this role in from here.
    #[error("{address} refuses the login: {reason}")]
    Login {
        /// Where to.
        address: String,
        /// What the server says.
        reason: String,
    },
    /// The server has no such database, or no room, or is starting.
    #[error("{address} refuses: {error}")]
    Refused {
        /// Where to.
        address: String,
        /// What the server says.
        error: ServerError,
    },
}

impl ConnectError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::UnknownHost { .. } => "check the host in the address; a project that is paused has none",
            Self::Unreachable { .. } => {
                "check host and port, that the server runs, and that a firewall lets you through"
            }
            Self::NoTls(_) => {
                "turn TLS on at the server, or add `?sslmode=disable` to the address if nobody else can listen on the way"
            }
            Self::Certificate { .. } => {
                "add `sslrootcert=FILE` with the authority that signed it; `sslmode=require` encrypts without checking"
            }
            Self::Login { .. } => "check user and password; special characters of a password are written as %XX",
            Self::Refused { .. } => "check the database's name and the server's log",
        }
    }

    fn new(address: &Address, error: &sqlx::Error) -> Self {
        let place = address.to_string();
        let reason = |text: &dyn std::fmt::Display| address.redact(&text.to_string());
        if error.as_database_error().is_some() {
            let error = ServerError::from_sqlx(error, "");
            // 28000 and 28P01, and `no pg_hba.conf entry`, which is one of them.
            return if error.sqlstate.starts_with("28") {
                Self::Login {
                    address: place,
                    reason: address.redact(&error.message),
                }
            } else {
                Self::Refused { address: place, error }
            };
        }
        match error {
            sqlx::Error::Tls(error) if error.to_string().contains("does not support TLS") => Self::NoTls(place),
            sqlx::Error::Tls(error) => Self::Certificate {
                address: place,
                reason: reason(error),
            },
            sqlx::Error::Io(error) => {
                // The system's resolver has no kind of error of its own.
                let text = error.to_string();
                if text.contains("lookup address") {
                    Self::UnknownHost {
                        address: place,
                        reason: reason(&text),
                    }
                } else if text.contains("certificate") || error.kind() == std::io::ErrorKind::InvalidData {
                    Self::Certificate {
                        address: place,
                        reason: reason(&text),
                    }
                } else {
                    Self::Unreachable {
                        address: place,
                        reason: reason(&text),
                    }
                }
            }
            other => Self::Unreachable {
                address: place,
                reason: reason(other),
            },
        }
    }
}

/// A session.
#[derive(Debug)]
pub struct Connection {
    inner: PgConnection,
    notices: Notices,
    backend: i32,
    version: u32,
    /// Queries whose plans the server keeps, under their numbers; `None` where it is not to.
    planned: Option<Vec<String>>,
}

impl Connection {
    /// Connects to a server. `application` is what others see in `pg_stat_activity`.
    pub async fn connect(address: &Address, application: &str) -> Result<Self, ConnectError> {
        let options = connect_options(address, application);
        let attempt = tokio::time::timeout(CONNECT_LIMIT, PgConnection::connect_with(&options));
        let inner = match attempt.await {
            Ok(done) => done.map_err(|error| ConnectError::new(address, &error))?,
            Err(_) => {
                return Err(ConnectError::Unreachable {
                    address: address.to_string(),
                    reason: format!("no answer within {} seconds", CONNECT_LIMIT.as_secs()),
                });
            }
        };
        Self::begin(inner).await.map_err(|error| ConnectError::Refused {
            address: address.to_string(),
            error,
        })
    }

    async fn begin(inner: PgConnection) -> Result<Self, ServerError> {
        let mut connection = Self {
            inner,
            notices: Notices::default(),
            backend: 0,
            version: 0,
            planned: None,
        };
        let rows = connection
            .rows("SELECT pg_catalog.pg_backend_pid(), pg_catalog.current_setting('server_version_num')")
            .await?;
        let mut numbers = rows.into_iter().flatten().flatten();
        let mut number = || numbers.next().and_then(|text| text.parse().ok());
        connection.backend = number().unwrap_or_default();
        connection.version = number()
            .and_then(|version: i32| version.try_into().ok())
            .unwrap_or_default();
        Ok(connection)
    }

    /// The server's process for this session.
    pub fn backend(&self) -> i32 {
        self.backend
    }

    /// `server_version_num`: 150018 of 15.18.
    pub fn server_version(&self) -> u32 {
        self.version
    }

    /// 15 of 15.18.
    pub fn server_major(&self) -> u32 {
        self.version / 10_000
    }

    /// What the server has said beside its answers since this was last asked.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        self.notices.take()
    }

    /// Runs `COPY … FROM STDIN` with its lines of data, and says how many rows it took.
    pub async fn copy_in(&mut self, sql: &str, data: &str) -> Result<u64, ServerError> {
        let notices = self.notices.clone();
        let work = async {
            let mut copy = self.inner.copy_in_raw(sql).await?;
            copy.send(data.as_bytes()).await?;
            copy.finish().await
        };
        work.with_subscriber(notices)
            .await
            .map_err(|error| ServerError::from_sqlx(&error, sql))
    }

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
        Self::begin(inner).await
    }

    /// Runs text that may hold several statements. Never send `COPY … FROM stdin`: the session would hang.
    pub async fn execute(&mut self, sql: &str) -> Result<(), ServerError> {
        self.inner
            .execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned())))
            .with_subscriber(self.notices.clone())
            .await
            .map(drop)
            .map_err(|error| ServerError::from_sqlx(&error, sql))
    }

    /// Runs a query and hands back every value in the server's text form.
    pub async fn rows(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, ServerError> {
        let rows = self
            .inner
            .fetch_all(sqlx::raw_sql(AssertSqlSafe(sql.to_owned())))
            .with_subscriber(self.notices.clone())
            .await
            .map_err(|error| ServerError::from_sqlx(&error, sql))?;
        rows.iter().map(text_values).collect()
    }

    /// Has the server keep the plans of [`Self::rows_again`]. Only for sessions that nobody else has a part in: a pooler
    /// would hand the prepared statements to others.
    pub(crate) fn keep_plans(&mut self) {
        self.planned.get_or_insert_default();
    }

    /// [`Self::rows`] of a query that will be asked again: where plans are kept, it is planned once.
    pub(crate) async fn rows_again(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, ServerError> {
        match self.prepared(sql).await? {
            Some(number) => self.rows(&format!("EXECUTE dblsp_{number}")).await,
            None => self.rows(sql).await,
        }
    }

    /// Has the server plan a query before it is asked, where plans are kept. It is not run.
    pub(crate) async fn plan(&mut self, sql: &str) -> Result<(), ServerError> {
        match self.prepared(sql).await? {
            Some(number) => self.execute(&format!("EXPLAIN EXECUTE dblsp_{number}")).await,
            None => Ok(()),
        }
    }

    /// The number of a query that the server knows; `None` where it is to know none.
    async fn prepared(&mut self, sql: &str) -> Result<Option<usize>, ServerError> {
        let Some(planned) = &self.planned else {
            return Ok(None);
        };
        let known = planned.iter().position(|known| known == sql);
        let number = known.unwrap_or(planned.len());
        if known.is_none() {
            self.execute(&format!("PREPARE dblsp_{number} AS {sql}")).await?;
            self.planned.get_or_insert_default().push(sql.to_owned());
        }
        Ok(Some(number))
    }

    /// The first column of the first row.
    pub async fn value(&mut self, sql: &str) -> Result<Option<String>, ServerError> {
        let rows = self.rows(sql).await?;
        Ok(rows.into_iter().next().and_then(|row| row.into_iter().next().flatten()))
    }

    /// Whether the server still answers.
    pub async fn is_alive(&mut self) -> bool {
        tokio::time::timeout(CONNECT_LIMIT, self.execute(""))
            .await
            .is_ok_and(|answer| answer.is_ok())
    }

    /// Says good-bye to the server, so that the session has ended when this returns.
    pub async fn close(self) {
        // A session that is already gone is closed too.
        drop(self.inner.close().await);
    }
}

fn connect_options(address: &Address, application: &str) -> PgConnectOptions {
    let mode = match address.tls {
        Tls::Disable => PgSslMode::Disable,
        Tls::Prefer => PgSslMode::Prefer,
        Tls::Require => PgSslMode::Require,
        Tls::VerifyCa => PgSslMode::VerifyCa,
        Tls::VerifyFull => PgSslMode::VerifyFull,
    };
    let mut options = PgConnectOptions::new_without_pgpass()
        .port(address.port)
        .username(&address.user)
        .database(&address.database)
        .ssl_mode(mode)
        .application_name(application)
        .statement_cache_capacity(0)
        // Statements may hold secrets, and an editor may collect logs.
        .disable_statement_logging();
    options = match &address.host {
        Host::Name(name) => options.host(name),
        Host::Socket(folder) => options.socket(folder),
    };
    options = match &address.root {
        RootCertificate::Public => options,
        RootCertificate::Supabase => options.ssl_root_cert_from_pem(RootCertificate::SUPABASE.into()),
        RootCertificate::File(file) => options.ssl_root_cert(file),
    };
    match &address.password {
        Some(password) => options.password(password.expose()),
        None => options,
    }
}

/// Tells the server to stop what the session `backend` is doing, through a session of its own.
pub async fn cancel(address: &Address, backend: i32) -> Result<(), ConnectError> {
    let mut connection = Connection::connect(address, "dblsp cancel").await?;
    // A session that has ended has nothing to cancel.
    drop(
        connection
            .execute(&format!("SELECT pg_catalog.pg_cancel_backend({backend})"))
            .await,
    );
    connection.close().await;
    Ok(())
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
pub fn literal(text: &str) -> String {
    let escaped = text.replace('\'', "''");
    if escaped.contains('\\') {
        format!(" E'{}'", escaped.replace('\\', "\\\\"))
    } else {
        format!("'{escaped}'")
    }
}

/// An identifier, always quoted.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
