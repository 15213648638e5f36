//! What stands over a migration: its rollback, its smoke test, and what it comes to.

use std::sync::Arc;

use analysis::ide::lenses::{Companion, Lenses, lenses};
use analysis::proof::Verdict;
use serde_json::{Value, json};
use tower_lsp::ls_types::{CodeLens, CodeLensParams, Command};

use crate::asked::Asked;
use crate::commands;
use crate::state::Shared;

pub(crate) async fn all(shared: &Arc<Shared>, params: CodeLensParams) -> Option<Vec<CodeLens>> {
    let uri = params.text_document.uri;
    shared
        .about(&uri.clone(), "counting what a migration does", move |asked| {
            let found = lenses(asked.ide, asked.file)?;
            let own = json!(uri);
            let lens = |(title, command, arguments): (String, &str, Vec<Value>)| CodeLens {
                range: asked.range(found.span),
                command: Some(Command::new(title, command.to_owned(), Some(arguments))),
                data: None,
            };
            let companions = [
                (&found.rollback, "rollback", commands::CREATE_ROLLBACK),
                (&found.smoke_test, "smoke test", commands::CREATE_SMOKE_TEST),
            ];
            let companions = companions
                .into_iter()
                .filter_map(|(companion, noun, create)| about(asked, companion, noun, create, &own));
            // A command without a name is shown and cannot be run.
            let summary = (summary(&found), "", Vec::new());
            let proven = proven(asked, &found.rollback, &own);
            let applied = applied(asked).map(|words| (words, "", Vec::new()));
            Some(
                companions
                    .chain(proven)
                    .chain(applied)
                    .chain([summary])
                    .map(lens)
                    .collect(),
            )
        })
        .await
}

fn about(
    asked: &Asked<'_>,
    companion: &Companion,
    noun: &str,
    create: &'static str,
    own: &Value,
) -> Option<(String, &'static str, Vec<Value>)> {
    match companion {
        Companion::Present(Some(path)) => {
            let snapshot = asked.question.snapshot;
            let uri = snapshot.uri(&snapshot.path(path))?;
            Some((format!("Open the {noun}"), commands::OPEN, vec![json!(uri)]))
        }
        Companion::Present(None) => Some((format!("Has its {noun}"), "", Vec::new())),
        Companion::Missing(_) => Some((format!("No {noun}: create it"), create, vec![own.clone()])),
        Companion::NotNeeded => None,
    }
}

/// Whether its rollback is proven; where nobody has asked, how to.
fn proven(asked: &Asked<'_>, rollback: &Companion, own: &Value) -> Option<(String, &'static str, Vec<Value>)> {
    let (view, _) = asked.question.snapshot.find(asked.question.path)?;
    let migration = asked.ide.migration(asked.file)?;
    let is_trusted = asked.question.shared.session().options.trusted;
    let is_there = matches!(rollback, Companion::Present(Some(_)));
    let words = match view.history.proofs.get(&migration.path).filter(|_| is_there) {
        Some(proof) if !proof.is_current => "Rollback not proven since it was changed".to_owned(),
        Some(proof) => match proof.verdict {
            Verdict::Proven => "Rollback proven".to_owned(),
            Verdict::Reordered => "Rollback proven (columns reordered)".to_owned(),
            verdict => {
                let why = proof.reason.as_deref().unwrap_or(verdict.name());
                format!("Rollback not proven: {why}")
            }
        },
        None if is_there && is_trusted => "Prove the rollback".to_owned(),
        None => return None,
    };
    if is_trusted {
        Some((words, commands::PROVE, vec![own.clone()]))
    } else {
        Some((words, "", Vec::new()))
    }
}

/// Where it is applied, as far as anybody has looked.
fn applied(asked: &Asked<'_>) -> Option<String> {
    let version = &asked.ide.migration(asked.file)?.version;
    let had = asked.ide.history.databases.with(version);
    let environments: Vec<&str> = had.map(|environment| environment.name.as_str()).collect();
    (!environments.is_empty()).then(|| format!("Applied on {}", environments.join(", ")))
}

fn summary(found: &Lenses) -> String {
    let counts = [
        ("creates", found.created),
        ("changes", found.changed),
        ("drops", found.dropped),
    ];
    let told = counts.iter().filter(|(_, count)| *count > 0);
    let told: Vec<String> = told.map(|(verb, count)| format!("{verb} {count}")).collect();
    if told.is_empty() {
        "leaves the schema as it is".to_owned()
    } else {
        told.join(" · ")
    }
}
