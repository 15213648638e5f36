//! What the pages of the rules say happens, seen on a server: the examples are run, locks, rewrites and scans are read.

mod support;

use std::collections::BTreeSet;

use analysis::history::{Base, History, Migration};
use analysis::lint::rule_named;
use analysis::schema::catalog::Catalog;
use analysis::schema::inverse::inverse;
use analysis::schema::objects::Type;
use analysis::schema::rewrite::{Narrowing, TypeChange, narrowing, type_change};
use analysis::schema::timeline::Timeline;
use analysis::settings::Settings;
use analysis::sql::statement::{AlterActionKind, Node};
use database::{Connection, Shadow, Template};

/// What a migration did while its transaction was still open.
#[derive(Debug, Default)]
struct Seen {
    /// `table mode`, the strongest one, for tables that were there before; without those of readers.
    locks: BTreeSet<String>,
    /// Tables with a new heap.
    rewritten: BTreeSet<String>,
    /// Tables that were read from end to end.
    scanned: BTreeSet<String>,
    /// SQLSTATE, if it failed.
    error: Option<String>,
}

impl Seen {
    fn locks(&self, wanted: &[&str]) {
        let wanted: BTreeSet<String> = wanted.iter().map(|lock| (*lock).to_owned()).collect();
        assert_eq!(self.locks, wanted, "{self:?}");
    }
}

/// The files of the `number`th example under that heading of a rule's page.
fn example(rule: &str, heading: &str, number: usize) -> Vec<String> {
    let page = rule_named(rule).expect("the rule is listed").page;
    let section = page
        .split(&format!("## {heading}\n"))
        .nth(1)
        .expect("the heading is there");
    let block = section
        .split("```sql")
        .nth(number + 1)
        .expect("there are so many examples");
    let (_, block) = block.split_once('\n').expect("a block has lines");
    let sql = block.split("```").next().unwrap_or_default();
    let mut files = Vec::new();
    for line in sql.lines().map(str::trim_start) {
        if line.starts_with("-- ") && line.trim_end().ends_with("sql") {
            files.push(String::new());
        } else {
            if files.is_empty() {
                files.push(String::new());
            }
            let last = files.last_mut().expect("there is a file");
            last.push_str(line);
            last.push('\n');
        }
    }
    files
}

/// Runs all files but the last, then `rows`, then the last in a transaction, and looks.
async fn watch(files: &[String], rows: &str) -> Option<Seen> {
    let shadow = support::shadow().await?;
    let database = shadow.database("watched", Template::Plain).await.expect("a database");
    let mut session = database.connect().await.expect("a session");
    let (last, before) = files.split_last().expect("an example has a file");
    for file in before {
        session.execute(file).await.expect("the example's history is valid");
    }
    session.execute(rows).await.expect("the rows are valid");
    Some(open(&mut session, last).await)
}

/// Lock modes, weakest first.
const MODES: &[&str] = &[
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
];

/// Name, heap file and number of full scans of every table; the server counts scans that it has not reported yet.
const TABLES: &str = "SELECT oid::text, relname, relfilenode::text, pg_stat_get_xact_numscans(oid)::text \
                      FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace";

async fn open(session: &mut Connection, migration: &str) -> Seen {
    session.execute("BEGIN").await.expect("a transaction");
    let before = session.rows(TABLES).await.expect("an answer");
    let mut seen = Seen::default();
    if let Err(error) = session.execute(migration).await {
        seen.error = Some(error.sqlstate);
        session.execute("ROLLBACK").await.expect("a transaction to end");
        return seen;
    }
    let after = session.rows(TABLES).await.expect("an answer");
    for table in &before {
        let [Some(oid), Some(name), Some(file), Some(scans)] = table.as_slice() else {
            panic!("four values")
        };
        let locks = format!("SELECT mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation = {oid}");
        let held = session.rows(&locks).await.expect("an answer");
        let held: Vec<String> = held.into_iter().flatten().flatten().collect();
        if let Some(strongest) = MODES.iter().rfind(|mode| held.iter().any(|own| own == *mode)) {
            seen.locks.insert(format!("{name} {strongest}"));
        }
        let now = after.iter().find(|now| now.first() == table.first());
        let Some([_, _, Some(new_file), Some(new_scans)]) = now.map(Vec::as_slice) else {
            continue;
        };
        if new_file != file {
            seen.rewritten.insert(name.clone());
        }
        if new_scans != scans {
            seen.scanned.insert(name.clone());
        }
    }
    session.execute("ROLLBACK").await.expect("a transaction to end");
    seen
}

