//! `dblsp report`: what the deployment of a version was like.

use std::fs;
use std::path::{Path, PathBuf};

use analysis::history::Release;
use analysis::schema::price::bytes_in_words;
use database::journal;
use database::link::Linked;
use database::report::{Deployed, Deployment, Happened, deployment};
use database::{history, person};
use project::write::{Write, WriteKind, write_all};
use serde_json::json;

use crate::args::{EnvironmentOptions, Format};
use crate::failure::{Exit, Failure};
use crate::{linked, terminal};

/// Options of `dblsp report`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Only the part about the environment is written anew; what people wrote stays. As JSON, nothing is written."
)]
pub(crate) struct Options {
    /// The version of the product, like `v0.7.0`, or a migration's timestamp
    pub(crate) version: String,
    #[command(flatten)]
    pub(crate) environment: EnvironmentOptions,
    /// File to write [default: `docs/VERSION_DEPLOYMENT-REPORT.md` beside the migrations]
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let project = linked::open()?;
    let target = linked::target(&project, options.environment.environment.as_deref())?;
    let address = linked::server(&target)?;
    let (name, versions) = meant(&project, &options.version)?;
    let (rows, runs, server) = linked::wait(async |_| {
        let mut connection = linked::connect(address, "report").await?;
        let rows = history::read(&mut connection)
            .await
            .map_err(|error| linked::refused(&error))?;
        let runs = journal::runs(&mut connection)
            .await
            .map_err(|error| linked::refused(&error))?;
        let server = connection.server_version();
        drop(project.note(&mut connection, &target).await);
        connection.close().await;
        Ok((rows, runs, format!("{}.{}", server / 10_000, server % 10_000)))
    })?;
    let versions: Vec<(&str, &str)> = versions.iter().map(|(version, file)| (&**version, &**file)).collect();
    let found = deployment(&versions, &rows, &runs);
    if found.migrations.is_empty() && found.events.is_empty() {
        let hint = "`dblsp status` shows what is applied where; name an environment with `--environment NAME`";
        return Err(Failure::usage(format!("nothing of {name} was applied to {target}"), hint).into());
    }
    if options.environment.format == Format::Json {
        linked::print_json(json!({
            "target": target.to_string(), "release": name, "server": server,
            "migrations": found.migrations, "events": found.events,
        }))?;
        return Ok(Exit::Clean);
    }
    let part = part(&target.name, &target.to_string(), &server, &found);
    let path = match &options.output {
        Some(path) => project.disk.absolute(path),
        None => project.places().above.join(format!("docs/{name}_DEPLOYMENT-REPORT.md")),
    };
    write(&project, &path, &name, &target.name, &part)?;
    terminal::print(&format!("{}: {target}\n", project.disk.show(&path)))?;
    Ok(Exit::Clean)
}

/// What the migrations are called together, and which they are: version and file.
fn meant(project: &Linked, asked: &str) -> Result<(String, Vec<(String, String)>), Failure> {
    let release = Release::parse(asked);
    let is_meant = |migration: &&analysis::history::Migration| match release {
        Some(release) => migration.release() == Some(release),
        None => migration.version == asked,
    };
    let found = project.history.migrations.iter().filter(is_meant);
    let found: Vec<(String, String)> = found
        .map(|migration| (migration.version.clone(), migration.file_name().to_owned()))
        .collect();
    if found.is_empty() {
        let hint = "name a version that files are named after, like `v0.7.0`, or a migration's timestamp";
        return Err(Failure::usage(format!("no migration belongs to `{asked}`"), hint));
    }
    Ok((
        release.map_or_else(|| asked.to_owned(), |release| format!("v{release}")),
        found,
    ))
}

fn write(project: &Linked, path: &Path, name: &str, environment: &str, part: &str) -> anyhow::Result<()> {
    let existing = fs::read_to_string(path).ok();
    let before = existing.clone().unwrap_or_else(|| project::report::empty(name));
    let Some(text) = project::report::update(&before, environment, part) else {
        let shown = project.disk.show(path);
        let hint = "move what you wrote out from between its marks, or delete the part; then run this again";
        return Err(Failure::usage(
            format!("the part about {environment} in `{shown}` was changed by hand"),
            hint,
        )
        .into());
    };
    let kind = match existing {
        None => WriteKind::Create,
        Some(from) => WriteKind::Change {
            from,
            what: format!("the part about {environment}"),
        },
    };
    let write = Write {
        path: path.to_path_buf(),
        text,
        kind,
    };
    Ok(write_all(&project.disk, &[write])?)
}

