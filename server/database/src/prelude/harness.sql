-- In every template: what lets a role without superuser rights create extensions, real or stubs, in the middle of its own
-- transaction, and nothing else.
CREATE SCHEMA _dblsp;
GRANT USAGE ON SCHEMA _dblsp TO PUBLIC;

CREATE TABLE _dblsp.stub (
    name text PRIMARY KEY,
    version text NOT NULL,
    requires text[] NOT NULL,
    script text NOT NULL
);

-- Says how the extension came to be: `there`, `real` or `stub`. A stub is a row of pg_extension that owns what its
-- script creates, so that DROP, ALTER and COMMENT ON EXTENSION and the readers of the catalog see an extension.
CREATE FUNCTION _dblsp.create_extension(wanted text, tolerant boolean, place text, fallback text, cascading boolean)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET allow_system_table_mods = on
SET check_function_bodies = off
AS $function$
DECLARE
    stub _dblsp.stub;
    made oid;
    dependency text;
    -- pg_cron's control file names its schema.
    target text := coalesce(place, CASE wanted WHEN 'pg_cron' THEN 'pg_catalog' ELSE fallback END);
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = wanted) THEN
        IF tolerant THEN
            RETURN 'there';
        END IF;
        RAISE duplicate_object USING MESSAGE = format('extension "%s" already exists', wanted);
    END IF;

    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = wanted) THEN
        PERFORM set_config('search_path', quote_ident(target), true);
        EXECUTE format('CREATE EXTENSION %I', wanted)
            || CASE WHEN place IS NULL THEN '' ELSE format(' SCHEMA %I', place) END
            || CASE WHEN cascading THEN ' CASCADE' ELSE '' END;
        PERFORM set_config('search_path', 'pg_catalog, pg_temp', true);
        UPDATE pg_extension SET extowner = session_user::regrole WHERE extname = wanted;
        RETURN 'real';
    END IF;

    SELECT * INTO stub FROM _dblsp.stub WHERE name = wanted;
    IF NOT FOUND THEN
        RAISE feature_not_supported USING MESSAGE = format('extension "%s" is not available', wanted);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = target) THEN
        RAISE invalid_schema_name USING MESSAGE = format('schema "%s" does not exist', target);
    END IF;
    FOREACH dependency IN ARRAY stub.requires LOOP
        PERFORM _dblsp.create_extension(dependency, true, NULL, target, true);
    END LOOP;

    -- Object identifiers only grow: what is newer than the extension is what its script made.
    made := pg_nextoid('pg_extension', 'oid', 'pg_extension_oid_index');
    INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
    SELECT made, wanted, session_user::regrole, n.oid, false, stub.version FROM pg_namespace n WHERE n.nspname = target;
    PERFORM set_config('search_path', quote_ident(target) || ', pg_catalog', true);
    EXECUTE replace(stub.script, '@extschema@', quote_ident(target));
    PERFORM set_config('search_path', 'pg_catalog, pg_temp', true);

    INSERT INTO pg_depend (classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype)
    SELECT 'pg_extension'::regclass, made, 0, 'pg_namespace'::regclass, extnamespace, 0, 'n'
    FROM pg_extension
    WHERE oid = made
    UNION ALL
    SELECT member.classid, member.objid, 0, 'pg_extension'::regclass, made, 0, 'e'
    FROM (
        SELECT 'pg_namespace'::regclass, oid FROM pg_namespace
        UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc
        UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator
        UNION ALL SELECT 'pg_opclass'::regclass, oid FROM pg_opclass
        UNION ALL SELECT 'pg_opfamily'::regclass, oid FROM pg_opfamily
        UNION ALL SELECT 'pg_am'::regclass, oid FROM pg_am
        UNION ALL SELECT 'pg_cast'::regclass, oid FROM pg_cast
        UNION ALL SELECT 'pg_class'::regclass, oid FROM pg_class WHERE relkind IN ('r', 'v', 'S', 'c')
        UNION ALL
        SELECT 'pg_type'::regclass, t.oid
        FROM pg_type t
        LEFT JOIN pg_class c ON c.oid = t.typrelid
        WHERE t.typcategory <> 'A' AND (c.oid IS NULL OR c.relkind = 'c')
    ) member (classid, objid)
    WHERE member.objid > made;
    RETURN 'stub';
END
$function$;
