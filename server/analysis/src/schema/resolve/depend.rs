//! What an expression or query needs, and what columns a query gives.

use std::collections::BTreeSet;

use smol_str::{SmolStr, format_smolstr};

use super::Resolver;
use crate::schema::names::figure_column_name;
use crate::schema::objects::{Column, Dependencies, Id, RelationKind, Type};
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

/// An output column of a query: its name, and its type where that can be told.
pub(crate) type Output = (SmolStr, Option<Type>);

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
        select
            .from
            .iter()
            .for_each(|item| self.source_needs(item, scope, found));
        for item in &select.items {
            match item {
                SelectItem::Expr { expr, .. } => self.expr_needs(expr, scope, found),
                SelectItem::Star(_) => self.star_needs(scope, found),
            }
        }
        select
            .filter
            .iter()
            .chain(&select.rest)
            .for_each(|expr| self.expr_needs(expr, scope, found));
    }

    fn star_needs(&self, scope: &Scope, found: &mut Dependencies) {
        for id in scope.sources.iter().filter_map(|(_, id)| id.as_ref()) {
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
                if let (true, Some(ExprNode::String(text))) = (name.is("nextval"), arguments.first().map(|a| &a.node)) {
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

    /// The names of a query's output columns; `None` where a `*` cannot be expanded.
    pub(crate) fn output_columns(&self, query: &Query) -> Option<Vec<SmolStr>> {
        let outputs = self.outputs(query)?;
        Some(outputs.into_iter().map(|(name, _)| name).collect())
    }

    /// The same with their types, as far as they can be told without knowing PostgreSQL's functions.
    pub(crate) fn outputs(&self, query: &Query) -> Option<Vec<Output>> {
        self.query_outputs(query, &mut Vec::new())
    }

    fn query_outputs(&self, query: &Query, ctes: &mut Vec<(SmolStr, Option<Vec<Output>>)>) -> Option<Vec<Output>> {
        let depth = ctes.len();
        for cte in &query.ctes {
            let inner = match &cte.statement.node {
                Node::Query(inner) => {
                    // A recursive CTE's columns are those of its first branch.
                    self.query_outputs(inner, ctes)
                }
                Node::Insert(insert) => self.returning(&insert.returning, &insert.table),
                Node::Update(update) => self.returning(&update.returning, &update.table.name),
                Node::Delete(delete) => self.returning(&delete.returning, &delete.table.name),
                _ => None,
            };
            let inner = renamed(inner, cte.columns.iter().map(|column| &column.value));
            ctes.push((cte.name.value.clone(), inner));
        }
        let outputs = match &query.body {
            QueryBody::Select(select) => self.select_outputs(select, ctes),
            QueryBody::Set(left, _) => self.query_outputs(left, ctes),
            QueryBody::Values(rows) => {
                let first = rows.first().map_or(&[][..], Vec::as_slice);
                let column =
                    |(at, expr): (usize, &Expr)| (format_smolstr!("column{}", at + 1), self.type_of(expr, &[]));
                Some(first.iter().enumerate().map(column).collect())
            }
            QueryBody::Table(name) => self.source_columns(name, ctes),
            QueryBody::Nested(query) => self.query_outputs(query, ctes),
            QueryBody::Opaque { .. } => None,
        };
        ctes.truncate(depth);
        outputs
    }

    fn returning(&self, items: &[SelectItem], table: &Name) -> Option<Vec<Output>> {
        let from = vec![(table.last().value.clone(), self.source_columns(table, &[]))];
        self.item_names(items, &from)
    }

    fn select_outputs(&self, select: &Select, ctes: &mut Vec<(SmolStr, Option<Vec<Output>>)>) -> Option<Vec<Output>> {
        let mut from = Vec::new();
        for item in &select.from {
            self.sources(item, ctes, &mut from);
        }
        self.item_names(&select.items, &from)
    }

    fn item_names(&self, items: &[SelectItem], from: &[(SmolStr, Option<Vec<Output>>)]) -> Option<Vec<Output>> {
        let mut names = Vec::new();
        for item in items {
            match item {
                SelectItem::Star(None) => {
                    for (_, columns) in from {
                        names.extend(columns.clone()?);
                    }
                }
                SelectItem::Star(Some(qualifier)) => {
                    let source = from.iter().find(|(alias, _)| *alias == qualifier.last().value)?;
                    names.extend(source.1.clone()?);
                }
                SelectItem::Expr { expr, alias } => {
                    let name = alias.as_ref().map(|alias| alias.value.clone());
                    let name = name
                        .or_else(|| figure_column_name(expr))
                        .unwrap_or_else(|| "?column?".into());
                    names.push((name, self.type_of(expr, from)));
                }
            }
        }
        Some(names)
    }

    fn sources(
        &self,
        item: &FromItem,
        ctes: &mut Vec<(SmolStr, Option<Vec<Output>>)>,
        out: &mut Vec<(SmolStr, Option<Vec<Output>>)>,
    ) {
        match item {
            FromItem::Relation {
                name, alias, columns, ..
            } => {
                let found = renamed(self.source_columns(name, ctes), columns.iter().map(|c| &c.value));
                out.push((alias.as_ref().unwrap_or(name.last()).value.clone(), found));
            }
            FromItem::Function {
                alias,
                columns,
                ordinality,
                ..
            } => {
                let name = alias.as_ref().map(|alias| alias.value.clone()).unwrap_or_default();
                let known = !columns.is_empty();
                let mut names: Vec<Output> = columns.iter().map(|column| (column.value.clone(), None)).collect();
                if *ordinality && known && names.len() == 1 {
                    names.push(("ordinality".into(), Some(Type::builtin("bigint"))));
                }
                out.push((name, known.then_some(names)));
            }
            FromItem::Subquery {
                query, alias, columns, ..
            } => {
                let found = renamed(self.query_outputs(query, ctes), columns.iter().map(|c| &c.value));
                out.push((
                    alias.as_ref().map(|alias| alias.value.clone()).unwrap_or_default(),
                    found,
                ));
            }
            FromItem::Join {
                left,
                right,
                using,
                natural,
                ..
            } => {
                let start = out.len();
                self.sources(left, ctes, out);
                let middle = out.len();
                self.sources(right, ctes, out);
                if *natural {
                    match common_columns(&out[start..middle], &out[middle..]) {
                        Some(common) => merge_using(&mut out[start..], &common),
                        None => out[start..].iter_mut().for_each(|(_, columns)| *columns = None),
                    }
                } else if !using.is_empty() {
                    merge_using(
                        &mut out[start..],
                        &using.iter().map(|c| c.value.clone()).collect::<Vec<_>>(),
                    );
                }
            }
        }
    }

    fn source_columns(&self, name: &Name, ctes: &[(SmolStr, Option<Vec<Output>>)]) -> Option<Vec<Output>> {
        if name.parts.len() == 1
            && let Some((_, columns)) = ctes.iter().rev().find(|(cte, _)| *cte == name.last().value)
        {
            return columns.clone();
        }
        let id = self.find_relation(name)?;
        match self.catalog.table(&id) {
            Some(table) if table.columns_known => {
                let column = |column: &Column| (column.name.clone(), Some(column.ty.clone()));
                Some(table.columns.iter().map(column).collect())
            }
            _ => Some(
                self.relation_columns(&id)?
                    .into_iter()
                    .map(|name| (name, None))
                    .collect(),
            ),
        }
    }

    /// The type of an expression over these sources: of columns, casts and constants, and of what keeps their type.
    fn type_of(&self, expr: &Expr, from: &[(SmolStr, Option<Vec<Output>>)]) -> Option<Type> {
        let builtin = |name: &str| Some(Type::builtin(name));
        match &expr.node {
            ExprNode::Column(name) => {
                let column = &name.last().value;
                let of = |(alias, _): &&(SmolStr, Option<Vec<Output>>)| {
                    name.qualifier().is_none_or(|qualifier| *alias == qualifier.value)
                };
                let mut sources = from.iter().filter(of);
                sources.find_map(|(_, columns)| {
                    let columns = columns.as_ref()?;
                    columns.iter().find(|(other, _)| other == column)?.1.clone()
                })
            }
            ExprNode::Cast { ty, .. } => self.known_type(ty),
            ExprNode::String(_) => builtin("text"),
            ExprNode::Bool(_)
            | ExprNode::Not(_)
            | ExprNode::And(..)
            | ExprNode::Or(..)
            | ExprNode::IsNull { .. }
            | ExprNode::InSubquery { .. }
            | ExprNode::Subquery { exists: true, .. } => builtin("boolean"),
            ExprNode::Number(digits) => match digits.parse::<i64>() {
                Ok(number) if i32::try_from(number).is_ok() => builtin("integer"),
                Ok(_) => builtin("bigint"),
                Err(_) => builtin("numeric"),
            },
            ExprNode::Operator { name, operands } if name == "||" => {
                let mut types = operands.iter().filter_map(|operand| self.type_of(operand, from));
                let first = types.next()?;
                if first.array || first.is_builtin("jsonb") {
                    Some(first)
                } else {
                    builtin("text")
                }
            }
            ExprNode::Operator { name, .. } => {
                let compares = matches!(
                    name.as_str(),
                    "=" | "<>" | "!=" | "<" | ">" | "<=" | ">=" | "LIKE" | "IN"
                );
                if compares { builtin("boolean") } else { None }
            }
            ExprNode::Call { name, arguments, .. } => match name.last().value.as_str() {
                "now" | "current_timestamp" | "clock_timestamp" | "statement_timestamp" => {
                    builtin("timestamp with time zone")
                }
                "count" | "row_number" | "rank" | "dense_rank" => builtin("bigint"),
                "gen_random_uuid" | "uuid_generate_v4" => builtin("uuid"),
                "coalesce" | "greatest" | "least" | "nullif" | "max" | "min" => {
                    arguments.iter().find_map(|argument| self.type_of(argument, from))
                }
                _ => None,
            },
            ExprNode::Subquery { query, .. } => self.outputs(query)?.into_iter().next()?.1,
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

/// Columns under the names of an alias list, as far as it reaches.
fn renamed<'a>(columns: Option<Vec<Output>>, names: impl Iterator<Item = &'a SmolStr>) -> Option<Vec<Output>> {
    let names: Vec<&SmolStr> = names.collect();
    match columns {
        Some(mut columns) => {
            for ((column, _), name) in columns.iter_mut().zip(&names) {
                column.clone_from(name);
            }
            Some(columns)
        }
        None if names.is_empty() => None,
        // A column list that names every column is the usual reason to write one.
        None => Some(names.into_iter().map(|name| (name.clone(), None)).collect()),
    }
}

/// The columns that both sides of a NATURAL JOIN have; `None` where not all are known.
fn common_columns(
    left: &[(SmolStr, Option<Vec<Output>>)],
    right: &[(SmolStr, Option<Vec<Output>>)],
) -> Option<Vec<SmolStr>> {
    let names = |side: &[(SmolStr, Option<Vec<Output>>)]| {
        let columns: Option<Vec<&Vec<Output>>> = side.iter().map(|(_, columns)| columns.as_ref()).collect();
        let names = columns?.into_iter().flatten().map(|(name, _)| name.clone());
        Some(names.collect::<Vec<SmolStr>>())
    };
    let right = names(right)?;
    Some(names(left)?.into_iter().filter(|name| right.contains(name)).collect())
}

/// `JOIN … USING (a)` gives `a` once, first.
fn merge_using(sources: &mut [(SmolStr, Option<Vec<Output>>)], using: &[SmolStr]) {
    let mut merged: Option<Vec<Output>> = None;
    for (_, columns) in sources.iter_mut() {
        let Some(columns) = columns else { continue };
        let of = |name: &SmolStr| columns.iter().find(|(column, _)| column == name).cloned();
        let own: Vec<Output> = using
            .iter()
            .map(|name| of(name).unwrap_or_else(|| (name.clone(), None)))
            .collect();
        columns.retain(|(column, _)| !using.contains(column));
        if merged.is_none() {
            columns.splice(0..0, own.iter().cloned());
            merged = Some(own);
        }
    }
}