/// What is said of an environment.
fn part(name: &str, target: &str, server: &str, found: &Deployment) -> String {
    let now = time(&person::now());
    let mut out = format!("## {name}\n\n{target}, PostgreSQL {server}; read on {now} UTC.\n\n");
    out.push_str(
        "| Migration | Applied (UTC) | By | Time | Smoke test | Snapshots |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    out.extend(found.migrations.iter().map(line));
    out.push_str(
        "\n### Benchmarks\n\n| After | Time | Database | Growth | Counted |\n| --- | --- | --- | --- | --- |\n",
    );
    out.extend(found.migrations.iter().filter(|it| it.started.is_some()).map(benchmark));
    out.push_str("\n### Alerts\n\n");
    let alerts = found
        .migrations
        .iter()
        .flat_map(|it| it.alerts.iter().map(move |alert| (it, alert)));
    let alerts: Vec<String> = alerts
        .map(|(it, alert)| format!("- `{}`: {}\n", it.file, plain(alert)))
        .collect();
    out.push_str(if alerts.is_empty() { "None.\n" } else { "" });
    out.extend(alerts);
    let confirmed = confirmed(&found.migrations);
    if !confirmed.is_empty() {
        out.push_str("\n### Confirmed\n\n");
        out.extend(confirmed);
    }
    if !found.events.is_empty() {
        out.push_str("\n### Also\n\n");
        out.extend(found.events.iter().map(event));
    }
    out
}

/// What was confirmed, with everybody who did and when: for every migration anew.
fn confirmed(migrations: &[Deployed]) -> Vec<String> {
    let mut said: Vec<(&str, Vec<String>)> = Vec::new();
    for [text, who, at] in migrations.iter().flat_map(|it| &it.confirmations) {
        let by = format!("{}, {}", plain(who), time(at));
        match said.iter_mut().find(|(known, _)| known == text) {
            Some((_, all)) => all.push(by),
            None => said.push((text, vec![by])),
        }
    }
    let line = |(text, all): (&str, Vec<String>)| format!("- {} ({})\n", plain(text), all.join("; "));
    said.into_iter().map(line).collect()
}

fn line(it: &Deployed) -> String {
    let applied = it.started.as_deref().map_or_else(|| "not by dblsp".to_owned(), time);
    let state = if it.is_there { "" } else { ", undone since" };
    let again = if it.attempts > 1 {
        format!(" (attempt {})", it.attempts)
    } else {
        String::new()
    };
    let test = match it.smoke_test {
        Some(true) => "passed",
        Some(false) => "failed",
        None => "-",
    };
    let snapshots = [&it.snapshot_before, &it.snapshot_after].into_iter().flatten();
    let snapshots: Vec<String> = snapshots.map(|path| format!("`{path}`")).collect();
    let snapshots = if snapshots.is_empty() {
        "-".to_owned()
    } else {
        snapshots.join(", ")
    };
    format!(
        "| `{}` | {applied}{state} | {} | {}{again} | {test} | {snapshots} |\n",
        it.file,
        it.who.as_deref().map_or_else(|| "-".to_owned(), plain),
        duration(it.milliseconds)
    )
}

fn benchmark(it: &Deployed) -> String {
    let size = |value: Option<i64>| {
        value
            .map(i64::unsigned_abs)
            .map_or_else(|| "-".to_owned(), bytes_in_words)
    };
    let sign = match it.growth {
        Some(growth) if growth < 0 => "−",
        Some(_) => "+",
        None => "",
    };
    let counts: Vec<String> = it
        .counts
        .iter()
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    format!(
        "| `{}` | {} | {} | {sign}{} | {} |\n",
        it.file,
        duration(it.milliseconds),
        size(it.database_size),
        size(it.growth),
        counts.join(", ")
    )
}

fn event(it: &Happened) -> String {
    let verb = serde_json::to_value(it.verb).unwrap_or_default();
    let (verb, state) = (verb.as_str().unwrap_or_default(), it.state.name().replace('_', " "));
    let note = it
        .note
        .as_deref()
        .map_or_else(String::new, |note| format!(": {}", plain(note)));
    format!(
        "- {}: {verb} of `{}` by {}, {state}{note}\n",
        time(&it.when),
        it.file,
        plain(&it.who)
    )
}

/// `2.3 s`
#[allow(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn duration(milliseconds: Option<i64>) -> String {
    match milliseconds {
        Some(short) if short < 1000 => format!("{short} ms"),
        Some(long) => format!("{:.1} s", long as f64 / 1000.0),
        None => "-".to_owned(),
    }
}

/// `2025-10-26 21:15:00` of `2025-10-26T21:15:00Z`
fn time(text: &str) -> String {
    text.trim_end_matches('Z').replace('T', " ")
}

/// On one line, and no table of its own.
fn plain(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.replace('|', "\\|").replace("<!--", "<! --")
}
