//! Queries, clause by clause.
//! <https://www.postgresql.org/docs/current/sql-select.html>

use sqlparser::tokenizer::Token as SqlToken;

use super::super::cursor::{Cursor, Parsed, Unreadable, ident_of, is_word};
use super::super::name::{Ident, Name};
use super::super::statement::{Cte, Expr, ExprNode, Node, Query, QueryBody, Select, SelectItem, Statement};
use super::super::tokens::Token;
use super::{Reader, clauses, commas, inside_parens, span_of, top_level, words_at};

/// More branches of UNION, INTERSECT and EXCEPT than this in a row are opaque: every one nests once more.
const MAX_BRANCHES: usize = 100;

/// Where the clauses behind the last branch of a query begin.
const TAIL: &[&[&str]] = &[&["ORDER", "BY"], &["LIMIT"], &["OFFSET"], &["FETCH"], &["FOR"]];

const SET_OPERATORS: [&str; 3] = ["UNION", "INTERSECT", "EXCEPT"];

impl<'a> Reader<'a> {
    /// Reads a query; never fails.
    pub(super) fn query(self, tokens: &'a [Token]) -> Query {
        let Some(reader) = self.deeper() else {
            return self.opaque_query(tokens);
        };
        let (ctes, rest) = reader.with(tokens);
        reader.query_after_with(span_of(tokens), ctes, rest)
    }

    /// The query behind its `WITH`.
    pub(super) fn query_after_with(self, span: crate::text::Span, ctes: Vec<Cte>, tokens: &'a [Token]) -> Query {
        let tail = top_level(tokens)
            .map(|(at, _)| at)
            .find(|at| TAIL.iter().any(|words| words_at(tokens, *at, words)))
            .unwrap_or(tokens.len());
        let (body, tail) = tokens.split_at(tail);
        Query {
            span,
            ctes,
            body: self.body(body),
            tail: self.tail(tail),
            limit: self.limit(tail),
            row_locks: self.row_locks(tail),
        }
    }

    /// Reads `WITH [RECURSIVE] name AS (…), …` if it is there, and returns what follows.
    pub(super) fn with(self, tokens: &'a [Token]) -> (Vec<Cte>, &'a [Token]) {
        let mut cursor = self.cursor(tokens);
        if !cursor.eat("WITH") {
            return (Vec::new(), tokens);
        }
        cursor.eat("RECURSIVE");
        let mut ctes = Vec::new();
        while let Ok(cte) = self.cte(&mut cursor) {
            ctes.push(cte);
            // SEARCH … SET c and CYCLE … SET c USING c name columns only.
            while !cursor.at_end() && !cursor.at_token(&SqlToken::Comma) && !starts_statement(cursor) {
                cursor.next();
            }
            if !cursor.comma() {
                break;
            }
        }
        (ctes, cursor.rest())
    }

    fn cte(self, cursor: &mut Cursor<'a>) -> Parsed<Cte> {
        let name = cursor.ident()?;
        let columns = cursor.optional_columns()?;
        cursor.expect("AS")?;
        cursor.eat("NOT");
        cursor.eat("MATERIALIZED");
        let inside = cursor.parens()?.rest();
        if inside.is_empty() {
            return Err(Unreadable);
        }
        let node = match self.deeper() {
            Some(reader) => reader.dml(inside),
            None => Node::Query(Box::new(self.opaque_query(inside))),
        };
        Ok(Cte {
            name,
            columns,
            statement: Box::new(Statement {
                span: span_of(inside),
                node,
            }),
        })
    }

    fn body(self, tokens: &'a [Token]) -> QueryBody {
        let operators: Vec<usize> = top_level(tokens)
            .filter(|(at, token)| {
                SET_OPERATORS.iter().any(|word| is_word(token, word)) && !super::is_label(tokens, *at)
            })
            .map(|(at, _)| at)
            .collect();
        let Some(first) = operators.first() else {
            return self.branch(tokens);
        };
        if operators.len() > MAX_BRANCHES {
            return self.opaque_body(tokens);
        }
        let mut left = self.whole_branch(&tokens[..*first]);
        for (n, at) in operators.iter().enumerate() {
            let end = operators.get(n + 1).copied().unwrap_or(tokens.len());
            let mut cursor = self.cursor(&tokens[at + 1..end]);
            let _ = cursor.eat("ALL") || cursor.eat("DISTINCT");
            let right = self.whole_branch(cursor.rest());
            left = Query {
                span: span_of(&tokens[..end]),
                ctes: Vec::new(),
                body: QueryBody::Set(Box::new(left), Box::new(right)),
                tail: Vec::new(),
                limit: None,
                row_locks: None,
            };
        }
        left.body
    }

