//! `dblsp fix`: mends what `check` finds.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use analysis::lint::fixing::Willing;
use analysis::settings::Known;
use anyhow::Context;
use project::files::Disk;
use project::fix::{Fixes, fix};
use project::write::{Write, WriteKind, write_all};
use project::{Loaded, ProjectError, Request, Selection, git};
use serde_json::{Value, json};
use similar::TextDiff;

use super::check::{changes, settings};
use crate::args::{Choice, FixOptions, Format};
use crate::failure::{Exit, Failure, report_problem};
use crate::progress::Progress;
use crate::render::counted;
use crate::terminal;

pub(crate) fn run(options: &FixOptions) -> anyhow::Result<Exit> {
    let request = request(&options.choice)?;
    let (loaded, fixes) = plan(&options.choice, &request, willing(options.review), None);
    if !options.diff {
        write_all(&request.disk, &fixes.writes)?;
    }
    let disk = &request.disk;
    match (options.format, options.diff) {
        (Format::Json, is_diff) => terminal::print(&format!("{:#}\n", as_json(disk, &fixes, is_diff)))?,
        (Format::Text, true) => terminal::print(&diff(disk, &fixes.writes))?,
        (Format::Text, false) => terminal::print(&said(disk, &fixes))?,
    }
    if options.format == Format::Text {
        note(&fixes);
    }
    Ok(if !loaded.problems.is_empty() || !fixes.broken.is_empty() {
        Exit::Usage
    } else if options.diff && !fixes.writes.is_empty() {
        Exit::Findings
    } else {
        Exit::Clean
    })
}

/// Fixes what a `check` is about to judge, without what its baseline knows; what was done goes to standard error.
pub(crate) fn first(choice: &Choice, request: &Request, review: bool, known: Option<&Known>) -> anyhow::Result<()> {
    let (_, fixes) = plan(choice, request, willing(review), known);
    write_all(&request.disk, &fixes.writes)?;
    if !fixes.writes.is_empty() {
        terminal::say(said(&request.disk, &fixes).trim_end());
    }
    note(&fixes);
    Ok(())
}

fn willing(review: bool) -> Willing {
    if review { Willing::Review } else { Willing::Safe }
}

fn request(choice: &Choice) -> anyhow::Result<Request> {
    let folder = std::env::current_dir().context("the current folder cannot be read")?;
    let disk = Disk::new(&folder);
    if choice.paths.iter().any(|path| path == Path::new("-")) {
        let hint = "name files; `dblsp check -` judges standard input";
        return Err(Failure::usage("standard input cannot be fixed in place", hint).into());
    }
    let paths: Vec<PathBuf> = choice.paths.iter().map(|path| disk.absolute(path)).collect();
    // What is fixed is what lies on disk, also where something else is staged.
    let selection = changes(choice, &folder)?.map_or(Selection::All, |changes| Selection::Only(changes.files));
    let settings = settings(choice, &disk)?;
    Ok(Request {
        folder,
        paths,
        selection,
        settings,
        disk,
    })
}

fn plan(choice: &Choice, request: &Request, willing: Willing, known: Option<&Known>) -> (Loaded, Fixes) {
    let progress = Progress::start("Reading and fixing migrations");
    let mut loaded = project::load(request);
    if let Some(known) = known {
        for project in &mut loaded.projects {
            project.settings.known = known.clone();
        }
    }
    let open = open(choice, request);
    let disk = &request.disk;
    // What was read with a `?` in place of something cannot be written back.
    let is_garbled = |path: &str| {
        let mut problems = loaded.problems.iter();
        problems.any(|problem| matches!(problem, ProjectError::NotUtf8 { path: other, .. } if other == path))
    };
    let is_locked =
        |path: &str| is_garbled(path) || open.as_ref().is_some_and(|open| !open.contains(&disk.absolute(path)));
    let mut all = Fixes::default();
    for project in &loaded.projects {
        all.append(fix(disk, project, willing, &is_locked));
    }
    drop(progress);
    loaded.problems.iter().for_each(report_problem);
    (loaded, all)
}

/// The files that nobody else can have applied yet, or that are named; `None` where all that are judged may change.
fn open(choice: &Choice, request: &Request) -> Option<BTreeSet<PathBuf>> {
    if choice.staged || choice.changed || choice.since.is_some() {
        return None;
    }
    // Without git nobody knows what is old.
    let changes = git::changed(&request.folder).ok()?;
    let mut open = changes.files;
    open.extend(request.paths.iter().cloned());
    Some(open)
}

/// What was done, file by file.
fn said(disk: &Disk, fixes: &Fixes) -> String {
    let mut out = String::new();
    for write in &fixes.writes {
        let path = disk.show(&write.path);
        if write.kind == WriteKind::Create {
            writeln!(out, "created {path}").expect("a string takes all text");
            continue;
        }
        writeln!(out, "fixed {path}").expect("a string takes all text");
        for applied in fixes.applied.iter().filter(|applied| applied.path == path) {
            writeln!(out, "  {}: {}", applied.rule, applied.title).expect("a string takes all text");
        }
    }
    if fixes.writes.is_empty() {
        out.push_str("nothing to fix\n");
    }
    out
}

fn note(fixes: &Fixes) {
    let left: usize = fixes.locked.values().sum();
    if left > 0 {
        let files = counted(fixes.locked.len(), "migration");
        terminal::say(&format!(
            "note: {} in {files} left out: committed, or older than `since`, so they may be applied already; name a \
             file to fix it",
            counted(left, "fix").replace("fixs", "fixes")
        ));
    }
    if fixes.unwilling > 0 {
        terminal::say(&format!(
            "note: {} with a fix that changes what happens: look at `dblsp fix --review --diff`",
            counted(fixes.unwilling, "finding")
        ));
    }
    for path in &fixes.broken {
        let hint = "please report it, with the statement that was to be fixed";
        terminal::complain(&format!("a fix would have broken `{path}`; it is left as it was"), hint);
    }
}

fn diff(disk: &Disk, writes: &[Write]) -> String {
    let mut out = String::new();
    for write in writes {
        let path = disk.show(&write.path);
        let (from, name) = match &write.kind {
            WriteKind::Create => ("", "/dev/null".to_owned()),
            WriteKind::Change { from, .. } => (from.as_str(), format!("a/{path}")),
        };
        let diff = TextDiff::from_lines(from, &write.text);
        out.push_str(&diff.unified_diff().header(&name, &format!("b/{path}")).to_string());
    }
    out
}

fn as_json(disk: &Disk, fixes: &Fixes, is_diff: bool) -> Value {
    let applied = fixes.applied.iter().map(|applied| {
        json!({
            "path": applied.path,
            "rule": applied.rule,
            "title": applied.title,
            "kind": applied.kind.name(),
        })
    });
    let paths = |created: bool| {
        let writes = fixes.writes.iter();
        let of_kind = writes.filter(|write| (write.kind == WriteKind::Create) == created);
        of_kind.map(|write| disk.show(&write.path)).collect::<Vec<_>>()
    };
    json!({
        "written": !is_diff && !fixes.writes.is_empty(),
        "changed": paths(false),
        "created": paths(true),
        "fixes": applied.collect::<Vec<_>>(),
        "need_review": fixes.unwilling,
        "left_out": fixes.locked,
        "diff": diff(disk, &fixes.writes),
    })
}
