#!/bin/bash
# Fuzz the analysis: scripts/fuzz.sh [SECONDS in all, default 60] [TARGET…]
#
# Needs neither nightly nor cargo-fuzz: coverage is a flag of the stable compiler. `cargo fuzz run TARGET` works as well.
# A crash leaves its input in target/fuzz/artifacts/TARGET; reduce it to a test of the crate before fixing it.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(split parse replay)

coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks --cfg fuzzing"
host=$(rustc -vV | sed -n 's/^host: //p')
# With --target, build scripts and macros are built without the flags.
RUSTFLAGS=$coverage cargo build --release --manifest-path fuzz/Cargo.toml --target-dir target/fuzz --target "$host"

# As on the threads that read SQL: deep nesting needs a deep stack.
ulimit -s 65536 2>/dev/null || ulimit -s unlimited 2>/dev/null || true

for target in "${targets[@]}"; do
    corpus=target/fuzz/corpus/$target
    artifacts=target/fuzz/artifacts/$target/
    mkdir -p "$corpus" "$artifacts"
    # The reference project whole, as one history, and cut into statements.
    for file in supabase/migrations/*.sql supabase/rollback/*.sql supabase/tests/*.sql; do
        name=$(basename "$file")
        cp "$file" "$corpus/$name"
        awk -v RS='' -v out="$corpus/$name" '{ print > (out "." NR); close(out "." NR) }' "$file"
    done
    awk 'FNR == 1 && NR > 1 { printf "\f" } { print }' supabase/migrations/*.sql > "$corpus/history"
    "target/fuzz/$host/release/$target" "$corpus" -artifact_prefix="$artifacts" -dict=fuzz/sql.dict \
        -max_total_time=$((seconds / ${#targets[@]})) -max_len=65536 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
done
