//! CREATE VIEW and CREATE MATERIALIZED VIEW.
//! <https://www.postgresql.org/docs/current/sql-createview.html>

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::cursor::{Cursor, Parsed, Unreadable};
use super::super::lower;
use super::super::statement::{CreateView, Node, Query, QueryBody};
use super::super::tokens::Token;
use super::parts::parameters;
use super::table::{without_data_clause, without_words};
use crate::text::Span;

/// What stands before `VIEW`.
#[derive(Clone, Copy)]
pub(crate) struct Prefix {
    pub(crate) or_replace: bool,
    pub(crate) temporary: bool,
    pub(crate) recursive: bool,
}

/// Behind `CREATE … VIEW`.
pub(crate) fn create(c: &mut Cursor<'_>, prefix: Prefix) -> Parsed<Node> {
    let mut view = head(c)?;
    view.or_replace = prefix.or_replace;
    view.temporary = prefix.temporary;
    view.recursive = prefix.recursive;
    let (query, check_option) = without_check_option(c);
    view.check_option = check_option;
    finish(c, view, query)
}

/// Behind `CREATE MATERIALIZED VIEW`.
pub(crate) fn create_materialized(c: &mut Cursor<'_>) -> Parsed<Node> {
    let mut view = head(c)?;
    view.materialized = true;
    let (query, with_data) = without_data_clause(c);
    view.with_data = with_data;
    finish(c, view, query)
}

/// `[IF NOT EXISTS] name [(columns)] [USING m] [WITH (…)] [TABLESPACE t] AS`
fn head(c: &mut Cursor<'_>) -> Parsed<CreateView> {
    let if_not_exists = c.if_not_exists();
    let name = c.name()?;
    let columns = c.optional_columns()?;
    if c.eat("USING") {
        c.ident()?;
    }
    let start = c.span();
    let mut options = Vec::new();
    let mut options_span = None;
    if c.eat("WITH") {
        options = parameters(c)?;
        options_span = Some(c.span_from(start));
    }
    if c.eat("TABLESPACE") {
        c.ident()?;
    }
    let place = Span {
        end: c.span().start,
        ..c.span()
    };
    c.expect("AS")?;
    Ok(CreateView {
        name,
        materialized: false,
        or_replace: false,
        if_not_exists,
        temporary: false,
        recursive: false,
        columns,
        options,
        options_span: options_span.unwrap_or(place),
        query: Arc::new(Query {
            span: place,
            ctes: Vec::new(),
            body: QueryBody::Values(Vec::new()),
            tail: Vec::new(),
            limit: None,
            row_locks: None,
        }),
        check_option: None,
        with_data: true,
    })
}

fn finish(c: &Cursor<'_>, mut view: CreateView, query: &[Token]) -> Parsed<Node> {
    if query.is_empty() {
        return Err(Unreadable);
    }
    view.query = lower::query(c.text, query).into();
    Ok(Node::CreateView(Box::new(view)))
}

fn without_check_option<'a>(c: &mut Cursor<'a>) -> (&'a [Token], Option<SmolStr>) {
    let rest = c.rest();
    c.skip_rest();
    let forms: [(&[&str], &str); 3] = [
        (&["WITH", "LOCAL", "CHECK", "OPTION"], "local"),
        (&["WITH", "CASCADED", "CHECK", "OPTION"], "cascaded"),
        (&["WITH", "CHECK", "OPTION"], "cascaded"),
    ];
    forms
        .into_iter()
        .find_map(|(words, option)| without_words(rest, words).map(|query| (query, Some(option.into()))))
        .unwrap_or((rest, None))
}

#[cfg(test)]
mod tests {
    use super::super::testing::node;
    use super::*;

    fn view(sql: &str) -> CreateView {
        match node(sql) {
            Node::CreateView(view) => *view,
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[test]
    fn options_and_check_option_are_not_the_querys() {
        let sql =
            "create or replace temp view s.v (a) with (security_invoker = on) as select 1 with local check option";
        let view = view(sql);
        assert_eq!(view.options_span.slice(sql), "with (security_invoker = on)");
        assert_eq!(view.options[0].value.as_deref(), Some("on"));
        assert_eq!(view.query.span.slice(sql), "select 1");
        assert_eq!(view.check_option.as_deref(), Some("local"));
        assert!(view.or_replace && view.temporary);
    }

    #[test]
    fn without_options_the_span_says_where_they_would_go() {
        let sql = "create view v as select 1";
        let view = view(sql);
        assert!(view.options_span.is_empty());
        assert!(sql[view.options_span.start as usize..].starts_with("as"));
    }

    #[test]
    fn materialized_and_recursive_views() {
        let sql = "create materialized view if not exists mv using heap with (fillfactor=70) tablespace ts as select 1 as a with no data";
        let materialized = view(sql);
        assert!(materialized.materialized && !materialized.with_data && materialized.if_not_exists);
        assert_eq!(materialized.query.span.slice(sql), "select 1 as a");
        assert!(view("create recursive view v (n) as values (1) union all select n+1 from v").recursive);
    }
}
