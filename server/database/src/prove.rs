//! Proves rollbacks: on a throw-away server the history is replayed, the migration applied, its rollback run, and
//! everything compared with what was there before; then the migration is applied again.

mod bench;
mod key;
mod prefix;
mod rows;
pub(crate) mod site;
mod store;
pub(crate) mod watch;

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use analysis::history::{History, Migration};
use analysis::proof::{self, Failure, Place, Verdict};
use analysis::schema::timeline::Timeline;
use analysis::settings::Settings;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::archive::{self, Losses};
use crate::capture::{Capture, Difference, compare};
use crate::connection::ServerError;
use crate::discover::Binaries;
use crate::plan::{self, File};
use crate::rollback::script_of;
use crate::shadow::{Options, ShadowError, blocking};

use bench::{Bench, Stop};
pub use key::Keys;
use rows::Rows;
use site::{Site, Tell};
pub use store::{Book, Store, attach};
use watch::{Ended, Watch};

/// The database that a proof is made in.
const WORK: &str = "dblsp_proof";

/// What is to be proven.
pub struct Request<'a> {
    /// The project: it keeps a server of its own.
    pub workspace: &'a Path,
    /// The files.
    pub history: &'a History,
    /// How to replay them.
    pub settings: &'a Settings,
    /// Which migrations, by their place in the history.
    pub numbers: Vec<usize>,
    /// Also with rows in every table, and these are compared too.
    pub rows: WithRows,
    /// Which server.
    pub options: Options,
    /// Where known proofs are, and new ones go.
    pub store: Option<&'a Store>,
    /// What is too much.
    pub limits: Limits,
    /// Ends it in good order.
    pub cancel: CancellationToken,
}

/// Whether tables get rows before the migration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WithRows {
    /// Only those that the history itself inserts.
    #[default]
    No,
    /// Every table gets some, and all are compared afterwards.
    Yes,
}

/// What is too much for a throw-away server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For one statement.
    pub statement: Duration,
    /// For one migration with its rollback.
    pub total: Duration,
    /// Bytes of a database.
    pub disk: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            statement: Duration::from_mins(1),
            total: Duration::from_mins(3),
            disk: 2 << 30,
        }
    }
}

/// What came of one migration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// Its path, as people see it.
    pub migration: String,
    /// How it ended: see [`Verdict::name`].
    pub verdict: String,
    /// Why.
    pub reason: Option<String>,
    /// What is not as it was before the migration.
    pub diff: Vec<Value>,
    /// How long it took.
    pub milliseconds: u64,
    /// The same differences, a line each.
    pub lines: Vec<String>,
    /// The statement that was refused.
    pub failure: Option<Refused>,
    /// Whether it was found in the store.
    #[serde(skip)]
    pub known: bool,
}

/// A statement that was refused, for storing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Whether it stands in the rollback.
    pub in_rollback: bool,
    /// First byte and the one after the last.
    pub span: [u32; 2],
    /// Five characters.
    pub sqlstate: String,
    /// What the server says.
    pub message: String,
    /// What it hints at.
    pub hint: Option<String>,
}

impl Proof {
    fn new(migration: &Migration, verdict: Verdict, reason: impl Into<Option<String>>) -> Self {
        Self {
            migration: migration.path.clone(),
            verdict: verdict.name().to_owned(),
            reason: reason.into(),
            diff: Vec::new(),
            milliseconds: 0,
            lines: Vec::new(),
            failure: None,
            known: false,
        }
    }

    /// How it ended.
    pub fn verdict(&self) -> Verdict {
        // What an older version wrote and this one does not know proves nothing.
        Verdict::from_name(&self.verdict).unwrap_or(Verdict::Unverifiable)
    }

    /// For rules.
    pub fn fact(&self) -> proof::Proof {
        proof::Proof {
            verdict: self.verdict(),
            reason: self.reason.clone(),
            differences: self.lines.clone(),
            failure: self.failure.as_ref().map(|failure| Failure {
                place: if failure.in_rollback {
                    Place::Rollback
                } else {
                    Place::Migration
                },
                span: analysis::text::Span {
                    start: failure.span[0],
                    end: failure.span[1],
                },
                sqlstate: failure.sqlstate.clone(),
                message: failure.message.clone(),
                hint: failure.hint.clone(),
            }),
            is_current: true,
        }
    }
}

/// What happens meanwhile, for people who wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress<'a> {
    /// The server is being started, or another process uses it.
    Server,
    /// The history up to a migration is being replayed: this many of so many files.
    Replaying(usize, usize),
    /// A proof begins.
    Begins(&'a str),
    /// A proof is there.
    Done(&'a Proof),
}

/// Why nothing could be proven.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// No server.
    #[error(transparent)]
    Shadow(#[from] ShadowError),
    /// Somebody cancelled.
    #[error("cancelled; what was proven before it is kept")]
    Cancelled,
    /// The server is gone, or refused a statement of our own.
    #[error("the throw-away server failed: {0}")]
    Server(#[from] ServerError),
}

impl ProveError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Shadow(error) => error.hint(),
            Self::Cancelled => "start again: it goes on from there",
            Self::Server(_) => "try again; `dblsp shadow stop` throws the server away",
        }
    }
}

