//! What follows once a migration is in the database: snapshot, comparison, measures. Repeated where it was interrupted.

use std::collections::BTreeSet;

use analysis::history::Migration;
use project::page;
use serde_json::{Value, json};

use super::{Applied, Applier, ApplyError, Judged};
use crate::connection::{Connection, ServerError};
use crate::event::{Event, Moment};
use crate::failpoint::reached;
use crate::history::Row;
use crate::journal::{self, Run, State, Update};
use crate::smoke;
use crate::snapshot::write_whole;
use crate::written_up;

/// Over this the design document wants an alert.
const SLOW_MILLISECONDS: u64 = 30_000;

impl Applier<'_> {
    /// Everything after the COMMIT. What goes wrong here is an alert: the migration is there.
    pub(super) async fn after(
        &mut self,
        migration: &Migration,
        run: i64,
        judged: Option<(usize, &Judged)>,
        applied: &mut Applied,
    ) -> Result<(), ApplyError> {
        self.session.reset().await?;
        if let Some((path, scaffolded)) = self.rollback(migration, judged) {
            self.tell.tell(Event::Rollback {
                path: path.clone(),
                scaffolded,
            });
            applied.rollback = Some(path);
        }
        self.tell.tell(Event::Verifying);
        match self.snapshot(migration, run, Moment::After).await {
            Ok((live, path)) => {
                applied.snapshot_after = path;
                if let Some((number, judged)) = judged {
                    applied.alerts.extend(judged.unexpected(number, &live));
                }
            }
            Err(error) => applied.alerts.push(format!("no snapshot after the migration: {error}")),
        }
        reached("snapshot-after");
        self.smoke(migration, applied).await?;
        if applied.milliseconds > SLOW_MILLISECONDS {
            applied
                .alerts
                .push(format!("it took {:.1} s, over 30 s", seconds(applied.milliseconds)));
        }
        let mut metrics = measure(&mut self.session.work).await?;
        metrics["alerts"] = json!(applied.alerts);
        if let Some(passed) = applied.smoke_test {
            metrics["smoke_test"] = passed.into();
        }
        for text in &applied.alerts {
            self.tell.tell(Event::Alert { text: text.clone() });
        }
        let update = Update {
            state: Some(State::Finished),
            metrics: Some(metrics),
            ..Update::default()
        };
        self.session.work.execute(&journal::update(run, &update)).await?;
        reached("finished");
        self.page(migration, judged, applied);
        self.tell.tell(Event::Complete);
        Ok(())
    }

    /// The script that undoes the migration, written now where there is none, and whether it was.
    fn rollback(&self, migration: &Migration, judged: Option<(usize, &Judged)>) -> Option<(String, bool)> {
        let places = self.request.places.as_ref()?;
        let path = migration.rollback_path.as_ref()?;
        if migration.undoes_itself() {
            return Some((path.clone(), false));
        }
        let name = path.rsplit('/').next()?.to_owned();
        let path = places.rollback.join(name);
        if migration.has_rollback || path.exists() {
            return Some((places.show(&path), false));
        }
        let (number, judged) = judged?;
        std::fs::create_dir_all(&places.rollback).ok()?;
        if let Err(error) = write_whole(&path, judged.rollback(number).as_bytes()) {
            self.tell.tell(Event::Alert {
                text: format!("`{}` was not written: {error}", path.display()),
            });
            return None;
        }
        Some((places.show(&path), true))
    }

    /// Runs the smoke tests of the migration's version, once all of that is there.
    async fn smoke(&mut self, migration: &Migration, applied: &mut Applied) -> Result<(), ApplyError> {
        let Some(release) = migration.release() else {
            return Ok(());
        };
        let tests = smoke::of_version(self.request.history, release);
        let tests: Vec<(&str, &str)> = tests
            .iter()
            .filter(|test| test.path.ends_with("_smoke_test.sql"))
            .map(|test| (test.path.as_str(), &*test.text))
            .collect();
        if tests.is_empty() || !self.is_whole(migration).await? {
            return Ok(());
        }
        let report = smoke::run(&mut self.session.work, &tests).await?;
        self.session.reset().await?;
        applied.smoke_test = Some(report.passed());
        for file in &report.files {
            for failure in &file.failures {
                let line = failure.line.map_or_else(String::new, |line| format!(":{line}"));
                applied.alerts.push(format!("{}{line}: {}", file.path, failure.message));
            }
        }
        Ok(())
    }

    /// Keeps `MIGRATIONS.md` up. The migration is there whether that succeeds or not.
    fn page(&self, migration: &Migration, judged: Option<(usize, &Judged)>, applied: &mut Applied) {
        let Some(path) = self.request.places.as_ref().and_then(|places| places.page.as_ref()) else {
            return;
        };
        let entry = page::Entry {
            snapshot: applied.snapshot_before.clone(),
            rollback: applied.rollback.clone(),
            changes: judged
                .map(|(number, judged)| judged.changes(number))
                .unwrap_or_default(),
            tested: applied.smoke_test.map(|passed| page::Tested {
                passed,
                words: if passed {
                    "smoke_test passed"
                } else {
                    "smoke_test failed"
                }
                .to_owned(),
            }),
            issues: applied.alerts.clone(),
            deployed_by: self.request.who.clone(),
            milliseconds: Some(applied.milliseconds),
            ..written_up::entry(
                migration,
                &self.request.target.name,
                page::Event::Applied,
                self.request.now,
            )
        };
        let written = written_up::write(path, &entry);
        if let Err(error) = written {
            let text = format!("`{}` was not written: {error}", path.display());
            self.tell.tell(Event::Alert { text: text.clone() });
            applied.alerts.push(text);
        }
    }

    /// Does for migrations whose apply was killed after the COMMIT what was left to do.
    pub(super) async fn finish_what_was_applied(
        &mut self,
        rows: &[Row],
        runs: &[Run],
    ) -> Result<Vec<Applied>, ApplyError> {
        let recorded: BTreeSet<&str> = rows.iter().map(|row| row.version.as_str()).collect();
        let mut finished = Vec::new();
        for run in runs.iter().filter(|run| run.state == State::Applied) {
            let migrations = &self.request.history.migrations;
            let migration = migrations.iter().find(|migration| migration.version == run.version);
            let Some(migration) = migration.filter(|_| recorded.contains(run.version.as_str())) else {
                let update = Update {
                    state: Some(State::Finished),
                    ..Update::default()
                };
                self.session.work.execute(&journal::update(run.id, &update)).await?;
                continue;
            };
            self.tell.tell(Event::Migration { file: run.file.clone() });
            self.tell.tell(Event::Note {
                text: "an earlier apply was interrupted after the migration was in the database; doing the rest".into(),
            });
            let mut applied = Applied {
                version: run.version.clone(),
                file: run.file.clone(),
                resumed: true,
                milliseconds: run
                    .duration_ms
                    .and_then(|duration| duration.try_into().ok())
                    .unwrap_or_default(),
                snapshot_before: run.snapshot_before.clone(),
                ..Applied::default()
            };
            self.after(migration, run.id, None, &mut applied).await?;
            finished.push(applied);
        }
        Ok(finished)
    }
}

