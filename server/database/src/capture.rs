//! A database's catalogs at one moment, complete enough to tell whether two moments are the same.
//!
//! The flat rows of [`crate::canonical`] hold what replay can compute from text. A capture adds what only a server
//! knows: owners, function bodies, expressions as it prints them, storage, settings. Both sides of a comparison must come
//! from servers of one major version, because each prints expressions in its own way.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value, json};

use crate::canonical::{self, Row};
use crate::connection::{Connection, ServerError};
use crate::plan::checksum;

const ROLES: &str = include_str!("queries/roles.sql");
const DEFINITIONS: &str = include_str!("queries/definitions.sql");
/// Schemas of tools that keep their own books in the database: no migration makes them.
const TOOLS: &str = "'_dblsp', 'dblsp', 'supabase_migrations'";

/// Class and identity of a row.
pub type Name = (String, String);

/// What was in a database at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capture {
    /// 15 of 15.18.
    pub server_major: u32,
    /// Facets by object, everything but the tools' own schemas.
    pub objects: BTreeMap<Name, BTreeMap<String, Value>>,
}

impl Capture {
    /// Reads one moment. The session must not be in a transaction.
    pub async fn read(connection: &mut Connection) -> Result<Self, ServerError> {
        let server_major = connection.server_major();
        let rows = canonical::with_settings(connection, &query()).await?;
        Ok(Self::of(server_major, rows))
    }

    /// Reads what the open transaction sees, and leaves it with an empty search path.
    pub async fn read_in_transaction(connection: &mut Connection) -> Result<Self, ServerError> {
        let server_major = connection.server_major();
        let rows = canonical::in_transaction(connection, &query()).await?;
        Ok(Self::of(server_major, rows))
    }

    fn of(server_major: u32, rows: Vec<Row>) -> Self {
        let mut objects: BTreeMap<Name, BTreeMap<String, Value>> = BTreeMap::new();
        for row in rows {
            objects.entry((row.class, row.identity)).or_default().extend(row.facets);
        }
        Self { server_major, objects }
    }

    /// For storing.
    pub fn to_json(&self) -> Value {
        let rows = self.objects.iter();
        let rows =
            rows.map(|((class, identity), facets)| json!({"class": class, "identity": identity, "facets": facets}));
        json!({"server_major": self.server_major, "rows": rows.collect::<Vec<_>>()})
    }

    /// Reads what [`Self::to_json`] wrote; `None` where it is something else.
    pub fn from_json(value: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let mut objects = BTreeMap::new();
        for row in value["rows"].as_array()? {
            let facets = row["facets"].as_object()?.clone().into_iter().collect();
            objects.insert((text(&row["class"])?, text(&row["identity"])?), facets);
        }
        let server_major = u32::try_from(value["server_major"].as_u64()?).ok()?;
        Some(Self { server_major, objects })
    }

    /// Objects of kinds that nobody here looks into: whether they changed cannot be told, only whether they are there.
    pub fn unread(&self) -> impl Iterator<Item = &str> {
        let of_class = self.objects.keys().filter(|(class, _)| class == "unread");
        of_class.map(|(_, identity)| identity.as_str())
    }
}

fn objects() -> String {
    canonical::OBJECTS.replacen("'_dblsp'", TOOLS, 1)
}

fn query() -> String {
    canonical::query(&[&objects(), canonical::PARTS, ROLES], &[DEFINITIONS])
}

/// Two sessions that read a database which nobody changes meanwhile, each of them one half.
#[derive(Debug)]
pub(crate) struct Readers {
    sessions: [Connection; 2],
    halves: [String; 2],
}

impl Readers {
    /// Sessions of a superuser, that nobody else has a part in.
    pub(crate) fn new(mut sessions: [Connection; 2]) -> Self {
        for session in &mut sessions {
            session.keep_plans();
        }
        let flat = canonical::query(&[&objects(), canonical::PARTS], &[]);
        let definitions = format!("{}{}{ROLES}{DEFINITIONS}", objects(), canonical::PARTS);
        Self {
            sessions,
            halves: [flat, definitions],
        }
    }

    /// What depends on how is read: catalogs that were read in another way are not to be compared with these.
    pub(crate) fn key(&self) -> String {
        checksum(&self.halves.concat())
    }

    /// Has the server plan what it will be asked, which takes it as long as the answer.
    pub(crate) async fn plan(&mut self) -> Result<(), ServerError> {
        let [one, other] = &mut self.sessions;
        let [flat, definitions] = &self.halves;
        tokio::try_join!(canonical::plan(one, flat), canonical::plan(other, definitions))?;
        Ok(())
    }

