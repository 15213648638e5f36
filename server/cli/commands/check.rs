//! `dblsp check`: judges migrations.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use analysis::lint::diagnostic::{Diagnostic, NewFiles};
use analysis::lint::known::fingerprinted;
use analysis::settings::{Known, Settings};
use anyhow::Context;
use project::files::{Disk, decode};
use project::git::{self, Changes};
use project::write::{Write, WriteKind, write_all};
use project::{Loaded, Project, ProjectError, Request, Selection, known};

use super::fix;
use crate::args::{CheckFormat, CheckOptions, Choice};
#[cfg(feature = "database")]
use crate::commands::prove;
use crate::failure::{Exit, Failure, report_problem};
use crate::progress::Progress;
use crate::render::{Results, counted, github, gitlab, json, junit, sarif, text};
use crate::terminal::{self, Paint};

pub(crate) fn run(options: &CheckOptions) -> anyhow::Result<Exit> {
    let request = request(options)?;
    let disk = &request.disk;
    // One that is to be written need not be there.
    let baseline = options.baseline.as_ref().filter(|_| !options.write_baseline);
    let known = baseline.map(|file| known::read(disk, &disk.absolute(file)));
    let known = known.transpose()?;
    if options.fix {
        fix::first(&options.choice, &request, options.review, known.as_ref())?;
    }
    let progress = Progress::start("Reading and replaying migrations");
    let mut loaded = project::load(&request);
    if options.write_baseline {
        drop(progress);
        return write_down(options, &request.disk, &loaded);
    }
    if let Some(known) = &known {
        for project in &mut loaded.projects {
            project.settings.known = Arc::clone(known);
        }
    }
    #[cfg(feature = "database")]
    for project in &mut loaded.projects {
        prove::known(project, options.prove)?;
    }
    let mut results = Results::new(&request.disk);
    let has_convention = loaded
        .projects
        .iter()
        .all(|project| project.convention || !project.histories.iter().any(|history| history.complete));
    // Only JSON shows what a fix would write into a new file.
    let files = match options.format {
        CheckFormat::Json => NewFiles::Written,
        _ => NewFiles::Named,
    };
    for project in loaded.projects {
        judge(project, files, &mut results);
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

/// Writes the baseline. One that could not be read is written anew as well.
fn write_down(options: &CheckOptions, disk: &Disk, loaded: &Loaded) -> anyhow::Result<Exit> {
    let is_old = |problem: &&ProjectError| matches!(problem, ProjectError::BadBaseline { .. });
    let problems = || loaded.problems.iter().filter(|problem| !is_old(problem));
    problems().for_each(report_problem);
    // Half a project's findings would be taken for all of them.
    if problems().next().is_some() {
        return Ok(Exit::Usage);
    }
    let own = loaded.projects.iter().map(|project| &project.baseline);
    let files: BTreeSet<PathBuf> = match &options.baseline {
        Some(file) => BTreeSet::from([disk.absolute(file)]),
        None => own.cloned().collect(),
    };
    for file in files {
        let is_of = |project: &&Project| options.baseline.is_some() || project.baseline == file;
        let projects: Vec<Project> = loaded.projects.iter().filter(is_of).cloned().collect();
        let written = known::write(disk, &file, &projects);
        let kind = match disk.read(&file) {
            Ok(read) => WriteKind::Change {
                from: read.text.to_string(),
                what: "findings".to_owned(),
            },
            Err(_) => WriteKind::Create,
        };
        let (path, text) = (file, written.text);
        let shown = disk.show(&path);
        write_all(disk, &[Write { path, text, kind }])?;
        let (findings, files) = (counted(written.findings, "finding"), counted(written.files, "file"));
        terminal::print(&format!("{shown}: {findings} in {files}\n"))?;
    }
    Ok(Exit::Clean)
}

fn judge(project: Project, files: NewFiles, results: &mut Results) {
    for history in project.histories {
        let settings = &Settings {
            known: Known::default(),
            ..project.settings.clone()
        };
        let (documents, timeline) = project::replay(&history, settings);
        let timeline = Arc::new(timeline);
        let found = project::check(&history, &documents, settings, &timeline, files);
        // What is known is left out here, and not by the rules' own settings, to be counted.
        let known = &project.settings.known;
        let is_new = |(found, name): &(Diagnostic, String)| {
            let names = known.get(&found.path);
            !names.is_some_and(|names| names.contains(name))
        };
        let all = found.len();
        let new = fingerprinted(&history, found).into_iter().filter(is_new);
        let new: Vec<Diagnostic> = new.map(|(found, _)| found).collect();
        results.known += all - new.len();
        results.add(&history, new);
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
