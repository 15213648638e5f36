//! `dblsp restore` as people call it, on a real server: what goes is shown, the database's name is typed, a full dump
//! comes first. Killed at any moment, it has happened or has not, and the same command goes on from that.

#[path = "support/kills.rs"]
mod kills;
#[path = "apply/support.rs"]
#[allow(dead_code, reason = "each test binary uses its own part of this module")]
mod support;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use database::journal::{self, State};
use database::{Connection, Shadow, history};
use serde_json::Value;

use support::{Project, errors, shadow, value};

const FIRST: &str = "create type public.mood as enum ('good', 'bad');
create table public.a (id int primary key, mood public.mood);
alter table public.a enable row level security;
create policy p on public.a using (id > 0);
";
const SECOND: &str = "alter table public.a add column b text;
drop policy p on public.a;
create table public.extra (id int primary key references public.a);
alter table public.extra enable row level security;
";
const FAILPOINTS: [&str; 9] = [
    "restore-started",
    "restore-locked",
    "restore-backed-up",
    "restore-cleared",
    "restore-made",
    "restore-recorded",
    "restore-verified",
    "restore-committed",
    "restore-finished",
];

/// A project with two migrations, both applied, and rows in their tables.
struct Bench {
    project: Project,
    session: Connection,
    snapshot: String,
}

impl Bench {
    async fn new(shadow: &Shadow, name: &str) -> Self {
        let files = [
            ("20260101000000_v0_1_0_first.sql", FIRST),
            ("20260102000000_v0_1_0_second.sql", SECOND),
        ];
        let project = Project::new(shadow, name, &files).await;
        let session = project.session().await;
        let mut bench = Self {
            project,
            session,
            snapshot: String::new(),
        };
        bench.fill().await;
        bench.snapshot = bench.find("20260102000000.sql");
        bench
    }

    /// Applies what is pending and inserts rows.
    async fn fill(&mut self) {
        self.succeeds(&["apply", "--yes", "--accept-unproven"]);
        let rows = "insert into public.a (id, mood, b) values (1, 'good', 'x'), (2, 'bad', null);
            insert into public.extra values (1)";
        self.session.execute(rows).await.expect("inserted");
    }

    /// The snapshot whose name ends like this.
    fn find(&self, end: &str) -> String {
        let folder = self.project.folder.path().join("supabase/schemas");
        let names = fs::read_dir(folder).expect("snapshots were taken").flatten();
        let mut names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let name = names.find(|name| name.ends_with(end));
        format!("supabase/schemas/{}", name.expect("it is there"))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.project.command(arguments);
        command.env_remove("DBLSP_PG_CLIENT");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary starts")
    }

    fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{arguments:?}: {}{said}",
            errors(&output)
        );
        said
    }

    fn restore<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = vec!["restore", self.snapshot.as_str()];
        arguments.extend(more);
        arguments
    }

    /// Rows, tables, policies and history: what people care about.
    async fn state(&mut self) -> String {
        let tables = "select coalesce(string_agg(c.relname || ' ' || (xpath('/row/n/text()',
                query_to_xml('select count(*) as n from public.' || c.relname, false, true, '')))[1]::text, ', '
                order by c.relname), '') from pg_class c where relnamespace = 'public'::regnamespace and relkind = 'r'";
        let policies = "select count(*) from pg_policy";
        let versions = "select string_agg(version, ' ' order by version) from supabase_migrations.schema_migrations";
        let mut out = Vec::new();
        for sql in [tables, policies, versions] {
            out.push(value(&mut self.session, sql).await);
        }
        out.join(" | ")
    }

    fn backups(&self) -> Vec<PathBuf> {
        let folder = self.project.folder.path().join(".dblsp/backups");
        let files = fs::read_dir(folder).into_iter().flatten().flatten();
        files.map(|entry| entry.path()).collect()
    }

    /// The server notices that its client is gone only when it next has something to say to it.
    async fn settled(&mut self) {
        let others =
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
        for _ in 0..200 {
            if value(&mut self.session, others).await == "0" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// After a kill: all of it or nothing, and the same command then ends with all of it. Whether it was there already.
    async fn check(&mut self, place: &str, name: &str) -> bool {
        self.settled().await;
        let found = self.state().await;
        assert!(found == FULL || found == RESTORED, "{place}: {found}");
        let again = self.run(&self.restore(&["--yes-destroy", name]));
        assert_eq!(again.status.code(), Some(0), "{place}: {}", errors(&again));
        assert_eq!(self.state().await, RESTORED, "{place}");
        let runs = journal::runs(&mut self.session).await.expect("the journal");
        let is_open = |run: &&journal::Run| matches!(run.state, State::Started | State::Applied);
        assert_eq!(runs.iter().find(is_open), None, "{place}");
        let rows = history::read(&mut self.session).await.expect("the history");
        assert_eq!(rows.len(), 1, "{place}");
        found == RESTORED
    }
}

const FULL: &str = "a 2, extra 1 | 0 | 20260101000000 20260102000000";
const RESTORED: &str = "a 0 | 1 | 20260101000000";

#[tokio::test]
async fn what_goes_is_shown_and_nothing_goes_before_the_name_is_typed() {
    let Some(shadow) = shadow().await else { return };
    let mut bench = Bench::new(&shadow, "shown").await;
    assert!(
        bench.snapshot.ends_with("v0.1.0_20260102000000.sql"),
        "{}",
        bench.snapshot
    );
    assert_eq!(bench.state().await, FULL);

    let looked = bench.succeeds(&bench.restore(&["--dry-run"]));
    for there in [
        "restoring destroys on staging (postgres@",
        "2 rows of public.a, ",
        "1 rows of public.extra, ",
        "table public.extra, which the snapshot has not",
        "table public.a as it is now",
        "migration 20260102000000: not applied any more",
    ] {
        assert!(looked.contains(there), "{there}:\n{looked}");
    }
    let looked: Value =
        serde_json::from_str(&bench.succeeds(&bench.restore(&["--dry-run", "--format", "json"]))).expect("JSON");
    assert_eq!(looked["destroys"]["tables"][0]["rows"], 2, "{looked}");
    assert_eq!(looked["database"], "shown");

    for (arguments, words) in [
        (bench.restore(&[]), "nobody typed the name"),
        (
            bench.restore(&["--yes-destroy", "staging"]),
            "`staging` is not the name",
        ),
        (
            vec!["restore", "supabase/migrations/20260101000000_v0_1_0_first.sql"],
            "is no snapshot",
        ),
        (vec!["restore", "nowhere.sql"], "nowhere.sql"),
    ] {
        let refused = bench.run(&arguments);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {}", errors(&refused));
        assert!(errors(&refused).contains(words), "{arguments:?}: {}", errors(&refused));
    }
    assert_eq!(bench.state().await, FULL);
    assert_eq!(bench.backups(), Vec::<PathBuf>::new());

    let done = bench.run(&bench.restore(&["--yes-destroy", "shown", "--format", "json"]));
    assert_eq!(done.status.code(), Some(0), "{}", errors(&done));
    assert!(
        errors(&done).starts_with("target: staging (postgres@"),
        "{}",
        errors(&done)
    );
    let report: Value = serde_json::from_slice(&done.stdout).expect("standard output is JSON and nothing else");
    assert_eq!(report["undone"][0], "20260102000000");
    assert_eq!(report["differences"], Value::Array(Vec::new()));
    assert_eq!(report["unverified"], Value::Null);
    assert_eq!(bench.state().await, RESTORED);
    assert_eq!(bench.backups().len(), 1);
    let ignored = fs::read_to_string(bench.project.folder.path().join(".dblsp/.gitignore")).expect("it is there");
    assert_eq!(ignored, "*\n", "rows are not for git");
    let status = bench.succeeds(&["history"]);
    assert!(status.contains("restore"), "{status}");

    // What was undone can be applied again, and rolled back.
    bench.fill().await;
    assert_eq!(bench.state().await, FULL);
}

#[tokio::test]
async fn rolling_back_by_restoring_is_the_document_s_other_strategy() {
    let Some(shadow) = shadow().await else { return };
    let mut bench = Bench::new(&shadow, "strategy").await;
    let typed = ["--yes-destroy", "strategy"];
    for refused in [
        vec!["rollback", "--restore", "20260102000000"],
        vec!["rollback", "--to-before", "20260102000000", "--yes-destroy", "strategy"],
        vec!["rollback", "--to-before", "20260102000000", "--restore", "--yes"],
    ] {
        assert_eq!(bench.run(&refused).status.code(), Some(2), "{refused:?}");
    }
    assert_eq!(bench.state().await, FULL);
    bench.succeeds(&[&["rollback", "--to-before", "20260102000000", "--restore"][..], &typed].concat());
    assert_eq!(bench.state().await, RESTORED);
    bench.fill().await;
    // The script lists the snapshots, and hands on what else it is told.
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scripts/db-rollback.sh");
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_dblsp"));
    let folder = binary.parent().expect("a folder").display().to_string();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
    let known = bench.command(&[]);
    let mut command = Command::new("sh");
    command
        .arg(script)
        .args(["v0.1.0_20260102000000", "--restore"])
        .args(typed);
    command
        .current_dir(bench.project.folder.path())
        .env("PATH", path)
        .stdin(Stdio::null());
    for (name, value) in known.get_envs() {
        match value {
            Some(value) if name != "PATH" => command.env(name, value),
            _ => command.env_remove(if name == "PATH" { "NOTHING".as_ref() } else { name }),
        };
    }
    let done = command.output().expect("a shell");
    assert_eq!(done.status.code(), Some(0), "{}", errors(&done));
    assert!(
        errors(&done).contains("  v0.1.0_20260101000000\n  v0.1.0_20260102000000\n"),
        "{}",
        errors(&done)
    );
    assert_eq!(bench.state().await, RESTORED);
}

#[tokio::test]
async fn a_protected_environment_is_left_alone_unless_the_settings_allow_it() {
    let Some(shadow) = shadow().await else { return };
    let mut bench = Bench::new(&shadow, "protected").await;
    let settings = "[environments.staging]\nurl = \"env(STAGING)\"\nprotected = true\n";
    bench.project.write("dblsp.toml", settings);
    let refused = bench.run(&bench.restore(&["--yes-destroy", "protected"]));
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        errors(&refused).contains("add `restore = true`"),
        "{}",
        errors(&refused)
    );
    assert_eq!(bench.state().await, FULL);
    bench.project.write(
        "dblsp.toml",
        &format!("{settings}restore = true\nconfirm = [\"team notified\"]\n"),
    );
    let refused = bench.run(&bench.restore(&["--yes-destroy", "protected"]));
    assert!(
        errors(&refused).contains("--confirm \"team notified\""),
        "{}",
        errors(&refused)
    );
    assert_eq!(bench.state().await, FULL);
    bench.succeeds(&bench.restore(&["--yes-destroy", "protected", "--confirm", "team notified"]));
    assert_eq!(bench.state().await, RESTORED);
    let confirmed = "select confirmations::text from dblsp.run where verb = 'restore'";
    assert!(value(&mut bench.session, confirmed).await.contains("team notified"));
}

