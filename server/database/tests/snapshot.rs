//! Snapshots of real databases: the same schema is the same text, odd names survive, and what cannot be dumped is said.

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::{fs, io};

use database::address::Secret;
use database::capture::{Capture, compare};
use database::snapshot::{self, Client, ClientError, Libpq, Printer, SnapshotError};
use database::{Connection, Database, Shadow, Template};

/// One object of every kind that `dblsp` prints, with names that need quotes.
const ODD: &str = r#"
CREATE SCHEMA "odd; schema";
SET search_path = "odd; schema";
CREATE TYPE "the ""mood""" AS ENUM ('it''s', 'o;k');
CREATE TYPE pair AS (a integer, "b c" text);
CREATE DOMAIN email AS varchar(320) DEFAULT '' CONSTRAINT "at sign" CHECK (VALUE ~ '@');
CREATE SEQUENCE "coun ter" AS smallint INCREMENT BY 5 MAXVALUE 100 CYCLE;
CREATE FUNCTION "next; one"() RETURNS bigint LANGUAGE sql AS $$ SELECT nextval('"odd; schema"."coun ter"') $$;
CREATE TABLE "$(touch x)" (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number bigint NOT NULL DEFAULT "odd; schema"."next; one"(),
    label varchar(10) COLLATE "C" DEFAULT 'x',
    total numeric(10, 2),
    twice numeric GENERATED ALWAYS AS (total * 2) STORED,
    CONSTRAINT "posi""tive" CHECK (total > 0)
);
CREATE TABLE child (
    a serial, parent_id bigint REFERENCES "$(touch x)" ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    UNIQUE (a, parent_id)
);
ALTER TABLE child ADD CONSTRAINT later CHECK (a > 0) NOT VALID;
CREATE TABLE event (at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE INDEX "look up" ON child (a DESC) INCLUDE (parent_id) WHERE a > 0;
CREATE VIEW "a view" WITH (security_invoker = true) AS SELECT id, label FROM "$(touch x)";
CREATE VIEW another AS SELECT id FROM "a view";
CREATE MATERIALIZED VIEW stored AS SELECT a FROM child WITH NO DATA;
CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$ BEGIN RETURN new; END $$;
CREATE PROCEDURE proc() LANGUAGE sql AS $$ SELECT 1 $$;
CREATE AGGREGATE most(integer) (SFUNC = int4larger, STYPE = integer);
CREATE TRIGGER "on change" BEFORE INSERT ON child FOR EACH ROW EXECUTE FUNCTION act();
ALTER TABLE child DISABLE TRIGGER "on change";
ALTER TABLE child ENABLE ROW LEVEL SECURITY;
ALTER TABLE child FORCE ROW LEVEL SECURITY;
CREATE POLICY "may; see" ON child AS RESTRICTIVE FOR SELECT TO anon, authenticated USING (a > 1);
CREATE POLICY "may write" ON child WITH CHECK (a > 2);
CREATE RULE quiet AS ON DELETE TO child DO INSTEAD NOTHING;
CREATE STATISTICS both_columns ON a, parent_id FROM child;
GRANT SELECT, INSERT ON child TO anon;
GRANT UPDATE (a) ON child TO authenticated;
GRANT USAGE ON SCHEMA "odd; schema" TO anon WITH GRANT OPTION;
REVOKE EXECUTE ON FUNCTION act() FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA "odd; schema" GRANT SELECT ON TABLES TO anon;
COMMENT ON TABLE child IS 'it''s; old';
COMMENT ON COLUMN child.a IS 'where';
COMMENT ON POLICY "may; see" ON child IS 'why';
"#;

/// Only on a project of Supabase.
const BESIDE: &str = "
CREATE FUNCTION public.provision() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
CREATE TRIGGER on_auth_user_created AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION public.provision();
CREATE POLICY \"own files\" ON storage.objects FOR SELECT TO authenticated USING (owner = auth.uid());
INSERT INTO storage.buckets (id, name) VALUES ('ava''tars', 'ava''tars');
CREATE TABLE public.message (id bigint PRIMARY KEY);
ALTER PUBLICATION supabase_realtime ADD TABLE public.message;
";

async fn database(name: &str, template: Template, sql: &str) -> Option<(Shadow, Database, Connection)> {
    let shadow = support::shadow().await?;
    let database = shadow.database(name, template).await.expect("a database");
    let mut session = database.connect().await.expect("a session");
    session.execute(sql).await.expect("the schema is valid");
    Some((shadow, database, session))
}

fn libpq(database: &Database) -> Libpq {
    Libpq::new(&database.address()).expect("variables")
}

fn client(shadow: &Shadow) -> Result<Client, ClientError> {
    Client::discover(shadow.major(), &[])
}

async fn text(session: &mut Connection, database: &Database, client: &Result<Client, ClientError>) -> String {
    let taken = snapshot::take(session, &libpq(database), client).await;
    taken.expect("a snapshot").text
}

#[tokio::test]
async fn the_same_schema_is_the_same_text() {
    let name = "odd \"name\"; of $(a) database";
    let Some((shadow, database, mut session)) = database(name, Template::Supabase, ODD).await else {
        return;
    };
    let client = client(&shadow);
    let first = text(&mut session, &database, &client).await;
    let second = text(&mut session, &database, &client).await;
    assert_eq!(first, second);
    for gone in [
        "\\restrict",
        "Dumped",
        "supabase_admin",
        "CREATE TABLE auth.",
        "supabase_migrations",
    ] {
        assert!(!first.contains(gone), "{gone}");
    }
    for there in [
        "CREATE TABLE \"odd; schema\".\"$(touch x)\"",
        "ROW LEVEL SECURITY",
        "GRANT SELECT,INSERT",
    ] {
        assert!(first.contains(there), "{there}:\n{first}");
    }
}

#[tokio::test]
async fn what_hangs_on_the_platforms_tables_is_in_it() {
    let Some((shadow, database, mut session)) = database("beside", Template::Supabase, BESIDE).await else {
        return;
    };
    for client in [client(&shadow), Err(ClientError::Missing)] {
        let text = text(&mut session, &database, &client).await;
        for there in [
            "CREATE TRIGGER on_auth_user_created AFTER INSERT ON auth.users",
            "CREATE POLICY \"own files\" ON storage.objects AS PERMISSIVE FOR SELECT TO authenticated",
            "VALUES ('ava''tars', 'ava''tars', 'f')",
            "ALTER PUBLICATION supabase_realtime ADD TABLE ONLY public.message",
        ] {
            assert!(text.contains(there), "{there}:\n{text}");
        }
    }
}

/// The committed snapshots of the reference project are what this writes.
#[tokio::test]
async fn the_reference_project_s_snapshots_are_current() {
    let Some((shadow, database, mut session)) = database("reference", Template::Supabase, "SELECT 1").await else {
        return;
    };
    if shadow.major() != 15 {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../supabase");
    let client = client(&shadow);
    for (version, name) in [("20251026211500", "baseline"), ("20251026213000", "seed")] {
        let stem = format!("v0.7.0_{version}");
        compare_with_file(&folder, &stem, &text(&mut session, &database, &client).await);
        let file = folder.join(format!("migrations/{version}_v0_7_0_{name}.sql"));
        let migration = fs::read_to_string(file).expect("the migration is there");
        session.execute(&migration).await.expect("it applies");
        compare_with_file(
            &folder,
            &format!("{stem}_after"),
            &text(&mut session, &database, &client).await,
        );
    }
}

fn compare_with_file(folder: &Path, stem: &str, text: &str) {
    let file = folder.join(format!("schemas/{stem}.sql"));
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, text).expect("written");
    }
    let kept = fs::read_to_string(&file).expect("the snapshot is there");
    assert!(kept == text, "{} is not current; UPDATE=1 writes it", file.display());
}

