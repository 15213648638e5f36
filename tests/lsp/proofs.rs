//! Proofs, traces and pictures from the editor, on a throw-away PostgreSQL.

use std::path::Path;

use serde_json::{Value, json};

use crate::actions::{actions, execute, run as run_action, titled};
use crate::client::{Editor, Folder, Start, codes};
use crate::databases::lenses;
use crate::postgres::has_postgres;

const FIRST: &str = "supabase/migrations/20250101000000_v0_1_0_people.sql";
const SECOND: &str = "supabase/migrations/20250102000000_v0_1_0_without_notes.sql";
const FIRST_ROLLBACK: &str = "supabase/rollback/20250101000000_rollback.sql";
const ROLLBACK: &str = "supabase/rollback/20250102000000_rollback.sql";
const PEOPLE: &str = "create table public.people (id bigint primary key, name text not null, note text);\n\
                      insert into public.people values (1, 'Ada', 'kept'), (2, 'Grace', null);\n";
const WITHOUT_NOTES: &str = "alter table public.people drop column note;\n";

/// A project whose newest migration drops a column with rows in it, and has no rollback yet.
struct Setting {
    folder: Folder,
    cache: tempfile::TempDir,
}

impl Setting {
    fn new() -> Self {
        Self {
            folder: Folder::new(&[
                ("dblsp.toml", "version = 1\n"),
                (FIRST, PEOPLE),
                (FIRST_ROLLBACK, "drop table public.people;\n"),
                (SECOND, WITHOUT_NOTES),
            ]),
            cache: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    fn editor(&self, options: Value, variables: &[(&str, &str)]) -> Editor {
        let mut start = Start::in_folder(self.folder.path());
        start.options = options;
        let own = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        start.variables = own.collect();
        // Proofs are remembered there.
        let cache = self.cache.path().display().to_string();
        start.variables.push(("XDG_CACHE_HOME".to_owned(), cache));
        let mut editor = start.open();
        editor.open_from_disk(FIRST);
        editor.open_from_disk(SECOND);
        editor
    }

    fn trusted(&self) -> Editor {
        self.editor(json!({ "debounce": 0, "trusted": true }), &[])
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        let options = database::Options::default();
        drop(database::warm::stop(&options, Some(self.folder.path())));
    }
}

fn run(editor: &mut Editor, command: &str, path: &str) {
    editor.notifications.clear();
    let uri = json!(editor.uri(path));
    execute(editor, &format!("dblsp.{command}"), vec![uri]).expect("the command starts");
}

/// The file that the editor was asked to show, with this ending.
fn shown(editor: &mut Editor, ending: &str) -> String {
    let path = editor.wait("the page", |editor| {
        let asked = editor.requests.iter();
        let mut asked = asked.filter(|(method, _)| method == "window/showDocument");
        asked.find_map(|(_, params)| {
            let uri = params["uri"].as_str()?;
            assert_eq!(params["external"], json!(true), "an editor would show the source");
            Some(uri.strip_prefix("file://")?.to_owned()).filter(|path| path.ends_with(ending))
        })
    });
    std::fs::read_to_string(path).expect("it was written")
}

#[test]
fn a_dropped_column_comes_back_with_its_rows_and_that_is_proven() {
    if !has_postgres() {
        return;
    }
    let setting = Setting::new();
    let mut editor = setting.trusted();
    let found = editor.expect(SECOND, |found| codes(found).contains(&"rollback-missing"));
    let missing = found
        .iter()
        .find(|it| codes(std::slice::from_ref(it)) == ["rollback-missing"]);
    let place = missing.expect("it is there").range;
    let offered = actions(&mut editor, SECOND, place, None);
    run_action(&mut editor, titled(&offered, "Create the rollback file"));
    editor.expect(SECOND, |found| !codes(found).contains(&"rollback-missing"));
    let written = std::fs::read_to_string(setting.folder.path().join(ROLLBACK)).expect("it was written");
    assert!(written.contains("add column note text;"), "{written}");
    assert!(written.contains("-- dblsp: restore public.people (note)"), "{written}");

    assert!(lenses(&mut editor, SECOND).contains(&"Prove the rollback".to_owned()));
    run(&mut editor, "prove", SECOND);
    editor.message("The rollback of 20250102000000_v0_1_0_without_notes.sql is proven: schema and rows are back");
    assert!(lenses(&mut editor, SECOND).contains(&"Rollback proven".to_owned()));

    // An empty one is not.
    editor.open(ROLLBACK, &written);
    editor.replace(ROLLBACK, "-- nothing\n");
    let stale = "Rollback not proven since it was changed".to_owned();
    assert!(lenses(&mut editor, SECOND).contains(&stale));
    run(&mut editor, "prove", ROLLBACK);
    editor.message("is not proven");
    let found = editor.expect(ROLLBACK, |found| codes(found).contains(&"rollback-incomplete"));
    let told = found.iter().map(|it| it.message.as_str()).collect::<String>();
    assert!(told.contains("column public.people.note is missing"), "{told}");
    let lenses = lenses(&mut editor, SECOND);
    assert!(
        lenses.iter().any(|lens| lens.starts_with("Rollback not proven: ")),
        "{lenses:?}"
    );
}

#[test]
fn a_statement_that_the_server_refuses_is_underlined_in_its_file() {
    if !has_postgres() {
        return;
    }
    let setting = Setting::new();
    setting
        .folder
        .write(ROLLBACK, "alter table public.people\n  add column note txt;\n");
    let mut editor = setting.trusted();
    run(&mut editor, "prove", SECOND);
    editor.message("is not proven");
    editor.open_from_disk(ROLLBACK);
    let found = editor.expect(ROLLBACK, |found| codes(found).contains(&"rollback-fails"));
    let is_it = |it: &&ls_types::Diagnostic| codes(std::slice::from_ref(it)) == ["rollback-fails"];
    let failed = found.iter().find(is_it).expect("it is there");
    assert_eq!(failed.range.start.line, 1, "{failed:?}");
    assert!(failed.message.contains("42704"), "{}", failed.message);
}

#[test]
fn a_trace_is_a_page_that_the_browser_shows() {
    if !has_postgres() {
        return;
    }
    let setting = Setting::new();
    let mut editor = setting.trusted();
    run(&mut editor, "trace", SECOND);
    editor.message("Trace of 20250102000000_v0_1_0_without_notes.sql is in `.dblsp/trace-");
    let page = shown(&mut editor, ".html");
    assert!(
        page.contains("data-table=\"people\"") && page.contains("ACCESS EXCLUSIVE"),
        "{page}"
    );
    assert!(page.contains("Measured on a throw-away PostgreSQL"), "{page}");

    // What is not saved is traced as the editor holds it.
    editor.requests.clear();
    editor.replace(SECOND, "create index on public.people (note);\n");
    run(&mut editor, "trace", SECOND);
    editor.message("Trace of");
    let page = shown(&mut editor, ".html");
    assert!(page.contains("builds an index on people"), "{page}");
    let ignored = setting.folder.path().join(".dblsp/.gitignore");
    assert_eq!(std::fs::read_to_string(ignored).expect("it is there"), "*\n");
}

#[test]
fn a_graph_is_drawn_where_nothing_may_run() {
    let setting = Setting::new();
    let mut editor = setting.editor(json!({ "debounce": 0 }), &[]);
    run(&mut editor, "graph", SECOND);
    editor.message("Graph of 20250102000000_v0_1_0_without_notes.sql is in `.dblsp/graph-");
    let picture = shown(&mut editor, ".svg");
    assert!(
        picture.starts_with("<svg") && picture.contains("people") && picture.contains("note"),
        "{picture}"
    );
    run(&mut editor, "graph", "dblsp.toml");
    editor.message("no migration of a project");
}

#[test]
fn nothing_runs_before_the_workspace_is_trusted() {
    let setting = Setting::new();
    let mut editor = setting.editor(json!({ "debounce": 0 }), &[]);
    for command in ["prove", "trace"] {
        run(&mut editor, command, SECOND);
        editor.message("not trusted");
    }
    assert!(!setting.folder.path().join(".dblsp").exists());
}

#[test]
fn without_postgresql_the_rest_works_and_a_message_says_what_to_install() {
    let setting = Setting::new();
    let nowhere = Path::new("/nowhere").display().to_string();
    let variables = [("DBLSP_PG_BIN", nowhere.as_str())];
    let mut editor = setting.editor(json!({ "debounce": 0, "trusted": true }), &variables);
    editor.expect(SECOND, |found| codes(found).contains(&"drop-column"));
    run(&mut editor, "trace", SECOND);
    editor.message("no PostgreSQL was found on this machine. Install its server package, or set DBLSP_PG_BIN");
    let page = shown(&mut editor, ".html");
    assert!(
        page.contains("Predicted; no PostgreSQL was there to measure with"),
        "{page}"
    );
    run(&mut editor, "prove", FIRST);
    editor.message("install PostgreSQL's server package, or set DBLSP_PG_BIN");
    assert!(
        !lenses(&mut editor, FIRST)
            .iter()
            .any(|lens| lens.starts_with("Rollback proven"))
    );
}
