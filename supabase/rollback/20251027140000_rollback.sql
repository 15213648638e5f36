-- Undo 20251027140000_v0_8_0_collaboration.sql: drops everything it created, in reverse order.
--
-- This deletes every collaborator, invitation and comment, and when projects were shared. Nothing is
-- dropped with CASCADE: if something else has come to depend on them, the script stops there, and its
-- transaction with it.

set local lock_timeout = '2s';

alter table public.projects drop column shared_at;

drop trigger contents_move_comments on public.contents;

-- policies, triggers, indexes and privileges go with their tables
drop table public.content_comments;
drop table public.project_invitations;
drop table public.project_collaborators;
drop table public.collaboration_roles;

drop function public.move_content_comments();
drop function public.set_comment_project();
