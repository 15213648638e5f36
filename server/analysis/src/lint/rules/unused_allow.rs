use crate::lint::prelude::*;

rule! {
    /// A `-- dblsp: allow` comment that allows nothing hides the next mistake.
    ///
    /// ## When
    /// An `allow` or `allow-file` comment names a rule that finds nothing where the comment reaches: its own line, the
    /// next line of code, or the whole next statement when it stands between statements. Rules that the settings turn
    /// off are not reported.
    ///
    /// ## Why
    /// A suppression that outlives its reason silences findings that nobody has judged.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_name.sql
    /// -- dblsp: allow drop-column (moved to profiles)
    /// alter table users add column name text;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_name.sql
    /// alter table users add column name text;
    /// ```
    ///
    /// ## References
    /// - [SQL comments](https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-COMMENTS)
    "unused-allow",
    category: Category::Convention,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Migration(found_elsewhere),
}

/// The findings come from where `allow` comments are heeded, after every other rule.
fn found_elsewhere(_cx: &Cx<'_>, _report: &mut Report) {}
