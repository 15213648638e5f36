//! What dblsp saw of a project's databases when it was last connected: `.dblsp/seen.json`, so that findings can speak of
//! them without a connection.
//!
//! It is a memory and no truth: one that is lost or unreadable is empty, and nothing fails for it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::Path;

use analysis::databases::{self, Databases};
use analysis::history::Migration;
use analysis::sql::lexeme::text_digest;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::local;

/// Name of the file.
pub const FILE: &str = "seen.json";

/// Version of the form that this dblsp reads and writes.
const VERSION: u32 = 1;

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Version of this form.
    version: u32,
    /// By name.
    pub environments: BTreeMap<String, Environment>,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            version: VERSION,
            environments: BTreeMap::new(),
        }
    }
}

/// A database, as it was last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// When, as RFC 3339 in UTC.
    pub seen: String,
    /// The migrations that it had, by version.
    pub applied: BTreeMap<String, Ran>,
    /// How it differed from what they make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
}

/// What was run of a migration; all absent where the database does not say it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ran {
    /// Digest of the database's record, so that it need not be fetched again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<String>,
    /// See [`databases::Applied::tokens`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<String>,
    /// See [`databases::Applied::text`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// How a database differed from what its migrations make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// When it was compared, as RFC 3339 in UTC.
    pub seen: String,
    /// What it was compared with: see [`made_of`].
    pub of: String,
    /// Object by object.
    pub differences: Vec<Difference>,
}

/// See [`databases::Difference`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The object's name, dotted and unquoted.
    pub identity: String,
    /// What was different, for people. Without values: a default may hold a secret.
    pub words: String,
}

/// What was seen of the databases of the project in `root`.
pub fn read(root: &Path) -> Seen {
    let text = local::read(root, FILE);
    let seen: Option<Seen> = text.and_then(|text| serde_json::from_str(&text).ok());
    seen.filter(|seen| seen.version == VERSION).unwrap_or_default()
}

/// Keeps what was seen, in place of what was.
pub fn write(root: &Path, seen: &Seen) -> io::Result<()> {
    let text = serde_json::to_string_pretty(seen).expect("texts are JSON");
    local::write(root, FILE, &format!("{text}\n"))
}

/// What stands for the files of these versions, byte for byte.
pub fn made_of(migrations: &[Migration], is_applied: impl Fn(&str) -> bool) -> String {
    let mut files = String::new();
    for migration in migrations.iter().filter(|migration| is_applied(&migration.version)) {
        let text = migration.forward.slice(&migration.text);
        let _ = writeln!(files, "{} {}", migration.version, text_digest(text));
    }
    text_digest(&files)
}

/// What is known of the databases that the migrations are applied to; those that the settings name no more are forgotten.
pub(crate) fn databases(root: &Path, config: &Config, migrations: &[Migration]) -> Databases {
    let seen = read(root).environments.into_iter();
    let named = &config.environments;
    let own = seen.filter(|(name, _)| named.contains_key(name) || (named.is_empty() && name == "local"));
    Databases {
        environments: own.map(|(name, seen)| environment(name, seen, migrations)).collect(),
    }
}

fn environment(name: String, seen: Environment, migrations: &[Migration]) -> databases::Environment {
    let applied = seen.applied;
    let drift = seen.drift.filter(|drift| !drift.differences.is_empty());
    let drift = drift.filter(|drift| drift.of == made_of(migrations, |version| applied.contains_key(version)));
    let ran = |ran: Ran| databases::Applied {
        tokens: ran.tokens,
        text: ran.text,
    };
    databases::Environment {
        name,
        seen: seen.seen,
        drift: drift.map(known),
        applied: applied.into_iter().map(|(version, own)| (version, ran(own))).collect(),
    }
}

fn known(drift: Drift) -> databases::Drift {
    let differences = drift.differences.into_iter().map(|difference| databases::Difference {
        identity: difference.identity,
        words: difference.words,
    });
    databases::Drift {
        seen: drift.seen,
        differences: differences.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "create table users (id bigint primary key);";

    fn one(environment: Environment) -> Seen {
        Seen {
            environments: [("staging".to_owned(), environment)].into(),
            ..Seen::default()
        }
    }

    fn drifted(text: &str) -> Environment {
        let migrations = [Migration::new("1_users.sql", text)];
        Environment {
            seen: "2025-10-27T09:00:00Z".into(),
            applied: [("1".to_owned(), Ran::default())].into(),
            drift: Some(Drift {
                seen: "2025-10-27T09:00:00Z".into(),
                of: made_of(&migrations, |_| true),
                differences: vec![Difference {
                    identity: "public.users".into(),
                    words: "table public.users is missing".into(),
                }],
            }),
        }
    }

    fn known(root: &Path, settings: &str, text: &str) -> Databases {
        let config = crate::config::parse("dblsp.toml", settings).expect("settings").0;
        databases(root, &config, &[Migration::new("1_users.sql", text)])
    }

    const STAGING: &str = "[environments.staging]\nurl = \"env(STAGING)\"";

    #[test]
    fn what_was_kept_is_known_of_the_environments_that_there_are() {
        let root = tempfile::tempdir().expect("a folder");
        write(root.path(), &one(drifted(USERS))).expect("written");
        assert_eq!(read(root.path()), one(drifted(USERS)));
        let seen = known(root.path(), STAGING, USERS);
        assert_eq!(seen.environments.len(), 1);
        assert!(seen.environments[0].drift.is_some());
        assert_eq!(seen.with("1").count(), 1);
        let other = "[environments.production]\nurl = \"env(PRODUCTION)\"";
        assert_eq!(known(root.path(), other, USERS), Databases::default());
        assert_eq!(known(root.path(), "", USERS), Databases::default());
    }

    #[test]
    fn a_comparison_with_other_files_is_out_of_date() {
        let root = tempfile::tempdir().expect("a folder");
        write(root.path(), &one(drifted("select 1;"))).expect("written");
        assert_eq!(known(root.path(), STAGING, USERS).environments[0].drift, None);
    }

    #[test]
    fn what_cannot_be_read_is_not_known() {
        let root = tempfile::tempdir().expect("a folder");
        for text in ["", "{", "{\"version\": 2, \"environments\": {}}"] {
            local::write(root.path(), FILE, text).expect("written");
            assert_eq!(read(root.path()), Seen::default(), "{text}");
        }
    }
}
