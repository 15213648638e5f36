"""A throw-away PostgreSQL that holds what a new Supabase project holds: the judge of findings.

It is set up from the same SQL as the servers that dblsp starts itself, and driven without any of dblsp's code.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parents[2]
PRELUDE = ROOT / "server/analysis/src/schema/prelude"
HARNESS = ROOT / "server/database/src"
SUPERUSER = "supabase_admin"
MIGRATOR = "postgres"

# What is dropped, as the server itself lists it; rows stay until the transaction that dropped them ends.
WATCH = """
CREATE TABLE _dblsp.dropped (said text NOT NULL);
CREATE FUNCTION _dblsp.note_dropped() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO _dblsp.dropped
    SELECT object_type || ' ' || object_identity FROM pg_event_trigger_dropped_objects()
    WHERE NOT is_temporary AND object_type NOT IN ('type', 'toast table', 'default value', 'rule')
        AND object_identity !~ '^"RI_ConstraintTrigger'
        AND schema_name IS DISTINCT FROM 'pg_toast';
END
$$;
CREATE EVENT TRIGGER note_dropped ON sql_drop EXECUTE FUNCTION _dblsp.note_dropped();
GRANT SELECT, DELETE ON _dblsp.dropped TO PUBLIC;
"""

# Two rows with values of the right types, past foreign keys and triggers; a constraint may refuse them.
FILL = r"""
CREATE FUNCTION _dblsp.fill(wanted text) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET session_replication_role = replica AS $$
DECLARE
    names text;
    expressions text;
    made bigint;
BEGIN
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum),
        string_agg(CASE
            WHEN t.typname = 'uuid' THEN 'gen_random_uuid()'
            WHEN t.typtype = 'e' THEN quote_literal((SELECT enumlabel FROM pg_enum WHERE enumtypid = t.oid
                ORDER BY enumsortorder LIMIT 1)) || '::' || t.oid::regtype
            WHEN t.typcategory = 'S' THEN quote_literal('x') || ' || n'
            WHEN t.typcategory = 'N' THEN 'n'
            WHEN t.typcategory = 'B' THEN 'true'
            WHEN t.typcategory = 'D' THEN 'now()'
            WHEN t.typcategory = 'A' OR t.typname IN ('json', 'jsonb') THEN quote_literal('{}')
            WHEN t.typcategory = 'T' THEN quote_literal('1 day') || '::interval'
            WHEN t.typname IN ('inet', 'cidr') THEN quote_literal('127.0.0.1')
            ELSE 'NULL' END, ', ' ORDER BY a.attnum)
    INTO names, expressions
    FROM pg_attribute a
    JOIN pg_type d ON d.oid = a.atttypid
    JOIN pg_type t ON t.oid = CASE WHEN d.typtype = 'd' THEN d.typbasetype ELSE d.oid END
    WHERE a.attrelid = wanted::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        AND NOT (a.atthasdef OR a.attidentity <> '');
    IF names IS NULL THEN
        EXECUTE format('INSERT INTO %s DEFAULT VALUES', wanted::regclass);
        EXECUTE format('INSERT INTO %s DEFAULT VALUES', wanted::regclass);
    ELSE
        EXECUTE format('INSERT INTO %s (%s) SELECT %s FROM generate_series(1, 2) n', wanted::regclass, names,
            expressions);
    END IF;
    EXECUTE format('SELECT count(*) FROM %s', wanted::regclass) INTO made;
    RETURN made;
