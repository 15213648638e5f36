//! What was predicted beside what was measured.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use analysis::Document;
use analysis::history::History;
use analysis::schema::change::Change;
use analysis::schema::cost::{Cost, LockMode, cost};
use analysis::schema::objects::{Certainty, Id};
use analysis::schema::timeline::{Moment, Timeline};
use analysis::settings::Settings;
use analysis::sql::statement::Node;
use analysis::text::Span;

use super::Measured;
use crate::plan::File;

/// What the history says that a statement does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prediction {
    /// Locks, rewrites, scans and index builds of relations that were there before the transaction.
    pub cost: Cost,
    /// Whether only a server can know all that it does: it runs under a condition, or SQL that is put together there.
    pub is_open: bool,
    /// Whether it reads or writes rows: which other tables and sequences that touches depends on the rows.
    pub has_rows: bool,
}

/// Predicts what each statement of a migration does, by its place. `settings.postgres` is the server that is meant.
pub fn predict(
    history: &History,
    documents: &[Document],
    timeline: &Timeline,
    settings: &Settings,
    file: &File,
) -> BTreeMap<Span, Prediction> {
    let mut found: BTreeMap<Span, Prediction> = BTreeMap::new();
    let together: Vec<Span> = file.steps.iter().map(whole).collect();
    timeline.steps(file.number, history, documents, settings, &mut |moment| {
        let span = moment.step.outer.span;
        let mut cost = cost(moment, settings.postgres);
        let step = together
            .iter()
            .find(|step| step.start <= span.start && span.end <= step.end);
        // What the same transaction made is hidden from others, whoever else would apply the file.
        cost.retain(|id| {
            let relation = moment.before.relations.get(id);
            let created = relation.map(|relation| relation.meta.created);
            !created.zip(step).is_some_and(|(created, step)| {
                created.file as usize == file.number && step.start <= created.span.start && created.span.end <= step.end
            })
        });
        let prediction = found.entry(span).or_default();
        prediction.cost.merge(cost);
        prediction.is_open |= is_open(moment);
        prediction.has_rows |= has_rows(&moment.step.statement.node);
    });
    found
}

fn whole(step: &crate::plan::Step) -> Span {
    let statements = step.statements();
    let start = statements.first().map_or(0, |statement| statement.span.start);
    let end = statements.last().map_or(start, |statement| statement.span.end);
    Span { start, end }
}

fn has_rows(node: &Node) -> bool {
    matches!(
        node,
        Node::Query(_)
            | Node::Insert(_)
            | Node::Update(_)
            | Node::Delete(_)
            | Node::Merge(_)
            | Node::Copy(_)
            | Node::Call { .. }
            | Node::Do { .. }
    )
}

fn is_open(moment: &Moment<'_>) -> bool {
    let step = moment.step;
    let is_taint = |change: &Change| matches!(change, Change::Taint(_));
    !step.conditions.is_empty() || step.certainty != Certainty::Certain || step.changes.iter().any(is_taint)
}

/// What two sides do not agree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aspect {
    /// The strongest lock.
    Lock,
    /// Whether all rows are written anew.
    Rewrite,
    /// Whether all rows are read.
    Scan,
    /// Whether an index is built.
    Build,
}

/// Something that was predicted and did not happen, or the other way round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// Where.
    pub relation: Id,
    /// On what.
    pub aspect: Aspect,
    /// The lock that was predicted.
    pub predicted: Option<LockMode>,
    /// The lock that was taken.
    pub measured: Option<LockMode>,
    /// Of the other aspects, whether it happened.
    pub happened: bool,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = &self.relation;
        let mode = |mode: Option<LockMode>| mode.map_or("no lock", LockMode::words);
        let what = match self.aspect {
            Aspect::Lock => {
                let (predicted, measured) = (mode(self.predicted), mode(self.measured));
                return write!(f, "{id}: {predicted} was predicted, {measured} was taken");
            }
            Aspect::Rewrite => "a rewrite",
            Aspect::Scan => "a scan",
            Aspect::Build => "an index build",
        };
        if self.happened {
            write!(f, "{id}: {what} happened and was not predicted")
        } else {
            write!(f, "{id}: {what} was predicted and did not happen")
        }
    }
}

/// Where prediction and measurement differ. What the prediction leaves open is no disagreement, and neither are ACCESS
/// SHARE, the locks on indexes, reads of queries, and the weak locks that depend on the rows that are found: it does not
/// speak of them.
pub fn disagreements(prediction: &Prediction, measured: &Measured) -> Vec<Disagreement> {
    let cost = &prediction.cost;
    let mut found = locks(prediction, measured);
    let is_sure = |id: &&Id| !cost.unsure.contains(*id);
    let builds: BTreeSet<Id> = measured.builds.keys().cloned().collect();
    let aspects = [
        (Aspect::Rewrite, &cost.rewrites, &measured.rewrites),
        (Aspect::Scan, &cost.scans, &measured.scans),
        (Aspect::Build, &cost.builds, &builds),
    ];
    for (aspect, predicted, happened) in aspects {
        let different = predicted.symmetric_difference(happened).filter(is_sure);
        found.extend(different.map(|id| Disagreement {
            relation: id.clone(),
            aspect,
            predicted: None,
            measured: None,
            happened: happened.contains(id),
        }));
    }
    found
}

fn locks(prediction: &Prediction, measured: &Measured) -> Vec<Disagreement> {
    let cost = &prediction.cost;
    let all: BTreeSet<&Id> = cost.locks.keys().chain(measured.locks.keys()).collect();
    let is_told = |mode: &LockMode| *mode > LockMode::AccessShare;
    let lock = |id: &Id| {
        let held = measured.held.get(id).copied().filter(is_told);
        let predicted = cost.locks.get(id).copied().max(held);
        let taken = measured.locks.get(id).copied().filter(is_told).max(held);
        let is_by_rows = prediction.has_rows && taken <= Some(LockMode::RowExclusive) && !cost.locks.contains_key(id);
        if is_by_rows {
            return None;
        }
        (predicted != taken).then(|| Disagreement {
            relation: id.clone(),
            aspect: Aspect::Lock,
            predicted: cost.locks.get(id).copied(),
            measured: taken,
            happened: taken.is_some(),
        })
    };
    all.into_iter().filter_map(lock).collect()
}
