//! Applies a history to a throw-away database as `supabase db push` does: file by file, each in a transaction, and goes
//! on after a file that fails. For finding out what PostgreSQL makes of a history; nothing here is for a real database.

use std::sync::LazyLock;

use regex::Regex;

use crate::connection::{Connection, ServerError};
use crate::extensions::rewrite;
use crate::text::{leading_words, skip_comments};

/// A migration file, split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// As it shall appear in the outcome.
    pub path: String,
    /// In order, with or without their semicolons.
    pub statements: Vec<String>,
    /// Whether the runner wraps the file in a transaction. A file with transaction control of its own, or with a
    /// statement that refuses to run in one, is never wrapped.
    pub transactional: bool,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOutcome {
    /// Which.
    pub path: String,
    /// What.
    pub outcome: Outcome,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the database.
    Applied,
    /// A statement failed and the file was rolled back, as far as it was in a transaction.
    Failed(Failure),
    /// Not sent: it holds what only psql understands.
    NotSql {
        /// Index of the statement.
        statement: usize,
    },
}

/// The statement that ended a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Index of the statement; the number of statements where the COMMIT failed.
    pub statement: usize,
    /// What the server said, with the byte offset in that statement.
    pub error: ServerError,
    /// Statements before it may have stayed, because the file did not run in one transaction.
    pub partial: bool,
}

/// Applies files in order. The error means that the server is gone.
pub async fn apply_history(session: &mut Connection, files: &[File]) -> Result<Vec<FileOutcome>, ServerError> {
    let mut outcomes = Vec::with_capacity(files.len());
    for file in files {
        let outcome = apply_file(session, file).await?;
        outcomes.push(FileOutcome {
            path: file.path.clone(),
            outcome,
        });
    }
    Ok(outcomes)
}

/// Applies one file.
pub async fn apply_file(session: &mut Connection, file: &File) -> Result<Outcome, ServerError> {
    if let Some(statement) = file.statements.iter().position(|sql| needs_psql(sql)) {
        return Ok(Outcome::NotSql { statement });
    }
    let wrapped = file.transactional && !file.statements.iter().any(|sql| refuses_a_transaction(sql));
    session
        .execute(if wrapped { "RESET ALL; BEGIN" } else { "RESET ALL" })
        .await?;
    for (statement, sql) in file.statements.iter().enumerate() {
        if skip_comments(sql).is_empty() {
            continue;
        }
        if let Err(error) = session.execute(&rewrite(sql)).await {
            return fail(
                session,
                Failure {
                    statement,
                    error,
                    partial: !wrapped && statement > 0,
                },
            )
            .await;
        }
    }
    if wrapped {
        if let Err(error) = session.execute("COMMIT").await {
            return fail(
                session,
                Failure {
                    statement: file.statements.len(),
                    error,
                    partial: false,
                },
            )
            .await;
        }
    } else {
        // A BEGIN that the file did not close would swallow the next file. Only a warning where there is none.
        session.execute("ROLLBACK").await?;
    }
    Ok(Outcome::Applied)
}

async fn fail(session: &mut Connection, failure: Failure) -> Result<Outcome, ServerError> {
    if failure.error.is_connection_lost() {
        return Err(failure.error);
    }
    session.execute("ROLLBACK").await?;
    Ok(Outcome::Failed(failure))
}

/// psql's own commands, and data for COPY, after which a session would wait forever.
fn needs_psql(sql: &str) -> bool {
    static FROM_STDIN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?is)\bfrom\s+stdin\b").expect("the pattern is valid"));
    let text = skip_comments(sql);
    text.starts_with('\\') || (leading_words::<1>(text)[0] == "copy" && FROM_STDIN.is_match(text))
}

/// Statements that end a transaction, begin one, or are refused in one.
pub(crate) fn refuses_a_transaction(sql: &str) -> bool {
    static CONCURRENTLY: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?i)\bconcurrently\b").expect("the pattern is valid"));
    let words = leading_words::<3>(sql);
    match words.each_ref().map(String::as_str) {
        ["rollback", "to", _] | ["rollback", "work" | "transaction", "to"] => false,
        ["begin" | "commit" | "rollback" | "end" | "abort" | "vacuum", ..] => true,
        ["start" | "prepare", "transaction", _] => true,
        ["alter", "system", _] => true,
        ["create" | "drop", "database" | "tablespace" | "subscription", _] => true,
        ["reindex", "database" | "schema" | "system", _] => true,
        ["cluster", "", _] => true,
        ["create" | "drop", "index", _] | ["create", "unique", "index"] | ["reindex", ..] => CONCURRENTLY.is_match(sql),
        ["alter", "table", _] => {
            // DETACH PARTITION … CONCURRENTLY
            let lower = sql.to_ascii_lowercase();
            lower.contains("detach") && CONCURRENTLY.is_match(sql)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_refuse_a_transaction() {
        for sql in [
            "BEGIN",
            "-- c\ncommit;",
            "create unique index concurrently i on t (a)",
            "drop index concurrently i",
            "vacuum t",
            "alter system set work_mem = 1",
            "alter table p detach partition q concurrently",
            "reindex (verbose) table concurrently t",
            "rollback",
        ] {
            assert!(refuses_a_transaction(sql), "{sql}");
        }
        for sql in [
            "refresh materialized view concurrently m",
            "rollback to savepoint a",
            "create index on t (a)",
            "prepare p as select 1",
            "create table vacuum ()",
        ] {
            assert!(!refuses_a_transaction(sql), "{sql}");
        }
    }

    #[test]
    fn what_only_psql_understands() {
        assert!(needs_psql("\\connect x") && needs_psql("COPY t (a) FROM stdin;\n1\n\\."));
        assert!(!needs_psql("copy t to stdout") && !needs_psql("select 'copy x from stdin'"));
    }
}
