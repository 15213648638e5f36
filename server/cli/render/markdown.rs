//! A page of Markdown on a terminal: headings and code stand out, everything else is as written.

use anstyle::{AnsiColor, Style};

use crate::terminal::Paint;

/// The page for a terminal; unchanged where there is none.
pub(crate) fn render(page: &str, paint: Paint) -> String {
    if !paint.on {
        return page.to_owned();
    }
    let code = Style::new().fg_color(Some(AnsiColor::Green.into()));
    let mut out = String::new();
    let mut in_code = false;
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            continue;
        }
        if in_code {
            out.extend(["    ", &paint.paint(code, line)]);
        } else if let Some(heading) = line.strip_prefix("# ").or_else(|| line.strip_prefix("## ")) {
            out.push_str(&paint.bold(heading));
        } else {
            out.push_str(&inline(line, code, paint));
        }
        out.push('\n');
    }
    out
}

/// `code` inside a line, in colour instead of backticks.
fn inline(line: &str, code: Style, paint: Paint) -> String {
    let parts: Vec<&str> = line.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return line.to_owned();
    }
    let mut out = String::new();
    for (at, part) in parts.into_iter().enumerate() {
        if at % 2 == 1 {
            out.push_str(&paint.paint(code, part));
        } else {
            out.push_str(part);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_and_code_stand_out() {
        let page = "# name\n\nUse `x` now.\n```sql\nselect 1;\n```\nodd ` one\n";
        assert_eq!(render(page, Paint { on: false }), page);
        assert_eq!(
            render(page, Paint { on: true }),
            "\u{1b}[1mname\u{1b}[0m\n\nUse \u{1b}[32mx\u{1b}[0m now.\n    \u{1b}[32mselect 1;\u{1b}[0m\nodd ` one\n"
        );
    }
}
