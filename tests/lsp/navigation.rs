//! What editors ask at a place. Everything goes through an object that another file makes, from a text that is not
//! saved, with non-ASCII text before the place.

use ls_types::request::{
    CodeLensRequest, Completion, DocumentHighlightRequest, DocumentSymbolRequest, FoldingRangeRequest, GotoDefinition,
    GotoTypeDefinition, HoverRequest, InlayHintRequest, PrepareRenameRequest, References, Rename, Request,
    SelectionRangeRequest, SemanticTokensFullRequest, SemanticTokensRangeRequest, SignatureHelpRequest,
    WorkspaceSymbolRequest,
};
use ls_types::{
    CompletionResponse, CompletionTextEdit, DocumentChanges, DocumentHighlightKind, DocumentSymbolResponse,
    FoldingRangeKind, GotoDefinitionResponse, HoverContents, Location, OneOf, ParameterLabel, Position,
    PrepareRenameResponse, Range, SemanticTokens, SemanticTokensRangeResult, SemanticTokensResult,
    SemanticTokensServerCapabilities,
};
use serde_json::{Value, json};

use crate::client::{Editor, Folder, Start};

const FIRST: &str = "supabase/migrations/1_first.sql";
const SECOND: &str = "supabase/migrations/2_second.sql";
const THIRD: &str = "supabase/migrations/3_third.sql";

/// Only this text, which is never saved, makes `app.größe` and the function.
const UNSAVED: &str = "/* 😀 */ create schema app; create type app.maß as enum ('cm', 'm');
create table app.größe (id bigint primary key, länge numeric, einheit app.maß);
comment on table app.größe is 'Wie groß 😀';
create function app.fläche(breite numeric, höhe numeric) returns numeric
language sql as $$
  select breite * höhe + max(länge) from app.größe
$$;
";

/// Uses what the first file makes.
const USES: &str = "/* ß😀 */ alter table app.größe add column farbe text;
select 'ä😀', g.länge from app.größe g where g.farbe = 'rot';
-- Eine Anmerkung,
-- die weitergeht 😀
select app.fläche(1, 2);
";

fn editor() -> (Folder, Editor) {
    editor_counting("utf-16")
}

fn editor_counting(encoding: &str) -> (Folder, Editor) {
    let folder = Folder::new(&[
        (FIRST, "select 1;\n"),
        (SECOND, "select 1;\n"),
        (THIRD, "update app.größe set farbe = 'grün'; -- 😀\n"),
    ]);
    let mut start = Start::in_folder(folder.path()).counting(encoding);
    start.capabilities["textDocument"]["completion"] = json!({ "completionItem": { "snippetSupport": true } });
    let mut editor = start.open();
    editor.open_from_disk(FIRST);
    editor.open_from_disk(SECOND);
    editor.replace(FIRST, UNSAVED);
    editor.replace(SECOND, USES);
    (folder, editor)
}

/// Where the `nth` `needle` of a text begins, plus `more` bytes, in UTF-16.
fn at(text: &str, needle: &str, nth: usize, more: usize) -> Position {
    let (offset, _) = text.match_indices(needle).nth(nth).expect("it is in the text");
    position(text, offset + more)
}

fn position(text: &str, offset: usize) -> Position {
    let before = &text[..offset];
    let line = before.matches('\n').count();
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let units = before[start..].encode_utf16().count();
    Position::new(
        u32::try_from(line).expect("short"),
        u32::try_from(units).expect("short"),
    )
}

/// The text of a range that counts UTF-16.
fn covered(text: &str, range: Range) -> String {
    let offset = |at: Position| {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let before: usize = lines.iter().take(at.line as usize).map(|line| line.len()).sum();
        let units: Vec<u16> = lines
            .get(at.line as usize)
            .copied()
            .unwrap_or_default()
            .encode_utf16()
            .collect();
        before
            + String::from_utf16(&units[..at.character as usize])
                .expect("no half characters")
                .len()
    };
    text[offset(range.start)..offset(range.end)].to_owned()
}

