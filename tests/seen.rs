//! What is remembered of databases, and what findings say of it once there is no connection.

#[path = "apply/support.rs"]
mod support;

use std::fs;

use database::history;
use serde_json::Value;

use support::{Project, errors, shadow, value};

const USERS: &str = "20250101000000_v0_1_0_users.sql";
const POSTS: &str = "20250102000000_v0_1_0_posts.sql";
const LATE: &str = "20250101120000_v0_1_0_late.sql";
const USERS_SQL: &str = "create table public.users (id bigint primary key);\n";
const POSTS_SQL: &str = "create table public.posts (id bigint primary key);\n";

/// Findings of these rules, as `file: message`; looked for without any way to the database.
fn found(project: &Project, rules: &[&str]) -> Vec<String> {
    let mut check = project.command(&["check", "--format", "json"]);
    let output = check.env_remove("STAGING").output().expect("the binary starts");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let all = report["diagnostics"].as_array().expect("a list").iter();
    let text = |found: &Value, key: &str| found[key].as_str().unwrap_or_default().to_owned();
    let own = all.filter(|found| rules.contains(&text(found, "rule").as_str()));
    own.map(|found| {
        let path = text(found, "path");
        let name = path.rsplit('/').next().unwrap_or_default();
        format!("{name}: {}", text(found, "message"))
    })
    .collect()
}

/// Makes it a project that is none of Supabase's.
fn move_elsewhere(project: &Project, folder: &str) {
    fs::remove_dir_all(project.folder.path().join("supabase")).expect("removed");
    let settings = format!(
        "migrations = [\"{folder}\"]\n[naming]\npattern = \"supabase\"\n[environments.staging]\nurl = \"env(STAGING)\"\n"
    );
    project.write("dblsp.toml", &settings);
}

fn today() -> String {
    database::person::now()[..10].to_owned()
}

#[tokio::test]
async fn what_was_applied_is_known_without_a_connection() {
    let Some(shadow) = shadow().await else { return };
    let rules = ["edited-applied-migration", "out-of-order-migration"];
    let files = [(USERS, USERS_SQL), (POSTS, POSTS_SQL)];
    let project = Project::new(&shadow, "remembered", &files).await;
    project.succeed(&["apply", "--yes"]);
    assert_eq!(found(&project, &rules), Vec::<String>::new());
    let users = format!("supabase/migrations/{USERS}");
    project.write(&users, "-- people\nCREATE TABLE public.users (id bigint primary key)");
    assert_eq!(found(&project, &rules), Vec::<String>::new());
    project.write(&users, "create table public.users (id int primary key);");
    let edited = format!(
        "{USERS}: the file was edited after it was applied on `staging` (seen {})",
        today()
    );
    assert_eq!(found(&project, &rules), [edited]);
    project.write(&users, USERS_SQL);
    project.write(&format!("supabase/migrations/{LATE}"), "select 1;");
    let late = format!(
        "{LATE}: a later migration is applied already: `staging` has `{POSTS}` (seen {})",
        today()
    );
    assert_eq!(found(&project, &rules), [late]);
    // Undone past dblsp: what was seen stays what it was, until somebody looks.
    let mut session = project.session().await;
    session
        .execute(&history::delete("20250102000000"))
        .await
        .expect("deleted");
    assert_eq!(found(&project, &rules).len(), 1);
    project.succeed(&["status"]);
    assert_eq!(found(&project, &rules), Vec::<String>::new());
    let ignored = fs::read_to_string(project.folder.path().join(".dblsp/.gitignore"));
    assert_eq!(ignored.expect("it is there"), "*\n");
    let seen = fs::read_to_string(project.folder.path().join(".dblsp/seen.json")).expect("it is there");
    assert!(!seen.contains(&project.url) && !seen.contains("create table"), "{seen}");
}

#[tokio::test]
async fn what_no_history_records_is_not_guessed() {
    let Some(shadow) = shadow().await else { return };
    let project = Project::new(&shadow, "unrecorded", &[(USERS, USERS_SQL)]).await;
    let mut session = project.session().await;
    // The first versions of the Supabase CLI had no other column.
    let sql = "create schema supabase_migrations;
        create table supabase_migrations.schema_migrations (version text primary key);
        insert into supabase_migrations.schema_migrations values ('20250101000000')";
    session.execute(sql).await.expect("recorded");
    project.succeed(&["status"]);
    assert_eq!(found(&project, &["edited-applied-migration"]), Vec::<String>::new());
    let alter = "alter table supabase_migrations.schema_migrations add statements text[]";
    session.execute(alter).await.expect("altered");
    project.succeed(&["status"]);
    assert_eq!(found(&project, &["edited-applied-migration"]), Vec::<String>::new());
    let sql = "update supabase_migrations.schema_migrations set statements = '{select 1}'";
    session.execute(sql).await.expect("updated");
    assert_eq!(project.run(&["status"]).status.code(), Some(1));
    assert_eq!(found(&project, &["edited-applied-migration"]).len(), 1);
}

