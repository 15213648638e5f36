//! The binary as people and programs call it: output, exit codes, bad input.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

#[path = "cli/adoption.rs"]
mod adoption;

/// What a call gave back.
struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Outcome {
    /// Both streams and the exit code, for snapshots.
    fn shown(&self) -> String {
        let mut out = format!("exit code: {}\n", self.code.unwrap_or(-1));
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                out.extend(["--- ", name, "\n", text]);
            }
        }
        out
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).expect("standard output is JSON and nothing else")
    }
}

fn dblsp(folder: &Path, arguments: &[&str]) -> Outcome {
    dblsp_reading(folder, arguments, "")
}

fn dblsp_reading(folder: &Path, arguments: &[&str], stdin: &str) -> Outcome {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dblsp"))
        .args(arguments)
        .current_dir(folder)
        .env("COLUMNS", "100")
        .env_remove("GIT_DIR")
        .env_remove("GIT_INDEX_FILE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut pipe = child.stdin.take().expect("stdin is piped");
    // A command that does not read leaves a broken pipe behind.
    drop(pipe.write_all(stdin.as_bytes()));
    drop(pipe);
    let output = child.wait_with_output().expect("the binary ends");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    Outcome {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// A folder of files; a folder where the path ends in `/`.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join(".git")).expect("created");
    write(folder.path(), files);
    folder
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let file = folder.join(path);
        if path.ends_with('/') {
            fs::create_dir_all(file).expect("created");
            continue;
        }
        fs::create_dir_all(file.parent().expect("inside the folder")).expect("created");
        fs::write(file, text).expect("written");
    }
}

fn git(folder: &Path, arguments: &[&str]) {
    let status = Command::new("git")
        .args(["-c", "user.name=x", "-c", "user.email=x@example.com"])
        .args(arguments)
        .current_dir(folder)
        // A hook that runs these tests has a repository of its own in mind.
        .env_remove("GIT_DIR")
        .env_remove("GIT_INDEX_FILE")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("git starts");
    assert!(status.success(), "git {arguments:?}");
}

/// A repository whose only commit holds two harmless migrations.
fn repository() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(
        folder.path(),
        &[
            (
                "supabase/migrations/20240101000000_a.sql",
                "create table public.a (id bigint);\n",
            ),
            (
                "supabase/migrations/20240102000000_b.sql",
                "create table public.b (id bigint);\n",
            ),
        ],
    );
    git(folder.path(), &["init", "--quiet"]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "--message", "x"]);
    folder
}

fn files(outcome: &Outcome) -> u64 {
    outcome.json()["summary"]["files"].as_u64().expect("a number")
}

#[test]
fn help_says_what_there_is() {
    let folder = folder(&[]);
    insta::assert_snapshot!(dblsp(folder.path(), &["--help"]).shown());
    insta::assert_snapshot!(dblsp(folder.path(), &["check", "--help"]).shown());
}

#[test]
fn no_command_is_a_usage_error() {
    let folder = folder(&[]);
    assert_eq!(dblsp(folder.path(), &[]).code, Some(2));
    assert_eq!(dblsp(folder.path(), &["chekc"]).code, Some(2));
}

/// What reviewers' tools are given: a path that must be escaped, a finding with a fix, one with another place.
#[test]
fn findings_go_where_people_review() {
    let folder = folder(&[
        (
            "migrations/0001_a.sql",
            "create table users (id bigint primary key, email text);\n",
        ),
        (
            "migrations/0002_b é,c%.sql",
            "/* 😀 */ alter table users drop column email;\ncreate index i\n  on users (id);\n",
        ),
    ]);
    for format in ["github", "gitlab", "sarif", "junit"] {
        let outcome = dblsp(folder.path(), &["check", "--format", format]);
        insta::assert_snapshot!(format!("findings_for_{format}"), outcome.shown());
    }
    let clean = dblsp(folder.path(), &["check", "migrations/0001_a.sql", "--format", "junit"]);
    insta::assert_snapshot!("no_findings_for_junit", clean.shown());
}

