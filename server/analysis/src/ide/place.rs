//! Where objects of a catalog were written.

use std::borrow::Cow;

use super::{Location, View};
use crate::schema::change::Key;
use crate::schema::objects::Origin;
pub(super) use crate::schema::presence::history;
use crate::sql::body;
use crate::sql::name::Ident;
use crate::sql::statement::{
    AlterActionKind, AlterDomainAction, AlterTypeAction, ColumnDef, Node, ObjectKind, RoleName, Statement,
    TableConstraint,
};
use crate::text::Span;

/// The object's own name, without schema or table.
pub(super) fn own_name(key: &Key) -> &str {
    match key {
        Key::Relation(id) | Key::Type(id) => &id.name,
        Key::Routine(signature) => &signature.id.name,
        Key::Schema(name)
        | Key::Column(_, name)
        | Key::Constraint(_, name)
        | Key::Trigger(_, name)
        | Key::Policy(_, name)
        | Key::Rule(_, name)
        | Key::Extension(name)
        | Key::Role(name)
        | Key::Publication(name) => name,
        Key::Other(_, name) => name.rsplit('.').next().unwrap_or(name),
    }
}

/// The schema that it lives in, if it lives in one.
pub(super) fn schema_of(key: &Key) -> Option<&str> {
    match key {
        Key::Relation(id)
        | Key::Type(id)
        | Key::Column(id, _)
        | Key::Constraint(id, _)
        | Key::Trigger(id, _)
        | Key::Policy(id, _)
        | Key::Rule(id, _) => Some(&id.schema),
        Key::Routine(signature) => Some(&signature.id.schema),
        _ => None,
    }
}

/// The statement of a file that an origin names; inside a DO block, the one of its body.
pub(super) fn statement_at(view: View<'_>, file: usize, span: Span) -> Option<Cow<'_, Statement>> {
    let statements = view.statements(file);
    let at = statements.partition_point(|statement| statement.span.end < span.end);
    let outer = statements.get(at).filter(|outer| outer.span.contains(span))?;
    let Node::Do { language, body } = &outer.node else {
        return Some(Cow::Borrowed(outer));
    };
    if outer.span == span {
        return Some(Cow::Borrowed(outer));
    }
    let found = body::statements(view.text(file), &language.value, body);
    let inner = found
        .statements
        .into_iter()
        .find(|inner| inner.statement.span == span || span.contains(inner.statement.span));
    Some(inner.map_or(Cow::Borrowed(outer), |inner| Cow::Owned(inner.statement)))
}

/// Where the name of an object is written in the statement that made it; the statement's first line where it has none
/// there. `None` for what no file made.
pub(super) fn declaration(view: View<'_>, key: &Key, created: Origin) -> Option<Location> {
    let file = created.file as usize;
    view.migration(file)?;
    let statement = statement_at(view, file, created.span);
    let name = statement.and_then(|statement| name_in(&statement, key));
    let span = name.unwrap_or_else(|| first_line(view.text(file), created.span));
    Some(Location { file, span })
}

/// The part of a span that is on its first line.
pub(super) fn first_line(text: &str, span: Span) -> Span {
    let line = span.slice(text).lines().next().unwrap_or_default().trim_end();
    Span {
        start: span.start,
        end: span.start + u32::try_from(line.len()).unwrap_or_default(),
    }
}

fn name_in(statement: &Statement, key: &Key) -> Option<Span> {
    let names = declared(&statement.node);
    let kind = kind_of(key);
    let own = own_name(key);
    let of_kind = || names.iter().filter(|name| name.kind == kind);
    let same = of_kind().find(|name| name.ident.value == own);
    // Renamed since: then the statement has another name for it.
    let only = || (of_kind().count() == 1).then(|| of_kind().next()).flatten();
    same.or_else(only).or(names.first()).map(|name| name.ident.span)
}

/// What kind of name a statement gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Schema,
    Relation,
    Column,
    Constraint,
    Trigger,
    Policy,
    Rule,
    Routine,
    Type,
    Extension,
    Role,
    Publication,
    Other,
}

fn kind_of(key: &Key) -> Kind {
    match key {
        Key::Schema(_) => Kind::Schema,
        Key::Relation(_) => Kind::Relation,
        Key::Column(..) => Kind::Column,
        Key::Constraint(..) => Kind::Constraint,
        Key::Trigger(..) => Kind::Trigger,
        Key::Policy(..) => Kind::Policy,
        Key::Rule(..) => Kind::Rule,
        Key::Routine(_) => Kind::Routine,
        Key::Type(_) => Kind::Type,
        Key::Extension(_) => Kind::Extension,
        Key::Role(_) => Kind::Role,
        Key::Publication(_) => Kind::Publication,
        Key::Other(..) => Kind::Other,
    }
}

/// A name that a statement gives to an object.
pub(super) struct Declared<'a> {
    pub(super) kind: Kind,
    pub(super) ident: &'a Ident,
    /// The definition around it.
    pub(super) span: Option<Span>,
}

