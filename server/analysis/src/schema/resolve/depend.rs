//! What an expression or query needs: what `pg_depend` would record for it.

use std::collections::BTreeSet;

use smol_str::{SmolStr, format_smolstr};

use super::Resolver;
use crate::schema::objects::{Dependencies, Id, RelationKind};
use crate::sql::name::Name;
use crate::sql::statement::{
    Expr, ExprNode, FromItem, Node, ObjectKind, Query, QueryBody, Select, SelectItem, Statement,
};

/// Columns that every table has. <https://www.postgresql.org/docs/current/ddl-system-columns.html>
const SYSTEM_COLUMNS: &[&str] = &["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid", "oid"];

/// The names of the columns that an expression reads, without those of its subqueries.
pub(crate) fn columns_of(expr: &Expr) -> BTreeSet<SmolStr> {
    let mut columns = BTreeSet::new();
    walk(expr, &mut |expr| match &expr.node {
        ExprNode::Column(name) => {
            columns.insert(name.last().value.clone());
        }
        ExprNode::Opaque { columns: names, .. } => columns.extend(names.iter().map(|name| name.last().value.clone())),
        _ => {}
    });
    columns
}

/// The same in the order of first mention, which is the order of `pg_constraint.conkey`.
pub(crate) fn columns_in_order(expr: &Expr) -> Vec<SmolStr> {
    let mut columns: Vec<SmolStr> = Vec::new();
    let mut add = |name: &Name| {
        if !columns.contains(&name.last().value) {
            columns.push(name.last().value.clone());
        }
    };
    walk(expr, &mut |expr| match &expr.node {
        ExprNode::Column(name) => add(name),
        ExprNode::Opaque { columns: names, .. } => names.iter().for_each(&mut add),
        _ => {}
    });
    columns
}

/// Visits an expression and the expressions inside, not going into subqueries.
pub(crate) fn walk(expr: &Expr, visit: &mut impl FnMut(&Expr)) {
    visit(expr);
    for child in expr.children() {
        walk(child, visit);
    }
}

/// Names visible in a query: aliases and relations, innermost last.
#[derive(Clone, Default)]
struct Scope {
    ctes: Vec<SmolStr>,
    /// Alias (or relation name) and the relation, if it is one.
    sources: Vec<(SmolStr, Option<Id>)>,
}

