use crate::lint::prelude::*;
use crate::schema::facts::volatility;
use crate::sql::statement::{ColumnConstraintKind, ExprNode, Volatility};

rule! {
    /// A unique column that is added with a constant default fails as soon as there are two rows.
    ///
    /// ## When
    /// `ALTER TABLE … ADD COLUMN … DEFAULT e UNIQUE` (or `PRIMARY KEY`), where `e` is the same for all rows: a constant, or
    /// something like `now()`. On a table that other sessions may be using. `DEFAULT NULL` is exempt: NULLs do not equal
    /// each other, unless `NULLS NOT DISTINCT` is written. Silent, too, about a table that the file has emptied before,
    /// with `TRUNCATE` or a `DELETE` without `WHERE`, and nothing has filled since.
    ///
    /// ## Why
    /// Every row that is there gets the same value, and PostgreSQL refuses the constraint with 23505. An empty table lets
    /// it pass, so that it fails in production first.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_code.sql
    /// alter table users add column code text default '' unique;
    /// ```
    ///
    /// ## Good
    /// ```sql runner=psql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_code.sql
    /// alter table users add column code text;
    /// -- 3_code.sql
    /// update users set code = 'user-' || id where code is null;
    /// -- 4_code.sql
    /// create unique index concurrently users_code_key on users (code);
    /// ```
    ///
    /// ## References
    /// - [ALTER TABLE](https://www.postgresql.org/docs/current/sql-altertable.html)
    /// - [Unique constraints](https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-CONSTRAINTS-UNIQUE-CONSTRAINTS)
    "add-column-unique-constant-default",
    category: Category::ConstraintValidation,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    for (column, busy) in cx.columns_added_to_rows() {
        let default = column.constraints.iter().find_map(|constraint| match &constraint.kind {
            ColumnConstraintKind::Default(expr) => Some(expr),
            _ => None,
        });
        let unique = column.constraints.iter().find_map(|constraint| match constraint.kind {
            ColumnConstraintKind::Unique { nulls_not_distinct } => Some((constraint, nulls_not_distinct)),
            ColumnConstraintKind::PrimaryKey => Some((constraint, true)),
            _ => None,
        });
        let Some((default, (constraint, nulls_equal))) = default.zip(unique) else {
            continue;
        };
        let found = volatility(default, cx.before(), cx.session(), cx.settings.postgres);
        let is_same = matches!(found, Some(Volatility::Immutable | Volatility::Stable));
        if !is_same || (is_null(&default.node) && !nulls_equal) {
            continue;
        }
        let table = busy.shown();
        let message = format!(
            "adding `{table}.{}` fails as soon as `{table}` has two rows: all get the same value, and it is unique",
            column.name
        );
        report
            .add(constraint.span, message)
            .help("Add the column alone, give every row a value of its own, and make it unique then.");
    }
}

fn is_null(expr: &ExprNode) -> bool {
    match expr {
        ExprNode::Null => true,
        ExprNode::Cast { expr, .. } => is_null(&expr.node),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn two_rows_cannot_have_the_same_value() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (name text);
-- 2_second.sql
alter table users add a text not null default 'x' unique;
--                                                ^^^^^^ warning: adding `users.a` fails as soon as `users` has two rows
alter table users add b timestamptz unique default now();
--                                  ^^^^^^ warning: adding `users.b` fails
alter table users add c uuid default gen_random_uuid() unique, add d text unique, add e text default 'x';
alter table users add f text default null::text unique;
alter table users add g int default unknown() unique;
create table posts (id int);
alter table posts add a text default 'x' unique;
",
        );
    }
}
