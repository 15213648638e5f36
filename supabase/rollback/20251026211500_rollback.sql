-- Undo 20251026211500_v0_7_0_baseline.sql: drops everything it created, in reverse order.
--
-- This deletes every row in these tables. Nothing is dropped with CASCADE: if something else has come
-- to depend on them, the script stops there, and its transaction with it.

set local lock_timeout = '2s';

-- sign-ups first: from here on a new user gets no profile
drop trigger on_auth_user_created on auth.users;

drop view public.project_progress;
drop view public.fragment_feed;
drop view public.mind_overview;

-- policies, triggers, indexes and privileges go with their tables; is_research_mode() is named by a
-- policy of minds and goes after it
drop table public.session_messages;
drop table public.sessions;
drop table public.content_publications;
drop table public.content_audiences;
drop table public.content_fragments;
drop table public.content_versions;
drop table public.contents;
drop table public.project_minds;
drop table public.projects;
drop table public.fragment_tags;
drop table public.tags;
drop table public.mind_trait_evidence;
drop table public.fragment_relations;
drop table public.fragments;
drop table public.ingestion_jobs;
drop table public.sources;
drop table public.mind_traits;
drop table public.mind_relations;
drop table public.minds;
drop table public.audience_profiles;
drop table public.research_grants;
drop table public.profile_settings;
drop table public.profiles;
drop table public.cognitive_traits;
drop table public.trait_dimensions;
drop table public.channels;
drop table public.content_formats;
drop table public.fragment_kinds;
drop table public.source_kinds;
drop table public.languages;

drop function public.is_research_mode();
drop function public.provision_user_profile();
drop function public.set_fragment_mind();
drop function public.touch_updated_at();
