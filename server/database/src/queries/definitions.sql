-- What the flat rows leave out, because text alone does not tell it: owners, bodies, expressions, storage. Added to the
-- rows of the same class and identity; classes that only stand here get rows of their own.
SELECT o.class, o.identity, jsonb_build_object('owner', (SELECT name FROM role_name WHERE role_name.oid = o.owner)) AS facets
FROM object o
WHERE o.class <> 'index'
UNION ALL
SELECT rel.class, rel.identity, jsonb_strip_nulls(jsonb_build_object(
    'options', (SELECT jsonb_agg(option ORDER BY option) FROM unnest(rel.reloptions) option),
    'tablespace', (SELECT spcname FROM pg_tablespace WHERE pg_tablespace.oid = rel.reltablespace),
    'access_method', CASE WHEN rel.class IN ('table', 'materialized_view') THEN
        (SELECT amname FROM pg_am WHERE pg_am.oid = rel.relam) END,
    'replica_identity', CASE WHEN rel.class = 'table' THEN rel.relreplident END,
    'partition_key', CASE WHEN rel.relkind = 'p' THEN pg_get_partkeydef(rel.oid) END,
    'partition_bound', pg_get_expr(rel.relpartbound, rel.oid),
    'of_type', CASE WHEN rel.reloftype <> 0 THEN format_type(rel.reloftype, NULL) END,
    'server', (SELECT s.srvname FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver
        WHERE f.ftrelid = rel.oid),
    'server_options', (SELECT to_jsonb(f.ftoptions) FROM pg_foreign_table f WHERE f.ftrelid = rel.oid),
    'definition', CASE
        WHEN rel.class IN ('view', 'materialized_view') THEN pg_get_viewdef(rel.oid)
        WHEN rel.class = 'index' THEN pg_get_indexdef(rel.oid)
    END,
    'column_types', CASE WHEN rel.class IN ('view', 'materialized_view') THEN (
        SELECT jsonb_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum)
        FROM pg_attribute a WHERE a.attrelid = rel.oid AND a.attnum > 0
    ) END,
    'populated', CASE WHEN rel.class = 'materialized_view' THEN rel.relispopulated END,
    'persistence', CASE WHEN rel.class = 'sequence' THEN rel.relpersistence END
))
FROM rel
WHERE rel.class <> 'composite'
UNION ALL
SELECT 'index', rel.identity, jsonb_build_object(
    'clustered', i.indisclustered, 'replica_identity', i.indisreplident, 'ready', i.indisready
)
FROM rel
JOIN pg_index i ON i.indexrelid = rel.oid
UNION ALL
SELECT 'column', rel.identity || '.' || a.attname, jsonb_strip_nulls(jsonb_build_object(
    'default', pg_get_expr(d.adbin, d.adrelid),
    'collation', CASE WHEN a.attcollation <> t.typcollation THEN
        (SELECT n.nspname || '.' || c.collname FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
        WHERE c.oid = a.attcollation) END,
    'storage', a.attstorage,
    'compression', nullif(a.attcompression::text, ''),
    'statistics_target', nullif(a.attstattarget, -1),
    -- Security releases of November 2026 number every column here, anew whenever it is created: 15.20 and its sisters.
    'options', (SELECT jsonb_agg(o) FROM unnest(a.attoptions) o WHERE o NOT LIKE 'pg\_attver=%'),
    'server_options', to_jsonb(a.attfdwoptions),
    'local', a.attislocal,
    'inherited', a.attinhcount
))
FROM rel
JOIN pg_attribute a ON a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE rel.class = 'table'
UNION ALL
SELECT 'sequence', rel.identity, jsonb_build_object(
    'start', s.seqstart::text, 'minimum', s.seqmin::text, 'maximum', s.seqmax::text, 'cache', s.seqcache::text,
    'cycle', s.seqcycle
)
FROM rel
JOIN pg_sequence s ON s.seqrelid = rel.oid
UNION ALL
SELECT part.class, part.identity, jsonb_build_object(
    'definition', pg_get_constraintdef(con.oid), 'no_inherit', CASE WHEN con.contype NOT IN ('p', 'u', 'x', 'f') THEN con.connoinherit END, 'local', con.conislocal,
    'inherited', con.coninhcount
)
FROM part
JOIN pg_constraint con ON con.oid = part.objid AND part.classid = 'pg_constraint'::regclass
UNION ALL
SELECT part.class, part.identity, jsonb_build_object('definition', pg_get_triggerdef(part.objid))
FROM part
WHERE part.class = 'trigger'
UNION ALL
SELECT part.class, part.identity, jsonb_build_object(
    'using_expression', pg_get_expr(p.polqual, p.polrelid), 'check_expression', pg_get_expr(p.polwithcheck, p.polrelid)
)
FROM part
JOIN pg_policy p ON p.oid = part.objid AND part.class = 'policy'
UNION ALL
SELECT part.class, part.identity, jsonb_build_object('definition', pg_get_ruledef(r.oid), 'enabled', r.ev_enabled)
FROM part
JOIN pg_rewrite r ON r.oid = part.objid AND part.class = 'rule'
UNION ALL
SELECT part.class, part.identity, jsonb_build_object(
    'definition', pg_get_statisticsobjdef(s.oid),
    'owner', (SELECT name FROM role_name WHERE role_name.oid = s.stxowner),
    'target', nullif(s.stxstattarget, -1)
)
FROM part
JOIN pg_statistic_ext s ON s.oid = part.objid AND part.class = 'statistics'
UNION ALL
SELECT 'function', fn.identity, CASE fn.prokind
    WHEN 'a' THEN (
        SELECT to_jsonb(a) - 'aggfnoid' || jsonb_build_object(
            'arguments', pg_get_function_arguments(fn.oid),
            'aggtranstype', format_type(a.aggtranstype, NULL),
            'aggmtranstype', format_type(a.aggmtranstype, NULL),
            'aggsortop', a.aggsortop::regoperator::text,
            'parallel', fn.proparallel
        )
        FROM pg_aggregate a WHERE a.aggfnoid = fn.oid
    )
    ELSE jsonb_build_object('definition', pg_get_functiondef(fn.oid))
