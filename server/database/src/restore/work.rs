//! The work itself: everything that happens between the lock and its release.

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime};

use project::page::Event as PageEvent;
use serde_json::{Value, json};

use super::clear::{self, Scope};
use super::{Prospect, Report, Request, RestoreError, Source, prospect, record};
use crate::capture::{Capture, Difference, compare};
use crate::connection::{Connection, literal};
use crate::drift::may_be_the_project_s;
use crate::event::{Event, Moment, Tell};
use crate::failpoint::reached;
use crate::history::{self, Row};
use crate::journal::{self, NewRun, Run, State, Update, Verb};
use crate::plan;
use crate::snapshot::{self, Client, Libpq, entries_of};
use crate::text::copy_data;
use crate::written_up;

pub(super) struct Work<'a> {
    request: &'a Request<'a>,
    pub(super) connection: Connection,
    tell: &'a dyn Tell,
    application: String,
    scope: Scope,
    client: Client,
    libpq: Libpq,
}

/// What is known before anything is touched.
struct Job {
    /// A snapshot of now.
    live: String,
    rows: Vec<Row>,
    /// The newest migration that the snapshot holds, or the one that it was taken before.
    version: String,
    /// What the history says afterwards.
    wanted: BTreeSet<String>,
    /// What there was when the snapshot was taken.
    kept: Result<Capture, &'static str>,
}

impl Job {
    fn undone(&self) -> Vec<String> {
        let there = self.rows.iter().map(|row| row.version.clone());
        there.filter(|version| !self.wanted.contains(version)).collect()
    }

    fn redone(&self) -> Vec<String> {
        let is_new = |version: &&String| !self.rows.iter().any(|row| row.version == **version);
        self.wanted.iter().filter(is_new).cloned().collect()
    }
}

impl<'a> Work<'a> {
    pub(super) async fn open(
        request: &'a Request<'a>,
        application: &str,
        tell: &'a dyn Tell,
    ) -> Result<Self, RestoreError> {
        let mut connection = Connection::connect(request.address, application).await?;
        let client = Client::discover(connection.server_major(), &request.tools)?;
        let on_supabase = snapshot::is_supabase(&mut connection).await?;
        // Names are shown and compared in full.
        connection.execute("SET search_path = ''").await?;
        Ok(Self {
            request,
            connection,
            tell,
            application: application.to_owned(),
            scope: Scope { on_supabase },
            client,
            libpq: Libpq::new(request.address).map_err(|error| RestoreError::Backup(error.into()))?,
        })
    }

    pub(super) async fn look(&mut self) -> Result<Prospect, RestoreError> {
        let job = self.prepare().await?;
        let (gone, changed, back) = prospect::compare(self.request.source, &entries_of(dumped(&job.live)));
        Ok(Prospect {
            tables: prospect::tables(&mut self.connection, &self.scope).await?,
            elsewhere: prospect::elsewhere(&mut self.connection, &self.scope).await?,
            gone,
            changed,
            back,
            undone: job.undone(),
            redone: job.redone(),
        })
    }

    async fn prepare(&mut self) -> Result<Job, RestoreError> {
        let rows = history::read(&mut self.connection).await?;
        let runs = journal::runs(&mut self.connection).await?;
        let (version, moment) = self.side(&rows)?;
        let owner = match self.request.last {
            Some(_) => None,
            None => record::owner(&runs, &self.request.source.path, moment),
        };
        let wanted = record::versions(&rows, &runs, &version, moment, owner);
        for version in &wanted {
            let is_there = rows.iter().any(|row| row.version == *version);
            let mut files = self.request.history.migrations.iter();
            if !is_there && !files.any(|file| file.version == *version) {
                return Err(RestoreError::NoFile {
                    path: self.request.source.path.clone(),
                    version: version.clone(),
                });
            }
        }
        let kept = match owner {
            None => Err("nobody kept what there was when the snapshot was taken"),
            Some(owner) => match journal::catalog(&mut self.connection, owner.id, moment).await? {
                None => Err("what there was when the snapshot was taken was not kept"),
                Some(kept) if kept.server_major != self.connection.server_major() => {
                    Err("the snapshot was taken from another major version of the server")
                }
                Some(kept) => Ok(kept),
            },
        };
        let client = Ok(self.client.clone());
        let taken = snapshot::take(&mut self.connection, &self.libpq, &client).await;
        Ok(Job {
            live: taken.map_err(RestoreError::Backup)?.text,
            rows,
            version,
            wanted,
            kept,
        })
    }

