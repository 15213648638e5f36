//! Triggers and event triggers.
//! <https://www.postgresql.org/docs/current/sql-createtrigger.html>

use super::super::cursor::{Cursor, Parsed, Unreadable};
use super::super::name::Name;
use super::super::statement::{AlterObject, CreateTrigger, Node, TriggerMode};
use super::parts::{Attributes, role};

/// Behind `CREATE [OR REPLACE] [CONSTRAINT] TRIGGER`.
pub(crate) fn create(c: &mut Cursor<'_>, or_replace: bool, constraint: bool) -> Parsed<Node> {
    let name = c.ident()?;
    let timing = if c.eat_all(&["INSTEAD", "OF"]) {
        "INSTEAD OF"
    } else {
        c.eat_any(&["BEFORE", "AFTER"]).ok_or(Unreadable)?
    };
    let mut events = Vec::new();
    let mut update_of = Vec::new();
    loop {
        let event = c
            .eat_any(&["INSERT", "UPDATE", "DELETE", "TRUNCATE"])
            .ok_or(Unreadable)?;
        events.push(event.into());
        if event == "UPDATE" && c.eat("OF") {
            update_of = c.idents()?;
        }
        if !c.eat("OR") {
            break;
        }
    }
    c.expect("ON")?;
    let table = c.name()?;
    let from = c.eat("FROM").then(|| c.name()).transpose()?;
    let attributes = Attributes::read(c);
    let mut transition_tables = Vec::new();
    if c.eat("REFERENCING") {
        while c.eat_all(&["OLD", "TABLE"]) || c.eat_all(&["NEW", "TABLE"]) {
            c.eat("AS");
            transition_tables.push(c.ident()?);
        }
    }
    let mut row = false;
    if c.eat("FOR") {
        c.eat("EACH");
        row = c.eat("ROW");
        if !row {
            c.expect("STATEMENT")?;
        }
    }
    let when = c.eat("WHEN").then(|| c.paren_expr()).transpose()?;
    Ok(Node::CreateTrigger(Box::new(CreateTrigger {
        name,
        or_replace,
        constraint,
        timing: timing.into(),
        events,
        update_of,
        table,
        from,
        deferrable: attributes.deferrable,
        initially_deferred: attributes.initially_deferred,
        transition_tables,
        row,
        when,
        function: execute(c)?,
    })))
}

/// `EXECUTE FUNCTION f(arguments)`; the arguments are constants.
fn execute(c: &mut Cursor<'_>) -> Parsed<Name> {
    c.expect("EXECUTE")?;
    c.eat_any(&["FUNCTION", "PROCEDURE"]).ok_or(Unreadable)?;
    let function = c.name()?;
    c.parens()?;
    Ok(function)
}

/// Behind `CREATE EVENT TRIGGER`.
pub(crate) fn create_event(c: &mut Cursor<'_>) -> Parsed<Node> {
    let name = c.ident()?;
    c.expect("ON")?;
    let event = c.ident()?;
    if c.eat("WHEN") {
        loop {
            c.ident()?;
            c.expect("IN")?;
            c.parens()?;
            if !c.eat("AND") {
                break;
            }
        }
    }
    Ok(Node::CreateEventTrigger {
        name,
        event,
        function: execute(c)?,
    })
}

/// Behind `ALTER EVENT TRIGGER`.
pub(crate) fn alter_event(c: &mut Cursor<'_>) -> Parsed<Node> {
    let name = c.ident()?;
    let action = if c.eat("DISABLE") {
        AlterObject::Enable(TriggerMode::Disable)
    } else if c.eat_all(&["ENABLE", "REPLICA"]) {
        AlterObject::Enable(TriggerMode::EnableReplica)
    } else if c.eat_all(&["ENABLE", "ALWAYS"]) {
        AlterObject::Enable(TriggerMode::EnableAlways)
    } else if c.eat("ENABLE") {
        AlterObject::Enable(TriggerMode::Enable)
    } else if c.eat_all(&["OWNER", "TO"]) {
        AlterObject::Owner(role(c)?)
    } else {
        c.expect_all(&["RENAME", "TO"])?;
        AlterObject::Rename(c.ident()?)
    };
    Ok(Node::AlterEventTrigger { name, action })
}

#[cfg(test)]
mod tests {
    use super::super::testing::node;
    use super::*;

    fn trigger(sql: &str) -> CreateTrigger {
        match node(sql) {
            Node::CreateTrigger(trigger) => *trigger,
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[test]
    fn events_columns_and_condition() {
        let sql = "create trigger trg before insert or update of a, b or delete on s.t for each row when (old.* is distinct from new.*) execute function f()";
        let trigger = trigger(sql);
        assert_eq!(trigger.events, ["INSERT", "UPDATE", "DELETE"]);
        assert_eq!(trigger.update_of.len(), 2);
        assert_eq!(trigger.table.span().slice(sql), "s.t");
        assert!(trigger.row && trigger.when.is_some());
    }

    #[test]
    fn constraint_triggers_and_transition_tables() {
        let sql = "create constraint trigger trg after insert on t from u not deferrable initially immediate for each row execute procedure f('x', 1)";
        let constraint = trigger(sql);
        assert_eq!(constraint.deferrable, Some(false));
        assert!(constraint.constraint && constraint.from.is_some());
        let sql = "create or replace trigger trg after update on t referencing old table as o new table n for each statement execute function s.f()";
        let statement = trigger(sql);
        assert_eq!(statement.transition_tables.len(), 2);
        assert!(statement.or_replace && !statement.row);
    }

    #[test]
    fn event_triggers() {
        assert!(matches!(
            node(
                "create event trigger et on ddl_command_end when tag in ('CREATE TABLE') and tag in ('x') execute function f()"
            ),
            Node::CreateEventTrigger { .. }
        ));
        assert!(matches!(
            node("alter event trigger et enable replica"),
            Node::AlterEventTrigger {
                action: AlterObject::Enable(TriggerMode::EnableReplica),
                ..
            }
        ));
    }
}
