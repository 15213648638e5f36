//! `dblsp init`: lays out a project, beside what is there.

use std::fmt::Write;

use anyhow::Context;
use project::files::Disk;
use project::init;
use project::write::{WriteKind, write_all};

use crate::failure::Exit;
use crate::terminal;

pub(crate) fn run(dry_run: bool) -> anyhow::Result<Exit> {
    let folder = std::env::current_dir().context("the current folder cannot be read")?;
    let disk = Disk::new(&folder);
    let plan = init::plan(&disk, &folder)?;
    if !dry_run {
        write_all(&disk, &plan.writes)?;
    }
    let (create, change) = if dry_run {
        ("would create", "would change")
    } else {
        ("created", "changed")
    };
    let mut out = String::new();
    for write in &plan.writes {
        let path = disk.show(&write.path);
        let line = match &write.kind {
            WriteKind::Create => format!("{create} {path}"),
            WriteKind::Change { what, .. } => format!("{change} {path}: {what}"),
        };
        writeln!(out, "{line}").expect("a string takes all text");
    }
    for path in &plan.kept {
        writeln!(out, "kept {}", disk.show(path)).expect("a string takes all text");
    }
    terminal::print(&out)?;
    Ok(Exit::Clean)
}
