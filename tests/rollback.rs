//! The commands that look back, on a real server, as people call them: rollback, archive, snapshot, test, drift, baseline.
//! Killed at any moment, a rollback has happened or has not.

#[path = "support/kills.rs"]
mod kills;
#[path = "support/postgres.rs"]
mod postgres;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use database::{Connection, Database, Options, Shadow, ShadowError, Template};
use serde_json::Value;
use tempfile::TempDir;

use postgres::skip;

const SETUP: &str = "create table public.a (id int primary key, b text, c int);
insert into public.a select n, 'row ' || n, n from generate_series(1, 50) n;
";
const MIGRATION: &str = "alter table public.a drop column b;
delete from public.a where id > 40;
create table public.extra (id int primary key, note text);
insert into public.extra values (1, 'new');
create policy extra on public.a using (c > 1);
";
const SCRIPT: &str = "drop policy extra on public.a;
drop table public.extra;
alter table public.a add column b text;
";
const SMOKE: &str = "begin;
select '1..1';
select case when to_regclass('public.extra') is not null then 'ok 1 - table extra' else 'not ok 1 - table extra' end;
rollback;
";
const VERSIONS: [&str; 2] = ["20250101000000", "20250102000000"];

async fn shadow() -> Option<Shadow> {
    let folder = std::env::var_os("DBLSP_TEST_ROOT").map(Into::into);
    let options = Options {
        folder,
        ..Options::default()
    };
    match Shadow::start(options).await {
        Ok(shadow) => Some(shadow),
        Err(ShadowError::NotInstalled) if std::env::var("CI").as_deref() != Ok("true") => {
            skip();
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// A project with two migrations, a script for the second, and a test.
fn project() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |path: &str, text: &str| {
        let file = folder.path().join(path);
        fs::create_dir_all(file.parent().expect("inside the folder")).expect("created");
        fs::write(file, text).expect("written");
    };
    fs::create_dir(folder.path().join(".git")).expect("created");
    write("dblsp.toml", "version = 1\n[environments.live]\nurl = \"env(LIVE)\"\n");
    write("supabase/config.toml", "[db]\nmajor_version = 15\n");
    write(&format!("supabase/migrations/{}_v1_0_0_setup.sql", VERSIONS[0]), SETUP);
    write(
        &format!("supabase/migrations/{}_v1_1_0_change.sql", VERSIONS[1]),
        MIGRATION,
    );
    write(
        &format!("supabase/rollback/{}_rollback.sql", VERSIONS[0]),
        "drop table public.a;\n",
    );
    write(&format!("supabase/rollback/{}_rollback.sql", VERSIONS[1]), SCRIPT);
    write("supabase/tests/v1.1.0_smoke_test.sql", SMOKE);
    folder
}

fn url(database: &str, socket: &Path) -> String {
    format!("postgres:///{database}?host={}&user=postgres", socket.display())
}

struct Bench {
    folder: TempDir,
    shadow: Shadow,
    database: Database,
    session: Connection,
}

struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Bench {
    /// A database with the first migration in it.
    async fn new() -> Option<Self> {
        let shadow = shadow().await?;
        let database = shadow.database("live", Template::Supabase).await.expect("a database");
        let session = database.connect().await.expect("a session");
        let bench = Self {
            folder: project(),
            shadow,
            database,
            session,
        };
        let only = format!("supabase/migrations/{}_v1_0_0_setup.sql", VERSIONS[0]);
        bench.succeeds(&["apply", "--yes", "--only", &only]);
        Some(bench)
    }

    fn command(&self, database: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dblsp"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("LIVE", url(database, self.shadow.folder()))
            .env("COLUMNS", "100")
            .env_remove("GIT_DIR")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        outcome(&mut self.command(self.database.name(), arguments))
    }

    #[track_caller]
    fn succeeds(&self, arguments: &[&str]) -> String {
        let outcome = self.run(arguments);
        assert_eq!(
            outcome.code,
            Some(0),
            "{arguments:?}: {}{}",
            outcome.stdout,
            outcome.stderr
        );
        outcome.stdout
    }
}

fn outcome(command: &mut Command) -> Outcome {
    let output = command.output().expect("the binary starts");
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("output is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("output is UTF-8"),
    }
}

/// What people care about: rows, columns, policies, history, and whether the second migration is in force.
async fn state(session: &mut Connection) -> Vec<String> {
    let mut out = Vec::new();
    for query in [
        "SELECT to_jsonb(a)::text FROM public.a ORDER BY id",
        "SELECT c.relname || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
         WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind = 'r' ORDER BY 1",
        "SELECT polname FROM pg_policy ORDER BY 1",
        "SELECT version FROM supabase_migrations.schema_migrations ORDER BY 1",
    ] {
        let rows = session.rows(query).await.expect("it can be asked");
        out.extend(rows.into_iter().flatten().flatten());
        out.push("--".into());
    }
    out
}

/// Rows with their columns in any order: a column that came back stands last.
fn sorted(state: &[String]) -> Vec<String> {
    let sort = |line: &String| match serde_json::from_str::<std::collections::BTreeMap<String, Value>>(line) {
        Ok(row) => serde_json::to_string(&row).expect("JSON"),
        Err(_) => line.clone(),
    };
    state.iter().map(sort).collect()
}

#[tokio::test]
async fn a_migration_is_applied_undone_and_applied_again() {
    let Some(mut bench) = Bench::new().await else { return };
    let before = state(&mut bench.session).await;
    bench.succeeds(&["apply", "--yes"]);
    let after = state(&mut bench.session).await;
    assert_ne!(before, after);

    let unasked = bench.run(&["rollback", VERSIONS[1]]);
    assert_eq!(unasked.code, Some(2));
    assert!(unasked.stderr.contains("add `--yes`"), "{}", unasked.stderr);
    assert_eq!(state(&mut bench.session).await, after);

    let undone = bench.run(&["rollback", VERSIONS[1], "--yes"]);
    assert_eq!(undone.code, Some(0), "{}{}", undone.stdout, undone.stderr);
    assert!(
        undone.stderr.starts_with("target: live (postgres@"),
        "{}",
        undone.stderr
    );
    assert!(
        undone.stdout.contains("restored, columns reordered: public.a"),
        "{}",
        undone.stdout
    );
    assert_eq!(
        sorted(&state(&mut bench.session).await),
        sorted(&before),
        "{}",
        undone.stdout
    );

    bench.succeeds(&["apply", "--yes"]);
    let again = bench.run(&["rollback", "--to-before", VERSIONS[1], "--yes", "--format", "json"]);
    let value: Value = serde_json::from_str(&again.stdout).expect("standard output is JSON and nothing else");
    assert_eq!(value["migrations"][0]["version"], VERSIONS[1], "{}", again.stderr);
    assert_eq!(sorted(&state(&mut bench.session).await), sorted(&before));

    let gone = bench.run(&["rollback", VERSIONS[1], "--yes"]);
    assert_eq!(gone.code, Some(2));
    assert!(gone.stderr.contains("is not applied"), "{}", gone.stderr);
}

#[tokio::test]
async fn what_looks_and_what_keeps() {
    let Some(mut bench) = Bench::new().await else { return };
    bench.succeeds(&["apply", "--yes"]);

    assert_eq!(
        bench.succeeds(&["test", "v1.1.0"]),
        "supabase/tests/v1.1.0_smoke_test.sql: passed, 1 assertions\n"
    );
    let none = bench.run(&["test", "v9.9.9"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(1), ""));

    let drift = bench.run(&["drift"]);
    assert_eq!(drift.code, Some(0), "{}{}", drift.stdout, drift.stderr);
    bench
        .session
        .execute("alter table public.a add by_hand int")
        .await
        .expect("altered");
    let drift = bench.run(&["drift"]);
    assert_eq!(drift.code, Some(1));
    assert_eq!(drift.stdout, "column public.a.by_hand is there and was not\n");
    bench
        .session
        .execute("alter table public.a drop by_hand")
        .await
        .expect("altered");

    bench.succeeds(&["baseline"]);
    let baseline = fs::read_to_string(bench.folder.path().join("dblsp.baseline.json")).expect("it is written");
    let baseline: Value = serde_json::from_str(&baseline).expect("JSON");
    assert!(
        baseline["tables"]["public.a"]["bytes"]
            .as_u64()
            .is_some_and(|bytes| bytes > 0),
        "{baseline}"
    );

    let snapshot = bench.succeeds(&["snapshot", "--output", "now.sql"]);
    assert_eq!(snapshot, "now.sql\n");
    let text = fs::read_to_string(bench.folder.path().join("now.sql")).expect("it is written");
    assert!(text.contains("CREATE TABLE public.extra"), "{text}");

    bench.succeeds(&["rollback", VERSIONS[1], "--yes"]);
    let failing = bench.run(&["test", "v1.1.0"]);
    assert_eq!(failing.code, Some(1));
    assert!(
        failing.stdout.contains("not ok 1 (line 3): table extra"),
        "{}",
        failing.stdout
    );

    let listed = bench.succeeds(&["archive", "list"]);
    assert!(listed.contains("public.a"), "{listed}");
    let exported = bench.succeeds(&["archive", "export", "--output", "kept.jsonl"]);
    assert!(exported.starts_with("kept.jsonl: "), "{exported}");
    assert_eq!(bench.run(&["archive", "purge", "1"]).code, Some(2), "nobody said yes");
    bench.succeeds(&["archive", "purge", "1", "--yes"]);
}

/// A file that may not grow is a disk that is full, for every user.
#[tokio::test]
async fn a_snapshot_that_does_not_fit_is_absent() {
    let Some(bench) = Bench::new().await else { return };
    let run = bench.command(bench.database.name(), &["snapshot", "--output", "now.sql"]);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\""])
        .arg(run.get_program())
        .args(run.get_args())
        .current_dir(bench.folder.path())
        .env("LIVE", url("live", bench.shadow.folder()));
    let failed = outcome(&mut limited);
    assert_eq!(failed.code, Some(3), "{}{}", failed.stdout, failed.stderr);
    assert!(
        failed.stderr.contains("`now.sql` was not written") || failed.stderr.contains("was not written"),
        "{}",
        failed.stderr
    );
    assert!(!bench.folder.path().join("now.sql").exists());
    let hidden = fs::read_dir(bench.folder.path()).expect("a folder").flatten();
    assert!(
        !hidden
            .into_iter()
            .any(|entry| entry.file_name().to_string_lossy().starts_with(".dblsp-"))
    );
}

