//! The time line: a row per table, a column per statement, a bar from where a lock is taken to where it is given back.

use std::collections::BTreeMap;

use analysis::schema::objects::Id;

use super::class;
use super::document::{escaped, put};
use crate::trace::words::{name, shown};
use crate::trace::{Hold, Queue, Report, Row};

/// Pixels.
const HEAD: usize = 46;
const BAR: usize = 26;
/// A row's height where something happens to the rows of the table: the signs stand below the bar.
const BAR_WITH_WORK: usize = 42;
const LETTER: usize = 8;
const MOST_LETTERS: usize = 40;

/// Where columns begin.
struct Grid {
    left: usize,
    column: usize,
}

impl Grid {
    fn x(&self, statement: usize) -> usize {
        self.left + statement * self.column
    }
}

pub(super) fn section(report: &Report) -> String {
    let mut tables: BTreeMap<&Id, Vec<&Hold>> = BTreeMap::new();
    for hold in report
        .holds
        .iter()
        .filter(|hold| Queue::behind(hold.mode) > Queue::Nobody)
    {
        tables.entry(&hold.relation).or_default().push(hold);
    }
    if tables.is_empty() {
        return String::new();
    }
    let widest = tables
        .keys()
        .map(|id| name(id).chars().count())
        .max()
        .unwrap_or_default();
    let count = report.rows.len();
    let grid = Grid {
        left: widest.min(MOST_LETTERS) * LETTER + 24,
        // Wide enough for the words, as long as few statements share the page.
        column: (840 / count.max(1)).clamp(22, 170),
    };
    let heights: Vec<usize> = tables
        .keys()
        .map(|id| if has_work(report, id) { BAR_WITH_WORK } else { BAR })
        .collect();
    let (width, height) = (grid.x(count) + 16, HEAD + heights.iter().sum::<usize>() + 10);
    let mut out = format!(
        "<h2>Time line of the locks</h2>\n<div class=\"scroll\"><svg id=\"time-line\" role=\"img\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" xmlns=\"http://www.w3.org/2000/svg\">\n\
         <title>Which statement locks which table, and until when</title>\n"
    );
    out.push_str(&head(report, &grid, height));
    let mut y = HEAD;
    for ((id, holds), height) in tables.iter().zip(heights) {
        out.push_str(&row(report, &grid, y, id, holds));
        y += height;
    }
    out.push_str("</svg></div>\n");
    out.push_str(LEGEND);
    out
}

const LEGEND: &str = "<ul class=\"legend\">\n\
<li class=\"everybody\"><b></b><span>reads and writes wait</span></li>\n\
<li class=\"writes\"><b></b><span>writes wait</span></li>\n\
<li class=\"changes\"><b></b><span>only other changes of the schema wait</span></li>\n\
<li><i>R</i>all rows written anew</li>\n<li><i>S</i>all rows read</li>\n<li><i>I</i>an index built</li>\n</ul>\n";

/// Statement numbers that lead to the statements, and a bracket over each transaction.
fn head(report: &Report, grid: &Grid, height: usize) -> String {
    let mut out = String::new();
    let mut start = 0;
    for (at, row) in report.rows.iter().enumerate() {
        let (x, number) = (grid.x(at), at + 1);
        let middle = x + grid.column / 2;
        put(
            &mut out,
            format_args!(
                "<line class=\"grid\" x1=\"{x}\" y1=\"{HEAD}\" x2=\"{x}\" y2=\"{}\"/>\n\
             <a href=\"#s{number}\"><text x=\"{middle}\" y=\"38\" text-anchor=\"middle\">{number}<title>{}</title></text></a>\n",
                height - 6,
                escaped(&report.one_line(row)),
            ),
        );
        let next = report.rows.get(at + 1).map(|row| row.statement.transaction);
        if next != Some(row.statement.transaction) {
            let (from, to) = (grid.x(start) + 3, grid.x(at + 1) - 3);
            let words = if row.statement.is_alone { "alone" } else { "transaction" };
            put(
                &mut out,
                format_args!("<path class=\"span\" d=\"M{from} 24v-5H{to}v5\"/>\n"),
            );
            if to - from > words.len() * 7 {
                put(
                    &mut out,
                    format_args!(
                        "<text class=\"small\" x=\"{}\" y=\"14\" text-anchor=\"middle\">{words}</text>\n",
                        usize::midpoint(from, to)
                    ),
                );
            }
            start = at + 1;
        }
    }
    let end = grid.x(report.rows.len());
    put(
        &mut out,
        format_args!(
            "<line class=\"grid\" x1=\"{end}\" y1=\"{HEAD}\" x2=\"{end}\" y2=\"{}\"/>\n",
            height - 6
        ),
    );
    out
}

fn row(report: &Report, grid: &Grid, y: usize, id: &Id, holds: &[&Hold]) -> String {
    let whole = name(id);
    let mut label: String = whole.chars().take(MOST_LETTERS).collect();
    if label.len() < whole.len() {
        label.pop();
        label.push('…');
    }
    let mut out = format!(
        "<g class=\"table\" data-table=\"{0}\"><text x=\"10\" y=\"{1}\">{2}<title>{0}</title></text>\n",
        escaped(&whole),
        y + 17,
        escaped(&label),
    );
    // Weaker first: a stronger lock that is taken later covers what is held anyway.
    let mut holds = holds.to_vec();
    holds.sort_by_key(|hold| (hold.mode, hold.from));
    for hold in holds {
        out.push_str(&bar(grid, y, hold));
    }
    for (at, row) in report.rows.iter().enumerate() {
        for (place, letter) in letters(report, row, id).chars().enumerate() {
            let (x, y) = (grid.x(at) + 11 + place * 17, y + 31);
            put(
                &mut out,
                format_args!(
                    "<g class=\"work\"><circle cx=\"{x}\" cy=\"{y}\" r=\"7\"/><text x=\"{x}\" y=\"{}\">{letter}</text></g>\n",
                    y + 4
                ),
            );
        }
    }
    out.push_str("</g>\n");
    out
}

/// A sign for everything that a statement does to the rows of a table.
fn letters(report: &Report, row: &Row, id: &Id) -> String {
    let cost = shown(report, row);
    let works = [('R', &cost.rewrites), ('S', &cost.scans), ('I', &cost.builds)];
    let happened = works.iter().filter(|(_, ids)| ids.contains(id));
    happened.map(|(letter, _)| *letter).collect()
}

fn has_work(report: &Report, id: &Id) -> bool {
    report.rows.iter().any(|row| !letters(report, row, id).is_empty())
}

fn bar(grid: &Grid, y: usize, hold: &Hold) -> String {
    let (from, to) = (grid.x(hold.from) + 2, grid.x(hold.to + 1) - 2);
    let (mode, words) = (hold.mode, Queue::behind(hold.mode).words());
    let mut out = format!(
        "<rect class=\"{}\" x=\"{from}\" y=\"{}\" width=\"{}\" height=\"18\" rx=\"4\"><title>{mode} on {}: {words}</title></rect>\n",
        class(mode),
        y + 4,
        to - from,
        escaped(&name(&hold.relation)),
    );
    let label = mode.words();
    if to - from > label.len() * 7 + 20 {
        put(
            &mut out,
            format_args!(
                "<text class=\"in-bar\" x=\"{}\" y=\"{}\">{label}</text>\n",
                from + 7,
                y + 17
            ),
        );
    }
    out
}
