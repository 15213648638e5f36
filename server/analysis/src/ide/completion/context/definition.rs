//! Columns, constraints and parameters where they are defined.

use super::super::code::{Word, ends};
use super::super::keywords as kw;
use super::{Context, Want};

/// `name type constraint …` of CREATE TABLE and ADD COLUMN.
pub(super) fn column_definition(item: &[Word<'_>]) -> Context {
    use Want as W;
    let Some(first) = item.first() else {
        return Context::of(&[], kw::TABLE_ITEM);
    };
    if first.any(&["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE"]) {
        return table_constraint(item);
    }
    if first.is("LIKE") {
        return match item.len() {
            1 => Context::of(&[W::Relation], &[]),
            _ => Context::of(
                &[],
                &[
                    "INCLUDING ALL",
                    "INCLUDING DEFAULTS",
                    "INCLUDING CONSTRAINTS",
                    "EXCLUDING INDEXES",
                ],
            ),
        };
    }
    if item.len() == 1 {
        return Context::of(&[W::Type], &[]);
    }
    constraint_of_column(&item[1..])
}

pub(super) fn constraint_of_column(words: &[Word<'_>]) -> Context {
    use Want as W;
    let Some(last) = words.last() else {
        return Context::of(&[W::Type], &[]);
    };
    if last.is("REFERENCES") {
        return Context::of(&[W::Table], &[]);
    }
    if last.is("DEFAULT") {
        return Context::of(&[W::Expression], kw::DEFAULTS);
    }
    if last.is("NOT") {
        return Context::of(&[], &["NULL"]);
    }
    if last.is("CONSTRAINT") {
        return Context::default();
    }
    if last.is("GENERATED") {
        return Context::of(&[], &["ALWAYS AS IDENTITY", "BY DEFAULT AS IDENTITY", "ALWAYS AS"]);
    }
    if last.is("ON") {
        return Context::of(&[], &["DELETE", "UPDATE"]);
    }
    if ends(words, &["ON", "DELETE"]) || ends(words, &["ON", "UPDATE"]) {
        return Context::of(&[], kw::REFERENTIAL);
    }
    let mut keywords = kw::COLUMN_CONSTRAINT.to_vec();
    if words.iter().any(|word| word.is("REFERENCES")) {
        keywords.extend_from_slice(kw::FOREIGN_KEY);
    }
    Context::of(&[], &keywords)
}

pub(super) fn table_constraint(words: &[Word<'_>]) -> Context {
    use Want as W;
    let Some(last) = words.last() else {
        return Context::of(&[], kw::TABLE_CONSTRAINT);
    };
    if last.is("CONSTRAINT") {
        return Context::default();
    }
    if words.len() == 2 && words[0].is("CONSTRAINT") {
        return Context::of(&[], kw::TABLE_CONSTRAINT);
    }
    if last.is("REFERENCES") {
        return Context::of(&[W::Table], &[]);
    }
    if ends(words, &["USING", "INDEX"]) {
        return Context::of(&[W::Index], &[]);
    }
    if last.any(&["FOREIGN", "PRIMARY"]) {
        return Context::of(&[], &["KEY"]);
    }
    if last.is("ON") {
        return Context::of(&[], &["DELETE", "UPDATE"]);
    }
    if ends(words, &["ON", "DELETE"]) || ends(words, &["ON", "UPDATE"]) {
        return Context::of(&[], kw::REFERENTIAL);
    }
    if words.iter().any(|word| word.is("FOREIGN")) && !words.iter().any(|word| word.is("REFERENCES")) {
        return Context::of(&[], &["REFERENCES"]);
    }
    let mut keywords = vec!["NOT VALID", "DEFERRABLE", "INITIALLY DEFERRED"];
    if words.iter().any(|word| word.is("REFERENCES")) {
        keywords.extend_from_slice(kw::FOREIGN_KEY);
    }
    if last.any(&["UNIQUE", "KEY"]) {
        keywords.push("USING INDEX");
    }
    Context::of(&[], &keywords)
}

/// `[mode] name type [DEFAULT e]`
pub(super) fn parameter(item: &[Word<'_>]) -> Context {
    use Want as W;
    match item {
        [] => Context::of(&[W::Type], &["IN", "OUT", "INOUT", "VARIADIC"]),
        [mode] if mode.any(&["IN", "OUT", "INOUT", "VARIADIC"]) => Context::of(&[W::Type], &[]),
        [_] => Context::of(&[W::Type], &[]),
        [mode, _] if mode.any(&["IN", "OUT", "INOUT", "VARIADIC"]) => Context::of(&[W::Type], &[]),
        [.., last] if last.is("DEFAULT") => Context::of(&[W::Expression], &["NULL"]),
        _ => Context::of(&[], &["DEFAULT"]),
    }
}
