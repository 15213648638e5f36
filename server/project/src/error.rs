//! What can be wrong with a project: one variant per thing that the user can act on.

use thiserror::Error;

/// Something about the project, its settings or a path that the user can mend.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ProjectError {
    /// A path that was asked for is not there.
    #[error("`{path}` does not exist")]
    NoSuchPath {
        /// As people shall see it.
        path: String,
    },
    /// A file was asked for that holds no SQL.
    #[error("`{path}` is not an SQL file")]
    NotSql {
        /// As people shall see it.
        path: String,
    },
    /// A folder was asked for that holds no SQL.
    #[error("`{path}` holds no SQL files")]
    NoSql {
        /// As people shall see it.
        path: String,
    },
    /// No path was asked for, and there is no migration folder around.
    #[error("no migrations found in `{path}`")]
    NoMigrations {
        /// The root that was searched.
        path: String,
    },
    /// A folder that the settings name is not there.
    #[error("{at}: the folder `{folder}` does not exist")]
    NoSuchFolder {
        /// Place in the settings.
        at: String,
        /// As written.
        folder: String,
    },
    /// A file or folder cannot be read.
    #[error("cannot read `{path}`: {reason}")]
    Unreadable {
        /// As people shall see it.
        path: String,
        /// What the operating system says.
        reason: String,
    },
    /// A file cannot be written.
    #[error("cannot write `{path}`: {reason}")]
    Unwritable {
        /// As people shall see it.
        path: String,
        /// What the operating system says.
        reason: String,
    },
    /// A file is not UTF-8; it was read with `?` for each invalid byte.
    #[error("`{path}` is not UTF-8 (first invalid byte at offset {offset})")]
    NotUtf8 {
        /// As people shall see it.
        path: String,
        /// Byte offset.
        offset: usize,
    },
    /// Settings that cannot be read at all.
    #[error("{at}: {message}")]
    BadSettings {
        /// `path:line:column`.
        at: String,
        /// What is wrong.
        message: String,
    },
    /// A key that no setting has.
    #[error("{at}: unknown key `{key}`")]
    UnknownKey {
        /// `path:line:column`.
        at: String,
        /// As written.
        key: String,
        /// The key that was probably meant.
        suggestion: Option<String>,
    },
    /// A rule that does not exist.
    #[error("{at}no rule is called `{rule}`")]
    UnknownRule {
        /// `path:line:column: `, or nothing.
        at: String,
        /// As written.
        rule: String,
        /// The rule that was probably meant.
        suggestion: Option<String>,
    },
    /// A value that a setting cannot have.
    #[error("{at}: {message}")]
    BadValue {
        /// `path:line:column`.
        at: String,
        /// What is wrong.
        message: String,
        /// What to write instead.
        hint: String,
    },
    /// A baseline that cannot be read.
    #[error("`{path}` is no baseline: {message}")]
    BadBaseline {
        /// As people shall see it.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// git said no.
    #[error("git: {message}")]
    Git {
        /// First line of what git said.
        message: String,
        /// What to do.
        hint: String,
    },
    /// `dblsp scaffold` has nothing to write.
    #[error("{message}")]
    NothingToScaffold {
        /// What is missing.
        message: String,
        /// What to do.
        hint: String,
    },
    /// `dblsp new` cannot name the file.
    #[error("{message}")]
    BadName {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
}

impl ProjectError {
    /// The file that it is about, as people see it, with the 1-based line and column if they are known.
    pub fn place(&self) -> Option<(&str, Option<(u32, u32)>)> {
        let at = match self {
            Self::NoSuchFolder { at, .. }
            | Self::BadSettings { at, .. }
            | Self::UnknownKey { at, .. }
            | Self::UnknownRule { at, .. }
            | Self::BadValue { at, .. } => at.trim_end_matches(": "),
            Self::Unreadable { path, .. } | Self::NotUtf8 { path, .. } | Self::BadBaseline { path, .. } => {
                return Some((path, None));
            }
            _ => return None,
        };
        let numbers = || {
            let (rest, column) = at.rsplit_once(':')?;
            let (path, line) = rest.rsplit_once(':')?;
            Some((path, (line.parse().ok()?, column.parse().ok()?)))
        };
        match numbers() {
            Some((path, place)) => Some((path, Some(place))),
            None if at.is_empty() => None,
            None => Some((at, None)),
        }
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> String {
        let whole = self.to_string();
        match self {
            Self::NoSuchFolder { at, .. }
            | Self::BadSettings { at, .. }
            | Self::UnknownKey { at, .. }
            | Self::BadValue { at, .. } => whole.replacen(&format!("{at}: "), "", 1),
            Self::UnknownRule { at, .. } => whole.replacen(at.as_str(), "", 1),
            _ => whole,
        }
    }

    /// What to do about it, in one imperative sentence.
    pub fn hint(&self) -> String {
        match self {
            Self::NoSuchPath { .. } => "check the spelling; paths are relative to the current folder".into(),
            Self::NotSql { .. } => "name a file that ends in `.sql`, or a folder".into(),
            Self::NoSql { .. } => "name a folder of migrations, or run `dblsp check` without a path".into(),
            Self::NoMigrations { .. } => {
                "name the folder (`dblsp check PATH`), set `migrations = [\"PATH\"]` in dblsp.toml, or run `dblsp init`"
                    .into()
            }
            Self::NoSuchFolder { .. } => "paths in dblsp.toml are relative to its folder".into(),
            Self::Unreadable { .. } => "check that the file exists and that you may read it".into(),
            Self::Unwritable { .. } => "check that the folder exists and that you may write to it".into(),
            Self::NotUtf8 { .. } => "convert it, for example with `iconv -f latin1 -t utf-8`".into(),
            Self::BadSettings { .. } => "mend this line; nothing else in the file was read".into(),
            Self::UnknownKey {
                suggestion: Some(key), ..
            } => format!("did you mean `{key}`?"),
            Self::UnknownKey { .. } => "remove it; `dblsp schema` prints every key".into(),
            Self::UnknownRule {
                suggestion: Some(rule), ..
            } => format!("did you mean `{rule}`?"),
            Self::UnknownRule { .. } => "run `dblsp rules` for the list".into(),
            Self::BadBaseline { .. } => {
                "write it anew with `dblsp check --write-baseline`, and look at what that changes".into()
            }
            Self::BadValue { hint, .. }
            | Self::Git { hint, .. }
            | Self::BadName { hint, .. }
            | Self::NothingToScaffold { hint, .. } => hint.clone(),
        }
    }
}

/// The candidate that is nearest to what was typed, if any is near enough to be meant.
pub fn nearest<'c>(typed: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(typed, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_apart_from_the_message() {
        let key = ProjectError::UnknownKey {
            at: "a/dblsp.toml:3:5".into(),
            key: "x".into(),
            suggestion: None,
        };
        assert_eq!(key.place(), Some(("a/dblsp.toml", Some((3, 5)))));
        assert_eq!(key.message(), "unknown key `x`");
        let rule = |at: &str| ProjectError::UnknownRule {
            at: at.into(),
            rule: "x".into(),
            suggestion: None,
        };
        assert_eq!(rule("dblsp.toml:1:2: ").place(), Some(("dblsp.toml", Some((1, 2)))));
        assert_eq!(rule("dblsp.toml:1:2: ").message(), "no rule is called `x`");
        assert_eq!(rule("").place(), None);
        let folder = ProjectError::NoSuchFolder {
            at: "dblsp.toml".into(),
            folder: "x".into(),
        };
        assert_eq!(folder.place(), Some(("dblsp.toml", None)));
        assert_eq!(folder.message(), "the folder `x` does not exist");
    }
}
