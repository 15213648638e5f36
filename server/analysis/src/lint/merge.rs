//! One mistake is one finding: where two rules see the same thing, the one that says more about it is heard.

use std::collections::BTreeMap;

use super::diagnostic::Diagnostic;
use crate::text::Span;

/// A rule, and those that say the same in better words: its finding goes where one of theirs overlaps it.
const SAID_BETTER: &[(&str, &[&str])] = &[
    (
        "add-column-inline-unique",
        &["add-required-column", "add-column-unique-constant-default"],
    ),
    ("drop-column", &["drop-blocked", "rename-by-drop-and-add"]),
    ("drop-object", &["drop-blocked", "drop-cascade", "drop-used-in-routine"]),
    ("drop-table", &["drop-blocked"]),
    ("unknown-object", &["extension-missing"]),
];

/// A rule that is only heard where nothing else is said about the statement: that is worth more, and mended first.
const LAST: &str = "lock-timeout-missing";

/// Leaves out what another finding says better.
pub(crate) fn merge(findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let findings = without_last(findings);
    let mut better = BTreeMap::<&str, Vec<(&str, Span)>>::new();
    for finding in &findings {
        for (rule, _) in SAID_BETTER.iter().filter(|(_, others)| others.contains(&finding.rule)) {
            let place = (finding.path.as_str(), finding.span);
            better.entry(*rule).or_default().push(place);
        }
    }
    if better.is_empty() {
        return findings;
    }
    let is_said = |finding: &Diagnostic| {
        let places = better.get(finding.rule).map(Vec::as_slice).unwrap_or_default();
        places
            .iter()
            .any(|(path, span)| *path == finding.path && span.start < finding.span.end && finding.span.start < span.end)
    };
    let keep: Vec<bool> = findings.iter().map(|finding| !is_said(finding)).collect();
    let kept = findings.into_iter().zip(keep).filter(|(_, keep)| *keep);
    kept.map(|(finding, _)| finding).collect()
}

fn without_last(findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let last: Vec<(String, Span)> = findings
        .iter()
        .filter(|finding| finding.rule == LAST)
        .map(|finding| (finding.path.clone(), finding.span))
        .collect();
    let is_said: Vec<bool> = last
        .iter()
        .map(|(path, span)| {
            findings.iter().any(|other| {
                let overlaps = other.span.start < span.end && span.start < other.span.end;
                other.rule != LAST && other.path == *path && overlaps
            })
        })
        .collect();
    let mut said = is_said.into_iter();
    let mut kept = findings;
    kept.retain(|finding| finding.rule != LAST || !said.next().unwrap_or(false));
    kept
}

#[cfg(test)]
mod tests {
    use super::{LAST, SAID_BETTER};
    use crate::lint::rule_named;

    #[test]
    fn every_name_is_a_rule() {
        assert!(rule_named(LAST).is_some());
        for (rule, others) in SAID_BETTER {
            for name in others.iter().chain([rule]) {
                assert!(rule_named(name).is_some(), "{name}");
            }
        }
    }
}
