//! Expressions: sqlparser reads them, and its AST becomes ours. The only file that sees sqlparser's AST.

use std::cell::Cell;

use sqlparser::ast::{
    AccessExpr, Array, BinaryOperator, CastKind, DataType, Expr as SqlExpr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArguments, Ident as SqlIdent, ObjectName, ObjectNamePart, OrderByExpr,
    SelectItem as SqlItem, Subscript, UnaryOperator, Value, WindowType,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserOptions};
use sqlparser::tokenizer::{Span as SqlSpan, Token as SqlToken};

use super::super::cursor::{Cursor, ident_of, is_word};
use super::super::dialect::types::type_name;
use super::super::name::{Ident, Name};
use super::super::statement::{Expr, ExprNode, TypeName};
use super::super::tokens::{Token, tokenize};
use super::feed::{Feed, Groups, Part};
use super::{Reader, inside_parens, is_label, span_of, top_level};
use crate::text::Span;

/// sqlparser counts one per parenthesis and per operator's right side; the feed bounds parentheses.
const RECURSION_LIMIT: usize = 120;

/// Functions that are called without parentheses.
const NILADIC: &[&str] = &[
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "localtime",
    "localtimestamp",
    "session_user",
    "system_user",
    "user",
];

impl<'a> Reader<'a> {
    /// Reads an expression; never fails.
    pub(super) fn expr(self, tokens: &'a [Token]) -> Expr {
        if let Some(simple) = self.simple(tokens) {
            return simple;
        }
        let read = self.lowered(tokens, |parser| parser.parse_expr().ok());
        match read {
            Some((lowering, expr)) => Expr {
                span: span_of(tokens),
                ..lowering.expr(&expr)
            },
            None => self.in_parts(tokens),
        }
    }

    /// Reads `expression [[AS] alias]`.
    pub(super) fn aliased(self, tokens: &'a [Token]) -> (Expr, Option<Ident>) {
        let bare_alias = match tokens {
            [.., before, last] => matches!(last.token, SqlToken::Word(_)) && before.token != SqlToken::Period,
            _ => false,
        };
        if !bare_alias {
            return (self.expr(tokens), None);
        }
        let read = self.lowered(tokens, |parser| parser.parse_select_item().ok());
        let Some((lowering, SqlItem::ExprWithAlias { expr, .. })) = read else {
            return self.maybe_aliased(tokens);
        };
        let (last, before) = tokens.split_last().expect("a bare alias was found");
        let expr = Expr {
            span: span_of(before),
            ..lowering.expr(&expr)
        };
        (expr, ident_of(last))
    }

    /// Where sqlparser does not see an alias: there is none, or it cannot read the expression.
    fn maybe_aliased(self, tokens: &'a [Token]) -> (Expr, Option<Ident>) {
        let whole = self.expr(tokens);
        let Some((last, before)) = tokens
            .split_last()
            .filter(|_| is_opaque(&whole) && tokens.len() < 1_000)
        else {
            return (whole, None);
        };
        let without = self.expr(before);
        if is_opaque(&without) {
            (whole, None)
        } else {
            (without, ident_of(last))
        }
    }

    /// Constants and column names need no parser: most values of a long INSERT are one.
    fn simple(self, tokens: &'a [Token]) -> Option<Expr> {
        let span = span_of(tokens);
        let node = match tokens {
            [] => ExprNode::Other(Vec::new()),
            [one] => constant(one, self.text).or_else(|| bare_word(one))?,
            [first, .., _]
                if matches!(
                    first.token,
                    SqlToken::SingleQuotedString(_) | SqlToken::EscapedStringLiteral(_)
                ) =>
            {
                let mut cursor = self.cursor(tokens);
                let value = cursor.string().ok()?;
                cursor.finish().ok()?;
                ExprNode::String(value.0)
            }
            [minus, number] if minus.token == SqlToken::Minus => match &number.token {
                SqlToken::Number(..) => ExprNode::Number(format!("-{}", number.span.slice(self.text)).into()),
                _ => return None,
            },
            _ => return None,
        };
        Some(Expr { span, node })
    }