async fn bad(rule: &str, rows: &str) -> Option<Seen> {
    watch(&example(rule, "Bad", 0), rows).await
}

#[tokio::test]
async fn a_volatile_default_rewrites_and_the_recipe_does_not() {
    let name = "add-column-volatile-default";
    let Some(seen) = bad(name, "INSERT INTO users VALUES (1)").await else {
        return;
    };
    seen.locks(&["users AccessExclusiveLock"]);
    assert!(seen.rewritten.contains("users"));
    let good = watch(&example(name, "Good", 0), "INSERT INTO users VALUES (1)").await;
    assert!(good.expect("a server").rewritten.is_empty());
}

#[tokio::test]
async fn a_required_column_fails_on_the_first_row_only() {
    let name = "add-required-column";
    let Some(seen) = bad(name, "INSERT INTO users VALUES (1)").await else {
        return;
    };
    assert_eq!(seen.error.as_deref(), Some("23502"));
    assert_eq!(bad(name, "").await.expect("a server").error, None);
}

#[tokio::test]
async fn set_not_null_reads_the_table_unless_a_validated_check_proves_it() {
    let rows = "INSERT INTO users (id, email) VALUES (1, 'a')";
    let Some(seen) = bad("set-not-null", rows).await else {
        return;
    };
    seen.locks(&["users AccessExclusiveLock"]);
    assert!(seen.scanned.contains("users"));
    let seen = bad("not-null-check-unvalidated", rows).await.expect("a server");
    seen.locks(&["users AccessExclusiveLock"]);
    assert!(seen.scanned.contains("users"));

    let steps = example("set-not-null", "Good", 0);
    let validate = watch(&steps[..3], rows).await.expect("a server");
    validate.locks(&["users ShareUpdateExclusiveLock"]);
    assert!(validate.scanned.contains("users"));
    let last = watch(&steps, rows).await.expect("a server");
    last.locks(&["users AccessExclusiveLock"]);
    assert!(last.scanned.is_empty(), "{last:?}");

    let mut at_once = steps[..3].to_vec();
    at_once.push("alter table users alter email set not null, drop constraint users_email_not_null".into());
    let at_once = watch(&at_once, rows).await.expect("a server");
    assert!(at_once.scanned.contains("users"), "the proof is dropped first");
}

#[tokio::test]
async fn a_check_is_read_under_the_strongest_lock_unless_not_valid() {
    let name = "add-check-without-not-valid";
    let rows = "INSERT INTO users VALUES (1, 2)";
    let Some(seen) = bad(name, rows).await else { return };
    seen.locks(&["users AccessExclusiveLock"]);
    assert!(seen.scanned.contains("users"));
    let steps = example(name, "Good", 0);
    assert!(watch(&steps[..2], rows).await.expect("a server").scanned.is_empty());
    let validate = watch(&steps, rows).await.expect("a server");
    validate.locks(&["users ShareUpdateExclusiveLock"]);
}

#[tokio::test]
async fn a_foreign_key_locks_both_tables() {
    let name = "add-fk-without-not-valid";
    let rows = "INSERT INTO users VALUES (1); INSERT INTO orders VALUES (1, 1)";
    let Some(seen) = bad(name, rows).await else { return };
    seen.locks(&["orders ShareRowExclusiveLock", "users ShareRowExclusiveLock"]);
    assert!(seen.scanned.contains("orders"));
    let steps = example(name, "Good", 0);
    let added = watch(&steps[..2], rows).await.expect("a server");
    added.locks(&["orders ShareRowExclusiveLock", "users ShareRowExclusiveLock"]);
    assert!(added.scanned.is_empty());
    let validated = watch(&steps, rows).await.expect("a server");
    validated.locks(&["orders ShareUpdateExclusiveLock"]);
}

