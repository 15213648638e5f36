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
create extension ltree
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
create extension ltree ;; comment on extension ltree is 'x'
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
TODO say how the values of public.people.tags become text[] again: there is no cast :: alter table people alter tags drop default, alter tags type jsonb using to_jsonb(tags)
alter table posts alter likes set default 5
alter table people alter nick drop default
alter table people alter feels set default 'sad'
alter table posts alter body set not null
alter table posts alter title drop not null
alter table people alter id drop identity
alter table people alter id set generated by default
alter table people alter id set increment by 3
alter table event alter id add generated always as identity
TODO make public.people.doubled generated again: only a new column can be :: alter table people alter doubled drop expression
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
TODO delete the rows that this wrote into app."Order" :: insert into app."Order" values (3, 'x') on conflict do nothing
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
TODO drop public.=== :: create operator === (leftarg = integer, rightarg = integer, function = int4eq)
create text search configuration tsc (copy = simple)
select 1 as a, 'x'::text as b into t
create table if not exists t (id int)
create index concurrently i on people (score)
create index concurrently on people (score)
drop index concurrently posts_author
create index i on people ((score + 1)) ;; comment on index i is 'x'
create or replace view fresh as select 1 as a
create or replace view happier as select name, nick, 1 as more from happy join people using (id, name)
refresh materialized view totals with no data
create materialized view m as select 1 as a with no data ;; create index on m (a)
drop materialized view totals ;; create materialized view totals as select 1 as author_id
drop function add(integer, integer) ;; create function add(a integer, b integer default 1) returns bigint language sql as 'select a + b'
create or replace function unheard() returns integer language sql as 'select 1'
alter function add(integer, integer) owner to clerk ;; grant execute on function add(integer, integer) to anon
alter function add(integer, integer) set work_mem = '1MB'
alter table posts enable replica trigger touch_posts
alter type mood owner to clerk
alter type plain add attribute z integer cascade
create sequence s as smallint increment by -1 minvalue -50 maxvalue -1 cache 3 cycle owned by posts.likes
alter sequence counter as bigint
alter sequence counter start with 3
alter sequence counter minvalue 2 cache 20
alter sequence counter no maxvalue
alter sequence counter set schema app
alter sequence counter owner to clerk
alter sequence posts_id_seq owned by none
alter sequence posts_id_seq rename to post_numbers
alter sequence people_id_seq increment by 2
create extension if not exists citext
drop extension citext
create extension if not exists hstore
alter role clerk login connection limit 5
alter role clerk createrole ;; alter role clerk nocreaterole
alter role clerk rename to scribe
TODO give role clerk back what it had :: alter role clerk valid until '2030-01-01'
revoke clerk from postgres
create group other ;; grant other to anon
create user other
grant select on happy to anon
revoke select on happy from clerk
grant all privileges on all sequences in schema public to clerk
grant execute on all functions in schema public to clerk
revoke usage on type mood from public
revoke all on function add(integer, integer) from public ;; grant execute on function add(integer, integer) to clerk
revoke grant option for select on posts from anon cascade
alter default privileges for role postgres grant select on tables to anon
alter default privileges in schema app grant usage on sequences to clerk
alter default privileges revoke usage on types from public
alter default privileges grant usage on schemas to clerk
comment on materialized view totals is null
comment on rule quiet on posts is 'louder'
comment on statistics people_stats is 'x'
comment on publication news is null
comment on constraint has_at on domain email is 'y'
comment on column pair.a is null
comment on column totals.posts is 'how many'
comment on sequence counter is null
comment on column people.id is 'number'
alter publication news rename to latest
alter publication news add table follows (a) where (a > 1)
alter publication news set table posts where (likes > 9)
alter publication news set (publish_via_partition_root = true)
create publication p
create collation if not exists german from "C"
create statistics if not exists people_stats (ndistinct) on name, nick from people
TODO undo this by hand :: alter statistics people_stats set statistics 7
alter statistics people_stats rename to stats_of_people
alter statistics people_stats set schema app
create text search dictionary tsd (template = simple) ;; comment on text search dictionary tsd is 'x'
alter table people add column note text default 'x' ;; update people set note = 'y'
alter table people add column if not exists tmp int
alter table people add column f mood[] not null default '{ok}'
alter table app."Order" alter id type bigint
alter table people alter score set not null
alter table people alter name drop not null, alter name drop not null
alter table dog add primary key (breed)
alter table follows drop constraint follows_pkey ;; alter table follows alter a drop not null
alter table follows alter constraint follows_a_fkey deferrable
alter table follows add constraint again foreign key (a) references people (id) not valid ;; alter table follows validate constraint again
create unique index i on posts (likes) ;; alter table posts add constraint i unique using index i deferrable
alter table people alter id restart with 70
alter table people alter id set cycle
alter table posts alter id drop default
alter table posts alter id drop default ;; drop sequence posts_id_seq
alter table people set access method heap
alter table people set tablespace pg_default
alter table posts reset (fillfactor)
alter table posts enable always rule quiet
alter table posts enable row level security ;; create policy p on posts using (true) ;; alter table posts disable row level security
alter table typed not of
alter table follows replica identity using index follows_pkey
alter table animal alter name set not null
create table leaf partition of event for values from ('2023-01-01') to ('2024-01-01') ;; alter table event detach partition leaf
alter table event detach partition event_2020 ;; alter table event attach partition event_2020 for values from ('2020-01-01') to ('2020-06-01')
alter table event set schema app
alter table people rename constraint people_pkey to people_key
alter index posts_author rename to author_of_posts
alter policy own on people to clerk using (name = 'x')
alter domain email validate constraint long
alter domain email set not null
alter domain email set schema app
alter domain email owner to clerk
drop domain email cascade
drop type plain cascade
drop view if exists happier
drop view if exists nothing
drop table typed
drop table people, posts cascade ;; create table people (id int)
drop function if exists add(integer, integer)
TODO undo this by hand: nobody can tell from the text what it did :: drop owned by clerk
truncate follows restart identity
TODO delete the rows that this wrote into public.follows :: insert into follows select 1, 2 where false
insert into app."Order" (id) values (7) ;; delete from app."Order" where id = 7
TODO delete the rows that this wrote into app."Order" :: insert into app."Order" (id, "user") values (9, 'a') on conflict (id) do update set "user" = 'b'
TODO delete the rows that this wrote into app."Order" :: insert into app."Order" (id) select 5
update people set score = 1 where id = 1 ;; delete from follows where a = 1
TODO delete the rows that this wrote into app."Order" :: with gone as (delete from follows returning a) insert into app."Order" (id) select a from gone
merge into app."Order" o using (values (1)) v (id) on o.id = v.id when not matched then insert (id) values (v.id)
TODO undo this by hand :: call nothing_to_do()
TODO undo what the functions did that this calls :: select do_something()
select setval('counter', 50)
select nextval('counter')
TODO undo what the functions did that this calls :: do $$ begin perform do_something(); end $$
reindex table people
vacuum people
cluster posts
analyze
set statement_timeout = 0 ;; show statement_timeout ;; reset all
notify news ;; listen news ;; unlisten news
discard plans
begin ;; savepoint a ;; create table lost (id int) ;; rollback to a ;; create table kept (id int) ;; release a ;; commit
create table one (id int) ;; commit ;; create table two (id int)
begin ;; create table one (id int) ;; commit ;; alter table one add b int ;; create index on one (b)
create table t (id int) ;; alter table t add b int ;; alter table t alter b set default 1 ;; create index on t (b) ;; comment on column t.b is 'x' ;; grant select on t to anon
alter table people add a int ;; alter table people alter a set not null ;; alter table people add check (a > 0) ;; create index on people (a) ;; grant select (a) on people to anon
alter table dog drop column breed, add column breed varchar(40)
alter table posts add column extra int, drop column meta, alter body set default 'x', add constraint extra_positive check (extra > 0)
drop policy own on people ;; drop policy strict on people ;; alter table people disable row level security
drop trigger touch_people on people ;; drop function touch() cascade
create or replace function touch() returns trigger language plpgsql as $$ begin return old; end $$ ;; create or replace function touch() returns trigger language plpgsql as $$ begin return null; end $$
drop view happier ;; drop view happy ;; alter table people drop column feels cascade
alter type mood rename to feeling ;; alter type feeling add value 'new' ;; alter table people alter feels set default 'sad'
create type state as enum ('a') ;; alter table posts add state state default 'a' ;; alter type state add value 'b'
drop index people_name ;; create unique index people_name on people (nick)
alter table people rename to folk ;; create view people as select 1 as id ;; drop view people ;; alter table folk rename to people
alter table dog alter breed type varchar(9)
alter table dog alter breed type varchar(9), alter breed set default 'mutt', alter legs set not null
create index i on people ((score + 1)) ;; alter index i alter column 1 set statistics 9
grant select (posts) on totals to anon ;; revoke select (posts) on totals from anon
revoke select on happier from anon
revoke select (name) on happier from anon
alter view happier rename column name to called
create or replace view happier as select name, nick from happy join people using (id, name) where nick <> ''
refresh materialized view totals with no data ;; refresh materialized view totals
begin ;; lock table people ;; commit
begin ;; create table kept (id int) ;; savepoint a ;; drop table follows ;; rollback to savepoint a ;; alter table kept add b int ;; commit
