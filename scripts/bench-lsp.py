#!/usr/bin/env python3
"""Measure the language server, and two others on the same files: scripts/bench-lsp.py [OPTIONS]

Generates a history of 1,000 migrations (4.2 MB), types into its newest and its first file, asks at a place, and writes
docs/performance.md. Needs nothing but Python; the other servers are installed below target/peers/ if they are missing.
All servers run in turn on the same machine, one at a time; what they find, and so what they do, differs.
"""

import argparse
import contextlib
import functools
import json
import os
import platform
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "target/peers"
PATIENCE = 60.0
QUIET = 1.5


class Gone(Exception):
    """The server ended, or did not answer in time."""


class Server:
    """A language server at the other end of two pipes, and when each of its messages came."""

    def __init__(self, command, folder, options):
        self.began = time.monotonic()
        self.child = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.messages = queue.Queue()
        self.number = 0
        threading.Thread(target=self.read, daemon=True).start()
        answer = self.ask(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": uri(folder),
                "workspaceFolders": [{"uri": uri(folder), "name": "history"}],
                "initializationOptions": options,
                "capabilities": {
                    "general": {"positionEncodings": ["utf-16"]},
                    "textDocument": {
                        "publishDiagnostics": {"versionSupport": True, "relatedInformation": True},
                        "completion": {"completionItem": {"snippetSupport": True}},
                    },
                },
            },
        )
        self.offers = answer["result"]["capabilities"]
        self.pulls = bool(self.offers.get("diagnosticProvider"))
        self.tell("initialized", {})

    def read(self):
        pipe = self.child.stdout
        while True:
            length = 0
            while line := pipe.readline().strip():
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if not length:
                self.messages.put((time.monotonic(), None))
                return
            body = pipe.read(length)
            self.messages.put((time.monotonic(), json.loads(body)))

    def send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        try:
            self.child.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
            self.child.stdin.flush()
        except BrokenPipeError as error:
            raise Gone from error

    def tell(self, method, params):
        self.send({"method": method, "params": params})

    def next(self, patience):
        """The next message and when it came; requests are answered with null."""
        try:
            came, message = self.messages.get(timeout=patience)
        except queue.Empty:
            return None
        if message is None:
            raise Gone
        if "method" in message and "id" in message:
            result = [None] * len(message["params"].get("items", [])) if "configuration" in message["method"] else None
            self.send({"id": message["id"], "result": result})
        return came, message

    def wait(self, wanted):
        """When the first message that is wanted came, and that message."""
        until = time.monotonic() + PATIENCE
        while (left := until - time.monotonic()) > 0:
            found = self.next(left)
            if found and wanted(found[1]):
                return found
        raise Gone

    def ask(self, method, params):
        return self.timed(method, params)[1]

    def timed(self, method, params):
        """Milliseconds until the answer, and the answer."""
        self.number += 1
        number = self.number
        began = time.monotonic()
        self.send({"id": number, "method": method, "params": params})
        came, answer = self.wait(lambda message: message.get("id") == number and "method" not in message)
        return (came - began) * 1000, answer

    def drain(self):
        """Reads until nothing comes for a while; when the last message came."""
        last = None
        while found := self.next(QUIET):
            last = found[0]
        return last

    def stop(self):
        """Ends the server, and gives the megabytes that it and its children take."""
        taken = memory(self.child.pid)
        try:
            self.ask("shutdown", None)
            self.tell("exit", None)
            self.child.wait(5)
        except (Gone, subprocess.TimeoutExpired):
            self.child.send_signal(signal.SIGKILL)
            self.child.wait()
        return taken


