use crate::history::Base;
use crate::lint::prelude::*;

rule! {
    /// `supabase db push` does not know the hold and would apply the migration.
    ///
    /// ## When
    /// The first line of a migration of a Supabase project is `-- dblsp: hold (reason)`. A project that deploys with
    /// `dblsp apply` alone says so with an `allow-file` comment, or turns the rule off in `dblsp.toml`.
    ///
    /// ## Why
    /// To the Supabase CLI the line is a comment. `supabase db push`, `supabase migration up` and the branches that
    /// Supabase makes for pull requests apply every file of `supabase/migrations` that the database does not have,
    /// this one too. So does `supabase db reset`, on the local database.
    ///
    /// ## Bad
    /// ```sql supabase
    /// -- 20251026211500_v0_8_0_sharing.sql
    /// -- dblsp: hold (0.7.0 must be in use first)
    /// create table public.shares (id bigint primary key);
    /// ```
    ///
    /// ## Good
    /// ```sql supabase
    /// -- 20251026211500_v0_8_0_sharing.sql
    /// -- dblsp: hold (0.7.0 must be in use first)
    /// -- dblsp: allow-file held-migration-would-be-pushed (only dblsp deploys here)
    /// create table public.shares (id bigint primary key);
    /// ```
    ///
    /// ## References
    /// - [Supabase: database migrations](https://supabase.com/docs/guides/deployment/database-migrations)
    "held-migration-would-be-pushed",
    category: Category::Deployment,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Migration(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    if cx.base() != Base::Supabase || !cx.migration().is_held() {
        return;
    }
    report
        .add(
            cx.first_line(),
            "`supabase db push` does not know the hold and would apply this migration",
        )
        .help("Deploy with `dblsp apply` alone and allow this here, or keep the file outside of `migrations/` until then.");
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    const HELD: &str = "
-- 1_a.sql
select 1;
-- 2_b.sql
-- dblsp: hold (later)
-- @ warning: `supabase db push` does not know the hold and would apply this migration
select 2;
";

    #[test]
    fn a_hold_is_for_dblsp_alone() {
        Case::new(&RULE).supabase().fires(HELD);
    }

    #[test]
    fn elsewhere_nobody_pushes() {
        Case::new(&RULE).silent(HELD);
    }
}
