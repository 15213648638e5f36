SELECT class, identity, facets FROM part
UNION ALL
SELECT 'comment', o.class || ':' || o.identity, jsonb_build_object('text', d.description)
FROM (
    SELECT classid, objid, 0 AS objsubid, class, identity FROM object
    UNION ALL
    SELECT classid, objid, 0, class, identity FROM part
    UNION ALL
    SELECT 'pg_class'::regclass, a.attrelid, a.attnum, 'column', rel.identity || '.' || a.attname
    FROM rel JOIN pg_attribute a ON a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT 'pg_class'::regclass, rel.oid, 0, 'composite', rel.identity FROM rel WHERE rel.class = 'composite'
    UNION ALL
    SELECT 'pg_constraint'::regclass, con.oid, 0, 'constraint', ty.identity || '.' || con.conname
    FROM pg_constraint con JOIN ty ON ty.oid = con.contypid
    UNION ALL
    SELECT 'pg_publication'::regclass, oid, 0, 'publication', pubname FROM pg_publication
    UNION ALL
    SELECT 'pg_event_trigger'::regclass, oid, 0, 'event_trigger', evtname FROM pg_event_trigger
) o
JOIN pg_description d ON d.classoid = o.classid AND d.objoid = o.objid AND d.objsubid = o.objsubid
-- Of what the server has by itself, people see only the schema `public` here.
WHERE d.objoid >= 16384 OR d.classoid = 'pg_namespace'::regclass
UNION ALL
-- CREATE EXTENSION writes the control file's comment, which no history spells out.
SELECT 'comment', 'extension:' || e.extname, jsonb_build_object('text', d.description)
FROM pg_extension e
JOIN pg_description d ON d.classoid = 'pg_extension'::regclass AND d.objoid = e.oid
WHERE NOT EXISTS (
    SELECT FROM pg_available_extensions available
    WHERE available.name = e.extname AND available.comment = d.description
)
UNION ALL
SELECT 'comment', 'role:' || r.rolname, jsonb_build_object('text', d.description)
FROM pg_roles r
JOIN pg_shdescription d ON d.classoid = 'pg_authid'::regclass AND d.objoid = r.oid
WHERE r.oid >= 16384
