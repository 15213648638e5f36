//! Sessions, the Supabase CLI's history and dblsp's journal, on a real server.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use database::capture::Capture;
use database::event::Moment;
use database::journal::{self, NewRun, State, Update, Verb};
use database::lock::{Lock, LockError};
use database::notice::Severity;
use database::{Connection, Shadow, Template, history};
use serde_json::json;

async fn session(shadow: &Shadow, name: &str, template: Template) -> Connection {
    let database = shadow.database(name, template).await.expect("a database");
    Connection::connect(&database.address(), "dblsp test")
        .await
        .expect("a session")
}

#[tokio::test]
async fn a_session_hears_notices_and_takes_data() {
    let Some(shadow) = support::shadow().await else { return };
    let mut session = session(&shadow, "n", Template::Plain).await;
    session
        .execute("CREATE TABLE t (a int, b text)")
        .await
        .expect("created");
    assert_eq!(
        session
            .copy_in("COPY t FROM stdin", "1\tx\n2\t\\N\n")
            .await
            .expect("copied"),
        2
    );
    let refused = session
        .copy_in("COPY t FROM stdin", "x\ty\n")
        .await
        .expect_err("x is no number");
    assert_eq!(refused.sqlstate, "22P02");
    let missing = session
        .copy_in("COPY nosuch FROM stdin", "")
        .await
        .expect_err("there is none");
    assert_eq!(missing.sqlstate, "42P01");
    assert_eq!(
        session
            .value("SELECT count(*) FROM t")
            .await
            .expect("an answer")
            .as_deref(),
        Some("2")
    );
    assert!(session.take_notices().is_empty());
    session
        .execute("DO $$ BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two'; RAISE DEBUG 'three'; END $$")
        .await
        .expect("run");
    let heard: Vec<_> = session
        .take_notices()
        .into_iter()
        .map(|notice| (notice.severity, notice.message))
        .collect();
    assert_eq!(
        heard,
        [
            (Severity::Notice, "one".to_owned()),
            (Severity::Warning, "two".to_owned())
        ]
    );
}

#[tokio::test]
async fn a_role_without_superuser_rights_installs_the_journal_and_nobody_else_reads_it() {
    let Some(shadow) = support::shadow().await else { return };
    let mut session = session(&shadow, "j", Template::Supabase).await;
    assert!(
        history::read(&mut session)
            .await
            .expect("no table is no failure")
            .is_empty()
    );
    assert!(
        journal::runs(&mut session)
            .await
            .expect("no journal is no failure")
            .is_empty()
    );
    session
        .execute("ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO anon; ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO anon")
        .await
        .expect("granted");
    for _ in 0..2 {
        journal::install(&mut session).await.expect("installed");
    }
    let readable =
        "SELECT has_schema_privilege('anon', 'dblsp', 'USAGE') OR has_table_privilege('anon', 'dblsp.run', 'SELECT')";
    assert_eq!(session.value(readable).await.expect("an answer").as_deref(), Some("f"));
    session
        .execute(&history::insert("2", "b", &["select 'it''s'", "select E'\\n'"]))
        .await
        .expect("recorded");
    session
        .execute("INSERT INTO supabase_migrations.schema_migrations VALUES ('1')")
        .await
        .expect("recorded");
    let rows = history::read(&mut session).await.expect("readable");
    assert_eq!((rows[0].version.as_str(), &rows[0].statements), ("1", &None));
    assert_eq!(
        rows[1].statements.as_deref(),
        Some(&["select 'it''s'".to_owned(), "select E'\\n'".to_owned()][..])
    );
    session.execute(&history::delete("2")).await.expect("deleted");
    assert_eq!(history::read(&mut session).await.expect("readable").len(), 1);
}

