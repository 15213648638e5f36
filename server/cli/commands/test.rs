//! `dblsp test`: runs tests written in SQL.
#![allow(
    clippy::single_match_else,
    reason = "with a database or without: both ways read alike"
)]

use analysis::history::{CompanionKind, Release};
use database::replayed::Replayed;
use database::smoke::{self, Report};
use serde_json::json;

use crate::args::{EnvironmentOptions, Format};
use crate::failure::{Exit, Failure};
use crate::{linked, terminal};

/// Options of `dblsp test`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Every test runs in a transaction that is rolled back. Without a server of its own, the environment's \
migrations are applied to a throw-away PostgreSQL first."
)]
pub(crate) struct Options {
    /// Version whose smoke and integration tests to run [default: all tests]
    #[arg(value_name = "vX.Y.Z", value_parser = parse_release)]
    pub(crate) version: Option<Release>,
    #[command(flatten)]
    pub(crate) environment: EnvironmentOptions,
}

fn parse_release(text: &str) -> Result<Release, String> {
    Release::parse(text).ok_or_else(|| "write it as v0.7.0".to_owned())
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let project = linked::open()?;
    let target = linked::target(&project, options.environment.environment.as_deref())?;
    let history = &project.history;
    let tests = match options.version {
        Some(version) => smoke::of_version(history, version),
        None => {
            let tests = history
                .companions
                .iter()
                .filter(|companion| companion.kind == CompanionKind::Test);
            tests.collect()
        }
    };
    if tests.is_empty() {
        let version = options
            .version
            .map(|version| format!(" of v{version}"))
            .unwrap_or_default();
        return Err(Failure {
            exit: Exit::Findings,
            message: format!("there is no test{version}"),
            hint: "write one: `vX.Y.Z_smoke_test.sql` in the tests' folder".into(),
        }
        .into());
    }
    let tests: Vec<(&str, &str)> = tests.iter().map(|test| (&*test.path, &*test.text)).collect();
    let report = linked::wait(async |_| {
        let refused = |error| linked::refused(&error);
        match target.address() {
            Some(address) => {
                let mut connection = linked::connect(address, "test").await?;
                let report = smoke::run(&mut connection, &tests).await.map_err(refused)?;
                connection.close().await;
                Ok(report)
            }
            None => {
                let wanted = |migration: &analysis::history::Migration| match (options.version, migration.release()) {
                    (Some(version), Some(release)) => release <= version,
                    _ => !migration.is_held(),
                };
                let replayed = Replayed::new(None, history, wanted).await;
                let replayed = replayed.map_err(|error| Failure::database(&error, error.hint()))?;
                let mut connection = replayed.database().connect().await.map_err(refused)?;
                let report = smoke::run(&mut connection, &tests).await.map_err(refused)?;
                connection.close().await;
                Ok(report)
            }
        }
    })?;
    match options.environment.format {
        Format::Json => {
            linked::print_json(json!({
                "target": target.to_string(), "passed": report.passed(), "files": report.files
            }))?;
        }
        Format::Text => terminal::print(&text(&report))?,
    }
    Ok(if report.passed() { Exit::Clean } else { Exit::Findings })
}

fn text(report: &Report) -> String {
    let mut out = String::new();
    for file in &report.files {
        let count = file.assertions.len();
        let verdict = match &file.skipped {
            _ if !file.failures.is_empty() => "failed".to_owned(),
            Some(reason) => format!("skipped: {reason}"),
            None if count > 0 => format!("passed, {count} assertions"),
            None => "passed".to_owned(),
        };
        out.push_str(&format!("{}: {verdict}\n", file.path));
        for failure in &file.failures {
            match failure.line {
                Some(line) => out.push_str(&format!("  line {line}: {}\n", failure.message)),
                None => out.push_str(&format!("  {}\n", failure.message)),
            }
        }
        for assertion in file.assertions.iter().filter(|assertion| assertion.fails()) {
            let (number, line) = (assertion.number, assertion.line);
            out.push_str(&format!("  not ok {number} (line {line}): {}\n", assertion.description));
            for words in &assertion.diagnostics {
                out.push_str(&format!("    {words}\n"));
            }
        }
    }
    out
}
