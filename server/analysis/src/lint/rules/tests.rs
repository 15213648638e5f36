//! What is true of every rule, tested over all of them at once.
#![allow(
    clippy::disallowed_methods,
    reason = "these tests read the rules' source and write their pages"
)]

mod fixes;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::RULES;
use crate::history::Base;
use crate::lint::diagnostic::{Diagnostic, FixKind, apply_edits};
use crate::lint::rule::Rule;
use crate::lint::testing::history;
use crate::proof::{Failure, Place, Proof, Verdict};
use crate::settings::{Coupling, Naming, Runner, Settings};
use crate::text::Span;
use crate::{check, read};

/// The folder of the rule files, as the compiler saw it: tests may read the source they test.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/lint/rules");

#[test]
fn every_file_is_listed_under_its_own_name() {
    let files: BTreeSet<String> = std::fs::read_dir(FOLDER)
        .expect("the folder of the rules is there")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name != "mod.rs" && name != "tests.rs" && name != "tests")
        .map(|name| name.trim_end_matches(".rs").replace('_', "-"))
        .collect();
    let listed: BTreeSet<String> = RULES.iter().map(|rule| rule.name.to_owned()).collect();
    assert_eq!(files, listed);
    assert!(RULES.is_sorted_by_key(|rule| rule.name), "rules are listed by name");
}

#[test]
fn every_rule_is_explained() {
    for rule in RULES {
        let name = rule.name;
        let has = |heading: &str| rule.page.lines().any(|line| line.trim() == heading);
        for heading in ["## When", "## Why", "## Bad", "## Good", "## References"] {
            assert!(has(heading), "{name}: no {heading}");
        }
        assert_eq!(
            has("## Fix"),
            rule.fix != FixKind::None,
            "{name}: `## Fix` and the rule's fix must go together"
        );
        let linked =
            rule.page.contains("](https://www.postgresql.org/") || rule.page.contains("](https://supabase.com/");
        assert!(linked, "{name}: no link to the manual");
        assert!(
            rule.summary().chars().count() <= 90,
            "{name}: the first line is longer than 90 characters"
        );
        assert!(rule.summary().ends_with('.'), "{name}: the first line is a sentence");
        let forbidden = ["ban-", "require-", "prefer-", "no-"];
        assert!(
            !forbidden.iter().any(|prefix| name.starts_with(prefix)),
            "{name} must read after `allow`"
        );
    }
}

#[test]
fn bad_examples_fire_and_good_ones_do_not() {
    for rule in RULES {
        let (bad, good) = (examples(rule, "## Bad"), examples(rule, "## Good"));
        assert!(
            !bad.is_empty() && !good.is_empty(),
            "{}: an example is missing",
            rule.name
        );
        for example in bad {
            assert!(
                !findings(rule, &example).is_empty(),
                "{} must fire on:\n{}",
                rule.name,
                example.sql
            );
        }
        for example in good {
            let found = findings(rule, &example);
            assert!(
                found.is_empty(),
                "{} must not fire on:\n{}\n{found:#?}",
                rule.name,
                example.sql
            );
        }
    }
}

#[test]
fn messages_and_fixes_are_worded_alike() {
    for rule in RULES {
        for finding in examples(rule, "## Bad")
            .iter()
            .flat_map(|example| findings(rule, example))
        {
            let (name, message) = (rule.name, &finding.message);
            assert!(!message.ends_with('.'), "{name}: `{message}` ends with a full stop");
            let lower = message.chars().next().is_some_and(|c| !c.is_uppercase());
            assert!(lower, "{name}: `{message}` begins with a capital");
            if let Some(help) = &finding.help {
                assert!(
                    help.ends_with('.') && help.chars().next().is_some_and(char::is_uppercase),
                    "{name}: `{help}`"
                );
            }
            for fix in &finding.fixes {
                assert_eq!(
                    fix.kind, rule.fix,
                    "{name}: the fix `{}` is of another kind than the rule says",
                    fix.title
                );
                assert!(
                    fix.title.chars().next().is_some_and(char::is_uppercase),
                    "{name}: `{}`",
                    fix.title
                );
            }
        }
    }
}