END
FROM fn
UNION ALL
SELECT ty.class, ty.identity, CASE ty.class
    WHEN 'domain' THEN jsonb_build_object(
        'default', ty.typdefault,
        'collation', (SELECT collname FROM pg_collation c WHERE c.oid = ty.typcollation),
        'definition', (
            SELECT jsonb_agg(jsonb_build_array(con.conname, pg_get_constraintdef(con.oid)) ORDER BY con.conname)
            FROM pg_constraint con WHERE con.contypid = ty.oid
        )
    )
    WHEN 'composite' THEN jsonb_build_object('collations', (
        SELECT jsonb_agg(c.collname ORDER BY a.attnum)
        FROM pg_attribute a LEFT JOIN pg_collation c ON c.oid = a.attcollation
        WHERE a.attrelid = ty.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    ))
    WHEN 'range' THEN (
        SELECT jsonb_build_object(
            'collation', (SELECT collname FROM pg_collation c WHERE c.oid = r.rngcollation),
            'operator_class', (SELECT opcname FROM pg_opclass c WHERE c.oid = r.rngsubopc),
            'canonical', r.rngcanonical::text, 'difference', r.rngsubdiff::text,
            'multirange', format_type(r.rngmultitypid, NULL)
        )
        FROM pg_range r WHERE r.rngtypid = ty.oid
    )
    WHEN 'type' THEN jsonb_build_object(
        'input', ty.typinput::text, 'output', ty.typoutput::text, 'receive', ty.typreceive::text,
        'send', ty.typsend::text, 'length', ty.typlen, 'by_value', ty.typbyval, 'alignment', ty.typalign,
        'storage', ty.typstorage, 'category', ty.typcategory, 'preferred', ty.typispreferred,
        'defined', ty.typisdefined, 'default', ty.typdefault, 'element', format_type(nullif(ty.typelem, 0), NULL)
    )
    ELSE '{}'
END
FROM ty
UNION ALL
SELECT 'cast', format_type(castsource, NULL) || ' AS ' || format_type(casttarget, NULL), jsonb_build_object(
    'function', nullif(castfunc, 0)::regprocedure::text, 'context', castcontext, 'method', castmethod
)
FROM pg_cast c
WHERE c.oid >= 16384
    AND NOT EXISTS (SELECT FROM pg_depend d
        WHERE d.classid = 'pg_cast'::regclass AND d.objid = c.oid AND d.deptype IN ('e', 'i'))
