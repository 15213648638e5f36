//! Measures how many real migrations a generated rollback undoes, beside the rollbacks that people wrote for them.
//!
//! `undo --manifest FILE [--only TEXT] [--limit N] [--write FILE] [--verbose]`
//!
//! Every history is applied to a throw-away server file by file. After each file its generated rollback runs on a copy of
//! the database and the one that its authors wrote on another. What the catalogs say of the schema is compared with what
//! they said before, and `pg_dump` is asked too. Nothing here keeps a row.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for developers")]

#[path = "../corpora/mod.rs"]
mod corpora;
mod dump;
#[path = "../../tests/inverse/everything.rs"]
mod everything;
#[path = "../../tests/oracle/mod.rs"]
mod oracle;
mod page;
mod place;
mod tally;

use std::path::PathBuf;
use std::process::ExitCode;

use analysis::history::{History, Migration};
use analysis::schema::inverse::inverse;
use analysis::schema::timeline::Timeline;
use analysis::sql;
use database::rehearse::{File, Outcome};
use database::{Options, Shadow};

use corpora::{Corpus, manifest, with_section};
use everything::difference;
use place::{Place, State};
use tally::{Outcomes, Tally, Verdict};

#[derive(Default)]
struct Arguments {
    manifest: PathBuf,
    only: Option<String>,
    limit: Option<usize>,
    write: Option<PathBuf>,
    verbose: bool,
}

/// What came of one history.
struct Report {
    corpus: Corpus,
    tally: Tally,
}

fn main() -> ExitCode {
    let Some(arguments) = arguments(std::env::args().skip(1)) else {
        eprintln!("undo --manifest FILE [--only TEXT] [--limit N] [--write FILE] [--verbose]");
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(run(&arguments))
}

fn arguments(mut words: impl Iterator<Item = String>) -> Option<Arguments> {
    let mut out = Arguments::default();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--manifest" => out.manifest = words.next()?.into(),
            "--only" => out.only = Some(words.next()?),
            "--limit" => out.limit = Some(words.next()?.parse().ok()?),
            "--write" => out.write = Some(words.next()?.into()),
            "--verbose" => out.verbose = true,
            _ => return None,
        }
    }
    (!out.manifest.as_os_str().is_empty()).then_some(out)
}

async fn run(arguments: &Arguments) -> ExitCode {
    let corpora = match manifest(&arguments.manifest) {
        Ok(corpora) => corpora,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    let options = Options {
        major: Some(15),
        ..Options::default()
    };
    let shadow = Shadow::start(options).await.expect("a server");
    let wanted = |corpus: &Corpus| arguments.only.as_ref().is_none_or(|part| corpus.name.contains(part));
    let mut reports = Vec::new();
    for corpus in corpora
        .into_iter()
        .filter(|corpus| !corpus.is_regress() && wanted(corpus))
    {
        let Some(history) = corpus.history() else {
            eprintln!("{}: no history", corpus.name);
            continue;
        };
        let tally = measure(&shadow, history, &corpus.name, arguments).await;
        println!("{}: {}", corpus.name, tally.line());
        reports.push(Report { corpus, tally });
    }
    println!("together: {}", page::together(&reports).line());
    match &arguments.write {
        Some(path) => write(path, &reports),
        None => ExitCode::SUCCESS,
    }
}

fn write(path: &PathBuf, reports: &[Report]) -> ExitCode {
    let before = std::fs::read_to_string(path).unwrap_or_default();
    match std::fs::write(path, with_section(&before, "Rollbacks", &page::markdown(reports))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            ExitCode::from(2)
        }
    }
}

async fn measure(shadow: &Shadow, mut history: History, name: &str, arguments: &Arguments) -> Tally {
    if let Some(limit) = arguments.limit {
        history.migrations.truncate(limit);
    }
    let applied = oracle::apply(shadow, "undo", &history, &project::documents(&history)).await;
    let history = applied.history;
    let documents = project::documents(&history);
    let settings = oracle::settings(u16::try_from(shadow.major()).unwrap_or(15));
    let timeline = project::on_deep_stacks(|| Timeline::replay(&history, &documents, &settings));
    let mut place = Place::new(shadow, history.base).await;
    let mut before = place.state().await;
    let mut tally = Tally {
        refused: applied.refused.len(),
        ..Tally::default()
    };
    for (number, migration) in history.migrations.iter().enumerate() {
        let outcome = place.apply(&oracle::file(migration, &documents[number])).await;
        let after = place.state().await;
        if outcome != Outcome::Applied {
            eprintln!("{name}: {} does not apply again", migration.path);
        } else if after == before {
            tally.no_schema += 1;
        } else {
            let rollback = project::on_deep_stacks(|| inverse(&timeline, number, &history, &documents, &settings));
            let text = rollback.to_sql(&migration.path, &migration.text);
            let ours = match todo(&text) {
                Some(todo) => Verdict::Todo(todo),
                None => judge(&mut place, &text, &before).await,
            };
            if arguments.verbose && !matches!(ours, Verdict::Restored(_)) {
                println!("==== {name} {}: {ours}\n{text}", migration.path);
            }
            let theirs = match by_hand(&history, migration) {
                Some(text) => Some(judge(&mut place, &text, &before).await),
                None => None,
            };
            tally.outcomes.push(Outcomes {
                path: migration.path.clone(),
                ours,
                theirs,
            });
        }
        before = after;
    }
    place.leave().await;
    tally
}

/// The first thing that a rollback leaves to a person.
fn todo(text: &str) -> Option<String> {
    let mut lines = text.lines();
    lines.find_map(|line| Some(line.trim_start().strip_prefix("-- TODO: ")?.to_owned()))
}

/// The rollback that the authors wrote.
fn by_hand(history: &History, migration: &Migration) -> Option<String> {
    let path = migration.rollback_path.as_ref().filter(|_| migration.has_rollback)?;
    let companion = history.companions.iter().find(|companion| companion.path == *path);
    companion.map(|companion| companion.text.to_string())
}

/// Runs a rollback on a copy of the database, and asks the catalogs and `pg_dump` what it left.
async fn judge(place: &mut Place<'_>, text: &str, before: &State) -> Verdict {
    let (outcome, now) = place.try_out(&script(text)).await;
    match outcome {
        Outcome::Applied => match difference(&before.rows, &now.rows) {
            Some(unlike) => Verdict::Different(unlike),
            None if dump::normal(&now.dump) == dump::normal(&before.dump) => Verdict::Restored(now.dump == before.dump),
            None => Verdict::OnlyInDump(dump::difference(&before.dump, &now.dump)),
        },
        Outcome::Failed(failure) => Verdict::Refused(format!("{} {}", failure.error.sqlstate, failure.error.message)),
        Outcome::NotSql { .. } => Verdict::Refused("it is written for psql".into()),
    }
}

fn script(text: &str) -> File {
    let document: sql::File = project::on_deep_stacks(|| sql::parse(text));
    let statements = document.statements.iter();
    File {
        path: "rollback".into(),
        statements: statements.map(|s| s.span.slice(text).to_owned()).collect(),
        transactional: true,
    }
}
