//! A plan as text that `psql -f` runs to the same state.

use super::{Plan, Step};
use crate::history;

/// The plan as SQL for psql, the history's rows included: what to run where dblsp and the Supabase CLI cannot.
pub fn to_sql(plan: &Plan) -> String {
    let mut out = String::from("\\set ON_ERROR_STOP on\n");
    if !plan.files.is_empty() {
        out.push_str(history::CREATE);
        out.push('\n');
    }
    for file in &plan.files {
        out.push_str(&format!(
            "\n-- {}\nRESET SESSION AUTHORIZATION; RESET ALL;\n",
            file.path.replace(['\n', '\r'], " ")
        ));
        let row = history::insert(&file.version, &file.name, &file.recorded());
        let last = file.steps.len().checked_sub(1);
        let mut is_recorded = false;
        for (at, step) in file.steps.iter().enumerate() {
            let transaction = matches!(step, Step::Transaction { .. });
            if transaction {
                out.push_str("BEGIN;\n");
            }
            for statement in step.statements() {
                out.push_str(statement.span.slice(&file.text));
                out.push_str(";\n");
                if let Some(data) = statement.data {
                    out.push_str(data.slice(&file.text).trim_end_matches("\\."));
                    out.push_str("\\.\n");
                }
            }
            if transaction && Some(at) == last {
                out.push_str(&format!("RESET SESSION AUTHORIZATION; RESET ROLE;\n{row};\n"));
                is_recorded = true;
            }
            if transaction {
                out.push_str("COMMIT;\n");
            }
        }
        if !is_recorded {
            out.push_str(&format!("RESET SESSION AUTHORIZATION; RESET ROLE;\n{row};\n"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use analysis::history::{History, Migration};

    use super::super::{Options, plan};
    use super::*;

    #[test]
    fn the_plan_as_sql_commits_as_the_plan_does() {
        let text = "create table t (a int);\ncopy t from stdin;\n1\n\\.\ncreate index concurrently i on t (a);\n";
        let history = History {
            migrations: vec![Migration::new("1_a.sql", text)],
            complete: true,
            ..History::default()
        };
        let sql = to_sql(&plan(&history, &[], &[], &Options::default()).expect("a plan"));
        let expected = "-- 1_a.sql
RESET SESSION AUTHORIZATION; RESET ALL;
BEGIN;
create table t (a int);
copy t from stdin;
1
\\.
COMMIT;
create index concurrently i on t (a);
RESET SESSION AUTHORIZATION; RESET ROLE;
INSERT INTO supabase_migrations.schema_migrations";
        assert!(sql.contains(expected), "{sql}");
    }
}
