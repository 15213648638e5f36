-- Every user object that can carry privileges or a comment, once: the start of every other query here. The numbers below
-- 16384 are the server's own; leaving them out spares it reading thousands of functions.
WITH member AS MATERIALIZED (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e' AND objsubid = 0
),
ns AS MATERIALIZED (
    SELECT n.oid, n.nspname::text AS name, n.nspowner, n.nspacl
    FROM pg_namespace n
    WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '_dblsp')
),
rel AS MATERIALIZED (
    SELECT
        c.*,
        ns.name || '.' || c.relname AS identity,
        CASE
            WHEN c.relkind IN ('r', 'p', 'f') THEN 'table'
            WHEN c.relkind = 'v' THEN 'view'
            WHEN c.relkind = 'm' THEN 'materialized_view'
            WHEN c.relkind = 'S' THEN 'sequence'
            WHEN c.relkind IN ('i', 'I') THEN 'index'
            WHEN c.relkind = 'c' THEN 'composite'
        END AS class
    FROM pg_class c
    JOIN ns ON ns.oid = c.relnamespace
    WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S', 'i', 'I', 'c')
        AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_class'::regclass AND objid = c.oid)
        AND NOT EXISTS (
            SELECT FROM member JOIN pg_index i ON i.indrelid = member.objid
            WHERE member.classid = 'pg_class'::regclass AND i.indexrelid = c.oid
        )
),
fn AS MATERIALIZED (
    SELECT
        p.*,
        ns.name || '.' || p.proname || '(' || coalesce((
            SELECT string_agg(format_type(a.type, NULL), ', ' ORDER BY a.position)
            FROM unnest(p.proargtypes) WITH ORDINALITY a (type, position)
        ), '') || ')' AS identity
    FROM pg_proc p
    JOIN ns ON ns.oid = p.pronamespace
    WHERE p.oid >= 16384
        AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_proc'::regclass AND objid = p.oid)
        -- The constructors of a range type belong to it.
        AND NOT EXISTS (
            SELECT FROM pg_depend d
            WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i'
                AND d.refclassid = 'pg_type'::regclass
        )
),
ty AS MATERIALIZED (
    SELECT
        t.*,
        ns.name || '.' || t.typname AS identity,
        CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'c' THEN 'composite' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range'
            ELSE 'type' END AS class
    FROM pg_type t
    JOIN ns ON ns.oid = t.typnamespace
    LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE t.oid >= 16384 AND t.typtype IN ('b', 'c', 'd', 'e', 'r', 'p')
        AND (c.oid IS NULL OR c.relkind = 'c')
        -- The array of another type. No index leads from an array to its element but this.
        AND NOT EXISTS (SELECT FROM pg_type element WHERE element.oid = t.typelem AND element.typarray = t.oid)
        AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_type'::regclass AND objid = t.oid)
        AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_class'::regclass AND objid = t.typrelid)
),
object (classid, objid, class, identity, owner, acl) AS MATERIALIZED (
    SELECT 'pg_namespace'::regclass::oid, ns.oid, 'schema', ns.name, ns.nspowner,
        coalesce(ns.nspacl, acldefault('n', ns.nspowner))
    FROM ns
    WHERE NOT EXISTS (SELECT FROM member WHERE classid = 'pg_namespace'::regclass AND objid = ns.oid)
    UNION ALL
    SELECT 'pg_class'::regclass, oid, class, identity, relowner,
        CASE
            WHEN class IN ('table', 'view', 'materialized_view') THEN coalesce(relacl, acldefault('r', relowner))
            WHEN class = 'sequence' THEN coalesce(relacl, acldefault('s', relowner))
        END
    FROM rel
    WHERE class <> 'composite'
    UNION ALL
    SELECT 'pg_proc'::regclass, oid, 'function', identity, proowner, coalesce(proacl, acldefault('f', proowner))
    FROM fn
    UNION ALL
    SELECT 'pg_type'::regclass, oid, class, identity, typowner, coalesce(typacl, acldefault('T', typowner)) FROM ty
)
