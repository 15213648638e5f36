use crate::lint::context::noun;
use crate::lint::prelude::*;
use crate::schema::catalog::Catalog;
use crate::schema::objects::{Certainty, Origin};
use crate::schema::step::ProblemKind;

rule! {
    /// The statement creates what an earlier one has created, so PostgreSQL refuses it.
    ///
    /// ## When
    /// A table, column, type, function, policy, … of that name is there already and `IF NOT EXISTS` or `OR REPLACE` is not
    /// written. Silent where nobody was seen to create it, where dynamic SQL may have dropped it since, and inside of
    /// guards.
    ///
    /// ## Why
    /// The migration fails with 42P07, 42701, 42710, 42723 or 42P06, on every database that has run the earlier one.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_users_again.sql
    /// create table users (id uuid primary key);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_more.sql
    /// alter table users add column key uuid;
    /// ```
    ///
    /// ## References
    /// - [Error codes](https://www.postgresql.org/docs/current/errcodes-appendix.html)
    "already-exists",
    category: Category::Coupling,
    level: Level::Error,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    for problem in &cx.step().problems {
        let ProblemKind::Exists { kind, name, created } = &problem.kind else {
            continue;
        };
        let certainty = cx.before().since(certainty_of(cx.before(), *created), *created);
        if !certainty.is_certain() {
            continue;
        }
        let noun = noun(*kind);
        report
            .add(
                problem.span,
                format!("{noun} `{name}` exists already, so the migration fails"),
            )
            .help("Leave the statement out, or change what is there.")
            .related(*created, "it was made here");
    }
}

/// How sure it is that what was made there is there.
fn certainty_of(catalog: &Catalog, created: Origin) -> Certainty {
    let relation = catalog.relations.values().find(|found| found.meta.created == created);
    let meta = relation
        .map(|found| &found.meta)
        .or_else(|| {
            let mut routines = catalog.routines.values();
            routines
                .find(|found| found.meta.created == created)
                .map(|found| &found.meta)
        })
        .or_else(|| {
            let mut types = catalog.types.values();
            types
                .find(|found| found.meta.created == created)
                .map(|found| &found.meta)
        });
    if let Some(meta) = meta {
        return meta.certainty;
    }
    let parts = catalog.tables().flat_map(|(_, _, table)| {
        let columns = table.columns.iter().map(|part| (part.created, part.certainty));
        let constraints = table.constraints.iter().map(|part| (part.created, part.certainty));
        let triggers = table.triggers.iter().map(|part| (part.created, part.certainty));
        let policies = table.policies.iter().map(|part| (part.created, part.certainty));
        columns.chain(constraints).chain(triggers).chain(policies)
    });
    let mut same = parts.filter(|(made, _)| *made == created);
    same.next().map_or(Certainty::Certain, |(_, certainty)| certainty)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn what_is_there_cannot_be_made_again() {
        Case::new(&RULE).fires(
            "
-- 1_users.sql
create table users (id bigint primary key, name text);
create policy own on users using (true);
-- 2_again.sql
create table users (id int);
--           ^^^^^ error: table `users` exists already
alter table users add column name text;
--                           ^^^^ error: column `…
create policy own on users using (true);
--            ^^^ error: policy `own` exists already
",
        );
    }

    #[test]
    fn guards_and_replacements_are_exempt() {
        Case::new(&RULE).silent(
            "
-- 1_users.sql
create table users (id bigint primary key, name text);
create function f() returns int language sql as $$ select 1 $$;
create table if not exists users (id int);
alter table users add column if not exists name text;
create or replace function f() returns int language sql as $$ select 2 $$;
create function f(a int) returns int language sql as $$ select 1 $$;
drop table users;
create table users (id int);
do $$ begin
  create type mood as enum ('glad');
exception when duplicate_object then null;
end $$;
do $$ begin
  create type mood as enum ('glad');
exception when duplicate_object then null;
end $$;
",
        );
    }

    #[test]
    fn what_was_only_used_is_not_known_to_be_there() {
        Case::new(&RULE).silent("alter table users add column name text;\ncreate table users (id int);");
    }

    #[test]
    fn after_dynamic_sql_it_may_be_gone() {
        Case::new(&RULE).silent(
            "
-- 1_users.sql
create table users (id bigint primary key, boss bigint references users);
do $$
declare name text;
begin
  for name in select conname from pg_constraint where conrelid = 'users'::regclass and contype = 'f' loop
    execute format('alter table users drop constraint %I', name);
  end loop;
  alter table users add constraint users_boss_fkey foreign key (boss) references users;
end $$;
do $$ begin execute current_setting('app.command'); end $$;
create table users (id bigint primary key);
",
        );
    }
}
