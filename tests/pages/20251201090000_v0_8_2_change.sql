-- A change of everything that a trace shows: rewrites, scans, index builds, weak and strong locks, a step of its own.
set local lock_timeout = '2s';

alter table public.fragments alter column position type bigint;
alter table public.minds add column reviewed_at timestamptz default clock_timestamp();
alter table public.sources add constraint sources_title_short check (length(title) < 500) not valid;
alter table public.sources validate constraint sources_title_short;
alter table public.contents add column audience_id uuid references public.audience_profiles (id);
create index contents_audience_id_idx on public.contents (audience_id);
create table public.mind_notes (
  id uuid primary key default gen_random_uuid(),
  mind_id uuid not null references public.minds (id) on delete cascade,
  note text not null
);
alter table public.mind_notes enable row level security;
comment on table public.tags is 'Words that people put on fragments';
alter table public.profiles rename column display_name to shown_name;
drop table public.session_messages;

create index concurrently fragments_mind_id_new_idx on public.fragments (mind_id);