#[tokio::test]
async fn without_pg_dump_it_is_printed_from_the_catalog_and_says_so() {
    let Some((shadow, database, mut session)) = database("printed", Template::Supabase, ODD).await else {
        return;
    };
    let missing = Err(ClientError::TooOld { newest: 14, server: 15 });
    let taken = snapshot::take(&mut session, &libpq(&database), &missing)
        .await
        .expect("a snapshot");
    assert!(
        taken
            .text
            .starts_with("--\n-- Printed from the catalog by dblsp, not by pg_dump: `pg_dump` is 14")
    );
    assert!(matches!(taken.printer, Printer::Catalog(_)));

    let copy = shadow.database("copy", Template::Supabase).await.expect("a database");
    let mut other = copy.connect().await.expect("a session");
    other.execute(&taken.text).await.unwrap_or_else(|error| {
        let at = error.byte_offset.unwrap_or_default();
        panic!("{error}: {}", &taken.text[at..(at + 200).min(taken.text.len())])
    });
    other.execute("RESET ALL").await.expect("reset");
    let (one, two) = (Capture::read(&mut session).await, Capture::read(&mut other).await);
    let found = compare(&one.expect("a capture"), &two.expect("a capture"));
    assert!(found.is_empty(), "{found:#?}");
}

fn program(folder: &Path, script: &str) -> Client {
    let path = folder.join("pg_dump");
    fs::write(
        &path,
        format!(
            "#!/bin/sh\ncase $1 in --version) echo 'pg_dump (PostgreSQL) 99.1'; exit;; --help) exit;; esac\n{script}\n"
        ),
    )
    .expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    Client::choose(&[folder.to_path_buf()], 15).expect("a client")
}

