use crate::lint::context::noun;
use crate::lint::prelude::*;
use crate::schema::step::ProblemKind;
use crate::sql::statement::ObjectKind;

rule! {
    /// The statement names an object that nothing has created, so PostgreSQL refuses it.
    ///
    /// ## When
    /// A table, column, type, function, schema, … is neither made by the history before this statement nor part of what the
    /// database holds at its start. Silent where the history does not begin with an empty database, where a statement that
    /// nobody can read may have made it, inside of guards (`if exists`, conditions and handlers of `DO` blocks), for
    /// schemas that Supabase or an extension fills, and for the tables that migration tools make for themselves.
    ///
    /// ## Why
    /// The migration fails with 42P01, 42703, 42704, 42883 or 3F000. It may have worked where somebody made the object by
    /// hand: then the history no longer builds that database.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_index.sql
    /// create index on users (email);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, email text);
    /// -- 2_index.sql
    /// create index on users (email);
    /// ```
    ///
    /// ## References
    /// - [Error codes](https://www.postgresql.org/docs/current/errcodes-appendix.html)
    "unknown-object",
    category: Category::Coupling,
    level: Level::Error,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

/// Tables that migration tools make before the first migration.
const BOOKKEEPING: &[&str] = &[
    "__diesel_schema_migrations",
    "_prisma_migrations",
    "_sqlx_migrations",
    "flyway_schema_history",
    "goose_db_version",
    "schema_migrations",
];

fn check(cx: &Cx<'_>, report: &mut Report) {
    let problems = &cx.step().problems;
    // Where the schema is missing, so is everything in it.
    let schemas: Vec<Span> = problems
        .iter()
        .filter(|problem| {
            matches!(
                problem.kind,
                ProblemKind::Missing {
                    kind: ObjectKind::Schema,
                    ..
                }
            )
        })
        .map(|problem| problem.span)
        .collect();
    for problem in problems {
        let ProblemKind::Missing { kind, name } = &problem.kind else {
            continue;
        };
        if schemas
            .iter()
            .any(|schema| *schema != problem.span && problem.span.contains(*schema))
        {
            continue;
        }
        if BOOKKEEPING.contains(&name.as_str()) {
            continue;
        }
        let noun = noun(*kind);
        report
            .add(
                problem.span,
                format!("{noun} `{name}` does not exist here, so the migration fails"),
            )
            .help("Create it in an earlier statement, or correct the name.");
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn what_nothing_has_made_is_reported() {
        Case::new(&RULE).fires(
            "
-- 1_users.sql
create table users (id bigint primary key);
-- 2_more.sql
create index on users (email);
--                     ^^^^^ error: column `…
alter table posts add column id int;
--          ^^^^^ error: table `posts` does not exist here
comment on table gone.users is 'x';
--               ^^^^ error: schema `gone`…
",
        );
    }

    #[test]
    fn what_was_dropped_or_renamed_is_gone() {
        Case::new(&RULE).fires(
            "
-- 1_users.sql
create table users (id bigint primary key);
alter table users rename to people;
-- 2_more.sql
alter table users add column name text;
--          ^^^^^ error: table `users` does not exist here
",
        );
    }

    #[test]
    fn an_unknown_history_an_unreadable_statement_and_guards_are_exempt() {
        Case::new(&RULE).silent("alter table users add column name text;");
        Case::new(&RULE).silent(
            "
-- 1_users.sql
do $$ begin execute some_text(); end $$;
alter table users add column name text;
",
        );
        Case::new(&RULE).silent(
            "
-- 1_users.sql
alter table if exists users add column name text;
drop table if exists users;
do $$ begin
  if exists (select from pg_class where relname = 'users') then
    alter table users add column name text;
  end if;
end $$;
",
        );
    }

    #[test]
    fn system_catalogs_and_tables_of_migration_tools_are_there() {
        Case::new(&RULE).silent(
            "
-- 1_users.sql
create table users (id bigint primary key);
-- 2_more.sql
update pg_index set indisready = false;
alter table __diesel_schema_migrations add column note text;
",
        );
    }

    #[test]
    fn managed_schemas_are_not_ours_to_know() {
        Case::new(&RULE).supabase().silent(
            "
-- 1_users.sql
create table profiles (id uuid primary key references auth.users (id));
create policy x on storage.objects using (bucket_id = 'a');
select cron.schedule('x', '* * * * *', 'select 1');
",
        );
    }
}
