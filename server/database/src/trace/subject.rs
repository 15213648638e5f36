//! What is traced: a migration after those before it, a rollback after its migration, or a draft after all of them.

use std::collections::BTreeMap;
use std::path::Path;

use analysis::history::{History, Migration};
use analysis::settings::Settings;
use analysis::text::Span;
use tokio_util::sync::CancellationToken;

use super::{Limits, Prediction, Report, Trace, TraceError, predict, trace};
use crate::cluster::TALKATIVE;
use crate::connection::identifier;
use crate::discover::Binaries;
use crate::plan::{self, File, Step};
use crate::prove::site::Site;
use crate::prove::watch::Watch;
use crate::prove::{self, Keys, ProveError};
use crate::shadow::{Options, ShadowError, blocking};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// What comes before cannot be applied.
    #[error("{0}")]
    Before(String),
    /// No server.
    #[error(transparent)]
    Server(#[from] ProveError),
    /// The file itself.
    #[error(transparent)]
    Trace(#[from] TraceError),
}

impl ReportError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Before(_) => "mend that migration first; it comes before this one",
            Self::Server(error) => error.hint(),
            Self::Trace(error) => error.hint(),
        }
    }
}

/// The history that ends with a file: `path` as the history writes it, `text` where the history has no such file.
pub fn ending_with(history: &History, path: &str, text: &str) -> History {
    let mut cut = history.clone();
    let own = history.migrations.iter().position(|migration| migration.path == path);
    let undone = || {
        let undoes = |migration: &Migration| migration.rollback_path.as_deref() == Some(path);
        history.migrations.iter().position(undoes)
    };
    match (own, undone()) {
        (Some(number), _) => cut.migrations.truncate(number + 1),
        (None, Some(number)) => {
            cut.migrations.truncate(number + 1);
            cut.migrations.push(Migration::new(path, text));
        }
        (None, None) => cut.migrations.push(Migration::new(path, text)),
    }
    // What is on hold is not there yet, unless it is what is meant, or what is undone.
    let kept = cut.migrations.len() - usize::from(own.is_none() && undone().is_some()) - 1;
    let mut number = 0;
    cut.migrations.retain(|migration| {
        number += 1;
        number > kept || !migration.is_held()
    });
    cut
}

/// The last file of a history, cut into what commits together.
fn last(history: &History) -> Result<File, TraceError> {
    let only = History {
        migrations: history.migrations.last().cloned().into_iter().collect(),
        ..History::default()
    };
    let options = plan::Options {
        release: true,
        segments: true,
        ..plan::Options::default()
    };
    let files = plan::plan(&only, &[], &[], &options).map(|plan| plan.files);
    let mut file = files.unwrap_or_default().pop().ok_or(TraceError::Empty)?;
    if file.steps.is_empty() && file.refusals.is_empty() {
        return Err(TraceError::Empty);
    }
    file.number = history.migrations.len() - 1;
    Ok(file)
}

/// Traces the last migration of a history, on the server that the project in `workspace` keeps. Where this machine has no
/// PostgreSQL, the report holds what is predicted.
pub async fn report(
    workspace: &Path,
    history: &History,
    settings: &Settings,
    limits: Limits,
    cancel: &CancellationToken,
) -> Result<Report, ReportError> {
    let file = last(history)?;
    if let Some(refusal) = file.refusals.first() {
        return Err(refusal_of(refusal).into());
    }
    let options = Options {
        major: Some(settings.postgres.into()),
        ..Options::default()
    };
    let wanted = options.clone();
    let binaries = match blocking(move || wanted.find()).await {
        Ok(found) => Some(found),
        Err(ShadowError::NotInstalled) => None,
        Err(error) => return Err(ProveError::from(error).into()),
    };
    // What is predicted is what that server would do.
    let major = binaries.as_ref().and_then(|found| u16::try_from(found.major).ok());
    let keys = Keys::new(history, settings);
    let settings = Settings {
        postgres: major.unwrap_or(settings.postgres),
        ..settings.clone()
    };
    let (documents, timeline) = project::replay(history, &settings);
    let subject = Subject {
        predictions: predict(history, &documents, &timeline, &settings, &file),
        history,
        file: &file,
        limits,
        cancel,
    };
    let trace = match binaries {
        Some(binaries) => match subject.traced((&options, binaries), workspace, &keys).await {
            Err(ReportError::Server(ProveError::Cancelled)) => return Err(TraceError::Cancelled.into()),
            traced => Some(traced?),
        },
        None => None,
    };
    let places = file.steps.iter().flat_map(Step::statements);
    let known: Vec<Prediction> = places
        .map(|statement| subject.predictions.get(&statement.span).cloned().unwrap_or_default())
        .collect();
    Ok(Report::new(&file, trace, known, &settings.sizes))
}

