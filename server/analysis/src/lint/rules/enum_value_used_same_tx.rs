use std::collections::BTreeSet;

use smol_str::SmolStr;

use crate::lint::prelude::*;
use crate::schema::objects::{Origin, TypeKind};
use crate::sql::body;
use crate::sql::name::Name;
use crate::sql::statement::{
    AlterActionKind as Action, Assignment, ColumnConstraint, ColumnConstraintKind, ColumnDef, Expr, ExprNode, FromItem,
    FunctionBody, Query, QueryBody, SelectItem, Statement, TableConstraint, TableConstraintKind, TypeName,
};

rule! {
    /// A value that was added to an enum cannot be used before the transaction commits.
    ///
    /// ## When
    /// `ALTER TYPE … ADD VALUE`, and in the same transaction a statement that uses the value: as a constant of the type, in
    /// a default, check, index, view, policy or trigger condition, in the body of a function in SQL, or in rows that are
    /// written or searched. Bodies in PL/pgSQL are read when they run and are exempt; `DO` blocks run at once. The values
    /// of `CREATE TYPE … AS ENUM` can be used at once; from PostgreSQL 17 on, also those added to a type of the same
    /// transaction.
    ///
    /// ## Why
    /// PostgreSQL refuses it with 55P04, `unsafe use of new value`, and the whole transaction fails: a rollback could
    /// not take the value back out of an index that compares with it.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_orders.sql
    /// create type state as enum ('open', 'paid');
    /// create table orders (id bigint primary key, state state not null default 'open');
    /// -- 2_sent.sql
    /// alter type state add value 'sent';
    /// update orders set state = 'sent' where state = 'paid';
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_orders.sql
    /// create type state as enum ('open', 'paid');
    /// create table orders (id bigint primary key, state state not null default 'open');
    /// -- 2_sent.sql
    /// alter type state add value 'sent';
    /// -- 3_use_sent.sql
    /// update orders set state = 'sent' where state = 'paid';
    /// ```
    ///
    /// ## References
    /// - [ALTER TYPE](https://www.postgresql.org/docs/current/sql-altertype.html)
    "enum-value-used-same-tx",
    category: Category::Transaction,
    level: Level::Error,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

/// A value that the running transaction has added.
struct Fresh {
    ty: Id,
    value: SmolStr,
    created: Origin,
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let fresh = fresh(cx);
    if fresh.is_empty() {
        return;
    }
    let step = cx.step();
    let mut search = Search {
        cx,
        fresh: &fresh,
        columns: BTreeSet::new(),
        found: Vec::new(),
    };
    search.whole(step.statement);
    let mut found = search.found;
    found.sort_unstable();
    found.dedup();
    for (span, at) in found {
        let Fresh { ty, value, created } = &fresh[at];
        let message = format!(
            "`{value}` was added to `{}` in this transaction, and cannot be used before it commits",
            shown(ty)
        );
        report
            .add(span, message)
            .help("Use the value in a later migration.")
            .related(*created, "the value is added here");
    }
}

fn fresh(cx: &Cx<'_>) -> Vec<Fresh> {
    let transaction = cx.step().transaction;
    let mut out = Vec::new();
    // ALTER TYPE … ADD VALUE changes the type, so one that this transaction left alone has nothing fresh.
    for (id, ty) in cx.before().types_changed_in(transaction.id) {
        let TypeKind::Enum(labels) = &ty.kind else { continue };
        let created_here = ty.meta.created.transaction == transaction.id;
        let added = labels.iter().filter(|label| {
            label.created.transaction == transaction.id
                && label.created != ty.meta.created
                && !(created_here && cx.settings.postgres >= 17)
        });
        out.extend(added.map(|label| Fresh {
            ty: id.clone(),
            value: label.value.clone(),
            created: label.created,
        }));
    }
    out
}

struct Search<'a> {
    cx: &'a Cx<'a>,
    fresh: &'a [Fresh],
    /// Columns of a type with a fresh value that the statement can see: name and type.
    columns: BTreeSet<(SmolStr, Id)>,
    found: Vec<(Span, usize)>,
}