fn text_of(path: &str) -> &'static str {
    match path {
        FIRST => UNSAVED,
        SECOND => USES,
        _ => "update app.größe set farbe = 'grün'; -- 😀\n",
    }
}

/// `1_first.sql größe`: the file and the text of a place.
fn shown(location: &Location) -> String {
    let path = [FIRST, SECOND, THIRD]
        .into_iter()
        .find(|path| location.uri.as_str().ends_with(path));
    let path = path.expect("a file of the history");
    let name = path.rsplit('/').next().unwrap_or_default();
    format!("{name} {}", covered(text_of(path), location.range))
}

/// Asks with what nearly all requests have.
fn ask<R: Request>(editor: &mut Editor, path: &str, position: Position, more: Value) -> R::Result {
    let mut params = json!({ "textDocument": { "uri": editor.uri(path) }, "position": position });
    if let (Some(params), Some(more)) = (params.as_object_mut(), more.as_object()) {
        params.extend(more.clone());
    }
    let id = editor.begin(R::METHOD, params);
    let answer = editor.answer(id).expect("an answer");
    serde_json::from_value(answer).expect("what the protocol says")
}

fn single(answer: Option<GotoDefinitionResponse>) -> Location {
    match answer {
        Some(GotoDefinitionResponse::Scalar(location)) => location,
        other => panic!("one place: {other:?}"),
    }
}

#[test]
fn hover_shows_the_object_as_the_other_file_made_it() {
    let (_folder, mut editor) = editor();
    let place = at(USES, "größe g", 0, 1);
    let hover = ask::<HoverRequest>(&mut editor, SECOND, place, json!({})).expect("a hover");
    let HoverContents::Markup(text) = hover.contents else {
        panic!("Markdown was expected");
    };
    // As of this statement: the column of the statement before is there.
    for wanted in ["größe", "länge", "farbe", "Wie groß 😀"] {
        assert!(text.value.contains(wanted), "no {wanted} in {}", text.value);
    }
    assert!(covered(USES, hover.range.expect("a range")).ends_with("größe"));
}

#[test]
fn definitions_are_found_in_the_other_file_in_every_encoding() {
    for encoding in ["utf-8", "utf-16", "utf-32"] {
        let (_folder, mut editor) = editor_counting(encoding);
        let offset = USES.find("größe g").expect("it is there") + 1;
        let line_start = USES[..offset].rfind('\n').map_or(0, |at| at + 1);
        let before = &USES[line_start..offset];
        let character = match encoding {
            "utf-8" => before.len(),
            "utf-16" => before.encode_utf16().count(),
            _ => before.chars().count(),
        };
        let place = Position::new(1, u32::try_from(character).expect("short"));
        let found = single(ask::<GotoDefinition>(&mut editor, SECOND, place, json!({})));
        assert!(found.uri.as_str().ends_with(FIRST), "{found:?}");
        // `create table app.größe`: ASCII up to the name.
        assert_eq!(found.range.start.line, 1, "{encoding}");
        assert!([13, 17].contains(&found.range.start.character), "{encoding}: {found:?}");
    }
}

#[test]
fn a_column_leads_to_its_own_statement_and_its_type_to_the_type() {
    let (_folder, mut editor) = editor();
    let place = at(USES, "g.farbe", 0, 3);
    let found = single(ask::<GotoDefinition>(&mut editor, SECOND, place, json!({})));
    assert_eq!(shown(&found), "2_second.sql farbe");
    let place = at(UNSAVED, "einheit", 0, 1);
    let found = single(ask::<GotoTypeDefinition>(&mut editor, FIRST, place, json!({})));
    assert!(shown(&found).ends_with("maß"), "{}", shown(&found));
}

