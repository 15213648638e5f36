//! Migrations on a real server, with what goes wrong in between.

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use analysis::history::{Base, History, Migration};
use analysis::settings::Settings;
use database::address::Host;
use database::apply::{ApplyError, Limits, Places, Report, Request, apply};
use database::environment::Place;
use database::journal::{self, State};
use database::preflight::Verdict;
use database::{Address, Connection, Database, Event, Shadow, Target, Tell, Template, history, plan};
use tokio_util::sync::CancellationToken;

/// A database and the files that are applied to it.
struct Project {
    address: Address,
    history: History,
    options: plan::Options,
    limits: Limits,
    cancel: CancellationToken,
    places: Option<Places>,
    target: Target,
}

impl Project {
    fn new(database: &Database, files: &[(&str, &str)]) -> Self {
        let address = database.address();
        Self {
            history: History {
                migrations: files.iter().map(|(path, text)| Migration::new(path, text)).collect(),
                complete: true,
                base: Base::Empty,
                ..History::default()
            },
            options: plan::Options::default(),
            limits: Limits {
                lock_timeout: Duration::from_millis(400),
                pause: Duration::from_millis(20),
                attempts: 3,
                ..Limits::default()
            },
            cancel: CancellationToken::new(),
            places: None,
            target: target(&address),
            address,
        }
    }

    fn at(mut self, address: Address) -> Self {
        self.target = target(&address);
        self
    }

    async fn apply(&self) -> Result<Report, ApplyError> {
        self.apply_telling(&()).await
    }

    async fn apply_telling(&self, tell: &dyn Tell) -> Result<Report, ApplyError> {
        let request = Request {
            target: &self.target,
            required: Vec::new(),
            history: &self.history,
            settings: &Settings::default(),
            places: self.places.clone(),
            options: self.options.clone(),
            dry_run: false,
            workspace: None,
            accept_unproven: false,
            accept_data_loss: false,
            who: "tester".to_owned(),
            confirmations: Vec::new(),
            limits: self.limits,
            cancel: self.cancel.clone(),
            now: SystemTime::now(),
        };
        apply(&request, tell).await
    }

    async fn session(&self) -> Connection {
        Connection::connect(&self.address, "test").await.expect("a session")
    }

    /// Versions in the history, and each last run's state.
    async fn record(&self) -> (Vec<String>, Vec<(String, State)>) {
        let mut session = self.session().await;
        let rows = history::read(&mut session).await.expect("the history");
        let runs = journal::runs(&mut session).await.expect("the journal");
        let runs = runs.into_iter().map(|run| (run.version, run.state)).collect();
        (rows.into_iter().map(|row| row.version).collect(), runs)
    }
}

fn target(address: &Address) -> Target {
    Target {
        name: "test".to_owned(),
        place: Place::Server(address.clone()),
        protected: false,
        restore: false,
        window: None,
        requires: Vec::new(),
        confirm: Vec::new(),
    }
}

async fn database(shadow: &Shadow, name: &str) -> Database {
    shadow.database(name, Template::Plain).await.expect("a database")
}

async fn value(session: &mut Connection, sql: &str) -> String {
    session.value(sql).await.expect("an answer").unwrap_or_default()
}

#[derive(Default)]
struct Heard(Mutex<Vec<Event>>);

impl Tell for Heard {
    fn tell(&self, event: Event) {
        self.0.lock().expect("not poisoned").push(event);
    }
}

impl Heard {
    fn count(&self, is: impl Fn(&Event) -> bool) -> usize {
        self.0
            .lock()
            .expect("not poisoned")
            .iter()
            .filter(|event| is(event))
            .count()
    }
}

const ODD: &str = "\
create table t (id int primary key, mood text);
lock table t in exclusive mode;
copy t from stdin;
1\tgood
2\t\\N
\\.
create type mood as enum ('good');
set search_path = pg_catalog;
create index concurrently t_mood on public.t (mood);
discard all;
alter type public.mood add value 'bad';
select 'bad'::public.mood;
vacuum public.t;
set search_path = public;
create index concurrently on t (id, mood);
insert into t values (3, 'bad');
";