UNION ALL
SELECT 'operator', ns.name || '.' || o.oprname || '('
    || CASE o.oprleft WHEN 0 THEN 'NONE' ELSE format_type(o.oprleft, NULL) END || ', '
    || CASE o.oprright WHEN 0 THEN 'NONE' ELSE format_type(o.oprright, NULL) END || ')',
    jsonb_build_object(
        'owner', (SELECT name FROM role_name WHERE role_name.oid = o.oprowner),
        'function', o.oprcode::regprocedure::text,
        'commutator', nullif(o.oprcom, 0)::regoperator::text, 'negator', nullif(o.oprnegate, 0)::regoperator::text,
        'restrict', o.oprrest::text, 'join', o.oprjoin::text, 'merges', o.oprcanmerge, 'hashes', o.oprcanhash
    )
FROM pg_operator o
JOIN ns ON ns.oid = o.oprnamespace
WHERE o.oid >= 16384
    AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_operator'::regclass AND objid = o.oid)
UNION ALL
SELECT 'operator_class', ns.name || '.' || o.opcname || ' USING ' || am.amname, jsonb_build_object(
    'owner', (SELECT name FROM role_name WHERE role_name.oid = o.opcowner),
    'type', format_type(o.opcintype, NULL), 'default', o.opcdefault,
    'key_type', format_type(nullif(o.opckeytype, 0), NULL),
    'family', (SELECT n.nspname || '.' || f.opfname FROM pg_opfamily f JOIN pg_namespace n ON n.oid = f.opfnamespace
        WHERE f.oid = o.opcfamily)
)
FROM pg_opclass o
JOIN ns ON ns.oid = o.opcnamespace
JOIN pg_am am ON am.oid = o.opcmethod
WHERE o.oid >= 16384
    AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_opclass'::regclass AND objid = o.oid)
UNION ALL
SELECT 'operator_family', ns.name || '.' || o.opfname || ' USING ' || am.amname, jsonb_build_object(
    'owner', (SELECT name FROM role_name WHERE role_name.oid = o.opfowner),
    'operators', (
        SELECT jsonb_agg(jsonb_build_array(a.amopstrategy, a.amopopr::regoperator::text, a.amoppurpose)
            ORDER BY a.amoplefttype, a.amoprighttype, a.amopstrategy)
        FROM pg_amop a WHERE a.amopfamily = o.oid
    ),
    'functions', (
        SELECT jsonb_agg(jsonb_build_array(a.amprocnum, a.amproc::regprocedure::text)
            ORDER BY a.amproclefttype, a.amprocrighttype, a.amprocnum)
        FROM pg_amproc a WHERE a.amprocfamily = o.oid
    )
)
FROM pg_opfamily o
JOIN ns ON ns.oid = o.opfnamespace
JOIN pg_am am ON am.oid = o.opfmethod
WHERE o.oid >= 16384
    AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_opfamily'::regclass AND objid = o.oid)
UNION ALL
SELECT 'collation', ns.name || '.' || c.collname,
    to_jsonb(c) - 'oid' - 'collname' - 'collnamespace' - 'collversion'
        || jsonb_build_object('collowner', (SELECT name FROM role_name WHERE role_name.oid = c.collowner))
FROM pg_collation c
JOIN ns ON ns.oid = c.collnamespace
WHERE c.oid >= 16384
    AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_collation'::regclass AND objid = c.oid)
UNION ALL
SELECT 'conversion', ns.name || '.' || c.conname, jsonb_build_object(
    'owner', (SELECT name FROM role_name WHERE role_name.oid = c.conowner),
    'for', pg_encoding_to_char(c.conforencoding), 'to', pg_encoding_to_char(c.contoencoding),
    'function', c.conproc::text, 'default', c.condefault
)
FROM pg_conversion c
JOIN ns ON ns.oid = c.connamespace
WHERE c.oid >= 16384
    AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_conversion'::regclass AND objid = c.oid)
