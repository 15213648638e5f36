#!/bin/bash
# Work on one database with the real Supabase CLI and dblsp in turn: tests/supabase/run.sh [2] [3]
#
# The CLI's major versions come from tests/install.sh, the server from Debian's packages. What one applies the other must
# see, and what dblsp rolls back must be pending for the CLI. DBLSP names the program, else it is built.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD

if [ -z "${DBLSP:-}" ]; then
    cargo build --bin dblsp --locked
    DBLSP=$root/target/debug/dblsp
fi
export SUPABASE_TELEMETRY_DISABLED=1 DO_NOT_TRACK=1
. tests/server.sh

# The CLI's answer as JSON; 3 renamed the option that says where.
supabase() {
    case $major in
        2) "$cli" "$@" --output-format json --db-url "$DATABASE_URL" < /dev/null 2> "$folder/cli.log" ;;
        *) "$cli" "$@" --output-format json --remote="$DATABASE_URL" < /dev/null 2> "$folder/cli.log" ;;
    esac || { cat "$folder/cli.log"; return 1; }
}

# Versions that the CLI lists as applied, joined by blanks.
listed() {
    supabase migration list | python3 -c '
import json, sys
print(*[m["remote"] for m in json.load(sys.stdin)["migrations"] if m["remote"]])'
}

# What the CLI would push.
pending() {
    supabase db push --dry-run --yes | python3 -c '
import json, sys
print(*json.load(sys.stdin)["migrations"])'
}

# Versions that dblsp calls applied.
applied() {
    "$DBLSP" status --format json | python3 -c '
import json, sys
status = json.load(sys.stdin)
print(*[m["version"] for m in status["migrations"]
        if m["standing"].get("local") == "applied"])'
}

project() {
    rm -rf "$folder/project"
    mkdir -p "$folder/project"/supabase/{migrations,rollback,tests}
    cd "$folder/project"
    git init --quiet
    printf 'version = 1\n[environments.local]\nurl = "env(DATABASE_URL)"\n' > dblsp.toml
    cat > supabase/migrations/20250101000000_v0_1_0_users.sql << 'SQL'
-- Größe 😀; a semicolon; and 'quotes'
create table public.users (id bigint primary key, "größe; x" text default 'a;b');
insert into public.users values (1, E'it''s \\ here');
SQL
    cat > supabase/migrations/20250102000000_v0_1_0_notes.sql << 'SQL'
create table public.notes (id bigint primary key, author bigint references public.users);
create function public.count_notes() returns bigint language plpgsql as $body$
begin
    return (select count(*) from public.notes); -- not the end;
end
$body$;
create index notes_author on public.notes (author);
SQL
    printf 'drop table public.users;\n' > supabase/rollback/20250101000000_rollback.sql
    printf 'drop function public.count_notes();\ndrop table public.notes;\n' \
        > supabase/rollback/20250102000000_rollback.sql
}

interoperate() {
    major=$1
    cli=$("$root/tests/install.sh" "supabase-$major")
    # The CLI writes into its user's home.
    local HOME=$folder/home
    local name="with_$major" one=20250101000000 two=20250102000000
    export DATABASE_URL="postgres://postgres:x@127.0.0.1:$port/postgres?sslmode=disable"
    sql "create database $name"
    DATABASE_URL="postgres://postgres:x@127.0.0.1:$port/$name?sslmode=disable"
    project
    echo "Supabase CLI $("$cli" --version)"

    "$DBLSP" apply --yes --only supabase/migrations/${one}_v0_1_0_users.sql > "$folder/out" 2>&1 || cat "$folder/out"
    check "what dblsp applied is applied for the CLI" "$one" "$(listed)"
    check "only the rest is pending" "${two}_v0_1_0_notes.sql" "$(pending)"

    supabase db push --yes > /dev/null
    check "what the CLI pushed is applied for dblsp, text and all" "$one $two" "$(applied)"
    check "dblsp has nothing to apply" "nothing to apply" "$("$DBLSP" apply --yes 2> /dev/null)"

    sql "insert into public.notes values (1, 1)"
    # Pushed by the CLI, so nobody kept what was there before.
    "$DBLSP" rollback $two --yes --accept-unverified > "$folder/out" 2>&1 || cat "$folder/out"
    check "what dblsp rolled back is pending for the CLI" "${two}_v0_1_0_notes.sql" "$(pending)"
    check "and is not listed" "$one" "$(listed)"
    check "and its table is gone" "" "$(sql "select to_regclass('public.notes')")"

    "$DBLSP" apply --yes > "$folder/out" 2>&1 || cat "$folder/out"
    check "applied again, the CLI has nothing to push" "" "$(pending)"
    "$DBLSP" rollback $two --yes > "$folder/out" 2>&1 || cat "$folder/out"
    check "rolled back with proof, it is pending again" "${two}_v0_1_0_notes.sql" "$(pending)"
    supabase db push --yes > /dev/null
    check "and the CLI can push it" "$one $two" "$(listed)"

    check "what each recorded is the same" "same" "$(sql "
        select case when string_agg(name, ' ' order by version) = 'v0_1_0_users v0_1_0_notes'
                     and bool_and(array_length(statements, 1) in (2, 3)) then 'same' else jsonb_agg(m)::text end
        from supabase_migrations.schema_migrations m")"

    if command -v pg_prove > /dev/null; then
        "$DBLSP" scaffold test v0.1.0 > /dev/null 2>&1
        pg_prove --ext .sql -r supabase/tests -h 127.0.0.1 -p "$port" -U postgres -d "$name" > "$folder/out" 2>&1 \
            || cat "$folder/out"
        check "pg_prove accepts the scaffolded test" "Result: PASS" "$(tail -1 "$folder/out")"
        local code=0
        "$DBLSP" test v0.1.0 > "$folder/out" 2>&1 || { code=$?; cat "$folder/out"; }
        check "and so does dblsp" 0 "$code"
    elif [ "${CI:-}" = true ]; then
        check "pg_prove is there" "yes" "no"
    else
        echo "SKIPPED: pg_prove is not installed" >&2
    fi
    cd "$root"
}

[ $# -gt 0 ] || set -- 2 3
for major in "$@"; do
    interoperate "$major"
done
[ "$failed" = 0 ] && echo "Supabase CLI: passed" || { echo "Supabase CLI: $failed failed"; exit 1; }
