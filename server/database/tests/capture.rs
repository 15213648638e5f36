//! Captures on a real server: every change is seen under its own name, and nothing else is.

mod support;

use database::capture::{Capture, What, compare};
use database::{Connection, Template};

const SCHEMA: &str = r#"
CREATE SCHEMA app;
SET search_path = app;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TYPE pair AS (a integer, b text);
CREATE DOMAIN email AS text CONSTRAINT at_sign CHECK (VALUE ~ '@');
CREATE TYPE span AS RANGE (subtype = float8);
CREATE SEQUENCE counter;
CREATE TABLE parent (id bigint PRIMARY KEY, name text DEFAULT 'x', total numeric, CONSTRAINT positive CHECK (total > 0));
CREATE TABLE child (a integer, parent_id bigint REFERENCES parent, b text);
CREATE INDEX lookup ON child (a);
CREATE VIEW seen AS SELECT id FROM parent;
CREATE MATERIALIZED VIEW stored AS SELECT a FROM child;
CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
CREATE FUNCTION plus(a integer, b integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT a + b $$;
CREATE AGGREGATE most(integer) (SFUNC = int4larger, STYPE = integer);
CREATE TRIGGER on_change BEFORE INSERT ON child FOR EACH ROW EXECUTE FUNCTION act();
ALTER TABLE parent ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON parent FOR SELECT USING (id = 1);
CREATE RULE quiet AS ON DELETE TO child DO INSTEAD NOTHING;
CREATE STATISTICS both_columns ON a, b FROM child;
CREATE OPERATOR === (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4eq);
CREATE COLLATION german FROM "C";
CREATE CAST (pair AS mood) WITH INOUT;
CREATE TEXT SEARCH CONFIGURATION words (COPY = pg_catalog.simple);
CREATE TEXT SEARCH DICTIONARY stems (TEMPLATE = pg_catalog.simple);
CREATE PUBLICATION news FOR TABLE child;
CREATE FUNCTION event() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION event();
CREATE FOREIGN DATA WRAPPER wrapper;
CREATE SERVER far FOREIGN DATA WRAPPER wrapper;
CREATE USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (password 'secret of a mapping');
CREATE ROLE capture_clerk;
GRANT SELECT ON child TO capture_clerk;
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO capture_clerk;
COMMENT ON TABLE child IS 'old';
ALTER ROLE capture_clerk SET lock_timeout = '1s';
"#;

/// A change, and the rows in which it must show and no others, `class identity` each.
const CHANGES: &[(&str, &[&str])] = &[
    ("CREATE SCHEMA other", &["schema other"]),
    ("ALTER SCHEMA app OWNER TO capture_clerk", &["schema app"]),
    ("ALTER TABLE child SET (fillfactor = 50)", &["table app.child"]),
    ("ALTER TABLE child REPLICA IDENTITY FULL", &["table app.child"]),
    (
        "ALTER TABLE parent ALTER name SET DEFAULT 'y'",
        &["column app.parent.name"],
    ),
    (
        "ALTER TABLE child ALTER b SET STORAGE external",
        &["column app.child.b"],
    ),
    ("ALTER TABLE child ALTER b SET STATISTICS 7", &["column app.child.b"]),
    (
        "ALTER TABLE parent DROP CONSTRAINT positive; ALTER TABLE parent ADD CONSTRAINT positive CHECK (total > 1)",
        &["constraint app.parent.positive"],
    ),
    (
        "DROP INDEX lookup; CREATE INDEX lookup ON child (a DESC)",
        &["index app.lookup"],
    ),
    (
        "CREATE OR REPLACE VIEW seen AS SELECT id FROM parent WHERE id > 1",
        &["view app.seen"],
    ),
    (
        "REFRESH MATERIALIZED VIEW stored WITH NO DATA",
        &["materialized_view app.stored"],
    ),
    ("ALTER SEQUENCE counter MAXVALUE 7", &["sequence app.counter"]),
    (
        "CREATE OR REPLACE FUNCTION plus(a integer, b integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT a - b'",
        &["function app.plus(integer, integer)"],
    ),
    (
        "CREATE OR REPLACE AGGREGATE most(integer) (SFUNC = int4smaller, STYPE = integer)",
        &["function app.most(integer)"],
    ),
    (
        "DROP TRIGGER on_change ON child; \
         CREATE TRIGGER on_change BEFORE INSERT ON child FOR EACH ROW WHEN (new.a > 1) EXECUTE FUNCTION act()",
        &["trigger app.child.on_change"],
    ),
    ("ALTER POLICY own ON parent USING (id = 2)", &["policy app.parent.own"]),
    (
        "CREATE OR REPLACE RULE quiet AS ON DELETE TO child WHERE old.a > 1 DO INSTEAD NOTHING",
        &["rule app.child.quiet"],
    ),
    (
        "ALTER STATISTICS both_columns SET STATISTICS 7",
        &["statistics app.both_columns"],
    ),
    ("ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'", &["enum app.mood"]),
    (
        "ALTER TYPE pair ALTER ATTRIBUTE b TYPE varchar",
        &["composite app.pair"],
    ),
    (
        "ALTER DOMAIN email DROP CONSTRAINT at_sign; ALTER DOMAIN email ADD CONSTRAINT at_sign CHECK (VALUE ~ '@@')",
        &["domain app.email"],
    ),
    (
        "DROP TYPE span; CREATE TYPE span AS RANGE (subtype = float8, subtype_diff = float8mi)",
        &["range app.span"],
    ),
    (
        "DROP CAST (pair AS mood); CREATE CAST (pair AS mood) WITH INOUT AS IMPLICIT",
        &["cast app.pair AS app.mood"],
    ),
    (
        "ALTER OPERATOR === (integer, integer) SET (RESTRICT = eqsel)",
        &["operator app.===(integer, integer)"],
    ),
    (
        "ALTER TEXT SEARCH CONFIGURATION words DROP MAPPING FOR asciiword",
        &["text_search_configuration app.words"],
    ),
    (
        "ALTER TEXT SEARCH DICTIONARY stems (accept = false)",
        &["text_search_dictionary app.stems"],
    ),
    (
        "DROP COLLATION german; CREATE COLLATION german FROM \"POSIX\"",
        &["collation app.german"],
    ),
    (
        "ALTER PUBLICATION news SET (publish_via_partition_root = true)",
        &["publication news"],
    ),
    (
        "ALTER PUBLICATION news DROP TABLE child",
        &["publication_table news.app.child"],
    ),
    ("ALTER EVENT TRIGGER watch DISABLE", &["event_trigger watch"]),
    ("ALTER SERVER far OPTIONS (ADD host 'there')", &["server far"]),
    (
        "ALTER USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (SET password 'another')",
        &["user_mapping far.supabase_admin"],
    ),
    ("ALTER ROLE capture_clerk CONNECTION LIMIT 7", &["role capture_clerk"]),
    (
        "ALTER ROLE capture_clerk SET lock_timeout = '2s'",
        &["setting role:capture_clerk:lock_timeout"],
    ),
    (
        "ALTER DATABASE capture SET lock_timeout = '2s'",
        &["setting database:lock_timeout"],
    ),
    (
        "GRANT INSERT ON child TO capture_clerk",
        &["grant table:app.child:capture_clerk"],
    ),
    (
        "GRANT CONNECT ON DATABASE capture TO capture_clerk",
        &["grant database:capture_clerk"],
    ),
    (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT INSERT ON TABLES TO capture_clerk",
        &["default_privilege supabase_admin.app.r.capture_clerk"],
    ),
    ("COMMENT ON TABLE child IS 'new'", &["comment table:app.child"]),
    ("CREATE EXTENSION citext SCHEMA app", &["extension citext"]),
    (
        "CREATE TRANSFORM FOR mood LANGUAGE plpgsql (FROM SQL WITH FUNCTION prsd_lextype(internal))",
        &["unread transform for app.mood language plpgsql"],
    ),
    // What leaves the schema as it is.
    ("INSERT INTO parent VALUES (1)", &[]),
    ("SELECT nextval('counter')", &[]),
    ("ALTER TABLE child ADD c integer; ALTER TABLE child DROP c", &[]),
    (
        "ALTER TABLE child DROP b; ALTER TABLE child ADD b text; CREATE STATISTICS both_columns ON a, b FROM child",
        &[],
    ),
    ("DROP INDEX lookup; CREATE INDEX lookup ON child (a)", &[]),
    (
        "DROP POLICY own ON parent; CREATE POLICY own ON parent FOR SELECT USING (id = 1)",
        &[],
    ),
    (
        "GRANT SELECT ON parent TO capture_clerk; REVOKE SELECT ON parent FROM capture_clerk",
        &[],
    ),
    ("CREATE SCHEMA dblsp CREATE TABLE run (id bigint)", &[]),
    (
        "CREATE SCHEMA supabase_migrations CREATE TABLE schema_migrations (version text)",
        &[],
    ),
];

/// The session, as the harness's superuser, in a database that holds the schema.
async fn session() -> Option<(database::Shadow, Connection)> {
    let shadow = support::shadow().await?;
    let database = shadow.database("capture", Template::Plain).await.expect("a database");
    let mut session = database.harness().await.expect("a session");
    session.execute(SCHEMA).await.expect("the schema is valid");
    Some((shadow, session))
}

#[tokio::test]
async fn every_change_shows_under_its_own_name_and_no_other() {
    let Some((_shadow, mut session)) = session().await else {
        return;
    };
    let before = Capture::read(&mut session).await.expect("a capture");
    let mut wrong = Vec::new();
    for (change, expected) in CHANGES {
        session
            .execute("BEGIN; SET LOCAL search_path = app")
            .await
            .expect("begun");
        if let Err(error) = session.execute(change).await {
            wrong.push(format!("{change}: {error}"));
            session.execute("ROLLBACK").await.expect("rolled back");
            continue;
        }
        let after = Capture::read_in_transaction(&mut session).await.expect("a capture");
        session.execute("ROLLBACK").await.expect("rolled back");
        let found: Vec<String> = compare(&before, &after)
            .iter()
            .map(|difference| format!("{} {}", difference.class, difference.identity))
            // PostgreSQL 16 and later leave a word out.
            .map(|name| name.replace(" on language ", " language "))
            .collect();
        if found != *expected {
            wrong.push(format!("{change}: expected {expected:?}, found {found:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(Capture::read(&mut session).await.expect("a capture"), before);
}

#[tokio::test]
async fn a_column_that_was_dropped_and_added_again_stands_last() {
    let Some((_shadow, mut session)) = session().await else {
        return;
    };
    let before = Capture::read(&mut session).await.expect("a capture");
    session
        .execute("ALTER TABLE app.child DROP a CASCADE; ALTER TABLE app.child ADD a integer; CREATE INDEX lookup ON app.child (a)")
        .await
        .expect("altered");
    let after = Capture::read(&mut session).await.expect("a capture");
    let reordered: Vec<_> = compare(&before, &after)
        .into_iter()
        .filter(|found| found.class == "table")
        .map(|found| found.what)
        .collect();
    let names = |names: [&str; 3]| names.map(str::to_owned).to_vec();
    let expected = What::Reordered {
        before: names(["a", "parent_id", "b"]),
        after: names(["parent_id", "b", "a"]),
    };
    assert_eq!(reordered, [expected]);
}

#[tokio::test]
async fn secrets_of_mappings_are_not_kept() {
    let Some((_shadow, mut session)) = session().await else {
        return;
    };
    let capture = Capture::read(&mut session).await.expect("a capture");
    assert!(!format!("{capture:?}").contains("secret of a mapping"));
}