#[tokio::test]
async fn odd_files_are_applied_and_recorded() {
    let Some(shadow) = support::shadow().await else { return };
    let project = Project::new(
        &database(&shadow, "odd").await,
        &[("1_odd.sql", ODD), ("2_b.sql", "select 1;")],
    );
    let report = project.apply().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.migrations.len(), 2);
    let mut session = project.session().await;
    assert_eq!(value(&mut session, "select count(*) from t").await, "3");
    assert_eq!(
        value(
            &mut session,
            "select count(*) from pg_index where indrelid = 't'::regclass and indisvalid"
        )
        .await,
        "3"
    );
    let rows = history::read(&mut session).await.expect("the history");
    assert_eq!(
        history::compare(ODD, rows[0].statements.as_deref()),
        history::Match::Same
    );
    assert_eq!(
        project.record().await.1,
        [("1".to_owned(), State::Finished), ("2".to_owned(), State::Finished)]
    );
    assert!(project.apply().await.expect("nothing to do").migrations.is_empty());
}

#[tokio::test]
async fn a_failing_file_leaves_nothing_and_says_where() {
    let Some(shadow) = support::shadow().await else { return };
    let text = "create table t (id int);\nset role postgres;\nselect 'é', nosuch;\n";
    let mut project = Project::new(&database(&shadow, "failing").await, &[("1_a.sql", text)]);
    project.history.complete = false;
    let Err(ApplyError::Statement(error)) = project.apply().await else {
        panic!("a column is missing")
    };
    assert_eq!(&text[error.offset as usize..][..6], "nosuch");
    assert_eq!((error.error.sqlstate.as_str(), error.partial), ("42703", false));
    let mut session = project.session().await;
    assert_eq!(session.value("select to_regclass('t')").await.expect("an answer"), None);
    assert_eq!(
        project.record().await,
        (Vec::new(), vec![("1".to_owned(), State::Failed)])
    );
    project.history.migrations[0] = Migration::new("1_a.sql", "create table t (id int);");
    project.apply().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(project.record().await.0, ["1"]);
}

#[tokio::test]
async fn a_deferred_constraint_that_breaks_at_commit_rolls_back_everything() {
    let Some(shadow) = support::shadow().await else { return };
    let text = "create table t (id int, unique (id) deferrable initially deferred); insert into t values (1), (1);";
    let project = Project::new(&database(&shadow, "deferred").await, &[("1_a.sql", text)]);
    let Err(ApplyError::Statement(error)) = project.apply().await else {
        panic!("a duplicate")
    };
    assert_eq!(error.error.sqlstate, "23505");
    assert_eq!(project.record().await.0, Vec::<String>::new());
}

#[tokio::test]
async fn a_file_that_commits_by_itself_needs_segments() {
    let Some(shadow) = support::shadow().await else { return };
    let text = "create table a (id int); commit; begin; create table b (id int);";
    let mut project = Project::new(&database(&shadow, "segments").await, &[("1_a.sql", text)]);
    let Err(ApplyError::Preflight(list)) = project.apply().await else {
        panic!("it is refused")
    };
    let reason = list
        .failures()
        .next()
        .map(|item| item.verdict.to_string())
        .unwrap_or_default();
    assert!(reason.contains("1_a.sql:1: the file commits by itself"), "{reason}");
    let mut session = project.session().await;
    assert!(
        !journal::is_installed(&mut session).await.expect("an answer"),
        "nothing was written"
    );
    project.options.segments = true;
    project.apply().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        value(
            &mut session,
            "select to_regclass('a') is not null and to_regclass('b') is not null"
        )
        .await,
        "t"
    );
}

#[tokio::test]
async fn rows_that_a_statement_destroys_are_kept() {
    let Some(shadow) = support::shadow().await else { return };
    let first = "create table t (id int primary key, a text); insert into t values (1, 'x'), (2, 'y');";
    let files = [("1_a.sql", first), ("2_b.sql", "alter table t drop column a;")];
    let project = Project::new(&database(&shadow, "kept").await, &files);
    project.apply().await.unwrap_or_else(|error| panic!("{error}"));
    let mut session = project.session().await;
    assert_eq!(
        value(&mut session, "select relation || ' ' || row_count from dblsp.archive").await,
        "public.t 2"
    );
}

