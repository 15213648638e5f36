//! Findings: the same as `dblsp check` prints, about the texts in the editor, and never about older ones.

use std::collections::BTreeMap;
use std::path::Path;

use ls_types::Diagnostic;
use ls_types::notification::{Notification, PublishDiagnostics};
use serde_json::Value;

use crate::client::{Editor, Folder, Start, checked, codes, part};

/// A project with a finding of nearly every kind, places with non-ASCII text before them, and companions.
fn bad_project() -> Folder {
    Folder::new(&[
        ("dblsp.toml", "[coupling]\nforbidden_names = [\"acme\"]\n"),
        (
            "supabase/migrations/20250101000000_v0_1_0_baseline.sql",
            "-- Grüße 😀\ncreate table kunden (id bigint primary key, \"straße\" text, plz int);\n\
             create table orders (id bigint primary key, customer bigint references kunden);\n\
             /* ßß */ create index on orders (id);\n-- dblsp: allow drop-table (nothing)\nselect 1;\n",
        ),
        (
            "supabase/migrations/20250102000000_v0_1_0_break.sql",
            "create index \"größe\" on orders (customer);\nalter table kunden drop column \"straße\";\n\
             /* 終 */ alter table kunden alter column plz type bigint;\nselec 'ä';\nalter table missing add x int;\n\
             select 'ü'; drop table orders; -- acme\nalter table kunden alter plz set not null;\n",
        ),
        ("supabase/migrations/bad name.sql", "commit;\nbegin;\nbegin;\n"),
        (
            "supabase/rollback/20250101000000_rollback.sql",
            "-- TODO: decide\ndrop table kunden;\n",
        ),
        ("supabase/tests/v0.1.0_smoke_test.sql", "select 'ä' from kunden;\n"),
    ])
}

#[test]
fn findings_are_those_of_check() {
    let folder = bad_project();
    let wanted = folder.checked();
    let rules: usize = wanted.values().map(Vec::len).sum();
    assert!(
        rules > 12 && wanted.len() > 3,
        "a bad project has findings: {wanted:#?}"
    );
    let mut editor = Editor::of(&folder);
    editor.expect("supabase/migrations/bad name.sql", |found| !found.is_empty());
    editor.open_from_disk("supabase/tests/v0.1.0_smoke_test.sql");
    editor.expect_version("supabase/tests/v0.1.0_smoke_test.sql", 1);
    assert_eq!(editor.published(), wanted);
}

#[test]
fn the_reference_project_has_as_many_findings_as_in_check() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let wanted = checked(root);
    let mut editor = Start::in_folder(root).open();
    let path = "supabase/migrations/20251026211500_v0_7_0_baseline.sql";
    editor.open_from_disk(path);
    editor.expect_version(path, 1);
    assert_eq!(editor.published(), wanted);
}

#[test]
fn an_unsaved_edit_in_the_middle_changes_findings_before_and_after_it() {
    let folder = Folder::new(&[
        (
            "supabase/migrations/1_a.sql",
            "create table a (id bigint primary key);\ncreate table b (id bigint primary key, a bigint references a);\n",
        ),
        ("supabase/migrations/2_b.sql", "select 1;\n"),
        ("supabase/migrations/3_c.sql", "alter table d add note text;\n"),
    ]);
    let mut editor = Editor::of(&folder);
    let path = "supabase/migrations/2_b.sql";
    editor.open_from_disk(path);
    let before = |found: &[Diagnostic], rule: &str| codes(found).contains(&rule);
    editor.expect("supabase/migrations/1_a.sql", |found| before(found, "fk-without-index"));
    editor.expect("supabase/migrations/3_c.sql", |found| before(found, "unknown-object"));
    let version = editor.replace(path, "create table d (id int primary key);\ncreate index on b (a);\n");
    editor.expect_version(path, version);
    editor.expect("supabase/migrations/1_a.sql", |found| {
        !before(found, "fk-without-index")
    });
    editor.expect("supabase/migrations/3_c.sql", |found| !before(found, "unknown-object"));
    let version = editor.replace(path, "select 1;\n");
    editor.expect("supabase/migrations/1_a.sql", |found| before(found, "fk-without-index"));
    editor.expect("supabase/migrations/3_c.sql", |found| before(found, "unknown-object"));
    let order: Vec<String> = published(&editor)
        .into_iter()
        .filter(|(_, about, _)| *about == Some(version))
        .map(|(uri, ..)| uri)
        .collect();
    assert!(order.first().is_some_and(|uri| uri.ends_with("2_b.sql")), "{order:?}");
}

/// What was published, in order: address, version, findings.
fn published(editor: &Editor) -> Vec<(String, Option<i32>, Vec<Diagnostic>)> {
    let all = editor.notifications.iter();
    let all = all.filter(|(method, _)| method == PublishDiagnostics::METHOD);
    all.map(|(_, params)| {
        let version = params["version"]
            .as_i64()
            .and_then(|version| i32::try_from(version).ok());
        let found: Vec<Diagnostic> = serde_json::from_value(params["diagnostics"].clone()).expect("diagnostics");
        (params["uri"].as_str().unwrap_or_default().to_owned(), version, found)
    })
    .collect()
}

