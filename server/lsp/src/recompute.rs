//! What is computed anew after a change, and what is kept. The one place that decides it.

use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use analysis::Document;
use analysis::history::{History, Migration};
use analysis::schema::timeline::Timeline;
use analysis::settings::Settings;
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

/// Reads a history and replays what is read meanwhile; `None` after a panic.
pub(crate) fn read_and_replay(
    view: &View,
    reader: Reader,
    snapshot: &Snapshot,
    guard: &Guard,
) -> Option<(Vec<Document>, Timeline)> {
    let read = |migration: &Migration| {
        let doing = || format!("reading {}", snapshot.describe(&migration.path));
        guard.run(doing, || reader(migration)).unwrap_or_default()
    };
    let doing = || format!("replaying {} migrations", view.history.migrations.len());
    project::on_deep_stacks(|| guard.run(doing, || project::replay_reading(&view.history, &view.settings, &read)))
}

/// The catalogs of a history, replayed when somebody first asks for them.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    done: OnceLock<Option<Arc<Timeline>>>,
    /// What was replayed last before an edit; of no use any more when this is done.
    known: Mutex<Option<Known>>,
}

/// A history that was replayed.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) history: Arc<History>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) timeline: Arc<Timeline>,
}

impl Replay {
    /// What stands before the first file that differs from `known` will be kept.
    pub(crate) fn after(known: Option<Known>) -> Self {
        Self {
            done: OnceLock::new(),
            known: Mutex::new(known),
        }
    }

    /// Nothing is left to be replayed.
    pub(crate) fn done(timeline: Timeline) -> Self {
        Self {
            done: OnceLock::from(Some(Arc::new(timeline))),
            known: Mutex::default(),
        }
    }

    /// `None` before it is done, and after a panic.
    pub(crate) fn timeline(&self) -> Option<&Arc<Timeline>> {
        self.done.get()?.as_ref()
    }

    /// What was replayed last, until this is done.
    pub(crate) fn known(&self) -> Option<Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replays the history of this view.
    pub(crate) fn run(&self, view: &View, guard: &Guard) {
        self.done.get_or_init(|| replay(view, self.known().as_ref(), guard));
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Known {
    /// The numbers of the files that are not the same; `None` where all must be replayed.
    pub(crate) fn changed(&self, view: &View) -> Option<Range<usize>> {
        let (old, new) = (&self.history, &view.history);
        if old.base != new.base || old.complete != new.complete || self.settings != view.settings {
            return None;
        }
        let is_same = |(old, new): &(&Migration, &Migration)| {
            let is_same_text = Arc::ptr_eq(&old.text, &new.text) || old.text == new.text;
            is_same_text && old.path == new.path && old.forward == new.forward
        };
        let (old, new) = (&old.migrations, &new.migrations);
        let first = old.iter().zip(new).take_while(is_same).count();
        if old.len() != new.len() {
            return Some(first..new.len());
        }
        let rest = old[first..].iter().rev().zip(new[first..].iter().rev());
        Some(first..new.len() - rest.take_while(is_same).count())
    }
}

fn replay(view: &View, known: Option<&Known>, guard: &Guard) -> Option<Arc<Timeline>> {
    let before = known.and_then(|known| Some((known, known.changed(view)?)));
    if let Some((known, changed)) = &before
        && changed.is_empty()
        && known.history.migrations.len() == view.history.migrations.len()
    {
        return Some(Arc::clone(&known.timeline));
    }
    let (history, documents, settings) = (&*view.history, &*view.documents, &*view.settings);
    let doing = || format!("replaying {} migrations", history.migrations.len());
    let timeline = project::on_one_deep_stack(|| {
        guard.run(doing, || match before {
            Some((known, changed)) => known.timeline.update(changed, history, documents, settings),
            None => Timeline::replay(history, documents, settings),
        })
    });
    timeline.map(Arc::new)
}

#[cfg(test)]
mod tests {
    use analysis::history::{Base, History};
    use analysis::lint::Linter;
    use analysis::settings::Settings;
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    fn view(texts: &[&str], settings: Settings, before: Option<&View>) -> View {
        let named = texts.iter().enumerate();
        let migrations = named.map(|(at, text)| Migration::new(&format!("{at}_x.sql"), text));
        let history = History {
            migrations: migrations.collect(),
            complete: true,
            base: Base::Empty,
            ..History::default()
        };
        let documents = history.migrations.iter().map(analysis::read).collect();
        let (history, settings) = (Arc::new(history), Arc::new(settings));
        let mut view = View::new("/".into(), history, Arc::new(documents), settings);
        if let Some(before) = before {
            view = view.after(before);
        }
        view.replay(&Guard::new(unbounded_channel().0));
        view
    }

    fn findings(view: &View) -> Vec<String> {
        let timeline = Arc::clone(view.timeline().expect("it was replayed"));
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
        let known = view(&texts, Settings::default(), None);
        for edit in edits {
            for postgres in [15, 17] {
                let settings = Settings {
                    postgres,
                    ..Settings::default()
                };
                let kept = view(edit, settings.clone(), Some(&known));
                let fresh = view(edit, settings, None);
                assert_eq!(findings(&kept), findings(&fresh), "{edit:?}");
            }
        }
    }

    #[test]
    fn an_unchanged_history_keeps_its_timeline() {
        let known = view(&["select 1;"], Settings::default(), None);
        let same = view(&["select 1;"], Settings::default(), Some(&known));
        let timelines = known.timeline().zip(same.timeline()).expect("both were replayed");
        assert!(Arc::ptr_eq(timelines.0, timelines.1));
    }
}
