use crate::lint::context::first_line;
use crate::lint::prelude::*;
use crate::proof::{Proof, Verdict};

rule! {
    /// After the rollback script the database is not what it was before the migration.
    ///
    /// ## When
    /// `dblsp prove`, or the editor's code action, ran both on a throw-away server, the texts are the same as then, and
    /// something was left over, missing or different afterwards: any object, privilege, comment or setting, and with
    /// `--with-data` any row. Columns that only stand in another order than before are not reported: PostgreSQL knows no
    /// way to put one back at its place.
    ///
    /// ## Why
    /// `dblsp rollback` commits only what leaves the database as it was, so it would refuse this script in the hour in
    /// which it is needed. Run by hand, the script leaves a schema that no migration has ever made.
    ///
    /// ## Bad
    /// ```sql proof=incomplete
    /// -- 20251026211500_v0_7_0_users.sql
    /// create table users (id bigint primary key);
    /// create table teams (id bigint primary key);
    /// -- rollback/20251026211500_rollback.sql
    /// drop table public.teams;
    /// ```
    ///
    /// ## Good
    /// ```sql proof=proven
    /// -- 20251026211500_v0_7_0_users.sql
    /// create table users (id bigint primary key);
    /// create table teams (id bigint primary key);
    /// -- rollback/20251026211500_rollback.sql
    /// drop table public.teams;
    /// drop table public.users;
    /// ```
    ///
    /// ## References
    /// - [System catalogs](https://www.postgresql.org/docs/current/catalogs.html)
    "rollback-incomplete",
    category: Category::Convention,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Project(check),
}

/// Differences that are told; the rest is counted.
const TOLD: usize = 4;

fn check(cx: &Cx<'_>, report: &mut Report) {
    for (number, migration, proof) in cx.proofs() {
        let is_it = matches!(proof.verdict, Verdict::Incomplete | Verdict::Differs) && proof.is_current;
        let script = cx.judged_script(migration);
        let is_own = migration.judged && migration.undoes_itself();
        if !is_it || (script.is_none() && !is_own) {
            continue;
        }
        let text = script.map_or(&migration.text, |script| &script.text);
        let finding = report.add(first_line(text), message(proof));
        finding.help("Write the statements that undo the rest, and run `dblsp prove` again.");
        match script {
            Some(script) => finding.in_file(&script.path),
            None => finding.in_migration(number),
        };
    }
}

fn message(proof: &Proof) -> String {
    let mut told = proof
        .differences
        .iter()
        .take(TOLD)
        .cloned()
        .collect::<Vec<_>>()
        .join("; ");
    if proof.differences.len() > TOLD {
        told.push_str(&format!("; and {} more", proof.differences.len() - TOLD));
    }
    match (&proof.reason, told.is_empty()) {
        (Some(reason), true) => format!("the rollback is not proven: {reason}"),
        (_, true) => "the rollback is not proven".to_owned(),
        (_, false) => format!("after this script not everything is as before the migration: {told}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::RULE;
    use crate::lint::testing::Case;
    use crate::proof::{Proof, Verdict};

    fn proof(differences: &[&str]) -> Proof {
        Proof {
            verdict: Verdict::Differs,
            reason: Some("a `-- TODO` in the script is not answered".into()),
            differences: differences.iter().map(|line| (*line).to_owned()).collect(),
            failure: None,
            is_current: true,
        }
    }

    fn found(proof: Proof, rollback: &str) -> Vec<(String, String)> {
        let case = Case::new(&RULE);
        let mut history = case.history(&format!("-- 1_a.sql\nselect 1;\n{rollback}"));
        history.proofs.insert("1_a.sql".into(), Arc::new(proof));
        let found = case.findings(&history).into_iter();
        found.map(|found| (found.path, found.message)).collect()
    }

    const ROLLBACK: &str = "-- rollback/1_rollback.sql\nselect 1;";

    #[test]
    fn differences_are_told_in_the_script_and_the_rest_is_counted() {
        let found = found(proof(&["a", "b", "c", "d", "e", "f"]), ROLLBACK);
        let message = "after this script not everything is as before the migration: a; b; c; d; and 2 more";
        assert_eq!(found, [("rollback/1_rollback.sql".to_owned(), message.to_owned())]);
    }

    #[test]
    fn a_reason_stands_for_differences_that_there_are_none_of() {
        let found = found(proof(&[]), ROLLBACK);
        let message = "the rollback is not proven: a `-- TODO` in the script is not answered";
        assert_eq!(found[0].1, message);
    }

    #[test]
    fn without_a_script_another_rule_speaks() {
        assert!(found(proof(&["a"]), "").is_empty());
        let old = Proof {
            is_current: false,
            ..proof(&["a"])
        };
        assert!(self::found(old, ROLLBACK).is_empty());
    }
}
