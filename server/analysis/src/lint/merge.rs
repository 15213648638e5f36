//! One mistake is one finding: where two rules see the same thing, the one that says more about it is heard.

use super::diagnostic::Diagnostic;

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
    ("update-without-where", &["backfill-under-lock"]),
];

/// A rule that is only heard where nothing else is said about the statement: that is worth more, and mended first.
const LAST: &str = "lock-timeout-missing";

/// Leaves out what another finding says better.
pub(crate) fn merge(findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut merged = without_last(findings);
    for (rule, others) in SAID_BETTER {
        leave_out(&mut merged, rule, others);
    }
    merged
}

fn leave_out(findings: &mut Vec<Diagnostic>, rule: &str, others: &[&str]) {
    if !findings.iter().any(|finding| finding.rule == rule) {
        return;
    }
    let (said, mut rest): (Vec<Diagnostic>, Vec<Diagnostic>) = std::mem::take(findings)
        .into_iter()
        .partition(|finding| finding.rule == rule);
    let is_unsaid = |finding: &Diagnostic| {
        let mut better = rest.iter().filter(|other| others.contains(&other.rule));
        !better.any(|other| overlap(finding, other))
    };
    findings.extend(said.into_iter().filter(is_unsaid));
    findings.append(&mut rest);
}

fn overlap(one: &Diagnostic, other: &Diagnostic) -> bool {
    one.path == other.path && one.span.start < other.span.end && other.span.start < one.span.end
}

fn without_last(findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let (last, others): (Vec<Diagnostic>, Vec<Diagnostic>) =
        findings.into_iter().partition(|finding| finding.rule == LAST);
    let unsaid = last
        .into_iter()
        .filter(|finding| !others.iter().any(|other| overlap(finding, other)));
    let unsaid: Vec<Diagnostic> = unsaid.collect();
    others.into_iter().chain(unsaid).collect()
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

    fn rules(sql: &str) -> Vec<(&'static str, usize)> {
        let history = crate::lint::testing::history(sql, crate::history::Base::Empty, false);
        let documents: Vec<_> = history.migrations.iter().map(crate::read).collect();
        let found = crate::check(&history, &documents, &crate::settings::Settings::default());
        found.iter().map(|found| (found.rule, found.related.len())).collect()
    }

    #[test]
    fn one_mistake_is_one_finding() {
        let first = "-- 1_first.sql\ncreate table users (id bigint primary key, a int, b int);\ncreate table orders (id bigint primary key, a int);\ncreate view v as select a from users;\n-- 2_second.sql\n";
        for (second, wanted) in [
            ("alter table users drop column a;", vec![("drop-blocked", 1)]),
            (
                "alter table users drop column a cascade;",
                vec![("drop-column", 1), ("drop-cascade", 1)],
            ),
            (
                "alter table users drop column b, add column c int;",
                vec![("rename-by-drop-and-add", 0)],
            ),
            (
                "alter table users add column c int;\nupdate users set a = 1;",
                vec![("backfill-under-lock", 1)],
            ),
        ] {
            assert_eq!(rules(&format!("{first}{second}\n")), wanted, "{second}");
        }
    }
}
