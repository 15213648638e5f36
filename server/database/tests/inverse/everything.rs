//! All that a server says of a database, to see whether a rollback brings it back.

use std::collections::{BTreeMap, BTreeSet};

use database::Connection;
use database::canonical::{self, Known};

/// What PostgreSQL prints of every object.
const DEFINITIONS: &str = include_str!("definitions.sql");

/// Everything about a database, by class and name. Places of columns are left out: one that comes back is the last.
pub(crate) type Everything = BTreeSet<String>;

pub(crate) async fn everything(session: &mut Connection, known: &Known) -> Everything {
    let mut all = Everything::new();
    for mut row in canonical::read(session, known).await.expect("the catalog can be read") {
        row.facets.remove("position");
        if let Some(serde_json::Value::Array(attributes)) = row.facets.get_mut("attributes") {
            attributes.sort_by_key(ToString::to_string);
        }
        let facets: BTreeMap<_, _> = row.facets.into_iter().collect();
        all.insert(format!("{} {} {facets:?}", row.class, row.identity));
    }
    session.execute("set search_path = ''").await.expect("a setting");
    let rows = session.rows(DEFINITIONS).await.expect("definitions can be read");
    session.execute("reset search_path").await.expect("a setting");
    for row in rows {
        let words: Vec<String> = row
            .into_iter()
            .map(|value| sorted_acl(&value.unwrap_or_default()))
            .collect();
        all.insert(words.join(" "));
    }
    all
}

/// The grantees of access lists in one order.
fn sorted_acl(text: &str) -> String {
    let mut out = String::new();
    for part in text.split_inclusive('}') {
        match part.rfind('{') {
            Some(at) if part[at..].contains('=') && part[at..].contains('/') => {
                let mut items: Vec<&str> = part[at + 1..].trim_end_matches('}').split(',').collect();
                items.sort_unstable();
                out.push_str(&format!("{}{{{}}}", &part[..at], items.join(",")));
            }
            _ => out.push_str(part),
        }
    }
    out
}

pub(crate) fn difference(before: &Everything, after: &Everything) -> Option<String> {
    let missing = before.difference(after).map(|row| format!("    missing: {row}"));
    let added = after.difference(before).map(|row| format!("    added:   {row}"));
    let lines: Vec<String> = missing.chain(added).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}
