//! What came of the rollbacks of a history.

use std::fmt;

use crate::corpora::percent;

/// What a rollback does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The catalogs are as before and `pg_dump` agrees; true: to the byte, also in the order of columns.
    Restored(bool),
    /// The catalogs are as before, but `pg_dump` writes something else: what would be proven wrongly.
    OnlyInDump(String),
    /// It says that a person must finish it.
    Todo(String),
    /// It ran, and something is different.
    Different(String),
    /// The server refused it.
    Refused(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Restored(_) => f.write_str("restored"),
            Self::OnlyInDump(what) => write!(f, "only pg_dump sees a difference\n{what}"),
            Self::Todo(what) => write!(f, "left to a person: {what}"),
            Self::Different(what) => write!(f, "different\n{what}"),
            Self::Refused(what) => write!(f, "refused: {what}"),
        }
    }
}

/// What became of a migration under both rollbacks.
pub(crate) struct Outcomes {
    pub(crate) path: String,
    pub(crate) ours: Verdict,
    /// `None` where the project has no rollback for it.
    pub(crate) theirs: Option<Verdict>,
}

/// The migrations of a history.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) outcomes: Vec<Outcomes>,
    /// They change rows or nothing at all.
    pub(crate) no_schema: usize,
    /// The server refuses them going forward.
    pub(crate) refused: usize,
}

/// How many of each.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) all: usize,
    pub(crate) restored: usize,
    pub(crate) to_the_byte: usize,
    pub(crate) only_in_dump: usize,
    pub(crate) todo: usize,
    pub(crate) different: usize,
    pub(crate) refused: usize,
}

impl Counts {
    fn of<'v>(verdicts: impl Iterator<Item = &'v Verdict>) -> Self {
        let mut counts = Self::default();
        for verdict in verdicts {
            counts.all += 1;
            match verdict {
                Verdict::Restored(to_the_byte) => {
                    counts.restored += 1;
                    counts.to_the_byte += usize::from(*to_the_byte);
                }
                Verdict::OnlyInDump(_) => counts.only_in_dump += 1,
                Verdict::Todo(_) => counts.todo += 1,
                Verdict::Different(_) => counts.different += 1,
                Verdict::Refused(_) => counts.refused += 1,
            }
        }
        counts
    }

    pub(crate) fn percent(self) -> f64 {
        percent(self.restored, self.all)
    }
}

impl Tally {
    pub(crate) fn ours(&self) -> Counts {
        Counts::of(self.outcomes.iter().map(|outcome| &outcome.ours))
    }

    pub(crate) fn theirs(&self) -> Counts {
        Counts::of(self.outcomes.iter().filter_map(|outcome| outcome.theirs.as_ref()))
    }

    pub(crate) fn line(&self) -> String {
        let (ours, theirs) = (self.ours(), self.theirs());
        format!(
            "{:.1} % of {} restored ({} to the byte); {} with a TODO, {} different, {} refused, {} only seen by pg_dump; \
             by hand {:.1} % of {}; {} change no schema, {} do not apply",
            ours.percent(),
            ours.all,
            ours.to_the_byte,
            ours.todo,
            ours.different,
            ours.refused,
            ours.only_in_dump,
            theirs.percent(),
            theirs.all,
            self.no_schema,
            self.refused,
        )
    }
}
