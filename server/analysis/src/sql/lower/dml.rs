//! INSERT, UPDATE, DELETE and MERGE, clause by clause.

use sqlparser::tokenizer::Token as SqlToken;

use super::super::cursor::{Cursor, Parsed, ident_of, is_word};
use super::super::name::Ident;
use super::super::statement::{
    Assignment, Cte, Delete, Expr, ExprNode, Insert, Merge, Node, OnConflict, RelationRef, Update,
};
use super::super::tokens::Token;
use super::{Reader, clauses, commas, inside_parens, is_query, span_of, top_level, words_at};

impl<'a> Reader<'a> {
    /// Reads a query or a data-modifying statement; never fails.
    pub(super) fn dml(self, tokens: &'a [Token]) -> Node {
        let Some(reader) = self.deeper() else {
            return Node::Query(Box::new(self.opaque_query(tokens)));
        };
        let (ctes, rest) = reader.with(tokens);
        let mut cursor = reader.cursor(rest);
        let read = if cursor.eat_all(&["INSERT", "INTO"]) {
            reader.insert(&mut cursor).map(|insert| {
                Node::Insert(Box::new(Insert {
                    ctes: ctes.clone(),
                    ..insert
                }))
            })
        } else if cursor.eat("UPDATE") {
            reader.update(&mut cursor).map(|update| {
                Node::Update(Box::new(Update {
                    ctes: ctes.clone(),
                    ..update
                }))
            })
        } else if cursor.eat_all(&["DELETE", "FROM"]) {
            reader.delete(&mut cursor).map(|delete| {
                Node::Delete(Box::new(Delete {
                    ctes: ctes.clone(),
                    ..delete
                }))
            })
        } else if cursor.eat_all(&["MERGE", "INTO"]) {
            reader.merge(&mut cursor).map(|merge| {
                Node::Merge(Box::new(Merge {
                    ctes: ctes.clone(),
                    ..merge
                }))
            })
        } else {
            return Node::Query(Box::new(reader.query_after_with(span_of(tokens), ctes, rest)));
        };
        read.unwrap_or_else(|_| {
            let body = reader.opaque_query(rest);
            Node::Query(Box::new(super::super::statement::Query {
                span: span_of(tokens),
                ctes,
                ..body
            }))
        })
    }

    /// <https://www.postgresql.org/docs/current/sql-insert.html>
    fn insert(self, cursor: &mut Cursor<'a>) -> Parsed<Insert> {
        let table = cursor.name()?;
        let alias = if cursor.eat("AS") { Some(cursor.ident()?) } else { None };
        let mut columns = Vec::new();
        let mut ahead = *cursor;
        if let Ok(list) = ahead.parens()
            && !is_query(self.text, list.rest())
        {
            columns = first_idents(list.rest());
            *cursor = ahead;
        }
        let overriding = if cursor.eat("OVERRIDING") {
            let what = cursor.eat_any(&["SYSTEM", "USER"]).map(Into::into);
            cursor.eat("VALUE");
            what
        } else {
            None
        };
        let (source, [conflict, returning]) = clauses(cursor.rest(), [&["ON", "CONFLICT"], &["RETURNING"]]);
        cursor.skip_rest();
        let source = if source.is_empty() || words_at(source, 0, &["DEFAULT", "VALUES"]) {
            None
        } else {
            Some(self.query(source))
        };
        Ok(Insert {
            ctes: NO_CTES,
            table,
            alias,
            columns,
            source,
            on_conflict: conflict.map(|conflict| self.on_conflict(conflict)),
            returning: self.items(returning.unwrap_or_default()),
            overriding,
        })
    }

    fn on_conflict(self, tokens: &'a [Token]) -> OnConflict {
        let mut conflict = OnConflict {
            columns: Vec::new(),
            constraint: None,
            update: Vec::new(),
            filter: None,
        };
        let (target, [update]) = clauses(tokens, [&["DO", "UPDATE", "SET"]]);
        let mut cursor = self.cursor(target);
        if cursor.eat_all(&["ON", "CONSTRAINT"]) {
            conflict.constraint = cursor.ident().ok();
        } else if let Ok(list) = cursor.parens() {
            conflict.columns = commas(list.rest())
                .into_iter()
                .filter(|key| key.get(1).is_none_or(|next| next.token != SqlToken::LParen))
                .filter_map(|key| ident_of(key.first()?))
                .collect();
        }
        let (assignments, [filter]) = clauses(update.unwrap_or_default(), [&["WHERE"]]);
        conflict.update = self.assignments(assignments);
        conflict.filter = self.optional(filter);
        conflict
    }

    /// <https://www.postgresql.org/docs/current/sql-update.html>
    fn update(self, cursor: &mut Cursor<'a>) -> Parsed<Update> {
        let table = target(cursor)?;
        let (_, [set, from, filter, returning]) =
            clauses(cursor.rest(), [&["SET"], &["FROM"], &["WHERE"], &["RETURNING"]]);
        cursor.skip_rest();
        Ok(Update {
            ctes: NO_CTES,
            table,
            assignments: self.assignments(set.unwrap_or_default()),
            from: self.from(from.unwrap_or_default()),
            filter: self.condition_of(filter),
            returning: self.items(returning.unwrap_or_default()),
        })
    }

    /// <https://www.postgresql.org/docs/current/sql-delete.html>
    fn delete(self, cursor: &mut Cursor<'a>) -> Parsed<Delete> {
        let table = target(cursor)?;
        let (_, [using, filter, returning]) = clauses(cursor.rest(), [&["USING"], &["WHERE"], &["RETURNING"]]);
        cursor.skip_rest();
        Ok(Delete {
            ctes: NO_CTES,
            table,
            using: self.from(using.unwrap_or_default()),
            filter: self.condition_of(filter),
            returning: self.items(returning.unwrap_or_default()),
        })
    }

