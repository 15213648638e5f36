//! Rollbacks on a real server: what was comes back, rows included, or nothing is changed and the reason is named.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use analysis::Document;
use analysis::history::{Companion, CompanionKind, History, Migration};
use analysis::schema::timeline::Timeline;
use analysis::settings::{Runner, Settings};
use database::archive::Purpose;
use database::capture::{Capture, compare};
use database::event::Moment;
use database::journal::{self, NewRun, State, Update, Verb};
use database::rollback::{Report, Request, RollbackError, Which, rollback};
use database::{Connection, Database, Shadow, Template, archive, history};

/// A database with migrations applied the way `dblsp apply` does it.
struct Bench {
    _shadow: Shadow,
    database: Database,
    session: Connection,
    history: History,
    settings: Settings,
    /// Before each migration, by version.
    before: BTreeMap<String, Capture>,
}

impl Bench {
    /// Applies pairs of migration and rollback script as versions 1, 2, …, after `setup`.
    async fn new(setup: &str, files: &[(&str, &str)]) -> Option<Self> {
        let shadow = support::shadow().await?;
        let database = shadow.database("r", Template::Supabase).await.expect("a database");
        let mut session = database.connect().await.expect("a session");
        session.execute(setup).await.expect("the setup is valid");
        journal::install(&mut session).await.expect("a journal");
        let mut history = History {
            complete: false,
            base: analysis::history::Base::Supabase,
            ..History::default()
        };
        history.migrations.push(Migration::new("m/0_setup.sql", setup));
        for (at, (text, script)) in files.iter().enumerate() {
            let mut migration = Migration::new(&format!("m/{}_step.sql", at + 1), text);
            migration.rollback_path = Some(format!("r/{}_rollback.sql", at + 1));
            migration.has_rollback = true;
            history.migrations.push(migration);
            history.companions.push(Companion {
                path: format!("r/{}_rollback.sql", at + 1),
                text: (*script).into(),
                kind: CompanionKind::Rollback,
                judged: false,
            });
        }
        let settings = Settings {
            postgres: 15,
            runner: Runner::Supabase,
            ..Settings::default()
        };
        let mut bench = Self {
            _shadow: shadow,
            database,
            session,
            history,
            settings,
            before: BTreeMap::new(),
        };
        for number in 1..=files.len() {
            bench.apply(number).await;
        }
        Some(bench)
    }

