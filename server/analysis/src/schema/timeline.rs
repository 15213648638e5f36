//! All catalogs of a history in order: the fold itself.
//!
//! Keeps the catalog before every file; the steps of one file are replayed again when somebody wants to see them, so
//! that memory grows with the schema and not with the number of statements.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use smol_str::SmolStr;

mod place;
mod replayer;

use replayer::Replayer;

use super::catalog::Catalog;
use super::session::Session;
use super::step::Step;
use crate::Document;
use crate::history::History;
use crate::settings::Settings;

/// The catalog and session before a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boundary {
    /// What is there before the file.
    pub catalog: Catalog,
    session: Session,
    next_transaction: u32,
}

impl Boundary {
    /// See [`Catalog::snapshot`].
    fn snapshot(&mut self) -> Self {
        Self {
            catalog: self.catalog.snapshot(),
            session: self.session.clone(),
            next_transaction: self.next_transaction,
        }
    }
}

/// A replayed history.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// Before every file, and one after the last.
    boundaries: Vec<Arc<Boundary>>,
    /// Of each file, the tables that it needs and nothing creates, and whether nothing at all was there yet.
    missing: Vec<BTreeSet<(bool, SmolStr)>>,
    /// Whether it was replayed as a history that starts midway although it says it is whole.
    midway: bool,
}

/// What one sees of a step: the catalog before and after it, and the session it runs in.
pub struct Moment<'a> {
    /// The step.
    pub step: &'a Step<'a>,
    /// The catalog before it.
    pub before: &'a Catalog,
    /// The catalog after it.
    pub after: &'a Catalog,
    /// The session's settings before it.
    pub session: &'a Session,
}

impl Timeline {
    /// Replays every file in order.
    ///
    /// A history that says it is whole and yet changes tables that none of its files creates was begun on a database
    /// that was there already; it is replayed once more as one that starts midway.
    pub fn replay(history: &History, documents: &[Document], settings: &Settings) -> Self {
        Self::replay_as_read(history, settings, &mut |number| &documents[number])
    }

    /// Replays every file in order, asking for each document when its turn comes: others may still be read meanwhile.
    pub fn replay_as_read<'d>(
        history: &History,
        settings: &Settings,
        document: &mut dyn FnMut(usize) -> &'d Document,
    ) -> Self {
        let timeline = Self::begin(history, settings, history.complete).fold(history, settings, document, None);
        if !timeline.starts_midway() {
            return timeline;
        }
        let mut timeline = Self::begin(history, settings, false).fold(history, settings, document, None);
        timeline.midway = true;
        timeline
    }

    /// Replays the files that changed, and those after them unless the changes come to nothing. The files before and
    /// after the `changed` ones, under their numbers in `history`, and the settings are those of this timeline.
    #[must_use]
    pub fn update(
        &self,
        changed: Range<usize>,
        history: &History,
        documents: &[Document],
        settings: &Settings,
    ) -> Self {
        // Whether a history starts midway is seen from its beginning.
        if self.midway {
            return Self::replay(history, documents, settings);
        }
        let kept = changed.start.min(self.missing.len());
        let timeline = Self {
            boundaries: self.boundaries[..=kept].to_vec(),
            missing: self.missing[..kept].to_vec(),
            midway: false,
        };
        let is_aligned = self.missing.len() == history.migrations.len();
        let known = is_aligned.then_some((self, changed.end));
        let timeline = timeline.fold(history, settings, &mut |number| &documents[number], known);
        if timeline.starts_midway() {
            return Self::replay(history, documents, settings);
        }
        timeline
    }

    fn begin(history: &History, settings: &Settings, complete: bool) -> Self {
        let mut catalog = Catalog::base(history.base, settings.postgres);
        catalog.complete = complete;
        let first = Boundary {
            catalog,
            session: Session::new(history.base),
            next_transaction: 0,
        };
        Self {
            boundaries: vec![Arc::new(first)],
            missing: Vec::new(),
            midway: false,
        }
    }

    /// Replays the files behind the last boundary. `known`: a timeline that is the same from a file on, if that file
    /// finds the same.
    fn fold<'d>(
        mut self,
        history: &History,
        settings: &Settings,
        document: &mut dyn FnMut(usize) -> &'d Document,
        known: Option<(&Self, usize)>,
    ) -> Self {
        let first = self.missing.len();
        let mut boundary = Boundary::clone(&self.boundaries[first]);
        if let Some((known, _)) = known {
            boundary.catalog.share_kinship(known.last());
        }
        let mut new = Vec::new();
        for (number, migration) in history.migrations.iter().enumerate().skip(first) {
            let document = document(number);
            if number > first {
                new.push(boundary.snapshot());
            }
            let mut replayer = Replayer::new(boundary, number, migration, document, history, settings);
            replayer.quiet = true;
            boundary = replayer.replay(document, &mut |_| {});
            self.missing.push(replayer.missing);
            let Some((known, end)) = known else { continue };
            if number + 1 == end && *known.boundaries[end] == boundary {
                self.close(new, &boundary.catalog);
                self.missing.extend_from_slice(&known.missing[end..]);
                self.boundaries.extend_from_slice(&known.boundaries[end..]);
                return self;
            }
            // Both are held while the later one's findings are looked for, and most of them is the same.
            let before = &new.last().unwrap_or(&self.boundaries[first]).catalog;
            let other = &known.boundaries[number + 1].catalog;
            boundary.catalog.share_objects(before, other);
        }
        if self.missing.len() > first {
            let last = boundary.catalog.clone();
            new.push(boundary);
            self.close(new, &last);
        }
        self
    }

    /// Adds boundaries, which take over the secondary indexes of a later catalog.
    fn close(&mut self, new: Vec<Boundary>, later: &Catalog) {
        self.boundaries.extend(new.into_iter().map(|mut boundary| {
            boundary.catalog.share_kinship(later);
            Arc::new(boundary)
        }));
    }

    /// Whether tables are missing in the way they are when the first files of a history were never written: one is
    /// needed before anything is made, or there are several.
    fn starts_midway(&self) -> bool {
        let missing = || self.missing.iter().flatten();
        let tables: BTreeSet<&SmolStr> = missing().map(|(_, name)| name).collect();
        missing().any(|(first, _)| *first) || tables.len() >= MISSING_TABLES_OF_A_LATER_START
    }

    /// Whether the history builds the database from nothing, or from its base.
    pub fn is_complete(&self) -> bool {
        self.last().complete
    }

    /// The catalog before file `number`; the last one for a number past the end.
    pub fn before(&self, number: usize) -> &Catalog {
        let last = self.boundaries.last().expect("a timeline has at least one boundary");
        &self.boundaries.get(number).unwrap_or(last).catalog
    }

    /// The catalog after the last file.
    pub fn last(&self) -> &Catalog {
        self.before(usize::MAX)
    }

    /// Whether file `number` finds the very same here as in `other`.
    pub fn shares(&self, other: &Self, number: usize) -> bool {
        let pair = self.boundaries.get(number).zip(other.boundaries.get(number));
        pair.is_some_and(|(own, other)| Arc::ptr_eq(own, other))
    }

    /// Replays file `number` once more and shows every step.
    pub fn steps(
        &self,
        number: usize,
        history: &History,
        documents: &[Document],
        settings: &Settings,
        visit: &mut dyn FnMut(&Moment<'_>),
    ) {
        let parts = self
            .boundaries
            .get(number)
            .zip(history.migrations.get(number))
            .zip(documents.get(number));
        if let Some(((boundary, migration), document)) = parts {
            let boundary = Boundary::clone(boundary);
            Replayer::new(boundary, number, migration, document, history, settings).replay(document, visit);
        }
    }
}

