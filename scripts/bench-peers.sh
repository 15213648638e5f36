#!/bin/bash
# Compare dblsp with squawk on the same files: scripts/bench-peers.sh [--write] [FOLDER of .sql files] [PAIRS, default 5]
#
# Without a folder it generates 10, 100 and 1,000 migrations of 5 KB. Runs both in turn, so that a busy machine is unfair
# to both, and prints the medians of wall time and peak memory. Both must look at every file; what they find differs.
# With --write the table goes into docs/accuracy.md, too.
set -euo pipefail
cd "$(dirname "$0")/.."

write=
if [ "${1:-}" = --write ]; then
    write=1
    shift
fi
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT

venv=target/peers
if [ ! -x "$venv/bin/squawk" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet squawk-cli
fi
# As both are shipped.
cargo build --profile dist --locked --quiet

folders=()
pairs=${2:-5}
if [ $# -gt 0 ]; then
    folders=("$1")
else
    for count in 10 100 1000; do
        folder=$PWD/target/histories/$count/supabase/migrations
        if [ ! -d "$folder" ]; then
            cargo bench --locked --quiet --bench write -- "$folder" "$count"
            printf '[api]\n' > "$folder/../config.toml"
        fi
        folders+=("$folder")
    done
fi

for folder in "${folders[@]}"; do
    python3 - "$folder" "$pairs" target/dist/dblsp "$venv/bin/squawk" "$rows" << 'PYTHON'
import glob, os, statistics, subprocess, sys, time

folder, pairs, dblsp, squawk, rows = sys.argv[1], int(sys.argv[2]), *sys.argv[3:]
files = sorted(glob.glob(os.path.join(folder, "**", "*.sql"), recursive=True))
commands = {"dblsp": [dblsp, "check", folder], "squawk": [squawk, *files]}


def run(command):
    """Wall seconds and peak MiB of one run."""
    begin = time.monotonic()
    null = subprocess.DEVNULL
    child = subprocess.Popen(command, stdout=null, stderr=null)
    _, status, usage = os.wait4(child.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, 1):
        sys.exit(f"{command[0]} ended with {code}")
    return time.monotonic() - begin, usage.ru_maxrss / 1024


seen = {name: [] for name in commands}
for name, command in commands.items():
    run(command)
for _ in range(pairs):
    for name, command in commands.items():
        seen[name].append(run(command))
size = sum(os.path.getsize(file) for file in files)
print(f"{len(files)} files, {size / 1e6:.2f} MB, {pairs} pairs")
median = {name: [statistics.median(values) for values in zip(*runs)] for name, runs in seen.items()}
for name, (seconds, memory) in median.items():
    print(f"  {name:7} {seconds * 1000:8.0f} ms  {memory:6.0f} MiB")
ours, theirs = median["dblsp"], median["squawk"]
with open(rows, "a") as table:
    table.write(
        f"| {len(files)} | {size / 1e6:.2f} | {ours[0] * 1000:.0f} | {theirs[0] * 1000:.0f} "
        f"| {ours[0] / theirs[0]:.2f} | {ours[1]:.0f} | {theirs[1]:.0f} |\n"
    )
print(f"  dblsp takes {median['dblsp'][0] / median['squawk'][0]:.2f} of squawk's time")
PYTHON
done

if [ -n "$write" ]; then
    python3 - "$rows" "$(nproc)" "$("$venv/bin/squawk" --version)" << 'PYTHON'
import re, sys

rows, cores, squawk = open(sys.argv[1]).read(), sys.argv[2], sys.argv[3]
section = f"""
## Speed

Written by `scripts/bench-peers.sh --write`: generated histories, whole processes in turn on {cores} cores, medians of wall
time in milliseconds and of peak memory in MiB, against {squawk}.

| Files | MB | dblsp | squawk | Ratio | Memory of dblsp | of squawk |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{rows}"""
page = open("docs/accuracy.md").read()
page = re.sub(r"\n## Speed\n.*?(?=\n## )", "", page, flags=re.S)
head, wrong, rest = page.partition("\n## Wrong\n")
open("docs/accuracy.md", "w").write(head + section + wrong + rest)
PYTHON
fi
