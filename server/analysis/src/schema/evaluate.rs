//! The values of expressions in `DO` blocks, as far as constants and the catalog tell them.
//!
//! Three-valued: what depends on rows, time or anything else outside the catalog is unknown.

use std::collections::BTreeMap;

use smol_str::{SmolStr, format_smolstr};

use super::catalog::Catalog;
use super::objects::{Id, quote};
use super::session::Session;
use super::system;
use crate::sql::name::Name;
use crate::sql::statement::{Expr, ExprNode, FromItem, Query, QueryBody, Select, SelectItem};

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// NULL
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// Anything that is written as text.
    Text(SmolStr),
    /// An object, where PostgreSQL has an OID; schemas and roles are in no schema.
    Object(Id),
    /// An array.
    List(Vec<Value>),
    /// A row.
    Record(Vec<(SmolStr, Value)>),
    /// Nobody can tell.
    Unknown,
}

impl Value {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// The one field of a row that has one, else the value itself.
    fn scalar(self) -> Self {
        match self {
            Self::Record(mut fields) if fields.len() == 1 => fields.pop().map_or(Self::Unknown, |(_, value)| value),
            other => other,
        }
    }

    fn of(truth: Option<bool>) -> Self {
        truth.map_or(Self::Unknown, Self::Bool)
    }

    fn truth(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            // NULL decides as false does.
            Self::Null => Some(false),
            _ => None,
        }
    }
}

/// A row of a FROM list: alias, column, value.
pub(crate) type Tuple = Vec<(SmolStr, SmolStr, Value)>;

/// More rows than these are not looked at.
const MAX_ROWS: usize = 200_000;

/// Evaluates against a catalog.
pub(crate) struct Evaluator<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) session: &'a Session,
    pub(crate) variables: &'a BTreeMap<SmolStr, Value>,
}

