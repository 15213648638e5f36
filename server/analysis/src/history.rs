//! A migration folder as data: what `project` read from disk, or an editor holds unsaved.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::databases::Databases;
use crate::proof::Proof;
use crate::text::Span;

/// A migration folder, in the order in which its files are applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// In the order of application.
    pub migrations: Vec<Migration>,
    /// Whether these migrations build the database from nothing (or from `base`). Where not (a single file, standard
    /// input, a folder that starts midway), an object that no migration creates is assumed to exist and to hold data.
    pub complete: bool,
    /// What the database holds before the first migration.
    pub base: Base,
    /// Rollback scripts, tests and snapshots.
    pub companions: Vec<Companion>,
    /// Whether the Supabase CLI would read the snapshot folder as declarative schemas, and the file that says so or
    /// should say otherwise (`supabase/config.toml`).
    pub snapshots_read_by_supabase: Option<String>,
    /// What a server made of migrations and their rollbacks, by the migration's path, where somebody has asked one.
    pub proofs: BTreeMap<String, Arc<Proof>>,
    /// What is known of the databases that these migrations are applied to.
    pub databases: Arc<Databases>,
}

/// What a fresh database holds before the first migration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Base {
    /// PostgreSQL's own catalogs and an empty schema `public`.
    #[default]
    Empty,
    /// What Supabase sets up: roles, `auth`, `storage`, `realtime`, `extensions`, default privileges.
    Supabase,
}

/// One forward migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Path as people shall see it, with `/`; unique in a history.
    pub path: String,
    /// The whole file.
    pub text: Arc<str>,
    /// The part that is applied forward, where the file also holds its rollback (dbmate, goose); else the whole file.
    pub forward: Span,
    /// Version: the leading digits of the file's (or, for `up.sql`, the folder's) name; empty where there are none.
    pub version: String,
    /// Whether findings in this file are wanted; other files are context.
    pub judged: bool,
    /// The file that undoes it: the path where it is or would be expected, if this layout has rollbacks at all. Its own
    /// path where a section of it does.
    pub rollback_path: Option<String>,
    /// Whether the rollback exists: as a file, or as the other section of this one.
    pub has_rollback: bool,
    /// The smoke test of its version: the path where it is or would be expected, under the seed convention only.
    pub smoke_test_path: Option<String>,
    /// Whether the smoke test exists.
    pub has_smoke_test: bool,
    /// Whether the convention rules speak about it: the convention is on, and `since` does not exempt it.
    pub convention: bool,
}

impl Migration {
    /// A migration of which only path and text are known: all of it forward, judged, without a rollback.
    pub fn new(path: &str, text: &str) -> Self {
        let name = file_name(path);
        Self {
            path: path.to_owned(),
            text: text.into(),
            forward: Span::new(0, text.len()),
            version: name.chars().take_while(char::is_ascii_digit).collect(),
            judged: true,
            rollback_path: None,
            has_rollback: false,
            smoke_test_path: None,
            has_smoke_test: false,
            convention: false,
        }
    }

    /// The file's name, without its folders.
    pub fn file_name(&self) -> &str {
        file_name(&self.path)
    }

    /// Whether a section of its own undoes it.
    pub fn undoes_itself(&self) -> bool {
        self.has_rollback && self.rollback_path.as_ref() == Some(&self.path)
    }

    /// Whether its first line prepares it for later: `-- dblsp: hold (reason)`.
    pub fn is_held(&self) -> bool {
        self.text.trim_start_matches('\u{feff}').starts_with("-- dblsp: hold")
    }

    /// `major.minor.patch` of a name of the convention: `20251026211500_v0_7_0_baseline.sql` is of 0.7.0.
    pub fn release(&self) -> Option<Release> {
        Release::of_file(self.file_name())
    }

    /// Whether it fills lookup tables: its description is or ends in `seed`.
    pub fn is_seed(&self) -> bool {
        let stem = self.file_name().trim_end_matches(".sql");
        stem == "seed" || stem.ends_with("_seed") || stem.ends_with("-seed")
    }
}

/// The version of the product that a migration belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub patch: u32,
}

impl std::fmt::Display for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Release {
    /// Reads `1.2.3` or `v1.2.3`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text
            .strip_prefix('v')
            .unwrap_or(text)
            .split('.')
            .map(|n| n.parse().ok());
        let release = Self {
            major: numbers.next()??,
            minor: numbers.next()??,
            patch: numbers.next()??,
        };
        numbers.next().is_none().then_some(release)
    }

    /// The release in a file name of the convention: `20251026211500_v0_7_0_baseline.sql` is of 0.7.0.
    pub fn of_file(name: &str) -> Option<Self> {
        let stem = name.strip_suffix(".sql")?;
        let (stamp, rest) = stem.split_once("_v")?;
        if stamp.len() != 14 || !stamp.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let mut parts = rest.splitn(4, '_');
        let mut number = || parts.next()?.parse().ok();
        let release = Self {
            major: number()?,
            minor: number()?,
            patch: number()?,
        };
        let description = parts.next()?;
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        (!description.is_empty() && description.chars().all(is_plain)).then_some(release)
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A file beside the migrations that some rules read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Companion {
    /// Path as people shall see it.
    pub path: String,
    /// Its text.
    pub text: Arc<str>,
    /// What it is for.
    pub kind: CompanionKind,
    /// Whether findings in it are wanted.
    pub judged: bool,
}

/// What a [`Companion`] is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompanionKind {
    /// Undoes a migration.
    Rollback,
    /// A smoke or integration test.
    Test,
    /// `supabase/seed.sql` and the like.
    Seed,
}
