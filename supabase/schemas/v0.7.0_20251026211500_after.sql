--
-- PostgreSQL database dump
--

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: pg_graphql; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS pg_graphql WITH SCHEMA graphql;

--
-- Name: pg_stat_statements; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS pg_stat_statements WITH SCHEMA extensions;

--
-- Name: pgcrypto; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA extensions;

--
-- Name: supabase_vault; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS supabase_vault WITH SCHEMA vault;

--
-- Name: uuid-ossp; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA extensions;

--
-- Name: is_research_mode(); Type: FUNCTION; Schema: public; Owner: postgres
--

CREATE FUNCTION public.is_research_mode() RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select exists (
    select 1
    from public.research_grants
    where research_grants.profile_id = (select auth.uid())
      and (research_grants.expires_at is null or research_grants.expires_at > now())
  )
$$;

ALTER FUNCTION public.is_research_mode() OWNER TO postgres;

--
-- Name: provision_user_profile(); Type: FUNCTION; Schema: public; Owner: postgres
--

CREATE FUNCTION public.provision_user_profile() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
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

ALTER FUNCTION public.provision_user_profile() OWNER TO postgres;

--
-- Name: set_fragment_mind(); Type: FUNCTION; Schema: public; Owner: postgres
--

CREATE FUNCTION public.set_fragment_mind() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
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

ALTER FUNCTION public.set_fragment_mind() OWNER TO postgres;

--
-- Name: touch_updated_at(); Type: FUNCTION; Schema: public; Owner: postgres
--

CREATE FUNCTION public.touch_updated_at() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  new.updated_at := now();
  return new;
end
$$;