    /// Runs sqlparser over all of the tokens.
    fn lowered<T>(
        self,
        tokens: &'a [Token],
        read: impl FnOnce(&mut Parser<'_>) -> Option<T>,
    ) -> Option<(Lowering<'a>, T)> {
        let reader = self.deeper()?;
        let groups = Groups::new(tokens);
        let Feed { tokens: fed, parts } = Feed::new(reader, tokens, &groups)?;
        let dialect = PostgreSqlDialect {};
        let mut parser = Parser::new(&dialect)
            .with_options(ParserOptions::new().with_unescape(false))
            .with_recursion_limit(RECURSION_LIMIT)
            .with_tokens_with_locations(fed);
        let value = read(&mut parser)?;
        if parser.peek_token_ref().token != SqlToken::EOF {
            return None;
        }
        let lowering = Lowering {
            reader,
            tokens,
            groups,
            parts,
            seen: Cell::new(0),
        };
        Some((lowering, value))
    }

    /// An expression that sqlparser rejects: the sides of its `AND` and `OR` one by one, else what its tokens name.
    fn in_parts(self, tokens: &'a [Token]) -> Expr {
        let span = span_of(tokens);
        let Some(reader) = self.deeper() else {
            return self.opaque_expr(tokens);
        };
        if let Some(inside) = inside_parens(self.text, tokens).filter(|inside| !inside.is_empty()) {
            return Expr {
                span,
                ..reader.expr(inside)
            };
        }
        let joins: [(&str, Join); 2] = [("OR", ExprNode::Or), ("AND", ExprNode::And)];
        for (word, join) in joins {
            let cuts = cuts(tokens, word);
            if cuts.is_empty() || cuts.len() > 200 {
                continue;
            }
            let mut left = reader.expr(&tokens[..cuts[0]]);
            for (n, at) in cuts.iter().enumerate() {
                let end = cuts.get(n + 1).copied().unwrap_or(tokens.len());
                let right = reader.expr(&tokens[at + 1..end]);
                let span = left.span.cover(right.span);
                let node = join(Box::new(left), Box::new(right));
                left = Expr { span, node };
            }
            return left;
        }
        match tokens.split_first() {
            Some((not, rest)) if is_word(not, "NOT") && !rest.is_empty() => Expr {
                span,
                node: ExprNode::Not(Box::new(reader.expr(rest))),
            },
            _ => self.opaque_expr(tokens),
        }
    }
}

/// `ExprNode::And` or `ExprNode::Or`.
type Join = fn(Box<Expr>, Box<Expr>) -> ExprNode;

/// Where a top-level `AND` or `OR` joins two conditions; the AND of a BETWEEN does not.
fn cuts(tokens: &[Token], word: &str) -> Vec<usize> {
    let mut between = 0_usize;
    let mut cuts = Vec::new();
    for (at, token) in top_level(tokens) {
        if is_word(token, "BETWEEN") {
            between += 1;
        } else if is_word(token, "AND") && between > 0 {
            between -= 1;
        } else if is_word(token, word) && at > 0 && at + 1 < tokens.len() && !is_label(tokens, at) {
            cuts.push(at);
        }
    }
    cuts
}

fn is_opaque(expr: &Expr) -> bool {
    matches!(expr.node, ExprNode::Opaque { .. })
}

/// A constant of one token.
fn constant(token: &Token, text: &str) -> Option<ExprNode> {
    Some(match &token.token {
        SqlToken::Number(..) => ExprNode::Number(token.span.slice(text).into()),
        SqlToken::Placeholder(_) => ExprNode::Parameter,
        SqlToken::Mul => ExprNode::Star(None),
        SqlToken::Word(_) if is_word(token, "NULL") => ExprNode::Null,
        SqlToken::Word(_) if is_word(token, "TRUE") => ExprNode::Bool(true),
        SqlToken::Word(_) if is_word(token, "FALSE") => ExprNode::Bool(false),
        _ => {
            let tokens = std::slice::from_ref(token);
            ExprNode::String(Cursor::new(text, tokens).string().ok()?.0)
        }
    })
}

/// A column, `DEFAULT`, or a function that is called without parentheses.
fn bare_word(token: &Token) -> Option<ExprNode> {
    let name = Name::bare(ident_of(token)?);
    if is_word(token, "DEFAULT") {
        return Some(ExprNode::Other(Vec::new()));
    }
    Some(if NILADIC.iter().any(|word| is_word(token, word)) {
        call(name, Vec::new())
    } else {
        ExprNode::Column(name)
    })
}

fn call(name: Name, arguments: Vec<Expr>) -> ExprNode {
    ExprNode::Call {
        name,
        arguments,
        window: false,
    }
}

fn operator(name: &str, operands: Vec<Expr>) -> ExprNode {
    ExprNode::Operator {
        name: name.into(),
        operands,
    }
}

/// One expression's AST on its way to ours.
struct Lowering<'a> {
    reader: Reader<'a>,
    tokens: &'a [Token],
    groups: Groups,
    parts: std::collections::BTreeMap<usize, Part>,
    /// The last token that something lowered stood at; AST nodes without a location come right after it.
    seen: Cell<usize>,
}

