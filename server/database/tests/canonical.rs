//! The reader of catalogs, on a hand-made schema with one object of every class.

mod support;

use std::collections::BTreeMap;

use database::canonical::{self, Known, Row};
use database::{Connection, Database, Shadow, Template};
use serde_json::{Value, json};

async fn database(shadow: &Shadow) -> (Database, Connection) {
    let database = shadow.database("c", Template::Plain).await.expect("a database");
    let session = database.connect().await.expect("a session");
    (database, session)
}

/// What a text of SQL adds to, changes in and takes from the rows of a fresh database.
async fn added(sql: &str) -> Option<Vec<Row>> {
    let shadow = support::shadow().await?;
    let (database, mut session) = database(&shadow).await;
    let mut harness = database.harness().await.expect("a session");
    let known = Known::read(&mut harness).await.expect("roles");
    let before = canonical::read(&mut harness, &known).await.expect("rows");
    session.execute(sql).await.expect("the schema is valid");
    let mut after = canonical::read(&mut harness, &known).await.expect("rows");
    assert!(after.is_sorted_by_key(|row| (row.class.clone(), row.identity.clone())));
    after.retain(|row| !before.contains(row));
    Some(after)
}

fn of<'a>(rows: &'a [Row], class: &str) -> BTreeMap<&'a str, Value> {
    let chosen = rows.iter().filter(|row| row.class == class);
    chosen.map(|row| (row.identity.as_str(), json!(row.facets))).collect()
}

fn expect(rows: &[Row], class: &str, expected: &[(&str, Value)]) {
    assert_eq!(of(rows, class), expected.iter().cloned().collect(), "{class}");
}

