//! Findings as a JUnit report: a test suite per file, a failed test per finding, one passed test for a file without any.

use std::collections::BTreeMap;

use analysis::lint::diagnostic::{Diagnostic, Level};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{Results, github};

/// Findings below `fail_on` are passed tests that say something.
pub(crate) fn render(results: &mut Results, fail_on: Level) -> anyhow::Result<String> {
    let mut by_file: BTreeMap<String, Vec<Diagnostic>> = BTreeMap::new();
    for path in results.judged() {
        by_file.insert(path.to_owned(), Vec::new());
    }
    for found in results.take() {
        by_file.entry(found.path.clone()).or_default().push(found);
    }
    let mut report = Report::new("dblsp check");
    for (path, found) in &by_file {
        let mut suite = TestSuite::new(path.as_str());
        if found.is_empty() {
            suite.add_test_case(TestCase::new("no findings", TestCaseStatus::success()));
        }
        for found in found {
            suite.add_test_case(case(results, found, fail_on));
        }
        report.add_test_suite(suite);
    }
    Ok(report.to_string()? + "\n")
}

fn case(results: &mut Results, found: &Diagnostic, fail_on: Level) -> TestCase {
    let (text, lines) = results.source(&found.path);
    let place = lines.line_column(&text, found.span.start);
    let words = format!(
        "{}:{}:{}: {}",
        found.path,
        place.line,
        place.column,
        github::words(found)
    );
    let mut status = TestCaseStatus::success();
    if found.level >= fail_on {
        status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type(found.level.name()).set_message(found.message.as_str());
        status.set_description(words.as_str());
    }
    let mut case = TestCase::new(format!("{} (line {})", found.rule, place.line), status);
    case.set_classname(found.path.as_str());
    if found.level < fail_on {
        case.set_system_out(words.as_str());
    }
    case
}
