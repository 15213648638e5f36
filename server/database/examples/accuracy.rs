//! Measures how well replay agrees with PostgreSQL on real migration histories.
//!
//! `accuracy [--manifest FILE] [--write FILE] [--only TEXT] [--verbose] [NAME=COMMIT=FOLDER …]`
//!
//! Every history is applied to a throw-away server file by file, the files that the server takes are replayed, and the
//! catalogs are compared object by object. Writes the summary to standard output and, with `--write`, as Markdown.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for developers")]

mod corpora;
#[path = "../tests/oracle/mod.rs"]
mod oracle;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use analysis::history::History;
use analysis::sql::statement::Node;
use analysis::sql::verdict::{Grammar, Verdict as _};
use database::syntax::SyntaxOracle;
use database::{Options, Shadow, Template};
use serde_json::Value;

use corpora::{Corpus, kept_sections, manifest};

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
        corpora::percent(self.agree, self.total())
    }

    fn add(&mut self, other: Tally) {
        self.agree += other.agree;
        self.certain += other.certain;
        self.unsure += other.unsure;
        self.missing += other.missing;
    }
}

/// What parsing the statements of a folder came to.
#[derive(Default, Clone, Copy)]
struct Syntax {
    statements: usize,
    /// The server parses it, dblsp calls it a syntax error.
    false_errors: usize,
    /// The server does not parse it, dblsp says nothing.
    overlooked: usize,
    /// Both call it an error.
    errors: usize,
    /// Of these, at the same byte.
    same_byte: usize,
    /// The server parses it, and dblsp reads no more than its names.
    unknown: usize,
}

impl Syntax {
    fn add(&mut self, other: Syntax) {
        self.statements += other.statements;
        self.false_errors += other.false_errors;
        self.overlooked += other.overlooked;
        self.errors += other.errors;
        self.same_byte += other.same_byte;
        self.unknown += other.unknown;
    }

    fn line(self) -> String {
        format!(
            "{} statements: {} false syntax errors, {} overlooked, {} of {} errors at the server's byte, {} not read",
            self.statements, self.false_errors, self.overlooked, self.same_byte, self.errors, self.unknown
        )
    }
}

/// What came of one history.
struct Report {
    corpus: Corpus,
    applied: usize,
    refused: Vec<(String, String)>,
    classes: BTreeMap<String, Tally>,
    disagreements: Vec<oracle::Judged>,
    syntax: Syntax,
    server: Duration,
    replay: Duration,
}

impl Report {
    fn only_parsed(corpus: Corpus) -> Self {
        Self {
            corpus,
            applied: 0,
            refused: Vec::new(),
            classes: BTreeMap::new(),
            disagreements: Vec::new(),
            syntax: Syntax::default(),
            server: Duration::ZERO,
            replay: Duration::ZERO,
        }
    }
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
        && let before = std::fs::read_to_string(&path).unwrap_or_default()
        && let Err(error) = std::fs::write(&path, markdown(&reports, &kept_sections(&before)))
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
            history => found.corpora.push(Corpus::written(history)?),
        }
    }
    if let Some(only) = only {
        found.corpora.retain(|corpus| corpus.name.contains(&only));
    }
    Ok(found)
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
    let parsing = shadow
        .database("accuracy_syntax", Template::Plain)
        .await
        .expect("a database");
    let session = parsing.connect().await.expect("a session");
    let mut grammar = SyntaxOracle::new(session).await.expect("a session that only parses");
    let mut reports = Vec::new();
    for corpus in corpora {
        if corpus.is_regress() {
            let texts = texts(&corpus.folder);
            let parsed = syntax(&mut grammar, texts.iter().map(String::as_str), verbose).await;
            eprintln!("{:<45} {}", corpus.name, parsed.line());
            reports.push(Report {
                syntax: parsed,
                ..Report::only_parsed(corpus)
            });
            continue;
        }
        let Some(history) = corpus.history() else {
            eprintln!("{}: no history", corpus.folder.display());
            continue;
        };
        let mut report = one(&shadow, reports.len(), corpus, &history).await;
        report.syntax = syntax(
            &mut grammar,
            history.migrations.iter().map(|migration| &*migration.text),
            verbose,
        )
        .await;
        eprintln!("{}\n  {}", line(&report), report.syntax.line());
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

/// The SQL files under a folder.
fn texts(folder: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "sql") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    paths
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .collect()
}

