//! What an expression at the cursor sees: relations behind FROM, the statement's own table, rows of a trigger,
//! parameters and variables.

use std::collections::BTreeSet;

use smol_str::SmolStr;

use super::code::{Code, Word, ident};
use crate::ide::describe::column_line;
use crate::schema::lookup::Lookup;
use crate::schema::objects::{Id, RelationKind, quote};
use crate::sql;
use crate::sql::lexeme::{Lexeme, LexemeKind};
use crate::sql::name::Name;
use crate::sql::statement::Node;

/// Something with columns.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The name that qualifies its columns; empty for a table that is being created.
    pub(super) name: SmolStr,
    pub(super) columns: Vec<Field>,
    /// Whether its columns can be written without the name.
    pub(super) bare: bool,
    /// Whether the name is an alias or a common table expression, which no catalog holds.
    pub(super) local: bool,
}

/// A column.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: SmolStr,
    pub(super) detail: String,
    pub(super) comment: Option<SmolStr>,
}

impl Field {
    pub(super) fn named(name: &str, detail: &str) -> Self {
        Self {
            name: name.into(),
            detail: detail.to_owned(),
            comment: None,
        }
    }
}

/// The columns of a relation of the catalog.
pub(super) fn columns_of(lookup: &Lookup<'_>, id: &Id) -> Vec<Field> {
    match lookup.catalog().relations.get(id).map(|relation| &relation.kind) {
        Some(RelationKind::Table(table)) => table
            .columns
            .iter()
            .map(|column| {
                let line = column_line(column);
                let detail = line.strip_prefix(&quote(&column.name)).unwrap_or(&line);
                Field {
                    name: column.name.clone(),
                    detail: detail.trim_start().to_owned(),
                    comment: column.comment.clone(),
                }
            })
            .collect(),
        Some(RelationKind::View(view)) => {
            let names = view.columns.iter().flatten();
            names.map(|name| Field::named(name, "")).collect()
        }
        _ => Vec::new(),
    }
}

/// The sources that the cursor sees in the statement, the innermost first; common table expressions by themselves.
pub(super) fn sources(code: &Code<'_>, lookup: &Lookup<'_>) -> (Vec<Source>, Vec<Source>) {
    let lexemes = &code.lexemes;
    let here = open_at(lexemes, code.cut);
    let ctes = common_tables(code, lookup);
    let mut found: Vec<(usize, Source)> = Vec::new();
    // The parentheses that are open, each with whether the last clause in it is FROM.
    let mut open: Vec<usize> = Vec::new();
    let mut in_from = vec![false];
    for (at, lexeme) in lexemes.iter().enumerate() {
        match lexeme.kind {
            LexemeKind::Open => {
                open.push(at);
                in_from.push(false);
                continue;
            }
            LexemeKind::Close => {
                open.pop();
                in_from.truncate(open.len() + 1);
                continue;
            }
            _ => {}
        }
        if !here.starts_with(&open) || is_qualified(lexemes, at) {
            continue;
        }
        let from = in_from.last_mut().expect("one per open parenthesis, and one");
        if super::keywords::CLAUSES.iter().any(|word| lexeme.is(code.text, word)) {
            *from = lexeme.is(code.text, "FROM");
        }
        let comma_in_from = lexeme.kind == LexemeKind::Comma && *from;
        let begins = ["FROM", "JOIN", "UPDATE", "INTO", "USING"]
            .iter()
            .any(|word| lexeme.is(code.text, word));
        if !begins && !comma_in_from {
            continue;
        }
        if let Some(source) = source_at(code, lookup, &ctes, at + 1) {
            found.push((open.len(), source));
        }
    }
    // The innermost query's own relations come first.
    found.sort_by_key(|(depth, _)| std::cmp::Reverse(*depth));
    (found.into_iter().map(|(_, source)| source).collect(), ctes)
}

fn is_qualified(lexemes: &[Lexeme], at: usize) -> bool {
    at > 0 && lexemes[at - 1].kind == LexemeKind::Period
}

