-- Which object needs which, in both directions, as rows name them.
, named (classid, objid, class, identity) AS MATERIALIZED (
    SELECT classid, objid, class, identity FROM object
    UNION ALL
    SELECT classid, objid, class, identity FROM part
    UNION ALL
    SELECT 'pg_class'::regclass, oid, class, identity FROM rel WHERE class = 'composite'
    UNION ALL
    -- A table's row type, a view's rule and a column's default stand for the relation.
    SELECT 'pg_type'::regclass, rel.reltype, rel.class, rel.identity FROM rel
    UNION ALL
    SELECT 'pg_rewrite'::regclass, r.oid, rel.class, rel.identity
    FROM pg_rewrite r JOIN rel ON rel.oid = r.ev_class WHERE r.rulename = '_RETURN'
    UNION ALL
    SELECT 'pg_attrdef'::regclass, d.oid, rel.class, rel.identity FROM pg_attrdef d JOIN rel ON rel.oid = d.adrelid
)
SELECT DISTINCT one.class, one.identity, other.class, other.identity
FROM pg_depend d
JOIN named one ON one.classid = d.classid AND one.objid = d.objid
JOIN named other ON other.classid = d.refclassid AND other.objid = d.refobjid
WHERE (one.class, one.identity) <> (other.class, other.identity)
