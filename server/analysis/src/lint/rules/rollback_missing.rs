use crate::lint::prelude::*;

rule! {
    /// The migration has no rollback script.
    ///
    /// ## When
    /// The convention is on and the file that would undo the migration, `<rollbacks>/<timestamp>_rollback.sql` unless the
    /// layout has its own place for it, does not exist. Migrations on hold need theirs, too.
    ///
    /// ## Why
    /// A rollback that is written during an outage is written wrong. Written with the migration, it can be proven on a
    /// throw-away server before anything is applied.
    ///
    /// ## Bad
    /// ```sql alone
    /// -- 20251026211500_v0_7_0_users.sql
    /// create table users (id bigint primary key);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 20251026211500_v0_7_0_users.sql
    /// create table users (id bigint primary key);
    /// -- rollback/20251026211500_rollback.sql
    /// drop table users;
    /// ```
    ///
    /// ## Fix
    /// Creates the rollback file: the inverse of every step, from what was there before it, last step first. What was
    /// dropped is made again with everything that hung on it; `-- dblsp: restore` stands where rows are missing. What has
    /// no certain inverse becomes a `-- TODO` with the reason, which is reported until somebody has answered it.
    ///
    /// ## References
    /// - [Supabase: database migrations](https://supabase.com/docs/guides/deployment/database-migrations)
    "rollback-missing",
    category: Category::Convention,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    convention: true,
    check: Check::Migration(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let migration = cx.migration();
    let Some(path) = migration.rollback_path.as_ref().filter(|_| !migration.has_rollback) else {
        return;
    };
    report
        .add(
            cx.first_line(),
            format!("nothing undoes this migration: `{path}` does not exist"),
        )
        .help("Write the rollback now, and prove that it restores the schema.")
        .fix_with_file(
            FixKind::Review,
            "Create the rollback file",
            cx.new_file(path, || skeleton(cx)),
        );
}

/// The statements that undo the migration, last step first.
fn skeleton(cx: &Cx<'_>) -> String {
    cx.inverse().to_sql(cx.migration().file_name(), cx.text())
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    /// The statements and TODOs of the rollback that the fix creates for the last migration.
    #[track_caller]
    fn undone(sql: &str, wanted: &[&str]) {
        let case = Case::new(&RULE);
        let history = case.history(sql);
        let found = case.findings(&history);
        let created = &found.last().expect("a finding").fixes[0].creates[0];
        assert_eq!(created.path, "rollback/2_rollback.sql");
        let text = created.text.as_deref().expect("the text is asked for");
        let kept = text
            .lines()
            .skip(1)
            .filter(|line| !line.is_empty() && !line.starts_with("-- Undoes"));
        assert_eq!(kept.collect::<Vec<_>>(), wanted, "{text}");
        assert!(crate::sql::parse(text).errors.is_empty());
    }

    #[test]
    fn what_was_created_is_dropped_in_reverse_order() {
        undone(
            "
-- 1_users.sql
create table users (id bigint primary key);
-- 2_more.sql
create type mood as enum ('glad');
create table posts (id bigint generated always as identity primary key, mood mood unique);
create index posts_mood on posts (mood);
alter table users add column name text unique, add constraint id_positive check (id > 0);
create index users_name on users (name);
create view names as select name from users;
create function f(a int, variadic b text[]) returns trigger language plpgsql as $$ begin return new; end $$;
create trigger t before insert on users for each row execute function f();
create policy \"own rows\" on users using (true);
alter table posts enable row level security;
insert into posts (mood) values ('glad');
set lock_timeout = '2s';
",
            &[
                "drop policy \"own rows\" on public.users;",
                "drop trigger t on public.users;",
                "drop function public.f(integer, text[]);",
                "drop view public.names;",
                "drop index public.users_name;",
                "alter table public.users drop constraint id_positive;",
                "alter table public.users drop column name;",
                "drop table public.posts;",
                "drop type public.mood;",
            ],
        );
    }

    #[test]
    fn what_has_no_certain_inverse_is_a_todo() {
        undone(
            "
-- 1_users.sql
create table users (id bigint primary key, name text);
create function f() returns int language sql as $$ select 1 $$;
-- 2_more.sql
alter table users drop column name;
create or replace function f() returns int language sql as $$ select 2 $$;
update users set id = 1;
do $$ begin execute current_setting('what'); end $$;
alter table users rename to people;
",
            &[
                "alter table public.people rename to users;",
                "-- TODO: undo what this did; nobody can tell it from the text",
                "-- dblsp: restore public.users",
                "create or replace function public.f() returns int language sql as $$ select 1 $$;",
                "alter table public.users add column name text;",
                "-- dblsp: restore public.users (name)",
            ],
        );
    }

    #[test]
    fn what_is_dropped_again_needs_no_undoing() {
        undone(
            "
-- 1_users.sql
create table users (id bigint primary key);
-- 2_more.sql
create table draft (id bigint);
drop table draft;
create table if not exists users (id bigint);
",
            &["-- The migration changes nothing that a rollback could bring back."],
        );
    }

    #[test]
    fn a_rollback_file_answers_it() {
        Case::new(&RULE).silent("-- 1_a.sql\nselect 1;\n-- rollback/1_rollback.sql\nselect 1;");
    }

    #[test]
    fn every_migration_needs_one_also_on_hold() {
        Case::new(&RULE).fires(
            "
-- 1_a.sql
-- dblsp: hold (later)
-- @ warning: nothing undoes this migration: `rollback/1_rollback.sql` does not exist
select 1;
",
        );
    }
}
