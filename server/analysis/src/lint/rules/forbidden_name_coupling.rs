use crate::lint::prelude::*;

rule! {
    /// The schema mentions a name that belongs into data only.
    ///
    /// ## When
    /// A word of `[coupling] forbidden_names` stands in a migration: in an identifier, a literal, a comment or a function
    /// body, in any case. A word ends at anything but a letter or digit, so `pedro_notes` holds `pedro` and `navalny`
    /// does not hold `naval`. Seeds (a description that is or ends in `seed`) and tests may say anything.
    ///
    /// ## Why
    /// A table, policy or function that is made for one person has to be made again for the next. What differs from one
    /// to the other is rows.
    ///
    /// ## Bad
    /// ```sql
    /// -- 20251026211500_v0_7_0_notes.sql
    /// create table pedro_notes (id bigint primary key, note text);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 20251026211500_v0_7_0_notes.sql
    /// create table notes (id bigint primary key, author text, note text);
    /// -- 20251026211501_v0_7_0_authors_seed.sql
    /// insert into notes (id, author, note) values (1, 'pedro', 'hello');
    /// ```
    ///
    /// ## References
    /// - [Schemas](https://www.postgresql.org/docs/current/ddl-schemas.html)
    "forbidden-name-coupling",
    category: Category::Coupling,
    level: Level::Error,
    fix: FixKind::None,
    since: "0.1.0",
    convention: true,
    check: Check::Migration(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let forbidden = &cx.settings.coupling.forbidden_names;
    if forbidden.is_empty() || cx.migration().is_seed() {
        return;
    }
    let forbidden: Vec<String> = forbidden.iter().map(|name| name.to_lowercase()).collect();
    for span in words(cx.text()) {
        let word = cx.source(span).to_lowercase();
        if forbidden.contains(&word) && !is_directive(cx, span) {
            report
                .add(span, format!("`{word}` may stand in seeds and tests only"))
                .help("Keep the schema free of it: put what is particular into rows.");
        }
    }
}

/// Runs of letters and digits.
fn words(text: &str) -> impl Iterator<Item = Span> {
    let word = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    word.map(|word| {
        let start = word.as_ptr() as usize - text.as_ptr() as usize;
        Span::new(start, start + word.len())
    })
}

/// Whether it stands in a comment to dblsp, such as the one that allows it.
fn is_directive(cx: &Cx<'_>, span: Span) -> bool {
    let comments = &cx.document().file.comments;
    let around = comments.iter().find(|comment| comment.span.contains(span));
    around.is_some_and(|comment| cx.source(comment.span).contains("dblsp:"))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    fn case() -> Case {
        Case::new(&RULE).with(|settings| settings.coupling.forbidden_names = vec!["naval".into(), "Pedro".into()])
    }

    #[test]
    fn identifiers_literals_comments_and_bodies_are_read() {
        case().fires(
            "
create table pedro_notes (id int);
--           ^^^^^ error: `…
insert into minds values ('NAVAL ravikant');
--                         ^^^^^ error: `…
select 1; -- for Pedro
--               ^^^^^ error: `…
create function f() returns text language sql as $$ select 'x/naval/y' $$;
--                                                            ^^^^^ error: `…
",
        );
    }

    #[test]
    fn longer_words_seeds_tests_and_directives_are_exempt() {
        case().silent(
            "
-- 1_navalny.sql
create table navalny (pedros int, navals int, épedro int);
-- 2_minds_seed.sql
insert into minds values ('naval');
-- 3_x.sql
-- dblsp: allow-file drop-column (naval asked for it)
alter table navalny drop column navals;
-- tests/v1.0.0_smoke_test.sql
select 'naval';
",
        );
    }
}
