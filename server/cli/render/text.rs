//! Findings for people: each with its place in the source, and one line that sums up.

use std::ops::Range;

use analysis::lint::diagnostic::{Diagnostic, Level};
use analysis::text::{LineIndex, Span};
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level as Title, Origin, Renderer, Snippet};
use anstyle::AnsiColor;

use super::{Results, counted};
use crate::terminal::{Paint, width};

/// All findings and a summary.
pub(crate) fn render(results: &mut Results, paint: Paint) -> String {
    let renderer = if paint.on {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(width());
    let diagnostics = std::mem::take(&mut results.diagnostics);
    let mut out = String::new();
    for found in &diagnostics {
        out.push_str(&one(found, results, &renderer));
        out.push_str("\n\n");
    }
    results.diagnostics = diagnostics;
    out.push_str(&summary(results, paint));
    out.push('\n');
    out
}

fn one(found: &Diagnostic, results: &mut Results, renderer: &Renderer) -> String {
    let title = match found.level {
        Level::Error => Title::ERROR,
        Level::Warning => Title::WARNING,
        Level::Info => Title::INFO,
        Level::Hint => Title::NOTE.with_name("hint"),
    };
    let title = title.primary_title(found.message.as_str()).id(found.rule);
    let excerpt = Excerpt::new(results, &found.path, found.span);
    let mut groups = vec![excerpt.put(Group::with_title(title))];
    if let Some(help) = &found.help {
        let group = groups.pop().expect("the finding's own");
        groups.push(group.element(Title::HELP.message(help.as_str())));
    }
    for related in &found.related {
        let excerpt = Excerpt::new(results, &related.path, related.span);
        let title = Title::NOTE.secondary_title(related.message.as_str());
        groups.push(excerpt.put(Group::with_title(title)));
    }
    renderer.render(&groups)
}

/// The lines around a span, cut to what a person reads.
struct Excerpt {
    path: String,
    /// 1-based.
    line: usize,
    /// 1-based, in characters.
    column: usize,
    text: String,
    span: Range<usize>,
    /// Whether the first line is the file's own, so that columns in it are the file's.
    is_cut: bool,
}

/// Lines of a span that are shown; what follows is left out.
const LINES: usize = 8;
/// Characters of a line that are shown before and after the span; a generated line can have a million.
const AROUND: usize = 200;

impl Excerpt {
    fn new(results: &mut Results, path: &str, span: Span) -> Self {
        let (text, lines) = results.source(path);
        let place = lines.line_column(&text, span.start);
        let (start, end) = bounds(&text, &lines, span);
        let from = lines.start(lines.line(span.start)) as usize;
        let left = back(&text, start, AROUND).max(from);
        let line_end = text[end..].find(['\n', '\r']).map_or(text.len(), |at| end + at);
        let right = forth(&text, end, AROUND).min(line_end);
        Self {
            path: path.to_owned(),
            line: place.line as usize,
            column: place.column as usize,
            text: text[left..right].to_owned(),
            span: start - left..end - left,
            is_cut: left > from,
        }
    }

    fn put(self, group: Group<'_>) -> Group<'_> {
        if self.text.trim().is_empty() {
            let origin = Origin::path(self.path).line(self.line).char_column(self.column);
            return group.element(origin);
        }
        let snippet = Snippet::source(self.text)
            .line_start(self.line)
            .annotation(AnnotationKind::Primary.span(self.span));
        if self.is_cut {
            let origin = Origin::path(self.path).line(self.line).char_column(self.column);
            return group.element(origin).element(snippet.path(None::<String>));
        }
        group.element(snippet.path(self.path))
    }
}

/// The span inside the text and its characters, its first lines, without the blanks at its end.
fn bounds(text: &str, lines: &LineIndex, span: Span) -> (usize, usize) {
    let start = text.floor_char_boundary(span.start as usize);
    let last = lines.line(span.start) + LINES;
    let limit = if last < lines.len() {
        lines.start(last) as usize
    } else {
        text.len()
    };
    let end = text.ceil_char_boundary(span.end as usize).min(limit).max(start);
    let end = forth(text, start, 4 * AROUND * LINES).min(end);
    (start, start + text[start..end].trim_end().len())
}

fn back(text: &str, at: usize, characters: usize) -> usize {
    text.floor_char_boundary(at.saturating_sub(characters))
}

fn forth(text: &str, at: usize, characters: usize) -> usize {
    text.ceil_char_boundary(at.saturating_add(characters).min(text.len()))
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
    format!("{checked} checked: {found}")
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
        render(&mut results, Paint { on: false })
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