    /// Which migration the snapshot was taken at, and on which side of it.
    fn side(&self, rows: &[Row]) -> Result<(String, Moment), RestoreError> {
        let known = |version: &str| {
            let mut files = self.request.history.migrations.iter();
            files.any(|file| file.version == version) || rows.iter().any(|row| row.version == version)
        };
        let given = self.request.last.clone().map(|version| (version, Moment::After));
        let side = given.or_else(|| self.request.source.taken.clone());
        side.filter(|(version, _)| known(version))
            .ok_or_else(|| RestoreError::NoVersion(self.request.source.path.clone()))
    }

    pub(super) async fn run(&mut self) -> Result<Report, RestoreError> {
        journal::install(&mut self.connection).await?;
        let runs = journal::runs(&mut self.connection).await?;
        if let Some(report) = self.take_up(&runs).await? {
            return Ok(report);
        }
        let job = self.prepare().await?;
        let source = self.request.source;
        let run = journal::start(
            &mut self.connection,
            &NewRun {
                version: &job.version,
                file: source.path.rsplit('/').next().unwrap_or_default(),
                verb: Verb::Restore,
                environment: &self.request.target.name,
                who: &self.request.who,
                checksum: source.checksum(),
                confirmations: &self.request.confirmations,
            },
        )
        .await?;
        reached("restore-started");
        let mut report = Report {
            target: self.request.target.to_string(),
            snapshot: source.path.clone(),
            backup: self.request.backup.display().to_string(),
            undone: job.undone(),
            redone: job.redone(),
            ..Report::default()
        };
        if let Err(error) = self.carry_out(&job, run, &mut report).await {
            // Where the connection is gone, the server has rolled back by itself.
            drop(self.connection.execute("ROLLBACK").await);
            if !matches!(error, RestoreError::CommitUnknown) {
                let note = self.request.address.redact(&error.to_string());
                self.note(run, State::Failed, &note).await;
            }
            return Err(error);
        }
        reached("restore-committed");
        self.finish(run, &mut report).await?;
        Ok(report)
    }

    async fn note(&mut self, run: i64, state: State, note: &str) {
        let update = Update {
            state: Some(state),
            note: Some(note),
            ..Update::default()
        };
        // What a run that nobody could note ended as is found by the next.
        drop(self.connection.execute(&journal::update(run, &update)).await);
    }

    /// Ends what an interrupted restore began. Where all of this one was there already, that is all there is to do.
    async fn take_up(&mut self, runs: &[Run]) -> Result<Option<Report>, RestoreError> {
        let Some(last) = runs.iter().rev().find(|run| run.verb == Verb::Restore) else {
            return Ok(None);
        };
        match last.state {
            State::Started => {
                self.note(last.id, State::Failed, "interrupted; nothing of it was in the database")
                    .await;
                Ok(None)
            }
            State::Applied => {
                let is_last = runs.last().is_some_and(|run| run.id == last.id);
                if !is_last || last.checksum != self.request.source.checksum() {
                    self.note(
                        last.id,
                        State::Finished,
                        "interrupted after all of it was in the database",
                    )
                    .await;
                    return Ok(None);
                }
                self.tell.tell(Event::Note {
                    text: "an earlier restore of this snapshot was interrupted; all of it is in the database".into(),
                });
                let list = |key: &str| {
                    let list = last.metrics[key].as_array().into_iter().flatten();
                    list.filter_map(Value::as_str).map(str::to_owned).collect()
                };
                let mut report = Report {
                    target: self.request.target.to_string(),
                    snapshot: self.request.source.path.clone(),
                    backup: last.metrics["backup"].as_str().unwrap_or_default().to_owned(),
                    undone: list("undone"),
                    redone: list("redone"),
                    resumed: true,
                    ..Report::default()
                };
                self.finish(last.id, &mut report).await?;
                Ok(Some(report))
            }
            _ => Ok(None),
        }
    }

    async fn carry_out(&mut self, job: &Job, run: i64, report: &mut Report) -> Result<(), RestoreError> {
        let limit = self.request.lock_timeout.as_millis();
        clear::run(
            &mut self.connection,
            &format!(
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL search_path = ''; SET LOCAL lock_timeout = {limit}; \
                 SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; \
                 SET LOCAL client_min_messages = warning"
            ),
        )
        .await?;
        let locked = clear::tables(&mut self.connection, self.scope).await?;
        if !locked.is_empty() {
            let tables: Vec<&str> = locked.iter().map(String::as_str).collect();
            let lock = format!("LOCK TABLE ONLY {} IN SHARE MODE", tables.join(", ONLY "));
            clear::run(&mut self.connection, &lock).await?;
        }
        reached("restore-locked");
        report.not_in_backup = clear::unreadable(&mut self.connection, self.scope).await?;
        self.back_up(&report.not_in_backup).await?;
        reached("restore-backed-up");
        let begin = Instant::now();
        let now = clear::tables(&mut self.connection, self.scope).await?;
        if let Some(new) = now.difference(&locked).next() {
            return Err(RestoreError::Meanwhile(new.clone()));
        }
        self.replace(job, report).await?;
        self.record(job, run, report).await?;
        reached("restore-recorded");
        self.verify(job, report).await?;
        reached("restore-verified");
        report.milliseconds = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.commit(run).await
    }

