//! The files as the analysis sees them: judged, replayed, and what each destroys.

use std::collections::BTreeMap;
use std::sync::Arc;

use analysis::Document;
use analysis::history::History;
use analysis::lint::diagnostic::{Diagnostic, NewFiles};
use analysis::schema::canonical;
use analysis::schema::catalog::Catalog;
use analysis::schema::inverse::inverse;
use analysis::schema::objects::Certainty;
use analysis::schema::summary;
use analysis::schema::timeline::Timeline;
use analysis::settings::{Known, Runner, Settings};

use crate::archive::{self, Losses};
use crate::capture::Capture;
use crate::plan::Plan;

/// A replayed history of which the files of a plan are judged.
pub(crate) struct Judged {
    history: History,
    documents: Vec<Document>,
    timeline: Arc<Timeline>,
    settings: Settings,
    /// What the files destroy, by their place in the history.
    pub(crate) losses: BTreeMap<usize, Losses>,
    /// What was found in them.
    pub(crate) found: Vec<Diagnostic>,
}

/// Rules about which statements another runner would commit together. dblsp cuts files by itself.
const OF_OTHER_RUNNERS: [&str; 2] = ["uncommitted-transaction", "stray-commit"];
/// What the design document wants to be verified.
const VERIFIED: [&str; 5] = ["table", "view", "policy", "function", "trigger"];

impl Judged {
    pub(crate) fn new(history: &History, settings: &Settings, plan: &Plan) -> Self {
        let mut history = history.clone();
        let is_meant = |number: usize| plan.files.iter().any(|file| file.number == number);
        for (number, migration) in history.migrations.iter_mut().enumerate() {
            migration.judged = is_meant(number);
        }
        for companion in &mut history.companions {
            companion.judged = false;
        }
        let mut settings = settings.clone();
        // Every value of an enum that is used is committed before; see `plan`.
        settings.runner = Runner::Psql;
        // What an old file is forgiven, one that is about to run is not.
        settings.known = Known::default();
        let (documents, timeline) = project::replay(&history, &settings);
        let timeline = Arc::new(timeline);
        let mut found = project::check(&history, &documents, &settings, &timeline, NewFiles::Named);
        found.retain(|found| !OF_OTHER_RUNNERS.contains(&found.rule));
        let losses = project::on_deep_stacks(|| {
            let of = |number| archive::losses(&timeline, number, &history, &documents, &settings);
            plan.files.iter().map(|file| (file.number, of(file.number))).collect()
        });
        Self {
            history,
            documents,
            timeline,
            settings,
            losses,
            found,
        }
    }

    /// What a file changes, a line each.
    pub(crate) fn changes(&self, number: usize) -> Vec<String> {
        project::on_deep_stacks(|| {
            summary::of_migration(&self.timeline, number, &self.history, &self.documents, &self.settings)
        })
    }

    /// The script that undoes a file, as far as that can be written; what cannot is a loud `-- TODO` in it.
    pub(crate) fn rollback(&self, number: usize) -> String {
        let migration = &self.history.migrations[number];
        project::on_deep_stacks(|| {
            inverse(&self.timeline, number, &self.history, &self.documents, &self.settings)
                .to_sql(migration.file_name(), &migration.text)
        })
    }

    /// What replay says that a file makes or takes away, and the database does not show. Only what replay is sure of.
    pub(crate) fn unexpected(&self, number: usize, live: &Capture) -> Vec<String> {
        let base = Catalog::base(self.history.base, self.settings.postgres);
        let rows = |catalog: &Catalog| -> BTreeMap<(String, String), bool> {
            let sure = |replayed: canonical::Replayed| {
                let is_sure = replayed.certainty == Certainty::Certain;
                ((replayed.row.class, replayed.row.identity), is_sure)
            };
            let rows = canonical::rows(catalog, &base).into_iter().map(sure);
            rows.filter(|((class, _), _)| VERIFIED.contains(&class.as_str()))
                .collect()
        };
        let before = rows(self.timeline.before(number));
        // The last boundary is the one behind the last file.
        let after = rows(self.timeline.before(number + 1));
        let mut out = Vec::new();
        for (name, is_sure) in &after {
            if *is_sure && !before.contains_key(name) && !live.objects.contains_key(name) {
                out.push(format!("{} {} is missing", name.0, name.1));
            }
        }
        for (name, is_sure) in &before {
            if *is_sure && !after.contains_key(name) && live.objects.contains_key(name) {
                out.push(format!("{} {} is still there", name.0, name.1));
            }
        }
        out
    }
}