def memory(parent):
    """Megabytes of a process, its descendants, and what else runs of the same program: some start a daemon."""
    children, sizes, programs = {}, {}, {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = dict(line.split(":", 1) for line in (entry / "status").read_text().splitlines() if ":" in line)
        except OSError:
            continue
        number = int(entry.name)
        children.setdefault(int(fields["PPid"]), []).append(number)
        sizes[number] = int(fields.get("VmRSS", "0").split()[0]) / 1024
        with contextlib.suppress(OSError):
            programs[number] = os.readlink(entry / "exe")
    own = programs.get(parent)
    left = [parent] + [number for number, program in programs.items() if program == own]
    counted = set()
    while left:
        number = left.pop()
        if number not in counted:
            counted.add(number)
            left.extend(children.get(number, []))
    return sum(sizes.get(number, 0.0) for number in counted)


def uri(path):
    return Path(path).absolute().as_uri()


class File:
    """An open file; its text is ASCII, so that a character is a byte is a unit."""

    def __init__(self, server, path):
        self.server, self.path, self.uri = server, path, uri(path)
        self.text, self.version = path.read_text(), 1
        document = {"uri": self.uri, "languageId": "sql", "version": 1, "text": self.text}
        server.tell("textDocument/didOpen", {"textDocument": document})

    def position(self, offset):
        before = self.text[:offset]
        return {"line": before.count("\n"), "character": offset - (before.rfind("\n") + 1)}

    def replace(self, start, end, text):
        """Edits; when the edit was sent."""
        change = {"range": {"start": self.position(start), "end": self.position(end)}, "text": text}
        self.version += 1
        self.text = self.text[:start] + text + self.text[end:]
        document = {"uri": self.uri, "version": self.version}
        began = time.monotonic()
        self.server.tell("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})
        return began

    def is_about(self, message):
        params = message.get("params") or {}
        if message.get("method") != "textDocument/publishDiagnostics" or params.get("uri") != self.uri:
            return False
        return params.get("version") in (None, self.version)

    def findings(self, began):
        """Milliseconds from `began` until the findings about the newest text are there."""
        if self.server.pulls:
            self.server.ask("textDocument/diagnostic", {"textDocument": {"uri": self.uri}})
            came = time.monotonic()
        else:
            came, _ = self.server.wait(self.is_about)
        return (came - began) * 1000


TYPED = "\nalter table public.{table} add column remark text not null default 'none';\n"


def keystrokes(file, table, count):
    """Types a statement at the end of a file, again and again, letter by letter."""
    times, typed = [], TYPED.format(table=table)
    while len(times) < count:
        start = len(file.text)
        for letter in typed:
            at = len(file.text)
            times.append(file.findings(file.replace(at, at, letter)))
            if len(times) == count:
                break
        file.findings(file.replace(start, len(file.text), ""))
    return times


def first_file(server, file, table, count):
    """Renames what later files need, and back: times until the file's own findings, and until the last file's."""
    own, last = [], []
    server.drain()
    for number in range(count):
        at = file.text.index(f"create table public.{table}") + len("create table public.")
        began = file.replace(at, at, "x") if number % 2 == 0 else file.replace(at, at + 1, "")
        table = "x" + table if number % 2 == 0 else table[1:]
        own.append(file.findings(began))
        came = server.drain()
        last.append((came - began) * 1000 if came else own[-1])
    return own, last


def requests(server, file, needle, count, after_edit):
    """Times of hover, definition and completion at a name that another file makes."""
    times = {}
    for name, method in [
        ("hover", "textDocument/hover"),
        ("definition", "textDocument/definition"),
        ("completion", "textDocument/completion"),
    ]:
        if not server.offers.get(f"{name}Provider"):
            continue
        times[name] = []
        for number in range(count):
            if after_edit:
                end = len(file.text)
                file.replace(end, end, "\n") if number % 2 == 0 else file.replace(end - 1, end, "")
            place = file.position(file.text.index(needle) + len(needle) - 1)
            taken, answer = server.timed(method, {"textDocument": {"uri": file.uri}, "position": place})
            if "error" in answer:
                raise Gone
            result = answer["result"]
            listed = result.get("items", True) if isinstance(result, dict) else result
            times[name].append(taken if listed else -taken)
    return times


def cold(make, path, count):
    """Milliseconds from the start of the process to the newest file's first findings."""
    times = []
    for _ in range(count):
        server = make()
        file = File(server, path)
        times.append(file.findings(server.began))
        server.stop()
    return times


def percentile(times, percent):
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, round(len(ordered) * percent / 100 + 0.5) - 1)]


