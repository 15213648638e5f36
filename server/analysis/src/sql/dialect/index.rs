//! CREATE INDEX, and the keys that indexes, exclusion constraints and partition keys share.
//! <https://www.postgresql.org/docs/current/sql-createindex.html>

use sqlparser::tokenizer::Token as SqlToken;

use super::super::cursor::{Cursor, Parsed};
use super::super::lower;
use super::super::statement::{CreateIndex, Expr, IndexKey, Node};
use super::column::{include, nulls_not_distinct};
use super::parts::with_parameters;

/// Behind `CREATE [UNIQUE] INDEX`.
pub(crate) fn create(c: &mut Cursor<'_>, unique: bool) -> Parsed<Node> {
    let place = c.end_span();
    let keyword = c.span();
    let concurrently = c.eat("CONCURRENTLY");
    let if_not_exists = c.if_not_exists();
    let name = if c.at_word("ON") { None } else { Some(c.name()?) };
    c.expect("ON")?;
    let only = c.eat("ONLY");
    let table = c.name()?;
    c.eat_token(&SqlToken::Mul);
    let method = c.eat("USING").then(|| c.ident()).transpose()?;
    let keys = c.paren_list(index_key)?;
    let include = include(c)?;
    let nulls_not_distinct = nulls_not_distinct(c);
    let options = with_parameters(c)?;
    if c.eat("TABLESPACE") {
        c.ident()?;
    }
    let predicate = c.eat("WHERE").then(|| c.expr(&[])).transpose()?;
    Ok(Node::CreateIndex(Box::new(CreateIndex {
        name,
        unique,
        concurrently,
        if_not_exists,
        only,
        table,
        method,
        keys,
        include,
        nulls_not_distinct,
        options,
        predicate: predicate.map(Into::into),
        concurrently_span: if concurrently { keyword } else { place },
    })))
}

/// `WHERE (predicate)` of an exclusion constraint.
pub(crate) fn optional_predicate(c: &mut Cursor<'_>) -> Parsed<Option<Expr>> {
    c.eat("WHERE").then(|| c.paren_expr()).transpose()
}

/// `column | call(…) | (expression)`, then `[COLLATE c] [opclass [(…)]] [ASC | DESC] [NULLS …] [WITH operator]`.
pub(crate) fn index_key(c: &mut Cursor<'_>) -> Parsed<IndexKey> {
    let start = c.span();
    let expr = key_expr(c)?;
    let collation = c.eat("COLLATE").then(|| c.name()).transpose()?;
    let bare = c.at_end() || c.at_token(&SqlToken::Comma) || c.at_any(&["ASC", "DESC", "NULLS", "WITH"]);
    let opclass = if bare { None } else { Some(c.name()?) };
    if opclass.is_some() && c.at_token(&SqlToken::LParen) {
        c.parens()?;
    }
    let descending = c.eat("DESC");
    if !descending {
        c.eat("ASC");
    }
    let nulls_first = match c.eat("NULLS") {
        true if c.eat("FIRST") => Some(true),
        true => Some(c.expect("LAST").map(|()| false)?),
        false => None,
    };
    let operator = c.eat("WITH").then(|| {
        let tokens = c.until(&[]);
        c.source(tokens).into()
    });
    Ok(IndexKey {
        expr: expr.into(),
        collation,
        opclass,
        descending,
        nulls_first,
        operator,
        span: c.span_from(start),
    })
}

fn key_expr(c: &mut Cursor<'_>) -> Parsed<Expr> {
    if c.at_token(&SqlToken::LParen) {
        return c.paren_expr();
    }
    let start = *c;
    c.name()?;
    if c.at_token(&SqlToken::LParen) {
        c.parens()?;
    }
    Ok(lower::expr(c.text, c.since(&start)))
}

#[cfg(test)]
mod tests {
    use super::super::testing::node;
    use super::*;

    fn index(sql: &str) -> CreateIndex {
        match node(sql) {
            Node::CreateIndex(index) => *index,
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[test]
    fn all_clauses_in_the_manuals_order() {
        let sql = "create unique index concurrently if not exists idx on public.t using btree (lower(a) collate \"C\" text_pattern_ops desc nulls last, (b || c)) include (d) nulls not distinct with (fillfactor = 70) tablespace ts where d > 0";
        let index = index(sql);
        assert_eq!(index.concurrently_span.slice(sql), "concurrently");
        assert_eq!(
            index.keys[0].span.slice(sql),
            "lower(a) collate \"C\" text_pattern_ops desc nulls last"
        );
        assert!(index.keys[0].descending && index.keys[0].nulls_first == Some(false));
        assert_eq!(index.keys[1].span.slice(sql), "(b || c)");
        assert!(index.nulls_not_distinct && index.unique && index.predicate.is_some());
        assert_eq!(index.options[0].span.slice(sql), "fillfactor = 70");
    }

    #[test]
    fn an_unnamed_index_and_where_concurrently_would_go() {
        let sql = "create index on only t (a gist_trgm_ops(siglen=32), b nulls first)";
        let index = index(sql);
        assert!(index.name.is_none() && index.only);
        assert_eq!(index.concurrently_span.start, 12);
        assert!(index.concurrently_span.is_empty());
        assert_eq!(
            index.keys[0].opclass.as_ref().map(ToString::to_string).as_deref(),
            Some("gist_trgm_ops")
        );
    }
}
