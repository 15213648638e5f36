//! `dblsp check`: judges migrations.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use database::prove::{Store, WithRows, attach};
use project::files::{Disk, decode};
use project::git::{self, Changes};
use project::{Project, ProjectError, Request, Selection};

use super::fix;
use crate::args::{CheckFormat, CheckOptions, Choice, Format};
use crate::commands::prove::{self, Shown};
use crate::failure::{Exit, Failure, report_problem};
use crate::linked;
use crate::progress::Progress;
use crate::render::{Results, github, gitlab, json, junit, sarif, text};
use crate::terminal::{self, Paint};

pub(crate) fn run(options: &CheckOptions) -> anyhow::Result<Exit> {
    let request = request(options)?;
    if options.fix {
        fix::first(&options.choice, &request, options.review)?;
    }
    let progress = Progress::start("Reading and replaying migrations");
    let mut loaded = project::load(&request);
    for project in &mut loaded.projects {
        proofs(project, options.prove)?;
    }
    let mut results = Results::new(&request.disk);
    let has_convention = loaded
        .projects
        .iter()
        .all(|project| project.convention || !project.histories.iter().any(|history| history.complete));
    for project in loaded.projects {
        judge(project, &mut results);
    }
    drop(progress);
    for problem in &loaded.problems {
        report_problem(problem);
    }
    if !has_convention && options.format == CheckFormat::Text {
        terminal::say("note: names, rollbacks and tests of migrations are not judged; `dblsp init` turns that on");
    }
    let is_empty = results.files() == 0 && !loaded.problems.is_empty();
    let fails = results.diagnostics.iter().any(|found| found.level >= options.fail_on);
    let shown = match options.format {
        CheckFormat::Json => json::render(&mut results),
        CheckFormat::Github => github::render(&mut results),
        CheckFormat::Gitlab => gitlab::render(&mut results),
        CheckFormat::Sarif => sarif::render(&mut results),
        CheckFormat::Junit => junit::render(&mut results, options.fail_on)?,
        // The problem was all there is to say.
        CheckFormat::Text if is_empty => String::new(),
        CheckFormat::Text => text::render(&mut results, Paint::stdout(), terminal::width()),
    };
    terminal::print(&shown)?;
    Ok(if !loaded.problems.is_empty() {
        Exit::Usage
    } else if fails {
        Exit::Findings
    } else {
        Exit::Clean
    })
}

/// Gives the project's histories what is known of their rollbacks; asks a throw-away server where that is wanted.
fn proofs(project: &mut Project, prove: bool) -> anyhow::Result<()> {
    let is_wanted = prove || project.config.proofs.check;
    let rows = if project.config.proofs.rows {
        WithRows::Yes
    } else {
        WithRows::No
    };
    if is_wanted {
        let shown = Shown::new(Format::Json);
        linked::wait(async |cancel| {
            for history in &project.histories {
                prove::of_history(project, history, rows, &cancel, &shown).await?;
            }
            Ok(())
        })?;
    }
    if let Some(store) = Store::of(&project.root.folder) {
        for history in &mut project.histories {
            attach(history, &project.settings, &store);
        }
    }
    Ok(())
}

fn judge(project: Project, results: &mut Results) {
    for history in project.histories {
        let settings = &project.settings;
        let (documents, timeline) = project::replay(&history, settings);
        let timeline = Arc::new(timeline);
        let found = project::check(&history, &documents, settings, &timeline);
        results.add(&history, found);
        // The process ends soon, and its memory with it: taking thousands of trees apart first is time lost.
        std::mem::forget((documents, timeline));
    }
}

fn request(options: &CheckOptions) -> anyhow::Result<Request> {
    let choice = &options.choice;
    let folder = std::env::current_dir().context("the current folder cannot be read")?;
    let mut disk = Disk::new(&folder);
    let mut paths: Vec<PathBuf> = Vec::new();
    for path in &choice.paths {
        if path != Path::new("-") {
            paths.push(disk.absolute(path));
        }
    }
    let reads_stdin = paths.len() < choice.paths.len() || options.stdin_filename.is_some();
    if reads_stdin {
        let mut bytes = Vec::new();
        std::io::stdin()
            .read_to_end(&mut bytes)
            .context("standard input cannot be read")?;
        let name = options.stdin_filename.as_deref().unwrap_or(Path::new(STDIN));
        let path = disk.absolute(name);
        disk.overlay.insert(path.clone(), Some(decode(bytes).text));
        paths.push(path);
    }
    if reads_stdin && options.fix {
        return Err(Failure::usage(
            "standard input cannot be fixed in place",
            "name files, or leave `--fix` out",
        )
        .into());
    }
    // What is fixed is what lies on disk, and so is what is judged afterwards.
    let is_laid_over = !options.fix;
    let selection = match changes(choice, &folder)? {
        None => Selection::All,
        Some(changes) => {
            disk.overlay
                .extend(changes.overlay.into_iter().filter(|_| is_laid_over));
            Selection::Only(changes.files)
        }
    };
    let settings = settings(choice, &disk)?;
    Ok(Request {
        folder,
        paths,
        selection,
        settings,
        disk,
    })
}

/// What git says has changed, if that is asked for.
pub(crate) fn changes(choice: &Choice, folder: &Path) -> Result<Option<Changes>, ProjectError> {
    if choice.staged {
        git::staged(folder).map(Some)
    } else if choice.changed {
        git::changed(folder).map(Some)
    } else if let Some(revision) = &choice.since {
        git::since(folder, revision).map(Some)
    } else {
        Ok(None)
    }
}

/// The settings that are named, if they are there.
pub(crate) fn settings(choice: &Choice, disk: &Disk) -> Result<Option<PathBuf>, ProjectError> {
    let file = choice.config.as_deref().map(|file| disk.absolute(file));
    match file {
        Some(file) if !disk.is_file(&file) => {
            let path = disk.show(&file);
            Err(ProjectError::NoSuchPath { path })
        }
        file => Ok(file),
    }
}

/// What standard input is called; ends in `.sql` because only such files are read.
const STDIN: &str = "<stdin>.sql";