#[test]
fn references_are_found_in_all_files_and_in_bodies() {
    let (_folder, mut editor) = editor();
    let place = at(USES, "größe g", 0, 1);
    let context = json!({ "context": { "includeDeclaration": true } });
    let found = ask::<References>(&mut editor, SECOND, place, context).expect("places");
    let mut files: Vec<String> = found.iter().map(shown).collect();
    files.sort();
    let count = |name: &str| files.iter().filter(|file| file.starts_with(name)).count();
    assert_eq!(
        (count("1_first"), count("2_second"), count("3_third")),
        (3, 2, 1),
        "{files:#?}"
    );
    let context = json!({ "context": { "includeDeclaration": false } });
    let without = ask::<References>(&mut editor, SECOND, place, context).expect("places");
    assert_eq!(without.len(), found.len() - 1);
    let marks = ask::<DocumentHighlightRequest>(&mut editor, SECOND, place, json!({})).expect("places");
    let kinds: Vec<_> = marks.iter().map(|mark| mark.kind).collect();
    assert_eq!(
        kinds,
        [Some(DocumentHighlightKind::WRITE), Some(DocumentHighlightKind::READ)]
    );
}

#[test]
fn a_rename_reaches_rollbacks_and_tests() {
    let migration = "supabase/migrations/20250101000000_v0_1_0_a.sql";
    let folder = Folder::new(&[
        (migration, "create table a (id int);\n"),
        (
            "supabase/migrations/20250102000000_v0_1_0_b.sql",
            "alter table a add column länge int;\n",
        ),
        (
            "supabase/rollback/20250102000000_rollback.sql",
            "-- länge\nalter table a drop column länge;\n",
        ),
        (
            "supabase/tests/v0.1.0_smoke_test.sql",
            "begin;\nselect länge from a;\nrollback;\n",
        ),
    ]);
    let mut editor = Start::in_folder(folder.path()).open();
    editor.open_from_disk(migration);
    let second = "supabase/migrations/20250102000000_v0_1_0_b.sql";
    editor.open_from_disk(second);
    let place = at("alter table a add column länge int;\n", "länge", 0, 1);
    let edit = ask::<Rename>(&mut editor, second, place, json!({ "newName": "breite" })).expect("edits");
    let Some(DocumentChanges::Edits(files)) = edit.document_changes else {
        panic!("edits with versions");
    };
    let files: Vec<(&str, usize)> = files
        .iter()
        .map(|file| {
            let name = file.text_document.uri.as_str().rsplit('/').next().unwrap_or_default();
            (name, file.edits.len())
        })
        .collect();
    assert_eq!(
        files,
        [
            ("20250102000000_v0_1_0_b.sql", 1),
            ("20250102000000_rollback.sql", 1),
            ("v0.1.0_smoke_test.sql", 1)
        ]
    );
}

#[test]
fn a_rename_reaches_unsaved_texts_and_closed_files() {
    let (_folder, mut editor) = editor();
    let place = at(USES, "g.länge", 0, 3);
    let prepared = ask::<PrepareRenameRequest>(&mut editor, SECOND, place, json!({}));
    let Some(PrepareRenameResponse::RangeWithPlaceholder { range, placeholder }) = prepared else {
        panic!("a name to be changed: {prepared:?}");
    };
    assert_eq!(
        (covered(USES, range).as_str(), placeholder.as_str()),
        ("länge", "länge")
    );
    let place = at(USES, "farbe text", 0, 1);
    let edit = ask::<Rename>(&mut editor, SECOND, place, json!({ "newName": "ton" })).expect("edits");
    let Some(DocumentChanges::Edits(files)) = edit.document_changes else {
        panic!("edits with versions");
    };
    let files: Vec<(&str, Option<i32>, usize)> = files
        .iter()
        .map(|file| {
            let name = file.text_document.uri.as_str().rsplit('/').next().unwrap_or_default();
            (name, file.text_document.version, file.edits.len())
        })
        .collect();
    assert_eq!(files, [("2_second.sql", Some(2), 2), ("3_third.sql", None, 1)]);
    let place = at(USES, "select 'ä", 0, 1);
    let params = json!({
        "textDocument": { "uri": editor.uri(SECOND) }, "position": place, "newName": "x" });
    let id = editor.begin(Rename::METHOD, params);
    let refused = editor.answer(id).expect_err("a keyword has no name");
    assert_eq!(refused["code"], -32803, "{refused}");
}

