//! What of an earlier judgement still holds after an edit.

use std::sync::Arc;

use super::context::first_line;
use super::{Linter, Look};
use crate::history::Migration;

/// How a history differs from an earlier one, as far as findings go.
#[derive(Clone, Copy)]
pub struct Change<'a> {
    now: &'a Linter<'a>,
    before: &'a Linter<'a>,
    /// Files, their names, and settings are the same.
    is_comparable: bool,
    /// The last catalogs are.
    is_last_same: bool,
    /// The first lines of all files are.
    are_heads_same: bool,
    /// The texts of all files are.
    are_texts_same: bool,
}

impl<'a> Change<'a> {
    /// Compares two histories.
    pub fn new(before: &'a Linter<'a>, now: &'a Linter<'a>) -> Self {
        let (old, new) = (before.history, now.history);
        let pairs = || old.migrations.iter().zip(&new.migrations);
        let count = new.migrations.len();
        Self {
            now,
            before,
            is_comparable: old.migrations.len() == count
                && old.base == new.base
                && old.complete == new.complete
                && old.databases == new.databases
                && before.timeline.is_complete() == now.timeline.is_complete()
                && before.settings == now.settings
                && first_timeout(before) == first_timeout(now)
                && pairs().all(|(old, new)| is_named_alike(old, new)),
            is_last_same: now.timeline.shares(&before.timeline, count),
            are_heads_same: pairs().all(|(old, new)| is_headed_alike(old, new)),
            are_texts_same: pairs().all(|(old, new)| Arc::ptr_eq(&old.text, &new.text) || old.text == new.text),
        }
    }

    /// Whether what the rules said about one file holds as it is: they would look at the same.
    pub fn keeps(&self, number: usize, look: &Look) -> bool {
        self.is_same_file(number)
            && self.now.timeline.shares(&self.before.timeline, number)
            && (!look.later || self.is_last_same)
            && (!look.heads || self.are_heads_same)
            && (!look.texts || self.are_texts_same)
    }

    /// Whether a file and all that settings say of it is the same, whatever its rules see of other files: of the same
    /// findings the same is shown.
    pub fn is_same_file(&self, number: usize) -> bool {
        let migrations = |linter: &Linter<'a>| linter.history.migrations.get(number).zip(linter.documents.get(number));
        let Some(((old, read), (new, read_anew))) = migrations(self.before).zip(migrations(self.now)) else {
            return false;
        };
        let is_same_text = Arc::ptr_eq(&old.text, &new.text);
        self.is_comparable
            && read.is(read_anew)
            && (is_same_text || old.text == new.text)
            && is_laid_out_alike(old, new)
    }
}

fn first_timeout(linter: &Linter<'_>) -> Option<usize> {
    linter.overview.first_timeout(linter.documents)
}

/// Whether other files' rules see the same of a file's name: see [`super::context::Named`].
fn is_named_alike(old: &Migration, new: &Migration) -> bool {
    old.path == new.path
        && old.version == new.version
        && old.judged == new.judged
        && old.smoke_test_path == new.smoke_test_path
}

/// Whether a file's own rules see the same beside its text.
fn is_laid_out_alike(old: &Migration, new: &Migration) -> bool {
    let Migration {
        path: _,
        text: _,
        forward,
        version: _,
        judged: _,
        rollback_path,
        has_rollback,
        smoke_test_path: _,
        has_smoke_test,
        convention,
    } = old;
    *forward == new.forward
        && *rollback_path == new.rollback_path
        && *has_rollback == new.has_rollback
        && *has_smoke_test == new.has_smoke_test
        && *convention == new.convention
}

fn is_headed_alike(old: &Migration, new: &Migration) -> bool {
    let head = |migration: &Migration| (first_line(&migration.text), migration.is_held());
    Arc::ptr_eq(&old.text, &new.text) || head(old) == head(new)
}