#[tokio::test]
async fn without_a_client_a_snapshot_says_so() {
    let Some(bench) = Bench::new().await else { return };
    let empty = tempfile::tempdir().expect("a temporary folder");
    let mut command = bench.command("live", &["snapshot", "--output", "now.sql"]);
    let outcome = outcome(command.env("DBLSP_PG_CLIENT", empty.path()));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("dblsp tools install"), "{}", outcome.stderr);
    let text = fs::read_to_string(bench.folder.path().join("now.sql")).expect("it is written");
    assert!(text.starts_with("--\n-- Printed from the catalog by dblsp"), "{text}");
}

const FAILPOINTS: [&str; 8] = [
    "rollback-started",
    "rollback-kept",
    "rollback-script",
    "rollback-put-back",
    "rollback-recorded",
    "rollback-verified",
    "rollback-committed",
    "rollback-finished",
];

/// Copies of a database in which both migrations are applied.
struct Copies {
    bench: Bench,
    admin: Connection,
    before: Vec<String>,
    after: Vec<String>,
    made: u32,
}

impl Copies {
    async fn new() -> Option<Self> {
        let mut bench = Bench::new().await?;
        let before = sorted(&state(&mut bench.session).await);
        bench.succeeds(&["apply", "--yes"]);
        let after = sorted(&state(&mut bench.session).await);
        let admin = bench
            .shadow
            .database("admin", Template::Plain)
            .await
            .expect("a database");
        let admin = admin.harness().await.expect("a session");
        // A template must have no sessions.
        let idle = bench
            .shadow
            .database("idle", Template::Plain)
            .await
            .expect("a database");
        let busy = std::mem::replace(&mut bench.session, idle.connect().await.expect("a session"));
        busy.close().await;
        Some(Self {
            bench,
            admin,
            before,
            after,
            made: 0,
        })
    }

