//! Rows that are made up: in every table some, with NULLs and with values at the edge of what their type can hold; and
//! how the rows of two moments differ.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use super::bench::{Bench, Stop};
use crate::connection::{Connection, ServerError, identifier, literal};

/// How many rows a table gets.
const ROWS: usize = 6;
/// How often another value is tried where a constraint refuses the first.
const TRIES: usize = 6;

struct Table {
    /// Dotted, as the capture writes it.
    shown: String,
    quoted: String,
    columns: Vec<Column>,
    /// Referring columns, referred table, referred columns.
    foreign: Vec<(Vec<String>, String, Vec<String>)>,
}

struct Column {
    name: String,
    /// The type beneath all domains.
    ty: String,
    /// The type as it is declared.
    declared: String,
    is_nullable: bool,
    /// Labels of an enum.
    labels: Vec<String>,
    /// Texts that the table's constraints mention.
    hints: Vec<String>,
    is_key: bool,
}

/// Puts rows into every table that users made; the tables that stay empty all the same.
pub(super) async fn fill(bench: &mut Bench) -> Result<Vec<String>, Stop> {
    let harness = bench.readers.session();
    let tables = tables(harness).await?;
    // Neither triggers nor row security: what they do is not the migration's.
    harness
        .execute("SET session_replication_role = replica; SET statement_timeout = '20s'")
        .await?;
    let mut empty = Vec::new();
    for table in &tables {
        for number in 0..ROWS {
            insert(harness, table, number).await?;
        }
        let any = format!("SELECT EXISTS (SELECT FROM {})", table.quoted);
        if harness.value(&any).await?.as_deref() != Some("t") {
            empty.push(table.shown.clone());
        }
    }
    harness.execute("RESET ALL").await?;
    Ok(empty)
}

/// Tries values until the server takes a row; none where it takes none.
async fn insert(harness: &mut Connection, table: &Table, number: usize) -> Result<(), ServerError> {
    for attempt in 0..TRIES {
        let names: Vec<String> = table.columns.iter().map(|column| identifier(&column.name)).collect();
        let values: Vec<String> = table
            .columns
            .iter()
            .map(|column| value_of(table, column, number, attempt))
            .collect();
        let sql = if names.is_empty() {
            format!("INSERT INTO {} DEFAULT VALUES", table.quoted)
        } else {
            format!(
                "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})",
                table.quoted,
                names.join(", "),
                values.join(", ")
            )
        };
        match harness.execute(&sql).await {
            Ok(()) => return Ok(()),
            Err(error) if error.is_connection_lost() => return Err(error),
            Err(_) => {}
        }
    }
    Ok(())
}

fn value_of(table: &Table, column: &Column, number: usize, attempt: usize) -> String {
    let foreign = table
        .foreign
        .iter()
        .find_map(|(own, parent, theirs)| Some((parent, &theirs[own.iter().position(|name| *name == column.name)?])));
    let is_null = column.is_nullable && (number + attempt) % 3 == 2;
    if let Some((parent, theirs)) = foreign {
        if is_null || *parent == table.quoted {
            return if column.is_nullable {
                "NULL".into()
            } else {
                made_up(column, number, attempt)
            };
        }
        return format!(
            "(SELECT {0} FROM {parent} ORDER BY 1 OFFSET {number} % (SELECT greatest(count(*), 1) FROM {parent}) LIMIT 1)",
            identifier(theirs)
        );
    }
    if is_null {
        return "NULL".into();
    }
    made_up(column, number, attempt)
}

