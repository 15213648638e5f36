//! What is traced: a migration after those before it, a rollback after its migration, or a draft after all of them.

use analysis::history::{History, Migration};
use analysis::settings::Settings;
use tokio_util::sync::CancellationToken;

use super::{Limits, Prediction, Report, TraceError, predict, trace};
use crate::plan::{self, File, Step};
use crate::replayed::{Replayed, ReplayedError};
use crate::shadow::{Log, Options, ShadowError};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// No server, or one that does not take what comes before.
    #[error(transparent)]
    Replayed(#[from] ReplayedError),
    /// The file itself.
    #[error(transparent)]
    Trace(#[from] TraceError),
}

impl ReportError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Replayed(ReplayedError::Migration { .. }) => "mend that migration first; it comes before this one",
            Self::Replayed(error) => error.hint(),
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

/// Traces the last migration of a history. Where this machine has no PostgreSQL, the report holds what is predicted.
pub async fn report(
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
        log: Log::Debug,
        ..Options::default()
    };
    let last = &history.migrations[file.number].path;
    let replayed = Replayed::start(options, history, |migration| migration.path != *last);
    let replayed = tokio::select! {
        replayed = replayed => replayed,
        () = cancel.cancelled() => return Err(TraceError::Cancelled.into()),
    };
    let replayed = match replayed {
        Ok(replayed) => Some(replayed),
        Err(ReplayedError::Shadow(ShadowError::NotInstalled)) => None,
        Err(error) => return Err(error.into()),
    };
    // What is predicted is what that server would do.
    let major = replayed
        .as_ref()
        .and_then(|replayed| u16::try_from(replayed.major()).ok());
    let settings = Settings {
        postgres: major.unwrap_or(settings.postgres),
        ..settings.clone()
    };
    let (documents, timeline) = project::replay(history, &settings);
    let predictions = predict(history, &documents, &timeline, &settings, &file);
    let trace = match &replayed {
        Some(replayed) => Some(trace(replayed.database(), &file, &predictions, limits, cancel).await?),
        None => None,
    };
    let places = file.steps.iter().flat_map(Step::statements);
    let known: Vec<Prediction> = places
        .map(|statement| predictions.get(&statement.span).cloned().unwrap_or_default())
        .collect();
    Ok(Report::new(&file, trace, known, &settings.sizes))
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
