-- What goes with the project's schemas and lies outside of them.
, named AS (
    SELECT x.*, CASE x.classid
        WHEN 'pg_class'::regclass THEN (SELECT relnamespace FROM pg_class WHERE oid = x.objid)
        WHEN 'pg_proc'::regclass THEN (SELECT pronamespace FROM pg_proc WHERE oid = x.objid)
        WHEN 'pg_trigger'::regclass THEN (SELECT c.relnamespace FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
            WHERE t.oid = x.objid)
        WHEN 'pg_policy'::regclass THEN (SELECT c.relnamespace FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
            WHERE p.oid = x.objid)
        WHEN 'pg_constraint'::regclass THEN (SELECT connamespace FROM pg_constraint WHERE oid = x.objid)
        WHEN 'pg_attrdef'::regclass THEN (SELECT c.relnamespace FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid
            WHERE d.oid = x.objid)
        END AS home
    FROM doomed x
    WHERE x.classid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_trigger'::regclass, 'pg_policy'::regclass,
        'pg_constraint'::regclass, 'pg_attrdef'::regclass, 'pg_publication_rel'::regclass, 'pg_extension'::regclass,
        'pg_event_trigger'::regclass, 'pg_cast'::regclass, 'pg_foreign_server'::regclass,
        'pg_foreign_data_wrapper'::regclass)
)
SELECT DISTINCT pg_describe_object(classid, objid, objsubid)
FROM named
WHERE (home IS NULL OR home NOT IN (SELECT oid FROM scope))
    AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.oid = objid AND classid = 'pg_trigger'::regclass AND t.tgisinternal)
    AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = objid AND classid = 'pg_class'::regclass
        AND (c.relkind IN ('i', 'I', 't', 'c') OR c.relnamespace = 'pg_toast'::regnamespace))
    -- A range type brings casts along.
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = named.classid AND d.objid = named.objid
        AND d.deptype = 'i' AND d.classid = 'pg_cast'::regclass)
    AND NOT EXISTS (SELECT FROM member m WHERE m.classid = named.classid AND m.objid = named.objid)
    AND pg_describe_object(classid, objid, objsubid) IS NOT NULL
    -- The tools' own books are kept: columns of a type that goes become text meanwhile.
    AND (home IS NULL OR home NOT IN (SELECT oid FROM pg_namespace WHERE nspname IN ('dblsp', 'supabase_migrations')))
ORDER BY 1
