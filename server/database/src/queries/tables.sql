-- The tables that go: schema, name, estimated rows (-1: nobody knows), bytes.
SELECT n.nspname, c.relname, c.reltuples::bigint, pg_total_relation_size(c.oid)
FROM doomed x
JOIN pg_class c ON x.classid = 'pg_class'::regclass AND c.oid = x.objid AND x.objsubid = 0 AND c.relkind = 'r'
JOIN pg_namespace n ON n.oid = c.relnamespace
ORDER BY 1, 2
