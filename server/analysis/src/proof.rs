//! What a server made of a migration and its rollback, as plain data: somebody else ran them, and rules speak about it.

use crate::text::Span;

/// What is known of a migration's rollback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// How it ended.
    pub verdict: Verdict,
    /// Why, in a sentence without a full stop; `None` where the verdict says all.
    pub reason: Option<String>,
    /// What is not as it was before the migration, an object each.
    pub differences: Vec<String>,
    /// The statement that the server refused.
    pub failure: Option<Failure>,
    /// Whether it is about the texts as they are now. Otherwise it was true once, and something was changed since.
    pub is_current: bool,
}

/// A statement that the server refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which file it stands in.
    pub place: Place,
    /// What of it is wrong: from the byte that the server points at, or all of the statement.
    pub span: Span,
    /// Five characters.
    pub sqlstate: String,
    /// What the server says.
    pub message: String,
    /// What it hints at.
    pub hint: Option<String>,
}

/// One of the two files that a proof is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The migration.
    Migration,
    /// The script that undoes it.
    Rollback,
}

/// How a proof ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Everything is as it was before the migration.
    Proven,
    /// The same, except that columns stand in another order: PostgreSQL knows no way to put one back at its place.
    Reordered,
    /// Something is neither as it was before the migration nor as the migration left it.
    Differs,
    /// A statement was refused.
    Fails,
    /// Something is still as the migration left it, or a TODO is left in the script.
    Incomplete,
    /// The throw-away server cannot tell.
    Unverifiable,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Proven,
        Self::Reordered,
        Self::Differs,
        Self::Fails,
        Self::Incomplete,
        Self::Unverifiable,
    ];

    /// As it is written everywhere.
    pub fn name(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Reordered => "proven (columns reordered)",
            Self::Differs => "differs",
            Self::Fails => "fails",
            Self::Incomplete => "incomplete",
            Self::Unverifiable => "unverifiable",
        }
    }

    /// The verdict of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.name() == name)
    }

    /// Whether the rollback gives back what was there.
    pub fn is_proven(self) -> bool {
        matches!(self, Self::Proven | Self::Reordered)
    }
}
