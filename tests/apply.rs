//! `dblsp apply` and its relatives as people and programs call them, on a real server: killed at every turn, with odd
//! names, and with a password that must be seen nowhere.

#[path = "apply/support.rs"]
mod support;
#[path = "apply/ways.rs"]
mod ways;

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use database::journal::{self, State};
use database::{Connection, history};
use serde_json::Value;

use support::{Project, errors, shadow, value};

/// A migration that is one transaction, or has an index that is built without one in its middle.
fn migration(number: usize) -> (String, String) {
    let index = if number.is_multiple_of(2) { "" } else { "concurrently " };
    let text = format!(
        "create table public.t{number} (id bigint primary key);
alter table public.t{number} enable row level security;
create table if not exists public.log (n bigint primary key);
alter table public.log enable row level security;
create index {index}on public.t{number} (id);
insert into public.t{number} values (1), (2);
insert into public.log values ({number});
"
    );
    (format!("{}_v0_1_0_m{number}.sql", 20_260_101_000_000 + number), text)
}

fn add(project: &Project, number: usize) {
    let (file, text) = migration(number);
    project.write(&format!("supabase/migrations/{file}"), &text);
}

/// Whatever was killed: a migration is in the history exactly if all of it is there, and the journal agrees.
async fn assert_consistent(session: &mut Connection, number: usize, context: &str) {
    let version = (20_260_101_000_000 + number).to_string();
    let rows = history::read(session).await.expect("the history");
    let is_recorded = rows.iter().any(|row| row.version == version);
    let has_log = value(session, "select to_regclass('public.log') is not null").await == "t";
    let is_there =
        has_log && value(session, &format!("select count(*) from public.log where n = {number}")).await == "1";
    assert_eq!(
        is_recorded, is_there,
        "{context}: the history and the last statement's row"
    );
    let table = value(session, &format!("select to_regclass('public.t{number}') is not null")).await == "t";
    if number.is_multiple_of(2) {
        assert_eq!(is_recorded, table, "{context}: all of the file or nothing");
    }
    let runs = journal::runs(session).await.expect("the journal");
    let mut states = runs.iter().filter(|run| run.version == version).map(|run| run.state);
    let is_done = states.any(|state| matches!(state, State::Applied | State::Finished));
    assert_eq!(is_recorded, is_done, "{context}: the history and the journal");
}

async fn assert_complete(session: &mut Connection, number: usize, context: &str) {
    assert_consistent(session, number, context).await;
    let counts = format!(
        "select (select count(*) from public.t{number}) || ' '
             || (select count(*) from pg_index where indrelid = 'public.t{number}'::regclass and indisvalid) || ' '
             || (select count(*) from pg_index where indrelid = 'public.t{number}'::regclass) || ' '
             || (select count(*) from public.log where n = {number})"
    );
    assert_eq!(
        value(session, &counts).await,
        "2 2 2 1",
        "{context}: rows, valid indexes, indexes, log"
    );
    let version = (20_260_101_000_000 + number).to_string();
    let runs = journal::runs(session).await.expect("the journal");
    let states: Vec<State> = runs
        .iter()
        .filter(|run| run.version == version)
        .map(|run| run.state)
        .collect();
    assert_eq!(
        states.iter().filter(|state| **state == State::Finished).count(),
        1,
        "{context}: {states:?}"
    );
    assert!(
        !states
            .iter()
            .any(|state| matches!(state, State::Started | State::Applied)),
        "{context}: {states:?}"
    );
}

const FAILPOINTS: [&str; 15] = [
    "locked",
    "installed",
    "started",
    "snapshot",
    "begun",
    "kept",
    "statement",
    "recorded",
    "commit",
    "alone",
    "alone-done",
    "alone-journalled",
    "committed",
    "snapshot-after",
    "finished",
];

#[tokio::test]
async fn killed_at_every_failpoint_the_next_apply_finishes() {
    let Some(shadow) = shadow().await else { return };
    for (at, failpoint) in FAILPOINTS.iter().enumerate() {
        // Those around a statement without a transaction need one; the transaction's need both kinds of file.
        let numbers: &[usize] = match *failpoint {
            "begun" | "statement" | "recorded" | "commit" => &[2, 3],
            other if other.starts_with("alone") => &[3],
            _ => &[2],
        };
        for &number in numbers {
            let project = Project::new(&shadow, &format!("f{at}_{number}"), &[]).await;
            add(&project, number);
            let output = project
                .command(&["apply"])
                .env("DBLSP_FAILPOINT", failpoint)
                .output()
                .expect("it starts");
            let is_of_steps = failpoint.starts_with("alone") && number.is_multiple_of(2);
            assert_eq!(
                output.status.signal().is_some(),
                !is_of_steps,
                "{failpoint} {number}: {}",
                errors(&output)
            );
            let mut session = project.session().await;
            assert_consistent(&mut session, number, failpoint).await;
            project.succeed(&["apply"]);
            assert_complete(&mut session, number, failpoint).await;
            let again = project.succeed(&["apply"]);
            assert_eq!(again, "nothing to apply\n");
        }
    }
}