/// The names that a statement gives, the main one first.
pub(super) fn declared(node: &Node) -> Vec<Declared<'_>> {
    let mut names = Names(Vec::new());
    match node {
        Node::CreateTable(create) => {
            names.add(Kind::Relation, create.name.last());
            create.columns.iter().for_each(|column| names.column(column));
            create
                .constraints
                .iter()
                .for_each(|constraint| names.constraint(constraint));
        }
        Node::CreateTableAs(create) => {
            names.add(Kind::Relation, create.name.last());
            create.columns.iter().for_each(|column| names.add(Kind::Column, column));
        }
        Node::AlterTable(alter) => {
            for action in &alter.actions {
                match &action.kind {
                    AlterActionKind::AddColumn { column, .. } => names.column(column),
                    AlterActionKind::AddConstraint(constraint) => names.constraint(constraint),
                    AlterActionKind::RenameTo(to) => names.add(Kind::Relation, to),
                    AlterActionKind::RenameColumn { to, .. } => names.add(Kind::Column, to),
                    AlterActionKind::RenameConstraint { to, .. } => names.add(Kind::Constraint, to),
                    _ => {}
                }
            }
            names.0.extend(names.0.is_empty().then(|| Declared {
                kind: Kind::Relation,
                ident: alter.name.last(),
                span: None,
            }));
        }
        Node::CreateIndex(create) => {
            let name = create.name.as_ref().unwrap_or(&create.table);
            names.add(Kind::Relation, name.last());
        }
        Node::CreateView(create) => {
            names.add(Kind::Relation, create.name.last());
            create.columns.iter().for_each(|column| names.add(Kind::Column, column));
            names.outputs(&create.query);
        }
        Node::CreateFunction(create) => names.add(Kind::Routine, create.name.last()),
        Node::CreateAggregate { name, .. } => names.add(Kind::Routine, name.last()),
        Node::CreateTrigger(create) => names.add(Kind::Trigger, &create.name),
        Node::CreateEventTrigger { name, .. } => names.add(Kind::Other, name),
        Node::CreatePolicy(create) => names.add(Kind::Policy, &create.name),
        Node::CreateRule { name, .. } => names.add(Kind::Rule, name),
        Node::CreateType(create) => names.add(Kind::Type, create.name.last()),
        Node::AlterType(alter) => {
            names.add(Kind::Type, alter.name.last());
            for action in &alter.actions {
                if let AlterTypeAction::AddAttribute { name, .. } = action {
                    names.add(Kind::Column, name);
                }
            }
        }
        Node::CreateDomain(create) => {
            names.add(Kind::Type, create.name.last());
            for constraint in &create.constraints {
                constraint
                    .name
                    .iter()
                    .for_each(|name| names.add(Kind::Constraint, name));
            }
        }
        Node::AlterDomain(alter) => {
            if let AlterDomainAction::AddConstraint { name: Some(name), .. } = &alter.action {
                names.add(Kind::Constraint, name);
            }
        }
        Node::CreateSequence(create) => names.add(Kind::Relation, create.name.last()),
        Node::CreateSchema(create) => {
            match (&create.name, &create.authorization) {
                (Some(name), _) | (None, Some(RoleName::Named(name))) => names.add(Kind::Schema, name),
                _ => {}
            }
            for element in &create.elements {
                names.0.extend(declared(&element.node));
            }
        }
        Node::CreateExtension { name, .. } => names.add(Kind::Extension, name),
        Node::CreateRole { name, .. } => names.add(Kind::Role, name),
        Node::CreatePublication(create) => names.add(Kind::Publication, &create.name),
        Node::CreateStatistics { name: Some(name), .. } | Node::CreateOther { name: Some(name), .. } => {
            names.add(Kind::Other, name.last());
        }
        Node::Explain { statement, .. } => return declared(&statement.node),
        _ => {}
    }
    names.0
}

struct Names<'a>(Vec<Declared<'a>>);

impl<'a> Names<'a> {
    fn add(&mut self, kind: Kind, ident: &'a Ident) {
        self.0.push(Declared {
            kind,
            ident,
            span: None,
        });
    }

    fn column(&mut self, column: &'a ColumnDef) {
        self.0.push(Declared {
            kind: Kind::Column,
            ident: &column.name,
            span: Some(column.span),
        });
        for constraint in &column.constraints {
            if let Some(name) = &constraint.name {
                self.0.push(Declared {
                    kind: Kind::Constraint,
                    ident: name,
                    span: Some(constraint.span),
                });
            }
        }
    }

    fn constraint(&mut self, constraint: &'a TableConstraint) {
        if let Some(name) = &constraint.name {
            self.0.push(Declared {
                kind: Kind::Constraint,
                ident: name,
                span: Some(constraint.span),
            });
        }
    }

    /// The output columns that a view's query names.
    fn outputs(&mut self, query: &'a crate::sql::statement::Query) {
        use crate::sql::statement::{ExprNode, QueryBody, SelectItem};
        let mut body = &query.body;
        while let QueryBody::Set(left, _) | QueryBody::Nested(left) = body {
            body = &left.body;
        }
        let QueryBody::Select(select) = body else { return };
        for item in &select.items {
            match item {
                SelectItem::Expr { alias: Some(alias), .. } => self.add(Kind::Column, alias),
                SelectItem::Expr { expr, alias: None } => {
                    if let ExprNode::Column(name) = &expr.node {
                        self.add(Kind::Column, name.last());
                    }
                }
                SelectItem::Star(_) => {}
            }
        }
    }
}

/// What PostgreSQL calls a kind of object.
pub(super) fn noun(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::EventTrigger => "event trigger",
        ObjectKind::Collation => "collation",
        ObjectKind::Statistics => "statistics",
        ObjectKind::Operator => "operator",
        ObjectKind::OperatorClass => "operator class",
        ObjectKind::OperatorFamily => "operator family",
        ObjectKind::Cast => "cast",
        ObjectKind::ForeignServer => "server",
        ObjectKind::ForeignDataWrapper => "foreign-data wrapper",
        ObjectKind::TextSearchConfiguration => "text search configuration",
        ObjectKind::TextSearchDictionary => "text search dictionary",
        ObjectKind::Language => "language",
        _ => "object",
    }
}
