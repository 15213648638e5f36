//! What a migration finds: the history before it, replayed once, kept as a database, and copied for every proof.

use std::collections::BTreeSet;

use analysis::history::{Base, Migration};
use analysis::proof::Verdict;

use super::bench::{Stop, Worker, beyond_the_server};
use super::site::Tell;
use super::watch::{Ended, Watch};
use super::{Judged, Keys, Progress, Proof, ProveError, WORK};
use crate::archive::Losses;
use crate::capture::Capture;
use crate::connection::{ServerError, literal};
use crate::journal;
use crate::plan::File;
use crate::shadow::Template;
use crate::warm::Lease;

/// How many are kept.
const KEPT: usize = 8;
/// The database in which a history is being replayed.
const WALK: &str = "dblsp_walk";

/// Why there is no database to begin with.
pub(crate) struct Unfit {
    pub(crate) reason: String,
    is_lasting: bool,
}

impl Unfit {
    pub(super) fn judged(self, migration: &Migration) -> Judged {
        Judged {
            proof: Proof::new(migration, Verdict::Unverifiable, self.reason),
            is_lasting: self.is_lasting,
        }
    }
}

/// Databases of the history so far.
pub(super) struct Prefixes<'a> {
    template: Template,
    keys: &'a Keys,
}

impl<'a> Prefixes<'a> {
    pub(super) fn new(base: Base, keys: &'a Keys) -> Self {
        let template = match base {
            Base::Empty => Template::Plain,
            Base::Supabase => Template::Supabase,
        };
        Self { template, keys }
    }

    fn name(&self, number: usize) -> String {
        format!("prefix_{}", self.keys.before(number))
    }

    /// Makes the database for a proof of file `number`, from what is kept as far as that goes.
    pub(super) async fn make(
        &self,
        lease: &mut Lease,
        files: &[File],
        number: usize,
        watch: &Watch<'_>,
        tell: Tell<'_>,
    ) -> Result<Result<(), Unfit>, ProveError> {
        let kept = self.kept(lease, number).await?;
        if kept != Some(number) {
            let begin = self.begin(lease, kept).await?;
            if let Err(unfit) = self.replay(lease, &files[begin..number], WALK, watch, tell).await? {
                lease.drop(WALK).await?;
                // What the part that was replayed did to the server as a whole nobody takes back.
                lease.renew().await?;
                return Ok(Err(unfit));
            }
            self.keep(lease, number).await?;
        }
        lease.copy(&self.name(number), WORK).await?;
        Ok(Ok(()))
    }

    /// Makes it with nothing beside it.
    pub(super) async fn make_alone(
        &self,
        lease: &mut Lease,
        files: &[File],
        number: usize,
        watch: &Watch<'_>,
        tell: Tell<'_>,
    ) -> Result<Result<(), Unfit>, ProveError> {
        self.base(lease, WORK).await?;
        self.replay(lease, &files[..number], WORK, watch, tell).await
    }

    /// The longest part of the history before the file that is kept. Where a later part left roles behind that this one
    /// does not know, all is thrown away.
    async fn kept(&self, lease: &mut Lease, number: usize) -> Result<Option<usize>, ProveError> {
        let there = lease.belongings().await?;
        // A history may have dropped a copy, or given it another name.
        let rows = format!(
            "SELECT name FROM _dblsp.prefix JOIN pg_database ON datname = name WHERE belongings = {}",
            literal(&there)
        );
        let rows = lease.maintenance.rows(&rows).await?;
        let fitting: BTreeSet<String> = rows.into_iter().flatten().flatten().collect();
        let found = (0..=number).rev().find(|part| fitting.contains(&self.name(*part)));
        match found {
            Some(part) => {
                let used = format!(
                    "UPDATE _dblsp.prefix SET used = clock_timestamp() WHERE name = {}",
                    literal(&self.name(part))
                );
                lease.maintenance.execute(&used).await?;
            }
            None if lease.first_belongings().await? != there => lease.renew().await?,
            None => {}
        }
        Ok(found)
    }

    /// Puts the replay's database where the kept part ends; the first file that is not in it.
    async fn begin(&self, lease: &mut Lease, kept: Option<usize>) -> Result<usize, ProveError> {
        let Some(part) = kept else {
            self.base(lease, WALK).await?;
            return Ok(0);
        };
        lease.copy(&self.name(part), WALK).await?;
        Ok(part)
    }