#[allow(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}

/// What the design document wants to be tracked.
pub(crate) async fn measure(connection: &mut Connection) -> Result<Value, ServerError> {
    let sql = "
        WITH own AS (
            SELECT n.oid FROM pg_catalog.pg_namespace n
            WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'dblsp', 'supabase_migrations')
              AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_namespace'::regclass
                              AND d.objid = n.oid AND d.deptype = 'e')
              -- Schemas that Supabase keeps belong to roles of its own.
              AND pg_catalog.pg_get_userbyid(n.nspowner) !~ '^supabase_'
        )
        SELECT pg_catalog.json_build_object(
            'database_size', pg_catalog.pg_database_size(pg_catalog.current_database()),
            'tables', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c
                       WHERE c.relnamespace IN (SELECT oid FROM own) AND c.relkind IN ('r', 'p')
                         AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                                         WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
                                           AND d.deptype = 'e')),
            'views', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c
                      WHERE c.relnamespace IN (SELECT oid FROM own) AND c.relkind IN ('v', 'm')
                        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                                        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
                                          AND d.deptype = 'e')),
            'policies', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid
                         WHERE c.relnamespace IN (SELECT oid FROM own)),
            'functions', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_proc p
                          WHERE p.pronamespace IN (SELECT oid FROM own)
                            AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                                            WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid
                                              AND d.deptype = 'e')),
            'triggers', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
                         WHERE NOT t.tgisinternal AND c.relnamespace IN (SELECT oid FROM own)))";
    let found = connection.value(sql).await?;
    Ok(found
        .and_then(|json| serde_json::from_str(&json).ok())
        .unwrap_or_else(|| json!({})))
}
