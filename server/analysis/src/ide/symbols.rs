//! The outline of a file, and the objects of the whole history by name.

use super::folding::code_of;
use super::place::{Kind, declared, first_line};
use super::{Location, View};
use crate::schema::change::Key;
use crate::schema::objects::{RelationKind, TypeKind};
use crate::sql::body;
use crate::sql::statement::{Node, Statement};
use crate::text::Span;

/// A thing in the outline of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSymbol {
    /// `create table app.users`
    pub name: String,
    /// What follows the name in grey; may be empty.
    pub detail: String,
    /// What it is.
    pub kind: SymbolKind,
    /// The whole of it.
    pub span: Span,
    /// Its name, inside of the whole.
    pub name_span: Span,
    /// Columns and constraints of a table, statements of a body.
    pub children: Vec<FileSymbol>,
}

/// An object of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceSymbol {
    /// Its own name.
    pub name: String,
    /// The schema or table that it is in; may be empty.
    pub container: String,
    /// What it is.
    pub kind: SymbolKind,
    /// Where its name was given.
    pub location: Location,
}

/// What a symbol is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SymbolKind {
    /// A schema.
    Schema,
    /// A table of any kind.
    Table,
    /// A view, materialized or not.
    View,
    /// A column, or an attribute of a composite type.
    Column,
    /// A constraint.
    Constraint,
    /// An index.
    Index,
    /// A sequence.
    Sequence,
    /// A function, procedure or aggregate.
    Function,
    /// A trigger or event trigger.
    Trigger,
    /// A policy.
    Policy,
    /// A rule.
    Rule,
    /// An enum.
    Enum,
    /// Any other type.
    Type,
    /// An extension.
    Extension,
    /// A role.
    Role,
    /// A publication.
    Publication,
    /// A statement that names no object: a query, a setting, a DO block.
    Statement,
    /// Any other object.
    Other,
}

/// The statements of a file in text order, with what they define.
pub fn symbols(view: View<'_>, file: usize) -> Vec<FileSymbol> {
    let text = view.text(file);
    view.statements(file)
        .iter()
        .map(|statement| symbol(text, statement))
        .collect()
}

fn symbol(text: &str, statement: &Statement) -> FileSymbol {
    let names = declared(&statement.node);
    let main = names.first();
    let name_span = main.map_or_else(|| first_line(text, statement.span), |name| name.ident.span);
    let mut children: Vec<FileSymbol> = names
        .iter()
        .skip(1)
        .filter(|name| statement.span.contains(name.span.unwrap_or(name.ident.span)))
        .filter_map(|name| {
            let span = name.span?;
            let rest = Span {
                start: name.ident.span.end,
                end: span.end,
            };
            Some(FileSymbol {
                name: name.ident.value.to_string(),
                detail: if name.kind == Kind::Column {
                    one_line(rest.slice(text))
                } else {
                    String::new()
                },
                kind: kind(name.kind),
                span,
                name_span: name.ident.span,
                children: Vec::new(),
            })
        })
        .collect();
    if let Some((language, body)) = code_of(statement) {
        let found = body::statements(text, language, body);
        let inside = found.statements.iter().map(|inner| symbol(text, &inner.statement));
        children.extend(inside.filter(|inner| statement.span.contains(inner.span)));
    }
    // A child's name lies in the child, and an editor wants it there.
    let name_span = if statement.span.contains(name_span) {
        name_span
    } else {
        first_line(text, statement.span)
    };
    FileSymbol {
        name: title(text, statement),
        detail: String::new(),
        kind: main.map_or(SymbolKind::Statement, |_| statement_kind(&statement.node)),
        span: statement.span,
        name_span,
        children,
    }
}

/// The first words of a statement: enough to tell it from its neighbours.
fn title(text: &str, statement: &Statement) -> String {
    const MOST: usize = 60;
    let names = declared(&statement.node);
    let words = statement.span.slice(text);
    let end = names
        .first()
        .filter(|name| statement.span.contains(name.ident.span))
        .map(|name| (name.ident.span.end - statement.span.start) as usize);
    let head = end.and_then(|end| words.get(..end)).unwrap_or(words);
    let line = one_line(head);
    if line.chars().count() <= MOST {
        return line;
    }
    let mut short: String = line.chars().take(MOST).collect();
    short.push('…');
    short
}

