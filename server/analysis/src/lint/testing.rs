//! One helper for a hundred rule tests: SQL as text, findings as carets under it.
//!
//! Several files: a line `-- 1_name.sql` begins each, and the history is taken as whole. Without such lines the text is
//! one file of an unknown history. A caret line names what the line above it must show:
//!
//! ```text
//! alter table users add column token uuid default gen_random_uuid();
//! --                                              ^^^^^^^^^^^^^^^^^ warning: adding `token` rewrites …
//! ```
//!
//! `@` in place of carets stands for what begins in the line's first column, however long it is. Files whose name begins
//! with `rollback/` or `tests/` are companions of the migrations. A file `databases/staging.sql` is what is known of a
//! database: what was run follows a line `-- applied: 1`, and nothing follows it where that is not known; a line
//! `-- drift: public.users: table public.users is missing` tells a difference.

use super::diagnostic::{Diagnostic, apply_edits};
use super::rule::Rule;
use crate::databases::{Applied, Databases, Difference, Drift, Environment};
use crate::history::{Base, Companion, CompanionKind, History, Migration};
use crate::settings::{Runner, Settings};
use crate::sql::lexeme::token_digest;
use crate::text::LineIndex;
use crate::{check, read};

/// A history to judge with one rule.
pub(crate) struct Case {
    rule: &'static Rule,
    pub(crate) settings: Settings,
    pub(crate) base: Base,
    pub(crate) convention: bool,
}

impl Case {
    pub(crate) fn new(rule: &'static Rule) -> Self {
        Self {
            rule,
            settings: Settings::default(),
            base: Base::Empty,
            convention: rule.convention,
        }
    }

    pub(crate) fn postgres(mut self, major: u16) -> Self {
        self.settings.postgres = major;
        self
    }

    pub(crate) fn runner(mut self, runner: Runner) -> Self {
        self.settings.runner = runner;
        self
    }

    /// Settings or history that have no word of their own here.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    pub(crate) fn supabase(mut self) -> Self {
        self.base = Base::Supabase;
        self.settings.runner = Runner::Supabase;
        self
    }

    /// The history that a text with `-- 1_name.sql` lines describes.
    pub(crate) fn history(&self, sql: &str) -> History {
        history(sql, self.base, self.convention)
    }

    /// What the rule says about a history.
    pub(crate) fn findings(&self, history: &History) -> Vec<Diagnostic> {
        let documents: Vec<_> = history.migrations.iter().map(read).collect();
        let mut found = check(history, &documents, &self.settings);
        found.retain(|finding| finding.rule == self.rule.name);
        found
    }

    /// Asserts that the findings are exactly those that the carets say.
    pub(crate) fn fires(&self, sql: &str) {
        let history = self.history(sql);
        let found: Vec<String> = self
            .findings(&history)
            .iter()
            .map(|finding| underline(&history, finding))
            .collect();
        let wanted: Vec<String> = files(&history).flat_map(|(path, text)| carets(path, text)).collect();
        assert!(
            !wanted.is_empty(),
            "a firing example needs carets; found:\n{}",
            found.join("\n")
        );
        let matched =
            wanted.len() == found.len() && wanted.iter().zip(&found).all(|(wanted, found)| says(found, wanted));
        assert!(
            matched,
            "{}\nwanted:\n{}\nfound:\n{}",
            sql,
            wanted.join("\n"),
            found.join("\n")
        );
    }

    /// Asserts that the rule says nothing.
    pub(crate) fn silent(&self, sql: &str) {
        let history = self.history(sql);
        let found: Vec<String> = self
            .findings(&history)
            .iter()
            .map(|finding| underline(&history, finding))
            .collect();
        assert!(found.is_empty(), "{sql}\nfound:\n{}", found.join("\n"));
    }

    /// Asserts what the first fix of the first finding makes of its file, and that the finding is gone then.
    pub(crate) fn fixed(&self, before: &str, after: &str) {
        let history = self.history(before);
        let findings = self.findings(&history);
        let finding = findings
            .first()
            .unwrap_or_else(|| panic!("nothing to fix in:\n{before}"));
        let fix = finding
            .fixes
            .first()
            .unwrap_or_else(|| panic!("no fix for: {}", finding.message));
        let text = &history
            .migrations
            .iter()
            .find(|m| m.path == finding.path)
            .expect("findings name their file")
            .text;
        let result = apply_edits(text, &fix.edits);
        let wanted = self.history(after);
        let wanted = wanted
            .migrations
            .iter()
            .find(|m| m.path == finding.path)
            .map_or(after, |m| &m.text);
        assert_eq!(result.trim(), wanted.trim());
    }
}

/// Every file of a history with its text, in the order of findings.
fn files(history: &History) -> impl Iterator<Item = (&str, &str)> {
    let migrations = history.migrations.iter().map(|m| (&*m.path, &*m.text));
    migrations.chain(history.companions.iter().map(|c| (&*c.path, &*c.text)))
}

/// Whether a finding is the one that a caret line asks for.
fn says(found: &str, wanted: &str) -> bool {
    let wanted = wanted.trim_end_matches('…');
    match wanted.split_once("1-@") {
        Some((place, said)) => found.strip_prefix(place).is_some_and(|rest| {
            let message = rest
                .strip_prefix("1-")
                .and_then(|rest| rest.find(' ').map(|at| &rest[at..]));
            message.is_some_and(|message| message.starts_with(said))
        }),
        None => found.starts_with(wanted),
    }
}

