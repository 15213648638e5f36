//! What `cost` says of a statement, seen on a server: every statement below is run there, and its locks, new heaps and full
//! scans are read while its transaction is still open.

mod support;

use std::collections::BTreeSet;

use analysis::history::{Base, History, Migration};
use analysis::schema::cost::{Cost, LockMode, cost};
use analysis::schema::timeline::Timeline;
use analysis::settings::Settings;
use database::{Connection, Template};

/// One of everything that a statement below changes, with rows.
const FIXTURE: &str = include_str!("cost/fixture.sql");

/// One statement a line; of several in a line, parted by `;;`, the last is looked at.
const STATEMENTS: &str = include_str!("cost/statements.sql");

/// Locks as `table MODE`, and the tables read or written from end to end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    locks: BTreeSet<String>,
    rewritten: BTreeSet<String>,
    read: BTreeSet<String>,
    /// What was locked before the statement: no more is seen there.
    touched: BTreeSet<String>,
}

const MODES: &[(&str, LockMode)] = &[
    ("RowShareLock", LockMode::RowShare),
    ("RowExclusiveLock", LockMode::RowExclusive),
    ("ShareUpdateExclusiveLock", LockMode::ShareUpdateExclusive),
    ("ShareLock", LockMode::Share),
    ("ShareRowExclusiveLock", LockMode::ShareRowExclusive),
    ("ExclusiveLock", LockMode::Exclusive),
    ("AccessExclusiveLock", LockMode::AccessExclusive),
];

/// Name, heap file, number of full scans and new locks of everything that is no index.
const RELATIONS: &str = "SELECT c.oid::text, c.relname, c.relfilenode::text, pg_stat_get_xact_numscans(c.oid)::text, \
                         c.relkind::text, \
                         (SELECT string_agg(mode, ' ') FROM pg_locks WHERE pid = pg_backend_pid() AND relation = c.oid) \
                         FROM pg_class AS c WHERE relkind IN ('r', 'p', 'v', 'm', 'S') \
                         AND relnamespace = 'public'::regnamespace";

/// `None` where the server refuses it.
async fn observed(session: &mut Connection, setup: &[&str], statement: &str) -> Result<Seen, String> {
    session.execute("BEGIN").await.map_err(|error| error.to_string())?;
    for statement in setup {
        session.execute(statement).await.map_err(|error| error.to_string())?;
    }
    let before = session.rows(RELATIONS).await.map_err(|error| error.to_string())?;
    session.execute(statement).await.map_err(|error| error.to_string())?;
    let after = session.rows(RELATIONS).await.map_err(|error| error.to_string())?;
    // What was dropped has no row any more, but is still locked: its lock is looked up by number.
    let mut seen = Seen::default();
    for old in &before {
        let [Some(oid), Some(name), file, scans, Some(kind), held] = old.as_slice() else {
            panic!("six values: {old:?}")
        };
        let locks = format!("SELECT mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation = {oid}");
        let now = session.rows(&locks).await.map_err(|error| error.to_string())?;
        let now: Vec<String> = now.into_iter().flatten().flatten().collect();
        if held.as_deref().is_some_and(|held| held != "AccessShareLock") {
            seen.touched.insert(name.clone());
        }
        let strongest = MODES.iter().rfind(|(mode, _)| now.iter().any(|own| own == mode));
        if let Some((_, mode)) = strongest {
            seen.locks.insert(format!("{name} {mode}"));
        }
        let Some([_, _, new_file, new_scans, ..]) = after.iter().find(|new| new[0] == old[0]).map(Vec::as_slice) else {
            continue;
        };
        if new_file != file && kind != "S" {
            seen.rewritten.insert(name.clone());
        }
        if new_scans != scans {
            seen.read.insert(name.clone());
        }
    }
    Ok(seen)
}

