//! Findings as JSON: format version 1, which only grows.

use analysis::lint::diagnostic::{Diagnostic, Fix, Level};
use analysis::lint::rule::PAGES;
use analysis::text::LineIndex;
use serde_json::{Value, json};

use super::Results;

/// All findings and a summary.
pub(crate) fn render(results: &mut Results) -> String {
    let fingerprints = results.fingerprints();
    let diagnostics = std::mem::take(&mut results.diagnostics);
    let values: Vec<Value> = diagnostics
        .iter()
        .zip(&fingerprints)
        .map(|(found, fingerprint)| {
            let (text, lines) = results.source(&found.path);
            diagnostic(found, fingerprint, &text, &lines)
        })
        .collect();
    results.diagnostics = diagnostics;
    let whole = json!({
        "version": 1,
        "diagnostics": values,
        "summary": {
            "files": results.files(),
            "errors": results.count(Level::Error),
            "warnings": results.count(Level::Warning),
            "infos": results.count(Level::Info),
            "hints": results.count(Level::Hint),
            "known": results.known,
        },
    });
    format!("{whole:#}\n")
}

fn diagnostic(found: &Diagnostic, fingerprint: &str, text: &str, lines: &LineIndex) -> Value {
    let position = |offset: u32| {
        let place = lines.line_column(text, offset);
        json!({ "line": place.line, "column": place.column, "byte": offset })
    };
    json!({
        "rule": found.rule,
        "level": found.level.name(),
        "message": found.message,
        "help": found.help,
        "path": found.path,
        "start": position(found.span.start),
        "end": position(found.span.end),
        "fingerprint": fingerprint,
        "url": format!("{PAGES}/{}.md", found.rule),
        "fixes": found.fixes.iter().map(fix).collect::<Vec<_>>(),
    })
}

fn fix(fix: &Fix) -> Value {
    let edits = fix
        .edits
        .iter()
        .map(|edit| json!({ "start": edit.span.start, "end": edit.span.end, "text": edit.text }));
    let creates = fix
        .creates
        .iter()
        .map(|file| json!({ "path": file.path, "text": file.text }));
    json!({
        "title": fix.title,
        "kind": fix.kind.name(),
        "edits": edits.collect::<Vec<_>>(),
        "creates": creates.collect::<Vec<_>>(),
    })
}
