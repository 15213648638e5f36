//! `dblsp adopt` as people call it, on a real server.

#[path = "apply/support.rs"]
#[allow(dead_code, reason = "each test binary uses its own part of this module")]
mod support;

use std::fs;

use serde_json::Value;

use support::{Project, errors, shadow, value};

const LIVE: &str = "create type public.mood as enum ('good', 'bad');
create table public.a (id bigint generated always as identity primary key, mood public.mood);
alter table public.a enable row level security;
create policy p on public.a using (id > 0);
create view public.\"odd; \"\"v\"\"\" as select id from public.a;
comment on table public.a is 'it''s';
insert into public.a (mood) values ('good')";

fn migrations(project: &Project) -> Vec<String> {
    let folder = project.folder.path().join("db/migrations");
    let files = fs::read_dir(folder).expect("a folder").flatten();
    files
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

#[tokio::test]
async fn a_live_schema_becomes_the_first_migration_and_nothing_else_changes() {
    let Some(shadow) = shadow().await else { return };
    let project = Project::new(&shadow, "adopted", &[]).await;
    fs::remove_dir_all(project.folder.path().join("supabase")).expect("removed");
    fs::create_dir_all(project.folder.path().join("db/migrations")).expect("created");
    project.write(
        "dblsp.toml",
        "migrations = [\"db/migrations\"]
[environments.staging]
url = \"env(STAGING)\"
",
    );
    let mut session = project.session().await;
    session.execute(LIVE).await.expect("it is valid");

    let shown = project.succeed(&["adopt", "--dry-run"]);
    assert!(
        shown.contains("CREATE TABLE public.a") && shown.contains("CREATE POLICY p"),
        "{shown}"
    );
    assert_eq!(migrations(&project), Vec::<String>::new());

    let unasked = project.run(&["adopt", "--mark-applied"]);
    assert_eq!(unasked.status.code(), Some(2), "{}", errors(&unasked));
    assert_eq!(migrations(&project), Vec::<String>::new(), "nobody said yes");

    let output = project.run(&["adopt", "--mark-applied", "--yes", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    assert!(
        errors(&output).starts_with("target: staging (postgres@"),
        "{}",
        errors(&output)
    );
    let report: Value = serde_json::from_slice(&output.stdout).expect("standard output is JSON and nothing else");
    assert_eq!(
        (&report["written"], &report["marked"]),
        (&Value::Bool(true), &Value::Bool(true))
    );
    assert_eq!(report["differences"], Value::Array(Vec::new()));
    let files = migrations(&project);
    assert!(
        matches!(files.as_slice(), [only] if only.ends_with("_v0_1_0_baseline.sql")),
        "{files:?}"
    );

    assert_eq!(value(&mut session, "select count(*) from public.a").await, "1");
    let drift = project.succeed(&["drift"]);
    assert!(drift.contains("is what its 1 migrations make"), "{drift}");
    let status = project.succeed(&["plan"]);
    assert!(!status.contains("CREATE TABLE"), "{status}");

    let again = project.run(&["adopt"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(errors(&again).contains("has migrations already"), "{}", errors(&again));
    assert_eq!(migrations(&project), files);
}