#[test]
fn the_edited_file_is_told_before_later_ones() {
    let folder = Folder::new(&[
        (
            "supabase/migrations/1_a.sql",
            "create table a (id bigint primary key);\n",
        ),
        ("supabase/migrations/2_b.sql", "alter table a drop column id;\n"),
    ]);
    let mut editor = Editor::of(&folder);
    let path = "supabase/migrations/1_a.sql";
    editor.open_from_disk(path);
    editor.expect_version(path, 1);
    editor.expect("supabase/migrations/2_b.sql", |found| {
        codes(found) == ["drop-column", "rollback-missing"] || !found.is_empty()
    });
    editor.notifications.clear();
    let version = editor.replace(path, "create table z (id bigint primary key);\n");
    editor.expect_version(path, version);
    editor.expect("supabase/migrations/2_b.sql", |found| {
        codes(found).contains(&"unknown-object")
    });
    let order: Vec<String> = published(&editor).into_iter().map(|(uri, ..)| uri).collect();
    assert!(order[0].ends_with("1_a.sql"), "{order:?}");
}

#[test]
fn a_new_unsaved_file_is_part_of_the_history_until_it_is_closed() {
    let folder = Folder::new(&[
        (
            "supabase/migrations/1_a.sql",
            "create table a (id bigint primary key);\n",
        ),
        ("supabase/migrations/3_c.sql", "alter table größe add note text;\n"),
    ]);
    let mut editor = Editor::of(&folder);
    let missing = |found: &[Diagnostic]| codes(found).contains(&"unknown-object");
    editor.expect("supabase/migrations/3_c.sql", missing);
    editor.open(
        "supabase/migrations/2_b.sql",
        "create table größe (id bigint primary key);\n",
    );
    editor.expect("supabase/migrations/3_c.sql", |found| !missing(found));
    editor.close("supabase/migrations/2_b.sql");
    editor.expect("supabase/migrations/3_c.sql", missing);
}

#[test]
fn closing_without_saving_goes_back_to_the_disk() {
    let folder = Folder::new(&[("supabase/migrations/1_a.sql", "select 1;\n")]);
    let mut editor = Editor::of(&folder);
    let path = "supabase/migrations/1_a.sql";
    editor.open(path, "selec 1;\n");
    editor.expect(path, |found| codes(found).contains(&"syntax-error"));
    editor.close(path);
    editor.expect(path, |found| !codes(found).contains(&"syntax-error"));
}

#[test]
fn sql_outside_of_migrations_is_left_alone() {
    let folder = Folder::new(&[
        (
            "supabase/migrations/1_a.sql",
            "create table a (id bigint primary key);\n",
        ),
        ("queries/report.sql", "selec 1;"),
    ]);
    let mut editor = Editor::of(&folder);
    editor.open_from_disk("queries/report.sql");
    editor.open("supabase/migrations/1_a.sql", "selec 1;");
    editor.expect("supabase/migrations/1_a.sql", |found| !found.is_empty());
    editor.replace("queries/report.sql", "drop table a;");
    let version = editor.replace("supabase/migrations/1_a.sql", "select 2;");
    editor.expect_version("supabase/migrations/1_a.sql", version);
    let uri = editor.uri("queries/report.sql");
    assert!(
        !editor.diagnostics.contains_key(uri.as_str()),
        "{:#?}",
        editor.diagnostics
    );
}

#[test]
fn a_file_without_a_folder_finds_its_project_and_takes_it_along() {
    let folder = Folder::new(&[
        (
            "app/supabase/migrations/1_a.sql",
            "create table a (id bigint primary key);\n",
        ),
        (
            "app/supabase/migrations/2_b.sql",
            "alter table missing add note text;\n",
        ),
    ]);
    let mut start = Start::in_folder(folder.path());
    start.folders.clear();
    let mut editor = start.open();
    let path = |name: &str| {
        folder
            .path()
            .join("app/supabase/migrations")
            .join(name)
            .display()
            .to_string()
    };
    let (first, second) = (path("1_a.sql"), path("2_b.sql"));
    editor.open_from_disk(&first);
    editor.expect_version(&first, 1);
    editor.expect(&second, |found| codes(found).contains(&"unknown-object"));
    let version = editor.replace(&first, "create table missing (id bigint primary key);\n");
    editor.expect_version(&first, version);
    editor.expect(&second, |found| !codes(found).contains(&"unknown-object"));
    editor.replace(&first, "create table a (id int primary key);\n");
    editor.expect(&second, |found| codes(found).contains(&"unknown-object"));
    editor.close(&first);
    editor.expect(&second, <[Diagnostic]>::is_empty);
}

