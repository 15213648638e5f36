//! One look at a session: the relations that it sees, with their files and scans, and the locks that it holds.

use std::collections::{BTreeMap, BTreeSet};

use analysis::schema::cost::LockMode;
use analysis::schema::objects::Id;

use super::Measured;
use crate::connection::{Connection, ServerError, literal};

/// `pg_class.oid`
pub(super) type Oid = u32;

/// What a session saw at a moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Look {
    pub(super) relations: BTreeMap<Oid, Seen>,
    pub(super) locks: BTreeSet<(Oid, LockMode)>,
}

/// A relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) id: Id,
    /// `pg_class.relkind`
    kind: char,
    /// The file that holds its rows; none of views and partitioned tables.
    file: Option<u32>,
    /// How often it was read from end to end in this transaction.
    scans: i64,
}

impl Seen {
    fn is_index(&self) -> bool {
        matches!(self.kind, 'i' | 'I')
    }

    /// Whether LOCK TABLE takes it.
    pub(super) fn is_table(&self) -> bool {
        matches!(self.kind, 'r' | 'p')
    }

    fn has_rows(&self) -> bool {
        matches!(self.kind, 'r' | 'm')
    }
}

const RELATIONS: &str = "SELECT c.oid::pg_catalog.text, n.nspname, c.relname, c.relkind::pg_catalog.text,
        pg_catalog.pg_relation_filenode(c.oid)::pg_catalog.text,
        pg_catalog.pg_stat_get_xact_numscans(c.oid)::pg_catalog.text
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'i', 'I')
        AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', '_dblsp')";

/// Looks, through one session, at the locks of a process: its own or another's.
pub(super) async fn look(session: &mut Connection, process: i32) -> Result<Look, ServerError> {
    let mut look = Look::default();
    for row in session.rows(RELATIONS).await? {
        let [oid, schema, name, kind, file, scans] = row.as_slice() else {
            continue;
        };
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let seen = Seen {
            id: Id::new(&text(schema), &text(name)),
            kind: text(kind).chars().next().unwrap_or('r'),
            file: file.as_deref().and_then(|file| file.parse().ok()),
            scans: text(scans).parse().unwrap_or_default(),
        };
        look.relations
            .extend(text(oid).parse().ok().map(|oid: Oid| (oid, seen)));
    }
    look.locks = locks(session, process).await?;
    Ok(look)
}

/// The locks on relations that a process holds or waits for.
pub(super) async fn locks(session: &mut Connection, process: i32) -> Result<BTreeSet<(Oid, LockMode)>, ServerError> {
    let query = format!(
        "SELECT l.relation::pg_catalog.text, l.mode FROM pg_catalog.pg_locks l
         JOIN pg_catalog.pg_database d ON d.oid = l.database AND d.datname = pg_catalog.current_database()
         WHERE l.pid = {process} AND l.locktype = 'relation'"
    );
    let rows = session.rows(&query).await?;
    let lock = |row: Vec<Option<String>>| {
        let mut values = row.into_iter().flatten();
        Some((values.next()?.parse().ok()?, LockMode::of_server(&values.next()?)?))
    };
    Ok(rows.into_iter().filter_map(lock).collect())
}

/// The tables of the foreign keys of this name.
pub(super) async fn tables_of_key(session: &mut Connection, name: &str) -> Result<BTreeSet<Oid>, ServerError> {
    let query = format!(
        "SELECT conrelid::pg_catalog.oid::pg_catalog.text FROM pg_catalog.pg_constraint
         WHERE contype = 'f' AND conname = {}",
        literal(name)
    );
    let rows = session.rows(&query).await?;
    Ok(rows
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|oid| oid.parse().ok())
        .collect())
}

/// What happened between two looks, with what the server wrote meanwhile.
#[derive(Debug)]
pub(super) struct Between<'a> {
    pub(super) before: &'a Look,
    pub(super) after: &'a Look,
    /// What was there before the transaction; others cannot see the rest.
    pub(super) old: &'a BTreeSet<Oid>,
    pub(super) messages: &'a [String],
    /// Tables of the foreign keys that were validated.
    pub(super) keyed: &'a BTreeSet<Oid>,
}

impl Between<'_> {
    pub(super) fn measured(&self) -> Measured {
        let mut measured = Measured::default();
        for (oid, seen) in self.before.relations.iter().filter(|(oid, _)| self.old.contains(*oid)) {
            let held = strongest(self.before, *oid);
            let now = strongest(self.after, *oid);
            if let Some(mode) = held {
                measured.held.insert(seen.id.clone(), mode);
            }
            let locks = if seen.is_index() {
                &mut measured.index_locks
            } else {
                &mut measured.locks
            };
            locks.extend(now.filter(|_| now > held).map(|mode| (seen.id.clone(), mode)));
            self.rows(*oid, seen, now, &mut measured);
        }
        let is_spared = |message: &&String| message.contains("existing constraints");
        measured.spared = self.messages.iter().filter(is_spared).cloned().collect();
        measured
    }

    /// What happened to the rows of a relation.
    fn rows(&self, oid: Oid, seen: &Seen, lock: Option<LockMode>, measured: &mut Measured) {
        if !seen.has_rows() {
            return;
        }
        let after = self.after.relations.get(&oid);
        if after.is_some_and(|after| after.file != seen.file) {
            measured.rewrites.insert(seen.id.clone());
            return;
        }
        // Messages name a table without its schema; the one that is meant is locked.
        let name = after.map_or(&seen.id.name, |after| &after.id.name);
        let built = self.built(name).filter(|_| lock > Some(LockMode::AccessShare));
        let built: BTreeSet<String> = built.collect();
        let is_checked = lock.is_some() && self.messages.contains(&format!("verifying table \"{name}\""));
        let is_read = after.is_some_and(|after| after.scans > seen.scans) && built.is_empty();
        // The query that validates a key reads the table that it refers to, in whichever way is cheapest.
        let checks = self.keyed.is_empty() && self.taken(oid).any(checks);
        if is_checked || self.keyed.contains(&oid) || (is_read && checks) {
            measured.scans.insert(seen.id.clone());
        } else if is_read {
            measured.queried.insert(seen.id.clone());
        }
        if !built.is_empty() {
            measured.builds.insert(seen.id.clone(), built);
        }
    }

    /// The modes of a relation's new locks, also those that are weaker than what was held.
    fn taken(&self, oid: Oid) -> impl Iterator<Item = LockMode> {
        let new = self.after.locks.difference(&self.before.locks);
        new.filter(move |(locked, _)| *locked == oid).map(|(_, mode)| *mode)
    }

    /// The indexes that were built on the table of this name.
    fn built(&self, table: &str) -> impl Iterator<Item = String> {
        let end = format!("\" on table \"{table}\" ");
        self.messages.iter().filter_map(move |message| {
            let rest = message.strip_prefix("building index \"")?;
            rest.split_once(end.as_str()).map(|(index, _)| index.to_owned())
        })
    }
}

/// Whether who holds such a lock and reads the table checks its rows. Under weaker ones queries read; under SHARE ROW
/// EXCLUSIVE the table that a foreign key refers to is looked up.
fn checks(lock: LockMode) -> bool {
    lock >= LockMode::ShareUpdateExclusive && lock != LockMode::ShareRowExclusive
}

fn strongest(look: &Look, oid: Oid) -> Option<LockMode> {
    let from = (oid, LockMode::AccessShare);
    let to = (oid, LockMode::AccessExclusive);
    look.locks.range(from..=to).next_back().map(|(_, mode)| *mode)
}
