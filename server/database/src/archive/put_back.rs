//! Puts kept rows back where they were.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{ArchiveError, about, key_columns};
use crate::connection::{Connection, ServerError, identifier, literal};

struct Archive {
    id: i64,
    /// Dotted, for people.
    relation: String,
    quoted: String,
    /// Of values of columns: these, and the key to find their rows by.
    columns: Option<(Vec<String>, Vec<String>)>,
}

/// Puts back everything that a run destroyed; the number of rows that were kept. Call it in a transaction, after the
/// script that makes the tables again. Triggers of users do not fire.
pub async fn put_back(connection: &mut Connection, run: i64) -> Result<u64, ArchiveError> {
    let (archives, rows) = kept(connection, run).await?;
    if archives.is_empty() {
        return Ok(0);
    }
    for archive in &archives {
        if !exists(connection, archive).await? {
            return Err(ArchiveError::NoTable(archive.relation.clone()));
        }
    }
    let tables: BTreeSet<String> = archives.iter().map(|archive| archive.quoted.clone()).collect();
    let order = parents_first(connection, &tables).await?;
    connection.execute("SET CONSTRAINTS ALL DEFERRED").await?;
    let triggers = silence(connection, &tables).await?;
    for table in &order {
        // The first copy is of the earliest moment: put back last, it has the last word.
        for archive in archives.iter().filter(|archive| archive.quoted == *table) {
            put(connection, archive).await.map_err(|error| match error {
                ArchiveError::Server(error) => ArchiveError::Refused {
                    relation: archive.relation.clone(),
                    error,
                },
                other => other,
            })?;
        }
        advance_sequences(connection, table).await?;
    }
    // Checks that were put off would make ALTER TABLE refuse.
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE").await?;
    for sql in triggers {
        connection.execute(&sql).await?;
    }
    Ok(rows)
}

/// Puts values back into the columns that a script has made again so far, for what comes next in it (NOT NULL, indexes).
/// [`put_back`] repeats that at the end and does the rest.
pub async fn put_back_columns(connection: &mut Connection, run: i64) -> Result<(), ArchiveError> {
    let (archives, _) = kept(connection, run).await?;
    for archive in archives.iter().filter(|archive| archive.columns.is_some()) {
        if !exists(connection, archive).await? {
            continue;
        }
        let triggers = silence(connection, &BTreeSet::from([archive.quoted.clone()])).await?;
        put(connection, archive).await?;
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE").await?;
        for sql in triggers {
            connection.execute(&sql).await?;
        }
    }
    Ok(())
}

async fn exists(connection: &mut Connection, archive: &Archive) -> Result<bool, ServerError> {
    let query = format!(
        "SELECT pg_catalog.to_regclass({}) IS NOT NULL",
        literal(&archive.quoted)
    );
    Ok(connection.value(&query).await?.as_deref() == Some("t"))
}

/// What a run kept, the latest first, and how many rows.
async fn kept(connection: &mut Connection, run: i64) -> Result<(Vec<Archive>, u64), ArchiveError> {
    let query = format!("SELECT id, relation, row_count FROM dblsp.archive WHERE run_id = {run} ORDER BY id DESC");
    let mut archives = Vec::new();
    let mut rows = 0;
    for row in connection.rows(&query).await? {
        let mut values = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || values.next().unwrap_or_default();
        let (id, relation) = (next().parse().unwrap_or_default(), next());
        rows += next().parse::<u64>().unwrap_or_default();
        let about = about(connection, id).await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |value: &Value| {
            value
                .as_array()
                .map(|list| list.iter().map(text).collect())
                .unwrap_or_default()
        };
        let what = &about["what"];
        archives.push(Archive {
            id,
            relation,
            quoted: format!(
                "{}.{}",
                identifier(&text(&about["schema"])),
                identifier(&text(&about["table"]))
            ),
            columns: (what["lost"] == "columns").then(|| (list(&what["columns"]), list(&what["key"]))),
        });
    }
    Ok((archives, rows))
}

async fn put(connection: &mut Connection, archive: &Archive) -> Result<(), ArchiveError> {
    let (id, quoted) = (archive.id, &archive.quoted);
    let list = |names: &[String]| {
        let names: Vec<String> = names.iter().map(|name| identifier(name)).collect();
        names.join(", ")
    };
    let typed = shared_columns(connection, archive).await?;
    let shared: Vec<String> = typed.iter().map(|column| column.name.clone()).collect();
    let value = |name: &String| {
        let kept = format!("a.{}", identifier(name));
        match typed
            .iter()
            .find(|column| column.name == *name)
            .map(|it| it.cast.as_str())
        {
            None | Some("") => kept,
            Some(cast) => format!("{kept}::{cast}"),
        }
    };
    if let Some((columns, key)) = &archive.columns {
        let columns: Vec<String> = columns
            .iter()
            .filter(|column| shared.contains(column))
            .cloned()
            .collect();
        if columns.is_empty() {
            return Ok(());
        }
        let set: Vec<String> = columns
            .iter()
            .map(|name| format!("{} = {}", identifier(name), value(name)))
            .collect();
        let by_key: Vec<String> = key
            .iter()
            .map(|name| format!("t.{} = {}", identifier(name), value(name)))
            .collect();
        let sql = format!(
            "UPDATE {quoted} t SET {} FROM dblsp.archive_{id} a WHERE {}",
            set.join(", "),
            by_key.join(" AND ")
        );
        return Ok(connection.execute(&sql).await?);
    }
    let key = key_columns(connection, quoted).await?;
    let names = list(&shared);
    let kept: Vec<String> = shared.iter().map(value).collect();
    let values: Vec<&String> = shared.iter().filter(|name| !key.contains(name)).collect();
    let on_conflict = if key.is_empty() {
        // A table that was made again is empty.
        String::new()
    } else if values.is_empty() {
        " ON CONFLICT DO NOTHING".to_owned()
    } else {
        let set: Vec<String> = values
            .iter()
            .map(|name| format!("{0} = EXCLUDED.{0}", identifier(name)))
            .collect();
        format!(" ON CONFLICT ({}) DO UPDATE SET {}", list(&key), set.join(", "))
    };
    let sql = format!(
        "INSERT INTO {quoted} ({names}) OVERRIDING SYSTEM VALUE SELECT {} FROM dblsp.archive_{id} a{on_conflict}",
        kept.join(", ")
    );
    Ok(connection.execute(&sql).await?)
}

