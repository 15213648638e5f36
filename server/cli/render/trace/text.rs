//! A trace on a terminal: statement by statement, then how long each lock is held.

use std::collections::BTreeSet;

use analysis::schema::cost::LockMode;
use analysis::schema::objects::Id;
use anstyle::{AnsiColor, Style};
use database::trace::words::{failed, name, noticed, shown, works};
use database::trace::{Outcome, Queue, Report, Row};

use crate::render::counted;
use crate::terminal::Paint;

/// All of it, in lines of about `width` columns.
pub(crate) fn render(report: &Report, paint: Paint, width: usize) -> String {
    let mut out = head(report, paint);
    let mut transaction = None;
    for (number, row) in report.rows.iter().enumerate() {
        let statement = &row.statement;
        if transaction.replace(statement.transaction) != Some(statement.transaction) {
            let words = if statement.is_alone {
                "by itself, in no transaction"
            } else {
                "in a transaction"
            };
            out.push_str(&format!("\n{}\n", paint.paint(Style::new().dimmed(), words)));
        }
        out.push_str(&one(report, number, row, paint, width));
    }
    out.push_str(&holds(report, paint));
    out.push_str(&summary(report, paint));
    out
}

fn head(report: &Report, paint: Paint) -> String {
    let server = match &report.server {
        Some(server) => format!("PostgreSQL {server}, on empty tables"),
        None => "predicted, not measured".to_owned(),
    };
    let sizes = report.sizes.as_ref().map(|sizes| format!("; sizes of {sizes}"));
    format!("{}: {server}{}\n", paint.bold(&report.path), sizes.unwrap_or_default())
}

fn one(report: &Report, number: usize, row: &Row, paint: Paint, width: usize) -> String {
    let dim = |text: &str| paint.paint(Style::new().dimmed(), text);
    let time = match row.statement.outcome {
        Outcome::Ran => format!("{:.1} ms", row.statement.duration.as_secs_f64() * 1000.0),
        Outcome::Failed(_) => "failed".to_owned(),
        Outcome::NotReached if report.server.is_some() => "not reached".to_owned(),
        Outcome::NotReached => String::new(),
    };
    let place = format!("{:>3}  line {:<4} ", number + 1, row.line);
    let room = width.saturating_sub(place.len() + time.len() + 2);
    let sql = shortened(&report.one_line(row), room);
    let gap = " ".repeat(room.saturating_sub(sql.chars().count()) + 2);
    let mut out = format!("{}{sql}{gap}{}\n", dim(&place), dim(&time));
    let mut line = |text: String| out.push_str(&format!("     {text}\n"));
    let cost = shown(report, row);
    for (id, mode) in noticed(&cost) {
        let queue = Queue::behind(mode);
        let colour = match queue {
            Queue::Everybody => AnsiColor::Red,
            Queue::Writes => AnsiColor::Yellow,
            Queue::Changes | Queue::Nobody => AnsiColor::Cyan,
        };
        line(format!(
            "{} on {}: {}",
            paint.strong(colour, mode.words()),
            name(id),
            queue.words()
        ));
    }
    works(&cost).into_iter().for_each(&mut line);
    for (id, mode) in under(row) {
        let queue = Queue::behind(mode);
        line(format!(
            "under {} on {}, which is held already: {}",
            mode.words(),
            name(id),
            queue.words()
        ));
    }
    row.statement.measured.spared.iter().for_each(|words| line(dim(words)));
    let price = if report.server.is_some() {
        row.measured_price
    } else {
        row.predicted_price
    };
    if let Some(price) = price.filter(|price| !price.is_nothing()) {
        line(paint.bold(&format!("estimate: {price}")));
    }
    for disagreement in &row.disagreements {
        line(format!("{} {disagreement}", paint.strong(AnsiColor::Magenta, "≠")));
    }
    if let Some((message, place)) = failed(report, row) {
        let error = paint.strong(AnsiColor::Red, "error");
        line(format!(
            "{error}: {}:{}:{}: {message}",
            report.path, place.line, place.column
        ));
    }
    out
}

/// The locks of earlier statements on tables that this one works on.
fn under(row: &Row) -> Vec<(&Id, LockMode)> {
    let measured = &row.statement.measured;
    let worked = measured
        .rewrites
        .iter()
        .chain(&measured.scans)
        .chain(measured.builds.keys());
    let worked: BTreeSet<&Id> = worked.filter(|id| !measured.locks.contains_key(*id)).collect();
    let held = worked.into_iter().filter_map(|id| Some((id, *measured.held.get(id)?)));
    held.filter(|(_, mode)| mode.blocks_writes()).collect()
}

/// Cut to `room` columns.
fn shortened(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let kept: String = text.chars().take(room.saturating_sub(1)).collect();
    format!("{kept}…")
}

fn holds(report: &Report, paint: Paint) -> String {
    let noticed = report
        .holds
        .iter()
        .filter(|hold| Queue::behind(hold.mode) > Queue::Nobody);
    let noticed: Vec<_> = noticed.collect();
    if noticed.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}\n", paint.bold("Locks, and how long they are held"));
    let widest = noticed.iter().map(|hold| name(&hold.relation).chars().count()).max();
    for hold in noticed {
        let span = if hold.from == hold.to {
            format!("statement {}", hold.from + 1)
        } else {
            format!("statements {}–{}", hold.from + 1, hold.to + 1)
        };
        let time = hold.time().map(|time| format!(", {time}"));
        let relation = name(&hold.relation);
        let gap = " ".repeat(widest.unwrap_or_default().saturating_sub(relation.chars().count()));
        out.push_str(&format!(
            "  {relation}{gap}  {:<22}  {span}{}: {}\n",
            hold.mode.words(),
            time.unwrap_or_default(),
            Queue::behind(hold.mode).words()
        ));
    }
    out
}

fn summary(report: &Report, paint: Paint) -> String {
    if report.server.is_none() {
        return String::new();
    }
    let (agreed, ran) = report.agreement();
    let words = if agreed == ran {
        format!("prediction and measurement agree on {}", counted(ran, "statement"))
    } else {
        format!(
            "prediction and measurement differ on {} of {}",
            ran - agreed,
            counted(ran, "statement")
        )
    };
    format!("\n{}\n", paint.paint(Style::new().dimmed(), &words))
}
