//! Watches a database after a deployment: do more transactions fail than before, do statements take longer?
//!
//! PostgreSQL counts both since its statistics were last reset, so what was before a deployment needs no waiting for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::address::Address;
use crate::connection::{ConnectError, Connection, ServerError};

/// What a database has counted up to a moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counted {
    /// Transactions that were committed.
    pub committed: u64,
    /// Transactions that were rolled back.
    pub rolled_back: u64,
    /// By statement; `None` where nobody counts, with the reason in [`Self::why_no_statements`].
    pub statements: Option<BTreeMap<String, Statement>>,
    /// Why statements are not known.
    pub why_no_statements: Option<&'static str>,
}

/// How often a kind of statement ran, and how long that took in all.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Statement {
    /// Times.
    pub calls: u64,
    /// Milliseconds.
    pub milliseconds: f64,
}

/// How a database is after a deployment, beside how it was.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Watched {
    /// Seconds that it was watched for.
    pub seconds: u64,
    /// Transactions that ended meanwhile.
    pub transactions: u64,
    /// Share of the transactions that were rolled back before, from 0 to 1; `None` where there were none.
    pub errors_before: Option<f64>,
    /// The same since the deployment.
    pub errors_after: Option<f64>,
    /// Calls meanwhile of statements that were known before.
    pub calls: u64,
    /// Milliseconds that such a call took before, in the mix of statements that was called meanwhile.
    pub milliseconds_before: Option<f64>,
    /// The same since the deployment.
    pub milliseconds_after: Option<f64>,
    /// Why statements were not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_no_statements: Option<&'static str>,
    /// What the design document wants a rollback for.
    pub alarms: Vec<String>,
}

/// Over this the design document wants a rollback: half as slow again.
const SLOWER: f64 = 1.5;
/// With fewer calls, one that waited for a lock makes the mean.
const FEWEST_CALLS: u64 = 20;
/// Fewer errors are anybody's typing error.
const FEWEST_ERRORS: u64 = 3;

/// Reads what was counted up to now.
pub async fn count(connection: &mut Connection) -> Result<Counted, ServerError> {
    let transactions = "SELECT xact_commit, xact_rollback FROM pg_catalog.pg_stat_database
        WHERE datname = pg_catalog.current_database()";
    let row = connection
        .rows(transactions)
        .await?
        .into_iter()
        .next()
        .unwrap_or_default();
    let mut numbers = row
        .into_iter()
        .map(|value| value.and_then(|value| value.parse().ok()).unwrap_or_default());
    let (committed, rolled_back) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let (statements, why_no_statements) = match statements(connection).await? {
        Ok(statements) => (Some(statements), None),
        Err(why) => (None, Some(why)),
    };
    Ok(Counted {
        committed,
        rolled_back,
        statements,
        why_no_statements,
    })
}

async fn statements(
    connection: &mut Connection,
) -> Result<Result<BTreeMap<String, Statement>, &'static str>, ServerError> {
    let schema = "SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension e
        JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'";
    let Some(schema) = connection.value(schema).await? else {
        return Ok(Err("the extension pg_stat_statements is not installed in the database"));
    };
    // What we and other tools do to the server itself is nothing that users wait for.
    let sql = format!(
        "SELECT pg_catalog.concat_ws('/', s.userid, s.queryid), pg_catalog.sum(s.calls)::bigint,
            pg_catalog.sum(s.total_exec_time)
        FROM {schema}.pg_stat_statements s JOIN pg_catalog.pg_database d ON d.oid = s.dbid
        WHERE d.datname = pg_catalog.current_database() AND s.queryid IS NOT NULL
        GROUP BY 1"
    );
    let rows = match connection.rows(&sql).await {
        Ok(rows) => rows,
        // 55000: it must be loaded when the server starts.
        Err(error) if error.sqlstate == "55000" => {
            return Ok(Err(
                "pg_stat_statements is not in the server's shared_preload_libraries",
            ));
        }
        Err(error) if error.sqlstate == "42501" => {
            return Ok(Err(
                "the role may not read pg_stat_statements; grant it pg_read_all_stats",
            ));
        }
        Err(error) => return Err(error),
    };
    let statement = |columns: Vec<Option<String>>| {
        let mut columns = columns.into_iter().map(Option::unwrap_or_default);
        let mut next = || columns.next().unwrap_or_default();
        let name = next();
        let statement = Statement {
            calls: next().parse().unwrap_or_default(),
            milliseconds: next().parse().unwrap_or_default(),
        };
        (name, statement)
    };
    Ok(Ok(rows.into_iter().map(statement).collect()))
}