/// The history that a text with `-- 1_name.sql` lines describes.
pub(crate) fn history(sql: &str, base: Base, convention: bool) -> History {
    let mut files: Vec<(String, String)> = Vec::new();
    for line in sql.lines() {
        let name = line
            .trim()
            .strip_prefix("-- ")
            .filter(|name| name.strip_suffix(".sql").is_some_and(|stem| !stem.contains(' ')));
        match (name, files.last_mut()) {
            (Some(name), _) => files.push((name.to_owned(), String::new())),
            (None, Some((_, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) if line.trim().is_empty() => {}
            (None, None) => files.push((String::new(), format!("{line}\n"))),
        }
    }
    let complete = files.first().is_none_or(|(name, _)| !name.is_empty());
    let migration = |(name, text): &(String, String)| {
        let path = if name.is_empty() { "migration.sql" } else { name };
        let plain = Migration::new(path, text);
        let test = plain
            .release()
            .map(|release| format!("tests/v{release}_smoke_test.sql"));
        let is_there = |wanted: &str| files.iter().any(|(name, _)| name == wanted);
        let rollback = format!("rollback/{}_rollback.sql", plain.version);
        Migration {
            convention,
            has_rollback: is_there(&rollback),
            rollback_path: (!plain.version.is_empty()).then_some(rollback),
            has_smoke_test: test.as_deref().is_some_and(is_there),
            smoke_test_path: test,
            ..plain
        }
    };
    let kind = |name: &str| match name.split('/').next() {
        Some("rollback") => Some(CompanionKind::Rollback),
        Some("tests") => Some(CompanionKind::Test),
        _ => None,
    };
    let companion = |(name, text): &(String, String)| {
        Some(Companion {
            path: name.clone(),
            text: text.as_str().into(),
            kind: kind(name)?,
            judged: true,
        })
    };
    let database = |name: &str| {
        let name = name.strip_prefix("databases/")?.strip_suffix(".sql")?;
        Some(name.to_owned())
    };
    let known = files.iter().filter_map(|(name, text)| Some((database(name)?, text)));
    let databases = Databases {
        environments: known.map(|(name, text)| environment(name, text)).collect(),
    };
    History {
        databases: databases.into(),
        migrations: files
            .iter()
            .filter(|(name, _)| kind(name).is_none() && database(name).is_none())
            .map(migration)
            .collect(),
        companions: files.iter().filter_map(companion).collect(),
        complete,
        base,
        ..History::default()
    }
}

/// A database that was seen the day after the seed's first migration.
fn environment(name: String, text: &str) -> Environment {
    let seen = "2025-10-27T09:00:00Z".to_owned();
    let ran = text.split("-- applied: ").skip(1).map(|part| {
        let (version, rest) = part.split_once('\n').unwrap_or((part, ""));
        let sql = rest.split("-- drift: ").next().unwrap_or_default().trim();
        let tokens = (!sql.is_empty()).then(|| token_digest(sql));
        (version.trim().to_owned(), Applied { tokens, text: None })
    });
    let told = text.lines().filter_map(|line| line.strip_prefix("-- drift: "));
    let differences = told
        .filter_map(|line| line.split_once(": "))
        .map(|(identity, words)| Difference {
            identity: identity.to_owned(),
            words: words.to_owned(),
        });
    let differences: Vec<Difference> = differences.collect();
    Environment {
        name,
        applied: ran.collect(),
        drift: (!differences.is_empty()).then(|| Drift {
            seen: seen.clone(),
            differences,
        }),
        seen,
    }
}

/// `path:line:column-column level: message`, columns 1-based in characters, the end cut at the line's end.
fn underline(history: &History, finding: &Diagnostic) -> String {
    let text = files(history)
        .find(|(path, _)| *path == finding.path)
        .map_or("", |(_, text)| text);
    let lines = LineIndex::new(text);
    let start = lines.line_column(text, finding.span.start);
    let end = lines.line_column(text, finding.span.end);
    let width = u32::try_from(lines.line_text(text, start.line as usize - 1).chars().count()).unwrap_or(u32::MAX);
    let stop = if end.line == start.line { end.column } else { width + 1 };
    format!(
        "{}:{}:{}-{stop} {}: {}",
        finding.path, start.line, start.column, finding.level, finding.message
    )
}

fn carets(path: &str, text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut code_line = 0;
    for (at, line) in text.lines().enumerate() {
        let marks = line
            .trim_start()
            .strip_prefix("--")
            .map(str::trim_start)
            .filter(|rest| rest.starts_with('^') || rest.starts_with("@ "));
        let Some(marks) = marks else {
            code_line = at + 1;
            continue;
        };
        if let Some(said) = marks.strip_prefix('@') {
            out.push(format!("{path}:{code_line}:1-@{said}"));
            continue;
        }
        let length = marks.chars().take_while(|c| *c == '^').count();
        let start = line.chars().position(|c| c == '^').unwrap_or(0) + 1;
        let said = marks.trim_start_matches('^').trim();
        out.push(format!("{path}:{code_line}:{start}-{} {said}", start + length));
    }
    out
}
