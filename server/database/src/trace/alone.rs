//! Makes a statement that commits by itself stop where its locks can be seen.
//!
//! It is over before one can look: its tables are empty, and it gives its locks back at the end. So other sessions lock
//! every table in every mode before it starts. The statement waits for its first lock, which shows the mode; then whoever
//! blocks it gives up the strongest mode, and it waits for the next lock, or for writers to leave as CONCURRENTLY does.
//! The tables that it is expected to lock have a session each, so that one that opens leaves the others closed.

use std::collections::BTreeSet;
use std::time::Instant;

use analysis::schema::cost::LockMode;
use analysis::schema::objects::Id;

use super::look::{Look, Oid, locks};
use crate::connection::{Connection, ServerError, identifier};
use crate::shadow::Database;

/// So many tables have a gate of their own.
const MOST: usize = 12;

/// What stands in the way of a statement.
pub(super) struct Gates {
    gates: Vec<Gate>,
    seen: BTreeSet<(Oid, LockMode)>,
    moved: Option<Instant>,
}

/// A session that holds locks, one mode above the other.
struct Gate {
    session: Connection,
    /// How many modes it holds, each behind a savepoint.
    held: usize,
}

impl Gates {
    /// Locks every table that `look` saw; those that are expected to matter one by one.
    pub(super) async fn close(database: &Database, look: &Look, expected: &[Id]) -> Result<Self, ServerError> {
        let tables: Vec<&Id> = look
            .relations
            .values()
            .filter(|seen| seen.is_table())
            .map(|seen| &seen.id)
            .collect();
        let (own, rest): (Vec<&Id>, Vec<&Id>) = tables.into_iter().partition(|id| expected.contains(id));
        let alone = own.iter().take(MOST).map(|id| vec![*id]);
        let together: Vec<&Id> = rest.into_iter().chain(own.iter().copied().skip(MOST)).collect();
        let mut gates = Vec::new();
        for tables in alone.chain([together]).filter(|tables| !tables.is_empty()) {
            gates.push(Gate::close(database, &tables).await?);
        }
        Ok(Self {
            gates,
            seen: BTreeSet::new(),
            moved: None,
        })
    }

    /// Notes the locks that a process has or waits for, and lets it go on to the next where it waits for one of ours.
    pub(super) async fn look(&mut self, harness: &mut Connection, process: i32) -> Result<(), ServerError> {
        self.seen.extend(locks(harness, process).await?);
        let blockers = format!("SELECT unnest(pg_catalog.pg_blocking_pids({process}))::pg_catalog.text");
        let blockers: Vec<Option<String>> = harness.rows(&blockers).await?.into_iter().flatten().collect();
        for gate in &mut self.gates {
            let own = gate.session.backend().to_string();
            if blockers.iter().flatten().any(|blocker| *blocker == own) {
                gate.open_further().await?;
                self.moved = Some(Instant::now());
            }
        }
        Ok(())
    }

    /// When the statement last had to wait.
    pub(super) fn moved(&self) -> Option<Instant> {
        self.moved
    }

    /// Leaves, and tells what was seen.
    pub(super) async fn open(self) -> BTreeSet<(Oid, LockMode)> {
        for gate in self.gates {
            gate.session.close().await;
        }
        self.seen
    }
}

impl Gate {
    async fn close(database: &Database, tables: &[&Id]) -> Result<Self, ServerError> {
        let mut session = database.harness().await?;
        let names: Vec<String> = tables
            .iter()
            .map(|id| format!("ONLY {}.{}", identifier(&id.schema), identifier(&id.name)))
            .collect();
        let names = names.join(", ");
        let level =
            |(number, mode): (usize, &LockMode)| format!("SAVEPOINT s{number}; LOCK TABLE {names} IN {mode} MODE");
        let levels: Vec<String> = LockMode::ALL.iter().enumerate().map(level).collect();
        session.execute(&format!("BEGIN; {}", levels.join("; "))).await?;
        Ok(Self {
            session,
            held: levels.len(),
        })
    }

    /// Gives the strongest mode back; with the last one the transaction ends, which is what some wait for.
    async fn open_further(&mut self) -> Result<(), ServerError> {
        self.held = self.held.saturating_sub(1);
        let how = match self.held {
            0 => "ROLLBACK".to_owned(),
            level => format!("ROLLBACK TO SAVEPOINT s{level}"),
        };
        self.session.execute(&how).await
    }
}
