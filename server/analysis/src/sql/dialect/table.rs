//! CREATE TABLE in all its forms, CREATE TABLE AS and CREATE FOREIGN TABLE.
//! <https://www.postgresql.org/docs/current/sql-createtable.html>

use smol_str::SmolStr;
use sqlparser::tokenizer::Token as SqlToken;

use super::super::cursor::{Cursor, Parsed, Unreadable, is_word};
use super::super::lower;
use super::super::name::{Ident, Name};
use super::super::statement::{
    CreateTable, CreateTableAs, LikeClause, Node, PartitionBound, PartitionBy, Persistence, Query, QueryBody,
};
use super::super::tokens::Token;
use super::column::{at_table_constraint, column_def, table_constraint, untyped_column_def};
use super::index::index_key;
use super::parts::{generic_options, with_parameters};

/// Behind `CREATE [TEMP | UNLOGGED] TABLE`.
pub(crate) fn create(c: &mut Cursor<'_>, persistence: Persistence) -> Parsed<Node> {
    let if_not_exists = c.if_not_exists();
    let name = c.name()?;
    let mut ahead = *c;
    if let Ok(columns) = table_as_head(&mut ahead) {
        *c = ahead;
        let (query, with_data) = table_as_query(c)?;
        return Ok(Node::CreateTableAs(Box::new(CreateTableAs {
            name,
            if_not_exists,
            persistence,
            columns,
            query,
            with_data,
        })));
    }
    let mut table = empty(name, if_not_exists, persistence);
    definition(c, &mut table)?;
    Ok(Node::CreateTable(Box::new(table)))
}

/// Behind `CREATE FOREIGN TABLE`.
pub(crate) fn create_foreign(c: &mut Cursor<'_>) -> Parsed<Node> {
    let if_not_exists = c.if_not_exists();
    let mut table = empty(c.name()?, if_not_exists, Persistence::Permanent);
    table.foreign = true;
    definition(c, &mut table)?;
    c.expect("SERVER")?;
    c.ident()?;
    generic_options(c)?;
    Ok(Node::CreateTable(Box::new(table)))
}

fn empty(name: Name, if_not_exists: bool, persistence: Persistence) -> CreateTable {
    CreateTable {
        name,
        if_not_exists,
        persistence,
        foreign: false,
        columns: Vec::new(),
        constraints: Vec::new(),
        likes: Vec::new(),
        inherits: Vec::new(),
        of_type: None,
        partition_of: None,
        partition_by: None,
        options: Vec::new(),
    }
}

// ---- CREATE TABLE AS ---------------------------------------------------------------------------------------------

/// `[(columns)] [USING m] [WITH (…)] [ON COMMIT …] [TABLESPACE t] AS`
fn table_as_head(c: &mut Cursor<'_>) -> Parsed<Vec<Ident>> {
    let columns = c.optional_columns()?;
    if c.eat("USING") {
        c.ident()?;
    }
    with_parameters(c)?;
    on_commit_and_tablespace(c)?;
    c.expect("AS")?;
    Ok(columns)
}

fn table_as_query(c: &mut Cursor<'_>) -> Parsed<(Query, bool)> {
    let (query, with_data) = without_data_clause(c);
    let (first, last) = query.first().zip(query.last()).ok_or(Unreadable)?;
    let query = if is_word(first, "EXECUTE") {
        Query {
            span: first.span.cover(last.span),
            ctes: Vec::new(),
            body: QueryBody::Opaque {
                relations: Vec::new(),
                calls: Vec::new(),
            },
            tail: Vec::new(),
            limit: None,
            row_locks: None,
        }
    } else {
        lower::query(c.text, query)
    };
    Ok((query, with_data))
}

/// Takes the rest of the tokens; a `WITH [NO] DATA` at its end is cut off and said.
pub(crate) fn without_data_clause<'a>(c: &mut Cursor<'a>) -> (&'a [Token], bool) {
    let rest = c.rest();
    c.skip_rest();
    if let Some(query) = without_words(rest, &["WITH", "NO", "DATA"]) {
        (query, false)
    } else {
        (without_words(rest, &["WITH", "DATA"]).unwrap_or(rest), true)
    }
}

/// `tokens` without `words` at their end, if they stand there.
pub(crate) fn without_words<'a>(tokens: &'a [Token], words: &[&str]) -> Option<&'a [Token]> {
    let (before, last) = tokens.split_at_checked(tokens.len().checked_sub(words.len())?)?;
    last.iter()
        .zip(words)
        .all(|(token, word)| is_word(token, word))
        .then_some(before)
}

fn on_commit_and_tablespace(c: &mut Cursor<'_>) -> Parsed<()> {
    if c.eat_all(&["ON", "COMMIT"])
        && !(c.eat("DROP") || c.eat_all(&["DELETE", "ROWS"]) || c.eat_all(&["PRESERVE", "ROWS"]))
    {
        return Err(Unreadable);
    }
    if c.eat("TABLESPACE") {
        c.ident()?;
    }
    Ok(())
}

// ---- CREATE TABLE ------------------------------------------------------------------------------------------------

