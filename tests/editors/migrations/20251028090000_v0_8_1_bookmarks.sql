-- Readers keep their place: « où en étais-je ? »
create table public.bookmarks (
  id uuid primary key default gen_random_uuid(),
  profile_id uuid not null references public.profiles (id) on delete cascade,
  note text not null
);
alter table public.bookmarks enable row level security;
create index bookmarks_profile_id_idx on public.bookmarks (profile_id);
create index contents_title_idx on public.contents (title);
