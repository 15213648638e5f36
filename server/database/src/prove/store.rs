//! Proofs that were made, on this machine, by project. Looking something up starts nothing and writes nothing.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use analysis::history::{History, Migration};
use analysis::proof::Verdict;
use analysis::settings::Settings;
use serde::{Deserialize, Serialize};

use super::{Keys, Proof, WithRows};
use crate::plan::checksum;
use crate::tools;

/// How many proofs of one migration are kept: a change that is taken back finds its proof again.
const KEPT: usize = 6;

/// Where the proofs of one project are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    file: PathBuf,
    root: PathBuf,
}

/// What is in the file, at one moment: proofs by the migration's version, or its name where it has none, the latest last.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Book {
    /// For people who find the file.
    project: PathBuf,
    proofs: BTreeMap<String, Vec<Entry>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    key: String,
    major: u32,
    rows: bool,
    #[serde(flatten)]
    proof: Proof,
}

impl Store {
    /// Of the project in a folder; `None` where nobody says where caches are.
    pub fn of(root: &Path) -> Option<Self> {
        Some(Self::beneath(&tools::cache()?, root))
    }

    /// The same, in a folder for caches that is named.
    pub fn beneath(cache: &Path, root: &Path) -> Self {
        let root = root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
        let name = checksum(&root.to_string_lossy());
        Self {
            file: cache.join("proofs").join(format!("{}.json", &name[..24])),
            root,
        }
    }

    /// When it was last written to: as long as that is the same, so are the proofs.
    pub fn stamp(&self) -> Option<std::time::SystemTime> {
        fs::metadata(&self.file).and_then(|file| file.modified()).ok()
    }

    /// All that is known at this moment.
    pub fn book(&self) -> Book {
        // What cannot be read, or was written by another version, is as good as nothing.
        let text = fs::read(&self.file).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// The proof of that key: on this major version of the server, or on any.
    pub(super) fn get(&self, key: &str, major: Option<u32>) -> Option<Proof> {
        let book = self.book();
        let entries = book.proofs.values().flatten();
        let mut found = entries.filter(|entry| entry.key == key && major.is_none_or(|major| entry.major == major));
        found.next_back().map(|entry| entry.proof.clone())
    }

    /// Keeps a proof. Where that fails it is made again the next time.
    pub(super) fn put(&self, migration: &Migration, key: &str, (major, rows): (u32, WithRows), proof: &Proof) {
        drop(self.try_put(migration, key, (major, rows), proof));
    }

    fn try_put(
        &self,
        migration: &Migration,
        key: &str,
        (major, rows): (u32, WithRows),
        proof: &Proof,
    ) -> io::Result<()> {
        let folder = self.file.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder)?;
        let lock = File::create(self.file.with_extension("lock"))?;
        lock.lock()?;
        let mut book = self.book();
        book.project.clone_from(&self.root);
        let entries = book.proofs.entry(name(migration).to_owned()).or_default();
        entries.retain(|entry| entry.key != key || entry.major != major);
        entries.push(Entry {
            key: key.to_owned(),
            major,
            rows: rows == WithRows::Yes,
            proof: proof.clone(),
        });
        let surplus = entries.len().saturating_sub(KEPT);
        entries.drain(..surplus);
        let mut written = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut written, &book)?;
        written.persist(&self.file)?;
        Ok(())
    }
}

/// The same name from wherever the migration's path is shown.
fn name(migration: &Migration) -> &str {
    if migration.version.is_empty() {
        migration.file_name()
    } else {
        &migration.version
    }
}

/// Gives a history what is known of its proofs. In a project where nothing was ever proven, nothing changes.
pub fn attach(history: &mut History, settings: &Settings, store: &Store) {
    history.proofs = store.book().facts(history, settings);
}

impl Book {
    /// What is known of a history's rollbacks, by the migration's path.
    pub fn facts(&self, history: &History, settings: &Settings) -> BTreeMap<String, Arc<analysis::proof::Proof>> {
        if self.proofs.is_empty() {
            return BTreeMap::new();
        }
        let keys = Keys::new(history, settings);
        let wanted = u32::from(settings.postgres);
        let migrations = history.migrations.iter().enumerate();
        let known = migrations.filter_map(|(number, migration)| {
            let entries = self.proofs.get(name(migration))?;
            let found = fact(history, &keys, number, entries, wanted)?;
            Some((migration.path.clone(), Arc::new(found)))
        });
        known.collect()
    }
}

/// What is known of one migration: of its texts as they are, with rows before without, on the wanted version before any
/// other; else that it was proven once.
fn fact(
    history: &History,
    keys: &Keys,
    number: usize,
    entries: &[Entry],
    wanted: u32,
) -> Option<analysis::proof::Proof> {
    let current = [WithRows::Yes, WithRows::No].map(|rows| keys.of(history, number, rows));
    let mut known: Vec<&Entry> = entries.iter().filter(|entry| current.contains(&entry.key)).collect();
    // What is wrong outweighs what is right, and that what could not be told; with rows more is known.
    let weight = |verdict: Verdict| match verdict {
        Verdict::Unverifiable => 0,
        Verdict::Proven | Verdict::Reordered => 1,
        Verdict::Differs | Verdict::Fails | Verdict::Incomplete => 2,
    };
    known.sort_by_key(|entry| (entry.major == wanted, weight(entry.proof.verdict()), entry.rows));
    if let Some(entry) = known.last() {
        return Some(entry.proof.fact());
    }
    let last = entries.iter().rev().find(|entry| entry.proof.verdict().is_proven())?;
    Some(analysis::proof::Proof {
        is_current: false,
        ..last.proof.fact()
    })
}
