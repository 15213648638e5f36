//! A trace as JSON.

use analysis::schema::cost::Cost;
use analysis::schema::objects::Id;
use analysis::schema::price::Price;
use database::trace::words::failed;
use database::trace::{Aspect, Disagreement, Hold, Outcome, Queue, Report, Row};
use serde_json::{Value, json};

/// All of it. Names are `schema.name`, offsets are bytes of the file.
pub(crate) fn value(report: &Report) -> Value {
    let (agreed, ran) = report.agreement();
    json!({
        "file": report.path,
        "server": report.server,
        "sizes": report.sizes,
        "statements": report.rows.iter().map(|row| statement(report, row)).collect::<Vec<_>>(),
        "locks": report.holds.iter().map(hold).collect::<Vec<_>>(),
        "agreed": agreed,
        "ran": ran,
    })
}

fn statement(report: &Report, row: &Row) -> Value {
    let own = &row.statement;
    let measured = &own.measured;
    let mut side = cost(&measured.cost(), row.measured_price);
    let builds = measured
        .builds
        .iter()
        .map(|(id, indexes)| (id.to_string(), json!(indexes)));
    side["builds"] = Value::Object(builds.collect());
    side["index_locks"] = locks(measured.index_locks.iter().map(|(id, mode)| (id, mode.words())));
    side["queried"] = ids(&measured.queried);
    side["spared"] = json!(measured.spared);
    let has_run = own.outcome == Outcome::Ran;
    json!({
        "span": [own.span.start, own.span.end],
        "line": row.line,
        "sql": report.sql(row),
        "transaction": own.transaction,
        "alone": own.is_alone,
        "outcome": match own.outcome {
            Outcome::Ran => "ran",
            Outcome::Failed(_) => "failed",
            Outcome::NotReached => "not_reached",
        },
        "error": error(report, row),
        "milliseconds": u64::try_from(own.duration.as_millis()).ok().filter(|_| has_run),
        "predicted": cost(&row.prediction.cost, row.predicted_price),
        "measured": has_run.then_some(side),
        "disagreements": row.disagreements.iter().map(disagreement).collect::<Vec<_>>(),
    })
}

fn error(report: &Report, row: &Row) -> Value {
    let (Outcome::Failed(failure), Some((_, place))) = (&row.statement.outcome, failed(report, row)) else {
        return Value::Null;
    };
    let mut value = json!(failure.error);
    value["byte"] = json!(failure.byte.unwrap_or(row.statement.span.start));
    value["line"] = json!(place.line);
    value["column"] = json!(place.column);
    value["timed_out"] = json!(failure.is_late);
    value["at_commit"] = json!(failure.at_commit);
    value
}

fn cost(cost: &Cost, price: Option<Price>) -> Value {
    json!({
        "locks": locks(cost.locks.iter().map(|(id, mode)| (id, mode.words()))),
        "rewrites": ids(&cost.rewrites),
        "scans": ids(&cost.scans),
        "builds": ids(&cost.builds),
        "unsure": ids(&cost.unsure),
        "estimate": price.map(|price| json!({
            "rows": price.rows,
            "bytes_read": price.read,
            "bytes_written": price.written,
            "seconds": tenths(price.seconds),
            "at_most": price.at_most,
        })),
    })
}

/// Nobody knows more.
fn tenths(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
}

fn locks<'a>(all: impl Iterator<Item = (&'a Id, &'static str)>) -> Value {
    Value::Object(all.map(|(id, mode)| (id.to_string(), mode.into())).collect())
}

fn ids<'a>(all: impl IntoIterator<Item = &'a Id>) -> Value {
    all.into_iter().map(Id::to_string).collect()
}

fn hold(hold: &Hold) -> Value {
    json!({
        "relation": hold.relation.to_string(),
        "mode": hold.mode.words(),
        "from": hold.from + 1,
        "to": hold.to + 1,
        "seconds": hold.seconds.map(tenths),
        "at_most": hold.at_most,
        "waiting": match Queue::behind(hold.mode) {
            Queue::Nobody => "nobody",
            Queue::Changes => "schema changes",
            Queue::Writes => "writes",
            Queue::Everybody => "reads and writes",
        },
    })
}

fn disagreement(found: &Disagreement) -> Value {
    json!({
        "relation": found.relation.to_string(),
        "about": match found.aspect {
            Aspect::Lock => "lock",
            Aspect::Rewrite => "rewrite",
            Aspect::Scan => "scan",
            Aspect::Build => "index build",
        },
        "message": found.to_string(),
    })
}
