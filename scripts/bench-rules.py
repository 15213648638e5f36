#!/usr/bin/env python3
"""Measure what rules cost: scripts/bench-rules.py [--dblsp PATH] [--runs N] [--count N]

`dblsp check` on a generated history, with all rules and with ten of them, in turn; medians of wall time. The ten are those
that most linters of migrations have. The aim: all take at most 1.3 times as long as ten.
"""
import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
AIM = 1.3
TEN = [
    "add-check-without-not-valid",
    "add-column-volatile-default",
    "add-fk-without-not-valid",
    "change-column-type-rewrite",
    "create-index-non-concurrent",
    "drop-column",
    "drop-table",
    "rename-column",
    "rename-table",
    "set-not-null",
]


def history(count):
    folder = ROOT / f"target/histories/{count}"
    migrations = folder / "supabase/migrations"
    if not migrations.exists():
        command = ["cargo", "bench", "--locked", "--quiet", "--bench", "write", "--", str(migrations), str(count)]
        subprocess.run(command, cwd=ROOT, check=True)
    return folder


def settings(rules):
    off = "".join(f'{rule} = "off"\n' for rule in rules if rule not in TEN)
    return f"version = 1\n\n[rules]\n{off}"


def timed(dblsp, folder):
    begin = time.perf_counter()
    done = subprocess.run([dblsp, "check"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"dblsp check: {done.stderr}")
    return (time.perf_counter() - begin) * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dblsp", default=str(ROOT / "target/release/dblsp"))
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--count", type=int, default=1000, help="migrations in the history")
    arguments = parser.parse_args()
    listed = subprocess.run([arguments.dblsp, "rules", "--format", "json"], capture_output=True, text=True, check=True)
    rules = [rule["name"] for rule in json.loads(listed.stdout)["rules"]]
    unknown = set(TEN) - set(rules)
    if unknown:
        raise SystemExit(f"there is no rule of that name: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as temporary:
        folders = []
        for name, text in [("ten", settings(rules)), ("all", "version = 1\n")]:
            folder = Path(temporary) / name
            shutil.copytree(history(arguments.count), folder)
            (folder / "dblsp.toml").write_text(text)
            folders.append(folder)
            timed(arguments.dblsp, folder)
        pairs = [[timed(arguments.dblsp, folder) for folder in folders] for _ in range(arguments.runs)]
    ten, every = (statistics.median(times) for times in zip(*pairs))
    ratio = statistics.median(every / ten for ten, every in pairs)
    print(f"{arguments.count:,} migrations: ten rules {ten:,.0f} ms, all {len(rules)} {every:,.0f} ms: "
          f"{ratio:.2f} times as long (aim {AIM})")


if __name__ == "__main__":
    main()
