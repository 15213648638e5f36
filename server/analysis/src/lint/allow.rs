//! `-- dblsp: allow rule (reason)` and `-- dblsp: allow-file rule (reason)`; also `-- squawk-ignore rule -- reason` and
//! `-- squawk-ignore-file rule`, which projects have that used squawk before.
//!
//! A comment reaches the findings that begin on its own line, on the next line that is not empty or a comment, and, when
//! it stands between statements, the whole next statement.

use super::diagnostic::{Diagnostic, Level};
use super::{peers, rule_named};
use crate::Document;
use crate::history::Migration;
use crate::text::{LineIndex, Span};

/// One `allow` comment.
struct Allow<'t> {
    rule: &'t str,
    /// The rule's name in the comment.
    span: Span,
    /// The whole comment.
    comment: Span,
    /// What it reaches; `None`: the whole file.
    reach: Option<Reach>,
    author: Author,
}

/// Whom a comment was written for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Author {
    /// For dblsp, which says so where it allows nothing.
    Own,
    /// For squawk.
    Squawk,
}

struct Reach {
    lines: [usize; 2],
    statement: Option<Span>,
}

/// Takes out what is allowed in a file, and adds what is to be said about the comments themselves.
pub(crate) fn heed(
    migration: &Migration,
    document: &Document,
    findings: Vec<Diagnostic>,
    level_of: &dyn Fn(&str) -> Option<Level>,
) -> Vec<Diagnostic> {
    let text = &*migration.text;
    let marked = document
        .file
        .comments
        .iter()
        .map(|comment| comment.span.slice(text))
        .any(|comment| comment.contains("dblsp:") || comment.contains("squawk-ignore"));
    if !marked {
        return findings;
    }
    let mut kept = Vec::with_capacity(findings.len());
    let lines = LineIndex::new(text);
    let allows = allows(text, document, &lines);
    let mut used = vec![false; allows.len()];
    for finding in findings {
        let line = lines.line(finding.span.start);
        let mut allowed = false;
        for (allow, used) in allows.iter().zip(&mut used) {
            let reached = match &allow.reach {
                None => true,
                Some(reach) => {
                    reach.lines.contains(&line)
                        || reach.statement.is_some_and(|statement| {
                            statement.contains(Span {
                                end: finding.span.start,
                                ..finding.span
                            })
                        })
                }
            };
            if allow.rule == finding.rule && reached {
                *used = true;
                allowed = true;
            }
        }
        if !allowed {
            kept.push(finding);
        }
    }
    for (allow, used) in allows.iter().zip(used) {
        kept.extend(idle(migration, allow, used, level_of));
    }
    kept
}

/// What is to be said about a comment that names no rule, or allows nothing.
fn idle(
    migration: &Migration,
    allow: &Allow<'_>,
    used: bool,
    level_of: &dyn Fn(&str) -> Option<Level>,
) -> Option<Diagnostic> {
    if allow.author == Author::Squawk {
        return None;
    }
    let known = rule_named(allow.rule).is_some();
    if used || (known && level_of(allow.rule).is_none()) {
        return None;
    }
    let (rule, span, message, help) = if known {
        let message = format!("nothing here needs `allow {}`", allow.rule);
        ("unused-allow", allow.comment, message, "Remove the comment.".to_owned())
    } else {
        let message = format!("there is no rule `{}`", allow.rule);
        (
            "unknown-allow",
            allow.span,
            message,
            "Run `dblsp rules` to see the names.".to_owned(),
        )
    };
    let level = level_of(rule)?;
    let path = migration.path.clone();
    Some(Diagnostic {
        rule,
        level,
        message,
        help: Some(help),
        path,
        span,
        related: Vec::new(),
        fixes: Vec::new(),
    })
}

fn allows<'t>(text: &'t str, document: &Document, lines: &LineIndex) -> Vec<Allow<'t>> {
    let mut out = Vec::new();
    for comment in &document.file.comments {
        let reach = |whole: bool| (!whole).then(|| reach(text, document, lines, comment.span));
        if let Some((is_whole, rules)) = ignored(comment.span.slice(text)) {
            out.extend(rules.into_iter().map(|rule| Allow {
                rule,
                span: comment.span,
                comment: comment.span,
                reach: reach(is_whole),
                author: Author::Squawk,
            }));
        }
        let Some((start, words)) = directive(text, comment.span) else {
            continue;
        };
        let (keyword, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
        let whole_file = match keyword {
            "allow" => false,
            "allow-file" => true,
            _ => continue,
        };
        let names_end = rest.find('(').unwrap_or(rest.len());
        for name in rest[..names_end]
            .split([',', ' '])
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            let offset = start + (name.as_ptr() as usize - words.as_ptr() as usize);
            let span = Span::new(offset, offset + name.len());
            out.push(Allow {
                rule: name,
                span,
                comment: comment.span,
                reach: reach(whole_file),
                author: Author::Own,
            });
        }
    }
    out
}