ALTER FUNCTION public.touch_updated_at() OWNER TO postgres;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: audience_profiles; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.audience_profiles (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    owner_id uuid DEFAULT auth.uid() NOT NULL,
    name text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    attributes jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.audience_profiles OWNER TO postgres;

--
-- Name: channels; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.channels (
    code text NOT NULL,
    name text NOT NULL
);

ALTER TABLE public.channels OWNER TO postgres;

--
-- Name: cognitive_traits; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.cognitive_traits (
    code text NOT NULL,
    dimension_code text NOT NULL,
    name text NOT NULL,
    description text DEFAULT ''::text NOT NULL
);

ALTER TABLE public.cognitive_traits OWNER TO postgres;

--
-- Name: content_audiences; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.content_audiences (
    content_id uuid NOT NULL,
    audience_profile_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.content_audiences OWNER TO postgres;

--
-- Name: content_formats; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.content_formats (
    code text NOT NULL,
    name text NOT NULL,
    max_characters integer,
    CONSTRAINT content_formats_max_characters_positive CHECK ((max_characters > 0))
);

ALTER TABLE public.content_formats OWNER TO postgres;

--
-- Name: content_fragments; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.content_fragments (
    content_id uuid NOT NULL,
    fragment_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.content_fragments OWNER TO postgres;

--
-- Name: content_publications; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.content_publications (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    content_id uuid NOT NULL,
    channel_code text NOT NULL,
    external_url text,
    published_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.content_publications OWNER TO postgres;

--
-- Name: content_versions; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.content_versions (
    id bigint NOT NULL,
    content_id uuid NOT NULL,
    version integer NOT NULL,
    title text NOT NULL,
    body text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.content_versions OWNER TO postgres;

--
-- Name: content_versions_id_seq; Type: SEQUENCE; Schema: public; Owner: postgres
--

ALTER TABLE public.content_versions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.content_versions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: contents; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.contents (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    project_id uuid NOT NULL,
    owner_id uuid DEFAULT auth.uid() NOT NULL,
    format_code text NOT NULL,
    language_code text,
    title text NOT NULL,
    body text DEFAULT ''::text NOT NULL,
    status text DEFAULT 'draft'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT contents_status_known CHECK ((status = ANY (ARRAY['draft'::text, 'review'::text, 'published'::text, 'archived'::text])))
);

ALTER TABLE public.contents OWNER TO postgres;

--
-- Name: fragments; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.fragments (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    source_id uuid NOT NULL,
    mind_id uuid NOT NULL,
    kind_code text NOT NULL,
    "position" integer DEFAULT 0 NOT NULL,
    body text NOT NULL,
    search tsvector GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, body)) STORED,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.fragments OWNER TO postgres;

--
-- Name: minds; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.minds (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    owner_id uuid DEFAULT auth.uid() NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    summary text DEFAULT ''::text NOT NULL,
    language_code text,
    archived_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT minds_slug_format CHECK ((slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'::text))
);

ALTER TABLE public.minds OWNER TO postgres;

--
-- Name: fragment_feed; Type: VIEW; Schema: public; Owner: postgres
--

CREATE VIEW public.fragment_feed WITH (security_invoker='true') AS
 SELECT fragments.id AS fragment_id,
    fragments.mind_id,
    minds.name AS mind_name,
    fragments.source_id,
    fragments.kind_code,
    fragments.body,
    fragments.created_at
   FROM (public.fragments
     JOIN public.minds ON ((minds.id = fragments.mind_id)));

ALTER TABLE public.fragment_feed OWNER TO postgres;

--
-- Name: fragment_kinds; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.fragment_kinds (
    code text NOT NULL,
    name text NOT NULL,
    description text DEFAULT ''::text NOT NULL
);

ALTER TABLE public.fragment_kinds OWNER TO postgres;

--
-- Name: fragment_relations; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.fragment_relations (
    from_fragment_id uuid NOT NULL,
    to_fragment_id uuid NOT NULL,
    relation text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT fragment_relations_not_to_itself CHECK ((from_fragment_id <> to_fragment_id)),
    CONSTRAINT fragment_relations_relation_known CHECK ((relation = ANY (ARRAY['supports'::text, 'contradicts'::text, 'extends'::text])))
);

ALTER TABLE public.fragment_relations OWNER TO postgres;

--
-- Name: fragment_tags; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.fragment_tags (
    fragment_id uuid NOT NULL,
    tag_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.fragment_tags OWNER TO postgres;

--
-- Name: ingestion_jobs; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.ingestion_jobs (
    id bigint NOT NULL,
    source_id uuid NOT NULL,
    status text DEFAULT 'queued'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    last_error text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ingestion_jobs_status_known CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'done'::text, 'failed'::text])))
);

ALTER TABLE public.ingestion_jobs OWNER TO postgres;

--
-- Name: ingestion_jobs_id_seq; Type: SEQUENCE; Schema: public; Owner: postgres
--

ALTER TABLE public.ingestion_jobs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.ingestion_jobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: languages; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.languages (
    code text NOT NULL,
    name text NOT NULL,
    CONSTRAINT languages_code_format CHECK ((code ~ '^[a-z]{2,3}$'::text))
);

ALTER TABLE public.languages OWNER TO postgres;

--
-- Name: mind_overview; Type: VIEW; Schema: public; Owner: postgres
--

CREATE VIEW public.mind_overview WITH (security_invoker='true') AS
 SELECT minds.id AS mind_id,
    minds.owner_id,
    minds.slug,
    minds.name,
    count(fragments.id) AS fragment_count,
    max(fragments.created_at) AS last_fragment_at
   FROM (public.minds
     LEFT JOIN public.fragments ON ((fragments.mind_id = minds.id)))
  WHERE (minds.archived_at IS NULL)
  GROUP BY minds.id, minds.owner_id, minds.slug, minds.name;

ALTER TABLE public.mind_overview OWNER TO postgres;

--
-- Name: mind_relations; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.mind_relations (
    from_mind_id uuid NOT NULL,
    to_mind_id uuid NOT NULL,
    relation text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT mind_relations_not_to_itself CHECK ((from_mind_id <> to_mind_id)),
    CONSTRAINT mind_relations_relation_known CHECK ((relation = ANY (ARRAY['influences'::text, 'opposes'::text, 'succeeds'::text])))
);

ALTER TABLE public.mind_relations OWNER TO postgres;

--
-- Name: mind_trait_evidence; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.mind_trait_evidence (
    mind_id uuid NOT NULL,
    trait_code text NOT NULL,
    fragment_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.mind_trait_evidence OWNER TO postgres;

--
-- Name: mind_traits; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.mind_traits (
    mind_id uuid NOT NULL,
    trait_code text NOT NULL,
    score numeric(4,3) NOT NULL,
    confidence numeric(4,3) DEFAULT 0 NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT mind_traits_confidence_range CHECK (((confidence >= (0)::numeric) AND (confidence <= (1)::numeric))),
    CONSTRAINT mind_traits_score_range CHECK (((score >= (0)::numeric) AND (score <= (1)::numeric)))
);

ALTER TABLE public.mind_traits OWNER TO postgres;

--
-- Name: profile_settings; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.profile_settings (
    profile_id uuid NOT NULL,
    preferences jsonb DEFAULT '{}'::jsonb NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.profile_settings OWNER TO postgres;

--
-- Name: profiles; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.profiles (
    id uuid NOT NULL,
    slug text NOT NULL,
    display_name text DEFAULT ''::text NOT NULL,
    language_code text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT profiles_slug_format CHECK ((slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'::text))
);

ALTER TABLE public.profiles OWNER TO postgres;

--
-- Name: project_minds; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.project_minds (
    project_id uuid NOT NULL,
    mind_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.project_minds OWNER TO postgres;

--
-- Name: projects; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.projects (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    owner_id uuid DEFAULT auth.uid() NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    brief text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.projects OWNER TO postgres;

--
-- Name: project_progress; Type: VIEW; Schema: public; Owner: postgres
--

CREATE VIEW public.project_progress WITH (security_invoker='true') AS
 SELECT projects.id AS project_id,
    projects.owner_id,
    projects.name,
    count(contents.id) FILTER (WHERE (contents.status = 'draft'::text)) AS draft_count,
    count(contents.id) FILTER (WHERE (contents.status = 'review'::text)) AS review_count,
    count(contents.id) FILTER (WHERE (contents.status = 'published'::text)) AS published_count
   FROM (public.projects
     LEFT JOIN public.contents ON ((contents.project_id = projects.id)))
  GROUP BY projects.id, projects.owner_id, projects.name;

ALTER TABLE public.project_progress OWNER TO postgres;

--
-- Name: research_grants; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.research_grants (
    profile_id uuid NOT NULL,
    reason text NOT NULL,
    granted_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone
);

ALTER TABLE public.research_grants OWNER TO postgres;

--
-- Name: session_messages; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.session_messages (
    id bigint NOT NULL,
    session_id uuid NOT NULL,
    author text NOT NULL,
    body text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT session_messages_author_known CHECK ((author = ANY (ARRAY['profile'::text, 'mind'::text])))
);

ALTER TABLE public.session_messages OWNER TO postgres;

--
-- Name: session_messages_id_seq; Type: SEQUENCE; Schema: public; Owner: postgres
--

ALTER TABLE public.session_messages ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.session_messages_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: sessions; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.sessions (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    profile_id uuid DEFAULT auth.uid() NOT NULL,
    mind_id uuid NOT NULL,
    title text DEFAULT ''::text NOT NULL,
    ended_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.sessions OWNER TO postgres;

--
-- Name: source_kinds; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.source_kinds (
    code text NOT NULL,
    name text NOT NULL,
    description text DEFAULT ''::text NOT NULL
);

ALTER TABLE public.source_kinds OWNER TO postgres;

--
-- Name: sources; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.sources (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    mind_id uuid NOT NULL,
    kind_code text NOT NULL,
    language_code text,
    title text NOT NULL,
    uri text,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.sources OWNER TO postgres;

--
-- Name: tags; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.tags (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    owner_id uuid DEFAULT auth.uid() NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.tags OWNER TO postgres;

--
-- Name: trait_dimensions; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.trait_dimensions (
    code text NOT NULL,
    name text NOT NULL,
    description text DEFAULT ''::text NOT NULL
);

ALTER TABLE public.trait_dimensions OWNER TO postgres;

--
-- Name: audience_profiles audience_profiles_owner_id_name_key; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.audience_profiles
    ADD CONSTRAINT audience_profiles_owner_id_name_key UNIQUE (owner_id, name);

--
-- Name: audience_profiles audience_profiles_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.audience_profiles
    ADD CONSTRAINT audience_profiles_pkey PRIMARY KEY (id);

--
-- Name: channels channels_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.channels
    ADD CONSTRAINT channels_pkey PRIMARY KEY (code);

--
-- Name: cognitive_traits cognitive_traits_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.cognitive_traits
    ADD CONSTRAINT cognitive_traits_pkey PRIMARY KEY (code);

--
-- Name: content_audiences content_audiences_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.content_audiences
    ADD CONSTRAINT content_audiences_pkey PRIMARY KEY (content_id, audience_profile_id);

--
-- Name: content_formats content_formats_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.content_formats
    ADD CONSTRAINT content_formats_pkey PRIMARY KEY (code);

--
-- Name: content_fragments content_fragments_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.content_fragments
    ADD CONSTRAINT content_fragments_pkey PRIMARY KEY (content_id, fragment_id);

--
-- Name: content_publications content_publications_content_id_channel_code_key; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.content_publications
    ADD CONSTRAINT content_publications_content_id_channel_code_key UNIQUE (content_id, channel_code);

--
-- Name: content_publications content_publications_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.content_publications
    ADD CONSTRAINT content_publications_pkey PRIMARY KEY (id);

--
-- Name: content_versions content_versions_content_id_version_key; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.content_versions
    ADD CONSTRAINT content_versions_content_id_version_key UNIQUE (content_id, version);

--
-- Name: content_versions content_versions_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.content_versions
    ADD CONSTRAINT content_versions_pkey PRIMARY KEY (id);

--
-- Name: contents contents_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.contents
    ADD CONSTRAINT contents_pkey PRIMARY KEY (id);

--
-- Name: fragment_kinds fragment_kinds_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.fragment_kinds
    ADD CONSTRAINT fragment_kinds_pkey PRIMARY KEY (code);

--
-- Name: fragment_relations fragment_relations_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.fragment_relations
    ADD CONSTRAINT fragment_relations_pkey PRIMARY KEY (from_fragment_id, to_fragment_id, relation);

--
-- Name: fragment_tags fragment_tags_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.fragment_tags
    ADD CONSTRAINT fragment_tags_pkey PRIMARY KEY (fragment_id, tag_id);

--
-- Name: fragments fragments_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.fragments
    ADD CONSTRAINT fragments_pkey PRIMARY KEY (id);

--
-- Name: ingestion_jobs ingestion_jobs_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.ingestion_jobs
    ADD CONSTRAINT ingestion_jobs_pkey PRIMARY KEY (id);

--
-- Name: languages languages_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.languages
    ADD CONSTRAINT languages_pkey PRIMARY KEY (code);

--
-- Name: mind_relations mind_relations_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.mind_relations
    ADD CONSTRAINT mind_relations_pkey PRIMARY KEY (from_mind_id, to_mind_id, relation);

--
-- Name: mind_trait_evidence mind_trait_evidence_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.mind_trait_evidence
    ADD CONSTRAINT mind_trait_evidence_pkey PRIMARY KEY (mind_id, trait_code, fragment_id);

--
-- Name: mind_traits mind_traits_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.mind_traits
    ADD CONSTRAINT mind_traits_pkey PRIMARY KEY (mind_id, trait_code);

--
-- Name: minds minds_owner_id_slug_key; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.minds
    ADD CONSTRAINT minds_owner_id_slug_key UNIQUE (owner_id, slug);

--
-- Name: minds minds_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.minds
    ADD CONSTRAINT minds_pkey PRIMARY KEY (id);

--
-- Name: profile_settings profile_settings_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.profile_settings
    ADD CONSTRAINT profile_settings_pkey PRIMARY KEY (profile_id);

--
-- Name: profiles profiles_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.profiles
    ADD CONSTRAINT profiles_pkey PRIMARY KEY (id);

--
-- Name: profiles profiles_slug_key; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.profiles
    ADD CONSTRAINT profiles_slug_key UNIQUE (slug);

--
-- Name: project_minds project_minds_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.project_minds
    ADD CONSTRAINT project_minds_pkey PRIMARY KEY (project_id, mind_id);

--
-- Name: projects projects_id_owner_id_key; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.projects
    ADD CONSTRAINT projects_id_owner_id_key UNIQUE (id, owner_id);

--
-- Name: projects projects_owner_id_slug_key; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.projects
    ADD CONSTRAINT projects_owner_id_slug_key UNIQUE (owner_id, slug);

--
-- Name: projects projects_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.projects
    ADD CONSTRAINT projects_pkey PRIMARY KEY (id);

--
-- Name: research_grants research_grants_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.research_grants
    ADD CONSTRAINT research_grants_pkey PRIMARY KEY (profile_id);

--
-- Name: session_messages session_messages_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.session_messages
    ADD CONSTRAINT session_messages_pkey PRIMARY KEY (id);

--
-- Name: sessions sessions_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);

--
-- Name: source_kinds source_kinds_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.source_kinds
    ADD CONSTRAINT source_kinds_pkey PRIMARY KEY (code);

--
-- Name: sources sources_id_mind_id_key; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.sources
    ADD CONSTRAINT sources_id_mind_id_key UNIQUE (id, mind_id);

--
-- Name: sources sources_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.sources
    ADD CONSTRAINT sources_pkey PRIMARY KEY (id);

--
-- Name: tags tags_owner_id_slug_key; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_owner_id_slug_key UNIQUE (owner_id, slug);

--
-- Name: tags tags_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_pkey PRIMARY KEY (id);

--
-- Name: trait_dimensions trait_dimensions_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.trait_dimensions
    ADD CONSTRAINT trait_dimensions_pkey PRIMARY KEY (code);

--
-- Name: cognitive_traits_dimension_code_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX cognitive_traits_dimension_code_idx ON public.cognitive_traits USING btree (dimension_code);

--
-- Name: content_audiences_audience_profile_id_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX content_audiences_audience_profile_id_idx ON public.content_audiences USING btree (audience_profile_id);

--
-- Name: content_fragments_fragment_id_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX content_fragments_fragment_id_idx ON public.content_fragments USING btree (fragment_id);

--
-- Name: content_publications_channel_code_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX content_publications_channel_code_idx ON public.content_publications USING btree (channel_code);

--
-- Name: contents_format_code_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX contents_format_code_idx ON public.contents USING btree (format_code);

--
-- Name: contents_language_code_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX contents_language_code_idx ON public.contents USING btree (language_code);

--
-- Name: contents_owner_id_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX contents_owner_id_idx ON public.contents USING btree (owner_id);

--
-- Name: contents_project_id_owner_id_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX contents_project_id_owner_id_idx ON public.contents USING btree (project_id, owner_id);

--
-- Name: fragment_relations_to_fragment_id_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX fragment_relations_to_fragment_id_idx ON public.fragment_relations USING btree (to_fragment_id);

--
-- Name: fragment_tags_tag_id_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX fragment_tags_tag_id_idx ON public.fragment_tags USING btree (tag_id);

--
-- Name: fragments_kind_code_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX fragments_kind_code_idx ON public.fragments USING btree (kind_code);

--
-- Name: fragments_mind_id_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX fragments_mind_id_idx ON public.fragments USING btree (mind_id);

--
-- Name: fragments_search_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX fragments_search_idx ON public.fragments USING gin (search);

--
-- Name: fragments_source_id_mind_id_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX fragments_source_id_mind_id_idx ON public.fragments USING btree (source_id, mind_id);

--
-- Name: ingestion_jobs_source_id_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX ingestion_jobs_source_id_idx ON public.ingestion_jobs USING btree (source_id);

--
-- Name: mind_relations_to_mind_id_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX mind_relations_to_mind_id_idx ON public.mind_relations USING btree (to_mind_id);

--
-- Name: mind_trait_evidence_fragment_id_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX mind_trait_evidence_fragment_id_idx ON public.mind_trait_evidence USING btree (fragment_id);

--
-- Name: mind_traits_trait_code_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX mind_traits_trait_code_idx ON public.mind_traits USING btree (trait_code);

--
-- Name: minds_language_code_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX minds_language_code_idx ON public.minds USING btree (language_code);

--
-- Name: profiles_language_code_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX profiles_language_code_idx ON public.profiles USING btree (language_code);

--
-- Name: project_minds_mind_id_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX project_minds_mind_id_idx ON public.project_minds USING btree (mind_id);

--
-- Name: session_messages_session_id_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX session_messages_session_id_idx ON public.session_messages USING btree (session_id);

--
-- Name: sessions_mind_id_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX sessions_mind_id_idx ON public.sessions USING btree (mind_id);

--
-- Name: sessions_profile_id_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX sessions_profile_id_idx ON public.sessions USING btree (profile_id);

--
-- Name: sources_kind_code_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX sources_kind_code_idx ON public.sources USING btree (kind_code);

--
-- Name: sources_language_code_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX sources_language_code_idx ON public.sources USING btree (language_code);

--
-- Name: sources_mind_id_idx; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX sources_mind_id_idx ON public.sources USING btree (mind_id);

--
-- Name: audience_profiles audience_profiles_touch_updated_at; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER audience_profiles_touch_updated_at BEFORE UPDATE ON public.audience_profiles FOR EACH ROW EXECUTE FUNCTION public.touch_updated_at();

--
-- Name: contents contents_touch_updated_at; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER contents_touch_updated_at BEFORE UPDATE ON public.contents FOR EACH ROW EXECUTE FUNCTION public.touch_updated_at();

--
-- Name: fragments fragments_set_mind; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER fragments_set_mind BEFORE INSERT OR UPDATE OF source_id, mind_id ON public.fragments FOR EACH ROW EXECUTE FUNCTION public.set_fragment_mind();

--
-- Name: fragments fragments_touch_updated_at; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER fragments_touch_updated_at BEFORE UPDATE ON public.fragments FOR EACH ROW EXECUTE FUNCTION public.touch_updated_at();

--
-- Name: ingestion_jobs ingestion_jobs_touch_updated_at; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER ingestion_jobs_touch_updated_at BEFORE UPDATE ON public.ingestion_jobs FOR EACH ROW EXECUTE FUNCTION public.touch_updated_at();

--
-- Name: mind_traits mind_traits_touch_updated_at; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER mind_traits_touch_updated_at BEFORE UPDATE ON public.mind_traits FOR EACH ROW EXECUTE FUNCTION public.touch_updated_at();

--
-- Name: minds minds_touch_updated_at; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER minds_touch_updated_at BEFORE UPDATE ON public.minds FOR EACH ROW EXECUTE FUNCTION public.touch_updated_at();

--
-- Name: profile_settings profile_settings_touch_updated_at; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER profile_settings_touch_updated_at BEFORE UPDATE ON public.profile_settings FOR EACH ROW EXECUTE FUNCTION public.touch_updated_at();

--
-- Name: profiles profiles_touch_updated_at; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER profiles_touch_updated_at BEFORE UPDATE ON public.profiles FOR EACH ROW EXECUTE FUNCTION public.touch_updated_at();

--
-- Name: projects projects_touch_updated_at; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER projects_touch_updated_at BEFORE UPDATE ON public.projects FOR EACH ROW EXECUTE FUNCTION public.touch_updated_at();

--
-- Name: sessions sessions_touch_updated_at; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER sessions_touch_updated_at BEFORE UPDATE ON public.sessions FOR EACH ROW EXECUTE FUNCTION public.touch_updated_at();

--
-- Name: sources sources_touch_updated_at; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER sources_touch_updated_at BEFORE UPDATE ON public.sources FOR EACH ROW EXECUTE FUNCTION public.touch_updated_at();

--
-- Name: audience_profiles audience_profiles_owner_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.audience_profiles
    ADD CONSTRAINT audience_profiles_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES public.profiles(id) ON DELETE CASCADE;

--
-- Name: cognitive_traits cognitive_traits_dimension_code_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.cognitive_traits
    ADD CONSTRAINT cognitive_traits_dimension_code_fkey FOREIGN KEY (dimension_code) REFERENCES public.trait_dimensions(code) ON DELETE RESTRICT;

--
-- Name: content_audiences content_audiences_audience_profile_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.content_audiences
    ADD CONSTRAINT content_audiences_audience_profile_id_fkey FOREIGN KEY (audience_profile_id) REFERENCES public.audience_profiles(id) ON DELETE CASCADE;

--
-- Name: content_audiences content_audiences_content_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.content_audiences
    ADD CONSTRAINT content_audiences_content_id_fkey FOREIGN KEY (content_id) REFERENCES public.contents(id) ON DELETE CASCADE;

--
-- Name: content_fragments content_fragments_content_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.content_fragments
    ADD CONSTRAINT content_fragments_content_id_fkey FOREIGN KEY (content_id) REFERENCES public.contents(id) ON DELETE CASCADE;

--
-- Name: content_fragments content_fragments_fragment_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.content_fragments
    ADD CONSTRAINT content_fragments_fragment_id_fkey FOREIGN KEY (fragment_id) REFERENCES public.fragments(id) ON DELETE CASCADE;

--
-- Name: content_publications content_publications_channel_code_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.content_publications
    ADD CONSTRAINT content_publications_channel_code_fkey FOREIGN KEY (channel_code) REFERENCES public.channels(code) ON DELETE RESTRICT;

--
-- Name: content_publications content_publications_content_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.content_publications
    ADD CONSTRAINT content_publications_content_id_fkey FOREIGN KEY (content_id) REFERENCES public.contents(id) ON DELETE CASCADE;

--
-- Name: content_versions content_versions_content_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.content_versions
    ADD CONSTRAINT content_versions_content_id_fkey FOREIGN KEY (content_id) REFERENCES public.contents(id) ON DELETE CASCADE;

--
-- Name: contents contents_format_code_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.contents
    ADD CONSTRAINT contents_format_code_fkey FOREIGN KEY (format_code) REFERENCES public.content_formats(code) ON DELETE RESTRICT;

--
-- Name: contents contents_language_code_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.contents
    ADD CONSTRAINT contents_language_code_fkey FOREIGN KEY (language_code) REFERENCES public.languages(code) ON DELETE RESTRICT;

--
-- Name: contents contents_project_id_owner_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.contents
    ADD CONSTRAINT contents_project_id_owner_id_fkey FOREIGN KEY (project_id, owner_id) REFERENCES public.projects(id, owner_id) ON UPDATE CASCADE ON DELETE CASCADE;

--
-- Name: fragment_relations fragment_relations_from_fragment_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.fragment_relations
    ADD CONSTRAINT fragment_relations_from_fragment_id_fkey FOREIGN KEY (from_fragment_id) REFERENCES public.fragments(id) ON DELETE CASCADE;

--
-- Name: fragment_relations fragment_relations_to_fragment_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.fragment_relations
    ADD CONSTRAINT fragment_relations_to_fragment_id_fkey FOREIGN KEY (to_fragment_id) REFERENCES public.fragments(id) ON DELETE CASCADE;

--
-- Name: fragment_tags fragment_tags_fragment_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.fragment_tags
    ADD CONSTRAINT fragment_tags_fragment_id_fkey FOREIGN KEY (fragment_id) REFERENCES public.fragments(id) ON DELETE CASCADE;

--
-- Name: fragment_tags fragment_tags_tag_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.fragment_tags
    ADD CONSTRAINT fragment_tags_tag_id_fkey FOREIGN KEY (tag_id) REFERENCES public.tags(id) ON DELETE CASCADE;

--
-- Name: fragments fragments_kind_code_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.fragments
    ADD CONSTRAINT fragments_kind_code_fkey FOREIGN KEY (kind_code) REFERENCES public.fragment_kinds(code) ON DELETE RESTRICT;

--
-- Name: fragments fragments_mind_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.fragments
    ADD CONSTRAINT fragments_mind_id_fkey FOREIGN KEY (mind_id) REFERENCES public.minds(id) ON DELETE CASCADE;

--
-- Name: fragments fragments_source_id_mind_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.fragments
    ADD CONSTRAINT fragments_source_id_mind_id_fkey FOREIGN KEY (source_id, mind_id) REFERENCES public.sources(id, mind_id) ON UPDATE CASCADE ON DELETE CASCADE;

--
-- Name: ingestion_jobs ingestion_jobs_source_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.ingestion_jobs
    ADD CONSTRAINT ingestion_jobs_source_id_fkey FOREIGN KEY (source_id) REFERENCES public.sources(id) ON DELETE CASCADE;

--
-- Name: mind_relations mind_relations_from_mind_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.mind_relations
    ADD CONSTRAINT mind_relations_from_mind_id_fkey FOREIGN KEY (from_mind_id) REFERENCES public.minds(id) ON DELETE CASCADE;

--
-- Name: mind_relations mind_relations_to_mind_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.mind_relations
    ADD CONSTRAINT mind_relations_to_mind_id_fkey FOREIGN KEY (to_mind_id) REFERENCES public.minds(id) ON DELETE CASCADE;

--
-- Name: mind_trait_evidence mind_trait_evidence_fragment_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.mind_trait_evidence
    ADD CONSTRAINT mind_trait_evidence_fragment_id_fkey FOREIGN KEY (fragment_id) REFERENCES public.fragments(id) ON DELETE CASCADE;

--
-- Name: mind_trait_evidence mind_trait_evidence_mind_id_trait_code_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.mind_trait_evidence
    ADD CONSTRAINT mind_trait_evidence_mind_id_trait_code_fkey FOREIGN KEY (mind_id, trait_code) REFERENCES public.mind_traits(mind_id, trait_code) ON DELETE CASCADE;

--
-- Name: mind_traits mind_traits_mind_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.mind_traits
    ADD CONSTRAINT mind_traits_mind_id_fkey FOREIGN KEY (mind_id) REFERENCES public.minds(id) ON DELETE CASCADE;

--
-- Name: mind_traits mind_traits_trait_code_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.mind_traits
    ADD CONSTRAINT mind_traits_trait_code_fkey FOREIGN KEY (trait_code) REFERENCES public.cognitive_traits(code) ON DELETE RESTRICT;

--
-- Name: minds minds_language_code_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.minds
    ADD CONSTRAINT minds_language_code_fkey FOREIGN KEY (language_code) REFERENCES public.languages(code) ON DELETE RESTRICT;

--
-- Name: minds minds_owner_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.minds
    ADD CONSTRAINT minds_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES public.profiles(id) ON DELETE CASCADE;

--
-- Name: profile_settings profile_settings_profile_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.profile_settings
    ADD CONSTRAINT profile_settings_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES public.profiles(id) ON DELETE CASCADE;

--
-- Name: profiles profiles_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.profiles
    ADD CONSTRAINT profiles_id_fkey FOREIGN KEY (id) REFERENCES auth.users(id) ON DELETE CASCADE;

--
-- Name: profiles profiles_language_code_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.profiles
    ADD CONSTRAINT profiles_language_code_fkey FOREIGN KEY (language_code) REFERENCES public.languages(code) ON DELETE RESTRICT;

--
-- Name: project_minds project_minds_mind_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.project_minds
    ADD CONSTRAINT project_minds_mind_id_fkey FOREIGN KEY (mind_id) REFERENCES public.minds(id) ON DELETE CASCADE;

--
-- Name: project_minds project_minds_project_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.project_minds
    ADD CONSTRAINT project_minds_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id) ON DELETE CASCADE;

--
-- Name: projects projects_owner_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.projects
    ADD CONSTRAINT projects_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES public.profiles(id) ON DELETE CASCADE;

--
-- Name: research_grants research_grants_profile_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.research_grants
    ADD CONSTRAINT research_grants_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES public.profiles(id) ON DELETE CASCADE;

--
-- Name: session_messages session_messages_session_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.session_messages
    ADD CONSTRAINT session_messages_session_id_fkey FOREIGN KEY (session_id) REFERENCES public.sessions(id) ON DELETE CASCADE;

--
-- Name: sessions sessions_mind_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_mind_id_fkey FOREIGN KEY (mind_id) REFERENCES public.minds(id) ON DELETE CASCADE;

--
-- Name: sessions sessions_profile_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES public.profiles(id) ON DELETE CASCADE;

--
-- Name: sources sources_kind_code_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.sources
    ADD CONSTRAINT sources_kind_code_fkey FOREIGN KEY (kind_code) REFERENCES public.source_kinds(code) ON DELETE RESTRICT;

--
-- Name: sources sources_language_code_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.sources
    ADD CONSTRAINT sources_language_code_fkey FOREIGN KEY (language_code) REFERENCES public.languages(code) ON DELETE RESTRICT;

--
-- Name: sources sources_mind_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.sources
    ADD CONSTRAINT sources_mind_id_fkey FOREIGN KEY (mind_id) REFERENCES public.minds(id) ON DELETE CASCADE;

--
-- Name: tags tags_owner_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES public.profiles(id) ON DELETE CASCADE;

--
-- Name: audience_profiles; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.audience_profiles ENABLE ROW LEVEL SECURITY;

--
-- Name: audience_profiles audience_profiles_all_own; Type: POLICY; Schema: public; Owner: postgres
--

CREATE POLICY audience_profiles_all_own ON public.audience_profiles TO authenticated USING ((owner_id = ( SELECT auth.uid() AS uid))) WITH CHECK ((owner_id = ( SELECT auth.uid() AS uid)));

--
-- Name: channels; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.channels ENABLE ROW LEVEL SECURITY;

--
-- Name: cognitive_traits; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.cognitive_traits ENABLE ROW LEVEL SECURITY;

--
-- Name: content_audiences; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.content_audiences ENABLE ROW LEVEL SECURITY;

--
-- Name: content_formats; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.content_formats ENABLE ROW LEVEL SECURITY;

--
-- Name: content_fragments; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.content_fragments ENABLE ROW LEVEL SECURITY;

--
-- Name: content_publications; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.content_publications ENABLE ROW LEVEL SECURITY;

--
-- Name: content_versions; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.content_versions ENABLE ROW LEVEL SECURITY;

--
-- Name: contents; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.contents ENABLE ROW LEVEL SECURITY;

--
-- Name: contents contents_all_own; Type: POLICY; Schema: public; Owner: postgres
--

CREATE POLICY contents_all_own ON public.contents TO authenticated USING ((owner_id = ( SELECT auth.uid() AS uid))) WITH CHECK ((owner_id = ( SELECT auth.uid() AS uid)));

--
-- Name: fragment_kinds; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.fragment_kinds ENABLE ROW LEVEL SECURITY;

--
-- Name: fragment_relations; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.fragment_relations ENABLE ROW LEVEL SECURITY;

--
-- Name: fragment_tags; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.fragment_tags ENABLE ROW LEVEL SECURITY;

--
-- Name: fragments; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.fragments ENABLE ROW LEVEL SECURITY;

--
-- Name: fragments fragments_delete_own_mind; Type: POLICY; Schema: public; Owner: postgres
--

CREATE POLICY fragments_delete_own_mind ON public.fragments FOR DELETE TO authenticated USING ((mind_id IN ( SELECT minds.id
   FROM public.minds
  WHERE (minds.owner_id = ( SELECT auth.uid() AS uid)))));

--
-- Name: fragments fragments_insert_own_mind; Type: POLICY; Schema: public; Owner: postgres
--

CREATE POLICY fragments_insert_own_mind ON public.fragments FOR INSERT TO authenticated WITH CHECK ((mind_id IN ( SELECT minds.id
   FROM public.minds
  WHERE (minds.owner_id = ( SELECT auth.uid() AS uid)))));

--
-- Name: fragments fragments_select_readable_mind; Type: POLICY; Schema: public; Owner: postgres
--

CREATE POLICY fragments_select_readable_mind ON public.fragments FOR SELECT TO authenticated USING ((mind_id IN ( SELECT minds.id
   FROM public.minds)));

--
-- Name: fragments fragments_update_own_mind; Type: POLICY; Schema: public; Owner: postgres
--

CREATE POLICY fragments_update_own_mind ON public.fragments FOR UPDATE TO authenticated USING ((mind_id IN ( SELECT minds.id
   FROM public.minds
  WHERE (minds.owner_id = ( SELECT auth.uid() AS uid))))) WITH CHECK ((mind_id IN ( SELECT minds.id
   FROM public.minds
  WHERE (minds.owner_id = ( SELECT auth.uid() AS uid)))));

--
-- Name: ingestion_jobs; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.ingestion_jobs ENABLE ROW LEVEL SECURITY;

--
-- Name: languages; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.languages ENABLE ROW LEVEL SECURITY;

--
-- Name: mind_relations; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.mind_relations ENABLE ROW LEVEL SECURITY;

--
-- Name: mind_trait_evidence; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.mind_trait_evidence ENABLE ROW LEVEL SECURITY;

--
-- Name: mind_traits; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.mind_traits ENABLE ROW LEVEL SECURITY;

--
-- Name: minds; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.minds ENABLE ROW LEVEL SECURITY;

--
-- Name: minds minds_insert_own; Type: POLICY; Schema: public; Owner: postgres
--

CREATE POLICY minds_insert_own ON public.minds FOR INSERT TO authenticated WITH CHECK ((owner_id = ( SELECT auth.uid() AS uid)));

--
-- Name: minds minds_select_own_or_research; Type: POLICY; Schema: public; Owner: postgres
--

CREATE POLICY minds_select_own_or_research ON public.minds FOR SELECT TO authenticated USING (((owner_id = ( SELECT auth.uid() AS uid)) OR ( SELECT public.is_research_mode() AS is_research_mode)));

--
-- Name: minds minds_update_own; Type: POLICY; Schema: public; Owner: postgres
--

CREATE POLICY minds_update_own ON public.minds FOR UPDATE TO authenticated USING ((owner_id = ( SELECT auth.uid() AS uid))) WITH CHECK ((owner_id = ( SELECT auth.uid() AS uid)));

--
-- Name: profile_settings; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.profile_settings ENABLE ROW LEVEL SECURITY;

--
-- Name: profiles; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.profiles ENABLE ROW LEVEL SECURITY;

--
-- Name: profiles profiles_select_own; Type: POLICY; Schema: public; Owner: postgres
--

CREATE POLICY profiles_select_own ON public.profiles FOR SELECT TO authenticated USING ((id = ( SELECT auth.uid() AS uid)));

--
-- Name: profiles profiles_update_own; Type: POLICY; Schema: public; Owner: postgres
--

CREATE POLICY profiles_update_own ON public.profiles FOR UPDATE TO authenticated USING ((id = ( SELECT auth.uid() AS uid))) WITH CHECK ((id = ( SELECT auth.uid() AS uid)));

--
-- Name: project_minds; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.project_minds ENABLE ROW LEVEL SECURITY;

--
-- Name: projects; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.projects ENABLE ROW LEVEL SECURITY;

--
-- Name: projects projects_all_own; Type: POLICY; Schema: public; Owner: postgres
--

CREATE POLICY projects_all_own ON public.projects TO authenticated USING ((owner_id = ( SELECT auth.uid() AS uid))) WITH CHECK ((owner_id = ( SELECT auth.uid() AS uid)));

--
-- Name: research_grants; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.research_grants ENABLE ROW LEVEL SECURITY;

--
-- Name: research_grants research_grants_select_own; Type: POLICY; Schema: public; Owner: postgres
--

CREATE POLICY research_grants_select_own ON public.research_grants FOR SELECT TO authenticated USING ((profile_id = ( SELECT auth.uid() AS uid)));

--
-- Name: session_messages; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.session_messages ENABLE ROW LEVEL SECURITY;

--
-- Name: sessions; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.sessions ENABLE ROW LEVEL SECURITY;

--
-- Name: sessions sessions_all_own; Type: POLICY; Schema: public; Owner: postgres
--

CREATE POLICY sessions_all_own ON public.sessions TO authenticated USING ((profile_id = ( SELECT auth.uid() AS uid))) WITH CHECK (((profile_id = ( SELECT auth.uid() AS uid)) AND (mind_id IN ( SELECT minds.id
   FROM public.minds))));

--
-- Name: source_kinds; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.source_kinds ENABLE ROW LEVEL SECURITY;

--
-- Name: sources; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.sources ENABLE ROW LEVEL SECURITY;

--
-- Name: sources sources_all_own; Type: POLICY; Schema: public; Owner: postgres
--

CREATE POLICY sources_all_own ON public.sources TO authenticated USING ((mind_id IN ( SELECT minds.id
   FROM public.minds
  WHERE (minds.owner_id = ( SELECT auth.uid() AS uid))))) WITH CHECK ((mind_id IN ( SELECT minds.id
   FROM public.minds
  WHERE (minds.owner_id = ( SELECT auth.uid() AS uid)))));

--
-- Name: tags; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.tags ENABLE ROW LEVEL SECURITY;

--
-- Name: tags tags_all_own; Type: POLICY; Schema: public; Owner: postgres
--

CREATE POLICY tags_all_own ON public.tags TO authenticated USING ((owner_id = ( SELECT auth.uid() AS uid))) WITH CHECK ((owner_id = ( SELECT auth.uid() AS uid)));

--
-- Name: trait_dimensions; Type: ROW SECURITY; Schema: public; Owner: postgres
--

ALTER TABLE public.trait_dimensions ENABLE ROW LEVEL SECURITY;

--
-- Name: SCHEMA public; Type: ACL; Schema: -; Owner: pg_database_owner
--

GRANT USAGE ON SCHEMA public TO anon;
GRANT USAGE ON SCHEMA public TO authenticated;
GRANT USAGE ON SCHEMA public TO service_role;

--
-- Name: FUNCTION is_research_mode(); Type: ACL; Schema: public; Owner: postgres
--

REVOKE ALL ON FUNCTION public.is_research_mode() FROM PUBLIC;
GRANT ALL ON FUNCTION public.is_research_mode() TO authenticated;

--
-- Name: FUNCTION provision_user_profile(); Type: ACL; Schema: public; Owner: postgres
--

REVOKE ALL ON FUNCTION public.provision_user_profile() FROM PUBLIC;

--
-- Name: FUNCTION set_fragment_mind(); Type: ACL; Schema: public; Owner: postgres
--

REVOKE ALL ON FUNCTION public.set_fragment_mind() FROM PUBLIC;

--
-- Name: FUNCTION touch_updated_at(); Type: ACL; Schema: public; Owner: postgres
--

REVOKE ALL ON FUNCTION public.touch_updated_at() FROM PUBLIC;

--
-- Name: TABLE audience_profiles; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.audience_profiles TO service_role;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.audience_profiles TO authenticated;

--
-- Name: TABLE channels; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.channels TO service_role;

--
-- Name: TABLE cognitive_traits; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.cognitive_traits TO service_role;

--
-- Name: TABLE content_audiences; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.content_audiences TO service_role;

--
-- Name: TABLE content_formats; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.content_formats TO service_role;

--
-- Name: TABLE content_fragments; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.content_fragments TO service_role;

--
-- Name: TABLE content_publications; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.content_publications TO service_role;

--
-- Name: TABLE content_versions; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.content_versions TO service_role;

--
-- Name: TABLE contents; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.contents TO service_role;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.contents TO authenticated;

--
-- Name: TABLE fragments; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.fragments TO service_role;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.fragments TO authenticated;

--
-- Name: TABLE minds; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.minds TO service_role;
GRANT SELECT,INSERT,UPDATE ON TABLE public.minds TO authenticated;

--
-- Name: TABLE fragment_feed; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT ON TABLE public.fragment_feed TO authenticated;
GRANT SELECT ON TABLE public.fragment_feed TO service_role;

--
-- Name: TABLE fragment_kinds; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.fragment_kinds TO service_role;

--
-- Name: TABLE fragment_relations; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.fragment_relations TO service_role;

--
-- Name: TABLE fragment_tags; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.fragment_tags TO service_role;

--
-- Name: TABLE ingestion_jobs; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.ingestion_jobs TO service_role;

--
-- Name: TABLE languages; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.languages TO service_role;

--
-- Name: TABLE mind_overview; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT ON TABLE public.mind_overview TO authenticated;
GRANT SELECT ON TABLE public.mind_overview TO service_role;

--
-- Name: TABLE mind_relations; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.mind_relations TO service_role;

--
-- Name: TABLE mind_trait_evidence; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.mind_trait_evidence TO service_role;

--
-- Name: TABLE mind_traits; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.mind_traits TO service_role;

--
-- Name: TABLE profile_settings; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.profile_settings TO service_role;

--
-- Name: TABLE profiles; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.profiles TO service_role;
GRANT SELECT,UPDATE ON TABLE public.profiles TO authenticated;

--
-- Name: TABLE project_minds; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.project_minds TO service_role;

--
-- Name: TABLE projects; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.projects TO service_role;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.projects TO authenticated;

--
-- Name: TABLE project_progress; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT ON TABLE public.project_progress TO authenticated;
GRANT SELECT ON TABLE public.project_progress TO service_role;

--
-- Name: TABLE research_grants; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.research_grants TO service_role;
GRANT SELECT ON TABLE public.research_grants TO authenticated;

--
-- Name: TABLE session_messages; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.session_messages TO service_role;

--
-- Name: TABLE sessions; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.sessions TO service_role;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.sessions TO authenticated;

--
-- Name: TABLE source_kinds; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.source_kinds TO service_role;

--
-- Name: TABLE sources; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.sources TO service_role;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.sources TO authenticated;

--
-- Name: TABLE tags; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.tags TO service_role;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.tags TO authenticated;

--
-- Name: TABLE trait_dimensions; Type: ACL; Schema: public; Owner: postgres
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.trait_dimensions TO service_role;

--
-- Name: DEFAULT PRIVILEGES FOR SEQUENCES; Type: DEFAULT ACL; Schema: public; Owner: postgres
--

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON SEQUENCES  TO postgres;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON SEQUENCES  TO anon;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON SEQUENCES  TO authenticated;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON SEQUENCES  TO service_role;

--
-- Name: DEFAULT PRIVILEGES FOR FUNCTIONS; Type: DEFAULT ACL; Schema: public; Owner: postgres
--

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON FUNCTIONS  TO postgres;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON FUNCTIONS  TO anon;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON FUNCTIONS  TO authenticated;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON FUNCTIONS  TO service_role;

--
-- Name: DEFAULT PRIVILEGES FOR TABLES; Type: DEFAULT ACL; Schema: public; Owner: postgres
--

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON TABLES  TO postgres;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON TABLES  TO anon;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON TABLES  TO authenticated;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON TABLES  TO service_role;

--
-- On the platform's tables and beside them
--

CREATE TRIGGER on_auth_user_created AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION public.provision_user_profile();

-- extension pg_graphql 1.5.9 in schema graphql

-- extension pg_stat_statements 1.10 in schema extensions

-- extension pgcrypto 1.3 in schema extensions

-- extension supabase_vault 0.3.1 in schema vault

-- extension uuid-ossp 1.1 in schema extensions
