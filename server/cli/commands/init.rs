//! `dblsp init`: lays out a project, beside what is there.

use std::fmt::Write;

use anyhow::Context;
use project::files::Disk;
use project::write::{WriteKind, write_all};
use project::{init, known};

use crate::failure::{Exit, report_problem};
use crate::render::counted;
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
    for (path, what) in &plan.by_hand {
        let indented = what.replace('\n', "\n    ");
        terminal::say(&format!(
            "note: add this to {} yourself:\n    {indented}",
            disk.show(path)
        ));
    }
    if let Some(baseline) = &plan.baseline {
        terminal::say(&format!(
            "note: {} in {} are known from now on, and new ones are told; see {}",
            counted(baseline.findings, "finding"),
            counted(baseline.files, "file"),
            known::BASELINE
        ));
    }
    for problem in &plan.problems {
        report_problem(problem);
    }
    Ok(if plan.problems.is_empty() {
        Exit::Clean
    } else {
        Exit::Usage
    })
}
