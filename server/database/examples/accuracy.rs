//! Measures how well replay agrees with PostgreSQL on real migration histories.
//!
//! `accuracy [--manifest FILE] [--write FILE] [--only TEXT] [--verbose] [NAME=COMMIT=FOLDER …]`
//!
//! Every history is applied to a throw-away server file by file, the files that the server takes are replayed, and the
//! catalogs are compared object by object. Writes the summary to standard output and, with `--write`, as Markdown.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for developers")]

#[path = "../tests/oracle/mod.rs"]
mod oracle;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use analysis::history::{History, Migration};
use database::{Options, Shadow};
use project::files::Disk;
use project::{Request, Selection, load};
use serde_json::Value;

/// A history to measure.
struct Corpus {
    name: String,
    commit: String,
    folder: PathBuf,
}

#[derive(Default)]
struct Arguments {
    corpora: Vec<Corpus>,
    write: Option<PathBuf>,
    verbose: bool,
}

#[derive(Default, Clone, Copy)]
struct Tally {
    agree: usize,
    certain: usize,
    unsure: usize,
    missing: usize,
}

impl Tally {
    fn total(self) -> usize {
        self.agree + self.certain + self.unsure + self.missing
    }

    fn percent(self) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        if self.total() == 0 {
            100.0
        } else {
            self.agree as f64 * 100.0 / self.total() as f64
        }
    }

    fn add(&mut self, other: Tally) {
        self.agree += other.agree;
        self.certain += other.certain;
        self.unsure += other.unsure;
        self.missing += other.missing;
    }
}

/// What came of one history.
struct Report {
    corpus: Corpus,
    applied: usize,
    refused: Vec<(String, String)>,
    classes: BTreeMap<String, Tally>,
    disagreements: Vec<oracle::Judged>,
    server: Duration,
    replay: Duration,
}

fn main() -> ExitCode {
    let arguments = match arguments(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    let reports = runtime.block_on(measure(arguments.corpora, arguments.verbose));
    print!("{}", summary(&reports));
    if let Some(path) = arguments.write
        && let Err(error) = std::fs::write(&path, markdown(&reports))
    {
        eprintln!("{}: {error}", path.display());
        return ExitCode::from(2);
    }
    ExitCode::SUCCESS
}

fn arguments(mut written: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut found = Arguments::default();
    let mut only = None;
    while let Some(argument) = written.next() {
        let mut value = || written.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--manifest" => found.corpora.extend(manifest(Path::new(&value()?))?),
            "--write" => found.write = Some(value()?.into()),
            "--only" => only = Some(value()?),
            "--verbose" => found.verbose = true,
            history => found.corpora.push(corpus(history)?),
        }
    }
    if let Some(only) = only {
        found.corpora.retain(|corpus| corpus.name.contains(&only));
    }
    Ok(found)
}

fn corpus(written: &str) -> Result<Corpus, String> {
    let parts: Vec<&str> = written.splitn(3, '=').collect();
    let [name, commit, folder] = parts[..] else {
        return Err(format!("{written}: expected NAME=COMMIT=FOLDER"));
    };
    Ok(Corpus {
        name: name.into(),
        commit: commit.into(),
        folder: folder.into(),
    })
}

/// Lines of project, commit, class and folder, with tabs between them, under a heading.
fn manifest(path: &Path) -> Result<Vec<Corpus>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let lines = text.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    let corpora = lines.filter_map(|fields| match fields[..] {
        // PostgreSQL's own test files are no histories.
        [_, _, "regress", _] => None,
        [name, commit, _, folder] => Some(Corpus {
            name: name.into(),
            commit: commit.into(),
            folder: folder.into(),
        }),
        _ => None,
    });
    Ok(corpora.collect())
}

