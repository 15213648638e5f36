//! `dblsp new NAME`: writes the next migration and its rollback.

use anyhow::Context;
use project::files::Disk;
use project::write::write_all;
use project::{name, new};

use crate::failure::Exit;
use crate::terminal;

pub(crate) fn run(description: &str, version: Option<&str>) -> anyhow::Result<Exit> {
    let folder = std::env::current_dir().context("the current folder cannot be read")?;
    let disk = Disk::new(&folder);
    let writes = new::plan(&disk, &folder, description, version, &name::timestamp_now())?;
    write_all(&disk, &writes)?;
    let lines = writes
        .iter()
        .map(|write| format!("created {}\n", disk.show(&write.path)));
    terminal::print(&lines.collect::<String>())?;
    Ok(Exit::Clean)
}
