SELECT 'function' AS class, fn.identity, jsonb_build_object(
    'kind', fn.prokind,
    'returns', CASE WHEN fn.proretset THEN 'SETOF ' ELSE '' END || format_type(fn.prorettype, NULL),
    'language', (SELECT lanname FROM pg_language WHERE pg_language.oid = fn.prolang),
    'volatility', fn.provolatile,
    'security_definer', fn.prosecdef,
    'strict', fn.proisstrict,
    'search_path', (
        SELECT substr(setting, length('search_path=') + 1)
        FROM unnest(fn.proconfig) setting WHERE setting LIKE 'search\_path=%'
    )
) AS facets
FROM fn
UNION ALL
SELECT ty.class, ty.identity, CASE ty.class
    WHEN 'enum' THEN jsonb_build_object('labels', (
        SELECT coalesce(jsonb_agg(enumlabel ORDER BY enumsortorder), '[]') FROM pg_enum WHERE enumtypid = ty.oid
    ))
    WHEN 'composite' THEN jsonb_build_object('attributes', (
        SELECT coalesce(
            jsonb_agg(jsonb_build_array(a.attname, format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum), '[]'
        )
        FROM pg_attribute a WHERE a.attrelid = ty.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    ))
    WHEN 'domain' THEN jsonb_build_object(
        'base', format_type(ty.typbasetype, ty.typtypmod),
        'not_null', ty.typnotnull,
        'has_default', ty.typdefault IS NOT NULL,
        'constraints', (
            SELECT coalesce(jsonb_agg(con.conname ORDER BY con.conname), '[]')
            FROM pg_constraint con WHERE con.contypid = ty.oid AND con.contype = 'c'
        )
    )
    WHEN 'range' THEN jsonb_build_object('subtype', (
        SELECT format_type(rngsubtype, NULL) FROM pg_range WHERE rngtypid = ty.oid
    ))
    ELSE '{}'
END
FROM ty
UNION ALL
SELECT 'cast', format_type(castsource, NULL) || ' AS ' || format_type(casttarget, NULL), '{}'
FROM pg_cast c
WHERE c.oid >= 16384 AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_cast'::regclass AND objid = c.oid)
    -- A range type brings a cast to its multirange along.
    AND NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_cast'::regclass AND d.objid = c.oid AND d.deptype = 'i'
    )
UNION ALL
SELECT 'operator', ns.name || '.' || o.oprname || '('
    || CASE o.oprleft WHEN 0 THEN 'NONE' ELSE format_type(o.oprleft, NULL) END || ', '
    || CASE o.oprright WHEN 0 THEN 'NONE' ELSE format_type(o.oprright, NULL) END || ')', '{}'
FROM pg_operator o
JOIN ns ON ns.oid = o.oprnamespace
WHERE o.oid >= 16384
    AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_operator'::regclass AND objid = o.oid)
UNION ALL
SELECT 'operator_class', ns.name || '.' || o.opcname || ' USING ' || am.amname, '{}'
FROM pg_opclass o
JOIN ns ON ns.oid = o.opcnamespace
JOIN pg_am am ON am.oid = o.opcmethod
WHERE o.oid >= 16384
    AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_opclass'::regclass AND objid = o.oid)
UNION ALL
SELECT 'operator_family', ns.name || '.' || o.opfname || ' USING ' || am.amname, '{}'
FROM pg_opfamily o
JOIN ns ON ns.oid = o.opfnamespace
JOIN pg_am am ON am.oid = o.opfmethod
WHERE o.oid >= 16384
    AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_opfamily'::regclass AND objid = o.oid)
UNION ALL
SELECT 'collation', ns.name || '.' || c.collname, '{}'
FROM pg_collation c
JOIN ns ON ns.oid = c.collnamespace
WHERE c.oid >= 16384
    AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_collation'::regclass AND objid = c.oid)
UNION ALL
SELECT 'conversion', ns.name || '.' || c.conname, '{}'
FROM pg_conversion c
JOIN ns ON ns.oid = c.connamespace
WHERE c.oid >= 16384
    AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_conversion'::regclass AND objid = c.oid)
UNION ALL
SELECT 'text_search_configuration', ns.name || '.' || c.cfgname, '{}'
FROM pg_ts_config c
JOIN ns ON ns.oid = c.cfgnamespace
WHERE c.oid >= 16384
    AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_ts_config'::regclass AND objid = c.oid)
UNION ALL
SELECT 'text_search_dictionary', ns.name || '.' || d.dictname, '{}'
FROM pg_ts_dict d
JOIN ns ON ns.oid = d.dictnamespace
WHERE d.oid >= 16384
    AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_ts_dict'::regclass AND objid = d.oid)
UNION ALL
SELECT 'access_method', am.amname, '{}'
FROM pg_am am
WHERE am.oid >= 16384 AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_am'::regclass AND objid = am.oid)
UNION ALL
SELECT 'foreign_data_wrapper', w.fdwname, '{}'
FROM pg_foreign_data_wrapper w
WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_foreign_data_wrapper'::regclass AND objid = w.oid)
UNION ALL
SELECT 'server', s.srvname, '{}'
FROM pg_foreign_server s
WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_foreign_server'::regclass AND objid = s.oid)