async fn measure(corpora: Vec<Corpus>, verbose: bool) -> Vec<Report> {
    let options = Options {
        major: Some(15),
        ..Options::default()
    };
    let shadow = match Shadow::start(options).await {
        Ok(shadow) => shadow,
        Err(error) => {
            eprintln!("{error}\nhint: {}", error.hint());
            return Vec::new();
        }
    };
    let mut reports = Vec::new();
    for corpus in corpora {
        let Some(history) = history(&corpus.folder) else {
            eprintln!("{}: no history", corpus.folder.display());
            continue;
        };
        let history = prepared(history, &corpus);
        let report = one(&shadow, reports.len(), corpus, &history).await;
        eprintln!("{}", line(&report));
        if verbose {
            report
                .disagreements
                .iter()
                .for_each(|judged| eprintln!("  {}", explain(judged)));
            report
                .refused
                .iter()
                .for_each(|(path, why)| eprintln!("  refused {path}: {why}"));
        }
        reports.push(report);
    }
    reports
}

fn history(folder: &Path) -> Option<History> {
    let folder = std::fs::canonicalize(folder).ok()?;
    let request = Request {
        disk: Disk::new(&folder),
        paths: vec![folder.clone()],
        folder,
        selection: Selection::All,
        settings: None,
    };
    let found = load(&request);
    let histories = found.projects.into_iter().flat_map(|project| project.histories);
    histories.max_by_key(|history| history.migrations.len())
}

/// Extensions that the project's documentation says to create before the first migration.
const REQUIRED: &[(&str, &str)] = &[
    ("chirpstack/chirpstack", "CREATE EXTENSION pg_trgm;"),
    (
        "brocaar/chirpstack-application-server",
        "CREATE EXTENSION pg_trgm; CREATE EXTENSION hstore;",
    ),
];

fn prepared(mut history: History, corpus: &Corpus) -> History {
    if let Some((_, sql)) = REQUIRED.iter().find(|(name, _)| *name == corpus.name) {
        history.migrations.insert(0, Migration::new("extensions.sql", sql));
    }
    history
}

async fn one(shadow: &Shadow, number: usize, corpus: Corpus, history: &History) -> Report {
    let documents = project::documents(history);
    let begin = Instant::now();
    let applied = oracle::apply(shadow, &format!("accuracy_{number}"), history, &documents).await;
    let server = begin.elapsed();
    let begin = Instant::now();
    let settings = oracle::settings(15);
    let replayed = project::on_deep_stacks(|| oracle::replay(&applied.history, &settings));
    let replay = begin.elapsed();
    let mut classes: BTreeMap<String, Tally> = BTreeMap::new();
    let mut disagreements = Vec::new();
    for judged in oracle::compare(&applied.objects, &replayed) {
        let tally = classes.entry(judged.name.0.clone()).or_default();
        let absent = judged.differences.iter().any(|(_, _, replay)| replay.is_none()) && !judged.certain;
        match (judged.differences.is_empty(), judged.certain) {
            (true, _) => tally.agree += 1,
            (false, true) => tally.certain += 1,
            (false, false) if absent => tally.missing += 1,
            (false, false) => tally.unsure += 1,
        }
        if !judged.differences.is_empty() {
            disagreements.push(judged);
        }
    }
    Report {
        corpus,
        applied: history.migrations.len() - applied.refused.len(),
        refused: applied.refused,
        classes,
        disagreements,
        server,
        replay,
    }
}

fn overall(classes: &BTreeMap<String, Tally>) -> Tally {
    let mut all = Tally::default();
    classes.values().for_each(|tally| all.add(*tally));
    all
}

fn line(report: &Report) -> String {
    let all = overall(&report.classes);
    format!(
        "{:<45} {:>4} applied {:>3} refused {:>6} objects {:>7.2} %  wrong {:>3}  unsure {:>3}  missing {:>4}  server {:?} replay {:?}",
        report.corpus.name,
        report.applied,
        report.refused.len(),
        all.total(),
        all.percent(),
        all.certain,
        all.unsure,
        all.missing,
        report.server,
        report.replay,
    )
}