#[tokio::test]
async fn killed_at_two_hundred_random_moments_nothing_is_half_recorded() {
    let Some(shadow) = shadow().await else { return };
    let project = Project::new(&shadow, "random", &[]).await;
    let mut session = project.session().await;
    let random = RandomState::new();
    let mut next = 2;
    let mut kills = 0;
    let mut moments = 0_u64;
    let mut longest = Duration::from_millis(250);
    while kills < 200 {
        let rows = history::read(&mut session).await.expect("the history");
        if rows.len() + 3 > next - 2 {
            // What is done already is not replayed again and again.
            for number in 2..next {
                let (file, _) = migration(number);
                let is_applied = rows.iter().any(|row| file.starts_with(&row.version));
                if is_applied && number + 6 < next {
                    session.execute(&history::delete(&file[..14])).await.expect("deleted");
                    fs::remove_file(project.folder.path().join("supabase/migrations").join(file)).ok();
                }
            }
            for number in next..next + 3 {
                add(&project, number);
            }
            next += 3;
        }
        let mut hasher = random.build_hasher();
        hasher.write_u64(moments);
        moments += 1;
        let moment = longest * u32::try_from(hasher.finish() % 1000).expect("it is small") / 1000;
        let begin = Instant::now();
        let mut child = project
            .command(&["apply"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        tokio::time::sleep(moment).await;
        child.kill().expect("it can be killed");
        let output = child.wait_with_output().expect("it ends");
        if output.status.signal().is_some() {
            kills += 1;
        } else {
            assert_eq!(
                output.status.code(),
                Some(0),
                "after {kills} kills: {}",
                errors(&output)
            );
            longest = begin.elapsed();
        }
        let recent = next.saturating_sub(6).max(2);
        wait_for_orphans(&mut session).await;
        for number in recent..next {
            assert_consistent(&mut session, number, &format!("kill {kills}, number {number}")).await;
        }
    }
    project.succeed(&["apply"]);
    for number in next.saturating_sub(6).max(2)..next {
        assert_complete(&mut session, number, "in the end").await;
    }
}

/// The server goes on with the last statement of a client that was killed.
async fn wait_for_orphans(session: &mut Connection) {
    let orphans = "select count(*) from pg_stat_activity where application_name like 'dblsp apply%'";
    while value(session, orphans).await != "0" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

const A: &str = "20260101000000_v0_1_0_a.sql";

#[tokio::test]
async fn apply_prints_the_document_s_steps_and_status_shows_the_matrix() {
    let Some(shadow) = shadow().await else { return };
    let table = "create table public.t (id bigint primary key);\nalter table public.t enable row level security;\n";
    let held = "-- dblsp: hold (later)\nselect 1;\n";
    let project = Project::new(&shadow, "steps", &[(A, table), ("20260102000000_v0_2_0_b.sql", held)]).await;
    project.write(
        "supabase/rollback/20260101000000_rollback.sql",
        "drop table public.t;\n",
    );
    assert_eq!(
        project.succeed(&["link", "staging"]).lines().next(),
        Some(&*format!(
            "linked to staging (postgres@{}:5432/steps)",
            shadow.folder().display()
        ))
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/db-migrate.sh");
    let bin = Path::new(env!("CARGO_BIN_EXE_dblsp"))
        .parent()
        .expect("it is in a folder");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let mut migrate = Command::new(script);
    let output = migrate
        .arg(format!("supabase/migrations/{A}"))
        .current_dir(project.folder.path())
        .env("STAGING", &project.url)
        .env("PATH", path)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("USER", "tester")
        .env("DBLSP_PG_CLIENT", project.empty.path())
        .output()
        .expect("the script starts");
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stdout), @r"
    Migration: 20260101000000_v0_1_0_a.sql
    Snapshot: schemas/v0.1.0_20260101000000.sql
    Applying migration...
    Migration applied
    Rollback: rollback/20260101000000_rollback.sql
    Verifying...
    Complete!
    ");
    assert!(
        project
            .folder
            .path()
            .join("supabase/schemas/v0.1.0_20260101000000_after.sql")
            .is_file()
    );
    insta::assert_snapshot!(project.succeed(&["status"]), @r"
    migration                    staging
    20260101000000_v0_1_0_a.sql  applied
    20260102000000_v0_2_0_b.sql  on hold
    ");
    let json: Value =
        serde_json::from_str(&project.succeed(&["status", "--metrics", "--format", "json"])).expect("JSON");
    assert_eq!(json["migrations"][0]["standing"]["staging"], "applied");
    assert_eq!(json["environments"][0]["metrics"]["tables"], 1);
    let json: Value = serde_json::from_str(&project.succeed(&["history", "--format", "json"])).expect("JSON");
    assert_eq!(
        (&json["runs"][0]["who"], &json["runs"][0]["state"]),
        (&"tester".into(), &"finished".into())
    );
    assert_eq!(project.succeed(&["apply"]), "nothing to apply\n");
    let held = project.run(&["apply", "--only", "supabase/migrations/20260102000000_v0_2_0_b.sql"]);
    assert_eq!(held.status.code(), Some(2), "{}", errors(&held));
    assert_eq!(
        project.succeed(&["mark", "reverted", "20260101000000"]).lines().count(),
        1
    );
    assert!(project.succeed(&["status"]).contains("pending"));
    assert!(
        project
            .succeed(&["mark", "applied", "20260101000000"])
            .contains("marked as applied")
    );
    assert!(
        project
            .succeed(&["plan", "--release", "--format", "sql"])
            .contains("'20260102000000'")
    );
}

#[tokio::test]
async fn a_failing_smoke_test_undoes_the_migration_where_that_is_wanted() {
    let Some(shadow) = shadow().await else { return };
    let table = "create table public.t (id bigint primary key);\nalter table public.t enable row level security;\n";
    let project = Project::new(&shadow, "smoke", &[(A, table)]).await;
    let test = "do $$ begin if to_regclass('public.other') is null then raise 'no table other'; end if; end $$;\n";
    project.write("supabase/tests/v0.1.0_smoke_test.sql", test);
    let output = project.run(&["apply", "--rollback-on-failure"]);
    assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
    assert!(errors(&output).contains("no table other"), "{}", errors(&output));
    let written = fs::read_to_string(
        project
            .folder
            .path()
            .join("supabase/rollback/20260101000000_rollback.sql"),
    );
    assert!(
        written
            .expect("it was written")
            .to_lowercase()
            .contains("drop table public.t")
    );
    let mut session = project.session().await;
    assert_eq!(value(&mut session, "select to_regclass('public.t') is null").await, "t");
    assert!(history::read(&mut session).await.expect("the history").is_empty());
}

#[tokio::test]
async fn a_failure_points_at_the_statement() {
    let Some(shadow) = shadow().await else { return };
    let text = "select 1;\ndo $$ begin\n  perform 1 / 0;\nend $$;\n";
    let project = Project::new(&shadow, "failure", &[(A, text)]).await;
    let output = project.run(&["apply", "--format", "json"]);
    assert_eq!(output.status.code(), Some(3));
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let statement = &json["error"]["statement"];
    assert_eq!(
        (&statement["sqlstate"], &statement["line"]),
        (&"22012".into(), &2.into())
    );
    assert!(
        errors(&output).contains("inline_code_block line 2 at PERFORM"),
        "{}",
        errors(&output)
    );
    let dry = project.run(&["apply", "--dry-run"]);
    assert_eq!(dry.status.code(), Some(3), "the same on a throw-away server");
    assert!(errors(&dry).contains("division by zero"));
}

#[tokio::test]
async fn odd_names_of_files_and_objects_are_only_names() {
    let Some(shadow) = shadow().await else { return };
    let file = "20260101000000_it's; \"$(touch x)\" `y` é.sql";
    let text = "create schema \"a b;'\"; create table \"a b;'\".\"t\"\"x $(y)\" (\"c'd\" int primary key);\n\
        alter table \"a b;'\".\"t\"\"x $(y)\" enable row level security;\n\
        create index concurrently \"i;'\" on \"a b;'\".\"t\"\"x $(y)\" (\"c'd\");\n";
    let project = Project::new(&shadow, "odd'na me;$x", &[(file, text)]).await;
    project.write(
        "dblsp.toml",
        "[environments.staging]\nurl = \"env(STAGING)\"\n[naming]\npattern = \"supabase\"\n",
    );
    for failpoint in ["alone-done", ""] {
        drop(
            project
                .command(&["apply"])
                .env("DBLSP_FAILPOINT", failpoint)
                .output()
                .expect("it starts"),
        );
    }
    let mut session = project.session().await;
    let rows = history::read(&mut session).await.expect("the history");
    assert_eq!(rows[0].name.as_deref(), Some("it's; \"$(touch x)\" `y` é"));
    let valid = "select count(*) from pg_index where indrelid = '\"a b;''\".\"t\"\"x $(y)\"'::regclass and indisvalid";
    assert_eq!(value(&mut session, valid).await, "2");
    assert!(!project.folder.path().join("x").exists());
}
