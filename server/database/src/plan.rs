//! What has to be done to bring a database up to its files, as plain data. Pure: texts and rows in, a plan out.

mod file;
mod print;

use std::collections::{BTreeMap, BTreeSet};

use analysis::history::History;
use serde::Serialize;

pub use file::{File, Refusal, Resume, Statement, Step, Why, checksum};
pub use print::to_sql;

use crate::history::{self, Match, Row};
use crate::journal::{Run, State, Verb};

/// Which migrations, and how.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only the file of this path or name.
    pub only: Option<String>,
    /// Also those on hold.
    pub release: bool,
    /// Files with a COMMIT of their own, in segments.
    pub segments: bool,
}

/// How a file stands to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is there, token for token.
    Applied,
    /// It is there; what was run was not recorded.
    AppliedUnknown,
    /// It is there, and the file was changed since.
    Edited,
    /// It waits for its turn.
    Pending,
    /// It waits, and a later one is there already.
    OutOfOrder,
    /// Its first line puts it on hold.
    Held,
    /// It was begun; some of its steps are there.
    Interrupted,
}

impl Standing {
    /// A word or two for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::AppliedUnknown => "applied, text unknown",
            Self::Edited => "edited since",
            Self::Pending => "pending",
            Self::OutOfOrder => "out of order",
            Self::Held => "on hold",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether the history has it.
    pub fn is_applied(self) -> bool {
        matches!(self, Self::Applied | Self::AppliedUnknown | Self::Edited)
    }
}

/// A file and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Known {
    /// Its place in the history.
    #[serde(skip)]
    pub number: usize,
    /// Version.
    pub version: String,
    /// File name.
    pub file: String,
    /// Path as people shall see it.
    pub path: String,
    /// How it stands.
    pub standing: Standing,
}

/// A plan.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// Every file, in order.
    pub known: Vec<Known>,
    /// What the database has and no file tells of.
    pub missing: Vec<Row>,
    /// Versions that two files share.
    pub duplicates: Vec<String>,
    /// What is to be applied, in order.
    pub files: Vec<File>,
    /// Pending files that come before the one that was asked for.
    pub before: Vec<String>,
    /// Whether the file that was asked for is there already.
    pub nothing_to_do: bool,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// `--only` names no migration.
    #[error("`{0}` is no migration of this project")]
    NoSuchFile(String),
    /// `--only` names one on hold.
    #[error("`{0}` is on hold")]
    Held(String),
}

impl PlanError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoSuchFile(_) => "name a file of the migrations folder; `dblsp status` lists them",
            Self::Held(_) => "add `--release` to apply it, or delete its first line",
        }
    }
}

/// How every file stands, and what is there that no file tells of.
pub fn standings(history: &History, rows: &[Row], runs: &[Run]) -> (Vec<Known>, Vec<Row>) {
    let recorded: BTreeMap<&str, &Row> = rows.iter().map(|row| (row.version.as_str(), row)).collect();
    let newest = history
        .migrations
        .iter()
        .rposition(|migration| recorded.contains_key(migration.version.as_str()));
    let standing = |number: usize| {
        let migration = &history.migrations[number];
        if let Some(row) = recorded.get(migration.version.as_str()) {
            let text = migration.forward.slice(&migration.text);
            return match history::compare(text, row.statements.as_deref()) {
                Match::Same => Standing::Applied,
                Match::Edited => Standing::Edited,
                Match::Unknown => Standing::AppliedUnknown,
            };
        }
        if interrupted(runs, &migration.version).is_some_and(|run| run.step > 0 || !run.resume.is_null()) {
            Standing::Interrupted
        } else if migration.is_held() {
            Standing::Held
        } else if newest.is_some_and(|newest| number < newest) {
            Standing::OutOfOrder
        } else {
            Standing::Pending
        }
    };
    let known = history.migrations.iter().enumerate().map(|(number, migration)| Known {
        number,
        version: migration.version.clone(),
        file: migration.file_name().to_owned(),
        path: migration.path.clone(),
        standing: standing(number),
    });
    let files: BTreeSet<&str> = history
        .migrations
        .iter()
        .map(|migration| migration.version.as_str())
        .collect();
    let missing = rows.iter().filter(|row| !files.contains(row.version.as_str()));
    (known.collect(), missing.cloned().collect())
}

/// The last run of a migration, if it was begun and neither finished nor given up.
pub fn interrupted<'r>(runs: &'r [Run], version: &str) -> Option<&'r Run> {
    let last = runs.iter().rev().find(|run| run.version == version)?;
    let is_open = matches!(last.state, State::Started | State::Failed) && last.verb == Verb::Apply;
    is_open.then_some(last)
}

