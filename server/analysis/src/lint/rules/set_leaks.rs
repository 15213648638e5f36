use crate::lint::prelude::*;
use crate::settings::Runner;
use crate::sql::statement::{SetVariable, Statement};

rule! {
    /// A setting without `LOCAL` outlives the file and holds for the migrations behind it.
    ///
    /// ## When
    /// `SET` of `search_path`, `role`, `session_replication_role`, `lock_timeout`, `statement_timeout`, `row_security` or
    /// `check_function_bodies` in a file that runs in a transaction, where nothing sets it back by the end of the file.
    /// Silent under the Supabase CLI, which resets everything before each file, and under `psql -f`, where each file has a
    /// connection of its own.
    ///
    /// ## Why
    /// Tools apply all pending migrations over one connection. What one file sets holds for those behind it, but only when
    /// they run together: a later migration finds its tables in another schema on a fresh database and not in production.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_name.sql
    /// set lock_timeout = '2s';
    /// alter table users add column name text;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_name.sql
    /// set local lock_timeout = '2s';
    /// alter table users add column name text;
    /// ```
    ///
    /// ## Fix
    /// Writes `SET LOCAL`: the same for this file, and gone with its transaction. Not offered for `search_path` and the
    /// roles, on which later files may rely by now.
    ///
    /// ## References
    /// - [SET](https://www.postgresql.org/docs/current/sql-set.html)
    "set-leaks",
    category: Category::Transaction,
    level: Level::Info,
    fix: FixKind::Safe,
    since: "0.1.0",
    check: Check::Step(check),
}

const NAMES: &[&str] = &[
    "check_function_bodies",
    "lock_timeout",
    "role",
    "row_security",
    "search_path",
    "session_replication_role",
    "statement_timeout",
];

/// Those that change what later files do, and not only how long they wait.
const OF_MEANING: &[&str] = &["role", "search_path", "session_replication_role"];

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::Set(set) = &cx.step().statement.node else {
        return;
    };
    let leaks = matches!(cx.settings.runner, Runner::PsqlSingle | Runner::Sqlx);
    let sets = set.values.as_ref().is_some_and(|values| !values.is_empty());
    if !leaks || set.local || !sets || !NAMES.contains(&set.name.as_str()) || !cx.step().transaction.shared {
        return;
    }
    let rest = cx
        .document()
        .file
        .statements
        .get(cx.step().number + 1..)
        .unwrap_or_default();
    if !cx.is_editable() || rest.iter().any(|statement| ends(statement, set)) {
        return;
    }
    let message = format!("`{}` stays set for the migrations that run behind this one", set.name);
    let finding = report.add(cx.step().statement.span, message);
    finding.help("Use `set local`, or reset it at the end of the file.");
    // A COMMIT in the file would end what SET LOCAL sets.
    let commits = rest
        .iter()
        .any(|statement| matches!(statement.node, Node::Transaction(_)));
    let words = cx.source(cx.step().statement.span);
    let at = words.get(..3).filter(|word| word.eq_ignore_ascii_case("set"));
    if at.is_some() && !commits && !OF_MEANING.contains(&set.name.as_str()) {
        let after = cx.step().statement.span.start + 3;
        let text = words.get(3..).unwrap_or_default().trim_start();
        // `SET SESSION name` says what it does.
        if !text.get(..8).is_some_and(|word| word.eq_ignore_ascii_case("session ")) {
            let edits = vec![insert(after, format!(" {}", cx.cased("local")))];
            finding.fix(FixKind::Safe, "Set it for this transaction only", edits);
        }
    }
}

/// Whether the statement sets it back, or sets it to something else, which is then the one to speak about.
fn ends(statement: &Statement, set: &SetVariable) -> bool {
    match &statement.node {
        Node::Reset { name } => *name == set.name || name.eq_ignore_ascii_case("all"),
        Node::Set(other) => other.name == set.name && !other.local,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    const SQL: &str = "
set search_path to app;
set work_mem = '1GB';
set local statement_timeout = 0;
select 1;
";

    #[test]
    fn what_is_set_stays_set() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
  set search_path to app, public;
--^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: `search_path` stays set for the migrations that run behind this one
set lock_timeout = '1s';
  set lock_timeout = '2s';
--^^^^^^^^^^^^^^^^^^^^^^^ info: `lock_timeout` stays set
set statement_timeout = 0;
set work_mem = '1GB';
set local row_security = off;
set role to default;
reset statement_timeout;
",
        );
        Case::new(&RULE).runner(Runner::Psql).silent(SQL);
        Case::new(&RULE).runner(Runner::Supabase).silent(SQL);
    }

    #[test]
    fn the_fix_makes_it_local() {
        Case::new(&RULE).fixed("SET lock_timeout = '2s';", "SET LOCAL lock_timeout = '2s';");
        let case = Case::new(&RULE);
        let history = case.history(SQL);
        assert!(case.findings(&history).iter().all(|finding| finding.fixes.is_empty()));
    }
}
