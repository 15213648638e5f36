//! A trace to be shown: statements with their places, what was predicted beside what was measured, how long each lock is
//! held and who waits meanwhile, and what that comes to on tables of a known size.

use std::collections::BTreeSet;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use analysis::schema::cost::{Cost, LockMode};
use analysis::schema::objects::Id;
use analysis::schema::price::{Price, Sizes, price, time};
use analysis::text::LineIndex;

use super::{Disagreement, Measured, Outcome, Prediction, Statement, Trace, disagreements};
use crate::plan::{File, Step};

/// A trace, ready to be shown.
#[derive(Debug, Clone)]
pub struct Report {
    /// Path of the migration.
    pub path: String,
    /// Its text.
    pub text: Arc<str>,
    /// `15.18`; `None` where nothing was measured, because there is no server.
    pub server: Option<String>,
    /// Where the sizes are from, if there are any.
    pub sizes: Option<String>,
    /// In the order of the file.
    pub rows: Vec<Row>,
    /// How long each lock is held, by transaction, the strongest first.
    pub holds: Vec<Hold>,
}

/// A statement of a report.
#[derive(Debug, Clone)]
pub struct Row {
    /// What happened.
    pub statement: Statement,
    /// Line of its first byte, from 1.
    pub line: u32,
    /// What was predicted.
    pub prediction: Prediction,
    /// Where the two differ; empty where it did not run to its end.
    pub disagreements: Vec<Disagreement>,
    /// What the prediction comes to.
    pub predicted_price: Option<Price>,
    /// What the measurement comes to.
    pub measured_price: Option<Price>,
}

/// A lock and how long it is held.
#[derive(Debug, Clone, PartialEq)]
pub struct Hold {
    /// On what.
    pub relation: Id,
    /// The mode.
    pub mode: LockMode,
    /// The statement that takes it, by its place in the report.
    pub from: usize,
    /// The last statement before it is given back.
    pub to: usize,
    /// Estimated seconds until then, the statement that takes it included; `None` where sizes are missing.
    pub seconds: Option<f64>,
    /// Whether it is the most that it can be.
    pub at_most: bool,
}

impl Hold {
    /// How long, in words; `None` where sizes are missing.
    pub fn time(&self) -> Option<String> {
        Some(time(self.seconds?, self.at_most))
    }
}

/// Who waits for whoever holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Queue {
    /// Nobody but who wants the table for himself.
    Nobody,
    /// Other changes of the schema, and vacuum.
    Changes,
    /// INSERT, UPDATE and DELETE.
    Writes,
    /// Everybody, SELECT included.
    Everybody,
}

impl Queue {
    /// Who waits behind a lock.
    pub fn behind(mode: LockMode) -> Self {
        match mode {
            LockMode::AccessShare | LockMode::RowShare | LockMode::RowExclusive => Self::Nobody,
            LockMode::ShareUpdateExclusive => Self::Changes,
            LockMode::Share | LockMode::ShareRowExclusive | LockMode::Exclusive => Self::Writes,
            LockMode::AccessExclusive => Self::Everybody,
        }
    }

    /// In words that follow the lock.
    pub fn words(self) -> &'static str {
        match self {
            Self::Nobody => "reads and writes go on",
            Self::Changes => "reads and writes go on; other changes of it, and vacuum, wait",
            Self::Writes => "reads go on, writes wait",
            Self::Everybody => "reads and writes wait",
        }
    }
}

impl Measured {
    /// The same in the words of a prediction.
    pub fn cost(&self) -> Cost {
        Cost {
            locks: self.locks.clone(),
            scans: self.scans.clone(),
            rewrites: self.rewrites.clone(),
            builds: self.builds.keys().cloned().collect(),
            // The tables are empty: how many rows are met, nobody can measure.
            writes: BTreeSet::new(),
            unsure: BTreeSet::new(),
        }
    }
}

impl Report {
    /// Puts together what was predicted and what was measured.
    pub fn new(file: &File, trace: Option<Trace>, predictions: Vec<Prediction>, sizes: &Sizes) -> Self {
        let lines = LineIndex::new(&file.text);
        let row = |(statement, prediction): (Statement, Prediction)| {
            let has_run = statement.outcome == Outcome::Ran;
            Row {
                line: lines.line_column(&file.text, statement.span.start).line,
                disagreements: if has_run {
                    disagreements(&prediction, &statement.measured)
                } else {
                    Vec::new()
                },
                predicted_price: price(&prediction.cost, sizes),
                measured_price: price(
                    &Cost {
                        writes: prediction.cost.writes.clone(),
                        ..statement.measured.cost()
                    },
                    sizes,
                ),
                prediction,
                statement,
            }
        };
        let version = |trace: &Trace| format!("{}.{}", trace.server / 10_000, trace.server % 10_000);
        let server = trace.as_ref().map(version);
        let statements = trace.map_or_else(|| unmeasured(file), |trace| trace.statements);
        let rows: Vec<Row> = iter::zip(statements, predictions).map(row).collect();
        Self {
            path: file.path.clone(),
            text: Arc::clone(&file.text),
            sizes: (!sizes.is_empty()).then(|| sizes.source.clone()),
            holds: holds(&rows, sizes, server.is_some()),
            server,
            rows,
        }
    }