#[tokio::test]
async fn a_pg_dump_that_fails_is_an_error_with_its_words() {
    let Some((_shadow, database, mut session)) = database("failing", Template::Plain, "SELECT 1").await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let failing = Ok(program(
        folder.path(),
        "echo 'half a dump'; echo 'pg_dump: error: no' >&2; exit 1",
    ));
    let error = snapshot::take(&mut session, &libpq(&database), &failing).await;
    let error = error.expect_err("it failed");
    assert_eq!(error.to_string(), "`pg_dump` failed: pg_dump: error: no");
}

#[tokio::test]
async fn the_password_is_in_no_argument() {
    let Some((_shadow, database, mut session)) = database("secret", Template::Plain, "SELECT 1").await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shows = "for argument; do echo \"-- argument $argument\"; done; echo \"-- environment $PGPASSWORD\"";
    let client = Ok(program(folder.path(), shows));
    let mut address = database.address();
    address.password = Some(Secret::new("pa ss@:/%#"));
    let libpq = Libpq::new(&address).expect("variables");
    let text = snapshot::take(&mut session, &libpq, &client)
        .await
        .expect("a snapshot")
        .text;
    assert!(text.contains("-- environment pa ss@:/%#"), "{text}");
    assert!(text.contains("-- argument --schema-only"), "{text}");
    let arguments = text.lines().filter(|line| line.starts_with("-- argument"));
    assert!(!arguments.collect::<String>().contains("pa ss"), "{text}");
}

#[tokio::test]
async fn a_disk_without_space_leaves_no_file_and_the_old_one_as_it_was() {
    let Some((shadow, database, mut session)) = database("full", Template::Supabase, ODD).await else {
        return;
    };
    let taken = snapshot::take(&mut session, &libpq(&database), &client(&shadow))
        .await
        .expect("a snapshot");
    let Some(small) = support::SmallDisk::new(8192) else {
        return;
    };
    let file = small.path().join("v1.0.0_20250101000000.sql");
    fs::write(&file, "the old one").expect("it fits");
    let error = taken.write(&file).expect_err("there is no space");
    let full = |error: &io::Error| error.kind() == io::ErrorKind::StorageFull;
    assert!(
        matches!(&error, SnapshotError::Unwritable { error, .. } if full(error)),
        "{error}"
    );
    assert_eq!(fs::read_to_string(&file).expect("it is there"), "the old one");
    assert_eq!(
        fs::read_dir(small.path()).expect("a folder").count(),
        1,
        "nothing is left beside it"
    );
}

/// A server that is newer than every client here, as where Debian's client meets Supabase's server: `DBLSP_PG_17` is
/// the folder that `tests/install.sh postgres-17` prints.
#[tokio::test]
async fn a_newer_server_is_printed_from_its_catalog() {
    let Some(shadow) = support::newer_shadow("DBLSP_PG_17").await else {
        return;
    };
    assert_eq!(shadow.major(), 17);
    let database = shadow.database("newer", Template::Supabase).await.expect("a database");
    let mut session = database.connect().await.expect("a session");
    session.execute(ODD).await.expect("the schema is valid");
    let debian = Client::choose(&["/usr/lib/postgresql/15/bin".into()], 17);
    if Client::choose(&["/usr/lib/postgresql/15/bin".into()], 15).is_ok() {
        assert_eq!(debian, Err(ClientError::TooOld { newest: 15, server: 17 }));
    }
    let text = text(&mut session, &database, &debian).await;
    let copy = shadow.database("copy", Template::Supabase).await.expect("a database");
    let mut other = copy.connect().await.expect("a session");
    other.execute(&text).await.expect("it is SQL of this version");
    other.execute("RESET ALL").await.expect("reset");
    let (one, two) = (Capture::read(&mut session).await, Capture::read(&mut other).await);
    let found = compare(&one.expect("a capture"), &two.expect("a capture"));
    assert!(found.is_empty(), "{found:#?}");
}
