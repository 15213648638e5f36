//! The reference project in supabase/, applied to a real PostgreSQL: what the design document promises is there, the
//! tests notice when any of it is missing, and the rollbacks give back what was there before.

#[path = "support/postgres.rs"]
mod postgres;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use database::canonical::{self, Known, Row};
use database::rehearse::{File, Outcome, apply_file};
use database::{Connection, Database, Options, ServerError, Shadow, ShadowError, Template};

use postgres::skip;

const BASELINE: &str = "supabase/migrations/20251026211500_v0_7_0_baseline.sql";
const SEED: &str = "supabase/migrations/20251026213000_v0_7_0_seed.sql";
const COLLABORATION: &str = "supabase/migrations/20251027140000_v0_8_0_collaboration.sql";

#[test]
fn check_finds_nothing() {
    let output = Command::new(env!("CARGO_BIN_EXE_dblsp"))
        .arg("check")
        .current_dir(root())
        .output()
        .expect("the binary starts");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{shown}");
}

/// One test, because all of it shares one server; each part has a database of its own.
#[tokio::test]
async fn the_reference_project_keeps_its_promises() {
    let Some(shadow) = shadow().await else { return };
    the_baseline_is_what_the_design_document_counts(&shadow).await;
    the_tests_pass(&shadow).await;
    every_rollback_gives_back_what_was_there(&shadow).await;
    for (version, files) in [
        ("v0.7.0", &[BASELINE, SEED][..]),
        ("v0.8.0", &[BASELINE, SEED, COLLABORATION]),
    ] {
        a_missing_object_turns_the_smoke_test_red(&shadow, version, files).await;
    }
}

async fn the_baseline_is_what_the_design_document_counts(shadow: &Shadow) {
    let database = fresh(shadow, "counts", &[BASELINE]).await;
    let mut session = database.harness().await.expect("a session");
    let counted = session.rows(COUNTS).await.expect("the catalogs can be read");
    let counted: Vec<(&str, &str)> = counted
        .iter()
        .map(|row| {
            (
                row[0].as_deref().unwrap_or_default(),
                row[1].as_deref().unwrap_or_default(),
            )
        })
        .collect();
    let promised = [("tables", "30"), ("views", "3"), ("policies", "16"), ("functions", "4")];
    assert_eq!(counted, promised);
    let lacking = session.rows(LACKING).await.expect("the catalogs can be read");
    assert_eq!(lacking, Vec::<Vec<Option<String>>>::new());
}

const COUNTS: &str = "
select 'tables', count(*) from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
union all
select 'views', count(*) from pg_class where relnamespace = 'public'::regnamespace and relkind in ('v', 'm')
union all
select 'policies', count(*) from pg_policies where schemaname = 'public'
union all
select 'functions', count(*) from pg_proc where pronamespace = 'public'::regnamespace";

/// Tables without a primary key, without row security, and foreign keys without an index that begins with their columns.
const LACKING: &str = "
select c.oid::regclass::text, 'no primary key' from pg_class c
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
  and not exists (select from pg_constraint where conrelid = c.oid and contype = 'p')
union all
select oid::regclass::text, 'no row security' from pg_class
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relrowsecurity
union all
select conrelid::regclass::text, conname || ' has no index' from pg_constraint
where connamespace = 'public'::regnamespace and contype = 'f' and not exists (
  select from pg_index
  where indrelid = conrelid and indpred is null and indisvalid
    and (indkey::smallint[])[0:cardinality(conkey) - 1] @> conkey
)";

async fn the_tests_pass(shadow: &Shadow) {
    let database = fresh(shadow, "green", &[BASELINE, SEED]).await;
    let mut session = database.connect().await.expect("a session");
    for name in ["v0.7.0_smoke_test", "v0.7.0_integration_test"] {
        assert_eq!(
            failures(&mut session, &test(name)).await,
            Vec::<String>::new(),
            "{name}"
        );
    }
    assert!(
        !failures(&mut session, &test("v0.8.0_smoke_test")).await.is_empty(),
        "v0.8.0 is not there yet"
    );
    apply(&mut session, COLLABORATION).await;
    for name in ["v0.7.0_smoke_test", "v0.7.0_integration_test", "v0.8.0_smoke_test"] {
        assert_eq!(
            failures(&mut session, &test(name)).await,
            Vec::<String>::new(),
            "{name}"
        );
    }
}

