-- Smoke test of v0.8.0: is everything there that the migrations of v0.8.0 promise?
--
-- Each line checks one object by name, so that removing any of them turns the test red, and objects
-- that later versions add leave it green. Emits TAP and needs no pgTAP. Changes nothing.

begin;

select '1..40';

-- tables, with their columns and a primary key
select case when (
    select array_agg(attname::text) @> string_to_array(columns, ', ')
    from pg_catalog.pg_attribute
    where attrelid = to_regclass('public.' || name) and attnum > 0 and not attisdropped
  ) and exists (
    select from pg_catalog.pg_constraint
    where conrelid = to_regclass('public.' || name) and contype = 'p'
  )
  then 'ok ' else 'not ok ' end || number || ' - table ' || name
from (
  values
    (1, 'collaboration_roles', 'code, name, may_comment'),
    (2, 'project_collaborators', 'project_id, owner_id, profile_id, role_code, created_at, updated_at'),
    (3, 'project_invitations',
      'id, project_id, owner_id, email, role_code, secret_hash, expires_at, '
      'accepted_at, created_at'),
    (4, 'content_comments',
      'id, content_id, project_id, author_id, body, resolved_at, created_at, updated_at')
) as promised (number, name, columns)
order by number;

-- columns added to tables of earlier versions
select case when exists (
    select from pg_catalog.pg_attribute
    where attrelid = to_regclass('public.' || name) and attname = column_name and not attisdropped
  )
  then 'ok ' else 'not ok ' end || number || ' - column ' || name || '.' || column_name
from (
  values
    (5, 'projects', 'shared_at')
) as promised (number, name, column_name)
order by number;

-- row security is on, anon reaches nothing, authenticated exactly what is listed
-- (nothing: the table is for the service role only)
select case when (
    select relrowsecurity
      and not has_table_privilege('anon', oid, 'select, insert, update, delete, truncate')
      and not has_table_privilege('authenticated', oid, 'truncate')
      and privileges = array_to_string(array(
        select privilege
        from unnest(array['select', 'insert', 'update', 'delete']) as privilege
        where has_table_privilege('authenticated', oid, privilege)
      ), ', ')
    from pg_catalog.pg_class
    where oid = to_regclass('public.' || name)
  )
  then 'ok ' else 'not ok ' end || number || ' - row security and privileges of ' || name
from (
  values
    (6, 'collaboration_roles', 'select'),
    (7, 'project_collaborators', 'select, insert, update, delete'),
    (8, 'project_invitations', 'select, insert, update, delete'),
    (9, 'content_comments', 'select, insert, update, delete')
) as promised (number, name, privileges)
order by number;

-- policies: permissive, for authenticated only, with the expressions that their command needs
select case when exists (
    select from pg_catalog.pg_policies
    where schemaname = 'public' and tablename = table_name and policyname = name
      and cmd = upper(command) and permissive = 'PERMISSIVE' and roles = array['authenticated'::name]
      and (qual is not null) = has_using and (with_check is not null) = has_check
      and (cmd = 'SELECT' or coalesce(qual, '') <> 'true') and coalesce(with_check, '') <> 'true'
  )
  then 'ok ' else 'not ok ' end || number || ' - policy ' || name || ' on ' || table_name
from (
  values
    (10, 'collaboration_roles', 'collaboration_roles_select_all', 'select', true, false),
    (11, 'project_collaborators', 'project_collaborators_select_member', 'select', true, false),
    (12, 'project_collaborators', 'project_collaborators_insert_owner', 'insert', false, true),
    (13, 'project_collaborators', 'project_collaborators_update_owner', 'update', true, true),
    (14, 'project_collaborators', 'project_collaborators_delete_member', 'delete', true, false),
    (15, 'project_invitations', 'project_invitations_all_owner', 'all', true, true),
    (16, 'content_comments', 'content_comments_select_member', 'select', true, false),
    (17, 'content_comments', 'content_comments_insert_commenter', 'insert', false, true),
    (18, 'content_comments', 'content_comments_update_author', 'update', true, true),
    (19, 'content_comments', 'content_comments_delete_author_or_owner', 'delete', true, false)
) as promised (number, table_name, name, command, has_using, has_check)
order by number;

