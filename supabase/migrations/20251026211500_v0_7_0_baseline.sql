-- v0.7.0 baseline: minds, the material they are made of, and what is created from them.
--
-- Who may touch what, in two layers:
--   1. privileges say which tables a role can reach at all (section "privileges");
--   2. policies say which rows (section "policies").
-- A table that has row security and no policy is for the service role only: the application's
-- server reads and writes it, a browser never does.
--
-- Everything is schema-qualified and every function has an empty search_path, so that no
-- session setting can change what a name means.

-- auth.users is live even though this schema is new: give up instead of queueing in front of sign-ins.
set local lock_timeout = '2s';

-- ---------------------------------------------------------------------------------------------
-- reference data: small, keyed by a readable code, filled by the seed
-- ---------------------------------------------------------------------------------------------

create table public.languages (
  code text primary key,
  name text not null,
  constraint languages_code_format check (code ~ '^[a-z]{2,3}$')
);

create table public.source_kinds (
  code text primary key,
  name text not null,
  description text not null default ''
);

create table public.fragment_kinds (
  code text primary key,
  name text not null,
  description text not null default ''
);

create table public.content_formats (
  code text primary key,
  name text not null,
  max_characters integer,
  constraint content_formats_max_characters_positive check (max_characters > 0)
);

create table public.channels (
  code text primary key,
  name text not null
);

create table public.trait_dimensions (
  code text primary key,
  name text not null,
  description text not null default ''
);

create table public.cognitive_traits (
  code text primary key,
  dimension_code text not null references public.trait_dimensions (code) on delete restrict,
  name text not null,
  description text not null default ''
);

create index cognitive_traits_dimension_code_idx on public.cognitive_traits (dimension_code);

-- ---------------------------------------------------------------------------------------------
-- people
-- ---------------------------------------------------------------------------------------------

-- One row per user, written by public.provision_user_profile() at sign-up.
create table public.profiles (
  id uuid primary key references auth.users (id) on delete cascade,
  slug text not null,
  display_name text not null default '',
  language_code text references public.languages (code) on delete restrict,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint profiles_slug_key unique (slug),
  constraint profiles_slug_format check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$')
);

create index profiles_language_code_idx on public.profiles (language_code);

create table public.profile_settings (
  profile_id uuid primary key references public.profiles (id) on delete cascade,
  preferences jsonb not null default '{}',
  updated_at timestamptz not null default now()
);

-- Research mode: who holds a grant reads across minds. It is a table of its own and not a column of
-- profiles, because people may change their own profile but must not grant themselves anything.
create table public.research_grants (
  profile_id uuid primary key references public.profiles (id) on delete cascade,
  reason text not null,
  granted_at timestamptz not null default now(),
  -- null: until the row is deleted
  expires_at timestamptz
);

create table public.audience_profiles (
  id uuid primary key default gen_random_uuid(),
  owner_id uuid not null default auth.uid() references public.profiles (id) on delete cascade,
  name text not null,
  description text not null default '',
  attributes jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint audience_profiles_owner_id_name_key unique (owner_id, name)
);

-- ---------------------------------------------------------------------------------------------
-- minds
-- ---------------------------------------------------------------------------------------------

create table public.minds (
  id uuid primary key default gen_random_uuid(),
  owner_id uuid not null default auth.uid() references public.profiles (id) on delete cascade,
  slug text not null,
  name text not null,
  summary text not null default '',
  language_code text references public.languages (code) on delete restrict,
  archived_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint minds_owner_id_slug_key unique (owner_id, slug),
  constraint minds_slug_format check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$')
);

create index minds_language_code_idx on public.minds (language_code);

create table public.mind_relations (
  from_mind_id uuid not null references public.minds (id) on delete cascade,
  to_mind_id uuid not null references public.minds (id) on delete cascade,
  relation text not null,
  created_at timestamptz not null default now(),
  primary key (from_mind_id, to_mind_id, relation),
  constraint mind_relations_not_to_itself check (from_mind_id <> to_mind_id),
  constraint mind_relations_relation_known check (relation in ('influences', 'opposes', 'succeeds'))
);

