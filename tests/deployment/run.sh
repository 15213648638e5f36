#!/bin/bash
# Deploy the reference project to staging and production as supabase/docs/DEPLOYMENT.md says, each command on a terminal
# where somebody answers: tests/deployment/run.sh
#
# Two databases of one server stand for the two projects, with what a new Supabase project has. DBLSP names the program,
# else it is built.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD

if [ -z "${DBLSP:-}" ]; then
    cargo build --bin dblsp --locked
    DBLSP=$root/target/debug/dblsp
fi
# The migrations' role is no superuser on Supabase.
superuser=supabase_admin
. tests/server.sh

server=postgres://postgres@127.0.0.1:$port
prelude=server/analysis/src/schema/prelude harness=server/database/src
admin=postgres://supabase_admin@127.0.0.1:$port
"$bin/psql" -X -q -v ON_ERROR_STOP=1 "$admin/postgres" -f "$prelude/roles.sql" > "$folder/log" 2>&1 \
    || { cat "$folder/log"; exit 1; }
for name in staging production; do
    "$bin/psql" -X -q "$admin/postgres" -c "create database $name owner postgres"
    # Extensions that Debian has not got are stubs.
    "$bin/psql" -X -q -v ON_ERROR_STOP=1 "$admin/$name" > "$folder/log" 2>&1 << SQL || { cat "$folder/log"; exit 1; }
\\i $harness/prelude/harness.sql
$(for stub in "$harness"/extensions/*.sql; do
        printf '%s\n' "\\set script \`cat $stub\`" \
            "insert into _dblsp.stub values ('$(basename "$stub" .sql)', '1.0', '{}', :'script');"
    done)
\\i $prelude/supabase.sql
SQL
done
export STAGING_DATABASE_URL=$server/staging PRODUCTION_DATABASE_URL=$server/production

mkdir "$folder/project"
git archive HEAD supabase scripts dblsp.toml | tar -x -C "$folder/project"
cp supabase/docs/MIGRATIONS.md "$folder/project/supabase/docs/"
cd "$folder/project"
git init --quiet
git config user.name "Ana Pereira"
rm -f supabase/schemas/*.sql
# Production may be written to at night only; this runs by day as well.
window="$(date -u -d '-1 hour' +%H:%M)-$(date -u -d '+1 hour' +%H:%M) UTC"
sed -i "s/^window = .*/window = \"$window\"/" dblsp.toml
mkdir "$folder/bin"
ln -s "$DBLSP" "$folder/bin/dblsp"
export PATH=$folder/bin:$PATH

# Runs a command on a terminal; every question is answered with yes. What it printed is in $folder/out.
on_terminal() {
    "$root/tests/deployment/terminal.py" "$@" > "$folder/out" 2>&1 && return 0
    cat "$folder/out"
    return 1
}

succeeds() {
    local code=0
    on_terminal "$@" || code=$?
    check "$*" 0 "$code"
}

baseline=supabase/migrations/20251026211500_v0_7_0_baseline.sql
seed=supabase/migrations/20251026213000_v0_7_0_seed.sql
for environment in staging production; do
    echo "== $environment"
    succeeds dblsp link $environment
    # The document's own lines. Production is protected, and nothing has proven the rollbacks here.
    unproven=()
    [ $environment != production ] || unproven=(--accept-unproven)
    succeeds ./scripts/db-migrate.sh $baseline "${unproven[@]}"
    for line in "🚀 Migration: 20251026211500_v0_7_0_baseline.sql" "📸 Snapshot: schemas/v0.7.0_20251026211500.sql" \
        "⏳ Applying migration..." "✅ Migration applied" "📝 Rollback: rollback/20251026211500_rollback.sql" \
        "🔍 Verifying..." "✅ Complete!"; do
        check "it says: $line" 1 "$(grep -cF "$line" "$folder/out")"
    done
    succeeds ./scripts/db-migrate.sh $seed "${unproven[@]}"
    succeeds ./scripts/db-test.sh v0.7.0
    DATABASE_URL=$server/$environment
    check "30 tables" 30 "$(sql "select count(*) from pg_tables where schemaname = 'public'")"
    check "4 functions" 4 "$(sql "select count(*) from pg_proc where pronamespace = 'public'::regnamespace")"
done

check "the held migration was left alone" "" "$(sql "select to_regclass('public.project_members')")"
page=supabase/docs/MIGRATIONS.md
check "MIGRATIONS.md names both environments, for both migrations" 2 \
    "$(grep -c '^\*\*Environment:\*\* staging, production' $page)"
check "MIGRATIONS.md says who" 2 "$(grep -c '^\*\*Deployed by:\*\* Ana Pereira' $page)"
check "MIGRATIONS.md keeps what was written by hand" 1 "$(grep -c 'FIX P0: provision_user_profile() slug collision' $page)"
check "snapshots before and after both" 4 "$(ls supabase/schemas/*.sql | wc -l)"

echo "== back"
succeeds dblsp link staging
succeeds ./scripts/db-rollback.sh v0.7.0_20251026213000
DATABASE_URL=$server/staging
check "the seed's rows are gone" 0 "$(sql 'select count(*) from languages')"
succeeds ./scripts/db-rollback.sh v0.7.0_20251026211500
check "the baseline is gone" 0 "$(sql "select count(*) from pg_tables where schemaname = 'public'")"
check "MIGRATIONS.md names production alone" 2 "$(grep -c '^\*\*Environment:\*\* production$' $page)"
check "production was left alone" 30 \
    "$(DATABASE_URL=$server/production && sql "select count(*) from pg_tables where schemaname = 'public'")"

[ "$failed" = 0 ] && echo "Deployment: passed" || { echo "Deployment: $failed failed"; exit 1; }
