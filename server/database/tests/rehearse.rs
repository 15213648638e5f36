//! A history on a throw-away database.

mod support;

use database::rehearse::{File, Outcome, apply_history};
use database::{Connection, Shadow, Template};

fn file(path: &str, statements: &[&str]) -> File {
    let statements = statements.iter().map(|sql| (*sql).to_owned()).collect();
    File {
        path: path.to_owned(),
        statements,
        transactional: true,
    }
}

async fn session(shadow: &Shadow, template: Template) -> Connection {
    shadow
        .database("h", template)
        .await
        .expect("a database")
        .connect()
        .await
        .expect("a session")
}

async fn applied(session: &mut Connection, statements: &[&str]) {
    for outcome in apply_history(session, &[file("one", statements)])
        .await
        .expect("a server")
    {
        assert_eq!(outcome.outcome, Outcome::Applied);
    }
}

#[tokio::test]
async fn a_failing_file_is_rolled_back_and_the_next_one_goes_on() {
    let Some(shadow) = support::shadow().await else { return };
    let mut session = session(&shadow, Template::Plain).await;
    let files = [
        file("1", &["create table a (id int)", "set search_path = nowhere"]),
        file("2", &["create table b (id int)", "select 'é', nosuch"]),
        file(
            "3",
            &[
                "insert into a values (1)",
                "create index concurrently i on a (id)",
                "vacuum a",
            ],
        ),
        file("4", &["copy a from stdin;\n1\n\\."]),
        file("5", &["begin", "alter table a add b int", "commit"]),
        file(
            "6",
            &[
                "alter table a add unique (id) deferrable initially deferred",
                "insert into a values (1)",
            ],
        ),
    ];
    let outcomes = apply_history(&mut session, &files).await.expect("a server");
    let applied: Vec<bool> = outcomes.iter().map(|file| file.outcome == Outcome::Applied).collect();
    assert_eq!(applied, [true, false, true, false, true, false]);
    let Outcome::Failed(second) = &outcomes[1].outcome else {
        panic!("the second file fails")
    };
    assert_eq!(
        (second.statement, second.error.byte_offset, second.partial),
        (1, Some(13), false)
    );
    assert_eq!(second.error.sqlstate, "42703");
    assert_eq!(outcomes[3].outcome, Outcome::NotSql { statement: 0 });
    let Outcome::Failed(sixth) = &outcomes[5].outcome else {
        panic!("COMMIT finds the duplicate")
    };
    assert_eq!((sixth.statement, sixth.error.sqlstate.as_str()), (2, "23505"));
    let b = session
        .value("select to_regclass('public.b')")
        .await
        .expect("an answer");
    assert_eq!(b, None, "the second file left nothing");
}

#[tokio::test]
async fn extensions_are_created_in_the_file_s_own_transaction() {
    let Some(shadow) = support::shadow().await else { return };
    let mut session = session(&shadow, Template::Plain).await;
    applied(
        &mut session,
        &[
            "create schema tools",
            "create extension if not exists vector with schema tools;",
            "create extension if not exists vector;",
            "create table public.docs (id int, embedding tools.vector(1536))",
            "create index on public.docs using hnsw (embedding tools.vector_cosine_ops) with (m = 16, ef_construction = 64)",
            "create index on public.docs using ivfflat (embedding) with (lists = 100)",
            "set search_path = public, tools",
            "create function match(q vector(1536)) returns setof docs language sql as
                $$ select * from docs order by embedding <=> q limit 5 $$",
            "insert into docs values (1, '[1,2,3]'), (2, array[1, 2, 3]::real[])",
            "comment on extension vector is 'ours'",
        ],
    )
    .await;
    let shown = session.value("select format_type(atttypid, atttypmod) from pg_attribute where attname = 'embedding'");
    assert_eq!(shown.await.expect("an answer").as_deref(), Some("vector(1536)"));
    applied(&mut session, &["drop extension vector cascade"]).await;
    let left = session
        .value("select count(*) from pg_proc where pronamespace = 'tools'::regnamespace")
        .await;
    assert_eq!(left.expect("an answer").as_deref(), Some("0"));
    let refused = apply_history(&mut session, &[file("no", &["create extension nosuch"])])
        .await
        .expect("a server");
    let Outcome::Failed(failure) = &refused[0].outcome else {
        panic!("there is no such extension")
    };
    assert_eq!(failure.error.message, "extension \"nosuch\" is not available");
}

#[tokio::test]
async fn every_stub_can_be_created_and_dropped() {
    let Some(shadow) = support::shadow().await else { return };
    let mut session = session(&shadow, Template::Plain).await;
    for name in [
        "hypopg",
        "http",
        "index_advisor",
        "pg_cron",
        "pg_graphql",
        "pg_jsonschema",
        "pg_net",
        "pg_tle",
        "pgcrypto",
        "pgjwt",
        "pgmq",
        "pgsodium",
        "supabase_vault",
        "uuid-ossp",
        "vector",
    ] {
        let files = [
            file("create", &[&format!("create extension \"{name}\" cascade")]),
            file("drop", &[&format!("drop extension \"{name}\"")]),
        ];
        for outcome in apply_history(&mut session, &files).await.expect("a server") {
            assert_eq!(outcome.outcome, Outcome::Applied, "{} {name}", outcome.path);
        }
    }
}

#[tokio::test]
async fn a_supabase_history_uses_what_supabase_has() {
    let Some(shadow) = support::shadow().await else { return };
    let mut session = session(&shadow, Template::Supabase).await;
    applied(
        &mut session,
        &[
            "create extension if not exists pg_cron",
            "create extension if not exists pg_net with schema extensions",
            "create extension if not exists \"uuid-ossp\" with schema extensions",
            "select cron.schedule('nightly', '0 3 * * *', $$select 1$$)",
            "select cron.unschedule('nightly')",
            "select net.http_post(url := 'http://localhost', body := '{}'::jsonb)",
            "alter default privileges in schema public revoke all on tables from anon",
            "grant usage on schema cron to postgres",
        ],
    )
    .await;
}