#[test]
fn a_fingerprint_survives_moved_lines() {
    let folder = folder(&[("migrations/0001_a.sql", "create table a (id int); drop table a;\n")]);
    let fingerprints = |name: &str| -> Vec<Value> {
        let outcome = dblsp(folder.path(), &["check", "--format", "json"]);
        let found = outcome.json()["diagnostics"].as_array().expect("a list").clone();
        assert!(!found.is_empty(), "{name}: {}", outcome.stdout);
        found.iter().map(|found| found["fingerprint"].clone()).collect()
    };
    write(
        folder.path(),
        &[(
            "migrations/0002_b.sql",
            "create table b (x int);\nalter table b add y int not null;\ndrop table b;\ndrop table c;\n",
        )],
    );
    let before = fingerprints("before");
    write(
        folder.path(),
        &[(
            "migrations/0002_b.sql",
            "-- moved\n\ncreate table b (x int);\nalter table b add y int not null;\n\n  drop   table b;\ndrop table c;\n",
        )],
    );
    assert_eq!(before, fingerprints("after"));
}

const COUNTS: &str = "create table users (id bigint primary key);
create materialized view counts as select count(*) as n from users;
create unique index counts_n on counts (n);
";
const REFRESH: &str =
    "-- daily\nrefresh materialized view counts; -- now\nalter table users add column n int not null;\n";

#[test]
fn fix_shows_what_it_would_change_and_then_changes_it() {
    let folder = folder(&[("migrations/0001_a.sql", COUNTS), ("migrations/0002_b.sql", REFRESH)]);
    let read = || fs::read_to_string(folder.path().join("migrations/0002_b.sql")).expect("it is there");
    let shown = dblsp(folder.path(), &["fix", "--diff"]);
    insta::assert_snapshot!(shown.shown());
    assert_eq!(read(), REFRESH, "a look writes nothing");
    let fixed = dblsp(folder.path(), &["fix"]);
    insta::assert_snapshot!(fixed.shown());
    assert_eq!(read(), REFRESH.replace("view counts", "view concurrently counts"));
    let again = dblsp(folder.path(), &["fix"]);
    assert_eq!((again.code, &*again.stdout), (Some(0), "nothing to fix\n"));
    let review = dblsp(folder.path(), &["fix", "--review", "--format", "json"]).json();
    assert_eq!(review["written"], true);
    assert_eq!(review["fixes"][0]["rule"], "add-required-column");
    assert!(!read().contains("not null"));
    let done = dblsp(folder.path(), &["fix", "--review", "--diff"]);
    assert_eq!((done.code, &*done.stdout), (Some(0), ""));
}

#[test]
fn a_file_that_is_not_utf_8_is_left_as_it_is() {
    let folder = folder(&[("migrations/0001_a.sql", COUNTS), ("migrations/0003_c.sql", REFRESH)]);
    let file = folder.path().join("migrations/0002_b.sql");
    let bytes = b"-- caf\xe9\nrefresh materialized view counts;\n";
    fs::write(&file, bytes).expect("written");
    let fixed = dblsp(folder.path(), &["fix"]);
    assert_eq!(fixed.code, Some(2), "{}", fixed.shown());
    assert!(
        fixed.stdout.starts_with("fixed migrations/0003_c.sql"),
        "{}",
        fixed.shown()
    );
    assert_eq!(fs::read(&file).expect("it is there"), bytes);
}

#[test]
fn check_fixes_first_and_judges_what_is_left() {
    let folder = folder(&[("migrations/0001_a.sql", COUNTS), ("migrations/0002_b.sql", REFRESH)]);
    let rules = |outcome: &Outcome| {
        let json = outcome.json();
        let found = json["diagnostics"].as_array().expect("a list").iter();
        found.map(|found| found["rule"].to_string()).collect::<Vec<_>>()
    };
    let before = dblsp(folder.path(), &["check", "--format", "json"]);
    assert!(rules(&before).contains(&"\"refresh-blocking\"".to_owned()));
    let after = dblsp(folder.path(), &["check", "--fix", "--format", "json"]);
    assert!(!rules(&after).contains(&"\"refresh-blocking\"".to_owned()));
    assert!(
        after.stderr.contains("refresh-blocking: Refresh it concurrently"),
        "{}",
        after.stderr
    );
    assert_eq!(dblsp(folder.path(), &["check", "--review"]).code, Some(2));
    assert_eq!(
        dblsp_reading(folder.path(), &["check", "--fix", "-"], "select 1;").code,
        Some(2)
    );
    assert_eq!(dblsp_reading(folder.path(), &["fix", "-"], "select 1;").code, Some(2));
}

