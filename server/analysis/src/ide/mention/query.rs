//! Queries and expressions: aliases, CTEs and the columns that they bring into scope.

use smol_str::SmolStr;

use super::{Access, Local, Symbol, Unknown, Walker};
use crate::schema::change::Key;
use crate::schema::names::figure_column_name;
use crate::schema::objects::{Id, Signature};
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{Cte, Expr, ExprNode, FromItem, Query, QueryBody, Select, SelectItem};
use crate::text::Span;

/// A column that a subquery, CTE or function gives, and where it gets its name.
pub(super) type Output = (SmolStr, Span);

/// The names that a part of a statement sees, the innermost last.
#[derive(Clone, Default)]
pub(super) struct Scope {
    ctes: Vec<Source>,
    pub(super) sources: Vec<Source>,
    /// Parameters and variables of the function around it.
    pub(super) parameters: Vec<Output>,
    /// The function around it, which qualifies its parameters.
    pub(super) routine: Option<Signature>,
}

/// What columns can come from.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) name: SmolStr,
    /// Where an alias or CTE is declared; empty where the name is the relation's own.
    pub(super) declared: Span,
    pub(super) relation: Option<Id>,
    pub(super) columns: Vec<Output>,
}

impl Scope {
    /// Makes the columns of a relation visible under a name.
    pub(super) fn add(&mut self, name: &str, relation: Option<&Id>, declared: Span) {
        self.sources.push(Source {
            name: name.into(),
            declared,
            relation: relation.cloned(),
            columns: Vec::new(),
        });
    }

    /// The columns of one relation, under its own name.
    pub(super) fn of(relation: Option<&Id>) -> Self {
        let mut scope = Self::default();
        if let Some(id) = relation {
            scope.add(&id.name, Some(id), Span::default());
        }
        scope
    }
}

/// Whether somebody can name the columns that a query gives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    Kept,
    Unused,
}

