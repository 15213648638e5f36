//! The command line: arguments in, results to standard output, everything else to standard error.

mod args;
mod commands;
#[cfg(test)]
mod docs;
mod failure;
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
    let args = Args::parse();
    let result = match args.command {
        Command::Check(options) => commands::check::run(&options),
        Command::Fix(options) => commands::fix::run(&options),
        Command::Explain { rule } => commands::explain::run(&rule),
        Command::Rules { format } => commands::rules::run(format),
        Command::Init { dry_run } => commands::init::run(dry_run),
        Command::New { name, version } => commands::new::run(&name, version.as_deref()),
        Command::Link(options) => commands::link::run(&options),
        Command::Status(options) => commands::status::run(&options),
        Command::Plan(options) => commands::plan::run(&options),
        Command::Apply(options) => commands::apply::run(&options),
        Command::Prove(options) => commands::prove::run(&options),
        Command::Rollback(options) => commands::rollback::run(&options),
        Command::Archive(options) => commands::archive::run(&options),
        Command::Snapshot(options) => commands::snapshot::run(&options),
        Command::Test(options) => commands::test::run(&options),
        Command::Drift(options) => commands::drift::run(&options),
        Command::Baseline(options) => commands::baseline::run(&options),
        Command::Shadow(options) => commands::shadow::run(&options),
        Command::Tools(options) => commands::tools::run(&options),
        Command::Mark(options) => commands::mark::run(&options),
        Command::History(options) => commands::history::run(&options),
        Command::Doctor(options) => commands::doctor::run(&options),
        Command::Scaffold { kind } => commands::scaffold::run(&kind),
        Command::Lsp { .. } => commands::lsp::run(),
        Command::Schema => commands::schema::run(),
        Command::Completions { shell } => commands::completions::run(shell),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) => failure::report(&error).into(),
    }
}
