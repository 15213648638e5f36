//! What is looked at before a database is written to, as a checklist.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

use analysis::history::{Companion, CompanionKind, History};
use analysis::lint::diagnostic::Level;
use analysis::proof;
use analysis::text::LineIndex;
use serde::Serialize;

use crate::address::Address;
use crate::apply::{self, ApplyError, Judged, Request};
use crate::connection::{Connection, ServerError};
use crate::environment::{Place, minute_of_day};
use crate::history;
use crate::plan::{File, Plan, Refusal, Standing};
use crate::prove::{self, Store, WithRows};
use crate::shadow::Options;
use crate::snapshot::{Client, ClientError};

/// The items, in the order in which they are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Checklist {
    /// In order.
    pub items: Vec<Item>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What.
    pub name: &'static str,
    /// How it stands.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// How an item stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", content = "reason", rename_all = "lowercase")]
pub enum Verdict {
    /// As it should.
    Pass,
    /// Not as it should: nothing is written.
    Fail(String),
    /// Not looked at, or not to be known.
    Skipped(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass => f.write_str("pass"),
            Self::Fail(reason) => write!(f, "fail: {reason}"),
            Self::Skipped(reason) => write!(f, "skipped: {reason}"),
        }
    }
}

impl Checklist {
    /// Adds an item.
    pub fn add(&mut self, name: &'static str, verdict: Verdict) {
        self.items.push(Item { name, verdict });
    }

    /// Those that keep the database from being written to.
    pub fn failures(&self) -> impl Iterator<Item = &Item> {
        self.items
            .iter()
            .filter(|item| matches!(item.verdict, Verdict::Fail(_)))
    }
}

/// Looks at everything that can be known before the first statement.
pub(crate) async fn check(
    request: &Request<'_>,
    plan: &Plan,
    judged: &Judged,
    connection: &mut Connection,
    client: &Result<Client, ClientError>,
) -> Result<Checklist, ApplyError> {
    let mut list = Checklist::default();
    list.add("name and version", names(plan));
    list.add("lint", lint(request, judged));
    list.add("rollback file", rollbacks(request, plan));
    list.add("proof", proof(request, plan, judged, connection.server_major()).await);
    list.add("applied where it is required", required(request, plan).await);
    list.add("history", agreement(plan));
    match plan.files.iter().find_map(|file| Some((file, file.refusals.first()?))) {
        Some((file, refusal)) => list.refuse(file, refusal),
        None => list.add(TRANSACTION, Verdict::Pass),
    }
    list.add("rows that would be lost", losses(request, plan, judged));
    list.add("window", window(request));
    list.add("confirmations", confirmations(request));
    list.add("disk space", disk_space(request, connection).await?);
    list.add("client tools", client_tools(client));
    Ok(list)
}

const TRANSACTION: &str = "transactions";

impl Checklist {
    /// Adds why a file cannot be applied.
    pub(crate) fn refuse(&mut self, file: &File, refusal: &Refusal) {
        let line = LineIndex::new(&file.text)
            .line_column(&file.text, refusal.span.start)
            .line;
        let (message, hint) = (refusal.why.message(), refusal.why.hint());
        self.add(
            TRANSACTION,
            Verdict::Fail(format!("{}:{line}: {message}; {hint}", file.path)),
        );
    }
}

fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match names.as_slice() {
        [first, second, third, rest @ ..] if rest.len() > 1 => {
            format!("{first}, {second}, {third} and {} more", rest.len())
        }
        _ => names.join(", "),
    }
}

fn names(plan: &Plan) -> Verdict {
    let nameless: Vec<&str> = plan
        .files
        .iter()
        .filter(|file| file.version.is_empty())
        .map(|file| &*file.file)
        .collect();
    if !nameless.is_empty() {
        return Verdict::Fail(format!("{} begins with no version", listed(nameless)));
    }
    let doubled = plan
        .duplicates
        .iter()
        .filter(|version| plan.files.iter().any(|file| file.version == **version));
    let doubled: Vec<&str> = doubled.map(String::as_str).collect();
    if doubled.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Fail(format!("two files have version {}", listed(doubled)))
    }
}

fn lint(request: &Request<'_>, judged: &Judged) -> Verdict {
    let mut errors = judged.found.iter().filter(|found| found.level == Level::Error);
    let Some(first) = errors.next() else {
        return Verdict::Pass;
    };
    let more = match errors.count() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let line = line_of(request, &first.path, first.span.start);
    Verdict::Fail(format!(
        "{}:{line}: {} [{}]{more}",
        first.path, first.message, first.rule
    ))
}

fn line_of(request: &Request<'_>, path: &str, offset: u32) -> u32 {
    let migration = request
        .history
        .migrations
        .iter()
        .find(|migration| migration.path == path);
    migration.map_or(1, |migration| {
        LineIndex::new(&migration.text)
            .line_column(&migration.text, offset)
            .line
    })
}

