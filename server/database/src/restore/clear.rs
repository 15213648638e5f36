//! Takes away what a snapshot makes anew, and leaves alone what it would only repeat.

use std::collections::BTreeSet;

use super::error::RestoreError;
use super::source::Source;
use crate::connection::{Connection, ServerError, identifier, literal};
use crate::snapshot::{Entry, PLATFORM_OWNERS, cross_schema_query, excluded};

const DOOMED: &str = include_str!("../queries/doomed.sql");
const CLEAR: &str = include_str!("../queries/clear.sql");
const ARCHIVED: &str = include_str!("../queries/archived.sql");
const UNREADABLE: &str = include_str!("../queries/unreadable.sql");
const DEFAULT_PRIVILEGES: &str = include_str!("../queries/default_privileges.sql");
const PUBLIC: &str = include_str!("../queries/public_privileges.sql");
pub(super) const TABLES: &str = include_str!("../queries/tables.sql");
pub(super) const ELSEWHERE: &str = include_str!("../queries/elsewhere.sql");

/// Which schemas are the project's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    pub(super) on_supabase: bool,
}

impl Scope {
    /// A query about what goes.
    pub(super) fn query(self, rest: &str) -> String {
        let list = |names: &[&str]| names.iter().map(|name| literal(name)).collect::<Vec<_>>().join(", ");
        format!("{DOOMED}{rest}")
            .replace("@excluded@", &list(&excluded(self.on_supabase)))
            .replace("@owners@", &list(&PLATFORM_OWNERS))
            .replace("@supabase@", if self.on_supabase { "true" } else { "false" })
    }
}

/// Relations that the role may not read and that are not the project's, so that a dump can leave them out.
pub(super) async fn unreadable(connection: &mut Connection, scope: Scope) -> Result<Vec<String>, ServerError> {
    let rows = connection.rows(&scope.query(UNREADABLE)).await?;
    Ok(rows.into_iter().flatten().flatten().collect())
}

/// Names of the tables that go, quoted.
pub(super) async fn tables(connection: &mut Connection, scope: Scope) -> Result<BTreeSet<String>, ServerError> {
    let rows = connection.rows(&scope.query(TABLES)).await?;
    let name = |row: Vec<Option<String>>| {
        let mut values = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || identifier(&values.next().unwrap_or_default());
        format!("{}.{}", next(), next())
    };
    Ok(rows.into_iter().map(name).collect())
}

/// A column of kept rows whose type goes and comes back.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) column: String,
    back: String,
}

/// Empties the project's schemas, in the open transaction. Kept rows stay, as text where their types go.
pub(super) async fn schemas(connection: &mut Connection, scope: Scope) -> Result<Vec<Kept>, RestoreError> {
    let mut kept = Vec::new();
    for row in connection.rows(&scope.query(ARCHIVED)).await? {
        let mut values = row.into_iter().map(Option::unwrap_or_default);
        let (column, to_text, back) = (values.next(), values.next(), values.next());
        run(connection, &to_text.unwrap_or_default()).await?;
        kept.push(Kept {
            column: column.unwrap_or_default(),
            back: back.unwrap_or_default(),
        });
    }
    let rows = connection.rows(&scope.query(CLEAR)).await?;
    for statement in rows.into_iter().flatten().flatten() {
        run(connection, &statement).await?;
    }
    Ok(kept)
}

/// Gives kept rows their types back. Columns whose values the type does not take stay text, and are named.
pub(super) async fn types_back(connection: &mut Connection, kept: Vec<Kept>) -> Result<Vec<String>, RestoreError> {
    let mut left = Vec::new();
    for column in kept {
        connection.execute("SAVEPOINT kept").await?;
        match connection.execute(&column.back).await {
            Ok(()) => connection.execute("RELEASE kept").await?,
            Err(error) if error.is_connection_lost() => return Err(error.into()),
            Err(_) => {
                connection.execute("ROLLBACK TO kept; RELEASE kept").await?;
                left.push(column.column);
            }
        }
    }
    Ok(left)
}

