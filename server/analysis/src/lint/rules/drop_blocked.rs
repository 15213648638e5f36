use crate::lint::context::noun;
use crate::lint::prelude::*;
use crate::lint::twins::needed;
use crate::schema::step::ProblemKind;

rule! {
    /// PostgreSQL refuses to drop what others need.
    ///
    /// ## When
    /// `DROP …`, `DROP COLUMN` or `DROP CONSTRAINT` without `CASCADE`, where the history knows something that depends on
    /// it: a view on a table or column, a policy or trigger on a function, a column of a type, a foreign key on a key, a
    /// generated column on a column, a publication that lists the column. What the same statement or an earlier one drops
    /// no longer counts. Silent inside of guards, and about what nobody can be sure of. Functions in PL/pgSQL and in string
    /// constants are not tracked by PostgreSQL, so they forbid nothing.
    ///
    /// ## Why
    /// The statement fails with 2BP01, `cannot drop … because other objects depend on it`, and the migration with it.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, email text);
    /// create view emails as select email from users;
    /// -- 2_drop.sql
    /// alter table users drop column email;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, email text);
    /// create view emails as select email from users;
    /// -- 2_drop.sql
    /// drop view emails;
    /// alter table users drop column email;
    /// ```
    ///
    /// ## References
    /// - [Dependency tracking](https://www.postgresql.org/docs/current/ddl-depend.html)
    "drop-blocked",
    category: Category::Coupling,
    level: Level::Error,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    for problem in &cx.step().problems {
        let ProblemKind::Needed { kind, name, by } = &problem.kind else {
            continue;
        };
        let what = format!(
            "depends on {} `{}`, so PostgreSQL refuses to drop it",
            noun(*kind),
            name.trim_start_matches("public."),
        );
        needed::report(cx, report, problem.span, by, &what, |names| {
            format!("Drop {names} before.")
        });
    }
    published(cx, report);
}

/// Columns that a publication names by themselves.
fn published(cx: &Cx<'_>, report: &mut Report) {
    let Node::AlterTable(alter) = &cx.step().statement.node else {
        return;
    };
    let Some((id, _)) = cx.target().filter(|_| cx.step().conditions.is_empty()) else {
        return;
    };
    for action in &alter.actions {
        let AlterActionKind::DropColumn {
            column, cascade: false, ..
        } = &action.kind
        else {
            continue;
        };
        let by = needed::publications(cx.before(), id, &column.value);
        let what = format!(
            "names column `{}.{column}`, so PostgreSQL refuses to drop it",
            shown(id)
        );
        needed::report(cx, report, column.span, &by, &what, |names| {
            format!("Take the table out of {names} before, and add it again behind without the column.")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn what_others_need_stays() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, a int, b int, c int generated always as (b + 1) stored);
create table orders (id bigint primary key, user_id bigint references users);
create view v as select a from users;
create function f() returns boolean language sql as 'select true';
create policy p on users using (f());
create type mood as enum ('ok');
alter table orders add mood mood;
create function g() returns int language plpgsql as 'begin return (select a from orders); end';
-- 2_second.sql
alter table users drop column a;
--                            ^ error: `public.v` depends on column `users.a`, so PostgreSQL refuses to drop it
-- 3_third.sql
drop function f();
--            ^ error: `policy p on public.users` depends on function `f`
-- 4_fourth.sql
drop type mood;
--        ^^^^ error: `column public.orders.mood` depends on type `mood`
-- 5_fifth.sql
alter table users drop constraint users_pkey;
--                                ^^^^^^^^^^ error: `constraint orders_user_id_fkey on public.orders` depends on constraint `users_pkey`
",
        );
    }

    #[test]
    fn a_publication_keeps_the_columns_that_it_lists() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, a int, b int, c int);
create publication p for table users (id, a) where (b > 0);
-- 2_second.sql
alter table users drop column a;
--                            ^ error: `publication p` names column `users.a`, so PostgreSQL refuses to drop it
alter table users drop column b;
--                            ^ error: `publication p` names column `users.b`
alter table users drop column c;
",
        );
    }

    #[test]
    fn a_star_of_one_table_names_no_column_of_another() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, a int);
create table orders (id bigint primary key, b int, user_id bigint);
create view v as select o.*, (select max(id) from users) as last from orders o join users u on u.id = o.user_id;
create view w as select (select count(*) from (select * from users) as all_users) as n, o.id from orders o;
-- 2_second.sql
alter table users drop column a;
--                            ^ error: `public.w` depends on column `users.a`, so
alter table orders drop column b;
--                             ^ error: `public.v` depends on column `orders.b`, so
",
        );
    }

    #[test]
    fn what_goes_before_or_along_needs_nothing() {
        Case::new(&RULE).silent(
            "
-- 1_first.sql
create table users (id bigint primary key, a int);
create table orders (id bigint primary key, user_id bigint references users);
create view v as select a from users;
create function g() returns int language plpgsql as 'begin return (select a from users); end';
-- 2_second.sql
drop view v;
alter table users drop column a;
drop table orders, users;
-- 3_third.sql
create table things (id bigint primary key);
create view w as select id from things;
drop table things cascade;
do $$ begin
  drop table if exists nothing;
exception when others then null; end $$;
",
        );
    }
}