fn explain(judged: &oracle::Judged) -> String {
    let (class, identity) = &judged.name;
    let show = |value: &Option<Value>| value.as_ref().map_or_else(|| "absent".to_owned(), Value::to_string);
    let differences = judged.differences.iter();
    let differences: Vec<String> = differences
        .map(|(facet, server, replay)| format!("{facet}: server {} replay {}", show(server), show(replay)))
        .collect();
    let sure = if judged.certain { "WRONG" } else { "unsure" };
    format!("{sure} {class} {identity}: {}", differences.join("; "))
}

fn by_class(reports: &[Report]) -> BTreeMap<String, Tally> {
    let mut classes: BTreeMap<String, Tally> = BTreeMap::new();
    for (class, tally) in reports.iter().flat_map(|report| &report.classes) {
        classes.entry(class.clone()).or_default().add(*tally);
    }
    classes
}

fn summary(reports: &[Report]) -> String {
    let mut out = String::new();
    for (class, tally) in by_class(reports) {
        let _ = writeln!(
            out,
            "{class:<20} {:>6} {:>7.2} %  wrong {:>3}  unsure {:>3}  missing {:>4}",
            tally.total(),
            tally.percent(),
            tally.certain,
            tally.unsure,
            tally.missing
        );
    }
    let all = overall(&by_class(reports));
    let _ = writeln!(
        out,
        "overall {} objects, {:.3} % agree, {} wrong, {} unsure, {} missing",
        all.total(),
        all.percent(),
        all.certain,
        all.unsure,
        all.missing
    );
    out
}

fn markdown(reports: &[Report]) -> String {
    let mut out = String::from(
        "# Accuracy of replay\n\n\
         Written by `cargo run --release -p dblsp-database --example accuracy -- --manifest FILE --write docs/accuracy.md`.\n\n\
         Every history is applied to PostgreSQL 15 file by file; the files that the server takes are replayed, and what the\n\
         two made is compared object by object. An object agrees when every facet does: a column its type, position,\n\
         nullability, default, identity and generation; a function its kind, result, language, volatility, strictness,\n\
         rights and search path; and so on. `wrong` is what replay is sure of and should not be; `unsure` differs, but replay\n\
         says that it cannot know; `missing` is on the server and replay knows nothing of it. All three count against it.\n\n\
         | Project | Commit | Files | Refused | Objects | Agree | Wrong | Unsure | Missing |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for report in reports {
        let all = overall(&report.classes);
        let commit: String = report.corpus.commit.chars().take(12).collect();
        let _ = writeln!(
            out,
            "| {} | {commit} | {} | {} | {} | {:.2} % | {} | {} | {} |",
            report.corpus.name,
            report.applied + report.refused.len(),
            report.refused.len(),
            all.total(),
            all.percent(),
            all.certain,
            all.unsure,
            all.missing
        );
    }
    let classes = by_class(reports);
    out.push_str("\n## By class\n\n| Class | Objects | Agree | Wrong | Unsure | Missing |\n| --- | ---: | ---: | ---: | ---: | ---: |\n");
    for (class, tally) in classes
        .iter()
        .map(|(class, tally)| (class.as_str(), *tally))
        .chain([("**all**", overall(&classes))])
    {
        let _ = writeln!(
            out,
            "| {class} | {} | {:.2} % | {} | {} | {} |",
            tally.total(),
            tally.percent(),
            tally.certain,
            tally.unsure,
            tally.missing
        );
    }
    out.push_str("\n## Wrong\n\n");
    let wrong = reports
        .iter()
        .flat_map(|report| report.disagreements.iter().map(move |judged| (report, judged)))
        .filter(|(_, judged)| judged.certain);
    let mut none = true;
    for (report, judged) in wrong {
        none = false;
        let _ = writeln!(out, "- {}: `{}`", report.corpus.name, explain(judged));
    }
    if none {
        out.push_str("Nothing.\n");
    }
    out.push_str("\n## Files that the server refused\n\n");
    for report in reports {
        for (path, why) in &report.refused {
            let _ = writeln!(out, "- {} `{path}`: {}", report.corpus.name, why.replace('\n', " "));
        }
    }
    out
}