#[tokio::test]
async fn an_index_stops_writes_and_a_dropped_table_its_parents() {
    let Some(seen) = bad("create-index-non-concurrent", "").await else {
        return;
    };
    seen.locks(&["users ShareLock"]);
    let seen = bad("drop-table", "").await.expect("a server");
    seen.locks(&["orders AccessExclusiveLock", "users AccessExclusiveLock"]);
    let seen = bad("drop-column", "").await.expect("a server");
    seen.locks(&["users AccessExclusiveLock"]);
    let seen = bad("change-column-type-rewrite", "").await.expect("a server");
    seen.locks(&["users AccessExclusiveLock"]);
    assert!(seen.rewritten.contains("users"));
    let good = example("change-column-type-rewrite", "Good", 0);
    assert!(watch(&good, "").await.expect("a server").rewritten.is_empty());
}

#[tokio::test]
async fn narrower_types_round_or_fail() {
    let name = "narrowing-type-change";
    let Some(shadow) = support::shadow().await else { return };
    let database = shadow.database("narrow", Template::Plain).await.expect("a database");
    let mut session = database.connect().await.expect("a session");
    for file in example(name, "Bad", 0) {
        session.execute(&file).await.expect("the example is valid");
        session
            .execute("INSERT INTO users VALUES (1, '2024-01-01 00:00:00.5+00') ON CONFLICT DO NOTHING")
            .await
            .expect("a row");
    }
    let rounded = session.value("SELECT extract(microseconds FROM seen)::int % 1000000 FROM users");
    assert_eq!(rounded.await.expect("an answer").as_deref(), Some("0"));
    let rows = "INSERT INTO users VALUES (1, repeat('x', 41))";
    let seen = watch(&example(name, "Bad", 1), rows).await.expect("a server");
    assert_eq!(seen.error.as_deref(), Some("22001"));
}

#[tokio::test]
async fn a_delete_reads_the_whole_table_without_an_index() {
    const ROWS: &str = "INSERT INTO users SELECT generate_series(1, 20000); \
                        INSERT INTO orders SELECT i, i + 1 FROM generate_series(1, 19000) i; ANALYZE";
    for (heading, scanned) in [("Bad", true), ("Good", false)] {
        let mut files = example("fk-without-index", heading, 0);
        files.push("DELETE FROM users WHERE id = 1".into());
        let Some(seen) = watch(&files, ROWS).await else { return };
        assert_eq!(seen.scanned.contains("orders"), scanned, "{heading}: {seen:?}");
    }
}

/// What the Bad example of a rule does, as its page says, when the tables hold `rows`.
struct Claim {
    rule: &'static str,
    rows: &'static str,
    locks: &'static [&'static str],
    rewrites: &'static [&'static str],
    scans: &'static [&'static str],
    error: Option<&'static str>,
}

const NOTHING: Claim = Claim {
    rule: "",
    rows: "",
    locks: &[],
    rewrites: &[],
    scans: &[],
    error: None,
};

