//! What a statement costs those who use the tables meanwhile: locks, scans, rewrites.
//!
//! The changes of a step say what is touched and how; the statement adds what leaves no trace in the catalog. Source of
//! every line: the relations in `pg_locks`, the file nodes and the debug messages of PostgreSQL 14 to 18 after each of
//! some 270 statements. ACCESS SHARE, which hinders nobody but ACCESS EXCLUSIVE, and the locks on indexes are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

mod changes;
mod statement;

use super::catalog::Catalog;
use super::objects::{Constraint, ConstraintKind, Id, RelationKind, TableKind};
use super::timeline::Moment;
use crate::sql::statement::{AlterTable, Node};

/// The mode of a table lock, weakest first. <https://www.postgresql.org/docs/current/explicit-locking.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockMode {
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
    /// The mode of these words of a LOCK statement, in any case; `None` for ACCESS SHARE.
    fn of(words: &str) -> Option<Self> {
        Some(match words.to_ascii_uppercase().as_str() {
            "ROW SHARE" => Self::RowShare,
            "ROW EXCLUSIVE" => Self::RowExclusive,
            "SHARE UPDATE EXCLUSIVE" => Self::ShareUpdateExclusive,
            "SHARE" => Self::Share,
            "SHARE ROW EXCLUSIVE" => Self::ShareRowExclusive,
            "EXCLUSIVE" => Self::Exclusive,
            "ACCESS SHARE" => return None,
            _ => Self::AccessExclusive,
        })
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
        f.write_str(match self {
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        })
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
    /// What may be rewritten or scanned, where the types or functions are not known well enough.
    pub unsure: BTreeSet<Id>,
}

impl Cost {
    /// Whether nothing that others could notice happens.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
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
    cost.locks.retain(|id, _| is_old(id));
    for tables in [&mut cost.scans, &mut cost.rewrites, &mut cost.builds, &mut cost.unsure] {
        tables.retain(is_old);
    }
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