#[test]
fn fixes_converge() {
    for rule in RULES.iter().filter(|rule| rule.fix != FixKind::None) {
        let mut fixed = 0;
        for example in examples(rule, "## Bad") {
            let mut project = example.history();
            for _ in 0..20 {
                let found = judge(rule, &project, &example.settings);
                let edits = found
                    .iter()
                    .find_map(|f| f.fixes.iter().find(|fix| !fix.edits.is_empty()).map(|fix| (f, fix)));
                let Some((finding, fix)) = edits else { break };
                let migration = project
                    .migrations
                    .iter_mut()
                    .find(|m| m.path == finding.path)
                    .expect("the file is there");
                let text = apply_edits(&migration.text, &fix.edits);
                assert_ne!(*text, *migration.text, "{}: `{}` changes nothing", rule.name, fix.title);
                migration.forward.end = u32::try_from(text.len()).expect("examples are short");
                migration.text = text.into();
                fixed += 1;
                let after = judge(rule, &project, &example.settings);
                assert!(
                    after.len() < found.len(),
                    "{}: `{}` mends nothing",
                    rule.name,
                    fix.title
                );
            }
            let left = judge(rule, &project, &example.settings);
            let unfixed = left
                .iter()
                .filter(|f| f.fixes.iter().any(|fix| !fix.edits.is_empty()))
                .count();
            assert_eq!(unfixed, 0, "{}: still fixable after twenty fixes: {left:#?}", rule.name);
            let errors: Vec<_> = project
                .migrations
                .iter()
                .flat_map(|m| read(m).syntax_errors(m).to_vec())
                .collect();
            assert!(errors.is_empty(), "{}: a fix left broken SQL: {errors:?}", rule.name);
        }
        let creates = examples(rule, "## Bad")
            .iter()
            .flat_map(|e| findings(rule, e))
            .any(|f| f.fixes.iter().any(|x| !x.creates.is_empty()));
        assert!(fixed > 0 || creates, "{}: no Bad example shows its fix", rule.name);
    }
}

/// The pages under docs/rules are what the doc comments say; a stale page is written anew and the test fails once.
#[test]
fn docs_are_current() {
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/rules"));
    let mut stale = Vec::new();
    let mut wanted: Vec<(String, String)> = RULES
        .iter()
        .map(|rule| (format!("{}.md", rule.name), page(rule)))
        .collect();
    wanted.push(("README.md".to_owned(), index()));
    for (name, text) in &wanted {
        if std::fs::read_to_string(folder.join(name)).ok().as_ref() != Some(text) {
            std::fs::create_dir_all(folder).expect("docs/rules can be made");
            std::fs::write(folder.join(name), text).expect("docs/rules can be written");
            stale.push(name.clone());
        }
    }
    for entry in std::fs::read_dir(folder).expect("docs/rules is there").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !wanted.iter().any(|(known, _)| *known == name) {
            std::fs::remove_file(entry.path()).expect("a page without a rule can go");
            stale.push(name);
        }
    }
    assert!(
        stale.is_empty(),
        "docs/rules was stale and is written anew; commit {stale:?}"
    );
}

fn page(rule: &Rule) -> String {
    let facts = format!(
        "*{} · level {} · fix: {} · since {}{}*",
        rule.category.name(),
        rule.level,
        rule.fix.name(),
        rule.since,
        if rule.convention {
            " · part of the migration convention"
        } else {
            ""
        }
    );
    format!("# {}\n\n{facts}\n\n{}", rule.name, rule.text())
}

fn index() -> String {
    let mut out = String::from("# Rules\n\n| Rule | Level | Fix | What happens |\n| --- | --- | --- | --- |\n");
    for rule in RULES {
        let line = format!(
            "| [{0}]({0}.md) | {1} | {2} | {3} |\n",
            rule.name,
            rule.level,
            rule.fix.name(),
            rule.summary()
        );
        out.push_str(&line);
    }
    out
}

/// A fenced block of a rule's page. Its info string may say more than `sql`: `postgres=17`, `supabase`, `runner=psql`,
/// `alone` (no rollback and no smoke test beside it), `pairs` (the rollbacks that the text shows), `naming=supabase`, `snapshots` (the Supabase CLI reads them).
struct Example {
    sql: String,
    settings: Settings,
    base: Base,
    convention: bool,
    no_companions: bool,
    only_shown: bool,
    snapshots_read: bool,
    proof: Option<Proof>,
}

