use crate::history::CompanionKind;
use crate::lint::prelude::*;
use crate::sql;

rule! {
    /// A rollback script holds a `-- TODO`, so it does not restore all that was changed.
    ///
    /// ## When
    /// A comment in a rollback file begins with `TODO`.
    ///
    /// ## Why
    /// A generated rollback marks so what it cannot undo by itself: values that are gone, rows that were written. Nobody
    /// has decided about it yet, and the hour in which the script is needed is the wrong one to do so.
    ///
    /// ## Bad
    /// ```sql
    /// -- 20251026211500_v0_7_0_users.sql
    /// create table users (id bigint primary key);
    /// -- rollback/20251026211500_rollback.sql
    /// -- TODO: undo `create table users`
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 20251026211500_v0_7_0_users.sql
    /// create table users (id bigint primary key);
    /// -- rollback/20251026211500_rollback.sql
    /// drop table users;
    /// ```
    ///
    /// ## References
    /// - [ALTER TABLE](https://www.postgresql.org/docs/current/sql-altertable.html)
    "rollback-unanswered-todo",
    category: Category::Convention,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Project(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let judged = cx.companions().iter().filter(|companion| companion.judged);
    let rollbacks = judged.filter(|companion| companion.kind == CompanionKind::Rollback);
    for rollback in rollbacks.filter(|rollback| rollback.text.contains("TODO")) {
        for comment in sql::parse(&rollback.text).comments {
            let words = comment
                .span
                .slice(&rollback.text)
                .trim_start_matches(['-', '/', '*', ' ', '\t']);
            if is_todo(words) {
                report
                    .add(
                        comment.span,
                        "the rollback stops short of this: nobody has answered the TODO",
                    )
                    .help(
                        "Write the statements that undo it, or say in a comment why nothing can, and remove the TODO.",
                    )
                    .in_file(&rollback.path);
            }
        }
    }
}

fn is_todo(comment: &str) -> bool {
    comment
        .strip_prefix("TODO")
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn each_todo_of_a_rollback_is_reported() {
        Case::new(&RULE).fires(
            "
-- 1_users.sql
select 1;
-- rollback/1_rollback.sql
  -- TODO: bring the rows back
--^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: the rollback stops short of this: nobody
  select 1; /* TODO */
--          ^^^^^^^^^^ warning: the rollback stops short of this
",
        );
    }

    #[test]
    fn other_files_other_words_and_strings_are_fine() {
        Case::new(&RULE).silent(
            "
-- 1_users.sql
-- TODO: an index
create table todo (id int);
-- rollback/1_rollback.sql
-- TODOS are gone, and there is nothing left TODO
select '-- TODO';
-- tests/1_test.sql
-- TODO
",
        );
    }
}
