//! `dblsp graph`: the schema as a picture, and what a migration changes in it.

use std::path::PathBuf;

use analysis::diagram::Diagram;
use clap::ValueEnum;

use super::trace::{Subject, subject};
use crate::failure::Exit;
use crate::terminal;

/// Options of `dblsp graph`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The picture is made from the migrations alone; no database is asked. Redirect it to a file: \
`dblsp graph > schema.svg`."
)]
pub(crate) struct Options {
    /// A migration, a rollback, or a draft whose changes are marked [default: the schema after all migrations]
    pub(crate) file: Option<PathBuf>,
    /// How to write the picture
    #[arg(long, value_enum, default_value_t = Form::Svg)]
    pub(crate) format: Form,
}

/// How to write a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For browsers
    Svg,
    /// For pages of Markdown that render Mermaid
    Mermaid,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let Subject { history, settings, .. } = subject(options.file.as_deref())?;
    let (_, timeline) = project::replay(&history, &settings);
    let base = timeline.before(0);
    let diagram = match options.file {
        Some(_) => Diagram::between(timeline.before(history.migrations.len() - 1), timeline.last(), base),
        None => Diagram::of(timeline.last(), base),
    };
    let drawn = match options.format {
        Form::Svg => diagram.to_svg(),
        Form::Mermaid => diagram.to_mermaid(),
    };
    terminal::print(&drawn)?;
    Ok(Exit::Clean)
}
