//! `dblsp rules`: every rule, one a line.

use std::fmt::Write;

use analysis::lint::RULES;
use serde_json::json;

use crate::args::Format;
use crate::failure::Exit;
use crate::terminal;

pub(crate) fn run(format: Format) -> anyhow::Result<Exit> {
    let text = match format {
        Format::Text => text(),
        Format::Json => json(),
    };
    terminal::print(&text)?;
    Ok(Exit::Clean)
}

fn text() -> String {
    let width = RULES.iter().map(|rule| rule.name.len()).max().unwrap_or_default();
    let mut out = String::new();
    for rule in RULES {
        let level = rule.level.name();
        writeln!(out, "{:width$}  {level:7}  {}", rule.name, rule.summary()).expect("a string takes all text");
    }
    out
}

fn json() -> String {
    let rules: Vec<_> = RULES
        .iter()
        .map(|rule| {
            json!({
                "name": rule.name,
                "category": rule.category.name(),
                "level": rule.level.name(),
                "fix": rule.fix.name(),
                "since": rule.since,
                "convention": rule.convention,
                "summary": rule.summary(),
                "url": rule.url(),
            })
        })
        .collect();
    format!("{:#}\n", json!({ "version": 1, "rules": rules }))
}
