//! What undoes a migration, on a server: it is applied, its generated rollback is run, and everything must be as before.

#[path = "inverse/everything.rs"]
mod everything;
#[path = "inverse/random.rs"]
mod random;
mod support;

use analysis::history::{Base, History, Migration};
use analysis::schema::inverse::{Rollback, inverse};
use analysis::schema::timeline::Timeline;
use analysis::settings::Settings;
use analysis::sql;
use database::canonical::Known;
use database::{Connection, Database, Shadow, Template};
use everything::{Everything, difference, everything};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use random::{Choice, Model, choices};

/// One of everything that a statement below changes.
const FIXTURE: &str = include_str!("inverse/fixture.sql");

/// One migration a line, its statements parted by `;;`. `TODO reason ::` stands before those that leave something to a
/// person.
const STATEMENTS: &str = include_str!("inverse/statements.sql");

/// A migration, and why its rollback must say that a person has to finish it.
struct Case<'a> {
    sql: &'a str,
    left: Option<&'a str>,
}

fn cases(chosen: Option<&str>) -> impl Iterator<Item = Case<'static>> {
    let lines = STATEMENTS.lines().map(str::trim).filter(|line| !line.is_empty());
    let cases = lines.map(
        |line| match line.strip_prefix("TODO ").and_then(|rest| rest.split_once(" :: ")) {
            Some((reason, sql)) => Case {
                sql,
                left: Some(reason),
            },
            None => Case { sql: line, left: None },
        },
    );
    cases.filter(move |case| chosen.is_none_or(|part| case.sql.contains(part)))
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
    let verdict = match (outcome, difference) {
        _ if rollback.has_todo() => Verdict::Todo(text),
        (Err(error), _) => Verdict::Wrong(format!("the server refuses {error}\n{text}")),
        (Ok(()), Some(difference)) => Verdict::Wrong(format!("{difference}\n{text}")),
        (Ok(()), None) => Verdict::Restored,
    };
    (verdict, is_clean)
}

enum Verdict {
    Restored,
    /// With the script.
    Todo(String),
    Refused(String),
    Wrong(String),
}

/// What is not as a case says.
fn wrong(case: &Case<'_>, verdict: Verdict) -> Option<String> {
    let Case { sql, left } = case;
    match (verdict, left) {
        (Verdict::Restored, None) => None,
        (Verdict::Todo(text), Some(reason)) if text.contains(&format!("-- TODO: {reason}")) => None,
        (Verdict::Todo(text), _) => Some(format!("{sql}\n    something is left to a person:\n{text}")),
        (Verdict::Restored, Some(reason)) => Some(format!("{sql}\n    nothing is left to a person: {reason}")),
        (Verdict::Refused(error), _) => Some(format!("{sql}\n    the server refuses the migration: {error}")),
        (Verdict::Wrong(what), _) => Some(format!("{sql}\n{what}")),
    }
}

