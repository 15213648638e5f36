use crate::lint::context::Named;
use crate::lint::prelude::*;
use crate::settings::Runner;

rule! {
    /// Two migrations have the same version, so tools fail on one of them or never run it.
    ///
    /// ## When
    /// The leading digits of two files' names are the same. Tools that record whole names (Prisma) are exempt, and so are
    /// two files that differ in the name of a database product alone (`1_users.up.sql` and `1_users.postgres.up.sql`): tools
    /// that know of these take one of them.
    ///
    /// ## Why
    /// Tools record by version what is applied. Measured with the Supabase CLI: of two files with one version it runs the
    /// one that is applied already once more, and fails with `already exists` or on the primary key of its history table.
    /// Others take the second for applied and never run it.
    ///
    /// ## Bad
    /// ```sql
    /// -- 20251026211500_users.sql
    /// create table users (id bigint primary key);
    /// -- 20251026211500_posts.sql
    /// create table posts (id bigint primary key);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 20251026211500_users.sql
    /// create table users (id bigint primary key);
    /// -- 20251026211501_posts.sql
    /// create table posts (id bigint primary key);
    /// ```
    ///
    /// ## References
    /// - [Supabase: database migrations](https://supabase.com/docs/guides/deployment/database-migrations)
    "duplicate-version",
    category: Category::Convention,
    level: Level::Error,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Migration(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Some(own) = cx.names().nth(cx.file).filter(|own| is_recorded(cx, *own)) else {
        return;
    };
    let version = own.version();
    let mut others = cx
        .names()
        .filter(|other| other.number != cx.file && other.version() == version && is_recorded(cx, *other))
        .filter(|other| !are_variants(own.file_name(), other.file_name()));
    // One finding per pair: in the later file, unless only the earlier one is judged.
    let Some(other) = others.find(|other| other.number < cx.file || !other.is_judged()) else {
        return;
    };
    let effect = if cx.settings.runner == Runner::Supabase {
        "the Supabase CLI can apply only one of them, and fails"
    } else {
        "only one of them can be recorded as applied"
    };
    let message = format!("version {version} is also that of `{}`: {effect}", other.file_name());
    report
        .add(cx.first_line(), message)
        .help("Give the file a timestamp of its own.")
        .related(cx.head_of(other.number), "the same version is here");
}

/// Whether two names say for which product a file is, and nothing else tells them apart.
fn are_variants(one: &str, other: &str) -> bool {
    const PRODUCTS: &[&str] = &["cockroach", "mysql", "postgres", "postgresql", "sqlite", "sqlite3"];
    let parts = |name: &str| -> Vec<String> {
        let parts = name.split('.').filter(|part| !PRODUCTS.contains(part));
        parts.map(str::to_owned).collect()
    };
    one != other && parts(one) == parts(other)
}

/// Whether tools record a migration by its version. Prisma records the whole name of `<digits>_name/migration.sql`; the
/// Supabase CLI skips `005b_users.sql`: no `_` follows the digits.
fn is_recorded(cx: &Cx<'_>, migration: Named<'_>) -> bool {
    let version = migration.version();
    let is_skipped = cx.settings.runner == Runner::Supabase
        && migration
            .file_name()
            .strip_prefix(version)
            .is_some_and(|rest| !rest.starts_with('_'));
    let is_of_prisma = migration.path().ends_with("/migration.sql");
    !version.is_empty() && !is_skipped && !is_of_prisma
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn files_for_one_product_each_are_variants() {
        Case::new(&RULE).silent(
            "
-- 1_users.autocommit.up.sql
select 1;
-- 1_users.postgres.autocommit.up.sql
select 1;
",
        );
        Case::new(&RULE).fires(
            "
-- 1_users.up.sql
select 1;
-- 1_posts.postgres.up.sql
select 1;
-- @ error: version 1 is also that of `1_users.up.sql`
",
        );
    }

    #[test]
    fn every_further_file_of_a_version_is_reported() {
        Case::new(&RULE).supabase().fires(
            "
-- 20250101000000_a.sql
select 1;
-- 20250101000000_b.sql
select 1;
-- @ error: version 20250101000000 is also that of `20250101000000_a.sql`: the Supabase CLI can apply only one of them, and fails
-- 20250101000000_c.sql
select 1;
-- @ error: version 20250101000000 is also that of `20250101000000_a.sql`
-- 20250101000001_d.sql
select 1;
",
        );
    }

    #[test]
    fn the_earlier_file_tells_where_the_later_is_not_judged() {
        let case = Case::new(&RULE);
        let mut history = case.history("-- 1_a.sql\nselect 1;\n-- 1_b.sql\nselect 1;");
        history.migrations[1].judged = false;
        let found = case.findings(&history);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "1_a.sql");
    }

    #[test]
    fn what_the_supabase_cli_skips_is_exempt() {
        Case::new(&RULE)
            .supabase()
            .silent("-- 005_a.sql\nselect 1;\n-- 005b_b.sql\nselect 1;");
    }

    #[test]
    fn names_without_digits_have_no_version() {
        Case::new(&RULE).silent("-- a.sql\nselect 1;\n-- b.sql\nselect 1;");
    }
}
