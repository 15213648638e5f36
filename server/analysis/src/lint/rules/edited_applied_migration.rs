use crate::databases::day;
use crate::lint::prelude::*;

rule! {
    /// The file was edited after a database got it, so that database has something else.
    ///
    /// ## When
    /// `dblsp status`, `apply`, `rollback`, `mark` or `drift` saw the migration in the history of an environment, and what
    /// was run there has other words than the forward part of the file. Comments, white space, semicolons and the case of
    /// keywords do not count. Where the history does not say what was run, nothing is said. What was seen stays on this
    /// machine, in `.dblsp/`; `dblsp status` looks again.
    ///
    /// ## Why
    /// No tool runs a migration a second time. The edit reaches new databases only: those that have the migration keep
    /// what it did before, and everything that is written and tested against the file is untrue of them. `dblsp apply`
    /// refuses to go on with such a database.
    ///
    /// ## Bad
    /// ```sql
    /// -- 20251026211500_v0_7_0_users.sql
    /// create table users (id bigint primary key);
    /// -- databases/staging.sql
    /// -- applied: 20251026211500
    /// create table users (id int primary key);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 20251026211500_v0_7_0_users.sql
    /// create table users (id int primary key);
    /// -- 20251027090000_v0_7_1_wide_ids.sql
    /// alter table users alter column id type bigint;
    /// -- databases/staging.sql
    /// -- applied: 20251026211500
    /// create table users (id int primary key);
    /// ```
    ///
    /// ## References
    /// - [Supabase: database migrations](https://supabase.com/docs/guides/deployment/database-migrations)
    "edited-applied-migration",
    category: Category::Deployment,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Migration(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let migration = cx.migration();
    let version = migration.version.as_str();
    if cx.names().filter(|other| other.version() == version).count() > 1 {
        return;
    }
    let had = cx.databases().with(version);
    let edited = had.filter(|had| had.applied.get(version).is_some_and(|ran| ran.is_edited(migration)));
    let told: Vec<String> = edited
        .map(|had| format!("`{}` (seen {})", had.name, day(&had.seen)))
        .collect();
    if !told.is_empty() {
        let message = format!("the file was edited after it was applied on {}", told.join(", "));
        report
            .add(cx.first_line(), message)
            .help("Bring back what was applied, and write the change as a new migration.");
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn every_database_that_has_another_text_is_named() {
        Case::new(&RULE).fires(
            "
-- 1_a.sql
create table t (id bigint);
-- @ warning: the file was edited after it was applied on `local` (seen 2025-10-27), `staging` (seen 2025-10-27)
-- 2_b.sql
select 2;
-- databases/local.sql
-- applied: 1
create table t (id int);
-- databases/production.sql
-- applied: 1
create table t (id bigint);
-- databases/staging.sql
-- applied: 1
create table t (id int, name text);
-- applied: 2
select 2;
",
        );
    }

    #[test]
    fn comments_and_layout_are_no_edit() {
        Case::new(&RULE).silent(
            "
-- 1_a.sql
-- The first table.
CREATE TABLE t (
    id int -- for now
);
-- databases/staging.sql
-- applied: 1
create table t (id int)
",
        );
    }

    #[test]
    fn what_nobody_recorded_is_not_guessed() {
        Case::new(&RULE).silent("-- 1_a.sql\nselect 1;\n-- databases/staging.sql\n-- applied: 1");
    }

    #[test]
    fn what_is_not_applied_may_be_edited() {
        Case::new(&RULE).silent("-- 2_b.sql\nselect 2;\n-- databases/staging.sql\n-- applied: 1\nselect 1;");
    }

    #[test]
    fn of_two_files_with_one_version_nobody_knows_which_was_applied() {
        Case::new(&RULE)
            .silent("-- 1_a.sql\nselect 1;\n-- 1_b.sql\nselect 2;\n-- databases/staging.sql\n-- applied: 1\nselect 1;");
    }
}
