-- Relations beside the project's that this role may not read, quoted.
SELECT format('%I.%I', n.nspname, c.relname)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND n.nspname NOT IN ('dblsp', 'supabase_migrations')
    AND n.oid NOT IN (SELECT oid FROM scope)
    AND NOT EXISTS (SELECT FROM doomed x WHERE x.classid = 'pg_class'::regclass AND x.objid = c.oid)
    AND (
        NOT has_schema_privilege(n.oid, 'USAGE')
        OR CASE WHEN c.relkind = 'S' THEN NOT has_sequence_privilege(c.oid, 'SELECT')
            ELSE NOT has_table_privilege(c.oid, 'SELECT') OR row_security_active(c.oid) END
    )
ORDER BY 1
