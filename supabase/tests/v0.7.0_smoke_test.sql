-- Smoke test of v0.7.0: is everything there that the migrations of v0.7.0 promise?
--
-- Each line checks one object by name, so that removing any of them turns the test red, and objects
-- that later versions add leave it green. Emits TAP and needs no pgTAP. Changes nothing.

begin;

select '1..169';

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
    (1, 'languages', 'code, name'),
    (2, 'source_kinds', 'code, name, description'),
    (3, 'fragment_kinds', 'code, name, description'),
    (4, 'content_formats', 'code, name, max_characters'),
    (5, 'channels', 'code, name'),
    (6, 'trait_dimensions', 'code, name, description'),
    (7, 'cognitive_traits', 'code, dimension_code, name, description'),
    (8, 'profiles', 'id, slug, display_name, language_code, created_at, updated_at'),
    (9, 'profile_settings', 'profile_id, preferences, updated_at'),
    (10, 'research_grants', 'profile_id, reason, granted_at, expires_at'),
    (11, 'audience_profiles', 'id, owner_id, name, description, attributes, created_at, updated_at'),
    (12, 'minds',
      'id, owner_id, slug, name, summary, language_code, archived_at, created_at, '
      'updated_at'),
    (13, 'mind_relations', 'from_mind_id, to_mind_id, relation, created_at'),
    (14, 'mind_traits', 'mind_id, trait_code, score, confidence, updated_at'),
    (15, 'sources',
      'id, mind_id, kind_code, language_code, title, uri, metadata, created_at, '
      'updated_at'),
    (16, 'ingestion_jobs', 'id, source_id, status, attempts, last_error, created_at, updated_at'),
    (17, 'fragments',
      'id, source_id, mind_id, kind_code, position, body, search, metadata, created_at, '
      'updated_at'),
    (18, 'fragment_relations', 'from_fragment_id, to_fragment_id, relation, created_at'),
    (19, 'mind_trait_evidence', 'mind_id, trait_code, fragment_id, created_at'),
    (20, 'tags', 'id, owner_id, slug, name, created_at'),
    (21, 'fragment_tags', 'fragment_id, tag_id, created_at'),
    (22, 'projects', 'id, owner_id, slug, name, brief, created_at, updated_at'),
    (23, 'project_minds', 'project_id, mind_id, created_at'),
    (24, 'contents',
      'id, project_id, owner_id, format_code, language_code, title, body, status, '
      'created_at, updated_at'),
    (25, 'content_versions', 'id, content_id, version, title, body, created_at'),
    (26, 'content_fragments', 'content_id, fragment_id, created_at'),
    (27, 'content_audiences', 'content_id, audience_profile_id, created_at'),
    (28, 'content_publications', 'id, content_id, channel_code, external_url, published_at'),
    (29, 'sessions', 'id, profile_id, mind_id, title, ended_at, created_at, updated_at'),
    (30, 'session_messages', 'id, session_id, author, body, created_at')
) as promised (number, name, columns)
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
    (31, 'languages', ''),
    (32, 'source_kinds', ''),
    (33, 'fragment_kinds', ''),
    (34, 'content_formats', ''),
    (35, 'channels', ''),
    (36, 'trait_dimensions', ''),
    (37, 'cognitive_traits', ''),
    (38, 'profiles', 'select, update'),
    (39, 'profile_settings', ''),
    (40, 'research_grants', 'select'),
    (41, 'audience_profiles', 'select, insert, update, delete'),
    (42, 'minds', 'select, insert, update'),
    (43, 'mind_relations', ''),
    (44, 'mind_traits', ''),
    (45, 'sources', 'select, insert, update, delete'),
    (46, 'ingestion_jobs', ''),
    (47, 'fragments', 'select, insert, update, delete'),
    (48, 'fragment_relations', ''),
    (49, 'mind_trait_evidence', ''),
    (50, 'tags', 'select, insert, update, delete'),
    (51, 'fragment_tags', ''),
    (52, 'projects', 'select, insert, update, delete'),
    (53, 'project_minds', ''),
    (54, 'contents', 'select, insert, update, delete'),
    (55, 'content_versions', ''),
    (56, 'content_fragments', ''),
    (57, 'content_audiences', ''),
    (58, 'content_publications', ''),
    (59, 'sessions', 'select, insert, update, delete'),
    (60, 'session_messages', '')
) as promised (number, name, privileges)
order by number;

-- views run with the rights of whoever asks
select case when (
    select relkind = 'v'
      and coalesce(reloptions, '{}') @> array['security_invoker=true']
      and has_table_privilege('authenticated', oid, 'select')
      and not has_table_privilege('anon', oid, 'select')
    from pg_catalog.pg_class
    where oid = to_regclass('public.' || name)
  )
  then 'ok ' else 'not ok ' end || number || ' - view ' || name
