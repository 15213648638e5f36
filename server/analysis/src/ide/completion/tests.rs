//! What is offered where: histories with a cursor, and the names that come out.

use super::*;
use crate::ide::testing::Case;

const TABLES: &str = "-- 1_a.sql
create schema app;
create role editor;
create type app.mood as enum ('sad', 'ok');
create table app.users (id bigint primary key, email text not null, \"Größe\" int, gone int);
create table posts (id bigint, author_id bigint, title text, constraint title_set check (title <> ''));
create view titles as select title as heading from posts;
create function app.touch() returns trigger language plpgsql as $$ begin return new; end $$;
create function slug(title text, long boolean default false) returns text language sql as $$ select title $$;
create policy own on posts using (true);
create trigger touch before update on posts for each row execute function app.touch();
create index posts_author on posts (author_id);
-- 2_b.sql
alter table app.users drop column gone;
/* é😀 */
";

const LATER: &str = "
-- 3_c.sql
alter table posts add column later int;
create table tomorrow (a int);
";

fn items(sql: &str) -> Vec<Item> {
    let case = Case::new(&format!("{TABLES}{sql}{LATER}"));
    let items = completion(case.view(), case.cursor());
    for item in &items {
        let text = case.text(case.cursor().file);
        assert!(item.replace.end as usize <= text.len());
    }
    items
}

/// The names offered, without keywords, snippets and PostgreSQL's own functions.
fn names(sql: &str) -> Vec<String> {
    let mut names: Vec<String> = items(sql)
        .into_iter()
        .filter(|item| {
            !matches!(item.kind, ItemKind::Keyword | ItemKind::Snippet | ItemKind::Schema)
                && item.detail != "pg_catalog"
        })
        .map(|item| item.label)
        .collect();
    names.sort();
    names
}

fn keywords(sql: &str) -> Vec<String> {
    let items = items(sql);
    let of_kind = items.into_iter().filter(|item| item.kind == ItemKind::Keyword);
    of_kind.map(|item| item.label).collect()
}

#[track_caller]
fn offers(sql: &str, wanted: &[&str]) {
    assert_eq!(names(sql), wanted, "{sql}");
}

#[test]
fn relations_behind_from() {
    offers("select * from $0", &["app.users", "posts", "titles"]);
    offers("select * from app.$0", &["users"]);
    offers("select * from app.us$0 where true", &["users"]);
    offers(
        "set search_path = app;\nselect * from $0",
        &["public.posts", "public.titles", "users"],
    );
}

#[test]
fn columns_of_what_is_in_scope() {
    offers("select $0 from titles", &["heading", "slug", "titles"]);
    offers("select u.$0 from app.users u", &["Größe", "email", "id"]);
    offers(
        "select p.$0 from app.users u join posts as p on p.author_id = u.id",
        &["author_id", "id", "title"],
    );
    offers(
        "select * from posts p where exists (select 1 from app.users u where u.$0",
        &["Größe", "email", "id"],
    );
    offers(
        "select * from posts p where exists (select 1 from app.users u where p.$0)",
        &["author_id", "id", "title"],
    );
    offers(
        "with c as (select title as heading, id from posts) select c.$0 from c",
        &["heading", "id"],
    );
    offers(
        "with c as (select id from posts) select * from $0",
        &["app.users", "c", "posts", "titles"],
    );
    offers("select s.$0 from (select id, title as t from posts) s", &["id", "t"]);
    offers("update posts set $0", &["author_id", "id", "title"]);
    offers("update posts set title = 'a', au$0 = 1", &["author_id"]);
    offers("insert into posts ($0", &["author_id", "id", "title"]);
    offers(
        "insert into posts (id) values (1) on conflict ($0)",
        &["author_id", "id", "title"],
    );
    offers(
        "insert into posts (id) values (1) on conflict (id) do update set title = excluded.$0",
        &["author_id", "id", "title"],
    );
    offers("delete from posts where posts.$0", &["author_id", "id", "title"]);
}

#[test]
fn a_column_dropped_before_or_added_later_is_not_offered() {
    offers("alter table app.users drop column $0", &["Größe", "email", "id"]);
    offers(
        "alter table app.users add column fresh int;\nalter table app.users drop column $0;",
        &["Größe", "email", "fresh", "id"],
    );
}

#[test]
fn names_are_quoted_where_that_is_needed() {
    let items = items("alter table app.users drop column gr$0");
    assert_eq!(items[0].insert, "\"Größe\"");
    assert_eq!(items[0].detail, "integer");
}

#[test]
fn what_alter_table_can_do() {
    let found = keywords("alter table posts $0");
    assert!(
        found.starts_with(&["add column".to_owned(), "drop column".to_owned()]),
        "{found:?}"
    );
    assert!(!found.contains(&"select".to_owned()));
    assert_eq!(
        keywords("ALTER TABLE posts ALTER COLUMN title SET $0"),
        [
            "NOT NULL",
            "DEFAULT",
            "DATA TYPE",
            "STORAGE",
            "STATISTICS",
            "COMPRESSION"
        ]
    );
    offers("alter table $0", &["app.users", "posts"]);
    offers("alter table posts alter column $0", &["author_id", "id", "title"]);
    offers("alter table posts rename $0", &["author_id", "id", "title"]);
    offers("alter table posts drop constraint $0", &["title_set"]);
    offers(
        "alter table posts add column x int, validate constraint $0",
        &["title_set"],
    );
    offers("alter table posts disable trigger $0", &["touch"]);
    offers("alter table posts owner to $0", &["editor"]);
    offers(
        "alter table posts add constraint c foreign key (author_id) references $0",
        &["app.users", "posts"],
    );
    offers(
        "alter table posts add constraint c foreign key (author_id) references app.users ($0)",
        &["Größe", "email", "id"],
    );
    offers(
        "alter table posts add constraint c foreign key ($0",
        &["author_id", "id", "title"],
    );
    assert!(names("alter table posts add column mood $0").contains(&"app.mood".to_owned()));
    assert!(names("alter table posts add column m app.$0").contains(&"mood".to_owned()));
    assert!(keywords("alter table posts add column x int $0").contains(&"not null".to_owned()));
    assert!(names("alter table posts add constraint c check (au$0").contains(&"author_id".to_owned()));
}

#[test]
fn policies_triggers_and_indexes() {
    offers("create policy p on $0", &["app.users", "posts"]);
    offers("create policy p on posts for select to $0", &["editor"]);
    assert!(names("create policy p on posts using (tit$0").contains(&"title".to_owned()));
    assert_eq!(
        keywords("create policy p on posts for $0"),
        ["all", "select", "insert", "update", "delete"]
    );
    offers("drop policy $0 on posts", &["own"]);
    offers("drop trigger $0", &["touch"]);
    offers(
        "create trigger t before update on posts for each row execute function $0",
        &["app.touch"],
    );
    assert!(names("create index on posts (au$0").contains(&"author_id".to_owned()));
    assert!(names("create index on posts (author_id) where ti$0").contains(&"title".to_owned()));
    offers("drop index $0", &["app.users_pkey", "posts_author"]);
}

#[test]
fn create_table_knows_its_own_columns() {
    offers("create table n (a int, \"B\" text, primary key ($0", &["B", "a"]);
    assert!(names("create table n (aaa int, check (a$0").contains(&"aaa".to_owned()));
    assert!(names("create table n (a $0").contains(&"app.mood".to_owned()));
    assert!(keywords("create table n (a int $0").contains(&"references".to_owned()));
    offers("create table n (a int references $0", &["app.users", "posts"]);
    assert!(keywords("create table n (a int, $0").contains(&"foreign key".to_owned()));
}

#[test]
fn comments_grants_and_drops() {
    offers("comment on column posts.$0", &["author_id", "id", "title"]);
    offers("comment on column app.users.$0", &["Größe", "email", "id"]);
    offers("grant select on posts to $0", &["editor"]);
    offers("revoke select on posts from $0", &["editor"]);
    offers("grant select ($0) on posts to editor", &["author_id", "id", "title"]);
    offers("drop view $0", &["titles"]);
    offers("drop function $0", &["app.touch", "slug"]);
    offers("refresh materialized view $0", &["titles"]);
}

#[test]
fn bodies_see_variables_rows_and_tables() {
    let body = "create or replace function app.touch() returns trigger language plpgsql as $$
declare total int;
begin
  §
end $$;";
    let at = |code: &str| body.replace('§', code);
    assert_eq!(names(&at("new.$0")), ["author_id", "id", "title"]);
    assert_eq!(names(&at("if old.$0")), ["author_id", "id", "title"]);
    assert_eq!(names(&at("select * from $0")), ["app.users", "posts", "titles"]);
    assert!(names(&at("return to$0")).contains(&"total".to_owned()));
    assert!(keywords(&at("$0")).contains(&"raise exception".to_owned()));
    let open = "create function f(amount int) returns int language plpgsql as $$ begin select am$0";
    assert!(names(open).contains(&"amount".to_owned()), "{:?}", names(open));
}

#[test]
fn statements_and_recipes() {
    let found = items("$0");
    assert!(found.iter().any(|item| item.label == "alter table"));
    let recipe = found.iter().find(|item| item.label == "create index concurrently");
    assert!(recipe.is_some_and(|item| item.snippet && item.insert.contains("${1:the_table}")));
    assert!(keywords("CR$0").contains(&"CREATE".to_owned()));
}

#[test]
fn nothing_in_comments_and_strings() {
    assert_eq!(items("-- select $0\n"), []);
    assert_eq!(items("select 'a$0' from posts"), []);
    assert_eq!(items("/* $0 */"), []);
}

#[test]
fn functions_of_the_history_and_of_the_server() {
    let found = items("select slu$0");
    assert_eq!(found[0].label, "slug");
    assert_eq!(
        found[0].detail,
        "public.slug(title text, long boolean default …) → text"
    );
    assert!(items("select date_tr$0").iter().any(|item| item.label == "date_trunc"));
}
