//! Findings as SARIF 2.1.0, which GitHub, Azure and editors read:
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.

use std::collections::BTreeMap;

use analysis::lint::diagnostic::{Diagnostic, Fix, Level};
use analysis::lint::rule::{PAGES, Rule};
use analysis::lint::rule_named;
use analysis::text::Span;
use serde_json::{Value, json};

use super::Results;

/// One run with the rules that it found something for.
pub(crate) fn render(results: &mut Results) -> String {
    let fingerprints = results.fingerprints();
    let found = results.take();
    let mut rules: BTreeMap<&str, usize> = found.iter().map(|found| (found.rule, 0)).collect();
    rules.values_mut().enumerate().for_each(|(at, index)| *index = at);
    let values: Vec<Value> = found
        .iter()
        .zip(fingerprints)
        .map(|(found, fingerprint)| result(results, found, rules[found.rule], &fingerprint))
        .collect();
    let described = rules.keys().filter_map(|name| rule_named(name)).map(rule);
    let whole = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "dblsp",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": described.collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": values,
        }],
    });
    format!("{whole:#}\n")
}

fn rule(rule: &Rule) -> Value {
    let page = format!("{PAGES}/{}.md", rule.name);
    json!({
        "id": rule.name,
        "shortDescription": { "text": rule.summary() },
        "helpUri": page,
        "defaultConfiguration": { "level": level(rule.level) },
        "properties": { "tags": [rule.category.name()] },
    })
}

fn result(results: &mut Results, found: &Diagnostic, rule: usize, fingerprint: &str) -> Value {
    let mut message = json!({ "text": found.message });
    if let Some(help) = &found.help {
        message["text"] = json!(format!("{}. {help}", found.message));
    }
    let mut value = json!({
        "ruleId": found.rule,
        "ruleIndex": rule,
        "level": level(found.level),
        "message": message,
        "locations": [{ "physicalLocation": place(results, &found.path, found.span) }],
        "partialFingerprints": { "dblsp/v1": fingerprint },
    });
    if !found.related.is_empty() {
        let related = found.related.iter().map(|related| {
            json!({
                "physicalLocation": place(results, &related.path, related.span),
                "message": { "text": related.message },
            })
        });
        value["relatedLocations"] = related.collect();
    }
    // What SARIF calls a fix replaces text; files that a fix creates are told in its description only.
    let fixes: Vec<Value> = found
        .fixes
        .iter()
        .filter(|fix| !fix.edits.is_empty() && fix.creates.is_empty())
        .map(|it| fix(results, found, it))
        .collect();
    if !fixes.is_empty() {
        value["fixes"] = fixes.into();
    }
    value
}

fn fix(results: &mut Results, found: &Diagnostic, fix: &Fix) -> Value {
    let replacements: Vec<Value> = fix
        .edits
        .iter()
        .map(|edit| {
            json!({
                "deletedRegion": region(results, &found.path, edit.span),
                "insertedContent": { "text": edit.text },
            })
        })
        .collect();
    json!({
        "description": { "text": fix.title },
        "artifactChanges": [{ "artifactLocation": artifact(&found.path), "replacements": replacements }],
    })
}

fn place(results: &mut Results, path: &str, span: Span) -> Value {
    json!({ "artifactLocation": artifact(path), "region": region(results, path, span) })
}

/// A path is a URI reference there: everything but letters, digits and a few marks is written as `%XX`.
fn artifact(path: &str) -> Value {
    let mut uri = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    json!({ "uri": uri, "uriBaseId": "%SRCROOT%" })
}

fn region(results: &mut Results, path: &str, span: Span) -> Value {
    let (text, lines) = results.source(path);
    let (start, end) = (lines.line_column(&text, span.start), lines.line_column(&text, span.end));
    json!({
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
        "byteOffset": span.start,
        "byteLength": span.end - span.start,
    })
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info | Level::Hint => "note",
    }
}