/// A column that takes kept values back.
struct Column {
    name: String,
    /// What they must be made of again; empty where they are that already.
    cast: String,
}

/// Columns that both have and that can be written. Types that somebody made were kept as text.
async fn shared_columns(connection: &mut Connection, archive: &Archive) -> Result<Vec<Column>, ServerError> {
    let query = format!(
        "SELECT a.attname, CASE WHEN k.atttypid = 'text'::regtype AND t.typnamespace <> 'pg_catalog'::regnamespace
             THEN pg_catalog.format_type(a.atttypid, a.atttypmod) END
         FROM pg_catalog.pg_attribute a
         JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
         JOIN pg_catalog.pg_attribute k ON k.attname = a.attname AND k.attnum > 0 AND NOT k.attisdropped
             AND k.attrelid = 'dblsp.archive_{}'::regclass
         WHERE a.attrelid = {}::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
         ORDER BY a.attnum",
        archive.id,
        literal(&archive.quoted)
    );
    let column = |row: Vec<Option<String>>| {
        let mut values = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || values.next().unwrap_or_default();
        Column {
            name: next(),
            cast: next(),
        }
    };
    Ok(connection.rows(&query).await?.into_iter().map(column).collect())
}

/// Keeps users' triggers from firing, and says how each is put back as it was.
async fn silence(connection: &mut Connection, tables: &BTreeSet<String>) -> Result<Vec<String>, ServerError> {
    let mut restore = Vec::new();
    for table in tables {
        let query = format!(
            "SELECT pg_catalog.quote_ident(tgname), tgenabled FROM pg_catalog.pg_trigger
             WHERE tgrelid = {}::regclass AND NOT tgisinternal AND tgenabled <> 'D' ORDER BY tgname",
            literal(table)
        );
        for row in connection.rows(&query).await? {
            let mut values = row.into_iter().map(Option::unwrap_or_default);
            let (name, enabled) = (values.next().unwrap_or_default(), values.next().unwrap_or_default());
            let how = match enabled.as_str() {
                "A" => "ENABLE ALWAYS",
                "R" => "ENABLE REPLICA",
                _ => "ENABLE",
            };
            connection
                .execute(&format!("ALTER TABLE {table} DISABLE TRIGGER {name}"))
                .await?;
            restore.push(format!("ALTER TABLE {table} {how} TRIGGER {name}"));
        }
    }
    Ok(restore)
}

/// The tables in an order in which none refers to a later one, as far as there is such an order.
async fn parents_first(connection: &mut Connection, tables: &BTreeSet<String>) -> Result<Vec<String>, ServerError> {
    let names: Vec<String> = tables.iter().map(|table| literal(table)).collect();
    let query = format!(
        "SELECT child.name, parent.name FROM pg_catalog.pg_constraint c
         JOIN pg_catalog.unnest(ARRAY[{0}]::text[]) child (name) ON child.name::regclass = c.conrelid
         JOIN pg_catalog.unnest(ARRAY[{0}]::text[]) parent (name) ON parent.name::regclass = c.confrelid
         WHERE c.contype = 'f' AND c.conrelid <> c.confrelid",
        names.join(", ")
    );
    let mut edges: Vec<(String, String)> = Vec::new();
    for row in connection.rows(&query).await? {
        let mut values = row.into_iter().map(Option::unwrap_or_default);
        edges.push((values.next().unwrap_or_default(), values.next().unwrap_or_default()));
    }
    let mut open: Vec<String> = tables.iter().cloned().collect();
    let mut order = Vec::with_capacity(open.len());
    while !open.is_empty() {
        let is_free = |table: &String| {
            !edges
                .iter()
                .any(|(child, parent)| child == table && open.contains(parent))
        };
        let next = open.iter().position(is_free).unwrap_or(0);
        order.push(open.remove(next));
    }
    Ok(order)
}

/// A table that was made again has sequences that begin at one.
async fn advance_sequences(connection: &mut Connection, table: &str) -> Result<(), ServerError> {
    let query = format!(
        "SELECT pg_catalog.quote_ident(a.attname), s.seqrelid::regclass::text
         FROM pg_catalog.pg_depend d
         JOIN pg_catalog.pg_sequence s ON s.seqrelid = d.objid AND s.seqincrement > 0
         JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
         WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
             AND d.deptype IN ('a', 'i') AND d.refobjid = {}::regclass",
        literal(table)
    );
    for row in connection.rows(&query).await? {
        let mut values = row.into_iter().map(Option::unwrap_or_default);
        let (column, sequence) = (values.next().unwrap_or_default(), values.next().unwrap_or_default());
        connection
            .execute(&format!(
                "SELECT pg_catalog.setval({0}, m.highest) FROM (SELECT pg_catalog.max({column}) AS highest FROM {table}) m
                 WHERE m.highest >= (SELECT last_value FROM {sequence})",
                literal(&sequence)
            ))
            .await?;
    }
    Ok(())
}
