//! A trace as a page: a time line of the locks, then every statement with what was predicted beside what was measured.

mod document;
mod line;

use analysis::schema::cost::{Cost, LockMode};
use analysis::schema::price::Price;

use self::document::{document, escaped, put};
use super::words::{failed, name, noticed, works};
use super::{Outcome, Queue, Report, Row};

/// The whole page.
pub fn page(report: &Report) -> String {
    let mut body = head(report);
    body.push_str(&line::section(report));
    body.push_str(&holds(report));
    body.push_str("<h2>Statements</h2>\n");
    for (number, row) in report.rows.iter().enumerate() {
        body.push_str(&statement(report, number, row));
    }
    document(&format!("Trace of {}", report.path), &body)
}

fn head(report: &Report) -> String {
    let mut out = format!("<h1>{}</h1>\n", escaped(&report.path));
    let server = match &report.server {
        Some(server) => format!("Measured on a throw-away PostgreSQL {server} with empty tables"),
        None => "Predicted; no PostgreSQL was there to measure with".to_owned(),
    };
    let sizes = match &report.sizes {
        Some(sizes) => format!("times are estimates for the sizes of {}", escaped(sizes)),
        None => "no times: nobody wrote down how large the tables are (<code>dblsp baseline</code>)".to_owned(),
    };
    put(&mut out, format_args!("<p class=\"quiet\">{server}; {sizes}.</p>\n"));
    if report.server.is_some() {
        let (agreed, ran) = report.agreement();
        let all = if ran == 1 {
            "1 statement".to_owned()
        } else {
            format!("{ran} statements")
        };
        put(
            &mut out,
            if agreed == ran {
                format!("<p class=\"good\">Prediction and measurement agree on {all}.</p>\n")
            } else {
                format!(
                    "<p class=\"differ\">Prediction and measurement differ on {} of {all}.</p>\n",
                    ran - agreed
                )
            },
        );
    }
    let failed = report
        .rows
        .iter()
        .enumerate()
        .find_map(|(at, row)| Some((at, failed(report, row)?)));
    if let Some((at, (message, place))) = failed {
        let (message, number) = (escaped(&message), at + 1);
        put(
            &mut out,
            format_args!(
                "<p class=\"bad\">Statement <a href=\"#s{number}\">{number}</a> fails on line {}: {message}</p>\n",
                place.line
            ),
        );
    }
    out
}

/// The word of a queue in the style sheet.
fn class(mode: LockMode) -> &'static str {
    match Queue::behind(mode) {
        Queue::Everybody => "everybody",
        Queue::Writes => "writes",
        Queue::Changes => "changes",
        Queue::Nobody => "nobody",
    }
}

fn holds(report: &Report) -> String {
    let noticed = report
        .holds
        .iter()
        .filter(|hold| Queue::behind(hold.mode) > Queue::Nobody);
    let mut rows = String::new();
    for hold in noticed {
        let from = hold.from + 1;
        let until = if hold.from == hold.to {
            String::new()
        } else {
            format!(" to the end of {}", hold.to + 1)
        };
        let time = hold.time().unwrap_or_default();
        put(
            &mut rows,
            format_args!(
                "<tr><td class=\"mono\">{}</td><td class=\"mode {}\">{}</td><td>from <a href=\"#s{from}\">{from}</a>{until}</td>\
             <td class=\"number\">{time}</td><td>{}</td></tr>\n",
                escaped(&name(&hold.relation)),
                class(hold.mode),
                hold.mode,
                Queue::behind(hold.mode).words(),
            ),
        );
    }
    if rows.is_empty() {
        return "<h2>Locks</h2>\n<p>No lock that reads, writes or changes of older tables would wait for.</p>\n"
            .to_owned();
    }
    format!(
        "<h2>Locks</h2>\n<table><thead><tr><th>Table</th><th>Lock</th><th>Held</th><th>Estimate</th><th>Meanwhile</th></tr></thead>\n\
         <tbody>\n{rows}</tbody></table>\n"
    )
}