    async fn back_up(&mut self, left_out: &[String]) -> Result<(), RestoreError> {
        let path = &self.request.backup;
        if let Some(folder) = path.parent() {
            snapshot::sweep(folder, &self.request.target.name);
        }
        snapshot::back_up(&self.client, &self.libpq, path, left_out)
            .await
            .map_err(RestoreError::Backup)?;
        self.tell.tell(Event::Backup {
            path: path.display().to_string(),
        });
        Ok(())
    }

    /// Destroys what is there and makes what the snapshot has.
    async fn replace(&mut self, job: &Job, report: &mut Report) -> Result<(), RestoreError> {
        let source = self.request.source;
        let kept = clear::schemas(&mut self.connection, self.scope).await?;
        let live = entries_of(dumped(&job.live));
        let left = clear::outside(&mut self.connection, source, &live).await?;
        let mut left: Vec<_> = left.into_iter().map(|entry| entry.span).collect();
        if self.scope.on_supabase {
            left.extend(clear::beside(&mut self.connection, source).await?);
        }
        reached("restore-cleared");
        let of = source.statements().len();
        for (number, statement) in source.statements().iter().enumerate() {
            let at = statement.span.start;
            let sql = statement.span.slice(&source.text);
            if left.iter().any(|span| (span.start..span.end).contains(&at)) || is_limit(sql) {
                continue;
            }
            self.tell.tell(Event::Statement { index: number + 1, of });
            let done = match statement.data {
                Some(data) => {
                    let data = copy_data(data.slice(&source.text));
                    self.connection.copy_in(sql, data).await.map(drop)
                }
                None => self.connection.execute(sql).await,
            };
            done.map_err(|error| RestoreError::Statement {
                statement: clear::beginning(sql),
                error,
            })?;
        }
        report.became_text = clear::types_back(&mut self.connection, kept).await?;
        reached("restore-made");
        Ok(())
    }

    /// Writes history and journal, in the transaction that they tell of.
    async fn record(&mut self, job: &Job, run: i64, report: &Report) -> Result<(), RestoreError> {
        self.connection
            .execute("RESET SESSION AUTHORIZATION; RESET ROLE; SET LOCAL search_path = ''")
            .await?;
        for version in &report.undone {
            self.connection.execute(&history::delete(version)).await?;
        }
        let all = plan::Options {
            only: None,
            release: true,
            segments: true,
        };
        let files = plan::plan(self.request.history, &[], &[], &all).expect("without a choice of file there is a plan");
        for file in files.files.iter().filter(|file| report.redone.contains(&file.version)) {
            let row = history::upsert(&file.version, &file.name, &file.recorded());
            self.connection.execute(&row).await?;
        }
        // What was begun and what was done of them is gone, also where a later apply would have gone on from it.
        let wanted: Vec<String> = job.wanted.iter().map(|version| literal(version)).collect();
        let undone = format!(
            "UPDATE dblsp.run SET state = 'rolled_back', finished = pg_catalog.clock_timestamp()
             WHERE verb = 'apply' AND version <> ALL (ARRAY[{}]::text[])
               AND (state IN ('applied', 'finished') OR state IN ('started', 'failed') AND (step > 0 OR resume IS NOT NULL))",
            wanted.join(", ")
        );
        self.connection.execute(&undone).await?;
        let update = Update {
            state: Some(State::Applied),
            metrics: Some(json!({
                "history": job.wanted, "undone": report.undone, "redone": report.redone, "backup": report.backup
            })),
            ..Update::default()
        };
        self.connection.execute(&journal::update(run, &update)).await?;
        Ok(())
    }

    async fn verify(&mut self, job: &Job, report: &mut Report) -> Result<(), RestoreError> {
        self.tell.tell(Event::Verifying);
        let kept = match &job.kept {
            Ok(kept) => kept,
            Err(why) => {
                report.unverified = Some((*why).to_owned());
                return Ok(());
            }
        };
        let now = Capture::read_in_transaction(&mut self.connection).await?;
        let mut found = compare(kept, &now);
        found.retain(|difference| may_be_the_project_s(&difference.name(), self.scope.on_supabase));
        if found.is_empty() {
            return Ok(());
        }
        if !self.request.accept_differences {
            return Err(RestoreError::Differs {
                path: self.request.source.path.clone(),
                differences: found,
            });
        }
        report.differences = found.iter().map(Difference::to_string).collect();
        Ok(())
    }

