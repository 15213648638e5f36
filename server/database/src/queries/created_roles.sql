SELECT r.rolname
FROM pg_catalog.pg_roles r
WHERE NOT EXISTS (SELECT FROM _dblsp.role known WHERE known.rolname = r.rolname)
ORDER BY r.rolname
