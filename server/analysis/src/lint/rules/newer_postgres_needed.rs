use crate::lint::prelude::*;
use crate::schema::facts::builtin_volatility;
use crate::sql::statement::{
    ColumnConstraint, ColumnConstraintKind, Expr, ExprNode, TableConstraint, TableConstraintKind,
};

rule! {
    /// The statement needs a newer PostgreSQL than the one that the project runs on.
    ///
    /// ## When
    /// `MERGE`, `security_invoker`, `NULLS NOT DISTINCT`, `SET ACCESS METHOD`, publications of schemas, columns or
    /// filtered rows before PostgreSQL 15; `SET EXPRESSION` before 17; virtual generated columns, `NOT ENFORCED`, named
    /// `NOT NULL` constraints, and functions such as `uuidv7()` in a default before 18. The version is `postgres` of
    /// `dblsp.toml`, or `[db] major_version` of `supabase/config.toml`, or 15.
    ///
    /// ## Why
    /// The older server does not know it: 42601, a syntax error, or 22023 or 42883 for options and functions.
    ///
    /// ## Bad
    /// ```sql postgres=16
    /// create table users (id uuid primary key default uuidv7(), name text);
    /// ```
    ///
    /// ## Good
    /// ```sql postgres=16
    /// create table users (id uuid primary key default gen_random_uuid(), name text);
    /// ```
    ///
    /// ## References
    /// - [Release notes](https://www.postgresql.org/docs/release/)
    "newer-postgres-needed",
    category: Category::Syntax,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let mut needs = Vec::new();
    gather(cx, &mut needs);
    for (span, what, major) in needs {
        if cx.settings.postgres >= major {
            continue;
        }
        report
            .add(
                span,
                format!(
                    "{what} needs PostgreSQL {major}, and the project runs on {}",
                    cx.settings.postgres
                ),
            )
            .help("Write it in another way, or set the version that the project runs on.");
    }
}

type Need = (Span, String, u16);