/// From so many tables on that nothing creates, they are taken to come from before the history and not from mistakes.
const MISSING_TABLES_OF_A_LATER_START: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Migration;
    use crate::schema::objects::Id;

    fn history(texts: &[&str]) -> History {
        let migrations = texts.iter().enumerate();
        History {
            migrations: migrations
                .map(|(number, text)| Migration::new(&format!("{number}.sql"), text))
                .collect(),
            complete: true,
            ..History::default()
        }
    }

    fn documents(history: &History) -> Vec<Document> {
        history.migrations.iter().map(crate::read).collect()
    }

    fn replayed(texts: &[&str]) -> Timeline {
        let history = history(texts);
        Timeline::replay(&history, &documents(&history), &Settings::default())
    }

    /// Replays `before`, updates it to `after` from the first file that differs, and compares that with a full replay.
    #[track_caller]
    fn updates(before: &[&str], after: &[&str]) {
        let same = |pair: &(&&str, &&str)| pair.0 == pair.1;
        let first = before.iter().zip(after).take_while(same).count();
        let later = before.iter().rev().zip(after.iter().rev()).take_while(same).count();
        let changed = first..after.len().saturating_sub(later).max(first);
        let next = history(after);
        let documents = documents(&next);
        let updated = replayed(before).update(changed, &next, &documents, &Settings::default());
        let whole = replayed(after);
        assert_eq!(updated.boundaries.len(), whole.boundaries.len());
        for number in 0..=after.len() {
            assert_eq!(updated.before(number), whole.before(number), "before file {number}");
            let named = |timeline: &Timeline| -> Vec<Id> {
                let catalog = timeline.before(number);
                let a = Id::new("public", "a");
                catalog.users(&a).map(|(id, _)| id.clone()).collect()
            };
            assert_eq!(named(&updated), named(&whole), "before file {number}");
        }
    }

    #[test]
    fn an_update_equals_a_replay() {
        let (a, b) = (
            "create table a (id int primary key);",
            "create table b (a int references a);",
        );
        let drops = "drop table b; create view c as select * from a;";
        updates(&[a, b, drops], &[a, b, drops, "create table d ();"]);
        updates(&[a, b, drops], &[a, "create table b (a int);", drops]);
        updates(&[a, b, drops], &["create table a (id bigint primary key);", b, drops]);
        updates(&[a, b, drops], &[a, b]);
        updates(
            &[a, b],
            &[a, "begin; create table b (a int references a); rollback;", drops],
        );
        updates(&[], &[a, b]);
    }

    #[test]
    fn an_update_that_shows_a_later_start_replays_all() {
        let a = "create table a (id int);";
        updates(&[a], &["alter table x add y int;", a]);
        updates(&["alter table x add y int;", a], &[a, a]);
    }
}