UNION ALL
SELECT 'text_search_configuration', ns.name || '.' || c.cfgname, jsonb_build_object(
    'owner', (SELECT name FROM role_name WHERE role_name.oid = c.cfgowner),
    'parser', (SELECT prsname FROM pg_ts_parser p WHERE p.oid = c.cfgparser),
    'mappings', (
        SELECT jsonb_agg(jsonb_build_array(m.maptokentype, m.mapdict::regdictionary::text)
            ORDER BY m.maptokentype, m.mapseqno)
        FROM pg_ts_config_map m WHERE m.mapcfg = c.oid
    )
)
FROM pg_ts_config c
JOIN ns ON ns.oid = c.cfgnamespace
WHERE c.oid >= 16384
    AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_ts_config'::regclass AND objid = c.oid)
UNION ALL
SELECT 'text_search_dictionary', ns.name || '.' || d.dictname, jsonb_build_object(
    'owner', (SELECT name FROM role_name WHERE role_name.oid = d.dictowner),
    'template', (SELECT tmplname FROM pg_ts_template t WHERE t.oid = d.dicttemplate),
    'options', d.dictinitoption
)
FROM pg_ts_dict d
JOIN ns ON ns.oid = d.dictnamespace
WHERE d.oid >= 16384
    AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_ts_dict'::regclass AND objid = d.oid)
UNION ALL
SELECT 'foreign_data_wrapper', w.fdwname, jsonb_build_object(
    'owner', (SELECT name FROM role_name WHERE role_name.oid = w.fdwowner),
    'handler', nullif(w.fdwhandler, 0)::regproc::text, 'validator', nullif(w.fdwvalidator, 0)::regproc::text,
    -- Options of wrappers, servers and mappings may hold secrets, and these rows are stored.
    'options', md5(w.fdwoptions::text), 'privileges', w.fdwacl::text
)
FROM pg_foreign_data_wrapper w
WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_foreign_data_wrapper'::regclass AND objid = w.oid)
UNION ALL
SELECT 'server', s.srvname, jsonb_build_object(
    'owner', (SELECT name FROM role_name WHERE role_name.oid = s.srvowner),
    'wrapper', (SELECT fdwname FROM pg_foreign_data_wrapper w WHERE w.oid = s.srvfdw),
    'type', s.srvtype, 'version', s.srvversion, 'options', md5(s.srvoptions::text), 'privileges', s.srvacl::text
)
FROM pg_foreign_server s
WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_foreign_server'::regclass AND objid = s.oid)
UNION ALL
SELECT 'user_mapping', u.srvname || '.' || u.usename, jsonb_build_object('options', md5(u.umoptions::text))
FROM pg_user_mappings u
UNION ALL
SELECT 'publication', p.pubname,
    to_jsonb(p) - 'oid' - 'pubname' - 'puballtables' - 'pubinsert' - 'pubupdate' - 'pubdelete' - 'pubtruncate'
        || jsonb_build_object('pubowner', (SELECT name FROM role_name WHERE role_name.oid = p.pubowner))
FROM pg_publication p
UNION ALL
SELECT 'publication_table', p.pubname || '.' || t.schemaname || '.' || t.tablename,
    to_jsonb(t) - 'pubname' - 'schemaname' - 'tablename' - 'attnames'
        -- Without a column list every column is listed, and the columns have rows of their own.
        || CASE WHEN to_jsonb(pr) ->> 'prattrs' IS NULL THEN '{}'
            ELSE jsonb_build_object('columns', to_jsonb(t) -> 'attnames') END
FROM pg_publication_rel pr
JOIN pg_publication p ON p.oid = pr.prpubid
JOIN pg_class c ON c.oid = pr.prrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_publication_tables t ON t.pubname = p.pubname AND t.schemaname = n.nspname AND t.tablename = c.relname
UNION ALL
SELECT 'event_trigger', e.evtname, jsonb_build_object(
    'owner', (SELECT name FROM role_name WHERE role_name.oid = e.evtowner),
    'event', e.evtevent, 'function', e.evtfoid::regprocedure::text, 'enabled', e.evtenabled, 'tags', to_jsonb(e.evttags)
)
FROM pg_event_trigger e
WHERE e.evtname !~ '^dblsp'
    AND NOT EXISTS (SELECT FROM pg_depend d
        WHERE d.deptype = 'e' AND d.classid = 'pg_event_trigger'::regclass AND d.objid = e.oid)
