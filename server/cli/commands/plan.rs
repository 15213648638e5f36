//! `dblsp plan`: what `apply` would do.

use std::path::PathBuf;

use clap::ValueEnum;
use database::plan::{self, Plan, Step};
use database::{history, journal};

use crate::failure::{Exit, Failure};
use crate::linked;
use crate::render::counted;
use crate::terminal;

/// Options of `dblsp plan`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Environment of dblsp.toml [default: the one that `dblsp link` chose, the only one, or `local`]
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// Plan this migration alone
    #[arg(long, value_name = "FILE")]
    pub(crate) only: Option<PathBuf>,
    /// Also plan migrations on hold
    #[arg(long)]
    pub(crate) release: bool,
    /// Cut a file that commits by itself into its parts
    #[arg(long)]
    pub(crate) segments: bool,
    /// How to print the plan
    #[arg(long, value_enum, default_value_t = Form::Text)]
    pub(crate) format: Form,
}

/// How to print a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people
    Text,
    /// For programs
    Json,
    /// For psql, to the same state, the history's rows included
    Sql,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let project = linked::open()?;
    let target = linked::target(&project, options.environment.as_deref())?;
    let (rows, runs) = match target.address() {
        None => (Vec::new(), Vec::new()),
        Some(address) => linked::wait(async |_| {
            let mut connection = linked::connect(address, "plan").await?;
            let rows = history::read(&mut connection)
                .await
                .map_err(|error| linked::refused(&error))?;
            let runs = journal::runs(&mut connection)
                .await
                .map_err(|error| linked::refused(&error))?;
            connection.close().await;
            Ok((rows, runs))
        })?,
    };
    let wanted = plan::Options {
        only: options
            .only
            .as_ref()
            .map(|path| project.disk.show(&project.disk.absolute(path))),
        release: options.release,
        segments: options.segments,
    };
    let plan = plan::plan(&project.history, &rows, &runs, &wanted);
    let plan = plan.map_err(|error| Failure::usage(&error, error.hint()))?;
    match options.format {
        Form::Text => {
            terminal::say(&format!("target: {target}"));
            terminal::print(&text(&plan))?;
        }
        Form::Json => {
            let mut value = serde_json::to_value(&plan)?;
            value["target"] = target.to_string().into();
            linked::print_json(value)?;
        }
        Form::Sql => match plan.files.iter().find(|file| !file.refusals.is_empty()) {
            Some(file) => {
                let why = file.refusals[0].why;
                return Err(Failure::usage(format!("{}: {}", file.path, why.message()), why.hint()).into());
            }
            None => terminal::print(&plan::to_sql(&plan))?,
        },
    }
    let is_refused = plan.files.iter().any(|file| !file.refusals.is_empty()) || !plan.before.is_empty();
    Ok(if is_refused { Exit::Findings } else { Exit::Clean })
}

fn text(plan: &Plan) -> String {
    let mut out = String::new();
    for file in &plan.before {
        out.push_str(&format!("first: {file}\n"));
    }
    for file in &plan.files {
        out.push_str(&format!("{}: {}", file.path, counted(file.statements(), "statement")));
        if file.is_atomic() {
            out.push_str(", all or nothing\n");
        } else {
            out.push_str(&format!(" in {}\n", counted(file.steps.len(), "step")));
        }
        for (at, step) in file.steps.iter().enumerate().filter(|_| !file.is_atomic()) {
            let first = step
                .statements()
                .first()
                .map(|statement| statement.span.slice(&file.text))
                .unwrap_or_default();
            let first = first.lines().next().unwrap_or_default();
            out.push_str(&match step {
                Step::Transaction { statements } => {
                    format!(
                        "  {}. {} in a transaction\n",
                        at + 1,
                        counted(statements.len(), "statement")
                    )
                }
                Step::Alone { .. } => format!("  {}. by itself: {first}\n", at + 1),
            });
        }
        for refusal in &file.refusals {
            out.push_str(&format!(
                "  refused: {}; {}\n",
                refusal.why.message(),
                refusal.why.hint()
            ));
        }
    }
    if plan.files.is_empty() && plan.before.is_empty() {
        out.push_str("nothing to apply\n");
    }
    out
}
