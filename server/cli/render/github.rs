//! Findings as GitHub's workflow commands, which become annotations of a pull request:
//! <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>.

use std::fmt::Write;

use analysis::lint::diagnostic::{Diagnostic, Level};

use super::Results;

/// One command a line.
pub(crate) fn render(results: &mut Results) -> String {
    let mut out = String::new();
    for found in results.take() {
        let (text, lines) = results.source(&found.path);
        let (start, end) = (
            lines.line_column(&text, found.span.start),
            lines.line_column(&text, found.span.end),
        );
        let mut properties = vec![
            ("file", found.path.clone()),
            ("line", start.line.to_string()),
            ("endLine", end.line.to_string()),
        ];
        // GitHub takes columns only where they are of one line.
        if start.line == end.line {
            properties.push(("col", start.column.to_string()));
            properties.push(("endColumn", end.column.to_string()));
        }
        properties.push(("title", format!("dblsp {}", found.rule)));
        let properties: Vec<String> = properties
            .iter()
            .map(|(name, value)| format!("{name}={}", escaped(value, true)))
            .collect();
        let command = command(found.level);
        writeln!(
            out,
            "::{command} {}::{}",
            properties.join(","),
            escaped(&words(&found), false)
        )
        .expect("a string takes all text");
    }
    out
}

fn command(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info | Level::Hint => "notice",
    }
}

/// Message and advice.
pub(super) fn words(found: &Diagnostic) -> String {
    match &found.help {
        Some(help) => format!("{}\n{help}", found.message),
        None => found.message.clone(),
    }
}

/// As the runner unescapes it; properties end at commas and colons as well.
fn escaped(text: &str, is_property: bool) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    if is_property {
        text.replace(':', "%3A").replace(',', "%2C")
    } else {
        text
    }
}