#[tokio::test]
async fn drift_is_told_where_the_object_was_made_until_something_is_applied() {
    let Some(shadow) = shadow().await else { return };
    let project = Project::new(&shadow, "drifted", &[]).await;
    move_elsewhere(&project, "db/migrations");
    project.write(&format!("db/migrations/{USERS}"), USERS_SQL);
    project.succeed(&["apply", "--yes"]);
    project.succeed(&["drift"]);
    assert_eq!(found(&project, &["drift"]), Vec::<String>::new());
    let mut session = project.session().await;
    let sql = "alter table public.users add note text default 'hunter2'; create table public.scratch (id int)";
    session.execute(sql).await.expect("changed");
    let drift = project.run(&["drift"]);
    assert_eq!(drift.status.code(), Some(1), "{}", errors(&drift));
    let told = found(&project, &["drift"]);
    let begin = format!(
        "{USERS}: `staging` is not what the migrations make (seen {}): ",
        today()
    );
    let words = "column public.users.note is there, and no migration makes it";
    assert!(told.contains(&format!("{begin}{words}")), "{told:?}");
    assert!(told.iter().any(|told| told.contains("public.scratch")), "{told:?}");
    let seen = fs::read_to_string(project.folder.path().join(".dblsp/seen.json")).expect("it is there");
    assert!(!seen.contains("hunter2"), "{seen}");
    project.write(&format!("db/migrations/{POSTS}"), POSTS_SQL);
    assert_eq!(found(&project, &["drift"]).len(), told.len());
    project.succeed(&["apply", "--yes"]);
    assert_eq!(found(&project, &["drift"]), Vec::<String>::new());
}

#[tokio::test]
async fn a_lock_says_how_many_rows_the_table_has_where_somebody_measured() {
    let Some(shadow) = shadow().await else { return };
    let index = "create index users_id on public.users (id);\n";
    let project = Project::new(&shadow, "measured", &[(USERS, USERS_SQL), (POSTS, index)]).await;
    let rules = ["create-index-non-concurrent"];
    let before = found(&project, &rules);
    assert!(before.len() == 1 && !before[0].contains("rows"), "{before:?}");
    project.succeed(&["apply", "--yes", "--only", &format!("supabase/migrations/{USERS}")]);
    let mut session = project.session().await;
    let fill = "insert into public.users select generate_series(1, 12345)";
    session.execute(fill).await.expect("filled");
    session.execute("analyze public.users").await.expect("analysed");
    project.succeed(&["baseline"]);
    let after = found(&project, &rules);
    assert!(after.len() == 1, "{after:?}");
    assert!(
        after[0].contains("; `users` has 12 thousand rows (464 kB) on staging"),
        "{after:?}"
    );
}

#[tokio::test]
async fn an_address_may_stand_in_a_dotenv_file() {
    let Some(shadow) = shadow().await else { return };
    let project = Project::new(&shadow, "dotenv", &[(USERS, USERS_SQL)]).await;
    let status = |value: Option<&str>| {
        let mut command = project.command(&["status", "--environment", "staging"]);
        command.env_remove("STAGING");
        if let Some(value) = value {
            command.env("STAGING", value);
        }
        command.output().expect("the binary starts")
    };
    let unset = errors(&status(None));
    assert!(
        unset.contains("$STAGING, which is set neither in the environment nor in `.env`"),
        "{unset}"
    );
    // A password that is wrong here is not asked for; it must not be shown either.
    let url = project.url.replace("postgres@", "postgres:hunter2@");
    project.write(".env", &format!("# ours\nOTHER=1\nSTAGING='{url}'\n"));
    let output = status(None);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &errors(&output);
    assert!(said.contains("pending") && !said.contains("hunter2"), "{said}");
    let elsewhere = "postgres://postgres@/nosuch?host=/nowhere";
    assert_eq!(status(Some(elsewhere)).status.code(), Some(3));
    project.write("supabase/.env.local", &format!("STAGING={elsewhere}\n"));
    assert_eq!(status(None).status.code(), Some(3));
    assert_eq!(status(Some(&project.url)).status.code(), Some(0));
}

#[tokio::test]
async fn a_section_of_the_file_undoes_it() {
    let Some(shadow) = shadow().await else { return };
    let project = Project::new(&shadow, "sections", &[]).await;
    move_elsewhere(&project, "db/migrations");
    let up =
        "create table public.users (id bigint primary key);\nalter table public.users enable row level security;\n";
    let dbmate = format!("-- migrate:up\n{up}\n-- migrate:down\ndrop table public.users;\n");
    let goose =
        "-- +goose Up\ncreate view public.ids as select id from public.users;\n-- +goose Down\ndrop view public.ids;\n";
    project.write("db/migrations/20250101000000_users.sql", &dbmate);
    project.write("db/migrations/20250102000000_ids.sql", goose);
    assert_eq!(found(&project, &["rollback-missing"]), Vec::<String>::new());
    project.succeed(&["apply", "--yes"]);
    assert!(
        !project.folder.path().join("db/rollback").exists(),
        "there is nothing to write"
    );
    let mut session = project.session().await;
    let there = "select to_regclass('public.users') is not null and to_regclass('public.ids') is not null";
    assert_eq!(value(&mut session, there).await, "t");
    let recorded = "select count(*) from supabase_migrations.schema_migrations where statements::text ilike '%drop%'";
    assert_eq!(value(&mut session, recorded).await, "0");
    assert_eq!(found(&project, &["edited-applied-migration"]), Vec::<String>::new());
    // Only what is applied is what was applied.
    project.write(
        "db/migrations/20250101000000_users.sql",
        &dbmate.replace("drop table", "drop table if exists"),
    );
    project.succeed(&["status"]);
    project.succeed(&["rollback", "--to-before", "20250101000000", "--yes"]);
    let gone = "select coalesce(to_regclass('public.users'), to_regclass('public.ids')) is null";
    assert_eq!(value(&mut session, gone).await, "t");
    project.write(
        "db/migrations/20250101000000_users.sql",
        &dbmate.replace("drop table", "drop tabel"),
    );
    project.succeed(&["apply", "--yes", "--accept-unproven"]);
    let broken = project.run(&["rollback", "--to-before", "20250101000000", "--yes"]);
    let said = errors(&broken);
    assert!(said.contains("20250101000000_users.sql` line 6"), "{said}");
    // The view went before: each migration is a transaction of its own.
    assert_eq!(
        value(&mut session, "select to_regclass('public.users') is not null").await,
        "t"
    );
}
