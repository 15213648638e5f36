#!/bin/sh
# Go back to before a migration: scripts/db-rollback.sh v<version>_<timestamp> [--environment NAME]
# Lists the snapshots, and asks for one where none is named. --restore brings the snapshot back instead of running the
# rollback scripts: that destroys all rows.
set -eu
echo "snapshots, oldest first:" >&2
for file in supabase/schemas/*.sql; do
  case $file in *_after.sql | *'*'*) continue ;; esac
  name=${file##*/}
  echo "  ${name%.sql}" >&2
done
case ${1-} in
  '' | -*)
    printf 'Go back to before which? ' >&2
    read -r snapshot || snapshot=
    ;;
  *) snapshot=$1 && shift ;;
esac
[ -n "$snapshot" ] || { echo "name one of them, for example v0.7.0_20251026211500" >&2 && exit 2; }
snapshot=${snapshot##*/}
snapshot=${snapshot%.sql}
exec dblsp rollback --to-before "${snapshot##*_}" "$@"