    /// <https://www.postgresql.org/docs/current/sql-merge.html>
    fn merge(self, cursor: &mut Cursor<'a>) -> Parsed<Merge> {
        let table = target(cursor)?;
        let (_, [using]) = clauses(cursor.rest(), [&["USING"]]);
        cursor.skip_rest();
        let using = using.unwrap_or_default();
        let mut starts: Vec<usize> = top_level(using)
            .map(|(at, _)| at)
            .filter(|at| words_at(using, *at, &["WHEN"]))
            .collect();
        let first_when = starts.first().copied().unwrap_or(using.len());
        starts.push(using.len());
        let (source, [on]) = clauses(&using[..first_when], [&["ON"]]);
        let mut exprs: Vec<Expr> = self.optional(on).into_iter().collect();
        for pair in starts.windows(2) {
            exprs.extend(self.when(&using[pair[0]..pair[1]]));
        }
        Ok(Merge {
            ctes: NO_CTES,
            table,
            source: self.from(source).into_iter().next(),
            exprs,
        })
    }

    /// The expressions of `WHEN … [AND condition] THEN action`.
    fn when(self, tokens: &'a [Token]) -> Vec<Expr> {
        let (head, [action]) = clauses(tokens, [&["THEN"]]);
        let (_, [condition]) = clauses(head, [&["AND"]]);
        let mut exprs: Vec<Expr> = self.optional(condition).into_iter().collect();
        let mut cursor = self.cursor(action.unwrap_or_default());
        if cursor.eat_all(&["UPDATE", "SET"]) {
            exprs.extend(self.assignments(cursor.rest()).into_iter().map(|set| set.value));
        } else {
            let (_, [values]) = clauses(cursor.rest(), [&["VALUES"]]);
            let rows = self.rows(self.cursor(values.unwrap_or_default()));
            exprs.extend(rows.into_iter().flatten());
        }
        exprs
    }

    fn optional(self, tokens: Option<&'a [Token]>) -> Option<Expr> {
        tokens
            .filter(|tokens| !tokens.is_empty())
            .map(|tokens| self.expr(tokens))
    }

    /// A WHERE clause; `CURRENT OF cursor` names no column.
    fn condition_of(self, tokens: Option<&'a [Token]>) -> Option<Expr> {
        let tokens = tokens?;
        if words_at(tokens, 0, &["CURRENT", "OF"]) {
            return Some(Expr {
                span: span_of(tokens),
                node: ExprNode::Other(Vec::new()),
            });
        }
        self.optional(Some(tokens))
    }

    /// `column = value`, `column[i] = value`, `column.field = value`, `(a, b) = (…)`.
    fn assignments(self, tokens: &'a [Token]) -> Vec<Assignment> {
        let mut all = Vec::new();
        for piece in commas(tokens) {
            let Some((equals, _)) = top_level(piece).find(|(_, token)| token.token == SqlToken::Eq) else {
                continue;
            };
            let (target, value) = (&piece[..equals], &piece[equals + 1..]);
            if value.is_empty() {
                continue;
            }
            match inside_parens(self.text, target) {
                Some(columns) => all.extend(self.row_assignment(first_idents(columns), value)),
                None => all.extend(target.first().and_then(ident_of).map(|column| Assignment {
                    column,
                    value: self.expr(value),
                })),
            }
        }
        all
    }

    fn row_assignment(self, columns: Vec<Ident>, value: &'a [Token]) -> Vec<Assignment> {
        let row = match value.split_first() {
            Some((first, rest)) if is_word(first, "ROW") => rest,
            _ => value,
        };
        let fields = inside_parens(self.text, row).filter(|fields| !is_query(self.text, fields));
        let fields = fields.map(commas).filter(|fields| fields.len() == columns.len());
        let Some(fields) = fields else {
            let value = self.expr(value);
            let assign = |column| Assignment {
                column,
                value: value.clone(),
            };
            return columns.into_iter().map(assign).collect();
        };
        let assign = |(column, field)| Assignment {
            column,
            value: self.expr(field),
        };
        columns.into_iter().zip(fields).map(assign).collect()
    }
}

/// The columns of a list, without subscripts and fields.
fn first_idents(tokens: &[Token]) -> Vec<Ident> {
    let first = |column: &[Token]| ident_of(column.first()?);
    commas(tokens).into_iter().filter_map(first).collect()
}

/// Filled in by the caller, which has read them.
const NO_CTES: Vec<Cte> = Vec::new();

/// `[ONLY] name [*] [[AS] alias]`
fn target(cursor: &mut Cursor<'_>) -> Parsed<RelationRef> {
    let only = cursor.at_word("ONLY")
        && cursor
            .peek_nth(1)
            .is_some_and(|next| matches!(next.token, SqlToken::Word(_) | SqlToken::LParen) && !is_word(next, "SET"))
        && cursor.eat("ONLY");
    let name = if only && cursor.at_token(&SqlToken::LParen) {
        cursor.parens()?.name()?
    } else {
        cursor.name()?
    };
    cursor.eat_token(&SqlToken::Mul);
    let alias = if cursor.eat("AS") {
        Some(cursor.ident()?)
    } else if cursor.at_any(&["SET", "USING", "WHERE", "RETURNING"]) {
        None
    } else {
        cursor.ident().ok()
    };
    Ok(RelationRef { name, only, alias })
}
