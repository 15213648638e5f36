//! `dblsp trace`: what each statement of a migration locks, reads and writes, run on a throw-away PostgreSQL.

use std::path::{Path, PathBuf};
use std::time::Duration;

use analysis::history::{Base, History};
use analysis::settings::Settings;
use analysis::text::LineIndex;
use clap::ValueEnum;
use database::link::Linked;
use database::trace::{self, Limits, ReportError, TraceError};
use project::ProjectError;
use project::files::Disk;

use crate::failure::{Exit, Failure};
use crate::linked;
use crate::progress::Progress;
use crate::render;
use crate::terminal::{self, Paint};

/// Options of `dblsp trace`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Everything that comes before FILE is applied to a throw-away PostgreSQL, then FILE is run there, statement \
by statement. No other database is touched. With the sizes that `dblsp baseline` wrote down, it also estimates how long."
)]
pub(crate) struct Options {
    /// A migration, a rollback, or a draft that would come after all migrations
    pub(crate) file: PathBuf,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Form::Text)]
    pub(crate) format: Form,
    /// Stop a statement that runs for longer
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=120))]
    pub(crate) statement_timeout: u64,
}

/// How to print a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people
    Text,
    /// For programs
    Json,
    /// A page that needs nothing else, with a time line of the locks
    Html,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let Subject {
        workspace,
        history,
        settings,
    } = subject(Some(&options.file))?;
    let limits = Limits {
        statement: Duration::from_secs(options.statement_timeout),
    };
    let progress = Progress::start("Running the migration on a throw-away PostgreSQL");
    let found = linked::wait(async |cancel| Ok(trace::report(&workspace, &history, &settings, limits, &cancel).await))?;
    drop(progress);
    let report = found.map_err(|error| failure(&error, &history))?;
    if report.server.is_none() {
        terminal::say(
            "note: no PostgreSQL was found on this machine, so nothing was measured\nhint: install its server package, or set DBLSP_PG_BIN",
        );
    }
    if report.sizes.is_none() {
        terminal::say(
            "note: nobody knows how large the tables are; `dblsp baseline` writes it down, and times are estimated from then on",
        );
    }
    match options.format {
        Form::Text => terminal::print(&render::trace::text::render(
            &report,
            Paint::stdout(),
            terminal::width(),
        ))?,
        Form::Json => linked::print_json(render::trace::json::value(&report))?,
        Form::Html => terminal::print(&trace::page(&report))?,
    }
    Ok(if report.failure().is_some() {
        Exit::Findings
    } else {
        Exit::Clean
    })
}

/// A history that ends with what is looked at.
pub(crate) struct Subject {
    /// The project's folder, or the one that somebody is in.
    workspace: PathBuf,
    pub(crate) history: History,
    pub(crate) settings: Settings,
}

/// The history that ends with the file; without one, all of it that is not on hold.
pub(crate) fn subject(file: Option<&Path>) -> anyhow::Result<Subject> {
    let here = std::env::current_dir()?;
    let disk = Disk::new(&here);
    let named = match file {
        Some(file) => {
            let path = disk.absolute(file);
            Some((disk.show(&path), disk.read(&path)?.text))
        }
        None => None,
    };
    let (workspace, mut history, settings) = match linked::open() {
        Ok(Linked {
            opened,
            history,
            settings,
            ..
        }) => (opened.root.folder, history, settings),
        Err(error) => match error.downcast_ref::<ProjectError>() {
            // A file by itself, on an empty database.
            Some(ProjectError::NoMigrations { .. }) if named.is_some() => (here, alone(), Settings::default()),
            _ => return Err(error),
        },
    };
    match named {
        Some((path, text)) => history = trace::ending_with(&history, &path, &text),
        None => history.migrations.retain(|migration| !migration.is_held()),
    }
    Ok(Subject {
        workspace,
        history,
        settings,
    })
}

fn alone() -> History {
    History {
        complete: true,
        base: Base::Empty,
        ..History::default()
    }
}

fn failure(error: &ReportError, history: &History) -> Failure {
    let migration = history.migrations.last();
    match (error, migration) {
        (ReportError::Trace(TraceError::Refused { span, .. }), Some(migration)) => {
            let place = LineIndex::new(&migration.text).line_column(&migration.text, span.start);
            let (line, column) = (place.line, place.column);
            Failure::usage(format!("{}:{line}:{column}: {error}", migration.path), error.hint())
        }
        (ReportError::Trace(TraceError::Empty), Some(migration)) => {
            Failure::usage(format!("{}: {error}", migration.path), error.hint())
        }
        _ => Failure::database(error, error.hint()),
    }
}