UNION ALL
SELECT 'extension', e.extname, jsonb_build_object(
    'version', e.extversion, 'owner', (SELECT name FROM role_name WHERE role_name.oid = e.extowner)
)
FROM pg_extension e
UNION ALL
SELECT 'role', r.rolname, jsonb_build_object(
    'replication', r.rolreplication, 'connection_limit', r.rolconnlimit, 'valid_until', r.rolvaliduntil
)
FROM pg_roles r
UNION ALL
SELECT 'membership', r.rolname || '.' || m.rolname, jsonb_build_object('admin', bool_or(am.admin_option))
FROM pg_auth_members am
JOIN pg_roles r ON r.oid = am.roleid
JOIN pg_roles m ON m.oid = am.member
GROUP BY r.rolname, m.rolname
UNION ALL
SELECT 'setting',
    CASE WHEN s.setdatabase <> 0 AND s.setrole <> 0 THEN 'role:' || pg_get_userbyid(s.setrole) || ' in database'
        WHEN s.setdatabase <> 0 THEN 'database' ELSE 'role:' || pg_get_userbyid(s.setrole) END
        || ':' || split_part(setting, '=', 1),
    jsonb_build_object('value', substr(setting, strpos(setting, '=') + 1))
FROM pg_db_role_setting s
CROSS JOIN unnest(s.setconfig) setting
WHERE s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
UNION ALL
SELECT 'language', l.lanname, jsonb_build_object(
    'owner', (SELECT name FROM role_name WHERE role_name.oid = l.lanowner),
    'trusted', l.lanpltrusted, 'handler', l.lanplcallfoid::regproc::text, 'privileges', l.lanacl::text
)
FROM pg_language l
WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_language'::regclass AND objid = l.oid)
    AND (l.oid >= 16384 OR l.lanacl IS NOT NULL)
UNION ALL
SELECT 'grant', 'database:' || CASE a.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(a.grantee)::text END,
    jsonb_build_object('privileges', jsonb_agg(
        a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END ORDER BY a.privilege_type COLLATE "C"
    ))
FROM pg_database d
CROSS JOIN LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
WHERE d.datname = current_database() AND a.grantee <> d.datdba
GROUP BY a.grantee
UNION ALL
SELECT 'security_label', l.provider || ':' || l.objtype || ':' || l.objname, jsonb_build_object('label', l.label)
FROM pg_seclabels l
UNION ALL
-- What nobody here looks into still has a name, so that its coming and going is seen.
SELECT DISTINCT 'unread', identified.type || ' ' || identified.identity, '{}'::jsonb
FROM (
    SELECT classid, objid FROM pg_depend
    WHERE objid >= 16384 AND objsubid = 0
        AND classid NOT IN (
            'pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass, 'pg_attrdef'::regclass,
            'pg_constraint'::regclass, 'pg_rewrite'::regclass, 'pg_trigger'::regclass, 'pg_policy'::regclass,
            'pg_statistic_ext'::regclass, 'pg_namespace'::regclass, 'pg_cast'::regclass, 'pg_operator'::regclass,
            'pg_opclass'::regclass, 'pg_opfamily'::regclass, 'pg_amop'::regclass, 'pg_amproc'::regclass,
            'pg_collation'::regclass, 'pg_conversion'::regclass, 'pg_ts_config'::regclass, 'pg_ts_dict'::regclass,
            'pg_am'::regclass, 'pg_foreign_data_wrapper'::regclass, 'pg_foreign_server'::regclass,
            'pg_user_mapping'::regclass, 'pg_publication'::regclass, 'pg_publication_rel'::regclass,
            'pg_event_trigger'::regclass, 'pg_extension'::regclass, 'pg_default_acl'::regclass, 'pg_language'::regclass
        )
    UNION
    SELECT 'pg_transform'::regclass, oid FROM pg_transform WHERE oid >= 16384
    UNION
    SELECT 'pg_ts_parser'::regclass, oid FROM pg_ts_parser WHERE oid >= 16384
    UNION
    SELECT 'pg_ts_template'::regclass, oid FROM pg_ts_template WHERE oid >= 16384
    UNION
    SELECT 'pg_subscription'::regclass, oid FROM pg_subscription
    WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
) unread
CROSS JOIN LATERAL pg_identify_object(unread.classid, unread.objid, 0) identified
WHERE NOT EXISTS (
    SELECT FROM pg_depend m WHERE m.classid = unread.classid AND m.objid = unread.objid AND m.deptype = 'e'
)
