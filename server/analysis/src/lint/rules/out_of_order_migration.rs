use crate::databases::{Environment, day};
use crate::lint::prelude::*;

rule! {
    /// A database has a later migration already, so this one would be applied out of order.
    ///
    /// ## When
    /// `dblsp status`, `apply`, `rollback`, `mark` or `drift` saw an environment that has a migration with a later
    /// timestamp, and not this one. Migrations on hold are meant to be left behind and are not reported. What was seen
    /// stays on this machine, in `.dblsp/`; `dblsp status` looks again.
    ///
    /// ## Why
    /// New databases run the files in the order of their timestamps, and this one runs them in another: what the file
    /// finds there was never tested, and may already hold what the later one made. `dblsp apply` refuses it, and so does
    /// `supabase db push` without `--include-all`. It comes about when a branch with an older timestamp is merged after a
    /// newer one was deployed.
    ///
    /// ## Bad
    /// ```sql
    /// -- 20251026211500_v0_7_0_users.sql
    /// create table users (id bigint primary key);
    /// -- 20251027090000_v0_7_0_posts.sql
    /// create table posts (id bigint primary key);
    /// -- databases/staging.sql
    /// -- applied: 20251027090000
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 20251027090000_v0_7_0_posts.sql
    /// create table posts (id bigint primary key);
    /// -- 20251028120000_v0_7_0_users.sql
    /// create table users (id bigint primary key);
    /// -- databases/staging.sql
    /// -- applied: 20251027090000
    /// ```
    ///
    /// ## References
    /// - [Supabase: database migrations](https://supabase.com/docs/guides/deployment/database-migrations)
    "out-of-order-migration",
    category: Category::Deployment,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Migration(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let migration = cx.migration();
    if migration.is_held() || migration.version.is_empty() {
        return;
    }
    let lacks = |environment: &&Environment| !environment.applied.contains_key(&migration.version);
    let has_later = |environment: &Environment| {
        let later = cx.names().skip(cx.file + 1);
        later
            .filter(|later| environment.applied.contains_key(later.version()))
            .last()
    };
    let passed = cx.databases().environments.iter().filter(lacks);
    let told: Vec<String> = passed
        .filter_map(|had| {
            let later = has_later(had)?.file_name();
            Some(format!("`{}` has `{later}` (seen {})", had.name, day(&had.seen)))
        })
        .collect();
    if !told.is_empty() {
        let message = format!("a later migration is applied already: {}", told.join(", "));
        report
            .add(cx.first_line(), message)
            .help("Give the file a newer timestamp, so that every database runs it last.");
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn the_newest_applied_file_is_named() {
        Case::new(&RULE).fires(
            "
-- 1_a.sql
select 1;
-- 2_b.sql
select 2;
-- @ warning: a later migration is applied already: `staging` has `4_d.sql` (seen 2025-10-27)
-- 3_c.sql
select 3;
-- 4_d.sql
select 4;
-- 5_e.sql
select 5;
-- databases/local.sql
-- applied: 1
-- databases/staging.sql
-- applied: 1
-- applied: 3
-- applied: 4
",
        );
    }

    #[test]
    fn what_is_on_hold_is_left_behind_on_purpose() {
        Case::new(&RULE).silent(
            "-- 1_a.sql\n-- dblsp: hold (later)\nselect 1;\n-- 2_b.sql\nselect 2;\n-- databases/staging.sql\n-- applied: 2",
        );
    }

    #[test]
    fn a_database_that_nobody_has_seen_says_nothing() {
        Case::new(&RULE).silent("-- 1_a.sql\nselect 1;\n-- 2_b.sql\nselect 2;");
        Case::new(&RULE)
            .silent("-- 1_a.sql\nselect 1;\n-- 2_b.sql\nselect 2;\n-- databases/staging.sql\n-- applied: 9");
    }

    #[test]
    fn a_file_without_a_version_has_no_place_in_the_order() {
        Case::new(&RULE).silent("-- a.sql\nselect 1;\n-- b.sql\nselect 2;\n-- 2_b.sql\nselect 2;");
    }
}