fn predicted(setup: &[&str], statement: &str) -> Cost {
    let statements: Vec<&str> = setup.iter().copied().chain([statement]).collect();
    let text = statements.join(";\n");
    let history = History {
        migrations: vec![
            Migration::new("1_fixture.sql", FIXTURE),
            Migration::new("2_last.sql", &text),
        ],
        complete: true,
        base: Base::Empty,
        ..History::default()
    };
    let documents = project::documents(&history);
    let settings = Settings::default();
    let timeline = Timeline::replay(&history, &documents, &settings);
    let mut found = Cost::default();
    timeline.steps(1, &history, &documents, &settings, &mut |moment| {
        if moment.step.number == setup.len() {
            found = cost(moment, settings.postgres);
        }
    });
    found
}

fn names<'a>(ids: impl IntoIterator<Item = &'a analysis::schema::objects::Id>) -> BTreeSet<String> {
    ids.into_iter().map(|id| id.name.to_string()).collect()
}

fn disagreement(cost: &Cost, seen: &Seen) -> Option<String> {
    let mode = |mode: &LockMode| MODES.iter().find(|(_, own)| own == mode).map_or("?", |(name, _)| name);
    let locks: BTreeSet<String> = cost
        .locks
        .iter()
        .map(|(id, held)| format!("{} {}", id.name, mode(held)))
        .collect();
    let seen_locks: BTreeSet<String> = seen
        .locks
        .iter()
        .map(|lock| {
            let (name, held) = lock.split_once(' ').expect("a name and a mode");
            let held = MODES
                .iter()
                .find(|(_, own)| format!("{own}") == held)
                .map_or("?", |(name, _)| name);
            format!("{name} {held}")
        })
        .collect();
    let is_new = |lock: &String| !seen.touched.contains(lock.split(' ').next().unwrap_or_default());
    let locks: BTreeSet<String> = locks.into_iter().filter(is_new).collect();
    let seen_locks: BTreeSet<String> = seen_locks.into_iter().filter(is_new).collect();
    let unsure = names(&cost.unsure);
    let rewritten = names(&cost.rewrites);
    let read: BTreeSet<String> = names(cost.scans.iter().chain(&cost.builds));
    // Keys are looked up in the table that they refer to, in whichever way is cheapest there.
    let only_locked = |name: &String| {
        cost.locks.iter().any(|(id, mode)| {
            id.name == *name
                && matches!(
                    mode,
                    LockMode::ShareRowExclusive | LockMode::RowShare | LockMode::RowExclusive
                )
        }) && !read.contains(name)
    };
    let seen_read: BTreeSet<String> = seen
        .read
        .iter()
        .filter(|name| !seen.rewritten.contains(*name) && !unsure.contains(*name) && !only_locked(name))
        // What a query reads holds no more than ACCESS SHARE.
        .filter(|name| cost.locks.keys().any(|id| id.name == **name))
        .cloned()
        .collect();
    let seen_rewritten: BTreeSet<String> = seen.rewritten.difference(&unsure).cloned().collect();
    let pairs = [
        ("locks", &locks, &seen_locks),
        ("rewrites", &rewritten, &seen_rewritten),
        ("reads", &read, &seen_read),
    ];
    pairs
        .into_iter()
        .find(|(_, ours, theirs)| ours != theirs)
        .map(|(what, ours, theirs)| format!("{what}: we say {ours:?}, the server {theirs:?}"))
}

#[tokio::test]
async fn every_statement_costs_what_is_predicted() {
    let Some(shadow) = support::shadow().await else { return };
    let database = shadow.database("cost", Template::Plain).await.expect("a database");
    let mut session = database.connect().await.expect("a session");
    session.execute(FIXTURE).await.expect("the fixture is valid");
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in STATEMENTS
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("--"))
    {
        let mut parts: Vec<&str> = line.split(";;").map(str::trim).collect();
        let statement = parts.pop().expect("a line has a statement");
        let seen = observed(&mut session, &parts, statement).await;
        session.execute("ROLLBACK").await.expect("a transaction to end");
        count += 1;
        match seen {
            Ok(seen) => {
                if let Some(difference) = disagreement(&predicted(&parts, statement), &seen) {
                    wrong.push(format!("{line}\n    {difference}"));
                }
            }
            Err(error) => wrong.push(format!("{line}\n    the server refuses it: {error}")),
        }
    }
    assert!(count > 150, "{count} statements");
    assert!(
        wrong.is_empty(),
        "{} of {count} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
