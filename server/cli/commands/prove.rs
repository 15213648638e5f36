//! `dblsp prove`: runs migrations and their rollbacks on a throw-away server, and says whether all came back.

use std::path::PathBuf;
use std::sync::Mutex;

use analysis::history::{CompanionKind, History};
use analysis::proof::Verdict;
use analysis::text::LineIndex;
use anstyle::AnsiColor;
use anyhow::Context;
use database::prove::{self, Limits, Progress, Proof, ProveError, Store, WithRows};
use database::{Options as Server, ShadowError};
use project::files::Disk;
use project::{Project, Request, Selection};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::args::Format;
use crate::failure::{Exit, Failure, report_problem};
use crate::linked;
use crate::progress::Live;
use crate::render::counted;
use crate::terminal::{self, Paint};

/// Options of `dblsp prove`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Nothing is connected to but a private PostgreSQL of this project, which goes after a while without use. \
                        Verdicts: proven, proven (columns reordered), differs, fails, incomplete, unverifiable."
)]
pub(crate) struct Options {
    /// Migrations, rollback scripts, or folders of either [default: every migration that has a rollback]
    files: Vec<PathBuf>,
    /// Put made-up rows into every table first, and compare all rows too
    #[arg(long)]
    with_data: bool,
    /// How to print results
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let folder = std::env::current_dir().context("the current folder cannot be read")?;
    let disk = Disk::new(&folder);
    let loaded = project::load(&Request {
        paths: options.files.iter().map(|path| disk.absolute(path)).collect(),
        folder,
        selection: Selection::All,
        settings: None,
        disk,
    });
    loaded.problems.iter().for_each(report_problem);
    let rows = if options.with_data { WithRows::Yes } else { WithRows::No };
    let shown = Shown::new(options.format);
    let proofs = linked::wait(async |cancel| {
        let mut proofs = Vec::new();
        for project in &loaded.projects {
            for history in &project.histories {
                let found = of_history(project, history, rows, &cancel, &shown).await;
                proofs.extend(found?);
            }
        }
        Ok(proofs)
    })?;
    drop(shown);
    match options.format {
        Format::Json => {
            let proofs: Vec<Value> = proofs.iter().map(to_json).collect();
            terminal::print(&format!("{:#}\n", json!({ "proofs": proofs })))?;
        }
        Format::Text => terminal::print(&summary(&proofs))?,
    }
    Ok(if !loaded.problems.is_empty() {
        Exit::Usage
    } else if proofs.iter().all(|proof| proof.verdict().is_proven()) {
        Exit::Clean
    } else {
        Exit::Findings
    })
}

/// Gives the histories of `check` what is known of their rollbacks; asks a throw-away server where that is wanted.
pub(crate) fn known(project: &mut Project, prove: bool) -> anyhow::Result<()> {
    let is_wanted = prove || project.config.proofs.check;
    let rows = if project.config.proofs.rows {
        WithRows::Yes
    } else {
        WithRows::No
    };
    if is_wanted {
        let shown = Shown::new(Format::Json);
        linked::wait(async |cancel| {
            for history in &project.histories {
                of_history(project, history, rows, &cancel, &shown).await?;
            }
            Ok(())
        })?;
    }
    if let Some(store) = Store::of(&project.root.folder) {
        for history in &mut project.histories {
            prove::attach(history, &project.settings, &store);
        }
    }
    Ok(())
}

/// Proves what is wanted of a history; what is known already is told without a server.
pub(crate) async fn of_history(
    project: &Project,
    history: &History,
    rows: WithRows,
    cancel: &CancellationToken,
    shown: &Shown,
) -> anyhow::Result<Vec<Proof>> {
    let root = &project.root.folder;
    let store = Store::of(root);
    let request = prove::Request {
        workspace: root,
        history,
        settings: &project.settings,
        numbers: numbers(history),
        rows,
        options: Server {
            major: Some(u32::from(project.settings.postgres)),
            ..Server::default()
        },
        store: store.as_ref(),
        limits: Limits::default(),
        cancel: cancel.clone(),
    };
    let done = prove::prove(&request, &|progress| shown.tell(history, progress)).await;
    Ok(done.map_err(|error| failed(&error))?)
}