fn one_line(text: &str) -> String {
    // A long literal or a body is cut before its words are put together.
    let words = text.split_whitespace().take(20).collect::<Vec<_>>();
    words.join(" ")
}

fn kind(kind: Kind) -> SymbolKind {
    match kind {
        Kind::Schema => SymbolKind::Schema,
        Kind::Relation => SymbolKind::Table,
        Kind::Column => SymbolKind::Column,
        Kind::Constraint => SymbolKind::Constraint,
        Kind::Trigger => SymbolKind::Trigger,
        Kind::Policy => SymbolKind::Policy,
        Kind::Rule => SymbolKind::Rule,
        Kind::Routine => SymbolKind::Function,
        Kind::Type => SymbolKind::Type,
        Kind::Extension => SymbolKind::Extension,
        Kind::Role => SymbolKind::Role,
        Kind::Publication => SymbolKind::Publication,
        Kind::Other => SymbolKind::Other,
    }
}

fn statement_kind(node: &Node) -> SymbolKind {
    use crate::sql::statement::CreateTypeKind;
    match node {
        Node::CreateIndex(_) => SymbolKind::Index,
        Node::CreateView(_) => SymbolKind::View,
        Node::CreateSequence(_) => SymbolKind::Sequence,
        Node::CreateEventTrigger { .. } => SymbolKind::Trigger,
        Node::CreateType(create) if matches!(create.kind, CreateTypeKind::Enum(_)) => SymbolKind::Enum,
        Node::AlterTable(_) => SymbolKind::Table,
        Node::Explain { .. } => SymbolKind::Statement,
        node => declared(node)
            .first()
            .map_or(SymbolKind::Statement, |name| kind(name.kind)),
    }
}

/// The most objects that a search gives.
const MOST_FOUND: usize = 500;

/// The objects at the end of the history whose name holds the letters of `query` in their order, the closest first;
/// those that a file made.
pub fn workspace_symbols(view: View<'_>, query: &str) -> Vec<WorkspaceSymbol> {
    let wanted: String = query.to_lowercase();
    let mut found: Vec<(usize, Key, SymbolKind)> = Vec::new();
    let mut add = |key: Key, kind: SymbolKind| {
        let name = super::place::own_name(&key).to_lowercase();
        found.extend(closeness(&name, &wanted).map(|distance| (distance, key, kind)));
    };
    let catalog = view.timeline.last();
    for name in catalog.schemas.keys() {
        add(Key::Schema(name.clone()), SymbolKind::Schema);
    }
    for (id, relation) in catalog.relations() {
        let kind = match &relation.kind {
            RelationKind::Table(_) => SymbolKind::Table,
            RelationKind::View(_) => SymbolKind::View,
            RelationKind::Sequence(_) => SymbolKind::Sequence,
            RelationKind::Index(_) => SymbolKind::Index,
            RelationKind::Composite => continue,
        };
        add(Key::Relation(id.clone()), kind);
        for trigger in relation.triggers() {
            add(Key::Trigger(id.clone(), trigger.name.clone()), SymbolKind::Trigger);
        }
        if let RelationKind::Table(table) = &relation.kind {
            for column in &table.columns {
                add(Key::Column(id.clone(), column.name.clone()), SymbolKind::Column);
            }
            for policy in &table.policies {
                add(Key::Policy(id.clone(), policy.name.clone()), SymbolKind::Policy);
            }
            let named = table.constraints.iter().filter(|constraint| !constraint.generated_name);
            for constraint in named {
                add(
                    Key::Constraint(id.clone(), constraint.name.clone()),
                    SymbolKind::Constraint,
                );
            }
        }
    }
    for signature in catalog.routines.keys() {
        add(Key::Routine(signature.clone()), SymbolKind::Function);
    }
    for (id, ty) in &catalog.types {
        let kind = if matches!(ty.kind, TypeKind::Enum(_)) {
            SymbolKind::Enum
        } else {
            SymbolKind::Type
        };
        add(Key::Type(id.clone()), kind);
    }
    for name in catalog.extensions.keys() {
        add(Key::Extension(name.clone()), SymbolKind::Extension);
    }
    for name in catalog.roles.keys() {
        add(Key::Role(name.clone()), SymbolKind::Role);
    }
    for name in catalog.publications.keys() {
        add(Key::Publication(name.clone()), SymbolKind::Publication);
    }
    found.sort();
    let located = found.into_iter().filter_map(|(_, key, kind)| {
        let history = super::place::history(catalog, &key)?;
        let location = super::place::declaration(view, &key, history.created)?;
        Some(WorkspaceSymbol {
            name: super::place::own_name(&key).to_owned(),
            container: container(&key),
            kind,
            location,
        })
    });
    located.take(MOST_FOUND).collect()
}

