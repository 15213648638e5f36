//! Findings for people: each with its place in the source, and one line that sums up.

use std::ops::Range;

use analysis::lint::diagnostic::{Diagnostic, Level};
use analysis::text::{LineIndex, Span};
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level as Title, Origin, Renderer, Snippet};
use anstyle::AnsiColor;

use super::{Results, counted};
use crate::terminal::Paint;

/// All findings and a summary, in lines of about `width` columns.
pub(crate) fn render(results: &mut Results, paint: Paint, width: usize) -> String {
    let renderer = if paint.on {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    // Lines are cut below: the renderer's own cutting moves the carets.
    let renderer = renderer
        .decor_style(DecorStyle::Ascii)
        .term_width(usize::from(u16::MAX));
    let diagnostics = std::mem::take(&mut results.diagnostics);
    let mut out = String::new();
    for found in &diagnostics {
        out.push_str(&one(found, results, &renderer, width));
        out.push_str("\n\n");
    }
    results.diagnostics = diagnostics;
    out.push_str(&summary(results, paint));
    out.push('\n');
    out
}

fn one(found: &Diagnostic, results: &mut Results, renderer: &Renderer, width: usize) -> String {
    let title = match found.level {
        Level::Error => Title::ERROR,
        Level::Warning => Title::WARNING,
        Level::Info => Title::INFO,
        Level::Hint => Title::NOTE.with_name("hint"),
    };
    let title = title.primary_title(found.message.as_str()).id(found.rule);
    let excerpt = Excerpt::new(results, &found.path, found.span, width);
    let mut corrections = vec![excerpt.correction()];
    let mut group = excerpt.put(Group::with_title(title));
    if let Some(help) = &found.help {
        group = group.element(Title::HELP.message(help.as_str()));
    }
    let mut groups = vec![group];
    for related in &found.related {
        let excerpt = Excerpt::new(results, &related.path, related.span, width);
        corrections.push(excerpt.correction());
        let title = Title::NOTE.secondary_title(related.message.as_str());
        groups.push(excerpt.put(Group::with_title(title)));
    }
    let shown = renderer.render(&groups);
    corrections
        .into_iter()
        .flatten()
        .fold(shown, |text, (wrong, right)| text.replacen(&wrong, &right, 1))
}

/// The lines of a span, cut to what a person reads.
struct Excerpt {
    path: String,
    /// 1-based.
    line: usize,
    /// 1-based, in characters.
    column: usize,
    text: String,
    span: Range<usize>,
    /// Characters that were cut from the start of the first line, without the mark that says so.
    cut: usize,
}

/// Lines of a span that are shown; what follows is left out.
const LINES: usize = 8;
/// Columns that line numbers and bars take.
const MARGIN: usize = 10;

impl Excerpt {
    fn new(results: &mut Results, path: &str, span: Span, width: usize) -> Self {
        let (text, lines) = results.source(path);
        let place = lines.line_column(&text, span.start);
        let (start, end) = bounds(&text, &lines, span);
        let first = lines.line(span.start);
        let room = width - MARGIN;
        let mut out = String::new();
        let mut shown = 0..0;
        let mut cut = 0;
        for line in first..first + LINES {
            let at = lines.start(line) as usize;
            if line >= lines.len() || (line > first && at >= end) {
                break;
            }
            let whole = lines.line_text(&text, line);
            let from = if line == first {
                window(whole, start - at, room)
            } else {
                0
            };
            if line == first && from > 0 {
                cut = whole[..from].chars().count() - 1;
                out.push('…');
            }
            let rest = &whole[from..];
            let to = rest.char_indices().nth(room).map_or(rest.len(), |(to, _)| to);
            // Where an offset of the file is in `out`, as far as the line is shown.
            let base = out.len();
            let here = |offset: usize| base + offset.saturating_sub(at + from).min(to);
            if line == first {
                shown.start = here(start);
            }
            shown.end = here(end);
            out.push_str(&rest[..to]);
            if to < rest.len() {
                out.push('…');
            }
            out.push('\n');
        }
        Self {
            path: path.to_owned(),
            line: place.line as usize,
            column: place.column as usize,
            text: out,
            span: shown,
            cut,
        }
    }

    fn put(self, group: Group<'_>) -> Group<'_> {
        if self.text.trim().is_empty() {
            let origin = Origin::path(self.path).line(self.line).char_column(self.column);
            return group.element(origin);
        }
        let snippet = Snippet::source(self.text)
            .line_start(self.line)
            .path(self.path)
            .annotation(AnnotationKind::Primary.span(self.span));
        group.element(snippet)
    }

    /// The renderer counts columns in what it is given: of a line whose start was cut, it tells the wrong one.
    fn correction(&self) -> Option<(String, String)> {
        let at = |column| format!("{}:{}:{column}", self.path, self.line);
        (self.cut > 0).then(|| (at(self.column - self.cut), at(self.column)))
    }
}

/// The span inside the text and its characters, without the blanks at its end.
fn bounds(text: &str, lines: &LineIndex, span: Span) -> (usize, usize) {
    let start = text.floor_char_boundary(span.start as usize);
    let last = lines.line(span.start) + LINES;
    let limit = if last < lines.len() {
        lines.start(last) as usize
    } else {
        text.len()
    };
    let end = text.ceil_char_boundary(span.end as usize).min(limit).max(start);
    (start, start + text[start..end].trim_end().len())
}

/// Where to start showing a line so that byte `at` is seen with a third of the room before it.
fn window(line: &str, at: usize, room: usize) -> usize {
    let at = at.min(line.len());
    let before = line[..at].chars().count();
    if line.chars().count() <= room || before <= room * 2 / 3 {
        return 0;
    }
    let skip = before - room / 3;
    line.char_indices().nth(skip).map_or(0, |(from, _)| from)
}

fn summary(results: &Results, paint: Paint) -> String {
    let checked = match (results.migrations, results.companions) {
        (0, 0) => return "nothing to check".to_owned(),
        (0, companions) => counted(companions, "file"),
        (migrations, _) => counted(migrations, "migration"),
    };
    let found: Vec<String> = [
        (Level::Error, "error", AnsiColor::Red),
        (Level::Warning, "warning", AnsiColor::Yellow),
        (Level::Info, "info", AnsiColor::Green),
        (Level::Hint, "hint", AnsiColor::Cyan),
    ]
    .into_iter()
    .filter(|(level, ..)| results.count(*level) > 0)
    .map(|(level, noun, colour)| paint.strong(colour, &counted(results.count(level), noun)))
    .collect();
    let found = if found.is_empty() {
        "no findings".to_owned()
    } else {
        found.join(", ")
    };
    // Where nobody ever proved anything, nothing is said about it.
    let proven = match results.proven {
        (_, 0) => String::new(),
        (proven, known) => format!("; {proven} of {} proven", counted(known, "rollback")),
    };
    let known = match results.known {
        0 => String::new(),
        known => format!(" ({known} known, not shown)"),
    };
    format!("{checked} checked: {found}{known}{proven}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use analysis::history::{History, Migration};
    use analysis::lint::diagnostic::Related;
    use project::files::Disk;
    use std::path::Path;

    /// Renders a finding about the first `needle` in `sql`.
    fn rendered(sql: &str, needle: &str, related: Option<&str>) -> String {
        let at = |needle: &str| {
            let start = sql.find(needle).expect("the text holds it");
            Span::new(start, start + needle.len())
        };
        let found = Diagnostic {
            rule: "some-rule",
            level: Level::Warning,
            message: "reads of `users` wait".into(),
            help: Some("add `concurrently`".into()),
            path: "1.sql".into(),
            span: at(needle),
            related: related
                .map(|needle| Related {
                    path: "1.sql".into(),
                    span: at(needle),
                    message: "created here".into(),
                })
                .into_iter()
                .collect(),
            fixes: Vec::new(),
        };
        let mut results = Results::new(&Disk::new(Path::new("/")));
        let history = History {
            migrations: vec![Migration::new("1.sql", sql)],
            ..History::default()
        };
        results.add(&history, vec![found]);
        render(&mut results, Paint { on: false }, 100)
    }

    #[test]
    fn a_finding_shows_its_place_its_help_and_what_explains_it() {
        let sql = "create table users (id int);\n\ncreate index on users (id);\n";
        insta::assert_snapshot!(rendered(sql, "create index on users (id);", Some("users")));
    }

    #[test]
    fn tabs_and_wide_characters_keep_the_carets_in_place() {
        let sql = "\tselect '日本語', 😀\t, nope;\n";
        insta::assert_snapshot!(rendered(sql, "nope", None));
    }

    #[test]
    fn a_long_line_is_cut_around_the_finding() {
        let sql = format!("select {}, nope, {};", "1, ".repeat(500), "2, ".repeat(100_000));
        insta::assert_snapshot!(rendered(&sql, "nope", None));
    }

    #[test]
    fn a_long_statement_is_cut_after_its_first_lines() {
        let sql = format!("create table t (\n{}  z int\n);\n", "  a int,\n".repeat(50));
        insta::assert_snapshot!(rendered(&sql, &sql, None));
    }

    #[test]
    fn an_empty_file_has_a_place_without_an_excerpt() {
        insta::assert_snapshot!(rendered("", "", None));
    }
}