impl Search<'_> {
    fn whole(&mut self, statement: &Statement) {
        if let Some(target) = &self.cx.step().target {
            self.see_table(target);
        }
        self.statement(statement);
    }

    fn statement(&mut self, statement: &Statement) {
        match &statement.node {
            Node::CreateTable(create) => {
                for column in &create.columns {
                    if let Some(ty) = column.ty.as_ref().and_then(|ty| self.enum_of(ty)) {
                        self.columns.insert((column.name.value.clone(), ty));
                    }
                }
                create.columns.iter().for_each(|column| self.column(column));
                create
                    .constraints
                    .iter()
                    .for_each(|constraint| self.constraint(constraint));
            }
            Node::CreateTableAs(create) => self.query(&create.query),
            Node::CreateView(create) => self.query(&create.query),
            Node::AlterTable(alter) => {
                self.see(&alter.name);
                for action in &alter.actions {
                    match &action.kind {
                        Action::AddColumn { column, .. } => {
                            if let Some(ty) = column.ty.as_ref().and_then(|ty| self.enum_of(ty)) {
                                self.columns.insert((column.name.value.clone(), ty));
                            }
                            self.column(column);
                        }
                        Action::SetDefault { column, default } => {
                            let ty = self.column_type(&column.value);
                            self.value(default, ty.as_ref());
                        }
                        Action::AlterType {
                            using: Some(using), ty, ..
                        } => {
                            let ty = self.enum_of(ty);
                            self.value(using, ty.as_ref());
                        }
                        Action::AddConstraint(constraint) => self.constraint(constraint),
                        _ => {}
                    }
                }
            }
            Node::CreateIndex(create) => {
                self.see(&create.table);
                create.keys.iter().for_each(|key| self.expr(&key.expr));
                create.predicate.iter().for_each(|predicate| self.expr(predicate));
            }
            Node::CreatePolicy(create) => {
                self.see(&create.table);
                create
                    .using
                    .iter()
                    .chain(&create.check)
                    .for_each(|expr| self.expr(expr));
            }
            Node::AlterPolicy(alter) => {
                self.see(&alter.table);
                alter.using.iter().chain(&alter.check).for_each(|expr| self.expr(expr));
            }
            Node::CreateTrigger(create) => {
                self.see(&create.table);
                create.when.iter().for_each(|when| self.expr(when));
            }
            Node::CreateFunction(create) => {
                for param in &create.params {
                    let ty = self.enum_of(&param.ty);
                    param
                        .default
                        .iter()
                        .for_each(|default| self.value(default, ty.as_ref()));
                }
                let language = create
                    .options
                    .language
                    .as_ref()
                    .map_or("sql", |language| language.value.as_str());
                match &create.body {
                    Some(FunctionBody::Source(source)) if language.eq_ignore_ascii_case("sql") => {
                        for inner in body::statements(self.cx.text(), language, source).statements {
                            self.statement(&inner.statement);
                        }
                    }
                    Some(FunctionBody::Return(expr)) => self.expr(expr),
                    Some(FunctionBody::Atomic(statements)) => {
                        for statement in statements {
                            self.statement(statement);
                        }
                    }
                    _ => {}
                }
            }
            Node::Insert(insert) => {
                self.see(&insert.table);
                let types: Vec<Option<Id>> = if insert.columns.is_empty() {
                    self.columns_in_order(&insert.table)
                } else {
                    insert
                        .columns
                        .iter()
                        .map(|column| self.column_type(&column.value))
                        .collect()
                };
                if let Some(source) = &insert.source {
                    self.rows(source, &types);
                }
                if let Some(conflict) = &insert.on_conflict {
                    self.assignments(&conflict.update);
                    conflict.filter.iter().for_each(|filter| self.expr(filter));
                }
            }
            Node::Update(update) => {
                self.see(&update.table.name);
                update.from.iter().for_each(|item| self.from(item));
                self.assignments(&update.assignments);
                update.filter.iter().for_each(|filter| self.expr(filter));
            }
            Node::Delete(delete) => {
                self.see(&delete.table.name);
                delete.using.iter().for_each(|item| self.from(item));
                delete.filter.iter().for_each(|filter| self.expr(filter));
            }
            Node::Query(query) => self.query(query),
            _ => {}
        }
    }

    fn assignments(&mut self, assignments: &[Assignment]) {
        for assignment in assignments {
            let ty = self.column_type(&assignment.column.value);
            self.value(&assignment.value, ty.as_ref());
        }
    }

    /// Rows for columns of these types.
    fn rows(&mut self, query: &Query, types: &[Option<Id>]) {
        match &query.body {
            QueryBody::Values(rows) => {
                for row in rows {
                    for (at, value) in row.iter().enumerate() {
                        self.value(value, types.get(at).and_then(Option::as_ref));
                    }
                }
            }
            QueryBody::Select(select) => {
                self.query(query);
                for (at, item) in select.items.iter().enumerate() {
                    if let SelectItem::Expr { expr, .. } = item {
                        self.value(expr, types.get(at).and_then(Option::as_ref));
                    }
                }
            }
            _ => self.query(query),
        }
    }

    fn column(&mut self, column: &ColumnDef) {
        let ty = column.ty.as_ref().and_then(|ty| self.enum_of(ty));
        for ColumnConstraint { kind, .. } in &column.constraints {
            match kind {
                ColumnConstraintKind::Default(default) => self.value(default, ty.as_ref()),
                ColumnConstraintKind::Check { expr, .. } | ColumnConstraintKind::Generated { expr, .. } => {
                    self.expr(expr);
                }
                _ => {}
            }
        }
    }

    fn constraint(&mut self, constraint: &TableConstraint) {
        match &constraint.kind {
            TableConstraintKind::Check(expr) => self.expr(expr),
            TableConstraintKind::Exclude { predicate, .. } => predicate.iter().for_each(|expr| self.expr(expr)),
            _ => {}
        }
    }

    fn query(&mut self, query: &Query) {
        for cte in &query.ctes {
            self.statement(&cte.statement);
        }
        match &query.body {
            QueryBody::Select(select) => {
                select.from.iter().for_each(|item| self.from(item));
                for item in &select.items {
                    if let SelectItem::Expr { expr, .. } = item {
                        self.expr(expr);
                    }
                }
                select
                    .filter
                    .iter()
                    .chain(&select.rest)
                    .for_each(|expr| self.expr(expr));
            }
            QueryBody::Set(left, right) => {
                self.query(left);
                self.query(right);
            }
            QueryBody::Values(rows) => rows.iter().flatten().for_each(|expr| self.expr(expr)),
            QueryBody::Table(name) => self.see(name),
            QueryBody::Nested(query) => self.query(query),
            QueryBody::Opaque { .. } => {}
        }
        query.tail.iter().for_each(|expr| self.expr(expr));
    }

    fn from(&mut self, item: &FromItem) {
        match item {
            FromItem::Relation { name, .. } => self.see(name),
            FromItem::Function { calls, .. } => calls.iter().for_each(|call| self.expr(call)),
            FromItem::Subquery { query, .. } => self.query(query),
            FromItem::Join { left, right, on, .. } => {
                self.from(left);
                self.from(right);
                if let Some(on) = on {
                    self.expr(on);
                }
            }
        }
    }

    /// An expression whose result has the type `wanted`, if that is one of ours.
    fn value(&mut self, expr: &Expr, wanted: Option<&Id>) {
        match (&expr.node, wanted) {
            (ExprNode::String(value), Some(ty)) => self.string(expr.span, value, ty),
            (ExprNode::Case(parts), Some(_)) => {
                self.expr(expr);
                for part in parts {
                    self.value(part, wanted);
                }
            }
            (ExprNode::Call { name, arguments, .. }, Some(_)) if name.is("coalesce") || name.is("nullif") => {
                for argument in arguments {
                    self.value(argument, wanted);
                }
            }
            _ => self.expr(expr),
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.node {
            ExprNode::Cast { expr: inner, ty } => {
                let ty = self.enum_of(ty);
                if let (ExprNode::String(value), Some(ty)) = (&inner.node, &ty) {
                    self.string(inner.span, value, ty);
                }
                if let (ExprNode::Array(values), Some(ty)) = (&inner.node, &ty) {
                    for value in values {
                        self.value(value, Some(ty));
                    }
                }
            }
            ExprNode::Operator { operands, .. } => {
                // The other side of a comparison says which type a constant is of.
                let ty = operands.iter().find_map(|operand| self.type_of(operand));
                for operand in operands {
                    match &operand.node {
                        ExprNode::Array(values) | ExprNode::Row(values) => {
                            for value in values {
                                self.value(value, ty.as_ref());
                            }
                        }
                        _ => self.value(operand, ty.as_ref()),
                    }
                }
                return;
            }
            _ => {}
        }
        if let Some(query) = expr.query() {
            self.query(query);
        }
        for child in expr.children() {
            self.expr(child);
        }
    }

    fn string(&mut self, span: Span, value: &str, ty: &Id) {
        let at = self
            .fresh
            .iter()
            .position(|fresh| fresh.ty == *ty && fresh.value == value);
        if let Some(at) = at {
            self.found.push((span, at));
        }
    }

    fn type_of(&self, expr: &Expr) -> Option<Id> {
        match &expr.node {
            ExprNode::Column(name) => self.column_type(&name.last().value),
            ExprNode::Cast { ty, .. } => self.enum_of(ty),
            _ => None,
        }
    }

    /// The type with a fresh value that a written type names.
    fn enum_of(&self, ty: &TypeName) -> Option<Id> {
        let ids = self.fresh.iter().map(|fresh| &fresh.ty);
        let mut named = ids.filter(|id| {
            let schema = ty.name.qualifier();
            id.name == ty.name.last().value && schema.is_none_or(|schema| schema.value == id.schema)
        });
        named.next().cloned()
    }

    fn column_type(&self, column: &str) -> Option<Id> {
        let mut known = self.columns.iter().filter(|(name, _)| name == column);
        known.next().map(|(_, ty)| ty.clone())
    }

    /// Adds the columns of a table that the statement names.
    fn see(&mut self, name: &Name) {
        if let Some(id) = self.table(name) {
            self.see_table(&id);
        }
    }

    fn table(&self, name: &Name) -> Option<Id> {
        let path = &self.cx.session().search_path;
        let last = &name.last().value;
        let mut ids: Vec<Id> = match name.qualifier() {
            Some(schema) => vec![Id::new(&schema.value, last)],
            None => path.iter().map(|schema| Id::new(schema, last)).collect(),
        };
        ids.retain(|id| self.cx.before().table(id).is_some());
        ids.into_iter().next()
    }

    fn see_table(&mut self, id: &Id) {
        let columns = self.cx.before().table(id).map(|table| &table.columns);
        for column in columns.into_iter().flatten() {
            if self.fresh.iter().any(|fresh| fresh.ty == column.ty.id) {
                self.columns.insert((column.name.clone(), column.ty.id.clone()));
            }
        }
    }

    fn columns_in_order(&self, name: &Name) -> Vec<Option<Id>> {
        let id = self.table(name);
        let columns = id
            .and_then(|id| self.cx.before().table(&id))
            .map(|table| &table.columns);
        let columns = columns.into_iter().flatten();
        columns.map(|column| self.column_type(&column.name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn a_value_stays_fresh_when_its_type_is_renamed() {
        Case::new(&RULE).supabase().fires(
            "
-- 1_first.sql
create type state as enum ('open');
create table orders (id bigint primary key, state state not null default 'open');
-- 2_second.sql
alter type state add value 'sent';
alter type state rename to phase;
update orders set state = 'sent';
--                        ^^^^^^ error: `sent` was added to
",
        );
    }
    use crate::settings::Runner;

    const BASE: &str = "
-- 1_orders.sql
create type state as enum ('open', 'paid');
create table orders (id bigint primary key, state state not null default 'open', note text);
";

    #[track_caller]
    fn fires(sql: &str) {
        Case::new(&RULE).fires(&format!(
            "{BASE}-- 2_sent.sql\nalter type state add value 'sent';\n{sql}"
        ));
    }

    #[track_caller]
    fn silent(sql: &str) {
        Case::new(&RULE).silent(&format!(
            "{BASE}-- 2_sent.sql\nalter type state add value 'sent';\n{sql}"
        ));
    }

    #[test]
    fn constants_defaults_and_rows_are_uses() {
        fires(
            "
select 'sent'::state;
--     ^^^^^^ error: `sent` was added to `state` in this transaction, and cannot be used before it commits
alter table orders alter column state set default 'sent';
--                                                ^^^^^^ error: `sent`
insert into orders values (1, 'sent', 'sent'), (2, 'open', 'sent');
--                            ^^^^^^ error: `sent`
insert into orders (note, state) select 'sent', 'sent';
--                                              ^^^^^^ error
update orders set state = case when note = 'sent' then 'sent' else 'paid' end where state in ('open', 'sent');
--                                                     ^^^^^^ error
--                                                                                                    ^^^^^^ error
delete from orders where state <> 'sent' and note = 'sent';
--                                ^^^^^^ error
create table more (state state default 'sent' check (state = any (array['sent', 'open']::state[])));
--                                     ^^^^^^ error
--                                                                      ^^^^^^ error
",
        );
    }

    #[test]
    fn definitions_are_uses() {
        fires(
            "
create index on orders (id) where state = 'sent';
--                                        ^^^^^^ error
alter table orders add check (state <> 'sent');
--                                     ^^^^^^ error
create policy p on orders using (state = 'sent');
--                                       ^^^^^^ error
create view sent as select * from orders where orders.state = 'sent';
--                                                            ^^^^^^ error
create function f() returns bigint language sql as $$ select id from orders where state = 'sent' $$;
--                                                                                        ^^^^^^ error
do $$ begin update orders set state = 'sent'; end $$;
--                                    ^^^^^^ error
",
        );
    }

    #[test]
    fn other_values_text_and_plpgsql_are_exempt() {
        silent(
            "
update orders set state = 'paid', note = 'sent' where note = 'sent';
create function f() returns void language plpgsql as $$ begin update orders set state = 'sent'; end $$;
create table texts (state text default 'sent');
",
        );
    }

    #[test]
    fn another_transaction_is_exempt() {
        let sql = format!("{BASE}-- 2_sent.sql\nalter type state add value 'sent';\nselect 'sent'::state;");
        Case::new(&RULE).runner(Runner::Psql).silent(&sql);
        silent("-- 3_use.sql\nselect 'sent'::state;");
        Case::new(&RULE)
            .supabase()
            .fires(&format!("{sql}\n--     ^^^^^^ error"));
    }

    #[test]
    fn a_type_of_the_same_transaction_is_exempt_from_postgresql_17_on() {
        let sql = "
create type state as enum ('open');
select 'open'::state;
alter type state add value 'sent';
select 'sent'::state;
--     ^^^^^^ error: `sent`
";
        Case::new(&RULE).postgres(16).fires(sql);
        Case::new(&RULE).postgres(17).silent(sql);
    }
}