/// What a file destroys and nobody can keep.
fn losses(request: &Request<'_>, plan: &Plan, judged: &Judged) -> Verdict {
    for file in &plan.files {
        let lost = judged
            .losses
            .get(&file.number)
            .and_then(|losses| losses.not_archivable.first());
        if let Some(lost) = lost {
            let text = format!(
                "{}:{}: {}",
                file.path,
                line_of(request, &file.path, lost.at),
                lost.reason
            );
            return if request.accept_data_loss {
                Verdict::Skipped(format!("{text}; accepted"))
            } else {
                Verdict::Fail(format!(
                    "{text}; add `--accept-data-loss` if a rollback need not bring it back"
                ))
            };
        }
    }
    Verdict::Pass
}

fn rollbacks(request: &Request<'_>, plan: &Plan) -> Verdict {
    let migrations = &request.history.migrations;
    let without = plan
        .files
        .iter()
        .map(|file| &migrations[file.number])
        .filter(|migration| !migration.has_rollback);
    let without: Vec<&str> = without.map(analysis::history::Migration::file_name).collect();
    if without.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Skipped(format!(
            "{} has none; it is written from what the migration does",
            listed(without)
        ))
    }
}

/// Whether a throw-away server has shown that the rollbacks give back what was there. Where none can tell, only a
/// protected database is not written to; where one says no, none is.
async fn proof(request: &Request<'_>, plan: &Plan, judged: &Judged, major: u32) -> Verdict {
    let Some(workspace) = &request.workspace else {
        return unproven(request, "nobody said which project keeps a throw-away server");
    };
    let (history, written) = with_rollbacks(request, plan, judged);
    let store = Store::of(workspace);
    let wanted = prove::Request {
        workspace,
        history: &history,
        settings: request.settings,
        numbers: plan.files.iter().map(|file| file.number).collect(),
        rows: WithRows::No,
        options: Options {
            major: Some(major),
            ..Options::default()
        },
        store: store.as_ref(),
        limits: prove::Limits::default(),
        cancel: request.cancel.clone(),
    };
    let proofs = match Box::pin(prove::prove(&wanted, &|_| {})).await {
        Ok(proofs) => proofs,
        Err(error) => return unproven(request, &format!("{error}; {}", error.hint())),
    };
    let mut open = proofs.iter().filter(|proof| !proof.verdict().is_proven());
    let Some(first) = open.next() else {
        return Verdict::Pass;
    };
    let wrong = std::iter::once(first).chain(open).find(|proof| is_wrong(proof));
    match wrong.filter(|wrong| !written.contains(&wrong.migration)) {
        Some(wrong) if request.accept_unproven => Verdict::Skipped(format!("{}; accepted", told(wrong))),
        Some(wrong) => Verdict::Fail(format!(
            "{}; mend the rollback, or add `--accept-unproven`",
            told(wrong)
        )),
        None => unproven(request, &told(first)),
    }
}

/// Whether the rollback itself is at fault. A migration that fails on a throw-away server may find what it needs in a
/// database that holds more than its files tell.
fn is_wrong(proof: &prove::Proof) -> bool {
    use proof::Verdict::{Differs, Fails, Incomplete};
    match proof.verdict() {
        Differs | Incomplete => true,
        Fails => proof.failure.as_ref().is_none_or(|failure| failure.in_rollback),
        _ => false,
    }
}

fn told(proof: &prove::Proof) -> String {
    let file = proof.migration.rsplit('/').next().unwrap_or_default();
    let reason = proof.reason.as_deref().unwrap_or(&proof.verdict);
    match proof.lines.first() {
        Some(line) => format!("the rollback of {file}: {reason} ({line})"),
        None => format!("the rollback of {file}: {reason}"),
    }
}

fn unproven(request: &Request<'_>, reason: &str) -> Verdict {
    if request.target.protected && !request.accept_unproven {
        let name = &request.target.name;
        Verdict::Fail(format!("{reason}; `{name}` is protected: add `--accept-unproven`"))
    } else {
        Verdict::Skipped(reason.to_owned())
    }
}

/// The history with the scripts that are about to be written, and whose those are.
fn with_rollbacks(request: &Request<'_>, plan: &Plan, judged: &Judged) -> (History, BTreeSet<String>) {
    let mut history = request.history.clone();
    let mut written = BTreeSet::new();
    for file in &plan.files {
        let migration = &mut history.migrations[file.number];
        let Some(path) = migration.rollback_path.clone().filter(|_| !migration.has_rollback) else {
            continue;
        };
        migration.has_rollback = true;
        written.insert(migration.path.clone());
        history.companions.push(Companion {
            path,
            text: judged.rollback(file.number).into(),
            kind: CompanionKind::Rollback,
            judged: false,
        });
    }
    (history, written)
}

async fn required(request: &Request<'_>, plan: &Plan) -> Verdict {
    if request.required.is_empty() {
        return Verdict::Pass;
    }
    for (name, target) in &request.required {
        let target = match target {
            Ok(target) => target,
            Err(error) => return Verdict::Fail(format!("`{name}` is required: {error}")),
        };
        let missing = match &target.place {
            // A throw-away server keeps nothing: what counts is that the migration can be applied there, now.
            Place::Shadow => match Box::pin(apply::rehearsed(request, target)).await {
                Ok(()) => continue,
                Err(error) => return Verdict::Fail(format!("on `{name}`: {error}")),
            },
            Place::Server(address) => match versions(address).await {
                Ok(versions) => plan.files.iter().find(|file| !versions.contains(&file.version)),
                Err(error) => return Verdict::Fail(format!("`{name}` is required: {error}")),
            },
        };
        if let Some(file) = missing {
            return Verdict::Fail(format!("{} is not applied on `{name}`", file.file));
        }
    }
    Verdict::Pass
}

