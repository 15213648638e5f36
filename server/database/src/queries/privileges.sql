-- Few lists of privileges are unlike, so each is taken apart once.
SELECT 'grant' AS class, o.class || ':' || o.identity || ':' || list.grantee AS identity, list.facets
FROM (
    SELECT each.written, each.owner, each.grantee,
        jsonb_build_object('privileges', jsonb_agg(each.name ORDER BY each.name COLLATE "C")) AS facets
    FROM (
        -- The same privilege from two grantors counts once, with the option if either gave it.
        SELECT lists.written, lists.owner,
            CASE a.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(a.grantee)::text END AS grantee,
            a.privilege_type || CASE WHEN bool_or(a.is_grantable) THEN '*' ELSE '' END AS name
        FROM (
            SELECT DISTINCT ON (acl::text, owner) acl, acl::text AS written, owner FROM object WHERE acl IS NOT NULL
        ) lists
        CROSS JOIN LATERAL aclexplode(lists.acl) a
        WHERE a.grantee <> lists.owner
        GROUP BY lists.written, lists.owner, a.grantee, a.privilege_type
    ) each
    GROUP BY each.written, each.owner, each.grantee
) list
JOIN object o ON o.acl::text = list.written AND o.owner = list.owner
UNION ALL
SELECT 'grant', g.object || ':' || g.grantee,
    jsonb_build_object('privileges', jsonb_agg(g.name ORDER BY g.name COLLATE "C"))
FROM (
    SELECT 'column:' || rel.identity || '.' || att.attname AS object,
        CASE a.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(a.grantee)::text END AS grantee,
        a.privilege_type || CASE WHEN bool_or(a.is_grantable) THEN '*' ELSE '' END AS name
    FROM rel
    JOIN pg_attribute att ON att.attrelid = rel.oid AND att.attacl IS NOT NULL AND NOT att.attisdropped
    CROSS JOIN LATERAL aclexplode(att.attacl) a
    WHERE a.grantee <> rel.relowner
    GROUP BY rel.identity, att.attname, a.grantee, a.privilege_type
) g
GROUP BY g.object, g.grantee
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
