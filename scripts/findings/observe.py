"""What a server does with one statement of a history: locks, rewrites, scans, errors, losses, and changes of the catalog.

A history is replayed file by file, each in a transaction, as the Supabase CLI does. A file that the server refuses is
replayed statement by statement, and what it takes of that stays. A statement whose objects no migration made, because the
history begins in the middle, is watched on stand-ins for them, which go again.
"""

import contextlib
import functools
import re

import pglast
import psycopg

# Strongest last.
MODES = [
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
]
SAID = re.compile(
    r"^(rewriting table|verifying table|building index|rehashing|validating foreign|partition constraint"
    r"|existing constraints on|truncate cascades|drop cascades|.*(does not exist|already exists), skipping"
    r"|there is (already a|no) transaction|SET LOCAL can only|drop auto-cascades|identifier .* will be truncated)"
)
OURS = "n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '_dblsp')"

LOCKS = f"""
SELECT l.relation::int8, n.nspname || '.' || c.relname, l.mode
FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND c.relkind IN ('r', 'p', 'm', 'v', 'S') AND {OURS}
"""
HEAPS = f"""
SELECT c.oid::int8, n.nspname || '.' || c.relname, c.relfilenode::int8
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'm', 'S') AND {OURS}
"""
# The catalog as lines: what an object is called, and what is so about it.
CATALOG = f"""
SELECT 'table ' || c.oid::regclass, 'row security ' || c.relrowsecurity || ', anon may '
    || concat_ws('/', CASE WHEN has_table_privilege('anon', c.oid, 'SELECT') THEN 'select' END,
        CASE WHEN has_table_privilege('anon', c.oid, 'INSERT') THEN 'insert' END,
        CASE WHEN has_table_privilege('anon', c.oid, 'DELETE') THEN 'delete' END)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND {OURS}
UNION ALL
SELECT 'view ' || c.oid::regclass, 'options ' || coalesce(c.reloptions::text, 'none') || ', owner '
    || pg_get_userbyid(c.relowner) || ', anon may select: ' || has_table_privilege('anon', c.oid, 'SELECT')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('v', 'm') AND {OURS}
UNION ALL
SELECT 'column ' || c.oid::regclass || '.' || a.attname, format_type(a.atttypid, a.atttypmod)
    || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END || CASE WHEN a.atthasdef THEN ' with default' ELSE '' END
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND {OURS}
UNION ALL
SELECT 'constraint ' || o.conname || ' on ' || o.conrelid::regclass, pg_get_constraintdef(o.oid)
FROM pg_constraint o JOIN pg_namespace n ON n.oid = o.connamespace WHERE o.conrelid <> 0 AND {OURS}
UNION ALL
SELECT 'index ' || i.indexrelid::regclass, pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {OURS}
UNION ALL
SELECT 'function ' || p.oid::regprocedure, 'settings ' || coalesce(p.proconfig::text, 'none') || ', '
    || CASE WHEN p.prosecdef THEN 'security definer' ELSE 'security invoker' END || ', volatility ' || p.provolatile::text
    || ', anon may execute: ' || has_function_privilege('anon', p.oid, 'EXECUTE')
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {OURS}
UNION ALL
SELECT 'policy ' || policyname || ' on ' || schemaname || '.' || tablename, cmd || ' to ' || roles::text || ' using '
    || coalesce(qual, '-') || ' with check ' || coalesce(with_check, '-')
FROM pg_policies
UNION ALL
SELECT 'trigger ' || t.tgname || ' on ' || t.tgrelid::regclass, pg_get_triggerdef(t.oid)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND {OURS}
UNION ALL
SELECT 'enum ' || t.oid::regtype, string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder)
FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE {OURS} GROUP BY t.oid
UNION ALL
SELECT 'extension ' || e.extname, 'in schema ' || n.nspname
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
"""

