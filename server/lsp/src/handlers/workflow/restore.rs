//! A snapshot in the place of what is there. Its rows are destroyed, so the database's name must be typed.

use std::path::PathBuf;
use std::time::SystemTime;

use database::apply::Limits;
use database::event::Moment;
use database::restore::{self, Prospect, Report, Request, RestoreError, Source};
use serde::{Deserialize, Serialize};

use super::{Shown, Told, Work, stopped};
use crate::jobs::Job;

/// How many objects a question names.
const NAMED: usize = 6;

/// `dblsp/confirm`: asks for a name to be typed before something is destroyed.
enum Confirm {}

impl tower_lsp::ls_types::request::Request for Confirm {
    type Params = Question;
    type Result = Option<String>;
    const METHOD: &'static str = "dblsp/confirm";
}

#[derive(Debug, Deserialize, Serialize)]
struct Question {
    message: String,
    expected: String,
}

impl Work {
    pub(super) async fn restore(&self, job: &Job) -> Result<Told, Told> {
        self.is_saved()?;
        let path = self.snapshot_to_restore()?;
        let shown = self.linked.places().show(&path);
        let root = &self.linked.opened.root.folder;
        if !self.shared.session().options.confirm {
            return Err(Told::warning(format!(
                "This editor cannot ask for the name of a database to be typed, so it restores none: run `dblsp restore \
                 {} --environment {}` in a terminal.",
                path.strip_prefix(root).unwrap_or(&path).display(),
                self.target.name
            )));
        }
        let refused = |error: RestoreError| Told::error(&error, error.hint());
        if self.target.protected && !self.target.restore {
            return Err(refused(RestoreError::Protected(self.target.to_string())));
        }
        let text = std::fs::read_to_string(&path)
            .map_err(|error| Told::error(format!("`{shown}`: {error}"), "take a snapshot first"))?;
        let source = Source::read(&shown, text).map_err(refused)?;
        let backup = restore::backup_path(root, &self.target.name, SystemTime::now())
            .map_err(|error| Told::error(error, "see that the project's folder is writable"))?;
        let address = self.address()?;
        let mut request = Request {
            target: &self.target,
            address,
            source: &source,
            history: &self.linked.history,
            last: None,
            typed: String::new(),
            backup,
            tools: database::tools::folders(),
            accept_differences: false,
            who: database::person::who(),
            confirmations: Vec::new(),
            page: self.linked.places().page,
            patience: Limits::default().patience,
            lock_timeout: Limits::default().lock_timeout,
        };
        let prospect = restore::look(&request).await.map_err(refused)?;
        let question = Question {
            message: self.question(&shown, &prospect),
            expected: address.database.clone(),
        };
        let typed = self.shared.client.send_request::<Confirm>(question).await;
        request.typed = typed.ok().flatten().ok_or_else(stopped)?;
        if request.typed != address.database {
            return Err(stopped());
        }
        request.confirmations = self.confirmations().await?;
        let done = restore::restore(&request, &Shown(job.doing())).await;
        done.map(|report| self.restored(&report)).map_err(refused)
    }

    /// The file if it is a snapshot, else the snapshot from before the migration.
    fn snapshot_to_restore(&self) -> Result<PathBuf, Told> {
        let places = self.linked.places();
        let own = self
            .path
            .as_ref()
            .filter(|path| path.starts_with(&places.schemas) && path.is_file());
        match own {
            Some(path) => Ok(path.clone()),
            None => Ok(places.snapshot(self.migration()?, Moment::Before)),
        }
    }

    fn question(&self, shown: &str, prospect: &Prospect) -> String {
        let rows = prospect.rows();
        let mut gone = prospect.gone.clone();
        gone.extend(prospect.elsewhere.iter().cloned());
        let more = gone.len().saturating_sub(NAMED);
        gone.truncate(NAMED);
        if more > 0 {
            gone.push(format!("{more} more"));
        }
        let gone = if gone.is_empty() {
            String::new()
        } else {
            format!(", and: {}", gone.join(", "))
        };
        format!(
            "Restoring `{shown}` destroys on {} {rows} rows in {} tables{gone}. A full dump is taken first.",
            self.target,
            prospect.tables.len()
        )
    }

    fn restored(&self, report: &Report) -> Told {
        let mut words = format!(
            "Restored `{}` on {}; what there was is in `{}`.",
            report.snapshot, report.target, report.backup
        );
        if !report.undone.is_empty() {
            words.push_str(&format!(" Not applied any more: {}.", report.undone.join(", ")));
        }
        if let Some(why) = &report.unverified {
            words.push_str(&format!(" It was not verified before the commit: {why}."));
        }
        if report.differences.is_empty() && report.unverified.is_none() {
            Told::info(words)
        } else {
            Told::warning(format!("{words} {}", report.differences.join("; ")))
        }
    }
}
