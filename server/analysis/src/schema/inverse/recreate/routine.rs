//! Views and routines, from the statements that made them.

use super::{Pieces, Recreate};
use crate::schema::change::Key;
use crate::schema::inverse::Piece;
use crate::schema::inverse::print::{self, names, quote_ident, replaced};
use crate::schema::inverse::words::{other_name, security_words, setting_value, volatility_word, with_options};
use crate::schema::objects::{Dependencies, Id, Relation, Routine, Signature, View};
use crate::sql;
use crate::sql::lexeme::{LexemeKind, lexemes};
use crate::sql::statement::{
    CreateFunction, CreateView, FromItem, Node, ObjectKind, Query, QueryBody, SelectItem, Volatility,
};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

impl Recreate<'_> {
    /// A view without owner, privileges and comment.
    pub(crate) fn view(&self, id: &Id, relation: &Relation, view: &View, verb: &str, out: &mut Pieces) {
        let piece = self.view_as_written(id, relation, view, verb);
        out.push(piece.unwrap_or_else(|| Self::impossible(&format!("create view {id} again"))));
        for (key, text) in &self.catalog.comments {
            let column = key
                .strip_prefix("column:")
                .and_then(|key| key.strip_prefix(&format!("{id}.")));
            if let Some(column) = column {
                out.say(self.comment(&Key::Column(id.clone(), column.into()), Some(text)));
            }
        }
    }

    pub(crate) fn view_as_written(&self, id: &Id, relation: &Relation, view: &View, verb: &str) -> Option<Piece> {
        let definition = relation.meta.definition.as_ref()?;
        let text = &*definition.text;
        let file = sql::parse(text);
        let Node::CreateView(create) = &file.statements.first()?.node else {
            return None;
        };
        let new = self.new_names(
            relation.meta.changed.min(relation.meta.created),
            id,
            Some(&view.dependencies),
        );
        let written = create.query.span.slice(text).trim_end();
        let expanded = without_star(written, create, view, &new);
        let query = expanded.unwrap_or_else(|| self.query_of_now(written, create, &new));
        let mut sql = format!("{verb} ");
        if create.recursive {
            sql.push_str("recursive ");
        }
        if view.materialized {
            sql.push_str("materialized ");
        }
        sql.push_str(&format!("view {}", print::id(id)));
        let columns = match &view.columns {
            Some(columns) if !create.columns.is_empty() || !new.is_empty() => Some(names(columns)),
            None if !create.columns.is_empty() => Some(names(create.columns.iter().map(|column| &column.value))),
            _ => None,
        };
        if let Some(columns) = columns {
            sql.push_str(&format!(" ({columns})"));
        }
        sql.push_str(&with_options(&view.options));
        sql.push_str(&format!(" as\n{query}"));
        match create.check_option.as_deref() {
            Some(kind) if !view.options.contains_key("check_option") => {
                sql.push_str(&format!("\nwith {kind} check option"));
            }
            _ => {}
        }
        if view.materialized && !view.populated {
            sql.push_str("\nwith no data");
        }
        sql.push(';');
        Some(self.as_defined(sql, definition))
    }

    /// A view's query under the names of now. A column that another table has by the same name stays as it is there.
    fn query_of_now(&self, written: &str, create: &CreateView, new: &BTreeMap<SmolStr, SmolStr>) -> String {
        let mut sources = BTreeMap::new();
        named_sources(&create.query, &mut sources);
        let now = |name: &SmolStr| new.get(name).unwrap_or(name).clone();
        let columns: Vec<(SmolStr, &SmolStr)> = self
            .catalog
            .renames
            .iter()
            .filter_map(|(_, from, _)| match from {
                Key::Column(table, column) => Some((now(&table.name), column)),
                _ => None,
            })
            .collect();
        print::renamed_where(written, new, |qualifier, name| {
            let Some(source) = qualifier.and_then(|qualifier| sources.get(qualifier)) else {
                return true;
            };
            let mut of_name = columns.iter().filter(|(_, column)| *column == name).peekable();
            of_name.peek().is_none() || of_name.any(|(table, _)| *table == now(source))
        })
    }

    /// A routine without owner, privileges and comment.
    pub(crate) fn routine(&self, signature: &Signature, routine: &Routine, verb: &str, out: &mut Pieces) {
        let written = routine.meta.definition.as_ref().and_then(|definition| {
            let text = &*definition.text;
            let file = sql::parse(text);
            let (span, noun) = match &file.statements.first()?.node {
                Node::CreateFunction(create) => (
                    create.name.span(),
                    if create.procedure { "procedure" } else { "function" },
                ),
                Node::CreateAggregate { name, .. } => (name.span(), "aggregate"),
                _ => return None,
            };
            let tail = text.get(span.end as usize..)?.trim_end();
            let tail = print::renamed(tail, &self.new_types(signature, routine));
            let sql = format!("{verb} {noun} {}{tail};", print::id(&signature.id));
            let mut piece = self.as_defined(sql, definition);
            // The server looks names of a body in SQL up when the function is made.
            let body = routine
                .body
                .as_deref()
                .filter(|_| routine.language.eq_ignore_ascii_case("sql"));
            if body.is_some_and(|body| self.depends_on_path(body, &definition.search_path)) {
                piece.search_path = Some(definition.search_path.clone());
            }
            let create = match &file.statements.first()?.node {
                Node::CreateFunction(create) => Some((**create).clone()),
                _ => None,
            };
            Some((piece, create))
        });
        let Some((piece, create)) = written else {
            let what = format!("create {signature} again: nothing says how it was made");
            return out.push(Self::impossible(&what));
        };
        out.push(piece);
        if let Some(create) = create {
            let changed = altered(&create, routine);
            if !changed.is_empty() {
                let key = Key::Routine(signature.clone());
                out.say(format!("alter {} {};", self.named(&key), changed.join(" ")));
            }
        }
    }
}

