SELECT 'extension' AS class, e.extname::text AS identity,
    jsonb_build_object('schema', (SELECT n.nspname FROM pg_namespace n WHERE n.oid = e.extnamespace)) AS facets
FROM pg_extension e
UNION ALL
SELECT 'role', r.rolname, jsonb_build_object(
    'login', r.rolcanlogin,
    'bypassrls', r.rolbypassrls,
    'superuser', r.rolsuper,
    'inherit', r.rolinherit,
    'createdb', r.rolcreatedb,
    'createrole', r.rolcreaterole
)
FROM pg_roles r
UNION ALL
SELECT DISTINCT 'membership', r.rolname || '.' || m.rolname, '{}'::jsonb
FROM pg_auth_members am
JOIN pg_roles r ON r.oid = am.roleid
JOIN pg_roles m ON m.oid = am.member
UNION ALL
SELECT 'publication', p.pubname, jsonb_build_object(
    'all_tables', p.puballtables,
    'operations', to_jsonb(array_remove(ARRAY[
        CASE WHEN p.pubdelete THEN 'delete' END,
        CASE WHEN p.pubinsert THEN 'insert' END,
        CASE WHEN p.pubtruncate THEN 'truncate' END,
        CASE WHEN p.pubupdate THEN 'update' END
    ], NULL))
)
FROM pg_publication p
UNION ALL
SELECT 'publication_table', p.pubname || '.' || n.nspname || '.' || c.relname, '{}'
FROM pg_publication_rel pr
JOIN pg_publication p ON p.oid = pr.prpubid
JOIN pg_class c ON c.oid = pr.prrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
UNION ALL
SELECT 'event_trigger', evtname, '{}'
FROM pg_event_trigger e
WHERE e.evtname !~ '^dblsp'
    AND NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.deptype = 'e' AND d.classid = 'pg_event_trigger'::regclass AND d.objid = e.oid
    )
