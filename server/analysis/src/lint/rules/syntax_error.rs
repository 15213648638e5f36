use crate::lint::prelude::*;

rule! {
    /// PostgreSQL cannot read the statement, so the migration fails.
    ///
    /// ## When
    /// A statement breaks PostgreSQL's grammar. The words and the place are PostgreSQL's own. Function bodies in
    /// strings are not judged, nor are statements that hold a placeholder of a template engine or of psql. The first ten of
    /// a file are reported, but none behind an apostrophe that ends a text too early (`'the reader's choice'`): from there
    /// on, text and code have changed places.
    ///
    /// ## Why
    /// The statement is refused. Whatever the file did before it is rolled back, or stays if the runner commits every
    /// statement on its own.
    ///
    /// ## Bad
    /// ```sql
    /// create table users (id bigint primary key,);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// create table users (id bigint primary key);
    /// ```
    ///
    /// ## References
    /// - [SQL syntax](https://www.postgresql.org/docs/current/sql-syntax.html)
    "syntax-error",
    category: Category::Syntax,
    level: Level::Error,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Migration(check),
}

/// A quote too many or too few turns the rest of a file inside out; its further errors help nobody.
const MAX_PER_FILE: usize = 10;

fn check(cx: &Cx<'_>, report: &mut Report) {
    for error in cx.document().syntax_errors(cx.migration()).iter().take(MAX_PER_FILE) {
        let finding = report.add(error.span, error.message.clone());
        if ends_a_text_too_early(cx.text(), error.span) {
            finding.help("Write an apostrophe that belongs to a text twice: `''`.");
            // From here on what is text and what is not have changed places: one mistake would be told many times.
            break;
        }
    }
}

/// Whether a word follows upon a closing apostrophe: `'the reader's choice'`.
fn ends_a_text_too_early(text: &str, error: Span) -> bool {
    let (before, behind) = text.split_at(error.start as usize);
    before.ends_with('\'') && behind.starts_with(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn the_first_token_that_cannot_follow_is_shown() {
        Case::new(&RULE).fires(
            "
create table users (id bigint, name text,);
--                                       ^ error: syntax error at or near \")\"
select 1;
alter table users ad column x int;
--                ^^ error: syntax error at or near \"ad\"
",
        );
    }

    #[test]
    fn an_apostrophe_within_a_text_is_told_once() {
        Case::new(&RULE).fires(
            "
select 1 frm 2;
--           ^ error: syntax error at or near \"2\"
insert into notes values ('the reader's choice; or not');
--                                    ^ error: syntax error at or near \"s\"
insert into notes values ('it isn't 4; or 5');
select 2;
",
        );
    }

    #[test]
    fn a_quote_without_an_end_is_an_error() {
        let case = Case::new(&RULE);
        let found = case.findings(&case.history("select 'open\nand more"));
        assert_eq!(found[0].message, "unterminated quoted string at or near \"'open\"");
    }

    #[test]
    fn bodies_templates_and_psql_commands_are_not_judged() {
        Case::new(&RULE).silent(
            "
create function f() returns int language sql as $$ selec 1 $$;
\\set ON_ERROR_STOP on
alter table {{ table }} add column x int;
select :'name';
",
        );
    }
}
