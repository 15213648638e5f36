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
    /// The database, or the way to it.
    Database,
}

/// A failure that says what to do, and with which code to end.
#[derive(Debug)]
pub(crate) struct Failure {
    /// How the command ends.
    pub(crate) exit: Exit,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// The database, or the way to it.
    pub(crate) fn database(message: impl ToString, hint: impl Into<String>) -> Self {
        Self {
            exit: Exit::Database,
            message: message.to_string(),
            hint: hint.into(),
        }
    }

    /// Wrong arguments or settings.
    pub(crate) fn usage(message: impl ToString, hint: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            ..Self::database(message, hint)
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Clean => ExitCode::SUCCESS,
            Exit::Findings => ExitCode::from(1),
            Exit::Usage => ExitCode::from(2),
            Exit::Database => ExitCode::from(3),
        }
    }
}

/// Tells why a command failed, with what to do about it.
pub(crate) fn report(error: &anyhow::Error) -> Exit {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        terminal::complain(&failure.message, &failure.hint);
        return failure.exit;
    }
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
