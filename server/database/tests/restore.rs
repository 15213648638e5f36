//! Snapshots restored on a real server: what was comes back as it was, all of it or nothing, and no kept row is lost.

mod odd;
mod support;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use analysis::history::{History, Migration};
use database::capture::{Capture, Difference, compare};
use database::environment::Place;
use database::event::Moment;
use database::journal::{self, NewRun, State, Update, Verb};
use database::restore::{Prospect, Report, Request, RestoreError, Source, look, restore};
use database::snapshot::{self, Client, Libpq};
use database::{Connection, Database, Shadow, Target, Template, history};
use odd::ODD;
use tempfile::TempDir;

/// Rows, and what else is there that no snapshot holds.
const ROWS: &str = r#"
INSERT INTO "odd; schema"."$(touch x), ""y""" (total) VALUES (1), (2);
INSERT INTO public.child (parent_id, mood, mail, two) VALUES (1, 'o;k', 'a@b', ROW (1, 'x'));
"#;

/// What somebody made of it afterwards: things gone, things new, things changed, of every kind.
const WRECKED: &str = r#"
DROP SCHEMA "odd; schema" CASCADE;
CREATE SCHEMA "new; schema"; CREATE TABLE "new; schema".t (id int); INSERT INTO "new; schema".t VALUES (1), (2), (3);
ALTER TABLE public.child ADD COLUMN extra int; ALTER TABLE public.child DROP COLUMN mail;
ALTER TABLE public.child DISABLE ROW LEVEL SECURITY; DROP POLICY "may; see" ON public.child;
ALTER TYPE public."the ""mood""" ADD VALUE 'new'; CREATE TYPE public.shade AS ENUM ('x');
CREATE TABLE public.of_shade (s public.shade, e public.span_multirange);
DROP VIEW public."a view" CASCADE; CREATE FUNCTION public.fresh(public.pair) RETURNS int LANGUAGE sql AS 'SELECT 1';
DROP TRIGGER on_auth_user_created ON auth.users; DROP POLICY "own files" ON storage.objects;
CREATE POLICY intruder ON storage.objects FOR INSERT WITH CHECK (true);
CREATE TRIGGER intruder AFTER DELETE ON auth.users FOR EACH ROW EXECUTE FUNCTION public.act();
CREATE PUBLICATION other; ALTER PUBLICATION supabase_realtime DROP TABLE public.child;
GRANT CREATE ON SCHEMA public TO anon; REVOKE USAGE ON SCHEMA public FROM authenticated;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM anon;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC;
COMMENT ON TABLE public.child IS 'new';
"#;

struct Bench {
    folder: TempDir,
    shadow: Shadow,
    database: Database,
    session: Connection,
    history: History,
    source: Source,
    before: Capture,
}

impl Bench {
    /// A database with `setup` as migration 2 applied and a snapshot of it, then `rows`, then `since`.
    async fn new(setup: &str, rows: &str, since: &str) -> Option<Self> {
        let shadow = support::shadow().await?;
        let name = "live \"odd\"";
        let database = shadow.database(name, Template::Supabase).await.expect("a database");
        let mut session = database.connect().await.expect("a session");
        journal::install(&mut session).await.expect("a journal");
        session.execute(setup).await.unwrap_or_else(|error| panic!("{error}"));
        let migrations = ["m/1_a.sql", "m/2_b.sql", "m/3_c.sql"].map(|path| Migration::new(path, "select 1;"));
        let history = History {
            migrations: migrations.to_vec(),
            complete: true,
            ..History::default()
        };
        for version in ["1", "2"] {
            let row = history::insert(version, "step", &["select 1"]);
            session.execute(&row).await.expect("recorded");
        }
        let client = Client::discover(shadow.major(), &[]);
        let libpq = Libpq::new(&database.address()).expect("variables");
        let taken = snapshot::take(&mut session, &libpq, &client).await.expect("a snapshot");
        let before = Capture::read(&mut session).await.expect("a capture");
        let path = "schemas/v1.0.0_2_after.sql";
        run(&mut session, "2", path, &before).await;
        session.execute(rows).await.unwrap_or_else(|error| panic!("{error}"));
        session.execute(since).await.unwrap_or_else(|error| panic!("{error}"));
        let source = Source::read(path, taken.text).expect("it is fit");
        Some(Self {
            folder: tempfile::tempdir().expect("a folder"),
            shadow,
            database,
            session,
            history,
            source,
            before,
        })
    }