/// What lies in no schema, or belongs to `public` itself: what the snapshot would only repeat is left alone, the rest
/// is taken away. Returns the entries of the snapshot that need not run.
pub(super) async fn outside<'s>(
    connection: &mut Connection,
    source: &'s Source,
    live: &[Entry<'_>],
) -> Result<Vec<Entry<'s>>, RestoreError> {
    let wanted = source.entries();
    let texts: BTreeSet<&str> = live.iter().map(|entry| entry.text).collect();
    let same = |kinds: &[Kind]| {
        let of = |entries: &[Entry<'_>]| -> BTreeSet<String> {
            let own = entries
                .iter()
                .filter(|it| kind(it).is_some_and(|kind| kinds.contains(&kind)));
            own.map(|it| it.text.to_owned()).collect()
        };
        of(&wanted) == of(live)
    };
    let mut left: Vec<Kind> = Vec::new();
    // What is made would be given them beside what the snapshot gives it.
    all(connection, DEFAULT_PRIVILEGES).await?;
    let ours = connection.rows("SELECT rolname FROM pg_catalog.pg_roles WHERE pg_catalog.pg_has_role(oid, 'MEMBER')");
    let ours: BTreeSet<String> = ours.await?.into_iter().flatten().flatten().collect();
    if same(&[Kind::Public]) {
        left.push(Kind::Public);
    } else {
        all(connection, PUBLIC).await?;
    }
    if same(&[Kind::Foreign]) {
        left.push(Kind::Foreign);
    } else {
        for entry in live.iter().filter(|entry| entry.kind == "SERVER") {
            run(
                connection,
                &format!("DROP SERVER IF EXISTS {} CASCADE", identifier(entry.name)),
            )
            .await?;
        }
        for entry in live.iter().filter(|entry| entry.kind == "FOREIGN DATA WRAPPER") {
            let name = identifier(entry.name);
            run(
                connection,
                &format!("DROP FOREIGN DATA WRAPPER IF EXISTS {name} CASCADE"),
            )
            .await?;
        }
    }
    for entry in live.iter().filter(|entry| entry.kind == "EVENT TRIGGER") {
        run(
            connection,
            &format!("DROP EVENT TRIGGER IF EXISTS {}", identifier(entry.name)),
        )
        .await?;
    }
    let extensions: BTreeSet<&str> = names(&wanted, "EXTENSION");
    for name in names(live, "EXTENSION").difference(&extensions) {
        run(
            connection,
            &format!("DROP EXTENSION IF EXISTS {} CASCADE", identifier(name)),
        )
        .await?;
    }
    let is_left = |entry: &Entry<'_>| match kind(entry) {
        Some(Kind::DefaultPrivileges) => !ours.contains(entry.owner) && texts.contains(entry.text),
        Some(Kind::Rest) => texts.contains(entry.text),
        Some(kind) => left.contains(&kind),
        None => false,
    };
    Ok(wanted.into_iter().filter(is_left).collect())
}

fn names<'t>(entries: &[Entry<'t>], kind: &str) -> BTreeSet<&'t str> {
    let own = entries.iter().filter(|entry| entry.kind == kind);
    own.map(|entry| entry.name).collect()
}

/// What can be the same before and after although the schemas are emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Default privileges in `public` and everywhere.
    DefaultPrivileges,
    /// Privileges on `public`.
    Public,
    /// Foreign servers, their wrappers and users.
    Foreign,
    /// Comments on extensions; casts, languages and the like that need nothing of a schema that goes.
    Rest,
}

fn kind(entry: &Entry<'_>) -> Option<Kind> {
    match entry.kind {
        "DEFAULT ACL" if matches!(entry.schema, "public" | "-" | "") => Some(Kind::DefaultPrivileges),
        "ACL" if entry.name == "SCHEMA public" => Some(Kind::Public),
        "SERVER" | "FOREIGN DATA WRAPPER" | "USER MAPPING" => Some(Kind::Foreign),
        "COMMENT" if entry.name.starts_with("EXTENSION ") => Some(Kind::Rest),
        "CAST" | "PROCEDURAL LANGUAGE" | "TRANSFORM" | "ACCESS METHOD" | "SUBSCRIPTION" => {
            // With its types and functions written in full; what names none of the project's was not touched.
            let own = entry.text.contains('.');
            (!own || entry.kind == "SUBSCRIPTION").then_some(Kind::Rest)
        }
        _ => None,
    }
}

/// What still hangs on the platform's tables and is in the snapshot in the same words stays; what is not in it goes.
/// Returns where in the snapshot the former stands.
pub(super) async fn beside(
    connection: &mut Connection,
    source: &Source,
) -> Result<Vec<analysis::text::Span>, RestoreError> {
    let (text, start) = source.beside();
    let mut left = Vec::new();
    for row in connection.rows(&cross_schema_query()).await? {
        let mut values = row.into_iter().rev();
        let sql = values.next().flatten().unwrap_or_default();
        let Some(undo) = values.next().flatten() else { continue };
        match text.find(&format!("\n{sql}\n")) {
            Some(at) => left.push(analysis::text::Span::new(start + at, start + at + sql.len() + 1)),
            None => run(connection, &undo).await?,
        }
    }
    Ok(left)
}

/// Runs the statements that a query writes.
async fn all(connection: &mut Connection, query: &str) -> Result<(), RestoreError> {
    for statement in connection.rows(query).await?.into_iter().flatten().flatten() {
        run(connection, &statement).await?;
    }
    Ok(())
}

/// Runs a statement of our own, and quotes it where it fails.
pub(super) async fn run(connection: &mut Connection, sql: &str) -> Result<(), RestoreError> {
    let failed = |error| RestoreError::Statement {
        statement: beginning(sql),
        error,
    };
    connection.execute(sql).await.map_err(failed)
}

/// The beginning of a statement, on one line. Never its literals' end: a server's options may hold a password.
pub(super) fn beginning(sql: &str) -> String {
    let words: Vec<&str> = sql.split_whitespace().collect();
    let line = words.join(" ");
    let line = match line.find(" OPTIONS ") {
        Some(at) => &line[..at],
        None => &line,
    };
    match line.char_indices().nth(100) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line.to_owned(),
    }
}