def measure(make, folder, arguments):
    """Everything about one server; what it cannot do is missing."""
    files = sorted((folder / "supabase/migrations").glob("*.sql"))
    newest, first = files[-1], files[0]
    seen = {}
    try:
        seen["cold start"] = cold(make, newest, arguments.starts)
        server = make()
        file = File(server, newest)
        file.findings(server.began)
        server.drain()
        table = made(newest)
        keystrokes(file, table, 30)
        seen["keystroke, newest file"] = keystrokes(file, table, arguments.keystrokes)
        server.drain()
        needle = earlier(newest, table)
        for name, times in requests(server, file, needle, arguments.requests, False).items():
            seen[name] = times
        for name, times in requests(server, file, needle, arguments.requests, True).items():
            seen[f"{name}, right after a keystroke"] = times
        file = File(server, first)
        server.drain()
        own, last = first_file(server, file, made(first), arguments.edits)
        seen["edit in the first file, its own findings"] = own
        seen["edit in the first file, all files' findings"] = last
        seen["memory"] = [server.stop()]
    except Gone:
        print("  ended or did not answer; the rest is left out", file=sys.stderr)
    return seen


def made(path):
    """The table that a file makes first."""
    text = path.read_text()
    return text.split("create table public.", 1)[1].split()[0].rstrip("(")


def earlier(path, own):
    """A name in a file that another file makes, with what stands before it."""
    text = path.read_text()
    parts = text.split("references public.")[1:]
    names = [part.split()[0].split("(")[0].rstrip(",;") for part in parts]
    return next("references public." + name for name in names if name != own)


