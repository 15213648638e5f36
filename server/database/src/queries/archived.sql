-- Columns of kept rows whose types go: how to have them as text meanwhile, and how to have them back.
SELECT DISTINCT n.nspname || '.' || c.relname || '.' || a.attname,
    format('ALTER TABLE %I.%I ALTER COLUMN %I TYPE text USING %I::text', n.nspname, c.relname, a.attname, a.attname),
    format('ALTER TABLE %I.%I ALTER COLUMN %I TYPE %s USING %I::%s', n.nspname, c.relname, a.attname,
        format_type(a.atttypid, a.atttypmod), a.attname, format_type(a.atttypid, a.atttypmod))
FROM doomed x
JOIN pg_attribute a ON x.classid = 'pg_type'::regclass AND a.atttypid = x.objid AND NOT a.attisdropped
JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('dblsp', 'supabase_migrations')
ORDER BY 1