async fn versions(address: &Address) -> Result<BTreeSet<String>, String> {
    let mut connection = Connection::connect(address, "dblsp apply")
        .await
        .map_err(|error| error.to_string())?;
    let rows = history::read(&mut connection)
        .await
        .map_err(|error| error.to_string())?;
    connection.close().await;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

/// Whether files and database tell the same story.
fn agreement(plan: &Plan) -> Verdict {
    if !plan.before.is_empty() {
        return Verdict::Fail(format!(
            "{} comes first and is not applied",
            listed(plan.before.iter().map(String::as_str))
        ));
    }
    let with = |standing: Standing| {
        let found = plan.known.iter().filter(move |known| known.standing == standing);
        found.map(|known| known.file.as_str()).collect::<Vec<_>>()
    };
    let edited = with(Standing::Edited);
    if !edited.is_empty() {
        return Verdict::Fail(format!(
            "{} was edited after it was applied; bring it back, or accept it with `dblsp mark applied VERSION`",
            listed(edited)
        ));
    }
    let late = with(Standing::OutOfOrder);
    let late: Vec<&str> = late
        .into_iter()
        .filter(|late| plan.files.iter().any(|file| file.file == *late))
        .collect();
    if !late.is_empty() {
        return Verdict::Fail(format!(
            "{} is older than what is applied; give it a newer timestamp",
            listed(late)
        ));
    }
    if !plan.missing.is_empty() {
        return Verdict::Fail(format!(
            "the database has {}, which no file tells of; fetch the file, or `dblsp mark reverted VERSION`",
            listed(plan.missing.iter().map(|row| row.version.as_str()))
        ));
    }
    let unknown = with(Standing::AppliedUnknown);
    if unknown.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Skipped(format!("the database does not say what was run of {}", listed(unknown)))
    }
}

fn window(request: &Request<'_>) -> Verdict {
    match request.target.window {
        Some(window) if !window.contains(minute_of_day(request.now)) => {
            let now = minute_of_day(request.now);
            Verdict::Fail(format!(
                "it is {:02}:{:02} UTC, outside of {window}",
                now / 60,
                now % 60
            ))
        }
        _ => Verdict::Pass,
    }
}

fn confirmations(request: &Request<'_>) -> Verdict {
    let given = |text: &String| {
        request
            .confirmations
            .iter()
            .any(|confirmation| confirmation.text == *text)
    };
    let open: Vec<&str> = request
        .target
        .confirm
        .iter()
        .filter(|text| !given(text))
        .map(String::as_str)
        .collect();
    if open.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Fail(format!("not confirmed: {}", open.join(", ")))
    }
}

/// Twice the database on the server's disk would be enough for any rewrite; only a server on this machine can be looked
/// at, and only by a role that may know where its data lies.
async fn disk_space(request: &Request<'_>, connection: &mut Connection) -> Result<Verdict, ServerError> {
    let size = connection
        .value("SELECT pg_catalog.pg_database_size(pg_catalog.current_database())")
        .await?;
    let size: u64 = size.and_then(|size| size.parse().ok()).unwrap_or_default();
    if let Some(places) = &request.places {
        let folder = places.schemas.ancestors().find(|folder| folder.is_dir());
        // A schema's text is far smaller than its database's files.
        match folder.and_then(free) {
            Some(free) if free < SNAPSHOT_ROOM => {
                return Ok(Verdict::Fail(format!("{} MB are free for snapshots", free >> 20)));
            }
            _ => {}
        }
    }
    let is_here = request.target.address().is_some_and(Address::is_here);
    let folder = match connection
        .value("SELECT pg_catalog.current_setting('data_directory')")
        .await
    {
        Ok(folder) if is_here => folder,
        _ => None,
    };
    Ok(match folder.as_deref().map(Path::new).and_then(free) {
        Some(free) if free < size => Verdict::Fail(format!(
            "{} MB are free on the server, and the database has {} MB",
            free >> 20,
            size >> 20
        )),
        Some(_) => Verdict::Pass,
        None => Verdict::Skipped("unknown: the server does not tell how much is free".into()),
    })
}

/// Bytes that must be free where snapshots are written.
const SNAPSHOT_ROOM: u64 = 16 << 20;

/// Bytes that are free where a folder lies.
fn free(folder: &Path) -> Option<u64> {
    let output = Command::new("df")
        .arg("-Pk")
        .arg(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let kilobytes: u64 = text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    Some(kilobytes << 10)
}

fn client_tools(client: &Result<Client, ClientError>) -> Verdict {
    match client {
        Ok(_) => Verdict::Pass,
        Err(error) => Verdict::Skipped(format!("{error}; snapshots are printed from the catalog")),
    }
}