impl Example {
    fn history(&self) -> crate::history::History {
        let mut history = history(&self.sql, self.base, self.convention);
        if self.snapshots_read {
            history.snapshots_read_by_supabase = Some("supabase/config.toml".to_owned());
        }
        for migration in history.migrations.iter_mut().filter(|_| !self.only_shown) {
            migration.has_rollback = !self.no_companions;
            migration.has_smoke_test = !self.no_companions;
        }
        if let (Some(proof), Some(first)) = (&self.proof, history.migrations.first()) {
            history.proofs.insert(first.path.clone(), Arc::new(proof.clone()));
        }
        history
    }
}

fn examples(rule: &Rule, heading: &str) -> Vec<Example> {
    let mut out = Vec::new();
    let mut in_section = false;
    let mut block: Option<(String, String)> = None;
    for line in rule.page.lines() {
        let line = line.strip_prefix(' ').unwrap_or(line);
        if let Some((info, sql)) = &mut block {
            if line.trim() == "```" {
                let example = example(rule, info, std::mem::take(sql));
                out.push(example);
                block = None;
            } else {
                sql.push_str(line);
                sql.push('\n');
            }
        } else if line.starts_with("## ") {
            in_section = line.trim() == heading;
        } else if let Some(info) = line.strip_prefix("```sql").filter(|_| in_section) {
            block = Some((info.trim().to_owned(), String::new()));
        }
    }
    out
}

fn example(rule: &Rule, info: &str, sql: String) -> Example {
    let mut settings = Settings {
        coupling: Coupling {
            packs: vec!["fragments".into(), "creator-os".into()],
            forbidden_names: vec!["naval".into(), "pedro".into(), "joao".into()],
        },
        ..Settings::default()
    };
    let mut base = Base::Empty;
    let mut no_companions = false;
    let mut only_shown = false;
    let mut snapshots_read = false;
    let mut proof = None;
    for word in info.split_whitespace() {
        match word.split_once('=') {
            Some(("postgres", major)) => settings.postgres = major.parse().expect("a major version"),
            Some(("runner", "psql")) => settings.runner = Runner::Psql,
            Some(("runner", "supabase")) => settings.runner = Runner::Supabase,
            Some(("runner", "sqlx")) => settings.runner = Runner::Sqlx,
            None if word == "supabase" => {
                base = Base::Supabase;
                settings.runner = Runner::Supabase;
            }
            Some(("naming", "supabase")) => settings.naming = Naming::Supabase,
            None if word == "alone" => no_companions = true,
            None if word == "pairs" => only_shown = true,
            None if word == "snapshots" => snapshots_read = true,
            Some(("proof", verdict)) => proof = Some(some_proof(verdict)),
            _ => panic!("{}: `{word}` is no setting of an example", rule.name),
        }
    }
    Example {
        sql,
        settings,
        base,
        convention: rule.convention,
        no_companions,
        only_shown,
        snapshots_read,
        proof,
    }
}

/// What a server may have said of the example's first migration.
fn some_proof(verdict: &str) -> Proof {
    Proof {
        verdict: Verdict::from_name(verdict).unwrap_or(Verdict::Proven),
        reason: None,
        differences: vec!["table public.users is there and was not".to_owned()],
        failure: (verdict == "fails").then(|| Failure {
            place: Place::Rollback,
            span: Span::new(0, 16),
            sqlstate: "42P01".to_owned(),
            message: "table \"user\" does not exist".to_owned(),
            hint: None,
        }),
        is_current: verdict != "stale",
    }
}

fn findings(rule: &Rule, example: &Example) -> Vec<Diagnostic> {
    judge(rule, &example.history(), &example.settings)
}

fn judge(rule: &Rule, history: &crate::history::History, settings: &Settings) -> Vec<Diagnostic> {
    let documents: Vec<_> = history.migrations.iter().map(read).collect();
    let mut found = check(history, &documents, settings);
    found.retain(|finding| finding.rule == rule.name);
    found
}
