//! Which project a path belongs to.

use std::path::{Path, PathBuf};

use crate::files::Disk;
use crate::layout;
use crate::supabase;

/// Name of the settings file.
pub const SETTINGS: &str = "dblsp.toml";

/// A project's folder, and what made it one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Root {
    /// Absolute.
    pub folder: PathBuf,
    /// What was found there.
    pub sign: Sign,
}

/// What makes a folder a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// `dblsp.toml`
    Settings,
    /// `supabase/config.toml`, or a folder `supabase/migrations`; or it is itself what is called `supabase` elsewhere.
    Supabase,
    /// It is itself a folder of migrations.
    Migrations,
    /// `.git`
    Git,
    /// Nothing: the folder that was asked about.
    Nothing,
}

/// The project around `path` (a file or a folder): the nearest folder upwards with `dblsp.toml`; else with a Supabase
/// project; else that
/// is itself a folder of migrations; else the repository. Never leaves the repository.
pub fn root_of(disk: &Disk, path: &Path) -> Root {
    let start = if disk.is_folder(path) {
        path
    } else {
        path.parent().unwrap_or(path)
    };
    let mut upwards: Vec<&Path> = Vec::new();
    for folder in start.ancestors() {
        upwards.push(folder);
        if folder.join(".git").exists() {
            break;
        }
    }
    // A repository may be the folder `supabase` itself; inside of a repository that folder belongs to the one above.
    let is_itself = |folder: &Path| {
        let is_part = folder.ends_with("supabase") && upwards.last() != Some(&folder);
        !is_part && supabase::is_it(disk, folder)
    };
    let is_supabase = |folder: &Path| {
        disk.is_file(&folder.join("supabase/config.toml"))
            || disk.is_folder(&folder.join("supabase/migrations"))
            || is_itself(folder)
    };
    let nearest = |shows: &dyn Fn(&Path) -> bool| upwards.iter().position(|folder| shows(folder));
    let found = nearest(&|folder| disk.is_file(&folder.join(SETTINGS)))
        .map(|at| (Sign::Settings, at))
        .or_else(|| nearest(&is_supabase).map(|at| (Sign::Supabase, at)))
        .or_else(|| {
            let is_migrations = |folder: &Path| layout::is_migration_folder(disk, folder);
            let inner = nearest(&is_migrations)?;
            // `migrations/2024_add/up.sql`: the inner folder looks like one, too.
            let outer = upwards
                .iter()
                .skip(inner)
                .take_while(|folder| is_migrations(folder))
                .count();
            Some((Sign::Migrations, inner + outer - 1))
        });
    if let Some((sign, at)) = found {
        return Root {
            folder: upwards[at].to_path_buf(),
            sign,
        };
    }
    match upwards.last() {
        Some(folder) if folder.join(".git").exists() => Root {
            folder: folder.to_path_buf(),
            sign: Sign::Git,
        },
        _ => Root {
            folder: start.to_path_buf(),
            sign: Sign::Nothing,
        },
    }
}
