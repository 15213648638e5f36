use crate::lint::prelude::*;
use crate::settings::Runner;

rule! {
    /// A rollback script among the migrations is applied like any of them.
    ///
    /// ## When
    /// A forward migration is named like a rollback: `<timestamp>_rollback.sql`, `….down.sql`, `….rollback.sql`,
    /// `….undo.sql`, or another migration's name with `_rollback` behind it. Where only the description ends in
    /// `_rollback`, it is a warning. Down files of tools that know them are no migrations and are left out.
    ///
    /// ## Why
    /// The Supabase CLI and `psql` know no rollbacks: they run every file of the folder in the order of its name, so the
    /// rollback undoes, right after it, the migration that it belongs to, and its rows are gone.
    ///
    /// ## Bad
    /// ```sql supabase
    /// -- 20251026211500_users.sql
    /// create table users (id bigint primary key);
    /// -- 20251026211501_rollback.sql
    /// drop table users;
    /// ```
    ///
    /// ## Good
    /// ```sql supabase
    /// -- 20251026211500_users.sql
    /// create table users (id bigint primary key);
    /// -- rollback/20251026211500_rollback.sql
    /// drop table users;
    /// ```
    ///
    /// ## References
    /// - [Supabase: database migrations](https://supabase.com/docs/guides/deployment/database-migrations)
    "rollback-in-migrations",
    category: Category::Convention,
    level: Level::Error,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Migration(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let name = cx.migration().file_name();
    let Some(certain) = is_rollback(cx, name) else { return };
    let who = match cx.settings.runner {
        Runner::Supabase => "the Supabase CLI",
        Runner::Psql | Runner::PsqlSingle => "psql",
        Runner::Sqlx => "sqlx",
    };
    report
        .add(
            cx.first_line(),
            format!("`{name}` is no migration, but {who} applies it like one"),
        )
        .help("Move the rollback out of the migrations' folder.")
        .unless_certain(certain);
}

/// Whether a name is a rollback's; `Some(false)`: it may be one.
fn is_rollback(cx: &Cx<'_>, name: &str) -> Option<bool> {
    let stem = name.strip_suffix(".sql")?;
    let of_a_tool = [".down", ".rollback", ".undo"].iter().any(|end| stem.ends_with(end));
    let version = &cx.migration().version;
    if of_a_tool || (!version.is_empty() && stem.strip_prefix(version.as_str()) == Some("_rollback")) {
        return Some(true);
    }
    let base = stem.strip_suffix("_rollback")?;
    let has_forward = cx
        .names()
        .any(|other| other.file_name().strip_suffix(".sql") == Some(base));
    Some(has_forward)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn names_of_rollbacks_are_found() {
        Case::new(&RULE).supabase().fires(
            "
-- 20250101000000_users.sql
select 1;
-- 20250101000000_users.down.sql
select 1;
-- @ error: `20250101000000_users.down.sql` is no migration, but the Supabase CLI applies it like one
-- 20250101000000_users_rollback.sql
select 1;
-- @ error: `20250101000000_users_rollback.sql` is no migration
-- 20250102000000_rollback.sql
select 1;
-- @ error: `20250102000000_rollback.sql` is no migration
",
        );
    }

    #[test]
    fn a_description_may_end_in_the_word() {
        Case::new(&RULE).fires(
            "
-- 20250101000000_payments_rollback.sql
select 1;
-- @ warning: `20250101000000_payments_rollback.sql`
",
        );
    }

    #[test]
    fn a_rollback_in_its_own_folder_and_other_words_are_fine() {
        Case::new(&RULE).supabase().silent(
            "
-- 20250101000000_rollback_table.sql
select 1;
-- 20250102000000_scroll_down.sql
select 1;
-- rollback/20250101000000_rollback.sql
select 1;
",
        );
    }
}
