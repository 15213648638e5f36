SELECT 'schema' AS class, identity, '{}'::jsonb AS facets FROM object WHERE class = 'schema'
UNION ALL
SELECT 'table', rel.identity, jsonb_build_object(
    'persistence', relpersistence,
    'kind', relkind,
    'rls', relrowsecurity,
    'force_rls', relforcerowsecurity,
    'partition_strategy', (SELECT partstrat FROM pg_partitioned_table p WHERE p.partrelid = rel.oid),
    'partition_of', (
        SELECT n.nspname || '.' || c.relname
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE i.inhrelid = rel.oid AND rel.relispartition
    ),
    'inherits', coalesce((
        SELECT jsonb_agg(n.nspname || '.' || c.relname ORDER BY i.inhseqno)
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE i.inhrelid = rel.oid AND NOT rel.relispartition
    ), '[]')
)
FROM rel
WHERE class = 'table'
UNION ALL
SELECT 'column', rel.identity || '.' || a.attname, jsonb_build_object(
    'type', format_type(a.atttypid, a.atttypmod),
    'position', row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum),
    'not_null', a.attnotnull,
    'has_default', a.atthasdef AND a.attgenerated = '',
    'identity', a.attidentity,
    'generated', a.attgenerated
)
FROM rel
JOIN pg_attribute a ON a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE class = 'table'
UNION ALL
SELECT class, identity, jsonb_build_object(
    'columns', (
        SELECT coalesce(jsonb_agg(a.attname ORDER BY a.attnum), '[]')
        FROM pg_attribute a WHERE a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped
    ),
    'security_invoker', coalesce((
        SELECT lower(option_value) IN ('true', 'on', 'yes', '1')
        FROM pg_options_to_table(rel.reloptions) WHERE option_name = 'security_invoker'
    ), false)
)
FROM rel
WHERE class IN ('view', 'materialized_view')
UNION ALL
SELECT 'sequence', rel.identity, jsonb_build_object(
    'type', format_type(s.seqtypid, NULL),
    'increment', s.seqincrement,
    'owned_by', (
        SELECT n.nspname || '.' || c.relname || '.' || a.attname
        FROM pg_depend d
        JOIN pg_class c ON c.oid = d.refobjid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_class'::regclass AND d.objid = rel.oid AND d.refclassid = 'pg_class'::regclass
            AND d.deptype IN ('a', 'i')
    )
)
FROM rel
JOIN pg_sequence s ON s.seqrelid = rel.oid
UNION ALL
SELECT 'index', rel.identity, jsonb_build_object(
    'table', (
        SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid = i.indrelid
    ),
    'unique', i.indisunique,
    'primary', i.indisprimary,
    'method', (SELECT amname FROM pg_am WHERE pg_am.oid = rel.relam),
    'keys', (
        SELECT coalesce(jsonb_agg(a.attname ORDER BY k.position) FILTER (WHERE k.position <= i.indnkeyatts), '[]')
        FROM unnest(i.indkey) WITH ORDINALITY k (attnum, position)
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum <> 0
    ),
    'include', (
        SELECT coalesce(jsonb_agg(a.attname ORDER BY k.position) FILTER (WHERE k.position > i.indnkeyatts), '[]')
        FROM unnest(i.indkey) WITH ORDINALITY k (attnum, position)
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum <> 0
    ),
    'partial', i.indpred IS NOT NULL,
    'valid', i.indisvalid
)
FROM rel
JOIN pg_index i ON i.indexrelid = rel.oid