/// Those of the wanted migrations that are judged, or whose rollback script is.
fn numbers(history: &History) -> Vec<usize> {
    let is_judged = |number: &usize| {
        let migration = &history.migrations[*number];
        let is_script = |path: &str| {
            let mut scripts = history.companions.iter();
            scripts.any(|it| it.kind == CompanionKind::Rollback && it.judged && it.path == path)
        };
        migration.judged || migration.rollback_path.as_deref().is_some_and(is_script)
    };
    prove::wanted(history).into_iter().filter(is_judged).collect()
}

fn failed(error: &ProveError) -> Failure {
    match error {
        ProveError::Shadow(ShadowError::NotInstalled) => Failure::database(
            "rollbacks are proven on a throw-away PostgreSQL, and no server programs of it were found",
            error.hint(),
        ),
        other => Failure::database(other, other.hint()),
    }
}

fn to_json(proof: &Proof) -> Value {
    json!({
        "migration": proof.migration,
        "verdict": proof.verdict,
        "reason": proof.reason,
        "diff": proof.diff,
        "milliseconds": proof.milliseconds,
    })
}

fn summary(proofs: &[Proof]) -> String {
    let proven = proofs.iter().filter(|proof| proof.verdict().is_proven()).count();
    match proofs.len() {
        0 => "nothing to prove: no migration here has a rollback\n".to_owned(),
        all if all == proven => format!("{} proven\n", counted(all, "rollback")),
        all => format!("{proven} of {} proven\n", counted(all, "rollback")),
    }
}

/// Shows proofs as they come.
pub(crate) struct Shown {
    live: Live,
    paint: Option<Paint>,
    said: Mutex<usize>,
}

impl Shown {
    /// For people as a line each; for programs nothing.
    pub(crate) fn new(format: Format) -> Self {
        Self {
            live: Live::start("proving rollbacks"),
            paint: (format == Format::Text).then(Paint::stdout),
            said: Mutex::new(0),
        }
    }

    fn tell(&self, history: &History, progress: Progress<'_>) {
        match progress {
            Progress::Server => self.live.say("waiting for the throw-away PostgreSQL"),
            Progress::Replaying(at, of) => self.live.say(format!("replaying the history before it: {at} of {of}")),
            Progress::Begins(path) => self.live.say(format!("proving {path}")),
            Progress::Done(proof) => {
                let Some(paint) = self.paint else { return };
                let text = told(proof, history, paint);
                *self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += 1;
                // A reader that has left hears no more; the proofs are kept all the same.
                self.live.beside(|| drop(terminal::print(&text)));
            }
        }
    }
}

/// A proof for people: the verdict and the file, and below it what is wrong.
fn told(proof: &Proof, history: &History, paint: Paint) -> String {
    let verdict = proof.verdict();
    let colour = match verdict {
        Verdict::Proven | Verdict::Reordered => AnsiColor::Green,
        Verdict::Unverifiable => AnsiColor::Yellow,
        _ => AnsiColor::Red,
    };
    let time = if proof.known {
        "known".to_owned()
    } else {
        format!("{} ms", proof.milliseconds)
    };
    let mut out = format!(
        "{}  {}  ({time})\n",
        paint.strong(colour, verdict.name()),
        proof.migration
    );
    if let Some(failure) = &proof.failure {
        let place = place(proof, history);
        let code = if failure.sqlstate.is_empty() {
            String::new()
        } else {
            format!(" ({})", failure.sqlstate)
        };
        out.push_str(&format!(
            "    {place}: {}{code}\n",
            failure.message.replace('\n', "\n    ")
        ));
        if let Some(hint) = &failure.hint {
            out.push_str(&format!("    hint: {hint}\n"));
        }
    } else if let Some(reason) = &proof.reason {
        out.push_str(&format!("    {reason}\n"));
    }
    for line in &proof.lines {
        out.push_str(&format!("    - {line}\n"));
    }
    out
}

/// `rollback/1_rollback.sql:3:12`
fn place(proof: &Proof, history: &History) -> String {
    let Some(failure) = &proof.failure else {
        return proof.migration.clone();
    };
    let migration = history
        .migrations
        .iter()
        .find(|migration| migration.path == proof.migration);
    let script = migration.and_then(|migration| migration.rollback_path.as_deref());
    let script = script.and_then(|path| history.companions.iter().find(|companion| companion.path == path));
    let (path, text) = match (failure.in_rollback, script, migration) {
        (true, Some(script), _) => (&script.path, &script.text),
        (_, _, Some(migration)) => (&migration.path, &migration.text),
        _ => return proof.migration.clone(),
    };
    let at = LineIndex::new(text).line_column(text, failure.span[0]);
    format!("{path}:{}:{}", at.line, at.column)
}