#[test]
fn related_places_are_in_other_files_and_count_characters() {
    let folder = Folder::new(&[
        (
            "supabase/migrations/1_a.sql",
            "/* 😀 */ create table a (id bigint primary key);\n",
        ),
        ("supabase/migrations/2_b.sql", "select 1;\n"),
    ]);
    for (encoding, character) in [("utf-8", 11), ("utf-16", 9), ("utf-32", 8)] {
        let mut editor = Start::in_folder(folder.path()).counting(encoding).open();
        let path = "supabase/migrations/2_b.sql";
        editor.open(path, "/* 😀 */ create table a (id bigint primary key);\n");
        let found = editor.expect(path, |found| codes(found).contains(&"already-exists"));
        let found = found
            .iter()
            .find(|found| codes(std::slice::from_ref(found)) == ["already-exists"]);
        let found = found.expect("it was waited for");
        assert_eq!(found.range.start.line, 0);
        let related = &found.related_information.as_ref().expect("a related place")[0];
        assert!(related.location.uri.as_str().ends_with("1_a.sql"), "{related:?}");
        assert_eq!(related.location.range.start.character, character, "{encoding}");
        assert_eq!(
            found.data.as_ref().map(|data| &data["rule"]),
            Some(&Value::from("already-exists"))
        );
        assert!(found.code_description.is_some());
    }
}

#[test]
fn an_idle_allow_comment_is_shown_as_unnecessary() {
    let folder = Folder::new(&[(
        "supabase/migrations/1_a.sql",
        "select 1; -- dblsp: allow drop-table (ä)\n",
    )]);
    let mut editor = Editor::of(&folder);
    let found = editor.expect("supabase/migrations/1_a.sql", |found| {
        codes(found).contains(&"unused-allow")
    });
    let idle = found.iter().find(|found| found.tags.is_some()).expect("one has a tag");
    assert_eq!(codes(std::slice::from_ref(idle)), ["unused-allow"]);
}

/// Every edit is one character, in front of non-ASCII text; requests come in between.
#[test]
fn a_thousand_edits_end_in_the_right_findings_and_none_is_about_an_older_text() {
    let folder = Folder::new(&[
        (
            "supabase/migrations/1_a.sql",
            "create table a (id bigint primary key);\n",
        ),
        (
            "supabase/migrations/2_b.sql",
            "-- 😀ß\n\n/* 終 */ alter table a drop column id;\n",
        ),
    ]);
    let mut editor = Start::in_folder(folder.path()).counting("utf-16").open();
    let path = "supabase/migrations/2_b.sql";
    let mut text = editor.open_from_disk(path);
    editor.expect_version(path, 1);
    let words: Vec<char> = "select 'ä😀'; ".repeat(1000).chars().take(1000).collect();
    let (mut column, mut texts, mut pending) = (0, BTreeMap::from([(1, text.clone())]), Vec::new());
    let line = "-- 😀ß\n".len();
    let mut at = line;
    for (number, letter) in words.iter().enumerate() {
        let version = editor.change(path, vec![part((1, column), (1, column), &letter.to_string())]);
        text.insert(at, *letter);
        at += letter.len_utf8();
        column += u32::try_from(letter.len_utf16()).expect("one or two");
        texts.insert(version, text.clone());
        if number % 10 == 0 {
            let params = serde_json::json!({
                "textDocument": { "uri": editor.uri(path) }, "position": { "line": 2, "character": 12 } });
            pending.push(editor.begin("textDocument/hover", params));
        }
    }
    for id in pending {
        editor.answer(id).expect("an answer");
    }
    editor.expect_version(path, 1001);
    folder.write(path, &text);
    // Published about version 1001: what `check` says about that text, counted in its own units.
    let mut fresh = Editor::of(&folder);
    fresh.open_from_disk(path);
    let wanted = fresh.expect_version(path, 1);
    let found = editor.expect_version(path, 1001);
    assert_eq!(codes(&found), codes(&wanted));
    let mut newest = 0;
    for (uri, version, found) in published(&editor) {
        if !uri.ends_with("2_b.sql") {
            continue;
        }
        let version = version.expect("the file is open");
        assert!(version >= newest, "version {version} came after {newest}");
        newest = version;
        let text = &texts[&version];
        let lines: Vec<&str> = text.split('\n').collect();
        for diagnostic in found
            .iter()
            .filter(|found| codes(std::slice::from_ref(found)) == ["drop-column"])
        {
            let line = lines[diagnostic.range.start.line as usize];
            let units: Vec<u16> = line.encode_utf16().collect();
            let start = diagnostic.range.start.character as usize;
            let rest = String::from_utf16_lossy(&units[start..]);
            assert!(
                rest.starts_with("drop column") || rest.starts_with("alter table"),
                "{rest}"
            );
        }
    }
}

#[test]
fn a_file_of_ten_megabytes_is_lived_with() {
    let folder = Folder::new(&[("supabase/migrations/1_a.sql", "select 1;\n")]);
    let mut editor = Editor::of(&folder);
    let row = "-- a comment of fifty characters, and one more: äöü\n";
    let big = row.repeat(10_000_000 / row.len()) + "selec 1;\n";
    let path = "supabase/migrations/2_b.sql";
    editor.open(path, &big);
    editor.expect(path, |found| codes(found).contains(&"syntax-error"));
    let version = editor.change(path, vec![part((0, 0), (0, 0), "select 1;\n")]);
    let found = editor.expect_version(path, version);
    assert!(codes(&found).contains(&"syntax-error"));
    assert_eq!(editor.leave().code(), Some(0));
}
