//! What a verb says while it works. The terminal prints it, the editor shows it as progress.

use serde::Serialize;

use crate::lock::Holder;
use crate::notice::Notice;
use crate::preflight::Checklist;

/// Somebody who listens.
pub trait Tell: Send + Sync {
    /// Hears one thing. Must not wait.
    fn tell(&self, event: Event);
}

/// Nobody listens.
impl Tell for () {
    fn tell(&self, _: Event) {}
}

/// One thing that happened. Paths are as people shall see them.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The database that is about to be written to.
    Target {
        /// Environment and address, without the password.
        target: String,
    },
    /// A migration begins.
    Migration {
        /// Its file name.
        file: String,
    },
    /// What was looked at beforehand.
    Preflight {
        /// Item by item.
        checklist: Checklist,
    },
    /// A snapshot was written.
    Snapshot {
        /// Where.
        path: String,
        /// Before or after the migration.
        moment: Moment,
    },
    /// Everything that is in the database was dumped, rows and all.
    Backup {
        /// Where to.
        path: String,
    },
    /// The migration's statements are being run.
    Applying {
        /// Its file name.
        file: String,
    },
    /// A statement is about to run.
    Statement {
        /// Its number, from 1.
        index: usize,
        /// How many there are.
        of: usize,
    },
    /// The server said something beside its answers.
    Notice {
        /// What.
        #[serde(flatten)]
        notice: Notice,
    },
    /// A statement, or another verb of dblsp, holds what is needed.
    Waiting {
        /// Who, as far as it is known.
        holder: Option<Holder>,
    },
    /// A lock was not to be had; the file was rolled back and will be tried again.
    Retry {
        /// Which attempt comes next, from 2.
        attempt: u32,
        /// How long until then.
        milliseconds: u64,
        /// Who held the lock, as far as it is known.
        holder: Option<Holder>,
    },
    /// The migration is in the database.
    Applied {
        /// How long its statements took.
        milliseconds: u64,
    },
    /// The migration is in the database no more.
    Undone {
        /// How long its script took.
        milliseconds: u64,
    },
    /// The script that undoes it.
    Rollback {
        /// Where.
        path: String,
        /// Whether it was written just now.
        scaffolded: bool,
    },
    /// The database is compared with what was expected.
    Verifying,
    /// Something that somebody should look at.
    Alert {
        /// What.
        text: String,
    },
    /// Something that is good to know.
    Note {
        /// What.
        text: String,
    },
    /// Done with a migration.
    Complete,
}

/// Before or after a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Moment {
    /// Before.
    Before,
    /// After.
    After,
}

impl Moment {
    /// `before` or `after`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}
