-- What belongs to a table.
, part (classid, objid, class, identity, facets) AS (
    SELECT 'pg_constraint'::regclass::oid, con.oid, 'constraint', rel.identity || '.' || con.conname,
        jsonb_build_object(
            'kind', con.contype,
            'columns', (
                SELECT coalesce(jsonb_agg(a.attname ORDER BY k.position), '[]')
                FROM unnest(con.conkey) WITH ORDINALITY k (attnum, position)
                LEFT JOIN pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = k.attnum AND k.attnum <> 0
            ),
            'references', (
                SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE c.oid = con.confrelid
            ),
            'referenced_columns', (
                SELECT coalesce(jsonb_agg(a.attname ORDER BY k.position), '[]')
                FROM unnest(con.confkey) WITH ORDINALITY k (attnum, position)
                JOIN pg_attribute a ON a.attrelid = con.confrelid AND a.attnum = k.attnum
            ),
            'on_delete', nullif(con.confdeltype, ' '),
            'on_update', nullif(con.confupdtype, ' '),
            'deferrable', con.condeferrable,
            'deferred', con.condeferred,
            'validated', con.convalidated
        )
    FROM pg_constraint con
    JOIN rel ON rel.oid = con.conrelid
    WHERE con.contype IN ('p', 'u', 'f', 'c', 'x')
    UNION ALL
    SELECT 'pg_trigger'::regclass, t.oid, 'trigger', rel.identity || '.' || t.tgname, jsonb_build_object(
        'function', (
            SELECT n.nspname || '.' || p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE p.oid = t.tgfoid
        ),
        'timing', CASE t.tgtype::integer & 66 WHEN 2 THEN 'BEFORE' WHEN 64 THEN 'INSTEAD OF' ELSE 'AFTER' END,
        'events', to_jsonb(array_remove(ARRAY[
            CASE WHEN t.tgtype::integer & 4 <> 0 THEN 'INSERT' END,
            CASE WHEN t.tgtype::integer & 8 <> 0 THEN 'DELETE' END,
            CASE WHEN t.tgtype::integer & 16 <> 0 THEN 'UPDATE' END,
            CASE WHEN t.tgtype::integer & 32 <> 0 THEN 'TRUNCATE' END
        ], NULL)),
        'row', t.tgtype::integer & 1 <> 0,
        'enabled', t.tgenabled,
        'constraint', t.tgconstraint <> 0
    )
    FROM pg_trigger t
    JOIN rel ON rel.oid = t.tgrelid
    WHERE NOT t.tgisinternal
    UNION ALL
    SELECT 'pg_policy'::regclass, p.oid, 'policy', rel.identity || '.' || p.polname, jsonb_build_object(
        'command', CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
            WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
        'permissive', p.polpermissive,
        'roles', (
            SELECT jsonb_agg(r.name ORDER BY r.name COLLATE "C")
            FROM (
                SELECT CASE role WHEN 0 THEN 'public' ELSE pg_get_userbyid(role)::text END AS name
                FROM unnest(p.polroles) role
            ) r
        ),
        'using', p.polqual IS NOT NULL,
        'check', p.polwithcheck IS NOT NULL
    )
    FROM pg_policy p
    JOIN rel ON rel.oid = p.polrelid
    UNION ALL
    SELECT 'pg_rewrite'::regclass, r.oid, 'rule', rel.identity || '.' || r.rulename, '{}'
    FROM pg_rewrite r
    JOIN rel ON rel.oid = r.ev_class
    WHERE r.rulename <> '_RETURN'
    UNION ALL
    SELECT 'pg_statistic_ext'::regclass, s.oid, 'statistics', ns.name || '.' || s.stxname,
        jsonb_build_object('table', rel.identity)
    FROM pg_statistic_ext s
    JOIN ns ON ns.oid = s.stxnamespace
    JOIN rel ON rel.oid = s.stxrelid
)
