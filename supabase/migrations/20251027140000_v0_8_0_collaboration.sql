-- dblsp: hold (prepared for v0.8.0; v0.7.0 must be in use before projects are shared)
-- dblsp: allow-file held-migration-would-be-pushed (dblsp alone deploys here: see migrations/README.md)
--
-- v0.8.0 collaboration: people are invited to a project, join it, and comment on its contents.
--
-- The policies of projects and contents stay as they are. Collaborators read what they comment on
-- through the application's server; letting them read the tables themselves replaces policies of
-- tables in use, which deserves a migration of its own.

-- The new foreign keys stop writes to profiles, projects and contents until this transaction ends.
-- The new tables are empty, so that is a moment, but waiting for the locks must not become one long queue.
set local lock_timeout = '2s';

-- ---------------------------------------------------------------------------------------------
-- tables
-- ---------------------------------------------------------------------------------------------

create table public.collaboration_roles (
  code text primary key,
  name text not null,
  may_comment boolean not null
);

-- Part of the schema rather than of a seed: the default below and the policies need these rows.
insert into public.collaboration_roles (code, name, may_comment)
values
  ('commenter', 'Commenter', true),
  ('viewer', 'Viewer', false)
on conflict (code) do nothing;

-- owner_id repeats the project's owner and is kept true by the two-column foreign key. With it the
-- policies need not read public.projects.
create table public.project_collaborators (
  project_id uuid not null,
  owner_id uuid not null default auth.uid(),
  profile_id uuid not null references public.profiles (id) on delete cascade,
  role_code text not null default 'viewer'
    references public.collaboration_roles (code) on delete restrict,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (project_id, profile_id),
  constraint project_collaborators_project_id_owner_id_fkey foreign key (project_id, owner_id)
    references public.projects (id, owner_id) on update cascade on delete cascade,
  constraint project_collaborators_not_the_owner check (profile_id <> owner_id)
);

create index project_collaborators_project_id_owner_id_idx
  on public.project_collaborators (project_id, owner_id);
create index project_collaborators_owner_id_idx on public.project_collaborators (owner_id);
create index project_collaborators_profile_id_idx on public.project_collaborators (profile_id);
create index project_collaborators_role_code_idx on public.project_collaborators (role_code);

-- The invitation's secret is sent by e-mail; only its hash is stored.
create table public.project_invitations (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null,
  owner_id uuid not null default auth.uid(),
  email text not null,
  role_code text not null default 'viewer'
    references public.collaboration_roles (code) on delete restrict,
  secret_hash text not null,
  expires_at timestamptz not null default now() + interval '14 days',
  accepted_at timestamptz,
  created_at timestamptz not null default now(),
  constraint project_invitations_project_id_owner_id_fkey foreign key (project_id, owner_id)
    references public.projects (id, owner_id) on update cascade on delete cascade,
  constraint project_invitations_project_id_email_key unique (project_id, email),
  constraint project_invitations_secret_hash_key unique (secret_hash)
);

create index project_invitations_project_id_owner_id_idx
  on public.project_invitations (project_id, owner_id);
create index project_invitations_owner_id_idx on public.project_invitations (owner_id);
create index project_invitations_role_code_idx on public.project_invitations (role_code);

-- project_id repeats the content's project for the policies; two triggers keep it true, also when a
-- content moves to another project.
create table public.content_comments (
  id uuid primary key default gen_random_uuid(),
  content_id uuid not null references public.contents (id) on delete cascade,
  project_id uuid not null references public.projects (id) on delete cascade,
  author_id uuid not null default auth.uid() references public.profiles (id) on delete cascade,
  body text not null,
  resolved_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint content_comments_body_not_empty check (body <> '')
);

create index content_comments_content_id_idx on public.content_comments (content_id);
create index content_comments_project_id_idx on public.content_comments (project_id);
create index content_comments_author_id_idx on public.content_comments (author_id);

-- ---------------------------------------------------------------------------------------------
-- functions and triggers
-- ---------------------------------------------------------------------------------------------

-- Security definer, because a collaborator may comment on a content without reading its row. It tells
-- the caller nothing: the policy of content_comments decides afterwards whether the row may stand.
create function public.set_comment_project()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  select contents.project_id into new.project_id
  from public.contents
  where contents.id = new.content_id;
  return new;
end
$$;

-- Security definer, because whoever moves a content moves the comments of other authors with it.
create function public.move_content_comments()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  update public.content_comments
  set project_id = new.project_id
  where content_comments.content_id = new.id;
  return null;