    /// The statement that the server refused.
    pub fn failure(&self) -> Option<&Row> {
        self.rows
            .iter()
            .find(|row| matches!(row.statement.outcome, Outcome::Failed(_)))
    }

    /// The words of a statement.
    pub fn sql(&self, row: &Row) -> &str {
        row.statement.span.slice(&self.text)
    }

    /// A statement on one line.
    pub fn one_line(&self, row: &Row) -> String {
        let words: Vec<&str> = self.sql(row).split_whitespace().collect();
        words.join(" ")
    }

    /// How many statements ran and did what was predicted, and how many ran.
    pub fn agreement(&self) -> (usize, usize) {
        let ran = self.rows.iter().filter(|row| row.statement.outcome == Outcome::Ran);
        let agreed = ran.clone().filter(|row| row.disagreements.is_empty());
        (agreed.count(), ran.count())
    }
}

/// Statements that nobody ran.
pub(super) fn unmeasured(file: &File) -> Vec<Statement> {
    let steps = file.steps.iter().enumerate();
    let statements = steps.flat_map(|(number, step)| step.statements().iter().map(move |own| (number, step, own)));
    let statement = |(number, step, own): (usize, &Step, &crate::plan::Statement)| Statement {
        span: own.span,
        transaction: number,
        is_alone: matches!(step, Step::Alone { .. }),
        outcome: Outcome::NotReached,
        duration: Duration::ZERO,
        measured: Measured::default(),
    };
    statements.map(statement).collect()
}

/// Every lock that others notice, from the statement that takes it to the end of its transaction.
fn holds(rows: &[Row], sizes: &Sizes, is_measured: bool) -> Vec<Hold> {
    let side = |row: &Row| {
        if is_measured {
            row.measured_price
        } else {
            row.predicted_price
        }
    };
    let mut found: Vec<Hold> = Vec::new();
    for (from, row) in rows.iter().enumerate() {
        let transaction = row.statement.transaction;
        let together = rows.iter().enumerate().skip(from);
        let together = together.take_while(|(_, other)| other.statement.transaction == transaction);
        let to = together.clone().last().map_or(from, |(at, _)| at);
        let together = together.filter_map(|(_, row)| side(row)).reduce(Price::and);
        let Price { seconds, at_most, .. } = together.unwrap_or_default();
        let locks = if is_measured {
            &row.statement.measured.locks
        } else {
            &row.prediction.cost.locks
        };
        for (id, mode) in locks.iter().filter(|(_, mode)| **mode > LockMode::AccessShare) {
            found.push(Hold {
                relation: id.clone(),
                mode: *mode,
                from,
                to,
                seconds: (!sizes.is_empty()).then_some(seconds),
                at_most,
            });
        }
    }
    found.sort_by(|a, b| {
        let order = |hold: &Hold| {
            (
                rows[hold.from].statement.transaction,
                std::cmp::Reverse(hold.mode),
                hold.from,
            )
        };
        order(a).cmp(&order(b)).then_with(|| a.relation.cmp(&b.relation))
    });
    found
}

#[cfg(test)]
mod tests {
    use analysis::text::Span;

    use super::*;

    fn row(transaction: usize, seconds: f64, locks: &[(&str, LockMode)]) -> Row {
        let locks = locks.iter().map(|(name, mode)| (Id::new("public", name), *mode));
        let measured = Measured {
            locks: locks.collect(),
            ..Measured::default()
        };
        Row {
            statement: Statement {
                span: Span::default(),
                transaction,
                is_alone: false,
                outcome: Outcome::Ran,
                duration: Duration::ZERO,
                measured,
            },
            line: 1,
            prediction: Prediction::default(),
            disagreements: Vec::new(),
            predicted_price: None,
            measured_price: Some(Price {
                seconds,
                ..Price::default()
            }),
        }
    }

    #[test]
    fn a_lock_is_held_until_its_transaction_ends() {
        let rows = [
            row(0, 1.0, &[("a", LockMode::Share)]),
            row(
                0,
                4.0,
                &[("b", LockMode::AccessExclusive), ("c", LockMode::AccessShare)],
            ),
            row(1, 9.0, &[("a", LockMode::ShareUpdateExclusive)]),
        ];
        let sizes = Sizes {
            source: String::new(),
            tables: [("public.a".to_owned(), analysis::schema::price::Size::default())].into(),
        };
        let told: Vec<(String, usize, usize, Option<f64>)> = holds(&rows, &sizes, true)
            .into_iter()
            .map(|hold| {
                (
                    format!("{} {}", hold.mode, hold.relation.name),
                    hold.from,
                    hold.to,
                    hold.seconds,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("ACCESS EXCLUSIVE b".to_owned(), 1, 1, Some(4.0)),
                ("SHARE a".to_owned(), 0, 1, Some(5.0)),
                ("SHARE UPDATE EXCLUSIVE a".to_owned(), 2, 2, Some(9.0)),
            ]
        );
    }
}
