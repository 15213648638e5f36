//! What may stand at the cursor: read off the words before it, since the statement itself is rarely readable yet.
//!
//! After the synopses of <https://www.postgresql.org/docs/current/sql-commands.html>.

mod alter;
mod create;
mod definition;
mod rows;

use alter::alter;
use create::create;
use definition::{column_definition, parameter};
use rows::{expression, query};

use super::code::{Word, begins, ends};
use super::keywords as kw;
use crate::sql::name::Name;

/// A kind of thing that may stand at the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// A statement of a file.
    Statement,
    /// A statement of a PL/pgSQL body.
    BodyStatement,
    /// Anything that has rows.
    Relation,
    Table,
    View,
    Sequence,
    /// An index; of the statement's table where it has one.
    Index,
    /// A column of the statement's table.
    Column,
    /// An expression over what is in scope.
    Expression,
    Type,
    Function,
    TriggerFunction,
    Role,
    Schema,
    /// A policy of the statement's table, and so on.
    Policy,
    Constraint,
    Trigger,
    Extension,
    NewExtension,
    Publication,
}

/// What may stand at the cursor.
#[derive(Clone, Debug, Default)]
pub(super) struct Context {
    pub(super) wants: Vec<Want>,
    pub(super) keywords: Vec<&'static str>,
    /// The relation that the statement is about.
    pub(super) table: Option<Name>,
}

