, role_name (oid, name) AS MATERIALIZED (
    SELECT oid, rolname::text FROM pg_roles
)