#[tokio::test]
async fn whoever_holds_a_lock_is_named() {
    let Some(shadow) = support::shadow().await else { return };
    let files = [
        ("1_a.sql", "create table t (id int);"),
        ("2_b.sql", "alter table t add b int;"),
    ];
    let mut project = Project::new(&database(&shadow, "locked").await, &files);
    project.options.only = Some("1_a.sql".to_owned());
    project.apply().await.unwrap_or_else(|error| panic!("{error}"));
    project.options.only = None;
    let mut other = Connection::connect(&project.address, "somebody")
        .await
        .expect("a session");
    other.execute("begin; select * from t").await.expect("run");
    let heard = Heard::default();
    let Err(ApplyError::Locked {
        attempts,
        holder: Some(holder),
        error,
    }) = project.apply_telling(&heard).await
    else {
        panic!("the table is locked")
    };
    assert_eq!(
        (attempts, holder.pid, holder.application.as_str()),
        (3, other.backend(), "somebody")
    );
    assert_eq!(
        (
            error.file.as_str(),
            heard.count(|event| matches!(event, Event::Retry { .. }))
        ),
        ("2_b.sql", 2)
    );
    assert_eq!(project.record().await.0, ["1"]);
    // Gone in time: the next attempt succeeds.
    let (applied, ()) = tokio::join!(project.apply(), async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        other.execute("rollback").await.expect("run");
    });
    assert_eq!(applied.unwrap_or_else(|error| panic!("{error}")).migrations.len(), 1);
}

#[tokio::test]
async fn two_appliers_at_once_apply_everything_once() {
    let Some(shadow) = support::shadow().await else { return };
    let text = "create table t (id int); insert into t select generate_series(1, 20000);
        create index concurrently i on t (id); select pg_sleep(0.3); insert into t values (0);";
    let database = database(&shadow, "two").await;
    let (one, two) = (
        Project::new(&database, &[("1_a.sql", text)]),
        Project::new(&database, &[("1_a.sql", text)]),
    );
    let begin = Instant::now();
    let (first, second) = tokio::join!(one.apply(), two.apply());
    let applied = [first, second].map(|report| report.unwrap_or_else(|error| panic!("{error}")).migrations.len());
    assert_eq!(applied.iter().sum::<usize>(), 1);
    assert!(begin.elapsed() < Duration::from_secs(20), "no deadlock");
    let mut session = one.session().await;
    assert_eq!(value(&mut session, "select count(*) from t where id = 0").await, "1");
    assert_eq!(one.record().await.1, [("1".to_owned(), State::Finished)]);
}

#[tokio::test]
async fn cancelling_rolls_back() {
    let Some(shadow) = support::shadow().await else { return };
    let text = "create table t (id int); select pg_sleep(60);";
    let project = Project::new(&database(&shadow, "cancelled").await, &[("1_a.sql", text)]);
    let cancel = project.cancel.clone();
    let begin = Instant::now();
    let (done, ()) = tokio::join!(project.apply(), async move {
        tokio::time::sleep(Duration::from_millis(500)).await;
        cancel.cancel();
    });
    assert!(matches!(done, Err(ApplyError::Cancelled { .. })), "{done:?}");
    assert!(begin.elapsed() < Duration::from_secs(20));
    assert_eq!(
        project.record().await,
        (Vec::new(), vec![("1".to_owned(), State::Failed)])
    );
}