from (
  values
    (61, 'mind_overview'),
    (62, 'fragment_feed'),
    (63, 'project_progress')
) as promised (number, name)
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
    (64, 'profiles', 'profiles_select_own', 'select', true, false),
    (65, 'profiles', 'profiles_update_own', 'update', true, true),
    (66, 'research_grants', 'research_grants_select_own', 'select', true, false),
    (67, 'audience_profiles', 'audience_profiles_all_own', 'all', true, true),
    (68, 'minds', 'minds_select_own_or_research', 'select', true, false),
    (69, 'minds', 'minds_insert_own', 'insert', false, true),
    (70, 'minds', 'minds_update_own', 'update', true, true),
    (71, 'sources', 'sources_all_own', 'all', true, true),
    (72, 'fragments', 'fragments_select_readable_mind', 'select', true, false),
    (73, 'fragments', 'fragments_insert_own_mind', 'insert', false, true),
    (74, 'fragments', 'fragments_update_own_mind', 'update', true, true),
    (75, 'fragments', 'fragments_delete_own_mind', 'delete', true, false),
    (76, 'tags', 'tags_all_own', 'all', true, true),
    (77, 'projects', 'projects_all_own', 'all', true, true),
    (78, 'contents', 'contents_all_own', 'all', true, true),
    (79, 'sessions', 'sessions_all_own', 'all', true, true)
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
    (80, 'touch_updated_at()', false, false),
    (81, 'set_fragment_mind()', false, false),
    (82, 'provision_user_profile()', true, false),
    (83, 'is_research_mode()', false, true)
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
    (84, 'auth.users', 'on_auth_user_created', 'provision_user_profile'),
    (85, 'public.fragments', 'fragments_set_mind', 'set_fragment_mind'),
    (86, 'public.profiles', 'profiles_touch_updated_at', 'touch_updated_at'),
    (87, 'public.profile_settings', 'profile_settings_touch_updated_at', 'touch_updated_at'),
    (88, 'public.audience_profiles', 'audience_profiles_touch_updated_at', 'touch_updated_at'),
    (89, 'public.minds', 'minds_touch_updated_at', 'touch_updated_at'),
    (90, 'public.mind_traits', 'mind_traits_touch_updated_at', 'touch_updated_at'),
    (91, 'public.sources', 'sources_touch_updated_at', 'touch_updated_at'),
    (92, 'public.ingestion_jobs', 'ingestion_jobs_touch_updated_at', 'touch_updated_at'),
    (93, 'public.fragments', 'fragments_touch_updated_at', 'touch_updated_at'),
    (94, 'public.projects', 'projects_touch_updated_at', 'touch_updated_at'),
    (95, 'public.contents', 'contents_touch_updated_at', 'touch_updated_at'),
    (96, 'public.sessions', 'sessions_touch_updated_at', 'touch_updated_at')
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
    (97, 'cognitive_traits', 'dimension_code', 'public.trait_dimensions'),
    (98, 'profiles', 'id', 'auth.users'),
    (99, 'profiles', 'language_code', 'public.languages'),
    (100, 'profile_settings', 'profile_id', 'public.profiles'),
    (101, 'research_grants', 'profile_id', 'public.profiles'),
    (102, 'audience_profiles', 'owner_id', 'public.profiles'),
    (103, 'minds', 'owner_id', 'public.profiles'),
    (104, 'minds', 'language_code', 'public.languages'),
    (105, 'mind_relations', 'from_mind_id', 'public.minds'),
    (106, 'mind_relations', 'to_mind_id', 'public.minds'),
    (107, 'mind_traits', 'mind_id', 'public.minds'),
    (108, 'mind_traits', 'trait_code', 'public.cognitive_traits'),
    (109, 'sources', 'mind_id', 'public.minds'),
    (110, 'sources', 'kind_code', 'public.source_kinds'),
    (111, 'sources', 'language_code', 'public.languages'),
    (112, 'ingestion_jobs', 'source_id', 'public.sources'),
    (113, 'fragments', 'mind_id', 'public.minds'),
    (114, 'fragments', 'kind_code', 'public.fragment_kinds'),
    (115, 'fragments', 'source_id, mind_id', 'public.sources'),
    (116, 'fragment_relations', 'from_fragment_id', 'public.fragments'),
    (117, 'fragment_relations', 'to_fragment_id', 'public.fragments'),
    (118, 'mind_trait_evidence', 'fragment_id', 'public.fragments'),
    (119, 'mind_trait_evidence', 'mind_id, trait_code', 'public.mind_traits'),
    (120, 'tags', 'owner_id', 'public.profiles'),
    (121, 'fragment_tags', 'fragment_id', 'public.fragments'),
    (122, 'fragment_tags', 'tag_id', 'public.tags'),
    (123, 'projects', 'owner_id', 'public.profiles'),
    (124, 'project_minds', 'project_id', 'public.projects'),
    (125, 'project_minds', 'mind_id', 'public.minds'),
    (126, 'contents', 'format_code', 'public.content_formats'),
    (127, 'contents', 'language_code', 'public.languages'),
    (128, 'contents', 'project_id, owner_id', 'public.projects'),
    (129, 'content_versions', 'content_id', 'public.contents'),
    (130, 'content_fragments', 'content_id', 'public.contents'),
    (131, 'content_fragments', 'fragment_id', 'public.fragments'),
    (132, 'content_audiences', 'content_id', 'public.contents'),
    (133, 'content_audiences', 'audience_profile_id', 'public.audience_profiles'),
    (134, 'content_publications', 'content_id', 'public.contents'),
    (135, 'content_publications', 'channel_code', 'public.channels'),
    (136, 'sessions', 'profile_id', 'public.profiles'),
    (137, 'sessions', 'mind_id', 'public.minds'),
    (138, 'session_messages', 'session_id', 'public.sessions')
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
    (139, 'languages', 'languages_code_format'),
    (140, 'content_formats', 'content_formats_max_characters_positive'),
    (141, 'profiles', 'profiles_slug_key'),
    (142, 'profiles', 'profiles_slug_format'),
    (143, 'audience_profiles', 'audience_profiles_owner_id_name_key'),
    (144, 'minds', 'minds_owner_id_slug_key'),
    (145, 'minds', 'minds_slug_format'),
    (146, 'mind_relations', 'mind_relations_not_to_itself'),
    (147, 'mind_relations', 'mind_relations_relation_known'),
    (148, 'mind_traits', 'mind_traits_score_range'),
    (149, 'mind_traits', 'mind_traits_confidence_range'),
    (150, 'sources', 'sources_id_mind_id_key'),
    (151, 'ingestion_jobs', 'ingestion_jobs_status_known'),
    (152, 'fragment_relations', 'fragment_relations_not_to_itself'),
    (153, 'fragment_relations', 'fragment_relations_relation_known'),
    (154, 'tags', 'tags_owner_id_slug_key'),
    (155, 'projects', 'projects_owner_id_slug_key'),
    (156, 'projects', 'projects_id_owner_id_key'),
    (157, 'contents', 'contents_status_known'),
    (158, 'content_versions', 'content_versions_content_id_version_key'),
    (159, 'content_publications', 'content_publications_content_id_channel_code_key'),
    (160, 'session_messages', 'session_messages_author_known')
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
    (161, 'fragments_search_idx'),
    (162, 'contents_owner_id_idx')
) as promised (number, name)
order by number;