#[test]
fn completion_offers_what_the_other_file_made_and_nothing_of_later_ones() {
    let (_folder, mut editor) = editor();
    let text = "/* 😀 */ select länge from app.";
    editor.replace(SECOND, text);
    let labels = |editor: &mut Editor, position| {
        let Some(CompletionResponse::Array(items)) = ask::<Completion>(editor, SECOND, position, json!({})) else {
            panic!("a list was expected");
        };
        items
    };
    let items = labels(&mut editor, position(text, text.len()));
    let item = items
        .iter()
        .find(|item| item.label.contains("größe"))
        .expect("the table is offered");
    let Some(CompletionTextEdit::Edit(edit)) = &item.text_edit else {
        panic!("an edit: {item:?}");
    };
    assert_eq!(edit.range.end, position(text, text.len()));
    let text = "/* 😀 */ select  from app.größe";
    editor.replace(SECOND, text);
    let items = labels(&mut editor, at(text, "select ", 0, 7));
    let offered: Vec<&str> = items.iter().map(|item| item.label.as_str()).collect();
    assert!(offered.iter().any(|label| label.contains("länge")), "{offered:?}");
    editor.replace(SECOND, USES);
    let third = "/* 😀 */ select  from app.größe";
    editor.open(THIRD, third);
    let place = at(third, "select ", 0, 7);
    let Some(CompletionResponse::Array(later)) = ask::<Completion>(&mut editor, THIRD, place, json!({})) else {
        panic!("a list was expected");
    };
    let farbe = |items: &[ls_types::CompletionItem]| items.iter().any(|item| item.label == "farbe");
    assert!(farbe(&later) && !farbe(&items), "only the second file adds it");
}

#[test]
fn the_parameters_of_the_other_file_s_function_are_shown() {
    let (_folder, mut editor) = editor();
    let place = at(USES, "2);", 0, 0);
    let help = ask::<SignatureHelpRequest>(&mut editor, SECOND, place, json!({})).expect("a signature");
    assert_eq!((help.active_signature, help.active_parameter), (Some(0), Some(1)));
    let signature = &help.signatures[0];
    let ParameterLabel::LabelOffsets([start, end]) = signature.parameters.as_ref().expect("parameters")[1].label else {
        panic!("places in the label");
    };
    let units: Vec<u16> = signature.label.encode_utf16().collect();
    let second = String::from_utf16(&units[start as usize..end as usize]).expect("no half characters");
    assert!(
        second.contains("höhe") && !second.contains("breite"),
        "{second} of {}",
        signature.label
    );
}

#[test]
fn the_outline_and_the_symbols_of_all_files_count_from_the_unsaved_text() {
    let (_folder, mut editor) = editor();
    let params = json!({ "textDocument": { "uri": editor.uri(FIRST) } });
    let id = editor.begin(DocumentSymbolRequest::METHOD, params);
    let answer = editor.answer(id).expect("an answer");
    let Ok(Some(DocumentSymbolResponse::Nested(symbols))) = serde_json::from_value(answer) else {
        panic!("a tree was expected");
    };
    let table = symbols
        .iter()
        .find(|symbol| symbol.name.contains("größe") && symbol.children.is_some());
    let table = table.expect("the table is in the outline");
    assert!(covered(UNSAVED, table.selection_range).ends_with("größe"));
    let columns: Vec<String> = table
        .children
        .iter()
        .flatten()
        .map(|column| covered(UNSAVED, column.selection_range))
        .collect();
    assert!(columns.contains(&"länge".to_owned()), "{columns:?}");
    let id = editor.begin(WorkspaceSymbolRequest::METHOD, json!({ "query": "größe" }));
    let answer = editor.answer(id).expect("an answer");
    let found: Vec<ls_types::WorkspaceSymbol> = serde_json::from_value(answer).expect("a list");
    let found = found
        .iter()
        .find(|symbol| symbol.name == "größe")
        .expect("the table is found");
    let OneOf::Left(location) = &found.location else {
        panic!("a place with a range");
    };
    assert!(shown(location).ends_with("größe"), "{}", shown(location));
}