async fn every_rollback_gives_back_what_was_there(shadow: &Shadow) {
    let database = fresh(shadow, "back", &[]).await;
    let mut session = database.connect().await.expect("a session");
    let mut harness = database.harness().await.expect("a session");
    let known = Known::read(&mut harness).await.expect("the roles can be read");
    let mut before = Vec::new();
    let migrations = [BASELINE, SEED, COLLABORATION];
    for file in migrations {
        before.push(state(&mut harness, &known).await);
        apply(&mut session, file).await;
    }
    for (file, before) in migrations.into_iter().zip(before).rev() {
        let name = file.rsplit('/').next().unwrap_or_default();
        let version = name.split('_').next().unwrap_or_default();
        apply(&mut session, &format!("supabase/rollback/{version}_rollback.sql")).await;
        let after = state(&mut harness, &known).await;
        let lost: Vec<_> = before.0.iter().filter(|row| !after.0.contains(row)).collect();
        let left: Vec<_> = after.0.iter().filter(|row| !before.0.contains(row)).collect();
        assert!(
            lost.is_empty() && left.is_empty(),
            "{name}: lost {lost:#?}, left {left:#?}"
        );
        assert_eq!(after.1, before.1, "{name}: rows");
    }
}

/// Every object, and how many rows every table holds.
async fn state(harness: &mut Connection, known: &Known) -> (Vec<Row>, Vec<Vec<Option<String>>>) {
    let rows = canonical::read(harness, known).await.expect("the catalogs can be read");
    let counts = harness.rows(ROW_COUNTS).await.expect("the tables can be counted");
    (rows, counts)
}

const ROW_COUNTS: &str = "
select c.oid::regclass::text, (xpath('/row/c/text()', query_to_xml(
  format('select count(*) as c from %s', c.oid::regclass), false, true, '')))[1]::text
from pg_class c where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by 1";

async fn a_missing_object_turns_the_smoke_test_red(shadow: &Shadow, version: &str, files: &[&str]) {
    let (last, earlier) = files.split_last().expect("a version has files");
    let promised_by_last = version == "v0.8.0";
    let database = fresh(shadow, &format!("red {version}"), earlier).await;
    let mut harness = database.harness().await.expect("a session");
    let before = if promised_by_last {
        removals(&mut harness).await
    } else {
        Vec::new()
    };
    let mut session = database.connect().await.expect("a session");
    apply(&mut session, last).await;
    let mut all = removals(&mut harness).await;
    all.retain(|removal| !before.contains(removal));
    assert!(all.len() > 40, "the catalog lists what there is: {}", all.len());
    let smoke_test = test(&format!("{version}_smoke_test"));
    let mut unnoticed = Vec::new();
    for (what, sql) in &all {
        // Row by row, and what a foreign key would refuse as well.
        let mutation = format!("begin; set local session_replication_role = replica; {sql}");
        harness
            .execute(&mutation)
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        // Ends in the test's own `rollback`.
        if failures(&mut harness, &smoke_test).await.is_empty() {
            unnoticed.push(what);
        }
    }
    assert_eq!(unnoticed, Vec::<&String>::new(), "{version}");
    assert_eq!(
        failures(&mut harness, &smoke_test).await,
        Vec::<String>::new(),
        "every removal is undone"
    );
}

/// Everything that can be taken away from the database, with the statement that does it.
async fn removals(harness: &mut Connection) -> Vec<(String, String)> {
    let rows = harness.rows(REMOVALS).await.expect("the catalogs can be read");
    rows.into_iter()
        .map(|row| {
            let mut values = row.into_iter().map(Option::unwrap_or_default);
            (values.next().unwrap_or_default(), values.next().unwrap_or_default())
        })
        .collect()
}

