//! `dblsp trace` and `dblsp graph` as people call them.

#[path = "support/postgres.rs"]
mod postgres;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use postgres::has_postgres;

const FIRST: &str = "create table users (id bigint primary key, email text not null, born date);
create table orders (id bigint primary key, user_id bigint not null references users, total numeric(10, 2), note text);
";
const SECOND: &str = "alter table orders alter column total type numeric(12, 4);
alter table orders add constraint total_positive check (total > 0) not valid;
create index on orders (user_id);
alter table users rename column born to birthday;
create table visits (id bigint primary key, user_id bigint references users);
create index concurrently orders_total on orders (total);
";
const ROLLBACK: &str = "drop index orders_total; drop table visits;";
const BASELINE: &str = r#"{"version":1,"environment":"production","server_major":15,"measured":"2026-01-31T09:00:00Z",
"tables":{"public.orders":{"rows":5000000,"bytes":734003200,"index_bytes":209715200},
"public.users":{"rows":100000,"bytes":10485760,"index_bytes":4194304}}}"#;

fn project() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = [
        (
            "dblsp.toml",
            "version = 1\nmigrations = [\"migrations\"]\n[naming]\npattern = \"supabase\"\n",
        ),
        ("migrations/20250101000000_first.sql", FIRST),
        ("migrations/20250102000000_second.sql", SECOND),
        ("rollback/20250102000000_rollback.sql", ROLLBACK),
    ];
    for (path, text) in files {
        let file = folder.path().join(path);
        fs::create_dir_all(file.parent().expect("inside the folder")).expect("created");
        fs::write(file, text).expect("written");
    }
    folder
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    call(folder, arguments, &[])
}

