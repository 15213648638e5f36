#!/usr/bin/env python3
"""Measure `dblsp prove`: scripts/bench-proofs.py [--dblsp PATH] [--runs N] [--write docs/performance.md]

Generated projects, whole processes, medians of wall time. A first proof finds no server of its project running; the
template data folder of the machine is there, since `initdb` has run once. For a next proof the rollback is another text each
time, so that nothing is known of it. Needs PostgreSQL's server programs; as root they run as the user `postgres`.
"""
import argparse
import os
import platform
import shutil
import statistics
import subprocess
import tempfile
import textwrap
import time

MANY = 300
HEADING = "## Proving"


def timed(work):
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


class Project:
    """Migrations with their rollbacks, a cache of its own, and whatever server dblsp keeps for it."""

    def __init__(self, dblsp, count):
        self.dblsp = dblsp
        self.folder = tempfile.mkdtemp(prefix="dblsp-bench-proofs-")
        self.count = count
        self.texts = 0
        for name in ("migrations", "rollback"):
            os.makedirs(f"{self.folder}/supabase/{name}")
        self.write("dblsp.toml", "version = 1\n")
        for number in range(count):
            self.write(self.migration(number), forward(number))
            self.write(self.rollback(number), back(number))

    def write(self, path, text):
        with open(f"{self.folder}/{path}", "w", encoding="utf-8") as out:
            out.write(text)

    def migration(self, number):
        return f"supabase/migrations/{20260101000000 + number}_v0_1_0_step_{number}.sql"

    def rollback(self, number):
        return f"supabase/rollback/{20260101000000 + number}_rollback.sql"

    def run(self, *arguments):
        environment = {**os.environ, "XDG_CACHE_HOME": f"{self.folder}/cache"}
        done = subprocess.run([self.dblsp, *arguments], cwd=self.folder, env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise SystemExit(f"dblsp {' '.join(arguments)}: {done.stdout}")

    def prove(self, number, *options):
        self.run("prove", self.migration(number), *options)

    def another_rollback(self, number):
        self.texts += 1
        self.write(self.rollback(number), f"-- {self.texts}\n{back(number)}")

    def stop(self):
        self.run("shadow", "stop")

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def forward(number):
    """What migrations do: a table with what hangs on it, then a change of the one before."""
    if number % 3 == 0:
        return (f"create table public.t{number} (id bigint generated always as identity primary key, name text not null,"
                f" note text, created_at timestamptz not null default now());\n"
                f"create index t{number}_name_idx on public.t{number} (name);\n"
                f"alter table public.t{number} enable row level security;\n"
                f"create policy t{number}_own on public.t{number} for select to authenticated using (name = 'me');\n"
                f"insert into public.t{number} (name) select 'n' || n from generate_series(1, 100) n;\n")
    if number % 3 == 1:
        return f"alter table public.t{number - 1} add column extra integer not null default 0;\n"
    return f"create view public.v{number} with (security_invoker = true) as select id, name from public.t{number - 2};\n"


def back(number):
    if number % 3 == 0:
        return f"drop table public.t{number};\n"
    if number % 3 == 1:
        return f"alter table public.t{number - 1} drop column extra;\n"
    return f"drop view public.v{number};\n"


def median(runs, work):
    return statistics.median(work() for _ in range(runs))


def first(project, number, *options):
    """A project that keeps no server, and of which nothing is known."""
    project.stop()
    project.another_rollback(number)
    return timed(lambda: project.prove(number, *options))


def following(project, number, *options):
    project.another_rollback(number)
    return timed(lambda: project.prove(number, *options))


def measure(dblsp, runs):
    small, large = Project(dblsp, 6), Project(dblsp, MANY)
    rows = []
    try:
        last = small.count - 1
        small.prove(last)
        rows.append(("First proof in a project of 6 migrations", "2,000 ms", median(runs, lambda: first(small, last))))
        rows.append(("Next proof there", "300 ms", median(runs, lambda: following(small, last))))
        rows.append(("The same with made-up rows (`--with-data`)", "",
                     median(runs, lambda: following(small, last, "--with-data"))))
        rows.append(("A proof that is known", "", median(runs, lambda: timed(lambda: small.prove(last)))))
        last = large.count - 1
        rows.append((f"First proof of the last of {MANY} migrations: the {MANY - 1} before it are replayed", "",
                     median(max(1, runs // 3), lambda: first(large, last))))
        rows.append(("Next proof of the same", "300 ms", median(runs, lambda: following(large, last))))
        rows.append(("The last but one, after that", "",
                     timed(lambda: following(large, last - 1))))
        rows.append(("And the last again", "300 ms", median(runs, lambda: following(large, last))))
        for number in range(large.count):
            large.another_rollback(number)
        large.stop()
        whole = timed(lambda: large.run("prove"))
        rows.append((f"All {MANY}, one after the other, by one command", "", whole))
        rows.append(("Each of these, on average", "300 ms", whole / MANY))
    finally:
        small.close()
        large.close()
    return rows


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{os.cpu_count()} cores of {names[0] if names else platform.processor()}"


def page(rows, build, load):
    words = (f"Written by `scripts/bench-proofs.py`: generated projects, whole processes, medians of wall time, with {build} "
             f"build of dblsp, on {processor()}, at a load of {load:.1f} at the start. A first proof starts the project's "
             "server from a copy of a data folder that is there; a next one finds it running, and nothing known of the "
             "rollback.")
    out = [HEADING, "", *textwrap.wrap(words, 119), "", "| | Aim | Found |", "| --- | --: | --: |"]
    out += [f"| {name} | {aim} | {found:,.0f} ms |" for name, aim, found in rows]
    return "\n".join(out) + "\n"


def write(path, text):
    with open(path, encoding="utf-8") as old:
        before = old.read()
    head, _, rest = before.partition(f"\n{HEADING}\n")
    following_sections = rest.find("\n## ")
    tail = rest[following_sections:] if following_sections >= 0 else ""
    with open(path, "w", encoding="utf-8") as out:
        out.write(f"{head.rstrip()}\n\n{text}{tail}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dblsp", default="dblsp")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--build", default="an optimised", help="how the program was built, for the page")
    parser.add_argument("--write", metavar="FILE")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    text = page(measure(os.path.abspath(options.dblsp), options.runs), options.build, load)
    print(text)
    if options.write:
        write(options.write, text)


if __name__ == "__main__":
    main()
