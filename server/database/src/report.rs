//! What a deployment was like, read off the journal: who applied what, how long it took, what it grew, what was found.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::history::Row;
use crate::journal::{Run, State, Verb};

/// What became of some migrations on one database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Deployment {
    /// Those that were applied, in the order of application.
    pub migrations: Vec<Deployed>,
    /// What was tried and failed, was undone, or only recorded.
    pub events: Vec<Happened>,
}

/// A migration that was applied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Deployed {
    /// Version.
    pub version: String,
    /// File name.
    pub file: String,
    /// Whether the database still has it.
    pub is_there: bool,
    /// When it began, as RFC 3339 in UTC; `None` where another tool applied it, and so for all that follows.
    pub started: Option<String>,
    /// Who applied it.
    pub who: Option<String>,
    /// How long its statements took.
    pub milliseconds: Option<i64>,
    /// How often it had to be begun.
    pub attempts: usize,
    /// How its version's smoke test ended.
    pub smoke_test: Option<bool>,
    /// Path of the snapshot before.
    pub snapshot_before: Option<String>,
    /// Path of the snapshot after.
    pub snapshot_after: Option<String>,
    /// Bytes of the database afterwards.
    pub database_size: Option<i64>,
    /// Bytes by which it is larger than after the migration that was applied before it.
    pub growth: Option<i64>,
    /// Tables, views, policies, functions and triggers afterwards.
    pub counts: Vec<(String, i64)>,
    /// What somebody should look at.
    pub alerts: Vec<String>,
    /// What was confirmed: text, who, when.
    pub confirmations: Vec<[String; 3]>,
}

/// Something else that was done about one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Happened {
    /// When, as RFC 3339 in UTC.
    pub when: String,
    /// File name.
    pub file: String,
    /// `apply`, `rollback`, `restore` or `mark`.
    pub verb: Verb,
    /// How it ended.
    pub state: State,
    /// Who did it.
    pub who: String,
    /// What else there is to say.
    pub note: Option<String>,
}

/// What is counted after every migration, as the design document lists it.
const COUNTED: [&str; 5] = ["tables", "views", "policies", "functions", "triggers"];

/// What became of the migrations of these versions, each with its file's name. `rows`: what the history has.
pub fn deployment(versions: &[(&str, &str)], rows: &[Row], runs: &[Run]) -> Deployment {
    let recorded: BTreeSet<&str> = rows.iter().map(|row| row.version.as_str()).collect();
    let is_there = |version: &str| recorded.contains(version);
    let mut migrations: Vec<(i64, Deployed)> = Vec::new();
    let mut told = BTreeSet::new();
    for (version, file) in versions {
        if let Some(run) = last_that_applied(runs, version) {
            told.insert(run.id);
            migrations.push((run.id, deployed(run, runs, is_there(version))));
        } else if is_there(version) {
            let known = Deployed {
                version: (*version).to_owned(),
                file: (*file).to_owned(),
                is_there: true,
                ..Deployed::default()
            };
            migrations.push((i64::MIN, known));
        }
    }
    migrations.sort_by_key(|(run, _)| *run);
    let is_meant = |run: &&Run| versions.iter().any(|(version, _)| *version == run.version);
    let others = runs.iter().filter(is_meant).filter(|run| !told.contains(&run.id));
    Deployment {
        migrations: migrations.into_iter().map(|(_, migration)| migration).collect(),
        events: others.map(happened).collect(),
    }
}

/// The last apply that got into the database, undone since or not.
fn last_that_applied<'r>(runs: &'r [Run], version: &str) -> Option<&'r Run> {
    let is_in = |run: &&Run| matches!(run.state, State::Applied | State::Finished | State::RolledBack);
    let mut applies = runs
        .iter()
        .filter(|run| run.verb == Verb::Apply && run.version == version);
    applies.rfind(is_in)
}

