//! Runs tests written in SQL, each in a transaction that is always rolled back.
//!
//! A test may print TAP, by hand or with pgTAP; one that prints none passes if it raises nothing. What a rollback does
//! not undo, tests do leave behind: sequences that were advanced, and what other servers were told.

mod tap;

use analysis::history::{Companion, CompanionKind, History, Release};
use analysis::sql::statement::{Node, PassedOver, Statement, Transaction};
use analysis::text::LineIndex;
use serde::Serialize;

use crate::connection::{Connection, ServerError};

use tap::Tap;
pub use tap::{Assertion, Directive};

/// What a test is given to run in.
const BEGIN: &str = "BEGIN; SET LOCAL statement_timeout = '60s'; SET LOCAL lock_timeout = '10s'";
/// What psql only does to its own output.
const HARMLESS: [&str; 9] = ["set", "unset", "pset", "timing", "echo", "qecho", "x", "t", "a"];

/// What became of some tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// File by file.
    pub files: Vec<FileReport>,
}

impl Report {
    /// Whether something was tested and nothing failed.
    pub fn passed(&self) -> bool {
        !self.files.is_empty() && self.files.iter().all(|file| file.failures.is_empty())
    }
}

/// What became of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// Path as people shall see it.
    pub path: String,
    /// In the order in which it printed them; empty where it prints no TAP.
    pub assertions: Vec<Assertion>,
    /// Why all of it was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// Why it did not pass; empty if it did.
    pub failures: Vec<Failure>,
}

/// Why a test did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Line of the file, from 1, where one is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// What happened.
    pub message: String,
}

/// The tests of a version: `v0.7.0_smoke_test.sql`, `v0.7.0_integration_test.sql`.
pub fn of_version(history: &History, version: Release) -> Vec<&Companion> {
    let start = format!("v{version}_");
    let tests = history.companions.iter();
    tests
        .filter(|test| test.kind == CompanionKind::Test)
        .filter(|test| {
            test.path
                .rsplit('/')
                .next()
                .is_some_and(|name| name.starts_with(&start))
        })
        .collect()
}

/// Runs tests one after the other. The error means that the server is gone; the session is left as a new one.
pub async fn run(connection: &mut Connection, tests: &[(&str, &str)]) -> Result<Report, ServerError> {
    let mut files = Vec::with_capacity(tests.len());
    for (path, text) in tests {
        files.push(run_file(connection, path, text).await?);
    }
    Ok(Report { files })
}

async fn run_file(connection: &mut Connection, path: &str, text: &str) -> Result<FileReport, ServerError> {
    let lines = LineIndex::new(text);
    let line = |offset: u32| lines.line(offset) + 1;
    let parsed = analysis::sql::parse(text);
    let mut tap = Tap::default();
    let mut failures: Vec<Failure> = parsed
        .statements
        .iter()
        .filter_map(|statement| Some((statement, refusal(statement)?)))
        .map(|(statement, message)| Failure {
            line: Some(line(statement.span.start)),
            message: message.to_owned(),
        })
        .collect();
    if failures.is_empty() {
        connection.execute(BEGIN).await?;
        for statement in &parsed.statements {
            if let Err(error) = run_statement(connection, text, statement, &mut tap, line(statement.span.start)).await {
                if error.is_connection_lost() {
                    return Err(error);
                }
                let at = error.byte_offset.map_or(statement.span.start, |offset| {
                    statement.span.start + u32::try_from(offset).unwrap_or_default()
                });
                failures.push(Failure {
                    line: Some(line(at)),
                    message: error.to_string(),
                });
                break;
            }
        }
        connection.execute("ROLLBACK").await?;
        // What SET without LOCAL, temporary tables and the like left in the session.
        connection.execute("DISCARD ALL").await?;
        if tap.is_used() && failures.is_empty() {
            let found = tap.failures();
            failures.extend(found.into_iter().map(|message| Failure { line: None, message }));
        }
    }
    Ok(FileReport {
        path: path.to_owned(),
        assertions: tap.assertions,
        skipped: tap.skipped.filter(|_| failures.is_empty()),
        failures,
    })
}

async fn run_statement(
    connection: &mut Connection,
    text: &str,
    statement: &Statement,
    tap: &mut Tap,
    line: usize,
) -> Result<(), ServerError> {
    let sql = statement.span.slice(text);
    match &statement.node {
        // We have begun; a second BEGIN is only a warning to PostgreSQL.
        Node::Transaction(Transaction::Begin) | Node::Meta { .. } => Ok(()),
        Node::Transaction(Transaction::Rollback) => {
            connection.execute("ROLLBACK").await?;
            connection.execute(BEGIN).await
        }
        Node::Copy(copy) if copy.from && copy.data.is_some() => {
            let data = copy.data.map(|data| data.slice(text)).unwrap_or_default();
            let rows = data.trim_end().strip_suffix("\\.").unwrap_or(data);
            connection
                .copy_in(sql, rows.trim_start_matches(['\r', '\n']))
                .await
                .map(drop)
        }
        _ => {
            // As `psql --no-align --tuples-only` prints it, which is what pg_prove reads.
            for row in connection.rows(sql).await? {
                let values: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
                for printed in values.join("|").lines() {
                    tap.read(printed, line);
                }
            }
            Ok(())
        }
    }
}

/// Why a statement has no place in a test that leaves nothing behind.
fn refusal(statement: &Statement) -> Option<&'static str> {
    match &statement.node {
        Node::Transaction(
            Transaction::Commit
            | Transaction::PrepareTransaction
            | Transaction::CommitPrepared
            | Transaction::RollbackPrepared,
        ) => Some("a test is always rolled back, so it must not commit"),
        Node::Meta { command, .. } if !HARMLESS.contains(&command.as_str()) => Some("only psql understands this"),
        Node::Templated { .. } => Some("a placeholder stands where SQL should"),
        Node::Copy(copy) if !copy.from && copy.endpoint.eq_ignore_ascii_case("stdout") => {
            Some("COPY … TO stdout is not read; write a SELECT")
        }
        Node::Copy(copy) if copy.from && copy.data.is_none() && copy.endpoint.eq_ignore_ascii_case("stdin") => {
            Some("COPY … FROM stdin has no data")
        }
        Node::Passed(PassedOver::Discard) => Some("DISCARD does not run in a transaction"),
        _ => None,
    }
}
