//! What reading and writing rows locks beside the tables that it names. None of it is stronger than ROW EXCLUSIVE, and
//! what depends on the rows that are found is left out.

use super::{LockMode, Pricing, referenced};
use crate::schema::lookup::Lookup;
use crate::schema::objects::{Constraint, Id, RelationKind};
use crate::sql::name::Ident;
use crate::sql::statement::{ExprNode, FromItem, Insert, Query, QueryBody, Statement};

impl Pricing<'_> {
    /// Sequences that move, and tables whose rows are locked.
    pub(super) fn query(&mut self, query: &Query, statement: &Statement, lookup: &Lookup<'_>) {
        for id in lookup.dependencies(statement).relations {
            let relation = self.before().relations.get(&id);
            if relation.is_some_and(|relation| matches!(relation.kind, RelationKind::Sequence(_))) {
                self.lock(&id, LockMode::RowExclusive);
            }
        }
        let QueryBody::Select(select) = &query.body else { return };
        if let Some(of) = &query.row_locks {
            select.from.iter().for_each(|item| self.locked_rows(item, of, lookup));
        }
    }

    fn locked_rows(&mut self, item: &FromItem, of: &[Ident], lookup: &Lookup<'_>) {
        match item {
            FromItem::Relation { name, alias, .. } => {
                let is_meant = of.is_empty() || of.contains(alias.as_ref().unwrap_or(name.last()));
                if let Some(id) = lookup.relation(name).filter(|_| is_meant) {
                    self.lock(&id, LockMode::RowShare);
                }
            }
            FromItem::Join { left, right, .. } => {
                self.locked_rows(left, of, lookup);
                self.locked_rows(right, of, lookup);
            }
            FromItem::Function { .. } | FromItem::Subquery { .. } => {}
        }
    }

    /// The sequences of columns that get their default, and the tables that new keys refer to.
    pub(super) fn insert(&mut self, insert: &Insert, lookup: &Lookup<'_>) {
        let rows = match insert.source.as_ref().map(|query| &query.body) {
            None => &[][..],
            Some(QueryBody::Values(rows)) => rows,
            Some(_) => return,
        };
        let Some(id) = lookup.relation(&insert.table) else {
            return;
        };
        let catalog = self.moment.before;
        let Some(table) = catalog.table(&id) else { return };
        let width = rows.first().map_or(0, Vec::len);
        // Where the value of a column stands in each row.
        let place = |name: &str| match insert.columns.as_slice() {
            [] => table
                .columns
                .iter()
                .position(|column| column.name == name)
                .filter(|at| *at < width),
            columns => columns.iter().position(|column| column.value == name),
        };
        for column in table.columns.iter().filter(|column| place(&column.name).is_none()) {
            if column.identity.is_some()
                || column
                    .default_text
                    .as_ref()
                    .is_some_and(|text| text.contains("nextval"))
            {
                for sequence in self.sequences_of(&id, &column.name) {
                    self.lock(&sequence, LockMode::RowExclusive);
                }
            }
        }
        let is_given = |constraint: &&Constraint| {
            let has_value = |name: &smol_str::SmolStr| {
                let at = place(name);
                let value = |row: &Vec<_>| at.and_then(|at| row.get(at)).is_some_and(is_value);
                rows.iter().any(value)
            };
            !constraint.deferred && constraint.columns.iter().all(has_value)
        };
        let keys = table
            .constraints
            .iter()
            .map(|own| &**own)
            .filter(is_given)
            .filter_map(referenced);
        let others: Vec<Id> = keys.cloned().collect();
        others.iter().for_each(|id| self.lock(id, LockMode::RowShare));
    }
}

/// Whether a value is not NULL for sure.
fn is_value(expr: &crate::sql::statement::Expr) -> bool {
    matches!(expr.node, ExprNode::Bool(_) | ExprNode::Number(_) | ExprNode::String(_))
}
