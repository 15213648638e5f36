//! Proofs on a real server: what is right is proven, and what is wrong is never.

mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use analysis::history::{Base, Companion, CompanionKind, History, Migration};
use analysis::proof::Verdict;
use analysis::settings::Settings;
use database::prove::{self, Limits, Progress, Proof, Request, Store, WithRows, attach, prove};
use database::warm;
use database::{Address, Connection, Options, ShadowError};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A project of its own, with a server of its own, gone when dropped.
struct Project {
    folder: TempDir,
    history: History,
    limits: Limits,
    cancel: CancellationToken,
}

impl Project {
    /// Migrations, each with its rollback.
    fn new(base: Base, files: &[(&str, &str)]) -> Self {
        let mut history = History {
            complete: true,
            base,
            ..History::default()
        };
        for (number, (migration, rollback)) in files.iter().enumerate() {
            add(&mut history, number, migration, Some(rollback));
        }
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            history,
            limits: Limits::default(),
            cancel: CancellationToken::new(),
        }
    }

    fn store(&self) -> Store {
        Store::beneath(&self.folder.path().join("cache"), self.folder.path())
    }

    async fn prove(&self, rows: WithRows) -> Option<Vec<Proof>> {
        let numbers = (0..self.history.migrations.len()).collect();
        self.prove_some(rows, numbers, &|_| {}).await
    }

    async fn prove_some(
        &self,
        rows: WithRows,
        numbers: Vec<usize>,
        tell: &(dyn Fn(Progress<'_>) + Send + Sync),
    ) -> Option<Vec<Proof>> {
        let store = self.store();
        let request = Request {
            workspace: self.folder.path(),
            history: &self.history,
            settings: &Settings::default(),
            numbers,
            rows,
            options: options(),
            store: Some(&store),
            limits: self.limits,
            cancel: self.cancel.clone(),
        };
        match prove(&request, tell).await {
            Ok(proofs) => Some(proofs),
            Err(prove::ProveError::Shadow(ShadowError::NotInstalled))
                if std::env::var("CI").as_deref() != Ok("true") =>
            {
                support::skip();
                None
            }
            Err(error) => panic!("{error}\nhint: {}", error.hint()),
        }
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        drop(warm::stop(&options(), Some(self.folder.path())));
    }
}

fn options() -> Options {
    Options {
        folder: std::env::var_os("DBLSP_TEST_ROOT").map(PathBuf::from),
        major: Some(15),
        ..Options::default()
    }
}

fn add(history: &mut History, number: usize, migration: &str, rollback: Option<&str>) {
    let mut file = Migration::new(
        &format!("migrations/2025010100000{number}_v0_1_{number}_x.sql"),
        migration,
    );
    let path = format!("rollback/2025010100000{number}_rollback.sql");
    file.rollback_path = Some(path.clone());
    file.has_rollback = rollback.is_some();
    file.convention = true;
    history.migrations.push(file);
    history.companions.extend(rollback.map(|text| Companion {
        path,
        text: text.into(),
        kind: CompanionKind::Rollback,
        judged: true,
    }));
}

/// The last migration's proof.
async fn last(base: Base, rows: WithRows, files: &[(&str, &str)]) -> Option<Proof> {
    let project = Project::new(base, files);
    let numbers = vec![files.len() - 1];
    project.prove_some(rows, numbers, &|_| {}).await?.pop()
}

#[track_caller]
fn assert_verdict(proof: &Proof, verdict: Verdict, reason: &str) {
    assert_eq!(proof.verdict(), verdict, "{proof:#?}");
    let said = proof.reason.clone().unwrap_or_default() + &proof.lines.join("\n");
    assert!(said.contains(reason), "{reason} in {proof:#?}");
}

const USERS: (&str, &str) = (
    "create table public.users (id bigint primary key, name text not null, note text); \
     insert into public.users values (1, 'a', 'kept'), (2, 'b', null);",
    "drop table public.users;",
);

#[tokio::test]
async fn what_restores_everything_is_proven() {
    let files = [
        USERS,
        (
            "alter table public.users add email text; create index users_email_idx on public.users (email);",
            "alter table public.users drop column email;",
        ),
        (
            "create view public.names as select name from public.users;",
            "drop view public.names;",
        ),
    ];
    let project = Project::new(Base::Empty, &files);
    let Some(proofs) = project.prove(WithRows::Yes).await else {
        return;
    };
    for proof in &proofs {
        assert_verdict(proof, Verdict::Proven, "");
        assert!(proof.diff.is_empty() && proof.reason.is_none(), "{proof:#?}");
    }
}

#[tokio::test]
async fn a_column_that_comes_back_with_its_rows_is_proven_as_reordered() {
    let files = [
        USERS,
        (
            "alter table public.users drop column name;",
            "alter table public.users add column name text;\n\
             -- dblsp: restore public.users (name)\n\
             alter table public.users alter column name set not null;",
        ),
    ];
    for rows in [WithRows::No, WithRows::Yes] {
        let Some(proof) = last(Base::Empty, rows, &files).await else {
            return;
        };
        assert_verdict(
            &proof,
            Verdict::Reordered,
            "public.users has its columns in another order",
        );
    }
}

#[tokio::test]
async fn rows_that_do_not_come_back_are_seen_with_rows() {
    let without_key = "create table public.log (a text); insert into public.log values ('x');";
    let files = [
        (without_key, "drop table public.log;"),
        ("do $$ begin execute 'delete from public.log'; end $$;", "select 1;"),
    ];
    let Some(proof) = last(Base::Empty, WithRows::Yes, &files).await else {
        return;
    };
    assert_verdict(&proof, Verdict::Incomplete, "rows of public.log were");
    assert_eq!(proof.diff[0]["class"], "rows");
}

#[tokio::test]
async fn what_is_left_is_incomplete_and_what_is_new_differs() {
    let emptied = [USERS, ("alter table public.users add email text;", "-- nothing\n")];
    let Some(proof) = last(Base::Empty, WithRows::No, &emptied).await else {
        return;
    };
    assert_verdict(
        &proof,
        Verdict::Incomplete,
        "column public.users.email is there and was not",
    );
    assert_eq!(proof.diff[0]["what"], "added");
    let other = [
        USERS,
        (
            "alter table public.users alter name drop not null;",
            "alter table public.users alter name set not null; alter table public.users alter name set default 'x';",
        ),
    ];
    let Some(proof) = last(Base::Empty, WithRows::No, &other).await else {
        return;
    };
    assert_verdict(&proof, Verdict::Differs, "column public.users.name changed: default");
}

#[tokio::test]
async fn an_unanswered_todo_is_incomplete() {
    let files = [USERS, ("select 1;", "-- TODO: think about it\nselect 1;")];
    let Some(proof) = last(Base::Empty, WithRows::No, &files).await else {
        return;
    };
    assert_verdict(&proof, Verdict::Incomplete, "TODO");
}

#[tokio::test]
async fn a_statement_that_is_refused_is_shown_in_its_file() {
    let files = [USERS, ("create table public.a ();", "select 1;\ndrop table public.aa;")];
    let Some(proof) = last(Base::Empty, WithRows::No, &files).await else {
        return;
    };
    assert_verdict(&proof, Verdict::Fails, "rollback/20250101000001_rollback.sql");
    let failure = proof.failure.expect("a failure");
    assert!(failure.in_rollback);
    assert_eq!((failure.sqlstate.as_str(), failure.span), ("42P01", [10, 30]));
    let files = [USERS, ("select 1;\nselect nme from public.users;", "select 1;")];
    let Some(proof) = last(Base::Empty, WithRows::No, &files).await else {
        return;
    };
    assert_verdict(&proof, Verdict::Fails, "migrations/20250101000001");
    let failure = proof.failure.expect("a failure");
    assert!(!failure.in_rollback);
    assert_eq!((failure.sqlstate.as_str(), failure.span), ("42703", [17, 20]));
    assert!(failure.hint.expect("a hint").contains("users.name"));
}

#[tokio::test]
async fn what_cannot_be_applied_twice_fails() {
    let files = [
        USERS,
        (
            "create sequence public.s; select setval('public.s', 5); create table public.t (a int check (a < 9));",
            "drop table public.t; drop sequence public.s; create table public.elsewhere (); \
             drop table public.elsewhere; alter database current_database reset all;",
        ),
    ];
    let Some(proof) = last(Base::Empty, WithRows::No, &files).await else {
        return;
    };
    assert_eq!(proof.verdict(), Verdict::Fails, "{proof:#?}");
}

#[tokio::test]
async fn what_the_server_cannot_do_is_unverifiable() {
    for (sql, reason) in [
        ("create extension timescaledb;", "needs timescaledb"),
        (
            "create event trigger e on ddl_command_end execute function f();",
            "needs rights",
        ),
        ("copy (select 1) to program 'true';", "needs rights"),
        ("select pg_read_file('/etc/passwd');", "needs rights"),
        ("select lo_export(lo_create(0), '/tmp/dblsp-was-here');", "needs rights"),
        ("select lo_import('/etc/passwd');", "needs rights"),
        ("copy (select 1) to '/tmp/dblsp-was-here';", "needs rights"),
        ("alter system set work_mem = '1GB';", ""),
        ("drop role supabase_admin;", ""),
        ("alter role postgres superuser;", "needs rights"),
        ("load 'pg_prewarm';", "needs rights"),
    ] {
        let before = "create function f() returns event_trigger language plpgsql as $$ begin end $$;";
        let files = [(before, "drop function public.f();"), (sql, "select 1;")];
        let Some(proof) = last(Base::Empty, WithRows::No, &files).await else {
            return;
        };
        assert_verdict(&proof, Verdict::Unverifiable, reason);
    }
    assert!(!std::path::Path::new("/tmp/dblsp-was-here").exists());
}

#[tokio::test]
async fn a_history_that_does_not_apply_makes_what_follows_unverifiable() {
    let files = [("create tabel x;", "select 1;"), USERS];
    let project = Project::new(Base::Empty, &files);
    let Some(proofs) = project.prove(WithRows::No).await else {
        return;
    };
    assert_verdict(&proofs[0], Verdict::Fails, "syntax error");
    assert_verdict(
        &proofs[1],
        Verdict::Unverifiable,
        "the history before it does not apply",
    );
}

#[tokio::test]
async fn roles_come_and_go() {
    let files = [
        ("create role clerk;", "drop role clerk;"),
        (
            "create table public.t (a int); grant select on public.t to clerk;",
            "drop table public.t;",
        ),
        (
            "revoke select on public.t from clerk; drop role clerk;",
            "create role clerk; grant select on public.t to clerk;",
        ),
        (
            "alter role anon set lock_timeout = '1s';",
            "alter role anon reset lock_timeout;",
        ),
        ("create role other;", "drop role other;"),
    ];
    let mut project = Project::new(Base::Supabase, &files);
    let Some(proofs) = project.prove(WithRows::No).await else {
        return;
    };
    for proof in &proofs {
        assert_verdict(proof, Verdict::Proven, "");
    }
    // The first again, after the later ones have made its role part of what is kept.
    project.history.companions[0].text = "drop role if exists clerk;".into();
    let Some(proofs) = project.prove(WithRows::No).await else {
        return;
    };
    for proof in &proofs {
        assert_verdict(proof, Verdict::Proven, "");
    }
    assert!(!proofs[0].known && proofs[1].known);
}

#[tokio::test]
async fn runaways_are_stopped() {
    let endless = "create table public.t as select i from generate_series(1, 1000000000000) i;";
    let mut project = Project::new(
        Base::Empty,
        &[("set statement_timeout = 0; ", "select 1;"), (endless, "select 1;")],
    );
    project.limits.total = Duration::from_secs(2);
    let Some(proofs) = project.prove(WithRows::No).await else {
        return;
    };
    assert_verdict(&proofs[1], Verdict::Unverifiable, "stopped after 2 seconds");
    project.limits = Limits {
        disk: 64 << 20,
        ..Limits::default()
    };
    project.history.migrations[1].text = "create table public.t (a text); \
         do $$ begin loop insert into public.t values (repeat('x', 5000)); end loop; end $$;"
        .into();
    project.history.migrations[1].forward.end = u32::try_from(project.history.migrations[1].text.len()).expect("short");
    let Some(proofs) = project.prove(WithRows::No).await else {
        return;
    };
    assert_verdict(&proofs[1], Verdict::Unverifiable, "stopped because it filled 64 MB");
    project.limits = Limits {
        statement: Duration::from_secs(1),
        ..Limits::default()
    };
    let Some(proofs) = project.prove(WithRows::No).await else {
        return;
    };
    assert_verdict(&proofs[1], Verdict::Unverifiable, "a statement took longer");
}

#[tokio::test]
async fn somebody_who_cancels_is_heard() {
    let project = Project::new(Base::Empty, &[("select pg_sleep(60);", "select 1;")]);
    let store = project.store();
    let cancel = project.cancel.clone();
    let request = Request {
        workspace: project.folder.path(),
        history: &project.history,
        settings: &Settings::default(),
        numbers: vec![0],
        rows: WithRows::No,
        options: options(),
        store: Some(&store),
        limits: Limits::default(),
        cancel: cancel.clone(),
    };
    let begin = Instant::now();
    let tell = move |progress: Progress<'_>| {
        if matches!(progress, Progress::Begins(_)) {
            let cancel = cancel.clone();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_secs(2));
                cancel.cancel();
            });
        }
    };
    match prove(&request, &tell).await {
        Err(prove::ProveError::Cancelled) => assert!(begin.elapsed() < Duration::from_secs(30)),
        Err(prove::ProveError::Shadow(ShadowError::NotInstalled)) => support::skip(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_history_is_replayed_once_and_proofs_are_kept() {
    let files: Vec<(String, String)> = (0..40)
        .map(|n| {
            (
                format!("create table public.t{n} (a int);"),
                format!("drop table public.t{n};"),
            )
        })
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(up, down)| (up.as_str(), down.as_str())).collect();
    let mut project = Project::new(Base::Empty, &files);
    let replayed = Arc::new(AtomicUsize::new(0));
    let count = {
        let replayed = Arc::clone(&replayed);
        move |progress: Progress<'_>| {
            if matches!(progress, Progress::Replaying(..)) {
                replayed.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    let Some(proofs) = project.prove_some(WithRows::No, vec![39], &count).await else {
        return;
    };
    assert_verdict(&proofs[0], Verdict::Proven, "");
    assert_eq!(replayed.swap(0, Ordering::Relaxed), 39);
    // Known: nothing is run.
    let proofs = project
        .prove_some(WithRows::No, vec![39], &count)
        .await
        .expect("a server");
    assert!(proofs[0].known && replayed.swap(0, Ordering::Relaxed) == 0);
    // Another rollback, from the copy that is kept.
    project.history.companions[39].text = "drop table if exists public.t39;".into();
    let proofs = project
        .prove_some(WithRows::No, vec![39], &count)
        .await
        .expect("a server");
    assert!(!proofs[0].known && replayed.load(Ordering::Relaxed) == 0);
    // Rules hear of it.
    let store = project.store();
    attach(&mut project.history, &Settings::default(), &store);
    let known = &project.history.proofs;
    assert_eq!(known.len(), 1);
    assert!(
        known
            .values()
            .all(|proof| proof.is_current && proof.verdict == Verdict::Proven)
    );
    project.history.companions[39].text = "".into();
    attach(&mut project.history, &Settings::default(), &store);
    assert!(project.history.proofs.values().all(|proof| !proof.is_current));
}

#[tokio::test]
async fn what_is_said_of_a_role_does_not_stay() {
    let left = ("comment on role anon is 'x';", "select 1;");
    let undone = ("comment on role anon is 'x';", "comment on role anon is null;");
    for (file, verdict) in [
        (left, Verdict::Incomplete),
        (undone, Verdict::Proven),
        (left, Verdict::Incomplete),
    ] {
        let mut project = Project::new(Base::Supabase, &[file, USERS]);
        let Some(proofs) = project.prove(WithRows::No).await else {
            return;
        };
        assert_verdict(&proofs[0], verdict, "");
        assert_verdict(&proofs[1], Verdict::Proven, "");
        // Once more, with what is known of the database before.
        project.history.companions[0].text = format!("-- again\n{}", file.1).into();
        project.history.companions[1].text = "drop table if exists public.users;".into();
        let proofs = project.prove(WithRows::Yes).await.expect("a server");
        assert_verdict(&proofs[0], verdict, "");
        assert_verdict(&proofs[1], Verdict::Proven, "");
    }
}

/// The databases of the project's server beside those of dblsp.
async fn strange_databases(project: &Project) -> Vec<String> {
    let own = project.folder.path().canonicalize().expect("a folder");
    let all = warm::list(options().folder).expect("a list");
    let warm = all.into_iter().find(|warm| warm.workspace == own).expect("it is kept");
    let url = format!("postgres:///postgres?host={}&user=postgres", warm.folder.display());
    let address = Address::parse(&url, &|_| None).expect("an address");
    let mut session = Connection::connect(&address, "test").await.expect("a session");
    let names = "SELECT datname FROM pg_database WHERE datname NOT LIKE 'prefix\\_%' \
                 AND datname NOT IN ('postgres', 'template1', 'template_supabase') ORDER BY 1";
    let rows = session.rows(names).await.expect("an answer");
    rows.into_iter().flatten().flatten().collect()
}

#[tokio::test]
async fn databases_that_a_migration_makes_do_not_stay() {
    let aside = ("create database aside;", "drop database aside;");
    let left = ("create database aside;", "select 1;");
    for (file, verdict, reason) in [
        (aside, Verdict::Proven, ""),
        (left, Verdict::Fails, "cannot be applied again"),
    ] {
        let project = Project::new(Base::Empty, &[file]);
        let Some(proofs) = project.prove(WithRows::No).await else {
            return;
        };
        assert_verdict(&proofs[0], verdict, reason);
        assert_eq!(strange_databases(&project).await, Vec::<String>::new());
    }
    // What comes before a migration is there for it.
    let later = ("drop database aside;", "create database aside;");
    let project = Project::new(Base::Empty, &[left, later, USERS]);
    let proofs = project.prove(WithRows::No).await.expect("a server");
    assert_verdict(&proofs[1], Verdict::Proven, "");
    assert_verdict(&proofs[2], Verdict::Proven, "");
    assert_eq!(strange_databases(&project).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_migration_that_drops_our_own_database_does_no_harm() {
    let hostile = ("drop database template_supabase;", "select 1;");
    let project = Project::new(Base::Supabase, &[hostile]);
    let Some(proofs) = project.prove(WithRows::No).await else {
        return;
    };
    assert_verdict(&proofs[0], Verdict::Fails, "cannot be applied again");
    let mut project = project;
    project.history = Project::new(Base::Supabase, &[USERS]).history.clone();
    let proofs = project.prove(WithRows::No).await.expect("a server");
    assert_verdict(&proofs[0], Verdict::Proven, "");
}

#[tokio::test]
async fn a_project_s_server_listens_nowhere_and_ends_when_told() {
    let project = Project::new(Base::Empty, &[USERS]);
    let Some(_) = project.prove(WithRows::No).await else {
        return;
    };
    let own = project.folder.path().canonicalize().expect("a folder");
    let running = || {
        let all = warm::list(options().folder).expect("a list");
        all.into_iter().find(|warm| warm.workspace == own)
    };
    let warm = running().expect("it is kept");
    let sockets = std::fs::read_to_string(format!("/proc/{}/net/tcp", warm.process)).unwrap_or_default();
    let inodes = sockets
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().nth(9));
    let own_sockets: Vec<String> = std::fs::read_dir(format!("/proc/{}/fd", warm.process))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .map(|link| link.to_string_lossy().into_owned())
        .collect();
    for inode in inodes {
        assert!(
            !own_sockets.contains(&format!("socket:[{inode}]")),
            "it has a TCP socket"
        );
    }
    assert!(!own_sockets.is_empty() || !cfg!(target_os = "linux"));
    let stopped = warm::stop(&options(), Some(project.folder.path())).expect("it stops");
    assert_eq!(stopped.len(), 1);
    assert!(running().is_none() && !warm.folder.exists());
}