impl Context {
    fn of(wants: &[Want], keywords: &[&'static str]) -> Self {
        Self {
            wants: wants.to_vec(),
            keywords: keywords.to_vec(),
            table: None,
        }
    }

    fn on(mut self, table: Option<&Name>) -> Self {
        self.table = table.cloned();
        self
    }
}

/// `frames`: the words before the cursor, by open parenthesis; `all`: all words of the statement.
pub(super) fn context(frames: &[Vec<Word<'_>>], all: &[Word<'_>], in_body: bool) -> Context {
    let (last, outer) = frames.split_last().expect("there is always a frame");
    let head = frames.first().map_or(&[][..], Vec::as_slice);
    let table = subject(head, all);
    let found = match outer.last() {
        Some(opener) => inside(last, opener, head),
        None if last.is_empty() && in_body => Some(Context::of(&[Want::BodyStatement, Want::Statement], &[])),
        None if last.is_empty() => Some(Context::of(&[Want::Statement], &[])),
        None => statement(last),
    };
    let context = found.unwrap_or_else(|| query(last));
    let table = context.table.clone().or(table);
    context.on(table.as_ref())
}

/// The relation that a statement is about: behind ALTER TABLE, ON, INTO, ….
fn subject(head: &[Word<'_>], all: &[Word<'_>]) -> Option<Name> {
    let behind = |words: &[Word<'_>], at: usize| {
        let rest = words.get(at..)?;
        let skipped = rest
            .iter()
            .take_while(|word| word.any(&["IF", "NOT", "EXISTS", "ONLY", "CONCURRENTLY"]))
            .count();
        rest.get(skipped)?.name.clone()
    };
    let first = head.first().or(all.first())?;
    if first.is("ALTER") || (first.is("CREATE") && all.iter().take(6).any(|word| word.is("TABLE"))) {
        let kinds = ["TABLE", "VIEW", "SEQUENCE", "INDEX", "TYPE", "DOMAIN"];
        let at = all.iter().take(6).position(|word| word.any(&kinds));
        if let Some(at) = at {
            return behind(all, at + 1);
        }
    }
    if first.is("INSERT") || first.is("COPY") || first.is("UPDATE") {
        let at = if first.is("INSERT") { 2 } else { 1 };
        return behind(all, at);
    }
    // CREATE POLICY p ON t, CREATE INDEX i ON t, CREATE TRIGGER … ON t, DROP POLICY p ON t, GRANT … ON [TABLE] t
    let on = all.iter().position(|word| word.is("ON"))?;
    let table = all.get(on + 1).is_some_and(|word| word.is("TABLE"));
    behind(all, on + 1 + usize::from(table))
}

/// In parentheses: `opener` are the words before the innermost one.
fn inside(words: &[Word<'_>], opener: &[Word<'_>], head: &[Word<'_>]) -> Option<Context> {
    use Want as W;
    let first = words.first();
    if first.is_some_and(|word| word.any(&["SELECT", "WITH", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE"])) {
        return Some(query(words));
    }
    let item = words.rsplit(|word| word.text == ",").next().unwrap_or_default();
    let columns = |keywords: &[&'static str]| Some(Context::of(&[W::Column], keywords));
    let before = opener.last()?;
    if ends(opener, &["FOREIGN", "KEY"]) || ends(opener, &["PRIMARY", "KEY"]) || before.is("INCLUDE") {
        return columns(&[]);
    }
    if before.is("UNIQUE") && !begins(opener, &["CREATE", "UNIQUE"]) {
        return columns(&[]);
    }
    let named = |at: usize| {
        let at = opener.len().checked_sub(at)?;
        opener.get(at)
    };
    if named(2).is_some_and(|word| word.is("REFERENCES")) {
        return Some(Context::of(&[W::Column], &[]).on(before.name.as_ref()));
    }
    if named(2).is_some_and(|word| word.is("INTO")) && item.is_empty() {
        let keywords: &[&'static str] = if words.is_empty() { &["SELECT"] } else { &[] };
        return Some(Context::of(&[W::Column], keywords).on(before.name.as_ref()));
    }
    if ends(opener, &["ON", "CONFLICT"]) || (begins(opener, &["COPY"]) && opener.len() == 2) {
        return columns(&[]);
    }
    if begins(head, &["GRANT"]) || begins(head, &["REVOKE"]) {
        return columns(&[]);
    }
    let creates = |kinds: &[&str]| {
        opener.first().is_some_and(|word| word.is("CREATE")) && opener.iter().take(5).any(|word| word.any(kinds))
    };
    if creates(&["INDEX"]) && opener.iter().any(|word| word.is("ON")) {
        return Some(match item.len() {
            0 => Context::of(&[W::Column, W::Function], &[]),
            _ => Context::of(&[], kw::INDEX_KEY),
        });
    }
    if creates(&["TABLE"]) && !opener.iter().any(|word| word.any(&["AS", "WITH", "BY", "VALUES"])) {
        return Some(column_definition(item));
    }
    if creates(&["FUNCTION", "PROCEDURE"]) || (before.is("TABLE") && named(2).is_some_and(|word| word.is("RETURNS"))) {
        return Some(parameter(item));
    }
    if creates(&["TYPE"]) {
        return Some(match item.len() {
            1 if !before.is("ENUM") => Context::of(&[W::Type], &[]),
            _ => Context::default(),
        });
    }
    if begins(head, &["ALTER", "TABLE"]) && ends(opener, &["COLUMNS"]) {
        return columns(&[]);
    }
    // A call, IN (…), VALUES (…), USING (…), CHECK (…), DEFAULT (…): an expression.
    if before.is("USING") && begins(opener, &["SELECT"]) {
        return Some(Context::of(&[W::Expression], &[]));
    }
    let keywords: &[&'static str] = if words.is_empty() { kw::OPEN } else { &[] };
    let mut context = expression(item);
    context.keywords.extend_from_slice(keywords);
    Some(context)
}

/// Outside of all parentheses; `None`: a query or another statement over rows.
fn statement(words: &[Word<'_>]) -> Option<Context> {
    let first = words.first()?;
    let rest = &words[1..];
    match first.text.to_ascii_uppercase().as_str() {
        "CREATE" => Some(create(rest)),
        "ALTER" => Some(alter(rest)),
        "DROP" => Some(drop(rest)),
        "COMMENT" => Some(comment(rest)),
        "GRANT" | "REVOKE" => Some(grant(rest, first.is("REVOKE"))),
        "TRUNCATE" | "LOCK" | "ANALYZE" | "VACUUM" | "CLUSTER" => Some(tables(rest)),
        "REFRESH" => Some(match rest.len() {
            0 => Context::of(&[], &["MATERIALIZED VIEW", "MATERIALIZED VIEW CONCURRENTLY"]),
            _ => Context::of(&[Want::View], &["CONCURRENTLY"]),
        }),
        "SET" => Some(set(rest)),
        "DO" => Some(Context::of(&[], &["LANGUAGE plpgsql"])),
        "RETURN" => Some(match rest {
            [] => Context::of(&[Want::Expression], &["QUERY", "NEXT", "NEW", "OLD", "NULL"]),
            [query] if query.is("QUERY") => Context::of(&[], &["SELECT", "EXECUTE", "WITH", "INSERT INTO"]),
            _ => return None,
        }),
        "RAISE" => Some(match rest {
            [] => Context::of(&[], &["EXCEPTION", "NOTICE", "WARNING", "INFO", "LOG", "DEBUG"]),
            _ => expression(rest),
        }),
        "PERFORM" | "EXECUTE" | "IF" | "ELSIF" | "WHILE" | "CALL" => Some(expression(rest)),
        _ => None,
    }
}

fn tables(words: &[Word<'_>]) -> Context {
    let keywords: &[&'static str] = if words.is_empty() { &["TABLE", "ONLY"] } else { &[] };
    match words.last() {
        None => Context::of(&[Want::Table], keywords),
        Some(last) if last.text == "," || last.any(&["TABLE", "ONLY"]) => Context::of(&[Want::Table], &[]),
        Some(_) => Context::of(&[], &["CASCADE", "RESTART IDENTITY"]),
    }
}

fn set(words: &[Word<'_>]) -> Context {
    match words {
        [] => Context::of(&[], kw::SETTINGS),
        [local] if local.any(&["LOCAL", "SESSION"]) => Context::of(&[], kw::SETTINGS),
        [role] if role.is("ROLE") => Context::of(&[Want::Role], &[]),
        [.., path, by] if path.is("search_path") && by.any(&["=", "TO"]) => Context::of(&[Want::Schema], &[]),
        [.., comma] if comma.text == "," => Context::of(&[Want::Schema], &[]),
        [_] => Context::of(&[], &["TO", "="]),
        _ => Context::default(),
    }
}

fn drop(words: &[Word<'_>]) -> Context {
    use Want as W;
    let Some(first) = words.first() else {
        return Context::of(&[], kw::DROP);
    };
    let last = words.last().expect("there is a first");
    let kind = first.text.to_ascii_uppercase();
    let names = words.iter().skip(1).filter(|word| {
        word.name.is_some() && !word.any(&["IF", "EXISTS", "CONCURRENTLY", "VIEW", "ON", "MATERIALIZED"])
    });
    let named = names.count();
    if matches!(kind.as_str(), "POLICY" | "TRIGGER" | "RULE") {
        return match named {
            0 => Context::of(
                &[match kind.as_str() {
                    "POLICY" => W::Policy,
                    _ => W::Trigger,
                }],
                &["IF EXISTS"],
            ),
            _ if last.is("ON") => Context::of(&[W::Table], &[]),
            1 => Context::of(&[], &["ON"]),
            _ => Context::of(&[], &["CASCADE"]),
        };
    }
    if named > 0 && last.text != "," {
        return Context::of(&[], &["CASCADE", "RESTRICT"]);
    }
    let keywords: &[&'static str] = match kind.as_str() {
        _ if last.is("EXISTS") || last.text == "," => &[],
        "INDEX" => &["IF EXISTS", "CONCURRENTLY"],
        _ => &["IF EXISTS"],
    };
    let want = match kind.as_str() {
        "TABLE" | "FOREIGN" => W::Table,
        "VIEW" | "MATERIALIZED" => W::View,
        "INDEX" => W::Index,
        "SEQUENCE" => W::Sequence,
        "TYPE" | "DOMAIN" => W::Type,
        "FUNCTION" | "PROCEDURE" | "ROUTINE" | "AGGREGATE" => W::Function,
        "SCHEMA" => W::Schema,
        "EXTENSION" => W::Extension,
        "ROLE" | "USER" => W::Role,
        "PUBLICATION" => W::Publication,
        _ => return Context::default(),
    };
    Context::of(&[want], keywords)
}

fn comment(words: &[Word<'_>]) -> Context {
    use Want as W;
    match words {
        [] => Context::of(&[], &["ON"]),
        [_] => Context::of(&[], kw::COMMENT_ON),
        [_, kind] => match kind.text.to_ascii_uppercase().as_str() {
            "TABLE" => Context::of(&[W::Table], &[]),
            "COLUMN" => Context::of(&[W::Table], &[]),
            "VIEW" => Context::of(&[W::View], &[]),
            "INDEX" => Context::of(&[W::Index], &[]),
            "FUNCTION" | "PROCEDURE" => Context::of(&[W::Function], &[]),
            "TYPE" | "DOMAIN" => Context::of(&[W::Type], &[]),
            "SCHEMA" => Context::of(&[W::Schema], &[]),
            "ROLE" => Context::of(&[W::Role], &[]),
            "SEQUENCE" => Context::of(&[W::Sequence], &[]),
            "EXTENSION" => Context::of(&[W::Extension], &[]),
            "POLICY" => Context::of(&[W::Policy], &[]),
            "TRIGGER" => Context::of(&[W::Trigger], &[]),
            "CONSTRAINT" => Context::of(&[W::Constraint], &[]),
            _ => Context::default(),
        },
        [_, kind, _] if kind.any(&["POLICY", "TRIGGER", "CONSTRAINT", "RULE"]) => Context::of(&[], &["ON"]),
        [.., on] if on.is("ON") => Context::of(&[W::Table], &[]),
        [.., is] if is.is("IS") => Context::of(&[], &["NULL"]),
        _ => Context::of(&[], &["IS"]),
    }
}

fn grant(words: &[Word<'_>], revoke: bool) -> Context {
    use Want as W;
    let to = if revoke { "FROM" } else { "TO" };
    let Some(last) = words.last() else {
        return Context::of(&[W::Role], kw::PRIVILEGES);
    };
    let at = |word: &str| words.iter().position(|other| other.is(word));
    if let Some(at) = at(to) {
        return match words[at + 1..].last() {
            None => Context::of(&[W::Role], &["PUBLIC"]),
            Some(last) if last.text == "," => Context::of(&[W::Role], &["PUBLIC"]),
            Some(_) if revoke => Context::of(&[], &["CASCADE"]),
            Some(_) => Context::of(&[], &["WITH GRANT OPTION", "WITH ADMIN OPTION"]),
        };
    }
    if let Some(at) = at("ON") {
        let object = &words[at + 1..];
        return match last.text.to_ascii_uppercase().as_str() {
            "ON" => Context::of(
                &[W::Relation],
                &[
                    "TABLE",
                    "ALL TABLES IN SCHEMA",
                    "ALL SEQUENCES IN SCHEMA",
                    "ALL FUNCTIONS IN SCHEMA",
                    "SCHEMA",
                    "SEQUENCE",
                    "FUNCTION",
                    "TYPE",
                ],
            ),
            "TABLE" => Context::of(&[W::Relation], &[]),
            "SCHEMA" => Context::of(&[W::Schema], &[]),
            "SEQUENCE" => Context::of(&[W::Sequence], &[]),
            "FUNCTION" | "PROCEDURE" => Context::of(&[W::Function], &[]),
            "TYPE" => Context::of(&[W::Type], &[]),
            "," if object.iter().any(|word| word.is("SCHEMA")) => Context::of(&[W::Schema], &[]),
            "," => Context::of(&[W::Relation], &[]),
            _ => Context::of(&[], &[if revoke { "FROM" } else { "TO" }]),
        };
    }
    if last.text == "," {
        return Context::of(&[], kw::PRIVILEGES);
    }
    Context::of(&[], &["ON", if revoke { "FROM" } else { "TO" }])
}
