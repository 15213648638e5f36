//! `dblsp man [COMMAND]`: a page of the manual, for `man -l -` and for packages.

use clap::CommandFactory;
use clap_mangen::Man;

use crate::args::Args;
use crate::failure::{Exit, Failure};
use crate::terminal;

pub(crate) fn run(of: Option<&str>) -> anyhow::Result<Exit> {
    let mut root = Args::command();
    root.build();
    let command = match of {
        None => root,
        Some(name) => {
            let command = root.find_subcommand(name).cloned().ok_or_else(|| {
                let message = format!("there is no command `{name}`");
                Failure::usage(message, "run `dblsp --help` for the list")
            })?;
            // As the manual of git names its pages: dblsp-check(1).
            command.display_name(format!("dblsp-{name}"))
        }
    };
    let title = command.get_display_name().unwrap_or("dblsp").to_owned();
    let page = Man::new(command.version(env!("CARGO_PKG_VERSION"))).title(title.to_uppercase());
    let mut out = Vec::new();
    page.render(&mut out)?;
    terminal::print(&String::from_utf8_lossy(&out))?;
    Ok(Exit::Clean)
}