const CLAIMS: &[Claim] = &[
    Claim {
        rule: "work-under-lock",
        locks: &["orders ShareLock", "users AccessExclusiveLock"],
        scans: &["orders"],
        ..NOTHING
    },
    Claim {
        rule: "backfill-under-lock",
        rows: "INSERT INTO users VALUES (1, 'a', 'b')",
        locks: &["users AccessExclusiveLock"],
        scans: &["users"],
        ..NOTHING
    },
    Claim {
        rule: "validate-in-same-transaction",
        rows: "INSERT INTO users VALUES (1, 2)",
        locks: &["users AccessExclusiveLock"],
        scans: &["users"],
        ..NOTHING
    },
    Claim {
        rule: "rename-column",
        locks: &["users AccessExclusiveLock"],
        ..NOTHING
    },
    Claim {
        rule: "rename-by-drop-and-add",
        locks: &["users AccessExclusiveLock"],
        ..NOTHING
    },
    Claim {
        rule: "add-column-serial",
        locks: &["users AccessExclusiveLock"],
        rewrites: &["users"],
        ..NOTHING
    },
    Claim {
        rule: "add-column-identity",
        locks: &["users AccessExclusiveLock"],
        rewrites: &["users"],
        ..NOTHING
    },
    Claim {
        rule: "add-column-stored-generated",
        locks: &["users AccessExclusiveLock"],
        rewrites: &["users"],
        ..NOTHING
    },
    Claim {
        rule: "add-column-constrained-domain",
        locks: &["users AccessExclusiveLock"],
        rewrites: &["users"],
        ..NOTHING
    },
    Claim {
        rule: "add-column-inline-check",
        rows: "INSERT INTO users VALUES (1)",
        locks: &["users AccessExclusiveLock"],
        scans: &["users"],
        ..NOTHING
    },
    Claim {
        rule: "add-column-inline-unique",
        rows: "INSERT INTO users VALUES (1)",
        locks: &["users AccessExclusiveLock"],
        scans: &["users"],
        ..NOTHING
    },
    Claim {
        rule: "add-column-unique-constant-default",
        rows: "INSERT INTO users VALUES (1), (2)",
        error: Some("23505"),
        ..NOTHING
    },
    Claim {
        rule: "add-column-inline-fk",
        rows: "INSERT INTO plans VALUES (1); INSERT INTO users VALUES (1)",
        locks: &["plans ShareRowExclusiveLock", "users AccessExclusiveLock"],
        scans: &["users", "plans"],
        ..NOTHING
    },
    Claim {
        rule: "add-unique-constraint",
        locks: &["users AccessExclusiveLock"],
        scans: &["users"],
        ..NOTHING
    },
    Claim {
        rule: "add-primary-key",
        locks: &["users AccessExclusiveLock"],
        scans: &["users"],
        ..NOTHING
    },
    Claim {
        rule: "add-exclusion-constraint",
        locks: &["bookings AccessExclusiveLock"],
        scans: &["bookings"],
        ..NOTHING
    },
    Claim {
        rule: "pk-using-index-nullable",
        rows: "INSERT INTO users VALUES (1)",
        locks: &["users AccessExclusiveLock"],
        scans: &["users"],
        ..NOTHING
    },
    Claim {
        rule: "using-index-unsuitable",
        error: Some("42809"),
        ..NOTHING
    },
    Claim {
        rule: "drop-index-non-concurrent",
        locks: &["users AccessExclusiveLock"],
        ..NOTHING
    },
    Claim {
        rule: "type-change-recheck",
        rows: "INSERT INTO users VALUES (1, 'a')",
        locks: &["users AccessExclusiveLock"],
        scans: &["users"],
        ..NOTHING
    },
    Claim {
        rule: "drop-blocked",
        error: Some("2BP01"),
        ..NOTHING
    },
    Claim {
        rule: "type-change-blocked",
        error: Some("0A000"),
        ..NOTHING
    },
    Claim {
        rule: "row-security-disabled",
        locks: &["notes AccessExclusiveLock"],
        ..NOTHING
    },
    Claim {
        rule: "policy-check-unwritten",
        locks: &[],
        ..NOTHING
    },
    Claim {
        rule: "drop-cascade",
        locks: &["users AccessExclusiveLock"],
        ..NOTHING
    },
    Claim {
        rule: "truncate",
        locks: &["orders AccessExclusiveLock", "users AccessExclusiveLock"],
        rewrites: &["orders", "users"],
        ..NOTHING
    },
    Claim {
        rule: "delete-without-where",
        rows: "INSERT INTO sessions VALUES (1)",
        locks: &["sessions RowExclusiveLock"],
        scans: &["sessions"],
        ..NOTHING
    },
    Claim {
        rule: "update-without-where",
        rows: "INSERT INTO users VALUES (1)",
        locks: &["users RowExclusiveLock"],
        scans: &["users"],
        ..NOTHING
    },
    Claim {
        rule: "rename-table",
        locks: &["users AccessExclusiveLock"],
        ..NOTHING
    },
    Claim {
        rule: "rename-column",
        locks: &["users AccessExclusiveLock"],
        ..NOTHING
    },
    Claim {
        rule: "backfill-under-lock",
        rows: "INSERT INTO users VALUES (1)",
        locks: &["users AccessExclusiveLock"],
        scans: &["users"],
        ..NOTHING
    },
    Claim {
        rule: "work-under-lock",
        locks: &["orders ShareLock", "users AccessExclusiveLock"],
        scans: &["orders"],
        ..NOTHING
    },
    Claim {
        rule: "validate-in-same-transaction",
        rows: "INSERT INTO users VALUES (1, 1)",
        locks: &["users AccessExclusiveLock"],
        scans: &["users"],
        ..NOTHING
    },
    Claim {
        rule: "validate-with-other-actions",
        rows: "INSERT INTO users VALUES (1, 1)",
        locks: &["users AccessExclusiveLock"],
        scans: &["users"],
        ..NOTHING
    },
    Claim {
        rule: "reindex-non-concurrent",
        locks: &["users ShareLock"],
        scans: &["users"],
        ..NOTHING
    },
    Claim {
        rule: "vacuum-full",
        locks: &["users AccessExclusiveLock"],
        rewrites: &["users"],
        ..NOTHING
    },
    Claim {
        rule: "partition-attach-scan",
        rows: "INSERT INTO events_2024 VALUES ('2024-05-05')",
        locks: &["events ShareUpdateExclusiveLock", "events_2024 AccessExclusiveLock"],
        scans: &["events_2024"],
        ..NOTHING
    },
    Claim {
        rule: "partition-created-in-place",
        locks: &["events AccessExclusiveLock"],
        ..NOTHING
    },
    Claim {
        rule: "partition-detach-blocking",
        locks: &["events AccessExclusiveLock", "events_2020 AccessExclusiveLock"],
        ..NOTHING
    },
    Claim {
        rule: "drop-not-null",
        locks: &["users AccessExclusiveLock"],
        ..NOTHING
    },
    Claim {
        rule: "index-if-not-exists-locks",
        locks: &["users ShareLock"],
        ..NOTHING
    },
    Claim {
        rule: "lock-timeout-missing",
        locks: &["users AccessExclusiveLock"],
        ..NOTHING
    },
    Claim {
        rule: "transaction-forbidden",
        error: Some("25001"),
        ..NOTHING
    },
    Claim {
        rule: "concurrently-in-transaction",
        error: Some("25001"),
        ..NOTHING
    },
];