    fn whole_branch(self, tokens: &'a [Token]) -> Query {
        Query {
            span: span_of(tokens),
            ctes: Vec::new(),
            body: self.branch(tokens),
            tail: Vec::new(),
            limit: None,
            row_locks: None,
        }
    }

    fn branch(self, tokens: &'a [Token]) -> QueryBody {
        let mut cursor = self.cursor(tokens);
        if let Some(inside) = inside_parens(self.text, tokens) {
            return QueryBody::Nested(Box::new(self.query(inside)));
        }
        if cursor.eat("SELECT") {
            return QueryBody::Select(Box::new(self.select(cursor)));
        }
        if cursor.eat("VALUES") {
            return QueryBody::Values(self.rows(cursor));
        }
        if cursor.eat("TABLE") {
            cursor.eat("ONLY");
            if let Ok(name) = cursor.name() {
                return QueryBody::Table(name);
            }
        }
        self.opaque_body(tokens)
    }

    /// `(a, b), (c, d)`
    pub(super) fn rows(self, mut cursor: Cursor<'a>) -> Vec<Vec<Expr>> {
        let mut rows = Vec::new();
        while let Ok(row) = cursor.parens() {
            rows.push(self.exprs(row.rest()));
            if !cursor.comma() {
                break;
            }
        }
        rows
    }

    fn select(self, mut cursor: Cursor<'a>) -> Select {
        let mut rest = Vec::new();
        cursor.eat("ALL");
        let distinct = cursor.eat("DISTINCT");
        if distinct
            && cursor.eat("ON")
            && let Ok(on) = cursor.parens()
        {
            rest.extend(self.exprs(on.rest()));
        }
        let (items, [into, from, filter, group_by, having, window]) = clauses(
            cursor.rest(),
            [
                &["INTO"],
                &["FROM"],
                &["WHERE"],
                &["GROUP", "BY"],
                &["HAVING"],
                &["WINDOW"],
            ],
        );
        if let Some(keys) = group_by {
            rest.extend(self.grouping(keys));
        }
        rest.extend(
            having
                .filter(|having| !having.is_empty())
                .map(|having| self.expr(having)),
        );
        for definition in commas(window.unwrap_or_default()) {
            rest.extend(self.window(definition));
        }
        Select {
            distinct,
            items: self.items(items),
            into: into.and_then(|into| self.into_target(into)),
            from: self.from(from.unwrap_or_default()),
            filter: filter
                .filter(|filter| !filter.is_empty())
                .map(|filter| self.expr(filter)),
            rest,
        }
    }