    /// A database as it is before the first migration, with a journal in it.
    async fn base(&self, lease: &mut Lease, name: &str) -> Result<(), ProveError> {
        lease.create(name, self.template).await?;
        let mut session = lease.migrator(name, std::time::Duration::from_mins(1)).await?;
        journal::install(&mut session).await?;
        session.close().await;
        Ok(())
    }

    async fn replay(
        &self,
        lease: &mut Lease,
        files: &[File],
        database: &str,
        watch: &Watch<'_>,
        tell: Tell<'_>,
    ) -> Result<Result<(), Unfit>, ProveError> {
        if files.is_empty() {
            return Ok(Ok(()));
        }
        let mut worker = Worker::open(lease, database, watch.statement()).await?;
        let nothing = Losses::default();
        let mut done = Ok(());
        for (at, file) in files.iter().enumerate() {
            tell(Progress::Replaying(at + 1, files.len()));
            if let Some(refusal) = file.refusals.first() {
                done = Err(Unfit {
                    reason: format!("`{}` comes before it, and {}", file.path, refusal.why.message()),
                    is_lasting: true,
                });
                break;
            }
            let backend = worker.backend();
            let ended = watch
                .over(lease, database, backend, worker.apply(file, &nothing))
                .await?;
            done = match ended {
                Ended::Done(Ok(_)) => continue,
                Ended::Done(Err(Stop::Server(error))) => return Err(error.into()),
                Ended::Done(Err(stop)) => Err(unfit(file, &stop)),
                Ended::TooMuch(reason) => Err(Unfit {
                    reason: format!("`{}` comes before it: {reason}", file.path),
                    is_lasting: false,
                }),
            };
            break;
        }
        worker.close().await;
        Ok(done)
    }

    /// The catalogs of the database that the migration finds, where somebody has read them in the same way.
    pub(super) async fn catalog(
        &self,
        lease: &mut Lease,
        number: usize,
        reader: &str,
    ) -> Result<Option<Capture>, ServerError> {
        let text = format!(
            "SELECT catalog FROM _dblsp.prefix WHERE name = {} AND reader = {}",
            literal(&self.name(number)),
            literal(reader)
        );
        let text = lease.maintenance.value(&text).await?;
        let value = text.and_then(|text| serde_json::from_str(&text).ok());
        Ok(value.as_ref().and_then(Capture::from_json))
    }

    /// Keeps the catalogs that were read of a copy.
    pub(super) async fn keep_catalog(
        &self,
        lease: &mut Lease,
        number: usize,
        (reader, catalog): (&str, &Capture),
    ) -> Result<(), ServerError> {
        let sql = format!(
            "UPDATE _dblsp.prefix SET reader = {}, catalog = {} WHERE name = {}",
            literal(reader),
            literal(&catalog.to_json().to_string()),
            literal(&self.name(number))
        );
        lease.maintenance.execute(&sql).await
    }

    /// Keeps what was replayed, and lets go of what nobody has used for the longest time.
    async fn keep(&self, lease: &mut Lease, number: usize) -> Result<(), ProveError> {
        let name = self.name(number);
        lease.drop(&name).await?;
        let there = lease.belongings().await?;
        lease
            .maintenance
            .execute(&format!(
                "ALTER DATABASE {WALK} RENAME TO {name};
                 INSERT INTO _dblsp.prefix (name, belongings, used) VALUES ({0}, {1}, clock_timestamp())
                 ON CONFLICT (name) DO UPDATE
                 SET belongings = EXCLUDED.belongings, used = EXCLUDED.used, reader = NULL, catalog = NULL",
                literal(&name),
                literal(&there)
            ))
            .await?;
        let old = format!("SELECT name FROM _dblsp.prefix ORDER BY used DESC OFFSET {KEPT}");
        for name in lease.maintenance.rows(&old).await?.into_iter().flatten().flatten() {
            lease.drop(&name).await?;
            let delete = format!("DELETE FROM _dblsp.prefix WHERE name = {}", literal(&name));
            lease.maintenance.execute(&delete).await?;
        }
        Ok(())
    }
}

fn unfit(file: &File, stop: &Stop) -> Unfit {
    let (_, reason) = stop.meaning(&file.path, "");
    let needs = stop.error().and_then(beyond_the_server);
    let reason = match needs {
        Some(needs) => format!("`{}` comes before it and {needs}", file.path),
        None => format!("the history before it does not apply: {reason}"),
    };
    Unfit {
        reason,
        is_lasting: !stop.is_timeout(),
    }
}