    async fn next(&mut self) -> (String, Connection) {
        self.made += 1;
        let name = format!("copy_{}", self.made);
        let sql = format!("CREATE DATABASE {name} TEMPLATE live OWNER postgres");
        self.admin.execute(&sql).await.expect("copied");
        let url = url(&name, self.bench.shadow.folder());
        let address = database::Address::parse(&url, &|_| None).expect("an address");
        (name, Connection::connect(&address, "test").await.expect("a session"))
    }

    /// After a kill: all of it or nothing; and the same command then ends with it undone.
    async fn check(&mut self, name: &str, mut session: Connection, what: &str) -> bool {
        // The server notices that its client is gone only when it next has something to say to it.
        for _ in 0..100 {
            let others =
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
            if session.value(others).await.expect("counted").as_deref() == Some("0") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let found = sorted(&state(&mut session).await);
        let is_undone = found == self.before;
        assert!(is_undone || found == self.after, "{what}: {found:#?}");
        let again = outcome(&mut self.bench.command(name, &["rollback", VERSIONS[1], "--yes"]));
        let expected = if is_undone { Some(2) } else { Some(0) };
        assert_eq!(again.code, expected, "{what}: {}{}", again.stdout, again.stderr);
        assert_eq!(sorted(&state(&mut session).await), self.before, "{what}");
        session.close().await;
        self.admin
            .execute(&format!("DROP DATABASE {name} WITH (FORCE)"))
            .await
            .expect("dropped");
        is_undone
    }
}

#[tokio::test]
async fn killed_at_a_named_place_it_has_happened_or_has_not() {
    let Some(mut copies) = Copies::new().await else { return };
    for place in FAILPOINTS {
        let (name, session) = copies.next().await;
        let mut command = copies.bench.command(&name, &["rollback", VERSIONS[1], "--yes"]);
        let killed = outcome(command.env("DBLSP_FAILPOINT", place));
        assert_eq!(
            killed.code, None,
            "{place} was not reached: {}{}",
            killed.stdout, killed.stderr
        );
        let is_undone = copies.check(&name, session, place).await;
        assert_eq!(
            is_undone,
            matches!(place, "rollback-committed" | "rollback-finished"),
            "{place}"
        );
    }
}

#[tokio::test]
async fn killed_at_any_moment_it_has_happened_or_has_not() {
    let Some(mut copies) = Copies::new().await else { return };
    let moments = kills::moments(40);
    let mut undone = 0;
    let mut killed = 0;
    let (name, session) = copies.next().await;
    let begin = std::time::Instant::now();
    outcome(&mut copies.bench.command(&name, &["rollback", VERSIONS[1], "--yes"]));
    let whole = begin.elapsed();
    copies.check(&name, session, "not killed").await;
    for moment in 0..moments {
        let (name, session) = copies.next().await;
        let command = copies.bench.command(&name, &["rollback", VERSIONS[1], "--yes"]);
        let (when, was_running) = kills::kill(command, whole, moment, moments).await;
        killed += u32::from(was_running);
        undone += u32::from(copies.check(&name, session, &when).await);
    }
    kills::tell("rollback", (killed, moments), undone);
    assert!(killed > moments / 4, "{killed} of {moments} were killed");
    assert!(undone < moments, "every one was too late");
}
