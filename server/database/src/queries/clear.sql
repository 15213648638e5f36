-- Statements that empty the project's schemas, in order.
SELECT statement
FROM (
    SELECT 1 AS part, 0 AS place, pubname::text AS name, format('DROP PUBLICATION IF EXISTS %I', pubname) AS statement
    FROM pg_publication
    WHERE pg_get_userbyid(pubowner) <> ALL (ARRAY[@owners@]::text[]) AND (NOT @supabase@ OR pubname !~ '^supabase_realtime')
    UNION ALL
    SELECT 2, 0, nspname::text, format('DROP SCHEMA IF EXISTS %I CASCADE', nspname) FROM scope WHERE nspname <> 'public'
    UNION ALL
    SELECT 3,
        -- A sequence that belongs to a column goes with it and not by itself.
        CASE WHEN i.type = 'sequence' THEN 1 ELSE 0 END,
        i.identity,
        format('DROP %s IF EXISTS %s CASCADE', CASE
            WHEN d.classid = 'pg_proc'::regclass THEN 'ROUTINE'
            WHEN d.classid = 'pg_statistic_ext'::regclass THEN 'STATISTICS'
            ELSE upper(i.type)
        END, i.identity)
    FROM direct d
    CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) i
    WHERE d.classid <> 'pg_namespace'::regclass
        AND d.classid <> 'pg_default_acl'::regclass
        AND EXISTS (
            SELECT FROM pg_depend p
            WHERE p.classid = d.classid AND p.objid = d.objid AND p.refclassid = 'pg_namespace'::regclass
                AND p.refobjid = 'public'::regnamespace AND p.deptype = 'n'
        )
        -- These belong to a range type.
        AND NOT EXISTS (SELECT FROM pg_type t WHERE d.classid = 'pg_type'::regclass AND t.oid = d.objid AND t.typtype = 'm')
        AND NOT EXISTS (
            SELECT FROM pg_depend p
            WHERE p.classid = d.classid AND p.objid = d.objid AND p.deptype = 'i' AND p.refclassid = 'pg_type'::regclass
        )
) statements
ORDER BY part, place, name
