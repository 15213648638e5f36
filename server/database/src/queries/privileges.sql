SELECT 'grant' AS class, g.object || ':' || g.grantee AS identity, jsonb_build_object(
    -- The same privilege from two grantors counts once, with the option if either gave it.
    'privileges', (SELECT jsonb_agg(p.name ORDER BY p.name COLLATE "C") FROM (
        SELECT privilege || CASE WHEN bool_or(grantable) THEN '*' ELSE '' END AS name
        FROM unnest(g.privileges, g.grantables) AS each (privilege, grantable) GROUP BY privilege
    ) p)
) AS facets
FROM (
    SELECT s.object, s.grantee, array_agg(s.privilege) AS privileges, array_agg(s.grantable) AS grantables
    FROM (
        SELECT o.class || ':' || o.identity AS object, a.privilege_type AS privilege, a.is_grantable AS grantable,
            CASE a.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(a.grantee)::text END AS grantee
        FROM object o
        CROSS JOIN LATERAL aclexplode(o.acl) a
        WHERE o.acl IS NOT NULL AND a.grantee <> o.owner
        UNION ALL
        SELECT 'column:' || rel.identity || '.' || att.attname, a.privilege_type, a.is_grantable,
            CASE a.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(a.grantee)::text END
        FROM rel
        JOIN pg_attribute att ON att.attrelid = rel.oid AND att.attacl IS NOT NULL AND NOT att.attisdropped
        CROSS JOIN LATERAL aclexplode(att.attacl) a
        WHERE a.grantee <> rel.relowner
    ) s
    GROUP BY s.object, s.grantee
) g
UNION ALL
SELECT 'default_privilege',
    pg_get_userbyid(d.defaclrole) || '.' || coalesce(n.nspname, '') || '.' || d.defaclobjtype::text || '.'
        || CASE a.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(a.grantee)::text END,
    jsonb_build_object('privileges', jsonb_agg(
        a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END
        ORDER BY a.privilege_type COLLATE "C"
    ))
FROM pg_default_acl d
LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
CROSS JOIN LATERAL aclexplode(d.defaclacl) a
GROUP BY d.defaclrole, n.nspname, d.defaclobjtype, a.grantee