impl Walker<'_> {
    pub(super) fn query(&mut self, query: &Query, scope: &Scope, names: Names) -> Vec<Output> {
        let mut scope = scope.clone();
        self.ctes(&query.ctes, &mut scope);
        let outputs = match &query.body {
            QueryBody::Select(select) => self.select(select, &mut scope, names),
            QueryBody::Set(left, right) => {
                let outputs = self.query(left, &scope, names);
                self.query(right, &scope, Names::Unused);
                outputs
            }
            QueryBody::Values(rows) => {
                self.exprs(rows.iter().flatten(), &scope);
                let width = rows.first().map_or(0, Vec::len);
                (1..=width)
                    .map(|at| (smol_str::format_smolstr!("column{at}"), query.span))
                    .collect()
            }
            QueryBody::Table(name) => {
                let source = self.source(name, None, &scope);
                self.star(&source)
            }
            QueryBody::Nested(inner) => self.query(inner, &scope, names),
            QueryBody::Opaque { relations, calls } => {
                for name in relations {
                    let source = self.source(name, None, &scope);
                    scope.sources.push(source);
                }
                calls.iter().for_each(|name| self.called(name, 0, Access::Read));
                Vec::new()
            }
        };
        // ORDER BY sees the columns that the query gives, too.
        scope.sources.insert(
            0,
            Source {
                name: SmolStr::default(),
                declared: Span::default(),
                relation: None,
                columns: outputs.clone(),
            },
        );
        self.exprs(&query.tail, &scope);
        outputs
    }

    pub(super) fn ctes(&mut self, ctes: &[Cte], scope: &mut Scope) {
        for cte in ctes {
            let given = |columns: Vec<Output>| {
                let mut columns = columns;
                for (at, ident) in cte.columns.iter().enumerate() {
                    let named = (ident.value.clone(), ident.span);
                    match columns.get_mut(at) {
                        Some(column) => *column = named,
                        None => columns.push(named),
                    }
                }
                columns
            };
            let mut source = Source {
                name: cte.name.value.clone(),
                declared: cte.name.span,
                relation: None,
                columns: given(self.peek_outputs(&cte.statement.node)),
            };
            self.push(
                cte.name.span,
                Symbol::Local(Local::Table, cte.name.span),
                Access::Declare,
            );
            for ident in &cte.columns {
                self.push(ident.span, Symbol::Local(Local::Column, ident.span), Access::Declare);
            }
            // A recursive one sees itself.
            let mut inside = scope.clone();
            inside.ctes.push(source.clone());
            let outputs = self.cte_statement(cte, &inside);
            if !outputs.is_empty() {
                source.columns = given(outputs);
            }
            scope.ctes.push(source);
        }
    }

    fn cte_statement(&mut self, cte: &Cte, scope: &Scope) -> Vec<Output> {
        use crate::sql::statement::Node;
        let names = if cte.columns.is_empty() {
            Names::Kept
        } else {
            Names::Unused
        };
        match &cte.statement.node {
            Node::Query(query) => self.query(query, scope, names),
            Node::Insert(insert) => self.insert(insert, scope, names),
            Node::Update(update) => self.update(update, scope, names),
            Node::Delete(delete) => self.delete(delete, scope, names),
            _ => {
                self.statement(&cte.statement, scope);
                Vec::new()
            }
        }
    }

    /// The columns of a CTE's first branch by name, for the branch that reads itself.
    fn peek_outputs(&self, node: &crate::sql::statement::Node) -> Vec<Output> {
        let crate::sql::statement::Node::Query(query) = node else {
            return Vec::new();
        };
        let mut body = &query.body;
        while let QueryBody::Set(left, _) | QueryBody::Nested(left) = body {
            body = &left.body;
        }
        let QueryBody::Select(select) = body else {
            return Vec::new();
        };
        select.items.iter().filter_map(item_output).collect()
    }

    fn select(&mut self, select: &Select, scope: &mut Scope, names: Names) -> Vec<Output> {
        let first = scope.sources.len();
        for item in &select.from {
            self.from(item, scope);
        }
        let outputs = self.items(&select.items, scope, first, names);
        if let Some(into) = &select.into {
            self.relation(into, Access::Declare);
        }
        self.exprs(select.filter.iter(), scope);
        let mut scope = scope.clone();
        scope.sources.insert(
            0,
            Source {
                name: SmolStr::default(),
                declared: Span::default(),
                relation: None,
                columns: outputs.clone(),
            },
        );
        self.exprs(&select.rest, &scope);
        outputs
    }

    /// A list of output columns; `first`: where the sources that a `*` gives begin.
    pub(super) fn items(&mut self, items: &[SelectItem], scope: &Scope, first: usize, names: Names) -> Vec<Output> {
        let mut outputs = Vec::new();
        for item in items {
            match item {
                SelectItem::Star(None) => {
                    for source in scope.sources.get(first..).unwrap_or_default() {
                        outputs.extend(self.star(source));
                    }
                }
                SelectItem::Star(Some(name)) => {
                    if let Some(source) = self.star_of(name, scope) {
                        outputs.extend(self.star(&source));
                    }
                }
                SelectItem::Expr { expr, alias } => {
                    self.expr(expr, scope);
                    if let Some(alias) = alias {
                        self.push(alias.span, Symbol::Local(Local::Column, alias.span), Access::Declare);
                    } else if names == Names::Kept {
                        self.mark_naming(expr);
                    }
                    outputs.extend(item_output(item));
                }
            }
        }
        outputs
    }

    /// Remembers that an output column has the name that is written here.
    fn mark_naming(&mut self, expr: &Expr) {
        let Some(span) = naming(expr) else { return };
        let end = expr.span.end;
        for mention in self.out.iter_mut().rev().filter(|mention| mention.span == span) {
            mention.names_output = Some(end);
        }
    }

    /// The columns that `source.*` gives.
    fn star(&self, source: &Source) -> Vec<Output> {
        match &source.relation {
            Some(id) => {
                let columns = self.find(|lookup| lookup.columns(id)).unwrap_or_default();
                columns.into_iter().map(|name| (name, Span::default())).collect()
            }
            None => source.columns.clone(),
        }
    }

    fn star_of(&mut self, name: &Name, scope: &Scope) -> Option<Source> {
        let wanted = &name.last().value;
        let source = scope
            .sources
            .iter()
            .rev()
            .find(|source| source.name == *wanted)?
            .clone();
        self.qualifier(name);
        self.source_name(name.last(), &source);
        Some(source)
    }

    /// An alias, or a relation's own name, where a column is qualified with it.
    fn source_name(&mut self, ident: &Ident, source: &Source) {
        if source.declared.is_empty() {
            match &source.relation {
                Some(id) => self.object(ident.span, Key::Relation(id.clone()), Access::Read),
                None => self.push(ident.span, Symbol::Unknown(Unknown::Relation), Access::Read),
            }
        } else {
            self.push(ident.span, Symbol::Local(Local::Table, source.declared), Access::Read);
        }
    }

    /// A relation or CTE behind FROM.
    fn source(&mut self, name: &Name, alias: Option<&Ident>, scope: &Scope) -> Source {
        let cte = scope
            .ctes
            .iter()
            .rev()
            .find(|cte| name.parts.len() == 1 && cte.name == name.last().value);
        let mut source = if let Some(cte) = cte {
            let cte = cte.clone();
            self.push(
                name.last().span,
                Symbol::Local(Local::Table, cte.declared),
                Access::Read,
            );
            cte
        } else {
            Source {
                name: name.last().value.clone(),
                declared: Span::default(),
                relation: self.relation(name, Access::Read),
                columns: Vec::new(),
            }
        };
        if let Some(alias) = alias {
            self.alias(alias);
            source.name = alias.value.clone();
            source.declared = alias.span;
        }
        source
    }

    pub(super) fn alias(&mut self, alias: &Ident) {
        self.push(alias.span, Symbol::Local(Local::Table, alias.span), Access::Declare);
    }

    pub(super) fn from(&mut self, item: &FromItem, scope: &mut Scope) {
        match item {
            FromItem::Relation {
                name, alias, columns, ..
            } => {
                let mut source = self.source(name, alias.as_ref(), scope);
                if !columns.is_empty() {
                    let mut given = self.star(&source);
                    self.rename_columns(&mut given, columns);
                    source.relation = None;
                    source.columns = given;
                }
                scope.sources.push(source);
            }
            FromItem::Function {
                calls, alias, columns, ..
            } => {
                self.exprs(calls, scope);
                let mut given = Vec::new();
                self.rename_columns(&mut given, columns);
                if let Some(alias) = alias {
                    self.alias(alias);
                    if given.is_empty() {
                        // A function that gives one column names it as the alias says.
                        given.push((alias.value.clone(), alias.span));
                    }
                    scope.sources.push(Source {
                        name: alias.value.clone(),
                        declared: alias.span,
                        relation: None,
                        columns: given,
                    });
                }
            }
            FromItem::Subquery {
                query, alias, columns, ..
            } => {
                let names = if columns.is_empty() { Names::Kept } else { Names::Unused };
                let mut given = self.query(query, scope, names);
                self.rename_columns(&mut given, columns);
                if let Some(alias) = alias {
                    self.alias(alias);
                }
                let (name, declared) = alias.as_ref().map_or((SmolStr::default(), query.span), |alias| {
                    (alias.value.clone(), alias.span)
                });
                scope.sources.push(Source {
                    name,
                    declared,
                    relation: None,
                    columns: given,
                });
            }
            FromItem::Join {
                left, right, using, on, ..
            } => {
                let first = scope.sources.len();
                self.from(left, scope);
                self.from(right, scope);
                for ident in using {
                    let sources: Vec<Source> = scope.sources.get(first..).unwrap_or_default().to_vec();
                    for source in &sources {
                        self.column_of(ident, source, Access::Read);
                    }
                }
                self.exprs(on.iter(), scope);
            }
        }
    }

    fn rename_columns(&mut self, given: &mut Vec<Output>, columns: &[Ident]) {
        for (at, ident) in columns.iter().enumerate() {
            self.push(ident.span, Symbol::Local(Local::Column, ident.span), Access::Declare);
            let named = (ident.value.clone(), ident.span);
            match given.get_mut(at) {
                Some(column) => *column = named,
                None => given.push(named),
            }
        }
    }

    /// The column of that name of a source, if it has one.
    fn column_of(&mut self, ident: &Ident, source: &Source, access: Access) -> bool {
        if let Some(id) = &source.relation {
            let has = self.find(|lookup| Self::has_column(lookup, id, &ident.value).then_some(()));
            if has.is_some() {
                self.object(ident.span, Key::Column(id.clone(), ident.value.clone()), access);
            }
            return has.is_some();
        }
        let Some((_, declared)) = source.columns.iter().find(|(name, _)| *name == ident.value) else {
            return false;
        };
        let symbol = if declared.is_empty() {
            Symbol::Unknown(Unknown::Column)
        } else {
            Symbol::Local(Local::Column, *declared)
        };
        self.push(ident.span, symbol, access);
        true
    }

    /// A column reference in an expression.
    pub(super) fn column_reference(&mut self, name: &Name, scope: &Scope) {
        let column = name.last();
        let Some(qualifier) = name.qualifier() else {
            return self.bare_column(column, scope);
        };
        let sources: Vec<Source> = scope
            .sources
            .iter()
            .rev()
            .filter(|source| source.name == qualifier.value)
            .cloned()
            .collect();
        let Some(first) = sources.first() else {
            if let Some(routine) = scope.routine.clone().filter(|own| own.id.name == qualifier.value)
                && let Some((_, declared)) = parameter(scope, &column.value)
            {
                self.object(qualifier.span, Key::Routine(routine), Access::Read);
                self.push(column.span, Symbol::Local(Local::Parameter, declared), Access::Read);
                return;
            }
            // `record.field` of a variable, or a table that is not in scope.
            if let Some((_, declared)) = parameter(scope, &qualifier.value) {
                self.push(qualifier.span, Symbol::Local(Local::Parameter, declared), Access::Read);
            }
            self.push(column.span, Symbol::Unknown(Unknown::Column), Access::Read);
            return;
        };
        if let Some(schema) = name.parts.len().checked_sub(3).and_then(|at| name.parts.get(at)) {
            self.schema(schema, Access::Read);
        }
        let is_row = matches!(qualifier.value.as_str(), "new" | "old");
        if !is_row {
            self.source_name(qualifier, first);
        }
        // NEW of a function that several tables' triggers run is a row of each of them.
        let mut found = false;
        for source in sources.iter().take(if is_row { sources.len() } else { 1 }) {
            found |= self.column_of(column, source, Access::Read);
        }
        if !found {
            self.push(column.span, Symbol::Unknown(Unknown::Column), Access::Read);
        }
    }

    fn bare_column(&mut self, column: &Ident, scope: &Scope) {
        let visible = |source: &&Source| !matches!(source.name.as_str(), "new" | "old");
        for source in scope.sources.iter().rev().filter(visible) {
            if self.column_of(column, source, Access::Read) {
                return;
            }
        }
        if let Some((_, declared)) = parameter(scope, &column.value) {
            self.push(column.span, Symbol::Local(Local::Parameter, declared), Access::Read);
        } else if let Some(source) = scope.sources.iter().rev().find(|source| source.name == column.value) {
            // The whole row.
            let source = source.clone();
            self.source_name(column, &source);
        } else {
            self.push(column.span, Symbol::Unknown(Unknown::Column), Access::Read);
        }
    }

    pub(super) fn exprs<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Expr>, scope: &Scope) {
        for expr in exprs {
            self.expr(expr, scope);
        }
    }

    pub(super) fn expr(&mut self, expr: &Expr, scope: &Scope) {
        match &expr.node {
            ExprNode::Column(name) => self.column_reference(name, scope),
            ExprNode::Star(Some(name)) => {
                self.star_of(name, scope);
            }
            ExprNode::Call { name, arguments, .. } => {
                self.called(name, arguments.len(), Access::Read);
                let takes_relation = ["nextval", "currval", "setval", "to_regclass"];
                let last = name.last().value.as_str();
                if let (true, Some(first)) = (takes_relation.contains(&last), arguments.first())
                    && let ExprNode::String(_) = first.node
                {
                    self.relation_in_string(first.span);
                }
            }
            ExprNode::Cast { expr: inner, ty } => {
                self.ty(ty);
                if ty.name.is("regclass") && matches!(inner.node, ExprNode::String(_)) {
                    self.relation_in_string(inner.span);
                }
            }
            ExprNode::Opaque { columns, calls } => {
                columns.iter().for_each(|name| self.column_reference(name, scope));
                calls.iter().for_each(|name| self.called(name, 0, Access::Read));
            }
            ExprNode::Subquery { query, exists } => {
                let names = if *exists { Names::Unused } else { Names::Kept };
                self.query(query, scope, names);
            }
            ExprNode::InSubquery { query, .. } => {
                self.query(query, scope, Names::Unused);
            }
            _ => {}
        }
        self.exprs(expr.children(), scope);
    }

    /// `'schema.name'::regclass`
    fn relation_in_string(&mut self, literal: Span) {
        let written = literal.slice(self.text);
        let Some(inner) = written.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) else {
            return;
        };
        if inner.contains('\'') {
            return;
        }
        let start = literal.start + 1;
        let mut parts = Vec::new();
        for lexeme in crate::sql::lexeme::lexemes(inner)
            .iter()
            .filter(|lexeme| lexeme.is_name())
        {
            parts.push(super::routine::ident(inner, lexeme.span, start));
        }
        if !parts.is_empty() {
            self.relation(&Name { parts }, Access::Read);
        }
    }
}

fn parameter(scope: &Scope, name: &str) -> Option<Output> {
    scope.parameters.iter().rev().find(|(known, _)| known == name).cloned()
}

/// The column that a select item gives, and where it gets its name.
fn item_output(item: &SelectItem) -> Option<Output> {
    let SelectItem::Expr { expr, alias } = item else {
        return None;
    };
    match alias {
        Some(alias) => Some((alias.value.clone(), alias.span)),
        None => Some((figure_column_name(expr)?, naming(expr).unwrap_or(expr.span))),
    }
}

/// The one name in an expression that an output column without an alias is called after.
fn naming(expr: &Expr) -> Option<Span> {
    match &expr.node {
        ExprNode::Column(name) | ExprNode::Call { name, .. } => Some(name.last().span),
        ExprNode::Cast { expr, .. } => naming(expr),
        ExprNode::Access { field: None, expr, .. } => naming(expr),
        _ => None,
    }
}