def servers(arguments):
    """Name and version of each server, its command, options that turn waiting off, and what ends its daemon."""
    found = []
    version = subprocess.run([arguments.dblsp, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    found.append((version, [arguments.dblsp, "lsp"], {"debounce": 0}, None))
    if arguments.alone:
        return found
    squawk = PEERS / "bin/squawk"
    if not squawk.exists():
        subprocess.run([sys.executable, "-m", "venv", PEERS], check=True)
        subprocess.run([PEERS / "bin/pip", "install", "--quiet", "squawk-cli"], check=True)
    version = subprocess.run([squawk, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    found.append((f"{version} (`squawk server`)", [str(squawk), "server"], {}, None))
    modules = PEERS / "node_modules/@postgres-language-server"
    if not modules.exists():
        install = ["npm", "install", "--silent", "--prefix", str(PEERS), "@postgres-language-server/cli"]
        subprocess.run(install, check=True)
    # The program itself: its wrapper would only add the start of node.
    program = next(modules.glob("cli-*/postgres-language-server*"))
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    version = version.replace("Version:", "").split()[-1]
    found.append((f"postgres-language-server {version}", [str(program), "lsp-proxy"], {}, [str(program), "stop"]))
    return found


# What is measured, and what dblsp aims at: milliseconds, at the 99th percentile where there are many.
ROWS = [
    ("cold start", "from the start of the process to the newest file's first findings", 400),
    ("keystroke, newest file", "from an edit to the findings about it", 10),
    ("edit in the first file, its own findings", "an edit that every later file feels", 50),
    ("edit in the first file, all files' findings", "the same edit, until the last file is told", 500),
    ("hover", "at a table of another file", 5),
    ("definition", "the same", 5),
    ("completion", "the same", 5),
    ("hover, right after a keystroke", "the edit is not waited for", None),
    ("definition, right after a keystroke", "the same", None),
    ("completion, right after a keystroke", "the same", None),
    ("memory", "megabytes at the end, of all processes", 150),
]


def cell(row, times):
    if not times:
        return "–"
    if row == "memory":
        return f"{times[0]:,.0f} MB"
    # Negative: there was nothing in the answer.
    is_empty = all(taken < 0 for taken in times)
    times = [abs(taken) for taken in times]
    return f"{percentile(times, 50):,.1f} / {percentile(times, 99):,.1f}" + (" (empty)" if is_empty else "")


def page(results, folder):
    files = list((folder / "supabase/migrations").glob("*.sql"))
    size = sum(file.stat().st_size for file in files) / 1e6
    names = [name for name, _ in results]
    lines = [
        "# Performance",
        "",
        "Written by `scripts/bench-lsp.py`, which anybody can run. Times are milliseconds, median / 99th percentile, as an",
        "editor sees them: from the moment a message is sent to the moment the answer is read.",
        "",
        f"A generated history of {len(files):,} migrations, {size:.1f} MB. {machine()}",
        "dblsp's waiting for a pause in typing (100 ms) is set to 0; the others wait as they do.",
        "",
        "| | Aim | " + " | ".join(names) + " |",
        "| --- | --: | " + " | ".join("--:" for _ in names) + " |",
    ]
    for row, what, aim in ROWS:
        unit = "MB" if row == "memory" else "ms"
        wanted = f"{aim} {unit}" if aim else ""
        cells = " | ".join(cell(row, seen.get(row)) for _, seen in results)
        lines.append(f"| {row[0].upper()}{row[1:]}: {what} | {wanted} | {cells} |")
    lines += [
        "",
        "–: the server does not offer it, or ended before; empty: it answers, with nothing. The servers do different work: squawk looks at one file at a time,",
        "postgres-language-server at statements, with a database where it has one (here it has none); dblsp replays the whole",
        "history, so that an edit can change the findings of every later file.",
        "",
    ]
    return "\n".join(lines)


def machine():
    model = "an unknown processor"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{os.cpu_count()} cores of {model}, {platform.system()}; load {os.getloadavg()[0]:.1f} at the start."


def history(count):
    folder = ROOT / f"target/histories/{count}"
    migrations = folder / "supabase/migrations"
    if not migrations.exists():
        command = ["cargo", "bench", "--locked", "--quiet", "--bench", "write", "--", str(migrations), str(count)]
        subprocess.run(command, cwd=ROOT, check=True)
        (folder / "supabase/config.toml").write_text("[api]\n")
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dblsp", help="the program to measure [default: a release build]")
    parser.add_argument("--count", type=int, default=1000, help="migrations in the history")
    parser.add_argument("--alone", action="store_true", help="leave the other servers out")
    parser.add_argument("--print", action="store_true", help="print the page instead of writing docs/performance.md")
    parser.add_argument("--keystrokes", type=int, default=300)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--edits", type=int, default=20)
    parser.add_argument("--starts", type=int, default=5)
    arguments = parser.parse_args()
    if not arguments.dblsp:
        subprocess.run(["cargo", "build", "--release", "--locked", "--quiet"], cwd=ROOT, check=True)
        arguments.dblsp = str(ROOT / "target/release/dblsp")
    arguments.dblsp = str(Path(arguments.dblsp).absolute())
    folder = history(arguments.count)
    results = []
    for name, command, options, end in servers(arguments):
        print(name, file=sys.stderr)
        # Each server gets a repository of its own: some leave traces beside the files, and all look upwards for settings.
        with tempfile.TemporaryDirectory() as temporary:
            copy = Path(temporary) / "project"
            shutil.copytree(folder, copy)
            (copy / ".git").mkdir()
            start = functools.partial(Server, command, copy, options)
            results.append((name, measure(start, copy, arguments)))
            if end:
                subprocess.run(end, cwd=copy, capture_output=True, check=False)
    text = page(results, folder)
    if arguments.print:
        print(text)
    else:
        written = ROOT / "docs/performance.md"
        # What scripts/bench-apply measured stays.
        _, heading, rest = written.read_text().partition("\n## Applying\n")
        written.write_text(text + heading + rest)


if __name__ == "__main__":
    main()