/// The migrations that a project would want proven: those that have a rollback, or ought to have one.
pub fn wanted(history: &History) -> Vec<usize> {
    let migrations = history.migrations.iter().enumerate();
    migrations
        .filter(|(_, migration)| script_of(history, migration).is_some() || migration.convention)
        .map(|(number, _)| number)
        .collect()
}

/// Proves rollbacks, in the order of the history.
pub async fn prove(
    request: &Request<'_>,
    tell: &(dyn Fn(Progress<'_>) + Send + Sync),
) -> Result<Vec<Proof>, ProveError> {
    let mut proofs = Vec::with_capacity(request.numbers.len());
    let keys = Keys::new(request.history, request.settings);
    let options = request.options.clone();
    let found = blocking(move || options.find()).await;
    let major = found.as_ref().ok().map(|found| found.major);
    let mut found = Some(found);
    let mut numbers = request.numbers.clone();
    numbers.sort_unstable();
    numbers.dedup();
    let mut prover: Option<Prover<'_>> = None;
    for number in numbers {
        let migration = &request.history.migrations[number];
        if let Some(proof) = known(request, &keys, number, major) {
            tell(Progress::Done(&proof));
            proofs.push(proof);
            continue;
        }
        tell(Progress::Begins(&migration.path));
        if let Some(found) = found.take() {
            tell(Progress::Server);
            prover = Some(Prover::new(request, found?, &keys).await?);
        }
        let prover = prover.as_mut().expect("made just now");
        let begin = Instant::now();
        let judged = prover.judge(number, tell).await?;
        let mut proof = judged.proof;
        proof.milliseconds = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let Some(store) = request.store.filter(|_| judged.is_lasting) {
            let key = keys.of(request.history, number, request.rows);
            store.put(migration, &key, (prover.site.lease.major(), request.rows), &proof);
        }
        tell(Progress::Done(&proof));
        proofs.push(proof);
    }
    if let Some(prover) = prover {
        prover.site.lease.touch();
    }
    Ok(proofs)
}

/// A proof that was made before, of the very same texts, on the server that there is, or on any where there is none.
fn known(request: &Request<'_>, keys: &Keys, number: usize, major: Option<u32>) -> Option<Proof> {
    let mut proof = request
        .store?
        .get(&keys.of(request.history, number, request.rows), major)?;
    proof.migration.clone_from(&request.history.migrations[number].path);
    proof.known = true;
    Some(proof)
}

/// A proof, and whether asking again would give the same.
struct Judged {
    proof: Proof,
    is_lasting: bool,
}

impl From<Proof> for Judged {
    fn from(proof: Proof) -> Self {
        Self {
            proof,
            is_lasting: true,
        }
    }
}

struct Prover<'a> {
    request: &'a Request<'a>,
    site: Site<'a>,
    documents: Vec<analysis::Document>,
    timeline: Timeline,
}

impl<'a> Prover<'a> {
    async fn new(request: &'a Request<'a>, binaries: Binaries, keys: &'a Keys) -> Result<Self, ProveError> {
        let Request { history, settings, .. } = request;
        let server = (&request.options, binaries);
        let site = Site::open(server, request.workspace, history, keys, &request.cancel).await?;
        let (documents, timeline) = project::replay(history, settings);
        Ok(Self {
            request,
            site,
            documents,
            timeline,
        })
    }

    fn losses(&self, number: usize) -> Losses {
        let Request { history, settings, .. } = self.request;
        project::on_deep_stacks(|| archive::losses(&self.timeline, number, history, &self.documents, settings))
    }

    async fn judge(&mut self, number: usize, tell: Tell<'_>) -> Result<Judged, ProveError> {
        let history = self.request.history;
        let migration = &history.migrations[number];
        let Some(script) = script_of(history, migration) else {
            let reason = match &migration.rollback_path {
                Some(path) => format!("there is no rollback script: `{path}` does not exist"),
                None => "its migration tool keeps rollbacks where dblsp does not run them".to_owned(),
            };
            return Ok(Proof::new(migration, Verdict::Incomplete, reason).into());
        };
        let script = File::of_script(&script, &migration.version);
        if let Some(proof) = refused(migration, &self.site.files[number], &script) {
            return Ok(proof.into());
        }
        let watch = Watch::new(self.request.limits, &self.request.cancel);
        let known = match self.site.make(number, &watch, tell).await? {
            Ok(known) => known,
            Err(unfit) => return Ok(unfit.judged(migration)),
        };
        let (judged, is_held) = self.on_server(number, &script).await?;
        self.site.clear(&known).await?;
        if is_held {
            return self.alone(number, &script, tell).await;
        }
        Ok(judged)
    }

    /// Once more without any copy of the history beside it, since something in a copy held on to a role.
    async fn alone(&mut self, number: usize, script: &File, tell: Tell<'_>) -> Result<Judged, ProveError> {
        let migration = &self.request.history.migrations[number];
        let watch = Watch::new(self.request.limits, &self.request.cancel);
        let judged = match self.site.make_alone(number, &watch, tell).await? {
            Ok(()) => self.on_server(number, script).await?.0,
            Err(unfit) => unfit.judged(migration),
        };
        self.site.renew().await?;
        Ok(judged)
    }

    /// The proof itself, in a database that is as the migration finds it; and whether a role could not go because of
    /// another database.
    async fn on_server(&mut self, number: usize, script: &File) -> Result<(Judged, bool), ProveError> {
        let migration = &self.request.history.migrations[number];
        let losses = self.losses(number);
        let watch = Watch::new(self.request.limits, &self.request.cancel);
        let mut bench = Bench::open(&self.site.lease, WORK, self.request.limits.statement).await?;
        let reader = bench.readers.key();
        let known = self.site.catalog(number, &reader).await?;
        let is_known = known.is_some();
        let Site { lease, files, .. } = &mut self.site;
        let case = Case {
            migration,
            file: &files[number],
            script,
            losses: &losses,
            rows: self.request.rows,
            before: known.map(Arc::new).map_or_else(OnceLock::new, OnceLock::from),
        };
        let backend = bench.worker.backend();
        let done = watch.over(lease, WORK, backend, case.run(&mut bench)).await?;
        bench.close().await;
        let found = case.before.get().filter(|_| !is_known).map(Arc::clone);
        let judged = match done {
            Ended::Done(Ok(judged)) => (judged, false),
            Ended::Done(Err(stop)) => {
                let is_held = stop.error().is_some_and(ServerError::is_held_by_another_database);
                (case.stopped(stop)?, is_held)
            }
            Ended::TooMuch(reason) => {
                let judged = Judged {
                    proof: Proof::new(migration, Verdict::Unverifiable, reason),
                    is_lasting: false,
                };
                (judged, false)
            }
        };
        if let Some(before) = found {
            self.site.keep_catalog(number, (&reader, &before)).await?;
        }
        Ok(judged)
    }
}

/// What can be said without a server.
fn refused(migration: &Migration, file: &File, script: &File) -> Option<Proof> {
    let told = |part: &File, verdict: Verdict| {
        let refusal = part.refusals.first()?;
        let mut proof = Proof::new(
            migration,
            verdict,
            format!("`{}`: {}", part.path, refusal.why.message()),
        );
        if verdict == Verdict::Fails {
            proof.failure = Some(Refused {
                in_rollback: true,
                span: [refusal.span.start, refusal.span.end],
                sqlstate: String::new(),
                message: refusal.why.message().to_owned(),
                hint: Some(refusal.why.hint().to_owned()),
            });
        }
        Some(proof)
    };
    let is_beyond_us = |part: &File| {
        let why = part.refusals.first().map(|refusal| refusal.why);
        matches!(why, Some(plan::Why::Psql | plan::Why::Templated))
    };
    let of_script = if is_beyond_us(script) {
        Verdict::Unverifiable
    } else {
        Verdict::Fails
    };
    told(file, Verdict::Unverifiable).or_else(|| told(script, of_script))
}

/// One migration and its rollback.
struct Case<'a> {
    migration: &'a Migration,
    file: &'a File,
    script: &'a File,
    losses: &'a Losses,
    rows: WithRows,
    /// The catalogs before the migration, once they are read; made-up rows change nothing in them.
    before: OnceLock<Arc<Capture>>,
}

