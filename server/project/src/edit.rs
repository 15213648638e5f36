//! New text in a history that is in memory: what an editor types, without another walk over the disk.

use std::sync::Arc;

use analysis::history::History;

use crate::layout::sections;

/// Puts `text` in the place of the file at `path` (as the history names it); whether the history has such a file.
///
/// Only what follows from the text changes; which files there are, and their order, follow from names.
pub fn set_text(history: &mut History, path: &str, text: Arc<str>) -> bool {
    if let Some(companion) = history.companions.iter_mut().find(|companion| companion.path == path) {
        companion.text = text;
        return true;
    }
    let companions = &history.companions;
    let Some(migration) = history.migrations.iter_mut().find(|migration| migration.path == path) else {
        return false;
    };
    let parts = sections(&text);
    let is_there = |wanted: &String| companions.iter().any(|companion| companion.path == *wanted);
    let has_file = migration.rollback_path.as_ref().is_some_and(is_there);
    if parts.down.is_some() && !has_file {
        migration.rollback_path = Some(migration.path.clone());
    } else if migration.rollback_path.as_ref() == Some(&migration.path) {
        // Where it would be expected otherwise is known once the disk is walked again.
        migration.rollback_path = None;
    }
    migration.has_rollback = parts.down.is_some() || has_file;
    migration.forward = parts.forward;
    migration.text = text;
    true
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::files::Disk;
    use crate::{Request, Selection, load};

    fn loaded(folder: &Path, overlay: &[(&str, &str)]) -> History {
        let mut disk = Disk::new(folder);
        for (path, text) in overlay {
            disk.overlay.insert(folder.join(path), Some((*text).into()));
        }
        let loaded = load(&Request {
            folder: folder.to_path_buf(),
            paths: Vec::new(),
            selection: Selection::All,
            settings: None,
            disk,
        });
        loaded.projects[0].histories[0].clone()
    }

    /// Patching a text gives what loading with that text laid over the disk gives.
    #[test]
    fn a_new_text_is_what_loading_would_have_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let migrations = folder.path().join("db/migrations");
        std::fs::create_dir_all(&migrations).expect("created");
        std::fs::create_dir(folder.path().join(".git")).expect("created");
        for (name, text) in [
            ("1_a.sql", "-- migrate:up\nselect 1;\n-- migrate:down\nselect 2;\n"),
            ("2_b.up.sql", "select 1;"),
            ("2_b.down.sql", "select 2;"),
        ] {
            std::fs::write(migrations.join(name), text).expect("written");
        }
        for (path, text) in [
            ("db/migrations/1_a.sql", "select 3;"),
            ("db/migrations/1_a.sql", "-- migrate:up\nselect 44;\n"),
            ("db/migrations/2_b.up.sql", "select 5;"),
            ("db/migrations/2_b.down.sql", "select 6;"),
        ] {
            let mut patched = loaded(folder.path(), &[]);
            assert!(set_text(&mut patched, path, text.into()), "{path}");
            let read = loaded(folder.path(), &[(path, text)]);
            assert_eq!(format!("{patched:#?}"), format!("{read:#?}"), "{path}");
        }
        assert!(!set_text(&mut loaded(folder.path(), &[]), "db/3.sql", "".into()));
    }
}