# What there is, by the last part of its name.
NAMES = f"""
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {OURS}
UNION SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE a.attnum > 0 AND {OURS}
UNION SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {OURS}
UNION SELECT t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE {OURS}
UNION SELECT conname FROM pg_constraint UNION SELECT polname FROM pg_policy UNION SELECT tgname FROM pg_trigger
UNION SELECT extname FROM pg_extension UNION SELECT nspname FROM pg_namespace
"""
READ_BY_VIEWS = f"""
SELECT r.ev_class::regclass::text, string_agg(DISTINCT d.refobjid::regclass || ' with row security '
    || c.relrowsecurity, ', ')
FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
JOIN pg_class c ON c.oid = d.refobjid AND d.refclassid = 'pg_class'::regclass AND c.relkind IN ('r', 'p')
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {OURS} GROUP BY 1
"""


@functools.cache
def split(text):
    """Start and end of every statement, in characters."""
    # One byte for each character: then it does not matter which of them is counted.
    text = re.sub(r"[^\x00-\x7f]", "x", text)
    try:
        return [(found.start, found.stop) for found in pglast.split(text, only_slices=True)]
    except pglast.Error:
        pass
    try:
        pieces = [(found.start, found.stop) for found in pglast.split(text, with_parser=False, only_slices=True)]
    except pglast.Error:
        # Not even words: a quote that nothing closes.
        pieces = []
    # What begins with no keyword is left out there.
    ends = [0, *(stop + 1 for _, stop in pieces)]
    starts = [*(start for start, _ in pieces), len(text)]
    for end, start in zip(ends, starts, strict=True):
        for found in re.finditer(r"[^;]*;|[^;]+$", text[end:start]):
            bare = re.sub(r"--[^\n]*|/\*.*?\*/", "", found[0], flags=re.DOTALL).strip("; \n\r\t")
            if bare:
                pieces.append((end + found.start(), end + found.end()))
    return sorted(pieces)


def words(statement):
    """The first two words, without comments."""
    bare = re.sub(r"^(\s*(--[^\n]*\n|/\*.*?\*/))*", "", statement, flags=re.DOTALL)
    return [word.lower() for word in re.findall(r"[A-Za-z_]+", bare[:60])[:2]] or [""]


