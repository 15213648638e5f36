//! How many rows a query gives at most, where its text and the catalog say so.

use super::context::Cx;
use crate::schema::lookup::Lookup;
use crate::schema::objects::Id;
use crate::sql::statement::{Cte, Expr, ExprNode, FromItem, Node, Query, QueryBody, Select, SelectItem};

/// Functions of a select list that give one value for each row.
const SINGLE: [&str; 10] = [
    "coalesce",
    "current_date",
    "current_timestamp",
    "gen_random_uuid",
    "lower",
    "max",
    "min",
    "now",
    "upper",
    "uuid_generate_v4",
];

/// Reads queries with the catalog of one moment.
pub(crate) struct Few<'a> {
    lookup: Lookup<'a>,
}

impl<'a> Few<'a> {
    pub(crate) fn new(cx: &Cx<'a>) -> Self {
        Self {
            lookup: Lookup::new(cx.before(), cx.session(), cx.settings.postgres, cx.text()),
        }
    }

    /// The most rows that the query can give; `None` where nobody can tell. `ctes`: those around it, in order.
    pub(crate) fn at_most(&self, query: &Query, ctes: &[&Cte]) -> Option<u64> {
        let ctes: Vec<&Cte> = ctes.iter().copied().chain(&query.ctes).collect();
        let body = match &query.body {
            QueryBody::Select(select) => self.selected(select, &ctes),
            QueryBody::Set(left, right) => {
                let (left, right) = (self.at_most(left, &ctes)?, self.at_most(right, &ctes)?);
                Some(left.saturating_add(right))
            }
            QueryBody::Values(rows) => u64::try_from(rows.len()).ok(),
            QueryBody::Nested(query) => self.at_most(query, &ctes),
            QueryBody::Table(_) | QueryBody::Opaque { .. } => None,
        };
        match (body, query.limit) {
            (Some(rows), Some(limit)) => Some(rows.min(limit)),
            (rows, limit) => rows.or(limit),
        }
    }

    fn selected(&self, select: &Select, ctes: &[&Cte]) -> Option<u64> {
        let is_single = |item: &SelectItem| match item {
            SelectItem::Star(_) => true,
            SelectItem::Expr { expr, .. } => is_single(expr),
        };
        // Grouping sets give a row more than once.
        if !select.rest.is_empty() || !select.items.iter().all(is_single) {
            return None;
        }
        if let [FromItem::Relation { name, alias, .. }] = select.from.as_slice()
            && !ctes.iter().any(|cte| name.is(&cte.name.value))
            && let Some(id) = self.lookup.relation(name)
            && let Some(filter) = &select.filter
            && let Some(rows) = self.looked_up(&id, alias.as_ref().map_or(&*id.name, |alias| alias.as_str()), filter)
        {
            return Some(rows);
        }
        select
            .from
            .iter()
            .try_fold(1_u64, |rows, item| Some(rows.saturating_mul(self.joined(item, ctes)?)))
    }

    /// The rows of an item of FROM.
    fn joined(&self, item: &FromItem, ctes: &[&Cte]) -> Option<u64> {
        match item {
            FromItem::Relation { name, .. } => {
                let at = ctes.iter().rposition(|cte| name.is(&cte.name.value))?;
                let Node::Query(query) = &ctes[at].statement.node else {
                    return None;
                };
                // What it names itself is recursive, or one before it.
                self.at_most(query, &ctes[..at])
            }
            FromItem::Subquery { query, .. } => self.at_most(query, ctes),
            // An outer join also gives the rows that have no partner.
            FromItem::Join { left, right, .. } => {
                let (left, right) = (self.joined(left, ctes)?, self.joined(right, ctes)?);
                Some(left.saturating_add(1).saturating_mul(right.saturating_add(1)))
            }
            FromItem::Function { .. } => None,
        }
    }

    /// The rows of a table that a condition lets through which compares a unique column with constants.
    fn looked_up(&self, table: &Id, alias: &str, filter: &Expr) -> Option<u64> {
        match &filter.node {
            ExprNode::And(left, right) => self
                .looked_up(table, alias, left)
                .or_else(|| self.looked_up(table, alias, right)),
            ExprNode::Operator { name, operands } if name == "=" || name == "IN" => {
                let (column, values) = operands.split_first()?;
                let ExprNode::Column(column) = &column.node else {
                    return None;
                };
                let is_own = column.qualifier().is_none_or(|qualifier| qualifier.value == alias);
                let is_unique = is_own && self.is_unique(table, &column.last().value);
                (is_unique && values.iter().all(is_constant)).then(|| constants(values))
            }
            _ => None,
        }
    }

    /// Whether no two rows of the table have the same value in the column.
    fn is_unique(&self, table: &Id, column: &str) -> bool {
        let mut indexes = self.lookup.catalog().indexes_of(table);
        indexes.any(|(_, index)| {
            let is_alone = index.keys.len() == 1 && index.keys[0].column.as_deref() == Some(column);
            index.unique && index.valid && index.predicate.is_none() && is_alone
        })
    }
}

/// Whether an expression of a select list gives one value: it calls no function that may give many.
fn is_single(expr: &Expr) -> bool {
    let mut single = true;
    crate::schema::resolve::walk(expr, &mut |inner| match &inner.node {
        ExprNode::Call { name, .. } => single &= SINGLE.iter().any(|known| name.is(known)),
        ExprNode::Opaque { .. } => single = false,
        _ => {}
    });
    single
}

/// Whether an expression is a constant, or a list of them.
pub(crate) fn is_constant(expr: &Expr) -> bool {
    match &expr.node {
        ExprNode::Number(_) | ExprNode::String(_) => true,
        ExprNode::Cast { expr, .. } => is_constant(expr),
        ExprNode::Row(all) | ExprNode::Array(all) | ExprNode::Other(all) => all.iter().all(is_constant),
        _ => false,
    }
}

fn constants(values: &[Expr]) -> u64 {
    let count = |value: &Expr| match &value.node {
        ExprNode::Row(all) | ExprNode::Array(all) | ExprNode::Other(all) => constants(all),
        _ => 1,
    };
    values.iter().map(count).sum()
}
