use crate::lint::context::first_line;
use crate::lint::prelude::*;
use crate::proof::Verdict;

rule! {
    /// The rollback was proven once, and something was changed since.
    ///
    /// ## When
    /// A throw-away server has shown that the rollback gives back what was there before the migration, and since then the
    /// migration, its rollback script or a migration before it was changed. A project in which nothing was ever proven
    /// hears nothing. Where the throw-away server could not tell (it lacks rights or an extension), that is a hint.
    ///
    /// ## Why
    /// A proof is about the texts that were run. After an edit nobody knows, and a rollback that nobody ran is a hope.
    ///
    /// ## Bad
    /// ```sql proof=stale
    /// -- 20251026211500_v0_7_0_users.sql
    /// create table users (id bigint primary key);
    /// -- rollback/20251026211500_rollback.sql
    /// -- emptied after it was proven
    /// ```
    ///
    /// ## Good
    /// ```sql proof=proven
    /// -- 20251026211500_v0_7_0_users.sql
    /// create table users (id bigint primary key);
    /// -- rollback/20251026211500_rollback.sql
    /// drop table public.users;
    /// ```
    ///
    /// ## References
    /// - [System catalogs](https://www.postgresql.org/docs/current/catalogs.html)
    "rollback-unproven",
    category: Category::Convention,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Project(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    for (number, migration, proof) in cx.proofs() {
        // Without a script, that is what is wrong; with a changed one, whoever changed it is told.
        let is_wanted = migration.judged || cx.judged_script(migration).is_some();
        if !migration.has_rollback || !is_wanted {
            continue;
        }
        let place = first_line(&migration.text);
        if !proof.is_current {
            report
                .add(place, "the rollback was proven, and something was changed since")
                .help("Run `dblsp prove`, or the code action that proves the rollback.")
                .in_migration(number);
        } else if proof.verdict == Verdict::Unverifiable {
            let reason = proof.reason.as_deref().unwrap_or("the throw-away server cannot tell");
            report
                .add(place, format!("nothing proves the rollback: {reason}"))
                .help("Try both on a copy of the database.")
                .level(Level::Hint)
                .in_migration(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::RULE;
    use crate::lint::diagnostic::Level;
    use crate::lint::testing::Case;
    use crate::proof::{Proof, Verdict};

    fn found(verdict: Verdict, is_current: bool, sql: &str) -> Vec<(Level, String)> {
        let case = Case::new(&RULE);
        let mut history = case.history(sql);
        let proof = Proof {
            verdict,
            reason: Some("needs postgis".into()),
            differences: Vec::new(),
            failure: None,
            is_current,
        };
        history.proofs.insert("1_a.sql".into(), Arc::new(proof));
        let found = case.findings(&history).into_iter();
        found.map(|found| (found.level, found.message)).collect()
    }

    const BOTH: &str = "-- 1_a.sql\nselect 1;\n-- rollback/1_rollback.sql\nselect 1;";

    #[test]
    fn what_was_changed_since_is_a_warning_and_what_cannot_be_told_a_hint() {
        let changed = "the rollback was proven, and something was changed since";
        assert_eq!(
            found(Verdict::Proven, false, BOTH),
            [(Level::Warning, changed.to_owned())]
        );
        let hint = "nothing proves the rollback: needs postgis";
        assert_eq!(
            found(Verdict::Unverifiable, true, BOTH),
            [(Level::Hint, hint.to_owned())]
        );
    }

    #[test]
    fn what_is_proven_is_silent_and_so_is_what_has_no_script() {
        assert!(found(Verdict::Proven, true, BOTH).is_empty());
        assert!(found(Verdict::Reordered, true, BOTH).is_empty());
        assert!(found(Verdict::Proven, false, "-- 1_a.sql\nselect 1;").is_empty());
    }
}
