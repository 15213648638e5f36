//! Migration folders and configuration on disk. Knows no database, no editor and no terminal.
//!
//! [`load`] turns paths into [`Project`]s: it finds each path's project ([`discover`]), reads `dblsp.toml` ([`config`],
//! [`extends`]), its baseline ([`known`]) and what the Supabase CLI and squawk were told ([`supabase`], [`mod@squawk`]),
//! lists the migration folders ([`layout`]) and reads them ([`files`]), with what is remembered of their databases
//! ([`seen`], [`sizes`]).
//! [`init`] (with [`hooks`]), [`mod@new`], [`scaffold`] and [`rename`] plan files, [`write`] writes them; [`edit`] keeps a loaded history up with an editor.
//! What is wrong is collected beside what could be read, never instead of it.

mod load;

pub mod config;
pub mod discover;
pub mod edit;
pub mod error;
pub mod extends;
pub mod files;
pub mod fix;
pub mod git;
pub mod hooks;
pub mod init;
pub mod known;
pub mod layout;
pub mod local;
pub mod name;
pub mod new;
pub mod page;
pub mod rename;
pub mod report;
pub mod scaffold;
pub mod seen;
pub mod sizes;
pub mod squawk;
pub mod supabase;
pub mod write;

pub use error::ProjectError;
pub use load::{CompanionFolder, Loaded, Opened, Project, Request, Selection, load, open};

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use analysis::Document;
use analysis::history::{History, Migration};
use analysis::lint::Linter;
use analysis::lint::diagnostic::{Diagnostic, NewFiles};
use analysis::schema::timeline::Timeline;
use analysis::settings::Settings;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Bytes of stack per thread: deeply nested SQL is read by recursion, and an overflow would end the process.
pub const STACK: usize = 64 << 20;

/// Runs `work` on threads with a stack that deeply nested SQL does not overflow; parallel iterators inside use them all.
pub fn on_deep_stacks<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    run_in(POOL.get_or_init(|| pool(0, "dblsp")).as_ref(), work)
}

/// Runs `work` on a thread like those, always the same one: what it makes takes the memory that what it made before has
/// left, which allocators keep by thread.
pub fn on_one_deep_stack<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    run_in(POOL.get_or_init(|| pool(1, "dblsp-replay")).as_ref(), work)
}

/// `threads`: 0 for as many as there are cores.
fn pool(threads: usize, name: &'static str) -> Option<ThreadPool> {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK)
        .thread_name(move |number| format!("{name}-{number}"))
        .build()
        .ok()
}

fn run_in<R: Send>(pool: Option<&ThreadPool>, work: impl FnOnce() -> R + Send) -> R {
    match pool {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

/// Reads every migration of a history, in parallel.
pub fn documents(history: &History) -> Vec<Document> {
    on_deep_stacks(|| history.migrations.par_iter().map(analysis::read).collect())
}

/// Reads every migration of a history in parallel, and replays those that are read while others still are.
pub fn replay(history: &History, settings: &Settings) -> (Vec<Document>, Timeline) {
    replay_reading(history, settings, &analysis::read)
}

/// The same, with another way to read migrations.
pub fn replay_reading(
    history: &History,
    settings: &Settings,
    read: &(dyn Fn(&Migration) -> Document + Sync),
) -> (Vec<Document>, Timeline) {
    let migrations = &history.migrations;
    let documents: Vec<OnceLock<Document>> = migrations.iter().map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    // Reads one more; false where none is left.
    let read_one = || {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(migration) = migrations.get(number) else {
            return false;
        };
        let read = catch_unwind(AssertUnwindSafe(|| read(migration)));
        // Somebody may be waiting for it, also if it never comes.
        let (document, panic) = match read {
            Ok(document) => (document, None),
            Err(panic) => (Document::default(), Some(panic)),
        };
        let is_new = documents[number].set(document).is_ok();
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
        is_new
    };
    let timeline = on_deep_stacks(|| {
        rayon::scope(|scope| {
            for _ in 1..rayon::current_num_threads() {
                scope.spawn(|_| while read_one() {});
            }
            Timeline::replay_as_read(history, settings, &mut |number| {
                loop {
                    if let Some(document) = documents[number].get() {
                        return document;
                    }
                    if !read_one() {
                        return documents[number].wait();
                    }
                }
            })
        })
    });
    let documents = documents
        .into_iter()
        .map(|document| document.into_inner().unwrap_or_default());
    (documents.collect(), timeline)
}

/// Judges a replayed history like [`analysis::check`], its files in parallel.
pub fn check(
    history: &History,
    documents: &[Document],
    settings: &Settings,
    timeline: &Arc<Timeline>,
    files: NewFiles,
) -> Vec<Diagnostic> {
    on_deep_stacks(|| {
        let linter = Linter::replayed(history, documents, settings, Arc::clone(timeline)).with_files(files);
        let by_file: Vec<Vec<Diagnostic>> = (0..documents.len())
            .into_par_iter()
            .map(|number| linter.file(number))
            .collect();
        let mut found: Vec<Diagnostic> = by_file.into_iter().flatten().collect();
        found.extend(linter.project());
        linter.finish(found)
    })
}