    async fn commit(&mut self, run: i64) -> Result<(), RestoreError> {
        match self.connection.execute("COMMIT").await {
            Err(error) if error.is_connection_lost() => self.find_out(run).await,
            Err(error) => Err(RestoreError::Statement {
                statement: "COMMIT".into(),
                error,
            }),
            Ok(()) => Ok(()),
        }
    }

    /// The journal, which is written in the same transaction, tells whether that committed.
    async fn find_out(&mut self, run: i64) -> Result<(), RestoreError> {
        for _ in 0..30 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let Ok(connection) = Connection::connect(self.request.address, &self.application).await else {
                continue;
            };
            self.connection = connection;
            let runs = journal::runs(&mut self.connection).await;
            let runs = runs.map_err(|_| RestoreError::CommitUnknown)?;
            let is_there = runs.iter().any(|it| it.id == run && it.state == State::Applied);
            return if is_there {
                Ok(())
            } else {
                Err(RestoreError::CommitUnknown)
            };
        }
        Err(RestoreError::CommitUnknown)
    }

    /// Compares a snapshot of now with the one that was restored, and writes up what happened.
    async fn finish(&mut self, run: i64, report: &mut Report) -> Result<(), RestoreError> {
        self.connection.execute("RESET ALL").await?;
        let client = Ok(self.client.clone());
        let taken = snapshot::take(&mut self.connection, &self.libpq, &client).await;
        match taken {
            Ok(taken) if taken.text == self.request.source.text => {}
            Ok(taken) => report.differences.extend(unlike(self.request.source, &taken.text)),
            // All is there; that it could not be compared is not worth failing.
            Err(error) => report.differences.push(format!("it could not be compared: {error}")),
        }
        for text in &report.differences {
            self.tell.tell(Event::Alert { text: text.clone() });
        }
        self.write_up(report);
        let update = Update {
            state: Some(State::Finished),
            duration_ms: Some(report.milliseconds),
            ..Update::default()
        };
        self.connection.execute(&journal::update(run, &update)).await?;
        reached("restore-finished");
        Ok(())
    }

    fn write_up(&self, report: &Report) {
        let Some(page) = &self.request.page else { return };
        let undone = report.undone.iter().map(|version| (version, PageEvent::RolledBack));
        let redone = report.redone.iter().map(|version| (version, PageEvent::Applied));
        for (version, event) in undone.chain(redone) {
            let mut files = self.request.history.migrations.iter();
            let Some(migration) = files.find(|file| file.version == *version) else {
                continue;
            };
            let entry = written_up::entry(migration, &self.request.target.name, event, SystemTime::now());
            // It is done whether that succeeds or not.
            if let Err(error) = written_up::write(page, &entry) {
                let text = format!("`{}` was not written: {error}", page.display());
                self.tell.tell(Event::Alert { text });
            }
        }
    }
}

/// The part of a snapshot that `pg_dump` wrote.
fn dumped(text: &str) -> &str {
    let beside = format!("\n{}", snapshot::BESIDE);
    text.split_once(&beside).map_or(text, |(dumped, _)| dumped)
}

/// Whether a statement would undo how long we wait for locks.
fn is_limit(sql: &str) -> bool {
    const LIMITS: [&str; 3] = [
        "SET statement_timeout ",
        "SET lock_timeout ",
        "SET idle_in_transaction_session_timeout ",
    ];
    LIMITS.iter().any(|limit| sql.starts_with(limit))
}

/// In what a snapshot of now is not the one that was restored.
fn unlike(source: &Source, now: &str) -> Vec<String> {
    let (added, changed, missing) = prospect::compare(source, &entries_of(dumped(now)));
    let named = |list: Vec<String>, what: &'static str| list.into_iter().map(move |name| format!("{name} {what}"));
    let mut out: Vec<String> = named(added, "is there and is not in the snapshot")
        .chain(named(changed, "is not as in the snapshot"))
        .chain(named(missing, "is in the snapshot and is not there"))
        .collect();
    let beside = |text: &str| text[dumped(text).len()..].trim().to_owned();
    if beside(now) != beside(&source.text) {
        out.push("what hangs on the platform's tables is not as in the snapshot".to_owned());
    }
    out
}