const SCHEMA: &str = r#"
CREATE SCHEMA app;
SET search_path = app;
CREATE TYPE mood AS ENUM ('sad', 'ok');
ALTER TYPE mood ADD VALUE 'meh' BEFORE 'ok';
CREATE TYPE pair AS (a integer, b mood);
CREATE DOMAIN email AS varchar(320) NOT NULL DEFAULT '' CONSTRAINT at_sign CHECK (VALUE ~ '@');
CREATE TYPE span AS RANGE (subtype = float8);
CREATE SEQUENCE counter AS smallint INCREMENT BY 5;
CREATE TABLE parent (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    "Odd Name" numeric(10, 2) DEFAULT 0,
    gone text,
    address email,
    total numeric GENERATED ALWAYS AS ("Odd Name" * 2) STORED,
    CONSTRAINT positive CHECK ("Odd Name" > 0)
);
ALTER TABLE parent DROP gone;
CREATE UNLOGGED TABLE child (
    a integer,
    parent_id bigint REFERENCES parent ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    UNIQUE (a, parent_id),
    EXCLUDE USING btree (a WITH =)
);
ALTER TABLE child ADD CONSTRAINT later CHECK (a > 0) NOT VALID;
CREATE TABLE event (at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE grandchild () INHERITS (child);
ALTER TABLE parent ENABLE ROW LEVEL SECURITY;
ALTER TABLE parent FORCE ROW LEVEL SECURITY;
CREATE INDEX lookup ON child USING btree (lower(a::text), a) INCLUDE (parent_id) WHERE a > 0;
CREATE VIEW seen WITH (security_invoker = true) AS SELECT id, address FROM parent;
CREATE MATERIALIZED VIEW stored AS SELECT a FROM child;
CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = app, pg_temp
    AS $$ BEGIN RETURN new; END $$;
CREATE FUNCTION list(x integer, OUT y text, VARIADIC z mood[]) RETURNS SETOF text LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT 'a' $$;
CREATE PROCEDURE proc() LANGUAGE sql AS $$ SELECT 1 $$;
CREATE AGGREGATE most(integer) (SFUNC = int4larger, STYPE = integer);
CREATE TRIGGER on_change BEFORE INSERT OR UPDATE OF a ON child FOR EACH ROW EXECUTE FUNCTION act();
CREATE CONSTRAINT TRIGGER checked AFTER DELETE ON child FOR EACH ROW EXECUTE FUNCTION act();
CREATE POLICY own ON parent AS RESTRICTIVE FOR UPDATE TO authenticated, anon USING (true);
CREATE POLICY all_of_it ON parent WITH CHECK (true);
CREATE RULE quiet AS ON DELETE TO child DO INSTEAD NOTHING;
CREATE STATISTICS both_columns ON a, parent_id FROM child;
CREATE EXTENSION citext;
CREATE ROLE clerk NOINHERIT CREATEDB;
GRANT anon TO clerk;
GRANT SELECT, INSERT ON parent TO clerk;
GRANT SELECT ON parent TO anon WITH GRANT OPTION;
GRANT UPDATE (address) ON parent TO clerk;
GRANT USAGE ON SCHEMA app TO PUBLIC;
REVOKE EXECUTE ON FUNCTION act() FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO clerk;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
CREATE PUBLICATION news FOR TABLE parent WITH (publish = 'insert, delete');
COMMENT ON TABLE parent IS 'old';
COMMENT ON COLUMN parent.address IS 'where';
COMMENT ON FUNCTION list(integer, mood[]) IS 'lists';
COMMENT ON CONSTRAINT positive ON parent IS 'more than nothing';
CREATE OPERATOR === (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4eq);
CREATE COLLATION german FROM "C";
CREATE CAST (pair AS mood) WITH INOUT;
"#;

#[tokio::test]
async fn every_class_has_its_rows() {
    let Some(rows) = added(SCHEMA).await else { return };
    let rows = &rows;
    expect(rows, "schema", &[("app", json!({}))]);
    let table = |kind: &str, strategy: Value, of: Value, inherits: Value| {
        json!({"persistence": "p", "kind": kind, "rls": false, "force_rls": false, "partition_strategy": strategy,
            "partition_of": of, "inherits": inherits})
    };
    let mut parent = table("r", Value::Null, Value::Null, json!([]));
    parent["rls"] = json!(true);
    parent["force_rls"] = json!(true);
    let mut child = table("r", Value::Null, Value::Null, json!([]));
    child["persistence"] = json!("u");
    expect(
        rows,
        "table",
        &[
            ("app.parent", parent),
            ("app.child", child),
            ("app.event", table("p", json!("r"), Value::Null, json!([]))),
            ("app.event_1", table("r", Value::Null, json!("app.event"), json!([]))),
            (
                "app.grandchild",
                table("r", Value::Null, Value::Null, json!(["app.child"])),
            ),
        ],
    );
    let column = |kind: &str, position: u32, not_null: bool| {
        json!({"type": kind, "position": position, "not_null": not_null, "has_default": false, "identity": "",
            "generated": ""})
    };
    let with = |mut column: Value, name: &str, value: Value| {
        column[name] = value;
        column
    };
    expect(
        rows,
        "column",
        &[
            ("app.parent.id", with(column("bigint", 1, true), "identity", json!("a"))),
            (
                "app.parent.Odd Name",
                with(column("numeric(10,2)", 2, false), "has_default", json!(true)),
            ),
            ("app.parent.address", column("app.email", 3, false)),
            (
                "app.parent.total",
                with(column("numeric", 4, false), "generated", json!("s")),
            ),
            ("app.child.a", column("integer", 1, false)),
            ("app.child.parent_id", column("bigint", 2, false)),
            ("app.event.at", column("date", 1, true)),
            ("app.event_1.at", column("date", 1, true)),
            ("app.grandchild.a", column("integer", 1, false)),
            ("app.grandchild.parent_id", column("bigint", 2, false)),
        ],
    );
    let constraint = |kind: &str, columns: &[&str]| {
        json!({"kind": kind, "columns": columns, "references": null, "referenced_columns": [], "on_delete": null,
            "on_update": null, "deferrable": false, "deferred": false, "validated": true})
    };
    expect(
        rows,
        "constraint",
        &[
            ("app.parent.parent_pkey", constraint("p", &["id"])),
            ("app.parent.positive", constraint("c", &["Odd Name"])),
            (
                "app.child.child_parent_id_fkey",
                json!({"kind": "f", "columns": ["parent_id"], "references": "app.parent",
                    "referenced_columns": ["id"], "on_delete": "c", "on_update": "a", "deferrable": true,
                    "deferred": true, "validated": true}),
            ),
            ("app.child.child_a_parent_id_key", constraint("u", &["a", "parent_id"])),
            ("app.child.child_a_excl", constraint("x", &["a"])),
            (
                "app.child.later",
                with(constraint("c", &["a"]), "validated", json!(false)),
            ),
            // A new table has no rows to check.
            ("app.grandchild.later", constraint("c", &["a"])),
        ],
    );
    let index = |table: &str, keys: Value, unique: bool, primary: bool| {
        json!({"table": table, "unique": unique, "primary": primary, "method": "btree", "keys": keys, "include": [],
            "partial": false, "valid": true})
    };
    let lookup = with(
        index("app.child", json!([null, "a"]), false, false),
        "include",
        json!(["parent_id"]),
    );
    expect(
        rows,
        "index",
        &[
            ("app.parent_pkey", index("app.parent", json!(["id"]), true, true)),
            (
                "app.child_a_parent_id_key",
                index("app.child", json!(["a", "parent_id"]), true, false),
            ),
            ("app.child_a_excl", index("app.child", json!(["a"]), false, false)),
            ("app.lookup", with(lookup, "partial", json!(true))),
        ],
    );
    expect(
        rows,
        "view",
        &[(
            "app.seen",
            json!({"columns": ["id", "address"], "security_invoker": true}),
        )],
    );
    expect(
        rows,
        "materialized_view",
        &[("app.stored", json!({"columns": ["a"], "security_invoker": false}))],
    );
    let function = |kind: &str, returns: &str, language: &str| {
        json!({"kind": kind, "returns": returns, "language": language, "volatility": "v", "security_definer": false,
            "strict": false, "search_path": null})
    };
    let act = with(function("f", "trigger", "plpgsql"), "security_definer", json!(true));
    let list = with(function("f", "SETOF text", "sql"), "volatility", json!("i"));
    expect(
        rows,
        "function",
        &[
            ("app.act()", with(act, "search_path", json!("app, pg_temp"))),
            ("app.list(integer, app.mood[])", with(list, "strict", json!(true))),
            (
                "app.most(integer)",
                with(function("a", "integer", "internal"), "volatility", json!("i")),
            ),
            ("app.proc()", function("p", "void", "sql")),
        ],
    );
    let trigger = |timing: &str, events: &[&str], constraint: bool| {
        json!({"function": "app.act", "timing": timing, "events": events, "row": true, "enabled": "O",
            "constraint": constraint})
    };
    expect(
        rows,
        "trigger",
        &[
            ("app.child.on_change", trigger("BEFORE", &["INSERT", "UPDATE"], false)),
            ("app.child.checked", trigger("AFTER", &["DELETE"], true)),
        ],
    );
    expect(
        rows,
        "policy",
        &[
            (
                "app.parent.own",
                json!({"command": "UPDATE", "permissive": false, "roles": ["anon", "authenticated"], "using": true,
                    "check": false}),
            ),
            (
                "app.parent.all_of_it",
                json!({"command": "ALL", "permissive": true, "roles": ["public"], "using": false, "check": true}),
            ),
        ],
    );
    expect(rows, "enum", &[("app.mood", json!({"labels": ["sad", "meh", "ok"]}))]);
    expect(
        rows,
        "composite",
        &[("app.pair", json!({"attributes": [["a", "integer"], ["b", "app.mood"]]}))],
    );
    expect(
        rows,
        "domain",
        &[(
            "app.email",
            json!({"base": "character varying(320)", "not_null": true, "has_default": true,
                "constraints": ["at_sign"]}),
        )],
    );
    expect(rows, "range", &[("app.span", json!({"subtype": "double precision"}))]);
    expect(
        rows,
        "sequence",
        &[
            (
                "app.counter",
                json!({"type": "smallint", "increment": 5, "owned_by": null}),
            ),
            (
                "app.parent_id_seq",
                json!({"type": "bigint", "increment": 1, "owned_by": "app.parent.id"}),
            ),
        ],
    );
    expect(rows, "extension", &[("citext", json!({"schema": "app"}))]);
    expect(
        rows,
        "role",
        &[(
            "clerk",
            json!({"login": false, "bypassrls": false, "superuser": false, "inherit": false, "createdb": true,
                "createrole": false}),
        )],
    );
    assert!(of(rows, "membership").contains_key("anon.clerk"));
    expect(
        rows,
        "grant",
        &[
            ("table:app.parent:clerk", json!({"privileges": ["INSERT", "SELECT"]})),
            ("table:app.parent:anon", json!({"privileges": ["SELECT*"]})),
            ("column:app.parent.address:clerk", json!({"privileges": ["UPDATE"]})),
            ("schema:app:public", json!({"privileges": ["USAGE"]})),
            (
                "function:app.list(integer, app.mood[]):public",
                json!({"privileges": ["EXECUTE"]}),
            ),
            ("function:app.proc():public", json!({"privileges": ["EXECUTE"]})),
            ("function:app.most(integer):public", json!({"privileges": ["EXECUTE"]})),
            ("enum:app.mood:public", json!({"privileges": ["USAGE"]})),
            ("composite:app.pair:public", json!({"privileges": ["USAGE"]})),
            ("domain:app.email:public", json!({"privileges": ["USAGE"]})),
            ("range:app.span:public", json!({"privileges": ["USAGE"]})),
        ],
    );
    expect(
        rows,
        "default_privilege",
        &[
            ("postgres.app.r.clerk", json!({"privileges": ["SELECT"]})),
            ("postgres..f.postgres", json!({"privileges": ["EXECUTE"]})),
        ],
    );
    expect(
        rows,
        "publication",
        &[("news", json!({"all_tables": false, "operations": ["delete", "insert"]}))],
    );
    expect(rows, "publication_table", &[("news.app.parent", json!({}))]);
    expect(
        rows,
        "comment",
        &[
            ("table:app.parent", json!({"text": "old"})),
            ("column:app.parent.address", json!({"text": "where"})),
            ("function:app.list(integer, app.mood[])", json!({"text": "lists"})),
            ("constraint:app.parent.positive", json!({"text": "more than nothing"})),
        ],
    );
    expect(rows, "rule", &[("app.child.quiet", json!({}))]);
    expect(
        rows,
        "statistics",
        &[("app.both_columns", json!({"table": "app.child"}))],
    );
    expect(rows, "operator", &[("app.===(integer, integer)", json!({}))]);
    expect(rows, "collation", &[("app.german", json!({}))]);
    expect(rows, "cast", &[("app.pair AS app.mood", json!({}))]);
}

#[tokio::test]
async fn a_stub_s_objects_belong_to_the_extension() {
    let Some(rows) = added("SELECT _dblsp.create_extension('pg_cron', false, NULL, 'public', false), _dblsp.create_extension('vector', false, NULL, 'public', false)").await
    else {
        return;
    };
    let found: Vec<&str> = rows.iter().map(|row| row.class.as_str()).collect();
    assert_eq!(found, ["extension", "extension"], "{rows:?}");
}

#[tokio::test]
async fn a_fresh_plain_database_is_all_but_empty() {
    let Some(shadow) = support::shadow().await else { return };
    let (database, _) = database(&shadow).await;
    let mut harness = database.harness().await.expect("a session");
    let known = Known::read(&mut harness).await.expect("roles");
    let rows = canonical::read(&mut harness, &known).await.expect("rows");
    let names: Vec<String> = rows
        .iter()
        .map(|row| format!("{} {}", row.class, row.identity))
        .collect();
    let expected = [
        "comment schema:public",
        "extension plpgsql",
        "grant schema:public:public",
        "schema public",
    ];
    assert_eq!(names, expected);
}
