//! What is looked at before a database is written to, as a checklist.

use std::fmt;

use serde::Serialize;

/// The items, in the order in which they are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Checklist {
    /// In order.
    pub items: Vec<Item>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What.
    pub name: &'static str,
    /// How it stands.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// How an item stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", content = "reason", rename_all = "lowercase")]
pub enum Verdict {
    /// As it should.
    Pass,
    /// Not as it should: nothing is written.
    Fail(String),
    /// Not looked at, or not to be known.
    Skipped(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass => f.write_str("pass"),
            Self::Fail(reason) => write!(f, "fail: {reason}"),
            Self::Skipped(reason) => write!(f, "skipped: {reason}"),
        }
    }
}

impl Checklist {
    /// Adds an item.
    pub fn add(&mut self, name: &'static str, verdict: Verdict) {
        self.items.push(Item { name, verdict });
    }

    /// Those that keep the database from being written to.
    pub fn failures(&self) -> impl Iterator<Item = &Item> {
        self.items
            .iter()
            .filter(|item| matches!(item.verdict, Verdict::Fail(_)))
    }
}