class Session:
    """One database, one history."""

    def __init__(self, server, name, sent):
        self.server, self.sent = server, sent
        server.database(name)
        self.name = name
        self.notices = []
        self.open()

    def open(self):
        self.connection = self.server.connect(self.name, "postgres")
        self.connection.add_notice_handler(lambda notice: self.notices.append(notice.message_primary))
        self.connection.execute("SET statement_timeout = '60s'")

    def rows(self, sql):
        return self.connection.execute(sql).fetchall()

    def catalog(self):
        return dict(self.rows(CATALOG))

    def read_by_views(self):
        """The tables that each view reads, and whether row security protects them."""
        return dict(self.rows(READ_BY_VIEWS))

    def execute(self, sql):
        """None, or SQLSTATE and message."""
        try:
            self.connection.execute(sql)
        except psycopg.Error as error:
            if self.connection.closed:
                self.open()
            return error.sqlstate or "", str(error.diag.message_primary or error)
        return None

    def begin(self):
        self.connection.execute("BEGIN")

    def end(self):
        """Whatever is open, committed; a transaction that failed rolls back."""
        if self.connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            self.execute("COMMIT")

    def settle(self):
        """A transaction that takes statements, whatever the file's own `COMMIT` or `ROLLBACK` left."""
        status = self.connection.info.transaction_status
        if status == psycopg.pq.TransactionStatus.INERROR:
            self.execute("ROLLBACK")
        if status != psycopg.pq.TransactionStatus.INTRANS:
            self.begin()

    def in_savepoint(self, sql):
        self.settle()
        self.connection.execute("SAVEPOINT here")
        failed = self.execute(sql)
        if self.connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            self.begin()
        else:
            # Savepoints that stay would lie one in the other.
            self.connection.execute("ROLLBACK TO here; RELEASE here" if failed else "RELEASE here")
        return failed

    # ------------------------------------------------------------------------------------------------ a history

    def whole(self, text):
        """Runs a file in one transaction: what goes wrong, or None."""
        self.execute("RESET ALL")
        self.begin()
        for start, stop in split(text):
            failed = self.execute(self.sent(text[start:stop]))
            if failed:
                self.execute("ROLLBACK")
                return failed
        self.end()
        return None

    def by_statement(self, text, watched=(), rows=True):
        """Runs a file statement by statement, and watches some: what was seen by number, and how many failed."""
        self.execute("RESET ALL")
        self.begin()
        self.known = {oid for oid, *_ in self.rows(HEAPS)}
        self.at_start = {name for (name,) in self.rows(NAMES)} if watched else set()
        self.own, self.with_rows = set(), rows
        seen, failures = {}, 0
        for number, (start, stop) in enumerate(split(text)):
            statement = self.sent(text[start:stop])
            if number in watched:
                seen[number] = self.watch(statement)
            failed = self.run(statement)
            if number + 1 in watched:
                self.own = {oid for oid, *_ in self.rows(HEAPS)} - self.known
            failures += failed is not None
        self.end()
        return seen, failures

    def run(self, statement):
        failed = self.in_savepoint(statement)
        if failed and failed[0] == "25001":
            self.end()
            failed = self.execute(statement)
            self.begin()
        return failed

    # ------------------------------------------------------------------------------------------------ a statement

    def watch(self, statement):
        """What the statement does, on stand-ins where objects are missing and with rows where they can be made."""
        self.settle()
        first = words(statement)[0]
        if first in ("begin", "commit", "end", "rollback", "start"):
            return self.look(statement, transaction=True)
        self.connection.execute("SAVEPOINT watched")
        made = []
        aside = self.server.connect(self.name, "postgres")
        aside.execute("SET lock_timeout = '20ms'")
        while True:
            filled = self.fill(statement)
            seen = self.look(statement)
            self.connection.execute("ROLLBACK TO watched")
            refused = seen.get("error")
            if filled and refused and refused[0][:2] in ("22", "23"):
                # Made-up rows are no proof that real ones fail.
                seen = self.look(statement)
                seen["with_rows"] = refused
                self.connection.execute("ROLLBACK TO watched")
            seen["rows"] = filled
            missing = seen.get("error") or next((said for said in seen["said"] if said.endswith(", skipping")), None)
            stand_in = stand_in_for(missing, statement) if missing else None
            if stand_in is None or stand_in in made or len(made) > 12:
                break
            made.append(stand_in)
            self.make(aside, stand_in)
        self.connection.execute("ROLLBACK TO watched; RELEASE watched")
        self.unmake(aside, made)
        if made:
            seen["stand_ins"] = made
        return seen

    def make(self, aside, stand_in):
        """Commits a stand-in beside the file's transaction, as something that was there before."""
        try:
            aside.execute(stand_in)
        except psycopg.Error:
            return
        self.known |= {oid for oid, *_ in self.rows(HEAPS)} - self.own

    def unmake(self, aside, made):
        for stand_in in reversed(made):
            if found := re.match(r"CREATE (TABLE|VIEW|MATERIALIZED VIEW|TYPE|SCHEMA|ROLE) (\S+)", stand_in):
                with contextlib.suppress(psycopg.Error):
                    aside.execute(f"DROP {found[1]} {found[2]}" + (" CASCADE" if found[1] != "ROLE" else ""))
        aside.close()

    def record(self, version):
        """What the history table of the Supabase CLI makes of the same version twice."""
        self.settle()
        self.connection.execute("SAVEPOINT recording")
        self.execute(
            "CREATE TABLE IF NOT EXISTS supabase_migrations.schema_migrations "
            "(version text NOT NULL PRIMARY KEY, statements text[], name text)"
        )
        insert = f"INSERT INTO supabase_migrations.schema_migrations (version) VALUES ('{version}')"
        failed = self.execute(insert) or self.execute(insert)
        self.connection.execute("ROLLBACK TO recording")
        return {"said": [], "error": failed}

    def fill(self, statement):
        """Two rows in each table that the statement names."""
        filled = {}
        for table in tables_of(statement) if self.with_rows else ():
            self.connection.execute("SAVEPOINT filling")
            try:
                count = self.rows(f"SELECT _dblsp.fill('{table}'::text)")[0][0]
                filled[table] = count
            except psycopg.Error:
                self.connection.execute("ROLLBACK TO filling; RELEASE filling")
        return filled

    def look(self, statement, transaction=False):
        before = self.catalog() if self.with_rows else {}
        heaps = {oid: (name, file) for oid, name, file in self.rows(HEAPS)}
        held = locks(self.rows(LOCKS))
        self.execute("DELETE FROM _dblsp.dropped")
        self.notices.clear()
        if transaction:
            failed = self.execute(statement)
            said = list(self.notices)
            idle = self.connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
            if idle:
                self.begin()
            return {"said": said, "ended": idle, "error": failed}
        self.connection.execute("SET LOCAL client_min_messages = debug1")
        self.connection.execute("SAVEPOINT looking")
        tag = None
        failed = None
        try:
            tag = self.connection.execute(statement).statusmessage
        except psycopg.Error as error:
            failed = (error.sqlstate or "", str(error.diag.message_primary or error))
            if error.diag.message_detail:
                failed += (error.diag.message_detail,)
            self.connection.execute("ROLLBACK TO looking")
        said = [line for line in self.notices if line and SAID.match(line)]
        if failed:
            return {"said": said, "error": failed}
        now = locks(self.rows(LOCKS))
        after = {oid: (name, file) for oid, name, file in self.rows(HEAPS)}
        new = {
            name: mode
            for (oid, name), mode in now.items()
            if oid in heaps and MODES.index(mode) > (MODES.index(held[oid, name]) if (oid, name) in held else -1)
        }
        old = {last(name) for oid, (name, _) in heaps.items() if oid in self.known}
        dropped = [line for (line,) in self.rows("SELECT said FROM _dblsp.dropped")]
        catalog = self.catalog() if self.with_rows else {}
        return {
            "tag": tag,
            "said": said,
            "locks": new,
            "held": {name: mode for (oid, name), mode in held.items() if oid in self.known},
            "new_tables": [name for oid, (name, _) in heaps.items() if oid not in self.known],
            "rewritten": [heaps[oid][0] for oid in heaps if oid in after and heaps[oid][1] != after[oid][1]],
            "dropped": dropped,
            "locks_of_old": {name: new[name] for oid, (name, _) in heaps.items() if oid in self.known and name in new},
            "work_on_old": [line for line in said if works(line, old, statement)],
            "old_gone": [line for line in dropped if last(line) in self.at_start or last(line) in old],
            "changed": [f"{name}: {before[name]} → {catalog[name]}" for name in before if name in catalog and before[name] != catalog[name]],
            "added": [f"{name}: {catalog[name]}" for name in catalog if name not in before],
        }


