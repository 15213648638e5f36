create schema other
create schema if not exists app
create schema other authorization clerk
create table t (id int)
create table if not exists people (id int)
create table t (id serial primary key, a bigint references people, b text unique) ;; create index on t (a) ;; create policy p on t using (true) ;; alter table t enable row level security ;; comment on table t is 'x' ;; grant select on t to anon
create table t (like people including all)
create table t as select 1 as a
create unlogged table t (id int)
create table t partition of event for values from ('2022-01-01') to ('2023-01-01')
create table t () inherits (animal)
create table a (id int primary key) ;; create table b (id int primary key) ;; alter table a add b int references b
create table a (id int primary key) ;; create function f() returns trigger language plpgsql as $$ begin return new; end $$ ;; create trigger t before insert on a for each row execute function f()
create table a (id int primary key) ;; create table b (id int) ;; create policy p on a using (exists (select from b))
create table a (id int) ;; create type k as enum ('x') ;; alter table a add k k
create table a (id int) ;; create sequence s ;; alter table a alter id set default nextval('s')
create table t (id int) ;; drop table t
create table t (id int) ;; alter table t rename to u ;; alter table u add b int ;; alter table u rename b to c
alter table people add tmp int ;; create index tmp_i on people (tmp) ;; alter table people drop tmp
create index i on people (score)
create index on people (score)
create index if not exists people_name on people (score)
create unique index i on posts (likes) where likes > 1
create index i on event (at)
drop index posts_author
drop index people_name
drop index event_kind
create view v as select 1 as a
create or replace view happy with (security_invoker = true) as select id, name, feels from people where feels = 'sad'
create or replace view happy as select id, name, feels, score from people
create or replace view happy as select id, name, feels from people
drop view happier
drop view happy cascade
drop view happier, happy
alter view happy set (security_barrier = true)
alter view happy reset (security_invoker)
alter view happy rename to glad
alter view happy rename column name to n
alter view happy set schema app
create materialized view m as select 1 as a
drop materialized view totals
alter materialized view totals rename to sums
refresh materialized view totals
create function f(a int, out b text, variadic c int[]) language sql as 'select 1::text'
create procedure p() language sql as 'select 1'
create aggregate most (integer) (sfunc = int4larger, stype = integer)
create or replace function touch() returns trigger language plpgsql as $$ begin raise notice 'x'; return old; end $$
create or replace function add(a integer, b integer default 2) returns integer language sql stable as 'select a - b'
create or replace function add(a integer, b integer, c integer) returns integer language sql as 'select 1'
create or replace function add(a integer default 5, b integer default 1) returns integer language sql immutable strict as 'select a + b'
drop function add(integer, integer)
drop function touch() cascade
drop function names_of
alter function add(integer, integer) volatile
alter function add(integer, integer) called on null input security definer set search_path = public, app
alter function add(integer, integer) parallel safe cost 5
alter function touch() reset search_path
alter function touch() security invoker
alter function add(integer, integer) rename to plus
alter function add(integer, integer) set schema app
create trigger t2 after update on posts for each row execute function touch()
create or replace trigger touch_people before update on people for each row execute function touch()
drop trigger touch_people on people
drop trigger touch_posts on posts
alter trigger touch_people on people rename to touching
alter table people disable trigger touch_people
alter table posts enable always trigger touch_posts
alter table people disable trigger user
create constraint trigger ct after insert on posts deferrable initially deferred for each row execute function touch()
create trigger te before insert on event for each row execute function touch()
create policy p on posts for insert with check (true)
drop policy own on people
drop policy strict on people
alter policy own on people using (true)
alter policy own on people to public
alter policy own on people rename to mine
alter policy strict on people with check (false)
drop policy own on people ;; create policy own on people for select using (true)
create type t as enum ('a', 'b')
create type t as (a int, b text)
create type t as range (subtype = integer)
create domain d as integer check (value > 0)
drop type pair
drop type span
drop type mood cascade
alter type mood add value 'meh' before 'ok'
alter type mood add value if not exists 'ok'
alter type mood add value 'x' ;; alter type mood add value 'y' after 'sad'
alter type mood rename value 'ok' to 'fine'
alter type mood rename to feeling
alter type mood set schema app
alter type pair add attribute c integer
alter type pair drop attribute a
alter type pair alter attribute a type bigint
alter type pair rename attribute a to aa
alter domain email drop default
alter domain email set default 'a@b'
alter domain email drop not null
alter domain email add constraint short check (length(value) < 100)
alter domain email add constraint short check (length(value) < 100) not valid
alter domain email drop constraint has_at
alter domain email rename constraint has_at to at_sign
alter domain email rename to mail
create sequence s start 5
drop sequence counter
alter sequence counter increment by 2
alter sequence counter maxvalue 50 no cycle
alter sequence counter owned by posts.likes
alter sequence counter rename to counts
alter sequence counter restart with 100
create extension citext
comment on schema app is 'x'
comment on table people is null
comment on table posts is 'p'
comment on column people.name is 'other'
comment on column happy.name is null
comment on function add(integer, integer) is null
comment on policy own on people is null
comment on trigger touch_people on people is 'b'
comment on constraint likes_positive on posts is null
comment on index posts_author is 'slow'
comment on type mood is null
comment on domain email is 'x'
create extension citext ;; comment on extension citext is 'x'
create role other login
alter role clerk createdb
grant anon to clerk
grant select on people to clerk
grant select, delete on people to clerk
grant all on people to clerk
grant select on posts to anon
grant select on people to clerk with grant option
grant update (name, score) on people to clerk
revoke select on people from clerk
revoke update on people from clerk
revoke update (name) on people from clerk
revoke grant option for select on posts from anon
revoke all on people from clerk
grant execute on function touch() to anon
revoke execute on function add(integer, integer) from public
grant usage on schema app to anon
revoke usage on schema app from clerk
grant select on all tables in schema public to clerk
grant usage, select on sequence counter to clerk
grant usage on type mood to clerk
alter default privileges in schema app grant insert on tables to clerk
alter default privileges in schema app revoke select on tables from clerk
alter default privileges revoke execute on functions from public
alter table people owner to clerk
alter function touch() owner to clerk
alter schema app owner to clerk
alter view happy owner to clerk
create publication p for table follows (a) with (publish = 'insert')
create publication p for table follows
drop publication news
alter publication news add table follows
alter publication news drop table posts
alter publication news set (publish = 'update')
alter publication news set table people
alter table people add a int
alter table people add a int not null default 1 check (a > 0), add b text unique
alter table people add column if not exists name text
alter table people add a bigint references posts
alter table people add a int generated by default as identity
alter table people add a bigserial
alter table people add a int generated always as (1) stored
alter table animal add tail boolean
alter table event add extra text
alter table people drop column nick cascade
alter table people drop column name cascade
alter table people drop column score cascade
alter table people drop column address
alter table people drop column tags
alter table people drop column created_at
alter table people drop column feels cascade
alter table posts drop column id
alter table posts drop column author_id cascade
alter table posts drop column title, drop column body
alter table people drop column id cascade
alter table animal drop column name
alter table event drop column kind
alter table app."Order" drop column "user"
alter table people drop column if exists nothing
alter table posts alter id type bigint
alter table posts alter body type jsonb using to_jsonb(body)
alter table app."Order" alter "user" type varchar(30)
alter table event alter kind type integer using kind::integer
alter table posts alter meta type json
alter table posts alter body type mood using body::mood
alter table people alter created_at type timestamp
alter table people alter tags drop default, alter tags type jsonb using to_jsonb(tags)
alter table posts alter likes set default 5
alter table people alter nick drop default
alter table people alter feels set default 'sad'
alter table posts alter body set not null
alter table posts alter title drop not null
alter table people alter id drop identity
alter table people alter id set generated by default
alter table people alter id set increment by 3
alter table event alter id add generated always as identity
alter table people alter doubled drop expression
alter table people alter name set statistics 100
alter table people alter nick set statistics 50
alter table people alter name set (n_distinct = 7)
alter table people alter name reset (n_distinct)
alter table people alter tags set storage main
alter table people alter nick set storage external
alter table people alter nick set compression pglz
alter table posts set without cluster
alter table people cluster on people_name
alter table posts replica identity default
alter table people replica identity using index people_name
alter table posts disable rule quiet
alter table posts add constraint c check (likes < 100)
alter table posts add constraint c check (likes < 100) not valid
alter table posts add unique (body)
alter table posts add foreign key (likes) references posts (id) match full on delete set null
alter table event_2021 add primary key (id, at)
create unique index i on posts (likes) ;; alter table posts add constraint k unique using index i
create unique index i on posts (likes) ;; alter table posts add constraint i unique using index i
alter table posts add exclude using btree (likes with =) where (likes > 5)
alter table posts drop constraint likes_positive
alter table posts drop constraint posts_pair
alter table posts drop constraint posts_author_id_fkey
alter table people drop constraint people_pkey cascade
alter table people drop constraint people_nick_key
alter table people drop constraint people_score_check
alter table posts validate constraint likes_positive
alter table posts alter constraint posts_author_id_fkey deferrable initially deferred
alter table posts rename constraint likes_positive to likes_ok
alter table people rename constraint people_nick_key to nick_unique
alter table animal drop constraint animal_name_check
alter table people rename to persons
alter table people rename column name to full_name
alter table people rename column score to points ;; alter table people drop column points cascade
alter table people set schema app
alter table people disable row level security
alter table people force row level security
alter table posts enable row level security ;; alter table posts force row level security
create unlogged table u (id int) ;; alter table u set logged
alter table follows set unlogged
alter table posts set (fillfactor = 50, autovacuum_enabled = false)
alter index people_name set (fillfactor = 80)
alter index people_name rename to people_names
alter table dog no inherit animal
create table cat (name text, legs integer, constraint animal_name_check check (name <> '')) ;; alter table cat inherit animal
alter table event attach partition event_2021 for values from ('2021-01-01') to ('2022-01-01')
alter table event detach partition event_2020
alter table event detach partition event_rest
drop table follows
drop table dog
drop table posts cascade
drop table people cascade
drop table posts, follows, people cascade
drop table event
drop table event_2020
drop table animal cascade
drop table app."Order"
drop table if exists nothing
drop schema app cascade
drop rule quiet on posts
create rule r as on insert to follows do also nothing
create or replace rule quiet as on delete to posts do also nothing
drop statistics people_stats
create statistics s on body, title from posts
insert into app."Order" (id) values (1), (2)
insert into app."Order" values (3, 'x') on conflict do nothing
update posts set likes = 1
delete from posts
truncate posts cascade
drop table posts cascade ;; create table posts (id int)
alter table people rename to persons ;; alter table persons rename column nick to nickname ;; alter table persons drop column nickname cascade
alter table posts rename column likes to hearts ;; drop index posts_author
alter table people rename column score to points ;; drop policy strict on people
alter table people rename to persons ;; drop view happy cascade
alter function touch() rename to touched ;; drop trigger touch_people on people
do $$ begin create table in_do (id int); alter table posts add from_do text; end $$
do $$ begin execute 'alter table posts drop column meta'; end $$
select add(1, 2)
begin ;; create table gone (id int) ;; rollback
set search_path = app, public ;; create table here (id int) ;; alter table "Order" add x int
begin ;; lock table people ;; commit ;; analyze people ;; set lock_timeout = '1s' ;; reset lock_timeout
create table "select" ("from" int, "Where" text) ;; create index on "select" ("from")
create collation german from "C"
create cast (pair as text) with inout
create operator === (leftarg = integer, rightarg = integer, function = int4eq)
create text search configuration tsc (copy = simple)
