-- What goes when the project's schemas are emptied: first what lies in them, then all that hangs on it, wherever that is.
-- @excluded@ are the schemas that are not the project's.
WITH RECURSIVE member AS MATERIALIZED (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
),
scope AS MATERIALIZED (
    SELECT n.oid, n.nspname
    FROM pg_namespace n
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND n.nspname <> ALL (ARRAY[@excluded@]::text[])
        AND NOT EXISTS (SELECT FROM member WHERE classid = 'pg_namespace'::regclass AND objid = n.oid)
),
direct (classid, objid) AS MATERIALIZED (
    -- What an extension put into `public` stays, as the extension does; another schema goes with all that is in it.
    SELECT d.classid, d.objid
    FROM pg_depend d
    JOIN scope ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = scope.oid
    WHERE d.deptype = 'n' AND d.objsubid = 0
        AND (scope.nspname <> 'public' OR (d.classid <> 'pg_extension'::regclass
            AND NOT EXISTS (SELECT FROM member WHERE member.classid = d.classid AND member.objid = d.objid)))
    UNION ALL
    SELECT 'pg_namespace'::regclass, oid FROM scope WHERE nspname <> 'public'
),
doomed (classid, objid, objsubid) AS (
    SELECT classid, objid, 0 FROM direct
    UNION
    SELECT next.*
    FROM doomed x
    CROSS JOIN LATERAL (
        SELECT d.classid, d.objid, d.objsubid
        FROM pg_depend d
        WHERE d.refclassid = x.classid AND d.refobjid = x.objid AND (x.objsubid = 0 OR d.refobjsubid = x.objsubid)
        UNION ALL
        -- A part that goes takes the whole with it: a view's rule the view.
        SELECT d.refclassid, d.refobjid, d.refobjsubid
        FROM pg_depend d
        WHERE d.classid = x.classid AND d.objid = x.objid AND d.objsubid = x.objsubid AND d.deptype IN ('i', 'e')
            AND d.refclassid <> 'pg_namespace'::regclass
    ) next
)
