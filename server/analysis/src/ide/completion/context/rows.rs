//! Queries, statements that write rows, and expressions.

use super::super::code::Word;
use super::super::keywords as kw;
use super::{Context, Want};

/// Words that a relation stands behind.
const RELATION_BEHIND: &[&str] = &["FROM", "JOIN", "INTO", "UPDATE", "TABLE", "ONLY", "LATERAL"];

/// Clauses whose content is a list of relations.
const RELATION_CLAUSES: &[&str] = &["FROM", "USING"];

/// A query or another statement over rows: by the clause that the cursor is in.
pub(super) fn query(words: &[Word<'_>]) -> Context {
    use Want as W;
    let Some(last) = words.last() else {
        return Context::of(&[W::Expression], kw::OPEN);
    };
    let is_clause = |word: &&Word<'_>| word.any(kw::CLAUSES);
    let clause = words.iter().rfind(is_clause);
    let clause = clause.map_or("", |clause| clause.text).to_ascii_uppercase();
    if last.any(RELATION_BEHIND) && !is_inner_from(words) {
        return Context::of(&[W::Relation], &["ONLY", "LATERAL"]);
    }
    if last.is("USING") && words.first().is_some_and(|first| first.any(&["DELETE", "MERGE"])) {
        return Context::of(&[W::Relation], &[]);
    }
    if last.is("SET") && words.first().is_some_and(|first| first.is("UPDATE")) {
        return Context::of(&[W::Column], &[]);
    }
    if clause == "SET" && last.text == "," {
        return Context::of(&[W::Column], &[]);
    }
    if last.is("RETURNING") {
        return Context::of(&[W::Expression], &["*"]);
    }
    if RELATION_CLAUSES.contains(&clause.as_str()) && !is_inner_from(words) {
        return if last.text == "," {
            Context::of(&[W::Relation], &["LATERAL"])
        } else {
            Context::of(&[], kw::AFTER_RELATION)
        };
    }
    match clause.as_str() {
        "JOIN" => Context::of(&[], &["ON", "USING", "AS"]),
        "INSERT" | "INTO" => match last.text {
            "()" => Context::of(&[], &["VALUES", "SELECT", "OVERRIDING SYSTEM VALUE"]),
            _ if last.is("INSERT") => Context::of(&[], &["INTO"]),
            _ => Context::of(&[], &["VALUES", "SELECT", "DEFAULT VALUES", "AS"]),
        },
        "VALUES" => Context::of(&[], &["ON CONFLICT", "RETURNING"]),
        "CONFLICT" => Context::of(&[], &["DO NOTHING", "DO UPDATE SET", "ON CONSTRAINT"]),
        "UPDATE" => Context::of(&[], &["SET", "AS"]),
        "DELETE" => Context::of(&[], &["FROM"]),
        "WITH" => Context::of(
            &[],
            &[
                "AS",
                "AS MATERIALIZED",
                "RECURSIVE",
                "SELECT",
                "INSERT INTO",
                "UPDATE",
                "DELETE FROM",
            ],
        ),
        "GROUP" | "ORDER" if last.any(&["GROUP", "ORDER"]) => Context::of(&[], &["BY"]),
        "LIMIT" | "OFFSET" => Context::of(&[], &["OFFSET", "LIMIT", "FOR UPDATE"]),
        _ => expression_in(words, last, &clause),
    }
}

fn is_inner_from(words: &[Word<'_>]) -> bool {
    // `IS DISTINCT FROM`
    words.iter().rposition(|word| word.is("FROM")).is_some_and(|at| {
        at.checked_sub(1).is_some_and(|before| words[before].is("DISTINCT"))
            && at >= 2
            && (words[at - 2].is("IS") || words[at - 2].is("NOT"))
    })
}

fn expression_in(words: &[Word<'_>], last: &Word<'_>, clause: &str) -> Context {
    let mut context = expression(words);
    let complete = last.text == "()" || last.text == "*" || (last.name.is_some() && !last.any(kw::EXPRESSION_BEHIND));
    if complete || last.text.starts_with('\'') {
        context.keywords.extend_from_slice(match clause {
            "SELECT" => &["FROM", "AS", "WHERE", "UNION ALL", "ORDER BY", "LIMIT"],
            "WHERE" | "ON" => &[
                "GROUP BY",
                "ORDER BY",
                "LIMIT",
                "JOIN",
                "LEFT JOIN",
                "WHERE",
                "RETURNING",
            ],
            "SET" => &["WHERE", "FROM", "RETURNING"],
            "GROUP" => &["HAVING", "ORDER BY", "LIMIT"],
            "ORDER" => &["ASC", "DESC", "NULLS FIRST", "NULLS LAST", "LIMIT", "OFFSET"],
            "HAVING" => &["ORDER BY", "LIMIT"],
            _ => &[],
        });
    } else if clause == "SELECT" && last.is("SELECT") {
        context.keywords.extend_from_slice(&["DISTINCT", "*"]);
    }
    context
}

/// An expression: a name or a value where one is due, an operator behind one.
pub(super) fn expression(words: &[Word<'_>]) -> Context {
    let complete = words.last().is_some_and(|last| {
        last.text == "()"
            || last.text.starts_with('\'')
            || last.text.bytes().all(|byte| byte.is_ascii_digit())
            || (last.name.is_some() && !last.any(kw::EXPRESSION_BEHIND) && !last.any(kw::CLAUSES))
    });
    if words.last().is_some_and(|last| last.text == "::") {
        return Context::of(&[Want::Type], &[]);
    }
    if complete {
        Context::of(&[], kw::OPERATORS)
    } else {
        Context::of(&[Want::Expression], kw::VALUES)
    }
}
