//! The pages that are written by the program itself: docs/cli.md, docs/configuration.md, the book's contents, and a
//! table of docs/coming-from.md.
//!
//! `UPDATE=1 cargo test --bin dblsp docs` writes them anew.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use analysis::lint::{RULES, peers};
#[cfg(feature = "lsp")]
use clap::CommandFactory;
use serde_json::{Map, Value};

#[cfg(feature = "lsp")]
use crate::args::Args;

#[test]
fn the_table_of_squawk_s_rules_is_current() {
    let page = read("docs/coming-from.md");
    let (before, rest) = page.split_once("<!-- squawk -->").expect("a place for the table");
    let (_, after) = rest.split_once("<!-- /squawk -->").expect("its end");
    let table = squawk();
    is_current(
        "docs/coming-from.md",
        &format!("{before}<!-- squawk -->\n{table}<!-- /squawk -->{after}"),
    );
}

/// Every page is in the book, and nothing else.
#[test]
fn summary_md_is_current() {
    is_current("docs/SUMMARY.md", &summary());
    let summary = read("docs/SUMMARY.md");
    let named: BTreeSet<String> = summary
        .split("](")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()))
        .collect();
    let mut there = BTreeSet::new();
    pages(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs"), "", &mut there);
    assert_eq!(named, there, "name it in CHAPTERS of server/cli/docs.rs");
}

/// A build without the language server has fewer commands.
#[cfg(feature = "lsp")]
#[test]
fn cli_md_is_current() {
    is_current("docs/cli.md", &cli());
}

#[test]
fn configuration_md_is_current() {
    let schema = serde_json::from_str(project::config::SCHEMA).expect("a schema is JSON");
    is_current("docs/configuration.md", &configuration(&schema));
}

#[track_caller]
fn is_current(path: &str, wanted: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, wanted).expect("the page can be written");
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == wanted,
        "{path} is stale; `UPDATE=1 cargo test --bin dblsp docs` writes it anew"
    );
}

fn read(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(file).unwrap_or_default().replace("\r\n", "\n")
}

fn pages(folder: &Path, above: &str, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            pages(&entry.path(), &format!("{above}{name}/"), found);
        } else if Path::new(&name).extension().is_some_and(|end| end == "md") && name != "SUMMARY.md" {
            found.insert(format!("{above}{name}"));
        }
    }
}

fn squawk() -> String {
    let mut out = String::from("\n| Rule of squawk | Rule of dblsp |\n| --- | --- |\n");
    for (theirs, ours) in peers::SQUAWK {
        let ours: Vec<String> = ours.iter().map(|name| format!("[{name}](rules/{name}.md)")).collect();
        writeln!(out, "| `{theirs}` | {} |", ours.join(", ")).expect("a string takes all text");
    }
    out + "\n"
}

/// The book's chapters but for the rules: depth, title and file.
const CHAPTERS: [(usize, &str, &str); 20] = [
    (0, "Documentation", "README.md"),
    (0, "Installation", "installation.md"),
    (0, "In a project that exists", "adoption.md"),
    (0, "In hooks and pipelines", "pipelines.md"),
    (
        0,
        "Coming from squawk, the Supabase CLI or strong_migrations",
        "coming-from.md",
    ),
    (0, "Commands", "cli.md"),
    (0, "Configuration", "configuration.md"),
    (0, "The language server", "language-server.md"),
    (0, "Traces and pictures", "trace.md"),
    (0, "The migration workflow", "database/README.md"),
    (1, "The design document", "database/MIGRATION-ARCHITECTURE.md"),
    (1, "How it came about", "database/evolution/README.md"),
    (1, "Context", "database/evolution/CONTEXT.md"),
    (1, "Audit of 0.6", "database/evolution/0.6_DDL_AUDIT.md"),
    (0, "Accuracy", "accuracy.md"),
    (1, "Findings before a server", "accuracy/findings.md"),
    (1, "Beside other linters", "accuracy/peers.md"),
    (0, "Performance", "performance.md"),
    (0, "Architecture", "architecture.md"),
    (0, "Style", "style.md"),
];

fn summary() -> String {
    let mut out = String::from("# Summary\n\n");
    for (depth, title, file) in CHAPTERS {
        writeln!(out, "{}- [{title}]({file})", "  ".repeat(depth)).expect("a string takes all text");
    }
    out.push_str("- [Rules](rules/README.md)\n");
    for rule in RULES {
        writeln!(out, "  - [{name}](rules/{name}.md)", name = rule.name).expect("a string takes all text");
    }
    out
}

#[cfg(feature = "lsp")]
fn cli() -> String {
    let mut root = Args::command().term_width(100);
    root.build();
    let mut out = String::from("# Commands\n\nWhat `dblsp --help` and `dblsp COMMAND --help` print.\n");
    section(&mut out, &mut root);
    let names: Vec<String> = root
        .get_subcommands()
        .filter(|command| !command.is_hide_set() && command.get_name() != "help")
        .map(|command| command.get_name().to_owned())
        .collect();
    for name in names {
        section(&mut out, root.find_subcommand_mut(&name).expect("it was just listed"));
    }
    out
}