/// A value of the column's type. Key values count up; others go through the edges of their type; later attempts are
/// plainer, and ask the constraints for words.
fn made_up(column: &Column, number: usize, attempt: usize) -> String {
    let at = number + attempt;
    let choose = |list: &[&str]| literal(list[at % list.len()]);
    if !column.labels.is_empty() {
        return literal(&column.labels[at % column.labels.len()]);
    }
    if attempt > 0 && !column.hints.is_empty() {
        return literal(&column.hints[at % column.hints.len()]);
    }
    let plain = attempt % 2 == 1 || column.is_key;
    let ty = column.ty.split('(').next().unwrap_or_default().trim();
    let value = match ty {
        "smallint" | "integer" | "bigint" if plain => literal(&(number + 1).to_string()),
        "smallint" => choose(&["0", "-32768", "32767", "1", "-1", "2"]),
        "integer" => choose(&["0", "-2147483648", "2147483647", "1", "-1", "2"]),
        "bigint" => choose(&["0", "-9223372036854775808", "9223372036854775807", "1", "-1", "2"]),
        "numeric" | "real" | "double precision" if plain => choose(&["1", "0", "0.5", "2", "3", "4"]),
        "numeric" => choose(&["0", "-0.001", "0.999", "1", "-1", "NaN"]),
        "real" | "double precision" => choose(&["0", "-0", "Infinity", "NaN", "1e-30", "-1.5"]),
        "boolean" => choose(&["true", "false"]),
        "text" | "character varying" | "character" | "name" if plain => literal(&format!("v{number}")),
        "text" | "character varying" => choose(&["", "a", "it's \"ü\" 漢 🙂", " \t\n", "NULL", "%_\\"]),
        "bytea" => choose(&["", "\\x00ff", "\\xdeadbeef"]),
        "uuid" => literal(&format!("00000000-0000-4000-8000-{:012x}", number + 1)),
        "date" => choose(&[
            "2000-01-01",
            "infinity",
            "-infinity",
            "0001-01-01 BC",
            "9999-12-31",
            "2024-02-29",
        ]),
        "timestamp without time zone" | "timestamp with time zone" => choose(&[
            "2000-01-01 00:00:00",
            "infinity",
            "-infinity",
            "2024-02-29 23:59:59.999999",
            "1970-01-01",
            "0044-03-15 BC",
        ]),
        "time without time zone" | "time with time zone" => choose(&["00:00:00", "23:59:59.999999", "24:00:00"]),
        "interval" => choose(&["0", "1 month -1 day", "-178000000 years"]),
        "json" | "jsonb" => choose(&["{}", "[]", "null", "{\"a\": [1, \"ü\"]}", "0", "\"\""]),
        "inet" | "cidr" => choose(&["10.0.0.1", "::1", "192.168.0.0"]),
        "macaddr" => choose(&["08:00:2b:01:02:03", "00:00:00:00:00:00"]),
        "bit" | "bit varying" => choose(&["1", "0"]),
        "point" => choose(&["(0,0)", "(-1,1e10)"]),
        "xml" => choose(&["<a/>", "text"]),
        "money" => choose(&["0", "-1.5"]),
        "tsvector" => choose(&["", "a b"]),
        "tsquery" => choose(&["a", "a & b"]),
        other if other.ends_with("[]") => choose(&["{}", "{NULL}"]),
        other if other.ends_with("range") => choose(&["empty", "(,)"]),
        other if other.ends_with("vector") => literal(&format!("[{}]", vec!["0.5"; dimensions(&column.ty)].join(","))),
        // Composite types are rows; of others nobody here knows more than that many are written as texts.
        _ => return format!("CAST({} AS {})", choose(&["", "()", "a", "1"]), column.declared),
    };
    format!("CAST({value} AS {})", column.declared)
}

fn dimensions(ty: &str) -> usize {
    let inside = ty
        .split('(')
        .nth(1)
        .and_then(|rest| rest.trim_end_matches(')').parse().ok());
    inside.unwrap_or(3)
}

/// The tables that users made, those before that others refer to.
async fn tables(harness: &mut Connection) -> Result<Vec<Table>, ServerError> {
    let rows = harness.rows(include_str!("../queries/fillable.sql")).await?;
    let mut open: Vec<Table> = rows.into_iter().filter_map(table).collect();
    let mut sorted: Vec<Table> = Vec::with_capacity(open.len());
    while !open.is_empty() {
        let is_free = |table: &Table| {
            let waits = |(_, parent, _): &(Vec<String>, String, Vec<String>)| {
                *parent != table.quoted && open.iter().any(|other| other.quoted == *parent)
            };
            !table.foreign.iter().any(waits)
        };
        // In a circle there is no first: foreign keys are not checked while rows are made up.
        let next = open.iter().position(is_free).unwrap_or(0);
        sorted.push(open.remove(next));
    }
    Ok(sorted)
}