    /// The keys of GROUP BY, those in `GROUPING SETS`, `CUBE` and `ROLLUP` included.
    fn grouping(self, tokens: &'a [Token]) -> Vec<Expr> {
        let Some(reader) = self.deeper() else {
            return Vec::new();
        };
        let key = |piece: &'a [Token]| {
            let mut cursor = self.cursor(piece);
            let _ = cursor.eat("ALL") || cursor.eat("DISTINCT");
            let key = cursor.rest();
            let sets = cursor.eat_all(&["GROUPING", "SETS"]) || cursor.eat("CUBE") || cursor.eat("ROLLUP");
            match inside_parens(self.text, cursor.rest()) {
                Some(inside) if sets || inside.is_empty() => reader.grouping(inside),
                _ => vec![reader.expr(key)],
            }
        };
        super::exact(commas(tokens).into_iter().flat_map(key))
    }

    /// `INTO [TEMPORARY | UNLOGGED] [TABLE] name`
    fn into_target(self, tokens: &'a [Token]) -> Option<Name> {
        let mut cursor = self.cursor(tokens);
        if tokens.len() > 1 {
            cursor.eat_any(&["TEMPORARY", "TEMP", "UNLOGGED"]);
            cursor.eat("TABLE");
        }
        cursor.name().ok()
    }

    /// The expressions of `w AS (PARTITION BY … ORDER BY …)`.
    fn window(self, tokens: &'a [Token]) -> Vec<Expr> {
        let mut cursor = self.cursor(tokens);
        let _ = cursor.ident();
        cursor.eat("AS");
        let Ok(inside) = cursor.parens() else {
            return Vec::new();
        };
        let (_, [partition, order]) = clauses(inside.rest(), [&["PARTITION", "BY"], &["ORDER", "BY"]]);
        let mut all = self.exprs(partition.unwrap_or_default());
        for key in commas(order.unwrap_or_default()) {
            let frame = top_level(key)
                .find(|(at, token)| *at > 0 && ["ROWS", "RANGE", "GROUPS"].iter().any(|word| is_word(token, word)))
                .map_or(key.len(), |(at, _)| at);
            all.push(self.sort_key(&key[..frame]));
        }
        all
    }

    /// The items of a select list or of RETURNING.
    pub(super) fn items(self, tokens: &'a [Token]) -> Vec<SelectItem> {
        commas(tokens).into_iter().map(|item| self.item(item)).collect()
    }

    fn item(self, tokens: &'a [Token]) -> SelectItem {
        if let [.., as_word, alias] = tokens
            && is_word(as_word, "AS")
            && let Some(alias) = ident_of(alias)
            && tokens.len() > 2
        {
            return SelectItem::Expr {
                expr: self.expr(&tokens[..tokens.len() - 2]),
                alias: Some(alias),
            };
        }
        if let Some((star, before)) = tokens.split_last()
            && star.token == SqlToken::Mul
        {
            if before.is_empty() {
                return SelectItem::Star(None);
            }
            if let Some((SqlToken::Period, of)) = before.split_last().map(|(last, of)| (&last.token, of)) {
                return self.star_of(of, span_of(tokens));
            }
        }
        let (expr, alias) = self.aliased(tokens);
        SelectItem::Expr { expr, alias }
    }

    /// `t.*` and `(expression).*`
    fn star_of(self, tokens: &'a [Token], span: crate::text::Span) -> SelectItem {
        let mut cursor = self.cursor(tokens);
        if let Ok(name) = cursor.name()
            && cursor.at_end()
        {
            return SelectItem::Star(Some(name));
        }
        let row = Box::new(self.expr(tokens));
        SelectItem::Expr {
            expr: Expr {
                span,
                node: ExprNode::Access {
                    expr: row,
                    field: None,
                    arguments: Vec::new(),
                },
            },
            alias: None,
        }
    }

    /// The tables whose rows are locked; several clauses add up.
    fn row_locks(self, tokens: &'a [Token]) -> Option<Vec<Ident>> {
        let starts = top_level(tokens).map(|(at, _)| at);
        let mut starts: Vec<usize> = starts.filter(|at| words_at(tokens, *at, &["FOR"])).collect();
        starts.push(tokens.len());
        let mut named: Option<Vec<Ident>> = None;
        for pair in starts.windows(2) {
            let clause = &tokens[pair[0]..pair[1]];
            let Some(of) = clause.iter().position(|token| is_word(token, "OF")) else {
                return Some(Vec::new());
            };
            let mut cursor = self.cursor(&clause[of + 1..]);
            named
                .get_or_insert_default()
                .extend(cursor.idents().unwrap_or_default());
        }
        named
    }

    /// Sort keys, limits and offsets behind a query.
    fn tail(self, tokens: &'a [Token]) -> Vec<Expr> {
        let mut starts: Vec<usize> = top_level(tokens)
            .map(|(at, _)| at)
            .filter(|at| TAIL.iter().any(|words| words_at(tokens, *at, words)))
            .collect();
        starts.push(tokens.len());
        let mut all = Vec::new();
        for pair in starts.windows(2) {
            let mut cursor = self.cursor(&tokens[pair[0]..pair[1]]);
            if cursor.eat_all(&["ORDER", "BY"]) {
                all.extend(commas(cursor.rest()).into_iter().map(|key| self.sort_key(key)));
            } else if cursor.eat("LIMIT") || cursor.eat("OFFSET") {
                let rest = without_last(cursor.rest(), &["ROW", "ROWS"]);
                if !rest.is_empty() && !is_word(&rest[0], "ALL") {
                    all.push(self.expr(rest));
                }
            }
        }
        super::exact(all)
    }

    /// The number behind `LIMIT`.
    fn limit(self, tokens: &'a [Token]) -> Option<u64> {
        let at = top_level(tokens)
            .map(|(at, _)| at)
            .find(|at| words_at(tokens, *at, &["LIMIT"]))?;
        let behind = at + 2;
        let ends = behind == tokens.len() || TAIL.iter().any(|words| words_at(tokens, behind, words));
        let number = tokens.get(at + 1).filter(|_| ends)?;
        number.span.slice(self.text).parse().ok()
    }

    /// `expression [ASC | DESC | USING operator] [NULLS FIRST | LAST]`
    pub(super) fn sort_key(self, tokens: &'a [Token]) -> Expr {
        let mut key = tokens;
        if let [before @ .., nulls, _] = key
            && is_word(nulls, "NULLS")
            && !before.is_empty()
        {
            key = before;
        }
        key = without_last(key, &["ASC", "DESC"]);
        let using = top_level(key).find(|(at, token)| *at > 0 && is_word(token, "USING"));
        if let Some((at, _)) = using {
            key = &key[..at];
        }
        self.expr(key)
    }
}

