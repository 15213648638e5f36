//! Fixes as they go into a file: with its line ends and its indentation, and without the loss of a comment.

use super::diagnostic::{Edit, Fix};
use crate::sql::File;
use crate::text::Span;

/// The fix as it suits the file; `None` where it would take a comment away.
pub(crate) fn polish(mut fix: Fix, text: &str, file: &File) -> Option<Fix> {
    for edit in &mut fix.edits {
        keep_comments(edit, text, file)?;
        lay_out(edit, text, file);
    }
    Some(fix)
}

/// Leaves comments out of what is replaced, and the line end behind one where it is.
fn keep_comments(edit: &mut Edit, text: &str, file: &File) -> Option<()> {
    let first = file
        .comments
        .partition_point(|comment| comment.span.end < edit.span.start);
    for comment in file.comments[first..].iter().map(|comment| comment.span) {
        if edit.span.is_empty() || comment.start >= edit.span.end {
            break;
        }
        let words = comment.slice(text);
        let is_before = comment.start < edit.span.start;
        if !is_before && !edit.text.contains(words) {
            return None;
        }
        if is_before && words.starts_with("--") {
            // The blanks between a comment and what goes hold its line end.
            let blanks = edit.span.slice(text);
            let count = blanks.len() - blanks.trim_start().len();
            edit.span.start += u32::try_from(count).ok()?;
        }
    }
    Some(())
}

fn lay_out(edit: &mut Edit, text: &str, file: &File) {
    if !edit.text.contains('\n') {
        return;
    }
    let after = file
        .statements
        .partition_point(|statement| statement.span.start <= edit.span.start);
    let statement = after.checked_sub(1).map(|at| file.statements[at].span);
    let start = statement.map_or(edit.span.start, |span| span.start);
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    edit.text = laid_out(&edit.text, indentation(text, start), line_end);
}

/// Every new line begins as far right as the statement does, unless it says itself where it begins.
fn laid_out(text: &str, indentation: &str, line_end: &str) -> String {
    let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
    let mut out = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        out.push_str(line_end);
        if !line.is_empty() && !line.starts_with([' ', '\t']) {
            out.push_str(indentation);
        }
        out.push_str(line);
    }
    // Something before a statement: the statement's own indentation stands before it now.
    if out.ends_with('\n') {
        out.push_str(indentation);
    }
    out
}

/// The blanks before `at`, if nothing else stands before it on its line.
fn indentation(text: &str, at: u32) -> &str {
    let before = text.get(..at as usize).unwrap_or_default();
    let line = before.rfind('\n').map_or(before, |end| &before[end + 1..]);
    let line = line.trim_start_matches('\u{feff}');
    if line.chars().all(|c| c == ' ' || c == '\t') {
        line
    } else {
        ""
    }
}

/// Whether two fixes may be applied at once: what they touch lies apart.
pub(crate) fn are_apart(one: &Fix, other: &Fix) -> bool {
    let (Some(one), Some(other)) = (hull(&one.edits), hull(&other.edits)) else {
        return true;
    };
    one.end < other.start || other.end < one.start
}

fn hull(edits: &[Edit]) -> Option<Span> {
    edits.iter().map(|edit| edit.span).reduce(Span::cover)
}

#[cfg(test)]
mod tests {
    use super::polish;
    use crate::lint::context::{insert, remove, replace};
    use crate::lint::diagnostic::{Edit, Fix, FixKind, apply_edits};
    use crate::sql;
    use crate::text::Span;

    fn polished(text: &str, edits: Vec<Edit>) -> Option<String> {
        let fix = Fix {
            title: String::new(),
            kind: FixKind::Safe,
            edits,
            creates: Vec::new(),
        };
        let fix = polish(fix, text, &sql::parse(text))?;
        Some(apply_edits(text, &fix.edits))
    }

    fn part(text: &str, words: &str) -> Span {
        let start = text.find(words).expect("it is there");
        Span::new(start, start + words.len())
    }

    #[test]
    fn a_line_comment_keeps_its_line_end() {
        let text = "alter table a add b int -- why\n  not null;";
        let fixed = polished(text, vec![remove(text, part(text, "not null"))]);
        assert_eq!(fixed.as_deref(), Some("alter table a add b int -- why\n  ;"));
        let text = "alter table a add b int /* why */ not null;";
        let fixed = polished(text, vec![remove(text, part(text, "not null"))]);
        assert_eq!(fixed.as_deref(), Some("alter table a add b int /* why */;"));
    }

    #[test]
    fn a_comment_is_not_replaced() {
        let text = "begin; -- why\nselect 1;";
        assert_eq!(polished(text, vec![replace(Span::new(0, 13), "")]), None);
        let kept = polished(text, vec![replace(Span::new(0, 13), "-- why")]);
        assert_eq!(kept.as_deref(), Some("-- why\nselect 1;"));
    }

    #[test]
    fn new_lines_are_indented_like_the_statement_and_end_like_the_file() {
        let text = "x;\r\n  drop table a;\r\n";
        let start = part(text, "drop").start;
        let before = polished(text, vec![insert(start, "set b = 1;\n")]);
        assert_eq!(before.as_deref(), Some("x;\r\n  set b = 1;\r\n  drop table a;\r\n"));
        let end = part(text, "drop table a").end;
        let after = polished(text, vec![insert(end, ";\nselect 1")]);
        assert_eq!(after.as_deref(), Some("x;\r\n  drop table a;\r\n  select 1;\r\n"));
    }
}