/// What was there at one moment.
struct Moment {
    catalog: Arc<Capture>,
    rows: Rows,
}

impl Case<'_> {
    async fn run(&self, bench: &mut Bench) -> Result<Judged, Stop> {
        let unfilled = match self.rows {
            WithRows::Yes => rows::fill(bench).await?,
            WithRows::No => Vec::new(),
        };
        let before = match self.before.get() {
            Some(catalog) => self.look_beside(Arc::clone(catalog), bench).await?,
            None => self.look(bench).await?,
        };
        self.before.get_or_init(|| Arc::clone(&before.catalog));
        let run = bench.apply_first(self.file, self.losses).await?;
        let after = self.look(bench).await?;
        bench
            .worker
            .roll_back(self.script, run, self.migration.convention)
            .await?;
        let restored = self.look(bench).await?;
        if let Some(proof) = self.wrong(&before, &after, &restored, &unfilled) {
            return Ok(proof.into());
        }
        bench.worker.apply(self.file, self.losses).await.map_err(Stop::again)?;
        let again = bench.readers.read().await?;
        Ok(self.verdict(&before, &after, &restored, &again).into())
    }

    async fn look(&self, bench: &mut Bench) -> Result<Moment, Stop> {
        let catalog = Arc::new(bench.readers.read().await?);
        self.look_beside(catalog, bench).await
    }

    /// Looks at the rows.
    async fn look_beside(&self, catalog: Arc<Capture>, bench: &mut Bench) -> Result<Moment, Stop> {
        let rows = match self.rows {
            WithRows::Yes => Rows::read(bench.readers.session()).await?,
            WithRows::No => Rows::default(),
        };
        Ok(Moment { catalog, rows })
    }

    /// What keeps the rollback from being proven, if anything does.
    fn wrong(&self, before: &Moment, after: &Moment, restored: &Moment, unfilled: &[String]) -> Option<Proof> {
        let (_, found) = split(compare(&before.catalog, &restored.catalog));
        let rows = before.rows.compare(&restored.rows);
        if !found.is_empty() || !rows.is_empty() {
            let is_left = |difference: &Difference| {
                let name = difference.name();
                restored.catalog.objects.get(&name) == after.catalog.objects.get(&name)
            };
            let is_left = found.iter().all(is_left) && rows.iter().all(|row| row.is_as_in(&after.rows));
            let mut proof = self.differing(is_left, &found);
            proof.diff.extend(rows.iter().map(rows::Change::to_json));
            proof.lines.extend(rows.iter().map(ToString::to_string));
            return Some(proof);
        }
        let told = |verdict, reason: String| Some(Proof::new(self.migration, verdict, reason));
        let moments = [before, after, restored].into_iter();
        if let Some(unread) = moments.flat_map(|moment| moment.catalog.unread()).min() {
            let reason = format!("`{unread}` is of a kind that dblsp does not compare");
            return told(Verdict::Unverifiable, reason);
        }
        let is_todo = |line: &str| line.trim_start().starts_with("-- TODO");
        if self.script.text.lines().any(is_todo) {
            return told(Verdict::Incomplete, "a `-- TODO` in the script is not answered".into());
        }
        let touched = compare(&before.catalog, &after.catalog);
        let is_touched = |table: &&String| touched.iter().any(|found| found.identity.starts_with(table.as_str()));
        let empty = unfilled.iter().find(is_touched)?;
        let reason = format!("no row could be made up for `{empty}`, which the migration changes");
        told(Verdict::Unverifiable, reason)
    }

    /// The verdict where everything came back, and the migration could be applied again.
    fn verdict(&self, before: &Moment, after: &Moment, restored: &Moment, again: &Capture) -> Proof {
        let (_, twice) = split(compare(&after.catalog, again));
        if !twice.is_empty() {
            let mut proof = self.differing(false, &twice);
            proof.reason = Some("applied again after its rollback, the migration leaves something else".into());
            return proof;
        }
        let order = compare(&before.catalog, &restored.catalog);
        if order.is_empty() {
            return Proof::new(self.migration, Verdict::Proven, None);
        }
        let mut proof = Proof::new(self.migration, Verdict::Reordered, None);
        proof.diff = order.iter().map(Difference::to_json).collect();
        proof.lines = order.iter().map(ToString::to_string).collect();
        proof
    }

    fn differing(&self, is_left: bool, found: &[Difference]) -> Proof {
        let (verdict, reason) = if is_left {
            (Verdict::Incomplete, "what the migration did is not all undone")
        } else {
            (
                Verdict::Differs,
                "afterwards something is not what it was before the migration",
            )
        };
        let mut proof = Proof::new(self.migration, verdict, reason.to_owned());
        proof.diff = found.iter().map(Difference::to_json).collect();
        proof.lines = found.iter().map(ToString::to_string).collect();
        proof
    }

    /// What it means that a statement was refused.
    fn stopped(&self, stop: Stop) -> Result<Judged, ProveError> {
        let stop = match stop {
            Stop::Server(error) => return Err(error.into()),
            other => other,
        };
        let (verdict, reason) = stop.meaning(&self.file.path, &self.script.path);
        let mut proof = Proof::new(self.migration, verdict, reason);
        if verdict == Verdict::Fails {
            proof.failure = stop.refused();
        }
        let is_lasting = !stop.is_timeout();
        Ok(Judged { proof, is_lasting })
    }
}

/// Columns in another order, and everything else.
fn split(found: Vec<Difference>) -> (Vec<Difference>, Vec<Difference>) {
    found.into_iter().partition(Difference::is_only_order)
}
