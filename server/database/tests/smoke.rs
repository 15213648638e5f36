//! Tests in SQL, run on a real server: what passes, what fails and where, and that nothing stays behind.

mod support;

use std::fs;
use std::path::Path;

use database::smoke::{self, FileReport};
use database::{Connection, Shadow, Template};

async fn session(template: Template) -> Option<(Shadow, Connection)> {
    let shadow = support::shadow().await?;
    let database = shadow.database("tested", template).await.expect("a database");
    let session = database.connect().await.expect("a session");
    Some((shadow, session))
}

async fn run(session: &mut Connection, text: &str) -> FileReport {
    let report = smoke::run(session, &[("a.sql", text)])
        .await
        .expect("the server is there");
    assert_eq!(report.passed(), report.files[0].failures.is_empty());
    report.files.into_iter().next().expect("one file")
}

/// A test, and what is wrong with it: `line: message`, or the message alone.
const CASES: &[(&str, &[&str])] = &[
    ("begin; select '1..1'; select 'ok 1 - a'; rollback;", &[]),
    ("select 1; do $$ begin assert true; end $$;", &[]),
    ("-- nothing at all\n", &[]),
    ("select 1;\ndo $$ begin assert false, 'no'; end $$;", &["2: no (P0004)"]),
    ("select '1..1';\nselect 'not ok 1 - a';", &["1 of 1 assertions failed"]),
    ("select '1..2'; select 'ok 1';", &["2 assertions were planned, 1 ran"]),
    ("select '1..1'; select 'not ok 1 # TODO later';", &[]),
    ("select '1..0 # SKIP not here';", &[]),
    ("\\set ON_ERROR_STOP 1\nselect 1;", &[]),
    ("\\i other.sql\nselect 1;", &["1: only psql understands this"]),
    (
        "create table t ();\ncommit;",
        &["2: a test is always rolled back, so it must not commit"],
    ),
    (
        "select 'é';\nselect\n  missing;",
        &["3: column \"missing\" does not exist (42703)"],
    ),
    (
        "do $$ begin commit; end $$;",
        &["1: invalid transaction termination (2D000)"],
    ),
    (
        "begin; create table a (); rollback; begin; create table a (); select '1..1'; select 'ok 1'; rollback;",
        &[],
    ),
    (
        "create temp table t (a int, b text);\ncopy t from stdin;\n1\tx\n2\ty\n\\.\n\
         select '1..1'; select case count(*) when 2 then 'ok 1' else 'not ok 1' end from t;",
        &[],
    ),
    ("select E'1..2\\nok 1\\nok 2';", &[]),
    ("select 'ok 1', '- in two columns'; select '1..1';", &[]),
];

#[tokio::test]
async fn tests_pass_or_say_what_is_wrong_and_where() {
    let Some((_shadow, mut session)) = session(Template::Plain).await else {
        return;
    };
    for (text, expected) in CASES {
        let report = run(&mut session, text).await;
        let found: Vec<String> = report
            .failures
            .iter()
            .map(|failure| match failure.line {
                Some(line) => format!("{line}: {}", failure.message),
                None => failure.message.clone(),
            })
            .collect();
        assert_eq!(found, *expected, "{text}");
    }
}

#[tokio::test]
async fn nothing_stays_behind_and_nothing_leaks_into_the_next_test() {
    let Some((_shadow, mut session)) = session(Template::Plain).await else {
        return;
    };
    let tests = [
        (
            "a.sql",
            "create table kept (); set search_path = pg_temp; create temp table t (); select 1/0;",
        ),
        (
            "b.sql",
            "do $$ begin assert to_regclass('t') is null and to_regclass('kept') is null; end $$;",
        ),
        (
            "c.sql",
            "select '1..1'; select case when current_setting('search_path') like '%public%' then 'ok' else 'not ok' end;",
        ),
    ];
    let report = smoke::run(&mut session, &tests).await.expect("the server is there");
    let passed: Vec<bool> = report.files.iter().map(|file| file.failures.is_empty()).collect();
    assert_eq!(passed, [false, true, true], "{report:#?}");
    let tables = session
        .value("SELECT count(*) FROM pg_class WHERE relname = 'kept'")
        .await;
    assert_eq!(tables.expect("counted").as_deref(), Some("0"));
}

#[tokio::test]
async fn no_test_at_all_is_no_success() {
    let Some((_shadow, mut session)) = session(Template::Plain).await else {
        return;
    };
    assert!(!smoke::run(&mut session, &[]).await.expect("nothing to do").passed());
}

/// The reference project's own tests pass after its migrations, and fail before.
#[tokio::test]
async fn the_reference_project_passes_its_tests() {
    let Some((_shadow, mut session)) = session(Template::Supabase).await else {
        return;
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../supabase");
    let read = |path: &str| fs::read_to_string(folder.join(path)).expect("the file is there");
    let (smoke, integration) = (
        read("tests/v0.7.0_smoke_test.sql"),
        read("tests/v0.7.0_integration_test.sql"),
    );
    let tests = [("smoke", &*smoke), ("integration", &*integration)];
    assert!(!smoke::run(&mut session, &tests).await.expect("a report").passed());
    for migration in ["20251026211500_v0_7_0_baseline.sql", "20251026213000_v0_7_0_seed.sql"] {
        session
            .execute(&read(&format!("migrations/{migration}")))
            .await
            .expect("it applies");
    }
    let report = smoke::run(&mut session, &tests).await.expect("a report");
    assert!(report.passed(), "{report:#?}");
    assert_eq!(
        report
            .files
            .iter()
            .map(|file| file.assertions.len())
            .collect::<Vec<_>>(),
        [169, 33]
    );
}
