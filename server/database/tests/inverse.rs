//! What undoes a migration, on a server: it is applied, its generated rollback is run, and everything must be as before.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use analysis::history::{Base, History, Migration};
use analysis::schema::inverse::{Rollback, inverse};
use analysis::schema::timeline::Timeline;
use analysis::settings::Settings;
use analysis::sql;
use database::canonical::{self, Known};
use database::{Connection, Database, Shadow, Template};

/// One of everything that a statement below changes.
const FIXTURE: &str = include_str!("inverse/fixture.sql");

/// One migration a line, its statements parted by `;;`.
const STATEMENTS: &str = include_str!("inverse/statements.sql");

/// What PostgreSQL prints of every object.
const DEFINITIONS: &str = include_str!("inverse/definitions.sql");

/// Everything about a database, by class and name. Places of columns are left out: one that comes back is the last.
type Everything = BTreeSet<String>;

async fn everything(session: &mut Connection, known: &Known) -> Everything {
    let mut all = Everything::new();
    for mut row in canonical::read(session, known).await.expect("the catalog can be read") {
        row.facets.remove("position");
        if let Some(serde_json::Value::Array(attributes)) = row.facets.get_mut("attributes") {
            attributes.sort_by_key(ToString::to_string);
        }
        let facets: BTreeMap<_, _> = row.facets.into_iter().collect();
        all.insert(format!("{} {} {facets:?}", row.class, row.identity));
    }
    session.execute("set search_path = ''").await.expect("a setting");
    let rows = session.rows(DEFINITIONS).await.expect("definitions can be read");
    session.execute("reset search_path").await.expect("a setting");
    for row in rows {
        let words: Vec<String> = row
            .into_iter()
            .map(|value| sorted_acl(&value.unwrap_or_default()))
            .collect();
        all.insert(words.join(" "));
    }
    all
}

/// The grantees of access lists in one order.
fn sorted_acl(text: &str) -> String {
    let mut out = String::new();
    for part in text.split_inclusive('}') {
        match part.rfind('{') {
            Some(at) if part[at..].contains('=') && part[at..].contains('/') => {
                let mut items: Vec<&str> = part[at + 1..].trim_end_matches('}').split(',').collect();
                items.sort_unstable();
                out.push_str(&format!("{}{{{}}}", &part[..at], items.join(",")));
            }
            _ => out.push_str(part),
        }
    }
    out
}

fn difference(before: &Everything, after: &Everything) -> Option<String> {
    let missing = before.difference(after).map(|row| format!("    missing: {row}"));
    let added = after.difference(before).map(|row| format!("    added:   {row}"));
    let lines: Vec<String> = missing.chain(added).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn rollback_of(base: Base, files: &[&str]) -> (Rollback, String) {
    let migrations = files.iter().enumerate();
    let history = History {
        migrations: migrations
            .map(|(number, text)| Migration::new(&format!("{number}.sql"), text))
            .collect(),
        complete: true,
        base,
        ..History::default()
    };
    let documents = project::documents(&history);
    let settings = Settings::default();
    let timeline = Timeline::replay(&history, &documents, &settings);
    let number = files.len() - 1;
    let rollback = inverse(&timeline, number, &history, &documents, &settings);
    let text = rollback.to_sql(&format!("{number}.sql"), files[number]);
    (rollback, text)
}

/// Runs the statements of a file, each in the transaction that the file asks for.
async fn run(session: &mut Connection, text: &str) -> Result<(), String> {
    for statement in &sql::parse(text).statements {
        let sql = statement.span.slice(text);
        if let Err(error) = session.execute(sql).await {
            session.execute("rollback").await.expect("a server");
            session.execute("reset all").await.expect("a server");
            return Err(format!("{sql}\n    {error}"));
        }
    }
    session.execute("reset all").await.expect("a server");
    Ok(())
}

/// A database with the fixture, and what is in it.
struct Prepared {
    database: Database,
    session: Connection,
    harness: Connection,
    before: Everything,
}

async fn prepared(shadow: &Shadow, template: Template, known: &Known, fixture: &str) -> Prepared {
    let database = shadow.database("inverse", template).await.expect("a database");
    let mut session = database.connect().await.expect("a session");
    run(&mut session, fixture).await.expect("the fixture is valid");
    let mut harness = database.harness().await.expect("a session");
    let before = everything(&mut harness, known).await;
    Prepared {
        database,
        session,
        harness,
        before,
    }
}

/// What is wrong with the rollback of a migration, and whether the database is as before.
async fn judged(prepared: &mut Prepared, base: Base, fixture: &str, migration: &str, known: &Known) -> (Verdict, bool) {
    let (rollback, text) = rollback_of(base, &[fixture, migration]);
    if let Err(error) = run(&mut prepared.session, migration).await {
        return (Verdict::Refused(error), false);
    }
    let outcome = run(&mut prepared.session, &text).await;
    let after = everything(&mut prepared.harness, known).await;
    let difference = difference(&prepared.before, &after);
    let is_clean = difference.is_none();
    let verdict = match (rollback.has_todo(), outcome, difference) {
        (true, Ok(()), _) => Verdict::Todo,
        (_, Err(error), _) => Verdict::Wrong(format!("the server refuses {error}\n{text}")),
        (false, Ok(()), Some(difference)) => Verdict::Wrong(format!("{difference}\n{text}")),
        (false, Ok(()), None) => Verdict::Restored,
    };
    (verdict, is_clean)
}

enum Verdict {
    Restored,
    Todo,
    Refused(String),
    Wrong(String),
}

async fn judge_all(template: Template, base: Base) {
    let Some(shadow) = support::shadow().await else { return };
    let plain = shadow.database("known", template).await.expect("a database");
    let mut harness = plain.harness().await.expect("a session");
    let known = Known::read(&mut harness).await.expect("roles");
    let mut current = prepared(&shadow, template, &known, FIXTURE).await;
    let chosen = std::env::var("DBLSP_INVERSE_ONLY").ok();
    let (mut wrong, mut todo, mut count) = (Vec::new(), Vec::new(), 0);
    for line in STATEMENTS.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if chosen.as_ref().is_some_and(|part| !line.contains(part.as_str())) {
            continue;
        }
        let migration = line.replace(" ;; ", ";\n") + ";";
        let (verdict, is_clean) = judged(&mut current, base, FIXTURE, &migration, &known).await;
        count += 1;
        match verdict {
            Verdict::Restored => {}
            Verdict::Todo => todo.push(line.to_owned()),
            Verdict::Refused(error) => wrong.push(format!("{line}\n    the server refuses the migration: {error}")),
            Verdict::Wrong(what) => wrong.push(format!("{line}\n{what}")),
        }
        if !is_clean {
            current.session.close().await;
            current.harness.close().await;
            shadow.discard(current.database).await.expect("a server");
            let mut cleaner = plain.harness().await.expect("a session");
            for role in ["clerk", "other"] {
                let _ = cleaner.execute(&format!("drop role if exists {role}")).await;
            }
            current = prepared(&shadow, template, &known, FIXTURE).await;
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count} are wrong, {} have a TODO:\n{}\n\nTODO:\n{}",
        wrong.len(),
        todo.len(),
        wrong.join("\n\n"),
        todo.join("\n")
    );
    assert!(
        todo.len() < 20,
        "{} of {count} have a TODO:\n{}",
        todo.len(),
        todo.join("\n")
    );
}

#[tokio::test]
async fn every_statement_is_undone() {
    judge_all(Template::Plain, Base::Empty).await;
}

#[tokio::test]
async fn every_statement_is_undone_on_supabase() {
    judge_all(Template::Supabase, Base::Supabase).await;
}