end
$$;

create trigger content_comments_set_project
  before insert or update of content_id, project_id on public.content_comments
  for each row execute function public.set_comment_project();

create trigger contents_move_comments
  after update of project_id on public.contents
  for each row when (old.project_id is distinct from new.project_id)
  execute function public.move_content_comments();

create trigger project_collaborators_touch_updated_at before update on public.project_collaborators
  for each row execute function public.touch_updated_at();
create trigger content_comments_touch_updated_at before update on public.content_comments
  for each row execute function public.touch_updated_at();

-- ---------------------------------------------------------------------------------------------
-- row security and policies
-- ---------------------------------------------------------------------------------------------

alter table public.collaboration_roles enable row level security;
alter table public.project_collaborators enable row level security;
alter table public.project_invitations enable row level security;
alter table public.content_comments enable row level security;

-- The same two rows for everybody; the policy of content_comments reads them.
create policy collaboration_roles_select_all on public.collaboration_roles
  for select to authenticated
  using (true);

create policy project_collaborators_select_member on public.project_collaborators
  for select to authenticated
  using (owner_id = (select auth.uid()) or profile_id = (select auth.uid()));

create policy project_collaborators_insert_owner on public.project_collaborators
  for insert to authenticated
  with check (owner_id = (select auth.uid()));

create policy project_collaborators_update_owner on public.project_collaborators
  for update to authenticated
  using (owner_id = (select auth.uid()))
  with check (owner_id = (select auth.uid()));

-- A collaborator may leave.
create policy project_collaborators_delete_member on public.project_collaborators
  for delete to authenticated
  using (owner_id = (select auth.uid()) or profile_id = (select auth.uid()));

create policy project_invitations_all_owner on public.project_invitations
  for all to authenticated
  using (owner_id = (select auth.uid()))
  with check (owner_id = (select auth.uid()));

create policy content_comments_select_member on public.content_comments
  for select to authenticated
  using (
    project_id in (select projects.id from public.projects where projects.owner_id = (select auth.uid()))
    or project_id in (
      select members.project_id
      from public.project_collaborators as members
      where members.profile_id = (select auth.uid())
    )
  );

create policy content_comments_insert_commenter on public.content_comments
  for insert to authenticated
  with check (
    author_id = (select auth.uid())
    and (
      project_id in (select projects.id from public.projects where projects.owner_id = (select auth.uid()))
      or project_id in (
        select members.project_id
        from public.project_collaborators as members
        join public.collaboration_roles as roles on roles.code = members.role_code
        where members.profile_id = (select auth.uid()) and roles.may_comment
      )
    )
  );

-- The check repeats the rule for inserts: a comment must not move to a project of other people.
create policy content_comments_update_author on public.content_comments
  for update to authenticated
  using (author_id = (select auth.uid()))
  with check (
    author_id = (select auth.uid())
    and (
      project_id in (select projects.id from public.projects where projects.owner_id = (select auth.uid()))
      or project_id in (
        select members.project_id
        from public.project_collaborators as members
        join public.collaboration_roles as roles on roles.code = members.role_code
        where members.profile_id = (select auth.uid()) and roles.may_comment
      )
    )
  );

create policy content_comments_delete_author_or_owner on public.content_comments
  for delete to authenticated
  using (
    author_id = (select auth.uid())
    or project_id in (select projects.id from public.projects where projects.owner_id = (select auth.uid()))
  );

-- ---------------------------------------------------------------------------------------------
-- privileges: spelled out, as in the baseline
-- ---------------------------------------------------------------------------------------------

revoke all on table
  public.collaboration_roles, public.project_collaborators, public.project_invitations,
  public.content_comments
from anon, authenticated, service_role;

grant select, insert, update, delete on table
  public.collaboration_roles, public.project_collaborators, public.project_invitations,
  public.content_comments
to service_role;

grant select on table public.collaboration_roles to authenticated;
grant select, insert, update, delete on table
  public.project_collaborators, public.project_invitations, public.content_comments
to authenticated;

revoke execute on function public.set_comment_project() from public, anon, authenticated, service_role;
revoke execute on function public.move_content_comments() from public, anon, authenticated, service_role;

-- ---------------------------------------------------------------------------------------------
-- existing tables: last, because this stops reads of projects until the transaction ends. A nullable
-- column without a default is written to the catalog only.
-- ---------------------------------------------------------------------------------------------

alter table public.projects add column shared_at timestamptz;
