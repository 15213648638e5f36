//! The sizes of a live database's tables, as `dblsp baseline` wrote them down.

use std::path::Path;

use analysis::schema::price::{Size, Sizes};
use serde_json::Value;

use crate::files::Disk;

/// The file, beside `dblsp.toml`.
pub const FILE: &str = "dblsp.baseline.json";

/// The sizes of the project in `root`. None where there is no file, or none that can be read: they only add to what is
/// said, and `dblsp trace` tells when they are missing.
pub fn read(disk: &Disk, root: &Path) -> Sizes {
    let path = root.join(FILE);
    if !disk.is_file(&path) {
        return Sizes::default();
    }
    disk.read(&path)
        .ok()
        .and_then(|read| parse(&read.text))
        .unwrap_or_default()
}

/// What a text of such a file says.
pub fn parse(text: &str) -> Option<Sizes> {
    let value: Value = serde_json::from_str(text).ok()?;
    let tables = value.get("tables")?.as_object()?;
    let word = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or("?");
    let number = |table: &Value, key: &str| table.get(key).and_then(Value::as_u64);
    let size = |(name, table): (&String, &Value)| {
        let size = Size {
            rows: number(table, "rows"),
            bytes: number(table, "bytes")?,
            index_bytes: number(table, "index_bytes").unwrap_or_default(),
        };
        Some((name.clone(), size))
    };
    Some(Sizes {
        source: format!("{}, {}", word("environment"), word("measured")),
        tables: tables.iter().filter_map(size).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_nonsense_is_none() {
        let text = r#"{"version":1,"environment":"production","server_major":15,"measured":"2026-01-31T09:00:00Z",
            "tables":{"public.a":{"rows":5,"bytes":8192,"index_bytes":16384},"public.b":{"bytes":0,"index_bytes":0},
            "public.c":{"rows":1}}}"#;
        let sizes = parse(text).expect("sizes");
        assert_eq!(sizes.source, "production, 2026-01-31T09:00:00Z");
        assert_eq!(sizes.tables.len(), 2);
        assert_eq!(sizes.tables["public.a"].rows, Some(5));
        assert_eq!(sizes.tables["public.b"].rows, None);
        assert_eq!(parse("[1]"), None);
        assert_eq!(parse("{"), None);
    }
}