impl Evaluator<'_> {
    /// The value of an expression outside of any query.
    pub(crate) fn value(&self, expr: &Expr) -> Value {
        self.eval(expr, &Vec::new())
    }

    /// Whether a condition holds.
    pub(crate) fn holds(&self, expr: &Expr) -> Option<bool> {
        self.value(expr).scalar().truth()
    }

    fn eval(&self, expr: &Expr, row: &Tuple) -> Value {
        match &expr.node {
            ExprNode::Null => Value::Null,
            ExprNode::Bool(truth) => Value::Bool(*truth),
            ExprNode::Number(digits) => digits.parse().map_or(Value::Unknown, Value::Number),
            ExprNode::String(text) => Value::Text(text.clone()),
            ExprNode::Column(name) => self.column(name, row),
            ExprNode::Call { name, arguments, .. } => self.call(name, arguments, row),
            ExprNode::Cast { expr, ty } => {
                let value = self.eval(expr, row).scalar();
                self.cast(value, &ty.name.last().value, ty.dimensions > 0)
            }
            ExprNode::Not(inner) => match self.eval(inner, row).scalar() {
                Value::Bool(truth) => Value::Bool(!truth),
                Value::Null => Value::Null,
                _ => Value::Unknown,
            },
            ExprNode::And(a, b) => match (self.eval(a, row).scalar(), self.eval(b, row).scalar()) {
                (Value::Bool(false), _) | (_, Value::Bool(false)) => Value::Bool(false),
                (Value::Bool(true), other) | (other, Value::Bool(true)) => other,
                (Value::Null, Value::Null) => Value::Null,
                _ => Value::Unknown,
            },
            ExprNode::Or(a, b) => match (self.eval(a, row).scalar(), self.eval(b, row).scalar()) {
                (Value::Bool(true), _) | (_, Value::Bool(true)) => Value::Bool(true),
                (Value::Bool(false), other) | (other, Value::Bool(false)) => other,
                (Value::Null, Value::Null) => Value::Null,
                _ => Value::Unknown,
            },
            ExprNode::IsNull { expr, not } => match self.eval(expr, row).scalar() {
                Value::Unknown => Value::Unknown,
                value => Value::Bool((value == Value::Null) != *not),
            },
            ExprNode::Operator { name, operands } => self.operator(name, operands, row),
            ExprNode::Array(items) => Value::List(items.iter().map(|item| self.eval(item, row)).collect()),
            ExprNode::Subquery { query, exists: true } => Value::of(self.rows(query, row).map(|rows| !rows.is_empty())),
            ExprNode::Subquery { query, .. } => match self.rows(query, row).map(|rows| rows.into_iter().next()) {
                Some(Some(mut first)) if first.len() == 1 => first.pop().map_or(Value::Unknown, |(_, value)| value),
                Some(None) => Value::Null,
                _ => Value::Unknown,
            },
            ExprNode::InSubquery { expr, query } => {
                let value = self.eval(expr, row).scalar();
                match self.rows(query, row) {
                    Some(rows) => any(rows.into_iter().map(|row| same(&value, &Value::Record(row).scalar()))),
                    None => Value::Unknown,
                }
            }
            ExprNode::Access {
                expr,
                field: Some(field),
                ..
            } => match self.eval(expr, row) {
                Value::Record(fields) => field_of(&fields, &field.value),
                _ => Value::Unknown,
            },
            ExprNode::Access { expr, arguments, .. } => {
                let index = arguments.first().map(|index| self.eval(index, row));
                match (self.eval(expr, row).scalar(), index) {
                    (Value::List(items), Some(Value::Number(at))) => usize::try_from(at - 1)
                        .ok()
                        .and_then(|at| items.get(at).cloned())
                        .unwrap_or(Value::Null),
                    _ => Value::Unknown,
                }
            }
            _ => Value::Unknown,
        }
    }

    fn column(&self, name: &Name, row: &Tuple) -> Value {
        let column = &name.last().value;
        match name.qualifier() {
            None => {
                let found = row.iter().rev().find(|(_, other, _)| other == column);
                found
                    .map(|(_, _, value)| value.clone())
                    .or_else(|| self.variables.get(column).cloned())
                    .unwrap_or(Value::Unknown)
            }
            Some(qualifier) => {
                let found = row
                    .iter()
                    .rev()
                    .find(|(alias, other, _)| *alias == qualifier.value && other == column);
                match (found, self.variables.get(&qualifier.value)) {
                    (Some((_, _, value)), _) => value.clone(),
                    (None, Some(Value::Record(fields))) => field_of(fields, column),
                    _ => Value::Unknown,
                }
            }
        }
    }

    fn operator(&self, name: &str, operands: &[Expr], row: &Tuple) -> Value {
        let values: Vec<Value> = operands
            .iter()
            .map(|operand| self.eval(operand, row).scalar())
            .collect();
        let number = |at: usize| match values.get(at) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        };
        match (name, values.as_slice()) {
            ("=", [a, b]) => same(a, b),
            ("<>" | "!=", [a, b]) => not(&same(a, b)),
            ("IS NOT DISTINCT FROM", [a, b]) => distinct(a, b, false),
            ("IS DISTINCT FROM", [a, b]) => distinct(a, b, true),
            ("IN", [value, list @ ..]) => any(list.iter().map(|item| same(value, item))),
            ("NOT IN", [value, list @ ..]) => not(&any(list.iter().map(|item| same(value, item)))),
            ("= ANY", [value, Value::List(list)]) => any(list.iter().map(|item| same(value, item))),
            ("<> ALL", [value, Value::List(list)]) => not(&any(list.iter().map(|item| same(value, item)))),
            ("||", [Value::List(a), Value::List(b)]) => Value::List([a.as_slice(), b].concat()),
            ("||", [Value::Null, _] | [_, Value::Null]) => Value::Null,
            ("||", [a, b]) => match (self.print(a), self.print(b)) {
                (Some(a), Some(b)) => Value::Text(format_smolstr!("{a}{b}")),
                _ => Value::Unknown,
            },
            ("LIKE" | "~~", [Value::Text(text), Value::Text(pattern)]) => Value::Bool(like(text, pattern)),
            ("NOT LIKE" | "!~~", [Value::Text(text), Value::Text(pattern)]) => Value::Bool(!like(text, pattern)),
            ("ILIKE", [Value::Text(text), Value::Text(pattern)]) => {
                Value::Bool(like(&text.to_lowercase(), &pattern.to_lowercase()))
            }
            ("IS TRUE", [value]) => Value::of(value.truth()),
            ("IS NOT TRUE", [value]) => Value::of(value.truth().map(|truth| !truth)),
            ("+", _) => number(0)
                .zip(number(1))
                .and_then(|(a, b)| a.checked_add(b))
                .map_or(Value::Unknown, Value::Number),
            ("-", [_, _]) => number(0)
                .zip(number(1))
                .and_then(|(a, b)| a.checked_sub(b))
                .map_or(Value::Unknown, Value::Number),
            ("<", _) => Value::of(number(0).zip(number(1)).map(|(a, b)| a < b)),
            (">", _) => Value::of(number(0).zip(number(1)).map(|(a, b)| a > b)),
            ("<=", _) => Value::of(number(0).zip(number(1)).map(|(a, b)| a <= b)),
            (">=", _) => Value::of(number(0).zip(number(1)).map(|(a, b)| a >= b)),
            _ => Value::Unknown,
        }
    }

    fn call(&self, name: &Name, arguments: &[Expr], row: &Tuple) -> Value {
        let values: Vec<Value> = arguments
            .iter()
            .map(|argument| self.eval(argument, row).scalar())
            .collect();
        let text = |at: usize| values.get(at).and_then(|value| self.print(value));
        match (name.last().value.as_str(), values.as_slice()) {
            ("to_regclass", [Value::Text(text)]) => self.relation(text).map_or(Value::Null, Value::Object),
            ("to_regtype", [Value::Text(text)]) => self.type_named(text).map_or(Value::Null, Value::Object),
            ("to_regproc", [Value::Text(text)]) => self.routine(text).map_or(Value::Null, Value::Object),
            ("to_regprocedure", [Value::Text(text)]) => {
                let name = text.split('(').next().unwrap_or_default();
                self.routine(name).map_or(Value::Null, Value::Object)
            }
            ("to_regnamespace", [Value::Text(text)]) => {
                let known = self.catalog.schemas.contains_key(text);
                if known {
                    Value::Object(Id::new("", text))
                } else {
                    Value::Null
                }
            }
            ("to_regrole", [Value::Text(text)]) => {
                let known = self.catalog.roles.contains_key(text);
                if known {
                    Value::Object(Id::new("", text))
                } else {
                    Value::Null
                }
            }
            ("format", [Value::Text(template), rest @ ..]) => {
                self.format(template, rest).map_or(Value::Unknown, Value::Text)
            }
            ("quote_ident", [_]) => text(0).map_or(Value::Unknown, |text| Value::Text(quote(&text).into())),
            ("quote_literal", [_]) => text(0).map_or(Value::Unknown, |text| Value::Text(literal(&text))),
            ("lower", [_]) => text(0).map_or(Value::Unknown, |text| Value::Text(text.to_lowercase().into())),
            ("upper", [_]) => text(0).map_or(Value::Unknown, |text| Value::Text(text.to_uppercase().into())),
            ("concat", _) => {
                let parts: Option<Vec<SmolStr>> = (0..values.len()).map(text).collect();
                parts.map_or(Value::Unknown, |parts| Value::Text(parts.concat().into()))
            }
            ("replace", [_, _, _]) => match (text(0), text(1), text(2)) {
                (Some(whole), Some(from), Some(to)) => Value::Text(whole.replace(from.as_str(), &to).into()),
                _ => Value::Unknown,
            },
            ("coalesce", values) => values
                .iter()
                .find(|value| **value != Value::Null)
                .cloned()
                .unwrap_or(Value::Null),
            ("array_length" | "cardinality", [Value::List(items), ..]) => {
                i64::try_from(items.len()).map_or(Value::Unknown, Value::Number)
            }
            ("pg_get_function_identity_arguments" | "pg_get_function_arguments", [Value::Object(id)]) => {
                let arguments = id.name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
                arguments.map_or(Value::Unknown, Value::text)
            }
            ("current_schema", []) => self
                .path()
                .find(|schema| self.catalog.schemas.contains_key(*schema))
                .map_or(Value::Null, |schema| Value::Text(schema.clone())),
            ("current_user" | "session_user" | "current_role" | "user", []) => Value::Text(self.session.role.clone()),
            _ => Value::Unknown,
        }
    }

    fn cast(&self, value: Value, ty: &str, array: bool) -> Value {
        match (ty, &value) {
            (_, Value::Unknown | Value::Null | Value::List(_) | Value::Record(_)) => value,
            (_, Value::Text(text)) if array => list(text),
            ("regclass", Value::Text(text)) => self.relation(text).map_or(Value::Unknown, Value::Object),
            ("regprocedure", Value::Object(id)) => Value::Text(format_smolstr!("{}.{}", quote(&id.schema), id.name)),
            ("regtype", Value::Text(text)) => self.type_named(text).map_or(Value::Unknown, Value::Object),
            ("regproc", Value::Text(text)) => self.routine(text).map_or(Value::Unknown, Value::Object),
            ("regnamespace" | "regrole", Value::Text(text)) => Value::Object(Id::new("", text)),
            ("text" | "character varying" | "varchar" | "name" | "character", _) => {
                self.print(&value).map_or(Value::Unknown, Value::Text)
            }
            ("integer" | "bigint" | "smallint" | "int", Value::Text(text)) => {
                text.trim().parse().map_or(Value::Unknown, Value::Number)
            }
            ("boolean" | "bool", Value::Text(text)) => match text.to_ascii_lowercase().as_str() {
                "t" | "true" | "yes" | "on" | "1" => Value::Bool(true),
                "f" | "false" | "no" | "off" | "0" => Value::Bool(false),
                _ => Value::Unknown,
            },
            _ => value,
        }
    }

    /// The text of a value, as concatenation sees it. `None`: unknown.
    pub(crate) fn print(&self, value: &Value) -> Option<SmolStr> {
        Some(match value {
            Value::Null => SmolStr::default(),
            Value::Bool(truth) => if *truth { "t" } else { "f" }.into(),
            Value::Number(number) => format_smolstr!("{number}"),
            Value::Text(text) => text.clone(),
            Value::Object(id) if id.schema.is_empty() || self.path().any(|schema| *schema == id.schema) => {
                quote(&id.name).into()
            }
            Value::Object(id) => format_smolstr!("{}.{}", quote(&id.schema), quote(&id.name)),
            Value::Record(fields) if fields.len() == 1 => return self.print(&fields[0].1),
            Value::List(_) | Value::Record(_) | Value::Unknown => return None,
        })
    }

    /// `format`: `%s`, `%I`, `%L`, `%%`, also with positions. <https://www.postgresql.org/docs/current/functions-string.html>
    fn format(&self, template: &str, arguments: &[Value]) -> Option<SmolStr> {
        let mut out = String::with_capacity(template.len());
        let mut next = 0;
        let mut chars = template.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let mut position = String::new();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                position.push(digit);
            }
            if !position.is_empty() {
                chars.next_if_eq(&'$')?;
                next = position.parse::<usize>().ok()?.checked_sub(1)?;
            }
            let kind = chars.next()?;
            if kind == '%' {
                out.push('%');
                continue;
            }
            let value = arguments.get(next)?;
            next += 1;
            let text = self.print(value)?;
            match kind {
                's' => out.push_str(&text),
                // An object prints as a qualified, quoted name already, and %I quotes that once more.
                'I' => out.push_str(&quote(&text)),
                'L' if *value == Value::Null => out.push_str("NULL"),
                'L' => out.push_str(&literal(&text)),
                _ => return None,
            }
        }
        Some(out.into())
    }

    // ---- names -----------------------------------------------------------------------------------------------------

    fn path(&self) -> impl Iterator<Item = &SmolStr> {
        let role = &self.session.role;
        let path = self.session.search_path.iter();
        path.map(move |schema| if schema == "$user" { role } else { schema })
    }

    fn candidates(&self, written: &str) -> Vec<Id> {
        let parts = name_parts(written);
        match parts.as_slice() {
            [name] => self.path().map(|schema| Id::new(schema, name)).collect(),
            [.., schema, name] => vec![Id::new(schema, name)],
            [] => Vec::new(),
        }
    }

    fn relation(&self, written: &str) -> Option<Id> {
        let known = |id: &Id| self.catalog.relations.contains_key(id);
        self.candidates(written).into_iter().find(known)
    }

    fn type_named(&self, written: &str) -> Option<Id> {
        let known = |id: &Id| self.catalog.types.contains_key(id) || self.catalog.relations.contains_key(id);
        self.candidates(written).into_iter().find(known)
    }

    /// The function that a call names.
    pub(crate) fn called(&self, name: &Name) -> Option<Id> {
        let known = |id: &Id| self.catalog.overloads(id).next().is_some();
        let bare = &name.last().value;
        match name.qualifier() {
            Some(schema) => Some(Id::new(&schema.value, bare)).filter(known),
            None => self.path().map(|schema| Id::new(schema, bare)).find(known),
        }
    }

    fn routine(&self, written: &str) -> Option<Id> {
        let known = |id: &Id| self.catalog.overloads(id).next().is_some();
        self.candidates(written).into_iter().find(known)
    }

    // ---- queries ---------------------------------------------------------------------------------------------------

    /// The rows of a query, by column name; `None` where they depend on more than the catalog.
    pub(crate) fn rows(&self, query: &Query, outer: &Tuple) -> Option<Vec<Vec<(SmolStr, Value)>>> {
        if !query.ctes.is_empty() {
            return None;
        }
        match &query.body {
            QueryBody::Select(select) => self.select(select, outer),
            QueryBody::Nested(query) => self.rows(query, outer),
            QueryBody::Set(a, b) => {
                let mut rows = self.rows(a, outer)?;
                rows.extend(self.rows(b, outer)?);
                Some(rows)
            }
            QueryBody::Values(rows) => {
                let row = |row: &Vec<Expr>| {
                    let values = row.iter().enumerate();
                    values
                        .map(|(at, expr)| (format_smolstr!("column{}", at + 1), self.eval(expr, outer).scalar()))
                        .collect()
                };
                Some(rows.iter().map(row).collect())
            }
            QueryBody::Table(_) | QueryBody::Opaque { .. } => None,
        }
    }

    fn select(&self, select: &Select, outer: &Tuple) -> Option<Vec<Vec<(SmolStr, Value)>>> {
        let mut tuples = vec![outer.clone()];
        for item in &select.from {
            let mut next = Vec::new();
            for tuple in &tuples {
                next.extend(self.from(item, tuple, select.filter.as_ref())?);
                if next.len() > MAX_ROWS {
                    return None;
                }
            }
            tuples = next;
        }
        if let Some(filter) = &select.filter {
            let mut kept = Vec::new();
            for tuple in tuples {
                if self.eval(filter, &tuple).scalar().truth()? {
                    kept.push(tuple);
                }
            }
            tuples = kept;
        }
        if !select.rest.is_empty() && !select.distinct {
            return None;
        }
        if let Some(row) = self.aggregated(select, &tuples) {
            return Some(vec![row]);
        }
        if let [
            SelectItem::Expr {
                expr:
                    Expr {
                        node: ExprNode::Call { name, arguments, .. },
                        ..
                    },
                alias,
            },
        ] = select.items.as_slice()
            && name.last().value == "unnest"
            && arguments.len() == 1
        {
            let column = alias
                .as_ref()
                .map_or_else(|| "unnest".into(), |alias| alias.value.clone());
            let mut rows = Vec::new();
            for tuple in &tuples {
                let Value::List(items) = self.eval(&arguments[0], tuple).scalar() else {
                    return None;
                };
                rows.extend(items.into_iter().map(|item| vec![(column.clone(), item)]));
            }
            return Some(rows);
        }
        let depth = outer.len();
        let mut rows: Vec<Vec<(SmolStr, Value)>> = tuples
            .iter()
            .map(|tuple| {
                let mut row = Vec::new();
                for item in &select.items {
                    match item {
                        SelectItem::Star(qualifier) => {
                            let of =
                                |alias: &SmolStr| qualifier.as_ref().is_none_or(|wanted| wanted.last().value == *alias);
                            let columns = tuple[depth..].iter().filter(|(alias, _, _)| of(alias));
                            row.extend(columns.map(|(_, column, value)| (column.clone(), value.clone())));
                        }
                        SelectItem::Expr { expr, alias } => {
                            row.push((output_name(expr, alias.as_ref()), self.eval(expr, tuple).scalar()));
                        }
                    }
                }
                row
            })
            .collect();
        if select.distinct {
            let mut seen = Vec::new();
            rows.retain(|row| {
                let new = !seen.contains(row);
                if new {
                    seen.push(row.clone());
                }
                new
            });
        }
        Some(rows)
    }

    /// The one row of a query that counts or collects.
    fn aggregated(&self, select: &Select, tuples: &[Tuple]) -> Option<Vec<(SmolStr, Value)>> {
        const AGGREGATES: &[&str] = &[
            "count",
            "array_agg",
            "string_agg",
            "bool_and",
            "bool_or",
            "max",
            "min",
            "sum",
        ];
        let is_aggregate = |item: &SelectItem| match item {
            SelectItem::Expr { expr, .. } => contains_call(expr, AGGREGATES),
            SelectItem::Star(_) => false,
        };
        if !select.items.iter().any(is_aggregate) {
            return None;
        }
        let value = |expr: &Expr| match &expr.node {
            ExprNode::Call { name, arguments, .. } if name.last().value == "count" => {
                let star = matches!(
                    arguments.first().map(|argument| &argument.node),
                    None | Some(ExprNode::Star(_))
                );
                if star
                    || arguments
                        .iter()
                        .all(|argument| matches!(argument.node, ExprNode::Number(_)))
                {
                    i64::try_from(tuples.len()).map_or(Value::Unknown, Value::Number)
                } else {
                    Value::Unknown
                }
            }
            ExprNode::Call { name, arguments, .. } if name.last().value == "array_agg" && !arguments.is_empty() => {
                if tuples.is_empty() {
                    Value::Null
                } else {
                    Value::List(
                        tuples
                            .iter()
                            .map(|tuple| self.eval(&arguments[0], tuple).scalar())
                            .collect(),
                    )
                }
            }
            _ => Value::Unknown,
        };
        let row = select.items.iter().map(|item| match item {
            SelectItem::Expr { expr, alias } => (output_name(expr, alias.as_ref()), value(expr)),
            SelectItem::Star(_) => (SmolStr::default(), Value::Unknown),
        });
        Some(row.collect())
    }

    /// The rows of one FROM item beside an outer row. Rows that the filter certainly drops are left out early.
    fn from(&self, item: &FromItem, outer: &Tuple, filter: Option<&Expr>) -> Option<Vec<Tuple>> {
        let under = |alias: &SmolStr, rows: Vec<Vec<(SmolStr, Value)>>| {
            let tuples = rows.into_iter().map(|row| {
                let mut tuple = outer.clone();
                tuple.extend(row.into_iter().map(|(column, value)| (alias.clone(), column, value)));
                tuple
            });
            let keeps =
                |tuple: &Tuple| filter.is_none_or(|filter| self.eval(filter, tuple).scalar() != Value::Bool(false));
            tuples.filter(keeps).collect::<Vec<_>>()
        };
        match item {
            FromItem::Relation { name, alias, .. } => {
                let alias = alias.as_ref().unwrap_or(name.last()).value.clone();
                Some(under(&alias, system::rows(self.catalog, name)?))
            }
            FromItem::Function {
                calls, alias, columns, ..
            } => {
                let [call] = calls.as_slice() else { return None };
                let ExprNode::Call { name, arguments, .. } = &call.node else {
                    return None;
                };
                if name.last().value != "unnest" || arguments.len() != 1 {
                    return None;
                }
                let Value::List(items) = self.eval(&arguments[0], outer).scalar() else {
                    return None;
                };
                let alias = alias
                    .as_ref()
                    .map_or_else(|| "unnest".into(), |alias| alias.value.clone());
                let column = columns
                    .first()
                    .map_or_else(|| alias.clone(), |column| column.value.clone());
                let rows = items.into_iter().map(|item| vec![(column.clone(), item)]);
                Some(under(&alias, rows.collect()))
            }
            FromItem::Subquery {
                query, alias, columns, ..
            } => {
                let mut rows = self.rows(query, outer)?;
                for row in &mut rows {
                    for ((name, _), column) in row.iter_mut().zip(columns) {
                        *name = column.value.clone();
                    }
                }
                let alias = alias.as_ref().map(|alias| alias.value.clone()).unwrap_or_default();
                Some(under(&alias, rows))
            }
            FromItem::Join {
                left,
                right,
                using,
                natural: false,
                on,
            } if using.is_empty() => {
                let mut joined = Vec::new();
                for tuple in self.from(left, outer, filter)? {
                    for both in self.from(right, &tuple, filter)? {
                        let holds = on
                            .as_ref()
                            .map_or(Some(true), |on| self.eval(on, &both).scalar().truth())?;
                        if holds {
                            joined.push(both);
                        }
                    }
                    if joined.len() > MAX_ROWS {
                        return None;
                    }
                }
                Some(joined)
            }
            FromItem::Join { .. } => None,
        }
    }
}

