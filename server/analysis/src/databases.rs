//! What is known of live databases without asking them: what was last seen applied, and how they differed from what
//! their migrations make. Plain data that comes in from outside.

use std::collections::BTreeMap;

use crate::history::Migration;
use crate::sql::lexeme;

/// What is known of a project's databases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Databases {
    /// Those that somebody has looked at, by name.
    pub environments: Vec<Environment>,
}

/// A database, as it was last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// Its name in the settings.
    pub name: String,
    /// When it was seen, as RFC 3339 in UTC.
    pub seen: String,
    /// The migrations that it had, by version.
    pub applied: BTreeMap<String, Applied>,
    /// How it differed from what those migrations make, the last time that somebody compared.
    pub drift: Option<Drift>,
}

/// A migration that a database had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// [`lexeme::token_digest`] of what was run; `None` where the database does not say it.
    pub tokens: Option<String>,
    /// [`lexeme::text_digest`] of the forward part that was found to be the same then.
    pub text: Option<String>,
}

/// How a database differed from what its migrations make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    /// When it was compared, as RFC 3339 in UTC.
    pub seen: String,
    /// Object by object.
    pub differences: Vec<Difference>,
}

/// An object that was not as the migrations make it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Its name, dotted and unquoted, as in [`crate::schema::canonical::Row`].
    pub identity: String,
    /// What was different, for people: `column public.users.email is missing`.
    pub words: String,
}

impl Databases {
    /// The databases that had a version.
    pub fn with<'a>(&'a self, version: &'a str) -> impl Iterator<Item = &'a Environment> {
        let had = move |environment: &&Environment| environment.applied.contains_key(version);
        self.environments.iter().filter(had)
    }
}

impl Applied {
    /// Whether the file says something else than what was run; never where that is not known.
    pub fn is_edited(&self, migration: &Migration) -> bool {
        let Some(tokens) = &self.tokens else { return false };
        let text = migration.forward.slice(&migration.text);
        let is_same_text = || self.text.as_ref().is_some_and(|own| *own == lexeme::text_digest(text));
        !is_same_text() && *tokens != lexeme::token_digest(text)
    }
}

/// The day of a time in RFC 3339.
pub fn day(time: &str) -> &str {
    time.split('T').next().unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tokens_make_an_edit() {
        let ran = Migration::new("1_a.sql", "create table t (id int);");
        let applied = Applied {
            tokens: Some(lexeme::token_digest(&ran.text)),
            text: Some(lexeme::text_digest(&ran.text)),
        };
        let edited = |text: &str| applied.is_edited(&Migration::new("1_a.sql", text));
        assert!(!edited(&ran.text));
        assert!(!edited("-- a table\nCREATE TABLE t\n  (id int)"));
        assert!(edited("create table t (id bigint);"));
        assert!(!Applied::default().is_edited(&ran));
    }

    #[test]
    fn a_rollback_in_the_same_file_is_no_part_of_what_was_run() {
        let mut migration = Migration::new("1_a.sql", "select 1;\n-- migrate:down\nselect 2;");
        migration.forward.end = 10;
        let applied = Applied {
            tokens: Some(lexeme::token_digest("select 1")),
            text: None,
        };
        assert!(!applied.is_edited(&migration));
    }
}
