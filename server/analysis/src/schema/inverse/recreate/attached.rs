//! What hangs on a relation: triggers, policies, rules.

use super::Recreate;
use crate::schema::change::Key;
use crate::schema::inverse::Piece;
use crate::schema::inverse::print::{self, quote_ident, replaced};
use crate::schema::inverse::words::{in_parentheses, roles, trigger_mode};
use crate::schema::objects::{Id, Policy, Trigger};
use crate::sql;
use crate::sql::statement::{Node, PolicyCommand, TriggerMode};
use crate::text::Span;
use smol_str::SmolStr;

impl Recreate<'_> {
    /// A trigger, with `verb` in front: `create` or `create or replace`.
    pub(crate) fn trigger(&self, table: &Id, trigger: &Trigger, verb: &str) -> Vec<Piece> {
        let mut pieces = vec![self.create_trigger(table, trigger, verb).unwrap_or_else(|| {
            let name = &trigger.name;
            Self::impossible(&format!(
                "create trigger {name} on {table} again: nothing says how it was made"
            ))
        })];
        if trigger.mode != TriggerMode::Enable {
            pieces.push(Piece::lossless(trigger_mode(table, &trigger.name, trigger.mode)));
        }
        let key = Key::Trigger(table.clone(), trigger.name.clone());
        if let Some(text) = &trigger.comment {
            pieces.push(Piece::lossless(self.comment(&key, Some(text))));
        }
        pieces
    }

    pub(crate) fn create_trigger(&self, table: &Id, trigger: &Trigger, verb: &str) -> Option<Piece> {
        let definition = trigger.definition.as_ref()?;
        let text = &*definition.text;
        let file = sql::parse(text);
        let Node::CreateTrigger(create) = &file.statements.first()?.node else {
            return None;
        };
        let start = create.name.span.start as usize;
        let kind = if create.constraint {
            "constraint trigger"
        } else {
            "trigger"
        };
        let function = match self.catalog.overloads(&trigger.function).next() {
            Some(_) => print::id(&trigger.function),
            // One of an extension: found as it was then.
            None => create.function.span().slice(text).to_owned(),
        };
        let offset = u32::try_from(start).ok()?;
        let back = |span: Span| Span {
            start: span.start - offset,
            end: span.end - offset,
        };
        let mut parts = vec![
            (back(create.name.span), quote_ident(&trigger.name)),
            (back(create.table.span()), print::id(table)),
            (back(create.function.span()), function),
        ];
        for (old, new) in create.update_of.iter().zip(&trigger.update_of) {
            parts.push((back(old.span), quote_ident(new)));
        }
        if let Some(when) = &create.when {
            let new = self.new_names(trigger.created, table, Some(&trigger.dependencies));
            parts.push((back(when.span), print::renamed(when.span.slice(text), &new)));
        }
        let sql = format!("{verb} {kind} {};", replaced(&text[start..], parts));
        Some(self.as_defined(sql, definition))
    }

    /// A policy and its comment.
    pub(crate) fn policy(&self, table: &Id, policy: &Policy) -> Vec<Piece> {
        let mut sql = format!("create policy {} on {}", quote_ident(&policy.name), print::id(table));
        if !policy.permissive {
            sql.push_str(" as restrictive");
        }
        let command = match policy.command {
            PolicyCommand::All => None,
            PolicyCommand::Select => Some("select"),
            PolicyCommand::Insert => Some("insert"),
            PolicyCommand::Update => Some("update"),
            PolicyCommand::Delete => Some("delete"),
        };
        if let Some(command) = command {
            sql.push_str(&format!(" for {command}"));
        }
        if policy.roles != ["public"] {
            sql.push_str(&format!(" to {}", roles(&policy.roles)));
        }
        sql.push_str(&self.policy_expressions(table, policy));
        sql.push(';');
        let mut pieces = vec![self.carried(sql)];
        let key = Key::Policy(table.clone(), policy.name.clone());
        if let Some(text) = &policy.comment {
            pieces.push(Piece::lossless(self.comment(&key, Some(text))));
        }
        pieces
    }

    /// `using (…) with check (…)`.
    pub(crate) fn policy_expressions(&self, table: &Id, policy: &Policy) -> String {
        let new = self.new_names(policy.created, table, Some(&policy.dependencies));
        let mut sql = String::new();
        if let Some(using) = &policy.using_text {
            sql.push_str(&format!(" using {}", in_parentheses(&print::renamed(using, &new))));
        }
        if let Some(check) = &policy.check_text {
            sql.push_str(&format!(" with check {}", in_parentheses(&print::renamed(check, &new))));
        }
        sql
    }

    pub(crate) fn rule(&self, table: &Id, name: &SmolStr) -> Vec<Piece> {
        let definitions = &self.catalog.rule_definitions;
        let definition = definitions.get(&(table.clone(), name.clone()));
        let written = definition.and_then(|definition| {
            let text = &*definition.text;
            let file = sql::parse(text);
            let Node::CreateRule {
                name: old, table: on, ..
            } = &file.statements.first()?.node
            else {
                return None;
            };
            let parts = vec![(old.span, quote_ident(name)), (on.span(), print::id(table))];
            Some(self.as_defined(format!("{};", replaced(text, parts)), definition))
        });
        let what = || {
            Self::impossible(&format!(
                "create rule {name} on {table} again: nothing says how it was made"
            ))
        };
        let mut pieces = vec![written.unwrap_or_else(what)];
        if let Some(text) = self.catalog.comments.get(&format!("rule:{table}.{name}")) {
            let key = Key::Rule(table.clone(), name.clone());
            pieces.push(Piece::lossless(self.comment(&key, Some(text))));
        }
        pieces
    }
}
