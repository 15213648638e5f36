//! What a query does besides reading: `set_config`, and the few functions that change the catalog.

use super::Resolver;
use super::depend::walk;
use crate::schema::change::{Change, Taint};
use crate::sql::statement::{Expr, ExprNode, Query, QueryBody, SelectItem, SetVariable};
use crate::text::Span;

/// `SELECT set_config('search_path', …, …)` acts like SET. Calls of the history's own volatile functions may do
/// anything that their bodies do; only those whose name says that they change the schema are taken to.
pub(crate) fn query(resolver: &mut Resolver<'_>, query: &Query) {
    let QueryBody::Select(select) = &query.body else { return };
    for item in &select.items {
        let SelectItem::Expr { expr, .. } = item else { continue };
        let mut calls: Vec<Expr> = Vec::new();
        walk(expr, &mut |expr| {
            if matches!(expr.node, ExprNode::Call { .. }) {
                calls.push(expr.clone());
            }
        });
        calls.iter().for_each(|call| effect(resolver, call));
    }
}

fn effect(resolver: &mut Resolver<'_>, call: &Expr) {
    let ExprNode::Call { name, arguments, .. } = &call.node else {
        return;
    };
    let text = |at: usize| match arguments.get(at).map(|argument| &argument.node) {
        Some(ExprNode::String(text)) => Some(text.clone()),
        _ => None,
    };
    match name.last().value.as_str() {
        "set_config" => {
            if let (Some(name), Some(value)) = (text(0), text(1)) {
                let values = if value.is_empty() { vec!["".into()] } else { vec![value] };
                let set = SetVariable {
                    name: name.to_ascii_lowercase().into(),
                    local: false,
                    values: Some(values),
                    span: Span::default(),
                };
                resolver.set(&set);
            }
        }
        "create_parent" | "create_hypertable" | "create_distributed_table" | "addgeometrycolumn" => {
            resolver.emit(Change::Taint(Taint::Everything));
        }
        _ => {}
    }
}