fn container(key: &Key) -> String {
    match key {
        Key::Column(id, _) | Key::Constraint(id, _) | Key::Trigger(id, _) | Key::Policy(id, _) | Key::Rule(id, _) => {
            id.to_string()
        }
        key => super::place::schema_of(key).unwrap_or_default().to_owned(),
    }
}

/// How many letters of `name` are no part of `wanted`, whose letters it must hold in their order; names that hold them
/// together come first.
fn closeness(name: &str, wanted: &str) -> Option<usize> {
    let mut rest = name.chars();
    for letter in wanted.chars() {
        rest.find(|c| *c == letter)?;
    }
    let apart = if name.contains(wanted) { 0 } else { 1000 };
    Some(apart + name.chars().count() - wanted.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ide::testing::Case;

    fn shown(symbols: &[FileSymbol], text: &str, depth: usize, out: &mut String) {
        for symbol in symbols {
            assert!(symbol.span.contains(symbol.name_span), "{symbol:?}");
            out.push_str(&format!(
                "{}{:?} {} [{}] {}\n",
                "  ".repeat(depth),
                symbol.kind,
                symbol.name,
                symbol.name_span.slice(text),
                symbol.detail
            ));
            shown(&symbol.children, text, depth + 1, out);
        }
    }

    #[test]
    fn a_file_is_a_tree_of_statements() {
        let case = Case::new(
            "create table app.\"Größe\" (
  id int primary key,
  note text,
  constraint positive check (id > 0)
);
alter table app.\"Größe\" add column x int;
do $$ begin
  create index i on app.\"Größe\" (x);
end $$;
select 1 from app.\"Größe\";",
        );
        let mut out = String::new();
        shown(&symbols(case.view(), 0), case.text(0), 0, &mut out);
        let expected = "Table create table app.\"Größe\" [\"Größe\"] 
  Column id [id] int primary key
  Column note [note] text
  Constraint positive [positive] 
Table alter table app.\"Größe\" add column x [x] 
Statement do $$ begin create index i on app.\"Größe\" (x); end $$ [do $$ begin] 
  Index create index i [i] 
Statement select 1 from app.\"Größe\" [select 1 from app.\"Größe\"] 
";
        assert_eq!(out, expected);
    }

    #[test]
    fn objects_of_all_files_are_found_by_the_letters_of_their_names() {
        let case = Case::new(
            "-- 1_a.sql
create schema app;
create table app.customer_orders (order_id int);
create table gone (a int);
-- 2_b.sql
alter table app.customer_orders rename to orders;
drop table gone;
create function place_order() returns int language sql as $$ select 1 $$;",
        );
        let found = |query: &str| {
            let found = workspace_symbols(case.view(), query);
            found
                .iter()
                .map(|symbol| format!("{:?} {} {}", symbol.kind, symbol.name, case.shown(symbol.location)))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            found("Order"),
            [
                "Table orders 1_a.sql:2:18 customer_orders",
                "Column order_id 1_a.sql:2:35 order_id",
                "Function place_order 2_b.sql:3:17 place_order",
            ]
        );
        assert_eq!(found("plo"), ["Function place_order 2_b.sql:3:17 place_order"]);
        assert_eq!(found("gone"), Vec::<String>::new());
    }
}
