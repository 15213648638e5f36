//! Two texts of `pg_dump`, compared.

use std::collections::BTreeMap;

/// The text with columns and grants in one order: a column that comes back is the last of its table, and an access list
/// names first whoever was in it first.
pub(crate) fn normal(dump: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = dump.lines().collect();
    let mut at = 0;
    while at < lines.len() {
        let start = at;
        if opens_a_list(lines[at]) {
            let end = lines[at..].iter().position(|line| line.starts_with(')'));
            at += end.unwrap_or(1);
            for line in &mut lines[start + 1..at] {
                *line = line.trim_end_matches(',');
            }
            lines[start + 1..at].sort_unstable();
        } else if is_grant(lines[at]) {
            // Between two of them stands the comment that names the next.
            at += lines[at..].iter().position(|line| !is_grant(line)).unwrap_or(1);
            lines[start..at].sort_unstable();
        }
        at += 1;
    }
    lines
}

fn opens_a_list(line: &str) -> bool {
    let starts = [
        "CREATE TABLE ",
        "CREATE UNLOGGED TABLE ",
        "CREATE TYPE ",
        "CREATE FOREIGN TABLE ",
    ];
    line.ends_with('(') && !line.contains(" ENUM ") && starts.iter().any(|start| line.starts_with(start))
}

fn is_grant(line: &str) -> bool {
    line.starts_with("GRANT ") || line.starts_with("REVOKE ")
}

/// The lines that only one of them has.
pub(crate) fn difference(before: &str, after: &str) -> String {
    let mut counts: BTreeMap<&str, i32> = BTreeMap::new();
    normal(before)
        .into_iter()
        .for_each(|line| *counts.entry(line).or_default() -= 1);
    normal(after)
        .into_iter()
        .for_each(|line| *counts.entry(line).or_default() += 1);
    let lines = counts.into_iter().filter(|(_, count)| *count != 0);
    let lines: Vec<String> = lines
        .map(|(line, count)| format!("    {} {line}", if count < 0 { "missing:" } else { "added:  " }))
        .collect();
    if lines.is_empty() {
        return "    the same lines in another order".into();
    }
    lines.join("\n")
}
