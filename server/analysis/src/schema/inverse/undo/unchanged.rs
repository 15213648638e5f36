//! Statements that change nothing that the catalog holds.

use super::Undoing;
use super::calls::{Calls, Effect};
use super::known::{position, position_moved};
use crate::schema::inverse::Piece;
use crate::schema::inverse::print::quote_ident;
use crate::schema::inverse::recreate::Pieces;
use crate::sql;
use crate::sql::statement::{AlterActionKind, AlterObject, AlterRole, Node};

impl Undoing<'_, '_> {
    pub(crate) fn unchanged(&self, out: &mut Pieces) {
        let step = self.moment.step;
        if step.statement.span != step.outer.span {
            return self.unchanged_inside(out);
        }
        let lower = self.text_of_step().to_ascii_lowercase();
        if lower.contains("if not exists") || lower.contains("if exists") {
            return;
        }
        let todo = match &step.statement.node {
            Node::Query(query) => match self.calls().of_query(query) {
                Effect::Nothing => None,
                Effect::Position => return out.push(position_moved()),
                Effect::Followed | Effect::Anything => Some("undo what the functions did that this calls".to_owned()),
            },
            Node::AlterRole {
                action: AlterRole::Set(set),
                ..
            } => Some(format!("set {} back to what it was", set.name)),
            Node::AlterExtension { name, .. } => Some(format!(
                "bring extension {} back: extensions have no way back to an older version",
                name.value
            )),
            Node::AlterRole { .. }
            | Node::AlterDatabase { .. }
            | Node::AlterSystem
            | Node::CreateDatabase { .. }
            | Node::DropDatabase { .. }
            | Node::CreateTablespace { .. }
            | Node::CreateSubscription { .. }
            | Node::ReassignOwned { .. }
            | Node::SecurityLabel { .. }
            | Node::Call { .. }
            | Node::Copy(_)
            | Node::Merge(_)
            | Node::Insert(_)
            | Node::Update(_)
            | Node::Delete(_)
            | Node::Templated { .. }
            | Node::Unknown { .. }
            | Node::AlterSequence(_) => Some("undo this by hand".to_owned()),
            Node::Grant(_) | Node::GrantRole(_) => Some("give back the privileges of before".to_owned()),
            Node::Comment { .. } => Some("bring back the comment of before".to_owned()),
            Node::AlterTable(alter) => {
                let settled = alter
                    .actions
                    .iter()
                    .all(|action| !matches!(action.kind, AlterActionKind::ForeignOptions | AlterActionKind::Unknown));
                (!settled).then(|| "undo this by hand".to_owned())
            }
            Node::AlterObject {
                action: AlterObject::Other | AlterObject::DependsOnExtension { .. } | AlterObject::Enable(_),
                ..
            } => Some("undo this by hand".to_owned()),
            Node::AlterEventTrigger { name, action } => {
                let verb = match action {
                    AlterObject::Enable(sql::statement::TriggerMode::Disable) => "enable",
                    AlterObject::Enable(sql::statement::TriggerMode::Enable) => "disable",
                    _ => "",
                };
                if verb.is_empty() {
                    Some("undo this by hand".to_owned())
                } else {
                    out.say(format!("alter event trigger {} {verb};", quote_ident(&name.value)));
                    None
                }
            }
            _ => None,
        };
        // A sequence's position is data.
        if let Node::AlterSequence(alter) = &step.statement.node
            && alter
                .options
                .iter()
                .all(|option| matches!(option, sql::statement::SequenceOption::Restart(_)))
        {
            let name = alter.name.last().value.clone();
            return out.push(position(&format!("the position of sequence {name} is gone")));
        }
        if let Some(todo) = todo {
            out.push(Piece::impossible(&todo));
        }
    }

    /// The same of a statement in a body: what replay followed has changes of its own.
    fn unchanged_inside(&self, out: &mut Pieces) {
        let Node::Query(query) = &self.moment.step.statement.node else {
            return;
        };
        if self.calls().of_query(query) == Effect::Anything {
            out.push(Piece::impossible("undo what the functions did that this calls"));
        }
    }

    fn calls(&self) -> Calls<'_> {
        Calls {
            catalog: self.moment.before,
            session: self.moment.session,
            postgres: self.postgres,
        }
    }
}