#[tokio::test]
async fn a_crashed_server_is_survived_by_applying_again() {
    let Some(shadow) = support::shadow().await else { return };
    let text = "create table t (id int); select pg_sleep(1.5); insert into t values (1);";
    let project = Project::new(&database(&shadow, "crashed").await, &[("1_a.sql", text)]);
    let mut looking = project.session().await;
    let (done, ()) = tokio::join!(project.apply(), async {
        let sleeping = "select pid from pg_stat_activity where query like 'select pg_sleep%'";
        let pid = loop {
            if let Some(pid) = looking.value(sleeping).await.expect("an answer") {
                break pid;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        // A session that dies like this makes the whole server crash and recover.
        assert!(
            Command::new("kill")
                .args(["-9", &pid])
                .status()
                .expect("kill runs")
                .success()
        );
    });
    assert!(matches!(done, Err(ApplyError::Lost { .. })), "{done:?}");
    let begin = Instant::now();
    let report = loop {
        match project.apply().await {
            Ok(report) => break report,
            Err(error) if begin.elapsed() > Duration::from_secs(20) => panic!("{error}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    };
    assert_eq!(report.migrations.len(), 1);
    let (versions, runs) = project.record().await;
    assert_eq!((versions, runs.len()), (vec!["1".to_owned()], 2));
    assert_eq!(runs[1].1, State::Finished);
}

/// When the proxy cuts a connection.
#[derive(Clone, Copy, PartialEq)]
enum Cut {
    BeforeCommit,
    AfterCommit,
}

/// A TCP server before the socket that cuts the connection at the first COMMIT.
fn proxy(socket: PathBuf, cut: Cut) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let is_cut = Arc::new(AtomicBool::new(false));
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (socket, is_cut) = (socket.clone(), Arc::clone(&is_cut));
            std::thread::spawn(move || forward(client, &socket, cut, &is_cut));
        }
    });
    port
}

fn forward(mut client: TcpStream, socket: &Path, cut: Cut, is_cut: &AtomicBool) {
    let mut server = UnixStream::connect(socket.join(".s.PGSQL.5432")).expect("the server listens");
    let (mut answers, mut back) = (
        server.try_clone().expect("a clone"),
        client.try_clone().expect("a clone"),
    );
    let silent = Arc::new(AtomicBool::new(false));
    let is_silent = Arc::clone(&silent);
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(read @ 1..) = answers.read(&mut buffer) {
            if !is_silent.load(Ordering::SeqCst) && back.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        drop(back.shutdown(Shutdown::Both));
    });
    let mut buffer = [0; 8192];
    // The migration's own COMMIT follows the question for its transaction's number.
    let mut is_recorded = false;
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        let has = |word: &[u8]| buffer[..read].windows(word.len()).any(|bytes| bytes == word);
        is_recorded |= has(b"pg_current_xact_id");
        let is_commit = is_recorded && has(b"COMMIT\0");
        if is_commit && !is_cut.swap(true, Ordering::SeqCst) {
            silent.store(true, Ordering::SeqCst);
            if cut == Cut::AfterCommit {
                server.write_all(&buffer[..read]).expect("the server listens");
                std::thread::sleep(Duration::from_millis(200));
            }
            break;
        }
        if server.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    drop(client.shutdown(Shutdown::Both));
    drop(server.shutdown(Shutdown::Both));
}

