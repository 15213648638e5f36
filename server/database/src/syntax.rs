//! Asks PostgreSQL's own parser whether a text is SQL, without running any of it.
//!
//! In a transaction that has failed, the server still parses what it gets before it refuses to run it: text that
//! parses is refused with 25P02, text that does not with the parser's own error.

use crate::connection::{Connection, ServerError};

/// Put in front of every text: the first statement that is run is this one, which an aborted transaction refuses, so
/// that a `ROLLBACK` or `COMMIT` in the text never gets its turn.
const GUARD: &str = "SELECT;";

/// The parser's refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({sqlstate}) at byte {byte_offset}")]
pub struct SyntaxError {
    /// Where, in bytes of the text that was asked about.
    pub byte_offset: usize,
    /// The server's words.
    pub message: String,
    /// Mostly 42601; 0A000 for what the grammar knows but refuses, and others from the lexer.
    pub sqlstate: String,
}

/// A session that answers about syntax only.
#[derive(Debug)]
pub struct SyntaxOracle {
    connection: Connection,
}

impl SyntaxOracle {
    /// Takes the session over.
    pub async fn new(mut connection: Connection) -> Result<Self, ServerError> {
        connection
            .execute("SET standard_conforming_strings = on; BEGIN")
            .await?;
        match connection.execute("SELECT 1/0").await {
            Err(error) if error.sqlstate == "22012" => Ok(Self { connection }),
            Err(error) => Err(error),
            Ok(()) => unreachable!("PostgreSQL divides by zero with an error"),
        }
    }

    /// Whether the text, one statement or several, parses. The outer error means that the server could not be asked.
    pub async fn parse_verdict(&mut self, sql: &str) -> Result<Result<(), SyntaxError>, ServerError> {
        if let Some(byte_offset) = sql.find('\0') {
            // The protocol ends a text at NUL, so that the server would only see what is before it.
            let message = "invalid byte sequence for encoding \"UTF8\": 0x00".to_owned();
            return Ok(Err(SyntaxError {
                byte_offset,
                message,
                sqlstate: "22021".to_owned(),
            }));
        }
        match self.connection.execute(&format!("{GUARD}{sql}")).await {
            Err(error) if error.sqlstate == "25P02" => Ok(Ok(())),
            Err(error) if error.is_connection_lost() => Err(error),
            Err(error) => Ok(Err(SyntaxError {
                byte_offset: error.byte_offset.map_or(0, |at| at.saturating_sub(GUARD.len())),
                message: error.message,
                sqlstate: error.sqlstate,
            })),
            Ok(()) => unreachable!("an aborted transaction refuses the guard"),
        }
    }
}
