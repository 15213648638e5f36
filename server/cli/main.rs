//! The command line: arguments in, results to standard output, everything else to standard error.

mod args;
mod commands;
#[cfg(test)]
mod docs;
mod failure;
#[cfg(any(test, not(feature = "lsp")))]
mod left_out;
#[cfg(feature = "database")]
mod linked;
mod progress;
mod render;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    failure::report_panics();
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return unreadable(&error),
    };
    let result = match args.command {
        Command::Check(options) => commands::check::run(&options),
        Command::Fix(options) => commands::fix::run(&options),
        Command::Explain { rule } => commands::explain::run(&rule),
        Command::Rules { format } => commands::rules::run(format),
        Command::Init { dry_run } => commands::init::run(dry_run),
        Command::New { name, version } => commands::new::run(&name, version.as_deref()),
        #[cfg(feature = "database")]
        Command::Link(options) => commands::link::run(&options),
        #[cfg(feature = "database")]
        Command::Status(options) => commands::status::run(&options),
        #[cfg(feature = "database")]
        Command::Plan(options) => commands::plan::run(&options),
        #[cfg(feature = "database")]
        Command::Apply(options) => commands::apply::run(&options),
        #[cfg(feature = "database")]
        Command::Prove(options) => commands::prove::run(&options),
        #[cfg(feature = "database")]
        Command::Rollback(options) => commands::rollback::run(&options),
        #[cfg(feature = "database")]
        Command::Restore(options) => commands::restore::run(&options),
        #[cfg(feature = "database")]
        Command::Archive(options) => commands::archive::run(&options),
        #[cfg(feature = "database")]
        Command::Snapshot(options) => commands::snapshot::run(&options),
        #[cfg(feature = "database")]
        Command::Test(options) => commands::test::run(&options),
        #[cfg(feature = "database")]
        Command::Drift(options) => commands::drift::run(&options),
        #[cfg(feature = "database")]
        Command::Baseline(options) => commands::baseline::run(&options),
        #[cfg(feature = "database")]
        Command::Shadow(options) => commands::shadow::run(&options),
        #[cfg(feature = "database")]
        Command::Tools(options) => commands::tools::run(&options),
        #[cfg(feature = "database")]
        Command::Trace(options) => commands::trace::run(&options),
        #[cfg(feature = "database")]
        Command::Graph(options) => commands::graph::run(&options),
        #[cfg(feature = "database")]
        Command::Adopt(options) => commands::adopt::run(&options),
        #[cfg(feature = "database")]
        Command::Mark(options) => commands::mark::run(&options),
        #[cfg(feature = "database")]
        Command::History(options) => commands::history::run(&options),
        #[cfg(feature = "database")]
        Command::Report(options) => commands::report::run(&options),
        #[cfg(feature = "database")]
        Command::Doctor(options) => commands::doctor::run(&options),
        Command::Scaffold { kind } => commands::scaffold::run(&kind),
        #[cfg(feature = "lsp")]
        Command::Lsp { .. } => commands::lsp::run(),
        Command::Schema => commands::schema::run(),
        Command::Completions { shell } => commands::completions::run(shell),
        Command::Man { command } => commands::man::run(command.as_deref()),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) => failure::report(&error).into(),
    }
}

/// Help and versions end up here as well.
fn unreadable(error: &clap::Error) -> ExitCode {
    #[cfg(not(feature = "lsp"))]
    if let Some(failure) = left_out::asked_for(error) {
        return failure::report(&failure.into()).into();
    }
    error.exit()
}
