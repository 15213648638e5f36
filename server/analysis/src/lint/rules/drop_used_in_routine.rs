use crate::lint::context::noun;
use crate::lint::prelude::*;
use crate::lint::twins::routine;
use crate::schema::change::Key;
use crate::schema::lookup::Lookup;
use crate::schema::presence;

rule! {
    /// A function still uses what is dropped, and fails when it is called.
    ///
    /// ## When
    /// `DROP TABLE`, `VIEW`, `SEQUENCE` or `FUNCTION` of an object that a function of the history names in a statement: its
    /// body is a string in SQL or PL/pgSQL. Silent where the object is there again at the end of the file, where a later
    /// statement drops or replaces the function, and about text that is put together for `EXECUTE`. `BEGIN
    /// ATOMIC` bodies are tracked by PostgreSQL, which refuses the drop.
    ///
    /// ## Why
    /// PostgreSQL does not look into bodies that are strings. The migration passes, and the next call fails with 42P01,
    /// `relation does not exist`, or 42883, `function does not exist`; a trigger function takes every write of its table
    /// with it.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// create view people as select id from users;
    /// create function count_people() returns bigint language sql as $$ select count(*) from people $$;
    /// -- 2_drop.sql
    /// drop view people;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// create view people as select id from users;
    /// create function count_people() returns bigint language sql as $$ select count(*) from people $$;
    /// -- 2_drop.sql
    /// create or replace function count_people() returns bigint language sql as $$ select count(*) from users $$;
    /// drop view people;
    /// ```
    ///
    /// ## References
    /// - [Dependency tracking](https://www.postgresql.org/docs/current/ddl-depend.html)
    "drop-used-in-routine",
    category: Category::BreakingClient,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::Drop(drop) = &cx.step().statement.node else {
        return;
    };
    let mut lookup = Lookup::new(cx.before(), cx.session(), cx.settings.postgres, cx.text());
    for object in &drop.objects {
        let Some(key) = lookup.object(object) else { continue };
        let id = match &key {
            Key::Relation(id) => id,
            // Bodies name a function, and not its arguments.
            Key::Routine(signature) if cx.before().overloads_of(&signature.id).len() == 1 => &signature.id,
            _ => continue,
        };
        if presence::history(cx.catalog_before(cx.file + 1), &key).is_some() {
            continue;
        }
        let is_relation = matches!(key, Key::Relation(_));
        let user = routine::user(cx, &[id.name.as_str()], &|needs| {
            let names = if is_relation {
                &needs.relations
            } else {
                &needs.functions
            };
            names.contains(id)
        });
        let Some((signature, found)) = user.filter(|(signature, _)| signature.id != *id) else {
            continue;
        };
        let message = format!(
            "`{}` still uses {} `{}` and fails when it is called",
            shown(&signature.id),
            noun(object.kind),
            shown(id)
        );
        report
            .add(object.name.span(), message)
            .help("Replace or drop the function first.")
            .related(found.meta.changed, "the function");
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn a_body_that_uses_it_fails_later() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key);
create table old (id bigint primary key);
create view v as select id from users;
create function helper() returns int language sql as $$ select 1 $$;
create function kept() returns int language sql as $$ select 1 $$;
create function fa() returns bigint language sql as $$ select count(*) from v $$;
create function fb() returns int language plpgsql as $$ begin return (select helper()); end $$;
create function fc() returns void language plpgsql as $$ begin delete from old; end $$;
create function fd() returns bigint language sql as $$ select kept() $$;
create function fe() returns int language sql begin atomic select kept(); end;
-- 2_second.sql
drop view v;
--        ^ warning: `fa` still uses view `v` and fails when it is called
drop function helper();
--            ^^^^^^ warning: `fb` still uses function `helper` and fails
drop table if exists old;
--                   ^^^ warning: `fc` still uses table `old` and fails
",
        );
    }

    #[test]
    fn what_is_there_again_or_replaced_or_unused_is_exempt() {
        Case::new(&RULE).silent(
            "
-- 1_first.sql
create table users (id bigint primary key);
create view v as select id from users;
create view w as select id from users;
create function over() returns int language sql as $$ select 1 $$;
create function over(a int) returns int language sql as $$ select a $$;
create function fa() returns bigint language sql as $$ select count(*) from v $$;
create function fb() returns bigint language sql as $$ select count(*) from w $$;
create function fc() returns int language sql as $$ select over(1) $$;
create function fd() returns text language sql as $$ select 'over the view' $$;
-- 2_second.sql
drop view v;
create view v as select id, 1 as one from users;
drop view w;
drop function over();
-- 3_third.sql
drop function fb();
",
        );
    }
}
