//! What a statement costs those who use the tables meanwhile: locks, scans, rewrites.
//!
//! The changes of a step say what is touched and how; the statement adds what leaves no trace in the catalog. Source of
//! every line: the relations in `pg_locks`, the file nodes and the debug messages of PostgreSQL 14 to 18 after each of
//! some 270 statements. ACCESS SHARE, which hinders nobody but ACCESS EXCLUSIVE, and the locks on indexes are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

mod changes;
mod rows;
mod statement;

pub(crate) use changes::is_filled;

use super::catalog::Catalog;
use super::objects::{Constraint, ConstraintKind, Id, RelationKind, TableKind};
use super::timeline::Moment;
use crate::sql::statement::{AlterTable, Node};

/// The mode of a table lock, weakest first. <https://www.postgresql.org/docs/current/explicit-locking.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockMode {
    /// Reads. Only ACCESS EXCLUSIVE stands in its way; never predicted, as it hinders nobody else.
    AccessShare,
    /// Foreign keys of rows that others write, `SELECT … FOR UPDATE`.
    RowShare,
    /// INSERT, UPDATE, DELETE.
    RowExclusive,
    /// Reads and writes go on; other changes of the schema, and vacuum, wait.
    ShareUpdateExclusive,
    /// Reads go on, writes wait.
    Share,
    /// Reads go on, writes wait, and nobody else may hold it.
    ShareRowExclusive,
    /// Reads go on, and nothing else.
    Exclusive,
    /// Everybody waits.
    AccessExclusive,
}

impl LockMode {
    /// All of them, weakest first.
    pub const ALL: [Self; 8] = [
        Self::AccessShare,
        Self::RowShare,
        Self::RowExclusive,
        Self::ShareUpdateExclusive,
        Self::Share,
        Self::ShareRowExclusive,
        Self::Exclusive,
        Self::AccessExclusive,
    ];

    /// The mode of these words of a LOCK statement, in any case; `None` for ACCESS SHARE.
    fn of(words: &str) -> Option<Self> {
        let words = words.to_ascii_uppercase();
        let mode = Self::ALL.into_iter().find(|mode| mode.words() == words);
        Some(mode.unwrap_or(Self::AccessExclusive)).filter(|mode| *mode > Self::AccessShare)
    }

    /// The mode that `pg_locks.mode` calls so: `ShareRowExclusiveLock`.
    pub fn of_server(name: &str) -> Option<Self> {
        let is = |mode: &Self| {
            let words = mode.words().chars().filter(|c| *c != ' ');
            let name = name.strip_suffix("Lock").unwrap_or(name).chars();
            words.eq(name.map(|c| c.to_ascii_uppercase()))
        };
        Self::ALL.into_iter().find(is)
    }

    /// As SQL writes it.
    pub fn words(self) -> &'static str {
        match self {
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }

    /// Whether writes of the table wait for whoever holds it.
    pub fn blocks_writes(self) -> bool {
        self >= Self::Share
    }

    /// Whether reads of the table wait for whoever holds it.
    pub fn blocks_reads(self) -> bool {
        self == Self::AccessExclusive
    }
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// What a statement does to relations that were there before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// The strongest lock on each table, view, materialized view and sequence; held until the transaction ends.
    pub locks: BTreeMap<Id, LockMode>,
    /// Whose rows are all read, to check them.
    pub scans: BTreeSet<Id>,
    /// Whose rows are all written anew, with their indexes.
    pub rewrites: BTreeSet<Id>,
    /// On which indexes are built.
    pub builds: BTreeSet<Id>,
    /// Of which UPDATE or DELETE may write every row: how many it meets, the text does not say.
    pub writes: BTreeSet<Id>,
    /// What may be rewritten or scanned, where the types or functions are not known well enough.
    pub unsure: BTreeSet<Id>,
}

impl Cost {
    /// Whether nothing that others could notice happens.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what another step of the same statement costs.
    pub fn merge(&mut self, more: Self) {
        for (id, mode) in more.locks {
            let held = self.locks.entry(id).or_insert(mode);
            *held = mode.max(*held);
        }
        self.scans.extend(more.scans);
        self.rewrites.extend(more.rewrites);
        self.builds.extend(more.builds);
        self.writes.extend(more.writes);
        self.unsure.extend(more.unsure);
    }

    /// Forgets the relations that are not wanted.
    pub fn retain(&mut self, is_wanted: impl Fn(&Id) -> bool) {
        self.locks.retain(|id, _| is_wanted(id));
        let sets = [
            &mut self.scans,
            &mut self.rewrites,
            &mut self.builds,
            &mut self.writes,
            &mut self.unsure,
        ];
        for tables in sets {
            tables.retain(&is_wanted);
        }
    }
}

/// What the step of a moment costs; `postgres` is the major version.
pub fn cost(moment: &Moment<'_>, postgres: u16) -> Cost {
    let mut pricing = Pricing {
        moment,
        postgres,
        alter: match &moment.step.statement.node {
            Node::AlterTable(alter) => Some(alter),
            _ => None,
        },
        cost: Cost::default(),
    };
    for change in &moment.step.changes {
        pricing.change(change);
    }
    pricing.statement(&moment.step.statement.node);
    let mut cost = pricing.cost;
    let is_old = |id: &Id| {
        let relation = moment.before.relations.get(id);
        relation.is_some_and(|relation| !matches!(relation.kind, RelationKind::Index(_) | RelationKind::Composite))
    };
    cost.retain(is_old);
    // A rewrite reads every row and builds every index on its way.
    let Cost {
        scans,
        rewrites,
        builds,
        unsure,
        ..
    } = &mut cost;
    for rewritten in &*rewrites {
        scans.remove(rewritten);
        builds.remove(rewritten);
        unsure.remove(rewritten);
    }
    cost
}

struct Pricing<'a> {
    moment: &'a Moment<'a>,
    postgres: u16,
    alter: Option<&'a AlterTable>,
    cost: Cost,
}

impl Pricing<'_> {
    fn before(&self) -> &Catalog {
        self.moment.before
    }

    fn lock(&mut self, id: &Id, mode: LockMode) {
        let held = self.cost.locks.entry(id.clone()).or_insert(mode);
        *held = mode.max(*held);
    }

    /// The most that an ALTER TABLE takes.
    fn alone(&mut self, id: &Id) {
        self.lock(id, LockMode::AccessExclusive);
    }

    fn scan(&mut self, id: &Id) {
        if self.has_rows(id) {
            self.cost.scans.insert(id.clone());
        }
    }

    fn rewrite(&mut self, id: &Id) {
        if self.has_rows(id) {
            self.cost.rewrites.insert(id.clone());
        }
    }

    fn build(&mut self, id: &Id) {
        if self.has_rows(id) {
            self.cost.builds.insert(id.clone());
        }
    }

    /// Partitioned and foreign tables, and views, keep no rows of their own.
    fn has_rows(&self, id: &Id) -> bool {
        match self.before().relations.get(id).map(|relation| &relation.kind) {
            Some(RelationKind::Table(table)) => table.kind == TableKind::Ordinary && table.partition_key.is_none(),
            Some(RelationKind::View(view)) => view.materialized,
            _ => false,
        }
    }
}

fn mode_of_index(concurrently: bool) -> LockMode {
    if concurrently {
        LockMode::ShareUpdateExclusive
    } else {
        LockMode::Share
    }
}

/// The table that a foreign key refers to.
fn referenced(constraint: &Constraint) -> Option<&Id> {
    match &constraint.kind {
        ConstraintKind::Foreign(key) => Some(&key.table),
        _ => None,
    }
}