fn call(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dblsp"))
        .args(arguments)
        .current_dir(folder)
        .env("COLUMNS", "100")
        .envs(environment.iter().copied())
        .output()
        .expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

/// Standard output without what differs from run to run and from server to server.
fn shown(output: &Output) -> String {
    let out = text(&output.stdout);
    let lines = out.lines().map(|line| match line.rsplit_once("  ") {
        Some((rest, time)) if time.ends_with(" ms") => rest.trim_end().to_owned(),
        _ => line.to_owned(),
    });
    let out = lines.collect::<Vec<_>>().join("\n");
    match out
        .split_once("PostgreSQL ")
        .and_then(|(head, rest)| Some((head, rest.split_once(',')?.1)))
    {
        Some((head, rest)) => format!("{head}PostgreSQL,{rest}\n"),
        None => out + "\n",
    }
}

#[test]
fn a_trace_tells_locks_work_and_time() {
    if !has_postgres() {
        return;
    }
    let folder = project();
    fs::write(folder.path().join("dblsp.baseline.json"), BASELINE).expect("written");
    let output = run(folder.path(), &["trace", "migrations/20250102000000_second.sql"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    insta::assert_snapshot!(shown(&output));
}

#[test]
fn programs_get_json_with_bytes_and_bare_numbers() {
    if !has_postgres() {
        return;
    }
    let folder = project();
    let output = run(
        folder.path(),
        &["trace", "migrations/20250102000000_second.sql", "--format", "json"],
    );
    let value: Value = serde_json::from_slice(&output.stdout).expect("JSON and nothing else");
    let statements = value["statements"].as_array().expect("statements");
    assert_eq!(statements.len(), 6);
    assert_eq!(statements[0]["measured"]["locks"]["public.orders"], "ACCESS EXCLUSIVE");
    assert_eq!(statements[0]["measured"]["rewrites"][0], "public.orders");
    assert_eq!(
        statements[2]["measured"]["builds"]["public.orders"][0],
        "orders_user_id_idx"
    );
    assert_eq!(statements[5]["alone"], true);
    assert_eq!(
        statements[5]["measured"]["locks"]["public.orders"],
        "SHARE UPDATE EXCLUSIVE"
    );
    assert_eq!((&value["agreed"], &value["ran"]), (&6.into(), &6.into()));
    let span = &statements[3]["span"];
    let at = |end: usize| usize::try_from(span[end].as_u64().expect("a number")).expect("small");
    assert!(SECOND[at(0)..at(1)].starts_with("alter table users rename"));
    assert!(text(&output.stderr).contains("dblsp baseline"), "sizes are missing");
}

#[test]
fn a_failing_statement_is_shown_where_it_stands() {
    if !has_postgres() {
        return;
    }
    let folder = project();
    fs::write(
        folder.path().join("draft.sql"),
        "-- é\nalter table orders add x int;\nalter table orders\n  add y nosuch;\n",
    )
    .expect("written");
    let output = run(folder.path(), &["trace", "draft.sql"]);
    assert_eq!(output.status.code(), Some(1));
    let out = text(&output.stdout);
    assert!(
        out.contains("error: draft.sql:4:9: type \"nosuch\" does not exist (42704)"),
        "{out}"
    );
    assert!(out.contains("ACCESS EXCLUSIVE on orders"), "{out}");
}

#[test]
fn a_rollback_runs_after_its_migration() {
    if !has_postgres() {
        return;
    }
    let folder = project();
    let output = run(folder.path(), &["trace", "rollback/20250102000000_rollback.sql"]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    let out = text(&output.stdout);
    assert!(out.contains("ACCESS EXCLUSIVE on visits"), "{out}");
}

#[test]
fn a_project_s_server_is_kept_and_traces_leave_nothing_in_it() {
    if !has_postgres() {
        return;
    }
    let folder = project();
    let path = folder.path();
    fs::write(path.join("draft.sql"), "create role tracer;\ncreate table notes ();\n").expect("written");
    fs::write(path.join("aside.sql"), "create database aside;\n").expect("written");
    let own = path.canonicalize().expect("a folder").display().to_string();
    let server = || {
        let status = text(&run(path, &["shadow", "status", "--format", "json"]).stdout);
        let status: Value = serde_json::from_str(&status).expect("JSON and nothing else");
        let servers = status["servers"].as_array().expect("a list").clone();
        let found = servers.into_iter().find(|server| server["workspace"] == own.as_str());
        found.expect("it is kept")["process"].clone()
    };
    let mut first = None;
    // Whatever a trace leaves behind would be in the way of the same once more.
    for file in [
        "draft.sql",
        "draft.sql",
        "aside.sql",
        "aside.sql",
        "migrations/20250102000000_second.sql",
    ] {
        let output = run(path, &["trace", file]);
        let shown = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{file}: {shown}");
        assert_eq!(*first.get_or_insert_with(server), server(), "{file}: another server");
    }
}

#[test]
fn without_a_server_the_prediction_is_shown_and_said_to_be_one() {
    let folder = project();
    let nowhere = [("DBLSP_PG_BIN", "/nowhere")];
    let output = call(
        folder.path(),
        &["trace", "migrations/20250102000000_second.sql"],
        &nowhere,
    );
    assert_eq!(output.status.code(), Some(0));
    let out = text(&output.stdout);
    assert!(
        out.contains("predicted, not measured") && out.contains("rewrites orders"),
        "{out}"
    );
    assert!(text(&output.stderr).contains("nothing was measured"));
}

#[test]
fn bad_files_are_one_line_each_with_a_hint() {
    let folder = project();
    fs::write(folder.path().join("meta.sql"), "select 1;\n\\connect x\n").expect("written");
    fs::write(folder.path().join("empty.sql"), "-- nothing\n").expect("written");
    let complaint = |path: &str| text(&run(folder.path(), &["trace", path]).stderr);
    assert!(complaint("nowhere.sql").starts_with("error: "));
    let meta = complaint("meta.sql");
    assert!(
        meta.contains("meta.sql:2:1: only psql understands this") && meta.contains("hint: "),
        "{meta}"
    );
    assert!(complaint("empty.sql").contains("empty.sql: the file holds no statement"));
}

#[test]
fn the_page_needs_nothing_else() {
    let folder = project();
    let nowhere = [("DBLSP_PG_BIN", "/nowhere")];
    let output = call(
        folder.path(),
        &["trace", "migrations/20250102000000_second.sql", "--format", "html"],
        &nowhere,
    );
    let page = text(&output.stdout);
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert!(page.contains("data-table=\"orders\"") && !page.contains("data-table=\"visits\""));
    for outside in ["<script", "<link", "<img", "src=", "url(", "@import"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn a_graph_draws_the_schema_and_what_a_migration_changes() {
    let folder = project();
    let whole = text(&run(folder.path(), &["graph", "--format", "mermaid"]).stdout);
    insta::assert_snapshot!(whole);
    let change = text(
        &run(
            folder.path(),
            &["graph", "migrations/20250102000000_second.sql", "--format", "mermaid"],
        )
        .stdout,
    );
    insta::assert_snapshot!(change);
    let svg = text(&run(folder.path(), &["graph", "migrations/20250102000000_second.sql"]).stdout);
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"") && svg.ends_with("</svg>\n"));
    assert!(svg.contains("class=\"table added\" data-table=\"visits\""), "{svg}");
}