impl Resolver<'_> {
    /// What an expression over the columns of `table` needs.
    pub(crate) fn expr_dependencies(&self, expr: &Expr, table: Option<&Id>) -> Dependencies {
        let mut found = Dependencies::default();
        let mut scope = Scope::default();
        if let Some(table) = table {
            scope.sources.push((table.name.clone(), Some(table.clone())));
        }
        self.expr_needs(expr, &scope, &mut found);
        found
    }

    /// What a query needs.
    pub(crate) fn query_dependencies(&self, query: &Query) -> Dependencies {
        let mut found = Dependencies::default();
        self.query_needs(query, &Scope::default(), &mut found);
        found
    }

    /// What a statement of a function body needs.
    pub(crate) fn statement_dependencies(&self, statement: &Statement) -> Dependencies {
        let mut found = Dependencies::default();
        self.statement_needs(statement, &Scope::default(), &mut found);
        found
    }

    fn statement_needs(&self, statement: &Statement, scope: &Scope, found: &mut Dependencies) {
        let mut relation = |name: &Name| match self.find_relation(name) {
            Some(id) => {
                found.relations.insert(id);
            }
            None => found.incomplete = true,
        };
        match &statement.node {
            Node::Query(query) => self.query_needs(query, scope, found),
            Node::Insert(insert) => {
                relation(&insert.table);
                if let Some(source) = &insert.source {
                    self.query_needs(source, scope, found);
                }
            }
            Node::Update(update) => {
                relation(&update.table.name);
                update
                    .filter
                    .iter()
                    .for_each(|expr| self.expr_needs(expr, scope, found));
                update
                    .assignments
                    .iter()
                    .for_each(|set| self.expr_needs(&set.value, scope, found));
            }
            Node::Delete(delete) => {
                relation(&delete.table.name);
                delete
                    .filter
                    .iter()
                    .for_each(|expr| self.expr_needs(expr, scope, found));
            }
            Node::Merge(merge) => relation(&merge.table.name),
            _ => found.incomplete = true,
        }
    }

    fn query_needs(&self, query: &Query, outer: &Scope, found: &mut Dependencies) {
        let mut scope = outer.clone();
        for cte in &query.ctes {
            // A recursive CTE sees itself; a plain one of a table's name does not, which is rare enough.
            scope.ctes.push(cte.name.value.clone());
            self.statement_needs(&cte.statement, &scope, found);
        }
        match &query.body {
            QueryBody::Select(select) => self.select_needs(select, &mut scope, found),
            QueryBody::Set(left, right) => {
                self.query_needs(left, &scope, found);
                self.query_needs(right, &scope, found);
            }
            QueryBody::Values(rows) => rows
                .iter()
                .flatten()
                .for_each(|expr| self.expr_needs(expr, &scope, found)),
            QueryBody::Table(name) => self.relation_needs(name, &scope, found),
            QueryBody::Nested(query) => self.query_needs(query, &scope, found),
            QueryBody::Opaque { relations, calls } => {
                relations
                    .iter()
                    .for_each(|name| self.relation_needs(name, &scope, found));
                calls.iter().for_each(|name| self.call_needs(name, found));
                found.incomplete = true;
            }
        }
        query.tail.iter().for_each(|expr| self.expr_needs(expr, &scope, found));
    }

    fn select_needs(&self, select: &Select, scope: &mut Scope, found: &mut Dependencies) {
        let outer = scope.sources.len();
        select
            .from
            .iter()
            .for_each(|item| self.source_needs(item, scope, found));
        for item in &select.items {
            match item {
                SelectItem::Expr { expr, .. } => self.expr_needs(expr, scope, found),
                SelectItem::Star(Some(qualifier)) => {
                    let sources = scope.sources.iter().rev();
                    let named = sources.filter(|(alias, _)| *alias == qualifier.last().value).take(1);
                    self.star_needs(named, found);
                }
                SelectItem::Star(None) => self.star_needs(scope.sources[outer..].iter(), found),
            }
        }
        select
            .filter
            .iter()
            .chain(&select.rest)
            .for_each(|expr| self.expr_needs(expr, scope, found));
    }

    /// All columns of these sources.
    fn star_needs<'s>(&self, sources: impl Iterator<Item = &'s (SmolStr, Option<Id>)>, found: &mut Dependencies) {
        for id in sources.filter_map(|(_, id)| id.as_ref()) {
            let columns = self.relation_columns(id).unwrap_or_default();
            found
                .columns
                .extend(columns.into_iter().map(|column| (id.clone(), column)));
        }
    }

    fn source_needs(&self, item: &FromItem, scope: &mut Scope, found: &mut Dependencies) {
        match item {
            FromItem::Relation { name, alias, .. } => {
                let alias = alias.as_ref().unwrap_or(name.last()).value.clone();
                let cte = name.parts.len() == 1 && scope.ctes.contains(&name.last().value);
                self.relation_needs(name, scope, found);
                scope
                    .sources
                    .push((alias, if cte { None } else { self.find_relation(name) }));
            }
            FromItem::Function { calls, alias, .. } => {
                calls.iter().for_each(|call| self.expr_needs(call, scope, found));
                scope
                    .sources
                    .extend(alias.as_ref().map(|alias| (alias.value.clone(), None)));
            }
            FromItem::Subquery { query, alias, .. } => {
                self.query_needs(query, scope, found);
                scope
                    .sources
                    .extend(alias.as_ref().map(|alias| (alias.value.clone(), None)));
            }
            FromItem::Join { left, right, on, .. } => {
                self.source_needs(left, scope, found);
                self.source_needs(right, scope, found);
                on.iter().for_each(|expr| self.expr_needs(expr, scope, found));
            }
        }
    }

    fn relation_needs(&self, name: &Name, scope: &Scope, found: &mut Dependencies) {
        if name.parts.len() == 1 && scope.ctes.contains(&name.last().value) {
            return;
        }
        match self.find_relation(name) {
            Some(id) => {
                found.relations.insert(id);
            }
            None => found.incomplete = true,
        }
    }

    fn call_needs(&self, name: &Name, found: &mut Dependencies) {
        let known = |id: &Id| self.catalog.overloads(id).next().is_some();
        found.functions.extend(self.candidates(name).into_iter().find(known));
    }

    fn expr_needs(&self, expr: &Expr, scope: &Scope, found: &mut Dependencies) {
        match &expr.node {
            ExprNode::Column(name) => self.column_needs(name, scope, found),
            ExprNode::Call { name, arguments, .. } => {
                self.call_needs(name, found);
                let moves = name.is("nextval") || name.is("setval");
                if let (true, Some(ExprNode::String(text))) = (moves, arguments.first().map(|a| &a.node)) {
                    found.relations.extend(self.sequence_in(text));
                }
            }
            ExprNode::Cast { ty, expr: inner } => {
                found.types.extend(
                    self.candidates(&ty.name)
                        .into_iter()
                        .find(|id| self.catalog.types.contains_key(id)),
                );
                if let (true, ExprNode::String(text)) = (ty.name.is("regclass"), &inner.node) {
                    found.relations.extend(self.sequence_in(text));
                }
            }
            ExprNode::Opaque { columns, calls } => {
                columns.iter().for_each(|name| self.column_needs(name, scope, found));
                calls.iter().for_each(|name| self.call_needs(name, found));
                found.incomplete = true;
            }
            _ => {}
        }
        if let Some(query) = expr.query() {
            self.query_needs(query, scope, found);
        }
        expr.children()
            .into_iter()
            .for_each(|child| self.expr_needs(child, scope, found));
    }

    /// The relation that a `'name'::regclass` constant names.
    fn sequence_in(&self, text: &str) -> Option<Id> {
        let parts: Vec<&str> = text.split('.').map(|part| part.trim_matches('"')).collect();
        let parts = parts.into_iter().map(crate::sql::name::Ident::generated).collect();
        self.find_relation(&Name { parts })
    }

    fn column_needs(&self, name: &Name, scope: &Scope, found: &mut Dependencies) {
        let column = &name.last().value;
        if let Some(qualifier) = name.qualifier() {
            let source = scope.sources.iter().rev().find(|(alias, _)| *alias == qualifier.value);
            if let Some((_, Some(id))) = source {
                found.columns.insert((id.clone(), column.clone()));
            }
            return;
        }
        let has = |id: &&Id| {
            self.relation_columns(id)
                .is_some_and(|columns| columns.contains(column))
        };
        let owner = scope.sources.iter().rev().filter_map(|(_, id)| id.as_ref()).find(has);
        found.columns.extend(owner.map(|id| (id.clone(), column.clone())));
    }

    /// The columns of a table or view, where all are known.
    pub(crate) fn relation_columns(&self, id: &Id) -> Option<Vec<SmolStr>> {
        match &self.catalog.relations.get(id)?.kind {
            RelationKind::Table(table) if table.columns_known => {
                Some(table.columns.iter().map(|column| column.name.clone()).collect())
            }
            RelationKind::View(view) => view.columns.clone(),
            _ => None,
        }
    }

    /// Reports columns that an expression over one table reads and that the table does not have.
    pub(crate) fn check_columns(&mut self, table: &Id, expr: &Expr) {
        let Some(columns) = self.relation_columns(table) else {
            return;
        };
        if !self
            .catalog
            .certainty(table)
            .is_some_and(crate::schema::objects::Certainty::is_certain)
        {
            return;
        }
        let mut missing = Vec::new();
        walk(expr, &mut |expr| {
            if let ExprNode::Column(name) = &expr.node {
                let column = &name.last().value;
                let known =
                    columns.contains(column) || SYSTEM_COLUMNS.contains(&column.as_str()) || *column == table.name;
                if !known && name.parts.len() == 1 {
                    missing.push(name.clone());
                }
            }
        });
        for name in missing {
            self.missing(
                ObjectKind::Column,
                name.span(),
                &format_smolstr!("{}.{}", table, name.last()),
            );
        }
    }
}