create index mind_relations_to_mind_id_idx on public.mind_relations (to_mind_id);

create table public.mind_traits (
  mind_id uuid not null references public.minds (id) on delete cascade,
  trait_code text not null references public.cognitive_traits (code) on delete restrict,
  score numeric(4, 3) not null,
  confidence numeric(4, 3) not null default 0,
  updated_at timestamptz not null default now(),
  primary key (mind_id, trait_code),
  constraint mind_traits_score_range check (score between 0 and 1),
  constraint mind_traits_confidence_range check (confidence between 0 and 1)
);

create index mind_traits_trait_code_idx on public.mind_traits (trait_code);

-- ---------------------------------------------------------------------------------------------
-- material: sources, the fragments cut from them, tags
-- ---------------------------------------------------------------------------------------------

create table public.sources (
  id uuid primary key default gen_random_uuid(),
  mind_id uuid not null references public.minds (id) on delete cascade,
  kind_code text not null references public.source_kinds (code) on delete restrict,
  language_code text references public.languages (code) on delete restrict,
  title text not null,
  uri text,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- the target of fragments' foreign key
  constraint sources_id_mind_id_key unique (id, mind_id)
);

create index sources_mind_id_idx on public.sources (mind_id);
create index sources_kind_code_idx on public.sources (kind_code);
create index sources_language_code_idx on public.sources (language_code);

create table public.ingestion_jobs (
  id bigint generated always as identity primary key,
  source_id uuid not null references public.sources (id) on delete cascade,
  status text not null default 'queued',
  attempts integer not null default 0,
  last_error text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint ingestion_jobs_status_known check (status in ('queued', 'running', 'done', 'failed'))
);

create index ingestion_jobs_source_id_idx on public.ingestion_jobs (source_id);

-- mind_id repeats the source's mind, because every policy and every search asks for it. The trigger
-- fills it, and the two-column foreign key makes a wrong value impossible, also when a source moves
-- to another mind.
create table public.fragments (
  id uuid primary key default gen_random_uuid(),
  source_id uuid not null,
  mind_id uuid not null references public.minds (id) on delete cascade,
  kind_code text not null references public.fragment_kinds (code) on delete restrict,
  position integer not null default 0,
  body text not null,
  search tsvector generated always as (to_tsvector('simple', body)) stored,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint fragments_source_id_mind_id_fkey foreign key (source_id, mind_id)
    references public.sources (id, mind_id) on update cascade on delete cascade
);

create index fragments_source_id_mind_id_idx on public.fragments (source_id, mind_id);
create index fragments_mind_id_idx on public.fragments (mind_id);
create index fragments_kind_code_idx on public.fragments (kind_code);
create index fragments_search_idx on public.fragments using gin (search);

create table public.fragment_relations (
  from_fragment_id uuid not null references public.fragments (id) on delete cascade,
  to_fragment_id uuid not null references public.fragments (id) on delete cascade,
  relation text not null,
  created_at timestamptz not null default now(),
  primary key (from_fragment_id, to_fragment_id, relation),
  constraint fragment_relations_not_to_itself check (from_fragment_id <> to_fragment_id),
  constraint fragment_relations_relation_known
    check (relation in ('supports', 'contradicts', 'extends'))
);

create index fragment_relations_to_fragment_id_idx on public.fragment_relations (to_fragment_id);

