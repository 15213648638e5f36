#!/bin/sh
# Apply one migration: scripts/db-migrate.sh supabase/migrations/<file>.sql [--environment NAME]
exec dblsp apply --only "$@"