    async fn apply(&mut self, number: usize) {
        let documents: Vec<Document> = self.history.migrations.iter().map(analysis::read).collect();
        let timeline = Timeline::replay(&self.history, &documents, &self.settings);
        let losses = archive::losses(&timeline, number, &self.history, &documents, &self.settings);
        let migration = &self.history.migrations[number];
        let session = &mut self.session;
        let before = Capture::read(session).await.expect("a capture");
        let new = NewRun {
            version: &migration.version,
            file: migration.file_name(),
            verb: Verb::Apply,
            environment: "test",
            who: "me",
            checksum: "",
            confirmations: &[],
        };
        let run = journal::start(session, &new).await.expect("a run");
        journal::save_catalog(session, run, Moment::Before, &before)
            .await
            .expect("kept");
        session.execute("BEGIN").await.expect("begun");
        for statement in &documents[number].file.statements {
            for loss in archive::of_statement(&losses, statement.span) {
                archive::keep(session, run, &migration.version, loss, Purpose::PutBack)
                    .await
                    .expect("kept");
            }
            let sql = statement.span.slice(&migration.text);
            session
                .execute(sql)
                .await
                .unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        session
            .execute(&history::insert(&migration.version, "step", &[]))
            .await
            .expect("recorded");
        let done = Update {
            state: Some(State::Finished),
            ..Update::default()
        };
        session.execute(&journal::update(run, &done)).await.expect("updated");
        session.execute("COMMIT").await.expect("committed");
        let after = Capture::read(session).await.expect("a capture");
        journal::save_catalog(session, run, Moment::After, &after)
            .await
            .expect("kept");
        self.before.insert(migration.version.clone(), before);
    }

    async fn undo(&mut self, which: Which) -> (Report, Result<(), RollbackError>) {
        self.undo_with(which, false, false).await
    }

    async fn undo_with(&mut self, which: Which, loss: bool, unverified: bool) -> (Report, Result<(), RollbackError>) {
        let address = self.database.address();
        let request = Request {
            address: &address,
            environment: "test",
            history: &self.history,
            settings: &self.settings,
            which,
            accept_data_loss: loss,
            accept_unverified: unverified,
            page: None,
            who: "me".into(),
            confirmations: Vec::new(),
            patience: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(5),
        };
        let mut report = Report::default();
        let result = rollback(&request, &mut report, &()).await;
        (report, result)
    }

    async fn versions(&mut self) -> Vec<String> {
        let rows = history::read(&mut self.session).await.expect("the history");
        rows.into_iter().map(|row| row.version).collect()
    }

    async fn rows(&mut self, query: &str) -> Vec<String> {
        let rows = self
            .session
            .rows(query)
            .await
            .unwrap_or_else(|error| panic!("{query}: {error}"));
        let shown = rows
            .into_iter()
            .map(|row| row.into_iter().map(|v| v.unwrap_or("null".into())).collect::<Vec<_>>());
        shown.map(|row| row.join(" ")).collect()
    }

    /// Everything that a user sees, to compare two moments.
    async fn state(&mut self) -> (Capture, Vec<String>, Vec<String>) {
        let capture = Capture::read(&mut self.session).await.expect("a capture");
        let rows = self.rows("SELECT t::text FROM a t ORDER BY 1").await;
        (capture, rows, self.versions().await)
    }
}

fn only(version: &str) -> Which {
    Which::Only(version.to_owned())
}

const A: &str = "create table public.a (id int primary key, b text, c int); \
                 insert into public.a values (1, 'x', 10), (2, null, 20), (3, 'it''s', null);";

#[tokio::test]
async fn what_a_migration_made_is_gone_and_the_rest_is_as_it_was() {
    let migration = "create table public.\"odd; \"\"name\"\"\" (id int primary key references public.a);
        create function public.f() returns int language sql as 'select 1';
        alter table public.a add d text; create policy p on public.a using (c > 1); comment on table public.a is 'x';";
    let script = "comment on table public.a is null; drop policy p on public.a; alter table public.a drop d;
        drop function public.f(); drop table public.\"odd; \"\"name\"\"\";";
    let Some(mut bench) = Bench::new(A, &[(migration, script)]).await else {
        return;
    };
    bench
        .session
        .execute("insert into public.\"odd; \"\"name\"\"\" values (1), (2)")
        .await
        .expect("inserted");
    let (report, result) = bench.undo(only("1")).await;
    result.expect("it is undone");
    assert_eq!(report.migrations[0].unverified, None);
    assert_eq!(bench.versions().await, Vec::<String>::new());
    let now = Capture::read(&mut bench.session).await.expect("a capture");
    assert_eq!(compare(&bench.before["1"], &now), []);
    let states = bench.rows("SELECT verb, state FROM dblsp.run ORDER BY id").await;
    assert_eq!(states, ["apply rolled_back", "rollback finished"]);
    let kept = archive::list(&mut bench.session).await.expect("a list");
    let kept: Vec<_> = kept
        .iter()
        .map(|kept| (kept.relation.as_str(), kept.reason.as_str(), kept.rows))
        .collect();
    assert_eq!(
        kept,
        [("public.a", "columns d", 3), ("public.odd; \"name\"", "table", 2)],
        "what the script destroys is kept"
    );
}

#[tokio::test]
async fn a_script_that_leaves_something_changes_nothing() {
    for script in [
        "drop table public.e;",
        "drop table public.e; alter table public.a drop d; alter table public.a drop c;",
        "drop table public.e; alter table public.a drop d; create index on public.a (b);",
        "drop table public.e; alter table public.a drop d; create table public.apart ();",
        "drop table public.e; alter table public.a drop d; revoke select on public.a from anon;",
    ] {
        let migration = "create table public.e (id int); alter table public.a add d text;";
        let Some(mut bench) = Bench::new(A, &[(migration, script)]).await else {
            return;
        };
        let before = bench.state().await;
        let (report, result) = bench.undo(only("1")).await;
        let error = result.expect_err(script);
        assert!(matches!(&error, RollbackError::Differs { .. }), "{script}: {error}");
        assert!(report.migrations.is_empty());
        assert!(bench.state().await == before, "{script}");
        let states = bench.rows("SELECT verb, state FROM dblsp.run ORDER BY id").await;
        assert_eq!(states, ["apply finished", "rollback failed"]);
    }
}

#[tokio::test]
async fn a_script_that_fails_changes_nothing_and_names_the_line() {
    let script = "alter table public.a drop d;\nselect missing;";
    let Some(mut bench) = Bench::new(A, &[("alter table public.a add d text;", script)]).await else {
        return;
    };
    let before = bench.state().await;
    let error = bench.undo(only("1")).await.1.expect_err("it fails");
    assert_eq!(
        error.to_string(),
        "`r/1_rollback.sql` line 2: column \"missing\" does not exist (42703)"
    );
    assert!(bench.state().await == before);
}

#[tokio::test]
async fn what_something_else_changed_is_not_touched() {
    let Some(mut bench) = Bench::new(
        A,
        &[("alter table public.a add d text;", "alter table public.a drop d;")],
    )
    .await
    else {
        return;
    };
    bench
        .session
        .execute("alter table public.a alter d set default 'q'")
        .await
        .expect("altered");
    let error = bench.undo(only("1")).await.1.expect_err("it is refused");
    assert!(matches!(&error, RollbackError::Changed { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("column public.a.d changed: default none → `'q'::text`"),
        "{error}"
    );
    assert_eq!(bench.versions().await, ["1"]);
}

#[tokio::test]
async fn an_older_migration_goes_only_where_no_later_one_touched_the_same() {
    let files = [
        ("create table public.x (id int);", "drop table public.x;"),
        ("create table public.y (id int);", "drop table public.y;"),
        ("alter table public.y add z int;", "alter table public.y drop z;"),
        (
            "create policy p on public.y using (true);",
            "drop policy p on public.y;",
        ),
    ];
    let Some(mut bench) = Bench::new(A, &files).await else {
        return;
    };
    bench.undo(only("1")).await.1.expect("nobody else touched x");
    assert_eq!(bench.versions().await, ["2", "3", "4"]);
    let error = bench.undo(only("2")).await.1.expect_err("the table is in use");
    assert!(
        matches!(
            error,
            RollbackError::Changed { .. } | RollbackError::NotLatest { .. } | RollbackError::Differs { .. }
        ),
        "{error}"
    );
    assert_eq!(bench.versions().await, ["2", "3", "4"]);
    let (report, result) = bench.undo(Which::To("2".into())).await;
    result.expect("undone");
    let order: Vec<&str> = report.migrations.iter().map(|undone| undone.version.as_str()).collect();
    assert_eq!(order, ["4", "3"]);
    bench.undo(Which::ToBefore("2".into())).await.1.expect("undone");
    assert_eq!(bench.versions().await, Vec::<String>::new());
}

#[tokio::test]
async fn two_migrations_of_one_object_go_in_order() {
    let function =
        |value: u32| format!("create or replace function public.f() returns int language sql as 'select {value}';");
    let (one, two) = (function(1), function(2));
    let files = [
        (one.as_str(), "drop function public.f();"),
        (two.as_str(), one.as_str()),
    ];
    let Some(mut bench) = Bench::new(A, &files).await else {
        return;
    };
    let error = bench.undo(only("1")).await.1.expect_err("2 replaced it");
    assert!(
        matches!(&error, RollbackError::NotLatest { later, .. } if later == "2"),
        "{error}"
    );
    bench.undo(only("2")).await.1.expect("undone");
    assert_eq!(bench.rows("select public.f()").await, ["1"]);
}

#[tokio::test]
async fn rows_that_a_migration_destroyed_come_back() {
    let setup = format!(
        "{A} create table public.child (id int generated always as identity primary key, \
         a_id int references public.a on delete cascade, note text); \
         insert into public.child (a_id, note) values (1, 'one'), (1, null), (2, 'two'); \
         create function public.touch() returns trigger language plpgsql as $$ begin new.note := 'touched'; return new; end $$; \
         create trigger touch before insert or update on public.child for each row execute function public.touch();"
    );
    let cases = [
        ("alter table public.a drop b;", "alter table public.a add b text;"),
        (
            "alter table public.a alter c type smallint using 0;",
            "alter table public.a alter c type int;",
        ),
        ("delete from public.a where id = 1;", "select 1;"),
        (
            "update public.a set b = 'new', c = 0; update public.a set c = 1;",
            "select 1;",
        ),
        ("truncate public.child; delete from public.a;", "select 1;"),
        (
            "drop table public.child;",
            "create table public.child (id int generated always as identity primary key, \
             a_id int references public.a on delete cascade, note text); \
             create trigger touch before insert or update on public.child for each row execute function public.touch();",
        ),
    ];
    for (migration, script) in cases {
        let Some(mut bench) = Bench::new(&setup, &[]).await else {
            return;
        };
        let query = "select id, b, c from public.a order by id";
        let child = "select id, a_id, note from public.child order by id";
        let before = (bench.rows(query).await, bench.rows(child).await);
        let mut migration_file = Migration::new("m/1_step.sql", migration);
        migration_file.rollback_path = Some("r/1_rollback.sql".into());
        bench.history.migrations.push(migration_file);
        bench.history.companions.push(Companion {
            path: "r/1_rollback.sql".into(),
            text: script.into(),
            kind: CompanionKind::Rollback,
            judged: false,
        });
        bench.apply(1).await;
        let (report, result) = bench.undo(only("1")).await;
        result.unwrap_or_else(|error| panic!("{migration}: {error}"));
        assert_eq!(
            (bench.rows(query).await, bench.rows(child).await),
            before,
            "{migration}"
        );
        let reordered: &[&str] = if migration.contains("drop b") {
            &["public.a"]
        } else {
            &[]
        };
        assert_eq!(report.migrations[0].reordered, reordered, "{migration}");
        bench
            .session
            .execute("insert into public.child (a_id) values (1)")
            .await
            .expect("the sequence goes on");
    }
}

/// NOT NULL can only be set once the values are back, so they come back where the script says.
#[tokio::test]
async fn values_come_back_in_the_middle_of_a_script_where_it_says_so() {
    let setup = "create table public.a (id int primary key, b text, c int not null, d int not null); \
                 insert into public.a values (1, 'x', 10, 7), (2, 'y', 20, 8);";
    let script = "alter table public.a add column c int;\n-- dblsp: restore public.a (c)\n\
                  alter table public.a alter column c set not null;\n\
                  alter table public.a add column d int;\n-- The rows.\n-- dblsp: restore public.a (d)\n\n\
                  alter table public.a alter column d set not null;";
    let Some(mut bench) = Bench::new(setup, &[("alter table public.a drop c, drop d;", script)]).await else {
        return;
    };
    let (report, result) = bench.undo(only("1")).await;
    result.expect("it is undone");
    assert_eq!(report.migrations[0].unverified, None);
    assert_eq!(
        bench.rows("select id, c, d from public.a order by id").await,
        ["1 10 7", "2 20 8"]
    );
    let states = bench.rows("SELECT verb, state FROM dblsp.run ORDER BY id").await;
    assert_eq!(states, ["apply rolled_back", "rollback finished"]);
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_without_a_word_for_it() {
    let migration = "create table public.e (id int);";
    let script = "do $$ begin delete from public.a; end $$; drop table public.e;";
    let Some(mut bench) = Bench::new(A, &[(migration, script)]).await else {
        return;
    };
    let error = bench.undo(only("1")).await.1.expect_err("rows would be lost");
    assert_eq!(
        error.to_string(),
        "`r/1_rollback.sql` destroys rows that cannot be kept: a DO block destroys rows"
    );
    bench.undo_with(only("1"), true, false).await.1.expect("undone");
    assert_eq!(bench.rows("select count(*) from public.a").await, ["0"]);
}

#[tokio::test]
async fn without_what_was_kept_nothing_is_undone_unless_somebody_says_so() {
    let Some(mut bench) = Bench::new(A, &[("create table public.e ();", "drop table public.e;")]).await else {
        return;
    };
    bench
        .session
        .execute("DELETE FROM dblsp.catalog")
        .await
        .expect("deleted");
    let error = bench.undo(only("1")).await.1.expect_err("nothing to compare with");
    assert!(matches!(error, RollbackError::NotKept { .. }), "{error}");
    let (report, result) = bench.undo_with(only("1"), false, true).await;
    result.expect("undone");
    assert!(report.migrations[0].unverified.is_some());
    assert_eq!(bench.versions().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_was_never_applied_or_has_no_script_is_said() {
    let Some(mut bench) = Bench::new(A, &[("create table public.e ();", "drop table public.e;")]).await else {
        return;
    };
    assert!(matches!(bench.undo(only("7")).await.1, Err(RollbackError::Unknown(_))));
    assert!(matches!(
        bench.undo(only("0")).await.1,
        Err(RollbackError::NotApplied(_))
    ));
    bench.history.companions.clear();
    let error = bench.undo(only("1")).await.1.expect_err("no script");
    assert_eq!(
        error.to_string(),
        "`1_step.sql` has no rollback script: `r/1_rollback.sql` is missing"
    );
}

#[tokio::test]
async fn steps_outside_of_a_transaction_are_compared_afterwards() {
    let files = [(
        "create index by_b on public.a (b);",
        "drop index concurrently public.by_b;",
    )];
    let Some(mut bench) = Bench::new(A, &files).await else {
        return;
    };
    let (report, result) = bench.undo(only("1")).await;
    result.expect("undone");
    assert!(
        report.migrations[0]
            .unverified
            .is_some_and(|why| why.contains("compared afterwards"))
    );
    assert_eq!(report.migrations[0].elsewhere, []);
    assert_eq!(bench.versions().await, Vec::<String>::new());
}

#[tokio::test]
async fn kept_values_outlive_their_types_and_get_them_back() {
    let setup = "create type public.mood as enum ('good', 'b''ad'); create domain public.mail as text check (value ~ '@');
        create type public.pair as (x int, y text);
        create table public.a (id public.mail primary key, b public.mood, c public.mood[], d public.pair, e int);
        insert into public.a values ('a@b', 'b''ad', '{good,\"b''ad\"}', row (1, 'x,\"y'), 1), ('c@d', null, null, null, 2);
        create table public.o (id int primary key, m public.mood default 'good'); insert into public.o values (1);";
    let migration = "alter table public.a drop column b, drop column c, drop column d; drop table public.o;
        drop type public.mood; drop type public.pair;";
    let script = "create type public.mood as enum ('good', 'b''ad'); create type public.pair as (x int, y text);
        create table public.o (id int primary key, m public.mood default 'good');
        alter table public.a add column b public.mood, add column c public.mood[], add column d public.pair;";
    let Some(mut bench) = Bench::new(setup, &[(migration, script)]).await else {
        return;
    };
    let (_, result) = bench.undo(only("1")).await;
    result.expect("it is undone");
    let rows = bench.rows("SELECT id, b, c, d, e FROM a ORDER BY 1").await;
    assert_eq!(rows, ["a@b b'ad {good,b'ad} (1,\"x,\"\"y\") 1", "c@d null null null 2"]);
    assert_eq!(bench.rows("SELECT id, m, pg_typeof(m) FROM o").await, ["1 good mood"]);
}