/// Compares a database since a deployment with what it was before: `before` was counted before it, `since` right after
/// it, `now` later.
#[allow(clippy::cast_precision_loss, reason = "rates are no exact numbers")]
pub fn compare(before: &Counted, since: &Counted, now: &Counted) -> Watched {
    let all_before = before.committed + before.rolled_back;
    let failed = now.rolled_back.saturating_sub(since.rolled_back);
    let transactions = now.committed.saturating_sub(since.committed) + failed;
    let rate = |part: u64, all: u64| (all > 0).then(|| part as f64 / all as f64);
    let mut out = Watched {
        transactions,
        errors_before: rate(before.rolled_back, all_before),
        errors_after: rate(failed, transactions),
        why_no_statements: now.why_no_statements,
        ..Watched::default()
    };
    // Of rare events, thrice the root of their number is what chance explains.
    let expected = out.errors_before.unwrap_or_default() * transactions as f64;
    if failed >= FEWEST_ERRORS && failed as f64 > expected + 3.0 * expected.sqrt() {
        out.alarms.push(format!(
            "{} of the transactions fail, where it was {}",
            percent(out.errors_after),
            percent(out.errors_before)
        ));
    }
    times(before, since, now, &mut out);
    out
}

/// The same statements, called as often as they were meanwhile: so that another mix of them counts for nothing.
#[allow(clippy::cast_precision_loss, reason = "times are no exact numbers")]
fn times(before: &Counted, since: &Counted, now: &Counted, out: &mut Watched) {
    let (Some(before), Some(since), Some(now)) = (&before.statements, &since.statements, &now.statements) else {
        return;
    };
    let (mut was, mut is) = (0.0, 0.0);
    for (name, now) in now {
        let (Some(known), Some(since)) = (before.get(name), since.get(name)) else {
            continue;
        };
        let (Some(calls), true) = (now.calls.checked_sub(since.calls), known.calls > 0) else {
            continue;
        };
        out.calls += calls;
        was += known.milliseconds / known.calls as f64 * calls as f64;
        is += (now.milliseconds - since.milliseconds).max(0.0);
    }
    if out.calls == 0 {
        return;
    }
    let (was, is) = (was / out.calls as f64, is / out.calls as f64);
    out.milliseconds_before = Some(was);
    out.milliseconds_after = Some(is);
    if out.calls >= FEWEST_CALLS && is > was * SLOWER {
        out.alarms.push(format!(
            "statements take {is:.2} ms, where it was {was:.2} ms: over 50 % longer"
        ));
    }
}

fn percent(rate: Option<f64>) -> String {
    rate.map_or_else(|| "none".to_owned(), |rate| format!("{:.1} %", rate * 100.0))
}

impl Watched {
    /// What was seen, for people.
    pub fn words(&self) -> String {
        let mut out = format!(
            "watched for {} s: {} transactions, {} failed (before: {})",
            self.seconds,
            self.transactions,
            percent(self.errors_after),
            percent(self.errors_before)
        );
        match (
            self.milliseconds_before,
            self.milliseconds_after,
            self.why_no_statements,
        ) {
            (Some(before), Some(after), _) => {
                out.push_str(&format!(
                    "; {after:.2} ms per statement over {} calls (before: {before:.2} ms)",
                    self.calls
                ));
            }
            (_, _, Some(why)) => out.push_str(&format!("; statement times are not known: {why}")),
            _ => out.push_str("; no statement was called that had been called before"),
        }
        out
    }
}

/// A database that is to be watched.
pub struct Watch {
    connection: Connection,
    before: Counted,
}

/// Why it was not watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// No session.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server refused to tell.
    #[error("the server's statistics cannot be read: {0}")]
    Server(#[from] ServerError),
}

impl WatchError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Connect(error) => error.hint(),
            Self::Server(_) => "see that the role may read pg_stat_database",
        }
    }
}

impl Watch {
    /// Counts what was before a deployment.
    pub async fn begin(address: &Address) -> Result<Self, WatchError> {
        let mut connection = Connection::connect(address, "dblsp apply --watch").await?;
        let before = count(&mut connection).await?;
        Ok(Self { connection, before })
    }

