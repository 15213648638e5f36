//! Replay against PostgreSQL: after the same files, both must hold the same objects with the same attributes.

mod oracle;
mod support;

use std::path::Path;

use analysis::history::{Base, History, Migration};
use analysis::schema::catalog::Catalog;
use analysis::schema::timeline::Timeline;
use database::Shadow;

/// Small histories with something in them that is easy to get wrong: `-- == name` begins one, `-- file` the next file.
const HISTORIES: &str = include_str!("histories/tricky.sql");

fn history(base: Base, files: &[&str]) -> History {
    let migration = |(at, text): (usize, &&str)| Migration::new(&format!("{:03}.sql", at + 1), text);
    History {
        migrations: files.iter().enumerate().map(migration).collect(),
        complete: true,
        base,
        ..History::default()
    }
}

fn tricky() -> Vec<(&'static str, History)> {
    let texts = HISTORIES.split("-- == ").skip(1);
    let histories = texts.map(|text| {
        let (name, files) = text.split_once('\n').expect("a heading ends its line");
        let base = if name.ends_with("(supabase)") {
            Base::Supabase
        } else {
            Base::Empty
        };
        (name, history(base, &files.split("-- file\n").collect::<Vec<_>>()))
    });
    histories.collect()
}

/// What a server and replay say differently, a line each.
async fn disagreements(shadow: &Shadow, database: &str, history: &History) -> Vec<String> {
    let documents = project::documents(history);
    let applied = oracle::apply(shadow, database, history, &documents).await;
    let settings = oracle::settings(u16::try_from(shadow.major()).expect("a small number"));
    let replayed = oracle::replay(&applied.history, &settings);
    let mut found: Vec<String> = applied
        .refused
        .iter()
        .map(|(path, why)| format!("the server refuses {path}: {why}"))
        .collect();
    for judged in oracle::compare(&applied.objects, &replayed) {
        for (facet, server, replay) in &judged.differences {
            let (class, identity) = &judged.name;
            found.push(format!(
                "{class} {identity} {facet}: server {server:?}, replay {replay:?}"
            ));
        }
    }
    found
}

#[tokio::test]
async fn replay_agrees_with_the_server_on_tricky_histories() {
    let Some(shadow) = support::shadow().await else { return };
    let only = std::env::var("DBLSP_ONLY").ok();
    let mut wrong = Vec::new();
    for (number, (name, history)) in tricky().into_iter().enumerate() {
        if only.as_deref().is_some_and(|only| !name.contains(only)) {
            continue;
        }
        for line in disagreements(&shadow, &format!("tricky_{number}"), &history).await {
            wrong.push(format!("{name}: {line}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn replay_agrees_with_the_server_on_the_reference_project() {
    let Some(shadow) = support::shadow().await else { return };
    let history = reference();
    assert!(!history.migrations.is_empty());
    let wrong = disagreements(&shadow, "reference", &history).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn reference() -> History {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../supabase/migrations");
    let folder = std::fs::canonicalize(folder).expect("the reference project is there");
    let request = project::Request {
        disk: project::files::Disk::new(&folder),
        paths: vec![folder.clone()],
        folder,
        selection: project::Selection::All,
        settings: None,
    };
    let loaded = project::load(&request);
    let histories = loaded.projects.into_iter().flat_map(|project| project.histories);
    histories
        .max_by_key(|history| history.migrations.len())
        .expect("a history")
}

/// The changes of a step are all that it does: carrying them out on the catalog before it gives the one after it, but
/// for the words of rules and statistics, which the catalog keeps beside.
#[test]
fn steps_say_everything_that_they_change() {
    let mut histories = tricky();
    histories.push(("the reference project", reference()));
    let mut wrong = Vec::new();
    for (name, history) in &histories {
        let settings = oracle::settings(15);
        let documents = project::documents(history);
        let timeline = Timeline::replay(history, &documents, &settings);
        for number in 0..history.migrations.len() {
            timeline.steps(number, history, &documents, &settings, &mut |moment| {
                let mut folded: Catalog = moment.before.clone();
                for change in &moment.step.changes {
                    folded.apply(change, moment.step.origin);
                }
                folded.rule_definitions.clone_from(&moment.after.rule_definitions);
                for (key, after) in &moment.after.others {
                    if let Some(own) = folded.others.get_mut(key) {
                        own.definition.clone_from(&after.definition);
                    }
                }
                if folded != *moment.after {
                    let text = moment.step.statement.span.slice(&history.migrations[number].text);
                    wrong.push(format!("{name}: {text}"));
                }
            });
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
