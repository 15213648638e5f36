-- What PostgreSQL prints of every user object: bodies, expressions and options, which the catalog rows leave out.
WITH ns AS (
    SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', '_dblsp')
),
rel AS (
    SELECT c.*, ns.nspname || '.' || c.relname AS name FROM pg_class c JOIN ns ON ns.oid = c.relnamespace
    WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
)
SELECT 'view' AS class, name, pg_get_viewdef(oid) AS text FROM rel WHERE relkind IN ('v', 'm')
UNION ALL
SELECT 'relation', name, concat_ws(' ', relpersistence, relreplident, reloptions, relispopulated, relispartition,
    pg_get_expr(relpartbound, oid), CASE relkind WHEN 'p' THEN pg_get_partkeydef(oid) END, pg_get_userbyid(relowner),
    coalesce(relacl, acldefault('r', relowner))::text)
FROM rel WHERE relkind <> 'S'
UNION ALL
SELECT 'index', rel.name, concat_ws(' ', pg_get_indexdef(rel.oid), i.indisvalid, i.indisclustered, i.indisreplident)
FROM rel JOIN pg_index i ON i.indexrelid = rel.oid
UNION ALL
SELECT 'column', rel.name || '.' || a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull,
    pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated, a.attstorage, a.attcompression,
    array(SELECT o FROM unnest(a.attoptions) o WHERE o NOT LIKE 'pg\_attver=%'),
    nullif(a.attstattarget, -1), nullif(a.attcollation, t.typcollation)::regcollation, a.attacl::text)
FROM rel JOIN pg_attribute a ON a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE rel.relkind IN ('r', 'p', 'f', 'c')
UNION ALL
SELECT 'constraint', coalesce(rel.name, c.contypid::regtype::text) || '.' || c.conname,
    concat_ws(' ', pg_get_constraintdef(c.oid), c.convalidated, c.connoinherit)
FROM pg_constraint c JOIN ns ON ns.oid = c.connamespace LEFT JOIN rel ON rel.oid = c.conrelid
UNION ALL
SELECT 'trigger', rel.name || '.' || t.tgname, concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled)
FROM pg_trigger t JOIN rel ON rel.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL
SELECT 'policy', rel.name || '.' || p.polname, concat_ws(' ', p.polcmd, p.polpermissive, pg_get_expr(p.polqual, p.polrelid),
    pg_get_expr(p.polwithcheck, p.polrelid))
FROM pg_policy p JOIN rel ON rel.oid = p.polrelid
UNION ALL
SELECT 'rule', rel.name || '.' || r.rulename, concat_ws(' ', pg_get_ruledef(r.oid), r.ev_enabled)
FROM pg_rewrite r JOIN rel ON rel.oid = r.ev_class WHERE r.rulename <> '_RETURN'
UNION ALL
SELECT 'routine', p.oid::regprocedure::text, concat_ws(' ', CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END,
    coalesce(p.proacl, acldefault('f', p.proowner))::text, pg_get_userbyid(p.proowner))
FROM pg_proc p JOIN ns ON ns.oid = p.pronamespace
WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i'))
UNION ALL
SELECT 'sequence', rel.name, concat_ws(' ', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache,
    s.seqcycle, pg_get_userbyid(rel.relowner), coalesce(rel.relacl, acldefault('s', rel.relowner))::text)
FROM rel JOIN pg_sequence s ON s.seqrelid = rel.oid
UNION ALL
SELECT 'type', t.oid::regtype::text, concat_ws(' ', t.typtype, t.typdefault, t.typnotnull, coalesce(t.typacl, acldefault('T', t.typowner))::text,
    (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid))
FROM pg_type t JOIN ns ON ns.oid = t.typnamespace WHERE t.typtype IN ('e', 'd', 'r', 'c') AND t.typelem = 0
UNION ALL
SELECT 'publication', p.pubname || '.' || pr.prrelid::regclass::text, concat_ws(' ',
    (SELECT string_agg(attname, ' ' ORDER BY attname) FROM pg_attribute WHERE attrelid = pr.prrelid AND attnum = ANY (pr.prattrs)),
    pg_get_expr(pr.prqual, pr.prrelid))
FROM pg_publication p JOIN pg_publication_rel pr ON pr.prpubid = p.oid
UNION ALL
SELECT 'statistics', s.stxname, concat_ws(' ', s.stxkind, s.stxrelid::regclass,
    (SELECT string_agg(attname, ' ' ORDER BY attname) FROM pg_attribute WHERE attrelid = s.stxrelid AND attnum = ANY (s.stxkeys)))
FROM pg_statistic_ext s
UNION ALL
SELECT 'event trigger', evtname, concat_ws(' ', evtevent, evtenabled, evtfoid::regproc) FROM pg_event_trigger
UNION ALL
SELECT 'schema', nspname, concat_ws(' ', nspowner::regrole, nspacl::text) FROM pg_namespace
    WHERE oid IN (SELECT oid FROM ns)
UNION ALL
SELECT 'default acl', concat_ws(' ', defaclrole::regrole, defaclnamespace::regnamespace, defaclobjtype), defaclacl::text
FROM pg_default_acl
ORDER BY 1, 2, 3
