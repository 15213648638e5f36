//! What a finding is recognised by, also after lines were moved: other tools keep it, and so do baselines.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::diagnostic::Diagnostic;

/// One fingerprint per finding, in the same order: 32 hexadecimal digits of rule, file and the words that the finding
/// is about. The second finding of a rule about the same words in a file has another one than the first.
pub fn fingerprints(findings: &[Diagnostic], words_of: impl FnMut(&Diagnostic) -> String) -> Vec<String> {
    named(findings, words_of, |found| &found.path)
}

/// The same for findings in one file with that text: also after the file got another path.
pub fn within(findings: &[Diagnostic], text: &str) -> Vec<String> {
    named(findings, |found| words(found, text).to_owned(), |_| "")
}

fn named<'f>(
    findings: &'f [Diagnostic],
    mut words_of: impl FnMut(&Diagnostic) -> String,
    path_of: impl Fn(&'f Diagnostic) -> &'f str,
) -> Vec<String> {
    let mut seen: BTreeMap<(&'static str, &str, String), u32> = BTreeMap::new();
    findings
        .iter()
        .map(|found| {
            let (path, words) = (path_of(found), words_of(found));
            let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
            let ordinal = seen.entry((found.rule, path, words.clone())).or_default();
            *ordinal += 1;
            digest(&[found.rule, path, &words, &ordinal.to_string()])
        })
        .collect()
}

/// The words that a finding is about; those of its line where it is about a place between words.
pub fn words<'t>(found: &Diagnostic, text: &'t str) -> &'t str {
    let own = found.span.slice(text).trim();
    if !own.is_empty() {
        return own;
    }
    let (before, behind) = text.split_at_checked(found.span.start as usize).unwrap_or((text, ""));
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let end = before.len() + behind.find('\n').unwrap_or(behind.len());
    text[start..end].trim()
}

fn digest(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        // No part holds a NUL, so no two lists of parts are one text.
        hasher.update([0]);
    }
    let half = hasher.finalize();
    let half: [u8; 16] = half[..16].try_into().expect("SHA-256 has 32 bytes");
    format!("{:032x}", u128::from_be_bytes(half))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::diagnostic::Level;
    use crate::text::Span;

    fn at(text: &str, rule: &'static str, part: &str, nth: usize) -> Diagnostic {
        let start = text.match_indices(part).nth(nth).expect("it is there").0;
        Diagnostic {
            rule,
            level: Level::Warning,
            message: "words that a later version says otherwise".into(),
            help: None,
            path: "1_a.sql".into(),
            span: Span::new(start, start + part.len()),
            related: Vec::new(),
            fixes: Vec::new(),
        }
    }

    fn of(text: &str, findings: &[Diagnostic]) -> Vec<String> {
        fingerprints(findings, |found| words(found, text).to_owned())
    }

    #[test]
    fn moved_lines_and_new_blanks_leave_a_fingerprint_as_it_is() {
        let (before, after) = ("drop table a;", "-- more\n\ncreate table b ();\n  drop\n  table a;");
        let found = of(before, &[at(before, "drop-table", "drop table a", 0)]);
        assert_eq!(found, of(after, &[at(after, "drop-table", "drop\n  table a", 0)]));
        assert_eq!(found[0].len(), 32);
    }

    #[test]
    fn rules_words_and_repetitions_are_told_apart() {
        let text = "drop table a; drop table a; drop table b;";
        let found = of(
            text,
            &[
                at(text, "drop-table", "drop table a", 0),
                at(text, "drop-table", "drop table a", 1),
                at(text, "drop-table", "drop table b", 0),
                at(text, "unknown-object", "drop table a", 0),
            ],
        );
        let unique: std::collections::BTreeSet<_> = found.iter().collect();
        assert_eq!(unique.len(), 4);
    }

    #[test]
    fn a_place_between_words_has_those_of_its_line() {
        let text = "select 1;\n create table a (id int)\n";
        let mut found = at(text, "x", "create", 0);
        found.span = Span::new(text.len() - 1, text.len() - 1);
        assert_eq!(words(&found, text), "create table a (id int)");
        found.span = Span::new(0, 0);
        assert_eq!(words(&found, ""), "");
    }
}
