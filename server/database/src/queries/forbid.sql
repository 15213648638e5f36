-- Before PostgreSQL 16 whoever may create roles may also grant these, and with them run programs and read files as the
-- server's user. A role that is not there is in nobody's reach.
SET allow_system_table_mods = on;
DELETE FROM pg_authid
WHERE rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files');
SET allow_system_table_mods = off;