#[test]
fn what_a_baseline_knows_is_not_fixed() {
    let folder = folder(&[
        ("dblsp.toml", ""),
        ("migrations/0001_a.sql", COUNTS),
        ("migrations/0002_b.sql", REFRESH),
    ]);
    assert_eq!(dblsp(folder.path(), &["check", "--write-baseline"]).code, Some(0));
    let read = || fs::read_to_string(folder.path().join("migrations/0002_b.sql")).expect("it is there");
    let fixed = dblsp(folder.path(), &["fix"]);
    assert_eq!(&*fixed.stdout, "nothing to fix\n", "{}", fixed.shown());
    fs::rename(
        folder.path().join("dblsp.findings.json"),
        folder.path().join("other.json"),
    )
    .expect("moved");
    dblsp(folder.path(), &["check", "--fix", "--baseline", "other.json"]);
    assert_eq!(read(), REFRESH);
    dblsp(folder.path(), &["check", "--fix"]);
    assert_ne!(read(), REFRESH);
}

#[test]
fn committed_migrations_are_fixed_only_where_they_are_named() {
    let folder = repository();
    write(
        folder.path(),
        &[
            ("supabase/migrations/20240103000000_c.sql", COUNTS),
            ("supabase/migrations/20240104000000_d.sql", REFRESH),
        ],
    );
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "--message", "x"]);
    write(folder.path(), &[("supabase/migrations/20240105000000_e.sql", REFRESH)]);
    let fixed = dblsp(folder.path(), &["fix"]);
    insta::assert_snapshot!(fixed.shown());
    let named = dblsp(folder.path(), &["fix", "supabase/migrations/20240104000000_d.sql"]);
    assert!(
        named
            .stdout
            .starts_with("fixed supabase/migrations/20240104000000_d.sql"),
        "{}",
        named.shown()
    );
}

#[test]
fn the_reference_project_has_json_of_version_1() {
    let outcome = dblsp(Path::new(env!("CARGO_MANIFEST_DIR")), &["check", "--format", "json"]);
    let json = outcome.json();
    assert_eq!(outcome.stderr, "");
    assert_eq!(json["version"], 1);
    let keys: Vec<&String> = json.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["version", "diagnostics", "summary"]);
    let summary: Vec<&String> = json["summary"].as_object().expect("an object").keys().collect();
    assert_eq!(summary, ["files", "errors", "warnings", "infos", "hints", "known"]);
    assert!(json["summary"]["files"].as_u64() >= Some(3));
    for found in json["diagnostics"].as_array().expect("a list") {
        let keys: Vec<&String> = found.as_object().expect("an object").keys().collect();
        assert_eq!(
            keys,
            [
                "rule", "level", "message", "help", "path", "start", "end", "url", "fixes"
            ]
        );
        for end in ["start", "end"] {
            let keys: Vec<&String> = found[end].as_object().expect("an object").keys().collect();
            assert_eq!(keys, ["line", "column", "byte"]);
        }
    }
}

#[test]
fn bad_paths_are_one_line_each_with_a_hint() {
    let folder = folder(&[("README.md", ""), ("empty/", ""), ("scripts/ok.sql", "select 1;\n")]);
    let outcome = dblsp(
        folder.path(),
        &["check", "nope.sql", "README.md", "empty", "scripts/ok.sql"],
    );
    insta::assert_snapshot!(outcome.shown());
}

#[test]
fn a_folder_without_migrations_says_how_to_name_them() {
    let folder = folder(&[]);
    insta::assert_snapshot!(dblsp(folder.path(), &["check"]).shown());
}

#[test]
fn a_project_without_the_convention_is_told_how_to_turn_it_on() {
    let folder = folder(&[("supabase/migrations/20240101000000_a.sql", "select 1;\n")]);
    insta::assert_snapshot!(dblsp(folder.path(), &["check"]).shown());
    assert_eq!(dblsp(folder.path(), &["check", "--format", "json"]).stderr, "");
}

#[test]
fn an_empty_migration_folder_is_no_bug() {
    let folder = folder(&[("supabase/config.toml", ""), ("supabase/migrations/README.md", "")]);
    insta::assert_snapshot!(dblsp(folder.path(), &["check"]).shown());
}

