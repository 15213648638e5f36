-- Statements that set the privileges on `public` back to what `pg_dump` takes for granted: what initdb gives.
SELECT statement
FROM (
    SELECT 1 AS part, format('REVOKE ALL ON SCHEMA public FROM %s CASCADE',
        CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END) AS statement
    FROM pg_namespace n
    CROSS JOIN LATERAL (SELECT DISTINCT grantee FROM aclexplode(n.nspacl)) a
    WHERE n.nspname = 'public'
    UNION ALL
    SELECT 2, format('GRANT ALL ON SCHEMA public TO %I', pg_get_userbyid(nspowner)) FROM pg_namespace WHERE nspname = 'public'
    UNION ALL
    SELECT 3, format('GRANT %s ON SCHEMA public TO PUBLIC',
        CASE WHEN current_setting('server_version_num')::int < 150000 THEN 'ALL' ELSE 'USAGE' END)
) statements
ORDER BY part, statement
