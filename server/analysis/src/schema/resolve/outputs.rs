//! What columns a query gives: their names, and their types where those are plain.

use smol_str::{SmolStr, format_smolstr};

use super::Resolver;
use crate::schema::names::figure_column_name;
use crate::schema::objects::{Column, Id, RelationKind, Shared, Type};
use crate::sql::name::Name;
use crate::sql::statement::{Expr, ExprNode, FromItem, Node, Query, QueryBody, Select, SelectItem};

/// An output column of a query: its name, and its type where that can be told.
pub(crate) type Output = (SmolStr, Option<Type>);

impl Resolver<'_> {
    /// A query's output columns, with their types as far as they can be told without knowing all of PostgreSQL's
    /// functions; `None` where a `*` cannot be expanded.
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
                let column = |column: &Shared<Column>| (column.name.clone(), Some(column.ty.clone()));
                Some(table.columns.iter().map(column).collect())
            }
            _ => {
                let mut types = self.view_types(&id).into_iter();
                let names = self.relation_columns(&id)?.into_iter();
                Some(names.map(|name| (name, types.next().flatten())).collect())
            }
        }
    }

    /// The types of a view's columns, where they are still called so.
    fn view_types(&self, id: &Id) -> Vec<Option<Type>> {
        let Some(RelationKind::View(view)) = self.catalog.relations.get(id).map(|relation| &relation.kind) else {
            return Vec::new();
        };
        let is_there = |ty: &Type| ty.id.schema == "pg_catalog" || self.catalog.types.contains_key(&ty.id);
        let types = view.types.iter();
        types.map(|ty| ty.clone().filter(is_there)).collect()
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
            ExprNode::Call { name, arguments, .. } => self.result_of(name, arguments, from),
            ExprNode::Subquery { query, .. } => self.outputs(query)?.into_iter().next()?.1,
            ExprNode::Case(all) => self.case_type(all, from),
            _ => None,
        }
    }

    /// What a function gives: one of the history's own, or of PostgreSQL's where that is plain.
    fn result_of(&self, name: &Name, arguments: &[Expr], from: &[(SmolStr, Option<Vec<Output>>)]) -> Option<Type> {
        let builtin = |name: &str| Some(Type::builtin(name));
        let first = || self.type_of(arguments.first()?, from);
        match name.last().value.as_str() {
            "now" | "current_timestamp" | "clock_timestamp" | "statement_timestamp" => {
                builtin("timestamp with time zone")
            }
            "count" | "row_number" | "rank" | "dense_rank" => builtin("bigint"),
            "gen_random_uuid" | "uuid_generate_v4" => builtin("uuid"),
            "concat" | "concat_ws" | "to_char" | "md5" | "format" => builtin("text"),
            "bool_and" | "bool_or" | "every" => builtin("boolean"),
            "coalesce" | "greatest" | "least" => self.common_type(arguments, from),
            "nullif" => first(),
            // There is no max of character varying: it is taken for text. What functions give has no modifiers.
            "max" | "min" => first().map(|ty| {
                if ty.is_builtin("character varying") {
                    Type::builtin("text")
                } else {
                    ty.bare()
                }
            }),
            "sum" => sum_of(&first()?),
            _ => self.result_of_own(name),
        }
    }

    /// The type that PostgreSQL makes of several: that of all, or the widest of numbers; `None` where one is not known.
    /// <https://www.postgresql.org/docs/current/typeconv-union-case.html>
    fn common_type(&self, all: &[Expr], from: &[(SmolStr, Option<Vec<Output>>)]) -> Option<Type> {
        // A constant in quotes takes the others' type.
        let has_own = |expr: &&Expr| !matches!(expr.node, ExprNode::Null | ExprNode::String(_));
        let types: Option<Vec<Type>> = all
            .iter()
            .filter(has_own)
            .map(|expr| self.type_of(expr, from))
            .collect();
        let types = types?;
        let Some(first) = types.first() else {
            return all.iter().find_map(|expr| self.type_of(expr, from));
        };
        if types.iter().all(|ty| ty == first) {
            // Constants have no modifiers, and then the whole has none.
            let is_alike = types.len() == all.len();
            return Some(if is_alike { first.clone() } else { first.bare() });
        }
        let width = |ty: &Type| WIDENING.iter().position(|name| ty.is_builtin(name));
        let widths: Option<Vec<usize>> = types.iter().map(width).collect();
        Some(Type::builtin(WIDENING[widths?.into_iter().max()?]))
    }

    /// The type of CASE: that of its last result, if everything in it but conditions has that type.
    fn case_type(&self, all: &[Expr], from: &[(SmolStr, Option<Vec<Output>>)]) -> Option<Type> {
        let result = all.iter().rev().take(2).find(|expr| expr.node != ExprNode::Null)?;
        let ty = self.type_of(result, from)?;
        let fits = |expr: &Expr| {
            let own = self.type_of(expr, from);
            expr.node == ExprNode::Null || own.is_some_and(|own| own == ty || own.is_builtin("boolean"))
        };
        // Whether modifiers stay depends on an ELSE that may not be there.
        (ty.modifiers.is_empty() && all.iter().all(fits)).then_some(ty)
    }

    /// The one type that all of the history's functions of that name return.
    fn result_of_own(&self, name: &Name) -> Option<Type> {
        let candidates = self.candidates(name).into_iter();
        let mut found = candidates.map(|id| self.catalog.overloads_of(&id));
        let overloads = found.find(|found| !found.is_empty())?;
        let mut types = overloads.iter().map(|(_, routine)| {
            let is_set = routine
                .returns
                .as_ref()
                .is_some_and(|returns| returns.starts_with("SETOF "));
            routine.return_type.clone().filter(|_| !is_set)
        });
        let first = types.next()??;
        types.all(|other| other.as_ref() == Some(&first)).then_some(first)
    }
}

/// Numbers, each of which becomes the later ones by itself.
const WIDENING: &[&str] = &["smallint", "integer", "bigint", "numeric", "real", "double precision"];

/// What `sum` gives. <https://www.postgresql.org/docs/current/functions-aggregate.html>
fn sum_of(ty: &Type) -> Option<Type> {
    let of = [
        ("smallint", "bigint"),
        ("integer", "bigint"),
        ("bigint", "numeric"),
        ("numeric", "numeric"),
        ("real", "real"),
        ("double precision", "double precision"),
        ("interval", "interval"),
        ("money", "money"),
    ];
    let found = of.iter().find(|(argument, _)| ty.is_builtin(argument));
    found.map(|(_, result)| Type::builtin(result))
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