-- functions: an empty search_path, security definer only where promised, never callable by anon
select case when (
    select prosecdef = is_definer
      and coalesce(proconfig, '{}') @> array['search_path=""']
      and has_function_privilege('authenticated', oid, 'execute') = authenticated_may_call
      and not has_function_privilege('anon', oid, 'execute')
    from pg_catalog.pg_proc
    where oid = to_regprocedure('public.' || signature)
  )
  then 'ok ' else 'not ok ' end || number || ' - function ' || signature
from (
  values
    (20, 'set_comment_project()', true, false),
    (21, 'move_content_comments()', true, false)
) as promised (number, signature, is_definer, authenticated_may_call)
order by number;

-- triggers, enabled
select case when exists (
    select from pg_catalog.pg_trigger
    where tgrelid = to_regclass(table_name) and tgname = name and tgenabled = 'O'
      and tgfoid = to_regprocedure('public.' || function_name || '()')
  )
  then 'ok ' else 'not ok ' end || number || ' - trigger ' || name || ' on ' || table_name
from (
  values
    (22, 'public.content_comments', 'content_comments_set_project', 'set_comment_project'),
    (23, 'public.contents', 'contents_move_comments', 'move_content_comments'),
    (24, 'public.project_collaborators', 'project_collaborators_touch_updated_at', 'touch_updated_at'),
    (25, 'public.content_comments', 'content_comments_touch_updated_at', 'touch_updated_at')
) as promised (number, table_name, name, function_name)
order by number;

-- foreign keys, each with a whole and valid index that starts with its columns
select case when exists (
    select from pg_catalog.pg_constraint
    join pg_catalog.pg_index on indrelid = conrelid
    where conrelid = to_regclass('public.' || table_name) and confrelid = to_regclass(target)
      and contype = 'f' and convalidated and indisvalid and indpred is null
      and (indkey::smallint[])[0:cardinality(conkey) - 1] @> conkey
      and string_to_array(columns, ', ') = array(
        select attname::text
        from unnest(conkey) with ordinality as key_column (attnum, place)
        join pg_catalog.pg_attribute using (attnum)
        where attrelid = conrelid
        order by place
      )
  )
  then 'ok ' else 'not ok ' end || number || ' - ' || table_name || ' (' || columns || ') to ' || target
from (
  values
    (26, 'project_collaborators', 'profile_id', 'public.profiles'),
    (27, 'project_collaborators', 'role_code', 'public.collaboration_roles'),
    (28, 'project_collaborators', 'project_id, owner_id', 'public.projects'),
    (29, 'project_invitations', 'role_code', 'public.collaboration_roles'),
    (30, 'project_invitations', 'project_id, owner_id', 'public.projects'),
    (31, 'content_comments', 'content_id', 'public.contents'),
    (32, 'content_comments', 'project_id', 'public.projects'),
    (33, 'content_comments', 'author_id', 'public.profiles')
) as promised (number, table_name, columns, target)
order by number;

-- unique and check constraints
select case when exists (
    select from pg_catalog.pg_constraint
    where conrelid = to_regclass('public.' || table_name) and conname = name and convalidated
  )
  then 'ok ' else 'not ok ' end || number || ' - constraint ' || name
from (
  values
    (34, 'project_collaborators', 'project_collaborators_not_the_owner'),
    (35, 'project_invitations', 'project_invitations_project_id_email_key'),
    (36, 'project_invitations', 'project_invitations_secret_hash_key'),
    (37, 'content_comments', 'content_comments_body_not_empty')
) as promised (number, table_name, name)
order by number;

-- indexes that serve no foreign key: policies and search
select case when exists (
    select from pg_catalog.pg_index
    where indexrelid = to_regclass('public.' || name) and indisvalid
  )
  then 'ok ' else 'not ok ' end || number || ' - index ' || name
from (
  values
    (38, 'project_collaborators_owner_id_idx'),
    (39, 'project_invitations_owner_id_idx')
) as promised (number, name)
order by number;

-- reference data: every row that the migration inserts
select case when count(*) = 2 then 'ok ' else 'not ok ' end || '40 - 2 rows of collaboration_roles'
from public.collaboration_roles
where code in ('commenter', 'viewer');

rollback;
