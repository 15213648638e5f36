create type mood as enum ('sad', 'ok', 'happy');
create type pair as (a integer, b text);
create domain email as text default 'x@y' not null constraint has_at check (value like '%@%');
create type span as range (subtype = float8);
create sequence counter as integer increment by 5 start with 10 maxvalue 1000 cycle;
create function touch() returns trigger language plpgsql as $$ begin return new; end $$;
create function add(a integer, b integer default 1) returns integer language sql immutable strict as 'select a + b';
create table people (
    id bigint generated always as identity primary key,
    name text not null,
    nick varchar(20) collate "C" default 'n''ick',
    feels mood default 'ok' not null,
    address email,
    score numeric(10, 2) default 0 check (score >= 0),
    doubled numeric generated always as (score * 2) stored,
    tags text[] default '{}',
    created_at timestamptz not null default now(),
    constraint people_nick_key unique (nick)
);
create function names_of(m mood) returns setof text language sql stable as $$ select name from people where feels = m $$;
create table posts (
    id serial primary key,
    author_id bigint not null references people on delete cascade,
    body text,
    -- a comment, which must not end the line of what follows
    title text not null check (
        length(title) > 0 -- never empty
        and title <> ';'
    ),
    likes integer default 0,
    meta jsonb,
    constraint posts_pair unique nulls not distinct (author_id, title) deferrable initially deferred
);
create table follows (a bigint references people, b bigint references people (id) on update cascade, primary key (a, b));
alter table posts add constraint likes_positive check (likes >= 0) not valid;
create index posts_author on posts (author_id, lower(title) text_pattern_ops desc nulls last) include (likes) where likes > 0;
create unique index people_name on people using btree (name) with (fillfactor = 70);
create index people_happy on people (id) where feels = 'happy';
create view happy with (security_invoker = true) as select id, name, feels from people where feels = 'happy';
create view happier as select name, nick from happy join people using (id, name);
create materialized view totals as select author_id, count(*) as posts from posts group by 1;
create unique index totals_author on totals (author_id);
create trigger touch_people before update of name, nick on people for each row when (old.name is distinct from new.name) execute function touch();
create trigger touch_posts after insert or delete on posts for each statement execute function touch();
alter table posts disable trigger touch_posts;
alter table people enable row level security;
create policy own on people for select to anon, authenticated using (id = 1 and exists (select from posts where author_id = people.id));
create policy strict on people as restrictive for update using (score > 0) with check (
    name <> 'it''s' -- odd
);
create rule quiet as on delete to posts do instead nothing;
create statistics people_stats (dependencies) on name, nick from people;
create table event (id bigint, at date not null, kind text, primary key (id, at)) partition by range (at);
create table event_2020 partition of event for values from ('2020-01-01') to ('2021-01-01');
create table event_rest partition of event default;
create index event_kind on event (kind);
create table event_2021 (id bigint not null, at date not null, kind text);
create table animal (name text check (name <> ''), legs integer);
create table dog (breed text) inherits (animal);
create schema app;
create table app."Order" (id integer primary key, "user" text default 'me', constraint "odd name" check ("user" <> ''));
create role clerk;
grant clerk to postgres;
grant create on schema app to clerk;
grant select, insert on people to clerk;
grant select on posts to anon with grant option;
grant update (name, nick) on people to clerk;
revoke execute on function touch() from public;
grant usage on schema app to clerk;
grant create on schema public to clerk;
grant usage on sequence counter to clerk;
alter default privileges in schema app grant select on tables to clerk;
create publication news for table people (id, name), posts where (likes > 3) with (publish = 'insert, delete');
comment on table people is 'who';
comment on column people.name is 'it''s a name';
comment on constraint likes_positive on posts is 'never negative';
comment on index posts_author is 'fast';
comment on trigger touch_people on people is 'touches';
comment on policy own on people is 'mine';
comment on function add(integer, integer) is 'adds';
comment on type mood is 'feeling';
comment on view happy is 'glad';
comment on column happy.name is 'glad name';
comment on domain email is 'mail';
comment on sequence counter is 'counts';
alter table people alter column name set statistics 500;
alter table people alter column tags set storage external;
alter table people alter column name set (n_distinct = 5);
alter table posts replica identity full;
alter table posts cluster on posts_pkey;
alter function touch() security definer set search_path = '';
create type plain as (x integer, y text);
create table typed of plain (x with options default 7);
create procedure nothing_to_do() language sql as 'select 1';
create function do_something() returns void language plpgsql as $$ begin update posts set likes = 0; end $$;
create extension citext;
grant select on happy to clerk;
grant select (name) on happier to anon;
grant select on totals to clerk;
alter domain email add constraint long check (length(value) < 500) not valid;
comment on materialized view totals is 'sums';
comment on rule quiet on posts is 'silent';
comment on statistics people_stats is 'counted';
comment on publication news is 'news';
comment on constraint has_at on domain email is 'at';
comment on column pair.a is 'first';
comment on schema app is 'things';
