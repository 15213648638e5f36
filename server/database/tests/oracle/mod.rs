//! Applies a history to a real server and replays it, and says object by object where the two disagree.
#![allow(
    dead_code,
    reason = "the example and the tests each use their own part of this module"
)]

use std::collections::{BTreeMap, BTreeSet};

use analysis::Document;
use analysis::history::{Base, History, Migration};
use analysis::schema::canonical::{self, Replayed};
use analysis::schema::catalog::Catalog;
use analysis::schema::timeline::Timeline;
use analysis::settings::{Runner, Settings};
use analysis::text::Span;
use database::canonical::{Known, Row};
use database::rehearse::{File, Outcome, apply_file};
use database::{Shadow, Template};
use serde_json::Value;

/// A class and an identity in it.
pub(crate) type Name = (String, String);
/// Facets by object.
pub(crate) type Objects = BTreeMap<Name, BTreeMap<String, Value>>;

/// What a server made of a history.
pub(crate) struct Applied {
    /// The part of the history that is in the database.
    pub(crate) history: History,
    /// Files that the server refused, and why.
    pub(crate) refused: Vec<(String, String)>,
    /// What the history added and changed.
    pub(crate) objects: Objects,
}

/// Applies a history, file by file; a file that fails is left out.
pub(crate) async fn apply(shadow: &Shadow, name: &str, history: &History, documents: &[Document]) -> Applied {
    let template = match history.base {
        Base::Empty => Template::Plain,
        Base::Supabase => Template::Supabase,
    };
    let database = shadow.database(name, template).await.expect("a database");
    let mut session = database.connect().await.expect("a session");
    let mut harness = database.harness().await.expect("a session");
    let known = Known::read(&mut harness).await.expect("roles");
    let before = database::canonical::read(&mut harness, &known).await.expect("rows");
    let mut applied = History {
        migrations: Vec::new(),
        ..history.clone()
    };
    let mut refused = Vec::new();
    for (migration, document) in history.migrations.iter().zip(documents) {
        let file = file(migration, document);
        match apply_file(&mut session, &file).await.expect("the server is there") {
            Outcome::Applied => applied.migrations.push(migration.clone()),
            Outcome::NotSql { .. } => refused.push((migration.path.clone(), "psql only".into())),
            Outcome::Failed(failure) => {
                let error = &failure.error;
                refused.push((migration.path.clone(), format!("{} {}", error.sqlstate, error.message)));
                if failure.partial {
                    applied
                        .migrations
                        .push(first_statements(migration, document, failure.statement));
                }
            }
        }
    }
    let after = database::canonical::read(&mut harness, &known).await.expect("rows");
    session.close().await;
    harness.close().await;
    shadow.discard(database).await.expect("the database goes");
    let before: BTreeMap<Name, _> = before.into_iter().map(named).collect();
    let new = after.into_iter().filter(|row| !is_own_default(row)).map(named);
    Applied {
        history: applied,
        refused,
        objects: new.filter(|(name, facets)| before.get(name) != Some(facets)).collect(),
    }
}

fn named(row: Row) -> (Name, BTreeMap<String, Value>) {
    ((row.class, row.identity), row.facets)
}

/// The default privileges of a role for itself: PostgreSQL lists them as soon as others have some.
fn is_own_default(row: &Row) -> bool {
    let role = row.identity.split('.').next().unwrap_or_default();
    row.class == "default_privilege" && row.identity.rsplit('.').next() == Some(role)
}

pub(crate) fn file(migration: &Migration, document: &Document) -> File {
    let statements = document.file.statements.iter();
    File {
        path: migration.path.clone(),
        statements: statements.map(|s| s.span.slice(&migration.text).to_owned()).collect(),
        transactional: true,
    }
}

/// What stays of a file that failed outside of a transaction: the statements before the failing one.
fn first_statements(migration: &Migration, document: &Document, failed: usize) -> Migration {
    let end = document.file.statements[..failed]
        .last()
        .map_or(0, |last| last.span.end);
    let mut text = migration.text[..end as usize].to_owned();
    text.push(';');
    Migration {
        forward: Span::new(0, text.len()),
        text: text.into(),
        ..migration.clone()
    }
}

/// The settings under which the harness applies files.
pub(crate) fn settings(postgres: u16) -> Settings {
    Settings {
        postgres,
        runner: Runner::Supabase,
        ..Settings::default()
    }
}

/// What replay says that a history added and changed.
pub(crate) fn replay(history: &History, settings: &Settings) -> Vec<Replayed> {
    let documents: Vec<Document> = history.migrations.iter().map(analysis::read).collect();
    let timeline = Timeline::replay(history, &documents, settings);
    let nothing = Catalog::default();
    let before = canonical::rows(&Catalog::base(history.base, settings.postgres), &nothing);
    let before: BTreeMap<_, _> = before
        .iter()
        .map(|old| ((&old.row.class, &old.row.identity), &old.row.facets))
        .collect();
    let mut after = canonical::rows(timeline.last(), &nothing);
    after.retain(|new| before.get(&(&new.row.class, &new.row.identity)) != Some(&&new.row.facets));
    after
}

/// An object that both sides should agree about.
pub(crate) struct Judged {
    /// Class and identity.
    pub(crate) name: Name,
    /// Whether replay is sure of it. What it does not know at all it is not sure of.
    pub(crate) certain: bool,
    /// Facet, what the server says, what replay says; `None`: no such object.
    pub(crate) differences: Vec<(String, Option<Value>, Option<Value>)>,
}

/// Compares object by object.
pub(crate) fn compare(server: &Objects, replay: &[Replayed]) -> Vec<Judged> {
    let mut left: BTreeMap<&Name, _> = server.iter().collect();
    let mut judged = Vec::new();
    for new in replay {
        let name = (new.row.class.clone(), new.row.identity.clone());
        let theirs = left.remove(&name);
        judged.push(Judged {
            certain: new.certainty.is_certain(),
            differences: differences(theirs, &new.row.facets),
            name,
        });
    }
    judged.extend(left.into_keys().map(|name| Judged {
        name: name.clone(),
        certain: false,
        differences: vec![("exists".into(), Some(true.into()), None)],
    }));
    judged.sort_by(|a, b| a.name.cmp(&b.name));
    judged
}

fn differences(
    server: Option<&BTreeMap<String, Value>>,
    replay: &BTreeMap<String, Value>,
) -> Vec<(String, Option<Value>, Option<Value>)> {
    let Some(server) = server else {
        return vec![("exists".into(), None, Some(true.into()))];
    };
    let facets: BTreeSet<&String> = server.keys().chain(replay.keys()).collect();
    facets
        .into_iter()
        .filter(|facet| server.get(*facet) != replay.get(*facet))
        .map(|facet| (facet.clone(), server.get(facet).cloned(), replay.get(facet).cloned()))
        .collect()
}