impl Lowering<'_> {
    fn expr(&self, expr: &SqlExpr) -> Expr {
        // Chains of operators nest on their left; walk down them instead of recursing.
        let mut pending = Vec::new();
        let mut leftmost = expr;
        while let SqlExpr::BinaryOp { left, op, right } = leftmost {
            pending.push((op, right));
            leftmost = left;
        }
        let mut left = self.operand(leftmost);
        while let Some((op, right)) = pending.pop() {
            let right = self.expr(right);
            let span = left.span.cover(right.span);
            let node = match op {
                BinaryOperator::And => ExprNode::And(Box::new(left), Box::new(right)),
                BinaryOperator::Or => ExprNode::Or(Box::new(left), Box::new(right)),
                _ => operator(&op.to_string(), vec![left, right]),
            };
            left = Expr { span, node };
        }
        left
    }

    fn operand(&self, expr: &SqlExpr) -> Expr {
        match expr {
            SqlExpr::Identifier(ident) => self.identifier(ident),
            SqlExpr::CompoundIdentifier(parts) => self.column(parts),
            SqlExpr::CompoundFieldAccess { root, access_chain } => self.access(root, access_chain),
            SqlExpr::Value(value) => self.value(&value.value, value.span),
            SqlExpr::Nested(inner) => {
                let inner = self.expr(inner);
                Expr {
                    span: self.with_parens(inner.span),
                    ..inner
                }
            }
            SqlExpr::IsNull(inner) => self.is_null(inner, false),
            SqlExpr::IsNotNull(inner) => self.is_null(inner, true),
            SqlExpr::IsTrue(inner) => self.postfix("IS TRUE", inner),
            SqlExpr::IsNotTrue(inner) => self.postfix("IS NOT TRUE", inner),
            SqlExpr::IsFalse(inner) => self.postfix("IS FALSE", inner),
            SqlExpr::IsNotFalse(inner) => self.postfix("IS NOT FALSE", inner),
            SqlExpr::IsUnknown(inner) => self.postfix("IS UNKNOWN", inner),
            SqlExpr::IsNotUnknown(inner) => self.postfix("IS NOT UNKNOWN", inner),
            SqlExpr::IsJson { expr, .. } => self.postfix("IS JSON", expr),
            SqlExpr::IsNormalized { expr, .. } => self.postfix("IS NORMALIZED", expr),
            SqlExpr::IsDistinctFrom(a, b) => self.operator("IS DISTINCT FROM", &[a, b]),
            SqlExpr::IsNotDistinctFrom(a, b) => self.operator("IS NOT DISTINCT FROM", &[a, b]),
            SqlExpr::InList { expr, list, negated } => self.in_list(expr, list, *negated),
            SqlExpr::Between {
                expr,
                negated,
                low,
                high,
            } => self.operator(negatable("BETWEEN", *negated), &[expr, low, high]),
            SqlExpr::Like {
                negated,
                expr,
                pattern,
                escape_char,
                ..
            } => self.pattern("LIKE", *negated, expr, pattern, escape_char.as_deref()),
            SqlExpr::ILike {
                negated,
                expr,
                pattern,
                escape_char,
                ..
            } => self.pattern("ILIKE", *negated, expr, pattern, escape_char.as_deref()),
            SqlExpr::SimilarTo {
                negated,
                expr,
                pattern,
                escape_char,
            } => self.pattern("SIMILAR TO", *negated, expr, pattern, escape_char.as_deref()),
            SqlExpr::AnyOp {
                left,
                compare_op,
                right,
                ..
            } => self.quantified(left, compare_op, "ANY", right),
            SqlExpr::AllOp {
                left,
                compare_op,
                right,
            } => self.quantified(left, compare_op, "ALL", right),
            SqlExpr::UnaryOp { op, expr } => self.unary(*op, expr),
            SqlExpr::Cast {
                kind, expr, data_type, ..
            } => self.cast(kind, expr, data_type),
            SqlExpr::TypedString(typed) => {
                let value = self.value(&typed.value.value, typed.value.span);
                let ty = self.ty(&typed.data_type);
                Expr {
                    span: value.span,
                    node: ExprNode::Cast {
                        expr: Box::new(value),
                        ty: Box::new(ty),
                    },
                }
            }
            SqlExpr::AtTimeZone { timestamp, time_zone } => {
                let all = vec![self.expr(timestamp), self.expr(time_zone)];
                self.around(all, ExprNode::Other)
            }
            SqlExpr::Extract { expr, .. } => self.special_call(&[expr]),
            SqlExpr::Ceil { expr, .. } | SqlExpr::Floor { expr, .. } => self.special_call(&[expr]),
            SqlExpr::Position { expr, r#in } => self.special_call(&[expr, r#in]),
            SqlExpr::Substring {
                expr,
                substring_from,
                substring_for,
                ..
            } => {
                let all = [Some(expr), substring_from.as_ref(), substring_for.as_ref()];
                self.special_call(&all.into_iter().flatten().map(|expr| &**expr).collect::<Vec<_>>())
            }
            SqlExpr::Trim {
                trim_what,
                expr,
                trim_characters,
                ..
            } => {
                let mut all: Vec<&SqlExpr> = trim_what.iter().map(|what| &**what).collect();
                all.push(expr);
                all.extend(trim_characters.iter().flatten());
                self.special_call(&all)
            }
            SqlExpr::Overlay {
                expr,
                overlay_what,
                overlay_from,
                overlay_for,
            } => {
                let mut all: Vec<&SqlExpr> = vec![expr, overlay_what, overlay_from];
                all.extend(overlay_for.iter().map(|length| &**length));
                self.special_call(&all)
            }
            SqlExpr::Function(function) => self.function(function),
            SqlExpr::Case {
                case_token,
                end_token,
                operand,
                conditions,
                else_result,
            } => {
                let mut all: Vec<Expr> = operand.iter().map(|operand| self.expr(operand)).collect();
                for when in conditions {
                    all.push(self.expr(&when.condition));
                    all.push(self.expr(&when.result));
                }
                all.extend(else_result.iter().map(|result| self.expr(result)));
                let start = self.token(case_token.0.span);
                let end = self.token(end_token.0.span);
                self.seen.set(end);
                Expr {
                    span: self.tokens[start].span.cover(self.tokens[end].span),
                    node: ExprNode::Case(all),
                }
            }
            SqlExpr::Tuple(fields) => {
                let fields: Vec<Expr> = fields.iter().map(|field| self.expr(field)).collect();
                let span = self.group_around(&fields, &["ROW"]);
                Expr {
                    span,
                    node: ExprNode::Row(fields),
                }
            }
            SqlExpr::Array(array) => self.array(array),
            SqlExpr::GroupingSets(sets) | SqlExpr::Cube(sets) | SqlExpr::Rollup(sets) => {
                let all = sets.iter().flatten().map(|expr| self.expr(expr)).collect();
                self.around(all, ExprNode::Other)
            }
            SqlExpr::Interval(interval) => {
                let all = vec![self.expr(&interval.value)];
                self.around(all, ExprNode::Other)
            }
            SqlExpr::QualifiedWildcard(name, _) => {
                let name = self.name(name);
                Expr {
                    span: name.as_ref().map_or(self.whole(), Name::span),
                    node: ExprNode::Star(name),
                }
            }
            SqlExpr::Wildcard(_) => Expr {
                span: self.whole(),
                node: ExprNode::Star(None),
            },
            _ => self.reader.opaque_expr(self.tokens),
        }
    }

    // ---- tokens and spans ----------------------------------------------------------------------------------------

    fn whole(&self) -> Span {
        span_of(self.tokens)
    }

    /// The index of the token at sqlparser's location.
    fn token(&self, span: SqlSpan) -> usize {
        let line = usize::try_from(span.start.line).unwrap_or_default();
        line.saturating_sub(1).min(self.tokens.len() - 1)
    }

    fn first(&self, span: Span) -> usize {
        self.tokens.partition_point(|token| token.span.end <= span.start)
    }

    fn last(&self, span: Span) -> usize {
        self.tokens
            .partition_point(|token| token.span.start < span.end)
            .saturating_sub(1)
    }

    fn word_at(&self, at: usize, words: &[&str]) -> bool {
        self.tokens
            .get(at)
            .is_some_and(|token| words.iter().any(|word| is_word(token, word)))
    }

    /// Wider by the parentheses directly around.
    fn with_parens(&self, span: Span) -> Span {
        let (first, last) = (self.first(span), self.last(span));
        match first.checked_sub(1) {
            Some(open) if self.groups.partner(open) == Some(last + 1) => {
                self.seen.set(last + 1);
                self.tokens[open].span.cover(self.tokens[last + 1].span)
            }
            _ => span,
        }
    }

    /// The parentheses or brackets around the first of `inside`, with one of `words` before them.
    fn group_around(&self, inside: &[Expr], words: &[&str]) -> Span {
        let Some(first) = inside.first() else {
            return self.whole();
        };
        let Some(open) = self.groups.parent(self.first(first.span)) else {
            return inside.iter().map(|expr| expr.span).fold(first.span, Span::cover);
        };
        let close = self.groups.partner(open).unwrap_or(open);
        let start = open
            .checked_sub(1)
            .filter(|before| self.word_at(*before, words))
            .unwrap_or(open);
        self.seen.set(close);
        self.tokens[start].span.cover(self.tokens[close].span)
    }

    /// A node that spans exactly what it holds.
    fn around(&self, inside: Vec<Expr>, node: fn(Vec<Expr>) -> ExprNode) -> Expr {
        let span = inside
            .iter()
            .map(|expr| expr.span)
            .reduce(Span::cover)
            .unwrap_or(self.whole());
        Expr {
            span,
            node: node(inside),
        }
    }

    fn ident(&self, ident: &SqlIdent) -> Option<Ident> {
        let at = self.token(ident.span);
        self.seen.set(at);
        ident_of(&self.tokens[at])
    }

    fn name(&self, name: &ObjectName) -> Option<Name> {
        let ident = |part: &ObjectNamePart| match part {
            ObjectNamePart::Identifier(ident) => self.ident(ident),
            ObjectNamePart::Function(_) => None,
        };
        let parts: Option<Vec<Ident>> = name.0.iter().map(ident).collect();
        parts.filter(|parts| !parts.is_empty()).map(|parts| Name {
            parts: super::exact(parts),
        })
    }

    // ---- leaves --------------------------------------------------------------------------------------------------

    fn identifier(&self, ident: &SqlIdent) -> Expr {
        let at = self.token(ident.span);
        self.seen.set(at);
        if let Some(Part::Query { open, paren, close }) = self.parts.get(&at) {
            return self.subquery(*open, *paren, *close);
        }
        let token = &self.tokens[at];
        Expr {
            span: token.span,
            node: bare_word(token).unwrap_or(ExprNode::Other(Vec::new())),
        }
    }

    fn subquery(&self, open: usize, paren: usize, close: usize) -> Expr {
        self.seen.set(close);
        let span = self.tokens[open].span.cover(self.tokens[close].span);
        let subquery = Expr {
            span,
            node: ExprNode::Subquery {
                query: Box::new(self.reader.query(&self.tokens[paren + 1..close])),
                exists: self.word_at(open, &["EXISTS"]),
            },
        };
        if !self.word_at(open, &["ARRAY"]) {
            return subquery;
        }
        Expr {
            span,
            node: ExprNode::Array(vec![subquery]),
        }
    }

    fn column(&self, parts: &[SqlIdent]) -> Expr {
        let parts = super::exact(parts.iter().filter_map(|part| self.ident(part)));
        if parts.is_empty() {
            return self.reader.opaque_expr(self.tokens);
        }
        let name = Name { parts };
        Expr {
            span: name.span(),
            node: ExprNode::Column(name),
        }
    }

    fn value(&self, value: &Value, span: SqlSpan) -> Expr {
        let at = self.token(span);
        let token = &self.tokens[at];
        let mut cursor = Cursor::new(self.reader.text, &self.tokens[at..]);
        // A string constant may go on in further tokens.
        let string = cursor.string().ok();
        let read = self.tokens.len() - at - cursor.rest().len();
        self.seen.set(at + read.saturating_sub(1));
        let node = match (string, value) {
            (Some((value, _)), _) => ExprNode::String(value),
            (None, Value::Null) => ExprNode::Null,
            (None, Value::Boolean(value)) => ExprNode::Bool(*value),
            (None, _) => constant(token, self.reader.text).unwrap_or(ExprNode::Other(Vec::new())),
        };
        Expr {
            span: token.span.cover(self.tokens[self.seen.get()].span),
            node,
        }
    }

    // ---- operators -----------------------------------------------------------------------------------------------

    fn operator(&self, name: &str, operands: &[&SqlExpr]) -> Expr {
        let operands: Vec<Expr> = operands.iter().map(|operand| self.expr(operand)).collect();
        let span = operands
            .iter()
            .map(|operand| operand.span)
            .reduce(Span::cover)
            .unwrap_or(self.whole());
        Expr {
            span,
            node: operator(name, operands),
        }
    }

    fn pattern(&self, name: &str, negated: bool, expr: &SqlExpr, pattern: &SqlExpr, escape: Option<&SqlExpr>) -> Expr {
        let all: Vec<&SqlExpr> = [expr, pattern].into_iter().chain(escape).collect();
        self.operator(negatable(name, negated), &all)
    }

    fn is_null(&self, inner: &SqlExpr, not: bool) -> Expr {
        let inner = self.expr(inner);
        Expr {
            span: self.with_predicate(inner.span),
            node: ExprNode::IsNull {
                expr: Box::new(inner),
                not,
            },
        }
    }

    fn postfix(&self, name: &str, inner: &SqlExpr) -> Expr {
        let inner = self.expr(inner);
        Expr {
            span: self.with_predicate(inner.span),
            node: operator(name, vec![inner]),
        }
    }

    /// Wider by the words of `IS NOT NULL` and its like.
    fn with_predicate(&self, span: Span) -> Span {
        let mut end = self.last(span);
        while self.word_at(
            end + 1,
            &[
                "IS",
                "NOT",
                "NULL",
                "TRUE",
                "FALSE",
                "UNKNOWN",
                "ISNULL",
                "NOTNULL",
                "JSON",
                "NORMALIZED",
            ],
        ) {
            end += 1;
        }
        self.seen.set(end);
        span.cover(self.tokens[end].span)
    }

    fn in_list(&self, expr: &SqlExpr, list: &[SqlExpr], negated: bool) -> Expr {
        let expr = self.expr(expr);
        let mut list: Vec<Expr> = list.iter().map(|item| self.expr(item)).collect();
        if let [
            Expr {
                node: ExprNode::Subquery { exists: false, .. },
                ..
            },
        ] = list.as_slice()
            && let Some(subquery) = list.pop()
        {
            return in_subquery(expr, subquery, negated);
        }
        let span = expr.span.cover(self.group_around(&list, &[]));
        let operands = std::iter::once(expr).chain(list).collect();
        Expr {
            span,
            node: operator(negatable("IN", negated), operands),
        }
    }

    fn quantified(&self, left: &SqlExpr, op: &BinaryOperator, quantifier: &str, right: &SqlExpr) -> Expr {
        let left = self.expr(left);
        let right = self.expr(right);
        if matches!(right.node, ExprNode::Subquery { exists: false, .. }) {
            return in_subquery(left, right, false);
        }
        let right_end = self.group_around(std::slice::from_ref(&right), &["ANY", "SOME", "ALL"]);
        Expr {
            span: left.span.cover(right_end),
            node: operator(&format!("{op} {quantifier}"), vec![left, right]),
        }
    }

    fn unary(&self, op: UnaryOperator, inner: &SqlExpr) -> Expr {
        let inner = self.expr(inner);
        let span = match self.first(inner.span).checked_sub(1) {
            Some(before) if !matches!(self.tokens[before].token, SqlToken::LParen) => {
                inner.span.cover(self.tokens[before].span)
            }
            _ => inner.span,
        };
        let node = match (op, inner.node) {
            (UnaryOperator::Not, node) => ExprNode::Not(Box::new(Expr { node, ..inner })),
            (UnaryOperator::Minus, ExprNode::Number(number)) => ExprNode::Number(format!("-{number}").into()),
            (_, node) => operator(&op.to_string(), vec![Expr { node, ..inner }]),
        };
        Expr { span, node }
    }

    // ---- casts ---------------------------------------------------------------------------------------------------

    fn cast(&self, kind: &CastKind, inner: &SqlExpr, data_type: &DataType) -> Expr {
        let inner = self.expr(inner);
        if let Some(Part::Collation(name)) = self.part_of(data_type) {
            self.seen.set(self.last(*name));
            return Expr {
                span: inner.span.cover(*name),
                node: ExprNode::Other(vec![inner]),
            };
        }
        let ty = self.ty(data_type);
        let mut span = inner.span.cover(ty.span);
        if *kind == CastKind::Cast {
            let close = self.last(ty.span) + 1;
            let open = self.groups.partner(close).and_then(|open| open.checked_sub(1));
            if let Some(open) = open.filter(|open| self.word_at(*open, &["CAST"])) {
                span = self.tokens[open].span.cover(self.tokens[close].span);
            }
        }
        self.seen.set(self.last(span));
        Expr {
            span,
            node: ExprNode::Cast {
                expr: Box::new(inner),
                ty: Box::new(ty),
            },
        }
    }

    /// What the placeholder in the place of a type stands for.
    fn part_of(&self, data_type: &DataType) -> Option<&Part> {
        let DataType::Custom(ObjectName(parts), _) = data_type else {
            return None;
        };
        let [ObjectNamePart::Identifier(ident)] = parts.as_slice() else {
            return None;
        };
        self.parts.get(&self.token(ident.span))
    }

    fn ty(&self, data_type: &DataType) -> TypeName {
        if let Some(Part::Type(ty)) = self.part_of(data_type) {
            return ty.clone();
        }
        // No form that the feed lets through reaches this; sqlparser's spelling of the type is the best guess.
        let text = data_type.to_string();
        let tokens = tokenize(&text);
        let read = type_name(&mut Cursor::new(&text, &tokens.tokens));
        let mut ty = read.unwrap_or_else(|_| TypeName {
            name: Name::bare(Ident::generated(&text)),
            modifiers: Vec::new(),
            dimensions: 0,
            setof: false,
            percent_type: false,
            fields: None,
            span: Span::default(),
        });
        for part in &mut ty.name.parts {
            part.span = self.whole();
        }
        ty.span = self.whole();
        ty
    }

    // ---- calls ---------------------------------------------------------------------------------------------------

    /// `extract(… from …)` and its like, whose arguments lead to the parenthesis and the name before it.
    fn special_call(&self, arguments: &[&SqlExpr]) -> Expr {
        let arguments: Vec<Expr> = arguments.iter().map(|argument| self.expr(argument)).collect();
        let open = arguments
            .iter()
            .find_map(|argument| self.groups.parent(self.first(argument.span)));
        let name = open
            .and_then(|open| open.checked_sub(1))
            .and_then(|at| ident_of(&self.tokens[at]));
        let (Some(open), Some(name)) = (open, name) else {
            return self.around(arguments, ExprNode::Other);
        };
        let close = self.groups.partner(open).unwrap_or(open);
        self.seen.set(close);
        Expr {
            span: name.span.cover(self.tokens[close].span),
            node: call(Name::bare(name), arguments),
        }
    }

    fn function(&self, function: &Function) -> Expr {
        let Some(name) = self.name(&function.name) else {
            return self.reader.opaque_expr(self.tokens);
        };
        let after = self.last(name.span()) + 1;
        let mut span = name.span();
        let mut extra = Vec::new();
        let mut arguments = Vec::new();
        if let FunctionArguments::List(list) = &function.args {
            arguments = list.args.iter().map(|argument| self.argument(argument)).collect();
            for clause in &list.clauses {
                match clause {
                    FunctionArgumentClause::OrderBy(keys) => extra.extend(self.sort_keys(keys)),
                    FunctionArgumentClause::Where(expr) | FunctionArgumentClause::Limit(expr) => {
                        extra.push(self.expr(expr));
                    }
                    _ => {}
                }
            }
        }
        if let Some(close) = self.groups.partner(after) {
            span = span.cover(self.tokens[close].span);
            self.seen.set(close);
        }
        extra.extend(self.sort_keys(&function.within_group));
        extra.extend(function.filter.iter().map(|filter| self.expr(filter)));
        if let Some(WindowType::WindowSpec(window)) = &function.over {
            extra.extend(window.partition_by.iter().map(|key| self.expr(key)));
            extra.extend(self.sort_keys(&window.order_by));
        }
        if name.is("row") && function.over.is_none() && self.word_at(self.first(name.span()), &["ROW"]) {
            return Expr {
                span,
                node: ExprNode::Row(arguments),
            };
        }
        let call = Expr {
            span,
            node: ExprNode::Call {
                name,
                arguments,
                window: function.over.is_some(),
            },
        };
        if extra.is_empty() {
            return call;
        }
        extra.insert(0, call);
        self.around(extra, ExprNode::Other)
    }

    fn sort_keys(&self, keys: &[OrderByExpr]) -> Vec<Expr> {
        keys.iter().map(|key| self.expr(&key.expr)).collect()
    }

    fn argument(&self, argument: &FunctionArg) -> Expr {
        let (FunctionArg::Named { arg, .. } | FunctionArg::ExprNamed { arg, .. } | FunctionArg::Unnamed(arg)) =
            argument;
        match arg {
            FunctionArgExpr::Expr(expr) => self.expr(expr),
            FunctionArgExpr::QualifiedWildcard(name) => {
                let name = self.name(name);
                Expr {
                    span: name.as_ref().map_or(self.whole(), Name::span),
                    node: ExprNode::Star(name),
                }
            }
            FunctionArgExpr::Wildcard | FunctionArgExpr::WildcardWithOptions(_) => {
                let from = self.seen.get();
                let star = (from..self.tokens.len()).find(|at| self.tokens[*at].token == SqlToken::Mul);
                Expr {
                    span: star.map_or(self.whole(), |at| self.tokens[at].span),
                    node: ExprNode::Star(None),
                }
            }
        }
    }

    // ---- arrays, fields, subscripts ------------------------------------------------------------------------------

    fn array(&self, array: &Array) -> Expr {
        let start = self.seen.get();
        let elements: Vec<Expr> = array.elem.iter().map(|element| self.expr(element)).collect();
        let span = if elements.is_empty() {
            let open = (start..self.tokens.len())
                .find(|at| self.tokens[*at].token == SqlToken::LBracket && self.groups.partner(*at) == Some(at + 1));
            open.map_or(self.whole(), |open| {
                self.seen.set(open + 1);
                let word = open.checked_sub(1).filter(|at| self.word_at(*at, &["ARRAY"]));
                self.tokens[word.unwrap_or(open)].span.cover(self.tokens[open + 1].span)
            })
        } else {
            self.group_around(&elements, &["ARRAY"])
        };
        Expr {
            span,
            node: ExprNode::Array(elements),
        }
    }

    /// `root.field[1].field`
    fn access(&self, root: &SqlExpr, chain: &[AccessExpr]) -> Expr {
        let mut current = self.expr(root);
        let mut is_name = matches!(root, SqlExpr::Identifier(_) | SqlExpr::CompoundIdentifier(_));
        for step in chain {
            let (mut field, mut arguments) = (None, Vec::new());
            match step {
                AccessExpr::Dot(SqlExpr::Identifier(ident)) => field = self.ident(ident),
                AccessExpr::Dot(other) => arguments.push(self.expr(other)),
                AccessExpr::Subscript(Subscript::Index { index }) => arguments.push(self.expr(index)),
                AccessExpr::Subscript(Subscript::Slice {
                    lower_bound,
                    upper_bound,
                    stride,
                }) => {
                    let bounds = [lower_bound, upper_bound, stride];
                    arguments.extend(bounds.into_iter().flatten().map(|bound| self.expr(bound)));
                }
            }
            let mut end = arguments
                .iter()
                .map(|argument| argument.span)
                .fold(current.span, Span::cover);
            if let Some(field) = &field {
                end = field.span;
            }
            let bracket = self.last(current.span) + 1;
            if let Some(close) = self.groups.partner(bracket).filter(|close| *close > bracket) {
                end = self.tokens[close].span;
                self.seen.set(close);
            }
            let span = current.span.cover(end);
            if let (true, ExprNode::Column(name), Some(field)) = (is_name, &mut current.node, &field) {
                name.parts.push(field.clone());
                current.span = span;
                continue;
            }
            is_name = false;
            current = Expr {
                span,
                node: ExprNode::Access {
                    expr: Box::new(current),
                    field,
                    arguments,
                },
            };
        }
        current
    }
}

