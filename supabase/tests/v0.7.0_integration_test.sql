-- Integration test of v0.7.0: do sign-up, the fragment trigger, isolation between users and research
-- mode work together? The first part of what the design document lists as manual checks.
--
-- Emits TAP and needs no pgTAP. Needs the seed. Everything happens in one transaction that is rolled
-- back. Two users sign up whose addresses ask for the same slug; what follows is done as one or the
-- other, the way the API does it: as role authenticated with the user's claims.

begin;

select '1..25';

-- ---------------------------------------------------------------------------------------------
-- sign-up
-- ---------------------------------------------------------------------------------------------

insert into auth.users (id, email, raw_user_meta_data)
values
  ('00000000-0000-4000-8000-00000000000a', 'Ana.Lima@one.test', '{"full_name": "Ana Lima"}'),
  ('00000000-0000-4000-8000-00000000000b', 'ana-lima@two.test', '{}'),
  ('00000000-0000-4000-8000-00000000000c', null, null);

select case when count(*) = 3 then 'ok ' else 'not ok ' end || '1 - every sign-up gets a profile'
from public.profiles
where id in (
  '00000000-0000-4000-8000-00000000000a',
  '00000000-0000-4000-8000-00000000000b',
  '00000000-0000-4000-8000-00000000000c'
);

select case when bool_and(slug ~ '^ana-lima(-[0-9a-f]{8})?$') and count(distinct slug) = 2
  then 'ok ' else 'not ok ' end || '2 - two users who want the same slug get two'
from public.profiles
where id in ('00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b');

select case when display_name = 'Ana Lima'
  then 'ok ' else 'not ok ' end || '3 - the name given at sign-up is kept'
from public.profiles
where id = '00000000-0000-4000-8000-00000000000a';

select case when slug ~ '^user(-[0-9a-f]{8})?$'
  then 'ok ' else 'not ok ' end || '4 - a user without an e-mail address gets a slug too'
from public.profiles
where id = '00000000-0000-4000-8000-00000000000c';

-- ---------------------------------------------------------------------------------------------
-- the first user writes
-- ---------------------------------------------------------------------------------------------

set local role authenticated;
set local request.jwt.claims = '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}';

insert into public.minds (id, slug, name)
values
  ('00000000-0000-4000-8000-0000000000a1', 'stoic', 'A stoic'),
  ('00000000-0000-4000-8000-0000000000a2', 'sceptic', 'A sceptic');

insert into public.sources (id, mind_id, kind_code, title)
values (
  '00000000-0000-4000-8000-0000000000a3', '00000000-0000-4000-8000-0000000000a1', 'book', 'Letters'
);

insert into public.fragments (id, source_id, kind_code, body)
values (
  '00000000-0000-4000-8000-0000000000a4', '00000000-0000-4000-8000-0000000000a3', 'quote',
  'We suffer more in imagination than in reality'
);

select case when count(*) = 2 then 'ok ' else 'not ok ' end || '5 - a mind belongs to whoever creates it'
from public.minds
where owner_id = '00000000-0000-4000-8000-00000000000a';

select case when mind_id = '00000000-0000-4000-8000-0000000000a1'
  then 'ok ' else 'not ok ' end || '6 - a fragment gets its mind from its source'
from public.fragments
where id = '00000000-0000-4000-8000-0000000000a4';

update public.fragments
set mind_id = '00000000-0000-4000-8000-0000000000a2'
where id = '00000000-0000-4000-8000-0000000000a4';

select case when mind_id = '00000000-0000-4000-8000-0000000000a1'
  then 'ok ' else 'not ok ' end || '7 - a fragment cannot be given another mind than its source''s'
from public.fragments
where id = '00000000-0000-4000-8000-0000000000a4';

update public.sources
set mind_id = '00000000-0000-4000-8000-0000000000a2'
where id = '00000000-0000-4000-8000-0000000000a3';

select case when mind_id = '00000000-0000-4000-8000-0000000000a2'
  then 'ok ' else 'not ok ' end || '8 - a source that moves to another mind takes its fragments along'
from public.fragments
where id = '00000000-0000-4000-8000-0000000000a4';

select case when fragment_count = 1 then 'ok ' else 'not ok ' end || '9 - the overview counts the fragment'
from public.mind_overview
where mind_id = '00000000-0000-4000-8000-0000000000a2';

update public.profiles
set display_name = 'Ana'
where id = '00000000-0000-4000-8000-00000000000a';

