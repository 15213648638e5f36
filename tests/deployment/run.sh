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
# As on Supabase.
server_options="-c shared_preload_libraries=pg_stat_statements"
. tests/server.sh

server=postgres://postgres@127.0.0.1:$port
for name in staging production; do
    supabase_database $name
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
    succeeds ./scripts/db-migrate.sh $seed "${unproven[@]}" --watch 1s
    check "it is watched" 1 "$(grep -c '^watched for . s: .* transactions, .* failed' "$folder/out")"
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

for environment in staging production; do
    succeeds dblsp report v0.7.0 --environment $environment
done
report=supabase/docs/v0.7.0_DEPLOYMENT-REPORT.md
check "the report has both environments before the lessons" "staging production Lessons learned" \
    "$(grep '^## ' $report | sed 's/^## //' | xargs)"
check "it has who, tests and snapshots of each migration" 4 \
    "$(grep -c "^| \`2025.*| Ana Pereira | .*s | .* | \`schemas/.*_after.sql\` |" $report)"
check "the smoke test passed once all of the version was there" 2 "$(grep -c '| passed |' $report)"
check "it has sizes and what the document counts" 4 "$(grep -c 'MB | .* | 30 tables, 3 views, 16 policies, 4 functions' $report)"
check "it has what was confirmed, once for each migration" 3 "$(grep -c '^- .* (Ana Pereira, .*; Ana Pereira, ' $report)"
check "there are no alerts" 2 "$(grep -c '^None.$' $report)"
sed -i 's/^## Lessons learned$/&\n\nAll went well./' $report
succeeds dblsp report v0.7.0 --environment staging
check "what was written by hand stays" 1 "$(grep -c '^All went well.$' $report)"
sed -i 's/^None.$/None that matter./' $report
check "a part that was changed by hand is not written over" 2 "$(dblsp report v0.7.0 2> "$folder/out"; echo $?)"
check "and that is said" 1 "$(grep -c 'was changed by hand' "$folder/out")"

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

echo "== harm"
# Programs begin to fail once the tables are there.
(
    until sql "select from public.profiles" > /dev/null 2>&1; do
        sleep 0.2
    done
    yes 'select 1 / 0;' | head -20000 | "$bin/psql" -X -q "$DATABASE_URL" > /dev/null 2>&1
) &
check "a deployment that does harm is a finding" 1 \
    "$(on_terminal dblsp apply --only $baseline --watch 60s > /dev/null; echo $?)"
wait
check "it says why" 1 "$(grep -c '^alert: .* of the transactions fail, where it was ' "$folder/out")"
check "it was undone, as somebody said yes" 0 "$(sql "select count(*) from pg_tables where schemaname = 'public'")"

[ "$failed" = 0 ] && echo "Deployment: passed" || { echo "Deployment: $failed failed"; exit 1; }