#[test]
fn broken_settings_are_one_line_with_a_position_and_a_hint() {
    let folder = folder(&[
        ("dblsp.toml", "version = 1\n[naming\n"),
        ("migrations/1_a.sql", "select 1;\n"),
    ]);
    insta::assert_snapshot!(dblsp(folder.path(), &["check"]).shown());
}

#[test]
fn misspelt_settings_are_told_and_the_rest_is_judged() {
    let folder = folder(&[("dblsp.toml", "postgers = 16\n"), ("migrations/1_a.sql", "select 1;\n")]);
    let outcome = dblsp(folder.path(), &["check", "--format", "json"]);
    assert_eq!(outcome.code, Some(2));
    assert_eq!(
        outcome.stderr,
        "error: dblsp.toml:1:1: unknown key `postgers`\nhint: did you mean `postgres`?\n"
    );
    assert_eq!(files(&outcome), 1);
}

#[test]
fn settings_can_be_read_from_another_file() {
    let folder = folder(&[("other.toml", "version = 2\n"), ("migrations/1_a.sql", "select 1;\n")]);
    insta::assert_snapshot!(dblsp(folder.path(), &["check", "--config", "other.toml"]).shown());
    insta::assert_snapshot!(dblsp(folder.path(), &["check", "--config", "gone.toml"]).shown());
}

#[test]
fn text_that_is_not_utf8_is_judged_and_told() {
    let folder = folder(&[("migrations/", "")]);
    fs::write(folder.path().join("migrations/1_a.sql"), b"select 'caf\xe9';\n").expect("written");
    let outcome = dblsp(folder.path(), &["check", "--format", "json"]);
    assert_eq!(outcome.code, Some(2));
    assert!(
        outcome.stderr.starts_with("error: `migrations/1_a.sql` is not UTF-8"),
        "{}",
        outcome.stderr
    );
    assert_eq!(files(&outcome), 1);
}

#[test]
fn standard_input_stands_alone_or_for_a_file() {
    let folder = folder(&[("supabase/migrations/1_a.sql", "select 1;\n")]);
    let alone = dblsp_reading(folder.path(), &["check", "-", "--format", "json"], "select 1;\n");
    assert_eq!((alone.code, files(&alone)), (Some(0), 1));
    let arguments = [
        "check",
        "--stdin-filename",
        "supabase/migrations/1_a.sql",
        "--format",
        "json",
    ];
    let named = dblsp_reading(folder.path(), &arguments, "drop table missing;\n");
    assert_eq!((named.code, files(&named)), (Some(1), 1));
    let arguments = arguments.map(|word| word.replace("1_a", "2_b"));
    let added = dblsp_reading(folder.path(), &arguments.each_ref().map(String::as_str), "select 1;\n");
    assert_eq!((added.code, files(&added)), (Some(0), 1));
}

#[test]
fn staged_text_is_judged_as_it_is_staged() {
    let folder = repository();
    let staged = |arguments: &[&str]| {
        let outcome = dblsp(
            folder.path(),
            &[&["check", "--staged", "--format", "json"], arguments].concat(),
        );
        assert_eq!(outcome.stderr, "");
        files(&outcome)
    };
    assert_eq!(staged(&[]), 0);
    write(
        folder.path(),
        &[("supabase/migrations/20240103000000_c.sql", "select 1;\n")],
    );
    assert_eq!(staged(&[]), 0);
    git(folder.path(), &["add", "."]);
    assert_eq!(staged(&[]), 1);
    // Gone from the disk, still in the index.
    fs::remove_file(folder.path().join("supabase/migrations/20240103000000_c.sql")).expect("removed");
    assert_eq!(staged(&[]), 1);
    assert_eq!(staged(&["supabase/migrations/20240101000000_a.sql"]), 0);
}

#[test]
fn changed_and_since_judge_what_differs() {
    let folder = repository();
    let judged = |arguments: &[&str]| {
        let outcome = dblsp(folder.path(), &[&["check", "--format", "json"], arguments].concat());
        assert_eq!(outcome.stderr, "");
        files(&outcome)
    };
    assert_eq!(judged(&["--changed"]), 0);
    write(
        folder.path(),
        &[
            (
                "supabase/migrations/20240102000000_b.sql",
                "create table public.b ();\n",
            ),
            ("supabase/migrations/20240103000000_c.sql", "select 1;\n"),
        ],
    );
    assert_eq!(judged(&["--changed"]), 2);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "--message", "y"]);
    assert_eq!(judged(&["--changed"]), 0);
    assert_eq!(judged(&["--since", "HEAD~1"]), 2);
    insta::assert_snapshot!(dblsp(folder.path(), &["check", "--since", "nope"]).shown());
}

