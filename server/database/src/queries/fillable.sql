-- Tables that users made and that rows can be put into: not partitions, whose parents get the rows; not those of tools,
-- of extensions, and of the platform, which a migration leaves alone, unless users' tables refer to them: `auth.users`.
WITH RECURSIVE own AS (
    SELECT c.oid
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
        AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '_dblsp', 'dblsp', 'supabase_migrations')
        AND pg_get_userbyid(c.relowner) NOT IN (
            'supabase_admin', 'supabase_auth_admin', 'supabase_storage_admin', 'supabase_realtime_admin'
        )
        AND NOT EXISTS (SELECT FROM pg_depend d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
),
needed AS (
    SELECT oid FROM own
    UNION
    SELECT k.confrelid FROM needed JOIN pg_constraint k ON k.conrelid = needed.oid AND k.contype = 'f'
),
fillable AS (
    SELECT c.oid, n.nspname, c.relname
    FROM needed
    JOIN pg_class c ON c.oid = needed.oid AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    JOIN pg_namespace n ON n.oid = c.relnamespace
)
SELECT f.nspname || '.' || f.relname, format('%I.%I', f.nspname, f.relname),
    (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'name', a.attname,
            'type', format_type(base.oid, CASE t.typtype WHEN 'd' THEN base.typmod ELSE a.atttypmod END),
            'declared', format_type(a.atttypid, a.atttypmod),
            'nullable', NOT a.attnotnull AND NOT base.refuses,
            'labels', (SELECT coalesce(jsonb_agg(e.enumlabel ORDER BY e.enumsortorder), '[]')
                FROM pg_enum e WHERE e.enumtypid = base.oid),
            'checks', (SELECT string_agg(pg_get_constraintdef(k.oid), ' ') FROM pg_constraint k
                WHERE k.contype = 'c' AND (k.conrelid = f.oid AND a.attnum = ANY (k.conkey) OR k.contypid = a.atttypid)),
            'key', EXISTS (SELECT FROM pg_index i
                WHERE i.indrelid = f.oid AND i.indisunique AND a.attnum = ANY (i.indkey))
        ) ORDER BY a.attnum), '[]')
        FROM pg_attribute a
        JOIN pg_type t ON t.oid = a.atttypid
        CROSS JOIN LATERAL (
            WITH RECURSIVE beneath (oid, typmod, refuses, kind) AS (
                SELECT t.oid, a.atttypmod, t.typnotnull, t.typtype
                UNION ALL
                SELECT u.oid, d.typtypmod, u.typnotnull OR b.refuses, u.typtype
                FROM beneath b JOIN pg_type d ON d.oid = b.oid AND d.typtype = 'd' JOIN pg_type u ON u.oid = d.typbasetype
            )
            SELECT oid, typmod, refuses FROM beneath WHERE kind <> 'd' LIMIT 1
        ) base
        WHERE a.attrelid = f.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    )::text,
    (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'parent', format('%I.%I', pn.nspname, p.relname),
            'own', (SELECT jsonb_agg(a.attname ORDER BY k.place) FROM unnest(c.conkey) WITH ORDINALITY k (number, place)
                JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number),
            'theirs', (SELECT jsonb_agg(a.attname ORDER BY k.place)
                FROM unnest(c.confkey) WITH ORDINALITY k (number, place)
                JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.number)
        ) ORDER BY c.conname), '[]')
        FROM pg_constraint c
        JOIN pg_class p ON p.oid = c.confrelid
        JOIN pg_namespace pn ON pn.oid = p.relnamespace
        WHERE c.conrelid = f.oid AND c.contype = 'f' AND c.conparentid = 0
    )::text
FROM fillable f
ORDER BY 1