-- Which fragments a trait was read from.
create table public.mind_trait_evidence (
  mind_id uuid not null,
  trait_code text not null,
  fragment_id uuid not null references public.fragments (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (mind_id, trait_code, fragment_id),
  constraint mind_trait_evidence_mind_id_trait_code_fkey foreign key (mind_id, trait_code)
    references public.mind_traits (mind_id, trait_code) on delete cascade
);

create index mind_trait_evidence_fragment_id_idx on public.mind_trait_evidence (fragment_id);

create table public.tags (
  id uuid primary key default gen_random_uuid(),
  owner_id uuid not null default auth.uid() references public.profiles (id) on delete cascade,
  slug text not null,
  name text not null,
  created_at timestamptz not null default now(),
  constraint tags_owner_id_slug_key unique (owner_id, slug)
);

create table public.fragment_tags (
  fragment_id uuid not null references public.fragments (id) on delete cascade,
  tag_id uuid not null references public.tags (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (fragment_id, tag_id)
);

create index fragment_tags_tag_id_idx on public.fragment_tags (tag_id);

-- ---------------------------------------------------------------------------------------------
-- creation: projects, their contents, where they were published
-- ---------------------------------------------------------------------------------------------

create table public.projects (
  id uuid primary key default gen_random_uuid(),
  owner_id uuid not null default auth.uid() references public.profiles (id) on delete cascade,
  slug text not null,
  name text not null,
  brief text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint projects_owner_id_slug_key unique (owner_id, slug),
  -- the target of contents' foreign key
  constraint projects_id_owner_id_key unique (id, owner_id)
);

create table public.project_minds (
  project_id uuid not null references public.projects (id) on delete cascade,
  mind_id uuid not null references public.minds (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (project_id, mind_id)
);

create index project_minds_mind_id_idx on public.project_minds (mind_id);

-- owner_id repeats the project's owner, so that the policy compares one column; the two-column
-- foreign key keeps it true.
create table public.contents (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null,
  owner_id uuid not null default auth.uid(),
  format_code text not null references public.content_formats (code) on delete restrict,
  language_code text references public.languages (code) on delete restrict,
  title text not null,
  body text not null default '',
  status text not null default 'draft',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint contents_project_id_owner_id_fkey foreign key (project_id, owner_id)
    references public.projects (id, owner_id) on update cascade on delete cascade,
  constraint contents_status_known check (status in ('draft', 'review', 'published', 'archived'))
);

create index contents_project_id_owner_id_idx on public.contents (project_id, owner_id);
create index contents_owner_id_idx on public.contents (owner_id);
create index contents_format_code_idx on public.contents (format_code);
create index contents_language_code_idx on public.contents (language_code);

create table public.content_versions (
  id bigint generated always as identity primary key,
  content_id uuid not null references public.contents (id) on delete cascade,
  version integer not null,
  title text not null,
  body text not null,
  created_at timestamptz not null default now(),
  constraint content_versions_content_id_version_key unique (content_id, version)
);

create table public.content_fragments (
  content_id uuid not null references public.contents (id) on delete cascade,
  fragment_id uuid not null references public.fragments (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (content_id, fragment_id)
);

create index content_fragments_fragment_id_idx on public.content_fragments (fragment_id);

create table public.content_audiences (
  content_id uuid not null references public.contents (id) on delete cascade,
  audience_profile_id uuid not null references public.audience_profiles (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (content_id, audience_profile_id)
);

create index content_audiences_audience_profile_id_idx
  on public.content_audiences (audience_profile_id);

create table public.content_publications (
  id uuid primary key default gen_random_uuid(),
  content_id uuid not null references public.contents (id) on delete cascade,
  channel_code text not null references public.channels (code) on delete restrict,
  external_url text,
  published_at timestamptz not null default now(),
  constraint content_publications_content_id_channel_code_key unique (content_id, channel_code)
);

create index content_publications_channel_code_idx on public.content_publications (channel_code);

-- ---------------------------------------------------------------------------------------------
-- sessions: a profile in conversation with a mind
-- ---------------------------------------------------------------------------------------------

create table public.sessions (
  id uuid primary key default gen_random_uuid(),
  profile_id uuid not null default auth.uid() references public.profiles (id) on delete cascade,
  mind_id uuid not null references public.minds (id) on delete cascade,
  title text not null default '',
  ended_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create index sessions_profile_id_idx on public.sessions (profile_id);
create index sessions_mind_id_idx on public.sessions (mind_id);

create table public.session_messages (
  id bigint generated always as identity primary key,
  session_id uuid not null references public.sessions (id) on delete cascade,
  author text not null,
  body text not null,
  created_at timestamptz not null default now(),
  constraint session_messages_author_known check (author in ('profile', 'mind'))
);

create index session_messages_session_id_idx on public.session_messages (session_id);

-- ---------------------------------------------------------------------------------------------
-- functions
-- ---------------------------------------------------------------------------------------------

create function public.touch_updated_at()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end
$$;

-- Runs as the caller: whoever may not read the source may not cut fragments from it either.
create function public.set_fragment_mind()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  select sources.mind_id into new.mind_id
  from public.sources
  where sources.id = new.source_id;

  if not found then
    raise foreign_key_violation
      using message = 'the source of this fragment does not exist or is not yours';
  end if;
  return new;
end
$$;

-- Security definer, because the role that signs users up owns no table here. A taken slug must never
-- make a sign-up fail: the insert waits for a concurrent one with the same slug, and either takes the
-- slug or tries the next one.
create function public.provision_user_profile()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  wanted text;
  candidate text;
begin
  -- the local part of the address; users without one (phone, anonymous) start from 'user'
  wanted := regexp_replace(lower(split_part(coalesce(new.email, ''), '@', 1)), '[^a-z0-9]+', '-', 'g');
  wanted := coalesce(nullif(trim(both '-' from left(wanted, 40)), ''), 'user');
  candidate := wanted;

  for attempt in 1..10 loop
    insert into public.profiles (id, slug, display_name)
    values (new.id, candidate, coalesce(new.raw_user_meta_data ->> 'full_name', ''))
    on conflict (slug) do nothing;

    if found then
      return new;
    end if;
    candidate := wanted || '-' || left(gen_random_uuid()::text, 8);
  end loop;

  raise unique_violation
    using message = format('no free slug for %L after 10 attempts', wanted);
end
$$;

-- Reads the caller's own grant under the caller's own rights. Policies wrap it in a sub-select, so
-- that a query asks once and not once per row.
create function public.is_research_mode()
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
    select 1
    from public.research_grants
    where research_grants.profile_id = (select auth.uid())
      and (research_grants.expires_at is null or research_grants.expires_at > now())
  )
$$;

-- ---------------------------------------------------------------------------------------------
-- triggers
-- ---------------------------------------------------------------------------------------------

create trigger on_auth_user_created
  after insert on auth.users
  for each row execute function public.provision_user_profile();

create trigger fragments_set_mind
  before insert or update of source_id, mind_id on public.fragments
  for each row execute function public.set_fragment_mind();

create trigger profiles_touch_updated_at before update on public.profiles
  for each row execute function public.touch_updated_at();
create trigger profile_settings_touch_updated_at before update on public.profile_settings
  for each row execute function public.touch_updated_at();
create trigger audience_profiles_touch_updated_at before update on public.audience_profiles
  for each row execute function public.touch_updated_at();
create trigger minds_touch_updated_at before update on public.minds
  for each row execute function public.touch_updated_at();
create trigger mind_traits_touch_updated_at before update on public.mind_traits
  for each row execute function public.touch_updated_at();
create trigger sources_touch_updated_at before update on public.sources
  for each row execute function public.touch_updated_at();
create trigger ingestion_jobs_touch_updated_at before update on public.ingestion_jobs
  for each row execute function public.touch_updated_at();
create trigger fragments_touch_updated_at before update on public.fragments
  for each row execute function public.touch_updated_at();
create trigger projects_touch_updated_at before update on public.projects
  for each row execute function public.touch_updated_at();
create trigger contents_touch_updated_at before update on public.contents
  for each row execute function public.touch_updated_at();
create trigger sessions_touch_updated_at before update on public.sessions
  for each row execute function public.touch_updated_at();

-- ---------------------------------------------------------------------------------------------
-- views: they run with the rights of whoever asks, so that policies hold in them too
-- ---------------------------------------------------------------------------------------------

create view public.mind_overview with (security_invoker = true) as
select
  minds.id as mind_id,
  minds.owner_id,
  minds.slug,
  minds.name,
  count(fragments.id) as fragment_count,
  max(fragments.created_at) as last_fragment_at
from public.minds
left join public.fragments on fragments.mind_id = minds.id
where minds.archived_at is null
group by minds.id, minds.owner_id, minds.slug, minds.name;

create view public.fragment_feed with (security_invoker = true) as
select
  fragments.id as fragment_id,
  fragments.mind_id,
  minds.name as mind_name,
  fragments.source_id,
  fragments.kind_code,
  fragments.body,
  fragments.created_at
from public.fragments
join public.minds on minds.id = fragments.mind_id;

create view public.project_progress with (security_invoker = true) as
select
  projects.id as project_id,
  projects.owner_id,
  projects.name,
  count(contents.id) filter (where contents.status = 'draft') as draft_count,
  count(contents.id) filter (where contents.status = 'review') as review_count,
  count(contents.id) filter (where contents.status = 'published') as published_count
from public.projects
left join public.contents on contents.project_id = projects.id
group by projects.id, projects.owner_id, projects.name;

-- ---------------------------------------------------------------------------------------------
-- row security: on everywhere
-- ---------------------------------------------------------------------------------------------

alter table public.languages enable row level security;
alter table public.source_kinds enable row level security;
alter table public.fragment_kinds enable row level security;
alter table public.content_formats enable row level security;
alter table public.channels enable row level security;
alter table public.trait_dimensions enable row level security;
alter table public.cognitive_traits enable row level security;
alter table public.profiles enable row level security;
alter table public.profile_settings enable row level security;
alter table public.research_grants enable row level security;
alter table public.audience_profiles enable row level security;
alter table public.minds enable row level security;
alter table public.mind_relations enable row level security;
alter table public.mind_traits enable row level security;
alter table public.sources enable row level security;
alter table public.ingestion_jobs enable row level security;
alter table public.fragments enable row level security;
alter table public.fragment_relations enable row level security;
alter table public.mind_trait_evidence enable row level security;
alter table public.tags enable row level security;
alter table public.fragment_tags enable row level security;
alter table public.projects enable row level security;
alter table public.project_minds enable row level security;
alter table public.contents enable row level security;
alter table public.content_versions enable row level security;
alter table public.content_fragments enable row level security;
alter table public.content_audiences enable row level security;
alter table public.content_publications enable row level security;
alter table public.sessions enable row level security;
alter table public.session_messages enable row level security;

-- ---------------------------------------------------------------------------------------------
-- policies: 16, one per table and command
-- ---------------------------------------------------------------------------------------------

-- A profile appears with its user and goes with it: no insert, no delete.
create policy profiles_select_own on public.profiles
  for select to authenticated
  using (id = (select auth.uid()));

create policy profiles_update_own on public.profiles
  for update to authenticated
  using (id = (select auth.uid()))
  with check (id = (select auth.uid()));

create policy research_grants_select_own on public.research_grants
  for select to authenticated
  using (profile_id = (select auth.uid()));

create policy audience_profiles_all_own on public.audience_profiles
  for all to authenticated
  using (owner_id = (select auth.uid()))
  with check (owner_id = (select auth.uid()));

-- Research mode reads every mind and writes none of them.
create policy minds_select_own_or_research on public.minds
  for select to authenticated
  using (owner_id = (select auth.uid()) or (select public.is_research_mode()));

create policy minds_insert_own on public.minds
  for insert to authenticated
  with check (owner_id = (select auth.uid()));

-- Owners archive a mind; deleting one deletes all that was ever cut from its sources, so that is left
-- to the service role.
create policy minds_update_own on public.minds
  for update to authenticated
  using (owner_id = (select auth.uid()))
  with check (owner_id = (select auth.uid()));

-- Sources may hold whole books and private recordings: research mode does not reach them.
create policy sources_all_own on public.sources
  for all to authenticated
  using (mind_id in (select minds.id from public.minds where minds.owner_id = (select auth.uid())))
  with check (mind_id in (select minds.id from public.minds where minds.owner_id = (select auth.uid())));

-- Whoever may read the mind may read its fragments: the sub-select obeys the policy of public.minds.
create policy fragments_select_readable_mind on public.fragments
  for select to authenticated
  using (mind_id in (select minds.id from public.minds));

create policy fragments_insert_own_mind on public.fragments
  for insert to authenticated
  with check (mind_id in (select minds.id from public.minds where minds.owner_id = (select auth.uid())));

create policy fragments_update_own_mind on public.fragments
  for update to authenticated
  using (mind_id in (select minds.id from public.minds where minds.owner_id = (select auth.uid())))
  with check (mind_id in (select minds.id from public.minds where minds.owner_id = (select auth.uid())));

create policy fragments_delete_own_mind on public.fragments
  for delete to authenticated
  using (mind_id in (select minds.id from public.minds where minds.owner_id = (select auth.uid())));

create policy tags_all_own on public.tags
  for all to authenticated
  using (owner_id = (select auth.uid()))
  with check (owner_id = (select auth.uid()));

create policy projects_all_own on public.projects
  for all to authenticated
  using (owner_id = (select auth.uid()))
  with check (owner_id = (select auth.uid()));

create policy contents_all_own on public.contents
  for all to authenticated
  using (owner_id = (select auth.uid()))
  with check (owner_id = (select auth.uid()));

-- A session is with a mind that its profile may read.
create policy sessions_all_own on public.sessions
  for all to authenticated
  using (profile_id = (select auth.uid()))
  with check (profile_id = (select auth.uid()) and mind_id in (select minds.id from public.minds));

-- ---------------------------------------------------------------------------------------------
-- privileges: spelled out, so that the result is the same whether or not the project's default
-- privileges expose new objects
-- ---------------------------------------------------------------------------------------------

revoke all on table
  public.languages, public.source_kinds, public.fragment_kinds, public.content_formats,
  public.channels, public.trait_dimensions, public.cognitive_traits, public.profiles,
  public.profile_settings, public.research_grants, public.audience_profiles, public.minds,
  public.mind_relations, public.mind_traits, public.sources, public.ingestion_jobs,
  public.fragments, public.fragment_relations, public.mind_trait_evidence, public.tags,
  public.fragment_tags, public.projects, public.project_minds, public.contents,
  public.content_versions, public.content_fragments, public.content_audiences,
  public.content_publications, public.sessions, public.session_messages,
  public.mind_overview, public.fragment_feed, public.project_progress
from anon, authenticated, service_role;

grant select, insert, update, delete on table
  public.languages, public.source_kinds, public.fragment_kinds, public.content_formats,
  public.channels, public.trait_dimensions, public.cognitive_traits, public.profiles,
  public.profile_settings, public.research_grants, public.audience_profiles, public.minds,
  public.mind_relations, public.mind_traits, public.sources, public.ingestion_jobs,
  public.fragments, public.fragment_relations, public.mind_trait_evidence, public.tags,
  public.fragment_tags, public.projects, public.project_minds, public.contents,
  public.content_versions, public.content_fragments, public.content_audiences,
  public.content_publications, public.sessions, public.session_messages
to service_role;

grant select, insert, update, delete on table
  public.audience_profiles, public.sources, public.fragments, public.tags, public.projects,
  public.contents, public.sessions
to authenticated;
grant select, insert, update on table public.minds to authenticated;
grant select, update on table public.profiles to authenticated;
grant select on table public.research_grants to authenticated;
grant select on table public.mind_overview, public.fragment_feed, public.project_progress
to authenticated, service_role;

-- Identity columns draw their numbers without any privilege on the sequence.
revoke all on sequence
  public.ingestion_jobs_id_seq, public.content_versions_id_seq, public.session_messages_id_seq
from anon, authenticated, service_role;

-- A trigger calls its function without asking for this privilege; nobody else has to call it.
revoke execute on function public.provision_user_profile() from public, anon, authenticated, service_role;
revoke execute on function public.set_fragment_mind() from public, anon, authenticated, service_role;
revoke execute on function public.touch_updated_at() from public, anon, authenticated, service_role;
revoke execute on function public.is_research_mode() from public, anon, service_role;
grant execute on function public.is_research_mode() to authenticated;