#[test]
fn git_flags_outside_a_repository_say_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let outcome = dblsp(folder.path(), &["check", "--staged"]);
    assert_eq!(outcome.code, Some(2));
    assert_eq!(outcome.stderr.lines().count(), 2, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("hint: run it inside a repository"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn an_unknown_rule_is_told_with_a_hint() {
    let folder = folder(&[]);
    let outcome = dblsp(folder.path(), &["explain", "zzz"]);
    assert_eq!(outcome.code, Some(2));
    assert_eq!(
        outcome.stderr,
        "error: no rule is called `zzz`\nhint: run `dblsp rules` for the list\n"
    );
}

#[test]
fn rules_are_listed_for_programs() {
    let folder = folder(&[]);
    let outcome = dblsp(folder.path(), &["rules", "--format", "json"]);
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.json()["rules"].is_array());
}

#[test]
fn completions_exist_for_the_common_shells() {
    let folder = folder(&[]);
    for shell in ["bash", "zsh", "fish"] {
        let outcome = dblsp(folder.path(), &["completions", shell]);
        assert_eq!(outcome.code, Some(0));
        assert!(outcome.stdout.contains("stdin-filename"));
    }
}

#[test]
fn every_command_has_a_page_of_the_manual() {
    let folder = folder(&[]);
    let whole = dblsp(folder.path(), &["man"]);
    assert_eq!(whole.code, Some(0));
    assert!(whole.stdout.contains(".TH DBLSP 1"), "{}", whole.stdout);
    let check = dblsp(folder.path(), &["man", "check"]);
    assert!(check.stdout.contains(".TH DBLSP-CHECK 1"), "{}", check.stdout);
    assert!(check.stdout.contains("\\-\\-write\\-baseline"), "{}", check.stdout);
    let unknown = dblsp(folder.path(), &["man", "chekc"]);
    assert_eq!(unknown.code, Some(2));
    assert_eq!(
        unknown.stderr,
        "error: there is no command `chekc`\nhint: run `dblsp --help` for the list\n"
    );
}

#[test]
fn init_lays_out_a_project_and_never_overwrites() {
    let config = "# ours\nproject_id = \"x\"\n";
    let folder = folder(&[
        ("supabase/config.toml", config),
        ("supabase/migrations/20240101000000_a.sql", "select 1;\n"),
        ("supabase/migrations/README.md", "ours\n"),
    ]);
    let dry = dblsp(folder.path(), &["init", "--dry-run"]);
    insta::assert_snapshot!(dry.shown());
    assert!(!folder.path().join("dblsp.toml").exists());
    insta::assert_snapshot!(dblsp(folder.path(), &["init"]).shown());
    let read = |path: &str| fs::read_to_string(folder.path().join(path)).expect("there");
    insta::assert_snapshot!(read("dblsp.toml"));
    insta::assert_snapshot!(read("supabase/config.toml"));
    assert_eq!(read("supabase/migrations/README.md"), "ours\n");
    let again = dblsp(folder.path(), &["init"]);
    assert!(
        again.stdout.lines().all(|line| line.starts_with("kept ")),
        "{}",
        again.stdout
    );
    let check = dblsp(folder.path(), &["check", "--format", "json"]);
    assert_eq!((check.stderr.as_str(), files(&check)), ("", 1));
}

#[test]
fn new_writes_the_next_migration_and_its_rollback() {
    let folder = folder(&[
        ("dblsp.toml", ""),
        ("supabase/migrations/99991231235958_v1_2_3_a.sql", ""),
    ]);
    let outcome = dblsp(folder.path(), &["new", "Add invoices", "--version", "1.3.0"]);
    insta::assert_snapshot!(outcome.shown());
    let rollback = folder.path().join("supabase/rollback/99991231235959_rollback.sql");
    insta::assert_snapshot!(fs::read_to_string(rollback).expect("there"));
    insta::assert_snapshot!(dblsp(folder.path(), &["new", "x", "--version", "1.0.0"]).shown());
}

#[test]
fn deeply_nested_sql_does_not_end_the_process() {
    let nested = format!("select {}1{};\n", "(".repeat(20_000), ")".repeat(20_000));
    let chained = format!("select 1{};\n", " + 1".repeat(20_000));
    let folder = folder(&[("migrations/1_a.sql", &nested), ("migrations/2_b.sql", &chained)]);
    let outcome = dblsp(folder.path(), &["check", "--format", "json"]);
    assert!(
        matches!(outcome.code, Some(0 | 1)),
        "{:?} {}",
        outcome.code,
        outcome.stderr
    );
}

#[test]
fn the_readme_shows_what_check_prints() {
    let first = "create table users (id bigint primary key, email text, nickname text);
create index users_lookup_idx on users (email, nickname);
";
    let second = "alter table users drop column nickname;\n";
    let folder = folder(&[
        ("migrations/0001_users.sql", first),
        ("migrations/0002_drop_nickname.sql", second),
    ]);
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).expect("the README is there");
    let outcome = dblsp(folder.path(), &["check"]);
    for shown in [first, second, &format!("```text\n$ dblsp check\n{}```", outcome.stdout)] {
        assert!(readme.contains(shown), "README.md does not show:\n{shown}");
    }
}

