use crate::lint::prelude::*;

rule! {
    /// The Supabase CLI takes the snapshots for a declarative schema and plans changes from them.
    ///
    /// ## When
    /// Snapshots lie in `supabase/schemas/`, and `supabase/config.toml` does not tell the CLI to look for declarative
    /// schemas elsewhere, with both keys (the older and the newer CLI read different ones).
    ///
    /// ## Why
    /// `supabase db diff` and `supabase db schema declarative sync` read every `.sql` file below that folder as the schema
    /// that is wanted. The snapshots before and after each migration create the same tables many times over: the diff
    /// fails, or proposes to drop what is newer than the last snapshot that it read.
    ///
    /// ## Bad
    /// `supabase/config.toml` without these keys, and a file such as `supabase/schemas/v0.7.0_20251026211500.sql`.
    /// ```sql snapshots
    /// -- 20251026211500_v0_7_0_users.sql
    /// create table users (id bigint primary key);
    /// ```
    ///
    /// ## Good
    /// ```toml
    /// [db.migrations]
    /// schema_paths = ["./declarative/*.sql"]
    ///
    /// [experimental.pgdelta]
    /// declarative_schema_path = "./declarative"
    /// ```
    /// ```sql
    /// -- 20251026211500_v0_7_0_users.sql
    /// create table users (id bigint primary key);
    /// ```
    ///
    /// ## References
    /// - [Supabase: declarative schemas](https://supabase.com/docs/guides/local-development/declarative-database-schemas)
    "snapshots-read-as-declarative-schema",
    category: Category::Convention,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Project(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Some(config) = cx.snapshots_read_by_supabase() else {
        return;
    };
    report
        .add(Span::default(), "`supabase db diff` reads the snapshots in `schemas/` as the schema that is wanted")
        .help("Set `[db.migrations] schema_paths` and `[experimental.pgdelta] declarative_schema_path` to another folder.")
        .in_file(config);
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn the_finding_is_at_the_start_of_the_configuration() {
        let case = Case::new(&RULE).supabase();
        let mut history = case.history("-- 1_users.sql\nselect 1;");
        assert!(case.findings(&history).is_empty());
        history.snapshots_read_by_supabase = Some("supabase/config.toml".into());
        let found = case.findings(&history);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].path.as_str(), found[0].span.end), ("supabase/config.toml", 0));
    }
}