fn statement(report: &Report, number: usize, row: &Row) -> String {
    let own = &row.statement;
    let time = match own.outcome {
        Outcome::Ran => format!("{:.1} ms", own.duration.as_secs_f64() * 1000.0),
        Outcome::Failed(_) => "<span class=\"bad\">failed</span>".to_owned(),
        Outcome::NotReached if report.server.is_some() => "not reached".to_owned(),
        Outcome::NotReached => String::new(),
    };
    let place = if own.is_alone { "by itself" } else { "in a transaction" };
    let mut out = format!(
        "<article id=\"s{0}\"><header><b>{0}</b><span class=\"quiet\">line {1}, {place}</span>\
         <span class=\"quiet time\">{time}</span></header>\n<pre>{2}</pre>\n<div class=\"body\">\n",
        number + 1,
        row.line,
        escaped(report.sql(row)),
    );
    if let Some((message, place)) = failed(report, row) {
        put(
            &mut out,
            format_args!(
                "<p class=\"bad\">{}, line {}, column {}: {}</p>\n",
                escaped(&report.path),
                place.line,
                place.column,
                escaped(&message)
            ),
        );
    }
    out.push_str(&sides(report, row));
    for words in &own.measured.spared {
        put(
            &mut out,
            format_args!("<p class=\"quiet\">The server says: {}</p>\n", escaped(words)),
        );
    }
    for found in &row.disagreements {
        put(
            &mut out,
            format_args!("<p class=\"differ\">≠ {}</p>\n", escaped(&found.to_string())),
        );
    }
    out.push_str("</div></article>\n");
    out
}

/// Prediction and measurement, side by side.
fn sides(report: &Report, row: &Row) -> String {
    let predicted = side(&row.prediction.cost, row.predicted_price);
    let note = if row.prediction.is_open {
        "<p class=\"quiet\">More may happen that only a server can tell.</p>"
    } else {
        ""
    };
    let (head, measured) = if row.statement.outcome == Outcome::Ran {
        let measured = &row.statement.measured;
        let side = side(&measured.cost(), row.measured_price);
        ("<th>Measured</th>", format!("<td>{side}{}</td>", held(row)))
    } else if report.server.is_some() {
        (
            "<th>Measured</th>",
            "<td class=\"quiet\">It did not run to its end.</td>".to_owned(),
        )
    } else {
        ("", String::new())
    };
    format!(
        "<table><thead><tr><th>Predicted</th>{head}</tr></thead>\n<tbody><tr><td>{predicted}{note}</td>{measured}</tr></tbody></table>\n"
    )
}

/// Locks that were predicted and need not be taken: the transaction holds one as strong.
fn held(row: &Row) -> String {
    let measured = &row.statement.measured;
    let predicted = noticed(&row.prediction.cost).into_iter();
    let held = predicted.filter_map(|(id, mode)| {
        let held = measured.held.get(id).filter(|held| **held >= mode)?;
        let id = escaped(&name(id));
        Some(format!(
            "<p class=\"quiet\">{held} on <span class=\"mono\">{id}</span> is held already</p>"
        ))
    });
    held.collect()
}

fn side(cost: &Cost, price: Option<Price>) -> String {
    let mut lines: Vec<String> = Vec::new();
    for (id, mode) in noticed(cost) {
        lines.push(format!(
            "<span class=\"mode {}\">{mode}</span> on <span class=\"mono\">{}</span>",
            class(mode),
            escaped(&name(id))
        ));
    }
    lines.extend(works(cost).iter().map(|words| escaped(words)));
    lines.extend(
        price
            .filter(|price| !price.is_nothing())
            .map(|price| format!("<b>{price}</b>")),
    );
    if lines.is_empty() {
        return "<span class=\"quiet\">nothing that others notice</span>".to_owned();
    }
    lines.join("<br>\n")
}
