//! A schema with everything in it.

/// One object of every kind, with names that need quotes; the last lines hang on the platform.
pub(crate) const ODD: &str = r#"
CREATE SCHEMA "odd; schema";
CREATE SCHEMA IF NOT EXISTS extensions;
CREATE TYPE public."the ""mood""" AS ENUM ('it''s', 'o;k');
CREATE TYPE public.pair AS (a integer, "b c" text);
CREATE TYPE public.span AS RANGE (subtype = integer);
CREATE DOMAIN public.email AS varchar(320) DEFAULT '' CONSTRAINT "at sign" CHECK (VALUE ~ '@');
CREATE SEQUENCE public."coun ter" AS smallint INCREMENT BY 5 MAXVALUE 100 CYCLE;
CREATE FUNCTION public."next; one"() RETURNS bigint LANGUAGE sql AS $$ SELECT nextval('public."coun ter"') $$;
CREATE TABLE "odd; schema"."$(touch x), ""y""" (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number bigint NOT NULL DEFAULT public."next; one"(),
    label varchar(10) COLLATE "C" DEFAULT 'x',
    total numeric(10, 2),
    twice numeric GENERATED ALWAYS AS (total * 2) STORED,
    CONSTRAINT "posi""tive" CHECK (total > 0)
);
CREATE TABLE public.child (
    a serial, parent_id bigint REFERENCES "odd; schema"."$(touch x), ""y""" ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    mood public."the ""mood""", mail public.email, two public.pair, PRIMARY KEY (a)
);
ALTER TABLE public.child ADD CONSTRAINT later CHECK (a > 0) NOT VALID;
CREATE TABLE public.event (at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE public.event_1 PARTITION OF public.event FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE INDEX "look up" ON public.child (a DESC) INCLUDE (parent_id) WHERE a > 0;
CREATE VIEW public."a view" WITH (security_invoker = true) AS SELECT a, parent_id FROM public.child;
CREATE VIEW "odd; schema".another AS SELECT a FROM public."a view";
CREATE MATERIALIZED VIEW public.stored AS SELECT a FROM public.child WITH NO DATA;
CREATE FUNCTION public.act() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$ BEGIN RETURN new; END $$;
CREATE PROCEDURE public.proc(a int, OUT b int) LANGUAGE sql AS $$ SELECT 1 $$;
CREATE AGGREGATE public.most(integer) (SFUNC = int4larger, STYPE = integer);
CREATE OPERATOR public.=== (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4eq);
CREATE COLLATION public.plain (provider = libc, locale = 'C');
CREATE TEXT SEARCH CONFIGURATION public.words (COPY = pg_catalog.english);
CREATE TRIGGER "on change" BEFORE INSERT ON public.child FOR EACH ROW EXECUTE FUNCTION public.act();
ALTER TABLE public.child DISABLE TRIGGER "on change";
ALTER TABLE public.child ENABLE ROW LEVEL SECURITY;
CREATE POLICY "may; see" ON public.child AS RESTRICTIVE FOR SELECT TO anon, authenticated USING (a > 1);
CREATE RULE quiet AS ON DELETE TO public.child DO INSTEAD NOTHING;
CREATE STATISTICS public.both_columns ON a, parent_id FROM public.child;
GRANT SELECT, INSERT ON public.child TO anon;
GRANT UPDATE (a) ON public.child TO authenticated;
GRANT USAGE ON SCHEMA "odd; schema" TO anon WITH GRANT OPTION;
REVOKE EXECUTE ON FUNCTION public.act() FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA "odd; schema" GRANT SELECT ON TABLES TO anon;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
COMMENT ON TABLE public.child IS 'it''s; old';
COMMENT ON SCHEMA "odd; schema" IS 'odd';
CREATE PUBLICATION "my; own" FOR TABLE public.child;
CREATE TRIGGER on_auth_user_created AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION public.act();
CREATE FUNCTION public.mine(uuid) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE POLICY "own files" ON storage.objects FOR SELECT TO authenticated USING (public.mine(owner));
CREATE POLICY untouched ON storage.objects FOR DELETE USING (false);
INSERT INTO storage.buckets (id, name) VALUES ('ava''tars', 'ava''tars');
ALTER PUBLICATION supabase_realtime ADD TABLE public.child;
"#;