fn table(row: Vec<Option<String>>) -> Option<Table> {
    let mut values = row.into_iter().map(Option::unwrap_or_default);
    let (shown, quoted) = (values.next()?, values.next()?);
    let columns: Vec<Value> = serde_json::from_str(&values.next()?).ok()?;
    let foreign: Vec<Value> = serde_json::from_str(&values.next()?).ok()?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
    let column = |value: &Value| Column {
        name: text(&value["name"]),
        ty: text(&value["type"]),
        declared: text(&value["declared"]),
        is_nullable: value["nullable"] == json!(true),
        labels: list(&value["labels"]),
        hints: quoted_texts(&text(&value["checks"])),
        is_key: value["key"] == json!(true),
    };
    Some(Table {
        shown,
        quoted,
        columns: columns.iter().map(column).collect(),
        foreign: foreign
            .iter()
            .map(|value| (list(&value["own"]), text(&value["parent"]), list(&value["theirs"])))
            .collect(),
    })
}

/// `'a'` and `'b'` of `x = ANY (ARRAY['a'::text, 'b'::text])`: what a CHECK compares with may well pass it.
fn quoted_texts(definition: &str) -> Vec<String> {
    definition.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The rows of every table that users made: how many, and a hash of them in order. The order of columns means nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rows {
    tables: BTreeMap<String, (u64, String)>,
}

/// A table whose rows are others than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    table: String,
    before: Option<(u64, String)>,
    after: Option<(u64, String)>,
}

impl Rows {
    pub(super) async fn read(harness: &mut Connection) -> Result<Self, ServerError> {
        let names = harness.rows(include_str!("../queries/fillable.sql")).await?;
        let mut tables = BTreeMap::new();
        for row in names {
            let mut values = row.into_iter().map(Option::unwrap_or_default);
            let (shown, quoted) = (values.next().unwrap_or_default(), values.next().unwrap_or_default());
            let query = format!(
                "SELECT count(*), md5(coalesce(string_agg(r, E'\\n' ORDER BY r COLLATE \"C\"), ''))
                 FROM (SELECT to_jsonb(t)::text AS r FROM {quoted} t) rows"
            );
            let found = harness.rows(&query).await?.into_iter().next().unwrap_or_default();
            let mut found = found.into_iter().map(Option::unwrap_or_default);
            let count = found.next().and_then(|count| count.parse().ok()).unwrap_or_default();
            tables.insert(shown, (count, found.next().unwrap_or_default()));
        }
        Ok(Self { tables })
    }

    /// What is different in the second, of tables that both have: that a table is missing the catalog says.
    pub(super) fn compare(&self, other: &Self) -> Vec<Change> {
        let both = self.tables.iter().filter_map(|(table, before)| {
            let after = other.tables.get(table)?;
            (before != after).then(|| Change {
                table: table.clone(),
                before: Some(before.clone()),
                after: Some(after.clone()),
            })
        });
        both.collect()
    }
}

impl Change {
    /// Whether the rows are as they are at another moment.
    pub(super) fn is_as_in(&self, moment: &Rows) -> bool {
        moment.tables.get(&self.table) == self.after.as_ref()
    }

    fn counts(&self) -> (u64, u64) {
        let count = |side: &Option<(u64, String)>| side.as_ref().map_or(0, |(count, _)| *count);
        (count(&self.before), count(&self.after))
    }

    /// For programs.
    pub(super) fn to_json(&self) -> Value {
        let (before, after) = self.counts();
        json!({
            "class": "rows",
            "identity": self.table,
            "what": "changed",
            "facets": [{"name": "rows", "before": before, "after": after}],
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = self.counts();
        if before == after {
            write!(f, "rows of {} have other values than before", self.table)
        } else {
            write!(f, "rows of {} were {before} and are {after}", self.table)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_check_are_found() {
        assert_eq!(
            quoted_texts("CHECK ((state = ANY (ARRAY['open'::text, 'done'::text])))"),
            ["open", "done"]
        );
    }

    #[test]
    fn a_vector_has_as_many_numbers_as_its_type_says() {
        assert_eq!((dimensions("vector(4)"), dimensions("vector")), (4, 3));
    }
}