def last(name):
    """`a` of `column public.t.a`, `t.a` and `function public.a(integer)`."""
    bare = re.sub(r"^[a-z ]+ (?=[\w\"])", "", name).split("(")[0].split(" on ")[0]
    return bare.split(".")[-1].strip('" ')


def works(line, old, statement):
    """Whether a line of the server's tells of work on a relation that was there before."""
    if line.startswith(("rewriting table", "verifying table", "building index")):
        return last_quoted(line) in old
    named = [last(table) for table in tables_of(statement)]
    return line.startswith("validating foreign") and (not named or named[0] in old)


def last_quoted(line):
    return (re.findall(r'table "([^"]+)"', line) or [""])[-1]


def locks(rows):
    """The strongest mode by relation, without readers'."""
    strongest = {}
    for oid, name, mode in rows:
        if mode in MODES and MODES.index(mode) >= MODES.index(strongest.get((oid, name), "RowShareLock")):
            strongest[oid, name] = mode
    return strongest


def tables_of(statement):
    """Names of the relations that a statement changes or alters, as it writes them."""
    pattern = (
        r"^\s*(?:alter\s+table(?:\s+if\s+exists)?(?:\s+only)?|update(?:\s+only)?|delete\s+from|truncate(?:\s+table)?"
        r'|drop\s+table(?:\s+if\s+exists)?)\s+((?:"[^"]+"|[\w$]+)(?:\.(?:"[^"]+"|[\w$]+))?)'
    )
    bare = re.sub(r"^(\s*(--[^\n]*\n|/\*.*?\*/))*", "", statement, flags=re.DOTALL)
    return re.findall(pattern, bare, re.IGNORECASE)


