//! A project that is older than its use of dblsp: clean after one command, and judged by what it writes next.

use super::*;

/// A Supabase project in a repository, with enough to find.
fn old() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(
        folder.path(),
        &[
            ("supabase/config.toml", "project_id = \"old\"\n"),
            (
                "supabase/migrations/20240101000000_start.sql",
                "create table public.users (id bigint, email text, name varchar(20));\n",
            ),
            (
                "supabase/migrations/20240102000000_more.sql",
                "alter table public.users drop column name;\ncreate index on public.users (email);\n",
            ),
            (
                "supabase/migrations/20240103000000_drop.sql",
                "alter table public.users drop column nickname;\n",
            ),
        ],
    );
    git(folder.path(), &["init", "--quiet"]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "--message", "x"]);
    folder
}

/// `rule path` of every finding, and how many are known.
fn found(folder: &Path, arguments: &[&str]) -> (Vec<String>, u64) {
    let outcome = dblsp(folder, &[&["check", "--format", "json"], arguments].concat());
    assert_eq!(outcome.stderr, "");
    let json = outcome.json();
    let word = |value: &Value| value.as_str().expect("a text").to_owned();
    let list = json["diagnostics"].as_array().expect("a list").iter();
    let found = list.map(|found| format!("{} {}", word(&found["rule"]), word(&found["path"])));
    (found.collect(), json["summary"]["known"].as_u64().expect("a number"))
}

fn read(folder: &TempDir, path: &str) -> String {
    fs::read_to_string(folder.path().join(path)).expect("it is there")
}

#[test]
fn a_project_is_clean_after_init_and_hears_of_what_it_writes_next() {
    let folder = old();
    let (before, _) = found(folder.path(), &[]);
    assert!(before.len() > 2, "{before:?}");
    assert!(before.iter().all(|found| !found.starts_with("rollback-missing")));
    let init = dblsp(folder.path(), &["init"]);
    insta::assert_snapshot!(init.shown());
    let (after, known) = found(folder.path(), &[]);
    assert_eq!((after, known), (Vec::new(), before.len() as u64));
    let check = dblsp(folder.path(), &["check"]);
    insta::assert_snapshot!(check.shown());

    let next = "20990101000000_v0_1_0_next.sql";
    let path = format!("supabase/migrations/{next}");
    write(
        folder.path(),
        &[
            (
                &path,
                "set lock_timeout = '5s';\nalter table public.users drop column email;\n",
            ),
            ("supabase/rollback/20990101000000_rollback.sql", "select 1;\n"),
            ("supabase/tests/v0.1.0_smoke_test.sql", "select 1;\n"),
        ],
    );
    let (new, _) = found(folder.path(), &[]);
    assert_eq!(new, [format!("drop-column {path}")]);
    // From another folder as well: a baseline speaks of its own one.
    let (inside, _) = found(&folder.path().join("supabase/migrations"), &[]);
    assert_eq!(inside, [format!("drop-column {next}")]);
}

#[test]
fn init_may_be_run_again_and_changes_nothing() {
    let folder = old();
    write(folder.path(), &[(".gitignore", "node_modules")]);
    let dry = dblsp(folder.path(), &["init", "--dry-run"]);
    assert!(
        dry.stdout.contains("would create dblsp.findings.json"),
        "{}",
        dry.stdout
    );
    assert!(
        dry.stdout.contains("would create .git/hooks/pre-commit"),
        "{}",
        dry.stdout
    );
    assert!(!folder.path().join("dblsp.findings.json").exists());
    assert_eq!(dblsp(folder.path(), &["init"]).code, Some(0));
    let files = [
        "dblsp.toml",
        "dblsp.findings.json",
        ".gitignore",
        ".git/hooks/pre-commit",
    ];
    let before = files.map(|path| read(&folder, path));
    assert_eq!(
        before[2],
        "node_modules\n.dblsp/\nsupabase/.branches/\nsupabase/.temp/\n"
    );
    let again = dblsp(folder.path(), &["init"]);
    assert_eq!((again.code, again.stderr.as_str()), (Some(0), ""));
    assert!(
        again.stdout.lines().all(|line| line.starts_with("kept ")),
        "{}",
        again.stdout
    );
    assert_eq!(before, files.map(|path| read(&folder, path)));
}

#[test]
fn the_hook_of_git_stops_a_commit() {
    let folder = old();
    assert_eq!(dblsp(folder.path(), &["init"]).code, Some(0));
    write(
        folder.path(),
        &[(
            "supabase/migrations/20990101000000_next.sql",
            "drop table public.users;\n",
        )],
    );
    git(folder.path(), &["add", "supabase"]);
    let binary = Path::new(env!("CARGO_BIN_EXE_dblsp"));
    let commit = |path: &str| {
        Command::new("git")
            .args(["-c", "user.name=x", "-c", "user.email=x@example.com"])
            .args(["commit", "--quiet", "--message", "x"])
            .current_dir(folder.path())
            .env("PATH", path)
            .output()
            .expect("git starts")
    };
    let path = std::env::var("PATH").expect("there is a path");
    let with = format!("{}:{path}", binary.parent().expect("in a folder").display());
    let refused = commit(&with);
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stdout) + String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("drop-table"), "{said}");
    let without = commit("/usr/bin:/bin");
    assert!(!without.status.success());
    let said = String::from_utf8_lossy(&without.stderr).into_owned();
    assert!(said.contains("dblsp is not installed"), "{said}");
    write(
        folder.path(),
        &[("supabase/migrations/20990101000000_next.sql", "select 1;\n")],
    );
    git(folder.path(), &["reset", "--quiet"]);
    git(folder.path(), &["add", "dblsp.toml"]);
    assert!(commit(&with).status.success());
}