impl Recreate<'_> {
    /// New names of the types that a routine takes and returns.
    fn new_types(&self, signature: &Signature, routine: &Routine) -> BTreeMap<SmolStr, SmolStr> {
        let mut dependencies = Dependencies::default();
        for ty in signature.arguments.iter().chain(&routine.return_type) {
            dependencies.types.insert(ty.id.clone());
        }
        self.new_names(routine.meta.created, &Id::default(), Some(&dependencies))
    }
}

/// The relations that a query and those in it read, by the names that columns are qualified with; of two that share one,
/// neither.
fn named_sources(query: &Query, found: &mut BTreeMap<SmolStr, SmolStr>) {
    for cte in &query.ctes {
        if let Node::Query(inner) = &cte.statement.node {
            named_sources(inner, found);
        }
    }
    match &query.body {
        QueryBody::Select(select) => select.from.iter().for_each(|item| named_source(item, found)),
        QueryBody::Set(left, right) => {
            named_sources(left, found);
            named_sources(right, found);
        }
        QueryBody::Nested(inner) => named_sources(inner, found),
        _ => {}
    }
}

fn named_source(item: &FromItem, found: &mut BTreeMap<SmolStr, SmolStr>) {
    match item {
        FromItem::Relation { name, alias, .. } => {
            let relation = name.last().value.clone();
            let called = alias
                .as_ref()
                .map_or_else(|| relation.clone(), |alias| alias.value.clone());
            match found.get(&called) {
                Some(other) if *other != relation => drop(found.remove(&called)),
                _ => drop(found.insert(called, relation)),
            }
        }
        FromItem::Subquery { query, .. } => named_sources(query, found),
        FromItem::Join { left, right, .. } => {
            named_source(left, found);
            named_source(right, found);
        }
        FromItem::Function { .. } => {}
    }
}