/// What a comment for squawk stands for here, and whether in the whole file. Without names it means all of squawk's.
fn ignored(comment: &str) -> Option<(bool, Vec<&'static str>)> {
    let inner = comment
        .strip_prefix("--")
        .or_else(|| comment.strip_prefix("/*").map(|rest| rest.trim_end_matches("*/")))?;
    let rest = inner.trim_start().strip_prefix("squawk-ignore")?;
    let (is_whole, rest) = match rest.strip_prefix("-file") {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    if !(rest.is_empty() || rest.starts_with([' ', '\t'])) {
        return None;
    }
    let names = rest.split("--").next().unwrap_or_default();
    let mut names = names.split([',', ' ', '\t']).filter(|name| !name.is_empty()).peekable();
    let rules = if names.peek().is_none() {
        peers::SQUAWK.iter().flat_map(|(_, ours)| *ours).copied().collect()
    } else {
        names.flat_map(peers::of_squawk).copied().collect()
    };
    Some((is_whole, rules))
}

/// The words after `dblsp:` and the byte offset of the first.
fn directive(text: &str, comment: Span) -> Option<(usize, &str)> {
    let raw = comment.slice(text);
    let inner = raw
        .strip_prefix("--")
        .or_else(|| raw.strip_prefix("/*").map(|rest| rest.trim_end_matches("*/")))?;
    let words = inner.trim_start().strip_prefix("dblsp:")?.trim();
    Some((
        comment.start as usize + (words.as_ptr() as usize - raw.as_ptr() as usize),
        words,
    ))
}

fn reach(text: &str, document: &Document, lines: &LineIndex, comment: Span) -> Reach {
    let own = lines.line(comment.start);
    let last = lines.line(comment.end.saturating_sub(1).max(comment.start));
    // A byte order mark is no text.
    let content = |line: usize| lines.line_text(text, line).trim_start_matches('\u{feff}').trim_start();
    let is_code = |line: &usize| {
        let content = content(*line);
        !content.is_empty() && !content.starts_with("--")
    };
    let next = (last + 1..lines.len()).find(is_code).unwrap_or(own);
    let inside = document
        .file
        .statements
        .iter()
        .any(|statement| statement.span.contains(comment));
    let alone = content(own).starts_with(['-', '/']);
    let following = document
        .file
        .statements
        .iter()
        .find(|statement| statement.span.start >= comment.end);
    let statement = following.filter(|_| !inside && alone).map(|statement| statement.span);
    Reach {
        lines: [own, if alone { next } else { own }],
        statement,
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{History, Migration};
    use crate::settings::Settings;
    use crate::{check, read};

    /// Line and rule of every finding.
    fn found(sql: &str) -> Vec<String> {
        let history = History {
            migrations: vec![Migration::new("1_a.sql", sql)],
            ..History::default()
        };
        let documents: Vec<_> = history.migrations.iter().map(read).collect();
        let found = check(&history, &documents, &Settings::default());
        let found = found.iter().filter(|found| found.rule != "lock-timeout-missing");
        found
            .map(|found| {
                let line = sql[..found.span.start as usize].matches('\n').count() + 1;
                format!("{line} {}", found.rule)
            })
            .collect()
    }

    const DROPS: &str = "alter table a drop column b;\nalter table a drop column c;\n";

    #[test]
    fn a_comment_for_squawk_allows_the_rules_of_the_same_meaning() {
        assert_eq!(found(DROPS), ["1 drop-column", "2 drop-column"]);
        for comment in [
            "-- squawk-ignore ban-drop-column",
            "-- squawk-ignore renaming-column, ban-drop-column -- unused since May",
            "/* squawk-ignore ban-drop-column */",
        ] {
            assert_eq!(found(&format!("{comment}\n{DROPS}")), ["3 drop-column"], "{comment}");
        }
        for comment in ["-- squawk-ignore-file ban-drop-column", "-- squawk-ignore-file"] {
            assert_eq!(found(&format!("{comment}\n{DROPS}")), [""; 0], "{comment}");
        }
    }

    #[test]
    fn a_comment_for_squawk_about_something_else_is_left_alone() {
        for comment in [
            "-- squawk-ignore ban-drop-table",
            "-- squawk-ignore no-such-rule",
            "-- squawk-ignored ban-drop-column",
            "-- squawk-disable-assume-in-transaction",
        ] {
            let all = ["2 drop-column", "3 drop-column"];
            assert_eq!(found(&format!("{comment}\n{DROPS}")), all, "{comment}");
        }
    }
}
