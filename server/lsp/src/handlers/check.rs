//! Looking at everything now, because the user says so.

use std::collections::BTreeMap;
use std::sync::Arc;

use analysis::lint::diagnostic::Level;

use crate::judge;
use crate::state::Shared;

/// Reads every project anew from disk and judges it; how many findings there are, in words. `None` where it was
/// cancelled.
pub(crate) async fn all(shared: &Arc<Shared>) -> Option<String> {
    let job = shared.jobs.start(shared, "Checking migrations");
    let cancelled = job.cancelled();
    let shared = Arc::clone(shared);
    let counting = tokio::task::spawn_blocking(move || {
        shared.relist_all();
        shared.place_all();
        let areas: Vec<_> = shared.state().areas.values().cloned().collect();
        let (mut files, mut counts) = (0, BTreeMap::<Level, usize>::new());
        for area in areas {
            let snapshot = shared.analyse(&area);
            let judged = judge::all(&snapshot, &shared.guard, &|| cancelled.is_cancelled())?;
            files += snapshot.members.len();
            for found in judged.by_file.values().flat_map(|found| &**found) {
                *counts.entry(found.level).or_default() += 1;
            }
        }
        shared.wake.notify_one();
        Some(summary(files, &counts))
    });
    let summary = counting.await.ok().flatten();
    drop(job);
    summary
}

fn summary(files: usize, counts: &BTreeMap<Level, usize>) -> String {
    let plural = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let found: Vec<String> = counts
        .iter()
        .rev()
        .map(|(level, count)| plural(*count, level.name()))
        .collect();
    let found = if found.is_empty() {
        "nothing found".to_owned()
    } else {
        found.join(", ")
    };
    format!("{} checked: {found}", plural(files, "file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_counts_the_worst_first() {
        let counts = BTreeMap::from([(Level::Hint, 1), (Level::Error, 2)]);
        assert_eq!(summary(1, &counts), "1 file checked: 2 errors, 1 hint");
        assert_eq!(summary(0, &BTreeMap::new()), "0 files checked: nothing found");
    }
}
