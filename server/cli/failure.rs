//! Exit codes, and how failures are told. The only place that decides either.

use std::panic;
use std::process::ExitCode;

use project::ProjectError;

use crate::terminal;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Nothing to mend.
    Clean,
    /// Findings at or above the level that fails.
    Findings,
    /// Wrong arguments, paths or settings.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Clean => ExitCode::SUCCESS,
            Exit::Findings => ExitCode::from(1),
            Exit::Usage => ExitCode::from(2),
        }
    }
}

/// Tells why a command failed, with what to do about it.
pub(crate) fn report(error: &anyhow::Error) -> Exit {
    match error.downcast_ref::<ProjectError>() {
        Some(problem) => report_problem(problem),
        None => terminal::complain(&format!("{error:#}"), "run `dblsp --help`"),
    }
    Exit::Usage
}

/// Tells one thing that is wrong with the project.
pub(crate) fn report_problem(problem: &ProjectError) {
    terminal::complain(&problem.to_string(), &problem.hint());
}

/// Makes a panic say that it is a bug, and where to report it.
pub(crate) fn report_panics() {
    panic::set_hook(Box::new(|panic| {
        let what = panic.payload_as_str().unwrap_or("no message");
        let place = panic
            .location()
            .map_or_else(String::new, |place| format!(" at {place}"));
        terminal::complain(
            &format!("this is a bug in dblsp {}: {what}{place}", env!("CARGO_PKG_VERSION")),
            &format!(
                "report it, with the SQL that led here, at {}/issues",
                env!("CARGO_PKG_REPOSITORY")
            ),
        );
    }));
}
