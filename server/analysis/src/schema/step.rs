//! What a statement does: the unit that every interpreter reads.

use smol_str::SmolStr;

use super::change::{Change, Key};
use super::objects::{Certainty, Id, Origin};
use crate::sql::body::Condition;
use crate::sql::statement::{ObjectKind, Statement};
use crate::text::Span;

/// What one statement does, where, under which condition and in which transaction.
#[derive(Clone, Debug)]
pub struct Step<'a> {
    /// The statement; inside a DO block, the one in its body.
    pub statement: &'a Statement,
    /// The statement of the file that holds it: itself, or the DO block.
    pub outer: &'a Statement,
    /// The outer statement's number in the file, from 0.
    pub number: usize,
    /// Where it stands.
    pub origin: Origin,
    /// In the order in which PostgreSQL carries them out.
    pub changes: Vec<Change>,
    /// Why PostgreSQL would refuse it, as far as the catalog tells.
    pub problems: Vec<Problem>,
    /// The control structure around it in a DO block.
    pub conditions: Vec<Condition>,
    /// How sure it is that it runs.
    pub certainty: Certainty,
    /// Its transaction.
    pub transaction: Transaction,
    /// The relation that an ALTER, CREATE INDEX, … is about, resolved.
    pub target: Option<Id>,
}

/// The transaction in which a statement runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// Unique over the history.
    pub id: u32,
    /// Number of the statement in its transaction, from 0.
    pub position: u32,
    /// Whether other statements can be in it: false for a statement that commits on its own.
    pub shared: bool,
    /// Whether the file opened it itself, with BEGIN.
    pub explicit: bool,
}

/// Something that the catalog says will fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where the name stands.
    pub span: Span,
    /// What is wrong with it.
    pub kind: ProblemKind,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// Nothing of that kind and name exists: 42P01, 42703, 42704, 42883, 3F000.
    Missing {
        /// What was looked for.
        kind: ObjectKind,
        /// Its name as one would say it.
        name: SmolStr,
    },
    /// It is there already: 42P07, 42701, 42710, 42723, 42P06.
    Exists {
        /// What is there.
        kind: ObjectKind,
        /// Its name as one would say it.
        name: SmolStr,
        /// Where it was made.
        created: Origin,
    },
    /// Others depend on it and CASCADE is not written: 2BP01.
    Needed {
        /// What was to be dropped.
        kind: ObjectKind,
        /// Its name.
        name: SmolStr,
        /// What needs it.
        by: Vec<Key>,
    },
}
