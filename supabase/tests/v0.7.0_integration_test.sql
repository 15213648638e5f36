-- Integration test of v0.7.0: do sign-up, the fragment trigger, isolation between users and research
-- mode work together? The first part of what the design document lists as manual checks.
--
-- Emits TAP and needs no pgTAP. Needs the seed. Everything happens in one transaction that is rolled
-- back. Two users sign up whose addresses ask for the same slug; what follows is done as one or the
-- other, the way the API does it: as role authenticated with the user's claims.

begin;

select '1..33';

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

-- the timestamp given here must not survive
update public.profiles
set display_name = 'Ana', updated_at = '2000-01-01'
where id = '00000000-0000-4000-8000-00000000000a';

select case when display_name = 'Ana' then 'ok ' else 'not ok ' end || '10 - users change their own profile'
from public.profiles
where id = '00000000-0000-4000-8000-00000000000a';

select case when updated_at = now() then 'ok ' else 'not ok ' end || '11 - a change is stamped with its time'
from public.profiles
where id = '00000000-0000-4000-8000-00000000000a';

insert into public.audience_profiles (name) values ('Founders');
insert into public.tags (slug, name) values ('calm', 'Calm');
insert into public.projects (id, slug, name)
values ('00000000-0000-4000-8000-0000000000a5', 'letters', 'Letters');
insert into public.contents (project_id, format_code, title)
values ('00000000-0000-4000-8000-0000000000a5', 'post', 'On time');
insert into public.sessions (mind_id) values ('00000000-0000-4000-8000-0000000000a1');

select case when draft_count = 1 then 'ok ' else 'not ok ' end || '12 - the progress of a project counts its draft'
from public.project_progress
where project_id = '00000000-0000-4000-8000-0000000000a5';

-- ---------------------------------------------------------------------------------------------
-- the second user reads and writes nothing of the first
-- ---------------------------------------------------------------------------------------------

set local request.jwt.claims = '{"sub": "00000000-0000-4000-8000-00000000000b", "role": "authenticated"}';

select case when visible = 0 then 'ok ' else 'not ok ' end || number || ' - nothing of others in ' || name
from (
  select 13, 'minds', count(*) from public.minds
  union all select 14, 'sources', count(*) from public.sources
  union all select 15, 'fragments', count(*) from public.fragments
  union all select 16, 'audience_profiles', count(*) from public.audience_profiles
  union all select 17, 'tags', count(*) from public.tags
  union all select 18, 'projects', count(*) from public.projects
  union all select 19, 'contents', count(*) from public.contents
  union all select 20, 'sessions', count(*) from public.sessions
  union all select 21, 'mind_overview', count(*) from public.mind_overview
  union all select 22, 'fragment_feed', count(*) from public.fragment_feed
  union all select 23, 'project_progress', count(*) from public.project_progress
) as seen (number, name, visible)
order by number;

select case when count(*) = 1 and bool_and(id = '00000000-0000-4000-8000-00000000000b')
  then 'ok ' else 'not ok ' end || '24 - profiles of others are invisible'
from public.profiles;

-- What must fail runs in a block that counts how often it was refused. The right reason is a policy or a
-- missing privilege (42501) and, for a fragment, a source that the trigger does not find (23503).
do $$
declare
  forgery text;
  refused integer := 0;