fn negatable(name: &str, negated: bool) -> &str {
    match (name, negated) {
        ("IN", true) => "NOT IN",
        ("BETWEEN", true) => "NOT BETWEEN",
        ("LIKE", true) => "NOT LIKE",
        ("ILIKE", true) => "NOT ILIKE",
        ("SIMILAR TO", true) => "NOT SIMILAR TO",
        _ => name,
    }
}

fn in_subquery(expr: Expr, subquery: Expr, negated: bool) -> Expr {
    let span = expr.span.cover(subquery.span);
    let ExprNode::Subquery { query, .. } = subquery.node else {
        return subquery;
    };
    let within = Expr {
        span,
        node: ExprNode::InSubquery {
            expr: Box::new(expr),
            query,
        },
    };
    if !negated {
        return within;
    }
    Expr {
        span,
        node: ExprNode::Not(Box::new(within)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tokens::tokenize;
    use super::super::expr;
    use super::*;

    fn read(text: &str) -> Expr {
        expr(text, &tokenize(text).tokens)
    }

    /// The tree on one line: `name(arguments)`, casts as `::`, spans left out.
    fn show(expr: &Expr) -> String {
        let inside = expr
            .children()
            .iter()
            .map(|child| show(child))
            .collect::<Vec<_>>()
            .join(" ");
        match &expr.node {
            ExprNode::Null => "null".into(),
            ExprNode::Bool(value) => value.to_string(),
            ExprNode::Number(number) => number.to_string(),
            ExprNode::String(value) => format!("'{value}'"),
            ExprNode::Column(name) => name.to_string(),
            ExprNode::Parameter => "$".into(),
            ExprNode::Star(of) => format!("{}*", of.as_ref().map(|of| format!("{of}.")).unwrap_or_default()),
            ExprNode::Call { name, window, .. } => format!("{name}({inside}){}", if *window { " over" } else { "" }),
            ExprNode::Cast { ty, .. } => {
                let fields = ty
                    .fields
                    .as_ref()
                    .map(|fields| format!(" {fields}"))
                    .unwrap_or_default();
                format!("{inside}::{}{}{fields}", ty.name, "[]".repeat(ty.dimensions.into()))
            }
            ExprNode::Not(_) => format!("(not {inside})"),
            ExprNode::And(..) => format!("(and {inside})"),
            ExprNode::Or(..) => format!("(or {inside})"),
            ExprNode::IsNull { not, .. } => format!("({} {inside})", if *not { "notnull" } else { "isnull" }),
            ExprNode::Operator { name, .. } => format!("({name} {inside})"),
            ExprNode::Case(_) => format!("case({inside})"),
            ExprNode::Array(_) => format!("array[{inside}]"),
            ExprNode::Row(_) => format!("row({inside})"),
            ExprNode::Subquery { exists, .. } => if *exists { "exists" } else { "query" }.into(),
            ExprNode::InSubquery { .. } => format!("({inside} in query)"),
            ExprNode::Access { field, arguments, .. } => match field {
                Some(field) => format!("{inside}.{field}"),
                None => format!("[{inside}]/{}", arguments.len()),
            },
            ExprNode::Other(_) => format!("other({inside})"),
            ExprNode::Opaque { columns, calls } => format!("opaque({columns:?} {calls:?})"),
        }
    }

    #[track_caller]
    fn reads(text: &str, tree: &str) {
        let expr = read(text);
        assert_eq!(show(&expr), tree, "{text}");
        assert_eq!(expr.span.slice(text), text);
        inside(&expr, text);
    }

    /// Every part lies inside of what holds it.
    fn inside(expr: &Expr, text: &str) {
        for child in expr.children() {
            assert!(
                expr.span.contains(child.span) && !child.span.is_empty(),
                "{:?} in {:?}",
                child.span.slice(text),
                expr.span.slice(text)
            );
            inside(child, text);
        }
    }

    #[test]
    fn constants_and_names() {
        reads("-5", "-5");
        reads("'it''s'", "'it's'");
        reads("E'a\\tb'", "'a\tb'");
        reads("'a'\n'b'", "'ab'");
        reads("f('a'\n'b', $1)", "f('ab' $)");
        reads("s.t.\"C\"", "s.t.C");
        reads("true", "true");
        reads("default", "other()");
    }

    #[test]
    fn keyword_functions_are_calls() {
        reads("current_user", "current_user()");
        reads("a = current_schema", "(= a current_schema())");
        reads("now() - current_timestamp(3)", "(- now() current_timestamp(3))");
        reads(
            "coalesce(a, greatest(1, b), nullif(c, ''))",
            "coalesce(a greatest(1 b) nullif(c ''))",
        );
        reads("extract(year from a)", "extract(a)");
        reads("extract(epoch from (now() - a))", "extract((- now() a))");
        reads("substring(a from 2 for 3)", "substring(a 2 3)");
        reads("position('x' in lower(a))", "position('x' lower(a))");
        reads("trim(both ' ' from a)", "trim(' ' a)");
        reads("length(trim(both from a))", "length(trim(a))");
        reads("overlay(a placing b from 1)", "overlay(a b 1)");
        reads("floor(a) + ceil(b)", "(+ floor(a) ceil(b))");
    }

    #[test]
    fn casts_carry_their_own_types() {
        reads("a::varchar(10)[]", "a::character varying[]");
        reads("cast(a as double precision)", "a::double precision");
        reads("cast(cast(a as text) as s.t)", "a::text::s.t");
        reads(
            "timestamp with time zone '2020-01-01'",
            "'2020-01-01'::timestamp with time zone",
        );
        reads("interval '1' day to second", "'1'::interval day to second");
        reads("now() - interval '1 day'", "(- now() '1 day'::interval)");
        reads("daterange 'empty' && x", "(&& 'empty'::daterange x)");
        reads("'{}'::jsonb || a", "(|| '{}'::jsonb a)");
        reads("array[]::text[]", "array[]::text[]");
        let text = "x + CAST ( a AS text )";
        let tree = read(text);
        assert_eq!(tree.children()[1].span.slice(text), "CAST ( a AS text )");
    }

    #[test]
    fn conditions() {
        reads("a and b or not c", "(or (and a b) (not c))");
        reads("(a or b) and c is not null", "(and (or a b) (notnull c))");
        reads("a isnull", "(isnull a)");
        reads(
            "a is distinct from b and c is true",
            "(and (IS DISTINCT FROM a b) (IS TRUE c))",
        );
        reads("a not like '%x' escape '\\'", "(NOT LIKE a '%x' '\\')");
        reads("a in (1, 2)", "(IN a 1 2)");
        reads("a not between symmetric 1 and 2 and b", "(and (NOT BETWEEN a 1 2) b)");
        reads("a = any (array['x', 'y'])", "(= ANY a array['x' 'y'])");
        reads(
            "a is null or a <> all ('{}'::int[])",
            "(or (isnull a) (<> ALL a '{}'::integer[]))",
        );
    }

    #[test]
    fn operators_of_extensions_and_schemas() {
        reads("a <=> b", "(<=> a b)");
        reads("a <-> '[1,2]'::vector", "(<-> a '[1,2]'::vector)");
        reads("a ->> 'x' = 'y'", "(= (->> a 'x') 'y')");
        reads("a @> b", "(@> a b)");
        reads("a ? 'x'", "(? a 'x')");
        reads("a ~* '^x'", "(~* a '^x')");
        reads("a at time zone 'utc'", "other(a 'utc')");
        reads("a collate \"C\" < b", "(< other(a) b)");
        reads("a::text collate \"C\" < b", "(< other(a::text) b)");
    }

    #[test]
    fn subqueries_are_read_by_the_query_reader() {
        reads("a in (select 1)", "(a in query)");
        reads("a not in (select 1)", "(not (a in query))");
        reads("a = any (values (1), (2))", "(a in query)");
        reads(
            "exists (select 1 from t) and not exists (with x as (select 1) select 2)",
            "(and exists (not exists))",
        );
        reads("array(select 1) || (select 2) + 1", "(|| array[query] (+ query 1))");
        reads("((select 1) union select 2)", "query");
        reads("((select 1) + 1)", "(+ query 1)");
    }

    #[test]
    fn arrays_rows_and_fields() {
        reads("array[[1, 2], [3]]", "array[array[1 2] array[3]]");
        reads("a[1]", "[a 1]/1");
        reads("a.b[1][2:3]", "[[a.b 1]/1 2 3]/2");
        reads("(a).b", "a.b");
        reads("(f(x)).b.c", "f(x).b.c");
        reads("row(1, a)", "row(1 a)");
        reads("(1, a) = (b, 2)", "(= row(1 a) row(b 2))");
        reads("case a when 1 then b else c end", "case(a 1 b c)");
    }

    #[test]
    fn aggregates_and_windows() {
        reads("count(*)", "count(*)");
        reads("count(distinct a)", "count(a)");
        reads(
            "row_number() over (partition by a order by b)",
            "other(row_number() over a b)",
        );
        reads("sum(a) over w", "sum(a) over");
        reads("array_agg(a order by b) filter (where c)", "other(array_agg(a) b c)");
        reads(
            "percentile_cont(0.5) within group (order by a)",
            "other(percentile_cont(0.5) a)",
        );
        reads("f(variadic a)", "f(a)");
        reads("f((select auth.uid()))", "f(query)");
        reads("f(a => 1, b := 2)", "f(1 2)");
    }

    #[test]
    fn what_sqlparser_rejects_is_read_in_parts() {
        let text = "a = 1 and b is document and c";
        let ExprNode::And(left, right) = read(text).node else {
            panic!("{text}")
        };
        assert_eq!(show(&right), "c");
        let ExprNode::And(left, _) = left.node else {
            panic!("{text}")
        };
        assert_eq!(show(&left), "(= a 1)");
    }

    #[test]
    fn sub_expressions_have_their_own_spans() {
        let text = "f(a, g( b )) is not null and ( x + -1 ) > 2";
        let tree = read(text);
        let parts: Vec<&str> = tree.children().iter().map(|part| part.span.slice(text)).collect();
        assert_eq!(parts, ["f(a, g( b )) is not null", "( x + -1 ) > 2"]);
        let sum = tree.children()[1].children()[0].children()[1].span.slice(text);
        assert_eq!(sum, "-1");
    }
}