NAME = r'"?([^"\s]+)"?'
STAND_INS = [
    (rf'^schema "{NAME[2:-2]}" does not exist', lambda m, s: f"CREATE SCHEMA {m[1]}"),
    (
        rf'^column "?{NAME[2:-2]}"? of relation "{NAME[2:-2]}" does not exist',
        lambda m, s: f'ALTER TABLE {target(s, m[2])} ADD COLUMN "{m[1]}" {guess(m[1])}',
    ),
    (
        r'^column "?([\w.]+)"? does not exist',
        lambda m, s: f'ALTER TABLE {aliased(s, m[1])} ADD COLUMN "{m[1].split(".")[-1]}" {guess(m[1])}',
    ),
    (
        r'^column "([^"]+)" (?:named in key|referenced in foreign key constraint) does not exist',
        lambda m, s: f'ALTER TABLE {target(s, "")} ADD COLUMN "{m[1]}" {guess(m[1])}',
    ),
    (
        r'^constraint "([^"]+)" of relation "([^"]+)" does not exist',
        lambda m, s: f'ALTER TABLE {target(s, m[2])} ADD CONSTRAINT "{m[1]}" CHECK (true)',
    ),
    (
        r'^policy "([^"]+)" for (?:relation|table) "([^"]+)" does not exist',
        lambda m, s: f'CREATE POLICY "{m[1]}" ON {target(s, m[2])} USING (true)',
    ),
    (r'^index "([^"]+)" does not exist', lambda m, s: index_for(m[1])),
    (r'^view "([^"]+)" does not exist', lambda m, s: f"CREATE VIEW {m[1]} AS SELECT 1 AS one"),
    (r'^materialized view "([^"]+)" does not exist', lambda m, s: f"CREATE MATERIALIZED VIEW {m[1]} AS SELECT 1 AS one"),
    (r'^(?:relation|table) "([^"]+)" does not exist', lambda m, s: f"CREATE TABLE {m[1]} (id uuid PRIMARY KEY DEFAULT gen_random_uuid())"),
    (r'^type "([^"]+)" does not exist', lambda m, s: f"CREATE TYPE {m[1]} AS ENUM ('a')"),
    (r'^role "([^"]+)" does not exist', lambda m, s: f'CREATE ROLE "{m[1]}"'),
    (
        r"^function ([^ ]+)\((.*)\) does not exist",
        lambda m, s: f"CREATE FUNCTION {m[1]}({m[2].replace('unknown', 'text')}) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    ),
]


def stand_in_for(missing, statement):
    """SQL that makes what the server missed; None where nothing can be made up."""
    said = missing[1] if isinstance(missing, tuple) else missing
    for pattern, make in STAND_INS:
        found = re.match(pattern, said)
        if found:
            return make(found, statement)
    return None


def target(statement, relation):
    """The table of a statement, as it is written there."""
    pattern = r'(?:\bon|\btable(?:\s+if\s+exists)?(?:\s+only)?|\binto|\bupdate|\bfrom)\s+((?:"[^"]+"|[\w$]+)(?:\.(?:"[^"]+"|[\w$]+))?)'
    named = re.findall(pattern, statement, re.IGNORECASE)
    fitting = [name for name in named if name.split(".")[-1].strip('"') == relation.split(".")[-1]]
    named = [name for name in named if not name.startswith(("pg_", "information_schema"))]
    return (fitting or named or [relation])[0]


def aliased(statement, column):
    """The table that a qualified column is read from."""
    qualifier = column.split(".")[-2] if "." in column else None
    pattern = rf"\b(?:from|join|update|into|,)\s+([\w.]+)\s+(?:as\s+)?{qualifier}\b"
    found = qualifier and re.search(pattern, statement, re.IGNORECASE)
    return found[1] if found else target(statement, "")


def guess(column):
    """A type that a column of that name may have."""
    name = column.split(".")[-1]
    if name == "id" or name.endswith("_id") or name.endswith("_by"):
        return "uuid"
    if name.endswith("_at"):
        return "timestamptz"
    if name.startswith(("is_", "has_")):
        return "boolean"
    return "text"


def index_for(name):
    schema = name.rsplit(".", 1)[0] if "." in name else "public"
    bare = name.rsplit(".", 1)[-1]
    return f"CREATE TABLE {schema}.stand_in (id bigint); CREATE INDEX {bare} ON {schema}.stand_in (id)"