begin
  foreach forgery in array array[
    $sql$ insert into public.minds (owner_id, slug, name)
          values ('00000000-0000-4000-8000-00000000000a', 'forged', 'Forged') $sql$,
    $sql$ insert into public.sources (mind_id, kind_code, title)
          values ('00000000-0000-4000-8000-0000000000a1', 'note', 'Forged') $sql$,
    $sql$ insert into public.audience_profiles (owner_id, name)
          values ('00000000-0000-4000-8000-00000000000a', 'Forged') $sql$,
    $sql$ insert into public.tags (owner_id, slug, name)
          values ('00000000-0000-4000-8000-00000000000a', 'forged', 'Forged') $sql$,
    $sql$ insert into public.projects (owner_id, slug, name)
          values ('00000000-0000-4000-8000-00000000000a', 'forged', 'Forged') $sql$,
    $sql$ insert into public.contents (project_id, owner_id, format_code, title)
          values ('00000000-0000-4000-8000-0000000000a5', '00000000-0000-4000-8000-00000000000a',
                  'post', 'Forged') $sql$,
    $sql$ insert into public.sessions (profile_id, mind_id)
          values ('00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-0000000000a1') $sql$,
    $sql$ insert into public.sessions (mind_id)
          values ('00000000-0000-4000-8000-0000000000a1') $sql$,
    $sql$ insert into public.research_grants (profile_id, reason)
          values ('00000000-0000-4000-8000-00000000000b', 'curious') $sql$,
    $sql$ insert into public.profiles (id, slug)
          values ('00000000-0000-4000-8000-00000000000d', 'forged') $sql$,
    $sql$ delete from public.minds
          where id = '00000000-0000-4000-8000-0000000000a1' $sql$,
    $sql$ select from public.session_messages $sql$
  ]
  loop
    begin
      execute forgery;
    exception
      when insufficient_privilege then refused := refused + 1;
    end;
  end loop;
  perform set_config('test.refused', refused::text, true);

  begin
    insert into public.fragments (source_id, kind_code, body)
    values ('00000000-0000-4000-8000-0000000000a3', 'quote', 'Forged');
    perform set_config('test.fragment', 'accepted', true);
  exception
    when others then perform set_config('test.fragment', sqlstate, true);
  end;
end
$$;

select case when current_setting('test.refused') = '12'
  then 'ok ' else 'not ok ' end || '25 - nobody writes in the name of others, or grants themselves anything';

select case when current_setting('test.fragment') = '23503'
  then 'ok ' else 'not ok ' end || '26 - nobody adds a fragment to a source of others';

with minds as (
  update public.minds set name = 'Taken over'
  where id = '00000000-0000-4000-8000-0000000000a1'
  returning id
), fragments as (
  delete from public.fragments
  where id = '00000000-0000-4000-8000-0000000000a4'
  returning id
), projects as (
  delete from public.projects
  where id = '00000000-0000-4000-8000-0000000000a5'
  returning id
)
select case when (select count(*) from minds) + (select count(*) from fragments) + (select count(*) from projects) = 0
  then 'ok ' else 'not ok ' end || '27 - nothing of others is changed or deleted';

-- ---------------------------------------------------------------------------------------------
-- research mode: the second user reads across minds, and still writes none
-- ---------------------------------------------------------------------------------------------

reset role;

insert into public.research_grants (profile_id, reason)
values ('00000000-0000-4000-8000-00000000000b', 'integration test');

set local role authenticated;

select case when count(*) = 2 then 'ok ' else 'not ok ' end || '28 - research mode reads minds of others'
from public.minds
where owner_id = '00000000-0000-4000-8000-00000000000a';

select case when count(*) = 1 then 'ok ' else 'not ok ' end || '29 - research mode reads fragments of others'
from public.fragment_feed
where fragment_id = '00000000-0000-4000-8000-0000000000a4';

select case when count(*) = 0 then 'ok ' else 'not ok ' end || '30 - research mode does not reach sources'
from public.sources;

with minds as (
  update public.minds set name = 'Rewritten'
  where id = '00000000-0000-4000-8000-0000000000a1'
  returning id
), rewritten as (
  update public.fragments set body = 'Rewritten'
  where id = '00000000-0000-4000-8000-0000000000a4'
  returning id
)
select case when (select count(*) from minds) + (select count(*) from rewritten) = 0
  then 'ok ' else 'not ok ' end || '31 - research mode changes nothing';

with deleted as (
  delete from public.fragments
  where id = '00000000-0000-4000-8000-0000000000a4'
  returning id
)
select case when count(*) = 0 then 'ok ' else 'not ok ' end || '32 - research mode deletes nothing'
from deleted;

reset role;

update public.research_grants
set expires_at = now() - interval '1 day'
where profile_id = '00000000-0000-4000-8000-00000000000b';

set local role authenticated;

select case when count(*) = 0 then 'ok ' else 'not ok ' end || '33 - an expired grant is none'
from public.minds;

rollback;