/// A file, what comes before it, and what is expected of it.
struct Subject<'a> {
    history: &'a History,
    file: &'a File,
    predictions: BTreeMap<Span, Prediction>,
    limits: Limits,
    cancel: &'a CancellationToken,
}

impl Subject<'_> {
    async fn traced(&self, server: (&Options, Binaries), workspace: &Path, keys: &Keys) -> Result<Trace, ReportError> {
        let mut site = Site::open(server, workspace, self.history, keys, self.cancel).await?;
        let watch = Watch::new(prove::Limits::default(), self.cancel);
        let number = self.file.number;
        let known = match site.make(number, &watch, &|_| {}).await? {
            Ok(known) => known,
            Err(unfit) => return Err(ReportError::Before(unfit.reason)),
        };
        let traced = self.run(&mut site).await;
        site.clear(&known).await?;
        let is_held = traced.as_ref().is_ok_and(|trace| {
            let failure = trace.failure();
            failure.is_some_and(|(_, failure)| failure.error.is_held_by_another_database())
        });
        if !is_held {
            return traced;
        }
        if let Err(unfit) = site.make_alone(number, &watch, &|_| {}).await? {
            return Err(ReportError::Before(unfit.reason));
        }
        let traced = self.run(&mut site).await;
        site.renew().await?;
        traced
    }

    async fn run(&self, site: &mut Site<'_>) -> Result<Trace, ReportError> {
        let database = site.database();
        // Sessions that begin from now on tell what they do. The role that migrations run as may not take that back.
        let talk = format!(
            "ALTER DATABASE {} SET log_min_messages = {TALKATIVE}",
            identifier(database.name())
        );
        let told = site.lease.maintenance.execute(&talk).await;
        told.map_err(TraceError::Server)?;
        let traced = trace(&database, self.file, &self.predictions, self.limits, self.cancel);
        Ok(traced.await?)
    }
}

fn refusal_of(refusal: &plan::Refusal) -> TraceError {
    TraceError::Refused {
        span: refusal.span,
        why: refusal.why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> History {
        let mut first = Migration::new("m/1_a.sql", "create table a ();");
        first.rollback_path = Some("r/1.sql".into());
        let mut third = Migration::new("m/3_c.sql", "-- dblsp: hold (later)\ncreate table c ();");
        third.rollback_path = Some("r/3.sql".into());
        let second = Migration::new("m/2_b.sql", "-- dblsp: hold (later)\ncreate table b ();");
        History {
            migrations: vec![first, second, third, Migration::new("m/4_d.sql", "select 1;")],
            complete: true,
            ..History::default()
        }
    }

    fn paths(path: &str) -> Vec<String> {
        let cut = ending_with(&history(), path, "select 2;");
        cut.migrations.into_iter().map(|migration| migration.path).collect()
    }

    #[test]
    fn a_migration_comes_after_those_before_it_that_are_not_on_hold() {
        assert_eq!(paths("m/4_d.sql"), ["m/1_a.sql", "m/4_d.sql"]);
        assert_eq!(paths("m/3_c.sql"), ["m/1_a.sql", "m/3_c.sql"]);
        assert_eq!(paths("m/1_a.sql"), ["m/1_a.sql"]);
    }

    #[test]
    fn a_rollback_comes_after_its_migration_and_a_draft_after_all() {
        assert_eq!(paths("r/1.sql"), ["m/1_a.sql", "r/1.sql"]);
        assert_eq!(paths("r/3.sql"), ["m/1_a.sql", "m/3_c.sql", "r/3.sql"]);
        assert_eq!(paths("draft.sql"), ["m/1_a.sql", "m/4_d.sql", "draft.sql"]);
    }
}