END
$$;
"""


def programs(major):
    """The folder with the server programs of a major version."""
    named = os.environ.get(f"DBLSP_PG_{major}")
    found = [named] if named else []
    if major == 15:
        found += [os.environ.get("DBLSP_PG_BIN") or "", f"/usr/lib/postgresql/{major}/bin"]
    for folder in found:
        if folder and (Path(folder) / "initdb").exists():
            return Path(folder)
    raise SystemExit(f"no PostgreSQL {major}: set DBLSP_PG_{major} to the folder with its programs")


def stubs():
    """Name, version, requirements and script of every extension that has a stand-in."""
    text = (HARNESS / "extensions.rs").read_text()
    block = text[text.index("stubs! {") : text.index("}", text.index("stubs! {"))]
    for name, version, needs in re.findall(r'"([^"]+)" "([^"]+)" \[([^\]]*)\];', block):
        script = (HARNESS / "extensions" / f"{name}.sql").read_text()
        yield name, version, re.findall(r'"([^"]+)"', needs), script


class Server:
    """A cluster of its own on a unix socket; gone when the block ends."""

    def __init__(self, major):
        self.major = major
        self.bin = programs(major)
        self.folder = Path(tempfile.mkdtemp(prefix="dblsp-judge-"))
        self.child = None
        # PostgreSQL does not run as root.
        self.become = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}

    def __enter__(self):
        if self.become:
            shutil.chown(self.folder, **{"user": "postgres", "group": "postgres"})
        data = self.folder / "data"
        subprocess.run(
            [self.bin / "initdb", "-D", data, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C", "-N"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
            **self.become,
        )
        options = {"listen_addresses": "", "unix_socket_directories": self.folder, "fsync": "off", "autovacuum": "off"}
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        self.child = subprocess.Popen(
            [self.bin / "postgres", "-D", data, *settings],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            **self.become,
        )
        self.fill()
        return self

    def __exit__(self, *_):
        # Sessions may still be open.
        self.child.send_signal(signal.SIGINT)
        self.child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self, database, user):
        return psycopg.connect(
            host=str(self.folder), dbname=database, user=user, autocommit=True, prepare_threshold=None
        )

    def fill(self):
        for _ in range(200):
            try:
                maintenance = self.connect("postgres", SUPERUSER)
                break
            except psycopg.OperationalError:
                time.sleep(0.05)
        else:
            raise SystemExit("the server did not start")
        with maintenance:
            maintenance.execute((PRELUDE / "roles.sql").read_text())
            maintenance.execute(f"CREATE DATABASE template_supabase OWNER {MIGRATOR}")
        with self.connect("template_supabase", SUPERUSER) as template:
            template.execute((HARNESS / "prelude/harness.sql").read_text())
            for stub in stubs():
                template.execute("INSERT INTO _dblsp.stub VALUES (%s, %s, %s, %s)", stub)
            template.execute((PRELUDE / "supabase.sql").read_text())
            template.execute(WATCH)
            template.execute(FILL)

    def database(self, name):
        """A new Supabase project's database."""
        with self.connect("postgres", SUPERUSER) as maintenance:
            maintenance.execute(f'CREATE DATABASE "{name}" OWNER {MIGRATOR} TEMPLATE template_supabase')
            maintenance.execute(f'ALTER DATABASE "{name}" SET search_path TO "$user", public, extensions')
        return name


CREATE_EXTENSION = re.compile(
    r"""^\s*create\s+extension\s+(if\s+not\s+exists\s+)?("[^"]+"|[\w-]+)(.*)$""", re.IGNORECASE | re.DOTALL
)


def sent(statement):
    """What to send for a statement: extensions are created for the role that may not, or a stand-in is."""
    found = CREATE_EXTENSION.match(re.sub(r"^(\s*(--[^\n]*\n|/\*.*?\*/))*", "", statement, flags=re.DOTALL))
    if not found:
        return statement
    name = found[2].strip('"')
    schema = re.search(r'schema\s+("[^"]+"|\w+)', found[3], re.IGNORECASE)
    place = "NULL" if not schema else "'" + schema[1].strip('"') + "'"
    tolerant, cascading = bool(found[1]), "cascade" in found[3].lower()
    return (
        f"SELECT _dblsp.create_extension('{name}', {tolerant}, {place}, pg_catalog.current_schema()::text, {cascading})"
    )
