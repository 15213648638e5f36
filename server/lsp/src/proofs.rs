//! What throw-away servers have said of rollbacks, as this machine remembers it: every snapshot is given what is known of
//! its texts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use database::prove::{Book, Store};

use crate::snapshot::Snapshot;

/// The books of the projects that were looked at, read again when they are written to.
#[derive(Debug, Default)]
pub(crate) struct Proofs {
    books: Mutex<BTreeMap<PathBuf, (SystemTime, Arc<Book>)>>,
}

impl Proofs {
    /// Gives the histories of a snapshot what is known of them; findings that knew something else are of no use.
    pub(crate) fn give(&self, snapshot: &mut Snapshot) {
        let mut is_new = false;
        for view in &mut snapshot.views {
            let book = self.book(&view.root);
            let facts = book
                .map(|book| book.facts(&view.history, &view.settings))
                .unwrap_or_default();
            if facts != view.history.proofs {
                Arc::make_mut(&mut view.history).proofs = facts;
                is_new = true;
            }
        }
        if is_new {
            *snapshot.judged.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    /// `None` where nothing was ever proven.
    fn book(&self, root: &Path) -> Option<Arc<Book>> {
        let store = Store::of(root)?;
        let stamp = store.stamp()?;
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, book)) = books.get(root)
            && *known == stamp
        {
            return Some(Arc::clone(book));
        }
        let book = Arc::new(store.book());
        books.insert(root.to_path_buf(), (stamp, Arc::clone(&book)));
        Some(book)
    }
}
