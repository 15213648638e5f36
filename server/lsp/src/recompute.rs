//! What is computed anew after a change, and what is kept. The one place that decides it.

use std::sync::Arc;

use analysis::Document;
use analysis::history::Migration;
use analysis::schema::timeline::Timeline;
use rayon::prelude::*;

use crate::panics::Guard;
use crate::snapshot::{Snapshot, View};
use crate::state::Reader;

/// Reads migrations in parallel; one whose reading panics counts as empty.
pub(crate) fn read<'m>(
    migrations: impl IntoIterator<Item = &'m Migration>,
    reader: Reader,
    snapshot: &Snapshot,
    guard: &Guard,
) -> Vec<Document> {
    let migrations: Vec<&Migration> = migrations.into_iter().collect();
    project::on_deep_stacks(|| {
        let read = |migration: &&Migration| {
            let doing = || format!("reading {}", snapshot.describe(&migration.path));
            guard.run(doing, || reader(migration)).unwrap_or_default()
        };
        migrations.par_iter().map(read).collect()
    })
}

/// Replays a history whose documents are read. What stands before the first file that differs from `known` is kept.
pub(crate) fn replay(view: &mut View, known: Option<&View>, guard: &Guard) {
    let before = known.and_then(|known| Some((known.timeline.as_ref()?, first_difference(known, view)?)));
    if let Some((timeline, first)) = before
        && first == view.history.migrations.len()
        && known.is_some_and(|known| known.history.migrations.len() == first)
    {
        view.timeline = Some(Arc::clone(timeline));
        return;
    }
    let (history, documents, settings) = (&*view.history, &*view.documents, &*view.settings);
    let doing = || format!("replaying {} migrations", history.migrations.len());
    let timeline = project::on_deep_stacks(|| {
        guard.run(doing, || match before {
            Some((timeline, first)) => timeline.update(first, history, documents, settings),
            None => Timeline::replay(history, documents, settings),
        })
    });
    view.timeline = timeline.map(Arc::new);
}

/// The number of the first file that is not the same; `None` where all must be replayed.
fn first_difference(known: &View, view: &View) -> Option<usize> {
    let (old, new) = (&known.history, &view.history);
    if old.base != new.base || old.complete != new.complete || known.settings != view.settings {
        return None;
    }
    let is_same = |(old, new): (&Migration, &Migration)| {
        let is_same_text = Arc::ptr_eq(&old.text, &new.text) || old.text == new.text;
        is_same_text && old.path == new.path && old.forward == new.forward
    };
    let pairs = old.migrations.iter().zip(&new.migrations);
    Some(pairs.take_while(|pair| is_same(*pair)).count())
}

#[cfg(test)]
mod tests {
    use analysis::history::{Base, History};
    use analysis::lint::Linter;
    use analysis::settings::Settings;
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    fn view(texts: &[&str], settings: Settings) -> View {
        let named = texts.iter().enumerate();
        let migrations = named.map(|(at, text)| Migration::new(&format!("{at}_x.sql"), text));
        let history = History {
            migrations: migrations.collect(),
            complete: true,
            base: Base::Empty,
            ..History::default()
        };
        View {
            root: std::path::PathBuf::from("/"),
            documents: Arc::new(history.migrations.iter().map(analysis::read).collect()),
            history: Arc::new(history),
            settings: Arc::new(settings),
            timeline: None,
        }
    }

    fn findings(view: &View) -> Vec<String> {
        let timeline = view.timeline.clone().expect("it was replayed");
        let linter = Linter::replayed(&view.history, &view.documents, &view.settings, timeline);
        let found = (0..view.documents.len()).flat_map(|number| linter.file(number));
        linter
            .finish(found.collect())
            .iter()
            .map(|found| format!("{found:?}"))
            .collect()
    }

    /// What is kept must be as if all had been replayed.
    #[test]
    fn replaying_a_part_gives_what_replaying_all_gives() {
        let guard = Guard::new(unbounded_channel().0);
        let texts = [
            "create table a (id int primary key);",
            "alter table a add b int;",
            "alter table a drop b;",
        ];
        let edits: [&[&str]; 6] = [
            &texts,
            &["create table a (id int primary key, b int);", texts[1], texts[2]],
            &[texts[0], "select 1;", texts[2]],
            &[texts[0], texts[1], texts[2], "drop table a;"],
            &[texts[0]],
            &["select 1;", texts[1], texts[2]],
        ];
        let mut known = view(&texts, Settings::default());
        replay(&mut known, None, &guard);
        for edit in edits {
            for postgres in [15, 17] {
                let settings = Settings {
                    postgres,
                    ..Settings::default()
                };
                let (mut kept, mut fresh) = (view(edit, settings.clone()), view(edit, settings));
                replay(&mut kept, Some(&known), &guard);
                replay(&mut fresh, None, &guard);
                assert_eq!(findings(&kept), findings(&fresh), "{edit:?}");
            }
        }
    }

    #[test]
    fn an_unchanged_history_keeps_its_timeline() {
        let guard = Guard::new(unbounded_channel().0);
        let mut known = view(&["select 1;"], Settings::default());
        replay(&mut known, None, &guard);
        let mut same = view(&["select 1;"], Settings::default());
        replay(&mut same, Some(&known), &guard);
        let timelines = known.timeline.zip(same.timeline).expect("both were replayed");
        assert!(Arc::ptr_eq(&timelines.0, &timelines.1));
    }
}
