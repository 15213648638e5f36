//! A migration that makes what a live database has: the beginning of a history for a schema that has none.
//!
//! It is written from a snapshot, statement by statement, and believed only once a throw-away server has run it and is
//! not told from the live one.

use std::collections::BTreeSet;

use analysis::history::{History, Migration};
use analysis::text::Span;
use serde::Serialize;

use crate::address::Address;
use crate::capture::Difference;
use crate::connection::{Connection, ServerError};
use crate::drift::{self, DriftError};
use crate::history;
use crate::plan::{File, Step};
use crate::rollback::Script;
use crate::snapshot::{self, Client, Libpq, SnapshotError};

/// Privileges that Supabase gives in every new project, now and to what is made later: they would stand beside those that
/// the database has.
const NEUTRAL: &str = "\
REVOKE ALL ON SCHEMA public FROM anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM anon, authenticated, service_role, postgres;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM anon, authenticated, service_role, postgres;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON FUNCTIONS FROM anon, authenticated, service_role, postgres;
";

/// A migration that makes what is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Baseline {
    /// All of it.
    pub text: String,
    /// How many statements it has.
    pub statements: usize,
    /// In what a throw-away server that ran it differs from the live one.
    #[serde(skip)]
    pub differences: Vec<Difference>,
    /// Why it was not run on one, or not compared in full.
    pub unverified: Option<String>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// The history has begun.
    #[error("the database has migrations already: {}", .0.join(", "))]
    Begun(Vec<String>),
    /// The database could not be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// What was read is no migration.
    #[error("what the schema is made of cannot be written as a migration: {0}")]
    Unfit(&'static str),
    /// A throw-away server does not run it.
    #[error(transparent)]
    Drift(DriftError),
    /// The server refused something.
    #[error(transparent)]
    Server(#[from] ServerError),
}

impl AdoptError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Begun(_) => {
                "a baseline comes before all others: `dblsp status` shows which there are, `dblsp mark reverted` takes one \
                 out of the record"
            }
            Self::Snapshot(error) => error.hint(),
            Self::Unfit(_) => "write it by hand from a snapshot: `dblsp snapshot --output FILE`",
            Self::Drift(error) => error.hint(),
            Self::Server(_) => "see that the role may read the system catalogs",
        }
    }
}

/// Writes the migration. `files` are the project's, none of them applied; `path` is where it will be.
pub async fn baseline(
    connection: &mut Connection,
    address: &Address,
    files: &History,
    path: &str,
    tools: &[std::path::PathBuf],
) -> Result<Baseline, AdoptError> {
    let rows = history::read(connection).await?;
    if !rows.is_empty() {
        return Err(AdoptError::Begun(rows.into_iter().map(|row| row.version).collect()));
    }
    let client = Client::discover(connection.server_major(), tools);
    let libpq = Libpq::new(address).map_err(SnapshotError::NotRun)?;
    let taken = snapshot::take(connection, &libpq, &client).await?;
    let on_supabase = snapshot::is_supabase(connection).await?;
    let role = connection.value("SELECT pg_catalog.quote_ident(current_user)").await?;
    let (text, statements) = migration(&taken.text, on_supabase, &role.unwrap_or_default())?;
    let mut alone = History {
        migrations: vec![Migration::new(path, &text)],
        companions: Vec::new(),
        ..files.clone()
    };
    alone.complete = true;
    let version = alone.migrations[0].version.clone();
    let found = drift::compare_with(connection, &alone, &BTreeSet::from([version])).await;
    let (differences, unverified) = match found {
        Ok(found) => (found.differences, found.coarse),
        Err(DriftError::Replayed(crate::replayed::ReplayedError::Shadow(error))) => {
            (Vec::new(), Some(error.to_string()))
        }
        Err(error) => return Err(AdoptError::Drift(error)),
    };
    Ok(Baseline {
        text,
        statements,
        differences,
        unverified,
    })
}

/// A snapshot as a migration that this role runs.
fn migration(snapshot: &str, on_supabase: bool, role: &str) -> Result<(String, usize), AdoptError> {
    let script = Script {
        path: "",
        text: snapshot,
        part: Span::new(0, snapshot.len()),
    };
    let file = File::of_script(&script, "");
    if let Some(refusal) = file.refusals.first() {
        return Err(AdoptError::Unfit(refusal.why.message()));
    }
    let statements = file.steps.iter().flat_map(Step::statements);
    let kept: Vec<&str> = statements
        .map(|statement| statement.span.slice(snapshot))
        .filter(|sql| !is_of_the_session(sql) && !is_own(sql, role))
        .collect();
    let mut out = String::from(
        "-- What the database had when dblsp adopted it.\n\n\
         -- Functions may name what comes later.\nSET check_function_bodies = false;\n",
    );
    if on_supabase {
        out.push_str("\n-- Each object gets its own privileges below, and no others.\n");
        out.push_str(NEUTRAL);
    }
    for sql in &kept {
        out.push('\n');
        out.push_str(sql.trim());
        out.push_str(";\n");
    }
    out.push_str("\nRESET check_function_bodies;\n");
    Ok((out, kept.len()))
}

/// What `pg_dump` says to psql's session.
fn is_of_the_session(sql: &str) -> bool {
    sql.starts_with("SET ") || sql.starts_with("SELECT pg_catalog.set_config('search_path'")
}

/// Who makes something owns it.
fn is_own(sql: &str, role: &str) -> bool {
    sql.starts_with("ALTER ") && sql.ends_with(&format!(" OWNER TO {role}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_session_s_and_what_is_taken_for_granted_is_left_out() {
        let snapshot = "--\n-- PostgreSQL database dump\n--\n\nSET lock_timeout = 0;\n\
            SELECT pg_catalog.set_config('search_path', '', false);\n\nCREATE TABLE public.a (\n    b integer\n);\n\n\
            ALTER TABLE public.a OWNER TO me;\n\nALTER TABLE public.a OWNER TO other;\n";
        let (text, statements) = migration(snapshot, false, "me").expect("a migration");
        let expected = "-- What the database had when dblsp adopted it.

-- Functions may name what comes later.
SET check_function_bodies = false;

CREATE TABLE public.a (
    b integer
);

ALTER TABLE public.a OWNER TO other;

RESET check_function_bodies;
";
        assert_eq!((text.as_str(), statements), (expected, 2));
    }
}
