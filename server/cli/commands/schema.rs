//! `dblsp schema`: what editors need to complete and check dblsp.toml.

use crate::failure::Exit;
use crate::terminal;

pub(crate) fn run() -> anyhow::Result<Exit> {
    terminal::print(project::config::SCHEMA)?;
    Ok(Exit::Clean)
}
