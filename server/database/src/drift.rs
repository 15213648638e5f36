//! How a live database differs from what its migrations make.
//!
//! The migrations are applied to a throw-away PostgreSQL, so that both sides are read by the same queries, down to the
//! bodies of functions. What the platform manages, and what it lets people make outside of migrations, is left out.

use std::collections::BTreeSet;

use analysis::history::{History, Migration};

use crate::capture::{Capture, Difference, Name, What, compare};
use crate::connection::{Connection, ServerError};
use crate::history;
use crate::replayed::{Replayed, ReplayedError};
use crate::snapshot::{PLATFORM, is_supabase};

/// How a database differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// From what the migrations make to what is there.
    pub differences: Vec<Difference>,
    /// Versions that were applied, so that they are what was compared with.
    pub versions: Vec<String>,
    /// Why the comparison is coarser than it could be.
    pub coarse: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum DriftError {
    /// No server to apply the migrations to, or they do not apply.
    #[error(transparent)]
    Replayed(#[from] ReplayedError),
    /// The database could not be read.
    #[error("the database could not be read: {0}")]
    Server(#[from] ServerError),
}

impl DriftError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Replayed(error) => error.hint(),
            Self::Server(_) => "see that the role may read the system catalogs",
        }
    }
}

/// Compares a database with the migrations that its history says it has.
pub async fn drift(connection: &mut Connection, files: &History) -> Result<Drift, DriftError> {
    let applied: BTreeSet<String> = history::read(connection)
        .await?
        .into_iter()
        .map(|row| row.version)
        .collect();
    compare_with(connection, files, &applied).await
}

/// Compares a database with the migrations of these versions.
pub(crate) async fn compare_with(
    connection: &mut Connection,
    files: &History,
    applied: &BTreeSet<String>,
) -> Result<Drift, DriftError> {
    let is_applied = |migration: &Migration| applied.contains(&migration.version);
    let replayed = Replayed::new(Some(connection.server_major()), files, is_applied).await?;
    let mut base = replayed.base().await?;
    let base = Capture::read(&mut base).await?;
    let mut wanted = replayed.database().connect().await.map_err(ReplayedError::Server)?;
    let wanted = Capture::read(&mut wanted).await?;
    let live = Capture::read(connection).await?;
    let coarse = (live.server_major != wanted.server_major).then(|| {
        format!(
            "the server is {}, and the one to compare with {}: how they print definitions differs, so those are left out",
            live.server_major, wanted.server_major
        )
    });
    let on_supabase = is_supabase(connection).await?;
    let mut differences = compare(&wanted, &live);
    differences.retain(|difference| is_the_project_s(difference, &base, &wanted, on_supabase));
    if coarse.is_some() {
        differences.retain_mut(keep_what_is_printed_alike);
    }
    Ok(Drift {
        differences,
        versions: applied.iter().cloned().collect(),
        coarse,
    })
}

/// Whether a migration made the object, or should have.
fn is_the_project_s(difference: &Difference, base: &Capture, wanted: &Capture, on_supabase: bool) -> bool {
    let name = difference.name();
    let made_by_migrations = wanted.objects.get(&name) != base.objects.get(&name);
    if made_by_migrations {
        return true;
    }
    // Who owns `public`, and what the platform brought along, differs from server to server.
    !base.objects.contains_key(&name) && may_be_the_project_s(&name, on_supabase)
}

/// Whether an object is one that migrations make: not the cluster's, not the platform's.
pub(crate) fn may_be_the_project_s(name: &Name, on_supabase: bool) -> bool {
    match name.0.as_str() {
        // Of the cluster, or of whoever set the database up.
        "role" | "membership" | "setting" | "language" | "unread" | "security_label" => false,
        "grant" if name.1.starts_with("database:") => false,
        _ if !on_supabase => true,
        "event_trigger" | "extension" | "foreign_data_wrapper" | "server" | "user_mapping" => false,
        "default_privilege" => !name.1.starts_with("supabase_"),
        // These are the project's own also on tables of the platform.
        "trigger" | "policy" | "publication_table" => true,
        _ => !is_in_platform(name),
    }
}

fn is_in_platform((class, identity): &Name) -> bool {
    let path = match class.as_str() {
        "grant" | "comment" => identity.split_once(':').map_or(identity.as_str(), |(_, path)| path),
        _ => identity,
    };
    let schema = path.split('.').next().unwrap_or_default();
    PLATFORM.contains(&schema.split(':').next().unwrap_or_default())
}

/// Takes out what only servers of one version print in the same way; false if nothing else is left.
fn keep_what_is_printed_alike(difference: &mut Difference) -> bool {
    const PRINTED: [&str; 6] = [
        "definition",
        "using_expression",
        "check_expression",
        "default",
        "access_method",
        "version",
    ];
    if let What::Changed(facets) = &mut difference.what {
        facets.retain(|facet| !PRINTED.contains(&facet.name.as_str()));
        return !facets.is_empty();
    }
    true
}
