//! Proves a migration's rollback on a throw-away server, as a job: the handler starts it and answers at once. No database
//! of anybody's is connected to; still nothing is run before the user trusts the workspace.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use analysis::history::History;
use analysis::proof::Verdict;
use analysis::settings::Settings;
use database::Options;
use database::prove::{self, Limits, Progress, Proof, ProveError, Store, WithRows};
use serde_json::Value;
use tower_lsp::ls_types::{MessageType, Uri};

use crate::handlers::create;
use crate::handlers::migrations::MigrationsChanged;
use crate::jobs::{self, Doing, Job};
use crate::snapshot::{Snapshot, View};
use crate::state::Shared;

/// A migration as the editor holds it.
struct Asked {
    root: PathBuf,
    history: Arc<History>,
    settings: Arc<Settings>,
    number: usize,
    file: PathBuf,
    uri: Option<Uri>,
}

impl Asked {
    fn name(&self) -> &str {
        self.history.migrations[self.number].file_name()
    }
}

/// The migration that a file is, or that it undoes.
pub(crate) fn migration<'s>(snapshot: &'s Snapshot, path: &Path) -> Option<(&'s View, usize)> {
    let (view, member) = snapshot.find(path)?;
    let number = member.migration.or_else(|| {
        let mut migrations = view.history.migrations.iter();
        migrations.position(|migration| migration.rollback_path.as_ref() == Some(&member.path))
    });
    Some((view, number?))
}

/// Starts the job; what comes of it is told by a message, a lens and findings.
pub(crate) fn run(shared: &Arc<Shared>, uri: Uri) -> Option<Value> {
    jobs::begin(shared, |shared| async move { carry_out(&shared, uri).await })
}

async fn carry_out(shared: &Arc<Shared>, uri: Uri) -> (MessageType, String) {
    if let Some(told) = jobs::distrust(shared, "A proof") {
        return told;
    }
    let Some(mut asked) = ask(shared, &uri).await else {
        return jobs::no_migration();
    };
    let migration = &asked.history.migrations[asked.number];
    if !migration.has_rollback {
        // What is written is shown; why nothing can be written was told.
        let own = asked.uri.clone().unwrap_or(uri.clone());
        if create::rollback(shared, own).await.is_none() {
            return (MessageType::WARNING, "There is no rollback to be proven.".to_owned());
        }
        match ask(shared, &uri).await {
            Some(again) => asked = again,
            None => return jobs::no_migration(),
        }
    }
    let job = shared
        .jobs
        .start(shared, format!("Proving the rollback of {}", asked.name()));
    let proven = on_server(&asked, &job).await;
    drop(job);
    seen(shared, &asked.file).await;
    match proven {
        Ok(Some(proof)) => told(&asked, &proof),
        Ok(None) => jobs::no_migration(),
        Err(ProveError::Cancelled) => (MessageType::INFO, "Nothing was proven.".to_owned()),
        Err(error) => (MessageType::ERROR, format!("{error}: {}", error.hint())),
    }
}

/// The migration with its history, from the newest texts.
async fn ask(shared: &Arc<Shared>, uri: &Uri) -> Option<Asked> {
    shared
        .ask(uri, "looking for the rollback", |question| {
            let (view, number) = migration(question.snapshot, question.path)?;
            let file = question.snapshot.path(&view.history.migrations[number].path);
            Some(Asked {
                root: view.root.clone(),
                history: Arc::clone(&view.history),
                settings: Arc::clone(&view.settings),
                number,
                uri: question.snapshot.uri(&file),
                file,
            })
        })
        .await
}

async fn on_server(asked: &Asked, job: &Job) -> Result<Option<Proof>, ProveError> {
    let store = Store::of(&asked.root);
    let request = prove::Request {
        workspace: &asked.root,
        history: &asked.history,
        settings: &asked.settings,
        numbers: vec![asked.number],
        rows: WithRows::Yes,
        options: Options {
            major: Some(u32::from(asked.settings.postgres)),
            ..Options::default()
        },
        store: store.as_ref(),
        limits: Limits::default(),
        cancel: job.cancelled(),
    };
    let doing = job.doing();
    let proofs = prove::prove(&request, &move |progress| show(&doing, progress)).await?;
    Ok(proofs.into_iter().next())
}

fn show(doing: &Doing, progress: Progress<'_>) {
    match progress {
        Progress::Server => doing.set("waiting for the throw-away PostgreSQL"),
        Progress::Replaying(at, of) => doing.set(format!("replaying the history before it: {at} of {of}")),
        Progress::Begins(_) => doing.set("applying, rolling back, comparing"),
        Progress::Done(_) => {}
    }
}

fn told(asked: &Asked, proof: &Proof) -> (MessageType, String) {
    let name = asked.name();
    let reason = proof.reason.clone().or_else(|| proof.lines.first().cloned());
    let reason = reason.unwrap_or_else(|| proof.verdict.clone());
    match proof.verdict() {
        Verdict::Proven => (
            MessageType::INFO,
            format!("The rollback of {name} is proven: schema and rows are back."),
        ),
        Verdict::Reordered => (
            MessageType::INFO,
            format!("The rollback of {name} is proven: schema and rows are back, columns in another order ({reason})."),
        ),
        _ => (
            MessageType::WARNING,
            format!("The rollback of {name} is not proven: {reason}."),
        ),
    }
}

/// Has the editor show what is known now.
async fn seen(shared: &Arc<Shared>, file: &Path) {
    shared.state().touch(file);
    shared.wake.notify_one();
    shared.client.send_notification::<MigrationsChanged>(()).await;
    if shared.session().refreshes_lenses {
        drop(shared.client.code_lens_refresh().await);
    }
    if shared.session().pulls {
        drop(shared.client.workspace_diagnostic_refresh().await);
    }
}