#[tokio::test]
async fn the_first_supabase_cli_s_history_is_read_and_completed() {
    let Some(shadow) = support::shadow().await else { return };
    let mut session = session(&shadow, "o", Template::Plain).await;
    session
        .execute(
            "CREATE SCHEMA supabase_migrations;
             CREATE TABLE supabase_migrations.schema_migrations (version text PRIMARY KEY);
             INSERT INTO supabase_migrations.schema_migrations VALUES ('1')",
        )
        .await
        .expect("created");
    assert_eq!(history::read(&mut session).await.expect("readable").len(), 1);
    journal::install(&mut session).await.expect("installed");
    session
        .execute(&history::upsert("1", "a", &["select 1"]))
        .await
        .expect("recorded");
    assert_eq!(
        history::read(&mut session).await.expect("readable")[0].name.as_deref(),
        Some("a")
    );
}

#[tokio::test]
async fn a_run_is_followed_to_its_end() {
    let Some(shadow) = support::shadow().await else { return };
    let mut session = session(&shadow, "r", Template::Plain).await;
    journal::install(&mut session).await.expect("installed");
    let new = NewRun {
        version: "1",
        file: "1_it's.sql",
        verb: Verb::Apply,
        environment: "staging",
        who: "me",
        checksum: "00",
        confirmations: &[],
    };
    let id = journal::start(&mut session, &new).await.expect("begun");
    for update in [
        Update {
            step: Some(1),
            duration_ms: Some(3),
            ..Update::default()
        },
        Update {
            resume: Some(json!({ "indexes": [1] })),
            duration_ms: Some(4),
            ..Update::default()
        },
        Update {
            state: Some(State::Finished),
            metrics: Some(json!({ "size": 1 })),
            note: Some("o'k"),
            ..Update::default()
        },
    ] {
        session.execute(&journal::update(id, &update)).await.expect("changed");
    }
    let runs = journal::runs(&mut session).await.expect("readable");
    let run = &runs[0];
    assert_eq!(
        (run.id, run.file.as_str(), run.state, run.step),
        (id, "1_it's.sql", State::Finished, 1)
    );
    assert_eq!((run.duration_ms, run.note.as_deref()), (Some(7), Some("o'k")));
    assert_eq!(
        (&run.resume["indexes"][0], &run.metrics["size"]),
        (&json!(1), &json!(1))
    );
    assert!(run.finished.as_deref().is_some_and(|time| time.ends_with('Z')));
    let objects = BTreeMap::from([(
        ("table".to_owned(), "public.o'x\\".to_owned()),
        BTreeMap::from([("a".to_owned(), json!([1, "b"]))]),
    )]);
    let capture = Capture {
        server_major: shadow.major(),
        objects,
    };
    journal::save_catalog(&mut session, id, Moment::Before, &capture)
        .await
        .expect("kept");
    let kept = journal::catalog(&mut session, id, Moment::Before).await;
    assert_eq!(kept.expect("readable"), Some(capture));
    let none = journal::catalog(&mut session, id, Moment::After).await;
    assert_eq!(none.expect("readable"), None);
}

#[tokio::test]
async fn the_lock_is_for_one_and_says_who_has_it() {
    let Some(shadow) = support::shadow().await else { return };
    let database = shadow.database("l", Template::Plain).await.expect("a database");
    let other = shadow.database("m", Template::Plain).await.expect("a database");
    let mut first = Lock::acquire(&database.address(), "dblsp apply (me)", Duration::ZERO, &())
        .await
        .expect("free");
    let second = Lock::acquire(&database.address(), "dblsp", Duration::from_millis(300), &()).await;
    let Err(LockError::Held(Some(holder))) = second else {
        panic!("{second:?}")
    };
    assert_eq!(
        (holder.application.as_str(), holder.pid),
        ("lock of dblsp apply (me)", first.connection().backend())
    );
    Lock::acquire(&other.address(), "dblsp", Duration::ZERO, &())
        .await
        .expect("another database has its own");
    first.connection().execute("DISCARD PLANS").await.expect("run");
    assert!(first.is_held().await);
    first.release().await;
    Lock::acquire(&database.address(), "dblsp", Duration::ZERO, &())
        .await
        .expect("free again");
}