/// Which parentheses are open before a lexeme, by the number of their opening ones.
fn open_at(lexemes: &[Lexeme], at: usize) -> Vec<usize> {
    let mut open = Vec::new();
    for (number, lexeme) in lexemes.iter().enumerate().take(at) {
        match lexeme.kind {
            LexemeKind::Open => open.push(number),
            LexemeKind::Close => {
                open.pop();
            }
            _ => {}
        }
    }
    open
}

/// `[ONLY | LATERAL] name [[AS] alias]` or `(query) [AS] alias`.
fn source_at(code: &Code<'_>, lookup: &Lookup<'_>, ctes: &[Source], mut at: usize) -> Option<Source> {
    let (text, lexemes) = (code.text, &code.lexemes);
    while lexemes.get(at)?.is(text, "ONLY") || lexemes.get(at)?.is(text, "LATERAL") {
        at += 1;
    }
    let mut columns = Vec::new();
    let mut own = SmolStr::default();
    if lexemes[at].kind == LexemeKind::Open {
        let end = closing(lexemes, at)?;
        let inner = lexemes.get(at + 1)?.span.cover(lexemes.get(end - 1)?.span);
        columns = query_columns(inner.slice(text), lookup);
        at = end + 1;
    } else {
        let mut parts = vec![ident(text, lexemes.get(at).filter(|lexeme| lexeme.is_name())?.span)];
        at += 1;
        while lexemes.get(at).is_some_and(|lexeme| lexeme.kind == LexemeKind::Period) {
            let part = lexemes.get(at + 1).filter(|part| part.is_name())?;
            parts.push(ident(text, part.span));
            at += 2;
        }
        let name = Name { parts };
        own = name.last().value.clone();
        let cte = ctes.iter().find(|cte| name.parts.len() == 1 && cte.name == own);
        if let Some(cte) = cte {
            columns.clone_from(&cte.columns);
        } else if lexemes.get(at).is_some_and(|lexeme| lexeme.kind == LexemeKind::Open) && !is_insert(text, lexemes) {
            at = closing(lexemes, at)? + 1;
        } else if let Some(id) = lookup.relation(&name) {
            columns = columns_of(lookup, &id);
        }
    }
    if lexemes.get(at).is_some_and(|lexeme| lexeme.is(text, "AS")) {
        at += 1;
    }
    let is_alias = |lexeme: &&Lexeme| {
        let word = Word {
            text: lexeme.span.slice(text),
            name: None,
            span: lexeme.span,
        };
        lexeme.is_name() && !word.any(super::keywords::CLAUSES) && !word.any(NO_ALIAS) && lexeme.span != code.word
    };
    let alias = lexemes
        .get(at)
        .filter(is_alias)
        .map(|lexeme| ident(text, lexeme.span).value);
    let local = alias.is_some() || ctes.iter().any(|cte| cte.name == own);
    Some(Source {
        name: alias.unwrap_or(own),
        columns,
        bare: true,
        local,
    })
}

/// Words that follow a relation and are no alias.
const NO_ALIAS: &[&str] = &[
    "LEFT",
    "RIGHT",
    "FULL",
    "INNER",
    "CROSS",
    "NATURAL",
    "AS",
    "ON",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "DEFAULT",
    "OVERRIDING",
    "WHEN",
    "TABLESAMPLE",
    "FOR",
    "LOOP",
    "ORDER",
];

fn is_insert(text: &str, lexemes: &[Lexeme]) -> bool {
    lexemes.iter().any(|lexeme| lexeme.is(text, "INSERT"))
}