#[test]
fn folds_and_selections_are_those_of_the_unsaved_text() {
    let (_folder, mut editor) = editor();
    let params = |editor: &Editor, path: &str| json!({ "textDocument": { "uri": editor.uri(path) } });
    let sent = params(&editor, SECOND);
    let id = editor.begin(FoldingRangeRequest::METHOD, sent);
    let folds: Vec<ls_types::FoldingRange> =
        serde_json::from_value(editor.answer(id).expect("an answer")).expect("ranges");
    let comment = folds
        .iter()
        .find(|fold| fold.kind == Some(FoldingRangeKind::Comment))
        .expect("a comment");
    assert_eq!((comment.start_line, comment.end_line), (2, 3));
    let mut sent = params(&editor, SECOND);
    sent["positions"] = json!([at(USES, "länge", 0, 1), at(USES, "farbe text", 0, 1)]);
    let id = editor.begin(SelectionRangeRequest::METHOD, sent);
    let found: Vec<ls_types::SelectionRange> =
        serde_json::from_value(editor.answer(id).expect("an answer")).expect("ranges");
    assert_eq!(found.len(), 2);
    let mut texts = Vec::new();
    let mut next = Some(&found[0]);
    while let Some(range) = next {
        texts.push(covered(USES, range.range));
        next = range.parent.as_deref();
    }
    assert_eq!(texts[0], "länge");
    assert!(
        texts.contains(&"select 'ä😀', g.länge from app.größe g where g.farbe = 'rot'".to_owned()),
        "{texts:#?}"
    );
    assert_eq!(texts.last().map(String::as_str), Some(USES));
}

/// The words with their kinds, decoded as an editor does.
fn decoded(editor: &Editor, tokens: &SemanticTokens) -> Vec<(String, String, u32)> {
    let offered = editor.offered.capabilities.semantic_tokens_provider.as_ref();
    let Some(SemanticTokensServerCapabilities::SemanticTokensOptions(options)) = offered else {
        panic!("colours are offered: {offered:?}");
    };
    let (mut line, mut character) = (0, 0);
    let words = tokens.data.iter().map(|token| {
        character = if token.delta_line == 0 { character } else { 0 } + token.delta_start;
        line += token.delta_line;
        let start = Position::new(line, character);
        let range = Range::new(start, Position::new(line, character + token.length));
        let kind = &options.legend.token_types[token.token_type as usize];
        (
            covered(USES, range),
            kind.as_str().to_owned(),
            token.token_modifiers_bitset,
        )
    });
    words.collect()
}

#[test]
fn colours_know_what_the_other_file_made() {
    let (_folder, mut editor) = editor();
    let params = json!({ "textDocument": { "uri": editor.uri(SECOND) } });
    let id = editor.begin(SemanticTokensFullRequest::METHOD, params);
    let answer = serde_json::from_value(editor.answer(id).expect("an answer"));
    let Ok(Some(SemanticTokensResult::Tokens(tokens))) = answer else {
        panic!("tokens were expected");
    };
    let words = decoded(&editor, &tokens);
    let kind = |word: &str| {
        let found = words.iter().find(|(text, ..)| text == word);
        found.map(|(_, kind, _)| kind.as_str())
    };
    assert_eq!(kind("größe"), Some("class"), "{words:#?}");
    assert_eq!(kind("länge"), Some("property"));
    assert_eq!(kind("fläche"), Some("function"));
    assert_eq!(kind("'ä😀'"), Some("string"));
    assert_eq!(kind("-- die weitergeht 😀"), Some("comment"));
    let range = Range::new(Position::new(4, 0), Position::new(5, 0));
    let params = json!({ "textDocument": { "uri": editor.uri(SECOND) }, "range": range });
    let id = editor.begin(SemanticTokensRangeRequest::METHOD, params);
    let answer = serde_json::from_value(editor.answer(id).expect("an answer"));
    let Ok(Some(SemanticTokensRangeResult::Tokens(tokens))) = answer else {
        panic!("tokens were expected");
    };
    let part = decoded(&editor, &tokens);
    assert!(part.iter().any(|(word, ..)| word == "fläche"), "{part:#?}");
    assert!(part.iter().all(|(word, ..)| word != "länge"), "{part:#?}");
}

