#!/bin/bash
# A PostgreSQL server on the loopback address, for scripts that test programs against it: `. tests/server.sh`
#
# Sets `folder` (all of its files, deleted at the end), `bin`, `port` and `failed`; gives `check`, `sql` and
# `supabase_database`. The server also listens on a unix socket in `$folder/server`. `superuser` names the
# first role, `server_options` what else the server is started with.
# shellcheck shell=bash

bin=${DBLSP_PG_BIN:-$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)}
folder=$(mktemp -d)
port=$((20000 + RANDOM % 12000))
failed=0

# The server does not run as root.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then
        (cd / && setpriv --reuid=postgres --regid=postgres --clear-groups "$@")
    else
        "$@"
    fi
}

stop_server() {
    as_postgres "$bin/pg_ctl" -D "$folder/server/data" -m immediate stop > /dev/null 2>&1 || true
    rm -rf "$folder"
}
trap stop_server EXIT

mkdir "$folder/server" "$folder/home"
chmod 755 "$folder"
[ "$(id -u)" != 0 ] || chown postgres "$folder/server"
as_postgres "$bin/initdb" -D "$folder/server/data" -U "${superuser:-postgres}" -A trust -E UTF8 --no-locale -N > /dev/null
as_postgres "$bin/pg_ctl" -D "$folder/server/data" -l "$folder/server/log" -w start \
    -o "-p $port -c listen_addresses=127.0.0.1 -k $folder/server -c fsync=off ${server_options:-}" > /dev/null

check() {
    local what=$1 wanted=$2 got=$3
    if [ "$wanted" = "$got" ]; then
        echo "ok    $what"
    else
        printf 'FAIL  %s\n  wanted: %s\n  got:    %s\n' "$what" "$wanted" "$got"
        failed=$((failed + 1))
    fi
}

sql() {
    "$bin/psql" -X -A -t -q -v ON_ERROR_STOP=1 "$DATABASE_URL" -c "$1"
}

# A database with what a new Supabase project has: supabase_database NAME. The superuser must be supabase_admin, since
# `postgres`, who applies migrations, is none there. Extensions that the machine has not got are stubs.
supabase_database() {
    local name=$1 admin=postgres://supabase_admin@127.0.0.1:$port here prelude harness
    here=$(dirname "${BASH_SOURCE[0]}")/..
    prelude=$here/server/analysis/src/schema/prelude harness=$here/server/database/src
    if [ -z "${has_roles:-}" ]; then
        "$bin/psql" -X -q -v ON_ERROR_STOP=1 "$admin/postgres" -f "$prelude/roles.sql" > "$folder/log" 2>&1 \
            || { cat "$folder/log"; exit 1; }
        has_roles=true
    fi
    "$bin/psql" -X -q "$admin/postgres" -c "create database $name owner postgres"
    "$bin/psql" -X -q -v ON_ERROR_STOP=1 "$admin/$name" > "$folder/log" 2>&1 << SQL || { cat "$folder/log"; exit 1; }
\\i $harness/prelude/harness.sql
$(for stub in "$harness"/extensions/*.sql; do
        printf '%s\n' "\\set script \`cat $stub\`" \
            "insert into _dblsp.stub values ('$(basename "$stub" .sql)', '1.0', '{}', :'script');"
    done)
\\i $prelude/supabase.sql
SQL
}
