//! Which fixes of a file's findings go in together.

use super::diagnostic::{Diagnostic, Edit, Fix, FixKind, NewFile, apply_edits};
use super::polish::are_apart;

/// How much a fix may change without a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Willing {
    /// Nothing of what the statements mean.
    Safe,
    /// What a person has said yes to in advance.
    Review,
}

/// Fixes that can be applied to one file at once, with the findings that they mend.
#[derive(Clone, Debug, Default)]
pub struct Together<'a> {
    /// In the order of the findings.
    pub fixes: Vec<(&'a Diagnostic, &'a Fix)>,
    /// Fixes that a person has to look at first.
    pub unwilling: usize,
}

/// The first fix of every finding, as far as the fixes lie apart. All findings are in one file. What is left is for the
/// next time: the file has to be judged anew before.
pub fn together(findings: &[Diagnostic], willing: Willing) -> Together<'_> {
    let mut chosen = Together::default();
    for finding in findings {
        let is_wanted = |fix: &&Fix| fix.kind == FixKind::Safe || willing == Willing::Review;
        let Some(fix) = finding.fixes.iter().find(is_wanted) else {
            chosen.unwilling += usize::from(!finding.fixes.is_empty());
            continue;
        };
        let is_free = |(_, other): &(&Diagnostic, &Fix)| {
            are_apart(fix, other) && !creates(fix).any(|new| creates(other).any(|old| old == new))
        };
        if chosen.fixes.iter().all(is_free) {
            chosen.fixes.push((finding, fix));
        }
    }
    chosen
}

fn creates(fix: &Fix) -> impl Iterator<Item = &str> {
    fix.creates.iter().map(|file| file.path.as_str())
}

impl Together<'_> {
    /// The file's text with all of them applied.
    pub fn apply(&self, text: &str) -> String {
        apply_edits(text, &self.edits())
    }

    /// The edits of all of them, in text order.
    pub fn edits(&self) -> Vec<Edit> {
        let edits = self.fixes.iter().flat_map(|(_, fix)| &fix.edits);
        let mut edits: Vec<Edit> = edits.cloned().collect();
        edits.sort_by_key(|edit| edit.span);
        edits
    }

    /// The files that they create.
    pub fn creates(&self) -> impl Iterator<Item = &NewFile> {
        self.fixes.iter().flat_map(|(_, fix)| &fix.creates)
    }
}

#[cfg(test)]
mod tests {
    use super::{Willing, together};
    use crate::lint::diagnostic::{Diagnostic, Edit, Fix, FixKind, Level};
    use crate::text::Span;

    fn finding(kind: FixKind, start: usize, end: usize) -> Diagnostic {
        let edit = Edit {
            span: Span::new(start, end),
            text: "x".into(),
        };
        Diagnostic {
            rule: "drop-table",
            level: Level::Warning,
            message: String::new(),
            help: None,
            path: "1_a.sql".into(),
            span: Span::new(start, end),
            related: Vec::new(),
            fixes: vec![Fix {
                title: String::new(),
                kind,
                edits: vec![edit],
                creates: Vec::new(),
            }],
        }
    }

    #[test]
    fn what_touches_waits_for_the_next_time() {
        let findings = [
            finding(FixKind::Safe, 0, 2),
            finding(FixKind::Safe, 2, 3),
            finding(FixKind::Safe, 4, 5),
        ];
        let chosen = together(&findings, Willing::Safe);
        assert_eq!(chosen.fixes.len(), 2);
        assert_eq!(chosen.apply("abcdef"), "xcdxf");
    }

    #[test]
    fn what_needs_a_look_is_counted() {
        let findings = [finding(FixKind::Review, 0, 1), finding(FixKind::Safe, 3, 4)];
        assert_eq!(together(&findings, Willing::Safe).unwilling, 1);
        assert_eq!(together(&findings, Willing::Review).fixes.len(), 2);
    }
}
