//! Every command, flag and help text.

use std::path::PathBuf;

use analysis::lint::diagnostic::Level;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

#[cfg(feature = "database")]
use crate::commands;

/// Show what PostgreSQL migrations will really do
#[derive(Debug, Parser)]
#[command(
    name = "dblsp",
    version,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 clean, 1 findings, 2 usage or configuration, 3 database, 101 bug in dblsp"
)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Judge migrations
    Check(CheckOptions),
    /// Mend what `check` finds, where there is a fix
    Fix(FixOptions),
    /// Explain a rule
    Explain {
        /// Name of the rule
        rule: String,
    },
    /// List the rules
    Rules {
        /// How to print them
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Lay out a project for the migration convention, beside what is there
    Init {
        /// Say what would be written, and write nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Write the next migration and its rollback
    New {
        /// What the migration does, in a few words
        name: String,
        /// Version that it belongs to [default: that of the newest migration]
        #[arg(long, value_name = "X.Y.Z")]
        version: Option<String>,
    },
    /// Choose the environment that is meant where none is named, and try its connection
    #[cfg(feature = "database")]
    Link(commands::link::Options),
    /// Show how every migration stands in every environment
    #[cfg(feature = "database")]
    Status(commands::status::Options),
    /// Show what `apply` would do
    #[cfg(feature = "database")]
    Plan(commands::plan::Options),
    /// Apply pending migrations
    #[cfg(feature = "database")]
    Apply(commands::apply::Options),
    /// Prove on a throw-away server that rollbacks give back what was there
    #[cfg(feature = "database")]
    Prove(commands::prove::Options),
    /// Undo migrations, rows included
    #[cfg(feature = "database")]
    Rollback(commands::rollback::Options),
    /// Restore a snapshot of the schema, and destroy the rows of today
    #[cfg(feature = "database")]
    Restore(commands::restore::Options),
    /// List, export or destroy the rows that migrations and rollbacks destroyed
    #[cfg(feature = "database")]
    Archive(commands::archive::Options),
    /// Write a database's schema as a text
    #[cfg(feature = "database")]
    Snapshot(commands::snapshot::Options),
    /// Run tests written in SQL
    #[cfg(feature = "database")]
    Test(commands::test::Options),
    /// Show how a database differs from what its migrations make
    #[cfg(feature = "database")]
    Drift(commands::drift::Options),
    /// Write down how large a database's tables are
    #[cfg(feature = "database")]
    Baseline(commands::baseline::Options),
    /// Begin a history: write the migration that makes what a database has
    #[cfg(feature = "database")]
    Adopt(commands::adopt::Options),
    /// Correct the record of what is applied, and nothing else
    #[cfg(feature = "database")]
    Mark(commands::mark::Options),
    /// List what dblsp did to a database
    #[cfg(feature = "database")]
    History(commands::history::Options),
    /// Write down what the deployment of a version was like
    #[cfg(feature = "database")]
    Report(commands::report::Options),
    /// Look for what would keep the other commands from working
    #[cfg(feature = "database")]
    Doctor(commands::doctor::Options),
    /// Show or stop the throw-away servers that projects keep
    #[cfg(feature = "database")]
    Shadow(commands::shadow::Options),
    /// Fetch programs of PostgreSQL that the system does not have
    #[cfg(feature = "database")]
    Tools(commands::tools::Options),
    /// Show what each statement of a migration locks, rewrites and reads
    #[cfg(feature = "database")]
    Trace(commands::trace::Options),
    /// Draw the schema, and what a migration changes in it
    #[cfg(feature = "database")]
    Graph(commands::graph::Options),
    /// Write what goes with a migration, from what it does
    Scaffold {
        /// What to write.
        #[command(subcommand)]
        kind: ScaffoldKind,
    },
    /// Serve an editor over the Language Server Protocol, on standard input and output
    #[cfg(feature = "lsp")]
    Lsp {
        /// Accepted because editors add it; there is no other way
        #[arg(long)]
        stdio: bool,
    },
    /// Print the JSON schema of dblsp.toml
    #[command(hide = true)]
    Schema,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print a page of the manual: `dblsp man | man -l -`
    Man {
        /// The command that it is about [default: dblsp as a whole]
        command: Option<String>,
    },
}

/// What `dblsp scaffold` writes.
#[derive(Debug, Subcommand)]
pub(crate) enum ScaffoldKind {
    /// Write the file that undoes a migration
    Rollback {
        /// The migration
        file: PathBuf,
        /// How to write it.
        #[command(flatten)]
        options: ScaffoldOptions,
    },
    /// Write the smoke test of a version
    Test {
        /// The version, like `v0.7.0`
        version: String,
        /// How to write it.
        #[command(flatten)]
        options: ScaffoldOptions,
    },
}

/// How `dblsp scaffold` writes.
#[derive(Debug, clap::Args)]
pub(crate) struct ScaffoldOptions {
    /// Print what would be written, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Write over a file that was changed by hand
    #[arg(long)]
    pub(crate) force: bool,
    /// How to print the outcome
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// Options of `dblsp check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Files that PATHS does not name are read as context: what they create is known.")]
pub(crate) struct CheckOptions {
    /// Which files.
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// Read the text of PATH from standard input
    #[arg(long, value_name = "PATH", conflicts_with_all = ["staged", "changed", "since"])]
    pub(crate) stdin_filename: Option<PathBuf>,
    /// Also prove the rollbacks of what is judged, on a throw-away server, as `dblsp prove` does
    #[cfg(feature = "database")]
    #[arg(long)]
    pub(crate) prove: bool,
    /// Apply the safe fixes first, and judge what is left
    #[arg(long, conflicts_with = "stdin_filename")]
    pub(crate) fix: bool,
    /// Apply also the fixes that change what happens
    #[arg(long, requires = "fix")]
    pub(crate) review: bool,
    /// How to print findings
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub(crate) format: CheckFormat,
    /// Mildest level that makes the exit code 1
    #[arg(long, value_name = "LEVEL", default_value = "warning", value_parser = level())]
    pub(crate) fail_on: Level,
    /// Leave out the findings that FILE holds [default: dblsp.findings.json beside dblsp.toml, where it is there]
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Write all findings of today into the baseline, so that only later ones are told
    #[arg(long, conflicts_with_all = ["paths", "staged", "changed", "since", "stdin_filename", "fix"])]
    pub(crate) write_baseline: bool,
}

/// Options of `dblsp fix`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Migrations that may be applied already stay as they are: those older than `since` of dblsp.toml, and \
                  committed ones unless PATHS names the file. With --diff, the exit code is 1 if there is something to fix."
)]
pub(crate) struct FixOptions {
    /// Which files.
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// Apply also the fixes that change what happens: look at the outcome
    #[arg(long)]
    pub(crate) review: bool,
    /// Show what would change, and write nothing
    #[arg(long)]
    pub(crate) diff: bool,
    /// How to print the outcome
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// Which files to judge, and by which settings.
#[derive(Debug, clap::Args)]
pub(crate) struct Choice {
    /// Files and folders to judge; `-` is standard input [default: the project around the current folder]
    pub(crate) paths: Vec<PathBuf>,
    /// Judge what is staged in git, as it is staged
    #[arg(long, conflicts_with_all = ["changed", "since"])]
    pub(crate) staged: bool,
    /// Judge what differs from HEAD, untracked files included
    #[arg(long, conflicts_with = "since")]
    pub(crate) changed: bool,
    /// Judge what changed since REV was left, untracked files included
    #[arg(long, value_name = "REV")]
    pub(crate) since: Option<String>,
    /// Read settings from FILE instead of dblsp.toml
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Which database, and how to print results.
#[cfg(feature = "database")]
#[derive(Debug, clap::Args)]
pub(crate) struct EnvironmentOptions {
    /// Environment of dblsp.toml [default: the one that `dblsp link` chose, the only one, or `local`]
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// How to print results
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// How to print results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// How to print findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// Annotations of GitHub's workflows
    Github,
    /// A Code Quality report of GitLab
    Gitlab,
    /// SARIF 2.1.0
    Sarif,
    /// A JUnit report
    Junit,
}

fn level() -> impl TypedValueParser<Value = Level> {
    PossibleValuesParser::new(Level::ALL.map(Level::name))
        .map(|name| Level::from_name(&name).expect("clap accepts the levels' names only"))
}