#[test]
fn lenses_say_what_a_migration_lacks_and_does() {
    let (folder, mut editor) = editor();
    let lenses = |editor: &mut Editor| {
        let params = json!({ "textDocument": { "uri": editor.uri(SECOND) } });
        let id = editor.begin(CodeLensRequest::METHOD, params);
        let found: Vec<ls_types::CodeLens> =
            serde_json::from_value(editor.answer(id).expect("an answer")).expect("lenses");
        found.into_iter().filter_map(|lens| lens.command).collect::<Vec<_>>()
    };
    let titled = |commands: &[ls_types::Command], title: &str| {
        commands
            .iter()
            .find(|command| command.title.contains(title))
            .map(|command| command.command.clone())
    };
    let found = lenses(&mut editor);
    assert_eq!(
        titled(&found, "No rollback").as_deref(),
        Some("dblsp.createRollback"),
        "{found:#?}"
    );
    assert!(titled(&found, "creates 1").is_some(), "{found:#?}");
    folder.write("supabase/rollback/2_rollback.sql", "select 1;\n");
    editor.save(SECOND);
    editor.wait("the lens to know it", |editor| {
        (titled(&lenses(editor), "Open the rollback").as_deref() == Some("dblsp.open")).then_some(())
    });
}

#[test]
fn hints_tell_the_locks_on_what_the_other_file_made() {
    let (folder, mut editor) = editor();
    let range = Range::new(Position::new(0, 0), Position::new(2, 0));
    let params = json!({ "textDocument": { "uri": editor.uri(SECOND) }, "range": range });
    let id = editor.begin(InlayHintRequest::METHOD, params);
    let hints: Vec<ls_types::InlayHint> = serde_json::from_value(editor.answer(id).expect("an answer")).expect("hints");
    let labels: Vec<(Position, &str)> = hints
        .iter()
        .map(|hint| match &hint.label {
            ls_types::InlayHintLabel::String(label) => (hint.position, label.as_str()),
            ls_types::InlayHintLabel::LabelParts(parts) => panic!("one text: {parts:?}"),
        })
        .collect();
    let behind = at(USES, "farbe text;", 0, "farbe text;".len());
    let lock = labels.iter().find(|(position, _)| *position == behind);
    assert!(lock.is_some_and(|(_, label)| label.contains("größe")), "{labels:#?}");
    let mut start = Start::in_folder(folder.path());
    start.options = json!({ "inlayHints": false });
    let offered = start.open().offered.capabilities.inlay_hint_provider.clone();
    assert_eq!(offered, None);
}

#[test]
fn nothing_is_known_of_files_outside_of_migrations() {
    let (_folder, mut editor) = editor();
    editor.open("notes.sql", "select * from app.größe;\n");
    let place = Position::new(0, 20);
    assert_eq!(ask::<HoverRequest>(&mut editor, "notes.sql", place, json!({})), None);
    assert_eq!(ask::<Completion>(&mut editor, "notes.sql", place, json!({})), None);
    assert!(ask::<GotoDefinition>(&mut editor, "notes.sql", place, json!({})).is_none());
}
