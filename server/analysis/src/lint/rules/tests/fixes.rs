//! Fixes over all rules at once, on texts as people write them: with comments everywhere, other line ends, indented.

use std::collections::BTreeSet;

use super::{Example, examples};
use crate::history::{History, Migration};
use crate::lint::diagnostic::{Diagnostic, Fix, FixKind, Level};
use crate::lint::fixing::{Willing, together};
use crate::lint::rule::Rule;
use crate::lint::rules::RULES;
use crate::sql::tokens::tokenize;
use crate::{check, read};

/// A way to write the same statements.
type Variant = (&'static str, fn(&str) -> String);

const VARIANTS: &[Variant] = &[
    ("as it is", str::to_owned),
    ("line ends of Windows", |text| text.replace('\n', "\r\n")),
    ("indented", |text| {
        let lines = text.lines().flat_map(|line| ["  \t", line, "\n"]);
        lines.collect::<String>()
    }),
    ("comments", |text| commented(text, |n| format!(" /* c{n}. */ "))),
    ("comments to the line's end", |text| {
        commented(text, |n| format!(" -- c{n}.  \n  "))
    }),
    ("comments on lines of their own", |text| {
        commented(text, |n| format!("\r\n-- c{n}.\r\n"))
    }),
];

/// A comment behind every token.
fn commented(text: &str, comment: impl Fn(usize) -> String) -> String {
    let mut out = String::new();
    let mut at = 0;
    for (number, token) in tokenize(text).tokens.iter().enumerate() {
        let end = token.span.end as usize;
        let joins = text[end..].starts_with(['.', '(', ':', '[', '\'', ',', ')']) || text[..end].ends_with(['.', ':']);
        out.push_str(&text[at..end]);
        if !joins {
            out.push_str(&comment(number));
        }
        at = end;
    }
    out.push_str(&text[at..]);
    out
}

fn written_as(example: &Example, variant: fn(&str) -> String) -> History {
    let mut history = example.history();
    for migration in &mut history.migrations {
        set_text(migration, variant(&migration.text));
    }
    history
}

fn set_text(migration: &mut Migration, text: String) {
    migration.forward.end = u32::try_from(text.len()).expect("examples are short");
    migration.text = text.into();
}

fn judged(history: &History, example: &Example) -> Vec<Diagnostic> {
    let documents: Vec<_> = history.migrations.iter().map(read).collect();
    let mut found = check(history, &documents, &example.settings);
    for finding in &mut found {
        finding.fixes.retain(|fix: &Fix| !fix.edits.is_empty());
    }
    found
}

/// Applies what can be applied, once; says which rules' fixes those were.
fn fix_once(history: &mut History, example: &Example) -> Vec<&'static str> {
    let found = judged(history, example);
    let mut applied = Vec::new();
    for migration in &mut history.migrations {
        let own: Vec<Diagnostic> = found.iter().filter(|f| f.path == migration.path).cloned().collect();
        let chosen = together(&own, Willing::Review);
        applied.extend(chosen.fixes.iter().map(|(finding, _)| finding.rule));
        if !chosen.fixes.is_empty() {
            set_text(migration, chosen.apply(&migration.text));
        }
    }
    applied
}

fn comments(history: &History) -> BTreeSet<String> {
    let of = |migration: &Migration| {
        let file = crate::sql::parse(&migration.text);
        let comments = file.comments.iter();
        let words: Vec<String> = comments
            .map(|comment| comment.span.slice(&migration.text).trim().to_owned())
            .collect();
        words
    };
    history.migrations.iter().flat_map(of).collect()
}

fn broken(history: &History) -> bool {
    history
        .migrations
        .iter()
        .any(|migration| !read(migration).syntax_errors(migration).is_empty())
}

/// What goes wrong with one example in one variant; nothing, if all is well.
fn wrong(rule: &Rule, example: &Example, (name, variant): Variant, applied: &mut Vec<&'static str>) -> Option<String> {
    let mut history = written_as(example, variant);
    if broken(&history) {
        return None;
    }
    let kept = comments(&history);
    let texts = |history: &History| {
        let texts = history.migrations.iter().map(|migration| migration.text.to_string());
        texts.collect::<Vec<String>>().join("\n--\n")
    };
    let errors = |history: &History| {
        let found = judged(history, example).into_iter();
        found.filter(|finding| finding.level == Level::Error).count()
    };
    let mut failing = errors(&history);
    for _ in 0..20 {
        let before = texts(&history);
        let now = fix_once(&mut history, example);
        let say = |what: &str| {
            format!(
                "{} ({name}): {now:?} {what}\n{before}\n=>\n{}",
                rule.name,
                texts(&history)
            )
        };
        if now.is_empty() {
            return None;
        }
        if broken(&history) {
            return Some(say("leave broken SQL"));
        }
        let now_there = comments(&history);
        if !kept.iter().all(|comment| now_there.contains(comment)) {
            return Some(say("take comments away"));
        }
        let fails = errors(&history);
        if fails > failing {
            return Some(say("make the migration fail"));
        }
        failing = fails;
        applied.extend(now.iter().copied());
    }
    Some(format!("{} ({name}): never done\n{}", rule.name, texts(&history)))
}

#[test]
fn fixing_ends_with_right_sql_all_comments_and_nothing_left_to_fix() {
    let mut applied = Vec::new();
    let mut problems = Vec::new();
    for rule in RULES {
        for example in examples(rule, "## Bad") {
            for variant in VARIANTS {
                problems.extend(wrong(rule, &example, *variant, &mut applied));
            }
        }
    }
    assert!(
        problems.is_empty(),
        "{} problems\n{}",
        problems.len(),
        problems.join("\n\n")
    );
    let unseen = RULES
        .iter()
        .filter(|rule| rule.fix != FixKind::None && !applied.contains(&rule.name));
    let unseen: Vec<&str> = unseen.map(|rule| rule.name).collect();
    let create = ["loss-without-rollback", "rollback-missing", "smoke-test-missing"];
    assert_eq!(unseen, create, "they create files");
}

#[test]
fn line_ends_and_indentation_stay() {
    for rule in RULES {
        for example in examples(rule, "## Bad") {
            for (name, variant) in &VARIANTS[1..3] {
                let mut history = written_as(&example, *variant);
                assert!(
                    (0..20).any(|_| fix_once(&mut history, &example).is_empty()),
                    "{}",
                    rule.name
                );
                for migration in &history.migrations {
                    let text = &*migration.text;
                    let lines = text.split_inclusive('\n').filter(|line| !line.trim().is_empty());
                    let odd: Vec<&str> = match *name {
                        "indented" => lines.filter(|line| !line.starts_with("  \t")).collect(),
                        _ => lines
                            .filter(|line| line.ends_with('\n') && !line.ends_with("\r\n"))
                            .collect(),
                    };
                    assert!(odd.is_empty(), "{} ({name}): {odd:?} in\n{text}", rule.name);
                }
            }
        }
    }
}