fn deployed(run: &Run, runs: &[Run], is_there: bool) -> Deployed {
    let number = |name: &str| run.metrics[name].as_i64();
    let size = number("database_size");
    let before = runs.iter().filter(|other| other.id < run.id);
    let size_before = before
        .filter_map(|other| other.metrics["database_size"].as_i64())
        .next_back();
    let alerts = run.metrics["alerts"].as_array().into_iter().flatten();
    let confirmations = run.confirmations.as_array().into_iter().flatten();
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let attempts = runs
        .iter()
        .filter(|other| other.verb == Verb::Apply && other.version == run.version);
    Deployed {
        version: run.version.clone(),
        file: run.file.clone(),
        is_there,
        started: Some(run.started.clone()),
        who: Some(run.who.clone()),
        milliseconds: run.duration_ms,
        attempts: attempts.filter(|other| other.id <= run.id).count(),
        smoke_test: run.metrics["smoke_test"].as_bool(),
        snapshot_before: run.snapshot_before.clone(),
        snapshot_after: run.snapshot_after.clone(),
        database_size: size,
        growth: size.zip(size_before).map(|(size, before)| size - before),
        counts: COUNTED
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), number(name)?)))
            .collect(),
        alerts: alerts.filter_map(|alert| alert.as_str().map(str::to_owned)).collect(),
        confirmations: confirmations
            .map(|said| [text(said, "text"), text(said, "who"), text(said, "at")])
            .collect(),
    }
}

fn happened(run: &Run) -> Happened {
    Happened {
        when: run.started.clone(),
        file: run.file.clone(),
        verb: run.verb,
        state: run.state,
        who: run.who.clone(),
        note: run.note.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(id: i64, version: &str, verb: Verb, state: State, metrics: Value) -> Run {
        Run {
            id,
            version: version.to_owned(),
            file: format!("{version}_x.sql"),
            verb,
            environment: "staging".into(),
            who: "Ana".into(),
            checksum: String::new(),
            state,
            step: 0,
            resume: Value::Null,
            started: format!("2025-10-26T21:15:{id:02}Z"),
            finished: None,
            duration_ms: Some(id * 100),
            snapshot_before: None,
            snapshot_after: None,
            confirmations: json!([{"text": "team notified", "who": "Ana", "at": "2025-10-26T21:14:00Z"}]),
            metrics,
            note: None,
        }
    }

    fn row(version: &str) -> Row {
        Row {
            version: version.to_owned(),
            name: None,
            statements: None,
        }
    }

    #[test]
    fn each_migration_is_told_as_it_was_applied_last() {
        let runs = [
            run(
                1,
                "1",
                Verb::Apply,
                State::Finished,
                json!({"database_size": 1000, "tables": 2}),
            ),
            run(2, "2", Verb::Apply, State::Failed, json!({})),
            run(
                3,
                "2",
                Verb::Apply,
                State::Finished,
                json!({"database_size": 1500, "alerts": ["slow"], "smoke_test": true}),
            ),
            run(4, "9", Verb::Apply, State::Finished, json!({})),
        ];
        let found = deployment(&[("1", "1_x.sql"), ("2", "2_x.sql")], &[row("1"), row("2")], &runs);
        let told: Vec<_> = found
            .migrations
            .iter()
            .map(|it| (&*it.version, it.attempts, it.growth))
            .collect();
        assert_eq!(told, [("1", 1, None), ("2", 2, Some(500))]);
        let second = &found.migrations[1];
        assert_eq!(
            (second.smoke_test, second.alerts.as_slice()),
            (Some(true), &["slow".to_owned()][..])
        );
        assert_eq!(second.confirmations[0][0], "team notified");
        assert_eq!(found.migrations[0].counts, [("tables".to_owned(), 2)]);
        let events: Vec<_> = found.events.iter().map(|event| (event.verb, event.state)).collect();
        assert_eq!(events, [(Verb::Apply, State::Failed)]);
    }

    #[test]
    fn what_was_undone_and_what_others_applied_is_told_as_such() {
        let runs = [
            run(1, "1", Verb::Apply, State::RolledBack, json!({})),
            run(2, "1", Verb::Rollback, State::Finished, json!({})),
        ];
        let found = deployment(
            &[("1", "1_x.sql"), ("2", "2_x.sql"), ("3", "3_x.sql")],
            &[row("2")],
            &runs,
        );
        let told: Vec<_> = found
            .migrations
            .iter()
            .map(|it| (&*it.file, it.is_there, it.started.is_some()))
            .collect();
        assert_eq!(told, [("2_x.sql", true, false), ("1_x.sql", false, true)]);
        assert_eq!(found.events.len(), 1);
    }
}
