//! Commands that work on a database, against a real PostgreSQL.

use database::{Connection, Database, Options, Shadow, ShadowError, Template};
use ls_types::request::{CodeLensRequest, ExecuteCommand};
use ls_types::{
    CodeLens, CodeLensParams, ExecuteCommandParams, NumberOrString, PartialResultParams, TextDocumentIdentifier,
    WorkDoneProgressParams,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::client::{Editor, Folder, Start, codes};

const FIRST: &str = "supabase/migrations/20250101000000_v0_1_0_users.sql";
const SECOND: &str = "supabase/migrations/20250102000000_v0_1_0_notes.sql";
const ROLLBACK: &str = "supabase/rollback/20250102000000_rollback.sql";
const TEST: &str = "supabase/tests/v0.1.0_smoke_test.sql";
const USERS: &str = "create table public.users (id bigint primary key, größe int);\n";
const NOTES: &str =
    "/* 😀 */ create table public.notes (id bigint primary key, author bigint references public.users);\n";
const PASSES: &str =
    "begin;\nselect '1..1';\nselect 'ok 1 - users are there' from (select count(*) from public.users) u;\nrollback;\n";

/// A server with an empty database that a project of two migrations is linked to.
struct Setting {
    runtime: Runtime,
    _shadow: Shadow,
    database: Database,
    folder: Folder,
}

impl Setting {
    /// `None` where this machine has no PostgreSQL. In CI that is a failure.
    fn new(name: &str, settings: &str) -> Option<Self> {
        let runtime = Runtime::new().expect("threads");
        let shadow = match runtime.block_on(Shadow::start(Options::default())) {
            Ok(shadow) => shadow,
            Err(ShadowError::NotInstalled) if std::env::var("CI").as_deref() != Ok("true") => {
                crate::postgres::skip();
                return None;
            }
            Err(error) => panic!("{error}\nhint: {}", error.hint()),
        };
        let database = runtime
            .block_on(shadow.database(name, Template::Supabase))
            .expect("a database");
        let folder = Folder::new(&[
            (FIRST, USERS),
            (SECOND, NOTES),
            (
                "supabase/rollback/20250101000000_rollback.sql",
                "drop table public.users;\n",
            ),
            (ROLLBACK, "drop table public.notes;\n"),
            (TEST, PASSES),
            (
                "dblsp.toml",
                &format!("version = 1\n[environments.local]\nurl = \"env(DBLSP_TEST_URL)\"\n{settings}"),
            ),
        ]);
        Some(Self {
            runtime,
            _shadow: shadow,
            database,
            folder,
        })
    }

    fn editor(&self, options: Value) -> Editor {
        let address = self.database.address();
        let url = format!(
            "postgres://{}@/{}?host={}&port={}",
            address.user,
            address.database,
            address.host_name(),
            address.port
        );
        let mut start = Start::in_folder(self.folder.path());
        start.options = options;
        start.variables = vec![("DBLSP_TEST_URL".to_owned(), url)];
        let mut editor = start.open();
        editor.open_from_disk(FIRST);
        editor.open_from_disk(SECOND);
        editor
    }

    fn trusted(&self) -> Editor {
        self.editor(json!({ "debounce": 0, "trusted": true, "confirm": true }))
    }

    /// What a query answers, over a session of its own.
    fn value(&self, sql: &str) -> Option<String> {
        self.runtime.block_on(async {
            let mut session: Connection = self.database.connect().await.expect("a session");
            let value = session.value(sql).await.expect("an answer");
            session.close().await;
            value
        })
    }

    fn has(&self, table: &str) -> bool {
        self.value(&format!("select to_regclass('{table}') is not null"))
            .as_deref()
            == Some("t")
    }
}

/// Runs a command about a file; what comes of it is told by a message.
fn run(editor: &mut Editor, command: &str, path: &str) {
    editor.notifications.clear();
    editor.requests.clear();
    let arguments = vec![json!(editor.uri(path))];
    let params = ExecuteCommandParams {
        command: format!("dblsp.{command}"),
        arguments,
        ..ExecuteCommandParams::default()
    };
    editor.ask::<ExecuteCommand>(params).expect("the command starts");
}

pub(crate) fn lenses(editor: &mut Editor, path: &str) -> Vec<String> {
    let params = CodeLensParams {
        text_document: TextDocumentIdentifier::new(editor.uri(path)),
        work_done_progress_params: WorkDoneProgressParams::default(),
        partial_result_params: PartialResultParams::default(),
    };
    let found: Option<Vec<CodeLens>> = editor.ask::<CodeLensRequest>(params).expect("lenses");
    let titles = found.unwrap_or_default().into_iter().filter_map(|lens| lens.command);
    titles.map(|command| command.title).collect()
}

/// What the user was asked, with the choices.
fn asked(editor: &Editor) -> Vec<String> {
    let asked = editor
        .requests
        .iter()
        .filter(|(method, _)| method == "window/showMessageRequest");
    asked
        .map(|(_, params)| {
            let actions = params["actions"].as_array().into_iter().flatten();
            let titles: Vec<&str> = actions.filter_map(|action| action["title"].as_str()).collect();
            format!("{} {titles:?}", params["message"].as_str().unwrap_or_default())
        })
        .collect()
}

#[test]
fn nothing_connects_before_the_workspace_is_trusted() {
    let Some(setting) = Setting::new("untrusted", "") else {
        return;
    };
    for options in [json!({ "debounce": 0 }), json!({ "debounce": 0, "trusted": false })] {
        let mut editor = setting.editor(options);
        for command in [
            "apply", "applyAll", "status", "test", "snapshot", "rollback", "restore", "drift",
        ] {
            run(&mut editor, command, FIRST);
            editor.message("not trusted");
        }
    }
    let others = "select count(*) from pg_stat_activity where application_name like 'dblsp%'";
    assert_eq!(setting.value(others).as_deref(), Some("0"));
    assert!(!setting.has("public.users"));
}

#[test]
fn a_migration_is_applied_once_the_user_said_so() {
    let Some(setting) = Setting::new("apply", "") else {
        return;
    };
    let mut editor = setting.trusted();
    run(&mut editor, "apply", FIRST);
    editor.message("Nothing was done");
    assert!(!setting.has("public.users"));
    let questions = asked(&editor);
    let [question] = questions.as_slice() else {
        panic!("one question: {questions:?}")
    };
    assert!(
        question.starts_with("Apply 20250101000000_v0_1_0_users.sql on local (postgres@"),
        "{question}"
    );
    assert!(question.ends_with(r#"["Apply", "Cancel"]"#), "{question}");

    editor.will_choose("Apply");
    run(&mut editor, "apply", FIRST);
    editor.message("Applied 20250101000000_v0_1_0_users.sql on local");
    assert!(setting.has("public.users"));
    let recorded = "select string_agg(version, ' ') from supabase_migrations.schema_migrations";
    assert_eq!(setting.value(recorded).as_deref(), Some("20250101000000"));
    assert!(lenses(&mut editor, FIRST).contains(&"Applied on local".to_owned()));
    assert!(!lenses(&mut editor, SECOND).contains(&"Applied on local".to_owned()));

    editor.will_choose("Apply");
    run(&mut editor, "applyAll", SECOND);
    editor.message("Applied 20250102000000_v0_1_0_notes.sql");
    assert!(setting.has("public.notes"));
    run(&mut editor, "applyAll", SECOND);
    editor.message("Everything is applied on local");
    run(&mut editor, "status", SECOND);
    editor.message("2 applied");
    let id = editor.begin("dblsp/migrations", json!({}));
    let listed = editor.answer(id).expect("migrations");
    assert_eq!(listed[0]["migrations"][1]["applied"], json!(["local"]));

    // Another editor, which may connect to nothing, knows it from then on.
    let mut other = setting.editor(json!({ "debounce": 0 }));
    assert!(lenses(&mut other, FIRST).contains(&"Applied on local".to_owned()));
    let is_edited = |found: &[ls_types::Diagnostic]| codes(found).contains(&"edited-applied-migration");
    other.replace(FIRST, &USERS.replace("bigint", "int"));
    other.expect(FIRST, is_edited);
    other.replace(FIRST, &format!("-- people\n{USERS}"));
    other.expect(FIRST, |found| !is_edited(found));
}

#[test]
fn a_migration_is_rolled_back_and_the_schema_is_what_it_was() {
    let Some(setting) = Setting::new("rollback", "") else {
        return;
    };
    let mut editor = setting.trusted();
    editor.will_choose("Apply");
    run(&mut editor, "applyAll", SECOND);
    editor.message("Applied");
    run(&mut editor, "rollback", SECOND);
    editor.message("Nothing was done");
    assert!(asked(&editor)[0].starts_with("Roll 20250102000000_v0_1_0_notes.sql back on local (postgres@"));
    assert!(setting.has("public.notes"));
    editor.will_choose("Roll back");
    run(&mut editor, "rollback", ROLLBACK);
    editor.message("the schema is what it was");
    assert!(!setting.has("public.notes") && setting.has("public.users"));
    assert!(!lenses(&mut editor, SECOND).contains(&"Applied on local".to_owned()));
    assert!(lenses(&mut editor, FIRST).contains(&"Applied on local".to_owned()));
}

#[test]
fn the_statement_that_failed_is_shown_until_it_is_mended() {
    let Some(setting) = Setting::new("failure", "") else {
        return;
    };
    let broken = "/* 😀 */ create table public.a (id int);\ninsert into public.a select größe from nowhere;\n";
    setting.folder.write(FIRST, broken);
    let mut editor = setting.trusted();
    editor.will_choose("Apply");
    run(&mut editor, "apply", FIRST);
    editor.message("nothing of the file is in the database");
    let is_server_s = |found: &ls_types::Diagnostic| found.source.as_deref() == Some("PostgreSQL");
    let found = editor.expect(FIRST, |found| found.iter().any(is_server_s));
    let found = found.iter().find(|found| is_server_s(found)).expect("it is there");
    assert_eq!(found.code, Some(NumberOrString::String("42P01".to_owned())));
    assert_eq!((found.range.start.line, found.range.start.character), (1, 39));
    assert_eq!((found.range.end.line, found.range.end.character), (1, 46));
    assert!(!setting.has("public.a"));
    editor.replace(FIRST, USERS);
    editor.expect(FIRST, |found| !found.iter().any(is_server_s));
}

#[test]
fn what_is_not_saved_is_not_run() {
    let Some(setting) = Setting::new("unsaved", "") else {
        return;
    };
    let mut editor = setting.trusted();
    editor.replace(FIRST, "drop table public.users;\n");
    editor.will_choose("Apply");
    run(&mut editor, "apply", FIRST);
    editor.message("not saved");
    assert!(!setting.has("public.users"));
}

#[test]
fn what_the_environment_wants_confirmed_is_asked_and_recorded() {
    let settings = "confirm = [\"team notified\"]\n[environments.other]\nurl = \"env(NOT_SET)\"\n";
    let Some(setting) = Setting::new("confirmed", settings) else {
        return;
    };
    let mut editor = setting.trusted();
    editor.will_choose("Apply");
    editor.will_choose("No");
    run(&mut editor, "apply", FIRST);
    editor.message("Nothing was done");
    assert!(asked(&editor)[1].starts_with("local: team notified?"));
    assert!(!setting.has("public.users"));
    editor.will_choose("Apply");
    editor.will_choose("Yes");
    run(&mut editor, "apply", FIRST);
    editor.message("Applied");
    let recorded = setting
        .value("select confirmations ->> 0 from dblsp.run")
        .expect("a run");
    assert!(recorded.contains("team notified"), "{recorded}");
}

#[test]
fn tests_run_and_show_what_fails() {
    let Some(setting) = Setting::new("tests", "") else {
        return;
    };
    let mut editor = setting.trusted();
    editor.open_from_disk(TEST);
    editor.will_choose("Run");
    run(&mut editor, "test", TEST);
    editor.message("failed on local");
    let found = editor.expect(TEST, |found| !found.is_empty());
    assert_eq!(found[0].range.start.line, 2, "{found:?}");
    editor.will_choose("Apply");
    run(&mut editor, "apply", FIRST);
    editor.message("Applied");
    editor.will_choose("Run");
    run(&mut editor, "test", FIRST);
    editor.message("The tests of v0.1.0 pass on local");
    editor.expect(TEST, <[_]>::is_empty);
}

#[test]
fn a_snapshot_is_written_and_never_over_another_unasked() {
    let Some(setting) = Setting::new("snapshot", "") else {
        return;
    };
    let mut editor = setting.trusted();
    run(&mut editor, "snapshot", FIRST);
    editor.message("`schemas/v0.1.0_20250101000000.sql`");
    let path = setting.folder.path().join("supabase/schemas/v0.1.0_20250101000000.sql");
    assert!(path.exists());
    std::fs::write(&path, "kept").expect("written");
    run(&mut editor, "snapshot", FIRST);
    editor.message("Nothing was done");
    assert_eq!(std::fs::read_to_string(&path).expect("read"), "kept");
    editor.will_choose("Overwrite");
    run(&mut editor, "snapshot", FIRST);
    editor.message("The schema of local");
    assert_ne!(std::fs::read_to_string(&path).expect("read"), "kept");
}

#[test]
fn a_snapshot_is_restored_once_the_database_s_name_is_typed() {
    let Some(setting) = Setting::new("restored", "") else {
        return;
    };
    let mut editor = setting.trusted();
    editor.will_choose("Apply");
    run(&mut editor, "applyAll", SECOND);
    editor.message("Applied");
    setting.value("insert into public.users (id) values (1), (2) returning 1");
    for typed in [Value::Null, json!("local")] {
        editor.will_answer("dblsp/confirm", typed);
        run(&mut editor, "restore", SECOND);
        editor.message("Nothing was done");
        assert!(setting.has("public.notes"));
    }
    let asked = editor.requests.iter().find(|(method, _)| method == "dblsp/confirm");
    let (_, question) = asked.expect("a question");
    assert_eq!(question["expected"], "restored");
    let message = question["message"].as_str().expect("a text");
    for part in [
        "schemas/v0.1.0_20250102000000.sql` destroys on local (postgres@",
        "2 rows in 2 tables",
        "table public.notes",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    editor.will_answer("dblsp/confirm", json!("restored"));
    run(&mut editor, "restore", SECOND);
    editor.message("Not applied any more: 20250102000000");
    assert!(!setting.has("public.notes"));
    assert_eq!(setting.value("select count(*) from public.users").as_deref(), Some("0"));
    assert!(!lenses(&mut editor, SECOND).contains(&"Applied on local".to_owned()));

    // An editor that cannot ask is told what to do instead.
    let mut other = setting.editor(json!({ "debounce": 0, "trusted": true }));
    run(&mut other, "restore", FIRST);
    other.message("run `dblsp restore supabase/schemas/v0.1.0_20250101000000.sql --environment local`");
}

#[test]
fn drift_is_told_and_becomes_a_finding_until_it_is_gone() {
    let Some(setting) = Setting::new("drifted", "") else {
        return;
    };
    let mut editor = setting.trusted();
    editor.will_choose("Apply");
    run(&mut editor, "applyAll", SECOND);
    editor.message("Applied");
    run(&mut editor, "drift", SECOND);
    editor.message("is what its 2 migrations make");
    setting.value("alter table public.users add by_hand int");
    run(&mut editor, "drift", SECOND);
    editor.message("column public.users.by_hand is there and was not");
    editor.expect(FIRST, |found| codes(found).contains(&"drift"));
    setting.value("alter table public.users drop by_hand");
    run(&mut editor, "drift", SECOND);
    editor.message("is what its 2 migrations make");
    editor.expect(FIRST, |found| !codes(found).contains(&"drift"));
}