const REMOVALS: &str = "
with relation as (
  select oid, oid::regclass::text as name, relname, relkind, relrowsecurity, relacl from pg_class
  where relnamespace = 'public'::regnamespace and relkind in ('r', 'v')
)
select 'table ' || name, format('drop table %s cascade', name) from relation where relkind = 'r'
union all
select 'view ' || name, format('drop view %s cascade', name) from relation where relkind = 'v'
union all
select 'column ' || name || '.' || attname, format('alter table %s drop column %I cascade', name, attname)
from relation join pg_attribute on attrelid = oid
where relkind = 'r' and attnum > 0 and not attisdropped
union all
select 'constraint ' || conname || ' of ' || name, format('alter table %s drop constraint %I cascade', name, conname)
from relation join pg_constraint on conrelid = relation.oid
where contype in ('c', 'f', 'p', 'u', 'x')
union all
select 'row security of ' || name, format('alter table %s disable row level security', name)
from relation where relrowsecurity
union all
select 'policy ' || polname || ' on ' || name, format('drop policy %I on %s', polname, name)
from relation join pg_policy on polrelid = relation.oid
union all
select 'function ' || oid::regprocedure, format('drop function %s cascade', oid::regprocedure)
from pg_proc where pronamespace = 'public'::regnamespace
union all
select 'trigger ' || tgname || ' on ' || tgrelid::regclass, format('drop trigger %I on %s', tgname, tgrelid::regclass)
from pg_trigger join pg_proc on pg_proc.oid = tgfoid
where not tgisinternal and pronamespace = 'public'::regnamespace
union all
select 'disabled trigger ' || tgname || ' on ' || tgrelid::regclass,
  format('alter table %s disable trigger %I', tgrelid::regclass, tgname)
from pg_trigger join pg_proc on pg_proc.oid = tgfoid
where not tgisinternal and pronamespace = 'public'::regnamespace
union all
select 'index ' || indexrelid::regclass, format('drop index %s', indexrelid::regclass)
from relation join pg_index on indrelid = relation.oid
where not exists (select from pg_constraint where conindid = indexrelid and contype <> 'f')
union all
select 'privileges of ' || rolname || ' on ' || name, format('revoke all on table %s from %I', name, rolname)
from relation, lateral (select distinct grantee from aclexplode(relacl)) as acl join pg_roles on pg_roles.oid = grantee
where rolname in ('anon', 'authenticated')
union all
select 'row ' || key || ' of ' || name, format('delete from %s where ctid = %L', name, key)
from relation, lateral unnest(xpath('//ctid/text()', query_to_xml(
  format('select ctid from %s', name), false, false, ''))::text[]) as key
where relkind = 'r'
order by 1";

/// The lines of a TAP text that are not `ok`, or the error that ended it.
async fn failures(session: &mut Connection, text: &str) -> Vec<String> {
    match tap(session, text).await {
        Ok(lines) => {
            let Some((plan, results)) = lines.split_first() else {
                return vec!["no plan".to_owned()];
            };
            let mut failed: Vec<String> = results
                .iter()
                .filter(|line| !line.starts_with("ok "))
                .cloned()
                .collect();
            if *plan != format!("1..{}", results.len()) {
                failed.push(format!("{} results for the plan {plan}", results.len()));
            }
            failed
        }
        Err(error) => {
            session.execute("rollback").await.expect("the server is there");
            vec![error.to_string()]
        }
    }
}

async fn tap(session: &mut Connection, text: &str) -> Result<Vec<String>, ServerError> {
    let rows = session.rows(text).await?;
    Ok(rows.into_iter().flatten().map(Option::unwrap_or_default).collect())
}

/// A new Supabase project with these migrations.
async fn fresh(shadow: &Shadow, name: &str, files: &[&str]) -> Database {
    let database = shadow.database(name, Template::Supabase).await.expect("a database");
    let mut session = database.connect().await.expect("a session");
    for file in files {
        apply(&mut session, file).await;
    }
    session.close().await;
    database
}

/// Applies one file in one transaction, as `supabase db push` does.
async fn apply(session: &mut Connection, path: &str) {
    let text = read(path);
    let statements = analysis::sql::parse(&text).statements;
    let file = File {
        path: path.to_owned(),
        statements: statements
            .iter()
            .map(|statement| statement.span.slice(&text).to_owned())
            .collect(),
        transactional: true,
    };
    let outcome = apply_file(session, &file).await.expect("the server is there");
    assert_eq!(outcome, Outcome::Applied, "{path}");
}

fn test(name: &str) -> String {
    read(&format!("supabase/tests/{name}.sql"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// A server, or `None` where this machine has no PostgreSQL. In CI that is a failure.
async fn shadow() -> Option<Shadow> {
    let options = Options {
        major: Some(15),
        folder: std::env::var_os("DBLSP_TEST_ROOT").map(Into::into),
        ..Options::default()
    };
    match Shadow::start(options).await {
        Ok(shadow) => Some(shadow),
        Err(ShadowError::NotInstalled) if std::env::var("CI").as_deref() != Ok("true") => {
            skip();
            None
        }
        Err(error) => panic!("{error}\nhint: {}", error.hint()),
    }
}
