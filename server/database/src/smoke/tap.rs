//! Reads the Test Anything Protocol as far as tests of databases write it: <https://testanything.org/tap-specification.html>.

use serde::Serialize;

/// One line that says `ok` or `not ok`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assertion {
    /// As written, or counted where none is written.
    pub number: u32,
    /// Whether it holds.
    pub ok: bool,
    /// What it is about.
    pub description: String,
    /// Why it does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directive: Option<Directive>,
    /// What the test says about a failure, a line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<String>,
    /// Line of the file, from 1, of the statement that printed it.
    pub line: usize,
}

impl Assertion {
    /// Whether it fails the test: what is yet to be done and what was skipped does not.
    pub fn fails(&self) -> bool {
        !self.ok && self.directive.is_none()
    }
}

/// Why an assertion does not count, with the reason that the test gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "directive", content = "reason", rename_all = "lowercase")]
pub enum Directive {
    /// Expected to fail until somebody does something.
    Todo(String),
    /// Not looked at.
    Skip(String),
}

/// What a test printed so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Tap {
    pub(super) plan: Option<u32>,
    pub(super) skipped: Option<String>,
    pub(super) assertions: Vec<Assertion>,
    /// What is wrong with the output itself.
    pub(super) faults: Vec<String>,
}

impl Tap {
    /// Whether it printed any TAP.
    pub(super) fn is_used(&self) -> bool {
        self.plan.is_some() || !self.assertions.is_empty()
    }

    /// Reads a line that the statement at `line` of the file printed.
    pub(super) fn read(&mut self, text: &str, line: usize) {
        if let Some(rest) = text.strip_prefix("1..") {
            self.read_plan(rest);
        } else if let Some(rest) = after_word(text, "not ok") {
            self.read_assertion(rest, false, line);
        } else if let Some(rest) = after_word(text, "ok") {
            self.read_assertion(rest, true, line);
        } else if let Some(reason) = text.strip_prefix("Bail out!") {
            self.faults.push(format!("the test gave up: {}", reason.trim()));
        } else if let Some(words) = text.strip_prefix('#')
            && let Some(last) = self.assertions.last_mut().filter(|last| !last.ok)
        {
            last.diagnostics.push(words.trim().to_owned());
        }
    }

    fn read_plan(&mut self, rest: &str) {
        let (count, comment) = rest.split_once('#').unwrap_or((rest, ""));
        let Ok(count) = count.trim().parse() else { return };
        if self.plan.is_some() {
            self.faults.push("the test prints two plans".into());
        }
        self.plan = Some(count);
        if count == 0 {
            let reason = after_word_in_any_case(comment.trim(), "skip").unwrap_or_default();
            let reason = reason.strip_prefix("ped").unwrap_or(reason);
            self.skipped = Some(reason.trim_start_matches(':').trim().to_owned());
        }
    }

    fn read_assertion(&mut self, rest: &str, ok: bool, line: usize) {
        let expected = u32::try_from(self.assertions.len() + 1).unwrap_or(u32::MAX);
        let rest = rest.trim_start();
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number = rest[..digits].parse().unwrap_or(expected);
        if number != expected {
            let fault = format!("assertion {number} comes where {expected} was expected");
            self.faults.push(fault);
        }
        let (description, directive) = directive(&rest[digits..]);
        let description = description.trim().trim_start_matches('-').trim().to_owned();
        self.assertions.push(Assertion {
            number,
            ok,
            description,
            directive,
            diagnostics: Vec::new(),
            line,
        });
    }

    /// Everything that keeps the test from passing.
    pub(super) fn failures(&self) -> Vec<String> {
        let mut failures = self.faults.clone();
        let failed = self.assertions.iter().filter(|assertion| assertion.fails()).count();
        if failed > 0 {
            failures.push(format!("{failed} of {} assertions failed", self.assertions.len()));
        }
        if let Some(plan) = self.plan
            && plan as usize != self.assertions.len()
        {
            failures.push(format!("{plan} assertions were planned, {} ran", self.assertions.len()));
        }
        failures
    }
}

/// The text behind a word at the start of a line, if the word ends there.
fn after_word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let rest = text.strip_prefix(word)?;
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some(rest)
}

fn after_word_in_any_case<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let start = text.get(..word.len())?;
    start.eq_ignore_ascii_case(word).then(|| &text[word.len()..])
}

/// Cuts `# TODO reason` and `# SKIP reason` off; a `\#` is no mark.
fn directive(text: &str) -> (&str, Option<Directive>) {
    for (at, _) in text.match_indices('#').filter(|(at, _)| !text[..*at].ends_with('\\')) {
        let comment = text[at + 1..].trim();
        let word_ends = |rest: &&str| !rest.starts_with(char::is_alphanumeric);
        let reason = |rest: &str| rest.trim_start_matches(':').trim().to_owned();
        if let Some(rest) = after_word_in_any_case(comment, "todo").filter(word_ends) {
            return (&text[..at], Some(Directive::Todo(reason(rest))));
        }
        if let Some(rest) = after_word_in_any_case(comment, "skip") {
            let rest = rest.strip_prefix("ped").unwrap_or(rest);
            return (&text[..at], Some(Directive::Skip(reason(rest))));
        }
    }
    (text, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(output: &str) -> Tap {
        let mut tap = Tap::default();
        for (at, line) in output.lines().enumerate() {
            tap.read(line, at + 1);
        }
        tap
    }

    #[test]
    fn assertions_are_read_with_number_and_directive() {
        let tap =
            read("1..4\nok 1 - a table\nnot ok 2 - b # TODO later\nok 3 # SKIP no server\nok - unnumbered \\# 4\n");
        assert_eq!(tap.failures(), Vec::<String>::new());
        let shown: Vec<_> = tap
            .assertions
            .iter()
            .map(|a| (a.number, a.ok, &*a.description, a.directive.clone()))
            .collect();
        assert_eq!(
            shown,
            [
                (1, true, "a table", None),
                (2, false, "b", Some(Directive::Todo("later".into()))),
                (3, true, "", Some(Directive::Skip("no server".into()))),
                (4, true, "unnumbered \\# 4", None),
            ]
        );
    }

    #[test]
    fn what_follows_a_failure_explains_it() {
        let tap = read("1..1\nnot ok 1 - a\n# Failed test 1: \"a\"\n#     have: 1");
        assert_eq!(tap.assertions[0].diagnostics, ["Failed test 1: \"a\"", "have: 1"]);
        assert_eq!(tap.failures(), ["1 of 1 assertions failed"]);
    }

    #[test]
    fn a_plan_that_is_not_kept_is_a_failure() {
        assert_eq!(read("1..2\nok 1").failures(), ["2 assertions were planned, 1 ran"]);
        assert_eq!(
            read("1..1\nok 2").failures(),
            ["assertion 2 comes where 1 was expected"]
        );
        assert_eq!(read("1..1\n1..1\nok 1").failures(), ["the test prints two plans"]);
        assert_eq!(read("1..1\nok 1\nBail out! no").failures(), ["the test gave up: no"]);
    }

    #[test]
    fn a_plan_of_none_skips_the_file() {
        assert_eq!(read("1..0 # SKIP no pgTAP").skipped.as_deref(), Some("no pgTAP"));
        assert_eq!(read("1..0 # Skipped: no pgTAP").skipped.as_deref(), Some("no pgTAP"));
    }

    #[test]
    fn other_words_are_no_assertions() {
        let tap = read("okay\nnot okay\n1..x\nok.\n");
        assert!(!tap.is_used());
    }
}