/// What is to be done.
pub fn plan(history: &History, rows: &[Row], runs: &[Run], options: &Options) -> Result<Plan, PlanError> {
    let (known, missing) = standings(history, rows, runs);
    let is_waiting = |known: &&Known| {
        let is_held = known.standing == Standing::Held;
        !known.standing.is_applied() && (!is_held || options.release)
    };
    let waiting: Vec<&Known> = known.iter().filter(is_waiting).collect();
    let mut chosen = waiting.clone();
    let mut before = Vec::new();
    let mut nothing_to_do = false;
    if let Some(only) = &options.only {
        let asked = known
            .iter()
            .find(|known| known.path == *only || known.file == *only)
            .ok_or_else(|| PlanError::NoSuchFile(only.clone()))?;
        if asked.standing == Standing::Held && !options.release {
            return Err(PlanError::Held(asked.file.clone()));
        }
        chosen.retain(|known| known.number == asked.number);
        // Whoever names one that is on hold does not release the others.
        before = known
            .iter()
            .filter(|known| {
                known.number < asked.number && !known.standing.is_applied() && known.standing != Standing::Held
            })
            .map(|known| known.file.clone())
            .collect();
        nothing_to_do = chosen.is_empty();
    }
    let files = chosen
        .iter()
        .map(|known| File::read(&history.migrations[known.number], known, options));
    let files = project::on_deep_stacks(|| files.collect());
    let mut seen = BTreeSet::new();
    let versions = known.iter().map(|known| known.version.clone());
    let duplicates = versions.filter(|version| !seen.insert(version.clone())).collect();
    Ok(Plan {
        known,
        missing,
        duplicates,
        files,
        before,
        nothing_to_do,
    })
}

#[cfg(test)]
mod tests {
    use analysis::history::Migration;

    use super::*;

    fn history(files: &[(&str, &str)]) -> History {
        History {
            migrations: files.iter().map(|(path, text)| Migration::new(path, text)).collect(),
            complete: true,
            ..History::default()
        }
    }

    fn row(version: &str, statements: Option<&[&str]>) -> Row {
        Row {
            version: version.to_owned(),
            name: None,
            statements: statements.map(|list| list.iter().map(|text| (*text).to_owned()).collect()),
        }
    }

    fn standings_of(files: &[(&str, &str)], rows: &[Row]) -> Vec<(String, &'static str)> {
        let (known, missing) = standings(&history(files), rows, &[]);
        let known = known.into_iter().map(|known| (known.version, known.standing.name()));
        known
            .chain(missing.into_iter().map(|row| (row.version, "missing")))
            .collect()
    }

    const FOUR: [(&str, &str); 4] = [
        ("m/1_a.sql", "select 1;"),
        ("m/2_b.sql", "select 2;"),
        ("m/3_c.sql", "-- dblsp: hold (later)\nselect 3;"),
        ("m/4_d.sql", "select 4;"),
    ];

    #[test]
    fn every_file_has_a_standing() {
        let rows = [
            row("2", Some(&["select 2"])),
            row("4", Some(&["select 5"])),
            row("9", None),
        ];
        let expected = [
            ("1".to_owned(), "out of order"),
            ("2".to_owned(), "applied"),
            ("3".to_owned(), "on hold"),
            ("4".to_owned(), "edited since"),
            ("9".to_owned(), "missing"),
        ];
        assert_eq!(standings_of(&FOUR, &rows), expected);
        assert_eq!(
            standings_of(&FOUR[..1], &[row("1", None)]),
            [("1".to_owned(), "applied, text unknown")]
        );
    }

    fn chosen(options: &Options, rows: &[Row]) -> Result<Vec<String>, PlanError> {
        let plan = plan(&history(&FOUR), rows, &[], options)?;
        Ok(plan.files.into_iter().map(|file| file.version).collect())
    }

    #[test]
    fn held_files_wait_until_they_are_released() {
        let all = Options::default();
        assert_eq!(chosen(&all, &[row("1", None)]).expect("a plan"), ["2", "4"]);
        let released = Options {
            release: true,
            ..Options::default()
        };
        assert_eq!(chosen(&released, &[row("1", None)]).expect("a plan"), ["2", "3", "4"]);
        let held = Options {
            only: Some("m/3_c.sql".into()),
            ..Options::default()
        };
        assert_eq!(
            chosen(&held, &[]).expect_err("on hold"),
            PlanError::Held("3_c.sql".into())
        );
    }

    #[test]
    fn one_file_is_chosen_by_path_or_name() {
        for only in ["m/2_b.sql", "2_b.sql"] {
            let options = Options {
                only: Some(only.into()),
                ..Options::default()
            };
            let plan = plan(&history(&FOUR), &[], &[], &options).expect("a plan");
            assert_eq!((plan.files.len(), plan.before), (1, vec!["1_a.sql".to_owned()]));
        }
        let there = Options {
            only: Some("1_a.sql".into()),
            ..Options::default()
        };
        assert!(
            plan(&history(&FOUR), &[row("1", None)], &[], &there)
                .expect("a plan")
                .nothing_to_do
        );
        let none = Options {
            only: Some("5.sql".into()),
            ..Options::default()
        };
        assert_eq!(
            chosen(&none, &[]).expect_err("none"),
            PlanError::NoSuchFile("5.sql".into())
        );
    }

    #[test]
    fn two_files_of_one_version_are_told() {
        let twice = history(&[("1_a.sql", ""), ("1_b.sql", "")]);
        assert_eq!(
            plan(&twice, &[], &[], &Options::default()).expect("a plan").duplicates,
            ["1"]
        );
    }
}