/// The query with `*` spelled out: what it stood for when the view was made is not what it stands for now.
fn without_star(query: &str, create: &CreateView, view: &View, new: &BTreeMap<SmolStr, SmolStr>) -> Option<String> {
    let columns = view.columns.as_ref().filter(|_| create.columns.is_empty())?;
    let QueryBody::Select(select) = &create.query.body else {
        return None;
    };
    let mut stars = select
        .items
        .iter()
        .enumerate()
        .filter(|(_, item)| matches!(item, SelectItem::Star(_)));
    let (at, _) = stars.next()?;
    let one_source = matches!(select.from.as_slice(), [FromItem::Relation { .. }]);
    if stars.next().is_some() {
        return None;
    }
    let count = (columns.len() + 1).checked_sub(select.items.len())?;
    let names = columns.get(at..at + count)?;
    let all = lexemes(query);
    let mut depth = 0;
    let star = all.iter().position(|lexeme| {
        match lexeme.kind {
            LexemeKind::Open => depth += 1,
            LexemeKind::Close => depth -= 1,
            _ => {}
        }
        depth == 0 && lexeme.span.slice(query) == "*"
    })?;
    let before = all.get(star.checked_sub(1)?)?;
    let (start, prefix) = if before.kind == LexemeKind::Period {
        let qualifier = all.get(star.checked_sub(2)?)?;
        (qualifier.span.start, format!("{}.", qualifier.span.slice(query)))
    } else if one_source {
        (all[star].span.start, String::new())
    } else {
        return None;
    };
    let spelled: Vec<String> = names
        .iter()
        .map(|name| match new.get(name) {
            Some(now) => format!("{prefix}{} as {}", quote_ident(now), quote_ident(name)),
            None => format!("{prefix}{}", quote_ident(name)),
        })
        .collect();
    let end = all[star].span.end as usize;
    let head = print::renamed(&query[..start as usize], new);
    let tail = print::renamed(&query[end..], new);
    Some(format!("{head}{}{tail}", spelled.join(", ")))
}

/// CREATE STATISTICS under the names of now.
pub(crate) fn statistics_text(text: &str, name: &str, table: &Id, new: &BTreeMap<SmolStr, SmolStr>) -> Option<String> {
    let file = sql::parse(text);
    let Node::CreateStatistics {
        name: old,
        keys,
        table: on,
        ..
    } = &file.statements.first()?.node
    else {
        return None;
    };
    let mut parts = vec![(on.as_ref()?.span(), print::id(table))];
    parts.extend(
        old.as_ref()
            .map(|old| (old.span(), other_name(ObjectKind::Statistics, name))),
    );
    parts.extend(
        keys.iter()
            .map(|key| (key.span, print::renamed(key.span.slice(text), new))),
    );
    Some(replaced(text, parts))
}

/// What ALTER FUNCTION set after the function was made.
pub(crate) fn altered(create: &CreateFunction, routine: &Routine) -> Vec<String> {
    let mut out = Vec::new();
    let volatility = create.options.volatility.unwrap_or(Volatility::Volatile);
    if volatility != routine.volatility {
        out.push(volatility_word(routine.volatility).into());
    }
    if create.options.strict.unwrap_or(false) != routine.strict {
        out.push(
            if routine.strict {
                "strict"
            } else {
                "called on null input"
            }
            .into(),
        );
    }
    if create.options.security_definer.unwrap_or(false) != routine.security_definer {
        out.push(security_words(routine.security_definer).into());
    }
    let written: BTreeSet<&SmolStr> = create.options.set.iter().map(|set| &set.name).collect();
    for (name, value) in &routine.settings {
        let same = create.options.set.iter().any(|set| {
            set.name == *name
                && set.values.as_ref().is_none_or(|values| {
                    let plain = |value: &str| value.replace('"', "");
                    values.iter().map(|value| plain(value)).collect::<Vec<_>>().join(", ") == plain(value)
                })
        });
        if !same {
            out.push(format!("set {name} to {}", setting_value(name, value)));
        }
    }
    for name in written.into_iter().filter(|name| !routine.settings.contains_key(*name)) {
        out.push(format!("reset {name}"));
    }
    out
}
