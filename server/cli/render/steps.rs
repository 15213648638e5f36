//! What a verb does, step by step, as the design document writes it: with signs on a terminal, in words elsewhere.

use std::io::{self, IsTerminal};

use database::event::{Event, Moment};
use database::preflight::{Checklist, Verdict};
use database::{Tell, lock::Holder};

use crate::args::Format;
use crate::terminal;

/// Prints steps to standard output and everything else to standard error.
pub(crate) struct Steps {
    signs: bool,
    quiet: bool,
}

impl Steps {
    /// Nothing goes to standard output where that is for programs.
    pub(crate) fn new(format: Format) -> Self {
        Self {
            signs: io::stdout().is_terminal(),
            quiet: format != Format::Text,
        }
    }
}

impl Tell for Steps {
    fn tell(&self, event: Event) {
        if let Some(line) = step(&event, self.signs) {
            if !self.quiet {
                // A reader that has left does not stop a migration.
                drop(terminal::print(&(line + "\n")));
            }
        } else if let Some(line) = aside(&event) {
            terminal::say(&line);
        }
    }
}

/// A line of the document's.
fn step(event: &Event, signs: bool) -> Option<String> {
    let (sign, words) = match event {
        Event::Migration { file } => ("🚀", format!("Migration: {file}")),
        Event::Snapshot {
            path,
            moment: Moment::Before,
        } => ("📸", format!("Snapshot: {path}")),
        Event::Applying { .. } => ("⏳", "Applying migration...".to_owned()),
        Event::Applied { .. } => ("✅", "Migration applied".to_owned()),
        Event::Undone { .. } => ("✅", "Migration rolled back".to_owned()),
        Event::Rollback { path, .. } => ("📝", format!("Rollback: {path}")),
        Event::Verifying => ("🔍", "Verifying...".to_owned()),
        Event::Complete => ("✅", "Complete!".to_owned()),
        _ => return None,
    };
    Some(if signs { format!("{sign} {words}") } else { words })
}

/// A line that the document has not.
fn aside(event: &Event) -> Option<String> {
    let by = |holder: &Option<Holder>| {
        holder
            .as_ref()
            .map_or_else(|| "somebody".to_owned(), ToString::to_string)
    };
    Some(match event {
        Event::Target { target } => format!("target: {target}"),
        Event::Preflight { checklist } => preflight(checklist),
        Event::Notice { notice } => format!("{}: {}", notice.severity, notice.message),
        Event::Waiting { holder } => format!("waiting for {}", by(holder)),
        Event::Retry {
            attempt,
            milliseconds,
            holder,
        } => {
            format!(
                "no lock because of {}; attempt {attempt} in {milliseconds} ms",
                by(holder)
            )
        }
        Event::Backup { path } => format!("backup: {path}"),
        Event::Alert { text } => format!("alert: {text}"),
        Event::Note { text } => format!("note: {text}"),
        _ => return None,
    })
}

fn preflight(checklist: &Checklist) -> String {
    let line = |item: &database::preflight::Item| {
        let mark = match item.verdict {
            Verdict::Pass => "x",
            Verdict::Fail(_) => "!",
            Verdict::Skipped(_) => "-",
        };
        format!("[{mark}] {}: {}", item.name, item.verdict)
    };
    checklist.items.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The events of an apply of the document's example.
    fn events() -> Vec<Event> {
        vec![
            Event::Migration {
                file: "20251026211500_v0_7_0_baseline.sql".into(),
            },
            Event::Snapshot {
                path: "schemas/v0.7.0_20251026211500.sql".into(),
                moment: Moment::Before,
            },
            Event::Applying {
                file: "20251026211500_v0_7_0_baseline.sql".into(),
            },
            Event::Statement { index: 1, of: 1 },
            Event::Applied { milliseconds: 12 },
            Event::Rollback {
                path: "rollback/20251026211500_rollback.sql".into(),
                scaffolded: false,
            },
            Event::Verifying,
            Event::Snapshot {
                path: "schemas/v0.7.0_20251026211500_after.sql".into(),
                moment: Moment::After,
            },
            Event::Complete,
        ]
    }

    fn lines(signs: bool) -> String {
        events()
            .iter()
            .filter_map(|event| step(event, signs))
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn the_steps_are_the_document_s() {
        let document = include_str!("../../../docs/database/MIGRATION-ARCHITECTURE.md");
        assert!(document.contains(&lines(true)), "{}", lines(true));
        insta::assert_snapshot!(lines(false), @r"
        Migration: 20251026211500_v0_7_0_baseline.sql
        Snapshot: schemas/v0.7.0_20251026211500.sql
        Applying migration...
        Migration applied
        Rollback: rollback/20251026211500_rollback.sql
        Verifying...
        Complete!
        ");
    }
}