fn gather(cx: &Cx<'_>, needs: &mut Vec<Need>) {
    let statement = cx.step().statement;
    let head = |text: &str| {
        let first = cx.source(statement.span).get(..text.len());
        let is_head = first.is_some_and(|first| first.eq_ignore_ascii_case(text));
        let length = if is_head { text.len() } else { statement.span.len() };
        Span::new(statement.span.start as usize, statement.span.start as usize + length)
    };
    match &statement.node {
        Node::Merge(_) => needs.push((head("merge"), "`merge`".to_owned(), 15)),
        Node::CreateView(create) => {
            let invoker = create.options.iter().find(|option| option.name == "security_invoker");
            needs.extend(invoker.map(|option| (option.span, "`security_invoker`".to_owned(), 15)));
        }
        Node::CreateIndex(create) if create.nulls_not_distinct => {
            needs.push((create.table.span(), "`nulls not distinct`".to_owned(), 15));
        }
        Node::CreatePublication(create) => {
            let partial = create
                .tables
                .iter()
                .any(|table| !table.columns.is_empty() || table.filter.is_some());
            if partial || !create.schemas.is_empty() {
                let what = "publishing schemas, columns or filtered rows".to_owned();
                needs.push((create.name.span, what, 15));
            }
        }
        Node::CreateTable(create) => {
            for column in &create.columns {
                column
                    .constraints
                    .iter()
                    .for_each(|constraint| of_column(cx, constraint, needs));
            }
            create
                .constraints
                .iter()
                .for_each(|constraint| of_table(constraint, needs));
        }
        Node::AlterTable(alter) => {
            for action in &alter.actions {
                match &action.kind {
                    AlterActionKind::AddColumn { column, .. } => {
                        column
                            .constraints
                            .iter()
                            .for_each(|constraint| of_column(cx, constraint, needs));
                    }
                    AlterActionKind::SetDefault { default, .. } => calls(cx, default, needs),
                    AlterActionKind::AddConstraint(constraint) => of_table(constraint, needs),
                    AlterActionKind::SetExpression { .. } => {
                        needs.push((action.span, "`set expression`".to_owned(), 17));
                    }
                    AlterActionKind::SetAccessMethod(_) => {
                        needs.push((action.span, "`set access method`".to_owned(), 15));
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

fn of_column(cx: &Cx<'_>, constraint: &ColumnConstraint, needs: &mut Vec<Need>) {
    match &constraint.kind {
        ColumnConstraintKind::Generated { stored: false, .. } => {
            needs.push((constraint.span, "a virtual generated column".to_owned(), 18));
        }
        ColumnConstraintKind::Unique {
            nulls_not_distinct: true,
        } => {
            needs.push((constraint.span, "`nulls not distinct`".to_owned(), 15));
        }
        ColumnConstraintKind::Default(expr) => calls(cx, expr, needs),
        _ => {}
    }
}

fn of_table(constraint: &TableConstraint, needs: &mut Vec<Need>) {
    if constraint.not_enforced {
        needs.push((constraint.span, "`not enforced`".to_owned(), 18));
    }
    match &constraint.kind {
        TableConstraintKind::Unique {
            nulls_not_distinct: true,
            ..
        } => needs.push((constraint.span, "`nulls not distinct`".to_owned(), 15)),
        TableConstraintKind::NotNull(_) => needs.push((constraint.span, "a NOT NULL table constraint".to_owned(), 18)),
        _ => {}
    }
}

/// Built-in functions that this version does not have, unless the history or the search path may have one.
fn calls(cx: &Cx<'_>, expr: &Expr, needs: &mut Vec<Need>) {
    if let ExprNode::Call { name, .. } = &expr.node {
        let function = name.last().as_str();
        let is_builtin = name.qualifier().is_none_or(|schema| schema.value == "pg_catalog");
        let is_there = |major| builtin_volatility(function, major).is_some();
        let own = cx
            .before()
            .routines
            .keys()
            .any(|signature| signature.id.name == function);
        let first = (cx.settings.postgres + 1..=18).find(|major| is_there(*major));
        if let Some(first) = first.filter(|_| is_builtin && !is_there(cx.settings.postgres) && !own) {
            needs.push((expr.span, format!("`{function}()`"), first));
        }
    }
    expr.children().into_iter().for_each(|child| calls(cx, child, needs));
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    const SQL: &str = "
-- 1_first.sql
create table a (id uuid default uuidv7(), b int, c int generated always as (b + 1) virtual);
--                              ^^^^^^^^ warning: `uuidv7()` needs PostgreSQL 18, and the project runs on 14
--                                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: a virtual generated column needs PostgreSQL 18
create view v with (security_invoker = true) as select id from a;
--                  ^^^^^^^^^^^^^^^^^^^^^^^ warning: `security_invoker` needs PostgreSQL 15
alter table a add constraint u unique nulls not distinct (b);
--                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: `nulls not distinct` needs PostgreSQL 15
  merge into a using a as s on a.id = s.id when matched then delete;
--^^^^^ warning: `merge` needs PostgreSQL 15
alter table a add constraint k check (b > 0) not enforced;
--                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: `not enforced` needs PostgreSQL 18
create table d (id uuid default gen_random_uuid());
";

    #[test]
    fn the_server_does_not_know_it() {
        Case::new(&RULE).postgres(14).fires(SQL);
        let plain: Vec<&str> = SQL.lines().filter(|line| !line.contains('^')).collect();
        Case::new(&RULE).postgres(18).silent(&plain.join("\n"));
    }

    #[test]
    fn a_function_of_ones_own_is_no_newer_one() {
        Case::new(&RULE).silent(
            "
create function uuidv7() returns uuid language sql as 'select gen_random_uuid()';
create table a (id uuid default uuidv7());
",
        );
    }
}