select case when display_name = 'Ana' then 'ok ' else 'not ok ' end || '10 - users change their own profile'
from public.profiles
where id = '00000000-0000-4000-8000-00000000000a';

-- ---------------------------------------------------------------------------------------------
-- the second user reads and writes nothing of the first
-- ---------------------------------------------------------------------------------------------

set local request.jwt.claims = '{"sub": "00000000-0000-4000-8000-00000000000b", "role": "authenticated"}';

select case when count(*) = 0 then 'ok ' else 'not ok ' end || '11 - minds of others are invisible'
from public.minds;

select case when count(*) = 0 then 'ok ' else 'not ok ' end || '12 - sources of others are invisible'
from public.sources;

select case when count(*) = 0 then 'ok ' else 'not ok ' end || '13 - fragments of others are invisible'
from public.fragments;

select case when (select count(*) from public.fragment_feed) + (select count(*) from public.mind_overview) = 0
  then 'ok ' else 'not ok ' end || '14 - views show no more than their tables';

select case when count(*) = 1 and bool_and(id = '00000000-0000-4000-8000-00000000000b')
  then 'ok ' else 'not ok ' end || '15 - profiles of others are invisible'
from public.profiles;

with changed as (
  update public.minds set name = 'Taken over'
  where id = '00000000-0000-4000-8000-0000000000a1'
  returning id
)
select case when count(*) = 0 then 'ok ' else 'not ok ' end || '16 - minds of others cannot be changed'
from changed;

with deleted as (
  delete from public.fragments
  where id = '00000000-0000-4000-8000-0000000000a4'
  returning id
)
select case when count(*) = 0 then 'ok ' else 'not ok ' end || '17 - fragments of others cannot be deleted'
from deleted;

-- What must fail runs in a block that remembers how it failed.
do $$
begin
  insert into public.minds (owner_id, slug, name)
  values ('00000000-0000-4000-8000-00000000000a', 'forged', 'Forged');
  perform set_config('test.mind_of_another', 'accepted', true);
exception
  when others then perform set_config('test.mind_of_another', sqlstate, true);
end
$$;

select case when current_setting('test.mind_of_another') = '42501'
  then 'ok ' else 'not ok ' end || '18 - nobody creates a mind for somebody else';

do $$
begin
  insert into public.fragments (source_id, kind_code, body)
  values ('00000000-0000-4000-8000-0000000000a3', 'quote', 'Not mine');
  perform set_config('test.fragment_of_another', 'accepted', true);
exception
  when others then perform set_config('test.fragment_of_another', sqlstate, true);
end
$$;

-- the trigger does not find a source that the user may not read
select case when current_setting('test.fragment_of_another') = '23503'
  then 'ok ' else 'not ok ' end || '19 - nobody adds a fragment to somebody else''s source';

do $$
begin
  insert into public.research_grants (profile_id, reason)
  values ('00000000-0000-4000-8000-00000000000b', 'curious');
  perform set_config('test.own_grant', 'accepted', true);
exception
  when others then perform set_config('test.own_grant', sqlstate, true);
end
$$;

select case when current_setting('test.own_grant') = '42501'
  then 'ok ' else 'not ok ' end || '20 - nobody grants research mode to themselves';

-- ---------------------------------------------------------------------------------------------
-- research mode: the second user reads across minds, and still writes none
-- ---------------------------------------------------------------------------------------------

reset role;

insert into public.research_grants (profile_id, reason)
values ('00000000-0000-4000-8000-00000000000b', 'integration test');

set local role authenticated;

select case when count(*) = 2 then 'ok ' else 'not ok ' end || '21 - research mode reads minds of others'
from public.minds
where owner_id = '00000000-0000-4000-8000-00000000000a';

select case when count(*) = 1 then 'ok ' else 'not ok ' end || '22 - research mode reads fragments of others'
from public.fragment_feed
where fragment_id = '00000000-0000-4000-8000-0000000000a4';

select case when count(*) = 0 then 'ok ' else 'not ok ' end || '23 - research mode does not reach sources'
from public.sources;

with changed as (
  update public.fragments set body = 'Rewritten'
  where id = '00000000-0000-4000-8000-0000000000a4'
  returning id
)
select case when count(*) = 0 then 'ok ' else 'not ok ' end || '24 - research mode changes nothing'
from changed;

reset role;

update public.research_grants
set expires_at = now() - interval '1 day'
where profile_id = '00000000-0000-4000-8000-00000000000b';

set local role authenticated;

select case when count(*) = 0 then 'ok ' else 'not ok ' end || '25 - an expired grant is none'
from public.minds;

rollback;
