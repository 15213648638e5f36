use crate::history::CompanionKind;
use crate::lint::context::Finding;
use crate::lint::prelude::*;
use crate::sql;

rule! {
    /// A rollback script holds a `-- TODO`, so it does not restore all that was changed.
    ///
    /// ## When
    /// A comment in a rollback file begins with `TODO`, or one in the section of a migration that undoes it.
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
    for rollback in rollbacks {
        let whole = Span::new(0, rollback.text.len());
        for todo in todos(&rollback.text, whole) {
            tell(todo, report).in_file(&rollback.path);
        }
    }
    for (number, parts) in cx.sections_that_undo() {
        for todo in parts.into_iter().flat_map(|part| todos(cx.text_of(number), part)) {
            tell(todo, report).in_migration(number);
        }
    }
}

fn tell(todo: Span, report: &mut Report) -> &mut Finding {
    report
        .add(todo, "the rollback stops short of this: nobody has answered the TODO")
        .help("Write the statements that undo it, or say in a comment why nothing can, and remove the TODO.")
}

/// The comments of a part of a file that begin with the word.
fn todos(text: &str, part: Span) -> Vec<Span> {
    let text = part.slice(text);
    if !text.contains("TODO") {
        return Vec::new();
    }
    let comments = sql::parse(text).comments.into_iter().map(|comment| comment.span);
    let own = comments.filter(|span| is_todo(span.slice(text).trim_start_matches(['-', '/', '*', ' ', '\t'])));
    own.map(|span| span.shift(part.start)).collect()
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
    fn a_section_that_undoes_its_own_file_is_a_rollback() {
        let case = Case::new(&RULE);
        let mut history =
            case.history("-- 1_users.sql\n-- TODO: an index\nselect 1;\n-- migrate:down\n-- TODO: undo it\n");
        let migration = &mut history.migrations[0];
        migration.forward.end = 27;
        assert!(case.findings(&history).is_empty());
        let migration = &mut history.migrations[0];
        migration.rollback_path = Some(migration.path.clone());
        migration.has_rollback = true;
        let found = case.findings(&history);
        let at: Vec<&str> = found
            .iter()
            .map(|found| found.span.slice(&history.migrations[0].text))
            .collect();
        assert_eq!(at, ["-- TODO: undo it"]);
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
