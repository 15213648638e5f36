-- Statements that set the default privileges of the roles that we may speak for back to what they are of themselves.
SELECT statement
FROM (
    SELECT d.oid, 1 AS part, format('ALTER DEFAULT PRIVILEGES FOR ROLE %I%s REVOKE ALL ON %s FROM %s', pg_get_userbyid(d.defaclrole),
        coalesce(' IN SCHEMA ' || quote_ident(n.nspname), ''), k.name,
        CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END) AS statement
    FROM pg_default_acl d
    LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
    JOIN (VALUES ('r', 'TABLES'), ('S', 'SEQUENCES'), ('f', 'FUNCTIONS'), ('T', 'TYPES'), ('n', 'SCHEMAS'),
        ('L', 'LARGE OBJECTS')) k (type, name) ON k.type = d.defaclobjtype
    CROSS JOIN LATERAL (SELECT DISTINCT grantee FROM aclexplode(d.defaclacl)) a
    WHERE pg_has_role(d.defaclrole, 'MEMBER') AND (n.oid IS NULL OR n.nspname = 'public')
    UNION ALL
    SELECT d.oid, 2, format('ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT ALL ON %s TO %I', pg_get_userbyid(d.defaclrole), k.name,
        pg_get_userbyid(d.defaclrole)) || coalesce(format('; ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT ALL ON %s TO PUBLIC',
        pg_get_userbyid(d.defaclrole), k.everybody), '')
    FROM pg_default_acl d
    JOIN (VALUES ('r', 'TABLES', NULL), ('S', 'SEQUENCES', NULL), ('f', 'FUNCTIONS', 'FUNCTIONS'), ('T', 'TYPES', 'TYPES'),
        ('n', 'SCHEMAS', NULL), ('L', 'LARGE OBJECTS', NULL)) k (type, name, everybody) ON k.type = d.defaclobjtype
    WHERE pg_has_role(d.defaclrole, 'MEMBER') AND d.defaclnamespace = 0
) statements
ORDER BY oid, part, statement