fn without_last<'a>(tokens: &'a [Token], words: &[&str]) -> &'a [Token] {
    match tokens.split_last() {
        Some((last, before)) if !before.is_empty() && words.iter().any(|word| is_word(last, word)) => before,
        _ => tokens,
    }
}

fn starts_statement(cursor: Cursor<'_>) -> bool {
    cursor.at_token(&SqlToken::LParen)
        || cursor.at_any(&[
            "SELECT", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH",
        ])
}

#[cfg(test)]
mod tests {
    use super::super::super::statement::{FromItem, Insert, Merge, Update};
    use super::super::super::tokens::tokenize;
    use super::super::{dml, query};
    use super::*;

    fn select(text: &str) -> Select {
        let read = query(text, &tokenize(text).tokens);
        assert_eq!(read.span.slice(text), text);
        match read.body {
            QueryBody::Select(select) => *select,
            other => panic!("{other:?}"),
        }
    }

    fn node(text: &str) -> Node {
        dml(text, &tokenize(text).tokens)
    }

    fn insert(text: &str) -> Insert {
        match node(text) {
            Node::Insert(insert) => *insert,
            other => panic!("{other:?}"),
        }
    }

    fn update(text: &str) -> Update {
        match node(text) {
            Node::Update(update) => *update,
            other => panic!("{other:?}"),
        }
    }

