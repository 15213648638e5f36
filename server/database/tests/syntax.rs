//! The server's own parser, asked without running anything.

mod support;

use database::Template;
use database::syntax::{SyntaxError, SyntaxOracle};

async fn verdicts(texts: &[&str]) -> Option<Vec<Result<(), SyntaxError>>> {
    let shadow = support::shadow().await?;
    let database = shadow.database("syntax", Template::Plain).await.expect("a database");
    let mut oracle = SyntaxOracle::new(database.connect().await.expect("a session"))
        .await
        .expect("an oracle");
    let mut verdicts = Vec::new();
    for text in texts {
        verdicts.push(oracle.parse_verdict(text).await.expect("the server answers"));
    }
    let mut session = database.connect().await.expect("a session");
    let tables = session
        .value("SELECT count(*) FROM pg_class WHERE relname LIKE 'made%'")
        .await;
    assert_eq!(tables.expect("an answer").as_deref(), Some("0"), "nothing was run");
    Some(verdicts)
}

#[tokio::test]
async fn valid_text_is_valid_and_never_run() {
    let valid = [
        "CREATE TABLE made_1 (a int)",
        "COMMIT; CREATE TABLE made_2 (a int); BEGIN; SELECT 1/0",
        "ROLLBACK",
        "ROLLBACK; CREATE TABLE made_3 (a int)",
        "END",
        "PREPARE TRANSACTION 'x'",
        "COPY made FROM stdin",
        "VACUUM",
        "SELECT nosuch FROM nowhere",
        "",
        "-- only a comment",
        ";;",
    ];
    let Some(verdicts) = verdicts(&valid).await else { return };
    for (text, verdict) in valid.iter().zip(verdicts) {
        assert_eq!(verdict, Ok(()), "{text}");
    }
}

#[tokio::test]
async fn an_error_is_at_its_byte() {
    let invalid = [
        "SELECT 'é' FRM t x",
        "SELEC 1",
        "CREATE TABLE t (a int,)",
        "SELECT 1; x",
        "SELECT 'ü\u{0}'",
        "SELECT 'open",
    ];
    let Some(verdicts) = verdicts(&invalid).await else {
        return;
    };
    let at: Vec<usize> = verdicts
        .iter()
        .map(|verdict| verdict.as_ref().expect_err("invalid").byte_offset)
        .collect();
    assert_eq!(at, [16, 0, 22, 10, 10, 7]);
    let first = verdicts[0].as_ref().expect_err("invalid");
    assert_eq!(
        (first.sqlstate.as_str(), first.message.as_str()),
        ("42601", "syntax error at or near \"t\"")
    );
}