fn definition(c: &mut Cursor<'_>, table: &mut CreateTable) -> Parsed<()> {
    if c.eat("OF") {
        table.of_type = Some(c.name()?);
        if c.at_token(&SqlToken::LParen) {
            elements(c, table, false)?;
        }
    } else if c.eat_all(&["PARTITION", "OF"]) {
        let parent = c.name()?;
        if c.at_token(&SqlToken::LParen) {
            elements(c, table, false)?;
        }
        table.partition_of = Some((parent, partition_bound(c)?));
    } else {
        elements(c, table, true)?;
    }
    if c.eat("INHERITS") {
        table.inherits = c.paren_list(Cursor::name)?;
    }
    if c.at_words(&["PARTITION", "BY"]) {
        table.partition_by = Some(partition_by(c)?);
    }
    if c.eat("USING") {
        c.ident()?;
    }
    table.options = with_parameters(c)?;
    on_commit_and_tablespace(c)
}

fn elements(c: &mut Cursor<'_>, table: &mut CreateTable, typed: bool) -> Parsed<()> {
    c.paren_list(|c| {
        if c.at_word("LIKE") && typed {
            let position = table.columns.len();
            table.likes.push(like(c, position)?);
        } else if at_table_constraint(c) {
            table.constraints.push(table_constraint(c)?);
        } else if typed {
            table.columns.push(column_def(c)?);
        } else {
            table.columns.push(untyped_column_def(c)?);
        }
        Ok(())
    })?;
    table.columns.shrink_to_fit();
    table.constraints.shrink_to_fit();
    Ok(())
}

fn like(c: &mut Cursor<'_>, position: usize) -> Parsed<LikeClause> {
    c.expect("LIKE")?;
    let table = c.name()?;
    let mut options = Vec::new();
    while let Some(word) = c.eat_any(&["INCLUDING", "EXCLUDING"]) {
        options.push((word == "INCLUDING", c.ident()?.value));
    }
    Ok(LikeClause {
        table,
        options,
        position,
    })
}

/// `FOR VALUES …` or `DEFAULT`
pub(crate) fn partition_bound(c: &mut Cursor<'_>) -> Parsed<PartitionBound> {
    if c.eat("DEFAULT") {
        return Ok(PartitionBound::Default);
    }
    let start = c.span();
    c.expect_all(&["FOR", "VALUES"])?;
    if c.eat("IN") || c.eat("WITH") {
        c.parens()?;
    } else {
        c.expect("FROM")?;
        c.parens()?;
        c.expect("TO")?;
        c.parens()?;
    }
    Ok(PartitionBound::Values(c.span_from(start)))
}

fn partition_by(c: &mut Cursor<'_>) -> Parsed<PartitionBy> {
    let start = c.span();
    c.expect_all(&["PARTITION", "BY"])?;
    let strategy: SmolStr = c.ident()?.value;
    let keys = c.paren_list(|c| index_key(c).map(|key| key.expr))?;
    Ok(PartitionBy {
        strategy,
        keys,
        span: c.span_from(start),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::node;
    use super::*;

    fn table(sql: &str) -> CreateTable {
        match node(sql) {
            Node::CreateTable(table) => *table,
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[test]
    fn columns_constraints_and_likes_with_their_spans() {
        let sql = "create unlogged table if not exists public.t (id int primary key, like u including all excluding indexes, \"B\" text[] not null, check (id > 0)) with (fillfactor = 70)";
        let table = table(sql);
        assert_eq!(table.name.span().slice(sql), "public.t");
        assert_eq!(table.columns[0].span.slice(sql), "id int primary key");
        assert_eq!(table.columns[1].span.slice(sql), "\"B\" text[] not null");
        assert_eq!(table.constraints[0].span.slice(sql), "check (id > 0)");
        assert_eq!(table.likes[0].position, 1);
        assert_eq!(
            table.likes[0].options,
            [(true, "all".into()), (false, "indexes".into())]
        );
        assert_eq!(table.persistence, Persistence::Unlogged);
    }

    #[test]
    fn partitions() {
        let parent = table("create table t (a int, b text) partition by range (a, lower(b) text_ops) using heap");
        let by = parent.partition_by.expect("a key");
        assert_eq!((by.strategy.as_str(), by.keys.len()), ("range", 2));
        let sql = "create table p partition of t (constraint x check (a > 0), a with options default 1) for values from (1, minvalue) to (2, maxvalue) partition by hash (a)";
        let child = table(sql);
        let Some((_, PartitionBound::Values(bound))) = child.partition_of else {
            panic!()
        };
        assert_eq!(bound.slice(sql), "for values from (1, minvalue) to (2, maxvalue)");
        assert_eq!(child.columns[0].ty, None);
        assert!(matches!(
            table("create table p partition of t default").partition_of,
            Some((_, PartitionBound::Default))
        ));
    }

    #[test]
    fn of_inherits_temporary_foreign() {
        assert!(table("create table t of typ (primary key (a))").of_type.is_some());
        assert_eq!(table("create table t () inherits (a, s.b)").inherits.len(), 2);
        let temporary = table("create local temp table t (a int) on commit preserve rows tablespace x");
        assert_eq!(temporary.persistence, Persistence::Temporary);
        assert!(table("create foreign table f (a int options (x 'y') not null) server s options (x 'y')").foreign);
    }

    #[test]
    fn create_table_as() {
        let sql = "create temp table t (a, b) on commit drop as select 1, 2 with no data";
        let Node::CreateTableAs(table) = node(sql) else {
            panic!()
        };
        assert!(!table.with_data && table.columns.len() == 2);
        assert_eq!(table.query.span.slice(sql), "select 1, 2");
        assert!(matches!(
            node("create table t as execute p (1) with data"),
            Node::CreateTableAs(_)
        ));
        assert!(matches!(node("create table t as"), Node::Unknown { .. }));
    }
}
