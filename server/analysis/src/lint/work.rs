//! What a step costs, and which locks its transaction holds when it begins. Computed once per step, for all rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::schema::cost::{Cost, LockMode, cost};
use crate::schema::objects::{Id, Origin};
use crate::schema::timeline::Moment;

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
        let is_long = !(cost.rewrites.is_empty() && cost.scans.is_empty() && cost.builds.is_empty());
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
        Work {
            cost,
            held: Arc::clone(&self.locks),
            has_worked: self.has_worked,
            locked: Arc::clone(&self.locked),
        }
    }
}
