//! Where a comment must stand to allow a finding.

use analysis::lint::diagnostic::Edit;
use analysis::sql::File;
use analysis::text::{LineIndex, Span};

/// What the reason is until somebody writes one.
const REASON: &str = "say why";

/// Whether a comment can allow what the rule finds; what is said about comments themselves it cannot.
pub(crate) fn can_allow(rule: &str) -> bool {
    !matches!(rule, "unused-allow" | "unknown-allow")
}

/// A comment that allows what `rule` finds at `span`, on a line of its own before the statement or, where the statement
/// does not begin a line, before the line.
pub(crate) fn on_line(text: &str, file: &File, span: Span, rule: &str) -> Edit {
    let lines = LineIndex::new(text);
    let point = Span {
        end: span.start,
        ..span
    };
    let statement = file.statements.iter().find(|statement| statement.span.contains(point));
    let starts_line = |offset: u32| {
        let before = Span {
            start: lines.start(lines.line(offset)),
            end: offset,
        };
        before.slice(text).trim_start_matches('\u{feff}').trim().is_empty()
    };
    let anchor = statement.map_or(span.start, |statement| statement.span.start);
    let anchor = if starts_line(anchor) { anchor } else { span.start };
    let start = lines.start(lines.line(anchor)) as usize;
    let line = &text[start..];
    let mark = if line.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let line = &line[mark..];
    let indentation = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
    Edit {
        span: Span::new(start + mark, start + mark),
        text: format!("{indentation}-- dblsp: allow {rule} ({REASON}){}", line_end(text)),
    }
}

/// A comment that allows what `rule` finds anywhere in the file: at the top, but below a first line that is a comment
/// and may mean something there (`-- dblsp: hold`, `-- no-transaction`).
pub(crate) fn in_file(text: &str, rule: &str) -> Edit {
    let end = line_end(text);
    let mark = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let (mut at, mut before) = (mark, "");
    if text[mark..].starts_with("--") {
        let line = text[mark..].find('\n').map(|line| mark + line + 1);
        at = line.unwrap_or(text.len());
        before = if line.is_none() { end } else { "" };
    }
    Edit {
        span: Span::new(at, at),
        text: format!("{before}-- dblsp: allow-file {rule} ({REASON}){end}"),
    }
}

fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

#[cfg(test)]
mod tests {
    use analysis::history::{History, Migration};
    use analysis::lint::diagnostic::{Diagnostic, apply_edits};
    use analysis::settings::Settings;

    use super::*;

    fn check(text: &str) -> Vec<Diagnostic> {
        let migrations = vec![
            Migration::new("1_a.sql", "create table a (id bigint primary key, b int, c int);"),
            Migration::new("2_b.sql", text),
        ];
        let history = History {
            migrations,
            complete: true,
            ..History::default()
        };
        let documents: Vec<_> = history.migrations.iter().map(analysis::read).collect();
        let found = analysis::check(&history, &documents, &Settings::default());
        found.into_iter().filter(|found| found.path == "2_b.sql").collect()
    }

    /// Either comment takes away the finding of `rule` that is allowed, and brings no other.
    #[track_caller]
    fn allows(text: &str, rule: &str) {
        let found = check(text);
        let of_rule = found.iter().filter(|found| found.rule == rule).count();
        assert!(of_rule > 0, "{rule} finds nothing in {text}: {found:#?}");
        let one = found.iter().find(|found| found.rule == rule).expect("counted");
        let file = analysis::read(&Migration::new("2_b.sql", text)).file;
        for (edit, left) in [
            (on_line(text, &file, one.span, rule), of_rule - 1),
            (in_file(text, rule), 0),
        ] {
            let allowed = apply_edits(text, &[edit]);
            let after = check(&allowed);
            let still = after.iter().filter(|found| found.rule == rule).count();
            assert!(still <= left, "in {allowed}: {after:#?}");
            assert_eq!(after.len() - still, found.len() - of_rule, "in {allowed}: {after:#?}");
        }
    }

    #[test]
    fn a_statement_of_one_line_is_allowed_by_the_line_above() {
        allows("select 'ä';\n  alter table a drop column b;\n", "drop-column");
        allows("\u{feff}alter table a drop column b;\r\n", "drop-column");
        allows("-- no-transaction\nalter table a drop column b;\n", "drop-column");
    }

    #[test]
    fn a_finding_deep_in_a_statement_is_allowed_above_it() {
        allows("alter table a\n  drop column b,\n  add column d text;\n", "drop-column");
        allows("do $$\nbegin\n  drop table a;\nend\n$$;\n", "drop-table");
    }

    #[test]
    fn a_statement_in_the_middle_of_a_line_is_allowed_by_the_line_above() {
        allows("/* ä */ alter table a drop column b;\n", "drop-column");
        allows("select\n  1; alter table a drop column b;\n", "drop-column");
        allows("select 1; alter table a\n  drop column b;\n", "drop-column");
    }

    #[test]
    fn a_file_of_one_comment_gets_a_second_line() {
        assert_eq!(
            apply_edits("-- x", &[in_file("-- x", "drop-table")]),
            "-- x\n-- dblsp: allow-file drop-table (say why)\n"
        );
    }
}
