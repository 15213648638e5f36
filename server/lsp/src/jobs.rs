//! What may take long: shown in the editor once it does, and cancelled from there.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use serde_json::Value;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower_lsp::ls_types::notification::Progress;
use tower_lsp::ls_types::{
    MessageType, NumberOrString, ProgressParams, ProgressParamsValue, ProgressToken, WorkDoneProgress,
    WorkDoneProgressBegin, WorkDoneProgressEnd, WorkDoneProgressReport,
};

use crate::state::Shared;

/// How long work goes on before the editor shows it.
const UNSEEN: Duration = Duration::from_secs(1);

/// Between two reports.
const BETWEEN: Duration = Duration::from_millis(300);

/// Starts what a command asks for, and answers at once; what comes of it is a message.
pub(crate) fn begin<Work>(shared: &Arc<Shared>, work: impl FnOnce(Arc<Shared>) -> Work) -> Option<Value>
where
    Work: Future<Output = (MessageType, String)> + Send + 'static,
{
    let (client, work) = (shared.client.clone(), work(Arc::clone(shared)));
    tokio::spawn(async move {
        let (level, words) = work.await;
        client.show_message(level, words).await;
    });
    None
}

/// What is said instead of running a workspace's files that the user does not trust.
pub(crate) fn distrust(shared: &Shared, what: &str) -> Option<(MessageType, String)> {
    let words = format!(
        "dblsp runs nothing here, because this workspace is not trusted. {what} runs its migrations on a throw-away \
         server of this machine: trust it only if you know where it comes from."
    );
    (!shared.session().options.trusted).then_some((MessageType::WARNING, words))
}

/// What is said of a file that no migration is.
pub(crate) fn no_migration() -> (MessageType, String) {
    let words = "This file is no migration of a project.";
    (MessageType::WARNING, words.to_owned())
}

/// Running jobs.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    next: AtomicU64,
    /// By the number in their token.
    running: Arc<DashMap<u64, CancellationToken>>,
}

/// A running job. Dropping it ends it for the editor, however it came to an end.
#[derive(Debug)]
pub(crate) struct Job {
    number: u64,
    running: Arc<DashMap<u64, CancellationToken>>,
    cancelled: CancellationToken,
    doing: Doing,
    _done: DropGuard,
}

/// What a job is doing at the moment, in its own words; `None` leaves it to what analysis is doing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Doing(Arc<Mutex<Option<String>>>);

impl Doing {
    /// Says it.
    pub(crate) fn set(&self, words: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(words.into());
    }

    fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Jobs {
    /// Starts a job; `title` is what the editor shows if it takes long.
    pub(crate) fn start(&self, shared: &Arc<Shared>, title: impl Into<String>) -> Job {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (done, cancelled) = (CancellationToken::new(), CancellationToken::new());
        self.running.insert(number, cancelled.clone());
        let doing = Doing::default();
        if shared.session().progress {
            tokio::spawn(show(
                Arc::clone(shared),
                number,
                title.into(),
                doing.clone(),
                done.clone(),
            ));
        }
        Job {
            number,
            running: Arc::clone(&self.running),
            cancelled,
            doing,
            _done: done.drop_guard(),
        }
    }

    /// Cancels the job of a token; the editor's cancel button.
    pub(crate) fn cancel(&self, token: &NumberOrString) {
        let NumberOrString::String(token) = token else { return };
        let number = token.strip_prefix(TOKEN).and_then(|number| number.parse().ok());
        if let Some(job) = number.and_then(|number: u64| self.running.get(&number)) {
            job.cancel();
        }
    }

    /// Cancels all; how many there were.
    pub(crate) fn cancel_all(&self) -> usize {
        let running = self.running.iter();
        running.map(|job| job.cancel()).count()
    }
}

impl Job {
    /// Tells whether somebody cancelled it.
    pub(crate) fn cancelled(&self) -> CancellationToken {
        self.cancelled.clone()
    }

    /// Where it says what it is doing.
    pub(crate) fn doing(&self) -> Doing {
        self.doing.clone()
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.running.remove(&self.number);
    }
}

const TOKEN: &str = "dblsp/";

/// Shows a job from its first second to its end.
async fn show(shared: Arc<Shared>, number: u64, title: String, doing: Doing, done: CancellationToken) {
    if tokio::time::timeout(UNSEEN, done.cancelled()).await.is_ok() {
        return;
    }
    let token = ProgressToken::String(format!("{TOKEN}{number}"));
    let created = shared.client.create_work_done_progress(token.clone()).await;
    if created.is_err() {
        return;
    }
    let tell = |value| {
        let value = ProgressParamsValue::WorkDone(value);
        let token = token.clone();
        shared
            .client
            .send_notification::<Progress>(ProgressParams { token, value })
    };
    tell(WorkDoneProgress::Begin(WorkDoneProgressBegin {
        title,
        cancellable: Some(true),
        ..WorkDoneProgressBegin::default()
    }))
    .await;
    let mut told = String::new();
    while tokio::time::timeout(BETWEEN, done.cancelled()).await.is_err() {
        let now = doing.get().unwrap_or_else(|| shared.guard.doing());
        if now != told {
            told.clone_from(&now);
            tell(WorkDoneProgress::Report(WorkDoneProgressReport {
                message: Some(now),
                ..WorkDoneProgressReport::default()
            }))
            .await;
        }
    }
    tell(WorkDoneProgress::End(WorkDoneProgressEnd::default())).await;
}