async fn judge_all(template: Template, base: Base) {
    let Some(shadow) = support::shadow().await else { return };
    let plain = shadow.database("known", template).await.expect("a database");
    let mut harness = plain.harness().await.expect("a session");
    let known = Known::read(&mut harness).await.expect("roles");
    let mut current = prepared(&shadow, template, &known, FIXTURE).await;
    let chosen = std::env::var("DBLSP_INVERSE_ONLY").ok();
    let (mut found, mut count) = (Vec::new(), 0);
    for case in cases(chosen.as_deref()) {
        let migration = case.sql.replace(" ;; ", ";\n") + ";";
        let (verdict, is_clean) = judged(&mut current, base, FIXTURE, &migration, &known).await;
        count += 1;
        found.extend(wrong(&case, verdict));
        if !is_clean {
            current.session.close().await;
            current.harness.close().await;
            shadow.discard(current.database).await.expect("a server");
            let mut cleaner = plain.harness().await.expect("a session");
            for role in ["clerk", "other", "scribe"] {
                let _ = cleaner.execute(&format!("drop role if exists {role}")).await;
            }
            current = prepared(&shadow, template, &known, FIXTURE).await;
        }
    }
    assert!(
        found.is_empty(),
        "{} of {count} are wrong:\n{}",
        found.len(),
        found.join("\n\n")
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

/// What a random migration came to.
enum Random {
    Restored,
    /// The server refuses what the model takes for valid.
    Invalid,
    Wrong(String),
}

async fn random(session: &mut Connection, harness: &mut Connection, known: &Known, files: &(String, String)) -> Random {
    let clean = "drop schema if exists s cascade; create schema s";
    session.execute(clean).await.expect("a server");
    let (first, second) = files;
    if run(session, first).await.is_err() {
        return Random::Invalid;
    }
    let before = everything(harness, known).await;
    if run(session, second).await.is_err() {
        return Random::Invalid;
    }
    let (rollback, text) = rollback_of(Base::Empty, &["create schema s;", first, second]);
    if rollback.has_todo() {
        return Random::Wrong(format!("a TODO\n{first}\n-- then\n{second}\n{text}"));
    }
    if let Err(error) = run(session, &text).await {
        return Random::Wrong(format!(
            "the server refuses {error}\n{first}\n-- then\n{second}\n{text}"
        ));
    }
    let after = everything(harness, known).await;
    match difference(&before, &after) {
        None => Random::Restored,
        Some(unlike) => Random::Wrong(format!("{unlike}\n{first}\n-- then\n{second}\n{text}")),
    }
}

fn files((first, second): &(Vec<Choice>, Vec<Choice>)) -> (String, String) {
    let mut model = Model::default();
    let mut file = |choices: &[Choice]| {
        let statements = choices.iter().filter_map(|choice| model.statement(*choice));
        let mut text = "set search_path = s, public;\n".to_owned();
        statements.for_each(|statement| text.push_str(&format!("{statement};\n")));
        text
    };
    (file(first), file(second))
}

/// So many by default; `DBLSP_SEQUENCES` says another number.
const SEQUENCES: u32 = 200;

#[allow(clippy::print_stderr, reason = "for docs/accuracy.md")]
fn told(valid: u32, cases: u32) {
    eprintln!("{valid} of {cases} random migrations are valid, and all of these are undone");
}

#[test]
fn random_migrations_on_random_catalogs_are_undone() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let Some(shadow) = runtime.block_on(support::shadow()) else {
        return;
    };
    let (mut session, mut harness, known) = runtime.block_on(async {
        let database = shadow.database("random", Template::Plain).await.expect("a database");
        let session = database.connect().await.expect("a session");
        let mut harness = database.harness().await.expect("a session");
        let known = Known::read(&mut harness).await.expect("roles");
        (session, harness, known)
    });
    let asked = std::env::var("DBLSP_SEQUENCES").ok();
    let cases = asked.and_then(|number| number.parse().ok()).unwrap_or(SEQUENCES);
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 300,
        ..Config::default()
    };
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(config, seed);
    let cell = std::cell::RefCell::new((&mut session, &mut harness));
    let valid = std::cell::Cell::new(0);
    let outcome = runner.run(&choices(), |choices| {
        let files = files(&choices);
        let mut place = cell.borrow_mut();
        let (session, harness) = &mut *place;
        match runtime.block_on(random(session, harness, &known, &files)) {
            Random::Restored => {
                valid.set(valid.get() + 1);
                Ok(())
            }
            Random::Invalid => Ok(()),
            Random::Wrong(what) => Err(TestCaseError::fail(what)),
        }
    });
    if let Err(TestError::Fail(reason, _)) = outcome {
        panic!("{}", reason.message());
    }
    told(valid.get(), cases);
    assert!(
        valid.get() * 2 > cases,
        "only {} of {cases} sequences are valid",
        valid.get()
    );
}
