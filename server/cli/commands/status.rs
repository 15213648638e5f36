//! `dblsp status`: every migration in every environment.

use std::collections::BTreeMap;

use analysis::schema::price::bytes_in_words;
use database::history;
use database::journal::{self, Run, State, Verb};
use database::link::Linked;
use database::plan::{self, Standing};
use serde_json::{Value, json};

use crate::args::Format;
use crate::failure::Exit;
use crate::linked;
use crate::render::table;
use crate::terminal;

/// Options of `dblsp status`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Look at this environment only
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// Also show what was measured after the last migration
    #[arg(long)]
    pub(crate) metrics: bool,
    /// How to print results
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// What was seen of an environment.
struct Seen {
    name: String,
    target: String,
    /// By version; the reason where nothing could be seen.
    standings: Result<BTreeMap<String, &'static str>, String>,
    problems: bool,
    metrics: Value,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let project = linked::open()?;
    let names = match &options.environment {
        Some(name) => vec![name.clone()],
        None => project.environments(),
    };
    if let (Some(name), true) = (&options.environment, names.len() == 1) {
        // Whoever asks for one wants to know why it is not seen.
        linked::target(&project, Some(name))?;
    }
    let seen = linked::wait(async |_| {
        let mut seen = Vec::new();
        for name in names {
            if let Some(found) = look(&project, name).await {
                seen.push(found);
            }
        }
        Ok(seen)
    })?;
    let mut versions: BTreeMap<&str, String> = BTreeMap::new();
    for migration in &project.history.migrations {
        versions.insert(&migration.version, migration.file_name().to_owned());
    }
    for version in seen
        .iter()
        .filter_map(|seen| seen.standings.as_ref().ok())
        .flat_map(BTreeMap::keys)
    {
        versions
            .entry(version)
            .or_insert_with(|| format!("{version} (no file)"));
    }
    match options.format {
        Format::Json => linked::print_json(json(&versions, &seen, options.metrics))?,
        Format::Text => {
            terminal::print(&text(&versions, &seen, options.metrics))?;
            for (name, reason) in seen
                .iter()
                .filter_map(|seen| Some((&seen.name, seen.standings.as_ref().err()?)))
            {
                terminal::say(&format!("note: {name} was not seen: {reason}"));
            }
        }
    }
    let is_unseen = options.environment.is_some() && seen.iter().any(|seen| seen.standings.is_err());
    Ok(if is_unseen {
        Exit::Database
    } else if seen.iter().any(|seen| seen.problems) {
        Exit::Findings
    } else {
        Exit::Clean
    })
}

/// `None`: a throw-away, which keeps nothing to be seen.
async fn look(project: &Linked, name: String) -> Option<Seen> {
    let target = match project.target(Some(&name), &linked::lookup) {
        Ok(target) => target,
        Err(error) => {
            return Some(Seen {
                target: name.clone(),
                name,
                standings: Err(error.to_string()),
                problems: false,
                metrics: Value::Null,
            });
        }
    };
    let address = target.address()?;
    let read = async {
        let mut connection = linked::connect(address, "status")
            .await
            .map_err(|error| error.to_string())?;
        let rows = history::read(&mut connection)
            .await
            .map_err(|error| error.to_string())?;
        let runs = journal::runs(&mut connection)
            .await
            .map_err(|error| error.to_string())?;
        drop(project.note(&mut connection, &target).await);
        connection.close().await;
        Ok((rows, runs))
    };
    let read = read.await;
    let mut problems = false;
    let mut metrics = Value::Null;
    let standings = read.map(|(rows, runs)| {
        let (known, missing) = plan::standings(&project.history, &rows, &runs);
        problems = !missing.is_empty();
        metrics = last_metrics(&runs);
        let mut standings: BTreeMap<String, &'static str> = BTreeMap::new();
        for known in known {
            let is_wrong = matches!(
                known.standing,
                Standing::Edited | Standing::OutOfOrder | Standing::Interrupted
            );
            problems |= is_wrong;
            standings.insert(known.version, known.standing.name());
        }
        standings.extend(missing.into_iter().map(|row| (row.version, "missing here")));
        standings
    });
    Some(Seen {
        target: target.to_string(),
        name,
        standings,
        problems,
        metrics,
    })
}

/// What was measured after the last migration that was applied.
fn last_metrics(runs: &[Run]) -> Value {
    let last = runs
        .iter()
        .rev()
        .find(|run| run.verb == Verb::Apply && run.state == State::Finished);
    last.map_or(Value::Null, |run| {
        let mut metrics = run.metrics.clone();
        if let Some(object) = metrics.as_object_mut() {
            object.shift_insert(0, "version".into(), run.version.clone().into());
            object.insert("milliseconds".into(), json!(run.duration_ms));
        }
        metrics
    })
}

fn json(versions: &BTreeMap<&str, String>, seen: &[Seen], metrics: bool) -> Value {
    let environment = |seen: &Seen| {
        let mut out = json!({ "name": seen.name, "target": seen.target });
        if let Err(reason) = &seen.standings {
            out["unseen"] = reason.as_str().into();
        }
        if metrics {
            out["metrics"] = seen.metrics.clone();
        }
        out
    };
    let migration = |(version, file): (&&str, &String)| {
        let standings = seen.iter().filter_map(|seen| {
            let standing = seen.standings.as_ref().ok()?.get(*version).copied();
            Some((seen.name.clone(), json!(standing.unwrap_or("missing there"))))
        });
        json!({ "version": version, "file": file, "standing": standings.collect::<serde_json::Map<_, _>>() })
    };
    json!({
        "environments": seen.iter().map(environment).collect::<Vec<_>>(),
        "migrations": versions.iter().map(migration).collect::<Vec<_>>(),
    })
}

/// A measure for people.
fn metric(name: &str, value: &Value) -> String {
    match (name, value) {
        (_, Value::Null) => "-".to_owned(),
        (_, Value::String(text)) => text.clone(),
        (_, Value::Array(list)) if list.is_empty() => "none".to_owned(),
        (_, Value::Array(list)) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; "),
        (_, Value::Bool(passed)) => if *passed { "passed" } else { "failed" }.to_owned(),
        ("database_size", size) => size.as_u64().map_or_else(|| size.to_string(), bytes_in_words),
        (_, other) => other.to_string(),
    }
}

fn text(versions: &BTreeMap<&str, String>, seen: &[Seen], metrics: bool) -> String {
    let mut head = vec!["migration".to_owned()];
    head.extend(seen.iter().map(|seen| seen.name.clone()));
    let mut rows = vec![head];
    for (version, file) in versions {
        let mut row = vec![file.clone()];
        row.extend(seen.iter().map(|seen| match &seen.standings {
            Ok(standings) => standings.get(*version).copied().unwrap_or("-").to_owned(),
            Err(_) => "?".to_owned(),
        }));
        rows.push(row);
    }
    let mut out = table(&rows);
    for seen in seen.iter().filter(|seen| metrics && seen.metrics.is_object()) {
        out.push_str(&format!("\n{}\n", seen.name));
        let lines = seen.metrics.as_object().into_iter().flatten();
        let lines = lines.map(|(name, value)| vec![format!("  {}", name.replace('_', " ")), metric(name, value)]);
        out.push_str(&table(&lines.collect::<Vec<_>>()));
    }
    out
}