-- reference data: every row that the seed inserts
select case when count(*) = 5 then 'ok ' else 'not ok ' end || '163 - 5 rows of languages'
from public.languages
where code in ('de', 'en', 'es', 'fr', 'pt');

select case when count(*) = 8 then 'ok ' else 'not ok ' end || '164 - 8 rows of source_kinds'
from public.source_kinds
where code in (
  'article', 'book', 'conversation', 'interview', 'lecture', 'note', 'podcast', 'video'
);

select case when count(*) = 7 then 'ok ' else 'not ok ' end || '165 - 7 rows of fragment_kinds'
from public.fragment_kinds
where code in ('belief', 'decision', 'heuristic', 'metaphor', 'question', 'quote', 'story');

select case when count(*) = 6 then 'ok ' else 'not ok ' end || '166 - 6 rows of content_formats'
from public.content_formats
where code in ('article', 'carousel', 'newsletter', 'post', 'script', 'thread');

select case when count(*) = 5 then 'ok ' else 'not ok ' end || '167 - 5 rows of channels'
from public.channels
where code in ('blog', 'email', 'podcast', 'social', 'video');

select case when count(*) = 4 then 'ok ' else 'not ok ' end || '168 - 4 rows of trait_dimensions'
from public.trait_dimensions
where code in ('attention', 'drive', 'expression', 'reasoning');

select case when count(*) = 12 then 'ok ' else 'not ok ' end || '169 - 12 rows of cognitive_traits'
from public.cognitive_traits
where code in (
  'abstraction', 'achievement', 'analogy', 'autonomy', 'big_picture', 'brevity', 'curiosity',
  'detail', 'first_principles', 'humour', 'people', 'storytelling'
);

rollback;