    fn slices<'t>(exprs: &[Expr], text: &'t str) -> Vec<&'t str> {
        exprs.iter().map(|expr| expr.span.slice(text)).collect()
    }

    #[test]
    fn every_clause_is_found() {
        let text = "select distinct on (a) a b, count(*) as \"N\", t.*, (r).* into x from t where a is distinct from b \
                    group by rollup (a, b), c having d window w as (partition by e order by f rows 1 preceding) \
                    order by g desc nulls last, h limit 1 offset 2 rows for update of t";
        let read = query(text, &tokenize(text).tokens);
        assert_eq!(slices(&read.tail, text), ["g", "h", "1", "2"]);
        let read = select(text);
        let aliases: Vec<_> = read
            .items
            .iter()
            .map(|item| match item {
                SelectItem::Star(of) => format!("{}.*", of.as_ref().expect("qualified")),
                SelectItem::Expr { expr, alias } => format!("{}:{alias:?}", expr.span.slice(text)).replace('"', "'"),
            })
            .map(|shown| shown.split(", span").next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(
            aliases,
            [
                "a:Some(Ident { value: 'b'",
                "count(*):Some(Ident { value: 'N'",
                "t.*",
                "(r).*:None"
            ]
        );
        assert_eq!(read.into.expect("a target").to_string(), "x");
        assert_eq!(
            read.filter.expect("a condition").span.slice(text),
            "a is distinct from b"
        );
        assert_eq!(slices(&read.rest, text), ["a", "a", "b", "c", "d", "e", "f"]);
    }

    #[test]
    fn from_items_and_joins() {
        let text = "select from only a x, lateral (select 1) s(i), f(1) with ordinality as o(n), \
                    rows from (g(1), h() as (i int)) r, b join c using (i) left join d on left(d.j, 1) = c.j";
        let from = select(text).from;
        assert!(matches!(&from[0], FromItem::Relation { only: true, alias: Some(alias), .. } if alias.value == "x"));
        assert!(matches!(&from[1], FromItem::Subquery { lateral: true, columns, .. } if columns.len() == 1));
        assert!(matches!(&from[2], FromItem::Function { ordinality: true, calls, .. } if calls.len() == 1));
        assert!(matches!(&from[3], FromItem::Function { calls, .. } if calls.len() == 2));
        let FromItem::Join { left, on: Some(on), .. } = &from[4] else {
            panic!("{:?}", from[4])
        };
        assert_eq!(on.span.slice(text), "left(d.j, 1) = c.j");
        assert!(matches!(&**left, FromItem::Join { using, .. } if using.len() == 1));
    }

    #[test]
    fn joins_on_the_right_come_first() {
        let text = "select from a join b join c on x on y join (d cross join e) on z";
        let from = select(text).from;
        let FromItem::Join { left, right, .. } = &from[0] else {
            panic!("{from:?}")
        };
        assert!(matches!(&**right, FromItem::Join { on: None, .. }));
        let FromItem::Join {
            right, on: Some(on), ..
        } = &**left
        else {
            panic!("{left:?}")
        };
        assert_eq!(on.span.slice(text), "y");
        assert!(matches!(&**right, FromItem::Join { .. }));
    }

    #[test]
    fn set_operations_values_and_tables() {
        let text = "(select 1) union all values (1, default), (2, 'x') except table s.t order by 1";
        let read = query(text, &tokenize(text).tokens);
        let QueryBody::Set(left, right) = read.body else {
            panic!("{read:?}")
        };
        assert!(matches!(right.body, QueryBody::Table(name) if name.to_string() == "s.t"));
        let QueryBody::Set(nested, values) = left.body else {
            panic!("{left:?}")
        };
        assert!(matches!(nested.body, QueryBody::Nested(_)));
        assert!(matches!(values.body, QueryBody::Values(rows) if rows.len() == 2 && rows[0].len() == 2));
        assert_eq!(read.tail.len(), 1);
    }

    #[test]
    fn ctes_may_change_data() {
        let text = "with recursive a(x) as not materialized (delete from t returning *), \
                    b as (select 1) search depth first by x set o cycle x set c using p insert into u table a";
        let read = insert(text);
        assert_eq!(read.ctes.len(), 2);
        assert!(matches!(read.ctes[0].statement.node, Node::Delete(_)));
        assert_eq!(read.ctes[1].statement.span.slice(text), "select 1");
        assert!(matches!(read.source.expect("a query").body, QueryBody::Table(_)));
    }

    #[test]
    fn inserts() {
        let text = "insert into s.t as x (a, b[1], c.d) overriding system value values (1, 2, 3) \
                    on conflict (a, lower(b)) where c do update set a = excluded.a, (b, c) = (1, 2) where x.a > 1 \
                    returning a as i, *";
        let read = insert(text);
        let columns: Vec<_> = read.columns.iter().map(crate::sql::name::Ident::as_str).collect();
        assert_eq!(columns, ["a", "b", "c"]);
        assert_eq!(read.overriding.as_deref(), Some("SYSTEM"));
        assert_eq!(read.returning.len(), 2);
        let conflict = read.on_conflict.expect("a clause");
        assert_eq!((conflict.columns.len(), conflict.update.len()), (1, 3));
        assert_eq!(conflict.filter.expect("a condition").span.slice(text), "x.a > 1");
        assert!(insert("insert into t default values").source.is_none());
        let nothing = insert("insert into t (select 1) on conflict on constraint k do nothing");
        assert_eq!(
            nothing.on_conflict.expect("a clause").constraint.expect("named").value,
            "k"
        );
        assert!(nothing.columns.is_empty());
    }

    #[test]
    fn updates_deletes_and_merges() {
        let text =
            "update only t x set a[1] = 1, (b, c) = (select 1, 2), d = default from u where x.i = u.i returning *";
        let read = update(text);
        assert!(read.table.only && read.table.alias.is_some());
        let columns: Vec<_> = read.assignments.iter().map(|set| set.column.as_str()).collect();
        assert_eq!(columns, ["a", "b", "c", "d"]);
        assert_eq!((read.from.len(), read.returning.len()), (1, 1));
        assert!(update("update t set a = 1 where current of c").filter.is_some());
        let Node::Delete(delete) = node("delete from t using u join v using (i) where t.i = v.i") else {
            panic!()
        };
        assert_eq!(delete.using.len(), 1);
        assert!(delete.filter.is_some());
        let Node::Merge(merge) = node(
            "merge into t using (select 1) s on t.i = s.i when matched and s.d then delete \
             when matched then update set a = s.a when not matched then insert (a, b) values (s.a, 1)",
        ) else {
            panic!()
        };
        let Merge { source, exprs, .. } = *merge;
        assert!(matches!(source, Some(FromItem::Subquery { .. })));
        assert_eq!(exprs.len(), 5);
    }

    #[test]
    fn odd_text_keeps_what_can_be_read() {
        assert!(matches!(node("insert into t (a) vlaues (1)"), Node::Insert(insert) if insert.columns.len() == 1));
        assert!(matches!(node("update t st a = 1"), Node::Update(_)));
        let QueryBody::Opaque { relations, calls } =
            query("x from t join f(1)", &tokenize("x from t join f(1)").tokens).body
        else {
            panic!()
        };
        assert_eq!((relations.len(), calls.len()), (2, 0));
    }

    #[test]
    fn a_clause_word_may_be_a_name() {
        let read = select("select count(*) as rows, t.offset as limit from t");
        assert_eq!((read.items.len(), read.from.len()), (2, 1));
    }
}
