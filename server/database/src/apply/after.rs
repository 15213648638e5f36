//! What follows once a migration is in the database: snapshot, comparison, measures. Repeated where it was interrupted.

use std::collections::BTreeSet;

use analysis::history::Migration;
use serde_json::{Value, json};

use super::{Applied, Applier, ApplyError};
use crate::connection::{Connection, ServerError};
use crate::event::{Event, Moment};
use crate::failpoint::reached;
use crate::history::Row;
use crate::journal::{self, Run, State, Update};

/// Over this the design document wants an alert.
const SLOW_MILLISECONDS: u64 = 30_000;

impl Applier<'_> {
    /// Everything after the COMMIT. What goes wrong here is an alert: the migration is there.
    pub(super) async fn after(
        &mut self,
        migration: &Migration,
        run: i64,
        applied: &mut Applied,
    ) -> Result<(), ApplyError> {
        self.session.reset().await?;
        if let (Some(places), Some(path)) = (&self.request.places, &migration.rollback_path)
            && migration.has_rollback
        {
            let name = path.rsplit('/').next().unwrap_or(path);
            let shown = places.show(&places.rollback.join(name));
            self.tell.tell(Event::Rollback {
                path: shown.clone(),
                scaffolded: false,
            });
            applied.rollback = Some(shown);
        }
        self.tell.tell(Event::Verifying);
        match self.snapshot(migration, run, Moment::After).await {
            Ok(path) => applied.snapshot_after = path,
            Err(error) => applied.alerts.push(format!("no snapshot after the migration: {error}")),
        }
        reached("snapshot-after");
        if applied.milliseconds > SLOW_MILLISECONDS {
            applied
                .alerts
                .push(format!("it took {:.1} s, over 30 s", seconds(applied.milliseconds)));
        }
        let mut metrics = measure(&mut self.session.work).await?;
        metrics["alerts"] = json!(applied.alerts);
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
        self.tell.tell(Event::Complete);
        Ok(())
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
            self.after(migration, run.id, &mut applied).await?;
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
            'tables', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class
                       WHERE relnamespace IN (SELECT oid FROM own) AND relkind IN ('r', 'p')),
            'views', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class
                      WHERE relnamespace IN (SELECT oid FROM own) AND relkind IN ('v', 'm')),
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
