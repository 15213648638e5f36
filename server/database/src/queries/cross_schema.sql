-- What hangs on tables of the platform and is the project's own: `pg_dump` leaves it out together with their schemas.
-- Each row: where it belongs in the order, a name to sort by, SQL that takes it away, SQL that makes it.
WITH platform AS MATERIALIZED (
    SELECT oid, nspname FROM pg_namespace WHERE nspname = ANY (ARRAY[@platform@]::text[])
)
SELECT 1 AS part, n.nspname || '.' || c.relname || '.' || t.tgname AS name,
    format('DROP TRIGGER IF EXISTS %I ON %I.%I', t.tgname, n.nspname, c.relname) AS undo,
    pg_get_triggerdef(t.oid) || ';' || CASE t.tgenabled
        WHEN 'D' THEN format(E'\nALTER TABLE %I.%I DISABLE TRIGGER %I;', n.nspname, c.relname, t.tgname)
        WHEN 'R' THEN format(E'\nALTER TABLE %I.%I ENABLE REPLICA TRIGGER %I;', n.nspname, c.relname, t.tgname)
        WHEN 'A' THEN format(E'\nALTER TABLE %I.%I ENABLE ALWAYS TRIGGER %I;', n.nspname, c.relname, t.tgname)
        ELSE '' END AS sql
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid
JOIN platform n ON n.oid = c.relnamespace
JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal AND p.pronamespace NOT IN (SELECT oid FROM platform)
    AND p.pronamespace <> 'pg_catalog'::regnamespace
UNION ALL
SELECT 2, n.nspname || '.' || c.relname || '.' || p.polname,
    format('DROP POLICY IF EXISTS %I ON %I.%I', p.polname, n.nspname, c.relname),
    format('CREATE POLICY %I ON %I.%I AS %s FOR %s TO %s', p.polname, n.nspname, c.relname,
        CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
        CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
            ELSE 'ALL' END,
        (SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(role)) END, ', '
            ORDER BY pg_get_userbyid(role)) FROM unnest(p.polroles) role))
        || coalesce(E'\n    USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', '')
        || coalesce(E'\n    WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '') || ';'
FROM pg_policy p
JOIN pg_class c ON c.oid = p.polrelid
JOIN platform n ON n.oid = c.relnamespace
UNION ALL
SELECT 3, con.conname::text,
    format('ALTER TABLE %I.%I DROP CONSTRAINT IF EXISTS %I', n.nspname, c.relname, con.conname),
    format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s;', n.nspname, c.relname, con.conname, pg_get_constraintdef(con.oid))
FROM pg_constraint con
JOIN pg_class c ON c.oid = con.conrelid
JOIN platform n ON n.oid = c.relnamespace
JOIN pg_class other ON other.oid = con.confrelid
WHERE con.contype = 'f' AND other.relnamespace NOT IN (SELECT oid FROM platform)
UNION ALL
SELECT 4, p.pubname || '.' || n.nspname || '.' || c.relname,
    format('ALTER PUBLICATION %I DROP TABLE ONLY %I.%I', p.pubname, n.nspname, c.relname),
    format('ALTER PUBLICATION %I ADD TABLE ONLY %I.%I;', p.pubname, n.nspname, c.relname)
FROM pg_publication_rel pr
JOIN pg_publication p ON p.oid = pr.prpubid
JOIN pg_class c ON c.oid = pr.prrelid
JOIN platform n ON n.oid = c.relnamespace
UNION ALL
SELECT 5, e.extname::text, NULL, format('-- extension %s %s in schema %s', e.extname, e.extversion, n.nspname)
FROM pg_extension e
JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE n.nspname <> 'pg_catalog'
ORDER BY part, name