async fn cut_at_commit(shadow: &Shadow, name: &str, cut: Cut) -> (Project, Result<Report, ApplyError>) {
    let database = database(shadow, name).await;
    // The journal's own transaction is none of the migration.
    let mut session = database.connect().await.expect("a session");
    journal::install(&mut session).await.expect("installed");
    let project = Project::new(
        &database,
        &[("1_a.sql", "create table t (id int); insert into t values (1);")],
    );
    let Host::Socket(folder) = project.address.host.clone() else {
        panic!("a socket")
    };
    let address = Address {
        host: Host::Name("127.0.0.1".to_owned()),
        port: proxy(folder, cut),
        ..project.address.clone()
    };
    let project = project.at(address);
    let done = project.apply().await;
    (project, done)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_at_commit_does_not_hide_that_it_arrived() {
    let Some(shadow) = support::shadow().await else { return };
    let (project, done) = cut_at_commit(&shadow, "after", Cut::AfterCommit).await;
    assert_eq!(done.unwrap_or_else(|error| panic!("{error}")).migrations.len(), 1);
    assert_eq!(
        project.record().await,
        (vec!["1".to_owned()], vec![("1".to_owned(), State::Finished)])
    );
    let mut session = project.session().await;
    assert_eq!(value(&mut session, "select count(*) from t").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_before_commit_leaves_nothing() {
    let Some(shadow) = support::shadow().await else { return };
    let (project, done) = cut_at_commit(&shadow, "before", Cut::BeforeCommit).await;
    assert!(matches!(done, Err(ApplyError::Lost { .. })), "{done:?}");
    assert_eq!(project.record().await.0, Vec::<String>::new());
    project.apply().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(project.record().await.0, ["1"]);
}

#[tokio::test]
async fn an_owner_without_superuser_rights_applies_to_supabase() {
    let Some(shadow) = support::shadow().await else { return };
    let database = shadow.database("hosted", Template::Supabase).await.expect("a database");
    let text = "create table public.profiles (id uuid primary key references auth.users on delete cascade);
        alter table public.profiles enable row level security;
        create policy own on public.profiles for select to authenticated using (auth.uid() = id);";
    let folder = tempfile::tempdir().expect("a folder");
    let mut project = Project::new(&database, &[("supabase/migrations/20260101000000_v0_1_0_a.sql", text)]);
    project.history.base = Base::Supabase;
    let above = folder.path().to_path_buf();
    project.places = Some(Places {
        schemas: above.join("schemas"),
        rollback: above.join("rollback"),
        tests: above.join("tests"),
        page: Some(above.join("docs/MIGRATIONS.md")),
        above: above.clone(),
    });
    let report = project.apply().await.unwrap_or_else(|error| panic!("{error}"));
    let applied = &report.migrations[0];
    assert_eq!(applied.alerts, Vec::<String>::new());
    assert_eq!(
        applied.snapshot_before.as_deref(),
        Some("schemas/v0.1.0_20260101000000.sql")
    );
    let after = std::fs::read_to_string(above.join("schemas/v0.1.0_20260101000000_after.sql")).expect("a snapshot");
    assert!(after.contains("profiles"), "{after}");
    let page = std::fs::read_to_string(above.join("docs/MIGRATIONS.md")).expect("the page");
    assert!(
        page.contains("### 20260101000000_v0_1_0_a.sql") && page.contains("tester"),
        "{page}"
    );
}

#[tokio::test]
async fn what_tells_another_story_than_the_files_is_refused() {
    let Some(shadow) = support::shadow().await else { return };
    let database = database(&shadow, "story").await;
    let first = Project::new(&database, &[("1_a.sql", "select 1;"), ("3_c.sql", "select 3;")]);
    first.apply().await.unwrap_or_else(|error| panic!("{error}"));
    let refused = async |files: &[(&str, &str)]| {
        let Err(ApplyError::Preflight(list)) = Project::new(&database, files).apply().await else {
            panic!("it is refused")
        };
        let item = list
            .items
            .into_iter()
            .find(|item| item.name == "history")
            .expect("it is on the list");
        let Verdict::Fail(reason) = item.verdict else {
            panic!("{}", item.verdict)
        };
        reason
    };
    let (one, three, four) = (
        ("1_a.sql", "select 1;"),
        ("3_c.sql", "select 3;"),
        ("4_d.sql", "select 4;"),
    );
    assert!(
        refused(&[("1_a.sql", "select 2;"), three, four])
            .await
            .contains("1_a.sql was edited")
    );
    assert!(
        refused(&[one, ("2_b.sql", "select 2;"), three])
            .await
            .contains("2_b.sql is older")
    );
    assert!(refused(&[one, four]).await.contains("the database has 3"));
}

#[tokio::test]
async fn megabytes_of_inserts_are_one_transaction() {
    let Some(shadow) = support::shadow().await else { return };
    // 8 MB: every byte takes the same way as those of 50 MB, which take an unoptimised build half a minute.
    let row = "x".repeat(1000);
    let mut text = String::from("create table t (id int, a text);\n");
    for id in 0..8_000 {
        text.push_str(&format!("insert into t values ({id}, '{row}');\n"));
    }
    let project = Project::new(&database(&shadow, "large").await, &[("1_a.sql", &text)]);
    project.apply().await.unwrap_or_else(|error| panic!("{error}"));
    let mut session = project.session().await;
    assert_eq!(value(&mut session, "select count(*) from t").await, "8000");
    let recorded = "select cardinality(statements) from supabase_migrations.schema_migrations";
    assert_eq!(value(&mut session, recorded).await, "8001");
}