#[test]
fn pre_commit_gets_an_entry_where_a_project_uses_it() {
    let folder = old();
    let own = "repos:\n  - repo: local\n    hooks:\n      - id: x\n";
    write(folder.path(), &[(".pre-commit-config.yaml", own)]);
    let init = dblsp(folder.path(), &["init"]);
    assert!(
        init.stdout.contains("changed .pre-commit-config.yaml"),
        "{}",
        init.stdout
    );
    let now = read(&folder, ".pre-commit-config.yaml");
    assert!(now.starts_with(own) && now.contains("      - id: dblsp\n"), "{now}");
    assert!(!folder.path().join(".git/hooks/pre-commit").exists());
}

#[test]
fn a_baseline_of_any_name_can_be_written_and_read() {
    let folder = old();
    let (all, _) = found(folder.path(), &[]);
    let written = dblsp(folder.path(), &["check", "--write-baseline", "--baseline", "old.json"]);
    let files = "old.json: 5 findings in 3 files\n";
    assert_eq!((written.code, written.stdout.as_str()), (Some(0), files));
    assert_eq!(
        found(folder.path(), &["--baseline", "old.json"]),
        (Vec::new(), all.len() as u64)
    );
    assert_eq!(found(folder.path(), &[]).0, all);
    write(
        folder.path(),
        &[("dblsp.toml", "baseline = \"old.json\"\nsince = \"20500101000000\"\n")],
    );
    assert_eq!(found(folder.path(), &[]).0, [""; 0]);
    // Only some files: what is known of the others is not missed.
    let one = ["supabase/migrations/20240102000000_more.sql"];
    assert_eq!(found(folder.path(), &one).0, [""; 0]);
    // One more of the same is new.
    write(
        folder.path(),
        &[(
            "supabase/migrations/20240103000000_drop.sql",
            "-- moved\n\nalter table public.users\n  drop column nickname;\nalter table public.users drop column nickname;\n",
        )],
    );
    let (new, _) = found(folder.path(), &[]);
    assert!(
        !new.is_empty() && new.iter().all(|found| found.ends_with("_drop.sql")),
        "{new:?}"
    );
}

#[test]
fn a_baseline_that_cannot_be_read_is_told_and_can_be_written_anew() {
    let folder = old();
    write(folder.path(), &[("dblsp.findings.json", "<<<<<<< ours\n")]);
    let broken = dblsp(folder.path(), &["check", "--format", "json"]);
    assert_eq!(broken.code, Some(2));
    assert_eq!(
        broken.stderr,
        "error: `dblsp.findings.json` is no baseline: expected value at line 1 column 1\n\
         hint: write it anew with `dblsp check --write-baseline`, and look at what that changes\n"
    );
    assert_eq!(dblsp(folder.path(), &["check", "--write-baseline"]).code, Some(0));
    assert_eq!(found(folder.path(), &[]).0, [""; 0]);
    let gone = dblsp(folder.path(), &["check", "--baseline", "gone.json"]);
    assert_eq!(gone.code, Some(2));
    assert!(gone.stderr.contains("`gone.json`"), "{}", gone.stderr);
    let part = dblsp(folder.path(), &["check", "--write-baseline", "--staged"]);
    assert_eq!(part.code, Some(2));
}

#[test]
fn what_squawk_was_told_to_leave_out_stays_out() {
    let folder = old();
    let is_about = |found: &[String], word: &str| found.iter().any(|found| found.contains(word));
    let (before, _) = found(folder.path(), &[]);
    assert!(is_about(&before, "drop-column") && is_about(&before, "_drop.sql"));
    write(
        folder.path(),
        &[(
            ".squawk.toml",
            "excluded_rules = [\"ban-drop-column\"]\nexcluded_paths = [\"supabase/migrations/20240103*\"]\n",
        )],
    );
    let (after, _) = found(folder.path(), &[]);
    assert!(!after.is_empty());
    assert!(
        !is_about(&after, "drop-column") && !is_about(&after, "_drop.sql"),
        "{after:?}"
    );
    // What we are told ourselves goes before.
    write(
        folder.path(),
        &[(
            "dblsp.toml",
            "since = \"20500101000000\"\nrules = { drop-column = \"error\" }\n",
        )],
    );
    assert!(is_about(&found(folder.path(), &[]).0, "drop-column"));
}

#[test]
fn files_have_levels_of_their_own_and_projects_share_settings() {
    let folder = old();
    write(
        folder.path(),
        &[
            ("shared/base.toml", "rules = { drop-column = \"off\" }\n"),
            (
                "dblsp.toml",
                "extends = \"shared/base.toml\"\nsince = \"20500101000000\"\n\
                 [[overrides]]\npaths = [\"supabase/migrations/20240102*\"]\nrules = { drop-column = \"error\" }\n",
            ),
        ],
    );
    let (after, _) = found(folder.path(), &[]);
    let dropped: Vec<&String> = after.iter().filter(|found| found.starts_with("drop-column")).collect();
    assert_eq!(dropped, ["drop-column supabase/migrations/20240102000000_more.sql"]);
    write(
        folder.path(),
        &[(
            "dblsp.toml",
            "[[overrides]]\npath = [\"a\"]\nrules = { drop-colum = \"off\" }\n",
        )],
    );
    let bad = dblsp(folder.path(), &["check"]);
    assert_eq!(bad.code, Some(2));
    insta::assert_snapshot!(bad.stderr);
}