#[tokio::test]
async fn bad_examples_do_what_their_pages_say() {
    let set = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<String>>()
    };
    let mut wrong = Vec::new();
    for claim in CLAIMS {
        let Some(mut seen) = bad(claim.rule, claim.rows).await else {
            return;
        };
        // Whoever writes a table anew reads it.
        seen.scanned.retain(|table| !seen.rewritten.contains(table));
        let agrees = seen.error.as_deref() == claim.error
            && seen.locks == set(claim.locks)
            && seen.rewritten == set(claim.rewrites)
            && seen.scanned == set(claim.scans);
        if !agrees {
            wrong.push(format!("{}: {seen:?}", claim.rule));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The first Good example beside it runs, statement by statement.
#[tokio::test]
async fn good_examples_run() {
    let Some(shadow) = support::shadow().await else { return };
    let mut wrong = Vec::new();
    for (number, claim) in CLAIMS.iter().enumerate() {
        let name = format!("good{number}");
        let database = shadow.database(&name, Template::Plain).await.expect("a database");
        let mut session = database.connect().await.expect("a session");
        for file in example(claim.rule, "Good", 0) {
            for statement in &analysis::sql::parse(&file).statements {
                if let Err(error) = session.execute(statement.span.slice(&file)).await {
                    wrong.push(format!("{}: {error}", claim.rule));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Runs the files of an example one after the other, then a question.
async fn answer(name: &str, files: &[String], question: &str) -> Option<String> {
    let shadow = support::shadow().await?;
    let database = shadow.database(name, Template::Plain).await.expect("a database");
    let mut session = database.connect().await.expect("a session");
    for file in files {
        for statement in &analysis::sql::parse(file).statements {
            let done = session.execute(statement.span.slice(file)).await;
            done.expect("the example is valid");
        }
    }
    Some(session.value(question).await.expect("an answer").unwrap_or_default())
}

#[tokio::test]
async fn deleted_rows_are_indexed_but_not_written_anew_and_truncated_ones_are_gone() {
    let rows = "CREATE TABLE t (a int, b text); INSERT INTO t SELECT n, n FROM generate_series(1, 20000) n;";
    let pages = "SELECT (pg_relation_size('t_a') / 8192)::text";
    let size = async |name: &str, sql: &str| -> Option<u64> {
        let pages = answer(name, &[rows.to_owned(), sql.to_owned()], pages).await?;
        Some(pages.parse().expect("a number"))
    };
    let Some(deleted) = size("deleted", "BEGIN; DELETE FROM t; CREATE INDEX t_a ON t (a);").await else {
        return;
    };
    assert!(deleted > 10, "the index of dead rows has {deleted} pages");
    let empty = [
        (
            "rewritten",
            "BEGIN; DELETE FROM t; CREATE INDEX t_a ON t (a); ALTER TABLE t ALTER b TYPE int USING b::int;",
        ),
        ("truncated", "BEGIN; TRUNCATE t; CREATE INDEX t_a ON t (a);"),
    ];
    for (name, sql) in empty {
        assert_eq!(size(name, sql).await, Some(1), "{sql}");
    }
}

#[tokio::test]
async fn replacing_takes_attributes_away() {
    let rule = "replace-function-resets-attributes";
    let question = "SELECT prosecdef::text || ' ' || coalesce(proconfig::text, 'none') || ' ' || provolatile::text \
                    FROM pg_proc WHERE proname = 'total'";
    let Some(found) = answer("lost", &example(rule, "Bad", 0), question).await else {
        return;
    };
    assert_eq!(found, "false none s");
    let kept = answer("kept", &example(rule, "Good", 0), question).await;
    assert_eq!(kept.as_deref(), Some("true {\"search_path=\\\"\\\"\"} s"));

    let rule = "replace-view-resets-options";
    let question = "SELECT coalesce(reloptions::text, 'none') FROM pg_class WHERE relname = 'my_notes'";
    let found = answer("lost", &example(rule, "Bad", 0), question).await;
    assert_eq!(found.as_deref(), Some("none"));
    let kept = answer("kept", &example(rule, "Good", 0), question).await;
    assert_eq!(kept.as_deref(), Some("{security_invoker=true}"));
}

#[tokio::test]
async fn a_fix_of_refresh_is_concurrent_and_gives_the_same_rows() {
    let question = "SELECT string_agg(t::text, ' ') FROM totals t";
    for heading in ["Bad", "Good"] {
        let mut files = example("refresh-blocking", heading, 0);
        files.insert(1, "INSERT INTO orders VALUES (1, 2), (1, 3)".to_owned());
        let Some(found) = answer("refresh", &files, question).await else {
            return;
        };
        assert_eq!(found, "(1,5)", "{heading}");
    }
}

#[tokio::test]
async fn old_programs_cannot_insert_without_the_default() {
    for (heading, files, works) in [("Bad", 2, false), ("Good", 2, true)] {
        let Some(shadow) = support::shadow().await else { return };
        let database = shadow.database("insert", Template::Plain).await.expect("a database");
        let mut session = database.connect().await.expect("a session");
        for file in example("default-dropped-at-once", heading, 0).iter().take(files) {
            session.execute(file).await.expect("the example is valid");
        }
        let done = session.execute("INSERT INTO users VALUES (1)").await;
        let error = done.err().map(|error| error.sqlstate);
        assert_eq!(error.as_deref(), (!works).then_some("23502"), "{heading}");
    }
}

#[tokio::test]
async fn a_partitioned_table_refuses_a_concurrent_index_and_long_names_are_cut() {
    let Some(shadow) = support::shadow().await else { return };
    let database = shadow.database("refused", Template::Plain).await.expect("a database");
    let mut session = database.connect().await.expect("a session");
    let files = example("concurrently-partitioned", "Bad", 0);
    session.execute(&files[0]).await.expect("a table");
    let refused = session.execute(&files[1]).await.expect_err("it is partitioned");
    assert_eq!(refused.sqlstate, "0A000");
    for file in example("identifier-too-long", "Bad", 0) {
        session.execute(&file).await.expect("the example is valid");
    }
    let length = session.value("SELECT max(length(relname))::text FROM pg_class WHERE relname LIKE 'the_index%'");
    assert_eq!(length.await.expect("an answer").as_deref(), Some("63"));
}

#[tokio::test]
async fn without_row_security_policies_do_nothing_and_without_policies_nobody_sees_a_row() {
    const ROWS: &str =
        "INSERT INTO notes SELECT 1; CREATE ROLE reader; GRANT reader TO CURRENT_USER; GRANT SELECT ON notes TO reader";
    let look = |rule: &'static str, files: usize| {
        let mut files: Vec<String> = example(rule, "Bad", 0).into_iter().take(files).collect();
        files.push(ROWS.to_owned());
        files.push("SET ROLE reader".to_owned());
        files
    };
    let count = "SELECT count(*)::text FROM notes";
    let Some(seen) = answer("open", &look("policy-without-row-security", 1), count).await else {
        return;
    };
    assert_eq!(seen, "1");
    let hidden = answer("hidden", &look("row-security-before-policies", 2), count).await;
    assert_eq!(hidden.as_deref(), Some("0"));
}

#[tokio::test]
async fn a_policy_without_check_tests_new_rows_with_its_condition() {
    let question = "SELECT (polwithcheck IS NULL)::text FROM pg_policy";
    for (heading, is_unwritten) in [("Bad", "true"), ("Good", "false")] {
        let mut files = example("policy-check-unwritten", heading, 0);
        files.push(
            "INSERT INTO notes VALUES (1, 'writer'); CREATE ROLE writer; GRANT writer TO CURRENT_USER; GRANT ALL ON notes TO writer".to_owned(),
        );
        let Some(found) = answer("check", &files, question).await else {
            return;
        };
        assert_eq!(found, is_unwritten);
        let Some(shadow) = support::shadow().await else { return };
        let database = shadow.database("update", Template::Plain).await.expect("a database");
        let mut session = database.connect().await.expect("a session");
        for file in files {
            session.execute(&file).await.expect("the example is valid");
        }
        session.execute("SET ROLE writer").await.expect("a role");
        let refused = session.execute("UPDATE notes SET owner = 'other'").await;
        assert_eq!(refused.expect_err("another's row").sqlstate, "42501", "{heading}");
    }
}

const TYPES: &[&str] = &[
    "smallint",
    "integer",
    "bigint",
    "oid",
    "regclass",
    "numeric",
    "numeric(10,2)",
    "numeric(12,2)",
    "numeric(12,4)",
    "real",
    "double precision",
    "text",
    "varchar",
    "varchar(10)",
    "varchar(20)",
    "char(10)",
    "char(20)",
    "bpchar",
    "name",
    "\"char\"",
    "xml",
    "json",
    "jsonb",
    "uuid",
    "bytea",
    "boolean",
    "bit(8)",
    "bit(16)",
    "varbit",
    "varbit(8)",
    "varbit(16)",
    "date",
    "timestamp",
    "timestamp(3)",
    "timestamptz",
    "timestamptz(3)",
    "time",
    "time(3)",
    "timetz",
    "interval",
    "interval(3)",
    "interval day to second",
    "interval year to month",
    "inet",
    "cidr",
    "money",
    "plain",
    "checked",
    "short",
    "mood",
    "text[]",
    "varchar(10)[]",
    "integer[]",
    "bigint[]",
];

const OWN_TYPES: &str = "create domain plain as text; create domain checked as text check (value <> ''); \
                         create domain short as varchar(10); create type mood as enum ('sad', 'ok');";

/// What the analysis says of `alter column c type …`.
fn predicted(from: &str, alter: &str) -> (TypeChange, Option<Narrowing>) {
    let table = format!("{OWN_TYPES} create table t (c {from});");
    let history = History {
        migrations: vec![Migration::new("1.sql", &table), Migration::new("2.sql", alter)],
        complete: true,
        base: Base::Empty,
        ..History::default()
    };
    let documents: Vec<_> = history.migrations.iter().map(analysis::read).collect();
    let timeline = Timeline::replay(&history, &documents, &Settings::default());
    let column = |catalog: &Catalog| -> Type {
        let table = catalog.tables().next().expect("the table is there").2;
        table.columns.first().expect("it has a column").ty.clone()
    };
    let (before, after) = (column(timeline.before(1)), column(timeline.last()));
    let Node::AlterTable(parsed) = &documents[1].file.statements[0].node else {
        panic!("{alter}")
    };
    let AlterActionKind::AlterType { column, using, .. } = &parsed.actions[0].kind else {
        panic!("{alter}")
    };
    let (using, catalog) = (using.as_ref(), timeline.last());
    (
        type_change(column, &before, &after, using, catalog, true),
        narrowing(column, &before, &after, using, catalog),
    )
}

/// What the rule on newer servers says, what the server does, and whether the generated rollback takes it back.
async fn set_expression(shadow: Shadow) {
    const TABLE: &str = "create table t (id bigint primary key, n int, more int generated always as (n * 2) stored);
                         insert into t select n, n from generate_series(1, 3) n;";
    const CHANGE: &str = "alter table t alter column more set expression as (n * 3);";
    let major = u16::try_from(shadow.major()).expect("a small number");
    let database = shadow
        .database("expression", Template::Plain)
        .await
        .expect("a database");
    let mut session = database.connect().await.expect("a session");
    session.execute(TABLE).await.expect("a table");
    let mut history = History {
        migrations: vec![Migration::new("1.sql", TABLE), Migration::new("2.sql", CHANGE)],
        complete: true,
        base: Base::Empty,
        ..History::default()
    };
    history.migrations[1].judged = true;
    let settings = Settings {
        postgres: major,
        ..Settings::default()
    };
    let documents = project::documents(&history);
    let found = analysis::check(&history, &documents, &settings);
    let is_told = found.iter().any(|finding| finding.rule == "newer-postgres-needed");
    assert_eq!(is_told, major < 17, "{major}: {found:?}");
    let seen = open(&mut session, CHANGE).await;
    if is_told {
        assert_eq!(seen.error.as_deref(), Some("42601"), "{major}");
        return;
    }
    seen.locks(&["t AccessExclusiveLock"]);
    assert!(seen.rewritten.contains("t"), "{seen:?}");

    let timeline = Timeline::replay(&history, &documents, &settings);
    let rollback = inverse(&timeline, 1, &history, &documents, &settings);
    assert!(!rollback.has_todo());
    let sums = "select sum(more) || ' ' || pg_get_expr(adbin, adrelid) from t, pg_attrdef group by adbin, adrelid";
    session.execute(CHANGE).await.expect("it was possible before");
    assert_eq!(session.value(sums).await.expect("a sum").as_deref(), Some("18 (n * 3)"));
    let script = rollback.to_sql("2.sql", CHANGE);
    session.execute(&script).await.expect("the rollback runs");
    assert_eq!(session.value(sums).await.expect("a sum").as_deref(), Some("12 (n * 2)"));
}

#[tokio::test]
async fn an_expression_is_set_anew_since_17() {
    if let Some(shadow) = support::shadow().await {
        set_expression(shadow).await;
    }
}

#[tokio::test]
async fn an_expression_is_set_anew_on_newer_servers() {
    for variable in ["DBLSP_PG_16", "DBLSP_PG_17", "DBLSP_PG_18"] {
        if let Some(shadow) = support::newer_shadow(variable).await {
            set_expression(shadow).await;
        }
    }
}

#[tokio::test]
async fn every_change_of_type_does_what_the_analysis_says() {
    let Some(shadow) = support::shadow().await else { return };
    let database = shadow.database("types", Template::Plain).await.expect("a database");
    let mut session = database.connect().await.expect("a session");
    session.execute(OWN_TYPES).await.expect("types");
    session.execute("SET timezone = 'UTC'").await.expect("a setting");
    let files = "SELECT string_agg(relname || relfilenode, ',' ORDER BY relname) FROM pg_class WHERE relname = ";
    let mut wrong = Vec::new();
    for from in TYPES {
        for to in TYPES {
            for using in ["", &format!(" using c::{to}")] {
                let alter = format!("alter table t alter column c type {to}{using}");
                let (change, _) = predicted(from, &alter);
                session.execute("DROP TABLE IF EXISTS t").await.expect("no table");
                session
                    .execute(&format!("CREATE TABLE t (c {from})"))
                    .await
                    .expect("a table");
                // Not every type can be indexed.
                let indexed = session.execute("CREATE INDEX i ON t (c)").await.is_ok();
                let (table, index) = (format!("{files}'t'"), format!("{files}'i'"));
                let before = (session.value(&table).await, session.value(&index).await);
                if session.execute(&alter).await.is_err() {
                    continue;
                }
                let after = (session.value(&table).await, session.value(&index).await);
                let seen = if before.0 != after.0 {
                    TypeChange::Rewrite
                } else if before.1 != after.1 {
                    TypeChange::IndexRebuild
                } else {
                    TypeChange::None
                };
                let unseen = !indexed && seen == TypeChange::None && change == TypeChange::IndexRebuild;
                if change != seen && change != TypeChange::Unknown && !unseen {
                    wrong.push(format!("{from}: {alter}: {change:?}, but the server: {seen:?}"));
                }
                // A cast is written only where the server asks for one.
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
