//! What a proof depends on, as a hash: everything before the migration, the migration, and what undoes it.

use analysis::history::{History, Migration};
use analysis::settings::Settings;
use sha2::{Digest, Sha256};

use super::WithRows;
use crate::rollback::script_of;

/// Goes up when proofs are made in another way.
const FORMAT: u32 = 1;

/// A hash of the history before each of its files, and one of all of it.
#[derive(Debug, Clone)]
pub struct Keys {
    before: Vec<[u8; 32]>,
}

impl Keys {
    /// Of a history.
    pub fn new(history: &History, settings: &Settings) -> Self {
        let start = format!(
            "{FORMAT} {} {:?} {:?}",
            env!("CARGO_PKG_VERSION"),
            history.base,
            settings.runner
        );
        let mut last: [u8; 32] = Sha256::digest(start.as_bytes()).into();
        let mut before = vec![last];
        for migration in &history.migrations {
            last = hash(&[&last, forward(migration).as_bytes()]);
            before.push(last);
        }
        Self { before }
    }

    /// Of what there is before a file.
    pub fn before(&self, number: usize) -> String {
        hex(&self.before[number][..12])
    }

    /// Of a proof.
    pub fn of(&self, history: &History, number: usize, rows: WithRows) -> String {
        let migration = &history.migrations[number];
        // Where a section undoes it, what stands before that is a part of the positions.
        let script = script_of(history, migration).map(|script| &script.text[..script.part.end as usize]);
        let script = script.unwrap_or_default();
        let convention: &[u8] = if migration.convention { b"convention" } else { b"" };
        let rows: &[u8] = if rows == WithRows::Yes { b"rows" } else { b"" };
        let parts = [&self.before[number + 1], script.as_bytes(), convention, rows];
        hex(&hash(&parts))
    }
}

fn forward(migration: &Migration) -> &str {
    migration.forward.slice(&migration.text)
}

/// Each part with its length, so that no two lists of parts look alike.
fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push_str(&format!("{byte:02x}"));
    }
    out
}

#[cfg(test)]
mod tests {
    use analysis::history::{Companion, CompanionKind};

    use super::*;

    fn history(files: &[&str], rollback: &str) -> History {
        let mut history = History {
            migrations: files.iter().map(|text| Migration::new("1_a.sql", text)).collect(),
            companions: vec![Companion {
                path: "rollback.sql".into(),
                text: rollback.into(),
                kind: CompanionKind::Rollback,
                judged: true,
            }],
            ..History::default()
        };
        for migration in &mut history.migrations {
            migration.rollback_path = Some("rollback.sql".into());
        }
        history
    }

    fn key(files: &[&str], rollback: &str, number: usize) -> String {
        let history = history(files, rollback);
        Keys::new(&history, &Settings::default()).of(&history, number, WithRows::No)
    }

    #[test]
    fn a_key_depends_on_what_comes_before_and_not_on_what_comes_after() {
        let one = key(&["a", "b"], "r", 1);
        assert_eq!(one, key(&["a", "b", "c"], "r", 1));
        assert_ne!(one, key(&["x", "b"], "r", 1));
        assert_ne!(one, key(&["a", "x"], "r", 1));
        assert_ne!(one, key(&["a", "b"], "x", 1));
        assert_ne!(key(&["ab", "c"], "", 1), key(&["a", "bc"], "", 1));
    }

    #[test]
    fn rows_make_another_proof() {
        let history = history(&["a"], "r");
        let keys = Keys::new(&history, &Settings::default());
        assert_ne!(keys.of(&history, 0, WithRows::No), keys.of(&history, 0, WithRows::Yes));
    }
}