#[tokio::test]
async fn without_a_full_dump_nothing_is_restored() {
    let Some(shadow) = shadow().await else { return };
    let mut bench = Bench::new(&shadow, "undumped").await;
    let snapshot = bench.snapshot.clone();
    let arguments = ["restore", snapshot.as_str(), "--yes-destroy", "undumped"];
    let missing = bench.project.run(&arguments);
    assert_eq!(missing.status.code(), Some(3));
    assert!(errors(&missing).contains("dblsp tools install"), "{}", errors(&missing));
    assert_eq!(bench.state().await, FULL);

    // It takes the schema, and fails at the rows.
    let broken = tempfile::tempdir().expect("a folder");
    let real = database::snapshot::Client::discover(shadow.major(), &[]).expect("a client");
    let script = format!(
        "#!/bin/sh\ncase \" $* \" in *' --format=custom '*) echo 'pg_dump: error: no space' >&2; exit 1;; esac\nexec {} \"$@\"\n",
        real.program.display()
    );
    let program = broken.path().join("pg_dump");
    fs::write(&program, script).expect("written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
    }
    let failed = bench.command(&arguments).env("DBLSP_PG_CLIENT", broken.path()).output();
    let failed = failed.expect("the binary starts");
    assert_eq!(failed.status.code(), Some(3));
    assert!(
        errors(&failed).contains("pg_dump: error: no space"),
        "{}",
        errors(&failed)
    );
    assert_eq!(bench.state().await, FULL);
    assert_eq!(bench.backups(), Vec::<PathBuf>::new(), "half a dump is none");
}

#[tokio::test]
async fn killed_at_a_named_place_it_has_happened_or_has_not() {
    let Some(shadow) = shadow().await else { return };
    let mut bench = Bench::new(&shadow, "named").await;
    for place in FAILPOINTS {
        let arguments = bench.restore(&["--yes-destroy", "named"]);
        let killed = bench.command(&arguments).env("DBLSP_FAILPOINT", place).output();
        let killed = killed.expect("the binary starts");
        assert_eq!(
            killed.status.code(),
            None,
            "{place} was not reached: {}",
            errors(&killed)
        );
        let was_there = bench.check(place, "named").await;
        let is_late = matches!(place, "restore-committed" | "restore-finished");
        assert_eq!(was_there, is_late, "{place}");
        bench.fill().await;
    }
    let left = bench
        .backups()
        .into_iter()
        .filter(|path| path.extension() != Some("dump".as_ref()));
    assert_eq!(left.count(), 0, "no half dumps");
}

#[tokio::test]
async fn killed_at_any_moment_it_has_happened_or_has_not() {
    let Some(shadow) = shadow().await else { return };
    let mut bench = Bench::new(&shadow, "moments").await;
    let moments = kills::moments(12);
    let begin = Instant::now();
    bench.succeeds(&bench.restore(&["--yes-destroy", "moments"]));
    let whole = begin.elapsed();
    bench.fill().await;
    let (mut killed, mut restored) = (0, 0);
    for moment in 0..moments {
        let command = bench.command(&bench.restore(&["--yes-destroy", "moments"]));
        let (when, was_running) = kills::kill(command, whole, moment, moments).await;
        killed += u32::from(was_running);
        restored += u32::from(bench.check(&when, "moments").await);
        bench.fill().await;
    }
    kills::tell("restore", (killed, moments), restored);
    assert!(killed > moments / 4, "{killed} of {moments} were killed");
    assert!(restored < moments, "every one was too late");
}
