//! Migration folders and configuration on disk. Knows no database, no editor and no terminal.
//!
//! [`load`] turns paths into [`Project`]s: it finds each path's project ([`discover`]), reads `dblsp.toml` ([`config`])
//! and what the Supabase CLI knows ([`supabase`]), lists the migration folders ([`layout`]) and reads them ([`files`]).
//! [`init`], [`mod@new`] and [`rename`] plan files, [`write`] writes them; [`edit`] keeps a loaded history up with an editor.
//! What is wrong is collected beside what could be read, never instead of it.

mod load;

pub mod config;
pub mod discover;
pub mod edit;
pub mod error;
pub mod files;
pub mod git;
pub mod init;
pub mod layout;
pub mod name;
pub mod new;
pub mod rename;
pub mod supabase;
pub mod write;

pub use error::ProjectError;
pub use load::{CompanionFolder, Loaded, Opened, Project, Request, Selection, load, open};

use std::sync::OnceLock;

use analysis::Document;
use analysis::history::History;
use analysis::lint::Linter;
use analysis::lint::diagnostic::Diagnostic;
use analysis::settings::Settings;
use rayon::prelude::*;

/// Bytes of stack per thread: deeply nested SQL is read by recursion, and an overflow would end the process.
const STACK: usize = 64 << 20;

/// Runs `work` on threads with a stack that deeply nested SQL does not overflow; parallel iterators inside use them all.
pub fn on_deep_stacks<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    static POOL: OnceLock<Option<rayon::ThreadPool>> = OnceLock::new();
    let pool = POOL.get_or_init(|| {
        rayon::ThreadPoolBuilder::new()
            .stack_size(STACK)
            .thread_name(|n| format!("dblsp-{n}"))
            .build()
            .ok()
    });
    match pool {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

/// Reads every migration of a history, in parallel.
pub fn documents(history: &History) -> Vec<Document> {
    on_deep_stacks(|| history.migrations.par_iter().map(analysis::read).collect())
}

/// Judges a history like [`analysis::check`], its files in parallel.
pub fn check(history: &History, documents: &[Document], settings: &Settings) -> Vec<Diagnostic> {
    on_deep_stacks(|| {
        let linter = Linter::new(history, documents, settings);
        let by_file: Vec<Vec<Diagnostic>> = (0..documents.len())
            .into_par_iter()
            .map(|number| linter.file(number))
            .collect();
        let mut found: Vec<Diagnostic> = by_file.into_iter().flatten().collect();
        found.extend(linter.project());
        linter.finish(found)
    })
}
