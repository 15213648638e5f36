//! What the history says after a snapshot is restored: what it said when the snapshot was taken.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::event::Moment;
use crate::history::Row;
use crate::journal::{Run, State, Verb};

/// The run that took a snapshot of that file's name, on that side of its migration.
pub(super) fn owner<'r>(runs: &'r [Run], path: &str, moment: Moment) -> Option<&'r Run> {
    let name = |path: &str| path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let wanted = name(path);
    let is_its = |run: &&Run| {
        let kept = match moment {
            Moment::Before => &run.snapshot_before,
            Moment::After => &run.snapshot_after,
        };
        run.verb == Verb::Apply && kept.as_deref().is_some_and(|kept| name(kept) == wanted)
    };
    runs.iter().rev().find(is_its)
}

/// The versions that were applied when the snapshot on that side of `version` was taken. What the journal does not know
/// is older than the journal or was applied by another tool: its version decides.
pub(super) fn versions(
    rows: &[Row],
    runs: &[Run],
    version: &str,
    moment: Moment,
    owner: Option<&Run>,
) -> BTreeSet<String> {
    let is_in = |other: &str| match moment {
        Moment::Before => other < version,
        Moment::After => other <= version,
    };
    let mut known: BTreeMap<&str, bool> = BTreeMap::new();
    if let Some(owner) = owner {
        for run in runs.iter().filter(|run| run.id < owner.id) {
            follow(run, &mut known);
        }
        known.insert(&owner.version, moment == Moment::After);
        // The first thing that happened to a version since tells what it was before.
        for run in runs.iter().filter(|run| run.id > owner.id && run.verb != Verb::Restore) {
            let mut since = BTreeMap::new();
            follow(run, &mut since);
            for (version, is_there) in since {
                known.entry(version).or_insert(!is_there);
            }
        }
    }
    let mut out: BTreeSet<String> = rows
        .iter()
        .map(|row| row.version.as_str())
        .filter(|version| known.get(version).copied().unwrap_or_else(|| is_in(version)))
        .map(str::to_owned)
        .collect();
    out.extend(
        known
            .iter()
            .filter(|(_, is_there)| **is_there)
            .map(|(it, _)| (*it).to_owned()),
    );
    if moment == Moment::After {
        out.insert(version.to_owned());
    }
    out
}

/// What a run did to the record.
fn follow<'r>(run: &'r Run, known: &mut BTreeMap<&'r str, bool>) {
    let is_done = matches!(run.state, State::Applied | State::Finished);
    match run.verb {
        // It was there until a later run took it away.
        Verb::Apply if is_done || run.state == State::RolledBack => {
            known.insert(&run.version, true);
        }
        Verb::Rollback if is_done => {
            known.insert(&run.version, false);
        }
        Verb::Mark if is_done => {
            known.insert(&run.version, run.note.as_deref() == Some("marked as applied"));
        }
        Verb::Restore if is_done => {
            let list: Vec<&str> = run.metrics["history"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            for is_there in known.values_mut() {
                *is_there = false;
            }
            known.extend(list.into_iter().map(|version| (version, true)));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(id: i64, verb: Verb, version: &str, state: State) -> Run {
        Run {
            id,
            version: version.into(),
            file: String::new(),
            verb,
            environment: String::new(),
            who: String::new(),
            checksum: String::new(),
            state,
            step: 0,
            resume: Value::Null,
            started: String::new(),
            finished: None,
            duration_ms: None,
            snapshot_before: Some(format!("schemas/v1.0.0_{version}.sql")),
            snapshot_after: Some(format!("schemas/v1.0.0_{version}_after.sql")),
            confirmations: Value::Null,
            metrics: json!({"history": ["1"]}),
            note: None,
        }
    }

    fn rows(versions: &[&str]) -> Vec<Row> {
        let row = |version: &&str| Row {
            version: (*version).to_owned(),
            name: None,
            statements: None,
        };
        versions.iter().map(row).collect()
    }

    fn at(rows_now: &[&str], runs: &[Run], version: &str, moment: Moment) -> Vec<String> {
        let path = match moment {
            Moment::Before => format!("x/v1.0.0_{version}.sql"),
            Moment::After => format!("x/v1.0.0_{version}_after.sql"),
        };
        let owner = owner(runs, &path, moment);
        versions(&rows(rows_now), runs, version, moment, owner)
            .into_iter()
            .collect()
    }

    #[test]
    fn without_a_journal_versions_decide() {
        assert_eq!(at(&["1", "2", "3"], &[], "2", Moment::Before), ["1"]);
        assert_eq!(at(&["1", "2", "3"], &[], "2", Moment::After), ["1", "2"]);
        assert_eq!(
            at(&["1"], &[], "2", Moment::After),
            ["1", "2"],
            "it is in its own snapshot"
        );
    }

    #[test]
    fn what_was_undone_since_was_there() {
        let runs = [
            run(1, Verb::Apply, "1", State::RolledBack),
            run(2, Verb::Apply, "2", State::RolledBack),
            run(3, Verb::Rollback, "2", State::Finished),
            run(4, Verb::Rollback, "1", State::Finished),
        ];
        assert_eq!(at(&[], &runs, "2", Moment::Before), ["1"]);
        assert_eq!(at(&[], &runs, "2", Moment::After), ["1", "2"]);
        assert_eq!(at(&[], &runs, "1", Moment::Before), Vec::<String>::new());
    }

    #[test]
    fn what_came_out_of_order_later_was_not_there() {
        let runs = [
            run(1, Verb::Apply, "2", State::Finished),
            run(2, Verb::Apply, "1", State::Finished),
        ];
        assert_eq!(at(&["1", "2"], &runs, "2", Moment::After), ["2"]);
        // What no run tells of was there before the journal.
        assert_eq!(at(&["0", "1", "2"], &runs[..1], "2", Moment::After), ["0", "1", "2"]);
    }

    #[test]
    fn an_earlier_restore_is_followed() {
        let runs = [
            run(1, Verb::Apply, "1", State::Finished),
            run(2, Verb::Apply, "2", State::RolledBack),
            run(3, Verb::Restore, "2", State::Finished),
            run(4, Verb::Apply, "3", State::Finished),
        ];
        assert_eq!(at(&["1", "3"], &runs, "3", Moment::Before), ["1"]);
    }
}
