//! Files that hold both directions, told apart by comment lines.

use analysis::text::Span;

/// The two parts of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sections {
    /// What is applied.
    pub forward: Span,
    /// What undoes it.
    pub down: Option<Span>,
}

/// A tool's two comment lines, in lower case; the first is empty where the file starts with the forward part.
const MARKERS: [(&str, &str); 8] = [
    ("-- migrate:up", "-- migrate:down"),
    ("-- +goose up", "-- +goose down"),
    ("-- +migrate up", "-- +migrate down"),
    ("-- up migration", "-- down migration"),
    ("-- rambler up", "-- rambler down"),
    ("-- ==== up ====", "-- ==== down ===="),
    ("", "---- create above / drop below ----"),
    ("", "-- //@undo"),
];

/// Finds the parts of a file; a file without such comments is forward as a whole.
pub fn sections(text: &str) -> Sections {
    let whole = Span::new(0, text.len());
    let (mut up, mut down) = (None, None);
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if line.starts_with("--") {
            let squeezed = squeeze(line);
            for (tool, (up_line, down_line)) in MARKERS.iter().enumerate() {
                if down.is_none() && begins_with(&squeezed, down_line) {
                    down = Some((start, tool));
                } else if up.is_none() && !up_line.is_empty() && begins_with(&squeezed, up_line) {
                    up = Some((start, tool));
                }
            }
        }
        start += line.len();
    }
    let (up, down) = match (up, down) {
        (Some((up, a)), Some((down, b))) if a == b => (up, Some(down)),
        (Some((up, _)), None) => (up, None),
        (None, Some((down, tool))) if MARKERS[tool].0.is_empty() => (0, Some(down)),
        _ => {
            return Sections {
                forward: whole,
                down: None,
            };
        }
    };
    match down {
        // What stands before the first marker is a comment to the tools, and to us.
        Some(down) if up <= down => Sections {
            forward: Span::new(up, down),
            down: has_sql(&text[down..]).then(|| Span::new(down, text.len())),
        },
        Some(down) => Sections {
            forward: Span::new(up, text.len()),
            down: has_sql(&text[down..up]).then(|| Span::new(down, up)),
        },
        None => Sections {
            forward: Span::new(up, text.len()),
            down: None,
        },
    }
}

/// The comment lines that part the directions of a file, as they are written in it.
pub fn direction_lines(text: &str) -> Vec<String> {
    if sections(text).down.is_none() {
        return Vec::new();
    }
    let parts = |line: &str| {
        let squeezed = squeeze(line);
        let tools = MARKERS.iter().flat_map(|(up, down)| [up, down]);
        tools
            .filter(|marker| !marker.is_empty())
            .any(|marker| begins_with(&squeezed, marker))
    };
    let lines = text.lines().filter(|line| line.starts_with("--") && parts(line));
    lines.map(|line| line.trim_end().to_owned()).collect()
}

/// A comment as the tools compare it.
fn squeeze(line: &str) -> String {
    let squeezed = line
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_ascii_lowercase();
    squeezed.replace("--+", "-- +").replace("--migrate", "-- migrate")
}

fn begins_with(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker)
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

/// Whether anything but comments and blank lines stands there.
fn has_sql(text: &str) -> bool {
    text.lines()
        .any(|line| !line.trim().is_empty() && !line.trim().starts_with("--"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (&str, Option<&str>) {
        let found = sections(text);
        (found.forward.slice(text), found.down.map(|down| down.slice(text)))
    }

    #[test]
    fn each_tool_has_its_comments() {
        let up = "create table a ();\n";
        let down = "drop table a;\n";
        for (up_line, down_line) in [
            ("-- migrate:up transaction:false\n", "-- migrate:down\n"),
            ("-- +goose Up\n-- +goose StatementBegin\n", "-- +goose Down\n"),
            ("--+goose Up\n", "--+goose Down\n"),
            ("-- +migrate Up\n", "-- +migrate Down\n"),
            ("-- Up Migration\n", "-- Down Migration\n"),
            ("", "---- create above / drop below ----\n"),
        ] {
            let text = format!("{up_line}{up}{down_line}{down}");
            let forward = format!("{up_line}{up}");
            let undo = format!("{down_line}{down}");
            assert_eq!(parts(&text), (forward.as_str(), Some(undo.as_str())), "{text}");
        }
    }

    #[test]
    fn a_file_without_sections_is_forward() {
        assert_eq!(parts("-- up we go\nselect 1;"), ("-- up we go\nselect 1;", None));
    }

    #[test]
    fn an_empty_down_part_is_no_rollback() {
        let text = "-- +goose Up\nselect 1;\n-- +goose Down\n-- nothing\n";
        assert_eq!(parts(text), ("-- +goose Up\nselect 1;\n", None));
    }

    #[test]
    fn the_down_part_may_come_first() {
        let text = "-- migrate:down\ndrop table a;\n-- migrate:up\nselect 1;\n";
        assert_eq!(
            parts(text),
            ("-- migrate:up\nselect 1;\n", Some("-- migrate:down\ndrop table a;\n"))
        );
    }
}
