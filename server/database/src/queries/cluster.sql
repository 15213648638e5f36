-- What belongs to a kept server as a whole, beside what dblsp itself keeps there.
SELECT 'role ' || rolname || '|' || (to_jsonb(r) - 'oid' - 'rolpassword')::text FROM pg_roles r
UNION ALL
SELECT 'member ' || pg_get_userbyid(roleid) || '|' || pg_get_userbyid(member) || '|'
    || bool_or(admin_option)::text
FROM pg_auth_members
GROUP BY roleid, member
UNION ALL
SELECT 'setting ' || CASE setrole WHEN 0 THEN '' ELSE pg_get_userbyid(setrole) END || '|' || setconfig::text
FROM pg_db_role_setting
WHERE setdatabase = 0
UNION ALL
SELECT 'comment ' || pg_get_userbyid(objoid) || '|' || description
FROM pg_shdescription
WHERE classoid = 'pg_authid'::regclass
UNION ALL
SELECT 'database ' || datname
FROM pg_database
WHERE datname NOT IN ('dblsp_proof', 'dblsp_walk') AND datname NOT IN (SELECT name FROM _dblsp.prefix)
ORDER BY 1