    /// Reads.
    pub(crate) async fn read(&mut self) -> Result<Capture, ServerError> {
        let [one, other] = &mut self.sessions;
        let [flat, definitions] = &self.halves;
        let server_major = one.server_major();
        let (mut rows, more) = tokio::try_join!(
            canonical::with_settings(one, flat),
            canonical::with_settings(other, definitions)
        )?;
        rows.extend(more);
        Ok(Capture::of(server_major, rows))
    }

    /// One of the sessions, for other questions.
    pub(crate) fn session(&mut self) -> &mut Connection {
        &mut self.sessions[0]
    }

    pub(crate) async fn close(self) {
        for session in self.sessions {
            session.close().await;
        }
    }
}

/// How an object differs between two moments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `table`, `column`, `policy`, …
    pub class: String,
    /// Its name, dotted and unquoted.
    pub identity: String,
    /// What is different.
    pub what: What,
}

/// What is different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Only the first has it.
    Missing,
    /// Only the second has it.
    Added,
    /// Both have it, with these facets unlike.
    Changed(Vec<Facet>),
    /// A table with the same columns in another order: a column that was dropped and came back stands last.
    Reordered {
        /// Names in the first.
        before: Vec<String>,
        /// Names in the second.
        after: Vec<String>,
    },
}

/// One facet of an object in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    /// `type`, `definition`, `owner`, …
    pub name: String,
    /// In the first; null where it has none.
    pub before: Value,
    /// In the second.
    pub after: Value,
}

impl Difference {
    /// Whether a rollback may leave it: PostgreSQL has no way to put a column back at its place.
    pub fn is_only_order(&self) -> bool {
        matches!(self.what, What::Reordered { .. })
    }

    /// Class and identity.
    pub fn name(&self) -> Name {
        (self.class.clone(), self.identity.clone())
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        let mut out = json!({"class": self.class, "identity": self.identity});
        match &self.what {
            What::Missing => out["what"] = json!("missing"),
            What::Added => out["what"] = json!("added"),
            What::Changed(facets) => {
                out["what"] = json!("changed");
                let facets = facets.iter();
                let facets = facets.map(|f| json!({"name": f.name, "before": f.before, "after": f.after}));
                out["facets"] = facets.collect();
            }
            What::Reordered { before, after } => {
                out["what"] = json!("columns reordered");
                out["before"] = json!(before);
                out["after"] = json!(after);
            }
        }
        out
    }
}

impl fmt::Display for Difference {
    /// `policy public.a.own changed: using_expression (id = 1) → (id = 2)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.class, self.identity)?;
        match &self.what {
            What::Missing => f.write_str(" is missing"),
            What::Added => f.write_str(" is there and was not"),
            What::Changed(facets) => {
                f.write_str(" changed")?;
                for (at, facet) in facets.iter().enumerate() {
                    let mark = if at == 0 { ":" } else { "," };
                    write!(
                        f,
                        "{mark} {} {} → {}",
                        facet.name,
                        shown(&facet.before),
                        shown(&facet.after)
                    )?;
                }
                Ok(())
            }
            What::Reordered { before, after } => {
                write!(
                    f,
                    " has its columns in another order: {} → {}",
                    before.join(", "),
                    after.join(", ")
                )
            }
        }
    }
}

/// A facet's value on one line; long definitions are cut.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => return "none".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(120) {
        Some((cut, _)) => format!("`{}…`", &text[..cut]),
        None => format!("`{text}`"),
    }
}

/// Everything in which the second differs from the first, in order of class and identity.
pub fn compare(first: &Capture, second: &Capture) -> Vec<Difference> {
    compare_objects(&first.objects, &second.objects)
}

/// The same of objects alone.
pub fn compare_objects(
    first: &BTreeMap<Name, BTreeMap<String, Value>>,
    second: &BTreeMap<Name, BTreeMap<String, Value>>,
) -> Vec<Difference> {
    let names: BTreeSet<&Name> = first.keys().chain(second.keys()).collect();
    let mut found = Vec::new();
    for name in names {
        let what = match (first.get(name), second.get(name)) {
            (Some(_), None) => What::Missing,
            (None, Some(_)) => What::Added,
            (Some(before), Some(after)) => match facets(before, after, name.0 == "column") {
                unlike if unlike.is_empty() => continue,
                unlike => What::Changed(unlike),
            },
            (None, None) => continue,
        };
        found.push(Difference {
            class: name.0.clone(),
            identity: name.1.clone(),
            what,
        });
    }
    let (one, other) = (column_order(first), column_order(second));
    for (table, before) in one {
        let Some(after) = other.get(table) else { continue };
        // Where columns came or went, the numbers of the others move along; only their order among themselves counts.
        let kept_before: Vec<&str> = before.iter().copied().filter(|name| after.contains(name)).collect();
        let kept_after: Vec<&str> = after.iter().copied().filter(|name| before.contains(name)).collect();
        if kept_before != kept_after {
            found.push(Difference {
                class: "table".into(),
                identity: table.to_owned(),
                what: What::Reordered {
                    before: kept_before.into_iter().map(str::to_owned).collect(),
                    after: kept_after.into_iter().map(str::to_owned).collect(),
                },
            });
        }
    }
    found.sort_by_key(Difference::name);
    found
}

