use crate::lint::prelude::*;
use crate::schema::objects::Relation;
use crate::sql::statement::{Expr, ExprNode, FromItem, Query, QueryBody, SelectItem};

rule! {
    /// A policy calls a function of the session for every row, although its result never changes.
    ///
    /// ## When
    /// After the last migration, a policy calls `auth.uid()`, `auth.jwt()`, `auth.role()`, `auth.email()` or
    /// `current_setting('…')` outside of a subquery of its own. `(select auth.uid())` is exempt.
    ///
    /// ## Why
    /// PostgreSQL asks the policy about every row that a query reads, and calls the function each time. Its result is the
    /// same all through the query; in a subquery without other names PostgreSQL computes it once. On large tables that is
    /// the difference between milliseconds and seconds.
    ///
    /// ## Bad
    /// ```sql supabase
    /// -- 1_notes.sql
    /// create table notes (id bigint primary key, owner uuid);
    /// alter table notes enable row level security;
    /// create policy own on notes to authenticated using (owner = auth.uid()) with check (owner = auth.uid());
    /// ```
    ///
    /// ## Good
    /// ```sql supabase
    /// -- 1_notes.sql
    /// create table notes (id bigint primary key, owner uuid);
    /// alter table notes enable row level security;
    /// create policy own on notes to authenticated
    ///   using (owner = (select auth.uid())) with check (owner = (select auth.uid()));
    /// ```
    ///
    /// ## Fix
    /// Puts the call into a subquery: `(select auth.uid())`. The policy stays the same.
    ///
    /// ## References
    /// - [Row level security performance](https://supabase.com/docs/guides/database/postgres/row-level-security#call-functions-with-select)
    /// - [Row security policies](https://www.postgresql.org/docs/current/ddl-rowsecurity.html)
    "policy-calls-per-row",
    category: Category::Style,
    level: Level::Info,
    fix: FixKind::Safe,
    since: "0.1.0",
    check: Check::Relation(check),
}

fn check(cx: &Cx<'_>, id: &Id, relation: &Relation, report: &mut Report) {
    for found in cx.policies_of(id, relation) {
        let text = cx.text_of(found.number);
        let written = [
            found.create.using.as_ref().zip(found.policy.using.as_deref()),
            found.create.check.as_ref().zip(found.policy.check.as_deref()),
        ];
        for (expr, last) in written.into_iter().flatten() {
            // ALTER POLICY may have changed it since.
            if expr.span != last.span {
                continue;
            }
            let mut calls = Vec::new();
            collect(expr, &mut calls);
            for call in calls {
                let words = call.span.slice(text);
                let message = format!("`{words}` is called for every row of `{}`", shown(found.id));
                report
                    .add(call.span, message)
                    .in_migration(found.number)
                    .help("Put the call into a subquery, which runs once per query.")
                    .fix(
                        FixKind::Safe,
                        "Call it once per query",
                        vec![replace(call.span, format!("(select {words})"))],
                    );
            }
        }
    }
}

/// The calls that are not in a subquery of their own.
fn collect<'e>(expr: &'e Expr, found: &mut Vec<&'e Expr>) {
    if is_of_session(expr) {
        return found.push(expr);
    }
    if let Some(query) = expr.query() {
        in_query(query, found);
    }
    expr.children().into_iter().for_each(|child| collect(child, found));
}

fn in_query<'e>(query: &'e Query, found: &mut Vec<&'e Expr>) {
    match &query.body {
        QueryBody::Select(select) => {
            let items = select.items.iter().filter_map(|item| match item {
                SelectItem::Expr { expr, .. } => Some(expr),
                SelectItem::Star(_) => None,
            });
            // A subquery that reads no table runs once, whatever is in it.
            if !select.from.is_empty() {
                items.for_each(|item| collect(item, found));
                select.from.iter().for_each(|item| in_source(item, found));
                select.filter.iter().for_each(|filter| collect(filter, found));
            }
        }
        QueryBody::Set(left, right) => {
            in_query(left, found);
            in_query(right, found);
        }
        QueryBody::Nested(inner) => in_query(inner, found),
        _ => {}
    }
}

fn in_source<'e>(item: &'e FromItem, found: &mut Vec<&'e Expr>) {
    match item {
        FromItem::Join { left, right, on, .. } => {
            in_source(left, found);
            in_source(right, found);
            on.iter().for_each(|on| collect(on, found));
        }
        FromItem::Subquery { query, .. } => in_query(query, found),
        _ => {}
    }
}

/// Whether it is one of the functions whose result is that of the session, with constants for arguments.
fn is_of_session(expr: &Expr) -> bool {
    let ExprNode::Call { name, arguments, .. } = &expr.node else {
        return false;
    };
    let constant = |argument: &Expr| matches!(argument.node, ExprNode::String(_) | ExprNode::Bool(_));
    let schema = name.qualifier().map(|schema| schema.value.as_str());
    let known = matches!(
        (schema, name.last().value.as_str()),
        (Some("auth"), "uid" | "jwt" | "role" | "email") | (None | Some("pg_catalog"), "current_setting")
    );
    known && arguments.iter().all(constant)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn a_call_outside_of_a_subquery_runs_for_every_row() {
        Case::new(&RULE).supabase().fires(
            "
-- 1_first.sql
create table a (id int, owner uuid);
create table members (user_id uuid, a_id int);
create policy p1 on a using (owner = auth.uid() and (auth.jwt() ->> 'x') = 'y');
--                                   ^^^^^^^^^^ info: `auth.uid()` is called for every row of `a`
--                                                   ^^^^^^^^^^ info: `auth.jwt()` is called
create policy p2 on a using (exists (select 1 from members m where m.a_id = id and m.user_id = auth.uid()));
--                                                                                             ^^^^^^^^^^ info: `auth.uid()` is called
create policy p3 on a using (owner::text = current_setting('app.user', true));
--                                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: `current_setting('app.user', true)` is called
create policy p4 on a using (owner = (select auth.uid()) and ((select auth.jwt()) ->> 'x') = 'y');
create policy p5 on a using (owner = (select auth.uid() as me));
create policy p6 on a using (is_member(id));
create policy p7 on a using (owner = auth.uid());
-- 2_second.sql
drop policy p7 on a;
",
        );
    }

    #[test]
    fn the_fix_makes_a_subquery_of_it() {
        Case::new(&RULE).supabase().fixed(
            "
-- 1_a.sql
create table a (id int, owner uuid);
create policy p on a using (owner::text = auth.uid()::text);
",
            "
-- 1_a.sql
create table a (id int, owner uuid);
create policy p on a using (owner::text = (select auth.uid())::text);
",
        );
    }
}