fn output_name(expr: &Expr, alias: Option<&crate::sql::name::Ident>) -> SmolStr {
    alias
        .map(|alias| alias.value.clone())
        .or_else(|| super::names::figure_column_name(expr))
        .unwrap_or_else(|| "?column?".into())
}

fn contains_call(expr: &Expr, names: &[&str]) -> bool {
    let own = matches!(&expr.node, ExprNode::Call { name, .. } if names.contains(&name.last().value.as_str()));
    own || expr.children().into_iter().any(|child| contains_call(child, names))
}

fn field_of(fields: &[(SmolStr, Value)], wanted: &SmolStr) -> Value {
    let found = fields.iter().find(|(name, _)| name == wanted);
    found.map_or(Value::Unknown, |(_, value)| value.clone())
}

fn same(a: &Value, b: &Value) -> Value {
    match (a, b) {
        (Value::Unknown, _) | (_, Value::Unknown) => Value::Unknown,
        (Value::Null, _) | (_, Value::Null) => Value::Null,
        // A role or schema against its name.
        (Value::Text(text), Value::Bool(truth)) | (Value::Bool(truth), Value::Text(text)) => {
            Value::Bool(matches!(text.as_str(), "t" | "true") == *truth)
        }
        (Value::Number(number), Value::Text(text)) | (Value::Text(text), Value::Number(number)) => {
            Value::Bool(text.trim() == number.to_string())
        }
        _ => Value::Bool(a == b),
    }
}

