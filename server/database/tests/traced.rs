//! What a trace tells of files that fail, hang, wait for their end, or hide what they do.

mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use analysis::history::{History, Migration};
use analysis::schema::cost::LockMode;
use analysis::schema::objects::Id;
use database::plan::{self, File};
use database::trace::{Limits, Outcome, Trace, TraceError, trace};
use database::{Database, Shadow, Template};
use tokio_util::sync::CancellationToken;

async fn database(fixture: &str) -> Option<(Shadow, Database)> {
    let shadow = support::traced_shadow(None).await?;
    let database = shadow.database("traced", Template::Plain).await.expect("a database");
    let mut session = database.connect().await.expect("a session");
    session.execute(fixture).await.expect("the fixture is valid");
    session.close().await;
    Some((shadow, database))
}

fn cut(text: &str) -> File {
    let history = History {
        migrations: vec![Migration::new("1_a.sql", text)],
        ..History::default()
    };
    let options = plan::Options {
        segments: true,
        ..plan::Options::default()
    };
    plan::plan(&history, &[], &[], &options)
        .expect("a plan")
        .files
        .remove(0)
}

async fn traced(database: &Database, text: &str) -> Trace {
    let trace = trace(
        database,
        &cut(text),
        &BTreeMap::new(),
        Limits::default(),
        &CancellationToken::new(),
    )
    .await;
    trace.expect("the server answers")
}

fn id(name: &str) -> Id {
    Id::new("public", name)
}

#[tokio::test]
async fn an_error_has_its_place_in_the_file_and_nothing_stays() {
    let Some((_shadow, database)) = database("create table t (a int)").await else {
        return;
    };
    let text = "-- ÄÖÜ\nalter table t add b int;\n/* é */ alter table t add c nosuch;\nalter table t add d int;\n";
    let trace = traced(&database, text).await;
    let (statement, failure) = trace.failure().expect("it fails");
    assert_eq!(failure.error.sqlstate, "42704");
    let byte = failure.byte.expect("a place") as usize;
    assert!(text[byte..].starts_with("nosuch"), "{}", &text[byte..]);
    assert_eq!(statement.span.slice(text), "alter table t add c nosuch");
    assert_eq!(trace.statements[0].outcome, Outcome::Ran);
    assert_eq!(trace.statements[0].measured.locks[&id("t")], LockMode::AccessExclusive);
    assert_eq!(trace.statements[2].outcome, Outcome::NotReached);
    let mut session = database.connect().await.expect("a session");
    let columns = "SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0";
    assert_eq!(session.value(columns).await.expect("a number").as_deref(), Some("1"));
}

#[tokio::test]
async fn what_hangs_is_stopped() {
    let Some((_shadow, database)) = database("create table t (a int)").await else {
        return;
    };
    let limits = Limits {
        statement: Duration::from_millis(300),
    };
    let begin = Instant::now();
    // A migration may lift the limits that it finds.
    let file = cut("set statement_timeout = 0; select pg_sleep(600); select 1;");
    let trace = trace(&database, &file, &BTreeMap::new(), limits, &CancellationToken::new())
        .await
        .expect("the server answers");
    let (_, failure) = trace.failure().expect("it fails");
    assert!(failure.is_late && failure.error.is_cancelled(), "{failure:?}");
    assert!(begin.elapsed() < Duration::from_mins(1));
}

#[tokio::test]
async fn what_cannot_be_cancelled_loses_its_session() {
    let Some((_shadow, database)) = database("").await else {
        return;
    };
    let limits = Limits {
        statement: Duration::from_millis(300),
    };
    let file = cut(
        "do $$ begin loop begin perform pg_sleep(600); exception when query_canceled then null; end; end loop; end $$;",
    );
    let trace = trace(&database, &file, &BTreeMap::new(), limits, &CancellationToken::new())
        .await
        .expect("an answer");
    assert!(trace.failure().is_some_and(|(_, failure)| failure.is_late), "{trace:?}");
}

#[tokio::test]
async fn somebody_may_stop_it() {
    let Some((_shadow, database)) = database("").await else {
        return;
    };
    let cancel = CancellationToken::new();
    let file = cut("select pg_sleep(600);");
    let stopped = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        cancel.cancel();
    };
    let predictions = BTreeMap::new();
    let running = trace(&database, &file, &predictions, Limits::default(), &cancel);
    let (trace, ()) = tokio::join!(running, stopped);
    assert!(matches!(trace, Err(TraceError::Cancelled)));
}

#[tokio::test]
async fn a_commit_that_fails_is_told() {
    let fixture =
        "create table p (id int primary key); create table c (p int references p deferrable initially deferred)";
    let Some((_shadow, database)) = database(fixture).await else {
        return;
    };
    let trace = traced(&database, "insert into c values (7); select 1;").await;
    let (_, failure) = trace.failure().expect("it fails");
    assert!(failure.at_commit && failure.error.sqlstate == "23503", "{failure:?}");
}

#[tokio::test]
async fn a_migration_cannot_hide_what_it_does() {
    let fixture = "create role somebody; grant somebody to postgres; create table t (a int not null, b int);
        alter table t add constraint b_given check (b is not null); grant all on t to somebody";
    let Some((_shadow, database)) = database(fixture).await else {
        return;
    };
    let text = "set client_min_messages = error; set search_path = ''; set local role somebody;
        select count(*) from public.t; reset role; reset all;
        alter table public.t alter b set not null; alter table public.t alter a type bigint;";
    let trace = traced(&database, text).await;
    assert_eq!(trace.failure(), None);
    let [.., scan, rewrite] = trace.statements.as_slice() else {
        panic!("two statements")
    };
    assert_eq!(scan.measured.spared.len(), 1, "{scan:?}");
    assert!(
        scan.measured.scans.is_empty() && rewrite.measured.rewrites.contains(&id("t")),
        "{trace:?}"
    );
    assert!(trace.statements[3].measured.queried.contains(&id("t")));
}

#[tokio::test]
async fn data_of_a_copy_is_sent_and_what_only_psql_understands_is_refused() {
    let Some((_shadow, database)) = database("create table t (a int)").await else {
        return;
    };
    let trace = traced(
        &database,
        "copy t from stdin;\n1\n2\n\\.\nalter table t add check (a > 1);\n",
    )
    .await;
    let (statement, failure) = trace.failure().expect("a row is too small");
    assert_eq!(
        (statement.span.start > 10, failure.error.sqlstate.as_str()),
        (true, "23514")
    );
    let refused = self::trace(
        &database,
        &cut("\\connect x\n"),
        &BTreeMap::new(),
        Limits::default(),
        &CancellationToken::new(),
    )
    .await;
    assert!(matches!(refused, Err(TraceError::Refused { .. })));
}

#[tokio::test]
async fn a_table_of_the_same_transaction_is_none_that_others_wait_for() {
    let Some((_shadow, database)) = database("create table p (id int primary key)").await else {
        return;
    };
    let trace = traced(
        &database,
        "create table c (id int, p int references p); alter table c add d int; alter table p add e int;",
    )
    .await;
    let locks = |at: usize| trace.statements[at].measured.locks.clone();
    assert_eq!(locks(0), [(id("p"), LockMode::ShareRowExclusive)].into());
    assert_eq!(locks(1), [].into());
    assert_eq!(locks(2), [(id("p"), LockMode::AccessExclusive)].into());
}
