//! `supabase/docs/v0.7.0_DEPLOYMENT-REPORT.md`: what is read off the journal of each environment, and what people write
//! around it.
//!
//! Text in, text out. The part about an environment stands between two marks, the first of which holds a digest of it: a
//! part that somebody has changed by hand is not written over.

use analysis::sql::lexeme::text_digest;

/// The report of a version that has none yet.
#[must_use]
pub fn empty(version: &str) -> String {
    format!(
        "# Deployment report of {version}\n\n\
         What stands between two marks is read off a journal, and written anew by `dblsp report`. All else is yours.\n\n\
         ## Lessons learned\n\n\
         <!-- What went well, what did not, and what will be done otherwise next time? -->\n"
    )
}

/// The report with a new part about an environment; `None` where somebody has changed the old one by hand.
#[must_use]
pub fn update(report: &str, environment: &str, part: &str) -> Option<String> {
    let line_end = if report.contains("\r\n") { "\r\n" } else { "\n" };
    let mut text = report.replace("\r\n", "\n");
    let part = part.trim().to_owned();
    let digest = text_digest(&part);
    let marked = format!("{}{digest} -->\n{part}\n{END}\n", begin(environment));
    if let Some(old) = find(&text, environment) {
        if !old.is_unchanged {
            return None;
        }
        text.replace_range(old.start..old.end, &marked);
    } else {
        let at = lessons(&text).unwrap_or(text.len());
        let gap = if text[..at].ends_with("\n\n") || at == 0 {
            ""
        } else {
            "\n"
        };
        text.insert_str(at, &format!("{gap}{marked}\n"));
    }
    Some(text.replace('\n', line_end))
}

const END: &str = "<!-- dblsp: end of the report -->";

fn begin(environment: &str) -> String {
    format!("<!-- dblsp: report of {environment}, ")
}

/// The part about an environment, marks included.
struct Part {
    start: usize,
    end: usize,
    is_unchanged: bool,
}

fn find(text: &str, environment: &str) -> Option<Part> {
    let start = text.find(&begin(environment))?;
    let head = text[start..].find('\n').map_or(text.len(), |length| start + length + 1);
    let digest = text[start..head]
        .trim_end()
        .strip_prefix(&begin(environment))?
        .strip_suffix(" -->")?;
    let Some(length) = text[head..].find(END) else {
        // Somebody has taken the mark away: what is whose cannot be told any more.
        return Some(Part {
            start,
            end: head,
            is_unchanged: false,
        });
    };
    let (inner, mut end) = (text[head..head + length].trim(), head + length + END.len());
    if text[end..].starts_with('\n') {
        end += 1;
    }
    Some(Part {
        start,
        end,
        is_unchanged: text_digest(inner) == digest,
    })
}

/// Where the lessons begin: what is read off comes before them.
fn lessons(text: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_end().eq_ignore_ascii_case("## lessons learned") {
            return Some(at);
        }
        at += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_environment_has_its_part_before_the_lessons() {
        let one = update(&empty("v0.7.0"), "staging", "## staging\n\n2.3 s").expect("written");
        let two = update(&one, "production", "## production\n\n3 s\n").expect("written");
        let headings: Vec<&str> = two.lines().filter(|line| line.starts_with('#')).collect();
        let expected = [
            "# Deployment report of v0.7.0",
            "## staging",
            "## production",
            "## Lessons learned",
        ];
        assert_eq!(headings, expected, "{two}");
        assert!(!two.contains("\n\n\n"), "{two}");
        assert_eq!(update(&two, "staging", "## staging\n\n2.3 s").as_ref(), Some(&two));
        let again = update(&two, "staging", "## staging\n\n2.4 s").expect("written");
        assert_eq!(again.matches("## staging").count(), 1);
        assert!(again.contains("2.4 s") && !again.contains("2.3 s"));
    }

    #[test]
    fn what_people_wrote_stays() {
        let one = update(&empty("v0.7.0"), "staging", "## staging\n\n2.3 s").expect("written");
        let written = one.replace(
            "## Lessons learned\n",
            "## Lessons learned\n\nTake the slow index first.\n",
        );
        let written = written
            .replace("All else is yours.", "All else is ours.")
            .replace('\n', "\r\n");
        let next = update(&written, "staging", "## staging\n\n2.4 s").expect("written");
        assert!(next.contains("Take the slow index first.\r\n") && next.contains("All else is ours.\r\n"));
        assert_eq!(next.matches('\n').count(), next.matches("\r\n").count());
    }

    #[test]
    fn a_part_that_was_changed_by_hand_is_not_written_over() {
        let one = update(&empty("v0.7.0"), "staging", "## staging\n\n2.3 s").expect("written");
        assert_eq!(update(&one.replace("2.3 s", "2.3 s, too slow"), "staging", "new"), None);
        assert_eq!(update(&one.replace(END, ""), "staging", "new"), None);
        assert!(
            update("Our own page.", "staging", "new")
                .expect("written")
                .starts_with("Our own page.\n")
        );
    }
}
