//! The two output streams, and whether they take colour.

use std::io::{self, ErrorKind, IsTerminal, Write};

use anstyle::{AnsiColor, Style};

/// Colour and weight, or neither.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    /// Whether escape codes are written.
    pub(crate) on: bool,
}

impl Paint {
    /// For standard output.
    pub(crate) fn stdout() -> Self {
        Self {
            on: takes_colour(&io::stdout()),
        }
    }

    /// For standard error.
    pub(crate) fn stderr() -> Self {
        Self {
            on: takes_colour(&io::stderr()),
        }
    }

    /// `text` in a style.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        if self.on {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    /// `text` in bold.
    pub(crate) fn bold(self, text: &str) -> String {
        self.paint(Style::new().bold(), text)
    }

    /// `text` in bold and a colour.
    pub(crate) fn strong(self, colour: AnsiColor, text: &str) -> String {
        self.paint(Style::new().bold().fg_color(Some(colour.into())), text)
    }
}

/// A terminal that nobody asked to keep plain: <https://no-color.org>.
fn takes_colour(stream: &impl IsTerminal) -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Columns of the terminal on standard output; a common width where it is none.
pub(crate) fn width() -> usize {
    let set = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let asked = || terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
    set.or_else(asked).unwrap_or(120).clamp(40, 240)
}

/// Writes a result. A reader that has left (`| head`) is no failure.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Says what is wrong and what to do.
pub(crate) fn complain(message: &str, hint: &str) {
    let paint = Paint::stderr();
    let error = paint.strong(AnsiColor::Red, "error");
    let hint_word = paint.strong(AnsiColor::Cyan, "hint");
    say(&format!("{error}: {message}\n{hint_word}: {hint}"));
}

/// Says something that is no result.
pub(crate) fn say(line: &str) {
    // Where standard error is gone, nobody is left to tell.
    drop(writeln!(io::stderr().lock(), "{line}"));
}
