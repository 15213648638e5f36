use crate::lint::prelude::*;

rule! {
    /// A `-- dblsp: allow` comment names a rule that does not exist.
    ///
    /// ## When
    /// The word after `allow` or `allow-file` is not the name of a rule.
    ///
    /// ## Why
    /// The comment does nothing: a typing mistake, or a rule that was renamed.
    ///
    /// ## Bad
    /// ```sql
    /// -- dblsp: allow drop-colum (moved to profiles)
    /// alter table users add column name text;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- dblsp: allow drop-column (moved to profiles)
    /// alter table users drop column name;
    /// ```
    ///
    /// ## References
    /// - [SQL comments](https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-COMMENTS)
    "unknown-allow",
    category: Category::Convention,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Migration(found_elsewhere),
}

/// The findings come from where `allow` comments are heeded, after every other rule.
fn found_elsewhere(_cx: &Cx<'_>, _report: &mut Report) {}
