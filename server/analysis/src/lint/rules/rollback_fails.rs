use crate::lint::prelude::*;
use crate::proof::{Place, Verdict};

rule! {
    /// PostgreSQL refuses a statement of the migration or of its rollback script.
    ///
    /// ## When
    /// `dblsp prove`, or the editor's code action, ran both on a throw-away server, the texts are the same as then, and a
    /// statement failed there. A statement that only lacks rights or an extension that the throw-away server does not
    /// have is not reported.
    ///
    /// ## Why
    /// The rollback is needed when something has gone wrong already. One that fails then leaves the new schema in place,
    /// and somebody who has to write SQL in a hurry.
    ///
    /// ## Bad
    /// ```sql proof=fails
    /// -- 20251026211500_v0_7_0_users.sql
    /// create table users (id bigint primary key);
    /// -- rollback/20251026211500_rollback.sql
    /// drop table user;
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
    /// - [PostgreSQL error codes](https://www.postgresql.org/docs/current/errcodes-appendix.html)
    "rollback-fails",
    category: Category::Convention,
    level: Level::Error,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Project(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    for (number, migration, proof) in cx.proofs() {
        let Some(failure) = &proof.failure else { continue };
        if proof.verdict != Verdict::Fails || !proof.is_current {
            continue;
        }
        let script = cx.judged_script(migration);
        let is_wanted = match failure.place {
            Place::Migration => migration.judged,
            Place::Rollback => script.is_some() || (migration.judged && migration.undoes_itself()),
        };
        if !is_wanted {
            continue;
        }
        let code = if failure.sqlstate.is_empty() {
            String::new()
        } else {
            format!(" ({})", failure.sqlstate)
        };
        let message = format!("on a throw-away server this fails: {}{code}", failure.message);
        let finding = report.add(failure.span, message);
        let hint = failure.hint.clone();
        finding.help(hint.unwrap_or_else(|| "Mend the statement, and run `dblsp prove` again.".to_owned()));
        match (failure.place, script) {
            (Place::Rollback, Some(script)) => finding.in_file(&script.path),
            _ => finding.in_migration(number),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::RULE;
    use crate::lint::testing::Case;
    use crate::proof::{Failure, Place, Proof, Verdict};
    use crate::text::Span;

    fn proof(place: Place, is_current: bool) -> Proof {
        Proof {
            verdict: Verdict::Fails,
            reason: None,
            differences: Vec::new(),
            failure: Some(Failure {
                place,
                span: Span::new(7, 10),
                sqlstate: "42703".into(),
                message: "column \"nme\" does not exist".into(),
                hint: Some("Perhaps you meant to reference the column \"users.name\".".into()),
            }),
            is_current,
        }
    }

    fn found(place: Place, is_current: bool) -> Vec<(String, u32, String)> {
        let case = Case::new(&RULE);
        let mut history = case.history("-- 1_a.sql\nselect nme;\n-- rollback/1_rollback.sql\nselect nme;");
        history
            .proofs
            .insert("1_a.sql".into(), Arc::new(proof(place, is_current)));
        let found = case.findings(&history).into_iter();
        found
            .map(|found| (found.path, found.span.start, found.message))
            .collect()
    }

    #[test]
    fn a_section_that_undoes_its_own_file_is_in_that() {
        let case = Case::new(&RULE);
        let mut history = case.history("-- 1_a.sql\nselect 1;\n-- migrate:down\nselect nme;");
        let failed = Arc::new(proof(Place::Rollback, true));
        history.proofs.insert("1_a.sql".into(), failed);
        assert!(case.findings(&history).is_empty());
        let migration = &mut history.migrations[0];
        migration.rollback_path = Some(migration.path.clone());
        migration.has_rollback = true;
        let found = case.findings(&history);
        assert_eq!((found.len(), found[0].path.as_str()), (1, "1_a.sql"));
    }

    #[test]
    fn the_statement_is_shown_in_its_own_file() {
        let message = "on a throw-away server this fails: column \"nme\" does not exist (42703)";
        let one = |path: &str| vec![(path.to_owned(), 7, message.to_owned())];
        assert_eq!(found(Place::Migration, true), one("1_a.sql"));
        assert_eq!(found(Place::Rollback, true), one("rollback/1_rollback.sql"));
    }

    #[test]
    fn what_failed_before_the_last_edit_is_not_said_of_the_text_as_it_is() {
        assert!(found(Place::Rollback, false).is_empty());
    }
}