    fn target(&self) -> Target {
        Target {
            name: "live".into(),
            place: Place::Server(self.database.address()),
            protected: false,
            restore: false,
            window: None,
            requires: Vec::new(),
            confirm: Vec::new(),
        }
    }

    fn backup(&self) -> PathBuf {
        self.folder.path().join("full.dump")
    }

    async fn ask<T>(
        &self,
        change: impl FnOnce(&mut Request<'_>),
        ask: impl AsyncFnOnce(&Request<'_>) -> Result<T, RestoreError>,
    ) -> Result<T, RestoreError> {
        let (target, address) = (self.target(), self.database.address());
        let mut request = Request {
            target: &target,
            address: &address,
            source: &self.source,
            history: &self.history,
            last: None,
            typed: address.database.clone(),
            backup: self.backup(),
            tools: Vec::new(),
            accept_differences: false,
            who: "me".into(),
            confirmations: Vec::new(),
            page: None,
            patience: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(1),
        };
        change(&mut request);
        ask(&request).await
    }

    async fn restore(&self) -> Result<Report, RestoreError> {
        self.ask(|_| {}, async |request| restore(request, &()).await).await
    }

    async fn look(&self) -> Prospect {
        let looked = self.ask(|_| {}, async |request| look(request).await).await;
        looked.unwrap_or_else(|error| panic!("{error}"))
    }

    async fn versions(&mut self) -> Vec<String> {
        let rows = history::read(&mut self.session).await.expect("the history");
        rows.into_iter().map(|row| row.version).collect()
    }

    async fn value(&mut self, sql: &str) -> String {
        let value = self.session.value(sql).await;
        value
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
            .unwrap_or_default()
    }

    async fn differences(&mut self) -> Vec<Difference> {
        compare(
            &self.before,
            &Capture::read(&mut self.session).await.expect("a capture"),
        )
    }
}

/// A finished apply that took the snapshot.
async fn run(session: &mut Connection, version: &str, path: &str, after: &Capture) {
    let new = NewRun {
        version,
        file: "step.sql",
        verb: Verb::Apply,
        environment: "live",
        who: "me",
        checksum: "",
        confirmations: &[],
    };
    let run = journal::start(session, &new).await.expect("a run");
    journal::save_catalog(session, run, Moment::After, after)
        .await
        .expect("kept");
    let done = Update {
        state: Some(State::Finished),
        snapshot_after: Some(path),
        ..Update::default()
    };
    session.execute(&journal::update(run, &done)).await.expect("updated");
}

#[tokio::test]
async fn whatever_was_made_of_it_the_schema_is_what_it_was() {
    let Some(mut bench) = Bench::new(ODD, ROWS, WRECKED).await else {
        return;
    };
    bench
        .session
        .execute(&history::insert("3", "c", &[]))
        .await
        .expect("recorded");
    let found = bench.look().await;
    let rows: Vec<_> = found
        .tables
        .iter()
        .map(|table| (table.name.as_str(), table.rows))
        .collect();
    assert!(
        rows.contains(&("new; schema.t", Some(3))) && rows.contains(&("public.child", Some(1))),
        "{rows:?}"
    );
    assert!(found.gone.contains(&"table new; schema.t".to_owned()), "{found:#?}");
    assert!(
        found
            .elsewhere
            .contains(&"trigger intruder on table auth.users".to_owned()),
        "{found:#?}"
    );
    assert_eq!(
        (found.undone.as_slice(), found.redone.len()),
        (["3".to_owned()].as_slice(), 0)
    );

    let report = bench.restore().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.differences, Vec::<String>::new());
    assert_eq!(report.unverified, None, "what there was had been kept");
    assert_eq!(bench.differences().await, []);
    assert_eq!(bench.versions().await, ["1", "2"]);
    let policies = bench.value("select string_agg(polname, ',' order by polname) from pg_policy where polrelid = 'storage.objects'::regclass").await;
    assert!(policies.contains("own files,untouched"), "{policies}");
    let last = "select verb || ' ' || state || ' ' || version from dblsp.run order by id desc limit 1";
    assert_eq!(bench.value(last).await, "restore finished 2");

    // The dump holds what was destroyed.
    let dump = bench.backup();
    assert!(fs::metadata(&dump).expect("it is there").len() > 1000);
    let program = Client::discover(bench.shadow.major(), &[]).expect("a client").program;
    let restored = std::process::Command::new(program.with_file_name("pg_restore"))
        .args(["--data-only", "--table=t", "--file=-"])
        .arg(&dump)
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&restored.stdout).into_owned();
    assert!(
        text.contains("COPY \"new; schema\".t (id) FROM stdin;\n1\n2\n3\n"),
        "{text}"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_the_dump() {
    use std::os::unix::fs::PermissionsExt;
    let Some(bench) = Bench::new("CREATE TABLE public.a (id int);", "", "").await else {
        return;
    };
    bench.restore().await.unwrap_or_else(|error| panic!("{error}"));
    let mode = fs::metadata(bench.backup()).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let Some(mut bench) = Bench::new(
        "CREATE TABLE public.a (id int);",
        "INSERT INTO public.a VALUES (1);",
        "",
    )
    .await
    else {
        return;
    };
    let wrong = bench.ask(
        |request| request.typed = "live".into(),
        async |request| restore(request, &()).await,
    );
    assert!(matches!(wrong.await, Err(RestoreError::WrongName { .. })));

    let mut target = bench.target();
    target.protected = true;
    let (typed, address) = (bench.database.name().to_owned(), bench.database.address());
    let mut protected = Request {
        target: &target,
        address: &address,
        source: &bench.source,
        history: &bench.history,
        last: None,
        typed,
        backup: bench.backup(),
        tools: Vec::new(),
        accept_differences: false,
        who: "me".into(),
        confirmations: Vec::new(),
        page: None,
        patience: Duration::from_secs(5),
        lock_timeout: Duration::from_secs(1),
    };
    assert!(matches!(
        restore(&protected, &()).await,
        Err(RestoreError::Protected(_))
    ));

    fs::write(bench.backup(), "precious").expect("written");
    let open = bench.target();
    protected.target = &open;
    assert!(matches!(restore(&protected, &()).await, Err(RestoreError::Backup(_))));
    assert_eq!(fs::read_to_string(bench.backup()).expect("read"), "precious");

    let unknown = Source::read("now.sql", bench.source.text.clone()).expect("it is fit");
    protected.source = &unknown;
    assert!(matches!(
        restore(&protected, &()).await,
        Err(RestoreError::NoVersion(_))
    ));
    drop(protected);
    fs::remove_file(bench.backup()).expect("removed");

    let mut other = bench.database.connect().await.expect("a session");
    other
        .execute("BEGIN; INSERT INTO public.a VALUES (2)")
        .await
        .expect("inserted");
    let locked = bench.restore().await;
    assert!(
        matches!(&locked, Err(RestoreError::Statement { error, .. }) if error.is_lock_timeout()),
        "{locked:?}"
    );
    other.execute("COMMIT").await.expect("committed");
    assert_eq!(bench.value("select count(*) from public.a").await, "2");
    assert!(!bench.backup().exists(), "no dump was begun");
    assert_eq!(bench.differences().await, []);
    assert_eq!(bench.versions().await, ["1", "2"]);
}

#[tokio::test]
async fn a_snapshot_that_does_not_fit_what_was_kept_needs_consent() {
    let Some(mut bench) = Bench::new(
        "CREATE TABLE public.a (id int);",
        "INSERT INTO public.a VALUES (1);",
        "",
    )
    .await
    else {
        return;
    };
    let text = bench.source.text.replace("id integer", "id bigint");
    bench.source = Source::read("schemas/v1.0.0_2_after.sql", text).expect("it is fit");
    let refused = bench.restore().await;
    assert!(matches!(refused, Err(RestoreError::Differs { .. })), "{refused:?}");
    assert_eq!(bench.value("select count(*) from public.a").await, "1");
    assert_eq!(
        bench.value("select state from dblsp.run where verb = 'restore'").await,
        "failed"
    );
    fs::remove_file(bench.backup()).expect("the dump is kept");
    let accepted = bench.ask(
        |request| request.accept_differences = true,
        async |request| restore(request, &()).await,
    );
    let report = accepted.await.unwrap_or_else(|error| panic!("{error}"));
    assert!(report.differences[0].contains("public.a.id"), "{report:?}");
}

#[tokio::test]
async fn a_statement_that_fails_takes_everything_back() {
    let Some(mut bench) = Bench::new(
        "CREATE TABLE public.a (id int);",
        "INSERT INTO public.a VALUES (1);",
        "",
    )
    .await
    else {
        return;
    };
    let text = format!("{}\nSELECT 1 / 0;\n", bench.source.text);
    bench.source = Source::read("schemas/v1.0.0_2_after.sql", text).expect("it is fit");
    let failed = bench.restore().await;
    assert!(
        matches!(&failed, Err(RestoreError::Statement { error, .. }) if error.sqlstate == "22012"),
        "{failed:?}"
    );
    assert_eq!(bench.value("select count(*) from public.a").await, "1");
    assert_eq!(bench.differences().await, []);
}

#[tokio::test]
async fn rows_that_are_kept_outlive_their_types() {
    let kept = "CREATE TABLE dblsp.archive_1 AS SELECT * FROM public.child;
        CREATE TABLE dblsp.archive_2 AS SELECT 'x'::public.shade AS s, ARRAY['new'::public.\"the \"\"mood\"\"\"] AS m;";
    // A new value of an enum cannot be used in the transaction that adds it.
    let Some(mut bench) = Bench::new(ODD, ROWS, WRECKED).await else {
        return;
    };
    bench
        .session
        .execute(kept)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    let report = bench.restore().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.became_text, ["dblsp.archive_2.m", "dblsp.archive_2.s"]);
    assert_eq!(
        bench.value("select mood || ' ' || (two).a from dblsp.archive_1").await,
        "o;k 1"
    );
    assert_eq!(
        bench.value("select pg_typeof(mood)::text from dblsp.archive_1").await,
        "\"the \"\"mood\"\"\""
    );
    assert_eq!(bench.value("select s || m from dblsp.archive_2").await, "x{new}");
}

#[tokio::test]
async fn a_migration_that_was_undone_is_recorded_again() {
    let Some(mut bench) = Bench::new("CREATE TABLE public.a (id int);", "", "DROP TABLE public.a;").await else {
        return;
    };
    bench.session.execute(&history::delete("2")).await.expect("deleted");
    let report = bench.restore().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.redone, ["2"]);
    assert_eq!(bench.versions().await, ["1", "2"]);
    bench.session.execute(&history::delete("2")).await.expect("deleted");
    bench.history.migrations.remove(1);
    fs::remove_file(bench.backup()).expect("removed");
    assert!(matches!(bench.restore().await, Err(RestoreError::NoVersion(_))));
}