    /// Watches after the deployment until the time is over, something is alarming, or somebody has seen enough.
    pub async fn watch(mut self, time: Duration, cancel: &CancellationToken) -> Result<Watched, WatchError> {
        let since = count(&mut self.connection).await?;
        let begin = Instant::now();
        let pause = (time / 10).clamp(Duration::from_millis(200), Duration::from_secs(10));
        let watched = loop {
            let rest = time.saturating_sub(begin.elapsed());
            let is_over = tokio::time::timeout(pause.min(rest), cancel.cancelled()).await.is_ok();
            let now = count(&mut self.connection).await?;
            let found = compare(&self.before, &since, &now);
            if is_over || !found.alarms.is_empty() || begin.elapsed() >= time {
                break found;
            }
        };
        self.connection.close().await;
        Ok(Watched {
            seconds: begin.elapsed().as_secs(),
            ..watched
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(committed: u64, rolled_back: u64, statements: &[(&str, u64, f64)]) -> Counted {
        let statement = |(name, calls, milliseconds): &(&str, u64, f64)| {
            let statement = Statement {
                calls: *calls,
                milliseconds: *milliseconds,
            };
            ((*name).to_owned(), statement)
        };
        Counted {
            committed,
            rolled_back,
            statements: Some(statements.iter().map(statement).collect()),
            why_no_statements: None,
        }
    }

    fn alarms(before: &Counted, since: &Counted, now: &Counted) -> Vec<String> {
        compare(before, since, now).alarms
    }

    #[test]
    fn more_errors_than_before_are_alarming_once_chance_does_not_explain_them() {
        let before = counted(9900, 100, &[]);
        let after = |committed: u64, rolled_back: u64| {
            alarms(&before, &before, &counted(9900 + committed, 100 + rolled_back, &[]))
        };
        assert_eq!(after(990, 10), Vec::<String>::new());
        assert_eq!(after(985, 15), Vec::<String>::new());
        assert_eq!(after(0, 2), Vec::<String>::new());
        assert_eq!(after(950, 50), ["5.0 % of the transactions fail, where it was 1.0 %"]);
        let never = counted(1000, 0, &[]);
        assert_eq!(alarms(&never, &never, &counted(1010, 1, &[])), Vec::<String>::new());
        assert_eq!(alarms(&never, &never, &counted(1010, 3, &[])).len(), 1);
    }

    #[test]
    fn statements_that_take_longer_are_alarming_and_another_mix_of_them_is_not() {
        let before = counted(0, 0, &[("fast", 1000, 1000.0), ("slow", 10, 1000.0)]);
        let mix = counted(0, 0, &[("fast", 1000, 1000.0), ("slow", 60, 6000.0)]);
        let found = compare(&before, &before, &mix);
        assert_eq!((found.alarms.len(), found.milliseconds_after), (0, Some(100.0)));
        let slower = counted(0, 0, &[("fast", 1100, 1160.0), ("slow", 10, 1000.0)]);
        assert_eq!(
            alarms(&before, &before, &slower),
            ["statements take 1.60 ms, where it was 1.00 ms: over 50 % longer"]
        );
        let few = counted(0, 0, &[("fast", 1005, 1100.0), ("slow", 10, 1000.0)]);
        assert_eq!(alarms(&before, &before, &few), Vec::<String>::new());
        let new = counted(
            0,
            0,
            &[("fast", 1000, 1000.0), ("slow", 10, 1000.0), ("new", 100, 9000.0)],
        );
        assert_eq!(compare(&before, &before, &new).milliseconds_after, None);
    }

    #[test]
    fn statistics_that_were_reset_meanwhile_say_nothing() {
        let before = counted(1000, 10, &[("a", 100, 100.0)]);
        let found = compare(&before, &before, &counted(5, 0, &[("a", 5, 5.0)]));
        assert_eq!((found.transactions, found.calls, found.alarms.len()), (0, 0, 0));
    }

    #[test]
    fn what_is_not_known_is_said() {
        let unknown = Counted {
            why_no_statements: Some("it is not installed"),
            ..Counted::default()
        };
        let words = compare(&unknown, &unknown, &unknown).words();
        assert_eq!(
            words,
            "watched for 0 s: 0 transactions, none failed (before: none); statement times are not known: it is not installed"
        );
    }
}
