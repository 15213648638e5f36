//! Runs a migration on a throw-away server and shows what it locks, reads and writes there, as a job: the handler starts it
//! and answers at once. Nothing is run before the user trusts the workspace.

use std::path::PathBuf;
use std::sync::Arc;

use analysis::history::History;
use analysis::settings::Settings;
use database::trace::{self, Limits, ReportError, TraceError};
use serde_json::Value;
use tower_lsp::ls_types::{MessageType, Uri};

use crate::jobs;
use crate::pages::{Page, present};
use crate::state::Shared;

/// What is traced: the end of a history.
struct Asked {
    root: PathBuf,
    history: History,
    settings: Arc<Settings>,
    path: String,
}

/// Starts the job; what comes of it is a page and a message.
pub(crate) fn run(shared: &Arc<Shared>, uri: Uri) -> Option<Value> {
    jobs::begin(shared, |shared| async move { carry_out(&shared, uri).await })
}

async fn carry_out(shared: &Arc<Shared>, uri: Uri) -> (MessageType, String) {
    if let Some(told) = jobs::distrust(shared, "A trace") {
        return told;
    }
    let Some(asked) = ask(shared, &uri).await else {
        return jobs::no_migration();
    };
    let title = format!("Tracing {}", asked.path);
    let job = shared.jobs.start(shared, title);
    job.doing().set("running it on a throw-away PostgreSQL");
    let (limits, cancel) = (Limits::default(), job.cancelled());
    let traced = trace::report(&asked.root, &asked.history, &asked.settings, limits, &cancel).await;
    drop(job);
    let report = match traced {
        Ok(report) => report,
        Err(ReportError::Trace(TraceError::Cancelled)) => {
            return (MessageType::INFO, "Nothing was traced.".to_owned());
        }
        Err(error) => return (MessageType::ERROR, format!("{error}: {}", error.hint())),
    };
    let (level, words) = present(
        shared,
        &asked.root,
        Page::about(&asked.path, "Trace", "html", trace::page(&report)),
    )
    .await;
    if report.server.is_none() {
        let words = format!(
            "{words} It holds what is predicted: no PostgreSQL was found on this machine. Install its server package, or \
             set DBLSP_PG_BIN."
        );
        return (MessageType::WARNING, words);
    }
    (level, words)
}

/// The history that ends with the file, from the newest texts.
async fn ask(shared: &Arc<Shared>, uri: &Uri) -> Option<Asked> {
    shared
        .ask(uri, "looking for what comes before it", |question| {
            let (view, member) = question.snapshot.find(question.path)?;
            let text = question.snapshot.text(question.path)?;
            Some(Asked {
                root: view.root.clone(),
                history: trace::ending_with(&view.history, &member.path, &text),
                settings: Arc::clone(&view.settings),
                path: member.path.clone(),
            })
        })
        .await
}
