//! A diagram as Mermaid's `erDiagram`, which many pages of Markdown render.
//! <https://mermaid.js.org/syntax/entityRelationshipDiagram.html>

use std::fmt::{Display, Write};

use super::layout::shown;
use super::{Column, Diagram, Key, Mark, Table};

pub(super) fn write(diagram: &Diagram) -> String {
    let mut out = "erDiagram\n".to_owned();
    for (at, table) in diagram.tables.iter().enumerate() {
        entity(&mut out, diagram, at, table);
    }
    for key in &diagram.keys {
        relationship(&mut out, diagram, key);
    }
    if diagram.is_difference {
        classes(&mut out, diagram);
    }
    out
}

fn put(out: &mut String, text: impl Display) {
    write!(out, "{text}").expect("a string takes all text");
}

/// Text in quotes. Mermaid knows no way to write a quote, and reads some signs as markup.
fn quoted(text: &str) -> String {
    let plain = |letter: char| match letter {
        '"' => '\'',
        letter if letter.is_control() => ' ',
        letter => letter,
    };
    format!("\"{}\"", text.chars().map(plain).collect::<String>())
}

/// A word of letters, digits, underscores and hyphens that begins with a letter.
fn word(text: &str) -> String {
    let plain = |letter: char| {
        if letter.is_alphanumeric() || matches!(letter, '_' | '-') {
            letter
        } else {
            '_'
        }
    };
    let word: String = text.chars().map(plain).collect();
    let word = word.trim_end_matches('_');
    if word.starts_with(char::is_alphabetic) {
        word.to_owned()
    } else {
        format!("c_{word}")
    }
}

/// Types may also have parentheses and brackets.
fn ty(text: &str) -> String {
    let plain = |letter: char| match letter {
        letter if letter.is_alphanumeric() || matches!(letter, '_' | '-' | '(' | ')' | '[' | ']') => letter,
        _ => '_',
    };
    let word: String = text.chars().map(plain).collect();
    if word.starts_with(char::is_alphabetic) {
        word
    } else {
        format!("t_{word}")
    }
}

fn entity(out: &mut String, diagram: &Diagram, at: usize, table: &Table) {
    let label = format!("{} {}", table.mark.sign(), table.label());
    put(out, format_args!("  t{at}[{}]", quoted(label.trim_start())));
    let columns = shown(diagram, table);
    if columns.is_empty() && table.notes.is_empty() {
        out.push('\n');
        return;
    }
    out.push_str(" {\n");
    for (_, column) in columns {
        attribute(out, table, column);
    }
    for note in &table.notes {
        let words = format!("{} {}", note.mark.sign(), note.text);
        put(
            out,
            format_args!("    _ {} {}\n", word(note.mark.word()), quoted(&words)),
        );
    }
    out.push_str("  }\n");
}

fn attribute(out: &mut String, table: &Table, column: &Column) {
    let keys = [
        (column.primary, "PK"),
        (column.foreign, "FK"),
        (column.unique && !column.primary, "UK"),
    ];
    let keys: Vec<&str> = keys.into_iter().filter(|(is, _)| *is).map(|(_, key)| key).collect();
    let mut comment = match (column.mark, &column.was) {
        (Mark::Same, _) => String::new(),
        // In a table that is new or gone as a whole, the sign on the table says it all.
        (mark, _) if mark == table.mark && mark != Mark::Changed => String::new(),
        (mark, None) => format!("{} {}", mark.sign(), mark.word()),
        (mark, Some(was)) => format!("{} was {was}", mark.sign()),
    };
    if word(&column.name) != column.name.as_str() {
        comment = format!("{} {comment}", column.name);
    }
    put(out, format_args!("    {} {}", ty(&column.ty), word(&column.name)));
    if !keys.is_empty() {
        put(out, format_args!(" {}", keys.join(", ")));
    }
    if !comment.is_empty() {
        put(out, format_args!(" {}", quoted(comment.trim())));
    }
    out.push('\n');
}

fn relationship(out: &mut String, diagram: &Diagram, key: &Key) {
    let from = &diagram.tables[key.from];
    let columns: Vec<&Column> = key
        .from_columns
        .iter()
        .filter_map(|column| from.columns.get(*column))
        .collect();
    let one = if columns.iter().any(|column| column.nullable) {
        "|o"
    } else {
        "||"
    };
    let many = if matches!(columns.as_slice(), [only] if only.unique) {
        "o|"
    } else {
        "o{"
    };
    let line = if key.mark == Mark::Dropped { ".." } else { "--" };
    let label = format!("{} {}", key.mark.sign(), key.name);
    put(
        out,
        format_args!(
            "  t{} {one}{line}{many} t{} : {}\n",
            key.to,
            key.from,
            quoted(label.trim_start())
        ),
    );
}

/// Colours that are readable on light and dark pages.
fn classes(out: &mut String, diagram: &Diagram) {
    let colours = [
        (Mark::Added, "fill:#dff3e4,stroke:#1d7a3d,color:#14311e"),
        (Mark::Changed, "fill:#fdf0d5,stroke:#9a6200,color:#3b2a08"),
        (Mark::Dropped, "fill:#fbe2e0,stroke:#b3261e,color:#47110d"),
    ];
    for (mark, style) in colours {
        let marked = diagram
            .tables
            .iter()
            .enumerate()
            .filter(|(_, table)| table.mark == mark);
        let names: Vec<String> = marked.map(|(at, _)| format!("t{at}")).collect();
        if !names.is_empty() {
            put(
                out,
                format_args!(
                    "  classDef {0} {style}\n  class {1} {0}\n",
                    mark.word(),
                    names.join(",")
                ),
            );
        }
    }
}