fn distinct(a: &Value, b: &Value, wanted: bool) -> Value {
    match (a, b) {
        (Value::Unknown, _) | (_, Value::Unknown) => Value::Unknown,
        (Value::Null, Value::Null) => Value::Bool(!wanted),
        (Value::Null, _) | (_, Value::Null) => Value::Bool(wanted),
        _ => Value::Bool((a != b) == wanted),
    }
}

fn not(value: &Value) -> Value {
    match value {
        Value::Bool(truth) => Value::Bool(!truth),
        Value::Null => Value::Null,
        _ => Value::Unknown,
    }
}

fn any(values: impl Iterator<Item = Value>) -> Value {
    let mut all = Value::Bool(false);
    for value in values {
        match value {
            Value::Bool(true) => return Value::Bool(true),
            Value::Bool(false) => {}
            Value::Null if all == Value::Bool(false) => all = Value::Null,
            Value::Null => {}
            _ => all = Value::Unknown,
        }
    }
    all
}

/// LIKE with `%`, `_` and a backslash before them.
fn like(text: &str, pattern: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('%') => {
            let rest = rest.as_str();
            let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            starts.into_iter().any(|at| like(&text[at..], rest))
        }
        Some(c) => {
            let (wanted, exact) = match c {
                '\\' => (rest.next().unwrap_or('\\'), true),
                other => (other, other != '_'),
            };
            let mut chars = text.chars();
            let first = chars.next();
            first.is_some_and(|first| !exact || first == wanted) && like(chars.as_str(), rest.as_str())
        }
    }
}

/// `{a,b}`, without quotes or nesting.
fn list(text: &str) -> Value {
    let inside = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    match inside {
        Some("") => Value::List(Vec::new()),
        Some(inside) if !inside.contains(['"', '{', '\\']) => {
            Value::List(inside.split(',').map(|item| Value::text(item.trim())).collect())
        }
        _ => Value::Unknown,
    }
}

fn literal(text: &str) -> SmolStr {
    format_smolstr!("'{}'", text.replace('\'', "''"))
}

/// `schema.name`, `"Schema"."Name"`
fn name_parts(written: &str) -> Vec<SmolStr> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut quoted = false;
    for c in written.trim().chars() {
        match c {
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(SmolStr::from(std::mem::take(&mut part))),
            other if quoted => part.push(other),
            other => part.extend(other.to_lowercase()),
        }
    }
    parts.push(part.into());
    parts
}