/// The parenthesis that closes the one at `open`.
fn closing(lexemes: &[Lexeme], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, lexeme) in lexemes.iter().enumerate().skip(open) {
        match lexeme.kind {
            LexemeKind::Open => depth += 1,
            LexemeKind::Close => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// `name [(columns)] AS [NOT MATERIALIZED] (query)` behind WITH or a comma.
fn common_tables(code: &Code<'_>, lookup: &Lookup<'_>) -> Vec<Source> {
    let (text, lexemes) = (code.text, &code.lexemes);
    let mut found = Vec::new();
    if !lexemes.iter().any(|lexeme| lexeme.is(text, "WITH")) {
        return found;
    }
    for at in 0..lexemes.len() {
        let starts =
            lexemes[at].is(text, "WITH") || lexemes[at].is(text, "RECURSIVE") || lexemes[at].kind == LexemeKind::Comma;
        let Some(name) = lexemes.get(at + 1).filter(|name| starts && name.is_name()) else {
            continue;
        };
        let mut next = at + 2;
        let mut given: Vec<SmolStr> = Vec::new();
        if lexemes.get(next).is_some_and(|lexeme| lexeme.kind == LexemeKind::Open) {
            let Some(end) = closing(lexemes, next) else { continue };
            let names = lexemes[next + 1..end].iter().filter(|lexeme| lexeme.is_name());
            given = names.map(|lexeme| ident(text, lexeme.span).value).collect();
            next = end + 1;
        }
        if !lexemes.get(next).is_some_and(|lexeme| lexeme.is(text, "AS")) {
            continue;
        }
        next += 1;
        while lexemes
            .get(next)
            .is_some_and(|lexeme| lexeme.is(text, "NOT") || lexeme.is(text, "MATERIALIZED"))
        {
            next += 1;
        }
        let Some(end) = lexemes
            .get(next)
            .filter(|lexeme| lexeme.kind == LexemeKind::Open)
            .and_then(|_| closing(lexemes, next))
        else {
            continue;
        };
        let inner = lexemes[next + 1].span.cover(lexemes[end - 1].span);
        let mut columns = if end > next + 1 {
            query_columns(inner.slice(text), lookup)
        } else {
            Vec::new()
        };
        for (at, name) in given.iter().enumerate() {
            match columns.get_mut(at) {
                Some(column) => column.name.clone_from(name),
                None => columns.push(Field::named(name, "")),
            }
        }
        found.push(Source {
            name: ident(text, name.span).value,
            columns,
            bare: false,
            local: true,
        });
    }
    found
}

/// The columns that a query gives.
fn query_columns(sql: &str, lookup: &Lookup<'_>) -> Vec<Field> {
    let read = sql::parse(sql);
    let Some(Node::Query(query)) = read.statements.first().map(|statement| &statement.node) else {
        return Vec::new();
    };
    let outputs = lookup.outputs(query).unwrap_or_default();
    outputs
        .into_iter()
        .map(|(name, ty)| Field::named(&name, &ty.map(|ty| ty.to_string()).unwrap_or_default()))
        .collect()
}

/// The columns that a CREATE TABLE has written so far.
pub(super) fn written_columns(code: &Code<'_>) -> Vec<Field> {
    let (text, lexemes) = (code.text, &code.lexemes);
    let Some(open) = lexemes.iter().position(|lexeme| lexeme.kind == LexemeKind::Open) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut first = true;
    for (at, lexeme) in lexemes.iter().enumerate().skip(open) {
        match lexeme.kind {
            LexemeKind::Open => depth += 1,
            LexemeKind::Close => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            LexemeKind::Comma if depth == 1 => first = true,
            _ if first && depth == 1 => {
                first = false;
                let words = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE", "LIKE"];
                let is_column =
                    lexeme.is_name() && lexeme.span != code.word && !words.iter().any(|word| lexeme.is(text, word));
                if is_column {
                    let ty = lexemes.get(at + 1).map_or("", |ty| ty.span.slice(text));
                    found.push(Field::named(&ident(text, lexeme.span).value, ty));
                }
            }
            _ => {}
        }
    }
    found
}

/// The rows NEW and OLD of a trigger's function, and its variables.
#[derive(Default)]
pub(super) struct Routine {
    pub(super) rows: Vec<Source>,
    /// Parameters and variables with their types.
    pub(super) variables: Vec<Field>,
}

/// What the function around the cursor declares.
pub(super) fn routine(code: &Code<'_>, lookup: &Lookup<'_>, last: &Lookup<'_>) -> Option<Routine> {
    let body = code.body.as_ref()?;
    let text = code.text;
    let mut variables = Vec::new();
    let name = function_name(text, &body.outer);
    let open = body.outer.iter().position(|lexeme| lexeme.kind == LexemeKind::Open);
    if let (Some(_), Some(open)) = (&name, open) {
        let end = closing(&body.outer, open).unwrap_or(body.outer.len());
        let inside = body.outer.get(open + 1..end).unwrap_or_default();
        for parameter in top_level(inside) {
            let words: Vec<&Lexeme> = parameter
                .iter()
                .filter(|lexeme| {
                    !["IN", "OUT", "INOUT", "VARIADIC"]
                        .iter()
                        .any(|mode| lexeme.is(text, mode))
                })
                .collect();
            if let [name, ty, ..] = words.as_slice()
                && name.is_name()
                && ty.is_name()
            {
                variables.push(Field::named(&ident(text, name.span).value, ty.span.slice(text)));
            }
        }
    }
    let mut rest = &body.inner[..];
    while let Some(at) = rest.iter().position(|lexeme| lexeme.is(text, "DECLARE")) {
        rest = &rest[at + 1..];
        let end = rest
            .iter()
            .position(|lexeme| lexeme.is(text, "BEGIN"))
            .unwrap_or(rest.len());
        for declaration in rest[..end].split(|lexeme| lexeme.kind == LexemeKind::Semicolon) {
            let mut words = declaration.iter().filter(|lexeme| lexeme.kind != LexemeKind::Comment);
            if let (Some(name), Some(ty)) = (words.next(), words.next())
                && name.is_name()
            {
                variables.push(Field::named(&ident(text, name.span).value, ty.span.slice(text)));
            }
        }
        rest = &rest[end..];
    }
    let mut rows = Vec::new();
    let returns_trigger = body.outer.iter().any(|lexeme| lexeme.is(text, "TRIGGER"));
    if let Some(name) = name.filter(|_| returns_trigger) {
        let candidates: BTreeSet<Id> = lookup.ids(&name).into_iter().collect();
        let mut columns: Vec<Field> = Vec::new();
        for known in [lookup, last] {
            for (id, _, table) in known.catalog().tables() {
                if table
                    .triggers
                    .iter()
                    .any(|trigger| candidates.contains(&trigger.function))
                {
                    for field in columns_of(known, id) {
                        if !columns.iter().any(|other| other.name == field.name) {
                            columns.push(field);
                        }
                    }
                }
            }
            if !columns.is_empty() {
                break;
            }
        }
        if !columns.is_empty() {
            for row in ["new", "old"] {
                rows.push(Source {
                    name: row.into(),
                    columns: columns.clone(),
                    bare: false,
                    local: true,
                });
            }
        }
    }
    Some(Routine { rows, variables })
}

fn function_name(text: &str, outer: &[Lexeme]) -> Option<Name> {
    let at = outer
        .iter()
        .take(6)
        .position(|lexeme| lexeme.is(text, "FUNCTION") || lexeme.is(text, "PROCEDURE"))?;
    let mut parts = vec![ident(text, outer.get(at + 1).filter(|name| name.is_name())?.span)];
    let mut next = at + 2;
    while outer.get(next).is_some_and(|lexeme| lexeme.kind == LexemeKind::Period) {
        parts.push(ident(text, outer.get(next + 1).filter(|name| name.is_name())?.span));
        next += 2;
    }
    Some(Name { parts })
}

/// The pieces between the commas outside of parentheses.
fn top_level(lexemes: &[Lexeme]) -> Vec<&[Lexeme]> {
    let mut depth = 0_usize;
    let mut first = 0;
    let mut pieces = Vec::new();
    for (at, lexeme) in lexemes.iter().enumerate() {
        match lexeme.kind {
            LexemeKind::Open => depth += 1,
            LexemeKind::Close => depth = depth.saturating_sub(1),
            LexemeKind::Comma if depth == 0 => {
                pieces.push(&lexemes[first..at]);
                first = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(&lexemes[first..]);
    pieces
}
