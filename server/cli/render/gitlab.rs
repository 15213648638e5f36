//! Findings as a Code Quality report of GitLab: <https://docs.gitlab.com/ci/testing/code_quality/>.

use analysis::lint::diagnostic::Level;
use serde_json::{Value, json};

use super::Results;

/// A list of all findings.
pub(crate) fn render(results: &mut Results) -> String {
    let fingerprints = results.fingerprints();
    let found = results.take();
    let values: Vec<Value> = found
        .iter()
        .zip(fingerprints)
        .map(|(found, fingerprint)| {
            let (text, lines) = results.source(&found.path);
            let (start, end) = (
                lines.line_column(&text, found.span.start),
                lines.line_column(&text, found.span.end),
            );
            json!({
                "description": found.message,
                "check_name": found.rule,
                "fingerprint": fingerprint,
                "severity": severity(found.level),
                "location": {
                    "path": found.path,
                    "positions": {
                        "begin": { "line": start.line, "column": start.column },
                        "end": { "line": end.line, "column": end.column },
                    },
                },
            })
        })
        .collect();
    format!("{:#}\n", Value::from(values))
}

fn severity(level: Level) -> &'static str {
    match level {
        Level::Error => "critical",
        Level::Warning => "major",
        Level::Info => "minor",
        Level::Hint => "info",
    }
}
