use crate::lint::prelude::*;
use crate::sql::lexeme::{LexemeKind, lexemes};
use crate::sql::name::{MAX_IDENTIFIER_BYTES, cut};

rule! {
    /// A name of more than 63 bytes is cut off, and what is cut may be what told it from another.
    ///
    /// ## When
    /// An identifier, quoted or not, that is longer than 63 bytes. String constants, comments and the code of functions
    /// are not looked at.
    ///
    /// ## Why
    /// PostgreSQL keeps the first 63 bytes and only mentions it in a notice. The object has another name than the file
    /// says: programs that compare names do not find it, and two long names that differ in their ends only collide.
    ///
    /// ## Bad
    /// ```sql
    /// create table users (id bigint primary key);
    /// create index the_index_that_finds_users_by_their_number_when_nothing_else_is_known_of_them on users (id);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// create table users (id bigint primary key);
    /// create index users_by_number on users (id);
    /// ```
    ///
    /// ## Fix
    /// Writes the name as PostgreSQL keeps it. The object stays the same; a better name is a matter of taste.
    ///
    /// ## References
    /// - [Identifiers](https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS)
    "identifier-too-long",
    category: Category::Style,
    level: Level::Info,
    fix: FixKind::Safe,
    since: "0.1.0",
    check: Check::Migration(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    // Most files have no such name, and need not be read once more.
    if !cx.document().file.has_long_names {
        return;
    }
    let text = cx.text();
    let is_long = |word: &str| word.len() > MAX_IDENTIFIER_BYTES;
    let migration = cx.migration();
    for lexeme in lexemes(text) {
        if !migration.forward.contains(lexeme.span) {
            continue;
        }
        let written = lexeme.span.slice(text);
        let (name, kept) = match lexeme.kind {
            LexemeKind::Word if is_long(written) => (written.to_owned(), cut(written).to_owned()),
            LexemeKind::Quoted if is_long(written) && written.starts_with('"') => {
                let inner = written
                    .trim_start_matches('"')
                    .trim_end_matches('"')
                    .replace("\"\"", "\"");
                if !is_long(&inner) {
                    continue;
                }
                let kept = format!("\"{}\"", cut(&inner).replace('"', "\"\""));
                (inner, kept)
            }
            _ => continue,
        };
        let lost = name.get(cut(&name).len()..).unwrap_or_default();
        report
            .add(
                lexeme.span,
                format!("the name is longer than 63 bytes, so that `{lost}` is cut off"),
            )
            .help("Choose a shorter name.")
            .fix(
                FixKind::Safe,
                "Write the name as PostgreSQL keeps it",
                vec![replace(lexeme.span, kept)],
            );
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn the_end_is_cut_off() {
        let (long, fits) = ("a".repeat(64), "b".repeat(63));
        Case::new(&RULE).fires(&format!(
            "
create table {fits} (\"{fits}\" int, x text default '{long}');
create table {long} (id int);
--           {} info: the name is longer than 63 bytes, so that `a` is cut off
-- {long}
create table \"{long}\" (id int);
--           {} info: the name is longer
",
            "^".repeat(64),
            "^".repeat(66)
        ));
    }

    #[test]
    fn the_fix_writes_what_is_kept() {
        let name = format!("{}é", "a".repeat(62));
        Case::new(&RULE).fixed(
            &format!("create table \"{name}\" (id int);"),
            &format!("create table \"{}\" (id int);", "a".repeat(62)),
        );
    }
}
