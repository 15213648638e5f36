#!/bin/sh
# Go back to before a migration: scripts/db-rollback.sh v<version>_<timestamp> [--environment NAME]
snapshot=${1:?name a snapshot of supabase/schemas, for example v0.7.0_20251026211500} && shift
exec dblsp rollback --to-before "${snapshot##*_}" "$@"