const HISTORY: &[(&str, &str)] = &[
    ("dblsp.toml", ""),
    (
        "supabase/migrations/20240101000000_v0_1_0_users.sql",
        "create table public.users (id bigint primary key, name text not null default 'x');\n",
    ),
    (
        "supabase/migrations/20240102000000_v0_2_0_more.sql",
        "alter table public.users drop column name;\ncreate index users_id on public.users (id);\n",
    ),
];

#[test]
fn a_rollback_is_scaffolded_and_never_written_over_unasked() {
    let folder = folder(HISTORY);
    let file = "supabase/migrations/20240102000000_v0_2_0_more.sql";
    let rollback = "supabase/rollback/20240102000000_rollback.sql";
    let dry = dblsp(folder.path(), &["scaffold", "rollback", file, "--dry-run"]);
    assert!(!folder.path().join(rollback).exists());
    let made = dblsp(folder.path(), &["scaffold", "rollback", file]);
    assert_eq!(
        (made.code, made.stdout.as_str()),
        (Some(0), "created supabase/rollback/20240102000000_rollback.sql\n")
    );
    let text = fs::read_to_string(folder.path().join(rollback)).expect("it is there");
    assert_eq!(text, dry.stdout);
    insta::assert_snapshot!(text);
    let again = dblsp(folder.path(), &["scaffold", "rollback", file]);
    assert_eq!(
        (again.code, again.stdout.as_str()),
        (Some(0), "kept supabase/rollback/20240102000000_rollback.sql\n")
    );
    let edited = text.replace("drop index", "-- by hand\ndrop index");
    write(folder.path(), &[(rollback, &edited)]);
    let refused = dblsp(folder.path(), &["scaffold", "rollback", file]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stdout.contains("\n--- by hand\n"), "{}", refused.stdout);
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(
        fs::read_to_string(folder.path().join(rollback)).expect("it is there"),
        edited
    );
    let forced = dblsp(
        folder.path(),
        &["scaffold", "rollback", file, "--force", "--format", "json"],
    );
    let value: serde_json::Value = serde_json::from_str(&forced.stdout).expect("JSON");
    assert_eq!(
        (value["written"].as_bool(), value["todos"].as_u64()),
        (Some(true), Some(0))
    );
    assert_eq!(
        fs::read_to_string(folder.path().join(rollback)).expect("it is there"),
        text
    );
}

#[test]
fn a_smoke_test_is_scaffolded_for_a_version() {
    let folder = folder(HISTORY);
    let made = dblsp(folder.path(), &["scaffold", "test", "v0.1.0"]);
    assert_eq!(
        (made.code, made.stdout.as_str()),
        (Some(0), "created supabase/tests/v0.1.0_smoke_test.sql\n")
    );
    let again = dblsp(folder.path(), &["scaffold", "test", "0.1.0"]);
    assert_eq!(
        (again.code, again.stdout.as_str()),
        (Some(0), "kept supabase/tests/v0.1.0_smoke_test.sql\n")
    );
    let missing = dblsp(folder.path(), &["scaffold", "test", "9.9.9"]);
    assert_eq!(missing.code, Some(2));
    assert!(
        missing.stderr.contains("no migration belongs to version 9.9.9"),
        "{}",
        missing.stderr
    );
}
