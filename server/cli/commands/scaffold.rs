//! `dblsp scaffold`: writes the rollback of a migration, or the smoke test of a version, from what the migrations do.

use std::path::Path;

use analysis::history::Release;
use anyhow::Context;
use project::files::Disk;
use project::scaffold::{self, Scaffold};
use project::write::write_all;
use project::{Loaded, ProjectError, Request, Selection};
use serde_json::json;
use similar::TextDiff;

use crate::args::{Format, ScaffoldKind, ScaffoldOptions};
use crate::failure::{Exit, report_problem};
use crate::terminal;

pub(crate) fn run(kind: &ScaffoldKind) -> anyhow::Result<Exit> {
    let folder = std::env::current_dir().context("the current folder cannot be read")?;
    let disk = Disk::new(&folder);
    let (planned, options) = match kind {
        ScaffoldKind::Rollback { file, options } => {
            let path = disk.absolute(file);
            let loaded = loaded(&disk, &folder, Some(&path));
            (scaffold::rollback(&disk, &loaded.projects, &disk.show(&path)), options)
        }
        ScaffoldKind::Test { version, options } => {
            let Some(release) = Release::parse(version) else {
                return Err(ProjectError::NothingToScaffold {
                    message: format!("`{version}` is no version"),
                    hint: "write three numbers, like `v0.7.0`".into(),
                }
                .into());
            };
            let loaded = loaded(&disk, &folder, None);
            (scaffold::smoke_test(&disk, &loaded.projects, release), options)
        }
    };
    finish(&disk, &planned?, options)
}

fn loaded(disk: &Disk, folder: &Path, path: Option<&Path>) -> Loaded {
    let request = Request {
        folder: folder.to_path_buf(),
        paths: path.map(Path::to_path_buf).into_iter().collect(),
        selection: Selection::All,
        settings: None,
        disk: disk.clone(),
    };
    let loaded = project::load(&request);
    loaded.problems.iter().for_each(report_problem);
    loaded
}

/// Writes the file unless somebody has changed it; then shows what would change.
fn finish(disk: &Disk, planned: &Scaffold, options: &ScaffoldOptions) -> anyhow::Result<Exit> {
    let path = disk.show(&planned.path);
    let differs = planned.differs();
    let is_current = planned.existing.is_some() && !differs;
    let writes = !options.dry_run && !is_current && (!differs || options.force);
    if writes {
        write_all(disk, &[planned.write()])?;
    }
    let diff = planned.existing.as_ref().filter(|_| differs).map(|existing| {
        let diff = TextDiff::from_lines(existing.as_str(), &planned.text);
        diff.unified_diff().header(&path, &path).to_string()
    });
    let todos = planned.todos();
    if options.format == Format::Json {
        let shown = json!({
            "path": path,
            "written": writes,
            "current": is_current,
            "todos": todos,
            "diff": diff,
            "text": planned.text,
        });
        terminal::print(&format!("{shown:#}\n"))?;
    } else {
        match &diff {
            Some(diff) => terminal::print(diff)?,
            None if options.dry_run => terminal::print(&planned.text)?,
            None if is_current => terminal::print(&format!("kept {path}\n"))?,
            None => {}
        }
        if writes {
            terminal::print(&format!("{} {path}\n", if differs { "changed" } else { "created" }))?;
        }
        if todos > 0 {
            let things = if todos == 1 { "one thing" } else { "some things" };
            terminal::say(&format!(
                "note: {things} only you can decide: look for `-- TODO` in {path}"
            ));
        }
    }
    if differs && !writes && !options.dry_run {
        terminal::complain(
            &format!("`{path}` was changed by hand, and stays as it is"),
            "run it again with `--force` to write over it",
        );
        return Ok(Exit::Findings);
    }
    Ok(Exit::Clean)
}