fn facets(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>, is_column: bool) -> Vec<Facet> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let value = |facets: &BTreeMap<String, Value>, name: &str| facets.get(name).cloned().unwrap_or_default();
    let mut out: Vec<Facet> = names
        .into_iter()
        .map(|name| Facet {
            name: name.clone(),
            before: value(before, name),
            after: value(after, name),
        })
        .collect();
    out.retain(|facet| facet.before != facet.after && !(is_column && facet.name == "position"));
    out
}

/// Column names of each table in order. A table's name may hold dots, so its rows say which tables there are.
fn column_order(objects: &BTreeMap<Name, BTreeMap<String, Value>>) -> BTreeMap<&str, Vec<&str>> {
    let mut out: BTreeMap<&str, Vec<(u64, &str)>> = BTreeMap::new();
    for ((class, identity), facets) in objects {
        if class != "column" {
            continue;
        }
        let dots = identity.match_indices('.').map(|(at, _)| at);
        let owner = dots
            .map(|at| identity.split_at(at))
            .rfind(|(table, _)| objects.contains_key(&("table".to_owned(), (*table).to_owned())));
        if let Some((table, column)) = owner {
            let position = facets.get("position").and_then(Value::as_u64).unwrap_or_default();
            out.entry(table).or_default().push((position, &column[1..]));
        }
    }
    let sorted = out.into_iter().map(|(table, mut columns)| {
        columns.sort_unstable();
        (table, columns.into_iter().map(|(_, name)| name).collect())
    });
    sorted.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(rows: &[(&str, &str, Value)]) -> Capture {
        let rows = rows.iter().map(|(class, identity, facets)| Row {
            class: (*class).to_owned(),
            identity: (*identity).to_owned(),
            facets: facets.as_object().expect("an object").clone().into_iter().collect(),
        });
        Capture::of(15, rows.collect())
    }

    fn columns(names: &[&str]) -> Capture {
        let mut rows = vec![("table", "app.t".to_owned(), json!({}))];
        for (at, name) in names.iter().enumerate() {
            rows.push(("column", format!("app.t.{name}"), json!({"position": at + 1})));
        }
        let rows: Vec<_> = rows
            .iter()
            .map(|(class, name, facets)| (*class, &**name, facets.clone()))
            .collect();
        capture(&rows)
    }

    #[test]
    fn facets_that_differ_are_named_with_both_values() {
        let one = capture(&[("table", "a.t", json!({"rls": true, "kind": "r"}))]);
        let other = capture(&[("table", "a.t", json!({"rls": false, "kind": "r"}))]);
        let expected = Difference {
            class: "table".into(),
            identity: "a.t".into(),
            what: What::Changed(vec![Facet {
                name: "rls".into(),
                before: json!(true),
                after: json!(false),
            }]),
        };
        assert_eq!(compare(&one, &other), [expected]);
        assert_eq!(compare(&one, &one), []);
    }

    #[test]
    fn a_column_that_came_back_last_is_one_named_difference() {
        let found = compare(&columns(&["a", "b", "c"]), &columns(&["a", "c", "b"]));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].is_only_order());
    }

    #[test]
    fn a_column_that_went_moves_no_other() {
        let found = compare(&columns(&["a", "b", "c"]), &columns(&["a", "c"]));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].what, What::Missing);
        assert_eq!(found[0].identity, "app.t.b");
    }

    #[test]
    fn columns_of_a_table_with_a_dot_in_its_name_are_its_own() {
        let one = |names: [&str; 2]| {
            capture(&[
                ("table", "app.t", json!({})),
                ("table", "app.t.u", json!({})),
                (
                    "column",
                    "app.t.u.x",
                    json!({"position": names.iter().position(|n| *n == "x").map(|p| p + 1)}),
                ),
                (
                    "column",
                    "app.t.u.y",
                    json!({"position": names.iter().position(|n| *n == "y").map(|p| p + 1)}),
                ),
            ])
        };
        let found = compare(&one(["x", "y"]), &one(["y", "x"]));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].identity, "app.t.u");
    }

    #[test]
    fn what_was_stored_is_read_back() {
        let one = capture(&[
            ("table", "a.t", json!({"rls": true})),
            ("unread", "transform x", json!({})),
        ]);
        assert_eq!(Capture::from_json(&one.to_json()).as_ref(), Some(&one));
        assert_eq!(one.unread().collect::<Vec<_>>(), ["transform x"]);
        assert_eq!(Capture::from_json(&json!({"rows": 1})), None);
    }
}