/// Asks both parsers about every statement.
async fn syntax(server: &mut SyntaxOracle, texts: impl Iterator<Item = &str>, verbose: bool) -> Syntax {
    let mut found = Syntax::default();
    for text in texts {
        let file = project::on_deep_stacks(|| analysis::sql::parse(text));
        for statement in &file.statements {
            let sql = statement.span.slice(text);
            // psql's own commands and templates are no SQL, and COPY's data follows its statement.
            if matches!(statement.node, Node::Meta { .. } | Node::Templated { .. }) || sql.trim().is_empty() {
                continue;
            }
            found.statements += 1;
            let theirs = server.parse_verdict(sql).await.expect("the server is there");
            let ours = project::on_deep_stacks(|| Grammar.syntax_error(sql));
            match (theirs, ours) {
                (Ok(()), None) => {}
                (Ok(()), Some(error)) => {
                    found.false_errors += 1;
                    if verbose {
                        eprintln!("  FALSE {} in {}", error.message, start(sql));
                    }
                }
                (Err(error), None) if error.sqlstate == "42601" => {
                    found.overlooked += 1;
                    if verbose {
                        eprintln!("  OVERLOOKED {} in {}", error.message, start(sql));
                    }
                }
                // What the grammar reads and then refuses is no mistake in the text.
                (Err(_), None) => {}
                (Err(error), Some(ours)) => {
                    found.errors += 1;
                    let byte = error.byte_offset;
                    let at = ours.span.start as usize;
                    let same = at == byte || (at..=ours.span.end as usize).contains(&byte);
                    found.same_byte += usize::from(same);
                    if verbose && !same {
                        eprintln!("  ELSEWHERE {byte} {at} {} in {}", error.message, start(sql));
                    }
                }
            }
            if matches!(statement.node, Node::Unknown { .. })
                && server.parse_verdict(sql).await.is_ok_and(|v| v.is_ok())
            {
                found.unknown += 1;
                if verbose {
                    eprintln!("  UNREAD {}", start(sql));
                }
            }
        }
    }
    found
}

fn start(sql: &str) -> String {
    sql.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(120)
        .collect()
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
        syntax: Syntax::default(),
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
    let mut parsed = Syntax::default();
    reports.iter().for_each(|report| parsed.add(report.syntax));
    let _ = writeln!(out, "{}", parsed.line());
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

fn markdown(reports: &[Report], kept: &str) -> String {
    let mut out = String::from(
        "# Accuracy of replay and of rollbacks\n\n\
         Written by `cargo run --release -p dblsp-database --example accuracy -- --manifest FILE --write docs/accuracy.md`.\n\n\
         Every history is applied to PostgreSQL 15 file by file; the files that the server takes are replayed, and what the\n\
         two made is compared object by object. An object agrees when every facet does: a column its type, position,\n\
         nullability, default, identity and generation; a function its kind, result, language, volatility, strictness,\n\
         rights and search path; and so on. `wrong` is what replay is sure of and should not be; `unsure` differs, but replay\n\
         says that it cannot know; `missing` is on the server and replay knows nothing of it. All three count against it.\n\n\
         What the figures do not say:\n\n\
         - Replay was corrected against these very histories; none was held back, so expect less of others.\n\
         - Refused files count for nothing on either side. Histories that begin midway, or are written for a newer\n\
           PostgreSQL, lose many: see the column beside the percentage.\n\
         - An object of the template that a history drops is not compared, only what it adds and changes. Neither are the\n\
           privileges that a role's default privileges give to itself.\n\
         - Extensions that the server lacks are stubs. That of pg_cron goes to `pg_catalog`, as its control file says.\n\
         - The chirpstack projects get `pg_trgm` (and `hstore`) first, as their manuals ask.\n\n\
         | Project | Commit | Files | Refused | Objects | Agree | Wrong | Unsure | Missing |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for report in reports.iter().filter(|report| !report.corpus.is_regress()) {
        let all = overall(&report.classes);
        let commit = report.corpus.short_commit();
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
    out.push_str(
        "\n## Syntax\n\nEvery statement is given to PostgreSQL's own parser too. A false error would be one that only dblsp reports.\n\n\
         | Project | Statements | False errors | Overlooked | Errors | At the same byte | Not read |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    let mut parsed = Syntax::default();
    reports.iter().for_each(|report| parsed.add(report.syntax));
    let lines = reports
        .iter()
        .map(|report| (report.corpus.name.as_str(), report.syntax));
    for (name, syntax) in lines.chain([("**all**", parsed)]) {
        let _ = writeln!(
            out,
            "| {name} | {} | {} | {} | {} | {} | {} |",
            syntax.statements, syntax.false_errors, syntax.overlooked, syntax.errors, syntax.same_byte, syntax.unknown
        );
    }
    out.push_str(kept);
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
