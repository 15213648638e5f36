//! What docs/architecture.md and docs/style.md say of the source tree, as tests over its text.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A file of the repository: path with `/`, and text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn is_in(&self, folder: &str) -> bool {
        self.path.starts_with(folder)
    }

    fn is_rust(&self) -> bool {
        has_extension(&self.path, "rs")
    }

    fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name == "tests.rs"
            || name == "testing.rs"
            || name == "docs.rs"
            || self.path.starts_with("tests/")
            || self.path.contains("/tests/")
            || self.path.contains("/examples/")
    }

    /// The text without the module of tests at its end.
    fn product(&self) -> &str {
        if self.is_test() {
            return "";
        }
        let end = self.text.find("#[cfg(test)]\nmod tests {").unwrap_or(self.text.len());
        &self.text[..end]
    }

    /// Numbered lines of the product that are no comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.product().lines().enumerate();
        lines
            .map(|(at, line)| (at + 1, line.split("//").next().unwrap_or_default()))
            .filter(|(_, line)| !line.trim().is_empty())
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

/// Every text file of the repository, except what is built.
fn sources() -> Vec<Source> {
    let mut folders = vec![root()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is there").flatten() {
            let path = entry.path();
            let name = entry.file_name();
            // In a second work tree `.git` is a file.
            let skipped = ["target", ".git", "node_modules", "dist"];
            if skipped.iter().any(|skipped| name == *skipped) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let inside = path.strip_prefix(root()).expect("it was found there");
                let path = inside.to_string_lossy().replace('\\', "/");
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn rust() -> Vec<Source> {
    sources().into_iter().filter(Source::is_rust).collect()
}

/// Fails with every line of code that names one of `words` outside of `allowed`.
#[track_caller]
fn only(words: &[&str], allowed: impl Fn(&Source) -> bool) {
    let mut found = Vec::new();
    for source in rust()
        .iter()
        .filter(|source| source.is_in("server/") && !allowed(source))
    {
        for (line, text) in source.code() {
            if words.iter().any(|word| text.contains(word)) {
                found.push(format!("{}:{line}: {}", source.path, text.trim()));
            }
        }
    }
    assert!(
        found.is_empty(),
        "{words:?} must not be named here:\n{}",
        found.join("\n")
    );
}

/// From left to right: each may use only what stands to its left.
const CRATES: [(&str, &str); 5] = [
    ("analysis", "server/analysis/Cargo.toml"),
    ("project", "server/project/Cargo.toml"),
    ("database", "server/database/Cargo.toml"),
    ("lsp", "server/lsp/Cargo.toml"),
    ("dblsp", "Cargo.toml"),
];

/// The names in a manifest's `[dependencies]`.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(manifest)).expect("the manifest is there");
    let section = text.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    section
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn crates_use_only_what_stands_to_their_left() {
    for (at, (name, manifest)) in CRATES.iter().enumerate() {
        let used = dependencies(manifest);
        for (right, _) in &CRATES[at..] {
            assert!(!used.contains(*right), "{name} must not use {right}");
        }
    }
}

#[test]
fn the_core_depends_on_nothing_that_waits_or_looks_outside() {
    let allowed = [
        "imbl",
        "regex",
        "serde_json",
        "sha2",
        "smol_str",
        "sqlparser",
        "squawk-syntax",
    ];
    for name in dependencies("server/analysis/Cargo.toml") {
        assert!(
            allowed.contains(&name.as_str()),
            "analysis depends on {name}: is it pure?"
        );
    }
}

#[test]
fn every_crate_obeys_the_workspace_s_lints() {
    for (name, manifest) in CRATES {
        let text = fs::read_to_string(root().join(manifest)).expect("the manifest is there");
        assert!(text.contains("[lints]\nworkspace = true"), "{name}");
    }
}

#[test]
fn only_sql_names_sqlparser_and_only_lower_its_syntax_tree() {
    only(&["sqlparser"], |source| source.is_in("server/analysis/src/sql/"));
    only(&["sqlparser::ast"], |source| {
        source.is_in("server/analysis/src/sql/lower/")
    });
}

#[test]
fn only_verdict_names_squawk() {
    only(&["squawk_"], |source| {
        source.path == "server/analysis/src/sql/verdict.rs"
    });
}

#[test]
fn only_database_names_sqlx_and_only_lsp_the_editor() {
    only(&["sqlx::"], |source| source.is_in("server/database/"));
    only(&["tower_lsp", "ropey", "dashmap", "DashMap"], |source| {
        source.is_in("server/lsp/")
    });
}

#[test]
fn only_the_command_line_prints() {
    only(&["print!(", "println!(", "stdout()", "stderr()"], |source| {
        source.is_in("server/cli/")
    });
}

#[test]
fn the_core_sees_nothing_but_its_arguments() {
    let outside = [
        "std::fs",
        "std::env",
        "std::process",
        "std::net",
        "std::time",
        "std::thread",
        "Instant::now",
    ];
    let other = ["server/cli/", "server/project/", "server/database/", "server/lsp/"];
    only(&outside, |source| other.iter().any(|folder| source.is_in(folder)));
}

#[test]
fn modules_of_the_core_import_from_their_left() {
    let forbidden: [(&str, &[&str]); 7] = [
        ("server/analysis/src/text.rs", &["crate::"]),
        (
            "server/analysis/src/sql/",
            &[
                "crate::schema",
                "crate::lint",
                "crate::ide",
                "crate::settings",
                "crate::history",
                "crate::Document",
            ],
        ),
        (
            "server/analysis/src/history.rs",
            &["crate::sql", "crate::schema", "crate::lint", "crate::settings"],
        ),
        (
            "server/analysis/src/schema/",
            &["crate::lint", "crate::ide", "crate::diagram"],
        ),
        ("server/analysis/src/lint/", &["crate::ide", "crate::diagram"]),
        ("server/analysis/src/ide/", &["crate::lint", "crate::diagram"]),
        ("server/analysis/src/diagram/", &["crate::lint", "crate::ide"]),
    ];
    let mut found = Vec::new();
    for source in rust() {
        for (place, words) in forbidden {
            for (line, text) in source.code().filter(|_| source.is_in(place)) {
                if words.iter().any(|word| text.contains(word)) {
                    found.push(format!("{}:{line}: {}", source.path, text.trim()));
                }
            }
        }
    }
    assert!(
        found.is_empty(),
        "text ← sql ← schema ← lint, schema ← ide, schema ← diagram:\n{}",
        found.join("\n")
    );
}

/// Rule files begin with the rule, whose doc comment is its page.
#[test]
fn every_file_says_what_it_is_for() {
    for source in rust() {
        let is_rule = source.is_in("server/analysis/src/lint/rules/") && source.text.contains("\nrule! {");
        assert!(
            is_rule || source.text.starts_with("//! "),
            "{} has no `//!`",
            source.path
        );
    }
}

#[test]
fn nothing_is_left_to_do_without_an_owner() {
    let marks = ["TODO", "FIXME", "XXX"];
    for source in rust().iter().filter(|source| source.path != "tests/tidy.rs") {
        for (at, line) in source.text.lines().enumerate() {
            let comment = line.trim_start().strip_prefix("//").unwrap_or_default();
            let comment = comment.trim_start_matches(['/', '!', ' ']);
            let is_open = marks
                .iter()
                .any(|mark| comment.starts_with(mark) && !comment[mark.len()..].starts_with('('));
            assert!(!is_open, "{}:{}: {line}", source.path, at + 1);
        }
    }
    only(&["todo!(", "unimplemented!("], |_| false);
}

/// Longer files, each with the reason why it is one.
const LONG: [(&str, &str); 12] = [
    (
        "server/analysis/src/lint/context.rs",
        "everything that a rule may ask, in one place",
    ),
    (
        "server/analysis/src/sql/statement.rs",
        "the list of all statements, most of it data",
    ),
    (
        "server/analysis/src/sql/lower/expr.rs",
        "one case per kind of sqlparser's expressions",
    ),
    (
        "server/analysis/src/sql/dialect/alter_table.rs",
        "one case per action of ALTER TABLE",
    ),
    (
        "server/analysis/src/schema/evaluate.rs",
        "one case per operator and control structure of a DO block",
    ),
    (
        "server/analysis/src/schema/objects.rs",
        "the list of all objects, all of it data",
    ),
    ("server/analysis/src/schema/apply.rs", "one case per kind of change"),
    (
        "server/analysis/src/schema/catalog.rs",
        "everything that is asked of a catalog, in one place",
    ),
    (
        "server/analysis/src/schema/resolve/cascade.rs",
        "what depends on each kind of object",
    ),
    (
        "server/analysis/src/schema/resolve/alter.rs",
        "one case per action of ALTER TABLE",
    ),
    (
        "server/analysis/src/schema/resolve/table.rs",
        "CREATE TABLE and the actions that add to a table",
    ),
    ("server/project/src/load.rs", "more than half of it tests"),
];

#[test]
fn files_are_short_or_say_why_not() {
    let mut long = Vec::new();
    for source in rust() {
        let lines = source.product().lines().count();
        if lines > 600 && !LONG.iter().any(|(path, _)| *path == source.path) {
            long.push(format!("{} has {lines} lines without its tests", source.path));
        }
    }
    assert!(
        long.is_empty(),
        "split these, or list them with the reason:\n{}",
        long.join("\n")
    );
    for (path, _) in LONG {
        assert!(root().join(path).is_file(), "{path} is listed and gone");
    }
}

#[test]
fn no_file_knows_a_developer_s_machine_or_a_registry_s_address() {
    // Put together here, so that this file names none of them.
    let folders = ["/home/", "/Users/", "/work/", "C:\\Users\\"];
    let allowed = ["/home/me/"];
    let hosts = [
        ["crates", ".io"],
        ["pypi", ".org"],
        ["pythonhosted", ".org"],
        ["npmjs", ".org"],
        ["npmjs", ".com"],
        ["proxy.golang", ".org"],
        ["deb.debian", ".org"],
        ["apt.postgresql", ".org"],
        ["docker", ".io"],
    ]
    .map(|parts| parts.concat());
    let mut found = Vec::new();
    for source in sources() {
        if source.path == "tests/tidy.rs" || has_extension(&source.path, "lock") {
            continue;
        }
        for (at, line) in source.text.lines().enumerate() {
            let kept = allowed
                .iter()
                .fold(line.to_owned(), |line, path| line.replace(path, ""));
            let is_bad = folders.iter().any(|folder| kept.contains(folder))
                || hosts.iter().any(|host| kept.contains(host.as_str()));
            if is_bad {
                found.push(format!("{}:{}: {}", source.path, at + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The target architecture of docs/database/MIGRATION-ARCHITECTURE.md, file by file.
const DESIGN: [&str; 35] = [
    "supabase/config.toml",
    "supabase/migrations/20251026211500_v0_7_0_baseline.sql",
    "supabase/migrations/20251026213000_v0_7_0_seed.sql",
    "supabase/migrations/20251027140000_v0_8_0_collaboration.sql",
    "supabase/migrations/README.md",
    "supabase/schemas/v0.7.0_20251026211500.sql",
    "supabase/schemas/v0.7.0_20251026211500_after.sql",
    "supabase/schemas/v0.7.0_20251026213000.sql",
    "supabase/schemas/v0.7.0_20251026213000_after.sql",
    "supabase/schemas/README.md",
    "supabase/tests/v0.7.0_smoke_test.sql",
    "supabase/tests/v0.7.0_integration_test.sql",
    "supabase/tests/v0.8.0_smoke_test.sql",
    "supabase/tests/README.md",
    "supabase/rollback/20251026211500_rollback.sql",
    "supabase/rollback/20251026213000_rollback.sql",
    "supabase/rollback/20251027140000_rollback.sql",
    "supabase/rollback/README.md",
    "supabase/docs/MIGRATIONS.md",
    "supabase/docs/DEPLOYMENT.md",
    "supabase/docs/ARCHITECTURE.md",
    "supabase/docs/TROUBLESHOOTING.md",
    "docs/database/MIGRATION-ARCHITECTURE.md",
    "docs/database/evolution/0.6_DDL_AUDIT.md",
    "docs/database/evolution/CONTEXT.md",
    "docs/database/evolution/README.md",
    "docs/database/README.md",
    "scripts/db-migrate.sh",
    "scripts/db-rollback.sh",
    "scripts/db-test.sh",
    "scripts/README.md",
    "expansion-packs/fragments/docs/db-draft/README.md",
    "dblsp.toml",
    "LICENSE-MIT",
    "LICENSE-APACHE",
];

#[test]
fn the_design_document_s_files_are_there() {
    for path in DESIGN {
        assert!(root().join(path).is_file(), "{path} is missing");
    }
}

/// The drafts that the design document lists were never handed over; the narrative must not pretend otherwise.
#[test]
fn drafts_are_there_or_said_not_to_be() {
    let narrative =
        fs::read_to_string(root().join("docs/database/evolution/README.md")).expect("the narrative is there");
    for version in ["0.1", "0.2", "0.3", "0.6"] {
        let is_there = root().join(format!("docs/database/evolution/{version}.sql")).is_file();
        let says_not = narrative
            .lines()
            .any(|line| line.contains(&format!("`{version}.sql`")) && line.contains("not supplied"));
        assert!(is_there != says_not, "docs/database/evolution/{version}.sql");
    }
}

#[test]
fn the_readme_sets_everything_up_with_two_commands() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README is there");
    for command in ["cargo run --release -- check", "scripts/test.sh"] {
        assert!(
            readme.lines().any(|line| line.trim() == command),
            "`{command}` is no line of README.md"
        );
    }
    assert!(root().join("scripts/test.sh").is_file());
    let ci = fs::read_to_string(root().join(".ci/run")).expect(".ci/run is there");
    assert!(ci.contains("scripts/test.sh"), "CI runs what people run");
}

/// What the table of `docs/accuracy/findings.md` counts: drawn, true, moot, false; of a rule, or of all.
fn counts_of(row: &str) -> Option<(String, Vec<usize>)> {
    let cells: Vec<&str> = row.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
    let name = cells[0].trim_matches('*');
    let name = name
        .strip_prefix('[')
        .map_or(name, |name| name.split(']').next().unwrap_or_default());
    let counts: Option<Vec<usize>> = cells[2..]
        .iter()
        .map(|cell| cell.trim_matches('*').parse().ok())
        .collect();
    Some((name.to_owned(), counts?))
}

#[test]
fn the_table_of_findings_counts_the_rows_below_it() {
    let page = fs::read_to_string(root().join("docs/accuracy/findings.md")).expect("the page is there");
    let (head, rest) = page.split_once("\n## ").expect("the page has sections");
    let mut counted: Vec<(String, Vec<usize>)> = head.lines().filter_map(counts_of).collect();
    let (all, sums) = counted.pop().expect("the table has rows");
    assert_eq!(all, "all");
    let mut total = vec![0; sums.len()];
    let mut shown: Vec<(String, Vec<usize>)> = Vec::new();
    for section in rest.split("\n## ") {
        let (rule, rows) = section.split_once('\n').expect("a section has rows");
        assert!(
            root().join(format!("docs/rules/{rule}.md")).is_file(),
            "{rule} is no rule"
        );
        let verdicts = |verdict: &str| {
            rows.lines()
                .filter(|line| line.starts_with(&format!("   - Verdict: {verdict}")))
                .count()
        };
        let counts = vec![
            verdicts(""),
            verdicts("**true**"),
            verdicts("**moot**"),
            verdicts("**false**"),
        ];
        total.iter_mut().zip(&counts).for_each(|(sum, count)| *sum += count);
        shown.push((rule.to_owned(), counts));
    }
    assert_eq!(counted, shown);
    assert_eq!(sums, total);
    let summary = fs::read_to_string(root().join("docs/accuracy.md")).expect("the page is there");
    let words = summary.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = format!("{} are true, {} moot, {} false", sums[1], sums[2], sums[3]);
    assert!(words.contains(&said), "docs/accuracy.md does not say `{said}`");
}

/// Relative links of the documentation lead somewhere.
#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| has_extension(&source.path, "md")) {
        let folder = root()
            .join(&source.path)
            .parent()
            .expect("a file is in a folder")
            .to_path_buf();
        for target in source
            .text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains("://") && !file.contains(' ') && !folder.join(file).exists() {
                broken.push(format!("{}: {target}", source.path));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn scripts_can_be_run() {
    for source in sources() {
        if has_extension(&source.path, "sh") || source.path == ".ci/run" {
            assert!(
                source.text.starts_with("#!/"),
                "{} has no first line for the system",
                source.path
            );
            assert!(
                is_executable(&root().join(&source.path)),
                "{} is not executable",
                source.path
            );
        }
    }
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(_: &Path) -> bool {
    true
}

/// The value of a top-level `"key": "value"` of a JSON file, or of a `key = "value"` of a TOML file.
fn value(path: &str, key: &str) -> String {
    let text = fs::read_to_string(root().join(path)).expect("the file is there");
    let starts = [format!("  \"{key}\": \""), format!("{key} = \"")];
    let found = text.lines().find_map(|line| {
        let rest = starts.iter().find_map(|start| line.strip_prefix(start.as_str()))?;
        rest.split('"').next()
    });
    found.unwrap_or_else(|| panic!("{path} has no `{key}`")).to_owned()
}

#[test]
fn extensions_have_the_version_of_the_server() {
    let version = value("Cargo.toml", "version");
    for path in [
        "editors/vscode/package.json",
        "editors/zed/Cargo.toml",
        "editors/zed/extension.toml",
        "packages/npm/package.json",
    ] {
        assert_eq!(value(path, "version"), version, "{path}");
    }
    let read = |path: &str| fs::read_to_string(root().join(path)).expect("the file is there");
    let npm = read("packages/npm/package.json");
    let platforms = npm.lines().filter(|line| line.contains("\"@dblsp/"));
    assert!(platforms.clone().count() > 3);
    for line in platforms {
        assert!(line.contains(&format!(": \"{version}\"")), "{line}");
    }
    for path in ["README.md", "docs/pipelines.md"] {
        let text = read(path);
        for tag in ["rev: v", "dblsp/dblsp@v"] {
            assert!(text.contains(&format!("{tag}{version}\n")), "{path}: {tag}");
        }
    }
    let licence = |path: &str| fs::read_to_string(root().join(path)).expect("the licence is there");
    assert_eq!(licence("editors/vscode/LICENSE"), licence("LICENSE-MIT"));
}

#[test]
fn editors_know_every_command_of_the_server() {
    let read = |path: &str| fs::read_to_string(root().join(path)).expect("the file is there");
    let server = read("server/lsp/src/commands.rs");
    let (vscode, neovim) = (
        read("editors/vscode/src/commands.ts"),
        read("editors/neovim/lua/dblsp/commands.lua"),
    );
    let commands: Vec<_> = server
        .split("\"dblsp.")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|name| !name.is_empty())
        .collect();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        // Neovim hands what a code action names to the server without being told.
        let is_of_actions = command.starts_with("open");
        assert!(
            vscode.contains(&format!("\"{command}\"")) || vscode.contains(&format!("\"dblsp.{command}\"")),
            "Visual Studio Code does not know dblsp.{command}"
        );
        assert!(
            is_of_actions || neovim.contains(&format!("\"dblsp.{command}\"")),
            "Neovim does not know dblsp.{command}"
        );
    }
}
