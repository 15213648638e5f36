//! `dblsp prove` and what `dblsp check` makes of it, as people call them.

#[path = "support/postgres.rs"]
mod postgres;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use postgres::has_postgres;

const FIRST: &str = "supabase/migrations/20250101000000_v0_1_0_people.sql";
const SECOND: &str = "supabase/migrations/20250102000000_v0_1_0_without_notes.sql";
const FIRST_ROLLBACK: &str = "supabase/rollback/20250101000000_rollback.sql";
const ROLLBACK: &str = "supabase/rollback/20250102000000_rollback.sql";

/// A project with a place of its own for what is remembered, and a server of its own that ends with it.
struct Project {
    folder: TempDir,
}

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let project = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        project.write("dblsp.toml", "version = 1\n");
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    /// Two migrations with rollbacks that give back what was there.
    fn of_people() -> Self {
        Self::new(&[
            (
                FIRST,
                "create table public.people (id bigint primary key, name text not null, note text);\n\
                 insert into public.people values (1, 'Ada', 'kept'), (2, 'Grace', null);\n",
            ),
            (FIRST_ROLLBACK, "drop table public.people;\n"),
            (SECOND, "alter table public.people drop column note;\n"),
            (
                ROLLBACK,
                "alter table public.people add column note text;\n-- dblsp: restore public.people (note)\n",
            ),
        ])
    }

    fn write(&self, path: &str, text: &str) {
        let file = self.folder.path().join(path);
        fs::create_dir_all(file.parent().expect("inside the folder")).expect("created");
        fs::write(file, text).expect("written");
    }

    fn run(&self, arguments: &[&str]) -> Output {
        run(self.folder.path(), &self.folder.path().join("cache"), arguments, &[])
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let options = database::Options::default();
        drop(database::warm::stop(&options, Some(self.folder.path())));
    }
}

