//! What a step costs, and which locks its transaction holds when it begins. Computed once per step, for all rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::emptied::{Emptied, EmptyTables, follow};
use crate::schema::change::{Change, Key};
use crate::schema::cost::{Cost, LockMode, cost};
use crate::schema::objects::{Id, Origin};
use crate::schema::timeline::Moment;
use crate::sql::statement::Node;

/// What one step costs and what it finds locked.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// Its own locks, scans and rewrites.
    pub cost: Cost,
    /// The strongest lock on each relation that earlier statements of the same transaction took, and which one did.
    pub held: Arc<BTreeMap<Id, (LockMode, Origin)>>,
    /// Whether an earlier statement of the transaction read, rewrote or indexed a whole table under a lock of another.
    pub has_worked: bool,
    /// The relations that earlier statements of the file, in whichever transaction, locked against writes or more.
    pub locked: Arc<BTreeSet<Id>>,
    /// The tables that earlier statements of the file have emptied, in whichever transaction, and nothing has filled.
    pub emptied: Arc<BTreeMap<Id, Emptied>>,
}

/// The locks of the transaction that a file is in, from step to step.
#[derive(Default)]
pub(crate) struct Held {
    transaction: Option<u32>,
    locks: Arc<BTreeMap<Id, (LockMode, Origin)>>,
    /// See [`Work::has_worked`].
    has_worked: bool,
    /// What it becomes with the last step.
    works: bool,
    /// All relations that the file has locked against writes.
    locked: Arc<BTreeSet<Id>>,
    /// The locks of the last step.
    latest: Vec<(Id, LockMode, Origin)>,
    /// See [`Work::emptied`].
    emptied: Arc<EmptyTables>,
}

impl Held {
    /// What the next step costs and finds; its own locks are held from then on.
    pub(crate) fn step(&mut self, moment: &Moment<'_>, postgres: u16) -> Work {
        let step = moment.step;
        let strong = self.latest.iter().filter(|(_, mode, _)| mode.blocks_writes());
        let strong: Vec<Id> = strong.map(|(id, _, _)| id.clone()).collect();
        if !strong.is_empty() {
            Arc::make_mut(&mut self.locked).extend(strong);
        }
        if self.transaction == Some(step.transaction.id) {
            self.has_worked |= self.works;
            // Nobody shares the map here: the work of the last step is done with.
            let locks = Arc::make_mut(&mut self.locks);
            for (id, mode, origin) in self.latest.drain(..) {
                let lock = locks.entry(id).or_insert((mode, origin));
                if mode > lock.0 {
                    *lock = (mode, origin);
                }
            }
        } else {
            self.transaction = Some(step.transaction.id);
            self.locks = Arc::default();
            self.has_worked = false;
            self.latest.clear();
        }
        let cost = cost(moment, postgres);
        let others = self
            .locks
            .iter()
            .filter(|(_, (mode, _))| *mode >= LockMode::ShareRowExclusive);
        let read = cost.scans.iter().chain(&cost.builds);
        let is_read = |id: &Id| self.emptied.get(id) != Some(&Emptied::Truncated);
        let is_quick = matches!(step.statement.node, Node::Truncate { .. });
        let is_worked = cost.rewrites.iter().any(|id| !self.emptied.contains_key(id)) || read.into_iter().any(is_read);
        // TRUNCATE gives the table new files, which are empty.
        let is_long = is_worked && !is_quick;
        let is_new = |id: &Id| {
            let relation = moment.before.relations.get(id);
            relation.is_some_and(|relation| relation.meta.created.transaction == step.transaction.id)
        };
        self.works = is_long && others.into_iter().any(|(id, _)| !is_new(id));
        // PostgreSQL refuses what has problems, and with it the transaction.
        if step.problems.is_empty() {
            let locks = cost.locks.iter();
            self.latest = locks.map(|(id, mode)| (id.clone(), *mode, step.origin)).collect();
        }
        let work = Work {
            cost,
            held: Arc::clone(&self.locks),
            has_worked: self.has_worked,
            locked: Arc::clone(&self.locked),
            emptied: Arc::clone(&self.emptied),
        };
        self.rename(&step.changes);
        follow(&mut self.emptied, moment, postgres);
        work
    }

    /// A table that gets another name stays locked.
    fn rename(&mut self, changes: &[Change]) {
        for change in changes {
            let Change::Rename {
                from: Key::Relation(from),
                to: Key::Relation(to),
            } = change
            else {
                continue;
            };
            for (id, ..) in self.latest.iter_mut().filter(|(id, ..)| id == from) {
                *id = to.clone();
            }
            if let Some(lock) = Arc::make_mut(&mut self.locks).remove(from) {
                Arc::make_mut(&mut self.locks).insert(to.clone(), lock);
            }
        }
    }
}
