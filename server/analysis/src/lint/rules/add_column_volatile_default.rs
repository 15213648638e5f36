use crate::lint::context::remove;
use crate::lint::prelude::*;
use crate::schema::facts::volatility;
use crate::schema::objects::TableKind;
use crate::sql::statement::{ColumnConstraint, ColumnConstraintKind, ColumnDef, Volatility};

rule! {
    /// Adding a column with a volatile default writes the whole table again.
    ///
    /// ## When
    /// `ALTER TABLE … ADD COLUMN … DEFAULT e` on a table that other sessions may be using, where `e` is volatile as a
    /// whole: it calls `gen_random_uuid()`, `random()`, `clock_timestamp()`, `nextval()`, …, or a function of the
    /// migrations that is declared `VOLATILE` (as every function is that does not say otherwise). Constants, `now()`,
    /// `current_timestamp`, `current_user` and everything else that is stable within a statement is exempt; so are
    /// functions written in SQL, which PostgreSQL may inline to something harmless, and functions that no migration
    /// creates. Silent, too, about a table that the file has emptied before, with `TRUNCATE` or a `DELETE` without `WHERE`,
    /// and nothing has filled since.
    ///
    /// ## Why
    /// A default that is the same for all rows is stored once, in the catalog. A volatile one has another value in every
    /// row, so PostgreSQL writes the table and all its indexes again, and holds an ACCESS EXCLUSIVE lock all the while:
    /// nobody reads or writes the table until it is done.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_token.sql
    /// alter table users add column token uuid default gen_random_uuid();
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_token.sql
    /// alter table users add column token uuid;
    /// alter table users alter column token set default gen_random_uuid();
    /// ```
    ///
    /// ## Fix
    /// Adds the column without the default (and without `NOT NULL`) and sets the default afterwards, for new rows only.
    /// What remains: fill the old rows in batches, each in a transaction of its own; then `NOT NULL` as
    /// [set-not-null](set-not-null.md) shows.
    ///
    /// ## References
    /// - [ALTER TABLE, notes](https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES)
    /// - [Function volatility categories](https://www.postgresql.org/docs/current/xfunc-volatility.html)
    "add-column-volatile-default",
    category: Category::Rewrite,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::AlterTable(alter) = &cx.step().statement.node else {
        return;
    };
    let Some(busy) = cx.busy_target() else { return };
    if busy.table.kind == TableKind::Foreign || cx.is_emptied(busy.id) {
        return;
    }
    for action in &alter.actions {
        let AlterActionKind::AddColumn { column, .. } = &action.kind else {
            continue;
        };
        let Some((constraint, default)) = default_of(column) else {
            continue;
        };
        if cx.had_column(busy.id, &column.name.value) {
            continue;
        }
        let found = volatility(default, cx.before(), cx.session(), cx.settings.postgres);
        if found != Some(Volatility::Volatile) {
            continue;
        }
        let table = busy.shown();
        let message = format!(
            "adding `{table}.{}` rewrites `{table}`, since its default is volatile: reads and writes of it wait under an \
             ACCESS EXCLUSIVE lock",
            column.name
        );
        let finding = report.add(default.span, message);
        finding.help("Add the column without the default, set the default afterwards, and fill old rows in batches.");
        let Some(mut edits) = without_default(cx, column, constraint) else {
            continue;
        };
        let set_default = format!(
            "{} {} {} {} {} {}",
            cx.cased(";\nalter table"),
            cx.source(alter.name.span()),
            cx.cased("alter column"),
            cx.source(column.name.span),
            cx.cased("set default"),
            cx.source(default.span),
        );
        edits.push(insert(cx.step().statement.span.end, set_default));
        finding.fix(FixKind::Review, "Set the default after the column was added", edits);
    }
}

fn default_of(column: &ColumnDef) -> Option<(&ColumnConstraint, &crate::sql::statement::Expr)> {
    column.constraints.iter().find_map(|constraint| match &constraint.kind {
        ColumnConstraintKind::Default(expr) => Some((constraint, &**expr)),
        _ => None,
    })
}

/// Takes the default out, and NOT NULL, which old rows could not meet without it.
fn without_default(
    cx: &Cx<'_>,
    column: &ColumnDef,
    default: &ColumnConstraint,
) -> Option<Vec<crate::lint::diagnostic::Edit>> {
    let is_key = |constraint: &ColumnConstraint| matches!(constraint.kind, ColumnConstraintKind::PrimaryKey);
    if !cx.is_editable() || column.constraints.iter().any(is_key) {
        return None;
    }
    let taken_out = column.constraints.iter().filter(|constraint| {
        constraint.span == default.span || matches!(constraint.kind, ColumnConstraintKind::NotNull)
    });
    Some(taken_out.map(|constraint| remove(cx.text(), constraint.span)).collect())
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn a_volatile_default_rewrites_and_a_stable_one_does_not() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key);
create function token() returns text language plpgsql as $$ begin return md5(random()::text); end $$;
create function name() returns text language plpgsql stable as $$ begin return 'x'; end $$;
create function two() returns int language sql as $$ select 2 $$;
-- 2_second.sql
alter table users add column a uuid default gen_random_uuid(), add column b timestamptz default now();
--                                          ^^^^^^^^^^^^^^^^^ warning: adding `users.a` rewrites `users`, since its default is volatile: reads and writes of it wait under an ACCESS EXCLUSIVE lock
alter table users add c text default random()::text;
--                                   ^^^^^^^^^^^^^^ warning: adding `users.c` rewrites
alter table users add d text default token();
--                                   ^^^^^^^ warning: adding `users.d` rewrites
alter table users add e text default name(), add f int default two(), add g int default 5;
alter table users add h timestamp default now() at time zone 'utc', add i text default current_user;
alter table users add j int default unknown_function(), add k jsonb default '{}', add l int default null;
",
        );
    }

    #[test]
    fn new_temporary_and_foreign_tables_are_exempt() {
        Case::new(&RULE).silent(
            "
-- 1_first.sql
create table users (id bigint primary key);
alter table users add column token uuid default gen_random_uuid();
create foreign table elsewhere (id bigint) server s;
-- 2_second.sql
create table posts (id bigint primary key);
alter table posts add column token uuid default gen_random_uuid();
create temp table scratch (id bigint);
alter table scratch add column token uuid default gen_random_uuid();
alter table elsewhere add column token uuid default gen_random_uuid();
",
        );
    }

    #[test]
    fn a_column_that_is_there_already_is_not_added() {
        Case::new(&RULE).silent(
            "
-- 1_first.sql
create table users (id bigint primary key, token uuid);
-- 2_second.sql
alter table users add column if not exists token uuid default gen_random_uuid();
do $$ begin
  alter table users add column token uuid default gen_random_uuid();
exception when duplicate_column then null; end $$;
",
        );
    }

    #[test]
    fn the_functions_are_those_of_the_version() {
        let sql = "
alter table users add column token uuid default uuidv7();
--                                              ^^^^^^^^ warning: adding `users.token` rewrites
";
        Case::new(&RULE).postgres(18).fires(sql);
        Case::new(&RULE).postgres(17).silent(sql);
    }

    #[test]
    fn the_fix_sets_the_default_afterwards() {
        Case::new(&RULE).fixed(
            "ALTER TABLE app.users ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();",
            "ALTER TABLE app.users ADD COLUMN token uuid;\nALTER TABLE app.users ALTER COLUMN token SET DEFAULT gen_random_uuid();",
        );
    }
}
