use crate::lint::prelude::*;
use crate::settings::Naming;

rule! {
    /// The version in the file's name is lower than that of an earlier migration.
    ///
    /// ## When
    /// A name `<timestamp>_v<major>_<minor>_<patch>_….sql` carries a lower version than a file with an earlier timestamp.
    /// Files on hold (`-- dblsp: hold (reason)` in the first line) are prepared for a later version and left out.
    ///
    /// ## Why
    /// Migrations run in the order of their timestamps. A database at 0.8.0 that then applies a 0.7.1 is at neither;
    /// snapshots, tests and rollbacks, which are named by version, no longer say in which state it is.
    ///
    /// ## Bad
    /// ```sql
    /// -- 20251026211500_v0_8_0_users.sql
    /// create table users (id bigint primary key);
    /// -- 20251027090000_v0_7_1_posts.sql
    /// create table posts (id bigint primary key);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 20251026211500_v0_8_0_users.sql
    /// -- dblsp: hold (waits for the new client)
    /// create table users (id bigint primary key);
    /// -- 20251027090000_v0_7_1_posts.sql
    /// create table posts (id bigint primary key);
    /// ```
    ///
    /// ## References
    /// - [Supabase: database migrations](https://supabase.com/docs/guides/deployment/database-migrations)
    "version-decreasing",
    category: Category::Convention,
    level: Level::Error,
    fix: FixKind::None,
    since: "0.1.0",
    convention: true,
    check: Check::Migration(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let migration = cx.migration();
    if cx.settings.naming != Naming::Seed || migration.is_held() {
        return;
    }
    let Some(release) = migration.release() else { return };
    let earlier = cx.names().take(cx.file);
    let higher = earlier.filter_map(|earlier| Some((earlier.release().filter(|other| *other > release)?, earlier)));
    let highest = higher
        .filter(|(_, earlier)| !cx.is_held(earlier.number))
        .max_by_key(|(higher, earlier)| (*higher, earlier.number));
    let Some((highest, earlier)) = highest else { return };
    let (number, before) = (earlier.number, earlier.file_name());
    report
        .add(
            cx.first_line(),
            format!("version {release} comes after {highest} of `{before}`"),
        )
        .help("Raise the version in the file's name, or put the other file on hold.")
        .related(cx.head_of(number), format!("version {highest} is here"));
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn versions_compare_as_numbers() {
        Case::new(&RULE).fires(
            "
-- 20250101000000_v0_9_0_a.sql
select 1;
-- 20250102000000_v0_10_0_b.sql
select 1;
-- 20250103000000_v0_10_0_c.sql
select 1;
-- 20250104000000_v0_9_1_d.sql
select 1;
-- @ error: version 0.9.1 comes after 0.10.0 of `20250103000000_v0_10_0_c.sql`
",
        );
    }

    #[test]
    fn files_on_hold_neither_raise_nor_break_the_order() {
        Case::new(&RULE).silent(
            "
-- 20250101000000_v0_8_0_a.sql
-- dblsp: hold (later)
select 1;
-- 20250102000000_v0_7_0_b.sql
select 1;
-- 20250103000000_v0_6_0_c.sql
-- dblsp: hold (never mind)
select 1;
",
        );
    }

    #[test]
    fn names_without_a_version_are_left_out() {
        Case::new(&RULE).silent("-- 20250101000000_v0_8_0_a.sql\nselect 1;\n-- 20250102000000_b.sql\nselect 1;");
    }
}