#[cfg(feature = "lsp")]
fn section(out: &mut String, command: &mut clap::Command) {
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    let help = help.join("\n");
    write!(out, "\n## {name}\n\n```text\n{}\n```\n", help.trim()).expect("a string takes all text");
}

const INTRODUCTION: &str = "# Configuration

`dblsp.toml` lies at the root of a project; every key is optional, and a project without the file is judged with the
defaults. `dblsp init` writes one. A key that dblsp does not know is reported, with the one that was probably meant.
Paths are relative to the file. Editors complete and check it with `dblsp.schema.json`, which `dblsp schema` prints:

```toml
#:schema ./dblsp.schema.json
version = 1
```
";

fn configuration(schema: &Value) -> String {
    let mut out = INTRODUCTION.to_owned();
    let mut tables = vec![(String::new(), schema.clone())];
    let mut at = 0;
    while let Some((path, table)) = tables.get(at).cloned() {
        at += 1;
        write!(
            out,
            "\n## {}\n",
            if path.is_empty() {
                "Top level".to_owned()
            } else {
                format!("`[{path}]`")
            }
        )
        .expect("a string takes all text");
        if let Some(text) = table["description"].as_str().filter(|_| !path.is_empty()) {
            write!(out, "\n{}\n", one_line(text)).expect("a string takes all text");
        }
        out.push_str("\n| Key | Value | |\n| --- | --- | --- |\n");
        let empty = Map::new();
        for (key, value) in table["properties"].as_object().unwrap_or(&empty) {
            let target = resolve(value, schema);
            let description = value["description"]
                .as_str()
                .or(target["description"].as_str())
                .unwrap_or_default();
            let full = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            let kind = if target["properties"].is_object() {
                tables.push((full.clone(), target.clone()));
                format!("table, see [`[{full}]`](#{})", anchor(&full))
            } else if resolve(&target["items"], schema)["properties"].is_object() {
                let item = resolve(&target["items"], schema).clone();
                tables.push((format!("[{full}]"), item));
                format!("tables, see [`[[{full}]]`](#{})", anchor(&full))
            } else if target["additionalProperties"].is_object() {
                let inner = resolve(&target["additionalProperties"], schema);
                if inner["properties"].is_object() {
                    let full = format!("{full}.NAME");
                    tables.push((full.clone(), inner.clone()));
                    format!("tables, see [`[{full}]`](#{})", anchor(&full))
                } else {
                    format!("table of NAME = {}", kind(inner, schema))
                }
            } else {
                kind(target, schema)
            };
            writeln!(out, "| `{key}` | {kind} | {} |", one_line(description)).expect("a string takes all text");
        }
    }
    out
}

/// What may be written for a value of this schema.
fn kind(schema: &Value, root: &Value) -> String {
    let schema = resolve(schema, root);
    for list in ["anyOf", "oneOf"] {
        if let Some(choices) = schema[list].as_array() {
            let mut shown: Vec<String> = choices
                .iter()
                .filter(|choice| choice["type"] != "null")
                .map(|choice| kind(choice, root))
                .collect();
            shown.dedup();
            return shown.join(", ");
        }
    }
    if let Some(word) = schema["const"].as_str() {
        return format!("`\"{word}\"`");
    }
    if let Some(words) = schema["enum"].as_array() {
        let shown: Vec<String> = words
            .iter()
            .filter_map(Value::as_str)
            .map(|word| format!("`\"{word}\"`"))
            .collect();
        return shown.join(", ");
    }
    let names: Vec<&str> = match &schema["type"] {
        Value::Array(names) => names
            .iter()
            .filter_map(Value::as_str)
            .filter(|name| *name != "null")
            .collect(),
        one => one.as_str().into_iter().collect(),
    };
    match names.as_slice() {
        ["array"] => format!("list of {}s", kind(&schema["items"], root)),
        ["string"] => "text".to_owned(),
        ["integer"] => "number".to_owned(),
        ["boolean"] => "`true`, `false`".to_owned(),
        names => names.join(", "),
    }
}

/// The schema itself, or the one that it refers to, also where `null` is allowed as well.
fn resolve<'s>(schema: &'s Value, root: &'s Value) -> &'s Value {
    let reference = schema["$ref"]
        .as_str()
        .or_else(|| match schema["anyOf"].as_array()?.as_slice() {
            [only, null] if null["type"] == "null" => only["$ref"].as_str(),
            _ => None,
        });
    reference
        .and_then(|reference| root.pointer(reference.strip_prefix('#')?))
        .unwrap_or(schema)
}

/// As web pages of Markdown name a heading `[path]`.
fn anchor(path: &str) -> String {
    path.chars()
        .filter(|c| c.is_alphanumeric() || *c == '_')
        .collect::<String>()
        .to_lowercase()
}

fn one_line(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}