fn run(folder: &Path, cache: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dblsp"))
        .args(arguments)
        .current_dir(folder)
        .env("XDG_CACHE_HOME", cache)
        .envs(variables.iter().copied())
        .output()
        .expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

#[track_caller]
fn assert_code(output: &Output, code: i32) -> String {
    let shown = text(&output.stdout);
    let all = format!("{shown}{}", text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{all}");
    shown
}

/// The proofs that `--format json` prints.
fn proofs(output: &Output) -> Vec<Value> {
    let value: Value = serde_json::from_slice(&output.stdout).expect("JSON and nothing else");
    value["proofs"].as_array().expect("a list").clone()
}

#[test]
fn what_is_proven_is_told_remembered_and_counted_by_check() {
    if !has_postgres() {
        return;
    }
    let project = Project::of_people();
    let shown = assert_code(&project.run(&["prove", "--with-data"]), 0);
    assert!(shown.ends_with("2 rollbacks proven\n"), "{shown}");
    let found = proofs(&project.run(&["prove", "--with-data", "--format", "json"]));
    let verdicts: Vec<_> = found.iter().map(|proof| proof["verdict"].as_str()).collect();
    assert_eq!(verdicts, [Some("proven"), Some("proven")]);
    for proof in &found {
        let keys: Vec<&String> = proof.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["migration", "verdict", "reason", "diff", "milliseconds"]);
        assert!(proof["diff"].as_array().is_some_and(Vec::is_empty) && proof["reason"].is_null());
    }
    let shown = assert_code(&project.run(&["prove", "--with-data"]), 0);
    assert!(shown.matches("(known)").count() == 2, "{shown}");
    let check = project.run(&["check"]);
    let shown = text(&check.stdout) + &text(&check.stderr);
    assert!(shown.contains("2 of 2 rollbacks proven"), "{shown}");
}

#[test]
fn an_emptied_rollback_is_not_proven_and_check_says_so() {
    if !has_postgres() {
        return;
    }
    let project = Project::of_people();
    assert_code(&project.run(&["prove", SECOND]), 0);
    project.write(ROLLBACK, "-- nothing\n");
    // What was proven once is not, once the script is another one.
    let check = text(&project.run(&["check"]).stdout);
    assert!(check.contains("rollback-unproven"), "{check}");
    let output = project.run(&["prove", SECOND, "--format", "json"]);
    assert_code(&output, 1);
    let found = proofs(&output);
    assert_eq!(found[0]["verdict"], "incomplete");
    assert_eq!(found[0]["diff"][0]["what"], "missing", "{found:#?}");
    let check = project.run(&["check", "--format", "json"]);
    let value: Value = serde_json::from_slice(&check.stdout).expect("JSON");
    let of_rule = |rule: &str| {
        let all = value["diagnostics"].as_array().expect("a list").iter();
        all.filter(|it| it["rule"] == rule)
            .map(|it| it["path"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(of_rule("rollback-incomplete"), [ROLLBACK]);
}

#[test]
fn the_statement_that_fails_is_named_in_its_file() {
    if !has_postgres() {
        return;
    }
    let project = Project::of_people();
    project.write(
        ROLLBACK,
        "select 1;\nalter table public.people\n  add column note txt;\n",
    );
    let shown = assert_code(&project.run(&["prove", SECOND]), 1);
    assert!(
        shown.contains(&format!("{ROLLBACK}:3:19: type \"txt\" does not exist (42704)")),
        "{shown}"
    );
    project.write(SECOND, "alter table public.people\n  drop column nte;\n");
    let shown = assert_code(&project.run(&["prove", SECOND]), 1);
    assert!(
        shown.contains(&format!("{SECOND}:1:1: ")) && shown.contains("(42703)"),
        "{shown}"
    );
    project.write(SECOND, "select nme\nfrom public.people;\n");
    let shown = assert_code(&project.run(&["prove", SECOND]), 1);
    assert!(shown.contains(&format!("{SECOND}:1:8: ")), "{shown}");
    assert!(
        shown.contains("hint: Perhaps you meant to reference the column \"people.name\""),
        "{shown}"
    );
}

#[test]
fn without_postgresql_prove_says_what_to_install_and_the_rest_works() {
    let project = Project::of_people();
    let cache = project.folder.path().join("cache");
    let alone = [("DBLSP_PG_BIN", "/nowhere")];
    let run = |arguments: &[&str]| run(project.folder.path(), &cache, arguments, &alone);
    let output = run(&["prove"]);
    assert_code(&output, 3);
    let told = text(&output.stderr);
    assert!(told.contains("no server programs of it were found"), "{told}");
    assert!(
        told.contains("install PostgreSQL's server package, or set DBLSP_PG_BIN"),
        "{told}"
    );
    let check = text(&run(&["check"]).stdout);
    assert!(check.contains("drop-column"), "{check}");
    let scaffold = assert_code(&run(&["scaffold", "rollback", SECOND, "--dry-run"]), 0);
    assert!(scaffold.contains("add column note text"), "{scaffold}");
    let trace = run(&["trace", SECOND]);
    let told = assert_code(&trace, 0);
    assert!(told.contains("ACCESS EXCLUSIVE"), "{told}");
    assert!(
        text(&trace.stderr).contains("no PostgreSQL was found"),
        "{}",
        text(&trace.stderr)
    );
}

#[test]
fn every_migration_of_the_reference_project_is_proven_and_check_says_so() {
    if !has_postgres() {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let copied = Command::new("cp")
        .args(["-r", "supabase", "dblsp.toml"])
        .arg(folder.path())
        .current_dir(root)
        .status();
    assert!(copied.expect("cp runs").success());
    let project = Project { folder };
    let shown = assert_code(&project.run(&["prove", "--with-data"]), 0);
    let migrations = fs::read_dir(root.join("supabase/migrations"))
        .expect("the migrations")
        .flatten();
    let count = migrations
        .filter(|it| it.path().extension().is_some_and(|ending| ending == "sql"))
        .count();
    assert!(shown.ends_with(&format!("{count} rollbacks proven\n")), "{shown}");
    let check = project.run(&["check"]);
    let told = assert_code(&check, 0) + &text(&check.stderr);
    assert!(told.contains(&format!("{count} of {count} rollbacks proven")), "{told}");

    let last = "supabase/rollback/20251027140000_rollback.sql";
    project.write(last, "");
    let shown = assert_code(&project.run(&["prove", last]), 1);
    assert!(shown.contains("0 of 1 rollback proven"), "{shown}");
    let check = project.run(&["check"]);
    let told = text(&check.stdout) + &text(&check.stderr);
    assert!(
        told.contains("rollback-incomplete") && told.contains(&format!("{} of {count} rollbacks proven", count - 1)),
        "{told}"
    );
}
